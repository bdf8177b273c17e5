/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/finding.h"
#include "collector/ingest/state.h"
#include "proto/source.h"

enum { FINDINGS_MAX = 3 };

const struct co_lookup *co_append_looked(const struct co_ingest_call *c, uint64_t seq)
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
	for (size_t i = 0; i < CO_STATE_REPORTED && i < in->n_reported; i++) {
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
	c->in->reported[c->in->n_reported++ % CO_STATE_REPORTED] = *other;
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
		looked = co_append_looked(c, r->seq);
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

/* Where the batch was read from, behind what it added. */
static enum or_code add_source(struct co_ingest_call *c, struct co_leaves *l)
{
	const struct co_ingest_source *from = &c->request.source;
	struct wire_source source = {from->name, from->partition, 0};
	struct or_buf bytes;
	enum or_code rc;

	if (l->n == 0 || !from->next)
		return OR_OK;
	source.next = from->next(from->arg);
	or_buf_init(&bytes, WIRE_SOURCE_MAX);
	rc = wire_source_encode(&bytes, &source);
	if (!rc)
		co_leaves_add(l, WIRE_LEAF_SOURCE, or_buf_slice(&bytes));
	or_buf_done(&bytes);
	return rc ? or_err_set(&c->err, rc, "the source has no proper name") : OR_OK;
}

/* Hands the call's leaves to the log. Marks move once they are there, before anything else runs. */
enum or_code co_append_call(struct co_ingest_call *c, co_log_fn *fn, const char **reason)
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
	if (!rc)
		rc = add_source(c, &l);
	if (!rc) {
		*reason = "busy";
		rc = co_leaves_append(&l, in->log, fn, c, &c->err);
	}
	if (!rc && l.n)
		OR_ASSERT(!co_marks_add(
		    in->marks, &c->key, c->check.frame.seq_from, c->check.frame.seq_to));
	if (!rc && n_own)
		add_own_marks(in, &own_key, n_own);
	/* Two signatures of one agent that contradict each other: the second one is kept here. */
	if (!rc && is_conflict)
		co_dead_put(in->dead, &c->request, true, "conflict",
		    "records that differ from stored ones", or_loop_wall_ns(in->opt.loop));
	co_leaves_done(&l);
	return rc;
}

enum or_code co_append_own(struct co_ingest *in, const struct wire_audit *record, co_log_fn *fn,
    void *arg, struct or_err *err)
{
	char stream[CO_MARKS_STREAM_MAX + 1];
	struct co_marks_key key;
	struct co_leaves l;
	enum or_code rc;

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
