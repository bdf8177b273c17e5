/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/feature.h"

#include "base/jsonw.h"
#include "base/str.h"
#include "base/sys.h"
#include "ebpf/cgroup.h"
#include "ebpf/object.h"
#include "ebpf/tracefs.h"

#include <linux/capability.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

static void read_caps(struct tap_feature *f)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
	uint64_t caps;

	if (syscall(SYS_capget, &head, data) < 0)
		return;
	caps = (uint64_t)data[1].effective << 32 | data[0].effective;
	f->cap_sys_admin = caps >> CAP_SYS_ADMIN & 1;
	/* Before Linux 5.8 CAP_SYS_ADMIN stood for both, and it still does. */
	f->cap_bpf = f->cap_sys_admin || (caps >> CAP_BPF & 1);
	f->cap_perfmon = f->cap_sys_admin || (caps >> CAP_PERFMON & 1);
}

/* A small file of the kernel's, without its line end; false where it can't be read. */
static bool read_small(struct or_buf *out, const char *path)
{
	or_buf_clear(out);
	if (or_sys_read_file(out, path, NULL) != OR_OK)
		return false;
	while (out->n && out->p[out->n - 1] == '\n')
		or_buf_cut(out, out->n - 1);
	return true;
}

static enum tap_answer find_lsm(struct or_buf *text)
{
	struct or_slice rest;
	size_t n;

	if (!read_small(text, "/sys/kernel/security/lsm"))
		return TAP_UNKNOWN;
	for (rest = or_buf_slice(text); rest.n;
	     rest = or_slice_from(rest, n < rest.n ? n + 1 : n)) {
		n = or_str_find(rest, ',', 0);
		if (or_slice_is(or_slice(rest.p, n), "bpf"))
			return TAP_YES;
	}
	return TAP_NO;
}

static void read_cgroup(struct tap_feature *f, struct or_buf *text)
{
	or_buf_clear(text);
	f->cgroup2 = tap_cgroup_mount(text, NULL) == OR_OK;
	or_buf_clear(text);
	if (f->cgroup2 && tap_cgroup_of(text, 0, NULL) == OR_OK)
		f->cgroup_writable = access(or_buf_text(text), W_OK) == 0;
}

static void read_system(struct tap_feature *f)
{
	struct utsname uts;
	struct or_buf text;
	int64_t paranoid = -2;

	or_buf_init(&text, OR_MIB);
	if (uname(&uts) == 0)
		snprintf(f->kernel, sizeof(f->kernel), "%s", uts.release);
	f->built = tap_object_exec.n > 0;
	f->btf = access("/sys/kernel/btf/vmlinux", R_OK) == 0;
	read_caps(f);
	read_cgroup(f, &text);
	f->bpf_lsm = find_lsm(&text);
	if (!read_small(&text, "/proc/sys/kernel/perf_event_paranoid") ||
	    or_str_i64(&paranoid, or_buf_slice(&text)) != OR_OK)
		paranoid = -2;
	f->perf_event_paranoid = (int)paranoid;
	or_buf_done(&text);
}

/* Tries the probes; returns how many attach, and counts those that were wanted. */
static unsigned int try_probes(
    struct tap_feature *f, const struct tap_loader_opt *opt, unsigned int *wanted)
{
	struct tap_loader *tap;
	unsigned int n = 0;

	if (tap_loader_open(&tap, opt, NULL) != OR_OK)
		return 0;
	for (unsigned int i = 0; i < TAP_KINDS; i++) {
		f->probe[i] = *tap_loader_status(tap, (enum tap_kind)i);
		n += f->probe[i].state == TAP_ATTACHED;
		*wanted += f->probe[i].state != TAP_OFF;
	}
	tap_loader_close(tap);
	return n;
}

static void say(struct tap_feature *f, const char *sentence)
{
	size_t n = strlen(f->why);

	snprintf(f->why + n, sizeof(f->why) - n, "%s%s", n ? "; " : "", sentence);
}

