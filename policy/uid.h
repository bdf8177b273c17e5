/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The name of an entity: Type::"id", with its hash computed once.
 *
 * Bytes are borrowed unless a function says that it copies. The hash is seeded per process
 * (base/map.h), so it never leaves memory. Thread: any.
 */
#ifndef POLICY_UID_H
#define POLICY_UID_H

#include "base/arena.h"
#include "base/buf.h"

struct pol_uid {
	struct or_slice type; /* with its namespace: "Shop::User" */
	struct or_slice id;
	uint64_t hash;
};

/* Borrows both. */
struct pol_uid pol_uid_make(struct or_slice type, struct or_slice id);

/* A copy whose bytes lie in the arena; NULL when it is full. */
const struct pol_uid *pol_uid_dup(struct or_arena *a, const struct pol_uid *u);

/* As or_slice_eq, for names: short, and often the same bytes in memory. */
static inline bool pol_uid_same(struct or_slice a, struct or_slice b)
{
	uint64_t x, y, z, w;

	if (a.n != b.n)
		return false;
	if (a.p == b.p || a.n == 0)
		return true;
	if (a.n < 8 || a.n > 16)
		return a.p[0] == b.p[0] && memcmp(a.p, b.p, a.n) == 0;
	memcpy(&x, a.p, 8);
	memcpy(&y, b.p, 8);
	memcpy(&z, a.p + a.n - 8, 8);
	memcpy(&w, b.p + b.n - 8, 8);
	return ((x ^ y) | (z ^ w)) == 0;
}

static inline bool pol_uid_eq(const struct pol_uid *a, const struct pol_uid *b)
{
	return a == b ||
	       (a->hash == b->hash && pol_uid_same(a->id, b->id) && pol_uid_same(a->type, b->type));
}

/* By bytes: type, then id. */
int pol_uid_cmp(const struct pol_uid *a, const struct pol_uid *b);

/* Type::"id" as Cedar writes it, the id escaped. */
void pol_uid_print(struct or_buf *b, const struct pol_uid *u);

/* "…" with Cedar's escapes. */
void pol_uid_print_string(struct or_buf *b, struct or_slice s);

#endif
