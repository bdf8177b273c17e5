/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shard's audit log on its loop: appends are collected while a commit is under way, and the next
 * commit takes them all (group commit). The work is done by collector/audit/store.h on the slow
 * thread; this is its queue.
 *
 * Between commits, what is closed is sealed into parts (collector/audit/seal.h), a step at a time.
 *
 * Thread: the loop's, but for the hooks of struct co_store_state, which run on the slow thread once
 * the log is open (at open, in the caller's).
 * Owns: its directory. Limits: opt.max_pending bytes of leaves waiting (OR_FULL: ask again later).
 */
#ifndef COLLECTOR_AUDIT_LOG_H
#define COLLECTOR_AUDIT_LOG_H

#include "base/loop.h"
#include "base/slow.h"
#include "collector/audit/seal.h"
#include "collector/audit/store.h"

struct co_log;

struct co_log_opt {
	struct co_store_opt store;
	struct or_loop *loop;
	struct or_slow *slow;
	size_t max_pending; /* 0: 16 MiB */
	bool seals;
	uint32_t seal_rows;  /* 0: CO_SEAL_ROWS_DEFAULT */
	int64_t seal_age_ns; /* 0: CO_SEAL_AGE_DEFAULT */
};

/* Blocks: for the start of the process. Errors are those of co_store_open. */
OR_NODISCARD enum or_code co_log_open(
    struct co_log **out, const struct co_log_opt *opt, struct or_err *err);

/* When no append is waiting for its call, or after or_slow_free: appends that the slow thread did
 * not take any more are then called with OR_CLOSED. */
void co_log_close(struct co_log *log);

/* rc OR_OK: the leaves are durable and under the checkpoint; the first has index `first`. err is
 * valid during the call. */
typedef void co_log_fn(void *arg, enum or_code rc, uint64_t first, const struct or_err *err);

/* Appends n leaves as one group (all or none); they are copied. fn is called once, on the loop, in
 * the order of the appends; not where this returns an error. n = 0 waits for what came before.
 * OR_FULL: too much is waiting. OR_CORRUPT, OR_IO: the log takes no more; *err says why. */
OR_NODISCARD enum or_code co_log_append(struct co_log *log, const struct or_slice *leaves, size_t n,
    co_log_fn *fn, void *arg, struct or_err *err);

/* After OR_IO: closes and opens the store on the slow thread, calling the hooks from the start;
 * fn then says whether it is in order again. OR_BUSY: appends still wait for their calls. */
OR_NODISCARD enum or_code co_log_reopen(
    struct co_log *log, co_log_fn *fn, void *arg, struct or_err *err);

/* Closes the segment and seals all there is, as soon as may be; co_log_is_sealing says when it has
 * ended (also where it could not be done); the log is not closed before. */
void co_log_hurry(struct co_log *log);
bool co_log_is_sealing(const struct co_log *log);

/* Calls fn, on the loop, after each commit that made the log longer; at most CO_LOG_WATCHES_MAX of
 * them. fn may append, but not close the log. A watch ends with unwatch, or with the log. */
#define CO_LOG_WATCHES_MAX 8
void co_log_watch(struct co_log *log, or_loop_fn *fn, void *arg);
void co_log_unwatch(struct co_log *log, or_loop_fn *fn, void *arg);

/* Leaves under the checkpoint, and the signed note itself (borrowed until the next turn). */
uint64_t co_log_size(const struct co_log *log);
struct or_slice co_log_checkpoint(const struct co_log *log);
const char *co_log_dir(const struct co_log *log);

/* NULL while the log takes appends, else why it does not: damage, or a failed write. */
const struct or_err *co_log_trouble(const struct co_log *log);

struct co_log_stats {
	uint64_t commits;
	uint64_t leaves;
	uint64_t bytes;  /* of leaves */
	size_t waiting;  /* bytes of leaves that wait */
	int64_t last_ns; /* how long the last commit took */
	struct co_seal_stats sealed;
};
void co_log_stats(struct co_log_stats *out, const struct co_log *log);

#endif
