/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a query over logs in slices: first what is not sealed yet (scan.h), then the parts of each
 * log from the newest on (part_scan.h). Parts that nothing in them can pass, or whose records are
 * older than the rows that there are already, are not read.
 *
 * Thread: the loop's. A slice blocks on the disk for CO_SEARCH_BLOCKS blocks of a part at most.
 * What does not read back is passed over and counted, as in scan.h. The run is the caller's.
 */
#ifndef COLLECTOR_QUERY_TRAIL_SEARCH_H
#define COLLECTOR_QUERY_TRAIL_SEARCH_H

#include "collector/audit/parts.h"
#include "collector/query/run.h"
#include "collector/query/scan.h"

#define CO_SEARCH_BLOCKS      64
#define CO_SEARCH_COLUMNS_MAX (96UL * 1024 * 1024) /* bytes of columns that a log's parts keep */

struct co_trail_search;

struct co_trail_search_log {
	const char *dir;
	uint64_t size;          /* where to stop */
	struct co_parts *parts; /* borrowed; pinned meanwhile, may be shared with other searches */
	uint32_t shard;
};

struct co_trail_search_end {
	struct co_scan_end end;
	uint64_t parts_read, parts_skipped;
};

typedef void co_trail_search_done_fn(void *arg, const struct co_trail_search_end *end);

/* done is called once, not from inside this call; the handle is gone then. The query and the run
 * must outlive it, the logs' array is copied. */
struct co_trail_search *co_trail_search_start(struct or_loop *loop, const struct co_query *q,
    struct co_run *run, const struct co_trail_search_log *logs, size_t n,
    co_trail_search_done_fn *done, void *arg);
/* done is not called any more. Not from inside it. */
void co_trail_search_cancel(struct co_trail_search *s);

#endif
