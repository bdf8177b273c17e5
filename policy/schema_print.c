/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Declarations as Cedar's schema text, in the style of Cedar's own printer.
 */
#include "base/map.h"
#include "policy/lex.h"
#include "policy/schema_decl.h"
#include "policy/uid.h"

enum { NAMES_MAX = 1 << 20, INDENT = 2 };

struct printer {
	struct or_buf *b;
	struct pol_reader *r;
	struct or_slice ns;
	int depth;               /* of the line that is being written */
	struct or_map types;     /* full name → decl: common types */
	struct or_map basenames; /* of all types: those hide the language's own */
	enum or_code rc;
};

static void put(struct printer *p, const char *text)
{
	or_buf_put_str(p->b, text);
}

static void put_line(struct printer *p)
{
	or_buf_put_byte(p->b, '\n');
	for (int i = 0; i < p->depth * INDENT; i++)
		or_buf_put_byte(p->b, ' ');
}

static void unsupported(struct printer *p, const struct or_json *at, const char *why)
{
	if (p->rc == OR_OK) {
		pol_json_fail(
		    p->r->diags, &p->r->src, at, "the text form has no words for %s", why);
		p->rc = OR_UNSUPPORTED;
	}
}

static bool is_common(struct printer *p, struct or_slice name)
{
	struct or_slice full = pol_schema_join(p->r->schema->arena, p->ns, name);

	return (full.p && or_map_find(&p->types, full)) || or_map_find(&p->types, name);
}

/* A type of the language, told apart from declared ones where one has its name. */
static void put_builtin(struct printer *p, struct or_slice name)
{
	if (or_map_find(&p->basenames, name))
		put(p, "__cedar::");
	or_buf_put_slice(p->b, name);
}

static void put_annotations(struct printer *p, const struct or_json *j)
{
	for (size_t i = 0; j && j->type == OR_JSON_OBJECT && i < j->object.n; i++) {
		const struct or_json_member *m = &j->object.members[i];

		put(p, "@");
		or_buf_put_slice(p->b, m->key);
		if (m->value->type == OR_JSON_STR && m->value->s.n) {
			put(p, "(");
			pol_uid_print_string(p->b, m->value->s);
			put(p, ")");
		}
		put_line(p);
	}
}

static void put_type(struct printer *p, const struct or_json *j);

static void put_attribute(struct printer *p, const struct or_json_member *m)
{
	const struct or_json *required = or_json_get_type(m->value, "required", OR_JSON_BOOL);

	put_line(p);
	put_annotations(p, or_json_get(m->value, "annotations"));
	if (pol_lex_is_ident(m->key))
		or_buf_put_slice(p->b, m->key);
	else
		pol_uid_print_string(p->b, m->key);
	put(p, required && !required->b ? "?: " : ": ");
	put_type(p, m->value);
}

static void put_record(struct printer *p, const struct or_json *j)
{
	const struct or_json *attributes = or_json_get_type(j, "attributes", OR_JSON_OBJECT);
	size_t n = attributes ? attributes->object.n : 0;

	put(p, "{");
	p->depth++;
	for (size_t i = 0; i < n; i++) {
		put_attribute(p, &attributes->object.members[i]);
		put(p, i + 1 < n ? "," : "");
	}
	p->depth--;
	if (n)
		put_line(p);
	put(p, "}");
}

static void put_type(struct printer *p, const struct or_json *j)
{
	struct or_slice type = or_json_get_str(j, "type"), name = or_json_get_str(j, "name");

	if (or_slice_is(type, "Record")) {
		put_record(p, j);
	} else if (or_slice_is(type, "Set")) {
		put(p, "Set<");
		put_type(p, or_json_get(j, "element"));
		put(p, ">");
	} else if (or_slice_is(type, "Entity")) {
		if (is_common(p, name))
			unsupported(p, j, "an entity type that has the name of a common type");
		or_buf_put_slice(p->b, name);
	} else if (or_slice_is(type, "EntityOrCommon")) {
		or_buf_put_slice(p->b, name);
	} else if (or_slice_is(type, "Extension")) {
		put_builtin(p, name);
	} else if (or_slice_is(type, "Boolean")) {
		put_builtin(p, OR_SLICE_LIT("Bool"));
	} else if (is_common(p, type)) {
		or_buf_put_slice(p->b, type);
	} else {
		put_builtin(p, type);
	}
}

/* [a, b] of strings */
static void put_names(struct printer *p, const struct or_json *list, bool quoted)
{
	put(p, "[");
	for (size_t i = 0; i < list->array.n; i++) {
		put(p, i ? ", " : "");
		if (quoted)
			pol_uid_print_string(p->b, list->array.items[i]->s);
		else
			or_buf_put_slice(p->b, list->array.items[i]->s);
	}
	put(p, "]");
}

/* The member where it is a list with something in it. */
static const struct or_json *some(const struct or_json *j, const char *key)
{
	const struct or_json *list = or_json_get_type(j, key, OR_JSON_ARRAY);

	return list && list->array.n ? list : NULL;
}

static void put_shape(struct printer *p, const struct or_json *j)
{
	const struct or_json *attributes = or_json_get_type(j, "attributes", OR_JSON_OBJECT);

	if (!or_slice_is(or_json_get_str(j, "type"), "Record"))
		unsupported(p, j, "an entity whose shape is a common type");
	else if (attributes && attributes->object.n) {
		put(p, " = ");
		put_record(p, j);
	}
}

