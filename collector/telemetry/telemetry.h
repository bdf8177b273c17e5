/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes in of one telemetry topic: frames are verified as audit's are, and each record is
 * stored once, in a depot (collector/telemetry/depot.h).
 *
 *   frame and batch ─▶ certificate, signature, root ─▶ known numbers ─▶ queue ─▶ commit ─▶ answer
 *
 * Commits are grouped: what comes while one runs waits for the next. A record whose number is
 * stored already is dropped and acknowledged, once the one before it is durable. Numbers that are
 * missing before a frame are counted, said in the answer and logged. What is refused goes to the
 * dead-letter folder (collector/ingest/dead.h), <dir>/dead.
 * What was read from somewhere leaves in the same commit how far that has been read.
 *
 * Thread: the loop's; the depot works on the slow thread. Owns its depot.
 * Limits: opt.max_pending bytes that wait (OR_FULL); those of proto/ and of the marks.
 */
#ifndef COLLECTOR_TELEMETRY_TELEMETRY_H
#define COLLECTOR_TELEMETRY_TELEMETRY_H

#include "base/slow.h"
#include "collector/ingest/ingest.h"
#include "collector/telemetry/depot.h"

struct co_telemetry;

/* After a record was stored: its product, when it came, its bytes. */
typedef void co_telemetry_stored_fn(
    void *arg, struct or_slice product, int64_t received_ns, struct or_slice record);

struct co_telemetry_opt {
	struct or_loop *loop;
	struct or_slow *slow;
	const char *topic; /* "otlp_logs"; static */
	const char *dir;   /* copied */
	int64_t keep_ns;   /* 0: for good */
	uint64_t segment_bytes;
	size_t max_pending;  /* 0: 32 MiB */
	uint64_t dead_bytes; /* quota of the dead-letter folder; 0: 16 MiB */
	/* As in co_ingest_opt. */
	const struct or_crypto_key *const *issuers;
	size_t n_issuers;
	bool (*is_revoked)(void *arg, const struct wire_cert *cert);
	void *revoked_arg;
	co_telemetry_stored_fn *on_stored; /* may be NULL */
	void *stored_arg;
};

/* Blocks: for the start of the process. Errors are those of co_depot_open. */
OR_NODISCARD enum or_code co_telemetry_open(
    struct co_telemetry **out, const struct co_telemetry_opt *opt, struct or_err *err);
/* After or_slow_free, or when nothing is under way. What waits is answered OR_CLOSED. */
void co_telemetry_close(struct co_telemetry *t);

const char *co_telemetry_topic(const struct co_telemetry *t);
const char *co_telemetry_dir(const struct co_telemetry *t);

/* As co_ingest_submit: the same requests, answers and promises. */
struct co_telemetry_call;
struct co_telemetry_call *co_telemetry_submit(
    struct co_telemetry *t, const struct co_ingest_request *request, co_ingest_fn *fn, void *arg);
void co_telemetry_cancel(struct co_telemetry_call *call);

/* As co_ingest_next. */
uint64_t co_telemetry_next(const struct co_telemetry *t, struct or_slice name, uint32_t partition);

struct co_telemetry_stats {
	uint64_t frames, records, bytes, duplicates, missing, refused, failed_commits;
	uint64_t dead_letters, dead_dropped;
	uint64_t damaged; /* segments with bytes that do not check, found at the start */
	size_t streams;
};
void co_telemetry_stats(struct co_telemetry_stats *out, const struct co_telemetry *t);

#endif
