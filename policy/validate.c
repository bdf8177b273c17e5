/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/validate.h"

#include "policy/conform.h"
#include "policy/typecheck.h"
#include "policy/validate_level.h"
#include "policy/validate_text.h"

#include <limits.h>

enum { ENV_BUDGET = 32 << 20, NODES_MAX = 4 << 20, NESTED_MAX = 200 };

#define NO_LEVEL UINT_MAX

struct validation {
	struct pol_check c;
	const struct pol_policy *p;
	const struct pol_body *body;
	struct or_arena *nodes; /* of the policy */
	const struct pol_node *scope[3];
	const struct pol_node *condition; /* all of them as one; NULL: none */
	unsigned int max_level;           /* or NO_LEVEL */
	bool possible;                    /* some request may satisfy it */
};

static void report(struct validation *v, size_t at, size_t n, enum pol_finding finding,
    const char *what, struct or_slice name)
{
	v->c.errors++;
	pol_diag_find(v->c.diags, v->c.src, at, n, finding, "%s `%.*s`", what, OR_SLICE_FMT(name));
}

static bool is_action_declared(const struct pol_schema *s, struct or_slice type)
{
	for (size_t i = 0; i < pol_schema_action_count(s); i++) {
		if (or_slice_eq(pol_schema_action_at(s, i)->uid.type, type))
			return true;
	}
	return false;
}

static void check_type(struct validation *v, struct or_slice type, size_t at, size_t n)
{
	bool known = pol_schema_is_action_type(type)
			 ? is_action_declared(v->c.schema, type)
			 : pol_schema_entity_find(v->c.schema, type) != NULL;

	if (!known)
		report(v, at, n, POL_FINDING_UNRECOGNIZED_ENTITY_TYPE, "unknown entity type", type);
}

static void check_uid(struct validation *v, const struct pol_uid *uid, size_t at, size_t n)
{
	struct or_err err;

	check_type(v, uid->type, at, n);
	if (pol_schema_is_action_type(uid->type)) {
		if (!pol_schema_action_find(v->c.schema, uid))
			report(v, at, n, POL_FINDING_UNRECOGNIZED_ACTION_ID, "unknown action",
			    uid->id);
	} else if (pol_schema_entity_find(v->c.schema, uid->type) &&
		   pol_conform_uid(v->c.schema, uid, &err)) {
		v->c.errors++;
		pol_diag_find(
		    v->c.diags, v->c.src, at, n, POL_FINDING_INVALID_ENUM_ENTITY, "%s", err.msg);
	}
}

/* Every entity and type that an expression names. */
static void check_names(struct validation *v, const struct pol_node *n)
{
	if (!n)
		return;
	switch (n->op) {
	case POL_OP_LIT:
		if (n->lit.kind == POL_ENTITY)
			check_uid(v, n->lit.e, n->at, n->len);
		return;
	case POL_OP_AND:
	case POL_OP_OR:
	case POL_OP_SET:
	case POL_OP_EXT:
		for (uint32_t i = 0; i < n->n; i++)
			check_names(v, n->args[i]);
		return;
	case POL_OP_RECORD:
		for (uint32_t i = 0; i < n->n; i++)
			check_names(v, n->fields[i].value);
		return;
	case POL_OP_IF: check_names(v, n->c); break;
	case POL_OP_IS: check_type(v, n->name, n->at, n->len); break;
	default: break;
	}
	check_names(v, n->a);
	check_names(v, n->b);
}

static void check_scope_names(struct validation *v, const struct pol_scope *s)
{
	if (s->op == POL_SCOPE_IS || s->op == POL_SCOPE_IS_IN)
		check_type(v, s->type, s->at, s->len);
	if (s->uid && !s->uids)
		check_uid(v, s->uid, s->at, s->len);
	for (size_t i = 0; i < s->n_uids; i++)
		check_uid(v, s->uids[i], s->at, s->len);
}

/* Whether an entity of that type can satisfy the scope; uid stands for the slot, or is NULL. */
static bool scope_may_match(const struct pol_schema *s, const struct pol_scope *scope,
    const struct pol_uid *uid, struct or_slice type)
{
	const struct pol_entity_type *t = pol_schema_entity_find(s, type);

	if ((scope->op == POL_SCOPE_IS || scope->op == POL_SCOPE_IS_IN) &&
	    !or_slice_eq(scope->type, type))
		return false;
	if (scope->op == POL_SCOPE_ANY || scope->op == POL_SCOPE_IS || !uid)
		return true;
	if (scope->op == POL_SCOPE_EQ)
		return or_slice_eq(uid->type, type);
	return or_slice_eq(uid->type, type) || (t && pol_schema_may_be_in(t, uid->type));
}

