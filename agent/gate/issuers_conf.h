/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One entry of the configuration's issuers: {issuer, jwks or discovery, ca, audience, algs,
 * subject_claim, groups_claim, principal, skew, access_token, cache, stale}.
 *
 * jwks is a file or a URL; discovery is true, for the issuer's own document, or the document's URL.
 * URLs are https, or http to this host. Thread: any. Everything lies in the caller's arena.
 */
#ifndef AGENT_GATE_ISSUERS_CONF_H
#define AGENT_GATE_ISSUERS_CONF_H

#include "agent/gate/identity.h"

struct ag_issuers_conf {
	struct ag_identity_issuer identity;
	const char *file; /* of the keys; or */
	const char *jwks; /* their URL; or */
	const char *discovery;
	const char *ca; /* a PEM file: who may certify the URL's host; NULL: the system's */
	int64_t cache_ns, stale_ns;
};

/* audience: of an entry that names none. OR_INVAL: the message names entry i and its key. */
OR_NODISCARD enum or_code ag_issuers_conf_read(struct ag_issuers_conf *out, const struct or_json *j,
    size_t i, const char *audience, struct or_arena *a, struct or_err *err);

#endif
