/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One policy of the EST form: its scope, conditions and annotations.
 */
#include "policy/est_read.h"

#include "policy/schema.h"

#include <stdarg.h>
#include <stdio.h>

enum { STEPS_SHOWN = 24, PATH_MAX_BYTES = 160 };

static const char *const NONE[] = {NULL};

static void put_step(struct or_buf *b, const struct pol_est_step *s)
{
	if (!s->key.p) {
		or_buf_printf(b, "[%zu]", s->index);
	} else if (pol_lex_is_ident(s->key) || pol_lex_is_reserved(s->key)) {
		or_buf_put_str(b, b->n ? "." : "");
		or_buf_put_slice(b, s->key);
	} else {
		or_buf_put_byte(b, '[');
		pol_uid_print_string(b, s->key);
		or_buf_put_byte(b, ']');
	}
}

/* The last steps of the way. */
static void put_path(struct or_buf *b, const struct pol_est_step *step)
{
	const struct pol_est_step *steps[STEPS_SHOWN];
	size_t n = 0;

	for (; step && n < STEPS_SHOWN; step = step->up)
		steps[n++] = step;
	if (step)
		or_buf_put_str(b, "…");
	while (n > 0)
		put_step(b, steps[--n]);
}

const void *pol_est_read_fail(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json *j, const char *fmt, ...)
{
	struct or_slice shown;
	struct or_buf path;
	char msg[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	or_buf_init(&path, 64 * OR_KIB);
	put_path(&path, step);
	shown = or_buf_slice(&path);
	if (shown.n > PATH_MAX_BYTES) {
		size_t from = shown.n - PATH_MAX_BYTES;

		while (from < shown.n && (shown.p[from] & 0xC0) == 0x80)
			from++;
		shown = or_slice_from(shown, from);
	}
	pol_diag_add(ps->lex.diags, &ps->lex.src, pol_json_at(j), 1, NULL, "%.*s%s%s",
	    OR_SLICE_FMT(shown), shown.n ? ": " : "", msg);
	or_buf_done(&path);
	ps->rc = OR_PARSE;
	return NULL;
}

static bool is_in(struct or_slice key, const char *const *list)
{
	for (size_t i = 0; list[i]; i++) {
		if (or_slice_is(key, list[i]))
			return true;
	}
	return false;
}

bool pol_est_read_keys(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json *j, const char *const *needed, const char *const *optional)
{
	if (j->type != OR_JSON_OBJECT)
		return pol_est_read_fail(
		    ps, step, j, "expected an object, found %s", or_json_type_name(j->type));
	for (size_t i = 0; i < j->object.n; i++) {
		struct or_slice key = j->object.members[i].key;

		if (!is_in(key, needed) && !is_in(key, optional))
			return pol_est_read_fail(ps, step, j->object.members[i].value,
			    "`%.*s` is not known here", OR_SLICE_FMT(key));
	}
	for (size_t i = 0; needed[i]; i++) {
		if (!or_json_get(j, needed[i]))
			return pol_est_read_fail(ps, step, j, "`%s` is missing", needed[i]);
	}
	return true;
}

struct or_slice pol_est_read_keep(struct pol_parse *ps, struct or_slice s)
{
	struct or_slice kept = or_arena_dup(ps->arena, s);

	if (!kept.p)
		ps->rc = OR_FULL;
	return kept;
}

bool pol_est_read_type(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json *j, struct or_slice *out)
{
	if (j->type != OR_JSON_STR || !pol_lex_is_path(j->s))
		return pol_est_read_fail(ps, step, j, "expected the name of an entity type");
	*out = pol_est_read_keep(ps, j->s);
	return out->p != NULL;
}

const struct pol_uid *pol_est_read_uid(
    struct pol_parse *ps, const struct pol_est_step *step, const struct or_json *j)
{
	static const char *const outer[] = {"__entity", NULL}, *const inner[] = {
								   "type", "id", NULL};
	struct pol_est_step type_step = pol_est_at(step, "type");
	struct pol_uid *u = or_arena_alloc(ps->arena, sizeof(*u));
	struct or_slice type, id;

	if (or_json_get(j, "__entity")) {
		if (!pol_est_read_keys(ps, step, j, outer, NONE))
			return NULL;
		j = or_json_get(j, "__entity");
	}
	if (!pol_est_read_keys(ps, step, j, inner, NONE) ||
	    !pol_est_read_type(ps, &type_step, or_json_get(j, "type"), &type))
		return NULL;
	if (or_json_get(j, "id")->type != OR_JSON_STR)
		return pol_est_read_fail(ps, step, or_json_get(j, "id"), "`id` must be a string");
	id = pol_est_read_keep(ps, or_json_get(j, "id")->s);
	if (!u || !id.p) {
		ps->rc = OR_FULL;
		return NULL;
	}
	*u = pol_uid_make(type, id);
	return u;
}

/* "entity", or the "slot" of that name. */
static bool read_target(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json *j, enum pol_slot slot, struct pol_scope *s, struct pol_body *body)
{
	struct pol_est_step entity = pol_est_at(step, "entity");
	const struct or_json *named = or_json_get(j, "slot");
	const char *name = slot == POL_SLOT_PRINCIPAL ? "?principal" : "?resource";

	if (!named == !or_json_get(j, "entity"))
		return pol_est_read_fail(ps, step, j, "expected `entity` or `slot`");
	if (!named) {
		s->uid = pol_est_read_uid(ps, &entity, or_json_get(j, "entity"));
		return s->uid != NULL;
	}
	if (slot == POL_SLOT_NONE)
		return pol_est_read_fail(ps, step, named, "an action has no slot");
	if (named->type != OR_JSON_STR || !or_slice_is(named->s, name))
		return pol_est_read_fail(ps, step, named, "the slot here is %s", name);
	s->slot = (uint8_t)slot;
	body->has_slot[slot] = true;
	return true;
}

static bool read_is(struct pol_parse *ps, const struct pol_est_step *step, const struct or_json *j,
    enum pol_slot slot, struct pol_scope *s, struct pol_body *body)
{
	static const char *const target[] = {"entity", "slot", NULL};
	struct pol_est_step type = pol_est_at(step, "entity_type"), in = pol_est_at(step, "in");
	const struct or_json *inside = or_json_get(j, "in");

	s->op = inside ? POL_SCOPE_IS_IN : POL_SCOPE_IS;
	if (!pol_est_read_type(ps, &type, or_json_get(j, "entity_type"), &s->type))
		return false;
	return !inside || (pol_est_read_keys(ps, &in, inside, NONE, target) &&
			      read_target(ps, &in, inside, slot, s, body));
}

static bool read_scope(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json *j, enum pol_slot slot, struct pol_scope *s, struct pol_body *body)
{
	static const char *const op[] = {"op", NULL}, *const target[] = {"entity", "slot", NULL};
	static const char *const is[] = {"op", "entity_type", NULL}, *const in[] = {"in", NULL};
	struct or_slice name = or_json_get_str(j, "op");

	if (or_slice_is(name, "All") || or_slice_is(name, "all"))
		return pol_est_read_keys(ps, step, j, op, NONE);
	if (or_slice_is(name, "is"))
		return pol_est_read_keys(ps, step, j, is, in) &&
		       read_is(ps, step, j, slot, s, body);
	if (!or_slice_is(name, "==") && !or_slice_is(name, "in"))
		return pol_est_read_fail(
		    ps, step, j, "expected an `op`: \"All\", \"==\", \"in\" or \"is\"");
	s->op = or_slice_is(name, "==") ? POL_SCOPE_EQ : POL_SCOPE_IN;
	return pol_est_read_keys(ps, step, j, op, target) &&
	       read_target(ps, step, j, slot, s, body);
}

static bool read_action_list(struct pol_parse *ps, const struct pol_est_step *up,
    const struct or_json *j, struct pol_scope *s)
{
	struct pol_est_step step = pol_est_at(up, "entities");
	const struct pol_uid **uids;

	if (j->type != OR_JSON_ARRAY)
		return pol_est_read_fail(ps, &step, j, "expected a list");
	uids = or_arena_array(ps->arena, j->array.n, sizeof(*uids));
	for (size_t i = 0; uids && i < j->array.n; i++) {
		struct pol_est_step item = pol_est_item(&step, i);

		uids[i] = pol_est_read_uid(ps, &item, j->array.items[i]);
		if (!uids[i])
			return false;
	}
	if (!uids) {
		ps->rc = OR_FULL;
		return false;
	}
	s->op = POL_SCOPE_IN;
	s->list = true;
	s->uids = uids;
	s->n_uids = (uint32_t)j->array.n;
	return true;
}

static bool read_action(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json *j, struct pol_body *body)
{
	static const char *const list[] = {"op", "entities", NULL};
	struct or_slice name = or_json_get_str(j, "op");
	const struct or_json *many = or_json_get(j, "entities");
	struct pol_scope *s = &body->action;

	if (or_slice_is(name, "is"))
		return pol_est_read_fail(ps, step, j, "an action has no type to ask for");
	if (or_slice_is(name, "in") && many) {
		if (!pol_est_read_keys(ps, step, j, list, NONE) ||
		    !read_action_list(ps, step, many, s))
			return false;
	} else {
		if (!read_scope(ps, step, j, POL_SLOT_NONE, s, body))
			return false;
		s->uids = s->uid ? &s->uid : NULL;
		s->n_uids = s->uid ? 1 : 0;
	}
	for (size_t i = 0; i < s->n_uids; i++) {
		if (!pol_schema_is_action_type(s->uids[i]->type))
			return pol_est_read_fail(ps, step, j,
			    "the type of an action is Action, not `%.*s`",
			    OR_SLICE_FMT(s->uids[i]->type));
	}
	return true;
}

static bool read_scopes(struct pol_parse *ps, const struct pol_est_step *up,
    const struct or_json *j, struct pol_body *body)
{
	static const char *const names[] = {"principal", "action", "resource"};
	struct pol_scope *const scopes[] = {&body->principal, &body->action, &body->resource};

	for (size_t i = 0; i < OR_LEN(names); i++) {
		struct pol_est_step step = pol_est_at(up, names[i]);
		const struct or_json *from = or_json_get(j, names[i]);
		bool ok;

		scopes[i]->slot = POL_SLOT_NONE;
		scopes[i]->at = (uint32_t)pol_json_at(from);
		scopes[i]->len = (uint32_t)pol_json_len(from);
		ok = i == 1 ? read_action(ps, &step, from, body)
			    : read_scope(ps, &step, from,
				  i == 0 ? POL_SLOT_PRINCIPAL : POL_SLOT_RESOURCE, scopes[i], body);
		if (!ok)
			return false;
	}
	return true;
}

static bool read_condition(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json *j, struct pol_condition *c)
{
	static const char *const needed[] = {"kind", "body", NULL};
	struct pol_est_step body = pol_est_at(step, "body");
	struct or_slice kind;

	if (!pol_est_read_keys(ps, step, j, needed, NONE))
		return false;
	kind = or_json_get_str(j, "kind");
	c->unless = or_slice_is(kind, "unless");
	if (!c->unless && !or_slice_is(kind, "when"))
		return pol_est_read_fail(
		    ps, step, or_json_get(j, "kind"), "expected \"when\" or \"unless\"");
	c->expr = pol_est_expr_read(ps, &body, or_json_get(j, "body"));
	return c->expr != NULL;
}

static bool read_conditions(struct pol_parse *ps, const struct pol_est_step *up,
    const struct or_json *j, struct pol_body *body)
{
	struct pol_est_step step = pol_est_at(up, "conditions");
	struct pol_condition *list;

	if (j->type != OR_JSON_ARRAY)
		return pol_est_read_fail(ps, &step, j, "expected a list");
	list = or_arena_array(ps->arena, j->array.n, sizeof(*list));
	if (!list) {
		ps->rc = OR_FULL;
		return false;
	}
	for (size_t i = 0; i < j->array.n; i++) {
		struct pol_est_step item = pol_est_item(&step, i);

		if (!read_condition(ps, &item, j->array.items[i], &list[i]))
			return false;
	}
	body->conditions = list;
	body->n_conditions = (uint32_t)j->array.n;
	return true;
}

static bool read_annotation(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json_member *m, struct pol_annotation *a)
{
	a->bare = m->value->type == OR_JSON_NULL;
	if (!pol_lex_is_ident(m->key) && !pol_lex_is_reserved(m->key))
		return pol_est_read_fail(ps, step, m->value,
		    "`%.*s` cannot be the name of an annotation", OR_SLICE_FMT(m->key));
	if (!a->bare && m->value->type != OR_JSON_STR)
		return pol_est_read_fail(ps, step, m->value, "expected a string");
	a->key = pol_est_read_keep(ps, m->key);
	a->value = a->bare ? OR_SLICE_LIT("") : pol_est_read_keep(ps, m->value->s);
	return a->key.p && a->value.p;
}

static bool read_annotations(struct pol_parse *ps, const struct pol_est_step *up,
    const struct or_json *j, struct pol_policy *p)
{
	struct pol_est_step step = pol_est_at(up, "annotations");
	struct pol_annotation *list;

	if (!j)
		return true;
	if (j->type != OR_JSON_OBJECT)
		return pol_est_read_fail(ps, &step, j, "expected an object");
	list = or_arena_array(ps->arena, j->object.n, sizeof(*list));
	if (!list) {
		ps->rc = OR_FULL;
		return false;
	}
	for (size_t i = 0; i < j->object.n; i++) {
		if (!read_annotation(ps, &step, &j->object.members[i], &list[i]))
			return false;
	}
	p->annotations = list;
	p->n_annotations = j->object.n;
	return true;
}

struct pol_policy *pol_est_read_policy(
    struct pol_parse *ps, const struct pol_est_step *step, const struct or_json *j)
{
	static const char *const needed[] = {
	    "effect", "principal", "action", "resource", "conditions", NULL};
	static const char *const optional[] = {"annotations", NULL};
	struct pol_policy *p = or_arena_alloc(ps->arena, sizeof(*p));
	struct pol_body *body = or_arena_alloc(ps->arena, sizeof(*body));
	struct or_slice effect;

	if (!p || !body) {
		ps->rc = OR_FULL;
		return NULL;
	}
	if (!pol_est_read_keys(ps, step, j, needed, optional))
		return NULL;
	effect = or_json_get_str(j, "effect");
	p->forbid = or_slice_is(effect, "forbid");
	if (!p->forbid && !or_slice_is(effect, "permit")) {
		pol_est_read_fail(
		    ps, step, or_json_get(j, "effect"), "expected \"permit\" or \"forbid\"");
		return NULL;
	}
	body->src = ps->lex.src;
	or_buf_clear(&ps->scratch);
	if (!read_scopes(ps, step, j, body) ||
	    !read_conditions(ps, step, or_json_get(j, "conditions"), body) ||
	    !read_annotations(ps, step, or_json_get(j, "annotations"), p))
		return NULL;
	p->file = ps->lex.src.file;
	p->line = j->line;
	p->at = (uint32_t)pol_json_at(j);
	p->len = (uint32_t)pol_json_len(j);
	p->body = body;
	p->template = body->has_slot[POL_SLOT_PRINCIPAL] || body->has_slot[POL_SLOT_RESOURCE];
	return p;
}
