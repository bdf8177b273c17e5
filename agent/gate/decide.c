/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/decide_inside.h"
#include "agent/gate/subject.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/str.h"
#include "policy/conform.h"
#include "policy/ext_ip.h"
#include "product/route.h"

enum { INPUTS_MAX = 60 * 1024, FIELDS_MAX = 5 + AG_DECIDE_EXTRAS_MAX };

/* By hand: it is done several times a request. */
struct or_slice ag_decide_join(
    struct or_arena *a, struct or_slice left, const char *between, struct or_slice right)
{
	size_t mid = strlen(between), n = left.n + mid + right.n;
	uint8_t *p = or_arena_alloc(a, n);

	if (!p)
		return OR_SLICE_NONE;
	if (left.n)
		memcpy(p, left.p, left.n);
	memcpy(p + left.n, between, mid);
	if (right.n)
		memcpy(p + left.n + mid, right.p, right.n);
	return or_slice(p, n);
}

static enum or_code add_port(struct ag_decide *d, struct or_arena *a, const struct dp_port *port)
{
	const struct dp_product *p = d->opt.folder->product;
	const struct dp_contract *contract = dp_folder_contract(d->opt.folder, port);
	/* Nothing is known of the data: it counts as the most sensitive. */
	enum dp_class class = contract ? contract->class : DP_CLASS_RESTRICTED;
	struct or_slice word = contract && contract->class_word.p
				   ? contract->class_word
				   : or_slice_str(dp_contract_class_name(class));
	struct pol_field fields[] = {
	    {OR_SLICE_LIT("name"), pol_value_string(port->name)},
	    {OR_SLICE_LIT("version"), pol_value_string(port->version)},
	    {OR_SLICE_LIT("domain"), pol_value_string(p->domain)},
	    {OR_SLICE_LIT("classification"), pol_value_string(word)},
	    {OR_SLICE_LIT("level"), pol_value_long((int64_t) class)},
	};
	struct pol_uid parents[] = {
	    AG_DECIDE_UID("Product", p->id), AG_DECIDE_UID("Domain", p->domain)};
	struct pol_uid uid = AG_DECIDE_UID("Port", ag_decide_join(a, p->id, "/", port->name));
	const struct pol_record *attrs;
	enum or_code rc = pol_value_record(&attrs, a, fields, OR_LEN(fields));

	return rc ? rc
		  : pol_entities_add(d->ports, &uid, attrs, NULL, parents, p->domain.p ? 2 : 1);
}

static enum or_code add_product(struct ag_decide *d, struct or_arena *a, struct or_err *err)
{
	const struct dp_product *p = d->opt.folder->product;
	struct pol_uid product = AG_DECIDE_UID("Product", p->id),
		       domain = AG_DECIDE_UID("Domain", p->domain);
	enum or_code rc =
	    pol_entities_add(d->ports, &product, NULL, NULL, &domain, p->domain.p ? 1 : 0);

	if (rc == OR_OK && p->domain.p)
		rc = pol_entities_add(d->ports, &domain, NULL, NULL, NULL, 0);
	for (size_t i = 0; i < p->n_outputs && rc == OR_OK; i++)
		rc = add_port(d, a, &p->outputs[i]);
	return rc ? or_err_set(err, rc, "the product's ports do not fit into memory")
		  : pol_entities_seal(d->ports, err);
}

enum or_code ag_decide_new(
    struct ag_decide **out, const struct ag_decide_opt *opt, struct or_err *err)
{
	struct ag_decide *d = or_mem_new(sizeof(*d));
	struct or_arena *a = or_arena_new(0);
	enum or_code rc;

	d->opt = *opt;
	d->ports = pol_entities_new(0);
	d->ctx = pol_ctx_new(0);
	rc = add_product(d, a, err);
	or_arena_free(a);
	if (rc) {
		ag_decide_free(d);
		return rc;
	}
	*out = d;
	return OR_OK;
}

void ag_decide_free(struct ag_decide *d)
{
	if (!d)
		return;
	pol_entities_free(d->ports);
	pol_ctx_free(d->ctx);
	or_mem_free(d);
}

