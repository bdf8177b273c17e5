/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include "agent/admin/admin.h"
#include "agent/announce/announce.h"
#include "agent/bundle/bundle.h"
#include "agent/enrol/enrol.h"
#include "agent/folder.h"
#include "agent/gate/decide.h"
#include "agent/gate/fronts.h"
#include "agent/gate/grant_keys.h"
#include "agent/gate/issuers.h"
#include "agent/gate/mask/mask_filter.h"
#include "agent/gate/mask/mask_key.h"
#include "agent/gate/record.h"
#include "agent/reload.h"
#include "agent/ship/link_http.h"
#include "agent/ship/link_kafka.h"
#include "agent/ship/ship.h"
#include "agent/spool/spool.h"
#include "agent/status.h"
#include "agent/tap/observe.h"
#include "agent/telemetry.h"
#include "base/http_client.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/rng.h"
#include "base/slow.h"
#include "base/sys.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { SERIES_MAX = 1024, SLOW_MAX = 256, VERDICTS_MAX = 4096, ENDPOINT_MAX = 4096 };

#define DRAIN_CHECK_NS (20 * OR_NS_PER_MS)

struct ag_agent {
	struct or_loop *loop;
	const struct ag_config *config;
	struct or_arena *arena;
	const char *product; /* its id */
	char workload[256];
	const char *origin; /* of the collector; NULL: none */
	struct dp_folder folder;
	struct or_slow *slow;
	struct or_metric_registry *metrics;
	struct or_http_client *client;
	struct ag_spool *spool;
	struct ag_enrol *enrol;
	struct ag_record *record;
	struct ag_issuers *issuers;
	struct or_buf mask_key;
	struct ag_mask_filter_conf masks;
	struct ag_bundle *bundle;
	struct ag_grant_keys *grant_keys;
	struct ag_decide *decide;
	struct ag_fronts *fronts;
	struct ag_link_http *http; /* one of these two, or none */
	struct ag_link_kafka *kafka;
	struct ag_ship *ship;
	struct ag_observe *observe;
	struct ag_observed *observed;
	struct ag_announce *announce;
	struct ag_admin *admin;
	struct ag_telemetry *telemetry;
	struct ag_reload *reload;
	struct or_loop_signal *signals[3];
	struct or_loop_timer *drain;
	int64_t drain_until_ns;
	char endpoint[PATH_MAX];
};

/* A bundle that was taken or refused is a record of its own. */
static void on_bundle(void *arg, struct pol_bundle *bundle, const struct or_err *result)
{
	struct ag_agent *g = arg;
	uint8_t trace[WIRE_AUDIT_TRACE_LEN], span[WIRE_AUDIT_SPAN_LEN];
	struct wire_attribute why = {
	    .key = OR_SLICE_LIT("error"), .value = or_slice_str(result->msg)};
	struct wire_audit rec = {.time_ns = (uint64_t)or_loop_wall_ns(g->loop),
	    .kind = WIRE_KIND_POLICY,
	    .front = WIRE_FRONT_AGENT,
	    .phase = WIRE_PHASE_COMPLETE,
	    .decision = result->code ? WIRE_DECISION_DENY : WIRE_DECISION_ALLOW,
	    .action = OR_SLICE_LIT("take_bundle"),
	    .reason = result->code ? OR_SLICE_LIT("bundle_refused") : OR_SLICE_LIT("bundle_taken"),
	    .trace_id = or_slice(trace, sizeof(trace)),
	    .span_id = or_slice(span, sizeof(span)),
	    .attributes = &why,
	    .n_attributes = result->code ? 1 : 0};

	if (result->code)
		OR_LOG(OR_LOG_ERROR, "bundle.refused", or_log_err(result));
	if (bundle) {
		rec.bundle_revision = pol_bundle_revision(bundle);
		rec.bundle_sha256 = or_slice(pol_bundle_hash(bundle), OR_CRYPTO_HASH_LEN);
		OR_LOG(OR_LOG_INFO, "bundle.in_force", or_log_u64("revision", rec.bundle_revision));
	}
	or_rng_fill(trace, sizeof(trace));
	or_rng_fill(span, sizeof(span));
	if (ag_record_put(g->record, &rec, OR_SLICE_NONE, NULL))
		OR_LOG(OR_LOG_ERROR, "record.failed", or_log_text("action", "take_bundle"));
}

