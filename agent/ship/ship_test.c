/* SPDX-License-Identifier: Apache-2.0 */
/* The shipper against a real HTTP server on loopback that checks every frame as a collector does.
 */
#include "agent/ship/ship.h"

#include "agent/ship/link_http.h"
#include "base/http_server.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "proto/batch.h"
#include "proto/cert.h"
#include "proto/frame.h"
#include "proto/root.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STREAM "outrider.audit/orders"

enum { SCRIPT_MAX = 8, SEEN_MAX = 4096 };

/* An answer of the fake collector: status 0 takes the request and never answers. */
struct step {
	unsigned int status;
	const char *retry_after;
	const char *body;
};

struct fixture {
	char *dir;
	struct or_loop *loop;
	struct or_slow *slow;
	struct or_arena *arena;
	struct or_http_client *client;
	struct ag_link_http *link;
	struct or_http_server *server;
	char address[64];
	struct ag_spool *spool;
	uint16_t stream;
	struct ag_ship *ship;
	struct ag_ship_opt opt;
	int64_t timeout_ns;
	struct or_crypto_key *issuer;
	struct or_crypto_key *key;
	struct or_buf cert;
	bool has_cert;
	struct or_err err;

	/* The collector's side. */
	struct step script[SCRIPT_MAX];
	size_t n_script;
	size_t at_script;
	int requests;
	int heartbeats;
	uint64_t beat_seq;
	int copies[SEEN_MAX]; /* of each record that was taken with 200 */
	size_t most_records;
	uint64_t inputs;
	struct or_slice last_target;
};

/* -- the fake collector -- */

static const char *content(uint64_t seq)
{
	static char text[64];

	snprintf(text, sizeof(text), "record number %llu", (unsigned long long)seq);
	return text;
}

static void check_frame(struct fixture *f, struct or_http_req *req, struct wire_frame *frame)
{
	struct or_arena *a = or_http_req_arena(req);
	struct wire_cert cert;
	struct or_buf b;

	or_buf_init(&b, WIRE_FRAME_MAX);
	ASSERT_CODE(
	    or_str_base64_decode(&b, or_http_msg_get(or_http_req_msg(req), "Outrider-Frame")),
	    OR_OK);
	ASSERT_OK(wire_frame_decode(frame, or_arena_dup(a, or_buf_slice(&b)), a, &f->err), &f->err);
	or_buf_done(&b);
	ASSERT_OK(wire_cert_decode(&cert, frame->cert, a, &f->err), &f->err);
	ASSERT_OK(wire_cert_verify(&cert, f->issuer, or_loop_wall_ns(f->loop), &f->err), &f->err);
	ASSERT_OK(wire_frame_verify(frame, f->key, &f->err), &f->err);
	ASSERT_SLICE(frame->stream, STREAM);
	assert_int_equal(frame->epoch, ag_spool_epoch(f->spool));
}

static void take_batch(struct fixture *f, const struct wire_frame *frame,
    const struct wire_batch *batch, bool is_taken)
{
	uint8_t root[OR_CRYPTO_HASH_LEN];

	wire_root_compute(root, batch->records, batch->n_records);
	assert_memory_equal(root, frame->root.p, sizeof(root));
	assert_int_equal(batch->n_records, wire_frame_records(frame));
	f->inputs += batch->n_inputs;
	if (batch->n_records > f->most_records)
		f->most_records = batch->n_records;
	for (size_t i = 0; i < batch->n_records; i++) {
		uint64_t seq = frame->seq_from + i;

		ASSERT_SLICE(batch->records[i], content(seq));
		if (is_taken)
			f->copies[seq]++;
	}
}

