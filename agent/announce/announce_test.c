/* SPDX-License-Identifier: Apache-2.0 */
/* Against a collector's end that is played here: what comes is verified as the real one does. The
 * whole with the real collector is tests/scenario/catalogue_test.py. */
#include "agent/announce/announce.h"

#include "base/http_server.h"
#include "base/str.h"
#include "base/sys.h"
#include "proto/cert.h"
#include "proto/frame.h"
#include "proto/root.h"
#include "tests/support/support.h"

#include <stdio.h>

#define DESCRIPTOR "apiVersion: v1.0.0\nkind: DataProduct\nid: orders\nstatus: active\nversion: "
#define COMMIT     "0123456789abcdef0123456789abcdef01234567"

enum { TURNS_MAX = 2000 };

struct world {
	char *dir, *state_dir;
	char descriptor[512];
	struct or_loop *loop;
	struct or_http_server *server;
	struct or_http_client *client;
	struct ag_spool *spool;
	struct ag_record *record;
	struct or_slow *slow;
	struct or_crypto_key *key;
	uint8_t id[WIRE_AUDIT_AGENT_LEN];
	struct or_buf cert;
	bool has_cert;
	unsigned int refuse; /* answer so many requests with this status first */
	unsigned int status;
	unsigned int taken;
	char version[32]; /* of the last document */
	uint64_t last_sent_ns;
	struct ag_announce_opt opt;
	struct ag_announce *a;
};

static void on_document(void *arg, struct or_http_req *req, struct or_slice body)
{
	struct world *w = arg;
	struct or_slice header = or_http_msg_get(or_http_req_msg(req), "Outrider-Frame");
	struct or_arena *a = or_arena_new(0);
	uint8_t root[OR_CRYPTO_HASH_LEN];
	struct dp_document document;
	struct wire_frame frame;
	struct or_buf bytes;
	struct or_err err = {0};

	or_buf_init(&bytes, WIRE_FRAME_MAX);
	ASSERT_CODE(or_str_base64_decode(&bytes, header), OR_OK);
	ASSERT_OK(wire_frame_decode(&frame, or_buf_slice(&bytes), a, &err), &err);
	ASSERT_OK(wire_frame_verify(&frame, w->key, &err), &err);
	ASSERT_SLICE(frame.stream, "outrider.product/orders");
	wire_root_compute(root, &body, 1);
	assert_memory_equal(frame.root.p, root, sizeof(root));
	assert_int_equal(wire_frame_records(&frame), 1);
	assert_true(frame.sent_ns >= w->last_sent_ns);
	w->last_sent_ns = frame.sent_ns;
	ASSERT_OK(dp_document_parse(&document, body, a, &err), &err);
	ASSERT_SLICE(document.source.commit, COMMIT);
	snprintf(
	    w->version, sizeof(w->version), "%.*s", OR_SLICE_FMT(document.folder.product->version));
	w->taken++;
	or_http_req_respond(req, 200, "application/json", OR_SLICE_LIT("{}"));
	or_buf_done(&bytes);
	or_arena_free(a);
}

static void on_request(void *arg, struct or_http_req *req)
{
	struct world *w = arg;

	if (w->refuse) {
		w->refuse--;
		or_http_req_respond(req, w->status, "application/json",
		    OR_SLICE_LIT("{\"error\":\"x\",\"message\":\"not like this\"}"));
		return;
	}
	or_http_req_collect(req, DP_DOCUMENT_MAX, on_document, w);
}

static struct or_slice cert_of(void *arg)
{
	struct world *w = arg;

	return w->has_cert ? or_buf_slice(&w->cert) : OR_SLICE_NONE;
}

static void write_version(struct world *w, const char *version)
{
	char text[256];

	snprintf(text, sizeof(text), DESCRIPTOR "%s\n", version);
	ASSERT_CODE(or_sys_write_file(w->descriptor, or_slice_str(text), 0600, NULL), OR_OK);
}

