/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saving: changes raise `changed`; one write at a time takes a snapshot of everything, and when it
 * has ended those who wait for a change up to its number are told. What came meanwhile starts the
 * next write. The agents are written before the tokens: after a crash in between the token is
 * still there for the agent that asks again.
 */
#include "collector/enrol/enrol.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"

#define FILE_BYTES_MAX (64UL * 1024 * 1024)
#define SKEW_NS        (60 * OR_NS_PER_S) /* a certificate is valid a little before it is issued */

struct waiter {
	struct waiter *next;
	co_enrol_saved_fn *done; /* NULL: cancelled */
	void *arg;
	uint64_t change;
};

struct co_enrol {
	struct co_enrol_opt opt;
	struct co_agents agents;
	struct co_token_set tokens;
	char *agents_path;
	char *tokens_path;

	uint64_t changed; /* number of the latest change */
	uint64_t writing; /* one more than the last change in the write under way; 0: none is */
	struct waiter *waiters;
	struct waiter **last;

	/* The slow thread's, while a write is under way. */
	struct or_buf agents_json;
	struct or_buf tokens_json;
	enum or_code rc;
	struct or_err err;
};

/* ---- loading */

static enum or_code read_json(
    const struct or_json **out, const char *path, struct or_arena **a, struct or_err *err)
{
	struct or_buf text;
	enum or_code rc;

	*a = or_arena_new(0);
	or_buf_init(&text, FILE_BYTES_MAX);
	rc = or_sys_read_file(&text, path, err);
	if (rc == OR_OK) {
		/* The tree borrows nothing from the text. */
		rc = or_json_parse(out, or_buf_slice(&text), *a, err);
		if (rc)
			rc = or_err_set(err, OR_CORRUPT, "%s is not JSON", path);
	}
	or_buf_done(&text);
	return rc;
}

static enum or_code load(struct co_enrol *e, struct or_err *err)
{
	const struct or_json *j;
	struct or_arena *a;
	enum or_code rc = read_json(&j, e->agents_path, &a, err);

	if (rc == OR_OK && (rc = co_agents_read(&e->agents, j, err)))
		or_err_wrap(err, rc, "%s", e->agents_path);
	or_arena_free(a);
	if (rc && rc != OR_ABSENT)
		return rc;
	rc = read_json(&j, e->tokens_path, &a, err);
	if (rc == OR_OK && (rc = co_token_read(&e->tokens, j, err)))
		or_err_wrap(err, rc, "%s", e->tokens_path);
	or_arena_free(a);
	return rc == OR_ABSENT ? OR_OK : rc;
}

static char *path_of(const char *dir, const char *name)
{
	struct or_buf b;
	char *path;

	or_buf_init(&b, 4096);
	or_buf_printf(&b, "%s/%s", dir, name);
	path = or_mem_strdup(or_buf_text(&b));
	or_buf_done(&b);
	return path;
}

enum or_code co_enrol_open(
    struct co_enrol **out, const struct co_enrol_opt *opt, struct or_err *err)
{
	struct co_enrol *e;
	enum or_code rc = or_sys_mkdir(opt->dir, 0700, err);

	if (rc)
		return rc;
	e = or_mem_new(sizeof(*e));
	e->opt = *opt;
	e->agents_path = path_of(opt->dir, "agents.json");
	e->tokens_path = path_of(opt->dir, "join_tokens.json");
	e->last = &e->waiters;
	co_agents_init(&e->agents);
	co_token_init(&e->tokens);
	or_buf_init(&e->agents_json, FILE_BYTES_MAX);
	or_buf_init(&e->tokens_json, FILE_BYTES_MAX);
	rc = load(e, err);
	if (rc)
		co_enrol_close(e);
	else
		*out = e;
	return rc;
}

void co_enrol_close(struct co_enrol *e)
{
	struct waiter *next;

	if (!e)
		return;
	OR_ASSERT(!e->writing);
	for (struct waiter *w = e->waiters; w; w = next) {
		next = w->next;
		or_mem_free(w);
	}
	co_agents_done(&e->agents);
	co_token_done(&e->tokens);
	or_buf_done(&e->agents_json);
	or_buf_done(&e->tokens_json);
	or_mem_free(e->agents_path);
	or_mem_free(e->tokens_path);
	or_mem_free(e);
}

