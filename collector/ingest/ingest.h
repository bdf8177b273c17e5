/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes in for one shard: frames are verified, records checked against them, and stored once.
 *
 *   frame and batch ─▶ certificate, signature, root ─▶ each record ─▶ known numbers ─▶ log ─▶
 * answer
 *
 * - A record whose (agent, epoch, stream, seq) is stored already is compared by its leaf hash: the
 *   same one is dropped and acknowledged; another one is not stored: a record of our own (kind gap,
 *   reason "conflict") says so, and the dead-letter folder keeps it.
 * - Numbers that are missing before a frame become a record of our own (kind gap, reason
 * "missing"); what comes late is stored all the same.
 * - What is refused (malformed, wrong signature, another product) leaves nothing in the log; it
 * goes to the dead-letter folder, is counted, and the answer says why. Records of our own are
 * signed and framed as an agent's; the collector's certificate names the product "*".
 *
 * In the log a frame stands in front of its records; both are one group, so a crash parts them
 * never. Thread: the loop's. Owns <dir>: the log (collector/audit/store.h), <dir>/inputs,
 * <dir>/dead. Limits: those of proto/; CO_INGEST_HOLES_MAX holes per stream; opt.max_streams; the
 * dead-letter quota; the log's queue (then OR_FULL, HTTP 429).
 */
#ifndef COLLECTOR_INGEST_INGEST_H
#define COLLECTOR_INGEST_INGEST_H

#include "collector/audit/log.h"
#include "proto/cert.h"

#define CO_INGEST_HOLES_MAX 256 /* CO_MARKS_INTERVALS_MAX - 1 */

struct co_ingest;

struct co_ingest_opt {
	struct or_loop *loop;
	struct or_slow *slow;
	const char *dir;                 /* the shard's */
	const char *origin;              /* of the log: "outrider/<collector id>/shard/0" */
	const struct tl_note_key *key;   /* checkpoint key, borrowed */
	const struct tl_note_key *older; /* NULL, or the checkpoint key before */
	const struct or_crypto_key *const *issuers; /* enrolment keys that count, borrowed */
	size_t n_issuers;
	/* True: this certificate is on the revocation list. NULL: there is none. */
	bool (*is_revoked)(void *arg, const struct wire_cert *cert);
	void *revoked_arg;
	const struct or_crypto_key *own_key; /* the collector as an agent, borrowed */
	struct or_slice own_cert;            /* encoded AgentCert for own_key; copied */
	uint64_t segment_bytes;              /* 0: the log's default */
	bool seals;          /* closed segments become parts (collector/audit/seal.h) */
	uint32_t seal_rows;  /* 0: the default there */
	int64_t seal_age_ns; /* 0: the default there */
	size_t max_pending;  /* bytes that may wait to be written; 0: the log's default */
	size_t max_streams;  /* 0: 100,000 */
	uint64_t dead_bytes; /* quota of the dead-letter folder; 0: 64 MiB */
};

/* Blocks: for the start of the process. */
OR_NODISCARD enum or_code co_ingest_open(
    struct co_ingest **out, const struct co_ingest_opt *opt, struct or_err *err);
/* As co_log_close: when nothing is under way, or after or_slow_free. Calls that still wait and were
 * not cancelled are answered with OR_CLOSED. */
void co_ingest_close(struct co_ingest *in);

/* Its log, for size, checkpoint and trouble; read it with co_read_open(co_log_dir(…)). */
struct co_log *co_ingest_log(struct co_ingest *in);

/* Where a batch was read from; stored in one group with it. */
struct co_ingest_source {
	struct or_slice
	    name; /* "<Kafka's cluster id>/<topic>"; empty: it was not read, but posted */
	uint32_t partition;
	/* Called when the batch is handed to the log (not where it adds nothing): everything below
	 * is stored once this batch and those handed over before are. */
	uint64_t (*next)(void *arg);
	void *arg;
};

/* Borrowed for the call of co_ingest_submit. */
struct co_ingest_request {
	struct or_slice topic;    /* "outrider.audit" */
	struct or_slice frame;    /* encoded Frame */
	struct or_slice batch;    /* encoded AuditBatch; empty for a heartbeat */
	struct or_slice agent_id; /* whom the connection was authenticated as; empty: by nothing */
	struct or_slice peer;     /* its address, for the dead-letter folder */
	bool vetted;              /* co_ingest_vet has verified this frame's signature */
	struct co_ingest_source source;
};

/* OR_OK: 200, everything is durable. OR_PARSE: 400. OR_DENIED: 403 (certificate, signature,
 * product). OR_FULL: 429 or 503, ask again. OR_IO, OR_CORRUPT: 503. */
struct co_ingest_answer {
	enum or_code code;
	const char *reason; /* stable code, static: "ok", "signature", "product"… */
	uint64_t stored;
	uint64_t duplicates;
	uint64_t conflicts;
	uint64_t missing;   /* numbers that a gap record was written for */
	const char *detail; /* a sentence, valid during the call */
};

/* Whether the frame may be believed (certificate, signature, stream), before its batch is there: so
 * that nobody makes a collector hold much for a stranger. A refusal is counted and, without a
 * batch, among the dead letters; *reason is as in the answer. OR_PARSE, OR_DENIED. */
OR_NODISCARD enum or_code co_ingest_vet(struct co_ingest *in,
    const struct co_ingest_request *request, const char **reason, struct or_err *err);

typedef void co_ingest_fn(void *arg, const struct co_ingest_answer *answer);

/* fn is called once, during this call or later. The handle is gone when it has been called; NULL
 * where it was called already. */
struct co_ingest_call;
struct co_ingest_call *co_ingest_submit(
    struct co_ingest *in, const struct co_ingest_request *request, co_ingest_fn *fn, void *arg);
/* The answer is no longer wanted: fn is not called, nor is source.next. What was taken is stored
 * all the same. */
void co_ingest_cancel(struct co_ingest_call *call);

/* Where to go on reading: the highest `next` that was durable when the log was opened, or 0. A
 * batch that added nothing (a heartbeat, duplicates) left none: it may be read again. */
uint64_t co_ingest_next(const struct co_ingest *in, struct or_slice name, uint32_t partition);

/* A record of the collector's own (a query, an administrator's act). The caller fills time,
 * product, kind, decision, principal, action, resource, reason, request, attributes and, where it
 * has them, trace and span id; who, epoch, stream, seq and front are filled in here. fn may be
 * NULL. OR_INVAL, OR_FULL, OR_IO, OR_CORRUPT: as co_log_append. */
struct wire_audit;
OR_NODISCARD enum or_code co_ingest_own(struct co_ingest *in, const struct wire_audit *record,
    co_log_fn *fn, void *arg, struct or_err *err);

/* The inputs of that hash, as they came. OR_ABSENT. Blocks on the disk. */
OR_NODISCARD enum or_code co_ingest_inputs(struct co_ingest *in, struct or_buf *out,
    const uint8_t hash[OR_CRYPTO_HASH_LEN], struct or_err *err);

struct co_ingest_stats {
	uint64_t frames, records, duplicates, conflicts, gaps;
	uint64_t refused, dead_letters, dead_dropped;
	size_t streams;
};
void co_ingest_stats(struct co_ingest_stats *out, const struct co_ingest *in);

#endif
