/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The beginnings of the segments that the workload's sockets send and get, for those who want to
 * know what is spoken there. Attached to its cgroup, so nobody else's packets pass here at all.
 *
 * What is not worth reading is muted by connection: those that others make to the workload here,
 * the rest by the reader. Packets are let through always.
 */
#include "ebpf/stream/stream_event.h"
#include "ebpf/vmlinux_min.bpf.h"

#include <bpf/bpf_helpers.h>

enum { V4_HEAD = 20, V6_HEAD = 40, TCP_HEAD = 20, PASS = 1 };
enum { FLAG_FIN = 1, FLAG_SYN = 2, FLAG_RST = 4, FLAG_ACK = 16 };

/* The program's view of a packet (include/uapi/linux/bpf.h); only len is read. */
struct __sk_buff {
	__u32 len;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct tap_raw_ends);
	__type(value, uint8_t);
} muted SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct tap_raw_counts);
} counts SEC(".maps");

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct packet {
	struct tap_raw_ends ends;
	uint32_t flags, seq, at, payload;
	uint8_t tcp_flags;
};

/* Bytes of the IP header, or 0 where it is no TCP. */
static __always_inline uint32_t read_ip(struct packet *p, struct __sk_buff *skb, bool out)
{
	uint8_t h[V6_HEAD];
	uint8_t *from = out ? p->ends.local : p->ends.peer,
		*to = out ? p->ends.peer : p->ends.local;

	if (bpf_skb_load_bytes(skb, 0, h, V4_HEAD))
		return 0;
	if (h[0] >> 4 == 4 && h[9] == 6 && !(h[6] & 0x3f) && !h[7]) {
		__builtin_memcpy(from, h + 12, 4);
		__builtin_memcpy(to, h + 16, 4);
		return (uint32_t)(h[0] & 15) * 4;
	}
	if (h[0] >> 4 != 6 || bpf_skb_load_bytes(skb, 0, h, V6_HEAD) || h[6] != 6)
		return 0;
	p->flags |= TAP_STREAM_V6;
	__builtin_memcpy(from, h + 8, 16);
	__builtin_memcpy(to, h + 24, 16);
	return V6_HEAD;
}

static __always_inline bool read_packet(struct packet *p, struct __sk_buff *skb, bool out)
{
	uint8_t h[TCP_HEAD];
	uint32_t ip = read_ip(p, skb, out), head;
	uint16_t from, to;

	if (!ip || bpf_skb_load_bytes(skb, ip, h, sizeof(h)))
		return false;
	from = (uint16_t)(h[0] << 8 | h[1]);
	to = (uint16_t)(h[2] << 8 | h[3]);
	p->ends.local_port = out ? from : to;
	p->ends.peer_port = out ? to : from;
	p->seq = (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 | h[7];
	p->tcp_flags = h[13];
	head = ip + (uint32_t)(h[12] >> 4) * 4;
	p->at = head;
	p->payload = skb->len > head ? skb->len - head : 0;
	p->flags |= out ? TAP_STREAM_OUT : 0;
	return true;
}

/* True where it is worth reading. */
static __always_inline bool follow(struct packet *p, bool out)
{
	bool first = (p->tcp_flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN;
	uint8_t one = 1;

	if (first && out) {
		bpf_map_delete_elem(&muted, &p->ends);
		p->flags |= TAP_STREAM_SYN;
		return true;
	}
	if (first) {
		bpf_map_update_elem(&muted, &p->ends, &one, BPF_ANY);
		return false;
	}
	if (p->tcp_flags & (FLAG_FIN | FLAG_RST))
		p->flags |= TAP_STREAM_END;
	if (!p->payload && !(p->flags & TAP_STREAM_END))
		return false;
	return !bpf_map_lookup_elem(&muted, &p->ends);
}

static __always_inline void emit(const struct packet *p, struct __sk_buff *skb)
{
	uint32_t zero = 0, n = p->payload;
	struct tap_raw_counts *c = bpf_map_lookup_elem(&counts, &zero);
	struct tap_raw_segment *s;

	if (!c)
		return;
	__sync_fetch_and_add(&c->seen, 1);
	s = bpf_ringbuf_reserve(&ring, sizeof(*s), 0);
	if (!s) {
		__sync_fetch_and_add(&c->lost_ring, 1);
		return;
	}
	s->size = sizeof(*s);
	s->flags = p->flags;
	__builtin_memcpy(&s->ends, &p->ends, sizeof(s->ends));
	s->seq = p->seq + (p->tcp_flags & FLAG_SYN ? 1 : 0);
	s->payload = p->payload;
	s->got = 0;
	if (n > TAP_STREAM_BYTES)
		n = TAP_STREAM_BYTES;
	if (n) {
		/* From 1 to TAP_STREAM_BYTES, in a way that Linux 6.1's verifier sees, too; the asm
		 * keeps the compiler, which knows it, from taking that away. */
		__asm__ volatile("" : "+r"(n));
		n = ((n - 1) & (TAP_STREAM_BYTES - 1)) + 1;
		if (!bpf_skb_load_bytes(skb, p->at, s->bytes, n))
			s->got = n;
	}
	bpf_ringbuf_submit(s, 0);
}

static __always_inline int look_at(struct __sk_buff *skb, bool out)
{
	struct packet p;

	__builtin_memset(&p, 0, sizeof(p));
	if (read_packet(&p, skb, out) && follow(&p, out))
		emit(&p, skb);
	return PASS;
}

SEC("cgroup_skb/egress")
int stream_out(struct __sk_buff *skb)
{
	return look_at(skb, true);
}

SEC("cgroup_skb/ingress")
int stream_in(struct __sk_buff *skb)
{
	return look_at(skb, false);
}
