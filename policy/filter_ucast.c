/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interpreters of UCAST differ in what a comparison with null is, and some know no `not`. So terms
 * become conditions that hold where a term is true (or false), never its opposite negated; every
 * comparison says itself that its columns are there.
 */
#include "policy/filter_term.h"

enum {
	NODES_MAX = 16384,
	STEPS_MAX = 1 << 20, /* what is known to fail makes no nodes, but costs time */
	LEVELS_MAX = OR_JSON_DEPTH_MAX / 2 - 12, /* each is an object and a list in it */
};

#define EXACT_MAX 9007199254740991LL /* 2^53 - 1: what a double counts to */

enum kind { NEVER, ALWAYS, ALL_OF, ANY_OF, LEAF };

enum test {
	EQ,
	NE,
	LT,
	LE,
	GT,
	GE,
	IN,
	NOT_IN,
	STARTS,
	NOT_STARTS,
	ENDS,
	NOT_ENDS,
	HOLDS,
	NOT_HOLDS,
	THERE
};

/* A leaf holds where its columns are there and pass the test; `absent`: or where one is not. */
struct cond {
	enum kind kind;
	enum test test;
	bool absent;
	const struct pol_filter_column *column, *other;
	const struct pol_value *values;
	size_t n; /* values, or args */
	const struct cond *const *args;
};

struct maker {
	struct or_arena *arena;
	const struct pol_filter_table *table;
	const struct pol_policy *policy;
	struct or_err *err;
	size_t n, steps;
	enum or_code rc;
};

static const struct cond never = {.kind = NEVER}, always = {.kind = ALWAYS};

static const struct cond *holds(struct maker *m, const struct pol_term *t, bool want);

static const struct cond *refuse(struct maker *m, const struct pol_term *t, const char *why)
{
	if (m->rc == OR_OK)
		m->rc = pol_filter_term_refuse(m->err, m->policy, t, why);
	return &never;
}

static struct cond *new_cond(struct maker *m, enum kind kind)
{
	struct cond *c = m->n++ < NODES_MAX ? or_arena_alloc(m->arena, sizeof(*c)) : NULL;

	if (c)
		c->kind = kind;
	else if (m->rc == OR_OK)
		m->rc = OR_FULL;
	return c;
}

/* ALL_OF or ANY_OF, without what is always or never. */
static const struct cond *join(
    struct maker *m, enum kind kind, const struct cond *const *args, size_t n)
{
	enum kind neutral = kind == ALL_OF ? ALWAYS : NEVER,
		  deciding = kind == ALL_OF ? NEVER : ALWAYS;
	const struct cond **kept = or_arena_array(m->arena, n, sizeof(*kept));
	size_t n_kept = 0;
	struct cond *c;

	if (!kept) {
		m->rc = m->rc ? m->rc : OR_FULL;
		return &never;
	}
	for (size_t i = 0; i < n; i++) {
		if (args[i]->kind == deciding)
			return args[i];
		if (args[i]->kind != neutral)
			kept[n_kept++] = args[i];
	}
	if (n_kept == 0)
		return kind == ALL_OF ? &always : &never;
	if (n_kept == 1)
		return kept[0];
	c = new_cond(m, kind);
	if (!c)
		return &never;
	c->args = kept;
	c->n = n_kept;
	return c;
}

static const struct cond *join2(
    struct maker *m, enum kind kind, const struct cond *a, const struct cond *b)
{
	const struct cond *const args[] = {a, b};

	return join(m, kind, args, 2);
}

static enum test opposite(enum test t)
{
	static const enum test tests[] = {[EQ] = NE,
	    [NE] = EQ,
	    [LT] = GE,
	    [LE] = GT,
	    [GT] = LE,
	    [GE] = LT,
	    [IN] = NOT_IN,
	    [NOT_IN] = IN,
	    [STARTS] = NOT_STARTS,
	    [NOT_STARTS] = STARTS,
	    [ENDS] = NOT_ENDS,
	    [NOT_ENDS] = ENDS,
	    [HOLDS] = NOT_HOLDS,
	    [NOT_HOLDS] = HOLDS,
	    [THERE] = THERE};

