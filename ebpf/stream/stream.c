/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/stream/stream.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/sys.h"
#include "ebpf/object.h"
#include "ebpf/stream/stream_event.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define STOP (-ECANCELED)

struct flow {
	struct tap_raw_ends ends;
	struct tap_wire *wire;
	uint32_t next[2]; /* the number of the next byte, from the server and from the client */
	bool knows[2];
	unsigned int ended;
	uint64_t used;
};

struct tap_stream {
	struct bpf_object *object;
	struct bpf_link *links[2];
	struct ring_buffer *ring;
	int ring_fd, muted_fd, counts_fd;
	struct tap_wire_topics *topics;
	tap_wire_fn *fn;
	void *arg;
	struct or_map flows;
	uint64_t clock, received, n_flows, n_muted;
	size_t left, handed;
};

/* ---- opening */

static enum or_code refuse(struct or_err *err, const char *what, int error)
{
	return or_err_set(err, error == EPERM || error == EACCES ? OR_DENIED : OR_UNSUPPORTED,
	    "%s: %s", what, strerror(error));
}

static int on_segment(void *ctx, void *data, size_t size);

static enum or_code attach(struct tap_stream *s, int cgroup, struct or_err *err)
{
	static const char *const names[] = {"stream_out", "stream_in"};

	if (bpf_map__set_max_entries(
		bpf_object__find_map_by_name(s->object, "ring"), TAP_STREAM_RING) < 0 ||
	    bpf_object__load(s->object) < 0)
		return refuse(err, "cgroup_skb", errno);
	s->ring_fd = bpf_object__find_map_fd_by_name(s->object, "ring");
	s->muted_fd = bpf_object__find_map_fd_by_name(s->object, "muted");
	s->counts_fd = bpf_object__find_map_fd_by_name(s->object, "counts");
	s->ring = ring_buffer__new(s->ring_fd, on_segment, s, NULL);
	if (!s->ring)
		return refuse(err, "cgroup_skb", errno);
	for (size_t i = 0; i < OR_LEN(names); i++) {
		struct bpf_program *prog = bpf_object__find_program_by_name(s->object, names[i]);

		OR_ASSERT(prog);
		s->links[i] = bpf_program__attach_cgroup(prog, cgroup);
		if (!s->links[i])
			return refuse(err, "cgroup_skb", errno);
	}
	return OR_OK;
}

enum or_code tap_stream_open(
    struct tap_stream **out, const char *cgroup_dir, tap_wire_fn *fn, void *arg, struct or_err *err)
{
	struct tap_stream *s;
	enum or_code rc;
	int cgroup;

	libbpf_set_print(NULL); /* errors are told by errno */
	if (tap_object_stream.n == 0)
		return or_err_set(err, OR_UNSUPPORTED, "this build has no eBPF programs");
	rc = or_sys_open(&cgroup, cgroup_dir, O_RDONLY | O_DIRECTORY, 0, err);
	if (rc != OR_OK)
		return rc;
	s = or_mem_new(sizeof(*s));
	s->fn = fn;
	s->arg = arg;
	s->topics = tap_wire_topics_new();
	or_map_init(&s->flows, TAP_STREAM_FLOWS);
	s->object = bpf_object__open_mem(tap_object_stream.p, tap_object_stream.n, NULL);
	rc = s->object ? attach(s, cgroup, err) : refuse(err, "cgroup_skb", errno);
	or_sys_close(cgroup);
	if (rc != OR_OK) {
		tap_stream_close(s);
		return rc;
	}
	or_mem_trim();
	*out = s;
	return OR_OK;
}

static void drop(struct tap_stream *s, struct flow *f)
{
	or_map_take(&s->flows, or_slice(&f->ends, sizeof(f->ends)));
	tap_wire_free(f->wire);
	or_mem_free(f);
}

void tap_stream_close(struct tap_stream *s)
{
	struct or_map_entry *e;
	size_t at = 0;

	if (!s)
		return;
	for (size_t i = 0; i < OR_LEN(s->links); i++)
		bpf_link__destroy(s->links[i]);
	ring_buffer__free(s->ring);
	bpf_object__close(s->object);
	while ((e = or_map_next(&s->flows, &at))) {
		struct flow *f = e->value;

		tap_wire_free(f->wire);
		or_mem_free(f);
	}
	or_map_done(&s->flows);
	tap_wire_topics_free(s->topics);
	or_mem_free(s);
}

/* ---- connections */

static void make_room(struct tap_stream *s)
{
	struct flow *oldest = NULL;
	struct or_map_entry *e;
	size_t at = 0;

	if (s->flows.n < TAP_STREAM_FLOWS)
		return;
	while ((e = or_map_next(&s->flows, &at))) {
		struct flow *f = e->value;

		if (!oldest || f->used < oldest->used)
			oldest = f;
	}
	drop(s, oldest);
}

static struct flow *new_flow(struct tap_stream *s, const struct tap_raw_segment *seg)
{
	bool v6 = seg->flags & TAP_STREAM_V6;
	char address[INET6_ADDRSTRLEN] = "", server[INET6_ADDRSTRLEN + 16];
	struct flow *f = or_mem_new(sizeof(*f));

