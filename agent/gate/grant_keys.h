/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public keys that may sign break-glass grants (policy/grant.h), out of files.
 * Thread: the loop's, once at the start. Owns the keys.
 */
#ifndef AGENT_GATE_GRANT_KEYS_H
#define AGENT_GATE_GRANT_KEYS_H

#include "base/crypto.h"
#include "base/opt.h"

#define AG_GRANT_KEYS_MAX 8

struct ag_grant_keys;

/* PEM files. OR_ABSENT, OR_IO, OR_PARSE; OR_INVAL: no Ed25519 key; OR_FULL: too many. */
OR_NODISCARD enum or_code ag_grant_keys_read(
    struct ag_grant_keys **out, const struct or_opt_list *files, struct or_err *err);
void ag_grant_keys_free(struct ag_grant_keys *keys);

/* Borrowed. */
const struct or_crypto_key *const *ag_grant_keys_get(const struct ag_grant_keys *keys, size_t *n);

#endif