static bool action_may_match(const struct pol_scope *s, const struct pol_action *a)
{
	bool match = s->op == POL_SCOPE_ANY;

	for (size_t i = 0; i < s->n_uids && !match; i++) {
		match = pol_uid_eq(s->uids[i], &a->uid);
		for (size_t k = 0; s->op == POL_SCOPE_IN && k < a->n_ancestors && !match; k++)
			match = pol_uid_eq(s->uids[i], a->ancestors[k]);
	}
	return match;
}

static bool all_actions_known(const struct pol_schema *s, const struct pol_scope *scope)
{
	for (size_t i = 0; i < scope->n_uids; i++) {
		if (!pol_schema_action_find(s, scope->uids[i]))
			return false;
	}
	return true;
}

static bool any_matches(const struct validation *v, const struct pol_scope *scope,
    const struct pol_uid *slot, const struct or_slice *types, size_t n)
{
	const struct pol_uid *uid = scope->slot == POL_SLOT_NONE ? scope->uid : slot;

	for (size_t i = 0; i < n; i++) {
		if (scope_may_match(v->c.schema, scope, uid, types[i]))
			return true;
	}
	return false;
}

/* There must be an action that applies to a principal and a resource of the scope. */
static void check_application(struct validation *v)
{
	const struct pol_body *b = v->body;
	bool applies = false;

	for (size_t i = 0; i < pol_schema_action_count(v->c.schema) && !applies; i++) {
		const struct pol_action *a = pol_schema_action_at(v->c.schema, i);

		applies =
		    action_may_match(&b->action, a) &&
		    any_matches(v, &b->principal, v->p->slots[0], a->principals, a->n_principals) &&
		    any_matches(v, &b->resource, v->p->slots[1], a->resources, a->n_resources);
	}
	if (applies && (b->action.op != POL_SCOPE_IN || all_actions_known(v->c.schema, &b->action)))
		return;
	v->c.errors++;
	pol_diag_find(v->c.diags, v->c.src, b->principal.at,
	    b->resource.at + b->resource.len - b->principal.at,
	    POL_FINDING_INVALID_ACTION_APPLICATION,
	    "no action of the schema applies to such a principal and resource");
}

static struct pol_node *new_node(struct validation *v, const struct pol_scope *s, enum pol_op op)
{
	struct pol_node *n = or_arena_alloc(v->nodes, sizeof(*n));

	if (!n) {
		v->c.full = true;
		return NULL;
	}
	n->op = (uint8_t)op;
	n->at = s->at;
	n->len = s->len;
	return n;
}

static const struct pol_node *target_node(
    struct validation *v, const struct pol_scope *s, const struct pol_uid *uid)
{
	struct pol_node *n = new_node(v, s, uid ? POL_OP_LIT : POL_OP_SLOT);

	if (n && uid)
		n->lit = pol_value_entity(uid);
	else if (n)
		n->sub = s->slot;
	return n;
}

static const struct pol_node *list_node(struct validation *v, const struct pol_scope *s)
{
	struct pol_node *n = new_node(v, s, POL_OP_SET);
	const struct pol_node **args = or_arena_array(v->nodes, s->n_uids, sizeof(*args));

	if (!n || !args) {
		v->c.full = true;
		return NULL;
	}
	for (size_t i = 0; i < s->n_uids; i++)
		args[i] = target_node(v, s, s->uids[i]);
	n->args = args;
	n->n = (uint32_t)s->n_uids;
	return n;
}

/* The scope as an expression; NULL where it matches anything. */
static const struct pol_node *scope_node(
    struct validation *v, const struct pol_scope *s, enum pol_var var)
{
	static const enum pol_op ops[] = {[POL_SCOPE_EQ] = POL_OP_EQ,
	    [POL_SCOPE_IN] = POL_OP_IN,
	    [POL_SCOPE_IS] = POL_OP_IS,
	    [POL_SCOPE_IS_IN] = POL_OP_IS};
	struct pol_node *n, *a;

	if (s->op == POL_SCOPE_ANY)
		return NULL;
	n = new_node(v, s, ops[s->op]);
	a = new_node(v, s, POL_OP_VAR);
	if (!n || !a)
		return NULL;
	a->sub = (uint8_t)var;
	n->a = a;
	n->name = s->type;
	if (s->op != POL_SCOPE_IS)
		n->b = s->list ? list_node(v, s) : target_node(v, s, s->uid);
	return n;
}

static bool is_empty_list(const struct pol_node *scope)
{
	return scope && scope->b && scope->b->op == POL_OP_SET && scope->b->n == 0;
}