static void on_body(void *arg, struct or_http_req *req, struct or_slice body)
{
	struct fixture *f = arg;
	struct step step = {200, NULL, "{}"};
	struct wire_frame frame;
	struct wire_batch batch;
	struct or_http_field retry = {OR_SLICE_LIT("Retry-After"), OR_SLICE_NONE};

	if (f->at_script < f->n_script)
		step = f->script[f->at_script++];
	f->requests++;
	ASSERT_SLICE(or_http_req_msg(req)->target, "/v1/ingest/outrider.audit");
	check_frame(f, req, &frame);
	ASSERT_OK(wire_batch_decode(&batch, body, or_http_req_arena(req), &f->err), &f->err);
	take_batch(f, &frame, &batch, step.status == 200);
	if (frame.seq_to < frame.seq_from) {
		f->heartbeats++;
		f->beat_seq = frame.seq_to;
	}
	if (step.status == 0)
		return; /* the test's end cuts it */
	retry.value = or_slice_str(step.retry_after);
	or_http_req_respond_with(
	    req, step.status, &retry, step.retry_after ? 1 : 0, or_slice_str(step.body));
}

static void on_request(void *arg, struct or_http_req *req)
{
	or_http_req_collect(req, WIRE_BATCH_MAX, on_body, arg);
}

static void start_server(struct fixture *f, const char *listen)
{
	struct or_http_server_opt opt = {.listen = listen, .on_request = on_request, .arg = f};

	ASSERT_OK(or_http_server_new(&f->server, f->loop, &opt, &f->err), &f->err);
	snprintf(f->address, sizeof(f->address), "%s", or_http_server_address(f->server));
}

static void stop_server(struct fixture *f)
{
	or_http_server_free(f->server);
	f->server = NULL;
}

/* -- the agent's side -- */

static struct or_slice get_cert(void *arg)
{
	struct fixture *f = arg;

	return f->has_cert ? or_buf_slice(&f->cert) : OR_SLICE_NONE;
}

static void make_cert(struct fixture *f)
{
	static const uint8_t agent_id[16] = {1};
	struct or_slice products[] = {OR_SLICE_LIT("orders")};
	struct wire_cert cert = {.agent_id = or_slice(agent_id, 16),
	    .products = products,
	    .n_products = 1,
	    .not_before_ns = 1,
	    .not_after_ns = (uint64_t)INT64_MAX};
	struct or_buf public;

	or_buf_init(&public, 64);
	or_buf_init(&f->cert, WIRE_CERT_MAX);
	ASSERT_OK(or_crypto_key_new(&f->issuer, OR_CRYPTO_ED25519, &f->err), &f->err);
	ASSERT_OK(or_crypto_key_new(&f->key, OR_CRYPTO_ED25519, &f->err), &f->err);
	ASSERT_CODE(or_crypto_key_public(&public, f->key), OR_OK);
	cert.public_key = or_buf_slice(&public);
	ASSERT_OK(wire_cert_issue(&f->cert, &cert, f->issuer, &f->err), &f->err);
	or_buf_done(&public);
	f->has_cert = true;
}

static void open_spool(struct fixture *f)
{
	struct ag_spool_opt opt = {.dir = f->dir,
	    .loop = f->loop,
	    .slow = f->slow,
	    .segment_bytes = 64 * 1024,
	    .quota_bytes = 1 << 20,
	    .sync_ns = OR_NS_PER_MS,
	    .state_ns = OR_NS_PER_MS};

	ASSERT_OK(ag_spool_open(&f->spool, &opt, &f->err), &f->err);
	ASSERT_OK(ag_spool_stream(&f->stream, f->spool, STREAM, &f->err), &f->err);
}

