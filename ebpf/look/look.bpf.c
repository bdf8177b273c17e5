/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After a loss: what is there now. Iterators over tasks and over their open files, whose records
 * are exec's and file's, flagged TAP_FOUND; they run while somebody reads, in that process, so the
 * workload is told by each task's own cgroup.
 */
#include "ebpf/exec/exec_event.h"
#include "ebpf/file/file_event.h"
#include "ebpf/path.bpf.h"
#include "ebpf/vmlinux_look.bpf.h"

enum { S_IFMT = 0170000, S_IFREG = 0100000 };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct tap_raw_exec);
} exec_scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct tap_raw_file);
} file_scratch SEC(".maps");

/* The id of the task's cgroup, or 0 where it is not of the workload. */
static __always_inline uint64_t watched_cgroup(struct task_struct *task)
{
	struct cgroup *own = BPF_CORE_READ(task, cgroups, dfl_cgrp), *at = own;
	uint32_t zero = 0;
	const struct tap_raw_filter *f = bpf_map_lookup_elem(&filter, &zero);
	struct cgroup_subsys_state *up;

	if (!f || !f->on)
		return 0;
	for (int i = 0; i < TAP_SCOPE_DEPTH && at; i++) {
		if (BPF_CORE_READ(at, kn, id) == f->cgroup)
			return BPF_CORE_READ(own, kn, id);
		up = BPF_CORE_READ(at, self.parent);
		at = up ? (void *)((char *)up - bpf_core_field_offset(struct cgroup, self)) : 0;
	}
	return 0;
}

static __always_inline void fill_head_of(
    struct tap_raw_head *h, enum tap_kind kind, struct task_struct *task, uint64_t cgroup)
{
	__builtin_memset(h, 0, sizeof(*h));
	h->kind = (uint16_t)kind;
	h->flags = TAP_FOUND;
	h->mono_ns = bpf_ktime_get_ns();
	h->cgroup = cgroup;
	h->pid = (uint32_t)BPF_CORE_READ(task, tgid);
	h->tid = (uint32_t)BPF_CORE_READ(task, pid);
	h->ppid = (uint32_t)BPF_CORE_READ(task, real_parent, tgid);
	h->uid = BPF_CORE_READ(task, cred, uid.val);
	h->gid = BPF_CORE_READ(task, cred, gid.val);
	h->ns_pid = ns_pid(task);
	bpf_probe_read_kernel_str(h->comm, sizeof(h->comm), task->comm);
}

SEC("iter/task")
int look_exec(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct tap_raw_exec *e;
	uint32_t zero = 0;
	uint64_t cgroup, path_n;
	struct file *exe;

	if (!task || task->pid != task->tgid)
		return 0;
	cgroup = watched_cgroup(task);
	exe = cgroup ? BPF_CORE_READ(task, mm, exe_file) : 0;
	e = exe ? bpf_map_lookup_elem(&exec_scratch, &zero) : 0;
	if (!e)
		return 0;
	fill_head_of(&e->head, TAP_EXEC, task, cgroup);
	path_n = put_path(e->bytes, exe, &e->head.flags);
	e->head.flags |= TAP_CUT_NAME | TAP_CUT_ARGS;
	e->path_n = (uint16_t)path_n;
	e->name_n = e->args_n = e->pad = 0;
	path_n = at_most(path_n, PATH_ROOM);
	e->head.size = (uint32_t)(__builtin_offsetof(struct tap_raw_exec, bytes) + path_n);
	bpf_seq_write(ctx->meta->seq, e, __builtin_offsetof(struct tap_raw_exec, bytes) + path_n);
	return 0;
}

SEC("iter/task_file")
int look_file(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct tap_raw_file *f;
	uint32_t zero = 0;
	uint64_t cgroup, path_n;
	umode_t mode;

	/* Threads share their files with the first one, nearly always. */
	if (!task || !file || task->pid != task->tgid)
		return 0;
	mode = BPF_CORE_READ(file, f_inode, i_mode);
	cgroup = (mode & S_IFMT) == S_IFREG ? watched_cgroup(task) : 0;
	f = cgroup ? bpf_map_lookup_elem(&file_scratch, &zero) : 0;
	if (!f)
		return 0;
	fill_head_of(&f->head, TAP_FILE, task, cgroup);
	f->inode = BPF_CORE_READ(file, f_inode, i_ino);
	f->device = BPF_CORE_READ(file, f_inode, i_sb, s_dev);
	f->mode = mode;
	f->open_flags = BPF_CORE_READ(file, f_flags);
	f->error = 0;
	__builtin_memset(f->pad, 0, sizeof(f->pad));
	path_n = put_path(f->bytes, file, &f->head.flags);
	f->path_n = (uint16_t)path_n;
	path_n = at_most(path_n, PATH_ROOM);
	f->head.size = (uint32_t)(__builtin_offsetof(struct tap_raw_file, bytes) + path_n);
	bpf_seq_write(ctx->meta->seq, f, __builtin_offsetof(struct tap_raw_file, bytes) + path_n);
	return 0;
}
