/* SPDX-License-Identifier: Apache-2.0 */
#include "base/http_req_impl.h"

#include "base/http_write.h"
#include "base/str.h"

#define LINGER_NS   (2 * OR_NS_PER_S)
#define LINGER_MAX  (1024U * 1024)
#define BYTES_PER_S 512

/* -- phases -- */

static int64_t now(const struct or_http_req *req)
{
	return or_http_server_now(req->server);
}

static void enter_idle(struct or_http_req *req)
{
	req->phase = OR_HTTP_IDLE;
	req->deadline_ns = now(req) + or_http_server_get_opt(req->server)->idle_ns;
}

static void pump(void *arg);

void or_http_req_forget(struct or_http_req *req)
{
	if (req->pump_due)
		or_loop_defer_cancel(or_http_server_loop(req->server), pump, req);
	req->pump_due = false;
}

void or_http_req_reset(struct or_http_req *req)
{
	or_http_req_forget(req);
	or_arena_clear(req->arena);
	req->ops = NULL;
	req->arg = NULL;
	req->flowing = req->body_done = req->continued = false;
	req->started = req->finished = req->keep = req->silent = req->chunked = req->counted =
	    false;
	req->left = req->drained = req->body_bytes = 0;
	req->raw_idle_ns = 0;
	req->collect_fn = NULL;
	or_buf_done(&req->collected);
	enter_idle(req);
}

/* The answer is written and the client told that it was the last: what still comes is dropped, so
 * that the kernel does not cut the answer with a reset (RFC 9112 §9.6). */
static void linger(struct or_http_req *req)
{
	req->phase = OR_HTTP_LINGER;
	req->deadline_ns = now(req) + LINGER_NS;
	req->drained = 0;
	or_conn_shutdown(req->conn);
	or_conn_resume(req->conn);
}

static void set_body_clock(struct or_http_req *req)
{
	req->body_since_ns = now(req);
	req->body_bytes = 0;
	req->deadline_ns = req->body_since_ns + or_http_server_get_opt(req->server)->body_ns;
}

static void count_body(struct or_http_req *req, size_t n)
{
	int64_t earned_ns;

	req->body_bytes += n;
	earned_ns = (int64_t)(req->body_bytes / BYTES_PER_S) * OR_NS_PER_S;
	req->deadline_ns =
	    req->body_since_ns + or_http_server_get_opt(req->server)->body_ns + earned_ns;
}

void or_http_req_lose(struct or_http_req *req, enum or_code why)
{
	const struct or_http_req_ops *ops = req->ops;

	req->ops = NULL;
	if (req->phase == OR_HTTP_HANDLING && !req->finished && ops)
		ops->on_close(req->arg, why);
	req->finished = true;
}

void or_http_req_expire(struct or_http_req *req)
{
	if (req->phase == OR_HTTP_HEAD ||
	    (req->phase == OR_HTTP_HANDLING && !req->started && !req->finished)) {
		or_http_req_lose(req, OR_TIMEOUT);
		or_http_req_refuse(req, 408, "timeout");
		return;
	}
	or_http_req_lose(req, OR_TIMEOUT);
	or_http_server_close(req);
}

/* Takes the end of the body where it is reached, even if nobody reads. */
static void take_quiet_end(struct or_http_req *req)
{
	struct or_slice body;
	size_t used;

	if (req->body_done || !or_http_parse_is_complete(req->parse))
		return;
	(void)or_http_parse_feed(req->parse, OR_SLICE_NONE, &used, &body);
	req->body_done = true;
}

