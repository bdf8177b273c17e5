/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What translators ask of a residual: which column, of what kind, and whether it may fail. Private
 * to the room.
 */
#ifndef POLICY_FILTER_TERM_H
#define POLICY_FILTER_TERM_H

#include "policy/filter.h"
#include "policy/term.h"

/* The kind of a term's value, where it has one. */
enum pol_filter_kind {
	POL_FILTER_KIND_LONG,
	POL_FILTER_KIND_STRING,
	POL_FILTER_KIND_BOOL,
	POL_FILTER_KIND_DATETIME,
	POL_FILTER_KIND_FOREIGN, /* a literal that no column's value is equal to */
	POL_FILTER_KIND_UNKNOWN,
};

/* A column that is known to be there, as far as a chain has been read. */
struct pol_filter_known {
	const struct pol_filter_column *column;
	const struct pol_filter_known *next;
};

/* NULL: t is no column. */
const struct pol_filter_column *pol_filter_term_column(
    const struct pol_filter_table *table, const struct pol_term *t);

/* The column of `resource has column`; NULL: t is something else. */
const struct pol_filter_column *pol_filter_term_has(
    const struct pol_filter_table *table, const struct pol_term *t);

enum pol_filter_kind pol_filter_term_kind(
    const struct pol_filter_table *table, const struct pol_term *t);

/* False: it gives a value for every row (of those for which known is there). */
bool pol_filter_term_may_err(const struct pol_filter_table *table, const struct pol_term *t,
    const struct pol_filter_known *known);

static inline bool pol_filter_kind_compares(enum pol_filter_kind k)
{
	return k == POL_FILTER_KIND_LONG || k == POL_FILTER_KIND_DATETIME;
}

/* "policy `id` (file:line): why: term" */
enum or_code pol_filter_term_refuse(
    struct or_err *err, const struct pol_policy *p, const struct pol_term *t, const char *why);

#endif
