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
	struct co_scan *tail; /* what is not sealed, nor a part in memory */
	struct or_arena *record;
	size_t tail_log;             /* whose leaves come */
	struct co_tail_build *build; /* of them; NULL: no room, or not begun */
	bool is_built;               /* of that log no more: a leaf was missing, or no room */
	size_t *n_tails;             /* parts in memory of each log when the search began */
	size_t log;                  /* whose parts are read */
	size_t left;                 /* of them and those in memory, not read yet */
	struct co_part_scan *part;
	struct co_trail_search_end end;
};

static void free_search(struct co_trail_search *s)
{
	co_scan_cancel(s->tail);
	co_part_scan_free(s->part);
	or_arena_free(s->record);
	co_tail_build_free(s->build);
	for (size_t i = 0; i < s->n_pinned; i++)
		co_parts_unpin(s->logs[i].parts);
	or_mem_free(s->n_tails);
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

/* Parts on disk and in memory of a log; the latter come behind. */
static size_t count_parts(const struct co_trail_search *s, size_t log)
{
	return co_parts_n(s->logs[log].parts) + s->n_tails[log];
}

static enum or_code get_part(
    const struct co_trail_search_log *log, size_t i, struct tl_part **out, struct or_err *err)
{
	size_t on_disk = co_parts_n(log->parts);

	if (i < on_disk)
		return co_parts_get(log->parts, i, out, err);
	*out = co_tail_get(co_parts_tail(log->parts), i - on_disk);
	return OR_OK;
}

/* Opens part i of the log; true where it has to be read. A damaged one is passed over. */
static bool open_one(struct co_trail_search *s, const struct co_trail_search_log *log, size_t i)
{
	struct co_part_scan_opt opt = {.q = s->q, .run = s->run, .shard = log->shard};
	enum co_plan_skip skip;
	struct or_err err;
	enum or_code rc = get_part(log, i, &opt.part, &err);
	uint64_t rows = rc ? co_parts_end(log->parts, i) - co_parts_first(log->parts, i)
			   : tl_part_rows(opt.part);

	if (!rc)
		rc = co_part_scan_new(&s->part, &opt, &err);
	if (rc) {
		note_damage(s, rows, &err);
		return false;
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
	return false;
}

/* Begins the next part; false: there is none. */
static bool open_part(struct co_trail_search *s)
{
	while (s->log < s->n) {
		struct co_trail_search_log *log = &s->logs[s->log];

		if (s->left == 0) {
			co_parts_trim(log->parts, CO_SEARCH_COLUMNS_MAX);
			if (++s->log < s->n)
				s->left = count_parts(s, s->log);
			continue;
		}
		if (open_one(s, log, --s->left))
			return true;
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

/* Makes parts of the leaves as they come, one behind the other. */
static void build_tail(
    struct co_trail_search *s, uint32_t shard, uint64_t index, const struct tl_segment_entry *entry)
{
	const struct co_trail_search_log *log;
	struct co_tail *tail;

	while (s->logs[s->tail_log].shard != shard) {
		co_tail_build_free(s->build);
		s->build = NULL;
		s->is_built = false;
		s->tail_log++;
	}
	if (s->is_built)
		return;
	log = &s->logs[s->tail_log];
	tail = co_parts_tail(log->parts);
	if (s->build && co_tail_build_end(s->build) != index) {
		s->is_built = true; /* a leaf is missing: what lies behind is walked */
		return;
	}
	if (!s->build && log->size - index >= CO_TAIL_ROWS)
		s->build = co_tail_build_new(tail, index);
	s->is_built = !s->build;
	if (!s->build || !co_tail_build_add(s->build, entry))
		return;
	co_tail_take(tail, s->build);
	s->build = NULL;
	/* It may not have taken this one, or another search was faster. */
	s->is_built = co_tail_end(tail) != index + 1;
}

static bool on_leaf(void *arg, uint32_t shard, uint64_t index, const struct tl_segment_entry *entry)
{
	struct co_trail_search *s = arg;
	struct wire_audit record;
	struct wire_leaf leaf;
	struct or_err err;
	enum or_code rc;

	build_tail(s, shard, index, entry);
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
	s->left = s->n ? count_parts(s, 0) : 0;
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
	s->n_tails = or_mem_array(n + 1, sizeof(*s->n_tails));
	for (size_t i = 0; i < n; i++) {
		s->n_tails[i] = co_tail_n(co_parts_tail(logs[i].parts));
		tails[i] = (struct co_scan_source){.dir = logs[i].dir,
		    .from = co_tail_end(co_parts_tail(logs[i].parts)),
		    .size = logs[i].size,
		    .shard = logs[i].shard};
	}
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
