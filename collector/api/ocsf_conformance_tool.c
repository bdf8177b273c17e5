/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of every kind of record, with everything and with nothing that a record may have, against
 * the JSON Schemas of OCSF: ocsf-conformance-tool DIR, where DIR/json-schema holds them.
 * The validator knows the keywords that these schemas use; it refuses a schema with another one,
 * but for "pattern", which the scenario's validator checks.
 */
#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"
#include "base/sys.h"
#include "collector/api/ocsf.h"

#include <stdio.h>

enum { DEPTH_MAX = 40, SCHEMA_MAX = 64 * 1024 * 1024 };

struct check {
	const struct or_json *root;
	char why[256];
};

static bool is_valid(struct check *c, const struct or_json *v, const struct or_json *s, int depth);

static bool fail(struct check *c, const char *what, const char *detail)
{
	if (!c->why[0])
		snprintf(c->why, sizeof(c->why), "%s %s", what, detail);
	return false;
}

static bool has_type(const struct or_json *v, struct or_slice name)
{
	switch (v->type) {
	case OR_JSON_OBJECT: return or_slice_is(name, "object");
	case OR_JSON_ARRAY: return or_slice_is(name, "array");
	case OR_JSON_STR: return or_slice_is(name, "string");
	case OR_JSON_INT: return or_slice_is(name, "integer") || or_slice_is(name, "number");
	case OR_JSON_REAL: return or_slice_is(name, "number");
	case OR_JSON_BOOL: return or_slice_is(name, "boolean");
	case OR_JSON_NULL: return or_slice_is(name, "null");
	}
	return false;
}

static bool check_type(const struct or_json *v, const struct or_json *type)
{
	if (type->type == OR_JSON_STR)
		return has_type(v, type->s);
	for (size_t i = 0; type->type == OR_JSON_ARRAY && i < type->array.n; i++) {
		if (has_type(v, type->array.items[i]->s))
			return true;
	}
	return false;
}

static bool check_enum(const struct or_json *v, const struct or_json *list)
{
	for (size_t i = 0; i < list->array.n; i++) {
		if (or_json_eq(v, list->array.items[i]))
			return true;
	}
	return false;
}

static bool check_required(struct check *c, const struct or_json *v, const struct or_json *names)
{
	for (size_t i = 0; i < names->array.n; i++) {
		if (!or_json_get_slice(v, names->array.items[i]->s))
			return fail(c, "required:", (const char *)names->array.items[i]->s.p);
	}
	return true;
}

/* anyOf and oneOf stand over lists of required names only: at least (exactly) one holds. */
static bool check_some(const struct or_json *v, const struct or_json *list, bool one)
{
	size_t n = 0;

	for (size_t i = 0; i < list->array.n; i++) {
		struct check quiet = {.why = "-"};

		n += check_required(&quiet, v, or_json_get(list->array.items[i], "required"));
	}
	return one ? n == 1 : n > 0;
}

static bool check_members(
    struct check *c, const struct or_json *v, const struct or_json *s, int depth)
{
	const struct or_json *properties = or_json_get(s, "properties");
	const struct or_json *more = or_json_get_type(s, "additionalProperties", OR_JSON_BOOL);

	for (size_t i = 0; v->type == OR_JSON_OBJECT && i < v->object.n; i++) {
		struct or_slice key = v->object.members[i].key;
		const struct or_json *of = or_json_get_slice(properties, key);
		char name[128];

		snprintf(name, sizeof(name), "%.*s", OR_SLICE_FMT(key));
		if (!of && more && !more->b)
			return fail(c, "not in the schema:", name);
		if (of && !is_valid(c, v->object.members[i].value, of, depth + 1))
			return fail(c, "invalid:", name);
	}
	return true;
}

static bool check_bounds(const struct or_json *v, const char *key, const struct or_json *bound)
{
	if (strcmp(key, "maxLength") == 0)
		return v->type != OR_JSON_STR || v->s.n <= (size_t)bound->i;
	if (v->type != OR_JSON_INT)
		return true;
	return strcmp(key, "minimum") == 0 ? v->i >= bound->i : v->i <= bound->i;
}

static const struct or_json *follow(struct check *c, struct or_slice ref)
{
	return or_str_has_prefix(ref, "#/$defs/")
		   ? or_json_get_slice(or_json_get(c->root, "$defs"), or_slice_from(ref, 8))
		   : NULL;
}

/* One keyword. */
static bool check_keyword(struct check *c, const struct or_json *v, const struct or_json *s,
    struct or_slice key, const struct or_json *k, int depth)
{
	static const char *const silent[] = {"$schema", "$id", "title", "$defs", "deprecated",
	    "properties", "additionalProperties", "pattern"};
	const char *name = (const char *)key.p;

