/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/cert.h"

#include "base/mem.h"
#include "tests/support/support.h"

struct fixture {
	struct or_arena *a;
	struct or_crypto_key *issuer;
	struct or_buf out;
	struct or_err err;
};

static int set_up(void **state)
{
	struct fixture *x = or_mem_new(sizeof(*x));

	x->a = or_arena_new(1 << 20);
	or_buf_init(&x->out, 1 << 20);
	ASSERT_OK(or_crypto_key_new(&x->issuer, OR_CRYPTO_ED25519, &x->err), &x->err);
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	or_arena_free(x->a);
	or_crypto_key_free(x->issuer);
	or_buf_done(&x->out);
	or_mem_free(x);
	return 0;
}

static const uint8_t bytes[32] = "agent-agent-agenpublic-public-p";
static const struct or_slice products[] = {OR_SLICE_LIT("orders"), OR_SLICE_LIT("invoices")};

static struct wire_cert cert(void)
{
	return (struct wire_cert){.agent_id = or_slice(bytes, 16),
	    .public_key = or_slice(bytes, 32),
	    .products = products,
	    .n_products = OR_LEN(products),
	    .not_before_ns = 1000,
	    .not_after_ns = 2000};
}

static void issue__makes_a_certificate_that_verifies_in_its_time(void **state)
{
	struct fixture *x = *state;
	struct wire_cert c = cert(), got;

	ASSERT_OK(wire_cert_issue(&x->out, &c, x->issuer, &x->err), &x->err);
	ASSERT_OK(wire_cert_decode(&got, or_buf_slice(&x->out), x->a, &x->err), &x->err);
	ASSERT_OK(wire_cert_verify(&got, x->issuer, 1000, &x->err), &x->err);
	ASSERT_OK(wire_cert_verify(&got, x->issuer, 1999, &x->err), &x->err);
	ASSERT_CODE(wire_cert_verify(&got, x->issuer, 999, &x->err), OR_STALE);
	ASSERT_CODE(wire_cert_verify(&got, x->issuer, 2000, &x->err), OR_STALE);
	ASSERT_CODE(wire_cert_verify(&got, x->issuer, -1, &x->err), OR_STALE);
	assert_true(wire_cert_has_product(&got, OR_SLICE_LIT("invoices")));
	assert_false(wire_cert_has_product(&got, OR_SLICE_LIT("invoice")));
	assert_true(or_slice_eq(got.agent_id, c.agent_id));
	assert_true(or_slice_eq(got.public_key, c.public_key));
}

static void verify__fails_when_any_byte_is_flipped(void **state)
{
	struct fixture *x = *state;
	struct wire_cert c = cert(), got;

	ASSERT_OK(wire_cert_issue(&x->out, &c, x->issuer, &x->err), &x->err);
	for (size_t i = 0; i < x->out.n; i++) {
		for (int bit = 0; bit < 8; bit++) {
			x->out.p[i] ^= (uint8_t)(1 << bit);
			or_arena_clear(x->a);
			if (!wire_cert_decode(&got, or_buf_slice(&x->out), x->a, &x->err))
				ASSERT_CODE(
				    wire_cert_verify(&got, x->issuer, 1500, &x->err), OR_DENIED);
			x->out.p[i] ^= (uint8_t)(1 << bit);
		}
	}
}

static void verify__fails_for_another_issuer(void **state)
{
	struct fixture *x = *state;
	struct wire_cert c = cert(), got;
	struct or_crypto_key *other;

	ASSERT_OK(or_crypto_key_new(&other, OR_CRYPTO_ED25519, &x->err), &x->err);
	ASSERT_OK(wire_cert_issue(&x->out, &c, other, &x->err), &x->err);
	ASSERT_OK(wire_cert_decode(&got, or_buf_slice(&x->out), x->a, &x->err), &x->err);
	ASSERT_CODE(wire_cert_verify(&got, x->issuer, 1500, &x->err), OR_DENIED);
	ASSERT_HAS(x->err.msg, "another key");
	or_crypto_key_free(other);
}

static void issue__refuses(void **state)
{
	struct fixture *x = *state;
	struct wire_cert c;

#define REFUSED(change, message)                                                                   \
	do {                                                                                       \
		c = cert();                                                                        \
		change;                                                                            \
		ASSERT_CODE(wire_cert_issue(&x->out, &c, x->issuer, &x->err), OR_INVAL);           \
		ASSERT_HAS(x->err.msg, message);                                                   \
	} while (0)
	REFUSED(c.agent_id.n = 15, "agent_id");
	REFUSED(c.public_key.n = 0, "public_key");
	REFUSED(c.n_products = 0, "product");
	REFUSED(c.not_after_ns = 1000, "range");
	REFUSED(c.not_after_ns = UINT64_MAX, "range");
#undef REFUSED
	c = cert();
	or_crypto_key_free(x->issuer);
	ASSERT_OK(or_crypto_key_new(&x->issuer, OR_CRYPTO_P256, &x->err), &x->err);
	ASSERT_CODE(wire_cert_issue(&x->out, &c, x->issuer, &x->err), OR_INVAL);
}

static void has_product__takes_the_star_for_every_product(void **state)
{
	static const struct or_slice all[] = {OR_SLICE_LIT("*")};
	struct wire_cert c = cert();

	(void)state;
	assert_false(wire_cert_has_product(&c, OR_SLICE_LIT("customers")));
	c.products = all;
	c.n_products = 1;
	assert_true(wire_cert_has_product(&c, OR_SLICE_LIT("customers")));
}

static void issue__bounds_the_products(void **state)
{
	struct or_slice many[WIRE_CERT_PRODUCTS_MAX + 1];
	struct fixture *x = *state;
	struct wire_cert c = cert(), got;

	for (size_t i = 0; i < OR_LEN(many); i++)
		many[i] = OR_SLICE_LIT("p");
	c.products = many;
	c.n_products = OR_LEN(many);
	ASSERT_CODE(wire_cert_issue(&x->out, &c, x->issuer, &x->err), OR_FULL);
	c.n_products--;
	ASSERT_OK(wire_cert_issue(&x->out, &c, x->issuer, &x->err), &x->err);
	ASSERT_OK(wire_cert_decode(&got, or_buf_slice(&x->out), x->a, &x->err), &x->err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(issue__makes_a_certificate_that_verifies_in_its_time),
	    T(verify__fails_when_any_byte_is_flipped),
	    T(verify__fails_for_another_issuer),
	    T(issue__refuses),
	    T(has_product__takes_the_star_for_every_product),
	    T(issue__bounds_the_products),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
