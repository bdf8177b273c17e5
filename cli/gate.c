/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/gate.h"

#include "base/http_call.h"
#include "base/jsonw.h"
#include "base/str.h"
#include "base/sys.h"
#include "cli/args.h"
#include "cli/folder.h"
#include "cli/grant.h"
#include "cli/state.h"
#include "cli/term.h"
#include "cli/verb.h"

#include <stdio.h>

enum { REPORT_MAX = 256 * 1024, BUDGET = 256 * 1024 * 1024, TOKEN_MAX = 16 * 1024 };
enum { BODY_MAX = 64 * 1024, ANSWER_MAX = 1024 * 1024, COLUMNS = 6 };

/* -- routes -- */

/* One line of the table: where it begins, and what a request there is for. */
struct line {
	struct or_slice path;
	struct or_slice methods;
	const struct dp_port *port;
	struct or_slice action;
};

static struct or_slice list_methods(struct or_arena *a, const struct dp_route *r)
{
	struct or_slice text = OR_SLICE_LIT("any");

	for (size_t i = 0; i < r->n_methods; i++)
		text = i ? or_slice_str(or_arena_printf(
			       a, "%.*s %.*s", OR_SLICE_FMT(text), OR_SLICE_FMT(r->methods[i])))
			 : r->methods[0];
	return text;
}

/* As product/route.h finds them. */
static size_t list_routes(struct line **out, const struct dp_product *p, struct or_arena *a)
{
	const struct dp_settings *s = &p->settings;
	size_t n = s->n_routes ? s->n_routes : p->n_outputs;
	struct line *lines = or_arena_array(a, n + 1, sizeof(*lines));

	for (size_t i = 0; i < n; i++) {
		struct line *l = &lines[i];

		l->methods = OR_SLICE_LIT("any");
		l->action = OR_SLICE_LIT("by method");
		if (s->n_routes) {
			l->path = s->routes[i].path;
			l->methods = list_methods(a, &s->routes[i]);
			l->port = dp_product_output(p, s->routes[i].port);
			if (s->routes[i].action.p)
				l->action = s->routes[i].action;
			continue;
		}
		l->port = &p->outputs[i];
		l->path = n == 1 ? OR_SLICE_LIT("/")
				 : or_slice_str(or_arena_printf(
				       a, "/%.*s", OR_SLICE_FMT(p->outputs[i].name)));
	}
	*out = lines;
	return n;
}

static void fill_row(struct or_slice *row, const struct dp_folder *folder, const struct line *line)
{
	const struct dp_contract *c = line->port ? dp_folder_contract(folder, line->port) : NULL;
	struct dp_settings s = dp_product_setting(folder->product, line->port);
	bool strict = dp_contract_audit(&s, c) == DP_AUDIT_STRICT;

	row[0] = line->path;
	row[1] = line->methods;
	row[2] = line->port ? line->port->name : OR_SLICE_LIT("-");
	row[3] = line->action;
	row[4] = or_slice_str(c ? dp_contract_class_name(c->class) : "-");
	row[5] = strict ? OR_SLICE_LIT("strict") : OR_SLICE_LIT("async");
}

static void put_routes_json(const struct or_slice *cells, size_t n)
{
	static const char *const keys[COLUMNS] = {
	    "path", "methods", "port", "action", "class", "audit"};
	struct or_buf text;
	struct or_jsonw w;

	or_buf_init(&text, ANSWER_MAX);
	or_jsonw_init(&w, &text, 0);
	for (size_t i = 0; i < n; i++) {
		or_jsonw_object(&w);
		for (size_t k = 0; k < COLUMNS; k++)
			or_jsonw_kv_str(&w, keys[k], cells[i * COLUMNS + k]);
		or_jsonw_end(&w);
		or_buf_put_byte(&text, '\n');
		or_jsonw_init(&w, &text, 0);
	}
	fputs(or_buf_text(&text), stdout);
	or_buf_done(&text);
}

static void put_routes(const struct dp_folder *folder, struct or_arena *a, bool json)
{
	static const char *const head[COLUMNS] = {
	    "PATH", "METHODS", "PORT", "ACTION", "CLASS", "AUDIT"};
	struct line *lines;
	size_t n = list_routes(&lines, folder->product, a);
	struct or_slice *cells = or_arena_array(a, n * COLUMNS + 1, sizeof(*cells));

	for (size_t i = 0; i < n; i++)
		fill_row(&cells[i * COLUMNS], folder, &lines[i]);
	if (json) {
		put_routes_json(cells, n);
		return;
	}
	ctl_term_table(head, COLUMNS, cells, n, NULL);
	ctl_term_printf(CTL_TERM_DIM,
	    "by method: GET, HEAD read; OPTIONS describe; POST, PUT, PATCH write; DELETE delete; "
	    "others are denied\n");
}

