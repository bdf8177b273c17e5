/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "ebpf/sql/sql_impl.h"

#include <stdio.h>

static void take_all(struct tap_sql_parser *p, const enum tap_sql_keyword *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (tap_sql_take(p, words[i]))
			i = SIZE_MAX;
}
#define TAKE_ALL(p, ...)                                                                           \
	take_all(p, (const enum tap_sql_keyword[]){__VA_ARGS__},                                   \
	    OR_LEN(((const enum tap_sql_keyword[]){__VA_ARGS__})))

static bool is_end(const struct tap_sql_parser *p)
{
	const struct tap_sql_token *t = tap_sql_now(p);

	return t->kind == TAP_SQL_END || tap_sql_is_punct(t, ')') || tap_sql_is_punct(t, ';');
}

/* A name that must be there. */
static bool need_name(struct tap_sql_parser *p, struct tap_sql_name *name)
{
	if (tap_sql_name_take(p, name))
		return true;
	p->failed = !p->opt->cut || !is_end(p);
	return false;
}

static void skip_brackets(struct tap_sql_parser *p)
{
	if (tap_sql_take_punct(p, '('))
		tap_sql_query_brackets(p, false);
}

/* IF [NOT] EXISTS. */
static void skip_if_exists(struct tap_sql_parser *p)
{
	if (!tap_sql_take(p, TAP_SQL_KW_IF))
		return;
	tap_sql_take(p, TAP_SQL_KW_NOT);
	tap_sql_take(p, TAP_SQL_KW_EXISTS);
}

/* ---- INSERT */

/* What may stand behind the table and its columns. */
static bool begins_rows(const struct tap_sql_parser *p)
{
	switch (tap_sql_now(p)->keyword) {
	case TAP_SQL_KW_VALUES:
	case TAP_SQL_KW_SELECT:
	case TAP_SQL_KW_WITH:
	case TAP_SQL_KW_TABLE:
	case TAP_SQL_KW_FROM:
	case TAP_SQL_KW_SET:
	case TAP_SQL_KW_DEFAULT:
	case TAP_SQL_KW_EXEC:
	case TAP_SQL_KW_OUTPUT:
	case TAP_SQL_KW_OVERRIDING:
	case TAP_SQL_KW_PARTITION:
	case TAP_SQL_KW_IF:
	case TAP_SQL_KW_BY:
	case TAP_SQL_KW_REPLACE: return true;
	default: return tap_sql_is_punct(tap_sql_now(p), '(');
	}
}

static void insert_rest(struct tap_sql_parser *p)
{
	if (tap_sql_take(p, TAP_SQL_KW_AS))
		p->at++;
	while (tap_sql_is_punct(tap_sql_now(p), '(') || tap_sql_sees(p, TAP_SQL_KW_PARTITION)) {
		p->at += tap_sql_sees(p, TAP_SQL_KW_PARTITION);
		skip_brackets(p);
	}
	if (tap_sql_take(p, TAP_SQL_KW_TABLE)) { /* INSERT INTO a TABLE b */
		tap_sql_query_from(p);
		return;
	}
	/* The rows may have stood in brackets already; an ON CONFLICT may follow. */
	if (!begins_rows(p) && !tap_sql_is_punct(tap_sql_before(p), ')') && !p->opt->cut &&
	    tap_sql_now(p)->kind == TAP_SQL_WORD)
		p->failed = true;
	tap_sql_query_walk(p, TAP_SQL_QUERY);
}

/* INSERT ALL|FIRST [WHEN … THEN] INTO a … INTO b … SELECT …. */
static void insert_many(struct tap_sql_parser *p)
{
	struct tap_sql_name name;

	while (!is_end(p) && !tap_sql_sees(p, TAP_SQL_KW_SELECT) && !p->failed) {
		if (tap_sql_take(p, TAP_SQL_KW_INTO)) {
			if (need_name(p, &name))
				tap_sql_name_write(p, &name);
		} else if (tap_sql_is_punct(tap_sql_now(p), '(')) {
			skip_brackets(p);
		} else {
			p->at++;
		}
	}
	tap_sql_query_walk(p, TAP_SQL_QUERY);
}

