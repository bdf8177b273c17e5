/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/scrape/relabel.h"

#include "base/mem.h"
#include "base/str.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>

enum {
	RULES_MAX = 64,
	SOURCES_MAX = 16,
	VALUE_MAX = 4096,
	GROUPS = 11, /* the whole, the anchor's group, $1 to $9 */
};

enum action { KEEP, DROP, REPLACE, LABELDROP, LABELKEEP, LOWERCASE, UPPERCASE, ACTIONS };

static const char *const actions[] = {
    "keep", "drop", "replace", "labeldrop", "labelkeep", "lowercase", "uppercase", NULL};

struct rule {
	enum action action;
	regex_t regex;
	bool has_regex;
	char *sources[SOURCES_MAX];
	size_t n_sources;
	char *separator, *target, *replacement;
};

struct ag_relabel {
	struct rule rules[RULES_MAX];
	size_t n;
};

/* ---- reading rules */

static enum or_code read_text(
    char **out, const struct or_json *rule, const char *key, const char *def, struct or_err *err)
{
	const struct or_json *v = or_json_get(rule, key);

	if (v &&
	    (v->type != OR_JSON_STR || memchr(v->s.n ? v->s.p : (const uint8_t *)"", 0, v->s.n)))
		return or_err_set(err, OR_INVAL, "%s: expected text", key);
	*out = v ? or_mem_dup(v->s) : def ? or_mem_strdup(def) : NULL;
	return OR_OK;
}

static enum or_code read_sources(struct rule *r, const struct or_json *rule, struct or_err *err)
{
	const struct or_json *v = or_json_get(rule, "source_labels");

	if (!v)
		return OR_OK;
	if (v->type != OR_JSON_ARRAY || v->array.n > SOURCES_MAX)
		return or_err_set(err, OR_INVAL,
		    "source_labels: expected a list of at most %d names", SOURCES_MAX);
	for (size_t i = 0; i < v->array.n; i++) {
		if (v->array.items[i]->type != OR_JSON_STR)
			return or_err_set(err, OR_INVAL, "source_labels: expected names");
		r->sources[r->n_sources++] = or_mem_dup(v->array.items[i]->s);
	}
	return OR_OK;
}

static enum or_code read_regex(struct rule *r, const char *text, struct or_err *err)
{
	char anchored[VALUE_MAX], why[128];
	int rc;

	if (strlen(text) > sizeof(anchored) - 8)
		return or_err_set(err, OR_INVAL, "regex: too long");
	snprintf(anchored, sizeof(anchored), "^(%s)$", text);
	rc = regcomp(&r->regex, anchored, REG_EXTENDED);
	if (rc) {
		regerror(rc, &r->regex, why, sizeof(why));
		return or_err_set(err, OR_INVAL, "regex '%s': %s", text, why);
	}
	r->has_regex = true;
	return OR_OK;
}

static enum or_code read_action(struct rule *r, const char *text, struct or_err *err)
{
	for (int i = 0; i < ACTIONS; i++) {
		if (strcmp(text, actions[i]) == 0) {
			r->action = (enum action)i;
			return OR_OK;
		}
	}
	return or_err_set(err, OR_INVAL,
	    "action: there is no '%s'; there are keep, drop, replace, labeldrop, labelkeep, "
	    "lowercase and uppercase",
	    text);
}

static enum or_code check_keys(const struct or_json *rule, struct or_err *err)
{
	static const char *const keys[] = {
	    "source_labels", "separator", "regex", "target_label", "replacement", "action", NULL};

	if (rule->type != OR_JSON_OBJECT)
		return or_err_set(err, OR_INVAL, "expected a map");
	for (size_t i = 0; i < rule->object.n; i++) {
		struct or_slice key = rule->object.members[i].key;
		bool is_known = false;

		for (size_t k = 0; keys[k]; k++)
			is_known = is_known || or_slice_is(key, keys[k]);
		if (!is_known)
			return or_err_set(err, OR_INVAL, "there is no key '%.*s'", (int)key.n,
			    (const char *)key.p);
	}
	return OR_OK;
}

