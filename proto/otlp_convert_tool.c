/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp-convert-tool logs|metrics|spans: turns requests from one encoding of OTLP into the other, so
 * that another codec can be compared. stdin: messages, each as its kind ('j' JSON, 'p' protobuf), a
 * length of 4 bytes, big endian, and its bytes. stdout: the same, the other encoding, or 'e' and
 * why it was refused.
 */
#include "base/arena.h"
#include "base/jsonw.h"
#include "proto/otlp_json.h"

#include <stdio.h>
#include <string.h>

enum { MESSAGE_MAX = 16 * 1024 * 1024, HEAD = 5 };

static bool read_message(char *kind, struct or_buf *in)
{
	uint8_t head[HEAD];
	size_t n;
	uint8_t *p;

	if (fread(head, 1, sizeof(head), stdin) != sizeof(head))
		return false;
	*kind = (char)head[0];
	n = (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | head[4];
	or_buf_clear(in);
	p = or_buf_reserve(in, n + 1);
	if (!p || fread(p, 1, n, stdin) != n)
		return false;
	or_buf_commit(in, n);
	return true;
}

static void write_message(char kind, struct or_slice s)
{
	uint8_t head[HEAD] = {(uint8_t)kind, (uint8_t)(s.n >> 24), (uint8_t)(s.n >> 16),
	    (uint8_t)(s.n >> 8), (uint8_t)s.n};

	fwrite(head, 1, sizeof(head), stdout);
	fwrite(s.n ? s.p : head, 1, s.n, stdout);
	fflush(stdout); /* the other side waits for it */
}

static enum or_code convert(
    struct or_buf *out, char from, enum wire_otlp_kind kind, struct or_slice in, struct or_err *err)
{
	struct or_arena *a = or_arena_new(0);
	struct or_jsonw w;
	uint64_t items;
	enum or_code rc;

	or_buf_clear(out);
	if (from == 'j') {
		rc = wire_otlp_json_read(out, kind, in, a, err);
		rc = rc ? rc : wire_otlp_check(&items, kind, or_buf_slice(out), err);
	} else {
		rc = wire_otlp_check(&items, kind, in, err);
		or_jsonw_init(&w, out, 0);
		if (rc == OR_OK)
			wire_otlp_json_write(&w, kind, in);
	}
	or_arena_free(a);
	return rc;
}

int main(int argc, char **argv)
{
	static const char *const names[] = {"logs", "metrics", "spans"};
	int kind = -1;
	struct or_buf in, out;
	struct or_err err;
	char from;

	for (int i = 0; i < (int)OR_LEN(names); i++)
		if (argc == 2 && strcmp(argv[1], names[i]) == 0)
			kind = i;
	if (kind < 0) {
		fprintf(stderr, "usage: otlp-convert-tool logs|metrics|spans\n");
		return 2;
	}
	or_buf_init(&in, MESSAGE_MAX);
	or_buf_init(&out, MESSAGE_MAX);
	while (read_message(&from, &in)) {
		if (convert(&out, from, (enum wire_otlp_kind)kind, or_buf_slice(&in), &err))
			write_message('e', or_slice_str(err.msg));
		else
			write_message(from == 'j' ? 'p' : 'j', or_buf_slice(&out));
	}
	or_buf_done(&in);
	or_buf_done(&out);
	return 0;
}
