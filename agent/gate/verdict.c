/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/verdict.h"

#include "agent/gate/who.h"
#include "base/map.h"
#include "base/mem.h"

enum { ENTRY_MAX = 256 * 1024 };

struct entry {
	uint8_t hash[OR_CRYPTO_HASH_LEN];
	struct or_arena *arena; /* NULL: a free slot */
	struct ag_identity_who who;
	struct ag_verdict_bond bond;
};

/* A ring: entries live about equally long, so the oldest is nearly the first to end. */
struct ag_verdict_cache {
	struct or_map map;
	struct entry *ring;
	size_t max;
	size_t next;
};

struct ag_verdict_cache *ag_verdict_new(size_t max)
{
	struct ag_verdict_cache *c = or_mem_new(sizeof(*c));

	c->max = max;
	c->ring = or_mem_array(max ? max : 1, sizeof(*c->ring));
	or_map_init(&c->map, max ? max : 1);
	return c;
}

static void drop(struct ag_verdict_cache *c, struct entry *e)
{
	if (!e->arena)
		return;
	or_map_take(&c->map, or_slice(e->hash, sizeof(e->hash)));
	or_arena_free(e->arena);
	e->arena = NULL;
}

void ag_verdict_free(struct ag_verdict_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->max; i++)
		drop(c, &c->ring[i]);
	or_map_done(&c->map);
	or_mem_free(c->ring);
	or_mem_free(c);
}

const struct ag_identity_who *ag_verdict_find(struct ag_verdict_cache *c,
    const uint8_t hash[OR_CRYPTO_HASH_LEN], int64_t now_ns, const uint64_t *generations,
    size_t *issuer)
{
	struct entry *e = or_map_find(&c->map, or_slice(hash, OR_CRYPTO_HASH_LEN));

	if (!e)
		return NULL;
	/* a clock that went back must not stretch an entry's life */
	if (now_ns >= e->bond.until_ns || now_ns < e->bond.from_ns ||
	    generations[e->bond.issuer] != e->bond.generation) {
		drop(c, e);
		return NULL;
	}
	*issuer = e->bond.issuer;
	return &e->who;
}

void ag_verdict_put(struct ag_verdict_cache *c, const uint8_t hash[OR_CRYPTO_HASH_LEN],
    const struct ag_identity_who *who, const struct ag_verdict_bond *bond)
{
	struct entry *e = or_map_find(&c->map, or_slice(hash, OR_CRYPTO_HASH_LEN));

	if (c->max == 0)
		return;
	if (!e) {
		e = &c->ring[c->next];
		c->next = (c->next + 1) % c->max;
	}
	drop(c, e);
	e->arena = or_arena_new(ENTRY_MAX);
	memcpy(e->hash, hash, sizeof(e->hash));
	e->bond = *bond;
	if (!ag_who_copy(&e->who, who, e->arena) ||
	    or_map_put(&c->map, or_slice(e->hash, sizeof(e->hash)), e)) {
		or_arena_free(e->arena);
		e->arena = NULL;
	}
}

size_t ag_verdict_count(const struct ag_verdict_cache *c)
{
	return c->map.n;
}
