/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/event.h"

#include "base/jsonw.h"
#include "ebpf/probe.h"

static void take_head(struct tap_event *out, const struct tap_raw_head *h)
{
	out->kind = (enum tap_kind)h->kind;
	out->flags = h->flags;
	out->mono_ns = h->mono_ns;
	out->seq = h->seq;
	out->cpu = h->cpu;
	out->cgroup = h->cgroup;
	out->pid = h->pid;
	out->ns_pid = h->ns_pid;
	out->tid = h->tid;
	out->ppid = h->ppid;
	out->uid = h->uid;
	out->gid = h->gid;
	memcpy(out->comm, h->comm, sizeof(h->comm));
	out->comm[sizeof(h->comm)] = '\0';
}

enum or_code tap_event_decode(struct tap_event *out, struct or_slice raw)
{
	struct tap_raw_head h;

	if (raw.n < sizeof(h))
		return OR_PARSE;
	memcpy(&h, raw.p, sizeof(h));
	if (h.size != raw.n || h.kind >= TAP_KINDS || (h.flags & ~TAP_FLAGS) ||
	    h.mono_ns > INT64_MAX)
		return OR_PARSE;
	take_head(out, &h);
	return tap_probe_list[h.kind]->decode(out, raw);
}

const char *tap_event_name(enum tap_kind kind)
{
	OR_ASSERT((unsigned)kind < TAP_KINDS);
	return tap_probe_list[kind]->name;
}

int64_t tap_event_wall_ns(const struct tap_event *ev, int64_t now_ns, int64_t wall_ns)
{
	/* Unsigned, so that a wild time from a broken record wraps and does not overflow. */
	return (int64_t)((uint64_t)wall_ns - ((uint64_t)now_ns - ev->mono_ns));
}

static void json_flags(struct or_jsonw *w, uint32_t flags)
{
	static const char *const names[] = {"cut_path", "cut_name", "cut_args", "path_detached",
	    "path_asked", "untracked", "found"};

	or_jsonw_key(w, "flags");
	or_jsonw_array(w);
	for (size_t i = 0; i < OR_LEN(names); i++)
		if (flags & (1U << i))
			or_jsonw_text(w, names[i]);
	or_jsonw_end(w);
}

void tap_event_json(struct or_buf *out, const struct tap_event *ev)
{
	struct or_jsonw w;

	or_jsonw_init(&w, out, 0);
	or_jsonw_object(&w);
	or_jsonw_kv_text(&w, "kind", tap_event_name(ev->kind));
	or_jsonw_kv_u64(&w, "mono_ns", ev->mono_ns);
	tap_probe_json_id(&w, "cgroup", ev->cgroup);
	or_jsonw_kv_u64(&w, "pid", ev->pid);
	or_jsonw_kv_u64(&w, "ns_pid", ev->ns_pid);
	or_jsonw_kv_u64(&w, "tid", ev->tid);
	or_jsonw_kv_u64(&w, "ppid", ev->ppid);
	or_jsonw_kv_u64(&w, "uid", ev->uid);
	or_jsonw_kv_u64(&w, "gid", ev->gid);
	or_jsonw_kv_text(&w, "comm", ev->comm);
	tap_probe_list[ev->kind]->json(&w, ev);
	json_flags(&w, ev->flags);
	or_jsonw_end(&w);
}
