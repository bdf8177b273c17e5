/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte chooses requests or responses and the size of the pieces; whole and in pieces the
 * rest must give the same messages, bodies and refusal.
 */
#include "base/http_parse.h"

#include "base/buf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_field(struct or_buf *log, const struct or_http_field *field)
{
	or_buf_put_slice(log, field->name);
	or_buf_put_byte(log, ':');
	or_buf_put_slice(log, field->value);
	or_buf_put_byte(log, '\n');
}

static void put_head(struct or_buf *log, const struct or_http_msg *msg)
{
	or_buf_printf(log, "\nhead %u %d %d ", msg->status, (int)msg->form, (int)msg->keep_alive);
	or_buf_put_slice(log, msg->method);
	or_buf_put_slice(log, msg->path);
	or_buf_put_slice(log, msg->query);
	or_buf_put_slice(log, msg->host);
	for (size_t i = 0; i < msg->n_fields; i++)
		put_field(log, &msg->fields[i]);
}

static void put_end(struct or_buf *log, struct or_http_parse *p)
{
	const struct or_http_msg *msg = or_http_parse_msg(p);

	for (size_t i = 0; i < msg->n_trailers; i++)
		put_field(log, &msg->trailers[i]);
	or_buf_put_str(log, "end\n");
	or_http_parse_next(p);
}

/* True until the parser refuses. */
static bool feed(struct or_buf *log, struct or_http_parse *p, struct or_slice in)
{
	for (;;) {
		struct or_slice body = OR_SLICE_NONE;
		size_t used;

		switch (or_http_parse_feed(p, in, &used, &body)) {
		case OR_HTTP_PARSE_MORE:
			if (used != in.n)
				abort();
			return true;
		case OR_HTTP_PARSE_HEAD: put_head(log, or_http_parse_msg(p)); break;
		case OR_HTTP_PARSE_BODY: or_buf_put_slice(log, body); break;
		case OR_HTTP_PARSE_END: put_end(log, p); break;
		case OR_HTTP_PARSE_REFUSED:
		default:
			or_buf_printf(log, "refused %d\n", (int)or_http_parse_reason(p));
			return false;
		}
		if (used > in.n)
			abort();
		in = or_slice_from(in, used);
	}
}

static void run(
    struct or_buf *log, const struct or_http_parse_opt *opt, struct or_slice in, size_t piece)
{
	struct or_http_parse *p = or_http_parse_new(opt);
	bool going = true;

	for (size_t at = 0; going && at < in.n; at += piece) {
		size_t n = in.n - at < piece ? in.n - at : piece;

		going = feed(log, p, or_slice(in.p + at, n));
	}
	if (going)
		or_buf_printf(log, "eof %d\n", (int)or_http_parse_eof(p));
	or_http_parse_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct or_http_parse_opt opt = {.max_head = 600, .max_target = 60, .max_fields = 8};
	struct or_buf whole, pieces;

	if (!size)
		return 0;
	opt.kind = data[0] & 1 ? OR_HTTP_PARSE_RESPONSES : OR_HTTP_PARSE_REQUESTS;
	opt.max_body = data[0] & 2 ? 40 : 0;
	opt.host_optional = data[0] & 4;
	or_buf_init(&whole, 4 * OR_MIB);
	or_buf_init(&pieces, 4 * OR_MIB);
	run(&whole, &opt, or_slice(data + 1, size - 1), size);
	run(&pieces, &opt, or_slice(data + 1, size - 1), 1U + (data[0] >> 3));
	if (!or_slice_eq(or_buf_slice(&whole), or_buf_slice(&pieces)))
		abort();
	or_buf_done(&whole);
	or_buf_done(&pieces);
	return 0;
}
