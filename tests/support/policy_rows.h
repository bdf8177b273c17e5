/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of random rows, and a principal who may read some of them: what tests of filters stand
 * on.
 *
 * Thread: the test's. Owns: everything in it; the arena is given back at the end of the test.
 */
#ifndef TESTS_SUPPORT_POLICY_ROWS_H
#define TESTS_SUPPORT_POLICY_ROWS_H

#include "policy/filter.h"
#include "tests/support/policy_gen.h"

struct policy_rows {
	struct pol_set *set;
	struct pol_ctx *ctx;
	struct or_arena *arena;
	struct pol_filter_column columns[POLICY_GEN_COLUMNS];
	struct pol_filter_table table; /* of these columns, t in SQL */
	struct pol_filter_request req; /* User::"alice" reads it */
	struct pol_uid parents[2];
	const struct pol_record *principal; /* her attributes; NULL: none */
	struct pol_filter f;
	struct pol_filter_sql sql;
	struct or_err err;
};

/* cmocka's setup and teardown. */
int policy_rows_setup(void **state);
int policy_rows_teardown(void **state);

/* Parses the policies and makes the filter; fails the test where they do not parse. */
enum or_code policy_rows_filter(struct policy_rows *w, const char *text);

/* A decision for one row, by the policies that were parsed last. */
bool policy_rows_allowed(struct policy_rows *w, const struct pol_record *row);

/* The next random policies, with attributes of the principal and a context; text is the policies'.
 * plain: as struct policy_gen has it. */
void policy_rows_random(struct policy_rows *w, uint64_t seed, bool plain, struct or_buf *text);

#endif
