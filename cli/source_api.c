/* SPDX-License-Identifier: Apache-2.0 */
/* The API serves C2SP tlog-tiles: leaves come in bundles of 256, and the level-0 tile beside each
 * says what the log's files hold as their hashes. */
#include "cli/source.h"

#include "tlog/entries.h"
#include "tlog/tile.h"

#include <inttypes.h>
#include <stdio.h>

enum { BUNDLE_MAX = TL_TILE_WIDTH * (TL_ENTRIES_LEAF_MAX + 2) };

static enum or_code read_checkpoint(struct or_buf *out, const struct ctl_source *src,
    const struct ctl_source_shard *shard, struct or_err *err)
{
	char path[96];

	snprintf(path, sizeof(path), "/v1/log/%" PRIu64 "/checkpoint", shard->number);
	return ctl_api_get(out, src->api, path, err);
}

static enum or_code fetch(struct or_buf *out, const struct ctl_source *src, uint64_t shard,
    const struct tl_tile *tile, struct or_err *err)
{
	struct or_buf path;
	enum or_code rc;

	or_buf_clear(out);
	or_buf_init(&path, 256);
	or_buf_printf(&path, "/v1/log/%" PRIu64 "/", shard);
	tl_tile_path(&path, tile);
	rc = ctl_api_get(out, src->api, or_buf_text(&path), err);
	or_buf_done(&path);
	return rc;
}

static enum or_code read_tile(struct or_buf *out, const struct ctl_source *src,
    const struct ctl_source_shard *shard, const struct tl_tile *tile, struct or_err *err)
{
	return fetch(out, src, shard->number, tile, err);
}

static enum or_code give_bundle(struct or_slice bundle, struct or_slice hashes, unsigned int width,
    ctl_source_leaf_fn *fn, void *arg, struct or_err *err)
{
	struct tl_hash stored;
	struct or_slice leaf;

	for (unsigned int i = 0; i < width; i++) {
		enum or_code rc = tl_entries_next(&leaf, &bundle);

		if (rc)
			return or_err_set(err, OR_PARSE, "an entry bundle is cut short");
		memcpy(stored.b, hashes.p + (size_t)i * TL_HASH_LEN, TL_HASH_LEN);
		fn(arg, leaf, &stored, NULL);
	}
	return OR_OK;
}

static enum or_code read_leaves(const struct ctl_source *src, const struct ctl_source_shard *shard,
    uint64_t size, ctl_source_leaf_fn *fn, ctl_source_damage_fn *damage, void *arg,
    struct or_err *err)
{
	struct or_buf bundle, hashes;
	enum or_code rc = OR_OK;

	(void)damage; /* the collector answers with an error instead */
	or_buf_init(&bundle, BUNDLE_MAX);
	or_buf_init(&hashes, TL_TILE_WIDTH * TL_HASH_LEN);
	for (uint64_t n = 0; n * TL_TILE_WIDTH < size && rc == OR_OK; n++) {
		struct tl_tile tile = {.level = TL_TILE_ENTRIES,
		    .n = n,
		    .width = tl_tile_width(size, TL_TILE_ENTRIES, n)};

		rc = fetch(&bundle, src, shard->number, &tile, err);
		tile.level = 0;
		if (rc == OR_OK)
			rc = fetch(&hashes, src, shard->number, &tile, err);
		if (rc == OR_OK && hashes.n != (size_t)tile.width * TL_HASH_LEN)
			rc = or_err_set(err, OR_PARSE, "a tile of level 0 has the wrong size");
		if (rc == OR_OK)
			rc = give_bundle(
			    or_buf_slice(&bundle), or_buf_slice(&hashes), tile.width, fn, arg, err);
	}
	or_buf_done(&bundle);
	or_buf_done(&hashes);
	return rc;
}

enum or_code ctl_source_api(struct ctl_source *out, const struct ctl_api *api, struct or_err *err)
{
	const struct or_json *j;
	enum or_code rc = ctl_api_get_json(&j, api, "/v1/shards", err);

	if (rc)
		return rc;
	*out = (struct ctl_source){.state = api->state,
	    .api = api,
	    .read_checkpoint = read_checkpoint,
	    .read_leaves = read_leaves,
	    .read_tile = read_tile};
	return ctl_source_describe(out, j, err);
}
