/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/alert/alert.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/sys.h"
#include "collector/alert/alert_impl.h"

#include <stdio.h>

enum { CA_FILE_MAX = 1024 * 1024 };

static const int64_t RETRY_NS = OR_NS_PER_S;
/* How far the logs were read is stored with what happened, and without it now and then. */
static const int64_t PLACES_NS = 10 * OR_NS_PER_S;

struct reload {
	struct co_alert *al; /* NULL: it has been closed */
	char *path;
	struct co_rule_set *set;
	enum or_code rc;
	struct or_err err;
	bool again; /* asked for while it ran */
};

static int64_t now_of(const struct co_alert *al)
{
	return or_loop_wall_ns(al->opt.loop);
}

/* ---- storing, and what follows from it */

static void log_refusal(const struct co_notice_group *g, const char *why)
{
	OR_LOG(OR_LOG_ERROR, "alert.refused", or_log_str("receiver", g->receiver),
	    or_log_str("group", g->group_key), or_log_text("why", why));
}

/* notify.h: a target took or refused its notice. */
static void on_told(void *arg, struct co_notice_group *g, const char *why)
{
	struct co_alert *al = arg;

	if (why)
		log_refusal(g, why);
	co_notice_done(g, why, now_of(al));
	co_alert_settle(al);
}

static void send_stored(struct co_alert *al)
{
	struct co_notice_group *g = NULL;

	while ((g = co_notice_next(al->notices, g))) {
		if (!g->out || !g->out->is_storing)
			continue;
		g->out->is_storing = false;
		co_notify_send(al->notify, g);
	}
}

static void on_stored(void *arg, enum or_code rc, const struct or_err *err)
{
	struct co_alert *al = arg;

	if (al->stopped)
		return;
	if (rc) {
		OR_LOG(OR_LOG_ERROR, "alert.unstored", or_log_err(err));
		co_alert_retry(al);
	}
	al->is_unstored = rc != OR_OK;
	send_stored(al); /* better told twice than not at all */
	if (rc == OR_OK) {
		co_alert_record_due(al);
		co_alert_settle(al);
	}
}

static bool may_forget(const struct co_state_alert *a)
{
	return a->phase == CO_STATE_RESOLVED && !a->held && !a->record && !a->recording;
}

/* Resolved alerts beyond those that are kept, the oldest first. */
static void forget_old(struct co_alert *al)
{
	struct co_state_alert *a, *next;
	struct co_state_stats stats;

	co_state_stats(&stats, al->state, SIZE_MAX);
	for (a = co_state_next(al->state, NULL); a && stats.resolved > CO_ALERT_RECENT; a = next) {
		next = co_state_next(al->state, a);
		if (!may_forget(a))
			continue;
		co_ledger_drop_alert(al->ledger, a);
		co_state_forget(al->state, a);
		stats.resolved--;
	}
}

static void collect_groups(struct co_alert *al)
{
	struct co_notice_group *g, *next;

	for (g = co_notice_next(al->notices, NULL); g; g = next) {
		next = co_notice_next(al->notices, g);
		if (co_notice_is_idle(g)) {
			co_ledger_drop_group(al->ledger, g->key);
			co_notice_drop(al->notices, g);
			continue;
		}
		if (!g->dirty)
			continue;
		co_ledger_put_group(al->ledger, g);
		g->dirty = false;
		if (g->out && !g->out->is_stored) {
			g->out->is_stored = true;
			g->out->is_storing = true;
		}
	}
}

static void collect_alerts(struct co_alert *al)
{
	struct co_state_alert *a = NULL;

	while ((a = co_state_next(al->state, a))) {
		if (a->dirty)
			co_ledger_put_alert(al->ledger, a);
		a->dirty = false;
	}
}

