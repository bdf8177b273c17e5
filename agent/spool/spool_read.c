/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading: walking a segment around damage, and batches from the acknowledged mark on.
 *
 * A batch begins with the number behind the acknowledged one and never crosses an epoch. Numbers
 * that are missing become dropped ranges; a number that was seen already (a failed sync wrote it
 * anew) is passed over. A call reads at most SCAN_MAX bytes of other streams' entries.
 */
#include "agent/spool/spool_inside.h"

#include <fcntl.h>

enum { SCAN_MAX = 4 * 1024 * 1024, RESYNC_WORK = 64 * 1024 * 1024 };

/* -- one segment -- */

struct walk {
	struct ag_spool *spool;
	const struct spool_segment *seg;
	int fd;
	uint64_t at;     /* of the window's first byte that is still of use */
	uint64_t loaded; /* of its first byte */
	uint64_t to;
	size_t work;
};

/* Moves what the window has of the bytes from w->at on to its front. */
static void keep(struct walk *w)
{
	struct or_buf *b = &w->spool->window;
	uint64_t passed = w->at - w->loaded;
	size_t n = w->at < w->loaded || passed > b->n ? 0 : b->n - (size_t)passed;

	if (n && passed)
		memmove(b->p, b->p + passed, n);
	or_buf_cut(b, n);
	w->loaded = w->at;
}

/* Loads the window from w->at on, n bytes or what there is. */
static enum or_code load(struct walk *w, size_t n, struct or_slice *out, struct or_err *err)
{
	struct or_buf *b = &w->spool->window;
	size_t got;
	uint8_t *p;
	enum or_code rc;

	if (n < AG_SPOOL_WINDOW)
		n = AG_SPOOL_WINDOW;
	if (n > w->to - w->at)
		n = w->to - w->at;
	keep(w);
	if (b->n < n) {
		p = or_buf_reserve(b, n - b->n);
		OR_ASSERT(p);
		rc = or_sys_pread(w->fd, p, n - b->n, w->at + b->n, &got, err);
		if (rc)
			return rc;
		or_buf_commit(b, got);
	}
	*out = or_buf_slice(b);
	return OR_OK;
}

/* Moves w->at behind the damage that begins there; to w->to where nothing valid follows. A window
 * holds the largest entry whole for every place in its first AG_SPOOL_WINDOW bytes. */
static enum or_code pass_damage(struct walk *w, struct or_err *err)
{
	while (w->at < w->to) {
		struct or_slice in;
		size_t found;
		enum or_code rc = load(w, AG_SPOOL_ENTRY_MAX + AG_SPOOL_WINDOW, &in, err);

		if (rc)
			return rc;
		if (in.n < AG_SEGMENT_FRAME_LEN)
			break;
		found = ag_segment_resync(&w->seg->head, w->at, in, &w->work);
		if (found) {
			w->at += found;
			return OR_OK;
		}
		if (w->at + in.n >= w->to || w->work == 0)
			break;
		w->at += AG_SPOOL_WINDOW - AG_SEGMENT_ALIGN;
	}
	w->at = w->to;
	return OR_OK;
}

/* Hands on the entries of the window. OR_OK: all; *need bytes are wanted from w->at on (0: as many
 * as usual). OR_CORRUPT: damage at w->at. OR_CLOSED: fn has had enough. */
static enum or_code walk_window(struct walk *w, struct or_slice in, size_t *need,
    ag_spool_read_fn *fn, void *arg, uint64_t *end)
{
	size_t at = 0;
	uint64_t start = w->at;

	for (*need = 0;;) {
		struct ag_segment_entry e;
		size_t size;
		enum or_code rc =
		    ag_segment_get(&e, &size, &w->seg->head, start + at, or_slice_from(in, at));

		w->at = start + at;
		if (rc == OR_AGAIN && at + size > in.n)
			*need = size;
		if (rc)
			return rc == OR_AGAIN ? OR_OK : rc;
		if (!fn(arg, &e, start + at + size))
			return OR_CLOSED;
		at += size;
		*end = start + at;
	}
}

