/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A spool's directory as it lies there, without opening the spool: for tools that look at it.
 *
 * Reads only, takes no lock and changes nothing, so an agent that runs is not disturbed. What it
 * writes or unlinks meanwhile may be seen or not: the end of its newest segment can look torn.
 * Thread: any. What callbacks get is valid during the call.
 */
#ifndef AGENT_SPOOL_SPOOL_LOOK_H
#define AGENT_SPOOL_SPOOL_LOOK_H

#include "agent/spool/spool.h"

struct ag_spool_look_stream {
	const char *name;
	uint64_t next_seq, acked_seq, acked_epoch;
};

/* Of the state file. */
struct ag_spool_look_state {
	bool is_valid;   /* one of its slots is */
	bool is_damaged; /* there is something, and neither is */
	uint64_t epoch, prev_epoch;
	size_t n_streams;
};

struct ag_spool_look_entry {
	const char *stream; /* its name; "" where nothing says it */
	uint16_t stream_id;
	uint64_t seq; /* of the record; of the record that inputs precede */
	bool is_inputs;
	bool is_acked; /* by the state file, which may lag */
	uint64_t epoch, segment, offset;
	struct or_slice payload;
};

enum ag_spool_look_what {
	AG_SPOOL_LOOK_DAMAGED, /* bytes between entries that do not check */
	AG_SPOOL_LOOK_TORN,    /* the end: a write that never came to its end */
	AG_SPOOL_LOOK_CUT,     /* the end: bytes that do not check */
	AG_SPOOL_LOOK_FOREIGN, /* the whole file: no head, or another's */
	AG_SPOOL_LOOK_EMPTY,   /* the whole file: its head never came to its end */
	AG_SPOOL_LOOK_VOID,    /* what a repair took away */
};
/* "damaged", "torn", "cut", "foreign", "empty", "void". */
const char *ag_spool_look_name(enum ag_spool_look_what what);

/* In order of the segments; the damage of a segment before it, and its entries too. */
struct ag_spool_look_ops {
	/* Once, first. */
	void (*state)(void *arg, const struct ag_spool_look_state *state,
	    const struct ag_spool_look_stream *streams);
	/* False: no more entries. */
	bool (*entry)(void *arg, const struct ag_spool_look_entry *e);
	void (*damage)(void *arg, const char *path, enum ag_spool_look_what what, uint64_t from,
	    uint64_t to, bool is_newest);
	void (*segment)(void *arg, const char *path, uint64_t number, uint64_t epoch,
	    uint64_t bytes, size_t i, size_t n);
};

/* Any of ops may be NULL. OR_ABSENT, OR_IO: the directory, or a file. */
OR_NODISCARD enum or_code ag_spool_look_run(
    const char *dir, const struct ag_spool_look_ops *ops, void *arg, struct or_err *err);

/* For who follows a spool that is written to: each call goes on where the one before came to. What
 * was unlinked between the two is not seen. The directory need not be there yet. */
struct ag_spool_look;
struct ag_spool_look *ag_spool_look_new(const char *dir);
OR_NODISCARD enum or_code ag_spool_look_next(
    struct ag_spool_look *look, const struct ag_spool_look_ops *ops, void *arg, struct or_err *err);
/* NULL does nothing. */
void ag_spool_look_free(struct ag_spool_look *look);

#endif