static void put_entity(struct printer *p, const struct pol_decl *d)
{
	const struct or_json *in = some(d->body, "memberOfTypes");
	const struct or_json *shape = or_json_get(d->body, "shape");
	const struct or_json *tags = or_json_get(d->body, "tags");

	put(p, "entity ");
	or_buf_put_slice(p->b, d->name);
	if (some(d->body, "enum")) {
		put(p, " enum ");
		put_names(p, some(d->body, "enum"), true);
		return;
	}
	if (in) {
		put(p, " in ");
		put_names(p, in, false);
	}
	if (shape)
		put_shape(p, shape);
	if (tags) {
		put(p, " tags ");
		put_type(p, tags);
	}
}

static void put_groups(struct printer *p, const struct or_json *list)
{
	put(p, " in [");
	for (size_t i = 0; i < list->array.n; i++) {
		struct or_slice type = or_json_get_str(list->array.items[i], "type");

		put(p, i ? ", " : "");
		if (type.p) {
			or_buf_put_slice(p->b, type);
			put(p, "::");
		}
		pol_uid_print_string(p->b, or_json_get_str(list->array.items[i], "id"));
	}
	put(p, "]");
}

/* An action that lacks principals or resources applies to nothing, which is said by silence. */
static void put_applies(struct printer *p, const struct or_json *j)
{
	const struct or_json *principals = some(j, "principalTypes");
	const struct or_json *resources = some(j, "resourceTypes");
	const struct or_json *context = or_json_get(j, "context");

	if (!principals || !resources)
		return;
	put(p, " appliesTo {");
	p->depth++;
	put_line(p);
	put(p, "principal: ");
	put_names(p, principals, false);
	put(p, ",");
	put_line(p);
	put(p, "resource: ");
	put_names(p, resources, false);
	put(p, ",");
	put_line(p);
	put(p, "context: ");
	if (context)
		put_type(p, context);
	else
		put(p, "{}");
	p->depth--;
	put_line(p);
	put(p, "}");
}

static void put_action(struct printer *p, const struct pol_decl *d)
{
	put(p, "action ");
	pol_uid_print_string(p->b, d->name);
	if (some(d->body, "memberOf"))
		put_groups(p, some(d->body, "memberOf"));
	put_applies(p, or_json_get_type(d->body, "appliesTo", OR_JSON_OBJECT));
}

static void put_decl(struct printer *p, const struct pol_decl *d)
{
	put_annotations(p, or_json_get(d->body, "annotations"));
	if (d->kind == POL_DECL_ENTITY) {
		put_entity(p, d);
	} else if (d->kind == POL_DECL_ACTION) {
		put_action(p, d);
	} else {
		put(p, "type ");
		or_buf_put_slice(p->b, d->name);
		put(p, " = ");
		put_type(p, d->body);
	}
	put(p, ";");
}

/* The declarations of a namespace: common types, entities, actions, a blank line between them. */
static void put_namespace(struct printer *p, struct or_slice ns)
{
	static const enum pol_decl_kind order[] = {
	    POL_DECL_COMMON, POL_DECL_ENTITY, POL_DECL_ACTION};
	bool first = true;

	p->ns = ns;
	for (size_t k = 0; k < OR_LEN(order); k++) {
		for (size_t i = 0; i < pol_schema_decl_count(p->r); i++) {
			const struct pol_decl *d = pol_schema_decl_at(p->r, i);

			if (d->kind != order[k] || !or_slice_eq(d->ns, ns))
				continue;
			if (!first)
				put(p, "\n");
			for (int n = 0; n < p->depth * INDENT; n++)
				put(p, " ");
			put_decl(p, d);
			put(p, "\n");
			first = false;
		}
	}
}

static void put_all(struct printer *p)
{
	size_t from = p->b->n;

	put_namespace(p, OR_SLICE_LIT(""));
	for (size_t i = 0; i < pol_schema_decl_count(p->r); i++) {
		const struct pol_decl *d = pol_schema_decl_at(p->r, i);

		if (d->kind != POL_DECL_NAMESPACE || d->ns.n == 0)
			continue;
		put(p, p->b->n > from ? "\n" : "");
		put_annotations(p, d->body);
		put(p, "namespace ");
		or_buf_put_slice(p->b, d->ns);
		put(p, " {\n");
		p->depth++;
		put_namespace(p, d->ns);
		p->depth--;
		put(p, "}\n");
	}
}

static void index_decls(struct printer *p)
{
	for (size_t i = 0; i < pol_schema_decl_count(p->r); i++) {
		struct pol_decl *d = pol_schema_decl_at(p->r, i);

		if (d->kind != POL_DECL_COMMON && d->kind != POL_DECL_ENTITY)
			continue;
		if ((d->kind == POL_DECL_COMMON && or_map_put(&p->types, d->full, d) == OR_FULL) ||
		    or_map_put(&p->basenames, d->name, d) == OR_FULL)
			p->rc = OR_FULL;
	}
}

enum or_code pol_schema_print_decls(struct or_buf *b, struct pol_reader *r)
{
	struct printer p = {.b = b, .r = r};
	size_t from = b->n;

	or_map_init(&p.types, NAMES_MAX);
	or_map_init(&p.basenames, NAMES_MAX);
	index_decls(&p);
	if (p.rc == OR_OK)
		put_all(&p);
	or_map_done(&p.types);
	or_map_done(&p.basenames);
	if (p.rc == OR_OK && !or_buf_ok(b))
		p.rc = OR_FULL;
	if (p.rc)
		or_buf_cut(b, from);
	return p.rc;
}
