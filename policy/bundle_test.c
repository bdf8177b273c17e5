/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/bundle.h"

#include "policy/authorize.h"
#include "tests/support/support.h"

#define NOW (1700000000LL * OR_NS_PER_S)
#define DAY (86400LL * OR_NS_PER_S)

struct world {
	struct or_crypto_key *key, *other;
	struct pol_bundle_policy policies[2];
	struct pol_bundle_source src;
	struct pol_bundle_key pinned;
	struct pol_bundle_pins pins;
	struct or_buf bytes;
	struct or_err err;
	struct pol_bundle *b;
};

static int setup(void **state)
{
	static struct world w;

	w = (struct world){.b = NULL};
	ASSERT_OK(or_crypto_key_new(&w.key, OR_CRYPTO_ED25519, &w.err), &w.err);
	ASSERT_OK(or_crypto_key_new(&w.other, OR_CRYPTO_ED25519, &w.err), &w.err);
	w.policies[0] = (struct pol_bundle_policy){
	    "read.cedar", OR_SLICE_LIT("permit(principal, action == Action::\"read\", resource);")};
	w.policies[1] = (struct pol_bundle_policy){"deny.cedar",
	    OR_SLICE_LIT("@id(\"no-pii\") forbid(principal, action, resource is Pii);")};
	w.src = (struct pol_bundle_source){.product = "orders",
	    .revision = 7,
	    .not_before_ns = NOW,
	    .not_after_ns = NOW + DAY,
	    .schema = OR_SLICE_LIT("entity User, Port, Pii; action read appliesTo {"
				   "principal: User, resource: [Port, Pii]};"),
	    .policies = w.policies,
	    .n_policies = 2,
	    .entities = OR_SLICE_LIT("[{\"uid\":{\"type\":\"User\",\"id\":\"u\"},\"attrs\":{},"
				     "\"parents\":[]}]")};
	w.pinned = (struct pol_bundle_key){OR_SLICE_LIT("k1"), w.key};
	w.pins = (struct pol_bundle_pins){.keys = &w.pinned,
	    .n_keys = 1,
	    .product = "orders",
	    .min_revision = 7,
	    .now_ns = NOW + 1};
	or_buf_init(&w.bytes, POL_BUNDLE_MAX);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	pol_bundle_unref(w->b);
	or_crypto_key_free(w->key);
	or_crypto_key_free(w->other);
	or_buf_done(&w->bytes);
	return 0;
}

static void build(struct world *w)
{
	or_buf_clear(&w->bytes);
	ASSERT_OK(
	    pol_bundle_build(&w->bytes, &w->src, w->key, w->pinned.id, NULL, &w->err), &w->err);
}

static enum or_code open_it(struct world *w)
{
	pol_bundle_unref(w->b);
	w->b = NULL;
	return pol_bundle_open(&w->b, or_buf_slice(&w->bytes), &w->pins, NULL, &w->err);
}

static void open__gives_what_was_built(void **state)
{
	struct world *w = *state;

	build(w);
	ASSERT_OK(open_it(w), &w->err);
	assert_int_equal(pol_bundle_revision(w->b), 7);
	assert_string_equal(pol_bundle_product(w->b), "orders");
	assert_int_equal(pol_bundle_not_after_ns(w->b), NOW + DAY);
	ASSERT_SLICE(pol_bundle_key_used(w->b), "k1");
	assert_int_equal(pol_set_count(pol_bundle_set(w->b)), 2);
	ASSERT_SLICE(pol_set_at(pol_bundle_set(w->b), 0)->id, "read.cedar#policy0");
	ASSERT_SLICE(pol_set_at(pol_bundle_set(w->b), 1)->id, "no-pii");
	/* The user, and the action of the schema. */
	assert_int_equal(pol_entities_count(pol_bundle_entities(w->b)), 2);
	assert_non_null(pol_schema_entity_find(pol_bundle_schema(w->b), OR_SLICE_LIT("Port")));
}

static void open__hashes_the_signed_bytes(void **state)
{
	struct world *w = *state;
	uint8_t hash[OR_CRYPTO_HASH_LEN];

	build(w);
	ASSERT_OK(open_it(w), &w->err);
	or_crypto_sha256(hash, or_buf_slice(&w->bytes));
	assert_memory_equal(hash, pol_bundle_hash(w->b), sizeof(hash));
}

static void build__is_deterministic(void **state)
{
	struct world *w = *state;
	struct or_buf first;

	build(w);
	or_buf_init(&first, POL_BUNDLE_MAX);
	or_buf_put_slice(&first, or_buf_slice(&w->bytes));
	build(w);
	assert_true(or_slice_eq(or_buf_slice(&first), or_buf_slice(&w->bytes)));
	or_buf_done(&first);
}

