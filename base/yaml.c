/* SPDX-License-Identifier: Apache-2.0 */
#include "base/yaml.h"

#include "base/buf.h"
#include "base/str.h"

#include <math.h>
#include <stdlib.h>
#include <yaml.h>

enum { DEPTH_MAX = 64, CHILDREN_MAX = 1 << 20 };

/* A node whose children are still being read; they gather in a list and become an array at its end.
 */
struct child {
	struct child *next;
	struct or_slice key; /* of a mapping's member */
	uint32_t line;       /* the key's */
	struct or_json *value;
};

struct level {
	struct or_json *node;
	struct child *first, **last;
	size_t n;
	bool wants_key;
	struct or_slice key;
	uint32_t key_line;
};

struct reader {
	yaml_parser_t parser;
	struct or_arena *arena;
	struct or_err *err;
	struct level levels[DEPTH_MAX];
	int depth;
	struct or_json *root;
};

static enum or_code fail_at(
    struct reader *r, enum or_code code, const yaml_mark_t *at, const char *what)
{
	return or_err_set(
	    r->err, code, "line %zu, column %zu: %s", at->line + 1, at->column + 1, what);
}

static enum or_code full(struct reader *r)
{
	return or_err_set(r->err, OR_FULL, "the YAML text needs more memory than its budget");
}

static bool is_one_of(struct or_slice s, const char *const *names)
{
	for (; *names; names++) {
		if (or_slice_is(s, *names))
			return true;
	}
	return false;
}

static bool all_digits(struct or_slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	}
	return s.n > 0;
}

/* 99 for what is no digit in any base. */
static int digit_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

static bool based_integer(int64_t *out, struct or_slice s)
{
	int base = or_str_has_prefix(s, "0x") ? 16 : or_str_has_prefix(s, "0o") ? 8 : 0;
	uint64_t v = 0;

	if (!base || s.n < 3)
		return false;
	for (size_t i = 2; i < s.n; i++) {
		int d = digit_value(s.p[i]);

		if (d >= base || v > (uint64_t)INT64_MAX >> 4)
			return false;
		v = v * (uint64_t)base + (uint64_t)d;
	}
	*out = (int64_t)v;
	return true;
}

static size_t skip_digits(struct or_slice s, size_t at)
{
	while (at < s.n && s.p[at] >= '0' && s.p[at] <= '9')
		at++;
	return at;
}

static size_t skip_sign(struct or_slice s, size_t at)
{
	return at < s.n && (s.p[at] == '-' || s.p[at] == '+') ? at + 1 : at;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?   (YAML 1.2 §10.3.2) */
static bool is_real(struct or_slice s)
{
	size_t start = skip_sign(s, 0), at = skip_digits(s, start), digits = at - start;

	if (at < s.n && s.p[at] == '.') {
		start = at + 1;
		at = skip_digits(s, start);
		digits += at - start;
	}
	if (digits == 0)
		return false;
	if (at < s.n && (s.p[at] == 'e' || s.p[at] == 'E'))
		return all_digits(or_slice_from(s, skip_sign(s, at + 1)));
	return at == s.n;
}

static void resolve_number(struct or_json *j, struct or_slice s)
{
	int64_t v;

	if (all_digits(or_slice_from(s, skip_sign(s, 0)))) {
		/* Beyond 64 bits the text is kept: nothing is rounded. */
		if (or_str_i64(&v, or_slice_from(s, s.p[0] == '+')) == OR_OK) {
			j->type = OR_JSON_INT;
			j->i = v;
		}
	} else if (based_integer(&v, s)) {
		j->type = OR_JSON_INT;
		j->i = v;
	} else if (s.n < 64 && is_real(s)) {
		double d = strtod((const char *)s.p, NULL); /* libyaml ends scalars with NUL */

		if (isfinite(d)) {
			j->type = OR_JSON_REAL;
			j->r = d;
		}
	}
}

/* The core schema of YAML 1.2 §10.3; j holds the text and stays a string where nothing fits. */
static void resolve_plain(struct or_json *j)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const trues[] = {"true", "True", "TRUE", NULL};
	static const char *const falses[] = {"false", "False", "FALSE", NULL};
	struct or_slice s = j->s;

	if (is_one_of(s, nulls)) {
		j->type = OR_JSON_NULL;
	} else if (is_one_of(s, trues) || is_one_of(s, falses)) {
		j->type = OR_JSON_BOOL;
		j->b = is_one_of(s, trues);
	} else {
		resolve_number(j, s);
	}
}

