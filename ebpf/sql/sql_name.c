/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "ebpf/sql/sql_impl.h"

enum { PARTS_MAX = 4 };

struct parts {
	struct or_slice item[PARTS_MAX];
	size_t n;
	bool exact;
};

bool tap_sql_name_eq(const struct tap_sql_name *a, const struct tap_sql_name *b)
{
	if (a->exact && b->exact)
		return or_slice_eq(a->text, b->text);
	return or_str_eq_nocase(a->text, b->text);
}

bool tap_sql_name_add(
    struct tap_sql_parser *p, struct tap_sql_names *names, const struct tap_sql_name *name)
{
	struct tap_sql_name *more;

	for (size_t i = 0; i < names->n; i++)
		if (tap_sql_name_eq(&names->items[i], name))
			return true;
	if (names->n == TAP_SQL_TABLES_MAX) {
		p->full = true;
		return false;
	}
	if (names->n == names->room) {
		more = or_arena_array(p->arena, names->room ? 2 * names->room : 4, sizeof(*more));
		if (!more) {
			p->failed = p->full = true;
			return false;
		}
		if (names->n)
			memcpy(more, names->items, names->n * sizeof(*more));
		names->items = more;
		names->room = names->room ? 2 * names->room : 4;
	}
	names->items[names->n++] = *name;
	return true;
}

/* Joined by dots; a part with a dot of its own is put in quotes again. BigQuery names with dots
 * inside of the quotes are names of several parts. */
static void join(struct tap_sql_parser *p, struct tap_sql_name *name, const struct parts *parts)
{
	size_t room = 0, n = 0;
	uint8_t *text;

	for (size_t i = 0; i < parts->n; i++)
		room += parts->item[i].n + 3;
	text = or_arena_alloc(p->arena, room);
	if (!text) {
		p->failed = p->full = true;
		return;
	}
	for (size_t i = 0; i < parts->n; i++) {
		struct or_slice s = parts->item[i];
		bool quote = p->opt->dialect != TAP_SQL_BIGQUERY && s.n && memchr(s.p, '.', s.n);

		if (i)
			text[n++] = '.';
		if (quote)
			text[n++] = '"';
		if (s.n)
			memcpy(text + n, s.p, s.n);
		n += s.n;
		if (quote)
			text[n++] = '"';
	}
	name->text = or_slice(text, n);
	name->exact = parts->exact;
}

static bool is_identifier(const struct tap_sql_token *t)
{
	return (t->kind == TAP_SQL_WORD || t->kind == TAP_SQL_QUOTED) && t->text.n > 0;
}

/* BigQuery's project names have dashes: my-project.data.orders. */
static struct or_slice take_dashed(struct tap_sql_parser *p)
{
	struct or_slice part = tap_sql_now(p)->text;

	p->at++;
	if (p->opt->dialect != TAP_SQL_BIGQUERY || tap_sql_before(p)->kind != TAP_SQL_WORD)
		return part;
	while (tap_sql_is_punct(tap_sql_now(p), '-') && tap_sql_now(p)->glued &&
	       tap_sql_ahead(p, 1)->glued &&
	       (tap_sql_ahead(p, 1)->kind == TAP_SQL_WORD ||
		   tap_sql_ahead(p, 1)->kind == TAP_SQL_NUMBER)) {
		const struct tap_sql_token *more = tap_sql_ahead(p, 1);

		part.n = (size_t)(more->text.p + more->text.n - part.p);
		p->at += 2;
	}
	return part;
}

/* a.b.c; an empty part in the middle is SQL Server's default schema. */
static bool take_parts(struct tap_sql_parser *p, struct parts *parts)
{
	bool unknown = false;

	*parts = (struct parts){.n = 0};
	if (!is_identifier(tap_sql_now(p)))
		return false;
	for (;;) {
		const struct tap_sql_token *t = tap_sql_now(p);

		if (parts->n == PARTS_MAX)
			return false;
		if (is_identifier(t)) {
			parts->exact |= t->kind == TAP_SQL_QUOTED;
			parts->item[parts->n++] = take_dashed(p);
		} else if (t->kind == TAP_SQL_PARAM) {
			unknown = true;
			p->at++;
		} else if (!tap_sql_is_punct(t, '.')) {
			return false;
		}
		if (!tap_sql_is_punct(tap_sql_now(p), '.') ||
		    tap_sql_is_punct(tap_sql_ahead(p, 1), '*'))
			break;
		p->at++;
	}
	if (unknown || (p->opt->cut && tap_sql_before(p)->last))
		parts->n = 0;
	return true;
}

static void skip_brackets(struct tap_sql_parser *p)
{
	size_t depth = 1;

	while (depth && tap_sql_now(p)->kind != TAP_SQL_END) {
		if (tap_sql_is_punct(tap_sql_now(p), '('))
			depth++;
		else if (tap_sql_is_punct(tap_sql_now(p), ')'))
			depth--;
		p->at++;
	}
}

/* 'a.b' names the table a.b. */
static void split(struct parts *parts, struct or_slice text)
{
	*parts = (struct parts){.n = 0};
	for (size_t at = 0; at <= text.n && parts->n < PARTS_MAX;) {
		size_t dot = or_str_find(text, '.', at);

		parts->item[parts->n++] = or_slice(text.p + at, dot - at);
		at = dot + 1;
	}
}

