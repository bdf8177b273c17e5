/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/batch.h"

#include "base/mem.h"
#include "proto/audit.h"
#include "proto/leaf.h"
#include "proto/pb.h"
#include "tests/support/support.h"

static void decode__gives_the_records_in_order(void **state)
{
	struct or_arena *a = or_arena_new(1 << 16);
	struct wire_batch b;
	struct or_buf out;
	struct or_err err;

	(void)state;
	wire_batch_begin(&out);
	wire_batch_add_record(&out, OR_SLICE_LIT("one"));
	assert_int_equal(out.n, wire_batch_room(3));
	wire_batch_add_inputs(&out, OR_SLICE_LIT("{}"));
	wire_batch_add_record(&out, OR_SLICE_LIT("two"));
	ASSERT_OK(wire_batch_decode(&b, or_buf_slice(&out), a, &err), &err);
	assert_int_equal(b.n_records, 2);
	assert_int_equal(b.n_inputs, 1);
	ASSERT_SLICE(b.records[0], "one");
	ASSERT_SLICE(b.records[1], "two");
	ASSERT_SLICE(b.inputs[0], "{}");
	ASSERT_OK(wire_batch_decode(&b, OR_SLICE_NONE, a, &err), &err);
	assert_int_equal(b.n_records, 0);
	or_buf_done(&out);
	or_arena_free(a);
}

static void decode__refuses(void **state)
{
	static const struct or_slice cases[] = {
	    OR_SLICE_LIT("\x0a\x00"),  /* an empty record */
	    OR_SLICE_LIT("\x1a\x01x"), /* a third field */
	    OR_SLICE_LIT("\x08\x01"),  /* a number */
	    OR_SLICE_LIT("\x0a\x02x"), /* cut short */
	    OR_SLICE_LIT("\x0a\x01x\x0a"),
	};
	struct or_arena *a = or_arena_new(1 << 16);
	struct wire_batch b;
	struct or_err err;

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++)
		ASSERT_CODE(wire_batch_decode(&b, cases[i], a, &err), OR_PARSE);
	or_arena_free(a);
}

static void decode__is_bounded(void **state)
{
	struct or_arena *a = or_arena_new(1 << 20);
	uint8_t *big = or_mem_new(WIRE_BATCH_RECORD_MAX + 1);
	struct wire_batch b;
	struct or_buf out;
	struct or_err err;

	(void)state;
	wire_batch_begin(&out);
	wire_pb_append(&out, 1, or_slice(big, WIRE_BATCH_RECORD_MAX + 1));
	ASSERT_CODE(wire_batch_decode(&b, or_buf_slice(&out), a, &err), OR_FULL);
	or_buf_clear(&out);
	for (int i = 0; i <= WIRE_BATCH_RECORDS_MAX; i++)
		wire_batch_add_record(&out, OR_SLICE_LIT("x"));
	ASSERT_CODE(wire_batch_decode(&b, or_buf_slice(&out), a, &err), OR_FULL);
	or_buf_cut(&out, out.n - 3);
	ASSERT_OK(wire_batch_decode(&b, or_buf_slice(&out), a, &err), &err);
	assert_int_equal(b.n_records, WIRE_BATCH_RECORDS_MAX);
	ASSERT_CODE(
	    wire_batch_decode(&b, or_slice(big, (size_t)WIRE_BATCH_MAX + 1), a, &err), OR_FULL);
	or_mem_free(big);
	or_buf_done(&out);
	or_arena_free(a);
}

static void add__leaves_a_full_buffer_readable(void **state)
{
	uint8_t *big = or_mem_new(WIRE_BATCH_RECORD_MAX);
	struct or_arena *a = or_arena_new(1 << 20);
	struct wire_batch b;
	struct or_buf out;
	struct or_err err;

	(void)state;
	wire_batch_begin(&out);
	while (or_buf_ok(&out))
		wire_batch_add_record(&out, or_slice(big, WIRE_BATCH_RECORD_MAX));
	ASSERT_OK(wire_batch_decode(&b, or_buf_slice(&out), a, &err), &err);
	assert_int_equal(b.n_records, WIRE_BATCH_MAX / wire_batch_room(WIRE_BATCH_RECORD_MAX));
	or_mem_free(big);
	or_buf_done(&out);
	or_arena_free(a);
}

static void leaf__holds_a_record_or_a_frame(void **state)
{
	static const struct or_slice bad[] = {{NULL, 0}, OR_SLICE_LIT("\x0a\x00"),
	    OR_SLICE_LIT("\x0a\x01xy"), OR_SLICE_LIT("\x0a\x81\x00x"), OR_SLICE_LIT("\x08\x01")};
	struct wire_leaf leaf;
	struct or_buf out;
	struct or_err err;

	(void)state;
	or_buf_init(&out, WIRE_LEAF_MAX);
	wire_leaf_encode(&out, WIRE_LEAF_FRAME, OR_SLICE_LIT("f"));
	ASSERT_OK(wire_leaf_decode(&leaf, or_buf_slice(&out), &err), &err);
	assert_int_equal(leaf.type, WIRE_LEAF_FRAME);
	ASSERT_SLICE(leaf.content, "f");
	for (size_t i = 0; i < OR_LEN(bad); i++)
		ASSERT_CODE(wire_leaf_decode(&leaf, bad[i], &err), OR_PARSE);
	ASSERT_CODE(wire_leaf_decode(&leaf, OR_SLICE_LIT("\x22\x01x"), &err), OR_UNSUPPORTED);
	or_buf_done(&out);
}

static void leaf_id__is_the_beginning_of_the_hash(void **state)
{
	uint8_t hash[32] = {0xde, 0xad, 0xbe, 0xef, 0, 1, 2, 3, 4, 0x5f, 0xff};
	char id[WIRE_LEAF_ID_LEN + 1];

	(void)state;
	wire_leaf_id(id, hash);
	assert_string_equal(id, "deadbeef00010203045f");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decode__gives_the_records_in_order),
	    cmocka_unit_test(decode__refuses),
	    cmocka_unit_test(decode__is_bounded),
	    cmocka_unit_test(add__leaves_a_full_buffer_readable),
	    cmocka_unit_test(leaf__holds_a_record_or_a_frame),
	    cmocka_unit_test(leaf_id__is_the_beginning_of_the_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
