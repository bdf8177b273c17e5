/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every file may use: attributes, assertions that stay in release builds, and the slice.
 *
 * A slice borrows bytes; it owns nothing and is passed by value. Text that ends in NUL is char *.
 */
#ifndef BASE_DEF_H
#define BASE_DEF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define OR_NODISCARD    __attribute__((warn_unused_result))
#define OR_NORETURN     __attribute__((noreturn))
#define OR_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define OR_LEN(array)   (sizeof(array) / sizeof((array)[0]))

#define OR_KIB (1024ULL)
#define OR_MIB (1024ULL * 1024ULL)

#define OR_NS_PER_US 1000LL
#define OR_NS_PER_MS 1000000LL
#define OR_NS_PER_S  1000000000LL

/* Ends the process with file and line: for errors of this program, never for bad input. */
OR_NORETURN void or_def_fail(const char *what, const char *file, int line);
#define OR_ASSERT(cond) ((cond) ? (void)0 : or_def_fail(#cond, __FILE__, __LINE__))

struct or_slice {
	const uint8_t *p;
	size_t n;
};

#define OR_SLICE_LIT(text) ((struct or_slice){(const uint8_t *)("" text), sizeof(text) - 1})
#define OR_SLICE_NONE      ((struct or_slice){NULL, 0})
/* For printf's "%.*s". */
#define OR_SLICE_FMT(s) (int)(s).n, (const char *)((s).n ? (s).p : (const uint8_t *)"")

static inline struct or_slice or_slice(const void *p, size_t n)
{
	return (struct or_slice){(const uint8_t *)p, n};
}

/* NULL gives the empty slice. */
static inline struct or_slice or_slice_str(const char *text)
{
	return (struct or_slice){(const uint8_t *)text, text ? strlen(text) : 0};
}

static inline bool or_slice_eq(struct or_slice a, struct or_slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool or_slice_is(struct or_slice a, const char *text)
{
	return or_slice_eq(a, or_slice_str(text));
}

/* Bytewise order; a prefix sorts first. */
static inline int or_slice_cmp(struct or_slice a, struct or_slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* The part of s from byte `from` (at most s.n) on. */
static inline struct or_slice or_slice_from(struct or_slice s, size_t from)
{
	OR_ASSERT(from <= s.n);
	return from ? (struct or_slice){s.p + from, s.n - from} : s;
}

#endif
