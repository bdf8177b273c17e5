/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outrider alerts: what fires, what was resolved, and whether the receivers heard of it.
 * Thread: the main one; asks the collector (cli/api.h).
 */
#ifndef CLI_ALERTS_H
#define CLI_ALERTS_H

int ctl_alerts_main(int argc, char **argv);

#endif
