/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a part (part.h) from leaves, one by one, then the file in stretches.
 *
 * Whoever seals reads the part back and compares each leaf before anything else goes: nothing here
 * promises that, it is checked. Thread: whoever owns it; pure.
 * Limits: max_rows rows (at most TL_PART_ROWS_MAX) and TL_PART_BUILD_TEXT_MAX bytes of different
 * texts. Memory: 8 bytes a row for each column that varies, raw columns as they are.
 */
#ifndef TLOG_PART_BUILD_H
#define TLOG_PART_BUILD_H

#include "tlog/part.h"

#define TL_PART_BUILD_TEXT_MAX (48UL * 1024 * 1024)

struct tl_part_build;

/* The fields' array is copied; they stand in the order of the wire, those of one message side by
 * side. first: the index of the first leaf. */
struct tl_part_build *tl_part_build_new(
    const struct tl_part_field *fields, size_t n, uint64_t first, uint32_t max_rows);
void tl_part_build_free(struct tl_part_build *b);

/* The next leaf. OR_FULL: it does not go in any more; the part ends before it. */
OR_NODISCARD enum or_code tl_part_build_add(
    struct tl_part_build *b, const struct tl_segment_entry *e);
uint32_t tl_part_build_rows(const struct tl_part_build *b);

/* Appends the next stretch of the file (a column, then the footer); false: there is no more. At
 * least one leaf was added, and none is any more. Fullness is the buffer's. */
bool tl_part_build_step(struct tl_part_build *b, struct or_buf *out);

#endif
