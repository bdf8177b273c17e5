/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/run.h"

/* Where an expression's run stands: sp points behind the top of the stack. */
struct frame {
	struct pol_value *sp;
	const struct pol_code_instr *first, *pc;
};

static bool attr(struct pol_run *r, struct pol_value *top, uint32_t name)
{
	const struct pol_value *found = NULL;

	if (!pol_run_ops_attr(r, top, r->code->names[name], &found) || !found)
		return false;
	*top = *found;
	return true;
}

static const struct pol_value *var_attr(const struct pol_run *r, uint8_t var, uint32_t name)
{
	struct or_slice key = r->code->names[name];
	const struct pol_entity *e;

	if (var == POL_VAR_CONTEXT)
		return pol_value_field(r->ev->vars[var].rec, key);
	e = r->ev->known[var];
	return e ? pol_value_field(e->attrs, key) : NULL;
}

static bool has(struct pol_run *r, struct pol_value *top, uint32_t list)
{
	const uint32_t *names = &r->code->lists[list];
	const struct pol_value *on = top;

	for (uint32_t i = 1; on && i <= names[0]; i++) {
		if (!pol_run_ops_attr(r, on, r->code->names[names[i]], &on))
			return false;
	}
	*top = pol_value_bool(on != NULL);
	return true;
}

static bool make_set(struct pol_run *r, struct frame *f, uint32_t n)
{
	struct pol_value set;

	if (pol_value_set(&set, r->ev->arena, f->sp - n, n)) {
		r->full = true;
		return false;
	}
	f->sp -= n;
	*f->sp++ = set;
	return true;
}

static bool make_record(struct pol_run *r, struct frame *f, uint32_t list)
{
	const uint32_t *names = &r->code->lists[list];
	uint32_t n = names[0];
	struct pol_field *fields = or_arena_array(r->ev->arena, n, sizeof(*fields));
	const struct pol_record *rec = NULL;

	f->sp -= n;
	for (uint32_t i = 0; fields && i < n; i++)
		fields[i] = (struct pol_field){r->code->names[names[i + 1]], f->sp[i]};
	if (!fields || pol_value_record(&rec, r->ev->arena, fields, n)) {
		r->full = true;
		return false;
	}
	*f->sp++ = pol_value_rec(rec);
	return true;
}

/* Operators that put their value in place of the top. */
static bool unary(struct pol_run *r, const struct pol_code_instr *in, struct pol_value *top)
{
	static const enum pol_kind takes[] = {[POL_CODE_LIKE] = POL_STRING,
	    [POL_CODE_IS] = POL_ENTITY,
	    [POL_CODE_NOT] = POL_BOOL,
	    [POL_CODE_NEG] = POL_LONG,
	    [POL_CODE_IS_EMPTY] = POL_SET,
	    [POL_CODE_BOOL] = POL_BOOL};

	if (top->kind != takes[in->op])
		return false;
	switch (in->op) {
	case POL_CODE_LIKE:
		*top = pol_value_bool(pol_eval_ops_like(top->s, r->code->names[in->arg]));
		return true;
	case POL_CODE_IS:
		*top = pol_value_bool(pol_uid_same(top->e->type, r->code->names[in->arg]));
		return true;
	case POL_CODE_NOT: *top = pol_value_bool(!top->b); return true;
	case POL_CODE_NEG:
		if (top->i == INT64_MIN)
			return false;
		*top = pol_value_long(-top->i);
		return true;
	case POL_CODE_IS_EMPTY: *top = pol_value_bool(top->set->n == 0); return true;
	default: return true;
	}
}

/* `&&`, `||` and `if`: the top must be a bool. */
static bool jump(struct frame *f, const struct pol_code_instr *in)
{
	const struct pol_value *top = f->sp - 1;

	if (top->kind != POL_BOOL)
		return false;
	if (in->op == POL_CODE_IF || top->b == in->sub)
		f->sp--;
	if (in->op == POL_CODE_IF ? !top->b : top->b != in->sub)
		f->pc = f->first + in->arg;
	return true;
}

static bool push(struct frame *f, const struct pol_value *v)
{
	if (!v)
		return false;
	*f->sp++ = *v;
	return true;
}