static void start_ship(struct fixture *f)
{
	f->opt.spool = f->spool;
	ag_link_http_free(f->link);
	f->link = ag_link_http_new(f->client, f->address, f->timeout_ns);
	f->opt.link = ag_link_http_get(f->link);
	ASSERT_OK(ag_ship_new(&f->ship, &f->opt, &f->err), &f->err);
}

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	f->dir = support_tmpdir_new();
	f->arena = or_arena_new(0);
	ASSERT_OK(or_loop_new(&f->loop, NULL, &f->err), &f->err);
	ASSERT_OK(or_slow_new(&f->slow, f->loop, 64, &f->err), &f->err);
	f->client = or_http_client_new(f->loop, NULL);
	make_cert(f);
	open_spool(f);
	start_server(f, "127.0.0.1:0");
	f->opt = (struct ag_ship_opt){.loop = f->loop,
	    .key = f->key,
	    .cert = get_cert,
	    .cert_arg = f,
	    .linger_ns = 2 * OR_NS_PER_MS,
	    .heartbeat_ns = 3600 * OR_NS_PER_S,
	    .retry_min_ns = 2 * OR_NS_PER_MS,
	    .retry_max_ns = 20 * OR_NS_PER_MS};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ag_ship_free(f->ship);
	ag_link_http_free(f->link);
	or_http_server_free(f->server);
	or_http_client_free(f->client);
	ag_spool_close(f->spool);
	or_slow_free(f->slow);
	or_loop_free(f->loop);
	or_crypto_key_free(f->key);
	or_crypto_key_free(f->issuer);
	or_buf_done(&f->cert);
	or_arena_free(f->arena);
	support_tmpdir_remove(f->dir);
	test_free(f);
	return 0;
}

static void append_n(struct fixture *f, int n)
{
	for (int i = 0; i < n; i++) {
		uint64_t seq = ag_spool_next_seq(f->spool, f->stream);

		ASSERT_CODE(
		    ag_spool_append(f->spool, f->stream, or_slice_str(content(seq))), OR_OK);
	}
}

static struct ag_ship_info info_of(struct fixture *f)
{
	struct ag_ship_info info;

	ag_ship_get_info(&info, f->ship);
	return info;
}

/* Turns the loop until everything is acknowledged. */
/* What is not is not shipped yet, and would take a request of its own. */
static void run_until_durable(struct fixture *f)
{
	struct ag_spool_info info;

	do {
		or_loop_turn(f->loop, false);
		ag_spool_get_info(&info, f->spool);
	} while (info.unsynced_bytes);
}

static void run_until_shipped(struct fixture *f)
{
	while (info_of(f).pending)
		or_loop_turn(f->loop, false);
}

static void run_until(struct fixture *f, enum ag_ship_state wanted)
{
	while (info_of(f).state != wanted)
		or_loop_turn(f->loop, false);
}

static void assert_taken_once(struct fixture *f, uint64_t n)
{
	for (uint64_t seq = 1; seq <= n; seq++)
		assert_int_equal(f->copies[seq], 1);
	assert_int_equal(f->copies[n + 1], 0);
}

/* -- tests -- */

static void ship__brings_records_in_signed_batches(void **state)
{
	struct fixture *f = *state;

	start_ship(f);
	assert_int_equal(info_of(f).state, AG_SHIP_IDLE);
	ASSERT_CODE(
	    ag_spool_append_inputs(f->spool, f->stream, OR_SLICE_LIT("who and why")), OR_OK);
	append_n(f, 50);
	run_until_shipped(f);
	assert_taken_once(f, 50);
	assert_int_equal(f->inputs, 1);
	assert_int_equal(f->requests, 1); /* they lingered */
	assert_int_equal(info_of(f).state, AG_SHIP_CONNECTED);
	assert_int_equal(info_of(f).records, 50);
	assert_true(info_of(f).last_ok_ns > 0);
	append_n(f, 1);
	run_until_shipped(f);
	assert_taken_once(f, 51);
}

static void ship__keeps_batches_to_their_limit_and_goes_on_at_once(void **state)
{
	struct fixture *f = *state;

	f->opt.batch_records = 30;
	f->opt.linger_ns = 3600 * OR_NS_PER_S; /* a full batch does not wait for it */
	append_n(f, 300);
	start_ship(f);
	run_until_shipped(f);
	assert_taken_once(f, 300);
	assert_int_equal(f->most_records, 30);
	assert_int_equal(f->requests, 10);
}

