/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bus_kafka_consumer.h"

#include "tests/support/kafka_mock.h"
#include "tests/support/support.h"

#include <stdio.h>

enum { DEADLINE_S = 60, PARTITIONS = 3, SEEN_MAX = 512 };

struct fixture {
	struct or_loop *loop;
	struct or_slow *slow;
	struct kafka_mock *mock;
	struct or_bus_kafka_access access;
	struct or_bus_kafka_consumer_opt opt;
	struct or_bus_kafka_consumer *c;
	struct or_loop_timer *deadline;
	bool is_late;
	int64_t begin[PARTITIONS];
	int64_t next[PARTITIONS]; /* behind the last message that came */
	size_t n[PARTITIONS];
	bool pauses; /* take nothing more after each message */
	bool frees;
	unsigned int skips, restarts;
	int64_t skip_wanted, skip_from;
	char cluster[64];
	enum or_bus_kafka_state state;
	struct or_err why;
};

static void on_deadline(void *arg)
{
	struct fixture *f = arg;

	f->deadline = NULL;
	f->is_late = true;
}

#define WAIT_FOR(f, cond)                                                                          \
	do {                                                                                       \
		while (!(cond) && !(f)->is_late)                                                   \
			or_loop_turn((f)->loop, false);                                            \
		assert_true(cond);                                                                 \
	} while (0)

static int64_t begin(void *arg, const char *cluster, uint32_t partition)
{
	struct fixture *f = arg;

	snprintf(f->cluster, sizeof(f->cluster), "%s", cluster);
	return f->begin[partition];
}

static bool take(void *arg, const struct or_bus_kafka_message *m)
{
	struct fixture *f = arg;
	char expected[32];

	assert_true(f->next[m->partition] < 0 || m->offset == f->next[m->partition]);
	snprintf(expected, sizeof(expected), "v%lld", (long long)m->offset);
	ASSERT_SLICE(m->value, expected);
	assert_int_equal(m->n_headers, 1);
	assert_string_equal(m->headers[0].name, "outrider-frame");
	expected[0] = 'h';
	ASSERT_SLICE(m->headers[0].value, expected);
	f->next[m->partition] = m->offset + 1;
	f->n[m->partition]++;
	if (f->frees) {
		or_bus_kafka_consumer_free(f->c);
		f->c = NULL;
	}
	return !f->pauses;
}

static void on_skip(void *arg, uint32_t partition, int64_t wanted, int64_t from)
{
	struct fixture *f = arg;

	(void)partition;
	f->skips++;
	f->skip_wanted = wanted;
	f->skip_from = from;
}

static void on_restart(void *arg)
{
	struct fixture *f = arg;

	f->restarts++;
	for (size_t i = 0; i < PARTITIONS; i++) {
		f->begin[i] = f->next[i];
		f->next[i] = -1;
	}
}

static void on_state(void *arg, enum or_bus_kafka_state state, const struct or_err *why)
{
	struct fixture *f = arg;

	f->state = state;
	f->why = *why;
}

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));
	struct or_err err;

	ASSERT_OK(or_loop_new(&f->loop, NULL, &err), &err);
	ASSERT_OK(or_slow_new(&f->slow, f->loop, 16, &err), &err);
	f->deadline = or_loop_timer_start(f->loop, DEADLINE_S * OR_NS_PER_S, on_deadline, f);
	f->mock = kafka_mock_new();
	kafka_mock_topic(f->mock, "t", PARTITIONS);
	f->access = (struct or_bus_kafka_access){
	    .brokers = kafka_mock_brokers(f->mock), .client_id = "test"};
	f->opt = (struct or_bus_kafka_consumer_opt){.loop = f->loop,
	    .slow = f->slow,
	    .access = &f->access,
	    .topic = "t",
	    .group = "g",
	    .n_partitions = PARTITIONS,
	    .begin = begin,
	    .take = take,
	    .on_skip = on_skip,
	    .on_restart = on_restart,
	    .on_state = on_state,
	    .arg = f};
	for (size_t i = 0; i < PARTITIONS; i++)
		f->begin[i] = f->next[i] = -1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	or_bus_kafka_consumer_free(f->c);
	or_slow_free(f->slow);
	or_loop_timer_cancel(f->deadline);
	or_loop_free(f->loop);
	kafka_mock_free(f->mock);
	test_free(f);
	return 0;
}

static void start(struct fixture *f)
{
	struct or_err err;

	ASSERT_OK(or_bus_kafka_consumer_new(&f->c, &f->opt, &err), &err);
}

static void take__gets_every_partition_in_order(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < PARTITIONS; i++)
		kafka_mock_fill(f->mock, "t", i, "v", 100);
	start(f);
	WAIT_FOR(f, f->n[0] == 100 && f->n[1] == 100 && f->n[2] == 100);
	assert_int_equal(f->state, OR_BUS_KAFKA_UP);
	assert_true(f->cluster[0]);
	assert_int_equal(f->skips, 0);
	or_bus_kafka_consumer_show(f->c, 1, 100);
}

static void begin__is_where_it_goes_on(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < PARTITIONS; i++)
		kafka_mock_fill(f->mock, "t", i, "v", 50);
	f->begin[0] = 30;
	f->begin[1] = 50; /* the end is in range */
	kafka_mock_commit(f->mock, "g", "t", 0, 31);
	kafka_mock_commit(f->mock, "g", "t", 1, 50);
	start(f);
	WAIT_FOR(f, f->n[0] == 20 && f->n[2] == 50);
	assert_int_equal(f->n[1], 0);
	assert_int_equal(f->skips, 0);
}

