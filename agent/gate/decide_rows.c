/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/decide_inside.h"
#include "base/str.h"
#include "policy/ext_datetime.h"

#include <math.h>

enum { UCAST_MAX = 1024 * 1024, DEPTH_MAX = 32, PARENTS_MAX = DP_PRODUCT_PORTS_MAX + 2 };

#define DECIMAL_ONE 10000.0 /* what Cedar's decimal counts in */
#define DECIMAL_MAX 9e14    /* below it a double holds each of four decimals */

/* -- the table -- */

static const struct dp_table *find_table(
    const struct dp_folder *folder, const struct dp_port *port, struct or_slice name)
{
	const struct dp_contract *c = dp_folder_contract(folder, port);

	for (size_t i = 0; c && i < c->n_tables; i++) {
		if (or_slice_eq(c->tables[i].name, name))
			return &c->tables[i];
	}
	return NULL;
}

bool ag_decide_rows_route(struct ag_decide_case *r)
{
	const struct dp_folder *folder = r->d->opt.folder;
	const struct dp_product *product = folder->product;
	const struct ag_decide_rows_ask *rows = r->ask->rows;
	const struct dp_port *port = NULL;
	struct wire_audit *rec = &r->out->record;

	for (size_t i = 0; i < product->n_outputs && !r->table; i++) {
		port = &product->outputs[i];
		if (!rows->port.n || or_slice_eq(rows->port, port->name))
			r->table = find_table(folder, port, rows->table);
	}
	ag_decide_take_port(r, r->table ? port : NULL);
	rec->resource.type = OR_SLICE_LIT("Row");
	rec->resource.id = ag_decide_join(r->a, product->id, "/", rows->table);
	rec->action = or_slice_str(ag_decide_action_of(r->ask->method));
	if (!r->table)
		ag_decide_conclude(r, AG_DECIDE_DENY, "table_unknown");
	else if (!rec->action.n)
		ag_decide_conclude(r, AG_DECIDE_DENY, "method_unknown");
	return r->table && rec->action.n;
}

struct or_slice ag_decide_rows_path(const struct ag_decide_case *r)
{
	const struct dp_product *p = r->d->opt.folder->product;
	const struct dp_port *port = r->out->port;

	for (size_t i = 0; i < p->settings.n_routes; i++) {
		if (or_slice_eq(p->settings.routes[i].port, port->name))
			return p->settings.routes[i].path;
	}
	return p->n_outputs > 1 ? ag_decide_join(r->a, OR_SLICE_NONE, "/", port->name)
				: OR_SLICE_LIT("/");
}

/* The ports that serve the table's contract, the product and its domain. */
static size_t put_parents(const struct ag_decide_case *r, struct pol_uid *parents)
{
	const struct dp_folder *folder = r->d->opt.folder;
	const struct dp_product *p = folder->product;
	size_t n = 0;

	for (size_t i = 0; i < p->n_outputs; i++) {
		if (find_table(folder, &p->outputs[i], r->table->name) == r->table)
			parents[n++] = AG_DECIDE_UID(
			    "Port", ag_decide_join(r->a, p->id, "/", p->outputs[i].name));
	}
	parents[n++] = AG_DECIDE_UID("Product", p->id);
	if (p->domain.p)
		parents[n++] = AG_DECIDE_UID("Domain", p->domain);
	return n;
}

/* -- one row -- */

static bool convert(struct pol_value *out, const struct or_json *v, struct or_arena *a, int depth);

static bool convert_set(
    struct pol_value *out, const struct or_json *v, struct or_arena *a, int depth)
{
	struct pol_value *items = or_arena_array(a, v->array.n, sizeof(*items));

	for (size_t i = 0; items && i < v->array.n; i++) {
		if (!convert(&items[i], v->array.items[i], a, depth + 1))
			return false;
	}
	return items && pol_value_set(out, a, items, v->array.n) == OR_OK;
}

static bool convert_record(
    struct pol_value *out, const struct or_json *v, struct or_arena *a, int depth)
{
	struct pol_field *fields = or_arena_array(a, v->object.n, sizeof(*fields));
	const struct pol_record *rec;
	size_t n = 0;

