/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing dictionary of byte strings: each gets a number, in the order in which they come; then
 * they are put in order. For the builder of parts.
 *
 * Owns copies of the strings. Thread: whoever owns it; pure.
 */
#ifndef TLOG_INTERN_H
#define TLOG_INTERN_H

#include "base/buf.h"

struct tl_intern_item {
	uint32_t at; /* in bytes */
	uint32_t len;
	uint64_t hash;
};

struct tl_intern {
	struct tl_intern_item *items;
	uint32_t n, cap;
	uint32_t *slots; /* number + 1; 0 is free */
	uint32_t n_slots;
	uint8_t *bytes;
	size_t n_bytes, cap_bytes;
	uint32_t last; /* the one put last */
};

void tl_intern_init(struct tl_intern *t);
void tl_intern_done(struct tl_intern *t);

uint32_t tl_intern_put(struct tl_intern *t, struct or_slice s);

static inline struct or_slice tl_intern_get(const struct tl_intern *t, uint32_t i)
{
	return (struct or_slice){t->bytes + t->items[i].at, t->items[i].len};
}

/* order[k]: the number of the k-th string in ascending order. The caller frees it (or_mem_free). */
uint32_t *tl_intern_sort(const struct tl_intern *t);

#endif
