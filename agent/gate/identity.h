/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks: a bearer token against the configured issuers, and the person or workload it names.
 *
 * The issuer is chosen by exact `iss`, then the key within that issuer's set alone, then the
 * signature is verified, then the claims are checked. Nothing of a token is believed before its
 * signature holds, save `iss` and `kid`, which only choose what it is held against.
 *
 * Verdict cache (agent/gate/verdict.h): a verified token is remembered for at most 60 s and never
 * past exp, keyed by its hash and bound to issuer, audience and the generation of the issuer's
 * keys. Refusals are not remembered. Policy is not part of it.
 *
 * Thread: one loop. Owns: its issuers' settings, key sets and the cache.
 */
#ifndef AGENT_GATE_IDENTITY_H
#define AGENT_GATE_IDENTITY_H

#include "agent/gate/jwks.h"
#include "agent/gate/jwt.h"

#define AG_IDENTITY_ISSUERS_MAX 32
#define AG_IDENTITY_GROUPS_MAX  256
#define AG_IDENTITY_ACTORS_MAX  8
#define AG_IDENTITY_SKEW_MAX_S  60

/* Borrowed while ag_identity_new runs. */
struct ag_identity_issuer {
	const char *issuer; /* exactly the token's iss; without '#', which joins it to sub in ids */
	const char *audience;
	const char *const *algs;   /* NULL at the end; NULL: EdDSA, ES256, RS256 */
	const char *groups_claim;  /* NULL: "groups"; "/a/b" looks into objects (RFC 6901) */
	const char *subject_claim; /* who it is; NULL: "sub". Text, as groups_claim says where */
	bool workload;             /* its principals are Workload, not User */
	int64_t skew_s;            /* of nbf and iat, 0 to 60 */
	bool access_token;         /* RFC 9068 tokens only */
};

struct ag_identity_actor {
	struct or_slice sub;
	struct or_slice iss; /* p == NULL: the token's own issuer */
};

/* All of it lies in the caller's arena. */
struct ag_identity_who {
	struct or_slice issuer;
	struct or_slice sub; /* of the subject's claim */
	bool workload;
	const struct or_slice *groups;
	size_t n_groups;
	const struct ag_identity_actor *actors; /* RFC 8693 §4.1, the current one first */
	size_t n_actors;
	int64_t exp_s;
	struct or_slice bound_cert; /* cnf.x5t#S256 (RFC 8705 §3.1), checked per connection */
	const struct or_json *claims;
};

struct ag_identity;

/* cache_max: verdicts kept, 0 for none. OR_INVAL: a setting is wrong, the message says which. */
OR_NODISCARD enum or_code ag_identity_new(struct ag_identity **out,
    const struct ag_identity_issuer *issuers, size_t n, size_t cache_max, struct or_err *err);
void ag_identity_free(struct ag_identity *id);

/* The issuer's position, for the calls below. OR_ABSENT. */
OR_NODISCARD enum or_code ag_identity_issuer_find(
    size_t *at, const struct ag_identity *id, struct or_slice issuer);

/* Takes the key set; what was verified with the old one is verified anew. */
void ag_identity_keys_put(struct ag_identity *id, size_t at, struct ag_jwks *take);

struct ag_identity_verdict {
	enum ag_jwt_reason reason;
	size_t issuer; /* its position; SIZE_MAX: unknown */
	bool cached;
};

/* Fills *who where the reason is AG_JWT_OK; it is untouched otherwise. */
struct ag_identity_verdict ag_identity_check(struct ag_identity *id, struct ag_identity_who *who,
    struct or_slice token, int64_t now_ns, struct or_arena *a);

/* True where the token is of an issuer (*at) whose set lacks the key that it names, and no verdict
 * of it is remembered: a reason to fetch the set anew. */
bool ag_identity_lacks_key(
    struct ag_identity *id, size_t *at, struct or_slice token, int64_t now_ns, struct or_arena *a);

struct ag_identity_counts {
	uint64_t verified; /* signatures checked */
	uint64_t cached;
	size_t kept; /* verdicts in the cache now */
};
struct ag_identity_counts ag_identity_counts_get(const struct ag_identity *id);

#endif
