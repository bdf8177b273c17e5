/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes: what decodes keeps its limits and was signed by nobody. */
#include "proto/cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t raw[32] = {0x3b, 0x6a, 0x27, 0xbc, 0xce, 0xb6, 0xa4, 0x2d, 0x62, 0xa3,
	    0xa8, 0xd0, 0x2a, 0x6f, 0x0d, 0x73, 0x65, 0x32, 0x15, 0x77, 0x1d, 0xe2, 0x43, 0xa6,
	    0x3a, 0xc0, 0x48, 0xa1, 0x8b, 0x59, 0xda, 0x29};
	struct or_arena *a = or_arena_new(1 << 20);
	struct or_crypto_key *key;
	struct wire_cert c;
	struct or_err err;

	OR_ASSERT(!or_crypto_key_from_ed25519(&key, or_slice(raw, sizeof(raw))));
	if (!wire_cert_decode(&c, or_slice(data, size), a, &err)) {
		OR_ASSERT(c.n_products > 0 && c.n_products <= WIRE_CERT_PRODUCTS_MAX);
		OR_ASSERT(wire_cert_has_product(&c, c.products[0]));
		OR_ASSERT(wire_cert_verify(&c, key, 1, &err));
	}
	or_crypto_key_free(key);
	or_arena_free(a);
	return 0;
}
