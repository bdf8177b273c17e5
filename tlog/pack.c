/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog/pack.h"

#include "tlog/varint.h"

enum mode { PLAIN, STEPS, ZIGZAG };

/* A piece: mode, width, number of exceptions; base and scale (plain) or the first value; n fields
 * of width bits, lowest first; the exceptions: the distance to the one before, the upper bits. */
struct head {
	enum mode mode;
	unsigned int width;
	uint64_t n_over;
	uint64_t base;
	uint64_t scale;
	struct or_slice bits;
	struct or_slice over; /* behind the bits */
};

static unsigned int width_of(uint64_t v)
{
	return v ? 64 - (unsigned int)__builtin_clzll(v) : 0;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* The fields of one mode. */
struct plan {
	enum mode mode;
	uint64_t base, scale;
	uint64_t fields[TL_PACK_ROWS];
	unsigned int width;
	size_t cost; /* bytes, about */
};

/* The width with which fields and exceptions are shortest. */
static void choose_width(struct plan *p, size_t n)
{
	size_t count[65] = {0}, over = 0, over_bytes = 0;

	for (size_t i = 0; i < n; i++)
		count[width_of(p->fields[i])]++;
	p->width = 64;
	p->cost = n * 8 + 16;
	for (int w = 64; w >= 0; w--) {
		size_t cost = (n * (size_t)w + 7) / 8 + over_bytes + 16;

		if (cost <= p->cost) {
			p->cost = cost;
			p->width = (unsigned int)w;
		}
		over += count[w];
		over_bytes += count[w] * 3;
		over_bytes += over / 7; /* each needs one bit more from here on */
	}
}

static void plan_plain(struct plan *p, const uint64_t *values, size_t n)
{
	uint64_t least = values[0], divisor = 0;

	for (size_t i = 1; i < n; i++)
		least = values[i] < least ? values[i] : least;
	for (size_t i = 0; i < n && divisor != 1; i++)
		divisor = common_divisor(values[i] - least, divisor);
	p->mode = PLAIN;
	p->base = least;
	p->scale = divisor ? divisor : 1;
	for (size_t i = 0; i < n; i++)
		p->fields[i] = p->scale == 1 ? values[i] - least : (values[i] - least) / p->scale;
	choose_width(p, n);
}

static void plan_steps(struct plan *p, enum mode mode, const uint64_t *values, size_t n)
{
	p->mode = mode;
	p->base = values[0];
	p->scale = 1;
	p->fields[0] = 0;
	for (size_t i = 1; i < n; i++) {
		uint64_t step = values[i] - values[i - 1];

		p->fields[i] = mode == STEPS ? step : tl_varint_zigzag(step);
	}
	choose_width(p, n);
}

static void put_bits(struct or_buf *out, const struct plan *p, size_t n)
{
	size_t bytes = (n * p->width + 7) / 8, bit = 0;
	uint8_t *to = or_buf_reserve(out, bytes);
	uint64_t mask = p->width == 64 ? UINT64_MAX : (1ULL << p->width) - 1;

	if (!to)
		return;
	memset(to, 0, bytes);
	for (size_t i = 0; i < n; i++, bit += p->width) {
		uint64_t v = p->fields[i] & mask;
		size_t shift = bit % 8, left = p->width;

		for (size_t at = bit / 8; left; at++) {
			size_t took = 8 - shift < left ? 8 - shift : left;

			to[at] = (uint8_t)(to[at] | v << shift);
			v = took == 64 ? 0 : v >> took;
			left -= took;
			shift = 0;
		}
	}
	or_buf_commit(out, bytes);
}

static void put_plan(struct or_buf *out, const struct plan *p, size_t n)
{
	size_t over = 0, last = 0;

	for (size_t i = 0; i < n; i++)
		over += width_of(p->fields[i]) > p->width;
	or_buf_put_byte(out, (uint8_t)p->mode);
	or_buf_put_byte(out, (uint8_t)p->width);
	tl_varint_put(out, over);
	tl_varint_put(out, p->base);
	if (p->mode == PLAIN)
		tl_varint_put(out, p->scale);
	put_bits(out, p, n);
	for (size_t i = 0; i < n; i++) {
		if (width_of(p->fields[i]) <= p->width)
			continue;
		tl_varint_put(out, i - last);
		tl_varint_put(out, p->fields[i] >> p->width);
		last = i;
	}
}

void tl_pack_encode(struct or_buf *out, const uint64_t *values, size_t n)
{
	struct plan plain, steps, zigzag;
	const struct plan *best = &plain;

	OR_ASSERT(n > 0 && n <= TL_PACK_ROWS);
	plan_plain(&plain, values, n);
	/* Narrow ones are not worth the trouble. */
	if (plain.cost > n) {
		plan_steps(&steps, STEPS, values, n);
		plan_steps(&zigzag, ZIGZAG, values, n);
		best = steps.cost < best->cost ? &steps : best;
		best = zigzag.cost < best->cost ? &zigzag : best;
	}
	put_plan(out, best, n);
}

static enum or_code read_head(struct head *h, size_t n, struct or_slice in)
{
	size_t bytes;

	if (n == 0 || n > TL_PACK_ROWS || in.n < 2 || in.p[0] > ZIGZAG || in.p[1] > 64)
		return OR_CORRUPT;
	h->mode = (enum mode)in.p[0];
	h->width = in.p[1];
	h->scale = 1;
	in = or_slice_from(in, 2);
	if (!tl_varint_take(&h->n_over, &in) || h->n_over > n || !tl_varint_take(&h->base, &in) ||
	    (h->mode == PLAIN && !tl_varint_take(&h->scale, &in)))
		return OR_CORRUPT;
	bytes = (n * h->width + 7) / 8;
	if (bytes > in.n || (h->width == 64 && h->n_over))
		return OR_CORRUPT;
	h->bits = or_slice(in.p, bytes);
	h->over = or_slice_from(in, bytes);
	return OR_OK;
}

/* The field at a bit, byte by byte: for the last ones, where eight bytes may not be there. */
static uint64_t get_slowly(const uint8_t *p, size_t bit, unsigned int width)
{
	uint64_t v = 0;

	for (unsigned int got = 0; got < width;) {
		unsigned int shift = (bit + got) % 8, take = 8 - shift;
		uint64_t part = (uint64_t)p[(bit + got) / 8] >> shift;

		if (take > width - got) {
			take = width - got;
			part &= (1ULL << take) - 1;
		}
		v |= part << got;
		got += take;
	}
	return v;
}

static uint64_t get_field(const struct head *h, size_t i)
{
	size_t bit = i * h->width;
	uint64_t v;

	if (h->width > 56 || bit / 8 + 8 > h->bits.n)
		return get_slowly(h->bits.p, bit, h->width);
	memcpy(&v, h->bits.p + bit / 8, 8);
	return v >> bit % 8 & ((1ULL << h->width) - 1);
}

static void get_fields(uint64_t *out, const struct head *h, size_t n)
{
	size_t i = 0, fast = 0;

	if (h->width == 0) {
		memset(out, 0, n * sizeof(*out));
		return;
	}
	/* Those whose eight bytes are all there. */
	if (h->width <= 56 && h->bits.n >= 8)
		fast = ((h->bits.n - 8) * 8 + 7) / h->width;
	fast = fast < n ? fast : n;
	for (; i < fast; i++) {
		size_t bit = i * h->width;
		uint64_t v;

		memcpy(&v, h->bits.p + bit / 8, 8);
		out[i] = v >> bit % 8 & ((1ULL << h->width) - 1);
	}
	for (; i < n; i++)
		out[i] = get_slowly(h->bits.p, i * h->width, h->width);
}

/* Adds the upper bits; only to field `only`, where it is one of them (n: to all). */
static enum or_code add_over(uint64_t *fields, const struct head *h, size_t n, size_t only)
{
	struct or_slice rest = h->over;
	uint64_t at = 0, step, upper;

	for (uint64_t k = 0; k < h->n_over; k++) {
		if (!tl_varint_take(&step, &rest) || !tl_varint_take(&upper, &rest))
			return OR_CORRUPT;
		if ((k > 0 && step == 0) || step > n || at + step >= n || upper == 0 ||
		    (h->width && upper >> (64 - h->width)))
			return OR_CORRUPT;
		at += step;
		if (only == n)
			fields[at] |= upper << h->width;
		else if (at == only)
			*fields |= upper << h->width;
	}
	return rest.n ? OR_CORRUPT : OR_OK;
}

enum or_code tl_pack_decode(uint64_t *values, size_t n, struct or_slice in)
{
	struct head h;
	enum or_code rc = read_head(&h, n, in);
	uint64_t last;

	if (rc)
		return rc;
	get_fields(values, &h, n);
	rc = add_over(values, &h, n, n);
	if (rc)
		return rc;
	last = h.base;
	for (size_t i = 0; i < n; i++) {
		if (h.mode == PLAIN)
			values[i] = h.base + values[i] * h.scale;
		else
			values[i] = last +=
			    h.mode == STEPS ? values[i] : tl_varint_unzigzag(values[i]);
	}
	return OR_OK;
}

enum or_code tl_pack_get(uint64_t *out, size_t i, size_t n, struct or_slice in)
{
	uint64_t all[TL_PACK_ROWS], field;
	struct head h;
	enum or_code rc = i < n ? read_head(&h, n, in) : OR_CORRUPT;

	if (rc)
		return rc;
	if (h.mode != PLAIN) {
		rc = tl_pack_decode(all, n, in);
		if (!rc)
			*out = all[i];
		return rc;
	}
	field = get_field(&h, i);
	rc = add_over(&field, &h, n, i);
	if (!rc)
		*out = h.base + field * h.scale;
	return rc;
}