const char *ag_decide_action_of(struct or_slice method)
{
	static const struct {
		const char *method, *action;
	} table[] = {{"GET", "read"}, {"HEAD", "read"}, {"OPTIONS", "describe"}, {"POST", "write"},
	    {"PUT", "write"}, {"PATCH", "write"}, {"DELETE", "delete"}};

	for (size_t i = 0; i < OR_LEN(table); i++) {
		if (or_slice_is(method, table[i].method))
			return table[i].action;
	}
	return NULL;
}

/* Sets the end of the decision in result and record alike. */
enum or_code ag_decide_conclude(
    struct ag_decide_case *r, enum ag_decide_verdict verdict, const char *reason)
{
	r->out->verdict = verdict;
	r->out->reason = reason;
	r->out->record.reason = or_slice_str(reason);
	r->out->record.decision =
	    verdict == AG_DECIDE_ALLOW ? WIRE_DECISION_ALLOW : WIRE_DECISION_DENY;
	return OR_OK;
}

static void begin_record(struct ag_decide_case *r)
{
	const struct ag_decide_ask *ask = r->ask;
	struct wire_audit *rec = &r->out->record;

	rec->time_ns = (uint64_t)ask->now_ns;
	rec->product = r->d->opt.folder->product->id;
	rec->kind = WIRE_KIND_ACCESS;
	rec->front = ask->front;
	rec->request.method = ask->method;
	rec->request.path = ask->path;
	rec->request.host = ask->host;
	rec->peer = ask->peer;
	rec->trace_id = ask->trace_id;
	rec->span_id = ask->span_id;
}

void ag_decide_take_port(struct ag_decide_case *r, const struct dp_port *port)
{
	const struct dp_folder *folder = r->d->opt.folder;
	struct dp_settings s = dp_product_setting(folder->product, port);

	r->out->port = port;
	r->out->strict =
	    !port || dp_contract_audit(&s, dp_folder_contract(folder, port)) == DP_AUDIT_STRICT;
	r->out->audit_full_allows = s.audit_full == DP_AUDIT_FULL_ALLOW;
	if (port)
		r->out->record.port = port->name;
}

/* The port, its audit mode, the action. False: the decision has been made. */
static bool route(struct ag_decide_case *r)
{
	const struct dp_product *product = r->d->opt.folder->product;
	struct ag_decide_result *out = r->out;
	struct or_slice own = OR_SLICE_NONE;
	const char *action = ag_decide_action_of(r->ask->method);
	const struct dp_port *port = dp_route_find(product, r->ask->method, r->ask->path, &own);

	ag_decide_take_port(r, port);
	if (port) {
		out->record.resource.type = OR_SLICE_LIT("Port");
		out->record.resource.id = ag_decide_join(r->a, product->id, "/", port->name);
	}
	if (r->ask->action.n)
		out->record.action = r->ask->action;
	else
		out->record.action = or_slice_str(action);
	if (own.p)
		out->record.action = own;
	if (!port)
		ag_decide_conclude(r, AG_DECIDE_DENY, "port_unknown");
	else if (!out->record.action.n)
		ag_decide_conclude(r, AG_DECIDE_DENY, "method_unknown");
	return port && out->record.action.n;
}

static enum or_code put_act(struct ag_decide_case *r)
{
	struct wire_principal *act = or_arena_array(r->a, r->who.n_actors, sizeof(*act));

	if (!act)
		return OR_FULL;
	for (size_t i = 0; i < r->who.n_actors; i++) {
		struct or_slice iss = r->who.actors[i].iss.p ? r->who.actors[i].iss : r->who.issuer;

		/* RFC 8693 §4.1: whoever acts for the subject, person or program. */
		act[i] = (struct wire_principal){.type = OR_SLICE_LIT("Actor"),
		    .id = ag_decide_join(r->a, iss, "#", r->who.actors[i].sub),
		    .issuer = iss};
	}
	r->out->record.act = act;
	r->out->record.n_act = r->who.n_actors;
	return OR_OK;
}

/* RFC 8705 §3.1: the token counts over a connection with that very certificate alone. */
static bool is_bound_elsewhere(const struct ag_decide_case *r)
{
	struct or_buf text;
	bool same;

	if (!r->who.bound_cert.n)
		return false;
	or_buf_init(&text, 2 * OR_CRYPTO_HASH_LEN);
	or_str_base64url_encode(&text, r->ask->cert_hash);
	same = text.n && or_slice_eq(or_buf_slice(&text), r->who.bound_cert);
	or_buf_done(&text);
	return !same;
}

