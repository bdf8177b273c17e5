/* SPDX-License-Identifier: Apache-2.0 */
#include "base/jsonw.h"
#include "collector/api/api_impl.h"

#include <stdio.h>

enum { BODY_MAX = 64 * 1024, METRICS_MAX = 1024 * 1024 };

void co_api_health_live(struct co_api_call *call)
{
	struct or_buf body;

	or_buf_init(&body, BODY_MAX);
	or_buf_put_str(&body, "{\"status\":\"ok\"}\n");
	co_reply_json(call, 200, &body);
	or_buf_done(&body);
}

void co_api_health_kafka(struct co_api *api, struct co_kafka *const *readers, size_t n)
{
	api->kafka = readers;
	api->n_kafka = n;
}

static void put_reader(struct or_jsonw *w, const struct co_kafka *kafka)
{
	struct co_kafka_info info;

	co_kafka_get_info(&info, kafka);
	or_jsonw_kv_text(w, "topic", info.topic);
	or_jsonw_kv_text(w, "state", or_bus_kafka_state_name(info.state));
	if (info.why.code)
		or_jsonw_kv_text(w, "message", info.why.msg);
	or_jsonw_key(w, "next");
	or_jsonw_array(w);
	for (uint32_t i = 0; i < info.partitions; i++)
		or_jsonw_u64(w, co_kafka_next(kafka, i));
	or_jsonw_end(w);
}

/* That no broker is there does not make the collector unready: HTTP goes on. */
static void put_kafka(struct or_jsonw *w, const struct co_api *api)
{
	if (!api->n_kafka)
		return;
	or_jsonw_key(w, "kafka");
	or_jsonw_object(w);
	put_reader(w, api->kafka[0]);
	or_jsonw_key(w, "telemetry");
	or_jsonw_array(w);
	for (size_t i = 1; i < api->n_kafka; i++) {
		or_jsonw_object(w);
		put_reader(w, api->kafka[i]);
		or_jsonw_end(w);
	}
	or_jsonw_end(w);
	or_jsonw_end(w);
}

/* Ready: every shard takes records. Reading goes on where one does not. */
void co_api_health_ready(struct co_api_call *call)
{
	struct co_api *api = call->api;
	bool ready = true;
	struct or_jsonw w;
	struct or_buf body;

	or_buf_init(&body, BODY_MAX);
	or_jsonw_init(&w, &body, 0);
	or_jsonw_object(&w);
	or_jsonw_key(&w, "shards");
	or_jsonw_array(&w);
	for (size_t i = 0; i < api->opt.n_shards; i++) {
		const struct or_err *trouble =
		    co_log_trouble(co_ingest_log(api->opt.shards[i].ingest));

		or_jsonw_object(&w);
		or_jsonw_kv_u64(&w, "shard", i);
		or_jsonw_kv_bool(&w, "ready", !trouble);
		if (trouble)
			or_jsonw_kv_text(&w, "message", trouble->msg);
		or_jsonw_end(&w);
		ready = ready && !trouble;
	}
	or_jsonw_end(&w);
	put_kafka(&w, api);
	or_jsonw_kv_bool(&w, "ready", ready);
	or_jsonw_end(&w);
	or_buf_put_byte(&body, '\n');
	co_reply_json(call, ready ? 200 : 503, &body);
	or_buf_done(&body);
}

/* What modules count by themselves, put into the registry when somebody looks. */
static void set(
    struct co_api *api, size_t shard, const char *name, const char *help, uint64_t value)
{
	char number[24];
	const struct or_metric_label labels[] = {{"shard", number}, {NULL, NULL}};

	snprintf(number, sizeof(number), "%zu", shard);
	or_metric_counter_get(api->metrics, name, help, labels)->value = value;
}

static void set_gauge(
    struct co_api *api, size_t shard, const char *name, const char *help, double value)
{
	char number[24];
	const struct or_metric_label labels[] = {{"shard", number}, {NULL, NULL}};

	snprintf(number, sizeof(number), "%zu", shard);
	or_metric_set(or_metric_gauge_get(api->metrics, name, help, labels), value);
}

#define NAME(name) "outrider_collector_" name

static void gather_shard(struct co_api *api, size_t i)
{
	struct co_ingest *in = api->opt.shards[i].ingest;
	struct co_ingest_stats s;
	struct co_log_stats l;

	co_ingest_stats(&s, in);
	co_log_stats(&l, co_ingest_log(in));
	set(api, i, NAME("frames_total"), "Frames that were taken.", s.frames);
	set(api, i, NAME("records_total"), "Records that were stored.", s.records);
	set(api, i, NAME("duplicates_total"), "Records that were stored already.", s.duplicates);
	set(api, i, NAME("conflicts_total"), "Records that differ from the one under their number.",
	    s.conflicts);
	set(api, i, NAME("gaps_total"), "Gaps that were recorded.", s.gaps);
	set(api, i, NAME("refused_total"), "Frames that were refused.", s.refused);
	set(api, i, NAME("dead_letters_total"), "Refused frames that were kept.", s.dead_letters);
	set(api, i, NAME("dead_dropped_total"), "Refused frames that the quota had no room for.",
	    s.dead_dropped);
	set(api, i, NAME("commits_total"), "Commits of the log.", l.commits);
	set(api, i, NAME("leaves_total"), "Leaves that were appended.", l.leaves);
	set(api, i, NAME("leaf_bytes_total"), "Bytes of leaves that were appended.", l.bytes);
	set_gauge(api, i, NAME("log_leaves"), "Leaves under the checkpoint.",
	    (double)co_log_size(co_ingest_log(in)));
	set_gauge(api, i, NAME("waiting_bytes"), "Bytes of leaves that wait for a commit.",
	    (double)l.waiting);
	set_gauge(api, i, NAME("last_commit_seconds"), "How long the last commit took.",
	    (double)l.last_ns / (double)OR_NS_PER_S);
	set_gauge(
	    api, i, NAME("streams"), "Streams whose sequence is followed.", (double)s.streams);
	set_gauge(api, i, NAME("shard_ready"), "1 while the shard takes records.",
	    co_log_trouble(co_ingest_log(in)) ? 0 : 1);
}

