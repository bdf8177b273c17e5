/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judges the extractor of tables by the recorded cases of the folder that is the argument
 * (openlineage.json, sqllineage.json). Cases that differ are listed by kind: what was read or
 * written and is missing, or is not there and was found. The last line is "sql-lineage:
 * passed/total".
 */
#include "base/json.h"
#include "base/str.h"
#include "base/sys.h"
#include "ebpf/sql/sql.h"

#include <stdio.h>

#define FILE_MAX (16U * 1024 * 1024)
#define BUDGET   (8U * 1024 * 1024)

struct tally {
	size_t passed, total;
};

/* Of a recorded name: "…" around a part tells that its case counts, unless the part has a dot. */
static struct or_slice plain(struct or_slice name, struct or_arena *a, bool *exact)
{
	char *out = or_arena_alloc(a, name.n + 1);
	size_t n = 0;
	bool quoted = memchr(name.p, '"', name.n) != NULL, dotted = false;

	*exact = quoted;
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] != '"') {
			out[n++] = (char)name.p[i];
			continue;
		}
		if (!dotted) {
			size_t end = or_str_find(name, '"', i + 1);

			dotted = memchr(name.p + i, '.', end - i) != NULL;
			if (dotted)
				out[n++] = '"';
		} else {
			out[n++] = '"';
			dotted = false;
		}
	}
	return or_slice(out, n);
}

static bool has(const struct tap_sql_names *names, struct or_slice want, bool fold)
{
	for (size_t i = 0; i < names->n; i++)
		if (fold ? or_str_eq_nocase(names->items[i].text, want)
			 : or_slice_eq(names->items[i].text, want))
			return true;
	return false;
}

/* As sets. Says what differs. */
static bool same(const char *id, const char *side, const struct tap_sql_names *got,
    const struct or_json *want, bool fold, struct or_arena *a)
{
	bool ok = true, exact;
	size_t n = want && want->type == OR_JSON_ARRAY ? want->array.n : 0;

	for (size_t i = 0; i < n; i++) {
		struct or_slice name = plain(want->array.items[i]->s, a, &exact);

		if (has(got, name, fold && !exact))
			continue;
		printf("  %s: missing %s: %.*s\n", id, side, OR_SLICE_FMT(name));
		ok = false;
	}
	for (size_t i = 0; i < got->n; i++) {
		bool there = false;

		for (size_t k = 0; k < n; k++) {
			struct or_slice name = plain(want->array.items[k]->s, a, &exact);

			there |= fold && !exact ? or_str_eq_nocase(name, got->items[i].text)
						: or_slice_eq(name, got->items[i].text);
		}
		if (there)
			continue;
		printf("  %s: wrong %s: %.*s\n", id, side, OR_SLICE_FMT(got->items[i].text));
		ok = false;
	}
	return ok;
}

static bool same_external(const struct tap_sql_facts *f, const struct or_json *want)
{
	size_t n = 0;

	for (size_t i = 0; i < f->in.n; i++)
		n += f->in.items[i].external;
	for (size_t i = 0; i < f->out.n; i++)
		n += f->out.items[i].external;
	return n == (want && want->type == OR_JSON_ARRAY ? want->array.n : 0);
}

/* One dialect of a case. */
static bool judge(const struct or_json *c, struct or_slice dialect, bool whole)
{
	struct tap_sql_opt opt = {.dialect = tap_sql_dialect_find(dialect), .whole = whole};
	const struct or_json *sql = or_json_get(c, "sql");
	struct or_arena *a = or_arena_new(BUDGET);
	struct tap_sql_facts facts = {.more = false};
	struct tap_sql_use use = {"", ""};
	char id[256];
	bool ok = true;

	snprintf(id, sizeof(id), "%.*s (%.*s)", OR_SLICE_FMT(or_json_get_str(c, "id")),
	    OR_SLICE_FMT(dialect));
	if (sql->type == OR_JSON_STR)
		ok = tap_sql_read(&facts, &use, sql->s, &opt, a) == OR_OK;
	for (size_t i = 0; ok && sql->type == OR_JSON_ARRAY && i < sql->array.n; i++)
		ok = tap_sql_read(&facts, &use, sql->array.items[i]->s, &opt, a) == OR_OK;
	if (whole)
		tap_sql_finish(&facts);
	ok &= same(id, "in", &facts.in, or_json_get(c, "in"), whole, a);
	ok &= same(id, "out", &facts.out, or_json_get(c, "out"), whole, a);
	if (!same_external(&facts, or_json_get(c, "external"))) {
		printf("  %s: locations and tables are mixed up\n", id);
		ok = false;
	}
	or_arena_free(a);
	return ok;
}

static bool judge_case(const struct or_json *c)
{
	const struct or_json *dialects = or_json_get_type(c, "dialects", OR_JSON_ARRAY);
	bool ok = true;

	if (!dialects)
		return judge(c, or_json_get_str(c, "dialect"), false);
	for (size_t i = 0; i < dialects->array.n; i++)
		ok &= judge(c, dialects->array.items[i]->s, true);
	return ok;
}

static bool judge_file(struct tally *t, const char *dir, const char *name)
{
	struct or_arena *a = or_arena_new(0);
	const struct or_json *j, *cases;
	struct tally mine = {0, 0};
	struct or_buf text;
	struct or_err err = {0};
	char path[4096];
	bool ok;

	or_buf_init(&text, FILE_MAX);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	ok = or_sys_read_file(&text, path, &err) == OR_OK &&
	     or_json_parse(&j, or_buf_slice(&text), a, &err) == OR_OK;
	cases = ok ? or_json_get_type(j, "cases", OR_JSON_ARRAY) : NULL;
	if (ok && cases) {
		for (size_t i = 0; i < cases->array.n; i++) {
			mine.total++;
			mine.passed += judge_case(cases->array.items[i]);
		}
		printf("%s: %zu/%zu\n", name, mine.passed, mine.total);
	} else if (err.code != OR_ABSENT) {
		fprintf(stderr, "%s: %s\n", path, err.code ? err.msg : "no cases");
		ok = false;
	}
	t->passed += mine.passed;
	t->total += mine.total;
	or_buf_done(&text);
	or_arena_free(a);
	return ok || err.code == OR_ABSENT;
}

int main(int argc, char **argv)
{
	struct tally t = {0, 0};
	bool ok;

	if (argc < 2) {
		fprintf(stderr, "usage: sql-lineage-conformance-tool DIR\n");
		return 2;
	}
	ok = judge_file(&t, argv[1], "openlineage.json");
	ok &= judge_file(&t, argv[1], "sqllineage.json");
	printf("sql-lineage: %zu/%zu\n", t.passed, t.total);
	return ok && t.passed == t.total ? 0 : 1;
}
