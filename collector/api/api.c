/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/api/api.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "collector/api/api_impl.h"
#include "collector/query/query.h"
#include "proto/frame.h"

#include <stdio.h>

enum { SERIES_MAX = 1000 };

/* A frame comes in a field of the head, and a query in the target, each byte as %XX at worst. */
#define HEAD_MAX   (128UL * 1024)
#define TARGET_MAX (16UL * 1024)
_Static_assert(HEAD_MAX > 4 * WIRE_FRAME_MAX / 3 + 16384, "a frame in base64 fits a head");
_Static_assert(TARGET_MAX > 3 * CO_QUERY_TEXT_MAX + 64, "an escaped query fits a target");

struct route {
	const char *method;
	const char *path; /* with a '/' at its end: anything behind it */
	bool admin;
	co_api_fn *fn;
};

static const struct route routes[] = {
    {"GET", "/healthz", false, co_api_health_live},
    {"GET", "/readyz", false, co_api_health_ready},
    {"GET", "/metrics", false, co_api_health_metrics},
    {"GET", "/v1/openapi.json", false, co_api_describe_get},
    {"POST", "/v1/ingest/", false, co_api_ingest_post},
    {"POST", "/v1/enrol", false, co_api_enrol_post},
    {"POST", "/v1/join-tokens", true, co_api_admin_tokens},
    {"GET", "/v1/audit", true, co_api_query_search},
    {"GET", "/v1/audit/", true, co_api_find_record},
    {"GET", "/v1/inputs/", true, co_api_log_inputs},
    {"GET", "/v1/shards", true, co_api_admin_shards},
    {"GET", "/v1/log/", false, co_api_log_get}, /* all but checkpoints: admin, there */
    {"GET", "/v1/alerts", true, co_api_alerts_get},
    {"GET", "/v1/agents", true, co_api_admin_agents},
    {"POST", "/v1/agents/", true, co_api_admin_revoke},
    {"GET", "/v1/logs", true, co_api_telemetry_logs},
    {"GET", "/v1/metrics", true, co_api_telemetry_metrics},
    {"GET", "/v1/spans", true, co_api_telemetry_spans},
    {"GET", "/v1/lineage/", true, co_api_telemetry_lineage},
    {"POST", "/v1/products", false, co_api_product_post},
    {"GET", "/v1/products", true, co_api_product_search},
    {"GET", "/v1/dora", true, co_api_product_dora},
};

const char *co_api_route(size_t i, const char **method)
{
	if (i >= OR_LEN(routes))
		return NULL;
	*method = routes[i].method;
	return routes[i].path;
}

static bool fits_path(const struct route *r, struct or_slice path)
{
	size_t n = strlen(r->path);

	if (r->path[n - 1] == '/')
		return path.n > n && or_str_has_prefix(path, r->path);
	return or_slice_is(path, r->path);
}

static bool fits_method(const struct route *r, struct or_slice method)
{
	return or_slice_is(method, r->method) ||
	       (or_slice_is(method, "HEAD") && strcmp(r->method, "GET") == 0);
}

bool co_api_is_admin(struct co_api_call *call)
{
	struct or_slice given = or_http_msg_get(or_http_req_msg(call->req), "Authorization");
	bool bearer =
	    given.n > 7 && or_str_eq_nocase(or_slice(given.p, 7), OR_SLICE_LIT("Bearer "));

	if (bearer && or_crypto_eq(or_slice_from(given, 7), call->api->opt.admin_token))
		return true;
	co_reply_error(call, 401, "unauthorized",
	    "send the token of the file admin.token in the state directory: "
	    "Authorization: Bearer TOKEN");
	return false;
}

/* The methods of every route with this path. */
static void refuse_method(struct co_api_call *call, struct or_slice path, const char *use)
{
	char allow[64] = "";
	size_t n = 0;

	for (size_t i = 0; i < OR_LEN(routes); i++) {
		const char *m = routes[i].method;

		if (fits_path(&routes[i], path) && n < sizeof(allow))
			n += (size_t)snprintf(allow + n, sizeof(allow) - n, "%s%s%s", n ? ", " : "",
			    m, strcmp(m, "GET") == 0 ? ", HEAD" : "");
	}
	co_reply_not_allowed(call, use, allow);
}