/* The policy's type in the environment. */
static struct pol_answer env_type(struct validation *v)
{
	struct pol_answer a = pol_typecheck_ok(&pol_types_true);

	for (int i = 0; i < 3; i++) {
		/* An empty list of actions matches none. */
		if (is_empty_list(v->scope[i]) && !v->c.strict)
			return pol_typecheck_ok(&pol_types_false);
		if (v->scope[i])
			a = pol_typecheck_and(&v->c, a, v->scope[i], NULL);
	}
	return v->condition ? pol_typecheck_and(&v->c, a, v->condition, NULL) : a;
}

static void check_env(struct validation *v)
{
	size_t errors = v->c.errors;
	struct or_map types;
	struct pol_answer a;
	bool never;

	if (v->max_level != NO_LEVEL) {
		or_map_init(&types, NODES_MAX);
		v->c.types = &types;
	}
	a = env_type(v);
	never = a.type && a.type->kind == POL_TYPE_FALSE;
	v->possible |= !never;
	if (v->c.types && (never || v->c.errors == errors)) {
		for (int i = 0; i < 3; i++)
			if (v->scope[i])
				pol_validate_level_check(&v->c, v->scope[i], v->max_level);
		if (v->condition)
			pol_validate_level_check(&v->c, v->condition, v->max_level);
	}
	if (v->c.types)
		or_map_done(&types);
	v->c.types = NULL;
}

/* The types that a slot can be of, one after the other: false when there are no more. The type
 * itself comes first, then what it may be in. */
static bool next_slot(struct validation *v, enum pol_slot slot, const struct pol_scope *scope,
    struct or_slice type, size_t at)
{
	const struct pol_entity_type *t = pol_schema_entity_find(v->c.schema, type);
	size_t n = scope->op == POL_SCOPE_EQ || !t ? 0 : t->n_ancestors;

	if (!v->body->has_slot[slot]) {
		v->c.slots[slot] = &pol_types_any_entity;
		return at == 0;
	}
	if (at > n)
		return false;
	v->c.slots[slot] = pol_types_entity(v->c.arena, at ? t->ancestors[at - 1]->name : type);
	return v->c.slots[slot] != NULL;
}

static void check_types_of(
    struct validation *v, struct or_slice principal, struct or_slice resource)
{
	for (size_t i = 0;; i++) {
		or_arena_clear(v->c.arena);
		if (!next_slot(v, POL_SLOT_PRINCIPAL, &v->body->principal, principal, i))
			return;
		for (size_t k = 0;; k++) {
			or_arena_clear(v->c.arena);
			next_slot(v, POL_SLOT_PRINCIPAL, &v->body->principal, principal, i);
			if (!next_slot(v, POL_SLOT_RESOURCE, &v->body->resource, resource, k))
				break;
			v->c.vars[POL_VAR_PRINCIPAL] = pol_types_entity(v->c.arena, principal);
			v->c.vars[POL_VAR_RESOURCE] = pol_types_entity(v->c.arena, resource);
			v->c.vars[POL_VAR_ACTION] =
			    pol_types_entity(v->c.arena, v->c.action->uid.type);
			v->c.vars[POL_VAR_CONTEXT] = v->c.action->context;
			check_env(v);
			if (v->c.full)
				return;
		}
	}
}

static void check_types(struct validation *v)
{
	for (size_t i = 0; i < pol_schema_action_count(v->c.schema); i++) {
		const struct pol_action *a = pol_schema_action_at(v->c.schema, i);

		v->c.action = a;
		for (size_t p = 0; p < a->n_principals && !v->c.full; p++) {
			for (size_t r = 0; r < a->n_resources && !v->c.full; r++)
				check_types_of(v, a->principals[p], a->resources[r]);
		}
	}
}

static struct pol_node *new_op(
    struct validation *v, enum pol_op op, const struct pol_node *at, const struct pol_node *a)
{
	struct pol_node *n = or_arena_alloc(v->nodes, sizeof(*n));

	if (!n) {
		v->c.full = true;
		return NULL;
	}
	n->op = (uint8_t)op;
	n->at = at->at;
	n->len = at->len;
	n->a = a;
	return n;
}

static const struct pol_node *all_of(
    struct validation *v, const struct pol_node *const *from, size_t n)
{
	struct pol_node *all = new_op(v, POL_OP_AND, from[0], NULL);
	const struct pol_node **args = or_arena_array(v->nodes, n, sizeof(*args));

	if (!all || !args) {
		v->c.full = true;
		return from[0];
	}
	memcpy(args, from, n * sizeof(*args));
	all->args = args;
	all->n = (uint32_t)n;
	return all;
}

