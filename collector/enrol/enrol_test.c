/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/enrol/enrol.h"

#include "base/str.h"
#include "base/sys.h"

#include "tests/support/support.h"

#include <errno.h>

#define NOW  1800000000000000000LL
#define LIFE (30 * 86400 * OR_NS_PER_S)
#define TTL  (600 * OR_NS_PER_S)

#define AGENT_A "00000000-0000-4000-8000-00000000000a"
#define AGENT_B "00000000-0000-4000-8000-00000000000b"

struct fixture {
	char *dir;
	struct or_loop *loop;
	struct or_slow *slow;
	struct or_crypto_key *issuer;
	struct or_crypto_key *key; /* the agent's */
	struct or_buf public;
	struct or_buf proof;
	struct co_enrol *e;
	struct co_enrol_grant grant;
	const char *reason;
	struct or_err err;
	int saved; /* calls of on_saved */
	enum or_code rc;
};

static const struct or_slice both[] = {
    {(const uint8_t *)"orders", 6}, {(const uint8_t *)"customers", 9}};

static void on_saved(void *arg, enum or_code rc, const struct or_err *err)
{
	struct fixture *f = arg;

	f->saved++;
	f->rc = rc;
	if (rc)
		f->err = *err;
}

static void open_it(struct fixture *f)
{
	const struct co_enrol_opt opt = {
	    .dir = support_path(f->dir, "enrol"), .issuer = f->issuer, .life_ns = LIFE};
	struct co_enrol_opt copy = opt;

	ASSERT_OK(or_slow_new(&f->slow, f->loop, 8, &f->err), &f->err);
	copy.slow = f->slow;
	ASSERT_OK(co_enrol_open(&f->e, &copy, &f->err), &f->err);
}

static void close_it(struct fixture *f)
{
	or_slow_free(f->slow);
	co_enrol_close(f->e);
	f->slow = NULL;
	f->e = NULL;
}

static void save(struct fixture *f)
{
	int before = f->saved;

	ASSERT_CODE(co_enrol_save(f->e, on_saved, f), OR_OK);
	assert_int_equal(f->saved, before);
	while (f->saved == before)
		or_loop_turn(f->loop, false);
}

