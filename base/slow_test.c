/* SPDX-License-Identifier: Apache-2.0 */
#include "base/slow.h"

#include "tests/support/support.h"

#include <pthread.h>
#include <semaphore.h>

struct fixture {
	struct or_loop *loop;
	struct or_slow *slow;
	pthread_t loop_thread;
	char worked[16];
	char done[16];
	sem_t gate;
	enum or_code late;
};

struct call {
	struct fixture *f;
	char name;
};

static void work(void *arg)
{
	struct call *c = arg;

	/* Not cmocka's assertions: their jump would leave this thread. */
	OR_ASSERT(!pthread_equal(pthread_self(), c->f->loop_thread));
	c->f->worked[strlen(c->f->worked)] = c->name;
}

static void wait_for_gate(void *arg)
{
	struct call *c = arg;

	sem_wait(&c->f->gate);
	work(arg);
}

static void done(void *arg)
{
	struct call *c = arg;

	assert_true(pthread_equal(pthread_self(), c->f->loop_thread));
	c->f->done[strlen(c->f->done)] = c->name;
}

static void done_submits(void *arg)
{
	struct call *c = arg;

	done(arg);
	c->f->late = or_slow_submit(c->f->slow, work, done, arg);
}

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));
	struct or_err err;

	f->loop_thread = pthread_self();
	sem_init(&f->gate, 0, 0);
	ASSERT_OK(or_loop_new(&f->loop, NULL, &err), &err);
	ASSERT_OK(or_slow_new(&f->slow, f->loop, 3, &err), &err);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	or_slow_free(f->slow);
	or_loop_free(f->loop);
	sem_destroy(&f->gate);
	test_free(f);
	return 0;
}

static void submit__works_elsewhere_and_completes_here_in_order(void **state)
{
	struct fixture *f = *state;
	struct call a = {f, 'a'}, b = {f, 'b'}, c = {f, 'c'};

	ASSERT_CODE(or_slow_submit(f->slow, work, done, &a), OR_OK);
	ASSERT_CODE(or_slow_submit(f->slow, work, NULL, &b), OR_OK);
	ASSERT_CODE(or_slow_submit(f->slow, work, done, &c), OR_OK);
	while (or_slow_queued(f->slow))
		or_loop_turn(f->loop, false);
	assert_string_equal(f->worked, "abc");
	assert_string_equal(f->done, "ac");
}

static void submit__refuses_when_full_until_a_done_has_run(void **state)
{
	struct fixture *f = *state;
	struct call a = {f, 'a'};

	ASSERT_CODE(or_slow_submit(f->slow, wait_for_gate, done, &a), OR_OK);
	ASSERT_CODE(or_slow_submit(f->slow, work, done, &a), OR_OK);
	ASSERT_CODE(or_slow_submit(f->slow, work, done, &a), OR_OK);
	ASSERT_CODE(or_slow_submit(f->slow, work, done, &a), OR_FULL);
	assert_int_equal(or_slow_queued(f->slow), 3);
	sem_post(&f->gate);
	while (or_slow_queued(f->slow) == 3)
		or_loop_turn(f->loop, false);
	ASSERT_CODE(or_slow_submit(f->slow, work, done, &a), OR_OK);
	while (or_slow_queued(f->slow))
		or_loop_turn(f->loop, false);
	assert_string_equal(f->done, "aaaa");
}

static void free__runs_what_is_queued_and_takes_nothing_more(void **state)
{
	struct fixture *f = *state;
	struct call a = {f, 'a'}, b = {f, 'b'};

	ASSERT_CODE(or_slow_submit(f->slow, wait_for_gate, done_submits, &a), OR_OK);
	ASSERT_CODE(or_slow_submit(f->slow, work, done, &b), OR_OK);
	sem_post(&f->gate);
	or_slow_free(f->slow);
	f->slow = NULL;
	assert_string_equal(f->worked, "ab");
	assert_string_equal(f->done, "ab");
	ASSERT_CODE(f->late, OR_CLOSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		submit__works_elsewhere_and_completes_here_in_order, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		submit__refuses_when_full_until_a_done_has_run, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		free__runs_what_is_queued_and_takes_nothing_more, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