static void on_cert(void *arg)
{
	struct ag_agent *g = arg;

	if (g->ship)
		ag_ship_wake(g->ship);
	if (g->telemetry)
		ag_telemetry_wake(g->telemetry);
	if (g->announce)
		ag_announce_wake(g->announce);
}

static struct or_slice cert_of(void *arg)
{
	return ag_enrol_cert(((struct ag_agent *)arg)->enrol);
}

static enum or_code open_store(struct ag_agent *g, struct or_err *err)
{
	const struct ag_config *c = g->config;
	char dir[PATH_MAX];
	struct ag_spool_opt spool = {.dir = dir,
	    .loop = g->loop,
	    .quota_bytes = c->spool.quota,
	    .segment_bytes = c->spool.segment,
	    .sync_ns = c->spool.sync_ns,
	    .lock_wait_ns = OR_SYS_LOCK_WAIT_NS};
	enum or_code rc = ag_folder_read(&g->folder, c->product, g->arena, err);

	if (rc)
		return rc;
	g->product = or_arena_strdup(g->arena, g->folder.product->id);
	snprintf(dir, sizeof(dir), "%s/spool", c->state);
	rc = or_sys_mkdir(c->state, 0700, err);
	if (rc == OR_OK)
		rc = or_slow_new(&g->slow, g->loop, SLOW_MAX, err);
	spool.slow = g->slow;
	if (rc == OR_OK)
		rc = ag_spool_open(&g->spool, &spool, err);
	return rc ? or_err_wrap(err, rc, "spool") : OR_OK;
}

static enum or_code open_identity(struct ag_agent *g, struct or_err *err)
{
	const struct ag_config *c = g->config;
	struct ag_enrol_opt enrol = {.state_dir = c->state,
	    .product = g->product,
	    .origin = g->origin,
	    .join_token_file = c->collector.join_token_file,
	    .client = g->client,
	    .on_cert = on_cert,
	    .arg = g};
	struct ag_issuers_opt issuers = {.config = c->issuers,
	    .audience = c->gate.audience ? c->gate.audience : g->product,
	    .cache_max = VERDICTS_MAX};
	struct ag_record_opt record = {.spool = g->spool,
	    .loop = g->loop,
	    .product = g->product,
	    .workload = g->workload,
	    .registry = g->metrics};
	enum or_code rc = ag_enrol_new(&g->enrol, g->loop, &enrol, err);

	if (rc)
		return or_err_wrap(err, rc, "enrolment");
	record.agent_id = ag_enrol_id(g->enrol);
	rc = ag_record_new(&g->record, &record, err);
	if (rc == OR_OK)
		rc = ag_issuers_new(&g->issuers, g->loop, &issuers, err);
	return rc;
}

static enum or_code open_gate(struct ag_agent *g, struct or_err *err)
{
	const struct ag_config *c = g->config;
	struct ag_bundle_opt bundle = {.product = g->product,
	    .file = c->bundle.file,
	    .state_dir = c->state,
	    .keys = c->bundle.keys,
	    .min_revision = c->bundle.min_revision,
	    .on_change = on_bundle,
	    .arg = g};
	struct ag_decide_opt decide = {.folder = &g->folder,
	    .identity = ag_issuers_identity(g->issuers),
	    .oblige = ag_mask_filter_oblige,
	    .oblige_arg = &g->masks};
	struct ag_front_env env = {
	    .loop = g->loop, .config = c, .record = g->record, .registry = g->metrics};
	enum or_code rc = ag_bundle_new(&g->bundle, g->loop, &bundle, err);

