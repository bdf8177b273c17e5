/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this machine permits the probes: for `outrider doctor`, the metrics and the heartbeat.
 *
 * Found by trying: each probe is loaded and attached for a moment, watching nothing. Thread: as the
 * loader's. Cannot fail: what is not known is said to be so.
 */
#ifndef EBPF_FEATURE_H
#define EBPF_FEATURE_H

#include "ebpf/loader.h"

enum tap_answer { TAP_NO, TAP_YES, TAP_UNKNOWN };

struct tap_feature {
	/* 0: nothing is seen through eBPF; 1: by this process's own probes. */
	int tier;
	char why[512]; /* what keeps it from more, in words; "" where all probes run */
	char kernel[65];
	bool built; /* the programs are in this build */
	bool btf;
	bool cap_bpf, cap_perfmon, cap_sys_admin;
	bool cgroup2;         /* mounted */
	bool cgroup_writable; /* a workload can get a cgroup of its own */
	bool tracefs;
	enum tap_answer bpf_lsm; /* whether the kernel runs eBPF's LSM hooks */
	enum tap_answer ring;    /* the ring buffer, Linux 5.8 */
	int perf_event_paranoid; /* -2: not known */
	struct tap_status probe[TAP_KINDS];
};

/* opt as for tap_loader_open. */
void tap_feature_read(struct tap_feature *out, const struct tap_loader_opt *opt);

/* "T0", "T1". */
const char *tap_feature_tier(const struct tap_feature *f);

/* One JSON object. */
void tap_feature_json(struct or_buf *out, const struct tap_feature *f);

#endif
