/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/sql/sql.h"

#include "base/buf.h"
#include "tests/support/support.h"

#include <stdio.h>

static struct or_arena *arena;
static struct tap_sql_facts facts;
static struct tap_sql_use use;
static char text[4096];

static int start(void **state)
{
	(void)state;
	arena = or_arena_new(4 << 20);
	memset(&facts, 0, sizeof(facts));
	memset(&use, 0, sizeof(use));
	return 0;
}

static int stop(void **state)
{
	(void)state;
	or_arena_free(arena);
	return 0;
}

static void put(const struct tap_sql_names *names)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < names->n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s%s", i ? " " : "",
		    OR_SLICE_FMT(names->items[i].text), names->items[i].external ? "!" : "");
}

/* "reads > writes"; locations have a "!" behind them. */
static const char *read_with(const struct tap_sql_opt *opt, const char *sql)
{
	memset(&facts, 0, sizeof(facts));
	ASSERT_CODE(tap_sql_read(&facts, &use, or_slice_str(sql), opt, arena), OR_OK);
	if (opt->whole)
		tap_sql_finish(&facts);
	text[0] = '\0';
	put(&facts.in);
	snprintf(text + strlen(text), sizeof(text) - strlen(text), " > ");
	put(&facts.out);
	return text;
}

static const char *read_as(enum tap_sql_dialect dialect, const char *sql)
{
	return read_with(&(struct tap_sql_opt){.dialect = dialect}, sql);
}

static const char *read(const char *sql)
{
	return read_as(TAP_SQL_POSTGRES, sql);
}

static void read__finds_both_directions(void **state)
{
	(void)state;
	assert_string_equal(
	    read("INSERT INTO s.b (x) SELECT a.x FROM a, c AS d JOIN e USING (x)"), "a c e > s.b");
	assert_string_equal(read("CREATE TABLE b AS SELECT * FROM a"), "a > b");
	assert_string_equal(
	    read("UPDATE b SET x = (SELECT max(x) FROM a) FROM c WHERE b.i = c.i"), "a c > b");
	assert_string_equal(
	    read("MERGE INTO b USING (SELECT * FROM a) s ON b.i = s.i WHEN MATCHED "
		 "THEN UPDATE SET x = s.x WHEN NOT MATCHED THEN INSERT VALUES (s.i)"),
	    "a > b");
	assert_string_equal(read("COPY (SELECT * FROM a) TO STDOUT"), "a > ");
	assert_string_equal(read("COPY b (x, y) FROM STDIN WITH (FORMAT csv)"), " > b");
	assert_string_equal(read("COPY a TO '/tmp/a.csv'"), "a > /tmp/a.csv!");
	assert_string_equal(read("TRUNCATE a, b"), " > a b");
}

static void read__knows_what_only_looks_like_a_table(void **state)
{
	(void)state;
	assert_string_equal(
	    read(
		"SELECT extract(year FROM d), trim(both 'x' from y), substring(z FROM 2) FROM a "
		"WHERE d IS NOT DISTINCT FROM e AND f = ' FROM g ' -- FROM h\n /* FROM i /* */ */"),
	    "a > ");
	assert_string_equal(
	    read("SELECT * FROM generate_series(1, (SELECT max(n) FROM a)) g, o, o.items"),
	    "a o > ");
	assert_string_equal(read("SELECT $tag$ FROM x $tag$, E'\\' FROM y', $1 FROM a"), "a > ");
	assert_string_equal(read("VALUES (1, 2)"), " > ");
	assert_string_equal(read("EXPLAIN SELECT * FROM a"), " > ");
	assert_string_equal(read("EXPLAIN ANALYZE SELECT * FROM a"), "a > ");
}

