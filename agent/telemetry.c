/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/telemetry.h"

#include "agent/capture/capture.h"
#include "agent/capture/files/files.h"
#include "agent/capture/redact/redact.h"
#include "agent/capture/scrape/scrape.h"
#include "agent/capture/syslog/syslog.h"
#include "agent/ship/link_http.h"
#include "agent/ship/ship.h"
#include "base/mem.h"

#include <limits.h>
#include <stdio.h>

struct ag_telemetry {
	struct ag_telemetry_opt opt;
	struct ag_spool *spool;
	struct ag_link_http *http; /* NULL: another link, or none */
	struct ag_ship *ship;      /* NULL: there is nowhere to ship to */
	struct ag_capture *capture;
	struct ag_scrape *scrape;
	struct ag_files *files;
	struct ag_syslog *syslog;
	char url[128];
};

static struct or_slice cert_of(void *arg)
{
	return ag_enrol_cert(((struct ag_telemetry *)arg)->opt.enrol);
}

static double read_bytes(void *arg)
{
	const struct ag_telemetry *t = arg;
	struct ag_spool_info info;

	ag_spool_get_info(&info, t->spool);
	return (double)info.bytes;
}

static double read_pending(void *arg)
{
	const struct ag_telemetry *t = arg;
	struct ag_spool_info info;

	ag_spool_get_info(&info, t->spool);
	return (double)info.pending;
}

static enum or_code open_spool(struct ag_telemetry *t, struct or_err *err)
{
	const struct ag_config *c = t->opt.config;
	char dir[PATH_MAX];
	struct ag_spool_opt spool = {.dir = dir,
	    .loop = t->opt.loop,
	    .slow = t->opt.slow,
	    .quota_bytes = c->capture.quota,
	    .segment_bytes = c->capture.quota / 16,
	    .sync_ns = c->spool.sync_ns};
	enum or_code rc;

	snprintf(dir, sizeof(dir), "%s/telemetry", c->state);
	rc = ag_spool_open(&t->spool, &spool, err);
	if (rc)
		return or_err_wrap(err, rc, "telemetry");
	or_metric_gauge_read(t->opt.metrics, "outrider_receiver_buffer_size_bytes",
	    "Bytes of the telemetry spool on disk.", NULL, read_bytes, t);
	or_metric_gauge_read(t->opt.metrics, "outrider_receiver_queue_size",
	    "Telemetry requests that the collector has not acknowledged.", NULL, read_pending, t);
	return OR_OK;
}

static enum or_code open_ship(struct ag_telemetry *t, struct or_err *err)
{
	struct ag_ship_opt ship = {.loop = t->opt.loop,
	    .spool = t->spool,
	    .link = t->opt.link,
	    .key = ag_enrol_key(t->opt.enrol),
	    .cert = cert_of,
	    .cert_arg = t};

	if (!ship.link && t->opt.origin) {
		t->http = ag_link_http_new(t->opt.client, t->opt.origin, 0);
		ship.link = ag_link_http_get(t->http);
	}
	/* What has become durable comes together already, and each record goes by itself. */
	ship.linger_ns = ship.link && ship.link->is_bare ? 5 * OR_NS_PER_MS : 0;
	return ship.link ? ag_ship_new(&t->ship, &ship, err) : OR_OK;
}

static enum or_code take_metrics(void *arg, struct or_slice request, uint64_t points)
{
	return ag_capture_put_metrics(((struct ag_telemetry *)arg)->capture, request, points);
}

static enum or_code make_scrape(struct ag_scrape **out, struct ag_telemetry *t,
    const struct or_json *targets, struct or_err *err)
{
	struct ag_scrape_opt scrape = {.loop = t->opt.loop,
	    .client = t->opt.client,
	    .targets = targets,
	    .product = t->opt.product,
	    .registry = t->opt.metrics,
	    .take = take_metrics,
	    .arg = t,
	    .request_max = AG_CAPTURE_BODY_MAX};

	return targets ? ag_scrape_new(out, &scrape, err) : OR_OK;
}