	for (size_t i = 0; i < OR_LEN(silent); i++) {
		if (or_slice_is(key, silent[i]))
			return true;
	}
	if (or_slice_is(key, "type"))
		return check_type(v, k) || fail(c, "type", "");
	if (or_slice_is(key, "enum"))
		return check_enum(v, k) || fail(c, "enum", "");
	if (or_slice_is(key, "const"))
		return or_json_eq(v, k) || fail(c, "const", "");
	if (or_slice_is(key, "required"))
		return check_required(c, v, k);
	if (or_slice_is(key, "anyOf") || or_slice_is(key, "oneOf"))
		return check_some(v, k, or_slice_is(key, "oneOf")) || fail(c, "anyOf", "");
	if (or_slice_is(key, "minimum") || or_slice_is(key, "maximum") ||
	    or_slice_is(key, "maxLength"))
		return check_bounds(v,
			   or_slice_is(key, "minimum")   ? "minimum"
			   : or_slice_is(key, "maximum") ? "maximum"
							 : "maxLength",
			   k) ||
		       fail(c, "bounds", "");
	if (or_slice_is(key, "$ref")) {
		const struct or_json *to = follow(c, k->s);

		return to ? is_valid(c, v, to, depth + 1) : fail(c, "$ref", "");
	}
	if (or_slice_is(key, "items")) {
		for (size_t i = 0; v->type == OR_JSON_ARRAY && i < v->array.n; i++) {
			if (!is_valid(c, v->array.items[i], k, depth + 1))
				return false;
		}
		return true;
	}
	(void)s;
	return fail(c, "unknown keyword", name);
}

static bool is_valid(struct check *c, const struct or_json *v, const struct or_json *s, int depth)
{
	if (depth > DEPTH_MAX)
		return fail(c, "too deep", "");
	for (size_t i = 0; i < s->object.n; i++) {
		if (!check_keyword(
			c, v, s, s->object.members[i].key, s->object.members[i].value, depth))
			return false;
	}
	return check_members(c, v, s, depth);
}

/* ---- events */

struct run {
	struct or_arena *a;
	const struct or_json *schemas[8];
	size_t n_schemas;
	size_t passed, total;
};

static const struct or_json *schema_of(const struct run *r, int64_t class_uid)
{
	for (size_t i = 0; i < r->n_schemas; i++) {
		const struct or_json *p = or_json_get(r->schemas[i], "properties");
		const struct or_json *uid =
		    or_json_get_type(or_json_get(p, "class_uid"), "const", OR_JSON_INT);

		if (uid && uid->i == class_uid)
			return r->schemas[i];
	}
	return NULL;
}

static int64_t number(const struct or_json *event, const char *key)
{
	const struct or_json *v = or_json_get_type(event, key, OR_JSON_INT);

	return v ? v->i : -1;
}

static void judge(struct run *r, const struct wire_audit *record, const char *what)
{
	struct or_arena *a = or_arena_new(0);
	const struct or_json *event, *schema;
	struct check c = {.why = ""};
	struct or_jsonw w;
	struct or_buf out;
	struct or_err err;
	bool ok;

	or_buf_init(&out, 1 << 20);
	or_jsonw_init(&w, &out, 0);
	co_ocsf_put(&w, "0123456789abcdef0123", record);
	r->total++;
	ok = or_json_parse(&event, or_buf_slice(&out), a, &err) == OR_OK;
	schema = ok ? schema_of(r, number(event, "class_uid")) : NULL;
	c.root = schema;
	ok = schema && is_valid(&c, event, schema, 0) &&
	     number(event, "type_uid") ==
		 number(event, "class_uid") * 100 + number(event, "activity_id");
	r->passed += ok;
	if (!ok)
		printf("FAIL %s: %s\n  %s\n", what, schema ? c.why : "no schema of its class",
		    or_buf_text(&out));
	or_buf_done(&out);
	or_arena_free(a);
}

static struct wire_audit full(unsigned int kind, unsigned int decision, const char *action)
{
	static const uint8_t bytes[32] = {1, 2, 3};
	static const struct or_slice policies[] = {
	    {(const uint8_t *)"analysts-read", 13}, {(const uint8_t *)"forbid-night", 12}};
	static const struct wire_attribute attribute = {
	    .key = {(const uint8_t *)"x.y", 3}, .value = {(const uint8_t *)"\"v\"", 3}};

