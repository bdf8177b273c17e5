/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry bundles (C2SP tlog-tiles): up to 256 leaves, each behind its length as a big-endian uint16.
 * Any thread.
 */
#ifndef TLOG_ENTRIES_H
#define TLOG_ENTRIES_H

#include "base/buf.h"
#include "base/err.h"

#define TL_ENTRIES_LEAF_MAX 65535

/* Fullness is the buffer's. */
void tl_entries_put(struct or_buf *out, struct or_slice leaf);

/* Takes the next leaf from the front of *in, borrowed. OR_ABSENT: the end. OR_PARSE: cut short. */
OR_NODISCARD enum or_code tl_entries_next(struct or_slice *leaf, struct or_slice *in);

#endif
