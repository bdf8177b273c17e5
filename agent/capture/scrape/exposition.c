/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/scrape/exposition.h"

#include "agent/capture/scrape/exposition_impl.h"
#include "base/str.h"

#include <string.h>

enum { NAMES_MAX = 1U << 20, SHOWN_MAX = 60 };

#define BIT(suffix) (1U << AG_EXPOSITION_##suffix)

/* Which suffixes the samples of a type have, in either format. */
static const struct type {
	const char *name;
	unsigned int open, text;
} types[AG_EXPOSITION_TYPES] = {
    [AG_EXPOSITION_UNKNOWN] = {"unknown", BIT(PLAIN), BIT(PLAIN)},
    [AG_EXPOSITION_GAUGE] = {"gauge", BIT(PLAIN), BIT(PLAIN)},
    [AG_EXPOSITION_COUNTER] = {"counter", BIT(TOTAL) | BIT(CREATED), BIT(PLAIN)},
    [AG_EXPOSITION_STATESET] = {"stateset", BIT(PLAIN), 0},
    [AG_EXPOSITION_INFO] = {"info", BIT(INFO_SUFFIX), 0},
    [AG_EXPOSITION_HISTOGRAM] = {"histogram", BIT(BUCKET) | BIT(COUNT) | BIT(SUM) | BIT(CREATED),
	BIT(BUCKET) | BIT(COUNT) | BIT(SUM)},
    [AG_EXPOSITION_GAUGEHISTOGRAM] = {"gaugehistogram", BIT(BUCKET) | BIT(GCOUNT) | BIT(GSUM), 0},
    [AG_EXPOSITION_SUMMARY] = {"summary", BIT(PLAIN) | BIT(COUNT) | BIT(SUM) | BIT(CREATED),
	BIT(PLAIN) | BIT(COUNT) | BIT(SUM)},
};

static const char *const suffixes[] = {
    [AG_EXPOSITION_PLAIN] = "",
    [AG_EXPOSITION_TOTAL] = "_total",
    [AG_EXPOSITION_CREATED] = "_created",
    [AG_EXPOSITION_INFO_SUFFIX] = "_info",
    [AG_EXPOSITION_BUCKET] = "_bucket",
    [AG_EXPOSITION_COUNT] = "_count",
    [AG_EXPOSITION_SUM] = "_sum",
    [AG_EXPOSITION_GCOUNT] = "_gcount",
    [AG_EXPOSITION_GSUM] = "_gsum",
};

struct family {
	struct ag_exposition_family pub; /* first */
	struct ag_exposition_sample **tail;
	bool has_type, has_help, has_unit;
};

struct parser {
	struct ag_exposition *out;
	struct ag_exposition_family **tail;
	struct line line;
	struct or_arena *arena;
	/* OpenMetrics: each name that a family takes up; 0.0.4: the families' names. */
	struct or_map names;
	struct family *current; /* OpenMetrics: the one that is read */
	struct rules rules;
	bool has_ended; /* # EOF */
};

static enum or_code full(const struct parser *p)
{
	return or_err_set(
	    p->line.err, OR_FULL, "line %u: the text has too much in it", p->line.number);
}

static int shown(struct or_slice s)
{
	return (int)(s.n < SHOWN_MAX ? s.n : SHOWN_MAX);
}

#define NAME(s) shown(s), (const char *)(s).p

/* ---- families */

static enum or_code note_name(struct parser *p, struct or_slice name, struct family *f)
{
	const struct family *other = or_map_find(&p->names, name);

	if (other == f)
		return OR_OK;
	if (other)
		return ag_exposition_line_fail(&p->line,
		    "%.*s belongs to the %s %.*s, which is complete", NAME(name),
		    types[other->pub.type].name, NAME(other->pub.name));
	return or_map_put(&p->names, name, f) ? full(p) : OR_OK;
}

static enum or_code new_family(struct family **out, struct parser *p, struct or_slice name)
{
	struct family *f = or_arena_alloc(p->arena, sizeof(*f));
	enum or_code rc;

