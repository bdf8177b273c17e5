/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/top.h"

#include "base/jsonw.h"
#include "base/str.h"
#include "base/sys.h"
#include "cli/api.h"
#include "cli/args.h"
#include "cli/term.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { AGENTS_MAX = 64, NAME_LEN = 256, COLS = 13, METRICS_MAX = 4 * 1024 * 1024 };

enum count { ALLOWED, DENIED, OTHER, ANSWERS, LOGS, METRICS, SPANS, LINEAGE, REFUSED, COUNTS };

/* Sources of telemetry, as their streams are called, from LOGS on. */
static const char *const topics[] = {"otlp_logs", "otlp_metrics", "otlp_spans", "openlineage"};

/* What an agent had counted at one moment. */
struct sample {
	char name[NAME_LEN];
	bool answers;
	int64_t at_ns;
	double counts[COUNTS];
	double seconds; /* spent on ANSWERS */
	char gate[64], ship[32], catalogue[32];
	int64_t pending, spool_bytes, bundle;
	int64_t telemetry_pending, telemetry_bytes;
};

struct samples {
	struct sample list[AGENTS_MAX];
	size_t n;
};

struct rates {
	double per_s[COUNTS];
	double mean_ms; /* < 0: nothing was answered */
};

static volatile sig_atomic_t is_ending;

static void on_end(int signo)
{
	(void)signo;
	is_ending = 1;
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * OR_NS_PER_S + t.tv_nsec;
}

/* ---- reading */

/* The number behind the last blank of a metric's line (a JSON number is one of Prometheus'). */
static double value_of(struct or_slice line, struct or_arena *a)
{
	const struct or_json *j;
	size_t blank = line.n;

	while (blank && line.p[blank - 1] != ' ')
		blank--;
	if (or_json_parse(&j, or_slice_from(line, blank), a, NULL))
		return 0;
	return j->type == OR_JSON_INT ? (double)j->i : j->type == OR_JSON_REAL ? j->r : 0;
}

/* What the intake took of each source, and what it refused of all. */
static void take_telemetry(struct sample *s, struct or_slice line, struct or_arena *a)
{
	static const char taken[] = "outrider_receiver_accepted_total{topic=\"";

	if (or_str_has_prefix(line, "outrider_receiver_refused_total{"))
		s->counts[REFUSED] += value_of(line, a);
	for (size_t i = 0; i < OR_LEN(topics) && or_str_has_prefix(line, taken); i++) {
		if (or_str_has_prefix(or_slice_from(line, sizeof(taken) - 1), topics[i]))
			s->counts[LOGS + i] += value_of(line, a);
	}
}

static void take_line(struct sample *s, struct or_slice line, struct or_arena *a)
{
	static const char requests[] = "outrider_gate_requests_total{result=\"";
	struct or_slice result;

	if (or_str_has_prefix(line, "outrider_gate_seconds_sum "))
		s->seconds = value_of(line, a);
	if (or_str_has_prefix(line, "outrider_gate_seconds_count "))
		s->counts[ANSWERS] = value_of(line, a);
	if (!or_str_has_prefix(line, requests))
		return;
	result = or_slice_from(line, sizeof(requests) - 1);
	s->counts[or_str_has_prefix(result, "allowed\"")  ? ALLOWED
		  : or_str_has_prefix(result, "denied\"") ? DENIED
							  : OTHER] += value_of(line, a);
}

static void take_metrics(struct sample *s, struct or_slice text, struct or_arena *a)
{
	for (size_t at = 0; at < text.n;) {
		size_t end = or_str_find(text, '\n', at);

		take_line(s, or_slice(text.p + at, end - at), a);
		take_telemetry(s, or_slice(text.p + at, end - at), a);
		at = end + 1;
	}
}

static void copy(char *out, size_t n, struct or_slice s)
{
	snprintf(out, n, "%.*s", OR_SLICE_FMT(s.n ? s : OR_SLICE_LIT("-")));
}

static int64_t number(const struct or_json *j, const char *key)
{
	const struct or_json *v = or_json_get_type(j, key, OR_JSON_INT);

	return v ? v->i : 0;
}

