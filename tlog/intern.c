/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog/intern.h"

#include "base/map.h"
#include "base/mem.h"

#include <stdlib.h>

enum { SLOTS_FIRST = 64, BYTES_FIRST = 1024 };

void tl_intern_init(struct tl_intern *t)
{
	*t = (struct tl_intern){.n_slots = SLOTS_FIRST};
	t->slots = or_mem_array(SLOTS_FIRST, sizeof(*t->slots));
}

void tl_intern_done(struct tl_intern *t)
{
	or_mem_free(t->items);
	or_mem_free(t->slots);
	or_mem_free(t->bytes);
}

static void grow_slots(struct tl_intern *t)
{
	or_mem_free(t->slots);
	t->n_slots *= 2;
	t->slots = or_mem_array(t->n_slots, sizeof(*t->slots));
	for (uint32_t i = 0; i < t->n; i++) {
		uint32_t at = (uint32_t)t->items[i].hash & (t->n_slots - 1);

		while (t->slots[at])
			at = (at + 1) & (t->n_slots - 1);
		t->slots[at] = i + 1;
	}
}

static uint32_t add(struct tl_intern *t, struct or_slice s, uint64_t hash)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : SLOTS_FIRST;
		t->items = or_mem_resize(t->items, t->cap * sizeof(*t->items));
	}
	while (t->n_bytes + s.n > t->cap_bytes) {
		t->cap_bytes = t->cap_bytes ? t->cap_bytes * 2 : BYTES_FIRST;
		t->bytes = or_mem_resize(t->bytes, t->cap_bytes);
	}
	OR_ASSERT(t->n_bytes + s.n <= UINT32_MAX);
	if (s.n)
		memcpy(t->bytes + t->n_bytes, s.p, s.n);
	t->items[t->n] = (struct tl_intern_item){(uint32_t)t->n_bytes, (uint32_t)s.n, hash};
	t->n_bytes += s.n;
	return t->n++;
}

uint32_t tl_intern_put(struct tl_intern *t, struct or_slice s)
{
	uint32_t at;
	uint64_t hash;

	if (t->n && or_slice_eq(tl_intern_get(t, t->last), s))
		return t->last;
	hash = or_map_hash(s);
	for (at = (uint32_t)hash & (t->n_slots - 1); t->slots[at];
	     at = (at + 1) & (t->n_slots - 1)) {
		uint32_t i = t->slots[at] - 1;

		if (t->items[i].hash == hash && or_slice_eq(tl_intern_get(t, i), s))
			return t->last = i;
	}
	t->last = add(t, s, hash);
	t->slots[at] = t->n;
	if (t->n * 2 > t->n_slots)
		grow_slots(t);
	return t->last;
}

static int ascending(const void *a, const void *b, void *arg)
{
	const struct tl_intern *t = arg;

	return or_slice_cmp(
	    tl_intern_get(t, *(const uint32_t *)a), tl_intern_get(t, *(const uint32_t *)b));
}

uint32_t *tl_intern_sort(const struct tl_intern *t)
{
	uint32_t *order = or_mem_array(t->n + 1, sizeof(*order));
	struct tl_intern copy = *t;

	for (uint32_t i = 0; i < t->n; i++)
		order[i] = i;
	qsort_r(order, t->n, sizeof(*order), ascending, &copy);
	return order;
}
