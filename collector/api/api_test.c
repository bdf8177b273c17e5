/* SPDX-License-Identifier: Apache-2.0 */
/* A whole collector on this test's loop, and an agent that talks to it over loopback. */
#include "collector/api/api.h"

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "base/sys.h"
#include "collector/node.h"
#include "proto/batch.h"
#include "proto/frame.h"
#include "tlog/checkpoint.h"
#include "tlog/entries.h"
#include "tlog/tree.h"

#include "tests/support/agent.h"
#include "tests/support/fetch.h"
#include "tests/support/support.h"

#include <fcntl.h>
#include <stdio.h>

enum { RECORDS_MAX = 16 };

struct fixture {
	char *dir;
	struct or_loop *loop;
	struct co_config config;
	struct co_node *node;
	struct or_http_client *client;
	struct support_answer a;
	struct or_arena *arena;
	struct or_buf token; /* the administrator's */
	struct support_agent agent;
	int64_t started_ns;
	struct or_err err;
};

static void open_node(struct fixture *f)
{
	ASSERT_OK(co_node_open(&f->node, f->loop, &f->config, &f->err), &f->err);
}

static void close_node(struct fixture *f)
{
	or_http_client_free(f->client);
	co_node_close(f->node);
	f->client = NULL;
	f->node = NULL;
}

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	or_log_init(&(struct or_log_opt){.fd = 2, .level = OR_LOG_ERROR, .role = "test"});
	f->dir = support_tmpdir_new();
	f->arena = or_arena_new(0);
	or_buf_init(&f->token, 200);
	ASSERT_OK(or_loop_new(&f->loop, NULL, &f->err), &f->err);
	f->client = or_http_client_new(f->loop, NULL);
	f->config = (struct co_config){.state = f->dir,
	    .listen = "127.0.0.1:0",
	    .name = "test",
	    .shards = 2,
	    .cert_life_ns = 86400 * OR_NS_PER_S,
	    .http_connections = 64,
	    .ingest_pending_bytes = 16 << 20,
	    .query_running = 2};
	open_node(f);
	ASSERT_OK(
	    or_sys_read_file(&f->token, support_path(f->dir, "admin.token"), &f->err), &f->err);
	or_buf_cut(&f->token, f->token.n - 1);
	support_agent_init(&f->agent);
	f->started_ns = or_loop_wall_ns(f->loop);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close_node(f);
	or_loop_free(f->loop);
	support_agent_done(&f->agent);
	support_answer_done(&f->a);
	or_arena_free(f->arena);
	or_buf_done(&f->token);
	support_tmpdir_remove(f->dir);
	or_log_done();
	test_free(f);
	return 0;
}

/* ---- requests */

static void call(struct fixture *f, const char *method, const char *path, const char *bearer,
    struct or_slice body, const struct or_http_field *extra)
{
	char authorization[200];
	struct or_http_field fields[2];
	struct or_http_client_req req = {.origin = co_node_url(f->node) + strlen("http://"),
	    .method = or_slice_str(method),
	    .target = or_slice_str(path),
	    .body = body,
	    .fields = fields};

	if (bearer) {
		snprintf(authorization, sizeof(authorization), "Bearer %s", bearer);
		fields[req.n_fields++] = (struct or_http_field){
		    OR_SLICE_LIT("Authorization"), or_slice_str(authorization)};
	}
	if (extra)
		fields[req.n_fields++] = *extra;
	support_fetch(&f->a, f->loop, f->client, &req);
}

/* As the administrator. */
static void get(struct fixture *f, const char *path)
{
	call(f, "GET", path, or_buf_text(&f->token), OR_SLICE_NONE, NULL);
}

static void post(struct fixture *f, const char *path, const char *json)
{
	call(f, "POST", path, or_buf_text(&f->token), or_slice_str(json), NULL);
}

static void assert_answer(struct fixture *f, unsigned int status, const char *text)
{
	if (f->a.status != status)
		fail_msg("%u, not %u: %s", f->a.status, status, or_buf_text(&f->a.body));
	ASSERT_HAS(or_buf_text(&f->a.body), text);
}

