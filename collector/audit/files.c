/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/audit/files.h"

#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

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

void co_files_part_name(char out[CO_FILES_PART_LEN + 1], const struct co_files_part *part)
{
	int n = snprintf(out, CO_FILES_PART_LEN + 1,
	    "%020" PRIu64 "-%020" PRIu64 "-%08" PRIu64 ".part", part->first, part->end, part->day);

	OR_ASSERT(n == CO_FILES_PART_LEN);
}

bool co_files_part_parse(struct co_files_part *out, const char *name)
{
	struct or_slice s = or_slice_str(name);

	return s.n == CO_FILES_PART_LEN && or_str_has_suffix(s, ".part") && s.p[20] == '-' &&
	       s.p[41] == '-' && or_str_u64(&out->first, or_slice(s.p, 20)) == OR_OK &&
	       or_str_u64(&out->end, or_slice(s.p + 21, 20)) == OR_OK &&
	       or_str_u64(&out->day, or_slice(s.p + 42, 8)) == OR_OK && out->first < out->end;
}

uint64_t co_files_day(uint64_t ns)
{
	time_t t = (time_t)(ns / OR_NS_PER_S);
	struct tm day;

	OR_ASSERT(gmtime_r(&t, &day));
	return (uint64_t)(day.tm_year + 1900) % 10000 * 10000 + (uint64_t)(day.tm_mon + 1) * 100 +
	       (uint64_t)day.tm_mday;
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
