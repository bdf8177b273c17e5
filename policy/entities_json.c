/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/entities_json.h"

#include "policy/conform.h"
#include "policy/ext.h"
#include "policy/lex.h"

struct reader {
	struct or_arena *arena;
	const struct pol_source *src;
	struct pol_diags *diags;
};

static enum or_code read_value(
    struct reader *r, const struct or_json *j, const struct pol_type *t, struct pol_value *out);

static enum or_code bad(struct reader *r, const struct or_json *j, const char *what)
{
	return pol_json_fail(
	    r->diags, r->src, j, "expected %s, found %s", what, or_json_type_name(j->type));
}

enum or_code pol_entities_json_uid(struct pol_uid *out, const struct pol_source *src,
    const struct or_json *j, struct pol_diags *diags)
{
	const struct or_json *inner = or_json_get(j, "__entity");
	struct or_slice type, id;

	if (!inner)
		inner = j;
	type = or_json_get_str(inner, "type");
	id = or_json_get_str(inner, "id");
	if (!type.p || !id.p)
		return pol_json_fail(
		    diags, src, j, "expected an entity: an object with `type` and `id`");
	if (!pol_lex_is_path(type))
		return pol_json_fail(
		    diags, src, j, "`%.*s` is not the name of an entity type", OR_SLICE_FMT(type));
	*out = pol_uid_make(type, id);
	return OR_OK;
}

static enum or_code read_entity(struct reader *r, const struct or_json *j, struct pol_value *out)
{
	struct pol_uid *uid = or_arena_alloc(r->arena, sizeof(*uid));
	enum or_code rc = uid ? pol_entities_json_uid(uid, r->src, j, r->diags) : OR_FULL;

	if (rc == OR_OK)
		*out = pol_value_entity(uid);
	return rc;
}

static enum or_code call(struct reader *r, const struct or_json *j, enum pol_ext_fn fn,
    const struct pol_value *args, size_t n, struct pol_value *out)
{
	const struct pol_ext_signature *sig = pol_ext_signature(fn);
	enum or_code rc;

	for (size_t i = 0; i < n; i++) {
		if (n != sig->n_args || args[i].kind != sig->args[i])
			return pol_json_fail(
			    r->diags, r->src, j, "the arguments do not fit `%s`", sig->name);
	}
	if (fn < POL_EXT_CONSTRUCTORS)
		rc = pol_ext_construct(out, fn, args[0].s, r->arena);
	else
		rc = pol_ext_call(out, fn, &args[0], n > 1 ? &args[1] : NULL);
	if (rc == OR_FULL && or_arena_is_full(r->arena))
		return rc;
	return rc ? pol_json_fail(r->diags, r->src, j, "this is not a valid %s",
			pol_value_kind_name(sig->result))
		  : OR_OK;
}

/* {fn, arg} or {fn, args} */
static enum or_code read_call(struct reader *r, const struct or_json *j, struct pol_value *out)
{
	const struct or_json *one = or_json_get(j, "arg");
	const struct or_json *many = or_json_get_type(j, "args", OR_JSON_ARRAY);
	enum pol_ext_fn fn = pol_ext_find(or_json_get_str(j, "fn"));
	struct pol_value args[2];
	size_t n = one ? 1 : many ? many->array.n : 0;

	if (fn == POL_EXT_FNS || n == 0 || n > OR_LEN(args))
		return pol_json_fail(r->diags, r->src, j,
		    "expected an extension value: an object with `fn` and `arg`");
	for (size_t i = 0; i < n; i++) {
		enum or_code rc = read_value(r, one ? one : many->array.items[i], NULL, &args[i]);

		if (rc)
			return rc;
	}
	return call(r, j, fn, args, n, out);
}

static enum or_code read_set(
    struct reader *r, const struct or_json *j, const struct pol_type *t, struct pol_value *out)
{
	struct pol_value *items = or_arena_array(r->arena, j->array.n, sizeof(*items));

