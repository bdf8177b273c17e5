/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/enrol/enrol.h"

#include "base/json.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "base/sys.h"
#include "proto/cert.h"
#include "proto/enrol.h"

#include <limits.h>
#include <stdio.h>

enum { FILE_MAX = 64 * 1024, BODY_MAX = 256 * 1024, ARENA_MAX = 1024 * 1024 };

#define RETRY_MIN_NS (500 * OR_NS_PER_MS)
#define RETRY_MAX_NS (60 * OR_NS_PER_S)
#define CALL_NS      (15 * OR_NS_PER_S)

struct ag_enrol {
	struct or_loop *loop;
	struct ag_enrol_opt opt;
	uint8_t id[AG_ENROL_ID_LEN];
	char id_text[WIRE_ENROL_UUID_CHARS + 1];
	struct or_crypto_key *key;
	struct or_buf public_key, cert;
	int64_t not_before_ns, not_after_ns; /* of cert */
	struct or_loop_timer *timer;
	struct or_http_client_call *call;
	struct or_buf body; /* of the request in flight */
	int64_t retry_ns;
	struct or_err error;
};

static void attempt(void *arg);

static void path_of(char out[PATH_MAX], const struct ag_enrol *e, const char *name)
{
	snprintf(out, PATH_MAX, "%s/%s", e->opt.state_dir, name);
}

static enum or_code load_id(struct ag_enrol *e, struct or_err *err)
{
	char path[PATH_MAX];
	struct or_buf text;
	enum or_code rc;

	path_of(path, e, "agent_id");
	or_buf_init(&text, 128);
	rc = or_sys_read_file(&text, path, err);
	if (rc == OR_ABSENT) {
		or_rng_uuid(e->id_text);
		or_buf_put_str(&text, e->id_text);
		rc = or_sys_write_file(path, or_buf_slice(&text), 0600, err);
	}
	if (rc == OR_OK && wire_enrol_uuid_parse(e->id, or_buf_slice(&text)))
		rc = or_err_set(err, OR_CORRUPT, "%s: not a UUID", path);
	if (rc == OR_OK)
		wire_enrol_uuid_text(e->id_text, e->id);
	or_buf_done(&text);
	return rc;
}

static enum or_code load_key(struct ag_enrol *e, struct or_err *err)
{
	char path[PATH_MAX];
	struct or_buf pem;
	enum or_code rc;

	path_of(path, e, "agent.pem");
	or_buf_init(&pem, FILE_MAX);
	rc = or_sys_read_file(&pem, path, err);
	if (rc == OR_ABSENT) {
		rc = or_crypto_key_new(&e->key, OR_CRYPTO_ED25519, err);
		if (rc == OR_OK)
			rc = or_crypto_key_to_pem(&pem, e->key, true);
		if (rc == OR_OK)
			rc = or_sys_write_file(path, or_buf_slice(&pem), 0600, err);
	} else if (rc == OR_OK) {
		rc = or_crypto_key_from_pem(&e->key, or_buf_slice(&pem), err);
		if (rc)
			or_err_wrap(err, rc, "%s", path);
	}
	if (rc == OR_OK && (or_crypto_key_kind(e->key) != OR_CRYPTO_ED25519 ||
			       or_crypto_key_public(&e->public_key, e->key)))
		rc = or_err_set(err, OR_CORRUPT, "%s: not an Ed25519 key", path);
	or_mem_wipe(pem.p, pem.n);
	or_buf_done(&pem);
	return rc;
}

/* Takes a certificate that is for this agent, this key and this product. */
static enum or_code take_cert(struct ag_enrol *e, struct or_slice bytes, struct or_err *err)
{
	struct or_arena *a = or_arena_new(ARENA_MAX);
	struct wire_cert cert;
	enum or_code rc = wire_cert_decode(&cert, bytes, a, err);

	if (rc == OR_OK && (!or_slice_eq(cert.agent_id, or_slice(e->id, sizeof(e->id))) ||
			       !or_slice_eq(cert.public_key, or_buf_slice(&e->public_key)) ||
			       !wire_cert_has_product(&cert, or_slice_str(e->opt.product))))
		rc = or_err_set(err, OR_DENIED,
		    "the certificate is for another agent, key or product than %s", e->opt.product);
	if (rc == OR_OK) {
		e->not_before_ns = (int64_t)cert.not_before_ns;
		e->not_after_ns = (int64_t)cert.not_after_ns;
		or_buf_clear(&e->cert);
		or_buf_put_slice(&e->cert, bytes);
	}
	or_arena_free(a);
	return rc;
}

