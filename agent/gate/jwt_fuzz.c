/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a token, through the whole check; none of them is signed by the key that counts. */
#include "agent/gate/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* RFC 8037 §A.2 */
static const char keys[] = "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
			   "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";

static struct ag_identity *identity(void)
{
	static const struct ag_identity_issuer issuer = {
	    .issuer = "https://issuer.example", .audience = "orders", .skew_s = 60};
	struct ag_identity *id;
	struct ag_jwks *set;
	enum or_code rc = ag_identity_new(&id, &issuer, 1, 16, NULL);

	OR_ASSERT(rc == OR_OK);
	rc = ag_jwks_parse(&set, or_slice(keys, sizeof(keys) - 1), NULL);
	OR_ASSERT(rc == OR_OK);
	ag_identity_keys_put(id, 0, set);
	return id;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ag_identity *id = identity();
	struct or_arena *a = or_arena_new(1U << 20);
	struct ag_identity_who who = {0};
	struct ag_identity_verdict v =
	    ag_identity_check(id, &who, or_slice(data, size), 1000000 * OR_NS_PER_S, a);

	OR_ASSERT(v.reason != AG_JWT_OK && ag_jwt_reason_name(v.reason)[0]);
	OR_ASSERT(ag_identity_counts_get(id).kept == 0);
	or_arena_free(a);
	ag_identity_free(id);
	return 0;
}
