/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the leaves of one or more logs in slices, so that a loop goes on with other work.
 *
 * Thread: the loop's. Each slice reads at most CO_SCAN_LEAVES leaves or CO_SCAN_BYTES bytes of them
 * and blocks on the disk for that long. Leaves that no longer read back are passed over, counted,
 * and the first one is described; after CO_SCAN_DAMAGED_MAX of them the rest of that log is.
 * Owns: a reader of its own. The sources' array is copied, their dirs are borrowed.
 */
#ifndef COLLECTOR_QUERY_SCAN_H
#define COLLECTOR_QUERY_SCAN_H

#include "base/loop.h"
#include "tlog/segment.h"

#define CO_SCAN_LEAVES      1000
#define CO_SCAN_BYTES       (512UL * 1024)
#define CO_SCAN_DAMAGED_MAX 1000

struct co_scan;

struct co_scan_source {
	const char *dir; /* of the log */
	uint64_t from;   /* the first leaf to read */
	uint64_t size;   /* the log's: where to stop */
	uint32_t shard;
};

struct co_scan_end {
	enum or_code rc; /* OR_OK, or why the scan could not go on (OR_IO) */
	uint64_t damaged;
	struct or_err err; /* of rc, else of the first damaged leaf */
};

/* Borrowed for the call. false ends the scan: done is then called with what there is. */
typedef bool co_scan_leaf_fn(
    void *arg, uint32_t shard, uint64_t index, const struct tl_segment_entry *entry);
/* Once; the handle is gone. */
typedef void co_scan_done_fn(void *arg, const struct co_scan_end *end);

/* Neither function is called from inside this call. */
struct co_scan *co_scan_start(struct or_loop *loop, const struct co_scan_source *sources, size_t n,
    co_scan_leaf_fn *leaf, co_scan_done_fn *done, void *arg);
/* Neither function is called any more. Not from inside one of them. */
void co_scan_cancel(struct co_scan *scan);

#endif
