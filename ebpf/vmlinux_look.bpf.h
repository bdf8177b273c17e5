/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As vmlinux_min.bpf.h: the types of iterators, and of a task's cgroup (kernel side only).
 */
#ifndef EBPF_VMLINUX_LOOK_BPF_H
#define EBPF_VMLINUX_LOOK_BPF_H

#include "ebpf/vmlinux_min.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct kernfs_node {
	__u64 id;
};

struct cgroup_subsys_state {
	struct cgroup_subsys_state *parent;
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};
#pragma clang attribute pop

#endif
