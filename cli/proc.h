/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Child processes: start one, with a pipe through which it says that it is ready.
 *
 * Thread: the main thread. The child gets its own signal mask and dispositions back, closes every
 * descriptor above 2 but the ready pipe and the one that is passed, and (unless detached) dies with
 * its parent.
 */
#ifndef CLI_PROC_H
#define CLI_PROC_H

#include "base/err.h"

#include <sys/types.h>

#define CTL_PROC_ENV_MAX   16
#define CTL_PROC_PASSED_FD "4" /* as which the child has pass_fd */

struct ctl_proc_opt {
	const char *const *argv;           /* argv[0] is looked up in PATH unless it has a slash */
	const char *env[CTL_PROC_ENV_MAX]; /* "NAME=value" on top of ours; ends in NULL */
	const char *log_path;              /* stdout and stderr go there, appended; NULL: ours */
	int out_fd, err_fd;                /* the child's stdout and stderr; 0: as above */
	bool detached;                     /* a session of its own that outlives us */
	bool own_group;                    /* Ctrl-C at the terminal does not reach it */
	bool wants_ready;                  /* adds "--ready-fd", "N" to argv */
	int pass_fd;                       /* stays ours as well; 0: none */
	int entrance;                      /* of a cgroup (ebpf/cgroup.h) that the child enters
					      before it becomes the program; 0: none */
};

/* *ready_fd (with wants_ready): readable once the child wrote a line, or at end of file when it
 * ended before; the caller closes it. OR_ABSENT: no such program. OR_DENIED: the cgroup may not be
 * entered. */
OR_NODISCARD enum or_code ctl_proc_start(
    pid_t *pid, int *ready_fd, const struct ctl_proc_opt *opt, struct or_err *err);

/* Waits for the child's word on ready_fd. OR_CLOSED: it ended instead; OR_TIMEOUT. */
OR_NODISCARD enum or_code ctl_proc_wait_ready(int ready_fd, int timeout_ms, struct or_err *err);

/* Where the log ends now; 0 where there is none. */
size_t ctl_proc_log_end(const char *path);
/* OR_CLOSED: WHO did not start, with the reason that it wrote into its log behind `from`: the last
 * error of its JSON lines, or its last line. */
enum or_code ctl_proc_log_why(const char *path, size_t from, const char *who, struct or_err *err);

/* The path of a program of ours: beside this one, else by PATH. Copies into out. */
void ctl_proc_find(char *out, size_t n, const char *name);

#endif
