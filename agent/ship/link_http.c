/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/ship/link_http.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/frame.h"

#include <stdio.h>

enum { ANSWER_MAX = 16 * 1024, TARGET_MAX = 320, DETAIL_MAX = 4096 };

struct ag_link_http {
	struct ag_link link;
	struct or_http_client *client;
	char *origin;
	int64_t timeout_ns;
};

struct call {
	struct or_http_client_call *http;
	ag_link_answer_fn *fn;
	void *arg;
};

/* "HTTP 403 product: the certificate is not for this product", from the collector's JSON. */
static void describe(struct or_buf *out, const struct or_http_client_answer *answer)
{
	struct or_arena *a = or_arena_new(64 * OR_KIB);
	const struct or_json *j = NULL;
	struct or_slice error, message;

	if (or_json_parse(&j, answer->body, a, NULL) != OR_OK)
		j = NULL;
	error = or_json_get_str(j, "error");
	message = or_json_get_str(j, "message");
	or_buf_printf(out, "HTTP %u", answer->status);
	if (error.n)
		or_buf_printf(
		    out, " %.*s", (int)(error.n < 64 ? error.n : 64), (const char *)error.p);
	if (message.n)
		or_buf_printf(out, ": %.*s", (int)(message.n < 160 ? message.n : 160),
		    (const char *)message.p);
	or_arena_free(a);
}

/* Retry-After in seconds (RFC 9110 §10.2.3), of at most a day. */
static int64_t told_to_wait_ns(const struct or_http_client_answer *answer)
{
	uint64_t s = 0;

	if (or_str_u64(&s, or_http_msg_get(answer->msg, "Retry-After")) != OR_OK)
		return 0;
	return (int64_t)(s < 86400 ? s : 86400) * OR_NS_PER_S;
}

static bool is_later(unsigned int status)
{
	return status >= 500 || status == 429 || status == 408;
}

static void on_answer(void *arg, const struct or_http_client_answer *http)
{
	struct call call = *(struct call *)arg;
	struct ag_link_answer answer = {.code = OR_OK, .detail = ""};
	struct or_buf text;

	or_mem_free(arg);
	or_buf_init(&text, DETAIL_MAX);
	if (http->status == 0) {
		answer.code = OR_CLOSED;
		answer.detail = http->err->msg;
	} else if (http->status != 200) {
		describe(&text, http);
		answer.code = is_later(http->status) ? OR_AGAIN : OR_DENIED;
		answer.wait_ns = is_later(http->status) ? told_to_wait_ns(http) : 0;
		answer.detail = or_buf_text(&text);
	}
	call.fn(call.arg, &answer);
	or_buf_done(&text);
}

static enum or_code send_batch(void *self, void **out, const struct ag_link_batch *batch,
    ag_link_answer_fn *fn, void *arg, struct or_err *err)
{
	struct ag_link_http *link = self;
	char target[TARGET_MAX];
	struct or_buf frame;
	struct or_http_field fields[2];
	struct or_http_client_req req = {.origin = link->origin,
	    .method = OR_SLICE_LIT("POST"),
	    .fields = fields,
	    .n_fields = OR_LEN(fields),
	    .body = batch->body,
	    .replayable = true,
	    .head_ns = link->timeout_ns,
	    .total_ns = link->timeout_ns};
	struct call *call = or_mem_new(sizeof(*call));
	enum or_code rc;

	*call = (struct call){.fn = fn, .arg = arg};
	snprintf(target, sizeof(target), "/v1/ingest/%.*s", OR_SLICE_FMT(batch->topic));
	or_buf_init(&frame, 2 * WIRE_FRAME_MAX);
	or_str_base64_encode(&frame, batch->frame);
	req.target = or_slice_str(target);
	fields[0] = (struct or_http_field){
	    OR_SLICE_LIT("Content-Type"), OR_SLICE_LIT("application/x-protobuf")};
	fields[1] = (struct or_http_field){OR_SLICE_LIT("Outrider-Frame"), or_buf_slice(&frame)};
	rc =
	    or_http_client_fetch(&call->http, link->client, &req, ANSWER_MAX, on_answer, call, err);
	or_buf_done(&frame);
	if (rc)
		or_mem_free(call);
	else
		*out = call;
	return rc;
}

static void cancel(void *arg)
{
	struct call *call = arg;

	if (!call)
		return;
	or_http_client_cancel(call->http);
	or_mem_free(call);
}

struct ag_link_http *ag_link_http_new(
    struct or_http_client *client, const char *origin, int64_t timeout_ns)
{
	struct ag_link_http *link = or_mem_new(sizeof(*link));

	link->client = client;
	link->origin = or_mem_strdup(origin);
	link->timeout_ns = timeout_ns ? timeout_ns : 30 * OR_NS_PER_S;
	link->link = (struct ag_link){.name = "http",
	    .peer = link->origin,
	    .self = link,
	    .send = send_batch,
	    .cancel = cancel};
	return link;
}

void ag_link_http_free(struct ag_link_http *link)
{
	if (!link)
		return;
	or_mem_free(link->origin);
	or_mem_free(link);
}

const struct ag_link *ag_link_http_get(const struct ag_link_http *link)
{
	return &link->link;
}
