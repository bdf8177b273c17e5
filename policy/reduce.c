/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/reduce.h"

#include "policy/eval.h"

#include <stdarg.h>
#include <stdio.h>

enum truth { NO, YES, UNKNOWN };

static const struct pol_term *full(struct pol_reduce *r)
{
	r->full = true;
	return NULL;
}

const struct pol_term *pol_reduce_lit(struct pol_reduce *r, struct pol_value v)
{
	const struct pol_term *t =
	    v.kind == POL_BOOL ? pol_term_bool(v.b) : pol_term_lit(r->arena, v);

	return t ? t : full(r);
}

const struct pol_term *pol_reduce_fail(
    struct pol_reduce *r, const struct pol_term *t, const char *fmt, ...)
{
	char msg[256];
	const struct pol_term *e;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	e = pol_term_error(r->arena, t->node, or_arena_strdup(r->arena, or_slice_str(msg)));
	return e ? e : full(r);
}

const struct pol_term *pol_reduce_fail_kind(
    struct pol_reduce *r, const struct pol_term *t, const char *what, const struct pol_value *v)
{
	return pol_reduce_fail(
	    r, t, "type error: expected %s, found %s", what, pol_value_kind_name(v->kind));
}

static const struct pol_term *with(
    struct pol_reduce *r, const struct pol_term *t, const struct pol_term *const *args, size_t n)
{
	const struct pol_term *to = pol_term_with(r->arena, t, args, n);

	return to ? to : full(r);
}

static const struct pol_partial_entity *entity_of(const struct pol_reduce *r, enum pol_var var)
{
	return var == POL_VAR_PRINCIPAL ? &r->req->principal : &r->req->resource;
}

/* True where t is a variable whose entity's id is not known. */
static bool is_unknown_entity(const struct pol_reduce *r, const struct pol_term *t)
{
	return t->op == POL_OP_VAR && t->sub != POL_VAR_CONTEXT && !r->known[t->sub];
}

static const struct or_slice *type_of(const struct pol_reduce *r, const struct pol_term *t)
{
	return t->op == POL_OP_VAR ? &entity_of(r, (enum pol_var)t->sub)->uid.type
				   : &t->lit.e->type;
}

/*
 * What is not known of that entity. *var: which variable it is, where it is one's; else it may turn
 * out to be one's, and has no other name than its own.
 */
static unsigned int unknown_of(const struct pol_reduce *r, const struct pol_uid *uid, int *var)
{
	unsigned int bits = 0;

	*var = -1;
	for (int v = 0; v < 3; v += 2) {
		const struct pol_partial_entity *e = entity_of(r, (enum pol_var)v);

		if (!r->known[v]) {
			if (or_slice_eq(e->uid.type, uid->type) && !pol_ctx_find(r->ctx, uid))
				bits |= POL_PARTIAL_REST;
		} else if (e->unknown && pol_uid_eq(&e->uid, uid)) {
			bits |= e->unknown;
			*var = v;
		}
	}
	return bits;
}

/* The attribute that nothing is known of but what its entity's shape says. */
static bool may_have(const struct pol_reduce *r, int var, struct or_slice name)
{
	const struct pol_partial_entity *e = var < 0 ? NULL : entity_of(r, (enum pol_var)var);

	return !e || !e->shape || e->shape->open || pol_schema_attr_of(e->shape, name);
}

/* What looking an attribute up comes to. */
enum found { FOUND_VALUE, FOUND_NONE, FOUND_UNKNOWN, FOUND_NO_RECORD };

/* *var: the variable whose attribute is unknown, -1 where it is none's. */
static enum found find_attr(const struct pol_reduce *r, const struct pol_term *on,
    struct or_slice name, const struct pol_value **out, int *var)
{
	const struct pol_entity *e;

