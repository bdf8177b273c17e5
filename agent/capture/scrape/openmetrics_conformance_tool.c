/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the folders of DIR/parsers (DIR itself where it has none), each with a test.json that names
 * a file and says whether it shouldParse as OpenMetrics, and compares. The last line is
 * "openmetrics: passed/total".
 */
#include "agent/capture/scrape/exposition.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/sys.h"

#include <stdio.h>
#include <sys/stat.h>

enum { FILE_LIMIT = 16 * 1024 * 1024 };

struct verdict {
	struct or_slice file;
	bool should_parse;
};

static enum or_code read_file(struct or_buf *text, const char *dir, struct or_slice name,
    struct or_arena *a, struct or_err *err)
{
	or_buf_clear(text);
	return or_sys_read_file(
	    text, or_arena_printf(a, "%s/%.*s", dir, (int)name.n, (const char *)name.p), err);
}

static enum or_code read_test(struct verdict *out, struct or_buf *text, const char *dir,
    struct or_arena *a, struct or_err *err)
{
	const struct or_json *j, *file, *should;
	enum or_code rc = read_file(text, dir, OR_SLICE_LIT("test.json"), a, err);

	rc = rc ? rc : or_json_parse(&j, or_buf_slice(text), a, err);
	if (rc)
		return rc;
	file = or_json_get(j, "file");
	should = or_json_get(j, "shouldParse");
	if (!file || file->type != OR_JSON_STR || !should || should->type != OR_JSON_BOOL)
		return or_err_set(err, OR_PARSE, "%s/test.json: no file and shouldParse", dir);
	*out = (struct verdict){or_arena_dup(a, file->s), should->b};
	return OR_OK;
}

static bool judge(const char *dir)
{
	struct or_arena *a = or_arena_new(0);
	struct or_err err = {0};
	struct verdict want = {0};
	struct ag_exposition got;
	struct or_buf text;
	bool passes = false;

	or_buf_init(&text, FILE_LIMIT);
	if (read_test(&want, &text, dir, a, &err) == OR_OK &&
	    read_file(&text, dir, want.file, a, &err) == OR_OK)
		passes = want.should_parse == (ag_exposition_parse(&got, or_buf_slice(&text),
						   AG_EXPOSITION_OPENMETRICS, a, &err) == OR_OK);
	if (!passes)
		printf("%s: %s\n", dir, err.msg[0] ? err.msg : "it was taken, but must not be");
	or_buf_done(&text);
	or_arena_free(a);
	return passes;
}

static bool is_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

int main(int argc, char **argv)
{
	struct or_arena *a = or_arena_new(0);
	size_t passed = 0, total = 0;
	struct or_sys_names names;
	struct or_err err;
	const char *dir;

	if (argc < 2)
		return 2;
	dir = or_arena_printf(a, "%s/parsers", argv[1]);
	dir = is_there(dir) ? dir : argv[1];
	if (or_sys_list(&names, dir, &err)) {
		fprintf(stderr, "%s\n", err.msg);
		return 3;
	}
	for (size_t i = 0; i < names.n; i++) {
		if (!is_there(or_arena_printf(a, "%s/%s/test.json", dir, names.names[i])))
			continue;
		total++;
		passed += judge(or_arena_printf(a, "%s/%s", dir, names.names[i]));
	}
	or_sys_names_free(&names);
	or_arena_free(a);
	printf("openmetrics: %zu/%zu\n", passed, total);
	return passed == total ? 0 : 1;
}
