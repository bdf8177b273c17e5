/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "ebpf/sql/sql_impl.h"

static bool ends(const struct tap_sql_parser *p)
{
	const struct tap_sql_token *t = tap_sql_now(p);

	return t->kind == TAP_SQL_END || tap_sql_is_punct(t, ')') || tap_sql_is_punct(t, ';');
}

static void close_bracket(struct tap_sql_parser *p)
{
	if (tap_sql_take_punct(p, ')'))
		return;
	if (!p->opt->cut || tap_sql_now(p)->kind != TAP_SQL_END)
		p->failed = true;
}

/* ---- WITH */

static struct tap_sql_cte *new_cte(struct tap_sql_parser *p, struct or_slice name, bool recursive)
{
	enum tap_sql_dialect d = p->opt->dialect;
	struct tap_sql_cte *c = NULL;

	if (p->n_ctes++ < TAP_SQL_CTES_MAX)
		c = or_arena_alloc(p->arena, sizeof(*c));
	if (!c) {
		p->failed = p->full = true;
		return NULL;
	}
	c->name = name;
	c->open = true;
	/* Where the word is not needed, a CTE always sees itself. */
	c->recursive = recursive || d == TAP_SQL_MSSQL || d == TAP_SQL_ORACLE;
	c->outer = p->ctes;
	p->ctes = c;
	return c;
}

/* [NOT] MATERIALIZED. */
static void skip_hint(struct tap_sql_parser *p)
{
	tap_sql_take(p, TAP_SQL_KW_NOT);
	tap_sql_take(p, TAP_SQL_KW_MATERIALIZED);
}

static void read_cte_body(struct tap_sql_parser *p, struct tap_sql_cte *c);

/* Past what is in brackets, without looking into it. */
static void skip_columns(struct tap_sql_parser *p)
{
	while (!ends(p))
		p->at++;
	close_bracket(p);
}

/* name [(columns)] AS [[NOT] MATERIALIZED] (query); Spark may leave AS out. */
static void read_cte(struct tap_sql_parser *p, const struct tap_sql_cte *outside, bool recursive)
{
	const struct tap_sql_token *t = tap_sql_now(p);
	struct tap_sql_cte *c;
	bool as;

	if (t->kind != TAP_SQL_WORD && t->kind != TAP_SQL_QUOTED) {
		p->failed = true;
		return;
	}
	/* A name that is there twice is no query at all. */
	for (c = p->ctes; c != outside; c = c->outer)
		if (or_str_eq_nocase(c->name, t->text))
			p->failed = true;
	p->at++;
	c = new_cte(p, t->text, recursive);
	if (!c)
		return;
	as = tap_sql_sees(p, TAP_SQL_KW_AS);
	if (!as && tap_sql_is_punct(tap_sql_now(p), '(') &&
	    tap_sql_ahead(p, 1)->keyword != TAP_SQL_KW_SELECT) {
		p->at++;
		skip_columns(p);
	}
	as = tap_sql_take(p, TAP_SQL_KW_AS);
	skip_hint(p);
	if ((!as && p->opt->dialect != TAP_SQL_SPARK) || !tap_sql_take_punct(p, '(')) {
		p->failed = !p->opt->cut;
		return;
	}
	read_cte_body(p, c);
}

static void read_cte_body(struct tap_sql_parser *p, struct tap_sql_cte *c)
{
	struct tap_sql_names *outer = p->reads;

	p->reads = &c->reads;
	tap_sql_query_brackets(p, false);
	p->reads = outer;
	c->open = false;
	for (size_t i = 0; p->opt->whole && i < c->reads.n; i++)
		tap_sql_name_add(p, p->reads, &c->reads.items[i]);
}

static bool is_name(const struct tap_sql_token *t)
{
	return t->kind == TAP_SQL_WORD || t->kind == TAP_SQL_QUOTED;
}

/* (a, b, c) AS: options have values instead. more: how far ahead the bracket is. */
static bool is_columns(const struct tap_sql_parser *p, size_t more)
{
	do
		if (!is_name(tap_sql_ahead(p, ++more)))
			return false;
	while (tap_sql_is_punct(tap_sql_ahead(p, ++more), ','));
	return tap_sql_is_punct(tap_sql_ahead(p, more), ')') &&
	       tap_sql_ahead(p, more + 1)->keyword == TAP_SQL_KW_AS;
}

bool tap_sql_query_is_with(const struct tap_sql_parser *p)
{
	const struct tap_sql_token *name = tap_sql_ahead(p, 1), *t = tap_sql_ahead(p, 2);

	if (!tap_sql_sees(p, TAP_SQL_KW_WITH) || !is_name(name))
		return false;
	if (name->keyword == TAP_SQL_KW_RECURSIVE || t->keyword == TAP_SQL_KW_AS)
		return true;
	return tap_sql_is_punct(t, '(') &&
	       (tap_sql_ahead(p, 3)->keyword == TAP_SQL_KW_SELECT || is_columns(p, 2));
}

