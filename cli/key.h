/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key files, and `outrider key`: new, id.
 *
 * A private key is PKCS#8 PEM, mode 0600, and is never overwritten; its public half lies beside it
 * as FILE.pub. A key's id is the first 16 hex digits of the SHA-256 of its raw public bytes (the 32
 * of Ed25519; x and y of an EC key).
 */
#ifndef CLI_KEY_H
#define CLI_KEY_H

#include "base/crypto.h"

#define CTL_KEY_ID_LEN 16

/* argv[0] is "key". Returns the exit code. */
int ctl_key_main(int argc, char **argv);

/* With a NUL behind it. */
OR_NODISCARD enum or_code ctl_key_id(
    char out[CTL_KEY_ID_LEN + 1], const struct or_crypto_key *key, struct or_err *err);

/* "EdDSA" or "ES256". OR_INVAL: another one. */
OR_NODISCARD enum or_code ctl_key_kind(
    enum or_crypto_kind *out, const char *alg, struct or_err *err);

/* Public or private, from a PEM file. */
OR_NODISCARD enum or_code ctl_key_load(
    struct or_crypto_key **out, const char *path, struct or_err *err);

/* Writes path (private, 0600). OR_EXISTS: something is there, and stays. */
OR_NODISCARD enum or_code ctl_key_save(
    const char *path, const struct or_crypto_key *key, struct or_err *err);

#endif
