/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of RFC 7515, 7519, 8725 and 9068, each as a token that keeps or breaks it. All tokens
 * of the tables are rightly signed, so what refuses them is the rule that the row names.
 */
#include "agent/gate/jwt.h"

#include "base/str.h"
#include "tests/support/support.h"
#include "tests/support/token.h"

#define NOW 1000000

#define HEAD   "{\"alg\":\"EdDSA\"}"
#define ISS    "\"iss\":\"https://issuer.example\""
#define SUB    "\"sub\":\"alice\""
#define AUD    "\"aud\":\"orders\""
#define EXP    "\"exp\":1000300"
#define CLAIMS ISS "," SUB "," AUD "," EXP
#define AT     "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\"}"
#define AT_ALL CLAIMS ",\"client_id\":\"c\",\"iat\":999990,\"jti\":\"j\""

static struct or_crypto_key *key;
static struct ag_jwk jwk;

static int set_up(void **state)
{
	(void)state;
	ASSERT_CODE(or_crypto_key_new(&key, OR_CRYPTO_ED25519, NULL), OR_OK);
	jwk.key = key;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	or_crypto_key_free(key);
	return 0;
}

static enum ag_jwt_reason judge(struct or_slice token, const struct ag_jwt_rules *rules)
{
	struct or_arena *a = or_arena_new(1U << 20);
	const struct or_json *claims;
	struct ag_jwt t;
	int64_t exp = 0;
	enum ag_jwt_reason reason = ag_jwt_parse(&t, token, a);

	if (reason == AG_JWT_OK)
		reason = ag_jwt_verify(&t, &jwk);
	if (reason == AG_JWT_OK)
		reason = ag_jwt_claims(&claims, &t, a);
	if (reason == AG_JWT_OK)
		reason = ag_jwt_check(&exp, &t, claims, rules, NOW);
	assert_true(reason != AG_JWT_OK || exp > NOW);
	or_arena_free(a);
	return reason;
}

struct row {
	const char *clause;
	const char *header;
	const char *payload; /* without its braces where it starts with '"' */
	enum ag_jwt_reason reason;
	bool access_token;
};

static void run(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct ag_jwt_rules rules = {.audience = OR_SLICE_LIT("orders"),
		    .skew_s = 30,
		    .access_token = rows[i].access_token};
		struct or_buf token, payload;
		enum ag_jwt_reason reason;

		or_buf_init(&token, 64 * 1024);
		or_buf_init(&payload, 64 * 1024);
		or_buf_printf(&payload, rows[i].payload[0] == '"' ? "{%s}" : "%s", rows[i].payload);
		support_token_sign(&token, key, OR_CRYPTO_EDDSA, or_slice_str(rows[i].header),
		    or_buf_slice(&payload));
		reason = judge(or_buf_slice(&token), &rules);
		if (reason != rows[i].reason)
			fail_msg("row %zu, %s: %s", i, rows[i].clause, ag_jwt_reason_name(reason));
		or_buf_done(&token);
		or_buf_done(&payload);
	}
}

