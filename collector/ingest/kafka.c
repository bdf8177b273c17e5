/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/kafka.h"

#include "base/bus_kafka_consumer.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "collector/ingest/murmur2.h"
#include "proto/batch.h"
#include "proto/cert.h"
#include "proto/frame.h"
#include "proto/source.h"

#include <inttypes.h>
#include <stdio.h>

enum { SLOW_MAX = 8, SCRATCH = 1 << 20, UUID_LEN = 16, PEER_MAX = 96, AGAIN_DOUBLINGS = 6 };

static const int64_t AGAIN_NS = 100 * OR_NS_PER_MS;

enum progress { WAITING, SUBMITTED, DONE };

/* One message; it stays in its partition's window until all before it are done. */
struct entry {
	struct co_kafka *k;
	struct entry *next;
	uint32_t partition, shard;
	int64_t offset;
	enum progress progress;
	bool is_logged;          /* handed to the log: as durable as what is handed over later */
	uint8_t agent[UUID_LEN]; /* all zero: the frame does not decode */
	struct or_slice stream;
	struct or_slice frame, batch;
	void *call;
	uint8_t bytes[]; /* frame and batch */
};

struct window {
	struct entry *first, **last;
	size_t n, bytes;
	int64_t next; /* everything below is done; < 0: not known here yet */
	struct or_loop_timer *again;
	unsigned int failures; /* in a row */
	bool is_full;
};

struct co_kafka {
	struct co_kafka_opt opt;
	struct window windows[OR_BUS_KAFKA_PARTITIONS_MAX];
	uint32_t n_windows; /* partitions that were begun */
	struct or_slow *slow;
	struct or_bus_kafka_consumer *consumer;
	struct or_arena *scratch;
	char source[WIRE_SOURCE_NAME_MAX]; /* "<cluster>/<topic>" */
	bool is_turn_due;
	uint64_t stored, refused, retried, misrouted;
};

static void pump(struct co_kafka *k, uint32_t partition);

/* -- the window of a partition -- */

static void drop_entry(struct window *w, struct entry *e)
{
	e->k->opt.sink.cancel(e->call);
	w->n--;
	w->bytes -= e->frame.n + e->batch.n;
	or_mem_free(e);
}

static void clear(struct window *w)
{
	or_loop_timer_cancel(w->again);
	w->again = NULL;
	w->failures = 0;
	while (w->first) {
		struct entry *e = w->first;

		w->first = e->next;
		drop_entry(w, e);
	}
	w->last = &w->first;
	w->is_full = false;
}

/* Takes what is done away from the front. */
static void slide(struct co_kafka *k, uint32_t partition)
{
	struct window *w = &k->windows[partition];
	int64_t before = w->next;

	while (w->first && w->first->progress == DONE) {
		struct entry *e = w->first;

		w->first = e->next;
		w->next = e->offset + 1;
		drop_entry(w, e);
	}
	if (!w->first)
		w->last = &w->first;
	if (w->next != before)
		or_bus_kafka_consumer_show(k->consumer, partition, w->next);
	if (w->is_full && w->n < CO_KAFKA_WINDOW && w->bytes < CO_KAFKA_WINDOW_BYTES) {
		w->is_full = false;
		or_bus_kafka_consumer_resume(k->consumer, partition);
	}
}

/* A log keeps the order in which it is given things, so all that was handed over before e is
 * durable when e is. */
static uint64_t next_after(void *arg)
{
	struct entry *e = arg;
	const struct entry *x = e->k->windows[e->partition].first;
	int64_t next = x->offset;

	e->is_logged = true;
	for (; x && (x->progress == DONE || x->is_logged); x = x->next)
		next = x->offset + 1;
	return (uint64_t)next;
}

/* True where a batch of the same stream is in front of e. */
static bool is_behind(const struct window *w, const struct entry *e)
{
	for (const struct entry *x = w->first; x != e; x = x->next) {
		if (x->progress != DONE && memcmp(x->agent, e->agent, UUID_LEN) == 0 &&
		    or_slice_eq(x->stream, e->stream))
			return true;
	}
	return false;
}

/* -- submitting -- */

