/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/term.h"

#include "policy/ext.h"

/* A term with copies of args; NULL when the arena is full, or was when an operand was made. */
static struct pol_term *make(struct or_arena *a, enum pol_op op, const struct pol_node *n,
    const struct pol_term *const *args, size_t n_args)
{
	struct pol_term *t = or_arena_alloc(a, sizeof(*t));
	const struct pol_term **copy = or_arena_array(a, n_args, sizeof(*copy));

	if (!t || !copy)
		return NULL;
	for (size_t i = 0; i < n_args; i++) {
		if (!args[i])
			return NULL;
		copy[i] = args[i];
	}
	t->op = (uint8_t)op;
	t->node = n;
	t->n = (uint32_t)n_args;
	t->args = copy;
	return t;
}

const struct pol_term *pol_term_lit(struct or_arena *a, struct pol_value v)
{
	struct pol_term *t = or_arena_alloc(a, sizeof(*t));

	if (t) {
		t->op = POL_OP_LIT;
		t->lit = v;
	}
	return t;
}

const struct pol_term *pol_term_bool(bool b)
{
	static const struct pol_term yes = {.op = POL_OP_LIT, .lit = {.kind = POL_BOOL, .b = true}};
	static const struct pol_term no = {.op = POL_OP_LIT, .lit = {.kind = POL_BOOL, .b = false}};

	return b ? &yes : &no;
}

const struct pol_term *pol_term_var(enum pol_var var)
{
	static const struct pol_term vars[] = {
	    [POL_VAR_PRINCIPAL] = {.op = POL_OP_VAR, .sub = POL_VAR_PRINCIPAL},
	    [POL_VAR_ACTION] = {.op = POL_OP_VAR, .sub = POL_VAR_ACTION},
	    [POL_VAR_RESOURCE] = {.op = POL_OP_VAR, .sub = POL_VAR_RESOURCE},
	    [POL_VAR_CONTEXT] = {.op = POL_OP_VAR, .sub = POL_VAR_CONTEXT},
	};

	return &vars[var];
}

const struct pol_term *pol_term_error(struct or_arena *a, const struct pol_node *n, const char *msg)
{
	struct pol_term *t = or_arena_alloc(a, sizeof(*t));

	if (!t || !msg)
		return NULL;
	t->op = POL_TERM_ERROR;
	t->node = n;
	t->error = msg;
	return t;
}

const struct pol_term *pol_term_with(
    struct or_arena *a, const struct pol_term *t, const struct pol_term *const *args, size_t n)
{
	struct pol_term *to = make(a, (enum pol_op)t->op, t->node, args, n);

	if (!to)
		return NULL;
	to->sub = t->sub;
	to->names = t->names;
	to->n_names = t->n_names;
	return to;
}

static bool name_fields(struct pol_term *t, struct or_arena *a, const struct pol_node *n)
{
	struct or_slice *names = or_arena_array(a, n->n, sizeof(*names));

	for (uint32_t i = 0; names && i < n->n; i++)
		names[i] = n->fields[i].key;
	t->names = names;
	t->n_names = n->n;
	return names != NULL;
}

static size_t count_args(const struct pol_node *n)
{
	switch ((int)n->op) {
	case POL_OP_IF: return 3;
	case POL_OP_AND:
	case POL_OP_OR:
	case POL_OP_SET:
	case POL_OP_RECORD:
	case POL_OP_EXT: return n->n;
	default: return n->b ? 2 : n->a ? 1 : 0;
	}
}

static const struct pol_node *arg_of(const struct pol_node *n, size_t i)
{
	switch ((int)n->op) {
	case POL_OP_IF: return i == 0 ? n->a : i == 1 ? n->b : n->c;
	case POL_OP_AND:
	case POL_OP_OR:
	case POL_OP_SET:
	case POL_OP_EXT: return n->args[i];
	case POL_OP_RECORD: return n->fields[i].value;
	default: return i == 0 ? n->a : n->b;
	}
}

static const struct pol_term *lit_at(
    struct or_arena *a, const struct pol_node *n, struct pol_value v)
{
	struct pol_term *t = make(a, POL_OP_LIT, n, NULL, 0);

	if (t)
		t->lit = v;
	return t;
}

const struct pol_term *pol_term_node(
    struct or_arena *a, const struct pol_policy *p, const struct pol_node *n)
{
	const struct pol_term **args;
	struct pol_term *t;
	bool ok = true;

