/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/capture_impl.h"
#include "base/jsonw.h"
#include "proto/otlp_json.h"
#include "proto/otlp_rewrite.h"
#include "proto/pb.h"

#define TREE_MAX (32 * OR_MIB) /* of a request in JSON */

/* google.rpc.Code */
enum { INVALID_ARGUMENT = 3, RESOURCE_EXHAUSTED = 8, UNAVAILABLE = 14 };
enum { STATUS_MAX = 2048 };

static const char *type_of(const struct capture_call *call)
{
	return call->is_json ? "application/json" : "application/x-protobuf";
}

/* google.rpc.Status {code = 1, message = 2} in the request's encoding. */
static void put_status(
    struct or_buf *out, const struct capture_call *call, uint8_t code, const char *message)
{
	struct or_jsonw w;

	if (call->is_json) {
		or_jsonw_init(&w, out, 0);
		or_jsonw_object(&w);
		or_jsonw_kv_u64(&w, "code", code);
		or_jsonw_kv_text(&w, "message", message);
		or_jsonw_end(&w);
		return;
	}
	or_buf_put_byte(out, 1 << 3 | WIRE_PB_VARINT);
	or_buf_put_byte(out, code);
	wire_pb_append(out, 2, or_slice_str(message));
}

void ag_capture_otlp_refuse(
    struct capture_call *call, struct or_http_req *req, unsigned int status, const char *message)
{
	bool is_later = status == 503 || status == 429;
	uint8_t code = status == 503                    ? UNAVAILABLE
		       : status == 413 || status == 429 ? RESOURCE_EXHAUSTED
							: INVALID_ARGUMENT;
	struct or_http_field fields[2] = {
	    {OR_SLICE_LIT("Content-Type"), or_slice_str(type_of(call))},
	    {OR_SLICE_LIT("Retry-After"), OR_SLICE_LIT("1")}};
	struct or_buf body;

	or_buf_init(&body, STATUS_MAX);
	put_status(&body, call, code, message);
	or_http_req_respond_with(req, status, fields, is_later ? 2 : 1, or_buf_slice(&body));
	or_buf_done(&body);
}

/* Whatever came, a request in protobuf. */
static enum or_code to_protobuf(struct ag_capture *c, enum wire_otlp_kind kind, bool is_json,
    struct or_slice *body, uint64_t *items, struct or_err *err)
{
	enum or_code rc = OR_OK;

	if (is_json) {
		struct or_arena *a = or_arena_new(TREE_MAX);

		or_buf_clear(&c->request);
		rc = wire_otlp_json_read(&c->request, kind, *body, a, err);
		*body = or_buf_slice(&c->request);
		or_arena_free(a);
	}
	return rc ? rc : wire_otlp_check(items, kind, *body, err);
}

static bool redact(void *arg, struct or_buf *out, struct or_slice key, struct or_slice text)
{
	return ag_redact_text(arg, out, key, text);
}

/* Before anything touches the disk. OR_FULL: what comes in its place makes it too long. */
static enum or_code take_out(
    struct ag_capture *c, enum wire_otlp_kind kind, struct or_slice *body, struct or_err *err)
{
	if (!c->redact || !wire_otlp_rewrite(&c->redacted, kind, *body, redact, c->redact))
		return OR_OK;
	*body = or_buf_slice(&c->redacted);
	return or_buf_ok(&c->redacted)
		   ? OR_OK
		   : or_err_set(err, OR_FULL, "without its secrets the request is too long");
}

enum or_code ag_capture_otlp_put(struct ag_capture *c, enum ag_capture_topic topic, bool is_json,
    struct or_slice body, struct or_err *err)
{
	enum wire_otlp_kind kind = (enum wire_otlp_kind)topic;
	uint64_t items;
	enum or_code rc = to_protobuf(c, kind, is_json, &body, &items, err);

	rc = rc ? rc : take_out(c, kind, &body, err);
	if (rc)
		return rc == OR_FULL ? OR_FULL : OR_PARSE;
	/* A request without anything in it is a success (OTLP 1.x, "Success"). */
	if (items && ag_capture_append(c, topic, body, items))
		return or_err_set(err, OR_BUSY, AG_CAPTURE_NO_ROOM_TEXT);
	return OR_OK;
}

void ag_capture_otlp_take(struct capture_call *call, struct or_http_req *req, struct or_slice body)
{
	struct or_err err;
	enum or_code rc =
	    ag_capture_otlp_put(call->capture, call->route->topic, call->is_json, body, &err);

	if (rc) {
		ag_capture_refuse(call, req,
		    rc == OR_BUSY   ? 503
		    : rc == OR_FULL ? 413
				    : 400,
		    err.msg);
		return;
	}
	/* Export*ServiceResponse without partial_success: no bytes at all, or no member. */
	or_http_req_respond(
	    req, 200, type_of(call), call->is_json ? OR_SLICE_LIT("{}") : OR_SLICE_NONE);
}
