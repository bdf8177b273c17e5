/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The leaves of one append, being put together. Thread: the loop's.
 * Limits: WIRE_BATCH_RECORDS_MAX leaves and some; CO_LEAVES_MAX bytes (co_leaves_append says so).
 */
#ifndef COLLECTOR_INGEST_LEAVES_H
#define COLLECTOR_INGEST_LEAVES_H

#include "collector/audit/log.h"
#include "proto/leaf.h"

#define CO_LEAVES_MAX (12U * 1024 * 1024)

struct co_leaves {
	struct or_buf bytes;
	struct or_buf ends; /* size_t: where each leaf ends */
	size_t n;
};

void co_leaves_init(struct co_leaves *l);
void co_leaves_done(struct co_leaves *l);

/* Copies. */
void co_leaves_add(struct co_leaves *l, enum wire_leaf_type type, struct or_slice content);

/* Hands them to the log as one group. OR_FULL: too many; else as co_log_append. */
OR_NODISCARD enum or_code co_leaves_append(
    struct co_leaves *l, struct co_log *log, co_log_fn *fn, void *arg, struct or_err *err);

#endif
