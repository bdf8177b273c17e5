/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way back of an allowed request: the app's answer to the client, as it is or through a filter.
 *
 *   without a filter: head ─▶ sent at once ─▶ each piece ─▶ record ─▶ last byte
 *   with one:         head ─▶ held ─▶ filter's first byte ─▶ head, pieces ─▶ record ─▶ end
 *
 * The exchange lies in the request's arena: after or_http_req_finish, _respond or _abort it is
 * gone. So whatever is owed (the app's call, the record) is settled before each of these.
 */
#include "agent/gate/hygiene.h"
#include "agent/gate/proxy/proxy_impl.h"
#include "base/conn.h"
#include "base/str.h"

void ag_answer_drop(struct ag_exchange *x)
{
	or_http_client_cancel(x->call);
	x->call = NULL;
}

void ag_answer_done(struct ag_exchange *x)
{
	if (x->filter)
		x->filter->ops->free(x->filter);
	x->filter = NULL;
	or_buf_done(&x->rest);
}

static void respond_failed(struct ag_exchange *x, unsigned int status, const char *why)
{
	struct or_http_field type = {
	    OR_SLICE_LIT("Content-Type"), OR_SLICE_LIT("application/json")};

	or_http_req_respond_with(x->req, status, &type, 1, or_slice_str(why));
}

/* After why: the exchange is recorded with reason; the client gets status, or a cut. */
static void fail(struct ag_exchange *x, unsigned int status, const char *reason, const char *why)
{
	or_metric_add(x->proxy->metrics.upstream_failed, 1);
	x->status = x->started ? x->status : status;
	if (!ag_exchange_conclude(x, reason) && !x->started)
		ag_exchange_answer_full(x);
	else if (x->started)
		or_http_req_abort(x->req);
	else
		respond_failed(x, status, why);
}

void ag_answer_fail(struct ag_exchange *x, unsigned int status, const char *reason)
{
	fail(x, status, reason,
	    status == 504 ? "{\"error\":\"upstream_timeout\"}\n"
			  : "{\"error\":\"upstream_failed\"}\n");
}

void ag_answer_refuse(struct ag_exchange *x, const char *reason)
{
	ag_answer_drop(x);
	fail(x, 502, reason ? reason : "filter_failed", "{\"error\":\"answer_refused\"}\n");
}

/* -- the head -- */

static bool pass_fields(struct ag_exchange *x, const struct or_http_msg *msg)
{
	bool filtered = x->decision.filter;
	struct or_http_field *fields = or_arena_array(or_http_req_arena(x->req),
	    msg->n_fields + (filtered ? AG_FILTER_FIELDS_NEW : 0), sizeof(*fields));

	x->fields = fields;
	for (size_t i = 0; fields && i < msg->n_fields; i++) {
		if (ag_hygiene_passes_out(msg, &msg->fields[i]) &&
		    !(filtered && ag_hygiene_is_of_bytes(&msg->fields[i])))
			fields[x->n_fields++] = msg->fields[i];
	}
	return fields != NULL;
}

/* False: the head is not one that may be sent on. */
static bool start(struct ag_exchange *x, int64_t length)
{
	if (or_http_req_start(x->req, x->status, x->fields, x->n_fields, length))
		return false;
	x->started = true;
	return true;
}

/* Holds the head back until the filter has given something, or has ended. */
static void open_filter(struct ag_exchange *x, const struct or_http_msg *msg)
{
	const struct ag_filter_plan *plan = x->decision.filter;
	struct ag_filter_head head = {.msg = msg,
	    .fields = x->fields,
	    .n_fields = x->n_fields,
	    .status = msg->status,
	    .is_bodyless = msg->is_bodyless,
	    .arena = or_http_req_arena(x->req)};
	const char *reason = NULL;

	or_buf_init(&x->rest, OR_CONN_READ_MAX);
	if (plan->open(&x->filter, plan, &head, &reason)) {
		ag_answer_refuse(x, reason);
		return;
	}
	OR_ASSERT(head.n_fields <= msg->n_fields + AG_FILTER_FIELDS_NEW);
	x->fields = head.fields;
	x->n_fields = head.n_fields;
	if (!msg->is_bodyless)
		return;
	/* Its head is all there is. */
	ag_answer_done(x);
	if (!start(x, OR_HTTP_REQ_UNKNOWN))
		ag_answer_refuse(x, "upstream_malformed");
}

/* From here on bytes go both ways; the client may have sent some already. */
static void open_tunnel(struct ag_exchange *x, const struct or_http_msg *msg)
{
	const struct or_http_field *protocol = or_http_msg_find(msg, "Upgrade");

	/* It must be what the decision was made on. */
	if (!protocol || !or_str_eq_nocase(protocol->value, x->upgrade) || !pass_fields(x, msg) ||
	    or_http_req_switch(
		x->req, x->upgrade, x->fields, x->n_fields, x->proxy->opt.tunnel_idle_ns)) {
		ag_answer_drop(x);
		ag_answer_fail(x, 502, "upstream_malformed");
		return;
	}
	x->started = true;
}

void ag_answer_head(void *arg, const struct or_http_msg *msg)
{
	struct ag_exchange *x = arg;
	bool has_length = msg->has_length && !msg->chunked && !x->decision.filter;

	x->status = msg->status;
	if (msg->status == 101) {
		open_tunnel(x, msg);
		return;
	}
	x->counted = has_length && !msg->is_bodyless;
	x->ends_by_eof = !has_length && or_http_req_msg(x->req)->minor == 0;
	x->left = msg->length;
	if (!pass_fields(x, msg)) {
		ag_answer_drop(x);
		ag_answer_fail(x, 502, "upstream_malformed");
	} else if (x->decision.filter) {
		open_filter(x, msg);
	} else if (!start(x, has_length ? (int64_t)msg->length : OR_HTTP_REQ_UNKNOWN)) {
		ag_answer_drop(x);
		ag_answer_fail(x, 502, "upstream_malformed");
	}
}

/* -- the content -- */

static void write_held(struct ag_exchange *x)
{
	if (x->holds)
		or_http_req_write(x->req, or_slice(&x->held, 1));
	x->holds = false;
}

/* All but the last byte so far: to an HTTP/1.0 client any byte may be the answer's last. */
static void write_all(struct ag_exchange *x, struct or_slice piece)
{
	if (!piece.n)
		return;
	if (x->ends_by_eof) {
		write_held(x);
		piece.n--;
		x->held = piece.p[piece.n];
		x->holds = true;
	}
	or_http_req_write(x->req, piece);
}

static void end(struct ag_exchange *x)
{
	if (!ag_exchange_conclude(x, NULL)) {
		or_http_req_abort(x->req);
		return;
	}
	write_held(x);
	or_http_req_finish(x->req);
}

/* Runs the filter over in until it is used up, or the client is full (what is left is then kept).
 * False: the exchange is over, and gone. */
static bool run_filter(struct ag_exchange *x, struct or_slice in, bool last)
{
	struct ag_filter_io io = {.in = in, .last = last, .out = &x->proxy->filtered};

	do {
		io.more = false;
		or_buf_clear(io.out);
		if (x->filter->ops->run(x->filter, &io) || !or_buf_ok(io.out)) {
			ag_answer_refuse(x, io.reason);
			return false;
		}
		OR_ASSERT(io.more || !io.in.n);
		if (io.out->n && !x->started && !start(x, OR_HTTP_REQ_UNKNOWN)) {
			ag_answer_refuse(x, "upstream_malformed");
			return false;
		}
		x->bytes_out += io.out->n;
		write_all(x, or_buf_slice(io.out));
	} while (io.more && !or_http_req_is_full(x->req));
	x->filter_more = io.more;
	or_buf_put_slice(&x->rest, io.in);
	return true;
}

/* With all of the app's answer read: what the filter still has, then the end. */
static void end_filter(struct ag_exchange *x)
{
	if (!run_filter(x, OR_SLICE_NONE, true) || x->filter_more)
		return;
	if (!x->started && !start(x, OR_HTTP_REQ_UNKNOWN))
		ag_answer_refuse(x, "upstream_malformed");
	else
		end(x);
}

static void pause_if_full(struct ag_exchange *x)
{
	if (x->call && (x->filter_more || or_http_req_is_full(x->req)))
		or_http_client_pause(x->call);
}

void ag_answer_body(void *arg, struct or_slice piece)
{
	struct ag_exchange *x = arg;

	if (x->filter) {
		if (run_filter(x, piece, false))
			pause_if_full(x);
		return;
	}
	x->bytes_out += piece.n;
	/* The record goes before the last byte does. */
	if (x->counted && piece.n == x->left && !ag_exchange_conclude(x, NULL)) {
		ag_answer_drop(x);
		or_http_req_abort(x->req);
		return;
	}
	x->left -= x->counted ? piece.n : 0;
	write_all(x, piece);
	pause_if_full(x);
}

void ag_answer_end(void *arg)
{
	struct ag_exchange *x = arg;

	x->call = NULL;
	x->app_done = true;
	if (!x->filter)
		end(x);
	else if (!x->filter_more)
		end_filter(x);
}

/* Goes on with what the filter was kept from. False: the exchange is over, or the client full. */
static bool run_rest(struct ag_exchange *x)
{
	struct or_buf rest = x->rest;
	bool goes_on;

	if (!x->filter_more || (x->app_done && !rest.n))
		return true;
	or_buf_init(&x->rest, OR_CONN_READ_MAX);
	goes_on = run_filter(x, or_buf_slice(&rest), false) && !x->filter_more;
	or_buf_done(&rest);
	return goes_on;
}

void ag_answer_room(void *arg)
{
	struct ag_exchange *x = arg;

	if (x->filter && !run_rest(x))
		return;
	if (x->call)
		or_http_client_resume(x->call);
	else if (x->filter && x->app_done)
		end_filter(x);
}
