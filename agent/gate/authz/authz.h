/* SPDX-License-Identifier: Apache-2.0 */
/*
 * External authorization: a proxy that is there already asks for each request whether it may pass.
 * Each dialect says by its own headers what the request is:
 *
 *   /auth/nginx    ngx_http_auth_request_module: X-Original-Method, X-Original-URI, and for the
 *                  record X-Forwarded-Host and X-Forwarded-For, as the configuration sets them
 *   /auth/forward  Traefik's, Caddy's and APISIX's forward auth: X-Forwarded-Method, -Uri, -Host,
 * -For /auth/envoy    Envoy's ext_authz over HTTP with path_prefix /auth/envoy: method, path and
 * host are those of the question itself
 *
 * Answers: 200 pass, with X-Outrider-Principal and X-Outrider-Decision-Id; 401 with a challenge;
 * 403; 400 where the question is none (a dialect's header lacks, or is there twice); 503 without a
 * bundle or room for records. A path that is not canonical is refused (403), for the proxy passes
 * on the one that it has. Who the client is is what the proxy says last in X-Forwarded-For; where
 * it says nothing policy is asked without context.client, never with the proxy's own address.
 * Thread: the loop's.
 */
#ifndef AGENT_GATE_AUTHZ_AUTHZ_H
#define AGENT_GATE_AUTHZ_AUTHZ_H

#include "agent/gate/service/service.h"

extern const struct ag_service_route ag_authz_routes[];
extern const size_t ag_authz_n_routes;

#endif
