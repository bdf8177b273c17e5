/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group commit. At most one job is on the slow thread; it does, in this order, what is due when it
 * starts: fdatasync of every segment with unsynced bytes, fsync of the directory, the state file,
 * and the unlink of segments that everybody has passed (so none goes before the state says so).
 * Whoever asks meanwhile is served by the next job, all together.
 *
 * A failed fdatasync: the kernel may have marked the pages clean, so asking again would prove
 * nothing. What was not durable is written anew into a fresh segment, from the page cache; readers
 * pass over the numbers that they see twice. While that fails too, nothing more is appended.
 *
 *	         append                    timer, or somebody waits
 *	clean ───────────▶ unsynced ───────────────────────────────▶ job ──ok──▶ clean
 *	                      ▲                                        │ failed
 *	                      └──────── written anew ◀─────────────────┘
 *	                                     └──── failed: stuck, tried again every second
 */
#include "agent/spool/spool_state.h"

#include "base/mem.h"

#include <semaphore.h>

struct ag_spool_wait {
	struct ag_spool_wait *next;
	struct ag_spool *spool;
	ag_spool_sync_fn *fn;
	void *arg;
	uint64_t ticket;
};

struct job_segment {
	struct spool_segment *segment; /* the loop's; the slow thread looks at fd and path only */
	int fd;
	uint64_t end;
	char *path; /* to unlink */
	bool ok;
};

struct spool_job {
	struct ag_spool *spool; /* NULL: it was closed meanwhile */
	sem_t finished;
	uint64_t ticket;
	char *dir;
	bool sync_dir;
	int state_fd;
	struct or_buf state;
	uint64_t state_offset;
	struct job_segment *syncs;
	size_t n_syncs;
	struct job_segment *unlinks;
	size_t n_unlinks;
	bool sync_ok; /* all of syncs, and the directory */
	bool state_ok;
};

static void start_job(struct ag_spool *spool);
static void retry_later(struct ag_spool *spool);
static void call_waits(struct ag_spool *spool, uint64_t ticket, enum or_code rc);

/* -- on the slow thread -- */

static void work(void *arg)
{
	struct spool_job *job = arg;

	job->sync_ok = true;
	for (size_t i = 0; i < job->n_syncs && job->sync_ok; i++) {
		job->syncs[i].ok = or_sys_fdatasync(job->syncs[i].fd, NULL) == OR_OK;
		job->sync_ok = job->syncs[i].ok;
	}
	if (job->sync_ok && job->sync_dir)
		job->sync_ok = or_sys_sync_dir(job->dir, NULL) == OR_OK;
	if (job->sync_ok && job->state.n)
		job->state_ok = or_sys_pwrite(job->state_fd, or_buf_slice(&job->state),
				    job->state_offset, NULL) == OR_OK &&
				or_sys_fdatasync(job->state_fd, NULL) == OR_OK;
	for (size_t i = 0; i < job->n_unlinks && job->state_ok; i++)
		job->unlinks[i].ok = or_sys_unlink(job->unlinks[i].path, NULL) == OR_OK;
	sem_post(&job->finished);
}

/* -- a job's making and end -- */

static void free_job(struct spool_job *job)
{
	for (size_t i = 0; i < job->n_unlinks; i++)
		or_mem_free(job->unlinks[i].path);
	or_mem_free(job->unlinks);
	or_mem_free(job->syncs);
	or_buf_done(&job->state);
	or_mem_free(job->dir);
	sem_destroy(&job->finished);
	or_mem_free(job);
}

static bool is_passed(const struct ag_spool *spool, const struct spool_segment *seg)
{
	for (size_t i = 0; i < spool->n_streams; i++) {
		const struct ag_spool_mark *m = &spool->streams[i].acked;

		if (seg->last_end[i] == 0 || m->segment > seg->head.number)
			continue;
		if (m->segment < seg->head.number || m->offset < seg->last_end[i])
			return false;
	}
	return true;
}

struct spool_segment *ag_spool_sync_removable(const struct ag_spool *spool)
{
	struct spool_segment *seg = spool->first;

	if (!seg || (seg == spool->last && spool->is_active) || seg->synced < seg->end)
		return NULL;
	return is_passed(spool, seg) ? seg : NULL;
}

static void add_syncs(struct spool_job *job, struct ag_spool *spool)
{
	size_t n = 0;

	for (struct spool_segment *seg = spool->first; seg; seg = seg->next)
		n += seg->synced < seg->end;
	job->syncs = or_mem_array(n, sizeof(*job->syncs));
	for (struct spool_segment *seg = spool->first; seg; seg = seg->next) {
		if (seg->synced < seg->end)
			job->syncs[job->n_syncs++] =
			    (struct job_segment){.segment = seg, .fd = seg->fd, .end = seg->end};
	}
	job->sync_dir = spool->is_dir_dirty;
	spool->is_dir_dirty = false;
}

