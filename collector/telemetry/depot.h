/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telemetry of one topic on disk: append-only segments, one or more a day of receipt.
 *
 *   <dir>/<number, 10 digits>-<yyyymmdd>.seg
 *   header   magic, length, CRC-32C, then the marks (collector/ingest/marks.h) before the first
 * group group*   length, CRC-32C, then what one frame brought: time of receipt, agent, epoch,
 * stream, the frame's numbers, and each record with its number
 *
 * Numbers are little-endian. Records and the marks that make each of them count once lie in the
 * same group, so they are durable together: no Merkle log, as telemetry is kept to be read, not
 * proven.
 *
 * Invariants (telemetry_test.c):
 *   1. a group whose commit returned OR_OK is there once after any crash, with its marks;
 *   2. one whose commit failed is not there;
 *   3. the writer never appends behind bytes that do not check: what is damaged stays as it is, is
 *      counted, and the next segment goes on.
 *
 * Blocking: for the slow thread, or before a loop runs. One writer; readers share the files only.
 * Limits: CO_DEPOT_GROUP_MAX bytes a group; marks have their own.
 */
#ifndef COLLECTOR_TELEMETRY_DEPOT_H
#define COLLECTOR_TELEMETRY_DEPOT_H

#include "collector/ingest/marks.h"

#define CO_DEPOT_SEGMENT_DEFAULT (32U * 1024 * 1024)
#define CO_DEPOT_GROUP_MAX       (9U * 1024 * 1024)

struct co_depot;

struct co_depot_opt {
	const char *dir;        /* made where it is missing */
	uint64_t segment_bytes; /* 0: the default */
	size_t max_streams;
	int64_t keep_ns; /* segments of days that are older go; 0: none do */
	int64_t now_ns;
};

/* OR_BUSY: another process writes there. OR_IO, OR_FULL. */
OR_NODISCARD enum or_code co_depot_open(
    struct co_depot **out, const struct co_depot_opt *opt, struct or_err *err);
/* NULL does nothing. */
void co_depot_close(struct co_depot *d);

/* The marks of all that is durable; not while a commit runs. */
const struct co_marks *co_depot_marks(const struct co_depot *d);
uint64_t co_depot_damaged(const struct co_depot *d); /* segments with bytes that do not check */

struct co_depot_record {
	uint64_t seq;
	struct or_slice bytes;
};

struct co_depot_group {
	int64_t received_ns;
	struct co_marks_key key;
	uint64_t from, to; /* the frame's; to = from - 1 for none */
	size_t n;          /* records, each read with co_depot_next_record */
	struct or_slice records;
};

/* Appends a group; fullness is the buffer's. */
void co_depot_put(struct or_buf *out, const struct co_depot_group *g,
    const struct co_depot_record *records, size_t n);
/* Takes the next record from the front of *records. */
bool co_depot_next_record(struct co_depot_record *out, struct or_slice *records);
/* Takes the next group from the front of *groups: what co_depot_put appended. OR_ABSENT: the end.
 * OR_CORRUPT. */
OR_NODISCARD enum or_code co_depot_next_group(struct co_depot_group *out, struct or_slice *groups);

/* Writes the groups and makes them durable, all or none. On failure the depot goes on with what it
 * had. */
OR_NODISCARD enum or_code co_depot_commit(
    struct co_depot *d, struct or_slice groups, int64_t now_ns, struct or_err *err);

/* ---- reading */

struct co_depot_read;

/* Segments of days since that time on, oldest first. OR_ABSENT: there is no depot. */
OR_NODISCARD enum or_code co_depot_read_open(
    struct co_depot_read **out, const char *dir, int64_t since_ns, struct or_err *err);
void co_depot_read_close(struct co_depot_read *r);
/* Borrowed until the next call. OR_ABSENT: the end. OR_IO. What does not check is passed over, with
 * the rest of its segment, and counted. */
OR_NODISCARD enum or_code co_depot_read_next(
    struct co_depot_read *r, struct co_depot_group *out, struct or_err *err);
uint64_t co_depot_read_damaged(const struct co_depot_read *r);
uint64_t co_depot_read_bytes(const struct co_depot_read *r); /* read so far */

#endif
