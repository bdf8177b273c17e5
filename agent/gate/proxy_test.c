/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole gate in one process: real sockets, tokens, a signed bundle of the example product, a
 * spool on disk, and an app behind it. Records are read back from the spool.
 */
#include "agent/gate/proxy.h"

#include "agent/folder.h"
#include "base/http_client.h"
#include "base/str.h"
#include "base/sys.h"
#include "tests/support/support.h"
#include "tests/support/token.h"

#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ISSUER "https://issuer.example"

struct world {
	char *dir;
	struct or_arena *lasting;
	struct or_loop *loop;
	struct or_slow *slow;
	struct or_crypto_key *key, *signer;
	struct dp_folder folder;
	struct ag_bundle *bundle;
	struct ag_identity *identity;
	struct ag_decide *decide;
	struct ag_spool *spool;
	struct ag_record *record;
	struct ag_proxy *proxy;
	struct or_http_server *app;
	struct or_http_client *client;
	char file[512], public_key[512], spool_dir[512];
	const char *keys[1];

	/* What the app saw. */
	struct or_http_req *held;
	size_t n_app;
	struct or_buf seen; /* "METHOD target|Name=value|…" */
	size_t uploaded;
	size_t records_at_app; /* what was durable when the app got the request */

	/* What the client got. */
	struct or_http_client_call *call;
	unsigned int status;
	struct or_buf body;
	struct or_buf challenge;
	size_t n_answers;
	enum or_code failed;
	uint64_t records_at_answer; /* that the spool had when the last byte came */
};

/* -- set-up -- */

static struct or_slice read_all(struct world *w, const char *path)
{
	struct or_buf b;
	struct or_slice s;
	struct or_err err = {0};

	or_buf_init(&b, OR_MIB);
	ASSERT_OK(or_sys_read_file(&b, path, &err), &err);
	s = or_arena_dup(w->lasting, or_buf_slice(&b));
	or_buf_done(&b);
	return s;
}

static void write_bundle(struct world *w)
{
	struct pol_bundle_policy file = {
	    .name = "orders.cedar", .text = read_all(w, "examples/orders/policy/orders.cedar")};
	int64_t now_ns = (int64_t)time(NULL) * OR_NS_PER_S;
	struct pol_bundle_source src = {.product = "orders",
	    .revision = 7,
	    .not_before_ns = now_ns - 60 * OR_NS_PER_S,
	    .not_after_ns = now_ns + 3600 * OR_NS_PER_S,
	    .schema = read_all(w, "examples/orders/policy/schema.cedarschema"),
	    .policies = &file,
	    .n_policies = 1};
	struct or_buf bytes, id, pem;
	struct or_err err = {0};

	or_buf_init(&bytes, OR_MIB);
	or_buf_init(&id, 64);
	or_buf_init(&pem, 4096);
	ASSERT_CODE(pol_bundle_key_id(&id, w->signer), OR_OK);
	ASSERT_OK(pol_bundle_build(&bytes, &src, w->signer, or_buf_slice(&id), NULL, &err), &err);
	ASSERT_CODE(or_sys_write_file(w->file, or_buf_slice(&bytes), 0600, NULL), OR_OK);
	ASSERT_CODE(or_crypto_key_to_pem(&pem, w->signer, false), OR_OK);
	ASSERT_CODE(or_sys_write_file(w->public_key, or_buf_slice(&pem), 0600, NULL), OR_OK);
	or_buf_done(&bytes);
	or_buf_done(&id);
	or_buf_done(&pem);
}

static void open_identity(struct world *w)
{
	struct ag_identity_issuer issuer = {.issuer = ISSUER, .audience = "orders"};
	struct ag_jwks *set;
	struct or_buf jwks;
	struct or_err err = {0};

	or_buf_init(&jwks, 4096);
	or_buf_put_str(&jwks, "{\"keys\":[");
	support_token_jwk(&jwks, w->key, "k", NULL);
	or_buf_put_str(&jwks, "]}");
	ASSERT_OK(ag_identity_new(&w->identity, &issuer, 1, 16, &err), &err);
	ASSERT_OK(ag_jwks_parse(&set, or_buf_slice(&jwks), &err), &err);
	ag_identity_keys_put(w->identity, 0, set);
	or_buf_done(&jwks);
}

