/* SPDX-License-Identifier: Apache-2.0 */
#include "product/setting.h"

#include "base/str.h"

#include <stddef.h>

struct read {
	struct dp_settings *out;
	struct or_arena *arena;
	struct dp_rule_run *run;
};

static bool is_listener(struct or_slice s)
{
	size_t colon = s.n;
	uint64_t port;

	while (colon > 0 && s.p[colon - 1] != ':')
		colon--;
	if (colon < 2 || or_str_find(s, ' ', 0) != s.n || or_str_find(s, '/', 0) != s.n)
		return false;
	return or_str_u64(&port, or_slice_from(s, colon)) == OR_OK && port <= 65535;
}

static bool is_upstream(struct or_slice s)
{
	size_t from = or_str_has_prefix(s, "https://")  ? 8
		      : or_str_has_prefix(s, "http://") ? 7
							: 0;

	return from && is_listener(or_slice_from(s, from));
}

static bool is_duration(struct or_slice s)
{
	int64_t ns;

	return or_str_duration_ns(&ns, s) == OR_OK && ns > 0;
}

static bool is_path(struct or_slice s)
{
	if (s.n == 0 || s.p[0] != '/')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || strchr("?#%*;\\", s.p[i]))
			return false;
		if (s.p[i] == '/' && i + 1 < s.n && (s.p[i + 1] == '/' || s.p[i + 1] == '.'))
			return false;
	}
	return s.n == 1 || s.p[s.n - 1] != '/';
}

static bool is_method(struct or_slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < 'A' || s.p[i] > 'Z')
			return false;
	}
	return s.n > 0;
}

static bool is_filled(struct or_slice s)
{
	return s.n > 0;
}

static const char *const mode_names[] = {"enforce", "shadow", "observe", NULL};
static const char *const audit_names[] = {"strict", "async", NULL};
static const char *const audit_full_names[] = {"deny", "allow", NULL};
static const char *const action_names[] = {
    "read", "describe", "write", "delete", "subscribe", "connect", NULL};

static const struct dp_rule listener_rule = {
    .types = DP_RULE_STR, .matches = is_listener, .like = "host:port, like 127.0.0.1:8080"};
static const struct dp_rule upstream_rule = {
    .types = DP_RULE_STR, .matches = is_upstream, .like = "http://host:port or https://host:port"};
static const struct dp_rule mode_rule = {.types = DP_RULE_STR, .names = mode_names};
static const struct dp_rule audit_rule = {.types = DP_RULE_STR, .names = audit_names};
static const struct dp_rule audit_full_rule = {.types = DP_RULE_STR, .names = audit_full_names};
static const struct dp_rule retention_rule = {
    .types = DP_RULE_STR, .matches = is_duration, .like = "a duration, like 400d"};
static const struct dp_rule filled_rule = {
    .types = DP_RULE_STR, .matches = is_filled, .like = "some text"};
static const struct dp_rule purposes_rule = {
    .types = DP_RULE_ARRAY, .items = &filled_rule, .max_items = DP_SETTING_PURPOSES_MAX};
static const struct dp_rule method_rule = {
    .types = DP_RULE_STR, .matches = is_method, .like = "a method in capitals, like GET"};
static const struct dp_rule methods_rule = {
    .types = DP_RULE_ARRAY, .items = &method_rule, .min_items = 1, .max_items = 16};
static const struct dp_rule path_rule = {.types = DP_RULE_STR,
    .matches = is_path,
    .like = "a plain path of whole segments, like /orders"};
static const struct dp_rule action_rule = {.types = DP_RULE_STR, .names = action_names};
static const struct dp_field route_fields[] = {
    {"path", true, &path_rule},
    {"port", true, &dp_rule_str},
    {"methods", false, &methods_rule},
    {"action", false, &action_rule},
    {NULL, false, NULL},
};
DP_RULE_OBJECT_OF(route);
static const struct dp_rule routes_rule = {
    .types = DP_RULE_ARRAY, .items = &route, .max_items = DP_SETTING_ROUTES_MAX};

static enum or_code read_listener(struct read *r, const struct or_json *v)
{
	r->out->listener = v->s;
	return OR_OK;
}

static enum or_code read_upstream(struct read *r, const struct or_json *v)
{
	r->out->upstream = v->s;
	return OR_OK;
}

static enum or_code read_mode(struct read *r, const struct or_json *v)
{
	r->out->mode = or_slice_is(v->s, "enforce")  ? DP_MODE_ENFORCE
		       : or_slice_is(v->s, "shadow") ? DP_MODE_SHADOW
						     : DP_MODE_OBSERVE;
	return OR_OK;
}

static enum or_code read_audit(struct read *r, const struct or_json *v)
{
	r->out->audit = or_slice_is(v->s, "strict") ? DP_AUDIT_STRICT : DP_AUDIT_ASYNC;
	return OR_OK;
}

static enum or_code read_audit_full(struct read *r, const struct or_json *v)
{
	r->out->audit_full = or_slice_is(v->s, "allow") ? DP_AUDIT_FULL_ALLOW : DP_AUDIT_FULL_DENY;
	return OR_OK;
}

static enum or_code read_retention(struct read *r, const struct or_json *v)
{
	return or_str_duration_ns(&r->out->retention_ns, v->s);
}

