/* SPDX-License-Identifier: Apache-2.0 */
/* Where the parts of a shard's log lie; store.h draws the map. Paths end in NUL. */
#ifndef COLLECTOR_AUDIT_FILES_H
#define COLLECTOR_AUDIT_FILES_H

#include "base/err.h"
#include "tlog/tile.h"

#define CO_FILES_NAME_LEN 24   /* "00000000000000000000.seg" */
#define CO_FILES_PART_LEN 55   /* 20, 20 and 8 digits, '-' between them, ".part" */
#define CO_FILES_PATH_MAX 4096 /* with its NUL; longer directories are refused at open */

/* "<first>.seg" */
void co_files_segment_name(char out[CO_FILES_NAME_LEN + 1], uint64_t first);
/* False: not a segment's name. */
bool co_files_segment_first(uint64_t *first, const char *name);

/* "<first>-<end>-<day>.part": leaves [first, end), received on that UTC day (20261124). */
struct co_files_part {
	uint64_t first, end;
	uint64_t day;
};
void co_files_part_name(char out[CO_FILES_PART_LEN + 1], const struct co_files_part *part);
/* False: not a part's name. */
bool co_files_part_parse(struct co_files_part *out, const char *name);
uint64_t co_files_day(uint64_t ns);

void co_files_segment(char out[CO_FILES_PATH_MAX], const char *dir, const char *name);
void co_files_tile(char out[CO_FILES_PATH_MAX], const char *dir, int level, uint64_t n);
void co_files_join(char out[CO_FILES_PATH_MAX], const char *dir, const char *name);

/* Cuts the last part off. */
void co_files_parent(char path[CO_FILES_PATH_MAX]);

#endif