static void open_policy(struct world *w, bool with_bundle)
{
	struct ag_bundle_opt opt = {.product = "orders",
	    .file = w->file,
	    .state_dir = w->dir,
	    .keys = {.items = w->keys, .n = 1}};
	struct ag_decide_opt decide = {.folder = &w->folder, .identity = w->identity};
	struct or_err err = {0};

	write_bundle(w);
	if (!with_bundle)
		ASSERT_CODE(or_sys_unlink(w->file, NULL), OR_OK);
	ASSERT_OK(ag_bundle_new(&w->bundle, w->loop, &opt, &err), &err);
	decide.bundle = w->bundle;
	ASSERT_OK(ag_decide_new(&w->decide, &decide, &err), &err);
}

static void open_spool(struct world *w, uint64_t quota)
{
	static const uint8_t agent_id[WIRE_AUDIT_AGENT_LEN] = {9};
	struct ag_spool_opt opt = {.dir = w->spool_dir,
	    .loop = w->loop,
	    .slow = w->slow,
	    .quota_bytes = quota,
	    .segment_bytes = quota ? quota / 4 : 0};
	struct ag_record_opt record = {.loop = w->loop, .agent_id = agent_id, .product = "orders"};
	struct or_err err = {0};

	ASSERT_OK(ag_spool_open(&w->spool, &opt, &err), &err);
	record.spool = w->spool;
	ASSERT_OK(ag_record_new(&w->record, &record, &err), &err);
}

/* -- the app -- */

static void on_app_body(void *arg, struct or_slice piece)
{
	struct world *w = arg;

	w->uploaded += piece.n;
}

static void on_app_end(void *arg)
{
	struct world *w = arg;
	char text[32];

	snprintf(text, sizeof(text), "%zu bytes", w->uploaded);
	or_http_req_respond(w->held, 201, "text/plain", or_slice_str(text));
	w->held = NULL;
}

static void on_app_close(void *arg, enum or_code why)
{
	struct world *w = arg;

	(void)why;
	w->held = NULL;
}

static const struct or_http_req_ops app_ops = {
    .on_body = on_app_body, .on_end = on_app_end, .on_close = on_app_close};

static void see(struct world *w, const struct or_http_msg *msg)
{
	or_buf_clear(&w->seen);
	or_buf_put_slice(&w->seen, msg->method);
	or_buf_put_byte(&w->seen, ' ');
	or_buf_put_slice(&w->seen, msg->target);
	for (size_t i = 0; i < msg->n_fields; i++)
		or_buf_printf(&w->seen, "|%.*s=%.*s", OR_SLICE_FMT(msg->fields[i].name),
		    OR_SLICE_FMT(msg->fields[i].value));
	or_buf_put_byte(&w->seen, '|');
}

static void answer_big(struct or_http_req *req)
{
	static const char block[1024];
	struct or_http_field hop = {OR_SLICE_LIT("Keep-Alive"), OR_SLICE_LIT("timeout=5")};

	ASSERT_CODE(or_http_req_start(req, 200, &hop, 1, OR_HTTP_REQ_UNKNOWN), OR_OK);
	for (int i = 0; i < 4096; i++)
		or_http_req_write(req, or_slice(block, sizeof(block)));
	or_http_req_finish(req);
}

static void on_app(void *arg, struct or_http_req *req)
{
	struct world *w = arg;
	const struct or_http_msg *msg = or_http_req_msg(req);
	struct ag_spool_info info;

	w->n_app++;
	see(w, msg);
	ag_spool_get_info(&info, w->spool);
	w->records_at_app = info.pending;
	if (or_str_has_suffix(msg->path, "/hold") || !msg->is_bodyless) {
		w->held = req;
		or_http_req_attach(req, &app_ops, w);
		if (!msg->is_bodyless)
			or_http_req_read(req);
	} else if (or_str_has_suffix(msg->path, "/big")) {
		answer_big(req);
	} else if (or_str_has_suffix(msg->path, "/cut")) {
		ASSERT_CODE(or_http_req_start(req, 200, NULL, 0, 100), OR_OK);
		or_http_req_write(req, OR_SLICE_LIT("part"));
		or_http_req_abort(req);
	} else if (or_str_has_suffix(msg->path, "/gone")) {
		or_http_req_abort(req);
	} else {
		or_http_req_respond(req, 200, "text/plain", OR_SLICE_LIT("rows"));
	}
}

