/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/ask.h"
#include "agent/gate/hold.h"
#include "agent/gate/hygiene.h"
#include "agent/gate/identity_peer.h"
#include "agent/gate/proxy/proxy_impl.h"
#include "base/str.h"

#include <stdio.h>

/* Bytes of a record: what is always there, and for each policy and actor of the lists. */
enum { OWED_BASE = 1024, OWED_POLICY = 128, OWED_ACTOR = 512 };

static const struct or_http_field retry_after = {OR_SLICE_LIT("Retry-After"), OR_SLICE_LIT("5")};

/* -- records -- */

static void fill_request(struct ag_exchange *x, struct wire_audit *r)
{
	r->request.status = x->status;
	r->request.bytes_in = x->bytes_in;
	r->request.bytes_out = x->bytes_out;
	r->request.duration_ns = (uint64_t)(or_loop_fresh_ns(x->proxy->loop) - x->start_ns);
}

enum or_code ag_exchange_put(struct ag_exchange *x, enum wire_phase phase, const char *reason)
{
	struct wire_audit r = x->decision.record; /* putting may cut it */
	struct wire_attribute own[AG_DECIDE_NOTES_MAX + 1] = {{.key = OR_SLICE_LIT("parent_span")}};
	struct or_buf hex;
	enum or_code rc;

	r.phase = phase;
	if (phase == WIRE_PHASE_OUTCOME)
		r.time_ns = (uint64_t)or_loop_wall_ns(x->proxy->loop);
	if (reason)
		r.reason = or_slice_str(reason);
	fill_request(x, &r);
	or_buf_init(&hex, 2 * AG_TRACE_SPAN_LEN);
	if (x->trace.continued) {
		or_str_hex_encode(&hex, or_slice(x->trace.parent, sizeof(x->trace.parent)));
		own[0].value = or_buf_slice(&hex);
		if (r.n_attributes)
			memcpy(own + 1, r.attributes, r.n_attributes * sizeof(*own));
		r.attributes = own;
		r.n_attributes++;
	}
	/* Its id is a hash of all of it, and told to nobody but who is denied. */
	rc = ag_record_put(x->proxy->opt.record, &r,
	    phase == WIRE_PHASE_OUTCOME ? OR_SLICE_NONE : x->decision.inputs,
	    x->decision.verdict == AG_DECIDE_ALLOW ? NULL : x->id);
	or_buf_done(&hex);
	if (rc)
		or_metric_add(x->proxy->metrics.unrecorded, 1);
	return rc;
}

/* What the last record of an allowed request will want: requests in flight must not find the spool
 * full when their answers have all but gone out. */
static void owe(struct ag_exchange *x)
{
	const struct wire_audit *r = &x->decision.record;

	x->owed = OWED_BASE + r->request.path.n + r->request.host.n + r->principal.id.n +
		  r->principal.issuer.n + r->n_policies * OWED_POLICY + r->n_act * OWED_ACTOR;
	if (!x->decision.strict)
		x->owed += x->decision.inputs.n;
	ag_record_owe(x->proxy->opt.record, x->owed);
}

static void pay(struct ag_exchange *x)
{
	ag_record_pay(x->proxy->opt.record, x->owed);
	x->owed = 0;
}

bool ag_exchange_conclude(struct ag_exchange *x, const char *reason)
{
	enum or_code rc;

	if (x->recorded)
		return true;
	x->recorded = true;
	ag_answer_done(x);
	pay(x);
	if (x->proxy->metrics.seconds)
		or_metric_observe(x->proxy->metrics.seconds,
		    (double)(or_loop_now_ns(x->proxy->loop) - x->start_ns) / OR_NS_PER_S);
	rc = ag_exchange_put(x, x->parted ? WIRE_PHASE_OUTCOME : WIRE_PHASE_COMPLETE, reason);
	/* The decision is recorded: an outcome that is lost does not undo it. */
	return !rc || x->parted || x->decision.audit_full_allows;
}

void ag_exchange_end(struct ag_exchange *x, const char *reason)
{
	if (!ag_exchange_conclude(x, reason))
		or_metric_add(x->proxy->metrics.unrecorded, 1);
}

/* -- answers of our own -- */

static void answer(struct ag_exchange *x, unsigned int status, const struct or_http_field *extra,
    struct or_slice json)
{
	struct or_http_field fields[3] = {
	    {OR_SLICE_LIT("Content-Type"), OR_SLICE_LIT("application/json")},
	    {OR_SLICE_LIT("Cache-Control"), OR_SLICE_LIT("no-store")},
	};

