/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/otlp_json.h"

#include "base/str.h"
#include "proto/otlp.pb-c.h"
#include "proto/otlp_schema.h"

#include <math.h>
#include <stdlib.h>

enum { NAME_LEN = 64, NUMBER_LEN = 64 };

/* "time_unix_nano" to "timeUnixNano". */
static struct or_slice json_name(char out[NAME_LEN], const char *name)
{
	size_t n = 0;

	for (; *name && n < NAME_LEN; name++) {
		bool upper = *name == '_' && name[1];

		name += upper;
		out[n++] = (char)(upper ? *name - 'a' + 'A' : *name);
	}
	return or_slice(out, n);
}

/* ---- JSON to protobuf */

struct reader {
	struct or_buf *out;
	struct or_err *err;
};

static enum or_code fail(
    struct reader *r, const ProtobufCFieldDescriptor *f, const struct or_json *j, const char *want)
{
	char name[NAME_LEN];

	return or_err_set(r->err, OR_PARSE, "%.*s: expected %s, not %s",
	    OR_SLICE_FMT(json_name(name, f->name)), want, or_json_type_name(j->type));
}

static void put_tag(struct or_buf *b, const ProtobufCFieldDescriptor *f, enum wire_pb_type type)
{
	uint8_t bytes[16], *end = wire_pb_put_tag(bytes, f->id, type);

	or_buf_put(b, bytes, (size_t)(end - bytes));
}

static void put_value(struct or_buf *b, const ProtobufCFieldDescriptor *f, uint64_t v)
{
	uint8_t bytes[16], *end = bytes;
	enum wire_pb_type type = wire_otlp_schema_type(f);

	if (type == WIRE_PB_VARINT) {
		end = wire_pb_put_varint(bytes, v);
	} else {
		end = wire_pb_put_fixed64(bytes, v);
		end -= type == WIRE_PB_FIXED32 ? 4 : 0;
	}
	or_buf_put(b, bytes, (size_t)(end - bytes));
}

/* Puts the length of what was written since start in front of it. */
static void close_length(struct or_buf *b, size_t start)
{
	uint8_t head[10];
	size_t n = b->n - start, len = (size_t)(wire_pb_put_varint(head, n) - head);

	or_buf_put(b, head, len);
	if (!or_buf_ok(b))
		return;
	memmove(b->p + start + len, b->p + start, n);
	memcpy(b->p + start, head, len);
}

static bool is_whole(double v)
{
	return v == floor(v) && fabs(v) <= 9007199254740992.0;
}

/* A whole number, as JSON's number or text; negative ones in two's complement. */
static bool read_whole(uint64_t *out, bool *negative, const struct or_json *j)
{
	int64_t i = 0;

	*negative = false;
	switch (j->type) {
	case OR_JSON_INT: i = j->i; break;
	case OR_JSON_REAL:
		if (!is_whole(j->r))
			return false;
		i = (int64_t)j->r;
		break;
	case OR_JSON_STR:
		if (or_str_u64(out, j->s) == OR_OK)
			return true;
		if (or_str_i64(&i, j->s))
			return false;
		break;
	case OR_JSON_NULL:
	case OR_JSON_BOOL:
	case OR_JSON_ARRAY:
	case OR_JSON_OBJECT: return false;
	}
	*negative = i < 0;
	*out = (uint64_t)i;
	return true;
}

static bool fits(const ProtobufCFieldDescriptor *f, uint64_t v, bool negative)
{
	switch ((int)f->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_ENUM: return negative ? (int64_t)v >= INT32_MIN : v <= INT32_MAX;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32: return !negative && v <= UINT32_MAX;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64: return negative || v <= INT64_MAX;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64: return !negative;
	case PROTOBUF_C_TYPE_BOOL:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE: break;
	}
	return false;
}

static bool read_double(double *out, const struct or_json *j)
{
	char text[NUMBER_LEN], *end;

	if (j->type == OR_JSON_INT || j->type == OR_JSON_REAL) {
		*out = j->type == OR_JSON_INT ? (double)j->i : j->r;
		return true;
	}
	if (j->type != OR_JSON_STR || j->s.n == 0 || j->s.n >= sizeof(text))
		return false;
	memcpy(text, j->s.p, j->s.n);
	text[j->s.n] = 0;
	/* "NaN", "Infinity" and "-Infinity" are names that strtod knows. */
	*out = strtod(text, &end);
	return *end == 0 && end != text && !strchr(" \t\n\r\f\v", text[0]);
}

/* A scalar's bits as they go on the wire. */
static enum or_code read_scalar(
    struct reader *r, uint64_t *out, const ProtobufCFieldDescriptor *f, const struct or_json *j)
{
	bool negative;
	double d;