	return tests[t];
}

static const struct cond *leaf(struct maker *m, const struct pol_term *t,
    const struct pol_filter_column *c, enum test test, const struct pol_value *values, size_t n)
{
	struct cond *to = new_cond(m, LEAF);

	if (!to)
		return &never;
	for (size_t i = 0; i < n; i++) {
		if (values[i].kind == POL_LONG &&
		    (values[i].i > EXACT_MAX || values[i].i < -EXACT_MAX))
			return refuse(m, t, "UCAST's numbers are exact up to 2^53 only");
	}
	if (memchr(c->name.p, '.', c->name.n))
		return refuse(m, t, "UCAST has no column with a dot in its name");
	to->column = c;
	to->test = test;
	to->values = values;
	to->n = n;
	return to;
}

/* Holds exactly where c does not. */
static const struct cond *negate(struct maker *m, const struct cond *c)
{
	const struct cond **args;
	struct cond *to;

	if (c->kind == NEVER || c->kind == ALWAYS)
		return c->kind == NEVER ? &always : &never;
	if (c->kind == LEAF) {
		to = new_cond(m, LEAF);
		if (!to)
			return &never;
		*to = *c;
		to->test = opposite(c->test);
		to->absent = !c->absent;
		return to;
	}
	args = or_arena_array(m->arena, c->n, sizeof(*args));
	if (!args) {
		m->rc = m->rc ? m->rc : OR_FULL;
		return &never;
	}
	for (size_t i = 0; i < c->n; i++)
		args[i] = negate(m, c->args[i]);
	return join(m, c->kind == ALL_OF ? ANY_OF : ALL_OF, args, c->n);
}

/* Where a chain is stopped by an operand, those before it having let it pass. */
static const struct cond *stopped(struct maker *m, const struct pol_term *t, bool stop)
{
	const struct cond **any = or_arena_array(m->arena, t->n, sizeof(*any));
	const struct cond *before = &always;
	bool may_err = false;

	if (!any) {
		m->rc = m->rc ? m->rc : OR_FULL;
		return &never;
	}
	for (uint32_t i = 0; i < t->n && m->rc == OR_OK; i++) {
		any[i] = holds(m, t->args[i], stop);
		/* Operands that cannot fail either stop it themselves or let it pass. */
		if (may_err)
			any[i] = join2(m, ALL_OF, before, any[i]);
		may_err |= pol_filter_term_may_err(m->table, t->args[i], NULL);
		before = join2(m, ALL_OF, before, holds(m, t->args[i], !stop));
	}
	return m->rc ? &never : join(m, ANY_OF, any, t->n);
}

static const struct cond *passed(struct maker *m, const struct pol_term *t, bool want)
{
	const struct cond **all = or_arena_array(m->arena, t->n, sizeof(*all));

	if (!all) {
		m->rc = m->rc ? m->rc : OR_FULL;
		return &never;
	}
	for (uint32_t i = 0; i < t->n; i++)
		all[i] = holds(m, t->args[i], want);
	return join(m, ALL_OF, all, t->n);
}

static const struct cond *there(struct maker *m, const struct pol_term *t)
{
	const struct pol_filter_column *c = pol_filter_term_column(m->table, t);

	if (pol_term_is_lit(t))
		return &always;
	return c ? leaf(m, t, c, THERE, NULL, 0)
		 : refuse(m, t, "UCAST compares columns with constants and columns");
}

static enum test test_of(const struct pol_term *t, bool swapped)
{
	switch ((int)t->op) {
	case POL_OP_EQ: return EQ;
	case POL_OP_NE: return NE;
	case POL_OP_LT: return swapped ? GT : LT;
	case POL_OP_LE: return swapped ? GE : LE;
	case POL_OP_GT: return swapped ? LT : GT;
	default: return swapped ? LE : GE;
	}
}

