/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON form of a schema, read into declarations. Keys that are not known are errors.
 */
#include "policy/schema_decl.h"

/* Each record in a record takes three. */
enum { DEPTH_MAX = 640 };

static bool is_object(struct pol_reader *r, const struct or_json *j, const char *what)
{
	if (j->type == OR_JSON_OBJECT)
		return true;
	r->rc = pol_json_fail(r->diags, &r->src, j, "%s must be an object", what);
	return false;
}

/* The object's keys are among those; the lists end in NULL. */
static bool check_keys(struct pol_reader *r, const struct or_json *j, const char *what,
    const char *const *keys, const char *const *more)
{
	for (size_t i = 0; i < j->object.n; i++) {
		const struct or_json_member *m = &j->object.members[i];
		bool known = false;

		for (size_t k = 0; keys[k]; k++)
			known |= or_slice_is(m->key, keys[k]);
		for (size_t k = 0; more[k]; k++)
			known |= or_slice_is(m->key, more[k]);
		if (known)
			continue;
		r->rc = pol_json_fail(r->diags, &r->src, m->value, "`%.*s` is not a part of %s",
		    OR_SLICE_FMT(m->key), what);
		return false;
	}
	return true;
}

static bool check_annotations(struct pol_reader *r, const struct or_json *in)
{
	const struct or_json *j = or_json_get(in, "annotations");

	if (!j)
		return true;
	if (!is_object(r, j, "`annotations`"))
		return false;
	for (size_t i = 0; i < j->object.n; i++) {
		const struct or_json_member *m = &j->object.members[i];

		if (m->value->type == OR_JSON_STR || m->value->type == OR_JSON_NULL)
			continue;
		r->rc = pol_json_fail(r->diags, &r->src, m->value, "an annotation is a string");
		return false;
	}
	return true;
}

static bool check_type(struct pol_reader *r, const struct or_json *j, const char *const *more);

static bool check_attributes(struct pol_reader *r, const struct or_json *j)
{
	static const char *const more[] = {"required", "annotations", NULL};
	const struct or_json *attributes = or_json_get_type(j, "attributes", OR_JSON_OBJECT);

	for (size_t i = 0; attributes && i < attributes->object.n; i++) {
		if (!check_type(r, attributes->object.members[i].value, more))
			return false;
	}
	return true;
}

/* What is missing or of a wrong kind is said when the type is worked out. */
static bool check_type(struct pol_reader *r, const struct or_json *j, const char *const *more)
{
	static const char *const record[] = {"type", "attributes", "additionalAttributes", NULL};
	static const char *const set[] = {"type", "element", NULL}, *const none[] = {NULL};
	static const char *const named[] = {"type", "name", NULL}, *const plain[] = {"type", NULL};
	struct or_slice type;

	if (!is_object(r, j, "a type"))
		return false;
	type = or_json_get_str(j, "type");
	if (!check_annotations(r, j))
		return false;
	if (or_slice_is(type, "Record"))
		return check_keys(r, j, "a record type", record, more) && check_attributes(r, j);
	if (or_slice_is(type, "Set"))
		return check_keys(r, j, "a set type", set, more) &&
		       (!or_json_get(j, "element") ||
			   check_type(r, or_json_get(j, "element"), none));
	if (or_slice_is(type, "Entity") || or_slice_is(type, "EntityOrCommon") ||
	    or_slice_is(type, "Extension"))
		return check_keys(r, j, "a type by name", named, more);
	return check_keys(r, j, "this type", plain, more);
}

/* A type that may be absent. */
static bool check_part(struct pol_reader *r, const struct or_json *in, const char *key)
{
	static const char *const none[] = {NULL};

	return !or_json_get(in, key) || check_type(r, or_json_get(in, key), none);
}

static bool check_entity(struct pol_reader *r, const struct or_json *j)
{
	static const char *const keys[] = {"memberOfTypes", "shape", "tags", "annotations", NULL};
	static const char *const enumerated[] = {"enum", "annotations", NULL};
	static const char *const none[] = {NULL};
	bool listed = or_json_get(j, "enum") != NULL;

	return check_annotations(r, j) &&
	       check_keys(r, j, listed ? "an enumeration" : "an entity type",
		   listed ? enumerated : keys, none) &&
	       check_part(r, j, "shape") && check_part(r, j, "tags");
}

static bool check_action(struct pol_reader *r, const struct or_json *j)
{
	static const char *const keys[] = {
	    "memberOf", "appliesTo", "attributes", "annotations", NULL};
	static const char *const applies[] = {"principalTypes", "resourceTypes", "context", NULL};
	static const char *const group[] = {"id", "type", NULL}, *const none[] = {NULL};
	const struct or_json *to = or_json_get_type(j, "appliesTo", OR_JSON_OBJECT);
	const struct or_json *groups = or_json_get_type(j, "memberOf", OR_JSON_ARRAY);

	if (!check_annotations(r, j) || !check_keys(r, j, "an action", keys, none))
		return false;
	if (to &&
	    (!check_keys(r, to, "`appliesTo`", applies, none) || !check_part(r, to, "context")))
		return false;
	for (size_t i = 0; groups && i < groups->array.n; i++) {
		if (!is_object(r, groups->array.items[i], "a group") ||
		    !check_keys(r, groups->array.items[i], "a group", group, none))
			return false;
	}
	return true;
}

static bool check_decl(struct pol_reader *r, enum pol_decl_kind kind, const struct or_json *j)
{
	static const char *const more[] = {"annotations", NULL};

	if (!is_object(r, j, "a declaration"))
		return false;
	if (kind == POL_DECL_ENTITY)
		return check_entity(r, j);
	return kind == POL_DECL_ACTION ? check_action(r, j) : check_type(r, j, more);
}

static void read_section(struct pol_reader *r, struct or_slice ns, const struct or_json *in,
    const char *key, enum pol_decl_kind kind)
{
	const struct or_json *j = or_json_get(in, key);

	if (!j || !is_object(r, j, key))
		return;
	for (size_t i = 0; i < j->object.n; i++) {
		const struct or_json_member *m = &j->object.members[i];

		if (check_decl(r, kind, m->value) &&
		    !pol_schema_decl_add(r, kind, ns, m->key, m->value))
			return;
	}
}

static void read_namespace(struct pol_reader *r, const struct or_json_member *m)
{
	static const char *const keys[] = {
	    "entityTypes", "actions", "commonTypes", "annotations", NULL};
	static const char *const none[] = {NULL};

	if (!is_object(r, m->value, "a namespace") ||
	    !check_keys(r, m->value, "a namespace", keys, none) ||
	    !check_annotations(r, m->value) ||
	    !pol_schema_decl_add(r, POL_DECL_NAMESPACE, m->key, OR_SLICE_LIT(""),
		or_json_get(m->value, "annotations")))
		return;
	read_section(r, m->key, m->value, "entityTypes", POL_DECL_ENTITY);
	read_section(r, m->key, m->value, "commonTypes", POL_DECL_COMMON);
	read_section(r, m->key, m->value, "actions", POL_DECL_ACTION);
}

enum or_code pol_schema_json_read(struct pol_reader *r)
{
	const struct or_json *root;
	enum or_code rc =
	    pol_json_parse_deep(&root, &r->src, r->schema->arena, DEPTH_MAX, r->diags);

	if (rc)
		return rc;
	if (!is_object(r, root, "a schema"))
		return r->rc;
	for (size_t i = 0; i < root->object.n && r->rc != OR_FULL; i++)
		read_namespace(r, &root->object.members[i]);
	return r->rc;
}
