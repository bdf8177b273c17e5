/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query over a depot, in slices on the slow thread, so that commits go on in between.
 *
 * The newest rows within the query's limit are kept, in the order of their receipt, as lines of
 * JSON. Thread: the loop's; fn is called once, on it, unless the search was cancelled. Limits:
 * CO_SEARCH_BYTES_MAX bytes of lines: older ones go first.
 */
#ifndef COLLECTOR_TELEMETRY_SEARCH_H
#define COLLECTOR_TELEMETRY_SEARCH_H

#include "base/slow.h"
#include "collector/telemetry/sift.h"

#define CO_SEARCH_BYTES_MAX (16U * 1024 * 1024)

struct co_search;

struct co_search_end {
	enum or_code rc; /* OR_OK, else err says what */
	const struct or_err *err;
	struct or_slice *lines; /* without a line end; borrowed for the call */
	size_t n;
	uint64_t matched; /* rows, those that did not fit among them */
	uint64_t scanned;
	uint64_t damaged; /* segments with bytes that do not check */
	uint64_t bytes;   /* read */
};
typedef void co_search_fn(void *arg, const struct co_search_end *end);

/* sift and what it points to are borrowed until fn is called, or, after a cancel, until done is
 * (which is called in either case: *arg may be freed then). OR_FULL: the slow thread's queue. */
OR_NODISCARD enum or_code co_search_start(struct co_search **out, struct or_slow *slow,
    const char *dir, const struct co_sift *sift, co_search_fn *fn, or_loop_fn *done, void *arg,
    struct or_err *err);
void co_search_cancel(struct co_search *search);

#endif
