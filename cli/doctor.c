/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/doctor.h"

#include "base/buf.h"
#include "base/jsonw.h"
#include "base/str.h"
#include "base/sys.h"
#include "cli/api.h"
#include "cli/args.h"
#include "cli/proc.h"
#include "cli/term.h"
#include "ebpf/feature.h"

#include <stdio.h>
#include <unistd.h>

enum verdict { GOOD, WARN, BAD };

struct doctor {
	struct ctl_state state;
	const char *collector;
	bool json;
	struct or_buf out; /* of --json */
	struct or_jsonw w;
	const char *agent; /* whose bundle and delivery are judged; NULL: nobody's */
	bool sick;
	bool knows_tier; /* an agent has said what it can watch */
};

static void say(struct doctor *d, enum verdict v, const char *what, struct or_slice detail)
{
	static const char *const marks[] = {"ok  ", "note", "BAD "};
	static const char *const words[] = {"ok", "note", "bad"};
	static const enum ctl_term_style styles[] = {CTL_TERM_GOOD, CTL_TERM_WARN, CTL_TERM_BAD};

	d->sick = d->sick || v == BAD;
	if (d->json) {
		or_jsonw_object(&d->w);
		if (d->agent)
			or_jsonw_kv_text(&d->w, "agent", d->agent);
		or_jsonw_kv_text(&d->w, "check", what);
		or_jsonw_kv_text(&d->w, "verdict", words[v]);
		or_jsonw_kv_str(&d->w, "detail", detail);
		or_jsonw_end(&d->w);
		return;
	}
	ctl_term_put(styles[v], or_slice_str(marks[v]));
	printf("  %s%-*s", d->agent ? "  " : "", d->agent ? 20 : 22, what);
	ctl_term_put(CTL_TERM_PLAIN, detail);
	putchar('\n');
}

static void check_programs(struct doctor *d)
{
	static const char *const names[] = {"outrider-agent", "outrider-collector"};

	for (size_t i = 0; i < OR_LEN(names); i++) {
		char path[4096];

		ctl_proc_find(path, sizeof(path), names[i]);
		if (access(path, X_OK) == 0)
			say(d, GOOD, names[i], or_slice_str(path));
		else
			say(d, BAD, names[i],
			    OR_SLICE_LIT(
				"not beside this program: install it into the same folder"));
	}
}

static struct or_slice text(const struct or_json *j, const char *key)
{
	struct or_slice s = or_json_get_str(j, key);

	return s.n ? s : OR_SLICE_LIT("?");
}

/* One topic that the collector reads; its name where the message does not say it. */
static void judge_reader(struct doctor *d, const struct or_json *reader, enum verdict bad)
{
	struct or_slice state = text(reader, "state"), message = or_json_get_str(reader, "message");
	char line[OR_ERR_MSG_MAX + 128];

	snprintf(line, sizeof(line), "%.*s %.*s%s%.*s", OR_SLICE_FMT(text(reader, "topic")),
	    OR_SLICE_FMT(state), message.n ? ": " : "", OR_SLICE_FMT(message));
	say(d, or_slice_is(state, "up") ? GOOD : bad, "  from kafka", or_slice_str(line));
}

/* What the collector says of Kafka, where it reads from there. Telemetry that is well needs no
 * lines of its own. */
static void judge_kafka(struct doctor *d, struct or_slice ready)
{
	const struct or_json *j, *kafka, *telemetry;

	if (or_json_parse(&j, ready, d->state.arena, NULL))
		return;
	kafka = or_json_get(j, "kafka");
	if (!kafka)
		return;
	judge_reader(d, kafka, BAD);
	telemetry = or_json_get_type(kafka, "telemetry", OR_JSON_ARRAY);
	for (size_t i = 0; telemetry && i < telemetry->array.n; i++)
		if (!or_slice_is(text(telemetry->array.items[i], "state"), "up"))
			judge_reader(d, telemetry->array.items[i], WARN);
}

/* The sum over the shards; -1: the collector does not say. */
static int64_t sum_metric(struct or_slice metrics, const char *name)
{
	int64_t sum = -1;
	size_t n = strlen(name);

	for (size_t at = 0; at < metrics.n;) {
		size_t end = or_str_find(metrics, '\n', at);
		struct or_slice line = or_slice(metrics.p + at, end - at);
		size_t blank = line.n;
		uint64_t value;

		at = end + 1;
		if (!or_str_has_prefix(line, name) || line.n <= n ||
		    (line.p[n] != '{' && line.p[n] != ' '))
			continue;
		while (blank && line.p[blank - 1] != ' ')
			blank--;
		if (or_str_u64(&value, or_slice_from(line, blank)) == OR_OK && value < INT32_MAX)
			sum = (sum < 0 ? 0 : sum) + (int64_t)value;
	}
	return sum;
}

