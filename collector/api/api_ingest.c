/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /v1/ingest/<topic>: the frame in Outrider-Frame (base64), the batch as the body.
 *
 * The frame is decoded here to find the shard, by its stream's product; whether it is to be
 * believed is collector/ingest's to say: before the body is read, where that is more than
 * UNVETTED_MAX bytes or of unknown length.
 */
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/str.h"
#include "collector/api/api_impl.h"
#include "collector/ingest/murmur2.h"
#include "proto/batch.h"
#include "proto/frame.h"

#define TOPIC        "outrider.audit"
#define UNVETTED_MAX (64UL * 1024)

struct ingest {
	struct co_api_call *call;
	struct or_buf frame; /* decoded from the header */
	uint8_t uuid[WIRE_ENROL_UUID_LEN];
	struct co_ingest_call *pending;
	struct co_telemetry_call *telemetry; /* or this one */
};

/* The agent that says it sent the frame; the answer to its batch tells whether it was so. */
static enum or_code read_frame(
    struct ingest *in, struct or_slice *product, struct or_arena *a, struct or_err *err)
{
	struct wire_frame frame;
	struct wire_cert cert;
	size_t slash;
	enum or_code rc = wire_frame_decode(&frame, or_buf_slice(&in->frame), a, err);

	if (rc == OR_OK)
		rc = wire_cert_decode(&cert, frame.cert, a, err);
	if (rc)
		return rc;
	memcpy(in->uuid, cert.agent_id.p, sizeof(in->uuid));
	slash = or_str_find(frame.stream, '/', 0);
	*product = or_slice_from(frame.stream, slash < frame.stream.n ? slash + 1 : slash);
	return OR_OK;
}

void co_api_ingest_seen(struct co_api *api, const uint8_t *uuid)
{
	struct co_api_seen *seen = or_map_find(&api->seen, or_slice(uuid, WIRE_ENROL_UUID_LEN));

	if (!seen) {
		seen = or_mem_new(sizeof(*seen));
		memcpy(seen->uuid, uuid, sizeof(seen->uuid));
		if (or_map_put(&api->seen, or_slice(seen->uuid, sizeof(seen->uuid)), seen)) {
			or_mem_free(seen);
			return;
		}
	}
	seen->last_ns = or_loop_wall_ns(api->opt.loop);
}

static unsigned int status_of(enum or_code code)
{
	switch (code) {
	case OR_OK: return 200;
	case OR_DENIED:
	case OR_STALE: return 403;
	case OR_FULL:
	case OR_IO:
	case OR_CORRUPT:
	case OR_BUSY:
	case OR_AGAIN:
	case OR_CLOSED:
	case OR_TIMEOUT: return 503;
	case OR_INVAL:
	case OR_PARSE:
	case OR_ABSENT:
	case OR_EXISTS:
	case OR_UNSUPPORTED: break;
	}
	return 400;
}

static void on_answer(void *arg, const struct co_ingest_answer *answer)
{
	struct ingest *in = arg;
	struct co_api_call *call = in->call;
	struct or_jsonw w;
	struct or_buf body;

	in->pending = NULL;
	in->telemetry = NULL;
	if (answer->code != OR_OK) {
		co_reply_error(call, status_of(answer->code), answer->reason, "%s", answer->detail);
		return;
	}
	co_api_ingest_seen(call->api, in->uuid);
	or_buf_init(&body, 1024);
	or_jsonw_init(&w, &body, 0);
	or_jsonw_object(&w);
	or_jsonw_kv_u64(&w, "stored", answer->stored);
	or_jsonw_kv_u64(&w, "duplicates", answer->duplicates);
	or_jsonw_kv_u64(&w, "conflicts", answer->conflicts);
	or_jsonw_kv_u64(&w, "missing", answer->missing);
	or_jsonw_end(&w);
	co_reply_json(call, 200, &body);
	or_buf_done(&body);
}

static void on_close(void *arg, enum or_code why)
{
	struct ingest *in = arg;

	(void)why;
	co_ingest_cancel(in->pending);
	co_telemetry_cancel(in->telemetry);
}

