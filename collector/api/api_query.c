/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /v1/audit?q=…&format=json|ocsf|csv: a query over all shards.
 *
 *   parse ─▶ record that it was asked, durable ─▶ scan (slices) ─▶ rows ─▶ summary
 *
 * What the query covers is fixed when the scan starts. The answer begins when the scan has ended,
 * so that what goes wrong before has a status of its own. A client that goes away ends it.
 */
#include "base/log.h"
#include "base/mem.h"
#include "collector/api/api_impl.h"
#include "collector/api/param.h"
#include "collector/api/row.h"
#include "collector/query/run.h"
#include "collector/query/trail_search.h"
#include "proto/leaf.h"

enum { ROWS_A_TURN = 200 };
#define RECORD_ARENA (1024UL * 1024) /* of one decoded record */

struct search {
	struct co_api *api;
	struct co_api_call *call; /* NULL: the client is gone */
	struct or_arena *arena;   /* the query's */
	struct co_query q;
	enum co_row_form form;
	struct or_arena *record; /* the record's at hand */
	struct co_run *run;
	struct co_trail_search *scan;
	int64_t start_ns;
	bool recording; /* the record of this query waits for its commit */
	bool emit_due;  /* on_emit is deferred */
	bool answering; /* the head of the answer is sent */
	struct or_err err;
	struct co_scan_end end;
	struct or_buf line;
};

static void on_emit(void *arg);

static void free_search(struct search *s)
{
	if (s->emit_due)
		or_loop_defer_cancel(s->api->opt.loop, on_emit, s);
	co_trail_search_cancel(s->scan);
	co_run_free(s->run);
	or_arena_free(s->arena);
	or_arena_free(s->record);
	or_buf_done(&s->line);
	s->api->queries--;
	or_mem_free(s);
}

static void on_close(void *arg, enum or_code why)
{
	struct search *s = arg;

	(void)why;
	if (s->recording)
		s->call = NULL; /* on_recorded frees it */
	else
		free_search(s);
}

static void fail(struct search *s, unsigned int status, const char *code, const struct or_err *err)
{
	co_reply_error(s->call, status, code, "%s", err->msg);
	free_search(s);
}

/* ---- the answer */

static void put_row(struct search *s, const struct co_run_place *place)
{
	struct co_read *r = co_api_reader(s->api, place->shard, &s->err);
	char id[WIRE_LEAF_ID_LEN + 1];
	struct tl_segment_entry entry;
	struct wire_audit record;
	struct wire_leaf leaf;

	or_arena_clear(s->record);
	/* It did decode a moment ago. */
	if (!r || co_read_leaf(r, &entry, place->index, &s->err) ||
	    wire_leaf_decode(&leaf, entry.leaf, &s->err) ||
	    wire_audit_decode(&record, NULL, leaf.content, s->record, &s->err)) {
		s->end.damaged++;
		return;
	}
	wire_leaf_id(id, entry.hash.b);
	co_row_put(&s->line, s->form, &s->q, id, place, &record);
}

/* One row; false at the end. */
static bool emit_row(struct search *s)
{
	struct co_run_place place;

	or_buf_clear(&s->line);
	if (s->q.is_count || s->q.is_explain) {
		if (!co_run_next_group(s->run, &s->line))
			return false;
	} else {
		if (!co_run_next_place(s->run, &place))
			return false;
		put_row(s, &place);
	}
	if (or_buf_ok(&s->line))
		or_http_req_write(s->call->req, or_buf_slice(&s->line));
	return true;
}

static void finish(struct search *s)
{
	struct or_http_req *req = s->call->req;
	struct co_run_summary summary = {
	    .damaged = s->end.damaged, .damage = s->end.damaged ? s->end.err.msg : NULL};

	co_run_get_summary(s->run, &summary);
	summary.took_ns = or_loop_now_ns(s->api->opt.loop) - s->start_ns;
	or_metric_observe(s->api->m.query_seconds, (double)summary.took_ns / (double)OR_NS_PER_S);
	if (s->form == CO_ROW_JSON) {
		or_buf_clear(&s->line);
		co_run_put_summary(&s->line, &summary);
		or_http_req_write(req, or_buf_slice(&s->line));
	}
	free_search(s);
	or_http_req_finish(req);
}

static void emit(struct search *s)
{
	for (int i = 0; i < ROWS_A_TURN; i++) {
		if (or_http_req_is_full(s->call->req))
			return; /* on_room goes on */
		if (!emit_row(s)) {
			finish(s);
			return;
		}
	}
	s->emit_due = true;
	or_loop_defer(s->api->opt.loop, on_emit, s);
}

static void on_emit(void *arg)
{
	struct search *s = arg;

	s->emit_due = false;
	emit(s);
}

static void on_room(void *arg)
{
	struct search *s = arg;

	if (s->answering && !s->emit_due)
		emit(s);
}

/* ---- the scan */

