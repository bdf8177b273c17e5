/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/ship/ship.h"

#include "agent/ship/ship_frame.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"

#include <stdio.h>

enum { DOUBLINGS_MAX = 20, BATCH_RECORDS = 1000, BARE_RECORDS = 50 };

static const int64_t REST_NS = 10 * OR_NS_PER_S;

/* What was given to the link: a batch, or one of its records where the link is bare. */
struct shot {
	struct lane *lane;
	void *call; /* of the link */
};

/* What one stream is doing. */
struct lane {
	struct ag_ship *ship;
	uint16_t stream;
	struct shot *shots; /* in the arena of the batch */
	size_t n_shots, n_open;
	struct or_err outcome;        /* the worst answer so far */
	int64_t wait_ns;              /* that it asks for */
	struct or_loop_timer *linger; /* running: a batch is growing */
	struct or_loop_timer *again;  /* running: it was refused */
	bool is_refused;
	bool has_more;          /* the last batch ended at a limit */
	bool is_heartbeat;      /* what is in flight */
	int64_t sent_ns;        /* monotonic: the last exchange began */
	struct or_arena *arena; /* of the batch in flight, as are these: */
	struct ag_spool_batch batch;
	struct or_buf frame;
	struct or_buf body;
};

struct metrics {
	struct or_metric_counter *records;
	struct or_metric_counter *bytes;
	struct or_metric_counter *heartbeats;
	struct or_metric_counter *failed;
	struct or_metric_counter *refused;
	struct or_metric_histogram *took;
};

struct ag_ship {
	struct ag_ship_opt opt;
	struct lane *lanes[AG_SPOOL_STREAMS_MAX];
	size_t n_lanes;
	struct or_loop_timer *retry; /* running: the collector is left alone */
	struct or_loop_timer *beat;
	struct or_loop_timer *rest; /* running: batches were sent not long ago */
	unsigned int n_failed;      /* in a row */
	struct ag_ship_info info;
	struct or_metric_registry *own_metrics;
	struct metrics metrics;
};

static void consider(struct lane *lane);

/* -- state -- */

const char *ag_ship_state_name(enum ag_ship_state state)
{
	static const char *const names[] = {[AG_SHIP_IDLE] = "idle",
	    [AG_SHIP_NO_CERT] = "no_cert",
	    [AG_SHIP_CONNECTED] = "connected",
	    [AG_SHIP_UNREACHABLE] = "unreachable",
	    [AG_SHIP_REFUSED] = "refused"};

	return names[state];
}

/* Says so once, when it changes; error may be NULL. */
static void set_state(struct ag_ship *ship, enum ag_ship_state state, const char *error)
{
	struct ag_ship_info *info = &ship->info;
	bool is_news = info->state != state;

	snprintf(info->error, sizeof(info->error), "%s", error ? error : "");
	if (!is_news)
		return;
	info->state = state;
	info->since_ns = or_loop_wall_ns(ship->opt.loop);
	if (state == AG_SHIP_CONNECTED)
		OR_LOG(OR_LOG_INFO, "ship.connected",
		    or_log_text(ship->opt.link->name, ship->opt.link->peer));
	else
		OR_LOG(state == AG_SHIP_REFUSED ? OR_LOG_ERROR : OR_LOG_WARN,
		    state == AG_SHIP_REFUSED   ? "ship.refused"
		    : state == AG_SHIP_NO_CERT ? "ship.no_certificate"
					       : "ship.unreachable",
		    or_log_text(ship->opt.link->name, ship->opt.link->peer),
		    or_log_text("error", info->error), or_log_u64("failures", info->failures));
}

static bool is_any_refused(const struct ag_ship *ship)
{
	for (size_t i = 0; i < ship->n_lanes; i++) {
		if (ship->lanes[i]->is_refused)
			return true;
	}
	return false;
}

static void get_stream(struct ag_spool_stream_info *out, const struct lane *lane)
{
	OR_ASSERT(ag_spool_get_stream(out, lane->ship->opt.spool, lane->stream));
}

