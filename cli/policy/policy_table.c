/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/policy/policy_table.h"

#include "base/str.h"

enum { NAMES_MAX = 4096, PARENTS_MAX = DP_PRODUCT_PORTS_MAX + 2 };

static struct or_slice row_id(struct ctl_policy_world *w, struct or_slice table)
{
	if (!w->folder)
		return table;
	return or_slice_str(or_arena_printf(
	    w->arena, "%.*s/%.*s", OR_SLICE_FMT(w->folder->product->id), OR_SLICE_FMT(table)));
}

/* The ports whose contract is c, the product and its domain. */
static void set_parents(
    struct pol_filter_table *t, struct ctl_policy_world *w, const struct dp_contract *c)
{
	const struct dp_product *p = w->folder->product;
	struct pol_uid *parents = or_arena_array(w->arena, PARENTS_MAX, sizeof(*parents));
	size_t n = 0;

	for (size_t i = 0; i < p->n_outputs; i++) {
		if (c && dp_folder_contract(w->folder, &p->outputs[i]) == c)
			parents[n++] =
			    pol_uid_make(OR_SLICE_LIT("Port"), row_id(w, p->outputs[i].name));
	}
	parents[n++] = pol_uid_make(OR_SLICE_LIT("Product"), p->id);
	if (p->domain.p)
		parents[n++] = pol_uid_make(OR_SLICE_LIT("Domain"), p->domain);
	t->parents = parents;
	t->n_parents = n;
}

static enum or_code from_list(
    struct pol_filter_table *t, struct ctl_policy_world *w, const char *columns, struct or_err *err)
{
	struct or_slice rest = or_slice_str(columns);
	struct pol_filter_column *list =
	    or_arena_array(w->arena, POL_FILTER_COLUMNS_MAX, sizeof(*list));
	size_t n = 0;

	while (rest.n && n < POL_FILTER_COLUMNS_MAX) {
		size_t comma = or_str_find(rest, ',', 0);
		struct or_slice one = or_slice(rest.p, comma);
		size_t colon = or_str_find(one, ':', 0);

		if (colon == 0 || colon + 1 >= one.n)
			return or_err_set(
			    err, OR_INVAL, "--columns %s: expected name:type, …", columns);
		list[n++] = (struct pol_filter_column){or_str_trim(or_slice(one.p, colon)),
		    pol_filter_type_of(or_str_trim(or_slice_from(one, colon + 1)))};
		rest = or_slice_from(rest, comma < rest.n ? comma + 1 : comma);
	}
	t->columns = list;
	t->n_columns = n;
	return OR_OK;
}

static void from_contract(
    struct pol_filter_table *t, struct ctl_policy_world *w, const struct dp_table *table)
{
	struct pol_filter_column *list = or_arena_array(w->arena, table->n_columns, sizeof(*list));

	for (size_t i = 0; i < table->n_columns; i++)
		list[i] = (struct pol_filter_column){
		    table->columns[i].name, pol_filter_type_of(table->columns[i].logical_type)};
	t->columns = list;
	t->n_columns = table->n_columns;
	if (table->physical_name.n)
		t->name = table->physical_name;
}

static const struct dp_table *find(
    const struct dp_folder *f, const char *name, const struct dp_contract **contract)
{
	for (size_t c = 0; c < f->n_contracts; c++) {
		for (size_t i = 0; i < f->contracts[c]->n_tables; i++) {
			*contract = f->contracts[c];
			if (or_slice_is(f->contracts[c]->tables[i].name, name))
				return &f->contracts[c]->tables[i];
		}
	}
	return NULL;
}

static enum or_code say_absent(const struct dp_folder *f, const char *name, struct or_err *err)
{
	struct or_buf b;

	or_buf_init(&b, NAMES_MAX);
	for (size_t c = 0; f && c < f->n_contracts; c++) {
		for (size_t i = 0; i < f->contracts[c]->n_tables; i++)
			or_buf_printf(&b, "%s%.*s", b.n ? ", " : "",
			    OR_SLICE_FMT(f->contracts[c]->tables[i].name));
	}
	or_err_set(err, OR_ABSENT,
	    "no contract has a table %s (there are: %.200s); --columns describes one", name,
	    b.n ? or_buf_text(&b) : "none");
	or_buf_done(&b);
	return OR_ABSENT;
}

enum or_code ctl_policy_table_find(struct pol_filter_table *out, struct ctl_policy_world *w,
    const char *name, const char *columns, const char *alias, struct or_err *err)
{
	const struct dp_contract *contract = NULL;
	const struct dp_table *table = NULL;
	struct pol_filter_table t = {.name = or_slice_str(name)};
	enum or_code rc = OR_OK;

	t.row = pol_uid_make(OR_SLICE_LIT("Row"), row_id(w, t.name));
	if (columns)
		rc = from_list(&t, w, columns, err);
	else if (w->folder)
		table = find(w->folder, name, &contract);
	if (rc)
		return rc;
	if (!columns && !table)
		return say_absent(w->folder, name, err);
	if (table)
		from_contract(&t, w, table);
	if (w->folder)
		set_parents(&t, w, table ? contract : NULL);
	if (alias)
		t.name = or_slice_str(alias);
	*out = t;
	return OR_OK;
}
