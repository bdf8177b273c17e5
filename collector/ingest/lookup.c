/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/lookup.h"

#include "collector/ingest/lookup_part.h"
#include "proto/audit.h"
#include "proto/leaf.h"

enum { SCRATCH = 1 << 20, PARTS_MEMORY = 16 * 1024 * 1024 };

struct search {
	struct co_read *r;
	const struct co_marks_key *key;
	struct co_lookup *wanted;
	size_t n;
	struct or_arena *scratch;
};

static struct co_lookup *find(struct search *x, uint64_t seq)
{
	size_t low = 0, high = x->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (x->wanted[mid].seq < seq)
			low = mid + 1;
		else
			high = mid;
	}
	return low < x->n && x->wanted[low].seq == seq ? &x->wanted[low] : NULL;
}

static void look_at(struct search *x, const struct tl_segment_entry *e)
{
	struct co_lookup *wanted;
	struct wire_leaf leaf;
	struct wire_audit r;

	or_arena_clear(x->scratch);
	if (wire_leaf_decode(&leaf, e->leaf, NULL) || leaf.type != WIRE_LEAF_RECORD ||
	    wire_audit_decode(&r, NULL, leaf.content, x->scratch, NULL))
		return;
	if (r.epoch != x->key->epoch || !or_slice_eq(r.agent_id, x->key->agent) ||
	    !or_slice_eq(r.stream, x->key->stream))
		return;
	wanted = find(x, r.seq);
	if (wanted && !wanted->found) {
		wanted->found = true;
		wanted->hash = e->hash;
	}
}

static enum or_code scan_segment(struct search *x, uint64_t from, uint64_t to, struct or_err *err)
{
	struct co_read_scan scan = {.next = from, .to = to};
	struct tl_segment_entry e;
	enum or_code rc;

	while ((rc = co_read_scan_next(x->r, &scan, &e, err)) == OR_OK)
		look_at(x, &e);
	return rc == OR_ABSENT ? OR_OK : rc;
}

/* How many are still wanted that were stored before a segment began (its head says so), and
 * whether there are others, which it may hold itself. */
static size_t count_older(struct search *x, struct or_slice state, bool *has_own)
{
	size_t older = 0;

	*has_own = false;
	for (size_t i = 0; i < x->n; i++) {
		if (x->wanted[i].found)
			continue;
		if (co_marks_saved_has(state, x->key, x->wanted[i].seq))
			older++;
		else
			*has_own = true;
	}
	return older;
}

/* Newest first; *older: how many are still wanted that lie before all of them. */
static enum or_code look_in_segments(struct search *x, size_t *older, struct or_err *err)
{
	size_t segments = co_read_segments(x->r, err);
	uint64_t to = co_read_size(x->r), sealed = co_parts_sealed(co_read_parts(x->r));
	enum or_code rc = segments ? OR_OK : OR_CORRUPT;

	for (size_t i = segments; i > 0 && *older && !rc; i--) {
		struct tl_segment_head head;
		bool has_own;

		rc = co_read_segment(x->r, i - 1, &head, err);
		if (rc)
			break;
		*older = count_older(x, head.state, &has_own);
		/* Those of its leaves that are sealed are in a part. */
		if (has_own && to > sealed)
			rc = scan_segment(
			    x, head.tree.size > sealed ? head.tree.size : sealed, to, err);
		if (head.tree.size < sealed && has_own)
			*older += 1;
		if (head.tree.size <= sealed)
			break;
		to = head.tree.size;
	}
	return rc;
}

static size_t count_wanted(const struct search *x)
{
	size_t wanted = 0;

	for (size_t i = 0; i < x->n; i++)
		wanted += !x->wanted[i].found;
	return wanted;
}

static enum or_code look_in_parts(struct search *x, struct or_err *err)
{
	struct co_parts *parts = co_read_parts(x->r);
	enum or_code rc = OR_OK;

	for (size_t i = co_parts_n(parts); i > 0 && count_wanted(x) && !rc; i--) {
		struct tl_part *part;

		rc = co_parts_get(parts, i - 1, &part, err);
		if (!rc)
			rc = co_lookup_part_run(part, x->key, x->wanted, x->n, err);
		co_parts_trim(parts, PARTS_MEMORY);
	}
	return rc;
}

enum or_code co_lookup_run(struct co_read *r, const struct co_marks_key *key,
    struct co_lookup *wanted, size_t n, struct or_err *err)
{
	struct search x = {.r = r, .key = key, .wanted = wanted, .n = n};
	size_t older = n;
	enum or_code rc;

	x.scratch = or_arena_new(SCRATCH);
	rc = look_in_segments(&x, &older, err);
	or_arena_free(x.scratch);
	if (!rc && older)
		rc = look_in_parts(&x, err);
	return rc;
}
