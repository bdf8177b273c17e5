/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/policy/policy.h"
#include "cli/policy/policy_show.h"
#include "cli/term.h"

#include <stdio.h>

enum { JSON_MAX = 16 * 1024 * 1024 };

struct job {
	const char *verb;
	struct ctl_policy_world_opt world;
	struct ctl_policy_ask_opt ask;
	bool explain;
	bool json;
};

static void put_json(const struct ctl_policy_answer *answer, const struct pol_explain *e)
{
	struct or_jsonw w;
	struct or_buf b;

	or_buf_init(&b, JSON_MAX);
	or_jsonw_init(&w, &b, 2);
	or_jsonw_object(&w);
	ctl_policy_show_json(&w, answer);
	if (e) {
		or_jsonw_key(&w, "policies");
		pol_explain_json(&w, e);
	}
	or_jsonw_end(&w);
	printf("%s\n", or_buf_text(&b));
	or_buf_done(&b);
}

static int answer_with(struct ctl_policy_world *w, const struct job *job)
{
	struct ctl_policy_ask ask;
	struct ctl_policy_answer answer;
	struct pol_explain e = {0};
	struct or_err err = {0};
	enum or_code rc = ctl_policy_ask_flags(&ask, w, &job->ask, true, &err);

	if (rc)
		return ctl_term_fail(job->verb, &err);
	rc = ctl_policy_ask_decide(&answer, w, &ask, &err);
	if (rc == OR_OK && job->explain)
		rc = pol_explain_decision(&e, w->ctx, w->sets, 1, &ask.req, &answer.d);
	if (rc == OR_FULL && !err.code)
		or_err_set(&err, rc, "the explanation needs more memory than its budget");
	if (rc == OR_OK && job->json) {
		put_json(&answer, job->explain ? &e : NULL);
	} else if (rc == OR_OK) {
		ctl_policy_show_answer(&answer);
		ctl_policy_show_explain(&e);
	}
	ctl_policy_ask_done(&ask);
	if (rc)
		return ctl_term_fail(job->verb, &err);
	return answer.allow ? CTL_EXIT_YES : CTL_EXIT_NO;
}

static int run(struct job *job, const struct ctl_args *about, int argc, char **argv)
{
	const struct ctl_args_flag flags[] = {
	    CTL_POLICY_ASK_FLAGS(&job->ask),
	    {.name = "resource",
		.metavar = "ENTITY",
		.value = &job->ask.resource,
		.help = "what is asked for: Port::\"orders/orders\""},
	    {.name = "request",
		.metavar = "FILE",
		.value = &job->ask.request,
		.help = "the whole request as JSON (\"-\": standard input)"},
	    CTL_POLICY_WORLD_FLAGS(&job->world),
	    {.name = "json", .help = "answer as JSON", .on = &job->json},
	};
	struct ctl_args spec = *about;
	struct ctl_policy_world w;
	struct or_err err = {0};
	size_t n_words;
	int code;

	spec.flags = flags;
	spec.n_flags = OR_LEN(flags);
	if (!ctl_args_parse(&spec, argc, argv, &n_words, &code))
		return code;
	if (n_words)
		return ctl_args_misuse(&spec, "unexpected word \"%s\"", argv[0]);
	if (ctl_policy_world_open(&w, &job->world, &err))
		return ctl_term_fail(job->verb, &err);
	code = answer_with(&w, job);
	ctl_policy_world_close(&w);
	return code;
}

int ctl_policy_authorize_main(int argc, char **argv)
{
	static const struct ctl_args about = {.usage = "outrider policy authorize [flags]",
	    .about =
		"Decides one request as an agent would, by policies on this machine. Exit code 0 "
		"is\nallow, 1 deny.",
	    .examples =
		"  outrider policy authorize --principal 'User::\"alice\"' --action read \\\n"
		"      --resource 'Port::\"orders/orders\"' --context '{\"purpose\": \"audit\"}'\n"
		"  outrider policy authorize --bundle orders.bundle --request request.json"};
	struct job job = {.verb = "policy authorize"};

	return run(&job, &about, argc, argv);
}

int ctl_policy_authorize_explain_main(int argc, char **argv)
{
	static const struct ctl_args about = {.usage = "outrider policy explain [flags]",
	    .about =
		"Decides one request and says why: for each policy that determined the decision "
		"its\nconditions with the values they saw; where no permit was satisfied those "
		"that came\nclosest, and what failed in them. Exit code 0 is allow, 1 deny.",
	    .examples = "  outrider policy explain --principal 'User::\"alice\"' --action read \\\n"
			"      --resource 'Port::\"orders/orders\"'"};
	struct job job = {.verb = "policy explain", .explain = true};

	return run(&job, &about, argc, argv);
}