	for (size_t i = 0; fields && i < v->object.n; i++) {
		if (v->object.members[i].value->type == OR_JSON_NULL)
			continue;
		fields[n].key = v->object.members[i].key;
		if (!convert(&fields[n++].value, v->object.members[i].value, a, depth + 1))
			return false;
	}
	if (!fields || pol_value_record(&rec, a, fields, n))
		return false;
	*out = pol_value_rec(rec);
	return true;
}

/* A number with at most four decimals is a decimal; others are nothing that Cedar knows. */
static bool convert_real(struct pol_value *out, double v)
{
	double scaled = round(v * DECIMAL_ONE);

	if (!(fabs(scaled) <= DECIMAL_MAX) || scaled / DECIMAL_ONE != v)
		return false;
	*out = pol_value_scaled(POL_DECIMAL, (int64_t)scaled);
	return true;
}

/* By what it is in JSON. */
static bool convert(struct pol_value *out, const struct or_json *v, struct or_arena *a, int depth)
{
	switch (v->type) {
	case OR_JSON_BOOL: *out = pol_value_bool(v->b); return true;
	case OR_JSON_INT: *out = pol_value_long(v->i); return true;
	case OR_JSON_STR: *out = pol_value_string(v->s); return true;
	case OR_JSON_REAL: return convert_real(out, v->r);
	case OR_JSON_ARRAY: return depth < DEPTH_MAX && convert_set(out, v, a, depth);
	case OR_JSON_OBJECT: return depth < DEPTH_MAX && convert_record(out, v, a, depth);
	case OR_JSON_NULL:
	default: return false;
	}
}

static bool convert_column(struct pol_value *out, const struct dp_column *column,
    const struct or_json *v, struct or_arena *a)
{
	int64_t ms;

	switch (pol_filter_type_of(column->logical_type)) {
	case POL_FILTER_LONG: return v->type == OR_JSON_INT && convert(out, v, a, 0);
	case POL_FILTER_STRING: return v->type == OR_JSON_STR && convert(out, v, a, 0);
	case POL_FILTER_BOOL: return v->type == OR_JSON_BOOL && convert(out, v, a, 0);
	case POL_FILTER_DATETIME:
		if (v->type != OR_JSON_STR || pol_ext_datetime_parse(&ms, v->s))
			return false;
		*out = pol_value_scaled(POL_DATETIME, ms);
		return true;
	case POL_FILTER_OTHER:
	default: return convert(out, v, a, 0);
	}
}

static const struct dp_column *find_column(const struct dp_table *t, struct or_slice name)
{
	for (size_t i = 0; i < t->n_columns; i++) {
		if (or_slice_eq(t->columns[i].name, name))
			return &t->columns[i];
	}
	return NULL;
}

bool ag_decide_rows_read(struct ag_decide_case *r, enum or_code *rc)
{
	const struct or_json *row = r->ask->rows->row;
	struct pol_field *fields;
	size_t n = 0;

	*rc = OR_OK;
	if (!row)
		return true;
	fields = or_arena_array(r->a, row->object.n, sizeof(*fields));
	for (size_t i = 0; fields && i < row->object.n; i++) {
		const struct or_json_member *m = &row->object.members[i];
		const struct dp_column *column = find_column(r->table, m->key);

		if (!column)
			*rc = ag_decide_deny_unfit(r, "row_column", "column", m->key);
		else if (m->value->type == OR_JSON_NULL)
			continue;
		else if (!convert_column(&fields[n].value, column, m->value, r->a))
			*rc = ag_decide_deny_unfit(r, "row_type", "column", m->key);
		else {
			fields[n++].key = m->key;
			continue;
		}
		return false;
	}
	*rc = fields ? pol_value_record(&r->row, r->a, fields, n) : OR_FULL;
	return *rc == OR_OK;
}

enum or_code ag_decide_rows_put(struct ag_decide_case *r)
{
	struct pol_uid *parents = or_arena_array(r->a, PARENTS_MAX, sizeof(*parents));

	if (!parents)
		return OR_FULL;
	return pol_ctx_put(r->d->ctx, &r->resource, r->row, parents, put_parents(r, parents));
}

/* -- a filter -- */

