/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog/part_build.h"

#include "base/crc32c.h"
#include "base/mem.h"
#include "base/zstd.h"
#include "tlog/intern.h"
#include "tlog/part_foot.h"
#include "tlog/part_unique.h"
#include "tlog/tree.h"
#include "tlog/varint.h"

enum {
	CHUNK = 64 * 1024, /* of a dictionary, unpacked */
	LEVEL = 3,
	TAGS = 64,
	RUN_BYTES = 4, /* what a run costs, about */
	RUN_MIN = 4,   /* rows: where they are shorter, steps are packed */
};

static const uint8_t magic[TL_PART_FOOT_START] = "ORPART01";

struct column {
	struct tl_part_field field;
	uint64_t first; /* the value of every row, until one is another */
	uint64_t *values;
	struct tl_intern texts;
	uint8_t *raw;   /* RAW, UNIQUE */
	bool *is_there; /* UNIQUE: rows that have one */
	struct tl_part_column out;
	/* The row at hand. */
	uint64_t number;
	struct or_slice bytes;
};

struct tl_part_build {
	struct column columns[TL_PART_COLUMNS_MAX];
	size_t n_columns;
	int8_t of_tag[TAGS]; /* the first column of a tag, or -1 */
	uint64_t first_leaf;
	uint32_t rows, max_rows;
	uint32_t records; /* rows that came apart */
	size_t text_bytes;
	struct tl_tree tree;
	/* Of the file that is being made. */
	size_t next; /* column */
	bool is_done;
	struct or_buf piece;
};

static bool has_dict(const struct tl_part_field *f)
{
	return f->kind == TL_PART_BYTES || f->kind == TL_PART_LIST;
}

static void add_column(struct tl_part_build *b, struct tl_part_field field)
{
	struct column *c = &b->columns[b->n_columns];

	OR_ASSERT(b->n_columns < TL_PART_COLUMNS_MAX && field.tag < TAGS);
	c->field = field;
	if (has_dict(&field))
		tl_intern_init(&c->texts);
	if (field.kind == TL_PART_UNIQUE)
		c->field.width = 0;
	if (b->of_tag[field.tag] < 0)
		b->of_tag[field.tag] = (int8_t)b->n_columns;
	b->n_columns++;
}

struct tl_part_build *tl_part_build_new(
    const struct tl_part_field *fields, size_t n, uint64_t first, uint32_t max_rows)
{
	struct tl_part_build *b = or_mem_new(sizeof(*b));

	OR_ASSERT(max_rows > 0 && max_rows <= TL_PART_ROWS_MAX);
	memset(b->of_tag, -1, sizeof(b->of_tag));
	b->first_leaf = first;
	b->max_rows = max_rows;
	add_column(b, (struct tl_part_field){0, TL_PART_RECEIVED, TL_PART_FIXED64, 0});
	add_column(b, (struct tl_part_field){0, TL_PART_END, TL_PART_VARINT, 0});
	add_column(b, (struct tl_part_field){0, TL_PART_OTHER, TL_PART_BYTES, 0});
	add_column(b, (struct tl_part_field){0, TL_PART_FORM, TL_PART_VARINT, 0});
	for (size_t i = 0; i < n; i++)
		add_column(b, fields[i]);
	tl_tree_init(&b->tree);
	or_buf_init(&b->piece, 2 * CHUNK + 65536 + TL_PACK_BYTES_MAX);
	return b;
}

void tl_part_build_free(struct tl_part_build *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->n_columns; i++) {
		struct column *c = &b->columns[i];

		if (has_dict(&c->field))
			tl_intern_done(&c->texts);
		or_mem_free(c->values);
		or_mem_free(c->raw);
		or_mem_free(c->is_there);
		or_mem_free(c->out.pieces);
		or_mem_free(c->out.extra);
	}
	or_buf_done(&b->piece);
	or_mem_free(b);
}

uint32_t tl_part_build_rows(const struct tl_part_build *b)
{
	return b->rows;
}

/* ---- taking a leaf apart */

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2 };

static struct column *find_column(struct tl_part_build *b, uint64_t tag, uint64_t sub)
{
	int i = tag > 0 && tag < TAGS ? b->of_tag[tag] : -1;