static void load_cert(struct ag_enrol *e)
{
	char path[PATH_MAX];
	struct or_buf bytes;
	struct or_err err;

	path_of(path, e, "agent.cert");
	or_buf_init(&bytes, WIRE_CERT_MAX);
	/* A certificate that does not fit any more is asked for anew. */
	if (or_sys_read_file(&bytes, path, &err) == OR_OK &&
	    take_cert(e, or_buf_slice(&bytes), &err))
		OR_LOG(
		    OR_LOG_WARN, "enrol.cert_unfit", or_log_text("file", path), or_log_err(&err));
	or_buf_done(&bytes);
}

static void schedule(struct ag_enrol *e, int64_t after_ns)
{
	or_loop_timer_cancel(e->timer);
	e->timer = or_loop_timer_start(e->loop, after_ns > 0 ? after_ns : 0, attempt, e);
}

/* A third of its life before the end, or now. */
static void schedule_renewal(struct ag_enrol *e)
{
	int64_t life = e->not_after_ns - e->not_before_ns;

	schedule(e, e->not_after_ns - life / 3 - or_loop_wall_ns(e->loop));
}

static void failed(struct ag_enrol *e)
{
	OR_LOG(OR_LOG_WARN, "enrol.failed", or_log_err(&e->error));
	e->retry_ns = e->retry_ns * 2 < RETRY_MAX_NS ? e->retry_ns * 2 : RETRY_MAX_NS;
	schedule(e, e->retry_ns);
}

static enum or_code read_answer(struct ag_enrol *e, struct or_slice body, struct or_err *err)
{
	struct or_arena *a = or_arena_new(ARENA_MAX);
	const struct or_json *j;
	struct or_buf bytes;
	char path[PATH_MAX];
	enum or_code rc = or_json_parse(&j, body, a, err);

	or_buf_init(&bytes, WIRE_CERT_MAX);
	if (rc == OR_OK &&
	    (or_str_base64_decode(&bytes, or_json_get_str(j, "certificate")) || bytes.n == 0))
		rc = or_err_set(err, OR_PARSE, "the collector's answer holds no certificate");
	if (rc == OR_OK)
		rc = take_cert(e, or_buf_slice(&bytes), err);
	path_of(path, e, "agent.cert");
	if (rc == OR_OK)
		rc = or_sys_write_file(path, or_buf_slice(&bytes), 0600, err);
	or_buf_done(&bytes);
	or_arena_free(a);
	return rc;
}

static void read_refusal(struct ag_enrol *e, const struct or_http_client_answer *answer)
{
	struct or_arena *a = or_arena_new(ARENA_MAX);
	const struct or_json *j;
	struct or_slice message = OR_SLICE_NONE;

	if (or_json_parse(&j, answer->body, a, NULL) == OR_OK)
		message = or_json_get_str(j, "message");
	or_err_set(&e->error, OR_DENIED, "enrolment at %s: answer %u%s%.*s", e->opt.origin,
	    answer->status, message.n ? ": " : "", OR_SLICE_FMT(message));
	or_arena_free(a);
}

static void on_answer(void *arg, const struct or_http_client_answer *answer)
{
	struct ag_enrol *e = arg;

	e->call = NULL;
	or_mem_wipe(e->body.p, e->body.n);
	or_buf_clear(&e->body);
	if (answer->err && answer->err->code) {
		e->error = *answer->err;
		or_err_wrap(&e->error, e->error.code, "enrolment at %s", e->opt.origin);
		failed(e);
		return;
	}
	if (answer->status != 200) {
		read_refusal(e, answer);
		failed(e);
		return;
	}
	if (read_answer(e, answer->body, &e->error)) {
		failed(e);
		return;
	}
	e->error = (struct or_err){0};
	e->retry_ns = RETRY_MIN_NS;
	OR_LOG(OR_LOG_INFO, "enrol.done", or_log_text("agent_id", e->id_text));
	schedule_renewal(e);
	if (e->opt.on_cert)
		e->opt.on_cert(e->opt.arg);
}

static void put_base64(struct or_jsonw *w, const char *key, struct or_slice bytes)
{
	struct or_buf text;

	or_buf_init(&text, FILE_MAX);
	or_str_base64_encode(&text, bytes);
	or_jsonw_kv_str(w, key, or_buf_slice(&text));
	or_buf_done(&text);
}

/* credential: the join token's text or the certificate's bytes. */
static enum or_code put_body(
    struct ag_enrol *e, struct or_slice credential, bool renews, struct or_err *err)
{
	struct or_slice product = or_slice_str(e->opt.product);
	struct wire_enrol proof = {.credential = credential,
	    .agent_id = or_slice_str(e->id_text),
	    .public_key = or_buf_slice(&e->public_key),
	    .products = &product,
	    .n_products = 1};
	struct or_jsonw w;
	struct or_buf sig;

