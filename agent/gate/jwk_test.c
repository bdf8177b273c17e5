/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/jwks.h"

#include "tests/support/support.h"
#include "tests/support/token.h"

/* RFC 8037 §A.2, RFC 7515 §A.3.1, RFC 7515 §A.2.1 */
#define ED_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define ED   "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED_X "\""
#define EC_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define EC_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define EC   "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\""
#define RSA_N                                                                                      \
	"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-"                    \
	"4qPCJrcS2mJPMEzP1Pt0"                                                                     \
	"Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-"              \
	"bSf63kpaSHSXnd"                                                                           \
	"S5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_"     \
	"I5IhlJ"                                                                                   \
	"H7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
#define RSA "\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\""

static const struct {
	const char *why;
	const char *jwk;
	enum or_code code;
} cases[] = {
    {"RFC 8037 §2", "{" ED "}", OR_OK},
    {"RFC 7518 §6.2", "{" EC "}", OR_OK},
    {"RFC 7518 §6.3", "{" RSA "}", OR_OK},
    {"RFC 7517 §4.2", "{" ED ",\"use\":\"sig\"}", OR_OK},
    {"RFC 7517 §4.2: not for signatures", "{" ED ",\"use\":\"enc\"}", OR_UNSUPPORTED},
    {"RFC 7517 §4.2: a string", "{" ED ",\"use\":1}", OR_INVAL},
    {"RFC 7517 §4.3", "{" ED ",\"key_ops\":[\"verify\"]}", OR_OK},
    {"RFC 7517 §4.3: no verify", "{" ED ",\"key_ops\":[\"sign\"]}", OR_UNSUPPORTED},
    {"RFC 7517 §4.3: none", "{" ED ",\"key_ops\":[]}", OR_UNSUPPORTED},
    {"RFC 7517 §4.3: one string is not two", "{" ED ",\"key_ops\":[\"sign, verify\"]}",
	OR_UNSUPPORTED},
    {"RFC 7517 §4.3: a list", "{" ED ",\"key_ops\":\"verify\"}", OR_INVAL},
    {"RFC 7517 §4.3: of strings", "{" ED ",\"key_ops\":[1]}", OR_INVAL},
    {"RFC 7517 §4.4", "{" ED ",\"alg\":\"EdDSA\"}", OR_OK},
    {"RFC 7517 §4.4: of another kty", "{" ED ",\"alg\":\"ES256\"}", OR_INVAL},
    {"RFC 7517 §4.4: of another curve", "{" EC ",\"alg\":\"ES384\"}", OR_INVAL},
    {"RFC 7517 §4.4: encryption", "{" RSA ",\"alg\":\"RSA-OAEP\"}", OR_UNSUPPORTED},
    {"RFC 8725 §3.2: symmetric", "{" RSA ",\"alg\":\"HS256\"}", OR_UNSUPPORTED},
    {"RFC 7517 §4.5: a string", "{" ED ",\"kid\":7}", OR_INVAL},
    {"RFC 7517 §4.1: required", "{\"crv\":\"Ed25519\",\"x\":\"" ED_X "\"}", OR_INVAL},
    {"RFC 7517 §4.1: case counts", "{\"kty\":\"okp\",\"crv\":\"Ed25519\",\"x\":\"" ED_X "\"}",
	OR_UNSUPPORTED},
    {"RFC 7517 §4: an object", "[]", OR_INVAL},
    {"RFC 8037 §2: another curve", "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" ED_X "\"}",
	OR_UNSUPPORTED},
    {"RFC 8037 §2: too short", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}", OR_INVAL},
    {"RFC 8037 §2: no x", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}", OR_INVAL},
    {"RFC 7515 §2: padding", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED_X "=\"}", OR_INVAL},
    {"RFC 7518 §6.2.1.1: another curve",
	"{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AA\",\"y\":\"AA\"}", OR_UNSUPPORTED},
    {"RFC 7518 §6.2.1.3: no y", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\"}", OR_INVAL},
    {"RFC 7518 §6.2.1.2: the field's length",
	"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQ\",\"y\":\"" EC_Y "\"}", OR_INVAL},
    {"RFC 7518 §6.2.1: off the curve",
	"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_Y "\",\"y\":\"" EC_X "\"}", OR_INVAL},
    {"RFC 7518 §3.3: 2,048 bits at least", "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
	OR_INVAL},
    {"RFC 7518 §6.3.1.1: no leading zero", "{\"kty\":\"RSA\",\"n\":\"AA" RSA_N "\",\"e\":\"AQAB\"}",
	OR_INVAL},
    {"RFC 7518 §6.3.1.2: no exponent", "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\"}", OR_INVAL},
    {"exponent 1", "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQ\"}", OR_INVAL},
    {"an even exponent", "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAC\"}", OR_INVAL},
    {"RFC 7518 §6.3.2: private", "{" RSA ",\"d\":\"AQAB\"}", OR_DENIED},
    {"RFC 7518 §6.2.2: private", "{" EC ",\"d\":\"AQAB\"}", OR_DENIED},
    {"RFC 8037 §2: private", "{" ED ",\"d\":\"AQAB\"}", OR_DENIED},
    {"RFC 7518 §6.4: symmetric", "{\"kty\":\"oct\",\"k\":\"AQAB\"}", OR_DENIED},
    {"RFC 7517 §4: unknown members are ignored", "{" ED ",\"x5c\":[1],\"more\":{}}", OR_OK},
};