static bool is_later(const struct co_ingest_answer *answer)
{
	switch (answer->code) {
	case OR_FULL: /* of a limit of the batch itself it is the last word */
		return strcmp(answer->reason, "busy") == 0 ||
		       strcmp(answer->reason, "storage") == 0;
	case OR_IO:
	case OR_CORRUPT:
	case OR_BUSY:
	case OR_TIMEOUT:
	case OR_CLOSED:
	case OR_AGAIN: return true;
	case OR_OK:
	case OR_INVAL:
	case OR_PARSE:
	case OR_ABSENT:
	case OR_EXISTS:
	case OR_DENIED:
	case OR_STALE:
	case OR_UNSUPPORTED: break;
	}
	return false;
}

static void on_again(void *arg)
{
	struct entry *e = arg;

	e->k->windows[e->partition].again = NULL;
	pump(e->k, e->partition);
}

static void try_later(struct entry *e, const struct co_ingest_answer *answer)
{
	struct window *w = &e->k->windows[e->partition];

	e->k->retried++;
	if (w->failures < AGAIN_DOUBLINGS)
		w->failures++;
	OR_LOG(OR_LOG_WARN, "kafka.waits", or_log_text("topic", e->k->opt.sink.topic),
	    or_log_u64("partition", e->partition), or_log_i64("offset", e->offset),
	    or_log_text("reason", answer->reason), or_log_text("error", answer->detail));
	if (!w->again) /* e stays until it is done, or the window is cleared with its timer */
		w->again =
		    or_loop_timer_start(e->k->opt.loop, AGAIN_NS << (w->failures - 1), on_again, e);
}

/* Answers come from within loops of ingest and of our own: windows move in a turn of their own. */
static void on_turn(void *arg)
{
	struct co_kafka *k = arg;

	k->is_turn_due = false;
	for (uint32_t i = 0; i < k->n_windows; i++) {
		slide(k, i);
		pump(k, i);
	}
}

static void count_refusal(const struct entry *e, const struct co_ingest_answer *answer)
{
	e->k->refused++;
	OR_LOG(OR_LOG_WARN, "kafka.refused", or_log_text("topic", e->k->opt.sink.topic),
	    or_log_u64("partition", e->partition), or_log_i64("offset", e->offset),
	    or_log_text("reason", answer->reason), or_log_text("error", answer->detail));
}

static void on_answer(void *arg, const struct co_ingest_answer *answer)
{
	struct entry *e = arg;
	struct co_kafka *k = e->k;

	e->call = NULL;
	e->progress = is_later(answer) ? WAITING : DONE;
	e->is_logged = false;
	if (e->progress == WAITING) {
		try_later(e, answer);
		return;
	}
	k->windows[e->partition].failures = 0;
	if (answer->code != OR_OK) {
		count_refusal(e, answer);
	} else {
		k->stored++;
		if (k->opt.on_agent)
			k->opt.on_agent(k->opt.arg, e->agent);
	}
	if (!k->is_turn_due)
		or_loop_defer(k->opt.loop, on_turn, k);
	k->is_turn_due = true;
}

static void submit(struct entry *e)
{
	struct co_kafka *k = e->k;
	const struct co_kafka_sink *sink = &k->opt.sink;
	char peer[PEER_MAX] = "";
	struct co_ingest_request request = {
	    .topic = or_slice_str(sink->topic), .frame = e->frame, .batch = e->batch};
	void *call;

	snprintf(peer, sizeof(peer), "kafka %s/%" PRIu32 "@%" PRId64, sink->topic, e->partition,
	    e->offset);
	request.peer = or_slice_str(peer);
	if (!sink->n_shards || e->shard == e->partition)
		request.source =
		    (struct co_ingest_source){or_slice_str(k->source), e->partition, next_after, e};
	e->progress = SUBMITTED;
	call = sink->submit(sink->self, e->shard, &request, on_answer, e);
	if (call) /* else it is answered */
		e->call = call;
}

static void pump(struct co_kafka *k, uint32_t partition)
{
	struct window *w = &k->windows[partition];

	for (struct entry *e = w->first; e && !w->again; e = e->next) {
		if (e->progress == WAITING && !is_behind(w, e))
			submit(e);
	}
}

/* -- what the consumer asks and brings -- */

