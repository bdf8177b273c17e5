/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/dora/runs.h"

#include "base/log.h"
#include "base/mem.h"
#include "collector/catalogue/facts.h"

#include <stdio.h>

enum { TEXT_MAX = 512, ARENA_MAX = 32 * 1024 * 1024 };

struct run {
	struct or_slice product, id, job, end, commit;
	int64_t time_ns;
};

struct batch {
	struct or_arena *arena;
	struct run *runs;
	size_t n;
};

struct co_runs {
	struct or_loop *loop;
	struct or_slow *slow;
	struct or_db *db;
	struct batch batches[2];
	size_t filling; /* the other one is being written, or empty */
	bool is_writing;
	bool is_live; /* the loop runs */
	struct or_loop_timer *timer;
	enum or_code rc;
	struct or_err err;
};

/* ---- writing */

static enum or_code write_runs(struct co_runs *r, const struct batch *b)
{
	enum or_code rc = OR_OK;

	for (size_t i = 0; i < b->n && !rc; i++) {
		const struct run *run = &b->runs[i];
		const struct co_facts_value row[] = {co_facts_text(run->product),
		    co_facts_text(run->id), co_facts_text(run->end), co_facts_text(run->job),
		    co_facts_number(run->time_ns), co_facts_text(run->commit)};

		rc =
		    co_facts_run(r->db, "INSERT OR IGNORE INTO run VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
			row, OR_LEN(row), &r->err);
	}
	return rc;
}

static void on_write(void *arg)
{
	struct co_runs *r = arg;

	r->rc = or_db_begin(r->db, &r->err);
	if (r->rc)
		return;
	r->rc = write_runs(r, &r->batches[1 - r->filling]);
	if (!r->rc)
		r->rc = or_db_commit(r->db, &r->err);
	if (r->rc)
		or_db_rollback(r->db);
}

static void clear(struct batch *b)
{
	b->n = 0;
	or_arena_clear(b->arena);
	b->runs = or_arena_array(b->arena, CO_RUNS_PENDING_MAX, sizeof(*b->runs));
}

static void on_timer(void *arg);

static void write_later(struct co_runs *r, int64_t after_ns)
{
	if (!r->timer)
		r->timer = or_loop_timer_start(r->loop, after_ns, on_timer, r);
}

static void on_written(void *arg)
{
	struct co_runs *r = arg;

	r->is_writing = false;
	if (r->rc)
		OR_LOG(OR_LOG_ERROR, "catalogue.behind", or_log_err(&r->err));
	else
		clear(&r->batches[1 - r->filling]);
	if (r->rc || r->batches[r->filling].n)
		write_later(r, r->rc ? CO_RUNS_RETRY_NS : CO_RUNS_AFTER_NS);
}

/* A batch that could not be written goes first. */
static void on_timer(void *arg)
{
	struct co_runs *r = arg;

	r->timer = NULL;
	r->is_live = true;
	if (r->is_writing)
		return;
	if (!r->batches[1 - r->filling].n)
		r->filling = 1 - r->filling;
	if (!r->batches[1 - r->filling].n)
		return;
	r->is_writing = or_slow_submit(r->slow, on_write, on_written, r) == OR_OK;
	if (!r->is_writing)
		write_later(r, CO_RUNS_RETRY_NS);
}

/* Before the loop runs nobody waits. */
static void write_now(struct co_runs *r)
{
	r->filling = 1 - r->filling;
	on_write(r);
	if (r->rc)
		OR_LOG(OR_LOG_ERROR, "catalogue.behind", or_log_err(&r->err));
	clear(&r->batches[1 - r->filling]);
}

/* ---- taking */

static struct or_slice keep(struct or_arena *a, struct or_slice s)
{
	return s.n ? or_arena_dup(a, or_slice(s.p, s.n < TEXT_MAX ? s.n : TEXT_MAX))
		   : OR_SLICE_LIT("");
}

static void add(struct co_runs *r, struct or_slice product, const struct wire_openlineage *e)
{
	struct batch *b = &r->batches[r->filling];
	char job[TEXT_MAX];

	snprintf(job, sizeof(job), "%.*s.%.*s", OR_SLICE_FMT(e->job.namespace),
	    OR_SLICE_FMT(e->job.name));
	b->runs[b->n++] = (struct run){.product = keep(b->arena, product),
	    .id = keep(b->arena, e->run_id),
	    .job = keep(b->arena, or_slice_str(job)),
	    .end = keep(b->arena, e->event_type),
	    .commit = keep(b->arena, e->version),
	    .time_ns = e->time_ns};
	if (or_arena_is_full(b->arena))
		b->n--;
}

void co_runs_take(struct co_runs *r, struct or_slice product, const struct wire_openlineage *e)
{
	if (e->kind != WIRE_OPENLINEAGE_RUN ||
	    !(or_slice_is(e->event_type, "COMPLETE") || or_slice_is(e->event_type, "FAIL") ||
		or_slice_is(e->event_type, "ABORT")))
		return;
	if (r->batches[r->filling].n == CO_RUNS_PENDING_MAX && !r->is_live)
		write_now(r);
	if (r->batches[r->filling].n == CO_RUNS_PENDING_MAX) {
		OR_LOG(OR_LOG_ERROR, "catalogue.run_left", or_log_str("product", product));
		return;
	}
	add(r, product, e);
	write_later(r, CO_RUNS_AFTER_NS);
}

struct co_runs *co_runs_new(struct or_loop *loop, struct or_slow *slow, struct or_db *db)
{
	struct co_runs *r = or_mem_new(sizeof(*r));

	r->loop = loop;
	r->slow = slow;
	r->db = db;
	for (size_t i = 0; i < OR_LEN(r->batches); i++) {
		r->batches[i].arena = or_arena_new(ARENA_MAX);
		clear(&r->batches[i]);
	}
	write_later(r, 0);
	return r;
}

void co_runs_free(struct co_runs *r)
{
	if (!r)
		return;
	OR_ASSERT(!r->is_writing);
	or_loop_timer_cancel(r->timer);
	for (size_t i = 0; i < OR_LEN(r->batches); i++)
		or_arena_free(r->batches[i].arena);
	or_mem_free(r);
}
