/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/loader.h"

#include "base/mem.h"
#include "base/sys.h"
#include "ebpf/probe.h"
#include "ebpf/scope.h"
#include "ebpf/tracefs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

/* What a ring's callback returns once the budget is used up. */
#define STOP (-ECANCELED)

/* One probe, attached or not. */
struct tap {
	const struct tap_probe *probe;
	struct tap_loader *owner;
	struct tap_status status;
	const struct tap_hook *hook;
	struct bpf_object *object; /* NULL where not attached */
	struct bpf_link *links[TAP_HOOK_PROGS];
	struct ring_buffer *ring;
	struct bpf_map *counts, *filter;
	uint64_t received, malformed;
};

struct tap_loader {
	int epoll;
	uint32_t ring_bytes;
	int cpus;
	struct tap_raw_counts *per_cpu; /* one per CPU, for reading counters */
	struct tap taps[TAP_KINDS];
	unsigned int turn; /* whose ring is drained first */
	size_t left;       /* of the budget of the drain that runs */
	tap_loader_fn *fn;
	void *arg;
	struct tap_event event;
};

/* ---- attaching */

/* Libbpf's last complaint, which says more than errno; the library has one hook per process. */
static char complaint[128];

static int on_print(enum libbpf_print_level level, const char *fmt, va_list args)
{
	if (level == LIBBPF_WARN)
		vsnprintf(complaint, sizeof(complaint), fmt, args);
	complaint[strcspn(complaint, "\n")] = '\0';
	return 0;
}

static bool is_permission(int error)
{
	return error == EPERM || error == EACCES;
}

static void set_why(struct tap *t, const struct tap_hook *hook, int error)
{
	t->status.state = is_permission(error) ? TAP_DENIED : TAP_UNSUPPORTED;
	t->status.hook = "";
	snprintf(t->status.why, sizeof(t->status.why), "%s: %s%s%s%s", hook->name, strerror(error),
	    complaint[0] ? " (" : "", complaint, complaint[0] ? ")" : "");
}

static void detach(struct tap *t)
{
	for (size_t i = 0; i < TAP_HOOK_PROGS; i++) {
		bpf_link__destroy(t->links[i]);
		t->links[i] = NULL;
	}
	ring_buffer__free(t->ring);
	bpf_object__close(t->object);
	t->ring = NULL;
	t->object = NULL;
}

/* Whether the kernel has what the program attaches to: tells a system call that this architecture
 * lacks from one that may not be traced. */
static bool may_be_absent(const struct tap_hook *hook, size_t i, int error)
{
	return i >= hook->must && error == ENOENT;
}

/* Chooses the hook's programs and loads them with the ring. */
static int load(struct tap *t, const struct tap_hook *hook)
{
	struct bpf_program *prog;
	struct bpf_map *ring;

	t->object = bpf_object__open_mem(t->probe->object->p, t->probe->object->n, NULL);
	if (!t->object)
		return errno;
	bpf_object__for_each_program(prog, t->object) bpf_program__set_autoload(prog, false);
	for (size_t i = 0; i < TAP_HOOK_PROGS && hook->progs[i]; i++) {
		prog = bpf_object__find_program_by_name(t->object, hook->progs[i]);
		OR_ASSERT(prog);
		bpf_program__set_autoload(prog, true);
	}
	ring = bpf_object__find_map_by_name(t->object, "ring");
	t->counts = bpf_object__find_map_by_name(t->object, "counts");
	t->filter = bpf_object__find_map_by_name(t->object, "filter");
	OR_ASSERT(ring && t->counts && t->filter);
	if (bpf_map__set_max_entries(ring, t->owner->ring_bytes) < 0)
		return errno;
	return bpf_object__load(t->object) < 0 ? errno : 0;
}

