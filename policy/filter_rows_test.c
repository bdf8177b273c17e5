/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL lets those rows through that a decision for each of them would. In SQLite here; called as
 * `test_policy_filter_rows script FIRST LAST` it prints the same for psql (seeds FIRST to LAST):
 * after each result the ids that are expected.
 */
#include "base/db.h"
#include "base/str.h"
#include "tests/support/policy_rows.h"
#include "tests/support/support.h"

#include <inttypes.h>
#include <stdio.h>

enum { SETS = 3000, ROWS = 100 };

static void create(struct or_db *db, struct or_err *err)
{
	ASSERT_OK(or_db_exec(db,
		      "CREATE TABLE t (id INTEGER PRIMARY KEY, level INTEGER, price BIGINT, "
		      "owner TEXT COLLATE NOCASE, city VARCHAR(20), \"odd \"\"na'me\" TEXT COLLATE "
		      "RTRIM, open BOOLEAN, \"select\" INTEGER)",
		      err),
	    err);
}

static void bind(struct or_db_stmt *stmt, int i, const struct pol_value *v)
{
	if (!v)
		or_db_bind_text(stmt, i, OR_SLICE_NONE);
	else if (v->kind == POL_STRING)
		or_db_bind_text(stmt, i, or_slice(v->s.n ? v->s.p : (const uint8_t *)"", v->s.n));
	else
		or_db_bind_i64(stmt, i, v->kind == POL_BOOL ? v->b : v->i);
}

static void insert(
    struct policy_rows *w, struct or_db *db, struct policy_gen *g, const struct pol_record **rows)
{
	struct or_db_stmt *stmt = NULL;

	ASSERT_OK(or_db_prepare(
		      &stmt, db, "INSERT INTO t VALUES (?8, ?1, ?2, ?3, ?4, ?5, ?6, ?7)", &w->err),
	    &w->err);
	for (int r = 0; r < ROWS; r++) {
		rows[r] = policy_gen_row(g, w->arena);
		for (int c = 0; c < POLICY_GEN_COLUMNS; c++)
			bind(stmt, c + 1,
			    pol_value_field(rows[r], or_slice_str(policy_gen_columns[c].name)));
		or_db_bind_i64(stmt, POLICY_GEN_COLUMNS + 1, r);
		ASSERT_OK(or_db_run(stmt, &w->err), &w->err);
	}
	or_db_stmt_free(stmt);
}

static void select_rows(struct policy_rows *w, struct or_db *db, bool *through)
{
	struct or_db_stmt *stmt = NULL;
	struct or_buf text;
	bool has_row = true;

	or_buf_init(&text, OR_MIB);
	or_buf_put_str(&text, "SELECT id FROM t WHERE ");
	or_buf_put_slice(&text, w->sql.text);
	ASSERT_OK(or_db_prepare(&stmt, db, or_buf_text(&text), &w->err), &w->err);
	for (size_t i = 0; i < w->sql.n_params; i++)
		bind(stmt, (int)i + 1, &w->sql.params[i]);
	memset(through, 0, ROWS * sizeof(*through));
	for (;;) {
		ASSERT_OK(or_db_step(stmt, &has_row, &w->err), &w->err);
		if (!has_row)
			break;
		through[or_db_column_i64(stmt, 0)] = true;
	}
	or_db_stmt_free(stmt);
	or_buf_done(&text);
}

struct tally {
	size_t some, refused, let_through, kept_back;
};

static void one_set(struct policy_rows *w, struct or_db *db, const struct pol_record *const *rows,
    const struct or_buf *text, struct tally *tally)
{
	bool through[ROWS];
	enum or_code rc;

	ASSERT_OK(policy_rows_filter(w, or_buf_text(text)), &w->err);
	rc = pol_filter_sql(&w->sql, &w->f, POL_FILTER_SQLITE, w->arena, &w->err);
	tally->refused += rc == OR_UNSUPPORTED;
	if (rc == OR_UNSUPPORTED)
		return;
	ASSERT_OK(rc, &w->err);
	tally->some += w->f.verdict == POL_FILTER_SOME;
	select_rows(w, db, through);
	for (int r = 0; r < ROWS; r++) {
		bool yes = policy_rows_allowed(w, rows[r]);

		tally->let_through += yes;
		tally->kept_back += !yes;
		if (through[r] != yes)
			fail_msg("row %d: allowed %d, selected %d by\n%s\n%.*s", r, yes, through[r],
			    or_buf_text(text), OR_SLICE_FMT(w->sql.text));
	}
}