static int show_routes(const char *path, bool json, struct or_arena *a)
{
	struct dp_folder folder = {0};
	struct or_buf report;
	struct or_err err = {0};
	enum or_code rc;

	or_buf_init(&report, REPORT_MAX);
	rc = ctl_folder_read(&folder, path, a, &report, &err);
	if (rc == OR_OK)
		put_routes(&folder, a, json);
	else if (report.n)
		fputs(or_buf_text(&report), stderr);
	or_buf_done(&report);
	return rc ? ctl_term_fail("gate routes", &err) : CTL_EXIT_YES;
}

static int run_routes(int argc, char **argv)
{
	bool json = false;
	const struct ctl_args_flag flags[] = {
	    {.name = "json", .help = "one JSON object for each route", .on = &json},
	};
	const struct ctl_args args = {
	    .usage = "outrider gate routes [--json] FILE",
	    .about =
		"Prints which request is for which output port, what it is called to policy, how\n"
		"its data is classified and how its decisions are recorded, by the descriptor\n"
		"FILE and the contracts beside it. The longest path that fits decides.",
	    .examples = "  outrider gate routes examples/orders/dataproduct.yaml",
	    .flags = flags,
	    .n_flags = OR_LEN(flags),
	};
	struct or_arena *a;
	size_t n_words;
	int code;

	if (!ctl_args_parse(&args, argc, argv, &n_words, &code))
		return code;
	if (n_words != 1)
		return ctl_args_misuse(&args, "one FILE is needed");
	a = or_arena_new(BUDGET);
	code = show_routes(argv[0], json, a);
	or_arena_free(a);
	return code;
}

/* -- try -- */

struct attempt {
	struct ctl_state state;
	const char *state_dir, *product, *token, *client, *purpose;
	const char *method, *target;
	bool json;
};

/* The path and query of a URL, or the target as it is. */
static const char *target_of(const char *url)
{
	const char *rest = strstr(url, "://");
	const char *slash = rest ? strchr(rest + 3, '/') : url;

	return slash ? slash : "/";
}

/* "@FILE" is what a file holds: a token on the command line is seen by everyone on the machine. */
static enum or_code read_token(const char **out, struct attempt *t, struct or_err *err)
{
	struct or_slice text;
	enum or_code rc;

	if (t->token[0] != '@') {
		*out = t->token;
		return OR_OK;
	}
	rc = ctl_state_read(&text, &t->state, t->token + 1, err);
	if (rc == OR_OK && text.n > TOKEN_MAX)
		rc = or_err_set(err, OR_FULL, "%s: longer than a token is", t->token + 1);
	if (rc == OR_OK)
		*out = or_arena_strdup(t->state.arena, text);
	return rc;
}

/* The agent that was named, or the only one that runs here. */
static enum or_code find_agent(const char **address, struct attempt *t, struct or_err *err)
{
	struct or_sys_names names;
	size_t found = 0;
	enum or_code rc = or_sys_list(&names, ctl_state_path(&t->state, "agents"), err);

	if (rc)
		return or_err_set(err, OR_ABSENT, "no agent was started here: outrider run");
	for (size_t i = 0; i < names.n; i++) {
		struct ctl_state_endpoint e;

		if (t->product && strcmp(t->product, names.names[i]) != 0)
			continue;
		if (ctl_state_endpoint(&e, &t->state,
			ctl_state_path(&t->state, "agents/%s", names.names[i]) +
			    strlen(t->state.dir) + 1,
			NULL) ||
		    !e.alive || !e.decide)
			continue;
		*address = e.decide;
		found++;
	}
	or_sys_names_free(&names);
	if (found == 1)
		return OR_OK;
	return found
		   ? or_err_set(err, OR_INVAL, "%zu agents run here: say which by --product", found)
		   : or_err_set(err, OR_ABSENT, "no agent%s%s runs here: outrider run",
			 t->product ? " of " : "", t->product ? t->product : "");
}

static void put_question(struct or_buf *out, const struct attempt *t, const char *token)
{
	struct or_jsonw w;

	or_jsonw_init(&w, out, 0);
	or_jsonw_object(&w);
	or_jsonw_key(&w, "input");
	or_jsonw_object(&w);
	or_jsonw_kv_text(&w, "token", token);
	or_jsonw_kv_text(&w, "method", t->method);
	or_jsonw_kv_text(&w, "path", t->target);
	or_jsonw_kv_text(&w, "client", t->client);
	or_jsonw_kv_bool(&w, "masks", true);
	if (t->purpose)
		or_jsonw_kv_text(&w, "purpose", t->purpose);
	or_jsonw_end(&w);
	or_jsonw_end(&w);
}

static void put_list(const char *title, const struct or_json *result, const char *key)
{
	const struct or_json *list = or_json_get_type(result, key, OR_JSON_ARRAY);

	for (size_t i = 0; list && i < list->array.n; i++) {
		ctl_term_printf(CTL_TERM_DIM, "%-10s", i ? "" : title);
		ctl_term_value(CTL_TERM_PLAIN, list->array.items[i]->s);
		ctl_term_printf(CTL_TERM_PLAIN, "\n");
	}
}

static void put_text(const char *title, struct or_slice text)
{
	if (!text.n)
		return;
	ctl_term_printf(CTL_TERM_DIM, "%-10s", title);
	ctl_term_value(CTL_TERM_PLAIN, text);
	ctl_term_printf(CTL_TERM_PLAIN, "\n");
}