void tap_sql_query_ctes(struct tap_sql_parser *p)
{
	const struct tap_sql_cte *outside = p->ctes;
	bool recursive = tap_sql_take(p, TAP_SQL_KW_RECURSIVE);

	do
		read_cte(p, outside, recursive);
	while (!p->failed && tap_sql_take_punct(p, ','));
}

/* ---- brackets */

static bool begins_query(const struct tap_sql_parser *p)
{
	const struct tap_sql_token *t = tap_sql_now(p);

	if (t->kind != TAP_SQL_WORD)
		return false;
	switch (t->keyword) {
	case TAP_SQL_KW_SELECT:
	case TAP_SQL_KW_FROM:
	case TAP_SQL_KW_INSERT:
	case TAP_SQL_KW_UPDATE:
	case TAP_SQL_KW_DELETE:
	case TAP_SQL_KW_MERGE: return true;
	case TAP_SQL_KW_WITH: return tap_sql_query_is_with(p);
	case TAP_SQL_KW_TABLE: return !tap_sql_is_punct(tap_sql_ahead(p, 1), '(');
	default: return false;
	}
}

void tap_sql_query_brackets(struct tap_sql_parser *p, bool in_from)
{
	struct tap_sql_cte *ctes = p->ctes;
	struct tap_sql_from *froms = p->froms;
	bool hold = p->hold;

	if (++p->depth > TAP_SQL_DEPTH_MAX) {
		p->failed = p->full = true;
		return;
	}
	p->brackets++;
	if (begins_query(p)) {
		p->froms = NULL;
		p->hold = false;
		tap_sql_stmt_read(p);
		p->froms = froms;
	} else if (in_from) {
		tap_sql_query_from(p);
		tap_sql_query_walk(p, TAP_SQL_FROM);
	} else {
		p->hold = false;
		tap_sql_query_walk(p, TAP_SQL_EXPRESSION);
		p->froms = froms;
	}
	close_bracket(p);
	p->depth--;
	p->brackets--;
	p->hold = hold;
	p->ctes = ctes;
}

/* ---- FROM */

static void put_from(
    struct tap_sql_parser *p, const struct tap_sql_name *name, struct or_slice alias)
{
	struct tap_sql_from *f = NULL;

	if (p->n_froms++ < TAP_SQL_FROMS_MAX)
		f = or_arena_alloc(p->arena, sizeof(*f));
	if (!f) {
		p->failed = p->full = true;
		return;
	}
	f->name = *name;
	f->alias = alias.n ? alias : tap_sql_name_last(name);
	f->before = p->froms;
	p->froms = f;
}

/* [AS] alias; a keyword is none. */
static struct or_slice take_alias(struct tap_sql_parser *p)
{
	bool as = tap_sql_take(p, TAP_SQL_KW_AS);
	const struct tap_sql_token *t = tap_sql_now(p);

	if (t->kind == TAP_SQL_QUOTED || (t->kind == TAP_SQL_WORD && (as || !t->keyword))) {
		p->at++;
		return t->text;
	}
	return OR_SLICE_NONE;
}

/* An array of an earlier entry, as in FROM orders o, o.items. */
static bool is_column_of(const struct tap_sql_parser *p, const struct tap_sql_name *name)
{
	size_t dot = or_str_find(name->text, '.', 0);
	struct or_slice first = or_slice(name->text.p, dot);

	if (dot == name->text.n || name->external)
		return false;
	for (const struct tap_sql_from *f = p->froms; f; f = f->before)
		if (f->alias.n && or_str_eq_nocase(f->alias, first))
			return true;
	return false;
}

/* SQL Server: orders(NOLOCK) is a table with a hint, where others have a function. */
static bool is_hint(const struct tap_sql_parser *p)
{
	static const char *const hints[] = {"NOLOCK", "READUNCOMMITTED", "READCOMMITTED",
	    "REPEATABLEREAD", "SERIALIZABLE", "READPAST", "ROWLOCK", "PAGLOCK", "TABLOCK",
	    "TABLOCKX", "UPDLOCK", "XLOCK", "HOLDLOCK", "NOWAIT", "SNAPSHOT", "INDEX"};

	if (p->opt->dialect != TAP_SQL_MSSQL)
		return false;
	for (size_t i = 0; i < OR_LEN(hints); i++)
		if (or_str_eq_nocase(tap_sql_ahead(p, 1)->text, or_slice_str(hints[i])))
			return true;
	return false;
}

