/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/ingest.h"

#include "base/mem.h"
#include "base/sys.h"
#include "collector/audit/read.h"
#include "proto/audit.h"
#include "proto/batch.h"
#include "proto/frame.h"
#include "proto/leaf.h"
#include "proto/root.h"
#include "tests/support/support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ORIGIN "outrider/test/shard/0"
#define TOPIC  "outrider.audit"

enum { MAX = 400 };

static const uint8_t agent_a[16] = "agent-a-agent-a";
static const uint8_t agent_b[16] = "agent-b-agent-b";
static const uint8_t agent_c[16] = "the-collector--";
static const uint8_t span[24] = "trace-trace-tra-span-sp";

struct fixture {
	char *dir;
	struct or_loop *loop;
	struct or_slow *slow;
	struct or_crypto_key *keys[4];
	const struct or_crypto_key *issuer, *agent, *own;
	struct tl_note_key log_key;
	struct or_buf cert, own_cert;
	const struct or_crypto_key *issuers[1];
	struct co_ingest_opt opt;
	struct co_ingest *in;
	struct or_arena *a;
	struct or_err err;
	bool revoked;
	/* The last answer, and how many there were. */
	struct co_ingest_answer answer;
	char detail[OR_ERR_MSG_MAX];
	size_t answers;
};

static bool is_revoked(void *arg, const struct wire_cert *cert)
{
	struct fixture *x = arg;

	(void)cert;
	return x->revoked;
}

static void issue(struct fixture *x, struct or_buf *out, const uint8_t *id,
    const struct or_crypto_key *key, const struct or_slice *products, size_t n, uint64_t not_after)
{
	struct wire_cert c = {.agent_id = or_slice(id, 16),
	    .products = products,
	    .n_products = n,
	    .not_before_ns = 1,
	    .not_after_ns = not_after};
	struct or_buf raw;

	or_buf_init(&raw, 64);
	ASSERT_CODE(or_crypto_key_public(&raw, key), OR_OK);
	c.public_key = or_buf_slice(&raw);
	or_buf_init(out, WIRE_CERT_MAX);
	ASSERT_OK(wire_cert_issue(out, &c, x->issuer, &x->err), &x->err);
	or_buf_done(&raw);
}

static void open_ingest(struct fixture *x)
{
	ASSERT_OK(or_slow_new(&x->slow, x->loop, 64, &x->err), &x->err);
	x->opt.slow = x->slow;
	ASSERT_OK(co_ingest_open(&x->in, &x->opt, &x->err), &x->err);
}

static void close_ingest(struct fixture *x)
{
	or_slow_free(x->slow);
	co_ingest_close(x->in);
	x->slow = NULL;
	x->in = NULL;
}

static int set_up(void **state)
{
	static const struct or_slice all[] = {OR_SLICE_LIT("*")};
	static const struct or_slice products[] = {
	    OR_SLICE_LIT("orders"), OR_SLICE_LIT("invoices")};
	struct or_loop_opt virtual = {
	    .virtual_clock = true, .virtual_wall_ns = 1764000000LL * OR_NS_PER_S};
	struct fixture *x = or_mem_new(sizeof(*x));

	x->dir = support_tmpdir_new();
	x->a = or_arena_new(0);
	ASSERT_OK(or_loop_new(&x->loop, &virtual, &x->err), &x->err);
	for (size_t i = 0; i < OR_LEN(x->keys); i++)
		ASSERT_OK(or_crypto_key_new(&x->keys[i], OR_CRYPTO_ED25519, &x->err), &x->err);
	x->issuer = x->keys[0];
	x->agent = x->keys[1];
	x->own = x->keys[2];
	ASSERT_OK(tl_note_key_init(&x->log_key, ORIGIN, x->keys[3], &x->err), &x->err);
	issue(x, &x->cert, agent_a, x->agent, products, 2, INT64_MAX);
	issue(x, &x->own_cert, agent_c, x->own, all, 1, INT64_MAX);
	x->issuers[0] = x->issuer;
	x->opt = (struct co_ingest_opt){.loop = x->loop,
	    .dir = x->dir,
	    .origin = ORIGIN,
	    .key = &x->log_key,
	    .issuers = x->issuers,
	    .n_issuers = 1,
	    .is_revoked = is_revoked,
	    .revoked_arg = x,
	    .own_key = x->own,
	    .own_cert = or_buf_slice(&x->own_cert)};
	open_ingest(x);
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	or_sys_fault_set(NULL, NULL);
	close_ingest(x);
	or_loop_free(x->loop);
	or_buf_done(&x->cert);
	or_buf_done(&x->own_cert);
	tl_note_key_done(&x->log_key);
	for (size_t i = 0; i < OR_LEN(x->keys); i++)
		or_crypto_key_free(x->keys[i]);
	or_arena_free(x->a);
	support_tmpdir_remove(x->dir);
	or_mem_free(x);
	return 0;
}