static const struct cond *compare_columns(struct maker *m, const struct pol_term *t,
    const struct pol_filter_column *a, const struct pol_filter_column *b, enum test test)
{
	const struct cond *one = leaf(m, t, a, test, NULL, 0);
	struct cond *both = new_cond(m, LEAF);

	if (!both || m->rc)
		return &never;
	*both = *one;
	both->other = b;
	return memchr(b->name.p, '.', b->name.n)
		   ? refuse(m, t, "UCAST has no column with a dot in its name")
		   : both;
}

static const struct cond *compare_operands(struct maker *m, const struct pol_term *t, bool want)
{
	const struct pol_filter_column *a = pol_filter_term_column(m->table, t->args[0]);
	const struct pol_filter_column *b = pol_filter_term_column(m->table, t->args[1]);
	const struct pol_term *x = a ? t->args[1] : t->args[0];
	enum test test = test_of(t, !a);

	if (!want)
		test = opposite(test);
	if (pol_filter_term_kind(m->table, t->args[0]) == POL_FILTER_KIND_DATETIME)
		return refuse(m, t, "UCAST has no dates");
	if (a && b)
		return compare_columns(m, t, a, b, test);
	if ((!a && !b) || !pol_term_is_lit(x))
		return refuse(m, t, "UCAST compares columns with constants and columns");
	return leaf(m, t, a ? a : b, test, &x->lit, 1);
}

/* a == b of bools, whatever they are. */
static const struct cond *compare_bools(struct maker *m, const struct pol_term *t, bool same)
{
	const struct cond *yes =
	    join2(m, ALL_OF, holds(m, t->args[0], true), holds(m, t->args[1], same));

	return join2(m, ANY_OF, yes,
	    join2(m, ALL_OF, holds(m, t->args[0], false), holds(m, t->args[1], !same)));
}

static const struct cond *compare(struct maker *m, const struct pol_term *t, bool want)
{
	enum pol_filter_kind a = pol_filter_term_kind(m->table, t->args[0]);
	enum pol_filter_kind b = pol_filter_term_kind(m->table, t->args[1]);
	bool equality = t->op == POL_OP_EQ || t->op == POL_OP_NE;
	bool same = (t->op == POL_OP_EQ) == want;

	if (pol_term_is_error(t->args[0]) || pol_term_is_error(t->args[1]))
		return &never;
	if (a == POL_FILTER_KIND_UNKNOWN || b == POL_FILTER_KIND_UNKNOWN)
		return refuse(m, t, "an operand's type is not known");
	if (equality && a != b)
		return same ? &never : join2(m, ALL_OF, there(m, t->args[0]), there(m, t->args[1]));
	if (equality && a == POL_FILTER_KIND_BOOL)
		return compare_bools(m, t, same);
	if (!equality && (a != b || !pol_filter_kind_compares(a)))
		return &never;
	return compare_operands(m, t, want);
}

static const struct cond *contains(struct maker *m, const struct pol_term *t, bool want)
{
	const struct pol_term *set = t->args[0];
	const struct pol_filter_column *c = pol_filter_term_column(m->table, t->args[1]);
	enum pol_filter_kind kind = pol_filter_term_kind(m->table, t->args[1]);
	struct pol_value *values;
	size_t n = 0;

	if (pol_term_is_lit(set) && set->lit.kind != POL_SET)
		return &never;
	if (!pol_term_is_lit(set) || !c || kind >= POL_FILTER_KIND_DATETIME)
		return refuse(m, t, "UCAST looks for columns in sets that are known");
	values = or_arena_array(m->arena, set->lit.set->n, sizeof(*values));
	if (!values) {
		m->rc = m->rc ? m->rc : OR_FULL;
		return &never;
	}
	for (size_t i = 0; i < set->lit.set->n; i++) {
		const struct pol_term item = {.op = POL_OP_LIT, .lit = set->lit.set->items[i]};

		if (pol_filter_term_kind(m->table, &item) == kind)
			values[n++] = item.lit;
	}
	if (n == 0)
		return want ? &never : leaf(m, t, c, THERE, NULL, 0);
	return leaf(m, t, c, want ? IN : NOT_IN, values, n);
}