static void parse__follows_the_rfcs(void **state)
{
	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		struct or_arena *a = or_arena_new(1U << 20);
		struct ag_jwk k = {0};
		const struct or_json *j;
		struct or_err err = {0};
		enum or_code rc;

		ASSERT_OK(or_json_parse(&j, or_slice_str(cases[i].jwk), a, &err), &err);
		rc = ag_jwk_parse(&k, j, &err);
		if (rc != cases[i].code)
			fail_msg("%s: %s (%s)", cases[i].why, or_err_name(rc), err.msg);
		assert_true((rc == OR_OK) == (k.key != NULL));
		ag_jwk_done(&k);
		or_arena_free(a);
	}
}

static void fits__kty_curve_and_padding(void **state)
{
	static const struct {
		const char *jwk;
		enum or_crypto_alg alg;
		bool fits;
	} table[] = {
	    {"{" ED "}", OR_CRYPTO_EDDSA, true},
	    {"{" ED "}", OR_CRYPTO_ES256, false},
	    {"{" EC "}", OR_CRYPTO_ES256, true},
	    {"{" EC "}", OR_CRYPTO_ES384, false},
	    {"{" EC "}", OR_CRYPTO_RS256, false},
	    {"{" RSA "}", OR_CRYPTO_RS256, true},
	    {"{" RSA "}", OR_CRYPTO_PS512, true},
	    {"{" RSA "}", OR_CRYPTO_ES256, false},
	    {"{" RSA ",\"alg\":\"RS256\"}", OR_CRYPTO_RS512, true},
	    {"{" RSA ",\"alg\":\"RS256\"}", OR_CRYPTO_PS256, false},
	    {"{" RSA ",\"alg\":\"PS256\"}", OR_CRYPTO_PS384, true},
	    {"{" RSA ",\"alg\":\"PS256\"}", OR_CRYPTO_RS256, false},
	};

	(void)state;
	for (size_t i = 0; i < OR_LEN(table); i++) {
		struct or_arena *a = or_arena_new(1U << 20);
		const struct or_json *j;
		struct ag_jwk k;

		ASSERT_CODE(or_json_parse(&j, or_slice_str(table[i].jwk), a, NULL), OR_OK);
		ASSERT_CODE(ag_jwk_parse(&k, j, NULL), OR_OK);
		assert_int_equal(ag_jwk_fits(&k, table[i].alg), table[i].fits);
		ag_jwk_done(&k);
		or_arena_free(a);
	}
}

static const struct {
	const char *text;
	enum or_code code;
	size_t n, skipped;
	const char *message;
} sets[] = {
    {"{\"keys\":[]}", OR_OK, 0, 0, NULL},
    {"{\"keys\":[{" ED ",\"kid\":\"a\"},{" EC ",\"kid\":\"b\"}],\"more\":1}", OR_OK, 2, 0, NULL},
    /* RFC 7517 §5: what is not understood is ignored */
    {"{\"keys\":[{\"kty\":\"new\"},{" ED "},{" RSA ",\"use\":\"enc\"}]}", OR_OK, 1, 2, NULL},
    /* RFC 7517 §4.5: the kid tells keys of a set apart; one for encryption does not count */
    {"{\"keys\":[{" RSA ",\"use\":\"enc\",\"kid\":\"a\"},{" ED ",\"kid\":\"a\"}]}", OR_OK, 1, 1,
	NULL},
    {"{\"keys\":[{" EC ",\"kid\":\"a\"},{" ED ",\"kid\":\"a\"}]}", OR_INVAL, 0, 0,
	"keys[1]: another key has the same kid"},
    {"{\"keys\":[{" ED "},{" EC ",\"d\":\"AA\"}]}", OR_DENIED, 0, 0, "keys[1]: a private"},
    {"{\"keys\":[{" ED "},5]}", OR_INVAL, 0, 0, "keys[1]: a key must be an object"},
    {"{\"keys\":{}}", OR_INVAL, 0, 0, "the list \"keys\""},
    {"{}", OR_INVAL, 0, 0, "the list \"keys\""},
    {"[]", OR_INVAL, 0, 0, "the list \"keys\""},
    {"{\"keys\":[],\"keys\":[]}", OR_PARSE, 0, 0, "duplicate"},
    {"", OR_PARSE, 0, 0, ""},
};