static struct or_json *new_node(struct reader *r, const yaml_mark_t *at, enum or_json_type type)
{
	struct or_json *j = or_arena_alloc(r->arena, sizeof(*j));

	if (j) {
		j->type = type;
		j->line = (uint32_t)at->line + 1;
		j->col = (uint32_t)at->column + 1;
	}
	return j;
}

/* Hangs a finished or just opened node under the innermost open one. */
static enum or_code attach(struct reader *r, struct or_json *j)
{
	struct level *l = r->depth ? &r->levels[r->depth - 1] : NULL;
	struct child *c;

	if (!l) {
		r->root = j;
		return OR_OK;
	}
	c = or_arena_alloc(r->arena, sizeof(*c));
	if (!c || l->n >= CHILDREN_MAX)
		return full(r);
	c->key = l->key;
	c->line = l->key_line;
	c->value = j;
	*l->last = c;
	l->last = &c->next;
	l->n++;
	l->wants_key = l->node->type == OR_JSON_OBJECT;
	return OR_OK;
}

static enum or_code on_scalar(struct reader *r, const yaml_event_t *e)
{
	struct level *l = r->depth ? &r->levels[r->depth - 1] : NULL;
	struct or_slice text = or_slice(e->data.scalar.value, e->data.scalar.length);
	struct or_json *j;

	if (e->data.scalar.anchor || e->data.scalar.tag)
		return fail_at(r, OR_PARSE, &e->start_mark, "anchors and tags are not supported");
	if (memchr(text.p, 0, text.n))
		return fail_at(r, OR_PARSE, &e->start_mark, "a NUL character");
	text = or_arena_dup(r->arena, text);
	j = text.p ? new_node(r, &e->start_mark, OR_JSON_STR) : NULL;
	if (!j)
		return full(r);
	if (l && l->wants_key) {
		if (or_slice_is(text, "<<"))
			return fail_at(r, OR_PARSE, &e->start_mark, "merge keys are not supported");
		l->key = text;
		l->key_line = j->line;
		l->wants_key = false;
		return OR_OK;
	}
	j->s = text;
	if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		resolve_plain(j);
	return attach(r, j);
}

static enum or_code on_start(struct reader *r, const yaml_event_t *e, enum or_json_type type)
{
	const yaml_char_t *anchor =
	    type == OR_JSON_OBJECT ? e->data.mapping_start.anchor : e->data.sequence_start.anchor;
	const yaml_char_t *tag =
	    type == OR_JSON_OBJECT ? e->data.mapping_start.tag : e->data.sequence_start.tag;
	struct or_json *j;
	enum or_code rc;

	if (anchor || tag)
		return fail_at(r, OR_PARSE, &e->start_mark, "anchors and tags are not supported");
	if (r->depth && r->levels[r->depth - 1].wants_key)
		return fail_at(r, OR_PARSE, &e->start_mark, "a key must be a string");
	if (r->depth == DEPTH_MAX)
		return fail_at(r, OR_FULL, &e->start_mark, "nested deeper than 64 levels");
	j = new_node(r, &e->start_mark, type);
	if (!j)
		return full(r);
	rc = attach(r, j);
	if (rc)
		return rc;
	r->levels[r->depth] =
	    (struct level){.node = j, .wants_key = type == OR_JSON_OBJECT, .key = OR_SLICE_NONE};
	r->levels[r->depth].last = &r->levels[r->depth].first;
	r->depth++;
	return OR_OK;
}

static int compare_keys(const void *a, const void *b)
{
	const struct or_json_member *const *x = a, *const *y = b;

	return or_slice_cmp((*x)->key, (*y)->key);
}

