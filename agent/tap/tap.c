/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tap/tap.h"

#include "agent/tap/datasets.h"
#include "agent/tap/sieve.h"
#include "base/log.h"
#include "base/mem.h"
#include "ebpf/feed.h"
#include "ebpf/stream/stream.h"

#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

/* How long after an event its loss is looked up: reading the counters costs system calls. */
#define LOSS_NS (5 * OR_NS_PER_S)

enum { END_DRAINS = 4096 };

struct tap {
	struct or_loop *loop;
	const struct ag_config *config;
	int fd;
	struct tap_loader *loader;
	struct tap_feed *feed;
	struct ag_sieve *sieve;
	struct tap_stream *stream; /* NULL: connections are not read */
	struct ag_datasets *datasets;
	struct or_loop_io *bytes;
	struct or_loop_timer *bytes_due;
	struct or_loop_io *asked;    /* the agent wants to know the state */
	struct or_loop_io *writable; /* the agent was behind */
	struct or_loop_timer *window, *loss_due;
	struct or_loop_signal *signals[2];
	struct ag_note state;
	struct ag_note loss; /* what was not sent yet */
	struct tap_stats told[TAP_KINDS];
	uint64_t told_segments;
};

static void on_writable(void *arg, int fd, int what)
{
	struct tap *t = arg;

	(void)fd;
	(void)what;
	if (!ag_sieve_flush(t->sieve) || !ag_datasets_flush(t->datasets))
		return;
	or_loop_io_cancel(t->writable);
	t->writable = NULL;
}

static enum or_code send_note(void *arg, const struct ag_note *note)
{
	struct tap *t = arg;
	enum or_code rc = ag_note_send(t->fd, note);

	if (rc == OR_FULL && !t->writable && t->feed)
		t->writable = or_loop_io_start(t->loop, t->fd, OR_LOOP_WRITE, on_writable, t);
	return rc;
}

/* ---- what is watched */

static void say(char *out, size_t room, const char *name, const char *why)
{
	size_t n = strlen(out);

	snprintf(out + n, room - n, "%s%s%s%s", n ? "; " : "", name, *name ? ": " : "", why);
}

static void fill_state(struct tap *t, const char *absent)
{
	struct ag_note_state *s = &t->state.state;

	t->state.type = AG_NOTE_STATE;
	s->pid = (uint32_t)getpid();
	s->restarts = (uint32_t)t->config->tap.restarts;
	if (t->config->tap.ended)
		snprintf(s->ended, sizeof(s->ended), "%s", t->config->tap.ended);
	if (absent)
		say(s->why, sizeof(s->why), "", absent);
	for (unsigned int i = 0; i < TAP_KINDS && t->loader && !absent; i++) {
		const struct tap_status *p = tap_loader_status(t->loader, (enum tap_kind)i);

		s->probe[i].state = p->state;
		snprintf(s->probe[i].hook, sizeof(s->probe[i].hook), "%s", p->hook);
		if (p->state == TAP_ATTACHED)
			s->tier = 1;
		else
			say(s->why, sizeof(s->why), tap_event_name((enum tap_kind)i), p->why);
	}
}

/* Before Linux 5.19 reading a map takes CAP_BPF where unprivileged bpf is switched off, and losses
 * would go unnoticed. CAP_BPF alone reads no memory of the kernel's. */
static uint32_t needed_to_count(void)
{
	struct utsname uts;
	unsigned int major = 0, minor = 0;

	if (uname(&uts) == 0 && sscanf(uts.release, "%u.%u", &major, &minor) == 2 &&
	    (major > 5 || (major == 5 && minor >= 19)))
		return 0;
	return CAP_TO_MASK(CAP_BPF);
}

/* The programs run on without them, and the rings are mapped: nothing more is ever asked of the
 * kernel than to read its counters. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct kept[_LINUX_CAPABILITY_U32S_3] = {{0}}, has[OR_LEN(kept)];
	uint32_t keep = needed_to_count();

	if (keep && syscall(SYS_capget, &head, has) == 0) {
		kept[CAP_TO_INDEX(CAP_BPF)].permitted = has[CAP_TO_INDEX(CAP_BPF)].permitted & keep;
		kept[CAP_TO_INDEX(CAP_BPF)].effective = kept[CAP_TO_INDEX(CAP_BPF)].permitted;
	}
	if (syscall(SYS_capset, &head, kept) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		OR_LOG(OR_LOG_WARN, "tap.kept_capabilities", or_log_i64("errno", errno));
}

static void on_access(void *arg, const struct tap_wire_access *access)
{
	ag_datasets_put(((struct tap *)arg)->datasets, access);
}

/* Where connections can't be read the rest is watched all the same. */
static void open_stream(struct tap *t)
{
	struct ag_note_state *s = &t->state.state;
	struct or_err err = {0};

	if (tap_stream_open(&t->stream, t->config->tap.cgroup, on_access, t, &err) != OR_OK)
		say(s->why, sizeof(s->why), "lineage", err.msg);
}