static void set__is_whole_or_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < OR_LEN(sets); i++) {
		struct ag_jwks *set = NULL;
		struct or_err err = {0};
		enum or_code rc = ag_jwks_parse(&set, or_slice_str(sets[i].text), &err);

		if (rc != sets[i].code)
			fail_msg("set %zu: %s %s", i, or_err_name(rc), err.msg);
		if (rc == OR_OK) {
			assert_int_equal(ag_jwks_count(set), sets[i].n);
			assert_int_equal(ag_jwks_skipped(set), sets[i].skipped);
		} else {
			assert_null(set);
			ASSERT_HAS(err.msg, sets[i].message);
		}
		ag_jwks_free(set);
	}
}

static void set__is_bounded(void **state)
{
	struct ag_jwks *set = NULL;
	struct or_buf text;
	struct or_err err = {0};

	(void)state;
	or_buf_init(&text, 1U << 20);
	or_buf_put_str(&text, "{\"keys\":[");
	for (int i = 0; i <= AG_JWKS_KEYS_MAX; i++)
		or_buf_printf(&text, "%s{\"kty\":\"x\"}", i ? "," : "");
	or_buf_put_str(&text, "]}");
	ASSERT_CODE(ag_jwks_parse(&set, or_buf_slice(&text), &err), OR_FULL);
	while (text.n <= AG_JWKS_TEXT_MAX)
		or_buf_put_byte(&text, ' ');
	ASSERT_CODE(ag_jwks_parse(&set, or_buf_slice(&text), &err), OR_FULL);
	or_buf_done(&text);
}

static void find__by_kid_or_the_only_one(void **state)
{
	static const char text[] = "{\"keys\":[{" ED ",\"kid\":\"a\"},{" EC ",\"kid\":\"b\"},{" RSA
				   "},{" RSA ",\"kid\":\"d\",\"alg\":\"RS256\"}]}";
	const struct ag_jwk *k;
	struct ag_jwks *set;
	struct or_err err = {0};

	(void)state;
	ASSERT_OK(ag_jwks_parse(&set, or_slice_str(text), &err), &err);
	ASSERT_CODE(ag_jwks_find(&k, set, OR_SLICE_LIT("a"), OR_CRYPTO_EDDSA), OR_OK);
	ASSERT_SLICE(k->kid, "a");
	/* the kid is there, and its key is for another algorithm */
	ASSERT_CODE(ag_jwks_find(&k, set, OR_SLICE_LIT("a"), OR_CRYPTO_ES256), OR_ABSENT);
	ASSERT_CODE(ag_jwks_find(&k, set, OR_SLICE_LIT("c"), OR_CRYPTO_EDDSA), OR_ABSENT);
	ASSERT_CODE(ag_jwks_find(&k, set, OR_SLICE_NONE, OR_CRYPTO_ES256), OR_OK);
	ASSERT_SLICE(k->kid, "b");
	ASSERT_CODE(ag_jwks_find(&k, set, OR_SLICE_NONE, OR_CRYPTO_RS256), OR_INVAL);
	ASSERT_CODE(ag_jwks_find(&k, set, OR_SLICE_NONE, OR_CRYPTO_PS256), OR_OK);
	assert_null(k->kid.p);
	/* a key without a kid is never the answer to a kid */
	ASSERT_CODE(ag_jwks_find(&k, set, OR_SLICE_LIT(""), OR_CRYPTO_PS256), OR_ABSENT);
	ag_jwks_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parse__follows_the_rfcs),
	    cmocka_unit_test(fits__kty_curve_and_padding),
	    cmocka_unit_test(set__is_whole_or_refused),
	    cmocka_unit_test(set__is_bounded),
	    cmocka_unit_test(find__by_kid_or_the_only_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