	if (!f)
		return full(p);
	rc = note_name(p, name, f);
	if (rc)
		return rc;
	f->pub.name = name;
	f->tail = &f->pub.samples;
	*p->tail = &f->pub;
	p->tail = &f->pub.next;
	p->out->n_families++;
	*out = f;
	return OR_OK;
}

/* The names that samples of the family may have are taken. */
static enum or_code take_names(struct parser *p, struct family *f)
{
	unsigned int mask = types[f->pub.type].open;
	enum or_code rc = OR_OK;

	for (unsigned int i = 1; i < OR_LEN(suffixes) && rc == OR_OK; i++) {
		size_t n = strlen(suffixes[i]);
		uint8_t *name;

		if (!(mask & 1U << i))
			continue;
		name = or_arena_alloc(p->arena, f->pub.name.n + n);
		if (!name)
			return full(p);
		memcpy(name, f->pub.name.p, f->pub.name.n);
		memcpy(name + f->pub.name.n, suffixes[i], n);
		rc = note_name(p, or_slice(name, f->pub.name.n + n), f);
	}
	return rc;
}

/* OpenMetrics: nothing more of the current family may come. */
static enum or_code end_family(struct parser *p)
{
	struct family *f = p->current;
	enum or_code rc;

	if (!f)
		return OR_OK;
	p->current = NULL;
	if (f->pub.unit.n &&
	    (f->pub.type == AG_EXPOSITION_INFO || f->pub.type == AG_EXPOSITION_STATESET))
		return ag_exposition_line_fail(&p->line, "the %s %.*s has no unit",
		    types[f->pub.type].name, NAME(f->pub.name));
	rc = take_names(p, f);
	return rc ? rc : ag_exposition_rules_end(&p->rules, &p->line, &f->pub);
}

static enum or_code find_family(struct family **out, struct parser *p, struct or_slice name)
{
	enum or_code rc;

	if (!p->line.is_strict) {
		*out = or_map_find(&p->names, name);
		return *out ? OR_OK : new_family(out, p, name);
	}
	if (p->current && or_slice_eq(p->current->pub.name, name)) {
		*out = p->current;
		if ((*out)->pub.n_samples)
			return ag_exposition_line_fail(
			    &p->line, "what describes %.*s stands before its samples", NAME(name));
		return OR_OK;
	}
	rc = end_family(p);
	rc = rc ? rc : new_family(out, p, name);
	if (rc == OR_OK)
		p->current = *out;
	return rc;
}

/* ---- # TYPE, # HELP, # UNIT */

static enum or_code again(const struct parser *p, const char *what, const struct family *f)
{
	return ag_exposition_line_fail(
	    &p->line, "%.*s has its %s already", NAME(f->pub.name), what);
}

static enum or_code read_type(struct parser *p, struct family *f, struct or_slice text)
{
	bool is_strict = p->line.is_strict;
	int found = -1;

	if (is_strict && f->has_type)
		return again(p, "type", f);
	for (int i = 0; i < AG_EXPOSITION_TYPES; i++)
		if (or_slice_is(text, types[i].name) && (is_strict || types[i].text))
			found = i;
	if (!is_strict && or_slice_is(text, "untyped"))
		found = AG_EXPOSITION_UNKNOWN;
	if (found < 0)
		return ag_exposition_line_fail(&p->line, "there is no type '%.*s'", NAME(text));
	f->has_type = true;
	/* 0.0.4: too late a type changes nothing of what was read. */
	if (!f->pub.n_samples)
		f->pub.type = (enum ag_exposition_type)found;
	return OR_OK;
}

static enum or_code read_help(struct parser *p, struct family *f)
{
	if (p->line.is_strict && f->has_help)
		return again(p, "help", f);
	f->has_help = true;
	return ag_exposition_line_help(&f->pub.help, &p->line);
}

static enum or_code read_unit(struct parser *p, struct family *f, struct or_slice unit)
{
	struct or_slice name = f->pub.name;

