/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the endpoints share. Inside collector/api/ only.
 */
#ifndef COLLECTOR_API_API_IMPL_H
#define COLLECTOR_API_API_IMPL_H

#include "base/http_server.h"
#include "base/metric.h"
#include "collector/api/api.h"
#include "collector/audit/read.h"

/* Records of the collector itself are about this product. */
#define CO_API_PRODUCT "outrider"

struct co_api_metrics {
	struct or_metric_counter *answers[6]; /* by the first digit of the status */
	struct or_metric_counter *queries;
	struct or_metric_histogram *query_seconds;
};

struct co_api {
	struct co_api_opt opt;
	const struct co_alert *alert; /* NULL: there are no rules */
	struct or_http_server *server;
	char url[OR_NET_TEXT_MAX + 8];
	struct or_metric_registry *metrics;
	struct co_api_metrics m;
	struct co_read **readers;      /* one for each shard */
	struct co_parts **parts;       /* those that queries read, of each shard */
	size_t pending;                /* bytes of bodies in memory */
	size_t queries;                /* running */
	struct co_kafka *const *kafka; /* each reads a topic; NULL: nothing is read from there */
	size_t n_kafka;
	struct or_map seen; /* agents' last batches: struct co_api_seen by UUID */
};

/* One request on its way to an endpoint; lives as long as the request (its arena). */
struct co_api_call {
	struct co_api *api;
	struct or_http_req *req;
	struct or_slice rest; /* of the path, behind the route's */
	bool vetted;          /* ingest: the frame was verified before the body was read */
};

typedef void co_api_fn(struct co_api_call *call);

/* Method and path of route i; NULL: there are no more. */
const char *co_api_route(size_t i, const char **method);

/* True where the request has the administrator's token; else it has been answered 401. */
bool co_api_is_admin(struct co_api_call *call);

/* Reader of a shard's log; NULL where it cannot be opened (err). */
struct co_read *co_api_reader(struct co_api *api, size_t shard, struct or_err *err);

/* The shard of a decimal number in s; NULL: there is none. */
const struct co_api_shard *co_api_shard(const struct co_api *api, struct or_slice s, size_t *i);

/* Endpoints, each in the file of its name. */
co_api_fn co_api_health_live, co_api_health_ready, co_api_health_metrics;
co_api_fn co_api_ingest_post;
co_api_fn co_api_describe_get;
co_api_fn co_api_enrol_post;
co_api_fn co_api_admin_tokens, co_api_admin_agents, co_api_admin_revoke, co_api_admin_shards;
co_api_fn co_api_query_search;
co_api_fn co_api_find_record;
co_api_fn co_api_product_post, co_api_product_search, co_api_product_dora;
co_api_fn co_api_log_get, co_api_log_inputs;
co_api_fn co_api_telemetry_logs, co_api_telemetry_metrics, co_api_telemetry_spans;
co_api_fn co_api_telemetry_lineage;

/* The topic of that name; NULL: there is none. */
struct co_telemetry *co_api_telemetry_find(const struct co_api *api, struct or_slice topic);
co_api_fn co_api_alerts_get;
/* Brings the metrics of alerts up to date; api->alert is there. */
void co_api_alerts_gather(struct co_api *api);

/* ---- answers (reply.c) */

void co_reply_json(struct co_api_call *call, unsigned int status, const struct or_buf *body);
/* {"error":code,"message":…}; 503 and 429 say when to come back. */
void co_reply_error(struct co_api_call *call, unsigned int status, const char *code,
    const char *fmt, ...) OR_PRINTF(4, 5);
/* 405 with the methods that the path takes (RFC 9110 §15.5.6): "GET, HEAD". */
void co_reply_not_allowed(struct co_api_call *call, const char *use, const char *allow);
/* Counts what was answered without the two above. */
void co_reply_count(struct co_api *api, unsigned int status);

/* ---- bodies (body.c) */

/* Reads a whole body of at most max bytes, then calls fn with it, borrowed for the call. A larger
 * one is answered 413, one that does not fit opt.max_pending 503; where the client goes away fn is
 * not called. */
typedef void co_body_fn(struct co_api_call *call, struct or_slice body);
void co_body_read(struct co_api_call *call, size_t max, co_body_fn *fn);

/* ---- records of our own (record.c) */

struct co_record_act {
	const char *action; /* "query", "revoke" */
	const char *resource_type;
	struct or_slice resource_id;
	bool by_agent;   /* the agent that the resource names did it; else the administrator */
	const char *key; /* of one attribute, or NULL */
	struct or_slice value;
};

/* Appends a record of kind admin: who asked (the request's peer) for what. fn may be NULL; what
 * fails then is logged. */
OR_NODISCARD enum or_code co_record_append(struct co_api_call *call,
    const struct co_record_act *act, co_log_fn *fn, void *arg, struct or_err *err);
/* The same for acts that happen whether or not the record can be written. */
void co_record_note(struct co_api_call *call, const struct co_record_act *act);

/* ---- agents' last batches (api_ingest.c) */

struct co_api_seen {
	uint8_t uuid[WIRE_ENROL_UUID_LEN];
	int64_t last_ns;
};

#endif
