/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   idle ─▶ (discovery ─▶) keys ─▶ idle, the timer set
 *    ▲ timer, unknown kid             └▶ who waits is called
 */
#include "agent/gate/jwks_remote.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

enum { DOCUMENT_MAX = 64 * 1024 };

#define EARLY_NS (5 * OR_NS_PER_S)
#define RETRY_NS OR_NS_PER_S
#define FETCH_NS (10 * OR_NS_PER_S)

struct ag_jwks_remote {
	struct ag_jwks_remote_opt opt;
	char *keys_url; /* of the discovery document, while it is known */
	struct or_fetch_call *call;
	struct or_loop_timer *timer;
	struct ag_jwks_remote_wait *first, *last;
	size_t n_waits;
	uint8_t hash[OR_CRYPTO_HASH_LEN]; /* of the set that is in force */
	int64_t came_ns;                  /* when it was last confirmed */
	int64_t no_kids_before_ns;
	int64_t retry_ns;
	uint64_t fetched, failed;
	bool came, expired;
	bool by_kid; /* the fetch under way was asked for out of turn */
};

static void start(struct ag_jwks_remote *r);
static void on_timer(void *arg);

/* -- who waits -- */

static void unlink_wait(struct ag_jwks_remote_wait *w)
{
	struct ag_jwks_remote *r = w->remote;

	if (w->prev)
		w->prev->next = w->next;
	else
		r->first = w->next;
	if (w->next)
		w->next->prev = w->prev;
	else
		r->last = w->prev;
	r->n_waits--;
	w->remote = NULL;
}

void ag_jwks_remote_cancel(struct ag_jwks_remote_wait *w)
{
	if (w->remote)
		unlink_wait(w);
}

/* Those that wait now; one that comes meanwhile waits for another fetch. */
static void call_all(struct ag_jwks_remote *r)
{
	for (size_t n = r->n_waits; n && r->first; n--) {
		struct ag_jwks_remote_wait *w = r->first;

		unlink_wait(w);
		w->fn(w->arg);
	}
}

bool ag_jwks_remote_want(
    struct ag_jwks_remote *r, struct ag_jwks_remote_wait *w, or_loop_fn *fn, void *arg)
{
	if (r->n_waits == AG_JWKS_REMOTE_WAITERS_MAX)
		return false;
	if (!r->call) {
		if (r->came && or_loop_now_ns(r->opt.loop) < r->no_kids_before_ns)
			return false;
		/* nothing came yet, and the last attempt failed a moment ago */
		if (!r->came && r->failed)
			return false;
		r->by_kid = true;
		start(r);
		if (!r->call)
			return false;
	}
	*w = (struct ag_jwks_remote_wait){.prev = r->last, .remote = r, .fn = fn, .arg = arg};
	if (r->last)
		r->last->next = w;
	else
		r->first = w;
	r->last = w;
	r->n_waits++;
	return true;
}

/* -- fetching -- */

static void again_in(struct ag_jwks_remote *r, int64_t ns)
{
	or_loop_timer_cancel(r->timer);
	r->timer = or_loop_timer_start(r->opt.loop, ns > 0 ? ns : 0, on_timer, r);
}

static void expire(struct ag_jwks_remote *r)
{
	if (!r->came || r->expired || or_loop_now_ns(r->opt.loop) - r->came_ns < r->opt.stale_ns)
		return;
	OR_LOG(OR_LOG_ERROR, "issuer.keys_expired", or_log_text("issuer", r->opt.issuer));
	r->expired = true;
	memset(r->hash, 0, sizeof(r->hash));
	r->opt.on_keys(r->opt.arg, NULL);
}

static void fail(struct ag_jwks_remote *r, const char *why)
{
	r->failed++;
	r->retry_ns = r->retry_ns ? 2 * r->retry_ns : RETRY_NS;
	if (r->retry_ns > AG_JWKS_REMOTE_RETRY_MAX_NS)
		r->retry_ns = AG_JWKS_REMOTE_RETRY_MAX_NS;
	OR_LOG(OR_LOG_WARN, "issuer.keys_not_fetched", or_log_text("issuer", r->opt.issuer),
	    or_log_text("why", why));
	or_mem_free(r->keys_url);
	r->keys_url = NULL;
	expire(r);
	if (r->by_kid)
		r->no_kids_before_ns = or_loop_now_ns(r->opt.loop) + AG_JWKS_REMOTE_KID_NS;
	r->by_kid = false;
	again_in(r, r->retry_ns);
	call_all(r);
}

