/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sorting the ids of a unique column, and the directory by their first bytes: for the builder of
 * parts. Ids of a trace are random, so the sort spreads them by their first two bytes first; ids
 * that somebody chose to share those only make it slower.
 * Any thread; pure.
 */
#ifndef TLOG_PART_UNIQUE_H
#define TLOG_PART_UNIQUE_H

#include "base/buf.h"

struct tl_part_unique {
	uint32_t *order; /* rows, by ascending id; of the same id, by ascending row */
	uint32_t n;
	unsigned int drop; /* leading bytes that the directory stands for: 0, 1 or 2 */
};

/* ids: rows * TL_PART_UNIQUE_LEN bytes. */
void tl_part_unique_make(
    struct tl_part_unique *u, const uint8_t *ids, const bool *is_there, uint32_t rows);
void tl_part_unique_done(struct tl_part_unique *u);

void tl_part_unique_put_directory(
    struct or_buf *out, const struct tl_part_unique *u, const uint8_t *ids);

#endif
