/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/export.h"

#include "base/sys.h"
#include "cli/args.h"
#include "cli/inclusion.h"
#include "cli/term.h"
#include "tlog/note.h"
#include "tlog/proof_file.h"

#include <stdio.h>

struct export
{
	const char *out; /* NULL: stdout */
	const char *proof;
	const char *pinned;
};

static enum or_code put_out(const struct export *x, const struct or_buf *body, struct or_err *err)
{
	if (x->out)
		return or_sys_write_file(x->out, or_buf_slice(body), 0640, err);
	if (fwrite(body->p, 1, body->n, stdout) != body->n || fflush(stdout))
		return or_err_set(err, OR_IO, "the output was cut short");
	return OR_OK;
}

static enum or_code export_proof(
    const struct export *x, const struct ctl_source *src, struct or_err *err)
{
	struct or_buf body;
	enum or_code rc;

	or_buf_init(&body, TL_PROOF_FILE_MAX);
	rc = ctl_inclusion_export(&body, src, x->proof, x->pinned, err);
	if (rc == OR_OK)
		rc = put_out(x, &body, err);
	or_buf_done(&body);
	return rc;
}

static bool is_key(const char *text, struct or_err *err)
{
	struct tl_note_key key;

	if (tl_note_key_parse(&key, or_slice_str(text), err))
		return false;
	tl_note_key_done(&key);
	return true;
}

static int run(const struct export *x, const char *state, const char *collector)
{
	static struct ctl_source src;
	struct ctl_state s;
	struct ctl_api api;
	struct or_err err;
	enum or_code rc = ctl_state_open(&s, state, &err);

	if (rc)
		return ctl_term_fail("export", &err);
	rc = ctl_api_open(&api, &s, collector, &err);
	if (rc == OR_OK)
		rc = ctl_source_api(&src, &api, &err);
	if (rc == OR_OK)
		rc = export_proof(x, &src, &err);
	ctl_state_close(&s);
	return rc ? ctl_term_fail("export", &err) : CTL_EXIT_YES;
}

int ctl_export_main(int argc, char **argv)
{
	const char *state = NULL, *collector = NULL;
	struct export x = {0};
	const struct ctl_args_flag flags[] = {
	    {.name = "proof",
		.metavar = "ID",
		.value = &x.proof,
		.help = "the record with that id and its proof, as a C2SP tlog-proof file"},
	    {.name = "out",
		.metavar = "FILE",
		.value = &x.out,
		.help = "where to write (default: standard output)"},
	    {.name = "key",
		.metavar = "VKEY",
		.value = &x.pinned,
		.help = "the key that checkpoints must be signed with (default: pinned by verify)"},
	    {.name = "collector",
		.metavar = "URL",
		.value = &collector,
		.help = "the collector (default: the one of outrider up)"},
	    {.name = "state",
		.metavar = "DIR",
		.value = &state,
		.help = "where outrider up keeps everything"}};
	const struct ctl_args spec = {.usage = "outrider export [flags]",
	    .about =
		"Writes what others can check without asking anybody: a record with the hashes "
		"that\n"
		"lead from it to the log's signed head. `outrider verify FILE` checks it "
		"offline, and so\n"
		"does any program that reads C2SP tlog-proof; the record is its extra data.",
	    .examples = "  outrider export --proof 9f86d081884c7d659a2f --out record.tlog-proof\n"
			"  outrider verify record.tlog-proof",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};
	struct or_err err;
	size_t n_words;
	int code;

	if (!ctl_args_parse(&spec, argc, argv, &n_words, &code))
		return code;
	if (n_words)
		return ctl_args_misuse(&spec, "\"%s\" is no flag", argv[0]);
	if (!x.proof)
		return ctl_args_misuse(&spec, "say which record: --proof ID");
	if (x.pinned && !is_key(x.pinned, &err))
		return ctl_args_misuse(&spec, "--key %s: %s", x.pinned, err.msg);
	return run(&x, state, collector);
}
