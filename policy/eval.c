/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/eval.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>

/* Counted from the policy's own start, so that a long file costs nothing. */
static void line_and_col(
    const struct pol_eval *ev, size_t at, unsigned int *line, unsigned int *col)
{
	const uint8_t *p = ev->src->text.p - ev->src->before;
	size_t from = ev->policy ? ev->policy->at : 0;

	at += ev->src->before;
	*line = ev->policy ? ev->policy->line : 1;
	*col = 1;
	for (size_t i = from; i < at; i++)
		*line += p[i] == '\n';
	for (size_t i = at; i > 0 && p[i - 1] != '\n'; i--)
		*col += (p[i - 1] & 0xC0) != 0x80;
}

bool pol_eval_fail(struct pol_eval *ev, const struct pol_node *n, const char *fmt, ...)
{
	char msg[256];
	unsigned int line, col;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	line_and_col(ev, n->at, &line, &col);
	ev->error = or_arena_printf(ev->arena, "%s:%u:%u: %s", ev->src->file, line, col, msg);
	if (!ev->error) {
		ev->error = "the request needs more memory than its budget";
		ev->full = true;
	}
	return false;
}

static bool fail_full(struct pol_eval *ev)
{
	ev->error = "the request needs more memory than its budget";
	ev->full = true;
	return false;
}

bool pol_eval_fail_kind(
    struct pol_eval *ev, const struct pol_node *n, const char *what, const struct pol_value *v)
{
	return pol_eval_fail(
	    ev, n, "type error: expected %s, found %s", what, pol_value_kind_name(v->kind));
}

/* The slice as text for a message, cut. */
static const char *shown(char *to, size_t size, struct or_slice s)
{
	size_t n = s.n < size - 4 ? s.n : size - 4;

	while (n > 0 && n < s.n && (s.p[n] & 0xC0) == 0x80)
		n--;
	snprintf(to, size, "%.*s%s", (int)n, (const char *)s.p, n < s.n ? "…" : "");
	return to;
}

static bool fail_uid(
    struct pol_eval *ev, const struct pol_node *n, const struct pol_uid *uid, const char *what)
{
	struct or_buf *b = pol_ctx_scratch(ev->ctx);
	char text[160];

	or_buf_clear(b);
	pol_uid_print(b, uid);
	return pol_eval_fail(
	    ev, n, "entity %s %s", shown(text, sizeof(text), or_buf_slice(b)), what);
}

const struct pol_entity *pol_eval_entity(const struct pol_eval *ev, const struct pol_uid *uid)
{
	for (int i = 0; i < 3; i++) {
		if (ev->vars[i].e == uid)
			return ev->known[i];
	}
	return pol_ctx_find(ev->ctx, uid);
}

bool pol_eval_is_in(const struct pol_eval *ev, const struct pol_uid *uid, const struct pol_uid *of)
{
	const struct pol_entity *e;

	if (pol_uid_eq(uid, of))
		return true;
	e = pol_eval_entity(ev, uid);
	return e && pol_entities_has_ancestor(e, of);
}

static bool eval_bool(struct pol_eval *ev, const struct pol_node *n, bool *out)
{
	struct pol_value v;

	if (!pol_eval_expr(ev, n, &v))
		return false;
	if (v.kind != POL_BOOL)
		return pol_eval_fail_kind(ev, n, "bool", &v);
	*out = v.b;
	return true;
}

/* The attribute of a record or entity; *out NULL where it has none. */
static bool find_attr(struct pol_eval *ev, const struct pol_node *n, const struct pol_value *on,
    struct or_slice name, const struct pol_value **out)
{
	const struct pol_entity *e;

	if (on->kind == POL_RECORD) {
		*out = pol_value_field(on->rec, name);
		return true;
	}
	if (on->kind != POL_ENTITY)
		return pol_eval_fail_kind(ev, n, "record or entity", on);
	e = pol_eval_entity(ev, on->e);
	*out = e ? pol_value_field(e->attrs, name) : NULL;
	return true;
}

static bool eval_attr(struct pol_eval *ev, const struct pol_node *n, struct pol_value *out)
{
	const struct pol_value *found = NULL;
	struct pol_value on;
	char name[64];

	if (!pol_eval_expr(ev, n->a, &on) || !find_attr(ev, n, &on, n->name, &found))
		return false;
	if (found) {
		*out = *found;
		return true;
	}
	shown(name, sizeof(name), n->name);
	if (on.kind == POL_RECORD)
		return pol_eval_fail(ev, n, "the record has no attribute `%s`", name);
	if (!pol_eval_entity(ev, on.e))
		return fail_uid(ev, n, on.e, "does not exist");
	return fail_uid(ev, n, on.e,
	    or_arena_printf(ev->arena, "has no attribute `%s`", name) ?: "lacks an attribute");
}