	if (f->type == PROTOBUF_C_TYPE_DOUBLE) {
		if (!read_double(&d, j))
			return fail(r, f, j, "a number");
		memcpy(out, &d, sizeof(d));
		return OR_OK;
	}
	if (f->type == PROTOBUF_C_TYPE_BOOL) {
		if (j->type != OR_JSON_BOOL)
			return fail(r, f, j, "true or false");
		*out = j->b;
		return OR_OK;
	}
	if (!read_whole(out, &negative, j) || !fits(f, *out, negative))
		return fail(r, f, j, "a whole number that fits");
	if (f->type == PROTOBUF_C_TYPE_SINT32 || f->type == PROTOBUF_C_TYPE_SINT64)
		*out = *out << 1 ^ (negative ? UINT64_MAX : 0); /* zigzag */
	return OR_OK;
}

static enum or_code read_bytes(
    struct reader *r, const ProtobufCFieldDescriptor *f, const struct or_json *j)
{
	struct or_buf bytes;
	enum or_code rc = OR_PARSE;

	if (j->type != OR_JSON_STR)
		return fail(r, f, j, "text");
	or_buf_init(&bytes, j->s.n + 4);
	if (wire_otlp_schema_is_hex(f)) {
		rc = or_str_hex_decode(&bytes, j->s);
	} else {
		rc = or_str_base64_decode(&bytes, j->s);
		if (rc) {
			or_buf_clear(&bytes);
			rc = or_str_base64url_decode(&bytes, j->s);
		}
	}
	if (rc)
		rc = fail(r, f, j, wire_otlp_schema_is_hex(f) ? "hex digits" : "base64");
	else if (bytes.n || (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF))
		wire_pb_append(r->out, f->id, or_buf_slice(&bytes));
	or_buf_done(&bytes);
	return rc;
}

static enum or_code read_message(
    struct reader *r, const ProtobufCMessageDescriptor *d, const struct or_json *j, int depth);

/* One value; elements of lists are there even where they are a default. */
static enum or_code read_value(
    struct reader *r, const ProtobufCFieldDescriptor *f, const struct or_json *j, int depth)
{
	bool always =
	    f->label == PROTOBUF_C_LABEL_REPEATED || (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF);
	uint64_t v;
	enum or_code rc;
	size_t start;

	switch ((int)f->type) {
	case PROTOBUF_C_TYPE_STRING:
		if (j->type != OR_JSON_STR)
			return fail(r, f, j, "text");
		if (j->s.n || always)
			wire_pb_append(r->out, f->id, j->s);
		return OR_OK;
	case PROTOBUF_C_TYPE_BYTES: return read_bytes(r, f, j);
	case PROTOBUF_C_TYPE_MESSAGE:
		if (j->type != OR_JSON_OBJECT)
			return fail(r, f, j, "an object");
		put_tag(r->out, f, WIRE_PB_BYTES);
		start = r->out->n;
		rc = read_message(r, f->descriptor, j, depth + 1);
		close_length(r->out, start);
		return rc;
	default: break;
	}
	rc = read_scalar(r, &v, f, j);
	if (rc == OR_OK && (v || always)) {
		put_tag(r->out, f, wire_otlp_schema_type(f));
		put_value(r->out, f, v);
	}
	return rc;
}

static enum or_code read_packed(
    struct reader *r, const ProtobufCFieldDescriptor *f, const struct or_json *list)
{
	size_t start;
	uint64_t v;

	if (list->array.n == 0)
		return OR_OK;
	put_tag(r->out, f, WIRE_PB_BYTES);
	start = r->out->n;
	for (size_t i = 0; i < list->array.n; i++) {
		enum or_code rc = read_scalar(r, &v, f, list->array.items[i]);

		if (rc)
			return rc;
		put_value(r->out, f, v);
	}
	close_length(r->out, start);
	return OR_OK;
}

static enum or_code read_field(
    struct reader *r, const ProtobufCFieldDescriptor *f, const struct or_json *j, int depth)
{
	enum or_code rc = OR_OK;

	if (f->label != PROTOBUF_C_LABEL_REPEATED)
		return read_value(r, f, j, depth);
	if (j->type != OR_JSON_ARRAY)
		return fail(r, f, j, "a list");
	if (wire_otlp_schema_is_packed(f))
		return read_packed(r, f, j);
	for (size_t i = 0; i < j->array.n && !rc; i++)
		rc = read_value(r, f, j->array.items[i], depth);
	return rc;
}

static enum or_code read_message(
    struct reader *r, const ProtobufCMessageDescriptor *d, const struct or_json *j, int depth)
{
	unsigned int taken = 0; /* the case field's offset of the oneof that has a value */

