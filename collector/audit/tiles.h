/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing the tiles of level >= 1: one hash for every 256 of the level below. The last tile of a
 * level grows in place, so the file of a partial tile is the beginning of the whole one.
 *
 * They can be computed from the leaves: what the last segment's leaves add is written again at
 * every start, so it need not be durable before the next segment begins (co_tiles_sync). Thread:
 * the store's.
 */
#ifndef COLLECTOR_AUDIT_TILES_H
#define COLLECTOR_AUDIT_TILES_H

#include "base/buf.h"
#include "base/err.h"
#include "tlog/tree.h"

/* Hashes that wait to be written. */
struct co_tiles {
	struct or_buf waiting;
};

void co_tiles_init(struct co_tiles *t);
void co_tiles_done(struct co_tiles *t);
void co_tiles_clear(struct co_tiles *t);

/* A tl_tree_fn on a struct co_tiles: takes what belongs into a tile of level >= 1. */
void co_tiles_on_node(void *tiles, unsigned int height, uint64_t index, const struct tl_hash *hash);

/* Writes what waits, making files and folders. */
OR_NODISCARD enum or_code co_tiles_write(struct co_tiles *t, const char *dir, struct or_err *err);

/* Makes durable what leaves [from, to) added. */
OR_NODISCARD enum or_code co_tiles_sync(
    const char *dir, uint64_t from, uint64_t to, struct or_err *err);

#endif
