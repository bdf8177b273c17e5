/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a workload writes to stdout and stderr: passed on to ours, byte for byte, and sent to the
 * agent's intake as OTLP log records, line by line.
 *
 *   pipe ─▶ our stdout or stderr
 *     └──▶ lines ─▶ batch (100 ms, or 256 KiB) ─▶ queue ─▶ POST /v1/logs, again until it is taken
 *
 * The agent never holds the workload back: while it is away the queue fills, then lines are dropped
 * and counted, and the next batch that is taken says how many. (Who reads our own stdout holds the
 * workload back as if it were the workload's.) A batch whose answer is lost is sent again: these
 * lines may come twice.
 *
 * Thread: the loop's; writing to our stdout blocks it.
 * Limits: CTL_PUMP_LINE_MAX bytes a line, longer ones are cut into several that say so;
 * CTL_PUMP_BATCHES batches of CTL_PUMP_BATCH bytes.
 */
#ifndef CLI_PUMP_H
#define CLI_PUMP_H

#include "base/loop.h"

#define CTL_PUMP_LINE_MAX (16U * 1024)
#define CTL_PUMP_BATCH    (256U * 1024)
#define CTL_PUMP_BATCHES  8

struct ctl_pump;

struct ctl_pump_opt {
	struct or_loop *loop;
	const char *origin;  /* the intake, "127.0.0.1:4318" */
	const char *service; /* service.name */
	int out_fd, err_fd;  /* where lines are passed on to */
};

/* Opens the pipes. Everything is copied. OR_IO. */
OR_NODISCARD enum or_code ctl_pump_new(
    struct ctl_pump **out, const struct ctl_pump_opt *opt, struct or_err *err);
/* NULL does nothing; fn of ctl_pump_finish is not called any more. */
void ctl_pump_free(struct ctl_pump *p);

/* The ends for the child: 0 for stdout, 1 for stderr. */
int ctl_pump_child_fd(const struct ctl_pump *p, int which);
/* The child has them: ours are closed, reading begins. */
void ctl_pump_start(struct ctl_pump *p);

/* The child has ended: takes what is left in the pipes and sends it, for a few seconds at most,
 * then calls fn, once and later. */
void ctl_pump_finish(struct ctl_pump *p, or_loop_fn *fn, void *arg);

struct ctl_pump_stats {
	uint64_t lines, sent, dropped;
};
void ctl_pump_stats(struct ctl_pump_stats *out, const struct ctl_pump *p);

#endif