static const struct or_json *answer_json(struct fixture *f)
{
	const struct or_json *j;

	ASSERT_OK(or_json_parse(&j, or_buf_slice(&f->a.body), f->arena, &f->err), &f->err);
	return j;
}

/* {"error":code,"message":"…message…"} */
static void assert_error(
    struct fixture *f, unsigned int status, const char *code, const char *message)
{
	const struct or_json *j;

	assert_answer(f, status, "");
	assert_string_equal(f->a.type, "application/json");
	j = answer_json(f);
	ASSERT_SLICE(or_json_get_str(j, "error"), code);
	ASSERT_HAS(or_arena_strdup(f->arena, or_json_get_str(j, "message")), message);
}

/* The lines of an NDJSON answer; returns how many. */
static size_t lines(struct fixture *f, const struct or_json *out[RECORDS_MAX])
{
	struct or_slice rest = or_buf_slice(&f->a.body);
	size_t n = 0;

	assert_answer(f, 200, "");
	assert_string_equal(f->a.type, "application/x-ndjson");
	while (rest.n) {
		size_t end = or_str_find(rest, '\n', 0);

		assert_true(end < rest.n && n < RECORDS_MAX);
		ASSERT_OK(
		    or_json_parse(&out[n++], or_slice(rest.p, end), f->arena, &f->err), &f->err);
		rest = or_slice_from(rest, end + 1);
	}
	return n;
}

static int64_t number(const struct or_json *j, const char *key)
{
	const struct or_json *n = or_json_get_type(j, key, OR_JSON_INT);

	assert_non_null(n);
	return n->i;
}

/* ---- the agent */

/* Asks for a certificate, with a token or (NULL) the certificate it has. */
static void enrol(
    struct fixture *f, struct support_agent *a, const char *token, const char *product)
{
	struct or_buf body;

	or_buf_init(&body, 1 << 20);
	support_agent_enrol(&body, a, token, product);
	call(f, "POST", "/v1/enrol", NULL, or_buf_slice(&body), NULL);
	or_buf_done(&body);
}

static void take_certificate(struct fixture *f)
{
	assert_answer(f, 200, "certificate");
	support_agent_take(&f->agent, or_buf_slice(&f->a.body));
}

static const char *join_token(struct fixture *f)
{
	post(f, "/v1/join-tokens", "{\"products\":[\"orders\"],\"ttl\":\"10m\"}");
	assert_answer(f, 200, "expires");
	return or_arena_strdup(f->arena, or_json_get_str(answer_json(f), "token"));
}

static void enrol_for_orders(struct fixture *f)
{
	enrol(f, &f->agent, join_token(f), "orders");
	take_certificate(f);
}

static void ship_to(
    struct fixture *f, const char *path, size_t n, const struct support_shipment *shipment)
{
	struct or_http_field field = {OR_SLICE_LIT("Outrider-Frame"), OR_SLICE_NONE};
	struct support_shipment s = *shipment;
	struct or_buf batch, frame;

	s.now_ns = f->started_ns; /* the same records when they come again */
	or_buf_init(&batch, WIRE_BATCH_MAX);
	or_buf_init(&frame, 2 * WIRE_FRAME_MAX);
	support_agent_ship(&batch, &frame, &f->agent, n, &s);
	field.value = or_buf_slice(&frame);
	call(f, "POST", path, NULL, or_buf_slice(&batch), &field);
	or_buf_done(&batch);
	or_buf_done(&frame);
}

static void ship(struct fixture *f, size_t n, const struct support_shipment *s)
{
	ship_to(f, "/v1/ingest/outrider.audit", n, s);
}

static const struct support_shipment orders = {
    .stream = "outrider.audit/orders", .product = "orders"};

static void ship_orders(struct fixture *f, size_t n)
{
	ship(f, n, &orders);
	assert_answer(f, 200, "");
	assert_int_equal(number(answer_json(f), "stored"), n);
}

/* ---- tests */

