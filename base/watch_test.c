/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sys.h"
#include "base/watch.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <unistd.h>

struct world {
	char *dir;
	char path[512];
	struct or_loop *loop;
	struct or_watch *watch;
	int calls;
};

static void on_change(void *arg)
{
	((struct world *)arg)->calls++;
}

static int make_world(void **state)
{
	struct world *w = test_calloc(1, sizeof(*w));
	struct or_loop_opt clock = {.virtual_clock = true};
	struct or_err err = {0};

	w->dir = support_tmpdir_new();
	snprintf(w->path, sizeof(w->path), "%s/file", w->dir);
	ASSERT_CODE(or_loop_new(&w->loop, &clock, NULL), OR_OK);
	ASSERT_OK(or_watch_start(&w->watch, w->loop, w->path, on_change, w, &err), &err);
	*state = w;
	return 0;
}

static int end_world(void **state)
{
	struct world *w = *state;

	or_watch_cancel(w->watch);
	or_loop_free(w->loop);
	support_tmpdir_remove(w->dir);
	test_free(w);
	return 0;
}

/* inotify reports at once: a turn sees what was done before it. */
static void settle(struct world *w)
{
	or_loop_turn(w->loop, true);
	or_loop_advance(w->loop, OR_WATCH_SETTLE_NS);
}

static void watch__sees_writing_and_replacing(void **state)
{
	struct world *w = *state;
	char other[520];

	ASSERT_CODE(or_sys_write_file(w->path, OR_SLICE_LIT("1"), 0600, NULL), OR_OK);
	settle(w);
	assert_int_equal(w->calls, 1);
	snprintf(other, sizeof(other), "%s.new", w->path);
	ASSERT_CODE(or_sys_write_file(other, OR_SLICE_LIT("2"), 0600, NULL), OR_OK);
	settle(w);
	assert_int_equal(w->calls, 1);
	ASSERT_CODE(or_sys_rename(other, w->path, NULL), OR_OK);
	settle(w);
	assert_int_equal(w->calls, 2);
}

static void watch__calls_once_for_many_writes(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 5; i++) {
		ASSERT_CODE(or_sys_write_file(w->path, OR_SLICE_LIT("x"), 0600, NULL), OR_OK);
		or_loop_turn(w->loop, true);
	}
	assert_int_equal(w->calls, 0);
	or_loop_advance(w->loop, OR_WATCH_SETTLE_NS);
	assert_int_equal(w->calls, 1);
}

static void watch__sees_kubernetes_swap_the_link(void **state)
{
	struct world *w = *state;
	char tmp[520], data[520];

	snprintf(tmp, sizeof(tmp), "%s/..data_tmp", w->dir);
	snprintf(data, sizeof(data), "%s/..data", w->dir);
	assert_int_equal(symlink("elsewhere", tmp), 0);
	assert_int_equal(rename(tmp, data), 0);
	settle(w);
	assert_int_equal(w->calls, 1);
}

static void watch__needs_a_folder(void **state)
{
	struct world *w = *state;
	struct or_watch *none = NULL;
	struct or_err err;

	ASSERT_CODE(
	    or_watch_start(&none, w->loop, "/no/such/folder/file", on_change, w, &err), OR_IO);
	ASSERT_HAS(err.msg, "/no/such/folder");
	assert_null(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		watch__sees_writing_and_replacing, make_world, end_world),
	    cmocka_unit_test_setup_teardown(
		watch__calls_once_for_many_writes, make_world, end_world),
	    cmocka_unit_test_setup_teardown(
		watch__sees_kubernetes_swap_the_link, make_world, end_world),
	    cmocka_unit_test_setup_teardown(watch__needs_a_folder, make_world, end_world),
	};

	return cmocka_run_group_tests_name("base.watch", tests, NULL, NULL);
}