/* After the handler's last call, or the body's end: is the exchange over? May free req. */
static void settle(struct or_http_req *req)
{
	if (req->phase != OR_HTTP_HANDLING || !req->finished)
		return;
	take_quiet_end(req);
	if (req->half_closed && !or_conn_queued(req->conn)) {
		or_http_server_close(req);
		return;
	}
	if (!req->keep || req->half_closed ||
	    (!req->body_done && req->drained > OR_HTTP_REQ_DRAIN_MAX)) {
		linger(req);
		return;
	}
	if (!req->body_done) {
		if (!req->flowing) {
			req->flowing = true;
			set_body_clock(req);
			or_conn_resume(req->conn);
		}
		return;
	}
	or_http_parse_next(req->parse);
	or_http_req_reset(req);
	if (or_http_server_is_draining(req->server))
		or_http_server_close(req);
	else
		or_conn_resume(req->conn);
}

/* -- input -- */

static void refuse_parse(struct or_http_req *req)
{
	enum or_http_reason reason = or_http_parse_reason(req->parse);
	bool answerable = !req->started;

	or_http_server_count_refused(req, reason);
	or_http_req_lose(req, reason == OR_HTTP_BODY_LARGE ? OR_FULL : OR_PARSE);
	if (answerable)
		or_http_req_refuse(
		    req, or_http_msg_reason_status(reason), or_http_msg_reason_name(reason));
	else
		or_http_server_close(req);
}

static void on_collected(struct or_http_req *req)
{
	or_http_req_collected_fn *fn = req->collect_fn;

	req->collect_fn = NULL;
	fn(req->collect_arg, req, or_buf_slice(&req->collected));
}

static void take_body(struct or_http_req *req, struct or_slice piece)
{
	count_body(req, piece.n);
	if (req->finished) {
		req->drained += piece.n;
		settle(req);
	} else if (req->collect_fn) {
		if (piece.n > req->collect_max - req->collected.n) {
			req->collect_fn = NULL;
			req->collect_full(req->collect_arg, req);
		} else {
			or_buf_put_slice(&req->collected, piece);
		}
	} else {
		req->ops->on_body(req->arg, piece);
	}
}

static void take_end(struct or_http_req *req)
{
	req->body_done = true;
	req->deadline_ns = 0;
	if (req->finished)
		settle(req);
	else if (req->collect_fn)
		on_collected(req);
	else if (req->ops && req->flowing)
		req->ops->on_end(req->arg);
}

static void take_head(struct or_http_req *req)
{
	req->phase = OR_HTTP_HANDLING;
	req->deadline_ns = 0;
	or_http_server_begin(req);
	OR_ASSERT(req->finished || req->ops || req->collect_fn);
}

static bool wants_input(const struct or_http_req *req)
{
	if (req->phase == OR_HTTP_HANDLING)
		return req->flowing && !req->body_done;
	/* Who pipelines requests but takes no answers is not read any further. */
	return req->phase != OR_HTTP_IDLE || !or_conn_is_full(req->conn);
}

static size_t discard(struct or_http_req *req, struct or_slice in)
{
	req->drained += in.n;
	if (req->drained > LINGER_MAX)
		or_http_server_close(req);
	return in.n;
}

/* One event of the parser; false where nothing more is to be read now. */
static bool take_event(struct or_http_req *req, struct or_slice in, size_t *used)
{
	struct or_slice body = OR_SLICE_NONE;

	if (req->phase == OR_HTTP_IDLE && in.n) {
		req->phase = OR_HTTP_HEAD;
		req->deadline_ns = now(req) + or_http_server_get_opt(req->server)->head_ns;
	}
	switch (or_http_parse_feed(req->parse, in, used, &body)) {
	case OR_HTTP_PARSE_MORE: return false;
	case OR_HTTP_PARSE_HEAD: take_head(req); return true;
	case OR_HTTP_PARSE_BODY: take_body(req, body); return true;
	case OR_HTTP_PARSE_END: take_end(req); return true;
	case OR_HTTP_PARSE_REFUSED:
	default: refuse_parse(req); return true;
	}
}

static void touch_raw(struct or_http_req *req)
{
	if (req->raw_idle_ns)
		req->deadline_ns = now(req) + req->raw_idle_ns;
}

