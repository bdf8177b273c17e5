/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state file remembers what segments that are gone can no longer tell: the epoch, each stream's
 * next number and how far it is acknowledged, and the places that sources have been read to. Two
 *slots are written in turn, each with a rising generation and a CRC, so that a write that a crash
 *tears leaves the other one. It may lag: what is redelivered because of that, the collector drops.
 *
 *	slot:   "ORSTATE1" generation(8) length(4) crc(4) payload
 *	crc:    over generation, length and payload
 */
#include "agent/spool/spool_state.h"

#include "base/crc32c.h"
#include "base/mem.h"

enum {
	SLOT = AG_SPOOL_SLOT,
	SLOT_HEAD = 24,
	STREAM_FIXED = 2 + 6 * 8,
	PLACE_FIXED = 1 + 2 * 8,
};
static const uint8_t magic[8] = {'O', 'R', 'S', 'T', 'A', 'T', 'E', '1'};

_Static_assert(
    SLOT_HEAD + 7 * 8 + AG_SPOOL_STREAMS_MAX * (STREAM_FIXED + AG_SPOOL_NAME_MAX) +
	    AG_SPOOL_PLACES_MAX * (PLACE_FIXED + AG_SPOOL_PLACE_ID + AG_SPOOL_PLACE_MAX) <=
	SLOT,
    "the state of all streams and places fits into a slot");

/* Both slots get their place on disk at the start: on a full disk segments can only go once the
 * state has been written. */
enum or_code ag_spool_state_reserve(int fd, struct or_err *err)
{
	static const uint8_t zeros[2 * SLOT];
	uint64_t size;
	enum or_code rc = or_sys_size(&size, fd, err);

	if (rc || size >= sizeof(zeros))
		return rc;
	return or_sys_pwrite(fd, or_slice(zeros, sizeof(zeros) - size), size, err);
}

uint64_t ag_spool_state_offset(uint64_t generation)
{
	return generation % 2 * SLOT;
}

static void put(struct or_buf *b, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		or_buf_put_byte(b, (uint8_t)(v >> (8 * i)));
}

static void put_streams(struct or_buf *out, const struct ag_spool *spool)
{
	put(out, spool->n_streams, 8);
	for (size_t i = 0; i < spool->n_streams; i++) {
		const struct spool_stream *s = &spool->streams[i];

		put(out, strlen(s->name), 2);
		or_buf_put_str(out, s->name);
		put(out, s->next_seq, 8);
		put(out, s->prev_seq, 8);
		put(out, s->acked.segment, 8);
		put(out, s->acked.offset, 8);
		put(out, s->acked.epoch, 8);
		put(out, s->acked.seq, 8);
	}
}

static void put_places(struct or_buf *out, const struct ag_spool *spool)
{
	put(out, spool->n_places, 8);
	for (size_t i = 0; i < spool->n_places; i++) {
		const struct spool_place *p = &spool->places[i];

		put(out, p->segment, 8);
		put(out, p->end, 8);
		put(out, p->n, 1);
		or_buf_put(out, p->bytes, p->n);
	}
}

static uint32_t check(struct or_slice slot)
{
	return or_crc32c(or_crc32c(0, or_slice(slot.p + 8, 12)), or_slice_from(slot, SLOT_HEAD));
}

void ag_spool_state_encode(struct or_buf *out, const struct ag_spool *spool, uint64_t generation)
{
	size_t start = out->n;
	uint32_t crc;

	or_buf_put(out, magic, sizeof(magic));
	put(out, generation, 8);
	put(out, 0, 8); /* length and crc */
	put(out, spool->epoch, 8);
	put(out, spool->prev_epoch, 8);
	put(out, spool->last ? spool->last->head.number : 0, 8);
	put(out, spool->next_number, 8);
	put_streams(out, spool);
	put_places(out, spool);
	OR_ASSERT(or_buf_ok(out) && out->n - start <= SLOT);
	for (size_t i = 0; i < 4; i++)
		out->p[start + 16 + i] = (uint8_t)((out->n - start - SLOT_HEAD) >> (8 * i));
	crc = check(or_slice_from(or_buf_slice(out), start));
	for (size_t i = 0; i < 4; i++)
		out->p[start + 20 + i] = (uint8_t)(crc >> (8 * i));
}

