/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tap/observe.h"

#include "agent/gate/trace.h"
#include "agent/tap/observe_record.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NOTES_PER_TURN = 64, BURST_S = 10 };

enum life { ABSENT, STARTING, RUNNING, ENDED };

enum drop {
	DROP_RATE,
	DROP_QUOTA,
	DROP_RING,
	DROP_MAP,
	DROP_MISSED,
	DROP_CROWDED,
	DROP_OTHER,
	DROPS,
};
static const char *const drop_names[DROPS] = {
    "rate", "quota", "ring", "map", "missed", "crowded", "other"};

/* What the kernel lost of one kind, by why. */
enum loss { LOSS_RING, LOSS_MAP, LOSS_MISSED, LOSSES };
static const char *const loss_names[LOSSES] = {"ring", "map", "missed"};

struct class
{
	uint64_t seen, lost[LOSSES];
	struct or_metric_counter *lost_total[LOSSES];
};

struct ag_observe {
	struct ag_observe_opt opt;
	char *workload;
	struct or_loop_io *io;
	enum life life;
	struct ag_note_state state;
	bool state_known; /* a record says it */
	int pidfd;        /* of the tap; -1: not watched */
	struct or_loop_io *ended;
	int64_t next_ns[TAP_KINDS]; /* GCRA: when the budget of a kind is whole again */
	uint64_t seen, ignored, recorded;
	struct class classes[TAP_KINDS];
	uint64_t dropped[DROPS];
	uint64_t reported[DROPS]; /* of those, in records */
	struct or_loop_timer *loss_due;
	struct or_metric_gauge *tier;
	struct or_metric_counter *seen_total, *ignored_total, *records_total, *restarts_total;
	struct or_metric_counter *dropped_total[DROPS];
};

static const char *life_name(enum life life)
{
	static const char *const names[] = {"absent", "starting", "running", "ended"};

	return names[life];
}

/* ---- records */

static bool has_room(const struct ag_observe *o)
{
	struct ag_spool_info info;
	uint64_t quota;

	ag_spool_get_info(&info, o->opt.spool);
	quota =
	    o->opt.quota_bytes < info.quota_bytes / 2 ? o->opt.quota_bytes : info.quota_bytes / 2;
	return info.bytes + AG_OBSERVE_RECORD_MAX <= quota && ag_record_has_room(o->opt.record);
}

static enum or_code put_record(struct ag_observe *o, struct wire_audit *rec)
{
	struct ag_trace trace;
	enum or_code rc;

	if (!has_room(o))
		return OR_FULL;
	ag_trace_start(&trace);
	rec->phase = WIRE_PHASE_COMPLETE;
	rec->principal.type = OR_SLICE_LIT("Workload");
	rec->principal.id = or_slice_str(o->workload);
	rec->trace_id = or_slice(trace.id, sizeof(trace.id));
	rec->span_id = or_slice(trace.span, sizeof(trace.span));
	rc = ag_record_put(o->opt.record, rec, OR_SLICE_NONE, NULL);
	if (rc == OR_OK) {
		o->recorded++;
		or_metric_add(o->records_total, 1);
	}
	return rc;
}

static void on_loss_due(void *arg);

static void drop(struct ag_observe *o, enum drop why, uint64_t n)
{
	if (!n)
		return;
	o->dropped[why] += n;
	or_metric_add(o->dropped_total[why], n);
	if (!o->loss_due)
		o->loss_due = or_loop_timer_start(o->opt.loop, AG_OBSERVE_LOSS_NS, on_loss_due, o);
}

static void report_loss(struct ag_observe *o)
{
	struct ag_observe_record r;
	uint64_t n = 0;

	ag_observe_record_start(&r, WIRE_KIND_ADMIN, "observe", "observation_incomplete");
	for (size_t i = 0; i < DROPS; i++) {
		uint64_t more = o->dropped[i] - o->reported[i];

		if (more)
			ag_observe_record_count(&r, drop_names[i], more);
		n += more;
	}
	if (n && put_record(o, &r.audit) == OR_OK)
		memcpy(o->reported, o->dropped, sizeof(o->reported));
}

static bool owes_report(const struct ag_observe *o)
{
	return memcmp(o->reported, o->dropped, sizeof(o->reported)) != 0;
}

