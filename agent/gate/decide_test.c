/* SPDX-License-Identifier: Apache-2.0 */
/* The decision core on the example product, with real tokens and a real signed bundle. */
#include "agent/folder.h"
#include "agent/gate/decide.h"
#include "base/json.h"
#include "base/str.h"
#include "base/sys.h"
#include "tests/support/support.h"

#include <stdio.h>

#define ISSUER "https://issuer.example"
#define NOW_S  1800000000LL
#define NOW_NS (NOW_S * OR_NS_PER_S)

struct world {
	char *dir;
	struct or_arena *lasting, *a;
	struct or_loop *loop;
	struct or_crypto_key *key, *signer;
	struct dp_folder folder;
	struct ag_bundle *bundle;
	struct ag_identity *identity;
	struct ag_decide *decide;
	char file[512], public_key[512];
	const char *keys[1];
	struct or_slice schema;  /* of the bundle; none: the example's */
	struct or_slice purpose; /* that requests give */
};

static struct or_slice read_all(struct world *w, const char *path)
{
	struct or_buf b;
	struct or_slice s;
	struct or_err err = {0};

	or_buf_init(&b, OR_MIB);
	ASSERT_OK(or_sys_read_file(&b, path, &err), &err);
	s = or_arena_dup(w->lasting, or_buf_slice(&b));
	or_buf_done(&b);
	return s;
}

static void write_bundle(struct world *w, struct or_slice policy)
{
	struct pol_bundle_policy file = {.name = "orders.cedar", .text = policy};
	struct pol_bundle_source src = {.product = "orders",
	    .revision = 7,
	    .not_before_ns = NOW_NS - OR_NS_PER_S,
	    .not_after_ns = NOW_NS + 3600 * OR_NS_PER_S,
	    .schema =
		w->schema.n ? w->schema : read_all(w, "examples/orders/policy/schema.cedarschema"),
	    .policies = &file,
	    .n_policies = 1};
	struct or_buf bytes, id, pem;
	struct or_err err = {0};

	or_buf_init(&bytes, OR_MIB);
	or_buf_init(&id, 64);
	or_buf_init(&pem, 4096);
	ASSERT_CODE(pol_bundle_key_id(&id, w->signer), OR_OK);
	ASSERT_OK(pol_bundle_build(&bytes, &src, w->signer, or_buf_slice(&id), NULL, &err), &err);
	ASSERT_CODE(or_sys_write_file(w->file, or_buf_slice(&bytes), 0600, NULL), OR_OK);
	ASSERT_CODE(or_crypto_key_to_pem(&pem, w->signer, false), OR_OK);
	ASSERT_CODE(or_sys_write_file(w->public_key, or_buf_slice(&pem), 0600, NULL), OR_OK);
	or_buf_done(&bytes);
	or_buf_done(&id);
	or_buf_done(&pem);
}

static void open_identity(struct world *w)
{
	struct ag_identity_issuer issuer = {.issuer = ISSUER, .audience = "orders"};
	struct or_buf raw, x, jwks;
	struct ag_jwks *set;
	struct or_err err = {0};

	or_buf_init(&raw, 64);
	or_buf_init(&x, 64);
	or_buf_init(&jwks, 4096);
	ASSERT_CODE(or_crypto_key_public(&raw, w->key), OR_OK);
	or_str_base64url_encode(&x, or_buf_slice(&raw));
	or_buf_printf(&jwks,
	    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\",\"x\":\"%s\"}]}",
	    or_buf_text(&x));
	ASSERT_OK(ag_identity_new(&w->identity, &issuer, 1, 16, &err), &err);
	ASSERT_OK(ag_jwks_parse(&set, or_buf_slice(&jwks), &err), &err);
	ag_identity_keys_put(w->identity, 0, set);
	or_buf_done(&raw);
	or_buf_done(&x);
	or_buf_done(&jwks);
}

