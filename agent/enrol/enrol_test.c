/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment against a collector's end that is played here with the real messages: proofs are
 * verified, certificates issued. The whole with the real collector is in tests/scenario. */
#include "agent/enrol/enrol.h"
#include "base/http_server.h"
#include "base/json.h"
#include "base/jsonw.h"
#include "base/str.h"
#include "base/sys.h"
#include "proto/cert.h"
#include "proto/enrol.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <time.h>

struct world {
	char *dir;
	struct or_loop *loop;
	struct or_http_server *server;
	struct or_http_client *client;
	struct or_crypto_key *ca;
	char token_file[512];
	const char *cert_product; /* what certificates are issued for */
	int64_t life_ns;
	unsigned int refuse; /* answer so many requests with 503 first */
	unsigned int asked, renewed, certs;
};

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * OR_NS_PER_S + ts.tv_nsec;
}

static void decode(struct or_buf *out, const struct or_json *j, const char *key)
{
	or_buf_init(out, 65536);
	ASSERT_CODE(or_str_base64_decode(out, or_json_get_str(j, key)), OR_OK);
}

static void issue(
    struct world *w, struct or_buf *cert, const struct or_json *j, struct or_slice public_key)
{
	struct or_slice product = or_slice_str(w->cert_product);
	uint8_t id[WIRE_ENROL_UUID_LEN];
	struct wire_cert c = {.agent_id = or_slice(id, sizeof(id)),
	    .public_key = public_key,
	    .products = &product,
	    .n_products = 1,
	    .not_before_ns = (uint64_t)now_ns(),
	    .not_after_ns = (uint64_t)(now_ns() + w->life_ns)};
	struct or_err err = {0};

	ASSERT_CODE(wire_enrol_uuid_parse(id, or_json_get_str(j, "agent_id")), OR_OK);
	or_buf_init(cert, WIRE_CERT_MAX);
	ASSERT_OK(wire_cert_issue(cert, &c, w->ca, &err), &err);
}

static void check_proof(
    const struct or_json *j, struct or_slice credential, struct or_slice public_key)
{
	struct or_slice product = or_json_get(j, "products")->array.items[0]->s;
	struct wire_enrol e = {.credential = credential,
	    .agent_id = or_json_get_str(j, "agent_id"),
	    .public_key = public_key,
	    .products = &product,
	    .n_products = 1};
	struct or_buf proof;

	decode(&proof, j, "proof");
	ASSERT_CODE(wire_enrol_verify(&e, or_buf_slice(&proof)), OR_OK);
	or_buf_done(&proof);
}

static void on_body(void *arg, struct or_http_req *req, struct or_slice body)
{
	struct world *w = arg;
	struct or_arena *a = or_arena_new(0);
	struct or_buf public_key, old, cert, text, answer;
	const struct or_json *j;

	ASSERT_CODE(or_json_parse(&j, body, a, NULL), OR_OK);
	decode(&public_key, j, "public_key");
	if (or_json_get(j, "certificate")) {
		decode(&old, j, "certificate");
		check_proof(j, or_buf_slice(&old), or_buf_slice(&public_key));
		or_buf_done(&old);
		w->renewed++;
	} else {
		ASSERT_SLICE(or_json_get_str(j, "join_token"), "the-token");
		check_proof(j, OR_SLICE_LIT("the-token"), or_buf_slice(&public_key));
	}
	issue(w, &cert, j, or_buf_slice(&public_key));
	or_buf_init(&text, 65536);
	or_buf_init(&answer, 65536);
	or_str_base64_encode(&text, or_buf_slice(&cert));
	or_buf_printf(&answer, "{\"certificate\":\"%s\"}", or_buf_text(&text));
	or_http_req_respond(req, 200, "application/json", or_buf_slice(&answer));
	or_buf_done(&public_key);
	or_buf_done(&cert);
	or_buf_done(&text);
	or_buf_done(&answer);
	or_arena_free(a);
}

static void on_request(void *arg, struct or_http_req *req)
{
	struct world *w = arg;

	w->asked++;
	if (w->refuse) {
		w->refuse--;
		or_http_req_respond(req, 503, "application/json",
		    OR_SLICE_LIT("{\"error\":\"busy\",\"message\":\"come again\"}"));
		return;
	}
	or_http_req_collect(req, 65536, on_body, w);
}

static void on_cert(void *arg)
{
	((struct world *)arg)->certs++;
}

static int make_world(void **state)
{
	struct world *w = test_calloc(1, sizeof(*w));
	struct or_http_server_opt server = {
	    .listen = "127.0.0.1:0", .on_request = on_request, .arg = w};
	struct or_err err = {0};

	w->dir = support_tmpdir_new();
	w->cert_product = "orders";
	w->life_ns = 3600 * OR_NS_PER_S;
	snprintf(w->token_file, sizeof(w->token_file), "%s/join", w->dir);
	ASSERT_CODE(
	    or_sys_write_file(w->token_file, OR_SLICE_LIT("the-token\n"), 0600, NULL), OR_OK);
	ASSERT_CODE(or_crypto_key_new(&w->ca, OR_CRYPTO_ED25519, NULL), OR_OK);
	ASSERT_CODE(or_loop_new(&w->loop, NULL, NULL), OR_OK);
	ASSERT_OK(or_http_server_new(&w->server, w->loop, &server, &err), &err);
	w->client = or_http_client_new(w->loop, NULL);
	*state = w;
	return 0;
}

