/* SPDX-License-Identifier: Apache-2.0 */
#include "base/http_path.h"

#include "base/http_chars.h"
#include "base/str.h"

static const char *const names[] = {
    [OR_HTTP_PATH_SAME] = "same",
    [OR_HTTP_PATH_CHANGED] = "changed",
    [OR_HTTP_PATH_NOT_ABSOLUTE] = "not_absolute",
    [OR_HTTP_PATH_BYTE] = "byte",
    [OR_HTTP_PATH_ESCAPE] = "escape",
    [OR_HTTP_PATH_SLASH] = "slash",
    [OR_HTTP_PATH_BACKSLASH] = "backslash",
    [OR_HTTP_PATH_CONTROL] = "control",
    [OR_HTTP_PATH_PARAMETER] = "parameter",
    [OR_HTTP_PATH_ABOVE_ROOT] = "above_root",
    [OR_HTTP_PATH_ENCODING] = "encoding",
    [OR_HTTP_PATH_FULL] = "full",
};

const char *or_http_path_name(enum or_http_path_result result)
{
	OR_ASSERT((size_t)result < OR_LEN(names));
	return names[result];
}

/* What an escape may not stand for; SAME where it may. */
static enum or_http_path_result judge_escaped(uint8_t byte, unsigned int flags)
{
	if (byte < 0x20 || byte == 0x7f)
		return OR_HTTP_PATH_CONTROL;
	switch (byte) {
	case '/': return OR_HTTP_PATH_SLASH;
	case '\\': return OR_HTTP_PATH_BACKSLASH;
	case ';':
		return flags & OR_HTTP_PATH_ALLOW_PARAMETERS ? OR_HTTP_PATH_SAME
							     : OR_HTTP_PATH_PARAMETER;
	default: return OR_HTTP_PATH_SAME;
	}
}

static enum or_http_path_result put_escape(
    struct or_buf *out, struct or_slice raw, size_t i, unsigned int flags)
{
	static const char digits[] = "0123456789ABCDEF";
	int high = i + 2 < raw.n ? or_http_chars_hex(raw.p[i + 1]) : -1;
	int low = high < 0 ? -1 : or_http_chars_hex(raw.p[i + 2]);
	enum or_http_path_result result;
	uint8_t byte;

	if (low < 0)
		return OR_HTTP_PATH_ESCAPE;
	byte = (uint8_t)(high << 4 | low);
	result = judge_escaped(byte, flags);
	if (result)
		return result;
	if (or_http_chars_is(byte, OR_HTTP_CHARS_UNRESERVED)) {
		or_buf_put_byte(out, byte);
		return OR_HTTP_PATH_SAME;
	}
	or_buf_put_byte(out, '%');
	or_buf_put_byte(out, (uint8_t)digits[high]);
	or_buf_put_byte(out, (uint8_t)digits[low]);
	return OR_HTTP_PATH_SAME;
}

/* The segment that starts at raw[*i], up to a slash or the end. */
static enum or_http_path_result put_segment(
    struct or_buf *out, struct or_slice raw, size_t *i, unsigned int flags)
{
	while (*i < raw.n && raw.p[*i] != '/') {
		uint8_t byte = raw.p[*i];
		enum or_http_path_result result = OR_HTTP_PATH_SAME;

		if (byte == '%') {
			result = put_escape(out, raw, *i, flags);
			*i += 3;
		} else {
			if (byte == ';' && !(flags & OR_HTTP_PATH_ALLOW_PARAMETERS))
				result = OR_HTTP_PATH_PARAMETER;
			else if (!or_http_chars_is(byte, OR_HTTP_CHARS_PCHAR))
				result = OR_HTTP_PATH_BYTE;
			or_buf_put_byte(out, byte);
			++*i;
		}
		if (result)
			return result;
	}
	return OR_HTTP_PATH_SAME;
}

/* Percent-decodes the segment just put and looks whether it is UTF-8 (no overlong forms). */
static bool is_utf8(struct or_slice segment)
{
	uint8_t bytes[4];
	size_t i = 0;

	while (i < segment.n) {
		uint32_t cp;
		size_t n = 0;

		if (segment.p[i] != '%' || or_http_chars_hex(segment.p[i + 1]) < 8) {
			i++;
			continue;
		}
		for (; n < sizeof(bytes) && i + n * 3 < segment.n && segment.p[i + n * 3] == '%';
		     n++) {
			bytes[n] = (uint8_t)(or_http_chars_hex(segment.p[i + n * 3 + 1]) << 4 |
					     or_http_chars_hex(segment.p[i + n * 3 + 2]));
		}
		n = or_str_utf8_decode(&cp, or_slice(bytes, n));
		if (!n)
			return false;
		i += n * 3;
	}
	return true;
}

/* Takes away "." and what ".." refers to; start is where the segment begins, behind its slash. */
static enum or_http_path_result settle_segment(struct or_buf *out, size_t start)
{
	struct or_slice segment = or_slice_from(or_buf_slice(out), start);

	if (or_slice_is(segment, ".")) {
		or_buf_cut(out, start);
		return OR_HTTP_PATH_SAME;
	}
	if (!or_slice_is(segment, ".."))
		return is_utf8(segment) ? OR_HTTP_PATH_SAME : OR_HTTP_PATH_ENCODING;
	if (start == 1)
		return OR_HTTP_PATH_ABOVE_ROOT;
	for (start--; out->p[start - 1] != '/';)
		start--;
	or_buf_cut(out, start);
	return OR_HTTP_PATH_SAME;
}

static enum or_http_path_result canon(struct or_buf *out, struct or_slice raw, unsigned int flags)
{
	size_t i = 0;

	if (!raw.n || raw.p[0] != '/')
		return OR_HTTP_PATH_NOT_ABSOLUTE;
	while (i < raw.n) {
		enum or_http_path_result result;
		size_t start;

		/* A slash behind a slash, or behind a segment that went, adds nothing. */
		if (!out->n || out->p[out->n - 1] != '/')
			or_buf_put_byte(out, '/');
		i++;
		start = out->n;
		result = put_segment(out, raw, &i, flags);
		if (!or_buf_ok(out))
			return OR_HTTP_PATH_FULL;
		if (!result)
			result = settle_segment(out, start);
		if (result)
			return result;
	}
	return or_slice_eq(or_buf_slice(out), raw) ? OR_HTTP_PATH_SAME : OR_HTTP_PATH_CHANGED;
}

enum or_http_path_result or_http_path_canon(
    struct or_buf *out, struct or_slice raw, unsigned int flags)
{
	enum or_http_path_result result;

	or_buf_clear(out);
	result = canon(out, raw, flags);
	if (result >= OR_HTTP_PATH_NOT_ABSOLUTE)
		or_buf_clear(out);
	return result;
}
