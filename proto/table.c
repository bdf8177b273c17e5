/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/table.h"

#include "base/str.h"
#include "proto/pb.h"

static const void *at(const void *msg, size_t offset)
{
	return (const uint8_t *)msg + offset;
}

static uint64_t get_u64(const void *msg, const struct wire_table_field *f)
{
	const void *p = at(msg, f->offset);
	uint32_t small;
	uint64_t v;
	bool b;

	if (f->kind == WIRE_TABLE_BOOL) {
		memcpy(&b, p, sizeof(b));
		return b;
	}
	if (f->kind == WIRE_TABLE_ENUM) {
		memcpy(&small, p, sizeof(small));
		return small;
	}
	memcpy(&v, p, sizeof(v));
	return v;
}

static struct or_slice get_slice(const void *msg, const struct wire_table_field *f)
{
	struct or_slice s;

	memcpy(&s, at(msg, f->offset), sizeof(s));
	return s;
}

/* The list behind a repeated field: its items' storage, and how many. */
static const uint8_t *get_list(const void *msg, const struct wire_table_field *f, size_t *n)
{
	const uint8_t *items;

	memcpy(&items, at(msg, f->offset), sizeof(items));
	memcpy(n, at(msg, f->n_offset), sizeof(*n));
	return items;
}

static size_t item_size(const struct wire_table_field *f)
{
	return f->kind == WIRE_TABLE_MSGS ? f->sub->size : sizeof(struct or_slice);
}

bool wire_table_is_text(struct or_slice s)
{
	uint64_t word, high = 0, zero = 0;
	size_t i = 0;

	/* Eight bytes at a time while all are ASCII: the first high bit, or a zero byte, ends it.
	 */
	for (; i + 8 <= s.n; i += 8) {
		memcpy(&word, s.p + i, 8);
		high |= word;
		zero |= (word - 0x0101010101010101ULL) & ~word;
	}
	for (; i < s.n; i++) {
		high |= s.p[i];
		zero |= s.p[i] ? 0 : 0x80;
	}
	if (((high | zero) & 0x8080808080808080ULL) == 0)
		return true;
	return (s.n == 0 || !memchr(s.p, 0, s.n)) && or_str_is_utf8(s);
}

static enum or_code check_slice(const struct wire_table *t, const struct wire_table_field *f,
    struct or_slice s, enum or_code bad, struct or_err *err)
{
	if (f->kind == WIRE_TABLE_ID && s.n && s.n != f->max)
		return or_err_set(err, bad, "%s.%s: %zu bytes instead of %zu", t->name, f->name,
		    s.n, (size_t)f->max);
	if (s.n > f->max)
		return or_err_set(err, OR_FULL, "%s.%s: %zu bytes, at most %zu may be", t->name,
		    f->name, s.n, (size_t)f->max);
	if ((f->kind == WIRE_TABLE_STR || f->kind == WIRE_TABLE_STRS) && !wire_table_is_text(s))
		return or_err_set(err, bad, "%s.%s: not UTF-8 text", t->name, f->name);
	return OR_OK;
}

static enum or_code check_list(const struct wire_table *t, const struct wire_table_field *f,
    const void *msg, struct or_err *err)
{
	size_t n;
	const uint8_t *items = get_list(msg, f, &n);
	enum or_code rc = OR_OK;

	if (n > f->max_items)
		return or_err_set(err, OR_FULL, "%s.%s: %zu items, at most %zu may be", t->name,
		    f->name, n, f->max_items);
	for (size_t i = 0; i < n && !rc; i++) {
		const uint8_t *item = items + i * item_size(f);
		struct or_slice s;

		if (f->kind == WIRE_TABLE_MSGS) {
			rc = wire_table_check(f->sub, item, err);
			continue;
		}
		memcpy(&s, item, sizeof(s));
		rc = check_slice(t, f, s, OR_INVAL, err);
	}
	return rc;
}

enum or_code wire_table_check(const struct wire_table *t, const void *msg, struct or_err *err)
{
	enum or_code rc = OR_OK;