/* A tunnel: what is not wanted yet stays where it is. */
static size_t take_raw(struct or_http_req *req, struct or_slice in)
{
	if (!req->flowing || !in.n)
		return 0;
	req->in_data = true;
	touch_raw(req);
	req->ops->on_body(req->arg, in);
	req->in_data = false;
	if (!req->conn)
		or_http_server_close(req);
	else if (req->finished)
		settle(req);
	return in.n;
}

static size_t on_data(void *arg, struct or_slice in)
{
	struct or_http_req *req = arg;
	size_t at = 0;

	if (req->raw_idle_ns && !req->finished)
		return take_raw(req, in);
	req->in_data = true;
	while (req->conn && wants_input(req)) {
		size_t used = 0;
		bool more;

		if (req->phase == OR_HTTP_LINGER) {
			at += discard(req, or_slice_from(in, at));
			break;
		}
		more = take_event(req, or_slice_from(in, at), &used);
		at += used;
		if (!more)
			break;
		if (req->conn)
			settle(req);
	}
	req->in_data = false;
	/* Freed in here: conn is gone, req goes now. */
	if (!req->conn)
		or_http_server_close(req);
	return at;
}

/* The last piece of a body may have come before a pause: its end needs no more input. */
static void pump(void *arg)
{
	struct or_http_req *req = arg;

	req->pump_due = false;
	(void)on_data(req, OR_SLICE_NONE);
}

static void on_eof(void *arg)
{
	struct or_http_req *req = arg;

	if (req->raw_idle_ns && !req->finished) {
		req->half_closed = true;
		req->ops->on_end(req->arg);
		return;
	}
	if (req->phase == OR_HTTP_HANDLING && or_http_parse_is_complete(req->parse) &&
	    !or_http_server_get_opt(req->server)->eof_is_gone) {
		req->half_closed = true;
		return;
	}
	or_http_req_lose(req, OR_CLOSED);
	or_http_server_close(req);
}

static void on_room(void *arg)
{
	struct or_http_req *req = arg;

	if (req->phase == OR_HTTP_IDLE)
		or_conn_resume(req->conn);
	else if (req->phase == OR_HTTP_HANDLING && !req->finished && req->ops && req->ops->on_room)
		req->ops->on_room(req->arg);
}

static void on_lost(void *arg, enum or_code why)
{
	struct or_http_req *req = arg;

	or_http_req_lose(req, why);
	or_http_server_close(req);
}

const struct or_conn_ops or_http_req_conn_ops = {
    .on_data = on_data, .on_eof = on_eof, .on_room = on_room, .on_lost = on_lost};

/* -- the handler's side: the request -- */

const struct or_http_msg *or_http_req_msg(const struct or_http_req *req)
{
	return or_http_parse_msg(req->parse);
}

struct or_arena *or_http_req_arena(struct or_http_req *req)
{
	return req->arena;
}

const struct or_net_addr *or_http_req_peer(const struct or_http_req *req)
{
	return &req->peer;
}

const char *or_http_req_peer_text(const struct or_http_req *req)
{
	return req->peer_text;
}

const struct or_tls_session *or_http_req_tls(const struct or_http_req *req)
{
	return or_conn_tls(req->conn);
}

void or_http_req_attach(struct or_http_req *req, const struct or_http_req_ops *ops, void *arg)
{
	req->ops = ops;
	req->arg = arg;
}

void or_http_req_read(struct or_http_req *req)
{
	OR_ASSERT(req->ops || req->collect_fn);
	if (req->raw_idle_ns && !req->flowing) {
		req->flowing = true;
		or_conn_resume(req->conn);
		return;
	}
	if (req->flowing || req->body_done)
		return;
	req->flowing = true;
	if (or_http_parse_is_complete(req->parse)) {
		if (!req->in_data && !req->pump_due)
			or_loop_defer(or_http_server_loop(req->server), pump, req);
		req->pump_due = !req->in_data;
		return;
	}
	if (or_http_parse_msg(req->parse)->expect_continue && !req->continued && !req->started) {
		or_conn_put(req->conn, OR_SLICE_LIT("HTTP/1.1 100 Continue\r\n\r\n"));
		or_conn_flush(req->conn);
	}
	req->continued = true;
	set_body_clock(req);
	or_conn_resume(req->conn);
}

