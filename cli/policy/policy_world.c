/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/policy/policy_world.h"

#include "base/str.h"
#include "base/sys.h"
#include "cli/key.h"
#include "cli/policy/input.h"
#include "cli/state.h"
#include "policy/entities_json.h"
#include "policy/est.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { REPORT_MAX = 256 * 1024, ENTITY_PARENTS = 2 };

#define BUDGET (1024 * OR_MIB)

/* A world being put together. */
struct maker {
	struct ctl_policy_world *w;
	const struct ctl_policy_world_opt *opt;
	struct pol_diags diags;
	struct or_slice schema, entities, more_entities;
	const char *schema_name, *entities_name;
	struct pol_entities *ports;
	struct or_err *err;
};

enum or_code ctl_policy_world_read(
    struct or_slice *out, struct or_arena *a, const char *path, struct or_err *err)
{
	struct or_buf b;
	enum or_code rc;

	or_buf_init(&b, CTL_INPUT_MAX);
	rc = ctl_input_read(&b, path, err);
	if (rc == OR_OK) {
		struct or_slice kept = or_arena_dup(a, or_buf_slice(&b));

		if (kept.p)
			*out = kept;
		else
			rc = or_err_set(err, OR_FULL, "%s: too large", path);
	}
	or_buf_done(&b);
	return rc;
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* ---- the product and its ports */

static bool is_contract(const char *name)
{
	struct or_slice s = or_slice_str(name);

	return or_str_has_suffix(s, ".odcs.yaml") || or_str_has_suffix(s, ".odcs.yml") ||
	       or_str_has_suffix(s, ".odcs.json");
}

static const char *folder_of(struct or_arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? or_arena_printf(a, "%.*s", slash == path ? 1 : (int)(slash - path), path)
		     : ".";
}

static enum or_code read_contracts(
    struct maker *m, struct dp_file *files, size_t *n, const char *dir)
{
	struct or_sys_names names;
	enum or_code rc = or_sys_list(&names, dir, m->err);

	if (rc)
		return rc;
	for (size_t i = 0; i < names.n && rc == OR_OK && *n < DP_FOLDER_CONTRACTS_MAX; i++) {
		if (!is_contract(names.names[i]))
			continue;
		files[*n].name = or_arena_printf(m->w->arena, "%s/%s", dir, names.names[i]);
		rc = ctl_policy_world_read(&files[*n].bytes, m->w->arena, files[*n].name, m->err);
		*n += rc == OR_OK;
	}
	or_sys_names_free(&names);
	return rc;
}

static struct or_slice join(struct or_arena *a, struct or_slice left, struct or_slice right)
{
	return or_slice_str(
	    or_arena_printf(a, "%.*s/%.*s", OR_SLICE_FMT(left), OR_SLICE_FMT(right)));
}

/* The attributes that the gate gives a port. */
static enum or_code add_port(struct maker *m, const struct dp_port *port)
{
	const struct dp_product *p = m->w->folder->product;
	const struct dp_contract *c = dp_folder_contract(m->w->folder, port);
	enum dp_class class = c ? c->class : DP_CLASS_RESTRICTED;
	struct or_slice word =
	    c && c->class_word.p ? c->class_word : or_slice_str(dp_contract_class_name(class));
	const struct pol_field fields[] = {
	    {OR_SLICE_LIT("name"), pol_value_string(port->name)},
	    {OR_SLICE_LIT("version"), pol_value_string(port->version)},
	    {OR_SLICE_LIT("domain"), pol_value_string(p->domain)},
	    {OR_SLICE_LIT("classification"), pol_value_string(word)},
	    {OR_SLICE_LIT("level"), pol_value_long((int64_t) class)},
	};
	const struct pol_uid parents[ENTITY_PARENTS] = {
	    pol_uid_make(OR_SLICE_LIT("Product"), p->id),
	    pol_uid_make(OR_SLICE_LIT("Domain"), p->domain)};
	const struct pol_uid uid =
	    pol_uid_make(OR_SLICE_LIT("Port"), join(m->w->arena, p->id, port->name));
	const struct pol_record *attrs;
	enum or_code rc = pol_value_record(&attrs, m->w->arena, fields, OR_LEN(fields));