	if (extra)
		fields[2] = *extra;
	or_http_req_respond_with(x->req, status, fields, extra ? 3 : 2, json);
}

void ag_exchange_answer_full(struct ag_exchange *x)
{
	or_metric_add(x->proxy->metrics.unavailable, 1);
	answer(x, 503, &retry_after, OR_SLICE_LIT("{\"error\":\"unavailable\"}\n"));
}

static void answer_denied(struct ag_exchange *x)
{
	char body[96];
	int n = snprintf(
	    body, sizeof(body), "{\"error\":\"forbidden\",\"decision_id\":\"%s\"}\n", x->id);

	or_metric_add(x->proxy->metrics.denied, 1);
	answer(x, 403, NULL, or_slice(body, (size_t)n));
}

static void answer_unavailable(struct ag_exchange *x)
{
	or_metric_add(x->proxy->metrics.unavailable, 1);
	answer(x, 503, &retry_after, OR_SLICE_LIT("{\"error\":\"unavailable\"}\n"));
}

/* RFC 6750 §3: the challenge says no more than that a token is wanted, or that this one is none. */
static void answer_unauthenticated(struct ag_exchange *x, bool had_token)
{
	struct or_http_field challenge = {OR_SLICE_LIT("WWW-Authenticate"),
	    had_token ? OR_SLICE_LIT("Bearer error=\"invalid_token\"") : OR_SLICE_LIT("Bearer")};

	or_metric_add(x->proxy->metrics.unauthenticated, 1);
	answer(x, 401, &challenge, OR_SLICE_LIT("{\"error\":\"unauthorized\"}\n"));
}

/* -- refusals without an identity -- */

static bool note_refusal(
    struct ag_exchange *x, enum wire_kind kind, const char *reason, unsigned int status)
{
	const struct or_http_msg *msg = or_http_req_msg(x->req);
	struct ag_refusal_what what = {.kind = kind,
	    .reason = reason,
	    .peer = or_http_req_peer(x->req),
	    .method = msg->method,
	    .path = msg->path,
	    .host = msg->host,
	    .status = status,
	    .trace_id = or_slice(x->trace.id, sizeof(x->trace.id)),
	    .span_id = or_slice(x->trace.span, sizeof(x->trace.span))};

	if (ag_refusal_note(x->proxy->refusals, &what) == OR_OK)
		return true;
	or_metric_add(x->proxy->metrics.unrecorded, 1);
	return false;
}

static void refuse(struct ag_exchange *x, const char *reason)
{
	char body[96];
	int n =
	    snprintf(body, sizeof(body), "{\"error\":\"bad_request\",\"reason\":\"%s\"}\n", reason);

	or_metric_add(x->proxy->metrics.malformed, 1);
	if (!note_refusal(x, WIRE_KIND_ACCESS, reason, 400)) {
		ag_exchange_answer_full(x);
		return;
	}
	answer(x, 400, NULL, or_slice(body, (size_t)n));
}

/* -- the way to the decision -- */

static void on_decision_durable(void *arg, enum or_code rc)
{
	struct ag_exchange *x = arg;

	x->wait = NULL;
	if (rc && !x->decision.audit_full_allows) {
		x->status = 503;
		ag_exchange_end(x, "not_durable");
		ag_exchange_answer_full(x);
		return;
	}
	ag_forward_start(x);
}

static void on_deny_durable(void *arg, enum or_code rc)
{
	struct ag_exchange *x = arg;

	x->wait = NULL;
	if (rc)
		ag_exchange_answer_full(x);
	else
		answer_denied(x);
}

/* While a record is on its way to the disk. */
static void on_close(void *arg, enum or_code why)
{
	struct ag_exchange *x = arg;

	(void)why;
	ag_spool_sync_cancel(x->wait);
	if (x->decision.verdict == AG_DECIDE_ALLOW)
		ag_exchange_end(x, "client_gone");
}

static const struct or_http_req_ops waiting_ops = {.on_close = on_close};

static void wait_durable(struct ag_exchange *x, ag_spool_sync_fn *fn)
{
	or_http_req_attach(x->req, &waiting_ops, x);
	x->wait = ag_record_sync(x->proxy->opt.record, fn, x);
}

