/* SPDX-License-Identifier: Apache-2.0 */
/* From librdkafka's mock cluster into a shard, with its log on disk. */
#include "collector/ingest/kafka.h"

#include "base/bus_kafka_producer.h"
#include "base/str.h"
#include "base/sys.h"
#include "collector/audit/read.h"
#include "proto/enrol.h"
#include "proto/frame.h"
#include "proto/leaf.h"
#include "tests/support/agent.h"
#include "tests/support/kafka_mock.h"
#include "tests/support/support.h"

#include <errno.h>

enum { DEADLINE_S = 60, AGENTS = 3 };

struct fixture {
	char *dir;
	struct or_loop *loop;
	struct or_slow *slow, *sender_slow;
	struct or_loop_timer *deadline;
	bool is_late;
	struct kafka_mock *mock;
	struct or_bus_kafka_access access;
	struct or_bus_kafka_producer *sender;
	unsigned int sent, delivered;
	struct support_agent agents[AGENTS];
	struct support_shipment shipment;
	struct or_crypto_key *issuer, *own, *log_key;
	const struct or_crypto_key *issuers[1];
	struct tl_note_key note_key;
	struct or_buf own_cert;
	struct co_ingest_opt opt;
	struct co_ingest *in;
	struct co_kafka *k;
	unsigned int seen;
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

static void certify(struct fixture *f, struct or_buf *out, const char *id,
    const struct or_crypto_key *key, const char *product)
{
	struct or_slice products[] = {or_slice_str(product)};
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

static void on_agent(void *arg, const uint8_t uuid[16])
{
	struct fixture *f = arg;

	(void)uuid;
	f->seen++;
}

static void open_shard(struct fixture *f)
{
	ASSERT_OK(or_slow_new(&f->slow, f->loop, 64, &f->err), &f->err);
	f->opt.slow = f->slow;
	ASSERT_OK(co_ingest_open(&f->in, &f->opt, &f->err), &f->err);
}

static void *submit(void *self, uint32_t shard, const struct co_ingest_request *request,
    co_ingest_fn *fn, void *arg)
{
	assert_int_equal(shard, 0);
	return co_ingest_submit(((struct fixture *)self)->in, request, fn, arg);
}

static void cancel(void *call)
{
	co_ingest_cancel(call);
}

static uint64_t next(void *self, struct or_slice name, uint32_t partition)
{
	return co_ingest_next(((struct fixture *)self)->in, name, partition);
}

static void open_kafka(struct fixture *f)
{
	struct co_kafka_opt opt = {.loop = f->loop,
	    .access = &f->access,
	    .group = "test",
	    .sink = {.topic = CO_KAFKA_TOPIC,
		.n_shards = 1,
		.self = f,
		.submit = submit,
		.cancel = cancel,
		.next = next},
	    .on_agent = on_agent,
	    .arg = f};

	ASSERT_OK(co_kafka_open(&f->k, &opt, &f->err), &f->err);
}

static void close_all(struct fixture *f)
{
	co_kafka_close(f->k);
	or_slow_free(f->slow);
	co_ingest_close(f->in);
	f->k = NULL;
	f->slow = NULL;
	f->in = NULL;
}

static void set_up_keys(struct fixture *f)
{
	char own_id[OR_RNG_UUID_LEN + 1];

	or_rng_uuid(own_id);
	or_buf_init(&f->own_cert, WIRE_CERT_MAX);
	ASSERT_CODE(or_crypto_key_new(&f->issuer, OR_CRYPTO_ED25519, NULL), OR_OK);
	ASSERT_CODE(or_crypto_key_new(&f->own, OR_CRYPTO_ED25519, NULL), OR_OK);
	ASSERT_CODE(or_crypto_key_new(&f->log_key, OR_CRYPTO_ED25519, NULL), OR_OK);
	ASSERT_OK(tl_note_key_init(&f->note_key, "test", f->log_key, &f->err), &f->err);
	certify(f, &f->own_cert, own_id, f->own, "*");
	for (size_t i = 0; i < AGENTS; i++) {
		support_agent_init(&f->agents[i]);
		certify(f, &f->agents[i].cert, f->agents[i].id, f->agents[i].key, "orders");
	}
}

static int set_up(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));
	struct or_bus_kafka_producer_opt sender = {.access = &f->access, .linger_ns = OR_NS_PER_MS};

