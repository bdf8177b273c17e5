/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/telemetry/telemetry.h"

#include "base/log.h"
#include "base/mem.h"
#include "collector/ingest/check.h"
#include "collector/ingest/dead.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

enum {
	CALL_ARENA = 1024 * 1024,
	DEAD = 16 * 1024 * 1024,
	PENDING = 32 * 1024 * 1024,
	KEEP = 1024 * 1024, /* bytes of buffer that an idle topic holds on to */
};

struct co_telemetry_call {
	struct co_telemetry *t;
	co_ingest_fn *fn;
	void *arg;
	struct co_telemetry_call *next;
	struct co_ingest_answer answer;
	uint64_t n_frames; /* 1 where it brought a group of its own */
	bool is_sync;      /* inside co_telemetry_submit */
	bool is_done;
	struct or_err err;
};

struct list {
	struct co_telemetry_call *first, **last;
};

struct co_telemetry {
	struct co_telemetry_opt opt;
	char *dir;
	struct co_ingest_opt check; /* what frames are checked by */
	struct co_dead *dead;
	struct co_depot *depot; /* the slow thread's while a commit runs */
	struct co_marks *marks; /* of all that was queued: the loop's */
	struct or_buf queue;    /* groups that wait for the next commit */
	struct list waiting;
	struct or_buf writing; /* groups of the commit that runs */
	struct list committing;
	bool is_committing;
	enum or_code rc; /* of the commit */
	struct or_err err;
	struct co_telemetry_stats stats;
};

static void list_init(struct list *l)
{
	l->first = NULL;
	l->last = &l->first;
}

static void list_add(struct list *l, struct co_telemetry_call *c)
{
	c->next = NULL;
	*l->last = c;
	l->last = &c->next;
}

static void buf_reset(struct or_buf *b)
{
	size_t max = b->max;

	if (b->cap > KEEP) {
		or_buf_done(b);
		or_buf_init(b, max);
	}
	or_buf_clear(b);
}

/* The end of a call: the answer, then its memory (unless submit still holds it). */
static void finish(struct co_telemetry_call *c, enum or_code rc, const char *reason)
{
	struct co_telemetry_stats *s = &c->t->stats;

	c->answer.code = rc;
	c->answer.reason = reason;
	c->answer.detail = rc ? c->err.msg : "";
	if (rc == OR_OK) {
		s->frames += c->n_frames;
		s->records += c->answer.stored;
		s->duplicates += c->answer.duplicates;
		s->missing += c->answer.missing;
	}
	if (c->fn)
		c->fn(c->arg, &c->answer);
	c->is_done = true;
	if (!c->is_sync)
		or_mem_free(c);
}

/* ---- commits */

/* What is durable is what is known: after a commit that failed, whoever waits sends again. */
static void take_committed(struct co_telemetry *t)
{
	struct or_buf saved;
	enum or_code rc;

	or_buf_init(&saved, 64 * OR_MIB);
	co_marks_save(co_depot_marks(t->depot), &saved);
	rc = co_marks_load(t->marks, or_buf_slice(&saved), NULL);
	OR_ASSERT(rc == OR_OK); /* the same limits made them */
	or_buf_done(&saved);
}

static void finish_all(struct list *l, enum or_code rc, const struct or_err *err)
{
	struct co_telemetry_call *c = l->first;

	list_init(l);
	while (c) {
		struct co_telemetry_call *next = c->next;

		if (rc)
			c->err = *err;
		finish(c, rc, rc ? "storage" : "ok");
		c = next;
	}
}

static void tell_stored(struct co_telemetry *t, struct or_slice groups)
{
	struct co_depot_group g;

	while (t->opt.on_stored && co_depot_next_group(&g, &groups) == OR_OK) {
		struct or_slice product =
		    or_slice_from(g.key.stream, strlen(t->opt.topic) + 1); /* checked */
		struct co_depot_record r;

		while (co_depot_next_record(&r, &g.records))
			t->opt.on_stored(t->opt.stored_arg, product, g.received_ns, r.bytes);
	}
}

static void start_commit(struct co_telemetry *t);

static void on_commit(void *arg)
{
	struct co_telemetry *t = arg;

	t->rc = co_depot_commit(
	    t->depot, or_buf_slice(&t->writing), or_loop_wall_ns(t->opt.loop), &t->err);
}

static void on_committed(void *arg)
{
	struct co_telemetry *t = arg;

	t->is_committing = false;
	if (t->rc) {
		t->stats.failed_commits++;
		OR_LOG(OR_LOG_ERROR, "telemetry.unwritten", or_log_text("topic", t->opt.topic),
		    or_log_err(&t->err));
		take_committed(t);
		or_buf_clear(&t->queue);
		finish_all(&t->committing, t->rc, &t->err);
		finish_all(&t->waiting, t->rc, &t->err);
	} else {
		t->stats.bytes += t->writing.n;
		tell_stored(t, or_buf_slice(&t->writing));
		finish_all(&t->committing, OR_OK, NULL);
	}
	buf_reset(&t->writing);
	start_commit(t);
}

