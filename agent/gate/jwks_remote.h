/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key set of one issuer over HTTP, by its URL or by the issuer's discovery document
 * (OpenID Connect Discovery 1.0 §4; its `issuer` must be exactly the configured one).
 *
 * Fetched at the start, and again cache_ns after it came (a little earlier); after a failure in 1
 * s, then twice as long each time, at most AG_JWKS_REMOTE_RETRY_MAX_NS. An unknown kid asks for a
 * fetch out of turn: all that wait share one, and after one that brought nothing new there is none
 * for AG_JWKS_REMOTE_KID_NS: a thousand made-up kids are one fetch, and a rotation is seen at once.
 * Where fetching fails the old set stays for stale_ns, then its keys go.
 *
 * Thread: the loop's. Owns: its timers and the fetch under way; nobody is called from inside a
 * call.
 */
#ifndef AGENT_GATE_JWKS_REMOTE_H
#define AGENT_GATE_JWKS_REMOTE_H

#include "agent/gate/jwks.h"
#include "base/fetch.h"

#define AG_JWKS_REMOTE_CACHE_NS     (600 * OR_NS_PER_S)
#define AG_JWKS_REMOTE_STALE_NS     (24 * 3600 * OR_NS_PER_S)
#define AG_JWKS_REMOTE_RETRY_MAX_NS (60 * OR_NS_PER_S)
#define AG_JWKS_REMOTE_KID_NS       (30 * OR_NS_PER_S)
#define AG_JWKS_REMOTE_WAITERS_MAX  10000

struct ag_jwks_remote;

/* NULL: the keys are too old and go. Takes the set. */
typedef void ag_jwks_remote_keys_fn(void *arg, struct ag_jwks *take);

struct ag_jwks_remote_opt {
	struct or_loop *loop;
	struct or_fetch *fetch; /* borrowed */
	const char *issuer;     /* borrowed, as are the URLs */
	const char *jwks;       /* a URL; or */
	const char *discovery;  /* that of the document */
	int64_t cache_ns;       /* 0: as above */
	int64_t stale_ns;       /* 0: as above */
	ag_jwks_remote_keys_fn *on_keys;
	void *arg;
};

/* The first fetch is under way. */
struct ag_jwks_remote *ag_jwks_remote_new(const struct ag_jwks_remote_opt *opt);
/* Who waits is not called any more. */
void ag_jwks_remote_free(struct ag_jwks_remote *r);

/* In the caller's storage. */
struct ag_jwks_remote_wait {
	struct ag_jwks_remote_wait *next, *prev;
	struct ag_jwks_remote *remote; /* NULL: does not wait */
	or_loop_fn *fn;
	void *arg;
};

/* A key is not known: true: fn is called once, after keys have come or could not be got. False:
 * there is no use in waiting. */
OR_NODISCARD bool ag_jwks_remote_want(
    struct ag_jwks_remote *r, struct ag_jwks_remote_wait *w, or_loop_fn *fn, void *arg);
/* fn is not called any more. */
void ag_jwks_remote_cancel(struct ag_jwks_remote_wait *w);

struct ag_jwks_remote_state {
	uint64_t fetched; /* key sets that came */
	uint64_t failed;
	int64_t age_ns; /* since the last that came; -1: none did */
	bool expired;   /* its keys went */
};
struct ag_jwks_remote_state ag_jwks_remote_state_get(const struct ag_jwks_remote *r);

#endif
