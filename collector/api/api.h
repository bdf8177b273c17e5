/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector over HTTP: ingest, enrolment, queries, the log's tiles, administration.
 *
 *   GET  /healthz /readyz /metrics                      POST /v1/ingest/<topic>
 *   GET  /v1/openapi.json                               (all of it, for programs)
 *   POST /v1/enrol                                      POST /v1/join-tokens
 *   GET  /v1/audit?q=  /v1/audit/<id>  /v1/inputs/<sha256>
 *   GET  /v1/shards    /v1/log/<shard>/checkpoint       /v1/log/<shard>/tile/…
 *   GET  /v1/alerts
 *   GET  /v1/agents                                     POST /v1/agents/<id>/revoke
 *   GET  /v1/logs?q=  /v1/metrics?q=  /v1/spans?q=      GET  /v1/lineage/<product>
 *   GET  /v1/products?q=  /v1/dora?product=             POST /v1/products
 *
 * Who may: an agent's frame authenticates itself (and its product's document), an enrolment its
 * token or certificate; health, metrics and checkpoints are open; everything else takes the
 * administrator's bearer token.
 * Errors are JSON: {"error":"<word for programs>","message":"<sentence that says what to do>"}.
 * Thread: the loop's. Nothing is answered 200 before it is durable.
 * Limits: base/http_server.h's, opt.max_pending bytes of bodies, opt.max_queries at once.
 */
#ifndef COLLECTOR_API_API_H
#define COLLECTOR_API_API_H

#include "base/loop.h"
#include "collector/alert/alert.h"
#include "collector/catalogue/catalogue.h"
#include "collector/enrol/enrol.h"
#include "collector/ingest/ingest.h"
#include "collector/ingest/kafka.h"
#include "collector/lineage/lineage.h"
#include "collector/telemetry/telemetry.h"

struct co_api;

struct co_api_shard {
	struct co_ingest *ingest;
	const char *origin; /* of its log */
};

/* Everything is borrowed and outlives the API. */
struct co_api_opt {
	struct or_loop *loop;
	const char *listen;
	struct or_slice admin_token;
	const char *collector_id;
	const char *vkey; /* of the checkpoint key */
	const struct or_crypto_key *enrolment_key;
	struct co_enrol *enrol;
	struct co_catalogue *catalogue;
	const struct co_api_shard *shards;
	size_t n_shards;
	struct or_slow *slow;
	struct co_telemetry *const *telemetry; /* one for each topic besides outrider.audit */
	size_t n_telemetry;
	struct co_lineage *lineage; /* NULL where there is no telemetry */
	size_t max_conns;
	size_t max_pending;
	size_t max_queries;
};

/* OR_BUSY: the address is in use; the message names it. */
OR_NODISCARD enum or_code co_api_open(
    struct co_api **out, const struct co_api_opt *opt, struct or_err *err);

/* A batch of that agent was stored, whichever way it came: what GET /v1/agents tells. */
void co_api_ingest_seen(struct co_api *api, const uint8_t *uuid);

/* What reads from Kafka, for /readyz and /metrics; borrowed, the list too. The first is audit's. */
void co_api_health_kafka(struct co_api *api, struct co_kafka *const *readers, size_t n);
/* Who knows about alerts; NULL (as at the start): nobody. Borrowed until the next call, or stop. */
void co_api_set_alert(struct co_api *api, const struct co_alert *alert);

/* "http://127.0.0.1:8470": the port that is really listened on. */
const char *co_api_url(const struct co_api *api);

/* Takes no new connection, lets requests end, then calls done. */
void co_api_drain(struct co_api *api, or_loop_fn *done, void *arg);

/* Cuts what is left. Then the slow thread is freed and the shards are closed, which ends what waits
 * for a commit; */
void co_api_stop(struct co_api *api);
/* then this. */
void co_api_close(struct co_api *api);

#endif
