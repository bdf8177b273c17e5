/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loader's events on a loop, in batches: the first one wakes the loop, and what comes within the
 * delay after it wakes nobody. An idle workload costs no wake-up at all.
 *
 * Thread: the loop's. A turn hands over at most TAP_FEED_BUDGET events, then lets others run.
 */
#ifndef EBPF_FEED_H
#define EBPF_FEED_H

#include "base/loop.h"
#include "ebpf/loader.h"

#define TAP_FEED_DELAY_NS (10 * OR_NS_PER_MS)
#define TAP_FEED_BUDGET   256

struct tap_feed;

/* tap stays the caller's and must outlive the feed. fn may cancel the feed, but not close tap. */
struct tap_feed *tap_feed_start(
    struct or_loop *loop, struct tap_loader *tap, tap_loader_fn *fn, void *arg);
/* fn is never called again; what waits in the rings stays there. NULL does nothing. */
void tap_feed_cancel(struct tap_feed *feed);

#endif
