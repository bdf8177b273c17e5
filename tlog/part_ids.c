/* SPDX-License-Identifier: Apache-2.0 */
/* Unique columns: ids lie sorted, without the bytes that the directory stands for; each row has its
 * place among them. */
#include "base/crc32c.h"
#include "base/mem.h"
#include "tlog/part_impl.h"

enum { DIRECTORY_ROW = 0 }; /* the leaf that messages name where all are concerned */

static uint32_t base_of(const uint8_t *group)
{
	uint32_t v;

	memcpy(&v, group, 4);
	return v;
}

static size_t sum_of(const uint8_t *group, size_t buckets)
{
	size_t n = 0;

	for (size_t i = 0; i < buckets; i++)
		n += group[4 + i];
	return n;
}

/* A group whose checksum is right, and whose ids are among those that are there. */
static bool is_group(const struct tl_part_column *c, const uint8_t *group)
{
	uint32_t crc;

	memcpy(&crc, group + TL_PART_FOOT_GROUP - 4, 4);
	return or_crc32c(0, or_slice(group, TL_PART_FOOT_GROUP - 4)) == crc &&
	       base_of(group) + sum_of(group, TL_PART_FOOT_BUCKETS) <= c->n_values;
}

static enum or_code get_group(
    struct tl_part *p, int column, size_t g, uint8_t *to, struct or_err *err)
{
	const struct tl_part_column *c = &p->foot.columns[column];
	uint64_t at = c->directory + g * TL_PART_FOOT_GROUP;
	enum or_code rc = p->source.fetch(p->source.arg, at, to, TL_PART_FOOT_GROUP, err);

	if (!rc && !is_group(c, to))
		rc = tl_part_corrupt(p, at, DIRECTORY_ROW, "has changed", err);
	return rc;
}

static enum or_code load_directory(struct tl_part *p, int column, struct or_err *err)
{
	const struct tl_part_column *c = &p->foot.columns[column];
	size_t groups = tl_part_foot_groups(c->drop), n = groups * TL_PART_FOOT_GROUP;
	struct tl_part_state *s = &p->states[column];
	uint32_t at = 0;
	uint8_t *all;
	enum or_code rc;

	if (s->directory || groups == 0)
		return OR_OK;
	all = or_mem_new(n);
	rc = p->source.fetch(p->source.arg, c->directory, all, n, err);
	for (size_t g = 0; g < groups && !rc; g++) {
		const uint8_t *group = all + g * TL_PART_FOOT_GROUP;

		if (!is_group(c, group) || base_of(group) != at)
			rc = tl_part_corrupt(p, c->directory + g * TL_PART_FOOT_GROUP,
			    DIRECTORY_ROW, "has changed", err);
		at += (uint32_t)sum_of(group, TL_PART_FOOT_BUCKETS);
	}
	if (!rc && at != c->n_values)
		rc = tl_part_corrupt(p, c->directory, DIRECTORY_ROW, "does not count the ids", err);
	if (rc) {
		or_mem_free(all);
		return rc;
	}
	s->directory = all;
	p->memory += n;
	return OR_OK;
}

/* The first bytes of the id at a place. */
static void put_prefix(
    const struct tl_part_column *c, const uint8_t *directory, uint32_t place, uint8_t *to)
{
	size_t low = 0, high = tl_part_foot_groups(c->drop) - 1, bucket = 0;
	const uint8_t *group;
	uint32_t at;

	/* The last group that begins at or before the place. */
	while (low < high) {
		size_t mid = low + (high - low + 1) / 2;

		if (base_of(directory + mid * TL_PART_FOOT_GROUP) <= place)
			low = mid;
		else
			high = mid - 1;
	}
	group = directory + low * TL_PART_FOOT_GROUP;
	at = base_of(group);
	while (bucket < TL_PART_FOOT_BUCKETS - 1 && at + group[4 + bucket] <= place)
		at += group[4 + bucket++];
	bucket += low * TL_PART_FOOT_BUCKETS;
	if (c->drop == 2)
		*to++ = (uint8_t)(bucket >> 8);
	*to = (uint8_t)bucket;
}

/* The id at a place, without its prefix. */
static enum or_code get_rest(struct tl_part *p, int column, uint32_t place, uint32_t row,
    const uint8_t **out, struct or_err *err)
{
	const struct tl_part_column *c = &p->foot.columns[column];
	size_t width = TL_PART_UNIQUE_LEN - c->drop, i = place / TL_PART_BLOCK;
	size_t in_piece = c->n_values - i * TL_PART_BLOCK;
	struct or_slice piece;
	enum or_code rc = tl_part_piece_get(
	    p, &p->states[column].extra, c->extra, c->n_extra, i, false, row, &piece, err);

	if (rc)
		return rc;
	in_piece = in_piece < TL_PART_BLOCK ? in_piece : TL_PART_BLOCK;
	if (piece.n != in_piece * width)
		return tl_part_corrupt(p, c->extra[i].at, row, "has another length", err);
	*out = piece.p + place % TL_PART_BLOCK * width;
	return OR_OK;
}

