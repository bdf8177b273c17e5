/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From declarations to the model: names are looked up, groups are closed.
 */
#include "policy/lex.h"
#include "policy/schema_types.h"

enum { NAMES_MAX = 1 << 20 };

static void put_once(struct pol_resolver *v, struct or_map *m, struct or_slice key,
    struct pol_decl *d, const char *what)
{
	enum or_code rc = key.p ? or_map_put(m, key, d) : OR_FULL;

	if (rc == OR_EXISTS)
		pol_schema_types_fail(
		    v, d->body, "the %s `%.*s` is declared twice", what, OR_SLICE_FMT(d->name));
	else if (rc)
		pol_schema_types_full(v);
}

static void check_name(struct pol_resolver *v, const struct pol_decl *d)
{
	static const char *const reserved[] = {
	    "Bool", "Boolean", "Entity", "Extension", "Long", "Record", "Set", "String"};

	if (d->ns.n && !pol_lex_is_path(d->ns))
		pol_schema_types_fail(
		    v, d->body, "`%.*s` cannot be a namespace", OR_SLICE_FMT(d->ns));
	if (d->kind == POL_DECL_ACTION || d->kind == POL_DECL_NAMESPACE)
		return;
	if (!pol_lex_is_ident(d->name) ||
	    (d->kind == POL_DECL_ENTITY && or_slice_is(d->name, "Action")))
		pol_schema_types_fail(
		    v, d->body, "`%.*s` cannot be the name of a type", OR_SLICE_FMT(d->name));
	for (size_t i = 0; d->kind == POL_DECL_COMMON && i < OR_LEN(reserved); i++) {
		if (or_slice_is(d->name, reserved[i]))
			pol_schema_types_fail(
			    v, d->body, "`%s` is a type of the language", reserved[i]);
	}
}

static struct or_slice action_type(struct pol_resolver *v, const struct pol_decl *d)
{
	return pol_schema_join(v->arena, d->ns, OR_SLICE_LIT("Action"));
}

static void index_decl(struct pol_resolver *v, struct pol_decl *d)
{
	struct or_slice type;
	enum or_code rc;

	check_name(v, d);
	if (d->kind == POL_DECL_NAMESPACE)
		return;
	if (d->kind == POL_DECL_ENTITY) {
		put_once(v, &v->entities, d->full, d, "entity type");
	} else if (d->kind == POL_DECL_COMMON) {
		put_once(v, &v->commons, d->full, d, "type");
	} else {
		type = action_type(v, d);
		put_once(v, &v->actions,
		    type.p ? pol_schema_action_key(v->arena, type, d->name) : type, d, "action");
		rc = type.p ? or_map_put(&v->action_types, type, d) : OR_FULL;
		if (rc && rc != OR_EXISTS)
			pol_schema_types_full(v);
	}
}

/* Cedar RFC 70: what a namespace declares must not hide what is declared outside of any. */
static void check_shadowing(struct pol_resolver *v, const struct pol_decl *d)
{
	struct or_slice key;

	if (d->ns.n == 0 || d->kind == POL_DECL_NAMESPACE)
		return;
	if (d->kind == POL_DECL_ACTION) {
		key = pol_schema_action_key(v->arena, OR_SLICE_LIT("Action"), d->name);
		if (!key.p)
			pol_schema_types_full(v);
		else if (or_map_find(&v->actions, key))
			pol_schema_types_fail(v, d->body,
			    "the action `%.*s` hides one outside of "
			    "this namespace",
			    OR_SLICE_FMT(d->name));
	} else if (or_map_find(&v->entities, d->name) || or_map_find(&v->commons, d->name)) {
		pol_schema_types_fail(v, d->body,
		    "the type `%.*s` hides one outside of this namespace", OR_SLICE_FMT(d->name));
	}
}

