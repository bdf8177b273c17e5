/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision service: a listener on loopback where others ask for decisions that they carry out
 * themselves: proxies (agent/gate/authz/authz.h) and workloads (agent/gate/api/api.h). Here are the
 * listener and what both do alike; who answers which path is a list in service.c.
 *
 * Every decision is recorded before it is told; durably, where its port is strict. Decisions
 * without an identity are counted as agent/gate/refusal.h does. Thread: the loop's. Owns the
 * listener and connections; borrows the rest.
 */
#ifndef AGENT_GATE_SERVICE_SERVICE_H
#define AGENT_GATE_SERVICE_SERVICE_H

#include "agent/gate/asked.h"
#include "agent/gate/front.h"
#include "base/http_server.h"

extern const struct ag_front ag_service_front;

struct ag_service;

struct ag_service_opt {
	const char *listen; /* loopback, or a unix socket */
	struct ag_decide *decide;
	struct ag_issuers *issuers; /* whose keys requests may wait for; may be NULL */
	struct ag_record *record;
	struct or_metric_registry *registry; /* may be NULL */
};

/* OR_INVAL: not loopback. OR_BUSY: the address is in use. */
OR_NODISCARD enum or_code ag_service_new(struct ag_service **out, struct or_loop *loop,
    const struct ag_service_opt *opt, struct or_err *err);
void ag_service_free(struct ag_service *s);
const char *ag_service_address(const struct ag_service *s);

/* -- for who answers -- */

/* A request under way; it lies in the request's arena. */
struct ag_service_call {
	struct ag_service *service;
	struct or_http_req *req;
	struct ag_asked_call asked;
	struct or_slice rest; /* of the path, behind the prefix */
	struct ag_spool_wait *wait;
	void (*answer)(struct ag_service_call *call, bool durable);
	void *state; /* the answerer's own, in the arena */
};

struct ag_service_route {
	const char *prefix;
	const char *method; /* NULL: any */
	void (*serve)(struct ag_service_call *call);
};

/* Calls call->answer, at once or (call->asked.strict) when everything recorded is durable. */
void ag_service_settle(struct ag_service_call *call);

/* A scratch buffer for paths, and one for answers; of the moment. */
struct or_buf *ag_service_scratch(struct ag_service *s);
struct or_buf *ag_service_text(struct ag_service *s);

#endif
