/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tap beside the agent, for `outrider run`: the workload's cgroup, the socket between the two,
 * and the process, started again with back-off when it dies.
 *
 *	new ──start──▶ starting ──ready──▶ running ──stop──▶ (nothing left)
 *	                  ▲ back-off ◀── died ──┘      exit 4: nothing can be watched, stays ended
 *
 * Where there is no cgroup for the workload the tap is started all the same, once, to tell the
 * agent why: nothing about it is silent, and it never keeps the workload from running.
 * Thread: the main thread. Owns: the cgroup, and both ends of the socket.
 */
#ifndef CLI_TAP_H
#define CLI_TAP_H

#include "base/loop.h"
#include "cli/proc.h"

struct ctl_tap;

struct ctl_tap_opt {
	const char *program; /* outrider-agent */
	const char *config;
	const char *log;
	bool off; /* the user does not want it */
};

/* OR_IO: no pair of sockets. */
OR_NODISCARD enum or_code ctl_tap_new(
    struct ctl_tap **out, const struct ctl_tap_opt *opt, struct or_err *err);
/* Takes the cgroup away, unless the workload left processes in it: that is said. NULL does nothing.
 */
void ctl_tap_free(struct ctl_tap *tap);

/* For ctl_proc_opt: the agent's end, and the way into the workload's cgroup (0: none). */
int ctl_tap_agent_fd(const struct ctl_tap *tap);
int ctl_tap_entrance(const struct ctl_tap *tap);
/* The workload could not enter: nothing of it can be watched. */
void ctl_tap_refuse(struct ctl_tap *tap, const char *why);

/* on_settled: once, later: it watches, has said why not, or took too long. */
void ctl_tap_start(struct ctl_tap *tap, struct or_loop *loop, or_loop_fn *on_settled, void *arg);
/* A new agent does not know what the old one was told; a tap that runs is asked by it. */
void ctl_tap_tell_again(struct ctl_tap *tap);
/* True where it was the tap that ended. */
bool ctl_tap_on_child(struct ctl_tap *tap, pid_t pid, int status);
/* on_stopped: once, at once where it does not run. */
void ctl_tap_stop(struct ctl_tap *tap, or_loop_fn *on_stopped, void *arg);

#endif
