/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "cli/policy/policy.h"
#include "cli/policy/policy_show.h"
#include "cli/term.h"

#include <stdio.h>
#include <sys/stat.h>

enum { JSON_MAX = 64 * 1024 * 1024, TEXT_MAX = 64 * 1024 };

struct job {
	struct ctl_policy_world_opt opt;
	const char *requests;
	const char *forbid_error;
	bool json;
	struct ctl_policy_world w[2];
	size_t n, changed;
	struct or_jsonw *out;
};

/* What one side says to a request, as text: "allow", or "allow, masked x:redact", or "deny". */
static enum or_code ask_one(struct or_buf *said, struct ctl_policy_world *w, const struct job *job,
    const struct or_json *j, const char *where, struct or_err *err)
{
	struct ctl_policy_answer answer;
	struct ctl_policy_ask ask;
	enum or_code rc = ctl_policy_ask_json(&ask, w, j, where, true, err);

	/* What the schema does not know is denied before any policy is asked. */
	if (rc == OR_PARSE && w->schema && or_json_get(j, "context")) {
		or_buf_put_str(said, "deny: does not fit the schema");
		return OR_OK;
	}
	if (rc)
		return rc;
	if (strcmp(job->forbid_error, "skip") == 0)
		ask.req.on_forbid_error = POL_FORBID_ERROR_SKIP;
	rc = ctl_policy_ask_decide(&answer, w, &ask, err);
	if (rc == OR_INVAL) {
		or_buf_put_str(said, "deny: does not fit the schema");
		rc = OR_OK;
	} else if (rc == OR_OK) {
		or_buf_put_str(said, answer.allow ? "allow" : "deny");
		for (size_t i = 0; answer.allow && i < answer.masks.n; i++) {
			or_buf_put_str(said, i ? ", " : ", masked ");
			pol_mask_print(said, &answer.masks.items[i]);
		}
	}
	ctl_policy_ask_done(&ask);
	return rc;
}

static struct or_slice word_of(struct or_arena *a, const struct or_json *j, const char *key)
{
	const struct or_json *v = or_json_get(j, key);

	if (v && v->type == OR_JSON_STR)
		return v->s;
	return or_slice_str(or_arena_printf(a, "%.*s::\"%.*s\"",
	    OR_SLICE_FMT(or_json_get_str(v, "type")), OR_SLICE_FMT(or_json_get_str(v, "id"))));
}

static void tell(struct job *job, const struct or_json *j, size_t line, const struct or_buf said[2])
{
	static const char *const keys[] = {"principal", "action", "resource"};
	struct or_arena *a = job->w[0].arena;

	job->changed++;
	if (job->json) {
		or_jsonw_object(job->out);
		or_jsonw_kv_u64(job->out, "line", line);
		for (size_t i = 0; i < OR_LEN(keys); i++)
			or_jsonw_kv_str(job->out, keys[i], word_of(a, j, keys[i]));
		or_jsonw_kv_str(job->out, "before", or_buf_slice(&said[0]));
		or_jsonw_kv_str(job->out, "after", or_buf_slice(&said[1]));
		or_jsonw_end(job->out);
		return;
	}
	ctl_term_printf(CTL_TERM_DIM, "%zu: ", line);
	for (size_t i = 0; i < OR_LEN(keys); i++) {
		ctl_term_value(CTL_TERM_PLAIN, word_of(a, j, keys[i]));
		putchar(' ');
	}
	printf("\n    ");
	ctl_term_value(CTL_TERM_PLAIN, or_buf_slice(&said[0]));
	ctl_term_printf(CTL_TERM_DIM, " → ");
	ctl_term_value(
	    or_str_has_prefix(or_buf_slice(&said[1]), "allow") ? CTL_TERM_GOOD : CTL_TERM_BAD,
	    or_buf_slice(&said[1]));
	putchar('\n');
}

static enum or_code compare_line(
    struct job *job, struct or_slice text, size_t line, struct or_err *err)
{
	const char *where = or_arena_printf(job->w[0].arena, "%s:%zu", job->requests, line);
	const struct or_json *j = NULL;
	struct or_buf said[2];
	enum or_code rc = or_json_parse(&j, text, job->w[0].arena, err);

	if (rc)
		return or_err_wrap(err, rc, "%s", where);
	for (int i = 0; i < 2; i++) {
		or_buf_init(&said[i], TEXT_MAX);
		if (rc == OR_OK)
			rc = ask_one(&said[i], &job->w[i], job, j, where, err);
	}
	job->n++;
	if (rc == OR_OK && !or_slice_eq(or_buf_slice(&said[0]), or_buf_slice(&said[1])))
		tell(job, j, line, said);
	for (int i = 0; i < 2; i++)
		or_buf_done(&said[i]);
	return rc;
}

static enum or_code compare_all(struct job *job, struct or_err *err)
{
	struct or_slice text;
	size_t line = 1;
	enum or_code rc = ctl_policy_world_read(&text, job->w[0].arena, job->requests, err);

