/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /v1/enrol: {"join_token"|"certificate", "agent_id", "public_key", "products", "proof"}.
 */
#include "base/jsonw.h"
#include "base/log.h"
#include "base/str.h"
#include "collector/api/api_impl.h"

#include <string.h>

#define BODY_MAX  (128UL * 1024)
#define ARENA_MAX (1024UL * 1024)

struct enrol {
	struct co_api_call *call;
	struct or_buf answer;
};

static void on_saved(void *arg, enum or_code rc, const struct or_err *err)
{
	struct enrol *e = arg;
	struct or_buf answer = e->answer;

	if (rc)
		co_reply_error(e->call, 503, "not_stored", "%s", err->msg);
	else
		co_reply_json(e->call, 200, &answer);
	or_buf_done(&answer);
}

static void on_close(void *arg, enum or_code why)
{
	struct enrol *e = arg;

	(void)why;
	co_enrol_save_cancel(e->call->api->opt.enrol, e);
	or_buf_done(&e->answer);
}

static void put_answer(struct or_buf *out, struct co_api *api, const struct co_enrol_grant *g)
{
	struct or_buf text;
	struct or_jsonw w;

	or_buf_init(&text, 2 * WIRE_CERT_MAX);
	or_jsonw_init(&w, out, 0);
	or_jsonw_object(&w);
	or_str_base64_encode(&text, or_buf_slice(&g->certificate));
	or_jsonw_kv_str(&w, "certificate", or_buf_slice(&text));
	or_buf_clear(&text);
	or_str_time(&text, g->not_after_ns);
	or_jsonw_kv_str(&w, "not_after", or_buf_slice(&text));
	or_jsonw_kv_text(&w, "collector_id", api->opt.collector_id);
	or_jsonw_end(&w);
	or_buf_done(&text);
}

/* The certificate is given away once the registry and the token are on disk. */
static void answer_when_saved(struct co_api_call *call, const struct co_enrol_grant *g)
{
	static const struct or_http_req_ops ops = {.on_close = on_close};
	struct enrol *e = or_arena_alloc(or_http_req_arena(call->req), sizeof(*e));

	if (e) {
		e->call = call;
		or_buf_init(&e->answer, 4 * WIRE_CERT_MAX);
		put_answer(&e->answer, call->api, g);
		if (co_enrol_save(call->api->opt.enrol, on_saved, e) == OR_OK) {
			or_http_req_attach(call->req, &ops, e);
			return;
		}
		or_buf_done(&e->answer);
	}
	co_reply_error(call, 503, "busy", "the disk cannot keep up; try again");
}

/* ---- the request */

struct input {
	struct or_slice products[WIRE_CERT_PRODUCTS_MAX];
	struct or_buf certificate, public_key, proof;
};

static bool read_base64(struct or_buf *out, const struct or_json *j, const char *key)
{
	struct or_slice text = or_json_get_str(j, key);

	return !or_json_get(j, key) || (text.p && or_str_base64_decode(out, text) == OR_OK);
}

/* NULL: read; else what is wrong. */
static const char *read_input(struct co_enrol_request *r, struct input *in, const struct or_json *j)
{
	const struct or_json *list = or_json_get_type(j, "products", OR_JSON_ARRAY);

	if (j->type != OR_JSON_OBJECT || !list)
		return "send an object with join_token or certificate, agent_id, public_key, "
		       "products and proof";
	if (list->array.n > WIRE_CERT_PRODUCTS_MAX)
		return "products names more than 128";
	for (size_t i = 0; i < list->array.n; i++) {
		if (list->array.items[i]->type != OR_JSON_STR)
			return "products is not a list of texts";
		in->products[i] = list->array.items[i]->s;
	}
	if (!read_base64(&in->certificate, j, "certificate"))
		return "certificate is not base64 of a certificate";
	if (!read_base64(&in->public_key, j, "public_key"))
		return "public_key is not base64 of 32 bytes";
	if (!read_base64(&in->proof, j, "proof"))
		return "proof is not base64 of 64 bytes";
	*r = (struct co_enrol_request){.join_token = or_json_get_str(j, "join_token"),
	    .certificate = or_buf_slice(&in->certificate),
	    .agent_id = or_json_get_str(j, "agent_id"),
	    .public_key = or_buf_slice(&in->public_key),
	    .proof = or_buf_slice(&in->proof),
	    .products = in->products,
	    .n_products = list->array.n};
	return NULL;
}

static void refuse(struct co_api_call *call, const struct co_enrol_request *r, enum or_code rc,
    const char *reason, const struct or_err *err)
{
	unsigned int status = rc == OR_DENIED ? 403 : rc == OR_INVAL ? 400 : 503;

	OR_LOG(OR_LOG_WARN, "enrol.refused", or_log_text("reason", reason),
	    or_log_str("agent", r->agent_id),
	    or_log_text("peer", or_http_req_peer_text(call->req)));
	co_reply_error(call, status, status == 503 ? "busy" : reason, "%s", err->msg);
}

static void join(struct co_api_call *call, const struct co_enrol_request *r)
{
	struct co_api *api = call->api;
	struct co_enrol_grant grant;
	const char *reason;
	struct or_err err;
	enum or_code rc =
	    co_enrol_join(&grant, api->opt.enrol, r, or_loop_wall_ns(api->opt.loop), &reason, &err);

	if (rc) {
		refuse(call, r, rc, reason, &err);
		return;
	}
	OR_LOG(OR_LOG_INFO, "enrol.granted", or_log_str("agent", r->agent_id),
	    or_log_bool("renewal", r->certificate.n > 0),
	    or_log_text("peer", or_http_req_peer_text(call->req)));
	co_record_note(call, &(struct co_record_act){.action = r->certificate.n ? "renew" : "enrol",
				 .resource_type = "Agent",
				 .resource_id = r->agent_id,
				 .by_agent = true,
				 .key = "product",
				 .value = r->products[0]});
	answer_when_saved(call, &grant);
	or_buf_done(&grant.certificate);
}

static void on_body(struct co_api_call *call, struct or_slice body)
{
	struct or_arena *a = or_arena_new(ARENA_MAX);
	struct co_enrol_request r;
	const struct or_json *j;
	struct input in;
	const char *wrong;
	struct or_err err;

	or_buf_init(&in.certificate, WIRE_CERT_MAX);
	or_buf_init(&in.public_key, OR_CRYPTO_ED25519_LEN);
	or_buf_init(&in.proof, OR_CRYPTO_SIG_MAX);
	if (or_json_parse(&j, body, a, &err))
		co_reply_error(call, 400, "invalid", "the body is not JSON: %s", err.msg);
	else if ((wrong = read_input(&r, &in, j)))
		co_reply_error(call, 400, "invalid", "%s", wrong);
	else
		join(call, &r);
	or_buf_done(&in.certificate);
	or_buf_done(&in.public_key);
	or_buf_done(&in.proof);
	or_arena_free(a);
}

void co_api_enrol_post(struct co_api_call *call)
{
	co_body_read(call, BODY_MAX, on_body);
}
