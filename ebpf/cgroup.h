/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cgroup (version 2) of the workload's own, so that the probes see it and nothing else.
 *
 * Needs no controller and no limit, only a directory in the unified hierarchy that may be written.
 * Hybrid machines have it beside version 1. Any thread.
 * Owns: a directory, from new until remove; the handle until free.
 * Errors: OR_ABSENT: no cgroup2 is mounted. OR_DENIED: it may not be written; the message says what
 * would help. Without a cgroup of its own nothing of a workload is watched through eBPF (tier 0):
 * following its processes one by one instead would miss those that start and end in between.
 */
#ifndef EBPF_CGROUP_H
#define EBPF_CGROUP_H

#include "base/buf.h"
#include "base/err.h"

#include <sys/types.h>

struct tap_cgroup;

/* Makes `name` below the directory `parent` (NULL: below the caller's own cgroup). OR_EXISTS: it is
 * there. OR_INVAL: the name is empty, has a '/' or begins with '.'. */
OR_NODISCARD enum or_code tap_cgroup_new(
    struct tap_cgroup **out, const char *parent, const char *name, struct or_err *err);
/* Takes the directory away. OR_BUSY: a process is still in it, or a cgroup below it. */
OR_NODISCARD enum or_code tap_cgroup_remove(struct tap_cgroup *cg, struct or_err *err);
/* Frees the handle only. NULL does nothing. */
void tap_cgroup_free(struct tap_cgroup *cg);

/* Borrowed. */
const char *tap_cgroup_dir(const struct tap_cgroup *cg);
uint64_t tap_cgroup_id(const struct tap_cgroup *cg);

/* Moves a process, with all its threads. OR_ABSENT: there is none. */
OR_NODISCARD enum or_code tap_cgroup_add(struct tap_cgroup *cg, pid_t pid, struct or_err *err);

/* For a child between fork and exec, so that not even its exec is missed: the fd is the handle's,
 * close-on-exec; enter is async-signal-safe and gives 0 or errno. */
int tap_cgroup_entrance(const struct tap_cgroup *cg);
int tap_cgroup_enter(int entrance);

/* Where cgroup2 is mounted. */
OR_NODISCARD enum or_code tap_cgroup_mount(struct or_buf *out, struct or_err *err);
/* The directory of a process's cgroup (0: the caller's). OR_ABSENT: also where this mount namespace
 * cannot see it. */
OR_NODISCARD enum or_code tap_cgroup_of(struct or_buf *out, pid_t pid, struct or_err *err);
/* The number by which the kernel knows the cgroup. OR_INVAL: not a directory of cgroup2. */
OR_NODISCARD enum or_code tap_cgroup_read_id(uint64_t *out, const char *dir, struct or_err *err);

#endif