	*var = -1;
	if (is_unknown_entity(r, on)) {
		*var = on->sub;
		return may_have(r, *var, name) ? FOUND_UNKNOWN : FOUND_NONE;
	}
	if (!pol_term_is_lit(on))
		return FOUND_UNKNOWN;
	if (on->lit.kind == POL_RECORD) {
		*out = pol_value_field(on->lit.rec, name);
		return *out ? FOUND_VALUE : FOUND_NONE;
	}
	if (on->lit.kind != POL_ENTITY)
		return FOUND_NO_RECORD;
	if (unknown_of(r, on->lit.e, var) & POL_PARTIAL_ATTRS)
		return may_have(r, *var, name) ? FOUND_UNKNOWN : FOUND_NONE;
	e = pol_ctx_find(r->ctx, on->lit.e);
	*out = e ? pol_value_field(e->attrs, name) : NULL;
	return *out ? FOUND_VALUE : FOUND_NONE;
}

static const struct pol_term *reduce_attr(struct pol_reduce *r, const struct pol_term *t)
{
	const struct pol_term *on = pol_reduce_term(r, t->args[0]);
	const struct pol_value *found = NULL;
	int var;

	if (!on || pol_term_is_error(on))
		return on;
	switch (find_attr(r, on, t->names[0], &found, &var)) {
	case FOUND_VALUE: return pol_reduce_lit(r, *found);
	case FOUND_NONE:
		return pol_reduce_fail(
		    r, t, "there is no attribute `%.*s`", OR_SLICE_FMT(t->names[0]));
	case FOUND_NO_RECORD: return pol_reduce_fail_kind(r, t, "record or entity", &on->lit);
	case FOUND_UNKNOWN: break;
	}
	if (var >= 0)
		on = pol_term_var((enum pol_var)var);
	return with(r, t, &on, 1);
}

/* `on has names[i].…`, of which those before i are there. */
static const struct pol_term *rest_of_has(
    struct pol_reduce *r, const struct pol_term *t, const struct pol_term *on, uint32_t i, int var)
{
	struct pol_term *to;

	if (var >= 0)
		on = pol_term_var((enum pol_var)var);
	to = or_arena_alloc(r->arena, sizeof(*to));
	if (!to)
		return full(r);
	*to = *t;
	to->names = t->names + i;
	to->n_names = t->n_names - i;
	return with(r, to, &on, 1);
}

static const struct pol_term *reduce_has(struct pol_reduce *r, const struct pol_term *t)
{
	const struct pol_term *on = pol_reduce_term(r, t->args[0]);
	const struct pol_value *found = NULL;
	int var;

	if (!on || pol_term_is_error(on))
		return on;
	for (uint32_t i = 0; i < t->n_names; i++) {
		switch (find_attr(r, on, t->names[i], &found, &var)) {
		case FOUND_NONE: return pol_term_bool(false);
		case FOUND_NO_RECORD:
			return pol_reduce_fail_kind(r, t, "record or entity", &on->lit);
		case FOUND_UNKNOWN: return rest_of_has(r, t, on, i, var);
		case FOUND_VALUE: break;
		}
		on = pol_reduce_lit(r, *found);
		if (!on)
			return NULL;
	}
	return pol_term_bool(true);
}

/* The tag of a key and an entity that have both been found. */
static const struct pol_term *find_tag(
    struct pol_reduce *r, const struct pol_term *t, const struct pol_term **args)
{
	const struct pol_value *found;
	const struct pol_entity *e;
	int var;

	if (unknown_of(r, args[0]->lit.e, &var) & POL_PARTIAL_TAGS) {
		if (var >= 0)
			args[0] = pol_term_var((enum pol_var)var);
		return with(r, t, args, 2);
	}
	e = pol_ctx_find(r->ctx, args[0]->lit.e);
	found = e ? pol_value_field(e->tags, args[1]->lit.s) : NULL;
	if (t->op == POL_OP_HAS_TAG)
		return pol_term_bool(found != NULL);
	return found
		   ? pol_reduce_lit(r, *found)
		   : pol_reduce_fail(r, t, "there is no tag `%.*s`", OR_SLICE_FMT(args[1]->lit.s));
}

