/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a key set; what is taken must be usable without a crash. */
#include "agent/gate/jwks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t signature[64];
	struct ag_jwks *set = NULL;
	enum or_code rc = ag_jwks_parse(&set, or_slice(data, size), NULL);

	OR_ASSERT((rc == OR_OK) == (set != NULL));
	for (int alg = OR_CRYPTO_EDDSA; set && alg <= OR_CRYPTO_PS512; alg++) {
		const struct ag_jwk *k;

		if (ag_jwks_find(&k, set, OR_SLICE_NONE, (enum or_crypto_alg)alg))
			continue;
		rc = or_crypto_verify(k->key, (enum or_crypto_alg)alg, OR_SLICE_LIT("x"),
		    or_slice(signature, sizeof(signature)));
		OR_ASSERT(rc != OR_INVAL);
	}
	ag_jwks_free(set);
	return 0;
}
