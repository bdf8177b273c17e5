/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outrider logs and outrider metrics: what workloads said, as the collector keeps it.
 * Exit code 1: nothing matches. Thread: the main thread.
 */
#ifndef CLI_LOGS_H
#define CLI_LOGS_H

int ctl_logs_main(int argc, char **argv);
int ctl_logs_metrics_main(int argc, char **argv);

#endif
