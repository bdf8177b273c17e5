/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NULL stands for "this fails" everywhere below: an expression is TRUE, FALSE or NULL as its term
 * is true, false or in error. SQL's AND and OR differ from Cedar's && and || where the left is
 * NULL; there a CASE takes their place, unless the left cannot fail, or only TRUE matters.
 */
#include "policy/filter_term.h"

#include <stdio.h>

#define LONG_MIN_TEXT "-9223372036854775808"
#define LONG_MAX_TEXT "9223372036854775807"

/* How the pieces are written. */
struct dialect {
	const char *name;
	const char *param; /* before the number; Trino's have none */
	/* Around a column of text: compare by bytes, whatever collation or type of its own it has.
	 */
	const char *before_text, *behind_text;
	const char *long_type, *string_type, *wide_type;
	bool glob;    /* GLOB for LIKE, which ignores case there */
	bool checked; /* typeof tells that arithmetic wrapped; columns hold any type */
	bool dates;
	bool composites; /* a column may be a row, which is NOT NULL only where each field is */
	bool no_nul;     /* no text holds U+0000 */
	size_t name_max; /* longer ones are cut without a word; 0: none are */
};

static const struct dialect dialects[] = {
    [POL_FILTER_POSTGRES] = {.name = "postgresql",
	.param = "$",
	.before_text = "CAST(",
	.behind_text = " AS text) COLLATE \"C\"",
	.long_type = "bigint",
	.string_type = "text",
	.wide_type = "numeric",
	.dates = true,
	.composites = true,
	.no_nul = true,
	.name_max = 63},
    [POL_FILTER_SQLITE] = {.name = "sqlite",
	.param = "?",
	.before_text = "",
	.behind_text = " COLLATE BINARY",
	.long_type = "INTEGER",
	.string_type = "TEXT",
	.glob = true,
	.checked = true},
    [POL_FILTER_TRINO] = {.name = "trino",
	.before_text = "CAST(",
	.behind_text = " AS varchar)",
	.long_type = "bigint",
	.string_type = "varchar",
	.wide_type = "decimal(38,0)"},
};

struct writer {
	struct or_arena *arena;
	const struct dialect *d;
	const struct pol_filter_table *table;
	struct or_buf out;
	struct or_buf params; /* struct pol_value */
	bool *used;           /* by column: its type must be looked at */
	bool *liked;          /* … and whether it holds U+0000 */
	const struct pol_policy *policy;
	struct or_err *err;
	enum or_code rc;
};

static void put_exact(
    struct writer *w, const struct pol_term *t, const struct pol_filter_known *known);
static void put_value(struct writer *w, const struct pol_term *t);

static void put(struct writer *w, const char *text)
{
	or_buf_put_str(&w->out, text);
}

static void refuse(struct writer *w, const struct pol_term *t, const char *why)
{
	char text[256];

	if (w->rc)
		return;
	snprintf(text, sizeof(text), "has no SQL that answers the same: %s", why);
	w->rc = pol_filter_term_refuse(w->err, w->policy, t, text);
}

static void put_quoted(struct writer *w, struct or_slice name)
{
	or_buf_put_byte(&w->out, '"');
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '"')
			or_buf_put_byte(&w->out, '"');
		or_buf_put_byte(&w->out, name.p[i]);
	}
	or_buf_put_byte(&w->out, '"');
}

/* Qualified: a bare name that is no column would be a string to SQLite. */
static void put_column(struct writer *w, const struct pol_filter_column *c)
{
	if (w->d->name_max && c->name.n > w->d->name_max && w->rc == OR_OK)
		w->rc = or_err_set(w->err, OR_UNSUPPORTED, "column %.*s: its name is cut by %s",
		    OR_SLICE_FMT(c->name), w->d->name);
	put_quoted(w, w->table->name);
	or_buf_put_byte(&w->out, '.');
	put_quoted(w, c->name);
	w->used[c - w->table->columns] = true;
}

static void put_param(struct writer *w, struct pol_value v)
{
	size_t n = w->params.n / sizeof(v) + 1;
	const char *type = v.kind == POL_STRING ? w->d->string_type : w->d->long_type;

	or_buf_put(&w->params, &v, sizeof(v));
	if (w->d->param)
		or_buf_printf(&w->out, "CAST(%s%zu AS %s)", w->d->param, n, type);
	else
		or_buf_printf(&w->out, "CAST(? AS %s)", type);
}

