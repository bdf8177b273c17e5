/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One log file that is read to its end and on as it grows.
 *
 * Which file it is: device and inode, and, since inodes are used again and files are emptied in
 * place (copytruncate), the hash of its beginning and the bytes before the offset. Where they are
 * not what they were, another file is in its place, and it is read from its beginning.
 *
 *	read: a window behind the offset ─▶ whole lines ─▶ records of one request ─┐
 *	  ▲                                                                          │
 *	  └── commit: the request is in the spool, with its place ◀──────────────────┘
 *
 * A read that is not committed is as if it had not been: nothing but the place is state. So a
 * request ends where no part of a line is pending (its other parts come with it); where a window
 * holds no such end, what there is goes as a part, marked.
 * Thread: the loop's; reading blocks on the disk where the page cache does not have it.
 * Limits: AG_TAIL_WINDOW bytes of a line, beyond which it is cut and the rest passed over;
 * AG_TAIL_REQUEST_MAX bytes of a request.
 */
#ifndef AGENT_CAPTURE_FILES_TAIL_H
#define AGENT_CAPTURE_FILES_TAIL_H

#include "agent/capture/files/line.h"
#include "agent/capture/redact/redact.h"

#define AG_TAIL_WINDOW      (256U * 1024)
#define AG_TAIL_REQUEST_MAX (900U * 1024)
#define AG_TAIL_BEFORE      64
#define AG_TAIL_ID          16
#define AG_TAIL_PLACE       28

struct ag_tail {
	char *path; /* as it was when it was opened */
	enum ag_line_format format;
	int fd;
	uint8_t id[AG_TAIL_ID]; /* device and inode */
	uint64_t offset;        /* everything before is committed */
	bool is_skipping;       /* within the rest of a line that was cut */
	uint8_t before[AG_TAIL_BEFORE];
	size_t n_before;
	size_t n_head;      /* bytes of the beginning that are known, */
	uint64_t head_hash; /* and their hash */
	/* The owner's: */
	bool is_found;   /* by a pattern, in the last sweep */
	bool is_at_end;  /* the last read found nothing */
	int64_t gone_ns; /* monotonic: no pattern finds it since then; 0: one does */
};

/* path is copied. OR_ABSENT, OR_DENIED, OR_IO. OR_INVAL: no regular file. */
OR_NODISCARD enum or_code ag_tail_open(
    struct ag_tail **out, const char *path, enum ag_line_format format, struct or_err *err);
void ag_tail_free(struct ag_tail *t);

/* The id of a file by its name. False: there is none, or it is no regular file. */
bool ag_tail_id_of(uint8_t out[AG_TAIL_ID], const char *path);

/* Goes on at a place that ag_tail_place made. False: it is another file by now; it is read from its
 * beginning. */
bool ag_tail_resume(struct ag_tail *t, struct or_slice place);

/* What reading needs; one for many files. */
struct ag_tail_batch {
	struct ag_redact *redact; /* NULL: nothing is taken out */
	struct or_arena *arena;
	struct or_buf window, logs, redacted, joined[AG_LINE_STREAMS];
	bool is_pending[AG_LINE_STREAMS]; /* a part waits for the next one */
	size_t end;                       /* bytes of the window that are in logs */
	uint64_t lines, cut, misfits;
	bool is_skipping; /* at the end */
	bool is_rewound;  /* the file was emptied or replaced in place */
	bool has_more;    /* the window was full */
	int64_t now_ns;   /* wall clock */
};
void ag_tail_batch_init(struct ag_tail_batch *b, struct ag_redact *redact);
void ag_tail_batch_done(struct ag_tail_batch *b);

/* Reads on into b->logs (proto/otlp_log.h). is_final: nothing more will come, so what lacks its end
 * counts as whole. b->end == 0: nothing new. OR_IO: t is as it was. */
OR_NODISCARD enum or_code ag_tail_read(
    struct ag_tail *t, struct ag_tail_batch *b, bool is_final, int64_t now_ns, struct or_err *err);
/* Where t will be once b is committed. */
void ag_tail_place(uint8_t out[AG_TAIL_PLACE], struct ag_tail *t, const struct ag_tail_batch *b);
void ag_tail_commit(struct ag_tail *t, const struct ag_tail_batch *b);

#endif
