/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog/note.h"

#include "tests/support/support.h"
#include "tlog/checkpoint.h"

/* The example of the Go package golang.org/x/mod/sumdb/note: another implementation's key and
 * signature. */
static const char go_vkey[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char go_text[] = "If you think cryptography is the answer to your problem,\n"
			      "then you don't know what your problem is.\n";
static const char go_sig[] =
    "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1"
    "FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

static struct or_crypto_key *secret;
static struct tl_note_key own;
static const struct tl_note_key *const own_list[] = {&own};

static int set_up(void **state)
{
	struct or_err err;

	(void)state;
	ASSERT_OK(or_crypto_key_new(&secret, OR_CRYPTO_ED25519, &err), &err);
	ASSERT_OK(tl_note_key_init(&own, "example.org/log", secret, &err), &err);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	tl_note_key_done(&own);
	or_crypto_key_free(secret);
	return 0;
}

static void verify__takes_a_note_of_another_implementation(void **state)
{
	const struct tl_note_key *list[1];
	struct tl_note_key k;
	struct or_slice text;
	struct or_buf note;
	struct or_err err;
	uint32_t by = 0;

	(void)state;
	or_buf_init(&note, 4096);
	ASSERT_OK(tl_note_key_parse(&k, or_slice_str(go_vkey), &err), &err);
	list[0] = &k;
	tl_note_key_format(&note, &k);
	assert_string_equal(or_buf_text(&note), go_vkey);
	or_buf_clear(&note);
	or_buf_put_str(&note, go_text);
	or_buf_put_str(&note, go_sig);
	ASSERT_OK(tl_note_verify(&text, &by, or_buf_slice(&note), list, 1, &err), &err);
	ASSERT_SLICE(text, go_text);
	assert_int_equal(by, 1);
	note.p[0] = 'i';
	ASSERT_CODE(tl_note_verify(&text, &by, or_buf_slice(&note), list, 1, &err), OR_DENIED);
	tl_note_key_done(&k);
	or_buf_done(&note);
}

static void sign__makes_a_note_that_verifies_under_the_vkey(void **state)
{
	const struct tl_note_key *list[1];
	struct or_buf note, vkey;
	struct tl_note_key k;
	struct or_slice text;
	struct or_err err;

	(void)state;
	or_buf_init(&note, 4096);
	or_buf_init(&vkey, 4096);
	tl_note_key_format(&vkey, &own);
	ASSERT_OK(tl_note_key_parse(&k, or_buf_slice(&vkey), &err), &err);
	list[0] = &k;
	ASSERT_OK(tl_note_sign(&note, OR_SLICE_LIT("a\n\nb\n"), own_list, 1, &err), &err);
	ASSERT_OK(tl_note_verify(&text, NULL, or_buf_slice(&note), list, 1, &err), &err);
	ASSERT_SLICE(text, "a\n\nb\n");
	tl_note_key_done(&k);
	or_buf_done(&vkey);
	or_buf_done(&note);
}

static void verify__passes_over_other_peoples_signatures(void **state)
{
	struct or_buf note;
	struct or_slice text;
	struct or_err err;

	(void)state;
	or_buf_init(&note, 4096);
	ASSERT_OK(tl_note_sign(&note, or_slice_str(go_text), own_list, 1, &err), &err);
	or_buf_put_str(&note, go_sig + 1);
	ASSERT_OK(tl_note_verify(&text, NULL, or_buf_slice(&note), own_list, 1, &err), &err);
	or_buf_clear(&note);
	or_buf_put_str(&note, go_text);
	or_buf_put_str(&note, go_sig);
	ASSERT_CODE(tl_note_verify(&text, NULL, or_buf_slice(&note), own_list, 1, &err), OR_DENIED);
	ASSERT_HAS(err.msg, "none of the known keys");
	or_buf_done(&note);
}

static void verify__fails_when_any_byte_is_flipped(void **state)
{
	struct or_buf note;
	struct or_slice text;
	struct or_err err;

	(void)state;
	or_buf_init(&note, 4096);
	ASSERT_OK(tl_note_sign(&note, OR_SLICE_LIT("one\ntwo\n"), own_list, 1, &err), &err);
	for (size_t i = 0; i < note.n; i++) {
		for (int bit = 0; bit < 8; bit++) {
			note.p[i] ^= (uint8_t)(1 << bit);
			assert_int_not_equal(
			    tl_note_verify(&text, NULL, or_buf_slice(&note), own_list, 1, &err),
			    OR_OK);
			note.p[i] ^= (uint8_t)(1 << bit);
		}
	}
	or_buf_done(&note);
}

static void verify__refuses_what_is_no_note(void **state)
{
	static const char *const bad[] = {"", "\n", "\n\n", "text\n", "text\n\n", "\n\n— a AAAA\n",
	    "text\n\n— a AAAAAAA=", "text\n\n- a AAAAAAA=\n", "text\n\n— a  AAAAAAA=\n",
	    "text\n\n— AAAAAAA=\n", "text\n\n— a AAAAAAA\n", "text\n\n— a AAAAAA==\n",
	    "te\xfft\n\n— a AAAAAAA=\n", "te\tt\n\n— a AAAAAAA=\n", "text\n\n— a+b AAAAAAA=\n",
	    "text\n\n— a AAAAAAA=\nx\n"};
	struct or_slice text;
	struct or_err err;

	(void)state;
	for (size_t i = 0; i < OR_LEN(bad); i++)
		ASSERT_CODE(
		    tl_note_verify(&text, NULL, or_slice_str(bad[i]), own_list, 1, &err), OR_PARSE);
	ASSERT_CODE(
	    tl_note_verify(&text, NULL, OR_SLICE_LIT("text\n\n— a AAAAAAA=\n"), own_list, 1, &err),
	    OR_DENIED);
}

static void key__refuses(void **state)
{
	static const char *const bad[] = {"", "a", "a+b", "a+c74f20a3", "+c74f20a3+AR",
	    "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	    "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
	    "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	    "PeterNeumann+c74f20a3+ARpc"};
	struct or_crypto_key *p256;
	struct tl_note_key k;
	struct or_err err;

	(void)state;
	for (size_t i = 0; i < OR_LEN(bad); i++)
		ASSERT_CODE(tl_note_key_parse(&k, or_slice_str(bad[i]), &err), OR_PARSE);
	ASSERT_CODE(tl_note_key_parse(&k, OR_SLICE_LIT("a+c74f20a3+BAAA"), &err), OR_UNSUPPORTED);
	ASSERT_CODE(tl_note_key_init(&k, "a b", secret, &err), OR_INVAL);
	ASSERT_CODE(tl_note_key_init(&k, "", secret, &err), OR_INVAL);
	ASSERT_CODE(tl_note_key_init(&k, "a\xe2\x80\x83", secret, &err), OR_INVAL);
	ASSERT_OK(or_crypto_key_new(&p256, OR_CRYPTO_P256, &err), &err);
	ASSERT_CODE(tl_note_key_init(&k, "a", p256, &err), OR_INVAL);
	or_crypto_key_free(p256);
}

static void checkpoint__goes_both_ways(void **state)
{
	static const char text[] = "example.org/log\n20\n"
				   "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
	struct tl_checkpoint c, got;
	struct or_slice origin = OR_SLICE_LIT("example.org/log");
	struct or_buf out;
	struct or_err err;

	(void)state;
	c = (struct tl_checkpoint){.origin = origin, .size = 20};
	tl_hash_empty(&c.root);
	or_buf_init(&out, 4096);
	ASSERT_OK(tl_checkpoint_encode(&out, &c, &err), &err);
	assert_string_equal(or_buf_text(&out), text);
	or_buf_clear(&out);
	c.extensions = OR_SLICE_LIT("more\nand more\n");
	ASSERT_OK(tl_checkpoint_sign(&out, &c, own_list, 1, &err), &err);
	ASSERT_OK(tl_checkpoint_verify(&got, or_buf_slice(&out), origin, own_list, 1, &err), &err);
	assert_int_equal(got.size, 20);
	assert_true(tl_hash_eq(&got.root, &c.root));
	ASSERT_SLICE(got.extensions, "more\nand more\n");
	ASSERT_CODE(tl_checkpoint_verify(&got, or_buf_slice(&out), OR_SLICE_LIT("example.org/lo"),
			own_list, 1, &err),
	    OR_DENIED);
	or_buf_done(&out);
}

static void checkpoint__refuses(void **state)
{
#define ROOT "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
	static const char *const bad[] = {"", "o\n", "o\n1\n", "\n1\n" ROOT "\n",
	    "o\n01\n" ROOT "\n", "o\n-1\n" ROOT "\n", "o\n1\n" ROOT, "o\n1\n" ROOT "\n\n",
	    "o\n1\n" ROOT "\na", "o\n1\n" ROOT "\n\na\n", "o\n1\nAAAA\n", "o\n1\n" ROOT " \n",
	    "o\n18446744073709551616\n" ROOT "\n", "o\n9223372036854775808\n" ROOT "\n",
	    "o\n+1\n" ROOT "\n"};
#undef ROOT
	struct tl_checkpoint c = {.origin = OR_SLICE_LIT("o"), .size = 1};
	struct or_buf out;
	struct or_err err;

	(void)state;
	for (size_t i = 0; i < OR_LEN(bad); i++)
		ASSERT_CODE(tl_checkpoint_parse(&c, or_slice_str(bad[i]), &err), OR_PARSE);
	or_buf_init(&out, 4096);
	c.origin = OR_SLICE_LIT("a\nb");
	ASSERT_CODE(tl_checkpoint_encode(&out, &c, &err), OR_INVAL);
	c.origin = OR_SLICE_LIT("a");
	c.extensions = OR_SLICE_LIT("x");
	ASSERT_CODE(tl_checkpoint_encode(&out, &c, &err), OR_INVAL);
	c.extensions = OR_SLICE_LIT("x\n\n");
	ASSERT_CODE(tl_checkpoint_encode(&out, &c, &err), OR_INVAL);
	or_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(verify__takes_a_note_of_another_implementation),
	    cmocka_unit_test(sign__makes_a_note_that_verifies_under_the_vkey),
	    cmocka_unit_test(verify__passes_over_other_peoples_signatures),
	    cmocka_unit_test(verify__fails_when_any_byte_is_flipped),
	    cmocka_unit_test(verify__refuses_what_is_no_note),
	    cmocka_unit_test(key__refuses),
	    cmocka_unit_test(checkpoint__goes_both_ways),
	    cmocka_unit_test(checkpoint__refuses),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
