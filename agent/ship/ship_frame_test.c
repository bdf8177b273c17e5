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

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(build__says_which_numbers_are_lost_and_what_came_before),
	    CASE(build__of_nothing_is_a_heartbeat),
	    CASE(build__refuses_a_key_that_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
