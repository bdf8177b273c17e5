/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The groups of a run (run.h): records that agree in the values of the fields behind "by", or of
 * "dedup", and what is measured of them.
 *
 * A value is its JSON text, interned: equal text, equal number, so that a group is found by
 * numbers. Thread: whoever owns it. The query must outlive it.
 * Limits: CO_GROUPS_MAX groups, CO_GROUPS_KEYS_MAX bytes of values, CO_GROUPS_SETS_MAX bytes for
 * what is distinct and for quantiles (8 bytes a record): beyond them OR_FULL, with what to do.
 */
#ifndef COLLECTOR_QUERY_GROUPS_H
#define COLLECTOR_QUERY_GROUPS_H

#include "collector/query/query.h"

#define CO_GROUPS_MAX      200000
#define CO_GROUPS_KEYS_MAX (12UL * 1024 * 1024)
#define CO_GROUPS_SETS_MAX (64UL * 1024 * 1024)
/* The fields whose values make a group, and behind them those whose different values count. */
#define CO_GROUPS_FIELDS (CO_QUERY_FIELDS_MAX + CO_QUERY_MEASURES_MAX)

struct co_groups;

struct co_groups *co_groups_new(const struct co_query *q);
void co_groups_free(struct co_groups *g);

size_t co_groups_fields(const struct co_groups *g);
const struct co_query_field *co_groups_field(const struct co_groups *g, size_t i);
/* The number that stands for the value that a record has of field i. */
uint32_t co_groups_value(struct co_groups *g, size_t i, const struct wire_audit *record);

/* The group of these values (co_groups_fields of them), made where it is new. OR_FULL. */
OR_NODISCARD enum or_code co_groups_find(
    struct co_groups *g, const uint32_t *ids, size_t *out, struct or_err *err);
/* Adds `times` records that are alike to their group. numbers: of each measure its field's. */
OR_NODISCARD enum or_code co_groups_add(struct co_groups *g, const uint32_t *ids,
    const uint64_t numbers[CO_QUERY_MEASURES_MAX], uint64_t times, struct or_err *err);

/* Takes out what the query's "where" does not let through, and puts the rest in order. */
void co_groups_finish(struct co_groups *g);
/* Before finish: groups. After: those that are left. */
size_t co_groups_n(const struct co_groups *g);
/* Puts the i-th as a line of JSON. */
void co_groups_put(struct co_groups *g, size_t i, struct or_buf *out);

#endif