void or_http_req_pause(struct or_http_req *req)
{
	if (req->raw_idle_ns) {
		req->flowing = false;
		return;
	}
	if (req->body_done)
		return;
	req->flowing = false;
	req->deadline_ns = 0;
}

static void answer_too_large(void *arg, struct or_http_req *req)
{
	(void)arg;
	or_http_req_respond(req, 413, "text/plain", OR_SLICE_LIT("too large\n"));
}

void or_http_req_collect(
    struct or_http_req *req, size_t max, or_http_req_collected_fn *fn, void *arg)
{
	or_http_req_collect_or(req, max, fn, answer_too_large, arg);
}

void or_http_req_collect_or(struct or_http_req *req, size_t max, or_http_req_collected_fn *fn,
    or_http_req_full_fn *full, void *arg)
{
	req->collect_full = full;
	or_buf_init(&req->collected, max ? max : 1);
	req->collect_max = max;
	req->collect_fn = fn;
	req->collect_arg = arg;
	or_http_req_read(req);
}

/* -- the handler's side: the answer -- */

/* Whether the connection can carry another request after this answer. */
static bool can_keep(const struct or_http_req *req)
{
	const struct or_http_msg *msg = or_http_parse_msg(req->parse);

	if (!msg->keep_alive || or_http_server_is_draining(req->server) || req->half_closed)
		return false;
	if (req->flowing || or_http_parse_is_complete(req->parse))
		return true;
	return !msg->expect_continue && msg->has_length && msg->length <= OR_HTTP_REQ_DRAIN_MAX;
}

static bool has_date(const struct or_http_field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (or_str_eq_nocase(fields[i].name, OR_SLICE_LIT("date")))
			return true;
	}
	return false;
}

static void put_framing(
    struct or_http_req *req, struct or_buf *b, unsigned int status, int64_t length)
{
	const struct or_http_msg *msg = or_http_parse_msg(req->parse);
	bool lengthless = status < 200 || status == 204;

	req->silent = lengthless || status == 304 || or_slice_is(msg->method, "HEAD");
	if (length >= 0 && !lengthless) {
		or_http_write_length(b, (uint64_t)length);
	} else if (!req->silent && msg->minor == 1) {
		req->chunked = true;
		or_buf_put_str(b, "Transfer-Encoding: chunked\r\n");
	} else if (!req->silent) {
		req->keep = false;
	}
	req->counted = length >= 0 && !req->silent;
	req->left = req->counted ? (uint64_t)length : 0;
	if (!req->keep)
		or_buf_put_str(b, "Connection: close\r\n");
	else if (msg->minor == 0)
		or_buf_put_str(b, "Connection: keep-alive\r\n");
}

enum or_code or_http_req_start(struct or_http_req *req, unsigned int status,
    const struct or_http_field *fields, size_t n_fields, int64_t length)
{
	struct or_buf *b = or_http_server_scratch(req->server);

	OR_ASSERT(!req->started && status >= 200 && status <= 599);
	or_http_write_status(b, status);
	if (!or_http_write_fields(b, fields, n_fields))
		return OR_INVAL;
	if (!has_date(fields, n_fields))
		or_buf_put_slice(b, or_http_server_date(req->server));
	req->keep = can_keep(req);
	put_framing(req, b, status, length);
	or_buf_put(b, "\r\n", 2);
	if (!or_buf_ok(b))
		return OR_INVAL;
	req->started = true;
	req->progress_ns = now(req);
	or_conn_put(req->conn, or_buf_slice(b));
	return OR_OK;
}

