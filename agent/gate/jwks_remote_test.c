/* SPDX-License-Identifier: Apache-2.0 */
/* A server of keys and the source that fetches them, on one loop with a virtual clock. */
#include "agent/gate/jwks_remote.h"

#include "base/http_server.h"
#include "base/mem.h"
#include "tests/support/support.h"
#include "tests/support/token.h"

#include <stdio.h>

#define S OR_NS_PER_S

struct world {
	struct or_loop *loop;
	struct or_http_server *server;
	struct or_fetch *fetch;
	struct ag_jwks_remote *remote;
	struct or_crypto_key *key;
	char issuer[128], jwks[256], discovery[256];
	const char *document; /* what the document says of itself; NULL: the truth */
	const char *kid;      /* of the one key that is served; NULL: 500 */
	size_t n_document, n_keys;

	struct ag_jwks *set;
	size_t n_taken;
	size_t n_called;
};

static void on_request(void *arg, struct or_http_req *req)
{
	struct world *w = arg;
	struct or_buf body;
	unsigned int status = w->kid ? 200 : 500;

	or_buf_init(&body, 65536);
	if (or_slice_is(or_http_req_msg(req)->path, "/jwks")) {
		w->n_keys++;
		or_buf_put_str(&body, "{\"keys\":[");
		if (w->kid)
			support_token_jwk(&body, w->key, w->kid, NULL);
		or_buf_put_str(&body, "]}");
	} else {
		w->n_document++;
		if (w->document)
			or_buf_put_str(&body, w->document);
		else
			or_buf_printf(
			    &body, "{\"issuer\":\"%s\",\"jwks_uri\":\"%s\"}", w->issuer, w->jwks);
	}
	or_http_req_respond(req, status, "application/json", or_buf_slice(&body));
	or_buf_done(&body);
}

static void on_keys(void *arg, struct ag_jwks *take)
{
	struct world *w = arg;

	ag_jwks_free(w->set);
	w->set = take;
	w->n_taken++;
}

static void on_called(void *arg)
{
	((struct world *)arg)->n_called++;
}

static void open_world(struct world *w, bool discovery)
{
	struct or_loop_opt clock = {.virtual_clock = true, .virtual_wall_ns = 1000 * S};
	struct or_http_server_opt server = {
	    .listen = "127.0.0.1:0", .on_request = on_request, .arg = w};
	struct ag_jwks_remote_opt opt = {.on_keys = on_keys, .arg = w};
	struct or_err err = {0};

	*w = (struct world){.kid = "one"};
	ASSERT_OK(or_loop_new(&w->loop, &clock, &err), &err);
	ASSERT_CODE(or_crypto_key_new(&w->key, OR_CRYPTO_ED25519, NULL), OR_OK);
	ASSERT_OK(or_http_server_new(&w->server, w->loop, &server, &err), &err);
	ASSERT_OK(or_fetch_new(&w->fetch, w->loop, NULL, &err), &err);
	snprintf(w->issuer, sizeof(w->issuer), "http://%s", or_http_server_address(w->server));
	snprintf(w->jwks, sizeof(w->jwks), "%s/jwks", w->issuer);
	snprintf(
	    w->discovery, sizeof(w->discovery), "%s/.well-known/openid-configuration", w->issuer);
	opt.loop = w->loop;
	opt.fetch = w->fetch;
	opt.issuer = w->issuer;
	opt.jwks = discovery ? NULL : w->jwks;
	opt.discovery = discovery ? w->discovery : NULL;
	w->remote = ag_jwks_remote_new(&opt);
}

static void close_world(struct world *w)
{
	ag_jwks_remote_free(w->remote);
	or_fetch_free(w->fetch);
	or_http_server_free(w->server);
	ag_jwks_free(w->set);
	or_crypto_key_free(w->key);
	or_loop_free(w->loop);
}

static uint64_t attempts(const struct world *w)
{
	struct ag_jwks_remote_state s = ag_jwks_remote_state_get(w->remote);

	return s.fetched + s.failed;
}

/* Lets time pass, and the attempt that is then due end. */
static void after(struct world *w, int64_t ns)
{
	uint64_t before = attempts(w);

	or_loop_advance(w->loop, ns);
	while (attempts(w) == before)
		or_loop_turn(w->loop, false);
}