/* Only a prefix of the segments goes, so that numbers stay without holes. */
static void add_unlinks(struct spool_job *job, struct ag_spool *spool)
{
	size_t n = 0;

	for (struct spool_segment *seg = spool->first; seg; seg = seg->next)
		n++;
	job->unlinks = or_mem_array(n, sizeof(*job->unlinks));
	for (struct spool_segment *seg = spool->first; seg; seg = seg->next) {
		char path[AG_SPOOL_PATH_MAX];

		if ((seg == spool->last && spool->is_active) || seg->synced < seg->end ||
		    !is_passed(spool, seg))
			break;
		ag_spool_segment_path(path, spool, seg->head.number);
		job->unlinks[job->n_unlinks++] =
		    (struct job_segment){.segment = seg, .path = or_mem_strdup(path)};
	}
}

static void add_state(struct spool_job *job, struct ag_spool *spool)
{
	ag_spool_state_encode(&job->state, spool, spool->state_generation + 1);
	job->state_fd = spool->state_fd;
	job->state_offset = ag_spool_state_offset(spool->state_generation + 1);
	add_unlinks(job, spool);
	spool->is_state_due = false;
	or_loop_timer_cancel(spool->state_timer);
	spool->state_timer = NULL;
}

static void end_syncs(struct spool_job *job, struct ag_spool *spool)
{
	for (size_t i = 0; i < job->n_syncs; i++) {
		struct spool_segment *seg = job->syncs[i].segment;

		/* Data without its directory entry is not durable. */
		if (!job->syncs[i].ok || (job->sync_dir && !job->sync_ok))
			continue;
		seg->synced = job->syncs[i].end;
		if (seg->synced == seg->end && !(seg == spool->last && spool->is_active)) {
			or_sys_close(seg->fd);
			seg->fd = -1;
		}
	}
	if (job->sync_dir && !job->sync_ok)
		spool->is_dir_dirty = true;
}

/* Takes the segment out of the list and the count. */
static void drop_segment(struct ag_spool *spool, struct spool_segment *seg)
{
	struct spool_segment **at = &spool->first, *before = NULL;

	while (*at != seg) {
		before = *at;
		at = &before->next;
	}
	*at = seg->next;
	if (spool->last == seg) {
		spool->last = before;
		spool->is_active = false;
	}
	spool->bytes -= seg->end;
	or_sys_close(seg->fd);
	or_mem_free(seg);
}

static void end_state(struct spool_job *job, struct ag_spool *spool)
{
	if (!job->state.n)
		return;
	if (job->state_ok)
		spool->state_generation++;
	for (size_t i = 0; i < job->n_unlinks; i++) {
		if (job->unlinks[i].ok)
			drop_segment(spool, job->unlinks[i].segment);
	}
	if (!job->state_ok || (job->n_unlinks && !job->unlinks[job->n_unlinks - 1].ok))
		ag_spool_sync_state(spool, false);
}

/* -- after a failed sync -- */

static bool copy_entry(void *arg, const struct ag_segment_entry *e, uint64_t end)
{
	struct ag_spool *spool = arg;

	(void)end;
	if (e->type == AG_SEGMENT_STREAM || e->type == AG_SEGMENT_VOID)
		return true;
	return ag_spool_write(spool, e, NULL) == OR_OK;
}

static bool copy_unsynced(struct ag_spool *spool, struct spool_segment *from, uint64_t last_number)
{
	for (struct spool_segment *seg = from; seg && seg->head.number <= last_number;
	     seg = seg->next) {
		uint64_t start =
		    seg->synced > AG_SEGMENT_HEAD_LEN ? seg->synced : AG_SEGMENT_HEAD_LEN;
		uint64_t end = start, damaged = 0;

		if (start < seg->end && (ag_spool_read_segment(spool, seg, start, seg->end,
					     copy_entry, spool, &end, &damaged, NULL) != OR_OK ||
					    end < seg->end || damaged))
			return false;
	}
	return true;
}

/* Unlinks the segments numbered from..to, or cuts them to what is durable in them. */
static void take_back(struct ag_spool *spool, uint64_t from, uint64_t to)
{
	struct spool_segment *seg = spool->first, *next;

	for (; seg; seg = next) {
		char path[AG_SPOOL_PATH_MAX];

		next = seg->next;
		if (seg->head.number < from || seg->head.number > to || seg->synced == seg->end)
			continue;
		if (seg->synced == 0) {
			ag_spool_segment_path(path, spool, seg->head.number);
			(void)!or_sys_unlink(path, NULL);
			drop_segment(spool, seg);
			continue;
		}
		/* What stays behind the cut, readers see twice and pass over. */
		(void)!or_sys_truncate(seg->fd, seg->synced, NULL);
		spool->bytes -= seg->end - seg->synced;
		seg->end = seg->synced;
		or_sys_close(seg->fd);
		seg->fd = -1;
	}
}

/* Writes anew what is not durable: behind everything, in its order. */
static void write_anew(struct ag_spool *spool)
{
	struct spool_segment *from = spool->first;
	uint64_t last_number = spool->next_number - 1;

	while (from && from->synced == from->end)
		from = from->next;
	spool->is_stuck = from != NULL;
	if (!from)
		return;
	spool->is_stuck =
	    ag_spool_roll(spool, NULL) != OR_OK || !copy_unsynced(spool, from, last_number);
	if (spool->is_stuck)
		take_back(spool, last_number + 1, UINT64_MAX);
	else
		take_back(spool, from->head.number, last_number);
}