static void submit(struct ingest *in, struct or_slice topic, struct or_slice body)
{
	static const struct or_http_req_ops ops = {.on_close = on_close};
	struct co_api *api = in->call->api;
	struct co_ingest_request request = {.topic = topic,
	    .frame = or_buf_slice(&in->frame),
	    .batch = body,
	    .peer = or_slice_str(or_http_req_peer_text(in->call->req)),
	    .vetted = in->call->vetted};
	struct co_telemetry *telemetry = co_api_telemetry_find(api, topic);
	struct or_arena *a = or_arena_new(0);
	struct co_telemetry_call *queued;
	struct co_ingest_call *pending;
	struct or_slice product;
	struct or_err err;
	uint32_t shard;

	if (read_frame(in, &product, a, &err)) {
		co_reply_error(in->call, 400, "frame", "%s", err.msg);
	} else if (telemetry) {
		or_http_req_attach(in->call->req, &ops, in);
		queued = co_telemetry_submit(telemetry, &request, on_answer, in);
		if (queued) /* else it is answered, and in is gone */
			in->telemetry = queued;
	} else {
		shard = co_murmur2_partition(product, (uint32_t)api->opt.n_shards);
		or_http_req_attach(in->call->req, &ops, in);
		pending = co_ingest_submit(api->opt.shards[shard].ingest, &request, on_answer, in);
		if (pending) /* else it is answered, and in is gone */
			in->pending = pending;
	}
	or_arena_free(a);
}

static void on_batch(struct co_api_call *call, struct or_slice body)
{
	struct or_slice header = or_http_msg_get(or_http_req_msg(call->req), "Outrider-Frame");
	struct ingest *in = or_arena_alloc(or_http_req_arena(call->req), sizeof(*in));
	struct or_buf frame;

	if (!in) {
		co_reply_error(call, 503, "busy", "no memory is left for this request");
		return;
	}
	in->call = call;
	or_buf_init(&in->frame, WIRE_FRAME_MAX);
	if (or_str_base64_decode(&in->frame, header)) {
		or_buf_done(&in->frame);
		co_reply_error(call, 400, "frame", "Outrider-Frame is not base64 of a frame");
		return;
	}
	frame = in->frame; /* in may go with the request, inside submit */
	submit(in, call->rest, body);
	or_buf_done(&frame);
}

/* False: it has been answered. */
static bool vet(struct co_api_call *call)
{
	struct co_ingest_request request = {
	    .topic = call->rest, .peer = or_slice_str(or_http_req_peer_text(call->req))};
	struct or_slice header = or_http_msg_get(or_http_req_msg(call->req), "Outrider-Frame");
	const char *reason = "frame";
	struct or_err err = {.code = OR_OK};
	struct or_buf frame;
	enum or_code rc;

	or_buf_init(&frame, WIRE_FRAME_MAX);
	rc = or_str_base64_decode(&frame, header);
	if (rc)
		or_err_set(&err, OR_PARSE, "Outrider-Frame is not base64 of a frame");
	request.frame = or_buf_slice(&frame);
	if (!rc)
		rc = co_ingest_vet(call->api->opt.shards[0].ingest, &request, &reason, &err);
	or_buf_done(&frame);
	if (rc)
		co_reply_error(call, status_of(rc), reason, "%s", err.msg);
	call->vetted = !rc;
	return !rc;
}

static bool is_large(const struct or_http_msg *msg)
{
	return msg->has_length ? msg->length > UNVETTED_MAX && msg->length <= WIRE_BATCH_MAX
			       : msg->chunked;
}

void co_api_ingest_post(struct co_api_call *call)
{
	const struct or_http_msg *msg = or_http_req_msg(call->req);

	if (!or_slice_is(call->rest, TOPIC) && !co_api_telemetry_find(call->api, call->rest))
		co_reply_error(call, 404, "unknown_topic",
		    "topic \"%.*s\" is not taken here; this collector takes " TOPIC
		    ", otlp_logs, otlp_metrics, otlp_spans and openlineage",
		    (int)(call->rest.n < 100 ? call->rest.n : 100), (const char *)call->rest.p);
	else if (!or_http_msg_find(msg, "Outrider-Frame"))
		co_reply_error(call, 400, "frame",
		    "the field Outrider-Frame, the frame in base64, is missing");
	else if (!is_large(msg) || vet(call))
		co_body_read(call, WIRE_BATCH_MAX, on_batch);
}
