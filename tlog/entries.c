/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog/entries.h"

void tl_entries_put(struct or_buf *out, struct or_slice leaf)
{
	OR_ASSERT(leaf.n <= TL_ENTRIES_LEAF_MAX);
	or_buf_put_byte(out, (uint8_t)(leaf.n >> 8));
	or_buf_put_byte(out, (uint8_t)leaf.n);
	or_buf_put_slice(out, leaf);
}

enum or_code tl_entries_next(struct or_slice *leaf, struct or_slice *in)
{
	size_t n;

	if (in->n == 0)
		return OR_ABSENT;
	if (in->n < 2)
		return OR_PARSE;
	n = (size_t)in->p[0] << 8 | in->p[1];
	if (in->n - 2 < n)
		return OR_PARSE;
	*leaf = or_slice(in->p + 2, n);
	*in = or_slice_from(*in, 2 + n);
	return OR_OK;
}
