/* SPDX-License-Identifier: Apache-2.0 */
#include "base/zstd.h"
#include "tests/support/support.h"

static void round_trip__gives_the_bytes(void **state)
{
	static uint8_t in[100000], out[100000];
	struct or_buf packed;

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * i >> 7);
	or_buf_init(&packed, 1 << 20);
	for (size_t n = 0; n <= sizeof(in); n = n * 3 + 1) {
		or_buf_clear(&packed);
		or_zstd_encode(&packed, or_slice(in, n), 3);
		assert_true(or_buf_ok(&packed));
		memset(out, 0, sizeof(out));
		assert_int_equal(or_zstd_decode(out, n, or_buf_slice(&packed), NULL), OR_OK);
		assert_memory_equal(in, out, n);
	}
	or_buf_done(&packed);
}

static void decode__refuses_another_size_and_what_follows(void **state)
{
	uint8_t in[1000] = {1, 2, 3}, out[2000];
	struct or_buf packed;
	struct or_err err;

	(void)state;
	or_buf_init(&packed, 1 << 20);
	or_zstd_encode(&packed, or_slice(in, sizeof(in)), 1);
	assert_int_equal(or_zstd_decode(out, 999, or_buf_slice(&packed), &err), OR_PARSE);
	assert_int_equal(or_zstd_decode(out, 1001, or_buf_slice(&packed), &err), OR_PARSE);
	or_buf_put_byte(&packed, 0);
	assert_int_equal(or_zstd_decode(out, 1000, or_buf_slice(&packed), &err), OR_PARSE);
	assert_int_equal(or_zstd_decode(out, 0, OR_SLICE_NONE, &err), OR_PARSE);
	or_buf_done(&packed);
}

static void decode__refuses_every_cut(void **state)
{
	uint8_t in[500], out[500];
	struct or_buf packed;

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 31 ^ i >> 3);
	or_buf_init(&packed, 1 << 20);
	or_zstd_encode(&packed, or_slice(in, sizeof(in)), 1);
	for (size_t n = 0; n < packed.n; n++)
		assert_int_equal(
		    or_zstd_decode(out, sizeof(out), or_slice(packed.p, n), NULL), OR_PARSE);
	or_buf_done(&packed);
}

static void encode__says_when_it_is_full(void **state)
{
	struct or_buf small;

	(void)state;
	or_buf_init(&small, 8);
	or_zstd_encode(&small, OR_SLICE_LIT("0123456789abcdef"), 1);
	assert_false(or_buf_ok(&small));
	or_buf_done(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(round_trip__gives_the_bytes),
	    cmocka_unit_test(decode__refuses_another_size_and_what_follows),
	    cmocka_unit_test(decode__refuses_every_cut),
	    cmocka_unit_test(encode__says_when_it_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
