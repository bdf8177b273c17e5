/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The workload opened a file, or was refused.
 *
 * Two hooks, of which the loader takes one. fexit on security_file_open sees every way to open,
 * io_uring included, but not what permission bits refused before it. The system calls' tracepoints
 * see those too and need no trampoline, but not io_uring. Either way the path of an opened file is
 * read from the kernel's object; the text that the process passed counts only where it got none.
 * Names that do not exist are no event: a dynamic linker alone tries dozens.
 */
#include "ebpf/file/file_event.h"

#include "ebpf/path.bpf.h"

enum { EPERM = 1, EACCES = 13, EROFS = 30, OPEN_WRITE = 1, OPEN_CREATE = 0100, OPEN_TRUNC = 01000 };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct tap_raw_file);
} scratch SEC(".maps");

/* From the entry of a system call to its end. */
struct asked {
	const char *name;
	uint32_t flags;
	uint32_t pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, uint64_t);
	__type(value, struct asked);
} pending SEC(".maps");

/* An empty record with its head, or NULL. */
static __always_inline struct tap_raw_file *new_record(void)
{
	uint32_t zero = 0;
	struct tap_raw_file *f = bpf_map_lookup_elem(&scratch, &zero);

	if (!f)
		return f;
	fill_head(&f->head, TAP_FILE);
	f->inode = 0;
	f->device = 0;
	f->mode = 0;
	f->open_flags = 0;
	f->error = 0;
	f->path_n = 0;
	__builtin_memset(f->pad, 0, sizeof(f->pad));
	return f;
}

static __always_inline void put_file(struct tap_raw_file *f, const struct file *file)
{
	f->inode = BPF_CORE_READ(file, f_inode, i_ino);
	f->device = BPF_CORE_READ(file, f_inode, i_sb, s_dev);
	f->mode = BPF_CORE_READ(file, f_inode, i_mode);
	f->open_flags = BPF_CORE_READ(file, f_flags);
	f->path_n = (uint16_t)put_path(f->bytes, file, &f->head.flags);
}

static __always_inline void send(struct tap_raw_file *f)
{
	emit(&f->head,
	    __builtin_offsetof(struct tap_raw_file, bytes) + at_most(f->path_n, sizeof(f->bytes)));
}

SEC("?fexit/security_file_open")
int BPF_PROG(file_object, struct file *file, int ret)
{
	struct tap_raw_file *f;

	if (!is_watched())
		return 0;
	f = new_record();
	if (!f)
		return 0;
	put_file(f, file);
	f->error = (uint32_t)-ret;
	send(f);
	return 0;
}

static __always_inline int ask(const char *name, uint32_t flags)
{
	uint64_t key = bpf_get_current_pid_tgid();
	struct asked asked = {name, flags, 0};
	struct tap_raw_counts *n;

	if (!is_watched())
		return 0;
	if (bpf_map_update_elem(&pending, &key, &asked, BPF_ANY)) {
		n = my_counts();
		if (n)
			count(&n->untracked);
	}
	return 0;
}

static __always_inline void put_refused(
    struct tap_raw_file *f, const struct asked *asked, uint32_t error)
{
	long got = bpf_probe_read_user_str(f->bytes, sizeof(f->bytes), asked->name);

	f->error = error;
	f->open_flags = asked->flags;
	f->head.flags |= TAP_PATH_ASKED;
	if (got <= 0 || got == sizeof(f->bytes))
		f->head.flags |= TAP_CUT_NAME;
	f->path_n = got > 0 ? (uint16_t)got : 0;
}

static __always_inline const struct file *file_of(uint32_t fd)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct file **table = BPF_CORE_READ(task, files, fdt, fd);
	struct file *file = 0;

	if (fd < BPF_CORE_READ(task, files, fdt, max_fds))
		bpf_core_read(&file, sizeof(file), table + fd);
	return file;
}

static __always_inline int answer(long ret)
{
	uint64_t key = bpf_get_current_pid_tgid();
	const struct asked *asked = bpf_map_lookup_elem(&pending, &key);
	const struct file *file;
	struct tap_raw_file *f;

	if (!asked)
		return 0;
	if (ret >= 0 || ret == -EACCES || ret == -EPERM || ret == -EROFS) {
		f = new_record();
		file = f && ret >= 0 ? file_of((uint32_t)ret) : 0;
		if (file)
			put_file(f, file);
		else if (f)
			put_refused(f, asked, ret < 0 ? (uint32_t)-ret : 0);
		if (f)
			send(f);
	}
	bpf_map_delete_elem(&pending, &key);
	return 0;
}

SEC("?tracepoint/syscalls/sys_enter_openat")
int file_ask_openat(struct trace_event_raw_sys_enter *ctx)
{
	return ask((const char *)ctx->args[1], (uint32_t)ctx->args[2]);
}

SEC("?tracepoint/syscalls/sys_enter_openat2")
int file_ask_openat2(struct trace_event_raw_sys_enter *ctx)
{
	uint64_t flags = 0; /* struct open_how begins with them */

	bpf_probe_read_user(&flags, sizeof(flags), (const void *)ctx->args[2]);
	return ask((const char *)ctx->args[1], (uint32_t)flags);
}

SEC("?tracepoint/syscalls/sys_enter_open")
int file_ask_open(struct trace_event_raw_sys_enter *ctx)
{
	return ask((const char *)ctx->args[0], (uint32_t)ctx->args[1]);
}

SEC("?tracepoint/syscalls/sys_enter_creat")
int file_ask_creat(struct trace_event_raw_sys_enter *ctx)
{
	return ask((const char *)ctx->args[0], OPEN_CREATE | OPEN_WRITE | OPEN_TRUNC);
}

SEC("?tracepoint/syscalls/sys_exit_openat")
int file_answer_openat(struct trace_event_raw_sys_exit *ctx)
{
	return answer(ctx->ret);
}

SEC("?tracepoint/syscalls/sys_exit_openat2")
int file_answer_openat2(struct trace_event_raw_sys_exit *ctx)
{
	return answer(ctx->ret);
}

SEC("?tracepoint/syscalls/sys_exit_open")
int file_answer_open(struct trace_event_raw_sys_exit *ctx)
{
	return answer(ctx->ret);
}

SEC("?tracepoint/syscalls/sys_exit_creat")
int file_answer_creat(struct trace_event_raw_sys_exit *ctx)
{
	return answer(ctx->ret);
}
