/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/files/tail.h"

#include "base/crypto.h"
#include "base/mem.h"
#include "base/sys.h"
#include "proto/otlp_log.h"

#include <fcntl.h>
#include <sys/stat.h>

enum { HEAD_MAX = 1024, ARENA_MAX = 2 * 1024 * 1024, SKIPPING = 1 };

static const char *const streams[] = {NULL, "stdout", "stderr"};

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

enum or_code ag_tail_open(
    struct ag_tail **out, const char *path, enum ag_line_format format, struct or_err *err)
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

	if (place.n != AG_TAIL_PLACE)
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

/* The bytes before the end of b, of which the window begins with those before its start. */
static struct or_slice before_end(const struct ag_tail *t, const struct ag_tail_batch *b)
{
	size_t end = t->n_before + b->end, n = end < AG_TAIL_BEFORE ? end : AG_TAIL_BEFORE;

	return or_slice(b->window.p + end - n, n);
}

void ag_tail_place(uint8_t out[AG_TAIL_PLACE], struct ag_tail *t, const struct ag_tail_batch *b)
{
	struct or_slice before = before_end(t, b);

	learn_head(t, t->offset + b->end);
	store(out, t->offset + b->end, 8);
	store(out + 8, t->n_head, 2);
	store(out + 10, t->head_hash, 8);
	out[18] = (uint8_t)before.n;
	store(out + 19, hash(before), 8);
	out[27] = b->is_skipping ? SKIPPING : 0;
}

void ag_tail_commit(struct ag_tail *t, const struct ag_tail_batch *b)
{
	struct or_slice before = before_end(t, b);

	memmove(t->before, before.p, before.n);
	t->n_before = before.n;
	t->offset += b->end;
	t->is_skipping = b->is_skipping;
}

/* ---- a batch */

void ag_tail_batch_init(struct ag_tail_batch *b, struct ag_redact *redact)
{
	*b = (struct ag_tail_batch){.redact = redact, .arena = or_arena_new(ARENA_MAX)};
	or_buf_init(&b->window, AG_TAIL_WINDOW + AG_TAIL_BEFORE);
	or_buf_init(&b->logs, AG_TAIL_REQUEST_MAX);
	or_buf_init(&b->redacted, 2 * AG_TAIL_WINDOW);
	for (size_t i = 0; i < AG_LINE_STREAMS; i++)
		or_buf_init(&b->joined[i], AG_TAIL_WINDOW);
}

void ag_tail_batch_done(struct ag_tail_batch *b)
{
	or_arena_free(b->arena);
	or_buf_done(&b->window);
	or_buf_done(&b->logs);
	or_buf_done(&b->redacted);
	for (size_t i = 0; i < AG_LINE_STREAMS; i++)
		or_buf_done(&b->joined[i]);
}

static void clear(struct ag_tail_batch *b)
{
	or_buf_clear(&b->logs);
	for (size_t i = 0; i < AG_LINE_STREAMS; i++) {
		or_buf_clear(&b->joined[i]);
		b->is_pending[i] = false;
	}
	b->end = 0;
	b->lines = b->cut = b->misfits = 0;
	b->is_rewound = b->has_more = false;
}

static bool has_pending(const struct ag_tail_batch *b)
{
	bool any = false;

	for (size_t i = 0; i < AG_LINE_STREAMS; i++)
		any = any || b->is_pending[i];
	return any;
}

/* False: the request has no room for it. */
static bool put(
    struct ag_tail_batch *b, const struct ag_line *line, struct or_slice text, bool is_cut)
{
	struct wire_otlp_log log = {.time_ns = line->time_ns,
	    .observed_ns = b->now_ns,
	    .text = text,
	    .iostream = streams[line->stream],
	    .is_cut = is_cut};

	if (b->redact && ag_redact_text(b->redact, &b->redacted, OR_SLICE_NONE, text)) {
		log.text = or_buf_slice(&b->redacted);
		log.is_cut = is_cut || !or_buf_ok(&b->redacted);
	}
	wire_otlp_log_put(&b->logs, &log);
	if (!or_buf_ok(&b->logs))
		return false;
	b->lines++;
	b->cut += log.is_cut;
	return true;
}

/* A line of the file: a whole one, or a part, which waits for the others. */
static bool take_line(struct ag_tail_batch *b, enum ag_line_format format, struct or_slice text)
{
	struct ag_line line;
	struct or_buf *joined;
	bool ok;

	ag_line_read(&line, format, text, b->arena);
	joined = &b->joined[line.stream];
	b->misfits += line.is_misfit;
	if (line.is_part || b->is_pending[line.stream]) {
		or_buf_put_slice(joined, line.text); /* a window's worth fits */
		b->is_pending[line.stream] = line.is_part;
		if (line.is_part)
			return true;
		line.text = or_buf_slice(joined);
	}
	ok = put(b, &line, line.text, false);
	or_buf_clear(joined);
	return ok;
}

