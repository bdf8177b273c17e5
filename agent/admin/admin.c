/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/admin/admin.h"

#include "base/http_server.h"
#include "base/mem.h"

enum { ANSWER_MAX = 1024 * 1024, CONNS_MAX = 32, BODY_MAX = 4096 };

struct ag_admin {
	struct ag_admin_opt opt;
	struct or_http_server *server;
	struct or_buf answer; /* reused: one answer is made at a time */
};

static void answer_metrics(struct ag_admin *admin, struct or_http_req *req)
{
	if (or_metric_write(&admin->answer, admin->opt.metrics)) {
		or_http_req_respond(req, 500, "text/plain", OR_SLICE_LIT("too many metrics\n"));
		return;
	}
	or_http_req_respond(
	    req, 200, "text/plain; version=0.0.4; charset=utf-8", or_buf_slice(&admin->answer));
}

static void answer_ready(struct ag_admin *admin, struct or_http_req *req)
{
	const char *why = "";
	bool ready = admin->opt.is_ready(admin->opt.arg, &why);

	or_buf_printf(&admin->answer, "%s\n", ready ? "ready" : why);
	or_http_req_respond(req, ready ? 200 : 503, "text/plain", or_buf_slice(&admin->answer));
}

static void answer_status(struct ag_admin *admin, struct or_http_req *req)
{
	struct or_jsonw w;

	or_jsonw_init(&w, &admin->answer, 0);
	or_jsonw_object(&w);
	admin->opt.put_status(admin->opt.arg, &w);
	or_jsonw_end(&w);
	or_http_req_respond(req, 200, "application/json", or_buf_slice(&admin->answer));
}

static void answer_health(struct ag_admin *admin, struct or_http_req *req)
{
	(void)admin;
	or_http_req_respond(req, 200, "text/plain", OR_SLICE_LIT("ok\n"));
}

static void on_request(void *arg, struct or_http_req *req)
{
	static const struct {
		const char *path;
		void (*answer)(struct ag_admin *, struct or_http_req *);
	} routes[] = {{"/healthz", answer_health}, {"/readyz", answer_ready},
	    {"/metrics", answer_metrics}, {"/v1/status", answer_status}};
	const struct or_http_msg *msg = or_http_req_msg(req);
	struct ag_admin *admin = arg;

	or_buf_clear(&admin->answer);
	for (size_t i = 0; i < OR_LEN(routes); i++) {
		if (!or_slice_is(msg->path, routes[i].path))
			continue;
		if (or_slice_is(msg->method, "GET"))
			routes[i].answer(admin, req);
		else
			or_http_req_respond(
			    req, 405, "text/plain", OR_SLICE_LIT("only GET is answered here\n"));
		return;
	}
	or_http_req_respond(req, 404, "text/plain",
	    OR_SLICE_LIT("here are /healthz, /readyz, /metrics and /v1/status\n"));
}

enum or_code ag_admin_new(
    struct ag_admin **out, struct or_loop *loop, const struct ag_admin_opt *opt, struct or_err *err)
{
	struct ag_admin *admin = or_mem_new(sizeof(*admin));
	struct or_http_server_opt server = {.listen = opt->listen,
	    .max_conns = CONNS_MAX,
	    .max_body = BODY_MAX,
	    .on_request = on_request,
	    .arg = admin};
	enum or_code rc;

	admin->opt = *opt;
	or_buf_init(&admin->answer, ANSWER_MAX);
	rc = or_http_server_new(&admin->server, loop, &server, err);
	if (rc) {
		ag_admin_free(admin);
		return or_err_wrap(err, rc, "admin.listen");
	}
	*out = admin;
	return OR_OK;
}

void ag_admin_free(struct ag_admin *admin)
{
	if (!admin)
		return;
	or_http_server_free(admin->server);
	or_buf_done(&admin->answer);
	or_mem_free(admin);
}

const char *ag_admin_address(const struct ag_admin *admin)
{
	return or_http_server_address(admin->server);
}
