/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of a query: takes records one by one, in any order, and gives the rows.
 *
 * Records come newest first (by their time, then by shard and index); of them only their places are
 * kept, so that a run's memory does not grow with the records' size: who runs it reads each leaf
 * again and renders it with co_run_put_record. Groups come by falling count, then by key.
 * Thread: whoever owns it. The query and its arena must outlive the run.
 * Limits: the query's own limit of places (24 bytes each); CO_RUN_GROUPS_MAX groups, whose keys
 * take CO_RUN_KEYS_MAX bytes.
 */
#ifndef COLLECTOR_QUERY_RUN_H
#define COLLECTOR_QUERY_RUN_H

#include "collector/query/query.h"

#define CO_RUN_GROUPS_MAX 10000
#define CO_RUN_KEYS_MAX   (4UL * 1024 * 1024)
#define CO_RUN_LINE_MAX   (1024UL * 1024) /* of one record as JSON, every byte escaped */

struct co_run;

struct co_run_place {
	uint64_t time_ns;
	uint64_t index;
	uint32_t shard;
};

struct co_run_summary {
	uint64_t scanned;
	uint64_t matched;
	size_t shown;   /* rows: records, or groups */
	bool truncated; /* there were more rows than the limit */
	int64_t took_ns;
	uint64_t damaged;   /* leaves that do not read back; written where there are some, */
	const char *damage; /* with the first one's place */
	/* of the stage "fields": its names, written where there are some; borrowed from the query
	 */
	const struct co_query_field *fields;
	size_t n_fields;
};

struct co_run *co_run_new(const struct co_query *q);
void co_run_free(struct co_run *run);

/* Offers a record. OR_FULL: more groups than a run may have; the run is then of no use. */
OR_NODISCARD enum or_code co_run_feed(struct co_run *run, const struct wire_audit *record,
    uint32_t shard, uint64_t index, struct or_err *err);

/* No more records: puts the rows in order. */
void co_run_finish(struct co_run *run);

/* The next record's place; false at the end, or where the query counts. */
bool co_run_next_place(struct co_run *run, struct co_run_place *out);
/* Puts the next group as a line of JSON; false at the end, or where the query does not count. */
bool co_run_next_group(struct co_run *run, struct or_buf *out);

/* Puts a record as a line: {"id","shard","index","record":{…}}, with the query's fields only where
 * it names some. q may be NULL: all of them. */
void co_run_put_record(struct or_buf *out, const struct co_query *q, const char *id,
    const struct co_run_place *place, const struct wire_audit *record);

/* What happened so far; what the run does not know (took_ns, damage) is the caller's. */
void co_run_get_summary(const struct co_run *run, struct co_run_summary *out);
/* {"summary":{…}} as a line. */
void co_run_put_summary(struct or_buf *out, const struct co_run_summary *s);

#endif
