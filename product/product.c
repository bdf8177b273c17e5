/* SPDX-License-Identifier: Apache-2.0 */
#include "product/product.h"

#include "base/str.h"
#include "base/yaml.h"
#include "product/odps.h"

struct load {
	struct dp_product *product;
	struct or_arena *arena;
	struct dp_rule_run run;
};

static size_t length(const struct or_json *list)
{
	return list ? list->array.n : 0;
}

/* Names end up in entity ids, file names and Kafka keys. */
static void check_name(
    struct load *l, const struct or_json *o, const char *member, bool slash_allowed)
{
	const struct or_json *v = or_json_get(o, member);

	if (!v)
		return;
	if (v->s.n == 0 || v->s.n > 255) {
		dp_rule_error(&l->run, v, member, "expected 1 to 255 bytes");
		return;
	}
	for (size_t i = 0; i < v->s.n; i++) {
		if (v->s.p[i] < ' ' || v->s.p[i] == 0x7f) {
			dp_rule_error(&l->run, v, member, "must not hold a control character");
			return;
		}
		if (v->s.p[i] == '/' && !slash_allowed) {
			dp_rule_error(&l->run, v, member, "must not contain '/'");
			return;
		}
	}
}

static enum or_code load_tags(struct load *l, const struct or_json *list)
{
	struct or_slice *tags = or_arena_array(l->arena, length(list), sizeof(*tags));

	if (!tags)
		return OR_FULL;
	for (size_t i = 0; i < length(list); i++)
		tags[i] = list->array.items[i]->s;
	l->product->tags = tags;
	l->product->n_tags = length(list);
	return OR_OK;
}

static bool says_owner(struct or_slice role)
{
	for (size_t i = 0; i + 5 <= role.n; i++) {
		if (or_str_eq_nocase(or_slice(role.p + i, 5), OR_SLICE_LIT("owner")))
			return true;
	}
	return false;
}

static void load_team(struct dp_product *p, const struct or_json *team)
{
	const struct or_json *members = or_json_get(team, "members");

	p->team = or_json_get_str(team, "name");
	for (size_t i = 0; i < length(members) && !p->owner.p; i++) {
		const struct or_json *m = members->array.items[i];

		if (says_owner(or_json_get_str(m, "role")) && !or_json_get(m, "dateOut"))
			p->owner = or_json_get_str(m, "username");
	}
}

static enum or_code load_support(struct load *l, const struct or_json *list)
{
	struct dp_support *support = or_arena_array(l->arena, length(list), sizeof(*support));

	if (!support)
		return OR_FULL;
	for (size_t i = 0; i < length(list); i++) {
		const struct or_json *o = list->array.items[i];

		support[i].channel = or_json_get_str(o, "channel");
		support[i].url = or_json_get_str(o, "url");
		support[i].tool = or_json_get_str(o, "tool");
		support[i].scope = or_json_get_str(o, "scope");
	}
	l->product->support = support;
	l->product->n_support = length(list);
	return OR_OK;
}

static enum or_code load_port(
    struct load *l, struct dp_port *port, const struct or_json *o, bool output)
{
	port->name = or_json_get_str(o, "name");
	port->version = or_json_get_str(o, "version");
	port->contract_id = or_json_get_str(o, "contractId");
	port->description = or_json_get_str(o, "description");
	port->type = or_json_get_str(o, "type");
	port->settings.retention_ns = -1;
	port->node = o;
	if (!output)
		return OR_OK;
	check_name(l, o, "name", false);
	return dp_setting_parse(
	    &port->settings, or_json_get(o, "customProperties"), true, l->arena, &l->run);
}

static enum or_code load_ports(
    struct load *l, const char *member, const struct dp_port **out, size_t *n, bool output)
{
	const struct or_json *list = or_json_get(l->product->tree, member);
	struct dp_port *ports;
	size_t before = dp_rule_path_push(&l->run, or_slice_str(member));

	if (length(list) > DP_PRODUCT_PORTS_MAX) {
		dp_rule_error(&l->run, list, NULL, "more than %d ports", DP_PRODUCT_PORTS_MAX);
		return OR_OK;
	}
	ports = or_arena_array(l->arena, length(list), sizeof(*ports));
	if (!ports)
		return OR_FULL;
	for (size_t i = 0; i < length(list); i++) {
		size_t inner = dp_rule_path_push_index(&l->run, i);
		enum or_code rc = load_port(l, &ports[i], list->array.items[i], output);

		if (rc)
			return rc;
		for (size_t k = 0; k < i; k++) {
			if (or_slice_eq(ports[i].name, ports[k].name) &&
			    or_slice_eq(ports[i].version, ports[k].version))
				dp_diag_warn(l->run.diags, ports[i].node, l->run.path,
				    "the same name and version as entry %zu", k);
		}
		dp_rule_path_pop(&l->run, inner);
	}
	dp_rule_path_pop(&l->run, before);
	*out = ports;
	*n = length(list);
	return OR_OK;
}

/* A route must lead to a port that is there. */
static enum or_code check_routes(struct load *l)
{
	const struct dp_settings *s = &l->product->settings;
	const char *names[DP_PRODUCT_PORTS_MAX + 1];

