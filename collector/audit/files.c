/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/audit/files.h"

#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>

void co_files_segment_name(char out[CO_FILES_NAME_LEN + 1], uint64_t first)
{
	snprintf(out, CO_FILES_NAME_LEN + 1, "%020" PRIu64 ".seg", first);
}

bool co_files_segment_first(uint64_t *first, const char *name)
{
	struct or_slice s = or_slice_str(name);

	return s.n == CO_FILES_NAME_LEN && or_str_has_suffix(s, ".seg") &&
	       or_str_u64(first, or_slice(s.p, 20)) == OR_OK;
}

void co_files_join(char out[CO_FILES_PATH_MAX], const char *dir, const char *name)
{
	int n = snprintf(out, CO_FILES_PATH_MAX, "%s/%s", dir, name);

	OR_ASSERT(n > 0 && n < CO_FILES_PATH_MAX);
}

void co_files_segment(char out[CO_FILES_PATH_MAX], const char *dir, const char *name)
{
	int n = snprintf(out, CO_FILES_PATH_MAX, "%s/segments/%s", dir, name);

	OR_ASSERT(n > 0 && n < CO_FILES_PATH_MAX);
}

void co_files_tile(char out[CO_FILES_PATH_MAX], const char *dir, int level, uint64_t n)
{
	const struct tl_tile tile = {.level = level, .n = n, .width = TL_TILE_WIDTH};
	struct or_buf path;

	or_buf_init(&path, 128);
	tl_tile_path(&path, &tile);
	co_files_join(out, dir, or_buf_text(&path));
	or_buf_done(&path);
}

void co_files_parent(char path[CO_FILES_PATH_MAX])
{
	char *slash = strrchr(path, '/');

	OR_ASSERT(slash && slash != path);
	*slash = 0;
}
