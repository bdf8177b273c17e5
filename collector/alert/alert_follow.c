/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads what the logs got, a moment after they got it, so that many commits are one scan.
 *
 * A place remembers when which leaf was received: after a restart reading begins where the oldest
 * record lay that may still be in a window.
 */
#include "base/log.h"
#include "base/mem.h"
#include "collector/alert/alert_impl.h"
#include "proto/leaf.h"

static const int64_t SOON_NS = 50 * OR_NS_PER_MS;
static const int64_t AGAIN_NS = 5 * OR_NS_PER_S;

static void on_follow(void *arg);

static void follow_in(struct co_alert *al, int64_t ns)
{
	if (!al->follow && !al->scan && !al->stopped)
		al->follow = or_loop_timer_start(al->opt.loop, ns, on_follow, al);
}

void co_alert_follow_wake(void *arg)
{
	follow_in(arg, SOON_NS);
}

static int64_t longest_window(const struct co_alert *al)
{
	int64_t ns = OR_NS_PER_S;

	for (size_t i = 0; i < al->set->n_rules; i++)
		ns = al->set->rules[i].window_ns > ns ? al->set->rules[i].window_ns : ns;
	return ns;
}

/* Leaves before p->next have been received by now. */
static void mark(const struct co_alert *al, struct co_alert_place *p, int64_t now_ns)
{
	int64_t window = longest_window(al), step = window / (CO_ALERT_MARKS - 2);

	while (p->n_marks > 1 && p->marks[1].at_ns < now_ns - window)
		memmove(p->marks, p->marks + 1, --p->n_marks * sizeof(p->marks[0]));
	if (p->n_marks == CO_ALERT_MARKS ||
	    (p->n_marks && now_ns - p->marks[p->n_marks - 1].at_ns < step))
		return;
	p->marks[p->n_marks].index = p->next;
	p->marks[p->n_marks++].at_ns = now_ns;
}

void co_alert_follow_place(struct co_ledger_place *out, const struct co_alert *al, size_t shard)
{
	const struct co_alert_place *p = &al->places[shard];

	*out = (struct co_ledger_place){.shard = (uint32_t)shard,
	    .done = p->next > p->done ? p->next : p->done,
	    .from = p->n_marks ? p->marks[0].index : p->next};
}

static bool on_leaf(void *arg, uint32_t shard, uint64_t index, const struct tl_segment_entry *entry)
{
	struct co_alert *al = arg;
	struct co_alert_place *p = &al->places[shard];
	struct wire_audit record;
	struct wire_leaf leaf;

	p->next = index + 1;
	if (wire_leaf_decode(&leaf, entry->leaf, NULL) || leaf.type != WIRE_LEAF_RECORD)
		return true;
	or_arena_clear(al->record_arena);
	if (wire_audit_decode(&record, NULL, leaf.content, al->record_arena, NULL))
		return true; /* of a newer schema */
	if (!co_alert_record_seen(al, &record))
		co_state_feed(al->state, &record, or_loop_wall_ns(al->opt.loop), index < p->done);
	return true;
}

static bool is_behind(const struct co_alert *al)
{
	for (size_t i = 0; i < al->opt.n_shards; i++) {
		if (al->places[i].next < co_log_size(al->places[i].log))
			return true;
	}
	return false;
}

static void on_scanned(void *arg, const struct co_scan_end *end)
{
	struct co_alert *al = arg;
	int64_t now = or_loop_wall_ns(al->opt.loop);

	al->scan = NULL;
	if (end->rc || end->damaged)
		OR_LOG(OR_LOG_ERROR, "alert.unread", or_log_err(&end->err),
		    or_log_u64("damaged", end->damaged));
	if (end->rc) {
		follow_in(al, AGAIN_NS);
		return;
	}
	al->caught_up = true;
	for (size_t i = 0; i < al->opt.n_shards; i++) {
		al->places[i].next = al->places[i].to; /* past leaves that do not read back */
		mark(al, &al->places[i], now);
	}
	co_alert_settle(al);
	co_alert_record_due(al);
	if (is_behind(al))
		follow_in(al, SOON_NS);
}

static void on_follow(void *arg)
{
	struct co_alert *al = arg;
	struct co_scan_source *sources = or_mem_array(al->opt.n_shards, sizeof(*sources));

	al->follow = NULL;
	for (size_t i = 0; i < al->opt.n_shards; i++) {
		struct co_alert_place *p = &al->places[i];

		p->to = co_log_size(p->log);
		sources[i] = (struct co_scan_source){.dir = co_log_dir(p->log),
		    .from = p->next,
		    .size = p->to,
		    .shard = (uint32_t)i};
	}
	al->scan = co_scan_start(al->opt.loop, sources, al->opt.n_shards, on_leaf, on_scanned, al);
	or_mem_free(sources);
}

void co_alert_follow_start(struct co_alert *al)
{
	al->record_arena = or_arena_new(OR_MIB);
	for (size_t i = 0; i < al->opt.n_shards; i++) {
		struct co_alert_place *p = &al->places[i];
		uint64_t size = co_log_size(p->log);

		/* A log that is shorter than what was read of it was put back from a copy. */
		if (!p->is_known || p->done > size)
			p->next = p->done = size;
		p->n_marks = 1;
		p->marks[0].index = p->next;
		p->marks[0].at_ns = or_loop_wall_ns(al->opt.loop);
		co_log_watch(p->log, co_alert_follow_wake, al);
	}
	follow_in(al, 0);
}

void co_alert_follow_stop(struct co_alert *al)
{
	for (size_t i = 0; i < al->opt.n_shards; i++)
		co_log_unwatch(al->places[i].log, co_alert_follow_wake, al);
	or_loop_timer_cancel(al->follow);
	al->follow = NULL;
	co_scan_cancel(al->scan);
	al->scan = NULL;
}
