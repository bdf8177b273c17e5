/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/otlp_value.h"

#include "base/str.h"
#include "proto/pb.h"

#include <stdio.h>
#include <string.h>

/* Field numbers of AnyValue, ArrayValue, KeyValueList and KeyValue. */
enum {
	ANY_STRING = 1,
	ANY_BOOL = 2,
	ANY_INT = 3,
	ANY_DOUBLE = 4,
	ANY_ARRAY = 5,
	ANY_MAP = 6,
	ANY_BYTES = 7,
	VALUES = 1,
	KEY = 1,
	VALUE = 2,
	NUMBER_MAX = 40,
};

/* Begins a message whose length is not known yet; one byte is kept for it. */
static size_t begin(struct or_buf *out, uint32_t num)
{
	or_buf_put_byte(out, (uint8_t)(num << 3 | WIRE_PB_BYTES));
	or_buf_put_byte(out, 0);
	return out->n;
}

static void end(struct or_buf *out, size_t from)
{
	size_t n, more;

	if (!or_buf_ok(out))
		return;
	n = out->n - from;
	more = wire_pb_varint_size(n) - 1;
	if (more) {
		if (!or_buf_reserve(out, more))
			return;
		memmove(out->p + from + more, out->p + from, n);
		or_buf_commit(out, more);
	}
	wire_pb_put_varint(out->p + from - 1, n);
}

static void put_text(struct or_buf *out, struct or_slice text)
{
	wire_pb_append(out, or_str_is_utf8(text) ? ANY_STRING : ANY_BYTES, text);
}

static bool changes(
    const struct wire_otlp_value_rewrite *r, struct or_slice key, struct or_slice text)
{
	return r && r->fn && r->fn(r->arg, r->text, key, text);
}

static void put_number(struct or_buf *out, struct or_slice key, const struct or_json *v,
    const struct wire_otlp_value_rewrite *r)
{
	char text[NUMBER_MAX];
	uint64_t bits;
	int n = v->type == OR_JSON_INT ? snprintf(text, sizeof(text), "%lld", (long long)v->i)
				       : snprintf(text, sizeof(text), "%.17g", v->r);

	if (changes(r, key, or_slice(text, (size_t)n))) {
		put_text(out, or_buf_slice(r->text));
	} else if (v->type == OR_JSON_INT) {
		wire_pb_append_varint(out, ANY_INT, (uint64_t)v->i);
	} else {
		memcpy(&bits, &v->r, sizeof(bits));
		wire_pb_append_fixed64(out, ANY_DOUBLE, bits);
	}
}

static void put_any(struct or_buf *out, uint32_t num, struct or_slice key, const struct or_json *v,
    const struct wire_otlp_value_rewrite *r)
{
	size_t any = begin(out, num), inner;

	switch (v->type) {
	case OR_JSON_BOOL: wire_pb_append_varint(out, ANY_BOOL, v->b); break;
	case OR_JSON_INT:
	case OR_JSON_REAL: put_number(out, key, v, r); break;
	case OR_JSON_STR:
		put_text(out, changes(r, key, v->s) ? or_buf_slice(r->text) : v->s);
		break;
	case OR_JSON_ARRAY:
		inner = begin(out, ANY_ARRAY);
		for (size_t i = 0; i < v->array.n; i++)
			put_any(out, VALUES, key, v->array.items[i], r);
		end(out, inner);
		break;
	case OR_JSON_OBJECT:
		inner = begin(out, ANY_MAP);
		for (size_t i = 0; i < v->object.n; i++)
			wire_otlp_value_put(
			    out, VALUES, v->object.members[i].key, v->object.members[i].value, r);
		end(out, inner);
		break;
	case OR_JSON_NULL:
	default: break;
	}
	end(out, any);
}

void wire_otlp_value_put(struct or_buf *out, uint32_t num, struct or_slice key,
    const struct or_json *value, const struct wire_otlp_value_rewrite *rewrite)
{
	size_t pair = begin(out, num);

	wire_pb_append(out, KEY, key);
	put_any(out, VALUE, key, value, rewrite);
	end(out, pair);
}

void wire_otlp_value_put_text(
    struct or_buf *out, uint32_t num, struct or_slice key, struct or_slice text)
{
	const struct or_json v = {.type = OR_JSON_STR, .s = text};

	wire_otlp_value_put(out, num, key, &v, NULL);
}
