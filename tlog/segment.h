/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The segment: how a shard's leaves lie on disk. Bytes in, entries out; no files here, so that the
 * collector writes with it and every verifier reads with it.
 *
 *   header   magic, length, CRC-32C, then: first index, time, the segment before, the writer's own
 *            state, and the tree's frontier: what recovery needs, so that it reads one segment only
 *   entry*   length and flags (32 bits), CRC-32C of all else, time of receipt (ns), leaf hash, leaf
 *
 * Numbers are little-endian. An entry with the END flag closes a group: what one append wrote is
 * there as a whole or not at all, so a reader takes complete groups only.
 * Any thread. Slices point into the input.
 * Limits: TL_SEGMENT_HEAD_MAX bytes of header, leaves of 1 to TL_ENTRIES_LEAF_MAX bytes.
 */
#ifndef TLOG_SEGMENT_H
#define TLOG_SEGMENT_H

#include "base/buf.h"
#include "base/err.h"
#include "tlog/entries.h"
#include "tlog/tree.h"

#define TL_SEGMENT_START_LEN 16 /* what tl_segment_head_len needs */
#define TL_SEGMENT_HEAD_MAX  (64U * 1024 * 1024)
#define TL_SEGMENT_ENTRY_LEN 48 /* of an entry, without its leaf */

struct tl_segment_head {
	struct tl_tree tree; /* before the first entry; tree.size is the first entry's index */
	uint64_t created_ns;
	struct or_slice previous; /* name of the segment before, empty for the first */
	struct or_slice state;
};

struct tl_segment_entry {
	struct or_slice leaf;
	struct tl_hash hash;
	uint64_t received_ns;
	bool end;
};

/* Puts a header. Fullness is the buffer's. */
void tl_segment_begin(struct or_buf *out, const struct tl_segment_head *head);

/* The header's whole length, from its first TL_SEGMENT_START_LEN bytes. OR_CORRUPT: no segment. */
OR_NODISCARD enum or_code tl_segment_head_len(size_t *out, struct or_slice start);

/* Reads the header at the front of *in and takes it away. OR_CORRUPT. */
OR_NODISCARD enum or_code tl_segment_open(
    struct tl_segment_head *out, struct or_slice *in, struct or_err *err);

/* Puts an entry. */
void tl_segment_put(struct or_buf *out, const struct tl_segment_entry *e);

/* Takes the next entry from the front of *in. OR_ABSENT: the end. OR_AGAIN: the entry is longer
 * than the bytes there are (a torn tail, or more is to be read). OR_CORRUPT: its bytes changed.
 * The leaf hash is the stored one: that it is the leaf's is for verifiers to recompute. */
OR_NODISCARD enum or_code tl_segment_next(struct tl_segment_entry *out, struct or_slice *in);

/* The length of the entry at the front of in without checking it, or 0 where that is cut short. */
size_t tl_segment_entry_len(struct or_slice in);

#endif