	f->dir = support_tmpdir_new();
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
	set_up_keys(f);
	f->shipment = (struct support_shipment){
	    .stream = CO_KAFKA_TOPIC "/orders", .product = "orders", .now_ns = 1};
	f->issuers[0] = f->issuer;
	f->opt = (struct co_ingest_opt){.loop = f->loop,
	    .dir = f->dir,
	    .origin = "test",
	    .key = &f->note_key,
	    .issuers = f->issuers,
	    .n_issuers = 1,
	    .own_key = f->own,
	    .own_cert = or_buf_slice(&f->own_cert)};
	open_shard(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	or_sys_fault_set(NULL, NULL);
	close_all(f);
	or_bus_kafka_producer_free(f->sender);
	or_slow_free(f->sender_slow);
	or_loop_timer_cancel(f->deadline);
	or_loop_free(f->loop);
	kafka_mock_free(f->mock);
	for (size_t i = 0; i < AGENTS; i++)
		support_agent_done(&f->agents[i]);
	tl_note_key_done(&f->note_key);
	or_crypto_key_free(f->issuer);
	or_crypto_key_free(f->own);
	or_crypto_key_free(f->log_key);
	or_buf_done(&f->own_cert);
	support_tmpdir_remove(f->dir);
	test_free(f);
	return 0;
}

static void on_sent(void *arg, enum or_code rc, const struct or_err *err)
{
	ASSERT_OK(rc, err);
	((struct fixture *)arg)->delivered++;
}

/* Puts a batch of n records of that agent into the topic, and waits until it is there. */
static void send_batch(struct fixture *f, size_t agent, size_t n)
{
	struct or_bus_kafka_header header = {.name = CO_KAFKA_FRAME};
	struct or_bus_kafka_message m = {.topic = CO_KAFKA_TOPIC,
	    .key = OR_SLICE_LIT("orders"),
	    .headers = &header,
	    .n_headers = 1};
	struct or_buf batch, text, frame;
	struct or_bus_kafka_send *send;
	enum or_code rc;

	or_buf_init(&batch, 1 << 20);
	or_buf_init(&text, 1 << 17);
	or_buf_init(&frame, WIRE_FRAME_MAX);
	support_agent_ship(&batch, &text, &f->agents[agent], n, &f->shipment);
	ASSERT_CODE(or_str_base64_decode(&frame, or_buf_slice(&text)), OR_OK);
	header.value = or_buf_slice(&frame);
	m.value = or_buf_slice(&batch);
	while ((rc = or_bus_kafka_producer_send(&send, f->sender, &m, on_sent, f, &f->err)) ==
		   OR_AGAIN &&
	       !f->is_late)
		or_loop_turn(f->loop, false);
	ASSERT_OK(rc, &f->err);
	f->sent++;
	WAIT_FOR(f, f->delivered == f->sent);
	or_buf_done(&batch);
	or_buf_done(&text);
	or_buf_done(&frame);
}

static struct co_kafka_info info_of(struct fixture *f)
{
	struct co_kafka_info info;

