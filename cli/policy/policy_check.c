/* SPDX-License-Identifier: Apache-2.0 */
#include "base/jsonw.h"
#include "base/str.h"
#include "cli/policy/input.h"
#include "cli/policy/policy.h"
#include "cli/policy/policy_world.h"
#include "cli/term.h"
#include "policy/mask.h"
#include "policy/validate.h"

#include <inttypes.h>
#include <stdio.h>

enum { JSON_MAX = 1024 * 1024 };

struct check {
	struct ctl_policy_world_opt opt;
	bool permissive;
};

/* Findings are said as they are found; false: there are errors. */
static bool validate(struct ctl_policy_world *w, bool permissive)
{
	enum pol_validate_mode mode = permissive ? POL_VALIDATE_PERMISSIVE : POL_VALIDATE_STRICT;
	struct pol_diags diags;
	struct or_err err = {0};
	bool ok = true;

	pol_diag_init(&diags);
	if (w->schema)
		ok = pol_validate_set(w->sets[0], w->schema, mode, &diags, &err) == OR_OK;
	else
		ctl_term_printf(CTL_TERM_WARN, "there is no schema: types are not checked\n");
	ctl_input_complain(&diags);
	if (!ok && diags.errors == 0)
		ctl_term_fail("policy check", &err);
	pol_diag_done(&diags);
	if (pol_mask_check(w->sets[0], &err)) {
		ctl_term_fail("policy check", &err);
		ok = false;
	}
	return ok;
}

static int check(const struct check *c)
{
	struct ctl_policy_world w;
	struct or_err err = {0};
	bool ok;

	switch ((int)ctl_policy_world_open(&w, &c->opt, &err)) {
	case OR_OK: break;
	case OR_PARSE:
	case OR_INVAL:
	case OR_EXISTS: ctl_term_fail("policy check", &err); return CTL_EXIT_NO;
	default: return ctl_term_fail("policy check", &err);
	}
	ok = validate(&w, c->permissive);
	if (ok)
		ctl_term_printf(CTL_TERM_GOOD, "%zu policies: valid\n", pol_set_count(w.sets[0]));
	else
		ctl_term_printf(CTL_TERM_BAD, "not valid\n");
	ctl_policy_world_close(&w);
	return ok ? CTL_EXIT_YES : CTL_EXIT_NO;
}

int ctl_policy_check_main(int argc, char **argv)
{
	struct check c = {.permissive = false};
	const struct ctl_args_flag flags[] = {
	    {.name = "permissive",
		.help = "let through what only strict validation refuses",
		.on = &c.permissive},
	    CTL_POLICY_WORLD_FLAGS(&c.opt),
	};
	const struct ctl_args spec = {.usage = "outrider policy check [flags]",
	    .about =
		"Whether policies, schema and entities can be read, fit together (Cedar's "
		"strict\nvalidation), and ask for masks that there are. Exit code 1: they do not.",
	    .examples =
		"  outrider policy check\n  outrider policy check --policy policy/ --schema "
		"other.cedarschema",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};
	size_t n_words;
	int code;

	if (!ctl_args_parse(&spec, argc, argv, &n_words, &code))
		return code;
	if (n_words)
		return ctl_args_misuse(&spec, "unexpected word \"%s\"", argv[0]);
	return check(&c);
}

/* ---- verify */

static void put_bundle(const struct pol_bundle *b, bool json)
{
	struct or_buf hash, until, text;
	struct or_jsonw w;

	or_buf_init(&hash, 128);
	or_buf_init(&until, 128);
	or_buf_init(&text, JSON_MAX);
	or_str_hex_encode(&hash, or_slice(pol_bundle_hash(b), OR_CRYPTO_HASH_LEN));
	or_str_time(&until, pol_bundle_not_after_ns(b));
	if (json) {
		or_jsonw_init(&w, &text, 2);
		or_jsonw_object(&w);
		or_jsonw_kv_bool(&w, "valid", true);
		or_jsonw_kv_text(&w, "product", pol_bundle_product(b));
		or_jsonw_kv_u64(&w, "revision", pol_bundle_revision(b));
		or_jsonw_kv_u64(&w, "policies", pol_set_count(pol_bundle_set(b)));
		or_jsonw_kv_str(&w, "key", pol_bundle_key_used(b));
		or_jsonw_kv_str(&w, "not_after", or_buf_slice(&until));
		or_jsonw_kv_str(&w, "payload_sha256", or_buf_slice(&hash));
		or_jsonw_end(&w);
		printf("%s\n", or_buf_text(&text));
	} else {
		ctl_term_printf(CTL_TERM_GOOD, "valid");
		printf(": product %s, revision %" PRIu64 ", %zu policies, until %s\n"
		       "  signed by key %.*s\n  SHA-256 of the payload %s\n",
		    pol_bundle_product(b), pol_bundle_revision(b), pol_set_count(pol_bundle_set(b)),
		    or_buf_text(&until), OR_SLICE_FMT(pol_bundle_key_used(b)), or_buf_text(&hash));
	}
	or_buf_done(&hash);
	or_buf_done(&until);
	or_buf_done(&text);
}

int ctl_policy_check_verify_main(int argc, char **argv)
{
	struct ctl_policy_world_opt opt = {.bare = true};
	bool json = false;
	const struct ctl_args_flag flags[] = {
	    {.name = "trust",
		.metavar = "FILE",
		.list = &opt.trust,
		.help = "a public key that may sign it (default: this machine's own)"},
	    {.name = "json", .help = "answer as JSON", .on = &json},
	    {.name = "state",
		.metavar = "DIR",
		.value = &opt.state,
		.help = "where everything is kept"},
	};
	const struct ctl_args spec = {.usage = "outrider policy verify [flags] BUNDLE",
	    .about = "Whether a bundle is signed by a trusted key, can be read, and is valid now. "
		     "Exit code 1:\nit is not.",
	    .examples = "  outrider policy verify --trust bundle.key.pub orders.bundle",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};
	struct ctl_policy_world w;
	struct or_err err = {0};
	size_t n_words;
	int code;

	if (!ctl_args_parse(&spec, argc, argv, &n_words, &code))
		return code;
	if (n_words != 1)
		return ctl_args_misuse(&spec, "one BUNDLE is needed");
	opt.bundle = argv[0];
	if (ctl_policy_world_open(&w, &opt, &err)) {
		code = ctl_term_fail("policy verify", &err);
		return err.code == OR_PARSE ? CTL_EXIT_NO : code;
	}
	put_bundle(w.bundle, json);
	ctl_policy_world_close(&w);
	return CTL_EXIT_YES;
}