static void on_searched(void *arg, const struct co_trail_search_end *all)
{
	const struct co_scan_end *end = &all->end;
	struct search *s = arg;
	const struct or_http_field type = {
	    OR_SLICE_LIT("Content-Type"), or_slice_str(co_row_type(s->form))};

	s->scan = NULL;
	s->end = *end;
	if (end->rc == OR_FULL) {
		fail(s, 400, "too_many_groups", &end->err);
		return;
	}
	if (end->rc) {
		OR_LOG(OR_LOG_ERROR, "query.failed", or_log_err(&end->err));
		fail(s, 500, or_err_name(end->rc), &end->err);
		return;
	}
	/* Only the summary of the JSON could say so. */
	if (end->damaged && s->form != CO_ROW_JSON) {
		fail(s, 500, "corrupt", &end->err);
		return;
	}
	co_run_finish(s->run);
	if (or_http_req_start(s->call->req, 200, &type, 1, OR_HTTP_REQ_UNKNOWN)) {
		or_err_set(&s->err, OR_INVAL, "the answer cannot be started");
		fail(s, 500, "internal", &s->err);
		return;
	}
	co_reply_count(s->api, 200);
	s->answering = true;
	or_buf_clear(&s->line);
	co_row_head(&s->line, s->form, &s->q);
	or_http_req_write(s->call->req, or_buf_slice(&s->line));
	emit(s);
}

static void start_scan(struct search *s)
{
	struct co_api *api = s->api;
	struct co_trail_search_log *logs = or_mem_array(api->opt.n_shards, sizeof(*logs));

	for (size_t i = 0; i < api->opt.n_shards; i++) {
		struct co_log *log = co_ingest_log(api->opt.shards[i].ingest);

		logs[i] = (struct co_trail_search_log){.dir = co_log_dir(log),
		    .size = co_log_size(log),
		    .parts = api->parts[i],
		    .shard = (uint32_t)i};
	}
	s->run = co_run_new(&s->q);
	s->scan = co_trail_search_start(
	    api->opt.loop, &s->q, s->run, logs, api->opt.n_shards, on_searched, s);
	or_mem_free(logs);
}

/* ---- the request */

/* Queries are answered where the log takes no more, as somebody must look into it; that they
 * could not be recorded is in the process's own log. */
static void go_on(struct search *s, enum or_code rc, const struct or_err *err)
{
	if (rc)
		OR_LOG(OR_LOG_ERROR, "admin.unrecorded", or_log_text("action", "query"),
		    or_log_err(err));
	start_scan(s);
}

static void on_recorded(void *arg, enum or_code rc, uint64_t first, const struct or_err *err)
{
	struct search *s = arg;

	(void)first;
	s->recording = false;
	if (s->call)
		go_on(s, rc, err);
	else
		free_search(s);
}

static struct search *new_search(struct co_api_call *call)
{
	struct search *s = or_mem_new(sizeof(*s));

	s->api = call->api;
	s->call = call;
	s->arena = or_arena_new(CO_QUERY_ARENA);
	s->record = or_arena_new(RECORD_ARENA);
	s->start_ns = or_loop_now_ns(call->api->opt.loop);
	or_buf_init(&s->line, 2 * CO_RUN_LINE_MAX); /* OCSF holds the record a second time */
	call->api->queries++;
	or_metric_add(call->api->m.queries, 1);
	return s;
}

static void start(struct co_api_call *call, struct or_slice text, enum co_row_form form)
{
	static const struct or_http_req_ops ops = {.on_room = on_room, .on_close = on_close};
	struct search *s = new_search(call);
	const struct co_record_act act = {.action = "query",
	    .resource_type = "Log",
	    .resource_id = OR_SLICE_LIT("audit"),
	    .key = "query",
	    .value = text};
	enum or_code rc =
	    co_query_parse(&s->q, text, or_loop_wall_ns(call->api->opt.loop), s->arena, &s->err);

	s->form = form;
	if (!rc && form != CO_ROW_JSON && (s->q.is_count || s->q.is_explain))
		rc = or_err_set(
		    &s->err, OR_INVAL, "what a query counts or explains has the format json only");
	if (rc) {
		fail(s, 400, "query", &s->err);
		return;
	}
	or_http_req_attach(call->req, &ops, s);
	s->recording = true;
	rc = co_record_append(call, &act, on_recorded, s, &s->err);
	if (rc) {
		s->recording = false;
		go_on(s, rc, &s->err);
	}
}

/* False: there is no such format. */
static bool get_form(enum co_row_form *out, struct or_slice query)
{
	struct or_buf name;
	enum or_code rc;

	or_buf_init(&name, 16);
	rc = co_param_get(&name, query, "format");
	if (rc == OR_ABSENT)
		*out = CO_ROW_JSON;
	else if (!rc)
		rc = co_row_form_parse(out, or_buf_slice(&name)) ? OR_INVAL : OR_OK;
	or_buf_done(&name);
	return rc == OR_OK || rc == OR_ABSENT;
}

void co_api_query_search(struct co_api_call *call)
{
	struct co_api *api = call->api;
	struct or_slice query = or_http_req_msg(call->req)->query;
	enum co_row_form form;
	struct or_buf text;
	enum or_code rc;

	or_buf_init(&text, CO_QUERY_TEXT_MAX);
	rc = co_param_get(&text, query, "q");
	if (rc && rc != OR_ABSENT) /* no q: everything */
		co_reply_error(call, 400, "query",
		    "q is not percent-encoded, or longer than %d bytes", CO_QUERY_TEXT_MAX);
	else if (!get_form(&form, query))
		co_reply_error(call, 400, "format", "the format is json, ocsf or csv");
	else if (api->queries >= api->opt.max_queries)
		co_reply_error(call, 503, "busy",
		    "%zu queries run already; ask again when one has ended", api->queries);
	else
		start(call, or_buf_slice(&text), form);
	or_buf_done(&text);
}
