/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As vmlinux_min.bpf.h: the types of sockets (kernel side only).
 */
#ifndef EBPF_VMLINUX_NET_BPF_H
#define EBPF_VMLINUX_NET_BPF_H

#include "ebpf/vmlinux_min.bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct in6_addr {
	union {
		__u8 u6_addr8[16];
	} in6_u;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
	int sk_err;
	__u16 sk_protocol;
};
#pragma clang attribute pop

#endif
