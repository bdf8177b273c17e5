/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog/varint.h"

void tl_varint_put(struct or_buf *out, uint64_t v)
{
	uint8_t bytes[TL_VARINT_MAX];
	size_t n = 0;

	while (v >= 0x80) {
		bytes[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	bytes[n++] = (uint8_t)v;
	or_buf_put(out, bytes, n);
}

size_t tl_varint_size(uint64_t v)
{
	size_t n = 1;

	for (; v >= 0x80; v >>= 7)
		n++;
	return n;
}

bool tl_varint_take(uint64_t *out, struct or_slice *in)
{
	uint64_t v = 0;

	for (size_t i = 0; i < in->n && i < TL_VARINT_MAX; i++) {
		uint8_t byte = in->p[i];

		if (i == TL_VARINT_MAX - 1 && byte > 1)
			return false;
		v |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte & 0x80)
			continue;
		if (byte == 0 && i > 0)
			return false;
		*out = v;
		*in = or_slice_from(*in, i + 1);
		return true;
	}
	return false;
}
