/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/ingest.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "collector/ingest/check.h"
#include "collector/ingest/dead.h"
#include "collector/ingest/finding.h"
#include "collector/ingest/inputs.h"
#include "collector/ingest/leaves.h"
#include "collector/ingest/lookup.h"
#include "collector/ingest/own.h"
#include "proto/leaf.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

enum {
	STREAMS_DEFAULT = 100000,
	DEAD_DEFAULT = 64 * 1024 * 1024,
	CALL_ARENA = 4 * 1024 * 1024,
	SCRATCH_ARENA = 1 << 20,
	LOOKS_MAX = 8,       /* times that one call may have to look up what is stored */
	REPORTED = 256,      /* conflicts that are remembered, so that each is recorded once */
	INPUTS_KNOWN = 4096, /* inputs that are known to be stored */
	FINDINGS_MAX = 3,
	REOPEN_NS = 1000000000L, /* between two tries to open a log that failed */
};

struct co_ingest {
	struct co_ingest_opt opt;
	char *log_dir, *inputs_dir;
	struct co_log *log;
	struct co_store_state hooks;
	struct co_marks *marks;     /* of all that was handed to the log: the loop's */
	struct co_marks *committed; /* of all that is durable: the slow thread's */
	struct or_arena *hook_arena;
	struct co_own own;
	struct co_dead *dead;
	struct co_read *reader; /* the slow thread's; opened when it is first needed */
	struct or_arena *scratch;
	struct tl_hash reported[REPORTED];
	size_t n_reported;
	struct tl_hash *inputs_known;
	bool is_reopening;
	int64_t reopen_ns; /* when the next try may be */
	struct co_ingest_stats stats;
};

/* One request on its way; everything that check points to is its own. */
struct co_ingest_call {
	struct co_ingest *in;
	co_ingest_fn *fn;
	void *arg;
	struct or_arena *arena;
	struct co_ingest_request request;
	struct co_check check;
	struct co_marks_key key;
	struct co_ingest_answer answer;
	bool is_sync; /* inside co_ingest_submit */
	bool is_done;
	int looks;
	/* What was looked up of records that are stored already; by the slow thread. */
	struct co_lookup *looked;
	size_t n_looked;
	bool inputs_stored;
	uint64_t size;
	enum or_code rc;
	struct or_err err;
};

/* Hooks of the log: keep `committed`, from which everything is known after a restart. */

static enum or_code on_restore(void *arg, struct or_slice state, struct or_err *err)
{
	struct co_ingest *in = arg;

	return co_marks_load(in->committed, state, err);
}

static enum or_code on_apply(
    void *arg, uint64_t index, const struct tl_segment_entry *entry, struct or_err *err)
{
	struct co_ingest *in = arg;
	struct wire_leaf leaf;
	struct wire_frame f;
	struct wire_cert c;
	enum or_code rc;

	(void)index;
	rc = wire_leaf_decode(&leaf, entry->leaf, err);
	/* A newer collector's leaves are none of the marks' business. */
	if (rc == OR_UNSUPPORTED || (!rc && leaf.type != WIRE_LEAF_FRAME))
		return OR_OK;
	or_arena_clear(in->hook_arena);
	if (!rc)
		rc = wire_frame_decode(&f, leaf.content, in->hook_arena, err);
	if (!rc)
		rc = wire_cert_decode(&c, f.cert, in->hook_arena, err);
	if (rc)
		return rc;
	if (co_marks_add(in->committed, &(struct co_marks_key){c.agent_id, f.epoch, f.stream},
		f.seq_from, f.seq_to))
		return or_err_set(err, OR_FULL, "more streams or holes than may be");
	return OR_OK;
}

static void on_save(void *arg, struct or_buf *out)
{
	const struct co_ingest *in = arg;

	co_marks_save(in->committed, out);
}

/* After the log has been opened: what is durable is what is known. */
static enum or_code take_committed(struct co_ingest *in, struct or_err *err)
{
	struct or_buf saved;
	enum or_code rc;

	or_buf_init(&saved, TL_SEGMENT_HEAD_MAX);
	co_marks_save(in->committed, &saved);
	rc = co_marks_load(in->marks, or_buf_slice(&saved), err);
	or_buf_done(&saved);
	return rc;
}

static char *sub_dir(const char *dir, const char *name)
{
	char path[PATH_MAX];

	OR_ASSERT(snprintf(path, sizeof(path), "%s/%s", dir, name) < PATH_MAX);
	return or_mem_strdup(path);
}