static void drop_batch(struct lane *lane)
{
	or_buf_done(&lane->frame);
	or_buf_done(&lane->body);
	or_arena_free(lane->arena);
	lane->arena = NULL;
	lane->shots = NULL;
	lane->n_shots = 0;
	lane->batch = (struct ag_spool_batch){0};
}

/* -- when an exchange has ended -- */

static void consider_all(struct ag_ship *ship)
{
	for (size_t i = 0; i < ship->n_lanes; i++)
		consider(ship->lanes[i]);
}

static void on_retry(void *arg)
{
	struct ag_ship *ship = arg;

	ship->retry = NULL;
	consider_all(ship);
}

/* Half of the doubled time, and a random part of the other half. */
static int64_t retry_after_ns(const struct ag_ship *ship)
{
	unsigned int doublings = ship->n_failed - 1;
	int64_t ns = ship->opt.retry_min_ns;

	for (; doublings && ns < ship->opt.retry_max_ns; doublings--)
		ns *= 2;
	if (ns > ship->opt.retry_max_ns)
		ns = ship->opt.retry_max_ns;
	return ns / 2 + (int64_t)(or_rng_u64() % (uint64_t)(ns / 2 + 1));
}

static void fail(struct ag_ship *ship, const char *error, int64_t at_least_ns)
{
	int64_t ns;

	ship->info.failures++;
	or_metric_add(ship->metrics.failed, 1);
	if (ship->n_failed < DOUBLINGS_MAX)
		ship->n_failed++;
	if (!is_any_refused(ship))
		set_state(ship, AG_SHIP_UNREACHABLE, error);
	if (ship->retry)
		return;
	ns = retry_after_ns(ship);
	if (at_least_ns > ship->opt.retry_max_ns)
		at_least_ns = ship->opt.retry_max_ns;
	if (ns < at_least_ns)
		ns = at_least_ns;
	ship->retry = or_loop_timer_start(ship->opt.loop, ns, on_retry, ship);
}

/* What the batches took goes back to the system once in a while, at the latest when all is sent. */
static void on_rest(void *arg)
{
	struct ag_ship *ship = arg;

	ship->rest = NULL;
	or_mem_trim();
}

static void on_again(void *arg)
{
	struct lane *lane = arg;

	lane->again = NULL;
	consider(lane);
}

static void refuse(struct lane *lane, const char *error)
{
	struct ag_ship *ship = lane->ship;

	ship->info.refusals++;
	or_metric_add(ship->metrics.refused, 1);
	lane->is_refused = true;
	set_state(ship, AG_SHIP_REFUSED, error);
	lane->again = or_loop_timer_start(ship->opt.loop, ship->opt.retry_max_ns, on_again, lane);
}

static void succeed(struct lane *lane)
{
	struct ag_ship *ship = lane->ship;
	int64_t took_ns = or_loop_now_ns(ship->opt.loop) - lane->sent_ns;

	ship->n_failed = 0;
	ship->info.last_ok_ns = or_loop_wall_ns(ship->opt.loop);
	or_metric_observe(ship->metrics.took, (double)took_ns / (double)OR_NS_PER_S);
	if (lane->is_heartbeat) {
		ship->info.heartbeats++;
		or_metric_add(ship->metrics.heartbeats, 1);
	} else {
		ship->info.batches++;
		ship->info.records += lane->batch.n_records;
		or_metric_add(ship->metrics.records, lane->batch.n_records);
		or_metric_add(ship->metrics.bytes,
		    ship->opt.link->is_bare ? lane->batch.bytes : lane->body.n);
		lane->has_more = lane->batch.is_full;
		ag_spool_read_ack(ship->opt.spool, lane->stream, &lane->batch);
		if (!ship->rest)
			ship->rest = or_loop_timer_start(ship->opt.loop, REST_NS, on_rest, ship);
	}
	lane->is_refused = false;
	if (!is_any_refused(ship))
		set_state(ship, AG_SHIP_CONNECTED, NULL);
	drop_batch(lane);
	if (ship->retry) {
		or_loop_timer_cancel(ship->retry);
		ship->retry = NULL;
		consider_all(ship);
	} else {
		consider(lane);
	}
}

