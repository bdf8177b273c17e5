/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Join tokens, agents, shards: what an administrator looks at and decides.
 */
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/str.h"
#include "collector/api/api_impl.h"
#include "collector/describe.h"

enum { BODY_MAX = 64 * 1024, ARENA_MAX = 512 * 1024 };
#define ANSWER_MAX (32UL * 1024 * 1024)

/* An answer that waits until what it says is on disk. */
struct saved {
	struct co_api_call *call;
	struct or_buf answer;
};

static void on_saved(void *arg, enum or_code rc, const struct or_err *err)
{
	struct saved *s = arg;
	struct or_buf answer = s->answer;

	if (rc)
		co_reply_error(s->call, 503, "not_stored", "%s", err->msg);
	else
		co_reply_json(s->call, 200, &answer);
	if (answer.p)
		or_mem_wipe(answer.p, answer.n);
	or_buf_done(&answer);
}

static void on_close(void *arg, enum or_code why)
{
	struct saved *s = arg;

	(void)why;
	co_enrol_save_cancel(s->call->api->opt.enrol, s);
	or_buf_done(&s->answer);
}

/* NULL: it has been answered. The caller fills the answer. */
static struct saved *begin_saved(struct co_api_call *call)
{
	static const struct or_http_req_ops ops = {.on_close = on_close};
	struct saved *s = or_arena_alloc(or_http_req_arena(call->req), sizeof(*s));

	if (!s || co_enrol_save(call->api->opt.enrol, on_saved, s)) {
		co_reply_error(call, 503, "busy", "the disk cannot keep up; try again");
		return NULL;
	}
	s->call = call;
	or_buf_init(&s->answer, BODY_MAX);
	or_http_req_attach(call->req, &ops, s);
	return s;
}

static void kv_time(struct or_jsonw *w, const char *key, int64_t ns)
{
	struct or_buf text;

	or_buf_init(&text, 64);
	or_str_time(&text, ns);
	or_jsonw_kv_str(w, key, or_buf_slice(&text));
	or_buf_done(&text);
}

/* ---- POST /v1/join-tokens */

/* NULL: read; else what is wrong. */
static const char *read_token_request(
    struct or_slice *products, size_t *n, int64_t *ttl_ns, const struct or_json *j)
{
	const struct or_json *list = or_json_get_type(j, "products", OR_JSON_ARRAY);

	*ttl_ns = 600 * OR_NS_PER_S;
	if (j->type != OR_JSON_OBJECT || !list)
		return "send an object like {\"products\":[\"orders\"],\"ttl\":\"10m\"}";
	if (list->array.n > WIRE_CERT_PRODUCTS_MAX)
		return "products names more than 128";
	for (size_t i = 0; i < list->array.n; i++) {
		if (list->array.items[i]->type != OR_JSON_STR)
			return "products is not a list of texts";
		products[i] = list->array.items[i]->s;
	}
	*n = list->array.n;
	if (or_json_get(j, "ttl") && or_str_duration_ns(ttl_ns, or_json_get_str(j, "ttl")))
		return "ttl is not a duration like 10m or 1h";
	return NULL;
}

static void make_token(
    struct co_api_call *call, const struct or_slice *products, size_t n, int64_t ttl_ns)
{
	struct co_api *api = call->api;
	int64_t now = or_loop_wall_ns(api->opt.loop);
	char token[CO_TOKEN_TEXT_LEN + 1];
	struct saved *s;
	struct or_jsonw w;
	struct or_err err;
	enum or_code rc = co_enrol_token(token, api->opt.enrol, products, n, ttl_ns, now, &err);

	if (rc) {
		co_reply_error(call, rc == OR_INVAL ? 400 : 503,
		    rc == OR_INVAL ? "invalid" : "too_many", "%s", err.msg);
		return;
	}
	s = begin_saved(call);
	if (s) {
		or_jsonw_init(&w, &s->answer, 0);
		or_jsonw_object(&w);
		or_jsonw_kv_text(&w, "token", token);
		kv_time(&w, "expires", now + ttl_ns);
		or_jsonw_end(&w);
		co_record_note(call, &(struct co_record_act){.action = "create",
					 .resource_type = "JoinToken",
					 .resource_id = products[0]});
	}
	or_mem_wipe(token, sizeof(token));
}