	for (size_t i = 0; i < t->n_fields && !rc; i++) {
		const struct wire_table_field *f = &t->fields[i];

		switch (f->kind) {
		case WIRE_TABLE_FIXED64:
		case WIRE_TABLE_UINT:
		case WIRE_TABLE_BOOL:
		case WIRE_TABLE_HOLE: break;
		case WIRE_TABLE_ENUM:
			if (get_u64(msg, f) > INT32_MAX)
				rc = or_err_set(
				    err, OR_INVAL, "%s.%s: no such value", t->name, f->name);
			break;
		case WIRE_TABLE_STR:
		case WIRE_TABLE_BYTES:
		case WIRE_TABLE_ID: rc = check_slice(t, f, get_slice(msg, f), OR_INVAL, err); break;
		case WIRE_TABLE_MSG: rc = wire_table_check(f->sub, at(msg, f->offset), err); break;
		case WIRE_TABLE_STRS:
		case WIRE_TABLE_MSGS: rc = check_list(t, f, msg, err); break;
		}
	}
	return rc;
}

/* A tag's length for a field number, and a length-delimited field's. */
static size_t tag_size(size_t num)
{
	return wire_pb_varint_size(num << 3);
}

static size_t delimited_size(size_t num, size_t n)
{
	return tag_size(num) + wire_pb_varint_size(n) + n;
}

static size_t list_size(const struct wire_table_field *f, size_t num, const void *msg)
{
	size_t n, sum = 0;
	const uint8_t *items = get_list(msg, f, &n);

	for (size_t i = 0; i < n; i++) {
		const uint8_t *item = items + i * item_size(f);
		struct or_slice s;

		if (f->kind == WIRE_TABLE_MSGS) {
			sum += delimited_size(num, wire_table_size(f->sub, item));
			continue;
		}
		memcpy(&s, item, sizeof(s));
		sum += delimited_size(num, s.n);
	}
	return sum;
}

static size_t field_size(const struct wire_table_field *f, size_t num, const void *msg)
{
	size_t n = 0;

	switch (f->kind) {
	case WIRE_TABLE_FIXED64: return get_u64(msg, f) ? tag_size(num) + 8 : 0;
	case WIRE_TABLE_UINT:
	case WIRE_TABLE_ENUM:
	case WIRE_TABLE_BOOL:
		return get_u64(msg, f) ? tag_size(num) + wire_pb_varint_size(get_u64(msg, f)) : 0;
	case WIRE_TABLE_STR:
	case WIRE_TABLE_BYTES:
	case WIRE_TABLE_ID: n = get_slice(msg, f).n; break;
	case WIRE_TABLE_MSG: n = wire_table_size(f->sub, at(msg, f->offset)); break;
	case WIRE_TABLE_STRS:
	case WIRE_TABLE_MSGS: return list_size(f, num, msg);
	case WIRE_TABLE_HOLE: break;
	}
	return n ? delimited_size(num, n) : 0;
}

size_t wire_table_size(const struct wire_table *t, const void *msg)
{
	size_t sum = 0;

	for (size_t i = 0; i < t->n_fields; i++)
		sum += field_size(&t->fields[i], i + 1, msg);
	return sum;
}

static uint8_t *put_message(uint8_t *p, const struct wire_table *t, const void *msg);

static uint8_t *put_slice(uint8_t *p, uint32_t num, struct or_slice s)
{
	p = wire_pb_put_tag(p, num, WIRE_PB_BYTES);
	p = wire_pb_put_varint(p, s.n);
	if (s.n)
		memcpy(p, s.p, s.n);
	return p + s.n;
}

/* n: its size. */
static uint8_t *put_sub(
    uint8_t *p, uint32_t num, const struct wire_table *t, const void *msg, size_t n)
{
	p = wire_pb_put_tag(p, num, WIRE_PB_BYTES);
	p = wire_pb_put_varint(p, n);
	return put_message(p, t, msg);
}

static uint8_t *put_list(
    uint8_t *p, uint32_t num, const struct wire_table_field *f, const void *msg)
{
	size_t n;
	const uint8_t *items = get_list(msg, f, &n);

	for (size_t i = 0; i < n; i++) {
		const uint8_t *item = items + i * item_size(f);
		struct or_slice s;

		if (f->kind == WIRE_TABLE_MSGS) {
			p = put_sub(p, num, f->sub, item, wire_table_size(f->sub, item));
			continue;
		}
		memcpy(&s, item, sizeof(s));
		p = put_slice(p, num, s);
	}
	return p;
}