/* Where the spool has no room for it, it is tried again. */
static void on_loss_due(void *arg)
{
	struct ag_observe *o = arg;

	o->loss_due = NULL;
	report_loss(o);
	if (owes_report(o))
		o->loss_due = or_loop_timer_start(o->opt.loop, AG_OBSERVE_LOSS_NS, on_loss_due, o);
}

/* The generic cell rate algorithm: BURST_S seconds' worth may come at once. */
static bool take_rate(struct ag_observe *o, enum tap_kind kind)
{
	int64_t now = or_loop_now_ns(o->opt.loop), *next = &o->next_ns[kind];

	if (*next - now > BURST_S * OR_NS_PER_S)
		return false;
	*next = (*next > now ? *next : now) + OR_NS_PER_S / (int64_t)o->opt.rate;
	return true;
}

static void on_seen(struct ag_observe *o, const struct ag_note_seen *seen)
{
	struct ag_observe_record r;

	uint64_t counts = seen->flags & TAP_FOUND ? 0 : seen->count;

	if (!take_rate(o, (enum tap_kind)seen->kind)) {
		drop(o, DROP_RATE, counts);
		return;
	}
	ag_observe_record_seen(&r, seen);
	if (put_record(o, &r.audit))
		drop(o, DROP_QUOTA, counts);
}

static uint64_t sum(const uint64_t n[TAP_KINDS])
{
	uint64_t all = 0;

	for (size_t i = 0; i < TAP_KINDS; i++)
		all += n[i];
	return all;
}

static void count_classes(struct ag_observe *o, const struct ag_note_loss *loss)
{
	for (size_t i = 0; i < TAP_KINDS; i++) {
		const uint64_t lost[LOSSES] = {loss->ring[i], loss->untracked[i], loss->missed[i]};
		struct class *c = &o->classes[i];

		c->seen += loss->seen[i];
		for (size_t k = 0; k < LOSSES; k++) {
			c->lost[k] += lost[k];
			or_metric_add(c->lost_total[k], lost[k]);
		}
	}
}

static void on_loss(struct ag_observe *o, const struct ag_note_loss *loss)
{
	count_classes(o, loss);
	o->seen += sum(loss->seen);
	o->ignored += sum(loss->ignored);
	or_metric_add(o->seen_total, sum(loss->seen));
	or_metric_add(o->ignored_total, sum(loss->ignored));
	drop(o, DROP_RING, sum(loss->ring));
	drop(o, DROP_CROWDED, sum(loss->crowded));
	drop(o, DROP_MAP, sum(loss->untracked));
	drop(o, DROP_MISSED, sum(loss->missed));
	drop(o, DROP_OTHER, sum(loss->malformed) + loss->segments + loss->datasets);
}

/* ---- what is watched */

static void log_state(const struct ag_observe *o, const char *reason)
{
	bool is_fine = o->life == RUNNING || o->state.stopped;

	OR_LOG(is_fine ? OR_LOG_INFO : OR_LOG_WARN, "tap.state", or_log_text("reason", reason),
	    or_log_text("why", o->state.why), or_log_text("ended", o->state.ended));
}

static void say_state(struct ag_observe *o, const char *reason)
{
	struct ag_observe_record r;

	or_metric_set(o->tier, o->life == RUNNING ? (double)o->state.tier : 0);
	ag_observe_record_start(&r, WIRE_KIND_ADMIN, "observe", reason);
	r.audit.front = WIRE_FRONT_AGENT;
	ag_observe_record_text(&r, "tier", o->life == RUNNING && o->state.tier ? "T1" : "T0");
	ag_observe_record_text(&r, "why", o->state.why);
	ag_observe_record_text(&r, "ended", o->state.ended);
	for (unsigned int i = 0; i < TAP_KINDS; i++)
		if (o->life == RUNNING)
			ag_observe_record_text(
			    &r, tap_event_name((enum tap_kind)i), o->state.probe[i].hook);
	o->state_known = put_record(o, &r.audit) == OR_OK;
	log_state(o, reason);
}

static void drop_pidfd(struct ag_observe *o)
{
	or_loop_io_cancel(o->ended);
	o->ended = NULL;
	if (o->pidfd >= 0)
		close(o->pidfd);
	o->pidfd = -1;
}

static void take_notes(struct ag_observe *o, int max);

