/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `outrider gate routes`: which request is for which port, by a product's own files.
 * `outrider gate try`: what the running agent would decide, by its decision API. Nothing is sent to
 * the workload; the question is on record as any other decision.
 */
#ifndef CLI_GATE_H
#define CLI_GATE_H

int ctl_gate_main(int argc, char **argv);

#endif