/* The one run of characters that a pattern has: *test says where; false: it has more. */
static bool read_pattern(struct or_slice pattern, struct or_slice *run, enum test *test)
{
	bool front = pattern.n && pattern.p[0] == 0xFF, back = false;
	size_t from = 0, to = pattern.n;

	while (from < to && pattern.p[from] == 0xFF)
		from++;
	while (to > from && pattern.p[to - 1] == 0xFF) {
		to--;
		back = true;
	}
	*run = or_slice(pattern.p + from, to - from);
	*test = front && from == pattern.n ? THERE
		: front && back            ? HOLDS
		: front                    ? ENDS
		: back                     ? STARTS
					   : EQ;
	return run->n == 0 || !memchr(run->p, 0xFF, run->n);
}

static const struct cond *like(struct maker *m, const struct pol_term *t, bool want)
{
	const struct pol_filter_column *c = pol_filter_term_column(m->table, t->args[0]);
	enum pol_filter_kind kind = pol_filter_term_kind(m->table, t->args[0]);
	struct pol_value *v = or_arena_alloc(m->arena, sizeof(*v));
	enum test test;

	if (kind != POL_FILTER_KIND_STRING && kind != POL_FILTER_KIND_UNKNOWN)
		return &never;
	if (!c || kind == POL_FILTER_KIND_UNKNOWN)
		return refuse(m, t, "UCAST matches columns of text alone");
	if (!v) {
		m->rc = m->rc ? m->rc : OR_FULL;
		return &never;
	}
	v->kind = POL_STRING;
	if (!read_pattern(t->names[0], &v->s, &test))
		return refuse(m, t, "UCAST has no pattern with a star inside");
	if (test == THERE)
		return want ? leaf(m, t, c, THERE, NULL, 0) : &never;
	return leaf(m, t, c, want ? test : opposite(test), v, 1);
}

static const struct cond *has(struct maker *m, const struct pol_term *t, bool want)
{
	const struct pol_filter_column *c = pol_filter_term_has(m->table, t);
	const struct cond *yes;

	if (!c || (t->n_names > 1 && c->type == POL_FILTER_OTHER))
		return refuse(m, t, "only columns of the table can be asked for");
	yes = leaf(m, t, c, THERE, NULL, 0);
	/* A column of a known type is no record: `has a.b` fails where a is there. */
	if (t->n_names > 1)
		return want ? &never : negate(m, yes);
	return want ? yes : negate(m, yes);
}

static const struct cond *choose(struct maker *m, const struct pol_term *t, bool want)
{
	const struct cond *yes =
	    join2(m, ALL_OF, holds(m, t->args[0], true), holds(m, t->args[1], want));

	return join2(m, ANY_OF, yes,
	    join2(m, ALL_OF, holds(m, t->args[0], false), holds(m, t->args[2], want)));
}

static const struct cond *column_holds(struct maker *m, const struct pol_term *t, bool want)
{
	static const struct pol_value values[] = {
	    {.kind = POL_BOOL, .b = false}, {.kind = POL_BOOL, .b = true}};
	const struct pol_filter_column *c = pol_filter_term_column(m->table, t);

	return c ? leaf(m, t, c, EQ, &values[want], 1) : refuse(m, t, "its type is not known");
}

/* Columns are no entities: `in` and `is` fail on them. */
static const struct cond *other_holds(struct maker *m, const struct pol_term *t)
{
	enum pol_filter_kind a = pol_filter_term_kind(m->table, t->args[0]);
	enum pol_filter_kind b =
	    t->n > 1 ? pol_filter_term_kind(m->table, t->args[1]) : POL_FILTER_KIND_UNKNOWN;

	if ((t->op == POL_OP_IN || t->op == POL_OP_IS) && a < POL_FILTER_KIND_FOREIGN)
		return &never;
	if (t->op == POL_OP_IN && b < POL_FILTER_KIND_FOREIGN)
		return &never;
	return refuse(m, t, "has no UCAST that answers the same");
}

