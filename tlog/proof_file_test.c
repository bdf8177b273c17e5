/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog/proof_file.h"

#include "tests/support/support.h"

#define HASH_A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define HASH_B "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define NOTE   "example.com/log\n9\n" HASH_A "\n\n\xe2\x80\x94 example.com/log AAAA\n"

static const char plain[] = "c2sp.org/tlog-proof@v1\nindex 7\n" HASH_A "\n" HASH_B "\n\n" NOTE;
static const char with_extra[] = "c2sp.org/tlog-proof@v1\nextra aGVsbG8=\nindex 0\n\n" NOTE;

static enum or_code parse(struct tl_proof_file *f, struct or_buf *extra, const char *text)
{
	return tl_proof_file_parse(f, extra, or_slice_str(text), NULL);
}

static void a_proof_comes_back_as_it_was(void **state)
{
	const char *texts[] = {plain, with_extra};
	struct or_buf extra, out;
	struct tl_proof_file f;
	struct or_err err;

	(void)state;
	or_buf_init(&extra, 65536);
	or_buf_init(&out, 65536);
	for (size_t i = 0; i < OR_LEN(texts); i++) {
		ASSERT_CODE(parse(&f, &extra, texts[i]), OR_OK);
		assert_true(or_slice_is(f.checkpoint, NOTE));
		or_buf_clear(&out);
		ASSERT_OK(tl_proof_file_encode(&out, &f, &err), &err);
		assert_true(or_slice_is(or_buf_slice(&out), texts[i]));
	}
	assert_true(or_slice_is(f.extra, "hello"));
	ASSERT_CODE(parse(&f, &extra, plain), OR_OK);
	assert_int_equal(f.index, 7);
	assert_int_equal(f.proof.n, 2);
	assert_int_equal(f.proof.hashes[1].b[0], 1);
	assert_null(f.extra.p);
	or_buf_done(&extra);
	or_buf_done(&out);
}

static void what_is_malformed_is_refused(void **state)
{
	static const char *const bad[] = {
	    "",
	    "c2sp.org/tlog-proof@v1",
	    "c2sp.org/tlog-proof@v2\nindex 0\n\n" NOTE,
	    "c2sp.org/tlog-proof@v1\n",
	    "c2sp.org/tlog-proof@v1\nindex 01\n\n" NOTE,
	    "c2sp.org/tlog-proof@v1\nindex -1\n\n" NOTE,
	    "c2sp.org/tlog-proof@v1\nindex \n\n" NOTE,
	    "c2sp.org/tlog-proof@v1\nindex 9223372036854775808\n\n" NOTE,
	    "c2sp.org/tlog-proof@v1\nindex 18446744073709551616\n\n" NOTE,
	    "c2sp.org/tlog-proof@v1\nextra aGVsbG8\nindex 0\n\n" NOTE,
	    "c2sp.org/tlog-proof@v1\nextra aGVsbG8=\nextra aGVsbG8=\nindex 0\n\n" NOTE,
	    "c2sp.org/tlog-proof@v1\nextra aGVsbG8=\n",
	    "c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\n" NOTE,
	    "c2sp.org/tlog-proof@v1\nindex 0\n" HASH_A " \n\n" NOTE,
	    "c2sp.org/tlog-proof@v1\nindex 0\n" HASH_A "\n",
	    "c2sp.org/tlog-proof@v1\nindex 0\n\n",
	    "c2sp.org/tlog-proof@v1\r\nindex 0\r\n\r\n" NOTE,
	};
	struct tl_proof_file f;
	struct or_buf extra;

	(void)state;
	or_buf_init(&extra, 65536);
	for (size_t i = 0; i < OR_LEN(bad); i++) {
		f.index = 4711;
		ASSERT_CODE(parse(&f, &extra, bad[i]), OR_PARSE);
		assert_int_equal(f.index, 4711);
	}
	or_buf_done(&extra);
}

static void a_proof_has_64_hashes_at_most(void **state)
{
	struct tl_proof_file f = {.index = 1, .checkpoint = OR_SLICE_LIT(NOTE)};
	struct or_buf text, extra;
	struct or_err err;

	(void)state;
	or_buf_init(&text, 65536);
	or_buf_init(&extra, 65536);
	f.proof.n = TL_PROOF_MAX;
	ASSERT_OK(tl_proof_file_encode(&text, &f, &err), &err);
	ASSERT_OK(tl_proof_file_parse(&f, &extra, or_buf_slice(&text), &err), &err);
	assert_int_equal(f.proof.n, TL_PROOF_MAX);
	or_buf_clear(&text);
	or_buf_put_str(&text, "c2sp.org/tlog-proof@v1\nindex 1\n");
	for (size_t i = 0; i <= TL_PROOF_MAX; i++)
		or_buf_put_str(&text, HASH_A "\n");
	or_buf_put_str(&text, "\n" NOTE);
	ASSERT_CODE(tl_proof_file_parse(&f, &extra, or_buf_slice(&text), &err), OR_PARSE);
	f.extra = or_slice((const uint8_t *)NOTE, TL_PROOF_FILE_EXTRA_MAX + 1);
	ASSERT_CODE(tl_proof_file_encode(&text, &f, &err), OR_INVAL);
	f.extra = f.checkpoint = OR_SLICE_NONE;
	ASSERT_CODE(tl_proof_file_encode(&text, &f, &err), OR_INVAL);
	or_buf_done(&text);
	or_buf_done(&extra);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_proof_comes_back_as_it_was),
	    cmocka_unit_test(what_is_malformed_is_refused),
	    cmocka_unit_test(a_proof_has_64_hashes_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
