/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shard's audit log on disk, with its one writer. Blocking: collector/audit/log.h runs it on the
 * slow thread. Readers use collector/audit/read.h.
 *
 *   <dir>/lock                     held by the writer
 *   <dir>/checkpoint               the signed head (C2SP tlog-checkpoint)
 *   <dir>/segments/<index>.seg     the leaves (tlog/segment.h); 20 digits: the first one's index
 *   <dir>/parts/…                  leaves that were sealed (seal.h), instead of their segments
 *   <dir>/tile/<L>/<N>             hashes of level >= 1; the last of a level grows in place
 *
 * A commit writes its groups to the segment, fsyncs, adds to the tiles, signs and replaces the
 * checkpoint, in this order; only then is it acknowledged. What was put as one group is there as a
 * whole or not at all.
 *
 * Invariants (store_test.c: after a fault at every write, and after kill -9):
 *   1. an acknowledged group is there once after any crash, in the order of its commit;
 *   2. a group that was not acknowledged is there once or not at all;
 *   3. the tree of every signed checkpoint is a beginning of every later one;
 *   4. what the checkpoint covers is never cut: where it does not read back, the store is damaged,
 *      says where, and appends no more.
 */
#ifndef COLLECTOR_AUDIT_STORE_H
#define COLLECTOR_AUDIT_STORE_H

#include "tlog/checkpoint.h"
#include "tlog/segment.h"

#define CO_STORE_SEGMENT_DEFAULT (16U * 1024 * 1024)
#define CO_STORE_PENDING_MAX     (64U * 1024 * 1024)

/* What the owner derives from the leaves and wants back after a restart without reading them all:
 * saved at the head of every segment. Called by the thread that calls the store. */
struct co_store_state {
	void *arg;
	/* At open: what save gave for the segment that is read (empty: a new log). */
	enum or_code (*restore)(void *arg, struct or_slice state, struct or_err *err);
	/* Every leaf of that segment at open, then every leaf that was committed. An error at open
	 * means damage. */
	enum or_code (*apply)(
	    void *arg, uint64_t index, const struct tl_segment_entry *entry, struct or_err *err);
	void (*save)(void *arg, struct or_buf *out);
};

struct co_store_opt {
	const char *dir;
	const char *origin;              /* "outrider/<collector id>/shard/0" */
	const struct tl_note_key *key;   /* borrowed; signs checkpoints, and verifies at open */
	const struct tl_note_key *older; /* NULL, or the key before this one, still taken at open */
	uint64_t segment_bytes;          /* 0: CO_STORE_SEGMENT_DEFAULT */
	int64_t segment_age_ns;          /* 0: a segment ends with its day or size only */
	const struct co_store_state *state; /* NULL: none; borrowed */
	int64_t now_ns;
};

struct co_store;

/* Opens or creates the log and recovers it: a torn tail is cut, groups that were durable are
 * kept, tiles and checkpoint catch up. Damage is no failure: see co_store_damage.
 * OR_BUSY: another process has it. OR_IO, OR_FULL. */
OR_NODISCARD enum or_code co_store_open(
    struct co_store **out, const struct co_store_opt *opt, struct or_err *err);
void co_store_close(struct co_store *s);

/* NULL, or what is damaged: segment, offset and index. */
const struct or_err *co_store_damage(const struct co_store *s);

/* Leaves under the checkpoint. */
uint64_t co_store_size(const struct co_store *s);
/* The signed note; borrowed until the next commit. Empty where it is lost. */
struct or_slice co_store_checkpoint(const struct co_store *s);
/* The last segment's bytes on disk, for figures. */
uint64_t co_store_segment_bytes(const struct co_store *s);
/* Where the last segment begins: what lies before it is closed. */
uint64_t co_store_segment_first(const struct co_store *s);

/* Adds a group to what the next commit writes; the index of its first leaf is *first.
 * OR_CORRUPT: damaged. OR_IO: an earlier commit failed. OR_FULL: too much is pending.
 * OR_INVAL: a leaf is empty or too long. */
OR_NODISCARD enum or_code co_store_put(struct co_store *s, const struct or_slice *leaves, size_t n,
    int64_t received_ns, uint64_t *first, struct or_err *err);

/* Makes what was put durable and signs it. On failure nothing that was put is acknowledged, and
 * the store must be closed and opened again before it takes more. */
OR_NODISCARD enum or_code co_store_commit(struct co_store *s, int64_t now_ns, struct or_err *err);

/* Closes the last segment where it holds leaves (and nothing was put since the commit), so that
 * they can be sealed. Errors as those of commit. */
OR_NODISCARD enum or_code co_store_rotate(struct co_store *s, int64_t now_ns, struct or_err *err);

#endif