	if (i < 0 || sub > UINT8_MAX)
		return NULL;
	for (; (size_t)i < b->n_columns && b->columns[i].field.tag == tag; i++) {
		if (b->columns[i].field.sub == sub)
			return &b->columns[i];
	}
	return NULL;
}

static bool take_length(struct or_slice *out, struct or_slice *in)
{
	uint64_t n;

	if (!tl_varint_take(&n, in) || n > in->n)
		return false;
	*out = or_slice(in->p, n);
	*in = or_slice_from(*in, n);
	return true;
}

/* One field's content into its column; start: where its tag began. False: not as it would be
 * written again. */
static bool take_value(
    struct column *c, uint64_t wire, struct or_slice *in, const uint8_t *start, bool again)
{
	struct or_slice s;

	switch (c->field.kind) {
	case TL_PART_FIXED64:
		if (wire != WIRE_FIXED64 || in->n < 8)
			return false;
		memcpy(&c->number, in->p, 8);
		*in = or_slice_from(*in, 8);
		return c->number != 0;
	case TL_PART_VARINT:
		return wire == WIRE_VARINT && tl_varint_take(&c->number, in) && c->number != 0;
	case TL_PART_LIST:
		if (wire != WIRE_BYTES || !take_length(&s, in))
			return false;
		if (!again)
			c->bytes.p = start;
		c->bytes.n = (size_t)(in->p - c->bytes.p);
		return true;
	case TL_PART_BYTES: return wire == WIRE_BYTES && take_length(&c->bytes, in) && c->bytes.n;
	case TL_PART_RAW:
		return wire == WIRE_BYTES && take_length(&c->bytes, in) &&
		       c->bytes.n == c->field.width;
	case TL_PART_UNIQUE:
		return wire == WIRE_BYTES && take_length(&c->bytes, in) &&
		       c->bytes.n == TL_PART_UNIQUE_LEN;
	}
	return false;
}

static bool take_fields(struct tl_part_build *b, struct or_slice in, uint64_t message);

static bool take_message(struct tl_part_build *b, uint64_t tag, uint64_t wire, struct or_slice *in)
{
	int first = b->of_tag[tag];
	struct or_slice s;

	return first >= 0 && b->columns[first].field.sub && wire == WIRE_BYTES &&
	       take_length(&s, in) && s.n && take_fields(b, s, tag);
}

/* message: 0, or the tag of the message whose fields these are. */
static bool take_fields(struct tl_part_build *b, struct or_slice in, uint64_t message)
{
	uint64_t last = 0, key;

	while (in.n) {
		const uint8_t *start = in.p;
		struct column *c;
		uint64_t num;

		if (!tl_varint_take(&key, &in))
			return false;
		num = key >> 3;
		if (num == 0 || num >= TAGS || num < last)
			return false;
		c = message ? find_column(b, message, num) : find_column(b, num, 0);
		if (num == last && (!c || c->field.kind != TL_PART_LIST))
			return false;
		if (c) {
			if (!take_value(c, key & 7, &in, start, num == last))
				return false;
		} else if (message || !take_message(b, num, key & 7, &in)) {
			return false;
		}
		last = num;
	}
	return true;
}

static void clear_row(struct tl_part_build *b)
{
	for (size_t i = 0; i < b->n_columns; i++) {
		b->columns[i].number = 0;
		b->columns[i].bytes = OR_SLICE_NONE;
	}
}

/* A record (field 1 of a leaf) whose unique and raw fields are there. */
static bool take_record(struct tl_part_build *b, struct or_slice leaf)
{
	struct or_slice in = leaf, record;
	uint64_t key;

	if (!tl_varint_take(&key, &in) || key != (1 << 3 | WIRE_BYTES) ||
	    !take_length(&record, &in) || in.n || !take_fields(b, record, 0))
		return false;
	for (size_t i = 0; i < b->n_columns; i++) {
		const struct column *c = &b->columns[i];

		if ((c->field.kind == TL_PART_RAW || c->field.kind == TL_PART_UNIQUE) &&
		    !c->bytes.n)
			return false;
	}
	return true;
}

static void put_number(struct tl_part_build *b, struct column *c, uint64_t v, bool is_first)
{
	if (is_first)
		c->first = v;
	if (!c->values) {
		if (v == c->first)
			return;
		c->values = or_mem_array(b->max_rows, sizeof(*c->values));
		for (uint32_t i = 0; i < b->rows; i++)
			c->values[i] = c->first;
	}
	c->values[b->rows] = v;
}