static void put_answer(const struct or_json *answer, bool allow)
{
	const struct or_json *result = or_json_get(answer, "result");

	ctl_term_printf(allow ? CTL_TERM_GOOD : CTL_TERM_BAD, "%s", allow ? "allow" : "deny");
	ctl_term_printf(CTL_TERM_PLAIN, " ");
	ctl_term_value(CTL_TERM_PLAIN, or_json_get_str(result, "reason"));
	ctl_term_printf(CTL_TERM_PLAIN, "\n");
	put_text("who", or_json_get_str(result, "principal"));
	put_text("action", or_json_get_str(result, "action"));
	put_text("resource", or_json_get_str(result, "resource"));
	put_list("policies", result, "policies");
	put_list("masks", result, "obligations");
	put_text("decision", or_json_get_str(answer, "decision_id"));
}

static int tell_answer(struct attempt *t, struct or_slice body, struct or_err *err)
{
	const struct or_json *answer, *allow;

	if (or_json_parse(&answer, body, t->state.arena, err))
		return ctl_term_fail("gate try", err);
	allow = or_json_get_type(or_json_get(answer, "result"), "allow", OR_JSON_BOOL);
	if (t->json) {
		fwrite(body.p, 1, body.n, stdout);
	} else {
		put_answer(answer, allow && allow->b);
	}
	return allow && allow->b ? CTL_EXIT_YES : CTL_EXIT_NO;
}

static int ask(struct attempt *t)
{
	struct or_http_call_answer answer;
	struct or_http_client_req req = {
	    .method = OR_SLICE_LIT("POST"), .target = OR_SLICE_LIT("/v1/decide")};
	const char *token;
	struct or_buf body;
	struct or_err err = {0};
	enum or_code rc = read_token(&token, t, &err);
	int code;

	if (rc == OR_OK)
		rc = find_agent(&req.origin, t, &err);
	if (rc)
		return ctl_term_fail("gate try", &err);
	or_buf_init(&body, BODY_MAX);
	put_question(&body, t, token);
	req.body = or_buf_slice(&body);
	rc = or_http_call_run(&answer, &req, ANSWER_MAX, &err);
	or_buf_done(&body);
	if (rc)
		return ctl_term_fail("gate try", &err);
	if (answer.status == 200) {
		code = tell_answer(t, or_buf_slice(&answer.body), &err);
	} else {
		or_err_set(&err, OR_BUSY, "%s answers %u", req.origin, answer.status);
		code = ctl_term_fail("gate try", &err);
	}
	or_http_call_done(&answer);
	return code;
}

static int run_try(int argc, char **argv)
{
	struct attempt t = {.client = "127.0.0.1"};
	const struct ctl_args_flag flags[] = {
	    {.name = "as",
		.metavar = "TOKEN",
		.help = "who asks; @FILE reads the token from a file",
		.value = &t.token},
	    {.name = "client",
		.metavar = "ADDRESS",
		.help = "where it would come from (127.0.0.1)",
		.value = &t.client},
	    {.name = "purpose",
		.metavar = "NAME",
		.help = "what for, as X-Outrider-Purpose would say",
		.value = &t.purpose},
	    {.name = "product",
		.metavar = "ID",
		.help = "the agent to ask, where several run here",
		.value = &t.product},
	    {.name = "state",
		.metavar = "DIR",
		.help = "where this machine's agents are kept",
		.value = &t.state_dir},
	    {.name = "json", .help = "the answer as the agent gives it", .on = &t.json},
	};
	const struct ctl_args args = {
	    .usage = "outrider gate try METHOD URL --as TOKEN [flags]",
	    .about =
		"Shows what the agent that runs here decides of a request: which policies, which\n"
		"masks. Nothing is sent to the workload; the question is recorded like any other\n"
		"decision (front decide). Exit code 0: allowed, 1: denied.",
	    .examples = "  outrider gate try GET '/orders?limit=1' --as \"$TOKEN\"",
	    .flags = flags,
	    .n_flags = OR_LEN(flags),
	};
	struct or_err err = {0};
	size_t n_words;
	int code;

	if (!ctl_args_parse(&args, argc, argv, &n_words, &code))
		return code;
	if (n_words != 2 || !t.token || !t.token[0])
		return ctl_args_misuse(&args, "METHOD, URL and --as TOKEN are needed");
	t.method = argv[0];
	t.target = target_of(argv[1]);
	if (ctl_state_open(&t.state, t.state_dir, &err))
		return ctl_term_fail("gate try", &err);
	code = ask(&t);
	ctl_state_close(&t.state);
	return code;
}

int ctl_gate_main(int argc, char **argv)
{
	static const struct ctl_verb verbs[] = {
	    {"routes", "print which request is for which port", run_routes},
	    {"try", "show what would be decided of a request", run_try},
	    {"break-glass", "make a grant that overrides a deny for a while", ctl_grant_main},
	};

	return ctl_verb_run("outrider gate", "What the gate decides, and on what.", verbs,
	    OR_LEN(verbs), argc, argv);
}
