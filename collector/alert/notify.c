/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/alert/notify.h"

#include "base/http_client.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdio.h>

enum { ANSWER_SHOWN = 160, FIELDS = 3 };

/* One target, whatever rule file named it: what waits for it, and what it is doing. */
struct lane {
	struct lane *next;
	struct co_notify *notify;
	char *origin;
	struct or_slice path;
	struct entry *first, *last;
	struct or_http_client_call *call; /* sends the first one */
	struct or_loop_timer *timer;      /* until it is tried again */
	int64_t backoff_ns;
	unsigned int status; /* of the answer under way */
	int64_t retry_after_ns;
	struct or_buf answer; /* its beginning */
};

struct entry {
	struct entry *next;
	struct co_notice_group *group;
};

struct co_notify {
	struct co_notify_opt opt;
	struct or_http_client *client;
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

static void judge(struct lane *l, const struct or_err *err)
{
	char why[CO_NOTICE_WHY_MAX];

	l->call = NULL;
	if (l->status >= 200 && l->status < 300) {
		settle(l, NULL);
		return;
	}
	if (l->status)
		snprintf(why, sizeof(why), "http://%s answered %u%s%.*s", l->origin, l->status,
		    l->answer.n ? ": " : "", OR_SLICE_FMT(or_buf_slice(&l->answer)));
	else
		snprintf(why, sizeof(why), "http://%s: %.100s", l->origin, err->msg);
	if (!l->status || is_temporary(l->status))
		try_later(l, why);
	else
		settle(l, why);
}

/* ---- an attempt */

static void on_head(void *arg, const struct or_http_msg *msg)
{
	struct lane *l = arg;
	struct or_slice after = or_http_msg_get(msg, "Retry-After");
	uint64_t seconds;

	l->status = msg->status;
	if (after.p && or_str_u64(&seconds, after) == OR_OK && seconds < 86400)
		l->retry_after_ns = (int64_t)seconds * OR_NS_PER_S;
}

static void on_body(void *arg, struct or_slice piece)
{
	struct lane *l = arg;

	if (piece.n > ANSWER_SHOWN - l->answer.n)
		piece.n = ANSWER_SHOWN - l->answer.n;
	or_buf_put_slice(&l->answer, piece);
}

static void on_end(void *arg)
{
	judge(arg, NULL);
}

/* The head decides: who said 2xx and then fell silent has it. */
static void on_fail(void *arg, const struct or_err *err)
{
	judge(arg, err);
}

static void start(struct lane *l)
{
	static const struct or_http_client_ops ops = {
	    .on_head = on_head, .on_body = on_body, .on_end = on_end, .on_fail = on_fail};
	const struct co_notice_group *g = l->first->group;
	const struct or_http_field fields[FIELDS] = {
	    {OR_SLICE_LIT("Content-Type"), or_slice_str(g->sink->content_type)},
	    {OR_SLICE_LIT("User-Agent"), OR_SLICE_LIT("outrider")},
	    {OR_SLICE_LIT("Idempotency-Key"), or_slice_str(g->out->id)}};
	const struct or_http_client_req req = {.origin = l->origin,
	    .method = OR_SLICE_LIT("POST"),
	    .target = l->path,
	    .fields = fields,
	    .n_fields = FIELDS,
	    .body = or_slice(g->out->body, g->out->body_len),
	    .connect_ns = g->target->timeout_ns,
	    .head_ns = g->target->timeout_ns,
	    .total_ns = 2 * g->target->timeout_ns};
	struct or_err err;

	l->status = 0;
	l->retry_after_ns = 0;
	or_buf_clear(&l->answer);
	if (or_http_client_start(&l->call, l->notify->client, &req, &ops, l, &err)) {
		l->call = NULL;
		judge(l, &err);
	}
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
		if (strcmp(l->origin, t->origin) == 0 && or_slice_eq(l->path, t->path))
			return l;
	}
	l = or_mem_new(sizeof(*l));
	l->notify = n;
	l->origin = or_mem_strdup(t->origin);
	l->path = or_slice(or_mem_dup(t->path), t->path.n);
	or_buf_init(&l->answer, ANSWER_SHOWN);
	l->next = n->lanes;
	n->lanes = l;
	return l;
}

static void free_lane(struct lane *l)
{
	or_loop_defer_cancel(l->notify->opt.loop, on_pump, l);
	or_loop_timer_cancel(l->timer);
	or_http_client_cancel(l->call);
	while (l->first)
		take_first(l);
	or_buf_done(&l->answer);
	or_mem_free(l->origin);
	or_mem_free((void *)(uintptr_t)l->path.p);
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
			or_http_client_cancel(l->call);
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

struct co_notify *co_notify_new(const struct co_notify_opt *opt)
{
	/* Kept for a burst only: one that turned out dead would look like a failure. */
	const struct or_http_client_opt http = {.idle_ns = OR_NS_PER_S};
	struct co_notify *n = or_mem_new(sizeof(*n));

	n->opt = *opt;
	if (!n->opt.retry_ns)
		n->opt.retry_ns = OR_NS_PER_S;
	if (!n->opt.retry_max_ns)
		n->opt.retry_max_ns = 300 * OR_NS_PER_S;
	n->client = or_http_client_new(opt->loop, &http);
	return n;
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
	or_http_client_free(n->client);
	or_mem_free(n);
}

void co_notify_stats(struct co_notify_stats *out, const struct co_notify *n)
{
	*out = n->stats;
}