static int64_t begin(void *arg, const char *cluster, uint32_t partition)
{
	struct co_kafka *k = arg;
	struct window *w = &k->windows[partition];
	uint64_t next;

	/* A cluster's id is 22 characters; a longer one would be cut the same way each time. */
	snprintf(k->source, sizeof(k->source), "%.128s/%s", cluster, k->opt.sink.topic);
	if (k->n_windows <= partition)
		k->n_windows = partition + 1;
	if (w->next < 0) {
		next = k->opt.sink.next(k->opt.sink.self, or_slice_str(k->source), partition);
		w->next = next ? (int64_t)next : -1;
	}
	OR_LOG(OR_LOG_INFO, "kafka.begins", or_log_text("topic", k->opt.sink.topic),
	    or_log_u64("partition", partition), or_log_i64("offset", w->next),
	    or_log_text("cluster", cluster));
	return w->next;
}

static void on_skip(void *arg, uint32_t partition, int64_t wanted, int64_t from)
{
	struct co_kafka *k = arg;
	bool is_lower = from < wanted;

	OR_LOG(is_lower ? OR_LOG_WARN : OR_LOG_ERROR,
	    is_lower ? "kafka.reads_again" : "kafka.skipped",
	    or_log_text("topic", k->opt.sink.topic), or_log_u64("partition", partition),
	    or_log_i64("wanted", wanted), or_log_i64("from", from),
	    or_log_text(
		"reason", is_lower ? "Kafka's own position is lower, or gone with a topic that was "
				     "made anew; what is stored is known by its numbers"
				   : "retention took what was not read yet"));
	k->windows[partition].next = from;
}

static void on_restart(void *arg)
{
	struct co_kafka *k = arg;

	OR_LOG(OR_LOG_WARN, "kafka.restarts", or_log_text("topic", k->opt.sink.topic));
	for (uint32_t i = 0; i < k->n_windows; i++)
		clear(&k->windows[i]);
}

static void on_state(void *arg, enum or_bus_kafka_state state, const struct or_err *why)
{
	const struct co_kafka *k = arg;
	struct or_log_kv brokers = or_log_text("brokers", k->opt.access->brokers),
			 topic = or_log_text("topic", k->opt.sink.topic),
			 error = or_log_text("error", why->msg);

	if (state == OR_BUS_KAFKA_UP)
		OR_LOG(OR_LOG_INFO, "kafka.connected", brokers, topic);
	else if (state == OR_BUS_KAFKA_UNREACHABLE)
		OR_LOG(OR_LOG_WARN, "kafka.unreachable", brokers, topic, error);
	else if (state != OR_BUS_KAFKA_STARTING)
		OR_LOG(OR_LOG_ERROR, state == OR_BUS_KAFKA_DENIED ? "kafka.denied" : "kafka.misfit",
		    brokers, topic, error);
}

static struct or_slice find_frame(const struct or_bus_kafka_message *m)
{
	for (size_t i = 0; i < m->n_headers; i++) {
		if (strcmp(m->headers[i].name, CO_KAFKA_FRAME) == 0)
			return m->headers[i].value;
	}
	return OR_SLICE_NONE;
}

/* Whose it says it is, and its shard; whether that is so is for ingest to say. */
static void read_frame(struct co_kafka *k, struct entry *e)
{
	struct wire_frame frame;
	struct wire_cert cert;
	size_t slash;

	or_arena_clear(k->scratch);
	if (wire_frame_decode(&frame, e->frame, k->scratch, NULL) ||
	    wire_cert_decode(&cert, frame.cert, k->scratch, NULL))
		return;
	memcpy(e->agent, cert.agent_id.p, UUID_LEN);
	e->stream = frame.stream; /* points into the entry's frame */
	if (!k->opt.sink.n_shards)
		return;
	slash = or_str_find(frame.stream, '/', 0);
	e->shard = co_murmur2_partition(
	    or_slice_from(frame.stream, slash < frame.stream.n ? slash + 1 : slash),
	    k->opt.sink.n_shards);
	if (e->shard != e->partition && k->misrouted++ == 0)
		OR_LOG(OR_LOG_WARN, "kafka.misrouted", or_log_text("topic", k->opt.sink.topic),
		    or_log_u64("partition", e->partition), or_log_u64("shard", e->shard),
		    or_log_i64("offset", e->offset));
}

static struct or_slice append(uint8_t **to, struct or_slice s)
{
	struct or_slice copy = or_slice(*to, s.n);

	if (s.n)
		memcpy(*to, s.p, s.n);
	*to += s.n;
	return copy;
}

