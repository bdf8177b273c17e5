/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of a run that shows records: the best `limit` of those that were offered, by what the
 * query sorts by, then the newest first (time, shard, index). Of records only their places are
 * kept, and what they are sorted by.
 *
 * Thread: whoever owns it. The query must outlive it.
 * Limits: 24 bytes a row; of a text its first CO_ROWS_TEXT_MAX bytes give the order, and all of
 * them take CO_ROWS_BYTES_MAX at most.
 */
#ifndef COLLECTOR_QUERY_ROWS_H
#define COLLECTOR_QUERY_ROWS_H

#include "collector/query/query.h"

#define CO_ROWS_TEXT_MAX  1024
#define CO_ROWS_BYTES_MAX (32UL * 1024 * 1024)

struct co_run_place {
	uint64_t time_ns;
	uint64_t index;
	uint32_t shard;
};

struct co_rows;

struct co_rows *co_rows_new(const struct co_query *q);
void co_rows_free(struct co_rows *r);

/* record: what it is sorted by; NULL where the query does not sort. OR_FULL. */
OR_NODISCARD enum or_code co_rows_keep(struct co_rows *r, const struct co_run_place *place,
    const struct wire_audit *record, struct or_err *err);
/* As keep, but only one of each group: the newest. */
OR_NODISCARD enum or_code co_rows_keep_newest(struct co_rows *r, size_t group,
    const struct co_run_place *place, const struct wire_audit *record, struct or_err *err);
/* False: records of that time and before are too old for the rows that there are already. */
bool co_rows_wants(const struct co_rows *r, uint64_t time_ns);

void co_rows_finish(struct co_rows *r);
size_t co_rows_n(const struct co_rows *r);
const struct co_run_place *co_rows_get(const struct co_rows *r, size_t i);

#endif