/* By its certificate. False: the decision has been made. */
static bool identify_workload(struct ag_decide_case *r, enum or_code *rc)
{
	static const size_t scheme = sizeof("spiffe://") - 1;
	struct or_slice id = r->ask->workload;

	if (!id.n) {
		*rc = ag_decide_conclude(r, AG_DECIDE_UNAUTHENTICATED,
		    r->ask->cert_fault ? r->ask->cert_fault : "token_missing");
		return false;
	}
	r->out->record.principal = (struct wire_principal){.type = OR_SLICE_LIT("Workload"),
	    .id = id,
	    .issuer = or_slice(id.p, or_str_find(id, '/', scheme))};
	return true;
}

static enum or_code take_who(struct ag_decide_case *r)
{
	r->out->record.principal = (struct wire_principal){
	    .type = r->who.workload ? OR_SLICE_LIT("Workload") : OR_SLICE_LIT("User"),
	    .id = ag_decide_join(r->a, r->who.issuer, "#", r->who.sub),
	    .issuer = r->who.issuer};
	return put_act(r);
}

static bool identify_token(struct ag_decide_case *r, enum or_code *rc)
{
	struct ag_identity_verdict v =
	    ag_identity_check(r->d->opt.identity, &r->who, r->ask->token, r->ask->now_ns, r->a);
	if (v.reason != AG_JWT_OK) {
		*rc =
		    ag_decide_conclude(r, AG_DECIDE_UNAUTHENTICATED, ag_jwt_reason_name(v.reason));
		return false;
	}
	if (is_bound_elsewhere(r)) {
		*rc = ag_decide_conclude(r, AG_DECIDE_UNAUTHENTICATED, "token_bound");
		return false;
	}
	*rc = take_who(r);
	return *rc == OR_OK;
}

/* Whom the front knows. */
static bool identify_who(struct ag_decide_case *r, enum or_code *rc)
{
	r->who = *r->ask->who;
	*rc = take_who(r);
	return *rc == OR_OK;
}

/* False: the decision has been made. */
static bool identify(struct ag_decide_case *r, enum or_code *rc)
{
	bool known = r->ask->who       ? identify_who(r, rc)
		     : r->ask->token.p ? identify_token(r, rc)
				       : identify_workload(r, rc);

	r->out->unproven = !known;
	return known;
}

/* What no policy can ask for would only be something that the schema does not know. */
static bool is_asked_for(
    const struct pol_schema *schema, struct or_slice action, const struct ag_decide_extra *extra)
{
	struct pol_uid uid = AG_DECIDE_UID("Action", action);
	const struct pol_action *declared = schema ? pol_schema_action_find(schema, &uid) : NULL;
	const struct pol_attr *attr =
	    declared ? pol_schema_attr_of(declared->context, or_slice_str(extra->name)) : NULL;

	return !schema || (attr && attr->type->kind == POL_TYPE_STRING);
}

static enum or_code put_context(struct ag_decide_case *r, const struct pol_schema *schema)
{
	const struct ag_decide_ask *ask = r->ask;
	struct pol_value *keys = or_arena_array(r->a, ask->n_query_keys, sizeof(*keys)), query;
	struct pol_field fields[FIELDS_MAX];
	struct pol_ip ip;
	size_t n = 0;
	enum or_code rc;

	if (!keys)
		return OR_FULL;
	for (size_t i = 0; i < ask->n_query_keys; i++)
		keys[i] = pol_value_string(ask->query_keys[i]);
	rc = pol_value_set(&query, r->a, keys, ask->n_query_keys);
	if (rc)
		return rc;
	fields[n++] = (struct pol_field){OR_SLICE_LIT("method"), pol_value_string(ask->method)};
	fields[n++] = (struct pol_field){OR_SLICE_LIT("path"),
	    pol_value_string(ask->path.n ? ask->path : ag_decide_rows_path(r))};
	fields[n++] = (struct pol_field){OR_SLICE_LIT("query"), query};
	/* An address that is none (a unix socket) leaves the attribute out: what asks for it errs.
	 */
	if (pol_ext_ip_parse(&ip, ask->client_ip) == OR_OK) {
		struct pol_value v = {.kind = POL_IP, .ip = pol_ext_ip_dup(r->a, &ip)};

		if (!v.ip)
			return OR_FULL;
		fields[n++] = (struct pol_field){OR_SLICE_LIT("client"), v};
	}
	if (ask->purpose.n)
		fields[n++] =
		    (struct pol_field){OR_SLICE_LIT("purpose"), pol_value_string(ask->purpose)};
	OR_ASSERT(ask->n_extras <= AG_DECIDE_EXTRAS_MAX);
	for (size_t i = 0; i < ask->n_extras; i++) {
		if (is_asked_for(schema, r->out->record.action, &ask->extras[i]))
			fields[n++] = (struct pol_field){or_slice_str(ask->extras[i].name),
			    pol_value_string(ask->extras[i].value)};
	}
	return pol_value_record(&r->context, r->a, fields, n);
}

