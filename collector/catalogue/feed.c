/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/catalogue/feed.h"

#include "base/log.h"
#include "base/mem.h"
#include "collector/audit/read.h"
#include "collector/catalogue/facts.h"
#include "collector/catalogue/reader.h"
#include "collector/dora/dora.h"
#include "proto/leaf.h"

#include <stdio.h>

enum { DIR_MAX = 4096 };

#define ARENA_MAX (1U << 20)

struct source {
	struct co_log *log;
	uint64_t size; /* when the slice was begun */
	/* The slow thread's. */
	char *dir, *inputs_dir;
	struct co_read *reader;
	struct co_reader *readers;
	struct co_read_scan place;
	bool is_placed; /* place was read from the database */
	uint64_t damaged;
};

struct co_feed {
	struct co_feed_opt opt;
	struct source *sources;
	struct or_arena *arena;
	struct or_loop_timer *timer;
	bool is_running;
	bool has_grown; /* while a slice ran */
	/* What the slice came to. */
	bool has_more;
	enum or_code rc;
	struct or_err err;
};

/* ---- on the slow thread */

static enum or_code take_leaf(
    struct co_feed *f, struct source *s, const struct tl_segment_entry *entry, bool *full)
{
	char id[WIRE_LEAF_ID_LEN + 1];
	struct wire_audit record;
	struct wire_leaf leaf;

	*full = false;
	or_arena_clear(f->arena);
	if (wire_leaf_decode(&leaf, entry->leaf, NULL) || leaf.type != WIRE_LEAF_RECORD ||
	    wire_audit_decode(&record, NULL, leaf.content, f->arena, NULL))
		return OR_OK; /* a frame, or a newer schema's */
	wire_leaf_id(id, entry->hash.b);
	*full = co_reader_take(s->readers, &record, id) == OR_FULL;
	return *full ? OR_OK : co_dora_take(f->opt.db, &record, id, &f->err);
}

/* Reads on from the place; stops before a leaf that finds no room. */
static enum or_code read_slice(struct co_feed *f, struct source *s)
{
	for (int i = 0; i < CO_FEED_LEAVES && s->place.next < s->place.to; i++) {
		struct co_read_scan before = s->place;
		struct tl_segment_entry entry;
		enum or_code rc = co_read_scan_next(s->reader, &s->place, &entry, &f->err);
		bool full = false;

		if (rc == OR_CORRUPT) {
			s->damaged++;
			s->place = (struct co_read_scan){.next = before.next + 1, .to = before.to};
			continue;
		}
		if (!rc)
			rc = take_leaf(f, s, &entry, &full);
		if (rc)
			return rc;
		if (full) {
			s->place = before;
			return OR_OK;
		}
	}
	return OR_OK;
}

static enum or_code open_source(struct co_feed *f, struct source *s, size_t shard)
{
	const struct co_facts_value number = co_facts_number((int64_t)shard);
	int64_t row[2] = {0};
	bool has_row;
	enum or_code rc = OR_OK;

	if (!s->is_placed) {
		rc = co_facts_get(row, 2, &has_row, f->opt.db,
		    "SELECT next, damaged FROM place WHERE shard = ?1", &number, 1, &f->err);
		s->place = (struct co_read_scan){.next = (uint64_t)row[0]};
		s->damaged = (uint64_t)row[1];
		s->is_placed = rc == OR_OK;
	}
	s->place.to = s->size;
	if (rc || s->place.next >= s->size)
		return rc;
	if (!s->reader)
		return co_read_open(&s->reader, s->dir, s->size, &f->err);
	co_read_grow(s->reader, s->size);
	return OR_OK;
}

static enum or_code write_place(struct co_feed *f, const struct source *s, size_t shard)
{
	const struct co_facts_value row[] = {co_facts_number((int64_t)shard),
	    co_facts_number((int64_t)s->place.next), co_facts_number((int64_t)s->damaged)};

	return co_facts_run(f->opt.db, "INSERT OR REPLACE INTO place VALUES (?1, ?2, ?3)", row,
	    OR_LEN(row), &f->err);
}

static enum or_code run_source(struct co_feed *f, struct source *s, size_t shard)
{
	enum or_code rc = open_source(f, s, shard);

