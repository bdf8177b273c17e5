/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/json.h"

#include "base/str.h"
#include "proto/field.h"

enum { SCRATCH_MAX = 8192 };

static void put_time(struct or_jsonw *w, uint64_t ns)
{
	struct or_buf text;

	or_buf_init(&text, 64);
	or_str_time(&text, (int64_t)ns);
	or_jsonw_str(w, or_buf_slice(&text));
	or_buf_done(&text);
}

void wire_json_value(struct or_jsonw *w, const struct wire_field_value *v)
{
	switch (v->type) {
	case WIRE_FIELD_NONE: or_jsonw_null(w); break;
	case WIRE_FIELD_INT: or_jsonw_u64(w, v->i); break;
	case WIRE_FIELD_TIME: put_time(w, v->i); break;
	case WIRE_FIELD_TEXT: or_jsonw_str(w, v->s); break;
	case WIRE_FIELD_LIST:
		or_jsonw_array(w);
		for (size_t i = 0; i < v->n; i++)
			or_jsonw_str(w, v->list[i]);
		or_jsonw_end(w);
		break;
	}
}

/* Keys may repeat in a record, but not in JSON: the first one counts, as in wire_field_get. */
static bool came_before(const struct wire_audit *r, size_t i)
{
	for (size_t j = 0; j < i; j++) {
		if (or_slice_eq(r->attributes[j].key, r->attributes[i].key))
			return true;
	}
	return false;
}

static void put_attributes(struct or_jsonw *w, const struct wire_audit *r)
{
	or_jsonw_key(w, "attributes");
	or_jsonw_object(w);
	for (size_t i = 0; i < r->n_attributes; i++) {
		if (!came_before(r, i)) {
			or_jsonw_key_slice(w, r->attributes[i].key);
			or_jsonw_str(w, r->attributes[i].value);
		}
	}
	or_jsonw_end(w);
}

static void put_cuts(struct or_jsonw *w, const struct wire_audit *r)
{
	struct or_buf hex;

	or_buf_init(&hex, 2 * WIRE_AUDIT_HASH_LEN);
	or_jsonw_key(w, "cut");
	or_jsonw_object(w);
	for (size_t i = 0; i < r->n_attributes; i++) {
		if (!r->attributes[i].cut || came_before(r, i))
			continue;
		or_buf_clear(&hex);
		or_str_hex_encode(&hex, r->attributes[i].sha256);
		or_jsonw_key_slice(w, r->attributes[i].key);
		or_jsonw_str(w, or_buf_slice(&hex));
	}
	or_jsonw_end(w);
	or_buf_done(&hex);
}

static bool has_cut(const struct wire_audit *r)
{
	for (size_t i = 0; i < r->n_attributes; i++) {
		if (r->attributes[i].cut)
			return true;
	}
	return false;
}

void wire_json_audit_members(struct or_jsonw *w, const struct wire_audit *r)
{
	const struct wire_field *f = NULL;
	struct wire_field_value v;
	struct or_buf scratch;

	or_buf_init(&scratch, SCRATCH_MAX);
	while ((f = wire_field_next(f))) {
		struct or_slice name = or_slice_str(wire_field_name(f));

		if (or_slice_is(name, "attributes"))
			break;
		wire_field_get(&v, f, r, name, &scratch);
		if (v.type == WIRE_FIELD_NONE)
			continue;
		or_jsonw_key_slice(w, name);
		wire_json_value(w, &v);
	}
	if (r->n_attributes)
		put_attributes(w, r);
	if (has_cut(r))
		put_cuts(w, r);
	or_buf_done(&scratch);
}

void wire_json_audit(struct or_jsonw *w, const struct wire_audit *r)
{
	or_jsonw_object(w);
	wire_json_audit_members(w, r);
	or_jsonw_end(w);
}
