/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/alert/rule.h"

#include "base/crypto.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/yaml.h"
#include "collector/alert/template.h"

#include <stdio.h>

#define ARENA     (32UL * 1024 * 1024)
#define EXPR_MAX  CO_QUERY_TEXT_MAX
#define ALERTNAME OR_SLICE_LIT("alertname")

enum { GROUP_BY_MAX = 16, URL_MAX = 1024 };

static enum or_code no_memory(const struct co_conf *c)
{
	return or_err_set(c->err, OR_FULL, "%s: the rules need too much memory", c->file);
}

/* ---- a rule */

static enum or_code read_expr(
    struct co_rule *r, const struct or_json *j, struct or_arena *a, const struct co_conf *c)
{
	const struct or_json *expr = or_json_get(j, "expr");
	enum or_code rc = co_conf_text(c, &r->expr, j, "expr", EXPR_MAX);
	const struct co_query *q = &r->query;

	if (rc)
		return rc;
	rc = co_query_parse(&r->query, r->expr, 0, a, c->err);
	if (rc)
		return or_err_wrap(c->err, rc, "%s:%u: expr", c->file, expr->line);
	if (q->is_count || q->is_explain || q->n_fields || q->n_dedup || q->n_sorts ||
	    q->limit != CO_QUERY_LIMIT)
		return co_conf_fail(
		    c, expr, "expr is a filter alone; leave out the stages behind |");
	if (q->since_ns != INT64_MIN || q->until_ns != INT64_MAX)
		return co_conf_fail(
		    c, expr, "expr has no since= and until=; the rule's window says how long");
	return OR_OK;
}

static enum or_code read_by(struct co_rule *r, const struct or_json *j, size_t i,
    struct or_arena *a, const struct co_conf *c)
{
	const char *names[WIRE_FIELD_LIST_MAX], *nearest;
	struct co_query_field *f = &r->by[i];
	struct or_buf label;

	if (j->type != OR_JSON_STR)
		return co_conf_fail(c, j, "by lists names of fields, like principal.id");
	f->name = j->s;
	f->field = wire_field_find(j->s);
	if (!f->field) {
		wire_field_list(names);
		nearest = or_str_nearest(j->s, names);
		return co_conf_fail(c, j, "no field is called \"%.*s\"%s%s%s", OR_SLICE_FMT(j->s),
		    nearest ? "; did you mean \"" : "", nearest ? nearest : "",
		    nearest ? "\"?" : "");
	}
	if (wire_field_type(f->field) == WIRE_FIELD_LIST ||
	    wire_field_type(f->field) == WIRE_FIELD_TIME)
		return co_conf_fail(c, j,
		    "\"%.*s\" is a list or a time: records cannot be counted by it",
		    OR_SLICE_FMT(j->s));
	or_buf_init(&label, CO_LABEL_NAME_MAX);
	co_label_put_field(&label, j->s);
	r->by_labels[i] = or_arena_dup(a, or_buf_slice(&label));
	or_buf_done(&label);
	for (size_t k = 0; k < i; k++) {
		if (or_slice_eq(r->by_labels[k], r->by_labels[i]))
			return co_conf_fail(c, j, "by has \"%.*s\" twice", OR_SLICE_FMT(j->s));
	}
	return r->by_labels[i].n ? OR_OK : co_conf_fail(c, j, "too long a name");
}

static enum or_code read_bys(
    struct co_rule *r, const struct or_json *j, struct or_arena *a, const struct co_conf *c)
{
	const struct or_json *list = NULL;
	enum or_code rc = co_conf_list(c, &list, j, "by", CO_RULE_BY_MAX);

	for (; list && r->n_by < list->array.n && rc == OR_OK; r->n_by++)
		rc = read_by(r, list->array.items[r->n_by], r->n_by, a, c);
	return rc;
}

static bool is_by_label(const struct co_rule *r, struct or_slice name)
{
	for (size_t i = 0; i < r->n_by; i++) {
		if (or_slice_eq(r->by_labels[i], name))
			return true;
	}
	return false;
}

/* A map of texts under key. */
static enum or_code read_set(struct co_label_set *out, const struct or_json *j, const char *key,
    struct or_arena *a, const struct co_conf *c)
{
	const struct or_json *map = or_json_get(j, key);
	struct co_label *p;

