/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The leaf hashes of records that are stored, by their numbers: for comparing with what comes
 * again.
 *
 * What each segment saved at its head tells which segment holds a number, so one segment is read
 * for a repeated frame, mostly the last. Blocking: for the slow thread.
 */
#ifndef COLLECTOR_INGEST_LOOKUP_H
#define COLLECTOR_INGEST_LOOKUP_H

#include "collector/audit/read.h"
#include "collector/ingest/marks.h"

struct co_lookup {
	uint64_t seq;
	bool found; /* false: the number was dropped by the agent, not stored */
	struct tl_hash hash;
};

/* wanted: ascending in seq; those of one stream. */
OR_NODISCARD enum or_code co_lookup_run(struct co_read *r, const struct co_marks_key *key,
    struct co_lookup *wanted, size_t n, struct or_err *err);

#endif