static bool eval_has(struct pol_eval *ev, const struct pol_node *n, struct pol_value *out)
{
	const struct pol_value *found = NULL;
	struct pol_value on;

	if (!pol_eval_expr(ev, n->a, &on))
		return false;
	for (uint32_t i = 0; i < n->n; i++) {
		if (!find_attr(ev, n, &on, n->names[i], &found))
			return false;
		if (!found)
			break;
		on = *found;
	}
	*out = pol_value_bool(found != NULL);
	return true;
}

static bool eval_tag(struct pol_eval *ev, const struct pol_node *n, struct pol_value *out)
{
	const struct pol_value *found = NULL;
	const struct pol_entity *e;
	struct pol_value on, key;
	char name[64];

	if (!pol_eval_expr(ev, n->a, &on) || !pol_eval_expr(ev, n->b, &key))
		return false;
	if (on.kind != POL_ENTITY)
		return pol_eval_fail_kind(ev, n->a, "entity", &on);
	if (key.kind != POL_STRING)
		return pol_eval_fail_kind(ev, n->b, "string", &key);
	e = pol_eval_entity(ev, on.e);
	found = e ? pol_value_field(e->tags, key.s) : NULL;
	if (n->op == POL_OP_HAS_TAG) {
		*out = pol_value_bool(found != NULL);
		return true;
	}
	if (!e)
		return fail_uid(ev, n, on.e, "does not exist");
	if (!found)
		return fail_uid(ev, n, on.e,
		    or_arena_printf(ev->arena, "has no tag `%s`", shown(name, sizeof(name), key.s))
			?: "lacks a tag");
	*out = *found;
	return true;
}

static bool eval_like(struct pol_eval *ev, const struct pol_node *n, struct pol_value *out)
{
	struct pol_value v;

	if (!pol_eval_expr(ev, n->a, &v))
		return false;
	if (v.kind != POL_STRING)
		return pol_eval_fail_kind(ev, n->a, "string", &v);
	*out = pol_value_bool(pol_eval_ops_like(v.s, n->name));
	return true;
}

static bool eval_is(struct pol_eval *ev, const struct pol_node *n, struct pol_value *out)
{
	struct pol_value v, in;
	bool yes;

	if (!pol_eval_expr(ev, n->a, &v))
		return false;
	if (v.kind != POL_ENTITY)
		return pol_eval_fail_kind(ev, n->a, "entity", &v);
	yes = or_slice_eq(v.e->type, n->name);
	/* `e is T in x` means `e is T && e in x`. */
	if (yes && n->b) {
		if (!pol_eval_expr(ev, n->b, &in) || !pol_eval_ops_in(ev, n, &v, &in, &yes))
			return false;
	}
	*out = pol_value_bool(yes);
	return true;
}

static bool eval_chain(struct pol_eval *ev, const struct pol_node *n, struct pol_value *out)
{
	bool stop = n->op == POL_OP_OR, v = !stop;

	for (uint32_t i = 0; i < n->n && v != stop; i++) {
		if (!eval_bool(ev, n->args[i], &v))
			return false;
	}
	*out = pol_value_bool(v);
	return true;
}

static bool eval_set(struct pol_eval *ev, const struct pol_node *n, struct pol_value *out)
{
	struct pol_value *items;

	if (n->a) {
		*out = n->a->lit;
		return true;
	}
	items = or_arena_array(ev->arena, n->n, sizeof(*items));
	if (!items)
		return fail_full(ev);
	for (uint32_t i = 0; i < n->n; i++) {
		if (!pol_eval_expr(ev, n->args[i], &items[i]))
			return false;
	}
	return pol_value_set(out, ev->arena, items, n->n) == OR_OK || fail_full(ev);
}

static bool eval_record(struct pol_eval *ev, const struct pol_node *n, struct pol_value *out)
{
	struct pol_field *fields = or_arena_array(ev->arena, n->n, sizeof(*fields));
	const struct pol_record *rec;

	if (!fields)
		return fail_full(ev);
	for (uint32_t i = 0; i < n->n; i++) {
		fields[i].key = n->fields[i].key;
		if (!pol_eval_expr(ev, n->fields[i].value, &fields[i].value))
			return false;
	}
	if (pol_value_record(&rec, ev->arena, fields, n->n))
		return fail_full(ev);
	*out = pol_value_rec(rec);
	return true;
}

static bool eval_unary(struct pol_eval *ev, const struct pol_node *n, struct pol_value *out)
{
	struct pol_value v;

	if (n->op == POL_OP_NOT) {
		if (!eval_bool(ev, n->a, &v.b))
			return false;
		*out = pol_value_bool(!v.b);
		return true;
	}
	if (!pol_eval_expr(ev, n->a, &v))
		return false;
	if (v.kind != POL_LONG)
		return pol_eval_fail_kind(ev, n->a, "long", &v);
	if (v.i == INT64_MIN)
		return pol_eval_fail(ev, n, "integer overflow");
	*out = pol_value_long(-v.i);
	return true;
}

