/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/capture_impl.h"
#include "base/jsonw.h"
#include "proto/openlineage.h"

#define TREE_MAX (32 * OR_MIB)

enum { ANSWER_MAX = 256 * 1024, MESSAGE_MAX = 4096, FAILURES_SHOWN = 100 };

void ag_capture_lineage_refuse(
    struct capture_call *call, struct or_http_req *req, unsigned int status, const char *message)
{
	struct or_http_field fields[2] = {
	    {OR_SLICE_LIT("Content-Type"), OR_SLICE_LIT("application/json")},
	    {OR_SLICE_LIT("Retry-After"), OR_SLICE_LIT("1")}};
	struct or_buf body;
	struct or_jsonw w;

	(void)call;
	or_buf_init(&body, MESSAGE_MAX);
	or_jsonw_init(&w, &body, 0);
	or_jsonw_object(&w);
	or_jsonw_kv_u64(&w, "code", status);
	or_jsonw_kv_text(&w, "message", message);
	or_jsonw_end(&w);
	or_http_req_respond_with(req, status, fields, status == 503 ? 2 : 1, or_buf_slice(&body));
	or_buf_done(&body);
}

void ag_capture_lineage_take(
    struct capture_call *call, struct or_http_req *req, struct or_slice body)
{
	struct or_arena *a = or_arena_new(TREE_MAX);
	struct wire_openlineage event;
	struct or_err err;
	enum or_code rc = wire_openlineage_parse(&event, body, a, &err);

	or_arena_free(a);
	if (rc)
		ag_capture_refuse(call, req, rc == OR_FULL ? 413 : 400, err.msg);
	else if (ag_capture_append(call->capture, AG_CAPTURE_LINEAGE, body, 1))
		ag_capture_refuse_append(call, req);
	else
		or_http_req_respond(req, 201, NULL, OR_SLICE_NONE);
}

/* ---- batches: each event by itself, and the answer says which were not taken */

struct batch {
	uint64_t taken, failed, retriable;
	struct or_jsonw failures;
};

static void fail(struct batch *b, size_t index, bool retriable, const char *reason)
{
	b->failed++;
	b->retriable += retriable;
	if (b->failed > FAILURES_SHOWN)
		return;
	or_jsonw_object(&b->failures);
	or_jsonw_kv_u64(&b->failures, "index", index);
	or_jsonw_kv_text(&b->failures, "reason", reason);
	or_jsonw_kv_bool(&b->failures, "retriable", retriable);
	or_jsonw_end(&b->failures);
}

static void take_one(
    struct capture_call *call, struct batch *b, size_t index, const struct or_json *j)
{
	struct ag_capture *c = call->capture;
	struct or_arena *a = or_arena_new(TREE_MAX);
	struct wire_openlineage event;
	struct or_jsonw w;
	struct or_err err;

	if (wire_openlineage_read(&event, j, a, &err)) {
		fail(b, index, false, err.msg);
	} else {
		or_buf_clear(&c->request);
		or_jsonw_init(&w, &c->request, 0);
		or_jsonw_tree(&w, j);
		if (!or_buf_ok(&c->request))
			fail(b, index, false, "the event is too large");
		else if (ag_capture_append(c, AG_CAPTURE_LINEAGE, or_buf_slice(&c->request), 1))
			fail(b, index, true, "the agent's telemetry spool has no room");
		else
			b->taken++;
	}
	or_arena_free(a);
}

static void answer_batch(
    struct or_http_req *req, const struct batch *b, const struct or_buf *failures)
{
	struct or_buf body;
	struct or_jsonw w;

	or_buf_init(&body, 2 * ANSWER_MAX);
	or_jsonw_init(&w, &body, 0);
	or_jsonw_object(&w);
	or_jsonw_kv_text(&w, "status", "partial_success");
	or_jsonw_key(&w, "summary");
	or_jsonw_object(&w);
	or_jsonw_kv_u64(&w, "received", b->taken + b->failed);
	or_jsonw_kv_u64(&w, "successful", b->taken);
	or_jsonw_kv_u64(&w, "failed", b->failed);
	or_jsonw_kv_u64(&w, "retriable", b->retriable);
	or_jsonw_kv_u64(&w, "non_retriable", b->failed - b->retriable);
	or_jsonw_end(&w);
	or_jsonw_key(&w, "failed_events");
	or_jsonw_raw(&w, or_buf_slice(failures));
	or_jsonw_end(&w);
	or_http_req_respond(req, 200, "application/json", or_buf_slice(&body));
	or_buf_done(&body);
}

void ag_capture_lineage_batch(
    struct capture_call *call, struct or_http_req *req, struct or_slice body)
{
	struct or_arena *a = or_arena_new(TREE_MAX);
	struct batch b = {0};
	const struct or_json *list = NULL;
	struct or_buf failures;
	struct or_err err;
	enum or_code rc = or_json_parse(&list, body, a, &err);

	or_buf_init(&failures, ANSWER_MAX);
	if (rc == OR_OK && list->type != OR_JSON_ARRAY)
		rc = or_err_set(&err, OR_PARSE, "expected a list of events");
	or_jsonw_init(&b.failures, &failures, 0);
	or_jsonw_array(&b.failures);
	for (size_t i = 0; rc == OR_OK && i < list->array.n; i++)
		take_one(call, &b, i, list->array.items[i]);
	or_jsonw_end(&b.failures);
	if (rc)
		ag_capture_refuse(call, req, rc == OR_FULL ? 413 : 400, err.msg);
	else if (b.taken == 0 && b.retriable)
		ag_capture_refuse_append(call, req);
	else if (b.failed)
		answer_batch(req, &b, &failures);
	else
		or_http_req_respond(req, 204, NULL, OR_SLICE_NONE);
	or_buf_done(&failures);
	or_arena_free(a);
}