/* True where at least one probe watches the workload. */
static bool open_probes(struct tap *t)
{
	struct tap_loader_opt opt = {.private_tracefs = true};
	struct or_err err = {0};

	if (t->config->tap.absent) {
		fill_state(t, t->config->tap.absent);
		return false;
	}
	if (!t->config->tap.cgroup) {
		fill_state(t, "tap.cgroup is not given");
		return false;
	}
	if (tap_loader_open(&t->loader, &opt, &err) ||
	    tap_loader_watch(t->loader, t->config->tap.cgroup, &err)) {
		fill_state(t, err.msg);
		return false;
	}
	fill_state(t, NULL);
	if (t->config->tap.lineage && t->state.state.tier)
		open_stream(t);
	return t->state.state.tier > 0;
}

/* ---- what happens */

static void on_window(void *arg)
{
	struct tap *t = arg;

	t->window = NULL;
	ag_sieve_turn(t->sieve);
	ag_sieve_flush(t->sieve);
	if (ag_sieve_count(t->sieve))
		t->window = or_loop_timer_start(t->loop, t->config->tap.window_ns, on_window, t);
}

static void read_loss(struct tap *t)
{
	struct ag_note_loss *loss = &t->loss.loss;
	struct tap_stream_stats bytes;
	struct tap_stats now;

	for (unsigned int i = 0; i < TAP_KINDS; i++) {
		struct tap_stats *told = &t->told[i];

		tap_loader_stats(&now, t->loader, (enum tap_kind)i);
		loss->seen[i] += now.seen - told->seen;
		loss->ring[i] += now.lost_ring - told->lost_ring;
		loss->untracked[i] += now.untracked - told->untracked;
		loss->missed[i] += now.missed - told->missed;
		loss->malformed[i] += now.malformed - told->malformed;
		*told = now;
	}
	ag_sieve_take_loss(t->sieve, loss);
	loss->datasets += ag_datasets_take_crowded(t->datasets);
	if (!t->stream)
		return;
	tap_stream_stats(&bytes, t->stream);
	loss->segments += bytes.lost_ring - t->told_segments;
	t->told_segments = bytes.lost_ring;
}

static void on_event(void *arg, const struct tap_event *ev);

/* After a loss: what runs and is open now, so that nothing stays hidden that goes on. */
static void look_around(struct tap *t)
{
	struct or_err err;
	size_t found;

	if (tap_loader_look(t->loader, &found, on_event, t, &err))
		OR_LOG(OR_LOG_WARN, "tap.not_looked", or_log_text("why", err.msg));
	else
		OR_LOG(OR_LOG_WARN, "tap.lost_events", or_log_u64("found", found));
}

static uint64_t ring_losses(const struct tap *t)
{
	uint64_t n = 0;

	for (size_t i = 0; i < TAP_KINDS; i++)
		n += t->told[i].lost_ring;
	return n;
}

/* What could not be sent stays in it, and goes with the next. */
static void send_loss(struct tap *t)
{
	read_loss(t);
	t->loss.type = AG_NOTE_LOSS;
	if (ag_note_send(t->fd, &t->loss) == OR_OK)
		memset(&t->loss, 0, sizeof(t->loss));
}

static void on_loss_due(void *arg)
{
	struct tap *t = arg;
	uint64_t lost;

	t->loss_due = NULL;
	lost = ring_losses(t);
	send_loss(t);
	if (ring_losses(t) > lost)
		look_around(t);
}

static void on_event(void *arg, const struct tap_event *ev)
{
	struct tap *t = arg;
	int64_t wall = tap_event_wall_ns(ev, or_loop_now_ns(t->loop), or_loop_wall_ns(t->loop));

	ag_sieve_put(t->sieve, ev, wall > 0 ? (uint64_t)wall : 1);
	if (!t->window && ag_sieve_count(t->sieve))
		t->window = or_loop_timer_start(t->loop, t->config->tap.window_ns, on_window, t);
	if (!t->loss_due)
		t->loss_due = or_loop_timer_start(t->loop, LOSS_NS, on_loss_due, t);
}

/* ---- connections, as tap_feed does it with events */

static void on_bytes(void *arg, int fd, int what);

static void on_bytes_due(void *arg)
{
	struct tap *t = arg;

	t->bytes_due = NULL;
	if (tap_stream_drain(t->stream, TAP_FEED_BUDGET) == TAP_FEED_BUDGET)
		t->bytes_due = or_loop_timer_start(t->loop, 0, on_bytes_due, t);
	else
		t->bytes =
		    or_loop_io_start(t->loop, tap_stream_fd(t->stream), OR_LOOP_READ, on_bytes, t);
	if (!t->loss_due)
		t->loss_due = or_loop_timer_start(t->loop, LOSS_NS, on_loss_due, t);
}

