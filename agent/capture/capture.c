/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/capture_impl.h"
#include "base/gzip.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/str.h"

#include <stdio.h>

enum { CONNS_MAX = 64, KEEP = 64 * 1024 };

static const struct capture_route routes[] = {
    {"/v1/logs", AG_CAPTURE_LOGS, ag_capture_otlp_take, ag_capture_otlp_refuse, true},
    {"/v1/metrics", AG_CAPTURE_METRICS, ag_capture_otlp_take, ag_capture_otlp_refuse, true},
    {"/v1/traces", AG_CAPTURE_SPANS, ag_capture_otlp_take, ag_capture_otlp_refuse, true},
    {"/api/v1/lineage", AG_CAPTURE_LINEAGE, ag_capture_lineage_take, ag_capture_lineage_refuse,
	false},
    {"/api/v1/lineage/batch", AG_CAPTURE_LINEAGE, ag_capture_lineage_batch,
	ag_capture_lineage_refuse, false},
};

static const char *topic_name(enum ag_capture_topic topic)
{
	return topic == AG_CAPTURE_LINEAGE ? "openlineage"
					   : wire_otlp_topic((enum wire_otlp_kind)topic);
}

/* ---- into the spool */

/* Streams begin with their first record: one that says nothing needs no heartbeats. */
static enum or_code open_stream(struct ag_capture *c, enum ag_capture_topic topic)
{
	char name[AG_SPOOL_NAME_MAX];
	enum or_code rc;

	if (c->streams[topic].is_open)
		return OR_OK;
	snprintf(name, sizeof(name), "%s/%s", topic_name(topic), c->product);
	rc = ag_spool_stream(&c->streams[topic].id, c->spool, name, NULL);
	c->streams[topic].is_open = rc == OR_OK;
	return rc;
}

enum or_code ag_capture_append(
    struct ag_capture *c, enum ag_capture_topic topic, struct or_slice record, uint64_t items)
{
	enum or_code rc = open_stream(c, topic);

	if (rc == OR_OK)
		rc = ag_spool_append(c->spool, c->streams[topic].id, record);
	if (rc == OR_OK) {
		or_metric_add(c->streams[topic].requests, 1);
		or_metric_add(c->streams[topic].items, items);
	}
	return rc;
}

enum or_code ag_capture_put_lineage(struct ag_capture *c, struct or_slice event)
{
	return ag_capture_append(c, AG_CAPTURE_LINEAGE, event, 1);
}

enum or_code ag_capture_put_logs(struct ag_capture *c, struct or_slice request, uint64_t records,
    const struct ag_spool_place *place)
{
	struct capture_stream *s = &c->streams[AG_CAPTURE_LOGS];
	enum or_code rc = open_stream(c, AG_CAPTURE_LOGS);

	if (rc == OR_OK)
		rc = place ? ag_spool_place_append(c->spool, s->id, request, place)
			   : ag_spool_append(c->spool, s->id, request);
	if (rc == OR_OK) {
		or_metric_add(s->requests, 1);
		or_metric_add(s->items, records);
	}
	return rc;
}

struct ag_redact *ag_capture_redact(struct ag_capture *c)
{
	return c->redact;
}

enum or_code ag_capture_put_metrics(struct ag_capture *c, struct or_slice request, uint64_t points)
{
	return ag_capture_append(c, AG_CAPTURE_METRICS, request, points);
}

void ag_capture_refuse(
    struct capture_call *call, struct or_http_req *req, unsigned int status, const char *message)
{
	enum ag_capture_refusal why = status == 413   ? AG_CAPTURE_TOO_LARGE
				      : status == 415 ? AG_CAPTURE_WRONG_TYPE
				      : status == 503 ? AG_CAPTURE_NO_ROOM
						      : AG_CAPTURE_MALFORMED;

	or_metric_add(call->capture->refused[why], 1);
	call->route->refuse(call, req, status, message);
}

void ag_capture_refuse_append(struct capture_call *call, struct or_http_req *req)
{
	ag_capture_refuse(call, req, 503, AG_CAPTURE_NO_ROOM_TEXT);
}

/* ---- bodies */

static void drop_large(struct or_buf *b)
{
	size_t max = b->max;

	if (b->cap <= KEEP)
		return;
	or_buf_done(b);
	or_buf_init(b, max);
}

void ag_capture_rest(struct ag_capture *c)
{
	drop_large(&c->unpacked);
	drop_large(&c->request);
	drop_large(&c->redacted);
}

