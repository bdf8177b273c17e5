/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/policy/policy.h"

#include "base/jsonw.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/bundle.h"
#include "cli/term.h"

#include <inttypes.h>
#include <stdio.h>

static void put_json(const struct ctl_bundle_built *built, const char *path)
{
	struct or_jsonw w;
	struct or_buf text;

	or_buf_init(&text, 64 * OR_KIB);
	or_jsonw_init(&w, &text, 0);
	or_jsonw_object(&w);
	or_jsonw_kv_text(&w, "bundle", path);
	or_jsonw_kv_text(&w, "product", built->product);
	or_jsonw_kv_u64(&w, "revision", built->revision);
	or_jsonw_kv_u64(&w, "policies", built->n_policies);
	or_jsonw_kv_text(&w, "sha256", built->sha256);
	or_jsonw_end(&w);
	printf("%s\n", or_buf_text(&text));
	or_buf_done(&text);
}

static int build(const struct ctl_args *spec, struct ctl_bundle_opt *opt, const char *state,
    const char *revision, const char *life, bool json)
{
	struct ctl_bundle_built built;
	struct ctl_state s;
	struct or_err err;
	int code = CTL_EXIT_YES;

	if (revision && (or_str_u64(&opt->revision, or_slice_str(revision)) || !opt->revision))
		return ctl_args_misuse(spec, "--revision %s: expected a number from 1", revision);
	if (or_str_duration_ns(&opt->life_ns, or_slice_str(life)) || opt->life_ns <= 0)
		return ctl_args_misuse(
		    spec, "--life %s: expected a duration like 12h or 90d", life);
	if (ctl_state_open(&s, state, &err))
		return ctl_term_fail("policy build", &err);
	if (ctl_bundle_build(&built, &s, opt, &err))
		code = ctl_term_fail("policy build", &err);
	else if (json)
		put_json(&built, opt->out_path);
	else
		printf("%s: product %s, revision %" PRIu64 ", %zu policies, valid for %s\n"
		       "  SHA-256 %s\n",
		    opt->out_path, built.product, built.revision, built.n_policies, life,
		    built.sha256);
	ctl_state_close(&s);
	return code;
}

int ctl_policy_build_main(int argc, char **argv)
{
	struct ctl_bundle_opt opt = {.product_path = "dataproduct.yaml"};
	const char *state = NULL, *revision = NULL, *life = "90d";
	bool json = false;
	const struct ctl_args_flag flags[] = {
	    {.name = "product",
		.metavar = "FILE",
		.value = &opt.product_path,
		.help = "the descriptor (default ./dataproduct.yaml)"},
	    {.name = "policy",
		.metavar = "DIR",
		.value = &opt.policy_dir,
		.help = "the policies (default: policy/ beside the descriptor)"},
	    {.name = "key",
		.metavar = "FILE",
		.value = &opt.key_path,
		.help = "the private Ed25519 key (PEM) to sign with; see outrider key new"},
	    {.name = "out", .metavar = "FILE", .value = &opt.out_path, .help = "the bundle"},
	    {.name = "revision",
		.metavar = "N",
		.value = &revision,
		.help = "only grows; agents refuse a lower one (default: the Unix time)"},
	    {.name = "life",
		.metavar = "DURATION",
		.value = &life,
		.help = "after which it is not valid any more (default 90d)"},
	    {.name = "json", .help = "answer as JSON", .on = &json},
	    {.name = "state",
		.metavar = "DIR",
		.value = &state,
		.help = "where everything is kept"}};
	const struct ctl_args spec = {.usage = "outrider policy build [flags]",
	    .about =
		"Checks a product's Cedar policies (*.cedar) and their schema (*.cedarschema) "
		"and signs\n"
		"them as one bundle. entities.json, where it is there, goes into it too. Policies\n"
		"may be JSON (*.cedar.json), which can link templates, the schema too.",
	    .examples = "  outrider key new --out bundle.key\n"
			"  outrider policy build --key bundle.key --out orders.bundle",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};
	size_t n_words;
	int code;

	if (!ctl_args_parse(&spec, argc, argv, &n_words, &code))
		return code;
	if (n_words)
		return ctl_args_misuse(&spec, "unexpected word \"%s\"", argv[0]);
	if (!opt.key_path || !opt.out_path)
		return ctl_args_misuse(&spec, "--key and --out are needed");
	return build(&spec, &opt, state, revision, life, json);
}
