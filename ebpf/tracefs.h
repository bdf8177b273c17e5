/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracefs, without which tracepoints of system calls cannot be found.
 */
#ifndef EBPF_TRACEFS_H
#define EBPF_TRACEFS_H

#include "base/err.h"

/* Whether tracepoints can be looked up at /sys/kernel/tracing or in debugfs. */
bool tap_tracefs_is_there(void);

/* Gives the calling thread (call it while there is one) a mount namespace of its own in which
 * tracefs is mounted; nobody else sees it. Does nothing where it is there. OR_DENIED: needs
 * CAP_SYS_ADMIN. OR_UNSUPPORTED: the kernel has no tracefs. */
enum or_code tap_tracefs_mount_private(struct or_err *err);

#endif