	if (f->has_unit)
		return again(p, "unit", f);
	f->has_unit = true;
	f->pub.unit = unit;
	if (unit.n && (name.n < unit.n + 2 || name.p[name.n - unit.n - 1] != '_' ||
			  !or_slice_eq(or_slice_from(name, name.n - unit.n), unit)))
		return ag_exposition_line_fail(&p->line,
		    "the name %.*s does not end in its unit, _%.*s", NAME(name), NAME(unit));
	return OR_OK;
}

static struct or_slice take_rest(struct line *l)
{
	struct or_slice s = l->is_strict ? l->rest : or_str_trim(l->rest);

	l->rest = OR_SLICE_NONE;
	return s;
}

/* Behind "# ": a description, or (0.0.4) a comment. */
static enum or_code read_description(struct parser *p)
{
	struct line *l = &p->line;
	struct or_slice word = ag_exposition_line_name(l), name;
	bool is_type = or_slice_is(word, "TYPE"), is_help = or_slice_is(word, "HELP"),
	     is_unit = l->is_strict && or_slice_is(word, "UNIT");
	struct family *f;
	enum or_code rc;

	if (!is_type && !is_help && !is_unit)
		return l->is_strict
			   ? ag_exposition_line_fail(l, "expected # TYPE, # HELP, # UNIT or # EOF")
			   : OR_OK;
	if (!ag_exposition_line_gap(l))
		return ag_exposition_line_fail(l, "expected a blank and a metric's name");
	name = ag_exposition_line_name(l);
	if (!name.n)
		return ag_exposition_line_fail(l, "expected a metric's name");
	if (!ag_exposition_line_gap(l) && (l->is_strict || l->rest.n || !is_help))
		return ag_exposition_line_fail(
		    l, "expected a blank and what is said of %.*s", NAME(name));
	rc = find_family(&f, p, name);
	if (rc)
		return rc;
	if (is_help)
		return read_help(p, f);
	return is_type ? read_type(p, f, take_rest(l)) : read_unit(p, f, take_rest(l));
}

/* ---- samples */

static bool find_suffix(
    enum ag_exposition_suffix *out, const struct family *f, struct or_slice name, unsigned int mask)
{
	struct or_slice rest;

	if (name.n < f->pub.name.n || memcmp(name.p, f->pub.name.p, f->pub.name.n))
		return false;
	rest = or_slice_from(name, f->pub.name.n);
	for (unsigned int i = 0; i < OR_LEN(suffixes); i++) {
		if (!(mask & 1U << i) || !or_slice_is(rest, suffixes[i]))
			continue;
		*out = (enum ag_exposition_suffix)i;
		return true;
	}
	return false;
}

/* 0.0.4: by its whole name, or as a part of a histogram or summary. */
static enum or_code text_owner(
    struct family **out, enum ag_exposition_suffix *suffix, struct parser *p, struct or_slice name)
{
	for (unsigned int i = AG_EXPOSITION_BUCKET; i <= AG_EXPOSITION_SUM; i++) {
		size_t n = strlen(suffixes[i]);
		struct family *f;

		if (name.n <= n || !or_str_has_suffix(name, suffixes[i]))
			continue;
		f = or_map_find(&p->names, or_slice(name.p, name.n - n));
		if (f && find_suffix(suffix, f, name, types[f->pub.type].text)) {
			*out = f;
			return OR_OK;
		}
	}
	*suffix = AG_EXPOSITION_PLAIN;
	return find_family(out, p, name);
}

static enum or_code open_owner(
    struct family **out, enum ag_exposition_suffix *suffix, struct parser *p, struct or_slice name)
{
	enum or_code rc;

	if (p->current && find_suffix(suffix, p->current, name, types[p->current->pub.type].open)) {
		*out = p->current;
		return OR_OK;
	}
	rc = end_family(p);
	rc = rc ? rc : new_family(out, p, name);
	*suffix = AG_EXPOSITION_PLAIN;
	if (rc == OR_OK)
		p->current = *out;
	return rc;
}

static enum or_code read_sample(struct parser *p)
{
	bool is_strict = p->line.is_strict, is_repeated = false;
	struct sample_line s;
	struct family *f;
	enum or_code rc = ag_exposition_line_sample(&s, &p->line);

