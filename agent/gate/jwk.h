/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One public key as a JSON Web Key (RFC 7517, RFC 7518 §6, RFC 8037 §2), for verifying signatures.
 *
 * Taken: RSA of 2,048 to 8,192 bits, EC on P-256 and P-384, OKP with Ed25519.
 * Refused: a private or symmetric half, numbers that are not minimal base64url, a point off its
 * curve, an RSA modulus with the ROCA fingerprint (CVE-2017-15361).
 * What a key is comes from its kty and numbers alone. Its `alg` narrows that to the family (kty and
 * padding: PS256 stands for PS256, PS384 and PS512); it never turns a key into something else, and
 * its absence is normal (CVE-2026-44699 was a key without alg taken for an HMAC secret).
 *
 * Thread: the loop that parsed it; a key may be used by one thread at a time.
 */
#ifndef AGENT_GATE_JWK_H
#define AGENT_GATE_JWK_H

#include "base/arena.h"
#include "base/crypto.h"
#include "base/json.h"

#define AG_JWK_KID_MAX 512

struct ag_jwk {
	struct or_slice kid; /* p == NULL: none */
	bool has_alg;
	enum or_crypto_alg alg;
	struct or_crypto_key *key; /* owned; ag_jwk_done frees it */
};

/*
 * kid borrows from j. OR_UNSUPPORTED: well formed, but not for us (another kty, curve, use or
 * operation): sets skip it. OR_DENIED: it holds private or symmetric material. OR_INVAL: broken.
 */
OR_NODISCARD enum or_code ag_jwk_parse(
    struct ag_jwk *out, const struct or_json *j, struct or_err *err);
void ag_jwk_done(struct ag_jwk *k);

/* True where the key may verify that algorithm. */
bool ag_jwk_fits(const struct ag_jwk *k, enum or_crypto_alg alg);

#endif
