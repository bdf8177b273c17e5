/* SPDX-License-Identifier: Apache-2.0 */
/*
 * External authorization over gRPC: envoy.service.auth.v3.Authorization/Check, for Envoy and what
 * speaks like it. The listener is opened where decide.grpc-listen names an address, on loopback.
 *
 * Allowed: OkHttpResponse that sets X-Outrider-Decision-Id and X-Outrider-Principal, and removes
 * what of the client's fields says who asks (agent/gate/hygiene.h). Refused: DeniedHttpResponse
 * with the status, fields and body of the dialects over HTTP (agent/gate/authz/question.h), 503
 * too: a gRPC error would be the proxy's to interpret, and it may be told to let requests pass
 * then. So an error of gRPC's is answered only to what is no CheckRequest. Who the client is is
 * attributes.source.address; where that lacks policy is asked without context.client.
 * source.principal is the proxy's word and is not used. Thread: the loop's. Owns the listener;
 * borrows the rest. Limits: AG_CHECK_MESSAGE_MAX bytes a question.
 */
#ifndef AGENT_GATE_AUTHZ_CHECK_H
#define AGENT_GATE_AUTHZ_CHECK_H

#include "agent/gate/front.h"

#define AG_CHECK_MESSAGE_MAX (1024U * 1024)

extern const struct ag_front ag_check_front;

struct ag_check;

struct ag_check_opt {
	const char *listen; /* loopback, or a unix socket */
	struct ag_decide *decide;
	struct ag_issuers *issuers; /* whose keys calls may wait for; may be NULL */
	struct ag_record *record;
	struct or_metric_registry *registry; /* may be NULL */
};

/* OR_INVAL: not loopback. OR_BUSY: the address is in use. */
OR_NODISCARD enum or_code ag_check_new(struct ag_check **out, struct or_loop *loop,
    const struct ag_check_opt *opt, struct or_err *err);
void ag_check_free(struct ag_check *c);
const char *ag_check_address(const struct ag_check *c);

#endif