	if (!map)
		return OR_OK;
	if (map->type != OR_JSON_OBJECT || map->object.n > CO_RULE_LABELS_MAX)
		return co_conf_fail(
		    c, map, "%s is a map of names and texts, at most %d", key, CO_RULE_LABELS_MAX);
	p = or_arena_array(a, map->object.n, sizeof(*p));
	if (!p)
		return no_memory(c);
	for (size_t i = 0; i < map->object.n; i++) {
		const struct or_json_member *m = &map->object.members[i];

		if (!co_label_is_name(m->key))
			return co_conf_fail(c, m->value,
			    "a name in %s has letters, digits and _, and no digit first", key);
		if (m->value->type != OR_JSON_STR || m->value->s.n == 0 ||
		    m->value->s.n > CO_RULE_TEXT_MAX)
			return co_conf_fail(c, m->value,
			    "\"%.*s\" in %s is text of 1 to %d bytes; write it in quotes",
			    OR_SLICE_FMT(m->key), key, CO_RULE_TEXT_MAX);
		p[i] = (struct co_label){m->key, m->value->s};
	}
	co_label_sort(p, map->object.n);
	*out = (struct co_label_set){p, map->object.n};
	return OR_OK;
}

static enum or_code check_labels(
    const struct co_rule *r, const struct or_json *j, const struct co_conf *c)
{
	const struct or_json *at = or_json_get(j, "labels");

	for (size_t i = 0; i < r->labels.n; i++) {
		struct or_slice name = r->labels.p[i].name;

		if (or_slice_eq(name, ALERTNAME) || is_by_label(r, name))
			return co_conf_fail(c, at, "the label \"%.*s\" has its value from %s",
			    OR_SLICE_FMT(name),
			    or_slice_eq(name, ALERTNAME) ? "the rule's name" : "by");
	}
	return OR_OK;
}

/* Every name that a template of this rule may have, ended by NULL. */
static enum or_code list_names(const char **out, const struct co_rule *r, struct or_arena *a)
{
	size_t n = 0;

	out[n++] = "alertname";
	out[n++] = "threshold";
	out[n++] = "window";
	for (size_t i = 0; i < r->labels.n; i++)
		out[n++] = or_arena_strdup(a, r->labels.p[i].name);
	for (size_t i = 0; i < r->n_by; i++)
		out[n++] = or_arena_strdup(a, r->by_labels[i]);
	out[n] = NULL;
	return or_arena_is_full(a) ? OR_FULL : OR_OK;
}

static enum or_code check_templates(
    const struct co_rule *r, const struct or_json *j, struct or_arena *a, const struct co_conf *c)
{
	const char *names[3 + CO_RULE_LABELS_MAX + CO_RULE_BY_MAX + 1];
	const struct or_json *map = or_json_get(j, "annotations");
	struct or_err why;

	if (list_names(names, r, a))
		return no_memory(c);
	for (size_t i = 0; i < r->annotations.n; i++) {
		if (co_template_check(r->annotations.p[i].value, names, &why))
			return co_conf_fail(c, or_json_get_slice(map, r->annotations.p[i].name),
			    "%.*s: %s", OR_SLICE_FMT(r->annotations.p[i].name), why.msg);
	}
	return OR_OK;
}

static enum or_code read_numbers(
    struct co_rule *r, const struct or_json *j, const struct co_conf *c)
{
	uint64_t threshold = 1;
	enum or_code rc = co_conf_u64(c, &threshold, j, "threshold", 1, CO_RULE_THRESHOLD_MAX);

	r->window_ns = 60 * OR_NS_PER_S;
	r->window = OR_SLICE_LIT("1m");
	if (rc == OR_OK)
		rc = co_conf_duration(
		    c, &r->window_ns, j, "window", OR_NS_PER_S, CO_RULE_WINDOW_MAX);
	if (rc == OR_OK && or_json_get(j, "window"))
		r->window = or_json_get(j, "window")->s;
	r->resolve_after_ns = r->window_ns;
	if (rc == OR_OK)
		rc = co_conf_duration(c, &r->for_ns, j, "for", 0, CO_RULE_WINDOW_MAX);
	if (rc == OR_OK)
		rc = co_conf_duration(
		    c, &r->resolve_after_ns, j, "resolve_after", OR_NS_PER_S, CO_RULE_WINDOW_MAX);
	r->threshold = (uint32_t)threshold;
	return rc;
}