static void open__refuses_a_changed_payload(void **state)
{
	struct world *w = *state;
	uint8_t *payload;

	build(w);
	payload = (uint8_t *)strstr((char *)w->bytes.p, "\"payload\":\"");
	assert_non_null(payload);
	/* Another letter of the alphabet, so that it stays base64. */
	payload[40] = payload[40] == 'A' ? 'B' : 'A';
	ASSERT_CODE(open_it(w), OR_DENIED);
	assert_string_equal(w->err.msg, "the bundle's signature does not verify");
}

static void open__refuses_an_unknown_key(void **state)
{
	struct world *w = *state;

	build(w);
	w->pinned.id = OR_SLICE_LIT("k2");
	ASSERT_CODE(open_it(w), OR_DENIED);
	ASSERT_HAS(w->err.msg, "not signed by a key that may sign for orders");
	w->pins.n_keys = 0;
	ASSERT_CODE(open_it(w), OR_DENIED);
}

static void open__refuses_another_key_of_the_same_id(void **state)
{
	struct world *w = *state;

	build(w);
	w->pinned.key = w->other;
	ASSERT_CODE(open_it(w), OR_DENIED);
}

static void open__refuses_a_lower_revision(void **state)
{
	struct world *w = *state;

	build(w);
	w->pins.min_revision = 8;
	ASSERT_CODE(open_it(w), OR_STALE);
	assert_string_equal(
	    w->err.msg, "the bundle's revision 7 is lower than 8, which has been seen");
	w->pins.min_revision = 6;
	ASSERT_OK(open_it(w), &w->err);
}

static void open__refuses_what_has_expired(void **state)
{
	struct world *w = *state;

	build(w);
	w->pins.now_ns = NOW + DAY + 1;
	ASSERT_CODE(open_it(w), OR_STALE);
	ASSERT_HAS(w->err.msg, "expired at 2023-11-15T");
	w->pins.now_ns = NOW - DAY;
	ASSERT_CODE(open_it(w), OR_STALE);
	ASSERT_HAS(w->err.msg, "not valid before");
}

static void open__refuses_another_product(void **state)
{
	struct world *w = *state;

	build(w);
	w->pins.product = "payments";
	ASSERT_CODE(open_it(w), OR_DENIED);
	assert_string_equal(w->err.msg, "the bundle is for orders, not for payments");
}

static void open__refuses_what_is_malformed(void **state)
{
	static const char *const texts[] = {"", "{}", "[]",
	    "{\"payloadType\":\"" POL_BUNDLE_TYPE "\"}",
	    "{\"payloadType\":\"" POL_BUNDLE_TYPE "\",\"payload\":\"!\",\"signatures\":[]}",
	    "{\"payloadType\":\"text/plain\",\"payload\":\"\",\"signatures\":[]}",
	    "{\"payloadType\":\"" POL_BUNDLE_TYPE "\",\"payload\":\"\",\"signatures\":[{}]}"};
	struct world *w = *state;

	for (size_t i = 0; i < OR_LEN(texts); i++) {
		or_buf_clear(&w->bytes);
		or_buf_put_str(&w->bytes, texts[i]);
		ASSERT_CODE(open_it(w), OR_PARSE);
		assert_null(w->b);
	}
}

static void build__refuses_a_policy_that_does_not_parse(void **state)
{
	struct world *w = *state;

	w->policies[1].text =
	    OR_SLICE_LIT("forbid(principal, action, resource)\n  when { true &&};");
	ASSERT_CODE(
	    pol_bundle_build(&w->bytes, &w->src, w->key, w->pinned.id, NULL, &w->err), OR_PARSE);
	assert_string_equal(w->err.msg,
	    "deny.cedar:2:17: error: expected an expression, found `}`\n"
	    "    2 |   when { true &&};\n"
	    "      |                 ^");
	assert_int_equal(w->bytes.n, 0);
}

static void build__refuses_an_id_that_is_there_twice(void **state)
{
	struct world *w = *state;

	w->policies[0].text = w->policies[1].text;
	ASSERT_CODE(
	    pol_bundle_build(&w->bytes, &w->src, w->key, w->pinned.id, NULL, &w->err), OR_EXISTS);
	ASSERT_HAS(w->err.msg, "a policy named `no-pii` exists already");
}