static void judge_refused(
    struct doctor *d, struct or_slice metrics, const char *kind, const char *folder)
{
	char name[96], line[256];
	int64_t kept, dropped;

	snprintf(name, sizeof(name), "outrider_collector_%sdead_letters_total", kind);
	kept = sum_metric(metrics, name);
	snprintf(name, sizeof(name), "outrider_collector_%sdead_dropped_total", kind);
	dropped = sum_metric(metrics, name);
	if (kept <= 0 && dropped <= 0)
		return;
	snprintf(line, sizeof(line),
	    "%lld frames were refused and kept%s since it started: its folder %s says why",
	    (long long)(kept > 0 ? kept : 0), dropped > 0 ? " (and more, without room)" : "",
	    folder);
	say(d, BAD, "  refused", or_slice_str(line));
}

/* What the collector refused and kept: somebody sends what is not theirs to send. */
static void check_refused(struct doctor *d, struct ctl_api *api)
{
	struct or_buf body;

	or_buf_init(&body, 4 * OR_MIB);
	if (ctl_api_get(&body, api, "/metrics", NULL) == OR_OK) {
		judge_refused(d, or_buf_slice(&body), "", "shards/*/dead");
		judge_refused(d, or_buf_slice(&body), "telemetry_", "telemetry/*/dead");
	}
	or_buf_done(&body);
}

static void check_collector(struct doctor *d)
{
	struct ctl_api api;
	struct or_buf body;
	struct or_err err;
	enum or_code rc;

	or_buf_init(&body, OR_MIB);
	rc = ctl_api_open(&api, &d->state, d->collector, &err);
	if (rc == OR_OK)
		rc = ctl_api_get(&body, &api, "/readyz", &err);
	if (rc == OR_OK)
		say(d, GOOD, "collector", or_slice_str(api.url));
	else
		say(d, BAD, "collector", or_slice_str(err.msg));
	if (rc == OR_OK)
		judge_kafka(d, or_buf_slice(&body));
	if (rc == OR_OK && !api.token)
		say(d, WARN, "collector token",
		    OR_SLICE_LIT(
			"none found: audit and run will be refused; set OUTRIDER_TOKEN_FILE"));
	if (rc == OR_OK)
		check_refused(d, &api);
	or_buf_done(&body);
}

static int64_t number(const struct or_json *j, const char *key)
{
	const struct or_json *v = or_json_get_type(j, key, OR_JSON_INT);

	return v ? v->i : 0;
}

static void judge_ship(struct doctor *d, const struct or_json *status)
{
	const struct or_json *ship = or_json_get(status, "ship"),
			     *spool = or_json_get(status, "spool");
	struct or_slice state = text(ship, "state"), error = or_json_get_str(ship, "error");
	bool good = or_slice_is(state, "connected") || or_slice_is(state, "idle");
	char line[OR_ERR_MSG_MAX + 256];

	if (good)
		snprintf(line, sizeof(line), "%.*s over %.*s (%.*s), %lld records wait",
		    OR_SLICE_FMT(state), OR_SLICE_FMT(text(ship, "transport")),
		    OR_SLICE_FMT(text(ship, "peer")), (long long)number(spool, "pending"));
	else
		snprintf(line, sizeof(line),
		    "%.*s over %.*s (%.*s) since %.*s: spooling, %lld records (%lld of %lld "
		    "bytes) wait%s%.*s",
		    OR_SLICE_FMT(state), OR_SLICE_FMT(text(ship, "transport")),
		    OR_SLICE_FMT(text(ship, "peer")), OR_SLICE_FMT(text(ship, "since")),
		    (long long)number(spool, "pending"), (long long)number(spool, "bytes"),
		    (long long)number(spool, "quota"), error.n ? ": " : "", OR_SLICE_FMT(error));
	say(d, good ? GOOD : BAD, "delivery", or_slice_str(line));
}

/* What the workload says of itself; losing it costs no decision, so it is a note at worst. */
static void judge_scrape(struct doctor *d, const struct or_json *targets)
{
	for (size_t i = 0; targets && i < targets->array.n; i++) {
		const struct or_json *t = targets->array.items[i];
		struct or_slice state = text(t, "state"), error = or_json_get_str(t, "error");
		char line[512];

		snprintf(line, sizeof(line), "%.*s %.*s, %lld samples%s%.*s",
		    OR_SLICE_FMT(text(t, "url")), OR_SLICE_FMT(state),
		    (long long)number(t, "samples"), error.n ? ": " : "", OR_SLICE_FMT(error));
		say(d, or_slice_is(state, "down") ? WARN : GOOD, "  exporter", or_slice_str(line));
	}
}

