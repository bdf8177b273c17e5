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

/* The value of a hexadecimal digit, -1 for another byte. */
int or_http_chars_hex(uint8_t c);

#endif
