/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Kafka producer on a loop: idempotent, acks=all, lz4, the key's partition by murmur2 (as Java's
 * client). Each message is reported once: delivered, or why not.
 *
 *	starting ─made─▶ running ─fatal error─▶ remade: what was under way is reported OR_CLOSED,
 *	                    ▲───────────────────────┘      and may have arrived or not
 *
 * A producer that is refused by its brokers is made anew now and then, as its files may have
 * changed; what was under way is then reported OR_DENIED. What is wrong with a topic is said of its
 * messages alone: others go on, and the state is of all of them.
 *
 * A message waits for its broker as long as that takes: there is no timeout, as giving up and
 * sending again is what an idempotent producer must not do. While brokers are away the state says
 * so. Its queue is memory: what must not be lost lies in the sender's own store until reported.
 *
 * Thread: the loop's. The handle is made and destroyed on the slow thread, which may take seconds
 * there: not one that somebody waits for.
 * Limits: OR_BUS_KAFKA_PRODUCER_QUEUE messages, OR_BUS_KAFKA_PRODUCER_BYTES.
 */
#ifndef BASE_BUS_KAFKA_PRODUCER_H
#define BASE_BUS_KAFKA_PRODUCER_H

#include "base/bus_kafka.h"
#include "base/slow.h"

#define OR_BUS_KAFKA_PRODUCER_QUEUE 20000
#define OR_BUS_KAFKA_PRODUCER_BYTES (6U * 1024 * 1024)
/* Of one message, with key and headers: what a broker takes by default (1,048,588), less what the
 * protocol puts around it. */
#define OR_BUS_KAFKA_PRODUCER_MESSAGE_MAX 1040000

struct or_bus_kafka_producer;

struct or_bus_kafka_producer_opt {
	struct or_loop *loop;
	struct or_slow *slow;
	const struct or_bus_kafka_access *access; /* outlives the producer */
	int64_t linger_ns; /* how long messages are collected for a request; 0: 50 ms */
	or_bus_kafka_state_fn *on_state; /* NULL: nobody */
	void *arg;
};

/* OR_INVAL: or_bus_kafka_check's. OR_IO. Files that cannot be read are a state, not an error. */
OR_NODISCARD enum or_code or_bus_kafka_producer_new(struct or_bus_kafka_producer **out,
    const struct or_bus_kafka_producer_opt *opt, struct or_err *err);
/* Nothing is called any more; messages under way are given up. The slow thread ends it: free that
 * afterwards. NULL does nothing. */
void or_bus_kafka_producer_free(struct or_bus_kafka_producer *p);

/* OR_OK: delivered, under acks=all. OR_INVAL: the message (too large). OR_DENIED, OR_ABSENT: the
 * topic. OR_CLOSED: not known; send it again. err is valid during the call. */
typedef void or_bus_kafka_sent_fn(void *arg, enum or_code rc, const struct or_err *err);

/* Everything is copied. fn is called once, later. The handle is gone when it has been called.
 * OR_AGAIN: the producer is being made. OR_FULL: its queue is. OR_DENIED, OR_ABSENT, OR_INVAL:
 * refused at once. */
struct or_bus_kafka_send;
OR_NODISCARD enum or_code or_bus_kafka_producer_send(struct or_bus_kafka_send **out,
    struct or_bus_kafka_producer *p, const struct or_bus_kafka_message *message,
    or_bus_kafka_sent_fn *fn, void *arg, struct or_err *err);
/* fn is not called; the message may arrive all the same. NULL does nothing. */
void or_bus_kafka_producer_cancel(struct or_bus_kafka_send *send);

struct or_bus_kafka_producer_info {
	enum or_bus_kafka_state state;
	struct or_err why;  /* code OR_OK where there is nothing to say */
	uint64_t delivered; /* messages */
	uint64_t failed;
	uint64_t remade; /* after fatal errors */
	size_t under_way;
};
void or_bus_kafka_producer_get_info(
    struct or_bus_kafka_producer_info *out, const struct or_bus_kafka_producer *p);

#endif
