/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The workload tried an outgoing TCP connection, and what came of it.
 *
 * A socket enters SYN_SENT in the thread that connects (also by io_uring and TCP Fast Open), so the
 * cgroup is known there; the outcome comes in an interrupt, on whatever process runs then. The
 * record waits in `pending` in between, keyed by the socket: every way out of SYN_SENT passes here.
 */
#include "ebpf/conn/conn_event.h"

#include "ebpf/head.bpf.h"
#include "ebpf/vmlinux_net.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, uint64_t);
	__type(value, struct tap_raw_conn);
} pending SEC(".maps");

static __always_inline void put_local(struct tap_raw_conn *c, const struct sock *sk)
{
	c->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (c->family == TAP_CONN_INET6)
		BPF_CORE_READ_INTO(&c->local, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
	else
		BPF_CORE_READ_INTO((__be32 *)c->local, sk, __sk_common.skc_rcv_saddr);
}

static __always_inline void put_peer(struct tap_raw_conn *c, const struct sock *sk)
{
	c->peer_port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (c->family == TAP_CONN_INET6)
		BPF_CORE_READ_INTO(&c->peer, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr8);
	else
		BPF_CORE_READ_INTO((__be32 *)c->peer, sk, __sk_common.skc_daddr);
}

static __always_inline void begin(const struct sock *sk)
{
	struct tap_raw_conn c;
	struct tap_raw_counts *n;
	uint64_t key = (uint64_t)sk;

	if (!is_watched())
		return;
	__builtin_memset(&c, 0, sizeof(c));
	fill_head(&c.head, TAP_CONN);
	c.family = BPF_CORE_READ(sk, __sk_common.skc_family);
	put_peer(&c, sk);
	if (!bpf_map_update_elem(&pending, &key, &c, BPF_ANY))
		return;
	n = my_counts();
	if (n)
		count(&n->untracked);
	c.head.flags |= TAP_CONN_UNTRACKED;
	c.outcome = TAP_CONN_UNKNOWN;
	emit(&c.head, sizeof(c));
}

static __always_inline void finish(const struct sock *sk, bool made)
{
	uint64_t key = (uint64_t)sk;
	struct tap_raw_conn *c = bpf_map_lookup_elem(&pending, &key);

	if (!c)
		return;
	c->took_ns = bpf_ktime_get_ns() - c->head.mono_ns;
	put_local(c, sk);
	if (!made) {
		c->error = (uint32_t)BPF_CORE_READ(sk, sk_err);
		c->outcome = c->error ? TAP_CONN_FAILED : TAP_CONN_ABANDONED;
	}
	emit(&c->head, sizeof(*c));
	bpf_map_delete_elem(&pending, &key);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(conn_state, const struct sock *sk, const int before, const int after)
{
	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	if (after == TCP_SYN_SENT)
		begin(sk);
	else if (before == TCP_SYN_SENT)
		finish(sk, after == TCP_ESTABLISHED);
	return 0;
}
