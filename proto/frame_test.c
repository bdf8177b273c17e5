/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/frame.h"

#include "base/mem.h"
#include "proto/cert.h"
#include "proto/pb.h"
#include "proto/root.h"
#include "tests/support/support.h"

struct fixture {
	struct or_arena *a;
	struct or_crypto_key *key;
	struct or_buf out;
	struct or_err err;
};

static int set_up(void **state)
{
	struct fixture *x = or_mem_new(sizeof(*x));

	x->a = or_arena_new(1 << 20);
	or_buf_init(&x->out, 1 << 20);
	ASSERT_OK(or_crypto_key_new(&x->key, OR_CRYPTO_ED25519, &x->err), &x->err);
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	or_arena_free(x->a);
	or_crypto_key_free(x->key);
	or_buf_done(&x->out);
	or_mem_free(x);
	return 0;
}

static const uint8_t root[32] = "0123456789abcdef0123456789abcde";
static const struct wire_dropped dropped[] = {
    {12, 12, OR_SLICE_LIT("full")}, {14, 19, OR_SLICE_LIT("quota")}};

static struct wire_frame frame(void)
{
	return (struct wire_frame){.cert = OR_SLICE_LIT("cert"),
	    .epoch = 9,
	    .stream = OR_SLICE_LIT("outrider.audit/orders"),
	    .seq_from = 11,
	    .seq_to = 20,
	    .root = or_slice(root, 32),
	    .prev_epoch = 8,
	    .prev_seq = 77,
	    .dropped = dropped,
	    .n_dropped = OR_LEN(dropped),
	    .sent_ns = 1764000000000000000ULL};
}

static void sign__makes_a_frame_that_verifies(void **state)
{
	struct fixture *x = *state;
	struct wire_frame f = frame(), got;

	ASSERT_OK(wire_frame_sign(&x->out, &f, x->key, &x->err), &x->err);
	ASSERT_OK(wire_frame_decode(&got, or_buf_slice(&x->out), x->a, &x->err), &x->err);
	ASSERT_OK(wire_frame_verify(&got, x->key, &x->err), &x->err);
	assert_int_equal(wire_frame_records(&got), 3);
	assert_true(wire_frame_is_dropped(&got, 12));
	assert_true(wire_frame_is_dropped(&got, 19));
	assert_false(wire_frame_is_dropped(&got, 13));
	assert_false(wire_frame_is_dropped(&got, 20));
	ASSERT_SLICE(got.dropped[1].reason, "quota");
	assert_int_equal(got.prev_seq, 77);
}

static void verify__fails_when_any_byte_is_flipped(void **state)
{
	struct fixture *x = *state;
	struct wire_frame f = frame(), got;

	ASSERT_OK(wire_frame_sign(&x->out, &f, x->key, &x->err), &x->err);
	for (size_t i = 0; i < x->out.n; i++) {
		for (int bit = 0; bit < 8; bit++) {
			x->out.p[i] ^= (uint8_t)(1 << bit);
			or_arena_clear(x->a);
			if (!wire_frame_decode(&got, or_buf_slice(&x->out), x->a, &x->err))
				ASSERT_CODE(wire_frame_verify(&got, x->key, &x->err), OR_DENIED);
			x->out.p[i] ^= (uint8_t)(1 << bit);
		}
	}
}

static void verify__fails_for_another_agent(void **state)
{
	struct fixture *x = *state;
	struct wire_frame f = frame(), got;
	struct or_crypto_key *other;

	ASSERT_OK(or_crypto_key_new(&other, OR_CRYPTO_ED25519, &x->err), &x->err);
	ASSERT_OK(wire_frame_sign(&x->out, &f, other, &x->err), &x->err);
	ASSERT_OK(wire_frame_decode(&got, or_buf_slice(&x->out), x->a, &x->err), &x->err);
	ASSERT_CODE(wire_frame_verify(&got, x->key, &x->err), OR_DENIED);
	or_crypto_key_free(other);
}

static void sign__takes_an_empty_frame_as_heartbeat(void **state)
{
	struct fixture *x = *state;
	struct wire_frame f = frame(), got;

	f.dropped = NULL;
	f.n_dropped = 0;
	f.seq_to = f.seq_from - 1;
	ASSERT_OK(wire_frame_sign(&x->out, &f, x->key, &x->err), &x->err);
	ASSERT_OK(wire_frame_decode(&got, or_buf_slice(&x->out), x->a, &x->err), &x->err);
	assert_int_equal(wire_frame_records(&got), 0);
	/* A stream that never had a record: seq_to is 0, which the wire leaves out. */
	f.seq_from = 1;
	f.seq_to = 0;
	or_buf_clear(&x->out);
	ASSERT_OK(wire_frame_sign(&x->out, &f, x->key, &x->err), &x->err);
	ASSERT_OK(wire_frame_decode(&got, or_buf_slice(&x->out), x->a, &x->err), &x->err);
	assert_int_equal(wire_frame_records(&got), 0);
}

