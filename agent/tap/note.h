/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tap role tells the agent: one note a datagram, over a pair of sockets that both inherit.
 *
 *   tap ── state (what is watched, and why not more), seen, loss, data sets ──▶ agent
 *   tap ◀── one byte: say your state again ────────────────────────── agent
 *
 * Both ends are the same program on one machine, so a note is a plain struct behind a head. It is
 * checked all the same: its texts are the workload's. Every text ends in NUL and may be of any
 * bytes. Datagrams keep a note whole whoever dies in between, and what waits in the socket outlives
 * both processes, because the supervisor holds both ends.
 * Thread: any. Limits: AG_NOTE_MAX bytes a note; the socket's buffer holds some hundreds.
 */
#ifndef AGENT_TAP_NOTE_H
#define AGENT_TAP_NOTE_H

#include "base/err.h"
#include "ebpf/loader.h"
#include "ebpf/wire/wire.h"

#define AG_NOTE_WHY   512
#define AG_NOTE_ENDED 64
#define AG_NOTE_EXTRA 256
#define AG_NOTE_MAX   2048

enum ag_note_type { AG_NOTE_STATE = 1, AG_NOTE_SEEN, AG_NOTE_LOSS, AG_NOTE_DATASET };

/* Who watches what. Sent at the start, and when the agent asks. */
struct ag_note_state {
	uint32_t pid;
	uint32_t tier;     /* 0: nothing is watched; 1: at least one probe is */
	uint32_t restarts; /* how often the supervisor had to start a tap again */
	uint32_t stopped;  /* 1: the last note of a tap that was told to end */
	struct {
		uint32_t state; /* enum tap_state */
		char hook[48];
	} probe[TAP_KINDS];
	char why[AG_NOTE_WHY];     /* what keeps it from more; "" where all probes run */
	char ended[AG_NOTE_ENDED]; /* how the tap before this one ended; "" where none did */
};

/* Something that the workload did, or that it did again. */
struct ag_note_seen {
	uint64_t time_ns;        /* Unix time of the first occurrence that this note stands for */
	uint64_t until_ns;       /* of the last */
	uint64_t count;          /* occurrences, from 1 */
	uint64_t took_ns;        /* of a connection, the first */
	uint32_t again;          /* 1: a note before this one had the same object */
	uint32_t kind;           /* enum tap_kind */
	uint32_t flags;          /* TAP_CUT_… */
	uint32_t error;          /* errno, 0: none */
	uint32_t outcome;        /* enum tap_conn_outcome */
	uint32_t access;         /* O_* of an opening */
	uint32_t pid, ppid, uid; /* of the first; the pid as the workload counts */
	char program[TAP_COMM_LEN + 1];
	char object[TAP_PATH_MAX]; /* the program, file, or peer's address */
	char extra[AG_NOTE_EXTRA]; /* exec: what was asked for; conn: the local address */
};

/* What happened since the note of loss before, by enum tap_kind. */
struct ag_note_loss {
	uint64_t seen[TAP_KINDS];      /* by the probes, in all */
	uint64_t ignored[TAP_KINDS];   /* by configuration */
	uint64_t ring[TAP_KINDS];      /* the kernel's ring was full */
	uint64_t untracked[TAP_KINDS]; /* the kernel's table was full, as struct tap_stats says */
	uint64_t missed[TAP_KINDS];    /* the kernel skipped the program */
	uint64_t malformed[TAP_KINDS];
	uint64_t crowded[TAP_KINDS]; /* too many different objects in one window */
	uint64_t segments;           /* of connections: their ring was full */
	uint64_t datasets;           /* too many different ones */
};

/* A data set that the workload was seen to read or write. */
struct ag_note_dataset {
	uint32_t write; /* 0, 1 */
	uint32_t sure;  /* enum tap_wire_sure */
	char protocol[16];
	char name_space[TAP_WIRE_NAMESPACE];
	char name[TAP_WIRE_NAME];
};

struct ag_note {
	enum ag_note_type type;
	union {
		struct ag_note_state state;
		struct ag_note_seen seen;
		struct ag_note_loss loss;
		struct ag_note_dataset dataset;
	};
};

/* Never blocks. OR_FULL: the reader is behind, nothing was sent. OR_CLOSED: nobody has the other
 * end. OR_IO. */
OR_NODISCARD enum or_code ag_note_send(int fd, const struct ag_note *note);
/* Never blocks. OR_ABSENT: nothing waits. OR_CLOSED: nobody has the other end. OR_PARSE: what came
 * was no note; the next may be one. OR_IO. */
OR_NODISCARD enum or_code ag_note_receive(struct ag_note *out, int fd);

/* raw: one whole datagram, of any alignment. OR_PARSE: wrong size, a number out of its range, or a
 * text without end; *out is then undefined. */
OR_NODISCARD enum or_code ag_note_decode(struct ag_note *out, struct or_slice raw);

#endif
