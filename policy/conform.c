/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/conform.h"

enum { SHOWN_MAX = 200 };

/* "<what> <uid><rest>" */
static enum or_code about_uid(
    struct or_err *err, const char *what, const struct pol_uid *uid, const char *rest)
{
	struct or_buf b;

	if (!err)
		return OR_INVAL;
	or_buf_init(&b, OR_ERR_MSG_MAX * 4);
	pol_uid_print(&b, uid);
	or_err_set(err, OR_INVAL, "%s%.*s%s", what, b.n > SHOWN_MAX ? SHOWN_MAX : (int)b.n,
	    or_buf_text(&b), rest);
	or_buf_done(&b);
	return OR_INVAL;
}

enum or_code pol_conform_uid(
    const struct pol_schema *s, const struct pol_uid *uid, struct or_err *err)
{
	const struct pol_entity_type *t;

	if (pol_schema_is_action_type(uid->type)) {
		if (!pol_schema_action_find(s, uid))
			return about_uid(err, "the action ", uid, " is not declared");
		return OR_OK;
	}
	t = pol_schema_entity_find(s, uid->type);
	if (!t)
		return about_uid(err, "the type of ", uid, " is not declared");
	for (size_t i = 0; i < t->n_ids; i++) {
		if (or_slice_eq(t->ids[i], uid->id))
			return OR_OK;
	}
	return t->n_ids ? about_uid(err, "", uid, " is not one of the enumeration") : OR_OK;
}

static enum or_code mismatch(
    struct or_err *err, const struct pol_type *t, const struct pol_value *v)
{
	struct or_buf b;

	if (!err)
		return OR_INVAL;
	or_buf_init(&b, OR_ERR_MSG_MAX * 4);
	pol_schema_type_print(&b, t);
	or_err_set(err, OR_INVAL, "expected %.*s, found %s", b.n > SHOWN_MAX ? SHOWN_MAX : (int)b.n,
	    or_buf_text(&b), pol_value_kind_name(v->kind));
	or_buf_done(&b);
	return OR_INVAL;
}

static enum or_code check_record(const struct pol_schema *s, const struct pol_type *t,
    const struct pol_record *rec, struct or_err *err)
{
	for (size_t i = 0; i < rec->n; i++) {
		const struct pol_attr *a = pol_schema_attr_of(t, rec->fields[i].key);
		enum or_code rc;

		if (!a)
			return or_err_set(err, OR_INVAL, "the attribute `%.*s` is not declared",
			    OR_SLICE_FMT(rec->fields[i].key));
		rc = pol_conform_value(s, a->type, &rec->fields[i].value, err);
		if (rc)
			return or_err_wrap(err, rc, "attribute `%.*s`", OR_SLICE_FMT(a->name));
	}
	for (size_t i = 0; i < t->n_attrs; i++) {
		if (t->attrs[i].required && !pol_value_field(rec, t->attrs[i].name))
			return or_err_set(err, OR_INVAL, "the attribute `%.*s` is missing",
			    OR_SLICE_FMT(t->attrs[i].name));
	}
	return OR_OK;
}

static enum or_code check_set(const struct pol_schema *s, const struct pol_type *t,
    const struct pol_set_value *set, struct or_err *err)
{
	enum or_code rc = OR_OK;

	for (size_t i = 0; rc == OR_OK && i < set->n; i++)
		rc = pol_conform_value(s, t->elem, &set->items[i], err);
	return rc;
}

enum or_code pol_conform_value(const struct pol_schema *s, const struct pol_type *t,
    const struct pol_value *v, struct or_err *err)
{
	static const enum pol_kind kinds[] = {[POL_TYPE_BOOL] = POL_BOOL,
	    [POL_TYPE_LONG] = POL_LONG,
	    [POL_TYPE_STRING] = POL_STRING,
	    [POL_TYPE_SET] = POL_SET,
	    [POL_TYPE_RECORD] = POL_RECORD,
	    [POL_TYPE_ENTITY] = POL_ENTITY,
	    [POL_TYPE_IP] = POL_IP,
	    [POL_TYPE_DECIMAL] = POL_DECIMAL,
	    [POL_TYPE_DATETIME] = POL_DATETIME,
	    [POL_TYPE_DURATION] = POL_DURATION};

	OR_ASSERT(t->kind < OR_LEN(kinds));
	if (v->kind != kinds[t->kind])
		return mismatch(err, t, v);
	if (v->kind == POL_ENTITY)
		return or_slice_eq(v->e->type, t->entity) ? pol_conform_uid(s, v->e, err)
							  : mismatch(err, t, v);
	if (v->kind == POL_SET)
		return check_set(s, t, v->set, err);
	return v->kind == POL_RECORD ? check_record(s, t, v->rec, err) : OR_OK;
}

