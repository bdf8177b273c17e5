/* SPDX-License-Identifier: Apache-2.0 */
#include "base/grpc.h"

#include "base/gzip.h"
#include "base/mem.h"
#include "base/str.h"

enum { PREFIX_LEN = 5, TEXT_MAX = 4096, DETAILS_MAX = 8192 };

struct or_grpc {
	struct or_grpc_opt opt;
	struct or_loop *loop;
	struct or_h2_server *server;
	struct or_buf unpacked, text, details; /* reused: one call is handled at a time */
};

struct or_grpc_call {
	struct or_grpc *g;
	struct or_h2_req *req;
	struct or_slice message;
	struct or_loop_timer *timer; /* grpc-timeout, while somebody works on it */
	or_h2_req_close_fn *on_close;
	void *arg;
	bool answered;
};

/* -- the wire format -- */

enum or_code or_grpc_timeout_ns(int64_t *out, struct or_slice s)
{
	static const struct {
		char unit;
		int64_t ns;
	} units[] = {{'H', 3600 * OR_NS_PER_S}, {'M', 60 * OR_NS_PER_S}, {'S', OR_NS_PER_S},
	    {'m', OR_NS_PER_MS}, {'u', OR_NS_PER_US}, {'n', 1}};
	uint64_t n;

	/* 1 to 8 digits and a unit */
	if (s.n < 2 || s.n > 9 || or_str_u64(&n, or_slice(s.p, s.n - 1)))
		return OR_PARSE;
	for (size_t i = 0; i < OR_LEN(units); i++) {
		if (s.p[s.n - 1] != (uint8_t)units[i].unit)
			continue;
		*out = (int64_t)n > INT64_MAX / units[i].ns ? INT64_MAX : (int64_t)n * units[i].ns;
		return OR_OK;
	}
	return OR_PARSE;
}

void or_grpc_put_message(struct or_buf *out, struct or_slice text)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];

		if (c >= 0x20 && c <= 0x7e && c != '%') {
			or_buf_put_byte(out, c);
			continue;
		}
		or_buf_put_byte(out, '%');
		or_buf_put_byte(out, (uint8_t)hex[c >> 4]);
		or_buf_put_byte(out, (uint8_t)hex[c & 15]);
	}
}

/* The one message of a unary call (§ Length-Prefixed-Message). NULL, or why it is none. */
static const char *read_message(struct or_slice *out, bool *packed, struct or_slice body)
{
	uint32_t n;

	if (body.n < PREFIX_LEN)
		return "the call has no whole message";
	n = (uint32_t)body.p[1] << 24 | (uint32_t)body.p[2] << 16 | (uint32_t)body.p[3] << 8 |
	    body.p[4];
	if (body.p[0] > 1)
		return "the message's flag is neither 0 nor 1";
	if (n != body.n - PREFIX_LEN)
		return body.n - PREFIX_LEN < n ? "the message is cut short"
					       : "a call takes one message";
	*packed = body.p[0] == 1;
	*out = or_slice_from(body, PREFIX_LEN);
	return NULL;
}

/* -- answers -- */

static const struct or_http_field content_type = {
    OR_SLICE_LIT("content-type"), OR_SLICE_LIT("application/grpc")};
static const struct or_http_field accept_encoding = {
    OR_SLICE_LIT("grpc-accept-encoding"), OR_SLICE_LIT("identity,gzip")};

static void end(struct or_grpc_call *call)
{
	OR_ASSERT(!call->answered);
	call->answered = true;
	or_loop_timer_cancel(call->timer);
	call->timer = NULL;
}

void or_grpc_call_reply(struct or_grpc_call *call, struct or_slice message)
{
	const struct or_http_field fields[] = {content_type, accept_encoding};
	const struct or_http_field trailer = {OR_SLICE_LIT("grpc-status"), OR_SLICE_LIT("0")};
	struct or_h2_answer a = {.status = 200,
	    .fields = fields,
	    .n_fields = OR_LEN(fields),
	    .trailers = &trailer,
	    .n_trailers = 1};
	struct or_arena *arena = or_h2_req_arena(call->req);
	uint8_t *body = or_arena_alloc(arena, PREFIX_LEN + message.n);

	if (!body || message.n > UINT32_MAX) {
		or_grpc_call_fail(
		    call, OR_GRPC_RESOURCE_EXHAUSTED, "no memory for the answer", OR_SLICE_NONE);
		return;
	}
	end(call);
	for (int i = 0; i < 4; i++)
		body[1 + i] = (uint8_t)(message.n >> (24 - 8 * i));
	if (message.n)
		memcpy(body + PREFIX_LEN, message.p, message.n);
	a.body = or_slice(body, PREFIX_LEN + message.n);
	or_h2_req_answer(call->req, &a);
}