static void on_insert(struct tap_sql_parser *p)
{
	struct tap_sql_name name;
	bool to_table, is_path;

	if (tap_sql_sees(p, TAP_SQL_KW_ALL) || tap_sql_sees(p, TAP_SQL_KW_FIRST)) {
		insert_many(p);
		return;
	}
	TAKE_ALL(p, TAP_SQL_KW_OR, TAP_SQL_KW_IGNORE, TAP_SQL_KW_REPLACE, TAP_SQL_KW_LOW_PRIORITY,
	    TAP_SQL_KW_OVERWRITE, TAP_SQL_KW_LOCAL);
	is_path = tap_sql_take(p, TAP_SQL_KW_DIRECTORY);
	to_table = tap_sql_take(p, TAP_SQL_KW_INTO);
	to_table |= tap_sql_take(p, TAP_SQL_KW_TABLE);
	(void)to_table;
	skip_if_exists(p);
	if (is_path ? !tap_sql_name_take_location(p, &name) : !need_name(p, &name)) {
		p->failed |= is_path;
		return;
	}
	tap_sql_name_write(p, &name);
	insert_rest(p);
}

/* ---- UPDATE and DELETE */

static struct or_slice alias_or_name(const struct tap_sql_from *f)
{
	return f->alias.n ? f->alias : f->name.text;
}

/* The entry that the name means: its alias, or itself. */
static struct tap_sql_from *find_entry(
    const struct tap_sql_parser *p, const struct tap_sql_name *name)
{
	for (struct tap_sql_from *f = p->froms; f; f = f->before) {
		if (!f->name.text.n)
			continue;
		if (or_str_eq_nocase(alias_or_name(f), name->text) ||
		    or_str_eq_nocase(f->name.text, name->text))
			return f;
	}
	return NULL;
}

/* Writes what the name means, which is then no longer read. */
static void hit(struct tap_sql_parser *p, const struct tap_sql_name *name)
{
	struct tap_sql_from *f = find_entry(p, name);

	tap_sql_name_write(p, f ? &f->name : name);
	if (f)
		f->name.text = OR_SLICE_NONE;
}

/* Reads what was held, as far as nothing hit it; in its own order. */
static void release(struct tap_sql_parser *p)
{
	struct tap_sql_from *first = NULL, *next;

	for (struct tap_sql_from *f = p->froms; f; f = next) {
		next = f->before;
		f->before = first;
		first = f;
	}
	for (; first && !p->failed; first = first->before)
		tap_sql_name_read(p, &first->name);
	p->froms = NULL;
}

/* MySQL's UPDATE a JOIN b SET a.x = …: what SET qualifies is written; without that, the first. */
static void hit_assigned(struct tap_sql_parser *p)
{
	const struct tap_sql_from *first = p->froms;
	bool any = false, head = true;

	while (first && first->before)
		first = first->before;
	for (size_t i = p->at, depth = 0; i < p->n; i++) {
		const struct tap_sql_token *t = &p->tokens[i];

		if (tap_sql_is_punct(t, ';') || (!depth && t->keyword == TAP_SQL_KW_WHERE))
			break;
		depth += tap_sql_is_punct(t, '(');
		if (tap_sql_is_punct(t, ')') && depth-- == 0)
			break;
		if (head && i + 1 < p->n && tap_sql_is_punct(&p->tokens[i + 1], '.')) {
			hit(p, &(struct tap_sql_name){.text = t->text});
			any = true;
		}
		head = !depth && tap_sql_is_punct(t, ',');
	}
	if (!any && first)
		hit(p, &(struct tap_sql_name){.text = alias_or_name(first)});
}

static bool is_single(const struct tap_sql_parser *p)
{
	return p->froms && !p->froms->before;
}