static void ship__waits_longer_while_the_collector_says_later(void **state)
{
	struct fixture *f = *state;

	f->script[0] = (struct step){503, NULL, "{\"error\":\"busy\",\"message\":\"disk\"}"};
	f->script[1] = (struct step){429, NULL, "not JSON"};
	f->script[2] = (struct step){500, NULL, ""};
	f->n_script = 3;
	start_ship(f);
	append_n(f, 5);
	run_until(f, AG_SHIP_UNREACHABLE);
	assert_string_equal(info_of(f).error, "HTTP 503 busy: disk");
	assert_true(info_of(f).since_ns > 0);
	run_until_shipped(f);
	assert_taken_once(f, 5);
	assert_int_equal(f->requests, 4);
	assert_int_equal(info_of(f).failures, 3);
	assert_int_equal(info_of(f).state, AG_SHIP_CONNECTED);
	assert_string_equal(info_of(f).error, "");
}

static void ship__does_as_retry_after_says_up_to_its_own_limit(void **state)
{
	struct fixture *f = *state;
	int64_t start;

	f->opt.retry_max_ns = 100 * OR_NS_PER_MS;
	f->script[0] = (struct step){503, "3600", ""};
	f->n_script = 1;
	start_ship(f);
	append_n(f, 1);
	run_until(f, AG_SHIP_UNREACHABLE);
	start = or_loop_now_ns(f->loop);
	run_until_shipped(f);
	assert_true(or_loop_now_ns(f->loop) - start >= 100 * OR_NS_PER_MS);
}

static void ship__keeps_what_is_refused_and_tries_it_again(void **state)
{
	struct fixture *f = *state;

	f->opt.retry_max_ns = 3600 * OR_NS_PER_S;
	f->script[0] =
	    (struct step){403, NULL, "{\"error\":\"product\",\"message\":\"not the agent's\"}"};
	f->n_script = 1;
	start_ship(f);
	append_n(f, 3);
	run_until(f, AG_SHIP_REFUSED);
	assert_string_equal(info_of(f).error, "HTTP 403 product: not the agent's");
	assert_int_equal(info_of(f).pending, 3);
	assert_int_equal(info_of(f).refusals, 1);
	append_n(f, 2); /* nothing passes the refused ones */
	run_until_durable(f);
	ag_ship_wake(f->ship);
	run_until_shipped(f);
	assert_taken_once(f, 5);
	assert_int_equal(info_of(f).state, AG_SHIP_CONNECTED);
	assert_int_equal(f->requests, 2);
}

static void ship__spools_while_nobody_listens(void **state)
{
	struct fixture *f = *state;

	stop_server(f);
	start_ship(f);
	append_n(f, 20);
	run_until(f, AG_SHIP_UNREACHABLE);
	while (info_of(f).failures < 3)
		or_loop_turn(f->loop, false);
	assert_true(strlen(info_of(f).error) > 0);
	assert_int_equal(info_of(f).pending, 20);
	start_server(f, f->address);
	run_until_shipped(f);
	assert_taken_once(f, 20);
}

static void ship__gives_up_on_an_answer_that_does_not_come(void **state)
{
	struct fixture *f = *state;

	f->timeout_ns = 20 * OR_NS_PER_MS;
	f->script[0] = (struct step){0};
	f->n_script = 1;
	start_ship(f);
	append_n(f, 2);
	run_until(f, AG_SHIP_UNREACHABLE);
	run_until_shipped(f);
	assert_taken_once(f, 2);
}

static void ship__waits_for_a_certificate(void **state)
{
	struct fixture *f = *state;

	f->has_cert = false;
	start_ship(f);
	append_n(f, 4);
	run_until(f, AG_SHIP_NO_CERT);
	assert_int_equal(f->requests, 0);
	f->has_cert = true;
	ag_ship_wake(f->ship);
	run_until_shipped(f);
	assert_taken_once(f, 4);
}

