/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivery of notices by POST: one at a time to each target, again and again until it has taken or
 * refused it.
 *
 *   2xx                                       taken
 *   408, 425, 429, 5xx, no connection, no     again: after 1 s, then twice as long each time, up to
 *   answer within the target's timeout        opt.retry_max_ns, or as Retry-After says
 *   3xx and other 4xx                         refused: asking again would not help
 *
 * A target that fails holds back its own notices only; the one that failed goes behind the others.
 * Each attempt has the notice's id in Idempotency-Key, since a target that took a notice and fell
 * silent gets it again.
 * Thread: the loop's. Owns its connections. Borrows groups until done or cancel.
 * Limits: those of base/fetch.h, which looks names up and speaks TLS.
 */
#ifndef COLLECTOR_ALERT_NOTIFY_H
#define COLLECTOR_ALERT_NOTIFY_H

#include "base/loop.h"
#include "collector/alert/notice.h"

struct co_notify;

/* why: NULL where it was taken, else the refusal. The group's notice is still there; call
 * co_notice_done. */
typedef void co_notify_fn(void *arg, struct co_notice_group *g, const char *why);

struct co_notify_opt {
	struct or_loop *loop;
	struct or_slice ca;   /* roots of trust for https, PEM; empty: the system's */
	int64_t retry_ns;     /* the first time; 0: 1 s */
	int64_t retry_max_ns; /* 0: 5 min */
	co_notify_fn *fn;
	void *arg;
};

/* OR_PARSE: opt->ca. */
OR_NODISCARD enum or_code co_notify_new(
    struct co_notify **out, const struct co_notify_opt *opt, struct or_err *err);
/* Calls that run are cut; nothing is called any more. */
void co_notify_free(struct co_notify *n);

/* Sends the group's notice (g->out). fn is not called from inside. */
void co_notify_send(struct co_notify *n, struct co_notice_group *g);
/* Takes it back; it may have arrived all the same. */
void co_notify_cancel(struct co_notify *n, struct co_notice_group *g);

struct co_notify_stats {
	uint64_t taken, failed, refused; /* attempts */
	size_t queued;                   /* notices, those being sent too */
};
void co_notify_stats(struct co_notify_stats *out, const struct co_notify *n);

#endif
