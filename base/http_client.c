/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A link is a connection to an origin: it carries one call at a time, or lies idle in its origin's
 * pool, oldest last. Deadlines are looked at by one sweep, as in base/http_server.c.
 */
#include "base/http_client.h"

#include "base/http_client_impl.h"
#include "base/http_parse.h"
#include "base/http_write.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdio.h>

#define HEAD_MAX     (64U * 1024)
#define SWEEP_MAX_NS (250 * OR_NS_PER_MS)
#define SWEEP_MIN_NS (5 * OR_NS_PER_MS)
#define CONNECT_NS   (5 * OR_NS_PER_S)
#define HEAD_NS      (30 * OR_NS_PER_S)

static const struct or_conn_ops link_ops;

static void on_sweep(void *arg);
static void pump(void *arg);

/* -- origins and links -- */

/* A place for another origin: a new one, or that of one nobody is connected to. */
static struct origin *make_room(struct or_http_client *client)
{
	if (client->n_origins < OR_HTTP_CLIENT_ORIGINS_MAX)
		return client->origins[client->n_origins++] = or_mem_new(sizeof(struct origin));
	for (size_t i = 0; i < OR_HTTP_CLIENT_ORIGINS_MAX; i++) {
		if (!client->origins[i]->n_links)
			return client->origins[i];
	}
	return NULL;
}

static enum or_code find_origin(struct origin **out, struct or_http_client *client,
    const struct or_http_client_req *req, struct or_err *err)
{
	struct or_http_origin to;
	enum or_code rc;

	for (size_t i = 0; i < client->n_origins; i++) {
		*out = client->origins[i];
		if (or_http_origin_is(&(*out)->to, req->origin, req->tls, req->tls_host))
			return OR_OK;
	}
	rc = or_http_origin_init(&to, req->origin, req->tls, req->tls_host, err);
	if (rc)
		return rc;
	*out = make_room(client);
	if (!*out) {
		or_http_origin_done(&to);
		return or_err_set(
		    err, OR_FULL, "connections to %d origins are open", OR_HTTP_CLIENT_ORIGINS_MAX);
	}
	or_http_origin_done(&(*out)->to);
	**out = (struct origin){.to = to};
	return OR_OK;
}

static void unpool(struct link *link)
{
	struct link **at = &link->origin->idle;

	while (*at && *at != link)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = link->next;
	link->origin->n_idle--;
}

/* Closes the connection; the memory stays while its on_data runs. */
static void free_link(struct link *link)
{
	if (link->conn) {
		unpool(link);
		or_conn_free(link->conn);
		link->conn = NULL;
		link->origin->n_links--;
		link->client->n_links--;
	}
	if (link->in_data)
		return;
	or_http_parse_free(link->parse);
	or_mem_free(link);
}

static struct or_http_parse *new_parse(uint64_t max_body)
{
	return or_http_parse_new(
	    &(struct or_http_parse_opt){.kind = OR_HTTP_PARSE_RESPONSES, .max_body = max_body});
}

static enum or_code open_link(
    struct link **out, struct or_http_client *client, struct origin *origin, struct or_err *err)
{
	struct link *link;
	enum or_code rc;

	if (client->n_links >= client->opt.max_conns)
		return or_err_set(err, OR_FULL, "%zu connections are open", client->n_links);
	link = or_mem_new(sizeof(*link));
	rc = or_http_origin_connect(
	    &link->conn, &origin->to, client->hub, client->opt.high, &link_ops, link, err);
	if (rc) {
		or_mem_free(link);
		return rc;
	}
	link->client = client;
	link->origin = origin;
	link->parse = new_parse(0);
	origin->n_links++;
	client->n_links++;
	*out = link;
	return OR_OK;
}

static struct link *take_idle(struct origin *origin)
{
	struct link *link = origin->idle;

	if (!link)
		return NULL;
	unpool(link);
	if (link->stale)
		or_http_parse_next(link->parse);
	link->stale = false;
	return link;
}

