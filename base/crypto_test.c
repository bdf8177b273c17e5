/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crypto.h"
#include "base/str.h"
#include "tests/support/support.h"

static struct or_slice hex(struct or_buf *b, const char *text)
{
	or_buf_init(b, 4096);
	ASSERT_CODE(or_str_hex_decode(b, or_slice_str(text)), OR_OK);
	return or_buf_slice(b);
}

static void assert_hex(const uint8_t *p, size_t n, const char *want)
{
	struct or_buf b;

	or_buf_init(&b, 4096);
	or_str_hex_encode(&b, or_slice(p, n));
	ASSERT_SLICE(or_buf_slice(&b), want);
	or_buf_done(&b);
}

/* FIPS 180-2 appendix B.1, and the empty string. */
static void sha256__known_answers(void **state)
{
	struct or_slice parts[] = {OR_SLICE_LIT("a"), OR_SLICE_LIT(""), OR_SLICE_LIT("bc")};
	uint8_t out[32];

	(void)state;
	or_crypto_sha256(out, OR_SLICE_LIT("abc"));
	assert_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	or_crypto_sha256(out, OR_SLICE_NONE);
	assert_hex(out, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	or_crypto_sha256_parts(out, parts, 3);
	assert_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* RFC 4231 test case 2. */
static void hmac__known_answer(void **state)
{
	uint8_t out[32];

	(void)state;
	or_crypto_hmac_sha256(
	    out, OR_SLICE_LIT("Jefe"), OR_SLICE_LIT("what do ya want for nothing?"));
	assert_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

/* RFC 8032 §7.1, test 2. */
static void ed25519__known_answer(void **state)
{
	struct or_buf pk, sig;
	struct or_crypto_key *key;
	uint8_t msg = 0x72;

	(void)state;
	ASSERT_CODE(
	    or_crypto_key_from_ed25519(
		&key, hex(&pk, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")),
	    OR_OK);
	hex(&sig, "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
		  "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
	ASSERT_CODE(
	    or_crypto_verify(key, OR_CRYPTO_EDDSA, or_slice(&msg, 1), or_buf_slice(&sig)), OR_OK);
	sig.p[3] ^= 1;
	ASSERT_CODE(or_crypto_verify(key, OR_CRYPTO_EDDSA, or_slice(&msg, 1), or_buf_slice(&sig)),
	    OR_DENIED);
	or_crypto_key_free(key);
	or_buf_done(&pk);
	or_buf_done(&sig);
}

static void round_trip(enum or_crypto_kind kind, enum or_crypto_alg alg, size_t sig_len)
{
	struct or_crypto_key *key, *again, *public_key;
	struct or_buf pem, sig;
	struct or_err err = {0};

	or_buf_init(&pem, 4096);
	or_buf_init(&sig, 256);
	ASSERT_OK(or_crypto_key_new(&key, kind, &err), &err);
	ASSERT_CODE(or_crypto_key_to_pem(&pem, key, true), OR_OK);
	ASSERT_OK(or_crypto_key_from_pem(&again, or_buf_slice(&pem), &err), &err);
	assert_true(or_crypto_key_is_private(again));
	or_buf_clear(&pem);
	ASSERT_CODE(or_crypto_key_to_pem(&pem, key, false), OR_OK);
	ASSERT_OK(or_crypto_key_from_pem(&public_key, or_buf_slice(&pem), &err), &err);
	assert_false(or_crypto_key_is_private(public_key));
	assert_int_equal(or_crypto_key_kind(public_key), kind);

	ASSERT_CODE(or_crypto_sign(&sig, again, alg, OR_SLICE_LIT("hello")), OR_OK);
	assert_int_equal(sig.n, sig_len);
	ASSERT_CODE(
	    or_crypto_verify(public_key, alg, OR_SLICE_LIT("hello"), or_buf_slice(&sig)), OR_OK);
	ASSERT_CODE(or_crypto_verify(public_key, alg, OR_SLICE_LIT("hellO"), or_buf_slice(&sig)),
	    OR_DENIED);
	ASSERT_CODE(or_crypto_sign(&sig, public_key, alg, OR_SLICE_LIT("x")), OR_INVAL);
	or_crypto_key_free(key);
	or_crypto_key_free(again);
	or_crypto_key_free(public_key);
	or_buf_done(&pem);
	or_buf_done(&sig);
}

static void keys__round_trip_through_pem(void **state)
{
	(void)state;
	round_trip(OR_CRYPTO_ED25519, OR_CRYPTO_EDDSA, 64);
	round_trip(OR_CRYPTO_P256, OR_CRYPTO_ES256, 64);
	round_trip(OR_CRYPTO_P384, OR_CRYPTO_ES384, 96);
}

static void keys__from_their_numbers(void **state)
{
	struct or_crypto_key *key, *again;
	struct or_buf xy, sig;

	(void)state;
	or_buf_init(&xy, 256);
	or_buf_init(&sig, 256);
	ASSERT_CODE(or_crypto_key_new(&key, OR_CRYPTO_P256, NULL), OR_OK);
	ASSERT_CODE(or_crypto_key_public(&xy, key), OR_OK);
	assert_int_equal(xy.n, 64);
	ASSERT_CODE(or_crypto_key_from_ec(
			&again, OR_CRYPTO_P256, or_slice(xy.p, 32), or_slice(xy.p + 32, 32)),
	    OR_OK);
	ASSERT_CODE(or_crypto_sign(&sig, key, OR_CRYPTO_ES256, OR_SLICE_LIT("m")), OR_OK);
	ASSERT_CODE(
	    or_crypto_verify(again, OR_CRYPTO_ES256, OR_SLICE_LIT("m"), or_buf_slice(&sig)), OR_OK);
	or_crypto_key_free(again);
	again = NULL;
	xy.p[40] ^= 1; /* off the curve */
	ASSERT_CODE(or_crypto_key_from_ec(
			&again, OR_CRYPTO_P256, or_slice(xy.p, 32), or_slice(xy.p + 32, 32)),
	    OR_INVAL);
	assert_null(again);
	or_crypto_key_free(key);
	or_buf_done(&xy);
	or_buf_done(&sig);
}

static void keys__refuse_what_is_weak_or_foreign(void **state)
{
	static const uint8_t n[128] = {0xff}; /* 1,024 bits */
	struct or_crypto_key *key = NULL;
	struct or_err err;

	(void)state;
	assert_int_not_equal(
	    or_crypto_key_from_rsa(&key, or_slice(n, sizeof(n)), OR_SLICE_LIT("\x01\x00\x01")),
	    OR_OK);
	assert_null(key);
	ASSERT_CODE(or_crypto_key_from_pem(&key, OR_SLICE_LIT("no key"), &err), OR_PARSE);
	ASSERT_HAS(err.msg, "BEGIN PUBLIC KEY");
	ASSERT_CODE(or_crypto_key_from_ed25519(&key, OR_SLICE_LIT("short")), OR_INVAL);
}

static void algs__must_fit_the_key(void **state)
{
	struct or_crypto_key *key;
	enum or_crypto_alg alg;
	struct or_buf sig;

	(void)state;
	or_buf_init(&sig, 256);
	ASSERT_CODE(or_crypto_key_new(&key, OR_CRYPTO_ED25519, NULL), OR_OK);
	ASSERT_CODE(or_crypto_sign(&sig, key, OR_CRYPTO_ES256, OR_SLICE_LIT("x")), OR_INVAL);
	ASSERT_CODE(
	    or_crypto_verify(key, OR_CRYPTO_RS256, OR_SLICE_LIT("x"), OR_SLICE_LIT("y")), OR_INVAL);
	ASSERT_CODE(or_crypto_alg_find(&alg, OR_SLICE_LIT("none")), OR_ABSENT);
	ASSERT_CODE(or_crypto_alg_find(&alg, OR_SLICE_LIT("HS256")), OR_ABSENT);
	ASSERT_CODE(or_crypto_alg_find(&alg, OR_SLICE_LIT("PS384")), OR_OK);
	assert_string_equal(or_crypto_alg_name(alg), "PS384");
	or_crypto_key_free(key);
	or_buf_done(&sig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sha256__known_answers),
	    cmocka_unit_test(hmac__known_answer),
	    cmocka_unit_test(ed25519__known_answer),
	    cmocka_unit_test(keys__round_trip_through_pem),
	    cmocka_unit_test(keys__from_their_numbers),
	    cmocka_unit_test(keys__refuse_what_is_weak_or_foreign),
	    cmocka_unit_test(algs__must_fit_the_key),
	};

	return cmocka_run_group_tests_name("base.crypto", tests, NULL, NULL);
}