static void on_tap_end(void *arg, int fd, int what)
{
	struct ag_observe *o = arg;

	(void)fd;
	(void)what;
	drop_pidfd(o);
	take_notes(o, INT32_MAX); /* its last words, or those of the next one */
	if (o->ended || o->life != RUNNING)
		return;
	o->life = ENDED;
	snprintf(o->state.why, sizeof(o->state.why),
	    "the tap (pid %u) ended; outrider run starts it again, with back-off", o->state.pid);
	say_state(o, "tap_ended");
}

/* Watches the tap's end. Without pidfds (before Linux 5.3) a dead tap shows when the next starts.
 */
static void watch_tap(struct ag_observe *o)
{
	drop_pidfd(o);
	o->pidfd = (int)syscall(SYS_pidfd_open, o->state.pid, 0);
	if (o->pidfd >= 0)
		o->ended = or_loop_io_start(o->opt.loop, o->pidfd, OR_LOOP_READ, on_tap_end, o);
	else if (errno == ESRCH)
		o->life = ENDED;
}

static const char *reason_of(const struct ag_note_state *s)
{
	if (s->stopped)
		return "tap_stopped";
	if (!s->tier)
		return "tap_absent";
	return s->why[0] ? "tap_limited" : "tap_running";
}

static void on_state(struct ag_observe *o, const struct ag_note_state *state)
{
	if (o->state_known && o->life != ENDED && memcmp(&o->state, state, sizeof(*state)) == 0)
		return;
	if (state->restarts > o->state.restarts)
		or_metric_add(o->restarts_total, state->restarts - o->state.restarts);
	o->state = *state;
	drop_pidfd(o);
	o->life = state->stopped ? ENDED : ABSENT;
	if (state->tier) {
		o->life = RUNNING;
		watch_tap(o);
	}
	say_state(o, reason_of(state));
}

/* ---- notes */

static void take_notes(struct ag_observe *o, int max)
{
	struct ag_note note;

	for (int i = 0; i < max; i++) {
		enum or_code rc = ag_note_receive(&note, o->opt.fd);

		if (rc == OR_PARSE) {
			drop(o, DROP_OTHER, 1);
			continue;
		}
		if (rc == OR_CLOSED || rc == OR_IO) {
			or_loop_io_cancel(o->io);
			o->io = NULL;
		}
		if (rc)
			return;
		if (note.type == AG_NOTE_STATE)
			on_state(o, &note.state);
		else if (note.type == AG_NOTE_SEEN)
			on_seen(o, &note.seen);
		else if (note.type == AG_NOTE_DATASET) {
			if (o->opt.observed)
				ag_observed_put(o->opt.observed, &note.dataset);
		} else
			on_loss(o, &note.loss);
	}
}

static void on_note(void *arg, int fd, int what)
{
	(void)fd;
	(void)what;
	take_notes(arg, NOTES_PER_TURN);
}

static void make_loss_metrics(struct ag_observe *o, struct or_metric_registry *reg)
{
	for (size_t i = 0; i < TAP_KINDS; i++) {
		for (size_t k = 0; k < LOSSES; k++) {
			struct or_metric_label labels[] = {
			    {"kind", tap_event_name((enum tap_kind)i)}, {"reason", loss_names[k]},
			    {NULL, NULL}};

			o->classes[i].lost_total[k] = or_metric_counter_get(reg,
			    "outrider_tap_lost_total",
			    "What the kernel saw of the workload and could not hand over: its ring "
			    "or table was full, or it skipped the program.",
			    labels);
		}
	}
}

static void make_metrics(struct ag_observe *o, struct or_metric_registry *reg)
{
	static struct or_metric_counter nobody;
	static struct or_metric_gauge nothing;

	o->tier = &nothing;
	o->seen_total = o->ignored_total = o->records_total = o->restarts_total = &nobody;
	for (size_t i = 0; i < DROPS; i++)
		o->dropped_total[i] = &nobody;
	for (size_t i = 0; i < TAP_KINDS; i++)
		for (size_t k = 0; k < LOSSES; k++)
			o->classes[i].lost_total[k] = &nobody;
	if (!reg)
		return;
	make_loss_metrics(o, reg);
	o->tier = or_metric_gauge_get(reg, "outrider_tap_tier",
	    "1 where the workload is watched through eBPF, 0 where it is not.", NULL);
	o->seen_total = or_metric_counter_get(reg, "outrider_tap_seen_total",
	    "Process starts, connections and openings of the workload, in the kernel.", NULL);
	o->ignored_total = or_metric_counter_get(
	    reg, "outrider_tap_ignored_total", "Of those, left out by tap.ignore.", NULL);
	o->records_total = or_metric_counter_get(
	    reg, "outrider_tap_records_total", "Audit records of observed behaviour.", NULL);
	o->restarts_total = or_metric_counter_get(
	    reg, "outrider_tap_restarts_total", "How often the tap had to be started again.", NULL);
	for (size_t i = 0; i < DROPS; i++) {
		struct or_metric_label labels[] = {{"reason", drop_names[i]}, {NULL, NULL}};

		o->dropped_total[i] = or_metric_counter_get(reg, "outrider_tap_dropped_total",
		    "What the workload did and no record tells.", labels);
	}
}

