/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"
#include "base/mem.h"
#include "ebpf/wire/wire_impl.h"

struct topic {
	uint8_t id[16];
	char *name;
};

struct tap_wire_topics {
	struct or_map map;
	struct topic ring[TAP_WIRE_TOPICS]; /* the oldest makes room */
	size_t next;
};

struct tap_wire_topics *tap_wire_topics_new(void)
{
	struct tap_wire_topics *t = or_mem_new(sizeof(*t));

	or_map_init(&t->map, TAP_WIRE_TOPICS);
	return t;
}

void tap_wire_topics_free(struct tap_wire_topics *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < TAP_WIRE_TOPICS; i++)
		or_mem_free(t->ring[i].name);
	or_map_done(&t->map);
	or_mem_free(t);
}

void tap_wire_topics_put(struct tap_wire_topics *t, const uint8_t id[16], struct or_slice name)
{
	struct topic *slot = or_map_find(&t->map, or_slice(id, 16));

	if (!slot) {
		slot = &t->ring[t->next++ % TAP_WIRE_TOPICS];
		if (slot->name)
			or_map_take(&t->map, or_slice(slot->id, 16));
		memcpy(slot->id, id, 16);
		if (or_map_put(&t->map, or_slice(slot->id, 16), slot) != OR_OK) {
			or_mem_free(slot->name);
			slot->name = NULL;
			return;
		}
	}
	or_mem_free(slot->name);
	slot->name = or_mem_new(name.n + 1);
	memcpy(slot->name, name.p, name.n);
}

const char *tap_wire_topics_find(const struct tap_wire_topics *t, const uint8_t id[16])
{
	const struct topic *slot = or_map_find(&t->map, or_slice(id, 16));

	return slot ? slot->name : NULL;
}
