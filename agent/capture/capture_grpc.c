/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP over gRPC: the same requests and the same way into the spool as over HTTP; only what is said
 * when one is refused differs (OTLP 1.x, "OTLP/gRPC": which codes may be sent again, and when).
 */
#include "agent/capture/capture_impl.h"
#include "agent/grpc_health.h"
#include "proto/pb.h"

enum { CONNS_MAX = 64, STREAMS_MAX = 32, MESSAGES_AT_ONCE = 8, DETAILS_MAX = 512 };

#define SERVICE(name) "opentelemetry.proto.collector." name

/* google.rpc.Status {code, details: [Any {RetryInfo {retry_delay {seconds: 1}}}]}: send it again.
 */
static void put_retry(struct or_buf *b, const char *why)
{
	struct or_buf any;

	or_buf_init(&any, DETAILS_MAX);
	wire_pb_append(&any, 1, OR_SLICE_LIT("type.googleapis.com/google.rpc.RetryInfo"));
	wire_pb_append(&any, 2, OR_SLICE_LIT("\x0a\x02\x08\x01"));
	wire_pb_append_varint(b, 1, OR_GRPC_UNAVAILABLE);
	wire_pb_append(b, 2, or_slice_str(why));
	wire_pb_append(b, 3, or_buf_slice(&any));
	or_buf_done(&any);
}

static void count_refused(struct ag_capture *c, enum or_grpc_code code)
{
	enum ag_capture_refusal why = code == OR_GRPC_RESOURCE_EXHAUSTED ? AG_CAPTURE_TOO_LARGE
				      : code == OR_GRPC_UNAVAILABLE      ? AG_CAPTURE_NO_ROOM
				      : code == OR_GRPC_UNIMPLEMENTED    ? AG_CAPTURE_WRONG_TYPE
									 : AG_CAPTURE_MALFORMED;

	or_metric_add(c->refused[why], 1);
}

/* What base/grpc.c refuses itself. */
static void on_refused(void *arg, enum or_grpc_code code, struct or_buf *details)
{
	count_refused(arg, code);
	if (code == OR_GRPC_UNAVAILABLE)
		put_retry(details, AG_CAPTURE_NO_ROOM_TEXT);
}

static void refuse(
    struct ag_capture *c, struct or_grpc_call *call, enum or_code rc, const char *why)
{
	enum or_grpc_code code = rc == OR_BUSY   ? OR_GRPC_UNAVAILABLE
				 : rc == OR_FULL ? OR_GRPC_RESOURCE_EXHAUSTED
						 : OR_GRPC_INVALID_ARGUMENT;
	struct or_buf details;

	or_buf_init(&details, DETAILS_MAX);
	on_refused(c, code, &details);
	or_grpc_call_fail(call, code, why, or_buf_slice(&details));
	or_buf_done(&details);
}

static void refuse_rate(struct ag_capture *c, struct or_grpc_call *call)
{
	struct or_buf details;

	or_metric_add(c->refused[AG_CAPTURE_TOO_MANY], 1);
	or_buf_init(&details, DETAILS_MAX);
	put_retry(&details, AG_CAPTURE_RATE_TEXT);
	or_grpc_call_fail(call, OR_GRPC_UNAVAILABLE, AG_CAPTURE_RATE_TEXT, or_buf_slice(&details));
	or_buf_done(&details);
}

static void take(struct ag_capture *c, struct or_grpc_call *call, enum ag_capture_topic topic)
{
	struct or_err err;
	enum or_code rc;

	if (!ag_capture_admit(c)) {
		refuse_rate(c, call);
		return;
	}
	rc = ag_capture_otlp_put(c, topic, false, or_grpc_call_message(call), &err);

	if (rc)
		refuse(c, call, rc, err.msg);
	else
		or_grpc_call_reply(call, OR_SLICE_NONE); /* Export*ServiceResponse */
	ag_capture_rest(c);
}

static void take_logs(void *arg, struct or_grpc_call *call)
{
	take(arg, call, AG_CAPTURE_LOGS);
}

static void take_metrics(void *arg, struct or_grpc_call *call)
{
	take(arg, call, AG_CAPTURE_METRICS);
}

static void take_spans(void *arg, struct or_grpc_call *call)
{
	take(arg, call, AG_CAPTURE_SPANS);
}

static void on_health(void *arg, struct or_grpc_call *call)
{
	static const char *const services[] = {SERVICE("logs.v1.LogsService"),
	    SERVICE("metrics.v1.MetricsService"), SERVICE("trace.v1.TraceService"), NULL};

	(void)arg;
	ag_grpc_health_answer(call, services);
}

enum or_code ag_capture_grpc_open(
    struct ag_capture *c, struct or_loop *loop, const char *listen, struct or_err *err)
{
	static const struct or_grpc_method methods[] = {
	    {"/" SERVICE("logs.v1.LogsService") "/Export", take_logs},
	    {"/" SERVICE("metrics.v1.MetricsService") "/Export", take_metrics},
	    {"/" SERVICE("trace.v1.TraceService") "/Export", take_spans},
	    {AG_GRPC_HEALTH_PATH, on_health}};
	const struct or_grpc_opt opt = {.listen = listen,
	    .max_conns = CONNS_MAX,
	    .max_streams = STREAMS_MAX,
	    .max_message = AG_CAPTURE_BODY_MAX,
	    .max_messages = MESSAGES_AT_ONCE * AG_CAPTURE_BODY_MAX,
	    .methods = methods,
	    .n_methods = OR_LEN(methods),
	    .on_refused = on_refused,
	    .arg = c};

	return or_grpc_new(&c->grpc, loop, &opt, err);
}