static bool flush_pending(struct ag_tail_batch *b)
{
	bool ok = true;

	for (size_t i = 0; i < AG_LINE_STREAMS && ok; i++) {
		const struct ag_line line = {.stream = (enum ag_line_stream)i};

		if (b->is_pending[i])
			ok = put(b, &line, or_buf_slice(&b->joined[i]), true);
		or_buf_clear(&b->joined[i]);
		b->is_pending[i] = false;
	}
	return ok;
}

/* The whole lines of data. Returns where the last one ends behind which no part is pending; logs is
 * then cut to what is before. */
static size_t take_lines(
    struct ag_tail_batch *b, enum ag_line_format format, struct or_slice data, size_t at)
{
	struct ag_tail_batch good = *b; /* the counts, and how much is in logs */
	size_t clean = at;

	for (;;) {
		const uint8_t *lf = memchr(data.p + at, '\n', data.n - at);

		if (!lf || !take_line(b, format, or_slice(data.p + at, (size_t)(lf - data.p) - at)))
			break;
		at = (size_t)(lf - data.p) + 1;
		if (has_pending(b))
			continue;
		clean = at;
		good = *b;
	}
	or_buf_cut(&b->logs, good.logs.n);
	b->logs.full = false;
	b->lines = good.lines;
	b->cut = good.cut;
	b->misfits = good.misfits;
	return clean;
}

/* No line ends in data, or none that leaves no part pending: what is there goes as it is. */
static size_t force(
    struct ag_tail_batch *b, enum ag_line_format format, struct or_slice data, bool is_final)
{
	const uint8_t *last = memrchr(data.p, '\n', data.n);
	size_t whole = last ? (size_t)(last - data.p) + 1 : 0, at = 0;
	const struct ag_line part = {0};

	for (size_t i = 0; i < AG_LINE_STREAMS; i++) {
		or_buf_clear(&b->joined[i]);
		b->is_pending[i] = false;
	}
	while (at < whole) {
		const uint8_t *lf = memchr(data.p + at, '\n', data.n - at);

		if (!take_line(b, format, or_slice(data.p + at, (size_t)(lf - data.p) - at)))
			break;
		at = (size_t)(lf - data.p) + 1;
	}
	if (is_final && at == whole && whole < data.n &&
	    take_line(b, format, or_slice_from(data, whole)))
		at = data.n;
	if (!is_final && whole == 0 && put(b, &part, data, true)) {
		b->is_skipping = true;
		at = data.n;
	}
	return flush_pending(b) ? at : 0;
}

static void parse(
    struct ag_tail_batch *b, enum ag_line_format format, struct or_slice data, bool is_final)
{
	size_t at = 0, clean;

	if (b->is_skipping) {
		const uint8_t *lf = memchr(data.p, '\n', data.n);

		b->is_skipping = !lf && !is_final;
		at = lf ? (size_t)(lf - data.p) + 1 : data.n;
	}
	clean = take_lines(b, format, data, at);
	if (clean == 0 && data.n && (b->has_more || is_final))
		clean = force(b, format, data, is_final);
	b->end = clean;
}

/* ---- reading */

static void rewind_to_start(struct ag_tail *t, struct ag_tail_batch *b)
{
	t->offset = 0;
	t->n_before = 0;
	t->n_head = 0;
	t->is_skipping = false;
	b->is_rewound = true;
}

static enum or_code load_window(struct ag_tail *t, struct ag_tail_batch *b, struct or_err *err)
{
	size_t n = t->n_before + AG_TAIL_WINDOW, got;
	uint8_t *p;
	enum or_code rc;

	or_buf_clear(&b->window);
	p = or_buf_reserve(&b->window, n);
	OR_ASSERT(p);
	rc = or_sys_pread(t->fd, p, n, t->offset - t->n_before, &got, err);
	if (rc)
		return rc;
	or_buf_commit(&b->window, got);
	b->has_more = got == n;
	return OR_OK;
}

enum or_code ag_tail_read(
    struct ag_tail *t, struct ag_tail_batch *b, bool is_final, int64_t now_ns, struct or_err *err)
{
	struct or_slice data;
	enum or_code rc;

	clear(b);
	b->now_ns = now_ns;
	rc = load_window(t, b, err);
	if (!rc && (b->window.n < t->n_before ||
		       (t->n_before && memcmp(b->window.p, t->before, t->n_before) != 0))) {
		rewind_to_start(t, b);
		rc = load_window(t, b, err);
	}
	if (rc)
		return rc;
	b->is_skipping = t->is_skipping;
	data = or_slice_from(or_buf_slice(&b->window), t->n_before);
	if (data.n)
		parse(b, t->format, data, is_final && !b->has_more);
	return OR_OK;
}