static void put_literal(struct writer *w, const struct pol_term *t)
{
	const struct pol_value *v = &t->lit;

	if (v->kind == POL_BOOL)
		put(w, v->b ? "TRUE" : "FALSE");
	else if (v->kind == POL_DATETIME)
		put_param(w, pol_value_long(v->i));
	else if (v->kind == POL_STRING && w->d->no_nul && v->s.n && memchr(v->s.p, 0, v->s.n))
		refuse(w, t, "no text holds U+0000");
	else
		put_param(w, *v);
}

/* A long that is NULL where it would not fit 64 bits. Both operands appear twice. */
static void put_arithmetic(struct writer *w, const struct pol_term *t)
{
	static const struct pol_term zero = {.op = POL_OP_LIT, .lit = {.kind = POL_LONG}};
	const struct pol_term *a = t->op == POL_OP_NEG ? &zero : t->args[0];
	const struct pol_term *b = t->op == POL_OP_NEG ? t->args[0] : t->args[1];
	const char *sign = t->op == POL_OP_ADD ? " + " : t->op == POL_OP_MUL ? " * " : " - ";

	put(w, w->d->checked ? "CASE WHEN typeof(" : "CASE WHEN ");
	for (int i = 0; i < 2 && w->rc == OR_OK && or_buf_ok(&w->out); i++) {
		or_buf_printf(&w->out, "%s", w->d->checked ? "" : "CAST(");
		put_value(w, a);
		if (!w->d->checked)
			or_buf_printf(&w->out, " AS %s)", w->d->wide_type);
		put(w, sign);
		or_buf_printf(&w->out, "%s", w->d->checked ? "" : "CAST(");
		put_value(w, b);
		if (!w->d->checked)
			or_buf_printf(&w->out, " AS %s)", w->d->wide_type);
		if (i == 0)
			put(w, w->d->checked ? ") = 'integer' THEN "
					     : " BETWEEN " LONG_MIN_TEXT " AND " LONG_MAX_TEXT
					       " THEN ");
	}
	put(w, " END");
}

static void put_date_column(
    struct writer *w, const struct pol_term *t, const struct pol_filter_column *c)
{
	if (!w->d->dates) {
		refuse(w, t, "dates are compared in PostgreSQL alone");
		return;
	}
	/* Cedar's milliseconds; a finer clock is cut to them. */
	put(w, "floor(extract(epoch FROM ");
	put_column(w, c);
	put(w, ") * 1000)");
}

/* Each operand of arithmetic is a long; one that is known to be none fails whatever the rows are.
 */
static void put_sum(struct writer *w, const struct pol_term *t)
{
	for (uint32_t i = 0; i < t->n; i++) {
		enum pol_filter_kind k = pol_filter_term_kind(w->table, t->args[i]);

		if (k == POL_FILTER_KIND_UNKNOWN) {
			refuse(w, t, "an operand's type is not known");
			return;
		}
		if (k != POL_FILTER_KIND_LONG) {
			or_buf_printf(&w->out, "CAST(NULL AS %s)", w->d->long_type);
			return;
		}
	}
	put_arithmetic(w, t);
}

static void put_if(struct writer *w, const struct pol_term *t)
{
	put(w, "CASE (");
	put_exact(w, t->args[0], NULL);
	put(w, ") WHEN TRUE THEN ");
	put_value(w, t->args[1]);
	put(w, " WHEN FALSE THEN ");
	put_value(w, t->args[2]);
	put(w, " END");
}

/* An operand: NULL where it fails. */
static void put_value(struct writer *w, const struct pol_term *t)
{
	const struct pol_filter_column *c = pol_filter_term_column(w->table, t);
	enum pol_filter_kind kind = pol_filter_term_kind(w->table, t);

	if (w->rc || !or_buf_ok(&w->out))
		return;
	if (kind == POL_FILTER_KIND_UNKNOWN) {
		refuse(w, t, "its type is not known");
	} else if (c && c->type == POL_FILTER_DATETIME) {
		put_date_column(w, t, c);
	} else if (c) {
		bool text = kind == POL_FILTER_KIND_STRING;

		put(w, text ? w->d->before_text : "");
		put_column(w, c);
		put(w, text ? w->d->behind_text : "");
	} else if (pol_term_is_lit(t)) {
		put_literal(w, t);
	} else if (t->op == POL_OP_IF) {
		put_if(w, t);
	} else if (kind == POL_FILTER_KIND_LONG) {
		put_sum(w, t);
	} else {
		put(w, "(");
		put_exact(w, t, NULL);
		put(w, ")");
	}
}