static enum or_code take_logs(
    void *arg, struct or_slice request, uint64_t records, const struct ag_spool_place *place)
{
	return ag_capture_put_logs(((struct ag_telemetry *)arg)->capture, request, records, place);
}

static enum or_code open_files(
    struct ag_telemetry *t, const struct or_json *list, struct or_err *err)
{
	const struct ag_files_opt files = {.loop = t->opt.loop,
	    .list = list,
	    .spool = t->spool,
	    .redact = ag_capture_redact(t->capture),
	    .product = t->opt.product,
	    .registry = t->opt.metrics,
	    .take = take_logs,
	    .arg = t};
	enum or_code rc = files.list ? ag_files_new(&t->files, &files, err) : OR_OK;

	return rc ? or_err_wrap(err, rc, "capture.files") : OR_OK;
}

static enum or_code take_syslog(void *arg, struct or_slice request, uint64_t records)
{
	return ag_capture_put_logs(((struct ag_telemetry *)arg)->capture, request, records, NULL);
}

static enum or_code open_syslog(struct ag_telemetry *t, struct or_err *err)
{
	const struct ag_syslog_opt syslog = {.loop = t->opt.loop,
	    .list = t->opt.config->capture.syslog,
	    .redact = ag_capture_redact(t->capture),
	    .product = t->opt.product,
	    .registry = t->opt.metrics,
	    .take = take_syslog,
	    .arg = t};
	enum or_code rc = syslog.list ? ag_syslog_new(&t->syslog, &syslog, err) : OR_OK;

	return rc ? or_err_wrap(err, rc, "capture.syslog") : OR_OK;
}

enum or_code ag_telemetry_open(
    struct ag_telemetry **out, const struct ag_telemetry_opt *opt, struct or_err *err)
{
	struct ag_telemetry *t = or_mem_new(sizeof(*t));
	struct ag_capture_opt capture = {.listen = opt->config->capture.listen,
	    .grpc_listen = opt->config->capture.grpc_listen,
	    .product = opt->product,
	    .registry = opt->metrics,
	    .redact = opt->config->capture.redact,
	    .redact_patterns = opt->config->capture.redact_patterns,
	    .rate = opt->config->capture.rate};
	enum or_code rc;

	t->opt = *opt;
	rc = open_spool(t, err);
	if (rc == OR_OK)
		rc = open_ship(t, err);
	capture.spool = t->spool;
	if (rc == OR_OK) {
		rc = ag_capture_new(&t->capture, opt->loop, &capture, err);
		if (rc)
			or_err_wrap(err, rc, "capture");
	}
	if (rc == OR_OK)
		rc = make_scrape(&t->scrape, t, opt->config->capture.scrape, err);
	if (rc == OR_OK)
		rc = open_files(t, opt->config->capture.files, err);
	if (rc == OR_OK)
		rc = open_syslog(t, err);
	if (rc) {
		ag_telemetry_close(t);
		return rc;
	}
	snprintf(t->url, sizeof(t->url), "http://%s", ag_capture_address(t->capture));
	*out = t;
	return OR_OK;
}

static bool is_same_tree(const struct or_json *a, const struct or_json *b)
{
	return a && b ? or_json_eq(a, b) : a == b;
}

static enum or_code reload_files(
    struct ag_telemetry *t, const struct or_json *list, struct or_err *err)
{
	enum or_code rc;

	if (!t->files)
		return open_files(t, list, err);
	rc = ag_files_reload(t->files, list, err);
	return rc ? or_err_wrap(err, rc, "capture.files") : OR_OK;
}