static const struct pol_term *apply_tag(
    struct pol_reduce *r, const struct pol_term *t, const struct pol_term **args)
{
	bool known[2] = {pol_term_is_lit(args[0]), pol_term_is_lit(args[1])};

	if (known[0] && args[0]->lit.kind != POL_ENTITY)
		return pol_reduce_fail_kind(r, t, "entity", &args[0]->lit);
	if (known[1] && args[1]->lit.kind != POL_STRING)
		return pol_reduce_fail_kind(r, t, "string", &args[1]->lit);
	return known[0] && known[1] ? find_tag(r, t, args) : with(r, t, args, 2);
}

static enum truth is_in(
    const struct pol_reduce *r, const struct pol_uid *a, const struct pol_uid *b)
{
	const struct pol_entity *e;
	int var;

	if (pol_uid_eq(a, b))
		return YES;
	if (unknown_of(r, a, &var) & POL_PARTIAL_ANCESTORS)
		return UNKNOWN;
	e = pol_ctx_find(r->ctx, a);
	return e && pol_entities_has_ancestor(e, b) ? YES : NO;
}

static enum truth is_in_any(
    const struct pol_reduce *r, const struct pol_uid *a, const struct pol_set_value *set)
{
	enum truth any = NO;

	for (size_t i = 0; i < set->n && any != YES; i++) {
		enum truth one = is_in(r, a, set->items[i].e);

		any = one == NO ? any : one;
	}
	return any;
}

/* The literal operands of `in` are of the kinds that it takes. */
static const struct pol_term *check_in(
    struct pol_reduce *r, const struct pol_term *t, const struct pol_term *const *args)
{
	if (pol_term_is_lit(args[0]) && args[0]->lit.kind != POL_ENTITY)
		return pol_reduce_fail_kind(r, t, "entity", &args[0]->lit);
	if (!pol_term_is_lit(args[1]) || args[1]->lit.kind == POL_ENTITY)
		return NULL;
	if (args[1]->lit.kind != POL_SET)
		return pol_reduce_fail_kind(r, t, "entity or set of entities", &args[1]->lit);
	for (size_t i = 0; i < args[1]->lit.set->n; i++) {
		if (args[1]->lit.set->items[i].kind != POL_ENTITY)
			return pol_reduce_fail_kind(r, t, "entity", &args[1]->lit.set->items[i]);
	}
	return NULL;
}

static const struct pol_term *apply_in(
    struct pol_reduce *r, const struct pol_term *t, const struct pol_term *const *args)
{
	const struct pol_term *bad = check_in(r, t, args);
	enum truth yes;

	if (bad || r->full)
		return bad;
	if (is_unknown_entity(r, args[0]) && args[1]->op == POL_OP_VAR &&
	    args[0]->sub == args[1]->sub)
		return pol_term_bool(true);
	if (!pol_term_is_lit(args[0]) || !pol_term_is_lit(args[1]))
		return with(r, t, args, 2);
	if (args[1]->lit.kind == POL_ENTITY)
		yes = is_in(r, args[0]->lit.e, args[1]->lit.e);
	else
		yes = is_in_any(r, args[0]->lit.e, args[1]->lit.set);
	return yes == UNKNOWN ? with(r, t, args, 2) : pol_term_bool(yes == YES);
}

/* An unknown entity is equal to none of another type, and to itself. */
static const struct pol_term *apply_eq(
    struct pol_reduce *r, const struct pol_term *t, const struct pol_term *const *args)
{
	bool unknown[2] = {is_unknown_entity(r, args[0]), is_unknown_entity(r, args[1])};

	for (int i = 0; i < 2; i++) {
		const struct pol_term *other = args[1 - i];
		bool differ;

		if (!unknown[i])
			continue;
		if (unknown[1 - i] && args[0]->sub == args[1]->sub)
			return pol_term_bool(t->op == POL_OP_EQ);
		if (!unknown[1 - i] && !pol_term_is_lit(other))
			continue;
		differ = (pol_term_is_lit(other) && other->lit.kind != POL_ENTITY) ||
			 !or_slice_eq(*type_of(r, args[i]), *type_of(r, other));
		if (differ)
			return pol_term_bool(t->op == POL_OP_NE);
	}
	return with(r, t, args, 2);
}