	if (rc || s->place.next >= s->size)
		return rc;
	rc = or_db_begin(f->opt.db, &f->err);
	if (rc)
		return rc;
	rc = read_slice(f, s);
	if (!rc)
		rc = co_reader_write(s->readers, f->opt.db, &f->err);
	if (!rc)
		rc = write_place(f, s, shard);
	if (!rc)
		rc = or_db_commit(f->opt.db, &f->err);
	if (rc) {
		or_db_rollback(f->opt.db);
		s->is_placed = false; /* as the database has it */
		co_reader_free(s->readers);
		s->readers = co_reader_new(s->inputs_dir);
		return rc;
	}
	f->has_more |= s->place.next < s->size;
	return OR_OK;
}

static void on_slice(void *arg)
{
	struct co_feed *f = arg;

	f->has_more = false;
	f->rc = OR_OK;
	for (size_t i = 0; i < f->opt.n_logs && !f->rc; i++)
		f->rc = run_source(f, &f->sources[i], i);
}

/* ---- on the loop */

static void on_timer(void *arg);

static void begin_later(struct co_feed *f, int64_t after_ns)
{
	if (!f->timer)
		f->timer = or_loop_timer_start(f->opt.loop, after_ns, on_timer, f);
}

static void begin(struct co_feed *f);

static void on_sliced(void *arg)
{
	struct co_feed *f = arg;

	f->is_running = false;
	if (f->rc) {
		OR_LOG(OR_LOG_ERROR, "catalogue.behind", or_log_err(&f->err));
		begin_later(f, CO_FEED_RETRY_NS);
	} else if (f->has_more) {
		begin(f);
	} else if (f->has_grown) {
		begin_later(f, CO_FEED_AFTER_NS);
	}
}

static void on_timer(void *arg)
{
	struct co_feed *f = arg;

	f->timer = NULL;
	if (!f->is_running)
		begin(f);
}

static void begin(struct co_feed *f)
{
	enum or_code rc;

	f->has_grown = false;
	for (size_t i = 0; i < f->opt.n_logs; i++)
		f->sources[i].size = co_log_size(f->sources[i].log);
	f->is_running = true;
	rc = or_slow_submit(f->opt.slow, on_slice, on_sliced, f);
	if (!rc)
		return;
	if (rc != OR_CLOSED) /* the end of the process */
		begin_later(f, CO_FEED_RETRY_NS);
	f->is_running = false;
}

static void on_growth(void *arg)
{
	struct co_feed *f = arg;

	f->has_grown = true;
	if (!f->is_running)
		begin_later(f, CO_FEED_AFTER_NS);
}

struct co_feed *co_feed_new(const struct co_feed_opt *opt)
{
	struct co_feed *f = or_mem_new(sizeof(*f));
	char path[DIR_MAX];

	f->opt = *opt;
	f->arena = or_arena_new(ARENA_MAX);
	f->sources = or_mem_array(opt->n_logs, sizeof(*f->sources));
	for (size_t i = 0; i < opt->n_logs; i++) {
		struct source *s = &f->sources[i];

		s->log = opt->logs[i];
		s->dir = or_mem_strdup(co_log_dir(s->log));
		OR_ASSERT(snprintf(path, sizeof(path), "%s/inputs", s->dir) < DIR_MAX);
		s->inputs_dir = or_mem_strdup(path);
		s->readers = co_reader_new(s->inputs_dir);
		co_log_watch(s->log, on_growth, f);
	}
	begin_later(f, 0);
	return f;
}

void co_feed_free(struct co_feed *f)
{
	if (!f)
		return;
	OR_ASSERT(!f->is_running);
	or_loop_timer_cancel(f->timer);
	for (size_t i = 0; i < f->opt.n_logs; i++) {
		struct source *s = &f->sources[i];

		co_log_unwatch(s->log, on_growth, f);
		co_read_close(s->reader);
		co_reader_free(s->readers);
		or_mem_free(s->dir);
		or_mem_free(s->inputs_dir);
	}
	or_mem_free(f->sources);
	or_arena_free(f->arena);
	or_mem_free(f);
}

uint64_t co_feed_damaged(const struct co_feed *f)
{
	uint64_t n = 0;

	for (size_t i = 0; i < f->opt.n_logs; i++)
		n += f->sources[i].damaged;
	return n;
}