static void start_sweep(struct or_http_client *client, int64_t period_ns)
{
	if (client->sweep && client->sweep_ns <= period_ns)
		return;
	or_loop_timer_cancel(client->sweep);
	client->sweep_ns = period_ns;
	client->sweep = or_loop_timer_start(client->loop, period_ns, on_sweep, client);
}

/* The exchange is over; the connection is kept where both sides can go on. */
static void put_idle(struct link *link, bool reusable)
{
	struct or_http_client *client = link->client;

	if (!reusable || link->origin->n_idle >= client->opt.max_idle) {
		free_link(link);
		return;
	}
	link->call = NULL;
	link->used = true;
	link->stale = true;
	link->idle_since_ns = or_loop_now_ns(client->loop);
	link->next = link->origin->idle;
	link->origin->idle = link;
	link->origin->n_idle++;
	or_conn_resume(link->conn);
	start_sweep(client, client->opt.idle_ns / 4);
}

/* -- calls -- */

static struct or_http_client_call *new_call(struct or_http_client *client)
{
	struct or_http_client_call *call = client->spare;

	if (call) {
		struct or_buf head = call->head;

		client->spare = call->next;
		or_buf_clear(&head);
		*call = (struct or_http_client_call){.head = head};
	} else {
		call = or_mem_new(sizeof(*call));
		or_buf_init(&call->head, HEAD_MAX);
	}
	or_buf_init(&call->collected, 1);
	call->client = client;
	call->next = client->calls;
	if (call->next)
		call->next->prev = call;
	client->calls = call;
	return call;
}

static void free_call(struct or_http_client_call *call)
{
	struct or_http_client *client = call->client;

	if (call->pump_due)
		or_loop_defer_cancel(client->loop, pump, call);
	if (call->prev)
		call->prev->next = call->next;
	else
		client->calls = call->next;
	if (call->next)
		call->next->prev = call->prev;
	if (client->sweep_next == call)
		client->sweep_next = call->next;
	or_buf_done(&call->collected);
	call->next = client->spare;
	client->spare = call;
}

/* Takes the call off its connection, which is closed. */
static void drop_link(struct or_http_client_call *call)
{
	if (!call->link)
		return;
	call->link->call = NULL;
	free_link(call->link);
	call->link = NULL;
}

void or_http_client_cancel(struct or_http_client_call *call)
{
	if (!call)
		return;
	drop_link(call);
	free_call(call);
}

static void fail(struct or_http_client_call *call, const struct or_err *err)
{
	const struct or_http_client_ops *ops = call->ops;
	struct or_http_client_answer answer = {.head = call->status, .err = err};
	or_http_client_fn *fn = call->collect_fn;
	void *arg = fn ? call->collect_arg : call->arg;

	drop_link(call);
	free_call(call);
	if (fn)
		fn(arg, &answer);
	else
		ops->on_fail(arg, err);
}

static void fail_code(struct or_http_client_call *call, enum or_code code, const char *why)
{
	struct or_err err;

	or_err_set(&err, code, "%s: %s", call->origin->to.text, why);
	fail(call, &err);
}

static void send_request(struct or_http_client_call *call)
{
	struct or_slice parts[2] = {or_buf_slice(&call->head), call->body};

	or_conn_write(call->link->conn, parts, 2);
}

/* Puts the call on a connection: a kept one unless fresh is asked for. */
static enum or_code attach_link(struct or_http_client_call *call, bool fresh, struct or_err *err)
{
	struct link *link = fresh ? NULL : take_idle(call->origin);

	if (!link) {
		enum or_code rc = open_link(&link, call->client, call->origin, err);

		if (rc)
			return rc;
	}
	if (link->max_body != call->max_body) {
		or_http_parse_free(link->parse);
		link->parse = new_parse(call->max_body);
		link->max_body = call->max_body;
	}
	link->call = call;
	link->received = false;
	call->link = link;
	if (call->is_head)
		or_http_parse_expect_head(link->parse);
	send_request(call);
	return OR_OK;
}