/* Parts end in NUL, so that no two rules have the same bytes. */
static void put_part(struct or_buf *b, struct or_slice s)
{
	or_buf_put_slice(b, s);
	or_buf_put_byte(b, 0);
}

static void make_digest(struct co_rule *r)
{
	uint8_t hash[OR_CRYPTO_HASH_LEN];
	struct or_buf b;

	or_buf_init(&b, 1024UL * 1024);
	put_part(&b, r->name);
	put_part(&b, r->expr);
	for (size_t i = 0; i < r->n_by; i++)
		put_part(&b, r->by[i].name);
	or_buf_printf(
	    &b, "|%u %lld %lld|", r->threshold, (long long)r->window_ns, (long long)r->for_ns);
	for (size_t i = 0; i < r->labels.n; i++) {
		put_part(&b, r->labels.p[i].name);
		put_part(&b, r->labels.p[i].value);
	}
	OR_ASSERT(or_buf_ok(&b));
	or_crypto_sha256(hash, or_buf_slice(&b));
	or_buf_clear(&b);
	or_str_hex_encode(&b, or_slice(hash, (sizeof(r->digest) - 1) / 2));
	memcpy(r->digest, or_buf_text(&b), sizeof(r->digest));
	or_buf_done(&b);
}

static enum or_code read_rule(
    struct co_rule *r, const struct or_json *j, struct or_arena *a, const struct co_conf *c)
{
	static const char *const keys[] = {"name", "expr", "by", "threshold", "window", "for",
	    "resolve_after", "labels", "annotations", NULL};
	enum or_code rc = co_conf_keys(c, j, keys, "a rule");

	if (rc == OR_OK)
		rc = co_conf_need(c, j, "name", "a rule");
	if (rc == OR_OK)
		rc = co_conf_need(c, j, "expr", "a rule");
	if (rc == OR_OK)
		rc = co_conf_text(c, &r->name, j, "name", CO_RULE_NAME_MAX);
	if (rc == OR_OK)
		rc = read_expr(r, j, a, c);
	if (rc == OR_OK)
		rc = read_bys(r, j, a, c);
	if (rc == OR_OK)
		rc = read_numbers(r, j, c);
	if (rc == OR_OK)
		rc = read_set(&r->labels, j, "labels", a, c);
	if (rc == OR_OK)
		rc = read_set(&r->annotations, j, "annotations", a, c);
	if (rc == OR_OK)
		rc = check_labels(r, j, c);
	if (rc == OR_OK)
		rc = check_templates(r, j, a, c);
	if (rc == OR_OK)
		make_digest(r);
	return rc;
}

static enum or_code read_rules(
    struct co_rule_set *set, const struct or_json *root, const struct co_conf *c)
{
	const struct or_json *list = NULL;
	enum or_code rc = co_conf_list(c, &list, root, "rules", CO_RULE_RULES_MAX);

	if (rc || !list)
		return rc;
	set->rules = or_arena_array(set->arena, list->array.n, sizeof(*set->rules));
	if (!set->rules)
		return no_memory(c);
	for (size_t i = 0; i < list->array.n && rc == OR_OK; i++) {
		const struct or_json *j = list->array.items[i];

		rc = read_rule(&set->rules[i], j, set->arena, c);
		if (rc == OR_OK && co_rule_find(set, set->rules[i].name))
			rc = co_conf_fail(
			    c, j, "there are two rules \"%.*s\"", OR_SLICE_FMT(set->rules[i].name));
		set->n_rules += rc == OR_OK;
	}
	return rc;
}

/* ---- receivers and route */

static enum or_code read_targets(struct co_rule_receiver *r, const struct or_json *j,
    const struct co_sink *sink, struct or_arena *a, const struct co_conf *c)
{
	const struct or_json *list = NULL;
	enum or_code rc = co_conf_list(c, &list, j, sink->key, CO_RULE_TARGETS_MAX);

	for (size_t i = 0; list && i < list->array.n && rc == OR_OK; i++) {
		if (r->n_targets == CO_RULE_TARGETS_MAX)
			return co_conf_fail(
			    c, j, "a receiver has at most %d targets", CO_RULE_TARGETS_MAX);
		rc = sink->parse(&r->targets[r->n_targets++], list->array.items[i], a, c);
	}
	return rc;
}