static enum or_code strings(
    struct read *r, const struct or_json *v, const struct or_slice **out, size_t *n)
{
	struct or_slice *list;

	if (!v)
		return OR_OK;
	list = or_arena_array(r->arena, v->array.n, sizeof(*list));
	if (!list)
		return OR_FULL;
	for (size_t i = 0; i < v->array.n; i++)
		list[i] = v->array.items[i]->s;
	*out = list;
	*n = v->array.n;
	return OR_OK;
}

static enum or_code read_purposes(struct read *r, const struct or_json *v)
{
	return strings(r, v, &r->out->purposes, &r->out->n_purposes);
}

static enum or_code read_routes(struct read *r, const struct or_json *v)
{
	struct dp_route *list = or_arena_array(r->arena, v->array.n, sizeof(*list));

	if (!list)
		return OR_FULL;
	for (size_t i = 0; i < v->array.n; i++) {
		const struct or_json *item = v->array.items[i];
		enum or_code rc;

		list[i].path = or_json_get_str(item, "path");
		list[i].port = or_json_get_str(item, "port");
		list[i].action = or_json_get_str(item, "action");
		list[i].node = item;
		rc = strings(r, or_json_get(item, "methods"), &list[i].methods, &list[i].n_methods);
		if (rc)
			return rc;
	}
	r->out->routes = list;
	r->out->n_routes = v->array.n;
	return OR_OK;
}

/* names[i] belongs to settings[i] */
static const char *const names[] = {"outrider.listener", "outrider.upstream", "outrider.audit",
    "outrider.audit_full", "outrider.purposes", "outrider.retention", "outrider.routes",
    "outrider.mode", NULL};
static const struct {
	bool on_port; /* may an output port say it? */
	const struct dp_rule *rule;
	enum or_code (*read)(struct read *r, const struct or_json *v);
} settings[] = {
    {false, &listener_rule, read_listener},
    {false, &upstream_rule, read_upstream},
    {true, &audit_rule, read_audit},
    {true, &audit_full_rule, read_audit_full},
    {true, &purposes_rule, read_purposes},
    {true, &retention_rule, read_retention},
    {false, &routes_rule, read_routes},
    {true, &mode_rule, read_mode},
};
_Static_assert(OR_LEN(settings) + 1 == OR_LEN(names), "one setting per name");

static void unknown(struct read *r, const struct or_json *entry)
{
	const char *nearest = or_str_nearest(or_json_get_str(entry, "property"), names);

	dp_rule_error(r->run, or_json_get(entry, "property"), "property", "unknown setting%s%s%s",
	    nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

static enum or_code one(
    struct read *r, bool on_port, const struct or_json *entry, unsigned int *seen)
{
	struct or_slice name = or_json_get_str(entry, "property");
	const struct or_json *v = or_json_get(entry, "value");
	size_t errors = r->run->diags->n_errors, before, i = 0;

	if (!or_str_has_prefix(name, "outrider."))
		return OR_OK;
	while (names[i] && !or_slice_is(name, names[i]))
		i++;
	if (!names[i]) {
		unknown(r, entry);
		return OR_OK;
	}
	if (*seen & (1U << i))
		dp_rule_error(r->run, entry, "property", "%s is said twice", names[i]);
	if (on_port && !settings[i].on_port)
		dp_rule_error(r->run, entry, "property", "%s belongs to the product, not to a port",
		    names[i]);
	*seen |= 1U << i;
	before = dp_rule_path_push(r->run, OR_SLICE_LIT("value"));
	dp_rule_check(r->run, settings[i].rule, v);
	dp_rule_path_pop(r->run, before);
	return r->run->diags->n_errors == errors ? settings[i].read(r, v) : OR_OK;
}

enum or_code dp_setting_parse(struct dp_settings *out, const struct or_json *custom, bool on_port,
    struct or_arena *a, struct dp_rule_run *run)
{
	struct read r = {.out = out, .arena = a, .run = run};
	size_t before = dp_rule_path_push(run, OR_SLICE_LIT("customProperties"));
	unsigned int seen = 0;
	enum or_code rc = OR_OK;

	*out = (struct dp_settings){.retention_ns = -1};
	for (size_t i = 0; custom && i < custom->array.n && rc == OR_OK; i++) {
		size_t inner = dp_rule_path_push_index(run, i);

		rc = one(&r, on_port, custom->array.items[i], &seen);
		dp_rule_path_pop(run, inner);
	}
	dp_rule_path_pop(run, before);
	return rc;
}

struct dp_settings dp_setting_merge(
    const struct dp_settings *product, const struct dp_settings *port)
{
	struct dp_settings s = *product;

	if (port->mode != DP_MODE_UNSAID)
		s.mode = port->mode;
	if (port->audit != DP_AUDIT_UNSAID)
		s.audit = port->audit;
	if (port->audit_full != DP_AUDIT_FULL_UNSAID)
		s.audit_full = port->audit_full;
	if (port->purposes) {
		s.purposes = port->purposes;
		s.n_purposes = port->n_purposes;
	}
	if (port->retention_ns >= 0)
		s.retention_ns = port->retention_ns;
	return s;
}