static void put_fixed(struct tl_part_build *b, struct column *c, size_t width)
{
	if (!c->raw) {
		c->raw = or_mem_array(b->max_rows, width);
		if (c->field.kind == TL_PART_UNIQUE)
			c->is_there = or_mem_array(b->max_rows, sizeof(*c->is_there));
	}
	if (c->bytes.n)
		memcpy(c->raw + b->rows * width, c->bytes.p, width);
	if (c->is_there)
		c->is_there[b->rows] = c->bytes.n > 0;
}

static void put_value(struct tl_part_build *b, struct column *c, bool is_first)
{
	size_t before;

	switch (c->field.kind) {
	case TL_PART_FIXED64:
	case TL_PART_VARINT: put_number(b, c, c->number, is_first); break;
	case TL_PART_BYTES:
	case TL_PART_LIST:
		before = c->texts.n_bytes;
		put_number(b, c, tl_intern_put(&c->texts, c->bytes), is_first);
		b->text_bytes += c->texts.n_bytes - before;
		break;
	case TL_PART_RAW: put_fixed(b, c, c->field.width); break;
	case TL_PART_UNIQUE: put_fixed(b, c, TL_PART_UNIQUE_LEN); break;
	}
}

/* A row that is no record has no values. Where it needs some, they are those of the row before, so
 * that ranges and dictionaries are of records alone. */
static void put_gap(struct tl_part_build *b, struct column *c)
{
	if (c->field.kind == TL_PART_RAW || c->field.kind == TL_PART_UNIQUE)
		put_value(b, c, false);
	else if (c->values)
		c->values[b->rows] = c->values[b->rows - 1];
}

static void put_row(struct tl_part_build *b, bool is_record)
{
	for (size_t i = 0; i < b->n_columns; i++) {
		if (i < TL_PART_FORM)
			put_value(b, &b->columns[i], b->rows == 0);
		else if (is_record)
			put_value(b, &b->columns[i], b->records == 0);
		else
			put_gap(b, &b->columns[i]);
	}
	b->rows++;
	b->records += is_record;
}

enum or_code tl_part_build_add(struct tl_part_build *b, const struct tl_segment_entry *e)
{
	bool is_record;

	if (b->rows == b->max_rows || b->text_bytes >= TL_PART_BUILD_TEXT_MAX)
		return OR_FULL;
	OR_ASSERT(e->leaf.n > 0 && e->leaf.n <= TL_ENTRIES_LEAF_MAX);
	clear_row(b);
	is_record = take_record(b, e->leaf);
	if (!is_record) {
		clear_row(b);
		b->columns[TL_PART_OTHER - 1].bytes = e->leaf;
		b->columns[TL_PART_FORM - 1].number =
		    e->leaf.p[0] == (1 << 3 | WIRE_BYTES) ? TL_PART_KEPT_RECORD : TL_PART_KEPT;
	}
	b->columns[TL_PART_RECEIVED - 1].number = e->received_ns;
	b->columns[TL_PART_END - 1].number = e->end;
	put_row(b, is_record);
	tl_tree_append(&b->tree, &e->hash, NULL, NULL);
	return OR_OK;
}

/* ---- the file */

static struct tl_part_piece *new_piece(struct tl_part_piece **list, size_t *n)
{
	/* Doubled at each power of two. */
	if ((*n & (*n - 1)) == 0)
		*list = or_mem_resize(*list, (*n ? *n * 2 : 1) * sizeof(**list));
	return &(*list)[(*n)++];
}

/* Appends b->piece as the next piece of a list. */
static struct tl_part_piece *put_piece(
    struct tl_part_build *b, struct or_buf *out, struct tl_part_piece **list, size_t *n)
{
	struct tl_part_piece *p = new_piece(list, n);

	OR_ASSERT(or_buf_ok(&b->piece));
	*p = (struct tl_part_piece){
	    .len = (uint32_t)b->piece.n, .crc = or_crc32c(0, or_buf_slice(&b->piece))};
	or_buf_put_slice(out, or_buf_slice(&b->piece));
	return p;
}

static void find_range(struct tl_part_column *out, const uint64_t *values, size_t n)
{
	out->min = out->max = values[0];
	for (size_t i = 1; i < n; i++) {
		out->min = values[i] < out->min ? values[i] : out->min;
		out->max = values[i] > out->max ? values[i] : out->max;
	}
}