static const struct row headers[] = {
    {"RFC 7515 §4.1.1", HEAD, CLAIMS, AG_JWT_OK, false},
    {"RFC 7515 §4.1.1: alg is required", "{}", CLAIMS, AG_JWT_MALFORMED, false},
    {"RFC 7515 §4.1.1: a string", "{\"alg\":1}", CLAIMS, AG_JWT_MALFORMED, false},
    {"RFC 7515 §4.1.1: a string", "{\"alg\":null}", CLAIMS, AG_JWT_MALFORMED, false},
    {"RFC 7515 §4.1.1: a string", "{\"alg\":[\"EdDSA\"]}", CLAIMS, AG_JWT_MALFORMED, false},
    {"RFC 7515 §4.1.1: case counts", "{\"alg\":\"eddsa\"}", CLAIMS, AG_JWT_ALGORITHM, false},
    {"RFC 8725 §3.1: none", "{\"alg\":\"none\"}", CLAIMS, AG_JWT_ALGORITHM, false},
    {"RFC 8725 §3.1: none in any case", "{\"alg\":\"NonE\"}", CLAIMS, AG_JWT_ALGORITHM, false},
    {"RFC 8725 §2.1: symmetric", "{\"alg\":\"HS256\"}", CLAIMS, AG_JWT_ALGORITHM, false},
    {"RFC 8725 §2.1: symmetric", "{\"alg\":\"HS384\"}", CLAIMS, AG_JWT_ALGORITHM, false},
    {"RFC 8725 §2.1: symmetric", "{\"alg\":\"HS512\"}", CLAIMS, AG_JWT_ALGORITHM, false},
    {"RFC 8725 §3.1: of another key", "{\"alg\":\"ES256\"}", CLAIMS, AG_JWT_ALGORITHM, false},
    {"RFC 8725 §3.1: of another key", "{\"alg\":\"RS256\"}", CLAIMS, AG_JWT_ALGORITHM, false},
    {"RFC 8725 §3.1: unknown", "{\"alg\":\"XX999\"}", CLAIMS, AG_JWT_ALGORITHM, false},
    {"RFC 8725 §3.1: empty", "{\"alg\":\"\"}", CLAIMS, AG_JWT_ALGORITHM, false},
    {"RFC 7515 §4: members are unique", "{\"alg\":\"EdDSA\",\"alg\":\"EdDSA\"}", CLAIMS,
	AG_JWT_MALFORMED, false},
    {"RFC 7515 §4: members are unique", "{\"alg\":\"none\",\"alg\":\"EdDSA\"}", CLAIMS,
	AG_JWT_MALFORMED, false},
    {"RFC 7515 §4: unknown members are ignored", "{\"alg\":\"EdDSA\",\"x\":{\"y\":1}}", CLAIMS,
	AG_JWT_OK, false},
    {"RFC 7515 §4: an object", "[]", CLAIMS, AG_JWT_MALFORMED, false},
    {"RFC 7515 §4: an object", "\"EdDSA\"", CLAIMS, AG_JWT_MALFORMED, false},
    {"RFC 7515 §4: an object", "", CLAIMS, AG_JWT_MALFORMED, false},
    {"RFC 7515 §4: JSON", "{\"alg\":\"EdDSA\",}", CLAIMS, AG_JWT_MALFORMED, false},
    {"RFC 7515 §4: nothing behind it", HEAD "x", CLAIMS, AG_JWT_MALFORMED, false},
    {"RFC 7515 §5.2: UTF-8", "{\"alg\":\"EdDSA\",\"x\":\"\xff\"}", CLAIMS, AG_JWT_MALFORMED, false},
    {"RFC 7515 §4.1.11", "{\"alg\":\"EdDSA\",\"crit\":[\"exp\"],\"exp\":1}", CLAIMS,
	AG_JWT_CRITICAL, false},
    {"RFC 7515 §4.1.11: not empty", "{\"alg\":\"EdDSA\",\"crit\":[]}", CLAIMS, AG_JWT_CRITICAL,
	false},
    {"RFC 7515 §4.1.11", "{\"alg\":\"EdDSA\",\"crit\":null}", CLAIMS, AG_JWT_CRITICAL, false},
    {"RFC 7515 §4.1.11: before alg", "{\"alg\":\"none\",\"crit\":[\"x\"]}", CLAIMS, AG_JWT_CRITICAL,
	false},
    {"RFC 7797 §6", "{\"alg\":\"EdDSA\",\"b64\":false,\"crit\":[\"b64\"]}", CLAIMS, AG_JWT_CRITICAL,
	false},
    {"RFC 7797 §3", "{\"alg\":\"EdDSA\",\"b64\":false}", CLAIMS, AG_JWT_CRITICAL, false},
    {"RFC 7797 §3: a boolean", "{\"alg\":\"EdDSA\",\"b64\":\"false\"}", CLAIMS, AG_JWT_CRITICAL,
	false},
    {"RFC 7797 §3: true is the default", "{\"alg\":\"EdDSA\",\"b64\":true}", CLAIMS, AG_JWT_OK,
	false},
    {"RFC 7515 §4.1.4: a string", "{\"alg\":\"EdDSA\",\"kid\":1}", CLAIMS, AG_JWT_MALFORMED, false},
    {"RFC 7515 §4.1.4: a string", "{\"alg\":\"EdDSA\",\"kid\":null}", CLAIMS, AG_JWT_MALFORMED,
	false},
    {"RFC 7515 §4.1.9: a string", "{\"alg\":\"EdDSA\",\"typ\":1}", CLAIMS, AG_JWT_MALFORMED, false},
    {"RFC 7519 §5.1", "{\"alg\":\"EdDSA\",\"typ\":\"JWT\"}", CLAIMS, AG_JWT_OK, false},
    {"RFC 7519 §5.1: case does not count", "{\"alg\":\"EdDSA\",\"typ\":\"jwt\"}", CLAIMS, AG_JWT_OK,
	false},
    {"RFC 7515 §4.1.9: application/ may be left out",
	"{\"alg\":\"EdDSA\",\"typ\":\"application/jwt\"}", CLAIMS, AG_JWT_OK, false},
    {"RFC 8725 §3.11: another kind", "{\"alg\":\"EdDSA\",\"typ\":\"logout+jwt\"}", CLAIMS,
	AG_JWT_TYPE, false},
    {"RFC 8725 §3.11: another kind", "{\"alg\":\"EdDSA\",\"typ\":\"dpop+jwt\"}", CLAIMS,
	AG_JWT_TYPE, false},
    {"RFC 8725 §3.11: another kind", "{\"alg\":\"EdDSA\",\"typ\":\"secevent+jwt\"}", CLAIMS,
	AG_JWT_TYPE, false},
    {"RFC 8725 §3.11: empty", "{\"alg\":\"EdDSA\",\"typ\":\"\"}", CLAIMS, AG_JWT_TYPE, false},
    {"RFC 8725 §3.11: only the prefix", "{\"alg\":\"EdDSA\",\"typ\":\"application/\"}", CLAIMS,
	AG_JWT_TYPE, false},
    {"RFC 9068 §4", AT, CLAIMS, AG_JWT_OK, false},
    {"RFC 9068 §4", AT, AT_ALL, AG_JWT_OK, true},
    {"RFC 9068 §2.1", "{\"alg\":\"EdDSA\",\"typ\":\"application/at+jwt\"}", AT_ALL, AG_JWT_OK,
	true},
    {"RFC 9068 §2.1: case", "{\"alg\":\"EdDSA\",\"typ\":\"AT+JWT\"}", AT_ALL, AG_JWT_OK, true},
    {"RFC 9068 §4: an ID token", "{\"alg\":\"EdDSA\",\"typ\":\"JWT\"}", AT_ALL, AG_JWT_TYPE, true},
    {"RFC 9068 §4: no typ", HEAD, AT_ALL, AG_JWT_TYPE, true},
    {"RFC 9068 §2.2: client_id", AT, CLAIMS ",\"iat\":1,\"jti\":\"j\"", AG_JWT_CLAIMS, true},
    {"RFC 9068 §2.2: iat", AT, CLAIMS ",\"client_id\":\"c\",\"jti\":\"j\"", AG_JWT_CLAIMS, true},
    {"RFC 9068 §2.2: jti", AT, CLAIMS ",\"client_id\":\"c\",\"iat\":1", AG_JWT_CLAIMS, true},
    {"RFC 9068 §2.2: jti is a string", AT, CLAIMS ",\"client_id\":\"c\",\"iat\":1,\"jti\":1",
	AG_JWT_CLAIMS, true},
    {"RFC 8725 §3.10: jwk is not trusted",
	"{\"alg\":\"EdDSA\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"}}", CLAIMS, AG_JWT_OK, false},
    {"RFC 8725 §3.10: jku is not followed", "{\"alg\":\"EdDSA\",\"jku\":\"http://127.0.0.1:1/\"}",
	CLAIMS, AG_JWT_OK, false},
};

