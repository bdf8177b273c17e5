/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `outrider run`: a workload with its agent beside it, on this machine.
 *
 * The CLI is the supervisor: it enrols the agent with the collector, starts it, then the workload
 * with PORT set; restarts the agent where it dies; and ends with the workload's exit code, after
 * the agent has shipped what it holds.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

int ctl_run_main(int argc, char **argv);

#endif
