/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/code_emit.h"

/* What one expression's instructions are written with. */
struct emit {
	struct pol_code_pool *pool;
	size_t from; /* its first instruction */
	unsigned int depth, deepest;
};

static void emit_node(struct emit *e, const struct pol_node *n);

static size_t count(const struct emit *e)
{
	return e->pool->instrs.n / sizeof(struct pol_code_instr);
}

/* Writes an instruction, after which the stack is `takes` lower and one higher. */
static void put(struct emit *e, enum pol_code_op op, unsigned int sub, uint32_t arg, uint32_t takes)
{
	struct pol_code_instr in = {.op = (uint8_t)op, .sub = (uint8_t)sub, .arg = arg};

	or_buf_put(&e->pool->instrs, &in, sizeof(in));
	e->depth = e->depth - takes + 1;
	if (e->depth > e->deepest)
		e->deepest = e->depth;
}

/* Lets the jump at that place go to the next instruction. */
static void land(struct emit *e, size_t jump)
{
	struct pol_code_instr *all = (void *)e->pool->instrs.p;

	if (or_buf_ok(&e->pool->instrs))
		all[jump].arg = (uint32_t)(count(e) - e->from);
}

static void emit_all(struct emit *e, const struct pol_node *const *args, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		emit_node(e, args[i]);
}

/* An operand that decides the chain jumps to its end. The jumps are linked through their arg. */
static void emit_chain(struct emit *e, const struct pol_node *n)
{
	uint32_t last = 0;

	for (uint32_t i = 0; i + 1 < n->n; i++) {
		size_t at;

		emit_node(e, n->args[i]);
		at = count(e) - e->from;
		put(e, POL_CODE_WHILE, n->op == POL_OP_AND, last, 1);
		e->depth--;
		last = (uint32_t)at;
	}
	emit_node(e, n->args[n->n - 1]);
	put(e, POL_CODE_BOOL, 0, 0, 1);
	while (last && or_buf_ok(&e->pool->instrs)) {
		struct pol_code_instr *all = (void *)e->pool->instrs.p;
		uint32_t before = all[e->from + last].arg;

		land(e, e->from + last);
		last = before;
	}
}

static void emit_if(struct emit *e, const struct pol_node *n)
{
	size_t to_no, to_end;

	emit_node(e, n->a);
	to_no = count(e);
	put(e, POL_CODE_IF, 0, 0, 1);
	e->depth--;
	emit_node(e, n->b);
	to_end = count(e);
	put(e, POL_CODE_GOTO, 0, 0, 1);
	e->depth--;
	land(e, to_no);
	emit_node(e, n->c);
	land(e, to_end);
}

/* `a is T in b` is `a is T && a in b`, a evaluated once. */
static void emit_is(struct emit *e, const struct pol_node *n)
{
	uint32_t name = pol_code_pool_name(e->pool, n->name);
	size_t to_no, to_end;

	emit_node(e, n->a);
	if (!n->b) {
		put(e, POL_CODE_IS, 0, name, 1);
		return;
	}
	put(e, POL_CODE_DUP, 0, 0, 0);
	put(e, POL_CODE_IS, 0, name, 1);
	to_no = count(e);
	put(e, POL_CODE_IF, 0, 0, 1);
	e->depth--;
	emit_node(e, n->b);
	put(e, POL_CODE_BINARY, POL_OP_IN, 0, 2);
	to_end = count(e);
	put(e, POL_CODE_GOTO, 0, 0, 1);
	land(e, to_no);
	put(e, POL_CODE_NO, 0, 0, 1);
	land(e, to_end);
}

static void emit_attr(struct emit *e, const struct pol_node *n)
{
	uint32_t name = pol_code_pool_name(e->pool, n->name);

	if (n->a->op == POL_OP_VAR) {
		put(e, POL_CODE_VAR_ATTR, n->a->sub, name, 0);
		return;
	}
	emit_node(e, n->a);
	put(e, POL_CODE_ATTR, 0, name, 1);
}