/* What an agent sends: records from..to, and what a test makes wrong. */
struct sent {
	uint64_t epoch, from, to;
	uint64_t prev_epoch, prev_seq;
	const char *port;    /* another text makes another record of the same number */
	const char *product; /* of the records */
	const char *stream;
	const uint8_t *agent;
	struct or_slice cert;
	const struct or_crypto_key *key;
	struct or_slice inputs, named; /* in the batch; whose hash the records name */
	struct wire_dropped dropped;
	enum wire_front front;
	bool drop_last; /* a record that the frame counts is not there */
	bool swap;      /* the first two records stand the other way round */
	bool junk;      /* a record that is none */
	struct or_buf frame, batch;
};

static struct sent sent(struct fixture *x, uint64_t from, uint64_t to)
{
	return (struct sent){.epoch = 7,
	    .from = from,
	    .to = to,
	    .port = "api",
	    .product = "orders",
	    .stream = TOPIC "/orders",
	    .agent = agent_a,
	    .cert = or_buf_slice(&x->cert),
	    .front = WIRE_FRONT_PROXY,
	    .key = x->agent};
}

static struct or_slice make_record(struct fixture *x, const struct sent *s, uint64_t seq)
{
	const char *topic_end = strchr(s->stream, '/');
	uint8_t hash[32];
	struct wire_audit r = {.time_ns = 1764000000000000000ULL + seq,
	    .agent_id = or_slice(s->agent, 16),
	    .epoch = s->epoch,
	    .seq = seq,
	    .product = or_slice_str(s->product),
	    .port = or_slice_str(s->port),
	    .kind = WIRE_KIND_ACCESS,
	    .front = s->front,
	    .phase = WIRE_PHASE_COMPLETE,
	    .decision = WIRE_DECISION_ALLOW,
	    .trace_id = or_slice(span, 16),
	    .span_id = or_slice(span + 16, 8)};
	struct or_slice encoded;
	struct or_buf out;

	/* The record's own stream is well-formed, or it would not encode. */
	r.stream = or_slice_str(
	    or_arena_printf(x->a, "%.*s/%s", (int)(topic_end - s->stream), s->stream, s->product));
	if (s->named.n) {
		or_crypto_sha256(hash, s->named);
		r.inputs = or_slice(hash, 32);
	}
	if (s->junk)
		return OR_SLICE_LIT("junk");
	or_buf_init(&out, WIRE_AUDIT_MAX);
	ASSERT_OK(wire_audit_encode(&out, &r, &x->err), &x->err);
	encoded = or_arena_dup(x->a, or_buf_slice(&out));
	or_buf_done(&out);
	return encoded;
}

static void build(struct fixture *x, struct sent *s)
{
	struct or_slice records[MAX];
	uint8_t root[32];
	size_t n = 0;
	struct wire_frame f = {.cert = s->cert,
	    .epoch = s->epoch,
	    .stream = or_slice_str(s->stream),
	    .seq_from = s->from,
	    .seq_to = s->to,
	    .root = or_slice(root, 32),
	    .prev_epoch = s->prev_epoch,
	    .prev_seq = s->prev_seq,
	    .dropped = &s->dropped,
	    .n_dropped = s->dropped.from ? 1 : 0,
	    .sent_ns = 1};

	for (uint64_t seq = s->from; seq <= s->to; seq++)
		if (seq < s->dropped.from || seq > s->dropped.to)
			records[n++] = make_record(x, s, seq);
	if (s->swap) {
		struct or_slice first = records[0];

		records[0] = records[1];
		records[1] = first;
	}
	wire_batch_begin(&s->batch);
	for (size_t i = 0; i < n - s->drop_last; i++)
		wire_batch_add_record(&s->batch, records[i]);
	if (s->inputs.n)
		wire_batch_add_inputs(&s->batch, s->inputs);
	wire_root_compute(root, records, n);
	or_buf_init(&s->frame, WIRE_FRAME_MAX);
	ASSERT_OK(wire_frame_sign(&s->frame, &f, s->key, &x->err), &x->err);
}

