/* SPDX-License-Identifier: Apache-2.0 */
/* Rows back to leaves: the fields in the order of the wire, as proto3 writes them. */
#include "base/mem.h"
#include "tlog/part_impl.h"
#include "tlog/varint.h"

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, HEAD_ROOM = 2 + 5, RAW_MAX = 256 };

/* One row's values: numbers, or bytes. */
struct cell {
	uint64_t number;
	struct or_slice bytes;
};

static void put_tag(struct or_buf *out, unsigned int num, unsigned int wire)
{
	tl_varint_put(out, num << 3 | wire);
}

static void put_cell(struct or_buf *out, const struct tl_part_field *f, const struct cell *cell)
{
	unsigned int num = f->sub ? f->sub : f->tag;

	switch (f->kind) {
	case TL_PART_FIXED64:
		if (cell->number) {
			put_tag(out, num, WIRE_FIXED64);
			or_buf_put(out, &cell->number, 8);
		}
		break;
	case TL_PART_VARINT:
		if (cell->number) {
			put_tag(out, num, WIRE_VARINT);
			tl_varint_put(out, cell->number);
		}
		break;
	case TL_PART_LIST: or_buf_put_slice(out, cell->bytes); break;
	case TL_PART_BYTES:
	case TL_PART_RAW:
	case TL_PART_UNIQUE:
		if (cell->bytes.n) {
			put_tag(out, num, WIRE_BYTES);
			tl_varint_put(out, cell->bytes.n);
			or_buf_put_slice(out, cell->bytes);
		}
		break;
	}
}

static size_t put_head_varint(uint8_t *to, uint64_t v)
{
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		to[n++] = (uint8_t)(v | 0x80);
	to[n++] = (uint8_t)v;
	return n;
}

/* Closes a message that began at `start` with room for tag and length in front: moves its content
 * up to what they need. An empty one is not written, but for the record itself. */
static void close_message(struct or_buf *out, size_t start, unsigned int num)
{
	size_t body = start + HEAD_ROOM, n = out->n - body, head;

	if (!or_buf_ok(out))
		return;
	if (n == 0 && num) {
		or_buf_cut(out, start);
		return;
	}
	head = put_head_varint(out->p + start, (num ? num : 1) << 3 | WIRE_BYTES);
	head += put_head_varint(out->p + start + head, n);
	memmove(out->p + start + head, out->p + body, n);
	or_buf_cut(out, start + head + n);
}

static size_t open_message(struct or_buf *out)
{
	static const uint8_t room[HEAD_ROOM];
	size_t start = out->n;

	or_buf_put(out, room, sizeof(room));
	return start;
}

/* The leaf of a row into p->leaf. */
static enum or_code put_leaf(
    struct tl_part *p, const struct cell *cells, uint32_t row, struct or_err *err)
{
	struct or_buf *out = &p->leaf;
	unsigned int message = 0;
	size_t start, inner = 0;

	or_buf_clear(out);
	if (cells[TL_PART_FORM - 1].number != TL_PART_APART) {
		or_buf_put_slice(out, cells[TL_PART_OTHER - 1].bytes);
		return out->n ? OR_OK : tl_part_corrupt(p, 0, row, "has no leaf", err);
	}
	start = open_message(out);
	for (size_t i = TL_PART_FORM; i < p->foot.n_columns; i++) {
		const struct tl_part_field *f = &p->foot.columns[i].field;
		unsigned int of = f->sub ? f->tag : 0;

		if (of != message) {
			if (message)
				close_message(out, inner, message);
			if (of)
				inner = open_message(out);
			message = of;
		}
		put_cell(out, f, &cells[i]);
	}
	if (message)
		close_message(out, inner, message);
	close_message(out, start, 0);
	if (!or_buf_ok(out) || out->n > TL_ENTRIES_LEAF_MAX)
		return tl_part_corrupt(p, 0, row, "gives a leaf that is too long", err);
	return OR_OK;
}

static void fill_entry(
    const struct tl_part *p, const struct cell *cells, struct tl_segment_entry *e)
{
	e->leaf = or_buf_slice(&p->leaf);
	e->received_ns = cells[TL_PART_RECEIVED - 1].number;
	e->end = cells[TL_PART_END - 1].number != 0;
}

static enum or_code get_text(
    struct tl_part *p, int column, uint64_t code, struct or_slice *out, struct or_err *err)
{
	struct tl_part_dict d;
	enum or_code rc = tl_part_dict(p, column, &d, err);

	if (!rc)
		*out = d.values[code];
	return rc;
}

/* scratch: RAW_MAX bytes of this cell's own. */
static enum or_code get_cell(struct tl_part *p, int column, uint32_t row, struct cell *out,
    uint8_t *scratch, struct or_err *err)
{
	const struct tl_part_column *c = &p->foot.columns[column];
	enum or_code rc;

	*out = (struct cell){0};
	if (c->field.kind == TL_PART_RAW) {
		out->bytes = or_slice(scratch, c->field.width);
		return tl_part_raw_get(p, column, row, scratch, err);
	}
	if (c->field.kind == TL_PART_UNIQUE) {
		out->bytes.p = scratch;
		return tl_part_ids_get(p, column, row, scratch, &out->bytes.n, err);
	}
	rc = tl_part_number(p, column, row, &out->number, err);
	if (!rc && (c->field.kind == TL_PART_BYTES || c->field.kind == TL_PART_LIST))
		rc = get_text(p, column, out->number, &out->bytes, err);
	return rc;
}

