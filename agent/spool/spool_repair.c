/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool/spool_repair.h"

#include "agent/spool/spool_inside.h"
#include "base/mem.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

enum { PIECE = 64 * 1024, PLACES_CAP = 64 };

/* What is to be done, collected before anything is. */
struct place {
	char *path;
	enum ag_spool_look_what what;
	uint64_t from, to;
};

struct repair {
	const char *dir;
	bool dry;
	ag_spool_repair_fn *fn;
	void *arg;
	struct place *places;
	size_t n, cap;
	bool is_state_damaged;
};

static void on_state(
    void *arg, const struct ag_spool_look_state *state, const struct ag_spool_look_stream *streams)
{
	(void)streams;
	((struct repair *)arg)->is_state_damaged = state->is_damaged;
}

static void on_damage(void *arg, const char *path, enum ag_spool_look_what what, uint64_t from,
    uint64_t to, bool is_newest)
{
	struct repair *r = arg;

	if (what == AG_SPOOL_LOOK_VOID)
		return;
	/* Only behind the newest segment's end numbers may have been given that nobody knows. */
	if (what == AG_SPOOL_LOOK_CUT && !is_newest)
		what = AG_SPOOL_LOOK_TORN;
	if (r->n == r->cap) {
		struct place *more;

		r->cap = r->cap ? 2 * r->cap : PLACES_CAP;
		more = or_mem_array(r->cap, sizeof(*more));
		if (r->n)
			memcpy(more, r->places, r->n * sizeof(*more));
		or_mem_free(r->places);
		r->places = more;
	}
	r->places[r->n++] = (struct place){or_mem_strdup(path), what, from, to};
}

/* -- keeping aside -- */

static enum or_code copy_bytes(int to_fd, int fd, const struct place *p, struct or_err *err)
{
	uint8_t piece[PIECE];

	for (uint64_t at = p->from; at < p->to;) {
		size_t n = p->to - at < PIECE ? (size_t)(p->to - at) : PIECE, got;
		enum or_code rc = or_sys_pread(fd, piece, n, at, &got, err);

		if (rc == OR_OK)
			rc = or_sys_write(to_fd, or_slice(piece, got), NULL, err);
		if (rc)
			return rc;
		if (got < n)
			break;
		at += got;
	}
	return or_sys_fdatasync(to_fd, err);
}

/* One that is there already is of a repair that did not come to its end: made anew. */
static enum or_code keep(
    const struct repair *r, const struct place *p, int fd, const char *aside, struct or_err *err)
{
	int to;
	enum or_code rc = or_sys_open(&to, aside, O_WRONLY | O_CREAT | O_TRUNC, 0600, err);

	if (rc)
		return rc;
	rc = copy_bytes(to, fd, p, err);
	or_sys_close(to);
	return rc ? rc : or_sys_sync_dir(r->dir, err);
}

/* -- in its place -- */

static enum or_code read_head(struct ag_segment_head *head, int fd, struct or_err *err)
{
	uint8_t bytes[AG_SEGMENT_HEAD_LEN];
	size_t got;
	enum or_code rc = or_sys_pread(fd, bytes, sizeof(bytes), 0, &got, err);

	if (rc == OR_OK && ag_segment_head_get(head, or_slice(bytes, got)))
		rc = or_err_set(err, OR_CORRUPT, "the head changed meanwhile");
	return rc;
}

/* Void entries from `from` to `to`, each as large as may be, none smaller than an entry. */
static enum or_code put_void(int fd, uint64_t from, uint64_t to, struct or_err *err)
{
	struct ag_segment_head head;
	struct or_buf entry;
	uint8_t *zeros;
	enum or_code rc = read_head(&head, fd, err);

	if (rc)
		return rc;
	if ((to - from) % AG_SEGMENT_ALIGN || to - from < AG_SEGMENT_FRAME_LEN)
		return or_err_set(
		    err, OR_CORRUPT, "a place of %llu bytes", (unsigned long long)(to - from));
	zeros = or_mem_new(AG_SEGMENT_PAYLOAD_MAX);
	or_buf_init(&entry, AG_SEGMENT_PAYLOAD_MAX + AG_SEGMENT_FRAME_LEN);
	while (rc == OR_OK && from < to) {
		uint64_t n = to - from - AG_SEGMENT_FRAME_LEN;
		struct ag_segment_entry e = {.type = AG_SEGMENT_VOID};

		if (n > AG_SEGMENT_PAYLOAD_MAX)
			n = AG_SEGMENT_PAYLOAD_MAX / 2; /* leaves room for another entry */
		e.payload = or_slice(zeros, (size_t)n);
		or_buf_clear(&entry);
		ag_segment_put(&entry, &head, from, &e);
		rc = or_sys_pwrite(fd, or_buf_slice(&entry), from, err);
		from += entry.n;
	}
	or_buf_done(&entry);
	or_mem_free(zeros);
	return rc ? rc : or_sys_fdatasync(fd, err);
}

