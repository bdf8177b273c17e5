/* SPDX-License-Identifier: Apache-2.0 */
/* Records and refusals, in a real spool in a temporary directory. */
#include "agent/gate/record.h"

#include "agent/gate/refusal.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "tests/support/support.h"

struct rig {
	char *dir;
	struct or_loop *loop;
	struct or_slow *slow;
	struct ag_spool *spool;
	struct ag_record *rec;
	struct or_arena *arena;
	bool synced;
};

static const uint8_t agent_id[WIRE_AUDIT_AGENT_LEN] = {1, 2, 3};
static const uint8_t trace_id[WIRE_AUDIT_TRACE_LEN] = {4};
static const uint8_t span_id[WIRE_AUDIT_SPAN_LEN] = {5};

static void start(struct rig *rig, uint64_t quota)
{
	struct ag_spool_opt spool = {.quota_bytes = quota, .segment_bytes = quota ? quota / 4 : 0};
	struct ag_record_opt opt = {.agent_id = agent_id, .product = "orders", .workload = "pod-1"};
	struct or_err err;

	*rig = (struct rig){.dir = support_tmpdir_new(), .arena = or_arena_new(0)};
	ASSERT_OK(or_loop_new(&rig->loop, NULL, &err), &err);
	ASSERT_OK(or_slow_new(&rig->slow, rig->loop, 64, &err), &err);
	spool.dir = support_path(rig->dir, "spool");
	spool.loop = rig->loop;
	spool.slow = rig->slow;
	ASSERT_OK(ag_spool_open(&rig->spool, &spool, &err), &err);
	opt.spool = rig->spool;
	opt.loop = rig->loop;
	ASSERT_OK(ag_record_new(&rig->rec, &opt, &err), &err);
}

static void stop(struct rig *rig)
{
	ag_record_free(rig->rec);
	ag_spool_close(rig->spool);
	or_slow_free(rig->slow);
	or_loop_free(rig->loop);
	or_arena_free(rig->arena);
	support_tmpdir_remove(rig->dir);
}

static void on_sync(void *arg, enum or_code rc)
{
	struct rig *rig = arg;

	ASSERT_CODE(rc, OR_OK);
	rig->synced = true;
}

static struct ag_spool_batch read_all(struct rig *rig)
{
	struct ag_spool_batch batch;
	struct or_err err;

	rig->synced = false;
	ag_record_sync(rig->rec, on_sync, rig);
	while (!rig->synced)
		or_loop_turn(rig->loop, false);
	ASSERT_OK(ag_spool_read(&batch, rig->spool, 0,
		      &(struct ag_spool_limit){.max_bytes = OR_MIB, .max_records = 1000},
		      rig->arena, &err),
	    &err);
	return batch;
}

static struct wire_audit decode(struct rig *rig, struct or_slice bytes)
{
	struct wire_audit r;
	struct or_err err;

	ASSERT_OK(wire_audit_decode(&r, NULL, bytes, rig->arena, &err), &err);
	return r;
}

static struct wire_audit access_record(void)
{
	return (struct wire_audit){.kind = WIRE_KIND_ACCESS,
	    .front = WIRE_FRONT_PROXY,
	    .phase = WIRE_PHASE_COMPLETE,
	    .decision = WIRE_DECISION_DENY,
	    .reason = OR_SLICE_LIT("not_permitted"),
	    .trace_id = or_slice(trace_id, sizeof(trace_id)),
	    .span_id = or_slice(span_id, sizeof(span_id))};
}

static void put__completes_and_numbers_records(void **state)
{
	char id[2][WIRE_LEAF_ID_LEN + 1];
	struct ag_spool_batch batch;
	struct wire_audit r;
	struct rig rig;

	(void)state;
	start(&rig, 0);
	for (int i = 0; i < 2; i++) {
		r = access_record();
		ASSERT_CODE(ag_record_put(rig.rec, &r, OR_SLICE_NONE, id[i]), OR_OK);
		assert_int_equal(strlen(id[i]), WIRE_LEAF_ID_LEN);
	}
	assert_string_not_equal(id[0], id[1]);
	batch = read_all(&rig);
	assert_int_equal(batch.n_records, 2);
	r = decode(&rig, batch.records[1]);
	assert_int_equal(r.seq, 2);
	assert_int_equal(r.epoch, ag_spool_epoch(rig.spool));
	assert_true(r.time_ns > 0);
	ASSERT_SLICE(r.stream, "outrider.audit/orders");
	ASSERT_SLICE(r.product, "orders");
	ASSERT_SLICE(r.workload, "pod-1");
	assert_memory_equal(r.agent_id.p, agent_id, sizeof(agent_id));
	stop(&rig);
}

static void put__keeps_inputs_once(void **state)
{
	struct or_slice inputs = OR_SLICE_LIT("{\"groups\":[]}");
	uint8_t hash[OR_CRYPTO_HASH_LEN];
	struct ag_spool_batch batch;
	struct rig rig;

	(void)state;
	start(&rig, 0);
	or_crypto_sha256(hash, inputs);
	for (int i = 0; i < 3; i++) {
		struct wire_audit r = access_record();

		r.inputs = or_slice(hash, sizeof(hash));
		ASSERT_CODE(ag_record_put(rig.rec, &r, inputs, NULL), OR_OK);
	}
	batch = read_all(&rig);
	assert_int_equal(batch.n_records, 3);
	assert_int_equal(batch.n_inputs, 1);
	ASSERT_SLICE(batch.inputs[0], "{\"groups\":[]}");
	stop(&rig);
}

