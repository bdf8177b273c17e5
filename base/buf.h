/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer that is born with a maximum.
 *
 * Failure is sticky: once a put would pass the maximum the buffer is full, further puts do nothing,
 * and or_buf_ok says so at the end. So a writer checks once, not at every step.
 * The bytes always have a NUL behind them (not counted). Thread: whoever owns it.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/def.h"

struct or_buf {
	uint8_t *p;
	size_t n;
	size_t cap;
	size_t max;
	bool full;
};

/* max: bytes the buffer may ever hold (> 0). Nothing is allocated yet. */
void or_buf_init(struct or_buf *b, size_t max);
void or_buf_done(struct or_buf *b);
/* Empties it and lifts fullness; memory is kept. */
void or_buf_clear(struct or_buf *b);

void or_buf_put(struct or_buf *b, const void *p, size_t n);
void or_buf_put_slice(struct or_buf *b, struct or_slice s);
void or_buf_put_str(struct or_buf *b, const char *text);
void or_buf_put_byte(struct or_buf *b, uint8_t byte);
void or_buf_put_u64(struct or_buf *b, uint64_t v); /* decimal text */
void or_buf_put_i64(struct or_buf *b, int64_t v);  /* decimal text */
void or_buf_printf(struct or_buf *b, const char *fmt, ...) OR_PRINTF(2, 3);

/* Room for n bytes at the end that the caller fills and or_buf_commit counts; NULL when full. */
uint8_t *or_buf_reserve(struct or_buf *b, size_t n);
void or_buf_commit(struct or_buf *b, size_t n);

/* Takes n bytes away from the front. */
void or_buf_consume(struct or_buf *b, size_t n);
/* Cuts it to n bytes (at most what it holds). */
void or_buf_cut(struct or_buf *b, size_t n);

static inline bool or_buf_ok(const struct or_buf *b)
{
	return !b->full;
}

/* Borrowed until the next put. */
static inline struct or_slice or_buf_slice(const struct or_buf *b)
{
	return (struct or_slice){b->p, b->n};
}

/* The bytes as NUL-terminated text; "" when empty. Borrowed until the next put. */
const char *or_buf_text(const struct or_buf *b);

#endif