static void after_without_fetch(struct world *w, int64_t ns)
{
	uint64_t before = attempts(w);
	size_t keys = w->n_keys, documents = w->n_document;

	or_loop_advance(w->loop, ns);
	for (int i = 0; i < 5; i++)
		or_loop_turn(w->loop, true);
	assert_int_equal(attempts(w), before);
	assert_int_equal(w->n_keys, keys);
	assert_int_equal(w->n_document, documents);
}

static bool has(const struct world *w, const char *kid)
{
	const struct ag_jwk *key;

	return w->set && ag_jwks_find(&key, w->set, or_slice_str(kid), OR_CRYPTO_EDDSA) == OR_OK;
}

/* However long it waits between attempts by now. */
static void until_it_has(struct world *w, const char *kid)
{
	for (int i = 0; i < 200 && !has(w, kid); i++) {
		or_loop_advance(w->loop, S);
		for (int k = 0; k < 20; k++)
			or_loop_turn(w->loop, true);
	}
	assert_true(has(w, kid));
}

static void new__fetches_and_keeps_fetching(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, false);
	assert_null(w.set);
	after(&w, 0);
	assert_true(has(&w, "one"));
	assert_int_equal(w.n_keys, 1);
	after_without_fetch(&w, 594 * S);
	after(&w, S);
	assert_int_equal(w.n_keys, 2);
	assert_int_equal(w.n_taken, 1); /* it is the same: verdicts stay */
	w.kid = "two";
	after(&w, 595 * S);
	assert_true(has(&w, "two") && !has(&w, "one"));
	close_world(&w);
}

static void want__shares_one_fetch_among_a_thousand(void **state)
{
	static struct ag_jwks_remote_wait waits[1000];
	struct ag_jwks_remote_wait more;
	struct world w;

	(void)state;
	open_world(&w, false);
	after(&w, 0);
	for (size_t i = 0; i < OR_LEN(waits); i++)
		assert_true(ag_jwks_remote_want(w.remote, &waits[i], on_called, &w));
	ag_jwks_remote_cancel(&waits[500]);
	after(&w, 0);
	assert_int_equal(w.n_called, 999);
	assert_int_equal(w.n_keys, 2);
	/* nothing new: those who come now get no other for a while */
	for (size_t i = 0; i < OR_LEN(waits); i++)
		assert_false(ag_jwks_remote_want(w.remote, &more, on_called, &w));
	after_without_fetch(&w, AG_JWKS_REMOTE_KID_NS - 1);
	assert_false(ag_jwks_remote_want(w.remote, &more, on_called, &w));
	or_loop_advance(w.loop, 1);
	assert_true(ag_jwks_remote_want(w.remote, &more, on_called, &w));
	after(&w, 0);
	assert_int_equal(w.n_keys, 3);
	assert_int_equal(w.n_called, 1000);
	close_world(&w);
}

static void want__sees_one_rotation_after_the_other(void **state)
{
	static const char *const kids[] = {"two", "three", "four"};
	struct ag_jwks_remote_wait wait;
	struct world w;

	(void)state;
	open_world(&w, false);
	after(&w, 0);
	for (size_t i = 0; i < OR_LEN(kids); i++) {
		w.kid = kids[i];
		assert_true(ag_jwks_remote_want(w.remote, &wait, on_called, &w));
		after(&w, 0);
		assert_true(has(&w, kids[i]));
	}
	assert_int_equal(w.n_called, 3);
	close_world(&w);
}

static void want__waits_for_the_first_set(void **state)
{
	struct ag_jwks_remote_wait wait;
	struct world w;

	(void)state;
	open_world(&w, false);
	assert_true(ag_jwks_remote_want(w.remote, &wait, on_called, &w));
	after(&w, 0);
	assert_int_equal(w.n_called, 1);
	assert_int_equal(w.n_keys, 1);
	close_world(&w);
}

