/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog/part_foot.h"

#include "base/crc32c.h"
#include "tlog/varint.h"

static const uint8_t tail_magic[8] = "ORPTAIL1";

enum { VERSION = 1 };

static void put_u32(struct or_buf *out, uint32_t v)
{
	or_buf_put(out, &v, sizeof(v));
}

static uint32_t get_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static bool has_dict(const struct tl_part_field *f)
{
	return f->kind == TL_PART_BYTES || f->kind == TL_PART_LIST;
}

static void put_pieces(
    struct or_buf *out, const struct tl_part_piece *pieces, size_t n, bool is_dict)
{
	for (size_t i = 0; i < n; i++) {
		tl_varint_put(out, pieces[i].len);
		put_u32(out, pieces[i].crc);
		if (is_dict) {
			tl_varint_put(out, pieces[i].raw);
			tl_varint_put(out, pieces[i].n);
		}
	}
}

static void put_column(struct or_buf *out, const struct tl_part_column *c)
{
	const uint8_t fixed[] = {c->field.tag, c->field.sub, (uint8_t)c->field.kind, c->field.width,
	    (uint8_t)c->form, c->counts_up, (uint8_t)c->drop};

	or_buf_put(out, fixed, sizeof(fixed));
	tl_varint_put(out, c->first);
	tl_varint_put(out, c->min);
	tl_varint_put(out, c->max);
	tl_varint_put(out, c->n_values);
	tl_varint_put(out, c->n_extra);
	put_pieces(out, c->pieces, c->n_pieces, false);
	put_pieces(out, c->extra, c->n_extra, has_dict(&c->field));
}

void tl_part_foot_put(struct or_buf *out, const struct tl_part_foot *f)
{
	size_t start = out->n;
	uint32_t crc;

	or_buf_put_byte(out, VERSION);
	tl_varint_put(out, f->first);
	tl_varint_put(out, f->rows);
	or_buf_put(out, f->root.b, sizeof(f->root.b));
	tl_varint_put(out, f->n_columns);
	for (size_t i = 0; i < f->n_columns; i++)
		put_column(out, &f->columns[i]);
	if (!or_buf_ok(out))
		return;
	crc = or_crc32c(0, or_slice(out->p + start, out->n - start));
	put_u32(out, (uint32_t)(out->n - start));
	put_u32(out, crc);
	or_buf_put(out, tail_magic, sizeof(tail_magic));
}

enum or_code tl_part_foot_len(size_t *out, const uint8_t tail[TL_PART_FOOT_TAIL])
{
	size_t n = get_u32(tail);

	if (memcmp(tail + 8, tail_magic, sizeof(tail_magic)) != 0 || n > TL_PART_FOOT_MAX)
		return OR_CORRUPT;
	*out = n + TL_PART_FOOT_TAIL;
	return OR_OK;
}

struct parser {
	struct or_slice in;
	struct or_arena *a;
	uint32_t rows;
	uint64_t at;  /* where the next piece lies */
	uint64_t end; /* of the pieces */
	bool is_full;
};

static bool take_bytes(struct parser *p, const uint8_t **out, size_t n)
{
	if (p->in.n < n)
		return false;
	*out = p->in.p;
	p->in = or_slice_from(p->in, n);
	return true;
}

static bool take_number(struct parser *p, uint64_t *out, uint64_t max)
{
	return tl_varint_take(out, &p->in) && *out <= max;
}

static bool take_piece(struct parser *p, struct tl_part_piece *piece, bool is_dict)
{
	const uint8_t *crc;
	uint64_t len, raw = 0, n = 0;

	if (!take_number(p, &len, UINT32_MAX) || !take_bytes(p, &crc, 4) || len > p->end - p->at)
		return false;
	if (is_dict && (!take_number(p, &raw, TL_PART_DICT_MAX) ||
			   !take_number(p, &n, TL_PART_ROWS_MAX) || n == 0))
		return false;
	*piece = (struct tl_part_piece){.at = p->at,
	    .len = (uint32_t)len,
	    .crc = get_u32(crc),
	    .raw = (uint32_t)raw,
	    .n = (uint32_t)n};
	p->at += len;
	return true;
}

static bool take_pieces(struct parser *p, struct tl_part_piece **out, size_t n, bool is_dict)
{
	/* Each takes five bytes at least, so a small footer cannot ask for much memory. */
	if (n > p->in.n / 5)
		return false;
	*out = or_arena_array(p->a, n, sizeof(**out));
	if (!*out) {
		p->is_full = true;
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (!take_piece(p, &(*out)[i], is_dict))
			return false;
	}
	return true;
}

static size_t pieces_of(const struct tl_part_column *c, uint32_t rows)
{
	if (c->field.kind == TL_PART_RAW)
		return tl_part_foot_blocks(rows);
	if (c->form == TL_PART_CONST)
		return 0;
	return c->form == TL_PART_RUNS ? 1 : tl_part_foot_blocks(rows);
}

