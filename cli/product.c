/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/product.h"

#include "base/jsonw.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/folder.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <stdio.h>

enum { REPORT_MAX = 256 * 1024, BUDGET = 256 * 1024 * 1024 };

struct look {
	struct or_arena *arena;
	const char *path;
	struct dp_folder folder;
	struct or_buf report;
};

static const char *audit_name(enum dp_audit audit)
{
	return audit == DP_AUDIT_STRICT ? "strict" : "async";
}

static void show_ports(const struct look *l)
{
	static const char *const head[] = {"PORT", "VERSION", "CONTRACT", "CLASS", "AUDIT"};
	const struct dp_product *p = l->folder.product;
	struct or_slice *cells = or_arena_array(l->arena, p->n_outputs * 5 + 1, sizeof(*cells));

	for (size_t i = 0; i < p->n_outputs; i++) {
		const struct dp_port *port = &p->outputs[i];
		const struct dp_contract *c = dp_folder_contract(&l->folder, port);
		const struct dp_settings s = dp_product_setting(p, port);
		struct or_slice *row = &cells[i * 5];

		row[0] = port->name;
		row[1] = port->version;
		row[2] = c ? c->id : OR_SLICE_LIT("-");
		row[3] = or_slice_str(c ? dp_contract_class_name(c->class) : "-");
		row[4] = or_slice_str(audit_name(dp_contract_audit(&s, c)));
	}
	ctl_term_table(head, 5, cells, p->n_outputs, NULL);
}

static void show(const struct look *l, bool valid)
{
	ctl_term_put(valid ? CTL_TERM_WARN : CTL_TERM_PLAIN, or_buf_slice(&l->report));
	if (!valid) {
		ctl_term_printf(CTL_TERM_BAD, "%s: not valid\n", l->path);
		return;
	}
	ctl_term_printf(CTL_TERM_GOOD, "%s: valid", l->path);
	ctl_term_printf(CTL_TERM_PLAIN, " (product %.*s, %zu output ports, %zu contracts)\n",
	    OR_SLICE_FMT(l->folder.product->id), l->folder.product->n_outputs,
	    l->folder.n_contracts);
	if (l->folder.product->n_outputs)
		show_ports(l);
}

static void show_json(const struct look *l, bool valid)
{
	struct or_slice rest = or_buf_slice(&l->report);
	struct or_buf text;
	struct or_jsonw w;

	or_buf_init(&text, 2 * REPORT_MAX);
	or_jsonw_init(&w, &text, 2);
	or_jsonw_object(&w);
	or_jsonw_kv_text(&w, "file", l->path);
	or_jsonw_kv_bool(&w, "valid", valid);
	or_jsonw_key(&w, "messages");
	or_jsonw_array(&w);
	while (rest.n) {
		size_t end = or_str_find(rest, '\n', 0);

		or_jsonw_str(&w, or_slice(rest.p, end));
		rest = or_slice_from(rest, end < rest.n ? end + 1 : end);
	}
	or_jsonw_end(&w);
	or_jsonw_end(&w);
	printf("%s\n", or_buf_text(&text));
	or_buf_done(&text);
}

static int validate(struct look *l, const char *path, bool json)
{
	struct or_err err = {0};
	enum or_code rc = ctl_folder_read(&l->folder, path, l->arena, &l->report, &err);

	l->path = path;
	if (rc == OR_ABSENT || rc == OR_IO)
		return ctl_term_fail("product validate", &err);
	if (rc == OR_FULL)
		return ctl_term_fail("product validate", &err);
	if (json)
		show_json(l, rc == OR_OK);
	else
		show(l, rc == OR_OK);
	return rc ? CTL_EXIT_NO : CTL_EXIT_YES;
}

static int run_validate(int argc, char **argv)
{
	bool json = false;
	const struct ctl_args_flag flags[] = {
	    {.name = "json", .help = "the result as JSON", .on = &json},
	};
	const struct ctl_args args = {
	    .usage = "outrider product validate [--json] FILE",
	    .about =
		"Checks a descriptor (ODPS v1.0.0), the contracts beside it (*.odcs.yaml, ODCS\n"
		"v3.1.0) and its outrider.* settings. Every message names file, line and field;\n"
		"the exit code is 0 for valid, 1 for not valid.",
	    .examples = "  outrider product validate examples/orders/dataproduct.yaml",
	    .flags = flags,
	    .n_flags = OR_LEN(flags),
	};
	struct or_arena *a;
	struct look *l;
	size_t n_words;
	int code;

	if (!ctl_args_parse(&args, argc, argv, &n_words, &code))
		return code;
	if (n_words != 1)
		return ctl_args_misuse(&args, "one FILE is needed");
	a = or_arena_new(BUDGET);
	l = or_arena_alloc(a, sizeof(*l));
	l->arena = a;
	or_buf_init(&l->report, REPORT_MAX);
	code = validate(l, argv[0], json);
	or_buf_done(&l->report);
	or_arena_free(a);
	return code;
}

int ctl_product_main(int argc, char **argv)
{
	static const struct ctl_verb verbs[] = {
	    {"validate", "check a descriptor and its contracts", run_validate},
	};

	return ctl_verb_run("outrider product", "Data products and their contracts.", verbs,
	    OR_LEN(verbs), argc, argv);
}