static void on_request(void *arg, struct or_http_req *req)
{
	struct co_api *api = arg;
	struct co_api_call on_stack = {.api = api, .req = req};
	struct co_api_call *call = or_arena_alloc(or_http_req_arena(req), sizeof(*call));
	const struct or_http_msg *msg = or_http_req_msg(req);
	const struct route *other = NULL; /* right path, wrong method */

	if (!call) {
		co_reply_error(&on_stack, 503, "busy", "no memory is left for this request");
		return;
	}
	*call = on_stack;
	for (size_t i = 0; i < OR_LEN(routes); i++) {
		const struct route *r = &routes[i];

		if (!fits_path(r, msg->path))
			continue;
		if (!fits_method(r, msg->method)) {
			other = r;
			continue;
		}
		call->rest = or_slice_from(msg->path, strlen(r->path));
		if (!r->admin || co_api_is_admin(call))
			r->fn(call);
		return;
	}
	if (other)
		refuse_method(call, msg->path, other->method);
	else
		co_reply_error(call, 404, "not_found", "there is nothing at this path");
}

struct co_read *co_api_reader(struct co_api *api, size_t shard, struct or_err *err)
{
	struct co_log *log = co_ingest_log(api->opt.shards[shard].ingest);
	struct co_read **r = &api->readers[shard];

	if (*r)
		co_read_grow(*r, co_log_size(log));
	else if (co_read_open(r, co_log_dir(log), co_log_size(log), err))
		return NULL;
	return *r;
}

const struct co_api_shard *co_api_shard(const struct co_api *api, struct or_slice s, size_t *i)
{
	uint64_t n;

	/* One text for each number. */
	if (or_str_u64(&n, s) || n >= api->opt.n_shards || (s.n > 1 && s.p[0] == '0'))
		return NULL;
	*i = n;
	return &api->opt.shards[n];
}

static void make_metrics(struct co_api *api)
{
	static const char *const classes[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};

	api->metrics = or_metric_registry_new(SERIES_MAX);
	for (size_t i = 0; i < OR_LEN(classes); i++) {
		const struct or_metric_label labels[] = {{"status", classes[i]}, {NULL, NULL}};

		api->m.answers[i] = or_metric_counter_get(api->metrics,
		    "outrider_collector_http_answers_total", "Answers by class of status.", labels);
	}
	api->m.queries = or_metric_counter_get(
	    api->metrics, "outrider_collector_queries_total", "Queries that were run.", NULL);
	api->m.query_seconds =
	    or_metric_histogram_get(api->metrics, "outrider_collector_query_seconds",
		"How long queries took.", NULL, or_metric_seconds, OR_METRIC_N_SECONDS);
	or_metric_watch_loop(api->metrics, api->opt.loop);
}

enum or_code co_api_open(struct co_api **out, const struct co_api_opt *opt, struct or_err *err)
{
	struct co_api *api = or_mem_new(sizeof(*api));
	const struct or_http_server_opt http = {.listen = opt->listen,
	    .max_conns = opt->max_conns,
	    .max_head = HEAD_MAX,
	    .max_target = TARGET_MAX,
	    .eof_is_gone = true, /* a query ends with its client */
	    .on_request = on_request,
	    .arg = api};
	enum or_code rc;

	api->opt = *opt;
	rc = or_http_server_new(&api->server, opt->loop, &http, err);
	if (rc) {
		or_mem_free(api);
		return rc;
	}
	snprintf(api->url, sizeof(api->url), "http://%s", or_http_server_address(api->server));
	api->readers = or_mem_array(opt->n_shards, sizeof(struct co_read *));
	api->parts = or_mem_array(opt->n_shards, sizeof(struct co_parts *));
	for (size_t i = 0; i < opt->n_shards; i++)
		api->parts[i] = co_parts_new(co_log_dir(co_ingest_log(opt->shards[i].ingest)));
	or_map_init(&api->seen, CO_AGENTS_MAX);
	make_metrics(api);
	*out = api;
	return OR_OK;
}

void co_api_set_alert(struct co_api *api, const struct co_alert *alert)
{
	api->alert = alert;
}

const char *co_api_url(const struct co_api *api)
{
	return api->url;
}

void co_api_drain(struct co_api *api, or_loop_fn *done, void *arg)
{
	or_http_server_drain(api->server, done, arg);
}

void co_api_stop(struct co_api *api)
{
	or_http_server_free(api->server);
	api->server = NULL;
}

void co_api_close(struct co_api *api)
{
	struct or_map_entry *e;
	size_t at = 0;

	if (!api)
		return;
	OR_ASSERT(!api->server);
	or_loop_watch(api->opt.loop, NULL, NULL);
	for (size_t i = 0; i < api->opt.n_shards; i++) {
		co_read_close(api->readers[i]);
		co_parts_free(api->parts[i]);
	}
	while ((e = or_map_next(&api->seen, &at)))
		or_mem_free(e->value);
	or_map_done(&api->seen);
	or_metric_registry_free(api->metrics);
	or_mem_free(api->readers);
	or_mem_free(api->parts);
	or_mem_free(api);
}