static void on_answer(void *arg, const struct co_ingest_answer *answer)
{
	struct fixture *x = arg;

	x->answer = *answer;
	snprintf(x->detail, sizeof(x->detail), "%s", answer->detail);
	x->answers++;
}

static struct co_ingest_request request_of(const struct sent *s)
{
	return (struct co_ingest_request){.topic = OR_SLICE_LIT(TOPIC),
	    .frame = or_buf_slice(&s->frame),
	    .batch = or_buf_slice(&s->batch),
	    .peer = OR_SLICE_LIT("127.0.0.1:1")};
}

static void submit_built(struct fixture *x, struct sent *s)
{
	struct co_ingest_request request = request_of(s);

	co_ingest_submit(x->in, &request, on_answer, x);
	or_buf_done(&s->frame);
	or_buf_done(&s->batch);
}

static void submit(struct fixture *x, struct sent s)
{
	build(x, &s);
	submit_built(x, &s);
}

static void wait_for(struct fixture *x, size_t answers)
{
	while (x->answers < answers)
		or_loop_turn(x->loop, false);
	assert_int_equal(x->answers, answers);
}

/* Waits until the slow thread has nothing left to do. */
static void drain(struct fixture *x)
{
	while (or_slow_queued(x->slow))
		or_loop_turn(x->loop, false);
}

/* Submits and waits. */
static void take(struct fixture *x, struct sent s)
{
	size_t before = x->answers;

	submit(x, s);
	wait_for(x, before + 1);
	drain(x);
}

static uint64_t log_size(struct fixture *x)
{
	return co_log_size(co_ingest_log(x->in));
}

static struct wire_leaf leaf_at(struct fixture *x, uint64_t index)
{
	const char *dir = co_log_dir(co_ingest_log(x->in));
	struct tl_segment_entry e;
	struct wire_leaf leaf;
	struct co_read *reader;

	ASSERT_OK(co_read_open(&reader, dir, log_size(x), &x->err), &x->err);
	ASSERT_OK(co_read_leaf(reader, &e, index, &x->err), &x->err);
	ASSERT_OK(wire_leaf_decode(&leaf, or_arena_dup(x->a, e.leaf), &x->err), &x->err);
	co_read_close(reader);
	return leaf;
}

static struct wire_audit record_at(struct fixture *x, uint64_t index)
{
	struct wire_leaf leaf = leaf_at(x, index);
	struct wire_audit r;

	assert_int_equal(leaf.type, WIRE_LEAF_RECORD);
	ASSERT_OK(wire_audit_decode(&r, NULL, leaf.content, x->a, &x->err), &x->err);
	return r;
}

static void assert_attribute(const struct wire_audit *r, const char *key, const char *value)
{
	size_t i = 0;

	while (i < r->n_attributes && !or_slice_is(r->attributes[i].key, key))
		i++;
	assert_true(i < r->n_attributes);
	ASSERT_SLICE(r->attributes[i].value, value);
}

static void assert_answer(
    struct fixture *x, uint64_t stored, uint64_t duplicates, uint64_t conflicts, uint64_t missing)
{
	assert_int_equal(x->answer.code, OR_OK);
	assert_string_equal(x->answer.reason, "ok");
	assert_int_equal(x->answer.stored, stored);
	assert_int_equal(x->answer.duplicates, duplicates);
	assert_int_equal(x->answer.conflicts, conflicts);
	assert_int_equal(x->answer.missing, missing);
}

static void submit__stores_records_and_their_frame(void **state)
{
	struct fixture *x = *state;
	struct sent other = sent(x, 1, 2);

	take(x, sent(x, 1, 3));
	assert_answer(x, 3, 0, 0, 0);
	assert_int_equal(log_size(x), 4);
	assert_int_equal(leaf_at(x, 0).type, WIRE_LEAF_FRAME);
	assert_int_equal(record_at(x, 1).seq, 1);
	assert_int_equal(record_at(x, 3).seq, 3);
	take(x, sent(x, 4, 4));
	assert_answer(x, 1, 0, 0, 0);
	assert_int_equal(log_size(x), 6);
	other.product = "invoices";
	other.stream = TOPIC "/invoices";
	take(x, other);
	assert_answer(x, 2, 0, 0, 0);
}