static void make_cert(struct world *w)
{
	struct or_slice product = OR_SLICE_LIT("orders");
	struct or_buf public;
	struct wire_cert c = {.agent_id = or_slice(w->id, sizeof(w->id)),
	    .products = &product,
	    .n_products = 1,
	    .not_after_ns = INT64_MAX};
	struct or_err err = {0};

	or_buf_init(&public, OR_CRYPTO_ED25519_LEN);
	ASSERT_CODE(or_crypto_key_public(&public, w->key), OR_OK);
	c.public_key = or_buf_slice(&public);
	ASSERT_OK(wire_cert_issue(&w->cert, &c, w->key, &err), &err);
	or_buf_done(&public);
}

static void make_spool(struct world *w)
{
	struct ag_spool_opt spool = {.dir = w->state_dir,
	    .loop = w->loop,
	    .quota_bytes = 8 * OR_MIB,
	    .segment_bytes = OR_MIB,
	    .sync_ns = OR_NS_PER_MS};
	struct ag_record_opt record = {
	    .loop = w->loop, .agent_id = w->id, .product = "orders", .workload = "w"};
	struct or_err err = {0};

	ASSERT_OK(or_slow_new(&w->slow, w->loop, 16, &err), &err);
	spool.slow = w->slow;
	ASSERT_OK(ag_spool_open(&w->spool, &spool, &err), &err);
	record.spool = w->spool;
	ASSERT_OK(ag_record_new(&w->record, &record, &err), &err);
}

static int make_world(void **state)
{
	struct world *w = test_calloc(1, sizeof(*w));
	struct or_http_server_opt http = {
	    .listen = "127.0.0.1:0", .on_request = on_request, .arg = w};

	w->dir = support_tmpdir_new();
	w->state_dir = support_tmpdir_new();
	snprintf(w->descriptor, sizeof(w->descriptor), "%s/dataproduct.yaml", w->dir);
	write_version(w, "1.0.0");
	ASSERT_CODE(or_loop_new(&w->loop, NULL, NULL), OR_OK);
	ASSERT_CODE(or_http_server_new(&w->server, w->loop, &http, NULL), OR_OK);
	w->client = or_http_client_new(w->loop, NULL);
	ASSERT_CODE(or_crypto_key_new(&w->key, OR_CRYPTO_ED25519, NULL), OR_OK);
	memset(w->id, 7, sizeof(w->id));
	or_buf_init(&w->cert, WIRE_CERT_MAX);
	make_cert(w);
	make_spool(w);
	w->has_cert = true;
	w->status = 503;
	w->opt = (struct ag_announce_opt){.descriptor = w->descriptor,
	    .product = "orders",
	    .source = {.commit = OR_SLICE_LIT(COMMIT)},
	    .origin = or_http_server_address(w->server),
	    .client = w->client,
	    .record = w->record,
	    .key = w->key,
	    .cert = cert_of,
	    .arg = w};
	*state = w;
	return 0;
}

static int end_world(void **state)
{
	struct world *w = *state;

	ag_announce_free(w->a);
	ag_record_free(w->record);
	ag_spool_close(w->spool);
	or_slow_free(w->slow);
	or_http_client_free(w->client);
	or_http_server_free(w->server);
	or_crypto_key_free(w->key);
	or_buf_done(&w->cert);
	or_loop_free(w->loop);
	support_tmpdir_remove(w->dir);
	support_tmpdir_remove(w->state_dir);
	test_free(w);
	return 0;
}

static enum ag_announce_state state_of(const struct world *w)
{
	struct ag_announce_info info;

	ag_announce_get_info(&info, w->a);
	return info.state;
}

static void run_until_taken(struct world *w, unsigned int n)
{
	for (int i = 0; i < TURNS_MAX; i++) {
		if (w->taken >= n && state_of(w) == AG_ANNOUNCE_TAKEN)
			return;
		or_loop_turn(w->loop, false);
	}
	fail_msg("%u documents came, not %u", w->taken, n);
}

static void start(struct world *w)
{
	struct or_err err = {0};

	ASSERT_OK(ag_announce_new(&w->a, w->loop, &w->opt, &err), &err);
}