/* The connection ended before the answer did. */
static void on_broken(struct or_http_client_call *call, enum or_code why)
{
	struct link *link = call->link;
	struct or_err err;

	if (link->used && !link->received && call->replayable && !call->wrote && !call->retried) {
		call->retried = true;
		drop_link(call);
		if (attach_link(call, true, &err))
			fail(call, &err);
		return;
	}
	if (why == OR_DENIED)
		fail_code(call, why, "the server's certificate does not hold");
	else
		fail_code(
		    call, why, link->open || link->used ? "the connection broke" : "no connection");
}

/* -- the answer -- */

static void collect_end(struct or_http_client_call *call, const struct or_http_msg *msg)
{
	struct or_http_client_answer answer = {
	    .status = msg->status, .head = msg->status, .msg = msg};
	or_http_client_fn *fn = call->collect_fn;
	void *arg = call->collect_arg;
	struct or_buf body = call->collected;

	or_buf_init(&call->collected, 1);
	free_call(call);
	answer.body = or_buf_slice(&body);
	fn(arg, &answer);
	or_buf_done(&body);
}

/* extra: bytes came behind the answer, which nobody asked for: they must not answer the next. */
static void take_end(struct link *link, bool extra)
{
	struct or_http_client_call *call = link->call;
	const struct or_http_msg *msg = or_http_parse_msg(link->parse);
	const struct or_http_client_ops *ops = call->ops;
	void *arg = call->arg;

	if (msg->status < 200) {
		or_http_parse_next(link->parse);
		return;
	}
	/* In the pool before the callback, whose next call may take it; the head stays readable. */
	link->call = NULL;
	call->link = NULL;
	link->in_data = true;
	put_idle(link, msg->keep_alive && call->sent && !extra);
	if (call->collect_fn) {
		collect_end(call, msg);
	} else {
		free_call(call);
		ops->on_end(arg);
	}
}

static void take_head(struct link *link)
{
	struct or_http_client_call *call = link->call;
	const struct or_http_msg *msg = or_http_parse_msg(link->parse);

	if (msg->status == 101 && call->upgrades) {
		call->raw = true;
		call->sent = call->chunked = call->counted = false;
		call->total_by_ns = 0;
	} else if (msg->status == 101) {
		fail_code(call, OR_UNSUPPORTED, "the server changed the protocol");
		return;
	}
	if (msg->status < 200 && !call->raw)
		return;
	call->has_head = true;
	call->status = msg->status;
	if (!call->collect_fn)
		call->ops->on_head(call->arg, msg);
}

static void take_body(struct link *link, struct or_slice piece)
{
	struct or_http_client_call *call = link->call;

	if (!call->collect_fn)
		call->ops->on_body(call->arg, piece);
	else if (piece.n > call->collect_max - call->collected.n)
		fail_code(call, OR_FULL, "the answer is too large");
	else
		or_buf_put_slice(&call->collected, piece);
}

/* One event of the parser; false where nothing more is to be read now. */
static bool take_event(struct link *link, struct or_slice in, size_t *used)
{
	struct or_slice body = OR_SLICE_NONE;
	enum or_http_reason reason;

	switch (or_http_parse_feed(link->parse, in, used, &body)) {
	case OR_HTTP_PARSE_MORE: return false;
	case OR_HTTP_PARSE_HEAD: take_head(link); return true;
	case OR_HTTP_PARSE_BODY: take_body(link, body); return true;
	case OR_HTTP_PARSE_END: take_end(link, *used < in.n); return true;
	case OR_HTTP_PARSE_REFUSED:
	default:
		reason = or_http_parse_reason(link->parse);
		fail_code(link->call, reason == OR_HTTP_BODY_LARGE ? OR_FULL : OR_PARSE,
		    or_http_msg_reason_name(reason));
		return true;
	}
}