static void on_token_request(struct co_api_call *call, struct or_slice body)
{
	struct or_arena *a = or_arena_new(ARENA_MAX);
	struct or_slice products[WIRE_CERT_PRODUCTS_MAX];
	const struct or_json *j;
	const char *wrong;
	struct or_err err;
	int64_t ttl_ns;
	size_t n;

	if (or_json_parse(&j, body, a, &err))
		co_reply_error(call, 400, "invalid", "the body is not JSON: %s", err.msg);
	else if ((wrong = read_token_request(products, &n, &ttl_ns, j)))
		co_reply_error(call, 400, "invalid", "%s", wrong);
	else
		make_token(call, products, n, ttl_ns);
	or_arena_free(a);
}

void co_api_admin_tokens(struct co_api_call *call)
{
	co_body_read(call, BODY_MAX, on_token_request);
}

/* ---- agents */

void co_api_admin_agents(struct co_api_call *call)
{
	const struct co_agents *agents = co_enrol_agents(call->api->opt.enrol);
	const struct co_agents_entry *e;
	size_t at = 0;
	struct or_jsonw w;
	struct or_buf body;

	or_buf_init(&body, ANSWER_MAX);
	or_jsonw_init(&w, &body, 0);
	or_jsonw_object(&w);
	or_jsonw_key(&w, "agents");
	or_jsonw_array(&w);
	while ((e = co_agents_next(agents, &at))) {
		const struct co_api_seen *seen =
		    or_map_find(&call->api->seen, or_slice(e->uuid, sizeof(e->uuid)));

		or_jsonw_object(&w);
		co_agents_write_members(&w, e);
		if (seen)
			kv_time(&w, "last_batch", seen->last_ns);
		or_jsonw_end(&w);
	}
	or_jsonw_end(&w);
	or_jsonw_end(&w);
	co_reply_json(call, 200, &body);
	or_buf_done(&body);
}

/* POST /v1/agents/<id>/revoke */
void co_api_admin_revoke(struct co_api_call *call)
{
	struct co_api *api = call->api;
	struct or_slice id = or_slice(call->rest.p, or_str_find(call->rest, '/', 0));
	uint8_t uuid[WIRE_ENROL_UUID_LEN];
	struct saved *s;
	struct or_jsonw w;
	struct or_err err;

	if (!or_slice_is(or_slice_from(call->rest, id.n), "/revoke")) {
		co_reply_error(call, 404, "not_found", "use /v1/agents/ID/revoke");
		return;
	}
	if (wire_enrol_uuid_parse(uuid, id)) {
		co_reply_error(call, 400, "invalid", "the agent's id is not a UUID in lower case");
		return;
	}
	if (co_enrol_revoke(api->opt.enrol, uuid, or_loop_wall_ns(api->opt.loop), &err)) {
		co_reply_error(call, 404, "not_found", "%s", err.msg);
		return;
	}
	s = begin_saved(call);
	if (!s)
		return;
	or_jsonw_init(&w, &s->answer, 0);
	or_jsonw_object(&w);
	co_agents_write_members(&w, co_agents_find(co_enrol_agents(api->opt.enrol), uuid));
	or_jsonw_end(&w);
	co_record_note(call, &(struct co_record_act){
				 .action = "revoke", .resource_type = "Agent", .resource_id = id});
}

/* ---- GET /v1/shards */

void co_api_admin_shards(struct co_api_call *call)
{
	struct co_api *api = call->api;
	size_t n = api->opt.n_shards;
	struct co_describe_shard *shards = or_mem_array(n, sizeof(*shards));
	uint64_t *sizes = or_mem_array(n, sizeof(*sizes));
	struct or_jsonw w;
	struct or_buf body;

	for (size_t i = 0; i < n; i++) {
		sizes[i] = co_log_size(co_ingest_log(api->opt.shards[i].ingest));
		shards[i] = (struct co_describe_shard){
		    .origin = api->opt.shards[i].origin, .size = &sizes[i]};
	}
	or_buf_init(&body, BODY_MAX);
	or_jsonw_init(&w, &body, 0);
	co_describe_put(&w, &(struct co_describe){.collector_id = api->opt.collector_id,
				.vkey = api->opt.vkey,
				.enrolment_key = api->opt.enrolment_key,
				.shards = shards,
				.n_shards = n});
	co_reply_json(call, 200, &body);
	or_buf_done(&body);
	or_mem_free(shards);
	or_mem_free(sizes);
}
