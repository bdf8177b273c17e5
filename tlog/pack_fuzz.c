/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a piece of numbers: all of them and one of them are read alike, and what was read is
 * written and read again. The first byte says how many there are. */
#include "tlog/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t all[TL_PACK_ROWS], again[TL_PACK_ROWS], one;
	struct or_slice in;
	enum or_code rc;
	struct or_buf out;
	size_t n;

	if (size == 0)
		return 0;
	in = or_slice(data + 1, size - 1);
	n = (size_t)data[0] * 4 + 1 < TL_PACK_ROWS ? (size_t)data[0] * 4 + 1 : TL_PACK_ROWS;
	rc = tl_pack_decode(all, n, in);
	OR_ASSERT(tl_pack_get(&one, n - 1, n, in) == rc);
	if (rc)
		return 0;
	OR_ASSERT(one == all[n - 1]);
	or_buf_init(&out, TL_PACK_BYTES_MAX);
	tl_pack_encode(&out, all, n);
	OR_ASSERT(tl_pack_decode(again, n, or_buf_slice(&out)) == OR_OK);
	OR_ASSERT(memcmp(all, again, n * sizeof(*all)) == 0);
	or_buf_done(&out);
	return 0;
}