static void open_world(struct world *w, bool with_bundle, uint64_t quota)
{
	struct or_http_server_opt app = {.listen = "127.0.0.1:0", .on_request = on_app, .arg = w};
	struct ag_proxy_opt opt = {.listen = "127.0.0.1:0", .head_ns = 200 * OR_NS_PER_MS};
	struct or_err err = {0};

	*w = (struct world){.dir = support_tmpdir_new(), .lasting = or_arena_new(0)};
	or_buf_init(&w->seen, 65536);
	or_buf_init(&w->body, 8 * OR_MIB);
	or_buf_init(&w->challenge, 1024);
	snprintf(w->file, sizeof(w->file), "%s/orders.bundle", w->dir);
	snprintf(w->public_key, sizeof(w->public_key), "%s/key.pub", w->dir);
	snprintf(w->spool_dir, sizeof(w->spool_dir), "%s/spool", w->dir);
	w->keys[0] = w->public_key;
	ASSERT_OK(or_loop_new(&w->loop, NULL, &err), &err);
	ASSERT_OK(or_slow_new(&w->slow, w->loop, 64, &err), &err);
	ASSERT_CODE(or_crypto_key_new(&w->key, OR_CRYPTO_ED25519, NULL), OR_OK);
	ASSERT_CODE(or_crypto_key_new(&w->signer, OR_CRYPTO_ED25519, NULL), OR_OK);
	ASSERT_OK(
	    ag_folder_read(&w->folder, "examples/orders/dataproduct.yaml", w->lasting, &err), &err);
	open_identity(w);
	open_policy(w, with_bundle);
	open_spool(w, quota);
	ASSERT_OK(or_http_server_new(&w->app, w->loop, &app, &err), &err);
	opt.upstream = or_http_server_address(w->app);
	opt.decide = w->decide;
	opt.record = w->record;
	ASSERT_OK(ag_proxy_new(&w->proxy, w->loop, &opt, &err), &err);
	w->client = or_http_client_new(w->loop, NULL);
}

static void close_world(struct world *w)
{
	or_http_client_free(w->client);
	ag_proxy_free(w->proxy);
	or_http_server_free(w->app);
	ag_record_free(w->record);
	ag_spool_close(w->spool);
	ag_decide_free(w->decide);
	ag_bundle_free(w->bundle);
	ag_identity_free(w->identity);
	or_crypto_key_free(w->key);
	or_crypto_key_free(w->signer);
	or_slow_free(w->slow);
	or_loop_free(w->loop);
	or_buf_done(&w->seen);
	or_buf_done(&w->body);
	or_buf_done(&w->challenge);
	or_arena_free(w->lasting);
	support_tmpdir_remove(w->dir);
}

/* -- the client -- */

/* "Bearer <token>" of an analyst with that clearance; exp_in in seconds from now. */
static struct or_slice bearer(struct world *w, const char *sub, int clearance, int exp_in)
{
	char claims[512];
	struct or_buf t;
	struct or_slice s;

	snprintf(claims, sizeof(claims),
	    "{\"iss\":\"" ISSUER "\",\"aud\":\"orders\",\"exp\":%lld,\"sub\":\"%s\","
	    "\"groups\":[\"analysts\"],\"clearance\":%d}",
	    (long long)time(NULL) + exp_in, sub, clearance);
	or_buf_init(&t, 8192);
	support_token_sign(&t, w->key, OR_CRYPTO_EDDSA,
	    OR_SLICE_LIT("{\"alg\":\"EdDSA\",\"kid\":\"k\"}"), or_slice_str(claims));
	s = or_slice_str(or_arena_printf(w->lasting, "Bearer %s", or_buf_text(&t)));
	or_buf_done(&t);
	return s;
}

