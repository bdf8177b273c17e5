/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a shard's audit log: leaves, entry bundles, tiles and the nodes that proofs are made of.
 *
 * Thread: whoever owns the reader; readers share nothing with each other or with the writer but the
 * files, so each loop or thread has its own. Reads block on the disk.
 * The caller says how many leaves there are (co_log_size, or a checkpoint's size); what lies behind
 * is never read, for it may still be cut. Level-0 tiles and entry bundles are computed. Leaves come
 * from segments or, once they are sealed, from parts (parts.h); where a file has gone since its
 * name was read, names are read again. Memory: 256 KiB and, for each segment that was touched, 4
 * bytes for 64 leaves; of parts their footers, and some 48 MiB of columns at most.
 */
#ifndef COLLECTOR_AUDIT_READ_H
#define COLLECTOR_AUDIT_READ_H

#include "collector/audit/parts.h"
#include "tlog/proof.h"
#include "tlog/segment.h"
#include "tlog/tile.h"

struct co_read;

/* dir: the log's; size: its leaves. OR_ABSENT: there is no log. */
OR_NODISCARD enum or_code co_read_open(
    struct co_read **out, const char *dir, uint64_t size, struct or_err *err);
void co_read_close(struct co_read *r);

/* The log has grown; a smaller size than before changes nothing. */
void co_read_grow(struct co_read *r, uint64_t size);
uint64_t co_read_size(const struct co_read *r);

/* The leaf at index: slices are borrowed until the next call on r. OR_ABSENT: beyond the end.
 * OR_CORRUPT: its bytes changed; the message names segment, offset and index. */
OR_NODISCARD enum or_code co_read_leaf(
    struct co_read *r, struct tl_segment_entry *out, uint64_t index, struct or_err *err);

/* The hashes of n leaves from index first on. */
OR_NODISCARD enum or_code co_read_hashes(
    struct co_read *r, struct tl_hash *out, uint64_t first, size_t n, struct or_err *err);

/* Puts what a tlog client gets under that path: an entry bundle or a tile's hashes.
 * OR_ABSENT: the tile is not that wide yet. OR_CORRUPT: a tile's file is too short. */
OR_NODISCARD enum or_code co_read_tile(
    struct co_read *r, struct or_buf *out, const struct tl_tile *tile, struct or_err *err);

/* The root of a complete subtree: a tl_proof_read_fn on a struct co_read_nodes. */
struct co_read_nodes {
	struct co_read *r;
	struct or_err err; /* why it failed */
};
enum or_code co_read_node(void *nodes, struct tl_hash *out, unsigned int height, uint64_t index);

/* Walks leaves [from, to) in order. */
struct co_read_scan {
	uint64_t next; /* index of the leaf that co_read_scan_next gives */
	uint64_t to;
	uint64_t segment; /* the reader's: where it goes on, 0 at first: the segment's first leaf */
	uint64_t offset;
};
/* Borrowed until the next call on r. OR_ABSENT: the end. */
OR_NODISCARD enum or_code co_read_scan_next(
    struct co_read *r, struct co_read_scan *scan, struct tl_segment_entry *out, struct or_err *err);

/* The segments, oldest first: where each begins and what its writer saved at its head.
 * Borrowed until the next call on r. OR_ABSENT: fewer than that. */
OR_NODISCARD enum or_code co_read_segment(
    struct co_read *r, size_t i, struct tl_segment_head *out, struct or_err *err);
size_t co_read_segments(struct co_read *r, struct or_err *err);

/* The parts, as co_read_segments or the last reading listed them. Borrowed; getting one and
 * trimming ends scans that are in a part (they go on by themselves). */
struct co_parts *co_read_parts(struct co_read *r);

#endif