static int setup(void **state)
{
	struct fixture *f = test_calloc(1, sizeof(*f));

	f->dir = support_tmpdir_new();
	or_buf_init(&f->public, 32);
	or_buf_init(&f->proof, OR_CRYPTO_SIG_MAX);
	ASSERT_OK(or_loop_new(&f->loop, NULL, &f->err), &f->err);
	ASSERT_OK(or_crypto_key_new(&f->issuer, OR_CRYPTO_ED25519, &f->err), &f->err);
	ASSERT_OK(or_crypto_key_new(&f->key, OR_CRYPTO_ED25519, &f->err), &f->err);
	ASSERT_CODE(or_crypto_key_public(&f->public, f->key), OR_OK);
	open_it(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close_it(f);
	or_loop_free(f->loop);
	or_crypto_key_free(f->issuer);
	or_crypto_key_free(f->key);
	or_buf_done(&f->grant.certificate);
	or_buf_done(&f->public);
	or_buf_done(&f->proof);
	support_tmpdir_remove(f->dir);
	test_free(f);
	return 0;
}

static const char *new_token(struct fixture *f, size_t n_products)
{
	static char text[CO_TOKEN_TEXT_LEN + 1];

	ASSERT_OK(co_enrol_token(text, f->e, both, n_products, TTL, NOW, &f->err), &f->err);
	return text;
}

/* A request for the first n products, with its proof. */
static struct co_enrol_request request(struct fixture *f, const char *agent, size_t n)
{
	return (struct co_enrol_request){.agent_id = or_slice_str(agent),
	    .public_key = or_buf_slice(&f->public),
	    .products = both,
	    .n_products = n};
}

static enum or_code join(struct fixture *f, struct co_enrol_request *r, int64_t now)
{
	struct wire_enrol e = {.credential = r->join_token.n ? r->join_token : r->certificate,
	    .agent_id = r->agent_id,
	    .public_key = r->public_key,
	    .products = r->products,
	    .n_products = r->n_products};
	struct co_enrol_grant g;
	enum or_code rc;

	or_buf_clear(&f->proof);
	ASSERT_CODE(wire_enrol_sign(&f->proof, &e, f->key), OR_OK);
	r->proof = or_buf_slice(&f->proof);
	rc = co_enrol_join(&g, f->e, r, now, &f->reason, &f->err);
	if (rc == OR_OK) {
		or_buf_done(&f->grant.certificate);
		f->grant = g;
	}
	return rc;
}

static enum or_code join_with_token(
    struct fixture *f, const char *token, const char *agent, size_t n, int64_t now)
{
	struct co_enrol_request r = request(f, agent, n);

	r.join_token = or_slice_str(token);
	return join(f, &r, now);
}

static void assert_denied(struct fixture *f, enum or_code rc, const char *reason, const char *text)
{
	ASSERT_CODE(rc, OR_DENIED);
	assert_string_equal(f->reason, reason);
	ASSERT_HAS(f->err.msg, text);
}

static void join__gives_a_certificate_that_verifies(void **state)
{
	struct fixture *f = *state;
	struct or_arena *a = or_arena_new(0);
	struct wire_cert c;
	uint8_t uuid[16];

	ASSERT_OK(join_with_token(f, new_token(f, 2), AGENT_A, 2, NOW), &f->err);
	ASSERT_OK(wire_cert_decode(&c, or_buf_slice(&f->grant.certificate), a, &f->err), &f->err);
	ASSERT_OK(wire_cert_verify(&c, f->issuer, NOW + LIFE - 1, &f->err), &f->err);
	ASSERT_CODE(wire_cert_verify(&c, f->issuer, NOW + LIFE + 1, &f->err), OR_STALE);
	assert_true(f->grant.not_after_ns == NOW + LIFE);
	assert_true(wire_cert_has_product(&c, OR_SLICE_LIT("customers")));
	assert_int_equal(c.n_products, 2);
	ASSERT_CODE(wire_enrol_uuid_parse(uuid, OR_SLICE_LIT(AGENT_A)), OR_OK);
	assert_memory_equal(c.agent_id.p, uuid, sizeof(uuid));
	assert_true(or_slice_eq(c.public_key, or_buf_slice(&f->public)));
	or_arena_free(a);
}

static void join__refuses_a_token_that_is_not_good(void **state)
{
	struct fixture *f = *state;
	const char *token = new_token(f, 1);

	assert_denied(f, join_with_token(f, "nonsense", AGENT_A, 1, NOW), "token_unknown",
	    "this join token is not known here; ask for a new one");
	assert_denied(f, join_with_token(f, token, AGENT_A, 2, NOW), "product_not_allowed",
	    "this join token is not for product \"customers\"");
	assert_denied(f, join_with_token(f, token, AGENT_A, 1, NOW + TTL), "token_expired",
	    "this join token has expired");
	ASSERT_OK(join_with_token(f, token, AGENT_A, 1, NOW), &f->err);
	assert_denied(f, join_with_token(f, token, AGENT_B, 1, NOW), "token_used",
	    "another agent used this join token");
}

static void join__answers_the_agent_that_used_the_token_again(void **state)
{
	struct fixture *f = *state;
	const char *token = new_token(f, 1);

	ASSERT_OK(join_with_token(f, token, AGENT_A, 1, NOW), &f->err);
	ASSERT_OK(join_with_token(f, token, AGENT_A, 1, NOW + 1), &f->err);
	assert_denied(
	    f, join_with_token(f, token, AGENT_A, 1, NOW + TTL), "token_expired", "has expired");
}

static void join__refuses_a_proof_of_another_key_or_request(void **state)
{
	struct fixture *f = *state;
	struct co_enrol_request r = request(f, AGENT_A, 1);
	struct co_enrol_grant g;

	r.join_token = or_slice_str(new_token(f, 2));
	ASSERT_OK(join(f, &r, NOW), &f->err);
	r.n_products = 2; /* the proof is of one */
	assert_denied(f, co_enrol_join(&g, f->e, &r, NOW, &f->reason, &f->err), "bad_proof",
	    "proof is not the signature of public_key over this request");
	r.n_products = 1;
	r.proof = OR_SLICE_NONE;
	assert_denied(
	    f, co_enrol_join(&g, f->e, &r, NOW, &f->reason, &f->err), "bad_proof", "proof");
}

static void join__refuses_an_agent_id_with_another_key(void **state)
{
	struct fixture *f = *state;

	ASSERT_OK(join_with_token(f, new_token(f, 1), AGENT_A, 1, NOW), &f->err);
	or_crypto_key_free(f->key);
	ASSERT_OK(or_crypto_key_new(&f->key, OR_CRYPTO_ED25519, &f->err), &f->err);
	or_buf_clear(&f->public);
	ASSERT_CODE(or_crypto_key_public(&f->public, f->key), OR_OK);
	assert_denied(f, join_with_token(f, new_token(f, 1), AGENT_A, 1, NOW), "agent_refused",
	    "this agent_id is enrolled with another key");
}

static void join__refuses_what_is_malformed(void **state)
{
	static const struct or_slice blank[] = {{(const uint8_t *)"a b", 3}};
	static const struct or_slice star[] = {{(const uint8_t *)"*", 1}};
	static const struct or_slice twice[] = {
	    {(const uint8_t *)"a", 1}, {(const uint8_t *)"b", 1}, {(const uint8_t *)"a", 1}};
	struct fixture *f = *state;
	struct co_enrol_request r = request(f, AGENT_A, 1);

	ASSERT_CODE(join(f, &r, NOW), OR_INVAL);
	ASSERT_HAS(f->err.msg, "give either join_token or certificate");
	r.join_token = or_slice_str(new_token(f, 1));
	r.agent_id = OR_SLICE_LIT("agent");
	ASSERT_CODE(join(f, &r, NOW), OR_INVAL);
	ASSERT_HAS(f->err.msg, "agent_id is not a UUID");
	r.agent_id = OR_SLICE_LIT(AGENT_A);
	r.n_products = 0;
	ASSERT_CODE(join(f, &r, NOW), OR_INVAL);
	ASSERT_HAS(f->err.msg, "products names none");
	r.products = blank;
	r.n_products = 1;
	ASSERT_CODE(join(f, &r, NOW), OR_INVAL);
	ASSERT_HAS(f->err.msg, "number 1 is not a name");
	r.products = star;
	ASSERT_CODE(join(f, &r, NOW), OR_INVAL);
	r.products = twice;
	r.n_products = 3;
	ASSERT_CODE(join(f, &r, NOW), OR_INVAL);
	ASSERT_HAS(f->err.msg, "\"a\" is there twice");
	r = request(f, AGENT_A, 1);
	r.join_token = or_slice_str(new_token(f, 1));
	r.public_key = OR_SLICE_LIT("short");
	ASSERT_CODE(join(f, &r, NOW), OR_INVAL);
	ASSERT_HAS(f->err.msg, "public_key is not 32 bytes");
}

static void renewal__takes_the_certificate_in_place_of_a_token(void **state)
{
	struct fixture *f = *state;
	struct co_enrol_request r = request(f, AGENT_A, 1);
	struct or_slice cert;
	struct or_arena *a = or_arena_new(0);

	ASSERT_OK(join_with_token(f, new_token(f, 1), AGENT_A, 1, NOW), &f->err);
	cert = or_arena_dup(a, or_buf_slice(&f->grant.certificate));
	r.certificate = cert;
	ASSERT_OK(join(f, &r, NOW + LIFE - 1), &f->err);
	assert_true(f->grant.not_after_ns == NOW + 2 * LIFE - 1);
	assert_denied(
	    f, join(f, &r, NOW + LIFE + 1), "certificate_expired", "enrol with a new join token");
	r.n_products = 2;
	assert_denied(f, join(f, &r, NOW), "product_not_allowed",
	    "the certificate is not for product \"customers\"");
	r = request(f, AGENT_B, 1);
	r.certificate = cert;
	assert_denied(f, join(f, &r, NOW), "certificate_invalid", "another agent_id");
	r.certificate = OR_SLICE_LIT("none");
	assert_denied(f, join(f, &r, NOW), "certificate_invalid", "did not issue");
	or_arena_free(a);
}

static void revoke__ends_an_agent_for_good(void **state)
{
	struct fixture *f = *state;
	struct co_enrol_request r = request(f, AGENT_A, 1);
	struct or_arena *a = or_arena_new(0);
	uint8_t uuid[16];

	ASSERT_CODE(wire_enrol_uuid_parse(uuid, OR_SLICE_LIT(AGENT_A)), OR_OK);
	ASSERT_CODE(co_enrol_revoke(f->e, uuid, NOW, &f->err), OR_ABSENT);
	ASSERT_OK(join_with_token(f, new_token(f, 1), AGENT_A, 1, NOW), &f->err);
	assert_false(co_enrol_is_revoked(f->e, uuid));
	ASSERT_OK(co_enrol_revoke(f->e, uuid, NOW, &f->err), &f->err);
	assert_true(co_enrol_is_revoked(f->e, uuid));
	r.certificate = or_arena_dup(a, or_buf_slice(&f->grant.certificate));
	assert_denied(f, join(f, &r, NOW), "agent_refused", "this agent is revoked");
	assert_denied(f, join_with_token(f, new_token(f, 1), AGENT_A, 1, NOW), "agent_refused",
	    "this agent is revoked");
	save(f);
	close_it(f);
	open_it(f);
	assert_true(co_enrol_is_revoked(f->e, uuid));
	or_arena_free(a);
}

static void save__keeps_tokens_used_or_not_over_a_restart(void **state)
{
	struct fixture *f = *state;
	char used[CO_TOKEN_TEXT_LEN + 1], fresh[CO_TOKEN_TEXT_LEN + 1];
	struct or_buf file;
	size_t at = 0;

	memcpy(used, new_token(f, 2), sizeof(used));
	memcpy(fresh, new_token(f, 2), sizeof(fresh));
	ASSERT_OK(join_with_token(f, used, AGENT_A, 1, NOW), &f->err);
	save(f);
	ASSERT_CODE(f->rc, OR_OK);
	close_it(f);
	open_it(f);
	assert_denied(f, join_with_token(f, used, AGENT_B, 1, NOW), "token_used", "another agent");
	ASSERT_OK(join_with_token(f, fresh, AGENT_A, 2, NOW), &f->err);
	assert_non_null(co_agents_next(co_enrol_agents(f->e), &at));
	assert_null(co_agents_next(co_enrol_agents(f->e), &at));

	or_buf_init(&file, 1 << 20);
	ASSERT_OK(or_sys_read_file(&file, support_path(f->dir, "enrol/join_tokens.json"), &f->err),
	    &f->err);
	assert_null(strstr(or_buf_text(&file), used));
	assert_null(strstr(or_buf_text(&file), fresh));
	or_buf_done(&file);
}

static void save__tells_all_who_wait_and_none_that_cancelled(void **state)
{
	struct fixture *f = *state;
	struct fixture other = {0};

	new_token(f, 1);
	ASSERT_CODE(co_enrol_save(f->e, on_saved, &other), OR_OK);
	ASSERT_CODE(co_enrol_save(f->e, on_saved, f), OR_OK);
	new_token(f, 1); /* goes with a second write */
	ASSERT_CODE(co_enrol_save(f->e, on_saved, f), OR_OK);
	co_enrol_save_cancel(f->e, &other);
	while (f->saved < 2)
		or_loop_turn(f->loop, false);
	assert_int_equal(other.saved, 0);
	ASSERT_CODE(f->rc, OR_OK);
}

static int no_space(void *arg, enum or_sys_op op, size_t *limit)
{
	(void)arg;
	(void)limit;
	return op == OR_SYS_WRITE ? ENOSPC : 0;
}

static void save__says_when_the_disk_is_full_and_recovers(void **state)
{
	struct fixture *f = *state;
	char token[CO_TOKEN_TEXT_LEN + 1];

	memcpy(token, new_token(f, 1), sizeof(token));
	or_sys_fault_set(no_space, NULL);
	save(f);
	or_sys_fault_set(NULL, NULL);
	ASSERT_CODE(f->rc, OR_FULL);
	save(f);
	ASSERT_CODE(f->rc, OR_OK);
	close_it(f);
	open_it(f);
	ASSERT_OK(join_with_token(f, token, AGENT_A, 1, NOW), &f->err);
}

static void open__names_a_file_that_is_not_ours(void **state)
{
	static const struct {
		const char *file, *text, *message;
	} bad[] = {
	    {"enrol/agents.json", "{", "agents.json is not JSON"},
	    {"enrol/agents.json", "{\"version\":2,\"agents\":[]}", "version or agents"},
	    {"enrol/agents.json", "{\"version\":1,\"agents\":[{}]}", "agent_id is absent"},
	    {"enrol/join_tokens.json", "{\"version\":1,\"tokens\":[{}]}", "number 1 is malformed"},
	    {"enrol/join_tokens.json", "[]", "version or tokens"},
	};
	struct fixture *f = *state;
	struct co_enrol_opt opt = {.issuer = f->issuer, .life_ns = LIFE, .slow = f->slow};
	struct co_enrol *e = NULL;

	for (size_t i = 0; i < OR_LEN(bad); i++) {
		const char *path = support_path(f->dir, bad[i].file);

		ASSERT_OK(
		    or_sys_write_file(path, or_slice_str(bad[i].text), 0600, &f->err), &f->err);
		opt.dir = support_path(f->dir, "enrol");
		ASSERT_CODE(co_enrol_open(&e, &opt, &f->err), OR_CORRUPT);
		ASSERT_HAS(f->err.msg, bad[i].message);
		ASSERT_HAS(f->err.msg, bad[i].file);
		assert_null(e);
		ASSERT_OK(or_sys_unlink(support_path(f->dir, bad[i].file), &f->err), &f->err);
	}
}

static void token__bounds_products_life_and_number(void **state)
{
	struct fixture *f = *state;
	char text[CO_TOKEN_TEXT_LEN + 1];
	const int64_t second = OR_NS_PER_S;

	ASSERT_CODE(co_enrol_token(text, f->e, both, 0, TTL, NOW, &f->err), OR_INVAL);
	ASSERT_CODE(co_enrol_token(text, f->e, both, 2, second, NOW, &f->err), OR_INVAL);
	ASSERT_HAS(f->err.msg, "ttl is not from 10s to 7d");
	ASSERT_CODE(
	    co_enrol_token(text, f->e, both, 2, 8 * 86400 * second, NOW, &f->err), OR_INVAL);
	for (int i = 0; i < CO_TOKEN_MAX; i++)
		new_token(f, 1);
	ASSERT_CODE(co_enrol_token(text, f->e, both, 1, TTL, NOW, &f->err), OR_FULL);
	ASSERT_OK(co_enrol_token(text, f->e, both, 1, TTL, NOW + TTL + 1, &f->err), &f->err);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(join__gives_a_certificate_that_verifies),
	    T(join__refuses_a_token_that_is_not_good),
	    T(join__answers_the_agent_that_used_the_token_again),
	    T(join__refuses_a_proof_of_another_key_or_request),
	    T(join__refuses_an_agent_id_with_another_key),
	    T(join__refuses_what_is_malformed),
	    T(renewal__takes_the_certificate_in_place_of_a_token),
	    T(revoke__ends_an_agent_for_good),
	    T(save__keeps_tokens_used_or_not_over_a_restart),
	    T(save__tells_all_who_wait_and_none_that_cancelled),
	    T(save__says_when_the_disk_is_full_and_recovers),
	    T(open__names_a_file_that_is_not_ours),
	    T(token__bounds_products_life_and_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