/* An array of strings; n stays 0 where the key is absent. False after an error. */
static bool strings(struct pol_resolver *v, const struct or_json *body, const char *key,
    const struct or_json ***items, size_t *n)
{
	const struct or_json *j = or_json_get(body, key);

	*n = 0;
	if (!j)
		return true;
	if (j->type != OR_JSON_ARRAY) {
		pol_schema_types_fail(v, j, "`%s` must be a list", key);
		return false;
	}
	for (size_t i = 0; i < j->array.n; i++) {
		if (j->array.items[i]->type != OR_JSON_STR) {
			pol_schema_types_fail(v, j->array.items[i], "`%s` holds strings", key);
			return false;
		}
	}
	*items = j->array.items;
	*n = j->array.n;
	return true;
}

/* The names as full names of entity types. */
static const struct or_slice *entity_names(struct pol_resolver *v, const struct pol_decl *d,
    const struct or_json *body, const char *key, size_t *n)
{
	const struct or_json **items = NULL;
	struct or_slice *names;

	if (!strings(v, body, key, &items, n))
		return NULL;
	names = or_arena_array(v->arena, *n, sizeof(*names));
	if (!names)
		return pol_schema_types_full(v);
	for (size_t i = 0; i < *n; i++) {
		if (!pol_schema_types_entity(v, d->ns, items[i]->s, items[i], &names[i]))
			return NULL;
	}
	return names;
}

static void make_enum(struct pol_resolver *v, const struct pol_decl *d, struct pol_entity_type *t)
{
	const struct or_json **items = NULL;
	struct or_slice *ids;

	if (!strings(v, d->body, "enum", &items, &t->n_ids))
		return;
	if (t->n_ids == 0) {
		pol_schema_types_fail(v, d->body, "an enumeration needs at least one id");
		return;
	}
	ids = or_arena_array(v->arena, t->n_ids, sizeof(*ids));
	if (!ids) {
		pol_schema_types_full(v);
		return;
	}
	for (size_t i = 0; i < t->n_ids; i++)
		ids[i] = items[i]->s;
	t->ids = ids;
}

static void make_entity(struct pol_resolver *v, struct pol_decl *d)
{
	struct pol_entity_type *t = d->entity;
	const struct or_json *shape = or_json_get(d->body, "shape");
	const struct or_json *tags = or_json_get(d->body, "tags");

	t->name = d->full;
	t->shape = shape ? pol_schema_types_record(v, d->ns, shape) : &pol_schema_types_no_attrs;
	if (tags)
		t->tags = pol_schema_types_of(v, d->ns, tags);
	if (or_json_get(d->body, "enum"))
		make_enum(v, d, t);
	if (v->r->rc == OR_OK && or_map_put(&v->r->schema->entities, t->name, t))
		pol_schema_types_full(v);
}

static void link_parents(struct pol_resolver *v, struct pol_decl *d)
{
	struct pol_entity_type *t = d->entity;
	size_t n = 0;
	const struct or_slice *names = entity_names(v, d, d->body, "memberOfTypes", &n);
	const struct pol_entity_type **parents = or_arena_array(v->arena, n, sizeof(*parents));

	if (!names)
		return;
	if (!parents) {
		pol_schema_types_full(v);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		parents[i] = pol_schema_entity_find(v->r->schema, names[i]);
		if (!parents[i]) {
			pol_schema_types_fail(v, d->body, "an entity cannot be in an action");
			return;
		}
	}
	t->parents = parents;
	t->n_parents = n;
}

