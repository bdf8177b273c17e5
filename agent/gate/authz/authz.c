/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/authz/authz.h"

#include "agent/gate/authz/question.h"
#include "base/str.h"

#include <stdio.h>

/* Where a dialect says what. NULL: it is the question's own. */
struct dialect {
	enum wire_front front;
	const char *method;
	const char *target;
	const char *host;
};

static const struct dialect nginx = {
    WIRE_FRONT_EXT_AUTHZ, "X-Original-Method", "X-Original-URI", "X-Forwarded-Host"};
static const struct dialect forward = {
    WIRE_FRONT_FORWARD_AUTH, "X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-Host"};
static const struct dialect envoy = {WIRE_FRONT_EXT_AUTHZ, NULL, NULL, NULL};

/* The value of a header that must not be there twice: which of them the proxy meant nobody knows.
 * False: it is there twice. *out.p NULL: it is not there. */
static bool read_once(struct or_slice *out, const struct or_http_msg *msg, const char *name)
{
	*out = OR_SLICE_NONE;
	for (size_t i = 0; i < msg->n_fields; i++) {
		if (!or_str_eq_nocase(msg->fields[i].name, or_slice_str(name)))
			continue;
		if (out->p)
			return false;
		*out = msg->fields[i].value;
	}
	return true;
}

/* The address that the proxy itself saw: the last one; those before it the client may have made up.
 */
static struct or_slice read_client(const struct or_http_msg *msg)
{
	struct or_slice last = OR_SLICE_NONE;

	for (size_t i = 0; i < msg->n_fields; i++) {
		if (or_str_eq_nocase(msg->fields[i].name, OR_SLICE_LIT("x-forwarded-for")))
			last = msg->fields[i].value;
	}
	for (size_t i = last.n; i > 0; i--) {
		if (last.p[i - 1] == ',')
			return or_str_trim(or_slice_from(last, i));
	}
	return last;
}

/* NULL, or why the question is none. */
static const char *read_dialect(struct ag_question *q, const struct ag_service_call *call,
    const struct dialect *d, struct or_slice *path, struct or_slice *query)
{
	const struct or_http_msg *msg = or_http_req_msg(call->req);
	struct or_slice target = OR_SLICE_NONE;

	q->ask.method = msg->method;
	q->ask.host = msg->host;
	*path = call->rest.n ? call->rest : OR_SLICE_LIT("/");
	*query = msg->query;
	if (d->method && (!read_once(&q->ask.method, msg, d->method) || !q->ask.method.n))
		return "original_method";
	if (d->host && !read_once(&q->ask.host, msg, d->host))
		return "original_host";
	if (!d->target)
		return NULL;
	if (!read_once(&target, msg, d->target) || !target.n)
		return "original_target";
	ag_question_split(path, query, target);
	return NULL;
}

/* -- answers -- */

static void tell(struct ag_service_call *call, unsigned int status,
    const struct or_http_field *extra, size_t n_extra, const char *error)
{
	struct or_http_field fields[4] = {{OR_SLICE_LIT("Cache-Control"), OR_SLICE_LIT("no-store")},
	    {OR_SLICE_LIT("Content-Type"), OR_SLICE_LIT("application/json")}};
	char body[128];
	int n = error ? snprintf(body, sizeof(body), "{\"error\":\"%s\"}\n", error) : 0;

	for (size_t i = 0; i < n_extra; i++)
		fields[(error ? 2 : 1) + i] = extra[i];
	or_http_req_respond_with(
	    call->req, status, fields, (error ? 2 : 1) + n_extra, or_slice(body, (size_t)n));
}

static void answer(struct ag_service_call *call, bool durable)
{
	const struct ag_question *q = call->state;
	unsigned int status = ag_question_status(q, durable);
	struct or_http_field fields[AG_QUESTION_FIELDS_MAX];
	const char *error;
	size_t n = ag_question_fields(fields, &error, q, status);

	tell(call, status, fields, n, error);
}

static void serve(struct ag_service_call *call, const struct dialect *d)
{
	const struct or_http_msg *msg = or_http_req_msg(call->req);
	struct ag_question *q = or_arena_alloc(or_http_req_arena(call->req), sizeof(*q));
	struct or_slice path, query;
	const char *why;

	OR_ASSERT(q); /* the second of the request's arena */
	call->state = q;
	call->answer = answer;
	why = read_dialect(q, call, d, &path, &query);
	q->ask.front = d->front;
	q->ask.client_ip = read_client(msg);
	q->ask.peer =
	    q->ask.client_ip.n ? q->ask.client_ip : or_slice_str(or_http_req_peer_text(call->req));
	ag_question_put(q, &call->asked, msg, path, query, why);
	ag_service_settle(call);
}

static void serve_nginx(struct ag_service_call *call)
{
	serve(call, &nginx);
}

static void serve_forward(struct ag_service_call *call)
{
	serve(call, &forward);
}

static void serve_envoy(struct ag_service_call *call)
{
	serve(call, &envoy);
}

const struct ag_service_route ag_authz_routes[] = {
    {"/auth/nginx", NULL, serve_nginx},
    {"/auth/forward", NULL, serve_forward},
    {"/auth/envoy", NULL, serve_envoy},
};
const size_t ag_authz_n_routes = OR_LEN(ag_authz_routes);
