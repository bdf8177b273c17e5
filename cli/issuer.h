/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory of a development issuer (cli/token.h says what lies in it): made, given another
 * key, opened for signing.
 */
#ifndef CLI_ISSUER_H
#define CLI_ISSUER_H

#include "base/arena.h"
#include "base/crypto.h"
#include "cli/key.h"

#define CTL_ISSUER_KEYS_MAX 16

struct ctl_issuer {
	struct or_arena *arena;
	const char *dir;
	struct or_slice url;
	struct or_slice kid; /* the key that signs */
	struct or_crypto_key *key;
};

/* alg: EdDSA or ES256. OR_EXISTS: an issuer is there. kid receives the key's id. */
OR_NODISCARD enum or_code ctl_issuer_new(char kid[CTL_KEY_ID_LEN + 1], const char *dir,
    const char *url, const char *alg, struct or_err *err);

/* Adds a key, which signs from now on; the old ones stay in the key set. */
OR_NODISCARD enum or_code ctl_issuer_rotate(
    char kid[CTL_KEY_ID_LEN + 1], const char *dir, const char *alg, struct or_err *err);

/* kid: NULL is the one that signs. OR_ABSENT: no issuer, or no such key. */
OR_NODISCARD enum or_code ctl_issuer_open(
    struct ctl_issuer *out, const char *dir, const char *kid, struct or_err *err);
void ctl_issuer_close(struct ctl_issuer *i);

/* header.payload.signature, signed with the issuer's key; payload is JSON. */
OR_NODISCARD enum or_code ctl_issuer_sign(
    struct or_buf *out, const struct ctl_issuer *i, struct or_slice payload, struct or_err *err);

#endif
