/* SPDX-License-Identifier: Apache-2.0 */
/* Where the parts of a shard's log lie; store.h draws the map. Paths end in NUL. */
#ifndef COLLECTOR_AUDIT_FILES_H
#define COLLECTOR_AUDIT_FILES_H

#include "base/err.h"
#include "tlog/tile.h"

#define CO_FILES_NAME_LEN 24   /* "00000000000000000000.seg" */
#define CO_FILES_PATH_MAX 4096 /* with its NUL; longer directories are refused at open */

/* "<first>.seg" */
void co_files_segment_name(char out[CO_FILES_NAME_LEN + 1], uint64_t first);
/* False: not a segment's name. */
bool co_files_segment_first(uint64_t *first, const char *name);

void co_files_segment(char out[CO_FILES_PATH_MAX], const char *dir, const char *name);
void co_files_tile(char out[CO_FILES_PATH_MAX], const char *dir, int level, uint64_t n);
void co_files_join(char out[CO_FILES_PATH_MAX], const char *dir, const char *name);

/* Cuts the last part off. */
void co_files_parent(char path[CO_FILES_PATH_MAX]);

#endif
