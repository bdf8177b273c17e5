/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/lineage.h"

#include "base/jsonw.h"
#include "base/map.h"
#include "base/str.h"
#include "cli/api.h"
#include "cli/args.h"
#include "cli/term.h"

#include <stdio.h>

enum { DEPTH_MAX = 60, PRODUCT_MAX = 256, NODES_MAX = 1000000, PREFIX_MAX = 1024 };

struct node {
	const struct or_json *j;
	struct node **out;
	size_t n_out;
	size_t n_in;
	bool is_drawn;
};

struct graph {
	struct or_arena *arena;
	struct node *nodes;
	size_t n;
	struct or_map by_id;
};

static struct or_slice text(const struct or_json *j, const char *key)
{
	return or_json_get_str(j, key);
}

static bool is_job(const struct node *n)
{
	return or_slice_is(text(n->j, "type"), "JOB");
}

static int64_t number(const struct or_json *j, const char *key)
{
	const struct or_json *v = or_json_get_type(j, key, OR_JSON_INT);

	return v ? v->i : 0;
}

static enum or_code read_edges(struct graph *g, const struct or_json *edges)
{
	/* Twice: count, then fill. */
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < edges->array.n; i++) {
			const struct or_json *e = edges->array.items[i];
			struct node *from = or_map_find(&g->by_id, text(e, "from"));
			struct node *to = or_map_find(&g->by_id, text(e, "to"));

			if (!from || !to)
				continue;
			if (pass)
				from->out[from->n_out] = to;
			else
				to->n_in++;
			from->n_out++;
		}
		for (size_t i = 0; pass == 0 && i < g->n; i++) {
			g->nodes[i].out =
			    or_arena_array(g->arena, g->nodes[i].n_out, sizeof(struct node *));
			if (!g->nodes[i].out)
				return OR_FULL;
			g->nodes[i].n_out = 0;
		}
	}
	return OR_OK;
}

static enum or_code read_graph(struct graph *g, const struct or_json *j, struct or_err *err)
{
	const struct or_json *nodes = or_json_get_type(j, "nodes", OR_JSON_ARRAY);
	const struct or_json *edges = or_json_get_type(j, "edges", OR_JSON_ARRAY);

	if (!nodes || !edges)
		return or_err_set(err, OR_PARSE, "the collector's answer holds no graph");
	g->n = nodes->array.n;
	g->nodes = or_arena_array(g->arena, g->n, sizeof(*g->nodes));
	if (!g->nodes)
		return or_err_set(err, OR_FULL, "the graph is too large");
	for (size_t i = 0; i < g->n; i++) {
		g->nodes[i].j = nodes->array.items[i];
		if (or_map_put(&g->by_id, text(g->nodes[i].j, "id"), &g->nodes[i]) == OR_FULL)
			return or_err_set(err, OR_FULL, "the graph is too large");
	}
	return read_edges(g, edges) ? or_err_set(err, OR_FULL, "the graph is too large") : OR_OK;
}

/* "COMPLETE 2026-11-24 11:18:28, 3 of 4 runs complete, version abc" */
static void put_state(const struct or_json *j)
{
	const struct or_json *last = or_json_get(j, "last");
	struct or_slice state = text(last, "eventType"), time = text(last, "eventTime");
	struct or_slice version = text(last, "version");
	bool good = or_slice_is(state, "COMPLETE");
	bool bad = or_slice_is(state, "FAIL") || or_slice_is(state, "ABORT");

	if (!last)
		return;
	ctl_term_printf(good  ? CTL_TERM_GOOD
			: bad ? CTL_TERM_BAD
			      : CTL_TERM_WARN,
	    "  %.*s", OR_SLICE_FMT(state));
	ctl_term_printf(CTL_TERM_DIM, " %.10s %.8s, %lld complete, %lld failed",
	    time.n > 19 ? (const char *)time.p : "", time.n > 19 ? (const char *)time.p + 11 : "",
	    (long long)number(j, "completes"), (long long)number(j, "fails"));
	if (version.n)
		ctl_term_printf(CTL_TERM_DIM, ", version %.*s",
		    (int)(version.n < 12 ? version.n : 12), (const char *)version.p);
}

/* Products other than the one that was asked for. */
static void put_others(const struct or_json *j, struct or_slice product)
{
	const struct or_json *list = or_json_get_type(j, "products", OR_JSON_ARRAY);

	for (size_t i = 0; list && i < list->array.n; i++) {
		const struct or_json *p = list->array.items[i];

		if (p->type == OR_JSON_STR && !or_slice_eq(p->s, product))
			ctl_term_printf(CTL_TERM_DIM, "  (%.*s)", OR_SLICE_FMT(p->s));
	}
}

static void put_node(const struct node *n, struct or_slice product, bool again)
{
	ctl_term_printf(CTL_TERM_DIM, "%s ", is_job(n) ? "job" : "data");
	ctl_term_put(is_job(n) ? CTL_TERM_BOLD : CTL_TERM_PLAIN, text(n->j, "namespace"));
	ctl_term_put(CTL_TERM_DIM, OR_SLICE_LIT(" "));
	ctl_term_put(is_job(n) ? CTL_TERM_BOLD : CTL_TERM_PLAIN, text(n->j, "name"));
	if (again) {
		ctl_term_printf(CTL_TERM_DIM, "  (above)\n");
		return;
	}
	if (is_job(n))
		put_state(n->j);
	put_others(n->j, product);
	putchar('\n');
}