/* Of a tunnel: what is not wanted yet stays where it is. */
static size_t take_raw(struct link *link, struct or_slice in)
{
	struct or_http_client_call *call = link->call;

	if (!call || !call->raw || call->paused || !in.n)
		return 0;
	call->ops->on_body(call->arg, in);
	return in.n;
}

static size_t on_data(void *arg, struct or_slice in)
{
	struct link *link = arg;
	size_t at = 0;

	/* Nobody asked: what comes on an idle connection cannot be an answer. */
	if (!link->call) {
		free_link(link);
		return in.n;
	}
	link->received |= in.n > 0;
	link->in_data = true;
	while (link->conn && link->call && !link->call->paused && !link->call->raw) {
		size_t used = 0;
		bool more = take_event(link, or_slice_from(in, at), &used);

		at += used;
		if (!more)
			break;
	}
	if (link->conn)
		at += take_raw(link, or_slice_from(in, at));
	link->in_data = false;
	if (!link->conn) {
		free_link(link);
	} else if (!link->call && at < in.n) {
		free_link(link);
		at = in.n;
	}
	return at;
}

static void on_eof(void *arg)
{
	struct link *link = arg;
	struct or_http_client_call *call = link->call;

	if (!call) {
		free_link(link);
		return;
	}
	if (call->raw) {
		const struct or_http_client_ops *ops = call->ops;
		void *of = call->arg;

		or_http_client_cancel(call);
		ops->on_end(of);
		return;
	}
	if (or_http_parse_eof(link->parse) != OR_HTTP_PARSE_END) {
		on_broken(call, OR_CLOSED);
		return;
	}
	link->in_data = true;
	take_end(link, false);
	link->in_data = false;
	if (!link->conn)
		free_link(link);
}

static void on_room(void *arg)
{
	struct link *link = arg;

	if (link->call && link->call->ops && link->call->ops->on_room && !link->call->sent)
		link->call->ops->on_room(link->call->arg);
}

static void on_open(void *arg)
{
	struct link *link = arg;

	link->open = true;
	if (link->call)
		link->call->connect_by_ns = 0;
}

static void on_lost(void *arg, enum or_code why)
{
	struct link *link = arg;

	if (link->call)
		on_broken(link->call, why);
	else
		free_link(link);
}

static const struct or_conn_ops link_ops = {.on_open = on_open,
    .on_data = on_data,
    .on_eof = on_eof,
    .on_room = on_room,
    .on_lost = on_lost};

/* -- the request -- */

static void put_framing(struct or_http_client_call *call, const struct or_http_client_req *req)
{
	struct or_buf *b = &call->head;
	int64_t length = req->streams ? req->length : (int64_t)req->body.n;

	if (length == OR_HTTP_CLIENT_STREAM) {
		call->chunked = true;
		or_buf_put_str(b, "Transfer-Encoding: chunked\r\n");
	} else if (length > 0 || or_slice_is(req->method, "POST") ||
		   or_slice_is(req->method, "PUT") || or_slice_is(req->method, "PATCH")) {
		or_http_write_length(b, (uint64_t)length);
	}
	call->counted = req->streams && !call->chunked;
	call->left = call->counted ? (uint64_t)length : 0;
	call->sent = !req->streams;
	if (!req->streams)
		call->body = req->body;
}

static enum or_code put_head(
    struct or_http_client_call *call, const struct or_http_client_req *req, struct or_err *err)
{
	struct or_slice method = req->method.n ? req->method : OR_SLICE_LIT("GET");
	struct or_slice host = req->host.n ? req->host : or_slice_str(call->origin->to.text);
	struct or_buf *b = &call->head;

