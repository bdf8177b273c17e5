/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/subject.h"

enum { TEXT_MAX = 16 * 1024 };

/* False: the claim does not fit the type. */
static bool convert(struct pol_value *out, const struct pol_type *type, const struct or_json *claim,
    struct or_arena *a);

static bool convert_set(struct pol_value *out, const struct pol_type *type,
    const struct or_json *claim, struct or_arena *a)
{
	struct pol_value *items;

	if (claim->type != OR_JSON_ARRAY || !type->elem || type->elem->kind == POL_TYPE_SET)
		return false;
	items = or_arena_array(a, claim->array.n, sizeof(*items));
	if (!items)
		return false;
	for (size_t i = 0; i < claim->array.n; i++) {
		if (!convert(&items[i], type->elem, claim->array.items[i], a))
			return false;
	}
	return pol_value_set(out, a, items, claim->array.n) == OR_OK;
}

static bool convert(struct pol_value *out, const struct pol_type *type, const struct or_json *claim,
    struct or_arena *a)
{
	if (type->kind == POL_TYPE_STRING && claim->type == OR_JSON_STR)
		*out = pol_value_string(claim->s);
	else if (type->kind == POL_TYPE_LONG && claim->type == OR_JSON_INT)
		*out = pol_value_long(claim->i);
	else if (type->kind == POL_TYPE_BOOL && claim->type == OR_JSON_BOOL)
		*out = pol_value_bool(claim->b);
	else
		return type->kind == POL_TYPE_SET && convert_set(out, type, claim, a);
	return true;
}

enum or_code ag_subject_attributes(const struct pol_record **out, struct or_slice *unfit,
    const struct pol_schema *schema, struct or_slice type, const struct or_json *claims,
    struct or_arena *a)
{
	const struct pol_entity_type *declared =
	    schema ? pol_schema_entity_find(schema, type) : NULL;
	size_t n_declared = declared ? declared->shape->n_attrs : 0, n = 0;
	struct pol_field *fields = or_arena_array(a, n_declared, sizeof(*fields));

	if (!fields)
		return OR_FULL;
	*unfit = OR_SLICE_NONE;
	for (size_t i = 0; i < n_declared; i++) {
		const struct pol_attr *attr = &declared->shape->attrs[i];
		const struct or_json *claim = or_json_get_slice(claims, attr->name);

		if (!claim)
			continue;
		if (convert(&fields[n].value, attr->type, claim, a))
			fields[n++].key = attr->name;
		else if (!unfit->p)
			*unfit = attr->name;
	}
	return or_arena_is_full(a) ? OR_FULL : pol_value_record(out, a, fields, n);
}

void ag_subject_json_value(struct or_jsonw *w, const struct pol_value *v)
{
	if (!v) {
		or_jsonw_null(w);
	} else if (v->kind == POL_BOOL) {
		or_jsonw_bool(w, v->b);
	} else if (v->kind == POL_LONG) {
		or_jsonw_i64(w, v->i);
	} else if (v->kind == POL_STRING) {
		or_jsonw_str(w, v->s);
	} else if (v->kind == POL_SET) {
		or_jsonw_array(w);
		for (size_t i = 0; i < v->set->n; i++)
			ag_subject_json_value(w, &v->set->items[i]);
		or_jsonw_end(w);
	} else if (v->kind == POL_RECORD) {
		ag_subject_json_record(w, v->rec);
	} else {
		/* The other kinds in Cedar's own syntax. */
		struct or_buf text;

		or_buf_init(&text, TEXT_MAX);
		pol_value_print(&text, v);
		or_jsonw_str(w, or_buf_slice(&text));
		or_buf_done(&text);
	}
}

void ag_subject_json_record(struct or_jsonw *w, const struct pol_record *r)
{
	or_jsonw_object(w);
	for (size_t i = 0; r && i < r->n; i++) {
		or_jsonw_key_slice(w, r->fields[i].key);
		ag_subject_json_value(w, &r->fields[i].value);
	}
	or_jsonw_end(w);
}
