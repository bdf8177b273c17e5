/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/identity.h"

#include "tests/support/support.h"
#include "tests/support/token.h"

#include <stdio.h>

#define S    OR_NS_PER_S
#define NOW  (1000000 * S)
#define BASE "\"sub\":\"alice\",\"aud\":\"orders\",\"exp\":1000300"

/* Two issuers: "one" with an Ed25519 key, "two" with a P-256 key; both kids are "k". */
struct world {
	struct ag_identity *id;
	struct or_crypto_key *one, *two;
	struct or_arena *arena;
	struct or_buf token;
	struct ag_identity_who who;
};

static void put_keys(struct world *w, size_t at, const struct or_crypto_key *key, const char *kid)
{
	struct ag_jwks *set;
	struct or_buf text;
	struct or_err err = {0};

	or_buf_init(&text, 4096);
	or_buf_put_str(&text, "{\"keys\":[");
	if (key)
		support_token_jwk(&text, key, kid, NULL);
	or_buf_put_str(&text, "]}");
	ASSERT_OK(ag_jwks_parse(&set, or_buf_slice(&text), &err), &err);
	ag_identity_keys_put(w->id, at, set);
	or_buf_done(&text);
}

static int set_up(void **state)
{
	static const char *const es256[] = {"ES256", NULL};
	static const struct ag_identity_issuer issuers[] = {
	    {.issuer = "https://one.example", .audience = "orders", .skew_s = 30},
	    {.issuer = "https://two.example",
		.audience = "orders",
		.algs = es256,
		.groups_claim = "/realm/roles"},
	};
	static struct world w;
	struct or_err err = {0};

	memset(&w, 0, sizeof(w));
	ASSERT_CODE(or_crypto_key_new(&w.one, OR_CRYPTO_ED25519, NULL), OR_OK);
	ASSERT_CODE(or_crypto_key_new(&w.two, OR_CRYPTO_P256, NULL), OR_OK);
	ASSERT_OK(ag_identity_new(&w.id, issuers, 2, 4, &err), &err);
	put_keys(&w, 0, w.one, "k");
	put_keys(&w, 1, w.two, "k");
	w.arena = or_arena_new(1U << 20);
	or_buf_init(&w.token, 64 * 1024);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	ag_identity_free(w->id);
	or_crypto_key_free(w->one);
	or_crypto_key_free(w->two);
	or_arena_free(w->arena);
	or_buf_done(&w->token);
	return 0;
}

/* A token of the first or second issuer with these claims after iss. */
static void mint(struct world *w, int of, const char *claims)
{
	char payload[4096];

	snprintf(payload, sizeof(payload), "{\"iss\":\"https://%s.example\",%s}",
	    of == 1 ? "one" : "two", claims);
	or_buf_clear(&w->token);
	support_token_sign(&w->token, of == 1 ? w->one : w->two,
	    of == 1 ? OR_CRYPTO_EDDSA : OR_CRYPTO_ES256,
	    of == 1 ? OR_SLICE_LIT("{\"alg\":\"EdDSA\",\"kid\":\"k\"}")
		    : OR_SLICE_LIT("{\"alg\":\"ES256\",\"kid\":\"k\"}"),
	    or_slice_str(payload));
}

static const char *check_at(struct world *w, int64_t now_ns)
{
	return ag_jwt_reason_name(
	    ag_identity_check(w->id, &w->who, or_buf_slice(&w->token), now_ns, w->arena).reason);
}

static void check__names_who_asks(void **state)
{
	struct world *w = *state;

	mint(w, 1,
	    BASE ",\"groups\":[\"analysts\",\"eu\"],\"clearance\":2,"
		 "\"act\":{\"sub\":\"robot\",\"act\":{\"sub\":\"svc\",\"iss\":\"https://x\"}},"
		 "\"cnf\":{\"x5t#S256\":\"abc\"}");
	/* the second time from the cache */
	for (int i = 0; i < 2; i++) {
		assert_string_equal(check_at(w, NOW + i), "ok");
		assert_int_equal(ag_identity_counts_get(w->id).verified, 1);
		assert_int_equal(ag_identity_counts_get(w->id).cached, i);
		ASSERT_SLICE(w->who.issuer, "https://one.example");
		ASSERT_SLICE(w->who.sub, "alice");
		assert_int_equal(w->who.n_groups, 2);
		ASSERT_SLICE(w->who.groups[0], "analysts");
		ASSERT_SLICE(w->who.groups[1], "eu");
		assert_int_equal(w->who.n_actors, 2);
		ASSERT_SLICE(w->who.actors[0].sub, "robot");
		assert_null(w->who.actors[0].iss.p);
		ASSERT_SLICE(w->who.actors[1].sub, "svc");
		ASSERT_SLICE(w->who.actors[1].iss, "https://x");
		ASSERT_SLICE(w->who.bound_cert, "abc");
		assert_int_equal(w->who.exp_s, 1000300);
		assert_int_equal(or_json_get(w->who.claims, "clearance")->i, 2);
		assert_int_equal(
		    or_json_get(or_json_get(w->who.claims, "act"), "act")->object.n, 2);
	}
}