static bool step(struct pol_run *r, struct frame *f, const struct pol_code_instr *in)
{
	struct pol_value *top = f->sp - 1;

	switch ((enum pol_code_op)in->op) {
	case POL_CODE_CONST: return push(f, &r->code->consts[in->arg]);
	case POL_CODE_VAR: return push(f, &r->ev->vars[in->sub]);
	case POL_CODE_VAR_ATTR: return push(f, var_attr(r, in->sub, in->arg));
	case POL_CODE_DUP: return push(f, top);
	case POL_CODE_ATTR: return attr(r, top, in->arg);
	case POL_CODE_HAS: return has(r, top, in->arg);
	case POL_CODE_NO: *top = pol_value_bool(false); return true;
	case POL_CODE_LIKE:
	case POL_CODE_IS:
	case POL_CODE_NOT:
	case POL_CODE_NEG:
	case POL_CODE_IS_EMPTY:
	case POL_CODE_BOOL: return unary(r, in, top);
	case POL_CODE_BINARY:
		f->sp--;
		return pol_run_ops_binary(r, (enum pol_op)in->sub, top - 1, top, top - 1);
	case POL_CODE_TAG:
		f->sp--;
		return pol_run_ops_tag(r, (enum pol_op)in->sub, top - 1, top, top - 1);
	case POL_CODE_SET: return make_set(r, f, in->arg);
	case POL_CODE_RECORD: return make_record(r, f, in->arg);
	case POL_CODE_EXT:
		f->sp -= in->arg;
		top = f->sp++;
		return pol_run_ops_ext(r, (enum pol_ext_fn)in->sub, top, in->arg, top);
	case POL_CODE_WHILE:
	case POL_CODE_IF: return jump(f, in);
	case POL_CODE_GOTO: f->pc = f->first + in->arg; return true;
	}
	return false;
}

static bool run_code(struct pol_run *r, const struct pol_code_expr *e, struct pol_value *out)
{
	struct frame f = {.sp = r->stack, .first = r->code->instrs + e->at};
	const struct pol_code_instr *end = f.first + e->n;

	f.pc = f.first;
	while (f.pc < end) {
		if (!step(r, &f, f.pc++))
			return false;
	}
	*out = r->stack[0];
	return true;
}

static bool run_tree(struct pol_run *r, const struct pol_code_expr *e, struct pol_value *out)
{
	const struct pol_code_tree *t = &r->code->trees[e->at];
	bool ok;

	r->ev->src = t->src;
	r->ev->policy = NULL;
	ok = pol_eval_expr(r->ev, t->node, out);
	r->full |= r->ev->full;
	return ok;
}

const struct pol_value *pol_run_value(struct pol_run *r, uint32_t expr, struct pol_value *room)
{
	const struct pol_code_expr *e = &r->code->exprs[expr];

	switch ((enum pol_code_form)e->form) {
	case POL_CODE_FORM_VAR: return &r->ev->vars[e->var];
	case POL_CODE_FORM_VAR_ATTR: return var_attr(r, e->var, e->at);
	case POL_CODE_FORM_CODE: return run_code(r, e, room) ? room : NULL;
	case POL_CODE_FORM_TREE: return run_tree(r, e, room) ? room : NULL;
	}
	return NULL;
}

/* The guard's test of a value; false where it errs. */
static bool test(
    struct pol_run *r, const struct pol_code_guard *g, const struct pol_value *v, bool *out)
{
	const struct pol_value *arg = &r->code->consts[g->arg];
	struct pol_value yes = *v;
	bool ok;

	switch ((enum pol_code_test)g->test) {
	case POL_CODE_TEST_EQ: *out = pol_value_eq(v, arg); return true;
	case POL_CODE_TEST_EQ_ANY: *out = pol_value_set_has(arg->set, v); return true;
	case POL_CODE_TEST_IN:
	case POL_CODE_TEST_IN_ANY: ok = pol_run_ops_binary(r, POL_OP_IN, v, arg, &yes); break;
	case POL_CODE_TEST_IS:
		*out = v->kind == POL_ENTITY && pol_uid_same(v->e->type, r->code->names[g->arg]);
		return v->kind == POL_ENTITY;
	case POL_CODE_TEST_HAS:
		ok = pol_run_ops_attr(r, v, r->code->names[g->arg], &v);
		*out = v != NULL;
		return ok;
	case POL_CODE_TEST_CONTAINS:
		ok = pol_run_ops_binary(r, POL_OP_CONTAINS, v, arg, &yes);
		break;
	case POL_CODE_TEST_GE: *out = v->i >= arg->i; return v->kind == arg->kind;
	case POL_CODE_TEST_LE: *out = v->i <= arg->i; return v->kind == arg->kind;
	case POL_CODE_TEST_LIKE:
		*out = v->kind == POL_STRING && pol_eval_ops_like(v->s, r->code->names[g->arg]);
		return v->kind == POL_STRING;
	case POL_CODE_TEST_BOOL:
	case POL_CODE_TEST_NEVER: ok = yes.kind == POL_BOOL; break;
	default: ok = false; break;
	}
	*out = ok && yes.b;
	return ok;
}

enum pol_outcome pol_run_guard(struct pol_run *r, const struct pol_code_guard *g)
{
	struct pol_value room;
	const struct pol_value *v;
	bool yes = false;

	if (g->test == POL_CODE_TEST_NEVER)
		return POL_OUTCOME_NO;
	v = pol_run_value(r, g->expr, &room);
	if (!v || !test(r, g, v, &yes))
		return POL_OUTCOME_ERROR;
	return yes == g->want ? POL_OUTCOME_YES : POL_OUTCOME_NO;
}