static enum or_code take_away(const struct place *p, int fd, struct or_err *err)
{
	enum or_code rc = OR_OK;
	uint64_t end = p->from;

	if (p->what == AG_SPOOL_LOOK_DAMAGED)
		return put_void(fd, p->from, p->to, err);
	if (p->what == AG_SPOOL_LOOK_CUT) {
		/* The void first: without it the numbers behind would be given again. */
		end += AG_SEGMENT_FRAME_LEN;
		rc = put_void(fd, p->from, end, err);
	}
	if (rc == OR_OK)
		rc = or_sys_truncate(fd, end, err);
	return rc ? rc : or_sys_fdatasync(fd, err);
}

/* -- steps -- */

static enum or_code mend(
    const struct repair *r, const struct place *p, char *aside, size_t room, struct or_err *err)
{
	int fd;
	enum or_code rc;

	snprintf(aside, room, "%s.%08" PRIx64 ".cut", p->path, p->from);
	if (r->dry)
		return OR_OK;
	rc = or_sys_open(&fd, p->path, O_RDWR, 0, err);
	if (rc)
		return rc;
	rc = keep(r, p, fd, aside, err);
	if (rc == OR_OK)
		rc = take_away(p, fd, err);
	or_sys_close(fd);
	return rc ? or_err_wrap(err, rc, "%s", p->path) : OR_OK;
}

static enum or_code move_away(
    const struct repair *r, const char *path, const char *to, struct or_err *err)
{
	enum or_code rc = r->dry ? OR_OK : or_sys_rename(path, to, err);

	return rc || r->dry ? rc : or_sys_sync_dir(r->dir, err);
}

static enum or_code do_place(const struct repair *r, const struct place *p, struct or_err *err)
{
	char aside[AG_SPOOL_PATH_MAX + 32] = "";
	struct ag_spool_repair_step step = {
	    .path = p->path, .what = p->what, .from = p->from, .to = p->to, .aside = aside};
	enum or_code rc = OR_OK;

	if (p->what == AG_SPOOL_LOOK_EMPTY) {
		rc = r->dry ? OR_OK : or_sys_unlink(p->path, err);
	} else if (p->what == AG_SPOOL_LOOK_FOREIGN) {
		snprintf(aside, sizeof(aside), "%s.bad", p->path);
		rc = move_away(r, p->path, aside, err);
	} else {
		rc = mend(r, p, aside, sizeof(aside), err);
	}
	if (rc == OR_OK)
		r->fn(r->arg, &step);
	return rc;
}

static enum or_code do_state(const struct repair *r, struct or_err *err)
{
	char path[AG_SPOOL_PATH_MAX], aside[AG_SPOOL_PATH_MAX];
	struct ag_spool_repair_step step = {.path = path, .is_state = true, .aside = aside};
	enum or_code rc;

	snprintf(path, sizeof(path), "%.4000s/state", r->dir);
	snprintf(aside, sizeof(aside), "%.4000s/state.bad", r->dir);
	rc = move_away(r, path, aside, err);
	if (rc == OR_OK)
		r->fn(r->arg, &step);
	return rc;
}

static enum or_code lock_dir(int *fd, const struct repair *r, struct or_err *err)
{
	char path[AG_SPOOL_PATH_MAX];
	enum or_code rc;

	*fd = -1;
	if (r->dry)
		return OR_OK;
	snprintf(path, sizeof(path), "%.4000s/lock", r->dir);
	rc = or_sys_open(fd, path, O_RDWR | O_CREAT, 0600, err);
	if (rc == OR_OK)
		rc = or_sys_lock(*fd, 0, err);
	return rc == OR_BUSY
		   ? or_err_set(err, OR_BUSY, "an agent runs with this spool: end it first")
		   : rc;
}

enum or_code ag_spool_repair_run(
    const char *dir, bool dry, ag_spool_repair_fn *fn, void *arg, struct or_err *err)
{
	static const struct ag_spool_look_ops ops = {.state = on_state, .damage = on_damage};
	struct repair r = {.dir = dir, .dry = dry, .fn = fn, .arg = arg};
	int lock;
	enum or_code rc = lock_dir(&lock, &r, err);

	if (rc == OR_OK)
		rc = ag_spool_look_run(dir, &ops, &r, err);
	if (rc == OR_OK && r.is_state_damaged)
		rc = do_state(&r, err);
	for (size_t i = 0; i < r.n && rc == OR_OK; i++)
		rc = do_place(&r, &r.places[i], err);
	for (size_t i = 0; i < r.n; i++)
		or_mem_free(r.places[i].path);
	or_mem_free(r.places);
	or_sys_close(lock);
	return rc;
}
