/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query over one part: rows that pass go to the run, from columns alone where that is enough.
 * Blocks are read from the last one on, so that the newest records come first.
 *
 * Thread: whoever owns the part. Each step blocks on the disk.
 */
#ifndef COLLECTOR_QUERY_PART_SCAN_H
#define COLLECTOR_QUERY_PART_SCAN_H

#include "collector/query/run.h"
#include "tlog/part.h"

struct co_part_scan;

struct co_part_scan_opt {
	const struct co_query *q;
	struct tl_part *part;
	struct co_run *run;
	uint32_t shard;
};

/* What opt points to must outlive it. OR_CORRUPT: a dictionary is damaged. */
OR_NODISCARD enum or_code co_part_scan_new(
    struct co_part_scan **out, const struct co_part_scan_opt *opt, struct or_err *err);
void co_part_scan_free(struct co_part_scan *s);

/* Why nothing in the part can pass, so that no row is read; CO_PLAN_READ: it may. */
enum co_plan_skip co_part_scan_skip(const struct co_part_scan *s);

/* Reads up to `blocks` blocks. OR_AGAIN: there are more. OR_FULL: the run's limits. OR_CORRUPT: a
 * block, which is passed over by the next step; *damaged grows by its rows. */
OR_NODISCARD enum or_code co_part_scan_step(
    struct co_part_scan *s, size_t blocks, uint64_t *damaged, struct or_err *err);

#endif
