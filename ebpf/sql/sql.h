/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which tables an SQL text reads and writes, in any of the dialects that people send.
 *
 * Not a validating parser: it knows where table names stand (FROM, JOIN, USING, INTO, UPDATE,
 * MERGE, COPY…), what is a name of the statement's own (CTEs, aliases) and what only looks like a
 * table (EXTRACT(… FROM …), functions, variables). A statement that makes no sense adds nothing.
 * The text is foreign: of any bytes, perhaps cut. No value of it is kept, only names.
 *
 * Thread: any; pure. Owns: nothing; names lie in the caller's arena.
 * Limits: TAP_SQL_BYTES_MAX of text (the rest counts as cut off), TAP_SQL_TABLES_MAX names in each
 * direction, TAP_SQL_DEPTH_MAX brackets within each other; the arena's budget (some 50 bytes a
 * token).
 */
#ifndef EBPF_SQL_SQL_H
#define EBPF_SQL_SQL_H

#include "base/arena.h"
#include "base/err.h"

#define TAP_SQL_BYTES_MAX  (256U * 1024)
#define TAP_SQL_TABLES_MAX 256U
#define TAP_SQL_DEPTH_MAX  100U
#define TAP_SQL_USE_MAX    256U

enum tap_sql_dialect {
	TAP_SQL_ANSI, /* none in particular */
	TAP_SQL_POSTGRES,
	TAP_SQL_REDSHIFT,
	TAP_SQL_MYSQL,
	TAP_SQL_MSSQL,
	TAP_SQL_ORACLE,
	TAP_SQL_SNOWFLAKE,
	TAP_SQL_BIGQUERY,
	TAP_SQL_HIVE,
	TAP_SQL_SPARK, /* and Databricks */
	TAP_SQL_DUCKDB,
	TAP_SQL_DIALECTS,
};

/* By name and by what it is also called ("postgresql", "databricks", "tsql"…); unknown ones are
 * ANSI. */
enum tap_sql_dialect tap_sql_dialect_find(struct or_slice name);

struct tap_sql_opt {
	enum tap_sql_dialect dialect;
	bool cut; /* the text's end is missing: what touches it is left out, what is open is closed
		   */
	/* What the text as a whole reads and writes, as a data flow: tables that it makes and reads
	 * itself are neither, DROP takes away, RENAME renames, DELETE and TRUNCATE move nothing,
	 * and a CTE counts whether it is used or not. Otherwise each statement counts for itself.
	 */
	bool whole;
};

/* What USE chose; carried from text to text of one session. Empty at the start. */
struct tap_sql_use {
	char database[TAP_SQL_USE_MAX], schema[TAP_SQL_USE_MAX];
};

struct tap_sql_name {
	/* "database.schema.table" without quotes, but around a part that has a dot itself. */
	struct or_slice text;
	bool exact;    /* some part was quoted: its case counts */
	bool external; /* a location or stage rather than a table */
};

struct tap_sql_names {
	struct tap_sql_name *items; /* in the order of appearance, each once */
	size_t n, room;
};

struct tap_sql_facts {
	struct tap_sql_names in, out;
	struct tap_sql_names loops; /* with whole: what one statement both reads and writes */
	size_t statements;          /* all, those that say nothing of tables too */
	size_t failed;              /* of those: made no sense */
	bool more;                  /* there were more names than fit */
};

/* Adds to *facts, which starts zeroed; *use is read and changed. OR_FULL: the arena's budget, or
 * the depth; what was added before that stays. */
OR_NODISCARD enum or_code tap_sql_read(struct tap_sql_facts *facts, struct tap_sql_use *use,
    struct or_slice sql, const struct tap_sql_opt *opt, struct or_arena *arena);

/* With whole, once all texts are read: takes out what is neither in nor out. */
void tap_sql_finish(struct tap_sql_facts *facts);

#endif
