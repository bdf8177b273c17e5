/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/scrape/scrape.h"

#include "agent/capture/scrape/exposition.h"
#include "agent/capture/scrape/round.h"
#include "agent/capture/scrape/scrape_config.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

enum {
	TARGETS_MAX = 32,
	REQUEST_ENOUGH = 256 * 1024,
	ROOM_FACTOR = 32, /* memory for a text, at most, in its bytes */
	ROOM_LEAST = 4 * 1024 * 1024,
	ERROR_MAX = 256,
};

#define ACCEPT                                                                                     \
	"application/openmetrics-text;version=1.0.0;q=0.9,text/plain;version=0.0.4;q=0.5,*/"       \
	"*;q=0.1"

enum state { WAITING, UP, DOWN };

struct target {
	struct ag_scrape *owner;
	struct ag_scrape_config config;
	struct or_loop_timer *timer;
	struct or_http_client_call *call;
	struct ag_round *last; /* NULL: none yet */
	int64_t due_ns, begun_ns;
	enum state state;
	uint64_t samples;
	char timeout[32], error[ERROR_MAX];
};

struct ag_scrape {
	struct ag_scrape_opt opt;
	struct or_arena *arena;
	struct wire_otlp_metric_writer *writer;
	struct or_buf request;
	struct target targets[TARGETS_MAX];
	size_t n;
	uint64_t left_out; /* by the writer, of those counted */
	struct or_metric_counter *points, *errors, *lost, *unmapped;
};

/* ---- out */

struct flush {
	struct ag_scrape *scrape;
	const struct target *target;
};

static void flush(void *arg)
{
	struct flush *f = arg;
	struct ag_scrape *s = f->scrape;
	const struct ag_scrape_config *c = &f->target->config;
	size_t points;

	or_buf_clear(&s->request);
	points = wire_otlp_metric_take(
	    &s->request, s->writer, c->labels, c->n_labels, "outrider.scrape");
	or_metric_add(s->lost, wire_otlp_metric_left_out(s->writer) - s->left_out);
	s->left_out = wire_otlp_metric_left_out(s->writer);
	if (!points)
		return;
	if (or_buf_ok(&s->request) &&
	    s->opt.take(s->opt.arg, or_buf_slice(&s->request), points) == OR_OK)
		or_metric_add(s->points, points);
	else
		or_metric_add(s->lost, points);
}

static void put_gauge(struct ag_scrape *s, const char *name, const char *unit, double value)
{
	struct wire_otlp_metric about = {
	    .name = or_slice_str(name), .unit = or_slice_str(unit), .kind = WIRE_OTLP_METRIC_GAUGE};
	struct wire_otlp_metric_point point = {
	    .time_ns = or_loop_wall_ns(s->opt.loop), .value = value};

	wire_otlp_metric_begin(s->writer, &about);
	wire_otlp_metric_point(s->writer, &point);
	wire_otlp_metric_end(s->writer);
}

/* What was found goes out, with what is gone, and how the scrape went. */
static void put_round(struct target *t, struct ag_round *round, bool is_up)
{
	struct ag_scrape *s = t->owner;
	struct flush f = {s, t};
	double seconds = (double)(or_loop_now_ns(s->opt.loop) - t->begun_ns) / 1e9;

	ag_round_write(round, t->last, s->writer, REQUEST_ENOUGH, flush, &f);
	put_gauge(s, "up", "1", is_up);
	put_gauge(s, "scrape_duration_seconds", "s", seconds);
	put_gauge(s, "scrape_samples_scraped", "1", (double)t->samples);
	flush(&f);
	ag_round_free(t->last);
	t->last = round;
}

/* ---- how it went */

static void say(struct target *t, enum state state, const char *why)
{
	snprintf(t->error, sizeof(t->error), "%s", why);
	if (t->state == state)
		return;
	if (state == DOWN)
		OR_LOG(OR_LOG_WARN, "scrape.failed", or_log_str("url", t->config.url),
		    or_log_text("why", why));
	else
		OR_LOG(OR_LOG_INFO, "scrape.works", or_log_str("url", t->config.url));
	t->state = state;
}