static void sql__selects_the_rows_that_are_allowed(void **state)
{
	struct policy_rows *w = *state;
	const struct pol_record *rows[ROWS];
	char *dir = support_tmpdir_new();
	const struct or_db_opt opt = {.path = support_path(dir, "rows.db")};
	struct or_db *db = NULL;
	struct tally tally = {0};
	struct policy_gen g;
	struct or_buf text;

	or_buf_init(&text, OR_MIB);
	policy_gen_init(&g, 1);
	ASSERT_OK(or_db_open(&db, &opt, &w->err), &w->err);
	create(db, &w->err);
	ASSERT_OK(or_db_begin(db, &w->err), &w->err);
	insert(w, db, &g, rows);
	ASSERT_OK(or_db_commit(db, &w->err), &w->err);
	for (uint64_t seed = 1; seed <= SETS; seed++) {
		policy_rows_random(w, seed, seed % 4 != 0, &text);
		w->req.on_forbid_error = POL_FORBID_ERROR_SKIP;
		one_set(w, db, rows, &text, &tally);
		w->req.on_forbid_error = POL_FORBID_ERROR_DENY;
		one_set(w, db, rows, &text, &tally);
	}
	print_message("%zu filters, %zu refused, %zu rows let through, %zu kept back\n", tally.some,
	    tally.refused, tally.let_through, tally.kept_back);
	assert_true(tally.some > SETS / 2);
	assert_true(tally.refused < SETS / 4);
	assert_true(tally.let_through > SETS * ROWS / 10);
	assert_true(tally.kept_back > SETS * ROWS / 10);
	or_db_close(db);
	support_tmpdir_remove(dir);
	or_buf_done(&text);
}

/* ---- for psql */

static void put_quoted(struct or_slice s)
{
	putchar('\'');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\'')
			putchar('\'');
		putchar(s.p[i]);
	}
	putchar('\'');
}

static void put_value(const struct pol_value *v)
{
	if (!v)
		printf("NULL");
	else if (v->kind == POL_STRING)
		put_quoted(v->s);
	else if (v->kind == POL_BOOL)
		printf("%s", v->b ? "TRUE" : "FALSE");
	else
		printf("%" PRId64, v->i);
}

/* Collations that a filter must not listen to. */
static void script_table(struct policy_rows *w, const struct pol_record **rows)
{
	struct policy_gen g;

	printf("CREATE EXTENSION citext;\n"
	       "CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level1', "
	       "deterministic = false);\n"
	       "CREATE TABLE t (id integer, level bigint, price bigint, owner text COLLATE nocase, "
	       "city citext, \"odd \"\"na'me\" text, open boolean, "
	       "\"select\" boolean);\n");
	policy_gen_init(&g, 1);
	for (int r = 0; r < ROWS; r++) {
		rows[r] = policy_gen_row(&g, w->arena);
		printf("INSERT INTO t VALUES (%d", r);
		for (int c = 0; c < POLICY_GEN_COLUMNS; c++) {
			printf(", ");
			put_value(
			    pol_value_field(rows[r], or_slice_str(policy_gen_columns[c].name)));
		}
		printf(");\n");
	}
}

static void script_set(struct policy_rows *w, const struct pol_record *const *rows, uint64_t seed)
{
	size_t n = 0;

	printf("PREPARE q AS SELECT concat('%" PRIu64 ": ', string_agg(id::text, ' ' ORDER BY id)) "
	       "FROM t WHERE %.*s;\nEXECUTE q",
	    seed, OR_SLICE_FMT(w->sql.text));
	for (size_t i = 0; i < w->sql.n_params; i++) {
		printf("%s", i ? ", " : "(");
		put_value(&w->sql.params[i]);
	}
	printf("%s;\nDEALLOCATE q;\n\\echo '%" PRIu64 ": ", w->sql.n_params ? ")" : "", seed);
	for (int r = 0; r < ROWS; r++) {
		if (policy_rows_allowed(w, rows[r]))
			printf("%s%d", n++ ? " " : "", r);
	}
	printf("'\n");
}

static int script(const char *first, const char *last)
{
	const struct pol_record *rows[ROWS];
	struct policy_rows *w = NULL;
	uint64_t from, to;
	struct or_buf text;
	void *state;

	if (or_str_u64(&from, or_slice_str(first)) || or_str_u64(&to, or_slice_str(last)))
		return 2;
	policy_rows_setup(&state);
	w = state;
	or_buf_init(&text, OR_MIB);
	script_table(w, rows);
	for (uint64_t seed = from; seed <= to; seed++) {
		policy_rows_random(w, seed, true, &text);
		w->req.on_forbid_error = seed % 2 ? POL_FORBID_ERROR_SKIP : POL_FORBID_ERROR_DENY;
		if (policy_rows_filter(w, or_buf_text(&text)) == OR_OK &&
		    w->f.verdict == POL_FILTER_SOME &&
		    pol_filter_sql(&w->sql, &w->f, POL_FILTER_POSTGRES, w->arena, &w->err) == OR_OK)
			script_set(w, rows, seed);
	}
	or_buf_done(&text);
	return policy_rows_teardown(&state);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		sql__selects_the_rows_that_are_allowed, policy_rows_setup, policy_rows_teardown),
	};

	if (argc == 4 && strcmp(argv[1], "script") == 0)
		return script(argv[2], argv[3]);
	return cmocka_run_group_tests_name("policy/filter_rows", tests, NULL, NULL);
}
