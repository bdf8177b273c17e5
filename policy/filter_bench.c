/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a row filter costs, from policies to SQL: 10 to 10,000 policies, of which nine are about the
 * principal and the table.
 */
#include "policy/filter.h"

#include <stdio.h>
#include <time.h>

enum { ROUNDS = 2000, RELEVANT = 9 };

static int64_t now_ns(void)
{
	struct timespec ts;

	/* Of this process: others may keep the machine busy. */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * OR_NS_PER_S + ts.tv_nsec;
}

static struct pol_set *make_set(int n)
{
	struct pol_set *set = NULL;
	struct or_err err = {0};
	struct or_buf b;

	or_buf_init(&b, 64 * OR_MIB);
	for (int i = 0; i < n; i++)
		or_buf_printf(&b,
		    "%s (principal %s, action == Action::\"read\", resource is Row) when { "
		    "resource "
		    "has level && resource.level %s %d && resource has owner && (resource.owner == "
		    "principal.name || resource.owner like \"team%d-*\") };\n",
		    i % 3 == 2 ? "forbid" : "permit",
		    i < RELEVANT ? "in Group::\"staff\"" : "in Group::\"other\"",
		    i % 3 == 2 ? ">" : "<=", i, i);
	if (pol_set_parse(&set, POL_IDS_NUMBERED, "bench", or_buf_slice(&b), NULL, &err))
		printf("%s\n", err.msg);
	or_buf_done(&b);
	return set;
}

static void run(int n)
{
	const struct pol_filter_column columns[] = {
	    {OR_SLICE_LIT("level"), POL_FILTER_LONG}, {OR_SLICE_LIT("owner"), POL_FILTER_STRING}};
	const struct pol_filter_table table = {
	    .row = pol_uid_make(OR_SLICE_LIT("Row"), OR_SLICE_LIT("p/t")),
	    .name = OR_SLICE_LIT("t"),
	    .columns = columns,
	    .n_columns = OR_LEN(columns)};
	const struct pol_filter_request req = {
	    .principal = pol_uid_make(OR_SLICE_LIT("User"), OR_SLICE_LIT("a")),
	    .action = pol_uid_make(OR_SLICE_LIT("Action"), OR_SLICE_LIT("read")),
	    .on_forbid_error = POL_FORBID_ERROR_DENY,
	    .table = &table};
	const struct pol_uid staff = pol_uid_make(OR_SLICE_LIT("Group"), OR_SLICE_LIT("staff"));
	const struct pol_field name = {
	    OR_SLICE_LIT("name"), pol_value_string(OR_SLICE_LIT("alice"))};
	struct pol_set *set = make_set(n);
	const struct pol_set *sets[] = {set};
	struct pol_ctx *ctx = pol_ctx_new(0);
	struct pol_filter_sql sql = {.n_params = 0};
	int64_t start = now_ns();

	for (int i = 0; i < ROUNDS; i++) {
		const struct pol_record *attrs = NULL;
		struct pol_filter f;
		struct or_err err;

		pol_ctx_begin(ctx, NULL, 0);
		OR_ASSERT(pol_value_record(&attrs, pol_ctx_arena(ctx), &name, 1) == OR_OK);
		OR_ASSERT(pol_ctx_put(ctx, &req.principal, attrs, &staff, 1) == OR_OK);
		OR_ASSERT(pol_filter_make(&f, ctx, sets, 1, &req, &err) == OR_OK);
		OR_ASSERT(pol_filter_sql(&sql, &f, POL_FILTER_POSTGRES, pol_ctx_arena(ctx), &err) ==
			  OR_OK);
	}
	printf("{\"bench\":\"policy\",\"case\":\"filter\",\"policies\":%d,\"mean_cpu_ns\":%lld,"
	       "\"sql_bytes\":%zu,\"params\":%zu}\n",
	    n, (long long)((now_ns() - start) / ROUNDS), sql.text.n, sql.n_params);
	pol_ctx_free(ctx);
	pol_set_free(set);
}

int main(void)
{
	for (int n = 10; n <= 10000; n *= 10)
		run(n);
	return 0;
}
