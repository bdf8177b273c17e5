/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/code_emit.h"

/* Guards of the conditions of one policy. */
struct taker {
	struct pol_code_pool *pool;
	const struct pol_source *src;
};

static bool is_var(const struct pol_code_pool *p, uint32_t expr, bool context_too)
{
	const struct pol_code_expr *e = pol_code_pool_expr_at(p, expr);

	return p->exprs.n && e->form == POL_CODE_FORM_VAR &&
	       (context_too || e->var != POL_VAR_CONTEXT);
}

/* A variable is an entity, or the context a record: tests of what they are cannot err. */
static bool is_total(const struct pol_code_pool *p, const struct pol_code_guard *g)
{
	switch ((int)g->test) {
	case POL_CODE_TEST_NEVER: return true;
	case POL_CODE_TEST_EQ:
	case POL_CODE_TEST_EQ_ANY:
	case POL_CODE_TEST_HAS: return is_var(p, g->expr, true);
	case POL_CODE_TEST_IN:
	case POL_CODE_TEST_IN_ANY:
	case POL_CODE_TEST_IS: return is_var(p, g->expr, false);
	default: return false;
	}
}

static enum pol_code_class class_of(const struct pol_code_pool *p, const struct pol_code_guard *g)
{
	bool time;

	/* Those that are left out by a value are not found by it. */
	if (!g->want)
		return POL_CODE_CLASS_BOOL;
	switch ((enum pol_code_test)g->test) {
	case POL_CODE_TEST_EQ:
	case POL_CODE_TEST_EQ_ANY: return POL_CODE_CLASS_EQ;
	case POL_CODE_TEST_IN:
	case POL_CODE_TEST_IN_ANY: return POL_CODE_CLASS_IN;
	case POL_CODE_TEST_IS: return POL_CODE_CLASS_IS;
	case POL_CODE_TEST_HAS: return POL_CODE_CLASS_HAS;
	case POL_CODE_TEST_CONTAINS: return POL_CODE_CLASS_CONTAINS;
	case POL_CODE_TEST_GE:
	case POL_CODE_TEST_LE:
		time = pol_code_pool_value(p, g->arg)->kind == POL_DATETIME;
		if (g->test == POL_CODE_TEST_GE)
			return time ? POL_CODE_CLASS_GE_TIME : POL_CODE_CLASS_GE;
		return time ? POL_CODE_CLASS_LE_TIME : POL_CODE_CLASS_LE;
	case POL_CODE_TEST_LIKE:
		return pol_code_pool_prefix(p, g->arg, NULL).n ? POL_CODE_CLASS_PREFIX
							       : POL_CODE_CLASS_BOOL;
	case POL_CODE_TEST_NEVER:
	case POL_CODE_TEST_BOOL: break;
	}
	return POL_CODE_CLASS_BOOL;
}

static uint32_t guard_of(struct pol_code_pool *p, struct pol_code_guard g)
{
	enum pol_code_class kind = class_of(p, &g);
	size_t before = p->guards.n;
	uint32_t at = pol_code_pool_guard(p, &g), of = g.expr;

	if (p->guards.n == before || p->full)
		return at;
	if (kind == POL_CODE_CLASS_BOOL) {
		/* Both outcomes are keys of one: the guard that wants true. */
		struct pol_code_guard plain = g;

		plain.want = true;
		of = g.want ? at : guard_of(p, plain);
	}
	g.total = is_total(p, &g);
	g.dim = pol_code_pool_dim(p, kind, of);
	((struct pol_code_guard *)(void *)p->guards.p)[at] = g;
	return at;
}

static void put(struct pol_code_pool *p, struct pol_code_guard g)
{
	uint32_t at = guard_of(p, g);

	or_buf_put(&p->listed, &at, sizeof(at));
}

static void put_never(struct pol_code_pool *p)
{
	put(p, (struct pol_code_guard){
		   .test = POL_CODE_TEST_NEVER, .want = true, .alternatives = UINT32_MAX});
}

/* A test of a value that the policy writes out. */
static struct pol_code_guard against(
    struct pol_code_pool *p, enum pol_code_test test, uint32_t expr, const struct pol_value *v)
{
	return (struct pol_code_guard){.test = (uint8_t)test,
	    .want = true,
	    .alternatives = UINT32_MAX,
	    .expr = expr,
	    .arg = pol_code_pool_const(p, v)};
}