	for (size_t at = 0; rc == OR_OK && at < text.n; line++) {
		size_t end = or_str_find(text, '\n', at);
		struct or_slice one = or_str_trim(or_slice(text.p + at, end - at));

		if (one.n)
			rc = compare_line(job, one, line, err);
		at = end + 1;
	}
	return rc;
}

/* A folder or a Cedar file is policies; anything else a bundle. */
static struct ctl_policy_world_opt side(const struct job *job, const char *path)
{
	struct ctl_policy_world_opt opt = job->opt;
	struct or_slice name = or_slice_str(path);
	struct stat st;

	if ((stat(path, &st) == 0 && S_ISDIR(st.st_mode)) || or_str_has_suffix(name, ".cedar") ||
	    or_str_has_suffix(name, ".cedar.json"))
		opt.policy = path;
	else
		opt.bundle = path;
	return opt;
}

static void conclude(struct job *job, struct or_buf *json)
{
	if (job->json) {
		or_jsonw_end(job->out);
		or_jsonw_kv_u64(job->out, "requests", job->n);
		or_jsonw_kv_u64(job->out, "changed", job->changed);
		or_jsonw_end(job->out);
		printf("%s\n", or_buf_text(json));
	} else {
		ctl_term_printf(job->changed ? CTL_TERM_WARN : CTL_TERM_GOOD,
		    "%zu of %zu requests change\n", job->changed, job->n);
	}
}

static int compare(struct job *job)
{
	struct or_err err = {0};
	struct or_jsonw json;
	struct or_buf b;
	enum or_code rc;

	or_buf_init(&b, JSON_MAX);
	or_jsonw_init(&json, &b, 2);
	job->out = &json;
	or_jsonw_object(&json);
	or_jsonw_key(&json, "changes");
	or_jsonw_array(&json);
	rc = compare_all(job, &err);
	if (rc == OR_OK)
		conclude(job, &b);
	or_buf_done(&b);
	if (rc)
		return ctl_term_fail("policy diff", &err);
	return job->changed ? CTL_EXIT_NO : CTL_EXIT_YES;
}

static int run(struct job *job, char **paths)
{
	struct ctl_policy_world_opt opts[2] = {side(job, paths[0]), side(job, paths[1])};
	struct or_err err = {0};
	int code;

	if (ctl_policy_world_open(&job->w[0], &opts[0], &err))
		return ctl_term_fail("policy diff", &err);
	if (ctl_policy_world_open(&job->w[1], &opts[1], &err)) {
		code = ctl_term_fail("policy diff", &err);
	} else {
		code = compare(job);
		ctl_policy_world_close(&job->w[1]);
	}
	ctl_policy_world_close(&job->w[0]);
	return code;
}

int ctl_policy_diff_main(int argc, char **argv)
{
	struct job job = {.forbid_error = "deny"};
	const struct ctl_args_flag flags[] = {
	    {.name = "requests",
		.metavar = "FILE",
		.value = &job.requests,
		.help = "a request as JSON on each line (\"-\": standard input)"},
	    {.name = "on-forbid-error",
		.metavar = "WHAT",
		.value = &job.forbid_error,
		.help = "deny as agents do (default), or skip: Cedar's own rule"},
	    {.name = "product",
		.metavar = "FILE",
		.value = &job.opt.product,
		.help = "the descriptor (default ./dataproduct.yaml)"},
	    {.name = "entities",
		.metavar = "FILE",
		.value = &job.opt.entities,
		.help = "further entities, as JSON"},
	    {.name = "trust",
		.metavar = "FILE",
		.list = &job.opt.trust,
		.help = "a public key that may sign the bundles (default: this machine's own)"},
	    {.name = "json", .help = "answer as JSON", .on = &job.json},
	    {.name = "state",
		.metavar = "DIR",
		.value = &job.opt.state,
		.help = "where everything is kept"},
	};
	const struct ctl_args spec = {.usage = "outrider policy diff [flags] --requests FILE A B",
	    .about =
		"Which of a set of requests get another answer (decision or masks) from B than "
		"from A.\nA and B are bundles, folders of policies or Cedar files. A request is "
		"{\"principal\",\n\"action\", \"resource\", \"context\", \"entities\"}. Exit code "
		"1: some change.",
	    .examples = "  outrider policy diff --requests requests.jsonl old.bundle new.bundle\n"
			"  outrider policy diff --requests requests.jsonl orders.bundle policy/",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};
	size_t n_words;
	int code;

	if (!ctl_args_parse(&spec, argc, argv, &n_words, &code))
		return code;
	if (n_words != 2)
		return ctl_args_misuse(&spec, "expected two: A and B");
	if (!job.requests)
		return ctl_args_misuse(&spec, "--requests is needed");
	if (strcmp(job.forbid_error, "deny") != 0 && strcmp(job.forbid_error, "skip") != 0)
		return ctl_args_misuse(
		    &spec, "--on-forbid-error %s: expected deny or skip", job.forbid_error);
	return run(&job, argv);
}
