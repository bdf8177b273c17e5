/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/products.h"

#include "base/buf.h"
#include "base/str.h"
#include "cli/api.h"
#include "cli/args.h"
#include "cli/term.h"

#include <stdio.h>

enum { QUERY_MAX = 4096 };

/* ---- pieces of an answer */

static struct or_slice text(const struct or_json *j, const char *key)
{
	struct or_slice s = or_json_get_str(j, key);

	return s.n ? s : OR_SLICE_LIT("-");
}

static int64_t number(const struct or_json *j, const char *key)
{
	const struct or_json *v = or_json_get_type(j, key, OR_JSON_INT);

	return v ? v->i : 0;
}

static bool is_true(const struct or_json *j, const char *key)
{
	const struct or_json *v = or_json_get_type(j, key, OR_JSON_BOOL);

	return v && v->b;
}

static size_t list_n(const struct or_json *j, const char *key)
{
	const struct or_json *v = or_json_get_type(j, key, OR_JSON_ARRAY);

	return v ? v->array.n : 0;
}

static const struct or_json *item(const struct or_json *j, const char *key, size_t i)
{
	return or_json_get(j, key)->array.items[i];
}

static void label(const char *name)
{
	ctl_term_printf(CTL_TERM_DIM, "  %-12s", name);
}

static void line(const char *name, struct or_slice value)
{
	label(name);
	ctl_term_put(CTL_TERM_PLAIN, value);
	putchar('\n');
}

/* "2026-11-24T11:18:28.123456Z" to "2026-11-24 11:18:28". */
static void put_time(struct or_slice t)
{
	if (t.n >= 20)
		ctl_term_printf(
		    CTL_TERM_PLAIN, "%.10s %.8s", (const char *)t.p, (const char *)t.p + 11);
	else
		ctl_term_put(CTL_TERM_PLAIN, t);
}

