/* SPDX-License-Identifier: Apache-2.0 */
#include "base/notice.h"

#include "base/sys.h"
#include "tests/support/support.h"

#include <stdio.h>

struct fixture {
	char *dir;
	char path[512];
	struct or_loop *loop;
	struct or_notice *n;
	int calls;
	struct or_err err;
};

static void on_notice(void *arg)
{
	((struct fixture *)arg)->calls++;
}

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	f->dir = support_tmpdir_new();
	snprintf(f->path, sizeof(f->path), "%s/file", f->dir);
	ASSERT_OK(or_loop_new(&f->loop, NULL, &f->err), &f->err);
	ASSERT_OK(or_notice_new(&f->n, f->loop, on_notice, f, &f->err), &f->err);
	ASSERT_OK(or_notice_add(f->n, f->dir, &f->err), &f->err);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	or_notice_free(f->n);
	or_loop_free(f->loop);
	support_tmpdir_remove(f->dir);
	test_free(f);
	return 0;
}

static void touch(struct fixture *f)
{
	ASSERT_OK(or_sys_write_file(f->path, OR_SLICE_LIT("x"), 0600, &f->err), &f->err);
}

static void on_over(void *arg)
{
	*(bool *)arg = true;
}

static void run_for(struct fixture *f, int64_t ns)
{
	bool over = false;

	or_loop_timer_start(f->loop, ns, on_over, &over);
	while (!over)
		or_loop_turn(f->loop, false);
}

static void notice__is_given_once_for_each_arming(void **state)
{
	struct fixture *f = *state;

	touch(f);
	run_for(f, 20 * OR_NS_PER_MS);
	assert_int_equal(f->calls, 0); /* not armed */
	or_notice_arm(f->n);
	run_for(f, 20 * OR_NS_PER_MS);
	assert_int_equal(f->calls, 0); /* what was before does not count */
	for (int i = 0; i < 20; i++)
		touch(f);
	while (f->calls == 0)
		or_loop_turn(f->loop, false);
	touch(f);
	run_for(f, 20 * OR_NS_PER_MS);
	assert_int_equal(f->calls, 1);
	or_notice_arm(f->n);
	ASSERT_OK(or_sys_unlink(f->path, &f->err), &f->err);
	while (f->calls == 1)
		or_loop_turn(f->loop, false);
}

static void add__says_what_is_no_folder(void **state)
{
	struct fixture *f = *state;

	touch(f);
	ASSERT_CODE(or_notice_add(f->n, f->path, &f->err), OR_IO);
	ASSERT_CODE(or_notice_add(f->n, "/nowhere/at/all", &f->err), OR_IO);
	ASSERT_HAS(f->err.msg, "/nowhere/at/all");
	ASSERT_OK(or_notice_add(f->n, f->dir, &f->err), &f->err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(notice__is_given_once_for_each_arming, setup, teardown),
	    cmocka_unit_test_setup_teardown(add__says_what_is_no_folder, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
