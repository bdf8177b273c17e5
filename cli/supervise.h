/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three children and a loop: the agent, restarted with back-off when it dies, the tap (cli/tap.h),
 * and the workload, whose end ends everything.
 *
 *   STARTING --agent ready, tap settled--> RUNNING --workload ended, or SIGINT/SIGTERM--> STOPPING
 * --> done
 *
 * Invariants: the workload is started once, and only when the agent was ready once; no child is
 * left when ctl_supervise returns; a signal to us reaches the workload, and the agent is told to
 * end only after the workload and the tap have.
 * Thread: the main thread; it runs a loop of its own.
 */
#ifndef CLI_SUPERVISE_H
#define CLI_SUPERVISE_H

#include "cli/tap.h"

struct ctl_supervise_opt {
	struct ctl_proc_opt agent; /* wants_ready */
	struct ctl_proc_opt workload;
	struct ctl_tap *tap; /* may be NULL */
	/* Where the workload's lines go besides our own stdout and stderr: the agent's intake, and
	 * the name they have there (cli/pump.h). NULL: nowhere. */
	const char *intake, *service;
	const char *agent_log;                                    /* named in messages */
	void (*on_ready)(void *arg, pid_t agent, pid_t workload); /* once, both are started */
	void *arg;
};

/* *exit_code: the workload's, or 128 + the signal that ended it. */
OR_NODISCARD enum or_code ctl_supervise(
    int *exit_code, const struct ctl_supervise_opt *opt, struct or_err *err);

#endif