	return rc ? rc
		  : pol_entities_add(m->ports, &uid, attrs, NULL, parents, p->domain.p ? 2 : 1);
}

static enum or_code add_ports(struct maker *m)
{
	const struct dp_product *p = m->w->folder->product;
	const struct pol_uid product = pol_uid_make(OR_SLICE_LIT("Product"), p->id);
	const struct pol_uid domain = pol_uid_make(OR_SLICE_LIT("Domain"), p->domain);
	enum or_code rc =
	    pol_entities_add(m->ports, &product, NULL, NULL, &domain, p->domain.p ? 1 : 0);

	if (rc == OR_OK && p->domain.p)
		rc = pol_entities_add(m->ports, &domain, NULL, NULL, NULL, 0);
	for (size_t i = 0; i < p->n_outputs && rc == OR_OK; i++)
		rc = add_port(m, &p->outputs[i]);
	return rc ? or_err_set(m->err, rc, "the product's ports do not fit into memory") : OR_OK;
}

static enum or_code read_product(struct maker *m, const char *path)
{
	struct or_arena *a = m->w->arena;
	struct dp_folder *folder = or_arena_alloc(a, sizeof(*folder));
	struct dp_file product = {.name = path};
	struct dp_file *files = or_arena_array(a, DP_FOLDER_CONTRACTS_MAX, sizeof(*files));
	struct or_buf report;
	size_t n = 0;
	enum or_code rc = ctl_policy_world_read(&product.bytes, a, path, m->err);

	if (rc == OR_OK)
		rc = read_contracts(m, files, &n, folder_of(a, path));
	if (rc)
		return rc;
	or_buf_init(&report, REPORT_MAX);
	rc = dp_folder_load(folder, &product, files, n, a, &report, m->err);
	or_buf_done(&report);
	if (rc)
		return rc;
	m->w->folder = folder;
	return add_ports(m);
}

/* ---- policies */

static enum or_code add_policies(struct maker *m, const char *path, const char *name)
{
	struct or_slice text;
	enum or_code rc = ctl_policy_world_read(&text, m->w->arena, path, m->err);

	if (rc)
		return rc;
	return or_str_has_suffix(or_slice_str(name), ".json")
		   ? pol_est_add(m->w->set, name, text, &m->diags, m->err)
		   : pol_set_add(m->w->set, name, text, &m->diags, m->err);
}

static enum or_code take_file(struct maker *m, const char *dir, const char *file)
{
	struct or_slice name = or_slice_str(file);
	const char *path = or_arena_printf(m->w->arena, "%s/%s", dir, file);

	if (or_str_has_suffix(name, ".cedar") || or_str_has_suffix(name, ".cedar.json"))
		return add_policies(m, path, file);
	if (or_slice_is(name, "entities.json")) {
		m->entities_name = path;
		return ctl_policy_world_read(&m->entities, m->w->arena, path, m->err);
	}
	if (!or_str_has_suffix(name, ".cedarschema") &&
	    !or_str_has_suffix(name, ".cedarschema.json"))
		return OR_OK;
	if (m->schema.p)
		return or_err_set(m->err, OR_INVAL, "%s: a second schema", path);
	m->schema_name = path;
	return ctl_policy_world_read(&m->schema, m->w->arena, path, m->err);
}

static enum or_code read_policies(struct maker *m, const char *path)
{
	struct or_sys_names names;
	enum or_code rc = OR_OK, one;

	m->w->set = pol_set_new(POL_IDS_ANNOTATED, 0);
	m->w->sets[0] = m->w->set;
	if (!is_folder(path)) {
		const char *slash = strrchr(path, '/');

		return add_policies(m, path, slash ? slash + 1 : path);
	}
	rc = or_sys_list(&names, path, m->err);
	if (rc)
		return rc;
	/* One that does not parse leaves the others to be read, so that all is said at once. */
	for (size_t i = 0; i < names.n; i++) {
		one = take_file(m, path, names.names[i]);
		rc = rc ? rc : one;
	}
	or_sys_names_free(&names);
	if (rc == OR_OK && pol_set_count(m->w->set) == 0)
		return or_err_set(m->err, OR_ABSENT, "%s: no policy (*.cedar) is there", path);
	return rc;
}

static enum or_code read_schema(struct maker *m)
{
	struct or_slice name;
	enum or_code rc = OR_OK;

