/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_CHECKED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_CHECKED 1
#endif
#endif
#ifndef ARENA_CHECKED
#define ARENA_CHECKED 0
#endif

enum { ALIGN = 16, CHUNK_MIN = 4096 - 64, CHUNK_MAX = 256 * 1024 };

struct chunk {
	struct chunk *next;
	size_t cap;
	size_t used;
	size_t unused; /* keeps data aligned to ALIGN */
	uint8_t data[];
};

struct or_arena {
	struct chunk *head;
	size_t budget;
	size_t used;
	bool full;
};

struct or_arena *or_arena_new(size_t budget)
{
	struct or_arena *a = or_mem_new(sizeof(*a));

	a->budget = budget;
	return a;
}

static void free_chunks(struct chunk *c)
{
	while (c) {
		struct chunk *next = c->next;

		or_mem_free(c);
		c = next;
	}
}

void or_arena_free(struct or_arena *a)
{
	if (!a)
		return;
	free_chunks(a->head);
	or_mem_free(a);
}

void or_arena_clear(struct or_arena *a)
{
	struct chunk *keep = a->head;

	if (keep && !ARENA_CHECKED && keep->cap <= CHUNK_MAX) {
		free_chunks(keep->next);
		keep->next = NULL;
		keep->used = 0;
	} else {
		free_chunks(a->head);
		a->head = NULL;
	}
	a->used = 0;
	a->full = false;
}

/*
 * Chunks double from one to the next, so that their number stays small at any size. A piece larger
 * than a chunk gets one of its own behind the head, so that the head's room is not lost and one
 * large message is not what the arena keeps for ever.
 */
static struct chunk *add_chunk(struct or_arena *a, size_t n)
{
	size_t cap = a->head ? a->head->cap * 2 : CHUNK_MIN;
	struct chunk **at = &a->head, *c;

	if (cap > CHUNK_MAX)
		cap = CHUNK_MAX;
	if (cap < n && a->head)
		at = &a->head->next;
	if (cap < n || ARENA_CHECKED)
		cap = n;
	c = or_mem_resize(NULL, sizeof(*c) + cap);
	c->cap = cap;
	c->used = 0;
	c->next = *at;
	*at = c;
	return c;
}

/* As or_arena_alloc, but as it comes: whoever writes all of it need not have it zeroed. */
static void *take(struct or_arena *a, size_t n)
{
	size_t room = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	struct chunk *c = a->head;
	void *p;

	if (room < n || (a->budget && room > a->budget - a->used)) {
		a->full = true;
		return NULL;
	}
	if (ARENA_CHECKED || !c || c->cap - c->used < room)
		c = add_chunk(a, ARENA_CHECKED ? n : room);
	p = c->data + c->used;
	c->used += ARENA_CHECKED ? n : room;
	a->used += room;
	return p;
}

void *or_arena_alloc(struct or_arena *a, size_t n)
{
	void *p = take(a, n);

	return p ? memset(p, 0, n) : NULL;
}

void *or_arena_array(struct or_arena *a, size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n)) {
		a->full = true;
		return NULL;
	}
	return or_arena_alloc(a, n);
}

char *or_arena_strdup(struct or_arena *a, struct or_slice s)
{
	char *p = s.n < SIZE_MAX ? take(a, s.n + 1) : NULL;

	if (!p)
		return NULL;
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

struct or_slice or_arena_dup(struct or_arena *a, struct or_slice s)
{
	char *p = or_arena_strdup(a, s);

	return p ? or_slice(p, s.n) : OR_SLICE_NONE;
}

char *or_arena_printf(struct or_arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	OR_ASSERT(n >= 0);
	p = take(a, (size_t)n + 1);
	if (!p)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

size_t or_arena_used(const struct or_arena *a)
{
	return a->used;
}

bool or_arena_is_full(const struct or_arena *a)
{
	return a->full;
}
