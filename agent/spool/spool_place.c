/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool/spool_inside.h"

#include "base/mem.h"

static struct spool_place *find(const struct ag_spool *spool, const uint8_t *id)
{
	for (size_t i = 0; i < spool->n_places; i++) {
		if (memcmp(spool->places[i].bytes, id, AG_SPOOL_PLACE_ID) == 0)
			return &spool->places[i];
	}
	return NULL;
}

bool ag_spool_place_has_room(const struct ag_spool *spool, const uint8_t id[AG_SPOOL_PLACE_ID])
{
	return spool->n_places < AG_SPOOL_PLACES_MAX || find(spool, id);
}

void ag_spool_place_set(
    struct ag_spool *spool, struct or_slice place, uint64_t segment, uint64_t end)
{
	struct spool_place *p;

	if (place.n < AG_SPOOL_PLACE_ID || place.n > sizeof(p->bytes) ||
	    !ag_spool_place_has_room(spool, place.p))
		return;
	if (!spool->places)
		spool->places = or_mem_array(AG_SPOOL_PLACES_MAX, sizeof(*spool->places));
	p = find(spool, place.p);
	if (p && (p->segment > segment || (p->segment == segment && p->end > end)))
		return;
	if (!p)
		p = &spool->places[spool->n_places++];
	*p = (struct spool_place){.segment = segment, .end = end, .n = (uint8_t)place.n};
	memcpy(p->bytes, place.p, place.n);
}

enum or_code ag_spool_place_append(struct ag_spool *spool, uint16_t stream, struct or_slice record,
    const struct ag_spool_place *place)
{
	struct ag_segment_entry e = {.type = AG_SEGMENT_RECORD,
	    .stream = stream,
	    .seq = spool->streams[stream].next_seq,
	    .payload = record};
	uint8_t bytes[AG_SPOOL_PLACE_ID + AG_SPOOL_PLACE_MAX];
	enum or_code rc;

	OR_ASSERT(place->value.n <= AG_SPOOL_PLACE_MAX);
	if (!ag_spool_place_has_room(spool, place->id))
		return OR_FULL;
	memcpy(bytes, place->id, AG_SPOOL_PLACE_ID);
	if (place->value.n)
		memcpy(bytes + AG_SPOOL_PLACE_ID, place->value.p, place->value.n);
	e.place = or_slice(bytes, AG_SPOOL_PLACE_ID + place->value.n);
	rc = ag_spool_append_entry(spool, &e);
	if (rc == OR_OK)
		ag_spool_place_set(spool, e.place, spool->last->head.number, spool->last->end);
	return rc;
}

bool ag_spool_place_get(struct ag_spool_place *out, const struct ag_spool *spool, size_t i)
{
	const struct spool_place *p;

	if (i >= spool->n_places)
		return false;
	p = &spool->places[i];
	memcpy(out->id, p->bytes, AG_SPOOL_PLACE_ID);
	out->value = or_slice(p->bytes + AG_SPOOL_PLACE_ID, p->n - (size_t)AG_SPOOL_PLACE_ID);
	return true;
}

void ag_spool_place_forget(struct ag_spool *spool, const uint8_t id[AG_SPOOL_PLACE_ID])
{
	struct spool_place *p = find(spool, id);

	if (!p)
		return;
	*p = spool->places[--spool->n_places];
	ag_spool_sync_state(spool, false);
}
