/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/audit/log.h"

#include "base/mem.h"
#include "base/sys.h"
#include "tests/support/support.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#define ORIGIN "outrider/test/shard/0"

struct fixture {
	char *dir;
	struct or_loop *loop;
	struct or_slow *slow;
	struct or_crypto_key *secret;
	struct tl_note_key key;
	struct co_log_opt opt;
	struct co_log *log;
	struct or_err err;
	/* What the callbacks said. */
	size_t calls;
	size_t failed;
	uint64_t firsts[4096];
	char message[OR_ERR_MSG_MAX];
};

static int set_up(void **state)
{
	struct fixture *x = or_mem_new(sizeof(*x));

	x->dir = support_tmpdir_new();
	ASSERT_OK(or_loop_new(&x->loop, NULL, &x->err), &x->err);
	ASSERT_OK(or_slow_new(&x->slow, x->loop, 16, &x->err), &x->err);
	ASSERT_OK(or_crypto_key_new(&x->secret, OR_CRYPTO_ED25519, &x->err), &x->err);
	ASSERT_OK(tl_note_key_init(&x->key, ORIGIN, x->secret, &x->err), &x->err);
	x->opt = (struct co_log_opt){.store = {.dir = x->dir, .origin = ORIGIN, .key = &x->key},
	    .loop = x->loop,
	    .slow = x->slow,
	    .max_pending = 100000};
	ASSERT_OK(co_log_open(&x->log, &x->opt, &x->err), &x->err);
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	or_sys_fault_set(NULL, NULL);
	or_slow_free(x->slow);
	co_log_close(x->log);
	or_loop_free(x->loop);
	tl_note_key_done(&x->key);
	or_crypto_key_free(x->secret);
	support_tmpdir_remove(x->dir);
	or_mem_free(x);
	return 0;
}

static void on_appended(void *arg, enum or_code rc, uint64_t first, const struct or_err *err)
{
	struct fixture *x = arg;

	x->firsts[x->calls++ % OR_LEN(x->firsts)] = first;
	if (rc) {
		x->failed++;
		snprintf(x->message, sizeof(x->message), "%s", err->msg);
	}
}

static void wait_for(struct fixture *x, size_t calls)
{
	while (x->calls < calls)
		or_loop_turn(x->loop, false);
	assert_int_equal(x->calls, calls);
}

static void append__calls_back_in_order_with_the_indexes(void **state)
{
	static const struct or_slice leaves[] = {
	    OR_SLICE_LIT("a"), OR_SLICE_LIT("b"), OR_SLICE_LIT("c")};
	enum { APPENDS = 300 };
	struct fixture *x = *state;
	struct co_log_stats stats;
	uint64_t at = 0;

	for (size_t i = 0; i < APPENDS; i++)
		ASSERT_OK(co_log_append(x->log, leaves, i % 4, on_appended, x, &x->err), &x->err);
	assert_int_equal(x->calls, 0);
	wait_for(x, APPENDS);
	assert_int_equal(x->failed, 0);
	for (size_t i = 0; i < APPENDS; i++) {
		assert_int_equal(x->firsts[i], at);
		at += i % 4;
	}
	assert_int_equal(co_log_size(x->log), at);
	assert_true(co_log_checkpoint(x->log).n > 0);
	co_log_stats(&stats, x->log);
	assert_int_equal(stats.leaves, at);
	assert_int_equal(stats.waiting, 0);
	/* They were collected while the first commit was under way. */
	assert_true(stats.commits < 5);
}

static void on_grown(void *arg)
{
	size_t *n = arg;

	++*n;
}

static void watch__is_called_when_the_log_grew(void **state)
{
	static const struct or_slice leaf[] = {OR_SLICE_LIT("a")};
	struct fixture *x = *state;
	size_t one = 0, two = 0;

	co_log_watch(x->log, on_grown, &one);
	co_log_watch(x->log, on_grown, &two);
	ASSERT_OK(co_log_append(x->log, leaf, 1, on_appended, x, &x->err), &x->err);
	wait_for(x, 1);
	assert_int_equal(one, 1);
	assert_int_equal(two, 1);
	ASSERT_OK(co_log_append(x->log, NULL, 0, on_appended, x, &x->err), &x->err);
	wait_for(x, 2);
	assert_int_equal(one, 1); /* nothing was added */
	co_log_unwatch(x->log, on_grown, &one);
	ASSERT_OK(co_log_append(x->log, leaf, 1, on_appended, x, &x->err), &x->err);
	wait_for(x, 3);
	assert_int_equal(one, 1);
	assert_int_equal(two, 2);
}

static void append__is_bounded(void **state)
{
	struct fixture *x = *state;
	uint8_t *big = or_mem_new(60000);
	struct or_slice leaf = {big, 60000};

	ASSERT_OK(co_log_append(x->log, &leaf, 1, on_appended, x, &x->err), &x->err);
	ASSERT_CODE(co_log_append(x->log, &leaf, 1, on_appended, x, &x->err), OR_FULL);
	wait_for(x, 1);
	ASSERT_OK(co_log_append(x->log, &leaf, 1, on_appended, x, &x->err), &x->err);
	wait_for(x, 2);
	leaf.n = 0;
	ASSERT_CODE(co_log_append(x->log, &leaf, 1, on_appended, x, &x->err), OR_INVAL);
	or_mem_free(big);
}

static pthread_t loop_thread;

static int fail_syncs(void *arg, enum or_sys_op op, size_t *limit)
{
	bool *on = arg;

	(void)limit;
	assert_false(pthread_equal(pthread_self(), loop_thread)); /* nothing blocks on the loop */
	return *on && op == OR_SYS_SYNC ? EIO : 0;
}

static void append__fails_until_the_log_is_opened_again(void **state)
{
	static const struct or_slice leaf[] = {OR_SLICE_LIT("a")};
	struct fixture *x = *state;
	bool on = true;

	loop_thread = pthread_self();
	or_sys_fault_set(fail_syncs, &on);
	ASSERT_OK(co_log_append(x->log, leaf, 1, on_appended, x, &x->err), &x->err);
	ASSERT_OK(co_log_append(x->log, leaf, 1, on_appended, x, &x->err), &x->err);
	ASSERT_CODE(co_log_reopen(x->log, on_appended, x, &x->err), OR_BUSY);
	wait_for(x, 2);
	assert_int_equal(x->failed, 2);
	ASSERT_HAS(x->message, "fdatasync");
	assert_non_null(co_log_trouble(x->log));
	ASSERT_CODE(co_log_append(x->log, leaf, 1, on_appended, x, &x->err), OR_IO);
	/* Still broken: it says so, and may be tried again. */
	ASSERT_OK(co_log_reopen(x->log, on_appended, x, &x->err), &x->err);
	wait_for(x, 3);
	assert_int_equal(x->failed, 3);
	on = false;
	ASSERT_OK(co_log_reopen(x->log, on_appended, x, &x->err), &x->err);
	wait_for(x, 4);
	assert_int_equal(x->failed, 3);
	assert_null(co_log_trouble(x->log));
	ASSERT_OK(co_log_append(x->log, leaf, 1, on_appended, x, &x->err), &x->err);
	wait_for(x, 5);
	assert_int_equal(x->failed, 3);
	/* The first one had reached the file before its fsync failed. */
	assert_int_equal(x->firsts[4] + 1, co_log_size(x->log));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(watch__is_called_when_the_log_grew),
	    T(append__calls_back_in_order_with_the_indexes),
	    T(append__is_bounded),
	    T(append__fails_until_the_log_is_opened_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
