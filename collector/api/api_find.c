/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /v1/audit/<id>: the record of that id, or all records of a trace (32 hex digits), the oldest
 * first.
 *
 * Traces are found by the ids in parts (collector/query/trail_search.h), without reading others. An
 * id is the beginning of a leaf's hash, which parts do not hold: for it leaves are walked.
 */
#include "base/mem.h"
#include "base/str.h"
#include "collector/api/api_impl.h"
#include "collector/query/run.h"
#include "collector/query/scan.h"
#include "collector/query/trail_search.h"
#include "proto/leaf.h"

enum { ID_BYTES = WIRE_LEAF_ID_LEN / 2, ROWS_A_TURN = 200 };
#define RECORD_ARENA (1024UL * 1024)
#define ANSWER_MAX   (8UL * 1024 * 1024)

struct find {
	struct co_api *api;
	struct co_api_call *call;
	struct co_scan *scan; /* of an id */
	struct or_buf wanted; /* the beginning of a leaf hash, or a trace id */
	bool is_trace;
	struct co_trail_search *search; /* of a trace */
	struct or_arena *query;
	struct co_query q;
	struct co_run *run;
	struct co_run_place *places; /* the newest first */
	size_t left;                 /* not written yet */
	bool emit_due;               /* on_emit is deferred */
	struct co_scan_end end;
	int64_t start_ns;
	uint64_t scanned;
	uint64_t matched;
	uint64_t found; /* and put */
	struct or_arena *record;
	struct or_buf lines;
};

static void on_emit(void *arg);

static void free_find(struct find *f)
{
	if (f->emit_due)
		or_loop_defer_cancel(f->api->opt.loop, on_emit, f);
	co_scan_cancel(f->scan);
	co_trail_search_cancel(f->search);
	co_run_free(f->run);
	or_arena_free(f->query);
	or_mem_free(f->places);
	or_arena_free(f->record);
	or_buf_done(&f->wanted);
	or_buf_done(&f->lines);
	f->api->queries--;
	or_mem_free(f);
}

static void on_close(void *arg, enum or_code why)
{
	(void)why;
	free_find(arg);
}

/* Puts the record of an entry as a line. False: there is no room. */
static bool put_entry(
    struct find *f, const struct tl_segment_entry *entry, const struct co_run_place *place)
{
	char id[WIRE_LEAF_ID_LEN + 1];
	struct wire_audit record;
	struct wire_leaf leaf;
	size_t before = f->lines.n;

	or_arena_clear(f->record);
	if (wire_leaf_decode(&leaf, entry->leaf, NULL) || leaf.type != WIRE_LEAF_RECORD ||
	    wire_audit_decode(&record, NULL, leaf.content, f->record, NULL))
		return true;
	wire_leaf_id(id, entry->hash.b);
	f->found++;
	co_run_put_record(&f->lines, NULL, id, place, &record);
	if (or_buf_ok(&f->lines))
		return true;
	or_buf_cut(&f->lines, before);
	return false;
}

/* false ends the scan: ids are unique. */
static bool on_leaf(void *arg, uint32_t shard, uint64_t index, const struct tl_segment_entry *entry)
{
	struct co_run_place place = {.index = index, .shard = shard};
	struct find *f = arg;

	f->scanned++;
	if (memcmp(entry->hash.b, f->wanted.p, f->wanted.n) != 0)
		return true;
	put_entry(f, entry, &place);
	return f->found == 0;
}

static void answer(struct find *f)
{
	const struct co_scan_end *end = &f->end;
	struct co_api_call *call = f->call;
	struct co_run_summary s = {.scanned = f->scanned,
	    .matched = f->matched,
	    .damaged = end->damaged,
	    .damage = end->damaged ? end->err.msg : NULL};

	if (end->rc) {
		co_reply_error(call, 500, or_err_name(end->rc), "%s", end->err.msg);
	} else if (!f->found) {
		co_reply_error(call, 404, "not_found", "no record has this %s%s",
		    f->is_trace ? "trace id" : "id",
		    end->damaged ? ", but some of the log is damaged; see /readyz" : "");
	} else {
		s.shown = f->found - (f->lines.full ? 1 : 0);
		s.truncated = s.shown < s.matched;
		f->lines.full = false;
		s.took_ns = or_loop_now_ns(f->api->opt.loop) - f->start_ns;
		f->lines.max += 4096; /* the summary always fits */
		co_run_put_summary(&f->lines, &s);
		co_reply_count(f->api, 200);
		or_http_req_respond(
		    call->req, 200, "application/x-ndjson", or_buf_slice(&f->lines));
	}
	free_find(f);
}

static void on_scanned(void *arg, const struct co_scan_end *end)
{
	struct find *f = arg;

	f->scan = NULL;
	f->end = *end;
	f->matched = f->found;
	answer(f);
}