	if (!req->host.n && or_str_has_prefix(host, "unix:"))
		host = OR_SLICE_LIT("localhost");
	if (!or_http_write_request(b, method, req->target, host))
		return or_err_set(err, OR_INVAL, "method, target or host is malformed");
	if (!or_http_write_fields(b, req->fields, req->n_fields))
		return or_err_set(err, OR_INVAL, "a header field is malformed");
	put_framing(call, req);
	or_buf_put(b, "\r\n", 2);
	call->is_head = or_slice_is(method, "HEAD");
	return or_buf_ok(b) ? OR_OK : or_err_set(err, OR_FULL, "the head is too large");
}

static void set_deadlines(struct or_http_client_call *call, const struct or_http_client_req *req)
{
	int64_t now = or_loop_now_ns(call->client->loop);
	int64_t connect_ns = req->connect_ns ? req->connect_ns : CONNECT_NS;
	int64_t head_ns = req->head_ns ? req->head_ns : HEAD_NS;
	int64_t least = connect_ns < head_ns ? connect_ns : head_ns;

	if (req->total_ns && req->total_ns < least)
		least = req->total_ns;
	if (!call->link->open)
		call->connect_by_ns = now + connect_ns;
	call->head_ns = head_ns;
	call->head_by_ns = now + head_ns;
	call->total_by_ns = req->total_ns ? now + req->total_ns : 0;
	least /= 8;
	if (least > SWEEP_MAX_NS)
		least = SWEEP_MAX_NS;
	start_sweep(call->client, least < SWEEP_MIN_NS ? SWEEP_MIN_NS : least);
}

static enum or_code start(struct or_http_client_call **out, struct or_http_client *client,
    const struct or_http_client_req *req, struct or_err *err)
{
	struct or_http_client_call *call;
	struct origin *origin = NULL;
	enum or_code rc;

	rc = find_origin(&origin, client, req, err);
	if (rc)
		return rc;
	call = new_call(client);
	call->origin = origin;
	call->replayable = req->replayable;
	call->max_body = req->max_body;
	call->upgrades = req->upgrades;
	rc = put_head(call, req, err);
	if (!rc)
		rc = attach_link(call, false, err);
	if (rc) {
		free_call(call);
		return rc;
	}
	set_deadlines(call, req);
	*out = call;
	return OR_OK;
}

enum or_code or_http_client_start(struct or_http_client_call **out, struct or_http_client *client,
    const struct or_http_client_req *req, const struct or_http_client_ops *ops, void *arg,
    struct or_err *err)
{
	enum or_code rc = start(out, client, req, err);

	if (rc)
		return rc;
	(*out)->ops = ops;
	(*out)->arg = arg;
	return OR_OK;
}

enum or_code or_http_client_fetch(struct or_http_client_call **out, struct or_http_client *client,
    const struct or_http_client_req *req, size_t max, or_http_client_fn *fn, void *arg,
    struct or_err *err)
{
	enum or_code rc;

	OR_ASSERT(!req->streams);
	rc = start(out, client, req, err);
	if (rc)
		return rc;
	or_buf_init(&(*out)->collected, max ? max : 1);
	(*out)->collect_max = max;
	(*out)->collect_fn = fn;
	(*out)->collect_arg = arg;
	return OR_OK;
}

/* The answer's head is awaited from the last content on. */
static void mark_wrote(struct or_http_client_call *call)
{
	call->wrote = true;
	call->head_by_ns = or_loop_now_ns(call->client->loop) + call->head_ns;
}

void or_http_client_write(struct or_http_client_call *call, struct or_slice piece)
{
	struct or_slice parts[3] = {OR_SLICE_NONE, piece, OR_SLICE_NONE};
	char size[OR_HTTP_WRITE_CHUNK_MAX];

	OR_ASSERT(!call->sent);
	if (!piece.n)
		return;
	mark_wrote(call);
	if (call->counted) {
		parts[1].n = piece.n < call->left ? piece.n : (size_t)call->left;
		call->left -= parts[1].n;
	}
	if (call->chunked) {
		parts[0] = or_slice(size, or_http_write_chunk(size, piece.n));
		parts[2] = OR_SLICE_LIT("\r\n");
	}
	or_conn_write(call->link->conn, parts, 3);
}

