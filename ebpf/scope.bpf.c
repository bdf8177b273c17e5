/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers once, for the process that runs it (BPF_PROG_TEST_RUN): the ids of its own cgroup and of
 * all those above it, from the root down. Inside a cgroup namespace nothing in the file system
 * tells how deep that is, and the probes' filter needs the depth.
 */
#include "ebpf/raw.h"
#include "ebpf/vmlinux_min.bpf.h"

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TAP_SCOPE_DEPTH);
	__type(key, uint32_t);
	__type(value, uint64_t);
} ancestors SEC(".maps");

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("raw_tp/sys_enter")
int scope_self(void *ctx)
{
	for (uint32_t i = 0; i < TAP_SCOPE_DEPTH; i++) {
		uint32_t key = i;
		uint64_t id = bpf_get_current_ancestor_cgroup_id((int)i);

		bpf_map_update_elem(&ancestors, &key, &id, BPF_ANY);
	}
	return 0;
}
