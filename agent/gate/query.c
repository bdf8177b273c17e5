/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/query.h"

#include "base/http_chars.h"
#include "base/str.h"

static enum or_code decode(struct or_slice *out, struct or_slice raw, struct or_arena *a)
{
	char *text = raw.n <= AG_QUERY_KEY_MAX ? or_arena_alloc(a, raw.n) : NULL;
	size_t n = 0;

	if (!text)
		return OR_FULL;
	for (size_t i = 0; i < raw.n; i++) {
		uint8_t byte = raw.p[i] == '+' ? ' ' : raw.p[i];

		if (byte == '%') {
			int high = i + 2 < raw.n ? or_http_chars_hex(raw.p[i + 1]) : -1;
			int low = high < 0 ? -1 : or_http_chars_hex(raw.p[i + 2]);

			if (low < 0)
				return OR_PARSE;
			byte = (uint8_t)(high << 4 | low);
			i += 2;
		}
		text[n++] = (char)byte;
	}
	*out = or_slice(text, n);
	return or_str_is_utf8(*out) && !memchr(text, 0, n) ? OR_OK : OR_PARSE;
}

static bool is_known(const struct or_slice *keys, size_t n, struct or_slice key)
{
	for (size_t i = 0; i < n; i++) {
		if (or_slice_eq(keys[i], key))
			return true;
	}
	return false;
}

enum or_code ag_query_keys(
    const struct or_slice **out, size_t *n_out, struct or_slice query, struct or_arena *a)
{
	struct or_slice *keys = NULL;
	size_t n = 0;

	for (size_t at = 0; at < query.n;) {
		size_t end = or_str_find(query, '&', at);
		struct or_slice pair = or_slice(query.p + at, end - at), key;
		enum or_code rc;

		at = end + 1;
		if (!pair.n)
			continue;
		if (!keys)
			keys = or_arena_array(a, AG_QUERY_KEYS_MAX, sizeof(*keys));
		if (!keys)
			return OR_FULL;
		rc = decode(&key, or_slice(pair.p, or_str_find(pair, '=', 0)), a);
		if (rc)
			return rc;
		if (is_known(keys, n, key))
			continue;
		if (n == AG_QUERY_KEYS_MAX)
			return OR_FULL;
		keys[n++] = key;
	}
	*out = keys;
	*n_out = n;
	return OR_OK;
}