static void on_bytes(void *arg, int fd, int what)
{
	struct tap *t = arg;

	(void)fd;
	(void)what;
	or_loop_io_cancel(t->bytes);
	t->bytes = NULL;
	t->bytes_due = or_loop_timer_start(t->loop, TAP_FEED_DELAY_NS, on_bytes_due, t);
}

static void on_asked(void *arg, int fd, int what)
{
	struct tap *t = arg;
	char byte;
	ssize_t n = 0;

	(void)what;
	for (int i = 0; i < 64 && (n = recv(fd, &byte, 1, MSG_DONTWAIT)) > 0; i++)
		;
	if (n == 0) { /* the supervisor is gone, and soon so are we */
		or_loop_io_cancel(t->asked);
		t->asked = NULL;
		or_loop_stop(t->loop);
		return;
	}
	(void)!ag_note_send(t->fd, &t->state);
	ag_datasets_again(t->datasets);
	ag_datasets_flush(t->datasets);
}

static void on_signal(void *arg, int signo)
{
	(void)signo;
	or_loop_stop(((struct tap *)arg)->loop);
}

/* ---- from the beginning to the end */

static void start(struct tap *t)
{
	static const int numbers[] = {SIGTERM, SIGINT};
	struct ag_sieve_opt opt = {.ignore = t->config->tap.ignore,
	    .args = t->config->tap.args,
	    .fn = send_note,
	    .arg = t};

	t->sieve = ag_sieve_new(&opt);
	for (size_t i = 0; i < OR_LEN(numbers); i++)
		t->signals[i] = or_loop_signal_start(t->loop, numbers[i], on_signal, t);
	t->feed = tap_feed_start(t->loop, t->loader, on_event, t);
	if (t->stream)
		t->bytes =
		    or_loop_io_start(t->loop, tap_stream_fd(t->stream), OR_LOOP_READ, on_bytes, t);
	t->asked = or_loop_io_start(t->loop, t->fd, OR_LOOP_READ, on_asked, t);
}

static void stop(struct tap *t)
{
	tap_feed_cancel(t->feed);
	t->feed = NULL;
	or_loop_io_cancel(t->bytes);
	or_loop_timer_cancel(t->bytes_due);
	or_loop_io_cancel(t->asked);
	or_loop_io_cancel(t->writable);
	or_loop_timer_cancel(t->window);
	or_loop_timer_cancel(t->loss_due);
	t->asked = t->writable = NULL;
	t->window = t->loss_due = NULL;
}

/* The last of it: the agent reads on until it is told to end, which is after us. */
static void tell_rest(struct tap *t)
{
	struct pollfd p = {.fd = t->fd, .events = POLLOUT};
	int64_t wait_ms = AG_TAP_END_NS / OR_NS_PER_MS;

	for (int i = 0; i < END_DRAINS; i++)
		if (!tap_loader_drain(t->loader, TAP_FEED_BUDGET, on_event, t))
			break;
	for (int i = 0; t->stream && i < END_DRAINS; i++)
		if (!tap_stream_drain(t->stream, TAP_FEED_BUDGET))
			break;
	ag_sieve_turn(t->sieve);
	while (!(ag_sieve_flush(t->sieve) && ag_datasets_flush(t->datasets)) && wait_ms > 0) {
		poll(&p, 1, 10);
		wait_ms -= 10;
	}
	send_loss(t);
	t->state.state.tier = 0;
	t->state.state.stopped = 1;
	snprintf(t->state.state.why, sizeof(t->state.state.why), "the tap was told to end");
	(void)!ag_note_send(t->fd, &t->state);
	or_loop_timer_cancel(t->window);
	or_loop_timer_cancel(t->loss_due);
}

static void log_state(const struct ag_note_state *s)
{
	OR_LOG(s->tier ? OR_LOG_INFO : OR_LOG_WARN, s->tier ? "tap.watches" : "tap.absent",
	    or_log_u64("tier", s->tier), or_log_text("why", s->why));
}

int ag_tap_run(
    struct or_loop *loop, const struct ag_config *config, or_loop_fn *on_ready, void *arg)
{
	struct tap t = {.loop = loop, .config = config, .fd = (int)config->tap.fd};
	bool watches;

	t.datasets = ag_datasets_new(send_note, &t);
	watches = open_probes(&t);

	drop_capabilities();
	log_state(&t.state.state);
	if (watches)
		start(&t);
	if (ag_note_send(t.fd, &t.state))
		OR_LOG(OR_LOG_ERROR, "tap.untold", or_log_i64("errno", errno));
	on_ready(arg);
	if (watches) {
		or_loop_run(loop);
		stop(&t);
		tell_rest(&t);
		for (size_t i = 0; i < OR_LEN(t.signals); i++)
			or_loop_signal_cancel(t.signals[i]);
		ag_sieve_free(t.sieve);
	}
	tap_stream_close(t.stream);
	ag_datasets_free(t.datasets);
	tap_loader_close(t.loader);
	return watches ? 0 : AG_TAP_EXIT_ABSENT;
}
