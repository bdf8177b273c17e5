/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole numbers of parts: base-128 varints in their shortest form, and zigzag for signed ones.
 * Any thread; pure.
 */
#ifndef TLOG_VARINT_H
#define TLOG_VARINT_H

#include "base/buf.h"

#define TL_VARINT_MAX 10 /* bytes of one */

void tl_varint_put(struct or_buf *out, uint64_t v);
size_t tl_varint_size(uint64_t v);

/* Takes one from the front of *in; false where there is none in its shortest form. */
bool tl_varint_take(uint64_t *out, struct or_slice *in);

static inline uint64_t tl_varint_zigzag(uint64_t difference)
{
	return difference << 1 ^ (uint64_t)((int64_t)difference >> 63);
}

static inline uint64_t tl_varint_unzigzag(uint64_t v)
{
	return v >> 1 ^ (0 - (v & 1));
}

#endif