static void emit_set(struct emit *e, const struct pol_node *n)
{
	if (n->a) {
		put(e, POL_CODE_CONST, 0, pol_code_pool_const(e->pool, &n->a->lit), 0);
		return;
	}
	emit_all(e, n->args, n->n);
	put(e, POL_CODE_SET, 0, n->n, n->n);
}

static void emit_record(struct emit *e, const struct pol_node *n)
{
	struct or_buf *lists = &e->pool->lists;
	uint32_t at = (uint32_t)(lists->n / sizeof(at));

	/* Keys are few and seldom shared: a list of its own, written at once. */
	or_buf_put(lists, &n->n, sizeof(n->n));
	for (uint32_t i = 0; i < n->n; i++) {
		uint32_t name = pol_code_pool_name(e->pool, n->fields[i].key);

		or_buf_put(lists, &name, sizeof(name));
	}
	for (uint32_t i = 0; i < n->n; i++)
		emit_node(e, n->fields[i].value);
	put(e, POL_CODE_RECORD, 0, at, n->n);
}

static void emit_has(struct emit *e, const struct pol_node *n)
{
	emit_node(e, n->a);
	put(e, POL_CODE_HAS, 0, pol_code_pool_list(e->pool, n->names, n->n), 1);
}

static void emit_unary(struct emit *e, const struct pol_node *n, enum pol_code_op op, uint32_t arg)
{
	emit_node(e, n->a);
	put(e, op, n->op, arg, 1);
}

static void emit_binary(struct emit *e, const struct pol_node *n)
{
	emit_node(e, n->a);
	emit_node(e, n->b);
	put(e, POL_CODE_BINARY, n->op, 0, 2);
}

static void emit_node(struct emit *e, const struct pol_node *n)
{
	/* It stays a tree anyway; an arena of instructions for it would be a waste. */
	if (e->deepest > POL_CODE_STACK)
		return;
	switch (n->op) {
	case POL_OP_LIT:
		put(e, POL_CODE_CONST, 0, pol_code_pool_const(e->pool, &n->lit), 0);
		return;
	case POL_OP_VAR: put(e, POL_CODE_VAR, n->sub, 0, 0); return;
	case POL_OP_IF: emit_if(e, n); return;
	case POL_OP_AND:
	case POL_OP_OR: emit_chain(e, n); return;
	case POL_OP_NOT: emit_unary(e, n, POL_CODE_NOT, 0); return;
	case POL_OP_NEG: emit_unary(e, n, POL_CODE_NEG, 0); return;
	case POL_OP_ATTR: emit_attr(e, n); return;
	case POL_OP_HAS: emit_has(e, n); return;
	case POL_OP_LIKE:
		emit_unary(e, n, POL_CODE_LIKE, pol_code_pool_name(e->pool, n->name));
		return;
	case POL_OP_IS: emit_is(e, n); return;
	case POL_OP_SET: emit_set(e, n); return;
	case POL_OP_RECORD: emit_record(e, n); return;
	case POL_OP_IS_EMPTY: emit_unary(e, n, POL_CODE_IS_EMPTY, 0); return;
	case POL_OP_HAS_TAG:
	case POL_OP_GET_TAG:
		emit_all(e, (const struct pol_node *const[]){n->a, n->b}, 2);
		put(e, POL_CODE_TAG, n->op, 0, 2);
		return;
	case POL_OP_EXT:
		emit_all(e, n->args, n->n);
		put(e, POL_CODE_EXT, n->sub, n->n, n->n);
		return;
	case POL_OP_SLOT: /* stands in scopes alone */ return;
	default: emit_binary(e, n); return;
	}
}

uint32_t pol_code_emit_expr(
    struct pol_code_pool *p, const struct pol_node *node, const struct pol_source *src)
{
	struct emit e = {.pool = p, .from = p->instrs.n / sizeof(struct pol_code_instr)};

	emit_node(&e, node);
	if (e.deepest <= POL_CODE_STACK)
		return pol_code_pool_expr(p, e.from);
	or_buf_cut(&p->instrs, e.from * sizeof(struct pol_code_instr));
	return pol_code_pool_tree(p, node, src);
}
