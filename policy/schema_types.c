/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/schema_types.h"

#include "base/str.h"
#include "policy/lex.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { DEPTH_MAX = 200 };

static const struct pol_attr NO_ATTRS[1];
const struct pol_type pol_schema_types_no_attrs = {.kind = POL_TYPE_RECORD, .attrs = NO_ATTRS};

static const struct {
	const char *name;
	struct pol_type type;
} BUILTINS[] = {{"Bool", {.kind = POL_TYPE_BOOL}}, {"Boolean", {.kind = POL_TYPE_BOOL}},
    {"Long", {.kind = POL_TYPE_LONG}}, {"String", {.kind = POL_TYPE_STRING}},
    {"ipaddr", {.kind = POL_TYPE_IP}}, {"decimal", {.kind = POL_TYPE_DECIMAL}},
    {"datetime", {.kind = POL_TYPE_DATETIME}}, {"duration", {.kind = POL_TYPE_DURATION}}};

const void *pol_schema_types_fail(
    struct pol_resolver *v, const struct or_json *at, const char *fmt, ...)
{
	char msg[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	pol_json_fail(v->r->diags, &v->r->src, at, "%s", msg);
	v->r->rc = OR_PARSE;
	return NULL;
}

const void *pol_schema_types_full(struct pol_resolver *v)
{
	v->r->rc = OR_FULL;
	return NULL;
}

static const struct pol_type *builtin(struct or_slice name)
{
	if (or_str_has_prefix(name, "__cedar::"))
		name = or_slice_from(name, 9);
	for (size_t i = 0; i < OR_LEN(BUILTINS); i++) {
		if (or_slice_is(name, BUILTINS[i].name))
			return &BUILTINS[i].type;
	}
	return NULL;
}

static bool is_qualified(struct or_slice name)
{
	return or_str_find(name, ':', 0) < name.n;
}

static const struct pol_type *common_type(
    struct pol_resolver *v, struct pol_decl *d, const struct or_json *at)
{
	if (d->type)
		return d->type;
	if (d->open)
		return pol_schema_types_fail(
		    v, at, "the type `%.*s` contains itself", OR_SLICE_FMT(d->full));
	d->open = true;
	d->type = pol_schema_types_of(v, d->ns, d->body);
	d->open = false;
	return d->type;
}

static const struct pol_type *entity_type(struct pol_resolver *v, struct or_slice full)
{
	struct pol_type *t = or_arena_alloc(v->arena, sizeof(*t));

	if (!t)
		return pol_schema_types_full(v);
	t->kind = POL_TYPE_ENTITY;
	t->entity = full;
	return t;
}

enum wanted { WANT_ENTITY = 1, WANT_COMMON = 2 };

/* The type of that full name; *known tells whether there is one. */
static const struct pol_type *named(struct pol_resolver *v, struct or_slice full, unsigned int want,
    const struct or_json *at, bool *known)
{
	struct pol_decl *common = want & WANT_COMMON ? or_map_find(&v->commons, full) : NULL;
	const struct pol_decl *entity = want & WANT_ENTITY ? or_map_find(&v->entities, full) : NULL;

	*known = true;
	if (common)
		return common_type(v, common, at);
	if (entity)
		return entity_type(v, entity->full);
	if (want & WANT_ENTITY && or_map_find(&v->action_types, full))
		return entity_type(v, full);
	*known = false;
	return NULL;
}

static const struct pol_type *lookup(struct pol_resolver *v, struct or_slice ns,
    struct or_slice name, unsigned int want, const struct or_json *at)
{
	const struct pol_type *t;
	bool known;

	if (!is_qualified(name) && ns.n) {
		struct or_slice full = pol_schema_join(v->arena, ns, name);

		if (!full.p)
			return pol_schema_types_full(v);
		t = named(v, full, want, at, &known);
		if (known)
			return t;
	}
	t = named(v, name, want, at, &known);
	if (known)
		return t;
	t = want & WANT_COMMON ? builtin(name) : NULL;
	if (t)
		return t;
	return pol_schema_types_fail(v, at, "unknown %s type `%.*s`",
	    want == WANT_ENTITY   ? "entity"
	    : want == WANT_COMMON ? "common"
				  : "entity or common",
	    OR_SLICE_FMT(name));
}

bool pol_schema_types_entity(struct pol_resolver *v, struct or_slice ns, struct or_slice name,
    const struct or_json *at, struct or_slice *full)
{
	const struct pol_type *t = lookup(v, ns, name, WANT_ENTITY, at);

	if (!t)
		return false;
	*full = t->entity;
	return true;
}

static int on_attrs(const void *a, const void *b)
{
	const struct pol_attr *x = a, *y = b;

	return or_slice_cmp(x->name, y->name);
}

static bool attribute(
    struct pol_resolver *v, struct or_slice ns, const struct or_json_member *m, struct pol_attr *to)
{
	const struct or_json *required = or_json_get(m->value, "required");