static void on_update(struct tap_sql_parser *p)
{
	struct tap_sql_name target = {.external = false};
	bool single;

	TAKE_ALL(p, TAP_SQL_KW_LOW_PRIORITY, TAP_SQL_KW_IGNORE);
	if (tap_sql_take(p, TAP_SQL_KW_TOP))
		skip_brackets(p);
	p->froms = NULL;
	tap_sql_query_hold_list(p);
	single = is_single(p);
	if (!tap_sql_take(p, TAP_SQL_KW_SET)) {
		p->failed |= !p->opt->cut;
		return;
	}
	if (single)
		target = p->froms->name;
	else
		hit_assigned(p);
	if (!single)
		release(p);
	p->froms = NULL;
	/* Assignments may have queries in brackets; then FROM with the target's alias among it. */
	while (!is_end(p) && !p->failed && !tap_sql_sees(p, TAP_SQL_KW_FROM)) {
		if (tap_sql_is_punct(tap_sql_now(p), '('))
			skip_brackets(p);
		else if (tap_sql_sees(p, TAP_SQL_KW_WHERE) || tap_sql_sees(p, TAP_SQL_KW_WITH))
			break;
		else
			p->at++;
	}
	if (tap_sql_take(p, TAP_SQL_KW_FROM))
		tap_sql_query_hold_list(p);
	hit(p, &target);
	release(p);
	tap_sql_query_walk(p, TAP_SQL_EXPRESSION);
}

enum { TARGETS_MAX = 16 };

/* a, b.*, c [AS d]; how many. */
static size_t take_targets(struct tap_sql_parser *p, struct tap_sql_name names[TARGETS_MAX])
{
	size_t n = 0;

	do {
		if (n == TARGETS_MAX || !need_name(p, &names[n]))
			break;
		n++;
		if (tap_sql_take_punct(p, '.'))
			tap_sql_take_punct(p, '*');
		tap_sql_take(p, TAP_SQL_KW_AS);
		if (tap_sql_now(p)->kind == TAP_SQL_WORD && !tap_sql_now(p)->keyword)
			p->at++;
	} while (tap_sql_take_punct(p, ','));
	return n;
}

static void on_delete(struct tap_sql_parser *p)
{
	struct tap_sql_name names[TARGETS_MAX];
	size_t n;

	TAKE_ALL(p, TAP_SQL_KW_LOW_PRIORITY, TAP_SQL_KW_QUICK, TAP_SQL_KW_IGNORE);
	if (tap_sql_take(p, TAP_SQL_KW_TOP))
		skip_brackets(p);
	tap_sql_take(p, TAP_SQL_KW_FROM);
	TAKE_ALL(p, TAP_SQL_KW_ONLY, TAP_SQL_KW_TABLE);
	n = take_targets(p, names);
	p->froms = NULL;
	if (tap_sql_take(p, TAP_SQL_KW_OUTPUT))
		while (!is_end(p) && !tap_sql_sees(p, TAP_SQL_KW_FROM) &&
		       !tap_sql_sees(p, TAP_SQL_KW_WHERE))
			p->at++;
	if (tap_sql_take(p, TAP_SQL_KW_FROM) || tap_sql_take(p, TAP_SQL_KW_USING))
		tap_sql_query_hold_list(p);
	for (size_t i = 0; i < n; i++)
		hit(p, &names[i]);
	release(p);
	if (p->opt->whole) /* it takes rows away, and moves none */
		p->writes.n = 0;
	tap_sql_query_walk(p, TAP_SQL_EXPRESSION);
}

static void on_merge(struct tap_sql_parser *p)
{
	struct tap_sql_name name;

	tap_sql_take(p, TAP_SQL_KW_INTO);
	if (!need_name(p, &name))
		return;
	tap_sql_name_write(p, &name);
	while (!is_end(p) && !tap_sql_take(p, TAP_SQL_KW_USING))
		p->at++;
	p->froms = NULL;
	tap_sql_query_from(p);
	tap_sql_query_walk(p, TAP_SQL_EXPRESSION);
}

/* ---- CREATE, ALTER, DROP */

/* LIKE a, CLONE a. */
static void copied_from(struct tap_sql_parser *p)
{
	struct tap_sql_name name;

	p->at++;
	if (tap_sql_name_take(p, &name))
		tap_sql_name_read(p, &name);
}

