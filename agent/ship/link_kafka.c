/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/ship/link_kafka.h"

#include "base/arena.h"
#include "base/bus_kafka_producer.h"
#include "base/mem.h"
#include "base/slow.h"
#include "base/str.h"

#include <stdio.h>

enum { SLOW_MAX = 8, TOPIC_MAX = 64 };

/* A batch has grown for as long as it may before it comes here; this gathers those of several
 * streams. */
static const int64_t LINGER_NS = 5 * OR_NS_PER_MS;

struct port {
	struct ag_link link;
	struct ag_link_kafka *kafka;
	ag_link_trouble_fn *trouble;
	void *trouble_arg;
};

struct ag_link_kafka {
	struct port ports[AG_LINK_KAFKA_USES];
	struct or_slow *slow;
	struct or_bus_kafka_producer *producer;
};

struct call {
	struct or_bus_kafka_send *send;
	ag_link_answer_fn *fn;
	void *arg;
	char topic[TOPIC_MAX]; /* for people */
};

static void on_state(void *arg, enum or_bus_kafka_state state, const struct or_err *why)
{
	struct ag_link_kafka *link = arg;
	enum or_code code = state == OR_BUS_KAFKA_UP            ? OR_OK
			    : state == OR_BUS_KAFKA_UNREACHABLE ? OR_CLOSED
								: OR_DENIED;

	if (state == OR_BUS_KAFKA_STARTING)
		return;
	for (size_t i = 0; i < OR_LEN(link->ports); i++) {
		const struct port *port = &link->ports[i];

		if (port->trouble)
			port->trouble(port->trouble_arg, code, why->msg);
	}
}

static void watch(void *self, ag_link_trouble_fn *fn, void *arg)
{
	struct port *port = self;

	port->trouble = fn;
	port->trouble_arg = arg;
}

/* What a change of the topic, its rights or the batch would mend, and nothing else. */
static bool is_refused(enum or_code rc)
{
	return rc == OR_DENIED || rc == OR_ABSENT || rc == OR_INVAL;
}

static void on_sent(void *arg, enum or_code rc, const struct or_err *err)
{
	struct call call = *(struct call *)arg;
	struct ag_link_answer answer = {.code = is_refused(rc) ? OR_DENIED : rc, .detail = ""};
	struct or_err why;

	if (rc) {
		why = *err;
		or_err_wrap(&why, rc, "topic %s", call.topic);
		answer.detail = why.msg;
	}
	or_mem_free(arg);
	call.fn(call.arg, &answer);
}

static enum or_code send_batch(void *self, void **out, const struct ag_link_batch *batch,
    ag_link_answer_fn *fn, void *arg, struct or_err *err)
{
	struct ag_link_kafka *link = ((struct port *)self)->kafka;
	struct or_bus_kafka_header frame = {AG_LINK_KAFKA_FRAME, batch->frame};
	struct or_arena *a = or_arena_new(0);
	struct or_bus_kafka_message message = {.topic = or_arena_strdup(a, batch->topic),
	    .key = batch->key,
	    .value = batch->body,
	    .headers = &frame,
	    .n_headers = 1};
	struct call *call = or_mem_new(sizeof(*call));
	enum or_code rc;

	*call = (struct call){.fn = fn, .arg = arg};
	snprintf(call->topic, sizeof(call->topic), "%s", message.topic);
	rc = or_bus_kafka_producer_send(&call->send, link->producer, &message, on_sent, call, err);
	or_arena_free(a);
	if (rc) {
		or_err_wrap(err, rc, "topic %s", call->topic);
		or_mem_free(call);
		return is_refused(rc) ? OR_DENIED : rc;
	}
	*out = call;
	return OR_OK;
}

static void cancel(void *arg)
{
	struct call *call = arg;

	if (!call)
		return;
	or_bus_kafka_producer_cancel(call->send);
	or_mem_free(call);
}

enum or_code ag_link_kafka_new(struct ag_link_kafka **out, struct or_loop *loop,
    const struct or_bus_kafka_access *access, struct or_err *err)
{
	struct ag_link_kafka *link = or_mem_new(sizeof(*link));
	struct or_bus_kafka_producer_opt opt = {.loop = loop,
	    .access = access,
	    .linger_ns = LINGER_NS,
	    .on_state = on_state,
	    .arg = link};
	enum or_code rc = or_slow_new(&link->slow, loop, SLOW_MAX, err);

	opt.slow = link->slow;
	if (rc == OR_OK)
		rc = or_bus_kafka_producer_new(&link->producer, &opt, err);
	if (rc) {
		ag_link_kafka_free(link);
		return rc;
	}
	for (size_t i = 0; i < OR_LEN(link->ports); i++) {
		struct port *port = &link->ports[i];

		port->kafka = link;
		port->link = (struct ag_link){.name = "kafka",
		    .peer = access->brokers,
		    .is_bare = i != AG_LINK_KAFKA_AUDIT,
		    .self = port,
		    .send = send_batch,
		    .cancel = cancel,
		    .watch = watch};
	}
	*out = link;
	return OR_OK;
}

void ag_link_kafka_free(struct ag_link_kafka *link)
{
	if (!link)
		return;
	or_bus_kafka_producer_free(link->producer);
	or_slow_free(link->slow);
	or_mem_free(link);
}

const struct ag_link *ag_link_kafka_get(
    const struct ag_link_kafka *link, enum ag_link_kafka_use use)
{
	return &link->ports[use].link;
}