	co_kafka_get_info(&info, f->k);
	return info;
}

static size_t count_leaves(struct fixture *f, enum wire_leaf_type type)
{
	uint64_t size = co_log_size(co_ingest_log(f->in));
	struct co_read *r;
	size_t n = 0;

	ASSERT_OK(co_read_open(&r, f->dir, size, &f->err), &f->err);
	for (uint64_t i = 0; i < size; i++) {
		struct tl_segment_entry e;
		struct wire_leaf leaf;

		ASSERT_OK(co_read_leaf(r, &e, i, &f->err), &f->err);
		ASSERT_OK(wire_leaf_decode(&leaf, e.leaf, &f->err), &f->err);
		n += leaf.type == type;
	}
	co_read_close(r);
	return n;
}

static void batches__are_stored_once_with_their_place(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < 12; i++)
		send_batch(f, i % AGENTS, 3);
	open_kafka(f);
	WAIT_FOR(f, co_kafka_next(f->k, 0) == 12);
	assert_int_equal(info_of(f).stored, 12);
	assert_int_equal(f->seen, 12);
	assert_int_equal(count_leaves(f, WIRE_LEAF_RECORD), 36);
	assert_int_equal(count_leaves(f, WIRE_LEAF_SOURCE), 12);
	/* Another life goes on behind them. */
	close_all(f);
	open_shard(f);
	send_batch(f, 0, 3);
	open_kafka(f);
	WAIT_FOR(f, co_kafka_next(f->k, 0) == 13);
	assert_int_equal(info_of(f).messages, 1);
	assert_int_equal(count_leaves(f, WIRE_LEAF_RECORD), 39);
}

static void batches__that_come_again_add_nothing(void **state)
{
	struct fixture *f = *state;

	send_batch(f, 0, 3);
	f->shipment.again = true;
	send_batch(f, 0, 3);
	open_kafka(f);
	WAIT_FOR(f, co_kafka_next(f->k, 0) == 2);
	assert_int_equal(count_leaves(f, WIRE_LEAF_RECORD), 3);
	assert_int_equal(count_leaves(f, WIRE_LEAF_SOURCE), 1);
}

static void refused__messages_keep_nobody_waiting(void **state)
{
	struct fixture *f = *state;
	struct co_ingest_stats stats;

	kafka_mock_fill(f->mock, CO_KAFKA_TOPIC, 0, "no batch", 3);
	send_batch(f, 0, 2);
	f->shipment.flip = true; /* a signature that does not verify */
	send_batch(f, 1, 2);
	f->shipment.flip = false;
	send_batch(f, 2, 2);
	open_kafka(f);
	WAIT_FOR(f, co_kafka_next(f->k, 0) == 6);
	assert_int_equal(info_of(f).refused, 4);
	assert_int_equal(info_of(f).stored, 2);
	WAIT_FOR(f, or_slow_queued(f->slow) == 0);
	co_ingest_stats(&stats, f->in);
	assert_int_equal(stats.dead_letters, 4);
	assert_int_equal(count_leaves(f, WIRE_LEAF_RECORD), 4);
}

static int fail_syncs(void *arg, enum or_sys_op op, size_t *limit)
{
	(void)limit;
	return *(const bool *)arg && op == OR_SYS_SYNC ? EIO : 0;
}

static void storage__that_fails_is_waited_for(void **state)
{
	struct fixture *f = *state;
	bool on = true;

	or_sys_fault_set(fail_syncs, &on);
	for (size_t i = 0; i < 6; i++)
		send_batch(f, i % 2, 4);
	open_kafka(f);
	WAIT_FOR(f, info_of(f).retried >= 2);
	assert_int_equal(co_kafka_next(f->k, 0), 0);
	on = false;
	WAIT_FOR(f, co_kafka_next(f->k, 0) == 6);
	assert_int_equal(count_leaves(f, WIRE_LEAF_RECORD), 24);
	assert_int_equal(info_of(f).refused, 0);
}

static void offset__that_is_gone_loses_and_doubles_nothing(void **state)
{
	struct fixture *f = *state;

	send_batch(f, 0, 5);
	open_kafka(f);
	WAIT_FOR(f, co_kafka_next(f->k, 0) == 1);
	kafka_mock_fail_fetch(f->mock, 1);
	send_batch(f, 0, 5);
	WAIT_FOR(f, co_kafka_next(f->k, 0) == 2);
	assert_int_equal(count_leaves(f, WIRE_LEAF_RECORD), 10);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(batches__are_stored_once_with_their_place),
	    T(batches__that_come_again_add_nothing),
	    T(refused__messages_keep_nobody_waiting),
	    T(storage__that_fails_is_waited_for),
	    T(offset__that_is_gone_loses_and_doubles_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
