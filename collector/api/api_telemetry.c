/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /v1/logs?q=… /v1/metrics?q=… /v1/spans?q=…: rows of telemetry as lines of JSON, the newest
 * that fit the query's limit, then {"summary":{"matched","scanned","damaged","took_ns"}}. GET
 * /v1/lineage/<product>: the lineage graph around a product.
 *
 * That somebody asked becomes an audit record; the answer does not wait for it.
 */
#include "base/log.h"
#include "base/mem.h"
#include "collector/api/api_impl.h"
#include "collector/api/param.h"
#include "collector/telemetry/search.h"

#define NDJSON      "application/x-ndjson"
#define SIFT_ARENA  (1024UL * 1024)
#define ANSWER_MAX  (CO_SEARCH_BYTES_MAX + 1024UL * 1024)
#define LINEAGE_MAX (64UL * 1024 * 1024)
#define PRODUCT_MAX 256

struct telemetry_query {
	struct co_api *api;
	struct co_api_call *call; /* NULL: the client is gone */
	struct or_arena *arena;
	struct co_sift sift;
	struct co_search *search;
	int64_t start_ns;
};

struct co_telemetry *co_api_telemetry_find(const struct co_api *api, struct or_slice topic)
{
	for (size_t i = 0; i < api->opt.n_telemetry; i++) {
		if (or_slice_is(topic, co_telemetry_topic(api->opt.telemetry[i])))
			return api->opt.telemetry[i];
	}
	return NULL;
}

static void free_query(void *arg)
{
	struct telemetry_query *q = arg;

	or_arena_free(q->arena);
	q->api->queries--;
	or_mem_free(q);
}

static void on_close(void *arg, enum or_code why)
{
	struct telemetry_query *q = arg;

	(void)why;
	q->call = NULL;
	co_search_cancel(q->search); /* free_query comes when its slice has ended */
}

static void put_summary(
    struct or_buf *out, const struct telemetry_query *q, const struct co_search_end *end)
{
	int64_t took = or_loop_now_ns(q->api->opt.loop) - q->start_ns;
	struct or_jsonw w;

	or_metric_observe(q->api->m.query_seconds, (double)took / (double)OR_NS_PER_S);
	or_jsonw_init(&w, out, 0);
	or_jsonw_object(&w);
	or_jsonw_key(&w, "summary");
	or_jsonw_object(&w);
	or_jsonw_kv_u64(&w, "matched", end->matched);
	or_jsonw_kv_u64(&w, "scanned", end->scanned);
	or_jsonw_kv_u64(&w, "damaged", end->damaged);
	or_jsonw_kv_i64(&w, "took_ns", took);
	or_jsonw_end(&w);
	or_jsonw_end(&w);
	or_buf_put_byte(out, '\n');
}

static void on_found(void *arg, const struct co_search_end *end)
{
	struct telemetry_query *q = arg;
	struct or_buf body;

	q->search = NULL;
	if (end->rc) {
		OR_LOG(OR_LOG_ERROR, "query.failed", or_log_err(end->err));
		co_reply_error(q->call, 503, "storage", "%s", end->err->msg);
		return;
	}
	or_buf_init(&body, ANSWER_MAX);
	for (size_t i = 0; i < end->n; i++) {
		or_buf_put_slice(&body, end->lines[i]);
		or_buf_put_byte(&body, '\n');
	}
	put_summary(&body, q, end);
	co_reply_count(q->api, 200);
	or_http_req_respond(q->call->req, 200, NDJSON, or_buf_slice(&body));
	or_buf_done(&body);
}

static void start(struct co_api_call *call, struct co_telemetry *t, enum wire_otlp_kind kind,
    struct or_slice text)
{
	static const struct or_http_req_ops ops = {.on_close = on_close};
	struct co_api *api = call->api;
	struct telemetry_query *q = or_mem_new(sizeof(*q));
	const struct co_record_act act = {.action = "query",
	    .resource_type = "Log",
	    .resource_id = or_slice_str(co_telemetry_topic(t)),
	    .key = "query",
	    .value = text};
	struct or_err err;
	enum or_code rc;

	*q = (struct telemetry_query){.api = api,
	    .call = call,
	    .arena = or_arena_new(SIFT_ARENA),
	    .start_ns = or_loop_now_ns(api->opt.loop)};
	api->queries++;
	or_metric_add(api->m.queries, 1);
	rc = co_sift_parse(&q->sift, kind, text, or_loop_wall_ns(api->opt.loop), q->arena, &err);
	if (rc == OR_OK) {
		rc = co_search_start(&q->search, api->opt.slow, co_telemetry_dir(t), &q->sift,
		    on_found, free_query, q, &err);
		rc = rc ? OR_BUSY : OR_OK;
	}
	if (rc) {
		co_reply_error(call, rc == OR_BUSY ? 503 : 400, rc == OR_BUSY ? "busy" : "query",
		    "%s", err.msg);
		free_query(q);
		return;
	}
	or_http_req_attach(call->req, &ops, q);
	co_record_note(call, &act);
}

static void search(struct co_api_call *call, enum wire_otlp_kind kind)
{
	struct co_api *api = call->api;
	struct co_telemetry *t = co_api_telemetry_find(api, or_slice_str(wire_otlp_topic(kind)));
	struct or_buf text;
	enum or_code rc;

	or_buf_init(&text, CO_SIFT_TEXT_MAX);
	rc = co_param_get(&text, or_http_req_msg(call->req)->query, "q");
	if (!t)
		co_reply_error(call, 404, "not_found", "this collector keeps no telemetry");
	else if (rc && rc != OR_ABSENT) /* no q: everything */
		co_reply_error(call, 400, "query",
		    "q is not percent-encoded, or longer than %d bytes", CO_SIFT_TEXT_MAX);
	else if (api->queries >= api->opt.max_queries)
		co_reply_error(call, 503, "busy",
		    "%zu queries run already; ask again when one has ended", api->queries);
	else
		start(call, t, kind, or_buf_slice(&text));
	or_buf_done(&text);
}

void co_api_telemetry_logs(struct co_api_call *call)
{
	search(call, WIRE_OTLP_LOGS);
}

void co_api_telemetry_metrics(struct co_api_call *call)
{
	search(call, WIRE_OTLP_METRICS);
}

void co_api_telemetry_spans(struct co_api_call *call)
{
	search(call, WIRE_OTLP_SPANS);
}

void co_api_telemetry_lineage(struct co_api_call *call)
{
	struct co_lineage *lineage = call->api->opt.lineage;
	struct or_buf product, body;
	struct or_jsonw w;

	or_buf_init(&product, PRODUCT_MAX);
	or_buf_init(&body, LINEAGE_MAX);
	or_jsonw_init(&w, &body, 0);
	if (co_param_path(&product, call->rest))
		co_reply_error(call, 400, "product", "the product's id is not percent-encoded");
	else if (!lineage || !co_lineage_put(&w, lineage, or_buf_slice(&product)))
		co_reply_error(call, 404, "not_found",
		    "product \"%.*s\" has reported no lineage events",
		    OR_SLICE_FMT(or_buf_slice(&product)));
	else
		co_reply_json(call, 200, &body);
	or_buf_done(&product);
	or_buf_done(&body);
}