/* Everything that can be reached from t over parents; a type may reach itself. */
static void close_entity(struct pol_resolver *v, struct pol_entity_type *t)
{
	size_t max = pol_schema_entity_count(v->r->schema), n = 0;
	const struct pol_entity_type **list, *at = t;
	struct or_map seen;

	if (t->n_parents == 0)
		return;
	or_map_init(&seen, NAMES_MAX);
	for (size_t next = 0; at; at = next < n ? seen.entries[next++].value : NULL) {
		for (size_t i = 0; i < at->n_parents && n < max; i++) {
			struct pol_entity_type *p =
			    (struct pol_entity_type *)(uintptr_t)at->parents[i];

			n += or_map_put(&seen, p->name, p) == OR_OK;
		}
	}
	list = or_arena_array(v->arena, n, sizeof(*list));
	for (size_t i = 0; list && i < n; i++)
		list[i] = seen.entries[i].value;
	or_map_done(&seen);
	if (!list) {
		pol_schema_types_full(v);
		return;
	}
	t->ancestors = list;
	t->n_ancestors = n;
}

static void make_applies(struct pol_resolver *v, const struct pol_decl *d, struct pol_action *a)
{
	const struct or_json *applies = or_json_get(d->body, "appliesTo"), *context;

	a->context = &pol_schema_types_no_attrs;
	if (!applies || applies->type == OR_JSON_NULL)
		return;
	if (applies->type != OR_JSON_OBJECT) {
		pol_schema_types_fail(v, applies, "`appliesTo` must be an object");
		return;
	}
	a->principals = entity_names(v, d, applies, "principalTypes", &a->n_principals);
	a->resources = entity_names(v, d, applies, "resourceTypes", &a->n_resources);
	context = or_json_get(applies, "context");
	if (context)
		a->context = pol_schema_types_record(v, d->ns, context);
}

static void make_action(struct pol_resolver *v, struct pol_decl *d)
{
	struct pol_action *a = or_arena_alloc(v->arena, sizeof(*a));
	struct or_slice type = action_type(v, d), key;

	if (!a || !type.p) {
		pol_schema_types_full(v);
		return;
	}
	d->action = a;
	a->uid = pol_uid_make(type, d->name);
	make_applies(v, d, a);
	key = pol_schema_action_key(v->arena, type, d->name);
	if (!key.p || or_map_put(&v->r->schema->actions, key, a))
		pol_schema_types_full(v);
}

/* The action that a group's entry means: of its own namespace first. */
static const struct pol_action *find_group(
    struct pol_resolver *v, const struct pol_decl *d, const struct or_json *j)
{
	struct or_slice id = or_json_get_str(j, "id"), type = or_json_get_str(j, "type");
	struct or_slice named = type.p ? type : OR_SLICE_LIT("Action");
	bool qualified = or_slice_cmp(named, OR_SLICE_LIT("Action")) != 0;
	struct pol_uid uid;
	const struct pol_action *a;

	if (!id.p)
		return pol_schema_types_fail(v, j, "a group needs an `id`");
	if (!qualified && d->ns.n) {
		uid = pol_uid_make(action_type(v, d), id);
		a = uid.type.p ? pol_schema_action_find(v->r->schema, &uid) : NULL;
		if (a)
			return a;
	}
	uid = pol_uid_make(named, id);
	a = pol_schema_action_find(v->r->schema, &uid);
	if (!a)
		pol_schema_types_fail(v, j, "there is no action `%.*s`", OR_SLICE_FMT(id));
	return a;
}

static void link_groups(struct pol_resolver *v, struct pol_decl *d)
{
	const struct or_json *j = or_json_get(d->body, "memberOf");
	size_t n = j && j->type == OR_JSON_ARRAY ? j->array.n : 0;
	struct pol_uid *parents = or_arena_array(v->arena, n, sizeof(*parents));

	if (j && j->type != OR_JSON_ARRAY && j->type != OR_JSON_NULL)
		pol_schema_types_fail(v, j, "`memberOf` must be a list");
	if (!parents) {
		pol_schema_types_full(v);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const struct pol_action *a = find_group(v, d, j->array.items[i]);

		if (!a)
			return;
		parents[i] = a->uid;
	}
	d->action->parents = parents;
	d->action->n_parents = n;
}

