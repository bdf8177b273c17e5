/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tiles of a log, held against the tree that its leaves give: every hash of level >= 1 that the
 * source holds or serves is read and compared as `outrider verify` goes over the leaves. What
 * differs is named by tile, place and leaves.
 *
 * Thread: one; blocks on the source. Memory: one tile a level.
 */
#ifndef CLI_TILES_H
#define CLI_TILES_H

#include "cli/check.h"
#include "cli/source.h"
#include "tlog/tile.h"

#define CTL_TILES_LEVELS 8

struct ctl_tiles {
	const struct ctl_source *src;
	const struct ctl_source_shard *shard;
	uint64_t size; /* of the checkpoint */
	struct ctl_check *check;
	struct {
		bool is_read, is_bad;
		uint64_t n;
		struct or_buf hashes;
	} level[CTL_TILES_LEVELS];
	enum or_code rc; /* the source could not be asked */
	struct or_err err;
};

void ctl_tiles_init(struct ctl_tiles *t, const struct ctl_source *src,
    const struct ctl_source_shard *shard, uint64_t size, struct ctl_check *check);
void ctl_tiles_done(struct ctl_tiles *t);

/* A tl_tree_fn on a struct ctl_tiles. */
void ctl_tiles_on_node(
    void *tiles, unsigned int height, uint64_t index, const struct tl_hash *hash);

#endif