	decide.bundle = g->bundle;
	or_buf_init(&g->mask_key, AG_MASK_KEY_MAX);
	if (rc == OR_OK)
		rc = ag_mask_key_read(&g->mask_key, c->gate.mask_key_file, c->state, err);
	g->masks.hash_key = or_buf_slice(&g->mask_key);
	if (rc == OR_OK)
		rc = ag_grant_keys_read(&g->grant_keys,
		    c->gate.break_glass_keys.n ? &c->gate.break_glass_keys : &c->bundle.keys, err);
	if (rc == OR_OK)
		decide.grant_keys = ag_grant_keys_get(g->grant_keys, &decide.n_grant_keys);
	decide.agent_id = ag_enrol_id_text(g->enrol);
	if (rc == OR_OK)
		rc = ag_decide_new(&g->decide, &decide, err);
	env.decide = g->decide;
	env.issuers = g->issuers;
	if (rc == OR_OK)
		rc = ag_fronts_open(&g->fronts, &env, err);
	return rc ? or_err_wrap(err, rc, "gate") : OR_OK;
}

/* A tap that was heard before the intake is open is offered again. */
static enum or_code take_lineage(void *arg, struct or_slice event)
{
	struct ag_agent *g = arg;

	return g->telemetry ? ag_telemetry_put_lineage(g->telemetry, event) : OR_FULL;
}

/* What the tap tells; where there is none, that. */
static void open_observe(struct ag_agent *g)
{
	const struct ag_config *c = g->config;
	struct ag_observe_opt opt = {.loop = g->loop,
	    .record = g->record,
	    .spool = g->spool,
	    .registry = g->metrics,
	    .workload = g->workload,
	    .fd = (int)c->tap.fd,
	    .rate = c->tap.rate,
	    .quota_bytes = c->tap.quota};

	const struct ag_observed_opt observed = {.loop = g->loop,
	    .product = g->product,
	    .workload = g->workload,
	    .fn = take_lineage,
	    .arg = g};

	g->observed = ag_observed_new(&observed);
	opt.observed = g->observed;
	g->observe = ag_observe_new(&opt);
}

static void put_status(void *arg, struct or_jsonw *w)
{
	struct ag_agent *g = arg;
	struct ag_status s = {.product = g->product,
	    .fronts = g->fronts,
	    .enrol = g->enrol,
	    .bundle = g->bundle,
	    .spool = g->spool,
	    .ship = g->ship,
	    .observe = g->observe,
	    .announce = g->announce};

	ag_status_put(w, &s);
	ag_telemetry_put_status(g->telemetry, w);
	ag_reload_put_status(g->reload, w);
}

static bool is_ready(void *arg, const char **why)
{
	struct ag_agent *g = arg;

	*why = "no valid policy bundle is loaded: everything is denied";
	return ag_bundle_get(g->bundle) != NULL;
}

/* NULL: HTTP, or nowhere. */
static const struct ag_link *kafka_link(const struct ag_agent *g, enum ag_link_kafka_use use)
{
	return g->kafka ? ag_link_kafka_get(g->kafka, use) : NULL;
}

/* Kafka where brokers are named, else straight to the collector, else nowhere. */
static enum or_code open_link(struct ag_agent *g, const struct ag_link **out, struct or_err *err)
{
	enum or_code rc = OR_OK;

	*out = NULL;
	if (g->config->kafka.brokers) {
		rc = ag_link_kafka_new(&g->kafka, g->loop, &g->config->kafka, err);
		if (rc == OR_OK)
			*out = kafka_link(g, AG_LINK_KAFKA_AUDIT);
	} else if (g->origin) {
		g->http = ag_link_http_new(g->client, g->origin, 0);
		*out = ag_link_http_get(g->http);
	}
	return rc;
}

static enum or_code open_telemetry(struct ag_agent *g, struct or_err *err)
{
	const struct ag_telemetry_opt opt = {.loop = g->loop,
	    .slow = g->slow,
	    .config = g->config,
	    .product = g->product,
	    .link = kafka_link(g, AG_LINK_KAFKA_TELEMETRY),
	    .origin = g->origin,
	    .client = g->client,
	    .enrol = g->enrol,
	    .metrics = g->metrics};

	return ag_telemetry_open(&g->telemetry, &opt, err);
}

static enum or_code open_delivery(struct ag_agent *g, struct or_err *err)
{
	struct ag_ship_opt ship = {.loop = g->loop,
	    .spool = g->spool,
	    .key = ag_enrol_key(g->enrol),
	    .cert = cert_of,
	    .cert_arg = g,
	    .metrics = g->metrics};
	struct ag_admin_opt admin = {.listen = g->config->admin.listen,
	    .metrics = g->metrics,
	    .is_ready = is_ready,
	    .put_status = put_status,
	    .arg = g};
	enum or_code rc = open_link(g, &ship.link, err);