/* Everything that can be reached from the action; itself is an error. */
static void close_action(struct pol_resolver *v, struct pol_decl *d)
{
	struct pol_action *a = d->action;
	const struct pol_action *at = a;
	const struct pol_uid **list;
	struct or_map seen;
	size_t n = 0;

	or_map_init(&seen, NAMES_MAX);
	for (size_t next = 0; at; at = next < n ? seen.entries[next++].value : NULL) {
		for (size_t i = 0; i < at->n_parents; i++) {
			const struct pol_action *p =
			    pol_schema_action_find(v->r->schema, &at->parents[i]);
			struct or_slice key =
			    pol_schema_action_key(v->arena, p->uid.type, p->uid.id);

			n += key.p && or_map_put(&seen, key, (void *)(uintptr_t)p) == OR_OK;
		}
	}
	list = or_arena_array(v->arena, n, sizeof(*list));
	for (size_t i = 0; list && i < n; i++) {
		const struct pol_action *p = seen.entries[i].value;

		list[i] = &p->uid;
		if (p == a)
			pol_schema_types_fail(
			    v, d->body, "the action `%.*s` contains itself", OR_SLICE_FMT(d->name));
	}
	or_map_done(&seen);
	if (!list) {
		pol_schema_types_full(v);
		return;
	}
	a->ancestors = list;
	a->n_ancestors = pol_entities_sort(list, n);
}

static void for_each(struct pol_resolver *v, enum pol_decl_kind kind,
    void (*fn)(struct pol_resolver *, struct pol_decl *))
{
	for (size_t i = 0; v->r->rc != OR_FULL && i < pol_schema_decl_count(v->r); i++) {
		if (pol_schema_decl_at(v->r, i)->kind == kind)
			fn(v, pol_schema_decl_at(v->r, i));
	}
}

static void alloc_entity(struct pol_resolver *v, struct pol_decl *d)
{
	d->entity = or_arena_alloc(v->arena, sizeof(*d->entity));
	if (!d->entity)
		pol_schema_types_full(v);
}

static void close_entity_decl(struct pol_resolver *v, struct pol_decl *d)
{
	close_entity(v, d->entity);
}

static void check_common(struct pol_resolver *v, struct pol_decl *d)
{
	/* Also those that nothing uses must be right. */
	if (!d->type)
		d->type = pol_schema_types_of(v, d->ns, d->body);
}

static void resolve(struct pol_resolver *v)
{
	for (size_t i = 0; i < pol_schema_decl_count(v->r) && v->r->rc != OR_FULL; i++)
		index_decl(v, pol_schema_decl_at(v->r, i));
	for (size_t i = 0; i < pol_schema_decl_count(v->r) && v->r->rc == OR_OK; i++)
		check_shadowing(v, pol_schema_decl_at(v->r, i));
	if (v->r->rc)
		return;
	for_each(v, POL_DECL_COMMON, check_common);
	for_each(v, POL_DECL_ENTITY, alloc_entity);
	for_each(v, POL_DECL_ENTITY, make_entity);
	for_each(v, POL_DECL_ACTION, make_action);
	if (v->r->rc)
		return;
	for_each(v, POL_DECL_ENTITY, link_parents);
	for_each(v, POL_DECL_ACTION, link_groups);
	if (v->r->rc)
		return;
	for_each(v, POL_DECL_ENTITY, close_entity_decl);
	for_each(v, POL_DECL_ACTION, close_action);
}

enum or_code pol_schema_resolve_all(struct pol_reader *r)
{
	struct pol_resolver v = {.r = r, .arena = r->schema->arena};

	or_map_init(&v.entities, NAMES_MAX);
	or_map_init(&v.commons, NAMES_MAX);
	or_map_init(&v.actions, NAMES_MAX);
	or_map_init(&v.action_types, NAMES_MAX);
	resolve(&v);
	or_map_done(&v.entities);
	or_map_done(&v.commons);
	or_map_done(&v.actions);
	or_map_done(&v.action_types);
	return r->rc;
}