static void open_with_policy(struct world *w, struct or_slice policy)
{
	struct ag_bundle_opt opt = {.product = "orders",
	    .file = w->file,
	    .state_dir = w->dir,
	    .keys = {.items = w->keys, .n = 1}};
	struct ag_decide_opt decide = {.folder = &w->folder, .identity = w->identity};
	struct or_err err = {0};

	write_bundle(w, policy);
	ASSERT_OK(ag_bundle_new(&w->bundle, w->loop, &opt, &err), &err);
	decide.bundle = w->bundle;
	ASSERT_OK(ag_decide_new(&w->decide, &decide, &err), &err);
}

static int make_world(void **state)
{
	struct world *w = test_calloc(1, sizeof(*w));
	struct or_loop_opt clock = {.virtual_clock = true, .virtual_wall_ns = NOW_NS};
	struct or_err err = {0};

	w->dir = support_tmpdir_new();
	w->lasting = or_arena_new(0);
	w->a = or_arena_new(256 * OR_KIB);
	snprintf(w->file, sizeof(w->file), "%s/orders.bundle", w->dir);
	snprintf(w->public_key, sizeof(w->public_key), "%s/key.pub", w->dir);
	w->keys[0] = w->public_key;
	ASSERT_CODE(or_loop_new(&w->loop, &clock, NULL), OR_OK);
	ASSERT_CODE(or_crypto_key_new(&w->key, OR_CRYPTO_ED25519, NULL), OR_OK);
	ASSERT_CODE(or_crypto_key_new(&w->signer, OR_CRYPTO_ED25519, NULL), OR_OK);
	ASSERT_OK(
	    ag_folder_read(&w->folder, "examples/orders/dataproduct.yaml", w->lasting, &err), &err);
	open_identity(w);
	*state = w;
	return 0;
}

static int end_world(void **state)
{
	struct world *w = *state;

	ag_decide_free(w->decide);
	ag_bundle_free(w->bundle);
	ag_identity_free(w->identity);
	or_crypto_key_free(w->key);
	or_crypto_key_free(w->signer);
	or_loop_free(w->loop);
	or_arena_free(w->a);
	or_arena_free(w->lasting);
	support_tmpdir_remove(w->dir);
	test_free(w);
	return 0;
}

static struct or_slice token(struct world *w, const char *claims)
{
	struct or_buf t, sig;
	struct or_slice s;

	or_buf_init(&t, 8192);
	or_buf_init(&sig, 64);
	or_str_base64url_encode(&t, OR_SLICE_LIT("{\"alg\":\"EdDSA\",\"kid\":\"k\"}"));
	or_buf_put_byte(&t, '.');
	or_str_base64url_encode(&t, or_slice_str(claims));
	ASSERT_CODE(or_crypto_sign(&sig, w->key, OR_CRYPTO_EDDSA, or_buf_slice(&t)), OR_OK);
	or_buf_put_byte(&t, '.');
	or_str_base64url_encode(&t, or_buf_slice(&sig));
	s = or_arena_dup(w->lasting, or_buf_slice(&t));
	or_buf_done(&t);
	or_buf_done(&sig);
	return s;
}

#define CLAIMS(sub, more)                                                                          \
	"{\"iss\":\"" ISSUER "\",\"aud\":\"orders\",\"exp\":1800000300,\"sub\":\"" sub "\"" more "}"
#define ANALYST(sub, level) CLAIMS(sub, ",\"groups\":[\"analysts\"],\"clearance\":" level)

static struct ag_decide_result ask(
    struct world *w, const char *method, const char *path, struct or_slice token_text)
{
	static const uint8_t id[16] = {1};
	struct ag_decide_ask a = {.front = WIRE_FRONT_PROXY,
	    .method = or_slice_str(method),
	    .path = or_slice_str(path),
	    .token = token_text,
	    .peer = OR_SLICE_LIT("127.0.0.1:4000"),
	    .client_ip = OR_SLICE_LIT("127.0.0.1"),
	    .purpose = w->purpose,
	    .trace_id = or_slice(id, 16),
	    .span_id = or_slice(id, 8),
	    .now_ns = NOW_NS};
	struct ag_decide_result r;

