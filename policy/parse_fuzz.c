/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/authorize.h"
#include "policy/eval.h"
#include "policy/validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char SCHEMA[] =
    "entity User in [User] = {name: String, n?: Long, r?: {a?: {b?: Long}}} tags String;"
    "entity Port in [User] = {level: Long, set: Set<User>}; entity Color enum [\"red\"];"
    "action all; action read, write in all appliesTo {principal: User, resource: [Port, User],"
    "  context: {ip: ipaddr, d?: decimal, t?: datetime}};";

static void validate(const struct pol_set *set)
{
	struct pol_schema *schema = NULL;
	enum or_code strict, permissive;

	OR_ASSERT(pol_schema_parse_text(&schema, "s", or_slice_str(SCHEMA), NULL, NULL) == OR_OK);
	strict = pol_validate_set(set, schema, POL_VALIDATE_STRICT, NULL, NULL);
	permissive = pol_validate_set(set, schema, POL_VALIDATE_PERMISSIVE, NULL, NULL);
	/* What is right in strict mode is right in permissive mode. */
	OR_ASSERT(strict != OR_OK || permissive != OR_INVAL);
	pol_schema_free(schema);
}

/* The program says what the trees say. */
static void agree(const struct pol_set *set, struct pol_ctx *ctx, const struct pol_request *req,
    const struct pol_decision *d)
{
	static const struct pol_record none;
	struct pol_eval ev = {.ctx = ctx, .arena = pol_ctx_arena(ctx)};
	size_t satisfied[2] = {0, 0}, errors = 0;

	ev.vars[POL_VAR_PRINCIPAL] = pol_value_entity(&req->principal);
	ev.vars[POL_VAR_ACTION] = pol_value_entity(&req->action);
	ev.vars[POL_VAR_RESOURCE] = pol_value_entity(&req->resource);
	ev.vars[POL_VAR_CONTEXT] = pol_value_rec(&none);
	for (size_t i = 0; i < pol_set_count(set); i++) {
		const struct pol_policy *p = pol_set_at(set, i);
		enum pol_outcome o = p->template ? POL_OUTCOME_NO : pol_eval_policy(&ev, p);

		satisfied[p->forbid] += o == POL_OUTCOME_YES;
		errors += o == POL_OUTCOME_ERROR;
	}
	if (ev.full)
		return;
	OR_ASSERT(d->n_errors == errors);
	OR_ASSERT(d->allow == (satisfied[1] == 0 && satisfied[0] > 0));
	OR_ASSERT(d->n_reasons == satisfied[satisfied[1] > 0]);
}

/* Any text parses or is refused with a diagnostic; what parses is evaluated too. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pol_ctx *ctx = pol_ctx_new(0);
	struct pol_set *set = NULL;
	struct pol_diags diags;
	struct pol_decision d;
	struct or_buf out;
	struct pol_request req = {
	    .principal = pol_uid_make(OR_SLICE_LIT("User"), OR_SLICE_LIT("a")),
	    .action = pol_uid_make(OR_SLICE_LIT("Action"), OR_SLICE_LIT("read")),
	    .resource = pol_uid_make(OR_SLICE_LIT("Port"), OR_SLICE_LIT("o"))};

	pol_diag_init(&diags);
	or_buf_init(&out, 1 << 20);
	pol_ctx_begin(ctx, NULL, 0);
	if (pol_set_parse(&set, POL_IDS_NUMBERED, "f.cedar", or_slice(data, size), &diags, NULL) ==
	    OR_OK) {
		const struct pol_set *sets[] = {set};

		OR_ASSERT(diags.errors == 0);
		validate(set);
		/* Only a budget can fail. */
		if (pol_authorize_request(&d, ctx, sets, 1, &req) == OR_OK)
			agree(set, ctx, &req, &d);
	} else {
		pol_diag_print(&out, &diags);
		OR_ASSERT(diags.errors + diags.dropped > 0);
	}
	or_buf_done(&out);
	pol_diag_done(&diags);
	pol_set_free(set);
	pol_ctx_free(ctx);
	return 0;
}
