/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the OTLP/JSON requests of DIR/examples (DIR itself where it has none), writes each as
 * protobuf and reads it back. A request passes where nothing of it is lost (JSON in and JSON out
 * mean the same), the generated code of protobuf-c reads the protobuf, and packs the same bytes.
 * The last line is "otlp: passed/total".
 */
#include "base/str.h"
#include "base/sys.h"
#include "proto/otlp_json.h"
#include "proto/otlp_schema.h"

#include <protobuf-c/protobuf-c.h>
#include <stdio.h>
#include <sys/stat.h>

enum { FILE_LIMIT = 16 * 1024 * 1024, PATH_LEN = 4096 };

static bool is_number(const struct or_json *j)
{
	return j->type == OR_JSON_INT || j->type == OR_JSON_REAL;
}

static double number(const struct or_json *j)
{
	return j->type == OR_JSON_INT ? (double)j->i : j->r;
}

/* 64-bit numbers may be text on one side, and hex digits of either case. */
static bool same_scalar(const struct or_json *a, const struct or_json *b)
{
	const struct or_json *text = a->type == OR_JSON_STR ? a : b, *other = text == a ? b : a;
	int64_t i;

	if (is_number(a) && is_number(b))
		return number(a) == number(b);
	if (a->type == OR_JSON_STR && b->type == OR_JSON_STR)
		return or_str_eq_nocase(a->s, b->s);
	if (text->type == OR_JSON_STR && is_number(other))
		return or_str_i64(&i, text->s) == OR_OK && (double)i == number(other);
	return or_json_eq(a, b);
}

static bool is_default(const struct or_json *j)
{
	return j->type == OR_JSON_NULL || (j->type == OR_JSON_BOOL && !j->b) ||
	       (is_number(j) && number(j) == 0) || (j->type == OR_JSON_STR && j->s.n == 0) ||
	       (j->type == OR_JSON_ARRAY && j->array.n == 0) ||
	       (j->type == OR_JSON_STR && or_slice_is(j->s, "0"));
}

/* True where all of a is in b; what is a default may be absent. */
static bool is_within(const struct or_json *a, const struct or_json *b)
{
	if (a->type == OR_JSON_ARRAY) {
		bool same = b->type == OR_JSON_ARRAY && a->array.n == b->array.n;

		for (size_t i = 0; same && i < a->array.n; i++)
			same = is_within(a->array.items[i], b->array.items[i]);
		return same;
	}
	if (a->type != OR_JSON_OBJECT)
		return same_scalar(a, b);
	for (size_t i = 0; i < a->object.n; i++) {
		const struct or_json_member *m = &a->object.members[i];
		const struct or_json *other = or_json_get_slice(b, m->key);

		if (other ? !is_within(m->value, other) : !is_default(m->value))
			return false;
	}
	return true;
}

static bool choose_kind(enum wire_otlp_kind *kind, const struct or_json *j)
{
	static const char *const names[] = {"resourceLogs", "resourceMetrics", "resourceSpans"};

	for (size_t i = 0; i < OR_LEN(names); i++) {
		if (or_json_get(j, names[i])) {
			*kind = (enum wire_otlp_kind)i;
			return true;
		}
	}
	return false;
}

/* The generated code agrees: it reads these bytes, and writes them again. */
static bool generated_agrees(enum wire_otlp_kind kind, struct or_slice request)
{
	ProtobufCMessage *m =
	    protobuf_c_message_unpack(wire_otlp_schema_root(kind), NULL, request.n, request.p);
	struct or_buf packed;
	bool same;

	if (!m)
		return false;
	or_buf_init(&packed, request.n + 1);
	same = protobuf_c_message_get_packed_size(m) == request.n;
	if (same) {
		uint8_t *to = or_buf_reserve(&packed, request.n);

		or_buf_commit(&packed, protobuf_c_message_pack(m, to));
		same = or_slice_eq(or_buf_slice(&packed), request);
	}
	or_buf_done(&packed);
	protobuf_c_message_free_unpacked(m, NULL);
	return same;
}

static const char *judge(struct or_slice text, struct or_arena *a, struct or_err *err)
{
	const struct or_json *in, *out;
	struct or_buf request, json;
	enum wire_otlp_kind kind;
	const char *why = "it is not JSON of a request";
	struct or_jsonw w;
	uint64_t items;

	or_buf_init(&request, FILE_LIMIT);
	or_buf_init(&json, FILE_LIMIT);
	if (or_json_parse(&in, text, a, err) || !choose_kind(&kind, in))
		goto out;
	why = "it was refused";
	if (wire_otlp_json_read(&request, kind, text, a, err) ||
	    wire_otlp_check(&items, kind, or_buf_slice(&request), err))
		goto out;
	or_jsonw_init(&w, &json, 0);
	wire_otlp_json_write(&w, kind, or_buf_slice(&request));
	why = "what was written is not JSON";
	if (or_json_parse(&out, or_buf_slice(&json), a, err))
		goto out;
	why = is_within(in, out) && is_within(out, in) ? NULL : "something was lost on the way";
	if (!why && !generated_agrees(kind, or_buf_slice(&request)))
		why = "the generated code reads something else";
out:
	or_buf_done(&request);
	or_buf_done(&json);
	return why;
}

static bool judge_file(const char *dir, const char *name)
{
	struct or_arena *a = or_arena_new(0);
	char path[2 * PATH_LEN];
	struct or_err err = {0};
	struct or_buf text;
	const char *why = "it cannot be read";

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	or_buf_init(&text, FILE_LIMIT);
	if (or_sys_read_file(&text, path, &err) == OR_OK)
		why = judge(or_buf_slice(&text), a, &err);
	if (why)
		printf("%s: %s %s\n", name, why, err.msg);
	or_buf_done(&text);
	or_arena_free(a);
	return !why;
}

int main(int argc, char **argv)
{
	struct or_sys_names names;
	size_t passed = 0, total = 0;
	char dir[PATH_LEN];
	struct stat st;
	struct or_err err;

	if (argc < 2)
		return 2;
	snprintf(dir, sizeof(dir), "%s/examples", argv[1]);
	if (stat(dir, &st))
		snprintf(dir, sizeof(dir), "%s", argv[1]);
	if (or_sys_list(&names, dir, &err)) {
		fprintf(stderr, "%s\n", err.msg);
		return 3;
	}
	for (size_t i = 0; i < names.n; i++) {
		if (!or_str_has_suffix(or_slice_str(names.names[i]), ".json"))
			continue;
		total++;
		passed += judge_file(dir, names.names[i]);
	}
	or_sys_names_free(&names);
	printf("otlp: %zu/%zu\n", passed, total);
	return passed == total ? 0 : 1;
}
