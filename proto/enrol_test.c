/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/enrol.h"

#include "base/rng.h"

#include "tests/support/support.h"

static const struct or_slice products[] = {
    {(const uint8_t *)"orders", 6}, {(const uint8_t *)"customers", 9}};

static void verify__takes_the_proof_of_exactly_this_request(void **state)
{
	struct or_crypto_key *key;
	struct wire_enrol e = {.credential = OR_SLICE_LIT("token"),
	    .agent_id = OR_SLICE_LIT("00000000-0000-4000-8000-000000000001"),
	    .products = products,
	    .n_products = 2};
	struct wire_enrol other;
	struct or_buf public, proof;

	(void)state;
	or_buf_init(&public, 32);
	or_buf_init(&proof, OR_CRYPTO_SIG_MAX);
	ASSERT_CODE(or_crypto_key_new(&key, OR_CRYPTO_ED25519, NULL), OR_OK);
	ASSERT_CODE(or_crypto_key_public(&public, key), OR_OK);
	e.public_key = or_buf_slice(&public);
	ASSERT_CODE(wire_enrol_sign(&proof, &e, key), OR_OK);
	ASSERT_CODE(wire_enrol_verify(&e, or_buf_slice(&proof)), OR_OK);

	other = e;
	other.credential = OR_SLICE_LIT("tokem");
	ASSERT_CODE(wire_enrol_verify(&other, or_buf_slice(&proof)), OR_DENIED);
	other = e;
	other.agent_id = OR_SLICE_LIT("00000000-0000-4000-8000-000000000002");
	ASSERT_CODE(wire_enrol_verify(&other, or_buf_slice(&proof)), OR_DENIED);
	other = e;
	other.n_products = 1;
	ASSERT_CODE(wire_enrol_verify(&other, or_buf_slice(&proof)), OR_DENIED);
	other = e;
	other.public_key = OR_SLICE_LIT("short");
	ASSERT_CODE(wire_enrol_verify(&other, or_buf_slice(&proof)), OR_INVAL);
	ASSERT_CODE(wire_enrol_verify(&e, OR_SLICE_LIT("no signature")), OR_DENIED);
	or_crypto_key_free(key);
	or_buf_done(&public);
	or_buf_done(&proof);
}

/* The bytes that are signed are a contract between versions. */
static void sign__signs_the_documented_bytes(void **state)
{
	static const char statement[] = "outrider-enrol-v1"
					"\0\0\0\5token"
					"\0\0\0\2id"
					"\0\0\0\3key"
					"\0\0\0\6orders"
					"\0\0\0\11customers";
	struct wire_enrol e = {.credential = OR_SLICE_LIT("token"),
	    .agent_id = OR_SLICE_LIT("id"),
	    .public_key = OR_SLICE_LIT("key"),
	    .products = products,
	    .n_products = 2};
	struct or_crypto_key *key;
	struct or_buf proof;

	(void)state;
	or_buf_init(&proof, OR_CRYPTO_SIG_MAX);
	ASSERT_CODE(or_crypto_key_new(&key, OR_CRYPTO_ED25519, NULL), OR_OK);
	ASSERT_CODE(wire_enrol_sign(&proof, &e, key), OR_OK);
	ASSERT_CODE(or_crypto_verify(key, OR_CRYPTO_EDDSA,
			or_slice(statement, sizeof(statement) - 1), or_buf_slice(&proof)),
	    OR_OK);
	or_crypto_key_free(key);
	or_buf_done(&proof);
}

static void uuid__goes_both_ways(void **state)
{
	uint8_t uuid[WIRE_ENROL_UUID_LEN];
	char text[OR_RNG_UUID_LEN + 1], again[WIRE_ENROL_UUID_CHARS + 1];

	(void)state;
	or_rng_uuid(text);
	ASSERT_CODE(wire_enrol_uuid_parse(uuid, or_slice_str(text)), OR_OK);
	wire_enrol_uuid_text(again, uuid);
	assert_string_equal(text, again);
}

static void uuid__refuses_what_is_none(void **state)
{
	static const char *const bad[] = {"", "00000000-0000-4000-8000-00000000000",
	    "00000000-0000-4000-8000-0000000000001", "00000000-0000-4000-8000-00000000000g",
	    "0000000000000-4000-8000-0000000000010", "00000000-0000-4000-80000-00000000001",
	    "00000000-0000-4000-8000-00000000000A", "00000000+0000-4000-8000-000000000001"};
	uint8_t uuid[WIRE_ENROL_UUID_LEN];

	(void)state;
	for (size_t i = 0; i < OR_LEN(bad); i++)
		ASSERT_CODE(wire_enrol_uuid_parse(uuid, or_slice_str(bad[i])), OR_PARSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(verify__takes_the_proof_of_exactly_this_request),
	    cmocka_unit_test(sign__signs_the_documented_bytes),
	    cmocka_unit_test(uuid__goes_both_ways),
	    cmocka_unit_test(uuid__refuses_what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
