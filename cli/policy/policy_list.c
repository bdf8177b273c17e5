/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/policy/policy.h"
#include "cli/policy/policy_show.h"
#include "cli/term.h"

#include <stdio.h>

enum { JSON_MAX = 64 * 1024 * 1024 };

struct job {
	struct ctl_policy_world_opt world;
	struct ctl_policy_ask_opt ask;
	const char *type;
	bool json;
};

/* A resource that the schema lets the action apply to; without a schema any entity. */
static bool applies(const struct ctl_policy_world *w, const struct ctl_policy_ask *ask,
    const struct pol_uid *uid, const char *type)
{
	const struct pol_action *action =
	    w->schema ? pol_schema_action_find(w->schema, &ask->req.action) : NULL;

	if (type && !or_slice_is(uid->type, type))
		return false;
	if (!w->schema)
		return true;
	for (size_t i = 0; action && i < action->n_resources; i++) {
		if (or_slice_eq(action->resources[i], uid->type))
			return true;
	}
	return false;
}

static int list(struct ctl_policy_world *w, struct ctl_policy_ask *ask, const struct job *job,
    struct or_err *err)
{
	const struct pol_entities *all = ask->entities ? ask->entities : w->entities;
	struct or_jsonw json;
	struct or_buf b;
	size_t n = 0;
	enum or_code rc = OR_OK;

	or_buf_init(&b, JSON_MAX);
	or_jsonw_init(&json, &b, 2);
	or_jsonw_array(&json);
	for (size_t i = 0; i < pol_entities_count(all) && rc == OR_OK; i++) {
		const struct pol_entity *e = pol_entities_at(all, i);
		struct ctl_policy_answer answer;

		ask->req.resource = e->uid;
		if (!applies(w, ask, &e->uid, job->type))
			continue;
		rc = ctl_policy_ask_decide(&answer, w, ask, err);
		if (rc || !answer.allow)
			continue;
		n++;
		or_jsonw_object(&json);
		or_jsonw_kv_str(&json, "resource", ctl_policy_show_uid(w->arena, &e->uid));
		ctl_policy_show_masks_json(&json, &answer.masks);
		or_jsonw_end(&json);
		if (!job->json) {
			ctl_term_value(CTL_TERM_PLAIN, ctl_policy_show_uid(w->arena, &e->uid));
			putchar('\n');
			ctl_policy_show_masks(&answer.masks);
		}
	}
	or_jsonw_end(&json);
	if (rc == OR_OK && job->json)
		printf("%s\n", or_buf_text(&b));
	or_buf_done(&b);
	if (rc)
		return ctl_term_fail("policy list", err);
	return n ? CTL_EXIT_YES : CTL_EXIT_NO;
}

int ctl_policy_list_main(int argc, char **argv)
{
	struct job job = {.json = false};
	const struct ctl_args_flag flags[] = {
	    CTL_POLICY_ASK_FLAGS(&job.ask),
	    {.name = "type",
		.metavar = "NAME",
		.value = &job.type,
		.help = "of the resources: Port (default: each that the action applies to)"},
	    CTL_POLICY_WORLD_FLAGS(&job.world),
	    {.name = "json", .help = "answer as JSON", .on = &job.json},
	};
	const struct ctl_args spec = {.usage = "outrider policy list [flags]",
	    .about =
		"What a principal may read (or do otherwise): every resource among the entities "
		"and the\nproduct's ports that the policies allow, with the masks that are owed. "
		"Exit code 1:\nnone. For the rows of a table see outrider policy filter.",
	    .examples =
		"  outrider policy list --principal 'User::\"alice\"' --action read --type Port",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};
	struct ctl_policy_world w;
	struct ctl_policy_ask ask;
	struct or_err err = {0};
	size_t n_words;
	int code;

	if (!ctl_args_parse(&spec, argc, argv, &n_words, &code))
		return code;
	if (n_words)
		return ctl_args_misuse(&spec, "unexpected word \"%s\"", argv[0]);
	if (ctl_policy_world_open(&w, &job.world, &err))
		return ctl_term_fail("policy list", &err);
	if (ctl_policy_ask_flags(&ask, &w, &job.ask, false, &err)) {
		code = ctl_term_fail("policy list", &err);
	} else {
		code = list(&w, &ask, &job, &err);
		ctl_policy_ask_done(&ask);
	}
	ctl_policy_world_close(&w);
	return code;
}
