/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crc32c.h"

#include <pthread.h>

#define POLYNOMIAL 0x82F63B78U /* reflected */

/* Slicing by 8: table[k][b] is the CRC of byte b followed by k zero bytes. */
static uint32_t table[8][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void fill_table(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		uint32_t crc = b;

		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
		table[0][b] = crc;
	}
	for (uint32_t b = 0; b < 256; b++) {
		for (int k = 1; k < 8; k++)
			table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 255];
	}
}

static uint32_t load_le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t or_crc32c_portable(uint32_t crc, struct or_slice s)
{
	const uint8_t *p = s.p;
	size_t n = s.n;

	pthread_once(&table_once, fill_table);
	crc = ~crc;
	for (; n >= 8; n -= 8, p += 8) {
		uint32_t lo = crc ^ load_le32(p), hi = load_le32(p + 4);

		crc = table[7][lo & 255] ^ table[6][lo >> 8 & 255] ^ table[5][lo >> 16 & 255] ^
		      table[4][lo >> 24] ^ table[3][hi & 255] ^ table[2][hi >> 8 & 255] ^
		      table[1][hi >> 16 & 255] ^ table[0][hi >> 24];
	}
	for (; n; n--, p++)
		crc = crc >> 8 ^ table[0][(crc ^ *p) & 255];
	return ~crc;
}

#if defined(__x86_64__)

#include <nmmintrin.h>

/* The instruction takes three cycles, but one can begin in each: so three lanes of that many bytes
 * at a time, put together by what a register becomes after a lane of zeros (which is linear). */
enum { LANE = 1024 };
static uint32_t after_lane[4][256];
static pthread_once_t after_lane_once = PTHREAD_ONCE_INIT;

static inline uint64_t load_u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

__attribute__((target("sse4.2"))) static void fill_after_lane(void)
{
	for (uint32_t bit = 0; bit < 32; bit++) {
		uint32_t k = bit / 8, low = 1U << bit % 8;
		uint64_t crc = 1U << bit;

		for (size_t i = 0; i < LANE; i += 8)
			crc = _mm_crc32_u64(crc, 0);
		for (uint32_t b = 0; b < low; b++)
			after_lane[k][low | b] = after_lane[k][b] ^ (uint32_t)crc;
	}
}

static inline uint32_t pass_lane(uint64_t crc)
{
	return after_lane[0][crc & 255] ^ after_lane[1][crc >> 8 & 255] ^
	       after_lane[2][crc >> 16 & 255] ^ after_lane[3][crc >> 24 & 255];
}

/* Three lanes from p on. */
__attribute__((target("sse4.2"))) static uint32_t three_lanes(uint64_t a, const uint8_t *p)
{
	uint64_t b = 0, c = 0;

	for (size_t i = 0; i < LANE; i += 8) {
		a = _mm_crc32_u64(a, load_u64(p + i));
		b = _mm_crc32_u64(b, load_u64(p + LANE + i));
		c = _mm_crc32_u64(c, load_u64(p + 2 * LANE + i));
	}
	return pass_lane(pass_lane(a) ^ (uint32_t)b) ^ (uint32_t)c;
}

__attribute__((target("sse4.2"))) static uint32_t hardware(uint32_t crc, struct or_slice s)
{
	const uint8_t *p = s.p;
	size_t n = s.n;
	uint64_t wide = ~crc;
	uint32_t narrow;

	if (n >= 3 * (size_t)LANE)
		pthread_once(&after_lane_once, fill_after_lane);
	for (; n >= 3 * (size_t)LANE; n -= 3 * (size_t)LANE, p += 3 * (size_t)LANE)
		wide = three_lanes(wide, p);
	for (; n >= 8; n -= 8, p += 8)
		wide = _mm_crc32_u64(wide, load_u64(p));
	narrow = (uint32_t)wide;
	for (; n; n--, p++)
		narrow = _mm_crc32_u8(narrow, *p);
	return ~narrow;
}

uint32_t or_crc32c(uint32_t crc, struct or_slice s)
{
	return __builtin_cpu_supports("sse4.2") ? hardware(crc, s) : or_crc32c_portable(crc, s);
}

#else

uint32_t or_crc32c(uint32_t crc, struct or_slice s)
{
	return or_crc32c_portable(crc, s);
}

#endif