static enum or_code open_parts(
    struct co_ingest *in, const struct co_ingest_opt *opt, struct or_err *err)
{
	struct co_log_opt log = {.store = {.dir = in->log_dir,
				     .origin = opt->origin,
				     .key = opt->key,
				     .older = opt->older,
				     .segment_bytes = opt->segment_bytes,
				     .state = &in->hooks,
				     .now_ns = or_loop_wall_ns(opt->loop)},
	    .loop = opt->loop,
	    .slow = opt->slow};
	char *dead_dir = sub_dir(opt->dir, "dead");
	enum or_code rc = co_own_init(&in->own, opt->own_key, opt->own_cert, opt->origin, err);

	if (!rc)
		rc = or_sys_mkdir(in->inputs_dir, 0750, err);
	if (!rc)
		rc = co_dead_open(&in->dead, dead_dir,
		    opt->dead_bytes ? opt->dead_bytes : DEAD_DEFAULT, opt->slow, err);
	if (!rc)
		rc = co_log_open(&in->log, &log, err);
	if (!rc)
		rc = take_committed(in, err);
	or_mem_free(dead_dir);
	return rc;
}

enum or_code co_ingest_open(
    struct co_ingest **out, const struct co_ingest_opt *opt, struct or_err *err)
{
	size_t streams = opt->max_streams ? opt->max_streams : STREAMS_DEFAULT;
	struct co_ingest *in;
	enum or_code rc;

	if (strlen(opt->dir) > PATH_MAX - 256)
		return or_err_set(err, OR_INVAL, "the shard's directory has too long a name");
	in = or_mem_new(sizeof(*in));
	in->opt = *opt;
	in->log_dir = or_mem_strdup(opt->dir);
	in->inputs_dir = sub_dir(opt->dir, "inputs");
	in->hooks = (struct co_store_state){in, on_restore, on_apply, on_save};
	in->marks = co_marks_new(streams);
	in->committed = co_marks_new(streams);
	in->hook_arena = or_arena_new(SCRATCH_ARENA);
	in->scratch = or_arena_new(SCRATCH_ARENA);
	in->inputs_known = or_mem_array(INPUTS_KNOWN, sizeof(*in->inputs_known));
	rc = open_parts(in, opt, err);
	if (rc) {
		co_ingest_close(in);
		return rc;
	}
	*out = in;
	return OR_OK;
}

void co_ingest_close(struct co_ingest *in)
{
	if (!in)
		return;
	co_log_close(in->log);
	co_dead_close(in->dead);
	co_read_close(in->reader);
	co_own_done(&in->own);
	co_marks_free(in->marks);
	co_marks_free(in->committed);
	or_arena_free(in->hook_arena);
	or_arena_free(in->scratch);
	or_mem_free(in->inputs_known);
	or_mem_free(in->log_dir);
	or_mem_free(in->inputs_dir);
	or_mem_free(in);
}

struct co_log *co_ingest_log(struct co_ingest *in)
{
	return in->log;
}

/* The end of a call: the answer, then its memory (unless submit still holds it). */
static void finish(struct co_ingest_call *c, enum or_code rc, const char *reason)
{
	c->answer.code = rc;
	c->answer.reason = reason;
	c->answer.detail = rc ? c->err.msg : "";
	if (rc == OR_OK) {
		c->in->stats.frames++;
		c->in->stats.records += c->answer.stored;
		c->in->stats.duplicates += c->answer.duplicates;
		c->in->stats.conflicts += c->answer.conflicts;
		c->in->stats.gaps += c->answer.missing > 0;
	}
	if (c->fn)
		c->fn(c->arg, &c->answer);
	c->is_done = true;
	if (c->is_sync)
		return;
	or_arena_free(c->arena);
	or_mem_free(c);
}

static void proceed(struct co_ingest_call *c);

static void on_reopened(void *arg, enum or_code rc, uint64_t size, const struct or_err *err)
{
	struct co_ingest *in = arg;

	(void)size;
	(void)err;
	in->is_reopening = false;
	if (!rc && take_committed(in, NULL))
		in->reopen_ns = INT64_MAX; /* cannot be: the same limits loaded it before */
}

/* A log that failed is opened again, now and then, when somebody wants it. */
static void try_reopen(struct co_ingest *in)
{
	int64_t now = or_loop_now_ns(in->opt.loop);

	if (in->is_reopening || now < in->reopen_ns)
		return;
	in->reopen_ns = now + REOPEN_NS;
	in->is_reopening = co_log_reopen(in->log, on_reopened, in, NULL) == OR_OK;
}

