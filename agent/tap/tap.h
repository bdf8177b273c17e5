/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tap role: a process of its own beside the agent that watches the workload through eBPF and
 * tells the agent by notes (agent/tap/note.h).
 *
 * It opens the probes, watches tap.cgroup, gives up every capability (but CAP_BPF
 * before Linux 5.19, to count losses), and reads nothing but its
 * rings and single bytes of the agent's: no network, no file of the workload's.
 * Where nothing can be watched it says so and why in one note, and ends.
 * Thread: the main thread; runs a loop until SIGTERM. Then what waits in the rings is told, for at
 * most AG_TAP_END_NS.
 */
#ifndef AGENT_TAP_TAP_H
#define AGENT_TAP_TAP_H

#include "agent/config.h"
#include "base/loop.h"

#define AG_TAP_END_NS OR_NS_PER_S

/* Exit code of the process where nothing can be watched: starting it again would not help. */
#define AG_TAP_EXIT_ABSENT 4

/* Returns the process's exit code. on_ready is called once it watches, or has said why not. */
int ag_tap_run(
    struct or_loop *loop, const struct ag_config *config, or_loop_fn *on_ready, void *arg);

#endif