static void draw(struct node *n, struct or_slice product, char prefix[PREFIX_MAX], int depth)
{
	size_t len = strlen(prefix);
	bool again = n->is_drawn;

	put_node(n, product, again);
	n->is_drawn = true;
	if (again || depth == DEPTH_MAX)
		return;
	for (size_t i = 0; i < n->n_out; i++) {
		bool last = i + 1 == n->n_out;

		printf("  %s%s", prefix, last ? "└─▶ " : "├─▶ ");
		snprintf(prefix + len, PREFIX_MAX - len, "%s", last ? "    " : "│   ");
		draw(n->out[i], product, prefix, depth + 1);
		prefix[len] = 0;
	}
}

static void draw_all(struct graph *g, struct or_slice product)
{
	char prefix[PREFIX_MAX] = "";
	size_t jobs = 0;

	for (size_t i = 0; i < g->n; i++)
		jobs += is_job(&g->nodes[i]);
	ctl_term_printf(CTL_TERM_BOLD, "%.*s", OR_SLICE_FMT(product));
	printf(": %zu data set%s, %zu job%s\n", g->n - jobs, g->n - jobs == 1 ? "" : "s", jobs,
	    jobs == 1 ? "" : "s");
	/* From what nothing leads to; then what lies on a circle. */
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < g->n; i++) {
			if (g->nodes[i].is_drawn || (pass == 0 && g->nodes[i].n_in))
				continue;
			printf("  ");
			draw(&g->nodes[i], product, prefix, 0);
		}
	}
}

/* "undeclared input: dataset:postgres://db:5432 shop.public.a, by job:orders:pod-1" */
static void put_findings(const struct or_json *j)
{
	const struct or_json *list = or_json_get_type(j, "findings", OR_JSON_ARRAY);

	for (size_t i = 0; list && i < list->array.n; i++) {
		const struct or_json *f = list->array.items[i];
		bool input = or_slice_is(text(f, "kind"), "undeclared_input");

		ctl_term_printf(CTL_TERM_WARN, "  undeclared %s", input ? "input" : "output");
		printf(": ");
		ctl_term_put(CTL_TERM_PLAIN, text(f, "dataset"));
		ctl_term_printf(CTL_TERM_DIM, ", seen of ");
		ctl_term_put(CTL_TERM_DIM, text(f, "job"));
		putchar('\n');
	}
}

static int show(struct ctl_api *api, struct or_slice body, struct or_slice product, bool json)
{
	struct graph g = {.arena = api->state->arena};
	const struct or_json *j;
	struct or_err err;
	enum or_code rc;

	if (json) {
		fwrite(body.p, 1, body.n, stdout);
		putchar('\n');
		return CTL_EXIT_YES;
	}
	or_map_init(&g.by_id, NODES_MAX);
	rc = or_json_parse(&j, body, g.arena, &err);
	if (rc == OR_OK)
		rc = read_graph(&g, j, &err);
	if (rc == OR_OK)
		draw_all(&g, product);
	put_findings(j);
	or_map_done(&g.by_id);
	return rc ? ctl_term_fail("lineage", &err) : CTL_EXIT_YES;
}

static int ask(const char *state, const char *collector, struct or_slice product, bool json)
{
	struct or_buf path, body;
	struct ctl_state s;
	struct ctl_api api;
	struct or_err err;
	int code;

	if (ctl_state_open(&s, state, &err))
		return ctl_term_fail("lineage", &err);
	or_buf_init(&path, 4 * PRODUCT_MAX);
	or_buf_init(&body, CTL_API_BODY_MAX);
	or_buf_put_str(&path, "/v1/lineage/");
	ctl_api_escape(&path, product);
	if (ctl_api_open(&api, &s, collector, &err))
		code = ctl_term_fail("lineage", &err);
	else if (ctl_api_get(&body, &api, or_buf_text(&path), &err))
		code = err.code == OR_ABSENT ? (ctl_term_fail("lineage", &err), CTL_EXIT_NO)
					     : ctl_term_fail("lineage", &err);
	else
		code = show(&api, or_buf_slice(&body), product, json);
	or_buf_done(&path);
	or_buf_done(&body);
	ctl_state_close(&s);
	return code;
}

int ctl_lineage_main(int argc, char **argv)
{
	const char *state = NULL, *collector = NULL;
	bool json = false;
	const struct ctl_args_flag flags[] = {
	    {.name = "json", .help = "the graph as JSON: nodes and edges", .on = &json},
	    {.name = "collector",
		.metavar = "URL",
		.value = &collector,
		.help = "the collector (default: the one of outrider up)"},
	    {.name = "state",
		.metavar = "DIR",
		.value = &state,
		.help = "where outrider up keeps everything"}};
	const struct ctl_args spec = {.usage = "outrider lineage [flags] PRODUCT",
	    .about =
		"Draws where a product's data comes from and goes to, as its jobs reported it\n"
		"in OpenLineage events: everything that is connected with what the product\n"
		"itself reported. Exit code 1: it has reported nothing.",
	    .examples = "  outrider lineage orders",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};
	size_t n_words;
	int code;

	if (!ctl_args_parse(&spec, argc, argv, &n_words, &code))
		return code;
	if (n_words != 1 || strlen(argv[0]) > PRODUCT_MAX)
		return ctl_args_misuse(&spec, "which product? Give one id");
	return ask(state, collector, or_slice_str(argv[0]), json);
}