static void health__is_open_to_all(void **state)
{
	struct fixture *f = *state;

	call(f, "GET", "/healthz", NULL, OR_SLICE_NONE, NULL);
	assert_answer(f, 200, "\"ok\"");
	call(f, "GET", "/readyz", NULL, OR_SLICE_NONE, NULL);
	assert_answer(f, 200, "\"ready\":true");
	enrol_for_orders(f);
	ship_orders(f, 3);
	call(f, "GET", "/metrics", NULL, OR_SLICE_NONE, NULL);
	assert_answer(f, 200, "# TYPE outrider_collector_records_total counter");
	ASSERT_HAS(or_buf_text(&f->a.body), "outrider_collector_shard_ready{shard=\"1\"} 1");
	ASSERT_HAS(or_buf_text(&f->a.body), "outrider_loop_lag_seconds_bucket");
}

static void admin__takes_the_token_and_nothing_else(void **state)
{
	static const char *const paths[] = {"/v1/audit", "/v1/audit/0123", "/v1/inputs/00",
	    "/v1/shards", "/v1/agents", "/v1/log/0/tile/0/000"};
	struct fixture *f = *state;

	for (size_t i = 0; i < OR_LEN(paths); i++) {
		call(f, "GET", paths[i], NULL, OR_SLICE_NONE, NULL);
		assert_error(f, 401, "unauthorized", "Authorization: Bearer TOKEN");
		call(f, "GET", paths[i], "wrong", OR_SLICE_NONE, NULL);
		assert_error(f, 401, "unauthorized", "admin.token");
	}
	call(f, "POST", "/v1/join-tokens", NULL, OR_SLICE_LIT("{}"), NULL);
	assert_error(f, 401, "unauthorized", "admin.token");
	call(f, "POST", "/v1/agents/x/revoke", "", OR_SLICE_NONE, NULL);
	assert_error(f, 401, "unauthorized", "admin.token");
}

static void paths__that_are_unknown_or_take_another_method(void **state)
{
	struct fixture *f = *state;

	get(f, "/v2");
	assert_error(f, 404, "not_found", "nothing at this path");
	get(f, "/v1/ingest/outrider.audit");
	assert_error(f, 405, "method_not_allowed", "use POST here");
	post(f, "/v1/shards", "{}");
	assert_error(f, 405, "method_not_allowed", "use GET here");
	get(f, "/v1/log/2/checkpoint");
	assert_error(f, 404, "not_found", "no such shard");
	get(f, "/v1/log/00/checkpoint");
	assert_error(f, 404, "not_found", "no such shard");
	get(f, "/v1/log/0/tile/1/1000");
	assert_error(f, 404, "not_found", "use checkpoint, tile/L/N");
	get(f, "/v1/log/0/tile/0/000");
	assert_error(f, 404, "not_found", "does not reach there yet");
	get(f, "/v1/audit/xyz");
	assert_error(f, 400, "invalid", "name a record by its id");
	get(f, "/v1/audit/0123456789abcdef0123");
	assert_error(f, 404, "not_found", "no record has this id");
	get(f, "/v1/audit/0123456789abcdef0123456789abcdef");
	assert_error(f, 404, "not_found", "no record has this trace id");
	get(f, "/v1/inputs/00");
	assert_error(f, 400, "invalid", "SHA-256 in hex");
}

static void join_tokens__are_checked(void **state)
{
	struct fixture *f = *state;

	post(f, "/v1/join-tokens", "{");
	assert_error(f, 400, "invalid", "the body is not JSON");
	post(f, "/v1/join-tokens", "{}");
	assert_error(f, 400, "invalid", "send an object like");
	post(f, "/v1/join-tokens", "{\"products\":[]}");
	assert_error(f, 400, "invalid", "name at least one");
	post(f, "/v1/join-tokens", "{\"products\":[\"*\"]}");
	assert_error(f, 400, "invalid", "number 1 is not a name");
	post(f, "/v1/join-tokens", "{\"products\":[\"a\"],\"ttl\":\"x\"}");
	assert_error(f, 400, "invalid", "ttl is not a duration");
	post(f, "/v1/join-tokens", "{\"products\":[\"a\"],\"ttl\":\"1s\"}");
	assert_error(f, 400, "invalid", "ttl is not from 10s to 7d");
}

