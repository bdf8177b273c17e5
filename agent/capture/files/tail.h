/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One log file that is read to its end and on as it grows.
 *
 * Which file it is: device and inode, and, since inodes are used again and files are emptied in
 * place (copytruncate), the hash of its beginning and the bytes before the offset. Where they are
 * not what they were, another file is in its place, and it is read from its beginning.
 *
 *	read: a window behind the offset ─▶ records of one request (agent/capture/files/batch.h) ─┐
 *	  ▲                                                                                        │
 *	  └── commit: the request is in the spool, with its place ◀────────────────────────────────┘
 *
 * A read that is not committed is as if it had not been: nothing but the place is state. So a
 * request ends before what waits for its next line; where a window holds no such end, what there is
 * goes as a part, marked.
 * Thread: the loop's; reading blocks on the disk where the page cache does not have it.
 * Limits: agent/capture/files/batch.h.
 */
#ifndef AGENT_CAPTURE_FILES_TAIL_H
#define AGENT_CAPTURE_FILES_TAIL_H

#include "agent/capture/files/batch.h"

#define AG_TAIL_BEFORE    64
#define AG_TAIL_ID        16
#define AG_TAIL_PLACE_MAX 40
/* How long the parts of a line wait for its end. */
#define AG_TAIL_PART_NS (30 * OR_NS_PER_S)

struct ag_tail {
	char *path;                           /* as it was when it was opened */
	const struct ag_batch_format *format; /* borrowed */
	int fd;
	uint8_t id[AG_TAIL_ID];          /* device and inode */
	uint64_t offset;                 /* everything before is committed, */
	uint32_t taken[AG_LINE_STREAMS]; /* and of each stream so many bytes behind it */
	bool is_skipping;                /* within the rest of a line that was cut */
	uint8_t before[AG_TAIL_BEFORE];
	size_t n_before;
	size_t n_head;      /* bytes of the beginning that are known, */
	uint64_t head_hash; /* and their hash */
	/* What waits for its next line: behind which byte, and since when (monotonic). */
	struct {
		uint64_t behind;
		int64_t since_ns;
	} waits[AG_LINE_STREAMS];
	int64_t due_ns; /* monotonic: when what waits goes as it is; 0: nothing waits */
	/* The owner's: */
	bool is_found;   /* by a pattern, in the last sweep */
	bool is_at_end;  /* the last read found nothing */
	int64_t gone_ns; /* monotonic: no pattern finds it since then; 0: one does */
};

/* path is copied. OR_ABSENT, OR_DENIED, OR_IO. OR_INVAL: no regular file. */
OR_NODISCARD enum or_code ag_tail_open(struct ag_tail **out, const char *path,
    const struct ag_batch_format *format, struct or_err *err);
void ag_tail_free(struct ag_tail *t);

/* The id of a file by its name. False: there is none, or it is no regular file. */
bool ag_tail_id_of(uint8_t out[AG_TAIL_ID], const char *path);

/* Goes on at a place that ag_tail_place made. False: it is another file by now; it is read from its
 * beginning. */
bool ag_tail_resume(struct ag_tail *t, struct or_slice place);

/* What reading needs; one for many files. */
struct ag_tail_reader {
	struct ag_batch batch;
	struct or_buf window;
	bool is_rewound; /* the file was emptied or replaced in place */
	bool has_more;   /* the window was full */
};
void ag_tail_reader_init(struct ag_tail_reader *r, struct ag_redact *redact);
void ag_tail_reader_done(struct ag_tail_reader *r);

struct ag_tail_now {
	int64_t wall_ns, mono_ns;
	bool is_final; /* nothing more will come: what lacks its end counts as whole */
};
/* Reads on into r->batch.logs (proto/otlp_log.h). OR_IO: t is as it was. */
OR_NODISCARD enum or_code ag_tail_read(
    struct ag_tail *t, struct ag_tail_reader *r, const struct ag_tail_now *now, struct or_err *err);
/* False: it found nothing new, and there is nothing to commit. */
bool ag_tail_has_new(const struct ag_tail *t, const struct ag_tail_reader *r);
/* Where t will be once r is committed; its length. */
size_t ag_tail_place(
    uint8_t out[AG_TAIL_PLACE_MAX], struct ag_tail *t, const struct ag_tail_reader *r);
void ag_tail_commit(struct ag_tail *t, const struct ag_tail_reader *r);

#endif