/* A bucket of a second's worth, that fills as time goes. */
bool ag_capture_admit(struct ag_capture *c)
{
	int64_t now_ns = or_loop_now_ns(c->loop);

	if (!c->rate)
		return true;
	c->left += (double)(now_ns - c->left_ns) * (double)c->rate / (double)OR_NS_PER_S;
	c->left_ns = now_ns;
	if (c->left > (double)c->rate)
		c->left = (double)c->rate;
	if (c->left < 1)
		return false;
	c->left -= 1;
	return true;
}

void ag_capture_set_rate(struct ag_capture *c, uint64_t rate)
{
	c->rate = rate;
	c->left = (double)rate;
	c->left_ns = or_loop_now_ns(c->loop);
}

static void refuse_rate(struct capture_call *call, struct or_http_req *req)
{
	or_metric_add(call->capture->refused[AG_CAPTURE_TOO_MANY], 1);
	call->route->refuse(
	    call, req, call->route->takes_protobuf ? 429 : 503, AG_CAPTURE_RATE_TEXT);
}

static void on_body(void *arg, struct or_http_req *req, struct or_slice body)
{
	struct capture_call *call = arg;
	struct ag_capture *c = call->capture;
	struct or_err err;
	enum or_code rc = OR_OK;

	if (!ag_capture_admit(c)) {
		refuse_rate(call, req);
		return;
	}
	if (call->is_gzip) {
		or_buf_clear(&c->unpacked);
		rc = or_gzip_decode(&c->unpacked, body, &err);
		body = or_buf_slice(&c->unpacked);
	}
	if (rc)
		ag_capture_refuse(call, req, rc == OR_FULL ? 413 : 400, err.msg);
	else
		call->route->take(call, req, body);
	ag_capture_rest(c);
}

static void on_too_large(void *arg, struct or_http_req *req)
{
	ag_capture_refuse(arg, req, 413, "a request may have 1000000 bytes; send less at once");
}

/* The media type without its parameters (RFC 9110 §8.3.1). */
static bool is_type(struct or_slice value, const char *type)
{
	return or_str_eq_nocase(
	    or_str_trim(or_slice(value.p, or_str_find(value, ';', 0))), or_slice_str(type));
}

static void read_request(struct capture_call *call, struct or_http_req *req)
{
	const struct or_http_msg *msg = or_http_req_msg(req);
	struct or_slice type = or_http_msg_get(msg, "Content-Type");
	struct or_slice coding = or_http_msg_get(msg, "Content-Encoding");
	bool is_protobuf = is_type(type, "application/x-protobuf");

	call->is_json = is_type(type, "application/json");
	call->is_gzip = or_str_eq_nocase(coding, OR_SLICE_LIT("gzip"));
	if (!call->is_json && !(is_protobuf && call->route->takes_protobuf)) {
		call->is_json = true;
		ag_capture_refuse(call, req, 415,
		    call->route->takes_protobuf
			? "expected Content-Type application/x-protobuf or application/json"
			: "expected Content-Type application/json");
	} else if (coding.n && !call->is_gzip &&
		   !or_str_eq_nocase(coding, OR_SLICE_LIT("identity"))) {
		ag_capture_refuse(call, req, 415, "expected Content-Encoding gzip or none");
	} else if (msg->has_length && msg->length > AG_CAPTURE_BODY_MAX) {
		on_too_large(call, req);
	} else {
		or_http_req_collect_or(req, AG_CAPTURE_BODY_MAX, on_body, on_too_large, call);
	}
}

static void on_request(void *arg, struct or_http_req *req)
{
	const struct or_http_msg *msg = or_http_req_msg(req);
	struct capture_call *call = or_arena_alloc(or_http_req_arena(req), sizeof(*call));
	static const struct or_http_field allow[] = {{OR_SLICE_LIT("Allow"), OR_SLICE_LIT("POST")},
	    {OR_SLICE_LIT("Content-Type"), OR_SLICE_LIT("text/plain")}};

	for (size_t i = 0; call && i < OR_LEN(routes); i++) {
		if (!or_slice_is(msg->path, routes[i].path))
			continue;
		*call = (struct capture_call){.capture = arg, .route = &routes[i]};
		if (or_slice_is(msg->method, "POST"))
			read_request(call, req);
		else
			or_http_req_respond_with(req, 405, allow, OR_LEN(allow),
			    OR_SLICE_LIT("only POST is taken here\n"));
		return;
	}
	or_http_req_respond(req, 404, "text/plain",
	    OR_SLICE_LIT("here are /v1/logs, /v1/metrics, /v1/traces, /api/v1/lineage and "
			 "/api/v1/lineage/batch\n"));
}

