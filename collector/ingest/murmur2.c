/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/murmur2.h"

#include <endian.h>

static const uint32_t seed = 0x9747b28c, m = 0x5bd1e995;

uint32_t co_murmur2_hash(struct or_slice s)
{
	uint32_t h = seed ^ (uint32_t)s.n;
	size_t i = 0;

	for (; i + 4 <= s.n; i += 4) {
		uint32_t k;

		memcpy(&k, s.p + i, sizeof(k));
		k = le32toh(k) * m;
		k = (k ^ k >> 24) * m;
		h = h * m ^ k;
	}
	switch (s.n - i) {
	case 3: h ^= (uint32_t)s.p[i + 2] << 16; /* fall through */
	case 2: h ^= (uint32_t)s.p[i + 1] << 8;  /* fall through */
	case 1: h = (h ^ s.p[i]) * m; break;
	default: break;
	}
	h = (h ^ h >> 13) * m;
	return h ^ h >> 15;
}

uint32_t co_murmur2_partition(struct or_slice product, uint32_t n)
{
	OR_ASSERT(n > 0);
	return (co_murmur2_hash(product) & 0x7fffffff) % n;
}
