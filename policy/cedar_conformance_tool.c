/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs Cedar's public test suites: cedar-conformance-tool DIR…
 *
 * Each DIR has the layout of the corpus `cedar`, any part of which may be absent; the archives are
 * unpacked by the caller and given as another DIR. Each failure is a line; each part ends with its
 * count; the last line is `cedar: passed/total`.
 */
#include "policy/authorize.h"
#include "policy/conform.h"
#include "policy/entities_json.h"
#include "policy/est.h"
#include "policy/format.h"
#include "policy/print.h"
#include "policy/schema_convert.h"
#include "policy/schema_same.h"
#include "policy/validate.h"

#include <glob.h>
#include <stdarg.h>
#include <stdio.h>

enum { FILE_MAX = 64 << 20 };

struct part {
	const char *name;
	size_t passed, total;
};

enum {
	PART_BY_HAND,
	PART_REQUESTS,
	PART_REQUEST_VALIDATION,
	PART_SHOULD_VALIDATE,
	PART_ARCHIVE_POLICIES,
	PART_ARCHIVE_ENTITIES,
	PART_ARCHIVE_REQUESTS,
	PART_CASES,
	PART_JSON_SCHEMAS,
	PART_ENTITY_PARSING,
	PART_POLICY_JSON,
	PART_POLICY_JSON_REQUESTS,
	PART_FORMAT,
	PART_SCHEMA_JSON,
	PART_SCHEMA_TEXT,
};

static struct part parts[] = {
    [PART_BY_HAND] = {"hand-written requests", 0, 0},
    [PART_REQUESTS] = {"corpus requests", 0, 0},
    [PART_REQUEST_VALIDATION] = {"request validation", 0, 0},
    [PART_SHOULD_VALIDATE] = {"shouldValidate", 0, 0},
    [PART_ARCHIVE_POLICIES] = {"validation archive, policies", 0, 0},
    [PART_ARCHIVE_ENTITIES] = {"validation archive, entities", 0, 0},
    [PART_ARCHIVE_REQUESTS] = {"validation archive, requests", 0, 0},
    [PART_CASES] = {"validator cases", 0, 0},
    [PART_JSON_SCHEMAS] = {"JSON schemas", 0, 0},
    [PART_ENTITY_PARSING] = {"entity parsing", 0, 0},
    [PART_POLICY_JSON] = {"policies text-JSON-text", 0, 0},
    [PART_POLICY_JSON_REQUESTS] = {"requests after text-JSON-text", 0, 0},
    [PART_FORMAT] = {"formatter", 0, 0},
    [PART_SCHEMA_JSON] = {"schemas text-JSON-text", 0, 0},
    [PART_SCHEMA_TEXT] = {"JSON schemas to text", 0, 0},
};

struct test {
	const char *base; /* the folder that paths in the test start from */
	int requests;     /* the part that its requests and what an archive says of it count for, */
	int archive;      /* where that is one part: else PART_ARCHIVE_… */
	const char *path;
	struct or_arena *arena;
	struct or_buf text;
	struct or_buf policies; /* their text */
	const struct or_json *json;
	struct pol_schema *schema;
	struct pol_entities *entities;
	struct pol_set *set;
	struct pol_ctx *ctx;
};

static void judge(int part, bool ok, const struct test *t, const char *fmt, ...) OR_PRINTF(4, 5);

