/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/files/event.h"

#include "base/mem.h"
#include "base/str.h"

#include <regex.h>

enum { REGEX_MAX = 4096, LINES_DEFAULT = 500, LINES_MAX = 10000 };

#define BYTES_DEFAULT (64U * 1024)
#define FLUSH_DEFAULT OR_NS_PER_S
#define FLUSH_MAX     (60 * OR_NS_PER_S)

struct ag_event_regex {
	regex_t regex;
};

/* ---- lines of stack traces */

static bool has(struct or_slice s, const char *text)
{
	return memmem(s.p, s.n, text, strlen(text)) != NULL;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static struct or_slice without_blanks(struct or_slice s)
{
	while (s.n && is_blank(s.p[0]))
		s = or_slice_from(s, 1);
	return s;
}

/* "... 12 more", "... 3 common frames omitted" */
static bool is_java_rest(struct or_slice s)
{
	size_t i = 4, digits;

	if (!or_str_has_prefix(s, "... "))
		return false;
	for (digits = i; digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9'; digits++)
		;
	s = or_slice_from(s, digits);
	return digits > i &&
	       (or_str_has_prefix(s, " more") || or_str_has_prefix(s, " common frames omitted"));
}

static bool java_goes_on(struct or_slice line)
{
	struct or_slice s = without_blanks(line);
	bool is_indented = s.n < line.n;

	if (is_indented && (or_str_has_prefix(s, "at ") || or_str_has_prefix(s, "eval at ")))
		return true;
	return or_str_has_prefix(s, "Caused by:") || or_str_has_prefix(s, "Suppressed:") ||
	       or_str_has_prefix(s, "nested exception is:") ||
	       or_str_has_prefix(s, "Wrapped by:") || is_java_rest(s) ||
	       or_str_has_prefix(s, "--- End of ");
}

/* The states of a traceback. GAP: a blank line behind one; LINK: what says that another follows. */
enum python { PY_NONE, PY_TRACE, PY_ENDED, PY_GAP, PY_LINK };

static bool is_python_start(struct or_slice line)
{
	struct or_slice s = without_blanks(line);

	while (s.n && (s.p[0] == '|' || s.p[0] == '+' || is_blank(s.p[0])))
		s = or_slice_from(s, 1); /* the drawing of exception groups */
	return or_str_has_prefix(s, "Traceback (most recent call last)") ||
	       or_str_has_prefix(s, "Exception Group Traceback (most recent call last)");
}

static bool is_python_link(struct or_slice line)
{
	return or_str_has_prefix(line, "During handling of the above exception") ||
	       or_str_has_prefix(line, "The above exception was the direct cause");
}

static bool python_goes_on(uint8_t *state, struct or_slice line)
{
	uint8_t was = *state;

	if (is_python_start(line)) {
		*state = PY_TRACE;
		return was == PY_LINK || was == PY_TRACE;
	}
	if (was == PY_TRACE) { /* frames are indented; the line that is not tells the exception */
		*state = line.n && !is_blank(line.p[0]) ? PY_ENDED : PY_TRACE;
		return true;
	}
	if ((was == PY_ENDED || was == PY_LINK) && !line.n) {
		*state = was == PY_ENDED ? PY_GAP : PY_LINK;
		return true;
	}
	if (was == PY_GAP && is_python_link(line)) {
		*state = PY_LINK;
		return true;
	}
	*state = PY_NONE;
	return false;
}

/* "main.(*T).f(0x1, {0x2, 0x3})", "created by main.main in goroutine 1" */
static bool is_go_frame(struct or_slice s)
{
	size_t open = or_str_find(s, '(', 0);

	if (or_str_has_prefix(s, "created by "))
		return true;
	return s.n > 1 && open && open < s.n && s.p[s.n - 1] == ')' &&
	       or_str_find(s, ' ', 0) > open && or_str_find(s, '.', 0) < open;
}

static bool go_goes_on(uint8_t *state, struct or_slice line)
{
	bool is_in = *state != 0;

	if (is_in &&
	    (!line.n || is_blank(line.p[0]) || or_str_has_prefix(line, "goroutine ") ||
		or_str_has_prefix(line, "[signal ") || or_str_has_prefix(line, "runtime stack:") ||
		or_str_has_prefix(line, "...additional frames elided...") || is_go_frame(line)))
		return true;
	*state = or_str_has_prefix(line, "panic: ") || or_str_has_prefix(line, "fatal error: ") ||
		 has(line, ": panic serving ") || or_str_has_prefix(line, "goroutine ");
	return false;
}

bool ag_event_goes_on(const struct ag_event_rule *r, uint8_t *state, struct or_slice line)
{
	regmatch_t m = {0, (regoff_t)line.n};

	/* What Windows writes ends in a carriage return, which says nothing here. */
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	switch (r->kind) {
	case AG_EVENT_START:
		return !line.n ||
		       regexec(&r->start->regex, (const char *)line.p, 1, &m, REG_STARTEND) != 0;
	case AG_EVENT_INDENT: return line.n && is_blank(line.p[0]);
	case AG_EVENT_JAVA: return java_goes_on(line);
	case AG_EVENT_PYTHON: return python_goes_on(state, line);
	case AG_EVENT_GO: return go_goes_on(state, line);
	case AG_EVENT_NONE:
	default: return false;
	}
}

/* ---- configuration */

static enum or_code read_start(struct ag_event_rule *r, const struct or_json *v, struct or_err *err)
{
	char text[REGEX_MAX + 1], why[128];
	int rc;

	if (v->type != OR_JSON_STR || !v->s.n || v->s.n > REGEX_MAX)
		return or_err_set(err, OR_INVAL, "start: expected a regular expression");
	memcpy(text, v->s.p, v->s.n);
	text[v->s.n] = 0;
	r->start = or_mem_new(sizeof(*r->start));
	rc = regcomp(&r->start->regex, text, REG_EXTENDED | REG_NOSUB);
	if (rc) {
		regerror(rc, &r->start->regex, why, sizeof(why));
		or_mem_free(r->start);
		r->start = NULL;
		return or_err_set(err, OR_INVAL, "start: '%s': %s", text, why);
	}
	r->kind = AG_EVENT_START;
	return OR_OK;
}

static enum or_code read_preset(
    struct ag_event_rule *r, const struct or_json *v, struct or_err *err)
{
	static const struct {
		const char *name;
		enum ag_event_kind kind;
	} presets[] = {{"java", AG_EVENT_JAVA}, {"python", AG_EVENT_PYTHON}, {"go", AG_EVENT_GO}};

	for (size_t i = 0; v->type == OR_JSON_STR && i < OR_LEN(presets); i++) {
		if (or_slice_is(v->s, presets[i].name)) {
			r->kind = presets[i].kind;
			return OR_OK;
		}
	}
	return or_err_set(err, OR_INVAL, "preset: expected java, python or go");
}

static enum or_code read_limit(uint32_t *out, const struct or_json *j, const char *key,
    uint32_t def, uint32_t max, struct or_err *err)
{
	const struct or_json *v = or_json_get(j, key);
	uint64_t n = def;

	if (v && v->type == OR_JSON_INT)
		n = v->i < 0 ? 0 : (uint64_t)v->i;
	else if (v && (v->type != OR_JSON_STR || or_str_bytes(&n, v->s)))
		n = 0;
	if (n == 0 || n > max)
		return or_err_set(err, OR_INVAL, "%s: expected a number from 1 to %u", key, max);
	*out = (uint32_t)n;
	return OR_OK;
}

static enum or_code read_limits(
    struct ag_event_rule *r, const struct or_json *j, struct or_err *err)
{
	const struct or_json *flush = or_json_get(j, "flush");
	enum or_code rc = read_limit(&r->max_lines, j, "max_lines", LINES_DEFAULT, LINES_MAX, err);

	if (rc == OR_OK)
		rc = read_limit(
		    &r->max_bytes, j, "max_bytes", BYTES_DEFAULT, AG_EVENT_BYTES_MAX, err);
	r->flush_ns = FLUSH_DEFAULT;
	if (rc == OR_OK && flush &&
	    (flush->type != OR_JSON_STR || or_str_duration_ns(&r->flush_ns, flush->s) ||
		r->flush_ns == 0 || r->flush_ns > FLUSH_MAX))
		return or_err_set(err, OR_INVAL, "flush: expected a time like 1s, at most 60s");
	return rc;
}

static enum or_code read_member(
    struct ag_event_rule *r, const struct or_json_member *m, size_t *ways, struct or_err *err)
{
	static const char *const limits[] = {"max_lines", "max_bytes", "flush"};

	*ways += 1;
	if (or_slice_is(m->key, "start"))
		return read_start(r, m->value, err);
	if (or_slice_is(m->key, "preset"))
		return read_preset(r, m->value, err);
	if (or_slice_is(m->key, "indent")) {
		if (m->value->type != OR_JSON_BOOL || !m->value->b)
			return or_err_set(err, OR_INVAL, "indent: expected true");
		r->kind = AG_EVENT_INDENT;
		return OR_OK;
	}
	*ways -= 1;
	for (size_t i = 0; i < OR_LEN(limits); i++) {
		if (or_slice_is(m->key, limits[i]))
			return OR_OK;
	}
	return or_err_set(err, OR_INVAL,
	    "unknown key \"%.*s\": there are start, indent, preset, max_lines, max_bytes and flush",
	    OR_SLICE_FMT(m->key));
}

enum or_code ag_event_rule_init(
    struct ag_event_rule *out, const struct or_json *j, struct or_err *err)
{
	struct ag_event_rule r = {0};
	size_t ways = 0;
	enum or_code rc = OR_OK;

	if (j && j->type != OR_JSON_OBJECT)
		return or_err_set(err, OR_INVAL, "expected a map with start, indent or preset");
	for (size_t i = 0; j && i < j->object.n && rc == OR_OK; i++)
		rc = read_member(&r, &j->object.members[i], &ways, err);
	if (rc == OR_OK && j && ways != 1)
		rc = or_err_set(err, OR_INVAL, "expected one of start, indent and preset");
	if (rc == OR_OK && j)
		rc = read_limits(&r, j, err);
	if (rc)
		ag_event_rule_done(&r);
	else
		*out = r;
	return rc;
}

void ag_event_rule_done(struct ag_event_rule *r)
{
	if (r->start) {
		regfree(&r->start->regex);
		or_mem_free(r->start);
	}
	*r = (struct ag_event_rule){0};
}