static void judge_telemetry(struct doctor *d, const struct or_json *status)
{
	const struct or_json *t = or_json_get(status, "telemetry");
	struct or_slice state = text(t, "state"), error = or_json_get_str(t, "error");
	bool good = or_slice_is(state, "connected") || or_slice_is(state, "idle");
	char line[512];

	snprintf(line, sizeof(line), "%.*s, %lld requests (%lld of %lld bytes) wait%s%.*s",
	    OR_SLICE_FMT(state), (long long)number(t, "pending"), (long long)number(t, "bytes"),
	    (long long)number(t, "quota"), error.n ? ": " : "", OR_SLICE_FMT(error));
	say(d, good ? GOOD : WARN, "telemetry", or_slice_str(line));
	judge_scrape(d, or_json_get_type(t, "scrape", OR_JSON_ARRAY));
}

static long long sum_members(const struct or_json *parent, const char *key)
{
	const struct or_json *j = or_json_get_type(parent, key, OR_JSON_OBJECT);
	long long n = 0;

	for (size_t i = 0; j && i < j->object.n; i++)
		if (j->object.members[i].value->type == OR_JSON_INT)
			n += (long long)j->object.members[i].value->i;
	return n;
}

/* "process starts yes, connections yes, files no; 12 records, 0 not recorded" */
static const char *describe_tap(struct doctor *d, const struct or_json *tap)
{
	static const char *const keys[] = {"exec", "conn", "file"};
	const struct or_json *probes = or_json_get(tap, "probes");
	const char *answers[OR_LEN(keys)];

	for (size_t i = 0; i < OR_LEN(keys); i++)
		answers[i] = or_json_get_str(probes, keys[i]).n ? "yes" : "no";
	return or_arena_printf(d->state.arena,
	    ": process starts %s, connections %s, files %s; %lld records, %lld not recorded",
	    answers[0], answers[1], answers[2], (long long)number(tap, "recorded"),
	    sum_members(tap, "dropped"));
}

/* What of the workload's doings the agent sees through eBPF, and why not more. */
static void judge_tap(struct doctor *d, const struct or_json *status)
{
	const struct or_json *tap = or_json_get(status, "tap");
	struct or_slice why = or_json_get_str(tap, "why");
	long long restarts = (long long)number(tap, "restarts");
	bool watches = or_slice_is(or_json_get_str(tap, "tier"), "T1");
	const char *again = "";

	if (!tap)
		return;
	d->knows_tier = true;
	if (restarts)
		again =
		    or_arena_printf(d->state.arena, "; started again %lld times, last after %.*s",
			restarts, OR_SLICE_FMT(text(tap, "ended")));
	say(d, watches && !why.n && !restarts ? GOOD : WARN, "  kernel's view",
	    or_slice_str(or_arena_printf(d->state.arena, "%.*s%s%s%.*s%s",
		OR_SLICE_FMT(text(tap, "tier")), watches ? describe_tap(d, tap) : "",
		why.n ? ": " : "", OR_SLICE_FMT(why), again)));
}

/* Without an agent that could say it: what this machine permits. Tried, which takes a moment. */
static void check_kernel(struct doctor *d)
{
	struct tap_loader_opt opt = {.private_tracefs = true}; /* as the tap does */
	struct tap_feature f;
	char line[OR_ERR_MSG_MAX + 64];

	tap_feature_read(&f, &opt);
	snprintf(line, sizeof(line), "%s%s%s", tap_feature_tier(&f), f.why[0] ? ": " : "", f.why);
	if (!f.why[0])
		snprintf(line, sizeof(line),
		    "%s: process starts, connections and files of a workload can be watched",
		    tap_feature_tier(&f));
	say(d, f.tier && !f.why[0] ? GOOD : WARN, "kernel's view", or_slice_str(line));
}

/* A configuration that was changed and read again (SIGHUP). */
static void judge_config(struct doctor *d, const struct or_json *status)
{
	const struct or_json *config = or_json_get(status, "config");
	struct or_slice error = or_json_get_str(config, "error"),
			left = or_json_get_str(config, "needs_restart");

	if (error.n)
		say(d, BAD, "configuration",
		    or_slice_str(or_arena_printf(d->state.arena,
			"the changed one is refused, the one before stays: %.*s",
			OR_SLICE_FMT(error))));
	else if (left.n)
		say(d, WARN, "configuration",
		    or_slice_str(or_arena_printf(d->state.arena,
			"changed, and taken at the next start: %.*s", OR_SLICE_FMT(left))));
}