static enum or_code put_entities(struct ag_decide_case *r, const struct pol_bundle *bundle)
{
	const struct pol_entities *bases[] = {r->d->ports, pol_bundle_entities(bundle)};
	struct pol_uid *groups = or_arena_array(r->a, r->who.n_groups, sizeof(*groups));
	enum or_code rc;

	if (!groups)
		return OR_FULL;
	pol_ctx_begin(r->d->ctx, bases, bases[1] ? 2 : 1);
	for (size_t i = 0; i < r->who.n_groups; i++)
		groups[i] = AG_DECIDE_UID(
		    "Group", ag_decide_join(r->a, r->who.issuer, "#", r->who.groups[i]));
	rc = ag_subject_attributes(&r->attrs, &r->unfit, pol_bundle_schema(bundle),
	    r->out->record.principal.type, r->who.claims, r->a);
	r->principal = pol_uid_make(r->out->record.principal.type, r->out->record.principal.id);
	r->action = AG_DECIDE_UID("Action", r->out->record.action);
	r->resource = pol_uid_make(r->out->record.resource.type, r->out->record.resource.id);
	if (rc == OR_OK)
		rc = pol_ctx_put(r->d->ctx, &r->principal, r->attrs, groups, r->who.n_groups);
	return rc || !r->row ? rc : ag_decide_rows_put(r);
}

/* What decided besides what the record says itself: groups, attributes, context. */
static enum or_code put_inputs(struct ag_decide_case *r)
{
	uint8_t *hash = or_arena_alloc(r->a, OR_CRYPTO_HASH_LEN);
	struct or_jsonw w;
	struct or_buf b;

	or_buf_init(&b, INPUTS_MAX);
	or_jsonw_init(&w, &b, 0);
	or_jsonw_object(&w);
	or_jsonw_key(&w, "attributes");
	ag_subject_json_record(&w, r->attrs);
	or_jsonw_key(&w, "groups");
	or_jsonw_array(&w);
	for (size_t i = 0; i < r->who.n_groups; i++)
		or_jsonw_str(&w, r->who.groups[i]);
	or_jsonw_end(&w);
	or_jsonw_key(&w, "query");
	ag_subject_json_value(&w, pol_value_field(r->context, OR_SLICE_LIT("query")));
	if (r->ask->purpose.n)
		or_jsonw_kv_str(&w, "purpose", r->ask->purpose);
	for (size_t i = 0; i < r->ask->n_extras; i++)
		or_jsonw_kv_str(&w, r->ask->extras[i].name, r->ask->extras[i].value);
	if (r->row) {
		or_jsonw_key(&w, "row");
		ag_subject_json_record(&w, r->row);
	}
	or_jsonw_end(&w);
	r->out->inputs = or_buf_ok(&b) ? or_arena_dup(r->a, or_buf_slice(&b)) : OR_SLICE_NONE;
	or_buf_done(&b);
	if (!hash || !r->out->inputs.p)
		return OR_FULL;
	or_crypto_sha256(hash, r->out->inputs);
	r->out->record.inputs = or_slice(hash, OR_CRYPTO_HASH_LEN);
	return OR_OK;
}

/* The decision's own memory goes with the next request: what the record needs is copied. */
static enum or_code put_reasons(struct ag_decide_case *r, const struct pol_decision *d)
{
	size_t n = d->n_reasons < WIRE_AUDIT_LIST_MAX ? d->n_reasons : WIRE_AUDIT_LIST_MAX;
	size_t n_errors = d->n_errors < WIRE_AUDIT_LIST_MAX ? d->n_errors : WIRE_AUDIT_LIST_MAX;
	struct or_slice *policies = or_arena_array(r->a, n, sizeof(*policies));
	struct wire_policy_error *errors = or_arena_array(r->a, n_errors, sizeof(*errors));