static void create_rest(struct tap_sql_parser *p)
{
	while (!is_end(p) && !p->failed) {
		const struct tap_sql_token *t = tap_sql_now(p);

		if (tap_sql_is_punct(t, '('))
			skip_brackets(p);
		else if (tap_sql_sees(p, TAP_SQL_KW_LIKE) || tap_sql_sees(p, TAP_SQL_KW_CLONE))
			copied_from(p);
		else if (tap_sql_sees(p, TAP_SQL_KW_SELECT) || tap_sql_query_is_with(p) ||
			 (tap_sql_sees(p, TAP_SQL_KW_FROM) &&
			     tap_sql_before(p)->keyword == TAP_SQL_KW_AS))
			tap_sql_query_walk(p, TAP_SQL_QUERY);
		else if (tap_sql_sees(p, TAP_SQL_KW_TABLE) &&
			 tap_sql_before(p)->keyword == TAP_SQL_KW_AS)
			copied_from(p);
		else
			p->at++;
	}
}

static void create_table(struct tap_sql_parser *p)
{
	struct tap_sql_name name;

	skip_if_exists(p);
	if (!need_name(p, &name))
		return;
	tap_sql_name_write(p, &name);
	if (tap_sql_is_punct(tap_sql_now(p), '(') &&
	    tap_sql_ahead(p, 1)->keyword == TAP_SQL_KW_LIKE) {
		p->at++;
		copied_from(p);
		while (!is_end(p))
			p->at++;
		p->failed |= !tap_sql_take_punct(p, ')') && !p->opt->cut;
	}
	create_rest(p);
}

/* Snowflake: CREATE STAGE name URL = 'location' …. */
static void create_stage(struct tap_sql_parser *p)
{
	struct tap_sql_name name, url;

	skip_if_exists(p);
	if (!need_name(p, &name))
		return;
	tap_sql_name_write(p, &name);
	while (!is_end(p)) {
		if (tap_sql_is_punct(tap_sql_now(p), '(')) {
			skip_brackets(p);
			continue;
		}
		p->at++;
		if (tap_sql_before(p)->keyword == TAP_SQL_KW_URL && tap_sql_take_punct(p, '=') &&
		    tap_sql_name_take_location(p, &url))
			tap_sql_name_read(p, &url);
	}
}

/* The first statement of a procedure's body; the others follow its semicolon. */
static void create_procedure(struct tap_sql_parser *p)
{
	while (!is_end(p)) {
		if (tap_sql_is_punct(tap_sql_now(p), '(')) {
			skip_brackets(p);
			continue;
		}
		p->at++;
		if (tap_sql_before(p)->keyword == TAP_SQL_KW_BEGIN ||
		    (tap_sql_before(p)->keyword == TAP_SQL_KW_AS &&
			tap_sql_now(p)->kind == TAP_SQL_WORD &&
			!tap_sql_sees(p, TAP_SQL_KW_BEGIN))) {
			tap_sql_stmt_read(p);
			return;
		}
	}
}

static void skip_to_end(struct tap_sql_parser *p)
{
	while (!is_end(p)) {
		p->at++;
		if (tap_sql_is_punct(tap_sql_before(p), '('))
			tap_sql_query_brackets(p, false);
	}
}

static void on_create(struct tap_sql_parser *p)
{
	/* OR REPLACE, TEMPORARY, EXTERNAL and whatever else there is before the kind of thing. */
	for (int i = 0; i < 8 && tap_sql_now(p)->kind == TAP_SQL_WORD; i++) {
		p->at++;
		switch (tap_sql_before(p)->keyword) {
		case TAP_SQL_KW_TABLE:
		case TAP_SQL_KW_VIEW: create_table(p); return;
		case TAP_SQL_KW_STAGE: create_stage(p); return;
		case TAP_SQL_KW_PROCEDURE: create_procedure(p); return;
		case TAP_SQL_KW_FUNCTION: skip_to_end(p); return;
		default: break;
		}
	}
	skip_to_end(p);
}

static void swap(
    struct tap_sql_parser *p, const struct tap_sql_name *name, const struct tap_sql_name *other)
{
	tap_sql_name_read(p, other);
	tap_sql_name_write(p, name);
	if (p->opt->whole)
		return;
	tap_sql_name_read(p, name);
	tap_sql_name_write(p, other);
}

