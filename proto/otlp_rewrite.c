/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/otlp_rewrite.h"

#include "proto/otlp.pb-c.h"
#include "proto/otlp_schema.h"

#include <string.h>

struct rewrite {
	wire_otlp_rewrite_fn *fn;
	void *arg;
	struct or_buf text; /* what comes in a text's place */
	size_t max;
};

struct place {
	const ProtobufCMessageDescriptor *type;
	struct or_slice key; /* of the attribute whose value this is in */
	int depth;
};

static bool is_type(const ProtobufCMessageDescriptor *d, const ProtobufCMessageDescriptor *type)
{
	return d == type;
}

/* string_value and bytes_value of an AnyValue; message of a Status. */
static bool is_text(const struct place *at, const ProtobufCFieldDescriptor *f)
{
	if (is_type(at->type, &otlp__any_value__descriptor))
		return f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_BYTES;
	return is_type(at->type, &otlp__status__descriptor) && f->type == PROTOBUF_C_TYPE_STRING;
}

static struct or_slice key_of(const struct place *at, struct or_slice message)
{
	struct wire_pb_field v;

	if (!is_type(at->type, &otlp__key_value__descriptor))
		return at->key;
	while (wire_pb_next(&v, &message) == OR_OK)
		if (v.num == 1 && v.type == WIRE_PB_BYTES)
			return v.s;
	return at->key;
}

static bool rewrite_message(
    struct rewrite *r, struct or_buf *out, const struct place *at, struct or_slice in);

/* The new content of a length-delimited field. False: it stays. */
static bool rewrite_field(struct rewrite *r, struct or_buf *out, const struct place *at,
    const ProtobufCFieldDescriptor *f, struct or_slice content)
{
	struct place inner = {.key = at->key, .depth = at->depth + 1};

	if (is_text(at, f)) {
		if (!r->fn(r->arg, &r->text, at->key, content))
			return false;
		or_buf_clear(out);
		or_buf_put_slice(out, or_buf_slice(&r->text));
		return true;
	}
	if (f->type != PROTOBUF_C_TYPE_MESSAGE || at->depth > WIRE_OTLP_DEPTH_MAX)
		return false;
	inner.type = f->descriptor;
	return rewrite_message(r, out, &inner, content);
}

/* False: nothing in it changes, and out is empty. True: out holds the new message. */
static bool rewrite_message(
    struct rewrite *r, struct or_buf *out, const struct place *at, struct or_slice in)
{
	struct place here = *at;
	struct or_slice rest = in;
	const uint8_t *kept = in.p; /* up to where the input is out */
	struct wire_pb_field v;
	bool has_any = false;
	struct or_buf inner;

	or_buf_init(&inner, r->max);
	here.key = key_of(at, in);
	for (const uint8_t *begin = rest.p; wire_pb_next(&v, &rest) == OR_OK; begin = rest.p) {
		const ProtobufCFieldDescriptor *f =
		    v.type == WIRE_PB_BYTES
			? protobuf_c_message_descriptor_get_field(here.type, v.num)
			: NULL;

		if (!f || !rewrite_field(r, &inner, &here, f, v.s))
			continue;
		if (!has_any)
			or_buf_clear(out);
		has_any = true;
		or_buf_put(out, kept, (size_t)(begin - kept));
		wire_pb_append(out, v.num, or_buf_slice(&inner));
		out->full = out->full || inner.full;
		kept = rest.p;
	}
	if (has_any)
		or_buf_put(out, kept, (size_t)(in.p + in.n - kept));
	or_buf_done(&inner);
	return has_any;
}

bool wire_otlp_rewrite(struct or_buf *out, enum wire_otlp_kind kind, struct or_slice in,
    wire_otlp_rewrite_fn *fn, void *arg)
{
	struct rewrite r = {.fn = fn, .arg = arg, .max = out->max};
	struct place root = {.type = wire_otlp_schema_root(kind)};
	bool has_any;

	or_buf_init(&r.text, out->max);
	has_any = rewrite_message(&r, out, &root, in);
	or_buf_done(&r.text);
	return has_any;
}