static void on_answer(void *arg, const struct or_http_client_answer *answer)
{
	struct world *w = arg;

	w->status = answer->status;
	w->failed = answer->err ? answer->err->code : OR_OK;
	w->records_at_answer = ag_spool_next_seq(w->spool, 0) - 1;
	or_buf_clear(&w->body);
	or_buf_put_slice(&w->body, answer->body);
	or_buf_clear(&w->challenge);
	if (answer->msg)
		or_buf_put_slice(&w->challenge, or_http_msg_get(answer->msg, "www-authenticate"));
	w->n_answers++;
	w->call = NULL;
}

static void on_too_late(void *arg)
{
	(void)arg;
	fail_msg("the condition did not come true in time");
}

static void await_answer(struct world *w, size_t n)
{
	struct or_loop_timer *timer =
	    or_loop_timer_start(w->loop, 20 * OR_NS_PER_S, on_too_late, NULL);

	while (w->n_answers < n)
		or_loop_turn(w->loop, false);
	or_loop_timer_cancel(timer);
}

static void send_with(struct world *w, const char *method, const char *target,
    const struct or_http_field *fields, size_t n, struct or_slice body)
{
	struct or_http_client_req req = {.origin = ag_proxy_address(w->proxy),
	    .method = or_slice_str(method),
	    .target = or_slice_str(target),
	    .host = OR_SLICE_LIT("orders.example"),
	    .fields = fields,
	    .n_fields = n,
	    .body = body};
	struct or_err err = {0};

	ASSERT_OK(
	    or_http_client_fetch(&w->call, w->client, &req, 8 * OR_MIB, on_answer, w, &err), &err);
}

static void call(struct world *w, const char *method, const char *target, struct or_slice token)
{
	struct or_http_field field = {OR_SLICE_LIT("Authorization"), token};
	size_t n = w->n_answers;

	send_with(w, method, target, &field, token.p ? 1 : 0, OR_SLICE_NONE);
	await_answer(w, n + 1);
	ASSERT_CODE(w->failed, OR_OK);
}

/* -- the records -- */

static void on_sync(void *arg, enum or_code rc)
{
	ASSERT_CODE(rc, OR_OK);
	*(bool *)arg = true;
}

/* Everything recorded so far, decoded; the number of records is asserted. */
static const struct wire_audit *records(struct world *w, size_t want)
{
	struct ag_spool_batch batch;
	struct wire_audit *list = or_arena_array(w->lasting, 100, sizeof(*list));
	struct or_err err = {0};
	bool synced = false;

	ag_record_sync(w->record, on_sync, &synced);
	while (!synced)
		or_loop_turn(w->loop, false);
	ASSERT_OK(ag_spool_read(&batch, w->spool, 0,
		      &(struct ag_spool_limit){.max_bytes = OR_MIB, .max_records = 100}, w->lasting,
		      &err),
	    &err);
	assert_int_equal(batch.n_records, want);
	for (size_t i = 0; i < batch.n_records; i++)
		ASSERT_OK(
		    wire_audit_decode(&list[i], NULL, batch.records[i], w->lasting, &err), &err);
	return list;
}

/* -- tests -- */

static void proxy__forwards_what_is_allowed_and_records_it_once(void **state)
{
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w, true, 0);
	call(&w, "GET", "/totals?by=month", bearer(&w, "alice", 1, 60));
	assert_int_equal(w.status, 200);
	assert_string_equal(or_buf_text(&w.body), "rows");
	ASSERT_HAS(or_buf_text(&w.seen), "GET /totals?by=month|Host=orders.example|");
	r = records(&w, 1);
	assert_int_equal(r->phase, WIRE_PHASE_COMPLETE);
	assert_int_equal(r->kind, WIRE_KIND_ACCESS);
	assert_int_equal(r->front, WIRE_FRONT_PROXY);
	assert_int_equal(r->decision, WIRE_DECISION_ALLOW);
	ASSERT_SLICE(r->principal.id, ISSUER "#alice");
	ASSERT_SLICE(r->action, "read");
	ASSERT_SLICE(r->resource.id, "orders/totals");
	ASSERT_SLICE(r->policies[0], "analysts-read-within-clearance");
	ASSERT_SLICE(r->request.path, "/totals");
	ASSERT_SLICE(r->request.host, "orders.example");
	assert_int_equal(r->request.status, 200);
	assert_int_equal(r->request.bytes_out, 4);
	assert_true(r->request.duration_ns > 0);
	assert_int_equal(r->bundle_revision, 7);
	close_world(&w);
}

