/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "collector/ingest/inputs.h"
#include "collector/ingest/state.h"

enum {
	CALL_ARENA = 4 * 1024 * 1024,
	LOOKS_MAX = 8, /* times that one call may have to look up what is stored */
};

static void proceed(struct co_ingest_call *c);

/* A stream's frames are stored in the order in which they came: while one looks up what is stored,
 * those behind it wait. */

static void enqueue(struct co_ingest_call *c)
{
	struct co_ingest_call **at = &c->in->queue;

	if (c->is_queued)
		return;
	while (*at)
		at = &(*at)->next;
	*at = c;
	c->is_queued = true;
}

static void dequeue(struct co_ingest_call *c)
{
	struct co_ingest_call **at = &c->in->queue;

	if (!c->is_queued)
		return;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->next = NULL;
	c->is_queued = false;
}

static bool is_behind_another(const struct co_ingest_call *c)
{
	for (const struct co_ingest_call *p = c->in->queue; p && p != c; p = p->next) {
		if (p->key.epoch == c->key.epoch && or_slice_eq(p->key.agent, c->key.agent) &&
		    or_slice_eq(p->key.stream, c->key.stream))
			return true;
	}
	return false;
}

static struct co_ingest_call *find_ready(struct co_ingest *in)
{
	for (struct co_ingest_call *c = in->queue; c; c = c->next) {
		if (!c->is_looking && !is_behind_another(c))
			return c;
	}
	return NULL;
}

/* Goes on with calls that no longer stand behind another. */
static void wake(struct co_ingest *in)
{
	struct co_ingest_call *c;

	if (in->is_waking)
		return;
	in->is_waking = true;
	while ((c = find_ready(in)))
		proceed(c);
	in->is_waking = false;
}

/* The end of a call: the answer, then its memory (unless submit still holds it). */
static void finish(struct co_ingest_call *c, enum or_code rc, const char *reason)
{
	struct co_ingest *in = c->in;

	c->answer.code = rc;
	c->answer.reason = reason;
	c->answer.detail = rc ? c->err.msg : "";
	if (rc == OR_OK) {
		in->stats.frames++;
		in->stats.records += c->answer.stored;
		in->stats.duplicates += c->answer.duplicates;
		in->stats.conflicts += c->answer.conflicts;
		in->stats.gaps += c->answer.missing > 0;
	}
	dequeue(c);
	if (c->fn)
		c->fn(c->arg, &c->answer);
	c->is_done = true;
	if (!c->is_sync) {
		or_arena_free(c->arena);
		or_mem_free(c);
	}
	wake(in);
}

/* Looking up what is stored: first everything that is under way must be durable. */

static struct tl_hash *known_slot(struct co_ingest *in, const struct tl_hash *hash)
{
	return &in->inputs_known[(hash->b[0] | hash->b[1] << 8) % CO_STATE_INPUTS_KNOWN];
}

static bool knows_inputs(struct co_ingest_call *c)
{
	struct tl_hash hash;

	for (size_t i = 0; i < c->check.n_inputs; i++) {
		or_crypto_sha256(hash.b, c->check.inputs[i]);
		if (!tl_hash_eq(known_slot(c->in, &hash), &hash))
			return false;
	}
	return true;
}

static void remember_inputs(struct co_ingest_call *c)
{
	struct tl_hash hash;

	for (size_t i = 0; i < c->check.n_inputs; i++) {
		or_crypto_sha256(hash.b, c->check.inputs[i]);
		*known_slot(c->in, &hash) = hash;
	}
}

/* True where a record has a number that is stored, and what is stored has not been looked up. */
static bool has_unlooked(const struct co_ingest_call *c)
{
	for (size_t i = 0; i < c->check.n_records; i++) {
		uint64_t seq = c->check.records[i].seq;

		if (co_marks_has(c->in->marks, &c->key, seq) && !co_append_looked(c, seq))
			return true;
	}
	return false;
}

static void on_look(void *arg)
{
	struct co_ingest_call *c = arg;
	struct co_ingest *in = c->in;
	enum or_code rc = OR_OK;

	for (size_t i = 0; i < c->check.n_inputs && !c->inputs_stored && !rc; i++)
		rc = co_inputs_put(in->inputs_dir, c->check.inputs[i], &c->err);
	if (!rc && c->n_looked && !in->reader)
		rc = co_read_open(&in->reader, in->log_dir, c->size, &c->err);
	if (!rc && c->n_looked) {
		co_read_grow(in->reader, c->size);
		rc = co_lookup_run(in->reader, &c->key, c->looked, c->n_looked, &c->err);
	}
	c->rc = rc;
}

static void on_looked(void *arg)
{
	struct co_ingest_call *c = arg;

	c->is_looking = false;
	if (c->rc) {
		finish(c, c->rc, "storage");
		return;
	}
	if (!c->inputs_stored)
		remember_inputs(c);
	c->inputs_stored = true;
	proceed(c);
}

static void on_settled(void *arg, enum or_code rc, uint64_t first, const struct or_err *err)
{
	struct co_ingest_call *c = arg;

	(void)first;
	if (rc) {
		c->err = *err;
		finish(c, rc, "storage");
		return;
	}
	c->size = co_log_size(c->in->log);
	if (or_slow_submit(c->in->opt.slow, on_look, on_looked, c)) {
		or_err_set(&c->err, OR_FULL, "the collector is busy");
		finish(c, OR_FULL, "busy");
	}
}