static bool has_trouble(struct co_ingest *in, struct or_err *err)
{
	const struct or_err *trouble = co_log_trouble(in->log);

	if (trouble) {
		*err = *trouble;
		if (trouble->code != OR_CORRUPT)
			try_reopen(in);
	} else if (in->is_reopening) {
		or_err_set(err, OR_BUSY, "the log is being opened again");
	}
	return trouble || in->is_reopening;
}

/* Looking up what is stored: first everything that is under way must be durable. */

static struct tl_hash *known_slot(struct co_ingest *in, const struct tl_hash *hash)
{
	return &in->inputs_known[(hash->b[0] | hash->b[1] << 8) % INPUTS_KNOWN];
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

static const struct co_lookup *find_looked(const struct co_ingest_call *c, uint64_t seq)
{
	size_t low = 0, high = c->n_looked;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (c->looked[mid].seq < seq)
			low = mid + 1;
		else
			high = mid;
	}
	return low < c->n_looked && c->looked[low].seq == seq ? &c->looked[low] : NULL;
}

/* True where a record has a number that is stored, and what is stored has not been looked up. */
static bool has_unlooked(const struct co_ingest_call *c)
{
	for (size_t i = 0; i < c->check.n_records; i++) {
		uint64_t seq = c->check.records[i].seq;

		if (co_marks_has(c->in->marks, &c->key, seq) && !find_looked(c, seq))
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
	rc = co_log_append(c->in->log, NULL, 0, on_settled, c, &c->err);
	if (rc)
		finish(c, rc, rc == OR_FULL ? "busy" : "storage");
}

/* Storing. */

/* Adds records of our own about one product, and the frame that vouches for them; add_own_marks
 * once they are on their way. */
static enum or_code add_own(struct co_ingest *in, struct co_leaves *l,
    const struct wire_audit *records, size_t n, const struct co_marks_key *key, struct or_err *err)
{
	int64_t now = or_loop_wall_ns(in->opt.loop);
	uint64_t seq = co_marks_expected(in->marks, key) + 1;
	struct or_slice encoded[FINDINGS_MAX];
	struct or_buf bytes[FINDINGS_MAX], frame;
	enum or_code rc = OR_OK;
	size_t made = 0;

	OR_ASSERT(n > 0 && n <= OR_LEN(bytes));
	or_buf_init(&frame, WIRE_FRAME_MAX);
	while (made < n && !rc) {
		or_buf_init(&bytes[made], WIRE_AUDIT_MAX);
		rc = co_own_record(
		    &bytes[made], key, &records[made], seq + made, now, in->scratch, err);
		encoded[made] = or_buf_slice(&bytes[made]);
		made++;
	}
	if (!rc)
		rc = co_own_frame(&frame, &in->own, key, encoded, n, seq, now, err);
	if (!rc)
		co_leaves_add(l, WIRE_LEAF_FRAME, or_buf_slice(&frame));
	for (size_t i = 0; i < n && !rc; i++)
		co_leaves_add(l, WIRE_LEAF_RECORD, encoded[i]);
	while (made)
		or_buf_done(&bytes[--made]);
	or_buf_done(&frame);
	return rc;
}

static void add_own_marks(struct co_ingest *in, const struct co_marks_key *key, size_t n)
{
	uint64_t seq = co_marks_expected(in->marks, key) + 1;

	OR_ASSERT(!co_marks_add(in->marks, key, seq, seq + n - 1));
}

static void leaf_hash(struct tl_hash *out, struct or_slice record)
{
	struct or_buf leaf;

	or_buf_init(&leaf, WIRE_LEAF_MAX);
	wire_leaf_encode(&leaf, WIRE_LEAF_RECORD, record);
	tl_hash_leaf(out, or_buf_slice(&leaf));
	or_buf_done(&leaf);
}

/* True once for each conflict, as long as it is remembered. */
static bool is_first_report(struct co_ingest *in, const struct tl_hash *other)
{
	for (size_t i = 0; i < REPORTED && i < in->n_reported; i++) {
		if (tl_hash_eq(&in->reported[i], other))
			return false;
	}
	return true;
}

static void note_conflict(struct co_ingest_call *c, struct co_finding *f, uint64_t seq,
    const struct tl_hash *stored, const struct tl_hash *other)
{
	c->answer.conflicts++;
	if (!is_first_report(c->in, other))
		return;
	if (f->count++ == 0) {
		f->from = seq;
		f->stored = *stored;
		f->other = *other;
	}
	f->to = seq;
	c->in->reported[c->in->n_reported++ % REPORTED] = *other;
}

/* Adds the leaves of records that are new and counts the others; conflicts go into *f. */
static void add_records(struct co_ingest_call *c, struct co_leaves *l, struct co_finding *f)
{
	for (size_t i = 0; i < c->check.n_records; i++) {
		const struct co_check_record *r = &c->check.records[i];
		const struct co_lookup *looked;
		struct tl_hash hash;

		if (!co_marks_has(c->in->marks, &c->key, r->seq)) {
			co_leaves_add(l, WIRE_LEAF_RECORD, r->bytes);
			c->answer.stored++;
			continue;
		}
		looked = find_looked(c, r->seq);
		leaf_hash(&hash, r->bytes);
		if (looked->found && tl_hash_eq(&looked->hash, &hash))
			c->answer.duplicates++;
		else
			note_conflict(c, f, r->seq, &looked->hash, &hash);
	}
}

/* What is missing before this frame, in its own epoch and, for the first frame of an epoch, at the
 * end of the one before. Returns how many findings were filled. */
static size_t find_gaps(struct co_ingest_call *c, struct co_finding out[2])
{
	const struct wire_frame *f = &c->check.frame;
	const struct co_marks *m = c->in->marks;
	uint64_t next = co_marks_expected(m, &c->key) + 1, prev;
	struct co_marks_key before = c->key;
	size_t n = 0;

	before.epoch = f->prev_epoch;
	prev = co_marks_expected(m, &before) + 1;
	if (f->prev_epoch && !co_marks_knows(m, &c->key) && f->prev_seq >= prev)
		out[n++] = (struct co_finding){.key = before,
		    .from = prev,
		    .to = f->prev_seq,
		    .count = f->prev_seq - prev + 1};
	if (f->seq_from > next)
		out[n++] = (struct co_finding){.key = c->key,
		    .from = next,
		    .to = f->seq_from - 1,
		    .count = f->seq_from - next};
	for (size_t i = 0; i < n; i++)
		c->answer.missing += out[i].count;
	return n;
}

static void on_stored(void *arg, enum or_code rc, uint64_t first, const struct or_err *err)
{
	struct co_ingest_call *c = arg;

	(void)first;
	if (rc)
		c->err = *err;
	finish(c, rc, rc ? "storage" : "ok");
}

/* Records of our own about what was found. */
static enum or_code add_findings(struct co_ingest_call *c, struct co_leaves *l,
    const struct co_finding *found, size_t n, const struct co_marks_key *own_key)
{
	struct wire_attribute attrs[FINDINGS_MAX][CO_FINDING_ATTRIBUTES];
	struct wire_audit own[FINDINGS_MAX];
	enum or_code rc = OR_OK;

	if (n == 0)
		return OR_OK;
	for (size_t i = 0; i < n && !rc; i++)
		rc = co_finding_describe(&own[i], attrs[i], c->arena, &found[i], c->check.product);
	if (rc)
		return or_err_set(&c->err, rc, "no room left");
	return add_own(c->in, l, own, n, own_key, &c->err);
}

/* The leaves of this call: the frame, its records that are new, and what there is to say about
 * them; *n_own of them are records of our own. */
static enum or_code build(struct co_ingest_call *c, struct co_leaves *l,
    const struct co_marks_key *own_key, size_t *n_own, bool *is_conflict, const char **reason)
{
	const struct wire_frame *f = &c->check.frame;
	const struct co_marks *m = c->in->marks;
	struct co_finding found[FINDINGS_MAX], conflict = {.is_conflict = true, .key = c->key};
	size_t n;

	n = find_gaps(c, found);
	/* A frame of which every record is stored already says nothing, even where it contradicts.
	 */
	if (n || !co_marks_covers(m, &c->key, f->seq_from, f->seq_to))
		co_leaves_add(l, WIRE_LEAF_FRAME, c->request.frame);
	add_records(c, l, &conflict);
	if (conflict.count)
		found[n++] = conflict;
	*n_own = n;
	*is_conflict = conflict.count > 0;
	*reason = "holes";
	if (l->n && (!co_marks_has_room(m, &c->key, f->seq_from, f->seq_to) ||
			!co_marks_has_room(m, own_key, 1, 0)))
		return or_err_set(&c->err, OR_FULL, "more streams or holes than may be");
	*reason = "storage";
	return add_findings(c, l, found, n, own_key);
}

/* Hands the call's leaves to the log. Marks move once they are there, before anything else runs. */
static enum or_code append_call(struct co_ingest_call *c, const char **reason)
{
	char stream[CO_MARKS_STREAM_MAX + 1];
	struct co_ingest *in = c->in;
	struct co_marks_key own_key;
	struct co_leaves l;
	size_t n_own = 0;
	bool is_conflict = false;
	enum or_code rc;

	co_leaves_init(&l);
	*reason = "storage";
	rc = co_own_key(&own_key, &in->own, c->check.product, stream);
	if (!rc)
		rc = build(c, &l, &own_key, &n_own, &is_conflict, reason);
	if (!rc) {
		*reason = "busy";
		rc = co_leaves_append(&l, in->log, on_stored, c, &c->err);
	}
	if (!rc && l.n)
		OR_ASSERT(!co_marks_add(
		    in->marks, &c->key, c->check.frame.seq_from, c->check.frame.seq_to));
	if (!rc && n_own)
		add_own_marks(in, &own_key, n_own);
	/* Two signatures of one agent that contradict each other: the second one is kept here. */
	if (!rc && is_conflict)
		co_dead_put(in->dead, &c->request, "conflict",
		    "records that differ from stored ones", or_loop_wall_ns(in->opt.loop));
	co_leaves_done(&l);
	return rc;
}

static void proceed(struct co_ingest_call *c)
{
	const char *reason;
	enum or_code rc;

	if (has_trouble(c->in, &c->err)) {
		finish(c, c->err.code, "storage");
		return;
	}
	if (!c->inputs_stored)
		c->inputs_stored = knows_inputs(c);
	if (!c->inputs_stored || has_unlooked(c)) {
		look_up(c);
		return;
	}
	rc = append_call(c, &reason);
	if (rc)
		finish(c, rc, rc == OR_FULL ? reason : "storage");
}

static enum or_code copy_request(struct co_ingest_call *c, const struct co_ingest_request *request)
{
	struct or_slice *to[] = {&c->request.topic, &c->request.frame, &c->request.batch,
	    &c->request.agent_id, &c->request.peer};
	const struct or_slice from[] = {
	    request->topic, request->frame, request->batch, request->agent_id, request->peer};

	for (size_t i = 0; i < OR_LEN(to); i++) {
		*to[i] = or_arena_dup(c->arena, from[i]);
		if (!to[i]->p)
			return OR_FULL;
	}
	return OR_OK;
}

static void refuse(struct co_ingest_call *c, enum or_code rc, const char *reason)
{
	c->in->stats.refused++;
	if (rc != OR_FULL)
		co_dead_put(
		    c->in->dead, &c->request, reason, c->err.msg, or_loop_wall_ns(c->in->opt.loop));
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

struct co_ingest_call *co_ingest_submit(
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

void co_ingest_cancel(struct co_ingest_call *call)
{
	if (call)
		call->fn = NULL;
}

enum or_code co_ingest_own(struct co_ingest *in, const struct wire_audit *record, co_log_fn *fn,
    void *arg, struct or_err *err)
{
	char stream[CO_MARKS_STREAM_MAX + 1];
	struct co_marks_key key;
	struct or_err why;
	struct co_leaves l;
	enum or_code rc;

	if (has_trouble(in, &why)) {
		if (err)
			*err = why;
		return why.code;
	}
	if (co_own_key(&key, &in->own, record->product, stream))
		return or_err_set(err, OR_INVAL, "a record without a proper product");
	if (!co_marks_has_room(in->marks, &key, 1, 0))
		return or_err_set(err, OR_FULL, "more streams than may be");
	co_leaves_init(&l);
	rc = add_own(in, &l, record, 1, &key, err);
	if (!rc)
		rc = co_leaves_append(&l, in->log, fn, arg, err);
	if (!rc)
		add_own_marks(in, &key, 1);
	co_leaves_done(&l);
	return rc;
}

enum or_code co_ingest_inputs(struct co_ingest *in, struct or_buf *out,
    const uint8_t hash[OR_CRYPTO_HASH_LEN], struct or_err *err)
{
	return co_inputs_get(out, in->inputs_dir, hash, err);
}

void co_ingest_stats(struct co_ingest_stats *out, const struct co_ingest *in)
{
	*out = in->stats;
	out->streams = co_marks_streams(in->marks);
	out->dead_letters = co_dead_letters(in->dead);
	out->dead_dropped = co_dead_dropped(in->dead);
}
