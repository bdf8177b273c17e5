/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog/part.h"

#include "base/crc32c.h"
#include "base/mem.h"
#include "base/zstd.h"
#include "tlog/part_impl.h"
#include "tlog/varint.h"

#include <inttypes.h>

enum {
	AHEAD = 64 * 1024,
	WINDOW_MAX = 1024 * 1024,
	MISSES_MAX = 8,
	LEAF_ROOM = 4 * 65536,
	ARENA = 64 * 1024 * 1024
};

enum or_code tl_part_corrupt(
    const struct tl_part *p, uint64_t offset, uint32_t row, const char *what, struct or_err *err)
{
	return or_err_set(err, OR_CORRUPT,
	    "%s: the piece at offset %" PRIu64 " (index %" PRIu64 ") %s", p->name, offset,
	    p->foot.first + row, what);
}

static enum or_code fetch(
    struct tl_part *p, uint64_t offset, uint8_t *to, size_t n, struct or_err *err)
{
	return n ? p->source.fetch(p->source.arg, offset, to, n, err) : OR_OK;
}

static enum or_code read_foot(struct tl_part *p, struct or_err *err)
{
	uint8_t tail[TL_PART_FOOT_TAIL], *bytes;
	uint64_t size = p->source.size;
	enum or_code rc;
	size_t len;

	if (size < TL_PART_FOOT_START + TL_PART_FOOT_TAIL)
		return or_err_set(err, OR_CORRUPT, "this is no part");
	rc = fetch(p, size - sizeof(tail), tail, sizeof(tail), err);
	if (rc)
		return rc;
	if (tl_part_foot_len(&len, tail) || len + TL_PART_FOOT_START > size)
		return or_err_set(
		    err, OR_CORRUPT, "its end at offset %" PRIu64 " is none", size - sizeof(tail));
	bytes = or_mem_new(len);
	rc = fetch(p, size - len, bytes, len, err);
	if (!rc)
		rc = tl_part_foot_parse(&p->foot, or_slice(bytes, len), size, p->arena, err);
	or_mem_free(bytes);
	return rc;
}

static bool has_own_columns(const struct tl_part *p)
{
	return tl_part_column_find(p, 0, TL_PART_RECEIVED) == TL_PART_RECEIVED - 1 &&
	       tl_part_column_find(p, 0, TL_PART_END) == TL_PART_END - 1 &&
	       tl_part_column_find(p, 0, TL_PART_OTHER) == TL_PART_OTHER - 1 &&
	       tl_part_column_kind(p, TL_PART_OTHER - 1) == TL_PART_BYTES &&
	       tl_part_column_find(p, 0, TL_PART_FORM) == TL_PART_FORM - 1;
}

static enum or_code load(struct tl_part *p, struct or_err *err)
{
	static const uint8_t expected[TL_PART_FOOT_START] = "ORPART01";
	uint8_t magic[TL_PART_FOOT_START];
	enum or_code rc = read_foot(p, err);

	if (!rc)
		rc = fetch(p, 0, magic, sizeof(magic), err);
	if (rc)
		return rc;
	if (memcmp(magic, expected, sizeof(magic)) != 0)
		return or_err_set(err, OR_CORRUPT, "its beginning at offset 0 has changed");
	if (!has_own_columns(p))
		return or_err_set(err, OR_CORRUPT, "its columns are not those of leaves");
	return OR_OK;
}

enum or_code tl_part_open(
    struct tl_part **out, const struct tl_part_source *source, struct or_err *err)
{
	struct tl_part *p = or_mem_new(sizeof(*p));
	enum or_code rc;

	p->source = *source;
	p->source.name = p->name = or_mem_strdup(source->name);
	p->arena = or_arena_new(ARENA);
	or_buf_init(&p->leaf, LEAF_ROOM);
	rc = load(p, err);
	if (rc) {
		or_err_wrap(err, rc, "%s", p->name);
		tl_part_close(p);
		return rc;
	}
	p->states = or_mem_array(p->foot.n_columns, sizeof(*p->states));
	*out = p;
	return OR_OK;
}

void tl_part_close(struct tl_part *p)
{
	if (!p)
		return;
	tl_part_forget(p);
	or_mem_free(p->states);
	or_buf_done(&p->leaf);
	or_arena_free(p->arena);
	or_mem_free(p->name);
	or_mem_free(p);
}

size_t tl_part_memory(const struct tl_part *p)
{
	return p->memory;
}

