/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads every event below DIR/events (DIR itself where it has none): <scenario>/events/<name>.json,
 * or any other .json below that has an eventTime. All must be taken.
 * The last line is "openlineage: passed/total".
 */
#include "base/str.h"
#include "base/sys.h"
#include "proto/openlineage.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

enum { FILE_LIMIT = 16 * 1024 * 1024, PATH_LEN = 4096, FDS = 16 };

static size_t passed, total;

static int on_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	struct or_arena *a;
	const struct or_json *event;
	struct wire_openlineage e;
	struct or_err err = {0};
	struct or_buf text;
	enum or_code rc;

	(void)st;
	(void)ftw;
	if (type != FTW_F || !or_str_has_suffix(or_slice_str(path), ".json"))
		return 0;
	a = or_arena_new(0);
	or_buf_init(&text, FILE_LIMIT);
	rc = or_sys_read_file(&text, path, &err);
	if (rc == OR_OK)
		rc = or_json_parse(&event, or_buf_slice(&text), a, &err);
	/* A scenario's config.json and maintainers.json are no events. */
	if (rc || or_json_get(event, "eventTime")) {
		total++;
		if (rc == OR_OK)
			rc = wire_openlineage_read(&e, event, a, &err);
		if (rc)
			printf("%s: %s\n", path, err.msg);
		passed += rc == OR_OK;
	}
	or_buf_done(&text);
	or_arena_free(a);
	return 0;
}

int main(int argc, char **argv)
{
	char dir[PATH_LEN];
	struct stat st;

	if (argc < 2)
		return 2;
	snprintf(dir, sizeof(dir), "%s/events", argv[1]);
	if (stat(dir, &st))
		snprintf(dir, sizeof(dir), "%s", argv[1]);
	if (nftw(dir, on_file, FDS, FTW_PHYS)) {
		perror(dir);
		return 3;
	}
	printf("openlineage: %zu/%zu\n", passed, total);
	return passed == total ? 0 : 1;
}