static void start_commit(struct co_telemetry *t)
{
	struct or_buf swap = t->writing;

	if (t->is_committing || !t->waiting.first)
		return;
	t->writing = t->queue;
	t->queue = swap;
	t->committing = t->waiting;
	list_init(&t->waiting);
	t->is_committing = true;
	if (or_slow_submit(t->opt.slow, on_commit, on_committed, t)) {
		t->rc = or_err_set(&t->err, OR_FULL, "the collector is busy");
		on_committed(t);
	}
}

/* ---- requests */

static void count_missing(
    struct co_telemetry_call *c, const struct wire_frame *f, const struct co_marks_key *key)
{
	uint64_t next = co_marks_expected(c->t->marks, key) + 1;

	if (f->seq_from <= next)
		return;
	c->answer.missing = f->seq_from - next;
	OR_LOG(OR_LOG_WARN, "telemetry.missing", or_log_text("topic", c->t->opt.topic),
	    or_log_u64("from", next), or_log_u64("to", f->seq_from - 1));
}

/* A place that is read from is a stream of nobody's: its offsets are the numbers, from 1. */
static void place_key(struct co_marks_key *out, char text[CO_MARKS_STREAM_MAX + 1],
    struct or_slice name, uint32_t partition)
{
	static const uint8_t nobody[CO_MARKS_AGENT_LEN];

	snprintf(text, CO_MARKS_STREAM_MAX + 1, "from %.*s", OR_SLICE_FMT(name));
	*out =
	    (struct co_marks_key){or_slice(nobody, sizeof(nobody)), partition, or_slice_str(text)};
}

/* Behind what was queued, so that no crash keeps the place and loses what came from there. Where
 * it finds no room, something is read again. */
static void queue_place(struct co_telemetry *t, const struct co_ingest_source *source)
{
	char text[CO_MARKS_STREAM_MAX + 1];
	struct co_depot_group g = {.received_ns = or_loop_wall_ns(t->opt.loop)};

	if (!source->next)
		return;
	place_key(&g.key, text, source->name, source->partition);
	g.from = co_marks_expected(t->marks, &g.key) + 1;
	g.to = source->next(source->arg);
	if (g.to < g.from || !co_marks_has_room(t->marks, &g.key, g.from, g.to))
		return;
	co_depot_put(&t->queue, &g, NULL, 0);
	if (or_buf_ok(&t->queue))
		OR_ASSERT(co_marks_add(t->marks, &g.key, g.from, g.to) == OR_OK);
	else
		t->queue.full = false;
}

/* Queues what is new of the frame. */
static enum or_code queue_group(struct co_telemetry_call *c, const struct co_check *check,
    struct or_arena *a, const char **reason)
{
	struct co_telemetry *t = c->t;
	const struct wire_frame *f = &check->frame;
	struct co_depot_record *new = or_arena_array(a, check->n_records, sizeof(*new));
	struct co_depot_group g = {.received_ns = or_loop_wall_ns(t->opt.loop),
	    .key = {check->cert.agent_id, f->epoch, f->stream},
	    .from = f->seq_from,
	    .to = f->seq_to};

	*reason = "busy";
	if (!new)
		return or_err_set(&c->err, OR_FULL, "no room left");
	for (size_t i = 0; i < check->n_records; i++) {
		const struct co_check_record *r = &check->records[i];

		if (co_marks_has(t->marks, &g.key, r->seq))
			c->answer.duplicates++;
		else
			new[g.n++] = (struct co_depot_record){r->seq, r->bytes};
	}
	c->answer.stored = g.n;
	if (co_marks_knows(t->marks, &g.key) &&
	    co_marks_covers(t->marks, &g.key, f->seq_from, f->seq_to) && f->seq_to >= f->seq_from)
		return OR_OK;
	count_missing(c, f, &g.key);
	if (g.to < g.from && !c->answer.missing && co_marks_knows(t->marks, &g.key))
		return OR_OK; /* a heartbeat that says nothing new */
	*reason = "holes";
	if (!co_marks_has_room(t->marks, &g.key, f->seq_from, f->seq_to))
		return or_err_set(&c->err, OR_FULL, "more streams or holes than may be");
	*reason = "busy";
	co_depot_put(&t->queue, &g, new, g.n);
	if (!or_buf_ok(&t->queue)) {
		t->queue.full = false; /* nothing of the group was put */
		return or_err_set(&c->err, OR_FULL, "too much waits to be stored");
	}
	OR_ASSERT(co_marks_add(t->marks, &g.key, f->seq_from, f->seq_to) == OR_OK);
	c->n_frames = 1;
	return OR_OK;
}

static void refuse(struct co_telemetry_call *c, const struct co_ingest_request *request,
    enum or_code rc, const char *reason)
{
	c->t->stats.refused++;
	if (rc != OR_FULL)
		co_dead_put(c->t->dead, request, co_check_is_signed(reason), reason, c->err.msg,
		    or_loop_wall_ns(c->t->opt.loop));
	finish(c, rc, reason);
}