/* ---- deciding */

static bool is_product(struct or_slice s)
{
	/* "*" is the collector's own certificate alone. */
	if (s.n == 0 || or_slice_is(s, "*") || s.n > CO_ENROL_PRODUCT_MAX || !or_str_is_utf8(s))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] == 0x7F)
			return false;
	}
	return true;
}

static enum or_code check_products(const struct or_slice *products, size_t n, struct or_err *err)
{
	if (n == 0)
		return or_err_set(err, OR_INVAL, "products names none: name at least one");
	if (n > WIRE_CERT_PRODUCTS_MAX)
		return or_err_set(
		    err, OR_FULL, "products names more than %d", WIRE_CERT_PRODUCTS_MAX);
	for (size_t i = 0; i < n; i++) {
		if (!is_product(products[i]))
			return or_err_set(err, OR_INVAL,
			    "products: number %zu is not a name of 1 to %d bytes without blanks",
			    i + 1, CO_ENROL_PRODUCT_MAX);
		for (size_t j = 0; j < i; j++) {
			if (or_slice_eq(products[i], products[j]))
				return or_err_set(err, OR_INVAL,
				    "products: \"%.*s\" is there twice", OR_SLICE_FMT(products[i]));
		}
	}
	return OR_OK;
}

enum or_code co_enrol_token(char out[CO_TOKEN_TEXT_LEN + 1], struct co_enrol *e,
    const struct or_slice *products, size_t n_products, int64_t ttl_ns, int64_t now_ns,
    struct or_err *err)
{
	enum or_code rc = check_products(products, n_products, err);

	if (rc)
		return rc;
	if (ttl_ns < CO_TOKEN_TTL_MIN_NS || ttl_ns > CO_TOKEN_TTL_MAX_NS)
		return or_err_set(err, OR_INVAL, "ttl is not from 10s to 7d");
	if (co_token_new(out, &e->tokens, products, n_products, now_ns + ttl_ns, now_ns))
		return or_err_set(err, OR_FULL,
		    "%d join tokens have not expired yet; use some of them, or wait", CO_TOKEN_MAX);
	e->changed++;
	return OR_OK;
}

static enum or_code deny(
    const char **reason, const char *why, struct or_err *err, const char *message)
{
	*reason = why;
	return or_err_set(err, OR_DENIED, "%s", message);
}

static enum or_code deny_product(
    const char **reason, struct or_err *err, const char *who, struct or_slice product)
{
	*reason = "product_not_allowed";
	return or_err_set(
	    err, OR_DENIED, "%s is not for product \"%.*s\"", who, OR_SLICE_FMT(product));
}

/* May the holder of this token have these products? *out is the token. */
static enum or_code check_token(struct co_token_entry **out, struct co_enrol *e,
    const struct co_enrol_request *r, const uint8_t *uuid, int64_t now_ns, const char **reason,
    struct or_err *err)
{
	struct co_token_entry *t = co_token_find(&e->tokens, r->join_token);

	if (!t)
		return deny(reason, "token_unknown", err,
		    "this join token is not known here; ask for a new one");
	if (t->used && memcmp(t->used_by, uuid, sizeof(t->used_by)) != 0)
		return deny(reason, "token_used", err,
		    "another agent used this join token; ask for a new one");
	if (now_ns >= t->expires_ns)
		return deny(
		    reason, "token_expired", err, "this join token has expired; ask for a new one");
	for (size_t i = 0; i < r->n_products; i++) {
		if (!co_token_has_product(t, r->products[i]))
			return deny_product(reason, err, "this join token", r->products[i]);
	}
	*out = t;
	return OR_OK;
}

