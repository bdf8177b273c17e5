/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

void or_buf_init(struct or_buf *b, size_t max)
{
	OR_ASSERT(max > 0 && max < SIZE_MAX / 4);
	*b = (struct or_buf){.max = max};
}

void or_buf_done(struct or_buf *b)
{
	or_mem_free(b->p);
	*b = (struct or_buf){.max = b->max};
}

void or_buf_clear(struct or_buf *b)
{
	or_buf_cut(b, 0);
	b->full = false;
}

uint8_t *or_buf_reserve(struct or_buf *b, size_t n)
{
	size_t need, cap;

	if (b->full || n > b->max - b->n) {
		b->full = true;
		return NULL;
	}
	need = b->n + n + 1;
	if (need > b->cap) {
		cap = b->cap ? b->cap * 2 : 64;
		while (cap < need)
			cap *= 2;
		if (cap > b->max + 1)
			cap = b->max + 1;
		b->p = or_mem_resize(b->p, cap);
		b->cap = cap;
	}
	return b->p + b->n;
}

void or_buf_commit(struct or_buf *b, size_t n)
{
	OR_ASSERT(n == 0 || n < b->cap - b->n);
	b->n += n;
	if (b->p)
		b->p[b->n] = 0;
}

void or_buf_put(struct or_buf *b, const void *p, size_t n)
{
	uint8_t *to = or_buf_reserve(b, n);

	if (!to)
		return;
	if (n)
		memcpy(to, p, n);
	or_buf_commit(b, n);
}

void or_buf_put_slice(struct or_buf *b, struct or_slice s)
{
	or_buf_put(b, s.p, s.n);
}

void or_buf_put_str(struct or_buf *b, const char *text)
{
	or_buf_put(b, text, strlen(text));
}

void or_buf_put_byte(struct or_buf *b, uint8_t byte)
{
	or_buf_put(b, &byte, 1);
}

void or_buf_put_u64(struct or_buf *b, uint64_t v)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRIu64, v);

	or_buf_put(b, text, (size_t)n);
}

void or_buf_put_i64(struct or_buf *b, int64_t v)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRId64, v);

	or_buf_put(b, text, (size_t)n);
}

void or_buf_printf(struct or_buf *b, const char *fmt, ...)
{
	va_list ap;
	uint8_t *to;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	OR_ASSERT(n >= 0);
	to = or_buf_reserve(b, (size_t)n);
	if (!to)
		return;
	va_start(ap, fmt);
	vsnprintf((char *)to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	or_buf_commit(b, (size_t)n);
}

void or_buf_consume(struct or_buf *b, size_t n)
{
	OR_ASSERT(n <= b->n);
	if (n == 0)
		return;
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
	b->p[b->n] = 0;
}

void or_buf_cut(struct or_buf *b, size_t n)
{
	OR_ASSERT(n <= b->n);
	b->n = n;
	if (b->p)
		b->p[n] = 0;
}

const char *or_buf_text(const struct or_buf *b)
{
	return b->n ? (const char *)b->p : "";
}
