/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/query/scan.h"

#include "base/mem.h"
#include "collector/audit/read.h"

struct co_scan {
	struct or_loop *loop;
	struct co_scan_source *sources;
	size_t n;
	size_t at; /* source being read */
	struct co_read *reader;
	struct co_read_scan place;
	uint64_t damaged; /* in this source */
	co_scan_leaf_fn *leaf;
	co_scan_done_fn *done;
	void *arg;
	struct co_scan_end end;
};

static void free_scan(struct co_scan *s)
{
	co_read_close(s->reader);
	or_mem_free(s->sources);
	or_mem_free(s);
}

static void note_damage(struct co_scan *s, uint64_t leaves, const struct or_err *err)
{
	if (!s->end.damaged)
		s->end.err = *err;
	s->end.damaged += leaves;
	s->damaged += leaves;
}

/* Opens the next source that has leaves; false where there is none, or on an error. */
static bool open_source(struct co_scan *s)
{
	for (; s->at < s->n; s->at++) {
		const struct co_scan_source *source = &s->sources[s->at];

		if (source->from >= source->size)
			continue;
		s->end.rc = co_read_open(&s->reader, source->dir, source->size, &s->end.err);
		s->place = (struct co_read_scan){.next = source->from, .to = source->size};
		s->damaged = 0;
		return s->end.rc == OR_OK;
	}
	return false;
}

static void close_source(struct co_scan *s)
{
	co_read_close(s->reader);
	s->reader = NULL;
	s->at++;
}

/* Goes past a leaf that does not read back; past all of the log where there are too many. */
static void skip_damage(struct co_scan *s, uint64_t index, const struct or_err *err)
{
	if (s->damaged >= CO_SCAN_DAMAGED_MAX) {
		note_damage(s, s->place.to - index, err);
		s->place.next = s->place.to;
		return;
	}
	note_damage(s, 1, err);
	s->place = (struct co_read_scan){.next = index + 1, .to = s->place.to};
}

/* Reads one leaf. false: the scan is over. *bytes grows by what was read. */
static bool step(struct co_scan *s, size_t *bytes)
{
	struct tl_segment_entry entry;
	uint64_t index;
	struct or_err err;
	enum or_code rc;

	if (!s->reader && !open_source(s))
		return false;
	index = s->place.next;
	rc = co_read_scan_next(s->reader, &s->place, &entry, &err);
	if (rc == OR_ABSENT) {
		close_source(s);
		return true;
	}
	if (rc == OR_CORRUPT) {
		skip_damage(s, index, &err);
		return true;
	}
	if (rc) {
		s->end.rc = rc;
		s->end.err = err;
		return false;
	}
	*bytes += entry.leaf.n;
	return s->leaf(s->arg, s->sources[s->at].shard, index, &entry);
}

static void on_turn(void *arg)
{
	struct co_scan *s = arg;
	struct co_scan_end end;
	co_scan_done_fn *done = s->done;
	void *done_arg = s->arg;
	size_t bytes = 0;

	for (int i = 0; i < CO_SCAN_LEAVES && bytes < CO_SCAN_BYTES; i++) {
		if (step(s, &bytes))
			continue;
		end = s->end;
		free_scan(s);
		done(done_arg, &end);
		return;
	}
	or_loop_defer(s->loop, on_turn, s);
}

struct co_scan *co_scan_start(struct or_loop *loop, const struct co_scan_source *sources, size_t n,
    co_scan_leaf_fn *leaf, co_scan_done_fn *done, void *arg)
{
	struct co_scan *s = or_mem_new(sizeof(*s));

	*s = (struct co_scan){.loop = loop,
	    .sources = or_mem_array(n, sizeof(*sources)),
	    .n = n,
	    .leaf = leaf,
	    .done = done,
	    .arg = arg};
	memcpy(s->sources, sources, n * sizeof(*sources));
	or_loop_defer(loop, on_turn, s);
	return s;
}

void co_scan_cancel(struct co_scan *s)
{
	if (!s)
		return;
	or_loop_defer_cancel(s->loop, on_turn, s);
	free_scan(s);
}
