/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of one side of a PostgreSQL session as they pass (documentation §55.7): a type, a
 * length, a body. Nothing is held back; of the types asked for the beginning of the body is kept
 * until the message has come.
 *
 * Strict about framing: a length below 4 or above AG_FRAMES_LENGTH_MAX, or a type that is not among
 * those allowed, ends it. However the bytes are cut, the same messages are told.
 * Thread: whoever owns it. Memory: at most AG_FRAMES_KEEP_MAX bytes, while such a message is under
 * way.
 */
#ifndef AGENT_GATE_POSTGRES_FRAMES_H
#define AGENT_GATE_POSTGRES_FRAMES_H

#include "base/buf.h"
#include "base/err.h"

#define AG_FRAMES_LENGTH_MAX (1024U * 1024 * 1024)
#define AG_FRAMES_KEEP_MAX   (16U * 1024)

/* length is the body's whole length; body may be its beginning only. Borrowed for the call. */
typedef void ag_frames_fn(void *arg, uint8_t type, struct or_slice body, uint32_t length);

struct ag_frames_opt {
	const char *allowed; /* types; NULL: any */
	const char *wanted;  /* those that fn is called for */
	ag_frames_fn *fn;
	void *arg;
};

struct ag_frames {
	struct ag_frames_opt opt;
	uint8_t head[5];
	size_t n_head;
	uint32_t length, left; /* of the body */
	bool keeps;
	struct or_buf kept;
};

void ag_frames_init(struct ag_frames *f, const struct ag_frames_opt *opt);
void ag_frames_done(struct ag_frames *f);

/* The next bytes. OR_PARSE: they are no messages; nothing more may be fed. */
OR_NODISCARD enum or_code ag_frames_feed(struct ag_frames *f, struct or_slice in);

/* Takes the text up to the next NUL off the front of *rest. False: there is none; *out is then all
 * of it (it was cut). */
bool ag_frames_text(struct or_slice *out, struct or_slice *rest);

#endif
