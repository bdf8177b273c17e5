/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a record pass a query's filter? Pure; any thread.
 */
#ifndef COLLECTOR_QUERY_MATCH_H
#define COLLECTOR_QUERY_MATCH_H

#include "collector/query/query.h"

/* True where the record passes the filter and lies in the time range. scratch is cleared and used;
 * a text that does not fit it counts as absent (CO_MATCH_SCRATCH fits all). */
#define CO_MATCH_SCRATCH (64UL * 1024)
bool co_match_record(
    const struct co_query *q, const struct wire_audit *record, struct or_buf *scratch);

/* A filter's tree over any leaves. */
struct co_query_expr;
typedef bool co_match_leaf_fn(void *arg, const struct co_query_expr *e);
bool co_match_tree(const struct co_query_expr *e, co_match_leaf_fn *leaf, void *arg);

/* v op operand, of an ordered operator or = and !=. */
bool co_match_number(uint64_t v, const struct co_query_expr *e);

/* One comparison of a filter. */
bool co_match_compare(
    const struct co_query_expr *e, const struct wire_audit *record, struct or_buf *scratch);

/* * matches any run of bytes, the empty one too. At worst pattern times text steps. */
bool co_match_glob(struct or_slice pattern, struct or_slice text);

#endif