	if (required && required->type != OR_JSON_BOOL) {
		pol_schema_types_fail(v, required, "`required` must be true or false");
		return false;
	}
	to->name = m->key;
	to->required = !required || required->b;
	to->type = pol_schema_types_of(v, ns, m->value);
	return to->type != NULL;
}

static const struct pol_type *record(
    struct pol_resolver *v, struct or_slice ns, const struct or_json *j)
{
	const struct or_json *from = or_json_get_type(j, "attributes", OR_JSON_OBJECT);
	const struct or_json *more = or_json_get(j, "additionalAttributes");
	struct pol_type *t = or_arena_alloc(v->arena, sizeof(*t));
	struct pol_attr *attrs;

	if (!from)
		return pol_schema_types_fail(v, j, "a record needs an object `attributes`");
	if (more && (more->type != OR_JSON_BOOL || more->b))
		return pol_schema_types_fail(v, more,
		    "records with additional attributes are not "
		    "part of Cedar");
	attrs = or_arena_array(v->arena, from->object.n, sizeof(*attrs));
	if (!t || !attrs)
		return pol_schema_types_full(v);
	for (size_t i = 0; i < from->object.n; i++) {
		if (!attribute(v, ns, &from->object.members[i], &attrs[i]))
			return NULL;
	}
	if (from->object.n > 1)
		qsort(attrs, from->object.n, sizeof(*attrs), on_attrs);
	/* The text form lets a name through twice; the JSON form does not. */
	for (size_t i = 1; i < from->object.n; i++) {
		if (or_slice_eq(attrs[i - 1].name, attrs[i].name))
			return pol_schema_types_fail(v, j, "the attribute `%.*s` is there twice",
			    OR_SLICE_FMT(attrs[i].name));
	}
	t->kind = POL_TYPE_RECORD;
	t->attrs = attrs;
	t->n_attrs = from->object.n;
	return t;
}

static const struct pol_type *set_of(
    struct pol_resolver *v, struct or_slice ns, const struct or_json *j)
{
	const struct or_json *element = or_json_get(j, "element");
	struct pol_type *t = or_arena_alloc(v->arena, sizeof(*t));

	if (!element)
		return pol_schema_types_fail(v, j, "a set needs the type of its `element`");
	if (!t)
		return pol_schema_types_full(v);
	t->kind = POL_TYPE_SET;
	t->elem = pol_schema_types_of(v, ns, element);
	return t->elem ? t : NULL;
}

static const struct pol_type *extension(struct pol_resolver *v, const struct or_json *j)
{
	struct or_slice name = or_json_get_str(j, "name");
	const struct pol_type *t = name.p ? builtin(name) : NULL;

	if (t && t->kind >= POL_TYPE_IP)
		return t;
	return pol_schema_types_fail(v, j, "unknown extension type `%.*s`", OR_SLICE_FMT(name));
}

static const struct pol_type *by_name(
    struct pol_resolver *v, struct or_slice ns, const struct or_json *j, unsigned int want)
{
	struct or_slice name = or_json_get_str(j, "name");

	if (!name.p)
		return pol_schema_types_fail(v, j, "this type needs a `name`");
	return lookup(v, ns, name, want, or_json_get(j, "name"));
}

static const struct pol_type *type_of(
    struct pol_resolver *v, struct or_slice ns, const struct or_json *j)
{
	struct or_slice type = or_json_get_str(j, "type");

	if (!type.p)
		return pol_schema_types_fail(v, j, "a type needs a string `type`");
	if (or_slice_is(type, "Record"))
		return record(v, ns, j);
	if (or_slice_is(type, "Set"))
		return set_of(v, ns, j);
	if (or_slice_is(type, "Entity"))
		return by_name(v, ns, j, WANT_ENTITY);
	if (or_slice_is(type, "EntityOrCommon"))
		return by_name(v, ns, j, WANT_ENTITY | WANT_COMMON);
	if (or_slice_is(type, "Extension"))
		return extension(v, j);
	if (or_slice_is(type, "Long") || or_slice_is(type, "String") ||
	    or_slice_is(type, "Boolean"))
		return builtin(type);
	return lookup(v, ns, type, WANT_COMMON, j);
}

const struct pol_type *pol_schema_types_of(
    struct pol_resolver *v, struct or_slice ns, const struct or_json *j)
{
	const struct pol_type *t;

	if (v->depth == DEPTH_MAX)
		return pol_schema_types_fail(v, j, "types nested deeper than %d", DEPTH_MAX);
	v->depth++;
	t = type_of(v, ns, j);
	v->depth--;
	return t;
}

const struct pol_type *pol_schema_types_record(
    struct pol_resolver *v, struct or_slice ns, const struct or_json *j)
{
	const struct pol_type *t = pol_schema_types_of(v, ns, j);

	if (t && t->kind != POL_TYPE_RECORD)
		return pol_schema_types_fail(v, j, "this must be a record");
	return t;
}