static const struct row payloads[] = {
    {"RFC 7519 §7.2: an object", HEAD, "[]", AG_JWT_MALFORMED, false},
    {"RFC 7519 §7.2: an object", HEAD, "1", AG_JWT_MALFORMED, false},
    {"RFC 7519 §7.2: an object", HEAD, "", AG_JWT_MALFORMED, false},
    {"RFC 7519 §7.2: JSON", HEAD, "{\"sub\"}", AG_JWT_MALFORMED, false},
    {"RFC 7519 §4: claims are unique", HEAD, CLAIMS "," SUB, AG_JWT_MALFORMED, false},
    {"RFC 7519 §4: claims are unique, deeper too", HEAD, CLAIMS ",\"x\":{\"a\":1,\"a\":2}",
	AG_JWT_MALFORMED, false},
    {"RFC 7519 §4: unknown claims are ignored", HEAD, CLAIMS ",\"x\":[1,{\"y\":null}]", AG_JWT_OK,
	false},
    {"RFC 8259 §6: numbers exact", HEAD, CLAIMS ",\"x\":99999999999999999999", AG_JWT_MALFORMED,
	false},

    {"sub is required", HEAD, ISS "," AUD "," EXP, AG_JWT_CLAIMS, false},
    {"RFC 7519 §4.1.2: a string", HEAD, ISS "," AUD "," EXP ",\"sub\":7", AG_JWT_CLAIMS, false},
    {"RFC 7519 §4.1.2: a string", HEAD, ISS "," AUD "," EXP ",\"sub\":null", AG_JWT_CLAIMS, false},
    {"sub is not empty", HEAD, ISS "," AUD "," EXP ",\"sub\":\"\"", AG_JWT_CLAIMS, false},

    {"exp is required", HEAD, ISS "," SUB "," AUD, AG_JWT_CLAIMS, false},
    {"RFC 7519 §4.1.4: a number", HEAD, ISS "," SUB "," AUD ",\"exp\":\"1000300\"", AG_JWT_CLAIMS,
	false},
    {"RFC 7519 §4.1.4: a number", HEAD, ISS "," SUB "," AUD ",\"exp\":null", AG_JWT_CLAIMS, false},
    {"RFC 7519 §4.1.4: a number", HEAD, ISS "," SUB "," AUD ",\"exp\":true", AG_JWT_CLAIMS, false},
    {"RFC 7519 §4.1.4: a number", HEAD, ISS "," SUB "," AUD ",\"exp\":[1000300]", AG_JWT_CLAIMS,
	false},
    {"RFC 7519 §4.1.4: on or after", HEAD, ISS "," SUB "," AUD ",\"exp\":1000000", AG_JWT_EXPIRED,
	false},
    {"RFC 7519 §4.1.4: before", HEAD, ISS "," SUB "," AUD ",\"exp\":1000001", AG_JWT_OK, false},
    {"RFC 7519 §4.1.4: no leeway for exp", HEAD, ISS "," SUB "," AUD ",\"exp\":999999",
	AG_JWT_EXPIRED, false},
    {"RFC 7519 §2: fractions", HEAD, ISS "," SUB "," AUD ",\"exp\":1000001.5", AG_JWT_OK, false},
    {"RFC 7519 §2: fractions round down", HEAD, ISS "," SUB "," AUD ",\"exp\":1000000.9",
	AG_JWT_EXPIRED, false},
    {"RFC 7519 §2: exponents", HEAD, ISS "," SUB "," AUD ",\"exp\":1.1e6", AG_JWT_OK, false},
    {"exp 0", HEAD, ISS "," SUB "," AUD ",\"exp\":0", AG_JWT_EXPIRED, false},
    {"exp negative", HEAD, ISS "," SUB "," AUD ",\"exp\":-1", AG_JWT_EXPIRED, false},
    {"exp smallest", HEAD, ISS "," SUB "," AUD ",\"exp\":-9223372036854775808", AG_JWT_EXPIRED,
	false},
    {"exp largest", HEAD, ISS "," SUB "," AUD ",\"exp\":9223372036854775807", AG_JWT_OK, false},
    {"exp too large a real", HEAD, ISS "," SUB "," AUD ",\"exp\":1e300", AG_JWT_CLAIMS, false},
    {"exp too large an integer", HEAD, ISS "," SUB "," AUD ",\"exp\":9223372036854775808",
	AG_JWT_MALFORMED, false},

    {"RFC 7519 §4.1.5", HEAD, CLAIMS ",\"nbf\":1000000", AG_JWT_OK, false},
    {"RFC 7519 §4.1.5: leeway", HEAD, CLAIMS ",\"nbf\":1000030", AG_JWT_OK, false},
    {"RFC 7519 §4.1.5: beyond it", HEAD, CLAIMS ",\"nbf\":1000031", AG_JWT_NOT_YET_VALID, false},
    {"RFC 7519 §4.1.5: fractions round up", HEAD, CLAIMS ",\"nbf\":1000030.1", AG_JWT_NOT_YET_VALID,
	false},
    {"RFC 7519 §4.1.5: a number", HEAD, CLAIMS ",\"nbf\":\"0\"", AG_JWT_CLAIMS, false},
    {"RFC 7519 §4.1.5: a number", HEAD, CLAIMS ",\"nbf\":null", AG_JWT_CLAIMS, false},
    {"nbf largest", HEAD, CLAIMS ",\"nbf\":9223372036854775807", AG_JWT_NOT_YET_VALID, false},
    {"nbf smallest", HEAD, CLAIMS ",\"nbf\":-9223372036854775808", AG_JWT_OK, false},
    {"nbf too large a real", HEAD, CLAIMS ",\"nbf\":1e300", AG_JWT_CLAIMS, false},

    {"RFC 7519 §4.1.6", HEAD, CLAIMS ",\"iat\":999000", AG_JWT_OK, false},
    {"RFC 7519 §4.1.6: leeway", HEAD, CLAIMS ",\"iat\":1000030", AG_JWT_OK, false},
    {"iat from the future", HEAD, CLAIMS ",\"iat\":1000031", AG_JWT_FROM_FUTURE, false},
    {"RFC 7519 §4.1.6: a number", HEAD, CLAIMS ",\"iat\":\"999000\"", AG_JWT_CLAIMS, false},
    {"iat largest", HEAD, CLAIMS ",\"iat\":9223372036854775807", AG_JWT_FROM_FUTURE, false},
    {"iat negative", HEAD, CLAIMS ",\"iat\":-5", AG_JWT_OK, false},

    {"RFC 7519 §4.1.3: aud is required of us", HEAD, ISS "," SUB "," EXP, AG_JWT_CLAIMS, false},
    {"RFC 7519 §4.1.3: a list", HEAD, ISS "," SUB "," EXP ",\"aud\":[\"orders\"]", AG_JWT_OK,
	false},
    {"RFC 7519 §4.1.3: in the list", HEAD, ISS "," SUB "," EXP ",\"aud\":[\"a\",\"orders\"]",
	AG_JWT_OK, false},
    {"RFC 7519 §4.1.3: not in it", HEAD, ISS "," SUB "," EXP ",\"aud\":[\"a\",\"b\"]",
	AG_JWT_AUDIENCE, false},
    {"RFC 7519 §4.1.3: an empty list", HEAD, ISS "," SUB "," EXP ",\"aud\":[]", AG_JWT_AUDIENCE,
	false},
    {"RFC 7519 §4.1.3: another", HEAD, ISS "," SUB "," EXP ",\"aud\":\"billing\"", AG_JWT_AUDIENCE,
	false},
    {"RFC 7519 §4.1.3: case counts", HEAD, ISS "," SUB "," EXP ",\"aud\":\"Orders\"",
	AG_JWT_AUDIENCE, false},
    {"RFC 7519 §4.1.3: no prefix", HEAD, ISS "," SUB "," EXP ",\"aud\":\"orders2\"",
	AG_JWT_AUDIENCE, false},
    {"RFC 7519 §4.1.3: no blanks", HEAD, ISS "," SUB "," EXP ",\"aud\":\"orders billing\"",
	AG_JWT_AUDIENCE, false},
    {"RFC 7519 §4.1.3: strings", HEAD, ISS "," SUB "," EXP ",\"aud\":[1,\"orders\"]",
	AG_JWT_AUDIENCE, false},
    {"RFC 7519 §4.1.3: strings", HEAD, ISS "," SUB "," EXP ",\"aud\":{\"orders\":1}",
	AG_JWT_AUDIENCE, false},
    {"RFC 7519 §4.1.3: not nested", HEAD, ISS "," SUB "," EXP ",\"aud\":[[\"orders\"]]",
	AG_JWT_AUDIENCE, false},
    {"RFC 7519 §4.1.3: no null", HEAD, ISS "," SUB "," EXP ",\"aud\":null", AG_JWT_AUDIENCE, false},

    {"an expired token says so first", HEAD, ISS "," SUB ",\"aud\":\"x\",\"exp\":1", AG_JWT_EXPIRED,
	false},
};