	or_arena_clear(w->a);
	ASSERT_CODE(ag_decide_run(&r, w->decide, &a, w->a), OR_OK);
	return r;
}

static void open_example(struct world *w)
{
	open_with_policy(w, read_all(w, "examples/orders/policy/orders.cedar"));
}

static void decide__allows_whom_policy_permits(void **state)
{
	struct world *w = *state;
	struct ag_decide_result r;
	const struct or_json *inputs;
	uint8_t hash[32];

	open_example(w);
	r = ask(w, "GET", "/orders", token(w, ANALYST("alice", "2")));
	assert_int_equal(r.verdict, AG_DECIDE_ALLOW);
	assert_string_equal(r.reason, "policy_permit");
	assert_true(r.strict);
	assert_int_equal(r.record.decision, WIRE_DECISION_ALLOW);
	ASSERT_SLICE(r.record.principal.id, ISSUER "#alice");
	ASSERT_SLICE(r.record.resource.id, "orders/orders");
	ASSERT_SLICE(r.record.action, "read");
	assert_int_equal(r.record.n_policies, 1);
	ASSERT_SLICE(r.record.policies[0], "analysts-read-within-clearance");
	assert_int_equal(r.record.bundle_revision, 7);

	or_crypto_sha256(hash, r.inputs);
	assert_memory_equal(r.record.inputs.p, hash, 32);
	ASSERT_CODE(or_json_parse(&inputs, r.inputs, w->a, NULL), OR_OK);
	assert_int_equal(or_json_get(or_json_get(inputs, "attributes"), "clearance")->i, 2);
	ASSERT_SLICE(or_json_get(inputs, "groups")->array.items[0]->s, "analysts");
}

/* RFC 8693 §4.1: the last of the chain innermost. */
static void decide__names_who_acts_for_the_subject(void **state)
{
	struct world *w = *state;
	struct ag_decide_result r;

	open_example(w);
	r = ask(w, "GET", "/totals",
	    token(
		w, CLAIMS("alice",
		       ",\"groups\":[\"analysts\"],\"clearance\":2,\"act\":{\"sub\":\"report-bot\","
		       "\"act\":{\"sub\":\"desk\",\"iss\":\"https://other.example\"}}")));
	assert_int_equal(r.verdict, AG_DECIDE_ALLOW);
	ASSERT_SLICE(r.record.principal.type, "User");
	assert_int_equal(r.record.n_act, 2);
	ASSERT_SLICE(r.record.act[0].type, "Actor");
	ASSERT_SLICE(r.record.act[0].id, ISSUER "#report-bot");
	ASSERT_SLICE(r.record.act[1].id, "https://other.example#desk");
	ASSERT_SLICE(r.record.act[1].issuer, "https://other.example");
}

static struct or_slice attribute(const struct ag_decide_result *r, const char *key)
{
	for (size_t i = 0; i < r->record.n_attributes; i++) {
		if (or_slice_is(r->record.attributes[i].key, key))
			return r->record.attributes[i].value;
	}
	return OR_SLICE_NONE;
}

static void decide__tells_what_trials_would_do(void **state)
{
	struct world *w = *state;
	struct ag_decide_result r;

	open_with_policy(w,
	    OR_SLICE_LIT("@id(\"all\") permit (principal, action == Action::\"read\", resource);\n"
			 "@id(\"not-bob\") @mode(\"shadow\")\n"
			 "forbid (principal == User::\"" ISSUER "#bob\", action, resource);\n"
			 "@id(\"writes\") @mode(\"shadow\") permit (principal, action, resource);\n"
			 "@id(\"seen\") @mode(\"observe\") forbid (principal, action, resource)\n"
			 "when { resource.level > 1 };\n"));
	r = ask(w, "GET", "/totals", token(w, ANALYST("bob", "1")));
	assert_int_equal(r.verdict, AG_DECIDE_ALLOW);
	assert_int_equal(r.record.decision, WIRE_DECISION_WOULD_DENY);
	ASSERT_SLICE(attribute(&r, "shadow"), "deny: not-bob");
	assert_int_equal(r.record.n_policies, 1);
	r = ask(w, "GET", "/orders", token(w, ANALYST("alice", "1")));
	assert_int_equal(r.record.decision, WIRE_DECISION_ALLOW);
	assert_null(attribute(&r, "shadow").p);
	ASSERT_SLICE(attribute(&r, "observe"), "forbid: seen");
	r = ask(w, "DELETE", "/totals", token(w, ANALYST("alice", "1")));
	assert_int_equal(r.verdict, AG_DECIDE_DENY);
	ASSERT_SLICE(attribute(&r, "shadow"), "allow: writes");
}

