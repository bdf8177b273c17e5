/* SPDX-License-Identifier: Apache-2.0 */
/* The shipper over Kafka, against librdkafka's mock cluster; what arrives is read back from it. */
#include "agent/ship/link_kafka.h"

#include "agent/ship/ship.h"
#include "base/bus_kafka_consumer.h"
#include "proto/batch.h"
#include "proto/frame.h"
#include "proto/root.h"
#include "tests/support/kafka_mock.h"
#include "tests/support/support.h"

#include <stdio.h>

#define TOPIC "outrider.audit"
#define BARE  "otlp_logs"

enum { DEADLINE_S = 60, SEEN_MAX = 1024 };

struct fixture {
	char *dir;
	struct or_loop *loop;
	struct or_slow *slow, *reader_slow;
	struct kafka_mock *mock;
	struct or_bus_kafka_access access;
	struct ag_link_kafka *link;
	struct or_bus_kafka_consumer *reader;
	struct ag_spool *spool;
	uint16_t stream;
	struct ag_ship *ship;
	struct ag_ship_opt opt;
	struct or_crypto_key *key;
	struct or_loop_timer *deadline;
	bool is_late;
	int copies[SEEN_MAX]; /* of each record in the topic */
	uint64_t last;        /* the highest number there */
	int heartbeats;
	bool is_bare; /* the telemetry link, a topic of bare records */
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

/* -- the other side -- */

static int64_t begin(void *arg, const char *cluster, uint32_t partition)
{
	(void)arg;
	(void)cluster;
	(void)partition;
	return -1;
}

static void on_skip(void *arg, uint32_t partition, int64_t wanted, int64_t from)
{
	(void)arg;
	(void)partition;
	(void)wanted;
	(void)from;
	fail();
}

static void on_restart(void *arg)
{
	(void)arg;
	fail();
}

static bool take(void *arg, const struct or_bus_kafka_message *m)
{
	struct fixture *f = arg;
	struct or_arena *a = or_arena_new(0);
	struct wire_frame frame;
	struct wire_batch batch = {.records = &m->value, .n_records = 1};
	uint8_t root[OR_CRYPTO_HASH_LEN];
	struct or_err err;

	ASSERT_SLICE(m->key, "orders");
	assert_int_equal(m->n_headers, 1);
	assert_string_equal(m->headers[0].name, AG_LINK_KAFKA_FRAME);
	ASSERT_OK(wire_frame_decode(&frame, m->headers[0].value, a, &err), &err);
	ASSERT_OK(wire_frame_verify(&frame, f->key, &err), &err);
	ASSERT_SLICE(frame.stream, f->is_bare ? BARE "/orders" : TOPIC "/orders");
	if (!f->is_bare)
		ASSERT_OK(wire_batch_decode(&batch, m->value, a, &err), &err);
	wire_root_compute(root, batch.records, batch.n_records);
	assert_memory_equal(root, frame.root.p, sizeof(root));
	assert_int_equal(batch.n_records, frame.seq_to + 1 - frame.seq_from);
	f->heartbeats += batch.n_records == 0;
	for (size_t i = 0; i < batch.n_records; i++) {
		char expected[32];

		snprintf(expected, sizeof(expected), "record %d", (int)(frame.seq_from + i));
		ASSERT_SLICE(batch.records[i], expected);
		f->copies[frame.seq_from + i]++;
	}
	if (batch.n_records && frame.seq_to > f->last)
		f->last = frame.seq_to;
	or_arena_free(a);
	return true;
}

/* -- the agent's -- */

static struct or_slice get_cert(void *arg)
{
	(void)arg;
	return OR_SLICE_LIT("certificate");
}

static void open_spool(struct fixture *f)
{
	struct ag_spool_opt opt = {.dir = f->dir,
	    .loop = f->loop,
	    .slow = f->slow,
	    .sync_ns = OR_NS_PER_MS,
	    .state_ns = OR_NS_PER_MS};
	struct or_err err;

	ASSERT_OK(ag_spool_open(&f->spool, &opt, &err), &err);
	ASSERT_OK(ag_spool_stream(
		      &f->stream, f->spool, f->is_bare ? BARE "/orders" : TOPIC "/orders", &err),
	    &err);
}

static void start(struct fixture *f)
{
	struct or_err err;

	ASSERT_OK(ag_link_kafka_new(&f->link, f->loop, &f->access, &err), &err);
	f->opt = (struct ag_ship_opt){.loop = f->loop,
	    .spool = f->spool,
	    .link = ag_link_kafka_get(
		f->link, f->is_bare ? AG_LINK_KAFKA_TELEMETRY : AG_LINK_KAFKA_AUDIT),
	    .key = f->key,
	    .cert = get_cert,
	    .linger_ns = OR_NS_PER_MS,
	    .heartbeat_ns = 3600 * OR_NS_PER_S,
	    .retry_min_ns = 5 * OR_NS_PER_MS,
	    .retry_max_ns = 50 * OR_NS_PER_MS};
	ASSERT_OK(ag_ship_new(&f->ship, &f->opt, &err), &err);
}

static int begin_test(void **state, bool is_bare)
{
	struct fixture *f = test_calloc(1, sizeof(*f));
	struct or_bus_kafka_consumer_opt reader = {.access = &f->access,
	    .topic = is_bare ? BARE : TOPIC,
	    .group = "reader",
	    .n_partitions = 1,
	    .begin = begin,
	    .take = take,
	    .on_skip = on_skip,
	    .on_restart = on_restart,
	    .arg = f};
	struct or_err err;

	f->is_bare = is_bare;
	f->dir = support_tmpdir_new();
	ASSERT_OK(or_loop_new(&f->loop, NULL, &err), &err);
	ASSERT_OK(or_slow_new(&f->slow, f->loop, 64, &err), &err);
	ASSERT_OK(or_slow_new(&f->reader_slow, f->loop, 8, &err), &err);
	f->deadline = or_loop_timer_start(f->loop, DEADLINE_S * OR_NS_PER_S, on_deadline, f);
	ASSERT_OK(or_crypto_key_new(&f->key, OR_CRYPTO_ED25519, &err), &err);
	f->mock = kafka_mock_new();
	kafka_mock_topic(f->mock, reader.topic, 1);
	f->access = (struct or_bus_kafka_access){
	    .brokers = kafka_mock_brokers(f->mock), .client_id = "test"};
	reader.loop = f->loop;
	reader.slow = f->reader_slow;
	ASSERT_OK(or_bus_kafka_consumer_new(&f->reader, &reader, &err), &err);
	open_spool(f);
	*state = f;
	return 0;
}

static int setup(void **state)
{
	return begin_test(state, false);
}

static int setup_bare(void **state)
{
	return begin_test(state, true);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ag_ship_free(f->ship);
	ag_link_kafka_free(f->link);
	or_bus_kafka_consumer_free(f->reader);
	or_slow_free(f->reader_slow);
	ag_spool_close(f->spool);
	or_slow_free(f->slow);
	or_loop_timer_cancel(f->deadline);
	or_loop_free(f->loop);
	kafka_mock_free(f->mock);
	or_crypto_key_free(f->key);
	support_tmpdir_remove(f->dir);
	test_free(f);
	return 0;
}

static void append_n(struct fixture *f, int n)
{
	for (int i = 0; i < n; i++) {
		char text[32];

		snprintf(
		    text, sizeof(text), "record %d", (int)ag_spool_next_seq(f->spool, f->stream));
		ASSERT_CODE(ag_spool_append(f->spool, f->stream, or_slice_str(text)), OR_OK);
	}
}

static struct ag_ship_info info_of(struct fixture *f)
{
	struct ag_ship_info info;

