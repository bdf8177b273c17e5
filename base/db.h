/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite: a database file, prepared statements, transactions, and a schema that migrates by itself.
 *
 * Thread: one at a time may use a database and its statements, any one. Every call may wait for the
 * disk (a commit is synced), so a program with a loop calls from its slow thread, or at its start.
 * Owns:   the file, and <file>-wal and <file>-shm beside it; the write-ahead log is synced at every
 *         commit, so that what or_db_commit reported survives a power cut.
 * Schema: migrations[0..n) are SQL scripts; user_version says how many of them the file has seen.
 *         Each runs once, in a transaction with its number. One that was released never changes.
 * Limits: opt.max_bytes (OR_FULL). Text and blobs are bounded by whoever puts them in.
 * Errors: OR_FULL (limit, or the disk), OR_BUSY (another process holds it), OR_CORRUPT, OR_EXISTS
 * (a unique column has that value), OR_INVAL (another constraint, or SQL that is wrong), OR_DENIED
 * (not writable), OR_IO.
 */
#ifndef BASE_DB_H
#define BASE_DB_H

#include "base/err.h"

struct or_db;
struct or_db_stmt;

struct or_db_opt {
	const char *path; /* its folder is there */
	const char *const *migrations;
	size_t n_migrations;
	uint64_t max_bytes; /* 0: no limit */
};

/* Makes the file (0600) where it is new, and brings its schema up to date. OR_STALE: a newer
 * program wrote it. */
OR_NODISCARD enum or_code or_db_open(
    struct or_db **out, const struct or_db_opt *opt, struct or_err *err);
/* Statements have been freed; a transaction that is open is rolled back. NULL does nothing. */
void or_db_close(struct or_db *db);

/* begin takes the write lock at once. After an error inside a transaction: rollback. */
OR_NODISCARD enum or_code or_db_begin(struct or_db *db, struct or_err *err);
OR_NODISCARD enum or_code or_db_commit(struct or_db *db, struct or_err *err);
void or_db_rollback(struct or_db *db);

/* One or more statements without parameters. */
OR_NODISCARD enum or_code or_db_exec(struct or_db *db, const char *sql, struct or_err *err);

/* One statement, whose parameters are ?1, ?2… On success *out is the caller's. */
OR_NODISCARD enum or_code or_db_prepare(
    struct or_db_stmt **out, struct or_db *db, const char *sql, struct or_err *err);
void or_db_stmt_free(struct or_db_stmt *stmt); /* NULL does nothing */

/* Parameters count from 1 and stay bound until they are bound anew. Bytes are copied; a slice with
 * p == NULL is NULL. */
void or_db_bind_i64(struct or_db_stmt *stmt, int i, int64_t v);
void or_db_bind_text(struct or_db_stmt *stmt, int i, struct or_slice s);
void or_db_bind_blob(struct or_db_stmt *stmt, int i, struct or_slice s);

/* The next row: OR_OK, and *has_row false at the end; the statement is then ready to run again. */
OR_NODISCARD enum or_code or_db_step(struct or_db_stmt *stmt, bool *has_row, struct or_err *err);
/* Runs it to its end, passing over rows. */
OR_NODISCARD enum or_code or_db_run(struct or_db_stmt *stmt, struct or_err *err);
/* Makes it ready to run again before its end. */
void or_db_reset(struct or_db_stmt *stmt);

/* Of the current row; columns count from 0. NULL reads as 0 and, as empty text does, as the slice
 * with p == NULL. Bytes are borrowed until the next step or reset. */
int64_t or_db_column_i64(struct or_db_stmt *stmt, int i);
struct or_slice or_db_column_slice(struct or_db_stmt *stmt, int i);

/* Rows that the last statement inserted, updated or deleted. */
uint64_t or_db_changes(struct or_db *db);

#endif
