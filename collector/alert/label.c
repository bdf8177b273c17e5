/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/alert/label.h"

#include <stdlib.h>

static int by_name(const void *a, const void *b)
{
	const struct co_label *x = a, *y = b;

	return or_slice_cmp(x->name, y->name);
}

void co_label_sort(struct co_label *p, size_t n)
{
	if (n)
		qsort(p, n, sizeof(*p), by_name);
}

struct or_slice co_label_get(struct co_label_set set, struct or_slice name)
{
	for (size_t i = 0; i < set.n; i++) {
		if (or_slice_eq(set.p[i].name, name))
			return set.p[i].value;
	}
	return OR_SLICE_NONE;
}

static bool is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

bool co_label_is_name(struct or_slice name)
{
	if (name.n == 0 || name.n > CO_LABEL_NAME_MAX || is_digit(name.p[0]))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		if (!is_letter(name.p[i]) && !is_digit(name.p[i]))
			return false;
	}
	return true;
}

void co_label_put_field(struct or_buf *out, struct or_slice field)
{
	for (size_t i = 0; i < field.n; i++) {
		uint8_t c = field.p[i];

		or_buf_put_byte(out, is_letter(c) || (i && is_digit(c)) ? c : '_');
	}
}

static uint64_t fnv1a(uint64_t sum, struct or_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		sum = (sum ^ s.p[i]) * 1099511628211ULL;
	return sum;
}

uint64_t co_label_fingerprint(struct co_label_set set)
{
	static const uint8_t separator = 0xFF;
	uint64_t sum = 14695981039346656037ULL;

	for (size_t i = 0; i < set.n; i++) {
		sum = fnv1a(fnv1a(sum, set.p[i].name), or_slice(&separator, 1));
		sum = fnv1a(fnv1a(sum, set.p[i].value), or_slice(&separator, 1));
	}
	return sum;
}

void co_label_put_json(struct or_jsonw *w, struct co_label_set set)
{
	or_jsonw_object(w);
	for (size_t i = 0; i < set.n; i++) {
		or_jsonw_key_slice(w, set.p[i].name);
		or_jsonw_str(w, set.p[i].value);
	}
	or_jsonw_end(w);
}

void co_label_put_text(struct or_buf *out, struct co_label_set set)
{
	or_buf_put_byte(out, '{');
	for (size_t i = 0; i < set.n; i++) {
		struct or_jsonw w;

		or_buf_put_str(out, i ? ", " : "");
		or_buf_put_slice(out, set.p[i].name);
		or_buf_put_byte(out, '=');
		or_jsonw_init(&w, out, 0);
		or_jsonw_str(&w, set.p[i].value);
	}
	or_buf_put_byte(out, '}');
}

enum or_code co_label_read_json(struct co_label_set *out, struct or_slice text, struct or_arena *a)
{
	const struct or_json *j;
	struct co_label *p;
	enum or_code rc = or_json_parse(&j, text, a, NULL);

	if (rc)
		return rc == OR_FULL ? OR_FULL : OR_CORRUPT;
	if (j->type != OR_JSON_OBJECT)
		return OR_CORRUPT;
	p = or_arena_array(a, j->object.n, sizeof(*p));
	if (!p)
		return OR_FULL;
	for (size_t i = 0; i < j->object.n; i++) {
		if (j->object.members[i].value->type != OR_JSON_STR)
			return OR_CORRUPT;
		p[i] = (struct co_label){j->object.members[i].key, j->object.members[i].value->s};
	}
	co_label_sort(p, j->object.n);
	*out = (struct co_label_set){p, j->object.n};
	return OR_OK;
}

const struct co_label *co_label_common(
    struct co_label_set *out, struct co_label_set a, struct co_label_set b, struct or_arena *arena)
{
	struct co_label *p = or_arena_array(arena, a.n, sizeof(*p));
	size_t n = 0;

	if (!p)
		return NULL;
	for (size_t i = 0; i < a.n; i++) {
		struct or_slice other = co_label_get(b, a.p[i].name);

		if (other.p && or_slice_eq(other, a.p[i].value))
			p[n++] = a.p[i];
	}
	*out = (struct co_label_set){p, n};
	return p;
}
