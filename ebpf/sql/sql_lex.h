/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL's tokens (inside of ebpf/sql/ only). Pure; any thread. Comments are skipped. Keywords are
 * known by their number; which of them are reserved depends on where they stand, so that is the
 * reader's.
 */
#ifndef EBPF_SQL_SQL_LEX_H
#define EBPF_SQL_SQL_LEX_H

#include "ebpf/sql/sql.h"

enum tap_sql_kind {
	TAP_SQL_END,
	TAP_SQL_WORD,
	TAP_SQL_QUOTED, /* an identifier in quotes; "…" always, what a dialect takes for a string
			   too */
	TAP_SQL_STRING,
	TAP_SQL_NUMBER,
	TAP_SQL_PARAM, /* ?, $1, :name, @name, $name */
	TAP_SQL_STAGE, /* Snowflake's @stage/path */
	TAP_SQL_PUNCT, /* one byte */
};

/* clang-format off */
#define TAP_SQL_KEYWORDS(X) \
	X(ALL) X(ALTER) X(ANALYZE) X(APPLY) X(AS) X(BEGIN) X(BY) X(CACHE) X(CATALOG) X(CLONE) X(CLUSTER) \
	X(CONNECT) X(COPY) X(CREATE) X(CROSS) X(DATA) X(DATABASE) X(DECLARE) X(DEEP) X(DEFAULT) X(DELETE) \
	X(DESCRIBE) X(DIRECTORY) X(DISTINCT) X(DISTRIBUTE) X(DROP) X(EXCEPT) X(EXCHANGE) X(EXEC) X(EXISTS) \
	X(EXPLAIN) X(FETCH) X(FIRST) X(FOR) X(FROM) X(FULL) X(FUNCTION) X(GROUP) X(HAVING) X(IDENTIFIER) \
	X(IF) X(IGNORE) X(INNER) X(INPATH) X(INFILE) X(INSERT) X(INTERSECT) X(INTO) X(JOIN) X(LATERAL) \
	X(LEFT) X(LIKE) X(LIMIT) X(LOAD) X(LOCAL) X(LOW_PRIORITY) X(MATCHED) X(MATERIALIZED) X(MERGE) \
	X(MINUS) X(NATURAL) X(NOT) X(OFFSET) X(ON) X(ONLY) X(OR) X(ORDER) X(OUTER) X(OUTFILE) X(OUTPUT) \
	X(OVERRIDING) X(OVERWRITE) X(PARTITION) X(PROCEDURE) X(QUALIFY) X(QUICK) X(RECURSIVE) X(RENAME) \
	X(REPLACE) X(RETURNING) X(RIGHT) X(ROLE) X(SCHEMA) X(SELECT) X(SEMI) X(SET) X(SHALLOW) X(SORT) \
	X(STAGE) X(START) X(STDIN) X(STDOUT) X(STRAIGHT_JOIN) X(SWAP) X(TABLE) X(TEMP) X(TEMPORARY) \
	X(THEN) X(TO) X(TOP) X(TRUNCATE) X(UNION) X(UNLOAD) X(UNLOGGED) X(UPDATE) X(URL) X(USE) X(USING) \
	X(VALUES) X(VIEW) X(WAREHOUSE) X(WHEN) X(WHERE) X(WINDOW) X(WITH)
/* clang-format on */

enum tap_sql_keyword {
	TAP_SQL_KW_NONE,
#define X(name) TAP_SQL_KW_##name,
	TAP_SQL_KEYWORDS(X)
#undef X
	    TAP_SQL_KWS
};

struct tap_sql_token {
	struct or_slice text; /* of an identifier or string, what stands between the quotes */
	uint8_t kind;
	uint8_t keyword; /* of a word; TAP_SQL_KW_NONE: none */
	bool glued;      /* nothing between it and the token before */
	bool last;       /* it touches the end of the text */
};

/* The tokens of sql, with an END after the last. *n counts without that. OR_PARSE: a quote or
 * comment without end (with opt->cut it ends where the text does). OR_FULL: the arena. */
OR_NODISCARD enum or_code tap_sql_lex_all(struct tap_sql_token **out, size_t *n,
    struct or_slice sql, const struct tap_sql_opt *opt, struct or_arena *arena);

#endif