static void enrol__is_refused_with_a_reason(void **state)
{
	struct fixture *f = *state;
	struct support_agent other;
	const char *token = join_token(f);

	support_agent_init(&other);
	enrol(f, &f->agent, "nonsense", "orders");
	assert_error(f, 403, "token_unknown", "ask for a new one");
	enrol(f, &f->agent, token, "customers");
	assert_error(f, 403, "product_not_allowed", "\"customers\"");
	enrol(f, &f->agent, token, "orders");
	take_certificate(f);
	enrol(f, &other, token, "orders");
	assert_error(f, 403, "token_used", "another agent");
	enrol(f, &f->agent, NULL, "orders"); /* a renewal */
	take_certificate(f);
	post(f, "/v1/enrol", "[]");
	assert_error(f, 400, "invalid", "send an object with join_token or certificate");
	post(f, "/v1/enrol", "{\"products\":[\"a\"],\"public_key\":\"?\"}");
	assert_error(f, 400, "invalid", "public_key is not base64 of 32 bytes");
	support_agent_done(&other);
}

static void ingest__stores_once_and_says_so(void **state)
{
	struct fixture *f = *state;
	struct support_shipment again = orders;

	enrol_for_orders(f);
	ship_orders(f, 5);
	again.again = true;
	ship(f, 5, &again);
	assert_answer(f, 200, "\"stored\":0,\"duplicates\":5");
	ship_orders(f, 1);
}

static void ingest__refuses_what_is_not_right(void **state)
{
	struct fixture *f = *state;
	struct or_http_field field = {OR_SLICE_LIT("Outrider-Frame"), OR_SLICE_LIT("!")};
	struct support_shipment s = orders;

	enrol_for_orders(f);
	ship_to(f, "/v1/ingest/outrider.nothing", 1, &s);
	assert_error(f, 404, "unknown_topic", "\"outrider.nothing\" is not taken here");
	s.flip = true;
	ship(f, 1, &s);
	assert_answer(f, 403, "\"error\":\"signature\"");
	s = orders;
	s.stream = "outrider.audit/customers";
	s.product = "customers";
	ship(f, 1, &s);
	assert_answer(f, 403, "\"error\":\"product\"");
	call(f, "POST", "/v1/ingest/outrider.audit", NULL, OR_SLICE_LIT("x"), NULL);
	assert_error(f, 400, "frame", "Outrider-Frame, the frame in base64, is missing");
	call(f, "POST", "/v1/ingest/outrider.audit", NULL, OR_SLICE_LIT("x"), &field);
	assert_error(f, 400, "frame", "not base64");
	field.value = OR_SLICE_LIT("AAAA");
	call(f, "POST", "/v1/ingest/outrider.audit", NULL, OR_SLICE_LIT("x"), &field);
	assert_answer(f, 400, "\"error\":\"frame\"");
	get(f, "/v1/audit?q=kind%3Daccess%20%7C%20count");
	assert_answer(f, 200, "\"matched\":0");
}

static void ingest__bounds_the_body(void **state)
{
	struct fixture *f = *state;
	struct or_http_field field = {OR_SLICE_LIT("Outrider-Frame"), OR_SLICE_LIT("AAAA")};
	size_t n = WIRE_BATCH_MAX + 1;
	uint8_t *body = test_calloc(1, n);

	call(f, "POST", "/v1/ingest/outrider.audit", NULL, or_slice(body, n), &field);
	assert_error(f, 413, "too_large", "more than 8388608 bytes");
	test_free(body);
}

static void ingest__believes_the_frame_before_it_reads_much(void **state)
{
	struct fixture *f = *state;
	struct or_http_field field = {OR_SLICE_LIT("Outrider-Frame"), OR_SLICE_LIT("AAAA")};
	struct support_shipment s = orders;
	size_t n = 64UL * 1024 + 1;
	uint8_t *body = test_calloc(1, n);

	enrol_for_orders(f);
	call(f, "POST", "/v1/ingest/outrider.audit", NULL, or_slice(body, n), &field);
	assert_answer(f, 400, "\"error\":\"frame\"");
	memset(body, ' ', n);
	s.inputs = or_slice(body, 60000); /* with the records more than is read unverified */
	s.flip = true;
	ship(f, 200, &s);
	assert_answer(f, 403, "\"error\":\"signature\"");
	s.flip = false;
	ship(f, 200, &s);
	assert_answer(f, 200, "\"stored\":200,\"duplicates\":0");
	test_free(body);
}