	or_buf_init(&sig, OR_CRYPTO_SIG_MAX);
	if (wire_enrol_sign(&sig, &proof, e->key)) {
		or_buf_done(&sig);
		return or_err_set(err, OR_INVAL, "the agent's key cannot sign");
	}
	or_buf_clear(&e->body);
	or_jsonw_init(&w, &e->body, 0);
	or_jsonw_object(&w);
	if (renews)
		put_base64(&w, "certificate", credential);
	else
		or_jsonw_kv_str(&w, "join_token", credential);
	or_jsonw_kv_text(&w, "agent_id", e->id_text);
	put_base64(&w, "public_key", or_buf_slice(&e->public_key));
	or_jsonw_key(&w, "products");
	or_jsonw_array(&w);
	or_jsonw_str(&w, product);
	or_jsonw_end(&w);
	put_base64(&w, "proof", or_buf_slice(&sig));
	or_jsonw_end(&w);
	or_buf_done(&sig);
	return OR_OK;
}

static enum or_code make_body(struct ag_enrol *e, struct or_err *err)
{
	struct or_slice cert = ag_enrol_cert(e), token;
	struct or_buf text;
	enum or_code rc;

	if (cert.n)
		return put_body(e, cert, true, err);
	if (!e->opt.join_token_file)
		return or_err_set(err, OR_ABSENT,
		    "not enrolled: give collector.join-token-file, a file with a join token");
	or_buf_init(&text, 4096);
	rc = or_sys_read_file(&text, e->opt.join_token_file, err);
	token = or_buf_slice(&text);
	while (token.n && (token.p[token.n - 1] == '\n' || token.p[token.n - 1] == '\r'))
		token.n--;
	if (rc == OR_OK)
		rc = put_body(e, token, false, err);
	or_mem_wipe(text.p, text.n);
	or_buf_done(&text);
	return rc;
}

static void attempt(void *arg)
{
	struct ag_enrol *e = arg;
	struct or_http_field type = {
	    .name = OR_SLICE_LIT("Content-Type"), .value = OR_SLICE_LIT("application/json")};
	struct or_http_client_req req = {.origin = e->opt.origin,
	    .method = OR_SLICE_LIT("POST"),
	    .target = OR_SLICE_LIT("/v1/enrol"),
	    .fields = &type,
	    .n_fields = 1,
	    .total_ns = CALL_NS};

	e->timer = NULL;
	if (make_body(e, &e->error)) {
		failed(e);
		return;
	}
	req.body = or_buf_slice(&e->body);
	if (or_http_client_fetch(
		&e->call, e->opt.client, &req, BODY_MAX, on_answer, e, &e->error)) {
		e->call = NULL;
		failed(e);
	}
}

enum or_code ag_enrol_new(
    struct ag_enrol **out, struct or_loop *loop, const struct ag_enrol_opt *opt, struct or_err *err)
{
	struct ag_enrol *e = or_mem_new(sizeof(*e));
	enum or_code rc;

	e->loop = loop;
	e->opt = *opt;
	e->retry_ns = RETRY_MIN_NS;
	or_buf_init(&e->public_key, OR_CRYPTO_ED25519_LEN);
	or_buf_init(&e->cert, WIRE_CERT_MAX);
	or_buf_init(&e->body, BODY_MAX);
	rc = load_id(e, err);
	if (rc == OR_OK)
		rc = load_key(e, err);
	if (rc) {
		ag_enrol_free(e);
		return rc;
	}
	load_cert(e);
	if (!opt->origin)
		or_err_set(&e->error, OR_ABSENT, "no collector is configured (collector.url)");
	else if (ag_enrol_cert(e).n)
		schedule_renewal(e);
	else
		schedule(e, 0);
	*out = e;
	return OR_OK;
}

void ag_enrol_free(struct ag_enrol *e)
{
	if (!e)
		return;
	or_loop_timer_cancel(e->timer);
	or_http_client_cancel(e->call);
	or_crypto_key_free(e->key);
	or_buf_done(&e->public_key);
	or_buf_done(&e->cert);
	or_buf_done(&e->body);
	or_mem_free(e);
}

const uint8_t *ag_enrol_id(const struct ag_enrol *e)
{
	return e->id;
}

const char *ag_enrol_id_text(const struct ag_enrol *e)
{
	return e->id_text;
}

const struct or_crypto_key *ag_enrol_key(const struct ag_enrol *e)
{
	return e->key;
}

struct or_slice ag_enrol_cert(const struct ag_enrol *e)
{
	int64_t now = or_loop_wall_ns(e->loop);

	if (e->cert.n == 0 || now >= e->not_after_ns)
		return OR_SLICE_NONE;
	return or_buf_slice(&e->cert);
}

const struct or_err *ag_enrol_error(const struct ag_enrol *e)
{
	return &e->error;
}