/* A topic of that name that was made anew has more messages than the old one, and no group offset.
 */
static void begin__that_kafka_does_not_know_of_is_another_topics(void **state)
{
	struct fixture *f = *state;

	kafka_mock_fill(f->mock, "t", 0, "v", 20);
	kafka_mock_fill(f->mock, "t", 1, "v", 20);
	f->begin[0] = 10;
	f->begin[1] = 15;
	kafka_mock_commit(f->mock, "g", "t", 1, 12); /* was not told of all */
	start(f);
	WAIT_FOR(f, f->n[0] == 20 && f->n[1] == 8);
	assert_int_equal(f->skips, 2);
}

static void begin__out_of_range_is_said(void **state)
{
	struct fixture *f = *state;

	kafka_mock_fill(f->mock, "t", 0, "v", 10);
	f->begin[0] = 999;
	start(f);
	WAIT_FOR(f, f->n[0] == 10);
	assert_int_equal(f->skips, 1);
	assert_int_equal(f->skip_wanted, 999);
	assert_int_equal(f->skip_from, 0);
}

static void offset__that_vanishes_begins_anew(void **state)
{
	struct fixture *f = *state;

	kafka_mock_fill(f->mock, "t", 0, "v", 10);
	start(f);
	WAIT_FOR(f, f->n[0] == 10);
	kafka_mock_fail_fetch(f->mock, 1);
	WAIT_FOR(f, f->restarts == 1);
	/* Kafka was not told that they were taken, so they come again. */
	WAIT_FOR(f, f->n[0] == 20);
	assert_int_equal(f->begin[0], 10);
	assert_int_equal(f->skip_wanted, 10);
	assert_int_equal(f->skip_from, 0);
}

static void pause__holds_one_partition_alone(void **state)
{
	struct fixture *f = *state;

	f->pauses = true;
	kafka_mock_fill(f->mock, "t", 0, "v", 3);
	kafka_mock_fill(f->mock, "t", 1, "v", 3);
	start(f);
	WAIT_FOR(f, f->n[0] == 1 && f->n[1] == 1);
	for (size_t want = 2; want <= 3; want++) {
		or_bus_kafka_consumer_resume(f->c, 1);
		WAIT_FOR(f, f->n[1] == want);
	}
	assert_int_equal(f->n[0], 1);
	f->pauses = false;
	or_bus_kafka_consumer_resume(f->c, 0);
	WAIT_FOR(f, f->n[0] == 3);
}

static void broker__goes_and_comes(void **state)
{
	struct fixture *f = *state;

	start(f);
	WAIT_FOR(f, f->state == OR_BUS_KAFKA_UP);
	kafka_mock_set_up(f->mock, false);
	WAIT_FOR(f, f->state == OR_BUS_KAFKA_UNREACHABLE);
	kafka_mock_set_up(f->mock, true);
	WAIT_FOR(f, f->state == OR_BUS_KAFKA_UP); /* though nothing new is there */
	kafka_mock_fill(f->mock, "t", 2, "v", 5);
	WAIT_FOR(f, f->n[2] == 5);
}

static void broker__comes_late(void **state)
{
	struct fixture *f = *state;

	kafka_mock_set_up(f->mock, false);
	start(f);
	WAIT_FOR(f, f->state == OR_BUS_KAFKA_UNREACHABLE);
	kafka_mock_set_up(f->mock, true);
	kafka_mock_fill(f->mock, "t", 0, "v", 5);
	WAIT_FOR(f, f->n[0] == 5);
}

static void partitions__must_be_as_many(void **state)
{
	struct fixture *f = *state;

	f->opt.n_partitions = 2;
	start(f);
	WAIT_FOR(f, f->state == OR_BUS_KAFKA_MISFIT);
	ASSERT_HAS(f->why.msg, "has 3 partitions");
}

static void restart__asks_again_where_to_begin(void **state)
{
	struct fixture *f = *state;

	kafka_mock_fill(f->mock, "t", 0, "v", 10);
	kafka_mock_commit(f->mock, "g", "t", 0, 10);
	start(f);
	WAIT_FOR(f, f->n[0] == 10);
	or_bus_kafka_consumer_restart(f->c);
	assert_int_equal(f->restarts, 1);
	f->begin[0] = 4;
	WAIT_FOR(f, f->n[0] == 16);
}

static void free__is_safe_at_any_moment(void **state)
{
	struct fixture *f = *state;

	kafka_mock_fill(f->mock, "t", 0, "v", 10);
	start(f); /* while it is being made */
	or_bus_kafka_consumer_free(f->c);
	start(f); /* from within a call */
	f->frees = true;
	WAIT_FOR(f, !f->c);
	assert_int_equal(f->n[0], 1);
	f->frees = false;
	f->next[0] = -1;
	start(f); /* while it runs */
	WAIT_FOR(f, f->state == OR_BUS_KAFKA_UP && f->n[0] > 1);
	kafka_mock_set_up(f->mock, false);
	or_bus_kafka_consumer_free(f->c);
	f->c = NULL;
	WAIT_FOR(f, or_slow_queued(f->slow) == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(take__gets_every_partition_in_order),
	    TEST(begin__is_where_it_goes_on),
	    TEST(begin__that_kafka_does_not_know_of_is_another_topics),
	    TEST(begin__out_of_range_is_said),
	    TEST(offset__that_vanishes_begins_anew),
	    TEST(pause__holds_one_partition_alone),
	    TEST(broker__goes_and_comes),
	    TEST(broker__comes_late),
	    TEST(partitions__must_be_as_many),
	    TEST(restart__asks_again_where_to_begin),
	    TEST(free__is_safe_at_any_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