	if (!items)
		return OR_FULL;
	for (size_t i = 0; i < j->array.n; i++) {
		enum or_code rc = read_value(r, j->array.items[i], t ? t->elem : NULL, &items[i]);

		if (rc)
			return rc;
	}
	return pol_value_set(out, r->arena, items, j->array.n);
}

/* t: a record's type, or NULL. */
static enum or_code read_record(struct reader *r, const struct or_json *j, const struct pol_type *t,
    const struct pol_record **out)
{
	struct pol_field *fields = or_arena_array(r->arena, j->object.n, sizeof(*fields));

	if (!fields)
		return OR_FULL;
	for (size_t i = 0; i < j->object.n; i++) {
		const struct or_json_member *m = &j->object.members[i];
		const struct pol_attr *a = t ? pol_schema_attr_of(t, m->key) : NULL;
		enum or_code rc;

		if (t && !a)
			return pol_json_fail(r->diags, r->src, m->value,
			    "the attribute `%.*s` is not declared", OR_SLICE_FMT(m->key));
		rc = read_value(r, m->value, a ? a->type : NULL, &fields[i].value);
		if (rc)
			return rc;
		fields[i].key = m->key;
	}
	return pol_value_record(out, r->arena, fields, j->object.n);
}

static enum or_code read_untyped(struct reader *r, const struct or_json *j, struct pol_value *out)
{
	enum or_code rc;

	switch (j->type) {
	case OR_JSON_BOOL: *out = pol_value_bool(j->b); return OR_OK;
	case OR_JSON_INT: *out = pol_value_long(j->i); return OR_OK;
	case OR_JSON_STR: *out = pol_value_string(j->s); return OR_OK;
	case OR_JSON_ARRAY: return read_set(r, j, NULL, out);
	case OR_JSON_OBJECT:
		if (or_json_get(j, "__entity"))
			return read_entity(r, j, out);
		if (or_json_get(j, "__extn"))
			return read_call(r, or_json_get(j, "__extn"), out);
		if (or_json_get(j, "__expr"))
			return pol_json_fail(
			    r->diags, r->src, j, "`__expr` is no longer supported");
		out->kind = POL_RECORD;
		rc = read_record(r, j, NULL, &out->rec);
		return rc;
	case OR_JSON_NULL:
	case OR_JSON_REAL: break;
	}
	return pol_json_fail(r->diags, r->src, j, "Cedar has no %s", or_json_type_name(j->type));
}

static enum pol_ext_fn constructor_of(enum pol_type_kind kind)
{
	switch ((int)kind) {
	case POL_TYPE_IP: return POL_EXT_IP;
	case POL_TYPE_DECIMAL: return POL_EXT_DECIMAL;
	case POL_TYPE_DATETIME: return POL_EXT_DATETIME;
	case POL_TYPE_DURATION: return POL_EXT_DURATION;
	default: return POL_EXT_FNS;
	}
}

static enum or_code read_typed(
    struct reader *r, const struct or_json *j, const struct pol_type *t, struct pol_value *out)
{
	enum pol_ext_fn fn = constructor_of(t->kind);

	if (t->kind == POL_TYPE_ENTITY)
		return read_entity(r, j, out);
	if (t->kind == POL_TYPE_SET)
		return j->type == OR_JSON_ARRAY ? read_set(r, j, t, out) : bad(r, j, "a list");
	if (t->kind == POL_TYPE_RECORD && j->type == OR_JSON_OBJECT) {
		out->kind = POL_RECORD;
		return read_record(r, j, t, &out->rec);
	}
	if (fn != POL_EXT_FNS && j->type == OR_JSON_STR) {
		struct pol_value arg = pol_value_string(j->s);

		return call(r, j, fn, &arg, 1, out);
	}
	if (fn != POL_EXT_FNS && or_json_get(j, "fn"))
		return read_call(r, j, out);
	return read_untyped(r, j, out);
}

static enum or_code read_value(
    struct reader *r, const struct or_json *j, const struct pol_type *t, struct pol_value *out)
{
	return t ? read_typed(r, j, t, out) : read_untyped(r, j, out);
}

