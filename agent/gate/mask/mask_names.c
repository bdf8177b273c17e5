/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/mask/mask_names.h"

#include "base/map.h"
#include "base/mem.h"

/* Half of the slots stay free; some are for small objects inside a large one. */
enum { FIRST_CAP = 16, SLOTS_MAX = 2 * AG_MASK_NAMES_MAX + 8192 };

void ag_mask_names_done(struct ag_mask_names *names)
{
	or_mem_free(names->slots);
	*names = (struct ag_mask_names){0};
}

struct ag_mask_names_set ag_mask_names_open(const struct ag_mask_names *names)
{
	return (struct ag_mask_names_set){.at = (uint32_t)names->top};
}

void ag_mask_names_close(struct ag_mask_names *names, const struct ag_mask_names_set *set)
{
	names->top = set->at;
}

/* The slot of that hash, or the free one where it belongs. */
static uint64_t *slot_of(
    const struct ag_mask_names *names, const struct ag_mask_names_set *set, uint64_t hash)
{
	uint64_t *slots = names->slots + set->at;
	size_t mask = set->cap - 1, at = hash & mask;

	while (slots[at] && slots[at] != hash)
		at = (at + 1) & mask;
	return &slots[at];
}

/* Twice the slots: the old ones step aside behind the new and are put in again. */
static bool grow(struct ag_mask_names *names, struct ag_mask_names_set *set)
{
	size_t old = set->cap, cap = old ? old * 2 : FIRST_CAP, need = set->at + cap + old;
	uint64_t *aside;

	if (set->at + cap > SLOTS_MAX)
		return false;
	if (need > names->cap) {
		size_t more = names->cap * 2 > need ? names->cap * 2 : need;

		names->slots = or_mem_resize(names->slots, more * sizeof(*names->slots));
		names->cap = more;
	}
	aside = names->slots + set->at + cap;
	memmove(aside, names->slots + set->at, old * sizeof(*aside));
	memset(names->slots + set->at, 0, cap * sizeof(*aside));
	set->cap = (uint32_t)cap;
	names->top = set->at + cap;
	for (size_t i = 0; i < old; i++) {
		if (aside[i])
			*slot_of(names, set, aside[i]) = aside[i];
	}
	return true;
}

enum ag_mask_fault ag_mask_names_add(
    struct ag_mask_names *names, struct ag_mask_names_set *set, struct or_slice name)
{
	uint64_t hash = or_map_hash(name), *slot;

	hash = hash ? hash : 1; /* 0 is a free slot */
	if ((set->n + 1) * 2 > set->cap && !grow(names, set))
		return AG_MASK_LARGE;
	slot = slot_of(names, set, hash);
	if (*slot)
		return AG_MASK_DUPLICATE;
	*slot = hash;
	set->n++;
	return AG_MASK_FINE;
}
