/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog/segment.h"

#include "base/crc32c.h"

#include <endian.h>

enum { MAGIC_LEN = 8, FIXED_LEN = 8 + 8 + 1 + 4, NAME_MAX_LEN = 255, CRC_AT = 4 };

static const uint8_t magic[MAGIC_LEN] = "ORLOG\x01\r\n";
static const uint32_t end_flag = 1U << 31;

static void put_u32(struct or_buf *b, uint32_t v)
{
	v = htole32(v);
	or_buf_put(b, &v, sizeof(v));
}

static void put_u64(struct or_buf *b, uint64_t v)
{
	v = htole64(v);
	or_buf_put(b, &v, sizeof(v));
}

static uint32_t get_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static uint64_t get_u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

void tl_segment_begin(struct or_buf *out, const struct tl_segment_head *head)
{
	size_t n_hashes = tl_tree_frontier_len(head->tree.size), start = out->n, body;
	uint32_t len, crc;

	OR_ASSERT(head->previous.n <= NAME_MAX_LEN);
	OR_ASSERT(head->state.n <= TL_SEGMENT_HEAD_MAX - 65536);
	or_buf_put(out, magic, MAGIC_LEN);
	put_u64(out, 0); /* length and CRC, when they are known */
	body = out->n;
	put_u64(out, head->tree.size);
	put_u64(out, head->created_ns);
	or_buf_put_byte(out, (uint8_t)head->previous.n);
	put_u32(out, (uint32_t)head->state.n);
	or_buf_put_slice(out, head->previous);
	or_buf_put_slice(out, head->state);
	or_buf_put(out, head->tree.frontier, n_hashes * TL_HASH_LEN);
	if (!or_buf_ok(out))
		return;
	len = htole32((uint32_t)(out->n - body));
	crc = htole32(or_crc32c(0, or_slice(out->p + body, out->n - body)));
	memcpy(out->p + start + MAGIC_LEN, &len, sizeof(len));
	memcpy(out->p + start + MAGIC_LEN + 4, &crc, sizeof(crc));
}

enum or_code tl_segment_head_len(size_t *out, struct or_slice start)
{
	uint32_t len;

	if (start.n < TL_SEGMENT_START_LEN || memcmp(start.p, magic, MAGIC_LEN) != 0)
		return OR_CORRUPT;
	len = get_u32(start.p + MAGIC_LEN);
	if (len < FIXED_LEN || len > TL_SEGMENT_HEAD_MAX - TL_SEGMENT_START_LEN)
		return OR_CORRUPT;
	*out = TL_SEGMENT_START_LEN + len;
	return OR_OK;
}

enum or_code tl_segment_open(struct tl_segment_head *out, struct or_slice *in, struct or_err *err)
{
	struct tl_segment_head head;
	struct or_slice body;
	size_t len, state_len;

	if (tl_segment_head_len(&len, *in) || in->n < len)
		return or_err_set(err, OR_CORRUPT, "not a segment, or one cut short in its header");
	body = or_slice(in->p + TL_SEGMENT_START_LEN, len - TL_SEGMENT_START_LEN);
	if (or_crc32c(0, body) != get_u32(in->p + MAGIC_LEN + 4))
		return or_err_set(err, OR_CORRUPT, "the segment's header has changed");
	state_len = get_u32(body.p + 17);
	if (body.p[16] > body.n - FIXED_LEN || state_len > body.n - FIXED_LEN - body.p[16])
		return or_err_set(err, OR_CORRUPT, "the segment's header is malformed");
	head.created_ns = get_u64(body.p + 8);
	head.previous = or_slice(body.p + FIXED_LEN, body.p[16]);
	head.state = or_slice(body.p + FIXED_LEN + body.p[16], state_len);
	if (tl_tree_load(&head.tree, get_u64(body.p),
		or_slice_from(body, FIXED_LEN + body.p[16] + state_len)))
		return or_err_set(
		    err, OR_CORRUPT, "the segment's frontier is not that of its index");
	*out = head;
	*in = or_slice_from(*in, len);
	return OR_OK;
}

void tl_segment_put(struct or_buf *out, const struct tl_segment_entry *e)
{
	size_t start = out->n;
	uint32_t word = (uint32_t)e->leaf.n | (e->end ? end_flag : 0), crc;

	OR_ASSERT(e->leaf.n > 0 && e->leaf.n <= TL_ENTRIES_LEAF_MAX);
	if (!or_buf_reserve(out, TL_SEGMENT_ENTRY_LEN + e->leaf.n))
		return;
	put_u32(out, word);
	put_u32(out, 0);
	put_u64(out, e->received_ns);
	or_buf_put(out, e->hash.b, TL_HASH_LEN);
	or_buf_put_slice(out, e->leaf);
	crc = or_crc32c(0, or_slice(out->p + start, CRC_AT));
	crc = htole32(or_crc32c(crc,
	    or_slice(out->p + start + CRC_AT + 4, TL_SEGMENT_ENTRY_LEN - CRC_AT - 4 + e->leaf.n)));
	memcpy(out->p + start + CRC_AT, &crc, sizeof(crc));
}

size_t tl_segment_entry_len(struct or_slice in)
{
	size_t n;

	if (in.n < TL_SEGMENT_ENTRY_LEN)
		return 0;
	n = TL_SEGMENT_ENTRY_LEN + (get_u32(in.p) & ~end_flag);
	return n <= in.n ? n : 0;
}

enum or_code tl_segment_next(struct tl_segment_entry *out, struct or_slice *in)
{
	uint32_t word, len, crc;

	if (in->n == 0)
		return OR_ABSENT;
	if (in->n < TL_SEGMENT_ENTRY_LEN)
		return OR_AGAIN;
	word = get_u32(in->p);
	len = word & ~end_flag;
	if (len == 0 || len > TL_ENTRIES_LEAF_MAX)
		return OR_CORRUPT;
	if (len > in->n - TL_SEGMENT_ENTRY_LEN)
		return OR_AGAIN;
	crc = or_crc32c(0, or_slice(in->p, CRC_AT));
	crc = or_crc32c(crc, or_slice(in->p + CRC_AT + 4, TL_SEGMENT_ENTRY_LEN - CRC_AT - 4 + len));
	if (crc != get_u32(in->p + CRC_AT))
		return OR_CORRUPT;
	out->received_ns = get_u64(in->p + 8);
	memcpy(out->hash.b, in->p + 16, TL_HASH_LEN);
	out->leaf = or_slice(in->p + TL_SEGMENT_ENTRY_LEN, len);
	out->end = (word & end_flag) != 0;
	*in = or_slice_from(*in, TL_SEGMENT_ENTRY_LEN + len);
	return OR_OK;
}
