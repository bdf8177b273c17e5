/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/loader.h"

#include "base/mem.h"
#include "base/sys.h"
#include "ebpf/look/look.h"
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

/* What came of a CPU's numbers. */
struct sequence {
	uint64_t last, received;
};

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
	struct sequence *sequences; /* by CPU */
};

struct tap_loader {
	int epoll;
	int measuring;       /* an fd that keeps the kernel's timing on, or -1 */
	uint32_t ring_bytes; /* 0: as the probe says */
	int cpus;
	struct tap_raw_counts *per_cpu; /* one per CPU, for reading counters */
	struct tap taps[TAP_KINDS];
	struct tap_look *look;  /* NULL: not possible here */
	struct or_err look_why; /* why */
	unsigned int turn;      /* whose ring is drained first */
	size_t left;            /* of the budget of the drain that runs */
	size_t handed;          /* by it, so far */
	tap_loader_fn *fn;
	void *arg;
	struct tap_event event;
};

/* ---- attaching */

/* Libbpf's first complaint about a hook, which says more than errno (the later ones are what
 * follows from it). The library has one such hook per process. */
static char complaint[160];

OR_PRINTF(2, 0)
static int on_print(enum libbpf_print_level level, const char *fmt, va_list args)
{
	if (level != LIBBPF_WARN || complaint[0])
		return 0;
	vsnprintf(complaint, sizeof(complaint), fmt, args);
	complaint[strcspn(complaint, "\n")] = '\0';
	return 0;
}

static bool is_permission(int error)
{
	return error == EPERM || error == EACCES;
}

/* Adds the reason why one more hook is not it. */
static void add_why(
    struct tap *t, const struct tap_hook *hook, const char *reason, const char *more)
{
	char *why = t->status.why;
	size_t n = strlen(why);

	snprintf(why + n, sizeof(t->status.why) - n, "%s%s: %s%s%s%s", n ? "; " : "", hook->name,
	    reason, more[0] ? " (" : "", more, more[0] ? ")" : "");
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
	t->hook = NULL;
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
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = t->probe->name);
	struct bpf_program *prog;
	struct bpf_map *ring;
	uint32_t bytes;

	t->object = bpf_object__open_mem(t->probe->object->p, t->probe->object->n, &opts);
	if (!t->object)
		return errno;
	bpf_object__for_each_program(prog, t->object)
	{
		bpf_program__set_autoload(prog, false);
	}
	for (size_t i = 0; i < TAP_HOOK_PROGS && hook->progs[i]; i++) {
		prog = bpf_object__find_program_by_name(t->object, hook->progs[i]);
		OR_ASSERT(prog);
		bpf_program__set_autoload(prog, true);
	}
	ring = bpf_object__find_map_by_name(t->object, "ring");
	t->counts = bpf_object__find_map_by_name(t->object, "counts");
	t->filter = bpf_object__find_map_by_name(t->object, "filter");
	OR_ASSERT(ring && t->counts && t->filter);
	bytes = t->owner->ring_bytes ? t->owner->ring_bytes : t->probe->ring_bytes;
	if (bpf_map__set_max_entries(ring, bytes) < 0)
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

