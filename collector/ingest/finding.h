/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ingest found out about a stream, as a record of the collector's own: numbers that are
 * missing, or two records under one number. Any thread.
 */
#ifndef COLLECTOR_INGEST_FINDING_H
#define COLLECTOR_INGEST_FINDING_H

#include "collector/ingest/marks.h"
#include "proto/audit.h"
#include "tlog/hash.h"

#define CO_FINDING_ATTRIBUTES 5

struct co_finding {
	bool is_conflict; /* else numbers are missing */
	struct co_marks_key key;
	uint64_t from, to;
	uint64_t count;
	struct tl_hash stored, other; /* leaf hashes of the first conflict */
};

/* Fills kind, principal (the agent), resource (the stream), reason ("missing" or "conflict") and
 * attributes; a and attrs hold what *r points to. OR_FULL: the arena is. */
OR_NODISCARD enum or_code co_finding_describe(struct wire_audit *r,
    struct wire_attribute attrs[CO_FINDING_ATTRIBUTES], struct or_arena *a,
    const struct co_finding *f, struct or_slice product);

#endif
