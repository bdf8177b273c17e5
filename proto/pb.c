/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/pb.h"

#include <endian.h>

/* Returns the length of the varint at the front of s, 0 where there is none. */
static size_t take_varint(uint64_t *out, struct or_slice s)
{
	uint64_t v = 0;

	for (size_t i = 0; i < s.n && i < 10; i++) {
		uint8_t c = s.p[i];

		if (i == 9 && c > 1)
			return 0;
		v |= (uint64_t)(c & 0x7f) << (7 * i);
		if (!(c & 0x80)) {
			*out = v;
			return i + 1;
		}
	}
	return 0;
}

enum or_code wire_pb_take_varint(uint64_t *v, size_t *n, struct or_slice in)
{
	size_t len = take_varint(v, in);

	if (!len)
		return OR_PARSE;
	*n = len;
	return OR_OK;
}

static bool take_fixed(struct wire_pb_field *f, struct or_slice *s, size_t n)
{
	uint64_t v = 0;

	if (s->n < n)
		return false;
	memcpy(&v, s->p, n);
	f->v = le64toh(v);
	*s = or_slice_from(*s, n);
	return true;
}

static bool take_value(struct wire_pb_field *f, struct or_slice *s)
{
	size_t n;

	switch (f->type) {
	case WIRE_PB_FIXED64: return take_fixed(f, s, 8);
	case WIRE_PB_FIXED32: return take_fixed(f, s, 4);
	case WIRE_PB_VARINT:
	case WIRE_PB_BYTES: break;
	}
	n = take_varint(&f->v, *s);
	if (!n)
		return false;
	f->minimal = f->minimal && n == wire_pb_varint_size(f->v);
	*s = or_slice_from(*s, n);
	if (f->type == WIRE_PB_VARINT)
		return true;
	if (f->v > s->n)
		return false;
	f->s = or_slice(s->p, f->v);
	*s = or_slice_from(*s, f->v);
	return true;
}

enum or_code wire_pb_next(struct wire_pb_field *out, struct or_slice *in)
{
	struct wire_pb_field f = {0};
	struct or_slice s = *in;
	uint64_t tag;
	size_t n;

	if (s.n == 0)
		return OR_ABSENT;
	n = take_varint(&tag, s);
	if (!n || tag > UINT32_MAX || tag >> 3 == 0)
		return OR_PARSE;
	switch (tag & 7) {
	case WIRE_PB_VARINT:
	case WIRE_PB_FIXED64:
	case WIRE_PB_BYTES:
	case WIRE_PB_FIXED32: break;
	default: return OR_PARSE;
	}
	f.num = (uint32_t)(tag >> 3);
	f.type = (enum wire_pb_type)(tag & 7);
	f.minimal = n == wire_pb_varint_size(tag);
	s = or_slice_from(s, n);
	if (!take_value(&f, &s))
		return OR_PARSE;
	*out = f;
	*in = s;
	return OR_OK;
}

size_t wire_pb_count(struct or_slice in, uint32_t num)
{
	struct wire_pb_field f;
	size_t n = 0;

	while (wire_pb_next(&f, &in) == OR_OK)
		n += f.num == num;
	return n;
}

size_t wire_pb_varint_size(uint64_t v)
{
	return v ? (size_t)(63 - __builtin_clzll(v)) / 7 + 1 : 1;
}

uint8_t *wire_pb_put_varint(uint8_t *p, uint64_t v)
{
	while (v >= 0x80) {
		*p++ = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8_t)v;
	return p;
}

uint8_t *wire_pb_put_tag(uint8_t *p, uint32_t num, enum wire_pb_type type)
{
	return wire_pb_put_varint(p, (uint64_t)num << 3 | type);
}

uint8_t *wire_pb_put_fixed64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

void wire_pb_append(struct or_buf *b, uint32_t num, struct or_slice s)
{
	uint8_t head[20], *end = wire_pb_put_tag(head, num, WIRE_PB_BYTES);

	end = wire_pb_put_varint(end, s.n);
	/* Both or neither: half a field would make what stands before it unreadable. */
	if (!or_buf_reserve(b, (size_t)(end - head) + s.n))
		return;
	or_buf_put(b, head, (size_t)(end - head));
	or_buf_put_slice(b, s);
}

void wire_pb_append_head(struct or_buf *b, uint32_t num, size_t n)
{
	uint8_t head[20], *end = wire_pb_put_varint(wire_pb_put_tag(head, num, WIRE_PB_BYTES), n);

	or_buf_put(b, head, (size_t)(end - head));
}

void wire_pb_append_varint(struct or_buf *b, uint32_t num, uint64_t v)
{
	uint8_t bytes[20],
	    *end = wire_pb_put_varint(wire_pb_put_tag(bytes, num, WIRE_PB_VARINT), v);

	or_buf_put(b, bytes, (size_t)(end - bytes));
}

void wire_pb_append_fixed64(struct or_buf *b, uint32_t num, uint64_t v)
{
	uint8_t bytes[20],
	    *end = wire_pb_put_fixed64(wire_pb_put_tag(bytes, num, WIRE_PB_FIXED64), v);

	or_buf_put(b, bytes, (size_t)(end - bytes));
}