static uint8_t *put_field(
    uint8_t *p, uint32_t num, const struct wire_table_field *f, const void *msg)
{
	struct or_slice s;
	uint64_t v;
	size_t n;

	switch (f->kind) {
	case WIRE_TABLE_FIXED64:
		v = get_u64(msg, f);
		return v ? wire_pb_put_fixed64(wire_pb_put_tag(p, num, WIRE_PB_FIXED64), v) : p;
	case WIRE_TABLE_UINT:
	case WIRE_TABLE_ENUM:
	case WIRE_TABLE_BOOL:
		v = get_u64(msg, f);
		return v ? wire_pb_put_varint(wire_pb_put_tag(p, num, WIRE_PB_VARINT), v) : p;
	case WIRE_TABLE_STR:
	case WIRE_TABLE_BYTES:
	case WIRE_TABLE_ID: s = get_slice(msg, f); return s.n ? put_slice(p, num, s) : p;
	case WIRE_TABLE_MSG:
		msg = at(msg, f->offset);
		n = wire_table_size(f->sub, msg);
		return n ? put_sub(p, num, f->sub, msg, n) : p;
	case WIRE_TABLE_STRS:
	case WIRE_TABLE_MSGS: return put_list(p, num, f, msg);
	case WIRE_TABLE_HOLE: break;
	}
	return p;
}

static uint8_t *put_message(uint8_t *p, const struct wire_table *t, const void *msg)
{
	for (size_t i = 0; i < t->n_fields; i++)
		p = put_field(p, (uint32_t)i + 1, &t->fields[i], msg);
	return p;
}

bool wire_table_encode_max(
    struct or_buf *out, const struct wire_table *t, const void *msg, size_t max)
{
	size_t n = wire_table_size(t, msg);
	uint8_t *p, *end;

	if (n > max)
		return false;
	p = or_buf_reserve(out, n);
	if (!p)
		return true;
	end = put_message(p, t, msg);
	OR_ASSERT((size_t)(end - p) == n);
	or_buf_commit(out, n);
	return true;
}

void wire_table_encode(struct or_buf *out, const struct wire_table *t, const void *msg)
{
	OR_ASSERT(wire_table_encode_max(out, t, msg, SIZE_MAX));
}

/* Decoding: the state of one message. */
struct decoder {
	const struct wire_table *t;
	uint8_t *msg;
	struct or_slice rest; /* behind the current field */
	struct or_arena *a;
	struct wire_table_seen *seen;
	struct or_err *err;
	uint32_t last_num;
	uint64_t met; /* bit per field number */
};

static enum or_code fail_parse(
    struct decoder *d, const struct wire_table_field *f, const char *what)
{
	return or_err_set(d->err, OR_PARSE, "%s.%s: %s", d->t->name, f->name, what);
}

static enum or_code decode_number(
    struct decoder *d, const struct wire_table_field *f, const struct wire_pb_field *in)
{
	uint8_t *to = d->msg + f->offset;
	uint32_t small = (uint32_t)in->v;
	bool b = in->v != 0;

	if (in->v == 0)
		d->seen->not_canonical = true;
	if (f->kind == WIRE_TABLE_BOOL) {
		if (in->v > 1)
			return fail_parse(d, f, "neither true nor false");
		memcpy(to, &b, sizeof(b));
	} else if (f->kind == WIRE_TABLE_ENUM) {
		if (in->v > INT32_MAX)
			return fail_parse(d, f, "not a value of an enumeration");
		if (in->v > f->max)
			d->seen->unknown = true;
		memcpy(to, &small, sizeof(small));
	} else {
		memcpy(to, &in->v, sizeof(in->v));
	}
	return OR_OK;
}

static enum or_code decode_slice(
    struct decoder *d, const struct wire_table_field *f, struct or_slice s)
{
	enum or_code rc = check_slice(d->t, f, s, OR_PARSE, d->err);

	if (rc)
		return rc;
	if (s.n == 0)
		d->seen->not_canonical = true;
	memcpy(d->msg + f->offset, &s, sizeof(s));
	return OR_OK;
}

