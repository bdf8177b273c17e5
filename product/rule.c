/* SPDX-License-Identifier: Apache-2.0 */
#include "product/rule.h"

#include "base/str.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#define SHOWN_MAX  64 /* bytes of a foreign name or value in a message */
#define FIELDS_MAX 128
#define UNIQUE_MAX 2048 /* entries compared with each other: that is quadratic */

const struct dp_rule dp_rule_any = {0};
const struct dp_rule dp_rule_str = {.types = DP_RULE_STR};
const struct dp_rule dp_rule_int = {.types = DP_RULE_INT};
const struct dp_rule dp_rule_num = {.types = DP_RULE_NUM};
const struct dp_rule dp_rule_bool = {.types = DP_RULE_BOOL};
const struct dp_rule dp_rule_object = {.types = DP_RULE_OBJECT};
const struct dp_rule dp_rule_str_list = {.types = DP_RULE_ARRAY, .items = &dp_rule_str};
const struct dp_rule dp_rule_uri = {.types = DP_RULE_STR, .format = DP_RULE_URI};
const struct dp_rule dp_rule_date = {.types = DP_RULE_STR, .format = DP_RULE_DATE};
const struct dp_rule dp_rule_date_time = {.types = DP_RULE_STR, .format = DP_RULE_DATE_TIME};

static void path_put(struct dp_rule_run *run, const char *text)
{
	size_t n = strlen(text);

	if (run->n_path + n >= sizeof(run->path))
		return;
	memcpy(run->path + run->n_path, text, n + 1);
	run->n_path += n;
}

/* A copy that can stand in a message: short and printable. */
static void shown(char out[SHOWN_MAX + 4], struct or_slice s)
{
	size_t n = s.n < SHOWN_MAX ? s.n : SHOWN_MAX;

	for (size_t i = 0; i < n; i++)
		out[i] = s.p[i] < ' ' || s.p[i] == 0x7f ? '?' : (char)s.p[i];
	/* never cut inside a character */
	while (n < s.n && n > 0 && (s.p[n] & 0xc0) == 0x80)
		n--;
	memcpy(out + n, s.n > n ? "..." : "", s.n > n ? 4 : 1);
}

size_t dp_rule_path_push(struct dp_rule_run *run, struct or_slice name)
{
	size_t before = run->n_path;
	char text[SHOWN_MAX + 4];

	shown(text, name);
	if (before)
		path_put(run, ".");
	path_put(run, text);
	return before;
}

size_t dp_rule_path_push_index(struct dp_rule_run *run, size_t i)
{
	size_t before = run->n_path;
	char text[32];

	snprintf(text, sizeof(text), "[%zu]", i);
	path_put(run, text);
	return before;
}

void dp_rule_path_pop(struct dp_rule_run *run, size_t to)
{
	run->n_path = to;
	run->path[to] = '\0';
}

void dp_rule_error(
    struct dp_rule_run *run, const struct or_json *at, const char *member, const char *fmt, ...)
{
	size_t before = run->n_path;
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (member)
		before = dp_rule_path_push(run, or_slice_str(member));
	dp_diag_error(run->diags, at, run->path, "%s", text);
	dp_rule_path_pop(run, before);
}

static bool is_integral(const struct or_json *v)
{
	return v->type == OR_JSON_INT || (v->type == OR_JSON_REAL && v->r == floor(v->r));
}

static unsigned int types_of(const struct or_json *v)
{
	switch (v->type) {
	case OR_JSON_NULL: return DP_RULE_NULL;
	case OR_JSON_BOOL: return DP_RULE_BOOL;
	case OR_JSON_INT: return DP_RULE_INT | DP_RULE_NUM;
	case OR_JSON_REAL: return DP_RULE_NUM | (is_integral(v) ? DP_RULE_INT : 0);
	case OR_JSON_STR: return DP_RULE_STR;
	case OR_JSON_ARRAY: return DP_RULE_ARRAY;
	case OR_JSON_OBJECT: return DP_RULE_OBJECT;
	}
	return 0;
}

static const char *with_article(enum or_json_type type)
{
	static const char *const names[] = {[OR_JSON_NULL] = "nothing (null)",
	    [OR_JSON_BOOL] = "a boolean",
	    [OR_JSON_INT] = "an integer",
	    [OR_JSON_REAL] = "a number",
	    [OR_JSON_STR] = "a string",
	    [OR_JSON_ARRAY] = "a list",
	    [OR_JSON_OBJECT] = "an object"};

	return names[type];
}