static size_t count_runs(const uint64_t *values, size_t n, uint64_t step)
{
	size_t runs = 1;

	for (size_t i = 1; i < n; i++)
		runs += values[i] != values[i - 1] + step;
	return runs;
}

static bool put_runs(struct tl_part_build *b, struct column *c, struct or_buf *out)
{
	size_t equal = count_runs(c->values, b->rows, 0), up = count_runs(c->values, b->rows, 1);
	size_t runs = equal <= up ? equal : up, from = 0;
	uint64_t step = equal <= up ? 0 : 1, last = 0;
	uint64_t range = c->out.max - c->out.min;
	size_t bits = range ? 64 - (size_t)__builtin_clzll(range) : 0;
	struct or_buf piece;

	if (runs * RUN_BYTES > b->rows * bits / 8 || runs > b->rows / RUN_MIN)
		return false;
	or_buf_init(&piece, TL_PART_ROWS_MAX * 16);
	tl_varint_put(&piece, runs);
	for (size_t i = 1; i <= b->rows; i++) {
		if (i < b->rows && c->values[i] == c->values[i - 1] + step)
			continue;
		tl_varint_put(&piece, i - from);
		tl_varint_put(&piece, tl_varint_zigzag(c->values[from] - last));
		last = c->values[from];
		from = i;
	}
	c->out.form = TL_PART_RUNS;
	c->out.counts_up = step == 1;
	*new_piece(&c->out.pieces, &c->out.n_pieces) = (struct tl_part_piece){
	    .len = (uint32_t)piece.n, .crc = or_crc32c(0, or_buf_slice(&piece))};
	or_buf_put_slice(out, or_buf_slice(&piece));
	or_buf_done(&piece);
	return true;
}

static void put_packed(struct tl_part_build *b, struct column *c, struct or_buf *out)
{
	c->out.form = TL_PART_PACK;
	for (size_t at = 0; at < b->rows; at += TL_PART_BLOCK) {
		size_t n = b->rows - at < TL_PART_BLOCK ? b->rows - at : TL_PART_BLOCK;

		or_buf_clear(&b->piece);
		tl_pack_encode(&b->piece, c->values + at, n);
		put_piece(b, out, &c->out.pieces, &c->out.n_pieces);
	}
}

static void put_numbers(struct tl_part_build *b, struct column *c, struct or_buf *out)
{
	if (!c->values) {
		c->out.form = TL_PART_CONST;
		c->out.first = c->out.min = c->out.max = c->first;
		return;
	}
	find_range(&c->out, c->values, b->rows);
	if (!put_runs(b, c, out))
		put_packed(b, c, out);
}

/* One chunk of the dictionary: the lengths of its values, then the values. */
static void put_chunk(struct tl_part_build *b, struct column *c, struct or_buf *out,
    const uint32_t *order, uint32_t n)
{
	struct tl_part_piece *piece;
	struct or_buf raw;

	or_buf_init(&raw, (size_t)CHUNK + 65536 + (size_t)n * TL_VARINT_MAX);
	for (uint32_t i = 0; i < n; i++)
		tl_varint_put(&raw, c->texts.items[order[i]].len);
	for (uint32_t i = 0; i < n; i++)
		or_buf_put_slice(&raw, tl_intern_get(&c->texts, order[i]));
	OR_ASSERT(or_buf_ok(&raw));
	or_buf_clear(&b->piece);
	or_zstd_encode(&b->piece, or_buf_slice(&raw), LEVEL);
	piece = put_piece(b, out, &c->out.extra, &c->out.n_extra);
	piece->raw = (uint32_t)raw.n;
	piece->n = n;
	or_buf_done(&raw);
}

static void put_dict(
    struct tl_part_build *b, struct column *c, struct or_buf *out, const uint32_t *order)
{
	uint32_t from = 0;
	size_t bytes = 0;

	c->out.n_values = c->texts.n;
	for (uint32_t i = 0; i < c->texts.n; i++) {
		bytes += c->texts.items[order[i]].len + 2;
		if (bytes < CHUNK && i + 1 < c->texts.n)
			continue;
		put_chunk(b, c, out, order + from, i + 1 - from);
		from = i + 1;
		bytes = 0;
	}
}