/* -- the loop's side -- */

static void on_sync_timer(void *arg)
{
	struct ag_spool *spool = arg;

	spool->sync_timer = NULL;
	if (spool->is_stuck)
		write_anew(spool);
	if (spool->is_stuck) {
		retry_later(spool);
		call_waits(spool, spool->ticket, OR_IO);
	} else {
		start_job(spool);
	}
}

static void retry_later(struct ag_spool *spool)
{
	or_loop_timer_cancel(spool->sync_timer);
	spool->sync_timer =
	    or_loop_timer_start(spool->opt.loop, spool->opt.retry_ns, on_sync_timer, spool);
}

void ag_spool_sync_later(struct ag_spool *spool)
{
	if (!spool->job && !spool->sync_timer)
		spool->sync_timer =
		    or_loop_timer_start(spool->opt.loop, spool->opt.sync_ns, on_sync_timer, spool);
}

static bool has_unsynced(const struct ag_spool *spool)
{
	for (const struct spool_segment *seg = spool->first; seg; seg = seg->next) {
		if (seg->synced < seg->end)
			return true;
	}
	return false;
}

static void call_waits(struct ag_spool *spool, uint64_t ticket, enum or_code rc)
{
	while (spool->waits && spool->waits->ticket <= ticket) {
		struct ag_spool_wait w = *spool->waits;

		ag_spool_sync_cancel(spool->waits);
		w.fn(w.arg, rc);
	}
}

static void done(void *arg)
{
	struct spool_job *job = arg;
	struct ag_spool *spool = job->spool;
	bool ok = job->sync_ok;
	uint64_t ticket = job->ticket;

	if (!spool) {
		free_job(job);
		return;
	}
	spool->job = NULL;
	end_syncs(job, spool);
	end_state(job, spool);
	free_job(job);
	if (!ok) {
		spool->info.failed_syncs++;
		write_anew(spool);
		retry_later(spool);
	} else if (spool->ticket > ticket || spool->is_state_due) {
		start_job(spool);
	} else if (has_unsynced(spool)) {
		ag_spool_sync_later(spool);
	}
	call_waits(spool, ticket, ok ? OR_OK : OR_IO);
	if (ok && spool->watch_fn)
		spool->watch_fn(spool->watch_arg);
}

static void start_job(struct ag_spool *spool)
{
	struct spool_job *job;

	if (spool->job || spool->is_stuck)
		return;
	job = or_mem_new(sizeof(*job));
	job->spool = spool;
	sem_init(&job->finished, 0, 0);
	job->ticket = spool->ticket;
	job->dir = or_mem_strdup(spool->dir);
	or_buf_init(&job->state, AG_SPOOL_SLOT);
	add_syncs(job, spool);
	if (spool->is_state_due)
		add_state(job, spool);
	if (or_slow_submit(spool->opt.slow, work, done, job) != OR_OK) {
		job->sync_ok = false;
		end_syncs(job, spool);
		end_state(job, spool);
		free_job(job);
		retry_later(spool);
		return;
	}
	spool->job = job;
	or_loop_timer_cancel(spool->sync_timer);
	spool->sync_timer = NULL;
}

struct ag_spool_wait *ag_spool_sync(struct ag_spool *spool, ag_spool_sync_fn *fn, void *arg)
{
	struct ag_spool_wait *w = or_mem_new(sizeof(*w));

	w->spool = spool;
	w->fn = fn;
	w->arg = arg;
	w->ticket = ++spool->ticket;
	*spool->last_wait = w;
	spool->last_wait = &w->next;
	start_job(spool);
	return w;
}

void ag_spool_sync_cancel(struct ag_spool_wait *wait)
{
	struct ag_spool_wait **at;

	if (!wait)
		return;
	at = &wait->spool->waits;
	while (*at != wait)
		at = &(*at)->next;
	*at = wait->next;
	if (!*at)
		wait->spool->last_wait = at;
	or_mem_free(wait);
}

static void on_state_timer(void *arg)
{
	struct ag_spool *spool = arg;

	spool->state_timer = NULL;
	spool->is_state_due = true;
	start_job(spool);
}

void ag_spool_sync_state(struct ag_spool *spool, bool now)
{
	if (now) {
		spool->is_state_due = true;
		start_job(spool);
	} else if (!spool->state_timer) {
		spool->state_timer = or_loop_timer_start(
		    spool->opt.loop, spool->opt.state_ns, on_state_timer, spool);
	}
}

void ag_spool_sync_stop(struct ag_spool *spool)
{
	or_loop_timer_cancel(spool->sync_timer);
	or_loop_timer_cancel(spool->state_timer);
	spool->sync_timer = spool->state_timer = NULL;
	while (spool->waits)
		ag_spool_sync_cancel(spool->waits);
	if (spool->job) {
		while (sem_wait(&spool->job->finished) != 0)
			;
		spool->job->spool = NULL;
		spool->job = NULL;
	}
}