/* By sorting, so that the cost stays n log n for any file. */
static const struct or_json_member *find_duplicate(struct reader *r, const struct or_json *j)
{
	size_t n = j->object.n;
	const struct or_json_member **sorted;

	sorted = or_arena_array(r->arena, n, sizeof(*sorted));
	if (!sorted || n < 2)
		return NULL;
	for (size_t i = 0; i < n; i++)
		sorted[i] = &j->object.members[i];
	qsort(sorted, n, sizeof(*sorted), compare_keys);
	for (size_t i = 1; i < n; i++) {
		if (or_slice_eq(sorted[i - 1]->key, sorted[i]->key))
			return sorted[i - 1] > sorted[i] ? sorted[i - 1] : sorted[i];
	}
	return NULL;
}

static enum or_code end_mapping(struct reader *r, struct level *l)
{
	const struct or_json_member *twice;
	struct or_json *j = l->node;
	size_t i = 0;

	j->object.members = or_arena_array(r->arena, l->n, sizeof(*j->object.members));
	if (!j->object.members)
		return full(r);
	for (struct child *c = l->first; c; c = c->next)
		j->object.members[i++] = (struct or_json_member){c->key, c->value, c->line};
	j->object.n = i;
	twice = find_duplicate(r, j);
	if (or_arena_is_full(r->arena))
		return full(r);
	if (twice)
		return or_err_set(r->err, OR_PARSE, "line %u: the key \"%.*s\" is there twice",
		    twice->line, OR_SLICE_FMT(twice->key));
	return OR_OK;
}

static enum or_code end_sequence(struct reader *r, struct level *l)
{
	struct or_json *j = l->node;
	size_t i = 0;

	j->array.items = or_arena_array(r->arena, l->n, sizeof(*j->array.items));
	if (!j->array.items)
		return full(r);
	for (struct child *c = l->first; c; c = c->next)
		j->array.items[i++] = c->value;
	j->array.n = i;
	return OR_OK;
}

static enum or_code on_event(struct reader *r, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT: return on_scalar(r, e);
	case YAML_MAPPING_START_EVENT: return on_start(r, e, OR_JSON_OBJECT);
	case YAML_SEQUENCE_START_EVENT: return on_start(r, e, OR_JSON_ARRAY);
	case YAML_MAPPING_END_EVENT: return end_mapping(r, &r->levels[--r->depth]);
	case YAML_SEQUENCE_END_EVENT: return end_sequence(r, &r->levels[--r->depth]);
	case YAML_ALIAS_EVENT:
		return fail_at(r, OR_PARSE, &e->start_mark, "aliases are not supported");
	case YAML_DOCUMENT_START_EVENT:
		if (r->root)
			return fail_at(r, OR_PARSE, &e->start_mark, "more than one document");
		return OR_OK;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT: return OR_OK;
	}
	return OR_OK;
}

static enum or_code read_all(struct reader *r)
{
	enum or_code rc = OR_OK;
	bool end = false;

	while (rc == OR_OK && !end) {
		yaml_event_t e;

		if (!yaml_parser_parse(&r->parser, &e))
			return fail_at(r, OR_PARSE, &r->parser.problem_mark,
			    r->parser.problem ? r->parser.problem : "not YAML");
		rc = on_event(r, &e);
		end = e.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&e);
	}
	return rc;
}

enum or_code or_yaml_parse(
    const struct or_json **out, struct or_slice text, struct or_arena *a, struct or_err *err)
{
	struct reader r = {.arena = a, .err = err};
	enum or_code rc;

	if (text.n > OR_YAML_SIZE_MAX)
		return or_err_set(err, OR_FULL, "YAML of more than %u bytes", OR_YAML_SIZE_MAX);
	OR_ASSERT(yaml_parser_initialize(&r.parser));
	yaml_parser_set_input_string(&r.parser, text.n ? text.p : (const uint8_t *)"", text.n);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	rc = read_all(&r);
	yaml_parser_delete(&r.parser);
	if (rc)
		return rc;
	if (!r.root)
		return or_err_set(err, OR_PARSE, "line 1: the YAML document is empty");
	*out = r.root;
	return OR_OK;
}
