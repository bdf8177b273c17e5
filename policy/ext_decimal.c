/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/ext_decimal.h"

#include "base/str.h"

enum { DIGITS = 4, SCALE = 10000 };

enum or_code pol_ext_decimal_parse(int64_t *out, struct or_slice s)
{
	bool negative = s.n && s.p[0] == '-';
	size_t point = or_str_find(s, '.', 0);
	struct or_slice tail;
	int64_t whole, part, scale = SCALE;
	uint64_t digits;
	enum or_code rc;

	if (point == s.n || point == (negative ? 1U : 0U))
		return OR_PARSE;
	tail = or_slice_from(s, point + 1);
	if (tail.n == 0 || tail.n > DIGITS || or_str_u64(&digits, tail))
		return OR_PARSE;
	/* The sign stays on the whole part, so that the least i64 is reached without overflow. */
	rc = or_str_i64(&whole, or_slice(s.p, point));
	if (rc)
		return rc;
	for (size_t i = 0; i < tail.n; i++)
		scale /= 10;
	part = (int64_t)digits * scale;
	if (__builtin_mul_overflow(whole, (int64_t)SCALE, &whole) ||
	    __builtin_add_overflow(whole, negative ? -part : part, &whole))
		return OR_FULL;
	*out = whole;
	return OR_OK;
}

void pol_ext_decimal_print(struct or_buf *b, int64_t v)
{
	uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	or_buf_printf(b, "decimal(\"%s%llu.%04llu\")", v < 0 ? "-" : "",
	    (unsigned long long)(magnitude / SCALE), (unsigned long long)(magnitude % SCALE));
}
