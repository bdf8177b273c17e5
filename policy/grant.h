/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A break-glass grant: somebody with a key that the gate trusts lets one principal do for a while
 * what policy denies. It is one line of text, made to be put into a header:
 *
 *   obg1.<base64url of JSON>.<base64url of an Ed25519 signature>
 *   JSON: {"v": 1, "id", "product", "agent"?, "principal", "action"?, "reason", "issued",
 * "expires"}
 *
 * The signature is over "outrider break-glass v1" LF and the JSON's bytes, so that no other thing
 * that such a key signs can be taken for a grant. A grant names its product and principal, and may
 * name one agent and one action; it holds for POL_GRANT_LIFE_MAX_S at most. Who may sign is the
 * caller's list of keys: the first that verifies counts.
 *
 * Pure; any thread. Owns: nothing; results lie in the caller's arena. Limits: POL_GRANT_MAX bytes.
 */
#ifndef POLICY_GRANT_H
#define POLICY_GRANT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/crypto.h"

#define POL_GRANT_MAX        4096
#define POL_GRANT_TEXT_MAX   1024 /* of each member */
#define POL_GRANT_LIFE_MAX_S (24 * 60 * 60)
#define POL_GRANT_SKEW_S     60 /* how far the issuer's clock may be ahead */

struct pol_grant {
	struct or_slice id;        /* the maker's, random: how people name it */
	struct or_slice product;   /* its id */
	struct or_slice agent;     /* the agent's id as text; empty: any of the product's */
	struct or_slice principal; /* as records name it: "<iss>#<sub>", or a SPIFFE ID */
	struct or_slice action;    /* "read", "write"…; empty: any */
	struct or_slice reason;    /* why it was given */
	int64_t issued_s, expires_s;
};

/* OR_INVAL: a member is missing, too long or no text; it lives too long; the key cannot sign. */
OR_NODISCARD enum or_code pol_grant_make(struct or_buf *out, const struct pol_grant *g,
    const struct or_crypto_key *key, struct or_err *err);

/* What a grant is asked for. */
struct pol_grant_use {
	struct or_slice product, agent, principal, action;
	int64_t now_s;
};

enum pol_grant_fault {
	POL_GRANT_FINE,
	POL_GRANT_MALFORMED,
	POL_GRANT_SIGNATURE, /* by none of the keys, or what it says was changed */
	POL_GRANT_EXPIRED,
	POL_GRANT_EARLY, /* issued in the future, or for longer than a grant may be */
	POL_GRANT_PRODUCT,
	POL_GRANT_AGENT,
	POL_GRANT_PRINCIPAL,
	POL_GRANT_ACTION,
};

/* "fine", "malformed", "signature"…; stable: they stand in audit records. */
const char *pol_grant_fault_name(enum pol_grant_fault fault);

/* *out is set from POL_GRANT_EXPIRED on: what the signature vouches for. */
OR_NODISCARD enum pol_grant_fault pol_grant_check(struct pol_grant *out, struct or_slice text,
    const struct or_crypto_key *const *keys, size_t n_keys, const struct pol_grant_use *use,
    struct or_arena *a);

#endif