	if (!policies || !errors)
		return OR_FULL;
	for (size_t i = 0; i < n; i++)
		policies[i] = or_arena_dup(r->a, d->reasons[i]->id);
	for (size_t i = 0; i < n_errors; i++)
		errors[i] = (struct wire_policy_error){
		    .policy = or_arena_dup(r->a, d->errors[i].policy->id),
		    .message = or_arena_dup(r->a, or_slice_str(d->errors[i].msg))};
	r->out->record.policies = policies;
	r->out->record.n_policies = n;
	r->out->record.policy_errors = errors;
	r->out->record.n_policy_errors = n_errors;
	return or_arena_is_full(r->a) ? OR_FULL : OR_OK;
}

/* An allow that is bound to what no front can carry out is none: never unmasked instead. */
static bool owes(const struct pol_decision *d)
{
	static const char *const keys[] = {"mask", "filter", "obligation"};

	for (size_t i = 0; i < d->n_reasons; i++) {
		for (size_t k = 0; k < OR_LEN(keys); k++) {
			if (pol_set_annotation(d->reasons[i], keys[k]))
				return true;
		}
	}
	return false;
}

/* False: something is owed that nobody here can carry out. */
static bool oblige(struct ag_decide_case *r, const struct pol_decision *d)
{
	const struct ag_decide_opt *opt = &r->d->opt;

	if (!opt->oblige)
		return !owes(d);
	if (opt->oblige(opt->oblige_arg, &r->out->filter, d, r->out, r->a))
		return false;
	if (!r->out->filter)
		return true;
	if (r->ask->cannot_filter)
		return false;
	r->out->record.obligations = r->out->filter->obligations;
	r->out->record.n_obligations = r->out->filter->n_obligations;
	return true;
}

static const char *reason_of(const struct pol_decision *d, bool carried)
{
	if (d->allow)
		return carried ? "policy_permit" : "obligation_unsupported";
	if (d->n_reasons)
		return "policy_forbid";
	return d->by_error ? "policy_error" : "no_permit";
}

void ag_decide_note(struct ag_decide_case *r, const char *key, struct or_slice value)
{
	struct wire_audit *rec = &r->out->record;

	/* Where the arena is used up the decision is none. */
	if (!r->notes)
		r->notes = or_arena_array(r->a, AG_DECIDE_NOTES_MAX, sizeof(*r->notes));
	if (!r->notes)
		return;
	OR_ASSERT(rec->n_attributes < AG_DECIDE_NOTES_MAX);
	r->notes[rec->n_attributes++] =
	    (struct wire_attribute){.key = or_slice_str(key), .value = value};
	rec->attributes = r->notes;
}

/* A deny that no policy had a say in; the attribute tells what did not fit. */
enum or_code ag_decide_deny_unfit(
    struct ag_decide_case *r, const char *reason, const char *key, struct or_slice value)
{
	ag_decide_note(r, key, or_arena_dup(r->a, value));
	return ag_decide_conclude(r, AG_DECIDE_DENY, reason);
}

/* Purposes are asked for by name: one that the owner does not list is none that was agreed on. */
static bool is_purpose_listed(const struct ag_decide_case *r)
{
	struct dp_settings s = dp_product_setting(r->d->opt.folder->product, r->out->port);

	if (!r->ask->purpose.n || !s.n_purposes)
		return true;
	for (size_t i = 0; i < s.n_purposes; i++) {
		if (or_slice_eq(s.purposes[i], r->ask->purpose))
			return true;
	}
	return false;
}

/*
 * Policies were validated against their schema, and say what was meant only of what fits it: a
 * forbid that asks for `principal has x` or for an action's group passes by what it does not know.
 * False: the decision has been made.
 */
