/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking at what is there (inside of ebpf/ only; tap_loader_look is the door): the running
 * programs and open regular files of the workload, from the kernel's own lists of tasks and files.
 *
 * Thread: the loader's. Loaded and attached once, with CAP_BPF and CAP_PERFMON; looking needs
 * neither. It costs a walk over all tasks of the machine, so it is for after a loss. Linux 5.8.
 */
#ifndef EBPF_LOOK_LOOK_H
#define EBPF_LOOK_LOOK_H

#include "base/err.h"
#include "ebpf/raw.h"

struct tap_look;

/* OR_DENIED, OR_UNSUPPORTED: with the reason in err. */
OR_NODISCARD enum or_code tap_look_open(struct tap_look **out, struct or_err *err);
/* NULL does nothing. */
void tap_look_close(struct tap_look *look);

OR_NODISCARD enum or_code tap_look_watch(
    struct tap_look *look, const struct tap_raw_filter *filter, struct or_err *err);

/* raw: one record as raw.h says, kind exec or file, valid until the callback returns. */
typedef void tap_look_fn(void *arg, struct or_slice raw);

/* Hands over at most max records of that kind (TAP_EXEC or TAP_FILE). OR_IO: the kernel refused. */
OR_NODISCARD enum or_code tap_look_run(struct tap_look *look, enum tap_kind kind, size_t max,
    tap_look_fn *fn, void *arg, struct or_err *err);

#endif
