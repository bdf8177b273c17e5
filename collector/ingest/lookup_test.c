/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/lookup.h"

#include "base/mem.h"
#include "collector/audit/seal.h"
#include "collector/audit/store.h"
#include "proto/audit.h"
#include "proto/leaf.h"
#include "tests/support/support.h"

#define ORIGIN "outrider/test/shard/0"
#define NOW    1764000000000000000LL

enum { RECORDS = 3000, STREAMS = 3 };

struct fixture {
	char *dir;
	struct or_crypto_key *secret;
	struct tl_note_key key;
	struct co_store *store;
	struct co_read *reader;
	struct co_marks *marks; /* what segments save at their head */
	struct tl_hash hashes[RECORDS];
	struct or_err err;
};

static const char *const streams[STREAMS] = {
    "outrider.audit/orders", "outrider.audit/stock", "outrider.audit/users"};

static enum or_code on_restore(void *arg, struct or_slice saved, struct or_err *err)
{
	struct fixture *x = arg;

	return co_marks_load(x->marks, saved, err);
}

static enum or_code on_apply(
    void *arg, uint64_t index, const struct tl_segment_entry *e, struct or_err *err)
{
	struct fixture *x = arg;
	uint8_t agent[16] = {1};
	const struct co_marks_key key = {
	    or_slice(agent, 16), 7, or_slice_str(streams[index % STREAMS])};

	(void)e;
	(void)err;
	return co_marks_add(x->marks, &key, index / STREAMS + 1, index / STREAMS + 1);
}

static void on_save(void *arg, struct or_buf *out)
{
	const struct fixture *x = arg;

	co_marks_save(x->marks, out);
}

/* Record i: number i / STREAMS + 1 of stream i % STREAMS. */
static void append(struct fixture *x, size_t i)
{
	uint8_t agent[16] = {1}, id[16] = {(uint8_t)i, (uint8_t)(i >> 8)};
	struct or_slice stream = or_slice_str(streams[i % STREAMS]), leaf;
	struct wire_audit r = {.time_ns = (uint64_t)NOW + i,
	    .agent_id = or_slice(agent, 16),
	    .epoch = 7,
	    .stream = stream,
	    .seq = i / STREAMS + 1,
	    .product = or_slice_from(stream, 15),
	    .kind = WIRE_KIND_ACCESS,
	    .front = WIRE_FRONT_PROXY,
	    .phase = WIRE_PHASE_COMPLETE,
	    .trace_id = or_slice(id, 16),
	    .span_id = or_slice(id, 8)};
	struct or_buf record, bytes;
	uint64_t first;

	or_buf_init(&record, WIRE_AUDIT_MAX);
	or_buf_init(&bytes, WIRE_LEAF_MAX);
	ASSERT_OK(wire_audit_encode(&record, &r, &x->err), &x->err);
	wire_leaf_encode(&bytes, WIRE_LEAF_RECORD, or_buf_slice(&record));
	leaf = or_buf_slice(&bytes);
	tl_hash_leaf(&x->hashes[i], leaf);
	ASSERT_OK(co_store_put(x->store, &leaf, 1, NOW, &first, &x->err), &x->err);
	or_buf_done(&record);
	or_buf_done(&bytes);
}

static int set_up(void **state)
{
	struct fixture *x = or_mem_new(sizeof(*x));
	struct co_store_state hooks = {x, on_restore, on_apply, on_save};
	struct co_store_opt opt = {
	    .origin = ORIGIN, .key = &x->key, .now_ns = NOW, .state = &hooks};
	struct co_seal_opt seal_opt = {.rows = 1000};
	struct co_seal *seal;

	x->marks = co_marks_new(10);
	ASSERT_OK(or_crypto_key_new(&x->secret, OR_CRYPTO_ED25519, &x->err), &x->err);
	ASSERT_OK(tl_note_key_init(&x->key, ORIGIN, x->secret, &x->err), &x->err);
	seal_opt.dir = opt.dir = x->dir = support_tmpdir_new();
	ASSERT_OK(co_store_open(&x->store, &opt, &x->err), &x->err);
	for (size_t i = 0; i < RECORDS; i++) {
		append(x, i);
		if (i % 500 == 499)
			ASSERT_OK(co_store_commit(x->store, NOW, &x->err), &x->err);
		/* Two parts, and the rest in a segment of which a beginning is sealed. */
		if (i % 1500 == 1499)
			ASSERT_OK(co_store_rotate(x->store, NOW, &x->err), &x->err);
	}
	seal = co_seal_new(&seal_opt);
	while (co_seal_step(seal, RECORDS, NOW, &x->err) == OR_AGAIN)
		;
	co_seal_free(seal);
	co_store_close(x->store); /* its hooks end here */
	ASSERT_OK(co_read_open(&x->reader, x->dir, RECORDS, &x->err), &x->err);
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	co_read_close(x->reader);
	co_marks_free(x->marks);
	tl_note_key_done(&x->key);
	or_crypto_key_free(x->secret);
	support_tmpdir_remove(x->dir);
	or_mem_free(x);
	return 0;
}

static void run__finds_records_in_parts_and_segments(void **state)
{
	struct fixture *x = *state;
	uint8_t agent[16] = {1};
	struct co_lookup wanted[RECORDS / STREAMS];

	for (size_t s = 0; s < STREAMS; s++) {
		const struct co_marks_key key = {or_slice(agent, 16), 7, or_slice_str(streams[s])};

		for (size_t i = 0; i < OR_LEN(wanted); i++)
			wanted[i] = (struct co_lookup){.seq = i + 1};
		ASSERT_OK(co_lookup_run(x->reader, &key, wanted, OR_LEN(wanted), &x->err), &x->err);
		for (size_t i = 0; i < OR_LEN(wanted); i++) {
			assert_true(wanted[i].found);
			assert_true(tl_hash_eq(&wanted[i].hash, &x->hashes[i * STREAMS + s]));
		}
	}
}

static void run__finds_nothing_of_another(void **state)
{
	struct fixture *x = *state;
	uint8_t agent[16] = {1}, other[16] = {2};
	const struct co_marks_key keys[] = {{or_slice(other, 16), 7, or_slice_str(streams[0])},
	    {or_slice(agent, 16), 8, or_slice_str(streams[0])},
	    {or_slice(agent, 16), 7, OR_SLICE_LIT("outrider.audit/none")}};

	for (size_t i = 0; i < OR_LEN(keys); i++) {
		struct co_lookup wanted = {.seq = 5};

		ASSERT_OK(co_lookup_run(x->reader, &keys[i], &wanted, 1, &x->err), &x->err);
		assert_false(wanted.found);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		run__finds_records_in_parts_and_segments, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(run__finds_nothing_of_another, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
