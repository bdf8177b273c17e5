/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/alert/notify.h"

#include "base/fetch.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdio.h>

enum { ANSWER_SHOWN = 160, ANSWER_MAX = 64 * 1024, FIELDS = 3 };

/* One target, whatever rule file named it: what waits for it, and what it is doing. */
struct lane {
	struct lane *next;
	struct co_notify *notify;
	char *url, *shown;
	struct entry *first, *last;
	struct or_fetch_call *call;  /* sends the first one */
	struct or_loop_timer *timer; /* until it is tried again */
	int64_t backoff_ns;
	int64_t retry_after_ns;
};

struct entry {
	struct entry *next;
	struct co_notice_group *group;
};

struct co_notify {
	struct co_notify_opt opt;
	struct or_fetch *fetch;
	struct lane *lanes;
	struct co_notify_stats stats;
};

static void pump(struct lane *l);

static void on_pump(void *arg)
{
	pump(arg);
}

static struct co_notice_group *take_first(struct lane *l)
{
	struct entry *e = l->first;
	struct co_notice_group *g = e->group;

	l->first = e->next;
	if (!l->first)
		l->last = NULL;
	or_mem_free(e);
	g->out->is_queued = false;
	l->notify->stats.queued--;
	return g;
}

static void append(struct lane *l, struct co_notice_group *g)
{
	struct entry *e = or_mem_new(sizeof(*e));

	e->group = g;
	*(l->last ? &l->last->next : &l->first) = e;
	l->last = e;
	g->out->is_queued = true;
	l->notify->stats.queued++;
}

/* ---- how an attempt ended */

static void settle(struct lane *l, const char *why)
{
	struct co_notice_group *g = take_first(l);

	l->backoff_ns = 0;
	if (why)
		l->notify->stats.refused++;
	else
		l->notify->stats.taken++;
	or_loop_defer(l->notify->opt.loop, on_pump, l); /* first: fn may free everything else */
	l->notify->opt.fn(l->notify->opt.arg, g, why);
}

static void on_retry(void *arg)
{
	struct lane *l = arg;

	l->timer = NULL;
	pump(l);
}

/* Up to a fifth longer, so that collectors do not come in step. */
static int64_t jitter(int64_t ns)
{
	return ns + (int64_t)(or_rng_u64() % (uint64_t)(ns / 5 + 1));
}

static void try_later(struct lane *l, const char *why)
{
	const struct co_notify_opt *opt = &l->notify->opt;
	struct co_notice_group *g = take_first(l);
	int64_t wait;

	l->notify->stats.failed++;
	g->out->attempts++;
	snprintf(g->out->why, sizeof(g->out->why), "%s", why);
	append(l, g);
	l->backoff_ns = l->backoff_ns ? 2 * l->backoff_ns : opt->retry_ns;
	if (l->backoff_ns > opt->retry_max_ns)
		l->backoff_ns = opt->retry_max_ns;
	wait = jitter(l->backoff_ns);
	if (l->retry_after_ns > wait)
		wait =
		    l->retry_after_ns < opt->retry_max_ns ? l->retry_after_ns : opt->retry_max_ns;
	l->timer = or_loop_timer_start(opt->loop, wait, on_retry, l);
	OR_LOG(OR_LOG_WARN, "alert.undelivered", or_log_str("receiver", g->receiver),
	    or_log_str("group", g->group_key), or_log_text("why", why),
	    or_log_u64("attempts", g->out->attempts), or_log_i64("retry_ms", wait / OR_NS_PER_MS));
}

static bool is_temporary(unsigned int status)
{
	return status == 408 || status == 425 || status == 429 || status >= 500;
}

static void read_retry_after(struct lane *l, const struct or_http_msg *msg)
{
	struct or_slice after = msg ? or_http_msg_get(msg, "Retry-After") : OR_SLICE_NONE;
	uint64_t seconds;

	if (after.p && or_str_u64(&seconds, after) == OR_OK && seconds < 86400)
		l->retry_after_ns = (int64_t)seconds * OR_NS_PER_S;
}

/* The head decides: who said 2xx and then fell silent has it. */
static void on_answer(void *arg, const struct or_http_client_answer *answer)
{
	struct lane *l = arg;
	char why[CO_NOTICE_WHY_MAX];
	struct or_slice said = answer->body;

	l->call = NULL;
	read_retry_after(l, answer->msg);
	if (answer->head >= 200 && answer->head < 300) {
		settle(l, NULL);
		return;
	}
	said.n = said.n < ANSWER_SHOWN ? said.n : ANSWER_SHOWN;
	if (answer->head)
		snprintf(why, sizeof(why), "%s answered %u%s%.*s", l->shown, answer->head,
		    said.n ? ": " : "", OR_SLICE_FMT(said));
	else
		snprintf(why, sizeof(why), "%s: %.100s", l->shown, answer->err->msg);
	if (!answer->head || is_temporary(answer->head))
		try_later(l, why);
	else
		settle(l, why);
}

