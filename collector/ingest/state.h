/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of ingest share: ingest.c (opening, state, own records), call.c (one request from
 * its check to its answer), append.c (what one call adds to the log). Not for other folders.
 */
#ifndef COLLECTOR_INGEST_STATE_H
#define COLLECTOR_INGEST_STATE_H

#include "collector/ingest/check.h"
#include "collector/ingest/dead.h"
#include "collector/ingest/leaves.h"
#include "collector/ingest/lookup.h"
#include "collector/ingest/own.h"
#include "proto/leaf.h"

#define CO_STATE_REPORTED     256 /* conflicts that are remembered, so that each is recorded once */
#define CO_STATE_INPUTS_KNOWN 4096 /* inputs that are known to be stored */

struct co_ingest {
	struct co_ingest_opt opt;
	char *log_dir, *inputs_dir;
	struct co_log *log;
	struct co_store_state hooks;
	struct co_marks *marks;     /* of all that was handed to the log: the loop's */
	struct co_marks *committed; /* of all that is durable: the slow thread's */
	struct or_arena *hook_arena;
	struct co_own own;
	struct co_dead *dead;
	struct co_read *reader; /* the slow thread's; opened when it is first needed */
	struct or_arena *scratch;
	struct tl_hash reported[CO_STATE_REPORTED];
	size_t n_reported;
	struct tl_hash *inputs_known;
	struct co_ingest_call
	    *queue; /* calls that look up, and those of their streams behind them */
	bool is_waking;
	bool is_reopening;
	int64_t reopen_ns; /* when the next try may be */
	struct co_ingest_stats stats;
};

/* One request on its way; everything that check points to is its own. */
struct co_ingest_call {
	struct co_ingest *in;
	co_ingest_fn *fn;
	void *arg;
	struct or_arena *arena;
	struct co_ingest_request request;
	struct co_check check;
	struct co_marks_key key;
	struct co_ingest_answer answer;
	bool is_sync; /* inside co_ingest_submit */
	bool is_done;
	struct co_ingest_call *next; /* in the queue */
	bool is_queued;
	bool is_looking;
	int looks;
	/* What was looked up of records that are stored already; by the slow thread. */
	struct co_lookup *looked;
	size_t n_looked;
	bool inputs_stored;
	uint64_t size;
	enum or_code rc;
	struct or_err err;
};

/* A source's position is kept among the marks, as a stream of which nothing is stored and
 * everything below `next` expected: the agent's id is all zero, the epoch the partition. */
struct co_marks_key co_ingest_source_key(struct or_slice name, uint32_t partition);

/* True where the log takes nothing now; tries, now and then, to change that. */
bool co_ingest_has_trouble(struct co_ingest *in, struct or_err *err);

/* call.c: co_ingest_submit and co_ingest_cancel. */
struct co_ingest_call *co_call_submit(
    struct co_ingest *in, const struct co_ingest_request *request, co_ingest_fn *fn, void *arg);
void co_call_cancel(struct co_ingest_call *call);

/* append.c */

/* The stored record of that number, as it was looked up; NULL where it was not. */
const struct co_lookup *co_append_looked(const struct co_ingest_call *c, uint64_t seq);

/* Hands what a checked call adds to the log; fn is called with c. On failure *reason is "holes",
 * "busy" or "storage". Marks have moved when it returns OR_OK. */
OR_NODISCARD enum or_code co_append_call(
    struct co_ingest_call *c, co_log_fn *fn, const char **reason);

/* Adds one record of our own. */
OR_NODISCARD enum or_code co_append_own(struct co_ingest *in, const struct wire_audit *record,
    co_log_fn *fn, void *arg, struct or_err *err);

#endif
