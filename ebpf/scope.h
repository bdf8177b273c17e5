/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the probes' filter needs to know of a cgroup: its id, and how deep it lies below the root of
 * the hierarchy, also where a cgroup namespace hides what is above.
 *
 * Thread: any, one at a time. Needs CAP_BPF and CAP_PERFMON: the kernel is asked by a program.
 */
#ifndef EBPF_SCOPE_H
#define EBPF_SCOPE_H

#include "base/err.h"
#include "ebpf/raw.h"

/* dir: a directory of cgroup2 that is the caller's cgroup, one above it, or anything below one of
 * these. *out watches it and all below it. OR_ABSENT: no such directory, or it lies elsewhere.
 * OR_INVAL: not cgroup2. OR_DENIED, OR_UNSUPPORTED: the kernel did not answer. */
OR_NODISCARD enum or_code tap_scope_find(
    struct tap_raw_filter *out, const char *dir, struct or_err *err);

#endif