static void again__is_acknowledged_and_not_stored(void **state)
{
	struct fixture *x = *state;

	take(x, sent(x, 1, 5));
	take(x, sent(x, 1, 5));
	assert_answer(x, 0, 5, 0, 0);
	assert_int_equal(log_size(x), 6);
	/* Another cut of the same records: what is new in it is stored. */
	take(x, sent(x, 4, 7));
	assert_answer(x, 2, 2, 0, 0);
	assert_int_equal(log_size(x), 9);
	/* After a restart as well. */
	close_ingest(x);
	open_ingest(x);
	take(x, sent(x, 1, 7));
	assert_answer(x, 0, 7, 0, 0);
	assert_int_equal(log_size(x), 9);
}

static void again__before_the_first_is_durable_waits_for_it(void **state)
{
	struct fixture *x = *state;

	for (int i = 0; i < 4; i++)
		submit(x, sent(x, 1, 5));
	assert_int_equal(x->answers, 0);
	wait_for(x, 4);
	assert_answer(x, 0, 5, 0, 0);
	assert_int_equal(log_size(x), 6);
}

static void again__keeps_those_behind_it_waiting(void **state)
{
	struct fixture *x = *state;

	take(x, sent(x, 1, 3));
	submit(x, sent(x, 2, 5)); /* has to look up what 2 and 3 are */
	submit(x, sent(x, 6, 7)); /* would see a gap if it went first */
	submit(x, sent(x, 8, 8));
	wait_for(x, 4);
	assert_answer(x, 1, 0, 0, 0);
	take(x, sent(x, 1, 8));
	assert_answer(x, 0, 8, 0, 0);
}

static void again__is_found_in_older_segments(void **state)
{
	struct fixture *x = *state;

	close_ingest(x);
	x->opt.segment_bytes = 3000;
	open_ingest(x);
	for (uint64_t seq = 1; seq < 100; seq += 3)
		take(x, sent(x, seq, seq + 2));
	take(x, sent(x, 1, 99));
	assert_answer(x, 0, 99, 0, 0);
	take(x, sent(x, 40, 43));
	assert_answer(x, 0, 4, 0, 0);
}

static void conflict__is_recorded_once_and_not_stored(void **state)
{
	struct fixture *x = *state;
	struct sent other = sent(x, 2, 4);
	struct co_ingest_stats stats;
	struct wire_audit r;

	take(x, sent(x, 1, 3));
	other.port = "forged";
	take(x, other);
	assert_answer(x, 1, 0, 2, 0);
	/* The frame, 4, our frame, the finding. */
	assert_int_equal(log_size(x), 8);
	assert_int_equal(record_at(x, 5).seq, 4);
	r = record_at(x, 7);
	assert_int_equal(r.kind, WIRE_KIND_GAP);
	assert_int_equal(r.front, WIRE_FRONT_COLLECTOR);
	ASSERT_SLICE(r.reason, "conflict");
	ASSERT_SLICE(r.product, "orders");
	assert_attribute(&r, "from", "2");
	assert_attribute(&r, "to", "3");
	assert_attribute(&r, "count", "2");
	assert_true(or_slice_eq(r.agent_id, or_slice(agent_c, 16)));
	assert_int_equal(r.seq, 1);
	other.from = 2;
	other.to = 3;
	take(x, other);
	assert_answer(x, 0, 0, 2, 0);
	assert_int_equal(log_size(x), 8);
	co_ingest_stats(&stats, x->in);
	assert_int_equal(stats.dead_letters, 1);
}

static void missing__numbers_become_a_record(void **state)
{
	struct fixture *x = *state;
	struct wire_audit r;

	take(x, sent(x, 1, 2));
	take(x, sent(x, 6, 7));
	assert_answer(x, 2, 0, 0, 3);
	r = record_at(x, 7);
	ASSERT_SLICE(r.reason, "missing");
	assert_attribute(&r, "from", "3");
	assert_attribute(&r, "to", "5");
	assert_attribute(&r, "count", "3");
	ASSERT_SLICE(r.principal.type, "Agent");
	ASSERT_HAS((const char *)r.resource.id.p, "/0000000000000007/outrider.audit/orders");
	/* Late ones are stored, and nothing is said twice. */
	take(x, sent(x, 4, 5));
	assert_answer(x, 2, 0, 0, 0);
	take(x, sent(x, 3, 3));
	assert_answer(x, 1, 0, 0, 0);
	take(x, sent(x, 1, 8));
	assert_answer(x, 1, 7, 0, 0);
}