	for (size_t i = 0; i < l->product->n_outputs; i++) {
		names[i] = or_arena_strdup(l->arena, l->product->outputs[i].name);
		if (!names[i])
			return OR_FULL;
	}
	names[l->product->n_outputs] = NULL;
	for (size_t i = 0; i < s->n_routes; i++) {
		const char *nearest = or_str_nearest(s->routes[i].port, names);

		if (dp_product_output(l->product, s->routes[i].port))
			continue;
		dp_diag_error(l->run.diags, or_json_get(s->routes[i].node, "port"),
		    "outrider.routes", "\"%.*s\" is no output port%s%s%s",
		    OR_SLICE_FMT(s->routes[i].port), nearest ? "; did you mean \"" : "",
		    nearest ? nearest : "", nearest ? "\"?" : "");
	}
	return OR_OK;
}

static void warn_status(struct load *l)
{
	static const char *const known[] = {
	    "proposed", "draft", "active", "deprecated", "retired", NULL};
	const char *nearest = or_str_nearest(l->product->status, known);

	for (size_t i = 0; known[i]; i++) {
		if (or_slice_is(l->product->status, known[i]))
			return;
	}
	dp_diag_warn(l->run.diags, or_json_get(l->product->tree, "status"), "status",
	    "none of proposed, draft, active, deprecated, retired%s%s%s",
	    nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

static void load_texts(struct dp_product *p)
{
	p->id = or_json_get_str(p->tree, "id");
	p->name = or_json_get_str(p->tree, "name");
	p->domain = or_json_get_str(p->tree, "domain");
	p->tenant = or_json_get_str(p->tree, "tenant");
	p->version = or_json_get_str(p->tree, "version");
	p->status = or_json_get_str(p->tree, "status");
	p->description = or_json_get_str(or_json_get(p->tree, "description"), "purpose");
	p->created = or_json_get_str(p->tree, "productCreatedTs");
	load_team(p, or_json_get(p->tree, "team"));
}

static enum or_code load(struct load *l)
{
	struct dp_product *p = l->product;
	enum or_code rc;

	load_texts(p);
	check_name(l, p->tree, "id", true);
	check_name(l, p->tree, "domain", true);
	warn_status(l);
	rc = load_tags(l, or_json_get(p->tree, "tags"));
	if (rc == OR_OK)
		rc = load_support(l, or_json_get(p->tree, "support"));
	if (rc == OR_OK)
		rc = load_ports(l, "outputPorts", &p->outputs, &p->n_outputs, true);
	if (rc == OR_OK)
		rc = load_ports(l, "inputPorts", &p->inputs, &p->n_inputs, false);
	if (rc == OR_OK)
		rc = dp_setting_parse(&p->settings, or_json_get(p->tree, "customProperties"), false,
		    l->arena, &l->run);
	if (rc == OR_OK)
		rc = check_routes(l);
	return rc;
}

enum or_code dp_product_load(const struct dp_product **out, const struct or_json *tree,
    struct or_arena *a, struct dp_diags *diags, struct or_err *err)
{
	struct load l = {.arena = a, .run = {.diags = diags}};

	/* everything below relies on the shape, so it is not looked at before that holds */
	dp_odps_validate(tree, diags);
	if (diags->n_errors)
		return dp_diag_result(diags, err);
	l.product = or_arena_alloc(a, sizeof(*l.product));
	if (!l.product)
		return or_err_set(err, OR_FULL, "%s: needs too much memory", diags->file);
	l.product->tree = tree;
	if (load(&l))
		return or_err_set(err, OR_FULL, "%s: needs too much memory", diags->file);
	if (diags->n_errors)
		return dp_diag_result(diags, err);
	*out = l.product;
	return OR_OK;
}

enum or_code dp_product_tree(const struct or_json **out, struct or_slice text, struct or_arena *a,
    struct dp_diags *diags, struct or_err *err)
{
	struct or_slice trimmed = text;
	struct or_err own = {0};
	enum or_code rc;

	while (trimmed.n && (trimmed.p[0] <= ' '))
		trimmed = or_slice_from(trimmed, 1);
	if (trimmed.n && trimmed.p[0] == '{')
		rc = or_json_parse(out, text, a, &own);
	else
		rc = or_yaml_parse(out, text, a, &own);
	if (rc == OR_OK)
		return OR_OK;
	dp_diag_error(diags, NULL, "", "%s", own.msg);
	return or_err_set(err, rc, "%s: %s", diags->file, own.msg);
}

enum or_code dp_product_parse(const struct dp_product **out, struct or_slice text,
    struct or_arena *a, struct dp_diags *diags, struct or_err *err)
{
	const struct or_json *tree;
	enum or_code rc = dp_product_tree(&tree, text, a, diags, err);

	return rc ? rc : dp_product_load(out, tree, a, diags, err);
}

const struct dp_port *dp_product_output(const struct dp_product *p, struct or_slice name)
{
	for (size_t i = 0; i < p->n_outputs; i++) {
		if (or_slice_eq(p->outputs[i].name, name))
			return &p->outputs[i];
	}
	return NULL;
}

struct dp_settings dp_product_setting(const struct dp_product *p, const struct dp_port *port)
{
	return port ? dp_setting_merge(&p->settings, &port->settings) : p->settings;
}