static void ingest__bounds_what_is_received_at_once(void **state)
{
	struct fixture *f = *state;

	enrol_for_orders(f);
	close_node(f);
	f->config.ingest_pending_bytes = 100;
	f->client = or_http_client_new(f->loop, NULL);
	open_node(f);
	ship(f, 5, &orders);
	assert_error(f, 503, "busy", "too much is being received at once");
	post(f, "/v1/join-tokens", "{}"); /* what is small still goes */
	assert_error(f, 400, "invalid", "send an object like");
}

static void revoke__ends_ingest(void **state)
{
	struct fixture *f = *state;
	char path[100];

	enrol_for_orders(f);
	ship_orders(f, 1);
	get(f, "/v1/agents");
	assert_answer(f, 200, f->agent.id);
	ASSERT_HAS(or_buf_text(&f->a.body), "\"last_batch\":\"2");
	assert_null(strstr(or_buf_text(&f->a.body), "\"revoked\""));
	snprintf(path, sizeof(path), "/v1/agents/%s/revoke", f->agent.id);
	post(f, path, "");
	assert_answer(f, 200, "\"revoked\":\"2");
	ship(f, 1, &orders);
	assert_answer(f, 403, "revoked");
	enrol(f, &f->agent, NULL, "orders");
	assert_error(f, 403, "agent_refused", "this agent is revoked");
	post(f, "/v1/agents/00000000-0000-4000-8000-000000000000/revoke", "");
	assert_error(f, 404, "not_found", "no agent with this id");
	post(f, "/v1/agents/x/revoke", "");
	assert_error(f, 400, "invalid", "not a UUID");
	post(f, "/v1/agents/x", "");
	assert_error(f, 404, "not_found", "use /v1/agents/ID/revoke");
}

static void query__gives_records_newest_first_and_a_summary(void **state)
{
	struct fixture *f = *state;
	const struct or_json *l[RECORDS_MAX], *summary, *record;

	enrol_for_orders(f);
	ship_orders(f, 6);
	get(f, "/v1/audit?q=kind%3Daccess%20decision%3Ddeny%20since%3D1h%20%7C%20limit%202");
	assert_int_equal(lines(f, l), 3);
	record = or_json_get(l[0], "record");
	assert_int_equal(number(record, "seq"), 6);
	ASSERT_SLICE(or_json_get_str(record, "decision"), "deny");
	ASSERT_SLICE(or_json_get_str(record, "principal"), "User::\"alice\"");
	assert_int_equal(number(or_json_get(l[1], "record"), "seq"), 4);
	summary = or_json_get(l[2], "summary");
	assert_int_equal(number(summary, "matched"), 3);
	assert_int_equal(number(summary, "shown"), 2);
	assert_true(or_json_get(summary, "truncated")->b);
	assert_true(number(summary, "took_ms") >= 0);
}

static void query__counts_groups_and_picks_fields(void **state)
{
	struct fixture *f = *state;
	const struct or_json *l[RECORDS_MAX];

	enrol_for_orders(f);
	ship_orders(f, 5);
	get(f, "/v1/audit?q=kind=access+%7C+count+by+decision");
	assert_int_equal(lines(f, l), 3);
	assert_int_equal(number(l[0], "count"), 3);
	ASSERT_SLICE(or_json_get_str(l[0], "decision"), "allow");
	assert_int_equal(number(l[1], "count"), 2);
	get(f, "/v1/audit?x=1&q=seq%3D5%20kind%3Daccess%7Cfields%20action");
	assert_int_equal(lines(f, l), 2);
	assert_int_equal(or_json_get(l[0], "record")->object.n, 1);
	ASSERT_SLICE(or_json_get_str(or_json_get(l[0], "record"), "action"), "read");
}

