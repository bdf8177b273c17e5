/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/policy/policy.h"

#include "base/str.h"
#include "base/sys.h"
#include "cli/args.h"
#include "cli/policy/input.h"
#include "cli/term.h"
#include "policy/format.h"

#include <stdio.h>

enum { COLUMNS_MAX = 1000, INDENT_MAX = 16, MODE = 0644 };

struct job {
	struct pol_format_opt opt;
	bool check;
	bool write;
	size_t changed;
};

static bool is_in_style(const struct or_buf *before, const struct or_buf *after)
{
	return or_slice_eq(or_buf_slice(before), or_buf_slice(after));
}

/* What becomes of a laid out text: said, written or passed on. */
static enum or_code deliver(struct job *job, const char *path, const struct or_buf *before,
    const struct or_buf *after, struct or_err *err)
{
	enum or_code rc = OR_OK;

	if (!job->check && !job->write)
		return ctl_input_pass_on(or_buf_slice(after), err);
	if (is_in_style(before, after))
		return OR_OK;
	job->changed++;
	if (job->write)
		rc = or_sys_write_file(path, or_buf_slice(after), MODE, err);
	if (rc == OR_OK)
		ctl_term_printf(CTL_TERM_PLAIN, "%s %s\n",
		    job->write ? "formatted" : "not formatted:", ctl_input_name(path));
	return rc;
}

static int format_one(struct job *job, const char *path)
{
	struct or_buf before, after;
	struct pol_diags diags;
	struct or_err err;
	enum or_code rc;
	int code = CTL_EXIT_YES;

	or_buf_init(&before, CTL_INPUT_MAX);
	or_buf_init(&after, 2 * CTL_INPUT_MAX);
	pol_diag_init(&diags);
	rc = ctl_input_read(&before, path, &err);
	if (rc == OR_OK) {
		rc = pol_format_text(
		    &after, ctl_input_name(path), or_buf_slice(&before), &job->opt, &diags, &err);
		if (rc == OR_OK)
			rc = deliver(job, path, &before, &after, &err);
	}
	if (rc && diags.n) {
		ctl_input_complain(&diags);
		code = CTL_EXIT_USAGE;
	} else if (rc) {
		code = ctl_term_fail("policy format", &err);
	}
	pol_diag_done(&diags);
	or_buf_done(&before);
	or_buf_done(&after);
	return code;
}

static bool take_number(int *to, const char *text, uint64_t max)
{
	uint64_t v;

	if (!text)
		return true;
	if (or_str_u64(&v, or_slice_str(text)) || v == 0 || v > max)
		return false;
	*to = (int)v;
	return true;
}

/* What is wrong with the words and switches; NULL: nothing. */
static const char *misused(const struct job *job, char **words, size_t n)
{
	if (job->check && job->write)
		return "--check and --write exclude each other";
	if (job->write && n == 0)
		return "--write needs files";
	for (size_t i = 0; i < n; i++) {
		if (job->write && strcmp(words[i], "-") == 0)
			return "--write cannot change standard input";
	}
	return NULL;
}

static int format_all(struct job *job, char **words, size_t n)
{
	int worst = n ? CTL_EXIT_YES : format_one(job, "-");

	for (size_t i = 0; i < n; i++) {
		int code = format_one(job, words[i]);

		worst = code > worst ? code : worst;
	}
	return worst == CTL_EXIT_YES && job->check && job->changed ? CTL_EXIT_NO : worst;
}

int ctl_policy_format_main(int argc, char **argv)
{
	struct job job = {.check = false};
	const char *width = NULL, *indent = NULL;
	const struct ctl_args_flag flags[] = {
	    {.name = "check",
		.on = &job.check,
		.help = "only say which files are not in style; exit 1 where there is one"},
	    {.name = "write", .on = &job.write, .help = "change the files"},
	    {.name = "width",
		.metavar = "N",
		.value = &width,
		.help = "columns that lines are broken to (default 80)"},
	    {.name = "indent",
		.metavar = "N",
		.value = &indent,
		.help = "blanks per level (default 2)"}};
	const struct ctl_args spec = {.usage = "outrider policy format [flags] [FILE...]",
	    .about = "Lays Cedar policies out in one style. Comments are kept, the meaning too.\n"
		     "Without a file, or for -, it reads standard input; without --check and\n"
		     "--write the result goes to standard output.",
	    .examples = "  outrider policy format --write policy/*.cedar\n"
			"  outrider policy format --check policy/*.cedar",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};
	size_t n_words;
	const char *wrong;
	int code;

	if (!ctl_args_parse(&spec, argc, argv, &n_words, &code))
		return code;
	if (!take_number(&job.opt.width, width, COLUMNS_MAX) ||
	    !take_number(&job.opt.indent, indent, INDENT_MAX))
		return ctl_args_misuse(&spec, "--width and --indent take a small number");
	wrong = misused(&job, argv, n_words);
	return wrong ? ctl_args_misuse(&spec, "%s", wrong) : format_all(&job, argv, n_words);
}
