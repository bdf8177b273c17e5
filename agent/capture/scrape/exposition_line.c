/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/scrape/exposition_impl.h"
#include "base/str.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NUMBER_MAX = 128,              /* characters of a number */
	EXEMPLAR_CHARACTERS_MAX = 128, /* OpenMetrics: "Exemplars" */
	SHOWN_MAX = 40,
	NS_DIGITS = 9,
};

enum or_code ag_exposition_line_fail(const struct line *l, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return or_err_set(l->err, OR_PARSE, "line %u: %s", l->number, text);
}

static enum or_code full(const struct line *l)
{
	return or_err_set(l->err, OR_FULL, "line %u: the text has too much in it", l->number);
}

static void skip(struct line *l, size_t n)
{
	l->rest.p += n;
	l->rest.n -= n;
}

static bool is_next(const struct line *l, char c)
{
	return l->rest.n && l->rest.p[0] == (uint8_t)c;
}

static bool take(struct line *l, char c)
{
	if (!is_next(l, c))
		return false;
	skip(l, 1);
	return true;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static void skip_blanks(struct line *l)
{
	while (!l->is_strict && l->rest.n && is_blank(l->rest.p[0]))
		skip(l, 1);
}

bool ag_exposition_line_gap(struct line *l)
{
	size_t n = l->rest.n;

	if (l->is_strict)
		return take(l, ' ');
	skip_blanks(l);
	return l->rest.n < n;
}

static bool is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static struct or_slice take_name(struct line *l, bool may_have_colons)
{
	struct or_slice s = l->rest;
	size_t n = 0;

	while (n < s.n &&
	       (is_letter(s.p[n]) || (may_have_colons && s.p[n] == ':') || (n && is_digit(s.p[n]))))
		n++;
	skip(l, n);
	return or_slice(s.p, n);
}

struct or_slice ag_exposition_line_name(struct line *l)
{
	return take_name(l, true);
}

/* ---- escapes */

/* \\ and \n, \" where it is one; another character keeps its backslash. */
static enum or_code unescape(
    struct or_slice *out, const struct line *l, struct or_slice s, bool has_quotes)
{
	uint8_t *to;
	size_t n = 0;

	if (!memchr(s.p ? s.p : (const uint8_t *)"", '\\', s.n)) {
		*out = s;
		return OR_OK;
	}
	to = or_arena_alloc(l->arena, s.n);
	if (!to)
		return full(l);
	for (size_t i = 0; i < s.n; i++) {
		uint8_t next = i + 1 < s.n ? s.p[i + 1] : 0;

		if (s.p[i] != '\\' ||
		    (next != '\\' && next != 'n' && (next != '"' || !has_quotes))) {
			to[n++] = s.p[i];
			continue;
		}
		to[n++] = next == 'n' ? '\n' : next;
		i++;
	}
	*out = or_slice(to, n);
	return OR_OK;
}

enum or_code ag_exposition_line_help(struct or_slice *out, struct line *l)
{
	/* OpenMetrics has \" in help as well; 0.0.4 has not. */
	enum or_code rc = unescape(out, l, l->rest, l->is_strict);

	skip(l, l->rest.n);
	return rc;
}

/* ---- numbers */

static size_t digits(struct or_slice s, size_t at)
{
	size_t n = at;

	while (n < s.n && is_digit(s.p[n]))
		n++;
	return n - at;
}

/* [+-] digits [. digits] [e [+-] digits], with a digit before the exponent. */
static bool is_decimal(struct or_slice s)
{
	size_t at = s.n && (s.p[0] == '+' || s.p[0] == '-'), whole, part = 0, exponent;

	whole = digits(s, at);
	at += whole;
	if (at < s.n && s.p[at] == '.') {
		part = digits(s, at + 1);
		at += 1 + part;
	}
	if (!whole && !part)
		return false;
	if (at < s.n && (s.p[at] == 'e' || s.p[at] == 'E')) {
		at++;
		at += at < s.n && (s.p[at] == '+' || s.p[at] == '-');
		exponent = digits(s, at);
		if (!exponent)
			return false;
		at += exponent;
	}
	return at == s.n;
}

static bool is_word(struct or_slice s, const char *word)
{
	return or_str_eq_nocase(s, or_slice_str(word));
}

enum or_code ag_exposition_line_number(double *out, struct or_slice s)
{
	struct or_slice bare = s;
	char text[NUMBER_MAX + 1];
	bool is_negative = s.n && s.p[0] == '-';

	if (s.n > NUMBER_MAX)
		return OR_PARSE;
	if (s.n && (is_negative || s.p[0] == '+'))
		bare = or_slice(s.p + 1, s.n - 1);
	if (is_word(bare, "inf") || is_word(bare, "infinity")) {
		*out = is_negative ? -INFINITY : INFINITY;
		return OR_OK;
	}
	if (is_word(s, "nan")) {
		*out = NAN;
		return OR_OK;
	}
	if (!is_decimal(s))
		return OR_PARSE;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	*out = strtod(text, NULL);
	return OR_OK;
}

/* Seconds, maybe with a fraction, to ns; what does not fit becomes the nearest that does. */
static int64_t seconds_to_ns(struct or_slice s, double value)
{
	const double limit = 9.2e9;
	bool is_negative = s.p[0] == '-';
	size_t at = is_negative || s.p[0] == '+', n = digits(s, at);
	int64_t ns = 0;

	if (value >= limit)
		return INT64_MAX;
	if (value <= -limit)
		return INT64_MIN;
	if (memchr(s.p, 'e', s.n) || memchr(s.p, 'E', s.n))
		return (int64_t)(value * 1e9);
	for (size_t i = at; i < at + n; i++)
		ns = ns * 10 + (s.p[i] - '0');
	at += n + 1; /* behind the point */
	for (size_t i = 0; i < NS_DIGITS; i++)
		ns = ns * 10 + (at + i < s.n ? s.p[at + i] - '0' : 0);
	return is_negative ? -ns : ns;
}

static struct or_slice take_word(struct line *l)
{
	struct or_slice s = l->rest;
	size_t n = 0;

	while (n < s.n && !is_blank(s.p[n]))
		n++;
	skip(l, n);
	return or_slice(s.p, n);
}

static int shown(struct or_slice s)
{
	return (int)(s.n < SHOWN_MAX ? s.n : SHOWN_MAX);
}

static enum or_code take_value(double *out, struct line *l)
{
	struct or_slice word = take_word(l);

	if (!word.n)
		return ag_exposition_line_fail(l, "expected a value");
	if (ag_exposition_line_number(out, word))
		return ag_exposition_line_fail(
		    l, "'%.*s' is no number", shown(word), (const char *)word.p);
	return OR_OK;
}

/* OpenMetrics: seconds, with a fraction; 0.0.4: whole milliseconds. */
static enum or_code take_time(struct ag_exposition_point *out, struct line *l)
{
	struct or_slice word = take_word(l);
	int64_t ms;
	double value;

	if (l->is_strict) {
		if (word.n > NUMBER_MAX || !is_decimal(word) ||
		    ag_exposition_line_number(&value, word))
			return ag_exposition_line_fail(l,
			    "'%.*s' is no time: expected seconds since 1970", shown(word),
			    (const char *)word.p);
		out->time_ns = seconds_to_ns(word, value);
	} else {
		if (or_str_i64(&ms, word))
			return ag_exposition_line_fail(l,
			    "'%.*s' is no time: expected milliseconds since 1970", shown(word),
			    (const char *)word.p);
		if (__builtin_mul_overflow(ms, 1000000, &out->time_ns))
			out->time_ns = ms < 0 ? INT64_MIN : INT64_MAX;
	}
	out->has_time = true;
	return OR_OK;
}

/* ---- labels */

static enum or_code take_label_value(struct or_slice *out, struct line *l)
{
	size_t n = 0;

	if (!take(l, '"'))
		return ag_exposition_line_fail(l, "a label's value stands in quotes");
	while (n < l->rest.n && l->rest.p[n] != '"')
		n += l->rest.p[n] == '\\' ? 2 : 1;
	if (n >= l->rest.n)
		return ag_exposition_line_fail(l, "a label's value has no closing quote");
	*out = or_slice(l->rest.p, n);
	skip(l, n + 1);
	return unescape(out, l, *out, true);
}

static enum or_code take_label(struct ag_exposition_label *label, struct line *l)
{
	label->name = take_name(l, false);
	if (!label->name.n)
		return ag_exposition_line_fail(l, "expected a label's name");
	skip_blanks(l);
	if (!take(l, '='))
		return ag_exposition_line_fail(l, "expected '=' behind the label %.*s",
		    shown(label->name), (const char *)label->name.p);
	skip_blanks(l);
	return take_label_value(&label->value, l);
}

static enum or_code check_new(
    const struct line *l, const struct ag_exposition_label *labels, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (or_slice_eq(labels[i].name, labels[n].name))
			return ag_exposition_line_fail(l, "the label %.*s is there twice",
			    shown(labels[n].name), (const char *)labels[n].name.p);
	return OR_OK;
}

/* Behind the '{', up to and with the '}'. */
static enum or_code take_labels(struct ag_exposition_labels *out, struct line *l)
{
	struct ag_exposition_label labels[AG_EXPOSITION_LABELS_MAX], *kept;
	enum or_code rc;
	size_t n = 0;

	skip_blanks(l);
	while (!is_next(l, '}') || (n && l->is_strict)) {
		if (n == AG_EXPOSITION_LABELS_MAX)
			return ag_exposition_line_fail(
			    l, "more than %d labels", AG_EXPOSITION_LABELS_MAX);
		rc = take_label(&labels[n], l);
		rc = rc ? rc : check_new(l, labels, n);
		if (rc)
			return rc;
		n++;
		skip_blanks(l);
		if (!take(l, ','))
			break;
		skip_blanks(l);
	}
	if (!take(l, '}'))
		return ag_exposition_line_fail(l, "expected ',' or '}' behind a label");
	kept = or_arena_array(l->arena, n ? n : 1, sizeof(*kept));
	if (!kept)
		return full(l);
	memcpy(kept, labels, n * sizeof(*kept));
	*out = (struct ag_exposition_labels){kept, n};
	return OR_OK;
}

/* ---- samples */

static size_t characters(struct or_slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += (s.p[i] & 0xC0) != 0x80;
	return n;
}

/* " # {labels} value [time]", from the '#'. */
static enum or_code take_exemplar(struct ag_exposition_sample *sample, struct line *l)
{
	struct ag_exposition_exemplar *e = or_arena_alloc(l->arena, sizeof(*e));
	size_t n = 0;
	enum or_code rc;

	if (!e)
		return full(l);
	if (!take(l, '#') || !take(l, ' ') || !take(l, '{'))
		return ag_exposition_line_fail(l, "expected a time or an exemplar, ' # {…} value'");
	rc = take_labels(&e->labels, l);
	if (rc)
		return rc;
	for (size_t i = 0; i < e->labels.n; i++)
		n += characters(e->labels.items[i].name) + characters(e->labels.items[i].value);
	if (n > EXEMPLAR_CHARACTERS_MAX)
		return ag_exposition_line_fail(l,
		    "an exemplar's labels have %zu characters, of at most %d", n,
		    EXEMPLAR_CHARACTERS_MAX);
	if (!ag_exposition_line_gap(l))
		return ag_exposition_line_fail(l, "expected a blank and the exemplar's value");
	rc = take_value(&e->point.value, l);
	if (rc == OR_OK && ag_exposition_line_gap(l))
		rc = take_time(&e->point, l);
	sample->exemplar = e;
	return rc;
}

/* What may follow the value. */
static enum or_code take_tail(struct ag_exposition_sample *sample, struct line *l)
{
	enum or_code rc = OR_OK;

	if (!ag_exposition_line_gap(l) || (!l->is_strict && !l->rest.n))
		return OR_OK;
	if (!is_next(l, '#')) {
		rc = take_time(&sample->point, l);
		if (rc || !ag_exposition_line_gap(l) || (!l->is_strict && !l->rest.n))
			return rc;
	}
	if (!l->is_strict)
		return ag_exposition_line_fail(l, "expected the end of the line");
	return take_exemplar(sample, l);
}

enum or_code ag_exposition_line_sample(struct sample_line *out, struct line *l)
{
	struct ag_exposition_sample *s = or_arena_alloc(l->arena, sizeof(*s));
	bool has_gap;
	enum or_code rc = OR_OK;

	if (!s)
		return full(l);
	out->name = ag_exposition_line_name(l);
	if (!out->name.n)
		return ag_exposition_line_fail(l, "expected a metric's name");
	has_gap = !l->is_strict && ag_exposition_line_gap(l);
	if (take(l, '{')) {
		rc = take_labels(&s->labels, l);
		has_gap = !l->is_strict;
		skip_blanks(l);
	}
	if (rc == OR_OK && !has_gap && !ag_exposition_line_gap(l))
		rc = ag_exposition_line_fail(l, "expected a blank and a value");
	rc = rc ? rc : take_value(&s->point.value, l);
	rc = rc ? rc : take_tail(s, l);
	if (rc == OR_OK && l->rest.n)
		rc = ag_exposition_line_fail(l, "expected the end of the line");
	s->line = l->number;
	out->sample = s;
	return rc;
}
