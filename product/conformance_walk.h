/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two conformance tools share: walk a folder of documents, judge each, compare with the
 * what the schema itself says (tools/odcs_oracle.py), and count.
 *
 * Usage of a tool: TOOL DIR [EXPECTED]. DIR/examples and DIR/fixtures are read (DIR itself where it
 * has neither). EXPECTED, or DIR/expected.json, is an object: path from DIR to true (valid) or
 * false. Without it the documents of examples/, which are valid, are judged, and of the others the
 * verdict is only shown.
 */
#ifndef PRODUCT_CONFORMANCE_WALK_H
#define PRODUCT_CONFORMANCE_WALK_H

#include "base/str.h"
#include "base/sys.h"
#include "product/diag.h"

#include <stdio.h>
#include <sys/stat.h>

#define WALK_FILE_MAX (8U * 1024 * 1024)

typedef enum or_code walk_judge_fn(
    struct or_slice text, struct or_arena *a, struct dp_diags *diags, struct or_err *err);

struct walk {
	const char *dir;
	walk_judge_fn *judge;
	const struct or_json *expected; /* or NULL */
	size_t passed;
	size_t total;
	size_t shown_only;
};

static inline bool walk_is_document(struct or_slice name)
{
	return !or_slice_is(name, "expected.json") &&
	       (or_str_has_suffix(name, ".yaml") || or_str_has_suffix(name, ".yml") ||
		   or_str_has_suffix(name, ".json"));
}

/* 1 valid, 0 invalid, -1 unknown */
static inline int walk_expected(const struct walk *w, const char *rel)
{
	const struct or_json *v = or_json_get_type(w->expected, rel, OR_JSON_BOOL);

	if (v)
		return v->b;
	return !w->expected && or_str_has_prefix(or_slice_str(rel), "examples/") ? 1 : -1;
}

static inline void walk_one(struct walk *w, const char *path, const char *rel)
{
	int expected = walk_expected(w, rel);
	struct or_arena *a = or_arena_new(256U * 1024 * 1024);
	struct dp_diags diags;
	struct or_buf text, report;
	struct or_err err = {0};
	enum or_code rc;

	or_buf_init(&text, WALK_FILE_MAX);
	or_buf_init(&report, 1U << 20);
	dp_diag_init(&diags, rel, a);
	rc = or_sys_read_file(&text, path, &err);
	if (rc == OR_OK)
		rc = w->judge(or_buf_slice(&text), a, &diags, &err);
	dp_diag_print(&report, &diags);
	if (expected < 0) {
		w->shown_only++;
		printf("%s: %s\n", rel, rc ? "invalid" : "valid");
	} else {
		w->total++;
		w->passed += (rc == OR_OK) == (expected == 1);
	}
	if (expected == 1 && rc)
		printf("FAILED %s: expected valid\n%s%s\n", rel, or_buf_text(&report),
		    diags.n ? "" : err.msg);
	if (expected == 0 && rc == OR_OK)
		printf("FAILED %s: expected invalid\n", rel);
	or_buf_done(&text);
	or_buf_done(&report);
	or_arena_free(a);
}

static inline void walk_folder(struct walk *w, const char *rel)
{
	struct or_arena *a = or_arena_new(0);
	struct or_sys_names names;
	struct stat st;

	if (or_sys_list(&names, or_arena_printf(a, "%s/%s", w->dir, rel), NULL)) {
		or_arena_free(a);
		return;
	}
	for (size_t i = 0; i < names.n; i++) {
		const char *child =
		    or_arena_printf(a, "%s%s%s", rel, *rel ? "/" : "", names.names[i]);
		const char *path = or_arena_printf(a, "%s/%s", w->dir, child);

		if (stat(path, &st))
			continue;
		if (S_ISDIR(st.st_mode))
			walk_folder(w, child);
		else if (walk_is_document(or_slice_str(names.names[i])))
			walk_one(w, path, child);
	}
	or_sys_names_free(&names);
	or_arena_free(a);
}

/* Exit code: 0 all passed, 1 some did not, 2 usage, 3 nothing could be read. */
static inline int walk_main(int argc, char **argv, const char *suite, walk_judge_fn *judge)
{
	struct walk w = {.dir = argc > 1 ? argv[1] : "", .judge = judge};
	struct or_arena *a = or_arena_new(64U * 1024 * 1024);
	struct or_buf text;
	struct or_err err = {0};
	enum or_code rc;
	int exit_code = 3;

	or_buf_init(&text, WALK_FILE_MAX);
	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: %s DIR [EXPECTED]\n", argv[0]);
		exit_code = 2;
		goto out;
	}
	rc = or_sys_read_file(
	    &text, argc == 3 ? argv[2] : or_arena_printf(a, "%s/expected.json", argv[1]), &err);
	if (rc == OR_OK)
		rc = or_json_parse(&w.expected, or_buf_slice(&text), a, &err);
	else if (rc == OR_ABSENT && argc == 2)
		rc = OR_OK;
	if (rc) {
		fprintf(stderr, "%s\n", err.msg);
		goto out;
	}
	walk_folder(&w, "examples");
	walk_folder(&w, "fixtures");
	if (w.total + w.shown_only == 0)
		walk_folder(&w, "");
	printf("%s: %zu/%zu\n", suite, w.passed, w.total);
	exit_code = w.total + w.shown_only == 0 ? 3 : w.passed != w.total;
out:
	or_buf_done(&text);
	or_arena_free(a);
	return exit_code;
}

#endif