/* Makes what is new first; only what cannot fail comes after the files, which go on as they are. */
enum or_code ag_telemetry_reload(
    struct ag_telemetry *t, const struct ag_config *next, struct or_err *err)
{
	const struct ag_config *now = t->opt.config;
	const struct ag_redact_opt rules = {.kinds = next->capture.redact,
	    .patterns = next->capture.redact_patterns,
	    .registry = t->opt.metrics};
	bool scrapes = !is_same_tree(now->capture.scrape, next->capture.scrape);
	struct ag_redact *redact = NULL;
	struct ag_scrape *scrape = NULL;
	enum or_code rc = ag_redact_new(&redact, &rules, err);

	if (rc)
		return or_err_wrap(err, rc, "capture.redact");
	if (scrapes)
		rc = make_scrape(&scrape, t, next->capture.scrape, err);
	if (rc)
		or_err_wrap(err, rc, "capture.scrape");
	if (rc == OR_OK && !is_same_tree(now->capture.files, next->capture.files))
		rc = reload_files(t, next->capture.files, err);
	if (rc == OR_OK) {
		if (next->capture.rate != now->capture.rate)
			ag_capture_set_rate(t->capture, next->capture.rate);
		ag_redact_swap(ag_capture_redact(t->capture), redact);
		if (scrapes) {
			ag_scrape_free(t->scrape);
			t->scrape = scrape;
			scrape = NULL;
		}
	}
	ag_redact_free(redact);
	ag_scrape_free(scrape);
	return rc;
}

void ag_telemetry_close(struct ag_telemetry *t)
{
	if (!t)
		return;
	ag_syslog_free(t->syslog);
	ag_files_free(t->files);
	ag_scrape_free(t->scrape);
	ag_capture_free(t->capture);
	ag_ship_free(t->ship);
	ag_link_http_free(t->http);
	ag_spool_close(t->spool);
	or_mem_free(t);
}

enum or_code ag_telemetry_put_lineage(struct ag_telemetry *t, struct or_slice event)
{
	return ag_capture_put_lineage(t->capture, event);
}

void ag_telemetry_wake(struct ag_telemetry *t)
{
	if (t->ship)
		ag_ship_wake(t->ship);
}

uint64_t ag_telemetry_pending(const struct ag_telemetry *t)
{
	struct ag_ship_info info = {.state = AG_SHIP_UNREACHABLE};

	if (t->ship)
		ag_ship_get_info(&info, t->ship);
	return info.state == AG_SHIP_CONNECTED || info.state == AG_SHIP_IDLE ? info.pending : 0;
}

const char *ag_telemetry_url(const struct ag_telemetry *t)
{
	return t->url;
}

const char *ag_telemetry_grpc_address(const struct ag_telemetry *t)
{
	return ag_capture_grpc_address(t->capture);
}

void ag_telemetry_put_status(const struct ag_telemetry *t, struct or_jsonw *w)
{
	struct ag_ship_info ship = {0};
	struct ag_spool_info spool;

	ag_spool_get_info(&spool, t->spool);
	if (t->ship)
		ag_ship_get_info(&ship, t->ship);
	or_jsonw_key(w, "telemetry");
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "intake", t->url);
	or_jsonw_kv_text(w, "state", t->ship ? ag_ship_state_name(ship.state) : "no_collector");
	if (t->ship)
		or_jsonw_kv_text(w, "transport", ship.link);
	or_jsonw_kv_u64(w, "pending", spool.pending);
	or_jsonw_kv_u64(w, "bytes", spool.bytes);
	or_jsonw_kv_u64(w, "quota", spool.quota_bytes);
	or_jsonw_kv_u64(w, "records", ship.records);
	or_jsonw_kv_u64(w, "refusals", ship.refusals);
	if (ship.error[0])
		or_jsonw_kv_text(w, "error", ship.error);
	if (t->scrape)
		ag_scrape_put_status(t->scrape, w);
	if (t->syslog)
		ag_syslog_put_status(t->syslog, w);
	or_jsonw_end(w);
}