static void headers__follow_the_rfcs(void **state)
{
	(void)state;
	run(headers, OR_LEN(headers));
}

static void claims__follow_the_rfcs(void **state)
{
	(void)state;
	run(payloads, OR_LEN(payloads));
}

/* A signed token, for tests that then damage its text. */
static void sign(struct or_buf *token)
{
	or_buf_init(token, 64 * 1024);
	support_token_sign(
	    token, key, OR_CRYPTO_EDDSA, OR_SLICE_LIT(HEAD), OR_SLICE_LIT("{" CLAIMS "}"));
}

static const struct ag_jwt_rules plain = {.audience = {(const uint8_t *)"orders", 6}, .skew_s = 30};

/* RFC 7515 §7.1: three segments; §2: base64url without padding; §5.2 */
static void text__one_form_only(void **state)
{
	static const char *const wrong[] = {"", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d",
	    "a.b.c.d.e", "e30.e30.", ".e30.", "e30..", "{\"payload\":\"e30\",\"signatures\":[]}",
	    " ", "\n..\n"};
	struct or_buf token, damaged;

	(void)state;
	for (size_t i = 0; i < OR_LEN(wrong); i++)
		assert_int_equal(judge(or_slice_str(wrong[i]), &plain), AG_JWT_MALFORMED);
	sign(&token);
	assert_int_equal(judge(or_buf_slice(&token), &plain), AG_JWT_OK);
	or_buf_init(&damaged, 64 * 1024);
	/* something more at either end, or between */
	for (size_t i = 0; i < 6; i++) {
		static const char *const more[] = {"=", " ", "\n", ".", "A", "+"};

		or_buf_clear(&damaged);
		or_buf_put_slice(&damaged, or_buf_slice(&token));
		or_buf_put_str(&damaged, more[i]);
		assert_int_not_equal(judge(or_buf_slice(&damaged), &plain), AG_JWT_OK);
		or_buf_clear(&damaged);
		or_buf_put_str(&damaged, more[i]);
		or_buf_put_slice(&damaged, or_buf_slice(&token));
		assert_int_not_equal(judge(or_buf_slice(&damaged), &plain), AG_JWT_OK);
	}
	or_buf_done(&damaged);
	or_buf_done(&token);
}

