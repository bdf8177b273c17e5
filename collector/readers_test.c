/* SPDX-License-Identifier: Apache-2.0 */
/* From librdkafka's mock cluster into shards and depots, with both on disk. What the audit topic's
 * reader does by itself is collector/ingest/kafka_test.c's. */
#include "collector/readers.h"

#include "base/bus_kafka_consumer.h"
#include "base/bus_kafka_producer.h"
#include "base/str.h"
#include "proto/batch.h"
#include "proto/enrol.h"
#include "proto/frame.h"
#include "proto/root.h"
#include "tests/support/agent.h"
#include "tests/support/kafka_mock.h"
#include "tests/support/support.h"

enum { DEADLINE_S = 60, PARTITIONS = 3, LOGS = 0, LINEAGE = 3 };

struct fixture {
	char *dir;
	struct or_arena *a;
	struct or_loop *loop;
	struct or_slow *slow, *sender_slow;
	struct or_loop_timer *deadline;
	bool is_late;
	struct kafka_mock *mock;
	struct or_bus_kafka_access access;
	struct or_bus_kafka_producer *sender;
	unsigned int sent, delivered, events;
	struct support_agent agent;
	struct or_crypto_key *issuer, *own, *log_key;
	const struct or_crypto_key *issuers[1];
	struct tl_note_key note_key;
	struct or_buf own_cert;
	struct co_ingest *in;
	struct co_topics topics;
	struct co_readers readers;
	struct or_err err;
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

/* ---- the collector's side */

static void certify(
    struct fixture *f, struct or_buf *out, const char *id, const struct or_crypto_key *key)
{
	static const struct or_slice products[] = {OR_SLICE_LIT("orders")};
	uint8_t uuid[WIRE_ENROL_UUID_LEN];
	struct wire_cert cert = {.agent_id = or_slice(uuid, sizeof(uuid)),
	    .products = products,
	    .n_products = 1,
	    .not_before_ns = 1,
	    .not_after_ns = (uint64_t)INT64_MAX};
	struct or_buf public;

	or_buf_init(&public, 64);
	ASSERT_CODE(wire_enrol_uuid_parse(uuid, or_slice_str(id)), OR_OK);
	ASSERT_CODE(or_crypto_key_public(&public, key), OR_OK);
	cert.public_key = or_buf_slice(&public);
	ASSERT_OK(wire_cert_issue(out, &cert, f->issuer, &f->err), &f->err);
	or_buf_done(&public);
}

static void on_event(void *arg, struct or_slice product, const struct wire_openlineage *event)
{
	struct fixture *f = arg;

	ASSERT_SLICE(product, "orders");
	ASSERT_SLICE(event->run_id, "run-1");
	f->events++;
}

static void open_all(struct fixture *f)
{
	struct co_ingest_opt ingest = {.loop = f->loop,
	    .dir = or_arena_printf(f->a, "%s/shard", f->dir),
	    .origin = "test",
	    .key = &f->note_key,
	    .issuers = f->issuers,
	    .n_issuers = 1,
	    .own_key = f->own,
	    .own_cert = or_buf_slice(&f->own_cert)};
	struct co_telemetry_opt topic = {.loop = f->loop,
	    .dir = or_arena_printf(f->a, "%s/telemetry", f->dir),
	    .issuers = f->issuers,
	    .n_issuers = 1};
	struct co_readers_opt readers = {.loop = f->loop,
	    .access = &f->access,
	    .group = "test",
	    .shards = &f->in,
	    .n_shards = 1,
	    .topics = f->topics.list};

	ASSERT_OK(or_slow_new(&f->slow, f->loop, 64, &f->err), &f->err);
	ingest.slow = topic.slow = f->slow;
	ASSERT_OK(co_ingest_open(&f->in, &ingest, &f->err), &f->err);
	ASSERT_OK(co_topics_open(&f->topics, &topic, on_event, f, &f->err), &f->err);
	ASSERT_OK(co_readers_open(&f->readers, &readers, &f->err), &f->err);
}

static void close_all(struct fixture *f)
{
	co_readers_close(&f->readers);
	or_slow_free(f->slow);
	co_ingest_close(f->in);
	co_topics_close(&f->topics);
	f->slow = NULL;
	f->in = NULL;
}

static int set_up(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));
	struct or_bus_kafka_producer_opt sender = {.access = &f->access, .linger_ns = OR_NS_PER_MS};
	char own_id[OR_RNG_UUID_LEN + 1];

	f->dir = support_tmpdir_new();
	f->a = or_arena_new(0);
	ASSERT_OK(or_loop_new(&f->loop, NULL, &f->err), &f->err);
	ASSERT_OK(or_slow_new(&f->sender_slow, f->loop, 8, &f->err), &f->err);
	f->deadline = or_loop_timer_start(f->loop, DEADLINE_S * OR_NS_PER_S, on_deadline, f);
	f->mock = kafka_mock_new();
	kafka_mock_topic(f->mock, CO_KAFKA_TOPIC, 1);
	f->access = (struct or_bus_kafka_access){
	    .brokers = kafka_mock_brokers(f->mock), .client_id = "test"};
	sender.loop = f->loop;
	sender.slow = f->sender_slow;
	ASSERT_OK(or_bus_kafka_producer_new(&f->sender, &sender, &f->err), &f->err);
	or_rng_uuid(own_id);
	or_buf_init(&f->own_cert, WIRE_CERT_MAX);
	ASSERT_CODE(or_crypto_key_new(&f->issuer, OR_CRYPTO_ED25519, NULL), OR_OK);
	ASSERT_CODE(or_crypto_key_new(&f->own, OR_CRYPTO_ED25519, NULL), OR_OK);
	ASSERT_CODE(or_crypto_key_new(&f->log_key, OR_CRYPTO_ED25519, NULL), OR_OK);
	ASSERT_OK(tl_note_key_init(&f->note_key, "test", f->log_key, &f->err), &f->err);
	certify(f, &f->own_cert, own_id, f->own);
	support_agent_init(&f->agent);
	certify(f, &f->agent.cert, f->agent.id, f->agent.key);
	f->issuers[0] = f->issuer;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	close_all(f);
	or_bus_kafka_producer_free(f->sender);
	or_slow_free(f->sender_slow);
	or_loop_timer_cancel(f->deadline);
	or_loop_free(f->loop);
	kafka_mock_free(f->mock);
	support_agent_done(&f->agent);
	tl_note_key_done(&f->note_key);
	or_crypto_key_free(f->issuer);
	or_crypto_key_free(f->own);
	or_crypto_key_free(f->log_key);
	or_buf_done(&f->own_cert);
	or_arena_free(f->a);
	support_tmpdir_remove(f->dir);
	test_free(f);
	return 0;
}

