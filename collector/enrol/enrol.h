/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrolment: who may speak for which product. Join tokens, certificates, renewal, revocation.
 *
 *   join     a one-time token + proof of possession            ──▶ a certificate
 *   renewal  a certificate that is still valid + the same proof ──▶ one with a new term
 *
 * Thread: the loop's. Decisions are made in memory at once; what they changed is written by
 * co_enrol_save on the slow thread, and nobody is answered before it is (so a restart forgets
 * neither a used token nor a revocation). Owns <dir>/join_tokens.json and <dir>/agents.json.
 * Limits: those of token.h and agents.h; WIRE_CERT_PRODUCTS_MAX products a request, each of
 * CO_ENROL_PRODUCT_MAX bytes.
 */
#ifndef COLLECTOR_ENROL_ENROL_H
#define COLLECTOR_ENROL_ENROL_H

#include "base/slow.h"
#include "collector/enrol/agents.h"
#include "collector/enrol/token.h"
#include "proto/cert.h"

#define CO_ENROL_PRODUCT_MAX 192

struct co_enrol;

struct co_enrol_opt {
	const char *dir;      /* made where absent */
	struct or_slow *slow; /* must outlive it; freed first, so that writes have ended */
	struct or_crypto_key *issuer;
	int64_t life_ns; /* of a certificate */
};

/* OR_CORRUPT: a file is not ours; the message names it. opt's pointers are borrowed. */
OR_NODISCARD enum or_code co_enrol_open(
    struct co_enrol **out, const struct co_enrol_opt *opt, struct or_err *err);
/* No write may be under way: free the slow thread first. */
void co_enrol_close(struct co_enrol *e);

/* OR_INVAL: the list is empty, or a name is none. OR_FULL: too many tokens, or products. */
OR_NODISCARD enum or_code co_enrol_token(char out[CO_TOKEN_TEXT_LEN + 1], struct co_enrol *e,
    const struct or_slice *products, size_t n_products, int64_t ttl_ns, int64_t now_ns,
    struct or_err *err);

struct co_enrol_request {
	struct or_slice join_token;  /* one of the two is empty */
	struct or_slice certificate; /* its bytes */
	struct or_slice agent_id;    /* text */
	struct or_slice public_key;  /* 32 bytes */
	struct or_slice proof;       /* proto/enrol.h */
	const struct or_slice *products;
	size_t n_products;
};

struct co_enrol_grant {
	struct or_buf certificate; /* or_buf_done is the caller's, on success */
	int64_t not_after_ns;
};

/* OR_INVAL: malformed; OR_DENIED: refused, and *reason says why in one word for programs
 * ("token_unknown", "token_used", "token_expired", "product_not_allowed", "bad_proof",
 * "certificate_invalid", "certificate_expired", "agent_refused"); OR_FULL: a limit. */
OR_NODISCARD enum or_code co_enrol_join(struct co_enrol_grant *out, struct co_enrol *e,
    const struct co_enrol_request *r, int64_t now_ns, const char **reason, struct or_err *err);

/* Certifies an agent without a token: for the collector itself. who->not_after_ns 0: the usual
 * life. OR_DENIED, OR_FULL as co_agents_put. */
OR_NODISCARD enum or_code co_enrol_issue(struct co_enrol_grant *out, struct co_enrol *e,
    const struct co_agents_grant *who, int64_t now_ns, struct or_err *err);

/* OR_ABSENT: no such agent. Revoking twice keeps the first time. */
OR_NODISCARD enum or_code co_enrol_revoke(
    struct co_enrol *e, const uint8_t *uuid, int64_t now_ns, struct or_err *err);
bool co_enrol_is_revoked(const struct co_enrol *e, const uint8_t *uuid);

const struct co_agents *co_enrol_agents(const struct co_enrol *e);

/* Calls done once everything that happened so far is on disk, or could not be written (rc; the
 * change then holds in memory and goes with the next write). Never from inside this call.
 * OR_FULL: the slow thread has no room; done is not called. */
typedef void co_enrol_saved_fn(void *arg, enum or_code rc, const struct or_err *err);
OR_NODISCARD enum or_code co_enrol_save(struct co_enrol *e, co_enrol_saved_fn *done, void *arg);
/* done is not called for that arg any more. */
void co_enrol_save_cancel(struct co_enrol *e, const void *arg);

#endif
