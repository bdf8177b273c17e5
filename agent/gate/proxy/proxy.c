/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/ask.h"
#include "agent/gate/proxy/proxy_impl.h"

#include "base/http_url.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdio.h>

#define CONNECT_NS (2 * OR_NS_PER_S)
#define HEAD_NS    (60 * OR_NS_PER_S)
#define TUNNEL_NS  (300 * OR_NS_PER_S)
/* Below the five seconds after which common app servers close a kept connection. */
#define IDLE_NS (4 * OR_NS_PER_S)

static void on_request(void *arg, struct or_http_req *req)
{
	ag_exchange_begin(arg, req);
}

/* What did not parse: the server answers it; here it is counted and recorded. */
static void on_refused(void *arg, const struct or_net_addr *peer, enum or_http_reason reason)
{
	struct ag_proxy *proxy = arg;
	struct ag_refusal_what what = {.kind = WIRE_KIND_ACCESS,
	    .reason = or_http_msg_reason_name(reason),
	    .peer = peer,
	    .status = or_http_msg_reason_status(reason)};

	or_metric_add(proxy->metrics.malformed, 1);
	if (ag_refusal_note(proxy->refusals, &what))
		or_metric_add(proxy->metrics.unrecorded, 1);
}

static struct or_metric_counter *counter(struct or_metric_registry *reg, const char *result)
{
	static struct or_metric_counter nobody;
	const struct or_metric_label labels[] = {{"result", result}, {NULL, NULL}};

	if (!reg)
		return &nobody;
	return or_metric_counter_get(reg, "outrider_gate_requests_total",
	    "Requests at the gate by what became of them.", labels);
}

static void make_metrics(struct ag_proxy_metrics *m, struct or_metric_registry *reg)
{
	m->allowed = counter(reg, "allowed");
	m->denied = counter(reg, "denied");
	m->unauthenticated = counter(reg, "unauthenticated");
	m->malformed = counter(reg, "malformed");
	m->unavailable = counter(reg, "unavailable");
	m->upstream_failed = counter(reg, "upstream_failed");
	m->client_gone = counter(reg, "client_gone");
	m->unrecorded = counter(reg, "unrecorded");
	if (reg)
		m->seconds = or_metric_histogram_get(reg, "outrider_gate_seconds",
		    "From a request's head to the end of its answer.", NULL, or_metric_seconds,
		    OR_METRIC_N_SECONDS);
}

static enum or_code read_upstream(struct ag_proxy *proxy, const char *text, struct or_err *err)
{
	struct or_net_addr addr;
	struct or_slice path;

	if (or_str_has_prefix(or_slice_str(text), "http://")) {
		enum or_code rc = or_http_url_split(proxy->origin, &path, text, err);

		if (rc == OR_OK && path.n && !or_slice_is(path, "/"))
			rc = or_err_set(err, OR_INVAL, "%s: an upstream has no path", text);
		return rc;
	}
	if (strlen(text) >= sizeof(proxy->origin))
		return or_err_set(err, OR_INVAL, "%s: too long an address", text);
	snprintf(proxy->origin, sizeof(proxy->origin), "%s", text);
	return or_net_parse(&addr, text, err);
}

static void on_certs(void *arg, struct or_tls *tls)
{
	struct ag_proxy *proxy = arg;

	or_http_server_tls_put(proxy->server, tls);
}

static enum or_code open_tls(struct ag_proxy *proxy, struct or_err *err)
{
	const struct ag_proxy_opt *opt = &proxy->opt;
	struct ag_certs_opt in = {.server = true,
	    .cert_file = opt->cert_file,
	    .key_file = opt->key_file,
	    .asks_cert = opt->asks_cert || opt->trust_domains,
	    .on_change = on_certs,
	    .arg = proxy};
	struct ag_certs_opt out = {.cert_file = opt->upstream_cert_file,
	    .key_file = opt->upstream_key_file,
	    .ca_file = opt->upstream_ca_file};
	enum or_code rc = OR_OK;

	if (in.asks_cert && !opt->cert_file)
		return or_err_set(err, OR_INVAL,
		    "gate.trust-domains, gate.asks-cert: clients have certificates over TLS alone, "
		    "so gate.cert-file is needed");
	if (opt->trust_domains)
		rc = ag_identity_svid_new(&proxy->svids, proxy->loop, opt->trust_domains, err);
	if (rc)
		return or_err_wrap(err, rc, "gate.trust-domains");
	if (opt->cert_file || opt->key_file)
		rc = ag_certs_open(&proxy->certs, proxy->loop, &in, err);
	if (rc)
		return or_err_wrap(err, rc, "gate.cert-file, gate.key-file");
	if (!opt->upstream_host) {
		/* A check that somebody asked for must not be left out in silence. */
		if (out.cert_file || out.key_file || out.ca_file)
			rc = or_err_set(err, OR_INVAL,
			    "gate.upstream-host is needed: the name in the app's certificate");
		return rc;
	}
	proxy->upstream_host = or_mem_strdup(opt->upstream_host);
	rc = ag_certs_open(&proxy->upstream_certs, proxy->loop, &out, err);
	return rc ? or_err_wrap(err, rc, "gate.upstream-…") : OR_OK;
}