/* Where the term is true (want) or false; where it fails neither does. */
static const struct cond *holds(struct maker *m, const struct pol_term *t, bool want)
{
	enum pol_filter_kind kind = pol_filter_term_kind(m->table, t);

	if (m->rc == OR_OK && ++m->steps > STEPS_MAX)
		m->rc = OR_FULL;
	if (m->rc || pol_term_is_error(t))
		return &never;
	if (kind == POL_FILTER_KIND_UNKNOWN)
		return refuse(m, t, "its type is not known");
	if (kind != POL_FILTER_KIND_BOOL)
		return &never;
	switch ((int)t->op) {
	case POL_OP_LIT: return t->lit.b == want ? &always : &never;
	case POL_OP_AND: return want ? passed(m, t, true) : stopped(m, t, false);
	case POL_OP_OR: return want ? stopped(m, t, true) : passed(m, t, false);
	case POL_OP_NOT: return holds(m, t->args[0], !want);
	case POL_OP_IF: return choose(m, t, want);
	case POL_OP_ATTR: return column_holds(m, t, want);
	case POL_OP_HAS: return has(m, t, want);
	case POL_OP_LIKE: return like(m, t, want);
	case POL_OP_CONTAINS: return contains(m, t, want);
	case POL_OP_EQ:
	case POL_OP_NE:
	case POL_OP_LT:
	case POL_OP_LE:
	case POL_OP_GT:
	case POL_OP_GE: return compare(m, t, want);
	default: return other_holds(m, t);
	}
}

static const struct cond *permits_and_forbids(struct maker *m, const struct pol_filter *f)
{
	bool strict = f->req->on_forbid_error == POL_FORBID_ERROR_DENY;
	const struct cond *permitted = &never, *kept = &always;

	for (size_t i = 0; i < f->partial.n && m->rc == OR_OK; i++) {
		const struct pol_partial_residual *r = &f->partial.items[i];
		const struct cond *c;

		m->policy = r->policy;
		if (!r->policy->forbid) {
			c = holds(m, r->term, true);
			permitted = join2(m, ANY_OF, permitted, c);
		} else if (strict) {
			kept = join2(m, ALL_OF, kept, holds(m, r->term, false));
		} else {
			c = negate(m, holds(m, r->term, true));
			kept = join2(m, ALL_OF, kept, c);
		}
	}
	return join2(m, ALL_OF, permitted, kept);
}

static size_t levels(const struct cond *c, size_t at)
{
	size_t most = at;

	/* Deeper than allowed is deep enough to know. */
	for (size_t i = 0; c->kind != LEAF && at <= LEVELS_MAX && i < c->n; i++) {
		size_t n = levels(c->args[i], at + 1);

		most = n > most ? n : most;
	}
	return most;
}

static void put_values(struct or_jsonw *w, const struct pol_value *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (values[i].kind == POL_STRING)
			or_jsonw_str(w, values[i].s);
		else if (values[i].kind == POL_BOOL)
			or_jsonw_bool(w, values[i].b);
		else
			or_jsonw_i64(w, values[i].i);
	}
}

static void put_name(struct or_jsonw *w, const char *key, const struct pol_filter_table *t,
    const struct pol_filter_column *c)
{
	struct or_buf b;

	or_buf_init(&b, POL_FILTER_TEXT_MAX);
	or_buf_put_slice(&b, t->name);
	or_buf_put_byte(&b, '.');
	or_buf_put_slice(&b, c->name);
	or_jsonw_kv_str(w, key, or_buf_slice(&b));
	or_buf_done(&b);
}

static void put_field(struct or_jsonw *w, const struct pol_filter_table *t,
    const struct pol_filter_column *c, const char *op)
{
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "type", "field");
	put_name(w, "field", t, c);
	or_jsonw_kv_text(w, "operator", op);
	or_jsonw_key(w, "value");
}

