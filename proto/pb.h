/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protobuf wire format, at the level of tags, varints and length-delimited fields.
 *
 * Strict reading: groups, field number 0, over-long or overflowing varints and lengths beyond the
 * input are OR_PARSE. Nothing is copied; slices point into the input. Any thread.
 * Standard: protobuf.dev/programming-guides/encoding.
 */
#ifndef PROTO_PB_H
#define PROTO_PB_H

#include "base/buf.h"
#include "base/err.h"

enum wire_pb_type {
	WIRE_PB_VARINT = 0,
	WIRE_PB_FIXED64 = 1,
	WIRE_PB_BYTES = 2,
	WIRE_PB_FIXED32 = 5,
};

struct wire_pb_field {
	uint32_t num;
	enum wire_pb_type type;
	uint64_t v;        /* VARINT, FIXED64, FIXED32 */
	struct or_slice s; /* BYTES */
	bool minimal;      /* tag, length and value are written in as few bytes as can be */
};

/* Takes the next field from the front of *in. At the end of the input: OR_ABSENT. */
OR_NODISCARD enum or_code wire_pb_next(struct wire_pb_field *out, struct or_slice *in);

/* Reads the varint at the front of in, *n bytes long. OR_PARSE: there is none. */
OR_NODISCARD enum or_code wire_pb_take_varint(uint64_t *v, size_t *n, struct or_slice in);

/* How many fields of in have that number, up to its end or to where it stops being readable. */
size_t wire_pb_count(struct or_slice in, uint32_t num);

size_t wire_pb_varint_size(uint64_t v);
/* Writes into room that was measured before; returns the byte behind. */
uint8_t *wire_pb_put_varint(uint8_t *p, uint64_t v);
uint8_t *wire_pb_put_tag(uint8_t *p, uint32_t num, enum wire_pb_type type);
uint8_t *wire_pb_put_fixed64(uint8_t *p, uint64_t v);

/* Appends a length-delimited field. */
void wire_pb_append(struct or_buf *b, uint32_t num, struct or_slice s);
/* Appends the tag and length of a length-delimited field; its n bytes are the caller's next. */
void wire_pb_append_head(struct or_buf *b, uint32_t num, size_t n);
void wire_pb_append_varint(struct or_buf *b, uint32_t num, uint64_t v);
void wire_pb_append_fixed64(struct or_buf *b, uint32_t num, uint64_t v);

#endif