/* Trailers-Only: one HEADERS frame (§ Responses). */
void or_grpc_call_fail(
    struct or_grpc_call *call, enum or_grpc_code code, const char *message, struct or_slice details)
{
	struct or_grpc *g = call->g;
	struct or_http_field fields[5] = {content_type, accept_encoding};
	struct or_h2_answer a = {.status = 200, .fields = fields, .n_fields = 2};
	char digits[2] = {(char)('0' + (int)code / 10), (char)('0' + (int)code % 10)};

	end(call);
	or_buf_clear(&g->text);
	or_buf_clear(&g->details);
	or_grpc_put_message(&g->text, or_slice_str(message));
	or_str_base64_encode(&g->details, details);
	fields[a.n_fields++] = (struct or_http_field){
	    OR_SLICE_LIT("grpc-status"), code < 10 ? or_slice(digits + 1, 1) : or_slice(digits, 2)};
	if (or_buf_ok(&g->text) && g->text.n)
		fields[a.n_fields++] =
		    (struct or_http_field){OR_SLICE_LIT("grpc-message"), or_buf_slice(&g->text)};
	if (details.n && or_buf_ok(&g->details))
		fields[a.n_fields++] = (struct or_http_field){
		    OR_SLICE_LIT("grpc-status-details-bin"), or_buf_slice(&g->details)};
	or_h2_req_answer(call->req, &a);
}

static void refuse(struct or_grpc_call *call, enum or_grpc_code code, const char *message)
{
	struct or_grpc *g = call->g;
	struct or_buf details;

	or_buf_init(&details, DETAILS_MAX);
	if (g->opt.on_refused)
		g->opt.on_refused(g->opt.arg, code, &details);
	or_grpc_call_fail(call, code, message, or_buf_slice(&details));
	or_buf_done(&details);
}

static void answer_http(struct or_h2_req *req, unsigned int status)
{
	const struct or_h2_answer a = {.status = status};

	or_h2_req_answer(req, &a);
}

/* -- calls -- */

static void give_up(struct or_grpc_call *call, enum or_code why)
{
	or_h2_req_close_fn *fn = call->on_close;

	call->on_close = NULL;
	if (fn)
		fn(call->arg, why);
}

static void on_timeout(void *arg)
{
	struct or_grpc_call *call = arg;

	call->timer = NULL;
	give_up(call, OR_TIMEOUT);
	or_grpc_call_fail(call, OR_GRPC_DEADLINE_EXCEEDED, "the deadline passed", OR_SLICE_NONE);
}

static void on_close(void *arg, enum or_code why)
{
	struct or_grpc_call *call = arg;

	or_loop_timer_cancel(call->timer);
	call->timer = NULL;
	give_up(call, why);
}

void or_grpc_call_attach(struct or_grpc_call *call, or_h2_req_close_fn *fn, void *arg)
{
	struct or_slice timeout = or_http_msg_get(or_h2_req_msg(call->req), "grpc-timeout");
	int64_t ns;

	call->on_close = fn;
	call->arg = arg;
	or_h2_req_attach(call->req, on_close, call);
	if (!call->timer && timeout.p && or_grpc_timeout_ns(&ns, timeout) == OR_OK)
		call->timer = or_loop_timer_start(call->g->loop, ns, on_timeout, call);
}

/* application/grpc, or with +proto, or with parameters. */
static bool is_grpc(struct or_slice type)
{
	type = or_str_trim(or_slice(type.p, or_str_find(type, ';', 0)));
	return or_str_eq_nocase(type, OR_SLICE_LIT("application/grpc")) ||
	       or_str_eq_nocase(type, OR_SLICE_LIT("application/grpc+proto"));
}

/* False: refused. */
static bool unpack(struct or_grpc_call *call)
{
	struct or_slice coding = or_http_msg_get(or_h2_req_msg(call->req), "grpc-encoding");
	struct or_buf *to = &call->g->unpacked;
	enum or_code rc;

	if (!coding.n || or_slice_is(coding, "identity")) {
		refuse(call, OR_GRPC_INTERNAL, "a packed message needs a grpc-encoding");
		return false;
	}
	if (!or_slice_is(coding, "gzip")) {
		refuse(call, OR_GRPC_UNIMPLEMENTED, "expected grpc-encoding identity or gzip");
		return false;
	}
	or_buf_init(to, call->g->opt.max_message);
	rc = or_gzip_decode(to, call->message, NULL);
	if (rc == OR_OK)
		rc = or_h2_req_swap_body(call->req, to);
	or_buf_done(to);
	if (rc == OR_OK)
		call->message = or_h2_req_body(call->req);
	else if (rc == OR_FULL)
		refuse(call, OR_GRPC_RESOURCE_EXHAUSTED, "the unpacked message is too large");
	else if (rc == OR_BUSY)
		refuse(call, OR_GRPC_UNAVAILABLE, "too many messages at once");
	else
		refuse(call, OR_GRPC_INTERNAL, "the message is not gzip");
	return rc == OR_OK;
}