static void query__that_does_not_parse_shows_where(void **state)
{
	struct fixture *f = *state;

	get(f, "/v1/audit?q=decison%3Ddeny");
	assert_error(f, 400, "query",
	    "column 1: no field is called \"decison\"; did you mean \"decision\"?\n"
	    "  decison=deny\n  ^");
	get(f, "/v1/audit?q=%zz");
	assert_error(f, 400, "query", "not percent-encoded");
	get(f, "/v1/audit?q=%4");
	assert_error(f, 400, "query", "not percent-encoded");
}

static void query__leaves_a_record_of_its_own(void **state)
{
	struct fixture *f = *state;
	const struct or_json *l[RECORDS_MAX], *record;

	get(f, "/v1/audit?q=product%3Dnothing");
	assert_answer(f, 200, "\"matched\":0");
	get(f, "/v1/audit?q=kind%3Dadmin%20attributes.query%3Dproduct*");
	assert_int_equal(lines(f, l), 2);
	record = or_json_get(l[0], "record");
	ASSERT_SLICE(or_json_get_str(record, "action"), "query");
	ASSERT_SLICE(or_json_get_str(record, "front"), "collector");
	ASSERT_SLICE(
	    or_json_get_str(or_json_get(record, "attributes"), "query"), "product=nothing");
	ASSERT_HAS(or_arena_strdup(f->arena, or_json_get_str(record, "peer")), "127.0.0.1");
}

static void find__by_id_and_by_trace(void **state)
{
	struct fixture *f = *state;
	const struct or_json *l[RECORDS_MAX];
	char path[100];

	enrol_for_orders(f);
	ship_orders(f, 5);
	get(f, "/v1/audit?q=seq%3D3%20kind%3Daccess");
	assert_int_equal(lines(f, l), 2);
	snprintf(path, sizeof(path), "/v1/audit/%.*s", OR_SLICE_FMT(or_json_get_str(l[0], "id")));
	get(f, path);
	assert_int_equal(lines(f, l), 2);
	assert_int_equal(number(or_json_get(l[0], "record"), "seq"), 3);
	/* Numbers 2 and 3 share a trace. */
	get(f, "/v1/audit/ab000000000000000000000000000001");
	assert_int_equal(lines(f, l), 3);
	assert_int_equal(number(or_json_get(l[0], "record"), "seq"), 2);
	assert_int_equal(number(or_json_get(l[1], "record"), "seq"), 3);
	assert_int_equal(number(or_json_get(l[2], "summary"), "matched"), 2);
}

static void inputs__are_served_by_their_hash(void **state)
{
	static const char text[] = "{\"groups\":[\"analysts\"]}";
	struct fixture *f = *state;
	struct support_shipment s = orders;
	uint8_t hash[OR_CRYPTO_HASH_LEN];
	struct or_buf path;

	s.inputs = or_slice_str(text);
	or_buf_init(&path, 200);
	or_buf_put_str(&path, "/v1/inputs/");
	or_crypto_sha256(hash, s.inputs);
	or_str_hex_encode(&path, or_slice(hash, sizeof(hash)));
	get(f, or_buf_text(&path));
	assert_error(f, 404, "not_found", "no inputs with this hash");
	enrol_for_orders(f);
	ship(f, 2, &s);
	assert_answer(f, 200, "\"stored\":2");
	get(f, or_buf_text(&path));
	assert_answer(f, 200, "");
	assert_string_equal(or_buf_text(&f->a.body), text);
	or_buf_done(&path);
}