void or_http_client_finish(struct or_http_client_call *call)
{
	struct or_slice last = OR_SLICE_LIT("0\r\n\r\n");

	OR_ASSERT(!call->sent && call->left == 0);
	call->sent = true;
	mark_wrote(call);
	if (call->raw)
		or_conn_shutdown(call->link->conn);
	else if (call->chunked)
		or_conn_write(call->link->conn, &last, 1);
}

bool or_http_client_is_full(const struct or_http_client_call *call)
{
	return or_conn_is_full(call->link->conn);
}

void or_http_client_pause(struct or_http_client_call *call)
{
	call->paused = true;
}

/* The last piece of an answer may have come before the pause: its end needs no more input. */
static void pump(void *arg)
{
	struct or_http_client_call *call = arg;

	call->pump_due = false;
	(void)on_data(call->link, OR_SLICE_NONE);
}

void or_http_client_resume(struct or_http_client_call *call)
{
	call->paused = false;
	if (call->link->in_data)
		return;
	if (call->raw || !or_http_parse_is_complete(call->link->parse)) {
		or_conn_resume(call->link->conn);
	} else if (!call->pump_due) {
		call->pump_due = true;
		or_loop_defer(call->client->loop, pump, call);
	}
}

/* -- deadlines -- */

static const char *expired(const struct or_http_client_call *call, int64_t now)
{
	if (call->connect_by_ns && now > call->connect_by_ns)
		return "no connection in time";
	if (call->head_by_ns && !call->has_head && now > call->head_by_ns)
		return "no answer in time";
	if (call->total_by_ns && now > call->total_by_ns)
		return "the answer was not complete in time";
	return NULL;
}

static void close_idle(struct or_http_client *client, int64_t now)
{
	for (size_t i = 0; i < client->n_origins; i++) {
		struct link *link = client->origins[i]->idle, *next;

		for (; link; link = next) {
			next = link->next;
			if (now - link->idle_since_ns > client->opt.idle_ns)
				free_link(link);
		}
	}
}

static void on_sweep(void *arg)
{
	struct or_http_client *client = arg;
	int64_t now = or_loop_now_ns(client->loop);
	struct or_http_client_call *call;

	client->sweep = NULL;
	for (call = client->calls; call; call = client->sweep_next) {
		const char *why = expired(call, now);

		client->sweep_next = call->next;
		if (why)
			fail_code(call, OR_TIMEOUT, why);
	}
	close_idle(client, now);
	if (client->n_links)
		start_sweep(client, client->calls ? client->sweep_ns : client->opt.idle_ns / 4);
}

/* -- the client -- */

struct or_http_client *or_http_client_new(
    struct or_loop *loop, const struct or_http_client_opt *opt)
{
	struct or_http_client *client = or_mem_new(sizeof(*client));

	client->loop = loop;
	if (opt)
		client->opt = *opt;
	client->opt.max_conns = client->opt.max_conns ? client->opt.max_conns : 256;
	client->opt.max_idle = client->opt.max_idle ? client->opt.max_idle : 16;
	client->opt.idle_ns = client->opt.idle_ns ? client->opt.idle_ns : 15 * OR_NS_PER_S;
	client->hub = or_conn_hub_new(loop);
	return client;
}

void or_http_client_free(struct or_http_client *client)
{
	if (!client)
		return;
	while (client->calls)
		or_http_client_cancel(client->calls);
	for (size_t i = 0; i < client->n_origins; i++) {
		while (client->origins[i]->idle)
			free_link(client->origins[i]->idle);
		or_http_origin_done(&client->origins[i]->to);
		or_mem_free(client->origins[i]);
	}
	while (client->spare) {
		struct or_http_client_call *call = client->spare;

		client->spare = call->next;
		or_buf_done(&call->head);
		or_mem_free(call);
	}
	or_loop_timer_cancel(client->sweep);
	or_conn_hub_free(client->hub);
	or_mem_free(client);
}