/* ---- what is sent */

static void on_sent(void *arg, enum or_code rc, const struct or_err *err)
{
	ASSERT_OK(rc, err);
	((struct fixture *)arg)->delivered++;
}

static void send(struct fixture *f, const char *topic, struct or_slice frame, struct or_slice value)
{
	const struct or_bus_kafka_header header = {CO_KAFKA_FRAME, frame};
	struct or_bus_kafka_message m = {.topic = topic,
	    .key = OR_SLICE_LIT("orders"),
	    .value = value,
	    .headers = &header,
	    .n_headers = frame.n ? 1 : 0};
	struct or_bus_kafka_send *handle;
	enum or_code rc;

	while ((rc = or_bus_kafka_producer_send(&handle, f->sender, &m, on_sent, f, &f->err)) ==
		   OR_AGAIN &&
	       !f->is_late)
		or_loop_turn(f->loop, false);
	ASSERT_OK(rc, &f->err);
	f->sent++;
	WAIT_FOR(f, f->delivered == f->sent);
}

/* One record, bare, in a frame of its own; that it is an audit record is nothing to a depot. */
static void send_record(struct fixture *f, const char *topic, bool again)
{
	const struct support_shipment shipment = {
	    .stream = or_arena_printf(f->a, "%s/orders", topic),
	    .product = "orders",
	    .now_ns = 1,
	    .again = again};
	struct wire_batch decoded;
	struct or_buf batch, text, frame;

	or_buf_init(&batch, 1 << 20);
	or_buf_init(&text, 1 << 17);
	or_buf_init(&frame, WIRE_FRAME_MAX);
	support_agent_ship(&batch, &text, &f->agent, 1, &shipment);
	ASSERT_CODE(or_str_base64_decode(&frame, or_buf_slice(&text)), OR_OK);
	ASSERT_OK(wire_batch_decode(&decoded, or_buf_slice(&batch), f->a, &f->err), &f->err);
	send(f, topic, or_buf_slice(&frame), decoded.records[0]);
	or_buf_done(&batch);
	or_buf_done(&text);
	or_buf_done(&frame);
}

static struct co_kafka_info info_of(struct fixture *f, size_t topic)
{
	struct co_kafka_info info;

	co_kafka_get_info(&info, f->readers.list[1 + topic]);
	return info;
}

static uint64_t read_of(struct fixture *f, size_t topic)
{
	struct co_kafka_info info = info_of(f, topic);
	uint64_t n = 0;

	for (uint32_t i = 0; i < info.partitions; i++)
		n += co_kafka_next(f->readers.list[1 + topic], i);
	return n;
}

static struct co_telemetry_stats stats_of(struct fixture *f, size_t topic)
{
	struct co_telemetry_stats stats;

	co_telemetry_stats(&stats, f->topics.list[topic]);
	return stats;
}

/* ---- tests */

