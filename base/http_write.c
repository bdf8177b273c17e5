/* SPDX-License-Identifier: Apache-2.0 */
#include "base/http_write.h"

#include "base/http_chars.h"

bool or_http_write_fields(struct or_buf *b, const struct or_http_field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!or_http_msg_is_token(fields[i].name) || !or_http_msg_is_value(fields[i].value))
			return false;
		or_buf_put_slice(b, fields[i].name);
		or_buf_put(b, ": ", 2);
		or_buf_put_slice(b, fields[i].value);
		or_buf_put(b, "\r\n", 2);
	}
	return true;
}

bool or_http_write_request(
    struct or_buf *b, struct or_slice method, struct or_slice target, struct or_slice host)
{
	if (!or_http_msg_is_token(method) || !target.n ||
	    or_http_chars_span(target, OR_HTTP_CHARS_TARGET) != target.n ||
	    !or_http_msg_is_value(host))
		return false;
	or_buf_put_slice(b, method);
	or_buf_put_byte(b, ' ');
	or_buf_put_slice(b, target);
	or_buf_put_str(b, " HTTP/1.1\r\nHost: ");
	or_buf_put_slice(b, host);
	or_buf_put(b, "\r\n", 2);
	return true;
}

void or_http_write_length(struct or_buf *b, uint64_t n)
{
	or_buf_put_str(b, "Content-Length: ");
	or_buf_put_u64(b, n);
	or_buf_put(b, "\r\n", 2);
}

void or_http_write_status(struct or_buf *b, unsigned int status)
{
	char digits[4] = {(char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10),
	    (char)('0' + status % 10), ' '};

	or_buf_put(b, "HTTP/1.1 ", 9);
	or_buf_put(b, digits, 4);
	or_buf_put_str(b, or_http_msg_phrase(status));
	or_buf_put(b, "\r\n", 2);
}

size_t or_http_write_chunk(char out[OR_HTTP_WRITE_CHUNK_MAX], size_t n)
{
	char digits[16];
	size_t at = sizeof(digits), len;

	do {
		digits[--at] = "0123456789abcdef"[n & 15];
		n >>= 4;
	} while (n);
	len = sizeof(digits) - at;
	memcpy(out, digits + at, len);
	memcpy(out + len, "\r\n", 2);
	return len + 2;
}