static void decide__denies_whom_policy_forbids(void **state)
{
	struct world *w = *state;
	struct ag_decide_result r;

	open_example(w);
	r = ask(w, "GET", "/orders", token(w, ANALYST("bob", "1")));
	assert_int_equal(r.verdict, AG_DECIDE_DENY);
	assert_string_equal(r.reason, "policy_forbid");
	ASSERT_SLICE(r.record.policies[0], "confidential-needs-clearance");
	r = ask(w, "GET", "/totals", token(w, ANALYST("bob", "1")));
	assert_int_equal(r.verdict, AG_DECIDE_ALLOW);
	assert_false(r.strict);
	r = ask(w, "POST", "/totals", token(w, ANALYST("bob", "1")));
	assert_int_equal(r.verdict, AG_DECIDE_DENY);
	assert_string_equal(r.reason, "no_permit");
	ASSERT_SLICE(r.record.action, "write");
}

static void decide__needs_an_identity(void **state)
{
	struct world *w = *state;
	struct ag_decide_result r;

	open_example(w);
	r = ask(w, "GET", "/orders", OR_SLICE_NONE);
	assert_int_equal(r.verdict, AG_DECIDE_UNAUTHENTICATED);
	assert_string_equal(r.reason, "token_missing");
	assert_int_equal(r.record.decision, WIRE_DECISION_DENY);
	r = ask(w, "GET", "/orders", OR_SLICE_LIT("a.b.c"));
	assert_string_equal(r.reason, "token_malformed");
	r = ask(w, "GET", "/orders",
	    token(
		w, "{\"iss\":\"" ISSUER "\",\"aud\":\"orders\",\"exp\":1700000000,\"sub\":\"x\"}"));
	assert_int_equal(r.verdict, AG_DECIDE_UNAUTHENTICATED);
	assert_string_equal(r.reason, "token_expired");
	assert_int_equal(r.record.n_policies, 0);
	assert_int_equal(r.inputs.n, 0);
}

static void decide__refuses_a_token_bound_to_a_certificate(void **state)
{
	struct world *w = *state;
	struct ag_decide_result r;

	open_example(w);
	r = ask(w, "GET", "/totals",
	    token(w, CLAIMS("alice", ",\"groups\":[\"analysts\"],\"clearance\":2,"
				     "\"cnf\":{\"x5t#S256\":\"abc\"}")));
	assert_int_equal(r.verdict, AG_DECIDE_UNAUTHENTICATED);
	assert_string_equal(r.reason, "token_bound");
}

static void decide__denies_an_obligation_that_nobody_carries_out(void **state)
{
	struct world *w = *state;
	struct ag_decide_result r;

	open_with_policy(
	    w, OR_SLICE_LIT("@id(\"plain\") permit(principal, action, resource);"
			    "@id(\"masked\") @mask(\"email:redact\")"
			    "permit(principal, action == Action::\"read\", resource);"));
	r = ask(w, "GET", "/totals", token(w, ANALYST("alice", "2")));
	assert_int_equal(r.verdict, AG_DECIDE_DENY);
	assert_string_equal(r.reason, "obligation_unsupported");
	assert_int_equal(r.record.decision, WIRE_DECISION_DENY);
	assert_int_equal(r.record.n_policies, 2);
	r = ask(w, "POST", "/totals", token(w, ANALYST("alice", "2")));
	assert_int_equal(r.verdict, AG_DECIDE_ALLOW);
}

