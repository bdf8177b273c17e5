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

static inline bool pol_uid_eq(const struct pol_uid *a, const struct pol_uid *b)
{
	return a == b ||
	       (a->hash == b->hash && or_slice_eq(a->id, b->id) && or_slice_eq(a->type, b->type));
}

/* By bytes: type, then id. */
int pol_uid_cmp(const struct pol_uid *a, const struct pol_uid *b);

/* Type::"id" as Cedar writes it, the id escaped. */
void pol_uid_print(struct or_buf *b, const struct pol_uid *u);

/* "…" with Cedar's escapes. */
void pol_uid_print_string(struct or_buf *b, struct or_slice s);

#endif