static bool check_fit(struct ag_decide_case *r, const struct pol_bundle *bundle,
    const struct pol_request *request, enum or_code *rc)
{
	const struct pol_schema *schema = pol_bundle_schema(bundle);
	const struct pol_entity *principal = pol_ctx_find(r->d->ctx, &r->principal);
	const struct pol_entity *row = r->row ? pol_ctx_find(r->d->ctx, &r->resource) : NULL;
	struct or_err err = {0};

	*rc = OR_OK;
	if (!is_purpose_listed(r))
		*rc = ag_decide_deny_unfit(r, "purpose_unknown", "purpose", r->ask->purpose);
	else if (r->unfit.p)
		*rc = ag_decide_deny_unfit(r, "claim_type", "claim", r->unfit);
	else if (schema && pol_conform_request(schema, request, &err))
		*rc = ag_decide_deny_unfit(r, "not_in_schema", "schema", or_slice_str(err.msg));
	else if (schema && pol_conform_entity(schema, principal, &err))
		*rc = ag_decide_deny_unfit(r, "principal_unfit", "schema", or_slice_str(err.msg));
	else if (schema && row && pol_conform_entity(schema, row, &err))
		*rc = ag_decide_deny_unfit(r, "row_unfit", "schema", or_slice_str(err.msg));
	else
		return true;
	return false;
}

static enum or_code put_bundle(struct ag_decide_case *r, const struct pol_bundle *bundle)
{
	uint8_t *hash = or_arena_alloc(r->a, OR_CRYPTO_HASH_LEN);

	if (!hash)
		return OR_FULL;
	memcpy(hash, pol_bundle_hash(bundle), OR_CRYPTO_HASH_LEN);
	r->out->record.bundle_sha256 = or_slice(hash, OR_CRYPTO_HASH_LEN);
	r->out->record.bundle_revision = pol_bundle_revision(bundle);
	return OR_OK;
}

/* All that policies are asked about. False: the decision has been made, or *rc says why none can.
 */
static bool prepare(struct ag_decide_case *r, const struct pol_bundle *bundle, enum or_code *rc)
{
	*rc = put_context(r, pol_bundle_schema(bundle));
	if (*rc == OR_OK && r->ask->rows && !ag_decide_rows_read(r, rc))
		return false;
	if (*rc == OR_OK)
		*rc = put_entities(r, bundle);
	if (*rc == OR_OK)
		*rc = put_inputs(r);
	if (*rc == OR_OK)
		*rc = put_bundle(r, bundle);
	return *rc == OR_OK;
}

static enum or_code authorize(struct ag_decide_case *r, const struct pol_bundle *bundle)
{
	const struct pol_set *set = pol_bundle_set(bundle);
	struct pol_request request = {
	    .on_forbid_error = POL_FORBID_ERROR_DENY, .skip = AG_DECIDE_SKIP_TRIAL};
	struct pol_decision decision;
	enum or_code rc;
	bool carried;

	if (!prepare(r, bundle, &rc))
		return rc;
	request.principal = r->principal;
	request.action = r->action;
	request.resource = r->resource;
	request.context = r->context;
	if (!check_fit(r, bundle, &request, &rc))
		return rc;
	r->by_policy = true;
	if (r->ask->rows && !r->row)
		return ag_decide_rows_filter(r, bundle);
	rc = pol_authorize_request(&decision, r->d->ctx, &set, 1, &request);
	if (rc == OR_OK)
		rc = put_reasons(r, &decision);
	if (rc)
		return OR_FULL;
	carried = !decision.allow || oblige(r, &decision);
	ag_decide_conclude(r, decision.allow && carried ? AG_DECIDE_ALLOW : AG_DECIDE_DENY,
	    reason_of(&decision, carried));
	return ag_decide_mode_try(r, set, &request, &decision);
}

enum or_code ag_decide_run(struct ag_decide_result *out, struct ag_decide *d,
    const struct ag_decide_ask *ask, struct or_arena *a)
{
	struct ag_decide_result result = {0};
	struct ag_decide_case r = {.d = d, .ask = ask, .a = a, .out = &result};
	struct pol_bundle *bundle = ag_bundle_get(d->opt.bundle);
	enum or_code rc = OR_OK;
	bool known = ask->rows ? ag_decide_rows_route(&r) : route(&r);

	begin_record(&r);
	/* Who asks comes before whether there is such a port: strangers learn nothing. */
	if (identify(&r, &rc) && known && !ag_decide_mode_observes(&r)) {
		r.by_policy = !bundle;
		rc = bundle ? authorize(&r, bundle)
			    : ag_decide_conclude(&r, AG_DECIDE_UNAVAILABLE, "no_bundle");
	}
	if (rc == OR_OK)
		ag_decide_mode_settle(&r);
	if (rc || or_arena_is_full(a))
		return OR_FULL;
	*out = result;
	return OR_OK;
}