static void proxy__records_before_the_last_byte_of_any_answer(void **state)
{
	static const struct {
		const char *method, *target;
		unsigned int status;
	} cases[] = {
	    {"GET", "/totals", 200},
	    {"GET", "/totals/big", 200}, /* chunked */
	    {"HEAD", "/totals", 200},
	    {"POST", "/totals", 403},
	    {"GET", "/totals/gone", 502},
	    {"GET", "/totals/..%2f", 400},
	};
	struct or_slice token;
	struct world w;

	(void)state;
	open_world(&w, true, 0);
	token = bearer(&w, "alice", 1, 60);
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		call(&w, cases[i].method, cases[i].target, token);
		assert_int_equal(w.status, cases[i].status);
		assert_int_equal(w.records_at_answer, i + 1);
		assert_int_equal(or_slice_is(or_slice_str(cases[i].method), "HEAD"), w.body.n == 0);
	}
	close_world(&w);
}

static void proxy__has_a_strict_decision_on_disk_before_it_forwards(void **state)
{
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w, true, 0);
	call(&w, "GET", "/orders/1", bearer(&w, "alice", 2, 60));
	assert_int_equal(w.status, 200);
	assert_int_equal(w.records_at_app, 1);
	r = records(&w, 2);
	assert_int_equal(r[0].phase, WIRE_PHASE_DECISION);
	assert_int_equal(r[0].request.status, 0);
	assert_int_equal(r[1].phase, WIRE_PHASE_OUTCOME);
	assert_int_equal(r[1].request.status, 200);
	assert_memory_equal(r[0].trace_id.p, r[1].trace_id.p, 16);
	assert_memory_equal(r[0].span_id.p, r[1].span_id.p, 8);
	assert_int_equal(r[1].seq, 2);
	close_world(&w);
}

static void proxy__denies_with_an_id_and_never_asks_the_app(void **state)
{
	char id[64];
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w, true, 0);
	call(&w, "GET", "/orders", bearer(&w, "bob", 1, 60));
	assert_int_equal(w.status, 403);
	assert_int_equal(sscanf(or_buf_text(&w.body),
			     "{\"error\":\"forbidden\",\"decision_id\":\"%20[0-9a-f]\"}", id),
	    1);
	assert_int_equal(strlen(id), WIRE_LEAF_ID_LEN);
	call(&w, "POST", "/totals", bearer(&w, "bob", 1, 60));
	assert_int_equal(w.status, 403);
	call(&w, "BREW", "/totals", bearer(&w, "bob", 1, 60));
	assert_int_equal(w.status, 403);
	call(&w, "GET", "/elsewhere", bearer(&w, "bob", 1, 60));
	assert_int_equal(w.status, 403);
	assert_int_equal(w.n_app, 0);
	r = records(&w, 4);
	assert_int_equal(r[0].decision, WIRE_DECISION_DENY);
	ASSERT_SLICE(r[0].policies[0], "confidential-needs-clearance");
	assert_int_equal(r[0].request.status, 403);
	assert_int_equal(r[0].phase, WIRE_PHASE_COMPLETE);
	ASSERT_SLICE(r[2].reason, "method_unknown");
	ASSERT_SLICE(r[3].reason, "port_unknown");
	close_world(&w);
}

static void proxy__asks_for_a_token_and_keeps_the_reason_to_itself(void **state)
{
	const struct wire_audit *r;
	struct or_http_field two[2];
	struct world w;

	(void)state;
	open_world(&w, true, 0);
	call(&w, "GET", "/totals", OR_SLICE_NONE);
	assert_int_equal(w.status, 401);
	assert_string_equal(or_buf_text(&w.challenge), "Bearer");
	call(&w, "GET", "/totals", OR_SLICE_LIT("Basic YTpi"));
	assert_string_equal(or_buf_text(&w.challenge), "Bearer");
	call(&w, "GET", "/totals", bearer(&w, "alice", 1, -60));
	assert_int_equal(w.status, 401);
	assert_string_equal(or_buf_text(&w.challenge), "Bearer error=\"invalid_token\"");
	assert_null(strstr(or_buf_text(&w.body), "expired"));
	two[0] = (struct or_http_field){OR_SLICE_LIT("Authorization"), bearer(&w, "a", 1, 60)};
	two[1] = two[0];
	send_with(&w, "GET", "/totals", two, 2, OR_SLICE_NONE);
	await_answer(&w, 4);
	assert_int_equal(w.status, 401);
	assert_int_equal(w.n_app, 0);
	/* The same address and reason within a second are one record. */
	r = records(&w, 3);
	assert_int_equal(r[0].kind, WIRE_KIND_IDENTITY);
	ASSERT_SLICE(r[0].reason, "token_missing");
	ASSERT_SLICE(r[1].reason, "token_expired");
	ASSERT_SLICE(r[2].reason, "token_malformed");
	assert_int_equal(r[1].request.status, 401);
	close_world(&w);
}