static void judge_agent(struct doctor *d, const struct or_json *status)
{
	const struct or_json *bundle = or_json_get(status, "bundle");
	struct or_slice error = or_json_get_str(bundle, "error");
	char line[OR_ERR_MSG_MAX + 128];

	snprintf(line, sizeof(line), "revision %lld, %lld policies%s%.*s",
	    (long long)number(bundle, "revision"), (long long)number(bundle, "policies"),
	    error.n ? "; the newer one was refused: " : "", OR_SLICE_FMT(error));
	if (number(bundle, "revision") == 0)
		snprintf(line, sizeof(line), "none: everything is denied%s%.*s",
		    error.n ? ": " : "", OR_SLICE_FMT(error));
	say(d, number(bundle, "revision") == 0 || error.n ? BAD : GOOD, "policy bundle",
	    or_slice_str(line));
	judge_config(d, status);
	judge_ship(d, status);
	judge_telemetry(d, status);
	judge_tap(d, status);
}

static void check_agent(struct doctor *d, const char *name)
{
	const char *relative = or_arena_printf(d->state.arena, "agents/%s", name);
	struct ctl_state_endpoint e;
	const struct or_json *status;
	struct ctl_api api = {.state = &d->state};
	struct or_err err;
	char line[512];
	enum or_code rc = ctl_state_endpoint(&e, &d->state, relative, &err);

	snprintf(line, sizeof(line), "agent of %s", name);
	if (rc || !e.alive || !e.admin) {
		say(d, WARN, line,
		    OR_SLICE_LIT("does not run; what it had not shipped is in its spool"));
		return;
	}
	api.url = e.admin;
	rc = ctl_api_get_json(&status, &api, "/v1/status", &err);
	if (rc) {
		say(d, BAD, line, or_slice_str(err.msg));
		return;
	}
	say(d, GOOD, line,
	    or_slice_str(or_arena_printf(
		d->state.arena, "pid %d, gate http://%s", (int)e.pid, e.gate ? e.gate : "?")));
	d->agent = name;
	judge_agent(d, status);
	d->agent = NULL;
}

static void check_agents(struct doctor *d)
{
	struct or_sys_names names;

	if (or_sys_list(&names, ctl_state_path(&d->state, "agents"), NULL)) {
		say(d, WARN, "agents",
		    OR_SLICE_LIT("none was started here; see: outrider run --help"));
		return;
	}
	for (size_t i = 0; i < names.n; i++)
		check_agent(d, names.names[i]);
	or_sys_names_free(&names);
}

int ctl_doctor_main(int argc, char **argv)
{
	struct doctor d = {0};
	const char *state = NULL;
	const struct ctl_args_flag flags[] = {
	    {.name = "json",
		.help = "a list of {check, verdict, detail}, with the agent where it is one's",
		.on = &d.json},
	    {.name = "collector",
		.metavar = "URL",
		.value = &d.collector,
		.help = "the collector (default: the one of outrider up)"},
	    {.name = "state",
		.metavar = "DIR",
		.value = &state,
		.help = "where outrider up keeps everything"}};
	const struct ctl_args spec = {.usage = "outrider doctor [flags]",
	    .about = "Says what works on this machine, what does not, and what to do about it.",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};
	struct or_err err;
	size_t n_words;
	int code;

	if (!ctl_args_parse(&spec, argc, argv, &n_words, &code))
		return code;
	if (n_words)
		return ctl_args_misuse(&spec, "unexpected word \"%s\"", argv[0]);
	if (ctl_state_open(&d.state, state, &err))
		return ctl_term_fail("doctor", &err);
	or_buf_init(&d.out, 4 * OR_MIB);
	or_jsonw_init(&d.w, &d.out, 2);
	if (d.json)
		or_jsonw_array(&d.w);
	check_programs(&d);
	check_collector(&d);
	check_agents(&d);
	if (!d.knows_tier)
		check_kernel(&d);
	if (d.json) {
		or_jsonw_end(&d.w);
		printf("%s\n", or_buf_text(&d.out));
	}
	or_buf_done(&d.out);
	ctl_state_close(&d.state);
	return d.sick ? CTL_EXIT_NO : CTL_EXIT_YES;
}