static void wrong_type(struct dp_rule_run *run, const struct dp_rule *rule, const struct or_json *v)
{
	static const struct {
		unsigned int bit;
		const char *name;
	} names[] = {{DP_RULE_STR, "a string"}, {DP_RULE_INT, "an integer"},
	    {DP_RULE_NUM, "a number"}, {DP_RULE_BOOL, "true or false"}, {DP_RULE_NULL, "null"},
	    {DP_RULE_ARRAY, "a list"}, {DP_RULE_OBJECT, "an object"}};
	bool plain = v->type == OR_JSON_INT || v->type == OR_JSON_REAL || v->type == OR_JSON_BOOL;
	struct or_buf text;

	or_buf_init(&text, 256);
	for (size_t i = 0; i < OR_LEN(names); i++) {
		if (!(rule->types & names[i].bit))
			continue;
		or_buf_put_str(&text, text.n ? " or " : "expected ");
		or_buf_put_str(&text, names[i].name);
	}
	or_buf_printf(&text, ", found %s", with_article(v->type));
	if ((rule->types & DP_RULE_STR) && plain)
		or_buf_put_str(&text, "; put it in quotes");
	dp_rule_error(run, v, NULL, "%s", or_buf_text(&text));
	or_buf_done(&text);
}

static bool is_one_of(struct or_slice s, const char *const *names)
{
	for (; *names; names++) {
		if (or_slice_is(s, *names))
			return true;
	}
	return false;
}

static void wrong_name(struct dp_rule_run *run, const struct dp_rule *rule, const struct or_json *v)
{
	const char *nearest = or_str_nearest(v->s, rule->names);
	char found[SHOWN_MAX + 4];
	struct or_buf text;

	shown(found, v->s);
	or_buf_init(&text, 1024);
	for (size_t i = 0; rule->names[i]; i++)
		or_buf_printf(&text, "%s%s", i ? ", " : "", rule->names[i]);
	if (nearest)
		dp_rule_error(run, v, NULL, "\"%s\" is not one of its values; did you mean \"%s\"?",
		    found, nearest);
	else
		dp_rule_error(run, v, NULL, "expected %s%s, found \"%s\"",
		    rule->names[1] ? "one of " : "", or_buf_text(&text), found);
	or_buf_done(&text);
}

static bool is_date(struct or_slice s)
{
	char text[32];
	int64_t ns;

	if (s.n != 10)
		return false;
	snprintf(text, sizeof(text), "%.*sT00:00:00Z", OR_SLICE_FMT(s));
	return or_str_time_parse(&ns, or_slice_str(text)) == OR_OK;
}

/* RFC 3986 §3: a scheme and something behind it, no blanks. */
static bool is_uri(struct or_slice s)
{
	size_t colon = or_str_find(s, ':', 0);

	if (colon == 0 || colon + 1 >= s.n || !((s.p[0] | 0x20) >= 'a' && (s.p[0] | 0x20) <= 'z'))
		return false;
	return or_str_find(s, ' ', 0) == s.n;
}

static void format(struct dp_rule_run *run, const struct dp_rule *rule, const struct or_json *v)
{
	int64_t ns;

	switch (rule->format) {
	case DP_RULE_FREE: return;
	case DP_RULE_DATE:
		if (!is_date(v->s))
			dp_diag_warn(run->diags, v, run->path, "expected a date like 2026-01-31");
		return;
	case DP_RULE_DATE_TIME:
		if (or_str_time_parse(&ns, v->s))
			dp_diag_warn(run->diags, v, run->path,
			    "expected a time with its zone, like 2026-01-31T12:00:00Z");
		return;
	case DP_RULE_URI:
		if (!is_uri(v->s))
			dp_diag_warn(run->diags, v, run->path, "expected a URL with its scheme");
		return;
	}
}

static void string(struct dp_rule_run *run, const struct dp_rule *rule, const struct or_json *v)
{
	char found[SHOWN_MAX + 4];

	if (rule->names && !is_one_of(v->s, rule->names))
		wrong_name(run, rule, v);
	if (rule->matches && !rule->matches(v->s)) {
		shown(found, v->s);
		dp_rule_error(run, v, NULL, "expected %s, found \"%s\"", rule->like, found);
	}
	format(run, rule, v);
}

static void number(struct dp_rule_run *run, const struct dp_rule *rule, const struct or_json *v)
{
	double d = v->type == OR_JSON_INT ? (double)v->i : v->r;

	if (rule->at_least_0 && d < 0)
		dp_rule_error(run, v, NULL, "expected 0 or more");
	if (rule->above_0 && d <= 0)
		dp_rule_error(run, v, NULL, "expected more than 0");
}

/* JSON Schema: 1 and 1.0 are the same number. */
static bool same(const struct or_json *a, const struct or_json *b)
{
	if (a->type == OR_JSON_INT && b->type == OR_JSON_REAL)
		return (double)a->i == b->r;
	if (a->type == OR_JSON_REAL && b->type == OR_JSON_INT)
		return a->r == (double)b->i;
	return or_json_eq(a, b);
}