/* A refusal outweighs what may go better next time. */
static void note_outcome(struct lane *lane, const struct ag_link_answer *answer)
{
	if (answer->code == OR_OK || lane->outcome.code == OR_DENIED)
		return;
	or_err_set(&lane->outcome, answer->code, "%s", answer->detail);
	lane->wait_ns = answer->wait_ns;
}

static void on_answer(void *arg, const struct ag_link_answer *answer)
{
	struct shot *shot = arg;
	struct lane *lane = shot->lane;

	shot->call = NULL;
	lane->n_open--;
	note_outcome(lane, answer);
	if (lane->n_open)
		return;
	if (lane->outcome.code == OR_OK) {
		succeed(lane);
		return;
	}
	drop_batch(lane);
	if (lane->outcome.code == OR_DENIED)
		refuse(lane, lane->outcome.msg);
	else
		fail(lane->ship, lane->outcome.msg, lane->wait_ns);
}

/* -- sending -- */

/* Gives a batch, lane->batch or one of its records, to the link. */
static enum or_code give(struct lane *lane, struct shot *shot, const char *stream,
    const struct ag_spool_batch *what, struct or_err *err)
{
	struct ag_ship *ship = lane->ship;
	const struct ag_link *link = ship->opt.link;
	struct ag_ship_frame_in in = {.batch = what,
	    .stream = stream,
	    .cert = ship->opt.cert(ship->opt.cert_arg),
	    .key = ship->opt.key,
	    .sent_ns = or_loop_wall_ns(ship->opt.loop)};
	struct or_slice name = or_slice_str(stream);
	size_t slash = or_str_find(name, '/', 0);
	struct ag_link_batch batch = {.topic = or_slice(name.p, slash),
	    .key = or_slice_from(name, slash < name.n ? slash + 1 : slash)};
	enum or_code rc;

	or_buf_done(&lane->frame);
	rc = ag_ship_frame_build(&lane->frame, link->is_bare ? NULL : &lane->body, &in, err);
	if (rc)
		return rc;
	batch.frame = or_buf_slice(&lane->frame);
	batch.body = link->is_bare ? what->records[0] : or_buf_slice(&lane->body);
	shot->lane = lane;
	rc = link->send(link->self, &shot->call, &batch, on_answer, shot, err);
	lane->n_open += rc == OR_OK;
	return rc;
}

/* All of lane->batch, which is read or made up. After an error some may be under way. */
static enum or_code give_all(struct lane *lane, const char *stream, struct or_err *err)
{
	struct ag_spool_batch one = {0};
	bool is_bare = lane->ship->opt.link->is_bare;
	enum or_code rc = OR_OK;

	lane->outcome = (struct or_err){0};
	lane->wait_ns = 0;
	lane->sent_ns = or_loop_now_ns(lane->ship->opt.loop);
	lane->shots =
	    or_arena_array(lane->arena, is_bare ? lane->batch.n_records : 1, sizeof(*lane->shots));
	if (!lane->shots)
		return or_err_set(err, OR_FULL, "no room left for a batch");
	if (!is_bare) {
		lane->n_shots = 1;
		return give(lane, &lane->shots[0], stream, &lane->batch, err);
	}
	while (rc == OR_OK && ag_ship_frame_next(&one, &lane->batch))
		rc = give(lane, &lane->shots[lane->n_shots++], stream, &one, err);
	return rc;
}

/* What could not be given to the link. */
static void give_failed(struct lane *lane, enum or_code rc, const struct or_err *err)
{
	struct ag_ship *ship = lane->ship;

	if (lane->n_open) { /* the answers to the others end it */
		note_outcome(lane, &(struct ag_link_answer){.code = rc, .detail = err->msg});
		return;
	}
	drop_batch(lane);
	if (rc == OR_DENIED)
		refuse(lane, err->msg);
	else if (rc != OR_AGAIN)
		fail(ship, err->msg, 0);
	else if (!ship->retry) /* the link is being made: no failure yet */
		ship->retry =
		    or_loop_timer_start(ship->opt.loop, ship->opt.retry_min_ns, on_retry, ship);
}

