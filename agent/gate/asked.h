/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions that others ask and carry out themselves, whichever way they come (the decision service
 * over HTTP, ext_authz over gRPC): decided, recorded before they are told, counted.
 *
 * Decisions without an identity are counted as agent/gate/refusal.h does.
 * Thread: the loop's. Borrows the decision core and the records.
 */
#ifndef AGENT_GATE_ASKED_H
#define AGENT_GATE_ASKED_H

#include "agent/gate/decide.h"
#include "agent/gate/record.h"
#include "agent/gate/refusal.h"
#include "agent/gate/trace.h"
#include "base/loop.h"

struct ag_asked;

struct ag_asked_opt {
	struct ag_decide *decide;
	struct ag_record *record;
	struct or_metric_registry *registry; /* may be NULL */
};

struct ag_asked *ag_asked_new(struct or_loop *loop, const struct ag_asked_opt *opt);
/* Records what is counted. NULL does nothing. */
void ag_asked_free(struct ag_asked *a);

/* A question under way; it lies in the request's arena. */
struct ag_asked_call {
	struct ag_asked *asked;
	struct or_arena *arena;
	const struct or_net_addr *peer;
	struct ag_trace trace;
	int64_t start_ns;
	bool strict; /* something was recorded that must be durable before the answer */
};

/* msg: the fields that may continue a trace. */
void ag_asked_begin(struct ag_asked_call *out, struct ag_asked *a, struct or_arena *arena,
    const struct or_net_addr *peer, const struct or_http_msg *msg);

/* What became of one ask. */
struct ag_asked_decision {
	enum ag_decide_verdict verdict; /* AG_DECIDE_UNAVAILABLE also where it cannot be recorded */
	struct ag_decide_result result;
	char id[WIRE_LEAF_ID_LEN + 1]; /* of the record; "" where it is a counted refusal */
};

/* The status by which a verdict is told over HTTP: 200, 403, 401, 503. */
unsigned int ag_asked_status(enum ag_decide_verdict verdict);

/* Decides, with trace and time filled in here, and records. */
void ag_asked_decide(
    struct ag_asked_decision *out, struct ag_asked_call *call, struct ag_decide_ask *ask);
/* What is not decided on, and answered with status: recorded as a refusal. False: it could not be.
 */
bool ag_asked_refuse(struct ag_asked_call *call, const struct ag_decide_ask *ask,
    const char *reason, unsigned int status);
/* Counts the time that the question took. */
void ag_asked_observe(const struct ag_asked_call *call);

/* A buffer for targets, of AG_ASK_TARGET_MAX bytes; for one question at a time. */
struct or_buf *ag_asked_scratch(struct ag_asked *a);

#endif