static enum or_code open_front(struct ag_proxy *proxy, struct or_err *err)
{
	struct or_http_server_opt server = {.listen = proxy->opt.listen,
	    .max_conns = proxy->opt.max_conns,
	    .on_request = on_request,
	    .on_refused = on_refused,
	    .arg = proxy};
	struct or_http_client_opt client = {
	    .max_conns = proxy->opt.max_conns, .max_idle = 64, .idle_ns = IDLE_NS};
	enum or_code rc = read_upstream(proxy, proxy->opt.upstream, err);

	if (rc)
		return or_err_wrap(err, rc, "gate.upstream");
	rc = open_tls(proxy, err);
	if (rc)
		return rc;
	server.tls = proxy->certs ? ag_certs_get(proxy->certs) : NULL;
	rc = or_http_server_new(&proxy->server, proxy->loop, &server, err);
	if (rc)
		return or_err_wrap(err, rc, "gate.listen");
	proxy->client = or_http_client_new(proxy->loop, &client);
	proxy->refusals = ag_refusal_new(proxy->loop, proxy->opt.record);
	return OR_OK;
}

enum or_code ag_proxy_new(
    struct ag_proxy **out, struct or_loop *loop, const struct ag_proxy_opt *opt, struct or_err *err)
{
	struct ag_proxy *proxy = or_mem_new(sizeof(*proxy));
	enum or_code rc;

	proxy->loop = loop;
	proxy->opt = *opt;
	proxy->opt.max_conns = opt->max_conns ? opt->max_conns : 1024;
	proxy->opt.connect_ns = opt->connect_ns ? opt->connect_ns : CONNECT_NS;
	proxy->opt.head_ns = opt->head_ns ? opt->head_ns : HEAD_NS;
	proxy->opt.tunnel_idle_ns = opt->tunnel_idle_ns ? opt->tunnel_idle_ns : TUNNEL_NS;
	or_buf_init(&proxy->path, AG_ASK_TARGET_MAX);
	or_buf_init(&proxy->filtered, AG_FILTER_OUT_MAX);
	make_metrics(&proxy->metrics, opt->registry);
	rc = open_front(proxy, err);
	if (rc) {
		ag_proxy_free(proxy);
		return rc;
	}
	/* Texts are the caller's. */
	proxy->opt = (struct ag_proxy_opt){.decide = opt->decide,
	    .issuers = opt->issuers,
	    .record = opt->record,
	    .connect_ns = proxy->opt.connect_ns,
	    .head_ns = proxy->opt.head_ns,
	    .tunnel_idle_ns = proxy->opt.tunnel_idle_ns};
	OR_LOG(OR_LOG_INFO, "gate.listening", or_log_text("address", ag_proxy_address(proxy)),
	    or_log_text("upstream", proxy->origin));
	*out = proxy;
	return OR_OK;
}

void ag_proxy_free(struct ag_proxy *proxy)
{
	if (!proxy)
		return;
	/* Requests in flight end first: they cancel their calls and record their outcomes. */
	or_http_server_free(proxy->server);
	or_http_client_free(proxy->client);
	ag_certs_close(proxy->certs);
	ag_certs_close(proxy->upstream_certs);
	ag_identity_svid_free(proxy->svids);
	or_mem_free(proxy->upstream_host);
	ag_refusal_free(proxy->refusals);
	or_buf_done(&proxy->path);
	or_buf_done(&proxy->filtered);
	or_mem_free(proxy);
}

void ag_proxy_drain(struct ag_proxy *proxy, or_loop_fn *done, void *arg)
{
	or_http_server_drain(proxy->server, done, arg);
}

uint16_t ag_proxy_port(const struct ag_proxy *proxy)
{
	return or_http_server_port(proxy->server);
}

const char *ag_proxy_address(const struct ag_proxy *proxy)
{
	return or_http_server_address(proxy->server);
}

/* -- the front -- */

static enum or_code open_env(void **out, const struct ag_front_env *env, struct or_err *err)
{
	const struct ag_config *c = env->config;
	struct ag_proxy_opt opt = {.listen = c->gate.listen,
	    .upstream = c->gate.upstream,
	    .cert_file = c->gate.cert_file,
	    .key_file = c->gate.key_file,
	    .trust_domains = c->gate.trust_domains,
	    .asks_cert = c->gate.asks_cert,
	    .upstream_host = c->gate.upstream_host,
	    .upstream_ca_file = c->gate.upstream_ca_file,
	    .upstream_cert_file = c->gate.upstream_cert_file,
	    .upstream_key_file = c->gate.upstream_key_file,
	    .tunnel_idle_ns = c->gate.tunnel_idle_ns,
	    .decide = env->decide,
	    .issuers = env->issuers,
	    .record = env->record,
	    .registry = env->registry};
	struct ag_proxy *proxy;
	enum or_code rc = ag_proxy_new(&proxy, env->loop, &opt, err);

	if (rc == OR_OK)
		*out = proxy;
	return rc;
}

static void close_env(void *front)
{
	ag_proxy_free(front);
}

static void drain_env(void *front, or_loop_fn *done, void *arg)
{
	ag_proxy_drain(front, done, arg);
}

static const char *address_env(const void *front)
{
	return ag_proxy_address(front);
}

const struct ag_front ag_proxy_front = {.name = "gate",
    .open = open_env,
    .close = close_env,
    .drain = drain_env,
    .address = address_env};