static void set_topic(
    struct co_api *api, const char *topic, const char *name, const char *help, uint64_t value)
{
	const struct or_metric_label labels[] = {{"topic", topic}, {NULL, NULL}};

	or_metric_counter_get(api->metrics, name, help, labels)->value = value;
}

static void gather_kafka(struct co_api *api, const struct co_kafka *kafka)
{
	struct co_kafka_info k;
	struct or_metric_label labels[] = {{"topic", NULL}, {NULL, NULL}};

	co_kafka_get_info(&k, kafka);
	labels[0].value = k.topic;
	or_metric_set(or_metric_gauge_get(api->metrics, NAME("kafka_up"),
			  "1 while the last exchange with Kafka went well.", labels),
	    k.state == OR_BUS_KAFKA_UP ? 1 : 0);
	set_topic(
	    api, k.topic, NAME("kafka_messages_total"), "Messages that were read.", k.messages);
	set_topic(api, k.topic, NAME("kafka_refused_total"),
	    "Messages that hold nothing that can be kept.", k.refused);
	set_topic(
	    api, k.topic, NAME("kafka_retried_total"), "Messages that had to wait.", k.retried);
	set_topic(api, k.topic, NAME("kafka_misrouted_total"),
	    "Messages in another partition than their product's.", k.misrouted);
}

static void gather_topic(struct co_api *api, const struct co_telemetry *telemetry)
{
	const char *t = co_telemetry_topic(telemetry);
	struct co_telemetry_stats s;

	co_telemetry_stats(&s, telemetry);
	set_topic(api, t, NAME("telemetry_frames_total"), "Telemetry frames taken.", s.frames);
	set_topic(api, t, NAME("telemetry_records_total"), "Telemetry requests and events stored.",
	    s.records);
	set_topic(api, t, NAME("telemetry_bytes_total"), "Bytes of telemetry stored.", s.bytes);
	set_topic(api, t, NAME("telemetry_duplicates_total"),
	    "Telemetry requests and events that were stored already.", s.duplicates);
	set_topic(api, t, NAME("telemetry_missing_total"),
	    "Numbers of telemetry streams that never came.", s.missing);
	set_topic(api, t, NAME("telemetry_refused_total"), "Telemetry frames refused.", s.refused);
	set_topic(api, t, NAME("telemetry_dead_letters_total"),
	    "Refused telemetry frames that were kept.", s.dead_letters);
	set_topic(api, t, NAME("telemetry_dead_dropped_total"),
	    "Refused telemetry frames that the quota had no room for.", s.dead_dropped);
	set_topic(api, t, NAME("telemetry_failed_commits_total"),
	    "Commits of telemetry that failed.", s.failed_commits);
}

static void gather(struct co_api *api)
{
	struct or_http_server_stats http;

	for (size_t i = 0; i < api->opt.n_shards; i++)
		gather_shard(api, i);
	for (size_t i = 0; i < api->n_kafka; i++)
		gather_kafka(api, api->kafka[i]);
	for (size_t i = 0; i < api->opt.n_telemetry; i++)
		gather_topic(api, api->opt.telemetry[i]);
	if (api->alert)
		co_api_alerts_gather(api);
	or_http_server_stats(&http, api->server);
	or_metric_counter_get(api->metrics, NAME("http_refused_total"),
	    "Requests that were no HTTP as it should be.", NULL)
	    ->value = http.refused;
	or_metric_counter_get(
	    api->metrics, NAME("http_timed_out_total"), "Connections that were too slow.", NULL)
	    ->value = http.timed_out;
	or_metric_set(or_metric_gauge_get(api->metrics, NAME("http_connections"),
			  "Connections that are open.", NULL),
	    (double)http.open);
	or_metric_set(
	    or_metric_gauge_get(api->metrics, NAME("queries_running"), "Queries that run.", NULL),
	    (double)api->queries);
	or_metric_set(
	    or_metric_gauge_get(api->metrics, NAME("agents"), "Agents that were enrolled.", NULL),
	    (double)co_enrol_agents(api->opt.enrol)->by_uuid.n);
}

void co_api_health_metrics(struct co_api_call *call)
{
	struct or_buf body;

	gather(call->api);
	or_buf_init(&body, METRICS_MAX);
	if (or_metric_write(&body, call->api->metrics)) {
		co_reply_error(
		    call, 500, "too_large", "there are more metrics than fit the answer");
	} else {
		co_reply_count(call->api, 200);
		or_http_req_respond(call->req, 200, OR_METRIC_CONTENT_TYPE, or_buf_slice(&body));
	}
	or_buf_done(&body);
}