static enum or_code walk_segment(struct walk *w, ag_spool_read_fn *fn, void *arg, uint64_t *end,
    uint64_t *damaged, struct or_err *err)
{
	size_t need = 0;

	while (w->at < w->to) {
		struct or_slice in;
		uint64_t before = w->at;
		enum or_code rc = load(w, need, &in, err);

		if (rc)
			return rc;
		rc = walk_window(w, in, &need, fn, arg, end);
		if (rc == OR_CLOSED)
			return OR_OK;
		/* An entry that goes on behind the end is damage too, unless it is the tail. */
		if (rc == OR_OK && (w->at > before || (need > in.n && need <= w->to - w->at)))
			continue;
		++*damaged;
		need = 0;
		rc = pass_damage(w, err);
		if (rc)
			return rc;
	}
	return OR_OK;
}

enum or_code ag_spool_read_segment(struct ag_spool *spool, const struct spool_segment *seg,
    uint64_t from, uint64_t to, ag_spool_read_fn *fn, void *arg, uint64_t *end, uint64_t *damaged,
    struct or_err *err)
{
	struct walk w = {.spool = spool,
	    .seg = seg,
	    .fd = seg->fd,
	    .at = from,
	    .loaded = from,
	    .to = to,
	    .work = RESYNC_WORK};
	char path[AG_SPOOL_PATH_MAX];
	enum or_code rc = OR_OK;

	*end = from;
	or_buf_clear(&spool->window);
	if (seg->fd < 0) {
		ag_spool_segment_path(path, spool, seg->head.number);
		rc = or_sys_open(&w.fd, path, O_RDONLY, 0, err);
	}
	if (rc)
		return rc;
	rc = walk_segment(&w, fn, arg, end, damaged, err);
	if (seg->fd < 0)
		or_sys_close(w.fd);
	return rc;
}

/* -- a batch -- */

/* A list in the arena that doubles. */
struct slices {
	struct or_slice *items;
	size_t n;
	size_t cap;
};

struct build {
	const struct ag_spool_limit *limit;
	struct or_arena *arena;
	struct ag_spool_batch *out;
	uint16_t stream;
	uint64_t number; /* of the segment being read */
	uint64_t expected;
	struct slices records;
	struct slices inputs;
	struct ag_spool_range dropped[AG_SPOOL_DROPPED_MAX];
	size_t scanned;
	bool is_done;     /* a limit ended it */
	bool has_yielded; /* too many entries of others: go on from the place it came to */
	bool is_refused;  /* the arena */
};

static bool add(struct build *b, struct slices *list, struct or_slice payload)
{
	struct or_slice copy = or_arena_dup(b->arena, payload);

	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 32;
		struct or_slice *items = or_arena_array(b->arena, cap, sizeof(*items));

		if (items && list->n)
			memcpy(items, list->items, list->n * sizeof(*items));
		list->items = items;
		list->cap = items ? cap : 0;
	}
	if (!copy.p || !list->items) {
		b->is_refused = true;
		return false;
	}
	list->items[list->n++] = copy;
	return true;
}

static bool add_record(struct build *b, const struct ag_segment_entry *e, uint64_t end)
{
	struct ag_spool_batch *out = b->out;

	if (b->records.n && (b->records.n >= b->limit->max_records ||
				out->bytes + e->payload.n > b->limit->max_bytes ||
				(e->seq > b->expected && out->n_dropped == AG_SPOOL_DROPPED_MAX))) {
		b->is_done = true;
		return false;
	}
	if (!add(b, &b->records, e->payload))
		return false;
	if (e->seq > b->expected)
		b->dropped[out->n_dropped++] = (struct ag_spool_range){b->expected, e->seq - 1};
	b->expected = e->seq + 1;
	out->bytes += e->payload.n;
	out->n_inputs = b->inputs.n;
	out->end = (struct ag_spool_mark){b->number, end, out->epoch, e->seq};
	return true;
}