/* IDENTIFIER(name), IDENTIFIER('name'); of variables and expressions nothing is known. */
static void take_identifier(struct tap_sql_parser *p, struct tap_sql_name *name)
{
	struct parts parts;
	size_t begin;

	p->at += 2;
	begin = p->at;
	if (tap_sql_now(p)->kind == TAP_SQL_STRING && tap_sql_now(p)->text.n) {
		split(&parts, tap_sql_now(p)->text);
		p->at++;
	} else if (!take_parts(p, &parts)) {
		parts.n = 0;
	}
	if (parts.n && tap_sql_is_punct(tap_sql_now(p), ')')) {
		join(p, name, &parts);
		p->at++;
		return;
	}
	p->at = begin;
	skip_brackets(p);
}

bool tap_sql_name_take_location(struct tap_sql_parser *p, struct tap_sql_name *name)
{
	const struct tap_sql_token *t = tap_sql_now(p);
	bool is_text = t->kind == TAP_SQL_STRING || (t->kind == TAP_SQL_QUOTED && t->text.n > 3 &&
							memmem(t->text.p, t->text.n, "://", 3));

	if (!is_text && t->kind != TAP_SQL_STAGE)
		return false;
	p->at++;
	*name = (struct tap_sql_name){.external = true, .exact = true, .text = t->text};
	if (p->opt->cut && t->last)
		name->text = OR_SLICE_NONE;
	return true;
}

/* Spark reads files by format: parquet.`/data/x`. */
static bool is_path(const struct tap_sql_parser *p, const struct parts *parts)
{
	const enum tap_sql_dialect d = p->opt->dialect;

	return (d == TAP_SQL_SPARK || d == TAP_SQL_HIVE || d == TAP_SQL_DUCKDB) && parts->n == 2 &&
	       parts->exact && memchr(parts->item[1].p, '/', parts->item[1].n);
}

bool tap_sql_name_take(struct tap_sql_parser *p, struct tap_sql_name *name)
{
	struct parts parts;

	*name = (struct tap_sql_name){.external = false};
	if (tap_sql_sees(p, TAP_SQL_KW_IDENTIFIER) && tap_sql_is_punct(tap_sql_ahead(p, 1), '(')) {
		take_identifier(p, name);
		return true;
	}
	if (tap_sql_name_take_location(p, name))
		return true;
	if (tap_sql_now(p)->kind == TAP_SQL_PARAM) {
		p->at++;
		return true;
	}
	if (!take_parts(p, &parts))
		return false;
	if (parts.n && is_path(p, &parts)) {
		name->text = parts.item[1];
		name->exact = name->external = true;
	} else if (parts.n) {
		join(p, name, &parts);
	}
	return true;
}

/* ---- reading and writing */

static size_t count_parts(struct or_slice text)
{
	size_t n = 1;
	bool quoted = false;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"')
			quoted = !quoted;
		n += text.p[i] == '.' && !quoted;
	}
	return n;
}

struct or_slice tap_sql_name_last(const struct tap_sql_name *name)
{
	size_t at = name->text.n;

	while (at > 0 && name->text.p[at - 1] != '.')
		at--;
	return or_slice_from(name->text, at);
}

void tap_sql_name_complete(struct tap_sql_parser *p, struct tap_sql_name *name)
{
	const char *db = p->use->database, *schema = p->use->schema;
	size_t n = name->external ? 3 : count_parts(name->text);
	const char *text = NULL;

	if (n == 1 && db[0] && schema[0])
		text =
		    or_arena_printf(p->arena, "%s.%s.%.*s", db, schema, OR_SLICE_FMT(name->text));
	else if (n == 1 && (db[0] || schema[0]))
		text = or_arena_printf(
		    p->arena, "%s.%.*s", db[0] ? db : schema, OR_SLICE_FMT(name->text));
	else if (n == 2 && db[0])
		text = or_arena_printf(p->arena, "%s.%.*s", db, OR_SLICE_FMT(name->text));
	else
		return;
	if (text)
		name->text = or_slice_str(text);
	else
		p->failed = p->full = true;
}

static struct tap_sql_cte *find_cte(const struct tap_sql_parser *p, const struct tap_sql_name *name)
{
	for (struct tap_sql_cte *c = p->ctes; c; c = c->outer)
		if ((!c->open || c->recursive) && or_str_eq_nocase(c->name, name->text))
			return c;
	return NULL;
}

void tap_sql_name_read(struct tap_sql_parser *p, const struct tap_sql_name *name)
{
	struct tap_sql_cte *cte;
	struct tap_sql_name whole = *name;

	if (!name->text.n)
		return;
	cte = name->external ? NULL : find_cte(p, name);
	if (!cte) {
		tap_sql_name_complete(p, &whole);
		tap_sql_name_add(p, p->reads, &whole);
		return;
	}
	/* An open one is recursive, and adds nothing; one that has told already, neither. */
	if (cte->open || cte->told == p->reads)
		return;
	cte->told = p->reads;
	for (size_t i = 0; i < cte->reads.n; i++)
		tap_sql_name_add(p, p->reads, &cte->reads.items[i]);
}

void tap_sql_name_write(struct tap_sql_parser *p, const struct tap_sql_name *name)
{
	struct tap_sql_name whole = *name;

	if (!name->text.n)
		return;
	tap_sql_name_complete(p, &whole);
	tap_sql_name_add(p, &p->writes, &whole);
}