/* Two tasks that took turns on a CPU may come in the other order, hence no check of it. */
static bool take_number(struct tap *t, const struct tap_event *ev)
{
	struct sequence *s;

	if (ev->seq == 0 || ev->cpu >= (uint32_t)t->owner->cpus)
		return false;
	s = &t->sequences[ev->cpu];
	s->received++;
	if (ev->seq > s->last)
		s->last = ev->seq;
	return true;
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct tap *t = ctx;
	struct tap_loader *tap = t->owner;

	if (tap_event_decode(&tap->event, or_slice(data, size)) != OR_OK ||
	    !take_number(t, &tap->event)) {
		t->malformed++;
		return 0;
	}
	t->received++;
	tap->handed++;
	tap->left--;
	tap->fn(tap->arg, &tap->event);
	return tap->left ? 0 : STOP;
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
		if (is_permission(error))
			t->status.state = TAP_DENIED;
		add_why(t, hook, strerror(error), is_permission(error) ? "" : complaint);
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
			add_why(t, hook, "tracefs is not mounted at /sys/kernel/tracing", "");
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

static struct tap_loader *new_loader(int epoll, const struct tap_loader_opt *opt)
{
	struct tap_loader *tap = or_mem_new(sizeof(*tap));

	tap->epoll = epoll;
	tap->measuring = opt->measure ? bpf_enable_stats(BPF_STATS_RUN_TIME) : -1;
	tap->ring_bytes = opt->ring_bytes;
	tap->cpus = libbpf_num_possible_cpus();
	OR_ASSERT(tap->cpus > 0);
	tap->per_cpu = or_mem_array((size_t)tap->cpus, sizeof(*tap->per_cpu));
	for (size_t i = 0; i < TAP_KINDS; i++) {
		tap->taps[i] = (struct tap){.probe = tap_probe_list[i], .owner = tap};
		tap->taps[i].status.hook = "";
		tap->taps[i].sequences = or_mem_array((size_t)tap->cpus, sizeof(struct sequence));
	}
	return tap;
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
	libbpf_set_print(on_print);
	if (opt->private_tracefs) /* where it fails the probe that misses it says so */
		tap_tracefs_mount_private(NULL);
	tap = new_loader(epoll, opt);
	for (unsigned int i = 0; i < TAP_KINDS; i++)
		if (!opt->probes || opt->probes & (1U << i))
			attach(&tap->taps[i]);
	if (tap->taps[TAP_EXEC].object || tap->taps[TAP_FILE].object)
		(void)!tap_look_open(&tap->look, &tap->look_why);
	or_mem_trim(); /* libbpf read the kernel's BTF, 5 MiB and more, several times */
	*out = tap;
	return OR_OK;
}

static void close_tap(struct tap *t)
{
	detach(t);
	or_mem_free(t->sequences);
}

void tap_loader_close(struct tap_loader *tap)
{
	if (!tap)
		return;
	for (size_t i = 0; i < TAP_KINDS; i++)
		close_tap(&tap->taps[i]);
	tap_look_close(tap->look);
	if (tap->measuring >= 0)
		or_sys_close(tap->measuring);
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
	if (rc == OR_OK && tap->look && f.on)
		rc = tap_look_watch(tap->look, &f, err);
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
	tap->handed = 0;
	tap->fn = fn;
	tap->arg = arg;
	for (size_t i = 0; i < TAP_KINDS && tap->left; i++) {
		t = &tap->taps[(tap->turn + i) % TAP_KINDS];
		if (t->ring)
			ring_buffer__consume(t->ring);
	}
	tap->turn = (tap->turn + 1) % TAP_KINDS;
	return tap->handed;
}

void tap_loader_break(struct tap_loader *tap)
{
	tap->left = 0;
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

/* ---- looking */

static void on_found(void *arg, struct or_slice raw)
{
	struct tap_loader *tap = arg;

	/* What grew past its bounds while it was read is left out. */
	if (tap_event_decode(&tap->event, raw) != OR_OK || !(tap->event.flags & TAP_FOUND))
		return;
	tap->handed++;
	tap->fn(tap->arg, &tap->event);
}

enum or_code tap_loader_look(
    struct tap_loader *tap, size_t *found, tap_loader_fn *fn, void *arg, struct or_err *err)
{
	static const enum tap_kind kinds[] = {TAP_EXEC, TAP_FILE};
	enum or_code rc = OR_OK;

	if (!tap->look)
		return or_err_set(err, tap->look_why.code ? tap->look_why.code : OR_UNSUPPORTED,
		    "looking at what is there: %s", tap->look_why.msg);
	tap->fn = fn;
	tap->arg = arg;
	tap->handed = 0;
	for (size_t i = 0; i < OR_LEN(kinds) && rc == OR_OK; i++)
		if (tap->taps[kinds[i]].object)
			rc = tap_look_run(
			    tap->look, kinds[i], TAP_LOADER_FOUND_MAX, on_found, tap, err);
	*found = tap->handed;
	return rc;
}

/* ---- counters */

static bool read_info(struct bpf_prog_info *info, const struct bpf_program *prog)
{
	uint32_t size = sizeof(*info);

	memset(info, 0, size);
	return bpf_program__fd(prog) >= 0 &&
	       bpf_obj_get_info_by_fd(bpf_program__fd(prog), info, &size) == 0;
}

static uint64_t read_missed(const struct tap *t)
{
	struct bpf_prog_info info;
	struct bpf_program *prog;
	uint64_t n = 0;

	bpf_object__for_each_program(prog, t->object)
	{
		if (read_info(&info, prog))
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
	for (int i = 0; i < tap->cpus; i++)
		out->holes += t->sequences[i].last - t->sequences[i].received;
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

static size_t read_costs(struct tap_cost *out, const struct tap *t)
{
	struct bpf_prog_info info;
	const char *name;
	size_t n = 0;

	for (size_t i = 0; i < TAP_HOOK_PROGS && t->hook && t->hook->progs[i]; i++) {
		name = t->hook->progs[i];
		if (!t->links[i] ||
		    !read_info(&info, bpf_object__find_program_by_name(t->object, name)))
			continue;
		out[n].program = name;
		out[n].runs = info.run_cnt;
		out[n].ns = info.run_time_ns;
		n++;
	}
	return n;
}

size_t tap_loader_costs(struct tap_cost out[TAP_LOADER_COSTS], const struct tap_loader *tap)
{
	size_t n = 0;

	for (size_t i = 0; i < TAP_KINDS; i++)
		n += read_costs(out + n, &tap->taps[i]);
	return n;
}
