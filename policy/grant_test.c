/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/grant.h"

#include "base/str.h"
#include "tests/support/support.h"

#define NOW 1800000000LL

struct world {
	struct or_crypto_key *key, *other;
	struct or_arena *a;
	struct pol_grant grant;
	struct pol_grant_use use;
	struct or_buf text;
	struct or_err err;
};

static int make_world(void **state)
{
	struct world *w = test_calloc(1, sizeof(*w));

	ASSERT_CODE(or_crypto_key_new(&w->key, OR_CRYPTO_ED25519, NULL), OR_OK);
	ASSERT_CODE(or_crypto_key_new(&w->other, OR_CRYPTO_ED25519, NULL), OR_OK);
	w->a = or_arena_new(0);
	or_buf_init(&w->text, 8192);
	w->grant = (struct pol_grant){.id = OR_SLICE_LIT("00ff"),
	    .product = OR_SLICE_LIT("orders"),
	    .agent = OR_SLICE_LIT("7a0e"),
	    .principal = OR_SLICE_LIT("https://issuer.example#alice"),
	    .action = OR_SLICE_LIT("read"),
	    .reason = OR_SLICE_LIT("INC-4711: \"refunds\""),
	    .issued_s = NOW,
	    .expires_s = NOW + 3600};
	w->use = (struct pol_grant_use){.product = OR_SLICE_LIT("orders"),
	    .agent = OR_SLICE_LIT("7a0e"),
	    .principal = OR_SLICE_LIT("https://issuer.example#alice"),
	    .action = OR_SLICE_LIT("read"),
	    .now_s = NOW + 10};
	*state = w;
	return 0;
}

static int free_world(void **state)
{
	struct world *w = *state;

	or_crypto_key_free(w->key);
	or_crypto_key_free(w->other);
	or_arena_free(w->a);
	or_buf_done(&w->text);
	test_free(w);
	return 0;
}

static enum pol_grant_fault check_text(struct world *w, struct or_slice text)
{
	const struct or_crypto_key *keys[] = {w->other, w->key};
	struct pol_grant g;

	return pol_grant_check(&g, text, keys, OR_LEN(keys), &w->use, w->a);
}

static void check__takes_what_was_made(void **state)
{
	struct world *w = *state;
	const struct or_crypto_key *keys[] = {w->key};
	struct pol_grant g;

	ASSERT_OK(pol_grant_make(&w->text, &w->grant, w->key, &w->err), &w->err);
	assert_int_equal(
	    pol_grant_check(&g, or_buf_slice(&w->text), keys, 1, &w->use, w->a), POL_GRANT_FINE);
	ASSERT_SLICE(g.id, "00ff");
	ASSERT_SLICE(g.reason, "INC-4711: \"refunds\"");
	assert_int_equal(g.expires_s, NOW + 3600);
	/* What is not limited holds for any. */
	w->grant.agent = w->grant.action = OR_SLICE_NONE;
	w->use.agent = OR_SLICE_LIT("other");
	w->use.action = OR_SLICE_LIT("write");
	or_buf_clear(&w->text);
	ASSERT_OK(pol_grant_make(&w->text, &w->grant, w->key, &w->err), &w->err);
	assert_int_equal(check_text(w, or_buf_slice(&w->text)), POL_GRANT_FINE);
}

static void check__holds_for_its_time_and_place(void **state)
{
	struct world *w = *state;
	struct pol_grant_use right = w->use;
	struct or_slice text;

	ASSERT_OK(pol_grant_make(&w->text, &w->grant, w->key, &w->err), &w->err);
	text = or_buf_slice(&w->text);
	w->use.now_s = NOW + 3599;
	assert_int_equal(check_text(w, text), POL_GRANT_FINE);
	w->use.now_s = NOW + 3600;
	assert_int_equal(check_text(w, text), POL_GRANT_EXPIRED);
	w->use.now_s = NOW - POL_GRANT_SKEW_S;
	assert_int_equal(check_text(w, text), POL_GRANT_FINE);
	w->use.now_s = NOW - POL_GRANT_SKEW_S - 1;
	assert_int_equal(check_text(w, text), POL_GRANT_EARLY);
	w->use = right;
	w->use.product = OR_SLICE_LIT("orders2");
	assert_int_equal(check_text(w, text), POL_GRANT_PRODUCT);
	w->use = right;
	w->use.agent = OR_SLICE_LIT("7a0f");
	assert_int_equal(check_text(w, text), POL_GRANT_AGENT);
	w->use = right;
	w->use.principal = OR_SLICE_LIT("https://issuer.example#bob");
	assert_int_equal(check_text(w, text), POL_GRANT_PRINCIPAL);
	w->use = right;
	w->use.action = OR_SLICE_LIT("write");
	assert_int_equal(check_text(w, text), POL_GRANT_ACTION);
}