static bool has_cert(struct ag_ship *ship)
{
	if (ship->opt.cert(ship->opt.cert_arg).n)
		return true;
	set_state(ship, AG_SHIP_NO_CERT, "the agent has no certificate yet");
	return false;
}

static void send_batch(struct lane *lane)
{
	struct ag_ship *ship = lane->ship;
	struct ag_spool_limit limit = {ship->opt.batch_bytes, ship->opt.batch_records};
	struct ag_spool_stream_info stream;
	struct or_err err;
	enum or_code rc;

	lane->has_more = false;
	lane->is_heartbeat = false;
	if (lane->is_refused && ship->opt.link->is_bare)
		limit.max_records = 1; /* what is not refused need not go with it again and again */
	get_stream(&stream, lane);
	lane->arena = or_arena_new(0);
	rc = ag_spool_read(&lane->batch, ship->opt.spool, lane->stream, &limit, lane->arena, &err);
	if (rc == OR_OK && lane->batch.n_records == 0) {
		/* Nothing is durable yet, or others' entries were passed over: then go on. */
		lane->has_more = lane->batch.is_full;
		drop_batch(lane);
		return;
	}
	if (rc == OR_OK)
		rc = give_all(lane, stream.name, &err);
	if (rc)
		give_failed(lane, rc, &err);
}

static void on_linger(void *arg)
{
	struct lane *lane = arg;

	lane->linger = NULL;
	send_batch(lane);
	if (lane->has_more && !lane->n_open)
		consider(lane);
}

/* Sends, or lets the batch grow, or does nothing where there is nothing to do or a wait is on. */
static void consider(struct lane *lane)
{
	struct ag_ship *ship = lane->ship;
	struct ag_spool_stream_info stream;
	bool is_ripe;

	get_stream(&stream, lane);
	if (lane->n_open || lane->again || ship->retry || stream.pending == 0 || !has_cert(ship))
		return;
	is_ripe = lane->has_more || stream.pending >= ship->opt.batch_records ||
		  stream.pending_bytes >= ship->opt.batch_bytes;
	if (is_ripe) {
		or_loop_timer_cancel(lane->linger);
		lane->linger = or_loop_timer_start(ship->opt.loop, 0, on_linger, lane);
	} else if (!lane->linger) {
		lane->linger =
		    or_loop_timer_start(ship->opt.loop, ship->opt.linger_ns, on_linger, lane);
	}
}

static void add_lanes(struct ag_ship *ship)
{
	struct ag_spool_stream_info info;

	while (ag_spool_get_stream(&info, ship->opt.spool, (uint16_t)ship->n_lanes)) {
		struct lane *lane = or_mem_new(sizeof(*lane));

		lane->ship = ship;
		lane->stream = (uint16_t)ship->n_lanes;
		lane->sent_ns = or_loop_now_ns(ship->opt.loop);
		ship->lanes[ship->n_lanes++] = lane;
	}
}

static void on_durable(void *arg)
{
	struct ag_ship *ship = arg;

	add_lanes(ship);
	consider_all(ship);
}

/* -- heartbeats -- */

static void send_heartbeat(struct lane *lane, const struct ag_spool_stream_info *stream)
{
	struct ag_ship *ship = lane->ship;
	struct ag_spool_info info;
	uint64_t acked;
	struct or_err err;
	enum or_code rc;

	ag_spool_get_info(&info, ship->opt.spool);
	acked = stream->acked_epoch == info.epoch ? stream->acked_seq : 0;
	lane->batch = (struct ag_spool_batch){.epoch = info.epoch,
	    .prev_epoch = info.prev_epoch,
	    .prev_seq = stream->prev_seq,
	    .from = acked + 1,
	    .to = acked};
	lane->is_heartbeat = true;
	lane->arena = or_arena_new(0);
	rc = give_all(lane, stream->name, &err);
	if (rc)
		give_failed(lane, rc, &err);
}

