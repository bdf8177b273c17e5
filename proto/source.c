/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/source.h"

#include "proto/pb.h"

enum { NAME = 1, PARTITION = 2, NEXT = 3, NUMBER_MAX = 24 };

static void put_number(struct or_buf *out, uint32_t num, uint64_t v)
{
	uint8_t bytes[NUMBER_MAX], *p = wire_pb_put_tag(bytes, num, WIRE_PB_VARINT);

	p = wire_pb_put_varint(p, v);
	or_buf_put(out, bytes, (size_t)(p - bytes));
}

/* Each field is written, zeros too. */
enum or_code wire_source_encode(struct or_buf *out, const struct wire_source *s)
{
	if (s->name.n == 0 || s->name.n > WIRE_SOURCE_NAME_MAX)
		return OR_INVAL;
	wire_pb_append(out, NAME, s->name);
	put_number(out, PARTITION, s->partition);
	put_number(out, NEXT, s->next);
	return OR_OK;
}

static bool take(struct wire_pb_field *f, struct or_slice *in, uint32_t num, enum wire_pb_type type)
{
	return wire_pb_next(f, in) == OR_OK && f->num == num && f->type == type && f->minimal;
}

enum or_code wire_source_decode(struct wire_source *out, struct or_slice in, struct or_err *err)
{
	struct wire_pb_field name, partition, next;

	if (!take(&name, &in, NAME, WIRE_PB_BYTES) ||
	    !take(&partition, &in, PARTITION, WIRE_PB_VARINT) ||
	    !take(&next, &in, NEXT, WIRE_PB_VARINT) || in.n || name.s.n == 0 ||
	    name.s.n > WIRE_SOURCE_NAME_MAX || partition.v > UINT32_MAX)
		return or_err_set(err, OR_PARSE, "source: not as it is written");
	*out = (struct wire_source){name.s, (uint32_t)partition.v, next.v};
	return OR_OK;
}