static void proxy__sends_one_canonical_path_to_policy_and_app(void **state)
{
	static const char *const refused[] = {"/totals/..%2forders", "/totals/..;/orders",
	    "/totals/%00", "/totals/../../x", "/totals%5corders", "/totals?%ff", "/totals?%zz=1"};
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w, true, 0);
	/* Not cleared for /orders: no spelling of it passes as /totals. */
	call(&w, "GET", "/totals/../orders", bearer(&w, "bob", 1, 60));
	assert_int_equal(w.status, 403);
	call(&w, "GET", "//totals/%2e/./a%7Eb?x=%2e%2e/", bearer(&w, "bob", 1, 60));
	assert_int_equal(w.status, 200);
	ASSERT_HAS(or_buf_text(&w.seen), "GET /totals/a~b?x=%2e%2e/|");
	for (size_t i = 0; i < OR_LEN(refused); i++) {
		call(&w, "GET", refused[i], bearer(&w, "bob", 1, 60));
		assert_int_equal(w.status, 400);
	}
	send_with(&w, "GET", "/totals",
	    &(struct or_http_field){OR_SLICE_LIT("X-Outrider-Purpose"), OR_SLICE_LIT("\xff")}, 1,
	    OR_SLICE_NONE);
	await_answer(&w, 2 + OR_LEN(refused) + 1);
	assert_int_equal(w.status, 400);
	assert_int_equal(w.n_app, 1);
	r = records(&w, 2 + 7);
	ASSERT_SLICE(r[0].request.path, "/orders");
	ASSERT_SLICE(r[1].request.path, "/totals/a~b");
	ASSERT_SLICE(r[2].reason, "slash");
	close_world(&w);
}

static void proxy__strips_and_sets_fields(void **state)
{
	const struct or_http_field fields[] = {{OR_SLICE_LIT("Authorization"), OR_SLICE_NONE},
	    {OR_SLICE_LIT("X-Outrider-Principal"), OR_SLICE_LIT("evil")},
	    {OR_SLICE_LIT("x_outrider_principal"), OR_SLICE_LIT("evil")},
	    {OR_SLICE_LIT("X-Forwarded-User"), OR_SLICE_LIT("evil")},
	    {OR_SLICE_LIT("X-Forwarded-For"), OR_SLICE_LIT("evil")},
	    {OR_SLICE_LIT("Connection"), OR_SLICE_LIT("x-hop, keep-alive")},
	    {OR_SLICE_LIT("X-Hop"), OR_SLICE_LIT("evil")},
	    {OR_SLICE_LIT("TE"), OR_SLICE_LIT("evil")},
	    {OR_SLICE_LIT("Accept"), OR_SLICE_LIT("text/csv")},
	    {OR_SLICE_LIT("traceparent"),
		OR_SLICE_LIT("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")},
	    {OR_SLICE_LIT("tracestate"), OR_SLICE_LIT("a=1")}};
	struct or_http_field sent[OR_LEN(fields)];
	const struct wire_audit *r;
	const char *seen;
	struct world w;

	(void)state;
	open_world(&w, true, 0);
	memcpy(sent, fields, sizeof(fields));
	sent[0].value = bearer(&w, "alice", 1, 60);
	send_with(&w, "GET", "/totals/big", sent, OR_LEN(sent), OR_SLICE_NONE);
	await_answer(&w, 1);
	assert_int_equal(w.status, 200);
	assert_int_equal(w.body.n, 4 * OR_MIB);
	seen = or_buf_text(&w.seen);
	assert_null(strstr(seen, "evil"));
	assert_null(strstr(seen, "Bearer"));
	assert_null(strstr(seen, "Connection"));
	ASSERT_HAS(seen, "|Accept=text/csv|");
	ASSERT_HAS(seen, "|X-Forwarded-For=127.0.0.1|");
	ASSERT_HAS(seen, "|X-Forwarded-Host=orders.example|");
	ASSERT_HAS(seen, "|tracestate=a=1|");
	ASSERT_HAS(seen, "|traceparent=00-0af7651916cd43dd8448eb211c80319c-");
	assert_null(strstr(seen, "b7ad6b7169203331"));
	r = records(&w, 1);
	assert_int_equal(r->trace_id.p[0], 0x0a);
	assert_int_equal(r->request.bytes_out, 4 * OR_MIB);
	ASSERT_SLICE(r->attributes[0].key, "parent_span");
	ASSERT_SLICE(r->attributes[0].value, "b7ad6b7169203331");
	close_world(&w);
}

