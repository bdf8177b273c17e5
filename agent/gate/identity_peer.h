/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a connection's client certificate says of who asks (agent/gate/identity_svid.h), for an ask.
 * Thread: the loop's. Everything lies in the caller's arena.
 */
#ifndef AGENT_GATE_IDENTITY_PEER_H
#define AGENT_GATE_IDENTITY_PEER_H

#include "agent/gate/decide.h"
#include "agent/gate/identity_svid.h"
#include "base/tls.h"

/* Fills in workload or cert_fault, and cert_hash. tls NULL: a plain connection; svids NULL: no
 * trust domain is configured, so a certificate binds tokens and proves nobody. */
void ag_identity_peer_read(struct ag_decide_ask *ask, struct ag_identity_svid *svids,
    const struct or_tls_session *tls, struct or_arena *a);

#endif
