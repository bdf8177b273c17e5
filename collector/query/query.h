/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The query language over audit records: a filter, then stages behind bars. docs/query.md is its
 * reference.
 *
 *   decision=deny since=1h principal.id=*alice* | count by principal, resource | top 10
 *
 *   filter   FIELD OP VALUE; FIELD in (A, B); and, or, not, ( ); juxtaposition means and
 *   OP       =  !=  <  <=  >  >=     (the last four for numbers and times)   ~  !~ "expression"
 *   VALUE    a word, in which * is a wildcard for = and !=; "quoted text"; Type::"id"; cidr(NET)
 *   since=, until=    a duration back from now (30s, 5m, 1h, 7d) or an RFC 3339 time; they hold
 *                     for the whole query, so they stand outside of or, not and parentheses
 *   stages   where FILTER
 *            count, sum F, min F, max F, avg F, distinct F, quantile(P, F) [as NAME], …
 *                [by FIELD, 5m, day…]   then: where MEASURE OP NUMBER
 *            dedup FIELD, …   sort FIELD [desc], …   top N   limit N   fields FIELD, …
 *   explain  in front of all: how the query is answered, instead of its rows
 *
 * and binds closer than or; not binds closest. A list (policies) matches where any of its elements
 * does. What a record does not have is "" as text and 0 as a number.
 * Pure: no I/O; now is an argument. A parsed query is immutable and lives in the caller's arena,
 * its text included.
 * Limits: CO_QUERY_TEXT_MAX bytes, CO_QUERY_DEPTH_MAX levels of nesting, CO_QUERY_FIELDS_MAX
 * fields, CO_QUERY_MEASURES_MAX measures.
 */
#ifndef COLLECTOR_QUERY_QUERY_H
#define COLLECTOR_QUERY_QUERY_H

#include "base/arena.h"
#include "base/err.h"
#include "proto/field.h"

#define CO_QUERY_TEXT_MAX     4096
#define CO_QUERY_DEPTH_MAX    64
#define CO_QUERY_FIELDS_MAX   8
#define CO_QUERY_MEASURES_MAX 8
#define CO_QUERY_SORTS_MAX    4
#define CO_QUERY_LIMIT        1000 /* rows, where the query names no limit */
#define CO_QUERY_LIMIT_MAX    100000
#define CO_QUERY_ARENA        (1024UL * 1024) /* a budget that every query within the limits fits */

struct co_query_expr;

struct co_query_field {
	const struct wire_field *field;
	struct or_slice name; /* as in the query: it names the attribute in attributes.<key> */
	int64_t bucket_ns;    /* of the time, in "by": rounded down to a multiple; 0: as it is */
};

/* What a group says of its records. */
enum co_query_kind {
	CO_QUERY_COUNT,
	CO_QUERY_DISTINCT, /* different values of a field, the absent one too */
	CO_QUERY_SUM,      /* 2^64 - 1 where it is more */
	CO_QUERY_MIN,
	CO_QUERY_MAX,
	CO_QUERY_AVG,      /* rounded down */
	CO_QUERY_QUANTILE, /* the value at place ceil(p * n) of the n in ascending order */
};

struct co_query_measure {
	enum co_query_kind kind;
	struct co_query_field of; /* but for COUNT */
	uint32_t millionths;      /* QUANTILE: p */
	struct or_slice name;     /* of its column */
	struct or_slice full;     /* sum(request.bytes_out): finds it as well */
};

struct co_query_sort {
	int measure;                 /* of groups: which one, or -1 */
	struct co_query_field field; /* of groups: one of "by" */
	bool descending;
};

struct co_query {
	const struct co_query_expr *filter; /* NULL: everything */
	int64_t since_ns;                   /* INT64_MIN: open */
	int64_t until_ns;                   /* INT64_MAX: open; exclusive */
	bool is_explain;
	bool is_count; /* groups, not records */
	struct co_query_measure measures[CO_QUERY_MEASURES_MAX];
	size_t n_measures;
	const struct co_query_expr *having;                /* of groups; its leaves are measures */
	struct co_query_field fields[CO_QUERY_FIELDS_MAX]; /* of "by" or "fields" */
	size_t n_fields;
	struct co_query_field dedup[CO_QUERY_FIELDS_MAX]; /* of records: the newest of each */
	size_t n_dedup;
	struct co_query_sort sorts[CO_QUERY_SORTS_MAX];
	size_t n_sorts;
	size_t limit;
};

/*
 * OR_PARSE: the message has the column, quotes the query and marks the place with a caret; where a
 * name is misspelt it has the nearest one. OR_FULL: a limit. *out is untouched on failure.
 */
OR_NODISCARD enum or_code co_query_parse(struct co_query *out, struct or_slice text, int64_t now_ns,
    struct or_arena *a, struct or_err *err);

#endif