/* Each byte of it, and each length: none of them is taken. */
static void check__refuses_any_change(void **state)
{
	struct world *w = *state;
	const struct or_crypto_key *others[] = {w->other};
	struct pol_grant g;
	struct or_slice text;

	ASSERT_OK(pol_grant_make(&w->text, &w->grant, w->key, &w->err), &w->err);
	text = or_buf_slice(&w->text);
	for (size_t i = 0; i < text.n; i++) {
		uint8_t *at = w->text.p + i, was = *at;
		enum pol_grant_fault fault;

		*at = was == 'A' ? 'B' : 'A';
		fault = check_text(w, text);
		*at = was;
		assert_true(fault == POL_GRANT_MALFORMED || fault == POL_GRANT_SIGNATURE);
		assert_int_not_equal(check_text(w, or_slice(text.p, i)), POL_GRANT_FINE);
	}
	assert_int_equal(check_text(w, text), POL_GRANT_FINE);
	assert_int_equal(pol_grant_check(&g, text, others, 1, &w->use, w->a), POL_GRANT_SIGNATURE);
	assert_int_equal(pol_grant_check(&g, text, NULL, 0, &w->use, w->a), POL_GRANT_SIGNATURE);
}

static void sign(struct world *w, const char *json)
{
	struct or_buf msg, sig;

	or_buf_init(&msg, 8192);
	or_buf_init(&sig, 64);
	or_buf_printf(&msg, "outrider break-glass v1\n%s", json);
	ASSERT_CODE(or_crypto_sign(&sig, w->key, OR_CRYPTO_EDDSA, or_buf_slice(&msg)), OR_OK);
	or_buf_clear(&w->text);
	or_buf_put_str(&w->text, "obg1.");
	or_str_base64url_encode(&w->text, or_slice_str(json));
	or_buf_put_byte(&w->text, '.');
	or_str_base64url_encode(&w->text, or_buf_slice(&sig));
	or_buf_done(&msg);
	or_buf_done(&sig);
}

/* Signed or not: a member that is missing, doubled, of another type, or unknown. */
static void check__refuses_members_that_are_not_right(void **state)
{
	static const char *const bad[] = {"[]", "{}", "\"x\"",
	    "{\"v\":2,\"id\":\"a\",\"product\":\"orders\",\"principal\":\"p\",\"reason\":\"r\","
	    "\"issued\":1800000000,\"expires\":1800000060}",
	    "{\"v\":1,\"id\":\"a\",\"product\":\"orders\",\"principal\":\"p\",\"reason\":\"\","
	    "\"issued\":1800000000,\"expires\":1800000060}",
	    "{\"v\":1,\"id\":\"a\",\"product\":7,\"principal\":\"p\",\"reason\":\"r\","
	    "\"issued\":1800000000,\"expires\":1800000060}",
	    "{\"v\":1,\"id\":\"a\",\"product\":\"orders\",\"principal\":\"p\",\"reason\":\"r\","
	    "\"issued\":1800000000,\"expires\":1800086401}",
	    "{\"v\":1,\"id\":\"a\",\"product\":\"orders\",\"principal\":\"p\",\"reason\":\"r\","
	    "\"issued\":1800000000,\"expires\":1800000000}",
	    "{\"v\":1,\"id\":\"a\",\"product\":\"orders\",\"principal\":\"p\",\"reason\":\"r\","
	    "\"issued\":1800000000,\"expires\":1800000060,\"path\":\"/x\"}",
	    "{\"v\":1,\"id\":\"a\",\"id\":\"a\",\"product\":\"orders\",\"principal\":\"p\","
	    "\"reason\":\"r\",\"issued\":1800000000,\"expires\":1800000060}"};
	struct world *w = *state;

	for (size_t i = 0; i < OR_LEN(bad); i++) {
		sign(w, bad[i]);
		assert_int_equal(check_text(w, or_buf_slice(&w->text)), POL_GRANT_MALFORMED);
	}
}

static void make__refuses_what_nobody_would_take(void **state)
{
	struct world *w = *state;
	struct pol_grant right = w->grant;
	struct or_crypto_key *ec;
	char *large = test_malloc(POL_GRANT_TEXT_MAX + 1);

	w->grant.expires_s = NOW + POL_GRANT_LIFE_MAX_S + 1;
	ASSERT_CODE(pol_grant_make(&w->text, &w->grant, w->key, &w->err), OR_INVAL);
	ASSERT_HAS(w->err.msg, "24 hours");
	w->grant = right;
	w->grant.reason = OR_SLICE_LIT("two\nlines");
	ASSERT_CODE(pol_grant_make(&w->text, &w->grant, w->key, &w->err), OR_INVAL);
	ASSERT_HAS(w->err.msg, "reason");
	memset(large, 'x', POL_GRANT_TEXT_MAX + 1);
	w->grant.reason = or_slice(large, POL_GRANT_TEXT_MAX + 1);
	ASSERT_CODE(pol_grant_make(&w->text, &w->grant, w->key, &w->err), OR_INVAL);
	w->grant = right;
	ASSERT_CODE(or_crypto_key_new(&ec, OR_CRYPTO_P256, NULL), OR_OK);
	ASSERT_CODE(pol_grant_make(&w->text, &w->grant, ec, &w->err), OR_INVAL);
	assert_int_equal(w->text.n, 0);
	or_crypto_key_free(ec);
	test_free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(check__takes_what_was_made, make_world, free_world),
	    cmocka_unit_test_setup_teardown(
		check__holds_for_its_time_and_place, make_world, free_world),
	    cmocka_unit_test_setup_teardown(check__refuses_any_change, make_world, free_world),
	    cmocka_unit_test_setup_teardown(
		check__refuses_members_that_are_not_right, make_world, free_world),
	    cmocka_unit_test_setup_teardown(
		make__refuses_what_nobody_would_take, make_world, free_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
