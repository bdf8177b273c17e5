/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/decode/decode_logfmt.h"

#include "base/str.h"

#include <string.h>

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_key(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("_.-/@", c));
}

static struct or_slice take_key(struct or_slice *in)
{
	struct or_slice key = or_slice(in->p, 0);

	while (key.n < in->n && is_key(in->p[key.n]))
		key.n++;
	*in = or_slice_from(*in, key.n);
	return key;
}

/* Behind the opening quote; *in is then behind the closing one. The text between is a JSON string's
 * inside but for \', so JSON's own reader takes the escapes. */
static bool take_quoted(const struct or_json **out, struct or_slice *in, struct or_arena *a)
{
	size_t end = 0, n = 0;
	uint8_t *text;

	while (end < in->n && in->p[end] != '"')
		end += in->p[end] == '\\' ? 2 : 1;
	if (end >= in->n)
		return false;
	text = or_arena_alloc(a, end + 2);
	if (!text)
		return false;
	text[n++] = '"';
	for (size_t i = 0; i < end; i++) {
		if (in->p[i] == '\\' && in->p[i + 1] == '\'')
			continue;
		text[n++] = in->p[i];
		if (in->p[i] == '\\')
			text[n++] = in->p[++i];
	}
	text[n++] = '"';
	*in = or_slice_from(*in, end + 1);
	return or_json_parse_nul(out, or_slice(text, n), a, NULL) == OR_OK &&
	       (!in->n || is_blank(in->p[0]));
}

static bool take_bare(const struct or_json **out, struct or_slice *in, struct or_arena *a)
{
	struct or_json *v = or_arena_alloc(a, sizeof(*v));
	size_t n = 0;

	while (n < in->n && !is_blank(in->p[n]) && in->p[n] != '"')
		n++;
	if (!v || (n < in->n && in->p[n] == '"'))
		return false;
	*v = (struct or_json){.type = OR_JSON_STR, .s = or_slice(in->p, n)};
	*in = or_slice_from(*in, n);
	*out = v;
	return or_str_is_utf8(v->s);
}

static bool take_pair(struct ag_decode_pair *out, struct or_slice *in, struct or_arena *a)
{
	static const struct or_json yes = {.type = OR_JSON_BOOL, .b = true};

	out->key = take_key(in);
	if (!out->key.n)
		return false;
	if (!in->n || is_blank(in->p[0])) {
		out->value = &yes;
		return true;
	}
	if (in->p[0] != '=')
		return false;
	*in = or_slice_from(*in, 1);
	if (in->n && in->p[0] == '"') {
		*in = or_slice_from(*in, 1);
		return take_quoted(&out->value, in, a);
	}
	return take_bare(&out->value, in, a);
}

static bool has_key(const struct ag_decoded *d, struct or_slice key)
{
	for (size_t i = 0; i < d->n; i++) {
		if (or_slice_eq(d->pairs[i].key, key))
			return true;
	}
	return false;
}

bool ag_decode_logfmt_read(struct ag_decoded *out, struct or_slice text, struct or_arena *a)
{
	out->pairs = or_arena_array(a, AG_DECODE_PAIRS, sizeof(out->pairs[0]));
	if (!out->pairs)
		return false;
	for (;;) {
		struct ag_decode_pair pair;

		while (text.n && is_blank(text.p[0]))
			text = or_slice_from(text, 1);
		if (!text.n)
			return out->n > 0;
		if (out->n == AG_DECODE_PAIRS || !take_pair(&pair, &text, a) ||
		    has_key(out, pair.key) || (!out->n && pair.value->type == OR_JSON_BOOL))
			return false;
		out->pairs[out->n++] = pair;
	}
}