enum or_code tl_part_leaf(
    struct tl_part *p, uint32_t row, struct tl_segment_entry *e, struct or_err *err)
{
	struct cell cells[TL_PART_COLUMNS_MAX];
	uint8_t scratch[TL_PART_COLUMNS_MAX][RAW_MAX];
	enum or_code rc = OR_OK;

	OR_ASSERT(row < p->foot.rows);
	for (size_t i = 0; i < p->foot.n_columns && !rc; i++)
		rc = get_cell(p, (int)i, row, &cells[i], scratch[i], err);
	if (!rc)
		rc = put_leaf(p, cells, row, err);
	if (rc)
		return rc;
	fill_entry(p, cells, e);
	tl_hash_leaf(&e->hash, e->leaf);
	return OR_OK;
}

/* ---- walking */

struct tl_part_leaf_walk {
	struct tl_part *p;
	uint32_t next, to;
	uint32_t block; /* whose values are there, + 1 */
	/* Of each column: the values of the block; the whole dictionary, or ids. */
	uint64_t *values[TL_PART_COLUMNS_MAX];
	struct tl_part_dict dicts[TL_PART_COLUMNS_MAX];
	const uint8_t *ids[TL_PART_COLUMNS_MAX];
	uint8_t *raw[TL_PART_COLUMNS_MAX]; /* a copy: single leaves are read between */
};

struct tl_part_leaf_walk *tl_part_leaf_walk_new(struct tl_part *p, uint32_t from, uint32_t to)
{
	struct tl_part_leaf_walk *w = or_mem_new(sizeof(*w));

	OR_ASSERT(from <= to && to <= p->foot.rows);
	*w = (struct tl_part_leaf_walk){.p = p, .next = from, .to = to};
	for (size_t i = 0; i < p->foot.n_columns; i++) {
		w->values[i] = or_mem_array(TL_PART_BLOCK, sizeof(uint64_t));
		w->raw[i] = or_mem_array(TL_PART_BLOCK, p->foot.columns[i].field.width);
	}
	return w;
}

void tl_part_leaf_walk_free(struct tl_part_leaf_walk *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->p->foot.n_columns; i++) {
		or_mem_free(w->values[i]);
		or_mem_free(w->raw[i]);
	}
	or_mem_free(w);
}

static enum or_code load_column(
    struct tl_part_leaf_walk *w, int i, uint32_t block, struct or_err *err)
{
	struct tl_part *p = w->p;
	const struct tl_part_column *c = &p->foot.columns[i];
	uint32_t row = block * TL_PART_BLOCK;
	struct or_slice piece;
	enum or_code rc;
	size_t n = p->foot.rows - row;

	n = n < TL_PART_BLOCK ? n : TL_PART_BLOCK;
	if (c->field.kind == TL_PART_RAW) {
		rc = tl_part_piece_get(
		    p, &p->states[i].values, c->pieces, c->n_pieces, block, true, row, &piece, err);
		if (!rc && piece.n != n * c->field.width)
			rc =
			    tl_part_corrupt(p, c->pieces[block].at, row, "has another length", err);
		if (!rc)
			memcpy(w->raw[i], piece.p, piece.n);
		return rc;
	}
	rc = tl_part_block(p, i, block, w->values[i], &n, err);
	if (!rc && (c->field.kind == TL_PART_BYTES || c->field.kind == TL_PART_LIST))
		rc = tl_part_dict(p, i, &w->dicts[i], err);
	if (!rc && c->field.kind == TL_PART_UNIQUE)
		rc = tl_part_ids_all(p, i, &w->ids[i], err);
	return rc;
}

static void take_cell(const struct tl_part_leaf_walk *w, size_t i, size_t at, struct cell *out)
{
	const struct tl_part_column *c = &w->p->foot.columns[i];

	*out = (struct cell){0};
	switch (c->field.kind) {
	case TL_PART_FIXED64:
	case TL_PART_VARINT: out->number = w->values[i][at]; break;
	case TL_PART_BYTES:
	case TL_PART_LIST: out->bytes = w->dicts[i].values[w->values[i][at]]; break;
	case TL_PART_RAW:
		out->bytes = or_slice(w->raw[i] + at * c->field.width, c->field.width);
		break;
	case TL_PART_UNIQUE:
		if (w->values[i][at] < c->n_values)
			out->bytes = or_slice(
			    w->ids[i] + w->values[i][at] * TL_PART_UNIQUE_LEN, TL_PART_UNIQUE_LEN);
		break;
	}
}

enum or_code tl_part_leaf_walk_next(
    struct tl_part_leaf_walk *w, struct tl_segment_entry *e, struct or_err *err)
{
	struct cell cells[TL_PART_COLUMNS_MAX];
	struct tl_part *p = w->p;
	uint32_t row = w->next, block = row / TL_PART_BLOCK;
	enum or_code rc = OR_OK;

	if (row >= w->to)
		return or_err_set(err, OR_ABSENT, "there are no more rows");
	w->next++;
	if (w->block != block + 1) {
		w->block = 0;
		for (size_t i = 0; i < p->foot.n_columns && !rc; i++)
			rc = load_column(w, (int)i, block, err);
		/* Something in this block has changed; it may be that this row is whole. */
		if (rc == OR_CORRUPT)
			return tl_part_leaf(p, row, e, err);
		if (rc)
			return rc;
		w->block = block + 1;
	}
	for (size_t i = 0; i < p->foot.n_columns; i++)
		take_cell(w, i, row % TL_PART_BLOCK, &cells[i]);
	rc = put_leaf(p, cells, row, err);
	if (!rc)
		fill_entry(p, cells, e);
	return rc;
}