static void build__refuses_a_policy_that_does_not_fit_the_schema(void **state)
{
	struct world *w = *state;

	w->policies[1].text =
	    OR_SLICE_LIT("permit(principal, action, resource) when { principal.age > 1 };");
	ASSERT_CODE(
	    pol_bundle_build(&w->bytes, &w->src, w->key, w->pinned.id, NULL, &w->err), OR_INVAL);
	ASSERT_HAS(w->err.msg, "deny.cedar:1:44: error: User has no attribute `age`");
	w->src.schema = OR_SLICE_LIT("");
	build(w);
}

/* A file *.json links a template of a text that comes behind it. */
static void build__takes_policies_in_json(void **state)
{
	struct world *w = *state;
	const struct pol_policy *link;

	w->policies[0].name = "links.cedar.json";
	w->policies[0].text =
	    OR_SLICE_LIT("{\"templateLinks\":[{\"templateId\":\"t\",\"newId\":\"l\",\"values\":{"
			 "\"?principal\":{\"type\":\"User\",\"id\":\"a\"}}}]}");
	w->policies[1].text =
	    OR_SLICE_LIT("@id(\"t\") permit(principal == ?principal, action, resource);");
	build(w);
	ASSERT_CODE(open_it(w), OR_OK);
	link = pol_set_find(pol_bundle_set(w->b), OR_SLICE_LIT("l"));
	assert_non_null(link);
	assert_false(link->template);
	w->policies[0].text = OR_SLICE_LIT("{\"templateLinks\":[{}]}");
	or_buf_clear(&w->bytes);
	ASSERT_CODE(
	    pol_bundle_build(&w->bytes, &w->src, w->key, w->pinned.id, NULL, &w->err), OR_PARSE);
	ASSERT_HAS(w->err.msg, "links.cedar.json:1:19: error: templateLinks[0]:");
}

static void build__refuses_a_mask_that_cannot_be_carried_out(void **state)
{
	struct world *w = *state;

	w->policies[1].text =
	    OR_SLICE_LIT("@mask(\"email:blur\") permit(principal, action, resource);");
	ASSERT_CODE(
	    pol_bundle_build(&w->bytes, &w->src, w->key, w->pinned.id, NULL, &w->err), OR_INVAL);
	ASSERT_HAS(w->err.msg, "unknown kind of mask");
	w->policies[1].text =
	    OR_SLICE_LIT("@mask(\"email:null\") permit(principal, action, resource);");
	build(w);
}

static void build__refuses_bad_fields(void **state)
{
	struct world *w = *state;

	w->src.revision = 0;
	ASSERT_CODE(
	    pol_bundle_build(&w->bytes, &w->src, w->key, w->pinned.id, NULL, &w->err), OR_INVAL);
	w->src.revision = 1;
	w->src.not_after_ns = NOW;
	ASSERT_CODE(
	    pol_bundle_build(&w->bytes, &w->src, w->key, w->pinned.id, NULL, &w->err), OR_INVAL);
}

static void key_id__is_stable(void **state)
{
	struct world *w = *state;
	struct or_buf a, b;

	or_buf_init(&a, 64);
	or_buf_init(&b, 64);
	ASSERT_CODE(pol_bundle_key_id(&a, w->key), OR_OK);
	ASSERT_CODE(pol_bundle_key_id(&b, w->key), OR_OK);
	assert_int_equal(a.n, 16);
	assert_true(or_slice_eq(or_buf_slice(&a), or_buf_slice(&b)));
	or_buf_done(&a);
	or_buf_done(&b);
}

static void ref__keeps_it_alive(void **state)
{
	struct world *w = *state;
	struct pol_bundle *again;

	build(w);
	ASSERT_OK(open_it(w), &w->err);
	again = pol_bundle_ref(w->b);
	pol_bundle_unref(w->b);
	w->b = again;
	assert_int_equal(pol_bundle_revision(again), 7);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(open__gives_what_was_built),
	    TEST(open__hashes_the_signed_bytes),
	    TEST(build__is_deterministic),
	    TEST(open__refuses_a_changed_payload),
	    TEST(open__refuses_an_unknown_key),
	    TEST(open__refuses_another_key_of_the_same_id),
	    TEST(open__refuses_a_lower_revision),
	    TEST(open__refuses_what_has_expired),
	    TEST(open__refuses_another_product),
	    TEST(open__refuses_what_is_malformed),
	    TEST(build__refuses_a_policy_that_does_not_parse),
	    TEST(build__refuses_an_id_that_is_there_twice),
	    TEST(build__refuses_a_policy_that_does_not_fit_the_schema),
	    TEST(build__takes_policies_in_json),
	    TEST(build__refuses_a_mask_that_cannot_be_carried_out),
	    TEST(build__refuses_bad_fields),
	    TEST(key_id__is_stable),
	    TEST(ref__keeps_it_alive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
