/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/query/trail_search.h"

#include "base/mem.h"
#include "collector/query/part_scan.h"
#include "proto/leaf.h"

enum { ARENA = 1024 * 1024 };

struct co_trail_search {
	struct or_loop *loop;
	const struct co_query *q;
	struct co_run *run;
	struct co_trail_search_log *logs;
	size_t n, n_pinned;
	co_trail_search_done_fn *done;
	void *arg;
	struct co_scan *tail; /* what is not sealed */
	struct or_arena *record;
	size_t log;  /* whose parts are read */
	size_t left; /* of them, not read yet */
	struct co_part_scan *part;
	struct co_trail_search_end end;
};

static void free_search(struct co_trail_search *s)
{
	co_scan_cancel(s->tail);
	co_part_scan_free(s->part);
	or_arena_free(s->record);
	for (size_t i = 0; i < s->n_pinned; i++)
		co_parts_unpin(s->logs[i].parts);
	or_mem_free(s->logs);
	or_mem_free(s);
}

static void finish(struct co_trail_search *s)
{
	struct co_trail_search_end end = s->end;
	co_trail_search_done_fn *done = s->done;
	void *arg = s->arg;

	free_search(s);
	done(arg, &end);
}

static void note_damage(struct co_trail_search *s, uint64_t leaves, const struct or_err *err)
{
	if (!s->end.end.damaged)
		s->end.end.err = *err;
	s->end.end.damaged += leaves;
}

static void fail(struct co_trail_search *s, enum or_code rc, const struct or_err *err)
{
	s->end.end.rc = rc;
	s->end.end.err = *err;
}

/* Begins the next part; false: there is none. A damaged one is passed over. */
static bool open_part(struct co_trail_search *s)
{
	struct co_part_scan_opt opt = {.q = s->q, .run = s->run};
	struct or_err err;

	while (s->log < s->n) {
		struct co_trail_search_log *log = &s->logs[s->log];
		enum co_plan_skip skip;
		enum or_code rc;

		if (s->left == 0) {
			co_parts_trim(log->parts, CO_SEARCH_COLUMNS_MAX);
			if (++s->log < s->n)
				s->left = co_parts_n(s->logs[s->log].parts);
			continue;
		}
		s->left--;
		opt.shard = log->shard;
		rc = co_parts_get(log->parts, s->left, &opt.part, &err);
		if (!rc)
			rc = co_part_scan_new(&s->part, &opt, &err);
		if (rc) {
			note_damage(s,
			    co_parts_end(log->parts, s->left) - co_parts_first(log->parts, s->left),
			    &err);
			continue;
		}
		skip = co_part_scan_skip(s->part);
		co_run_plan(s->run)->parts[skip]++;
		if (skip == CO_PLAN_READ) {
			s->end.parts_read++;
			return true;
		}
		co_run_count(s->run, tl_part_rows(opt.part), 0);
		co_run_plan(s->run)->rows_skipped += tl_part_rows(opt.part);
		s->end.parts_skipped++;
		co_part_scan_free(s->part);
		s->part = NULL;
	}
	return false;
}

static void on_turn(void *arg)
{
	struct co_trail_search *s = arg;
	uint64_t damaged = 0;
	struct or_err err;
	enum or_code rc;

	if (!s->part && !open_part(s)) {
		finish(s);
		return;
	}
	rc = co_part_scan_step(s->part, CO_SEARCH_BLOCKS, &damaged, &err);
	if (damaged)
		note_damage(s, damaged, &err);
	if (rc == OR_OK) {
		co_part_scan_free(s->part);
		s->part = NULL;
		co_parts_trim(s->logs[s->log].parts, CO_SEARCH_COLUMNS_MAX);
	} else if (rc != OR_AGAIN && rc != OR_CORRUPT) {
		fail(s, rc, &err);
		finish(s);
		return;
	}
	or_loop_defer(s->loop, on_turn, s);
}

static bool on_leaf(void *arg, uint32_t shard, uint64_t index, const struct tl_segment_entry *entry)
{
	struct co_trail_search *s = arg;
	struct wire_audit record;
	struct wire_leaf leaf;
	struct or_err err;
	enum or_code rc;

	if (wire_leaf_decode(&leaf, entry->leaf, NULL) || leaf.type != WIRE_LEAF_RECORD)
		return true;
	or_arena_clear(s->record);
	if (wire_audit_decode(&record, NULL, leaf.content, s->record, NULL))
		return true; /* ingest takes none that does not decode; a newer schema may */
	co_run_plan(s->run)->rows_tail++;
	rc = co_run_feed(s->run, &record, shard, index, &err);
	if (rc)
		fail(s, rc, &err);
	return rc == OR_OK;
}

static void on_tail(void *arg, const struct co_scan_end *end)
{
	struct co_trail_search *s = arg;

	s->tail = NULL;
	if (!s->end.end.rc)
		s->end.end = *end;
	if (s->end.end.rc) {
		finish(s);
		return;
	}
	s->left = s->n ? co_parts_n(s->logs[0].parts) : 0;
	or_loop_defer(s->loop, on_turn, s);
}

struct co_trail_search *co_trail_search_start(struct or_loop *loop, const struct co_query *q,
    struct co_run *run, const struct co_trail_search_log *logs, size_t n,
    co_trail_search_done_fn *done, void *arg)
{
	struct co_scan_source *tails = or_mem_array(n + 1, sizeof(*tails));
	struct co_trail_search *s = or_mem_new(sizeof(*s));

	*s = (struct co_trail_search){.loop = loop,
	    .q = q,
	    .run = run,
	    .logs = or_mem_array(n + 1, sizeof(*logs)),
	    .n = n,
	    .done = done,
	    .arg = arg,
	    .record = or_arena_new(ARENA)};
	memcpy(s->logs, logs, n * sizeof(*logs));
	while (s->n_pinned < n) {
		s->end.end.rc = co_parts_pin(logs[s->n_pinned].parts, &s->end.end.err);
		if (s->end.end.rc)
			break;
		s->n_pinned++;
	}
	if (s->end.end.rc)
		n = 0; /* on_tail says so */
	for (size_t i = 0; i < n; i++)
		tails[i] = (struct co_scan_source){.dir = logs[i].dir,
		    .from = co_parts_sealed(logs[i].parts),
		    .size = logs[i].size,
		    .shard = logs[i].shard};
	s->tail = co_scan_start(loop, tails, n, on_leaf, on_tail, s);
	or_mem_free(tails);
	return s;
}

void co_trail_search_cancel(struct co_trail_search *s)
{
	if (!s)
		return;
	or_loop_defer_cancel(s->loop, on_turn, s);
	free_search(s);
}