	if (m->opt->schema) {
		m->schema_name = m->opt->schema;
		rc = ctl_policy_world_read(&m->schema, m->w->arena, m->opt->schema, m->err);
	}
	if (rc || !m->schema.p)
		return rc;
	name = or_slice_str(m->schema_name);
	rc = or_str_has_suffix(name, ".json") ? pol_schema_parse_json(&m->w->own_schema,
						    m->schema_name, m->schema, &m->diags, m->err)
					      : pol_schema_parse_text(&m->w->own_schema,
						    m->schema_name, m->schema, &m->diags, m->err);
	m->w->schema = m->w->own_schema;
	return rc;
}

/* ---- bundles */

/* The product that a bundle says it is for; what it says is checked when it is opened for that. */
static const char *named_product(struct or_arena *a, struct or_slice bytes)
{
	const struct or_json *envelope = NULL, *payload = NULL;
	struct or_slice product = OR_SLICE_NONE;
	struct or_buf b;

	or_buf_init(&b, POL_BUNDLE_MAX);
	if (or_json_parse(&envelope, bytes, a, NULL) == OR_OK &&
	    or_str_base64_decode(&b, or_json_get_str(envelope, "payload")) == OR_OK &&
	    or_json_parse(&payload, or_buf_slice(&b), a, NULL) == OR_OK)
		product = or_json_get_str(payload, "product");
	or_buf_done(&b);
	return or_arena_strdup(a, product);
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * OR_NS_PER_S + ts.tv_nsec;
}

/* The keys of --trust, else the one that this machine signs development bundles with. */
static enum or_code open_bundle(struct maker *m, struct or_slice bytes, struct ctl_state *state)
{
	const struct ctl_args_list *trust = &m->opt->trust;
	const char *own = ctl_state_path(state, "keys/bundle.key.pub");
	size_t n = trust->n ? trust->n : 1;
	struct or_crypto_key *keys[CTL_ARGS_LIST_MAX] = {NULL};
	struct pol_bundle_key pins[CTL_ARGS_LIST_MAX];
	struct or_buf ids[CTL_ARGS_LIST_MAX];
	struct pol_bundle_pins all = {
	    .keys = pins, .product = named_product(m->w->arena, bytes), .now_ns = now_ns()};
	enum or_code rc = OR_OK;

	if (!trust->n && access(own, R_OK) != 0)
		return or_err_set(m->err, OR_DENIED, "which key may sign it? --trust FILE says it");
	for (size_t i = 0; i < n && rc == OR_OK; i++) {
		or_buf_init(&ids[i], 64);
		rc = ctl_key_load(&keys[i], trust->n ? trust->values[i] : own, m->err);
		if (rc == OR_OK && pol_bundle_key_id(&ids[i], keys[i]))
			rc = or_err_set(m->err, OR_INVAL, "bundles are signed with Ed25519 keys");
		pins[i] = (struct pol_bundle_key){.id = or_buf_slice(&ids[i]), .key = keys[i]};
		all.n_keys = i + 1;
	}
	if (rc == OR_OK)
		rc = pol_bundle_open(&m->w->bundle, bytes, &all, &m->diags, m->err);
	for (size_t i = 0; i < all.n_keys; i++) {
		or_crypto_key_free(keys[i]);
		or_buf_done(&ids[i]);
	}
	return rc;
}

static enum or_code read_bundle(struct maker *m)
{
	struct ctl_state state;
	struct or_slice bytes;
	enum or_code rc = ctl_policy_world_read(&bytes, m->w->arena, m->opt->bundle, m->err);

	if (rc == OR_OK)
		rc = ctl_state_open(&state, m->opt->state, m->err);
	if (rc)
		return rc;
	rc = open_bundle(m, bytes, &state);
	ctl_state_close(&state);
	if (rc)
		return or_err_wrap(m->err, rc, "%s", m->opt->bundle);
	m->w->sets[0] = pol_bundle_set(m->w->bundle);
	m->w->schema = pol_bundle_schema(m->w->bundle);
	m->w->revision = pol_bundle_revision(m->w->bundle);
	return OR_OK;
}

/* ---- entities */

static bool holds(const struct pol_entities *const *stores, size_t n, const struct pol_uid *uid)
{
	for (size_t i = 0; i < n; i++) {
		if (stores[i] && pol_entities_find(stores[i], uid))
			return true;
	}
	return false;
}

/* Stores one over the other, sealed as one, so that ancestors are found across them. */
static enum or_code merge(struct pol_entities **out, const struct pol_entities *const *stores,
    size_t n, struct or_err *err)
{
	struct pol_entities *all = pol_entities_new(0);
	enum or_code rc = OR_OK;

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; stores[i] && k < pol_entities_count(stores[i]); k++) {
			const struct pol_entity *e = pol_entities_at(stores[i], k);
			struct or_arena *a;
			struct pol_uid *parents;

			if (rc || holds(stores, i, &e->uid))
				continue;
			a = or_arena_new(0);
			parents = or_arena_array(a, e->n_parents, sizeof(*parents));
			for (size_t p = 0; p < e->n_parents; p++)
				parents[p] = *e->parents[p];
			rc = pol_entities_add(
			    all, &e->uid, e->attrs, e->tags, parents, e->n_parents);
			or_arena_free(a);
		}
	}
	if (rc)
		or_err_set(err, rc, "the entities do not fit into memory");
	else
		rc = pol_entities_seal(all, err);
	if (rc)
		pol_entities_free(all);
	else
		*out = all;
	return rc;
}