void tl_part_forget(struct tl_part *p)
{
	for (size_t i = 0; p->states && i < p->foot.n_columns; i++) {
		struct tl_part_state *s = &p->states[i];

		or_mem_free(s->values.bytes);
		or_mem_free(s->extra.bytes);
		or_mem_free(s->ends);
		or_mem_free(s->starts);
		or_mem_free(s->texts);
		or_mem_free(s->bytes);
		or_mem_free(s->directory);
		*s = (struct tl_part_state){0};
	}
	p->memory = 0;
}

uint64_t tl_part_first(const struct tl_part *p)
{
	return p->foot.first;
}

uint32_t tl_part_rows(const struct tl_part *p)
{
	return p->foot.rows;
}

const struct tl_hash *tl_part_root(const struct tl_part *p)
{
	return &p->foot.root;
}

int tl_part_column_find(const struct tl_part *p, unsigned int tag, unsigned int sub)
{
	for (size_t i = 0; i < p->foot.n_columns; i++) {
		const struct tl_part_field *f = &p->foot.columns[i].field;

		if (f->tag == tag && f->sub == sub)
			return (int)i;
	}
	return -1;
}

void tl_part_column_range(const struct tl_part *p, int column, uint64_t *min, uint64_t *max)
{
	*min = p->foot.columns[column].min;
	*max = p->foot.columns[column].max;
}

enum tl_part_kind tl_part_column_kind(const struct tl_part *p, int column)
{
	return p->foot.columns[column].field.kind;
}

/* ---- pieces */

static size_t window_bytes(const struct tl_part_window *w, const struct tl_part_piece *pieces)
{
	const struct tl_part_piece *last = &pieces[w->first + w->n - 1];

	return w->n ? (size_t)(last->at + last->len - pieces[w->first].at) : 0;
}

static void grow_window(struct tl_part *p, struct tl_part_window *w, size_t bytes)
{
	if (bytes <= w->cap)
		return;
	p->memory += bytes - w->cap;
	w->bytes = or_mem_resize(w->bytes, bytes);
	w->cap = bytes;
}

/* Pieces from i on, or down from i, of at most `bytes`, but one; *sum: theirs. */
static size_t count_pieces(
    const struct tl_part_piece *pieces, size_t n, size_t i, bool down, size_t bytes, size_t *sum)
{
	size_t count = 1, room = down ? i + 1 : n - i;

	*sum = pieces[i].len;
	while (count < room) {
		size_t len = pieces[down ? i - count : i + count].len;

		if (*sum + len > bytes)
			break;
		*sum += len;
		count++;
	}
	return count;
}

/* What is to be read into a window: pieces [first, first + count), in front of what is kept of it
 * or behind. */
struct load {
	size_t first, count, bytes;
	size_t keep; /* bytes of the window that stay */
	bool down;
};

/* Pieces around i that the reader is on the way to, where they are wanted: twice as many each time
 * that it goes on. Who reads one behind the other then has the whole column, if it is not large;
 * and who takes one here and one there, after some of them. */
static void plan_load(struct load *l, const struct tl_part_window *w,
    const struct tl_part_piece *pieces, size_t n, size_t i, bool ahead)
{
	size_t have, want, all = (size_t)(pieces[n - 1].at + pieces[n - 1].len - pieces[0].at);
	bool is_next;

	if (!ahead && w->misses >= MISSES_MAX && all <= WINDOW_MAX) {
		*l = (struct load){.count = n, .bytes = all};
		return;
	}
	l->down = w->n && i < w->first;
	is_next = w->n && (l->down ? i + 1 == w->first : i == w->first + w->n);
	have = is_next && ahead ? window_bytes(w, pieces) : 0;
	want = have > AHEAD ? have : AHEAD;
	l->count = count_pieces(pieces, n, i, l->down, ahead ? want : 0, &l->bytes);
	l->first = l->down ? i + 1 - l->count : i;
	l->keep = have + l->bytes > WINDOW_MAX ? 0 : have;
}

static enum or_code fill_window(struct tl_part *p, struct tl_part_window *w,
    const struct tl_part_piece *pieces, size_t n, size_t i, bool ahead, struct or_err *err)
{
	struct load l;
	size_t to;
	enum or_code rc;

	w->misses += !ahead;
	plan_load(&l, w, pieces, n, i, ahead);
	to = l.down ? 0 : l.keep;
	grow_window(p, w, l.keep + l.bytes);
	if (l.keep && l.down)
		memmove(w->bytes + l.bytes, w->bytes, l.keep);
	rc = fetch(p, pieces[l.first].at, w->bytes + to, l.bytes, err);
	if (rc || !l.keep) {
		w->n = 0;
		memset(w->checked, 0, sizeof(w->checked));
	}
	if (rc)
		return rc;
	w->first = l.down || !l.keep ? l.first : w->first;
	w->n += l.count;
	return OR_OK;
}