static void failure__keeps_the_set_and_tries_again(void **state)
{
	struct ag_jwks_remote_wait wait;
	struct world w;

	(void)state;
	open_world(&w, false);
	after(&w, 0);
	w.kid = NULL;
	after(&w, 595 * S);
	assert_true(has(&w, "one"));
	after_without_fetch(&w, S - 1);
	after(&w, 1);
	after_without_fetch(&w, 2 * S - 1);
	after(&w, 1);
	assert_true(has(&w, "one"));
	assert_true(ag_jwks_remote_want(w.remote, &wait, on_called, &w));
	after(&w, 0);
	assert_int_equal(w.n_called, 1);
	assert_false(ag_jwks_remote_want(w.remote, &wait, on_called, &w));
	w.kid = "two";
	until_it_has(&w, "two");
	close_world(&w);
}

static void failure__for_too_long_takes_the_keys_away(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, false);
	after(&w, 0);
	w.kid = NULL;
	after(&w, 595 * S);
	for (int i = 0; i < 2000 && w.set; i++)
		after(&w, 60 * S);
	assert_null(w.set);
	assert_true(ag_jwks_remote_state_get(w.remote).expired);
	assert_true(ag_jwks_remote_state_get(w.remote).age_ns >= AG_JWKS_REMOTE_STALE_NS);
	assert_true(ag_jwks_remote_state_get(w.remote).age_ns < AG_JWKS_REMOTE_STALE_NS + 120 * S);
	w.kid = "one";
	until_it_has(&w, "one");
	assert_false(ag_jwks_remote_state_get(w.remote).expired);
	close_world(&w);
}

static void failure__at_the_start_holds_nobody(void **state)
{
	struct ag_jwks_remote_wait wait;
	struct world w;

	(void)state;
	open_world(&w, false);
	w.kid = NULL;
	after(&w, 0);
	assert_false(ag_jwks_remote_want(w.remote, &wait, on_called, &w));
	w.kid = "one";
	after(&w, S);
	assert_true(has(&w, "one"));
	close_world(&w);
}

static void discovery__leads_to_the_keys(void **state)
{
	struct ag_jwks_remote_wait wait;
	struct world w;

	(void)state;
	open_world(&w, true);
	after(&w, 0);
	assert_true(has(&w, "one"));
	assert_int_equal(w.n_document, 1);
	w.kid = "two";
	assert_true(ag_jwks_remote_want(w.remote, &wait, on_called, &w));
	after(&w, 0);
	assert_true(has(&w, "two"));
	assert_int_equal(w.n_document, 1); /* where they lie was known */
	after(&w, 595 * S);
	assert_int_equal(w.n_document, 2); /* it may have changed */
	close_world(&w);
}

static void discovery__must_be_the_issuers_own(void **state)
{
	static const char *const bad[] = {"no json", "[]", "{}",
	    "{\"issuer\":\"https://other.example\",\"jwks_uri\":\"https://other.example/jwks\"}"};
	struct or_buf document;
	struct world w;

	(void)state;
	or_buf_init(&document, 4096);
	open_world(&w, true);
	for (size_t i = 0; i < OR_LEN(bad); i++) {
		w.document = bad[i];
		after(&w, 60 * S);
		assert_null(w.set);
	}
	or_buf_printf(&document, "{\"issuer\":\"%s/\",\"jwks_uri\":\"%s\"}", w.issuer, w.jwks);
	w.document = or_buf_text(&document);
	after(&w, 60 * S);
	assert_null(w.set);
	or_buf_clear(&document);
	/* keys from another host without TLS could be anybody's */
	or_buf_printf(
	    &document, "{\"issuer\":\"%s\",\"jwks_uri\":\"http://192.0.2.1/jwks\"}", w.issuer);
	w.document = or_buf_text(&document);
	after(&w, 60 * S);
	assert_null(w.set);
	assert_int_equal(w.n_keys, 0);
	w.document = NULL;
	until_it_has(&w, "one");
	close_world(&w);
	or_buf_done(&document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(new__fetches_and_keeps_fetching),
	    cmocka_unit_test(want__shares_one_fetch_among_a_thousand),
	    cmocka_unit_test(want__sees_one_rotation_after_the_other),
	    cmocka_unit_test(want__waits_for_the_first_set),
	    cmocka_unit_test(failure__keeps_the_set_and_tries_again),
	    cmocka_unit_test(failure__for_too_long_takes_the_keys_away),
	    cmocka_unit_test(failure__at_the_start_holds_nobody),
	    cmocka_unit_test(discovery__leads_to_the_keys),
	    cmocka_unit_test(discovery__must_be_the_issuers_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
