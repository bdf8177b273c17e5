/* SPDX-License-Identifier: Apache-2.0 */
/* The intake over real HTTP on one loop, with a real spool: what is answered, and what is kept. */
#include "agent/capture/capture.h"

#include "base/gzip.h"
#include "base/mem.h"
#include "proto/otlp.h"
#include "tests/support/fetch.h"
#include "tests/support/support.h"

struct rig {
	char *dir;
	struct or_loop *loop;
	struct or_slow *slow;
	struct ag_spool *spool;
	struct or_metric_registry *metrics;
	struct ag_capture *capture;
	struct or_http_client *client;
	struct or_arena *arena;
	struct support_answer answer;
	bool synced;
};

#define JSON  "application/json"
#define PROTO "application/x-protobuf"
#define LOGS                                                                                       \
	"{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":{\"stringValue\":\"hi\"}}]" \
	"}]"                                                                                       \
	"}]}"
#define EVENT                                                                                      \
	"{\"eventTime\":\"2026-11-24T11:18:28Z\",\"producer\":\"p:1\",\"schemaURL\":\"s:1\","      \
	"\"job\":{\"namespace\":\"n\",\"name\":\"j\"}}"

static void start(struct rig *rig, uint64_t quota)
{
	struct ag_spool_opt spool = {.quota_bytes = quota, .segment_bytes = quota ? quota / 4 : 0};
	struct ag_capture_opt opt = {.listen = "127.0.0.1:0", .product = "orders"};
	struct or_err err;

	*rig = (struct rig){.dir = support_tmpdir_new(), .arena = or_arena_new(0)};
	ASSERT_OK(or_loop_new(&rig->loop, NULL, &err), &err);
	ASSERT_OK(or_slow_new(&rig->slow, rig->loop, 64, &err), &err);
	rig->metrics = or_metric_registry_new(64);
	rig->client = or_http_client_new(rig->loop, NULL);
	spool.dir = support_path(rig->dir, "spool");
	spool.loop = rig->loop;
	spool.slow = rig->slow;
	ASSERT_OK(ag_spool_open(&rig->spool, &spool, &err), &err);
	opt.spool = rig->spool;
	opt.registry = rig->metrics;
	ASSERT_OK(ag_capture_new(&rig->capture, rig->loop, &opt, &err), &err);
}

static void stop(struct rig *rig)
{
	support_answer_done(&rig->answer);
	or_http_client_free(rig->client);
	ag_capture_free(rig->capture);
	ag_spool_close(rig->spool);
	or_slow_free(rig->slow);
	or_metric_registry_free(rig->metrics);
	or_loop_free(rig->loop);
	or_arena_free(rig->arena);
	support_tmpdir_remove(rig->dir);
}

static unsigned int call(struct rig *rig, const char *method, const char *path, const char *type,
    const char *coding, struct or_slice body)
{
	struct or_http_field fields[2] = {{OR_SLICE_LIT("Content-Type"), or_slice_str(type)},
	    {OR_SLICE_LIT("Content-Encoding"), or_slice_str(coding)}};
	struct or_http_client_req req = {.origin = ag_capture_address(rig->capture),
	    .method = or_slice_str(method),
	    .target = or_slice_str(path),
	    .fields = fields,
	    .n_fields = coding ? 2 : 1,
	    .body = body};

	support_fetch(&rig->answer, rig->loop, rig->client, &req);
	return rig->answer.status;
}

static unsigned int post(struct rig *rig, const char *path, const char *type, const char *body)
{
	return call(rig, "POST", path, type, NULL, or_slice_str(body));
}

static void on_sync(void *arg, enum or_code rc)
{
	struct rig *rig = arg;

	ASSERT_CODE(rc, OR_OK);
	rig->synced = true;
}

/* What is in the stream of that name; read once. */
static struct ag_spool_batch read_stream(struct rig *rig, const char *name)
{
	struct ag_spool_batch batch;
	struct or_err err;
	uint16_t id;

	ASSERT_OK(ag_spool_stream(&id, rig->spool, name, &err), &err);
	rig->synced = false;
	ag_spool_sync(rig->spool, on_sync, rig);
	while (!rig->synced)
		or_loop_turn(rig->loop, true);
	ASSERT_OK(ag_spool_read(&batch, rig->spool, id,
		      &(struct ag_spool_limit){.max_bytes = OR_MIB, .max_records = 1000},
		      rig->arena, &err),
	    &err);
	ag_spool_read_ack(rig->spool, id, &batch);
	return batch;
}

static void otlp__is_kept_in_protobuf(void **state)
{
	struct ag_spool_batch batch;
	struct rig rig;
	struct or_buf packed;
	uint64_t items;

	(void)state;
	start(&rig, 0);
	assert_int_equal(post(&rig, "/v1/logs", JSON "; charset=utf-8", LOGS), 200);
	assert_string_equal(rig.answer.type, JSON);
	assert_string_equal(or_buf_text(&rig.answer.body), "{}");
	batch = read_stream(&rig, "otlp_logs/orders");
	assert_int_equal(batch.n_records, 1);
	ASSERT_CODE(wire_otlp_check(&items, WIRE_OTLP_LOGS, batch.records[0], NULL), OR_OK);
	assert_int_equal(items, 1);

	/* The same as protobuf, and packed: byte for byte what was sent. */
	assert_int_equal(call(&rig, "POST", "/v1/logs", PROTO, NULL, batch.records[0]), 200);
	assert_string_equal(rig.answer.type, PROTO);
	assert_int_equal(rig.answer.body.n, 0);
	or_buf_init(&packed, 4096);
	ASSERT_CODE(or_gzip_encode(&packed, batch.records[0]), OR_OK);
	assert_int_equal(call(&rig, "POST", "/v1/logs", PROTO, "gzip", or_buf_slice(&packed)), 200);
	or_buf_done(&packed);
	{
		struct or_slice first = batch.records[0];

		batch = read_stream(&rig, "otlp_logs/orders");
		assert_int_equal(batch.n_records, 2);
		assert_true(or_slice_eq(batch.records[0], first));
		assert_true(or_slice_eq(batch.records[1], first));
	}
	/* Nothing in it: a success, and no record. */
	assert_int_equal(post(&rig, "/v1/metrics", JSON, "{}"), 200);
	assert_int_equal(read_stream(&rig, "otlp_metrics/orders").n_records, 0);
	stop(&rig);
}

static void otlp__is_refused_in_its_own_encoding(void **state)
{
	struct rig rig;

	(void)state;
	start(&rig, 0);
	assert_int_equal(post(&rig, "/v1/logs", JSON, "{\"resourceLogs\":7}"), 400);
	assert_string_equal(rig.answer.type, JSON);
	ASSERT_HAS(or_buf_text(&rig.answer.body), "{\"code\":3,\"message\":\"resourceLogs: ");
	assert_int_equal(post(&rig, "/v1/traces", PROTO, "\x08\x01"), 400);
	assert_string_equal(rig.answer.type, PROTO);
	assert_int_equal(rig.answer.body.p[0], 0x08);
	assert_int_equal(rig.answer.body.p[1], 3);
	assert_int_equal(post(&rig, "/v1/logs", "text/plain", LOGS), 415);
	assert_int_equal(call(&rig, "POST", "/v1/logs", JSON, "br", or_slice_str(LOGS)), 415);
	assert_int_equal(call(&rig, "POST", "/v1/logs", JSON, "gzip", or_slice_str(LOGS)), 400);
	assert_int_equal(call(&rig, "GET", "/v1/logs", JSON, NULL, OR_SLICE_NONE), 405);
	assert_int_equal(call(&rig, "OPTIONS", "/v1/logs", JSON, NULL, OR_SLICE_NONE), 405);
	assert_int_equal(post(&rig, "/v1/profiles", JSON, LOGS), 404);
	assert_int_equal(read_stream(&rig, "otlp_logs/orders").n_records, 0);
	stop(&rig);
}

static void otlp__is_bounded_packed_and_unpacked(void **state)
{
	uint8_t *zeros = or_mem_new(AG_CAPTURE_BODY_MAX + 1);
	struct or_buf packed;
	struct rig rig;

	(void)state;
	start(&rig, 0);
	assert_int_equal(
	    call(&rig, "POST", "/v1/logs", PROTO, NULL, or_slice(zeros, AG_CAPTURE_BODY_MAX + 1)),
	    413);
	or_buf_init(&packed, 2 * OR_MIB);
	ASSERT_CODE(or_gzip_encode(&packed, or_slice(zeros, AG_CAPTURE_BODY_MAX + 1)), OR_OK);
	assert_int_equal(call(&rig, "POST", "/v1/logs", PROTO, "gzip", or_buf_slice(&packed)), 413);
	or_buf_done(&packed);
	or_mem_free(zeros);
	stop(&rig);
}

static void full__says_come_back(void **state)
{
	struct rig rig;
	int taken = 0;

	(void)state;
	start(&rig, 64 * OR_KIB);
	while (post(&rig, "/v1/logs", JSON, LOGS) == 200 && taken < 100000)
		taken++;
	assert_int_equal(rig.answer.status, 503);
	ASSERT_HAS(or_buf_text(&rig.answer.body), "\"code\":14");
	assert_int_equal(post(&rig, "/api/v1/lineage", JSON, EVENT), 503);
	assert_int_equal(post(&rig, "/api/v1/lineage/batch", JSON, "[" EVENT "]"), 503);
	/* All that was said to be taken is there, and nothing else. */
	assert_true(taken > 10);
	for (int left = taken; left > 0;) {
		struct ag_spool_batch batch = read_stream(&rig, "otlp_logs/orders");

		assert_true(batch.n_records > 0 && batch.n_records <= (size_t)left);
		left -= (int)batch.n_records;
	}
	assert_int_equal(read_stream(&rig, "otlp_logs/orders").n_records, 0);
	stop(&rig);
}

static void rate__says_too_many(void **state)
{
	struct rig rig;

	(void)state;
	start(&rig, 0);
	ag_capture_set_rate(rig.capture, 1);
	while (post(&rig, "/v1/logs", JSON, LOGS) == 200)
		;
	assert_int_equal(rig.answer.status, 429);
	ASSERT_HAS(or_buf_text(&rig.answer.body), "\"code\":8");
	while (post(&rig, "/api/v1/lineage", JSON, EVENT) == 201)
		;
	assert_int_equal(rig.answer.status, 503);
	ag_capture_set_rate(rig.capture, 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(post(&rig, "/v1/logs", JSON, LOGS), 200);
	stop(&rig);
}

static void lineage__is_kept_as_it_came(void **state)
{
	static const char odd[] = " { \"b\" : 1.50e1 ,\"eventTime\":\"2026-11-24T11:18:28Z\","
				  "\"producer\":\"p:1\",\"schemaURL\":\"s:1\","
				  "\"job\":{\"namespace\":\"n\",\"name\":\"j\"}}\n";
	struct ag_spool_batch batch;
	struct rig rig;

	(void)state;
	start(&rig, 0);
	assert_int_equal(post(&rig, "/api/v1/lineage", JSON, odd), 201);
	assert_int_equal(post(&rig, "/api/v1/lineage", JSON, "{\"producer\":\"p\"}"), 400);
	ASSERT_HAS(or_buf_text(&rig.answer.body), "eventTime: it is required");
	assert_int_equal(
	    post(&rig, "/api/v1/lineage", "application/x-www-form-urlencoded", odd), 415);
	assert_int_equal(post(&rig, "/api/v1/lineage", PROTO, odd), 415);
	batch = read_stream(&rig, "openlineage/orders");
	assert_int_equal(batch.n_records, 1);
	ASSERT_SLICE(batch.records[0], odd);

	assert_int_equal(post(&rig, "/api/v1/lineage/batch", JSON, "[" EVENT "," EVENT "]"), 204);
	assert_int_equal(
	    post(&rig, "/api/v1/lineage/batch", JSON, "[" EVENT ",{}," EVENT "]"), 200);
	ASSERT_HAS(or_buf_text(&rig.answer.body),
	    "\"received\":3,\"successful\":2,\"failed\":1,\"retriable\":0");
	ASSERT_HAS(or_buf_text(&rig.answer.body), "{\"index\":1,\"reason\":\"eventTime");
	assert_int_equal(post(&rig, "/api/v1/lineage/batch", JSON, EVENT), 400);
	batch = read_stream(&rig, "openlineage/orders");
	assert_int_equal(batch.n_records, 4);
	ASSERT_SLICE(batch.records[3], EVENT);
	stop(&rig);
}

static void new__listens_on_loopback_only(void **state)
{
	struct ag_capture_opt opt = {.product = "orders"};
	struct ag_capture *second;
	struct or_err err;
	struct rig rig;

	(void)state;
	start(&rig, 0);
	opt.spool = rig.spool;
	opt.registry = rig.metrics;
	opt.listen = "0.0.0.0:0";
	ASSERT_CODE(ag_capture_new(&second, rig.loop, &opt, &err), OR_DENIED);
	opt.listen = ag_capture_address(rig.capture);
	ASSERT_CODE(ag_capture_new(&second, rig.loop, &opt, &err), OR_BUSY);
	stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(otlp__is_kept_in_protobuf),
	    cmocka_unit_test(otlp__is_refused_in_its_own_encoding),
	    cmocka_unit_test(otlp__is_bounded_packed_and_unpacked),
	    cmocka_unit_test(full__says_come_back),
	    cmocka_unit_test(rate__says_too_many),
	    cmocka_unit_test(lineage__is_kept_as_it_came),
	    cmocka_unit_test(new__listens_on_loopback_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