static void decide__denies_unknown_ports_and_methods(void **state)
{
	struct world *w = *state;
	struct or_slice alice = token(w, ANALYST("alice", "2"));
	struct ag_decide_result r;

	open_example(w);
	r = ask(w, "GET", "/elsewhere", alice);
	assert_int_equal(r.verdict, AG_DECIDE_DENY);
	assert_string_equal(r.reason, "port_unknown");
	assert_true(r.strict);
	r = ask(w, "BREW", "/orders", alice);
	assert_int_equal(r.verdict, AG_DECIDE_DENY);
	assert_string_equal(r.reason, "method_unknown");
	/* A stranger does not learn which ports there are. */
	r = ask(w, "GET", "/elsewhere", OR_SLICE_NONE);
	assert_int_equal(r.verdict, AG_DECIDE_UNAUTHENTICATED);
}

/* Left out, such a claim would let its bearer pass by the forbid. */
#define GUARDED                                                                                    \
	"permit (principal, action, resource);"                                                    \
	"forbid (principal, action, resource)"                                                     \
	" when { principal has clearance && principal.clearance < resource.level };"

static void decide__denies_a_claim_of_another_type(void **state)
{
	static const char *const wrong[] = {
	    "\"1\"", "1.5", "null", "[1]", "{\"n\":1}", "true", "9223372036854775808"};
	struct world *w = *state;
	struct ag_decide_result r;

	open_with_policy(w, OR_SLICE_LIT(GUARDED));
	for (size_t i = 0; i < OR_LEN(wrong); i++) {
		char claims[256];

		snprintf(claims, sizeof(claims), ANALYST("eve", "%s"), wrong[i]);
		r = ask(w, "GET", "/orders", token(w, claims));
		if (r.verdict == AG_DECIDE_UNAUTHENTICATED)
			continue; /* a number that is none of ours is not even JSON here */
		assert_int_equal(r.verdict, AG_DECIDE_DENY);
		assert_string_equal(r.reason, "claim_type");
		ASSERT_SLICE(r.record.attributes[0].key, "claim");
		ASSERT_SLICE(r.record.attributes[0].value, "clearance");
		assert_int_equal(r.record.bundle_revision, 7);
		assert_true(r.inputs.n > 0);
	}
	r = ask(w, "GET", "/orders", token(w, ANALYST("eve", "1")));
	assert_string_equal(r.reason, "policy_forbid");
	r = ask(w, "GET", "/orders", token(w, CLAIMS("eve", "")));
	assert_int_equal(r.verdict, AG_DECIDE_ALLOW); /* as the policy says of one without */
}

static void decide__denies_what_the_schema_lacks(void **state)
{
	const struct or_slice bare =
	    OR_SLICE_LIT("entity Product; entity Domain; entity Group;"
			 "entity Port in [Product, Domain] = {name: String, version: "
			 "String, domain: String, classification: String, level: Long};"
			 "entity User in [Group] = {clearance: Long};"
			 "action read appliesTo {principal: [User], resource: [Port],"
			 " context: {method: String, path: String, query: Set<String>,"
			 " client: ipaddr}};"
			 "action write appliesTo {principal: [User], resource: [Port],"
			 " context: {method: String}};");
	struct world *w = *state;
	struct ag_decide_result r;

	w->schema = bare;
	open_with_policy(w, OR_SLICE_LIT("permit (principal, action, resource);"));
	r = ask(w, "GET", "/orders", token(w, ANALYST("alice", "2")));
	assert_int_equal(r.verdict, AG_DECIDE_ALLOW);
	r = ask(w, "DELETE", "/orders", token(w, ANALYST("alice", "2")));
	assert_int_equal(r.verdict, AG_DECIDE_DENY);
	assert_string_equal(r.reason, "not_in_schema");
	ASSERT_SLICE(r.record.attributes[0].key, "schema");
	r = ask(w, "POST", "/orders", token(w, ANALYST("alice", "2")));
	assert_string_equal(r.reason, "not_in_schema");
	r = ask(w, "GET", "/orders", token(w, CLAIMS("alice", "")));
	assert_int_equal(r.verdict, AG_DECIDE_DENY);
	assert_string_equal(r.reason, "principal_unfit");
}