static int attach_programs(struct tap *t, const struct tap_hook *hook)
{
	struct bpf_program *prog;

	for (size_t i = 0; i < TAP_HOOK_PROGS && hook->progs[i]; i++) {
		prog = bpf_object__find_program_by_name(t->object, hook->progs[i]);
		t->links[i] = bpf_program__attach(prog);
		if (!t->links[i] && !may_be_absent(hook, i, errno))
			return errno;
	}
	return 0;
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct tap *t = ctx;
	struct tap_loader *tap = t->owner;

	if (tap_event_decode(&tap->event, or_slice(data, size)) != OR_OK) {
		t->malformed++;
		return 0;
	}
	t->received++;
	tap->fn(tap->arg, &tap->event);
	return --tap->left ? 0 : STOP;
}

static int open_ring(struct tap *t)
{
	int fd = bpf_object__find_map_fd_by_name(t->object, "ring");
	struct epoll_event event = {.events = EPOLLIN};

	t->ring = ring_buffer__new(fd, on_record, t, NULL);
	if (!t->ring)
		return errno;
	return epoll_ctl(t->owner->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? errno : 0;
}

static bool try_hook(struct tap *t, const struct tap_hook *hook)
{
	int error;

	complaint[0] = '\0';
	error = load(t, hook);
	if (!error)
		error = attach_programs(t, hook);
	if (!error)
		error = open_ring(t);
	if (error) {
		set_why(t, hook, error);
		detach(t);
		return false;
	}
	t->hook = hook;
	t->status = (struct tap_status){.state = TAP_ATTACHED, .hook = hook->name};
	return true;
}

static void attach(struct tap *t)
{
	const struct tap_hook *hook;

	t->status.state = TAP_UNSUPPORTED;
	if (t->probe->object->n == 0) {
		snprintf(t->status.why, sizeof(t->status.why), "this build has no eBPF programs");
		return;
	}
	for (size_t i = 0; i < t->probe->n_hooks; i++) {
		hook = &t->probe->hooks[i];
		if (hook->needs_tracefs && !tap_tracefs_is_there()) {
			snprintf(t->status.why, sizeof(t->status.why),
			    "%s: tracefs is not mounted at /sys/kernel/tracing", hook->name);
			continue;
		}
		if (try_hook(t, hook))
			return;
	}
}

/* ---- the interface */

static enum or_code check_opt(const struct tap_loader_opt *opt, struct or_err *err)
{
	uint32_t n = opt->ring_bytes;

	if (opt->probes >> TAP_KINDS)
		return or_err_set(err, OR_INVAL, "no such probe: bits %#x", opt->probes);
	if (n && (n & (n - 1) || n < (uint32_t)sysconf(_SC_PAGESIZE) || n > TAP_LOADER_RING_MAX))
		return or_err_set(err, OR_INVAL,
		    "a ring of %u bytes: it takes a power of two from a page to %u MiB", n,
		    TAP_LOADER_RING_MAX / (unsigned int)OR_MIB);
	return OR_OK;
}

enum or_code tap_loader_open(
    struct tap_loader **out, const struct tap_loader_opt *opt, struct or_err *err)
{
	static const struct tap_loader_opt defaults;
	struct tap_loader *tap;
	enum or_code rc;
	int epoll;

	opt = opt ? opt : &defaults;
	rc = check_opt(opt, err);
	if (rc != OR_OK)
		return rc;
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		return or_err_sys(err, "epoll_create1");
	if (opt->private_tracefs && tap_tracefs_mount_private(NULL) != OR_OK)
		complaint[0] = '\0'; /* the probe that misses it will say so */
	libbpf_set_print(on_print);
	tap = or_mem_new(sizeof(*tap));
	tap->epoll = epoll;
	tap->ring_bytes = opt->ring_bytes ? opt->ring_bytes : TAP_LOADER_RING_BYTES;
	tap->cpus = libbpf_num_possible_cpus();
	tap->per_cpu = or_mem_array((size_t)tap->cpus, sizeof(*tap->per_cpu));
	for (unsigned int i = 0; i < TAP_KINDS; i++) {
		tap->taps[i] = (struct tap){.probe = tap_probe_list[i], .owner = tap};
		tap->taps[i].status.hook = "";
		if (!opt->probes || opt->probes & (1U << i))
			attach(&tap->taps[i]);
	}
	*out = tap;
	return OR_OK;
}

void tap_loader_close(struct tap_loader *tap)
{
	if (!tap)
		return;
	for (size_t i = 0; i < TAP_KINDS; i++)
		detach(&tap->taps[i]);
	or_sys_close(tap->epoll);
	or_mem_free(tap->per_cpu);
	or_mem_free(tap);
}

static enum or_code set_filter(struct tap *t, const struct tap_raw_filter *f, struct or_err *err)
{
	uint32_t zero = 0;

	if (bpf_map__update_elem(t->filter, &zero, sizeof(zero), f, sizeof(*f), BPF_ANY) < 0)
		return or_err_sys(err, "set the filter of probe %s", t->probe->name);
	return OR_OK;
}

enum or_code tap_loader_watch(struct tap_loader *tap, const char *cgroup_dir, struct or_err *err)
{
	struct tap_raw_filter f = {0};
	enum or_code rc = OR_OK;

	for (size_t i = 0; i < TAP_KINDS && rc == OR_OK; i++) {
		if (!tap->taps[i].object)
			continue;
		if (!f.on)
			rc = tap_scope_find(&f, cgroup_dir, err);
		if (rc == OR_OK)
			rc = set_filter(&tap->taps[i], &f, err);
	}
	return rc;
}

int tap_loader_fd(const struct tap_loader *tap)
{
	return tap->epoll;
}

size_t tap_loader_drain(struct tap_loader *tap, size_t budget, tap_loader_fn *fn, void *arg)
{
	struct tap *t;

	tap->left = budget;
	tap->fn = fn;
	tap->arg = arg;
	for (size_t i = 0; i < TAP_KINDS && tap->left; i++) {
		t = &tap->taps[(tap->turn + i) % TAP_KINDS];
		if (t->ring)
			ring_buffer__consume(t->ring);
	}
	tap->turn = (tap->turn + 1) % TAP_KINDS;
	return budget - tap->left;
}

const struct tap_status *tap_loader_status(const struct tap_loader *tap, enum tap_kind kind)
{
	OR_ASSERT((unsigned int)kind < TAP_KINDS);
	return &tap->taps[kind].status;
}

const char *tap_loader_state_name(enum tap_state state)
{
	static const char *const names[TAP_STATES] = {
	    [TAP_OFF] = "off",
	    [TAP_ATTACHED] = "attached",
	    [TAP_DENIED] = "denied",
	    [TAP_UNSUPPORTED] = "unsupported",
	};

	OR_ASSERT((unsigned int)state < TAP_STATES);
	return names[state];
}

/* ---- counters */

static uint64_t read_missed(const struct tap *t)
{
	struct bpf_prog_info info;
	struct bpf_program *prog;
	uint32_t size;
	uint64_t n = 0;

	bpf_object__for_each_program(prog, t->object)
	{
		size = sizeof(info);
		memset(&info, 0, sizeof(info));
		if (bpf_program__fd(prog) >= 0 &&
		    bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &size) == 0)
			n += info.recursion_misses;
	}
	return n;
}

void tap_loader_stats(struct tap_stats *out, const struct tap_loader *tap, enum tap_kind kind)
{
	const struct tap *t = &tap->taps[kind];
	size_t size = (size_t)tap->cpus * sizeof(*tap->per_cpu);
	uint32_t zero = 0;

	OR_ASSERT((unsigned int)kind < TAP_KINDS);
	*out = (struct tap_stats){.received = t->received, .malformed = t->malformed};
	if (!t->object)
		return;
	out->missed = read_missed(t);
	if (bpf_map__lookup_elem(t->counts, &zero, sizeof(zero), tap->per_cpu, size, 0) < 0)
		return;
	for (int i = 0; i < tap->cpus; i++) {
		out->seen += tap->per_cpu[i].seen;
		out->lost_ring += tap->per_cpu[i].lost_ring;
		out->untracked += tap->per_cpu[i].untracked;
	}
}
