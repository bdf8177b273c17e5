/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/catalogue/catalogue.h"

#include "base/crypto.h"
#include "base/mem.h"
#include "base/str.h"
#include "collector/catalogue/entry.h"
#include "collector/catalogue/facts.h"
#include "collector/catalogue/search.h"
#include "collector/dora/dora.h"
#include "collector/dora/runs.h"

#define ARENA_MAX (64UL * 1024 * 1024)

struct co_catalogue {
	struct co_catalogue_opt opt;
	struct or_db *db;
	struct co_feed *feed;
	struct co_runs *runs;
};

typedef enum or_code work_fn(struct co_catalogue_call *call, struct or_jsonw *w);

struct co_catalogue_call {
	struct co_catalogue *catalogue;
	co_catalogue_fn *fn; /* NULL: cancelled */
	void *arg;
	work_fn *work;
	struct or_arena *arena;
	struct or_slice text; /* document, query or product's id */
	struct or_slice product, agent;
	int64_t sent_ns, now_ns;
	struct or_buf answer;
	enum or_code rc;
	struct or_err err;
};

enum or_code co_catalogue_open(
    struct co_catalogue **out, const struct co_catalogue_opt *opt, struct or_err *err)
{
	struct co_catalogue *c = or_mem_new(sizeof(*c));
	enum or_code rc;

	c->opt = *opt;
	rc = co_facts_open(&c->db, opt->path, err);
	if (rc) {
		or_mem_free(c);
		return rc;
	}
	c->feed = co_feed_new(&(struct co_feed_opt){.loop = opt->loop,
	    .slow = opt->slow,
	    .db = c->db,
	    .logs = opt->logs,
	    .n_logs = opt->n_logs});
	c->runs = co_runs_new(opt->loop, opt->slow, c->db);
	*out = c;
	return OR_OK;
}

void co_catalogue_close(struct co_catalogue *c)
{
	if (!c)
		return;
	co_feed_free(c->feed);
	co_runs_free(c->runs);
	or_db_close(c->db);
	or_mem_free(c);
}

void co_catalogue_event(
    struct co_catalogue *c, struct or_slice product, const struct wire_openlineage *event)
{
	co_runs_take(c->runs, product, event);
}

/* ---- calls */

static void on_work(void *arg)
{
	struct co_catalogue_call *call = arg;
	struct or_jsonw w;

	or_jsonw_init(&w, &call->answer, 0);
	call->rc = call->work(call, &w);
	or_buf_put_byte(&call->answer, '\n');
	if (!call->rc && !or_buf_ok(&call->answer))
		call->rc = or_err_set(&call->err, OR_FULL,
		    "the answer has more than %lu bytes; ask for less", CO_CATALOGUE_ANSWER_MAX);
}

static void on_done(void *arg)
{
	struct co_catalogue_call *call = arg;

	if (call->fn)
		call->fn(call->arg, call->rc,
		    call->rc ? OR_SLICE_NONE : or_buf_slice(&call->answer), &call->err);
	or_buf_done(&call->answer);
	or_arena_free(call->arena);
	or_mem_free(call);
}

void co_catalogue_cancel(struct co_catalogue_call *call)
{
	if (call)
		call->fn = NULL;
}

static struct co_catalogue_call *call_new(
    struct co_catalogue *c, work_fn *work, co_catalogue_fn *fn, void *arg)
{
	struct co_catalogue_call *call = or_mem_new(sizeof(*call));

	call->catalogue = c;
	call->work = work;
	call->fn = fn;
	call->arg = arg;
	call->now_ns = or_loop_wall_ns(c->opt.loop);
	call->arena = or_arena_new(ARENA_MAX);
	or_buf_init(&call->answer, CO_CATALOGUE_ANSWER_MAX);
	return call;
}

static struct co_catalogue_call *submit(struct co_catalogue_call *call)
{
	if (or_slow_submit(call->catalogue->opt.slow, on_work, on_done, call) == OR_OK)
		return call;
	call->fn = NULL;
	on_done(call);
	return NULL;
}

static enum or_code work_put(struct co_catalogue_call *call, struct or_jsonw *w)
{
	uint8_t sha256[OR_CRYPTO_HASH_LEN];
	struct dp_document document;
	bool is_new = false;
	struct or_buf hex;
	enum or_code rc = dp_document_parse(&document, call->text, call->arena, &call->err);

	or_buf_init(&hex, 2 * sizeof(sha256));
	or_crypto_sha256(sha256, call->text);
	or_str_hex_encode(&hex, or_slice(sha256, sizeof(sha256)));
	if (!rc)
		rc = co_entry_put(&is_new, call->catalogue->db,
		    &(struct co_entry){.product = call->product,
			.sha256 = or_buf_slice(&hex),
			.agent = call->agent,
			.sent_ns = call->sent_ns,
			.now_ns = call->now_ns},
		    &document, &call->err);
	if (!rc) {
		or_jsonw_object(w);
		or_jsonw_kv_str(w, "document", or_buf_slice(&hex));
		or_jsonw_kv_bool(w, "new", is_new);
		or_jsonw_end(w);
	}
	or_buf_done(&hex);
	return rc;
}

struct co_catalogue_call *co_catalogue_put(struct co_catalogue *c, struct or_slice document,
    struct or_slice product, struct or_slice agent, int64_t sent_ns, co_catalogue_fn *fn, void *arg)
{
	struct co_catalogue_call *call = call_new(c, work_put, fn, arg);

	call->text = or_arena_dup(call->arena, document);
	call->product = or_arena_dup(call->arena, product);
	call->agent = or_arena_dup(call->arena, agent);
	call->sent_ns = sent_ns;
	OR_ASSERT(!or_arena_is_full(call->arena)); /* a body is far smaller */
	return submit(call);
}

static enum or_code work_search(struct co_catalogue_call *call, struct or_jsonw *w)
{
	return co_search_put(w, call->catalogue->db, call->text, &call->err);
}

struct co_catalogue_call *co_catalogue_search(
    struct co_catalogue *c, struct or_slice query, co_catalogue_fn *fn, void *arg)
{
	struct co_catalogue_call *call = call_new(c, work_search, fn, arg);

	call->text = or_arena_dup(call->arena, query);
	return submit(call);
}

static enum or_code work_dora(struct co_catalogue_call *call, struct or_jsonw *w)
{
	return co_dora_put(w, call->catalogue->db, call->text, &call->err);
}

struct co_catalogue_call *co_catalogue_dora(
    struct co_catalogue *c, struct or_slice product, co_catalogue_fn *fn, void *arg)
{
	struct co_catalogue_call *call = call_new(c, work_dora, fn, arg);

	call->text = or_arena_dup(call->arena, product);
	return submit(call);
}
