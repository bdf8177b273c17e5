/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets and ids in the collector's state directory: read, or made when it is started first.
 *
 * Thread: any. Files have mode 0600; one that others can read is refused, as it may be known.
 * may_make: false where the state exists already, so that a lost key is an error and not silently
 * another key. Messages never hold a secret.
 */
#ifndef COLLECTOR_KEYS_H
#define COLLECTOR_KEYS_H

#include "base/crypto.h"
#include "base/rng.h"

/* A private Ed25519 key as PEM. OR_ABSENT: it is not there and may not be made. OR_DENIED: others
 * can read it. OR_CORRUPT: it is no such key. */
OR_NODISCARD enum or_code co_keys_ed25519(
    struct or_crypto_key **out, const char *path, bool may_make, struct or_err *err);

/* 256 random bits as base64url and a line end in the file; out is the text, appended. */
OR_NODISCARD enum or_code co_keys_token(struct or_buf *out, const char *path, struct or_err *err);

/* A random UUID and a line end in the file. */
OR_NODISCARD enum or_code co_keys_uuid(
    char out[OR_RNG_UUID_LEN + 1], const char *path, bool may_make, struct or_err *err);

#endif