/* The message, ready for its method. False: refused. */
static bool read_call(struct or_grpc_call *call)
{
	struct or_slice timeout = or_http_msg_get(or_h2_req_msg(call->req), "grpc-timeout");
	enum or_code fault = or_h2_req_fault(call->req);
	const char *why = NULL;
	bool packed = false;
	int64_t ns;

	if (fault == OR_FULL) {
		refuse(call, OR_GRPC_RESOURCE_EXHAUSTED, "the message is too large");
		return false;
	}
	if (fault) {
		refuse(call, OR_GRPC_UNAVAILABLE, "too many messages at once");
		return false;
	}
	if (timeout.p && or_grpc_timeout_ns(&ns, timeout))
		why = "malformed grpc-timeout";
	if (!why)
		why = read_message(&call->message, &packed, or_h2_req_body(call->req));
	if (why) {
		refuse(call, OR_GRPC_INTERNAL, why);
		return false;
	}
	return !packed || unpack(call);
}

static const struct or_grpc_method *find_method(const struct or_grpc *g, struct or_slice path)
{
	for (size_t i = 0; i < g->opt.n_methods; i++) {
		if (or_slice_is(path, g->opt.methods[i].path))
			return &g->opt.methods[i];
	}
	return NULL;
}

static void on_request(void *arg, struct or_h2_req *req)
{
	struct or_grpc *g = arg;
	const struct or_http_msg *msg = or_h2_req_msg(req);
	const struct or_grpc_method *method;
	struct or_grpc_call *call;

	if (!or_slice_is(msg->method, "POST")) {
		answer_http(req, 405);
		return;
	}
	if (!is_grpc(or_http_msg_get(msg, "content-type"))) {
		answer_http(req, 415);
		return;
	}
	call = or_arena_alloc(or_h2_req_arena(req), sizeof(*call));
	if (!call) {
		answer_http(req, 503);
		return;
	}
	call->g = g;
	call->req = req;
	method = find_method(g, msg->target);
	if (!method)
		refuse(call, OR_GRPC_UNIMPLEMENTED, "no such method");
	else if (read_call(call))
		method->fn(g->opt.arg, call);
}

struct or_slice or_grpc_call_message(const struct or_grpc_call *call)
{
	return call->message;
}

struct or_arena *or_grpc_call_arena(struct or_grpc_call *call)
{
	return or_h2_req_arena(call->req);
}

const struct or_net_addr *or_grpc_call_peer(const struct or_grpc_call *call)
{
	return or_h2_server_peer(call->req);
}

const char *or_grpc_call_peer_text(const struct or_grpc_call *call)
{
	return or_h2_server_peer_text(call->req);
}

/* -- the server -- */

enum or_code or_grpc_new(
    struct or_grpc **out, struct or_loop *loop, const struct or_grpc_opt *opt, struct or_err *err)
{
	struct or_grpc *g = or_mem_new(sizeof(*g));
	struct or_h2_server_opt server = {.listen = opt->listen,
	    .max_conns = opt->max_conns,
	    .h2 = {.max_streams = opt->max_streams,
		.max_body = opt->max_message + PREFIX_LEN,
		.max_bodies = opt->max_messages,
		.arena = opt->arena},
	    .tls = opt->tls,
	    .on_request = on_request,
	    .arg = g};
	enum or_code rc;

	g->opt = *opt;
	g->loop = loop;
	or_buf_init(&g->unpacked, opt->max_message);
	or_buf_init(&g->text, TEXT_MAX);
	or_buf_init(&g->details, DETAILS_MAX);
	rc = or_h2_server_new(&g->server, loop, &server, err);
	if (rc) {
		or_grpc_free(g);
		return rc;
	}
	*out = g;
	return OR_OK;
}

void or_grpc_free(struct or_grpc *g)
{
	if (!g)
		return;
	or_h2_server_free(g->server);
	or_buf_done(&g->unpacked);
	or_buf_done(&g->text);
	or_buf_done(&g->details);
	or_mem_free(g);
}

const char *or_grpc_address(const struct or_grpc *g)
{
	return or_h2_server_address(g->server);
}

void or_grpc_drain(struct or_grpc *g, or_loop_fn *done, void *arg)
{
	or_h2_server_drain(g->server, done, arg);
}

void or_grpc_stats(struct or_h2_server_stats *out, const struct or_grpc *g)
{
	or_h2_server_stats(out, g->server);
}