static void missing__is_seen_by_a_heartbeat_too(void **state)
{
	struct fixture *x = *state;
	struct sent beat = sent(x, 3, 2);
	uint64_t size;

	take(x, sent(x, 1, 2));
	size = log_size(x);
	take(x, beat);
	assert_answer(x, 0, 0, 0, 0);
	assert_int_equal(log_size(x), size);
	beat = sent(x, 10, 9);
	take(x, beat);
	assert_answer(x, 0, 0, 0, 7);
	size = log_size(x);
	take(x, beat);
	assert_answer(x, 0, 0, 0, 0);
	assert_int_equal(log_size(x), size);
	close_ingest(x);
	open_ingest(x);
	take(x, beat);
	assert_answer(x, 0, 0, 0, 0);
	assert_int_equal(log_size(x), size);
}

static void missing__is_seen_at_the_end_of_an_epoch(void **state)
{
	struct fixture *x = *state;
	struct sent next = sent(x, 1, 2);

	take(x, sent(x, 1, 2));
	next.epoch = 8;
	next.prev_epoch = 7;
	next.prev_seq = 6;
	take(x, next);
	assert_answer(x, 2, 0, 0, 4);
	next.from = 3;
	next.to = 3;
	take(x, next);
	assert_answer(x, 1, 0, 0, 0);
}

static void dropped__numbers_are_not_missing(void **state)
{
	struct fixture *x = *state;
	struct sent s = sent(x, 1, 9);

	s.dropped = (struct wire_dropped){3, 6, OR_SLICE_LIT("full")};
	take(x, s);
	assert_answer(x, 5, 0, 0, 0);
	take(x, sent(x, 10, 10));
	assert_answer(x, 1, 0, 0, 0);
	/* What was said to be dropped does not come after all. */
	take(x, sent(x, 3, 3));
	assert_answer(x, 0, 0, 1, 0);
}

static void refused(struct fixture *x, struct sent s, enum or_code rc, const char *reason)
{
	uint64_t size = log_size(x);
	struct co_ingest_stats before, after;

	co_ingest_stats(&before, x->in);
	take(x, s);
	assert_int_equal(x->answer.code, rc);
	assert_string_equal(x->answer.reason, reason);
	assert_true(strlen(x->detail) > 0);
	assert_int_equal(log_size(x), size);
	co_ingest_stats(&after, x->in);
	assert_int_equal(after.refused, before.refused + 1);
	assert_int_equal(after.dead_letters, before.dead_letters + 1);
}

static void refusal__says_why_and_stores_nothing(void **state)
{
	static const struct or_slice one[] = {OR_SLICE_LIT("orders")};
	struct fixture *x = *state;
	struct or_buf expired, other_agent, other_key;
	const struct or_crypto_key *issuer = x->issuer;
	struct or_crypto_key *stranger;
	struct sent s;

	ASSERT_OK(or_crypto_key_new(&stranger, OR_CRYPTO_ED25519, &x->err), &x->err);
	issue(x, &expired, agent_a, x->agent, one, 1, 1000);
	issue(x, &other_agent, agent_b, x->agent, one, 1, INT64_MAX);
	x->issuer = stranger;
	issue(x, &other_key, agent_a, x->agent, one, 1, INT64_MAX);
	x->issuer = issuer;
	take(x, sent(x, 1, 2));
#define REFUSED(change, rc, reason)                                                                \
	do {                                                                                       \
		s = sent(x, 3, 4);                                                                 \
		change;                                                                            \
		refused(x, s, rc, reason);                                                         \
	} while (0)
	REFUSED(s.cert = OR_SLICE_LIT("none"), OR_PARSE, "certificate");
	REFUSED(s.cert = or_buf_slice(&other_key), OR_DENIED, "certificate");
	REFUSED(s.cert = or_buf_slice(&expired), OR_DENIED, "expired");
	REFUSED(s.key = stranger, OR_DENIED, "signature");
	REFUSED((s.product = "payroll", s.stream = TOPIC "/payroll"), OR_DENIED, "product");
	REFUSED(s.stream = "otlp_logs/orders", OR_PARSE, "frame");
	REFUSED(s.drop_last = true, OR_PARSE, "count");
	REFUSED(s.swap = true, OR_PARSE, "record");
	REFUSED(s.junk = true, OR_PARSE, "record");
	REFUSED(s.product = "invoices", OR_PARSE, "record");
	REFUSED(s.agent = agent_b, OR_PARSE, "record");
	REFUSED(s.cert = or_buf_slice(&other_agent), OR_PARSE, "record");
	REFUSED(s.front = WIRE_FRONT_COLLECTOR, OR_PARSE, "record");
	REFUSED(s.inputs = OR_SLICE_LIT("{}"), OR_PARSE, "inputs");
	x->revoked = true;
	REFUSED((void)0, OR_DENIED, "revoked");
	x->revoked = false;
#undef REFUSED
	take(x, sent(x, 3, 4));
	assert_answer(x, 2, 0, 0, 0);
	or_crypto_key_free(stranger);
	or_buf_done(&expired);
	or_buf_done(&other_agent);
	or_buf_done(&other_key);
}

