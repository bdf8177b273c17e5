/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/leaf.h"

#include "proto/pb.h"

void wire_leaf_encode(struct or_buf *out, enum wire_leaf_type type, struct or_slice content)
{
	OR_ASSERT(content.n > 0 && content.n <= WIRE_LEAF_MAX - 4);
	wire_pb_append(out, (uint32_t)type, content);
}

enum or_code wire_leaf_decode(struct wire_leaf *out, struct or_slice in, struct or_err *err)
{
	struct wire_pb_field f;

	if (in.n > WIRE_LEAF_MAX)
		return or_err_set(err, OR_PARSE, "leaf: longer than %d bytes", WIRE_LEAF_MAX);
	if (wire_pb_next(&f, &in) || in.n || f.type != WIRE_PB_BYTES || !f.minimal || f.s.n == 0)
		return or_err_set(err, OR_PARSE, "leaf: not one field of bytes");
	if (f.num < WIRE_LEAF_RECORD || f.num > WIRE_LEAF_SOURCE)
		return or_err_set(
		    err, OR_UNSUPPORTED, "leaf: of a type not known here (%u)", f.num);
	*out = (struct wire_leaf){(enum wire_leaf_type)f.num, f.s};
	return OR_OK;
}

void wire_leaf_id(char out[WIRE_LEAF_ID_LEN + 1], const uint8_t *leaf_hash)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < WIRE_LEAF_ID_LEN / 2; i++) {
		out[2 * i] = digits[leaf_hash[i] >> 4];
		out[2 * i + 1] = digits[leaf_hash[i] & 15];
	}
	out[WIRE_LEAF_ID_LEN] = 0;
}