static void read__follows_ctes(void **state)
{
	(void)state;
	assert_string_equal(
	    read("WITH x AS (SELECT * FROM a), y (n) AS MATERIALIZED (SELECT * FROM "
		 "x JOIN b ON true), unused AS (SELECT * FROM c) SELECT * FROM y"),
	    "a b > ");
	assert_string_equal(read("WITH gone AS (DELETE FROM a RETURNING *) INSERT INTO b SELECT * "
				 "FROM gone"),
	    " > a b");
	assert_string_equal(
	    read("WITH RECURSIVE t AS (SELECT 1 FROM a UNION ALL SELECT n + 1 FROM t) "
		 "SELECT * FROM t"),
	    "a > ");
	/* Without RECURSIVE the inner one is another table of that name. */
	assert_string_equal(read("WITH t AS (SELECT * FROM t) SELECT * FROM t"), "t > ");
	/* A name inside of brackets ends with them. */
	assert_string_equal(
	    read("SELECT * FROM (WITH x AS (SELECT * FROM a) SELECT * FROM x) s JOIN x ON true"),
	    "a x > ");
}

static void read__knows_the_dialects(void **state)
{
	(void)state;
	assert_string_equal(
	    read_as(TAP_SQL_MYSQL, "UPDATE a x JOIN b ON x.i = b.i SET x.v = b.v"), "b > a");
	assert_string_equal(
	    read_as(TAP_SQL_MYSQL, "SELECT \"FROM x\" /*!40000 FROM a */ WHERE 1 # FROM y"),
	    "a > ");
	assert_string_equal(
	    read_as(TAP_SQL_MSSQL, "UPDATE x SET v = 1 FROM [s].[a] AS x JOIN b(NOLOCK) ON 1 = 1"),
	    "b > s.a");
	assert_string_equal(
	    read_as(TAP_SQL_MSSQL, "INSERT INTO b SELECT * FROM a DELETE FROM c"), "a > b c");
	assert_string_equal(read_as(TAP_SQL_HIVE,
				"FROM a INSERT OVERWRITE TABLE b SELECT x INSERT INTO c SELECT y"),
	    "a > b c");
	assert_string_equal(read_as(TAP_SQL_BIGQUERY, "SELECT * FROM my-project.d.a, `p.d.b`"),
	    "my-project.d.a p.d.b > ");
	assert_string_equal(
	    read_as(TAP_SQL_REDSHIFT, "UNLOAD ('SELECT * FROM a') TO 's3://b/x'"), "a > s3://b/x!");
	assert_string_equal(
	    read_as(TAP_SQL_SNOWFLAKE,
		"INSERT ALL WHEN x > 1 THEN INTO b INTO c SELECT * FROM a // FROM d"),
	    "a > b c");
	assert_string_equal(read_as(TAP_SQL_DUCKDB, "FROM a SELECT x"), "a > ");
	assert_string_equal(read_as(TAP_SQL_DUCKDB, "COPY a TO 'out.parquet'"), "a > out.parquet!");
}

static void read__completes_names_by_use(void **state)
{
	(void)state;
	assert_string_equal(
	    read_as(TAP_SQL_MYSQL, "USE shop; SELECT * FROM a, b.c"), "shop.a b.c > ");
	assert_string_equal(read_as(TAP_SQL_MYSQL, "SELECT * FROM a"), "shop.a > ");
	memset(&use, 0, sizeof(use));
	assert_string_equal(read_as(TAP_SQL_SNOWFLAKE, "USE db.s; SELECT * FROM a, t.b, x.y.z"),
	    "db.s.a db.t.b x.y.z > ");
}

static void read__takes_no_statement_that_makes_no_sense(void **state)
{
	(void)state;
	assert_string_equal(read("INSERT also nothing; SELECT * FROM a); SELECT * FROM b"), "b > ");
	assert_int_equal(facts.statements, 3);
	assert_int_equal(facts.failed, 2);
	assert_string_equal(read("SELECT * FROM a WHERE x = 'open"), " > ");
	assert_int_equal(facts.failed, 1);
	assert_string_equal(read(";;"), " > ");
	assert_int_equal(facts.statements, 0);
}

