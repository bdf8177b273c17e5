/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/files/tail.h"

#include "base/crypto.h"
#include "base/mem.h"
#include "base/sys.h"

#include <fcntl.h>
#include <sys/stat.h>

enum { HEAD_MAX = 1024, SKIPPING = 1, PLACE_MIN = 28 };

/* ---- which file it is */

static void store(uint8_t *p, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t load(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static uint64_t hash(struct or_slice s)
{
	uint8_t sha256[OR_CRYPTO_HASH_LEN];

	or_crypto_sha256(sha256, s);
	return load(sha256, 8);
}

static bool take_id(uint8_t out[AG_TAIL_ID], const struct stat *st)
{
	store(out, st->st_dev, 8);
	store(out + 8, st->st_ino, 8);
	return S_ISREG(st->st_mode);
}

bool ag_tail_id_of(uint8_t out[AG_TAIL_ID], const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && take_id(out, &st);
}

enum or_code ag_tail_open(struct ag_tail **out, const char *path,
    const struct ag_batch_format *format, struct or_err *err)
{
	struct ag_tail *t = or_mem_new(sizeof(*t));
	struct stat st;
	enum or_code rc;

	*t = (struct ag_tail){.path = or_mem_strdup(path), .format = format, .fd = -1};
	/* A name that is a pipe by now must not keep the loop waiting for its writer. */
	rc = or_sys_open(&t->fd, path, O_RDONLY | O_NONBLOCK, 0, err);
	if (!rc && fstat(t->fd, &st) != 0)
		rc = or_err_sys(err, "fstat %s", path);
	if (!rc && !take_id(t->id, &st))
		rc = or_err_set(err, OR_INVAL, "%s is no regular file", path);
	if (rc)
		ag_tail_free(t);
	else
		*out = t;
	return rc;
}

void ag_tail_free(struct ag_tail *t)
{
	if (!t)
		return;
	or_sys_close(t->fd);
	or_mem_free(t->path);
	or_mem_free(t);
}

static bool has_hash(const struct ag_tail *t, uint64_t from, size_t n, uint64_t expected)
{
	uint8_t bytes[HEAD_MAX];
	size_t got;

	return or_sys_pread(t->fd, bytes, n, from, &got, NULL) == OR_OK && got == n &&
	       hash(or_slice(bytes, n)) == expected;
}

bool ag_tail_resume(struct ag_tail *t, struct or_slice place)
{
	uint64_t offset, head, before;
	size_t n_head, n_before, got;

	if (place.n != PLACE_MIN && place.n != AG_TAIL_PLACE_MAX)
		return false;
	offset = load(place.p, 8);
	n_head = load(place.p + 8, 2);
	head = load(place.p + 10, 8);
	n_before = place.p[18];
	before = load(place.p + 19, 8);
	if (n_head > HEAD_MAX || n_before > AG_TAIL_BEFORE || n_before > offset ||
	    !has_hash(t, 0, n_head, head) || !has_hash(t, offset - n_before, n_before, before) ||
	    or_sys_pread(t->fd, t->before, n_before, offset - n_before, &got, NULL) ||
	    got != n_before)
		return false;
	t->offset = offset;
	t->n_before = n_before;
	t->n_head = n_head;
	t->head_hash = head;
	t->is_skipping = place.p[27] & SKIPPING;
	for (size_t i = 0; i < AG_LINE_STREAMS; i++)
		t->taken[i] =
		    place.n > PLACE_MIN ? (uint32_t)load(place.p + PLACE_MIN + 4 * i, 4) : 0;
	return true;
}

/* What the beginning is does not change any more once it is long enough. */
static void learn_head(struct ag_tail *t, uint64_t offset)
{
	uint8_t bytes[HEAD_MAX];
	size_t n = offset < HEAD_MAX ? (size_t)offset : HEAD_MAX, got;

	if (n <= t->n_head || or_sys_pread(t->fd, bytes, n, 0, &got, NULL) || got < n)
		return;
	t->n_head = n;
	t->head_hash = hash(or_slice(bytes, n));
}

/* The bytes before the end of what was read; the window begins with those before its start. */
static struct or_slice before_end(const struct ag_tail *t, const struct ag_tail_reader *r)
{
	size_t end = t->n_before + r->batch.end, n = end < AG_TAIL_BEFORE ? end : AG_TAIL_BEFORE;

	return or_slice(r->window.p + end - n, n);
}

/* Of a stream, behind the end. */
static uint32_t taken_of(const struct ag_tail_reader *r, size_t stream)
{
	size_t taken = r->batch.streams[stream].taken;

	return taken > r->batch.end ? (uint32_t)(taken - r->batch.end) : 0;
}

bool ag_tail_has_new(const struct ag_tail *t, const struct ag_tail_reader *r)
{
	if (r->batch.end || r->batch.records)
		return true;
	for (size_t i = 0; i < AG_LINE_STREAMS; i++) {
		if (taken_of(r, i) > t->taken[i])
			return true;
	}
	return false;
}

size_t ag_tail_place(
    uint8_t out[AG_TAIL_PLACE_MAX], struct ag_tail *t, const struct ag_tail_reader *r)
{
	struct or_slice before = before_end(t, r);
	bool has_taken = false;

	learn_head(t, t->offset + r->batch.end);
	store(out, t->offset + r->batch.end, 8);
	store(out + 8, t->n_head, 2);
	store(out + 10, t->head_hash, 8);
	out[18] = (uint8_t)before.n;
	store(out + 19, hash(before), 8);
	out[27] = r->batch.is_skipping ? SKIPPING : 0;
	for (size_t i = 0; i < AG_LINE_STREAMS; i++) {
		has_taken = has_taken || taken_of(r, i);
		store(out + PLACE_MIN + 4 * i, taken_of(r, i), 4);
	}
	return has_taken ? AG_TAIL_PLACE_MAX : PLACE_MIN;
}

void ag_tail_commit(struct ag_tail *t, const struct ag_tail_reader *r)
{
	struct or_slice before = before_end(t, r);

	memmove(t->before, before.p, before.n);
	t->n_before = before.n;
	t->offset += r->batch.end;
	t->is_skipping = r->batch.is_skipping;
	for (size_t i = 0; i < AG_LINE_STREAMS; i++)
		t->taken[i] = taken_of(r, i);
}

/* ---- reading */

void ag_tail_reader_init(struct ag_tail_reader *r, struct ag_redact *redact)
{
	*r = (struct ag_tail_reader){0};
	ag_batch_init(&r->batch, redact);
	or_buf_init(&r->window, AG_BATCH_WINDOW + AG_TAIL_BEFORE);
}

void ag_tail_reader_done(struct ag_tail_reader *r)
{
	ag_batch_done(&r->batch);
	or_buf_done(&r->window);
}

static void rewind_to_start(struct ag_tail *t, struct ag_tail_reader *r)
{
	t->offset = 0;
	t->n_before = 0;
	t->n_head = 0;
	t->is_skipping = false;
	memset(t->taken, 0, sizeof(t->taken));
	r->is_rewound = true;
}

static enum or_code load_window(struct ag_tail *t, struct ag_tail_reader *r, struct or_err *err)
{
	size_t n = t->n_before + AG_BATCH_WINDOW, got;
	uint8_t *p;
	enum or_code rc;

	or_buf_clear(&r->window);
	p = or_buf_reserve(&r->window, n);
	OR_ASSERT(p);
	rc = or_sys_pread(t->fd, p, n, t->offset - t->n_before, &got, err);
	if (rc)
		return rc;
	or_buf_commit(&r->window, got);
	r->has_more = got == n;
	return OR_OK;
}

static void flush_late(struct ag_tail *t, struct ag_batch *b, int64_t now_ns)
{
	t->due_ns = 0;
	for (size_t i = 0; i < AG_LINE_STREAMS; i++) {
		const struct ag_batch_stream *s = &b->streams[i];
		int64_t due = now_ns;

		if (!ag_batch_waits(s))
			continue;
		if (t->waits[i].behind != t->offset + s->last) {
			t->waits[i].behind = t->offset + s->last;
			t->waits[i].since_ns = now_ns;
		}
		due = t->waits[i].since_ns +
		      (s->has_part ? AG_TAIL_PART_NS : t->format->event.flush_ns);
		if (due <= now_ns)
			ag_batch_flush(b, (enum ag_line_stream)i);
		else if (!t->due_ns || due < t->due_ns)
			t->due_ns = due;
	}
}

static void parse(struct ag_tail *t, struct ag_tail_reader *r, const struct ag_tail_now *now)
{
	struct or_slice data = or_slice_from(or_buf_slice(&r->window), t->n_before);
	struct ag_batch *b = &r->batch;

	t->due_ns = 0;
	if (!data.n)
		return;
	ag_batch_read(b, t->format, data);
	if (now->is_final && !r->has_more)
		ag_batch_finish(b, t->format, data);
	else if (r->has_more && b->end == 0)
		ag_batch_force(b, data);
	else if (b->end < b->reached)
		flush_late(t, b, now->mono_ns);
}

enum or_code ag_tail_read(
    struct ag_tail *t, struct ag_tail_reader *r, const struct ag_tail_now *now, struct or_err *err)
{
	enum or_code rc;

	ag_batch_clear(&r->batch);
	r->batch.now_ns = now->wall_ns;
	r->is_rewound = false;
	rc = load_window(t, r, err);
	if (!rc && (r->window.n < t->n_before ||
		       (t->n_before && memcmp(r->window.p, t->before, t->n_before) != 0))) {
		rewind_to_start(t, r);
		rc = load_window(t, r, err);
	}
	if (rc)
		return rc;
	for (size_t i = 0; i < AG_LINE_STREAMS; i++)
		r->batch.streams[i].taken = t->taken[i];
	r->batch.is_skipping = t->is_skipping;
	parse(t, r, now);
	return OR_OK;
}