/* The reasons that a person can act on come before what the kernel said. */
static void explain(struct tap_feature *f)
{
	if (!f->built)
		say(f, "this build has no eBPF programs");
	else if (!f->cap_bpf || !f->cap_perfmon)
		say(f, "CAP_BPF and CAP_PERFMON are not both held");
	else if (!f->btf)
		say(f, "the kernel has no BTF (/sys/kernel/btf/vmlinux)");
	if (!f->cgroup2)
		say(f, "no cgroup2 is mounted, so a workload cannot be told from others");
	else if (!f->cgroup_writable)
		say(f, "the cgroup2 hierarchy may not be written, so a workload gets no cgroup");
	for (size_t i = 0; i < TAP_KINDS; i++)
		if (f->built && f->cap_bpf && f->cap_perfmon && f->btf && f->probe[i].why[0])
			say(f, f->probe[i].why);
}

void tap_feature_read(struct tap_feature *out, const struct tap_loader_opt *opt)
{
	unsigned int attached, wanted = 0;

	*out = (struct tap_feature){.ring = TAP_UNKNOWN};
	for (size_t i = 0; i < TAP_KINDS; i++)
		out->probe[i].hook = "";
	read_system(out);
	attached = try_probes(out, opt, &wanted);
	out->tracefs = tap_tracefs_is_there();
	if (attached)
		out->ring = TAP_YES;
	out->tier = attached && out->cgroup2;
	if (attached < wanted || !out->tier || !out->cgroup_writable)
		explain(out);
}

const char *tap_feature_tier(const struct tap_feature *f)
{
	return f->tier ? "T1" : "T0";
}

static const char *answer_name(enum tap_answer a)
{
	static const char *const names[] = {
	    [TAP_NO] = "no", [TAP_YES] = "yes", [TAP_UNKNOWN] = "unknown"};

	return names[a];
}

static void put_probes(struct or_jsonw *w, const struct tap_feature *f)
{
	or_jsonw_key(w, "probes");
	or_jsonw_array(w);
	for (unsigned int i = 0; i < TAP_KINDS; i++) {
		or_jsonw_object(w);
		or_jsonw_kv_text(w, "name", tap_event_name((enum tap_kind)i));
		or_jsonw_kv_text(w, "state", tap_loader_state_name(f->probe[i].state));
		or_jsonw_kv_text(w, "hook", f->probe[i].hook);
		or_jsonw_kv_text(w, "why", f->probe[i].why);
		or_jsonw_end(w);
	}
	or_jsonw_end(w);
}

void tap_feature_json(struct or_buf *out, const struct tap_feature *f)
{
	struct or_jsonw w;

	or_jsonw_init(&w, out, 0);
	or_jsonw_object(&w);
	or_jsonw_kv_text(&w, "tier", tap_feature_tier(f));
	or_jsonw_kv_text(&w, "why", f->why);
	or_jsonw_kv_text(&w, "kernel", f->kernel);
	or_jsonw_kv_bool(&w, "built", f->built);
	or_jsonw_kv_bool(&w, "btf", f->btf);
	or_jsonw_kv_bool(&w, "cap_bpf", f->cap_bpf);
	or_jsonw_kv_bool(&w, "cap_perfmon", f->cap_perfmon);
	or_jsonw_kv_bool(&w, "cap_sys_admin", f->cap_sys_admin);
	or_jsonw_kv_bool(&w, "cgroup2", f->cgroup2);
	or_jsonw_kv_bool(&w, "cgroup_writable", f->cgroup_writable);
	or_jsonw_kv_bool(&w, "tracefs", f->tracefs);
	or_jsonw_kv_text(&w, "bpf_lsm", answer_name(f->bpf_lsm));
	or_jsonw_kv_text(&w, "ring_buffer", answer_name(f->ring));
	if (f->perf_event_paranoid == -2) {
		or_jsonw_key(&w, "perf_event_paranoid");
		or_jsonw_null(&w);
	} else {
		or_jsonw_kv_i64(&w, "perf_event_paranoid", f->perf_event_paranoid);
	}
	put_probes(&w, f);
	or_jsonw_end(&w);
}
