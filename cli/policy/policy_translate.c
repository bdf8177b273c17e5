/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/policy/policy.h"

#include "base/str.h"
#include "cli/args.h"
#include "cli/policy/input.h"
#include "cli/term.h"
#include "policy/est.h"
#include "policy/format.h"
#include "policy/json.h"
#include "policy/print.h"
#include "policy/schema_convert.h"

enum { INDENT = 2 };

struct job {
	const char *name; /* of the file, in messages */
	struct or_slice text;
	bool schema;
	bool json;
	struct or_buf *out;
	struct pol_diags *diags;
};

static enum or_code policies_to_json(struct job *job, struct or_err *err)
{
	struct pol_set *set;
	enum or_code rc =
	    pol_set_parse(&set, POL_IDS_EITHER, job->name, job->text, job->diags, err);

	if (rc)
		return rc;
	rc = pol_est_write_set(job->out, set, INDENT, err);
	or_buf_put_byte(job->out, '\n');
	pol_set_free(set);
	return rc;
}

static enum or_code policies_to_text(struct job *job, struct or_err *err)
{
	struct pol_set *set = pol_set_new(POL_IDS_EITHER, 0);
	enum or_code rc = pol_est_add(set, job->name, job->text, job->diags, err);
	struct or_buf plain;

	or_buf_init(&plain, CTL_INPUT_MAX);
	if (rc == OR_OK) {
		pol_print_set(&plain, set, true);
		rc = pol_format_text(
		    job->out, job->name, or_buf_slice(&plain), NULL, job->diags, err);
	}
	or_buf_done(&plain);
	pol_set_free(set);
	return rc;
}

static enum or_code translate(struct job *job, struct or_err *err)
{
	if (!job->schema)
		return job->json ? policies_to_text(job, err) : policies_to_json(job, err);
	if (job->json)
		return pol_schema_convert_to_text(job->out, job->name, job->text, job->diags, err);
	return pol_schema_convert_to_json(job->out, job->name, job->text, INDENT, job->diags, err);
}

static bool looks_like_json(struct or_slice text)
{
	size_t at = 0;

	while (at < text.n && strchr(" \t\r\n", text.p[at]) && text.p[at])
		at++;
	return at < text.n && text.p[at] == '{';
}

/* JSON that has one of the keys of policies; what does not parse is said later. */
static bool holds_policies(struct or_slice json)
{
	static const char *const keys[] = {
	    "effect", "staticPolicies", "templates", "templateLinks"};
	struct or_arena *a = or_arena_new(CTL_INPUT_MAX * 2);
	struct pol_source src = {"", json, 0};
	const struct or_json *j = NULL;
	bool found = false;

	if (pol_json_parse_deep(&j, &src, a, POL_EST_DEPTH_MAX, NULL) == OR_OK) {
		for (size_t i = 0; i < OR_LEN(keys); i++)
			found |= or_json_get(j, keys[i]) != NULL;
	}
	or_arena_free(a);
	return found;
}

static bool is_schema(const char *path, struct or_slice text, bool json)
{
	struct or_slice name = or_slice_str(path);

	if (or_str_has_suffix(name, ".cedarschema") || or_str_has_suffix(name, ".cedarschema.json"))
		return true;
	return json && !holds_policies(text);
}

static int run(const char *path, bool schema, bool policies)
{
	struct or_buf in, out;
	struct pol_diags diags;
	struct job job = {.name = ctl_input_name(path), .out = &out, .diags = &diags};
	struct or_err err;
	enum or_code rc;
	int code = CTL_EXIT_YES;

	or_buf_init(&in, CTL_INPUT_MAX);
	or_buf_init(&out, 4 * CTL_INPUT_MAX);
	pol_diag_init(&diags);
	rc = ctl_input_read(&in, path, &err);
	if (rc == OR_OK) {
		job.text = or_buf_slice(&in);
		job.json = looks_like_json(job.text);
		job.schema = schema || (!policies && is_schema(path, job.text, job.json));
		rc = translate(&job, &err);
	}
	if (rc == OR_OK)
		rc = ctl_input_pass_on(or_buf_slice(&out), &err);
	if (rc && diags.errors) {
		ctl_input_complain(&diags);
		code = CTL_EXIT_USAGE;
	} else if (rc) {
		code = ctl_term_fail("policy translate", &err);
	}
	pol_diag_done(&diags);
	or_buf_done(&in);
	or_buf_done(&out);
	return code;
}

int ctl_policy_translate_main(int argc, char **argv)
{
	bool schema = false, policies = false;
	const struct ctl_args_flag flags[] = {
	    {.name = "schema", .on = &schema, .help = "it is a schema, whatever its name"},
	    {.name = "policies", .on = &policies, .help = "it is policies, whatever its name"}};
	const struct ctl_args spec = {.usage = "outrider policy translate [flags] [FILE]",
	    .about =
		"Turns Cedar policies, or a schema, into their JSON form, and JSON into text.\n"
		"What begins with { is JSON; a schema is told by its name (*.cedarschema) or its\n"
		"keys. Without a file, or for -, it reads standard input; the result goes to\n"
		"standard output. In JSON a policy is named by its @id, else policyN; in text an\n"
		"@id is added where the name would be lost, and a link of a template becomes the\n"
		"policy that it stands for.",
	    .examples = "  outrider policy translate policy/read.cedar > read.json\n"
			"  outrider policy translate --schema < schema.json",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};
	size_t n_words;
	int code;

	if (!ctl_args_parse(&spec, argc, argv, &n_words, &code))
		return code;
	if (schema && policies)
		return ctl_args_misuse(&spec, "--schema and --policies exclude each other");
	if (n_words > 1)
		return ctl_args_misuse(&spec, "unexpected word \"%s\"", argv[1]);
	return run(n_words ? argv[0] : "-", schema, policies);
}
