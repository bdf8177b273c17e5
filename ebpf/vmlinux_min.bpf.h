/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few kernel types that the probes touch, kept by hand (kernel side only).
 *
 * Only the fields that are read are here: preserve_access_index makes the loader look each one up
 * in the running kernel's BTF, so offsets and order mean nothing and the machine that builds needs
 * no BTF. A field that a kernel lacks makes that program fail to load, with a reason, and nothing
 * else. Names and types are the kernel's (include/linux, include/net).
 */
#ifndef EBPF_VMLINUX_MIN_BPF_H
#define EBPF_VMLINUX_MIN_BPF_H

#include <stdint.h>
/* What bpf_helpers.h expects of linux/types.h. */
typedef uint8_t __u8;
typedef uint16_t __u16;
typedef uint32_t __u32;
typedef uint64_t __u64;
typedef int32_t __s32;
typedef int64_t __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef int pid_t;
typedef unsigned short umode_t;
typedef __u32 dev_t;
typedef _Bool bool;
enum { false, true };

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
};

enum { BPF_ANY = 0 };
enum { TCP_ESTABLISHED = 1, TCP_SYN_SENT = 2 };
enum { AF_INET = 2, AF_INET6 = 10, IPPROTO_TCP = 6 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct super_block {
	dev_t s_dev;
};

struct inode {
	umode_t i_mode;
	unsigned long i_ino;
	struct super_block *i_sb;
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct inode *f_inode;
	unsigned int f_flags;
	struct path f_path;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct mm_struct {
	unsigned long arg_start;
	unsigned long arg_end;
	struct file *exe_file;
};

struct upid {
	int nr;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

typedef struct {
	unsigned int val;
} kuid_t;

typedef struct {
	unsigned int val;
} kgid_t;

struct cred {
	kuid_t uid;
	kgid_t gid;
};

struct css_set;

struct task_struct {
	pid_t pid;
	pid_t tgid;
	char comm[16];
	const struct cred *cred;
	struct css_set *cgroups;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct mm_struct *mm;
	struct files_struct *files;
};

struct linux_binprm {
	const char *filename;
};

struct trace_event_raw_sys_enter {
	unsigned long args[6];
};

struct trace_event_raw_sys_exit {
	long ret;
};
#pragma clang attribute pop

#endif
