/* SPDX-License-Identifier: Apache-2.0 */
/* `outrider spool ls|cat|verify|repair`: what lies in an agent's spools; the agent's program looks.
 */
#ifndef CLI_SPOOL_H
#define CLI_SPOOL_H

int ctl_spool_main(int argc, char **argv);
/* `outrider tap SOURCE`: what passes from now on. */
int ctl_spool_tap_main(int argc, char **argv);

#endif