static void open_compound(struct or_jsonw *w, const char *op)
{
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "type", "compound");
	or_jsonw_kv_text(w, "operator", op);
	or_jsonw_key(w, "value");
	or_jsonw_array(w);
}

static void close_compound(struct or_jsonw *w)
{
	or_jsonw_end(w);
	or_jsonw_end(w);
}

/* `column ne null` or, negated, `column eq null` */
static void put_null(struct or_jsonw *w, const struct pol_filter_table *t,
    const struct pol_filter_column *c, bool is_null)
{
	put_field(w, t, c, is_null ? "eq" : "ne");
	or_jsonw_null(w);
	or_jsonw_end(w);
}

static void put_test(struct or_jsonw *w, const struct pol_filter_table *t, const struct cond *c)
{
	static const char *const names[] = {[EQ] = "eq",
	    [NE] = "ne",
	    [LT] = "lt",
	    [LE] = "lte",
	    [GT] = "gt",
	    [GE] = "gte",
	    [IN] = "in",
	    [NOT_IN] = "nin",
	    [STARTS] = "startswith",
	    [NOT_STARTS] = "startswith",
	    [ENDS] = "endswith",
	    [NOT_ENDS] = "endswith",
	    [HOLDS] = "contains",
	    [NOT_HOLDS] = "contains"};
	bool not = c->test == NOT_STARTS || c->test == NOT_ENDS || c->test == NOT_HOLDS;
	bool list = c->test == IN || c->test == NOT_IN;

	if (not )
		open_compound(w, "not");
	put_field(w, t, c->column, names[c->test]);
	if (c->other) {
		or_jsonw_object(w);
		put_name(w, "field", t, c->other);
		or_jsonw_end(w);
	} else {
		if (list)
			or_jsonw_array(w);
		put_values(w, c->values, c->n);
		if (list)
			or_jsonw_end(w);
	}
	or_jsonw_end(w);
	if (not )
		close_compound(w);
}

static void put_leaf(struct or_jsonw *w, const struct pol_filter_table *t, const struct cond *c)
{
	/* What is equal to a constant is there. */
	bool bare = !c->absent && !c->other && (c->test == EQ || c->test == IN);

	if (c->test == THERE) {
		put_null(w, t, c->column, c->absent);
		return;
	}
	if (!bare) {
		open_compound(w, c->absent ? "or" : "and");
		put_null(w, t, c->column, c->absent);
		if (c->other)
			put_null(w, t, c->other, c->absent);
	}
	put_test(w, t, c);
	if (!bare)
		close_compound(w);
}

static void put_cond(struct or_jsonw *w, const struct pol_filter_table *t, const struct cond *c)
{
	if (c->kind == LEAF) {
		put_leaf(w, t, c);
		return;
	}
	open_compound(w, c->kind == ANY_OF || c->kind == NEVER ? "or" : "and");
	for (size_t i = 0; i < c->n; i++)
		put_cond(w, t, c->args[i]);
	close_compound(w);
}

enum or_code pol_filter_ucast(
    struct or_jsonw *w, const struct pol_filter *f, struct or_arena *a, struct or_err *err)
{
	struct maker m = {.arena = a, .table = f->req->table, .err = err};
	const struct cond *c = f->verdict == POL_FILTER_ALL ? &always : &never;

	if (f->verdict == POL_FILTER_SOME) {
		if (memchr(m.table->name.p, '.', m.table->name.n))
			return or_err_set(
			    err, OR_UNSUPPORTED, "UCAST has no table with a dot in its name");
		c = permits_and_forbids(&m, f);
	}
	if (m.rc == OR_UNSUPPORTED)
		return m.rc;
	if (m.rc || levels(c, 1) > LEVELS_MAX)
		return or_err_set(err, OR_FULL, "the policies make too large a filter");
	put_cond(w, m.table, c);
	return or_buf_ok(w->out) ? OR_OK
				 : or_err_set(err, OR_FULL, "the policies make too large a filter");
}
