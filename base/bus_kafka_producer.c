/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bus_kafka_producer.h"

#include "base/bus_kafka_impl.h"
#include "base/mem.h"

#include <stdio.h>

#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)

enum { EVENTS_A_TURN = 64, WHY_MAX = 384 };

/* Between two tries to make a handle, and at least between two handles. */
static const int64_t REMAKE_NS = OR_NS_PER_S;
/* When who we are was refused: files may say something else by now. */
static const int64_t RENEW_NS = 10 * OR_NS_PER_S;

struct or_bus_kafka_send {
	struct or_bus_kafka_producer *p;
	struct or_bus_kafka_send *prev, *next;
	or_bus_kafka_sent_fn *fn; /* NULL: cancelled */
	void *arg;
};

struct or_bus_kafka_producer {
	struct or_bus_kafka_producer_opt opt;
	struct or_bus_kafka_wake wake;
	struct or_bus_kafka_health health;
	rd_kafka_t *rk; /* NULL: being made */
	rd_kafka_queue_t *queue;
	struct or_bus_kafka_send *under_way; /* what rk has to report */
	struct or_loop_timer *remake;
	bool is_closing;
	bool is_serving; /* events are held: the handle must stay */
	uint64_t delivered, failed, remade;
	size_t n_under_way;
	/* What the slow thread works on, while is_busy. */
	bool is_busy;
	bool is_wanted; /* a new handle is */
	rd_kafka_t *old;
	rd_kafka_t *made;
	enum or_code rc;
	struct or_err err;
};

static void remake(struct or_bus_kafka_producer *p);

/* -- on the slow thread -- */

static enum or_code make_handle(struct or_bus_kafka_producer *p)
{
	char linger[24], why[WHY_MAX];
	const struct or_bus_kafka_setting settings[] = {{"enable.idempotence", "true"},
	    {"acks", "all"}, {"compression.codec", "lz4"}, {"partitioner", "murmur2_random"},
	    {"linger.ms", linger}, {"message.timeout.ms", "0"},
	    {"queue.buffering.max.messages", TEXT(OR_BUS_KAFKA_PRODUCER_QUEUE)},
	    {"queue.buffering.max.kbytes", "6144"},
	    {"message.max.bytes", TEXT(OR_BUS_KAFKA_PRODUCER_MESSAGE_MAX)},
	    {"topic.metadata.propagation.max.ms", "5000"}};
	rd_kafka_conf_t *conf;
	enum or_code rc = or_bus_kafka_conf(&conf, p->opt.access, &p->err);

	if (rc)
		return rc;
	snprintf(linger, sizeof(linger), "%lld", (long long)(p->opt.linger_ns / OR_NS_PER_MS));
	rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
	rc = or_bus_kafka_set(conf, settings, OR_LEN(settings), &p->err);
	if (rc == OR_OK) {
		p->made = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
		if (!p->made)
			rc = or_err_set(&p->err, OR_INVAL, "Kafka: %s", why);
	}
	if (rc)
		rd_kafka_conf_destroy(conf);
	return rc;
}

static void work(void *arg)
{
	struct or_bus_kafka_producer *p = arg;

	if (p->old)
		rd_kafka_destroy(p->old);
	p->old = NULL;
	p->rc = p->is_wanted ? make_handle(p) : OR_CLOSED;
}

/* -- messages -- */

static void unlink_send(struct or_bus_kafka_send *s)
{
	if (s->prev)
		s->prev->next = s->next;
	else
		s->p->under_way = s->next;
	if (s->next)
		s->next->prev = s->prev;
	s->p->n_under_way--;
}

static void report(struct or_bus_kafka_send *s, enum or_code rc, const struct or_err *err)
{
	struct or_bus_kafka_producer *p = s->p;
	or_bus_kafka_sent_fn *fn = s->fn;
	void *fn_arg = s->arg;

	unlink_send(s);
	or_mem_free(s);
	if (rc)
		p->failed++;
	else
		p->delivered++;
	if (fn)
		fn(fn_arg, rc, err);
}

/* Its reports will never come. why NULL: nobody is told. */
static void give_up_all(struct or_bus_kafka_producer *p, const struct or_err *why)
{
	while (p->under_way && why && !p->is_closing)
		report(p->under_way, why->code, why);
	while (p->under_way) {
		struct or_bus_kafka_send *s = p->under_way;

		unlink_send(s);
		or_mem_free(s);
	}
}

/* -- making, and making anew -- */

static void drop_queue(struct or_bus_kafka_producer *p)
{
	or_bus_kafka_wake_unwatch(p->queue);
	if (p->queue)
		rd_kafka_queue_destroy(p->queue);
	p->queue = NULL;
}

static void on_remake(void *arg)
{
	struct or_bus_kafka_producer *p = arg;

	p->remake = NULL;
	remake(p);
}

static void finish_free(struct or_bus_kafka_producer *p)
{
	or_mem_free(p);
}

