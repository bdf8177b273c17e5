/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing: leaves of closed segments become parts, and small parts of a day larger ones, in steps
 * that are short enough to stand between commits.
 *
 *   plan ─▶ read leaves ─▶ write the part, a column a step ─▶ fsync ─▶ read it back and compare
 * each leaf ─▶ rename ─▶ remove what it replaces, one file a step
 *
 * A part holds leaves of one UTC day by the collector's clock: opt.rows of them, or what there is
 * once the day is over or the oldest has waited for opt.age_ns. Only what lies in closed segments
 * is sealed.
 *
 * Invariants (seal_test.c, after a fault at every call and after kill -9):
 *   1. a leaf is in a segment or in a part at any moment, and reads back alike from either;
 *   2. nothing is removed before every leaf of the durable part was read back and compared with its
 *      own bytes, time of receipt and place in its group;
 *   3. what a crash leaves behind goes at the next plan.
 * Thread: the store's (slow); blocks on the disk. Memory: some 80 MiB while a part is being made.
 */
#ifndef COLLECTOR_AUDIT_SEAL_H
#define COLLECTOR_AUDIT_SEAL_H

#include "base/err.h"

#include <stdint.h>

#define CO_SEAL_ROWS_DEFAULT (256U * 1024)
#define CO_SEAL_AGE_DEFAULT  (3600LL * 1000000000)

struct co_seal_opt {
	const char *dir; /* the log's; copied */
	uint32_t rows;   /* 0: CO_SEAL_ROWS_DEFAULT */
	int64_t age_ns;  /* 0: CO_SEAL_AGE_DEFAULT */
};

struct co_seal;

struct co_seal *co_seal_new(const struct co_seal_opt *opt);
/* A part that is not finished goes at the next plan. */
void co_seal_free(struct co_seal *s);

/* size: the leaves under the checkpoint. OR_AGAIN: more is to be done, call again. OR_OK: nothing,
 * for now. OR_CORRUPT: a leaf does not read back, or a part did not give it back: nothing was
 * removed, and that place is not tried again. OR_IO, OR_FULL: may be tried again later. */
OR_NODISCARD enum or_code co_seal_step(
    struct co_seal *s, uint64_t size, int64_t now_ns, struct or_err *err);

/* From now on what is closed counts as old: for an owner that wants everything sealed. */
void co_seal_hurry(struct co_seal *s);

struct co_seal_stats {
	uint64_t parts;  /* made */
	uint64_t leaves; /* in them */
	uint64_t bytes;
};
void co_seal_stats(struct co_seal_stats *out, const struct co_seal *s);

#endif