	if (rc)
		return rc;
	rc = is_strict ? open_owner(&f, &s.sample->suffix, p, s.name)
		       : text_owner(&f, &s.sample->suffix, p, s.name);
	if (rc == OR_OK && is_strict)
		rc = ag_exposition_rules_sample(
		    &p->rules, &p->line, &f->pub, s.sample, &is_repeated);
	if (rc || is_repeated)
		return rc;
	*f->tail = s.sample;
	f->tail = &s.sample->next;
	f->pub.n_samples++;
	p->out->n_samples++;
	return OR_OK;
}

/* ---- lines */

static enum or_code read_line(struct parser *p)
{
	struct line *l = &p->line;

	if (!or_str_is_utf8(l->rest))
		return ag_exposition_line_fail(l, "this is not UTF-8");
	if (!l->is_strict) {
		l->rest = or_str_trim(l->rest);
		if (l->rest.n && l->rest.p[l->rest.n - 1] == '\r')
			l->rest = or_str_trim(or_slice(l->rest.p, l->rest.n - 1));
		if (!l->rest.n)
			return OR_OK;
	}
	if (!l->rest.n)
		return ag_exposition_line_fail(l, "an empty line has no place here");
	if (l->is_strict && or_slice_is(l->rest, "# EOF")) {
		p->has_ended = true;
		return end_family(p);
	}
	if (l->rest.p[0] != '#')
		return read_sample(p);
	l->rest = or_slice_from(l->rest, 1);
	if (ag_exposition_line_gap(l))
		return read_description(p);
	return l->is_strict ? ag_exposition_line_fail(l, "expected a blank behind '#'") : OR_OK;
}

static enum or_code read_lines(struct parser *p, struct or_slice text)
{
	enum or_code rc = OR_OK;

	while (text.n && rc == OR_OK) {
		size_t n = or_str_find(text, '\n', 0);

		p->line.number++;
		p->line.rest = or_slice(text.p, n);
		if (p->has_ended)
			return ag_exposition_line_fail(&p->line, "nothing follows # EOF");
		rc = read_line(p);
		text = or_slice_from(text, n < text.n ? n + 1 : n);
	}
	if (rc == OR_OK && p->line.is_strict && !p->has_ended) {
		p->line.number++;
		rc = ag_exposition_line_fail(&p->line, "the text ends without # EOF: it was cut");
	}
	return rc;
}

enum or_code ag_exposition_parse(struct ag_exposition *out, struct or_slice text,
    enum ag_exposition_format format, struct or_arena *a, struct or_err *err)
{
	struct ag_exposition found = {0};
	struct parser p = {.out = &found,
	    .tail = &found.families,
	    .arena = a,
	    .line = {.is_strict = format == AG_EXPOSITION_OPENMETRICS, .arena = a, .err = err}};
	enum or_code rc;

	or_map_init(&p.names, NAMES_MAX);
	ag_exposition_rules_init(&p.rules, a);
	rc = read_lines(&p, text);
	if (rc == OR_OK)
		*out = found;
	ag_exposition_rules_done(&p.rules);
	or_map_done(&p.names);
	return rc;
}

enum ag_exposition_format ag_exposition_format_of(struct or_slice content_type)
{
	size_t n = or_str_find(content_type, ';', 0);
	struct or_slice kind = or_str_trim(or_slice(content_type.p, n));

	return or_str_eq_nocase(kind, OR_SLICE_LIT("application/openmetrics-text"))
		   ? AG_EXPOSITION_OPENMETRICS
		   : AG_EXPOSITION_TEXT;
}

void ag_exposition_put_piece(struct or_buf *key, struct or_slice s)
{
	uint32_t n = (uint32_t)s.n;

	or_buf_put(key, &n, sizeof(n));
	or_buf_put_slice(key, s);
}

struct or_slice ag_exposition_label(const struct ag_exposition_labels *labels, const char *name)
{
	for (size_t i = 0; i < labels->n; i++)
		if (or_slice_is(labels->items[i].name, name))
			return labels->items[i].value;
	return OR_SLICE_NONE;
}

enum or_code ag_exposition_number(double *out, struct or_slice text)
{
	return ag_exposition_line_number(out, text);
}