static void ship__sends_heartbeats_with_the_high_water_mark(void **state)
{
	struct fixture *f = *state;

	f->opt.heartbeat_ns = 10 * OR_NS_PER_MS;
	start_ship(f);
	while (f->heartbeats < 1)
		or_loop_turn(f->loop, false);
	assert_int_equal(f->beat_seq, 0);
	append_n(f, 7);
	run_until_shipped(f);
	f->heartbeats = 0;
	while (f->heartbeats < 2)
		or_loop_turn(f->loop, false);
	assert_int_equal(f->beat_seq, 7);
	assert_taken_once(f, 7);
	while (info_of(f).heartbeats < 3)
		or_loop_turn(f->loop, false);
}

static void restart__repeats_only_what_was_not_acknowledged(void **state)
{
	struct fixture *f = *state;

	start_ship(f);
	append_n(f, 10);
	run_until_shipped(f);
	ag_ship_free(f->ship);
	append_n(f, 5);
	ag_spool_close(f->spool);
	open_spool(f);
	start_ship(f);
	run_until_shipped(f);
	assert_taken_once(f, 15);
}

static void free__cancels_what_is_in_flight(void **state)
{
	struct fixture *f = *state;

	f->script[0] = (struct step){0};
	f->n_script = 1;
	start_ship(f);
	append_n(f, 1);
	while (f->requests == 0)
		or_loop_turn(f->loop, false);
	ag_ship_free(f->ship);
	f->ship = NULL;
	or_loop_turn(f->loop, true);
}

static void on_turn(void *arg, int64_t busy_ns)
{
	(void)busy_ns;
	++*(int *)arg;
}

static void on_over(void *arg)
{
	*(bool *)arg = true;
}

static void run_for(struct fixture *f, int64_t ns)
{
	bool is_over = false;

	or_loop_timer_start(f->loop, ns, on_over, &is_over);
	while (!is_over)
		or_loop_turn(f->loop, false);
}

/* The default times: an idle shipper wakes the process at most twice a second. */
static void idle__hardly_wakes_up(void **state)
{
	struct fixture *f = *state;
	int turns = 0;

	f->opt.heartbeat_ns = f->opt.linger_ns = 0;
	start_ship(f);
	append_n(f, 3);
	run_until_shipped(f);
	run_for(f, 300 * OR_NS_PER_MS); /* the state file, and what was left of the exchange */
	or_loop_watch(f->loop, on_turn, &turns);
	run_for(f, OR_NS_PER_S);
	or_loop_watch(f->loop, NULL, NULL);
	/* One of them is this test's own. */
	assert_in_range(turns, 1, 3);
}

static void metrics__tell_what_was_shipped(void **state)
{
	struct fixture *f = *state;
	struct or_buf b;

	f->opt.metrics = or_metric_registry_new(64);
	start_ship(f);
	append_n(f, 9);
	run_until_shipped(f);
	or_buf_init(&b, 65536);
	ASSERT_CODE(or_metric_write(&b, f->opt.metrics), OR_OK);
	ASSERT_HAS(or_buf_text(&b), "outrider_exporter_sent_audit_records_total 9\n");
	ASSERT_HAS(or_buf_text(&b), "outrider_exporter_queue_size 0\n");
	ASSERT_HAS(or_buf_text(&b), "outrider_exporter_connected 1\n");
	or_buf_done(&b);
	ag_ship_free(f->ship);
	f->ship = NULL;
	or_metric_registry_free(f->opt.metrics);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(ship__brings_records_in_signed_batches),
	    CASE(ship__keeps_batches_to_their_limit_and_goes_on_at_once),
	    CASE(ship__waits_longer_while_the_collector_says_later),
	    CASE(ship__does_as_retry_after_says_up_to_its_own_limit),
	    CASE(ship__keeps_what_is_refused_and_tries_it_again),
	    CASE(ship__spools_while_nobody_listens),
	    CASE(ship__gives_up_on_an_answer_that_does_not_come),
	    CASE(ship__waits_for_a_certificate),
	    CASE(ship__sends_heartbeats_with_the_high_water_mark),
	    CASE(restart__repeats_only_what_was_not_acknowledged),
	    CASE(free__cancels_what_is_in_flight),
	    CASE(idle__hardly_wakes_up),
	    CASE(metrics__tell_what_was_shipped),
	};

	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
