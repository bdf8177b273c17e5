/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `outrider top`: the agents of this machine as they work: requests and decisions a second, time to
 * answer, what waits in the spool, delivery. On a terminal it refreshes until q; else it measures
 * one interval, says what it saw and ends.
 *
 * Exit code 0; 1: no agent runs here.
 */
#ifndef CLI_TOP_H
#define CLI_TOP_H

int ctl_top_main(int argc, char **argv);

#endif
