/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/ship/ship_frame.h"

#include "proto/batch.h"
#include "proto/frame.h"
#include "tests/support/support.h"

struct fixture {
	struct or_crypto_key *key;
	struct or_arena *arena;
	struct or_buf frame;
	struct or_buf body;
	struct or_err err;
};

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	ASSERT_OK(or_crypto_key_new(&f->key, OR_CRYPTO_ED25519, &f->err), &f->err);
	f->arena = or_arena_new(0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	or_buf_done(&f->frame);
	or_buf_done(&f->body);
	or_arena_free(f->arena);
	or_crypto_key_free(f->key);
	test_free(f);
	return 0;
}

static struct wire_frame build(struct fixture *f, const struct ag_spool_batch *batch)
{
	struct ag_ship_frame_in in = {.batch = batch,
	    .stream = "outrider.audit/orders",
	    .cert = OR_SLICE_LIT("certificate"),
	    .key = f->key,
	    .sent_ns = 5};
	struct wire_frame frame;

	ASSERT_OK(ag_ship_frame_build(&f->frame, &f->body, &in, &f->err), &f->err);
	ASSERT_OK(wire_frame_decode(&frame, or_buf_slice(&f->frame), f->arena, &f->err), &f->err);
	ASSERT_OK(wire_frame_verify(&frame, f->key, &f->err), &f->err);
	return frame;
}

static void build__says_which_numbers_are_lost_and_what_came_before(void **state)
{
	struct fixture *f = *state;
	struct or_slice records[] = {OR_SLICE_LIT("four"), OR_SLICE_LIT("seven")};
	struct ag_spool_range dropped[] = {{5, 6}, {8, 9}};
	struct ag_spool_batch batch = {.epoch = 11,
	    .prev_epoch = 10,
	    .prev_seq = 99,
	    .from = 4,
	    .to = 9,
	    .records = records,
	    .n_records = 2,
	    .dropped = dropped,
	    .n_dropped = 2};
	struct wire_frame frame = build(f, &batch);
	struct wire_batch decoded;

	assert_int_equal(frame.epoch, 11);
	assert_int_equal(frame.prev_epoch, 10);
	assert_int_equal(frame.prev_seq, 99);
	assert_int_equal(frame.seq_from, 4);
	assert_int_equal(frame.seq_to, 9);
	assert_int_equal(frame.n_dropped, 2);
	assert_int_equal(frame.dropped[1].from, 8);
	assert_int_equal(frame.dropped[1].to, 9);
	ASSERT_SLICE(frame.dropped[0].reason, "damaged");
	assert_int_equal(wire_frame_records(&frame), 2);
	ASSERT_OK(wire_batch_decode(&decoded, or_buf_slice(&f->body), f->arena, &f->err), &f->err);
	ASSERT_SLICE(decoded.records[1], "seven");
}

static void build__of_nothing_is_a_heartbeat(void **state)
{
	struct fixture *f = *state;
	struct ag_spool_batch batch = {.epoch = 11, .from = 1, .to = 0};
	struct wire_frame frame = build(f, &batch);

	assert_int_equal(frame.seq_to, 0);
	assert_int_equal(wire_frame_records(&frame), 0);
	assert_int_equal(f->body.n, 0);
}

static void build__refuses_a_key_that_does_not_fit(void **state)
{
	struct fixture *f = *state;
	struct or_crypto_key *p256;
	struct ag_spool_batch batch = {.epoch = 11, .from = 1, .to = 0};
	struct ag_ship_frame_in in = {.batch = &batch,
	    .stream = "outrider.audit/orders",
	    .cert = OR_SLICE_LIT("certificate"),
	    .sent_ns = 5};

	ASSERT_OK(or_crypto_key_new(&p256, OR_CRYPTO_P256, &f->err), &f->err);
	in.key = p256;
	ASSERT_CODE(ag_ship_frame_build(&f->frame, &f->body, &in, &f->err), OR_INVAL);
	or_crypto_key_free(p256);
}

static void next__gives_each_record_with_what_was_lost_before_it(void **state)
{
	struct fixture *f = *state;
	struct or_slice records[] = {
	    OR_SLICE_LIT("four"), OR_SLICE_LIT("seven"), OR_SLICE_LIT("eight")};
	struct ag_spool_range dropped[] = {{2, 2}, {3, 3}, {5, 6}, {9, 9}};
	static const uint64_t from[] = {2, 5, 8}, to[] = {4, 7, 8}, lost[] = {2, 1, 0};
	struct ag_spool_batch all = {.epoch = 11,
	    .prev_epoch = 10,
	    .prev_seq = 99,
	    .from = 2,
	    .to = 9,
	    .records = records,
	    .n_records = 3,
	    .dropped = dropped,
	    .n_dropped = 4};
	struct ag_spool_batch one = {0};

	for (size_t i = 0; i < 3; i++) {
		struct wire_frame frame;

		assert_true(ag_ship_frame_next(&one, &all));
		or_buf_done(&f->frame);
		or_buf_done(&f->body);
		frame = build(f, &one);
		assert_int_equal(frame.seq_from, from[i]);
		assert_int_equal(frame.seq_to, to[i]);
		assert_int_equal(frame.n_dropped, lost[i]);
		assert_int_equal(wire_frame_records(&frame), 1);
		assert_int_equal(frame.prev_seq, 99);
		assert_true(or_slice_eq(one.records[0], records[i]));
	}
	assert_false(ag_ship_frame_next(&one, &all));
	one = all = (struct ag_spool_batch){.from = 1, .to = 0};
	assert_false(ag_ship_frame_next(&one, &all));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(build__says_which_numbers_are_lost_and_what_came_before),
	    CASE(build__of_nothing_is_a_heartbeat),
	    CASE(build__refuses_a_key_that_does_not_fit),
	    CASE(next__gives_each_record_with_what_was_lost_before_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