static void proxy__streams_content_to_the_app(void **state)
{
	struct or_http_field fields[2];
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w, true, 0);
	fields[0] = (struct or_http_field){OR_SLICE_LIT("Authorization"), bearer(&w, "own", 1, 60)};
	fields[1] = (struct or_http_field){OR_SLICE_LIT("Expect"), OR_SLICE_LIT("100-continue")};
	/* Writing is for owners: denied without reading the content. */
	send_with(
	    &w, "PUT", "/totals/1", fields, 1, or_slice(or_arena_alloc(w.lasting, OR_MIB), OR_MIB));
	await_answer(&w, 1);
	assert_int_equal(w.status, 403);
	assert_int_equal(w.n_app, 0);
	/* A GET may have content too, and reading is allowed. */
	send_with(&w, "GET", "/totals/1", fields, 2,
	    or_slice(or_arena_alloc(w.lasting, 2 * OR_MIB), 2 * OR_MIB));
	await_answer(&w, 2);
	assert_int_equal(w.status, 201);
	assert_string_equal(or_buf_text(&w.body), "2097152 bytes");
	assert_null(strstr(or_buf_text(&w.seen), "Expect"));
	r = records(&w, 2);
	assert_int_equal(r[1].request.bytes_in, 2 * OR_MIB);
	close_world(&w);
}

static void proxy__answers_for_an_app_that_fails(void **state)
{
	const struct wire_audit *r;
	struct or_slice token;
	struct world w;

	(void)state;
	open_world(&w, true, 0);
	token = bearer(&w, "alice", 1, 60);
	call(&w, "GET", "/totals/gone", token);
	assert_int_equal(w.status, 502);
	call(&w, "GET", "/totals/hold", token);
	assert_int_equal(w.status, 504);
	/* An answer that breaks off is cut, never ended as if it were whole. */
	send_with(&w, "GET", "/totals/cut",
	    &(struct or_http_field){OR_SLICE_LIT("Authorization"), token}, 1, OR_SLICE_NONE);
	await_answer(&w, 3);
	ASSERT_CODE(w.failed, OR_CLOSED);
	or_http_server_free(w.app);
	w.app = NULL;
	call(&w, "GET", "/totals", token);
	assert_int_equal(w.status, 502);
	r = records(&w, 4);
	ASSERT_SLICE(r[0].reason, "upstream_failed");
	assert_int_equal(r[0].decision, WIRE_DECISION_ALLOW);
	assert_int_equal(r[0].request.status, 502);
	ASSERT_SLICE(r[1].reason, "upstream_timeout");
	assert_int_equal(r[1].request.status, 504);
	ASSERT_SLICE(r[2].reason, "upstream_failed");
	assert_int_equal(r[2].request.status, 200);
	close_world(&w);
}

