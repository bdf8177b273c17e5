/* SPDX-License-Identifier: Apache-2.0 */
/* OTLP over gRPC on one loop, with a real spool: what is answered, and what is kept. */
#include "agent/capture/capture.h"

#include "agent/grpc_health.h"
#include "base/gzip.h"
#include "base/mem.h"
#include "proto/pb.h"
#include "tests/support/h2_dial.h"
#include "tests/support/support.h"

#define SERVICE(name) "/opentelemetry.proto.collector." name "/Export"
#define LOGS          SERVICE("logs.v1.LogsService")
#define METRICS       SERVICE("metrics.v1.MetricsService")
#define SPANS         SERVICE("trace.v1.TraceService")

/* One log record with the body "hi", one gauge with a point, one span. */
static const char one_log[] = "\x0a\x0a\x12\x08\x12\x06\x2a\x04\x0a\x02hi";
static const char one_point[] = "\x0a\x0b\x12\x09\x12\x07\x0a\x01m\x2a\x02\x0a";
static const char one_span[] = "\x0a\x07\x12\x05\x12\x03\x2a\x01s";

#define LOG   or_slice(one_log, sizeof(one_log) - 1)
#define POINT or_slice(one_point, sizeof(one_point)) /* its last byte is the NUL */
#define SPAN  or_slice(one_span, sizeof(one_span) - 1)

struct rig {
	char *dir;
	struct or_loop *loop;
	struct or_slow *slow;
	struct ag_spool *spool;
	struct or_metric_registry *metrics;
	struct ag_capture *capture;
	struct support_dial *d;
	struct or_arena *arena;
	struct support_grpc a;
	bool synced;
};

static void start(struct rig *r, uint64_t quota)
{
	static const char *kinds[] = {"mail"};
	struct ag_spool_opt spool = {.quota_bytes = quota, .segment_bytes = quota ? quota / 4 : 0};
	struct ag_capture_opt opt = {.listen = "127.0.0.1:0",
	    .grpc_listen = "127.0.0.1:0",
	    .product = "orders",
	    .redact = {.items = kinds, .n = 1}};
	struct or_err err;

	*r = (struct rig){.dir = support_tmpdir_new(), .arena = or_arena_new(0)};
	ASSERT_OK(or_loop_new(&r->loop, NULL, &err), &err);
	ASSERT_OK(or_slow_new(&r->slow, r->loop, 64, &err), &err);
	r->metrics = or_metric_registry_new(64);
	spool.dir = support_path(r->dir, "spool");
	spool.loop = r->loop;
	spool.slow = r->slow;
	ASSERT_OK(ag_spool_open(&r->spool, &spool, &err), &err);
	opt.spool = r->spool;
	opt.registry = r->metrics;
	ASSERT_OK(ag_capture_new(&r->capture, r->loop, &opt, &err), &err);
	r->d = support_dial_new(r->loop, ag_capture_grpc_address(r->capture), NULL);
}

static void stop(struct rig *r)
{
	support_dial_free(r->d);
	ag_capture_free(r->capture);
	ag_spool_close(r->spool);
	or_slow_free(r->slow);
	or_metric_registry_free(r->metrics);
	or_loop_free(r->loop);
	or_arena_free(r->arena);
	support_tmpdir_remove(r->dir);
}

static void on_sync(void *arg, enum or_code rc)
{
	struct rig *r = arg;

	ASSERT_CODE(rc, OR_OK);
	r->synced = true;
}

static struct ag_spool_batch read_stream(struct rig *r, const char *name)
{
	struct ag_spool_batch batch;
	struct or_err err;
	uint16_t id;

	ASSERT_OK(ag_spool_stream(&id, r->spool, name, &err), &err);
	r->synced = false;
	ag_spool_sync(r->spool, on_sync, r);
	while (!r->synced)
		or_loop_turn(r->loop, true);
	ASSERT_OK(
	    ag_spool_read(&batch, r->spool, id,
		&(struct ag_spool_limit){.max_bytes = OR_MIB, .max_records = 1000}, r->arena, &err),
	    &err);
	ag_spool_read_ack(r->spool, id, &batch);
	return batch;
}

static int export(struct rig *r, const char *path, struct or_slice message)
{
	support_grpc_call(&r->a, r->d, path, message);
	return r->a.status;
}

static int export_packed(struct rig *r, const char *path, struct or_slice message)
{
	const struct or_http_field gzip = {OR_SLICE_LIT("grpc-encoding"), OR_SLICE_LIT("gzip")};
	struct or_buf packed;
	int32_t id;

	or_buf_init(&packed, 2 * OR_MIB);
	ASSERT_CODE(or_gzip_encode(&packed, message), OR_OK);
	id = support_grpc_ask(r->d, path, or_buf_slice(&packed), true, &gzip, 1);
	support_dial_await(r->d, id);
	support_grpc_read(&r->a, r->d, id);
	or_buf_done(&packed);
	return r->a.status;
}

