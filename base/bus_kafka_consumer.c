/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bus_kafka_consumer.h"

#include "base/bus_kafka_impl.h"
#include "base/mem.h"

#include <stdio.h>

enum { EVENTS_A_TURN = 64, WHY_MAX = 384, ASK_MS = 2000, COMMIT_MS = 1000, CLUSTER_MAX = 128 };

static const int64_t RETRY_NS = OR_NS_PER_S;

/* What the slow thread does next. */
enum job {
	FIND,   /* makes the handle where there is none; asks for the topic and the cluster */
	ASSIGN, /* checks offsets, and begins to fetch */
	PROBE,  /* asks whether a broker is there again */
	END,    /* destroys the handle */
};

struct partition {
	rd_kafka_queue_t *queue;
	bool is_paused;
	int64_t begin; /* what the owner wants, then what it gets */
	int64_t wanted;
};

struct or_bus_kafka_consumer {
	struct or_bus_kafka_consumer_opt opt;
	struct or_bus_kafka_wake wake;
	struct or_bus_kafka_health health;
	rd_kafka_t *rk;
	rd_kafka_queue_t *main, *group; /* errors */
	struct partition partitions[OR_BUS_KAFKA_PARTITIONS_MAX];
	uint32_t n;    /* partitions of the topic, as it was found */
	uint32_t turn; /* where the next round begins */
	bool is_running;
	bool is_serving; /* a message is held: the handle must stay */
	bool is_closing;
	bool wants_restart;
	struct or_loop_timer *again, *look;
	uint64_t messages, restarts;
	/* What the slow thread works on, while is_busy. */
	bool is_busy;
	enum job job;
	bool commits; /* before its end */
	enum or_code rc;
	struct or_err err;
	uint32_t n_found;
	char cluster[CLUSTER_MAX];
};

static void begin_job(struct or_bus_kafka_consumer *c, enum job job);
static void restart(struct or_bus_kafka_consumer *c);

/* -- on the slow thread -- */

static enum or_code make_handle(struct or_bus_kafka_consumer *c)
{
	static const struct or_bus_kafka_setting common[] = {{"auto.offset.reset", "error"},
	    {"enable.auto.offset.store", "false"}, {"enable.auto.commit", "true"},
	    {"auto.commit.interval.ms", "1000"}, {"queued.min.messages", "1000"},
	    {"queued.max.messages.kbytes", "4096"}, {"fetch.wait.max.ms", "1000"},
	    {"check.crcs", "true"}};
	const struct or_bus_kafka_setting group = {"group.id", c->opt.group};
	char why[WHY_MAX];
	rd_kafka_conf_t *conf;
	enum or_code rc = or_bus_kafka_conf(&conf, c->opt.access, &c->err);

	if (rc)
		return rc;
	rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_FETCH | RD_KAFKA_EVENT_ERROR);
	rc = or_bus_kafka_set(conf, common, OR_LEN(common), &c->err);
	if (rc == OR_OK)
		rc = or_bus_kafka_set(conf, &group, 1, &c->err);
	if (rc == OR_OK) {
		c->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
		if (!c->rk)
			rc = or_err_set(&c->err, OR_INVAL, "Kafka: %s", why);
	}
	if (rc)
		rd_kafka_conf_destroy(conf);
	return rc;
}

static enum or_code failed(struct or_bus_kafka_consumer *c, rd_kafka_resp_err_t error)
{
	return or_err_set(&c->err, or_bus_kafka_code(error), "Kafka: topic %s: %s", c->opt.topic,
	    rd_kafka_err2str(error));
}

static enum or_code ask_topic(struct or_bus_kafka_consumer *c)
{
	rd_kafka_topic_t *topic = rd_kafka_topic_new(c->rk, c->opt.topic, NULL);
	const struct rd_kafka_metadata *found;
	rd_kafka_resp_err_t error = rd_kafka_metadata(c->rk, 0, topic, &found, ASK_MS);
	enum or_code rc = OR_OK;

	if (!error) {
		OR_ASSERT(found->topic_cnt == 1);
		error = found->topics[0].err;
		c->n_found = (uint32_t)found->topics[0].partition_cnt;
		rd_kafka_metadata_destroy(found);
	}
	rd_kafka_topic_destroy(topic);
	if (error)
		rc = failed(c, error);
	return rc;
}

static enum or_code find(struct or_bus_kafka_consumer *c)
{
	enum or_code rc = c->rk ? OR_OK : make_handle(c);
	char *cluster;

