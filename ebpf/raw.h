/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs in the kernel and the loader share: the head of a record in a ring, the filter,
 * and the counters. Compiled on both sides; x/x_event.h adds each probe's own part.
 *
 * Byte order is the machine's; records never leave it. Texts are bounded, and a flag says where one
 * was cut. Reader of foreign bytes: event.h (tap_event_decode).
 */
#ifndef EBPF_RAW_H
#define EBPF_RAW_H

#include <stdint.h>

enum tap_kind {
	TAP_EXEC, /* a process started a program */
	TAP_CONN, /* an outgoing TCP connection was tried */
	TAP_FILE, /* a file was opened, or the opening refused */
	TAP_KINDS,
};

/* tap_raw_head.flags and tap_event.flags */
#define TAP_CUT_PATH 0x01U /* the root's end of the path is missing */
#define TAP_CUT_NAME 0x02U /* the end of the name as given is missing */
#define TAP_CUT_ARGS 0x04U /* the end of the arguments is missing */
#define TAP_PATH_DETACHED                                                                          \
	0x08U                    /* no place in the file tree: a memfd, a pipe, an unlinked mount  \
				  */
#define TAP_PATH_ASKED     0x10U /* the path as the process gave it, not what it resolved to */
#define TAP_CONN_UNTRACKED 0x20U /* too many connections under way: the outcome is not known */
#define TAP_FOUND          0x40U /* met by looking after a loss, not seen as it happened */
#define TAP_FLAGS          0x7fU

#define TAP_COMM_LEN 16

struct tap_raw_head {
	uint32_t size; /* of the whole record, in bytes */
	uint16_t kind;
	uint16_t flags;
	uint64_t mono_ns; /* CLOCK_MONOTONIC */
	uint64_t seq;     /* of this kind on this CPU, from 1 without holes; 0 with TAP_FOUND */
	uint64_t cgroup;  /* the cgroup of the process itself, at or below the watched one */
	uint32_t pid;     /* as the first pid namespace counts */
	uint32_t ns_pid;  /* as the process itself sees it */
	uint32_t tid;
	uint32_t ppid;
	uint32_t uid;
	uint32_t gid;
	uint32_t cpu; /* where the sequence counts */
	uint32_t pad;
	char comm[TAP_COMM_LEN];
};

/* Only processes at or below this cgroup, which is `level` steps below the hierarchy's root. */
struct tap_raw_filter {
	uint64_t cgroup;
	uint32_t level;
	uint32_t on;
};

/* Levels of cgroups that scope.bpf.c looks at. */
#define TAP_SCOPE_DEPTH 32

/* Per CPU. seen = put into the ring + lost_ring, always; it is the sequence, too. */
struct tap_raw_counts {
	uint64_t seen;      /* events of the workload */
	uint64_t lost_ring; /* of those: the ring was full */
	uint64_t untracked; /* the table of operations under way was full */
};

/* Paths travel as names, the file's first and the root's last, each ended by NUL. */
#define TAP_RAW_NAME  256U /* one name with its NUL: NAME_MAX + 1 */
#define TAP_RAW_PATH  512U /* no name begins past this many bytes */
#define TAP_RAW_DEPTH 48   /* names and mount points */

#endif