static void sign__refuses_what_does_not_hold_together(void **state)
{
	static const struct wire_dropped overlap[] = {
	    {12, 14, OR_SLICE_LIT("a")}, {14, 15, OR_SLICE_LIT("b")}};
	static const struct wire_dropped mute[] = {{12, 14, {NULL, 0}}};
	static const struct wire_dropped beyond[] = {{20, 21, OR_SLICE_LIT("a")}};
	struct fixture *x = *state;
	struct wire_frame f;

#define REFUSED(change, message)                                                                   \
	do {                                                                                       \
		f = frame();                                                                       \
		change;                                                                            \
		ASSERT_CODE(wire_frame_sign(&x->out, &f, x->key, &x->err), OR_INVAL);              \
		ASSERT_HAS(x->err.msg, message);                                                   \
	} while (0)
	REFUSED(f.cert = OR_SLICE_NONE, "cert");
	REFUSED(f.epoch = 0, "epoch");
	REFUSED(f.root.n = 31, "root");
	REFUSED(f.sent_ns = 0, "sent");
	REFUSED(f.seq_from = 0, "no range");
	REFUSED(f.seq_to = 9, "no range");
	REFUSED(f.seq_to = UINT64_MAX, "no range");
	REFUSED(f.prev_epoch = 9, "prev_epoch");
	REFUSED(f.prev_epoch = 0, "prev_epoch");
	REFUSED((f.dropped = overlap, f.n_dropped = 2), "ascend");
	REFUSED((f.dropped = mute, f.n_dropped = 1), "reason");
	REFUSED((f.dropped = beyond, f.n_dropped = 1), "ascend");
#undef REFUSED
}

static void decode__refuses_what_could_be_read_in_two_ways(void **state)
{
	struct fixture *x = *state;
	struct wire_frame f = frame(), got;

	ASSERT_OK(wire_frame_sign(&x->out, &f, x->key, &x->err), &x->err);
	wire_pb_append(&x->out, 30, OR_SLICE_LIT("new"));
	ASSERT_CODE(wire_frame_decode(&got, or_buf_slice(&x->out), x->a, &x->err), OR_PARSE);
	ASSERT_CODE(wire_frame_decode(&got, OR_SLICE_NONE, x->a, &x->err), OR_PARSE);
}

/* RFC 6962 test values of the Certificate Transparency reference implementation. */
static void root__is_that_of_rfc_6962(void **state)
{
	static const uint8_t empty[32] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a,
	    0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93,
	    0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};
	static const uint8_t three[32] = {0xae, 0xb6, 0xbc, 0xfe, 0x27, 0x4b, 0x70, 0xa1, 0x4f,
	    0xb0, 0x67, 0xa5, 0xe5, 0x57, 0x82, 0x64, 0xdb, 0x0f, 0xa9, 0xb5, 0x1a, 0xf5, 0xe0,
	    0xba, 0x15, 0x91, 0x58, 0xf3, 0x29, 0xe0, 0x6e, 0x77};
	static const uint8_t eight[32] = {0x5d, 0xc9, 0xda, 0x79, 0xa7, 0x06, 0x59, 0xa9, 0xad,
	    0x55, 0x9c, 0xb7, 0x01, 0xde, 0xd9, 0xa2, 0xab, 0x9d, 0x82, 0x3a, 0xad, 0x2f, 0x49,
	    0x60, 0xcf, 0xe3, 0x70, 0xef, 0xf4, 0x60, 0x43, 0x28};
	static const struct or_slice leaves[] = {{(const uint8_t *)"", 0}, OR_SLICE_LIT("\x00"),
	    OR_SLICE_LIT("\x10"), OR_SLICE_LIT("\x20\x21"), OR_SLICE_LIT("\x30\x31"),
	    OR_SLICE_LIT("\x40\x41\x42\x43"), OR_SLICE_LIT("\x50\x51\x52\x53\x54\x55\x56\x57"),
	    OR_SLICE_LIT("\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f")};
	uint8_t got[32];

	(void)state;
	wire_root_compute(got, NULL, 0);
	assert_memory_equal(got, empty, 32);
	wire_root_compute(got, leaves, 3);
	assert_memory_equal(got, three, 32);
	wire_root_compute(got, leaves, 8);
	assert_memory_equal(got, eight, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(sign__makes_a_frame_that_verifies),
	    T(verify__fails_when_any_byte_is_flipped),
	    T(verify__fails_for_another_agent),
	    T(sign__takes_an_empty_frame_as_heartbeat),
	    T(sign__refuses_what_does_not_hold_together),
	    T(decode__refuses_what_could_be_read_in_two_ways),
	    T(root__is_that_of_rfc_6962),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
