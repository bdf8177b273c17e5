/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool/segment.h"

#include "base/crc32c.h"

enum { MAGIC = 0x724F, PLACE_LEN = 2 };
static const uint8_t head_magic[8] = {'O', 'R', 'S', 'P', 'O', 'O', 'L', '1'};

static void store(uint8_t *p, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t load(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

void ag_segment_head_put(struct or_buf *out, const struct ag_segment_head *head)
{
	uint8_t b[AG_SEGMENT_HEAD_LEN] = {0};

	memcpy(b, head_magic, sizeof(head_magic));
	store(b + 8, head->number, 8);
	store(b + 16, head->epoch, 8);
	store(b + 24, head->prev_epoch, 8);
	store(b + 32, or_crc32c(0, or_slice(b, 32)), 4);
	or_buf_put(out, b, sizeof(b));
}

enum or_code ag_segment_head_get(struct ag_segment_head *out, struct or_slice in)
{
	if (in.n < AG_SEGMENT_HEAD_LEN)
		return OR_AGAIN;
	if (memcmp(in.p, head_magic, sizeof(head_magic)) != 0 ||
	    load(in.p + 32, 4) != or_crc32c(0, or_slice(in.p, 32)) || load(in.p + 36, 4) != 0)
		return OR_CORRUPT;
	*out = (struct ag_segment_head){.number = load(in.p + 8, 8),
	    .epoch = load(in.p + 16, 8),
	    .prev_epoch = load(in.p + 24, 8)};
	return OR_OK;
}

static size_t size_of(size_t payload)
{
	return (AG_SEGMENT_FRAME_LEN + payload + AG_SEGMENT_ALIGN - 1) &
	       ~(size_t)(AG_SEGMENT_ALIGN - 1);
}

static size_t payload_of(const struct ag_segment_entry *e)
{
	return e->payload.n + (e->place.n ? PLACE_LEN + e->place.n : 0);
}

size_t ag_segment_size(const struct ag_segment_entry *e)
{
	return size_of(payload_of(e));
}

/* entry: the whole entry, its crc included (which is left out). */
static uint32_t check(const struct ag_segment_head *head, uint64_t offset, struct or_slice entry)
{
	uint8_t place[24];

	store(place, head->epoch, 8);
	store(place + 8, head->number, 8);
	store(place + 16, offset, 8);
	return or_crc32c(or_crc32c(0, or_slice(place, sizeof(place))), or_slice_from(entry, 4));
}

void ag_segment_put(struct or_buf *out, const struct ag_segment_head *head, uint64_t offset,
    const struct ag_segment_entry *e)
{
	size_t payload = payload_of(e), size = size_of(payload);
	uint8_t *p = or_buf_reserve(out, size), *to;

	OR_ASSERT(payload <= AG_SEGMENT_PAYLOAD_MAX && offset % AG_SEGMENT_ALIGN == 0);
	OR_ASSERT(e->place.n <= UINT16_MAX && (!e->place.n || e->type == AG_SEGMENT_RECORD));
	if (!p)
		return;
	store(p + 4, MAGIC, 2);
	store(p + 6, e->place.n ? AG_SEGMENT_PLACED : e->type, 2);
	store(p + 8, payload, 4);
	store(p + 12, e->stream, 4);
	store(p + 16, e->seq, 8);
	to = p + AG_SEGMENT_FRAME_LEN;
	if (e->place.n) {
		store(to, e->place.n, PLACE_LEN);
		memcpy(to + PLACE_LEN, e->place.p, e->place.n);
		to += PLACE_LEN + e->place.n;
	}
	if (e->payload.n)
		memcpy(to, e->payload.p, e->payload.n);
	to += e->payload.n;
	memset(to, 0, size - (size_t)(to - p));
	store(p, check(head, offset, or_slice(p, size)), 4);
	or_buf_commit(out, size);
}

static bool is_frame(const uint8_t *p)
{
	uint64_t type = load(p + 6, 2), stream = load(p + 12, 4);

	return load(p + 4, 2) == MAGIC && type >= AG_SEGMENT_RECORD && type <= AG_SEGMENT_VOID &&
	       load(p + 8, 4) <= AG_SEGMENT_PAYLOAD_MAX && stream <= UINT16_MAX;
}

static bool is_zero(const uint8_t *p, size_t n)
{
	while (n && *p == 0) {
		p++;
		n--;
	}
	return n == 0;
}

static enum or_code take_place(struct ag_segment_entry *e)
{
	size_t n = e->payload.n < PLACE_LEN ? 0 : load(e->payload.p, PLACE_LEN);

	if (n == 0 || n > e->payload.n - PLACE_LEN)
		return OR_CORRUPT;
	e->type = AG_SEGMENT_RECORD;
	e->place = or_slice(e->payload.p + PLACE_LEN, n);
	e->payload = or_slice_from(e->payload, PLACE_LEN + n);
	return OR_OK;
}

enum or_code ag_segment_get(struct ag_segment_entry *out, size_t *size,
    const struct ag_segment_head *head, uint64_t offset, struct or_slice in)
{
	struct ag_segment_entry e;
	size_t payload, whole;

	*size = 0;
	if (in.n < AG_SEGMENT_FRAME_LEN)
		return OR_AGAIN;
	if (!is_frame(in.p))
		return OR_CORRUPT;
	payload = load(in.p + 8, 4);
	whole = size_of(payload);
	*size = whole;
	if (in.n < whole)
		return OR_AGAIN;
	if (load(in.p, 4) != check(head, offset, or_slice(in.p, whole)) ||
	    !is_zero(in.p + AG_SEGMENT_FRAME_LEN + payload, whole - AG_SEGMENT_FRAME_LEN - payload))
		return OR_CORRUPT;
	e = (struct ag_segment_entry){.type = (enum ag_segment_type)load(in.p + 6, 2),
	    .stream = (uint16_t)load(in.p + 12, 4),
	    .seq = load(in.p + 16, 8),
	    .payload = or_slice(in.p + AG_SEGMENT_FRAME_LEN, payload)};
	if (e.type == AG_SEGMENT_PLACED && take_place(&e))
		return OR_CORRUPT;
	*out = e;
	return OR_OK;
}

size_t ag_segment_resync(
    const struct ag_segment_head *head, uint64_t offset, struct or_slice in, size_t *work)
{
	struct ag_segment_entry e;
	size_t size;

	for (size_t at = AG_SEGMENT_ALIGN; at + AG_SEGMENT_FRAME_LEN <= in.n;
	     at += AG_SEGMENT_ALIGN) {
		if (!is_frame(in.p + at))
			continue;
		if (ag_segment_get(&e, &size, head, offset + at, or_slice_from(in, at)) == OR_OK)
			return at;
		if (*work < size)
			return 0;
		*work -= size;
	}
	return 0;
}
