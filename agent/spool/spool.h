/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool: an append-only log on disk that everything captured passes through before it ships.
 *
 * A stream is a sequence of records with numbers from 1; "inputs" are blobs without a number that
 * travel with the record behind them. Appending writes to the page cache at once (what was appended
 * survives kill -9); ag_spool_sync and a background sync make it durable (it survives a power cut).
 * Only what is durable is read, so what was ever shipped is never lost and never numbered anew.
 *
 *	append ──▶ written ──sync──▶ durable ──read, ship, ack──▶ acked ──▶ segment unlinked
 *
 * Thread: the loop that opened it; fdatasync, the state file and unlink run on the slow thread.
 * Owns:   its directory; one spool per directory, held by a lock file.
 * Limits: quota_bytes of segments on disk (OR_FULL), AG_SPOOL_ENTRY_MAX bytes an entry,
 *         AG_SPOOL_STREAMS_MAX streams with names of AG_SPOOL_NAME_MAX bytes.
 * Invariants (spool_fault_test.c checks them after a fault at every call of the system):
 *   1. an entry whose append returned OR_OK is read back whole after kill -9, one that a sync
 *      reported durable after a power cut;
 *   2. a stream is read in the order of its numbers, each number with one content, for good;
 *   3. numbers that cannot be read are reported as dropped, never passed over in silence;
 *   4. a segment is unlinked only when every stream's acknowledgement has passed it and the state
 *      file says so durably;
 *   5. damage never keeps the spool from opening: a torn tail is cut, a damaged range skipped, a
 *      foreign file set aside as *.bad, all counted;
 *   6. where the last number of a stream cannot be known any more, a new epoch begins.
 */
#ifndef AGENT_SPOOL_SPOOL_H
#define AGENT_SPOOL_SPOOL_H

#include "base/arena.h"
#include "base/loop.h"
#include "base/slow.h"

#define AG_SPOOL_ENTRY_MAX   (1024U * 1024)
#define AG_SPOOL_STREAMS_MAX 64
#define AG_SPOOL_NAME_MAX    256
#define AG_SPOOL_DROPPED_MAX 64 /* ranges in one batch */

struct ag_spool;

struct ag_spool_opt {
	const char *dir; /* made where it is missing, 0700 */
	struct or_loop *loop;
	struct or_slow *slow;
	uint64_t segment_bytes; /* 0: 8 MiB; at least 4 KiB */
	uint64_t quota_bytes;   /* 0: 256 MiB; at least two segments */
	int64_t sync_ns;        /* background sync after the first unsynced byte; 0: 50 ms */
	int64_t state_ns;       /* acknowledgements reach the disk this late at most; 0: 1 s */
	int64_t lock_wait_ns;   /* how long to wait for another process to let go; 0: not at all */
	int64_t retry_ns;       /* after a failed sync; 0: 1 s */
};

/* OR_BUSY: another process holds it. OR_INVAL: an option. OR_IO, OR_FULL: the directory or the
 * system. *out is the caller's (ag_spool_close). */
OR_NODISCARD enum or_code ag_spool_open(
    struct ag_spool **out, const struct ag_spool_opt *opt, struct or_err *err);
/* Syncs, writes the state and lets go; may block. Waiters are not called. May be NULL. */
void ag_spool_close(struct ag_spool *spool);

/* The stream of that name ("outrider.audit/orders"), made where it is new. OR_FULL: too many. */
OR_NODISCARD enum or_code ag_spool_stream(
    uint16_t *out, struct ag_spool *spool, const char *name, struct or_err *err);
uint64_t ag_spool_epoch(const struct ag_spool *spool);
/* The number that the next record of that stream gets; the caller encodes it into the record. */
uint64_t ag_spool_next_seq(const struct ag_spool *spool, uint16_t stream);

/* OR_FULL: the quota, or the disk. OR_IO: the system; what is there stays as it was. */
OR_NODISCARD enum or_code ag_spool_append(
    struct ag_spool *spool, uint16_t stream, struct or_slice record);
OR_NODISCARD enum or_code ag_spool_append_inputs(
    struct ag_spool *spool, uint16_t stream, struct or_slice inputs);

/* rc: OR_OK: all that had been appended when the sync was asked for is durable. OR_IO: it may not
 * be (the spool keeps trying by itself). */
typedef void ag_spool_sync_fn(void *arg, enum or_code rc);
struct ag_spool_wait;
/* Calls fn once, later; requests share one fdatasync, and at most one is in flight. fn must not
 * close the spool. */
struct ag_spool_wait *ag_spool_sync(struct ag_spool *spool, ag_spool_sync_fn *fn, void *arg);
void ag_spool_sync_cancel(struct ag_spool_wait *wait);

/* Called after more has become durable. One watcher; NULL takes it away. */
void ag_spool_watch(struct ag_spool *spool, or_loop_fn *fn, void *arg);

/* How far a stream has been read or acknowledged. */
struct ag_spool_mark {
	uint64_t segment, offset;
	uint64_t epoch;
	uint64_t seq; /* the last one */
};

struct ag_spool_range {
	uint64_t from, to;
};

/* The numbers from..to of one epoch: records and dropped ranges together, in order. */
struct ag_spool_batch {
	uint64_t epoch;
	uint64_t prev_epoch; /* 0: none known */
	uint64_t prev_seq;   /* the stream's last number in it, 0: none */
	uint64_t from, to;   /* to == from - 1: nothing */
	const struct or_slice *records;
	size_t n_records;
	const struct or_slice *inputs; /* that these records may name */
	size_t n_inputs;
	const struct ag_spool_range *dropped;
	size_t n_dropped;
	size_t bytes;             /* of records and inputs */
	bool is_full;             /* a limit ended it: more may be there */
	struct ag_spool_mark end; /* for ag_spool_read_ack */
};

struct ag_spool_limit {
	size_t max_bytes, max_records; /* one record always goes in */
};

/* What is durable behind the acknowledged, up to the limits; an empty batch where nothing is.
 * Contents are copied into a. OR_IO: reading failed; OR_FULL: the arena. */
OR_NODISCARD enum or_code ag_spool_read(struct ag_spool_batch *out, struct ag_spool *spool,
    uint16_t stream, const struct ag_spool_limit *limit, struct or_arena *a, struct or_err *err);

/* The batch arrived for good: the stream is read from its end on, and segments may go. */
void ag_spool_read_ack(struct ag_spool *spool, uint16_t stream, const struct ag_spool_batch *batch);

struct ag_spool_info {
	uint64_t epoch, prev_epoch;
	uint64_t bytes; /* of segments on disk */
	uint64_t quota_bytes;
	uint64_t segments;
	uint64_t unsynced_bytes;
	uint64_t pending;     /* records that are not acknowledged */
	uint64_t torn_bytes;  /* cut when it was opened */
	uint64_t damaged;     /* ranges of bytes that do not check */
	uint64_t quarantined; /* *.bad files made when it was opened */
	uint64_t failed_syncs;
	uint64_t failed_appends; /* OR_FULL and OR_IO */
};
void ag_spool_get_info(struct ag_spool_info *out, const struct ag_spool *spool);

struct ag_spool_stream_info {
	const char *name; /* borrowed */
	uint64_t next_seq, prev_seq;
	uint64_t acked_epoch, acked_seq;
	uint64_t pending, pending_bytes;
};
/* False: no such stream (ids are dense, from 0). */
bool ag_spool_get_stream(
    struct ag_spool_stream_info *out, const struct ag_spool *spool, uint16_t stream);

#endif