static void rename_table(
    struct tap_sql_parser *p, const struct tap_sql_name *name, const struct tap_sql_name *other)
{
	if (!p->opt->whole) {
		tap_sql_name_read(p, name);
		tap_sql_name_write(p, other);
		return;
	}
	/* One after the other, so both must be there. */
	if (p->renamed.n % 2 == 0 && tap_sql_name_add(p, &p->renamed, name))
		tap_sql_name_add(p, &p->renamed, other);
}

static void on_alter(struct tap_sql_parser *p)
{
	struct tap_sql_name name, other;

	if (!tap_sql_take(p, TAP_SQL_KW_TABLE)) {
		skip_to_end(p);
		return;
	}
	skip_if_exists(p);
	tap_sql_take(p, TAP_SQL_KW_ONLY);
	if (!need_name(p, &name))
		return;
	if (tap_sql_take(p, TAP_SQL_KW_RENAME)) {
		if (tap_sql_take(p, TAP_SQL_KW_TO) && need_name(p, &other))
			rename_table(p, &name, &other);
		else if (!p->opt->whole)
			tap_sql_name_write(p, &name);
	} else if (tap_sql_take(p, TAP_SQL_KW_SWAP)) {
		if (tap_sql_take(p, TAP_SQL_KW_WITH) && need_name(p, &other))
			swap(p, &name, &other);
	} else if (tap_sql_take(p, TAP_SQL_KW_EXCHANGE)) {
		tap_sql_take(p, TAP_SQL_KW_PARTITION);
		skip_brackets(p);
		tap_sql_take(p, TAP_SQL_KW_WITH);
		tap_sql_take(p, TAP_SQL_KW_TABLE);
		if (need_name(p, &other)) {
			tap_sql_name_read(p, &other);
			tap_sql_name_write(p, &name);
		}
	} else if (!p->opt->whole) {
		tap_sql_name_write(p, &name);
	}
	skip_to_end(p);
}

/* DROP and TRUNCATE: gone, or empty. */
static void on_drop(struct tap_sql_parser *p, bool drops)
{
	struct tap_sql_name name;

	tap_sql_take(p, TAP_SQL_KW_TEMPORARY);
	tap_sql_take(p, TAP_SQL_KW_MATERIALIZED);
	if (!tap_sql_take(p, TAP_SQL_KW_TABLE) && !tap_sql_take(p, TAP_SQL_KW_VIEW) && drops) {
		skip_to_end(p);
		return;
	}
	skip_if_exists(p);
	tap_sql_take(p, TAP_SQL_KW_ONLY);
	do {
		if (!need_name(p, &name))
			return;
		if (!p->opt->whole)
			tap_sql_name_write(p, &name);
		else if (drops && name.text.n)
			tap_sql_name_add(p, &p->dropped, &name);
	} while (tap_sql_take_punct(p, ','));
	skip_to_end(p);
}

/* ---- COPY, LOAD, UNLOAD */

/* (query), a table, a stage, a location; STDIN, STDOUT and programs are none. */
static void copy_side(struct tap_sql_parser *p, bool from)
{
	struct tap_sql_name name;

	if (tap_sql_take_punct(p, '(')) {
		tap_sql_query_brackets(p, false);
		return;
	}
	if (tap_sql_sees(p, TAP_SQL_KW_STDIN) || tap_sql_sees(p, TAP_SQL_KW_STDOUT))
		return;
	if (tap_sql_now(p)->kind == TAP_SQL_WORD &&
	    or_str_eq_nocase(tap_sql_now(p)->text, OR_SLICE_LIT("PROGRAM")))
		return;
	if (!need_name(p, &name))
		return;
	if (from)
		tap_sql_name_read(p, &name);
	else
		tap_sql_name_write(p, &name);
}