static void signature__every_changed_byte_is_refused(void **state)
{
	struct or_buf token;

	(void)state;
	sign(&token);
	for (size_t i = 0; i < token.n; i++) {
		uint8_t was = token.p[i];

		for (size_t k = 0; k < 3; k++) {
			token.p[i] = (uint8_t) "A-."[k];
			if (token.p[i] == was)
				continue;
			assert_int_not_equal(judge(or_buf_slice(&token), &plain), AG_JWT_OK);
		}
		token.p[i] = was;
		assert_int_not_equal(judge(or_slice(token.p, i), &plain), AG_JWT_OK);
	}
	assert_int_equal(judge(or_buf_slice(&token), &plain), AG_JWT_OK);
	or_buf_done(&token);
}

static void signature__of_another_key_is_refused(void **state)
{
	struct or_crypto_key *other;
	struct or_buf token;

	(void)state;
	ASSERT_CODE(or_crypto_key_new(&other, OR_CRYPTO_ED25519, NULL), OR_OK);
	or_buf_init(&token, 4096);
	support_token_sign(
	    &token, other, OR_CRYPTO_EDDSA, OR_SLICE_LIT(HEAD), OR_SLICE_LIT("{" CLAIMS "}"));
	assert_int_equal(judge(or_buf_slice(&token), &plain), AG_JWT_SIGNATURE);
	or_buf_done(&token);
	or_crypto_key_free(other);
}