/* The next item of a repeated field; room for all of them is made when the first comes. */
static enum or_code decode_item(
    struct decoder *d, const struct wire_table_field *f, const struct wire_pb_field *in)
{
	uint8_t *items;
	size_t n, total;
	enum or_code rc;

	memcpy(&items, d->msg + f->offset, sizeof(items));
	memcpy(&n, d->msg + f->n_offset, sizeof(n));
	if (!items) {
		total = wire_pb_count(d->rest, in->num) + 1;
		if (total > f->max_items)
			return or_err_set(d->err, OR_FULL, "%s.%s: %zu items, at most %zu may be",
			    d->t->name, f->name, total, f->max_items);
		items = or_arena_array(d->a, total, item_size(f));
		if (!items)
			return or_err_set(d->err, OR_FULL, "%s: no room left", d->t->name);
		memcpy(d->msg + f->offset, &items, sizeof(items));
	}
	items += n * item_size(f);
	if (f->kind == WIRE_TABLE_MSGS) {
		rc = wire_table_decode(items, d->seen, f->sub, in->s, d->a, d->err);
	} else {
		rc = check_slice(d->t, f, in->s, OR_PARSE, d->err);
		memcpy(items, &in->s, sizeof(in->s));
	}
	if (rc)
		return rc;
	n++;
	memcpy(d->msg + f->n_offset, &n, sizeof(n));
	return OR_OK;
}

static enum wire_pb_type type_of(enum wire_table_kind kind)
{
	switch (kind) {
	case WIRE_TABLE_FIXED64: return WIRE_PB_FIXED64;
	case WIRE_TABLE_UINT:
	case WIRE_TABLE_ENUM:
	case WIRE_TABLE_BOOL: return WIRE_PB_VARINT;
	case WIRE_TABLE_STR:
	case WIRE_TABLE_BYTES:
	case WIRE_TABLE_ID:
	case WIRE_TABLE_MSG:
	case WIRE_TABLE_STRS:
	case WIRE_TABLE_MSGS:
	case WIRE_TABLE_HOLE: break;
	}
	return WIRE_PB_BYTES;
}

static enum or_code decode_field(struct decoder *d, const struct wire_pb_field *in)
{
	const struct wire_table_field *f;
	bool list;

	if (!in->minimal || in->num < d->last_num)
		d->seen->not_canonical = true;
	d->last_num = in->num;
	if (in->num > d->t->n_fields || d->t->fields[in->num - 1].kind == WIRE_TABLE_HOLE) {
		d->seen->unknown = true;
		d->seen->not_canonical = true;
		return OR_OK;
	}
	f = &d->t->fields[in->num - 1];
	list = f->kind == WIRE_TABLE_STRS || f->kind == WIRE_TABLE_MSGS;
	if (in->type != type_of(f->kind))
		return fail_parse(d, f, "wrong wire type");
	if (!list && d->met >> in->num & 1)
		return fail_parse(d, f, "comes twice");
	d->met |= 1ULL << in->num;
	if (list)
		return decode_item(d, f, in);
	if (in->type != WIRE_PB_BYTES)
		return decode_number(d, f, in);
	if (f->kind != WIRE_TABLE_MSG)
		return decode_slice(d, f, in->s);
	if (in->s.n == 0)
		d->seen->not_canonical = true;
	return wire_table_decode(d->msg + f->offset, d->seen, f->sub, in->s, d->a, d->err);
}

enum or_code wire_table_decode(void *msg, struct wire_table_seen *seen, const struct wire_table *t,
    struct or_slice in, struct or_arena *a, struct or_err *err)
{
	struct decoder d = {.t = t, .msg = msg, .rest = in, .a = a, .seen = seen, .err = err};
	struct wire_pb_field f;
	enum or_code rc;

	OR_ASSERT(t->n_fields < 64);
	memset(msg, 0, t->size);
	while ((rc = wire_pb_next(&f, &d.rest)) == OR_OK) {
		rc = decode_field(&d, &f);
		if (rc)
			return rc;
	}
	if (rc != OR_ABSENT)
		return or_err_set(err, OR_PARSE, "%s: broken encoding at byte %zu of %zu", t->name,
		    in.n - d.rest.n, in.n);
	return OR_OK;
}
