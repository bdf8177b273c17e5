/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows instead of a port: which rows of a table somebody may read, as a condition, or whether one
 * of them is among these. Part of an ask (agent/gate/decide.h).
 *
 * A row is Row::"<product>/<table>" with the contract's columns as attributes and the ports that
 * serve the contract, the product and its domain as parents (policy/filter.h). A condition lets
 * exactly the rows through that would be allowed one by one; what cannot be translated denies
 * (filter_unsupported), and so does an obligation other than masks. Other reasons: table_unknown;
 * of one row row_column (no such column), row_type (not what the contract says), row_unfit (not
 * what the policies' schema says).
 *
 * From JSON: integer, string and boolean columns as they are, timestamps and dates as text in
 * Cedar's form; in columns of other types numbers with up to four decimals are decimals, lists
 * sets, objects records. null is a column that is absent.
 *
 * Thread: the loop's. Owns: nothing; results lie in the ask's arena.
 */
#ifndef AGENT_GATE_DECIDE_ROWS_H
#define AGENT_GATE_DECIDE_ROWS_H

#include "base/json.h"
#include "policy/filter.h"

enum ag_decide_rows_form {
	AG_DECIDE_ROWS_POSTGRESQL,
	AG_DECIDE_ROWS_SQLITE,
	AG_DECIDE_ROWS_TRINO,
	AG_DECIDE_ROWS_UCAST,
};

struct ag_decide_rows_ask {
	struct or_slice table; /* as the contract calls it */
	struct or_slice port;  /* that serves it; empty: the first that does */
	/* One row, to be decided on; NULL: a filter is asked for, in that form, for a table that
	 * the query calls alias (empty: its physical name). */
	const struct or_json *row;
	enum ag_decide_rows_form form;
	struct or_slice alias;
};

/* An allow's filter. */
struct ag_decide_rows {
	enum pol_filter_verdict verdict;
	struct or_slice table; /* as the condition calls it */
	struct or_slice sql;   /* or */
	struct or_slice ucast;
	const struct pol_value *params;
	size_t n_params;
	const struct pol_mask *masks; /* without their paths and policies */
	size_t n_masks;
};

#endif