static void records__are_stored_once_with_their_place(void **state)
{
	struct fixture *f = *state;

	kafka_mock_topic(f->mock, "otlp_logs", PARTITIONS);
	for (int i = 0; i < 10; i++)
		send_record(f, "otlp_logs", false);
	send_record(f, "otlp_logs", true);
	open_all(f);
	WAIT_FOR(f, read_of(f, LOGS) == 11);
	assert_int_equal(stats_of(f, LOGS).records, 10);
	assert_int_equal(stats_of(f, LOGS).duplicates, 1);
	assert_int_equal(stats_of(f, LOGS).missing, 0);
	assert_int_equal(info_of(f, LOGS).partitions, PARTITIONS);
	/* Another life goes on behind them; only what added nothing is read again. */
	close_all(f);
	open_all(f);
	send_record(f, "otlp_logs", false);
	WAIT_FOR(f, read_of(f, LOGS) == 12);
	assert_int_equal(stats_of(f, LOGS).records, 1);
	assert_int_equal(info_of(f, LOGS).messages, 2);
}

static void poison__is_kept_aside_and_keeps_nobody_waiting(void **state)
{
	static uint8_t large[WIRE_BATCH_RECORD_MAX + 1000];
	struct fixture *f = *state;

	kafka_mock_topic(f->mock, "otlp_logs", 1);
	send(f, "otlp_logs", OR_SLICE_NONE, OR_SLICE_LIT("of nobody"));
	send(f, "otlp_logs", OR_SLICE_LIT("no frame"), OR_SLICE_LIT("x"));
	send(f, "otlp_logs", OR_SLICE_NONE, OR_SLICE_NONE);
	send(f, "otlp_logs", OR_SLICE_LIT("no frame"), or_slice(large, sizeof(large)));
	or_buf_clear(&f->agent.cert);
	certify(f, &f->agent.cert, f->agent.id, f->own); /* the agent has another key */
	send_record(f, "otlp_logs", false);
	or_buf_clear(&f->agent.cert);
	certify(f, &f->agent.cert, f->agent.id, f->agent.key);
	send_record(f, "otlp_logs", true);
	open_all(f);
	WAIT_FOR(f, read_of(f, LOGS) == 6);
	assert_int_equal(info_of(f, LOGS).refused, 5);
	assert_int_equal(stats_of(f, LOGS).records, 1);
	WAIT_FOR(f, or_slow_queued(f->slow) == 0);
	assert_int_equal(stats_of(f, LOGS).dead_letters + stats_of(f, LOGS).dead_dropped, 5);
	assert_true(stats_of(f, LOGS).dead_letters >= 4);
}

static void topic__that_does_not_fit_keeps_no_other_waiting(void **state)
{
	struct fixture *f = *state;

	kafka_mock_topic(f->mock, "otlp_logs", 1);
	kafka_mock_topic(f->mock, "openlineage", OR_BUS_KAFKA_PARTITIONS_MAX + 1);
	send_record(f, "otlp_logs", false);
	open_all(f);
	WAIT_FOR(f, read_of(f, LOGS) == 1);
	WAIT_FOR(f, info_of(f, LOGS).state == OR_BUS_KAFKA_UP);
	assert_string_equal(info_of(f, LOGS).topic, "otlp_logs");
	WAIT_FOR(f, info_of(f, LINEAGE).state == OR_BUS_KAFKA_MISFIT);
	ASSERT_HAS(info_of(f, LINEAGE).why.msg, "topic openlineage has 65 partitions");
	send_record(f, "otlp_logs", false);
	WAIT_FOR(f, read_of(f, LOGS) == 2);
}

static void lineage__is_an_event_and_part_of_the_graph(void **state)
{
	static const char event[] =
	    "{\"eventType\":\"COMPLETE\",\"eventTime\":\"2026-11-24T11:00:00Z\","
	    "\"producer\":\"p:1\",\"schemaURL\":\"s:1\",\"run\":{\"runId\":\"run-1\"},"
	    "\"job\":{\"namespace\":\"n\",\"name\":\"j\"}}";
	struct fixture *f = *state;
	struct or_slice record = or_slice_str(event);
	uint8_t root[OR_CRYPTO_HASH_LEN];
	const struct wire_frame frame = {.cert = or_buf_slice(&f->agent.cert),
	    .epoch = 1,
	    .stream = OR_SLICE_LIT("openlineage/orders"),
	    .seq_from = 1,
	    .seq_to = 1,
	    .root = or_slice(root, sizeof(root)),
	    .sent_ns = 1};
	struct or_buf bytes;

	kafka_mock_topic(f->mock, "openlineage", 1);
	wire_root_compute(root, &record, 1);
	or_buf_init(&bytes, WIRE_FRAME_MAX);
	ASSERT_OK(wire_frame_sign(&bytes, &frame, f->agent.key, &f->err), &f->err);
	send(f, "openlineage", or_buf_slice(&bytes), record);
	or_buf_done(&bytes);
	open_all(f);
	WAIT_FOR(f, f->events == 1);
	close_all(f);
	open_all(f); /* from the depot, not from Kafka */
	assert_int_equal(f->events, 2);
	WAIT_FOR(f, read_of(f, LINEAGE) == 1);
	assert_int_equal(info_of(f, LINEAGE).messages, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(records__are_stored_once_with_their_place),
	    T(poison__is_kept_aside_and_keeps_nobody_waiting),
	    T(topic__that_does_not_fit_keeps_no_other_waiting),
	    T(lineage__is_an_event_and_part_of_the_graph),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