/* Takes a number from the front of *in; more than there is leaves *in empty and *ok false. */
static uint64_t take(struct or_slice *in, size_t n, bool *ok)
{
	uint64_t v = 0;

	if (in->n < n) {
		*ok = false;
		in->n = 0;
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)in->p[i] << (8 * i);
	*in = or_slice_from(*in, n);
	return v;
}

static bool decode_places(struct spool_state *out, struct or_slice in)
{
	bool ok = true;

	out->n_places = take(&in, 8, &ok);
	if (!ok || out->n_places > AG_SPOOL_PLACES_MAX)
		return false;
	for (size_t i = 0; i < out->n_places; i++) {
		struct spool_place *p = &out->places[i];

		p->segment = take(&in, 8, &ok);
		p->end = take(&in, 8, &ok);
		p->n = (uint8_t)take(&in, 1, &ok);
		if (!ok || p->n < AG_SPOOL_PLACE_ID || p->n > sizeof(p->bytes) || p->n > in.n)
			return false;
		memcpy(p->bytes, in.p, p->n);
		in = or_slice_from(in, p->n);
	}
	return in.n == 0;
}

static bool decode_payload(struct spool_state *out, struct or_slice in)
{
	bool ok = true;

	/* A state without places ends behind its streams. */
	out->epoch = take(&in, 8, &ok);
	out->prev_epoch = take(&in, 8, &ok);
	out->last_number = take(&in, 8, &ok);
	out->next_number = take(&in, 8, &ok);
	out->n_streams = take(&in, 8, &ok);
	if (!ok || out->n_streams > AG_SPOOL_STREAMS_MAX)
		return false;
	for (size_t i = 0; i < out->n_streams; i++) {
		struct spool_state_stream *s = &out->streams[i];
		size_t n = take(&in, 2, &ok);

		if (!ok || n > AG_SPOOL_NAME_MAX || n > in.n)
			return false;
		s->name = or_slice(in.p, n);
		in = or_slice_from(in, n);
		s->next_seq = take(&in, 8, &ok);
		s->prev_seq = take(&in, 8, &ok);
		s->acked.segment = take(&in, 8, &ok);
		s->acked.offset = take(&in, 8, &ok);
		s->acked.epoch = take(&in, 8, &ok);
		s->acked.seq = take(&in, 8, &ok);
		if (s->next_seq == 0)
			return false;
	}
	return ok && (in.n == 0 || decode_places(out, in));
}

static bool decode_slot(struct spool_state *out, struct or_slice slot)
{
	struct or_slice in = slot;
	bool ok = true;
	uint64_t length, crc;

	if (slot.n < SLOT_HEAD || memcmp(slot.p, magic, sizeof(magic)) != 0)
		return false;
	in = or_slice_from(in, 8);
	out->generation = take(&in, 8, &ok);
	length = take(&in, 4, &ok);
	crc = take(&in, 4, &ok);
	if (!ok || length > in.n || out->generation == 0)
		return false;
	in.n = length;
	return crc == check(or_slice(slot.p, SLOT_HEAD + length)) && decode_payload(out, in);
}

static bool is_blank(struct or_slice file)
{
	for (size_t i = 0; i < file.n; i++) {
		if (file.p[i])
			return false;
	}
	return true;
}

enum or_code ag_spool_state_decode(struct spool_state *out, struct or_slice file)
{
	struct or_slice slots[] = {or_slice(file.p, file.n < SLOT ? file.n : SLOT),
	    or_slice_from(file, file.n < SLOT ? file.n : SLOT)};
	struct spool_state *found = or_mem_array(2, sizeof(*found));
	bool has_a = decode_slot(&found[0], slots[0]), has_b = decode_slot(&found[1], slots[1]);

	if (has_a || has_b)
		*out =
		    found[has_a && (!has_b || found[0].generation > found[1].generation) ? 0 : 1];
	or_mem_free(found);
	if (!has_a && !has_b)
		return is_blank(file) ? OR_ABSENT : OR_CORRUPT;
	return OR_OK;
}
