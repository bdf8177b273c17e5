/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /v1/audit/<id>: the record of that id, or all records of a trace (32 hex digits).
 */
#include "base/mem.h"
#include "base/str.h"
#include "collector/api/api_impl.h"
#include "collector/query/run.h"
#include "collector/query/scan.h"
#include "proto/leaf.h"

enum { ID_BYTES = WIRE_LEAF_ID_LEN / 2 };
#define RECORD_ARENA (1024UL * 1024)
#define ANSWER_MAX   (8UL * 1024 * 1024)

struct find {
	struct co_api *api;
	struct co_api_call *call;
	struct co_scan *scan;
	struct or_buf wanted; /* the beginning of a leaf hash, or a trace id */
	bool is_trace;
	int64_t start_ns;
	uint64_t scanned;
	uint64_t found;
	struct or_arena *record;
	struct or_buf lines;
};

static void free_find(struct find *f)
{
	co_scan_cancel(f->scan);
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

/* Whether the leaf may be it, before it is decoded. */
static bool may_match(const struct find *f, const struct tl_segment_entry *entry)
{
	if (f->is_trace)
		return memmem(entry->leaf.p, entry->leaf.n, f->wanted.p, f->wanted.n) != NULL;
	return memcmp(entry->hash.b, f->wanted.p, f->wanted.n) == 0;
}

/* false ends the scan: ids are unique, and what is too long is cut at the limit. */
static bool on_leaf(void *arg, uint32_t shard, uint64_t index, const struct tl_segment_entry *entry)
{
	struct find *f = arg;
	struct co_run_place place = {.index = index, .shard = shard};
	char id[WIRE_LEAF_ID_LEN + 1];
	struct wire_audit record;
	struct wire_leaf leaf;
	size_t before = f->lines.n;

	f->scanned++;
	if (!may_match(f, entry) || wire_leaf_decode(&leaf, entry->leaf, NULL) ||
	    leaf.type != WIRE_LEAF_RECORD)
		return true;
	or_arena_clear(f->record);
	if (wire_audit_decode(&record, NULL, leaf.content, f->record, NULL) ||
	    (f->is_trace && !or_slice_eq(record.trace_id, or_buf_slice(&f->wanted))))
		return true;
	wire_leaf_id(id, entry->hash.b);
	f->found++;
	co_run_put_record(&f->lines, NULL, id, &place, &record);
	if (or_buf_ok(&f->lines))
		return f->is_trace;
	or_buf_cut(&f->lines, before);
	return false;
}

static void on_scanned(void *arg, const struct co_scan_end *end)
{
	struct find *f = arg;
	struct co_api_call *call = f->call;
	struct co_run_summary s = {.scanned = f->scanned,
	    .matched = f->found,
	    .damaged = end->damaged,
	    .damage = end->damaged ? end->err.msg : NULL};

	f->scan = NULL;
	if (end->rc) {
		co_reply_error(call, 500, or_err_name(end->rc), "%s", end->err.msg);
	} else if (!f->found) {
		co_reply_error(call, 404, "not_found", "no record has this %s%s",
		    f->is_trace ? "trace id" : "id",
		    end->damaged ? ", but some of the log is damaged; see /readyz" : "");
	} else {
		s.truncated = f->lines.full;
		f->lines.full = false;
		s.shown = f->found - (s.truncated ? 1 : 0);
		s.took_ns = or_loop_now_ns(f->api->opt.loop) - f->start_ns;
		f->lines.max += 4096; /* the summary always fits */
		co_run_put_summary(&f->lines, &s);
		co_reply_count(f->api, 200);
		or_http_req_respond(
		    call->req, 200, "application/x-ndjson", or_buf_slice(&f->lines));
	}
	free_find(f);
}

static void start(struct co_api_call *call, struct or_slice id)
{
	static const struct or_http_req_ops ops = {.on_close = on_close};
	struct co_api *api = call->api;
	struct co_scan_source *sources = or_mem_array(api->opt.n_shards, sizeof(*sources));
	struct find *f = or_mem_new(sizeof(*f));

	for (size_t i = 0; i < api->opt.n_shards; i++) {
		struct co_log *log = co_ingest_log(api->opt.shards[i].ingest);

		sources[i] = (struct co_scan_source){
		    .dir = co_log_dir(log), .size = co_log_size(log), .shard = (uint32_t)i};
	}
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
	f->scan = co_scan_start(api->opt.loop, sources, api->opt.n_shards, on_leaf, on_scanned, f);
	or_mem_free(sources);
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
