/* SPDX-License-Identifier: Apache-2.0 */
/*
 * X.509-SVIDs: who a client is by its certificate (SPIFFE X.509-SVID §5).
 *
 * The leaf names exactly one SPIFFE ID, with a path, is no CA, and its key may sign and not certify
 * (a critical keyUsage says so). The chain is verified only against the roots of the ID's own trust
 * domain: roots are never merged. Each domain's roots are a PEM file (as spiffe-helper writes it)
 * that is taken again when it changes; one that cannot be read leaves the one before.
 *
 * A chain that holds is remembered by its leaf for a minute, while the roots stay as they are.
 * Thread: the loop's. Limits: AG_IDENTITY_SVID_DOMAINS_MAX trust domains.
 */
#ifndef AGENT_GATE_IDENTITY_SVID_H
#define AGENT_GATE_IDENTITY_SVID_H

#include "base/arena.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/x509.h"

#define AG_IDENTITY_SVID_DOMAINS_MAX 32

struct ag_identity_svid;

/* config: [{trust_domain, roots}], roots a file. OR_INVAL, OR_ABSENT, OR_PARSE: the message says
 * which entry. config's texts are copied. */
OR_NODISCARD enum or_code ag_identity_svid_new(struct ag_identity_svid **out, struct or_loop *loop,
    const struct or_json *config, struct or_err *err);
void ag_identity_svid_free(struct ag_identity_svid *s);

/*
 * The SPIFFE ID of a chain in DER, the leaf first, copied into a. NULL: it holds; else a stable
 * reason: "svid_malformed", "svid_id", "svid_usage", "svid_trust_domain", "svid_chain".
 */
const char *ag_identity_svid_check(struct ag_identity_svid *s, struct or_slice *id,
    const struct or_slice *chain, size_t n, int64_t now_ns, struct or_arena *a);

#endif
