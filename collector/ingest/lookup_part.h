/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collector/ingest/lookup.h in one part: its columns tell where a number is, without its leaves.
 * Blocking: for the slow thread.
 */
#ifndef COLLECTOR_INGEST_LOOKUP_PART_H
#define COLLECTOR_INGEST_LOOKUP_PART_H

#include "collector/ingest/lookup.h"

/* Fills those of wanted that the part holds. */
OR_NODISCARD enum or_code co_lookup_part_run(struct tl_part *part, const struct co_marks_key *key,
    struct co_lookup *wanted, size_t n, struct or_err *err);

#endif