static enum or_code check_certificate(struct co_enrol *e, const struct co_enrol_request *r,
    const uint8_t *uuid, int64_t now_ns, const char **reason, struct or_err *err)
{
	struct or_arena *a = or_arena_new(0);
	struct wire_cert c;
	enum or_code rc = wire_cert_decode(&c, r->certificate, a, NULL);

	if (rc == OR_OK)
		rc = wire_cert_verify(&c, e->opt.issuer, now_ns, NULL);
	if (rc == OR_STALE)
		rc = deny(reason, "certificate_expired", err,
		    "the certificate has expired; enrol with a new join token");
	else if (rc)
		rc = deny(reason, "certificate_invalid", err,
		    "this collector did not issue that certificate");
	else if (memcmp(c.agent_id.p, uuid, WIRE_ENROL_UUID_LEN) != 0 ||
		 !or_slice_eq(c.public_key, r->public_key))
		rc = deny(reason, "certificate_invalid", err,
		    "the certificate is for another agent_id or public_key");
	for (size_t i = 0; rc == OR_OK && i < r->n_products; i++) {
		if (!wire_cert_has_product(&c, r->products[i]))
			rc = deny_product(reason, err, "the certificate", r->products[i]);
	}
	or_arena_free(a);
	return rc;
}

static enum or_code check_shape(uint8_t *uuid, const struct co_enrol_request *r, struct or_err *err)
{
	if ((r->join_token.n == 0) == (r->certificate.n == 0))
		return or_err_set(
		    err, OR_INVAL, "give either join_token or certificate, and not both");
	if (wire_enrol_uuid_parse(uuid, r->agent_id))
		return or_err_set(err, OR_INVAL, "agent_id is not a UUID in lower case");
	if (r->public_key.n != OR_CRYPTO_ED25519_LEN)
		return or_err_set(err, OR_INVAL, "public_key is not 32 bytes");
	return check_products(r->products, r->n_products, err);
}

static enum or_code check_proof(
    const struct co_enrol_request *r, const char **reason, struct or_err *err)
{
	const struct wire_enrol statement = {
	    .credential = r->join_token.n ? r->join_token : r->certificate,
	    .agent_id = r->agent_id,
	    .public_key = r->public_key,
	    .products = r->products,
	    .n_products = r->n_products,
	};

	if (wire_enrol_verify(&statement, r->proof) == OR_OK)
		return OR_OK;
	return deny(
	    reason, "bad_proof", err, "proof is not the signature of public_key over this request");
}

enum or_code co_enrol_issue(struct co_enrol_grant *out, struct co_enrol *e,
    const struct co_agents_grant *who, int64_t now_ns, struct or_err *err)
{
	struct co_agents_grant grant = *who;
	int64_t not_after_ns = who->not_after_ns ? who->not_after_ns : now_ns + e->opt.life_ns;
	struct wire_cert c = {.agent_id = or_slice(who->uuid, WIRE_ENROL_UUID_LEN),
	    .public_key = who->public_key,
	    .products = who->products,
	    .n_products = who->n_products,
	    .not_before_ns = (uint64_t)(now_ns - SKEW_NS),
	    .not_after_ns = (uint64_t)not_after_ns};
	struct or_buf cert;
	enum or_code rc;

	or_buf_init(&cert, WIRE_CERT_MAX);
	grant.not_after_ns = not_after_ns;
	rc = wire_cert_issue(&cert, &c, e->opt.issuer, err);
	if (rc == OR_OK)
		rc = co_agents_put(&e->agents, &grant, now_ns, err);
	if (rc) {
		or_buf_done(&cert);
		return rc;
	}
	e->changed++;
	out->certificate = cert;
	out->not_after_ns = grant.not_after_ns;
	return OR_OK;
}

enum or_code co_enrol_join(struct co_enrol_grant *out, struct co_enrol *e,
    const struct co_enrol_request *r, int64_t now_ns, const char **reason, struct or_err *err)
{
	uint8_t uuid[WIRE_ENROL_UUID_LEN];
	struct co_token_entry *token = NULL;
	struct co_agents_grant who = {.uuid = uuid,
	    .public_key = r->public_key,
	    .products = r->products,
	    .n_products = r->n_products};
	enum or_code rc = check_shape(uuid, r, err);

	*reason = "invalid";
	if (rc)
		return rc;
	rc = r->join_token.n ? check_token(&token, e, r, uuid, now_ns, reason, err)
			     : check_certificate(e, r, uuid, now_ns, reason, err);
	if (rc == OR_OK)
		rc = check_proof(r, reason, err);
	if (rc)
		return rc;
	rc = co_enrol_issue(out, e, &who, now_ns, err);
	if (rc == OR_DENIED)
		*reason = "agent_refused";
	if (rc == OR_OK && token) {
		token->used = true;
		memcpy(token->used_by, uuid, sizeof(token->used_by));
	}
	return rc;
}