static void on_worked(void *arg)
{
	struct or_bus_kafka_producer *p = arg;

	p->is_busy = false;
	if (p->is_closing) {
		if (!p->made) {
			finish_free(p);
			return;
		}
		p->old = p->made; /* it was made while we were freed */
		p->made = NULL;
		remake(p);
		return;
	}
	if (p->rc) {
		or_bus_kafka_health_set(&p->health,
		    p->rc == OR_INVAL ? OR_BUS_KAFKA_MISFIT : OR_BUS_KAFKA_DENIED, &p->err);
		p->remake = or_loop_timer_start(p->opt.loop, 5 * REMAKE_NS, on_remake, p);
		return;
	}
	p->rk = p->made;
	p->made = NULL;
	p->queue = rd_kafka_queue_get_main(p->rk);
	or_bus_kafka_wake_watch(&p->wake, p->queue);
}

static void remake(struct or_bus_kafka_producer *p)
{
	p->is_busy = true;
	p->is_wanted = !p->is_closing;
	if (or_slow_submit(p->opt.slow, work, on_worked, p) == OR_OK)
		return;
	p->is_busy = false;
	if (p->is_closing) { /* the slow thread is going too: nothing is left to do it */
		work(p);
		on_worked(p);
	} else {
		p->remake = or_loop_timer_start(p->opt.loop, REMAKE_NS, on_remake, p);
	}
}

static void begin_anew(struct or_bus_kafka_producer *p, int64_t after_ns,
    enum or_bus_kafka_state state, const struct or_err *why)
{
	or_loop_timer_cancel(p->remake);
	drop_queue(p);
	p->old = p->rk;
	p->rk = NULL;
	p->remade++;
	p->remake = or_loop_timer_start(p->opt.loop, after_ns, on_remake, p);
	or_bus_kafka_health_set(&p->health, state, why);
	give_up_all(p, why);
}

static void on_renew(void *arg)
{
	struct or_bus_kafka_producer *p = arg;
	struct or_err why = p->health.why;

	p->remake = NULL;
	if (p->health.state == OR_BUS_KAFKA_DENIED)
		begin_anew(p, REMAKE_NS, OR_BUS_KAFKA_DENIED, &why);
}

/* Missing rights can be fatal too (a producer needs an id of the cluster): that is no reason to
 * come again at once. */
static void begin_after(
    struct or_bus_kafka_producer *p, rd_kafka_resp_err_t fatal, const char *text)
{
	bool is_denied = or_bus_kafka_code(fatal) == OR_DENIED;
	struct or_err why;

	or_err_set(
	    &why, is_denied ? OR_DENIED : OR_CLOSED, "Kafka: the producer is made anew: %s", text);
	if (is_denied)
		begin_anew(p, RENEW_NS, OR_BUS_KAFKA_DENIED, &why);
	else
		begin_anew(p, REMAKE_NS, OR_BUS_KAFKA_STARTING, &why);
}

static void check_health(struct or_bus_kafka_producer *p)
{
	char text[WHY_MAX];
	rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(p->rk, text, sizeof(text));

	if (fatal) {
		begin_after(p, fatal, text);
	} else if (p->health.state == OR_BUS_KAFKA_DENIED && !p->remake) {
		p->remake = or_loop_timer_start(p->opt.loop, RENEW_NS, on_renew, p);
	}
}

/* -- events -- */

static void on_reports(struct or_bus_kafka_producer *p, rd_kafka_event_t *ev)
{
	const rd_kafka_message_t *m;

	while (!p->is_closing && p->rk && (m = rd_kafka_event_message_next(ev))) {
		struct or_err err;
		enum or_code rc = or_bus_kafka_code(m->err);

		if (m->err && rd_kafka_fatal_error(p->rk, NULL, 0))
			continue; /* reported when the producer is made anew */
		if (rc) {
			or_err_set(&err, rc, "Kafka: %s", rd_kafka_err2str(m->err));
			if (rc == OR_DENIED && !or_bus_kafka_is_of_topic(m->err))
				or_bus_kafka_health_set(&p->health, OR_BUS_KAFKA_DENIED, &err);
		} else {
			or_bus_kafka_health_set(&p->health, OR_BUS_KAFKA_UP, NULL);
		}
		if (!p->is_closing)
			report(m->_private, rc, rc ? &err : NULL);
	}
}

static void on_event(struct or_bus_kafka_producer *p, rd_kafka_event_t *ev)
{
	if (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_DR)
		on_reports(p, ev);
	else if (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_ERROR &&
		 rd_kafka_event_error(ev) != RD_KAFKA_RESP_ERR__FATAL &&
		 !or_bus_kafka_is_of_topic(rd_kafka_event_error(ev)))
		or_bus_kafka_health_note(
		    &p->health, rd_kafka_event_error(ev), rd_kafka_event_error_string(ev));
}

static bool serve(void *arg)
{
	struct or_bus_kafka_producer *p = arg;
	rd_kafka_event_t *ev = NULL;

	p->is_serving = true;
	for (int i = 0; p->queue && i < EVENTS_A_TURN; i++) {
		ev = rd_kafka_queue_poll(p->queue, 0);
		if (!ev)
			break;
		on_event(p, ev);
		rd_kafka_event_destroy(ev);
	}
	p->is_serving = false;
	if (p->is_closing) {
		remake(p);
		return false;
	}
	if (ev)
		return true;
	if (p->rk)
		check_health(p);
	return false;
}