	if (rc == OR_OK)
		rc = ask_topic(c);
	if (rc)
		return rc;
	cluster = rd_kafka_clusterid(c->rk, ASK_MS);
	snprintf(c->cluster, sizeof(c->cluster), "%s", cluster ? cluster : "");
	rd_kafka_mem_free(c->rk, cluster);
	return OR_OK;
}

static enum or_code check_offset(struct or_bus_kafka_consumer *c, uint32_t i)
{
	struct partition *p = &c->partitions[i];
	int64_t low, high;
	rd_kafka_resp_err_t error =
	    rd_kafka_query_watermark_offsets(c->rk, c->opt.topic, (int32_t)i, &low, &high, ASK_MS);

	if (error)
		return failed(c, error);
	if (p->begin < low || p->begin > high)
		p->begin = low;
	return OR_OK;
}

/* Partitions that go on somewhere; NULL: none does. */
static rd_kafka_topic_partition_list_t *going_on(const struct or_bus_kafka_consumer *c)
{
	rd_kafka_topic_partition_list_t *list = NULL;

	for (uint32_t i = 0; i < c->n; i++) {
		if (c->partitions[i].begin <= 0)
			continue;
		if (!list)
			list = rd_kafka_topic_partition_list_new((int)c->n);
		rd_kafka_topic_partition_list_add(list, c->opt.topic, (int32_t)i);
	}
	return list;
}

/* A topic that is made anew has the old one's name and numbers, but not its group's offsets: Kafka
 * deletes them with it. So reading goes on at the lower one of the owner's offset and the group's,
 * which is behind by what was not shown yet. Without the right to ask, the owner's alone counts. */
static enum or_code ask_group(struct or_bus_kafka_consumer *c)
{
	rd_kafka_topic_partition_list_t *list = going_on(c);
	rd_kafka_resp_err_t error;
	enum or_code rc = OR_OK;

	if (!list)
		return OR_OK;
	error = rd_kafka_committed(c->rk, list, ASK_MS);
	for (int i = 0; !error && i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *said = &list->elems[i];
		struct partition *p = &c->partitions[said->partition];
		int64_t next = said->offset < 0 ? 0 : said->offset;

		error = said->err;
		if (!error && next < p->begin)
			p->begin = next;
	}
	if (error && or_bus_kafka_code(error) != OR_DENIED)
		rc = failed(c, error);
	rd_kafka_topic_partition_list_destroy(list);
	return rc;
}

static enum or_code assign(struct or_bus_kafka_consumer *c)
{
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t error;
	enum or_code rc;

	for (uint32_t i = 0; i < c->n; i++)
		c->partitions[i].wanted = c->partitions[i].begin;
	rc = ask_group(c);
	for (uint32_t i = 0; i < c->n && rc == OR_OK; i++)
		rc = check_offset(c, i);
	if (rc)
		return rc;
	list = rd_kafka_topic_partition_list_new((int)c->n);
	for (uint32_t i = 0; i < c->n; i++) {
		struct partition *p = &c->partitions[i];

		rd_kafka_topic_partition_list_add(list, c->opt.topic, (int32_t)i)->offset =
		    p->begin;
		/* A queue of its own, set before fetching begins: one that is not taken from keeps
		 * nobody else waiting. */
		p->queue = rd_kafka_queue_get_partition(c->rk, c->opt.topic, (int32_t)i);
		rd_kafka_queue_forward(p->queue, NULL);
	}
	error = rd_kafka_assign(c->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	return error ? failed(c, error) : OR_OK;
}

/* What was shown last, which the next life need not read again. */
static void commit(struct or_bus_kafka_consumer *c)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(c->rk);
	rd_kafka_event_t *ev = NULL;

	if (!rd_kafka_commit_queue(c->rk, NULL, queue, NULL, NULL))
		ev = rd_kafka_queue_poll(queue, COMMIT_MS);
	if (ev)
		rd_kafka_event_destroy(ev);
	rd_kafka_queue_destroy(queue);
}

