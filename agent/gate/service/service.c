/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/service/service.h"

#include "agent/gate/api/api.h"
#include "agent/gate/ask.h"
#include "agent/gate/authz/authz.h"
#include "agent/gate/hold.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

enum { CONNS_MAX = 1024, BODY_MAX = 1024 * 1024, ARENA_MAX = 8 * 1024 * 1024 };
enum { TEXT_MAX = 4 * 1024 * 1024 };

struct metrics {
	struct or_metric_counter *by_verdict[AG_DECIDE_UNAVAILABLE + 1];
	struct or_metric_counter *unrecorded;
	struct or_metric_histogram *seconds; /* NULL: no registry */
};

struct ag_service {
	struct or_loop *loop;
	struct ag_service_opt opt;
	struct or_http_server *server;
	struct ag_refusal *refusals;
	struct or_buf scratch, text;
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

/* -- decisions -- */

unsigned int ag_service_status(enum ag_decide_verdict verdict)
{
	switch (verdict) {
	case AG_DECIDE_ALLOW: return 200;
	case AG_DECIDE_UNAUTHENTICATED: return 401;
	case AG_DECIDE_UNAVAILABLE: return 503;
	case AG_DECIDE_DENY:
	default: return 403;
	}
}

static bool note(struct ag_service_call *call, const struct ag_decide_ask *ask, enum wire_kind kind,
    const char *reason, unsigned int status)
{
	struct ag_refusal_what what = {.kind = kind,
	    .front = ask->front,
	    .reason = reason,
	    .peer = or_http_req_peer(call->req),
	    .method = ask->method,
	    .path = ask->path,
	    .host = ask->host,
	    .status = status,
	    .trace_id = or_slice(call->trace.id, sizeof(call->trace.id)),
	    .span_id = or_slice(call->trace.span, sizeof(call->trace.span))};

	if (ag_refusal_note(call->service->refusals, &what) == OR_OK)
		return true;
	or_metric_add(call->service->metrics.unrecorded, 1);
	return false;
}

bool ag_service_refuse(struct ag_service_call *call, const struct ag_decide_ask *ask,
    const char *reason, unsigned int status)
{
	return note(call, ask, WIRE_KIND_ACCESS, reason, status);
}

static bool record(struct ag_service_decision *d, struct ag_service_call *call)
{
	struct ag_service *s = call->service;
	struct wire_audit r = d->result.record;

	r.phase = WIRE_PHASE_COMPLETE;
	r.request.status = ag_service_status(d->verdict);
	r.request.duration_ns = (uint64_t)(or_loop_fresh_ns(s->loop) - call->start_ns);
	if (ag_record_put(s->opt.record, &r, d->result.inputs, d->id) == OR_OK) {
		call->strict |= d->result.strict;
		return true;
	}
	or_metric_add(s->metrics.unrecorded, 1);
	d->id[0] = 0;
	return d->verdict == AG_DECIDE_ALLOW && d->result.audit_full_allows;
}

static bool settle_verdict(
    struct ag_service_decision *d, struct ag_service_call *call, const struct ag_decide_ask *ask)
{
	if (d->verdict == AG_DECIDE_UNAUTHENTICATED)
		return note(call, ask, WIRE_KIND_IDENTITY, d->result.reason, 401);
	return record(d, call);
}

void ag_service_decide(
    struct ag_service_decision *out, struct ag_service_call *call, struct ag_decide_ask *ask)
{
	struct ag_service *s = call->service;

