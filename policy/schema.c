/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/schema.h"

#include "base/str.h"
#include "policy/schema_decl.h"

enum { NAMES_MAX = 1 << 20, KEY_MAX = 4096 };

struct or_slice pol_schema_join(struct or_arena *a, struct or_slice ns, struct or_slice name)
{
	uint8_t *p;

	if (ns.n == 0)
		return name;
	p = or_arena_alloc(a, ns.n + 2 + name.n + 1);
	if (!p)
		return OR_SLICE_NONE;
	memcpy(p, ns.p, ns.n);
	memcpy(p + ns.n, "::", 2);
	if (name.n)
		memcpy(p + ns.n + 2, name.p, name.n);
	return or_slice(p, ns.n + 2 + name.n);
}

struct or_slice pol_schema_action_key(struct or_arena *a, struct or_slice type, struct or_slice id)
{
	uint8_t *p = or_arena_alloc(a, type.n + 1 + id.n + 1);

	if (!p)
		return OR_SLICE_NONE;
	memcpy(p, type.p, type.n);
	if (id.n)
		memcpy(p + type.n + 1, id.p, id.n);
	return or_slice(p, type.n + 1 + id.n);
}

bool pol_schema_decl_add(struct pol_reader *r, enum pol_decl_kind kind, struct or_slice ns,
    struct or_slice name, const struct or_json *body)
{
	struct pol_decl *d = or_arena_alloc(r->schema->arena, sizeof(*d));

	if (d) {
		d->kind = kind;
		d->ns = ns;
		d->name = name;
		d->full = pol_schema_join(r->schema->arena, ns, name);
		d->body = body;
		or_buf_put(&r->decls, &d, sizeof(d));
	}
	if (!d || !d->full.p || !or_buf_ok(&r->decls)) {
		r->rc = r->rc ? r->rc : OR_FULL;
		return false;
	}
	return true;
}

size_t pol_schema_decl_count(const struct pol_reader *r)
{
	return r->decls.n / sizeof(struct pol_decl *);
}

struct pol_decl *pol_schema_decl_at(const struct pol_reader *r, size_t i)
{
	return ((struct pol_decl *const *)(const void *)r->decls.p)[i];
}

static struct pol_schema *schema_new(void)
{
	struct or_arena *a = or_arena_new(POL_SCHEMA_BUDGET);
	struct pol_schema *s = or_arena_alloc(a, sizeof(*s));

	OR_ASSERT(s);
	s->arena = a;
	or_map_init(&s->entities, NAMES_MAX);
	or_map_init(&s->actions, NAMES_MAX);
	return s;
}

void pol_schema_free(struct pol_schema *s)
{
	if (!s)
		return;
	or_map_done(&s->entities);
	or_map_done(&s->actions);
	/* The schema itself lies in it. */
	or_arena_free(s->arena);
}

static enum or_code read_all(struct pol_reader *r, bool json)
{
	enum or_code rc = OR_FULL;

	if (r->src.file && r->src.text.p)
		rc = json ? pol_schema_json_read(r) : pol_schema_text_read(r);
	return rc ? rc : pol_schema_resolve_all(r);
}

enum or_code pol_schema_decl_read(struct pol_schema **out, const char *name, struct or_slice text,
    bool json, enum or_code (*use)(struct pol_reader *r, void *arg), void *arg,
    struct pol_diags *diags, struct or_err *err)
{
	struct pol_schema *s = schema_new();
	struct pol_diags own;
	struct pol_reader r = {.schema = s,
	    .src = {or_arena_strdup(s->arena, or_slice_str(name)), or_arena_dup(s->arena, text), 0},
	    .diags = diags ? diags : &own};
	enum or_code rc;

	pol_diag_init(&own);
	or_buf_init(&r.decls, NAMES_MAX * sizeof(void *));
	rc = read_all(&r, json);
	if (rc == OR_OK && use)
		rc = use(&r, arg);
	if (rc == OR_FULL)
		or_err_set(err, rc, "%s: the schema needs more memory than its budget", name);
	else if (rc)
		pol_diag_err(err, r.diags, rc);
	or_buf_done(&r.decls);
	pol_diag_done(&own);
	if (rc == OR_OK && out)
		*out = s;
	else
		pol_schema_free(s);
	return rc;
}

enum or_code pol_schema_parse_text(struct pol_schema **out, const char *name, struct or_slice text,
    struct pol_diags *diags, struct or_err *err)
{
	return pol_schema_decl_read(out, name, text, false, NULL, NULL, diags, err);
}

enum or_code pol_schema_parse_json(struct pol_schema **out, const char *name, struct or_slice text,
    struct pol_diags *diags, struct or_err *err)
{
	return pol_schema_decl_read(out, name, text, true, NULL, NULL, diags, err);
}