enum or_code tl_part_piece_get(struct tl_part *p, struct tl_part_window *w,
    const struct tl_part_piece *pieces, size_t n, size_t i, bool ahead, uint32_t row,
    struct or_slice *out, struct or_err *err)
{
	enum or_code rc = OR_OK;

	OR_ASSERT(i < n && i < TL_PART_PIECES_MAX);
	if (i < w->first || i >= w->first + w->n)
		rc = fill_window(p, w, pieces, n, i, ahead, err);
	if (rc)
		return rc;
	*out = or_slice(w->bytes + (pieces[i].at - pieces[w->first].at), pieces[i].len);
	if (w->checked[i / 64] >> i % 64 & 1)
		return OR_OK;
	if (or_crc32c(0, *out) != pieces[i].crc)
		return tl_part_corrupt(p, pieces[i].at, row, "has changed", err);
	w->checked[i / 64] |= 1ULL << i % 64;
	return OR_OK;
}

/* A whole piece into memory of its own. */
static enum or_code load_piece(struct tl_part *p, const struct tl_part_piece *piece, uint32_t row,
    uint8_t *to, struct or_err *err)
{
	enum or_code rc = fetch(p, piece->at, to, piece->len, err);

	if (!rc && or_crc32c(0, or_slice(to, piece->len)) != piece->crc)
		rc = tl_part_corrupt(p, piece->at, row, "has changed", err);
	return rc;
}

/* ---- runs */

static bool parse_runs(struct tl_part_state *s, const struct tl_part *p, struct or_slice in)
{
	uint64_t n, len, step, end = 0, last = 0;

	if (!tl_varint_take(&n, &in) || n == 0 || n > p->foot.rows || n > in.n)
		return false;
	s->ends = or_mem_array(n, sizeof(*s->ends));
	s->starts = or_mem_array(n, sizeof(*s->starts));
	for (size_t i = 0; i < n; i++) {
		if (!tl_varint_take(&len, &in) || len == 0 || len > p->foot.rows - end ||
		    !tl_varint_take(&step, &in))
			return false;
		end += len;
		last += tl_varint_unzigzag(step);
		s->ends[i] = (uint32_t)end;
		s->starts[i] = last;
	}
	s->n_runs = n;
	return in.n == 0 && end == p->foot.rows;
}

/* What the footer promised of the numbers; codes are used as places. */
static bool are_runs_in_range(const struct tl_part_state *s, const struct tl_part_column *c)
{
	uint32_t from = 0;

	for (size_t i = 0; i < s->n_runs; from = s->ends[i++]) {
		uint64_t last = s->starts[i] + (c->counts_up ? s->ends[i] - from - 1 : 0);

		if (s->starts[i] < c->min || last > c->max || last < s->starts[i])
			return false;
	}
	return true;
}

static enum or_code load_runs(struct tl_part *p, int column, struct or_err *err)
{
	const struct tl_part_column *c = &p->foot.columns[column];
	struct tl_part_state *s = &p->states[column];
	enum or_code rc;
	uint8_t *bytes;

	if (s->n_runs)
		return OR_OK;
	bytes = or_mem_new(c->pieces[0].len);
	rc = load_piece(p, &c->pieces[0], 0, bytes, err);
	if (!rc &&
	    (!parse_runs(s, p, or_slice(bytes, c->pieces[0].len)) || !are_runs_in_range(s, c)))
		rc = tl_part_corrupt(p, c->pieces[0].at, 0, "is no list of runs", err);
	or_mem_free(bytes);
	if (rc) {
		or_mem_free(s->ends);
		or_mem_free(s->starts);
		s->ends = NULL;
		s->starts = NULL;
		s->n_runs = 0;
		return rc;
	}
	p->memory += s->n_runs * (sizeof(*s->ends) + sizeof(*s->starts));
	return OR_OK;
}

enum or_code tl_part_column_runs(
    struct tl_part *p, int column, struct tl_part_runs *out, struct or_err *err)
{
	const struct tl_part_column *c = &p->foot.columns[column];
	const struct tl_part_state *s = &p->states[column];
	enum or_code rc;

	if (c->form != TL_PART_RUNS || c->counts_up)
		return or_err_set(err, OR_ABSENT, "these are no runs");
	rc = load_runs(p, column, err);
	if (!rc)
		*out = (struct tl_part_runs){s->ends, s->starts, s->n_runs};
	return rc;
}

