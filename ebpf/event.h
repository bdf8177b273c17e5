/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event: what the kernel saw the workload do, decoded and bounded, in plain C.
 *
 * A record from a ring is foreign bytes: its size, kind, flags, lengths and ends are all checked
 * before anything is taken, and what does not fit is refused whole. Pure; any thread.
 * Texts are the process's own bytes, so not always UTF-8. Every text ends in NUL.
 * Limits: the TAP_*_MAX below; `flags` (TAP_CUT_*, raw.h) says where the kernel had to cut.
 */
#ifndef EBPF_EVENT_H
#define EBPF_EVENT_H

#include "base/buf.h"
#include "base/err.h"
#include "ebpf/conn/conn_event.h"
#include "ebpf/exec/exec_event.h"
#include "ebpf/file/file_event.h"

#define TAP_PATH_MAX (TAP_RAW_PATH + TAP_RAW_NAME + 8) /* "...", "/", NUL besides the names */

struct tap_exec {
	char path[TAP_PATH_MAX];  /* the file that runs: of a script the interpreter */
	char name[TAP_EXEC_NAME]; /* what execve was given: of a script the script */
	char args_buf[TAP_EXEC_ARGS + 1];
	struct or_slice args; /* in args_buf; each ends in NUL; tap_exec_arg takes them apart */
};

struct tap_conn {
	enum tap_conn_outcome outcome;
	uint32_t error; /* errno with TAP_CONN_FAILED, else 0 */
	uint64_t took_ns;
	bool v6;
	uint8_t local[16], peer[16]; /* network order; IPv4 in the first four bytes */
	uint16_t local_port, peer_port;
};

struct tap_file {
	char path[TAP_PATH_MAX];
	uint32_t error;      /* errno where it was refused, 0 where it was opened */
	uint32_t open_flags; /* O_* of the machine's fcntl.h */
	uint32_t mode;       /* st_mode; 0 where unknown */
	uint64_t inode;
	uint32_t dev_major, dev_minor;
};

struct tap_event {
	enum tap_kind kind;
	uint32_t flags;
	uint64_t mono_ns; /* CLOCK_MONOTONIC, when it happened; with TAP_FOUND, when it was met */
	uint64_t seq;     /* of the kind on that CPU, from 1; 0 with TAP_FOUND */
	uint32_t cpu;
	uint64_t cgroup;
	uint32_t pid;    /* as the first pid namespace counts */
	uint32_t ns_pid; /* as the workload counts */
	uint32_t tid, ppid, uid, gid;
	char comm[TAP_COMM_LEN + 1];
	union {
		struct tap_exec exec;
		struct tap_conn conn;
		struct tap_file file;
	};
};

/* raw: one whole record, of any alignment. OR_PARSE: not as raw.h and x_event.h say; *out is then
 * undefined (it is large, and reused). out->exec.args points into *out, so an event is not copied
 * by assignment. */
OR_NODISCARD enum or_code tap_event_decode(struct tap_event *out, struct or_slice raw);

/* "exec", "conn", "file". */
const char *tap_event_name(enum tap_kind kind);

/* Wall time of the event in Unix ns, given both clocks as they are now (or_loop_now_ns,
 * or_loop_wall_ns). */
int64_t tap_event_wall_ns(const struct tap_event *ev, int64_t now_ns, int64_t wall_ns);

/* The event as one JSON object, for people and tests; 64-bit ids are text. Bytes that are not UTF-8
 * become U+FFFD. */
void tap_event_json(struct or_buf *out, const struct tap_event *ev);

#endif
