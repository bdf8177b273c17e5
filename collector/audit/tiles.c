/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/audit/tiles.h"

#include "base/sys.h"
#include "collector/audit/files.h"

#include <fcntl.h>

/* A commit of CO_STORE_PENDING_MAX bytes cannot give more. */
enum { WAITING_MAX = 1 << 24 };

struct item {
	uint64_t index;
	int level;
	struct tl_hash hash;
};

void co_tiles_init(struct co_tiles *t)
{
	or_buf_init(&t->waiting, WAITING_MAX);
}

void co_tiles_done(struct co_tiles *t)
{
	or_buf_done(&t->waiting);
}

void co_tiles_clear(struct co_tiles *t)
{
	or_buf_clear(&t->waiting);
}

void co_tiles_on_node(void *tiles, unsigned int height, uint64_t index, const struct tl_hash *hash)
{
	struct co_tiles *t = tiles;
	struct item item = {.index = index, .level = (int)(height / TL_TILE_HEIGHT), .hash = *hash};

	if (height >= TL_TILE_HEIGHT && height % TL_TILE_HEIGHT == 0)
		or_buf_put(&t->waiting, &item, sizeof(item));
}

static enum or_code open_tile(int *fd, const char *dir, const struct item *item, struct or_err *err)
{
	char path[CO_FILES_PATH_MAX], parent[CO_FILES_PATH_MAX];
	enum or_code rc;

	co_files_tile(path, dir, item->level, item->index / TL_TILE_WIDTH);
	rc = or_sys_open(fd, path, O_WRONLY | O_CREAT, 0640, err);
	if (rc != OR_ABSENT)
		return rc;
	memcpy(parent, path, sizeof(parent));
	co_files_parent(parent);
	rc = or_sys_mkdir(parent, 0750, err);
	return rc ? rc : or_sys_open(fd, path, O_WRONLY | O_CREAT, 0640, err);
}

enum or_code co_tiles_write(struct co_tiles *t, const char *dir, struct or_err *err)
{
	enum or_code rc = OR_OK;

	OR_ASSERT(or_buf_ok(&t->waiting));
	for (size_t at = 0; at < t->waiting.n && !rc; at += sizeof(struct item)) {
		struct item item;
		int fd = -1;

		memcpy(&item, t->waiting.p + at, sizeof(item));
		rc = open_tile(&fd, dir, &item, err);
		if (!rc)
			rc = or_sys_pwrite(fd, or_slice(item.hash.b, TL_HASH_LEN),
			    item.index % TL_TILE_WIDTH * TL_HASH_LEN, err);
		or_sys_close(fd);
	}
	if (rc)
		return or_err_wrap(err, rc, "writing a tile");
	or_buf_clear(&t->waiting);
	return OR_OK;
}

/* The file, then every folder up to the log's, since any of them may be new. */
static enum or_code sync_tile(const char *dir, int level, uint64_t n, struct or_err *err)
{
	char path[CO_FILES_PATH_MAX];
	enum or_code rc;
	int fd = -1;

	co_files_tile(path, dir, level, n);
	rc = or_sys_open(&fd, path, O_WRONLY, 0, err);
	if (!rc)
		rc = or_sys_fdatasync(fd, err);
	or_sys_close(fd);
	while (!rc && strlen(path) > strlen(dir)) {
		co_files_parent(path);
		rc = or_sys_sync_dir(path, err);
	}
	return rc;
}

enum or_code co_tiles_sync(const char *dir, uint64_t from, uint64_t to, struct or_err *err)
{
	enum or_code rc = OR_OK;

	for (int level = 1; level <= 7 && !rc; level++) {
		uint64_t first = from >> (level * TL_TILE_HEIGHT);
		uint64_t end = to >> (level * TL_TILE_HEIGHT);

		if (first == end)
			break;
		for (uint64_t n = first / TL_TILE_WIDTH; n <= (end - 1) / TL_TILE_WIDTH && !rc; n++)
			rc = sync_tile(dir, level, n, err);
	}
	return rc;
}
