/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/audit/log.h"

#include "base/log.h"
#include "base/mem.h"

enum { PENDING_DEFAULT = 16 * 1024 * 1024, RETRY_NS = 5 * OR_NS_PER_MS, LEN_BYTES = 4 };

#define SEAL_POLL_MAX_NS (60 * OR_NS_PER_S) /* for what is old enough by now */

struct group {
	size_t n;
	int64_t received_ns;
	uint64_t first;
	co_log_fn *fn;
	void *arg;
};

/* What one commit takes: groups, and their leaves one behind the other, each behind its length. */
struct batch {
	struct co_log *log;
	struct or_buf groups;
	struct or_buf leaves;
	int64_t now_ns;
	int64_t started_ns;
	/* Filled by the slow thread. */
	enum or_code rc;
	struct or_err err;
	uint64_t size;
	uint64_t segment; /* where the last one begins */
	struct or_buf note;
};

/* Sealing, a step at a time on the slow thread. A step that is under way outlives its log. */
struct sealing {
	struct co_log *log; /* NULL: it has been closed */
	struct co_seal *seal;
	bool is_running;
	bool again;       /* a step was asked for while one ran */
	bool hurry;       /* asked for, not begun */
	uint64_t segment; /* the last one's beginning when the last step ran */
	struct or_loop_timer *poll;
	int64_t poll_ns;
	/* Of the step. */
	struct co_store *rotate; /* NULL: its segment stays open */
	uint64_t size;
	int64_t now_ns;
	enum or_code rc;
	struct or_err err;
	struct co_seal_stats stats;
};

struct co_log {
	struct co_store *store; /* the slow thread's while a batch runs */
	struct co_log_opt opt;
	char *dir;
	char *origin;
	struct batch *next; /* being collected */
	bool is_running;
	struct or_loop_timer *retry;
	uint64_t size;
	struct or_buf note;
	struct or_err trouble; /* code OR_OK: none */
	struct co_log_stats stats;
	struct sealing *sealing; /* NULL: it does not seal */
	struct watch {
		or_loop_fn *fn;
		void *arg;
	} watches[CO_LOG_WATCHES_MAX]; /* fn NULL: free */
};

struct reopening {
	struct co_log *log;
	co_log_fn *fn;
	void *arg;
	enum or_code rc;
	struct or_err err;
};

static void start(struct co_log *log);
static void seal(struct co_log *log);
static void begin_sealing(struct co_log *log);
static void end_sealing(struct co_log *log);

static void take_state(struct co_log *log)
{
	const struct or_err *damage = co_store_damage(log->store);

	log->size = co_store_size(log->store);
	or_buf_clear(&log->note);
	or_buf_put_slice(&log->note, co_store_checkpoint(log->store));
	log->trouble = damage ? *damage : (struct or_err){.code = OR_OK};
}

enum or_code co_log_open(struct co_log **out, const struct co_log_opt *opt, struct or_err *err)
{
	struct co_store *store;
	struct co_log *log;
	enum or_code rc = co_store_open(&store, &opt->store, err);

	if (rc)
		return rc;
	log = or_mem_new(sizeof(*log));
	log->store = store;
	log->opt = *opt;
	log->opt.store.dir = log->dir = or_mem_strdup(opt->store.dir);
	log->opt.store.origin = log->origin = or_mem_strdup(opt->store.origin);
	if (!log->opt.max_pending)
		log->opt.max_pending = PENDING_DEFAULT;
	or_buf_init(&log->note, TL_NOTE_MAX);
	take_state(log);
	if (opt->seals)
		begin_sealing(log);
	*out = log;
	return OR_OK;
}

static void free_batch(struct batch *b)
{
	if (!b)
		return;
	or_buf_done(&b->groups);
	or_buf_done(&b->leaves);
	or_buf_done(&b->note);
	or_mem_free(b);
}

static struct batch *new_batch(struct co_log *log)
{
	struct batch *b = or_mem_new(sizeof(*b));