static enum or_code read_tags(struct reader *r, const struct or_json *j,
    const struct pol_entity_type *t, const struct pol_record **out)
{
	struct pol_field *fields = or_arena_array(r->arena, j->object.n, sizeof(*fields));
	enum or_code rc = fields ? OR_OK : OR_FULL;

	for (size_t i = 0; rc == OR_OK && i < j->object.n; i++) {
		fields[i].key = j->object.members[i].key;
		rc =
		    read_value(r, j->object.members[i].value, t ? t->tags : NULL, &fields[i].value);
	}
	return rc ? rc : pol_value_record(out, r->arena, fields, j->object.n);
}

static enum or_code read_parents(struct reader *r, const struct or_json *j, struct pol_entity *e)
{
	const struct pol_uid **list = or_arena_array(r->arena, j->array.n, sizeof(*list));

	if (!list)
		return OR_FULL;
	for (size_t i = 0; i < j->array.n; i++) {
		struct pol_value v;
		enum or_code rc = read_entity(r, j->array.items[i], &v);

		if (rc)
			return rc;
		list[i] = v.e;
	}
	e->parents = list;
	e->n_parents = j->array.n;
	return OR_OK;
}

static enum or_code check_keys(struct reader *r, const struct or_json *j)
{
	static const char *const keys[] = {"uid", "attrs", "parents", "tags"};

	if (j->type != OR_JSON_OBJECT)
		return bad(r, j, "an entity");
	for (size_t i = 0; i < j->object.n; i++) {
		bool known = false;

		for (size_t k = 0; k < OR_LEN(keys); k++)
			known |= or_slice_is(j->object.members[i].key, keys[k]);
		if (!known)
			return pol_json_fail(r->diags, r->src, j->object.members[i].value,
			    "`%.*s` is not a part of an entity",
			    OR_SLICE_FMT(j->object.members[i].key));
	}
	if (!or_json_get(j, "uid"))
		return pol_json_fail(r->diags, r->src, j, "an entity needs a `uid`");
	if (!or_json_get_type(j, "attrs", OR_JSON_OBJECT))
		return pol_json_fail(r->diags, r->src, j, "an entity needs an object `attrs`");
	if (!or_json_get_type(j, "parents", OR_JSON_ARRAY))
		return pol_json_fail(r->diags, r->src, j, "an entity needs a list `parents`");
	if (or_json_get(j, "tags") && !or_json_get_type(j, "tags", OR_JSON_OBJECT))
		return pol_json_fail(r->diags, r->src, j, "`tags` must be an object");
	return OR_OK;
}

static enum or_code read_one(struct reader *r, const struct or_json *j,
    const struct pol_schema *schema, struct pol_entity *e)
{
	static const struct pol_record none;
	const struct or_json *tags = or_json_get(j, "tags");
	const struct pol_entity_type *t;
	enum or_code rc = check_keys(r, j);

	if (rc == OR_OK)
		rc = pol_entities_json_uid(&e->uid, r->src, or_json_get(j, "uid"), r->diags);
	if (rc)
		return rc;
	t = schema ? pol_schema_entity_find(schema, e->uid.type) : NULL;
	e->tags = &none;
	rc = read_record(r, or_json_get(j, "attrs"), t ? t->shape : NULL, &e->attrs);
	if (rc == OR_OK && tags)
		rc = read_tags(r, tags, t, &e->tags);
	return rc ? rc : read_parents(r, or_json_get(j, "parents"), e);
}

enum or_code pol_entities_json_one(struct pol_entity *out, struct or_arena *a,
    const struct pol_source *src, const struct or_json *j, const struct pol_schema *schema,
    struct pol_diags *diags)
{
	struct reader r = {a, src, diags};
	struct pol_entity e = {0};
	struct or_err err;
	enum or_code rc = read_one(&r, j, schema, &e);

	if (rc == OR_OK && schema && pol_conform_entity(schema, &e, &err))
		rc = pol_json_fail(diags, src, j, "%s", err.msg);
	if (rc == OR_OK)
		*out = e;
	return rc;
}