/* Everything that differs from what is stored. Groups first: dropping one marks its alerts. */
static void collect(struct co_alert *al, bool places)
{
	struct co_ledger_place place;

	collect_groups(al);
	collect_alerts(al);
	forget_old(al);
	if (!places && !co_ledger_has_changes(al->ledger))
		return;
	for (size_t i = 0; i < al->opt.n_shards; i++) {
		co_alert_follow_place(&place, al, i);
		co_ledger_put_place(al->ledger, &place);
	}
}

static void store(struct co_alert *al)
{
	bool places = now_of(al) - al->stored_ns >= PLACES_NS;

	if (co_ledger_is_busy(al->ledger) || al->is_unstored)
		return; /* on_stored, or the retry, comes back here */
	collect(al, places);
	if (!co_ledger_has_changes(al->ledger))
		return;
	if (co_ledger_commit(al->ledger, al->opt.slow, on_stored, al))
		co_alert_retry(al);
	else
		al->stored_ns = now_of(al);
}

/* ---- time */

static void on_due(void *arg)
{
	struct co_alert *al = arg;

	al->due = NULL;
	co_alert_settle(al);
}

static void set_timer(struct co_alert *al)
{
	int64_t now = now_of(al), due = co_notice_due_ns(al->notices);
	int64_t of_state = al->caught_up ? co_state_due_ns(al->state) : INT64_MAX;

	due = of_state < due ? of_state : due;
	or_loop_timer_cancel(al->due);
	al->due = NULL;
	if (due != INT64_MAX)
		al->due = or_loop_timer_start(al->opt.loop, due > now ? due - now : 0, on_due, al);
}

void co_alert_settle(struct co_alert *al)
{
	int64_t now = now_of(al);

	/* What the logs hold already comes before what time does. */
	if (al->caught_up)
		co_state_tick(al->state, now);
	co_notice_flush(al->notices, now);
	store(al);
	set_timer(al);
}

static void on_retry(void *arg)
{
	struct co_alert *al = arg;

	al->retry = NULL;
	al->is_unstored = false;
	co_alert_record_due(al);
	co_alert_settle(al);
}

void co_alert_retry(struct co_alert *al)
{
	if (!al->retry && !al->stopped)
		al->retry = or_loop_timer_start(al->opt.loop, RETRY_NS, on_retry, al);
}

/* state.h: an alert came into a phase. */
static void on_phase(void *arg, struct co_state_alert *a)
{
	struct co_alert *al = arg;

	a->dirty = true;
	if (a->phase == CO_STATE_LAPSED)
		co_ledger_drop_alert(al->ledger, a);
	if (a->phase != CO_STATE_FIRING && a->phase != CO_STATE_RESOLVED)
		return;
	OR_LOG(OR_LOG_WARN, a->phase == CO_STATE_FIRING ? "alert.firing" : "alert.resolved",
	    or_log_str("rule", a->rule), or_log_u64("fingerprint", a->fingerprint));
	a->record |= 1U << a->phase;
	co_notice_put(al->notices, a, now_of(al));
}

/* ---- rules */

static struct or_slice external_url(const struct co_alert *al, const struct co_rule_set *set)
{
	return set->external_url.p ? set->external_url : or_slice_str(al->opt.url);
}

/* A target that is gone, or is another one now. */
static void on_release(void *arg, struct co_notice_group *g)
{
	struct co_alert *al = arg;

	co_notify_cancel(al->notify, g);
	OR_LOG(OR_LOG_WARN, "alert.dropped", or_log_str("receiver", g->receiver),
	    or_log_str("group", g->group_key));
}

static void requeue(struct co_alert *al)
{
	struct co_notice_group *g = NULL;

	while ((g = co_notice_next(al->notices, g))) {
		if (g->out && g->out->is_stored && !g->out->is_storing && !g->out->is_queued)
			co_notify_send(al->notify, g);
	}
}

static bool is_same_target(const struct co_sink_target *a, const struct co_sink_target *b)
{
	return a && b && strcmp(a->url, b->url) == 0;
}