enum or_code tl_part_ids_get(struct tl_part *p, int column, uint32_t row,
    uint8_t to[TL_PART_UNIQUE_LEN], size_t *n, struct or_err *err)
{
	const struct tl_part_column *c = &p->foot.columns[column];
	const uint8_t *rest;
	uint64_t place;
	enum or_code rc = tl_part_number(p, column, row, &place, err);

	*n = 0;
	if (rc || place >= c->n_values)
		return rc;
	rc = load_directory(p, column, err);
	if (!rc)
		rc = get_rest(p, column, (uint32_t)place, row, &rest, err);
	if (rc)
		return rc;
	if (c->drop)
		put_prefix(c, p->states[column].directory, (uint32_t)place, to);
	memcpy(to + c->drop, rest, TL_PART_UNIQUE_LEN - c->drop);
	*n = TL_PART_UNIQUE_LEN;
	return OR_OK;
}

/* The prefixes of all ids, in order, from the directory. */
static void put_prefixes(const struct tl_part_column *c, const uint8_t *directory, uint8_t *ids)
{
	for (size_t g = 0; g < tl_part_foot_groups(c->drop); g++) {
		const uint8_t *group = directory + g * TL_PART_FOOT_GROUP;

		for (size_t i = 0; i < TL_PART_FOOT_BUCKETS; i++) {
			size_t bucket = g * TL_PART_FOOT_BUCKETS + i;

			for (size_t k = 0; k < group[4 + i]; k++, ids += TL_PART_UNIQUE_LEN) {
				ids[0] = (uint8_t)(c->drop == 2 ? bucket >> 8 : bucket);
				if (c->drop == 2)
					ids[1] = (uint8_t)bucket;
			}
		}
	}
}

enum or_code tl_part_ids_all(struct tl_part *p, int column, const uint8_t **out, struct or_err *err)
{
	const struct tl_part_column *c = &p->foot.columns[column];
	struct tl_part_state *s = &p->states[column];
	size_t width = TL_PART_UNIQUE_LEN - c->drop;
	enum or_code rc = load_directory(p, column, err);
	const uint8_t *rest;
	uint8_t *ids;

	if (rc || s->bytes) {
		*out = s->bytes;
		return rc;
	}
	ids = or_mem_array(c->n_values + 1, TL_PART_UNIQUE_LEN);
	for (uint32_t i = 0; i < c->n_values && !rc; i++) {
		rc = get_rest(p, column, i, 0, &rest, err);
		if (!rc)
			memcpy(ids + (size_t)i * TL_PART_UNIQUE_LEN + c->drop, rest, width);
	}
	if (rc) {
		or_mem_free(ids);
		return rc;
	}
	if (c->drop)
		put_prefixes(c, s->directory, ids);
	p->memory += (c->n_values + 1) * (size_t)TL_PART_UNIQUE_LEN;
	*out = s->bytes = ids;
	return OR_OK;
}

/* The places that ids with this prefix have: [*from, *to). */
static enum or_code find_places(struct tl_part *p, int column, const uint8_t *id, uint32_t *from,
    uint32_t *to, struct or_err *err)
{
	const struct tl_part_column *c = &p->foot.columns[column];
	uint8_t group[TL_PART_FOOT_GROUP];
	size_t bucket, i;
	enum or_code rc;

	*from = 0;
	*to = c->n_values;
	if (c->drop == 0)
		return OR_OK;
	bucket = c->drop == 2 ? (size_t)id[0] << 8 | id[1] : id[0];
	i = bucket % TL_PART_FOOT_BUCKETS;
	rc = get_group(p, column, bucket / TL_PART_FOOT_BUCKETS, group, err);
	if (rc)
		return rc;
	*from = base_of(group) + (uint32_t)sum_of(group, i);
	*to = *from + group[4 + i];
	return OR_OK;
}

/* Narrows [*from, *to) to the places of the ids that are equal. */
static enum or_code narrow(struct tl_part *p, int column, const uint8_t *id, uint32_t *from,
    uint32_t *to, struct or_err *err)
{
	const struct tl_part_column *c = &p->foot.columns[column];
	size_t width = TL_PART_UNIQUE_LEN - c->drop;
	uint32_t low = *from, high = *to;
	const uint8_t *rest;
	enum or_code rc;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		rc = get_rest(p, column, mid, 0, &rest, err);
		if (rc)
			return rc;
		if (memcmp(rest, id + c->drop, width) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*from = low;
	for (high = low; high < *to; high++) {
		rc = get_rest(p, column, high, 0, &rest, err);
		if (rc)
			return rc;
		if (memcmp(rest, id + c->drop, width) != 0)
			break;
	}
	*to = high;
	return OR_OK;
}

enum or_code tl_part_ids_find(struct tl_part *p, int column, const uint8_t id[TL_PART_UNIQUE_LEN],
    uint32_t *rows, size_t max, size_t *n, struct or_err *err)
{
	uint32_t from, to;
	uint64_t places[TL_PART_BLOCK];
	enum or_code rc;

	OR_ASSERT(p->foot.columns[column].field.kind == TL_PART_UNIQUE);
	*n = 0;
	rc = find_places(p, column, id, &from, &to, err);
	if (!rc)
		rc = narrow(p, column, id, &from, &to, err);
	for (uint32_t b = 0; b < tl_part_foot_blocks(p->foot.rows) && from < to && !rc; b++) {
		size_t in_block;

		rc = tl_part_block(p, column, b, places, &in_block, err);
		for (size_t i = 0; i < in_block && !rc && *n < max; i++) {
			if (places[i] >= from && places[i] < to)
				rows[(*n)++] = b * TL_PART_BLOCK + (uint32_t)i;
		}
		/* As many as there are. */
		if (*n == max || *n == to - from)
			break;
	}
	return rc;
}