/* ---- beginning and end */

static void make_metrics(struct ag_capture *c, struct or_metric_registry *reg)
{
	static const char *const reasons[AG_CAPTURE_REFUSALS] = {
	    "malformed", "too_large", "content_type", "no_room", "rate"};

	for (int i = 0; i < AG_CAPTURE_TOPICS; i++) {
		const struct or_metric_label labels[] = {
		    {"topic", topic_name((enum ag_capture_topic)i)}, {NULL, NULL}};

		c->streams[i].requests = or_metric_counter_get(reg,
		    "outrider_receiver_requests_total", "Requests that the intake took.", labels);
		c->streams[i].items = or_metric_counter_get(reg, "outrider_receiver_accepted_total",
		    "Log records, data points, spans and lineage events that the intake took.",
		    labels);
	}
	for (int i = 0; i < AG_CAPTURE_REFUSALS; i++) {
		const struct or_metric_label labels[] = {{"reason", reasons[i]}, {NULL, NULL}};

		c->refused[i] = or_metric_counter_get(reg, "outrider_receiver_refused_total",
		    "Requests that the intake refused.", labels);
	}
}

static enum or_code make_redact(
    struct ag_capture *c, const struct ag_capture_opt *opt, struct or_err *err)
{
	struct ag_redact_opt redact = {
	    .kinds = opt->redact, .patterns = opt->redact_patterns, .registry = opt->registry};
	/* Where nothing is to be taken out too: a reload may change that. */
	enum or_code rc = ag_redact_new(&c->redact, &redact, err);

	return rc ? or_err_wrap(err, rc, "redaction") : OR_OK;
}

static enum or_code check_loopback(const char *listen, struct or_err *err)
{
	struct or_slice host;
	uint16_t port;

	if (or_opt_addr(&host, &port, or_slice_str(listen)))
		return or_err_set(err, OR_INVAL, "%s: expected ADDRESS:PORT", listen);
	if (or_str_has_prefix(host, "127.") || or_slice_is(host, "::1") ||
	    or_slice_is(host, "localhost"))
		return OR_OK;
	return or_err_set(err, OR_DENIED,
	    "%s: the intake asks nobody who they are, so it listens on loopback only", listen);
}

enum or_code ag_capture_new(struct ag_capture **out, struct or_loop *loop,
    const struct ag_capture_opt *opt, struct or_err *err)
{
	struct ag_capture *c;
	struct or_http_server_opt server = {
	    .listen = opt->listen, .max_conns = CONNS_MAX, .on_request = on_request};
	enum or_code rc = check_loopback(opt->listen, err);

	if (rc == OR_OK && opt->grpc_listen)
		rc = check_loopback(opt->grpc_listen, err);
	if (rc)
		return rc;
	c = or_mem_new(sizeof(*c));
	c->spool = opt->spool;
	c->loop = loop;
	ag_capture_set_rate(c, opt->rate);
	c->product = or_mem_strdup(opt->product);
	or_buf_init(&c->unpacked, AG_CAPTURE_BODY_MAX);
	or_buf_init(&c->request, AG_CAPTURE_BODY_MAX);
	or_buf_init(&c->redacted, AG_CAPTURE_BODY_MAX);
	make_metrics(c, opt->registry);
	rc = make_redact(c, opt, err);
	server.arg = c;
	if (rc == OR_OK)
		rc = or_http_server_new(&c->server, loop, &server, err);
	if (rc == OR_OK && opt->grpc_listen)
		rc = ag_capture_grpc_open(c, loop, opt->grpc_listen, err);
	if (rc) {
		ag_capture_free(c);
		return rc;
	}
	*out = c;
	return OR_OK;
}

void ag_capture_free(struct ag_capture *c)
{
	if (!c)
		return;
	or_http_server_free(c->server);
	or_grpc_free(c->grpc);
	or_buf_done(&c->unpacked);
	or_buf_done(&c->request);
	or_buf_done(&c->redacted);
	ag_redact_free(c->redact);
	or_mem_free(c->product);
	or_mem_free(c);
}

const char *ag_capture_address(const struct ag_capture *c)
{
	return or_http_server_address(c->server);
}

const char *ag_capture_grpc_address(const struct ag_capture *c)
{
	return c->grpc ? or_grpc_address(c->grpc) : NULL;
}
