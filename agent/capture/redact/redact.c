/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/redact/redact.h"

#include "agent/capture/redact/redact_impl.h"
#include "base/mem.h"
#include "base/str.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>

enum { REGEX_MAX = 4096, NAME_MAX_LEN = 32 };

struct pattern {
	regex_t regex;
	char name[NAME_MAX_LEN + 1];
	struct or_metric_counter *count;
};

struct ag_redact {
	struct redact_begin begin;
	unsigned int kinds;
	struct or_metric_counter *counts[REDACT_KINDS];
	struct pattern patterns[AG_REDACT_PATTERNS_MAX];
	size_t n;
	struct or_buf text; /* NUL-terminated, for regexec; reused */
};

static const char *const names[REDACT_KINDS + 1] = {[REDACT_CARD] = "card",
    [REDACT_MAIL] = "mail",
    [REDACT_TOKEN] = "token",
    [REDACT_IBAN] = "iban"};

/* ---- beginning and end */

static struct or_metric_counter *counter(struct or_metric_registry *registry, const char *kind)
{
	const struct or_metric_label labels[] = {{"kind", kind}, {NULL, NULL}};

	return registry ? or_metric_counter_get(registry, "outrider_redacted_total",
			      "Secrets and personal data taken out of telemetry.", labels)
			: NULL;
}

static void count(struct or_metric_counter *c)
{
	if (c)
		or_metric_add(c, 1);
}

static enum or_code read_kinds(
    struct ag_redact *r, const struct ag_redact_opt *opt, struct or_err *err)
{
	for (size_t i = 0; i < opt->kinds.n; i++) {
		struct or_slice word = or_slice_str(opt->kinds.items[i]);
		const char *nearest = or_str_nearest(word, names);
		int kind = -1;

		for (int k = 0; k < REDACT_KINDS; k++)
			if (or_slice_is(word, names[k]))
				kind = k;
		if (kind < 0)
			return or_err_set(err, OR_INVAL,
			    "there is no kind \"%s\"%s%s%s; there are card, mail, token and iban",
			    opt->kinds.items[i], nearest ? "; did you mean \"" : "",
			    nearest ? nearest : "", nearest ? "\"?" : "");
		r->kinds |= 1U << kind;
		r->counts[kind] = counter(opt->registry, names[kind]);
	}
	return OR_OK;
}

static enum or_code read_pattern(struct ag_redact *r, const struct or_json *item,
    struct or_metric_registry *registry, struct or_err *err)
{
	struct or_slice name = or_json_get_str(item, "name"),
			regex = or_json_get_str(item, "regex");
	struct pattern *p = &r->patterns[r->n];
	char text[REGEX_MAX + 1], why[128];
	int rc;

	if (!name.n || name.n > NAME_MAX_LEN || !regex.n || regex.n > REGEX_MAX)
		return or_err_set(err, OR_INVAL,
		    "expected {name, regex}, with a name of at most %d "
		    "characters",
		    NAME_MAX_LEN);
	memcpy(p->name, name.p, name.n);
	memcpy(text, regex.p, regex.n);
	text[regex.n] = 0;
	rc = regcomp(&p->regex, text, REG_EXTENDED);
	if (rc) {
		regerror(rc, &p->regex, why, sizeof(why));
		return or_err_set(err, OR_INVAL, "%s: '%s': %s", p->name, text, why);
	}
	r->n++;
	p->count = counter(registry, p->name);
	if (regexec(&p->regex, "", 0, NULL, 0) == 0)
		return or_err_set(
		    err, OR_INVAL, "%s: '%s' matches where nothing stands", p->name, text);
	return OR_OK;
}

enum or_code ag_redact_new(
    struct ag_redact **out, const struct ag_redact_opt *opt, struct or_err *err)
{
	const struct or_json *list = opt->patterns;
	struct ag_redact *r;
	enum or_code rc;

	if (list && (list->type != OR_JSON_ARRAY || list->array.n > AG_REDACT_PATTERNS_MAX))
		return or_err_set(err, OR_INVAL, "expected a list of at most %d patterns",
		    AG_REDACT_PATTERNS_MAX);
	r = or_mem_new(sizeof(*r));
	or_buf_init(&r->text, 1UL << 30);
	rc = read_kinds(r, opt, err);
	for (size_t i = 0; list && i < list->array.n && rc == OR_OK; i++)
		rc = read_pattern(r, list->array.items[i], opt->registry, err);
	if (rc) {
		ag_redact_free(r);
		return rc;
	}
	ag_redact_find_begin(&r->begin, r->kinds);
	*out = r;
	return OR_OK;
}

