/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run of up to TL_PACK_ROWS numbers in few bits: the pieces that a part's columns consist of.
 *
 *   plain   value = base + scale * bits           (frame of reference, common divisor taken out)
 *   steps   value = the one before + bits         (mod 2^64: times that mostly ascend)
 *   zigzag  value = the one before ± bits
 *
 * All of one width; the few that need more keep their upper bits behind them. The encoder takes
 * what is shortest. Decoding trusts nothing: what is not a piece of exactly n numbers is refused.
 * Any thread; pure.
 */
#ifndef TLOG_PACK_H
#define TLOG_PACK_H

#include "base/buf.h"
#include "base/err.h"

#define TL_PACK_ROWS      1024
#define TL_PACK_BYTES_MAX (TL_PACK_ROWS * 8 + TL_PACK_ROWS * 12 + 64)

void tl_pack_encode(struct or_buf *out, const uint64_t *values, size_t n);

/* OR_CORRUPT. */
OR_NODISCARD enum or_code tl_pack_decode(uint64_t *values, size_t n, struct or_slice in);

/* The i-th of n. OR_CORRUPT. */
OR_NODISCARD enum or_code tl_pack_get(uint64_t *out, size_t i, size_t n, struct or_slice in);

#endif