static enum or_code check_target(const struct rule *r, struct or_err *err)
{
	bool needs_target =
	    r->action == REPLACE || r->action == LOWERCASE || r->action == UPPERCASE;

	if (needs_target && (!r->target || !r->target[0]))
		return or_err_set(
		    err, OR_INVAL, "target_label: the action %s needs one", actions[r->action]);
	if (r->target && strcmp(r->target, "__name__") == 0)
		return or_err_set(err, OR_INVAL, "target_label: a metric's name is not changed");
	return OR_OK;
}

static enum or_code read_texts(struct rule *r, const struct or_json *rule, struct or_err *err)
{
	char *action = NULL, *regex = NULL;
	enum or_code rc = read_text(&r->separator, rule, "separator", ";", err);

	rc = rc ? rc : read_text(&r->target, rule, "target_label", NULL, err);
	rc = rc ? rc : read_text(&r->replacement, rule, "replacement", "$1", err);
	rc = rc ? rc : read_text(&action, rule, "action", "replace", err);
	rc = rc ? rc : read_text(&regex, rule, "regex", "(.*)", err);
	rc = rc ? rc : read_action(r, action, err);
	rc = rc ? rc : read_regex(r, regex, err);
	or_mem_free(action);
	or_mem_free(regex);
	return rc;
}

static enum or_code read_rule(struct rule *r, const struct or_json *rule, struct or_err *err)
{
	enum or_code rc = check_keys(rule, err);

	rc = rc ? rc : read_sources(r, rule, err);
	rc = rc ? rc : read_texts(r, rule, err);
	return rc ? rc : check_target(r, err);
}

enum or_code ag_relabel_new(
    struct ag_relabel **out, const struct or_json *rules, struct or_err *err)
{
	struct ag_relabel *r;
	enum or_code rc = OR_OK;

	if (rules && (rules->type != OR_JSON_ARRAY || rules->array.n > RULES_MAX))
		return or_err_set(
		    err, OR_INVAL, "relabel: expected a list of at most %d rules", RULES_MAX);
	r = or_mem_new(sizeof(*r));
	for (size_t i = 0; rules && i < rules->array.n && rc == OR_OK; i++) {
		rc = read_rule(&r->rules[r->n++], rules->array.items[i], err);
		if (rc)
			or_err_wrap(err, rc, "relabel rule %zu", i + 1);
	}
	if (rc) {
		ag_relabel_free(r);
		return rc;
	}
	*out = r;
	return OR_OK;
}

void ag_relabel_free(struct ag_relabel *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++) {
		struct rule *rule = &r->rules[i];

		if (rule->has_regex)
			regfree(&rule->regex);
		for (size_t k = 0; k < rule->n_sources; k++)
			or_mem_free(rule->sources[k]);
		or_mem_free(rule->separator);
		or_mem_free(rule->target);
		or_mem_free(rule->replacement);
	}
	or_mem_free(r);
}

/* ---- applying them */

static struct wire_otlp_metric_attribute *find(struct ag_relabel_labels *labels, const char *name)
{
	for (size_t i = 0; i < labels->n; i++)
		if (or_slice_is(labels->items[i].key, name))
			return &labels->items[i];
	return NULL;
}

/* The values of the source labels, with the separator between them. */
static void gather(struct or_buf *out, const struct rule *rule, struct or_slice name,
    struct ag_relabel_labels *labels)
{
	or_buf_clear(out);
	for (size_t i = 0; i < rule->n_sources; i++) {
		const struct wire_otlp_metric_attribute *l = find(labels, rule->sources[i]);

		if (i)
			or_buf_put_str(out, rule->separator);
		if (strcmp(rule->sources[i], "__name__") == 0)
			or_buf_put_slice(out, name);
		else if (l)
			or_buf_put_slice(out, l->value);
	}
}

static bool matches(const struct rule *rule, const char *text, regmatch_t groups[GROUPS])
{
	return regexec(&rule->regex, text, GROUPS, groups, 0) == 0;
}

