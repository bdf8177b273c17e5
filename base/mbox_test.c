/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mbox.h"

#include "tests/support/support.h"

#include <pthread.h>
#include <sched.h>

enum { SENDERS = 4, PER_SENDER = 5000 };

struct note {
	struct or_mbox_msg msg;
	int sender;
	int number;
};

struct fixture {
	struct or_loop *loop;
	struct or_mbox *mbox;
	int next[SENDERS];
	int got;
};

static void on_note(void *arg, struct or_mbox_msg *msg)
{
	struct fixture *f = arg;
	struct note *n = (struct note *)msg;

	assert_int_equal(n->number, f->next[n->sender]++);
	f->got++;
}

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));
	struct or_err err;

	ASSERT_OK(or_loop_new(&f->loop, NULL, &err), &err);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	or_mbox_free(f->mbox);
	or_loop_free(f->loop);
	test_free(f);
	return 0;
}

struct sender {
	struct or_mbox *mbox;
	struct note notes[PER_SENDER];
};

static void *send_all(void *arg)
{
	struct sender *s = arg;

	for (int i = 0; i < PER_SENDER; i++) {
		while (or_mbox_put(s->mbox, &s->notes[i].msg) == OR_FULL)
			sched_yield();
	}
	return NULL;
}

static void put__from_many_threads_arrives_once_and_in_each_sender_s_order(void **state)
{
	static struct sender senders[SENDERS];
	struct fixture *f = *state;
	pthread_t threads[SENDERS];
	struct or_err err;

	ASSERT_OK(or_mbox_new(&f->mbox, f->loop, 100, on_note, f, &err), &err);
	for (int i = 0; i < SENDERS; i++) {
		senders[i].mbox = f->mbox;
		for (int k = 0; k < PER_SENDER; k++)
			senders[i].notes[k] = (struct note){.sender = i, .number = k};
		assert_int_equal(pthread_create(&threads[i], NULL, send_all, &senders[i]), 0);
	}
	while (f->got < SENDERS * PER_SENDER)
		or_loop_turn(f->loop, false);
	for (int i = 0; i < SENDERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(f->next[i], PER_SENDER);
	}
}

static void put__refuses_when_full_and_a_turn_has_a_budget(void **state)
{
	enum { N = OR_MBOX_BUDGET + 10 };
	struct fixture *f = *state;
	static struct note notes[N + 1];
	struct or_err err;

	ASSERT_OK(or_mbox_new(&f->mbox, f->loop, N, on_note, f, &err), &err);
	for (int i = 0; i < N; i++) {
		notes[i] = (struct note){.number = i};
		ASSERT_CODE(or_mbox_put(f->mbox, &notes[i].msg), OR_OK);
	}
	notes[N] = (struct note){.number = N};
	ASSERT_CODE(or_mbox_put(f->mbox, &notes[N].msg), OR_FULL);
	or_loop_turn(f->loop, true);
	assert_int_equal(f->got, OR_MBOX_BUDGET);
	or_loop_turn(f->loop, true);
	assert_int_equal(f->got, N);
	or_loop_turn(f->loop, true);
	assert_int_equal(f->got, N);
}

static void free__hands_over_what_is_queued(void **state)
{
	struct fixture *f = *state;
	struct note note = {.number = 0};
	struct or_err err;

	ASSERT_OK(or_mbox_new(&f->mbox, f->loop, 4, on_note, f, &err), &err);
	ASSERT_CODE(or_mbox_put(f->mbox, &note.msg), OR_OK);
	or_mbox_free(f->mbox);
	f->mbox = NULL;
	assert_int_equal(f->got, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		put__from_many_threads_arrives_once_and_in_each_sender_s_order, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		put__refuses_when_full_and_a_turn_has_a_budget, setup, teardown),
	    cmocka_unit_test_setup_teardown(free__hands_over_what_is_queued, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
