/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/audit.h"

#include "base/crypto.h"
#include "base/mem.h"
#include "proto/audit.pb-c.h"
#include "proto/pb.h"
#include "tests/support/support.h"

#include <protobuf-c/protobuf-c.h>

#include <stdio.h>

static const uint8_t ids[64] = "AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCC";

/* The least that a record may be. */
static struct wire_audit small_record(void)
{
	return (struct wire_audit){.time_ns = 1764000000123456789ULL,
	    .agent_id = or_slice(ids, 16),
	    .epoch = 0x1122334455667788ULL,
	    .stream = OR_SLICE_LIT("outrider.audit/orders"),
	    .seq = 300,
	    .product = OR_SLICE_LIT("orders"),
	    .kind = WIRE_KIND_ACCESS,
	    .front = WIRE_FRONT_PROXY,
	    .phase = WIRE_PHASE_COMPLETE,
	    .trace_id = or_slice(ids + 16, 16),
	    .span_id = or_slice(ids + 32, 8)};
}

static const struct or_slice policies[] = {OR_SLICE_LIT("analysts"), OR_SLICE_LIT("pii")};
static const struct or_slice obligations[] = {OR_SLICE_LIT("mask email")};
static const struct wire_policy_error errors[] = {
    {OR_SLICE_LIT("hours"), OR_SLICE_LIT("attribute `hour` not found")}};
static const struct wire_principal act[] = {
    {OR_SLICE_LIT("Workload"), OR_SLICE_LIT("spiffe://mesh/etl"), OR_SLICE_LIT("mesh")},
    {.type = OR_SLICE_NONE}};
static const struct wire_attribute attributes[] = {
    {.key = OR_SLICE_LIT("purpose"), .value = OR_SLICE_LIT("fraud")},
    {.key = OR_SLICE_LIT("agent"),
	.value = OR_SLICE_LIT("curl"),
	.cut = true,
	.sha256 = {ids, 32}}};

static struct wire_audit full_record(void)
{
	struct wire_audit r = small_record();

	r.port = OR_SLICE_LIT("orders-api");
	r.workload = OR_SLICE_LIT("pod/orders-0");
	r.decision = WIRE_DECISION_DENY;
	r.principal = (struct wire_principal){
	    OR_SLICE_LIT("User"), OR_SLICE_LIT("https://idp#ana"), OR_SLICE_LIT("https://idp")};
	r.act = act;
	r.n_act = OR_LEN(act);
	r.action = OR_SLICE_LIT("read");
	r.resource = (struct wire_entity){OR_SLICE_LIT("Port"), OR_SLICE_LIT("orders/orders-api")};
	r.policies = policies;
	r.n_policies = OR_LEN(policies);
	r.policy_errors = errors;
	r.n_policy_errors = OR_LEN(errors);
	r.bundle_revision = 7;
	r.bundle_sha256 = or_slice(ids, 32);
	r.inputs = or_slice(ids + 1, 32);
	r.reason = OR_SLICE_LIT("policy");
	r.obligations = obligations;
	r.n_obligations = OR_LEN(obligations);
	r.request = (struct wire_request){OR_SLICE_LIT("GET"), OR_SLICE_LIT("/orders/ü"),
	    OR_SLICE_LIT("orders.local"), 403, 0, 128, 1500000};
	r.peer = OR_SLICE_LIT("10.0.0.7:51234");
	r.attributes = attributes;
	r.n_attributes = OR_LEN(attributes);
	return r;
}

struct fixture {
	struct or_arena *a;
	struct or_buf out;
	struct or_err err;
};

static int set_up(void **state)
{
	struct fixture *x = or_mem_new(sizeof(*x));

	x->a = or_arena_new(1 << 20);
	or_buf_init(&x->out, 1 << 20);
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	or_arena_free(x->a);
	or_buf_done(&x->out);
	or_mem_free(x);
	return 0;
}