static enum or_code fill_table(struct pol_filter_table *t, struct ag_decide_case *r)
{
	const struct dp_table *table = r->table;
	struct pol_uid *parents = or_arena_array(r->a, PARENTS_MAX, sizeof(*parents));
	struct pol_filter_column *columns =
	    or_arena_array(r->a, table->n_columns, sizeof(*columns));

	if (!parents || !columns)
		return OR_FULL;
	for (size_t i = 0; i < table->n_columns; i++)
		columns[i] = (struct pol_filter_column){
		    table->columns[i].name, pol_filter_type_of(table->columns[i].logical_type)};
	*t = (struct pol_filter_table){.row = r->resource,
	    .parents = parents,
	    .n_parents = put_parents(r, parents),
	    .name = table->physical_name.n ? table->physical_name : table->name,
	    .columns = columns,
	    .n_columns = table->n_columns};
	if (r->ask->rows->alias.n)
		t->name = r->ask->rows->alias;
	return OR_OK;
}

/* The policies that may have a say, and those that err for every row. */
static enum or_code put_policies(struct ag_decide_case *r, const struct pol_partial *p)
{
	struct wire_audit *rec = &r->out->record;
	struct or_slice *policies = or_arena_array(r->a, WIRE_AUDIT_LIST_MAX, sizeof(*policies));
	struct wire_policy_error *errors =
	    or_arena_array(r->a, WIRE_AUDIT_LIST_MAX, sizeof(*errors));

	if (!policies || !errors)
		return OR_FULL;
	rec->policies = policies;
	rec->policy_errors = errors;
	for (size_t i = 0; i < p->n; i++) {
		struct or_slice id = or_arena_dup(r->a, p->items[i].policy->id);

		if (p->items[i].state != POL_PARTIAL_ERROR) {
			if (rec->n_policies < WIRE_AUDIT_LIST_MAX)
				policies[rec->n_policies++] = id;
		} else if (rec->n_policy_errors < WIRE_AUDIT_LIST_MAX) {
			errors[rec->n_policy_errors++] = (struct wire_policy_error){
			    .policy = id, .message = OR_SLICE_LIT("errs for every row")};
		}
	}
	return or_arena_is_full(r->a) ? OR_FULL : OR_OK;
}

static bool owes_more(const struct pol_partial *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct pol_policy *policy = p->items[i].policy;

		if (!policy->forbid && (pol_set_annotation(policy, "filter") ||
					   pol_set_annotation(policy, "obligation")))
			return true;
	}
	return false;
}

/* What is owed with the rows, as the record and the asker have it. */
static enum or_code put_masks(struct ag_decide_case *r, const struct pol_masks *masks)
{
	struct pol_mask *copies = or_arena_array(r->a, masks->n, sizeof(*copies));
	struct or_slice *texts = or_arena_array(r->a, masks->n + 1, sizeof(*texts));
	struct or_buf b;

	if (!copies || !texts)
		return OR_FULL;
	texts[0] = ag_decide_join(r->a, OR_SLICE_LIT("filter"), ":", r->table->name);
	or_buf_init(&b, UCAST_MAX);
	for (size_t i = 0; i < masks->n; i++) {
		copies[i] = (struct pol_mask){.column = or_arena_dup(r->a, masks->items[i].column),
		    .kind = masks->items[i].kind,
		    .n = masks->items[i].n,
		    .constant = or_arena_dup(r->a, masks->items[i].constant)};
		or_buf_clear(&b);
		or_buf_put_str(&b, "mask:");
		or_buf_put_slice(&b, copies[i].column);
		or_buf_put_byte(&b, ':');
		pol_mask_print_kind(&b, &copies[i]);
		texts[i + 1] = or_arena_dup(r->a, or_buf_slice(&b));
	}
	or_buf_done(&b);
	r->out->rows.masks = copies;
	r->out->rows.n_masks = masks->n;
	r->out->record.obligations = texts;
	r->out->record.n_obligations = masks->n + 1;
	return or_arena_is_full(r->a) ? OR_FULL : OR_OK;
}