static void look_up(struct co_ingest_call *c)
{
	enum or_code rc;

	if (++c->looks > LOOKS_MAX) {
		or_err_set(&c->err, OR_FULL, "the same records keep coming another way");
		finish(c, OR_FULL, "busy");
		return;
	}
	if (!c->looked)
		c->looked = or_arena_array(c->arena, c->check.n_records + 1, sizeof(*c->looked));
	if (!c->looked) {
		or_err_set(&c->err, OR_FULL, "no room left");
		finish(c, OR_FULL, "batch");
		return;
	}
	c->n_looked = 0;
	for (size_t i = 0; i < c->check.n_records; i++) {
		uint64_t seq = c->check.records[i].seq;

		if (co_marks_has(c->in->marks, &c->key, seq))
			c->looked[c->n_looked++] = (struct co_lookup){.seq = seq};
	}
	enqueue(c);
	c->is_looking = true;
	rc = co_log_append(c->in->log, NULL, 0, on_settled, c, &c->err);
	if (rc)
		finish(c, rc, rc == OR_FULL ? "busy" : "storage");
}

static void on_stored(void *arg, enum or_code rc, uint64_t first, const struct or_err *err)
{
	struct co_ingest_call *c = arg;

	(void)first;
	if (rc)
		c->err = *err;
	finish(c, rc, rc ? "storage" : "ok");
}

static void proceed(struct co_ingest_call *c)
{
	struct co_ingest *in = c->in;
	const char *reason;
	enum or_code rc;

	if (is_behind_another(c)) {
		enqueue(c);
		return;
	}
	if (co_ingest_has_trouble(c->in, &c->err)) {
		finish(c, c->err.code, "storage");
		return;
	}
	if (!c->inputs_stored)
		c->inputs_stored = knows_inputs(c);
	if (!c->inputs_stored || has_unlooked(c)) {
		look_up(c);
		return;
	}
	dequeue(c);
	rc = co_append_call(c, on_stored, &reason);
	if (rc)
		finish(c, rc, rc == OR_FULL ? reason : "storage");
	else
		wake(in);
}

static enum or_code copy_request(struct co_ingest_call *c, const struct co_ingest_request *request)
{
	struct or_slice *to[] = {&c->request.topic, &c->request.frame, &c->request.batch,
	    &c->request.agent_id, &c->request.peer, &c->request.source.name};
	const struct or_slice from[] = {request->topic, request->frame, request->batch,
	    request->agent_id, request->peer, request->source.name};

	for (size_t i = 0; i < OR_LEN(to); i++) {
		*to[i] = or_arena_dup(c->arena, from[i]);
		if (!to[i]->p)
			return OR_FULL;
	}
	c->request.source.partition = request->source.partition;
	c->request.source.next = request->source.next;
	c->request.source.arg = request->source.arg;
	return OR_OK;
}

static void refuse(struct co_ingest_call *c, enum or_code rc, const char *reason)
{
	c->in->stats.refused++;
	if (rc != OR_FULL)
		co_dead_put(c->in->dead, &c->request, co_check_is_signed(reason), reason,
		    c->err.msg, or_loop_wall_ns(c->in->opt.loop));
	finish(c, rc, reason);
}

static void check_call(struct co_ingest_call *c, const struct co_ingest_request *request)
{
	const char *reason = "batch";
	enum or_code rc;

	if (request->frame.n > WIRE_FRAME_MAX || request->batch.n > WIRE_BATCH_MAX) {
		or_err_set(&c->err, OR_PARSE, "longer than a frame or a batch may be");
		c->in->stats.refused++;
		finish(c, OR_PARSE, "batch");
		return;
	}
	if (!or_slice_is(request->topic, "outrider.audit")) {
		or_err_set(&c->err, OR_PARSE, "topic \"%.*s\" is not one of this shard",
		    OR_SLICE_FMT(request->topic));
		c->request = *request;
		refuse(c, OR_PARSE, "topic");
		return;
	}
	rc = copy_request(c, request);
	if (!rc)
		rc = co_check_run(&c->check, &c->in->opt, &c->request,
		    or_loop_wall_ns(c->in->opt.loop), c->arena, c->in->scratch, &reason, &c->err);
	if (rc) {
		refuse(c, rc, reason);
		return;
	}
	c->key = (struct co_marks_key){
	    c->check.cert.agent_id, c->check.frame.epoch, c->check.frame.stream};
	proceed(c);
}

struct co_ingest_call *co_call_submit(
    struct co_ingest *in, const struct co_ingest_request *request, co_ingest_fn *fn, void *arg)
{
	struct co_ingest_call *c = or_mem_new(sizeof(*c));

	c->in = in;
	c->fn = fn;
	c->arg = arg;
	c->arena = or_arena_new(CALL_ARENA + request->frame.n + request->batch.n);
	c->is_sync = true;
	check_call(c, request);
	c->is_sync = false;
	if (!c->is_done)
		return c;
	or_arena_free(c->arena);
	or_mem_free(c);
	return NULL;
}

void co_call_cancel(struct co_ingest_call *call)
{
	if (!call)
		return;
	call->fn = NULL;
	call->request.source.next = NULL;
}
