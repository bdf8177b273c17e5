/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loader: brings the probes into the kernel, watches one cgroup, hands out its events.
 *
 * Thread: whoever opened it, one loader at a time per process in the act of opening. Nothing blocks
 * after open and watch, which take 0.2 to 1 s for all probes. Probes end with the
 * process, whatever happens.
 * Owns: the programs, a ring per probe, and an epoll fd.
 * Permissions: CAP_BPF and CAP_PERFMON; the tracepoints of the file probe also need tracefs, and
 * CAP_SYS_ADMIN where kernel.perf_event_paranoid is above 2. All can be dropped after open and
 * watch. What is not permitted makes that probe's status say why, and is no error of open's.
 * Limits: memory is the rings'; a full one loses events, and that is counted: for each probe, once
 * everything is drained, seen = received + malformed + lost_ring. The kernel numbers what it sees,
 * so holes shows the same loss from the reader's side. After one, tap_loader_look tells what there
 * is now.
 */
#ifndef EBPF_LOADER_H
#define EBPF_LOADER_H

#include "ebpf/event.h"

struct tap_loader;

#define TAP_LOADER_RING_MAX (64U * 1024U * 1024U)

struct tap_loader_opt {
	unsigned int probes; /* bits 1 << TAP_EXEC…; 0: all */
	uint32_t ring_bytes; /* of each probe: a power of two from a page up; 0: exec and conn 64
				KiB, file 256 KiB. Twice that is mapped. */
	bool measure; /* the kernel times each run of every program on the machine (some 20 ns
			 each), for tap_loader_costs; where it may not, the costs stay 0 */
	bool private_tracefs; /* tap_tracefs_mount_private first; where that fails go on without */
};

/* opt may be NULL. The probes run from here on, but watch nothing yet. OR_INVAL: opt. OR_IO: no
 * epoll instance. */
OR_NODISCARD enum or_code tap_loader_open(
    struct tap_loader **out, const struct tap_loader_opt *opt, struct or_err *err);
/* NULL does nothing. Not from within the callback of drain. */
void tap_loader_close(struct tap_loader *tap);

/* From now on events of the processes in the cgroup (a directory) and of those below it, instead of
 * those watched before. Does nothing where no probe is attached. Errors as tap_scope_find's. */
OR_NODISCARD enum or_code tap_loader_watch(
    struct tap_loader *tap, const char *cgroup_dir, struct or_err *err);

/* Readable while an event waits. Borrowed. The kernel wakes a reader once, and not again before it
 * has drained; a wake-up per event costs many times what the event does. So wait some milliseconds
 * before draining; tap_feed_start does all of that on a loop. */
int tap_loader_fd(const struct tap_loader *tap);

/* ev is valid until the callback returns. */
typedef void tap_loader_fn(void *arg, const struct tap_event *ev);

/* Hands over at most budget events, probes in turn; returns how many. 0: nothing waits. In the
 * order of time within a probe and CPU, not between them. */
size_t tap_loader_drain(struct tap_loader *tap, size_t budget, tap_loader_fn *fn, void *arg);
/* From within fn: the drain returns after this event. */
void tap_loader_break(struct tap_loader *tap);

#define TAP_LOADER_FOUND_MAX 4096 /* of each kind, in one look */

/* Hands over each running program and each open regular file of the workload as an event with
 * TAP_FOUND (arguments unknown, no number); how many into *found. Walks all tasks of the machine,
 * which takes milliseconds; needs no capability. Only kinds that are attached. OR_DENIED,
 * OR_UNSUPPORTED: iterators are not permitted, or not there (Linux 5.8). OR_IO. */
OR_NODISCARD enum or_code tap_loader_look(
    struct tap_loader *tap, size_t *found, tap_loader_fn *fn, void *arg, struct or_err *err);

enum tap_state {
	TAP_OFF, /* not asked for */
	TAP_ATTACHED,
	TAP_DENIED,      /* a permission is missing */
	TAP_UNSUPPORTED, /* this kernel, or this build, cannot */
	TAP_STATES,
};

struct tap_status {
	enum tap_state state;
	const char *hook; /* where it is attached; "" otherwise */
	char why[256];    /* a sentence, where it is not attached */
};
/* Borrowed. */
const struct tap_status *tap_loader_status(const struct tap_loader *tap, enum tap_kind kind);
/* "off", "attached", "denied", "unsupported". */
const char *tap_loader_state_name(enum tap_state state);

struct tap_stats {
	uint64_t seen;      /* events of the workload, in the kernel */
	uint64_t received;  /* handed over */
	uint64_t malformed; /* records that did not decode: an error of this program */
	uint64_t lost_ring; /* the ring was full */
	uint64_t holes;     /* numbers missing between those received: at most lost_ring, and equal
			       to it once each CPU's last event is one that was received */
	uint64_t untracked; /* the kernel's table of operations under way was full: for conn the
			       outcome is unknown, for file the event is missing */
	uint64_t
	    missed; /* the kernel skipped the program (it interrupted itself), on any process */
};
/* Since open. Zeros where the probe is not attached. */
void tap_loader_stats(struct tap_stats *out, const struct tap_loader *tap, enum tap_kind kind);

struct tap_cost {
	const char *program; /* its name in x.bpf.c; borrowed */
	uint64_t runs;       /* on any process of the machine */
	uint64_t ns;         /* in all */
};
#define TAP_LOADER_COSTS (TAP_KINDS * 8)
/* With opt.measure: what each attached program has cost so far; returns how many there are. */
size_t tap_loader_costs(struct tap_cost out[TAP_LOADER_COSTS], const struct tap_loader *tap);

#endif