static size_t find_run(const struct tl_part_state *s, uint32_t row)
{
	size_t low = 0, high = s->n_runs - 1;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->ends[mid] <= row)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void fill_runs(const struct tl_part_column *c, const struct tl_part_state *s, uint32_t row,
    uint64_t *out, size_t n)
{
	size_t run = find_run(s, row);
	uint64_t step = c->counts_up ? 1 : 0;
	uint64_t v = s->starts[run] + step * (row - (run ? s->ends[run - 1] : 0));

	for (size_t i = 0; i < n; i++, v += step) {
		if (row + i == s->ends[run])
			v = s->starts[++run];
		out[i] = v;
	}
}

/* ---- numbers */

static size_t rows_of(const struct tl_part *p, uint32_t block)
{
	size_t rest = p->foot.rows - (size_t)block * TL_PART_BLOCK;

	return rest < TL_PART_BLOCK ? rest : TL_PART_BLOCK;
}

static bool is_in_range(const struct tl_part_column *c, const uint64_t *v, size_t n)
{
	uint64_t low = UINT64_MAX, high = 0;

	for (size_t i = 0; i < n; i++) {
		low = v[i] < low ? v[i] : low;
		high = v[i] > high ? v[i] : high;
	}
	return low >= c->min && high <= c->max;
}

enum or_code tl_part_block(struct tl_part *p, int column, uint32_t block,
    uint64_t out[TL_PART_BLOCK], size_t *n, struct or_err *err)
{
	const struct tl_part_column *c = &p->foot.columns[column];
	uint32_t row = block * TL_PART_BLOCK;
	struct or_slice piece;
	enum or_code rc;

	OR_ASSERT(row < p->foot.rows && c->field.kind != TL_PART_RAW);
	*n = rows_of(p, block);
	if (c->form == TL_PART_CONST) {
		for (size_t i = 0; i < *n; i++)
			out[i] = c->first;
		return OR_OK;
	}
	if (c->form == TL_PART_RUNS) {
		rc = load_runs(p, column, err);
		if (!rc)
			fill_runs(c, &p->states[column], row, out, *n);
		return rc;
	}
	rc = tl_part_piece_get(
	    p, &p->states[column].values, c->pieces, c->n_pieces, block, true, row, &piece, err);
	if (!rc && (tl_pack_decode(out, *n, piece) || !is_in_range(c, out, *n)))
		rc = tl_part_corrupt(p, c->pieces[block].at, row, "is no list of numbers", err);
	return rc;
}

enum or_code tl_part_number(
    struct tl_part *p, int column, uint32_t row, uint64_t *out, struct or_err *err)
{
	const struct tl_part_column *c = &p->foot.columns[column];
	uint32_t block = row / TL_PART_BLOCK;
	struct or_slice piece;
	enum or_code rc;

	OR_ASSERT(row < p->foot.rows && c->field.kind != TL_PART_RAW);
	if (c->form == TL_PART_CONST) {
		*out = c->first;
		return OR_OK;
	}
	if (c->form == TL_PART_RUNS) {
		rc = load_runs(p, column, err);
		if (!rc)
			fill_runs(c, &p->states[column], row, out, 1);
		return rc;
	}
	rc = tl_part_piece_get(
	    p, &p->states[column].values, c->pieces, c->n_pieces, block, false, row, &piece, err);
	if (!rc && (tl_pack_get(out, row % TL_PART_BLOCK, rows_of(p, block), piece) ||
		       !is_in_range(c, out, 1)))
		rc = tl_part_corrupt(p, c->pieces[block].at, row, "is no list of numbers", err);
	return rc;
}

/* ---- dictionaries */

/* Values of one chunk; *values and *bytes move behind them. */
static bool parse_chunk(
    const struct tl_part_piece *piece, struct or_slice raw, struct or_slice **values)
{
	uint64_t len, sum = 0;

	for (uint32_t i = 0; i < piece->n; i++) {
		if (!tl_varint_take(&len, &raw) || len > piece->raw)
			return false;
		(*values)[i].n = len;
		sum += len;
	}
	if (sum != raw.n)
		return false;
	for (uint32_t i = 0; i < piece->n; i++) {
		(*values)[i].p = raw.p;
		raw = or_slice_from(raw, (*values)[i].n);
	}
	*values += piece->n;
	return true;
}

static bool ascends(const struct or_slice *values, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (or_slice_cmp(values[i - 1], values[i]) >= 0)
			return false;
	}
	return true;
}

static enum or_code load_chunks(struct tl_part *p, const struct tl_part_column *c,
    struct or_slice *texts, uint8_t *bytes, struct or_err *err)
{
	enum or_code rc = OR_OK;

