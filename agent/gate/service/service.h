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

#include "agent/gate/front.h"
#include "agent/gate/refusal.h"
#include "agent/gate/trace.h"
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
	struct ag_trace trace;
	int64_t start_ns;
	struct or_slice rest; /* of the path, behind the prefix */
	bool strict;          /* something was recorded that must be durable before the answer */
	struct ag_spool_wait *wait;
	void (*answer)(struct ag_service_call *call, bool durable);
	void *state; /* the answerer's own, in the arena */
};

struct ag_service_route {
	const char *prefix;
	const char *method; /* NULL: any */
	void (*serve)(struct ag_service_call *call);
};

/* What became of one ask. */
struct ag_service_decision {
	enum ag_decide_verdict verdict; /* AG_DECIDE_UNAVAILABLE also where it cannot be recorded */
	struct ag_decide_result result;
	char id[WIRE_LEAF_ID_LEN + 1]; /* of the record; "" where it is a counted refusal */
};

/* The status by which a verdict is told over HTTP: 200, 403, 401, 503. */
unsigned int ag_service_status(enum ag_decide_verdict verdict);

/* Decides, with trace, time and peer filled in here, and records. */
void ag_service_decide(
    struct ag_service_decision *out, struct ag_service_call *call, struct ag_decide_ask *ask);
/* What is not decided on, and answered with status: recorded as a refusal. False: it could not be.
 */
bool ag_service_refuse(struct ag_service_call *call, const struct ag_decide_ask *ask,
    const char *reason, unsigned int status);

/* Calls call->answer, at once or (call->strict) when everything recorded is durable. */
void ag_service_settle(struct ag_service_call *call);

/* A scratch buffer for paths, and one for answers; of the moment. */
struct or_buf *ag_service_scratch(struct ag_service *s);
struct or_buf *ag_service_text(struct ag_service *s);

#endif