const struct pol_entity_type *pol_schema_entity_find(
    const struct pol_schema *s, struct or_slice type)
{
	return or_map_find(&s->entities, type);
}

const struct pol_action *pol_schema_action_find(
    const struct pol_schema *s, const struct pol_uid *uid)
{
	uint8_t key[KEY_MAX];

	if (uid->type.n + uid->id.n + 1 > sizeof(key))
		return NULL;
	memcpy(key, uid->type.p, uid->type.n);
	key[uid->type.n] = 0;
	if (uid->id.n)
		memcpy(key + uid->type.n + 1, uid->id.p, uid->id.n);
	return or_map_find(&s->actions, or_slice(key, uid->type.n + 1 + uid->id.n));
}

const struct pol_attr *pol_schema_attr_of(const struct pol_type *record, struct or_slice attr)
{
	size_t low = 0, high = record->n_attrs;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = or_slice_cmp(record->attrs[mid].name, attr);

		if (c == 0)
			return &record->attrs[mid];
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

const struct pol_attr *pol_schema_attr_find(
    const struct pol_schema *s, struct or_slice type, struct or_slice attr)
{
	const struct pol_entity_type *t = pol_schema_entity_find(s, type);

	return t ? pol_schema_attr_of(t->shape, attr) : NULL;
}

size_t pol_schema_entity_count(const struct pol_schema *s)
{
	return s->entities.n_entries;
}

const struct pol_entity_type *pol_schema_entity_at(const struct pol_schema *s, size_t i)
{
	OR_ASSERT(i < s->entities.n_entries);
	return s->entities.entries[i].value;
}

size_t pol_schema_action_count(const struct pol_schema *s)
{
	return s->actions.n_entries;
}

const struct pol_action *pol_schema_action_at(const struct pol_schema *s, size_t i)
{
	OR_ASSERT(i < s->actions.n_entries);
	return s->actions.entries[i].value;
}

bool pol_schema_may_be_in(const struct pol_entity_type *t, struct or_slice in)
{
	if (or_slice_eq(t->name, in))
		return true;
	for (size_t i = 0; i < t->n_ancestors; i++) {
		if (or_slice_eq(t->ancestors[i]->name, in))
			return true;
	}
	return false;
}

bool pol_schema_is_action_type(struct or_slice type)
{
	return or_slice_is(type, "Action") || or_str_has_suffix(type, "::Action");
}

enum or_code pol_schema_put_actions(const struct pol_schema *s, struct pol_entities *es)
{
	enum or_code rc = OR_OK;

	for (size_t i = 0; rc == OR_OK && i < pol_schema_action_count(s); i++) {
		const struct pol_action *a = pol_schema_action_at(s, i);

		rc = pol_entities_add(es, &a->uid, NULL, NULL, a->parents, a->n_parents);
	}
	return rc;
}

static void print_record(struct or_buf *b, const struct pol_type *t)
{
	or_buf_put_byte(b, '{');
	for (size_t i = 0; i < t->n_attrs; i++) {
		if (i)
			or_buf_put_str(b, ", ");
		pol_uid_print_string(b, t->attrs[i].name);
		or_buf_put_str(b, t->attrs[i].required ? ": " : "?: ");
		pol_schema_type_print(b, t->attrs[i].type);
	}
	or_buf_put_byte(b, '}');
}

void pol_schema_type_print(struct or_buf *b, const struct pol_type *t)
{
	static const char *const names[] = {[POL_TYPE_BOOL] = "Bool",
	    [POL_TYPE_LONG] = "Long",
	    [POL_TYPE_STRING] = "String",
	    [POL_TYPE_IP] = "ipaddr",
	    [POL_TYPE_DECIMAL] = "decimal",
	    [POL_TYPE_DATETIME] = "datetime",
	    [POL_TYPE_DURATION] = "duration",
	    [POL_TYPE_TRUE] = "True",
	    [POL_TYPE_FALSE] = "False",
	    [POL_TYPE_NEVER] = "Never",
	    [POL_TYPE_ANY_ENTITY] = "entity"};

	if (t->kind == POL_TYPE_ENTITY) {
		or_buf_put_slice(b, t->entity);
	} else if (t->kind == POL_TYPE_ENTITIES) {
		for (size_t i = 0; i < t->n_names; i++) {
			or_buf_put_str(b, i ? " | " : "");
			or_buf_put_slice(b, t->names[i]);
		}
	} else if (t->kind == POL_TYPE_RECORD) {
		print_record(b, t);
	} else if (t->kind == POL_TYPE_SET) {
		or_buf_put_str(b, "Set<");
		if (t->elem)
			pol_schema_type_print(b, t->elem);
		or_buf_put_byte(b, '>');
	} else {
		or_buf_put_str(b, names[t->kind]);
	}
}