static void fail(struct target *t, const char *why)
{
	struct ag_round_opt opt = {
	    .time_ns = or_loop_wall_ns(t->owner->opt.loop), .budget = ROOM_LEAST};
	struct ag_round *none;
	struct or_err err;

	say(t, DOWN, why);
	t->samples = 0;
	or_metric_add(t->owner->errors, 1);
	if (ag_round_new(&none, NULL, &opt, &err) == OR_OK)
		put_round(t, none, false);
}

static void read_answer(struct target *t, const struct or_http_client_answer *answer)
{
	struct or_slice kind = or_http_msg_get(answer->msg, "Content-Type");
	size_t room = answer->body.n * ROOM_FACTOR + ROOM_LEAST;
	struct ag_round_opt opt = {.time_ns = or_loop_wall_ns(t->owner->opt.loop),
	    .labels = t->config.relabel,
	    .budget = room};
	struct or_arena *a = or_arena_new(room);
	struct ag_exposition found;
	struct ag_round *round = NULL;
	struct or_err err;
	enum or_code rc =
	    ag_exposition_parse(&found, answer->body, ag_exposition_format_of(kind), a, &err);

	rc = rc ? rc : ag_round_new(&round, &found, &opt, &err);
	if (rc) {
		fail(t, err.msg);
	} else {
		say(t, UP, "");
		t->samples = found.n_samples;
		or_metric_add(t->owner->unmapped, ag_round_left_out(round));
		put_round(t, round, true);
	}
	or_arena_free(a);
}

static void wait(struct target *t);

static void on_answer(void *arg, const struct or_http_client_answer *answer)
{
	struct target *t = arg;
	char text[64];

	t->call = NULL;
	if (answer->err) {
		fail(t, answer->err->msg);
	} else if (answer->status != 200) {
		snprintf(text, sizeof(text), "it answered %u", answer->status);
		fail(t, text);
	} else {
		read_answer(t, answer);
	}
	wait(t);
}

/* ---- when */

static void begin(void *arg)
{
	struct target *t = arg;
	struct ag_scrape *s = t->owner;
	const struct or_http_field fields[] = {{OR_SLICE_LIT("Accept"), OR_SLICE_LIT(ACCEPT)},
	    {OR_SLICE_LIT("User-Agent"), OR_SLICE_LIT("outrider")},
	    {OR_SLICE_LIT("X-Prometheus-Scrape-Timeout-Seconds"), or_slice_str(t->timeout)}};
	struct or_http_client_req req = {.origin = t->config.origin,
	    .target = t->config.path,
	    .fields = fields,
	    .n_fields = OR_LEN(fields),
	    .replayable = true,
	    .total_ns = t->config.timeout_ns,
	    .max_body = t->config.body_max};
	struct or_err err;

	t->timer = NULL;
	t->begun_ns = or_loop_now_ns(s->opt.loop);
	if (or_http_client_fetch(
		&t->call, s->opt.client, &req, t->config.body_max, on_answer, t, &err) == OR_OK)
		return;
	t->call = NULL;
	fail(t, err.msg);
	wait(t);
}

/* Until it is due again: by the clock, not by how long the last one took. */
static void wait(struct target *t)
{
	int64_t now = or_loop_now_ns(t->owner->opt.loop);

	while (t->due_ns <= now)
		t->due_ns += t->config.interval_ns;
	t->timer = or_loop_timer_start(t->owner->opt.loop, t->due_ns - now, begin, t);
}

/* ---- beginning and end */

static void add_attribute(struct ag_scrape_config *c, const char *key, struct or_slice value)
{
	for (size_t i = 0; i < c->n_labels; i++)
		if (or_slice_is(c->labels[i].key, key))
			return; /* the configuration has said it */
	c->labels[c->n_labels++] = (struct wire_otlp_metric_attribute){or_slice_str(key), value};
}

