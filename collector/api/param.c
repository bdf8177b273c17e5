/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/api/param.h"

#include "base/str.h"

static enum or_code decode(struct or_buf *out, struct or_slice value, char plus)
{
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] != '%') {
			or_buf_put_byte(out, value.p[i] == '+' ? (uint8_t)plus : value.p[i]);
			continue;
		}
		if (value.n - i < 3)
			return OR_PARSE;
		if (or_buf_ok(out) && out->n == out->max)
			return OR_FULL;
		if (or_str_hex_decode(out, or_slice(value.p + i + 1, 2)))
			return OR_PARSE;
		i += 2;
	}
	return or_buf_ok(out) ? OR_OK : OR_FULL;
}

enum or_code co_param_get(struct or_buf *out, struct or_slice query, const char *name)
{
	size_t n = strlen(name);

	while (query.n) {
		size_t end = or_str_find(query, '&', 0);
		struct or_slice pair = or_slice(query.p, end);

		if (or_str_has_prefix(pair, name) && pair.n > n && pair.p[n] == '=')
			return decode(out, or_slice_from(pair, n + 1), ' ');
		query = or_slice_from(query, end < query.n ? end + 1 : end);
	}
	return OR_ABSENT;
}

enum or_code co_param_path(struct or_buf *out, struct or_slice piece)
{
	return decode(out, piece, '+');
}
