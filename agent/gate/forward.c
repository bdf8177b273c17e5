/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An allowed request on its way: client ⇄ gate ⇄ app, streaming both ways with backpressure.
 *
 * The exchange lies in the request's arena: after or_http_req_finish, _respond or _abort it is
 * gone. So whatever is owed (the app's call, the record) is settled before each of these.
 */
#include "agent/gate/hygiene.h"
#include "agent/gate/proxy_impl.h"
#include "base/str.h"

/* Host, Via, traceparent, X-Forwarded-For, -Host, -Proto. */
#define OWN_FIELDS 6

static void drop_call(struct ag_exchange *x)
{
	or_http_client_cancel(x->call);
	x->call = NULL;
}

static void fail(struct ag_exchange *x, unsigned int status, const char *reason)
{
	struct or_http_field type = {
	    OR_SLICE_LIT("Content-Type"), OR_SLICE_LIT("application/json")};

	or_metric_add(x->proxy->metrics.upstream_failed, 1);
	x->status = x->started ? x->status : status;
	if (!ag_exchange_conclude(x, reason) && !x->started) {
		ag_exchange_answer_full(x);
		return;
	}
	if (x->started)
		or_http_req_abort(x->req);
	else
		or_http_req_respond_with(x->req, status, &type, 1,
		    status == 504 ? OR_SLICE_LIT("{\"error\":\"upstream_timeout\"}\n")
				  : OR_SLICE_LIT("{\"error\":\"upstream_failed\"}\n"));
}

/* -- from the app -- */

static const struct or_http_field *pass_fields(
    struct ag_exchange *x, const struct or_http_msg *msg, size_t *n)
{
	struct or_http_field *fields =
	    or_arena_array(or_http_req_arena(x->req), msg->n_fields, sizeof(*fields));

	*n = 0;
	for (size_t i = 0; fields && i < msg->n_fields; i++) {
		if (ag_hygiene_passes_out(msg, &msg->fields[i]))
			fields[(*n)++] = msg->fields[i];
	}
	return fields;
}

static void on_head(void *arg, const struct or_http_msg *msg)
{
	struct ag_exchange *x = arg;
	bool has_length = msg->has_length && !msg->chunked;
	const struct or_http_field *fields;
	size_t n;

	x->status = msg->status;
	x->counted = has_length && !msg->is_bodyless;
	x->ends_by_eof = !has_length && or_http_req_msg(x->req)->minor == 0;
	x->left = msg->length;
	fields = pass_fields(x, msg, &n);
	if (!fields || or_http_req_start(x->req, msg->status, fields, n,
			   has_length ? (int64_t)msg->length : OR_HTTP_REQ_UNKNOWN)) {
		drop_call(x);
		fail(x, 502, "upstream_malformed");
		return;
	}
	x->started = true;
}

static void write_held(struct ag_exchange *x)
{
	if (x->holds)
		or_http_req_write(x->req, or_slice(&x->held, 1));
	x->holds = false;
}

/* All but the last byte so far: to an HTTP/1.0 client any byte may be the answer's last. */
static struct or_slice hold_last(struct ag_exchange *x, struct or_slice piece)
{
	if (!x->ends_by_eof || !piece.n)
		return piece;
	write_held(x);
	piece.n--;
	x->held = piece.p[piece.n];
	x->holds = true;
	return piece;
}

static void on_body(void *arg, struct or_slice piece)
{
	struct ag_exchange *x = arg;

	x->bytes_out += piece.n;
	/* The record goes before the last byte does. */
	if (x->counted && piece.n == x->left && !ag_exchange_conclude(x, NULL)) {
		drop_call(x);
		or_http_req_abort(x->req);
		return;
	}
	x->left -= x->counted ? piece.n : 0;
	or_http_req_write(x->req, hold_last(x, piece));
	if (or_http_req_is_full(x->req))
		or_http_client_pause(x->call);
}

static void on_end(void *arg)
{
	struct ag_exchange *x = arg;

	x->call = NULL;
	if (!ag_exchange_conclude(x, NULL)) {
		or_http_req_abort(x->req);
		return;
	}
	write_held(x);
	or_http_req_finish(x->req);
}

static void on_fail(void *arg, const struct or_err *err)
{
	struct ag_exchange *x = arg;

	x->call = NULL;
	if (err->code == OR_TIMEOUT)
		fail(x, 504, "upstream_timeout");
	else
		fail(x, 502, err->code == OR_PARSE ? "upstream_malformed" : "upstream_failed");
}

/* The app takes content again. */
static void on_app_room(void *arg)
{
	struct ag_exchange *x = arg;

	or_http_req_read(x->req);
}

static const struct or_http_client_ops app_ops = {.on_head = on_head,
    .on_body = on_body,
    .on_end = on_end,
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
	struct ag_exchange *x = arg;

	if (x->call)
		or_http_client_resume(x->call);
}

static void on_client_close(void *arg, enum or_code why)
{
	struct ag_exchange *x = arg;

	const char *reason = "client_gone";

	if (why == OR_TIMEOUT)
		reason = "client_timeout";
	else if (why == OR_PARSE)
		reason = "client_malformed";
	drop_call(x);
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

static bool put_fields(struct ag_exchange *x, struct or_http_client_req *out)
{
	const struct or_http_msg *msg = or_http_req_msg(x->req);
	struct or_arena *a = or_http_req_arena(x->req);
	struct or_http_field *fields =
	    or_arena_array(a, msg->n_fields + OWN_FIELDS, sizeof(*fields));
	char *parent = or_arena_alloc(a, AG_TRACE_PARENT_LEN + 1);
	size_t n = 0;

	if (!fields || !parent)
		return false;
	for (size_t i = 0; i < msg->n_fields; i++) {
		bool state = or_str_eq_nocase(msg->fields[i].name, OR_SLICE_LIT("tracestate"));

		if (state ? x->trace.keeps_state : ag_hygiene_passes_in(msg, &msg->fields[i]))
			fields[n++] = msg->fields[i];
	}
	ag_trace_parent(parent, &x->trace);
	fields[n++] = (struct or_http_field){
	    OR_SLICE_LIT("traceparent"), or_slice(parent, AG_TRACE_PARENT_LEN)};
	fields[n++] = (struct or_http_field){OR_SLICE_LIT("Via"), OR_SLICE_LIT("1.1 outrider")};
	fields[n++] = (struct or_http_field){OR_SLICE_LIT("X-Forwarded-For"), peer_address(x->req)};
	fields[n++] =
	    (struct or_http_field){OR_SLICE_LIT("X-Forwarded-Proto"), OR_SLICE_LIT("http")};
	if (msg->host.n)
		fields[n++] = (struct or_http_field){OR_SLICE_LIT("X-Forwarded-Host"), msg->host};
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
	    .method = msg->method,
	    .target = x->target,
	    .host = msg->host,
	    .streams = !msg->is_bodyless,
	    .length = msg->chunked ? OR_HTTP_CLIENT_STREAM : (int64_t)msg->length,
	    .replayable = is_safe(msg->method),
	    .connect_ns = x->proxy->opt.connect_ns,
	    .head_ns = x->proxy->opt.head_ns};

	or_http_req_attach(x->req, &client_ops, x);
	if (!put_fields(x, &out) ||
	    or_http_client_start(&x->call, x->proxy->client, &out, &app_ops, x, NULL)) {
		fail(x, 502, "upstream_failed");
		return;
	}
	if (out.streams)
		or_http_req_read(x->req);
}