static enum or_code open_target(
    struct ag_scrape *s, const struct or_json *config, struct or_err *err)
{
	struct target *t = &s->targets[s->n];
	struct or_slice host, port;
	size_t colon;
	enum or_code rc = ag_scrape_config_read(&t->config, config, s->opt.product, s->arena, err);

	if (rc)
		return or_err_wrap(err, rc, "capture.scrape[%zu]", s->n);
	t->owner = s;
	s->n++;
	host = or_slice_str(t->config.origin);
	for (colon = host.n; colon && host.p[colon - 1] != ':'; colon--)
		;
	port = or_slice_from(host, colon);
	add_attribute(&t->config, "service.name", t->config.job);
	add_attribute(&t->config, "service.instance.id", host);
	add_attribute(&t->config, "server.address", or_slice(host.p, colon ? colon - 1 : host.n));
	add_attribute(&t->config, "server.port", port);
	snprintf(t->timeout, sizeof(t->timeout), "%.3f", (double)t->config.timeout_ns / 1e9);
	t->due_ns = or_loop_now_ns(s->opt.loop);
	t->timer = or_loop_timer_start(s->opt.loop, 0, begin, t);
	return OR_OK;
}

enum or_code ag_scrape_new(
    struct ag_scrape **out, const struct ag_scrape_opt *opt, struct or_err *err)
{
	const struct or_json *list = opt->targets;
	struct ag_scrape *s;
	enum or_code rc = OR_OK;

	if (list && (list->type != OR_JSON_ARRAY || list->array.n > TARGETS_MAX))
		return or_err_set(err, OR_INVAL,
		    "capture.scrape: expected a list of at most %d targets", TARGETS_MAX);
	s = or_mem_new(sizeof(*s));
	s->opt = *opt;
	s->arena = or_arena_new(0);
	s->writer = wire_otlp_metric_new(opt->request_max);
	or_buf_init(&s->request, opt->request_max);
	s->points = or_metric_counter_get(opt->registry, "outrider_scraper_scraped_points_total",
	    "Data points that scraping brought.", NULL);
	s->errors = or_metric_counter_get(
	    opt->registry, "outrider_scraper_errored_scrapes_total", "Scrapes that failed.", NULL);
	s->lost = or_metric_counter_get(opt->registry, "outrider_scraper_lost_points_total",
	    "Data points for which the telemetry spool, or a request, had no room.", NULL);
	s->unmapped =
	    or_metric_counter_get(opt->registry, "outrider_scraper_unmapped_samples_total",
		"Samples of gauge histograms, which have no place in OTLP.", NULL);
	for (size_t i = 0; list && i < list->array.n && rc == OR_OK; i++)
		rc = open_target(s, list->array.items[i], err);
	if (rc) {
		ag_scrape_free(s);
		return rc;
	}
	*out = s;
	return OR_OK;
}

void ag_scrape_free(struct ag_scrape *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		struct target *t = &s->targets[i];

		or_loop_timer_cancel(t->timer);
		if (t->call)
			or_http_client_cancel(t->call);
		ag_round_free(t->last);
		ag_relabel_free(t->config.relabel);
	}
	wire_otlp_metric_free(s->writer);
	or_buf_done(&s->request);
	or_arena_free(s->arena);
	or_mem_free(s);
}

void ag_scrape_put_status(const struct ag_scrape *s, struct or_jsonw *w)
{
	static const char *const states[] = {"waiting", "up", "down"};

	or_jsonw_key(w, "scrape");
	or_jsonw_array(w);
	for (size_t i = 0; i < s->n; i++) {
		const struct target *t = &s->targets[i];

		or_jsonw_object(w);
		or_jsonw_kv_str(w, "url", t->config.url);
		or_jsonw_kv_str(w, "job", t->config.job);
		or_jsonw_kv_text(w, "state", states[t->state]);
		or_jsonw_kv_u64(w, "samples", t->samples);
		if (t->error[0])
			or_jsonw_kv_text(w, "error", t->error);
		or_jsonw_end(w);
	}
	or_jsonw_end(w);
}