static bool has_uid(const struct pol_uid *const *list, size_t n, const struct pol_uid *u)
{
	for (size_t i = 0; i < n; i++) {
		if (pol_uid_eq(list[i], u))
			return true;
	}
	return false;
}

/* Whether the parents that an action is given reach that group, over the schema's own groups. */
static bool reaches(
    const struct pol_schema *s, const struct pol_entity *e, const struct pol_uid *group)
{
	for (size_t i = 0; i < e->n_parents; i++) {
		const struct pol_action *p = pol_schema_action_find(s, e->parents[i]);

		if (pol_uid_eq(e->parents[i], group) ||
		    (p && has_uid(p->ancestors, p->n_ancestors, group)))
			return true;
	}
	return false;
}

/* An action may be repeated among the entities, but only as the schema declares it. */
static enum or_code check_action(
    const struct pol_schema *s, const struct pol_entity *e, struct or_err *err)
{
	const struct pol_action *a = pol_schema_action_find(s, &e->uid);
	bool same;

	if (!a)
		return about_uid(err, "the action ", &e->uid, " is not declared");
	if (e->attrs->n || e->tags->n)
		return about_uid(err, "the action ", &e->uid, " cannot have attributes or tags");
	same = true;
	for (size_t i = 0; i < e->n_parents; i++)
		same &= has_uid(a->ancestors, a->n_ancestors, e->parents[i]);
	for (size_t i = 0; i < a->n_ancestors; i++)
		same &= reaches(s, e, a->ancestors[i]);
	return same ? OR_OK
		    : about_uid(err, "the action ", &e->uid, " is in other groups than declared");
}

static enum or_code check_parents(const struct pol_schema *s, const struct pol_entity_type *t,
    const struct pol_entity *e, struct or_err *err)
{
	for (size_t i = 0; i < e->n_parents; i++) {
		bool allowed = false;
		enum or_code rc = pol_conform_uid(s, e->parents[i], err);

		for (size_t k = 0; k < t->n_ancestors; k++)
			allowed |= or_slice_eq(t->ancestors[k]->name, e->parents[i]->type);
		if (rc == OR_OK && !allowed)
			rc = about_uid(err, "its type cannot be in ", e->parents[i], "");
		if (rc)
			return rc;
	}
	return OR_OK;
}

static enum or_code check_tags(const struct pol_schema *s, const struct pol_entity_type *t,
    const struct pol_record *tags, struct or_err *err)
{
	if (tags->n && !t->tags)
		return or_err_set(err, OR_INVAL, "its type has no tags");
	for (size_t i = 0; i < tags->n; i++) {
		enum or_code rc = pol_conform_value(s, t->tags, &tags->fields[i].value, err);

		if (rc)
			return or_err_wrap(
			    err, rc, "tag `%.*s`", OR_SLICE_FMT(tags->fields[i].key));
	}
	return OR_OK;
}

enum or_code pol_conform_entity(
    const struct pol_schema *s, const struct pol_entity *e, struct or_err *err)
{
	const struct pol_entity_type *t;
	enum or_code rc;

	if (pol_schema_is_action_type(e->uid.type))
		return check_action(s, e, err);
	rc = pol_conform_uid(s, &e->uid, err);
	if (rc)
		return rc;
	t = pol_schema_entity_find(s, e->uid.type);
	rc = check_record(s, t->shape, e->attrs, err);
	if (rc == OR_OK)
		rc = check_tags(s, t, e->tags, err);
	return rc ? rc : check_parents(s, t, e, err);
}

static bool has_name(const struct or_slice *list, size_t n, struct or_slice name)
{
	for (size_t i = 0; i < n; i++) {
		if (or_slice_eq(list[i], name))
			return true;
	}
	return false;
}

enum or_code pol_conform_request(
    const struct pol_schema *s, const struct pol_request *req, struct or_err *err)
{
	static const struct pol_record none;
	const struct pol_action *a = pol_schema_action_find(s, &req->action);
	struct pol_value context = pol_value_rec(req->context ? req->context : &none);
	enum or_code rc;

	if (!a)
		return about_uid(err, "the action ", &req->action, " is not declared");
	rc = pol_conform_uid(s, &req->principal, err);
	if (rc == OR_OK)
		rc = pol_conform_uid(s, &req->resource, err);
	if (rc)
		return rc;
	if (!has_name(a->principals, a->n_principals, req->principal.type))
		return about_uid(
		    err, "the action does not apply to the principal ", &req->principal, "");
	if (!has_name(a->resources, a->n_resources, req->resource.type))
		return about_uid(
		    err, "the action does not apply to the resource ", &req->resource, "");
	rc = pol_conform_value(s, a->context, &context, err);
	return rc ? or_err_wrap(err, rc, "context") : OR_OK;
}