/* COPY a FROM 'x', COPY a TO 'x', COPY (query) TO 'x', COPY INTO a FROM b. */
static void on_copy(struct tap_sql_parser *p)
{
	bool into = tap_sql_take(p, TAP_SQL_KW_INTO);
	size_t subject = p->at, end;
	struct tap_sql_name name;

	/* Which way it goes stands behind the first side. */
	if (tap_sql_take_punct(p, '('))
		tap_sql_query_brackets(p, false);
	else if (!need_name(p, &name))
		return;
	if (tap_sql_is_punct(tap_sql_now(p), '('))
		skip_brackets(p);
	end = p->at;
	if (!into && !tap_sql_sees(p, TAP_SQL_KW_FROM) && !tap_sql_sees(p, TAP_SQL_KW_TO)) {
		p->failed |= !p->opt->cut;
		return;
	}
	into |= tap_sql_sees(p, TAP_SQL_KW_FROM);
	p->at = subject;
	copy_side(p, !into);
	p->at = end;
	if (tap_sql_take(p, TAP_SQL_KW_FROM) || tap_sql_take(p, TAP_SQL_KW_TO))
		copy_side(p, into);
	skip_to_end(p);
}

/* LOAD DATA [LOCAL] INPATH|INFILE 'x' [OVERWRITE] INTO TABLE a. */
static void on_load(struct tap_sql_parser *p)
{
	struct tap_sql_name name;

	while (!is_end(p) && !tap_sql_sees(p, TAP_SQL_KW_INTO)) {
		if (tap_sql_now(p)->kind == TAP_SQL_STRING && tap_sql_name_take_location(p, &name))
			tap_sql_name_read(p, &name);
		else
			p->at++;
	}
	tap_sql_take(p, TAP_SQL_KW_INTO);
	tap_sql_take(p, TAP_SQL_KW_TABLE);
	if (need_name(p, &name))
		tap_sql_name_write(p, &name);
	skip_to_end(p);
}

/* Redshift: UNLOAD ('query') TO 'location'. */
static void on_unload(struct tap_sql_parser *p)
{
	struct tap_sql_parser inner = *p;
	struct tap_sql_token *tokens;
	struct tap_sql_name name;

	if (!tap_sql_take_punct(p, '('))
		return;
	if (tap_sql_now(p)->kind == TAP_SQL_STRING &&
	    tap_sql_lex_all(&tokens, &inner.n, tap_sql_now(p)->text, p->opt, p->arena) == OR_OK) {
		inner.tokens = tokens;
		inner.at = 0;
		inner.depth++;
		tap_sql_query_walk(&inner, TAP_SQL_QUERY);
		p->failed |= inner.failed;
		p->full |= inner.full;
		p->at++;
	}
	tap_sql_query_brackets(p, false);
	if (tap_sql_take(p, TAP_SQL_KW_TO) && tap_sql_name_take_location(p, &name))
		tap_sql_name_write(p, &name);
	skip_to_end(p);
}

/* ---- USE */

static void choose(char out[TAP_SQL_USE_MAX], struct or_slice s)
{
	if (s.n < TAP_SQL_USE_MAX)
		snprintf(out, TAP_SQL_USE_MAX, "%.*s", OR_SLICE_FMT(s));
}

/* Where a database is what others call a schema, one name is that. */
static bool one_is_schema(enum tap_sql_dialect d)
{
	return d == TAP_SQL_HIVE || d == TAP_SQL_SPARK || d == TAP_SQL_MYSQL || d == TAP_SQL_DUCKDB;
}

static void on_use(struct tap_sql_parser *p)
{
	bool schema, database;
	struct tap_sql_name name;
	size_t dot;

	if (tap_sql_take(p, TAP_SQL_KW_DEFAULT)) {
		p->use->schema[0] = '\0';
		return;
	}
	if (tap_sql_sees(p, TAP_SQL_KW_ROLE) || tap_sql_sees(p, TAP_SQL_KW_WAREHOUSE) ||
	    or_str_eq_nocase(tap_sql_now(p)->text, OR_SLICE_LIT("SECONDARY"))) {
		skip_to_end(p);
		return;
	}
	schema = tap_sql_take(p, TAP_SQL_KW_SCHEMA);
	database = !schema && tap_sql_take(p, TAP_SQL_KW_DATABASE);
	if (one_is_schema(p->opt->dialect))
		schema |= database;
	database |= !schema && tap_sql_take(p, TAP_SQL_KW_CATALOG);
	if (!tap_sql_name_take(p, &name) || !name.text.n)
		return;
	dot = or_str_find(name.text, '.', 0);
	if (dot < name.text.n) {
		choose(p->use->database, or_slice(name.text.p, dot));
		choose(p->use->schema, or_slice_from(name.text, dot + 1));
	} else if (schema || (!database && one_is_schema(p->opt->dialect))) {
		choose(p->use->schema, name.text);
	} else {
		choose(p->use->database, name.text);
	}
}