static bool eval_binary(struct pol_eval *ev, const struct pol_node *n, struct pol_value *out)
{
	struct pol_value a, b = {.kind = POL_BOOL};
	bool yes;

	if (!pol_eval_expr(ev, n->a, &a) || (n->b && !pol_eval_expr(ev, n->b, &b)))
		return false;
	switch (n->op) {
	case POL_OP_EQ:
	case POL_OP_NE:
		*out = pol_value_bool(pol_value_eq(&a, &b) == (n->op == POL_OP_EQ));
		return true;
	case POL_OP_IN:
		if (!pol_eval_ops_in(ev, n, &a, &b, &yes))
			return false;
		*out = pol_value_bool(yes);
		return true;
	case POL_OP_ADD:
	case POL_OP_SUB:
	case POL_OP_MUL: return pol_eval_ops_arith(ev, n, &a, &b, out);
	case POL_OP_CONTAINS:
	case POL_OP_CONTAINS_ALL:
	case POL_OP_CONTAINS_ANY:
	case POL_OP_IS_EMPTY: return pol_eval_ops_set(ev, n, &a, &b, out);
	default: return pol_eval_ops_compare(ev, n, &a, &b, out);
	}
}

bool pol_eval_expr(struct pol_eval *ev, const struct pol_node *n, struct pol_value *out)
{
	bool yes;

	switch (n->op) {
	case POL_OP_LIT: *out = n->lit; return true;
	case POL_OP_VAR: *out = ev->vars[n->sub]; return true;
	case POL_OP_SLOT: *out = pol_value_entity(ev->slots[n->sub]); return true;
	case POL_OP_IF:
		return eval_bool(ev, n->a, &yes) && pol_eval_expr(ev, yes ? n->b : n->c, out);
	case POL_OP_AND:
	case POL_OP_OR: return eval_chain(ev, n, out);
	case POL_OP_NOT:
	case POL_OP_NEG: return eval_unary(ev, n, out);
	case POL_OP_ATTR: return eval_attr(ev, n, out);
	case POL_OP_HAS: return eval_has(ev, n, out);
	case POL_OP_LIKE: return eval_like(ev, n, out);
	case POL_OP_IS: return eval_is(ev, n, out);
	case POL_OP_SET: return eval_set(ev, n, out);
	case POL_OP_RECORD: return eval_record(ev, n, out);
	case POL_OP_HAS_TAG:
	case POL_OP_GET_TAG: return eval_tag(ev, n, out);
	case POL_OP_EXT: return pol_eval_ops_ext(ev, n, out);
	default: return eval_binary(ev, n, out);
	}
}

static bool scope_fits(const struct pol_eval *ev, const struct pol_scope *s, enum pol_var var)
{
	const struct pol_uid *uid = ev->vars[var].e;
	const struct pol_uid *target = s->slot == POL_SLOT_NONE ? s->uid : ev->slots[s->slot];

	switch (s->op) {
	case POL_SCOPE_EQ: return pol_uid_eq(uid, target);
	case POL_SCOPE_IS: return or_slice_eq(uid->type, s->type);
	case POL_SCOPE_IS_IN:
		return or_slice_eq(uid->type, s->type) && pol_eval_is_in(ev, uid, target);
	case POL_SCOPE_IN:
		if (var != POL_VAR_ACTION)
			return pol_eval_is_in(ev, uid, target);
		for (size_t i = 0; i < s->n_uids; i++) {
			if (pol_eval_is_in(ev, uid, s->uids[i]))
				return true;
		}
		return false;
	default: return true;
	}
}

enum pol_outcome pol_eval_policy(struct pol_eval *ev, const struct pol_policy *p)
{
	const struct pol_body *body = p->body;
	bool yes;

	ev->slots = p->slots;
	ev->src = &body->src;
	ev->policy = p;
	ev->error = NULL;
	if (!scope_fits(ev, &body->principal, POL_VAR_PRINCIPAL) ||
	    !scope_fits(ev, &body->action, POL_VAR_ACTION) ||
	    !scope_fits(ev, &body->resource, POL_VAR_RESOURCE))
		return POL_OUTCOME_NO;
	for (size_t i = 0; i < body->n_conditions; i++) {
		if (!eval_bool(ev, body->conditions[i].expr, &yes))
			return POL_OUTCOME_ERROR;
		if (yes == body->conditions[i].unless)
			return POL_OUTCOME_NO;
	}
	return POL_OUTCOME_YES;
}
