/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of a piece of a log file as records of one request: parts are joined, lines that belong
 * together too (agent/capture/files/event.h), each stream for itself.
 *
 * What waits for its next line is not taken: the piece ends before it, and is read from there
 * again. Where another stream's lines behind that are out already, `taken` says up to where, so
 * each line is out once, however often it is read. What waits for longer than it may, or fills the
 * piece, goes as it is.
 *
 *	data:  | out | waits (stdout) | out (stderr) | waits | not looked at yet
 *	             ▲ end            ▲──────────────▲ taken[stderr]
 *
 * Pure but for counting; one thread at a time. Limits: AG_BATCH_WINDOW bytes of a piece and so of a
 * line, AG_BATCH_REQUEST_MAX bytes of a request.
 */
#ifndef AGENT_CAPTURE_FILES_BATCH_H
#define AGENT_CAPTURE_FILES_BATCH_H

#include "agent/capture/decode/decode.h"
#include "agent/capture/files/event.h"
#include "agent/capture/files/line.h"
#include "agent/capture/redact/redact.h"

#define AG_BATCH_WINDOW      (256U * 1024)
#define AG_BATCH_REQUEST_MAX (900U * 1024)

/* How a file is read. */
struct ag_batch_format {
	enum ag_line_format line;
	struct ag_event_rule event;
	enum ag_decode_kind decode; /* what the text of a record says besides */
};

struct ag_batch_stream {
	struct or_buf part;  /* the parts of a line that came */
	struct or_buf event; /* the lines of a record that came */
	bool has_part, has_event;
	uint8_t state; /* ag_event_goes_on's */
	uint32_t lines;
	int64_t time_ns;
	size_t part_begin, event_begin, last; /* of the data; last: behind its last line */
	size_t taken;                         /* its lines up to here are out */
};

struct ag_batch {
	struct ag_redact *redact;      /* NULL: nothing is taken out */
	struct or_arena *arena, *said; /* of a line; of what it says */
	enum ag_decode_kind decode;
	struct or_buf logs, redacted, attributes, value;
	struct ag_batch_stream streams[AG_LINE_STREAMS];
	size_t end;     /* bytes of the data that are out; what is out behind it: streams' taken */
	size_t reached; /* bytes that were looked at */
	uint64_t records, cut, misfits;
	bool is_skipping; /* within the rest of a line that was cut; before and after */
	int64_t now_ns;   /* wall clock: when it was seen */
};
void ag_batch_init(struct ag_batch *b, struct ag_redact *redact);
void ag_batch_done(struct ag_batch *b);
/* Before each piece; streams' taken and is_skipping are then the caller's to set. */
void ag_batch_clear(struct ag_batch *b);

/* data: from the first byte that is not out. */
void ag_batch_read(struct ag_batch *b, const struct ag_batch_format *f, struct or_slice data);
/* The piece cannot grow and nothing of its beginning went: what stands there goes, cut. */
void ag_batch_force(struct ag_batch *b, struct or_slice data);
/* Nothing more comes behind the data: what lacks its end counts as whole. */
void ag_batch_finish(struct ag_batch *b, const struct ag_batch_format *f, struct or_slice data);
/* What that stream waits with goes as it is. */
void ag_batch_flush(struct ag_batch *b, enum ag_line_stream stream);

static inline bool ag_batch_waits(const struct ag_batch_stream *s)
{
	return s->has_part || s->has_event;
}

#endif
