/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog/part_unique.h"

#include "base/crc32c.h"
#include "base/mem.h"
#include "tlog/part_foot.h"

#include <stdlib.h>

enum { BUCKETS = 1 << 16, FEW = 16 };

static const uint8_t *id_of(const uint8_t *ids, uint32_t row)
{
	return ids + (size_t)row * TL_PART_UNIQUE_LEN;
}

static unsigned int prefix_of(const uint8_t *ids, uint32_t row)
{
	const uint8_t *id = id_of(ids, row);

	return (unsigned int)id[0] << 8 | id[1];
}

static int ascending(const void *a, const void *b, void *ids)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int c = memcmp(id_of(ids, x), id_of(ids, y), TL_PART_UNIQUE_LEN);

	return c ? c : (x > y) - (x < y);
}

static void sort_bucket(uint32_t *order, uint32_t n, const uint8_t *ids)
{
	uintptr_t borrowed = (uintptr_t)ids;

	if (n > FEW) {
		qsort_r(order, n, sizeof(*order), ascending, (void *)borrowed);
		return;
	}
	for (uint32_t i = 1; i < n; i++) {
		uint32_t row = order[i], k = i;

		while (k > 0 && ascending(&order[k - 1], &row, (void *)borrowed) > 0) {
			order[k] = order[k - 1];
			k--;
		}
		order[k] = row;
	}
}

/* As many leading bytes as give at least one id a bucket, and no bucket more than a byte counts. */
static unsigned int choose_drop(const uint32_t *ends, uint32_t n)
{
	uint32_t largest[3] = {n, 0, 0}, start = 0, first = 0;

	for (uint32_t i = 0; i < BUCKETS; i++) {
		uint32_t size = ends[i] - start;

		largest[2] = size > largest[2] ? size : largest[2];
		start = ends[i];
		if (i % 256 == 255) {
			largest[1] = ends[i] - first > largest[1] ? ends[i] - first : largest[1];
			first = ends[i];
		}
	}
	if (n >= BUCKETS / 4 && largest[2] <= UINT8_MAX)
		return 2;
	return n >= 64 && largest[1] <= UINT8_MAX ? 1 : 0;
}

void tl_part_unique_make(
    struct tl_part_unique *u, const uint8_t *ids, const bool *is_there, uint32_t rows)
{
	uint32_t *ends = or_mem_array(BUCKETS + 1, sizeof(*ends)), n = 0;

	for (uint32_t i = 0; i < rows; i++) {
		if (is_there[i])
			ends[prefix_of(ids, i) + 1]++;
	}
	for (uint32_t i = 0; i < BUCKETS; i++)
		ends[i + 1] += ends[i];
	n = ends[BUCKETS];
	u->order = or_mem_array(n ? n : 1, sizeof(*u->order));
	u->n = n;
	/* ends[i] is where bucket i begins, and where it ends once all are placed. */
	for (uint32_t i = 0; i < rows; i++) {
		if (is_there[i])
			u->order[ends[prefix_of(ids, i)]++] = i;
	}
	for (uint32_t i = 0, start = 0; i < BUCKETS; start = ends[i++])
		sort_bucket(u->order + start, ends[i] - start, ids);
	u->drop = choose_drop(ends, n);
	or_mem_free(ends);
}

void tl_part_unique_done(struct tl_part_unique *u)
{
	or_mem_free(u->order);
}

static unsigned int bucket_of(const struct tl_part_unique *u, const uint8_t *ids, uint32_t i)
{
	return prefix_of(ids, u->order[i]) >> (u->drop == 1 ? 8 : 0);
}

void tl_part_unique_put_directory(
    struct or_buf *out, const struct tl_part_unique *u, const uint8_t *ids)
{
	size_t groups = tl_part_foot_groups(u->drop);
	uint32_t at = 0;

	for (size_t g = 0; g < groups; g++) {
		uint8_t group[TL_PART_FOOT_GROUP] = {0};
		uint32_t crc;

		memcpy(group, &at, 4);
		for (; at < u->n && bucket_of(u, ids, at) / TL_PART_FOOT_BUCKETS == g; at++)
			group[4 + bucket_of(u, ids, at) % TL_PART_FOOT_BUCKETS]++;
		crc = or_crc32c(0, or_slice(group, TL_PART_FOOT_GROUP - 4));
		memcpy(group + TL_PART_FOOT_GROUP - 4, &crc, 4);
		or_buf_put(out, group, sizeof(group));
	}
}