static void start_scan(struct find *f)
{
	struct co_api *api = f->api;
	struct co_scan_source *sources = or_mem_array(api->opt.n_shards, sizeof(*sources));

	for (size_t i = 0; i < api->opt.n_shards; i++) {
		struct co_log *log = co_ingest_log(api->opt.shards[i].ingest);

		sources[i] = (struct co_scan_source){
		    .dir = co_log_dir(log), .size = co_log_size(log), .shard = (uint32_t)i};
	}
	f->scan = co_scan_start(api->opt.loop, sources, api->opt.n_shards, on_leaf, on_scanned, f);
	or_mem_free(sources);
}

/* ---- traces */

/* One of the trace's records, the oldest that is left. False: no room for more. */
static bool put_place(struct find *f)
{
	const struct co_run_place *place = &f->places[--f->left];
	struct tl_segment_entry entry;
	struct or_err err;
	struct co_read *r = co_api_reader(f->api, place->shard, &err);

	if (r && co_read_leaf(r, &entry, place->index, &err) == OR_OK)
		return put_entry(f, &entry, place);
	if (!f->end.damaged++)
		f->end.err = err;
	return true;
}

static void on_emit(void *arg)
{
	struct find *f = arg;

	f->emit_due = false;
	for (int i = 0; i < ROWS_A_TURN && f->left; i++) {
		if (!put_place(f))
			f->left = 0;
	}
	if (!f->left) {
		answer(f);
		return;
	}
	f->emit_due = true;
	or_loop_defer(f->api->opt.loop, on_emit, f);
}

static void on_searched(void *arg, const struct co_trail_search_end *end)
{
	struct co_run_summary s = {0};
	struct find *f = arg;

	f->search = NULL;
	f->end = end->end;
	co_run_finish(f->run);
	co_run_get_summary(f->run, &s);
	f->scanned = s.scanned;
	f->matched = s.matched;
	f->places = or_mem_array(f->q.limit, sizeof(*f->places));
	while (co_run_next_place(f->run, &f->places[f->left]))
		f->left++;
	on_emit(f);
}

static enum or_code start_search(struct find *f, struct or_slice hex, struct or_err *err)
{
	struct co_api *api = f->api;
	struct co_trail_search_log *logs;
	struct or_buf text;
	enum or_code rc;

	or_buf_init(&text, 256);
	or_buf_put_str(&text, "trace_id=");
	or_str_hex_encode(&text, hex);
	or_buf_put_str(&text, " | limit 10000");
	f->query = or_arena_new(CO_QUERY_ARENA);
	rc = co_query_parse(&f->q, or_buf_slice(&text), 0, f->query, err);
	or_buf_done(&text);
	if (rc)
		return rc;
	logs = or_mem_array(api->opt.n_shards, sizeof(*logs));
	for (size_t i = 0; i < api->opt.n_shards; i++) {
		struct co_log *log = co_ingest_log(api->opt.shards[i].ingest);

		logs[i] = (struct co_trail_search_log){.dir = co_log_dir(log),
		    .size = co_log_size(log),
		    .parts = api->parts[i],
		    .shard = (uint32_t)i};
	}
	f->run = co_run_new(&f->q);
	f->search = co_trail_search_start(
	    api->opt.loop, &f->q, f->run, logs, api->opt.n_shards, on_searched, f);
	or_mem_free(logs);
	return OR_OK;
}

static void start(struct co_api_call *call, struct or_slice id)
{
	static const struct or_http_req_ops ops = {.on_close = on_close};
	struct co_api *api = call->api;
	struct find *f = or_mem_new(sizeof(*f));

	f->api = api;
	f->call = call;
	f->is_trace = id.n == WIRE_AUDIT_TRACE_LEN;
	f->start_ns = or_loop_now_ns(api->opt.loop);
	f->record = or_arena_new(RECORD_ARENA);
	or_buf_init(&f->wanted, WIRE_AUDIT_TRACE_LEN);
	or_buf_put_slice(&f->wanted, id);
	or_buf_init(&f->lines, ANSWER_MAX);
	api->queries++;
	or_http_req_attach(call->req, &ops, f);
	if (!f->is_trace) {
		start_scan(f);
		return;
	}
	f->end.rc = start_search(f, id, &f->end.err);
	if (f->end.rc)
		answer(f);
}

void co_api_find_record(struct co_api_call *call)
{
	struct co_api *api = call->api;
	struct or_buf id;

	or_buf_init(&id, WIRE_AUDIT_TRACE_LEN);
	if (or_str_hex_decode(&id, call->rest) ||
	    (id.n != ID_BYTES && id.n != WIRE_AUDIT_TRACE_LEN))
		co_reply_error(call, 400, "invalid",
		    "name a record by its id (%d hex digits), or a trace by its own (%d)",
		    WIRE_LEAF_ID_LEN, 2 * WIRE_AUDIT_TRACE_LEN);
	else if (api->queries >= api->opt.max_queries)
		co_reply_error(call, 503, "busy",
		    "%zu queries run already; ask again when one has ended", api->queries);
	else
		start(call, or_buf_slice(&id));
	or_buf_done(&id);
}
