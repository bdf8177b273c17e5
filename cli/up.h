/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `outrider up` and `outrider down`: the collector of this machine, as a process of its own.
 */
#ifndef CLI_UP_H
#define CLI_UP_H

int ctl_up_main(int argc, char **argv);
int ctl_up_down_main(int argc, char **argv);

#endif