static void read_table(struct tap_sql_parser *p, struct tap_sql_name *name)
{
	struct or_slice alias;
	bool is_table = true;

	if (tap_sql_is_punct(tap_sql_now(p), '(') && name->text.n && !name->external) {
		is_table = is_hint(p);
		p->at++;
		tap_sql_query_brackets(p, false);
	}
	if (is_column_of(p, name))
		is_table = false;
	alias = take_alias(p);
	if (!is_table)
		name->text = OR_SLICE_NONE;
	put_from(p, name, alias);
	if (is_table && !p->hold)
		tap_sql_name_read(p, name);
}

void tap_sql_query_from(struct tap_sql_parser *p)
{
	struct tap_sql_name name = {.external = false};

	while (tap_sql_take(p, TAP_SQL_KW_LATERAL) || tap_sql_take(p, TAP_SQL_KW_ONLY))
		continue;
	if (tap_sql_sees(p, TAP_SQL_KW_TABLE) && tap_sql_is_punct(tap_sql_ahead(p, 1), '('))
		p->at++;
	else if (tap_sql_is_punct(tap_sql_now(p), '(')) {
		p->at++;
		tap_sql_query_brackets(p, true);
		put_from(p, &name, take_alias(p));
		return;
	}
	if (tap_sql_is_punct(tap_sql_now(p), '(')) {
		p->at++;
		tap_sql_query_brackets(p, false);
		put_from(p, &name, take_alias(p));
	} else if (tap_sql_sees(p, TAP_SQL_KW_VALUES) || tap_sql_sees(p, TAP_SQL_KW_SELECT) ||
		   tap_sql_sees(p, TAP_SQL_KW_WITH)) {
		return;
	} else if (tap_sql_name_take(p, &name)) {
		read_table(p, &name);
	}
}

/* ---- the walk */

struct walk {
	enum tap_sql_mode mode;
	bool in_from; /* a comma begins another entry */
	bool from_seen;
};

/* a IS [NOT] DISTINCT FROM b. */
static bool is_comparison(const struct tap_sql_parser *p)
{
	const struct tap_sql_token *t = tap_sql_before(p);

	return t->kind == TAP_SQL_WORD && t->keyword == TAP_SQL_KW_DISTINCT;
}

/* SELECT … INTO [TEMP] [TABLE] name: a table that is made; for MySQL and Oracle a variable or file.
 */
static void select_into(struct tap_sql_parser *p)
{
	struct tap_sql_name name;

	while (tap_sql_take(p, TAP_SQL_KW_TEMP) || tap_sql_take(p, TAP_SQL_KW_TEMPORARY) ||
	       tap_sql_take(p, TAP_SQL_KW_UNLOGGED) || tap_sql_take(p, TAP_SQL_KW_TABLE))
		continue;
	if (p->opt->dialect == TAP_SQL_MYSQL || p->opt->dialect == TAP_SQL_ORACLE)
		return;
	if (tap_sql_name_take(p, &name))
		tap_sql_name_write(p, &name);
}

static void on_from(struct tap_sql_parser *p, struct walk *w)
{
	if (w->mode != TAP_SQL_EXPRESSION && !is_comparison(p)) {
		p->at++;
		tap_sql_query_from(p);
		w->in_from = w->from_seen = true;
	} else {
		p->at++;
	}
}

static void on_join(struct tap_sql_parser *p, struct walk *w)
{
	p->at++;
	if (w->mode == TAP_SQL_EXPRESSION)
		return;
	tap_sql_query_from(p);
	w->in_from = true;
}

static void on_select(struct tap_sql_parser *p, struct walk *w)
{
	p->at++;
	w->mode = TAP_SQL_QUERY;
	w->in_from = w->from_seen = false;
	p->froms = NULL;
}

static void on_with(struct tap_sql_parser *p)
{
	bool list = tap_sql_query_is_with(p);

	p->at++;
	if (list)
		tap_sql_query_ctes(p);
}

/* A statement may follow without a semicolon (SQL Server), or belong to the FROM before it (Hive).
 */
static bool begins_another(const struct tap_sql_parser *p)
{
	uint8_t before = tap_sql_before(p)->keyword;
	enum tap_sql_dialect d = p->opt->dialect;

	if (p->brackets || before == TAP_SQL_KW_THEN || before == TAP_SQL_KW_FOR ||
	    before == TAP_SQL_KW_ON || before == TAP_SQL_KW_AS)
		return false;
	if (tap_sql_sees(p, TAP_SQL_KW_INSERT))
		return d == TAP_SQL_MSSQL || d == TAP_SQL_HIVE || d == TAP_SQL_SPARK;
	return d == TAP_SQL_MSSQL &&
	       (tap_sql_sees(p, TAP_SQL_KW_UPDATE) || tap_sql_sees(p, TAP_SQL_KW_DELETE) ||
		   tap_sql_sees(p, TAP_SQL_KW_MERGE) || tap_sql_sees(p, TAP_SQL_KW_CREATE) ||
		   tap_sql_sees(p, TAP_SQL_KW_TRUNCATE) || tap_sql_sees(p, TAP_SQL_KW_DROP));
}