static void take_status(struct sample *s, const struct or_json *status)
{
	const struct or_json *spool = or_json_get(status, "spool");

	copy(s->gate, sizeof(s->gate), or_json_get_str(status, "gate"));
	copy(s->ship, sizeof(s->ship), or_json_get_str(or_json_get(status, "ship"), "state"));
	copy(s->catalogue, sizeof(s->catalogue),
	    or_json_get_str(or_json_get(status, "catalogue"), "state"));
	s->pending = number(spool, "pending");
	s->spool_bytes = number(spool, "bytes");
	s->telemetry_pending = number(or_json_get(status, "telemetry"), "pending");
	s->telemetry_bytes = number(or_json_get(status, "telemetry"), "bytes");
	s->bundle = number(or_json_get(status, "bundle"), "revision");
}

static void take_agent(struct sample *s, struct ctl_state *state, const char *name)
{
	struct ctl_api api = {.state = state};
	struct ctl_state_endpoint e;
	const struct or_json *status;
	struct or_buf metrics;

	*s = (struct sample){.at_ns = now_ns()};
	copy(s->name, sizeof(s->name), or_slice_str(name));
	if (ctl_state_endpoint(&e, state, or_arena_printf(state->arena, "agents/%s", name), NULL) ||
	    !e.alive || !e.admin)
		return;
	api.url = e.admin;
	or_buf_init(&metrics, METRICS_MAX);
	s->answers = ctl_api_get_json(&status, &api, "/v1/status", NULL) == OR_OK &&
		     ctl_api_get(&metrics, &api, "/metrics", NULL) == OR_OK;
	if (s->answers) {
		take_status(s, status);
		take_metrics(s, or_buf_slice(&metrics), state->arena);
	}
	or_buf_done(&metrics);
}

/* Each time with a state of its own: what was read the last time is of no use. */
static enum or_code take_all(struct samples *out, const char *dir, struct or_err *err)
{
	struct or_sys_names names;
	struct ctl_state state;
	enum or_code rc = ctl_state_open(&state, dir, err);

	if (rc)
		return rc;
	out->n = 0;
	if (or_sys_list(&names, ctl_state_path(&state, "agents"), NULL) == OR_OK) {
		for (size_t i = 0; i < names.n && out->n < AGENTS_MAX; i++) {
			take_agent(&out->list[out->n], &state, names.names[i]);
			out->n += out->list[out->n].answers;
		}
		or_sys_names_free(&names);
	}
	ctl_state_close(&state);
	return OR_OK;
}

/* ---- showing */

/* An agent that was started meanwhile counts from 0 again. */
static struct rates compare(const struct samples *before, const struct sample *s)
{
	static const struct sample none;
	const struct sample *b = &none;
	struct rates r = {.mean_ms = -1};
	double span;

	for (size_t i = 0; i < before->n; i++) {
		if (strcmp(before->list[i].name, s->name) == 0)
			b = &before->list[i];
	}
	span = b == &none ? 0 : (double)(s->at_ns - b->at_ns) / (double)OR_NS_PER_S;
	if (span <= 0)
		return r;
	if (s->counts[ANSWERS] < b->counts[ANSWERS])
		b = &none;
	for (int i = 0; i < COUNTS; i++)
		r.per_s[i] = (s->counts[i] - b->counts[i]) / span;
	if (r.per_s[ANSWERS] > 0)
		r.mean_ms =
		    1000 * (s->seconds - b->seconds) / (s->counts[ANSWERS] - b->counts[ANSWERS]);
	return r;
}

static enum ctl_term_style style_of(size_t col, struct or_slice cell)
{
	if (col == 8)
		return or_slice_is(cell, "connected") || or_slice_is(cell, "idle") ? CTL_TERM_GOOD
										   : CTL_TERM_BAD;
	return (col == 3 || col == 11) && !or_slice_is(cell, "0.0") ? CTL_TERM_WARN
								    : CTL_TERM_PLAIN;
}

