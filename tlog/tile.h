/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tiles: where the hashes and entries of a log lie (C2SP tlog-tiles). Any thread.
 *
 * A tile of level L holds up to 256 hashes of height 8 * L, 32 bytes each; its path is
 * "tile/<L>/<N>", with ".p/<W>" behind it where it holds only W of them. Entry bundles are
 * "tile/entries/<N>". N is written in groups of three digits: 1234067 is "x001/x234/067".
 */
#ifndef TLOG_TILE_H
#define TLOG_TILE_H

#include "base/buf.h"
#include "base/err.h"
#include "tlog/hash.h"

#define TL_TILE_WIDTH     256
#define TL_TILE_HEIGHT    8
#define TL_TILE_LEVEL_MAX 63
#define TL_TILE_ENTRIES   -1 /* as level: a bundle of entries */

struct tl_tile {
	int level; /* 0 to TL_TILE_LEVEL_MAX, or TL_TILE_ENTRIES */
	uint64_t n;
	unsigned int width; /* 1 to 256 */
};

/* Puts the path. */
void tl_tile_path(struct or_buf *out, const struct tl_tile *tile);

/* Strict: one path for each tile. OR_PARSE. */
OR_NODISCARD enum or_code tl_tile_parse(struct tl_tile *out, struct or_slice path);

/* How many hashes (or entries) tile n of that level has in a tree of that size; 0: none yet. */
unsigned int tl_tile_width(uint64_t size, int level, uint64_t n);

/* Where the subtree (height, index) is found: `count` hashes (a power of two) of tile n at `level`,
 * from `offset` on, of which it is the root (tl_hash_subtree). */
struct tl_tile_place {
	int level;
	uint64_t n;
	unsigned int offset;
	unsigned int count;
};
struct tl_tile_place tl_tile_find(unsigned int height, uint64_t index);

#endif