static const char *sign_of(const struct pol_term *t)
{
	switch ((int)t->op) {
	case POL_OP_EQ: return " = ";
	case POL_OP_NE: return " <> ";
	case POL_OP_LT: return " < ";
	case POL_OP_LE: return " <= ";
	case POL_OP_GT: return " > ";
	default: return " >= ";
	}
}

/* "(v) IS NOT NULL", for what is FALSE or TRUE wherever it does not fail. */
static void put_defined(struct writer *w, const struct pol_term *t)
{
	if (pol_filter_term_kind(w->table, t) == POL_FILTER_KIND_FOREIGN) {
		put(w, "TRUE");
		return;
	}
	put(w, "(");
	put_value(w, t);
	put(w, ") IS NOT NULL");
}

/* Values of two kinds are never equal; what fails fails still. */
static void put_unequal(struct writer *w, const struct pol_term *t)
{
	put(w, "CASE WHEN ");
	put_defined(w, t->args[0]);
	put(w, " AND ");
	put_defined(w, t->args[1]);
	put(w, t->op == POL_OP_EQ ? " THEN FALSE END" : " THEN TRUE END");
}

static void put_comparison(struct writer *w, const struct pol_term *t)
{
	enum pol_filter_kind a = pol_filter_term_kind(w->table, t->args[0]);
	enum pol_filter_kind b = pol_filter_term_kind(w->table, t->args[1]);
	bool equality = t->op == POL_OP_EQ || t->op == POL_OP_NE;

	if (pol_term_is_error(t->args[0]) || pol_term_is_error(t->args[1])) {
		put(w, "CAST(NULL AS boolean)");
	} else if (a == POL_FILTER_KIND_UNKNOWN || b == POL_FILTER_KIND_UNKNOWN) {
		refuse(w, t, "an operand's type is not known");
	} else if (equality && a != b) {
		put_unequal(w, t);
	} else if (!equality && (a != b || !pol_filter_kind_compares(a))) {
		/* Durations are compared too, but no column is one. */
		put(w, "CAST(NULL AS boolean)");
	} else {
		put_value(w, t->args[0]);
		put(w, sign_of(t));
		put_value(w, t->args[1]);
	}
}

/* The pattern, where the star is 0xFF, in the dialect's form. */
static void make_pattern(const struct writer *w, struct or_slice pattern, struct or_buf *to)
{
	for (size_t i = 0; i < pattern.n; i++) {
		uint8_t c = pattern.p[i];

		if (c == 0xFF)
			or_buf_put_byte(to, w->d->glob ? '*' : '%');
		else if (w->d->glob && (c == '*' || c == '?' || c == '['))
			or_buf_printf(to, "[%c]", c);
		else if (!w->d->glob && (c == '%' || c == '_' || c == '!'))
			or_buf_printf(to, "!%c", c);
		else
			or_buf_put_byte(to, c);
	}
}

static void mark_liked(struct writer *w, const struct pol_term *t)
{
	const struct pol_filter_column *c = pol_filter_term_column(w->table, t);

	if (c)
		w->liked[c - w->table->columns] = true;
	else if (t->op == POL_OP_IF) {
		mark_liked(w, t->args[1]);
		mark_liked(w, t->args[2]);
	}
}

static void put_like(struct writer *w, const struct pol_term *t)
{
	enum pol_filter_kind kind = pol_filter_term_kind(w->table, t->args[0]);
	struct or_slice pattern = t->names[0];
	struct pol_value v;
	struct or_buf b;

	if (kind == POL_FILTER_KIND_UNKNOWN) {
		refuse(w, t, "an operand's type is not known");
		return;
	}
	if (kind != POL_FILTER_KIND_STRING) {
		put(w, "CAST(NULL AS boolean)");
		return;
	}
	if (pattern.n && memchr(pattern.p, 0, pattern.n)) {
		refuse(w, t, "a pattern with U+0000");
		return;
	}
	mark_liked(w, t->args[0]);
	put_value(w, t->args[0]);
	put(w, w->d->glob ? " GLOB " : " LIKE ");
	or_buf_init(&b, POL_FILTER_TEXT_MAX);
	make_pattern(w, pattern, &b);
	v = pol_value_string(or_arena_dup(w->arena, or_buf_slice(&b)));
	if (!or_buf_ok(&b) || !v.s.p)
		w->rc = OR_FULL;
	or_buf_done(&b);
	put_param(w, v);
	if (!w->d->glob)
		put(w, " ESCAPE '!'");
}

