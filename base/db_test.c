/* SPDX-License-Identifier: Apache-2.0 */
#include "base/db.h"

#include "tests/support/support.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const schema[] = {
    "CREATE TABLE person (name TEXT PRIMARY KEY, age INTEGER CHECK (age >= 0), photo BLOB) STRICT",
    "ALTER TABLE person ADD COLUMN city TEXT; CREATE INDEX person_city ON person (city)",
};

struct fixture {
	char *dir;
	const char *path;
	struct or_db *db;
	struct or_err err;
};

static void open_with(struct fixture *f, size_t n_migrations)
{
	const struct or_db_opt opt = {
	    .path = f->path, .migrations = schema, .n_migrations = n_migrations};

	ASSERT_OK(or_db_open(&f->db, &opt, &f->err), &f->err);
}

static int set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){.dir = support_tmpdir_new()};
	f.path = support_path(f.dir, "people.db");
	open_with(&f, 2);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	or_db_close(f->db);
	support_tmpdir_remove(f->dir);
	return 0;
}

static enum or_code put(struct fixture *f, const char *name, int64_t age)
{
	struct or_db_stmt *stmt;
	enum or_code rc;

	ASSERT_OK(
	    or_db_prepare(&stmt, f->db,
		"INSERT INTO person (name, age, photo, city) VALUES (?1, ?2, ?3, ?4)", &f->err),
	    &f->err);
	or_db_bind_text(stmt, 1, or_slice_str(name));
	or_db_bind_i64(stmt, 2, age);
	or_db_bind_blob(stmt, 3, or_slice("\0\1\2", 3));
	or_db_bind_text(stmt, 4, OR_SLICE_NONE);
	rc = or_db_run(stmt, &f->err);
	or_db_stmt_free(stmt);
	return rc;
}

static int64_t count(struct fixture *f)
{
	struct or_db_stmt *stmt;
	bool has_row;
	int64_t n;

	ASSERT_OK(or_db_prepare(&stmt, f->db, "SELECT count(*) FROM person", &f->err), &f->err);
	ASSERT_OK(or_db_step(stmt, &has_row, &f->err), &f->err);
	assert_true(has_row);
	n = or_db_column_i64(stmt, 0);
	or_db_stmt_free(stmt);
	return n;
}

static void step__gives_rows_and_their_types(void **state)
{
	struct fixture *f = *state;
	struct or_db_stmt *stmt;
	bool has_row;

	ASSERT_OK(put(f, "ada", 36), &f->err);
	ASSERT_OK(put(f, "bob", INT64_MAX), &f->err);
	ASSERT_OK(
	    or_db_prepare(&stmt, f->db,
		"SELECT name, age, photo, city FROM person WHERE age > ?1 ORDER BY name", &f->err),
	    &f->err);
	for (int pass = 0; pass < 2; pass++) { /* a statement that ended runs again */
		or_db_bind_i64(stmt, 1, 0);
		ASSERT_OK(or_db_step(stmt, &has_row, &f->err), &f->err);
		assert_true(has_row);
		ASSERT_SLICE(or_db_column_slice(stmt, 0), "ada");
		assert_int_equal(or_db_column_i64(stmt, 1), 36);
		assert_int_equal(or_db_column_slice(stmt, 2).n, 3);
		assert_memory_equal(or_db_column_slice(stmt, 2).p, "\0\1\2", 3);
		assert_null(or_db_column_slice(stmt, 3).p);
		assert_int_equal(or_db_column_i64(stmt, 3), 0);
		ASSERT_OK(or_db_step(stmt, &has_row, &f->err), &f->err);
		assert_true(has_row);
		assert_true(or_db_column_i64(stmt, 1) == INT64_MAX);
		ASSERT_OK(or_db_step(stmt, &has_row, &f->err), &f->err);
		assert_false(has_row);
	}
	or_db_stmt_free(stmt);
}

static void run__says_what_a_constraint_refused(void **state)
{
	struct fixture *f = *state;

	ASSERT_OK(put(f, "ada", 36), &f->err);
	ASSERT_CODE(put(f, "ada", 37), OR_EXISTS);
	ASSERT_HAS(f->err.msg, "people.db");
	ASSERT_CODE(put(f, "bob", -1), OR_INVAL);
	ASSERT_HAS(f->err.msg, "CHECK");
	ASSERT_OK(or_db_exec(f->db, "UPDATE person SET age = 40", &f->err), &f->err);
	assert_int_equal(or_db_changes(f->db), 1);
}

static void rollback__takes_everything_back(void **state)
{
	struct fixture *f = *state;

	ASSERT_OK(or_db_begin(f->db, &f->err), &f->err);
	ASSERT_OK(put(f, "ada", 36), &f->err);
	assert_int_equal(count(f), 1);
	or_db_rollback(f->db);
	or_db_rollback(f->db);
	assert_int_equal(count(f), 0);
}

