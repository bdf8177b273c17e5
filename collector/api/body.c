/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/api/api_impl.h"

struct body {
	struct co_api_call *call;
	struct or_buf buf;
	size_t counted; /* of api->pending */
	size_t max;
	co_body_fn *fn;
};

static void drop(struct body *b)
{
	b->call->api->pending -= b->counted;
	or_buf_done(&b->buf);
}

static void on_body(void *arg, struct or_slice piece)
{
	struct body *b = arg;
	struct co_api *api = b->call->api;

	if (b->buf.n + piece.n > b->max) {
		drop(b);
		co_reply_error(
		    b->call, 413, "too_large", "the body has more than %zu bytes", b->max);
		return;
	}
	if (api->pending + piece.n > api->opt.max_pending) {
		drop(b);
		co_reply_error(b->call, 503, "busy",
		    "too much is being received at once; send it again later");
		return;
	}
	api->pending += piece.n;
	b->counted += piece.n;
	or_buf_put_slice(&b->buf, piece);
}

static void on_end(void *arg)
{
	struct body *b = arg;
	struct body own = *b; /* the request's arena may go inside fn */
	struct co_api *api = b->call->api;

	own.fn(own.call, or_buf_slice(&own.buf));
	api->pending -= own.counted;
	or_buf_done(&own.buf);
}

static void on_close(void *arg, enum or_code why)
{
	(void)why;
	drop(arg);
}

void co_body_read(struct co_api_call *call, size_t max, co_body_fn *fn)
{
	static const struct or_http_req_ops ops = {
	    .on_body = on_body, .on_end = on_end, .on_close = on_close};
	const struct or_http_msg *msg = or_http_req_msg(call->req);
	struct body *b = or_arena_alloc(or_http_req_arena(call->req), sizeof(*b));

	if (msg->has_length && msg->length > max) {
		co_reply_error(call, 413, "too_large", "the body has more than %zu bytes", max);
		return;
	}
	if (!b) {
		co_reply_error(call, 503, "busy", "no memory is left for this request");
		return;
	}
	*b = (struct body){.call = call, .max = max, .fn = fn};
	or_buf_init(&b->buf, max ? max : 1);
	or_http_req_attach(call->req, &ops, b);
	or_http_req_read(call->req);
}
