/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/str.h"

#include <jansson.h>

static enum or_code convert(
    struct or_json *to, json_t *from, struct or_arena *a, int depth, struct or_err *err);

static enum or_code full(struct or_err *err)
{
	return or_err_set(err, OR_FULL, "the JSON text needs more memory than its budget");
}

static enum or_code too_deep(struct or_err *err)
{
	return or_err_set(err, OR_FULL, "JSON nested deeper than %d", OR_JSON_DEPTH_MAX);
}

static bool dup_str(struct or_slice *to, const char *p, size_t n, struct or_arena *a)
{
	*to = or_arena_dup(a, or_slice(p, n));
	return to->p != NULL;
}

static enum or_code convert_array(
    struct or_json *to, json_t *from, struct or_arena *a, int depth, struct or_err *err)
{
	size_t n = json_array_size(from);
	struct or_json *items = or_arena_array(a, n, sizeof(*items));

	to->array.items = or_arena_array(a, n, sizeof(*to->array.items));
	if (!items || !to->array.items)
		return full(err);
	to->array.n = n;
	for (size_t i = 0; i < n; i++) {
		enum or_code rc = convert(&items[i], json_array_get(from, i), a, depth + 1, err);

		if (rc)
			return rc;
		to->array.items[i] = &items[i];
	}
	return OR_OK;
}

static enum or_code convert_object(
    struct or_json *to, json_t *from, struct or_arena *a, int depth, struct or_err *err)
{
	size_t n = json_object_size(from), i = 0;
	struct or_json *values = or_arena_array(a, n, sizeof(*values));
	const char *key;
	json_t *value;

	to->object.members = or_arena_array(a, n, sizeof(*to->object.members));
	if (!values || !to->object.members)
		return full(err);
	json_object_foreach(from, key, value)
	{
		struct or_json_member *m = &to->object.members[i];
		enum or_code rc = convert(&values[i], value, a, depth + 1, err);

		if (rc)
			return rc;
		if (!dup_str(&m->key, key, strlen(key), a))
			return full(err);
		m->value = &values[i++];
	}
	to->object.n = i;
	return OR_OK;
}

static enum or_code convert(
    struct or_json *to, json_t *from, struct or_arena *a, int depth, struct or_err *err)
{
	if (depth > OR_JSON_DEPTH_MAX)
		return too_deep(err);
	switch (json_typeof(from)) {
	case JSON_NULL: to->type = OR_JSON_NULL; return OR_OK;
	case JSON_TRUE:
	case JSON_FALSE:
		to->type = OR_JSON_BOOL;
		to->b = json_is_true(from);
		return OR_OK;
	case JSON_INTEGER:
		to->type = OR_JSON_INT;
		to->i = json_integer_value(from);
		return OR_OK;
	case JSON_REAL:
		to->type = OR_JSON_REAL;
		to->r = json_real_value(from);
		return OR_OK;
	case JSON_STRING:
		to->type = OR_JSON_STR;
		return dup_str(&to->s, json_string_value(from), json_string_length(from), a)
			   ? OR_OK
			   : full(err);
	case JSON_ARRAY: to->type = OR_JSON_ARRAY; return convert_array(to, from, a, depth, err);
	case JSON_OBJECT: to->type = OR_JSON_OBJECT; return convert_object(to, from, a, depth, err);
	}
	return or_err_set(err, OR_PARSE, "unknown JSON type");
}

static enum or_code parse(const struct or_json **out, struct or_slice text, size_t flags,
    struct or_arena *a, struct or_err *err)
{
	json_error_t je;
	json_t *root;
	struct or_json *tree;
	enum or_code rc;
	size_t nul = or_str_find(text, 0, 0);

	/* jansson takes a NUL byte for the end, and would let anything stand behind it. */
	if (nul < text.n)
		return or_err_set(err, OR_PARSE, "a NUL byte at offset %zu", nul);
	root = json_loadb(text.n ? (const char *)text.p : "", text.n,
	    JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | flags, &je);
	if (!root && json_error_code(&je) == json_error_stack_overflow)
		return too_deep(err);
	if (!root)
		return or_err_set(
		    err, OR_PARSE, "line %d, column %d: %s", je.line, je.column, je.text);
	tree = or_arena_alloc(a, sizeof(*tree));
	rc = tree ? convert(tree, root, a, 1, err) : full(err);
	json_decref(root);
	if (rc == OR_OK)
		*out = tree;
	return rc;
}

enum or_code or_json_parse(
    const struct or_json **out, struct or_slice text, struct or_arena *a, struct or_err *err)
{
	return parse(out, text, 0, a, err);
}

enum or_code or_json_parse_nul(
    const struct or_json **out, struct or_slice text, struct or_arena *a, struct or_err *err)
{
	return parse(out, text, JSON_ALLOW_NUL, a, err);
}

const struct or_json *or_json_get_slice(const struct or_json *j, struct or_slice key)
{
	if (!j || j->type != OR_JSON_OBJECT)
		return NULL;
	for (size_t i = 0; i < j->object.n; i++) {
		if (or_slice_eq(j->object.members[i].key, key))
			return j->object.members[i].value;
	}
	return NULL;
}

const struct or_json *or_json_get(const struct or_json *j, const char *key)
{
	return or_json_get_slice(j, or_slice_str(key));
}

const struct or_json *or_json_get_type(
    const struct or_json *j, const char *key, enum or_json_type type)
{
	const struct or_json *v = or_json_get(j, key);

	return v && v->type == type ? v : NULL;
}

struct or_slice or_json_get_str(const struct or_json *j, const char *key)
{
	const struct or_json *v = or_json_get_type(j, key, OR_JSON_STR);

	return v ? v->s : OR_SLICE_NONE;
}

const char *or_json_type_name(enum or_json_type type)
{
	static const char *const names[] = {[OR_JSON_NULL] = "null",
	    [OR_JSON_BOOL] = "boolean",
	    [OR_JSON_INT] = "integer",
	    [OR_JSON_REAL] = "number",
	    [OR_JSON_STR] = "string",
	    [OR_JSON_ARRAY] = "array",
	    [OR_JSON_OBJECT] = "object"};

	return names[type];
}

static bool objects_eq(const struct or_json *a, const struct or_json *b)
{
	if (a->object.n != b->object.n)
		return false;
	for (size_t i = 0; i < a->object.n; i++) {
		const struct or_json *v = or_json_get_slice(b, a->object.members[i].key);

		if (!v || !or_json_eq(a->object.members[i].value, v))
			return false;
	}
	return true;
}

bool or_json_eq(const struct or_json *a, const struct or_json *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case OR_JSON_NULL: return true;
	case OR_JSON_BOOL: return a->b == b->b;
	case OR_JSON_INT: return a->i == b->i;
	case OR_JSON_REAL: return memcmp(&a->r, &b->r, sizeof(a->r)) == 0;
	case OR_JSON_STR: return or_slice_eq(a->s, b->s);
	case OR_JSON_ARRAY:
		if (a->array.n != b->array.n)
			return false;
		for (size_t i = 0; i < a->array.n; i++) {
			if (!or_json_eq(a->array.items[i], b->array.items[i]))
				return false;
		}
		return true;
	case OR_JSON_OBJECT: return objects_eq(a, b);
	}
	return false;
}