static void prepare__refuses_wrong_sql(void **state)
{
	struct fixture *f = *state;
	struct or_db_stmt *stmt;

	ASSERT_CODE(or_db_prepare(&stmt, f->db, "SELEC 1", &f->err), OR_INVAL);
	ASSERT_HAS(f->err.msg, "syntax error");
}

static void open__migrates_once_and_refuses_a_newer_schema(void **state)
{
	struct fixture *f = *state;
	struct or_db_opt opt = {.path = f->path, .migrations = schema, .n_migrations = 1};
	struct or_db *db;

	ASSERT_OK(put(f, "ada", 36), &f->err);
	or_db_close(f->db);
	f->db = NULL;
	ASSERT_CODE(or_db_open(&db, &opt, &f->err), OR_STALE);
	ASSERT_HAS(f->err.msg, "newer");
	open_with(f, 2);
	assert_int_equal(count(f), 1);
}

static void open__goes_on_from_an_older_schema(void **state)
{
	struct fixture *f = *state;

	or_db_close(f->db);
	f->path = support_path(f->dir, "old.db");
	open_with(f, 1);
	ASSERT_OK(or_db_exec(f->db, "INSERT INTO person (name) VALUES ('ada')", &f->err), &f->err);
	or_db_close(f->db);
	open_with(f, 2);
	ASSERT_OK(or_db_exec(f->db, "UPDATE person SET city = 'Delft'", &f->err), &f->err);
	assert_int_equal(or_db_changes(f->db), 1);
}

static void open__leaves_the_file_as_it_was_when_a_migration_fails(void **state)
{
	struct fixture *f = *state;
	const char *const bad[] = {schema[0], schema[1], "CREATE TABLE x (y) STRICT; NONSENSE"};
	const struct or_db_opt opt = {.path = f->path, .migrations = bad, .n_migrations = 3};
	struct or_db *db;

	or_db_close(f->db);
	f->db = NULL;
	ASSERT_CODE(or_db_open(&db, &opt, &f->err), OR_INVAL);
	ASSERT_HAS(f->err.msg, "migration 3");
	open_with(f, 2); /* user_version is still 2 */
}

static void open__says_what_is_wrong_with_a_file(void **state)
{
	struct fixture *f = *state;
	const char *path = support_path(f->dir, "garbage.db");
	const struct or_db_opt garbage = {.path = path, .migrations = schema, .n_migrations = 2};
	const struct or_db_opt nowhere = {.path = support_path(f->dir, "missing/people.db")};
	FILE *file = fopen(path, "w");
	struct or_db *db;

	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		fputs("no database. ", file);
	fclose(file);
	ASSERT_CODE(or_db_open(&db, &garbage, &f->err), OR_CORRUPT);
	ASSERT_HAS(f->err.msg, "garbage.db");
	ASSERT_CODE(or_db_open(&db, &nowhere, &f->err), OR_ABSENT);
}

static void open__makes_a_file_that_only_its_owner_reads(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void run__stops_at_the_size_limit(void **state)
{
	struct fixture *f = *state;
	const struct or_db_opt opt = {.path = support_path(f->dir, "small.db"),
	    .migrations = schema,
	    .n_migrations = 2,
	    .max_bytes = 128 * 1024};
	enum or_code rc = OR_OK;
	char name[32];

	or_db_close(f->db);
	ASSERT_OK(or_db_open(&f->db, &opt, &f->err), &f->err);
	ASSERT_OK(or_db_begin(f->db, &f->err), &f->err); /* one sync for all */
	for (int i = 0; i < 100000 && rc == OR_OK; i++) {
		snprintf(name, sizeof(name), "person %d", i);
		rc = put(f, name, i);
	}
	ASSERT_CODE(rc, OR_FULL);
	or_db_rollback(f->db);
	assert_int_equal(count(f), 0);
}

/* A process that is killed loses what it had not committed, and nothing else. */
static void commit__survives_a_kill(void **state)
{
	struct fixture *f = *state;
	pid_t pid;
	int status;

	or_db_close(f->db);
	f->db = NULL;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		open_with(f, 2);
		if (put(f, "kept", 1) || or_db_begin(f->db, NULL) || put(f, "lost", 2))
			_exit(1);
		_exit(0); /* without a close, as a kill would end it */
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	open_with(f, 2);
	assert_int_equal(count(f), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(step__gives_rows_and_their_types, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(run__says_what_a_constraint_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(rollback__takes_everything_back, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(prepare__refuses_wrong_sql, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		open__migrates_once_and_refuses_a_newer_schema, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(open__goes_on_from_an_older_schema, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		open__leaves_the_file_as_it_was_when_a_migration_fails, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		open__says_what_is_wrong_with_a_file, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		open__makes_a_file_that_only_its_owner_reads, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(run__stops_at_the_size_limit, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(commit__survives_a_kill, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("base/db", tests, NULL, NULL);
}
