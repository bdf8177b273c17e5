/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens for tests: signed compact JWS of any header and payload, and key sets for them. Failing is
 * a failed test. What goes into the header is written out, so wrong headers can be made.
 */
#ifndef TESTS_SUPPORT_TOKEN_H
#define TESTS_SUPPORT_TOKEN_H

#include "base/crypto.h"

/* base64url(header) "." base64url(payload) "." base64url(signature by key with alg) */
void support_token_sign(struct or_buf *out, const struct or_crypto_key *key, enum or_crypto_alg alg,
    struct or_slice header, struct or_slice payload);

/* The public half as a JWK object; kid and alg may be NULL. */
void support_token_jwk(
    struct or_buf *out, const struct or_crypto_key *key, const char *kid, const char *alg);

#endif
