/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/issuers_conf.h"

#include "tests/support/support.h"

static struct or_arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = or_arena_new(0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	or_arena_free(arena);
	return 0;
}

static enum or_code conf(struct ag_issuers_conf *out, const char *json, struct or_err *err)
{
	const struct or_json *j;

	ASSERT_OK(or_json_parse(&j, or_slice_str(json), arena, err), err);
	return ag_issuers_conf_read(out, j, 3, "orders", arena, err);
}

static void read__takes_files_urls_and_discovery(void **state)
{
	struct ag_issuers_conf c;
	struct or_err err = {0};

	(void)state;
	ASSERT_OK(
	    conf(&c, "{\"issuer\":\"https://a.example\",\"jwks\":\"/etc/keys.json\"}", &err), &err);
	assert_string_equal(c.file, "/etc/keys.json");
	assert_null(c.jwks);
	assert_string_equal(c.identity.audience, "orders");
	assert_false(c.identity.workload);
	ASSERT_OK(conf(&c,
		      "{\"issuer\":\"https://a.example\",\"jwks\":\"https://a.example/keys\","
		      "\"ca\":\"/ca.pem\",\"cache\":\"5m\",\"stale\":\"1h\"}",
		      &err),
	    &err);
	assert_null(c.file);
	assert_string_equal(c.jwks, "https://a.example/keys");
	assert_string_equal(c.ca, "/ca.pem");
	assert_int_equal(c.cache_ns, 300 * OR_NS_PER_S);
	assert_int_equal(c.stale_ns, 3600 * OR_NS_PER_S);
	ASSERT_OK(
	    conf(&c, "{\"issuer\":\"https://a.example/realm/\",\"discovery\":true}", &err), &err);
	assert_string_equal(
	    c.discovery, "https://a.example/realm/.well-known/openid-configuration");
	ASSERT_OK(conf(&c,
		      "{\"issuer\":\"kubernetes/serviceaccount\","
		      "\"discovery\":\"http://127.0.0.1:8001/doc\"}",
		      &err),
	    &err);
	assert_string_equal(c.discovery, "http://127.0.0.1:8001/doc");
}

static void read__maps_claims(void **state)
{
	struct ag_issuers_conf c;
	struct or_err err = {0};

	(void)state;
	ASSERT_OK(conf(&c,
		      "{\"issuer\":\"https://a.example\",\"jwks\":\"k\",\"audience\":\"other\","
		      "\"subject_claim\":\"/kubernetes.io/pod/name\",\"groups_claim\":\"roles\","
		      "\"principal\":\"workload\",\"skew\":\"30s\",\"access_token\":true,"
		      "\"algs\":[\"ES256\",\"PS384\"]}",
		      &err),
	    &err);
	assert_string_equal(c.identity.audience, "other");
	assert_string_equal(c.identity.subject_claim, "/kubernetes.io/pod/name");
	assert_string_equal(c.identity.groups_claim, "roles");
	assert_true(c.identity.workload && c.identity.access_token);
	assert_int_equal(c.identity.skew_s, 30);
	assert_string_equal(c.identity.algs[1], "PS384");
	assert_null(c.identity.algs[2]);
}

static void read__says_what_is_wrong(void **state)
{
	static const struct {
		const char *json, *says;
	} cases[] = {
	    {"[]", "expected {issuer, jwks}"},
	    {"{\"jwks\":\"k\"}", "issuers[3].issuer: is needed"},
	    {"{\"issuer\":\"a\"}", "either jwks"},
	    {"{\"issuer\":\"a\",\"jwks\":\"k\",\"discovery\":true}", "http://"},
	    {"{\"issuer\":\"https://a\",\"jwks\":\"k\",\"discovery\":true}", "either jwks"},
	    {"{\"issuer\":\"a\",\"jwks\":\"http://a.example/keys\"}", "plain http"},
	    {"{\"issuer\":\"http://a.example\",\"discovery\":true}", "plain http"},
	    {"{\"issuer\":\"a\",\"jwks\":\"ftp://a/k\"}", "only http://"},
	    {"{\"issuer\":\"a\",\"jwks\":7}", "issuers[3].jwks: expected text"},
	    {"{\"issuer\":\"a\",\"jwks\":\"k\",\"skew\":30}", "duration"},
	    {"{\"issuer\":\"a\",\"jwks\":\"k\",\"cache\":\"soon\"}", "issuers[3].cache"},
	    {"{\"issuer\":\"a\",\"jwks\":\"k\",\"algs\":[]}", "a list like"},
	    {"{\"issuer\":\"a\",\"jwks\":\"k\",\"algs\":[1]}", "names are strings"},
	    {"{\"issuer\":\"a\",\"jwks\":\"k\",\"principal\":\"robot\"}", "user or workload"},
	    {"{\"issuer\":\"a\",\"jwks\":\"k\",\"access_token\":\"yes\"}", "true or false"},
	    {"{\"issuer\":\"a\",\"jwk\":\"k\"}", "did you mean \"jwks\"?"},
	};
	struct ag_issuers_conf c = {0};

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		struct or_err err = {0};

		ASSERT_CODE(conf(&c, cases[i].json, &err), OR_INVAL);
		ASSERT_HAS(err.msg, cases[i].says);
		assert_null(c.identity.issuer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(read__takes_files_urls_and_discovery),
	    cmocka_unit_test(read__maps_claims),
	    cmocka_unit_test(read__says_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