/* ---- which one it is */

static void on_with(struct tap_sql_parser *p)
{
	struct tap_sql_cte *ctes = p->ctes;

	tap_sql_query_ctes(p);
	if (!p->failed)
		tap_sql_stmt_read(p);
	p->ctes = ctes;
}

/* DECLARE, SET, IF, BEGIN…: of a script, what follows on the same line is a statement too. */
static void on_script(struct tap_sql_parser *p)
{
	while (!is_end(p)) {
		const struct tap_sql_token *t = tap_sql_now(p);

		if (p->opt->dialect == TAP_SQL_MSSQL && t->kind == TAP_SQL_WORD &&
		    (t->keyword == TAP_SQL_KW_INSERT || t->keyword == TAP_SQL_KW_SELECT ||
			t->keyword == TAP_SQL_KW_UPDATE || t->keyword == TAP_SQL_KW_MERGE ||
			t->keyword == TAP_SQL_KW_DELETE)) {
			tap_sql_stmt_read(p);
			return;
		}
		if (tap_sql_take_punct(p, '('))
			tap_sql_query_brackets(p, false);
		else
			p->at++;
	}
}

static void on_explain(struct tap_sql_parser *p)
{
	if (tap_sql_take(p, TAP_SQL_KW_ANALYZE)) /* this one runs it */
		tap_sql_stmt_read(p);
	else
		while (!is_end(p))
			p->at++;
}

/* BEGIN of a block stands before a statement, that of a transaction before none. */
static void on_begin(struct tap_sql_parser *p)
{
	if (tap_sql_now(p)->keyword)
		tap_sql_stmt_read(p);
	else
		skip_to_end(p);
}

static void read_verb(struct tap_sql_parser *p, uint8_t verb)
{
	switch (verb) {
	case TAP_SQL_KW_INSERT:
	case TAP_SQL_KW_REPLACE: on_insert(p); return;
	case TAP_SQL_KW_UPDATE: on_update(p); return;
	case TAP_SQL_KW_DELETE: on_delete(p); return;
	case TAP_SQL_KW_MERGE: on_merge(p); return;
	case TAP_SQL_KW_CREATE: on_create(p); return;
	case TAP_SQL_KW_ALTER: on_alter(p); return;
	case TAP_SQL_KW_DROP: on_drop(p, true); return;
	case TAP_SQL_KW_TRUNCATE: on_drop(p, false); return;
	case TAP_SQL_KW_COPY: on_copy(p); return;
	case TAP_SQL_KW_LOAD: on_load(p); return;
	case TAP_SQL_KW_UNLOAD: on_unload(p); return;
	case TAP_SQL_KW_USE: on_use(p); return;
	case TAP_SQL_KW_WITH: on_with(p); return;
	case TAP_SQL_KW_EXPLAIN: on_explain(p); return;
	case TAP_SQL_KW_BEGIN: on_begin(p); return;
	default: on_script(p);
	}
}

void tap_sql_stmt_read(struct tap_sql_parser *p)
{
	const struct tap_sql_token *t = tap_sql_now(p);

	if (++p->depth > TAP_SQL_DEPTH_MAX) {
		p->failed = p->full = true;
		return;
	}
	if (t->keyword == TAP_SQL_KW_SELECT || t->keyword == TAP_SQL_KW_FROM ||
	    t->keyword == TAP_SQL_KW_VALUES || tap_sql_is_punct(t, '(')) {
		tap_sql_query_walk(p, TAP_SQL_QUERY);
	} else if (t->keyword == TAP_SQL_KW_TABLE) {
		p->at++;
		tap_sql_query_from(p);
		tap_sql_query_walk(p, TAP_SQL_QUERY);
	} else if (!is_end(p)) {
		p->at++;
		read_verb(p, t->keyword);
	}
	p->depth--;
}
