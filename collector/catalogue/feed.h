/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds the facts from the audit logs: each record once, in slices on the slow thread.
 *
 *   log grows ─▶ (CO_FEED_AFTER_NS) ─▶ slice: records ─▶ readers, sights ─▶ one transaction with
 *   the place up to which the log was read ─▶ next slice, until the end of every log
 *
 * A leaf that no longer reads back is passed over and counted. Where the database refuses, the
 * slice is undone, that is logged, and it is tried again after CO_FEED_RETRY_NS.
 * Thread: the loop's; its work runs on the slow thread, which the database belongs to.
 * Limits: CO_FEED_LEAVES leaves a slice, so that commits of the logs do not wait for long.
 */
#ifndef COLLECTOR_CATALOGUE_FEED_H
#define COLLECTOR_CATALOGUE_FEED_H

#include "base/db.h"
#include "base/slow.h"
#include "collector/audit/log.h"

#define CO_FEED_LEAVES   2000
#define CO_FEED_AFTER_NS (200 * OR_NS_PER_MS)
#define CO_FEED_RETRY_NS (5 * OR_NS_PER_S)

struct co_feed;

struct co_feed_opt {
	struct or_loop *loop;
	struct or_slow *slow;
	struct or_db *db;
	struct co_log *const *logs; /* one for each shard; the array is copied */
	size_t n_logs;
};

/* Begins by itself. */
struct co_feed *co_feed_new(const struct co_feed_opt *opt);
/* After or_slow_free, before the logs are closed. */
void co_feed_free(struct co_feed *f);

/* Leaves that were passed over. */
uint64_t co_feed_damaged(const struct co_feed *f);

#endif