static const struct pol_term *reduce_is(struct pol_reduce *r, const struct pol_term *t)
{
	const struct pol_term *args[2] = {pol_reduce_term(r, t->args[0]), NULL};
	bool known;

	if (!args[0] || pol_term_is_error(args[0]))
		return args[0];
	if (pol_term_is_lit(args[0]) && args[0]->lit.kind != POL_ENTITY)
		return pol_reduce_fail_kind(r, t, "entity", &args[0]->lit);
	known = pol_term_is_lit(args[0]) || is_unknown_entity(r, args[0]);
	if (known && !or_slice_eq(*type_of(r, args[0]), t->names[0]))
		return pol_term_bool(false);
	if (t->n == 1)
		return known ? pol_term_bool(true) : with(r, t, args, 1);
	args[1] = pol_reduce_term(r, t->args[1]);
	if (!args[1])
		return NULL;
	if (!known)
		return with(r, t, args, 2);
	if (pol_term_is_error(args[1]))
		return args[1];
	/* `e is T in x` means `e is T && e in x`. */
	return apply_in(r, &(struct pol_term){.op = POL_OP_IN, .node = t->node}, args);
}

/* `&&` and `||`: what stops the chain, or may fail, stays behind what is not known. */
static const struct pol_term *reduce_chain(struct pol_reduce *r, const struct pol_term *t)
{
	const struct pol_term **kept = or_arena_array(r->arena, t->n, sizeof(*kept));
	bool stop = t->op == POL_OP_OR;
	size_t n = 0;

	if (!kept)
		return full(r);
	for (uint32_t i = 0; i < t->n; i++) {
		const struct pol_term *x = pol_reduce_term(r, t->args[i]);

		if (x && pol_term_is_lit(x) && x->lit.kind != POL_BOOL)
			x = pol_reduce_fail_kind(r, t->args[i], "bool", &x->lit);
		if (!x)
			return NULL;
		if (pol_term_is_bool(x, !stop))
			continue;
		kept[n++] = x;
		if (pol_term_is_lit(x) || pol_term_is_error(x))
			break;
	}
	if (n == 0)
		return pol_term_bool(!stop);
	/* One that is no bool by itself has to be checked for being one. */
	if (n == 1 && (pol_term_is_error(kept[0]) || pol_term_is_boolean(kept[0])))
		return kept[0];
	return with(r, t, kept, n);
}

static const struct pol_term *reduce_if(struct pol_reduce *r, const struct pol_term *t)
{
	const struct pol_term *args[3] = {pol_reduce_term(r, t->args[0])};

	if (!args[0] || pol_term_is_error(args[0]))
		return args[0];
	if (pol_term_is_lit(args[0]))
		return args[0]->lit.kind == POL_BOOL
			   ? pol_reduce_term(r, t->args[args[0]->lit.b ? 1 : 2])
			   : pol_reduce_fail_kind(r, t->args[0], "bool", &args[0]->lit);
	args[1] = pol_reduce_term(r, t->args[1]);
	args[2] = args[1] ? pol_reduce_term(r, t->args[2]) : NULL;
	return args[2] ? with(r, t, args, 3) : NULL;
}

static const struct pol_term *reduce_strict(struct pol_reduce *r, const struct pol_term *t)
{
	const struct pol_term **args = or_arena_array(r->arena, t->n, sizeof(*args));
	const struct pol_term *error = NULL;
	bool known = true;

	if (!args)
		return full(r);
	for (uint32_t i = 0; i < t->n; i++) {
		args[i] = pol_reduce_term(r, t->args[i]);
		if (!args[i])
			return NULL;
		known = known && pol_term_is_lit(args[i]);
		if (!error && pol_term_is_error(args[i]))
			error = args[i];
	}
	/* All operands are evaluated: one that fails fails the whole, whatever the others are. */
	if (error)
		return error;
	if (t->op == POL_OP_IN)
		return apply_in(r, t, args);
	if (t->op == POL_OP_HAS_TAG || t->op == POL_OP_GET_TAG)
		return apply_tag(r, t, args);
	if (known)
		return pol_reduce_ops_apply(r, t, args);
	if (t->op == POL_OP_EQ || t->op == POL_OP_NE)
		return apply_eq(r, t, args);
	return with(r, t, args, t->n);
}