enum or_code ctl_policy_world_merge(struct pol_entities **out, const struct pol_entities *over,
    const struct pol_entities *under, struct or_err *err)
{
	const struct pol_entities *const stores[] = {over, under};

	return merge(out, stores, OR_LEN(stores), err);
}

static enum or_code read_entities(struct maker *m)
{
	struct pol_entities *own = NULL, *more = NULL;
	const struct pol_entities *stores[3] = {NULL};
	enum or_code rc = OR_OK;

	if (m->opt->entities)
		rc =
		    ctl_policy_world_read(&m->more_entities, m->w->arena, m->opt->entities, m->err);
	if (rc == OR_OK && m->more_entities.p)
		rc = pol_entities_json_parse(
		    &more, m->opt->entities, m->more_entities, m->w->schema, &m->diags, m->err);
	if (rc == OR_OK && m->entities.p)
		rc = pol_entities_json_parse(
		    &own, m->entities_name, m->entities, m->w->schema, &m->diags, m->err);
	/* Groups of actions are known even where no entities are. */
	if (rc == OR_OK && m->w->schema && pol_schema_put_actions(m->w->schema, m->ports))
		rc = or_err_set(m->err, OR_FULL, "the schema's actions do not fit into memory");
	if (rc == OR_OK)
		rc = pol_entities_seal(m->ports, m->err);
	stores[0] = more;
	stores[1] = own ? own : m->w->bundle ? pol_bundle_entities(m->w->bundle) : NULL;
	stores[2] = m->ports;
	if (rc == OR_OK)
		rc = merge(&m->w->merged, stores, OR_LEN(stores), m->err);
	m->w->entities = m->w->merged;
	pol_entities_free(own);
	pol_entities_free(more);
	return rc;
}

static enum or_code read_all(struct maker *m)
{
	static const char descriptor[] = "dataproduct.yaml";
	const char *product = m->opt->product;
	const char *policy = m->opt->policy;
	enum or_code rc = OR_OK;

	if (!product && !m->opt->bare && access(descriptor, R_OK) == 0)
		product = descriptor;
	if (product)
		rc = read_product(m, product);
	if (rc == OR_OK && !policy && !m->opt->bundle) {
		if (!product)
			return or_err_set(m->err, OR_ABSENT,
			    "there is no ./%s: --product, --policy or --bundle say where the "
			    "policies are",
			    descriptor);
		policy = or_arena_printf(m->w->arena, "%s/policy", folder_of(m->w->arena, product));
	}
	if (rc == OR_OK)
		rc = m->opt->bundle ? read_bundle(m) : read_policies(m, policy);
	if (rc == OR_OK)
		rc = read_schema(m);
	return rc ? rc : read_entities(m);
}

enum or_code ctl_policy_world_open(
    struct ctl_policy_world *out, const struct ctl_policy_world_opt *opt, struct or_err *err)
{
	struct ctl_policy_world w = {
	    .arena = or_arena_new(BUDGET), .ctx = pol_ctx_new(64 * OR_MIB)};
	struct maker m = {.w = &w, .opt = opt, .ports = pol_entities_new(0), .err = err};
	enum or_code rc;

	pol_diag_init(&m.diags);
	rc = read_all(&m);
	ctl_input_complain(&m.diags);
	pol_diag_done(&m.diags);
	pol_entities_free(m.ports);
	if (rc)
		ctl_policy_world_close(&w);
	else
		*out = w;
	return rc;
}

void ctl_policy_world_close(struct ctl_policy_world *w)
{
	pol_ctx_free(w->ctx);
	pol_set_free(w->set);
	pol_schema_free(w->own_schema);
	pol_entities_free(w->merged);
	pol_bundle_unref(w->bundle);
	or_arena_free(w->arena);
}