/* What a verifier does: the checkpoint's signature, and the root over the entries. */
static void log__is_served_as_a_tlog_client_wants_it(void **state)
{
	struct fixture *f = *state;
	struct or_slice origin, note, vkey, rest, leaf;
	struct tl_checkpoint c;
	struct tl_note_key key;
	const struct tl_note_key *keys[] = {&key};
	const struct or_json *shards, *with = NULL;
	struct tl_tree tree;
	struct tl_hash hash, root;
	char path[100];

	enrol_for_orders(f);
	ship_orders(f, 4);
	get(f, "/v1/shards");
	assert_answer(f, 200, "enrolment_keys");
	vkey = or_json_get_str(answer_json(f), "vkey");
	shards = or_json_get(answer_json(f), "shards");
	assert_int_equal(shards->array.n, 2);
	for (size_t i = 0; i < 2; i++) {
		if (number(shards->array.items[i], "size") >= 5) /* four records and a frame */
			with = shards->array.items[i];
	}
	assert_non_null(with);
	origin = or_json_get_str(with, "origin");
	snprintf(path, sizeof(path), "/v1/log/%d/checkpoint", (int)number(with, "shard"));
	call(f, "GET", path, NULL, OR_SLICE_NONE, NULL);
	assert_answer(f, 200, "test/");
	assert_string_equal(f->a.type, "text/plain; charset=utf-8");
	note = or_arena_dup(f->arena, or_buf_slice(&f->a.body));
	ASSERT_OK(tl_note_key_parse(&key, vkey, &f->err), &f->err);
	ASSERT_OK(tl_checkpoint_verify(&c, note, origin, keys, 1, &f->err), &f->err);

	snprintf(path, sizeof(path), "/v1/log/%d/tile/entries/000.p/%d", (int)number(with, "shard"),
	    (int)c.size);
	get(f, path);
	assert_answer(f, 200, "");
	assert_string_equal(f->a.type, "application/octet-stream");
	tl_tree_init(&tree);
	rest = or_buf_slice(&f->a.body);
	while (tl_entries_next(&leaf, &rest) == OR_OK) {
		tl_hash_leaf(&hash, leaf);
		tl_tree_append(&tree, &hash, NULL, NULL);
	}
	assert_int_equal(tree.size, c.size);
	tl_tree_root(&root, &tree);
	assert_true(tl_hash_eq(&root, &c.root));
	snprintf(path, sizeof(path), "/v1/log/%d/tile/0/000.p/%d", (int)number(with, "shard"),
	    (int)c.size);
	get(f, path);
	assert_int_equal(f->a.body.n, c.size * 32);
	assert_memory_equal(f->a.body.p + (c.size - 1) * 32, hash.b, 32);
	tl_note_key_done(&key);
}

static void restart__keeps_everything(void **state)
{
	struct fixture *f = *state;
	struct support_shipment again = orders;

	enrol_for_orders(f);
	ship_orders(f, 4);
	close_node(f);
	f->client = or_http_client_new(f->loop, NULL);
	open_node(f);
	again.again = true;
	ship(f, 4, &again);
	assert_answer(f, 200, "\"stored\":0,\"duplicates\":4");
	get(f, "/v1/audit?q=kind%3Daccess%20%7C%20count");
	assert_answer(f, 200, "{\"count\":4}");
}

/* The value of a metric without labels, from the answer to /metrics. */
static uint64_t metric(struct fixture *f, const char *name)
{
	const char *line =
	    strstr(or_buf_text(&f->a.body), or_arena_printf(f->arena, "\n%s ", name));
	struct or_slice rest;
	uint64_t value;

	assert_non_null(line);
	rest = or_slice_str(line + strlen(name) + 2);
	ASSERT_CODE(or_str_u64(&value, or_slice(rest.p, or_str_find(rest, '\n', 0))), OR_OK);
	return value;
}

static void on_unwanted(void *arg, const struct or_http_client_answer *answer)
{
	(void)answer;
	*(bool *)arg = true;
}

/* A client that goes away at any moment leaves nothing behind (the sanitizer looks, too). */
static void query__ends_with_its_client(void **state)
{
	struct fixture *f = *state;
	struct or_http_field field = {OR_SLICE_LIT("Authorization"), OR_SLICE_NONE};
	const struct or_http_client_req req = {.origin = co_node_url(f->node) + strlen("http://"),
	    .target = OR_SLICE_LIT("/v1/audit"),
	    .fields = &field,
	    .n_fields = 1};
	struct or_http_client_call *c;
	bool called = false;

	field.value = or_slice_str(or_arena_printf(f->arena, "Bearer %s", or_buf_text(&f->token)));
	enrol_for_orders(f);
	ship_orders(f, 10);
	for (int turns = 0; turns < 12; turns++) {
		ASSERT_OK(or_http_client_fetch(
			      &c, f->client, &req, 1 << 20, on_unwanted, &called, &f->err),
		    &f->err);
		for (int i = 0; i < turns && !called; i++)
			or_loop_turn(f->loop, false);
		if (!called)
			or_http_client_cancel(c);
		called = false;
	}
	/* At most two run at once: those that went away stop counting. */
	do
		get(f, "/metrics");
	while (metric(f, "outrider_collector_queries_running") > 0);
	/* The first did not even arrive; of the others some were cut on their way. */
	assert_true(metric(f, "outrider_collector_query_seconds_count") <
		    metric(f, "outrider_collector_queries_total"));
	get(f, "/v1/audit?q=%7C%20count");
	assert_answer(f, 200, "\"summary\"");
}

