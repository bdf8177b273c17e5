/* SPDX-License-Identifier: Apache-2.0 */
/*
 * States, exactly one at a time: waiting for the fd (io), for the delay (timer), or for the next
 * turn because the budget was used up (deferred).
 */
#include "ebpf/feed.h"

#include "base/mem.h"

struct tap_feed {
	struct or_loop *loop;
	struct tap_loader *tap;
	tap_loader_fn *fn;
	void *arg;
	struct or_loop_io *io;
	struct or_loop_timer *timer;
	bool draining, cancelled;
};

static void on_readable(void *arg, int fd, int what);

static void on_event(void *arg, const struct tap_event *ev)
{
	struct tap_feed *feed = arg;

	feed->fn(feed->arg, ev);
	if (feed->cancelled)
		tap_loader_break(feed->tap);
}

static void on_due(void *arg)
{
	struct tap_feed *feed = arg;
	size_t n;

	feed->timer = NULL;
	feed->draining = true;
	n = tap_loader_drain(feed->tap, TAP_FEED_BUDGET, on_event, feed);
	feed->draining = false;
	if (feed->cancelled)
		or_mem_free(feed);
	else if (n == TAP_FEED_BUDGET)
		or_loop_defer(feed->loop, on_due, feed);
	else
		feed->io = or_loop_io_start(
		    feed->loop, tap_loader_fd(feed->tap), OR_LOOP_READ, on_readable, feed);
}

static void on_readable(void *arg, int fd, int what)
{
	struct tap_feed *feed = arg;

	(void)fd;
	(void)what;
	or_loop_io_cancel(feed->io);
	feed->io = NULL;
	feed->timer = or_loop_timer_start(feed->loop, TAP_FEED_DELAY_NS, on_due, feed);
}

struct tap_feed *tap_feed_start(
    struct or_loop *loop, struct tap_loader *tap, tap_loader_fn *fn, void *arg)
{
	struct tap_feed *feed = or_mem_new(sizeof(*feed));

	feed->loop = loop;
	feed->tap = tap;
	feed->fn = fn;
	feed->arg = arg;
	feed->io = or_loop_io_start(loop, tap_loader_fd(tap), OR_LOOP_READ, on_readable, feed);
	return feed;
}

void tap_feed_cancel(struct tap_feed *feed)
{
	if (!feed)
		return;
	or_loop_io_cancel(feed->io);
	or_loop_timer_cancel(feed->timer);
	or_loop_defer_cancel(feed->loop, on_due, feed);
	feed->io = NULL;
	feed->timer = NULL;
	feed->cancelled = true;
	if (!feed->draining)
		or_mem_free(feed);
}
