/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/policy_rows.h"

#include "tests/support/support.h"

static struct pol_uid uid(const char *type, const char *id)
{
	return pol_uid_make(or_slice_str(type), or_slice_str(id));
}

int policy_rows_setup(void **state)
{
	static const enum pol_filter_type types[] = {[POLICY_GEN_LONG] = POL_FILTER_LONG,
	    [POLICY_GEN_STRING] = POL_FILTER_STRING,
	    [POLICY_GEN_BOOL] = POL_FILTER_BOOL};
	static struct policy_rows w;

	w = (struct policy_rows){.ctx = pol_ctx_new(64 * OR_MIB), .arena = or_arena_new(0)};
	for (size_t i = 0; i < POLICY_GEN_COLUMNS; i++)
		w.columns[i] = (struct pol_filter_column){
		    or_slice_str(policy_gen_columns[i].name), types[policy_gen_columns[i].type]};
	w.parents[0] = uid("Port", "shop/orders");
	w.parents[1] = uid("Product", "shop");
	w.table = (struct pol_filter_table){.row = uid("Row", "shop/orders"),
	    .parents = w.parents,
	    .n_parents = 2,
	    .name = OR_SLICE_LIT("t"),
	    .columns = w.columns,
	    .n_columns = POLICY_GEN_COLUMNS};
	w.req = (struct pol_filter_request){
	    .principal = uid("User", "alice"), .action = uid("Action", "read"), .table = &w.table};
	*state = &w;
	return 0;
}

int policy_rows_teardown(void **state)
{
	struct policy_rows *w = *state;

	pol_set_free(w->set);
	pol_ctx_free(w->ctx);
	or_arena_free(w->arena);
	return 0;
}

static void load(struct policy_rows *w, const char *text)
{
	pol_set_free(w->set);
	w->set = NULL;
	ASSERT_OK(pol_set_parse(&w->set, POL_IDS_NUMBERED, "t", or_slice_str(text), NULL, &w->err),
	    &w->err);
}

static void begin(struct policy_rows *w)
{
	static struct pol_uid staff;

	staff = uid("Group", "staff");
	pol_ctx_begin(w->ctx, NULL, 0);
	ASSERT_CODE(pol_ctx_put(w->ctx, &w->req.principal, w->principal, &staff, 1), OR_OK);
}

enum or_code policy_rows_filter(struct policy_rows *w, const char *text)
{
	const struct pol_set *sets[1];

	load(w, text);
	begin(w);
	sets[0] = w->set;
	return pol_filter_make(&w->f, w->ctx, sets, 1, &w->req, &w->err);
}

bool policy_rows_allowed(struct policy_rows *w, const struct pol_record *row)
{
	const struct pol_set *sets[] = {w->set};
	struct pol_request req = {.principal = w->req.principal,
	    .action = w->req.action,
	    .resource = w->table.row,
	    .context = w->req.context,
	    .on_forbid_error = w->req.on_forbid_error};
	struct pol_decision d;

	begin(w);
	ASSERT_CODE(pol_ctx_put(w->ctx, &w->table.row, row, w->parents, 2), OR_OK);
	ASSERT_CODE(pol_authorize_request(&d, w->ctx, sets, 1, &req), OR_OK);
	return d.allow;
}

void policy_rows_random(struct policy_rows *w, uint64_t seed, bool plain, struct or_buf *text)
{
	struct policy_gen g;

	policy_gen_init(&g, seed);
	g.plain = plain;
	or_buf_clear(text);
	policy_gen_set(&g, text);
	w->principal = policy_gen_principal(&g, w->arena);
	w->req.context = policy_gen_context(&g, w->arena);
}
