/* SPDX-License-Identifier: Apache-2.0 */
/*
 * W3C Trace Context: a trace is continued where the client names a valid one, else started.
 *
 * traceparent: the strict rules of Trace Context Level 1 §3.2 (and the random flag of Level 2);
 * one that is malformed, or there twice, counts as absent. tracestate: passed on as it came where
 * it is well formed (§3.3 as in Level 2: at most 32 members) and the trace is continued, else
 * dropped. Pure but for the random ids it takes; any thread.
 */
#ifndef AGENT_GATE_TRACE_H
#define AGENT_GATE_TRACE_H

#include "base/http_msg.h"

#define AG_TRACE_ID_LEN     16
#define AG_TRACE_SPAN_LEN   8
#define AG_TRACE_PARENT_LEN 55 /* characters of a traceparent */

struct ag_trace {
	uint8_t id[AG_TRACE_ID_LEN];
	uint8_t span[AG_TRACE_SPAN_LEN];   /* ours, always new */
	uint8_t parent[AG_TRACE_SPAN_LEN]; /* the caller's, where continued */
	bool continued;
	bool keeps_state; /* tracestate may be passed on */
	uint8_t flags;
};

/* From the fields of a request. */
void ag_trace_read(struct ag_trace *out, const struct or_http_msg *msg);

/* A new one, for what has no request. */
void ag_trace_start(struct ag_trace *out);

/* The traceparent to send on, with our span as its parent id; NUL behind it. */
void ag_trace_parent(char out[AG_TRACE_PARENT_LEN + 1], const struct ag_trace *t);

/* True for one member of tracestate (key "=" value). */
bool ag_trace_is_member(struct or_slice member);

#endif