static void encode__gives_the_bytes_of_the_specification(void **state)
{
	static const uint8_t expected[] = {0x09, 0x15, 0xcd, 0x25, 0x6f, 0xa7, 0xfc, 0x7a, 0x18,
	    0x12, 0x10, 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A',
	    'A', 0x19, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x22, 21, 'o', 'u', 't', 'r',
	    'i', 'd', 'e', 'r', '.', 'a', 'u', 'd', 'i', 't', '/', 'o', 'r', 'd', 'e', 'r', 's',
	    0x28, 0xac, 0x02, 0x32, 6, 'o', 'r', 'd', 'e', 'r', 's', 0x48, 1, 0x50, 1, 0x58, 1,
	    0xd2, 0x01, 16, 'B', 'B', 'B', 'B', 'B', 'B', 'B', 'B', 'B', 'B', 'B', 'B', 'B', 'B',
	    'B', 'B', 0xda, 0x01, 8, 'C', 'C', 'C', 'C', 'C', 'C', 'C', 'C'};
	struct fixture *x = *state;
	struct wire_audit r = small_record();

	ASSERT_OK(wire_audit_encode(&x->out, &r, &x->err), &x->err);
	assert_int_equal(x->out.n, sizeof(expected));
	assert_memory_equal(x->out.p, expected, sizeof(expected));
}

static void assert_same_text(struct or_slice s, const char *text)
{
	ASSERT_SLICE(s, text);
}

/* What protobuf-c reads out of our bytes, and writes again from it. */
static void encode__agrees_with_protobuf_c_both_ways(void **state)
{
	struct fixture *x = *state;
	struct wire_audit r = full_record();
	Outrider__V1__AuditRecord *m;
	uint8_t packed[4096];

	ASSERT_OK(wire_audit_encode(&x->out, &r, &x->err), &x->err);
	m = outrider__v1__audit_record__unpack(NULL, x->out.n, x->out.p);
	assert_non_null(m);
	assert_int_equal(m->time, r.time_ns);
	assert_int_equal(m->seq, 300);
	assert_int_equal(m->epoch, r.epoch);
	assert_same_text(r.stream, m->stream);
	assert_same_text(r.port, m->port);
	assert_int_equal(m->kind, OUTRIDER__V1__KIND__ACCESS);
	assert_int_equal(m->decision, OUTRIDER__V1__DECISION__DENY);
	assert_same_text(r.principal.issuer, m->principal->issuer);
	assert_int_equal(m->n_act, 2);
	assert_same_text(act[0].id, m->act[0]->id);
	assert_int_equal(m->n_policies, 2);
	assert_same_text(policies[1], m->policies[1]);
	assert_same_text(errors[0].message, m->policy_errors[0]->message);
	assert_same_text(r.request.path, m->request->path);
	assert_int_equal(m->request->duration_ns, 1500000);
	assert_int_equal(m->n_attributes, 2);
	assert_true(m->attributes[1]->cut);
	assert_int_equal(m->attributes[1]->sha256.len, 32);
	assert_int_equal(m->base.n_unknown_fields, 0);
	assert_int_equal(outrider__v1__audit_record__get_packed_size(m), x->out.n);
	assert_true(x->out.n <= sizeof(packed));
	outrider__v1__audit_record__pack(m, packed);
	assert_memory_equal(packed, x->out.p, x->out.n);
	outrider__v1__audit_record__free_unpacked(m, NULL);
}

static void decode__gives_back_what_was_encoded(void **state)
{
	struct fixture *x = *state;
	struct wire_audit r = full_record(), got;
	struct wire_audit_seen seen;
	struct or_buf again;

	ASSERT_OK(wire_audit_encode(&x->out, &r, &x->err), &x->err);
	ASSERT_OK(wire_audit_decode(&got, &seen, or_buf_slice(&x->out), x->a, &x->err), &x->err);
	assert_false(seen.unknown);
	assert_false(seen.not_canonical);
	assert_int_equal(got.seq, 300);
	ASSERT_SLICE(got.principal.id, "https://idp#ana");
	assert_int_equal(got.n_act, 2);
	ASSERT_SLICE(got.act[0].type, "Workload");
	assert_int_equal(got.act[1].id.n, 0);
	assert_int_equal(got.n_policies, 2);
	ASSERT_SLICE(got.policies[0], "analysts");
	ASSERT_SLICE(got.policy_errors[0].policy, "hours");
	ASSERT_SLICE(got.obligations[0], "mask email");
	assert_int_equal(got.request.status, 403);
	assert_true(got.attributes[1].cut);
	or_buf_init(&again, 1 << 16);
	ASSERT_OK(wire_audit_encode(&again, &got, &x->err), &x->err);
	assert_true(or_slice_eq(or_buf_slice(&again), or_buf_slice(&x->out)));
	or_buf_done(&again);
}