void ag_redact_swap(struct ag_redact *a, struct ag_redact *b)
{
	struct ag_redact *was = or_mem_new(sizeof(*was));

	*was = *a;
	*a = *b;
	*b = *was;
	or_mem_free(was);
}

void ag_redact_free(struct ag_redact *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		regfree(&r->patterns[i].regex);
	or_buf_done(&r->text);
	or_mem_free(r);
}

/* ---- the pass */

static void put_mark(struct or_buf *out, const char *kind)
{
	or_buf_put_str(out, "[redacted:");
	or_buf_put_str(out, kind);
	or_buf_put_byte(out, ']');
}

/* The next place where two bytes may begin something; text.n - 1 or more: there is none. */
static size_t next_begin(const struct ag_redact *r, struct or_slice text, size_t at)
{
	while (at + 1 < text.n &&
	       !redact_has(r->begin.pairs, (uint32_t)text.p[at] << 8 | text.p[at + 1]))
		at++;
	return at;
}

/* Appends the text without what is recognised; false (and nothing appended) where nothing is. */
static bool find_all(struct ag_redact *r, struct or_buf *out, struct or_slice text)
{
	size_t from = 0, at = 0;

	while ((at = next_begin(r, text, at)) + 1 < text.n) {
		struct redact_span span;
		size_t next;

		if (!ag_redact_find_at(&span, &next, text, from, at, r->kinds, r->begin.fours)) {
			at = next;
			continue;
		}
		if (!from)
			or_buf_clear(out);
		or_buf_put(out, text.p + from, span.begin - from);
		put_mark(out, names[span.kind]);
		count(r->counts[span.kind]);
		from = at = span.end;
	}
	if (from)
		or_buf_put(out, text.p + from, text.n - from);
	return from > 0;
}

/* A byte of UTF-8 that continues a character. */
static bool is_inside(char c)
{
	return ((uint8_t)c & 0xC0) == 0x80;
}

/* As find_all, for one pattern. A NUL ends a text for regexec, so what is behind one is looked at
 * as a text of its own. */
static bool find_pattern(struct ag_redact *r, struct or_buf *out, const struct pattern *p)
{
	const char *text = or_buf_text(&r->text);
	size_t from = 0, at = 0, begin;
	bool has_any = false;

	while (at < r->text.n) {
		regmatch_t m;

		if (regexec(&p->regex, text + at, 1, &m, at ? REG_NOTBOL : 0)) {
			at += strlen(text + at) + 1;
			continue;
		}
		if (m.rm_eo == m.rm_so) {
			at++;
			continue;
		}
		if (!has_any)
			or_buf_clear(out);
		has_any = true;
		begin = at + (size_t)m.rm_so;
		at += (size_t)m.rm_eo;
		/* Whole characters: regexec knows bytes. */
		while (begin > from && is_inside(text[begin]))
			begin--;
		while (is_inside(text[at]))
			at++;
		or_buf_put(out, text + from, begin - from);
		put_mark(out, p->name);
		count(p->count);
		from = at;
	}
	if (has_any)
		or_buf_put(out, text + from, r->text.n - from);
	return has_any;
}

bool ag_redact_text(
    struct ag_redact *r, struct or_buf *out, struct or_slice key, struct or_slice text)
{
	bool has_any = false;

	if ((r->kinds & 1U << REDACT_TOKEN) && text.n && key.n && ag_redact_find_key(key)) {
		or_buf_clear(out);
		put_mark(out, names[REDACT_TOKEN]);
		count(r->counts[REDACT_TOKEN]);
		return true;
	}
	has_any = find_all(r, out, text);
	for (size_t i = 0; i < r->n; i++) {
		or_buf_clear(&r->text);
		or_buf_put_slice(&r->text, has_any ? or_buf_slice(out) : text);
		has_any = find_pattern(r, out, &r->patterns[i]) || has_any;
	}
	return has_any;
}
