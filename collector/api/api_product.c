/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue over HTTP.
 *
 * POST /v1/products   the document as the body (product/document.h), a frame over it in
 *                     Outrider-Frame (base64), as an agent signs it: stream
 *                     "outrider.product/<product>", one number, root over the body
 * GET  /v1/products?q=WORDS        GET /v1/dora?product=ID
 */
#include "base/log.h"
#include "base/str.h"
#include "collector/api/api_impl.h"
#include "collector/api/param.h"
#include "collector/ingest/check.h"
#include "proto/root.h"

#define TOPIC     "outrider.product"
#define ARENA_MAX (1024UL * 1024)

enum { QUERY_MAX = 4096 };

/* A request that waits for the slow thread. */
struct waiting {
	struct co_api_call *call;
	struct co_catalogue_call *pending;
	bool is_put;
	/* Of a put: who sent it, about what. */
	char agent[WIRE_ENROL_UUID_CHARS + 1];
	struct or_slice product;
};

static unsigned int status_of(enum or_code code)
{
	switch (code) {
	case OR_INVAL:
	case OR_PARSE: return 400;
	case OR_ABSENT: return 404;
	case OR_STALE: return 409;
	case OR_OK:
	case OR_FULL:
	case OR_EXISTS:
	case OR_DENIED:
	case OR_CORRUPT:
	case OR_IO:
	case OR_BUSY:
	case OR_TIMEOUT:
	case OR_CLOSED:
	case OR_UNSUPPORTED:
	case OR_AGAIN: break;
	}
	return 503;
}

/* A document that says something new is an act worth a record. */
static void note(const struct waiting *w, struct or_slice answer)
{
	struct or_arena *a = or_arena_new(ARENA_MAX);
	const struct or_json *j, *is_new;

	if (or_json_parse(&j, answer, a, NULL) == OR_OK) {
		is_new = or_json_get_type(j, "new", OR_JSON_BOOL);
		if (is_new && is_new->b)
			co_record_note(w->call, &(struct co_record_act){.action = "describe",
						    .resource_type = "Agent",
						    .resource_id = or_slice_str(w->agent),
						    .by_agent = true,
						    .key = "product",
						    .value = w->product});
	}
	or_arena_free(a);
}

static void on_answer(void *arg, enum or_code rc, struct or_slice answer, const struct or_err *err)
{
	struct waiting *w = arg;
	struct or_buf body;

	w->pending = NULL;
	if (rc) {
		co_reply_error(w->call, status_of(rc), or_err_name(rc), "%s", err->msg);
		return;
	}
	if (w->is_put)
		note(w, answer);
	or_buf_init(&body, answer.n + 1);
	or_buf_put_slice(&body, answer);
	co_reply_json(w->call, 200, &body);
	or_buf_done(&body);
}

static void on_close(void *arg, enum or_code why)
{
	struct waiting *w = arg;

	(void)why;
	co_catalogue_cancel(w->pending);
}

static struct waiting *wait_new(struct co_api_call *call)
{
	static const struct or_http_req_ops ops = {.on_close = on_close};
	struct waiting *w = or_arena_alloc(or_http_req_arena(call->req), sizeof(*w));

	if (!w) {
		co_reply_error(call, 503, "busy", "no memory is left for this request");
		return NULL;
	}
	w->call = call;
	or_http_req_attach(call->req, &ops, w);
	return w;
}

static void wait_for(struct waiting *w, struct co_catalogue_call *pending)
{
	w->pending = pending;
	if (!pending)
		co_reply_error(w->call, 503, "busy", "the disk cannot keep up; try again");
}

/* ---- taking a document */

static bool is_revoked(void *arg, const struct wire_cert *cert)
{
	return co_enrol_is_revoked(arg, cert->agent_id.p);
}