const struct pol_term *pol_reduce_term(struct pol_reduce *r, const struct pol_term *t)
{
	switch ((int)t->op) {
	case POL_TERM_ERROR:
	case POL_OP_LIT: return t;
	case POL_OP_VAR: return r->known[t->sub] ? pol_reduce_lit(r, r->vars[t->sub]) : t;
	case POL_OP_IF: return reduce_if(r, t);
	case POL_OP_AND:
	case POL_OP_OR: return reduce_chain(r, t);
	case POL_OP_ATTR: return reduce_attr(r, t);
	case POL_OP_HAS: return reduce_has(r, t);
	case POL_OP_IS: return reduce_is(r, t);
	default: return reduce_strict(r, t);
	}
}

static bool may_be_in(const struct pol_reduce *r, enum pol_var var, const struct pol_uid *target)
{
	return !r->known[var] || is_in(r, r->vars[var].e, target) != NO;
}

static bool scope_may_match(
    const struct pol_reduce *r, const struct pol_policy *p, enum pol_var var)
{
	const struct pol_scope *s = var == POL_VAR_PRINCIPAL ? &p->body->principal
				    : var == POL_VAR_ACTION  ? &p->body->action
							     : &p->body->resource;
	const struct pol_uid *target = s->slot == POL_SLOT_NONE ? s->uid : p->slots[s->slot];
	const struct or_slice *type =
	    var == POL_VAR_ACTION ? &r->req->action.type : &entity_of(r, var)->uid.type;

	switch (s->op) {
	case POL_SCOPE_EQ:
		return r->known[var] ? pol_uid_eq(r->vars[var].e, target)
				     : or_slice_eq(*type, target->type);
	case POL_SCOPE_IS: return or_slice_eq(*type, s->type);
	case POL_SCOPE_IS_IN: return or_slice_eq(*type, s->type) && may_be_in(r, var, target);
	case POL_SCOPE_IN:
		if (var != POL_VAR_ACTION)
			return may_be_in(r, var, target);
		for (size_t i = 0; i < s->n_uids; i++) {
			if (may_be_in(r, var, s->uids[i]))
				return true;
		}
		return false;
	default: return true;
	}
}

bool pol_reduce_may_match(const struct pol_reduce *r, const struct pol_policy *p)
{
	return scope_may_match(r, p, POL_VAR_PRINCIPAL) && scope_may_match(r, p, POL_VAR_ACTION) &&
	       scope_may_match(r, p, POL_VAR_RESOURCE);
}

void pol_reduce_init(struct pol_reduce *r, struct or_arena *a, const struct pol_ctx *ctx,
    const struct pol_partial_request *req)
{
	static const struct pol_record none;

	*r = (struct pol_reduce){.arena = a, .ctx = ctx, .req = req};
	r->vars[POL_VAR_PRINCIPAL] = pol_value_entity(&req->principal.uid);
	r->vars[POL_VAR_ACTION] = pol_value_entity(&req->action);
	r->vars[POL_VAR_RESOURCE] = pol_value_entity(&req->resource.uid);
	r->vars[POL_VAR_CONTEXT] = pol_value_rec(req->context ? req->context : &none);
	r->known[POL_VAR_PRINCIPAL] = req->principal.uid.id.p != NULL;
	r->known[POL_VAR_ACTION] = true;
	r->known[POL_VAR_RESOURCE] = req->resource.uid.id.p != NULL;
	r->known[POL_VAR_CONTEXT] = !req->context_unknown;
}
