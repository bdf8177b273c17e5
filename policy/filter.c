/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/filter.h"

#include <stdlib.h>

enum pol_filter_type pol_filter_type_of(struct or_slice logical_type)
{
	static const struct {
		const char *name;
		enum pol_filter_type type;
	} table[] = {{"string", POL_FILTER_STRING}, {"integer", POL_FILTER_LONG},
	    {"boolean", POL_FILTER_BOOL}, {"timestamp", POL_FILTER_DATETIME},
	    {"date", POL_FILTER_DATETIME}};

	for (size_t i = 0; i < OR_LEN(table); i++) {
		if (or_slice_is(logical_type, table[i].name))
			return table[i].type;
	}
	return POL_FILTER_OTHER;
}

static int on_attrs(const void *a, const void *b)
{
	const struct pol_attr *x = a, *y = b;

	return or_slice_cmp(x->name, y->name);
}

static enum or_code check_name(struct or_slice name, struct or_err *err)
{
	if (name.n && !memchr(name.p, 0, name.n))
		return OR_OK;
	return or_err_set(err, OR_INVAL, "a table and its columns need names without U+0000");
}

/* The columns as the attributes that a row may have. */
static enum or_code make_shape(struct pol_type *shape, struct or_arena *a,
    const struct pol_filter_table *t, struct or_err *err)
{
	struct pol_attr *attrs = or_arena_array(a, t->n_columns, sizeof(*attrs));
	enum or_code rc = check_name(t->name, err);

	if (t->n_columns > POL_FILTER_COLUMNS_MAX)
		return or_err_set(
		    err, OR_INVAL, "a table has at most %d columns", POL_FILTER_COLUMNS_MAX);
	if (!attrs)
		return or_err_set(err, OR_FULL, "the table needs more memory than its budget");
	for (size_t i = 0; i < t->n_columns && rc == OR_OK; i++) {
		attrs[i].name = t->columns[i].name;
		rc = check_name(t->columns[i].name, err);
	}
	if (t->n_columns > 1)
		qsort(attrs, t->n_columns, sizeof(*attrs), on_attrs);
	for (size_t i = 1; i < t->n_columns && rc == OR_OK; i++) {
		if (or_slice_eq(attrs[i - 1].name, attrs[i].name))
			rc = or_err_set(err, OR_INVAL, "the table has two columns %.*s",
			    OR_SLICE_FMT(attrs[i].name));
	}
	*shape =
	    (struct pol_type){.kind = POL_TYPE_RECORD, .attrs = attrs, .n_attrs = t->n_columns};
	return rc;
}

/* Masks count for every permit that may let a row through: which do, differs from row to row. */
static enum or_code collect_masks(struct pol_filter *f, struct or_arena *a, struct or_err *err)
{
	const struct pol_policy **permits = or_arena_array(a, f->partial.n, sizeof(*permits));
	size_t n = 0;

	if (!permits)
		return or_err_set(err, OR_FULL, "the filter needs more memory than its budget");
	for (size_t i = 0; i < f->partial.n; i++) {
		const struct pol_partial_residual *r = &f->partial.items[i];

		if (!r->policy->forbid && r->state != POL_PARTIAL_ERROR)
			permits[n++] = r->policy;
	}
	return pol_mask_collect(&f->masks, a, permits, n, err);
}

enum or_code pol_filter_make(struct pol_filter *out, struct pol_ctx *ctx,
    const struct pol_set *const *sets, size_t n_sets, const struct pol_filter_request *req,
    struct or_err *err)
{
	static const enum pol_filter_verdict verdicts[] = {[POL_PARTIAL_DENY] = POL_FILTER_NONE,
	    [POL_PARTIAL_ALLOW] = POL_FILTER_ALL,
	    [POL_PARTIAL_UNDECIDED] = POL_FILTER_SOME};
	const struct pol_filter_table *t = req->table;
	struct or_arena *a = pol_ctx_arena(ctx);
	/* Residuals refer to it. */
	struct pol_partial_request *ask = or_arena_alloc(a, sizeof(*ask));
	struct pol_type *shape = or_arena_alloc(a, sizeof(*shape));
	struct pol_filter f = {.req = req};
	enum or_code rc;

	if (!ask || !shape)
		return or_err_set(err, OR_FULL, "the filter needs more memory than its budget");
	rc = make_shape(shape, a, t, err);
	if (rc)
		return rc;
	rc = pol_ctx_put(ctx, &t->row, NULL, t->parents, t->n_parents);
	if (rc)
		return or_err_set(err, rc, "the row cannot be put into the context");
	*ask = (struct pol_partial_request){.principal = {.uid = req->principal},
	    .action = req->action,
	    .resource = {.uid = t->row, .unknown = POL_PARTIAL_ATTRS, .shape = shape},
	    .context = req->context,
	    .on_forbid_error = req->on_forbid_error,
	    .skip = req->skip};
	rc = pol_partial_evaluate(&f.partial, ctx, sets, n_sets, ask);
	if (rc)
		return or_err_set(err, rc, "the policies need more memory than their budget");
	f.verdict = verdicts[f.partial.verdict];
	if (f.verdict != POL_FILTER_NONE)
		rc = collect_masks(&f, a, err);
	if (rc == OR_OK)
		*out = f;
	return rc;
}
