/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A row filter: which rows of a table a principal may read, as SQL or UCAST instead of a decision
 * for each row.
 *
 * A row is the entity Row::"<product>/<table>" with the contract's columns as attributes; NULL is
 * an attribute that is absent, whatever the contract says of it. The rows that a filter lets
 * through are exactly those for which pol_authorize_request would allow: some permit is satisfied
 * and no forbid is. A permit that errs for a row counts as not satisfied; a forbid that errs as
 * satisfied under POL_FORBID_ERROR_DENY and as not satisfied under Cedar's rule. No policy is left
 * out.
 *
 * What SQL would answer otherwise than Cedar is refused (OR_UNSUPPORTED, the message says which
 * policy and why), and then nothing may be read. SQL is made so that it answers the same:
 *   NULL and errors  NULL stands for an error, and `&&`, `||`, `if` stop where Cedar's do
 *   collation        strings are compared by bytes, whatever collation their column has
 *   overflow         arithmetic is done where it cannot wrap; beyond 64 bits is an error
 *   names            are quoted, and qualified by the table
 *   values           are parameters; never part of the text
 * In SQLite, where a column may hold values of any type, rows that do not hold the contract's
 * types, or U+0000 in a text that `like` looks at, are not let through.
 * UCAST is evaluated by its interpreter, which must compare strings by bytes as well; it is made so
 * that two- and three-valued logic give the same. Integers beyond 2^53 are refused there.
 *
 * Thread: one per context. Owns: nothing; a filter lies in the context's arena and borrows table
 * and request. Limits: POL_FILTER_COLUMNS_MAX, POL_FILTER_TEXT_MAX, POL_FILTER_PARAMS_MAX.
 */
#ifndef POLICY_FILTER_H
#define POLICY_FILTER_H

#include "base/jsonw.h"
#include "policy/mask.h"
#include "policy/partial.h"

#define POL_FILTER_COLUMNS_MAX 4096
#define POL_FILTER_TEXT_MAX    (256 * 1024)
#define POL_FILTER_PARAMS_MAX  16384

enum pol_filter_type {
	POL_FILTER_LONG,     /* an integer type of at most 64 bits */
	POL_FILTER_STRING,   /* a character type without padding, in UTF-8, or what casts to one */
	POL_FILTER_BOOL,     /* in SQLite 0 and 1 */
	POL_FILTER_DATETIME, /* a timestamp (UTC where it has no zone) or date; PostgreSQL only */
	POL_FILTER_OTHER,    /* policies may ask whether it is there, but not what it is */
};

struct pol_filter_column {
	struct or_slice name; /* of attribute and column */
	enum pol_filter_type type;
};

struct pol_filter_table {
	struct pol_uid row;            /* Row::"<product>/<table>" */
	const struct pol_uid *parents; /* its port, product, domain: as they are in the context */
	size_t n_parents;
	struct or_slice name;                    /* in SQL: table or alias; never empty */
	const struct pol_filter_column *columns; /* top level */
	size_t n_columns;
};

struct pol_filter_request {
	struct pol_uid principal; /* is in the context */
	struct pol_uid action;
	const struct pol_record *context; /* NULL: empty */
	enum pol_forbid_error on_forbid_error;
	unsigned int skip; /* as struct pol_request has it */
	const struct pol_filter_table *table;
};

enum pol_filter_verdict { POL_FILTER_NONE, POL_FILTER_ALL, POL_FILTER_SOME };

struct pol_filter {
	enum pol_filter_verdict verdict;
	struct pol_partial partial; /* what each policy comes to, those that decide nothing too */
	struct pol_masks masks;     /* of every permit that may let a row through */
	const struct pol_filter_request *req;
};

/* The type of a column by its ODCS logicalType. */
enum pol_filter_type pol_filter_type_of(struct or_slice logical_type);

/*
 * Begins like a request: pol_ctx_begin and pol_ctx_put (principal, ports) come first; the row is
 * put by this. OR_INVAL: the table (err says what), or masks that cannot be carried out; OR_EXISTS:
 * the row is in the context; OR_FULL. After an error nothing may be read.
 */
OR_NODISCARD enum or_code pol_filter_make(struct pol_filter *out, struct pol_ctx *ctx,
    const struct pol_set *const *sets, size_t n_sets, const struct pol_filter_request *req,
    struct or_err *err);

enum pol_filter_dialect { POL_FILTER_POSTGRES, POL_FILTER_SQLITE, POL_FILTER_TRINO };

/* "postgresql", "sqlite", "trino". OR_ABSENT. */
OR_NODISCARD enum or_code pol_filter_sql_dialect(
    enum pol_filter_dialect *out, struct or_slice name);

struct pol_filter_sql {
	struct or_slice text; /* a condition, never NULL: TRUE or FALSE for each row */
	const struct pol_value
	    *params; /* longs and strings: $1 or ?1 is the first; Trino: in order */
	size_t n_params;
};

/* *out lies in the arena. OR_UNSUPPORTED: deny, err says why; OR_FULL: too large, deny. */
OR_NODISCARD enum or_code pol_filter_sql(struct pol_filter_sql *out, const struct pol_filter *f,
    enum pol_filter_dialect dialect, struct or_arena *a, struct or_err *err);

/*
 * UCAST as JSON: {"type": "compound", "operator": "and" | "or", "value": […]} and {"type": "field",
 * "field": "table.column", "operator": …, "value": …} with eq, ne, lt, lte, gt, gte, in, nin,
 * startswith, endswith, contains; `not` only around the last three. POL_FILTER_ALL is an `and` of
 * nothing, POL_FILTER_NONE an `or` of nothing. OR_UNSUPPORTED, OR_FULL as above.
 */
OR_NODISCARD enum or_code pol_filter_ucast(
    struct or_jsonw *w, const struct pol_filter *f, struct or_arena *a, struct or_err *err);

#endif