	ask->trace_id = or_slice(call->trace.id, sizeof(call->trace.id));
	ask->span_id = or_slice(call->trace.span, sizeof(call->trace.span));
	ask->now_ns = or_loop_wall_ns(s->loop);
	*out = (struct ag_service_decision){.verdict = AG_DECIDE_UNAVAILABLE};
	if (ag_decide_run(&out->result, s->opt.decide, ask, or_http_req_arena(call->req))) {
		out->result.reason = "memory";
		(void)ag_service_refuse(call, ask, "memory", 503);
	} else {
		out->verdict = out->result.verdict;
		if (!settle_verdict(out, call, ask)) {
			out->verdict = AG_DECIDE_UNAVAILABLE;
			out->result.reason = "not_recorded";
		}
	}
	or_metric_add(s->metrics.by_verdict[out->verdict], 1);
}

/* -- answers -- */

static void on_durable(void *arg, enum or_code rc)
{
	struct ag_service_call *call = arg;

	call->wait = NULL;
	call->answer(call, rc == OR_OK);
}

/* What was decided is recorded already. */
static void on_close(void *arg, enum or_code why)
{
	struct ag_service_call *call = arg;

	(void)why;
	ag_spool_sync_cancel(call->wait);
}

void ag_service_settle(struct ag_service_call *call)
{
	static const struct or_http_req_ops waiting = {.on_close = on_close};
	struct ag_service *s = call->service;

	if (s->metrics.seconds)
		or_metric_observe(s->metrics.seconds,
		    (double)(or_loop_now_ns(s->loop) - call->start_ns) / OR_NS_PER_S);
	if (!call->strict) {
		call->answer(call, true);
		return;
	}
	or_http_req_attach(call->req, &waiting, call);
	call->wait = ag_record_sync(s->opt.record, on_durable, call);
}

struct or_buf *ag_service_scratch(struct ag_service *s)
{
	return &s->scratch;
}

struct or_buf *ag_service_text(struct ag_service *s)
{
	or_buf_clear(&s->text);
	return &s->text;
}

/* -- the listener -- */

static void serve(struct ag_service *s, struct or_http_req *req, const struct ag_service_route *r)
{
	const struct or_http_msg *msg = or_http_req_msg(req);
	struct ag_service_call *call = or_arena_alloc(or_http_req_arena(req), sizeof(*call));

	if (r->method && !or_slice_is(msg->method, r->method)) {
		or_http_req_respond(req, 405, "text/plain", OR_SLICE_LIT("another method\n"));
		return;
	}
	OR_ASSERT(call); /* the first of the request's arena */
	call->service = s;
	call->req = req;
	call->start_ns = or_loop_now_ns(s->loop);
	call->rest = or_slice_from(msg->path, strlen(r->prefix));
	ag_trace_read(&call->trace, msg);
	r->serve(call);
}

static const struct ag_service_route *find_route(struct or_slice path)
{
	static const struct {
		const struct ag_service_route *routes;
		const size_t *n;
	} lists[] = {{ag_authz_routes, &ag_authz_n_routes}, {ag_api_routes, &ag_api_n_routes}};

	for (size_t i = 0; i < OR_LEN(lists); i++) {
		for (size_t k = 0; k < *lists[i].n; k++) {
			size_t n = strlen(lists[i].routes[k].prefix);

			/* A prefix ends at a segment. */
			if (or_str_has_prefix(path, lists[i].routes[k].prefix) &&
			    (path.n == n || path.p[n] == '/'))
				return &lists[i].routes[k];
		}
	}
	return NULL;
}

/* A route was found before the request was held. */
static void on_keys(void *arg, struct or_http_req *req)
{
	serve(arg, req, find_route(or_http_req_msg(req)->path));
}

static void on_request(void *arg, struct or_http_req *req)
{
	const struct ag_service_route *route = find_route(or_http_req_msg(req)->path);
	struct ag_service *s = arg;

	if (route && ag_hold_start(s->opt.issuers, req, ag_ask_token(or_http_req_msg(req)),
			 or_loop_wall_ns(s->loop), on_keys, s))
		return;
	if (route)
		serve(s, req, route);
	else
		or_http_req_respond(req, 404, "text/plain",
		    OR_SLICE_LIT("here are /v1/decide, /v1/data/outrider, /v1/filter, "
				 "/v1/compile/outrider, /auth/nginx, /auth/forward and "
				 "/auth/envoy\n"));
}

static enum or_code check_loopback(const char *listen, struct or_err *err)
{
	struct or_net_addr addr;
	enum or_code rc = or_net_parse(&addr, listen, err);

	if (rc == OR_OK && !or_net_is_loopback(&addr))
		rc = or_err_set(err, OR_INVAL,
		    "%s: decisions are told on this machine alone, on loopback", listen);
	return rc;
}

enum or_code ag_service_new(struct ag_service **out, struct or_loop *loop,
    const struct ag_service_opt *opt, struct or_err *err)
{
	struct ag_service *s = or_mem_new(sizeof(*s));
	struct or_http_server_opt server = {.listen = opt->listen,
	    .max_conns = CONNS_MAX,
	    .max_body = BODY_MAX,
	    .arena = ARENA_MAX,
	    .on_request = on_request,
	    .arg = s};
	enum or_code rc = check_loopback(opt->listen, err);

	s->loop = loop;
	s->opt = *opt;
	or_buf_init(&s->scratch, AG_ASK_TARGET_MAX);
	or_buf_init(&s->text, TEXT_MAX);
	make_metrics(&s->metrics, opt->registry);
	if (rc == OR_OK)
		rc = or_http_server_new(&s->server, loop, &server, err);
	if (rc) {
		ag_service_free(s);
		return or_err_wrap(err, rc, "decide.listen");
	}
	s->refusals = ag_refusal_new(loop, opt->record);
	OR_LOG(
	    OR_LOG_INFO, "gate.service_listening", or_log_text("address", ag_service_address(s)));
	*out = s;
	return OR_OK;
}

void ag_service_free(struct ag_service *s)
{
	if (!s)
		return;
	or_http_server_free(s->server);
	ag_refusal_free(s->refusals);
	or_buf_done(&s->scratch);
	or_buf_done(&s->text);
	or_mem_free(s);
}

const char *ag_service_address(const struct ag_service *s)
{
	return or_http_server_address(s->server);
}

/* -- the front -- */

static enum or_code open_front(void **out, const struct ag_front_env *env, struct or_err *err)
{
	struct ag_service_opt opt = {.listen = env->config->decide.listen,
	    .decide = env->decide,
	    .issuers = env->issuers,
	    .record = env->record,
	    .registry = env->registry};
	struct ag_service *s;
	enum or_code rc = ag_service_new(&s, env->loop, &opt, err);

	if (rc == OR_OK)
		*out = s;
	return rc;
}

static void close_front(void *front)
{
	ag_service_free(front);
}

static void drain_front(void *front, or_loop_fn *done, void *arg)
{
	struct ag_service *s = front;

	or_http_server_drain(s->server, done, arg);
}

static const char *address_of_front(const void *front)
{
	return ag_service_address(front);
}

const struct ag_front ag_service_front = {.name = "decide",
    .open = open_front,
    .close = close_front,
    .drain = drain_front,
    .address = address_of_front};
