/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where `outrider verify` reads a collector's logs from: its API (source_api.c) or its directory
 * (source_dir.c), behind one interface.
 *
 * Thread: one; calls block. What a source gives lies in the state's arena or is borrowed for the
 * call.
 */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include "cli/api.h"
#include "tlog/tile.h"

#define CTL_SOURCE_SHARDS_MAX 1024
#define CTL_SOURCE_KEYS_MAX   8

struct ctl_source_shard {
	uint64_t number;
	struct or_slice origin;
};

/* Called for each leaf in order; stored: what the log's files or tiles say of it; where: its place,
 * or NULL. */
typedef void ctl_source_leaf_fn(
    void *arg, struct or_slice leaf, const struct tl_hash *stored, const char *where);

/* A place that cannot be read as a leaf; reading goes on behind it where that is possible. */
typedef void ctl_source_damage_fn(void *arg, const char *text);

struct ctl_source {
	struct ctl_state *state;
	const struct ctl_api *api; /* source_api.c */
	const char *dir;           /* source_dir.c */
	struct or_slice vkey;      /* under which checkpoints are signed, as the source says */
	struct ctl_source_shard shards[CTL_SOURCE_SHARDS_MAX];
	size_t n_shards;
	struct or_slice enrolment_keys[CTL_SOURCE_KEYS_MAX]; /* raw public keys */
	size_t n_enrolment_keys;

	enum or_code (*read_checkpoint)(struct or_buf *out, const struct ctl_source *src,
	    const struct ctl_source_shard *shard, struct or_err *err);
	/* The first `size` leaves. */
	enum or_code (*read_leaves)(const struct ctl_source *src,
	    const struct ctl_source_shard *shard, uint64_t size, ctl_source_leaf_fn *fn,
	    ctl_source_damage_fn *damage, void *arg, struct or_err *err);
	/* The hashes of a tile of level >= 1, appended; a directory may hold more of them. */
	enum or_code (*read_tile)(struct or_buf *out, const struct ctl_source *src,
	    const struct ctl_source_shard *shard, const struct tl_tile *tile, struct or_err *err);
	/* What lies beside the log and can be checked by itself; NULL: nothing is reached. */
	enum or_code (*check_rest)(const struct ctl_source *src,
	    const struct ctl_source_shard *shard, ctl_source_damage_fn *damage, void *arg,
	    struct or_err *err);
};

OR_NODISCARD enum or_code ctl_source_api(
    struct ctl_source *out, const struct ctl_api *api, struct or_err *err);
/* dir: the collector's own directory, of a collector that runs or not, or a copy of it. */
OR_NODISCARD enum or_code ctl_source_dir(
    struct ctl_source *out, struct ctl_state *s, const char *dir, struct or_err *err);

/* Both fill a source from the same JSON: what GET /v1/shards answers, and the file log.json in the
 * collector's directory holds. */
OR_NODISCARD enum or_code ctl_source_describe(
    struct ctl_source *out, const struct or_json *j, struct or_err *err);

#endif