static bool on_entry(void *arg, const struct ag_segment_entry *e, uint64_t end)
{
	struct build *b = arg;

	if (e->stream != b->stream || e->type == AG_SEGMENT_STREAM || e->type == AG_SEGMENT_VOID ||
	    e->seq < b->expected) {
		b->scanned += ag_segment_size(e);
		b->has_yielded = b->scanned > SCAN_MAX;
		return !b->has_yielded;
	}
	if (e->type == AG_SEGMENT_RECORD)
		return add_record(b, e, end);
	b->out->bytes += e->payload.n;
	return add(b, &b->inputs, e->payload);
}

struct declaration {
	uint16_t stream;
	bool found;
	uint64_t next_seq;
	uint64_t prev_seq;
};

static bool on_declaration(void *arg, const struct ag_segment_entry *e, uint64_t end)
{
	struct declaration *d = arg;

	(void)end;
	if (e->type != AG_SEGMENT_STREAM || e->stream != d->stream || e->payload.n < 8)
		return true;
	d->found = true;
	d->next_seq = e->seq;
	d->prev_seq = 0;
	for (size_t i = 0; i < 8; i++)
		d->prev_seq |= (uint64_t)e->payload.p[i] << (8 * i);
	return false;
}

/* What the segment says of the stream; 1 and 0 where it says nothing. */
static enum or_code find_declaration(struct ag_spool *spool, const struct spool_segment *seg,
    struct declaration *d, struct or_err *err)
{
	uint64_t end, damaged = 0;

	d->next_seq = 1;
	d->prev_seq = 0;
	return ag_spool_read_segment(
	    spool, seg, AG_SEGMENT_HEAD_LEN, seg->synced, on_declaration, d, &end, &damaged, err);
}

/* Where the batch is still empty it takes on the segment's epoch. */
static enum or_code enter_epoch(struct ag_spool *spool, const struct spool_segment *seg,
    struct build *b, bool is_new, struct or_err *err)
{
	struct declaration d = {.stream = b->stream};
	enum or_code rc;

	b->out->epoch = seg->head.epoch;
	b->out->prev_epoch = seg->head.prev_epoch;
	if (!is_new && seg->head.epoch == spool->epoch) {
		b->out->prev_seq = spool->streams[b->stream].prev_seq;
		return OR_OK;
	}
	rc = find_declaration(spool, seg, &d, err);
	if (rc)
		return rc;
	b->out->prev_seq = d.prev_seq;
	if (is_new)
		b->expected = d.next_seq;
	return OR_OK;
}

static enum or_code read_one(struct ag_spool *spool, const struct spool_segment *seg,
    struct build *b, uint64_t from, struct or_err *err)
{
	/* What lies behind its last entry does not matter to this stream. */
	uint64_t to = seg->last_end[b->stream];
	uint64_t end, damaged = 0;
	enum or_code rc = OR_OK;

	b->number = seg->head.number;
	if (to > seg->synced)
		to = seg->synced;
	if (from < to)
		rc = ag_spool_read_segment(spool, seg, from, to, on_entry, b, &end, &damaged, err);
	if (rc == OR_OK && b->has_yielded && b->records.n + b->inputs.n == 0) {
		spool->streams[b->stream].acked.segment = b->number;
		spool->streams[b->stream].acked.offset = end;
	}
	return rc;
}

/* Where in the segment the stream goes on behind its mark; the end of its entries: nowhere. */
static uint64_t start_in(
    const struct spool_segment *seg, const struct ag_spool_mark *mark, uint16_t stream)
{
	uint64_t last_end = seg->last_end[stream], from = AG_SEGMENT_HEAD_LEN;

	if (seg->head.number < mark->segment)
		return last_end;
	if (seg->head.number == mark->segment && mark->offset > from)
		from = mark->offset;
	return from < last_end ? from : last_end;
}