	if (depth > WIRE_OTLP_DEPTH_MAX)
		return or_err_set(r->err, OR_PARSE, "%s: nested too deeply", d->short_name);
	for (unsigned int i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];
		const struct or_json *v;
		char name[NAME_LEN];
		enum or_code rc;

		v = or_json_get_slice(j, json_name(name, f->name));
		if (!v || v->type == OR_JSON_NULL)
			continue;
		if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
			if (taken == f->quantifier_offset)
				return fail(
				    r, f, v, "one of several members, and another is there");
			taken = f->quantifier_offset;
		}
		rc = read_field(r, f, v, depth);
		if (rc)
			return rc;
	}
	return OR_OK;
}

enum or_code wire_otlp_json_read(struct or_buf *out, enum wire_otlp_kind kind, struct or_slice text,
    struct or_arena *a, struct or_err *err)
{
	struct reader r = {.out = out, .err = err};
	const struct or_json *j;
	enum or_code rc = or_json_parse_nul(&j, text, a, err);

	if (rc)
		return rc;
	if (j->type != OR_JSON_OBJECT)
		return or_err_set(
		    err, OR_PARSE, "expected an object, not %s", or_json_type_name(j->type));
	rc = read_message(&r, wire_otlp_schema_root(kind), j, 0);
	if (rc == OR_OK && !or_buf_ok(out))
		return or_err_set(err, OR_FULL, "the request is larger than %zu bytes", out->max);
	return rc;
}

/* ---- protobuf to JSON */

static void write_message(
    struct or_jsonw *w, const ProtobufCMessageDescriptor *d, struct or_slice in);

static void write_double(struct or_jsonw *w, uint64_t bits)
{
	double d;

	memcpy(&d, &bits, sizeof(d));
	if (isnan(d))
		or_jsonw_text(w, "NaN");
	else if (isinf(d))
		or_jsonw_text(w, d > 0 ? "Infinity" : "-Infinity");
	else
		or_jsonw_real(w, d);
}

static void write_text_number(struct or_jsonw *w, uint64_t v, bool is_signed)
{
	struct or_buf text;

	or_buf_init(&text, NUMBER_LEN);
	if (is_signed)
		or_buf_put_i64(&text, (int64_t)v);
	else
		or_buf_put_u64(&text, v);
	or_jsonw_str(w, or_buf_slice(&text));
	or_buf_done(&text);
}

static uint64_t unzigzag(uint64_t v)
{
	return v >> 1 ^ (v & 1 ? UINT64_MAX : 0);
}

static void write_scalar(struct or_jsonw *w, const ProtobufCFieldDescriptor *f, uint64_t v)
{
	switch ((int)f->type) {
	case PROTOBUF_C_TYPE_DOUBLE: write_double(w, v); break;
	case PROTOBUF_C_TYPE_BOOL: or_jsonw_bool(w, v != 0); break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SFIXED64: write_text_number(w, v, true); break;
	case PROTOBUF_C_TYPE_SINT64: write_text_number(w, unzigzag(v), true); break;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64: write_text_number(w, v, false); break;
	case PROTOBUF_C_TYPE_SINT32: or_jsonw_i64(w, (int32_t)unzigzag(v)); break;
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_ENUM: or_jsonw_i64(w, (int32_t)v); break;
	default: or_jsonw_u64(w, (uint32_t)v); break;
	}
}

static void write_base64(struct or_jsonw *w, struct or_slice bytes, bool hex)
{
	struct or_buf text;

	or_buf_init(&text, 2 * bytes.n + 8);
	if (hex)
		or_str_hex_encode(&text, bytes);
	else
		or_str_base64_encode(&text, bytes);
	or_jsonw_str(w, or_buf_slice(&text));
	or_buf_done(&text);
}

static void write_value(
    struct or_jsonw *w, const ProtobufCFieldDescriptor *f, const struct wire_pb_field *v)
{
	struct or_slice packed = v->s;
	uint64_t number;

	if (f->type == PROTOBUF_C_TYPE_MESSAGE)
		write_message(w, f->descriptor, v->s);
	else if (f->type == PROTOBUF_C_TYPE_STRING)
		or_jsonw_str(w, v->s);
	else if (f->type == PROTOBUF_C_TYPE_BYTES)
		write_base64(w, v->s, wire_otlp_schema_is_hex(f));
	else if (v->type == WIRE_PB_BYTES)
		while (wire_otlp_schema_unpack(&number, &packed, wire_otlp_schema_type(f)) == OR_OK)
			write_scalar(w, f, number);
	else
		write_scalar(w, f, v->v);
}

