/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format of the spool's segments: a head, then entries, each framed and checked.
 *
 *	head:  "ORSPOOL1" number epoch prev_epoch (8 bytes each) crc zero (4 bytes each)
 *	entry: crc(4) magic(2) type(1) zero(1) length(4) stream(2) zero(2) seq(8) payload, zeros to
 *8
 *
 * Numbers are little-endian. CRC-32C runs over the entry behind the crc, and starts from one over
 * epoch, number and offset: an entry is valid in its own place only. So stale or copied bytes never
 * pass, and who does not know the random epoch cannot write a payload that looks like entries.
 * Pure: no file is touched here. Any thread. Parsed payloads point into the input.
 * Limit: AG_SEGMENT_PAYLOAD_MAX bytes of payload, the place included.
 */
#ifndef AGENT_SPOOL_SEGMENT_H
#define AGENT_SPOOL_SEGMENT_H

#include "base/buf.h"
#include "base/err.h"

#define AG_SEGMENT_HEAD_LEN    40
#define AG_SEGMENT_FRAME_LEN   24
#define AG_SEGMENT_ALIGN       8
#define AG_SEGMENT_PAYLOAD_MAX (1024U * 1024)

struct ag_segment_head {
	uint64_t number;
	uint64_t epoch;
	uint64_t prev_epoch; /* 0: none */
};

enum ag_segment_type {
	AG_SEGMENT_RECORD = 1, /* seq: its number in the stream */
	AG_SEGMENT_INPUTS = 2, /* seq: of the record that it precedes */
	AG_SEGMENT_STREAM = 3, /* seq: the next number of the stream; payload: prev_seq(8), name */
	/* A record with the place that it was read from, in one entry, so that no crash parts them:
	 * payload: length of the place(2), the place, the record. Parsed, it is a record. */
	AG_SEGMENT_PLACED = 4,
	/* Nothing: what a repair put in the place of bytes that did not check. */
	AG_SEGMENT_VOID = 5,
};

struct ag_segment_entry {
	enum ag_segment_type type;
	uint16_t stream;
	uint64_t seq;
	struct or_slice payload;
	struct or_slice place; /* of a record; empty: none */
};

void ag_segment_head_put(struct or_buf *out, const struct ag_segment_head *head);
/* OR_AGAIN: fewer than AG_SEGMENT_HEAD_LEN bytes. OR_CORRUPT: not a head. */
OR_NODISCARD enum or_code ag_segment_head_get(struct ag_segment_head *out, struct or_slice in);

/* Bytes that an entry takes in the file. */
size_t ag_segment_size(const struct ag_segment_entry *e);

/* Appends the entry that will lie at offset (a multiple of AG_SEGMENT_ALIGN) of that segment. */
void ag_segment_put(struct or_buf *out, const struct ag_segment_head *head, uint64_t offset,
    const struct ag_segment_entry *e);

/* The entry at the start of in, which lies at offset; *size is what it takes. OR_AGAIN: it would
 * go on behind in, *size (where not 0) bytes long. OR_CORRUPT: no entry. */
OR_NODISCARD enum or_code ag_segment_get(struct ag_segment_entry *out, size_t *size,
    const struct ag_segment_head *head, uint64_t offset, struct or_slice in);

/* How far behind a corrupt place the next valid entry lies, 0: none within in. work bounds the
 * bytes that are checked on the way, over all calls that share it. */
size_t ag_segment_resync(
    const struct ag_segment_head *head, uint64_t offset, struct or_slice in, size_t *work);

#endif
