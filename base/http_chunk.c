/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   SIZE → [';' → NAME → ['=' → VALUE → TOKEN | QUOTED → AFTER_QUOTED]]… → SIZE_LF → DATA
 *   DATA → DATA_CR → DATA_LF → SIZE;  behind a size of zero: LAST
 */
#include "base/http_chunk.h"

#include "base/http_chars.h"

/* Sixteen digits fill 64 bits; nobody needs more, leading zeros included. */
#define DIGITS_MAX 16

enum state {
	SIZE,
	NAME_FIRST,
	NAME,
	VALUE,
	TOKEN,
	QUOTED,
	ESCAPED,
	AFTER_QUOTED,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	LAST,
};

void or_http_chunk_init(struct or_http_chunk *c)
{
	*c = (struct or_http_chunk){.state = SIZE};
}

static enum or_http_reason bad(uint8_t byte, enum or_http_reason otherwise)
{
	if (byte == '\n')
		return OR_HTTP_BARE_LF;
	return byte == 0 ? OR_HTTP_NUL : otherwise;
}

/* What may follow a complete size or extension: another extension or the end of the line. */
static enum or_http_reason end_or_extension(
    struct or_http_chunk *c, uint8_t byte, enum or_http_reason otherwise)
{
	if (byte != '\r' && byte != ';')
		return bad(byte, otherwise);
	c->state = byte == '\r' ? SIZE_LF : NAME_FIRST;
	return OR_HTTP_FINE;
}

static enum or_http_reason on_size(struct or_http_chunk *c, uint8_t byte)
{
	int digit = or_http_chars_hex(byte);

	if (digit < 0)
		return c->digits ? end_or_extension(c, byte, OR_HTTP_CHUNK_SIZE)
				 : bad(byte, OR_HTTP_CHUNK_SIZE);
	if (c->digits++ == DIGITS_MAX)
		return OR_HTTP_CHUNK_SIZE;
	c->left = c->left << 4 | (uint64_t)digit;
	return c->left > INT64_MAX ? OR_HTTP_CHUNK_SIZE : OR_HTTP_FINE;
}

static enum or_http_reason on_quoted(struct or_http_chunk *c, uint8_t byte)
{
	if (!or_http_chars_is(byte, OR_HTTP_CHARS_VALUE))
		return bad(byte, OR_HTTP_CHUNK_EXTENSION);
	if (c->state == ESCAPED)
		c->state = QUOTED;
	else if (byte == '\\')
		c->state = ESCAPED;
	else if (byte == '"')
		c->state = AFTER_QUOTED;
	return OR_HTTP_FINE;
}

static enum or_http_reason on_extension(struct or_http_chunk *c, uint8_t byte)
{
	bool token = or_http_chars_is(byte, OR_HTTP_CHARS_TOKEN);

	if (++c->extensions > OR_HTTP_CHUNK_EXTENSIONS_MAX)
		return OR_HTTP_CHUNK_EXTENSION;
	switch (c->state) {
	case NAME_FIRST:
		c->state = NAME;
		return token ? OR_HTTP_FINE : bad(byte, OR_HTTP_CHUNK_EXTENSION);
	case NAME:
		if (token)
			return OR_HTTP_FINE;
		if (byte != '=')
			return end_or_extension(c, byte, OR_HTTP_CHUNK_EXTENSION);
		c->state = VALUE;
		return OR_HTTP_FINE;
	case VALUE:
		c->state = byte == '"' ? QUOTED : TOKEN;
		return token || byte == '"' ? OR_HTTP_FINE : bad(byte, OR_HTTP_CHUNK_EXTENSION);
	case TOKEN:
		return token ? OR_HTTP_FINE : end_or_extension(c, byte, OR_HTTP_CHUNK_EXTENSION);
	case AFTER_QUOTED: return end_or_extension(c, byte, OR_HTTP_CHUNK_EXTENSION);
	default: return on_quoted(c, byte);
	}
}

static enum or_http_reason on_line_end(struct or_http_chunk *c, uint8_t byte)
{
	switch (c->state) {
	case SIZE_LF:
		c->state = c->left ? DATA : LAST;
		return byte == '\n' ? OR_HTTP_FINE : OR_HTTP_BARE_CR;
	case DATA_CR: c->state = DATA_LF; return byte == '\r' ? OR_HTTP_FINE : OR_HTTP_CHUNK_END;
	default: /* DATA_LF */
		c->state = SIZE;
		c->digits = 0;
		return byte == '\n' ? OR_HTTP_FINE : OR_HTTP_CHUNK_END;
	}
}

static enum or_http_reason on_byte(struct or_http_chunk *c, uint8_t byte)
{
	if (c->state == SIZE)
		return on_size(c, byte);
	return c->state < SIZE_LF ? on_extension(c, byte) : on_line_end(c, byte);
}

static enum or_http_chunk_result take_data(
    struct or_http_chunk *c, struct or_slice in, size_t *used, struct or_slice *data)
{
	size_t n = in.n - *used < c->left ? in.n - *used : (size_t)c->left;

	*data = or_slice(in.p + *used, n);
	*used += n;
	c->left -= n;
	if (!c->left)
		c->state = DATA_CR;
	return OR_HTTP_CHUNK_DATA;
}

enum or_http_chunk_result or_http_chunk_feed(
    struct or_http_chunk *c, struct or_slice in, size_t *used, struct or_slice *data)
{
	for (*used = 0; *used < in.n && !c->reason && c->state != LAST;) {
		if (c->state == DATA)
			return take_data(c, in, used, data);
		c->reason = on_byte(c, in.p[*used]);
		*used += !c->reason;
	}
	if (c->reason)
		return OR_HTTP_CHUNK_REFUSED;
	return c->state == LAST ? OR_HTTP_CHUNK_LAST : OR_HTTP_CHUNK_MORE;
}