/* Of every stream that has said nothing for that long, and has nothing to say. */
static void send_heartbeats(struct ag_ship *ship, int64_t silent_ns)
{
	int64_t now_ns = or_loop_now_ns(ship->opt.loop);

	if (ship->opt.link->is_bare)
		return;
	add_lanes(ship);
	for (size_t i = 0; i < ship->n_lanes; i++) {
		struct lane *lane = ship->lanes[i];
		struct ag_spool_stream_info stream;

		get_stream(&stream, lane);
		if (!lane->n_open && !lane->again && !ship->retry && stream.pending == 0 &&
		    *stream.name && now_ns - lane->sent_ns >= silent_ns && has_cert(ship))
			send_heartbeat(lane, &stream);
	}
}

static void on_beat(void *arg)
{
	struct ag_ship *ship = arg;

	ship->beat = or_loop_timer_start(ship->opt.loop, ship->opt.heartbeat_ns, on_beat, ship);
	send_heartbeats(ship, ship->opt.heartbeat_ns);
}

/* The link tries by itself; a heartbeat under way tells when it is well again, or the link does. */
static void on_trouble(void *arg, enum or_code code, const char *detail)
{
	struct ag_ship *ship = arg;

	if (code == OR_OK) {
		if (ship->opt.link->is_bare && !is_any_refused(ship) &&
		    (ship->info.state == AG_SHIP_UNREACHABLE ||
			ship->info.state == AG_SHIP_REFUSED))
			set_state(ship, AG_SHIP_CONNECTED, NULL);
		ag_ship_wake(ship);
		return;
	}
	if (!is_any_refused(ship))
		set_state(ship, code == OR_DENIED ? AG_SHIP_REFUSED : AG_SHIP_UNREACHABLE, detail);
	send_heartbeats(ship, 0);
}

/* -- beginning and end -- */

static double read_pending(void *arg)
{
	struct ag_ship_info info;

	ag_ship_get_info(&info, arg);
	return (double)info.pending;
}

static double read_connected(void *arg)
{
	const struct ag_ship *ship = arg;

	return ship->info.state == AG_SHIP_CONNECTED ? 1 : 0;
}

static double read_bytes(void *arg)
{
	const struct ag_ship *ship = arg;
	struct ag_spool_info info;

	ag_spool_get_info(&info, ship->opt.spool);
	return (double)info.bytes;
}

static struct or_metric_counter *failed_counter(struct or_metric_registry *reg, const char *reason)
{
	struct or_metric_label labels[] = {{"reason", reason}, {NULL, NULL}};

	return or_metric_counter_get(reg, "outrider_exporter_send_failed_audit_batches_total",
	    "Batches that the collector did not take.", labels);
}

static void make_metrics(struct ag_ship *ship, struct or_metric_registry *reg)
{
	struct metrics *m = &ship->metrics;

	m->records = or_metric_counter_get(reg, "outrider_exporter_sent_audit_records_total",
	    "Records that the collector acknowledged.", NULL);
	m->bytes = or_metric_counter_get(reg, "outrider_exporter_sent_bytes_total",
	    "Bytes of batches that the collector acknowledged.", NULL);
	m->heartbeats = or_metric_counter_get(reg, "outrider_exporter_heartbeats_total",
	    "Empty frames that the collector acknowledged.", NULL);
	m->failed = failed_counter(reg, "unreachable");
	m->refused = failed_counter(reg, "refused");
	m->took = or_metric_histogram_get(reg, "outrider_exporter_exchange_seconds",
	    "Time from sending a batch to its acknowledgement.", NULL, or_metric_seconds,
	    OR_METRIC_N_SECONDS);
	or_metric_gauge_read(reg, "outrider_exporter_queue_size",
	    "Records in the spool that the collector has not acknowledged.", NULL, read_pending,
	    ship);
	or_metric_gauge_read(reg, "outrider_exporter_connected",
	    "1 while the last exchange with the collector went well.", NULL, read_connected, ship);
	or_metric_gauge_read(reg, "outrider_buffer_size_bytes", "Bytes of the spool on disk.", NULL,
	    read_bytes, ship);
}