static enum or_code read_receiver(struct co_rule_receiver *r, const struct or_json *j,
    struct or_arena *a, const struct co_conf *c)
{
	const char *keys[16] = {"name"};
	enum or_code rc;

	for (size_t i = 0; co_sink_list[i]; i++)
		keys[i + 1] = co_sink_list[i]->key;
	rc = co_conf_keys(c, j, keys, "a receiver");
	if (rc == OR_OK)
		rc = co_conf_need(c, j, "name", "a receiver");
	if (rc == OR_OK)
		rc = co_conf_text(c, &r->name, j, "name", CO_RULE_NAME_MAX);
	r->targets = or_arena_array(a, CO_RULE_TARGETS_MAX, sizeof(*r->targets));
	if (rc == OR_OK && !r->targets)
		return no_memory(c);
	for (size_t i = 0; co_sink_list[i] && rc == OR_OK; i++)
		rc = read_targets(r, j, co_sink_list[i], a, c);
	return rc;
}

static const struct co_rule_receiver *find_receiver(
    const struct co_rule_set *set, struct or_slice name)
{
	for (size_t i = 0; i < set->n_receivers; i++) {
		if (or_slice_eq(set->receivers[i].name, name))
			return &set->receivers[i];
	}
	return NULL;
}

static enum or_code read_receivers(
    struct co_rule_set *set, const struct or_json *root, const struct co_conf *c)
{
	const struct or_json *list = NULL;
	enum or_code rc = co_conf_list(c, &list, root, "receivers", CO_RULE_RECEIVERS_MAX);

	if (rc || !list)
		return rc;
	set->receivers = or_arena_array(set->arena, list->array.n, sizeof(*set->receivers));
	if (!set->receivers)
		return no_memory(c);
	for (size_t i = 0; i < list->array.n && rc == OR_OK; i++) {
		const struct or_json *j = list->array.items[i];

		rc = read_receiver(&set->receivers[i], j, set->arena, c);
		if (rc == OR_OK && find_receiver(set, set->receivers[i].name))
			rc = co_conf_fail(c, j, "there are two receivers \"%.*s\"",
			    OR_SLICE_FMT(set->receivers[i].name));
		set->n_receivers += rc == OR_OK;
	}
	return rc;
}

static enum or_code read_group_by(
    struct co_rule_set *set, const struct or_json *route, const struct co_conf *c)
{
	const struct or_json *list = NULL;
	enum or_code rc = co_conf_list(c, &list, route, "group_by", GROUP_BY_MAX);
	struct or_slice *names;

	if (rc || !list)
		return rc;
	names = or_arena_array(set->arena, list->array.n, sizeof(*names));
	if (!names)
		return no_memory(c);
	for (size_t i = 0; i < list->array.n; i++) {
		const struct or_json *j = list->array.items[i];

		if (j->type == OR_JSON_STR && or_slice_is(j->s, "..."))
			set->route.group_by_all = true;
		else if (j->type == OR_JSON_STR && co_label_is_name(j->s))
			names[set->route.n_group_by++] = j->s;
		else
			return co_conf_fail(c, j, "group_by lists names of labels, like alertname");
	}
	set->route.group_by = names;
	if (set->route.group_by_all && list->array.n > 1)
		return co_conf_fail(c, list, "'...' in group_by stands alone");
	return OR_OK;
}

/* Which receiver: the one that is named, or the only one. */
static enum or_code read_route_receiver(
    struct co_rule_set *set, const struct or_json *route, const struct co_conf *c)
{
	struct or_slice name = OR_SLICE_NONE;
	enum or_code rc = co_conf_text(c, &name, route, "receiver", CO_RULE_NAME_MAX);

	if (rc)
		return rc;
	if (name.p) {
		set->route.receiver = find_receiver(set, name);
		if (!set->route.receiver)
			return co_conf_fail(c, or_json_get(route, "receiver"),
			    "no receiver is called \"%.*s\"", OR_SLICE_FMT(name));
	} else if (set->n_receivers > 1) {
		return co_conf_fail(c, route,
		    "there are %zu receivers: say which one, with route: {receiver: NAME}",
		    set->n_receivers);
	} else if (set->n_receivers) {
		set->route.receiver = &set->receivers[0];
	}
	return OR_OK;
}