static void list(struct dp_rule_run *run, const struct dp_rule *rule, const struct or_json *v)
{
	if (v->array.n < rule->min_items)
		dp_rule_error(run, v, NULL, "expected at least %zu entries", rule->min_items);
	if (rule->max_items && v->array.n > rule->max_items)
		dp_rule_error(run, v, NULL, "expected at most %zu entries", rule->max_items);
	for (size_t i = 0; rule->items && i < v->array.n; i++) {
		size_t before = dp_rule_path_push_index(run, i);

		dp_rule_check(run, rule->items, v->array.items[i]);
		dp_rule_path_pop(run, before);
	}
	for (size_t i = 0; rule->unique && i < v->array.n && i < UNIQUE_MAX; i++) {
		for (size_t k = 0; k < i; k++) {
			if (!same(v->array.items[i], v->array.items[k]))
				continue;
			dp_rule_error(
			    run, v->array.items[i], NULL, "entries %zu and %zu are the same", k, i);
			break;
		}
	}
}

struct active {
	const struct dp_shape *shapes[DP_RULE_MORE_MAX + 1];
	size_t n;
};

static void find_active(struct active *a, const struct dp_shape *shape, const struct or_json *o)
{
	a->shapes[0] = shape;
	a->n = 1;
	if (shape->more)
		a->n += shape->more(o, &a->shapes[1]);
	OR_ASSERT(a->n <= OR_LEN(a->shapes));
}

static void unknown_member(
    struct dp_rule_run *run, const struct active *a, const struct or_json_member *m)
{
	const char *names[FIELDS_MAX + 1], *nearest, *said = NULL;
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++) {
		const struct dp_field *f = a->shapes[i]->fields;

		for (; f && f->name && n < FIELDS_MAX; f++)
			names[n++] = f->name;
		said = a->shapes[i]->if_empty ? a->shapes[i]->if_empty : said;
	}
	names[n] = NULL;
	nearest = or_str_nearest(m->key, names);
	if (nearest)
		dp_rule_error(run, m->value, NULL, "unknown field; did you mean \"%s\"?", nearest);
	else
		dp_rule_error(run, m->value, NULL, "%s", said ? said : "unknown field");
}

static void member(
    struct dp_rule_run *run, const struct active *a, bool open, const struct or_json_member *m)
{
	size_t before = dp_rule_path_push(run, m->key);
	size_t errors = run->diags->n_errors;
	bool known = false;

	for (size_t i = 0; i < a->n; i++) {
		const struct dp_field *f = a->shapes[i]->fields;

		while (f && f->name && !or_slice_is(m->key, f->name))
			f++;
		if (!f || !f->name)
			continue;
		known = true;
		/* said once is enough where several shapes want the same */
		if (run->diags->n_errors == errors)
			dp_rule_check(run, f->rule, m->value);
	}
	if (!known && !open)
		unknown_member(run, a, m);
	dp_rule_path_pop(run, before);
}

static void object(struct dp_rule_run *run, const struct dp_shape *shape, const struct or_json *o)
{
	struct active a;
	bool open = false;

	find_active(&a, shape, o);
	for (size_t i = 0; i < a.n; i++) {
		const struct dp_field *f = a.shapes[i]->fields;

		open = open || a.shapes[i]->open;
		for (; f && f->name; f++) {
			if (f->required && !or_json_get(o, f->name))
				dp_rule_error(run, o, f->name, "required, and not there");
		}
	}
	for (size_t i = 0; i < o->object.n; i++)
		member(run, &a, open, &o->object.members[i]);
	for (size_t i = 0; i < a.n; i++) {
		if (a.shapes[i]->check)
			a.shapes[i]->check(run, o);
	}
}

void dp_rule_check(struct dp_rule_run *run, const struct dp_rule *rule, const struct or_json *v)
{
	unsigned int types = types_of(v);

	if (rule->types && !(types & rule->types)) {
		wrong_type(run, rule, v);
		return;
	}
	if (v->type == OR_JSON_STR)
		string(run, rule, v);
	else if (types & DP_RULE_NUM)
		number(run, rule, v);
	else if (v->type == OR_JSON_ARRAY)
		list(run, rule, v);
	else if (v->type == OR_JSON_OBJECT && rule->shape)
		object(run, rule->shape, v);
}

void dp_rule_validate(
    const struct dp_rule *rule, const struct or_json *tree, struct dp_diags *diags)
{
	struct dp_rule_run run = {.diags = diags};

	dp_rule_check(&run, rule, tree);
}