static void refusal__of_another_connections_agent(void **state)
{
	struct fixture *x = *state;
	struct sent s = sent(x, 1, 2);
	struct co_ingest_request request;

	build(x, &s);
	request = request_of(&s);
	request.agent_id = or_slice(agent_b, 16);
	assert_null(co_ingest_submit(x->in, &request, on_answer, x));
	assert_int_equal(x->answer.code, OR_DENIED);
	assert_string_equal(x->answer.reason, "identity");
	request.topic = OR_SLICE_LIT("otlp_logs");
	assert_null(co_ingest_submit(x->in, &request, on_answer, x));
	assert_string_equal(x->answer.reason, "topic");
	request.topic = OR_SLICE_LIT(TOPIC);
	request.agent_id = or_slice(agent_a, 16);
	assert_non_null(co_ingest_submit(x->in, &request, on_answer, x));
	wait_for(x, 3);
	assert_answer(x, 2, 0, 0, 0);
	or_buf_done(&s.frame);
	or_buf_done(&s.batch);
}

static void inputs__are_stored_by_their_content(void **state)
{
	struct fixture *x = *state;
	struct sent s = sent(x, 1, 2);
	uint8_t hash[32];
	struct or_buf out;

	s.inputs = s.named = OR_SLICE_LIT("{\"groups\":[\"analysts\"]}");
	or_crypto_sha256(hash, s.inputs);
	or_buf_init(&out, 4096);
	ASSERT_CODE(co_ingest_inputs(x->in, &out, hash, &x->err), OR_ABSENT);
	take(x, s);
	assert_answer(x, 2, 0, 0, 0);
	ASSERT_OK(co_ingest_inputs(x->in, &out, hash, &x->err), &x->err);
	ASSERT_SLICE(or_buf_slice(&out), "{\"groups\":[\"analysts\"]}");
	s.from = 3;
	s.to = 4;
	take(x, s);
	assert_answer(x, 2, 0, 0, 0);
	or_buf_done(&out);
}

static int fail_syncs(void *arg, enum or_sys_op op, size_t *limit)
{
	const bool *on = arg;

	(void)limit;
	return *on && op == OR_SYS_SYNC ? EIO : 0;
}

static void storage__that_fails_is_tried_again_and_nothing_doubles(void **state)
{
	struct fixture *x = *state;
	bool on = false;

	or_sys_fault_set(fail_syncs, &on);
	take(x, sent(x, 1, 2));
	on = true;
	take(x, sent(x, 3, 5));
	assert_int_equal(x->answer.code, OR_IO);
	assert_string_equal(x->answer.reason, "storage");
	take(x, sent(x, 3, 5));
	assert_int_equal(x->answer.code, OR_IO);
	on = false;
	for (int i = 0; i < 1000 && x->answer.code != OR_OK; i++) {
		or_loop_advance(x->loop, OR_NS_PER_S);
		take(x, sent(x, 3, 5));
	}
	/* They had been written before the fsync failed, so they came with the log. */
	assert_answer(x, 0, 3, 0, 0);
	take(x, sent(x, 1, 6));
	assert_answer(x, 1, 5, 0, 0);
	assert_int_equal(log_size(x), 3 + 4 + 2);
}

