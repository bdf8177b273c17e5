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

struct ag_service {
	struct or_loop *loop;
	struct ag_service_opt opt;
	struct or_http_server *server;
	struct ag_asked *asked;
	struct or_buf text;
};

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

	ag_asked_observe(&call->asked);
	if (!call->asked.strict) {
		call->answer(call, true);
		return;
	}
	or_http_req_attach(call->req, &waiting, call);
	call->wait = ag_record_sync(call->service->opt.record, on_durable, call);
}

struct or_buf *ag_service_scratch(struct ag_service *s)
{
	return ag_asked_scratch(s->asked);
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
	call->rest = or_slice_from(msg->path, strlen(r->prefix));
	ag_asked_begin(&call->asked, s->asked, or_http_req_arena(req), or_http_req_peer(req), msg);
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
	const struct ag_asked_opt asked = {
	    .decide = opt->decide, .record = opt->record, .registry = opt->registry};
	enum or_code rc = check_loopback(opt->listen, err);

	s->loop = loop;
	s->opt = *opt;
	or_buf_init(&s->text, TEXT_MAX);
	if (rc == OR_OK)
		rc = or_http_server_new(&s->server, loop, &server, err);
	if (rc) {
		ag_service_free(s);
		return or_err_wrap(err, rc, "decide.listen");
	}
	s->asked = ag_asked_new(loop, &asked);
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
	ag_asked_free(s->asked);
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