/* $1, ${1} and $$; a group that matched nothing is empty. */
static void expand(
    struct or_buf *out, const char *form, const char *text, const regmatch_t groups[GROUPS])
{
	for (const char *p = form; *p; p++) {
		bool has_brace = p[0] == '$' && p[1] == '{';
		char digit = has_brace ? p[2] : p[1];

		if (p[0] != '$' || (p[1] != '$' && (digit < '0' || digit > '9')) ||
		    (has_brace && p[3] != '}')) {
			or_buf_put_byte(out, (uint8_t)*p);
			continue;
		}
		if (p[1] == '$') {
			or_buf_put_byte(out, '$');
			p++;
			continue;
		}
		/* The anchors are a group of their own in front. */
		if (groups[digit - '0' + (digit != '0')].rm_so >= 0) {
			regmatch_t g = groups[digit - '0' + (digit != '0')];

			or_buf_put(out, text + g.rm_so, (size_t)(g.rm_eo - g.rm_so));
		}
		p += has_brace ? 3 : 1;
	}
}

static void change_case(struct or_buf *b, enum action action)
{
	for (size_t i = 0; i < b->n; i++) {
		uint8_t c = b->p[i];

		if (action == LOWERCASE && c >= 'A' && c <= 'Z')
			b->p[i] = (uint8_t)(c + 32);
		if (action == UPPERCASE && c >= 'a' && c <= 'z')
			b->p[i] = (uint8_t)(c - 32);
	}
}

static void remove_at(struct ag_relabel_labels *labels, size_t i)
{
	memmove(&labels->items[i], &labels->items[i + 1],
	    (labels->n - i - 1) * sizeof(labels->items[0]));
	labels->n--;
}

/* An empty value takes the label away. */
static void set(
    struct ag_relabel_labels *labels, const char *name, struct or_slice value, struct or_arena *a)
{
	struct wire_otlp_metric_attribute *l = find(labels, name);
	struct or_slice kept;

	if (!value.n) {
		if (l)
			remove_at(labels, (size_t)(l - labels->items));
		return;
	}
	kept = or_arena_dup(a, value);
	if (!kept.p || (!l && labels->n == labels->max))
		return;
	if (!l) {
		l = &labels->items[labels->n];
		l->key = or_arena_dup(a, or_slice_str(name));
		if (!l->key.p)
			return;
		labels->n++;
	}
	l->value = kept;
}

static void choose(const struct rule *rule, struct ag_relabel_labels *labels, struct or_buf *text)
{
	regmatch_t groups[GROUPS];

	for (size_t i = 0; i < labels->n;) {
		or_buf_clear(text);
		or_buf_put_slice(text, labels->items[i].key);
		if (matches(rule, or_buf_text(text), groups) == (rule->action == LABELDROP))
			remove_at(labels, i);
		else
			i++;
	}
}

static bool apply(const struct rule *rule, struct or_slice name, struct ag_relabel_labels *labels,
    struct or_arena *a, struct or_buf text[2])
{
	regmatch_t groups[GROUPS];
	bool does_match;

	if (rule->action == LABELDROP || rule->action == LABELKEEP) {
		choose(rule, labels, &text[0]);
		return true;
	}
	gather(&text[0], rule, name, labels);
	does_match = matches(rule, or_buf_text(&text[0]), groups);
	if (rule->action == KEEP || rule->action == DROP)
		return does_match == (rule->action == KEEP);
	if (!does_match)
		return true;
	if (rule->action != REPLACE) {
		change_case(&text[0], rule->action);
		set(labels, rule->target, or_buf_slice(&text[0]), a);
		return true;
	}
	or_buf_clear(&text[1]);
	expand(&text[1], rule->replacement, or_buf_text(&text[0]), groups);
	set(labels, rule->target, or_buf_slice(&text[1]), a);
	return true;
}

bool ag_relabel_apply(const struct ag_relabel *r, struct or_slice name,
    struct ag_relabel_labels *labels, struct or_arena *a)
{
	struct or_buf text[2];
	bool is_kept = true;

	or_buf_init(&text[0], VALUE_MAX);
	or_buf_init(&text[1], VALUE_MAX);
	for (size_t i = 0; i < r->n && is_kept; i++)
		is_kept = apply(&r->rules[i], name, labels, a, text);
	or_buf_done(&text[0]);
	or_buf_done(&text[1]);
	return is_kept;
}
