/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tiles.h"

#include <inttypes.h>

void ctl_tiles_init(struct ctl_tiles *t, const struct ctl_source *src,
    const struct ctl_source_shard *shard, uint64_t size, struct ctl_check *check)
{
	*t = (struct ctl_tiles){.src = src, .shard = shard, .size = size, .check = check};
	for (size_t i = 0; i < CTL_TILES_LEVELS; i++)
		or_buf_init(&t->level[i].hashes, TL_TILE_WIDTH * TL_HASH_LEN);
}

void ctl_tiles_done(struct ctl_tiles *t)
{
	for (size_t i = 0; i < CTL_TILES_LEVELS; i++)
		or_buf_done(&t->level[i].hashes);
}

/* What a source says of a tile that is damaged or gone; anything else is a source that is. */
static bool is_damage(enum or_code rc)
{
	return rc == OR_ABSENT || rc == OR_CORRUPT || rc == OR_BUSY || rc == OR_FULL;
}

static void load(struct ctl_tiles *t, const struct tl_tile *tile)
{
	struct or_buf *out = &t->level[tile->level].hashes;
	struct or_err err;
	struct or_buf path;
	enum or_code rc;

	t->level[tile->level].is_read = true;
	t->level[tile->level].n = tile->n;
	or_buf_clear(out);
	rc = t->src->read_tile(out, t->src, t->shard, tile, &err);
	t->level[tile->level].is_bad = rc != OR_OK;
	if (rc == OR_OK)
		return;
	if (!is_damage(rc)) {
		t->rc = rc;
		t->err = err;
		return;
	}
	or_buf_init(&path, 256);
	tl_tile_path(&path, &(struct tl_tile){tile->level, tile->n, TL_TILE_WIDTH});
	ctl_check_found(t->check, "%s: it cannot be read: %s", or_buf_text(&path), err.msg);
	or_buf_done(&path);
}

static void differs(
    struct ctl_tiles *t, const struct tl_tile *tile, unsigned int height, uint64_t index)
{
	unsigned int at = (unsigned int)(index % TL_TILE_WIDTH);
	bool is_missing = t->level[tile->level].hashes.n < ((size_t)at + 1) * TL_HASH_LEN;
	struct or_buf path;

	or_buf_init(&path, 256);
	tl_tile_path(&path, &(struct tl_tile){tile->level, tile->n, TL_TILE_WIDTH});
	ctl_check_found(t->check, "%s, offset %zu: hash %u is %s of leaves %" PRIu64 " to %" PRIu64,
	    or_buf_text(&path), (size_t)at * TL_HASH_LEN, at,
	    is_missing ? "missing, that" : "not that", index << height,
	    ((index + 1) << height) - 1);
	or_buf_done(&path);
}

void ctl_tiles_on_node(void *tiles, unsigned int height, uint64_t index, const struct tl_hash *hash)
{
	struct ctl_tiles *t = tiles;
	struct tl_tile tile = {.level = (int)(height / TL_TILE_HEIGHT), .n = index / TL_TILE_WIDTH};
	size_t at = index % TL_TILE_WIDTH * TL_HASH_LEN;
	const struct or_buf *hashes;

	if (height == 0 || height % TL_TILE_HEIGHT || tile.level >= CTL_TILES_LEVELS || t->rc)
		return;
	tile.width = tl_tile_width(t->size, tile.level, tile.n);
	if (tile.width == 0)
		return; /* behind the checkpoint */
	if (!t->level[tile.level].is_read || t->level[tile.level].n != tile.n)
		load(t, &tile);
	hashes = &t->level[tile.level].hashes;
	if (t->level[tile.level].is_bad)
		return;
	if (hashes->n < at + TL_HASH_LEN || memcmp(hashes->p + at, hash->b, TL_HASH_LEN) != 0)
		differs(t, &tile, height, index);
}
