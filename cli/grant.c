/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/grant.h"

#include "base/rng.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/key.h"
#include "cli/term.h"
#include "policy/grant.h"

#include <stdio.h>
#include <time.h>

enum { ID_LEN = 8 };

struct wish {
	const char *product, *agent, *principal, *action, *reason, *life, *key;
};

static enum or_code read_life(int64_t *out_s, const char *text, struct or_err *err)
{
	int64_t ns;

	if (or_str_duration_ns(&ns, or_slice_str(text)) || ns < OR_NS_PER_S)
		return or_err_set(err, OR_INVAL, "--for %s: expected a duration like 30m", text);
	*out_s = ns / OR_NS_PER_S;
	return OR_OK;
}

static int make(const struct wish *wish)
{
	int64_t now = (int64_t)time(NULL), life_s = 0;
	struct pol_grant g = {.product = or_slice_str(wish->product),
	    .agent = or_slice_str(wish->agent),
	    .principal = or_slice_str(wish->principal),
	    .action = or_slice_str(wish->action),
	    .reason = or_slice_str(wish->reason),
	    .issued_s = now};
	struct or_crypto_key *key;
	uint8_t random[ID_LEN];
	struct or_buf id, text;
	struct or_err err = {0};
	enum or_code rc = read_life(&life_s, wish->life, &err);

	g.expires_s = now + life_s;
	if (rc == OR_OK)
		rc = ctl_key_load(&key, wish->key, &err);
	if (rc)
		return ctl_term_fail("gate break-glass", &err);
	or_buf_init(&id, 4 * (size_t)ID_LEN);
	or_buf_init(&text, 2 * (size_t)POL_GRANT_MAX);
	or_rng_fill(random, sizeof(random));
	or_str_hex_encode(&id, or_slice(random, sizeof(random)));
	g.id = or_buf_slice(&id);
	rc = pol_grant_make(&text, &g, key, &err);
	if (rc == OR_OK)
		printf("%s\n", or_buf_text(&text));
	or_buf_done(&id);
	or_buf_done(&text);
	or_crypto_key_free(key);
	return rc ? ctl_term_fail("gate break-glass", &err) : CTL_EXIT_YES;
}

int ctl_grant_main(int argc, char **argv)
{
	struct wish wish = {.life = "1h"};
	const struct ctl_args_flag flags[] = {
	    {.name = "product",
		.metavar = "ID",
		.help = "the product whose gates take it",
		.value = &wish.product},
	    {.name = "principal",
		.metavar = "ID",
		.help = "who may use it, as records name them: \"<iss>#<sub>\"",
		.value = &wish.principal},
	    {.name = "reason",
		.metavar = "TEXT",
		.help = "why; it stands in each record",
		.value = &wish.reason},
	    {.name = "key",
		.metavar = "FILE",
		.help = "the private key that signs it (gate.break-glass-keys, bundle.keys)",
		.value = &wish.key},
	    {.name = "for",
		.metavar = "DURATION",
		.help = "how long it holds (1h), 24h at most",
		.value = &wish.life},
	    {.name = "agent",
		.metavar = "UUID",
		.help = "only this agent takes it",
		.value = &wish.agent},
	    {.name = "action",
		.metavar = "NAME",
		.help = "only this action: read, write…",
		.value = &wish.action},
	};
	const struct ctl_args args = {
	    .usage = "outrider gate break-glass --product ID --principal ID --reason TEXT --key "
		     "FILE [flags]",
	    .about = "Makes a grant that lets somebody do for a while what policy denies. It is "
		     "sent as\n"
		     "the header X-Outrider-Break-Glass beside the token; each use is recorded "
		     "with the\n"
		     "grant's id and reason, and raises an alert by the rule BreakGlass.",
	    .examples =
		"  outrider gate break-glass --product orders --key bundle.key --for 30m \\\n"
		"      --principal 'https://issuer.example#alice' --reason 'INC-4711: refunds'",
	    .flags = flags,
	    .n_flags = OR_LEN(flags),
	};
	size_t n_words;
	int code;

	if (!ctl_args_parse(&args, argc, argv, &n_words, &code))
		return code;
	if (n_words)
		return ctl_args_misuse(&args, "unexpected word \"%s\"", argv[0]);
	if (!wish.product || !wish.principal || !wish.reason || !wish.key)
		return ctl_args_misuse(
		    &args, "--product, --principal, --reason and --key are needed");
	return make(&wish);
}
