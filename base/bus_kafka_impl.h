/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For base/bus_kafka_*.c alone: librdkafka's configuration, its errors as our codes, and its queues
 * on a loop.
 *
 * Thread: or_bus_kafka_conf on the slow thread (it reads files), the rest on the loop's.
 */
#ifndef BASE_BUS_KAFKA_IMPL_H
#define BASE_BUS_KAFKA_IMPL_H

#include "base/bus_kafka.h"
#include "base/loop.h"

#include <librdkafka/rdkafka.h>

/* What both ends have in common; *out is the caller's (rd_kafka_conf_destroy, or rd_kafka_new's).
 * OR_ABSENT, OR_DENIED, OR_IO: a file. OR_INVAL: what librdkafka does not take. */
OR_NODISCARD enum or_code or_bus_kafka_conf(
    rd_kafka_conf_t **out, const struct or_bus_kafka_access *access, struct or_err *err);

struct or_bus_kafka_setting {
	const char *name;
	const char *value;
};
OR_NODISCARD enum or_code or_bus_kafka_set(rd_kafka_conf_t *conf,
    const struct or_bus_kafka_setting *settings, size_t n, struct or_err *err);

/* OR_DENIED: authentication, authorization, certificates. OR_ABSENT: topic or partition. OR_INVAL:
 * the message. OR_FULL: the queue. OR_TIMEOUT. OR_CLOSED: everything else. */
enum or_code or_bus_kafka_code(rd_kafka_resp_err_t error);
/* True where a topic is not there or not ours: who we are was believed. */
bool or_bus_kafka_is_of_topic(rd_kafka_resp_err_t error);

/* What librdkafka last said, and the state that follows. */
struct or_bus_kafka_health {
	enum or_bus_kafka_state state;
	struct or_err why;
	or_bus_kafka_state_fn *fn; /* told of changes */
	void *arg;
};

void or_bus_kafka_health_set(
    struct or_bus_kafka_health *h, enum or_bus_kafka_state state, const struct or_err *why);
/* An error event that is not fatal. */
void or_bus_kafka_health_note(
    struct or_bus_kafka_health *h, rd_kafka_resp_err_t error, const char *text);

/* librdkafka's threads wake a loop through an eventfd: once when an empty queue gets something, and
 * not again before it is served. So fn serves all there is, or says that more is left. */
typedef bool or_bus_kafka_serve_fn(void *arg);

struct or_bus_kafka_wake {
	int fd;
	struct or_loop_io *io;
	or_bus_kafka_serve_fn *fn;
	void *arg;
};

OR_NODISCARD enum or_code or_bus_kafka_wake_init(struct or_bus_kafka_wake *w, struct or_loop *loop,
    or_bus_kafka_serve_fn *fn, void *arg, struct or_err *err);
/* No queue may be watched any more. */
void or_bus_kafka_wake_done(struct or_bus_kafka_wake *w);
void or_bus_kafka_wake_watch(struct or_bus_kafka_wake *w, rd_kafka_queue_t *queue);
/* NULL does nothing. */
void or_bus_kafka_wake_unwatch(rd_kafka_queue_t *queue);
/* Serves again in another turn. */
void or_bus_kafka_wake_again(struct or_bus_kafka_wake *w);

#endif
