/* SPDX-License-Identifier: Apache-2.0 */
#include "base/jsonw.h"

#include "base/str.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void or_jsonw_init(struct or_jsonw *w, struct or_buf *out, int indent)
{
	*w = (struct or_jsonw){.out = out, .indent = indent};
}

static void newline(struct or_jsonw *w)
{
	static const char blanks[] = "                                ";
	size_t n = (size_t)(w->depth * w->indent);

	if (!w->indent)
		return;
	or_buf_put_byte(w->out, '\n');
	for (; n; n -= n < sizeof(blanks) - 1 ? n : sizeof(blanks) - 1)
		or_buf_put(w->out, blanks, n < sizeof(blanks) - 1 ? n : sizeof(blanks) - 1);
}

/* What comes in front of a value: nothing behind a key, else comma and line break. */
static void before_value(struct or_jsonw *w)
{
	OR_ASSERT(w->depth == 0 || w->has_key == w->in_object[w->depth]);
	if (w->depth && !w->in_object[w->depth]) {
		if (w->comma[w->depth])
			or_buf_put_byte(w->out, ',');
		newline(w);
	}
	w->comma[w->depth] = true;
	w->has_key = false;
}

static void open(struct or_jsonw *w, bool object)
{
	before_value(w);
	or_buf_put_byte(w->out, object ? '{' : '[');
	OR_ASSERT(w->depth <= OR_JSON_DEPTH_MAX);
	w->depth++;
	w->comma[w->depth] = false;
	w->in_object[w->depth] = object;
}

void or_jsonw_object(struct or_jsonw *w)
{
	open(w, true);
}

void or_jsonw_array(struct or_jsonw *w)
{
	open(w, false);
}

void or_jsonw_end(struct or_jsonw *w)
{
	bool object, filled;

	OR_ASSERT(w->depth > 0 && !w->has_key);
	object = w->in_object[w->depth];
	filled = w->comma[w->depth];
	w->depth--;
	if (filled)
		newline(w);
	or_buf_put_byte(w->out, object ? '}' : ']');
}

/* The length of the character at the front of s that may stand as it is; 0: it needs an escape. */
static size_t plain_length(struct or_slice s)
{
	uint8_t c = s.p[0];
	uint32_t cp;

	if (c >= 0x80) {
		size_t n = or_str_utf8_decode(&cp, s);

		return n && !or_str_is_control(cp) ? n : 0;
	}
	return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

/* Puts what s begins with, escaped, and returns its length. */
static size_t put_escape(struct or_buf *b, struct or_slice s)
{
	uint8_t c = s.p[0];
	uint32_t cp = 0;
	size_t n = c < 0x80 ? 1 : or_str_utf8_decode(&cp, s);

	if (c == '"' || c == '\\')
		or_buf_put(b, (char[2]){'\\', (char)c}, 2);
	else if (c == '\n')
		or_buf_put_str(b, "\\n");
	else if (n)
		or_buf_printf(b, "\\u%04x", c < 0x80 ? c : cp);
	else
		or_buf_put_str(b, "\\ufffd");
	return n ? n : 1;
}

/* Copies runs that need no escape as they are. */
static void put_escaped(struct or_buf *b, struct or_slice s)
{
	size_t run = 0, i = 0;

	or_buf_put_byte(b, '"');
	while (i < s.n) {
		size_t n = plain_length(or_slice_from(s, i));

		if (n) {
			i += n;
			continue;
		}
		or_buf_put(b, s.p + run, i - run);
		i += put_escape(b, or_slice_from(s, i));
		run = i;
	}
	if (i > run)
		or_buf_put(b, s.p + run, i - run);
	or_buf_put_byte(b, '"');
}

void or_jsonw_key_slice(struct or_jsonw *w, struct or_slice key)
{
	OR_ASSERT(w->depth > 0 && w->in_object[w->depth] && !w->has_key);
	if (w->comma[w->depth])
		or_buf_put_byte(w->out, ',');
	newline(w);
	put_escaped(w->out, key);
	or_buf_put_str(w->out, w->indent ? ": " : ":");
	w->has_key = true;
}

void or_jsonw_key(struct or_jsonw *w, const char *key)
{
	or_jsonw_key_slice(w, or_slice_str(key));
}

void or_jsonw_str(struct or_jsonw *w, struct or_slice s)
{
	before_value(w);
	put_escaped(w->out, s);
}

void or_jsonw_text(struct or_jsonw *w, const char *text)
{
	or_jsonw_str(w, or_slice_str(text));
}

void or_jsonw_i64(struct or_jsonw *w, int64_t v)
{
	before_value(w);
	or_buf_put_i64(w->out, v);
}

void or_jsonw_u64(struct or_jsonw *w, uint64_t v)
{
	before_value(w);
	or_buf_put_u64(w->out, v);
}

void or_jsonw_real(struct or_jsonw *w, double v)
{
	char text[40];
	int n = 0;

	if (!isfinite(v)) {
		or_jsonw_null(w);
		return;
	}
	before_value(w);
	/* The shortest text that reads back as the same number, and reads back as a real. */
	for (int digits = 15; digits <= 17; digits++) {
		n = snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) >= v && strtod(text, NULL) <= v)
			break;
	}
	or_buf_put(w->out, text, (size_t)n);
	if (!strpbrk(text, ".eE"))
		or_buf_put_str(w->out, ".0");
}