/* `in [ … ]` of a scope. */
static void put_in_list(struct pol_code_pool *p, uint32_t expr, const struct pol_scope *s)
{
	struct pol_value *items = or_arena_array(p->arena, s->n_uids, sizeof(*items)), set;

	if (!items) {
		p->full = true;
		return;
	}
	for (size_t i = 0; i < s->n_uids; i++)
		items[i] = pol_value_entity(s->uids[i]);
	if (pol_value_set(&set, p->arena, items, s->n_uids))
		p->full = true;
	else
		put(p, against(p, POL_CODE_TEST_IN_ANY, expr, &set));
}

static void put_scope(struct pol_code_pool *p, const struct pol_scope *s, enum pol_var var,
    const struct pol_uid *target)
{
	uint32_t expr = pol_code_pool_var(p, var);
	struct pol_value v = pol_value_entity(target);

	if (s->op == POL_SCOPE_IS || s->op == POL_SCOPE_IS_IN)
		put(p, (struct pol_code_guard){.test = POL_CODE_TEST_IS,
			   .want = true,
			   .alternatives = UINT32_MAX,
			   .expr = expr,
			   .arg = pol_code_pool_name(p, s->type)});
	if (s->op == POL_SCOPE_EQ)
		put(p, against(p, POL_CODE_TEST_EQ, expr, &v));
	else if (s->op == POL_SCOPE_IN && var == POL_VAR_ACTION && s->n_uids != 1)
		put_in_list(p, expr, s);
	else if (s->op == POL_SCOPE_IN || s->op == POL_SCOPE_IS_IN)
		put(p, against(p, POL_CODE_TEST_IN, expr, &v));
}

void pol_code_guard_scope(struct pol_code_pool *p, const struct pol_policy *policy)
{
	const struct pol_body *b = policy->body;
	const struct pol_scope *scopes[] = {&b->principal, &b->action, &b->resource};

	for (int i = 0; i < 3; i++) {
		const struct pol_scope *s = scopes[i];
		const struct pol_uid *target =
		    s->slot != POL_SLOT_NONE ? policy->slots[s->slot] : s->uid;

		if (i == POL_VAR_ACTION && s->n_uids == 1)
			target = s->uids[0];
		put_scope(p, s, (enum pol_var)i, target);
	}
}

/* The literal that the node is, a set of literals too; NULL where it is none. */
static const struct pol_value *literal(const struct pol_node *n)
{
	if (n->op == POL_OP_LIT)
		return &n->lit;
	return n->op == POL_OP_SET && n->a ? &n->a->lit : NULL;
}

static bool all_entities(const struct pol_set_value *set)
{
	/* Sorted by kind first. */
	return set->n > 0 && set->items[0].kind == POL_ENTITY &&
	       set->items[set->n - 1].kind == POL_ENTITY;
}

/* `a == "x"`, `"x" == a`, `a in G::"g"`, `["x"].contains(a)`, `a.contains("x")`: which expression
 * is tested against which value. */
static bool is_test(const struct pol_node *n, enum pol_code_test *test,
    const struct pol_node **expr, const struct pol_value **v)
{
	const struct pol_value *a = literal(n->a), *b = literal(n->b);

	/* Of two literals, or none, there is nothing to look up. */
	if (!a == !b)
		return false;
	*expr = a ? n->b : n->a;
	*v = a ? a : b;
	if (n->op == POL_OP_EQ || n->op == POL_OP_NE)
		*test = POL_CODE_TEST_EQ;
	else if (n->op == POL_OP_CONTAINS)
		*test = a ? POL_CODE_TEST_EQ_ANY : POL_CODE_TEST_CONTAINS;
	else
		*test = (*v)->kind == POL_ENTITY ? POL_CODE_TEST_IN : POL_CODE_TEST_IN_ANY;
	switch ((int)*test) {
	case POL_CODE_TEST_EQ_ANY: return a->kind == POL_SET;
	case POL_CODE_TEST_IN: return b != NULL;
	case POL_CODE_TEST_IN_ANY: return b && b->kind == POL_SET && all_entities(b->set);
	default: return true;
	}
}