static enum or_code read_route(
    struct co_rule_set *set, const struct or_json *root, const struct co_conf *c)
{
	static const char *const keys[] = {
	    "receiver", "group_by", "group_wait", "group_interval", "repeat_interval", NULL};
	const struct or_json *j = or_json_get(root, "route");
	struct co_rule_route *r = &set->route;
	enum or_code rc = j ? co_conf_keys(c, j, keys, "route") : OR_OK;

	r->group_wait_ns = 30 * OR_NS_PER_S;
	r->group_interval_ns = 300 * OR_NS_PER_S;
	r->repeat_interval_ns = 4 * 3600 * OR_NS_PER_S;
	if (rc == OR_OK)
		rc = read_route_receiver(set, j, c);
	if (rc == OR_OK)
		rc = read_group_by(set, j, c);
	if (rc == OR_OK)
		rc = co_conf_duration(c, &r->group_wait_ns, j, "group_wait", 0, CO_RULE_WINDOW_MAX);
	if (rc == OR_OK)
		rc = co_conf_duration(
		    c, &r->group_interval_ns, j, "group_interval", OR_NS_PER_S, CO_RULE_WINDOW_MAX);
	if (rc == OR_OK)
		rc = co_conf_duration(c, &r->repeat_interval_ns, j, "repeat_interval", OR_NS_PER_S,
		    30 * CO_RULE_WINDOW_MAX);
	return rc;
}

/* ---- the file */

static enum or_code read_set_of_rules(
    struct co_rule_set *set, const struct or_json *root, const struct co_conf *c)
{
	static const char *const keys[] = {"external_url", "route", "receivers", "rules", NULL};
	enum or_code rc = co_conf_keys(c, root, keys, "the file of rules");

	if (rc == OR_OK)
		rc = co_conf_text(c, &set->external_url, root, "external_url", URL_MAX);
	if (rc == OR_OK)
		rc = read_receivers(set, root, c);
	if (rc == OR_OK)
		rc = read_route(set, root, c);
	if (rc == OR_OK)
		rc = read_rules(set, root, c);
	return rc;
}

enum or_code co_rule_parse(
    struct co_rule_set **out, const char *file, struct or_slice text, struct or_err *err)
{
	struct or_arena *a = or_arena_new(ARENA);
	struct co_rule_set *set = or_arena_alloc(a, sizeof(*set));
	const struct co_conf c = {.file = file, .err = err};
	struct or_slice copy = or_arena_dup(a, text);
	const struct or_json *root = NULL;
	enum or_code rc;

	OR_ASSERT(set);
	set->arena = a;
	rc = copy.p ? or_yaml_parse(&root, copy, a, err) : no_memory(&c);
	if (rc && copy.p)
		or_err_wrap(err, rc, "%s", file);
	if (rc == OR_OK)
		rc = read_set_of_rules(set, root, &c);
	if (rc)
		or_arena_free(a);
	else
		*out = set;
	return rc;
}

enum or_code co_rule_load(struct co_rule_set **out, const char *path, struct or_err *err)
{
	struct or_buf text;
	enum or_code rc;

	or_buf_init(&text, CO_RULE_FILE_MAX);
	rc = or_sys_read_file(&text, path, err);
	if (rc == OR_OK)
		rc = co_rule_parse(out, path, or_buf_slice(&text), err);
	or_buf_done(&text);
	return rc;
}

void co_rule_free(struct co_rule_set *set)
{
	if (set)
		or_arena_free(set->arena);
}

const struct co_rule *co_rule_find(const struct co_rule_set *set, struct or_slice name)
{
	for (size_t i = 0; i < set->n_rules; i++) {
		if (or_slice_eq(set->rules[i].name, name))
			return &set->rules[i];
	}
	return NULL;
}

void co_rule_expand(struct or_buf *out, const struct co_rule *rule, struct or_slice template,
    struct co_label_set labels)
{
	char threshold[16];
	struct co_label all[2 + CO_RULE_LABELS_MAX + CO_RULE_BY_MAX + 1] = {
	    {OR_SLICE_LIT("threshold"), OR_SLICE_NONE}, {OR_SLICE_LIT("window"), rule->window}};
	size_t n = 2;

	snprintf(threshold, sizeof(threshold), "%u", rule->threshold);
	all[0].value = or_slice_str(threshold);
	for (size_t i = 0; i < labels.n && n < OR_LEN(all); i++)
		all[n++] = labels.p[i];
	co_template_expand(out, template, (struct co_label_set){all, n});
}