/* [ … ].contains(x) */
static void put_contains(struct writer *w, const struct pol_term *t)
{
	const struct pol_term *set = t->args[0], *x = t->args[1];
	enum pol_filter_kind kind = pol_filter_term_kind(w->table, x);
	size_t n = 0;

	if (!pol_term_is_lit(set)) {
		refuse(w, t, "the set is not known");
		return;
	}
	if (set->lit.kind != POL_SET) {
		put(w, "CAST(NULL AS boolean)");
		return;
	}
	if (kind == POL_FILTER_KIND_UNKNOWN || kind == POL_FILTER_KIND_FOREIGN) {
		refuse(w, t, "an operand's type is not known");
		return;
	}
	for (size_t i = 0; i < set->lit.set->n; i++) {
		const struct pol_term item = {.op = POL_OP_LIT, .lit = set->lit.set->items[i]};

		/* One of another kind is equal to none of the column's values. */
		if (pol_filter_term_kind(w->table, &item) != kind)
			continue;
		if (n++ == 0) {
			put_value(w, x);
			put(w, " IN (");
		} else {
			put(w, ", ");
		}
		put_literal(w, &item);
	}
	if (n) {
		put(w, ")");
		return;
	}
	put(w, "CASE WHEN ");
	put_defined(w, x);
	put(w, " THEN FALSE END");
}

static void put_has(struct writer *w, const struct pol_term *t)
{
	const struct pol_filter_column *c = pol_filter_term_has(w->table, t);

	if (!c) {
		refuse(w, t, "only columns of the table can be asked for");
	} else if (t->n_names == 1) {
		put_column(w, c);
		put(w, w->d->composites && c->type == POL_FILTER_OTHER ? " IS DISTINCT FROM NULL"
								       : " IS NOT NULL");
	} else if (c->type == POL_FILTER_OTHER) {
		refuse(w, t, "the column's type is not known");
	} else {
		/* What is no record has no attributes, not even none. */
		put(w, "CASE WHEN ");
		put_column(w, c);
		put(w, " IS NULL THEN FALSE END");
	}
}

/* Columns are no entities: `in` and `is` fail on them; no tag and no function has SQL. */
static void put_other(struct writer *w, const struct pol_term *t)
{
	static const char no[] = "only columns, comparisons, `like`, `contains` of a set that is "
				 "known, `has` and arithmetic have one";
	bool scalar = false;

	if (t->op == POL_OP_IN || t->op == POL_OP_IS) {
		for (uint32_t i = 0; i < t->n; i++)
			scalar |=
			    pol_filter_term_kind(w->table, t->args[i]) < POL_FILTER_KIND_FOREIGN;
		/* `x is T in y` looks at y only where x is a T. */
		if (t->op == POL_OP_IS)
			scalar =
			    pol_filter_term_kind(w->table, t->args[0]) < POL_FILTER_KIND_FOREIGN;
	}
	if (scalar)
		put(w, "CAST(NULL AS boolean)");
	else
		refuse(w, t, no);
}

/* What a chain knows behind its operand. */
static const struct pol_filter_known *learn(struct writer *w, const struct pol_term *chain,
    uint32_t i, const struct pol_filter_known *known, struct pol_filter_known *more)
{
	const struct pol_filter_column *c = pol_filter_term_has(w->table, chain->args[i]);

	if (chain->op != POL_OP_AND || !c || chain->args[i]->n_names != 1)
		return known;
	*more = (struct pol_filter_known){c, known};
	return more;
}

/* Operands from `from` on; brackets are the caller's. */
static void put_chain(
    struct writer *w, const struct pol_term *t, uint32_t from, const struct pol_filter_known *known)
{
	bool and = t->op == POL_OP_AND, last = from + 1 == t->n;
	struct pol_filter_known more;

