/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog/tile.h"

#include "base/str.h"

static void put_number(struct or_buf *out, uint64_t n)
{
	uint64_t unit = 1;

	while (n / unit >= 1000)
		unit *= 1000;
	for (; unit > 1; unit /= 1000)
		or_buf_printf(out, "x%03u/", (unsigned int)(n / unit % 1000));
	or_buf_printf(out, "%03u", (unsigned int)(n % 1000));
}

void tl_tile_path(struct or_buf *out, const struct tl_tile *tile)
{
	OR_ASSERT(tile->level >= TL_TILE_ENTRIES && tile->level <= TL_TILE_LEVEL_MAX);
	OR_ASSERT(tile->width >= 1 && tile->width <= TL_TILE_WIDTH);
	if (tile->level == TL_TILE_ENTRIES)
		or_buf_put_str(out, "tile/entries/");
	else
		or_buf_printf(out, "tile/%d/", tile->level);
	put_number(out, tile->n);
	if (tile->width < TL_TILE_WIDTH)
		or_buf_printf(out, ".p/%u", tile->width);
}

/* A number of one to max_digits digits without needless zeros in front, taken from *s. */
static bool take_number(uint64_t *out, struct or_slice *s, size_t max_digits)
{
	size_t n = 0;

	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
		n++;
	if (n == 0 || n > max_digits || (n > 1 && s->p[0] == '0'))
		return false;
	if (or_str_u64(out, or_slice(s->p, n)))
		return false;
	*s = or_slice_from(*s, n);
	return true;
}

/* Steps over text where s begins with it. */
static bool take_text(struct or_slice *s, const char *text)
{
	if (!or_str_has_prefix(*s, text))
		return false;
	*s = or_slice_from(*s, strlen(text));
	return true;
}

static bool take_three(uint64_t *out, struct or_slice *s)
{
	if (s->n < 3 || or_str_u64(out, or_slice(s->p, 3)))
		return false;
	*s = or_slice_from(*s, 3);
	return true;
}

/* "x001/x234/067": a first group of zeros would be a second way to write the number. */
static bool take_index(uint64_t *out, struct or_slice *s)
{
	uint64_t n = 0, three;

	for (int group = 0; group < 7; group++) {
		bool more = take_text(s, "x");

		if (!take_three(&three, s) || (group == 0 && more && three == 0))
			return false;
		if (__builtin_mul_overflow(n, 1000U, &n) || __builtin_add_overflow(n, three, &n))
			return false;
		if (!more) {
			*out = n;
			return true;
		}
		if (!take_text(s, "/"))
			return false;
	}
	return false;
}

/* "entries/", or the level of a tile and a slash. */
static bool take_level(int *out, struct or_slice *s)
{
	uint64_t v;

	if (take_text(s, "entries/")) {
		*out = TL_TILE_ENTRIES;
		return true;
	}
	if (!take_number(&v, s, 2) || v > TL_TILE_LEVEL_MAX)
		return false;
	*out = (int)v;
	return take_text(s, "/");
}

/* ".p/17" of a tile that is not full, or nothing. */
static bool take_width(unsigned int *out, struct or_slice *s)
{
	uint64_t v = TL_TILE_WIDTH;

	if (take_text(s, ".p/") && (!take_number(&v, s, 3) || v == 0 || v >= TL_TILE_WIDTH))
		return false;
	*out = (unsigned int)v;
	return true;
}

enum or_code tl_tile_parse(struct tl_tile *out, struct or_slice path)
{
	struct tl_tile t = {.level = TL_TILE_ENTRIES, .width = TL_TILE_WIDTH};
	struct or_slice s = path;

	if (!take_text(&s, "tile/") || !take_level(&t.level, &s) || !take_index(&t.n, &s) ||
	    !take_width(&t.width, &s) || s.n)
		return OR_PARSE;
	*out = t;
	return OR_OK;
}

unsigned int tl_tile_width(uint64_t size, int level, uint64_t n)
{
	unsigned int shift = level > 0 ? (unsigned int)level * TL_TILE_HEIGHT : 0;
	uint64_t hashes = shift < 64 ? size >> shift : 0;

	if (n > hashes / TL_TILE_WIDTH)
		return 0;
	if (n < hashes / TL_TILE_WIDTH)
		return TL_TILE_WIDTH;
	return (unsigned int)(hashes % TL_TILE_WIDTH);
}

struct tl_tile_place tl_tile_find(unsigned int height, uint64_t index)
{
	unsigned int up = height % TL_TILE_HEIGHT;
	uint64_t first = index << up;

	return (struct tl_tile_place){.level = (int)(height / TL_TILE_HEIGHT),
	    .n = first / TL_TILE_WIDTH,
	    .offset = (unsigned int)(first % TL_TILE_WIDTH),
	    .count = 1U << up};
}