enum or_code co_enrol_revoke(
    struct co_enrol *e, const uint8_t *uuid, int64_t now_ns, struct or_err *err)
{
	struct co_agents_entry *entry = co_agents_find(&e->agents, uuid);

	if (!entry)
		return or_err_set(err, OR_ABSENT, "no agent with this id is enrolled");
	if (!entry->revoked_ns) {
		entry->revoked_ns = now_ns;
		e->changed++;
	}
	return OR_OK;
}

bool co_enrol_is_revoked(const struct co_enrol *e, const uint8_t *uuid)
{
	const struct co_agents_entry *entry = co_agents_find(&e->agents, uuid);

	return entry && entry->revoked_ns;
}

const struct co_agents *co_enrol_agents(const struct co_enrol *e)
{
	return &e->agents;
}

/* ---- saving */

static enum or_code start_write(struct co_enrol *e);

/* On the slow thread. */
static void write_files(void *arg)
{
	struct co_enrol *e = arg;

	e->rc = or_sys_write_file(e->agents_path, or_buf_slice(&e->agents_json), 0600, &e->err);
	if (e->rc == OR_OK)
		e->rc =
		    or_sys_write_file(e->tokens_path, or_buf_slice(&e->tokens_json), 0600, &e->err);
}

/* Tells those who wait for a change up to this one; the list is in the order of changes. A callback
 * may save and cancel. */
static void tell(struct co_enrol *e, uint64_t change, enum or_code rc, const struct or_err *err)
{
	struct waiter *w;

	while ((w = e->waiters) && w->change <= change) {
		e->waiters = w->next;
		if (!e->waiters)
			e->last = &e->waiters;
		if (w->done)
			w->done(w->arg, rc, err);
		or_mem_free(w);
	}
}

static void on_written(void *arg)
{
	struct co_enrol *e = arg;
	uint64_t change = e->writing - 1;
	struct or_err err;

	e->writing = 0;
	or_buf_done(&e->agents_json);
	or_buf_done(&e->tokens_json);
	tell(e, change, e->rc, &e->err);
	if (!e->waiters || e->writing)
		return;
	if (start_write(e)) {
		or_err_set(&err, OR_FULL, "the disk cannot keep up; try again");
		tell(e, UINT64_MAX, OR_FULL, &err);
	}
}

static void snapshot(struct co_enrol *e)
{
	struct or_jsonw w;

	or_buf_clear(&e->agents_json);
	or_buf_clear(&e->tokens_json);
	or_jsonw_init(&w, &e->agents_json, 1);
	co_agents_write(&w, &e->agents);
	or_buf_put_byte(&e->agents_json, '\n');
	or_jsonw_init(&w, &e->tokens_json, 1);
	co_token_write(&w, &e->tokens);
	or_buf_put_byte(&e->tokens_json, '\n');
}

static enum or_code start_write(struct co_enrol *e)
{
	enum or_code rc = OR_FULL;

	snapshot(e);
	if (or_buf_ok(&e->agents_json) && or_buf_ok(&e->tokens_json))
		rc = or_slow_submit(e->opt.slow, write_files, on_written, e);
	if (rc == OR_OK)
		e->writing = e->changed + 1;
	return rc;
}

enum or_code co_enrol_save(struct co_enrol *e, co_enrol_saved_fn *done, void *arg)
{
	struct waiter *w;
	enum or_code rc = e->writing ? OR_OK : start_write(e);

	if (rc)
		return rc;
	w = or_mem_new(sizeof(*w));
	w->done = done;
	w->arg = arg;
	w->change = e->changed;
	*e->last = w;
	e->last = &w->next;
	return OR_OK;
}

void co_enrol_save_cancel(struct co_enrol *e, const void *arg)
{
	for (struct waiter *w = e->waiters; w; w = w->next) {
		if (w->arg == arg)
			w->done = NULL;
	}
}