	for (size_t i = 0; i < c->n_extra && !rc; i++) {
		const struct tl_part_piece *piece = &c->extra[i];
		uint8_t *packed = or_mem_new(piece->len + 1);

		rc = load_piece(p, piece, 0, packed, err);
		if (!rc && (or_zstd_decode(bytes, piece->raw, or_slice(packed, piece->len), NULL) ||
			       !parse_chunk(piece, or_slice(bytes, piece->raw), &texts)))
			rc = tl_part_corrupt(p, piece->at, 0, "is no dictionary", err);
		bytes += piece->raw;
		or_mem_free(packed);
	}
	return rc;
}

enum or_code tl_part_dict(
    struct tl_part *p, int column, struct tl_part_dict *out, struct or_err *err)
{
	const struct tl_part_column *c = &p->foot.columns[column];
	struct tl_part_state *s = &p->states[column];
	size_t raw = 0;
	enum or_code rc;

	OR_ASSERT(c->field.kind == TL_PART_BYTES || c->field.kind == TL_PART_LIST);
	if (!s->texts) {
		for (size_t i = 0; i < c->n_extra; i++)
			raw += c->extra[i].raw;
		s->texts = or_mem_array(c->n_values, sizeof(*s->texts));
		s->bytes = or_mem_new(raw + 1);
		rc = load_chunks(p, c, s->texts, s->bytes, err);
		if (!rc && !ascends(s->texts, c->n_values))
			rc = tl_part_corrupt(p, c->extra[0].at, 0, "is not in order", err);
		if (rc) {
			or_mem_free(s->texts);
			or_mem_free(s->bytes);
			s->texts = NULL;
			s->bytes = NULL;
			return rc;
		}
		p->memory += raw + c->n_values * sizeof(*s->texts);
	}
	*out = (struct tl_part_dict){s->texts, c->n_values};
	return OR_OK;
}

/* Sets the bits of n rows from `row` on whose run says that they came apart. */
static void set_runs(
    const struct tl_part_runs *runs, size_t run, uint32_t row, size_t n, uint64_t *bits)
{
	for (size_t i = 0; i < n; run++) {
		size_t end = runs->ends[run] - row;

		end = end < n ? end : n;
		for (; i < end; i++) {
			size_t room = 64 - i % 64, take = end - i < room ? end - i : room;
			uint64_t ones = take == 64 ? UINT64_MAX : (1ULL << take) - 1;

			if (runs->values[run] == TL_PART_APART)
				bits[i / 64] |= ones << i % 64;
			i += take - 1;
		}
	}
}

enum or_code tl_part_block_records(
    struct tl_part *p, uint32_t block, uint64_t bits[TL_PART_WORDS], size_t *n, struct or_err *err)
{
	uint64_t forms[TL_PART_BLOCK];
	struct tl_part_runs runs;
	enum or_code rc = tl_part_column_runs(p, TL_PART_FORM - 1, &runs, NULL);

	memset(bits, 0, TL_PART_WORDS * sizeof(*bits));
	if (rc == OR_OK) {
		*n = rows_of(p, block);
		set_runs(&runs, find_run(&p->states[TL_PART_FORM - 1], block * TL_PART_BLOCK),
		    block * TL_PART_BLOCK, *n, bits);
		return OR_OK;
	}
	rc = tl_part_block(p, TL_PART_FORM - 1, block, forms, n, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < *n; i++)
		bits[i / 64] |= (uint64_t)(forms[i] == TL_PART_APART) << i % 64;
	return OR_OK;
}

bool tl_part_has_kept_records(const struct tl_part *p)
{
	return p->foot.columns[TL_PART_FORM - 1].max >= TL_PART_KEPT_RECORD;
}

/* ---- raw columns */

enum or_code tl_part_raw_get(
    struct tl_part *p, int column, uint32_t row, uint8_t *to, struct or_err *err)
{
	const struct tl_part_column *c = &p->foot.columns[column];
	size_t block = row / TL_PART_BLOCK, width = c->field.width;
	struct or_slice piece;
	enum or_code rc = tl_part_piece_get(
	    p, &p->states[column].values, c->pieces, c->n_pieces, block, false, row, &piece, err);

	if (rc)
		return rc;
	if (piece.n != rows_of(p, (uint32_t)block) * width)
		return tl_part_corrupt(p, c->pieces[block].at, row, "has another length", err);
	memcpy(to, piece.p + row % TL_PART_BLOCK * width, width);
	return OR_OK;
}