static void decide__denies_a_purpose_that_the_product_does_not_list(void **state)
{
	struct world *w = *state;
	struct ag_decide_result r;

	open_with_policy(w, OR_SLICE_LIT("permit (principal, action, resource);"));
	w->purpose = OR_SLICE_LIT("fraud-detection");
	r = ask(w, "GET", "/orders", token(w, ANALYST("alice", "2")));
	assert_int_equal(r.verdict, AG_DECIDE_ALLOW);
	w->purpose = OR_SLICE_LIT("Fraud-detection");
	r = ask(w, "GET", "/orders", token(w, ANALYST("alice", "2")));
	assert_int_equal(r.verdict, AG_DECIDE_DENY);
	assert_string_equal(r.reason, "purpose_unknown");
	ASSERT_SLICE(r.record.attributes[0].value, "Fraud-detection");
	assert_true(r.inputs.n > 0);
}

static void decide__a_forbid_that_errs_denies(void **state)
{
	struct world *w = *state;
	struct ag_decide_result r;

	open_with_policy(w, OR_SLICE_LIT("permit (principal, action, resource);"
					 "@id(\"broken\") forbid (principal, action, resource)"
					 " when { resource.level + 9223372036854775807 > 0 };"));
	r = ask(w, "GET", "/orders", token(w, ANALYST("alice", "2")));
	assert_int_equal(r.verdict, AG_DECIDE_DENY);
	assert_string_equal(r.reason, "policy_error");
	assert_int_equal(r.record.n_policy_errors, 1);
	ASSERT_SLICE(r.record.policy_errors[0].policy, "broken");
}

static void decide__without_a_bundle_nothing_passes(void **state)
{
	struct world *w = *state;
	struct ag_decide_result r;

	open_example(w);
	or_loop_advance(w->loop, 3600 * OR_NS_PER_S); /* its time is over */
	r = ask(w, "GET", "/orders", token(w, ANALYST("alice", "2")));
	assert_int_equal(r.verdict, AG_DECIDE_UNAVAILABLE);
	assert_string_equal(r.reason, "no_bundle");
	assert_int_equal(r.record.decision, WIRE_DECISION_DENY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		decide__allows_whom_policy_permits, make_world, end_world),
	    cmocka_unit_test_setup_teardown(
		decide__names_who_acts_for_the_subject, make_world, end_world),
	    cmocka_unit_test_setup_teardown(
		decide__tells_what_trials_would_do, make_world, end_world),
	    cmocka_unit_test_setup_teardown(
		decide__denies_whom_policy_forbids, make_world, end_world),
	    cmocka_unit_test_setup_teardown(decide__needs_an_identity, make_world, end_world),
	    cmocka_unit_test_setup_teardown(
		decide__refuses_a_token_bound_to_a_certificate, make_world, end_world),
	    cmocka_unit_test_setup_teardown(
		decide__denies_an_obligation_that_nobody_carries_out, make_world, end_world),
	    cmocka_unit_test_setup_teardown(
		decide__denies_unknown_ports_and_methods, make_world, end_world),
	    cmocka_unit_test_setup_teardown(
		decide__denies_a_claim_of_another_type, make_world, end_world),
	    cmocka_unit_test_setup_teardown(
		decide__denies_what_the_schema_lacks, make_world, end_world),
	    cmocka_unit_test_setup_teardown(
		decide__denies_a_purpose_that_the_product_does_not_list, make_world, end_world),
	    cmocka_unit_test_setup_teardown(
		decide__a_forbid_that_errs_denies, make_world, end_world),
	    cmocka_unit_test_setup_teardown(
		decide__without_a_bundle_nothing_passes, make_world, end_world),
	};

	return cmocka_run_group_tests_name("agent.gate.decide", tests, NULL, NULL);
}