void or_jsonw_bool(struct or_jsonw *w, bool v)
{
	before_value(w);
	or_buf_put_str(w->out, v ? "true" : "false");
}

void or_jsonw_null(struct or_jsonw *w)
{
	before_value(w);
	or_buf_put_str(w->out, "null");
}

void or_jsonw_raw(struct or_jsonw *w, struct or_slice json)
{
	before_value(w);
	or_buf_put_slice(w->out, json);
}

void or_jsonw_tree(struct or_jsonw *w, const struct or_json *j)
{
	switch (j->type) {
	case OR_JSON_NULL: or_jsonw_null(w); break;
	case OR_JSON_BOOL: or_jsonw_bool(w, j->b); break;
	case OR_JSON_INT: or_jsonw_i64(w, j->i); break;
	case OR_JSON_REAL: or_jsonw_real(w, j->r); break;
	case OR_JSON_STR: or_jsonw_str(w, j->s); break;
	case OR_JSON_ARRAY:
		or_jsonw_array(w);
		for (size_t i = 0; i < j->array.n; i++)
			or_jsonw_tree(w, j->array.items[i]);
		or_jsonw_end(w);
		break;
	case OR_JSON_OBJECT:
		or_jsonw_object(w);
		for (size_t i = 0; i < j->object.n; i++) {
			or_jsonw_key_slice(w, j->object.members[i].key);
			or_jsonw_tree(w, j->object.members[i].value);
		}
		or_jsonw_end(w);
		break;
	}
}

void or_jsonw_kv_str(struct or_jsonw *w, const char *key, struct or_slice s)
{
	or_jsonw_key(w, key);
	or_jsonw_str(w, s);
}

void or_jsonw_kv_text(struct or_jsonw *w, const char *key, const char *text)
{
	or_jsonw_kv_str(w, key, or_slice_str(text));
}

void or_jsonw_kv_i64(struct or_jsonw *w, const char *key, int64_t v)
{
	or_jsonw_key(w, key);
	or_jsonw_i64(w, v);
}

void or_jsonw_kv_u64(struct or_jsonw *w, const char *key, uint64_t v)
{
	or_jsonw_key(w, key);
	or_jsonw_u64(w, v);
}

void or_jsonw_kv_bool(struct or_jsonw *w, const char *key, bool v)
{
	or_jsonw_key(w, key);
	or_jsonw_bool(w, v);
}