	return (struct wire_audit){.time_ns = 1764000000000000000,
	    .agent_id = or_slice(bytes, 16),
	    .epoch = UINT64_MAX,
	    .stream = OR_SLICE_LIT("outrider.audit/orders"),
	    .seq = 7,
	    .product = OR_SLICE_LIT("orders"),
	    .port = OR_SLICE_LIT("http"),
	    .workload = OR_SLICE_LIT("orders-0"),
	    .kind = kind,
	    .front = WIRE_FRONT_PROXY,
	    .phase = WIRE_PHASE_COMPLETE,
	    .decision = decision,
	    .principal = {OR_SLICE_LIT("User"), OR_SLICE_LIT("https://i#al\"ice"),
		OR_SLICE_LIT("https://i")},
	    .action = or_slice_str(action),
	    .resource = {OR_SLICE_LIT("Port"), OR_SLICE_LIT("orders/http")},
	    .policies = policies,
	    .n_policies = OR_LEN(policies),
	    .bundle_revision = 3,
	    .bundle_sha256 = or_slice(bytes, 32),
	    .inputs = or_slice(bytes, 32),
	    .reason = OR_SLICE_LIT("policy"),
	    .request = {.method = OR_SLICE_LIT("GET"),
		.path = OR_SLICE_LIT("/orders"),
		.host = OR_SLICE_LIT("orders.example"),
		.status = 200,
		.bytes_in = 1,
		.bytes_out = 2,
		.duration_ns = 1234567},
	    .peer = OR_SLICE_LIT("10.1.2.3:4711"),
	    .trace_id = or_slice(bytes, 16),
	    .span_id = or_slice(bytes, 8),
	    .attributes = &attribute,
	    .n_attributes = 1};
}

static void judge_all(struct run *r)
{
	static const char *const actions[] = {"read", "write", "delete", "describe", "subscribe",
	    "connect", "query", "exec", "open", "listen", "take_bundle", "revoke", "enrol",
	    "never heard of"};
	static const char *const places[] = {"", "10.0.0.1", "10.0.0.1:1", "[::1]:65535", "::1",
	    "unix:", "[::1]:65536", "name.example:443", "/usr/bin/cat", "/", ":", "999.1.1.1:1"};
	struct wire_audit record;

	for (unsigned int kind = 0; kind <= WIRE_KIND_ADMIN + 1; kind++) {
		for (unsigned int decision = 0; decision <= WIRE_DECISION_WOULD_DENY; decision++) {
			for (size_t i = 0; i < OR_LEN(actions); i++) {
				record = full(kind, decision, actions[i]);
				judge(r, &record, actions[i]);
			}
		}
		for (size_t i = 0; i < OR_LEN(places); i++) {
			record = full(kind, WIRE_DECISION_DENY, "read");
			record.peer = record.resource.id = or_slice_str(places[i]);
			record.request.method = OR_SLICE_LIT("BREW");
			judge(r, &record, places[i]);
			record.request = (struct wire_request){.status = 0};
			judge(r, &record, places[i]);
		}
		record = (struct wire_audit){.kind = kind};
		judge(r, &record, "an empty record");
	}
}

static enum or_code load(struct run *r, const char *dir)
{
	struct or_sys_names names;
	struct or_err err;
	enum or_code rc = or_sys_list(&names, dir, &err);

	for (size_t i = 0; !rc && i < names.n && r->n_schemas < OR_LEN(r->schemas); i++) {
		struct or_buf text;
		char path[2 * 4096];

		if (!or_str_has_suffix(or_slice_str(names.names[i]), ".security_control.json"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, names.names[i]);
		or_buf_init(&text, SCHEMA_MAX);
		rc = or_sys_read_file(&text, path, &err);
		if (!rc)
			rc = or_json_parse(&r->schemas[r->n_schemas++],
			    or_arena_dup(r->a, or_buf_slice(&text)), r->a, &err);
		or_buf_done(&text);
	}
	if (rc)
		printf("FAIL %s: %s\n", dir, err.msg);
	else
		or_sys_names_free(&names);
	return rc;
}

int main(int argc, char **argv)
{
	struct run r = {.passed = 0};
	char path[4096];
	enum or_code rc;

	if (argc != 2) {
		fprintf(stderr, "usage: ocsf-conformance-tool DIR\n");
		return 2;
	}
	r.a = or_arena_new(0);
	snprintf(path, sizeof(path), "%s/json-schema", argv[1]);
	rc = load(&r, path);
	if (!rc)
		judge_all(&r);
	or_arena_free(r.a);
	printf("ocsf: %zu/%zu\n", r.passed, r.total);
	return rc || r.passed != r.total;
}