static void put__says_when_the_spool_is_full(void **state)
{
	struct rig rig;
	size_t n = 0;

	(void)state;
	start(&rig, 1024 * 1024);
	assert_true(ag_record_has_room(rig.rec));
	/* What requests in flight will put counts as used. */
	ag_record_owe(rig.rec, 64 * OR_MIB);
	assert_false(ag_record_has_room(rig.rec));
	ag_record_pay(rig.rec, 64 * OR_MIB);
	assert_true(ag_record_has_room(rig.rec));
	for (;; n++) {
		struct wire_audit r = access_record();
		enum or_code rc = ag_record_put(rig.rec, &r, OR_SLICE_NONE, NULL);

		if (rc) {
			ASSERT_CODE(rc, OR_FULL);
			break;
		}
		assert_true(n < 100000);
	}
	assert_false(ag_record_has_room(rig.rec));
	stop(&rig);
}

static void put__cuts_what_a_client_made_too_long(void **state)
{
	char *path = or_mem_new(8001);
	struct wire_audit r = access_record();
	struct ag_spool_batch batch;
	struct rig rig;

	(void)state;
	start(&rig, 0);
	memset(path, 'x', 8000);
	r.request.path = or_slice(path, 8000);
	r.request.host = OR_SLICE_LIT("\xff\xfe");
	ASSERT_CODE(ag_record_put(rig.rec, &r, OR_SLICE_NONE, NULL), OR_OK);
	batch = read_all(&rig);
	r = decode(&rig, batch.records[0]);
	assert_true(r.request.path.n < 8000);
	assert_true(r.n_attributes > 0);
	or_mem_free(path);
	stop(&rig);
}

static void note__counts_what_comes_again(void **state)
{
	struct ag_refusal_what what = {
	    .kind = WIRE_KIND_IDENTITY, .reason = "token_expired", .status = 401};
	struct or_net_addr peer[2];
	struct ag_spool_batch batch;
	struct ag_refusal *refusals;
	struct wire_audit r;
	struct rig rig;
	struct or_err err;

	(void)state;
	start(&rig, 0);
	ASSERT_OK(or_net_parse(&peer[0], "192.0.2.1:1000", &err), &err);
	ASSERT_OK(or_net_parse(&peer[1], "[2001:db8::2]:1000", &err), &err);
	refusals = ag_refusal_new(rig.loop, rig.rec);
	for (int i = 0; i < 5000; i++) {
		peer[0].in.sin_port = (in_port_t)i;
		what.peer = &peer[i == 7];
		ASSERT_CODE(ag_refusal_note(refusals, &what), OR_OK);
	}
	what.reason = "http_nul";
	ASSERT_CODE(ag_refusal_note(refusals, &what), OR_OK);
	ag_refusal_free(refusals);
	batch = read_all(&rig);
	assert_int_equal(batch.n_records, 4);
	r = decode(&rig, batch.records[1]);
	ASSERT_SLICE(r.peer, "[2001:db8::2]:1000");
	assert_int_equal(r.kind, WIRE_KIND_IDENTITY);
	assert_int_equal(r.request.status, 401);
	r = decode(&rig, batch.records[3]);
	ASSERT_SLICE(r.peer, "192.0.2.1");
	ASSERT_SLICE(r.reason, "token_expired");
	ASSERT_SLICE(r.attributes[0].key, "count");
	ASSERT_SLICE(r.attributes[0].value, "4998");
	stop(&rig);
}

static void note__is_bounded_by_kinds(void **state)
{
	struct ag_refusal_what what = {.kind = WIRE_KIND_IDENTITY, .reason = "token_absent"};
	struct ag_refusal *refusals;
	struct ag_spool_batch batch;
	struct or_net_addr peer;
	struct rig rig;
	struct or_err err;

	(void)state;
	start(&rig, 0);
	ASSERT_OK(or_net_parse(&peer, "192.0.2.1:1000", &err), &err);
	refusals = ag_refusal_new(rig.loop, rig.rec);
	what.peer = &peer;
	for (uint32_t i = 0; i < 5000; i++) {
		peer.in.sin_addr.s_addr = i;
		ASSERT_CODE(ag_refusal_note(refusals, &what), OR_OK);
	}
	ag_refusal_free(refusals);
	batch = read_all(&rig);
	assert_true(batch.is_full || batch.n_records <= AG_REFUSAL_KINDS_MAX + 2);
	stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(put__completes_and_numbers_records),
	    cmocka_unit_test(put__keeps_inputs_once),
	    cmocka_unit_test(put__says_when_the_spool_is_full),
	    cmocka_unit_test(put__cuts_what_a_client_made_too_long),
	    cmocka_unit_test(note__counts_what_comes_again),
	    cmocka_unit_test(note__is_bounded_by_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
