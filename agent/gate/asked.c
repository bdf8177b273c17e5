/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/asked.h"

#include "agent/gate/ask.h"
#include "base/mem.h"

struct metrics {
	struct or_metric_counter *by_verdict[AG_DECIDE_UNAVAILABLE + 1];
	struct or_metric_counter *unrecorded;
	struct or_metric_histogram *seconds; /* NULL: no registry */
};

struct ag_asked {
	struct or_loop *loop;
	struct ag_asked_opt opt;
	struct ag_refusal *refusals;
	struct or_buf scratch;
	struct metrics metrics;
};

static struct or_metric_counter *counter(struct or_metric_registry *reg, const char *result)
{
	static struct or_metric_counter nobody;
	const struct or_metric_label labels[] = {{"result", result}, {NULL, NULL}};

	if (!reg)
		return &nobody;
	return or_metric_counter_get(reg, "outrider_gate_asked_total",
	    "Decisions that others asked for, by what they were.", labels);
}

static void make_metrics(struct metrics *m, struct or_metric_registry *reg)
{
	static const char *const names[] = {"allowed", "denied", "unauthenticated", "unavailable"};

	for (size_t i = 0; i < OR_LEN(names); i++)
		m->by_verdict[i] = counter(reg, names[i]);
	m->unrecorded = counter(reg, "unrecorded");
	if (reg)
		m->seconds = or_metric_histogram_get(reg, "outrider_gate_asked_seconds",
		    "From a question's head to its answer.", NULL, or_metric_seconds,
		    OR_METRIC_N_SECONDS);
}

struct ag_asked *ag_asked_new(struct or_loop *loop, const struct ag_asked_opt *opt)
{
	struct ag_asked *a = or_mem_new(sizeof(*a));

	a->loop = loop;
	a->opt = *opt;
	or_buf_init(&a->scratch, AG_ASK_TARGET_MAX);
	make_metrics(&a->metrics, opt->registry);
	a->refusals = ag_refusal_new(loop, opt->record);
	return a;
}

void ag_asked_free(struct ag_asked *a)
{
	if (!a)
		return;
	ag_refusal_free(a->refusals);
	or_buf_done(&a->scratch);
	or_mem_free(a);
}

struct or_buf *ag_asked_scratch(struct ag_asked *a)
{
	return &a->scratch;
}

void ag_asked_begin(struct ag_asked_call *out, struct ag_asked *a, struct or_arena *arena,
    const struct or_net_addr *peer, const struct or_http_msg *msg)
{
	*out = (struct ag_asked_call){
	    .asked = a, .arena = arena, .peer = peer, .start_ns = or_loop_now_ns(a->loop)};
	ag_trace_read(&out->trace, msg);
}

unsigned int ag_asked_status(enum ag_decide_verdict verdict)
{
	switch (verdict) {
	case AG_DECIDE_ALLOW: return 200;
	case AG_DECIDE_UNAUTHENTICATED: return 401;
	case AG_DECIDE_UNAVAILABLE: return 503;
	case AG_DECIDE_DENY:
	default: return 403;
	}
}

static bool note(struct ag_asked_call *call, const struct ag_decide_ask *ask, enum wire_kind kind,
    const char *reason, unsigned int status)
{
	struct ag_refusal_what what = {.kind = kind,
	    .front = ask->front,
	    .reason = reason,
	    .peer = call->peer,
	    .method = ask->method,
	    .path = ask->path,
	    .host = ask->host,
	    .status = status,
	    .trace_id = or_slice(call->trace.id, sizeof(call->trace.id)),
	    .span_id = or_slice(call->trace.span, sizeof(call->trace.span))};

	if (ag_refusal_note(call->asked->refusals, &what) == OR_OK)
		return true;
	or_metric_add(call->asked->metrics.unrecorded, 1);
	return false;
}

bool ag_asked_refuse(struct ag_asked_call *call, const struct ag_decide_ask *ask,
    const char *reason, unsigned int status)
{
	return note(call, ask, WIRE_KIND_ACCESS, reason, status);
}

static bool record(struct ag_asked_decision *d, struct ag_asked_call *call)
{
	struct ag_asked *a = call->asked;
	struct wire_audit r = d->result.record;

	r.phase = WIRE_PHASE_COMPLETE;
	r.request.status = ag_asked_status(d->verdict);
	r.request.duration_ns = (uint64_t)(or_loop_fresh_ns(a->loop) - call->start_ns);
	if (ag_record_put(a->opt.record, &r, d->result.inputs, d->id) == OR_OK) {
		call->strict |= d->result.strict;
		return true;
	}
	or_metric_add(a->metrics.unrecorded, 1);
	d->id[0] = 0;
	return d->verdict == AG_DECIDE_ALLOW && d->result.audit_full_allows;
}

static bool settle_verdict(
    struct ag_asked_decision *d, struct ag_asked_call *call, const struct ag_decide_ask *ask)
{
	if (d->verdict == AG_DECIDE_UNAUTHENTICATED)
		return note(call, ask, WIRE_KIND_IDENTITY, d->result.reason, 401);
	return record(d, call);
}

void ag_asked_decide(
    struct ag_asked_decision *out, struct ag_asked_call *call, struct ag_decide_ask *ask)
{
	struct ag_asked *a = call->asked;

	ask->trace_id = or_slice(call->trace.id, sizeof(call->trace.id));
	ask->span_id = or_slice(call->trace.span, sizeof(call->trace.span));
	ask->now_ns = or_loop_wall_ns(a->loop);
	*out = (struct ag_asked_decision){.verdict = AG_DECIDE_UNAVAILABLE};
	if (ag_decide_run(&out->result, a->opt.decide, ask, call->arena)) {
		out->result.reason = "memory";
		(void)ag_asked_refuse(call, ask, "memory", 503);
	} else {
		out->verdict = out->result.verdict;
		if (!settle_verdict(out, call, ask)) {
			out->verdict = AG_DECIDE_UNAVAILABLE;
			out->result.reason = "not_recorded";
		}
	}
	or_metric_add(a->metrics.by_verdict[out->verdict], 1);
}

void ag_asked_observe(const struct ag_asked_call *call)
{
	struct ag_asked *a = call->asked;

	if (a->metrics.seconds)
		or_metric_observe(a->metrics.seconds,
		    (double)(or_loop_now_ns(a->loop) - call->start_ns) / OR_NS_PER_S);
}
