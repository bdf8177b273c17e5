/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/policy/policy.h"
#include "cli/policy/policy_show.h"
#include "cli/policy/policy_table.h"
#include "cli/term.h"

#include <inttypes.h>
#include <stdio.h>

enum { TEXT_MAX = 4 * 1024 * 1024 };

#define EXACT_MAX 9007199254740991LL /* what a program that reads JSON may count to */

struct job {
	struct ctl_policy_world_opt world;
	struct ctl_policy_ask_opt ask;
	const char *table, *columns, *alias, *dialect;
	bool residual;
	bool json;
};

/* What the verb found; refused: nothing may be read, err says why. */
struct found {
	struct pol_filter filter;
	struct pol_filter_sql sql;
	struct or_buf ucast;
	bool is_ucast;
	bool refused;
	struct or_err err;
};

static const char *const verdicts[] = {"none", "all", "some"};

static void put_param(struct or_jsonw *w, const struct pol_value *v)
{
	char digits[24];

	if (v->kind == POL_STRING) {
		or_jsonw_str(w, v->s);
	} else if (v->i > EXACT_MAX || v->i < -EXACT_MAX) {
		/* The text casts it to an integer, however it comes. */
		snprintf(digits, sizeof(digits), "%" PRId64, v->i);
		or_jsonw_text(w, digits);
	} else {
		or_jsonw_i64(w, v->i);
	}
}

static void put_params(struct or_jsonw *w, const struct pol_filter_sql *sql)
{
	or_jsonw_key(w, "params");
	or_jsonw_array(w);
	for (size_t i = 0; i < sql->n_params; i++)
		put_param(w, &sql->params[i]);
	or_jsonw_end(w);
}

static struct or_slice residual_text(struct or_buf *b, const struct pol_partial_residual *r)
{
	or_buf_clear(b);
	pol_partial_print(b, r);
	return or_buf_slice(b);
}

static void put_residuals(struct or_jsonw *w, const struct pol_partial *p)
{
	static const char *const states[] = {"no", "yes", "error", "open"};
	struct or_buf b;

	or_buf_init(&b, TEXT_MAX);
	or_jsonw_key(w, "residuals");
	or_jsonw_array(w);
	for (size_t i = 0; i < p->n; i++) {
		or_jsonw_object(w);
		or_jsonw_kv_str(w, "policy", p->items[i].policy->id);
		or_jsonw_kv_text(w, "effect", p->items[i].policy->forbid ? "forbid" : "permit");
		or_jsonw_kv_text(w, "state", states[p->items[i].state]);
		or_jsonw_kv_str(w, "text", residual_text(&b, &p->items[i]));
		or_jsonw_end(w);
	}
	or_jsonw_end(w);
	or_buf_done(&b);
}

static void show_json(const struct job *job, const struct found *f)
{
	struct or_jsonw w;
	struct or_buf b;

	or_buf_init(&b, 4 * TEXT_MAX);
	or_jsonw_init(&w, &b, 2);
	or_jsonw_object(&w);
	or_jsonw_kv_text(&w, "rows", f->refused ? "refused" : verdicts[f->filter.verdict]);
	if (f->refused) {
		or_jsonw_kv_text(&w, "why", f->err.msg);
	} else if (f->is_ucast) {
		or_jsonw_key(&w, "ucast");
		or_jsonw_raw(&w, or_buf_slice(&f->ucast));
	} else {
		or_jsonw_kv_text(&w, "dialect", job->dialect);
		or_jsonw_kv_str(&w, "sql", f->sql.text);
		put_params(&w, &f->sql);
	}
	ctl_policy_show_masks_json(&w, &f->filter.masks);
	if (job->residual)
		put_residuals(&w, &f->filter.partial);
	or_jsonw_end(&w);
	printf("%s\n", or_buf_text(&b));
	or_buf_done(&b);
}

static void show_params(const struct pol_filter_sql *sql)
{
	for (size_t i = 0; i < sql->n_params; i++) {
		struct or_buf b;

		or_buf_init(&b, TEXT_MAX);
		pol_value_print(&b, &sql->params[i]);
		ctl_term_printf(CTL_TERM_DIM, "  %zu  ", i + 1);
		ctl_term_value(CTL_TERM_PLAIN, or_buf_slice(&b));
		putchar('\n');
		or_buf_done(&b);
	}
}

static void show(const struct job *job, const struct found *f)
{
	struct or_buf b;

	if (f->refused) {
		ctl_term_printf(CTL_TERM_BAD, "deny");
		ctl_term_printf(CTL_TERM_PLAIN, ": no row may be read: %s\n", f->err.msg);
	} else if (f->is_ucast) {
		ctl_term_put(CTL_TERM_PLAIN, or_buf_slice(&f->ucast));
		putchar('\n');
	} else {
		ctl_term_value(CTL_TERM_BOLD, f->sql.text);
		putchar('\n');
		show_params(&f->sql);
	}
	ctl_policy_show_masks(&f->filter.masks);
	if (!job->residual)
		return;
	or_buf_init(&b, TEXT_MAX);
	for (size_t i = 0; i < f->filter.partial.n; i++) {
		putchar('\n');
		ctl_term_put(CTL_TERM_PLAIN, residual_text(&b, &f->filter.partial.items[i]));
	}
	or_buf_done(&b);
}