static bool take_shape(struct parser *p, struct tl_part_column *c)
{
	const uint8_t *fixed;

	if (!take_bytes(p, &fixed, 7) || fixed[2] > TL_PART_UNIQUE || fixed[4] > TL_PART_PACK ||
	    fixed[5] > 1 || fixed[6] > 2)
		return false;
	c->field = (struct tl_part_field){.tag = fixed[0],
	    .sub = fixed[1],
	    .kind = (enum tl_part_kind)fixed[2],
	    .width = fixed[3]};
	c->form = (enum tl_part_form)fixed[4];
	c->counts_up = fixed[5];
	c->drop = fixed[6];
	if ((c->field.kind == TL_PART_RAW) != (c->field.width > 0))
		return false;
	if (c->drop && c->field.kind != TL_PART_UNIQUE)
		return false;
	return c->field.kind != TL_PART_UNIQUE || c->form == TL_PART_PACK;
}

/* The dictionary's pieces hold exactly its values. */
static bool is_dict_whole(const struct tl_part_column *c)
{
	uint64_t n = 0, raw = 0;

	for (size_t i = 0; i < c->n_extra; i++) {
		n += c->extra[i].n;
		raw += c->extra[i].raw;
	}
	return n == c->n_values && raw <= TL_PART_DICT_MAX && c->max < c->n_values;
}

/* What the bytes that follow the shape say. */
static bool take_counts(struct parser *p, struct tl_part_column *c)
{
	uint64_t n_values, n_extra;

	if (!take_number(p, &c->first, UINT64_MAX) || !take_number(p, &c->min, UINT64_MAX) ||
	    !take_number(p, &c->max, UINT64_MAX) || !take_number(p, &n_values, p->rows) ||
	    !take_number(p, &n_extra, TL_PART_ROWS_MAX) || c->min > c->max)
		return false;
	c->n_values = (uint32_t)n_values;
	c->n_extra = n_extra;
	c->n_pieces = pieces_of(c, p->rows);
	return c->form != TL_PART_CONST || (c->first == c->min && c->first == c->max);
}

static bool take_directory(struct parser *p, struct tl_part_column *c)
{
	size_t n = tl_part_foot_groups(c->drop) * TL_PART_FOOT_GROUP;

	c->directory = p->at;
	if (n > p->end - p->at)
		return false;
	p->at += n;
	return c->n_extra == tl_part_foot_blocks(c->n_values) && c->max <= c->n_values;
}

static bool take_column(struct parser *p, struct tl_part_column *c)
{
	if (!take_shape(p, c) || !take_counts(p, c) ||
	    !take_pieces(p, &c->pieces, c->n_pieces, false) ||
	    !take_pieces(p, &c->extra, c->n_extra, has_dict(&c->field)))
		return false;
	if (has_dict(&c->field))
		return is_dict_whole(c);
	if (c->field.kind == TL_PART_UNIQUE)
		return take_directory(p, c);
	return c->n_extra == 0 && c->n_values == 0;
}

static bool take_all(struct parser *p, struct tl_part_foot *f)
{
	const uint8_t *version, *root;
	uint64_t rows, n;

	if (!take_bytes(p, &version, 1) || *version != VERSION ||
	    !take_number(p, &f->first, INT64_MAX) || !take_number(p, &rows, TL_PART_ROWS_MAX) ||
	    rows == 0 || !take_bytes(p, &root, TL_HASH_LEN) ||
	    !take_number(p, &n, TL_PART_COLUMNS_MAX))
		return false;
	p->rows = f->rows = (uint32_t)rows;
	memcpy(f->root.b, root, TL_HASH_LEN);
	f->n_columns = n;
	f->columns = or_arena_array(p->a, n, sizeof(*f->columns));
	if (!f->columns) {
		p->is_full = true;
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (!take_column(p, &f->columns[i]))
			return false;
	}
	return p->in.n == 0 && p->at == p->end;
}

enum or_code tl_part_foot_parse(struct tl_part_foot *out, struct or_slice in, uint64_t file_size,
    struct or_arena *a, struct or_err *err)
{
	struct tl_part_foot f = {0};
	struct parser p = {.a = a, .at = TL_PART_FOOT_START};
	size_t len = 0;

	if (in.n < TL_PART_FOOT_TAIL || tl_part_foot_len(&len, in.p + in.n - TL_PART_FOOT_TAIL) ||
	    len != in.n || file_size < in.n + TL_PART_FOOT_START)
		return or_err_set(err, OR_CORRUPT, "this is no part");
	p.in = or_slice(in.p, in.n - TL_PART_FOOT_TAIL);
	p.end = file_size - in.n;
	if (or_crc32c(0, p.in) != get_u32(in.p + p.in.n + 4))
		return or_err_set(err, OR_CORRUPT, "the footer at offset %llu has changed",
		    (unsigned long long)p.end);
	if (!take_all(&p, &f))
		return p.is_full
			   ? or_err_set(err, OR_FULL, "the footer needs more memory than it may")
			   : or_err_set(err, OR_CORRUPT, "the footer at offset %llu is none",
				 (unsigned long long)p.end);
	*out = f;
	return OR_OK;
}