/* Every beginning of a record is either refused or another record; never read past. */
static void decode__survives_every_truncation(void **state)
{
	struct fixture *x = *state;
	struct wire_audit r = full_record(), got;

	ASSERT_OK(wire_audit_encode(&x->out, &r, &x->err), &x->err);
	for (size_t n = 0; n < x->out.n; n++) {
		uint8_t *exact = or_mem_new(n ? n : 1);
		struct wire_audit_seen seen;

		memcpy(exact, x->out.p, n);
		or_arena_clear(x->a);
		if (!wire_audit_decode(&got, &seen, or_slice(exact, n), x->a, &x->err))
			assert_int_equal(got.seq, 300);
		or_mem_free(exact);
	}
}

static void decode__keeps_going_over_fields_of_a_newer_schema(void **state)
{
	struct fixture *x = *state;
	struct wire_audit r = small_record(), got;
	struct wire_audit_seen seen;

	ASSERT_OK(wire_audit_encode(&x->out, &r, &x->err), &x->err);
	wire_pb_append(&x->out, 40, OR_SLICE_LIT("future"));
	ASSERT_OK(wire_audit_decode(&got, &seen, or_buf_slice(&x->out), x->a, &x->err), &x->err);
	assert_true(seen.unknown);
	assert_true(seen.not_canonical);

	/* A new value of an enumeration is kept, and can be written again. */
	or_buf_clear(&x->out);
	r.decision = (enum wire_decision)99;
	ASSERT_OK(wire_audit_encode(&x->out, &r, &x->err), &x->err);
	ASSERT_OK(wire_audit_decode(&got, &seen, or_buf_slice(&x->out), x->a, &x->err), &x->err);
	assert_true(seen.unknown);
	assert_false(seen.not_canonical);
	assert_int_equal((int)got.decision, 99);
}

static void decode__reports_what_we_would_have_written_otherwise(void **state)
{
	struct fixture *x = *state;
	struct wire_audit r = small_record(), got;
	struct wire_audit_seen seen;
	static const uint8_t tails[][4] = {
	    {0x3a, 0x00},             /* port, empty and out of order */
	    {0x98, 0x01, 0x00},       /* bundle_revision 0 */
	    {0xc2, 0x01, 0x00},       /* request, empty */
	    {0x98, 0x01, 0x81, 0x00}, /* a varint of two bytes where one would do */
	};
	static const size_t lens[] = {2, 3, 3, 4};

	for (size_t i = 0; i < OR_LEN(tails); i++) {
		or_buf_clear(&x->out);
		ASSERT_OK(wire_audit_encode(&x->out, &r, &x->err), &x->err);
		or_buf_put(&x->out, tails[i], lens[i]);
		ASSERT_OK(
		    wire_audit_decode(&got, &seen, or_buf_slice(&x->out), x->a, &x->err), &x->err);
		assert_true(seen.not_canonical);
		assert_false(seen.unknown);
	}
}