/* -- sending -- */

static rd_kafka_headers_t *make_headers(const struct or_bus_kafka_message *m)
{
	rd_kafka_headers_t *headers = rd_kafka_headers_new(m->n_headers);

	for (size_t i = 0; i < m->n_headers; i++)
		OR_ASSERT(rd_kafka_header_add(headers, m->headers[i].name, -1,
			      m->headers[i].value.p, (ssize_t)m->headers[i].value.n) == 0);
	return headers;
}

static void link_send(struct or_bus_kafka_producer *p, struct or_bus_kafka_send *s)
{
	s->p = p;
	s->next = p->under_way;
	if (s->next)
		s->next->prev = s;
	p->under_way = s;
	p->n_under_way++;
}

static enum or_code produce(struct or_bus_kafka_producer *p, const struct or_bus_kafka_message *m,
    struct or_bus_kafka_send *s, struct or_err *err)
{
	/* librdkafka takes no const, and copies; without a pointer a value would be null */
	union {
		const void *in;
		void *out;
	} key = {m->key.p ? m->key.p : (const void *)""},
	  value = {m->value.p ? m->value.p : (const void *)""};
	rd_kafka_headers_t *headers = make_headers(m);
	rd_kafka_resp_err_t error = rd_kafka_producev(p->rk, RD_KAFKA_V_TOPIC(m->topic),
	    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key.out, m->key.n),
	    RD_KAFKA_V_VALUE(value.out, m->value.n), RD_KAFKA_V_HEADERS(headers),
	    RD_KAFKA_V_OPAQUE(s), RD_KAFKA_V_END);
	enum or_code rc = or_bus_kafka_code(error);

	if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
		return OR_OK;
	rd_kafka_headers_destroy(headers);
	if (error == RD_KAFKA_RESP_ERR__FATAL)
		or_bus_kafka_wake_again(&p->wake);
	return or_err_set(err, rc, "Kafka: %s", rd_kafka_err2str(error));
}

enum or_code or_bus_kafka_producer_send(struct or_bus_kafka_send **out,
    struct or_bus_kafka_producer *p, const struct or_bus_kafka_message *message,
    or_bus_kafka_sent_fn *fn, void *arg, struct or_err *err)
{
	struct or_bus_kafka_send *s;
	enum or_code rc;

	OR_ASSERT(message->n_headers <= OR_BUS_KAFKA_HEADERS_MAX);
	if (!p->rk)
		return or_err_set(err, OR_AGAIN, "%s",
		    p->health.why.code ? p->health.why.msg : "Kafka: the producer is being made");
	s = or_mem_new(sizeof(*s));
	s->fn = fn;
	s->arg = arg;
	link_send(p, s);
	rc = produce(p, message, s, err);
	if (rc) {
		unlink_send(s);
		or_mem_free(s);
	} else {
		*out = s;
	}
	return rc;
}

void or_bus_kafka_producer_cancel(struct or_bus_kafka_send *send)
{
	if (send)
		send->fn = NULL;
}

/* -- beginning and end -- */

enum or_code or_bus_kafka_producer_new(struct or_bus_kafka_producer **out,
    const struct or_bus_kafka_producer_opt *opt, struct or_err *err)
{
	struct or_bus_kafka_producer *p;
	enum or_code rc = or_bus_kafka_check(opt->access, err);

	if (rc)
		return rc;
	p = or_mem_new(sizeof(*p));
	p->opt = *opt;
	if (!p->opt.linger_ns)
		p->opt.linger_ns = 50 * OR_NS_PER_MS;
	p->health = (struct or_bus_kafka_health){.fn = opt->on_state, .arg = opt->arg};
	rc = or_bus_kafka_wake_init(&p->wake, opt->loop, serve, p, err);
	if (rc) {
		or_mem_free(p);
		return rc;
	}
	remake(p);
	*out = p;
	return OR_OK;
}

void or_bus_kafka_producer_free(struct or_bus_kafka_producer *p)
{
	if (!p)
		return;
	p->is_closing = true;
	p->health.fn = NULL;
	or_loop_timer_cancel(p->remake);
	p->remake = NULL;
	drop_queue(p);
	give_up_all(p, NULL);
	or_bus_kafka_wake_done(&p->wake);
	if (p->rk)
		p->old = p->rk;
	p->rk = NULL;
	if (!p->is_busy && !p->is_serving)
		remake(p);
}

void or_bus_kafka_producer_get_info(
    struct or_bus_kafka_producer_info *out, const struct or_bus_kafka_producer *p)
{
	*out = (struct or_bus_kafka_producer_info){.state = p->health.state,
	    .why = p->health.why,
	    .delivered = p->delivered,
	    .failed = p->failed,
	    .remade = p->remade,
	    .under_way = p->n_under_way};
}
