/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of a query: takes records one by one, in any order, and gives the rows.
 *
 * Records come newest first, or as the query sorts them; of them only their places are kept
 * (rows.h), so that a run's memory does not grow with the records' size: who runs it reads each
 * leaf again and renders it with co_run_put_record. Groups (groups.h) come by their first measure,
 * falling, then by key, or as the query sorts them.
 * Thread: whoever owns it. The query and its arena must outlive the run.
 * Limits: those of rows.h and groups.h.
 */
#ifndef COLLECTOR_QUERY_RUN_H
#define COLLECTOR_QUERY_RUN_H

#include "collector/query/groups.h"
#include "collector/query/plan.h"
#include "collector/query/rows.h"

#define CO_RUN_LINE_MAX (1024UL * 1024) /* of one record as JSON, every byte escaped */

struct co_run;

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

/* Offers a record. OR_FULL: more than a run may have; the run is then of no use. */
OR_NODISCARD enum or_code co_run_feed(struct co_run *run, const struct wire_audit *record,
    uint32_t shard, uint64_t index, struct or_err *err);

/* What co_run_feed does of a record, for those who read columns instead: what was looked at and
 * what of it matched; where a record lies, if it is among the newest (of a query that neither sorts
 * nor takes doubles out); a group's records. */
void co_run_count(struct co_run *run, uint64_t scanned, uint64_t matched);
OR_NODISCARD enum or_code co_run_keep(
    struct co_run *run, const struct co_run_place *place, struct or_err *err);
/* As keep, with the values of the fields behind dedup, of a query that does not sort. */
OR_NODISCARD enum or_code co_run_keep_newest(
    struct co_run *run, const uint32_t *ids, const struct co_run_place *place, struct or_err *err);
/* False: records of that time and before are too old for the rows that there are already. */
bool co_run_wants(const struct co_run *run, uint64_t time_ns);
/* Fields whose values make groups, and what is measured in them. */
struct co_groups *co_run_groups(struct co_run *run);
/* How it is answered: counted by who runs it. */
struct co_plan *co_run_plan(struct co_run *run);

/* No more records: puts the rows in order. */
void co_run_finish(struct co_run *run);

/* The next record's place; false at the end, or where the query counts or explains. */
bool co_run_next_place(struct co_run *run, struct co_run_place *out);
/* Puts the next group (or, once, what explain says) as a line of JSON; false at the end, or where
 * the query does not count. */
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