/* All values of a field, wherever in the message they are; of a single one the last counts. */
static void write_field(struct or_jsonw *w, const ProtobufCFieldDescriptor *f, struct or_slice in)
{
	bool repeated = f->label == PROTOBUF_C_LABEL_REPEATED, found = false;
	struct wire_pb_field v, last = {0};
	char name[NAME_LEN];

	while (wire_pb_next(&v, &in) == OR_OK) {
		if (v.num != f->id)
			continue;
		last = v;
		if (!found && repeated) {
			or_jsonw_key_slice(w, json_name(name, f->name));
			or_jsonw_array(w);
		}
		found = true;
		if (repeated)
			write_value(w, f, &v);
	}
	if (found && repeated) {
		or_jsonw_end(w);
	} else if (found) {
		or_jsonw_key_slice(w, json_name(name, f->name));
		write_value(w, f, &last);
	}
}

static void write_message(
    struct or_jsonw *w, const ProtobufCMessageDescriptor *d, struct or_slice in)
{
	or_jsonw_object(w);
	for (unsigned int i = 0; i < d->n_fields; i++)
		write_field(w, &d->fields[i], in);
	or_jsonw_end(w);
}

void wire_otlp_json_write(struct or_jsonw *w, enum wire_otlp_kind kind, struct or_slice in)
{
	write_message(w, wire_otlp_schema_root(kind), in);
}

/* ---- AnyValue as plain JSON */

enum { ANY_STRING = 1, ANY_BOOL, ANY_INT, ANY_DOUBLE, ANY_ARRAY, ANY_KVLIST, ANY_BYTES };

static void write_any(struct or_jsonw *w, struct or_slice any, int depth);

static void write_list(struct or_jsonw *w, struct or_slice list, int depth)
{
	struct wire_pb_field v;

	or_jsonw_array(w);
	while (wire_pb_next(&v, &list) == OR_OK) {
		if (v.num == 1 && v.type == WIRE_PB_BYTES)
			write_any(w, v.s, depth);
	}
	or_jsonw_end(w);
}

struct pair {
	struct or_slice key, value;
};

/* Takes the next KeyValue that is field num. */
static bool next_pair(struct pair *out, struct or_slice *in, uint32_t num)
{
	struct wire_pb_field v, part;

	while (wire_pb_next(&v, in) == OR_OK) {
		struct or_slice pair = v.s;

		if (v.num != num || v.type != WIRE_PB_BYTES)
			continue;
		*out = (struct pair){OR_SLICE_NONE, OR_SLICE_NONE};
		while (wire_pb_next(&part, &pair) == OR_OK) {
			if (part.num == 1)
				out->key = part.s;
			else if (part.num == 2)
				out->value = part.s;
		}
		return true;
	}
	return false;
}

static bool is_among(struct or_slice key, const struct or_slice *seen, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (or_slice_eq(seen[i], key))
			return true;
	}
	return false;
}

/* A key that comes twice would make an object that strict readers refuse. */
static void write_pairs(struct or_jsonw *w, struct or_slice message, uint32_t num, int depth)
{
	struct or_slice seen[WIRE_OTLP_JSON_PAIRS];
	struct pair pair;
	size_t n = 0;

	or_jsonw_object(w);
	while (n < OR_LEN(seen) && next_pair(&pair, &message, num)) {
		if (is_among(pair.key, seen, n))
			continue;
		seen[n++] = pair.key;
		or_jsonw_key_slice(w, pair.key);
		write_any(w, pair.value, depth);
	}
	or_jsonw_end(w);
}

static void write_any(struct or_jsonw *w, struct or_slice any, int depth)
{
	struct wire_pb_field v, last = {0};

	while (wire_pb_next(&v, &any) == OR_OK)
		last = v;
	if (depth > WIRE_OTLP_DEPTH_MAX)
		last.num = 0;
	switch (last.num) {
	case ANY_STRING: or_jsonw_str(w, last.s); break;
	case ANY_BOOL: or_jsonw_bool(w, last.v != 0); break;
	case ANY_INT: or_jsonw_i64(w, (int64_t)last.v); break;
	case ANY_DOUBLE: write_double(w, last.v); break;
	case ANY_ARRAY: write_list(w, last.s, depth + 1); break;
	case ANY_KVLIST: write_pairs(w, last.s, 1, depth + 1); break;
	case ANY_BYTES: write_base64(w, last.s, false); break;
	default: or_jsonw_null(w); break;
	}
}

void wire_otlp_json_any(struct or_jsonw *w, struct or_slice any)
{
	write_any(w, any, 0);
}

void wire_otlp_json_pairs(struct or_jsonw *w, struct or_slice message, uint32_t num)
{
	write_pairs(w, message, num, 0);
}