static void deny(struct ag_exchange *x)
{
	bool unavailable = x->decision.verdict == AG_DECIDE_UNAVAILABLE;

	x->status = unavailable ? 503 : 403;
	if (ag_exchange_put(x, WIRE_PHASE_COMPLETE, NULL))
		ag_exchange_answer_full(x);
	else if (unavailable)
		answer_unavailable(x);
	else if (x->decision.strict)
		wait_durable(x, on_deny_durable);
	else
		answer_denied(x);
}

static void allow(struct ag_exchange *x)
{
	struct ag_record *record = x->proxy->opt.record;
	bool goes_on = x->decision.audit_full_allows;

	or_metric_add(x->proxy->metrics.allowed, 1);
	if (!ag_record_has_room(record) && !goes_on) {
		or_metric_add(x->proxy->metrics.unrecorded, 1);
		ag_exchange_answer_full(x);
		return;
	}
	owe(x);
	/* A tunnel may be open for days: its decision must not wait for its end. */
	if (!x->decision.strict && !x->upgrade.n) {
		ag_forward_start(x);
		return;
	}
	x->parted = true;
	if (ag_exchange_put(x, WIRE_PHASE_DECISION, NULL)) {
		if (goes_on) {
			ag_forward_start(x);
			return;
		}
		pay(x);
		ag_exchange_answer_full(x);
		return;
	}
	if (x->decision.strict)
		wait_durable(x, on_decision_durable);
	else
		ag_forward_start(x);
}

static void act(struct ag_exchange *x, bool had_token)
{
	switch (x->decision.verdict) {
	case AG_DECIDE_ALLOW: allow(x); return;
	case AG_DECIDE_UNAUTHENTICATED:
		if (note_refusal(x, WIRE_KIND_IDENTITY, x->decision.reason, 401))
			answer_unauthenticated(x, had_token);
		else
			ag_exchange_answer_full(x);
		return;
	case AG_DECIDE_DENY:
	case AG_DECIDE_UNAVAILABLE:
	default: deny(x);
	}
}

static void begin(struct ag_proxy *proxy, struct or_http_req *req, bool was_held);

static void on_keys(void *arg, struct or_http_req *req)
{
	begin(arg, req, true);
}

static void begin(struct ag_proxy *proxy, struct or_http_req *req, bool was_held)
{
	const struct or_http_msg *msg = or_http_req_msg(req);
	struct ag_exchange *x = or_arena_alloc(or_http_req_arena(req), sizeof(*x));
	struct ag_decide_ask ask = {
	    .front = WIRE_FRONT_PROXY, .method = msg->method, .host = msg->host};
	const char *why;

	OR_ASSERT(x); /* the first of the request's arena */
	x->proxy = proxy;
	x->req = req;
	x->start_ns = or_loop_now_ns(proxy->loop);
	ag_trace_read(&x->trace, msg);
	why = msg->form == OR_HTTP_ASTERISK ? "target"
					    : ag_ask_target(&ask, &x->target, NULL, msg->path,
						  msg->query, &proxy->path, or_http_req_arena(req));
	if (!why && !ag_ask_purpose(&ask.purpose, msg))
		why = "purpose";
	if (why) {
		refuse(x, why);
		return;
	}
	ask.token = ag_ask_token(msg);
	ask.grant = ag_ask_grant(msg);
	x->upgrade = ag_hygiene_upgrade(msg);
	ask.peer = or_slice_str(or_http_req_peer_text(req));
	ask.client_ip = ag_ask_client(or_http_req_peer_text(req));
	ask.trace_id = or_slice(x->trace.id, sizeof(x->trace.id));
	ask.span_id = or_slice(x->trace.span, sizeof(x->trace.span));
	ask.now_ns = or_loop_wall_ns(proxy->loop);
	ag_identity_peer_read(&ask, proxy->svids, or_http_req_tls(req), or_http_req_arena(req));
	if (ag_decide_run(&x->decision, proxy->opt.decide, &ask, or_http_req_arena(req))) {
		refuse(x, "memory");
		return;
	}
	if (x->decision.unproven && !was_held &&
	    ag_hold_start(proxy->opt.issuers, req, ask.token, ask.now_ns, on_keys, proxy))
		return;
	act(x, ask.token.p != NULL);
}

void ag_exchange_begin(struct ag_proxy *proxy, struct or_http_req *req)
{
	begin(proxy, req, false);
}