/* Codes become places in the sorted dictionary. */
static void put_texts(struct tl_part_build *b, struct column *c, struct or_buf *out)
{
	uint32_t *order, *place;

	if (c->texts.n == 0) /* no record at all */
		tl_intern_put(&c->texts, OR_SLICE_NONE);
	order = tl_intern_sort(&c->texts);
	place = or_mem_array(c->texts.n, sizeof(*place));

	for (uint32_t i = 0; i < c->texts.n; i++)
		place[order[i]] = i;
	for (uint32_t i = 0; c->values && i < b->rows; i++)
		c->values[i] = place[c->values[i]];
	c->first = place[c->first];
	or_mem_free(place);
	put_numbers(b, c, out);
	put_dict(b, c, out, order);
	or_mem_free(order);
}

static void put_raw(struct tl_part_build *b, struct column *c, struct or_buf *out)
{
	size_t width = c->field.width;

	c->out.form = TL_PART_PACK;
	for (size_t at = 0; at < b->rows; at += TL_PART_BLOCK) {
		size_t n = b->rows - at < TL_PART_BLOCK ? b->rows - at : TL_PART_BLOCK;
		struct or_slice s = or_slice(c->raw + at * width, n * width);

		*new_piece(&c->out.pieces, &c->out.n_pieces) =
		    (struct tl_part_piece){.len = (uint32_t)s.n, .crc = or_crc32c(0, s)};
		or_buf_put_slice(out, s);
	}
}

/* Each row's place among the sorted ids, the ids without their first bytes, and the directory that
 * stands for those. */
static void put_unique(struct tl_part_build *b, struct column *c, struct or_buf *out)
{
	struct tl_part_unique u;
	size_t width;

	tl_part_unique_make(&u, c->raw, c->is_there, b->rows);
	c->out.n_values = u.n;
	c->out.drop = u.drop;
	width = TL_PART_UNIQUE_LEN - u.drop;
	c->values = or_mem_array(b->rows, sizeof(*c->values));
	for (uint32_t i = 0; i < b->rows; i++)
		c->values[i] = u.n;
	for (uint32_t i = 0; i < u.n; i++)
		c->values[u.order[i]] = i;
	find_range(&c->out, c->values, b->rows);
	put_packed(b, c, out);
	for (uint32_t at = 0; at < u.n; at += TL_PART_BLOCK) {
		or_buf_clear(&b->piece);
		for (uint32_t i = at; i < u.n && i < at + TL_PART_BLOCK; i++)
			or_buf_put(&b->piece,
			    c->raw + (size_t)u.order[i] * TL_PART_UNIQUE_LEN + u.drop, width);
		put_piece(b, out, &c->out.extra, &c->out.n_extra);
	}
	tl_part_unique_put_directory(out, &u, c->raw);
	tl_part_unique_done(&u);
}

static void put_column(struct tl_part_build *b, struct column *c, struct or_buf *out)
{
	c->out.field = c->field;
	switch (c->field.kind) {
	case TL_PART_FIXED64:
	case TL_PART_VARINT: put_numbers(b, c, out); break;
	case TL_PART_BYTES:
	case TL_PART_LIST: put_texts(b, c, out); break;
	case TL_PART_RAW: put_raw(b, c, out); break;
	case TL_PART_UNIQUE: put_unique(b, c, out); break;
	}
	or_mem_free(c->values);
	or_mem_free(c->raw);
	or_mem_free(c->is_there);
	c->values = NULL;
	c->raw = NULL;
	c->is_there = NULL;
}

bool tl_part_build_step(struct tl_part_build *b, struct or_buf *out)
{
	struct tl_part_column columns[TL_PART_COLUMNS_MAX];
	struct tl_part_foot foot = {
	    .first = b->first_leaf, .rows = b->rows, .columns = columns, .n_columns = b->n_columns};

	OR_ASSERT(b->rows > 0);
	if (b->is_done)
		return false;
	if (b->next == 0)
		or_buf_put(out, magic, sizeof(magic));
	if (b->next < b->n_columns) {
		put_column(b, &b->columns[b->next++], out);
		return true;
	}
	tl_tree_root(&foot.root, &b->tree);
	for (size_t i = 0; i < b->n_columns; i++)
		columns[i] = b->columns[i].out;
	tl_part_foot_put(out, &foot);
	b->is_done = true;
	return true;
}