static int64_t or_default(int64_t v, int64_t def)
{
	return v ? v : def;
}

static enum or_code set_options(
    struct ag_ship_opt *o, const struct ag_ship_opt *from, struct or_err *err)
{
	*o = *from;
	o->batch_bytes = o->batch_bytes ? o->batch_bytes : 256 * OR_KIB;
	if (!o->batch_records)
		o->batch_records = o->link->is_bare ? BARE_RECORDS : BATCH_RECORDS;
	o->linger_ns = or_default(o->linger_ns, 50 * OR_NS_PER_MS);
	o->heartbeat_ns = or_default(o->heartbeat_ns, 30 * OR_NS_PER_S);
	o->retry_min_ns = or_default(o->retry_min_ns, 100 * OR_NS_PER_MS);
	o->retry_max_ns = or_default(o->retry_max_ns, 30 * OR_NS_PER_S);
	if (o->batch_bytes > 4 * OR_MIB || o->batch_records > 10000)
		return or_err_set(err, OR_INVAL, "a batch of more than 4 MiB or 10,000 records");
	if (o->retry_min_ns > o->retry_max_ns || o->linger_ns < 0 || o->retry_min_ns < 0)
		return or_err_set(err, OR_INVAL, "the shipper's times do not fit each other");
	return OR_OK;
}

enum or_code ag_ship_new(struct ag_ship **out, const struct ag_ship_opt *opt, struct or_err *err)
{
	struct ag_ship *ship = or_mem_new(sizeof(*ship));
	enum or_code rc = set_options(&ship->opt, opt, err);

	if (rc) {
		or_mem_free(ship);
		return rc;
	}
	if (!opt->metrics)
		ship->own_metrics = or_metric_registry_new(32);
	make_metrics(ship, opt->metrics ? opt->metrics : ship->own_metrics);
	ag_spool_watch(opt->spool, on_durable, ship);
	if (opt->link->watch)
		opt->link->watch(opt->link->self, on_trouble, ship);
	ship->beat = or_loop_timer_start(opt->loop, ship->opt.heartbeat_ns, on_beat, ship);
	on_durable(ship);
	*out = ship;
	return OR_OK;
}

void ag_ship_free(struct ag_ship *ship)
{
	if (!ship)
		return;
	ag_spool_watch(ship->opt.spool, NULL, NULL);
	if (ship->opt.link->watch)
		ship->opt.link->watch(ship->opt.link->self, NULL, NULL);
	for (size_t i = 0; i < ship->n_lanes; i++) {
		struct lane *lane = ship->lanes[i];

		for (size_t s = 0; s < lane->n_shots; s++)
			ship->opt.link->cancel(lane->shots[s].call);
		or_loop_timer_cancel(lane->linger);
		or_loop_timer_cancel(lane->again);
		drop_batch(lane);
		or_mem_free(lane);
	}
	or_loop_timer_cancel(ship->retry);
	or_loop_timer_cancel(ship->beat);
	or_loop_timer_cancel(ship->rest);
	or_metric_registry_free(ship->own_metrics);
	or_mem_free(ship);
}

void ag_ship_wake(struct ag_ship *ship)
{
	or_loop_timer_cancel(ship->retry);
	ship->retry = NULL;
	for (size_t i = 0; i < ship->n_lanes; i++) {
		or_loop_timer_cancel(ship->lanes[i]->again);
		ship->lanes[i]->again = NULL;
	}
	consider_all(ship);
}

void ag_ship_get_info(struct ag_ship_info *out, const struct ag_ship *ship)
{
	struct ag_spool_info spool;

	ag_spool_get_info(&spool, ship->opt.spool);
	*out = ship->info;
	out->pending = spool.pending;
	out->link = ship->opt.link->name;
	out->peer = ship->opt.link->peer;
}
