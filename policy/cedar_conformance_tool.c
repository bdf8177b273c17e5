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

#include <glob.h>
#include <stdarg.h>
#include <stdio.h>

enum { FILE_MAX = 64 << 20 };

struct part {
	const char *name;
	size_t passed, total;
};

static struct part parts[] = {{"requests", 0, 0}, {"request validation", 0, 0}};
enum { PART_REQUESTS, PART_REQUEST_VALIDATION };

struct test {
	const char *base; /* the folder that paths in the test start from */
	const char *path;
	struct or_arena *arena;
	struct or_buf text;
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

static bool load(struct test *t)
{
	const char *path;
	struct or_err err;

	if (!read_named(t, "schema", &path))
		return false;
	if (pol_schema_parse_text(&t->schema, path, or_buf_slice(&t->text), NULL, &err))
		goto bad;
	if (!read_named(t, "policies", &path))
		return false;
	if (pol_set_parse(&t->set, POL_IDS_NUMBERED, path, or_buf_slice(&t->text), NULL, &err))
		goto bad;
	if (!read_named(t, "entities", &path))
		return false;
	if (pol_entities_json_parse(
		&t->entities, path, or_buf_slice(&t->text), t->schema, NULL, &err))
		goto bad;
	return true;
bad:
	printf("%s: %s\n", t->path, err.msg);
	return false;
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

static void run_request(struct test *t, size_t i, const struct or_json *j)
{
	const struct pol_entities *bases[] = {t->entities};
	const struct pol_set *sets[] = {t->set};
	struct pol_source src = {t->path, OR_SLICE_LIT("")};
	struct pol_request req = {.context = NULL};
	struct pol_decision d;
	struct pol_diags diags;
	struct or_err err = {.msg = ""};
	bool allow;

	pol_ctx_begin(t->ctx, bases, 1);
	pol_diag_init(&diags);
	if (!read_request(t, j, &req, &src, &diags)) {
		pol_diag_err(&err, &diags, OR_PARSE);
		judge(PART_REQUESTS, false, t, "request %zu: %s", i, err.msg);
		pol_diag_done(&diags);
		return;
	}
	pol_diag_done(&diags);
	judge(PART_REQUEST_VALIDATION, pol_conform_request(t->schema, &req, &err) == OR_OK, t,
	    "request %zu: %s", i, err.msg);
	if (pol_authorize_request(&d, t->ctx, sets, 1, &req)) {
		judge(PART_REQUESTS, false, t, "request %zu: budget", i);
		return;
	}
	allow = or_slice_is(or_json_get_str(j, "decision"), "allow");
	judge(PART_REQUESTS,
	    allow == d.allow && same_reasons(or_json_get_type(j, "reason", OR_JSON_ARRAY), &d) &&
		same_errors(or_json_get_type(j, "errors", OR_JSON_ARRAY), &d),
	    t, "request %zu: %s with %zu reasons and %zu errors (%s)", i,
	    d.allow ? "allow" : "deny", d.n_reasons, d.n_errors,
	    d.n_errors ? d.errors[0].msg : "none");
}

static void run_test(struct test *t)
{
	const struct or_json *requests;
	struct pol_source src = {t->path, OR_SLICE_NONE};

	or_arena_clear(t->arena);
	if (!read_file(&t->text, t->path))
		return;
	src.text = or_buf_slice(&t->text);
	if (pol_json_parse(&t->json, &src, t->arena, NULL)) {
		judge(PART_REQUESTS, false, t, "the test does not parse");
		return;
	}
	requests = or_json_get_type(t->json, "requests", OR_JSON_ARRAY);
	if (!requests)
		return;
	if (load(t)) {
		for (size_t i = 0; i < requests->array.n; i++)
			run_request(t, i, requests->array.items[i]);
	} else {
		for (size_t i = 0; i < requests->array.n; i++)
			judge(PART_REQUESTS, false, t, "request %zu: not loaded", i);
	}
	pol_schema_free(t->schema);
	pol_entities_free(t->entities);
	pol_set_free(t->set);
	t->schema = NULL;
	t->entities = NULL;
	t->set = NULL;
}

static bool ends_with(const char *path, const char *suffix)
{
	size_t n = strlen(path), m = strlen(suffix);

	return n >= m && strcmp(path + n - m, suffix) == 0;
}

static void run_glob(struct test *t, const char *dir, const char *pattern, const char *base)
{
	struct or_buf full;
	glob_t g;

	or_buf_init(&full, 4096);
	or_buf_printf(&full, "%s/%s", dir, pattern);
	t->base = base;
	if (glob(or_buf_text(&full), 0, NULL, &g) == 0) {
		for (size_t i = 0; i < g.gl_pathc; i++) {
			t->path = g.gl_pathv[i];
			if (!ends_with(t->path, ".entities.json") &&
			    !ends_with(t->path, ".validation.json") &&
			    !ends_with(t->path, ".cedarschema.json"))
				run_test(t);
		}
		globfree(&g);
	}
	or_buf_done(&full);
}

static void run_dir(struct test *t, const char *dir)
{
	struct or_buf base;

	or_buf_init(&base, 4096);
	or_buf_printf(&base, "%s/validate", dir);
	run_glob(t, dir, "tests/*/*.json", dir);
	run_glob(t, dir, "corpus-tests/*.json", dir);
	run_glob(t, dir, "validate/testdata/*.json", or_buf_text(&base));
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
	for (int i = 1; i < argc; i++)
		run_dir(&t, argv[i]);
	for (size_t i = 0; i < OR_LEN(parts); i++) {
		printf("cedar %s: %zu/%zu\n", parts[i].name, parts[i].passed, parts[i].total);
		passed += parts[i].passed;
		total += parts[i].total;
	}
	printf("cedar: %zu/%zu\n", passed, total);
	or_buf_done(&t.text);
	or_arena_free(t.arena);
	pol_ctx_free(t.ctx);
	return passed == total && total > 0 ? 0 : 1;
}
