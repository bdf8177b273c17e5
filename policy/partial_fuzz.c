/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any policies: what is left of them while the row is unknown decides, once it is known, as they
 * would; and filters are made of it, or refused, in every form.
 */
#include "policy/explain.h"
#include "policy/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define UID(type, id) pol_uid_make(OR_SLICE_LIT(type), OR_SLICE_LIT(id))

static const struct pol_filter_column columns[] = {{OR_SLICE_LIT("s"), POL_FILTER_STRING},
    {OR_SLICE_LIT("n"), POL_FILTER_LONG}, {OR_SLICE_LIT("b"), POL_FILTER_BOOL},
    {OR_SLICE_LIT("t"), POL_FILTER_DATETIME}, {OR_SLICE_LIT("o"), POL_FILTER_OTHER}};

static const struct pol_record *row_of(struct or_arena *a, unsigned int bits)
{
	const struct pol_field all[] = {{OR_SLICE_LIT("s"), pol_value_string(OR_SLICE_LIT("a%b"))},
	    {OR_SLICE_LIT("n"), pol_value_long(bits & 64 ? INT64_MAX : 1)},
	    {OR_SLICE_LIT("b"), pol_value_bool(bits & 128)}};
	struct pol_field some[OR_LEN(all)];
	const struct pol_record *rec = NULL;
	size_t n = 0;

	for (size_t i = 0; i < OR_LEN(all); i++) {
		if (bits & (1U << i))
			some[n++] = all[i];
	}
	OR_ASSERT(pol_value_record(&rec, a, some, n) == OR_OK);
	return rec;
}

static void begin(struct pol_ctx *ctx, const struct pol_uid *user)
{
	const struct pol_field name = {OR_SLICE_LIT("n"), pol_value_long(1)};
	const struct pol_uid staff = UID("Group", "staff");
	const struct pol_record *attrs = NULL;

	pol_ctx_begin(ctx, NULL, 0);
	OR_ASSERT(pol_value_record(&attrs, pol_ctx_arena(ctx), &name, 1) == OR_OK);
	OR_ASSERT(pol_ctx_put(ctx, user, attrs, &staff, 1) == OR_OK);
}

/* Each row that there can be, by what is left and by the policies themselves. */
static void complete(const struct pol_set *set, const struct pol_filter *f)
{
	const struct pol_filter_request *fr = f->req;
	struct pol_ctx *other = pol_ctx_new(0);

	for (unsigned int bits = 0; bits < 256; bits += bits % 8 == 7 ? 57 : 1) {
		struct pol_partial_request all = {.principal = {.uid = fr->principal},
		    .action = fr->action,
		    .resource = {.uid = fr->table->row},
		    .on_forbid_error = fr->on_forbid_error};
		struct pol_request req = {.principal = fr->principal,
		    .action = fr->action,
		    .resource = fr->table->row,
		    .on_forbid_error = fr->on_forbid_error};
		struct pol_decision d;
		struct pol_partial p;
		struct pol_explain e;

		begin(other, &fr->principal);
		OR_ASSERT(pol_ctx_put(other, &fr->table->row, row_of(pol_ctx_arena(other), bits),
			      NULL, 0) == OR_OK);
		if (pol_authorize_request(&d, other, &set, 1, &req) ||
		    pol_partial_continue(&p, other, &f->partial, &all))
			continue;
		OR_ASSERT(p.verdict == (d.allow ? POL_PARTIAL_ALLOW : POL_PARTIAL_DENY));
		if (f->verdict != POL_FILTER_SOME)
			OR_ASSERT(d.allow == (f->verdict == POL_FILTER_ALL));
		if (bits == 7)
			OR_ASSERT(pol_explain_decision(&e, other, &set, 1, &req, &d) != OR_INVAL);
	}
	pol_ctx_free(other);
}

static void translate(struct pol_ctx *ctx, const struct pol_filter *f)
{
	struct pol_filter_sql sql;
	struct or_jsonw w;
	struct or_buf b;
	struct or_err err;

	or_buf_init(&b, OR_MIB);
	for (int d = POL_FILTER_POSTGRES; d <= POL_FILTER_TRINO; d++) {
		enum or_code rc =
		    pol_filter_sql(&sql, f, (enum pol_filter_dialect)d, pol_ctx_arena(ctx), &err);

		OR_ASSERT(rc == OR_OK || rc == OR_UNSUPPORTED || rc == OR_FULL);
		/* Values are never part of the text. */
		OR_ASSERT(rc || !memchr(sql.text.p, '%', sql.text.n));
	}
	or_jsonw_init(&w, &b, 0);
	if (pol_filter_ucast(&w, f, pol_ctx_arena(ctx), &err))
		OR_ASSERT(b.n == 0 || !or_buf_ok(&b));
	for (size_t i = 0; i < f->partial.n; i++)
		pol_partial_print(&b, &f->partial.items[i]);
	or_buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pol_filter_table table = {.row = UID("Row", "p/t"),
	    .name = OR_SLICE_LIT("t"),
	    .columns = columns,
	    .n_columns = OR_LEN(columns)};
	struct pol_filter_request req = {
	    .principal = UID("User", "a"), .action = UID("Action", "read"), .table = &table};
	struct pol_ctx *ctx = pol_ctx_new(0);
	struct pol_set *set = NULL;
	struct pol_filter f;
	struct or_err err;

	if (size && size < 4096 &&
	    pol_set_parse(&set, POL_IDS_NUMBERED, "f", or_slice(data + 1, size - 1), NULL, &err) ==
		OR_OK) {
		const struct pol_set *sets[] = {set};

		req.on_forbid_error = data[0] & 1 ? POL_FORBID_ERROR_DENY : POL_FORBID_ERROR_SKIP;
		begin(ctx, &req.principal);
		if (pol_filter_make(&f, ctx, sets, 1, &req, &err) == OR_OK) {
			complete(set, &f);
			translate(ctx, &f);
		}
	}
	pol_set_free(set);
	pol_ctx_free(ctx);
	return 0;
}