/* The conditions as one expression that must be true: first && (second && …), as Cedar groups them,
 * so that what fails in the first is not taken for false because a later one is. Very many are one
 * chain, which is not so deep. */
static void join_conditions(struct validation *v)
{
	const struct pol_body *b = v->body;
	size_t n = b->n_conditions;
	const struct pol_node **list = or_arena_array(v->nodes, n, sizeof(*list));

	if (!list)
		v->c.full = true;
	for (size_t i = 0; i < n && !v->c.full; i++) {
		const struct pol_condition *c = &b->conditions[i];

		list[i] = c->unless ? new_op(v, POL_OP_NOT, c->expr, c->expr) : c->expr;
	}
	if (v->c.full || n == 0)
		return;
	v->condition = n > NESTED_MAX ? all_of(v, list, n) : list[n - 1];
	for (size_t i = n - 1; n <= NESTED_MAX && i > 0; i--) {
		const struct pol_node *const pair[] = {list[i - 1], v->condition};

		v->condition = all_of(v, pair, 2);
	}
}

/* What is the same for a template and all its links. */
static void check_body(struct validation *v)
{
	const struct pol_body *b = v->body;

	check_scope_names(v, &b->principal);
	check_scope_names(v, &b->action);
	check_scope_names(v, &b->resource);
	for (size_t i = 0; i < b->n_conditions; i++)
		check_names(v, b->conditions[i].expr);
	check_application(v);
	v->scope[0] = scope_node(v, &b->principal, POL_VAR_PRINCIPAL);
	v->scope[1] = scope_node(v, &b->action, POL_VAR_ACTION);
	v->scope[2] = scope_node(v, &b->resource, POL_VAR_RESOURCE);
	join_conditions(v);
	if (v->c.full)
		return;
	check_types(v);
	if (!v->possible && !v->c.full)
		pol_diag_find(v->c.diags, v->c.src, v->p->at, 1, POL_FINDING_IMPOSSIBLE_POLICY,
		    "no request that fits the schema satisfies this policy");
	pol_validate_text_check(b, v->c.diags);
}

/* Of what fills a slot only the type is asked, as Cedar does. */
static void check_link(struct validation *v)
{
	for (int i = 0; i < POL_SLOTS; i++) {
		if (v->p->slots[i])
			check_type(v, v->p->slots[i]->type, v->p->at, 1);
	}
	check_application(v);
}

static enum or_code validate(const struct pol_policy *p, const struct pol_schema *schema,
    enum pol_validate_mode mode, unsigned int max_level, struct pol_diags *diags,
    struct or_err *err)
{
	struct validation v = {.p = p, .body = p->body, .max_level = max_level};
	struct pol_diags own;
	enum or_code rc = OR_OK;

	pol_diag_init(&own);
	v.c = (struct pol_check){.schema = schema,
	    .strict = mode == POL_VALIDATE_STRICT,
	    .arena = or_arena_new(ENV_BUDGET),
	    .src = &p->body->src,
	    .diags = diags ? diags : &own};
	v.nodes = or_arena_new(ENV_BUDGET);
	if (p->slots[0] || p->slots[1])
		check_link(&v);
	else
		check_body(&v);
	if (v.c.full || or_arena_is_full(v.c.arena))
		rc = or_err_set(err, OR_FULL, "the policy `%.*s` is too large to validate",
		    OR_SLICE_FMT(p->id));
	else if (v.c.errors)
		rc = pol_diag_err(err, v.c.diags, OR_INVAL);
	or_arena_free(v.nodes);
	or_arena_free(v.c.arena);
	pol_diag_done(&own);
	return rc;
}

enum or_code pol_validate_policy(const struct pol_policy *p, const struct pol_schema *schema,
    enum pol_validate_mode mode, struct pol_diags *diags, struct or_err *err)
{
	return validate(p, schema, mode, NO_LEVEL, diags, err);
}

enum or_code pol_validate_level(const struct pol_policy *p, const struct pol_schema *schema,
    enum pol_validate_mode mode, unsigned int max_level, struct pol_diags *diags,
    struct or_err *err)
{
	return validate(p, schema, mode, max_level, diags, err);
}

enum or_code pol_validate_set(const struct pol_set *set, const struct pol_schema *schema,
    enum pol_validate_mode mode, struct pol_diags *diags, struct or_err *err)
{
	enum or_code first = OR_OK;

	for (size_t i = 0; i < pol_set_count(set); i++) {
		enum or_code rc = pol_validate_policy(
		    pol_set_at(set, i), schema, mode, diags, first == OR_OK ? err : NULL);

		first = first ? first : rc;
	}
	return first;
}