/*
 * `a >= 3`, `3 < a`…: which expression is tested against which bound. Every form becomes one of at
 * least, at most: both sides are whole numbers. False where it is of another form.
 */
static bool is_bound(const struct pol_node *n, bool want, bool *at_least,
    const struct pol_node **expr, struct pol_value *bound)
{
	const struct pol_value *a = literal(n->a), *b = literal(n->b);
	bool ge, strict;

	if (!a == !b)
		return false;
	*expr = a ? n->b : n->a;
	*bound = a ? *a : *b;
	if (bound->kind != POL_LONG && bound->kind != POL_DATETIME)
		return false;
	ge = n->op == POL_OP_GE || n->op == POL_OP_GT;
	strict = n->op == POL_OP_GT || n->op == POL_OP_LT;
	/* The literal in front turns the relation, `unless` negates it. */
	ge ^= a != NULL;
	strict ^= !want;
	ge ^= !want;
	*at_least = ge;
	if (!strict)
		return true;
	return ge ? !__builtin_add_overflow(bound->i, 1, &bound->i)
		  : !__builtin_sub_overflow(bound->i, 1, &bound->i);
}

static bool is_relation(const struct pol_node *n)
{
	return n->op == POL_OP_LT || n->op == POL_OP_LE || n->op == POL_OP_GT || n->op == POL_OP_GE;
}

/* The guard that the node is, where it holds when the node's value is `want`. */
static struct pol_code_guard guard_from(struct taker *t, const struct pol_node *n, bool want)
{
	struct pol_code_guard g = {
	    .test = POL_CODE_TEST_BOOL, .want = want, .alternatives = UINT32_MAX};
	const struct pol_node *expr;
	const struct pol_value *v;
	struct pol_value bound;
	enum pol_code_test test;
	bool at_least;

	if ((n->op == POL_OP_EQ || n->op == POL_OP_NE || n->op == POL_OP_IN ||
		n->op == POL_OP_CONTAINS) &&
	    is_test(n, &test, &expr, &v)) {
		g = against(t->pool, test, pol_code_emit_expr(t->pool, expr, t->src), v);
		g.want = want == (n->op != POL_OP_NE);
	} else if (is_relation(n) && is_bound(n, want, &at_least, &expr, &bound)) {
		test = at_least ? POL_CODE_TEST_GE : POL_CODE_TEST_LE;
		g = against(t->pool, test, pol_code_emit_expr(t->pool, expr, t->src), &bound);
	} else if (n->op == POL_OP_LIKE) {
		g.test = POL_CODE_TEST_LIKE;
		g.expr = pol_code_emit_expr(t->pool, n->a, t->src);
		g.arg = pol_code_pool_name(t->pool, n->name);
	} else if (n->op == POL_OP_IS && !n->b) {
		g.test = POL_CODE_TEST_IS;
		g.expr = pol_code_emit_expr(t->pool, n->a, t->src);
		g.arg = pol_code_pool_name(t->pool, n->name);
	} else if (n->op == POL_OP_HAS && n->n == 1) {
		g.test = POL_CODE_TEST_HAS;
		g.expr = pol_code_emit_expr(t->pool, n->a, t->src);
		g.arg = pol_code_pool_name(t->pool, n->names[0]);
	} else {
		g.expr = pol_code_emit_expr(t->pool, n, t->src);
	}
	return g;
}

/* The values that a test of a list looks for: its one, or its set's. */
static size_t values_of(
    const struct pol_code_pool *p, const struct pol_code_guard *g, const struct pol_value **values)
{
	const struct pol_value *v = pol_code_pool_value(p, g->arg);

	if (g->test == POL_CODE_TEST_EQ || g->test == POL_CODE_TEST_IN) {
		*values = v;
		return 1;
	}
	*values = v->set->items;
	return v->set->n;
}

/*
 * `e == "x" || e == "y"` is `["x", "y"].contains(e)`, and so with `in`: one test, which can be
 * looked up. Also the errors are the same: e is evaluated first and alone.
 */