static void decode__refuses(void **state)
{
	static const struct {
		const char *tail;
		size_t n;
		enum or_code rc;
		const char *message;
	} cases[] = {
	    {"\x28\x01", 2, OR_PARSE, "record.seq: comes twice"},
	    {"\x3d\x01\x00\x00\x00", 5, OR_PARSE, "record.port: wrong wire type"},
	    {"\x3a\x02\xc3\x28", 4, OR_PARSE, "record.port: not UTF-8"},
	    {"\x3a\x02\x41\x00", 4, OR_PARSE, "record.port: not UTF-8"},
	    {"\xa2\x01\x01\x41", 4, OR_PARSE, "bundle_sha256: 1 bytes instead of 32"},
	    {"\x3a\x05\x41", 3, OR_PARSE, "broken encoding"},
	    {"\x3b", 1, OR_PARSE, "broken encoding"},
	    {"\x00\x01", 2, OR_PARSE, "broken encoding"},
	    {"\x98\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 12, OR_PARSE, "broken encoding"},
	    {"\x80\x01\xff\xff\xff\xff\x0f", 7, OR_PARSE, "decision: not a value"},
	    {"\xe2\x01\x02\x18\x02", 5, OR_PARSE, "attributes.cut: neither true nor false"},
	};
	struct fixture *x = *state;

	for (size_t i = 0; i < OR_LEN(cases); i++) {
		struct wire_audit r = small_record(), got;

		or_buf_clear(&x->out);
		ASSERT_OK(wire_audit_encode(&x->out, &r, &x->err), &x->err);
		or_buf_put(&x->out, cases[i].tail, cases[i].n);
		ASSERT_CODE(wire_audit_decode(&got, NULL, or_buf_slice(&x->out), x->a, &x->err),
		    cases[i].rc);
		ASSERT_HAS(x->err.msg, cases[i].message);
	}
}

static void decode__bounds_lists_and_memory(void **state)
{
	struct fixture *x = *state;
	struct wire_audit r = small_record(), got;
	struct or_arena *tiny = or_arena_new(64);

	ASSERT_OK(wire_audit_encode(&x->out, &r, &x->err), &x->err);
	for (int i = 0; i < 20000; i++)
		or_buf_put(&x->out, "\xe2\x01\x00", 3);
	ASSERT_CODE(wire_audit_decode(&got, NULL, or_buf_slice(&x->out), x->a, &x->err), OR_FULL);
	ASSERT_HAS(x->err.msg, "attributes: 20000 items, at most 32");
	assert_true(or_arena_used(x->a) < 4096);

	or_buf_clear(&x->out);
	r = full_record();
	ASSERT_OK(wire_audit_encode(&x->out, &r, &x->err), &x->err);
	ASSERT_CODE(wire_audit_decode(&got, NULL, or_buf_slice(&x->out), tiny, &x->err), OR_FULL);
	or_arena_free(tiny);

	for (size_t n = x->out.n; n <= WIRE_AUDIT_MAX; n++)
		or_buf_put_byte(&x->out, 0);
	ASSERT_CODE(wire_audit_decode(&got, NULL, or_buf_slice(&x->out), x->a, &x->err), OR_FULL);
}

static void encode__refuses_records_that_say_nothing(void **state)
{
	struct fixture *x = *state;
	struct wire_audit r;

#define REFUSED(change, message)                                                                   \
	do {                                                                                       \
		r = small_record();                                                                \
		change;                                                                            \
		ASSERT_CODE(wire_audit_encode(&x->out, &r, &x->err), OR_INVAL);                    \
		ASSERT_HAS(x->err.msg, message);                                                   \
	} while (0)
	REFUSED(r.time_ns = 0, "time");
	REFUSED(r.time_ns = 1ULL << 63, "time");
	REFUSED(r.agent_id.n = 15, "agent_id");
	REFUSED(r.epoch = 0, "epoch");
	REFUSED(r.seq = 0, "seq");
	REFUSED(r.product = OR_SLICE_LIT("invoices"), "stream");
	REFUSED(r.product = OR_SLICE_LIT("rders"), "stream");
	REFUSED(r.stream = OR_SLICE_LIT("/orders"), "stream");
	REFUSED(r.stream = OR_SLICE_LIT("orders"), "stream");
	REFUSED(r.kind = WIRE_KIND_NONE, "kind");
	REFUSED(r.trace_id = OR_SLICE_NONE, "trace_id");
	REFUSED(r.span_id.n = 7, "span_id");
	REFUSED(r.port = OR_SLICE_LIT("\xff"), "port");
#undef REFUSED
	assert_int_equal(x->out.n, 0);
}

/* A client that makes everything too long, ill-formed and numerous still gets its record. */
static void fit__makes_any_record_encodable(void **state)
{
	enum { MANY = 200 };
	struct fixture *x = *state;
	struct wire_audit r = full_record(), got;
	struct wire_attribute many[MANY];
	struct or_slice names[MANY];
	struct wire_principal chain[MANY];
	struct wire_policy_error failed[MANY];
	uint8_t hash[32], *junk = or_mem_new(70000);
	struct or_slice bad = {junk, 70000};

	memset(junk, 0xff, 70000);
	memset(junk, 'p', 1000);
	for (size_t i = 0; i < MANY; i++) {
		many[i] = (struct wire_attribute){.key = bad, .value = bad};
		chain[i] = (struct wire_principal){bad, bad, bad};
		failed[i] = (struct wire_policy_error){bad, bad};
		names[i] = bad;
	}
	r.request = (struct wire_request){bad, bad, bad, 200, 1, 1, 1};
	r.principal = (struct wire_principal){bad, bad, bad};
	r.resource = (struct wire_entity){bad, bad};
	r.peer = r.action = r.port = r.workload = r.reason = bad;
	r.attributes = many;
	r.policies = r.obligations = names;
	r.act = chain;
	r.policy_errors = failed;
	r.n_attributes = r.n_policies = r.n_obligations = r.n_act = r.n_policy_errors = MANY;
	ASSERT_CODE(wire_audit_fit(&r, x->a), OR_OK);
	ASSERT_OK(wire_audit_encode(&x->out, &r, &x->err), &x->err);
	assert_true(x->out.n <= WIRE_AUDIT_MAX);
	ASSERT_OK(wire_audit_decode(&got, NULL, or_buf_slice(&x->out), x->a, &x->err), &x->err);
	assert_int_equal(got.request.path.n, 2047);
	assert_int_equal(got.n_attributes, WIRE_AUDIT_ATTRS_MAX);
	or_crypto_sha256(hash, bad);
	assert_true(got.attributes[0].cut);
	assert_memory_equal(got.attributes[0].sha256.p, hash, 32);
	ASSERT_SLICE(got.attributes[WIRE_AUDIT_ATTRS_MAX - 1].key, "cut.more");
	or_mem_free(junk);
}

static void fit__notes_the_one_field_that_it_cut(void **state)
{
	struct fixture *x = *state;
	struct wire_audit r = full_record();
	uint8_t hash[32], *path = or_mem_new(5000);
	const struct wire_attribute *note;

	memset(path, 'a', 5000);
	r.request.path = or_slice(path, 5000);
	ASSERT_CODE(wire_audit_fit(&r, x->a), OR_OK);
	assert_int_equal(r.request.path.n, 2048);
	assert_int_equal(r.n_attributes, 3);
	note = &r.attributes[2];
	ASSERT_SLICE(note->key, "cut.request.path");
	or_crypto_sha256(hash, or_slice(path, 5000));
	assert_memory_equal(note->sha256.p, hash, 32);
	or_mem_free(path);
}

static void fit__leaves_good_records_alone(void **state)
{
	struct fixture *x = *state;
	struct wire_audit r = full_record(), before = r;
	struct or_buf a, b;

	or_buf_init(&a, 1 << 16);
	or_buf_init(&b, 1 << 16);
	ASSERT_CODE(wire_audit_fit(&r, x->a), OR_OK);
	ASSERT_OK(wire_audit_encode(&a, &before, &x->err), &x->err);
	ASSERT_OK(wire_audit_encode(&b, &r, &x->err), &x->err);
	assert_true(or_slice_eq(or_buf_slice(&a), or_buf_slice(&b)));
	or_buf_done(&a);
	or_buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(encode__gives_the_bytes_of_the_specification),
	    T(encode__agrees_with_protobuf_c_both_ways),
	    T(decode__gives_back_what_was_encoded),
	    T(decode__survives_every_truncation),
	    T(decode__keeps_going_over_fields_of_a_newer_schema),
	    T(decode__reports_what_we_would_have_written_otherwise),
	    T(decode__refuses),
	    T(decode__bounds_lists_and_memory),
	    T(encode__refuses_records_that_say_nothing),
	    T(fit__makes_any_record_encodable),
	    T(fit__notes_the_one_field_that_it_cut),
	    T(fit__leaves_good_records_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