	if (rc == OR_OK && ship.link)
		rc = ag_ship_new(&g->ship, &ship, err);
	if (rc == OR_OK)
		rc = open_telemetry(g, err);
	return rc ? rc : ag_admin_new(&g->admin, g->loop, &admin, err);
}

static enum or_code open_announce(struct ag_agent *g, struct or_err *err)
{
	const struct ag_config *c = g->config;
	struct ag_announce_opt announce = {.descriptor = c->product,
	    .product = g->product,
	    .source = {.commit = or_slice_str(c->source.commit),
		.committed = or_slice_str(c->source.committed),
		.modified = c->source.modified},
	    .origin = g->origin,
	    .client = g->client,
	    .record = g->record,
	    .key = ag_enrol_key(g->enrol),
	    .cert = cert_of,
	    .arg = g};
	enum or_code rc = ag_announce_new(&g->announce, g->loop, &announce, err);

	return rc ? or_err_wrap(err, rc, "announce") : OR_OK;
}

/* What other processes of this machine need to find us. */
static enum or_code write_endpoint(struct ag_agent *g, struct or_err *err)
{
	struct or_buf text;
	struct or_jsonw w;
	enum or_code rc;

	or_buf_init(&text, ENDPOINT_MAX);
	or_jsonw_init(&w, &text, 0);
	or_jsonw_object(&w);
	or_jsonw_kv_text(&w, "product", g->product);
	ag_fronts_put(&w, g->fronts);
	or_jsonw_key(&w, "admin");
	or_jsonw_text(&w, or_arena_printf(g->arena, "http://%s", ag_admin_address(g->admin)));
	or_jsonw_kv_text(&w, "intake", ag_telemetry_url(g->telemetry));
	if (ag_telemetry_grpc_address(g->telemetry))
		or_jsonw_kv_text(&w, "intake_grpc", ag_telemetry_grpc_address(g->telemetry));
	or_jsonw_kv_i64(&w, "pid", getpid());
	or_jsonw_end(&w);
	or_buf_put_byte(&text, '\n');
	snprintf(g->endpoint, sizeof(g->endpoint), "%s/endpoint", g->config->state);
	rc = or_sys_write_file(g->endpoint, or_buf_slice(&text), 0600, err);
	or_buf_done(&text);
	return rc;
}

static void check_drained(void *arg)
{
	struct ag_agent *g = arg;
	struct ag_ship_info info = {.state = AG_SHIP_UNREACHABLE};

	g->drain = NULL;
	if (g->ship)
		ag_ship_get_info(&info, g->ship);
	if (((info.pending == 0 || info.state == AG_SHIP_UNREACHABLE ||
		 info.state == AG_SHIP_REFUSED || info.state == AG_SHIP_NO_CERT) &&
		ag_telemetry_pending(g->telemetry) == 0) ||
	    or_loop_now_ns(g->loop) >= g->drain_until_ns) {
		OR_LOG(OR_LOG_INFO, "agent.stopped", or_log_u64("pending", info.pending));
		or_loop_stop(g->loop);
		return;
	}
	g->drain = or_loop_timer_start(g->loop, DRAIN_CHECK_NS, check_drained, g);
}

static void on_drained(void *arg)
{
	struct ag_agent *g = arg;

	g->drain_until_ns = or_loop_now_ns(g->loop) + AG_AGENT_DRAIN_NS;
	or_loop_timer_cancel(g->drain);
	ag_observe_drain(g->observe);
	ag_observed_finish(g->observed);
	check_drained(g);
}

/* Of a configuration that was read again. */
static enum or_code apply(void *arg, const struct ag_config *next, struct or_err *err)
{
	struct ag_agent *g = arg;
	enum or_code rc = ag_telemetry_reload(g->telemetry, next, err);

	if (rc == OR_OK)
		or_log_level_set((enum or_log_level)next->log_level);
	return rc;
}

