/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `outrider-agent spool ls|cat|verify|repair DIR`: what lies in an agent's spools
 * (agent/spool/spool_look.h).
 *
 * DIR is a spool's directory, or an agent's state directory, which has two. Only repair changes
 * anything, and not while an agent runs. Thread: the main thread. Prints to stdout; progress on a
 * terminal's stderr.
 */
#ifndef AGENT_SPOOL_VERB_H
#define AGENT_SPOOL_VERB_H

/* argv behind "spool". Exit code: 0; 1 damage was found, or an agent runs; 2 wrong usage; 3 could
 * not be read. */
int ag_spool_verb_main(int argc, char **argv);

#endif