	b->log = log;
	or_buf_init(&b->groups, (size_t)1 << 26);
	or_buf_init(&b->leaves, (size_t)1 << 30);
	or_buf_init(&b->note, TL_NOTE_MAX);
	return b;
}

/* Slow thread: hands one group to the store. */
static enum or_code put_group(struct batch *b, struct group *g, size_t *at)
{
	struct or_slice *leaves = or_mem_array(g->n, sizeof(*leaves));
	enum or_code rc;

	for (size_t i = 0; i < g->n; i++) {
		uint32_t len;

		memcpy(&len, b->leaves.p + *at, LEN_BYTES);
		leaves[i] = or_slice(b->leaves.p + *at + LEN_BYTES, len);
		*at += LEN_BYTES + len;
	}
	rc = co_store_put(b->log->store, leaves, g->n, g->received_ns, &g->first, &b->err);
	or_mem_free(leaves);
	return rc;
}

static void on_work(void *arg)
{
	struct batch *b = arg;
	struct group *groups = (struct group *)(void *)b->groups.p;
	size_t n = b->groups.n / sizeof(*groups), at = 0;

	for (size_t i = 0; i < n && !b->rc; i++)
		b->rc = put_group(b, &groups[i], &at);
	if (!b->rc)
		b->rc = co_store_commit(b->log->store, b->now_ns, &b->err);
	b->size = co_store_size(b->log->store);
	b->segment = co_store_segment_first(b->log->store);
	or_buf_put_slice(&b->note, co_store_checkpoint(b->log->store));
}

static void answer(struct batch *b)
{
	const struct group *groups = (const struct group *)(const void *)b->groups.p;
	size_t n = b->groups.n / sizeof(*groups);

	for (size_t i = 0; i < n; i++) {
		if (groups[i].fn)
			groups[i].fn(groups[i].arg, b->rc, groups[i].first, &b->err);
	}
}

/* Appends that were collected while the commit failed fail with it. */
static void fail_waiting(struct co_log *log)
{
	struct batch *b = log->next;

	log->next = NULL;
	if (!b)
		return;
	b->rc = log->trouble.code;
	b->err = log->trouble;
	answer(b);
	free_batch(b);
}

void co_log_close(struct co_log *log)
{
	if (!log)
		return;
	OR_ASSERT(!log->is_running);
	or_loop_timer_cancel(log->retry);
	log->trouble = (struct or_err){.code = OR_CLOSED, .msg = "the log is being closed"};
	fail_waiting(log);
	end_sealing(log);
	co_store_close(log->store);
	or_buf_done(&log->note);
	or_mem_free(log->dir);
	or_mem_free(log->origin);
	or_mem_free(log);
}

static void call_watches(struct co_log *log)
{
	for (size_t i = 0; i < OR_LEN(log->watches); i++) {
		if (log->watches[i].fn)
			log->watches[i].fn(log->watches[i].arg);
	}
}

static void on_done(void *arg)
{
	struct batch *b = arg;
	struct co_log *log = b->log;
	bool has_grown = !b->rc && b->size > log->size;
	bool has_closed = log->sealing && b->segment != log->sealing->segment;

	log->is_running = false;
	log->size = b->size;
	or_buf_clear(&log->note);
	or_buf_put_slice(&log->note, or_buf_slice(&b->note));
	log->stats.waiting -= b->leaves.n;
	if (b->rc) {
		log->trouble = b->err;
		log->trouble.code = b->rc;
	} else {
		log->stats.commits++;
		log->stats.last_ns = or_loop_now_ns(log->opt.loop) - b->started_ns;
	}
	if (has_closed)
		log->sealing->segment = b->segment;
	answer(b);
	free_batch(b);
	if (has_grown)
		call_watches(log);
	if (has_closed)
		seal(log);
	if (log->trouble.code) {
		log->stats.waiting = 0;
		fail_waiting(log);
	} else if (!log->is_running) {
		start(log);
	}
}

static void on_retry(void *arg)
{
	struct co_log *log = arg;

	log->retry = NULL;
	start(log);
}