static void take(
    struct co_telemetry_call *c, const struct co_ingest_request *request, struct or_arena *a)
{
	struct co_telemetry *t = c->t;
	const char *reason = "batch";
	struct co_check check;
	enum or_code rc;

	if (request->frame.n > WIRE_FRAME_MAX || request->batch.n > WIRE_BATCH_MAX)
		rc = or_err_set(&c->err, OR_PARSE, "longer than a frame or a batch may be");
	else
		rc = co_check_opaque(
		    &check, &t->check, request, or_loop_wall_ns(t->opt.loop), a, &reason, &c->err);
	if (rc) {
		refuse(c, request, rc, reason);
		return;
	}
	rc = queue_group(c, &check, a, &reason);
	if (rc) {
		finish(c, rc, reason);
		return;
	}
	if (c->n_frames)
		queue_place(t, &request->source);
	/* What is known may still be on its way to the disk. */
	if (!c->n_frames && !t->is_committing && !t->waiting.first) {
		finish(c, OR_OK, "ok");
		return;
	}
	list_add(&t->waiting, c);
	start_commit(t);
}

struct co_telemetry_call *co_telemetry_submit(
    struct co_telemetry *t, const struct co_ingest_request *request, co_ingest_fn *fn, void *arg)
{
	struct co_telemetry_call *c = or_mem_new(sizeof(*c));
	struct or_arena *a = or_arena_new(CALL_ARENA);

	*c = (struct co_telemetry_call){.t = t, .fn = fn, .arg = arg, .is_sync = true};
	take(c, request, a);
	or_arena_free(a);
	c->is_sync = false;
	if (!c->is_done)
		return c;
	or_mem_free(c);
	return NULL;
}

void co_telemetry_cancel(struct co_telemetry_call *call)
{
	if (call)
		call->fn = NULL;
}

/* ---- beginning and end */

uint64_t co_telemetry_next(const struct co_telemetry *t, struct or_slice name, uint32_t partition)
{
	char text[CO_MARKS_STREAM_MAX + 1];
	struct co_marks_key key;

	place_key(&key, text, name, partition);
	return co_marks_expected(t->marks, &key);
}

static enum or_code open_dead(struct co_telemetry *t, struct or_err *err)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s/dead", t->dir);
	return co_dead_open(
	    &t->dead, dir, t->opt.dead_bytes ? t->opt.dead_bytes : DEAD, t->opt.slow, err);
}

enum or_code co_telemetry_open(
    struct co_telemetry **out, const struct co_telemetry_opt *opt, struct or_err *err)
{
	struct co_telemetry *t = or_mem_new(sizeof(*t));
	struct co_depot_opt depot = {.dir = opt->dir,
	    .segment_bytes = opt->segment_bytes,
	    .keep_ns = opt->keep_ns,
	    .now_ns = or_loop_wall_ns(opt->loop)};
	size_t pending = opt->max_pending ? opt->max_pending : PENDING;
	enum or_code rc;

	t->opt = *opt;
	t->dir = or_mem_strdup(opt->dir);
	t->check = (struct co_ingest_opt){.issuers = opt->issuers,
	    .n_issuers = opt->n_issuers,
	    .is_revoked = opt->is_revoked,
	    .revoked_arg = opt->revoked_arg};
	t->marks = co_marks_new(100000);
	or_buf_init(&t->queue, pending);
	or_buf_init(&t->writing, pending);
	list_init(&t->waiting);
	list_init(&t->committing);
	rc = co_depot_open(&t->depot, &depot, err);
	if (!rc)
		rc = open_dead(t, err);
	if (rc) {
		co_telemetry_close(t);
		return or_err_wrap(err, rc, "topic %s", opt->topic);
	}
	take_committed(t);
	if (co_depot_damaged(t->depot))
		OR_LOG(OR_LOG_ERROR, "telemetry.damaged", or_log_text("topic", opt->topic),
		    or_log_text("dir", opt->dir));
	*out = t;
	return OR_OK;
}

void co_telemetry_close(struct co_telemetry *t)
{
	const struct or_err closed = {.code = OR_CLOSED, .msg = "the collector is ending"};

	if (!t)
		return;
	finish_all(&t->committing, OR_CLOSED, &closed);
	finish_all(&t->waiting, OR_CLOSED, &closed);
	co_depot_close(t->depot);
	co_dead_close(t->dead);
	co_marks_free(t->marks);
	or_buf_done(&t->queue);
	or_buf_done(&t->writing);
	or_mem_free(t->dir);
	or_mem_free(t);
}

const char *co_telemetry_topic(const struct co_telemetry *t)
{
	return t->opt.topic;
}

const char *co_telemetry_dir(const struct co_telemetry *t)
{
	return t->dir;
}

void co_telemetry_stats(struct co_telemetry_stats *out, const struct co_telemetry *t)
{
	*out = t->stats;
	out->damaged = t->depot ? co_depot_damaged(t->depot) : 0;
	out->dead_letters = t->dead ? co_dead_letters(t->dead) : 0;
	out->dead_dropped = t->dead ? co_dead_dropped(t->dead) : 0;
	out->streams = co_marks_streams(t->marks);
}
