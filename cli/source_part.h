/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sealed leaves of a log in a collector's directory: <dir>/parts/<first>-<end>-<day>.part
 * (tlog/part.h), which stand before those of its segments. For source_dir.c.
 *
 * Thread: one; calls block.
 */
#ifndef CLI_SOURCE_PART_H
#define CLI_SOURCE_PART_H

#include "cli/source.h"

/* Gives the leaves of all parts, as far as `size`, from leaf *index on, and moves it behind them.
 * What does not read back is told, its leaf given as the empty one, so that the count stays right.
 */
OR_NODISCARD enum or_code ctl_source_part_walk(const char *dir, uint64_t *index, uint64_t size,
    ctl_source_leaf_fn *fn, ctl_source_damage_fn *damage, void *arg, struct or_err *err);

#endif