static void show(const struct samples *before, const struct samples *now)
{
	static const char *const head[COLS] = {"PRODUCT", "GATE", "ALLOWED/S", "DENIED/S",
	    "OTHER/S", "MEAN", "WAITING", "SPOOL", "DELIVERY", "POLICY", "TAKEN/S", "REFUSED/S",
	    "TELEMETRY"};
	struct or_arena *a = or_arena_new(0);
	struct or_slice *cells = or_arena_array(a, now->n * COLS + 1, sizeof(*cells));

	for (size_t i = 0; i < now->n; i++) {
		const struct sample *s = &now->list[i];
		const struct rates r = compare(before, s);
		const char *row[COLS] = {s->name, s->gate,
		    or_arena_printf(a, "%.1f", r.per_s[ALLOWED]),
		    or_arena_printf(a, "%.1f", r.per_s[DENIED]),
		    or_arena_printf(a, "%.1f", r.per_s[OTHER]),
		    r.mean_ms < 0 ? "-" : or_arena_printf(a, "%.2f ms", r.mean_ms),
		    or_arena_printf(a, "%lld", (long long)s->pending),
		    or_arena_printf(a, "%lld KiB", (long long)s->spool_bytes / 1024), s->ship,
		    or_arena_printf(a, "%lld", (long long)s->bundle),
		    or_arena_printf(a, "%.1f",
			r.per_s[LOGS] + r.per_s[METRICS] + r.per_s[SPANS] + r.per_s[LINEAGE]),
		    or_arena_printf(a, "%.1f", r.per_s[REFUSED]),
		    or_arena_printf(a, "%lld wait", (long long)s->telemetry_pending)};

		for (size_t c = 0; c < COLS; c++)
			cells[i * COLS + c] = or_slice_str(row[c]);
	}
	if (now->n)
		ctl_term_table(head, COLS, cells, now->n, style_of);
	else
		printf("no agent runs here; see: outrider run --help\n");
	or_arena_free(a);
}

/* The sources that are alive: what each brought, and what waits to be shipped. */
static void put_sources(struct or_jsonw *w, const struct sample *s, const struct rates *r)
{
	or_jsonw_key(w, "sources");
	or_jsonw_object(w);
	for (size_t i = 0; i < OR_LEN(topics); i++) {
		if (s->counts[LOGS + i] <= 0)
			continue;
		or_jsonw_key(w, topics[i]);
		or_jsonw_object(w);
		or_jsonw_key(w, "taken_per_s");
		or_jsonw_real(w, r->per_s[LOGS + i]);
		or_jsonw_kv_i64(w, "taken", (int64_t)s->counts[LOGS + i]);
		or_jsonw_end(w);
	}
	or_jsonw_end(w);
	or_jsonw_key(w, "refused_per_s");
	or_jsonw_real(w, r->per_s[REFUSED]);
	or_jsonw_kv_i64(w, "refused", (int64_t)s->counts[REFUSED]);
	or_jsonw_kv_i64(w, "telemetry_pending", s->telemetry_pending);
	or_jsonw_kv_i64(w, "telemetry_bytes", s->telemetry_bytes);
}

static void show_json(const struct samples *before, const struct samples *now)
{
	struct or_buf text;
	struct or_jsonw w;

	or_buf_init(&text, OR_MIB);
	for (size_t i = 0; i < now->n; i++) {
		const struct sample *s = &now->list[i];
		const struct rates r = compare(before, s);

		or_jsonw_init(&w, &text, 0);
		or_jsonw_object(&w);
		or_jsonw_kv_text(&w, "product", s->name);
		or_jsonw_kv_text(&w, "gate", s->gate);
		or_jsonw_key(&w, "allowed_per_s");
		or_jsonw_real(&w, r.per_s[ALLOWED]);
		or_jsonw_key(&w, "denied_per_s");
		or_jsonw_real(&w, r.per_s[DENIED]);
		or_jsonw_key(&w, "other_per_s");
		or_jsonw_real(&w, r.per_s[OTHER]);
		or_jsonw_kv_i64(&w, "allowed", (int64_t)s->counts[ALLOWED]);
		or_jsonw_kv_i64(&w, "denied", (int64_t)s->counts[DENIED]);
		or_jsonw_kv_i64(&w, "pending", s->pending);
		or_jsonw_kv_i64(&w, "spool_bytes", s->spool_bytes);
		or_jsonw_kv_text(&w, "delivery", s->ship);
		or_jsonw_kv_text(&w, "catalogue", s->catalogue);
		or_jsonw_kv_i64(&w, "bundle", s->bundle);
		put_sources(&w, s, &r);
		or_jsonw_end(&w);
		or_buf_put_byte(&text, '\n');
	}
	fwrite(text.p, 1, text.n, stdout);
	or_buf_done(&text);
}