static void start(struct lane *l)
{
	const struct co_notice_group *g = l->first->group;
	const struct or_http_field fields[FIELDS] = {
	    {OR_SLICE_LIT("Content-Type"), or_slice_str(g->sink->content_type)},
	    {OR_SLICE_LIT("User-Agent"), OR_SLICE_LIT("outrider")},
	    {OR_SLICE_LIT("Idempotency-Key"), or_slice_str(g->out->id)}};
	const struct or_fetch_req req = {.url = l->url,
	    .method = OR_SLICE_LIT("POST"),
	    .fields = fields,
	    .n_fields = FIELDS,
	    .body = or_slice(g->out->body, g->out->body_len),
	    .max = ANSWER_MAX,
	    .total_ns = g->target->timeout_ns};
	struct or_err err;

	l->retry_after_ns = 0;
	if (or_fetch_start(&l->call, l->notify->fetch, &req, on_answer, l, &err))
		on_answer(l, &(struct or_http_client_answer){.err = &err});
}

static void pump(struct lane *l)
{
	if (l->first && !l->call && !l->timer)
		start(l);
}

/* ---- lanes */

static struct lane *lane_of(struct co_notify *n, const struct co_sink_target *t)
{
	struct lane *l;

	for (l = n->lanes; l; l = l->next) {
		if (strcmp(l->url, t->url) == 0)
			return l;
	}
	l = or_mem_new(sizeof(*l));
	l->notify = n;
	l->url = or_mem_strdup(t->url);
	l->shown = or_mem_strdup(t->shown);
	l->next = n->lanes;
	n->lanes = l;
	return l;
}

static void free_lane(struct lane *l)
{
	or_loop_defer_cancel(l->notify->opt.loop, on_pump, l);
	or_loop_timer_cancel(l->timer);
	or_fetch_cancel(l->call);
	while (l->first)
		take_first(l);
	or_mem_free(l->url);
	or_mem_free(l->shown);
	or_mem_free(l);
}

void co_notify_send(struct co_notify *n, struct co_notice_group *g)
{
	struct lane *l = lane_of(n, g->target);

	OR_ASSERT(g->out && !g->out->is_queued);
	append(l, g);
	or_loop_defer(n->opt.loop, on_pump, l);
}

static bool cancel_in(struct lane *l, const struct co_notice_group *g)
{
	struct entry *before = NULL;

	for (struct entry *e = l->first; e; before = e, e = e->next) {
		if (e->group != g)
			continue;
		if (!before && l->call) {
			or_fetch_cancel(l->call);
			l->call = NULL;
			or_loop_defer(l->notify->opt.loop, on_pump, l);
		}
		*(before ? &before->next : &l->first) = e->next;
		if (!e->next)
			l->last = before;
		e->group->out->is_queued = false;
		l->notify->stats.queued--;
		or_mem_free(e);
		return true;
	}
	return false;
}

void co_notify_cancel(struct co_notify *n, struct co_notice_group *g)
{
	if (!g->out || !g->out->is_queued)
		return;
	for (struct lane *l = n->lanes; l; l = l->next) {
		if (cancel_in(l, g))
			return;
	}
}

enum or_code co_notify_new(
    struct co_notify **out, const struct co_notify_opt *opt, struct or_err *err)
{
	/* Kept for a burst only: one that turned out dead would look like a failure. */
	const struct or_fetch_opt fetch = {.ca = opt->ca, .idle_ns = OR_NS_PER_S};
	struct co_notify *n = or_mem_new(sizeof(*n));
	enum or_code rc = or_fetch_new(&n->fetch, opt->loop, &fetch, err);

	if (rc) {
		or_mem_free(n);
		return rc;
	}
	n->opt = *opt;
	if (!n->opt.retry_ns)
		n->opt.retry_ns = OR_NS_PER_S;
	if (!n->opt.retry_max_ns)
		n->opt.retry_max_ns = 300 * OR_NS_PER_S;
	*out = n;
	return OR_OK;
}

void co_notify_free(struct co_notify *n)
{
	struct lane *l;

	if (!n)
		return;
	while ((l = n->lanes)) {
		n->lanes = l->next;
		free_lane(l);
	}
	or_fetch_free(n->fetch);
	or_mem_free(n);
}

void co_notify_stats(struct co_notify_stats *out, const struct co_notify *n)
{
	*out = n->stats;
}
