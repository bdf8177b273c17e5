/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash map from byte strings to pointers, walked in the order of insertion.
 *
 * Keys are borrowed: their bytes must outlive the entry (use an arena, or the value's own storage).
 * The hash is keyed with a random seed per process (SipHash-1-3), so peers cannot aim at one slot.
 * Limits: a maximum number of entries, fixed at the start; beyond it put returns OR_FULL.
 * Thread: whoever owns it.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/err.h"

struct or_map_entry {
	struct or_slice key;
	void *value;
	uint64_t hash;
	bool live; /* false: a removed entry; or_map_next skips it */
};

struct or_map {
	struct or_map_entry *entries; /* in order of insertion */
	uint32_t *slots;              /* index into entries + 1; 0 is free */
	size_t n_slots;
	size_t n_entries; /* with removed ones */
	size_t n;         /* live */
	size_t cap;
	size_t max;
};

void or_map_init(struct or_map *m, size_t max_entries);
void or_map_done(struct or_map *m);
void or_map_clear(struct or_map *m);

/* NULL where the key is absent. */
void *or_map_find(const struct or_map *m, struct or_slice key);

/* OR_EXISTS: the key is there, nothing changed. OR_FULL: max_entries. value must not be NULL. */
OR_NODISCARD enum or_code or_map_put(struct or_map *m, struct or_slice key, void *value);

/* Removes the key and returns its value, NULL where absent. */
void *or_map_take(struct or_map *m, struct or_slice key);

/* Walks the live entries: *at starts at 0; NULL at the end. Removing while walking is allowed,
 * putting is not. */
struct or_map_entry *or_map_next(const struct or_map *m, size_t *at);

/* SipHash-1-3 with the process's seed. */
uint64_t or_map_hash(struct or_slice s);

#endif
