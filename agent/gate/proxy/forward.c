/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An allowed request on its way: client ⇄ gate ⇄ app, streaming both ways with backpressure. The
 * way back is answer.c's.
 *
 * The exchange lies in the request's arena: after or_http_req_finish, _respond or _abort it is
 * gone. So whatever is owed (the app's call, the record) is settled before each of these.
 */
#include "agent/gate/hygiene.h"
#include "agent/gate/proxy/proxy_impl.h"
#include "base/str.h"

/* Host, Via, traceparent, X-Forwarded-For, -Host, -Proto, Connection, Upgrade. */
#define OWN_FIELDS 8

/* -- from the app: its answer goes by answer.c -- */

static void on_fail(void *arg, const struct or_err *err)
{
	struct ag_exchange *x = arg;

	x->call = NULL;
	if (err->code == OR_TIMEOUT)
		ag_answer_fail(x, 504, "upstream_timeout");
	else
		ag_answer_fail(
		    x, 502, err->code == OR_PARSE ? "upstream_malformed" : "upstream_failed");
}

/* The app takes content again. */
static void on_app_room(void *arg)
{
	struct ag_exchange *x = arg;

	or_http_req_read(x->req);
}

static const struct or_http_client_ops app_ops = {.on_head = ag_answer_head,
    .on_body = ag_answer_body,
    .on_end = ag_answer_end,
    .on_room = on_app_room,
    .on_fail = on_fail};

/* -- from the client -- */

static void on_client_body(void *arg, struct or_slice piece)
{
	struct ag_exchange *x = arg;

	x->bytes_in += piece.n;
	or_http_client_write(x->call, piece);
	if (or_http_client_is_full(x->call))
		or_http_req_pause(x->req);
}

static void on_client_end(void *arg)
{
	struct ag_exchange *x = arg;

	x->is_body_end = true;
	or_http_client_finish(x->call);
}

static void on_client_room(void *arg)
{
	ag_answer_room(arg);
}

static void on_client_close(void *arg, enum or_code why)
{
	struct ag_exchange *x = arg;

	const char *reason = "client_gone";

	if (why == OR_TIMEOUT)
		reason = x->status == 101 ? "tunnel_idle" : "client_timeout";
	else if (why == OR_BUSY)
		reason = "draining";
	else if (why == OR_PARSE)
		reason = "client_malformed";
	ag_answer_drop(x);
	or_metric_add(x->proxy->metrics.client_gone, 1);
	ag_exchange_end(x, reason);
}

static const struct or_http_req_ops client_ops = {.on_body = on_client_body,
    .on_end = on_client_end,
    .on_room = on_client_room,
    .on_close = on_client_close};

/* -- the start -- */

static struct or_slice peer_address(const struct or_http_req *req)
{
	struct or_slice text = or_slice_str(or_http_req_peer_text(req));
	size_t colon = text.n;

	if (or_http_req_peer(req)->sa.sa_family == AF_UNIX)
		return OR_SLICE_LIT("unix");
	while (colon && text.p[colon - 1] != ':')
		colon--;
	text.n = colon - 1;
	return text;
}

static bool passes(
    const struct ag_exchange *x, const struct or_http_msg *msg, const struct or_http_field *field)
{
	if (or_str_eq_nocase(field->name, OR_SLICE_LIT("tracestate")))
		return x->trace.keeps_state;
	if (x->decision.filter && ag_hygiene_asks_for_part(field))
		return false;
	return ag_hygiene_passes_in(msg, field);
}

static bool put_fields(struct ag_exchange *x, struct or_http_client_req *out)
{
	const struct or_http_msg *msg = or_http_req_msg(x->req);
	const struct ag_filter_plan *plan = x->decision.filter;
	size_t n_plan = plan ? plan->n_fields + 1 : 0;
	struct or_arena *a = or_http_req_arena(x->req);
	struct or_http_field *fields =
	    or_arena_array(a, msg->n_fields + OWN_FIELDS + n_plan, sizeof(*fields));
	char *parent = or_arena_alloc(a, AG_TRACE_PARENT_LEN + 1);
	size_t n = 0;

	if (!fields || !parent)
		return false;
	for (size_t i = 0; i < msg->n_fields; i++) {
		if (passes(x, msg, &msg->fields[i]))
			fields[n++] = msg->fields[i];
	}
	if (plan) {
		fields[n++] = (struct or_http_field){OR_SLICE_LIT("Accept-Encoding"),
		    ag_hygiene_takes_gzip(msg) ? or_slice_str(plan->accept_encoding)
					       : OR_SLICE_LIT("identity")};
		for (size_t i = 0; i < plan->n_fields; i++)
			fields[n++] = plan->fields[i];
	}
	ag_trace_parent(parent, &x->trace);
	fields[n++] = (struct or_http_field){
	    OR_SLICE_LIT("traceparent"), or_slice(parent, AG_TRACE_PARENT_LEN)};
	fields[n++] = (struct or_http_field){OR_SLICE_LIT("Via"), OR_SLICE_LIT("1.1 outrider")};
	fields[n++] = (struct or_http_field){OR_SLICE_LIT("X-Forwarded-For"), peer_address(x->req)};
	fields[n++] = (struct or_http_field){OR_SLICE_LIT("X-Forwarded-Proto"),
	    x->proxy->certs ? OR_SLICE_LIT("https") : OR_SLICE_LIT("http")};
	if (msg->host.n)
		fields[n++] = (struct or_http_field){OR_SLICE_LIT("X-Forwarded-Host"), msg->host};
	if (x->upgrade.n) {
		fields[n++] =
		    (struct or_http_field){OR_SLICE_LIT("Connection"), OR_SLICE_LIT("Upgrade")};
		fields[n++] = (struct or_http_field){OR_SLICE_LIT("Upgrade"), x->upgrade};
	}
	out->fields = fields;
	out->n_fields = n;
	return true;
}

static bool is_safe(struct or_slice method)
{
	return or_slice_is(method, "GET") || or_slice_is(method, "HEAD") ||
	       or_slice_is(method, "OPTIONS");
}

void ag_forward_start(struct ag_exchange *x)
{
	const struct or_http_msg *msg = or_http_req_msg(x->req);
	struct or_http_client_req out = {.origin = x->proxy->origin,
	    .tls = x->proxy->upstream_certs ? ag_certs_get(x->proxy->upstream_certs) : NULL,
	    .tls_host = x->proxy->upstream_host,
	    .method = msg->method,
	    .target = x->target,
	    .host = msg->host,
	    .streams = !msg->is_bodyless,
	    .length = msg->chunked ? OR_HTTP_CLIENT_STREAM : (int64_t)msg->length,
	    .replayable = is_safe(msg->method),
	    .upgrades = x->upgrade.n > 0,
	    .connect_ns = x->proxy->opt.connect_ns,
	    .head_ns = x->proxy->opt.head_ns};

	or_http_req_attach(x->req, &client_ops, x);
	if (x->upgrade.n && x->decision.filter) {
		ag_answer_refuse(x, "mask_upgrade");
		return;
	}
	if (!put_fields(x, &out) ||
	    or_http_client_start(&x->call, x->proxy->client, &out, &app_ops, x, NULL)) {
		ag_answer_fail(x, 502, "upstream_failed");
		return;
	}
	if (out.streams)
		or_http_req_read(x->req);
}
