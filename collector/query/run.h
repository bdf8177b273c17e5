/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of a query: takes records one by one, in any order, and gives the rows.
 *
 * Records come newest first (by their time, then by shard and index); of them only their places are
 * kept, so that a run's memory does not grow with the records' size: who runs it reads each leaf
 * again and renders it with co_run_put_record. Groups come by falling measure, then by key.
 * Thread: whoever owns it. The query and its arena must outlive the run.
 * Limits: the query's own limit of places (24 bytes each); CO_RUN_GROUPS_MAX groups, whose keys
 * take CO_RUN_KEYS_MAX bytes, and CO_RUN_SETS_MAX for what is distinct.
 */
#ifndef COLLECTOR_QUERY_RUN_H
#define COLLECTOR_QUERY_RUN_H

#include "collector/query/query.h"

#define CO_RUN_GROUPS_MAX 200000
#define CO_RUN_KEYS_MAX   (12UL * 1024 * 1024)
#define CO_RUN_SETS_MAX   (64UL * 1024 * 1024)
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

/* What co_run_feed does of a record, for those who read columns instead: what was looked at and
 * what of it matched; where a record lies, if it is among the newest; a group's record. */
void co_run_count(struct co_run *run, uint64_t scanned, uint64_t matched);
void co_run_keep(struct co_run *run, const struct co_run_place *place);
/* False: records of that time and before are too old for the rows that there are already. */
bool co_run_wants(const struct co_run *run, uint64_t time_ns);

/* The fields whose values make a group, and behind them the one whose different values count. */
#define CO_RUN_KEYS (CO_QUERY_FIELDS_MAX + 1)
size_t co_run_keys(const struct co_run *run);
const struct co_query_field *co_run_key(const struct co_run *run, size_t i);
/* The number that stands for the value that a record has of field i. */
uint32_t co_run_value(struct co_run *run, size_t i, const struct wire_audit *record);
/* Adds a record to its group. ids: of its values, co_run_keys of them; number: of the field that is
 * measured. OR_FULL: too many groups. */
OR_NODISCARD enum or_code co_run_add(
    struct co_run *run, const uint32_t *ids, uint64_t number, struct or_err *err);

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
