/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The issuers of the configuration (agent/gate/issuers_conf.h) with their keys: from files that are
 * taken again when they change, or over HTTP (agent/gate/jwks_remote.h).
 *
 * A key set that does not parse leaves the one before; a set that never was there leaves the issuer
 * without keys, so its tokens are refused. A file must be there at the start, a server need not.
 * Thread: the loop's. Owns: the identity core that it feeds.
 */
#ifndef AGENT_GATE_ISSUERS_H
#define AGENT_GATE_ISSUERS_H

#include "agent/gate/identity.h"
#include "agent/gate/jwks_remote.h"

struct ag_issuers;

struct ag_issuers_opt {
	const struct or_json *config; /* NULL: none; then every token is refused */
	const char *audience;         /* of issuers that name none */
	size_t cache_max;
};

/* OR_INVAL, OR_ABSENT, OR_PARSE: the message names the issuer and the file. */
OR_NODISCARD enum or_code ag_issuers_new(struct ag_issuers **out, struct or_loop *loop,
    const struct ag_issuers_opt *opt, struct or_err *err);
void ag_issuers_free(struct ag_issuers *s);

/* Reads every key file again. */
void ag_issuers_reload(struct ag_issuers *s);

struct ag_identity *ag_issuers_identity(const struct ag_issuers *s);

/* True where some issuer's keys come over HTTP. */
bool ag_issuers_are_remote(const struct ag_issuers *s);

/* A token of issuer `at` (its position in the identity core) names a key that is not known: as
 * ag_jwks_remote_want; false for keys from a file. */
OR_NODISCARD bool ag_issuers_want(
    struct ag_issuers *s, size_t at, struct ag_jwks_remote_wait *w, or_loop_fn *fn, void *arg);

/* Of issuer i of the configuration; NULL: from a file. */
const struct ag_jwks_remote *ag_issuers_remote(const struct ag_issuers *s, size_t i);

#endif