struct ag_observe *ag_observe_new(const struct ag_observe_opt *opt)
{
	struct ag_observe *o = or_mem_new(sizeof(*o));

	OR_ASSERT(opt->rate > 0);
	o->opt = *opt;
	o->workload = or_mem_strdup(opt->workload);
	o->pidfd = -1;
	make_metrics(o, opt->registry);
	if (opt->fd > 0) {
		o->life = STARTING;
		o->io = or_loop_io_start(opt->loop, opt->fd, OR_LOOP_READ, on_note, o);
		(void)!send(opt->fd, "?", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		return o;
	}
	snprintf(o->state.why, sizeof(o->state.why),
	    "the agent was started without a tap beside it (outrider run starts one)");
	say_state(o, "tap_absent");
	return o;
}

void ag_observe_drain(struct ag_observe *o)
{
	if (o->io)
		take_notes(o, INT32_MAX);
	if (owes_report(o))
		report_loss(o);
}

void ag_observe_free(struct ag_observe *o)
{
	if (!o)
		return;
	ag_observe_drain(o);
	drop_pidfd(o);
	or_loop_io_cancel(o->io);
	or_loop_timer_cancel(o->loss_due);
	or_mem_free(o->workload);
	or_mem_free(o);
}

static void put_probes(struct or_jsonw *w, const struct ag_observe *o)
{
	or_jsonw_key(w, "probes");
	or_jsonw_object(w);
	for (unsigned int i = 0; i < TAP_KINDS; i++) {
		const char *hook = o->life == RUNNING ? o->state.probe[i].hook : "";

		or_jsonw_kv_text(w, tap_event_name((enum tap_kind)i), hook);
	}
	or_jsonw_end(w);
}

static void put_classes(struct or_jsonw *w, const struct ag_observe *o)
{
	or_jsonw_key(w, "classes");
	or_jsonw_object(w);
	for (unsigned int i = 0; i < TAP_KINDS; i++) {
		or_jsonw_key(w, tap_event_name((enum tap_kind)i));
		or_jsonw_object(w);
		or_jsonw_kv_u64(w, "seen", o->classes[i].seen);
		for (size_t k = 0; k < LOSSES; k++)
			or_jsonw_kv_u64(w, loss_names[k], o->classes[i].lost[k]);
		or_jsonw_end(w);
	}
	or_jsonw_end(w);
}

void ag_observe_put_status(struct or_jsonw *w, const struct ag_observe *o)
{
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "tier", o->life == RUNNING && o->state.tier ? "T1" : "T0");
	or_jsonw_kv_text(w, "state", life_name(o->life));
	or_jsonw_kv_text(w, "why", o->state.why);
	or_jsonw_kv_u64(w, "pid", o->life == RUNNING ? o->state.pid : 0);
	or_jsonw_kv_u64(w, "restarts", o->state.restarts);
	or_jsonw_kv_text(w, "ended", o->state.ended);
	put_probes(w, o);
	or_jsonw_kv_u64(w, "seen", o->seen);
	or_jsonw_kv_u64(w, "ignored", o->ignored);
	or_jsonw_kv_u64(w, "recorded", o->recorded);
	put_classes(w, o);
	if (o->opt.observed) {
		or_jsonw_key(w, "lineage");
		ag_observed_put_status(w, o->opt.observed);
	}
	or_jsonw_key(w, "dropped");
	or_jsonw_object(w);
	for (size_t i = 0; i < DROPS; i++)
		or_jsonw_kv_u64(w, drop_names[i], o->dropped[i]);
	or_jsonw_end(w);
	or_jsonw_end(w);
}