static void check__keeps_issuers_apart(void **state)
{
	struct world *w = *state;

	mint(w, 2, BASE ",\"realm\":{\"roles\":\"admin\"},\"groups\":[\"none\"]");
	assert_string_equal(check_at(w, NOW), "ok");
	assert_int_equal(w->who.n_groups, 1);
	ASSERT_SLICE(w->who.groups[0], "admin");
	/* RFC 7519 §4.1.1, compared byte for byte; the same kid at another issuer is no help */
	put_keys(w, 1, w->one, "k");
	assert_string_equal(check_at(w, NOW), "key_unknown");
	put_keys(w, 0, w->two, "k");
	assert_string_equal(check_at(w, NOW), "key_unknown");
}

static void check__refuses_with_a_reason(void **state)
{
	static const struct {
		const char *payload;
		const char *header;
		const char *reason;
	} rows[] = {
	    {"{" BASE "}", "{\"alg\":\"EdDSA\"}", "issuer_unknown"},
	    {"{\"iss\":7," BASE "}", "{\"alg\":\"EdDSA\"}", "issuer_unknown"},
	    {"{\"iss\":\"https://one.example/\"," BASE "}", "{\"alg\":\"EdDSA\"}",
		"issuer_unknown"},
	    {"{\"iss\":\"https://ONE.example\"," BASE "}", "{\"alg\":\"EdDSA\"}", "issuer_unknown"},
	    {"{\"iss\":\"https://one.example\"," BASE "}", "{\"alg\":\"EdDSA\"}", "ok"},
	    {"{\"iss\":\"https://one.example\"," BASE "}", "{\"alg\":\"EdDSA\",\"kid\":\"x\"}",
		"key_unknown"},
	    {"{\"iss\":\"https://two.example\"," BASE "}", "{\"alg\":\"EdDSA\",\"kid\":\"k\"}",
		"token_algorithm"},
	    {"{\"iss\":\"https://one.example\"," BASE "}", "{\"alg\":\"ES384\",\"kid\":\"k\"}",
		"token_algorithm"},
	    {"{\"iss\":\"https://one.example\"," BASE "}", "{\"alg\":\"ES256\",\"kid\":\"k\"}",
		"key_unknown"},
	    {"{\"iss\":\"https://one.example\"," BASE "}", "{\"alg\":\"HS256\"}",
		"token_algorithm"},
	    {"[]", "{\"alg\":\"EdDSA\"}", "token_malformed"},
	    {"{\"iss\":\"https://one.example\"," BASE ",\"groups\":[1]}", "{\"alg\":\"EdDSA\"}",
		"token_claims"},
	    {"{\"iss\":\"https://one.example\"," BASE ",\"groups\":[\"\"]}", "{\"alg\":\"EdDSA\"}",
		"token_claims"},
	    {"{\"iss\":\"https://one.example\"," BASE ",\"groups\":{\"a\":1}}",
		"{\"alg\":\"EdDSA\"}", "token_claims"},
	    {"{\"iss\":\"https://one.example\"," BASE ",\"groups\":null}", "{\"alg\":\"EdDSA\"}",
		"token_claims"},
	    {"{\"iss\":\"https://one.example\"," BASE ",\"groups\":\"solo\"}",
		"{\"alg\":\"EdDSA\"}", "ok"},
	    /* RFC 8693 §4.1 */
	    {"{\"iss\":\"https://one.example\"," BASE ",\"act\":\"robot\"}", "{\"alg\":\"EdDSA\"}",
		"token_claims"},
	    {"{\"iss\":\"https://one.example\"," BASE ",\"act\":{}}", "{\"alg\":\"EdDSA\"}",
		"token_claims"},
	    {"{\"iss\":\"https://one.example\"," BASE ",\"act\":{\"sub\":1}}",
		"{\"alg\":\"EdDSA\"}", "token_claims"},
	    /* RFC 7800 §3.1: an unknown binding is not the absence of one */
	    {"{\"iss\":\"https://one.example\"," BASE ",\"cnf\":{\"jkt\":\"x\"}}",
		"{\"alg\":\"EdDSA\"}", "token_claims"},
	    {"{\"iss\":\"https://one.example\"," BASE ",\"cnf\":true}", "{\"alg\":\"EdDSA\"}",
		"token_claims"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < OR_LEN(rows); i++) {
		const char *reason;

		or_buf_clear(&w->token);
		support_token_sign(&w->token, w->one, OR_CRYPTO_EDDSA, or_slice_str(rows[i].header),
		    or_slice_str(rows[i].payload));
		reason = check_at(w, NOW);
		if (strcmp(reason, rows[i].reason) != 0)
			fail_msg("row %zu: %s, not %s", i, reason, rows[i].reason);
	}
}

static void check__leaves_who_alone_when_it_refuses(void **state)
{
	struct world *w = *state;
	struct ag_identity_verdict v;

	mint(w, 1, "\"sub\":\"alice\",\"aud\":\"orders\",\"exp\":1");
	w->who.exp_s = 77;
	v = ag_identity_check(w->id, &w->who, or_buf_slice(&w->token), NOW, w->arena);
	assert_string_equal(ag_jwt_reason_name(v.reason), "token_expired");
	assert_int_equal(v.issuer, 0);
	assert_int_equal(w->who.exp_s, 77);
	assert_int_equal(ag_identity_counts_get(w->id).kept, 0);
	v = ag_identity_check(w->id, &w->who, OR_SLICE_LIT("a.b.c"), NOW, w->arena);
	assert_true(v.issuer == SIZE_MAX);
}

static void check__too_many_groups_or_actors(void **state)
{
	struct world *w = *state;
	struct or_buf claims;

	or_buf_init(&claims, 8192);
	or_buf_put_str(&claims, BASE ",\"groups\":[\"g\"");
	for (int i = 0; i < AG_IDENTITY_GROUPS_MAX; i++)
		or_buf_put_str(&claims, ",\"g\"");
	or_buf_put_str(&claims, "]");
	mint(w, 1, or_buf_text(&claims));
	assert_string_equal(check_at(w, NOW), "token_claims");
	or_buf_clear(&claims);
	or_buf_put_str(&claims, BASE);
	for (int i = 0; i <= AG_IDENTITY_ACTORS_MAX; i++)
		or_buf_put_str(&claims, ",\"act\":{\"sub\":\"a\"");
	for (int i = 0; i <= AG_IDENTITY_ACTORS_MAX; i++)
		or_buf_put_str(&claims, "}");
	mint(w, 1, or_buf_text(&claims));
	assert_string_equal(check_at(w, NOW), "token_claims");
	or_buf_done(&claims);
}

static void cache__lives_a_minute_and_never_past_exp(void **state)
{
	struct world *w = *state;

	mint(w, 1, BASE);
	assert_string_equal(check_at(w, NOW), "ok");
	assert_string_equal(check_at(w, NOW + 60 * S - 1), "ok");
	assert_int_equal(ag_identity_counts_get(w->id).verified, 1);
	assert_string_equal(check_at(w, NOW + 60 * S), "ok");
	assert_int_equal(ag_identity_counts_get(w->id).verified, 2);
	/* 299 s later: kept until exp, one second */
	assert_string_equal(check_at(w, NOW + 299 * S), "ok");
	assert_int_equal(ag_identity_counts_get(w->id).verified, 3);
	assert_string_equal(check_at(w, NOW + 300 * S - 1), "ok");
	assert_int_equal(ag_identity_counts_get(w->id).verified, 3);
	assert_string_equal(check_at(w, NOW + 300 * S), "token_expired");
	/* a clock that went back does not find what the future kept */
	assert_string_equal(check_at(w, NOW), "ok");
	assert_int_equal(ag_identity_counts_get(w->id).verified, 5);
}

static void cache__forgets_when_keys_change(void **state)
{
	struct world *w = *state;

	mint(w, 1, BASE);
	assert_string_equal(check_at(w, NOW), "ok");
	put_keys(w, 1, w->two, "other");
	assert_string_equal(check_at(w, NOW + 1), "ok");
	assert_int_equal(ag_identity_counts_get(w->id).verified, 1);
	/* an empty set revokes everything */
	put_keys(w, 0, NULL, NULL);
	assert_string_equal(check_at(w, NOW + 2), "key_unknown");
	put_keys(w, 0, w->one, "k");
	assert_string_equal(check_at(w, NOW + 3), "ok");
	assert_int_equal(ag_identity_counts_get(w->id).verified, 2);
}

static void cache__is_bounded_and_the_oldest_goes(void **state)
{
	struct world *w = *state;
	char claims[256];

	for (int i = 0; i < 6; i++) {
		snprintf(claims, sizeof(claims), BASE ",\"jti\":\"%d\"", i);
		mint(w, 1, claims);
		assert_string_equal(check_at(w, NOW), "ok");
		assert_int_equal(ag_identity_counts_get(w->id).kept, i < 4 ? i + 1 : 4);
	}
	for (int i = 5; i >= 0; i--) {
		snprintf(claims, sizeof(claims), BASE ",\"jti\":\"%d\"", i);
		mint(w, 1, claims);
		assert_string_equal(check_at(w, NOW), "ok");
	}
	/* Ed25519 is deterministic, so the same claims are the same token: 5 to 2 were kept */
	assert_int_equal(ag_identity_counts_get(w->id).cached, 4);
	assert_int_equal(ag_identity_counts_get(w->id).verified, 8);
}

static void check__without_keys_or_memory(void **state)
{
	static const struct ag_identity_issuer one = {
	    .issuer = "https://one.example", .audience = "orders"};
	struct world *w = *state;
	struct ag_identity *id;

	ASSERT_CODE(ag_identity_new(&id, &one, 1, 0, NULL), OR_OK);
	mint(w, 1, BASE);
	assert_int_equal(
	    ag_identity_check(id, &w->who, or_buf_slice(&w->token), NOW, w->arena).reason,
	    AG_JWT_KEY_UNKNOWN);
	ag_identity_free(id);
	for (size_t budget = 16; budget < 1200; budget += 16) {
		struct or_arena *a = or_arena_new(budget);
		enum ag_jwt_reason reason =
		    ag_identity_check(w->id, &w->who, or_buf_slice(&w->token), NOW, a).reason;

		assert_true(reason == AG_JWT_TOO_LARGE || reason == AG_JWT_OK);
		or_arena_free(a);
	}
}

static void new__refuses_wrong_settings(void **state)
{
	static const char *const hmac[] = {"HS256", NULL}, *const none[] = {NULL};
	static const struct {
		struct ag_identity_issuer issuer;
		const char *message;
	} rows[] = {
	    {{.audience = "a"}, "an issuer needs a name"},
	    {{.issuer = "https://x#y", .audience = "a"}, "without '#'"},
	    {{.issuer = "https://x"}, "an audience is needed"},
	    {{.issuer = "https://x", .audience = "a", .skew_s = 61}, "the skew is 0 to 60 s"},
	    {{.issuer = "https://x", .audience = "a", .skew_s = -1}, "the skew is 0 to 60 s"},
	    {{.issuer = "https://x", .audience = "a", .algs = hmac}, "\"HS256\" is not one of"},
	    {{.issuer = "https://x", .audience = "a", .algs = none}, "no algorithm is allowed"},
	    {{.issuer = "https://first", .audience = "a"}, "is there twice"},
	};

	(void)state;
	for (size_t i = 0; i < OR_LEN(rows); i++) {
		struct ag_identity_issuer two[] = {
		    {.issuer = "https://first", .audience = "a"}, rows[i].issuer};
		struct ag_identity *id = NULL;
		struct or_err err = {0};

		ASSERT_CODE(ag_identity_new(&id, two, 2, 8, &err), OR_INVAL);
		ASSERT_HAS(err.msg, rows[i].message);
		assert_null(id);
	}
}

#define WITH_WORLD(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_WORLD(check__names_who_asks),
	    WITH_WORLD(check__keeps_issuers_apart),
	    WITH_WORLD(check__refuses_with_a_reason),
	    WITH_WORLD(check__leaves_who_alone_when_it_refuses),
	    WITH_WORLD(check__too_many_groups_or_actors),
	    WITH_WORLD(cache__lives_a_minute_and_never_past_exp),
	    WITH_WORLD(cache__forgets_when_keys_change),
	    WITH_WORLD(cache__is_bounded_and_the_oldest_goes),
	    WITH_WORLD(check__without_keys_or_memory),
	    cmocka_unit_test(new__refuses_wrong_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