/* However a text is cut: no name that is not in the whole one. */
static void read__of_a_cut_text_invents_nothing(void **state)
{
	static const char sql[] =
	    "WITH x AS (SELECT * FROM \"s\".aa JOIN bb ON 'q' = \"z\") INSERT "
	    "INTO out_t (a) SELECT * FROM x, (SELECT * FROM cc) d JOIN ee";
	const struct tap_sql_opt opt = {.dialect = TAP_SQL_POSTGRES, .cut = true};
	static const char *const known[] = {"s.aa", "bb", "out_t", "cc"};

	(void)state;
	for (size_t n = 0; n < sizeof(sql); n++) {
		memset(&facts, 0, sizeof(facts));
		ASSERT_CODE(tap_sql_read(&facts, &use, or_slice(sql, n), &opt, arena), OR_OK);
		for (size_t i = 0; i < facts.in.n + facts.out.n; i++) {
			const struct tap_sql_name *name =
			    i < facts.in.n ? &facts.in.items[i] : &facts.out.items[i - facts.in.n];
			bool is_known = false;

			for (size_t k = 0; k < OR_LEN(known); k++)
				is_known |= or_slice_is(name->text, known[k]);
			if (!is_known)
				fail_msg("at %zu: %.*s", n, OR_SLICE_FMT(name->text));
		}
	}
	assert_int_equal(facts.in.n, 3);
	assert_int_equal(facts.out.n, 1);
}

static void finish__leaves_what_the_whole_does(void **state)
{
	const struct tap_sql_opt opt = {.whole = true};

	(void)state;
	assert_string_equal(
	    read_with(&opt, "CREATE TABLE t AS SELECT * FROM a; INSERT INTO b SELECT * "
			    "FROM t; DROP TABLE t; DELETE FROM c"),
	    "a > b");
	assert_string_equal(read_with(&opt, "INSERT INTO b SELECT * FROM b JOIN a"), "b a > b");
	assert_string_equal(
	    read_with(&opt, "INSERT INTO t SELECT * FROM a; ALTER TABLE t RENAME TO b"), "a > b");
	assert_string_equal(
	    read_with(&opt, "CREATE TABLE t (x int); DROP TABLE t; INSERT INTO b SELECT 1"),
	    " > b");
}

static void limits__are_met_without_harm(void **state)
{
	const struct tap_sql_opt opt = {.dialect = TAP_SQL_ANSI};
	static char deep[4096];
	struct or_arena *tiny = or_arena_new(1024);
	struct or_buf b;

	(void)state;
	memset(deep, '(', sizeof(deep) - 1);
	ASSERT_CODE(tap_sql_read(&facts, &use, or_slice_str(deep), &opt, arena), OR_OK);
	assert_true(facts.more);
	assert_int_equal(facts.failed, 1);
	memset(&facts, 0, sizeof(facts));
	ASSERT_CODE(tap_sql_read(&facts, &use,
			OR_SLICE_LIT("SELECT 1 FROM a, b, c, d, e, f, g, h, "
				     "i, j, k, l, m, n, o, p"),
			&opt, tiny),
	    OR_FULL);
	or_arena_free(tiny);
	or_buf_init(&b, OR_MIB);
	or_buf_put_str(&b, "SELECT 1 FROM t");
	for (int i = 0; i < 300; i++)
		or_buf_printf(&b, " UNION SELECT 1 FROM t%d", i);
	memset(&facts, 0, sizeof(facts));
	ASSERT_CODE(tap_sql_read(&facts, &use, or_buf_slice(&b), &opt, arena), OR_OK);
	assert_true(facts.more);
	or_buf_done(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(read__finds_both_directions),
	    TEST(read__knows_what_only_looks_like_a_table),
	    TEST(read__follows_ctes),
	    TEST(read__knows_the_dialects),
	    TEST(read__completes_names_by_use),
	    TEST(read__takes_no_statement_that_makes_no_sense),
	    TEST(read__of_a_cut_text_invents_nothing),
	    TEST(finish__leaves_what_the_whole_does),
	    TEST(limits__are_met_without_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