	if (n->op == POL_OP_LIT)
		return lit_at(a, n, n->lit);
	if (n->op == POL_OP_SLOT)
		return lit_at(a, n, pol_value_entity(p->slots[n->sub]));
	if (n->op == POL_OP_SET && n->a)
		return lit_at(a, n, n->a->lit);
	args = or_arena_array(a, count_args(n), sizeof(*args));
	if (!args)
		return NULL;
	for (size_t i = 0; i < count_args(n); i++)
		args[i] = pol_term_node(a, p, arg_of(n, i));
	t = make(a, (enum pol_op)n->op, n, args, count_args(n));
	if (!t)
		return NULL;
	t->sub = n->sub;
	if (n->op == POL_OP_ATTR || n->op == POL_OP_LIKE || n->op == POL_OP_IS) {
		t->names = &n->name;
		t->n_names = 1;
	} else if (n->op == POL_OP_HAS) {
		t->names = n->names;
		t->n_names = n->n;
	} else if (n->op == POL_OP_RECORD) {
		ok = name_fields(t, a, n);
	}
	return ok ? t : NULL;
}

static struct pol_term *unary(struct or_arena *a, enum pol_op op, const struct pol_term *x)
{
	return make(a, op, NULL, &x, 1);
}

static struct pol_term *binary(
    struct or_arena *a, enum pol_op op, const struct pol_term *x, const struct pol_term *y)
{
	const struct pol_term *const args[] = {x, y};

	return make(a, op, NULL, args, 2);
}

/* `var in [ … ]` of an action's scope. */
static const struct pol_term *in_list(
    struct or_arena *a, const struct pol_term *var, const struct pol_scope *s)
{
	struct pol_value *items = or_arena_array(a, s->n_uids, sizeof(*items)), set;

	if (!items)
		return NULL;
	for (size_t i = 0; i < s->n_uids; i++)
		items[i] = pol_value_entity(s->uids[i]);
	if (pol_value_set(&set, a, items, s->n_uids))
		return NULL;
	return binary(a, POL_OP_IN, var, pol_term_lit(a, set));
}

const struct pol_term *pol_term_scope(
    struct or_arena *a, const struct pol_policy *p, enum pol_var var)
{
	const struct pol_body *body = p->body;
	const struct pol_scope *s = var == POL_VAR_PRINCIPAL ? &body->principal
				    : var == POL_VAR_ACTION  ? &body->action
							     : &body->resource;
	const struct pol_term *x = pol_term_var(var);
	const struct pol_uid *uid = s->slot == POL_SLOT_NONE ? s->uid : p->slots[s->slot];
	struct pol_term *is;

	if (s->op == POL_SCOPE_ANY)
		return pol_term_bool(true);
	if (s->op == POL_SCOPE_IN && var == POL_VAR_ACTION)
		return in_list(a, x, s);
	if (s->op == POL_SCOPE_EQ)
		return binary(a, POL_OP_EQ, x, pol_term_lit(a, pol_value_entity(uid)));
	if (s->op == POL_SCOPE_IN)
		return binary(a, POL_OP_IN, x, pol_term_lit(a, pol_value_entity(uid)));
	is = unary(a, POL_OP_IS, x);
	if (!is)
		return NULL;
	is->names = &s->type;
	is->n_names = 1;
	if (s->op == POL_SCOPE_IS)
		return is;
	return binary(
	    a, POL_OP_AND, is, binary(a, POL_OP_IN, x, pol_term_lit(a, pol_value_entity(uid))));
}

const struct pol_term *pol_term_condition(
    struct or_arena *a, const struct pol_policy *p, const struct pol_condition *c)
{
	const struct pol_term *t = pol_term_node(a, p, c->expr);

	return t && c->unless ? unary(a, POL_OP_NOT, t) : t;
}

const struct pol_term *pol_term_policy(struct or_arena *a, const struct pol_policy *p)
{
	const struct pol_body *body = p->body;
	size_t n = POL_TERM_SCOPES + body->n_conditions;
	const struct pol_term **args = or_arena_array(a, n, sizeof(*args));

	if (!args)
		return NULL;
	for (int var = 0; var < POL_TERM_SCOPES; var++)
		args[var] = pol_term_scope(a, p, (enum pol_var)var);
	for (size_t i = 0; i < body->n_conditions; i++)
		args[POL_TERM_SCOPES + i] = pol_term_condition(a, p, &body->conditions[i]);
	return make(a, POL_OP_AND, NULL, args, n);
}

bool pol_term_is_boolean(const struct pol_term *t)
{
	switch ((int)t->op) {
	case POL_OP_LIT: return t->lit.kind == POL_BOOL;
	case POL_OP_IF: return pol_term_is_boolean(t->args[1]) && pol_term_is_boolean(t->args[2]);
	case POL_OP_VAR:
	case POL_OP_NEG:
	case POL_OP_ADD:
	case POL_OP_SUB:
	case POL_OP_MUL:
	case POL_OP_ATTR:
	case POL_OP_SET:
	case POL_OP_RECORD:
	case POL_OP_GET_TAG: return false;
	case POL_OP_EXT: return pol_ext_signature((enum pol_ext_fn)t->sub)->result == POL_BOOL;
	default: return true;
	}
}