/* Goes on with one segment. False: the batch ends here. */
static bool read_next(struct ag_spool *spool, const struct spool_segment *seg, struct build *b,
    uint64_t from, enum or_code *rc, struct or_err *err)
{
	bool is_new = seg->head.epoch != b->out->epoch;

	if (is_new && b->records.n) {
		b->is_done = true;
		return false;
	}
	if (b->records.n == 0) {
		*rc = enter_epoch(spool, seg, b, is_new, err);
		b->out->from = b->expected;
	}
	if (*rc == OR_OK)
		*rc = read_one(spool, seg, b, from, err);
	return *rc == OR_OK && !b->is_done && !b->has_yielded && !b->is_refused;
}

static enum or_code read_all(struct ag_spool *spool, struct build *b, struct or_err *err)
{
	struct ag_spool_mark mark = spool->streams[b->stream].acked;
	enum or_code rc = OR_OK;

	for (struct spool_segment *seg = spool->first; seg; seg = seg->next) {
		uint64_t from = start_in(seg, &mark, b->stream);

		if (from < seg->last_end[b->stream] && !read_next(spool, seg, b, from, &rc, err))
			break;
		if (seg->synced < seg->end)
			break;
	}
	return rc;
}

enum or_code ag_spool_read(struct ag_spool_batch *out, struct ag_spool *spool, uint16_t stream,
    const struct ag_spool_limit *limit, struct or_arena *a, struct or_err *err)
{
	const struct spool_stream *s = &spool->streams[stream];
	struct ag_spool_batch batch = {.epoch = s->acked.epoch, .end = s->acked};
	struct build b = {.limit = limit, .arena = a, .out = &batch, .stream = stream};
	struct ag_spool_range *dropped;
	enum or_code rc;

	OR_ASSERT(stream < spool->n_streams);
	b.expected = batch.from = s->acked.seq + 1;
	rc = read_all(spool, &b, err);
	if (rc == OR_OK && b.is_refused)
		rc = or_err_set(err, OR_FULL, "the batch does not fit into its arena");
	dropped = or_arena_array(a, batch.n_dropped, sizeof(*dropped));
	if (rc == OR_OK && !dropped)
		rc = or_err_set(err, OR_FULL, "the batch does not fit into its arena");
	if (rc)
		return rc;
	if (batch.n_dropped)
		memcpy(dropped, b.dropped, batch.n_dropped * sizeof(*dropped));
	batch.dropped = dropped;
	batch.to = b.records.n ? batch.end.seq : batch.from - 1;
	batch.records = b.records.items;
	batch.n_records = b.records.n;
	batch.inputs = b.inputs.items;
	batch.is_full = b.is_done || b.has_yielded;
	if (batch.n_records == 0)
		batch.end = s->acked;
	*out = batch;
	return OR_OK;
}

void ag_spool_read_ack(struct ag_spool *spool, uint16_t stream, const struct ag_spool_batch *batch)
{
	struct spool_stream *s = &spool->streams[stream];
	uint64_t bytes = 0;

	OR_ASSERT(stream < spool->n_streams);
	for (size_t i = 0; i < batch->n_records; i++)
		bytes += batch->records[i].n;
	if (batch->n_records == 0)
		return;
	OR_ASSERT(batch->end.segment > s->acked.segment ||
		  (batch->end.segment == s->acked.segment && batch->end.offset >= s->acked.offset));
	s->acked = batch->end;
	s->pending -= batch->n_records < s->pending ? batch->n_records : s->pending;
	s->pending_bytes -= bytes < s->pending_bytes ? bytes : s->pending_bytes;
	ag_spool_sync_state(spool, ag_spool_sync_removable(spool) != NULL);
}