	if (w->rc || !or_buf_ok(&w->out))
		return;
	if (last) {
		put(w, "(");
		put_exact(w, t->args[from], known);
		put(w, ")");
		return;
	}
	if (!pol_filter_term_may_err(w->table, t->args[from], known)) {
		put(w, "(");
		put_exact(w, t->args[from], known);
		put(w, and? ") AND (" : ") OR (");
		put_chain(w, t, from + 1, learn(w, t, from, known, &more));
		put(w, ")");
		return;
	}
	put(w, "CASE (");
	put_exact(w, t->args[from], known);
	put(w, and? ") WHEN FALSE THEN FALSE WHEN TRUE THEN ("
		  : ") WHEN TRUE THEN TRUE WHEN FALSE THEN (");
	put_chain(w, t, from + 1, learn(w, t, from, known, &more));
	put(w, ") END");
}

/* TRUE, FALSE or NULL as the term is true, false or in error. */
static void put_exact(
    struct writer *w, const struct pol_term *t, const struct pol_filter_known *known)
{
	enum pol_filter_kind kind = pol_filter_term_kind(w->table, t);

	if (w->rc || !or_buf_ok(&w->out))
		return;
	if (pol_term_is_error(t)) {
		put(w, "CAST(NULL AS boolean)");
		return;
	}
	if (kind == POL_FILTER_KIND_UNKNOWN) {
		refuse(w, t, "its type is not known");
		return;
	}
	if (kind != POL_FILTER_KIND_BOOL) {
		/* It may fail earlier than by not being a bool, but fail it does. */
		put(w, "CAST(NULL AS boolean)");
		return;
	}
	switch ((int)t->op) {
	case POL_OP_LIT:
	case POL_OP_IF:
	case POL_OP_ATTR: put_value(w, t); return;
	case POL_OP_AND:
	case POL_OP_OR: put_chain(w, t, 0, known); return;
	case POL_OP_NOT:
		put(w, "NOT (");
		put_exact(w, t->args[0], known);
		put(w, ")");
		return;
	case POL_OP_EQ:
	case POL_OP_NE:
	case POL_OP_LT:
	case POL_OP_LE:
	case POL_OP_GT:
	case POL_OP_GE: put_comparison(w, t); return;
	case POL_OP_LIKE: put_like(w, t); return;
	case POL_OP_CONTAINS: put_contains(w, t); return;
	case POL_OP_HAS: put_has(w, t); return;
	default: put_other(w, t); return;
	}
}

/* TRUE exactly where the term is true; FALSE or NULL elsewhere. Reads better than put_exact. */
static void put_truth(
    struct writer *w, const struct pol_term *t, const struct pol_filter_known *known)
{
	struct pol_filter_known more[16];
	bool plain = t->op == POL_OP_AND;

	if (t->op == POL_OP_OR) {
		plain = true;
		for (uint32_t i = 0; i + 1 < t->n; i++)
			plain &= !pol_filter_term_may_err(w->table, t->args[i], known);
	}
	if (!plain || t->n < 2) {
		put_exact(w, t, known);
		return;
	}
	for (uint32_t i = 0; i < t->n && w->rc == OR_OK && or_buf_ok(&w->out); i++) {
		put(w, i == 0 ? "(" : t->op == POL_OP_AND ? " AND (" : " OR (");
		put_truth(w, t->args[i], known);
		put(w, ")");
		if (i < OR_LEN(more))
			known = learn(w, t, i, known, &more[i]);
	}
}

/* One policy, never NULL: what it counts as where it errs. */
static void put_policy(struct writer *w, const struct pol_partial_residual *r, bool on_error)
{
	bool may_err = pol_filter_term_may_err(w->table, r->term, NULL);

	w->policy = r->policy;
	/* Without brackets: nothing binds less tightly than the OR that stands between policies. */
	put(w, may_err ? "COALESCE(" : "");
	if (on_error)
		put_exact(w, r->term, NULL);
	else
		put_truth(w, r->term, NULL);
	put(w, !may_err ? "" : on_error ? ", TRUE)" : ", FALSE)");
}