/* The two largest units: "3 d 4 h", "2 h 5 min", "12.3 s". */
static void put_duration(int64_t ns)
{
	static const struct {
		int64_t seconds;
		const char *unit;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	int64_t s = ns / OR_NS_PER_S;

	for (size_t i = 0; i + 1 < OR_LEN(units); i++) {
		if (s < units[i].seconds)
			continue;
		ctl_term_printf(CTL_TERM_BOLD, "%lld %s %lld %s", (long long)(s / units[i].seconds),
		    units[i].unit, (long long)(s % units[i].seconds / units[i + 1].seconds),
		    units[i + 1].unit);
		return;
	}
	ctl_term_printf(CTL_TERM_BOLD, "%lld.%lld s", (long long)s,
	    (long long)(ns % OR_NS_PER_S / (100 * OR_NS_PER_MS)));
}

/* ---- products */

static void show_tags(const struct or_json *p)
{
	if (!list_n(p, "tags"))
		return;
	label("tags");
	for (size_t i = 0; i < list_n(p, "tags"); i++) {
		const struct or_json *tag = item(p, "tags", i);

		ctl_term_printf(CTL_TERM_PLAIN, "%s", i ? ", " : "");
		if (tag->type == OR_JSON_STR)
			ctl_term_put(CTL_TERM_PLAIN, tag->s);
	}
	putchar('\n');
}

static void show_ports(const struct or_json *p)
{
	for (size_t i = 0; i < list_n(p, "ports"); i++) {
		const struct or_json *port = item(p, "ports", i);
		bool in = or_slice_is(or_json_get_str(port, "direction"), "in");

		label(in ? "reads from" : "port");
		ctl_term_printf(
		    in ? CTL_TERM_PLAIN : CTL_TERM_BOLD, "%.*s", OR_SLICE_FMT(text(port, "name")));
		ctl_term_printf(CTL_TERM_PLAIN, " %.*s, contract %.*s %.*s",
		    OR_SLICE_FMT(text(port, "version")), OR_SLICE_FMT(text(port, "contract")),
		    OR_SLICE_FMT(text(port, "contract_version")));
		if (or_json_get_str(port, "class").n)
			ctl_term_printf(
			    CTL_TERM_WARN, ", %.*s", OR_SLICE_FMT(or_json_get_str(port, "class")));
		putchar('\n');
	}
}

static void show_readers(const struct or_json *p)
{
	long long readers = (long long)number(p, "readers"), reads = (long long)number(p, "reads");

	label("readers");
	ctl_term_printf(
	    CTL_TERM_PLAIN, "%lld, %lld allowed read%s", readers, reads, reads == 1 ? "" : "s");
	if (reads) {
		printf(", the last ");
		put_time(or_json_get_str(p, "last_read"));
		ctl_term_printf(CTL_TERM_DIM, "  %.*s", OR_SLICE_FMT(text(p, "last_read_record")));
	}
	putchar('\n');
	for (size_t i = 0; i < list_n(p, "read_by"); i++) {
		const struct or_json *r = item(p, "read_by", i);

		label("");
		ctl_term_printf(CTL_TERM_PLAIN, "%.*s %.*s, domain %.*s: %lld\n",
		    OR_SLICE_FMT(text(r, "type")), OR_SLICE_FMT(text(r, "id")),
		    OR_SLICE_FMT(text(r, "domain")), (long long)number(r, "reads"));
	}
}

static void show_product(const struct or_json *p)
{
	ctl_term_put(CTL_TERM_BOLD, text(p, "id"));
	ctl_term_printf(CTL_TERM_PLAIN, "  %.*s %.*s, %.*s", OR_SLICE_FMT(text(p, "name")),
	    OR_SLICE_FMT(text(p, "version")), OR_SLICE_FMT(text(p, "status")));
	ctl_term_printf(CTL_TERM_WARN, ", %.*s\n", OR_SLICE_FMT(text(p, "class")));
	if (or_json_get_str(p, "description").n)
		line("about", or_json_get_str(p, "description"));
	label("owner");
	ctl_term_printf(CTL_TERM_PLAIN, "%.*s, team %.*s, domain %.*s\n",
	    OR_SLICE_FMT(text(p, "owner")), OR_SLICE_FMT(text(p, "team")),
	    OR_SLICE_FMT(text(p, "domain")));
	show_tags(p);
	if (or_json_get_str(p, "commit").n) {
		label("runs");
		ctl_term_printf(CTL_TERM_PLAIN, "%.12s%s\n",
		    or_json_get_str(p, "commit").n >= 12
			? (const char *)or_json_get_str(p, "commit").p
			: "-",
		    is_true(p, "modified") ? " with changes that are in no commit" : "");
	}
	show_ports(p);
	show_readers(p);
	label("last run");
	if (or_json_get_str(p, "last_complete").n) {
		put_time(or_json_get_str(p, "last_complete"));
		printf(" complete\n");
	} else {
		ctl_term_put(
		    CTL_TERM_DIM, OR_SLICE_LIT("not known: none was reported (OpenLineage)\n"));
	}
	for (size_t i = 0; i < list_n(p, "found_in"); i++) {
		const struct or_json *f = item(p, "found_in", i);

		label(i ? "" : "found in");
		ctl_term_printf(CTL_TERM_DIM, "%.*s ", OR_SLICE_FMT(text(f, "in")));
		ctl_term_put(CTL_TERM_PLAIN, text(f, "text"));
		putchar('\n');
	}
}

static void show_products(const struct or_json *answer)
{
	size_t n = list_n(answer, "products");

	for (size_t i = 0; i < n; i++) {
		if (i)
			putchar('\n');
		show_product(item(answer, "products", i));
	}
	if (n == 0)
		printf("nothing matches\n");
	ctl_term_printf(CTL_TERM_DIM, "%lld of %lld products match%s\n",
	    (long long)number(answer, "matched"), (long long)number(answer, "known"),
	    (int64_t)n < number(answer, "matched") ? "; the most read are shown" : "");
}

/* ---- dora */

/* True where the figure is there; else says why it is not. */
static bool begin_figure(const char *name, const struct or_json *figure)
{
	struct or_slice absent = or_json_get_str(figure, "absent");

	label(name);
	if (!absent.n)
		return true;
	ctl_term_put(CTL_TERM_DIM, OR_SLICE_LIT("not known: "));
	ctl_term_put(CTL_TERM_DIM, absent);
	putchar('\n');
	return false;
}

static void show_deployment(const struct or_json *d)
{
	struct or_slice commit = or_json_get_str(d, "commit");

	label("");
	put_time(or_json_get_str(d, "first_seen"));
	ctl_term_printf(CTL_TERM_PLAIN, "  %.*s  %.12s%s  ", OR_SLICE_FMT(text(d, "version")),
	    commit.n >= 12 ? (const char *)commit.p : "-", is_true(d, "modified") ? "+" : "");
	if (or_json_get(d, "to_start_ns")) {
		put_duration(number(d, "to_start_ns"));
		printf(" after its commit");
	} else {
		ctl_term_put(CTL_TERM_DIM, or_json_get_str(d, "to_start_absent"));
	}
	ctl_term_printf(CTL_TERM_DIM, "  %.*s\n", OR_SLICE_FMT(text(d, "record")));
}

static void show_first_read(const struct or_json *f, long long without)
{
	if (begin_figure("adoption", f)) {
		if (or_json_get(f, "ns")) {
			put_duration(number(f, "ns"));
			printf(" from its first start");
		} else {
			ctl_term_put(CTL_TERM_DIM, or_json_get_str(f, "ns_absent"));
		}
		ctl_term_printf(CTL_TERM_PLAIN, " to the first read by %.*s of %.*s",
		    OR_SLICE_FMT(text(f, "principal")), OR_SLICE_FMT(text(f, "domain")));
		ctl_term_printf(CTL_TERM_DIM, "  %.*s\n", OR_SLICE_FMT(text(f, "record")));
	}
	if (without) {
		label("");
		ctl_term_printf(CTL_TERM_DIM,
		    "%lld readers are of no known domain and do not count\n", without);
	}
}

static void show_dora(const struct or_json *j)
{
	const struct or_json *deployments = or_json_get(j, "deployments");
	const struct or_json *to_start = or_json_get(j, "commit_to_start");

	ctl_term_put(CTL_TERM_BOLD, text(j, "product"));
	putchar('\n');
	if (begin_figure("lead time", or_json_get(j, "lead_time"))) {
		const struct or_json *lead = or_json_get(j, "lead_time");

		put_duration(number(lead, "median_ns"));
		ctl_term_printf(CTL_TERM_PLAIN,
		    " from commit to first COMPLETE run (median of %lld)\n",
		    (long long)number(lead, "of"));
	}
	if (begin_figure("to start", to_start)) {
		put_duration(number(to_start, "median_ns"));
		ctl_term_printf(CTL_TERM_PLAIN, " from commit to first start (median of %lld)\n",
		    (long long)number(to_start, "of"));
	}
	if (begin_figure("failures", or_json_get(j, "failures")))
		ctl_term_printf(CTL_TERM_PLAIN, "%lld of %lld runs\n",
		    (long long)number(or_json_get(j, "failures"), "count"),
		    (long long)number(or_json_get(j, "failures"), "runs"));
	show_first_read(
	    or_json_get(j, "first_read_elsewhere"), (long long)number(j, "readers_without_domain"));
	label("deployments");
	ctl_term_printf(CTL_TERM_PLAIN, "%lld\n", (long long)number(deployments, "count"));
	for (size_t i = 0; i < list_n(deployments, "newest"); i++)
		show_deployment(item(deployments, "newest", i));
}

/* ---- the command lines */

struct ask {
	const char *verb;
	const char *path; /* the words follow, escaped */
	void (*show)(const struct or_json *answer);
	const char *state, *collector;
	bool json;
};

static enum or_code fetch(struct or_buf *body, struct ctl_state *s, const struct ask *ask,
    struct or_slice words, struct or_err *err)
{
	struct ctl_api api;
	struct or_buf path;
	enum or_code rc = ctl_api_open(&api, s, ask->collector, err);

	if (rc)
		return rc;
	or_buf_init(&path, 4 * QUERY_MAX);
	or_buf_put_str(&path, ask->path);
	ctl_api_escape(&path, words);
	rc = ctl_api_get(body, &api, or_buf_text(&path), err);
	or_buf_done(&path);
	return rc;
}

static int run(const struct ask *ask, char **words, size_t n_words)
{
	const struct or_json *answer;
	struct ctl_state s;
	struct or_buf text, body;
	struct or_err err;
	int code = CTL_EXIT_YES;

	if (ctl_state_open(&s, ask->state, &err))
		return ctl_term_fail(ask->verb, &err);
	or_buf_init(&text, QUERY_MAX);
	or_buf_init(&body, CTL_API_BODY_MAX);
	for (size_t i = 0; i < n_words; i++) {
		or_buf_put_str(&text, i ? " " : "");
		or_buf_put_str(&text, words[i]);
	}
	if (!or_buf_ok(&text))
		or_err_set(&err, OR_INVAL, "the words are longer than %d bytes", QUERY_MAX);
	if (!or_buf_ok(&text) || fetch(&body, &s, ask, or_buf_slice(&text), &err) ||
	    or_json_parse(&answer, or_buf_slice(&body), s.arena, &err)) {
		code = ctl_term_fail(ask->verb, &err);
	} else {
		if (ask->json)
			fwrite(body.p, 1, body.n, stdout);
		else
			ask->show(answer);
		if (or_json_get(answer, "products") && !list_n(answer, "products"))
			code = CTL_EXIT_NO;
	}
	or_buf_done(&text);
	or_buf_done(&body);
	ctl_state_close(&s);
	return code;
}

#define FLAGS(ask)                                                                                 \
	{                                                                                          \
		{.name = "json", .help = "the answer as JSON", .on = &(ask).json},                 \
		    {.name = "collector",                                                          \
			.metavar = "URL",                                                          \
			.value = &(ask).collector,                                                 \
			.help = "the collector (default: the one of outrider up)"},                \
		{                                                                                  \
			.name = "state", .metavar = "DIR", .value = &(ask).state,                  \
			.help = "where outrider up keeps everything"                               \
		}                                                                                  \
	}

int ctl_products_main(int argc, char **argv)
{
	struct ask ask = {.verb = "products", .path = "/v1/products?q=", .show = show_products};
	const struct ctl_args_flag flags[] = FLAGS(ask);
	const struct ctl_args spec = {.usage = "outrider products [flags] [WORDS]",
	    .about = "Finds data products: all words must be found, in any case, in the name,\n"
		     "description, domain, owner, team, tags, ports, contracts or columns. A word\n"
		     "with one of these in front looks there alone: column:email, tag:personal,\n"
		     "owner:mia, id:, name:, description:, domain:, team:, port:, contract:.\n"
		     "Those that most principals read come first. Exit code 1: nothing matches.",
	    .examples = "  outrider products\n  outrider products column:email domain:sales",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};
	size_t n_words;
	int code;

	if (!ctl_args_parse(&spec, argc, argv, &n_words, &code))
		return code;
	return run(&ask, argv, n_words);
}

int ctl_products_dora_main(int argc, char **argv)
{
	struct ask ask = {.verb = "dora", .path = "/v1/dora?product=", .show = show_dora};
	const struct ctl_args_flag flags[] = FLAGS(ask);
	const struct ctl_args spec = {.usage = "outrider dora [flags] PRODUCT",
	    .about =
		"Says how fast a product's team delivers: from commit to start and to the first\n"
		"complete run, deployments, failures, and from its first start to the first read\n"
		"by another domain. Each figure comes with the records it is made of (outrider\n"
		"why ID); what was not recorded is said not to be known.",
	    .examples = "  outrider dora orders\n  outrider dora --json orders",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};
	size_t n_words;
	int code;

	if (!ctl_args_parse(&spec, argc, argv, &n_words, &code))
		return code;
	if (n_words != 1)
		return ctl_args_misuse(&spec, "which product? Give one id");
	return run(&ask, argv, n_words);
}