static void size__is_bounded(void **state)
{
	struct or_buf token, payload;
	struct or_arena *a = or_arena_new(2048);
	struct ag_jwt t;

	(void)state;
	or_buf_init(&token, 64 * 1024);
	or_buf_init(&payload, 64 * 1024);
	or_buf_put_str(&payload, "{" CLAIMS ",\"x\":\"");
	while (payload.n < 11000)
		or_buf_put_byte(&payload, 'x');
	or_buf_put_str(&payload, "\"}");
	support_token_sign(
	    &token, key, OR_CRYPTO_EDDSA, OR_SLICE_LIT(HEAD), or_buf_slice(&payload));
	assert_true(token.n < AG_JWT_MAX);
	assert_int_equal(judge(or_buf_slice(&token), &plain), AG_JWT_OK);
	/* the same where the caller's memory is short */
	assert_int_equal(ag_jwt_parse(&t, or_buf_slice(&token), a), AG_JWT_TOO_LARGE);
	while (token.n <= AG_JWT_MAX)
		or_buf_put_byte(&token, 'A');
	assert_int_equal(judge(or_buf_slice(&token), &plain), AG_JWT_TOO_LARGE);
	or_arena_free(a);
	or_buf_done(&token);
	or_buf_done(&payload);
}

static void skew__cannot_overflow(void **state)
{
	struct or_arena *a = or_arena_new(1U << 20);
	const struct or_json *claims;
	struct ag_jwt t = {0};
	struct ag_jwt_rules rules = {.audience = OR_SLICE_LIT("orders"), .skew_s = 60};
	int64_t exp = 5;

	(void)state;
	ASSERT_CODE(or_json_parse(&claims,
			OR_SLICE_LIT("{" ISS "," SUB "," AUD ",\"exp\":9223372036854775807,"
				     "\"nbf\":9223372036854775806}"),
			a, NULL),
	    OR_OK);
	assert_int_equal(ag_jwt_check(&exp, &t, claims, &rules, INT64_MAX - 1), AG_JWT_OK);
	assert_true(exp == INT64_MAX);
	exp = 5;
	assert_int_equal(ag_jwt_check(&exp, &t, claims, &rules, INT64_MAX), AG_JWT_EXPIRED);
	assert_int_equal(exp, 5);
	assert_int_equal(ag_jwt_check(&exp, &t, claims, &rules, INT64_MIN), AG_JWT_NOT_YET_VALID);
	or_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(headers__follow_the_rfcs),
	    cmocka_unit_test(claims__follow_the_rfcs),
	    cmocka_unit_test(text__one_form_only),
	    cmocka_unit_test(signature__every_changed_byte_is_refused),
	    cmocka_unit_test(signature__of_another_key_is_refused),
	    cmocka_unit_test(size__is_bounded),
	    cmocka_unit_test(skew__cannot_overflow),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
