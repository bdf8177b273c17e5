/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An arena: memory that is given out piece by piece and returned all at once.
 *
 * Thread: whoever owns it. Memory is aligned for any type and zeroed.
 * Limits: a budget in bytes, fixed at the start; beyond it or_arena_alloc returns NULL, which the
 * caller turns into OR_FULL. An arena without a budget (0) never returns NULL. When the system has
 * no memory left the process ends.
 * Under AddressSanitizer every piece is an allocation of its own, so that overruns are seen.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/def.h"

struct or_arena;

/* budget: bytes that may be given out before the next clear, each piece rounded up to 16; 0 is no
 * limit. */
struct or_arena *or_arena_new(size_t budget);
void or_arena_free(struct or_arena *a);

/* Takes everything back; one chunk (at most 256 KiB) is kept for reuse. */
void or_arena_clear(struct or_arena *a);

/* Zeroed memory, or NULL when the budget is used up. n = 0 gives a valid pointer. */
void *or_arena_alloc(struct or_arena *a, size_t n);

/* As alloc, for count * size bytes, without overflow. */
void *or_arena_array(struct or_arena *a, size_t count, size_t size);

/* Copies of bytes and text; the copy always ends in NUL (not counted). NULL when full. */
struct or_slice or_arena_dup(struct or_arena *a, struct or_slice s);
char *or_arena_strdup(struct or_arena *a, struct or_slice s);
char *or_arena_printf(struct or_arena *a, const char *fmt, ...) OR_PRINTF(2, 3);

/* Bytes given out since the last clear. */
size_t or_arena_used(const struct or_arena *a);

/* True once an allocation has been refused since the last clear. */
bool or_arena_is_full(const struct or_arena *a);

#endif
