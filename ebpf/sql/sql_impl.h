/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of one text (inside of ebpf/sql/ only): sql_name.c takes names, sql_query.c walks
 * through queries, sql_stmt.c knows the statements, sql.c brings them together.
 *
 * Every function leaves `at` at the first token that it did not take. What makes no sense sets
 * `failed`, and the statement's names are dropped as a whole. Pure.
 */
#ifndef EBPF_SQL_SQL_IMPL_H
#define EBPF_SQL_SQL_IMPL_H

#include "ebpf/sql/sql_lex.h"

/* A CTE that is visible, the innermost first. */
struct tap_sql_cte {
	struct or_slice name;
	struct tap_sql_names reads;
	const struct tap_sql_names *told; /* to whom, last */
	bool open;                        /* its own query is being read */
	bool recursive;
	struct tap_sql_cte *outer;
};

/* An entry of a FROM clause, the last first. */
struct tap_sql_from {
	struct tap_sql_name name; /* text.n == 0: no table */
	struct or_slice alias;    /* or the table's own name; what columns are qualified by */
	struct tap_sql_from *before;
};

struct tap_sql_parser {
	const struct tap_sql_token *tokens;
	size_t at, n;
	const struct tap_sql_opt *opt;
	struct tap_sql_use *use;
	struct or_arena *arena;
	unsigned int depth, brackets, n_ctes, n_froms;
	bool failed, full;
	struct tap_sql_cte *ctes;
	struct tap_sql_from *froms; /* of the query that is being read */
	bool hold;                  /* its tables are only noted: one of them may be the target */
	struct tap_sql_names *reads, writes, dropped, renamed; /* renamed: pairs, old and new */
};

enum { TAP_SQL_CTES_MAX = 100, TAP_SQL_FROMS_MAX = 256 };

enum tap_sql_mode {
	TAP_SQL_EXPRESSION, /* FROM means nothing until there is a SELECT */
	TAP_SQL_QUERY,
	TAP_SQL_FROM, /* a list of tables */
};

/* ---- tokens */

static inline const struct tap_sql_token *tap_sql_now(const struct tap_sql_parser *p)
{
	return &p->tokens[p->at < p->n ? p->at : p->n];
}

static inline const struct tap_sql_token *tap_sql_ahead(const struct tap_sql_parser *p, size_t more)
{
	return &p->tokens[p->at + more < p->n ? p->at + more : p->n];
}

/* The one just taken. */
static inline const struct tap_sql_token *tap_sql_before(const struct tap_sql_parser *p)
{
	return &p->tokens[p->at ? p->at - 1 : p->n];
}

static inline bool tap_sql_is_punct(const struct tap_sql_token *t, char c)
{
	return t->kind == TAP_SQL_PUNCT && t->text.p[0] == (uint8_t)c;
}

static inline bool tap_sql_sees(const struct tap_sql_parser *p, enum tap_sql_keyword k)
{
	const struct tap_sql_token *t = tap_sql_now(p);

	return t->kind == TAP_SQL_WORD && t->keyword == k;
}

/* Takes it if it is there. */
static inline bool tap_sql_take(struct tap_sql_parser *p, enum tap_sql_keyword k)
{
	bool there = tap_sql_sees(p, k);

	p->at += there;
	return there;
}

static inline bool tap_sql_take_punct(struct tap_sql_parser *p, char c)
{
	bool there = tap_sql_is_punct(tap_sql_now(p), c);

	p->at += there;
	return there;
}

/* ---- sql_name.c */

/* Adds it, once. False: no room; *p tells. */
bool tap_sql_name_add(
    struct tap_sql_parser *p, struct tap_sql_names *names, const struct tap_sql_name *name);
bool tap_sql_name_eq(const struct tap_sql_name *a, const struct tap_sql_name *b);
/* A table, location or stage that stands here. text.n == 0 where it is a variable, or cut off;
 * false: there is no name. */
bool tap_sql_name_take(struct tap_sql_parser *p, struct tap_sql_name *name);
/* As it would be read: the name of a CTE gives what that reads. alias_of may be NULL. */
void tap_sql_name_read(struct tap_sql_parser *p, const struct tap_sql_name *name);
void tap_sql_name_write(struct tap_sql_parser *p, const struct tap_sql_name *name);
/* The name with what USE chose in front. */
void tap_sql_name_complete(struct tap_sql_parser *p, struct tap_sql_name *name);
/* The last part of it. */
struct or_slice tap_sql_name_last(const struct tap_sql_name *name);
/* A string that is a location. */
bool tap_sql_name_take_location(struct tap_sql_parser *p, struct tap_sql_name *name);

/* ---- sql_query.c */

/* Up to the end of the brackets or the statement. */
void tap_sql_query_walk(struct tap_sql_parser *p, enum tap_sql_mode mode);
/* One entry of a FROM clause. */
void tap_sql_query_from(struct tap_sql_parser *p);
/* A list of them, joins too, up to what is none of it; without reading them yet. */
void tap_sql_query_hold_list(struct tap_sql_parser *p);
/* What stands in brackets, whose opening one was taken; and the closing one. */
void tap_sql_query_brackets(struct tap_sql_parser *p, bool in_from);
/* WITH stood before: the list of CTEs. They stay visible: who calls puts p->ctes back. */
void tap_sql_query_ctes(struct tap_sql_parser *p);
/* Whether the WITH here begins a list of CTEs, and no list of options. */
bool tap_sql_query_is_with(const struct tap_sql_parser *p);

/* ---- sql_stmt.c */

/* One statement, up to its semicolon. */
void tap_sql_stmt_read(struct tap_sql_parser *p);

#endif