static void announce__sends_the_document_and_records_the_start(void **state)
{
	struct world *w = *state;
	struct ag_spool_info info;

	start(w);
	ag_spool_get_info(&info, w->spool);
	assert_int_equal(info.pending, 1);
	run_until_taken(w, 1);
	assert_string_equal(w->version, "1.0.0");
}

static void announce__sends_again_what_changed(void **state)
{
	struct world *w = *state;

	start(w);
	run_until_taken(w, 1);
	write_version(w, "1.1.0");
	while (w->taken < 2)
		or_loop_turn(w->loop, false);
	assert_string_equal(w->version, "1.1.0");
}

static void announce__keeps_the_last_good_files(void **state)
{
	struct world *w = *state;
	struct ag_announce_info before, after;
	uint8_t sha256[OR_CRYPTO_HASH_LEN];

	start(w);
	run_until_taken(w, 1);
	ag_announce_get_info(&before, w->a);
	memcpy(sha256, before.sha256.p, sizeof(sha256));
	ASSERT_CODE(or_sys_write_file(w->descriptor, OR_SLICE_LIT("kind: x\n"), 0600, NULL), OR_OK);
	write_version(w, "2.0.0");
	while (w->taken < 2)
		or_loop_turn(w->loop, false);
	assert_string_equal(w->version, "2.0.0");
	ag_announce_get_info(&after, w->a);
	assert_memory_not_equal(after.sha256.p, sha256, sizeof(sha256));
}

static void announce__waits_for_a_certificate(void **state)
{
	struct world *w = *state;

	w->has_cert = false;
	start(w);
	for (int i = 0; i < 5; i++)
		or_loop_turn(w->loop, true);
	assert_int_equal(state_of(w), AG_ANNOUNCE_WAITING);
	w->has_cert = true;
	ag_announce_wake(w->a);
	run_until_taken(w, 1);
}

static void announce__tries_again_after_a_failure(void **state)
{
	struct world *w = *state;
	struct ag_announce_info info;

	w->refuse = 1;
	start(w);
	do {
		or_loop_turn(w->loop, false);
		ag_announce_get_info(&info, w->a);
	} while (!info.error->code);
	ASSERT_HAS(info.error->msg, "answered 503: not like this");
	assert_int_equal(info.state, AG_ANNOUNCE_WAITING);
	run_until_taken(w, 1);
	ag_announce_get_info(&info, w->a);
	assert_int_equal(info.error->code, OR_OK);
}

static void announce__says_that_it_was_refused(void **state)
{
	struct world *w = *state;
	struct ag_announce_info info;

	w->refuse = 1;
	w->status = 400;
	start(w);
	do {
		or_loop_turn(w->loop, false);
		ag_announce_get_info(&info, w->a);
	} while (info.state != AG_ANNOUNCE_REFUSED);
	ASSERT_HAS(info.error->msg, "answered 400");
}

static void announce__needs_files_that_are_right(void **state)
{
	struct world *w = *state;
	struct or_err err;

	w->opt.product = "other";
	ASSERT_CODE(ag_announce_new(&w->a, w->loop, &w->opt, &err), OR_INVAL);
	ASSERT_HAS(err.msg, "no longer other");
	assert_null(w->a);
	w->opt.product = "orders";
	w->opt.source.commit = OR_SLICE_LIT("main");
	ASSERT_CODE(ag_announce_new(&w->a, w->loop, &w->opt, &err), OR_INVAL);
	ASSERT_HAS(err.msg, "source.commit");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_world, end_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(announce__sends_the_document_and_records_the_start),
	    TEST(announce__sends_again_what_changed),
	    TEST(announce__keeps_the_last_good_files),
	    TEST(announce__waits_for_a_certificate),
	    TEST(announce__tries_again_after_a_failure),
	    TEST(announce__says_that_it_was_refused),
	    TEST(announce__needs_files_that_are_right),
	};

	return cmocka_run_group_tests_name("agent.announce", tests, NULL, NULL);
}