/* ---- the two ways */

static int measure_once(const char *dir, int interval_ms, bool json)
{
	static struct samples before, now;
	struct or_err err;

	if (take_all(&before, dir, &err))
		return ctl_term_fail("top", &err);
	if (before.n)
		(void)!poll(NULL, 0, interval_ms);
	if (take_all(&now, dir, &err))
		return ctl_term_fail("top", &err);
	if (json)
		show_json(&before, &now);
	else
		show(&before, &now);
	return now.n ? CTL_EXIT_YES : CTL_EXIT_NO;
}

/* True where the person wants to end: q, ^C, the end of the input. */
static bool wait_for_key(int interval_ms)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	char key = 0;

	if (poll(&p, 1, interval_ms) <= 0)
		return is_ending;
	return read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 3 || is_ending;
}

static int watch(const char *dir, int interval_ms, const struct termios *was)
{
	static struct samples samples[2];
	struct sigaction end = {.sa_handler = on_end};
	struct termios raw = *was;
	int code = CTL_EXIT_YES;
	struct or_err err;
	size_t at = 0;

	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGHUP, &end, NULL);
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	do {
		at = 1 - at;
		if (take_all(&samples[at], dir, &err)) {
			code = ctl_term_fail("top", &err);
			break;
		}
		printf("\033[H\033[J");
		show(&samples[1 - at], &samples[at]);
		ctl_term_printf(CTL_TERM_DIM, "q quits\n");
		fflush(stdout);
	} while (!wait_for_key(interval_ms));
	tcsetattr(STDIN_FILENO, TCSANOW, was);
	return code;
}

int ctl_top_main(int argc, char **argv)
{
	const char *state = NULL, *interval = "1s";
	bool json = false;
	const struct ctl_args_flag flags[] = {{.name = "interval",
						  .metavar = "TIME",
						  .value = &interval,
						  .help = "how long to measure (default 1s)"},
	    {.name = "json", .help = "measure once; one JSON object a line", .on = &json},
	    {.name = "state",
		.metavar = "DIR",
		.value = &state,
		.help = "where everything is kept"}};
	const struct ctl_args spec = {.usage = "outrider top [flags]",
	    .about =
		"Shows the agents of this machine as they work: decisions a second, mean time\n"
		"to answer, records that wait in the spool, delivery; of telemetry what the "
		"intake\n"
		"takes and refuses a second and what waits. Refreshes until q; where the output\n"
		"is no terminal it measures once. Exit code 1: no agent runs.",
	    .examples = "  outrider top\n  outrider top --json --interval 5s",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};
	struct termios was;
	size_t n_words;
	int64_t ns;
	int code;

	if (!ctl_args_parse(&spec, argc, argv, &n_words, &code))
		return code;
	if (n_words)
		return ctl_args_misuse(&spec, "unexpected word \"%s\"", argv[0]);
	if (or_str_duration_ns(&ns, or_slice_str(interval)) || ns < 100 * OR_NS_PER_MS ||
	    ns > 60 * OR_NS_PER_S)
		return ctl_args_misuse(&spec, "--interval %s: expected 100ms to 60s", interval);
	if (!json && isatty(STDOUT_FILENO) && tcgetattr(STDIN_FILENO, &was) == 0)
		return watch(state, (int)(ns / OR_NS_PER_MS), &was);
	return measure_once(state, (int)(ns / OR_NS_PER_MS), json);
}