static void judge(int part, bool ok, const struct test *t, const char *fmt, ...)
{
	va_list ap;

	if (part == PART_REQUESTS)
		part = t->requests;
	else if (part >= PART_ARCHIVE_POLICIES && part <= PART_ARCHIVE_REQUESTS && t->archive)
		part = t->archive;
	parts[part].total++;
	parts[part].passed += ok;
	if (ok)
		return;
	printf("%s: %s: ", t->path, parts[part].name);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static bool read_file(struct or_buf *b, const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *to;
	size_t n;

	or_buf_clear(b);
	if (!f)
		return false;
	do {
		to = or_buf_reserve(b, 65536);
		n = to ? fread(to, 1, 65536, f) : 0;
		if (to)
			or_buf_commit(b, n);
	} while (n > 0);
	fclose(f);
	return or_buf_ok(b);
}

/* The file that the test names under key, into t->text; false (said) where it cannot be read. */
static bool read_named(struct test *t, const char *key, const char **path)
{
	struct or_slice name = or_json_get_str(t->json, key);

	*path = or_arena_printf(t->arena, "%s/%.*s", t->base, OR_SLICE_FMT(name));
	if (name.p && *path && read_file(&t->text, *path))
		return true;
	printf("%s: cannot read its %s\n", t->path, key);
	return false;
}

/* Schema and policies; false (said) where one does not parse. */
static bool load_policies(struct test *t)
{
	const char *path;
	struct or_err err;

	if (!read_named(t, "schema", &path))
		return false;
	if (pol_schema_parse_text(&t->schema, path, or_buf_slice(&t->text), NULL, &err))
		goto bad;
	if (!read_named(t, "policies", &path))
		return false;
	or_buf_clear(&t->policies);
	or_buf_put_slice(&t->policies, or_buf_slice(&t->text));
	if (pol_set_parse(&t->set, POL_IDS_NUMBERED, path, or_buf_slice(&t->text), NULL, &err))
		goto bad;
	return true;
bad:
	printf("%s: %s\n", t->path, err.msg);
	return false;
}

static bool load_entities(struct test *t)
{
	const char *path;
	struct or_err err;

	if (!read_named(t, "entities", &path))
		return false;
	if (pol_entities_json_parse(
		&t->entities, path, or_buf_slice(&t->text), t->schema, NULL, &err) == OR_OK)
		return true;
	printf("%s: %s\n", t->path, err.msg);
	return false;
}

static void unload(struct test *t)
{
	pol_schema_free(t->schema);
	pol_entities_free(t->entities);
	pol_set_free(t->set);
	t->schema = NULL;
	t->entities = NULL;
	t->set = NULL;
}

static bool lists(const struct or_json *expected, struct or_slice id)
{
	for (size_t i = 0; i < expected->array.n; i++) {
		if (expected->array.items[i]->type == OR_JSON_STR &&
		    or_slice_eq(expected->array.items[i]->s, id))
			return true;
	}
	return false;
}

static bool same_reasons(const struct or_json *expected, const struct pol_decision *d)
{
	if (!expected || expected->array.n != d->n_reasons)
		return false;
	for (size_t i = 0; i < d->n_reasons; i++) {
		if (!lists(expected, d->reasons[i]->id))
			return false;
	}
	return true;
}

static bool same_errors(const struct or_json *expected, const struct pol_decision *d)
{
	if (!expected || expected->array.n != d->n_errors)
		return false;
	for (size_t i = 0; i < d->n_errors; i++) {
		if (!lists(expected, d->errors[i].policy->id))
			return false;
	}
	return true;
}

static bool read_request(struct test *t, const struct or_json *j, struct pol_request *req,
    const struct pol_source *src, struct pol_diags *diags)
{
	const struct or_json *context = or_json_get(j, "context");

	return pol_entities_json_uid(&req->principal, src, or_json_get(j, "principal"), diags) ==
		   OR_OK &&
	       pol_entities_json_uid(&req->action, src, or_json_get(j, "action"), diags) == OR_OK &&
	       pol_entities_json_uid(&req->resource, src, or_json_get(j, "resource"), diags) ==
		   OR_OK &&
	       context &&
	       pol_entities_json_context(&req->context, pol_ctx_arena(t->ctx), src, context,
		   t->schema, &req->action, diags) == OR_OK;
}

static void run_request(struct test *t, size_t i, const struct or_json *j, int part)
{
	const struct pol_entities *bases[] = {t->entities};
	const struct pol_set *sets[] = {t->set};
	struct pol_source src = {t->path, OR_SLICE_LIT(""), 0};
	struct pol_request req = {.context = NULL};
	struct pol_decision d;
	struct pol_diags diags;
	struct or_err err = {.msg = ""};
	bool allow;

	pol_ctx_begin(t->ctx, bases, 1);
	pol_diag_init(&diags);
	if (!read_request(t, j, &req, &src, &diags)) {
		pol_diag_err(&err, &diags, OR_PARSE);
		judge(part, false, t, "request %zu: %s", i, err.msg);
		pol_diag_done(&diags);
		return;
	}
	pol_diag_done(&diags);
	if (part == PART_REQUESTS)
		judge(PART_REQUEST_VALIDATION, pol_conform_request(t->schema, &req, &err) == OR_OK,
		    t, "request %zu: %s", i, err.msg);
	if (pol_authorize_request(&d, t->ctx, sets, 1, &req)) {
		judge(part, false, t, "request %zu: budget", i);
		return;
	}
	allow = or_slice_is(or_json_get_str(j, "decision"), "allow");
	judge(part,
	    allow == d.allow && same_reasons(or_json_get_type(j, "reason", OR_JSON_ARRAY), &d) &&
		same_errors(or_json_get_type(j, "errors", OR_JSON_ARRAY), &d),
	    t, "request %zu: %s with %zu reasons and %zu errors (%s)", i,
	    d.allow ? "allow" : "deny", d.n_reasons, d.n_errors,
	    d.n_errors ? d.errors[0].msg : "none");
}

/* text → JSON → text: JSON is the same at each step. Takes the place of the test's policies, so
 * that the requests can be asked again; false where there is nothing to ask. */
static bool judge_policy_json(struct test *t)
{
	struct pol_set *from_json = pol_set_new(POL_IDS_NUMBERED, 0), *from_text = NULL;
	struct or_err err = {.msg = "the JSON differs"};
	struct or_buf json[3], text;
	bool ok;

	for (size_t i = 0; i < OR_LEN(json); i++)
		or_buf_init(&json[i], FILE_MAX);
	or_buf_init(&text, FILE_MAX);
	ok = pol_est_write_set(&json[0], t->set, 0, &err) == OR_OK &&
	     pol_est_add(from_json, t->path, or_buf_slice(&json[0]), NULL, &err) == OR_OK &&
	     pol_est_write_set(&json[1], from_json, 0, &err) == OR_OK;
	pol_print_set(&text, from_json, false);
	ok = ok &&
	     pol_set_parse(
		 &from_text, POL_IDS_NUMBERED, t->path, or_buf_slice(&text), NULL, &err) == OR_OK &&
	     pol_est_write_set(&json[2], from_text, 0, &err) == OR_OK &&
	     or_slice_eq(or_buf_slice(&json[0]), or_buf_slice(&json[1])) &&
	     or_slice_eq(or_buf_slice(&json[0]), or_buf_slice(&json[2]));
	judge(PART_POLICY_JSON, ok, t, "%s", err.msg);
	for (size_t i = 0; i < OR_LEN(json); i++)
		or_buf_done(&json[i]);
	or_buf_done(&text);
	pol_set_free(from_json);
	if (from_text) {
		pol_set_free(t->set);
		t->set = from_text;
	}
	return from_text != NULL;
}

/* The formatter keeps the meaning (it looks itself), and its style is its own style. */
static void judge_format(struct test *t)
{
	struct or_err err = {.msg = "formatting again changes it"};
	struct or_slice text = or_buf_slice(&t->policies);
	struct or_buf once, twice;
	bool ok;

	or_buf_init(&once, FILE_MAX);
	or_buf_init(&twice, FILE_MAX);
	ok = pol_format_text(&once, t->path, text, NULL, NULL, &err) == OR_OK &&
	     pol_format_text(&twice, t->path, or_buf_slice(&once), NULL, NULL, &err) == OR_OK &&
	     or_slice_eq(or_buf_slice(&once), or_buf_slice(&twice));
	judge(PART_FORMAT, ok, t, "%s", err.msg);
	or_buf_done(&once);
	or_buf_done(&twice);
}

/* Whether the text, in one form or the other, means what the test's schema means. */
static bool is_same_schema(struct test *t, const struct or_buf *text, bool json, struct or_err *err)
{
	struct pol_schema *s = NULL;
	bool same =
	    (json ? pol_schema_parse_json(&s, t->path, or_buf_slice(text), NULL, err)
		  : pol_schema_parse_text(&s, t->path, or_buf_slice(text), NULL, err)) == OR_OK &&
	    pol_schema_same(t->schema, s);

	pol_schema_free(s);
	return same;
}

static void judge_schema_json(struct test *t)
{
	struct or_err err = {.msg = "means something else"};
	struct or_buf json, text;
	const char *path;
	bool ok;

	if (!read_named(t, "schema", &path))
		return;
	or_buf_init(&json, FILE_MAX);
	or_buf_init(&text, FILE_MAX);
	ok = pol_schema_convert_to_json(&json, path, or_buf_slice(&t->text), 2, NULL, &err) ==
		 OR_OK &&
	     pol_schema_convert_to_text(&text, path, or_buf_slice(&json), NULL, &err) == OR_OK &&
	     is_same_schema(t, &json, true, &err) && is_same_schema(t, &text, false, &err);
	judge(PART_SCHEMA_JSON, ok, t, "%s", err.msg);
	or_buf_done(&json);
	or_buf_done(&text);
}

static void judge_round_trips(struct test *t, const struct or_json *requests)
{
	judge_format(t);
	judge_schema_json(t);
	if (!judge_policy_json(t))
		return;
	for (size_t i = 0; requests && i < requests->array.n; i++)
		run_request(t, i, requests->array.items[i], PART_POLICY_JSON_REQUESTS);
}

static void judge_should_validate(struct test *t)
{
	const struct or_json *expected = or_json_get_type(t->json, "shouldValidate", OR_JSON_BOOL);
	struct or_err err = {.msg = ""};
	bool valid;

	if (!expected)
		return;
	valid = pol_validate_set(t->set, t->schema, POL_VALIDATE_STRICT, NULL, &err) == OR_OK;
	judge(PART_SHOULD_VALIDATE, valid == expected->b, t, "expected %s, %s",
	    expected->b ? "valid" : "invalid", valid ? "is valid" : err.msg);
}

static bool is_true(const struct or_json *j, const char *key)
{
	const struct or_json *v = or_json_get_type(j, key, OR_JSON_BOOL);

	return v && v->b;
}

static void judge_mode(
    struct test *t, const struct or_json *expected, const char *key, enum pol_validate_mode mode)
{
	struct or_err err = {.msg = ""};
	bool valid = pol_validate_set(t->set, t->schema, mode, NULL, &err) == OR_OK;

	judge(PART_ARCHIVE_POLICIES, valid == is_true(expected, key), t, "%s: expected %s, %s", key,
	    is_true(expected, key) ? "valid" : "invalid", valid ? "is valid" : err.msg);
}

static void judge_each_policy(struct test *t, const struct or_json *expected)
{
	const struct or_json *each = or_json_get_type(expected, "perPolicy", OR_JSON_OBJECT);

	for (size_t i = 0; each && i < each->object.n; i++) {
		const struct or_json *e = each->object.members[i].value;
		const struct pol_policy *p = pol_set_find(t->set, each->object.members[i].key);
		bool strict = p && pol_validate_policy(
				       p, t->schema, POL_VALIDATE_STRICT, NULL, NULL) == OR_OK;
		bool loose = p && pol_validate_policy(
				      p, t->schema, POL_VALIDATE_PERMISSIVE, NULL, NULL) == OR_OK;

		judge(PART_ARCHIVE_POLICIES,
		    p && strict == is_true(e, "strict") && loose == is_true(e, "permissive"), t,
		    "%.*s: strict %d, permissive %d", OR_SLICE_FMT(each->object.members[i].key),
		    strict, loose);
	}
}

/* What the list of entities holds under that name ("Type::id", as the archives write it). */
static const struct or_json *find_entity(const struct or_json *list, struct or_slice name)
{
	for (size_t i = 0; i < list->array.n; i++) {
		const struct or_json *e = list->array.items[i], *uid = or_json_get(e, "uid");
		const struct or_json *inner = or_json_get(uid, "__entity");
		struct or_slice type = or_json_get_str(inner ? inner : uid, "type");
		struct or_slice id = or_json_get_str(inner ? inner : uid, "id");

		if (type.n + 2 + id.n == name.n && memcmp(name.p, type.p, type.n) == 0 &&
		    or_slice_eq(or_slice_from(name, type.n + 2), id))
			return e;
	}
	return NULL;
}

static bool entity_is_valid(struct test *t, const struct pol_source *src, const struct or_json *e)
{
	struct or_arena *a = or_arena_new(0);
	struct pol_entity out;
	bool ok = pol_entities_json_one(&out, a, src, e, t->schema, NULL) == OR_OK;

	or_arena_free(a);
	return ok;
}

static void judge_each_entity(struct test *t, const struct or_json *expected)
{
	const struct or_json *each = or_json_get_type(expected, "perEntity", OR_JSON_OBJECT), *list;
	struct pol_source src;
	const char *path;

	if (!each || !read_named(t, "entities", &path))
		return;
	src = (struct pol_source){path, or_buf_slice(&t->text), 0};
	if (pol_json_parse(&list, &src, t->arena, NULL) || list->type != OR_JSON_ARRAY)
		return;
	for (size_t i = 0; i < each->object.n; i++) {
		const struct or_json_member *m = &each->object.members[i];
		const struct or_json *e = find_entity(list, m->key);
		bool valid = e && entity_is_valid(t, &src, e);

		/* The schema's own actions are listed too. */
		if (e)
			judge(PART_ARCHIVE_ENTITIES, valid == !or_json_get(m->value, "errors"), t,
			    "%.*s is %s", OR_SLICE_FMT(m->key), valid ? "valid" : "invalid");
	}
}

static bool request_is_valid(struct test *t, const struct or_json *j)
{
	struct pol_source src = {t->path, OR_SLICE_LIT(""), 0};
	struct pol_request req = {.context = NULL};
	struct pol_diags diags;
	bool ok;

	pol_ctx_begin(t->ctx, NULL, 0);
	pol_diag_init(&diags);
	ok = read_request(t, j, &req, &src, &diags) &&
	     pol_conform_request(t->schema, &req, NULL) == OR_OK;
	pol_diag_done(&diags);
	return ok;
}

static void judge_each_request(struct test *t, const struct or_json *expected)
{
	const struct or_json *requests = or_json_get_type(t->json, "requests", OR_JSON_ARRAY);

	for (size_t i = 0; requests && expected && i < expected->array.n; i++) {
		bool valid = i < requests->array.n && request_is_valid(t, requests->array.items[i]);

		judge(PART_ARCHIVE_REQUESTS, valid == is_true(expected->array.items[i], "strict"),
		    t, "request %zu is %s", i, valid ? "valid" : "invalid");
	}
}

/* What the archive says of this test; nothing where it says nothing. */
static void judge_archive(struct test *t, const char *path)
{
	struct pol_source src = {path, OR_SLICE_NONE, 0};
	const struct or_json *j, *policies;

	if (!path || !read_file(&t->text, path))
		return;
	src.text = or_buf_slice(&t->text);
	if (pol_json_parse(&j, &src, t->arena, NULL)) {
		judge(PART_ARCHIVE_POLICIES, false, t, "%s does not parse", path);
		return;
	}
	policies = or_json_get(j, "policyValidation");
	judge_mode(t, policies, "strict", POL_VALIDATE_STRICT);
	judge_mode(t, policies, "permissive", POL_VALIDATE_PERMISSIVE);
	judge_each_policy(t, policies);
	judge_each_entity(t, or_json_get(j, "entityValidation"));
	judge_each_request(t, or_json_get_type(j, "requestValidation", OR_JSON_ARRAY));
}

/* The JSON form of the test's schema, where there is one, means the same, and so does its text. */
static void judge_json_schema(struct test *t, const char *path)
{
	struct or_err err = {.msg = "means something else"};
	struct or_buf text;

	if (!path || !read_file(&t->text, path))
		return;
	judge(
	    PART_JSON_SCHEMAS, is_same_schema(t, &t->text, true, &err), t, "%s: %s", path, err.msg);
	or_buf_init(&text, FILE_MAX);
	judge(PART_SCHEMA_TEXT,
	    pol_schema_convert_to_text(&text, path, or_buf_slice(&t->text), NULL, &err) == OR_OK &&
		is_same_schema(t, &text, false, &err),
	    t, "%s: %s", path, err.msg);
	or_buf_done(&text);
}

static bool parse_test(struct test *t)
{
	struct pol_source src = {t->path, OR_SLICE_NONE, 0};

	or_arena_clear(t->arena);
	if (!read_file(&t->text, t->path))
		return false;
	src.text = or_buf_slice(&t->text);
	return pol_json_parse(&t->json, &src, t->arena, NULL) == OR_OK;
}

/* "<dir>/<folder>/<name><suffix>" for the test "<dir>/…/<name>.json" */
static const char *sibling(struct test *t, const char *dir, const char *folder, const char *suffix)
{
	const char *slash = strrchr(t->path, '/');
	int stem = (int)(strlen(slash) - strlen("/.json"));

	return or_arena_printf(t->arena, "%s/%s/%.*s%s", dir, folder, stem, slash + 1, suffix);
}

static void run_case(struct test *t, const char *dir)
{
	const struct or_json *requests;

	if (!parse_test(t)) {
		judge(PART_REQUESTS, false, t, "the test does not parse");
		return;
	}
	requests = or_json_get_type(t->json, "requests", OR_JSON_ARRAY);
	if (!requests)
		return;
	if (load_policies(t) && load_entities(t)) {
		for (size_t i = 0; i < requests->array.n; i++)
			run_request(t, i, requests->array.items[i], PART_REQUESTS);
		judge_should_validate(t);
		judge_archive(t, sibling(t, dir, "corpus-tests-validation", ".validation.json"));
		judge_json_schema(
		    t, sibling(t, dir, "corpus-tests-json-schemas", ".cedarschema.json"));
		judge_round_trips(t, requests);
	} else {
		for (size_t i = 0; i < requests->array.n; i++)
			judge(PART_REQUESTS, false, t, "request %zu: not loaded", i);
	}
	unload(t);
}

/* A case of validation alone; its entities may be broken on purpose. */
static void run_validation(struct test *t, const char *dir)
{
	if (!parse_test(t) || !or_json_get(t->json, "policies"))
		return;
	if (load_policies(t)) {
		judge_archive(t, sibling(t, dir, "validate/testdata", ".validation.json"));
		judge_round_trips(t, NULL);
	} else
		judge(PART_ARCHIVE_POLICIES, false, t, "not loaded");
	unload(t);
}

static void judge_parsing(struct test *t, const struct or_json *expected)
{
	const struct or_json *each = or_json_get_type(expected, "perEntity", OR_JSON_OBJECT), *list;
	struct pol_source src;
	const char *path;
	bool parses;

	if (!read_named(t, "entities", &path))
		return;
	parses = pol_entities_json_parse(
		     &t->entities, path, or_buf_slice(&t->text), t->schema, NULL, NULL) == OR_OK;
	judge(PART_ENTITY_PARSING,
	    parses == is_true(or_json_get(expected, "allEntities"), "success"), t, "the file %s",
	    parses ? "parses" : "does not parse");
	src = (struct pol_source){path, or_buf_slice(&t->text), 0};
	if (!each || pol_json_parse(&list, &src, t->arena, NULL) || list->type != OR_JSON_ARRAY)
		return;
	for (size_t i = 0; i < each->object.n; i++) {
		const struct or_json_member *m = &each->object.members[i];
		const struct or_json *e = find_entity(list, m->key);
		bool ok = e && entity_is_valid(t, &src, e);

		judge(PART_ENTITY_PARSING, ok == is_true(m->value, "success"), t, "%.*s %s",
		    OR_SLICE_FMT(m->key), ok ? "parses" : "does not parse");
	}
}

static void run_parsing(struct test *t, const char *dir)
{
	struct pol_source src = {t->path, OR_SLICE_NONE, 0};
	const struct or_json *expected;
	const char *path;

	if (!parse_test(t) || !or_json_get(t->json, "entities"))
		return;
	if (!read_named(t, "schema", &path) ||
	    pol_schema_parse_text(&t->schema, path, or_buf_slice(&t->text), NULL, NULL) ||
	    !read_file(&t->text, sibling(t, dir, "entity-parsing", ".parsing.json"))) {
		judge(PART_ENTITY_PARSING, false, t, "not loaded");
	} else {
		src.text = or_buf_slice(&t->text);
		if (pol_json_parse(&expected, &src, t->arena, NULL))
			judge(PART_ENTITY_PARSING, false, t, "the expectation does not parse");
		else
			judge_parsing(t, expected);
	}
	unload(t);
}

static bool ends_with(const char *path, const char *suffix)
{
	size_t n = strlen(path), m = strlen(suffix);

	return n >= m && strcmp(path + n - m, suffix) == 0;
}

static bool is_test(const char *path)
{
	static const char *const others[] = {
	    ".entities.json", ".validation.json", ".cedarschema.json", ".parsing.json"};

	for (size_t i = 0; i < OR_LEN(others); i++) {
		if (ends_with(path, others[i]))
			return false;
	}
	return true;
}

static void run_glob(
    struct test *t, const char *dir, const char *pattern, void (*run)(struct test *, const char *))
{
	struct or_buf full;
	glob_t g;

	or_buf_init(&full, 4096);
	or_buf_printf(&full, "%s/%s", dir, pattern);
	if (glob(or_buf_text(&full), 0, NULL, &g) == 0) {
		for (size_t i = 0; i < g.gl_pathc; i++) {
			t->path = g.gl_pathv[i];
			if (is_test(t->path))
				run(t, dir);
		}
		globfree(&g);
	}
	or_buf_done(&full);
}

static void run_dir(struct test *t, const char *dir)
{
	struct or_buf base;

	or_buf_init(&base, 4096);
	t->base = dir;
	t->requests = PART_BY_HAND;
	run_glob(t, dir, "tests/*/*.json", run_case);
	t->requests = PART_REQUESTS;
	run_glob(t, dir, "corpus-tests/*.json", run_case);
	or_buf_printf(&base, "%s/validate", dir);
	t->base = or_buf_text(&base);
	t->archive = PART_CASES;
	run_glob(t, dir, "validate/testdata/*.json", run_validation);
	t->archive = 0;
	or_buf_clear(&base);
	or_buf_printf(&base, "%s/entity-parsing", dir);
	t->base = or_buf_text(&base);
	run_glob(t, dir, "entity-parsing/*.json", run_parsing);
	or_buf_done(&base);
}

int main(int argc, char **argv)
{
	struct test t = {.arena = or_arena_new(0), .ctx = pol_ctx_new(0)};
	size_t passed = 0, total = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: cedar-conformance-tool DIR...\n");
		return 2;
	}
	or_buf_init(&t.text, FILE_MAX);
	or_buf_init(&t.policies, FILE_MAX);
	for (int i = 1; i < argc; i++)
		run_dir(&t, argv[i]);
	for (size_t i = 0; i < OR_LEN(parts); i++) {
		printf("cedar %s: %zu/%zu\n", parts[i].name, parts[i].passed, parts[i].total);
		passed += parts[i].passed;
		total += parts[i].total;
	}
	printf("cedar: %zu/%zu\n", passed, total);
	or_buf_done(&t.text);
	or_buf_done(&t.policies);
	or_arena_free(t.arena);
	pol_ctx_free(t.ctx);
	return passed == total && total > 0 ? 0 : 1;
}