/* The frame vouches for this body: who may speak for the product has signed its hash. */
static enum or_code check(struct co_check *out, struct co_api *api, struct or_slice frame,
    struct or_slice body, struct or_arena *a, const char **reason, struct or_err *err)
{
	const struct co_ingest_opt opt = {.issuers = &api->opt.enrolment_key,
	    .n_issuers = 1,
	    .is_revoked = is_revoked,
	    .revoked_arg = api->opt.enrol};
	const struct co_ingest_request request = {
	    .topic = OR_SLICE_LIT(TOPIC), .frame = frame, .batch = body};
	uint8_t root[OR_CRYPTO_HASH_LEN];
	enum or_code rc =
	    co_check_frame(out, &opt, &request, or_loop_wall_ns(api->opt.loop), a, reason, err);

	if (rc)
		return rc;
	wire_root_compute(root, &body, 1);
	if (wire_frame_records(&out->frame) == 1 && out->frame.n_dropped == 0 &&
	    or_slice_eq(out->frame.root, or_slice(root, sizeof(root))))
		return OR_OK;
	*reason = "root";
	return or_err_set(err, OR_PARSE, "the frame was signed for another document");
}

static void put(struct co_api_call *call, const struct co_check *checked, struct or_slice body)
{
	struct waiting *w = wait_new(call);

	if (!w)
		return;
	w->is_put = true;
	w->product = or_arena_dup(or_http_req_arena(call->req), checked->product);
	wire_enrol_uuid_text(w->agent, checked->cert.agent_id.p);
	wait_for(w, co_catalogue_put(call->api->opt.catalogue, body, checked->product,
			or_slice_str(w->agent), (int64_t)checked->frame.sent_ns, on_answer, w));
}

static void on_body(struct co_api_call *call, struct or_slice body)
{
	struct or_slice header = or_http_msg_get(or_http_req_msg(call->req), "Outrider-Frame");
	struct or_arena *a = or_arena_new(ARENA_MAX);
	struct co_check checked;
	const char *reason = "frame";
	struct or_buf frame;
	struct or_err err;
	enum or_code rc;

	or_buf_init(&frame, WIRE_FRAME_MAX);
	rc = or_str_base64_decode(&frame, header)
		 ? or_err_set(&err, OR_PARSE, "Outrider-Frame is not base64 of a frame")
		 : check(&checked, call->api, or_buf_slice(&frame), body, a, &reason, &err);
	if (rc) {
		OR_LOG(OR_LOG_WARN, "product.refused", or_log_text("reason", reason),
		    or_log_text("peer", or_http_req_peer_text(call->req)));
		co_reply_error(call, rc == OR_DENIED ? 403 : 400, reason, "%s", err.msg);
	} else {
		put(call, &checked, body);
	}
	or_buf_done(&frame);
	or_arena_free(a);
}

void co_api_product_post(struct co_api_call *call)
{
	if (!or_http_msg_find(or_http_req_msg(call->req), "Outrider-Frame"))
		co_reply_error(call, 400, "frame",
		    "the field Outrider-Frame, the frame in base64, is missing");
	else
		co_body_read(call, DP_DOCUMENT_MAX, on_body);
}

/* ---- questions */

typedef struct co_catalogue_call *ask_fn(
    struct co_catalogue *c, struct or_slice text, co_catalogue_fn *fn, void *arg);

static void ask(struct co_api_call *call, const char *param, bool required, ask_fn *fn)
{
	struct or_buf text;
	struct waiting *w;
	enum or_code rc;

	or_buf_init(&text, QUERY_MAX);
	rc = co_param_get(&text, or_http_req_msg(call->req)->query, param);
	if (rc && (rc != OR_ABSENT || required)) {
		co_reply_error(call, 400, "query",
		    "%s is missing, not percent-encoded, or longer than %d bytes", param,
		    QUERY_MAX);
	} else {
		w = wait_new(call);
		if (w)
			wait_for(
			    w, fn(call->api->opt.catalogue, or_buf_slice(&text), on_answer, w));
	}
	or_buf_done(&text);
}

void co_api_product_search(struct co_api_call *call)
{
	ask(call, "q", false, co_catalogue_search);
}

void co_api_product_dora(struct co_api_call *call)
{
	ask(call, "product", true, co_catalogue_dora);
}