/* A bare record becomes a batch, as an agent would have made it for HTTP. What is too large for one
 * is no batch either, and will be refused as that. */
static struct or_slice append_batch(struct co_kafka *k, uint8_t **to, struct or_slice value)
{
	struct or_slice copy;
	struct or_buf batch;

	if (!k->opt.sink.is_bare || value.n == 0 || value.n > WIRE_BATCH_RECORD_MAX)
		return append(to, value);
	wire_batch_begin(&batch);
	wire_batch_add_record(&batch, value);
	copy = append(to, or_buf_slice(&batch));
	or_buf_done(&batch);
	return copy;
}

static bool take(void *arg, const struct or_bus_kafka_message *m)
{
	struct co_kafka *k = arg;
	struct window *w = &k->windows[m->partition];
	struct or_slice frame = find_frame(m);
	struct entry *e = or_mem_new(sizeof(*e) + frame.n + wire_batch_room(m->value.n));
	uint8_t *to = e->bytes;

	e->k = k;
	e->partition = m->partition;
	e->shard = k->opt.sink.n_shards ? m->partition : 0;
	e->offset = m->offset;
	e->frame = append(&to, frame);
	e->batch = append_batch(k, &to, m->value);
	read_frame(k, e);
	*w->last = e;
	w->last = &e->next;
	w->n++;
	w->bytes += e->frame.n + e->batch.n;
	pump(k, m->partition);
	w->is_full = w->n >= CO_KAFKA_WINDOW || w->bytes >= CO_KAFKA_WINDOW_BYTES;
	return !w->is_full;
}

/* -- beginning and end -- */

enum or_code co_kafka_open(
    struct co_kafka **out, const struct co_kafka_opt *opt, struct or_err *err)
{
	struct co_kafka *k = or_mem_new(sizeof(*k));
	struct or_bus_kafka_consumer_opt consumer = {.loop = opt->loop,
	    .access = opt->access,
	    .topic = opt->sink.topic,
	    .group = opt->group,
	    .n_partitions = opt->sink.n_shards,
	    .begin = begin,
	    .take = take,
	    .on_skip = on_skip,
	    .on_restart = on_restart,
	    .on_state = on_state,
	    .arg = k};
	enum or_code rc;

	k->opt = *opt;
	k->scratch = or_arena_new(SCRATCH);
	for (uint32_t i = 0; i < OR_LEN(k->windows); i++) {
		k->windows[i].last = &k->windows[i].first;
		k->windows[i].next = -1;
	}
	rc = or_slow_new(&k->slow, opt->loop, SLOW_MAX, err);
	consumer.slow = k->slow;
	if (rc == OR_OK)
		rc = or_bus_kafka_consumer_new(&k->consumer, &consumer, err);
	if (rc)
		co_kafka_close(k);
	else
		*out = k;
	return rc;
}

void co_kafka_stop(struct co_kafka *k)
{
	if (!k)
		return;
	or_bus_kafka_consumer_free(k->consumer);
	k->consumer = NULL;
	or_loop_defer_cancel(k->opt.loop, on_turn, k);
	for (uint32_t i = 0; i < k->n_windows; i++)
		clear(&k->windows[i]);
}

void co_kafka_close(struct co_kafka *k)
{
	if (!k)
		return;
	co_kafka_stop(k);
	or_slow_free(k->slow);
	or_arena_free(k->scratch);
	or_mem_free(k);
}

void co_kafka_get_info(struct co_kafka_info *out, const struct co_kafka *k)
{
	struct or_bus_kafka_consumer_info consumer;

	or_bus_kafka_consumer_get_info(&consumer, k->consumer);
	*out = (struct co_kafka_info){.topic = k->opt.sink.topic,
	    .state = consumer.state,
	    .why = consumer.why,
	    .partitions = k->opt.sink.n_shards ? k->opt.sink.n_shards : k->n_windows,
	    .messages = consumer.messages,
	    .stored = k->stored,
	    .refused = k->refused,
	    .retried = k->retried,
	    .misrouted = k->misrouted};
}

uint64_t co_kafka_next(const struct co_kafka *k, uint32_t partition)
{
	OR_ASSERT(partition < OR_LEN(k->windows));
	return k->windows[partition].next < 0 ? 0 : (uint64_t)k->windows[partition].next;
}