/* Sends what was collected on its way, unless a commit is under way: its end comes back here. */
static void start(struct co_log *log)
{
	struct batch *b = log->next;

	if (!b || log->is_running || log->retry)
		return;
	b->now_ns = or_loop_wall_ns(log->opt.loop);
	b->started_ns = or_loop_now_ns(log->opt.loop);
	if (or_slow_submit(log->opt.slow, on_work, on_done, b)) {
		/* Its queue is full of others' work. */
		log->retry = or_loop_timer_start(log->opt.loop, RETRY_NS, on_retry, log);
		return;
	}
	log->next = NULL;
	log->is_running = true;
}

enum or_code co_log_append(struct co_log *log, const struct or_slice *leaves, size_t n,
    co_log_fn *fn, void *arg, struct or_err *err)
{
	struct group g = {
	    .n = n, .fn = fn, .arg = arg, .received_ns = or_loop_wall_ns(log->opt.loop)};
	size_t room = 0;

	if (log->trouble.code) {
		if (err)
			*err = log->trouble;
		return log->trouble.code;
	}
	for (size_t i = 0; i < n; i++) {
		if (leaves[i].n == 0 || leaves[i].n > TL_ENTRIES_LEAF_MAX)
			return or_err_set(err, OR_INVAL, "a leaf of %zu bytes", leaves[i].n);
		room += LEN_BYTES + leaves[i].n;
	}
	if (room > log->opt.max_pending - log->stats.waiting)
		return or_err_set(err, OR_FULL, "the log is busy: %zu bytes wait to be written",
		    log->stats.waiting);
	if (!log->next)
		log->next = new_batch(log);
	for (size_t i = 0; i < n; i++) {
		uint32_t len = (uint32_t)leaves[i].n;

		or_buf_put(&log->next->leaves, &len, LEN_BYTES);
		or_buf_put_slice(&log->next->leaves, leaves[i]);
	}
	or_buf_put(&log->next->groups, &g, sizeof(g));
	OR_ASSERT(or_buf_ok(&log->next->groups) && or_buf_ok(&log->next->leaves));
	log->stats.waiting += room;
	log->stats.leaves += n;
	log->stats.bytes += room - n * LEN_BYTES;
	start(log);
	return OR_OK;
}

static void on_reopen_work(void *arg)
{
	struct reopening *x = arg;

	co_store_close(x->log->store);
	x->log->store = NULL;
	x->rc = co_store_open(&x->log->store, &x->log->opt.store, &x->err);
}

static void on_reopen_done(void *arg)
{
	struct reopening *x = arg;
	struct co_log *log = x->log;

	log->is_running = false;
	if (x->rc) {
		log->trouble = x->err;
		log->trouble.code = x->rc;
	} else {
		take_state(log);
		x->rc = log->trouble.code;
		x->err = log->trouble;
	}
	if (x->fn)
		x->fn(x->arg, x->rc, log->size, &x->err);
	or_mem_free(x);
}

enum or_code co_log_reopen(struct co_log *log, co_log_fn *fn, void *arg, struct or_err *err)
{
	struct reopening *x;
	enum or_code rc;

	if (log->is_running || log->next)
		return or_err_set(err, OR_BUSY, "appends still wait for their calls");
	x = or_mem_new(sizeof(*x));
	*x = (struct reopening){.log = log, .fn = fn, .arg = arg};
	log->opt.store.now_ns = or_loop_wall_ns(log->opt.loop);
	rc = or_slow_submit(log->opt.slow, on_reopen_work, on_reopen_done, x);
	if (rc) {
		or_mem_free(x);
		return or_err_set(err, rc, "the slow thread's queue is full");
	}
	log->is_running = true;
	return OR_OK;
}

/* ---- sealing */

static void on_seal_work(void *arg)
{
	struct sealing *x = arg;

	x->rc = OR_OK;
	if (x->rotate)
		x->rc = co_store_rotate(x->rotate, x->now_ns, &x->err);
	if (!x->rc)
		x->rc = co_seal_step(x->seal, x->size, x->now_ns, &x->err);
	co_seal_stats(&x->stats, x->seal);
}

