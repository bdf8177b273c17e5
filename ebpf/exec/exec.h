/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probe for process starts: exec.bpf.c in the kernel, exec_event.h between.
 *
 * Pure: descriptor and decoder; the loader does the rest.
 */
#ifndef EBPF_EXEC_EXEC_H
#define EBPF_EXEC_EXEC_H

#include "ebpf/probe.h"

extern const struct tap_probe tap_exec_probe;

/* Takes the next argument (without its NUL) from the front of *rest, which starts as ev.args;
 * false when none is left. An argument may be empty. */
bool tap_exec_arg(struct or_slice *arg, struct or_slice *rest);

#endif