/* OR_UNSUPPORTED and OR_FULL are answers: no. */
static enum or_code translate(struct found *f, struct ctl_policy_world *w, const struct job *job)
{
	struct or_arena *a = pol_ctx_arena(w->ctx);
	enum pol_filter_dialect dialect = POL_FILTER_POSTGRES;
	struct or_jsonw json;
	enum or_code rc;

	f->is_ucast = strcmp(job->dialect, "ucast") == 0;
	if (f->is_ucast) {
		or_jsonw_init(&json, &f->ucast, 0);
		rc = pol_filter_ucast(&json, &f->filter, a, &f->err);
	} else {
		/* The name was checked with the flags. */
		rc = pol_filter_sql_dialect(&dialect, or_slice_str(job->dialect));
		if (rc == OR_OK)
			rc = pol_filter_sql(&f->sql, &f->filter, dialect, a, &f->err);
	}
	f->refused = rc == OR_UNSUPPORTED || rc == OR_FULL;
	return f->refused ? OR_OK : rc;
}

static int answer_with(struct ctl_policy_world *w, const struct job *job)
{
	static const char verb[] = "policy filter";
	struct found f = {.refused = false};
	struct pol_filter_table table;
	struct pol_filter_request req;
	struct ctl_policy_ask ask;
	enum or_code rc = ctl_policy_ask_flags(&ask, w, &job->ask, false, &f.err);

	if (rc)
		return ctl_term_fail(verb, &f.err);
	or_buf_init(&f.ucast, TEXT_MAX);
	rc = ctl_policy_table_find(&table, w, job->table, job->columns, job->alias, &f.err);
	req = (struct pol_filter_request){.principal = ask.req.principal,
	    .action = ask.req.action,
	    .context = ask.req.context,
	    .on_forbid_error = ask.req.on_forbid_error,
	    .table = &table};
	if (rc == OR_OK) {
		ctl_policy_ask_begin(w, &ask);
		rc = pol_filter_make(&f.filter, w->ctx, w->sets, 1, &req, &f.err);
	}
	if (rc == OR_OK)
		rc = translate(&f, w, job);
	if (rc == OR_OK && job->json)
		show_json(job, &f);
	else if (rc == OR_OK)
		show(job, &f);
	or_buf_done(&f.ucast);
	ctl_policy_ask_done(&ask);
	if (rc)
		return ctl_term_fail(verb, &f.err);
	return f.refused || f.filter.verdict == POL_FILTER_NONE ? CTL_EXIT_NO : CTL_EXIT_YES;
}

static int run(struct job *job, const struct ctl_args *spec, int argc, char **argv)
{
	enum pol_filter_dialect dialect;
	struct ctl_policy_world w;
	struct or_err err = {0};
	size_t n_words;
	int code;

	if (!ctl_args_parse(spec, argc, argv, &n_words, &code))
		return code;
	if (n_words)
		return ctl_args_misuse(spec, "unexpected word \"%s\"", argv[0]);
	if (!job->table)
		return ctl_args_misuse(spec, "--table is needed");
	if (strcmp(job->dialect, "ucast") != 0 &&
	    pol_filter_sql_dialect(&dialect, or_slice_str(job->dialect)))
		return ctl_args_misuse(spec,
		    "--dialect %s: expected postgresql, sqlite, trino or ucast", job->dialect);
	if (ctl_policy_world_open(&w, &job->world, &err))
		return ctl_term_fail("policy filter", &err);
	code = answer_with(&w, job);
	ctl_policy_world_close(&w);
	return code;
}

int ctl_policy_filter_main(int argc, char **argv)
{
	struct job job = {.dialect = "postgresql"};
	const struct ctl_args_flag flags[] = {
	    CTL_POLICY_ASK_FLAGS(&job.ask),
	    {.name = "request",
		.metavar = "FILE",
		.value = &job.ask.request,
		.help = "the request as JSON (\"-\": standard input)"},
	    {.name = "table",
		.metavar = "NAME",
		.value = &job.table,
		.help = "a table of the product's contracts"},
	    {.name = "columns",
		.metavar = "LIST",
		.value = &job.columns,
		.help = "of a table without a contract: level:integer,owner:string"},
	    {.name = "alias",
		.metavar = "NAME",
		.value = &job.alias,
		.help = "what the query calls the table (default: its physical name)"},
	    {.name = "dialect",
		.metavar = "NAME",
		.value = &job.dialect,
		.help = "postgresql (default), sqlite, trino or ucast"},
	    {.name = "residual",
		.help = "show what is left of the policies too",
		.on = &job.residual},
	    CTL_POLICY_WORLD_FLAGS(&job.world),
	    {.name = "json", .help = "answer as JSON", .on = &job.json},
	};
	const struct ctl_args spec = {.usage = "outrider policy filter --table NAME [flags]",
	    .about =
		"Which rows of a table a principal may read, as a condition for SQL with its "
		"parameters,\nor as UCAST. A row is Row::\"<product>/<table>\" with the contract's "
		"columns as attributes.\nExit code 0: some rows or all; 1: none, or the policies "
		"have no condition that answers\nthe same.",
	    .examples =
		"  outrider policy filter --table orders --principal 'User::\"alice\"' "
		"--action read\n"
		"  outrider policy filter --table t --columns level:integer --dialect sqlite "
		"\\\n      --policy rows.cedar --principal 'User::\"alice\"' --action read",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};

	return run(&job, &spec, argc, argv);
}