	make_room(s);
	f->ends = seg->ends;
	inet_ntop(v6 ? AF_INET6 : AF_INET, seg->ends.peer, address, sizeof(address));
	snprintf(server, sizeof(server), "%s%s%s:%u", v6 ? "[" : "", address, v6 ? "]" : "",
	    seg->ends.peer_port);
	f->wire = tap_wire_new(&(struct tap_wire_opt){.server = server,
	    .late = !(seg->flags & TAP_STREAM_SYN),
	    .topics = s->topics,
	    .fn = s->fn,
	    .arg = s->arg});
	if (or_map_put(&s->flows, or_slice(&f->ends, sizeof(f->ends)), f) != OR_OK) {
		tap_wire_free(f->wire);
		or_mem_free(f);
		return NULL;
	}
	s->n_flows++;
	return f;
}

/* Nothing more is to be had of it, so the kernel need not show it. Where it cannot be told it goes
 * on showing, which costs time and nothing else. */
static void mute(struct tap_stream *s, struct flow *f)
{
	uint8_t one = 1;

	(void)bpf_map_update_elem(s->muted_fd, &f->ends, &one, BPF_ANY);
	s->n_muted++;
	drop(s, f);
}

/* Where its beginning was not seen: the end with the port that servers use is the server. */
static bool may_be_client(const struct tap_raw_segment *seg)
{
	return (seg->flags & TAP_STREAM_SYN) || seg->ends.peer_port < seg->ends.local_port;
}

static void put_bytes(struct flow *f, const struct tap_raw_segment *seg)
{
	bool from_client = seg->flags & TAP_STREAM_OUT;
	int32_t ahead = (int32_t)(seg->seq - f->next[from_client]);
	uint32_t known = 0;

	if (f->knows[from_client] && ahead > 0)
		tap_wire_gap(f->wire, from_client, (uint64_t)ahead);
	if (f->knows[from_client] && ahead < 0)
		known = (uint32_t)-ahead; /* sent again */
	if (known >= seg->payload && f->knows[from_client] && ahead < 0)
		return;
	f->knows[from_client] = true;
	f->next[from_client] = seg->seq + seg->payload;
	if (known < seg->got) {
		tap_wire_feed(f->wire, from_client, or_slice(seg->bytes + known, seg->got - known));
		known = seg->got;
	}
	tap_wire_gap(f->wire, from_client, seg->payload - known);
}

static void take(struct tap_stream *s, const struct tap_raw_segment *seg)
{
	struct flow *f = or_map_find(&s->flows, or_slice(&seg->ends, sizeof(seg->ends)));

	if (f && (seg->flags & TAP_STREAM_SYN)) { /* the same ends, another connection */
		drop(s, f);
		f = NULL;
	}
	if (!f && (seg->flags & TAP_STREAM_END))
		return;
	if (!f) {
		f = new_flow(s, seg);
		if (f && !may_be_client(seg)) {
			mute(s, f);
			return;
		}
	}
	if (!f)
		return;
	f->used = ++s->clock;
	if (seg->payload || (seg->flags & TAP_STREAM_SYN))
		put_bytes(f, seg);
	if (seg->flags & TAP_STREAM_END && ++f->ended == 2)
		drop(s, f);
	else if (!tap_wire_is_of_use(f->wire))
		mute(s, f);
}

static int on_segment(void *ctx, void *data, size_t size)
{
	struct tap_stream *s = ctx;
	struct tap_raw_segment seg;

	/* Ours, and checked all the same. */
	if (size >= sizeof(seg)) {
		memcpy(&seg, data, sizeof(seg));
		if (seg.got <= sizeof(seg.bytes) && seg.got <= seg.payload) {
			s->received++;
			take(s, &seg);
		}
	}
	s->handed++;
	return --s->left ? 0 : STOP;
}

int tap_stream_fd(const struct tap_stream *s)
{
	return s->ring_fd;
}

size_t tap_stream_drain(struct tap_stream *s, size_t budget)
{
	s->left = budget;
	s->handed = 0;
	if (budget)
		ring_buffer__consume(s->ring);
	return s->handed;
}

void tap_stream_stats(struct tap_stream_stats *out, const struct tap_stream *s)
{
	int cpus = libbpf_num_possible_cpus();
	struct tap_raw_counts *per_cpu;
	uint32_t zero = 0;

	*out = (struct tap_stream_stats){
	    .received = s->received, .flows = s->n_flows, .muted = s->n_muted};
	OR_ASSERT(cpus > 0);
	per_cpu = or_mem_array((size_t)cpus, sizeof(*per_cpu));
	if (bpf_map_lookup_elem(s->counts_fd, &zero, per_cpu) == 0) {
		for (int i = 0; i < cpus; i++) {
			out->seen += per_cpu[i].seen;
			out->lost_ring += per_cpu[i].lost_ring;
		}
	}
	or_mem_free(per_cpu);
}