static void work(void *arg)
{
	struct or_bus_kafka_consumer *c = arg;

	switch (c->job) {
	case FIND: c->rc = find(c); break;
	case ASSIGN: c->rc = assign(c); break;
	case PROBE: c->rc = ask_topic(c); break;
	case END:
		if (c->rk && c->commits)
			commit(c);
		if (c->rk) /* no group was joined: no need to be polite */
			rd_kafka_destroy_flags(c->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
		c->rk = NULL;
		c->rc = OR_OK;
		break;
	}
}

/* -- one job after the other -- */

static void drop_queue(rd_kafka_queue_t **queue)
{
	or_bus_kafka_wake_unwatch(*queue);
	if (*queue)
		rd_kafka_queue_destroy(*queue);
	*queue = NULL;
}

static void drop_queues(struct or_bus_kafka_consumer *c)
{
	drop_queue(&c->main);
	drop_queue(&c->group);
	for (uint32_t i = 0; i < c->n; i++)
		drop_queue(&c->partitions[i].queue);
	c->is_running = false;
}

static void on_again(void *arg)
{
	struct or_bus_kafka_consumer *c = arg;

	c->again = NULL;
	begin_job(c, c->wants_restart ? END : c->is_running ? PROBE : FIND);
}

static void on_look(void *arg)
{
	struct or_bus_kafka_consumer *c = arg;

	c->look = or_loop_timer_start(c->opt.loop, OR_BUS_KAFKA_CONSUMER_LOOK_NS, on_look, c);
	if (c->is_running && !c->is_busy && !c->again && c->health.state == OR_BUS_KAFKA_UP)
		begin_job(c, PROBE);
}

static void try_later(struct or_bus_kafka_consumer *c)
{
	if (!c->again)
		c->again = or_loop_timer_start(c->opt.loop, RETRY_NS, on_again, c);
}

static void watch_errors(struct or_bus_kafka_consumer *c)
{
	if (c->main || !c->rk)
		return;
	c->main = rd_kafka_queue_get_main(c->rk);
	c->group = rd_kafka_queue_get_consumer(c->rk);
	or_bus_kafka_wake_watch(&c->wake, c->main);
	or_bus_kafka_wake_watch(&c->wake, c->group);
}

/* Where the call timed out, why it did is in the events that came meanwhile, or come soon. */
static void on_failed(struct or_bus_kafka_consumer *c)
{
	struct or_err why = c->health.why.code ? c->health.why : c->err;

	if (c->rc == OR_DENIED || !c->rk)
		or_bus_kafka_health_set(&c->health, OR_BUS_KAFKA_DENIED, &c->err);
	else if (c->rc == OR_ABSENT || c->rc == OR_INVAL)
		or_bus_kafka_health_set(&c->health, OR_BUS_KAFKA_MISFIT, &c->err);
	else if (c->health.state != OR_BUS_KAFKA_DENIED)
		or_bus_kafka_health_set(&c->health, OR_BUS_KAFKA_UNREACHABLE, &why);
	try_later(c);
}

static enum or_code check_number(struct or_bus_kafka_consumer *c)
{
	if (c->opt.n_partitions && c->n_found != c->opt.n_partitions)
		return or_err_set(&c->err, OR_INVAL,
		    "Kafka: topic %s has %u partitions, and the configuration says %u: both must "
		    "agree, as they say where each product's records lie",
		    c->opt.topic, c->n_found, c->opt.n_partitions);
	if (c->n_found > OR_BUS_KAFKA_PARTITIONS_MAX)
		return or_err_set(&c->err, OR_INVAL,
		    "Kafka: topic %s has %u partitions, and %d can be consumed", c->opt.topic,
		    c->n_found, OR_BUS_KAFKA_PARTITIONS_MAX);
	return OR_OK;
}

static void on_found(struct or_bus_kafka_consumer *c)
{
	if (check_number(c)) {
		or_bus_kafka_health_set(&c->health, OR_BUS_KAFKA_MISFIT, &c->err);
		try_later(c);
		return;
	}
	c->n = c->n_found;
	for (uint32_t i = 0; i < c->n; i++)
		c->partitions[i].begin = c->opt.begin(c->opt.arg, c->cluster, i);
	begin_job(c, ASSIGN);
}

static void on_assigned(struct or_bus_kafka_consumer *c)
{
	c->is_running = true;
	or_bus_kafka_health_set(&c->health, OR_BUS_KAFKA_UP, NULL);
	for (uint32_t i = 0; i < c->n && !c->is_closing; i++) {
		struct partition *p = &c->partitions[i];

		p->is_paused = false;
		or_bus_kafka_wake_watch(&c->wake, p->queue);
		if (p->wanted >= 0 && p->wanted != p->begin)
			c->opt.on_skip(c->opt.arg, i, p->wanted, p->begin);
	}
}

static void on_worked(void *arg)
{
	struct or_bus_kafka_consumer *c = arg;

	c->is_busy = false;
	if (c->is_closing) {
		if (c->job == END)
			or_mem_free(c);
		else
			restart(c);
		return;
	}
	watch_errors(c);
	if (c->rc) {
		if (c->job == ASSIGN)
			c->wants_restart = true; /* what was begun of it goes */
		on_failed(c);
	} else if (c->job == END) {
		c->wants_restart = false;
		try_later(c);
	} else if (c->wants_restart) {
		restart(c);
	} else if (c->job == FIND) {
		on_found(c);
	} else if (c->job == ASSIGN) {
		on_assigned(c);
	} else if (c->n_found != c->n) {
		or_bus_kafka_consumer_restart(c);
	} else {
		or_bus_kafka_health_set(&c->health, OR_BUS_KAFKA_UP, NULL);
	}
}

static void begin_job(struct or_bus_kafka_consumer *c, enum job job)
{
	if (job == END)
		drop_queues(c);
	c->is_busy = true;
	c->job = job;
	if (or_slow_submit(c->opt.slow, work, on_worked, c) == OR_OK)
		return;
	c->is_busy = false;
	if (c->is_closing) { /* the slow thread is going too: nothing is left to do it */
		work(c);
		on_worked(c);
	} else {
		try_later(c);
	}
}

/* Ends the handle, now or when the slow thread is back; then it begins again, or all is freed. */
static void restart(struct or_bus_kafka_consumer *c)
{
	c->wants_restart = true;
	if (c->is_busy || c->is_serving)
		return;
	or_loop_timer_cancel(c->again);
	c->again = NULL;
	begin_job(c, END);
}

void or_bus_kafka_consumer_restart(struct or_bus_kafka_consumer *c)
{
	if (c->wants_restart)
		return;
	c->restarts++;
	restart(c);
	c->opt.on_restart(c->opt.arg);
}

/* -- events -- */

static rd_kafka_resp_err_t error_of(rd_kafka_event_t *ev)
{
	return rd_kafka_event_type(ev) == RD_KAFKA_EVENT_ERROR ? rd_kafka_event_error(ev)
							       : RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void on_error(struct or_bus_kafka_consumer *c, rd_kafka_resp_err_t error, const char *text)
{
	/* A topic that is gone may come back as another one of that name. */
	bool is_gone = c->is_running && or_bus_kafka_code(error) == OR_ABSENT;

	if (error == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || is_gone ||
	    error == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE || error == RD_KAFKA_RESP_ERR__FATAL) {
		or_bus_kafka_consumer_restart(c);
		return;
	}
	or_bus_kafka_health_note(&c->health, error, text);
	/* Nothing tells when a broker is back that has nothing new for us. */
	if (!c->is_closing && c->health.state != OR_BUS_KAFKA_UP && !c->is_busy)
		try_later(c);
}

static bool serve_errors(struct or_bus_kafka_consumer *c, rd_kafka_queue_t **queue)
{
	for (int i = 0; i < EVENTS_A_TURN && *queue; i++) {
		rd_kafka_event_t *ev = rd_kafka_queue_poll(*queue, 0);
		rd_kafka_resp_err_t error;

		if (!ev)
			return false;
		error = error_of(ev);
		if (error)
			on_error(c, error, rd_kafka_event_error_string(ev));
		rd_kafka_event_destroy(ev);
	}
	return *queue != NULL;
}

static size_t get_headers(struct or_bus_kafka_header *out, const rd_kafka_message_t *m)
{
	rd_kafka_headers_t *headers;
	size_t n = 0;

	if (rd_kafka_message_headers(m, &headers))
		return 0;
	while (n < OR_BUS_KAFKA_HEADERS_MAX) {
		const void *value;
		size_t size;

		if (rd_kafka_header_get_all(headers, n, &out[n].name, &value, &size))
			break;
		out[n++].value = or_slice(value, size);
	}
	return n;
}

static void on_message(struct or_bus_kafka_consumer *c, uint32_t i, const rd_kafka_message_t *m)
{
	struct or_bus_kafka_header headers[OR_BUS_KAFKA_HEADERS_MAX];
	struct or_bus_kafka_message message = {.topic = c->opt.topic,
	    .key = or_slice(m->key, m->key_len),
	    .value = or_slice(m->payload, m->len),
	    .headers = headers,
	    .partition = i,
	    .offset = m->offset};

	if (m->err) {
		on_error(c, m->err, rd_kafka_message_errstr(m));
		return;
	}
	message.n_headers = get_headers(headers, m);
	c->messages++;
	if (c->health.state != OR_BUS_KAFKA_UP)
		or_bus_kafka_health_set(&c->health, OR_BUS_KAFKA_UP, NULL);
	if (!c->is_closing && !c->opt.take(c->opt.arg, &message))
		c->partitions[i].is_paused = true;
}

/* True where the partition may have more. */
static bool serve_one(struct or_bus_kafka_consumer *c, uint32_t i)
{
	struct partition *p = &c->partitions[i];
	rd_kafka_event_t *ev;
	const rd_kafka_message_t *m;

	if (!p->queue || p->is_paused || c->wants_restart || c->is_closing)
		return false;
	ev = rd_kafka_queue_poll(p->queue, 0);
	if (!ev)
		return false;
	if (error_of(ev))
		on_error(c, error_of(ev), rd_kafka_event_error_string(ev));
	/* One message an event, for a consumer. */
	while (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_FETCH && !c->is_closing &&
	       (m = rd_kafka_event_message_next(ev)))
		on_message(c, i, m);
	rd_kafka_event_destroy(ev);
	return true;
}

static bool serve_partitions(struct or_bus_kafka_consumer *c)
{
	uint32_t n = c->n, idle = 0;
	int left = EVENTS_A_TURN;

	if (!c->is_running)
		return false;
	for (; idle < n && left > 0; c->turn = (c->turn + 1) % n, left--)
		idle = serve_one(c, c->turn) ? 0 : idle + 1;
	return idle < n;
}

static bool serve(void *arg)
{
	struct or_bus_kafka_consumer *c = arg;
	bool more;

	c->is_serving = true;
	more = serve_errors(c, &c->main);
	more = serve_errors(c, &c->group) || more;
	more = serve_partitions(c) || more;
	c->is_serving = false;
	if (c->is_closing || c->wants_restart) {
		restart(c);
		return false;
	}
	return more;
}

/* -- beginning and end -- */

enum or_code or_bus_kafka_consumer_new(struct or_bus_kafka_consumer **out,
    const struct or_bus_kafka_consumer_opt *opt, struct or_err *err)
{
	struct or_bus_kafka_consumer *c;
	enum or_code rc = or_bus_kafka_check(opt->access, err);

	if (rc)
		return rc;
	if (opt->n_partitions > OR_BUS_KAFKA_PARTITIONS_MAX)
		return or_err_set(err, OR_INVAL, "Kafka: up to %d partitions can be consumed",
		    OR_BUS_KAFKA_PARTITIONS_MAX);
	c = or_mem_new(sizeof(*c));
	c->opt = *opt;
	c->health = (struct or_bus_kafka_health){.fn = opt->on_state, .arg = opt->arg};
	rc = or_bus_kafka_wake_init(&c->wake, opt->loop, serve, c, err);
	if (rc) {
		or_mem_free(c);
		return rc;
	}
	c->look = or_loop_timer_start(opt->loop, OR_BUS_KAFKA_CONSUMER_LOOK_NS, on_look, c);
	begin_job(c, FIND);
	*out = c;
	return OR_OK;
}

void or_bus_kafka_consumer_free(struct or_bus_kafka_consumer *c)
{
	if (!c)
		return;
	c->is_closing = true;
	/* Not where it begins anew: the topic may be another one by now. */
	c->commits = c->is_running && !c->wants_restart && c->health.state == OR_BUS_KAFKA_UP;
	c->health.fn = NULL;
	or_loop_timer_cancel(c->again);
	or_loop_timer_cancel(c->look);
	c->again = c->look = NULL;
	drop_queue(&c->main);
	drop_queue(&c->group);
	if (c->is_running || !c->is_busy) /* else the slow thread may be making them */
		drop_queues(c);
	or_bus_kafka_wake_done(&c->wake);
	restart(c);
}

void or_bus_kafka_consumer_resume(struct or_bus_kafka_consumer *c, uint32_t partition)
{
	OR_ASSERT(partition < c->n);
	if (!c->partitions[partition].is_paused)
		return;
	c->partitions[partition].is_paused = false;
	or_bus_kafka_wake_again(&c->wake);
}

void or_bus_kafka_consumer_show(struct or_bus_kafka_consumer *c, uint32_t partition, int64_t next)
{
	rd_kafka_topic_partition_list_t *list;

	if (!c->is_running || c->is_busy)
		return;
	list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, c->opt.topic, (int32_t)partition)->offset = next;
	/* It is for show: where it fails, the next one shows it. */
	(void)rd_kafka_offsets_store(c->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
}

void or_bus_kafka_consumer_get_info(
    struct or_bus_kafka_consumer_info *out, const struct or_bus_kafka_consumer *c)
{
	*out = (struct or_bus_kafka_consumer_info){.state = c->health.state,
	    .why = c->health.why,
	    .messages = c->messages,
	    .restarts = c->restarts};
}
