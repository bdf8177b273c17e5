/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of public keys of one issuer (RFC 7517 §5), and the choice among them.
 *
 * Keys that are not for us are skipped (§5: unknown kty, curve, use). The whole set is refused when
 * it is not JSON, a usable key is broken, a key is private or symmetric, or two usable keys share a
 * kid: then the owner keeps the set it has. An empty set is valid: everything is revoked.
 *
 * Thread: the loop that parsed it. Owns: its keys and a copy of the text.
 * Limits: AG_JWKS_TEXT_MAX bytes, AG_JWKS_KEYS_MAX keys (OR_FULL).
 */
#ifndef AGENT_GATE_JWKS_H
#define AGENT_GATE_JWKS_H

#include "agent/gate/jwk.h"

#define AG_JWKS_TEXT_MAX (256U * 1024)
#define AG_JWKS_KEYS_MAX 128

struct ag_jwks;

/* {"keys": [...]}. On success *out is the caller's (ag_jwks_free). */
OR_NODISCARD enum or_code ag_jwks_parse(
    struct ag_jwks **out, struct or_slice text, struct or_err *err);
void ag_jwks_free(struct ag_jwks *set);

size_t ag_jwks_count(const struct ag_jwks *set);   /* usable keys */
size_t ag_jwks_skipped(const struct ag_jwks *set); /* keys that are not for us */

/*
 * The key for a token: with a kid the one of that kid, without the only one that fits.
 * OR_ABSENT: none fits. OR_INVAL: no kid, and several fit. Borrowed until the set is freed.
 */
OR_NODISCARD enum or_code ag_jwks_find(const struct ag_jwk **out, const struct ag_jwks *set,
    struct or_slice kid, enum or_crypto_alg alg);

#endif