	ag_ship_get_info(&info, f->ship);
	return info;
}

static void assert_each_there(struct fixture *f, uint64_t n, bool once)
{
	WAIT_FOR(f, info_of(f).pending == 0 && f->last == n);
	for (uint64_t seq = 1; seq <= n; seq++)
		assert_true(once ? f->copies[seq] == 1 : f->copies[seq] >= 1);
}

static void ship__brings_every_record_once(void **state)
{
	struct fixture *f = *state;

	start(f);
	for (int i = 0; i < 10; i++) {
		append_n(f, 10);
		WAIT_FOR(f, info_of(f).pending == 0);
	}
	assert_each_there(f, 100, true);
	assert_int_equal(info_of(f).state, AG_SHIP_CONNECTED);
	assert_string_equal(info_of(f).link, "kafka");
	assert_string_equal(info_of(f).peer, f->access.brokers);
}

static void ship__waits_for_a_broker_that_is_away(void **state)
{
	struct fixture *f = *state;

	start(f);
	append_n(f, 5);
	assert_each_there(f, 5, true);
	kafka_mock_set_up(f->mock, false);
	/* Nothing is there to send, and still it is noticed. */
	WAIT_FOR(f, info_of(f).state == AG_SHIP_UNREACHABLE);
	append_n(f, 5);
	WAIT_FOR(f, ag_spool_next_seq(f->spool, f->stream) == 11);
	assert_int_equal(info_of(f).records, 5);
	kafka_mock_set_up(f->mock, true);
	assert_each_there(f, 10, true);
	WAIT_FOR(f, info_of(f).state == AG_SHIP_CONNECTED);
	assert_true(f->heartbeats > 0);
}

static void ship__sends_again_after_a_fatal_error(void **state)
{
	struct fixture *f = *state;

	start(f);
	append_n(f, 5);
	assert_each_there(f, 5, true);
	kafka_mock_fail_produce(f->mock, KAFKA_MOCK_OUT_OF_ORDER, 1);
	append_n(f, 5);
	assert_each_there(f, 10, false);
	assert_true(info_of(f).failures > 0);
	assert_int_equal(info_of(f).state, AG_SHIP_CONNECTED);
}

static void ship__says_that_it_is_refused(void **state)
{
	struct fixture *f = *state;

	start(f);
	append_n(f, 1);
	assert_each_there(f, 1, true);
	kafka_mock_fail_produce(f->mock, KAFKA_MOCK_DENIED, 1);
	append_n(f, 1);
	WAIT_FOR(f, info_of(f).refusals > 0);
	assert_int_equal(info_of(f).state, AG_SHIP_REFUSED);
	ASSERT_HAS(info_of(f).error, "authorization");
	assert_int_equal(info_of(f).pending, 1);
	assert_each_there(f, 2, true); /* librdkafka holds it against the topic for a second */
}

static void ship__goes_on_where_another_life_ended(void **state)
{
	struct fixture *f = *state;

	kafka_mock_set_up(f->mock, false);
	start(f);
	append_n(f, 20);
	WAIT_FOR(f, info_of(f).state == AG_SHIP_UNREACHABLE);
	ag_ship_free(f->ship);
	f->ship = NULL;
	ag_link_kafka_free(f->link);
	f->link = NULL;
	kafka_mock_set_up(f->mock, true);
	start(f);
	assert_each_there(f, 20, true);
}

static void bare__brings_each_record_by_itself_once(void **state)
{
	struct fixture *f = *state;

	start(f);
	append_n(f, 130);
	assert_each_there(f, 130, true);
	assert_int_equal(info_of(f).state, AG_SHIP_CONNECTED);
	assert_int_equal(info_of(f).records, 130);
	assert_in_range(info_of(f).batches, 3, 20); /* many at a time */
}

/* An empty message would be no record to whoever reads the topic. */
static void bare__sends_no_heartbeats_and_still_sees_the_broker_return(void **state)
{
	struct fixture *f = *state;

	start(f);
	append_n(f, 5);
	assert_each_there(f, 5, true);
	kafka_mock_set_up(f->mock, false);
	WAIT_FOR(f, info_of(f).state == AG_SHIP_UNREACHABLE);
	append_n(f, 5);
	kafka_mock_set_up(f->mock, true);
	assert_each_there(f, 10, true);
	WAIT_FOR(f, info_of(f).state == AG_SHIP_CONNECTED);
	assert_int_equal(f->heartbeats, 0);
}

static void bare__sends_again_after_a_fatal_error(void **state)
{
	struct fixture *f = *state;

	start(f);
	append_n(f, 5);
	assert_each_there(f, 5, true);
	kafka_mock_fail_produce(f->mock, KAFKA_MOCK_OUT_OF_ORDER, 1);
	append_n(f, 70);
	assert_each_there(f, 75, false);
	assert_int_equal(info_of(f).state, AG_SHIP_CONNECTED);
}

static void bare__goes_one_by_one_after_a_refusal(void **state)
{
	struct fixture *f = *state;

	start(f);
	append_n(f, 1);
	assert_each_there(f, 1, true);
	kafka_mock_fail_produce(f->mock, KAFKA_MOCK_TOO_LARGE, 1);
	append_n(f, 10);
	WAIT_FOR(f, info_of(f).refusals > 0);
	assert_int_equal(info_of(f).state, AG_SHIP_REFUSED);
	ASSERT_HAS(info_of(f).error, "topic " BARE ": ");
	assert_each_there(f, 11, true); /* the broker took none of that request */
	WAIT_FOR(f, info_of(f).state == AG_SHIP_CONNECTED);
}

#define TEST(name)      cmocka_unit_test_setup_teardown(name, setup, teardown)
#define BARE_TEST(name) cmocka_unit_test_setup_teardown(name, setup_bare, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(ship__brings_every_record_once),
	    TEST(ship__waits_for_a_broker_that_is_away),
	    TEST(ship__sends_again_after_a_fatal_error),
	    TEST(ship__says_that_it_is_refused),
	    TEST(ship__goes_on_where_another_life_ended),
	    BARE_TEST(bare__brings_each_record_by_itself_once),
	    BARE_TEST(bare__sends_no_heartbeats_and_still_sees_the_broker_return),
	    BARE_TEST(bare__sends_again_after_a_fatal_error),
	    BARE_TEST(bare__goes_one_by_one_after_a_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
