/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The issuers of the configuration, with their keys from files that are taken again when they
 * change: [{issuer, jwks, audience, algs, groups_claim, skew, access_token}].
 *
 * A key set that does not parse leaves the one before; a set that never was there leaves the issuer
 * without keys, so its tokens are refused.
 * Thread: the loop's. Owns: the identity core that it feeds.
 */
#ifndef AGENT_GATE_ISSUERS_H
#define AGENT_GATE_ISSUERS_H

#include "agent/gate/identity.h"
#include "base/loop.h"

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

#endif