/* The policies of one effect, OR'ed; false: none is left that counts. */
static bool put_policies(struct writer *w, const struct pol_filter *f, bool forbid)
{
	bool on_error = forbid && f->req->on_forbid_error == POL_FORBID_ERROR_DENY;
	bool any = false;

	for (size_t i = 0; i < f->partial.n; i++) {
		const struct pol_partial_residual *r = &f->partial.items[i];

		/* An error of a permit, or of a forbid under Cedar's rule; were it one that
		 * denies, the verdict would be POL_FILTER_NONE. */
		if (r->policy->forbid != forbid || r->state == POL_PARTIAL_ERROR)
			continue;
		put(w, any ? " OR " : forbid ? " AND NOT (" : "(");
		any = true;
		if (r->state == POL_PARTIAL_YES)
			put(w, "TRUE");
		else
			put_policy(w, r, on_error);
	}
	if (any)
		put(w, ")");
	return any;
}

/* Rows whose values are not what the contract says, where the engine lets them be. */
static void put_guards(struct writer *w)
{
	static const char *const types[] = {[POL_FILTER_LONG] = "integer",
	    [POL_FILTER_STRING] = "text",
	    [POL_FILTER_BOOL] = "integer"};

	for (size_t i = 0; i < w->table->n_columns && w->d->checked; i++) {
		const struct pol_filter_column *c = &w->table->columns[i];

		if (!w->used[i] || c->type > POL_FILTER_BOOL)
			continue;
		put(w, " AND typeof(");
		put_column(w, c);
		or_buf_printf(&w->out, ") IN ('%s', 'null')", types[c->type]);
		if (c->type == POL_FILTER_BOOL) {
			put(w, " AND COALESCE(");
			put_column(w, c);
			put(w, ", 0) IN (0, 1)");
		}
		if (w->liked[i]) {
			put(w, " AND COALESCE(instr(");
			put_column(w, c);
			put(w, ", char(0)), 0) = 0");
		}
	}
}

static enum or_code finish(struct pol_filter_sql *out, struct writer *w)
{
	size_t n = w->params.n / sizeof(struct pol_value);
	struct pol_value *params = or_arena_array(w->arena, n, sizeof(*params));
	struct or_slice text = or_arena_dup(w->arena, or_buf_slice(&w->out));

	if (w->rc == OR_UNSUPPORTED)
		return w->rc;
	if (w->rc || !or_buf_ok(&w->out) || !or_buf_ok(&w->params) || !params || !text.p)
		return or_err_set(w->err, OR_FULL, "the policies make too large a filter");
	if (n)
		memcpy(params, w->params.p, n * sizeof(*params));
	*out = (struct pol_filter_sql){.text = text, .params = params, .n_params = n};
	return OR_OK;
}

enum or_code pol_filter_sql_dialect(enum pol_filter_dialect *out, struct or_slice name)
{
	for (size_t i = 0; i < OR_LEN(dialects); i++) {
		if (or_slice_is(name, dialects[i].name)) {
			*out = (enum pol_filter_dialect)i;
			return OR_OK;
		}
	}
	return OR_ABSENT;
}

enum or_code pol_filter_sql(struct pol_filter_sql *out, const struct pol_filter *f,
    enum pol_filter_dialect dialect, struct or_arena *a, struct or_err *err)
{
	const struct pol_filter_table *t = f->req->table;
	struct writer w = {.arena = a, .d = &dialects[dialect], .table = t, .err = err};
	enum or_code rc;

	if (f->verdict != POL_FILTER_SOME) {
		*out = (struct pol_filter_sql){
		    .text = or_slice_str(f->verdict == POL_FILTER_ALL ? "TRUE" : "FALSE")};
		return OR_OK;
	}
	if (w.d->name_max && t->name.n > w.d->name_max)
		return or_err_set(err, OR_UNSUPPORTED, "table %.*s: its name is cut by %s",
		    OR_SLICE_FMT(t->name), w.d->name);
	w.used = or_arena_array(a, t->n_columns, sizeof(*w.used));
	w.liked = or_arena_array(a, t->n_columns, sizeof(*w.liked));
	if (!w.used || !w.liked)
		return or_err_set(err, OR_FULL, "the filter needs more memory than its budget");
	or_buf_init(&w.out, POL_FILTER_TEXT_MAX);
	or_buf_init(&w.params, POL_FILTER_PARAMS_MAX * sizeof(struct pol_value));
	put_policies(&w, f, false);
	put_policies(&w, f, true);
	put_guards(&w);
	rc = finish(out, &w);
	or_buf_done(&w.out);
	or_buf_done(&w.params);
	return rc;
}
