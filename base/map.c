/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include "base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <sys/random.h>

static uint64_t seed[2];
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void make_seed(void)
{
	ssize_t n;

	do
		n = getrandom(seed, sizeof(seed), 0);
	while (n < 0 && errno == EINTR);
	OR_ASSERT(n == (ssize_t)sizeof(seed));
}

static uint64_t rotl(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

uint64_t or_map_hash(struct or_slice s)
{
	uint64_t v[4], word = 0;
	size_t i = 0;

	pthread_once(&seed_once, make_seed);
	v[0] = seed[0] ^ 0x736f6d6570736575ULL;
	v[1] = seed[1] ^ 0x646f72616e646f6dULL;
	v[2] = seed[0] ^ 0x6c7967656e657261ULL;
	v[3] = seed[1] ^ 0x7465646279746573ULL;
	for (; s.n - i >= 8; i += 8) {
		memcpy(&word, s.p + i, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = (uint64_t)s.n << 56;
	for (size_t j = 0; i + j < s.n; j++)
		word |= (uint64_t)s.p[i + j] << (8 * j);
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void or_map_init(struct or_map *m, size_t max_entries)
{
	OR_ASSERT(max_entries < UINT32_MAX / 4);
	*m = (struct or_map){.max = max_entries};
}

void or_map_done(struct or_map *m)
{
	or_mem_free(m->entries);
	or_mem_free(m->slots);
	or_map_init(m, m->max);
}

void or_map_clear(struct or_map *m)
{
	if (m->slots)
		memset(m->slots, 0, m->n_slots * sizeof(*m->slots));
	m->n_entries = 0;
	m->n = 0;
}

/* The slot that holds the key, or the free one where it would go. */
static size_t find_slot(const struct or_map *m, struct or_slice key, uint64_t hash)
{
	size_t mask = m->n_slots - 1, at = hash & mask;

	while (m->slots[at]) {
		const struct or_map_entry *e = &m->entries[m->slots[at] - 1];

		if (e->live && e->hash == hash && or_slice_eq(e->key, key))
			break;
		at = (at + 1) & mask;
	}
	return at;
}

/* Drops removed entries and makes room, so that slots stay at most half full. */
static void rebuild(struct or_map *m)
{
	size_t cap = m->cap ? m->cap : 8, live = 0;

	while (cap < m->n + m->n / 2 + 1)
		cap *= 2;
	for (size_t i = 0; i < m->n_entries; i++) {
		if (m->entries[i].live)
			m->entries[live++] = m->entries[i];
	}
	m->n_entries = live;
	if (cap != m->cap || !m->slots) {
		m->entries = or_mem_resize(m->entries, cap * sizeof(*m->entries));
		m->slots = or_mem_resize(m->slots, cap * 2 * sizeof(*m->slots));
		m->cap = cap;
		m->n_slots = cap * 2;
	}
	memset(m->slots, 0, m->n_slots * sizeof(*m->slots));
	for (size_t i = 0; i < m->n_entries; i++) {
		size_t at = m->entries[i].hash & (m->n_slots - 1);

		while (m->slots[at])
			at = (at + 1) & (m->n_slots - 1);
		m->slots[at] = (uint32_t)i + 1;
	}
}

void *or_map_find(const struct or_map *m, struct or_slice key)
{
	size_t at;

	if (m->n == 0)
		return NULL;
	at = find_slot(m, key, or_map_hash(key));
	return m->slots[at] ? m->entries[m->slots[at] - 1].value : NULL;
}

enum or_code or_map_put(struct or_map *m, struct or_slice key, void *value)
{
	uint64_t hash = or_map_hash(key);
	size_t at;

	OR_ASSERT(value);
	if (m->n > 0 && m->slots[find_slot(m, key, hash)])
		return OR_EXISTS;
	if (m->n >= m->max)
		return OR_FULL;
	if (m->n_entries >= m->cap)
		rebuild(m);
	at = find_slot(m, key, hash);
	m->entries[m->n_entries] =
	    (struct or_map_entry){.key = key, .value = value, .hash = hash, .live = true};
	m->slots[at] = (uint32_t)++m->n_entries;
	m->n++;
	return OR_OK;
}

void *or_map_take(struct or_map *m, struct or_slice key)
{
	size_t at;
	struct or_map_entry *e;

	if (m->n == 0)
		return NULL;
	at = find_slot(m, key, or_map_hash(key));
	if (!m->slots[at])
		return NULL;
	/* The slot stays taken by the dead entry until the next rebuild, so that probing goes on.
	 */
	e = &m->entries[m->slots[at] - 1];
	e->live = false;
	m->n--;
	return e->value;
}

struct or_map_entry *or_map_next(const struct or_map *m, size_t *at)
{
	while (*at < m->n_entries) {
		struct or_map_entry *e = &m->entries[(*at)++];

		if (e->live)
			return e;
	}
	return NULL;
}