static void free_sealing(struct sealing *x)
{
	co_seal_free(x->seal);
	or_mem_free(x);
}

static void on_seal_done(void *arg)
{
	struct sealing *x = arg;

	x->is_running = false;
	if (!x->log) {
		free_sealing(x);
		return;
	}
	x->log->stats.sealed = x->stats;
	if (x->rc && x->rc != OR_AGAIN)
		OR_LOG(OR_LOG_ERROR, "log.seal_failed", or_log_text("dir", x->log->dir),
		    or_log_err(&x->err));
	if (x->rc == OR_AGAIN || x->again)
		seal(x->log);
}

/* Submits a step, unless one is under way: its end comes back here. */
static void seal(struct co_log *log)
{
	struct sealing *x = log->sealing;

	x->again = x->is_running;
	if (x->is_running || log->trouble.code)
		return;
	x->size = log->size;
	x->now_ns = or_loop_wall_ns(log->opt.loop);
	x->rotate = x->hurry ? log->store : NULL;
	if (x->hurry)
		co_seal_hurry(x->seal);
	x->is_running = or_slow_submit(log->opt.slow, on_seal_work, on_seal_done, x) == OR_OK;
	if (x->is_running)
		x->hurry = false;
	else
		x->again = true; /* the queue is full: with the next commit, or poll */
}

static void on_seal_poll(void *arg)
{
	struct co_log *log = arg;

	log->sealing->poll =
	    or_loop_timer_start(log->opt.loop, log->sealing->poll_ns, on_seal_poll, log);
	seal(log);
}

static void begin_sealing(struct co_log *log)
{
	const struct co_seal_opt opt = {
	    .dir = log->dir, .rows = log->opt.seal_rows, .age_ns = log->opt.seal_age_ns};
	struct sealing *x = or_mem_new(sizeof(*x));

	x->log = log;
	x->seal = co_seal_new(&opt);
	x->segment = co_store_segment_first(log->store);
	x->poll_ns = log->opt.seal_age_ns && log->opt.seal_age_ns < SEAL_POLL_MAX_NS
			 ? log->opt.seal_age_ns
			 : SEAL_POLL_MAX_NS;
	log->sealing = x;
	x->poll = or_loop_timer_start(log->opt.loop, OR_NS_PER_S, on_seal_poll, log);
}

static void end_sealing(struct co_log *log)
{
	struct sealing *x = log->sealing;

	if (!x)
		return;
	OR_ASSERT(!x->is_running || !x->rotate);
	or_loop_timer_cancel(x->poll);
	log->sealing = NULL;
	x->log = NULL;
	if (!x->is_running)
		free_sealing(x);
}

void co_log_hurry(struct co_log *log)
{
	if (!log->sealing)
		return;
	log->sealing->hurry = true;
	seal(log);
}

bool co_log_is_sealing(const struct co_log *log)
{
	return log->sealing && (log->sealing->is_running || log->sealing->hurry);
}

void co_log_watch(struct co_log *log, or_loop_fn *fn, void *arg)
{
	size_t i = 0;

	while (i < OR_LEN(log->watches) && log->watches[i].fn)
		i++;
	OR_ASSERT(i < OR_LEN(log->watches));
	log->watches[i] = (struct watch){fn, arg};
}

void co_log_unwatch(struct co_log *log, or_loop_fn *fn, void *arg)
{
	for (size_t i = 0; i < OR_LEN(log->watches); i++) {
		if (log->watches[i].fn == fn && log->watches[i].arg == arg)
			log->watches[i].fn = NULL;
	}
}

uint64_t co_log_size(const struct co_log *log)
{
	return log->size;
}

struct or_slice co_log_checkpoint(const struct co_log *log)
{
	return or_buf_slice(&log->note);
}

const char *co_log_dir(const struct co_log *log)
{
	return log->dir;
}

const struct or_err *co_log_trouble(const struct co_log *log)
{
	return log->trouble.code ? &log->trouble : NULL;
}

void co_log_stats(struct co_log_stats *out, const struct co_log *log)
{
	*out = log->stats;
}