/* A leaf that changed on disk: reading goes on around it and says so, writing does not. */
static void damage__is_told_and_stops_ingest(void **state)
{
	struct fixture *f = *state;
	static const char needle[] = "\x12\x05"
				     "alice";
	struct or_sys_names names;
	struct or_buf file;
	char dir[600], path[1200];
	uint8_t *at = NULL;
	int fd;

	enrol_for_orders(f);
	ship_orders(f, 9);
	close_node(f);
	or_buf_init(&file, 1 << 24);
	for (int shard = 0; shard < 2 && !at; shard++) {
		snprintf(dir, sizeof(dir), "%s/shards/%d/segments", f->dir, shard);
		ASSERT_OK(or_sys_list(&names, dir, &f->err), &f->err);
		snprintf(path, sizeof(path), "%s/%s", dir, names.names[0]);
		or_sys_names_free(&names);
		or_buf_clear(&file);
		ASSERT_OK(or_sys_read_file(&file, path, &f->err), &f->err);
		at = memmem(file.p, file.n, needle, sizeof(needle) - 1);
	}
	assert_non_null(at);
	ASSERT_OK(or_sys_open(&fd, path, O_WRONLY, 0, &f->err), &f->err);
	ASSERT_OK(
	    or_sys_pwrite(fd, OR_SLICE_LIT("X"), (uint64_t)(at - file.p) + 2, &f->err), &f->err);
	or_sys_close(fd);
	or_buf_done(&file);

	or_log_init(&(struct or_log_opt){.fd = -1, .level = OR_LOG_ERROR, .role = "test"});
	f->client = or_http_client_new(f->loop, NULL);
	open_node(f);
	get(f, "/readyz");
	assert_answer(f, 503, "\"ready\":false");
	ASSERT_HAS(or_buf_text(&f->a.body), "segment");
	ship(f, 1, &orders);
	assert_answer(f, 503, "message");
	get(f, "/v1/audit?q=kind%3Daccess%20%7C%20count");
	assert_answer(f, 200, "{\"count\":8}");
	ASSERT_HAS(or_buf_text(&f->a.body), "\"damaged\":1,\"damage\":\"");
	call(f, "GET", "/v1/log/0/checkpoint", NULL, OR_SLICE_NONE, NULL);
	assert_answer(f, 200, "test/");
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(health__is_open_to_all),
	    T(admin__takes_the_token_and_nothing_else),
	    T(paths__that_are_unknown_or_take_another_method),
	    T(join_tokens__are_checked),
	    T(enrol__is_refused_with_a_reason),
	    T(ingest__stores_once_and_says_so),
	    T(ingest__refuses_what_is_not_right),
	    T(ingest__bounds_the_body),
	    T(ingest__believes_the_frame_before_it_reads_much),
	    T(ingest__bounds_what_is_received_at_once),
	    T(revoke__ends_ingest),
	    T(query__gives_records_newest_first_and_a_summary),
	    T(query__counts_groups_and_picks_fields),
	    T(query__that_does_not_parse_shows_where),
	    T(query__leaves_a_record_of_its_own),
	    T(find__by_id_and_by_trace),
	    T(inputs__are_served_by_their_hash),
	    T(log__is_served_as_a_tlog_client_wants_it),
	    T(restart__keeps_everything),
	    T(query__ends_with_its_client),
	    T(damage__is_told_and_stops_ingest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