static enum or_code add_all(struct pol_entities *es, const struct pol_source *src,
    const struct or_json *j, const struct pol_schema *schema, struct pol_diags *diags)
{
	struct or_arena *a = or_arena_new(POL_ENTITIES_BUDGET);
	enum or_code rc = OR_OK;

	for (size_t i = 0; rc == OR_OK && i < j->array.n; i++) {
		struct pol_uid *parents;
		struct pol_entity e;

		or_arena_clear(a);
		rc = pol_entities_json_one(&e, a, src, j->array.items[i], schema, diags);
		/* The schema's actions are added whole, below. */
		if (rc || (schema && pol_schema_is_action_type(e.uid.type)))
			continue;
		parents = or_arena_array(a, e.n_parents, sizeof(*parents));
		for (size_t k = 0; parents && k < e.n_parents; k++)
			parents[k] = *e.parents[k];
		rc = parents ? pol_entities_add(es, &e.uid, e.attrs, e.tags, parents, e.n_parents)
			     : OR_FULL;
	}
	or_arena_free(a);
	return rc ? rc : schema ? pol_schema_put_actions(schema, es) : OR_OK;
}

enum or_code pol_entities_json_read(struct pol_entities **out, const struct pol_source *src,
    const struct or_json *j, const struct pol_schema *schema, struct pol_diags *diags,
    struct or_err *err)
{
	struct pol_entities *es;
	struct pol_diags own;
	enum or_code rc;

	pol_diag_init(&own);
	if (!diags)
		diags = &own;
	es = pol_entities_new(0);
	if (j->type != OR_JSON_ARRAY)
		rc = pol_json_fail(diags, src, j, "expected a list of entities");
	else
		rc = add_all(es, src, j, schema, diags);
	if (rc == OR_PARSE)
		pol_diag_err(err, diags, rc);
	else if (rc)
		or_err_set(err, rc, "the entities need more memory than their budget");
	else
		rc = pol_entities_seal(es, err);
	pol_diag_done(&own);
	if (rc)
		pol_entities_free(es);
	else
		*out = es;
	return rc;
}

enum or_code pol_entities_json_parse(struct pol_entities **out, const char *name,
    struct or_slice text, const struct pol_schema *schema, struct pol_diags *diags,
    struct or_err *err)
{
	struct or_arena *a = or_arena_new(POL_ENTITIES_BUDGET);
	struct pol_source src = {name, text, 0};
	const struct or_json *j;
	struct pol_diags own;
	enum or_code rc;

	pol_diag_init(&own);
	if (!diags)
		diags = &own;
	rc = pol_json_parse(&j, &src, a, diags);
	if (rc == OR_PARSE)
		pol_diag_err(err, diags, rc);
	else if (rc)
		or_err_set(err, rc, "the entities need more memory than their budget");
	else
		rc = pol_entities_json_read(out, &src, j, schema, diags, err);
	pol_diag_done(&own);
	or_arena_free(a);
	return rc;
}

enum or_code pol_entities_json_context(const struct pol_record **out, struct or_arena *a,
    const struct pol_source *src, const struct or_json *j, const struct pol_schema *schema,
    const struct pol_uid *action, struct pol_diags *diags)
{
	struct reader r = {a, src, diags};
	const struct pol_action *act =
	    schema && action ? pol_schema_action_find(schema, action) : NULL;
	const struct pol_type *t = act ? act->context : NULL;
	struct pol_value v = {.kind = POL_RECORD};
	struct or_err err;
	enum or_code rc;

	if (schema && action && !act)
		return pol_json_fail(diags, src, j, "the action of this context is not declared");
	if (j->type != OR_JSON_OBJECT)
		return bad(&r, j, "a context");
	rc = read_record(&r, j, t, &v.rec);
	if (rc == OR_OK && t && pol_conform_value(schema, t, &v, &err))
		rc = pol_json_fail(diags, src, j, "%s", err.msg);
	if (rc == OR_OK)
		*out = v.rec;
	return rc;
}