static void take_keys(struct ag_jwks_remote *r, struct or_slice text)
{
	uint8_t hash[OR_CRYPTO_HASH_LEN];
	struct ag_jwks *set;
	struct or_err err = {0};
	bool changed;

	if (ag_jwks_parse(&set, text, &err)) {
		fail(r, err.msg);
		return;
	}
	or_crypto_sha256(hash, text);
	changed = !r->came || memcmp(hash, r->hash, sizeof(hash)) != 0;
	memcpy(r->hash, hash, sizeof(hash));
	r->fetched++;
	r->came = true;
	r->expired = false;
	r->retry_ns = 0;
	r->came_ns = or_loop_now_ns(r->opt.loop);
	if (r->by_kid && !changed) {
		OR_LOG(OR_LOG_WARN, "issuer.key_unknown", or_log_text("issuer", r->opt.issuer));
		r->no_kids_before_ns = r->came_ns + AG_JWKS_REMOTE_KID_NS;
	}
	r->by_kid = false;
	again_in(r, r->opt.cache_ns > 2 * EARLY_NS ? r->opt.cache_ns - EARLY_NS : r->opt.cache_ns);
	if (changed) {
		OR_LOG(OR_LOG_INFO, "issuer.keys_taken", or_log_text("issuer", r->opt.issuer),
		    or_log_u64("keys", ag_jwks_count(set)));
		r->opt.on_keys(r->opt.arg, set);
	} else {
		ag_jwks_free(set); /* verdicts that are remembered stay */
	}
	call_all(r);
}

static const char *why_not(const struct or_http_client_answer *answer)
{
	if (answer->err)
		return answer->err->msg;
	return answer->status == 200 ? NULL : "another status than 200";
}

static void on_keys(void *arg, const struct or_http_client_answer *answer)
{
	struct ag_jwks_remote *r = arg;
	const char *why = why_not(answer);

	r->call = NULL;
	if (why)
		fail(r, why);
	else
		take_keys(r, answer->body);
}

static void fetch(struct ag_jwks_remote *r, const char *url, size_t max, or_http_client_fn *fn)
{
	static const struct or_http_field accept = {
	    OR_SLICE_LIT("Accept"), OR_SLICE_LIT("application/json")};
	struct or_fetch_req req = {
	    .url = url, .fields = &accept, .n_fields = 1, .max = max, .total_ns = FETCH_NS};
	struct or_err err = {0};

	if (or_fetch_is_open(url))
		fail(r, "keys over plain http from another host could be anybody's");
	else if (or_fetch_start(&r->call, r->opt.fetch, &req, fn, r, &err))
		fail(r, err.msg);
}

/* The document's jwks_uri, once it is known to be this issuer's. */
static const char *read_document(struct ag_jwks_remote *r, struct or_slice text)
{
	struct or_arena *a = or_arena_new(4 * DOCUMENT_MAX);
	const char *why = NULL;
	struct or_slice url;
	const struct or_json *j;

	if (or_json_parse(&j, text, a, NULL)) {
		why = "the discovery document is no JSON";
	} else if (!or_slice_is(or_json_get_str(j, "issuer"), r->opt.issuer)) {
		why = "the discovery document is another issuer's";
	} else {
		url = or_json_get_str(j, "jwks_uri");
		if (!url.n || url.n > OR_FETCH_URL_MAX || memchr(url.p, 0, url.n))
			why = "the discovery document has no jwks_uri";
		else
			r->keys_url = or_mem_dup(url);
	}
	or_arena_free(a);
	return why;
}

static void on_document(void *arg, const struct or_http_client_answer *answer)
{
	struct ag_jwks_remote *r = arg;
	const char *why = why_not(answer);

	r->call = NULL;
	if (!why)
		why = read_document(r, answer->body);
	if (why)
		fail(r, why);
	else
		fetch(r, r->keys_url, AG_JWKS_TEXT_MAX, on_keys);
}

static void start(struct ag_jwks_remote *r)
{
	or_loop_timer_cancel(r->timer);
	r->timer = NULL;
	if (r->opt.jwks)
		fetch(r, r->opt.jwks, AG_JWKS_TEXT_MAX, on_keys);
	else if (r->keys_url)
		fetch(r, r->keys_url, AG_JWKS_TEXT_MAX, on_keys);
	else
		fetch(r, r->opt.discovery, DOCUMENT_MAX, on_document);
}

/* In turn: where the keys lie may have changed as well. */
static void on_timer(void *arg)
{
	struct ag_jwks_remote *r = arg;

	r->timer = NULL;
	or_mem_free(r->keys_url);
	r->keys_url = NULL;
	expire(r);
	start(r);
}

struct ag_jwks_remote *ag_jwks_remote_new(const struct ag_jwks_remote_opt *opt)
{
	struct ag_jwks_remote *r = or_mem_new(sizeof(*r));

	r->opt = *opt;
	r->opt.cache_ns = opt->cache_ns ? opt->cache_ns : AG_JWKS_REMOTE_CACHE_NS;
	r->opt.stale_ns = opt->stale_ns ? opt->stale_ns : AG_JWKS_REMOTE_STALE_NS;
	again_in(r, 0);
	return r;
}

void ag_jwks_remote_free(struct ag_jwks_remote *r)
{
	if (!r)
		return;
	while (r->first)
		unlink_wait(r->first);
	or_fetch_cancel(r->call);
	or_loop_timer_cancel(r->timer);
	or_mem_free(r->keys_url);
	or_mem_free(r);
}

struct ag_jwks_remote_state ag_jwks_remote_state_get(const struct ag_jwks_remote *r)
{
	return (struct ag_jwks_remote_state){.fetched = r->fetched,
	    .failed = r->failed,
	    .age_ns = r->came ? or_loop_now_ns(r->opt.loop) - r->came_ns : -1,
	    .expired = r->expired};
}