static void grpc__keeps_each_signal_as_it_came(void **state)
{
	static const char *const streams[] = {
	    "otlp_logs/orders", "otlp_metrics/orders", "otlp_spans/orders"};
	static const char *const paths[] = {LOGS, METRICS, SPANS};
	const struct or_slice messages[] = {LOG, POINT, SPAN};
	struct rig r;

	(void)state;
	start(&r, 0);
	for (size_t i = 0; i < OR_LEN(streams); i++) {
		struct ag_spool_batch batch;

		assert_int_equal(export(&r, paths[i], messages[i]), 0);
		assert_int_equal(
		    r.a.message.n, 0); /* Export*ServiceResponse: all of it was taken */
		assert_int_equal(export_packed(&r, paths[i], messages[i]), 0);
		batch = read_stream(&r, streams[i]);
		assert_int_equal(batch.n_records, 2);
		assert_true(or_slice_eq(batch.records[0], messages[i]));
		assert_true(or_slice_eq(batch.records[1], messages[i]));
	}
	/* nothing in it: a success, and no record */
	assert_int_equal(export(&r, LOGS, OR_SLICE_NONE), 0);
	assert_int_equal(read_stream(&r, streams[0]).n_records, 0);
	stop(&r);
}

static void grpc__takes_out_what_http_takes_out(void **state)
{
	static const char mail[] = "\x0a\x11\x12\x0f\x12\x0d\x2a\x0b\x0a\x09u@x.co me";
	struct ag_spool_batch batch;
	struct rig r;

	(void)state;
	start(&r, 0);
	assert_int_equal(export(&r, LOGS, or_slice(mail, sizeof(mail) - 1)), 0);
	batch = read_stream(&r, "otlp_logs/orders");
	assert_int_equal(batch.n_records, 1);
	assert_null(memmem(batch.records[0].p, batch.records[0].n, "u@x.co", 6));
	stop(&r);
}

static void grpc__refuses_what_is_none(void **state)
{
	uint8_t *zeros = or_mem_new(AG_CAPTURE_BODY_MAX + 1);
	struct rig r;

	(void)state;
	start(&r, 0);
	assert_int_equal(export(&r, SPANS, OR_SLICE_LIT("\x08\x01")), OR_GRPC_INVALID_ARGUMENT);
	assert_int_equal(export(&r, LOGS, OR_SLICE_LIT("\x0a\x7f")), OR_GRPC_INVALID_ARGUMENT);
	assert_int_equal(
	    export(&r, LOGS, or_slice(zeros, AG_CAPTURE_BODY_MAX + 1)), OR_GRPC_RESOURCE_EXHAUSTED);
	/* not to be sent again: no RetryInfo */
	assert_null(strstr(r.a.fields, "grpc-status-details-bin"));
	assert_int_equal(export_packed(&r, LOGS, or_slice(zeros, AG_CAPTURE_BODY_MAX + 1)),
	    OR_GRPC_RESOURCE_EXHAUSTED);
	assert_int_equal(
	    export(&r, SERVICE("profiles.v1.ProfilesService"), LOG), OR_GRPC_UNIMPLEMENTED);
	assert_int_equal(read_stream(&r, "otlp_logs/orders").n_records, 0);
	or_mem_free(zeros);
	stop(&r);
}

static void grpc__says_when_to_come_back(void **state)
{
	struct rig r;
	int taken = 0;

	(void)state;
	start(&r, 64 * OR_KIB);
	/* the client keeps its answers: a new one now and then */
	while (export(&r, LOGS, LOG) == 0 && taken < 100000) {
		if (++taken % 1000 == 0) {
			support_dial_free(r.d);
			r.d = support_dial_new(r.loop, ag_capture_grpc_address(r.capture), NULL);
		}
	}
	assert_int_equal(r.a.status, OR_GRPC_UNAVAILABLE);
	/* google.rpc.Status {code: 14, message, details: [RetryInfo {retry_delay {seconds: 1}}]} */
	ASSERT_HAS(r.a.fields, "grpc-status-details-bin: CA4S");
	assert_true(taken > 10);
	for (int left = taken; left > 0;) {
		struct ag_spool_batch batch = read_stream(&r, "otlp_logs/orders");

		assert_true(batch.n_records > 0 && batch.n_records <= (size_t)left);
		left -= (int)batch.n_records;
	}
	assert_int_equal(read_stream(&r, "otlp_logs/orders").n_records, 0);
	stop(&r);
}

static void grpc__tells_its_health(void **state)
{
	struct rig r;

	(void)state;
	start(&r, 0);
	assert_int_equal(export(&r, AG_GRPC_HEALTH_PATH, OR_SLICE_NONE), 0);
	ASSERT_SLICE(r.a.message, "\x08\x01");
	stop(&r);
}

static void grpc__is_there_only_where_it_is_asked_for(void **state)
{
	struct ag_capture_opt opt = {.listen = "127.0.0.1:0", .product = "orders"};
	struct ag_capture *second;
	struct or_err err;
	struct rig r;

	(void)state;
	start(&r, 0);
	opt.spool = r.spool;
	opt.registry = r.metrics;
	ASSERT_OK(ag_capture_new(&second, r.loop, &opt, &err), &err);
	assert_null(ag_capture_grpc_address(second));
	ag_capture_free(second);
	opt.grpc_listen = "0.0.0.0:0";
	ASSERT_CODE(ag_capture_new(&second, r.loop, &opt, &err), OR_DENIED);
	opt.grpc_listen = ag_capture_grpc_address(r.capture);
	ASSERT_CODE(ag_capture_new(&second, r.loop, &opt, &err), OR_BUSY);
	stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(grpc__keeps_each_signal_as_it_came),
	    cmocka_unit_test(grpc__takes_out_what_http_takes_out),
	    cmocka_unit_test(grpc__refuses_what_is_none),
	    cmocka_unit_test(grpc__says_when_to_come_back),
	    cmocka_unit_test(grpc__tells_its_health),
	    cmocka_unit_test(grpc__is_there_only_where_it_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
