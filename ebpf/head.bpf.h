/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every probe does first: is this process watched, who is it, and out with the record (kernel
 * side only). Each object that includes this has its own ring, filter and counters, so that a flood
 * of one kind takes no room from another.
 *
 * Licence: the kernel gives these helpers to GPL-compatible programs only. The kernel side
 * (*.bpf.c,
 * *.bpf.h, raw.h and *_event.h) may therefore be used under BSD-2-Clause or GPL-2.0-only as well.
 */
#ifndef EBPF_HEAD_BPF_H
#define EBPF_HEAD_BPF_H

#include "ebpf/raw.h"
#include "ebpf/vmlinux_min.bpf.h"

#include <bpf/bpf_helpers.h>
/* bpf_tracing.h and bpf_core_read.h need the helpers first. */
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

/* The loader sets its size. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct tap_raw_filter);
} filter SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct tap_raw_counts);
} counts SEC(".maps");

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* n, or max where it is greater. The empty asm keeps the compiler from proving that away: it knows
 * more than the kernel's verifier, which must see the comparison. 64 bits, for the same reason. */
static __always_inline uint64_t at_most(uint64_t n, uint64_t max)
{
	__asm__ volatile("" : "+r"(n));
	if (n > max)
		n = max;
	__asm__ volatile("" : "+r"(n));
	return n;
}

static __always_inline bool is_watched(void)
{
	uint32_t zero = 0;
	const struct tap_raw_filter *f = bpf_map_lookup_elem(&filter, &zero);

	return f && f->on && bpf_get_current_ancestor_cgroup_id((int)f->level) == f->cgroup;
}

static __always_inline struct tap_raw_counts *my_counts(void)
{
	uint32_t zero = 0;

	return bpf_map_lookup_elem(&counts, &zero);
}

/* An interrupt may count in the middle of this, hence atomically though the counters are this
 * CPU's. */
static __always_inline void count(uint64_t *n)
{
	__sync_fetch_and_add(n, 1);
}

/* The pid in the namespace where the process lives. */
static __always_inline uint32_t ns_pid(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	unsigned int level = BPF_CORE_READ(pid, level);
	unsigned long at = bpf_core_field_offset(struct pid, numbers);
	int nr = 0;

	at += level * (unsigned long)bpf_core_type_size(struct upid);
	bpf_core_read(&nr, sizeof(nr), (char *)pid + at + bpf_core_field_offset(struct upid, nr));
	return (uint32_t)nr;
}

static __always_inline void fill_head(struct tap_raw_head *h, enum tap_kind kind)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	uint64_t id = bpf_get_current_pid_tgid(), user = bpf_get_current_uid_gid();

	h->size = 0;
	h->kind = (uint16_t)kind;
	h->flags = 0;
	h->mono_ns = bpf_ktime_get_ns();
	h->seq = 0;
	h->cpu = 0;
	h->pad = 0;
	h->cgroup = bpf_get_current_cgroup_id();
	h->pid = (uint32_t)(id >> 32);
	h->tid = (uint32_t)id;
	h->uid = (uint32_t)user;
	h->gid = (uint32_t)(user >> 32);
	h->ppid = (uint32_t)BPF_CORE_READ(task, real_parent, tgid);
	h->ns_pid = ns_pid(task);
	bpf_get_current_comm(h->comm, sizeof(h->comm));
}

/* Puts size bytes into the ring, or counts their loss. The number comes first, so that what is lost
 * leaves a hole; a program stays on its CPU while it runs. */
static __always_inline void emit(struct tap_raw_head *h, uint64_t size)
{
	struct tap_raw_counts *c = my_counts();

	if (!c)
		return;
	h->size = (uint32_t)size;
	h->cpu = bpf_get_smp_processor_id();
	h->seq = __sync_fetch_and_add(&c->seen, 1) + 1;
	if (bpf_ringbuf_output(&ring, h, size, 0))
		count(&c->lost_ring);
}

#endif
