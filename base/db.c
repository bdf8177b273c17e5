/* SPDX-License-Identifier: Apache-2.0 */
#include "base/db.h"

#include "base/mem.h"
#include "base/sys.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>

enum { PRAGMA_LEN = 128 };

struct or_db {
	sqlite3 *handle;
	char *path;
};

struct or_db_stmt {
	struct or_db *db;
	sqlite3_stmt *handle;
};

static enum or_code code_of(int rc)
{
	switch (rc & 0xFF) {
	case SQLITE_FULL: return OR_FULL;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return OR_BUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return OR_CORRUPT;
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_READONLY: return OR_DENIED;
	case SQLITE_CONSTRAINT:
		return rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY
			   ? OR_EXISTS
			   : OR_INVAL;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN: return OR_IO;
	case SQLITE_TOOBIG: return OR_FULL;
	default: return OR_INVAL;
	}
}

/* handle may be NULL: nothing was opened. */
static enum or_code fail(const struct or_db *db, int rc, struct or_err *err)
{
	enum or_code code = code_of(rc);

	OR_ASSERT(rc != SQLITE_NOMEM && (rc & 0xFF) != SQLITE_MISUSE);
	or_err_set(
	    err, code, "%s: %s", db->path, db->handle ? sqlite3_errmsg(db->handle) : "not opened");
	if (err && code == OR_IO && db->handle)
		err->sys = sqlite3_system_errno(db->handle);
	return code;
}

enum or_code or_db_exec(struct or_db *db, const char *sql, struct or_err *err)
{
	int rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	return rc ? fail(db, rc, err) : OR_OK;
}

enum or_code or_db_begin(struct or_db *db, struct or_err *err)
{
	return or_db_exec(db, "BEGIN IMMEDIATE", err);
}

enum or_code or_db_commit(struct or_db *db, struct or_err *err)
{
	return or_db_exec(db, "COMMIT", err);
}

void or_db_rollback(struct or_db *db)
{
	/* Some errors have rolled it back already; then there is nothing to do. */
	if (!sqlite3_get_autocommit(db->handle))
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

/* ---- opening */

static enum or_code read_pragma(struct or_db *db, const char *sql, int64_t *out, struct or_err *err)
{
	struct or_db_stmt *stmt;
	bool has_row;
	enum or_code rc = or_db_prepare(&stmt, db, sql, err);

	if (rc)
		return rc;
	rc = or_db_step(stmt, &has_row, err);
	if (rc == OR_OK)
		*out = has_row ? or_db_column_i64(stmt, 0) : 0;
	or_db_stmt_free(stmt);
	return rc;
}

static enum or_code run_migration(struct or_db *db, const char *sql, size_t i, struct or_err *err)
{
	char version[PRAGMA_LEN];
	enum or_code rc = or_db_begin(db, err);

	snprintf(version, sizeof(version), "PRAGMA user_version = %zu", i + 1);
	if (rc == OR_OK)
		rc = or_db_exec(db, sql, err);
	if (rc == OR_OK)
		rc = or_db_exec(db, version, err);
	if (rc == OR_OK)
		rc = or_db_commit(db, err);
	if (rc) {
		or_db_rollback(db);
		or_err_wrap(err, rc, "migration %zu", i + 1);
	}
	return rc;
}

static enum or_code migrate(struct or_db *db, const struct or_db_opt *opt, struct or_err *err)
{
	int64_t version = 0;
	enum or_code rc = read_pragma(db, "PRAGMA user_version", &version, err);

	if (rc == OR_OK && (version < 0 || (uint64_t)version > opt->n_migrations))
		rc = or_err_set(err, OR_STALE,
		    "%s has schema %lld and this program knows %zu: a newer one wrote it", db->path,
		    (long long)version, opt->n_migrations);
	for (size_t i = (size_t)version; i < opt->n_migrations && rc == OR_OK; i++)
		rc = run_migration(db, opt->migrations[i], i, err);
	return rc;
}

static enum or_code limit_size(struct or_db *db, uint64_t max_bytes, struct or_err *err)
{
	char sql[PRAGMA_LEN];
	int64_t page = 0;
	enum or_code rc;

	if (!max_bytes)
		return OR_OK;
	rc = read_pragma(db, "PRAGMA page_size", &page, err);
	OR_ASSERT(rc || page > 0);
	if (rc == OR_OK) {
		snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %llu",
		    (unsigned long long)(max_bytes / (uint64_t)page + 1));
		rc = or_db_exec(db, sql, err);
	}
	return rc;
}