static int end_world(void **state)
{
	struct world *w = *state;

	or_http_client_free(w->client);
	or_http_server_free(w->server);
	or_loop_free(w->loop);
	or_crypto_key_free(w->ca);
	support_tmpdir_remove(w->dir);
	test_free(w);
	return 0;
}

static struct ag_enrol *start(struct world *w)
{
	struct ag_enrol_opt opt = {.state_dir = w->dir,
	    .product = "orders",
	    .origin = or_http_server_address(w->server),
	    .join_token_file = w->token_file,
	    .client = w->client,
	    .on_cert = on_cert,
	    .arg = w};
	struct ag_enrol *e;
	struct or_err err = {0};

	ASSERT_OK(ag_enrol_new(&e, w->loop, &opt, &err), &err);
	return e;
}

static void run_until(struct world *w, const unsigned int *count, unsigned int n)
{
	int64_t end = now_ns() + 20 * OR_NS_PER_S;

	while (*count < n && now_ns() < end)
		or_loop_turn(w->loop, false);
	assert_true(*count >= n);
}

static void enrol__gets_a_certificate_and_keeps_it(void **state)
{
	struct world *w = *state;
	struct ag_enrol *e = start(w);
	char id[64];

	assert_int_equal(ag_enrol_cert(e).n, 0);
	run_until(w, &w->certs, 1);
	assert_true(ag_enrol_cert(e).n > 0);
	assert_int_equal(ag_enrol_error(e)->code, OR_OK);
	snprintf(id, sizeof(id), "%s", ag_enrol_id_text(e));
	ag_enrol_free(e);

	/* A restart is the same agent and asks nobody. */
	w->asked = 0;
	e = start(w);
	assert_string_equal(ag_enrol_id_text(e), id);
	assert_true(ag_enrol_cert(e).n > 0);
	or_loop_turn(w->loop, true);
	assert_int_equal(w->asked, 0);
	ag_enrol_free(e);
}

static void enrol__asks_again_after_a_failure(void **state)
{
	struct world *w = *state;
	struct ag_enrol *e;

	w->refuse = 1;
	e = start(w);
	run_until(w, &w->asked, 1);
	while (ag_enrol_error(e)->code == OR_OK)
		or_loop_turn(w->loop, false);
	ASSERT_HAS(ag_enrol_error(e)->msg, "answer 503: come again");
	run_until(w, &w->certs, 1);
	ag_enrol_free(e);
}

static void enrol__renews_before_the_end(void **state)
{
	struct world *w = *state;
	struct ag_enrol *e;

	w->life_ns = 900 * OR_NS_PER_MS;
	e = start(w);
	run_until(w, &w->certs, 2);
	assert_true(w->renewed >= 1);
	ag_enrol_free(e);
}

static void enrol__refuses_a_certificate_for_another_product(void **state)
{
	struct world *w = *state;
	struct ag_enrol *e;

	w->cert_product = "payments";
	e = start(w);
	run_until(w, &w->asked, 1);
	while (ag_enrol_error(e)->code == OR_OK)
		or_loop_turn(w->loop, false);
	ASSERT_HAS(ag_enrol_error(e)->msg, "another agent, key or product");
	assert_int_equal(ag_enrol_cert(e).n, 0);
	ag_enrol_free(e);
}

static void enrol__a_damaged_key_is_named(void **state)
{
	struct world *w = *state;
	struct ag_enrol_opt opt = {.state_dir = w->dir, .product = "orders", .client = w->client};
	struct ag_enrol *e = NULL;
	struct or_err err;

	ASSERT_CODE(
	    or_sys_write_file(support_path(w->dir, "agent.pem"), OR_SLICE_LIT("junk"), 0600, NULL),
	    OR_OK);
	assert_int_not_equal(ag_enrol_new(&e, w->loop, &opt, &err), OR_OK);
	ASSERT_HAS(err.msg, "agent.pem");
	assert_null(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		enrol__gets_a_certificate_and_keeps_it, make_world, end_world),
	    cmocka_unit_test_setup_teardown(
		enrol__asks_again_after_a_failure, make_world, end_world),
	    cmocka_unit_test_setup_teardown(enrol__renews_before_the_end, make_world, end_world),
	    cmocka_unit_test_setup_teardown(
		enrol__refuses_a_certificate_for_another_product, make_world, end_world),
	    cmocka_unit_test_setup_teardown(enrol__a_damaged_key_is_named, make_world, end_world),
	};

	return cmocka_run_group_tests_name("agent.enrol", tests, NULL, NULL);
}