static void on_signal(void *arg, int signo)
{
	struct ag_agent *g = arg;

	if (signo == SIGHUP) {
		ag_reload_run(g->reload);
		ag_bundle_reload(g->bundle);
		ag_issuers_reload(g->issuers);
		return;
	}
	OR_LOG(OR_LOG_INFO, "agent.stopping", or_log_i64("signal", signo));
	ag_fronts_drain(g->fronts, on_drained, g);
}

static void start_signals(struct ag_agent *g)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};

	for (size_t i = 0; i < OR_LEN(numbers); i++)
		g->signals[i] = or_loop_signal_start(g->loop, numbers[i], on_signal, g);
}

static enum or_code open_all(struct ag_agent *g, struct or_err *err)
{
	enum or_code rc = open_store(g, err);

	if (rc == OR_OK)
		rc = open_identity(g, err);
	if (rc == OR_OK)
		rc = open_gate(g, err);
	if (rc == OR_OK) {
		open_observe(g);
		rc = open_delivery(g, err);
	}
	if (rc == OR_OK)
		rc = open_announce(g, err);
	if (rc == OR_OK)
		rc = write_endpoint(g, err);
	return rc;
}

static enum or_code choose_names(struct ag_agent *g, struct or_err *err)
{
	const char *url = g->config->collector.url;

	if (g->config->workload)
		snprintf(g->workload, sizeof(g->workload), "%s", g->config->workload);
	else if (gethostname(g->workload, sizeof(g->workload) - 1))
		return or_err_sys(err, "the host's name");
	if (!url)
		return OR_OK;
	if (strncmp(url, "http://", 7) != 0)
		return or_err_set(
		    err, OR_INVAL, "collector.url %s: expected http://ADDRESS:PORT", url);
	g->origin = url + 7;
	return OR_OK;
}

enum or_code ag_agent_new(
    struct ag_agent **out, struct or_loop *loop, const struct ag_agent_opt *opt, struct or_err *err)
{
	struct ag_reload_opt reload = {.loop = loop,
	    .config = opt->config,
	    .argc = opt->argc,
	    .argv = opt->argv,
	    .apply = apply};
	struct ag_agent *g = or_mem_new(sizeof(*g));
	enum or_code rc;

	g->loop = loop;
	g->config = opt->config;
	g->arena = or_arena_new(64 * OR_MIB);
	g->metrics = or_metric_registry_new(SERIES_MAX);
	g->client = or_http_client_new(loop, NULL);
	or_metric_watch_loop(g->metrics, loop);
	reload.metrics = g->metrics;
	reload.arg = g;
	g->reload = ag_reload_new(&reload);
	rc = choose_names(g, err);
	if (rc == OR_OK)
		rc = open_all(g, err);
	if (rc) {
		ag_agent_free(g);
		return rc;
	}
	start_signals(g);
	OR_LOG(OR_LOG_INFO, "agent.ready", or_log_text("product", g->product),
	    or_log_text("gate", ag_fronts_address(g->fronts, "gate")),
	    or_log_text("agent_id", ag_enrol_id_text(g->enrol)));
	*out = g;
	return OR_OK;
}

void ag_agent_free(struct ag_agent *g)
{
	if (!g)
		return;
	if (g->endpoint[0])
		(void)!or_sys_unlink(g->endpoint, NULL);
	for (size_t i = 0; i < OR_LEN(g->signals); i++)
		or_loop_signal_cancel(g->signals[i]);
	or_loop_timer_cancel(g->drain);
	ag_admin_free(g->admin);
	ag_observe_free(g->observe);
	ag_observed_free(g->observed);
	ag_telemetry_close(g->telemetry);
	ag_announce_free(g->announce);
	ag_ship_free(g->ship);
	ag_link_http_free(g->http);
	ag_link_kafka_free(g->kafka);
	ag_fronts_close(g->fronts);
	ag_decide_free(g->decide);
	ag_grant_keys_free(g->grant_keys);
	or_buf_done(&g->mask_key);
	ag_bundle_free(g->bundle);
	ag_issuers_free(g->issuers);
	ag_record_free(g->record);
	ag_enrol_free(g->enrol);
	or_http_client_free(g->client);
	ag_spool_close(g->spool);
	ag_reload_free(g->reload);
	or_slow_free(g->slow);
	or_metric_registry_free(g->metrics);
	or_arena_free(g->arena);
	or_mem_free(g);
}
