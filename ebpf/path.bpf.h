/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file's path from the kernel's own objects (kernel side only): what was opened, whatever the
 * process passed in or changed since. Mount points are crossed up to the root of the mount
 * namespace, so a chroot doesn't shorten it.
 */
#ifndef EBPF_PATH_BPF_H
#define EBPF_PATH_BPF_H

#include "ebpf/head.bpf.h"

#define PATH_ROOM (TAP_RAW_PATH + TAP_RAW_NAME)

/* Writes the names from the file up to the root; buf has PATH_ROOM bytes. Returns the bytes used,
 * at most PATH_ROOM; sets TAP_CUT_PATH or TAP_PATH_DETACHED in *flags. */
static __always_inline uint64_t put_path(char *buf, const struct file *file, uint16_t *flags)
{
	struct dentry *d = BPF_CORE_READ(file, f_path.dentry), *parent;
	struct vfsmount *vfs = BPF_CORE_READ(file, f_path.mnt);
	struct mount *m = (void *)((char *)vfs - bpf_core_field_offset(struct mount, mnt)), *up;
	uint64_t n = 0;
	long got;

	for (int i = 0; i < TAP_RAW_DEPTH; i++) {
		parent = BPF_CORE_READ(d, d_parent);
		if (d == BPF_CORE_READ(m, mnt.mnt_root)) {
			up = BPF_CORE_READ(m, mnt_parent);
			if (up == m)
				return n;
			d = BPF_CORE_READ(m, mnt_mountpoint);
			m = up;
			continue;
		}
		if (n > TAP_RAW_PATH)
			break;
		got =
		    bpf_probe_read_kernel_str(buf + n, TAP_RAW_NAME, BPF_CORE_READ(d, d_name.name));
		if (got <= 0 || got > (long)TAP_RAW_NAME)
			break;
		n = at_most(n + (uint64_t)got, PATH_ROOM);
		if (d == parent) {
			*flags |= TAP_PATH_DETACHED;
			return n;
		}
		d = parent;
	}
	*flags |= TAP_CUT_PATH;
	return n;
}

#endif