enum or_code or_http_req_switch(struct or_http_req *req, struct or_slice protocol,
    const struct or_http_field *fields, size_t n_fields, int64_t idle_ns)
{
	struct or_http_field upgrade = {OR_SLICE_LIT("Upgrade"), protocol};
	struct or_buf *b = or_http_server_scratch(req->server);

	OR_ASSERT(!req->started && idle_ns > 0 && req->ops);
	OR_ASSERT(or_http_parse_msg(req->parse)->upgrade && or_http_parse_is_complete(req->parse));
	or_http_write_status(b, 101);
	or_buf_put_str(b, "Connection: upgrade\r\n");
	if (!or_http_write_fields(b, &upgrade, 1) || !or_http_write_fields(b, fields, n_fields))
		return OR_INVAL;
	or_buf_put(b, "\r\n", 2);
	if (!or_buf_ok(b))
		return OR_INVAL;
	take_quiet_end(req);
	req->started = true;
	req->flowing = true;
	req->progress_ns = now(req);
	req->raw_idle_ns = idle_ns;
	touch_raw(req);
	or_conn_put(req->conn, or_buf_slice(b));
	or_conn_flush(req->conn);
	or_conn_resume(req->conn);
	return OR_OK;
}

void or_http_req_write(struct or_http_req *req, struct or_slice piece)
{
	struct or_slice parts[3];
	char size[OR_HTTP_WRITE_CHUNK_MAX];

	OR_ASSERT(req->started && !req->finished);
	if (req->silent || !piece.n)
		return;
	touch_raw(req);
	if (req->counted) {
		piece.n = piece.n < req->left ? piece.n : (size_t)req->left;
		req->left -= piece.n;
	}
	if (!req->chunked) {
		or_conn_write(req->conn, &piece, 1);
		return;
	}
	parts[0] = or_slice(size, or_http_write_chunk(size, piece.n));
	parts[1] = piece;
	parts[2] = OR_SLICE_LIT("\r\n");
	or_conn_write(req->conn, parts, 3);
}

bool or_http_req_is_full(const struct or_http_req *req)
{
	return or_conn_is_full(req->conn);
}

void or_http_req_finish(struct or_http_req *req)
{
	OR_ASSERT(req->started && !req->finished);
	if (req->counted && req->left) {
		or_http_req_abort(req);
		return;
	}
	if (req->chunked)
		or_conn_put(req->conn, OR_SLICE_LIT("0\r\n\r\n"));
	or_conn_flush(req->conn);
	req->finished = true;
	req->ops = NULL;
	if (!req->in_data)
		settle(req);
}

void or_http_req_abort(struct or_http_req *req)
{
	req->finished = true;
	req->ops = NULL;
	or_http_server_close(req);
}

void or_http_req_respond_with(struct or_http_req *req, unsigned int status,
    const struct or_http_field *fields, size_t n_fields, struct or_slice body)
{
	if (or_http_req_start(req, status, fields, n_fields, (int64_t)body.n)) {
		OR_ASSERT(or_http_req_start(req, 500, NULL, 0, 0) == OR_OK);
		body = OR_SLICE_NONE;
	}
	or_http_req_write(req, body);
	or_http_req_finish(req);
}

void or_http_req_respond(
    struct or_http_req *req, unsigned int status, const char *type, struct or_slice body)
{
	struct or_http_field field = {OR_SLICE_LIT("Content-Type"), or_slice_str(type)};

	or_http_req_respond_with(req, status, &field, type ? 1 : 0, body);
}

void or_http_req_refuse(struct or_http_req *req, unsigned int status, const char *why)
{
	struct or_buf *b = or_http_server_scratch(req->server);

	req->finished = true;
	or_http_write_status(b, status);
	or_buf_put_slice(b, or_http_server_date(req->server));
	or_buf_printf(b,
	    "Content-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s\n",
	    strlen(why) + 1, why);
	or_conn_put(req->conn, or_buf_slice(b));
	linger(req);
}