static bool join(struct taker *t, const struct pol_node *n, struct pol_code_guard *out)
{
	enum { JOINED_MAX = 64 };
	struct pol_value items[JOINED_MAX] = {{.kind = POL_BOOL}}, set;
	enum pol_code_class kind = POL_CODE_CLASS_BOOL;
	size_t n_items = 0;

	for (uint32_t i = 0; i < n->n; i++) {
		struct pol_code_guard g = guard_from(t, n->args[i], true);
		const struct pol_value *values;
		size_t n_values;

		if (i == 0) {
			kind = class_of(t->pool, &g);
			*out = g;
		}
		if (t->pool->full || (kind != POL_CODE_CLASS_EQ && kind != POL_CODE_CLASS_IN) ||
		    class_of(t->pool, &g) != kind || g.expr != out->expr)
			return false;
		n_values = values_of(t->pool, &g, &values);
		if (n_items + n_values > JOINED_MAX)
			return false;
		memcpy(&items[n_items], values, n_values * sizeof(items[0]));
		n_items += n_values;
	}
	if (pol_value_set(&set, t->pool->arena, items, n_items)) {
		t->pool->full = true;
		return false;
	}
	*out = against(t->pool,
	    kind == POL_CODE_CLASS_EQ ? POL_CODE_TEST_EQ_ANY : POL_CODE_TEST_IN_ANY, out->expr,
	    &set);
	return true;
}

/*
 * `a || b` can hold only where a does, or b: the guards of both, of which one must be looked up. Of
 * an operand that is itself a chain its first stands for it. UINT32_MAX where one cannot be.
 */
static uint32_t alternatives(struct taker *t, const struct pol_node *n, bool want)
{
	enum { ALTERNATIVES_MAX = 8 };
	uint32_t list[1 + ALTERNATIVES_MAX], at = (uint32_t)(t->pool->lists.n / sizeof(at));

	if (n->n > ALTERNATIVES_MAX)
		return UINT32_MAX;
	for (uint32_t i = 0; i < n->n; i++) {
		const struct pol_node *each = n->args[i];
		struct pol_code_guard g;

		while (each->op == (want ? POL_OP_AND : POL_OP_OR))
			each = each->args[0];
		g = guard_from(t, each, want);
		if (t->pool->full || class_of(t->pool, &g) == POL_CODE_CLASS_BOOL)
			return UINT32_MAX;
		list[1 + i] = guard_of(t->pool, g);
	}
	list[0] = n->n;
	or_buf_put(&t->pool->lists, list, (n->n + 1) * sizeof(list[0]));
	return at;
}

/* `a is T in b` holds where `a is T` and `a in b` do, in this order. */
static void take_is_in(struct taker *t, const struct pol_node *n)
{
	struct pol_node *both = or_arena_array(t->pool->arena, 2, sizeof(*both));

	if (!both) {
		t->pool->full = true;
		return;
	}
	both[0] = *n;
	both[0].b = NULL;
	both[1] = *n;
	both[1].op = POL_OP_IN;
	put(t->pool, guard_from(t, &both[0], true));
	put(t->pool, guard_from(t, &both[1], true));
}

static void take(struct taker *t, const struct pol_node *n, bool want)
{
	struct pol_code_guard g;

	if (n->op == POL_OP_NOT) {
		take(t, n->a, !want);
	} else if (n->op == (want ? POL_OP_AND : POL_OP_OR)) {
		for (uint32_t i = 0; i < n->n; i++)
			take(t, n->args[i], want);
	} else if (n->op == POL_OP_IS && n->b && want) {
		take_is_in(t, n);
	} else if (n->op == POL_OP_LIT && n->lit.kind == POL_BOOL) {
		if (n->lit.b != want)
			put_never(t->pool);
	} else if (n->op == POL_OP_OR && join(t, n, &g)) {
		put(t->pool, g);
	} else {
		g = guard_from(t, n, want);
		if (n->op == POL_OP_OR || n->op == POL_OP_AND)
			g.alternatives = alternatives(t, n, want);
		put(t->pool, g);
	}
}

void pol_code_guard_conditions(struct pol_code_pool *p, const struct pol_body *body)
{
	struct taker t = {.pool = p, .src = &body->src};

	for (size_t i = 0; i < body->n_conditions; i++)
		take(&t, body->conditions[i].expr, !body->conditions[i].unless);
}