static void on_word(struct tap_sql_parser *p, struct walk *w)
{
	switch (tap_sql_now(p)->keyword) {
	case TAP_SQL_KW_SELECT: on_select(p, w); return;
	case TAP_SQL_KW_FROM: on_from(p, w); return;
	case TAP_SQL_KW_JOIN:
	case TAP_SQL_KW_STRAIGHT_JOIN:
	case TAP_SQL_KW_APPLY: on_join(p, w); return;
	case TAP_SQL_KW_WITH: on_with(p); return;
	case TAP_SQL_KW_INTO:
		p->at++;
		if (w->mode == TAP_SQL_QUERY && !w->from_seen)
			select_into(p);
		return;
	case TAP_SQL_KW_LATERAL:
		if (tap_sql_ahead(p, 1)->keyword == TAP_SQL_KW_VIEW)
			w->in_from = false;
		break;
	case TAP_SQL_KW_WHERE:
	case TAP_SQL_KW_GROUP:
	case TAP_SQL_KW_HAVING:
	case TAP_SQL_KW_ORDER:
	case TAP_SQL_KW_LIMIT:
	case TAP_SQL_KW_QUALIFY:
	case TAP_SQL_KW_WINDOW:
	case TAP_SQL_KW_UNION:
	case TAP_SQL_KW_INTERSECT:
	case TAP_SQL_KW_EXCEPT:
	case TAP_SQL_KW_MINUS:
	case TAP_SQL_KW_RETURNING:
	case TAP_SQL_KW_SET:
	case TAP_SQL_KW_WHEN:
	case TAP_SQL_KW_CLUSTER:
	case TAP_SQL_KW_DISTRIBUTE:
	case TAP_SQL_KW_SORT: w->in_from = false; break;
	default: break;
	}
	p->at++;
}

void tap_sql_query_walk(struct tap_sql_parser *p, enum tap_sql_mode mode)
{
	struct walk w = {.mode = mode, .in_from = mode == TAP_SQL_FROM};

	while (!ends(p) && !p->failed) {
		const struct tap_sql_token *t = tap_sql_now(p);

		if (tap_sql_take_punct(p, '(')) {
			tap_sql_query_brackets(p, false);
		} else if (tap_sql_is_punct(t, ',') && w.in_from) {
			p->at++;
			tap_sql_query_from(p);
		} else if (t->kind == TAP_SQL_WORD && t->keyword) {
			/* A qualified name's part is none: t.select. */
			if (tap_sql_is_punct(tap_sql_before(p), '.') && p->at)
				p->at++;
			else if (begins_another(p))
				tap_sql_stmt_read(p);
			else
				on_word(p, &w);
		} else {
			p->at++;
		}
	}
}

/* What is no part of a list of tables. */
static bool ends_list(const struct tap_sql_parser *p)
{
	return tap_sql_sees(p, TAP_SQL_KW_SET) || tap_sql_sees(p, TAP_SQL_KW_WHERE) ||
	       tap_sql_sees(p, TAP_SQL_KW_FROM) || tap_sql_sees(p, TAP_SQL_KW_ORDER) ||
	       tap_sql_sees(p, TAP_SQL_KW_LIMIT) || tap_sql_sees(p, TAP_SQL_KW_RETURNING) ||
	       tap_sql_sees(p, TAP_SQL_KW_OUTPUT);
}

static bool is_join(const struct tap_sql_token *t)
{
	return t->keyword == TAP_SQL_KW_JOIN || t->keyword == TAP_SQL_KW_APPLY ||
	       t->keyword == TAP_SQL_KW_STRAIGHT_JOIN;
}

/* Joins and commas, and what belongs to them (ON, USING). */
void tap_sql_query_hold_list(struct tap_sql_parser *p)
{
	p->hold = true;
	tap_sql_query_from(p);
	while (!ends(p) && !p->failed && !ends_list(p)) {
		const struct tap_sql_token *t = tap_sql_now(p);

		p->at++;
		if (tap_sql_is_punct(t, '('))
			tap_sql_query_brackets(p, false);
		else if (tap_sql_is_punct(t, ',') || is_join(t))
			tap_sql_query_from(p);
	}
	p->hold = false;
}
