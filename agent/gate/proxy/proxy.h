/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate as a reverse proxy in front of the workload's output port.
 *
 * Each request: parsed once (base/http_parse.h), path made canonical, decided
 * (agent/gate/decide.h), recorded (agent/gate/record.h), and only then forwarded as it was decided
 * on, streaming both ways. strict: a decision record is durable before the request is forwarded, an
 * outcome record follows; async:  one record with both is put into the spool before the answer's
 * last byte. A deny is recorded before its answer (durably, where the port is strict). Refusals
 * without an identity are recorded by address, reason and second (agent/gate/refusal.h).
 *
 * Upgrade (WebSocket): passed on after the decision, which is recorded before the app is asked;
 * once the app has said 101 bytes go both ways with backpressure, and the outcome record counts
 * them. h2c and other forms of HTTP are not passed: the request goes on as HTTP/1.1 (RFC 9110
 * §7.8). Where a mask is owed an upgrade is refused (502, mask_upgrade).
 *
 * TLS 1.3 and 1.2 on either side (base/tls.h).
 *
 *   400 not canonical   401 no identity   403 denied   502, 504 the app
 *   503 + Retry-After: no bundle in force, or no room for records
 *
 * Thread: the loop's. Owns: listener, connections and the client for the app; borrows the rest.
 */
#ifndef AGENT_GATE_PROXY_PROXY_H
#define AGENT_GATE_PROXY_PROXY_H

#include "agent/gate/front.h"
#include "agent/gate/proxy/certs.h"
#include "base/http_server.h"

extern const struct ag_front ag_proxy_front;

struct ag_proxy;

struct ag_proxy_opt {
	const char *listen;   /* as base/net.h reads it */
	const char *upstream; /* the app: "127.0.0.1:9000", or "http://127.0.0.1:9000" */
	struct ag_decide *decide;
	struct ag_issuers *issuers; /* whose keys requests may wait for; may be NULL */
	struct ag_record *record;
	struct or_metric_registry *registry; /* may be NULL */
	size_t max_conns;                    /* 0: 1,024 */
	int64_t connect_ns;                  /* to the app; 0: 2 s */
	int64_t head_ns;                     /* for the head of its answer; 0: 60 s */
	int64_t tunnel_idle_ns;              /* of an upgraded connection; 0: 5 min */
	/* TLS towards clients; NULL: plain. PEM files, taken anew when they change. */
	const char *cert_file, *key_file;
	/* Trust domains whose SVIDs say who asks (agent/gate/identity_svid.h); NULL: none. With
	 * them, or where asks_cert is set, clients are asked for a certificate. */
	const struct or_json *trust_domains;
	bool asks_cert;
	/* TLS towards the app, whose certificate must name upstream_host (NULL: plain), by the
	 * roots in a file (NULL: the system's), and with a certificate of our own (may be NULL). */
	const char *upstream_host, *upstream_ca_file, *upstream_cert_file, *upstream_key_file;
};

/* OR_BUSY: the address is in use. OR_INVAL: an address. opt and its texts are copied. */
OR_NODISCARD enum or_code ag_proxy_new(struct ag_proxy **out, struct or_loop *loop,
    const struct ag_proxy_opt *opt, struct or_err *err);
/* Cuts what is in flight; its outcomes are recorded. */
void ag_proxy_free(struct ag_proxy *proxy);

/* Takes no new connections and lets requests end; then calls done. */
void ag_proxy_drain(struct ag_proxy *proxy, or_loop_fn *done, void *arg);

uint16_t ag_proxy_port(const struct ag_proxy *proxy);
const char *ag_proxy_address(const struct ag_proxy *proxy); /* "127.0.0.1:8080" */

#endif
