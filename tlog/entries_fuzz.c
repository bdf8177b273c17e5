/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an entry bundle, and any text as a tile's path: what is read is written alike. */
#include "tlog/entries.h"

#include "tlog/tile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_slice in = or_slice(data, size), leaf;
	struct tl_tile tile;
	struct or_buf out;
	enum or_code rc;

	or_buf_init(&out, 1 << 21);
	while ((rc = tl_entries_next(&leaf, &in)) == OR_OK)
		tl_entries_put(&out, leaf);
	OR_ASSERT(out.n == size - in.n && (out.n == 0 || memcmp(out.p, data, out.n) == 0));
	OR_ASSERT((rc == OR_ABSENT) == (in.n == 0));
	or_buf_clear(&out);
	if (!tl_tile_parse(&tile, or_slice(data, size))) {
		tl_tile_path(&out, &tile);
		OR_ASSERT(or_slice_eq(or_buf_slice(&out), or_slice(data, size)));
	}
	or_buf_done(&out);
	return 0;
}
