/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process of the workload started a program.
 *
 * sched_process_exec runs after the point of no return, in the new image: the arguments are those
 * that the program will see, and the file is the one that runs (for a script: its interpreter).
 */
#include "ebpf/exec/exec_event.h"

#include "ebpf/path.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct tap_raw_exec);
} scratch SEC(".maps");

/* Copies the argument block of the process to the end of the bytes in use; returns its length. */
static __always_inline uint64_t put_args(struct tap_raw_exec *e, uint64_t at, struct mm_struct *mm)
{
	unsigned long start = BPF_CORE_READ(mm, arg_start);
	uint64_t len = BPF_CORE_READ(mm, arg_end) - start;

	if (len > TAP_EXEC_ARGS)
		e->head.flags |= TAP_CUT_ARGS;
	at = at_most(at, PATH_ROOM + TAP_EXEC_NAME);
	len = at_most(len, TAP_EXEC_ARGS);
	if (bpf_probe_read_user(e->bytes + at, (uint32_t)len, (const void *)start)) {
		e->head.flags |= TAP_CUT_ARGS;
		return 0;
	}
	return len;
}

/* What execve was given; the script where it is one. */
static __always_inline uint64_t put_name(
    struct tap_raw_exec *e, uint64_t at, struct linux_binprm *bprm)
{
	const char *name = BPF_CORE_READ(bprm, filename);
	long got;

	at = at_most(at, PATH_ROOM);
	got = bpf_probe_read_kernel_str(e->bytes + at, TAP_EXEC_NAME, name);
	if (got <= 0 || got == (long)TAP_EXEC_NAME)
		e->head.flags |= TAP_CUT_NAME;
	return got > 0 ? at_most((uint64_t)got, TAP_EXEC_NAME) : 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec_start, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	struct mm_struct *mm;
	struct tap_raw_exec *e;
	uint64_t path_n, name_n, args_n;
	uint32_t zero = 0;

	if (!is_watched())
		return 0;
	e = bpf_map_lookup_elem(&scratch, &zero);
	if (!e)
		return 0;
	fill_head(&e->head, TAP_EXEC);
	mm = BPF_CORE_READ(task, mm);
	path_n = put_path(e->bytes, BPF_CORE_READ(mm, exe_file), &e->head.flags);
	name_n = put_name(e, path_n, bprm);
	args_n = put_args(e, path_n + name_n, mm);
	e->path_n = (uint16_t)path_n;
	e->name_n = (uint16_t)name_n;
	e->args_n = (uint16_t)args_n;
	e->pad = 0;
	emit(&e->head, __builtin_offsetof(struct tap_raw_exec, bytes) +
			   at_most(path_n + name_n + args_n, sizeof(e->bytes)));
	return 0;
}