static enum or_code translate_sql(
    struct ag_decide_case *r, const struct pol_filter *f, struct or_err *err)
{
	static const enum pol_filter_dialect dialects[] = {
	    [AG_DECIDE_ROWS_POSTGRESQL] = POL_FILTER_POSTGRES,
	    [AG_DECIDE_ROWS_SQLITE] = POL_FILTER_SQLITE,
	    [AG_DECIDE_ROWS_TRINO] = POL_FILTER_TRINO};
	struct pol_filter_sql sql;
	struct pol_value *params;
	enum or_code rc =
	    pol_filter_sql(&sql, f, dialects[r->ask->rows->form], pol_ctx_arena(r->d->ctx), err);

	if (rc)
		return rc;
	params = or_arena_array(r->a, sql.n_params, sizeof(*params));
	for (size_t i = 0; params && i < sql.n_params && rc == OR_OK; i++)
		rc = pol_value_dup(&params[i], r->a, &sql.params[i]);
	r->out->rows.sql = or_arena_dup(r->a, sql.text);
	r->out->rows.params = params;
	r->out->rows.n_params = sql.n_params;
	return params ? rc : OR_FULL;
}

static enum or_code translate(
    struct ag_decide_case *r, const struct pol_filter *f, struct or_err *err)
{
	struct or_jsonw w;
	struct or_buf b;
	enum or_code rc;

	if (r->ask->rows->form != AG_DECIDE_ROWS_UCAST)
		return translate_sql(r, f, err);
	or_buf_init(&b, UCAST_MAX);
	or_jsonw_init(&w, &b, 0);
	rc = pol_filter_ucast(&w, f, pol_ctx_arena(r->d->ctx), err);
	if (rc == OR_OK && !or_buf_ok(&b))
		rc = or_err_set(err, OR_FULL, "the condition is too large");
	r->out->rows.ucast = rc ? OR_SLICE_NONE : or_arena_dup(r->a, or_buf_slice(&b));
	or_buf_done(&b);
	return rc;
}

static const char *reason_of_none(const struct pol_partial *p)
{
	const char *reason = "no_permit";

	for (size_t i = 0; i < p->n; i++) {
		if (!p->items[i].policy->forbid)
			continue;
		if (p->items[i].state == POL_PARTIAL_YES)
			return "policy_forbid";
		if (p->items[i].state == POL_PARTIAL_ERROR)
			reason = "policy_error";
	}
	return reason;
}

static enum or_code settle(struct ag_decide_case *r, const struct pol_filter *f)
{
	struct or_err err = {0};
	enum or_code rc = put_policies(r, &f->partial);

	if (rc)
		return rc;
	r->out->rows.verdict = f->verdict;
	r->out->rows.table = or_arena_dup(r->a, f->req->table->name);
	if (f->verdict == POL_FILTER_NONE)
		return ag_decide_conclude(r, AG_DECIDE_DENY, reason_of_none(&f->partial));
	if (owes_more(&f->partial))
		return ag_decide_conclude(r, AG_DECIDE_DENY, "obligation_unsupported");
	if (translate(r, f, &err))
		return ag_decide_deny_unfit(
		    r, "filter_unsupported", "filter", or_slice_str(err.msg));
	rc = put_masks(r, &f->masks);
	/* The condition as it was given, for the trail. */
	ag_decide_note(r, "filter", r->out->rows.sql.n ? r->out->rows.sql : r->out->rows.ucast);
	return rc ? rc : ag_decide_conclude(r, AG_DECIDE_ALLOW, "policy_permit");
}

enum or_code ag_decide_rows_filter(struct ag_decide_case *r, const struct pol_bundle *bundle)
{
	const struct pol_set *set = pol_bundle_set(bundle);
	struct pol_filter_table table;
	struct pol_filter_request req = {.principal = r->principal,
	    .action = r->action,
	    .context = r->context,
	    .on_forbid_error = POL_FORBID_ERROR_DENY,
	    .skip = AG_DECIDE_SKIP_TRIAL,
	    .table = &table};
	struct pol_filter f;
	struct or_err err = {0};
	enum or_code rc = fill_table(&table, r);

	if (rc)
		return rc;
	rc = pol_filter_make(&f, r->d->ctx, &set, 1, &req, &err);
	if (rc == OR_FULL)
		return rc;
	if (rc)
		return ag_decide_deny_unfit(
		    r, "filter_unsupported", "filter", or_slice_str(err.msg));
	return settle(r, &f);
}