/* Notices whose target has another address now go there. */
static void move_notices(struct co_alert *al, const struct co_rule_set *set)
{
	const struct co_rule_receiver *r = set->route.receiver;
	struct co_notice_group *g = NULL;

	while ((g = co_notice_next(al->notices, g))) {
		const struct co_sink_target *now =
		    r && g->place < r->n_targets ? &r->targets[g->place] : NULL;

		if (g->out && !is_same_target(g->target, now))
			co_notify_cancel(al->notify, g);
	}
}

static void use_rules(struct co_alert *al, struct co_rule_set *set)
{
	struct co_rule_set *old = al->set;

	move_notices(al, set);
	co_state_set_rules(al->state, set, now_of(al));
	co_notice_set_rules(al->notices, set, external_url(al, set), now_of(al), on_release, al);
	al->set = set;
	co_rule_free(old);
	requeue(al);
}

static void on_read(void *arg)
{
	struct reload *r = arg;

	r->rc = co_rule_load(&r->set, r->path, &r->err);
}

static void on_reloaded(void *arg)
{
	struct reload *r = arg;
	struct co_alert *al = r->al;

	if (!al) {
		co_rule_free(r->set);
	} else {
		al->reload = NULL;
		al->rules_err = (struct or_err){.code = OR_OK};
		if (r->rc) {
			al->rules_err = r->err;
			OR_LOG(OR_LOG_ERROR, "alert.rules_refused", or_log_err(&r->err));
		} else {
			use_rules(al, r->set);
			OR_LOG(OR_LOG_INFO, "alert.rules", or_log_u64("rules", al->set->n_rules));
		}
		if (r->again)
			co_alert_reload(al);
		co_alert_settle(al);
	}
	or_mem_free(r->path);
	or_mem_free(r);
}

void co_alert_reload(struct co_alert *al)
{
	struct reload *r;

	if (al->reload) {
		al->reload->again = true;
		return;
	}
	r = or_mem_new(sizeof(*r));
	r->al = al;
	r->path = or_mem_strdup(al->opt.rules);
	al->reload = r;
	if (or_slow_submit(al->opt.slow, on_read, on_reloaded, r)) {
		al->reload = NULL;
		or_mem_free(r->path);
		or_mem_free(r);
		OR_LOG(OR_LOG_ERROR, "alert.rules_unread");
	}
}

static void on_changed(void *arg)
{
	co_alert_reload(arg);
}

/* ---- opening and closing */

static void on_place(void *arg, const struct co_ledger_place *place)
{
	struct co_alert *al = arg;
	struct co_alert_place *p;

	if (place->shard >= al->opt.n_shards)
		return;
	p = &al->places[place->shard];
	p->next = place->from < place->done ? place->from : place->done;
	p->done = place->done;
	p->is_known = true;
}

static void on_alert(void *arg, const struct co_state_alert *stored, bool held)
{
	struct co_alert *al = arg;
	struct co_state_alert *a = co_state_restore(al->state, stored, now_of(al));

	/* One that was just resolved, since its rule is gone, has been put already. */
	if (a && (a->phase == CO_STATE_FIRING || held))
		co_notice_put(al->notices, a, now_of(al));
}

static void on_group(void *arg, const struct co_notice_group *stored)
{
	struct co_alert *al = arg;
	struct co_notice_group *g = co_notice_restore(al->notices, stored, now_of(al));

	if (!g)
		OR_LOG(OR_LOG_WARN, "alert.dropped", or_log_str("receiver", stored->receiver));
}

static enum or_code load(struct co_alert *al, struct or_err *err)
{
	const struct co_ledger_reader reader = {
	    .arg = al, .on_place = on_place, .on_alert = on_alert, .on_group = on_group};
	enum or_code rc = co_ledger_load(al->ledger, &reader, err);

	if (rc == OR_OK)
		requeue(al);
	return rc;
}

static enum or_code make_notify(struct co_alert *al, struct or_err *err)
{
	struct co_notify_opt opt = {.loop = al->opt.loop, .fn = on_told, .arg = al};
	const char *ca_file = al->opt.ca_file;
	enum or_code rc = OR_OK;
	struct or_buf ca;

