/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What part.c and part_leaf.c share of an open part. Inside tlog/ only.
 */
#ifndef TLOG_PART_IMPL_H
#define TLOG_PART_IMPL_H

#include "base/arena.h"
#include "tlog/part_foot.h"

/* Pieces of a column: one for each block of rows. */
#define TL_PART_PIECES_MAX (TL_PART_ROWS_MAX / TL_PART_BLOCK)

/* Bytes of neighbouring pieces. */
struct tl_part_window {
	uint8_t *bytes;
	size_t cap;
	size_t first, n;                           /* pieces that are in it */
	unsigned int misses;                       /* reads of single pieces that were not in it */
	uint64_t checked[TL_PART_PIECES_MAX / 64]; /* those whose checksum was right */
};

struct tl_part_state {
	struct tl_part_window values;
	struct tl_part_window extra;
	/* RUNS */
	uint32_t *ends;
	uint64_t *starts;
	size_t n_runs;
	/* The dictionary; or a unique column's ids, sorted, whole. */
	struct or_slice *texts;
	uint8_t *bytes;
	uint8_t *directory; /* of a unique column, its groups checked */
};

struct tl_part {
	struct tl_part_source source;
	char *name;
	struct or_arena *arena; /* the footer's */
	struct tl_part_foot foot;
	struct tl_part_state *states; /* one for each column */
	size_t memory;
	struct or_buf leaf; /* what tl_part_leaf lends */
};

/* The i-th piece of pieces[0..n), through a window; row names the leaf in messages. ahead: its
 * neighbours are wanted next. */
OR_NODISCARD enum or_code tl_part_piece_get(struct tl_part *p, struct tl_part_window *w,
    const struct tl_part_piece *pieces, size_t n, size_t i, bool ahead, uint32_t row,
    struct or_slice *out, struct or_err *err);

enum or_code tl_part_corrupt(
    const struct tl_part *p, uint64_t offset, uint32_t row, const char *what, struct or_err *err);

/* A raw column's bytes of a row, and a unique one's (n = 0: the row has none), into to. */
OR_NODISCARD enum or_code tl_part_raw_get(
    struct tl_part *p, int column, uint32_t row, uint8_t *to, struct or_err *err);
OR_NODISCARD enum or_code tl_part_ids_get(struct tl_part *p, int column, uint32_t row,
    uint8_t to[TL_PART_UNIQUE_LEN], size_t *n, struct or_err *err);

/* All ids of a unique column, sorted, each TL_PART_UNIQUE_LEN bytes. */
OR_NODISCARD enum or_code tl_part_ids_all(
    struct tl_part *p, int column, const uint8_t **out, struct or_err *err);

#endif