static void own__records_are_signed_and_counted(void **state)
{
	struct fixture *x = *state;
	struct wire_audit r = {.product = OR_SLICE_LIT("orders"),
			      .kind = WIRE_KIND_ADMIN,
			      .action = OR_SLICE_LIT("query")},
			  got;

	ASSERT_OK(co_ingest_own(x->in, &r, NULL, NULL, &x->err), &x->err);
	ASSERT_OK(co_ingest_own(x->in, &r, NULL, NULL, &x->err), &x->err);
	take(x, sent(x, 3, 3));
	assert_answer(x, 1, 0, 0, 2);
	got = record_at(x, 3);
	assert_int_equal(got.kind, WIRE_KIND_ADMIN);
	assert_int_equal(got.seq, 2);
	assert_int_equal(got.time_ns, 1764000000ULL * OR_NS_PER_S);
	ASSERT_SLICE(got.stream, "outrider.audit/orders");
	assert_int_equal(record_at(x, 7).seq, 3);
	close_ingest(x);
	open_ingest(x);
	ASSERT_OK(co_ingest_own(x->in, &r, NULL, NULL, &x->err), &x->err);
	take(x, sent(x, 4, 4));
	assert_int_equal(record_at(x, 9).seq, 4);
	r.product = OR_SLICE_NONE;
	ASSERT_CODE(co_ingest_own(x->in, &r, NULL, NULL, &x->err), OR_INVAL);
}

static void cancel__promises_silence(void **state)
{
	struct fixture *x = *state;
	struct sent s = sent(x, 1, 2);
	struct co_ingest_request request;

	build(x, &s);
	request = request_of(&s);
	co_ingest_cancel(co_ingest_submit(x->in, &request, on_answer, x));
	or_buf_done(&s.frame);
	or_buf_done(&s.batch);
	take(x, sent(x, 1, 2)); /* it was stored all the same */
	assert_answer(x, 0, 2, 0, 0);
}

/* Bytes that were changed anywhere are refused, or were stored already: never half, never more. */
static void mutated__requests_change_nothing(void **state)
{
	struct fixture *x = *state;
	struct co_ingest_stats stats;
	uint32_t seed = 12345;
	uint64_t size;

	take(x, sent(x, 1, 3));
	size = log_size(x);
	for (int i = 0; i < 2000; i++) {
		struct sent s = sent(x, 4, 6);
		struct or_buf *target;
		size_t before = x->answers;

		build(x, &s);
		seed = seed * 1103515245 + 12345;
		target = seed >> 16 & 1 ? &s.frame : &s.batch;
		if (seed >> 17 & 3)
			target->p[(seed >> 8) % target->n] ^= (uint8_t)(1 << (seed >> 5 & 7));
		else
			or_buf_cut(target, (seed >> 8) % target->n);
		submit_built(x, &s);
		wait_for(x, before + 1);
		if (i % 16 == 0)
			drain(x);
		assert_true(x->answer.code == OR_PARSE || x->answer.code == OR_DENIED);
		or_arena_clear(x->a);
	}
	assert_int_equal(log_size(x), size);
	co_ingest_stats(&stats, x->in);
	assert_int_equal(stats.refused, 2000);
	take(x, sent(x, 4, 6));
	assert_answer(x, 3, 0, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(submit__stores_records_and_their_frame),
	    T(again__is_acknowledged_and_not_stored),
	    T(again__before_the_first_is_durable_waits_for_it),
	    T(again__keeps_those_behind_it_waiting),
	    T(again__is_found_in_older_segments),
	    T(conflict__is_recorded_once_and_not_stored),
	    T(missing__numbers_become_a_record),
	    T(missing__is_seen_by_a_heartbeat_too),
	    T(missing__is_seen_at_the_end_of_an_epoch),
	    T(dropped__numbers_are_not_missing),
	    T(refusal__says_why_and_stores_nothing),
	    T(refusal__of_another_connections_agent),
	    T(inputs__are_stored_by_their_content),
	    T(storage__that_fails_is_tried_again_and_nothing_doubles),
	    T(own__records_are_signed_and_counted),
	    T(cancel__promises_silence),
	    T(mutated__requests_change_nothing),
	};

	/* Many small writes, none of which can show anything that a disk would. */
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