/* SQLite makes files that others may read; ours hold names of people. */
static enum or_code make_file(const char *path, struct or_err *err)
{
	int fd;
	enum or_code rc = or_sys_open(&fd, path, O_RDWR | O_CREAT, 0600, err);

	if (rc == OR_OK)
		or_sys_close(fd);
	return rc;
}

enum or_code or_db_open(struct or_db **out, const struct or_db_opt *opt, struct or_err *err)
{
	static const char settings[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
				       "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF";
	struct or_db *db;
	enum or_code rc = make_file(opt->path, err);
	int opened;

	if (rc)
		return rc;
	db = or_mem_new(sizeof(*db));
	db->path = or_mem_strdup(opt->path);
	opened = sqlite3_open_v2(opt->path, &db->handle,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (opened)
		rc = fail(db, opened, err);
	if (rc == OR_OK) {
		sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		rc = or_db_exec(db, settings, err);
	}
	if (rc == OR_OK)
		rc = limit_size(db, opt->max_bytes, err);
	if (rc == OR_OK)
		rc = migrate(db, opt, err);
	if (rc)
		or_db_close(db);
	else
		*out = db;
	return rc;
}

void or_db_close(struct or_db *db)
{
	if (!db)
		return;
	OR_ASSERT(sqlite3_close(db->handle) == SQLITE_OK); /* a statement is left otherwise */
	or_mem_free(db->path);
	or_mem_free(db);
}

/* ---- statements */

enum or_code or_db_prepare(
    struct or_db_stmt **out, struct or_db *db, const char *sql, struct or_err *err)
{
	sqlite3_stmt *handle = NULL;
	const char *rest = NULL;
	int rc = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, &rest);

	if (rc)
		return fail(db, rc, err);
	OR_ASSERT(handle && *rest == '\0');
	*out = or_mem_new(sizeof(**out));
	**out = (struct or_db_stmt){.db = db, .handle = handle};
	return OR_OK;
}

void or_db_stmt_free(struct or_db_stmt *stmt)
{
	if (!stmt)
		return;
	sqlite3_finalize(stmt->handle);
	or_mem_free(stmt);
}

static void bound(int rc)
{
	OR_ASSERT(rc == SQLITE_OK); /* such a parameter, of a statement that is not running */
}

void or_db_bind_i64(struct or_db_stmt *stmt, int i, int64_t v)
{
	bound(sqlite3_bind_int64(stmt->handle, i, v));
}

void or_db_bind_text(struct or_db_stmt *stmt, int i, struct or_slice s)
{
	bound(sqlite3_bind_text64(
	    stmt->handle, i, (const char *)s.p, s.n, SQLITE_TRANSIENT, SQLITE_UTF8));
}

void or_db_bind_blob(struct or_db_stmt *stmt, int i, struct or_slice s)
{
	bound(sqlite3_bind_blob64(stmt->handle, i, s.p, s.n, SQLITE_TRANSIENT));
}

void or_db_reset(struct or_db_stmt *stmt)
{
	sqlite3_reset(stmt->handle);
}

enum or_code or_db_step(struct or_db_stmt *stmt, bool *has_row, struct or_err *err)
{
	int rc = sqlite3_step(stmt->handle);
	enum or_code code = OR_OK;

	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		code = fail(stmt->db, rc, err);
	else
		*has_row = rc == SQLITE_ROW;
	if (rc != SQLITE_ROW)
		sqlite3_reset(stmt->handle);
	return code;
}

enum or_code or_db_run(struct or_db_stmt *stmt, struct or_err *err)
{
	bool has_row = true;
	enum or_code rc = OR_OK;

	while (has_row && rc == OR_OK)
		rc = or_db_step(stmt, &has_row, err);
	return rc;
}

int64_t or_db_column_i64(struct or_db_stmt *stmt, int i)
{
	return sqlite3_column_int64(stmt->handle, i);
}

struct or_slice or_db_column_slice(struct or_db_stmt *stmt, int i)
{
	/* The pointer first: it may convert, which the length then counts. */
	const void *p = sqlite3_column_blob(stmt->handle, i);
	int n = sqlite3_column_bytes(stmt->handle, i);

	return p && n > 0 ? or_slice(p, (size_t)n) : OR_SLICE_NONE;
}

uint64_t or_db_changes(struct or_db *db)
{
	return (uint64_t)sqlite3_changes64(db->handle);
}
