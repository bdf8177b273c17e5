/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which bytes may stand where in HTTP and in URIs: one table, one bit per class. Pure; any thread.
 */
#ifndef BASE_HTTP_CHARS_H
#define BASE_HTTP_CHARS_H

#include "base/def.h"

enum {
	OR_HTTP_CHARS_TOKEN = 1,       /* tchar, RFC 9110 §5.6.2 */
	OR_HTTP_CHARS_VALUE = 2,       /* HTAB, SP, VCHAR, obs-text, RFC 9110 §5.5 */
	OR_HTTP_CHARS_TARGET = 4,      /* visible ASCII but '#': a fragment is never sent */
	OR_HTTP_CHARS_PCHAR = 8,       /* RFC 3986 §3.3, without '%' */
	OR_HTTP_CHARS_UNRESERVED = 16, /* RFC 3986 §2.3 */
	OR_HTTP_CHARS_HOST = 32,       /* reg-name without '%', RFC 3986 §3.2.2 */
};

extern const uint8_t or_http_chars_table[256];

static inline bool or_http_chars_is(uint8_t c, unsigned int classes)
{
	return (or_http_chars_table[c] & classes) != 0;
}

/* How many bytes at the start of s are of that class. */
static inline size_t or_http_chars_span(struct or_slice s, unsigned int classes)
{
	size_t i = 0;

	while (i < s.n && (or_http_chars_table[s.p[i]] & classes))
		i++;
	return i;
}

/* The same for OR_HTTP_CHARS_VALUE, of which messages have the most: eight bytes at a time while
 * none of them is a control (a tab among them is left to the table). */
static inline size_t or_http_chars_value_span(struct or_slice s)
{
	const uint64_t ones = 0x0101010101010101ULL, high = 0x80 * ones;
	size_t i = 0;

	for (; i + 8 <= s.n; i += 8) {
		uint64_t word, del;

		memcpy(&word, s.p + i, 8);
		del = word ^ (0x7f * ones);
		if (((word - 0x20 * ones) & ~word & high) || ((del - ones) & ~del & high))
			break;
	}
	return i + or_http_chars_span(or_slice_from(s, i), OR_HTTP_CHARS_VALUE);
}

/* The value of a hexadecimal digit, -1 for another byte. */
int or_http_chars_hex(uint8_t c);

#endif
