/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which numbers of which stream are stored: for each (agent, epoch, stream) a set of intervals,
 * normally one. It decides what is new, what came before, and what is missing.
 *
 * Thread: whoever owns it. Saved at the head of every segment of the log, and read back from there.
 * Limits: max_streams; CO_MARKS_INTERVALS_MAX intervals a stream.
 */
#ifndef COLLECTOR_INGEST_MARKS_H
#define COLLECTOR_INGEST_MARKS_H

#include "base/buf.h"
#include "base/err.h"

#define CO_MARKS_INTERVALS_MAX 257
#define CO_MARKS_AGENT_LEN     16
#define CO_MARKS_STREAM_MAX    256

struct co_marks;

struct co_marks_key {
	struct or_slice agent; /* CO_MARKS_AGENT_LEN bytes */
	uint64_t epoch;
	struct or_slice stream;
};

struct co_marks *co_marks_new(size_t max_streams);
void co_marks_free(struct co_marks *m);
size_t co_marks_streams(const struct co_marks *m);

/* True where add would succeed. */
bool co_marks_has_room(
    const struct co_marks *m, const struct co_marks_key *key, uint64_t from, uint64_t to);
/* from..to are stored; to = from - 1 stores none but makes the stream known, and everything up to
 * `to` expected. OR_FULL: a limit. */
OR_NODISCARD enum or_code co_marks_add(
    struct co_marks *m, const struct co_marks_key *key, uint64_t from, uint64_t to);

bool co_marks_knows(const struct co_marks *m, const struct co_marks_key *key);
bool co_marks_has(const struct co_marks *m, const struct co_marks_key *key, uint64_t seq);
/* True where all of from..to are stored (always for to = from - 1). */
bool co_marks_covers(
    const struct co_marks *m, const struct co_marks_key *key, uint64_t from, uint64_t to);
/* The highest number that is stored or was expected; 0 for an unknown stream. What is missing below
 * has been reported; what lies between it and a new frame has not. */
uint64_t co_marks_expected(const struct co_marks *m, const struct co_marks_key *key);

void co_marks_save(const struct co_marks *m, struct or_buf *out);
/* Replaces everything. The empty slice is no streams. OR_CORRUPT, OR_FULL: m is then empty. */
OR_NODISCARD enum or_code co_marks_load(
    struct co_marks *m, struct or_slice saved, struct or_err *err);
/* co_marks_has on what was saved, without loading it. */
bool co_marks_saved_has(struct or_slice saved, const struct co_marks_key *key, uint64_t seq);

#endif
