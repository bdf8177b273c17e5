/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the workload's connections read and write: the beginnings of its segments, put together by
 * connection and understood by ebpf/wire/.
 *
 * Only connections that the workload makes; what is encrypted, or speaks nothing known, is muted in
 * the kernel. A segment that is missing (the ring was full) is a gap. Once it is open it needs no
 * capability (Linux 5.19), and only then does it look at a byte.
 * Thread: whoever opened it. Owns: two programs on the cgroup, a ring, what it knows of
 * connections. Limits: TAP_STREAM_FLOWS connections, the longest silent makes room; memory as
 * wire.h says for each. Permissions: CAP_BPF, CAP_NET_ADMIN (and CAP_PERFMON for speculative
 * loads).
 */
#ifndef EBPF_STREAM_STREAM_H
#define EBPF_STREAM_STREAM_H

#include "base/err.h"
#include "ebpf/wire/wire.h"

#define TAP_STREAM_FLOWS 256U
#define TAP_STREAM_RING  (512U * 1024)

struct tap_stream;

/* OR_DENIED, OR_UNSUPPORTED, OR_ABSENT (no such cgroup): err says why. */
OR_NODISCARD enum or_code tap_stream_open(struct tap_stream **out, const char *cgroup_dir,
    tap_wire_fn *fn, void *arg, struct or_err *err);
/* NULL does nothing. */
void tap_stream_close(struct tap_stream *s);

/* As tap_loader_fd: wait some milliseconds before draining. */
int tap_stream_fd(const struct tap_stream *s);
/* Looks at no more than budget segments; how many. fn is called from within. */
size_t tap_stream_drain(struct tap_stream *s, size_t budget);

struct tap_stream_stats {
	uint64_t seen, received, lost_ring; /* segments */
	uint64_t flows, muted;              /* connections: begun to be followed, given up */
};
void tap_stream_stats(struct tap_stream_stats *out, const struct tap_stream *s);

#endif
