/* SPDX-License-Identifier: Apache-2.0 */
#include "base/gzip.h"

#include "base/mem.h"
#include "tests/support/support.h"

enum { BIG = 1 << 20 };

static void decode__gives_back_what_was_encoded(void **state)
{
	uint8_t *text = or_mem_new(BIG);
	struct or_buf packed, out;
	struct or_err err;

	(void)state;
	for (size_t i = 0; i < BIG; i++)
		text[i] = (uint8_t)(i * i >> 7);
	or_buf_init(&packed, 2 * BIG);
	or_buf_init(&out, BIG);
	ASSERT_CODE(or_gzip_encode(&packed, or_slice(text, BIG)), OR_OK);
	ASSERT_OK(or_gzip_decode(&out, or_buf_slice(&packed), &err), &err);
	assert_int_equal(out.n, BIG);
	assert_memory_equal(out.p, text, BIG);
	or_buf_done(&out);
	or_buf_done(&packed);
	or_mem_free(text);
}

static void decode__takes_several_members(void **state)
{
	struct or_buf packed, out;
	struct or_err err;

	(void)state;
	or_buf_init(&packed, 4096);
	or_buf_init(&out, 4096);
	ASSERT_CODE(or_gzip_encode(&packed, OR_SLICE_LIT("one ")), OR_OK);
	ASSERT_CODE(or_gzip_encode(&packed, OR_SLICE_LIT("two")), OR_OK);
	ASSERT_OK(or_gzip_decode(&out, or_buf_slice(&packed), &err), &err);
	ASSERT_SLICE(or_buf_slice(&out), "one two");
	or_buf_done(&out);
	or_buf_done(&packed);
}

static void decode__is_bounded(void **state)
{
	uint8_t *zeros = or_mem_new(BIG);
	struct or_buf packed, out;
	struct or_err err;

	(void)state;
	or_buf_init(&packed, 2 * BIG);
	ASSERT_CODE(or_gzip_encode(&packed, or_slice(zeros, BIG)), OR_OK);
	or_buf_init(&out, BIG - 1);
	ASSERT_CODE(or_gzip_decode(&out, or_buf_slice(&packed), &err), OR_FULL);
	or_buf_done(&out);
	or_buf_init(&out, BIG); /* just enough */
	ASSERT_OK(or_gzip_decode(&out, or_buf_slice(&packed), &err), &err);
	or_buf_done(&out);
	or_buf_done(&packed);
	or_mem_free(zeros);
}

static void decode__refuses_what_is_none(void **state)
{
	struct or_buf packed, out;
	struct or_err err;

	(void)state;
	or_buf_init(&packed, 4096);
	or_buf_init(&out, 4096);
	ASSERT_CODE(or_gzip_encode(&packed, OR_SLICE_LIT("a text that is a little longer")), OR_OK);
	for (size_t n = 0; n < packed.n; n++) {
		or_buf_clear(&out);
		ASSERT_CODE(or_gzip_decode(&out, or_slice(packed.p, n), &err), OR_PARSE);
	}
	packed.p[packed.n - 6] ^= 1; /* of the CRC */
	or_buf_clear(&out);
	ASSERT_CODE(or_gzip_decode(&out, or_buf_slice(&packed), &err), OR_PARSE);
	packed.p[packed.n - 6] ^= 1;
	or_buf_put_str(&packed, "rubbish");
	or_buf_clear(&out);
	ASSERT_CODE(or_gzip_decode(&out, or_buf_slice(&packed), &err), OR_PARSE);
	ASSERT_CODE(or_gzip_decode(&out, OR_SLICE_LIT("{\"resourceLogs\":[]}"), &err), OR_PARSE);
	or_buf_done(&out);
	or_buf_done(&packed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decode__gives_back_what_was_encoded),
	    cmocka_unit_test(decode__takes_several_members),
	    cmocka_unit_test(decode__is_bounded),
	    cmocka_unit_test(decode__refuses_what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
