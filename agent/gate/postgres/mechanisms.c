/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/postgres/mechanisms.h"

#include "base/str.h"

enum { HEAD = 5, SASL = 10 };

static uint32_t read_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_u32(struct or_buf *out, size_t n)
{
	const uint8_t p[] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};

	or_buf_put(out, p, sizeof(p));
}

/* Names, each with its NUL; an empty one ends them. */
static enum or_code put_sasl(struct or_buf *out, struct or_slice names)
{
	struct or_buf kept;
	bool is_whole = false;

	or_buf_init(&kept, names.n + 1);
	while (names.n && !is_whole) {
		size_t end = or_str_find(names, 0, 0);
		struct or_slice name = or_slice(names.p, end);

		if (end == names.n)
			break;
		is_whole = end == 0;
		names = or_slice_from(names, end + 1);
		if (or_slice_is(name, "SCRAM-SHA-256-PLUS"))
			continue;
		or_buf_put_slice(&kept, name);
		or_buf_put_byte(&kept, 0);
	}
	if (is_whole && !names.n) {
		or_buf_put_byte(out, 'R');
		put_u32(out, 8 + kept.n);
		put_u32(out, SASL);
		or_buf_put_slice(out, or_buf_slice(&kept));
	}
	or_buf_done(&kept);
	return is_whole && !names.n ? OR_OK : OR_PARSE;
}

enum or_code ag_mechanisms_pass(struct or_buf *out, struct or_buf *held, bool *done)
{
	enum or_code rc = OR_OK;

	*done = false;
	while (!*done && held->n >= HEAD && rc == OR_OK) {
		struct or_slice message = or_slice(held->p, 0);
		uint32_t n = read_u32(held->p + 1);

		if (n < 4 || n >= held->max)
			return OR_PARSE;
		message.n = 1 + (size_t)n;
		if (message.n > held->n)
			return OR_OK;
		*done = message.p[0] == 'R';
		if (*done && n >= 8 && read_u32(message.p + HEAD) == SASL)
			rc = put_sasl(out, or_slice_from(message, HEAD + 4));
		else
			or_buf_put_slice(out, message);
		or_buf_consume(held, message.n);
	}
	if (*done) {
		or_buf_put_slice(out, or_buf_slice(held));
		or_buf_done(held);
	}
	return rc;
}