	or_buf_init(&ca, CA_FILE_MAX);
	if (ca_file && ca_file[0])
		rc = or_sys_read_file(&ca, ca_file, err);
	opt.ca = or_buf_slice(&ca);
	rc = rc ? rc : co_notify_new(&al->notify, &opt, err);
	or_buf_done(&ca);
	return rc ? or_err_wrap(err, rc, "alert.ca-file") : OR_OK;
}

static void make_parts(struct co_alert *al)
{
	al->state = co_state_new(&(struct co_state_opt){.fn = on_phase, .arg = al});
	al->notices = co_notice_new();
	al->shards = or_mem_array(al->opt.n_shards, sizeof(*al->shards));
	al->places = or_mem_array(al->opt.n_shards, sizeof(*al->places));
	for (size_t i = 0; i < al->opt.n_shards; i++) {
		al->shards[i] = al->opt.shards[i];
		al->places[i].log = co_ingest_log(al->shards[i]);
	}
}

enum or_code co_alert_open(
    struct co_alert **out, const struct co_alert_opt *opt, struct or_err *err)
{
	struct co_alert *al = or_mem_new(sizeof(*al));
	struct co_rule_set *set = NULL;
	enum or_code rc = co_rule_load(&set, opt->rules, err);

	al->opt = *opt;
	memcpy(al->own_id, opt->own_id, sizeof(al->own_id));
	if (rc == OR_OK)
		rc = co_ledger_open(&al->ledger, opt->db, err);
	if (rc == OR_OK)
		rc = or_watch_start(&al->watch, opt->loop, opt->rules, on_changed, al, err);
	if (rc == OR_OK)
		rc = make_notify(al, err);
	if (rc) {
		co_rule_free(set);
		or_watch_cancel(al->watch);
		co_ledger_close(al->ledger);
		or_mem_free(al);
		return rc;
	}
	make_parts(al);
	use_rules(al, set);
	rc = load(al, err);
	if (rc) {
		al->stopped = true;
		or_watch_cancel(al->watch);
		co_alert_close(al);
		return rc;
	}
	co_alert_follow_start(al);
	OR_LOG(OR_LOG_INFO, "alert.rules", or_log_u64("rules", al->set->n_rules));
	*out = al;
	return OR_OK;
}

void co_alert_stop(struct co_alert *al)
{
	if (!al)
		return;
	al->stopped = true;
	or_watch_cancel(al->watch);
	co_alert_follow_stop(al);
	or_loop_timer_cancel(al->due);
	or_loop_timer_cancel(al->retry);
	al->due = al->retry = NULL;
	co_notify_free(al->notify);
	al->notify = NULL;
	if (al->reload)
		al->reload->al = NULL;
}

void co_alert_close(struct co_alert *al)
{
	struct or_err err;

	if (!al)
		return;
	OR_ASSERT(al->stopped);
	if (al->record_arena) { /* it was open */
		collect(al, true);
		if (co_ledger_commit_now(al->ledger, &err))
			OR_LOG(OR_LOG_ERROR, "alert.unstored", or_log_err(&err));
	}
	co_notify_free(al->notify);
	co_notice_free(al->notices);
	co_state_free(al->state);
	co_ledger_close(al->ledger);
	co_rule_free(al->set);
	or_arena_free(al->record_arena);
	or_mem_free(al->shards);
	or_mem_free(al->places);
	or_mem_free(al);
}

void co_alert_stats(struct co_alert_stats *out, const struct co_alert *al)
{
	*out = (struct co_alert_stats){.rules = al->set->n_rules};
	co_state_stats(&out->state, al->state, SIZE_MAX);
	co_notify_stats(&out->notify, al->notify);
	for (size_t i = 0; i < al->opt.n_shards; i++)
		out->behind += co_log_size(al->places[i].log) - al->places[i].next;
}