static void proxy__records_a_client_that_goes_away(void **state)
{
	const struct wire_audit *r;
	struct ag_spool_info info;
	struct world w;

	(void)state;
	open_world(&w, true, 0);
	send_with(&w, "GET", "/orders/big",
	    &(struct or_http_field){OR_SLICE_LIT("Authorization"), bearer(&w, "alice", 2, 60)}, 1,
	    OR_SLICE_NONE);
	while (!w.n_app)
		or_loop_turn(w.loop, false);
	or_http_client_cancel(w.call);
	do {
		or_loop_turn(w.loop, false);
		ag_spool_get_info(&info, w.spool);
	} while (ag_spool_next_seq(w.spool, 0) < 3);
	r = records(&w, 2);
	assert_int_equal(r[1].phase, WIRE_PHASE_OUTCOME);
	close_world(&w);
}

static void proxy__is_unavailable_without_a_bundle(void **state)
{
	const struct wire_audit *r;
	struct world w;

	(void)state;
	open_world(&w, false, 0);
	call(&w, "GET", "/totals", bearer(&w, "alice", 2, 60));
	assert_int_equal(w.status, 503);
	assert_int_equal(w.n_app, 0);
	r = records(&w, 1);
	ASSERT_SLICE(r->reason, "no_bundle");
	assert_int_equal(r->decision, WIRE_DECISION_DENY);
	close_world(&w);
}

static void proxy__is_unavailable_without_room_for_records(void **state)
{
	struct or_slice token;
	struct world w;
	unsigned int n = 0;

	(void)state;
	open_world(&w, true, 512 * 1024);
	token = bearer(&w, "alice", 2, 60);
	do {
		call(&w, "GET", "/totals", token);
		assert_true(++n < 10000);
	} while (w.status == 200);
	assert_int_equal(w.status, 503);
	assert_int_equal(w.n_app, n - 1);
	call(&w, "GET", "/orders", token);
	assert_int_equal(w.status, 503);
	assert_int_equal(w.n_app, n - 1);
	close_world(&w);
}

/* Bytes on the wire, for what our own client would not send. */
static void say_raw(struct world *w, const char *text, char *out, size_t n_out)
{
	struct or_net_addr addr;
	size_t n = 0;
	int fd;

	ASSERT_CODE(or_net_parse(&addr, ag_proxy_address(w->proxy), NULL), OR_OK);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, &addr.sa, addr.len), 0);
	assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
	for (;;) {
		ssize_t k = recv(fd, out + n, n_out - 1 - n, MSG_DONTWAIT);

		if (k == 0)
			break;
		n += k > 0 ? (size_t)k : 0;
		or_loop_turn(w->loop, true);
	}
	out[n] = 0;
	close(fd);
}

static void proxy__refuses_and_records_what_does_not_parse(void **state)
{
	const struct wire_audit *r;
	char out[4096];
	struct world w;

	(void)state;
	open_world(&w, true, 0);
	say_raw(&w,
	    "POST /totals HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: "
	    "chunked\r\n"
	    "\r\n0\r\n\r\nGET /orders HTTP/1.1\r\n",
	    out, sizeof(out));
	ASSERT_HAS(out, "HTTP/1.1 400 ");
	assert_int_equal(w.n_app, 0);
	say_raw(&w, "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", out, sizeof(out));
	ASSERT_HAS(out, "HTTP/1.1 400 ");
	r = records(&w, 2);
	ASSERT_SLICE(r[0].reason, "length_and_coding");
	ASSERT_SLICE(r[1].reason, "target");
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(proxy__forwards_what_is_allowed_and_records_it_once),
	    cmocka_unit_test(proxy__records_before_the_last_byte_of_any_answer),
	    cmocka_unit_test(proxy__has_a_strict_decision_on_disk_before_it_forwards),
	    cmocka_unit_test(proxy__denies_with_an_id_and_never_asks_the_app),
	    cmocka_unit_test(proxy__asks_for_a_token_and_keeps_the_reason_to_itself),
	    cmocka_unit_test(proxy__sends_one_canonical_path_to_policy_and_app),
	    cmocka_unit_test(proxy__strips_and_sets_fields),
	    cmocka_unit_test(proxy__streams_content_to_the_app),
	    cmocka_unit_test(proxy__answers_for_an_app_that_fails),
	    cmocka_unit_test(proxy__records_a_client_that_goes_away),
	    cmocka_unit_test(proxy__is_unavailable_without_a_bundle),
	    cmocka_unit_test(proxy__is_unavailable_without_room_for_records),
	    cmocka_unit_test(proxy__refuses_and_records_what_does_not_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
