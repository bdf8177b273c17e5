/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/authorize.h"
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
			OR_ASSERT(d.n_reasons + d.n_errors <= pol_set_count(set));
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
