/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Kafka consumer on a loop: all partitions of one topic, from offsets that the owner keeps.
 *
 *	starting ─topic, cluster─▶ asks begin() for offsets ─in range?─▶ running
 *	   ▲  ▲        │ not there, refused, other number of partitions: said, tried again
 *	   │  └────────┘
 *	   └──────────── fatal error, or an offset that is gone: everything is made anew
 *
 * The truth about what was consumed is the owner's (it commits offsets with its data). The group's
 * offsets in Kafka show people how far it is, and whether the topic is still the same: they go with
 * a topic that is deleted. So it begins at the lower one of both, and where that is not there any
 * more (retention, a topic made anew), at the first one that is; on_skip says so. Never in silence,
 * never at the end; the owner must know what comes again.
 *
 * Partitions that are added to the topic are found within OR_BUS_KAFKA_CONSUMER_LOOK_NS.
 *
 * Thread: the loop's. What blocks runs on the slow thread, seconds at a time: not one that somebody
 * waits for.
 * Limits: OR_BUS_KAFKA_PARTITIONS_MAX partitions; OR_BUS_KAFKA_CONSUMER_BYTES are read ahead for a
 * partition that is not taken from.
 */
#ifndef BASE_BUS_KAFKA_CONSUMER_H
#define BASE_BUS_KAFKA_CONSUMER_H

#include "base/bus_kafka.h"
#include "base/slow.h"

#define OR_BUS_KAFKA_PARTITIONS_MAX 64
#define OR_BUS_KAFKA_CONSUMER_BYTES (4U * 1024 * 1024)
/* How often the number of partitions is looked at. */
#define OR_BUS_KAFKA_CONSUMER_LOOK_NS (60 * OR_NS_PER_S)

struct or_bus_kafka_consumer;

struct or_bus_kafka_consumer_opt {
	struct or_loop *loop;
	struct or_slow *slow;
	const struct or_bus_kafka_access *access; /* outlives the consumer, as these texts: */
	const char *topic;
	const char *group;     /* under which Kafka shows how far we are */
	uint32_t n_partitions; /* what the topic must have; 0: however many it has */

	/* The next offset to read; < 0: from the beginning. cluster is Kafka's id of itself. */
	int64_t (*begin)(void *arg, const char *cluster, uint32_t partition);
	/* The message is valid during the call. False: no more of this partition for now, until
	 * or_bus_kafka_consumer_resume. */
	bool (*take)(void *arg, const struct or_bus_kafka_message *message);
	/* wanted is not there, or lies behind what Kafka says of the group; it goes on at `from`.
	 */
	void (*on_skip)(void *arg, uint32_t partition, int64_t wanted, int64_t from);
	/* Messages that were taken may come again: it begins anew. */
	void (*on_restart)(void *arg);
	or_bus_kafka_state_fn *on_state;
	void *arg;
};

/* OR_INVAL: an option. OR_IO. Everything else is a state. */
OR_NODISCARD enum or_code or_bus_kafka_consumer_new(struct or_bus_kafka_consumer **out,
    const struct or_bus_kafka_consumer_opt *opt, struct or_err *err);
/* Nothing is called any more. The slow thread ends it: free that afterwards. NULL does nothing. */
void or_bus_kafka_consumer_free(struct or_bus_kafka_consumer *c);

/* Takes from that partition again. */
void or_bus_kafka_consumer_resume(struct or_bus_kafka_consumer *c, uint32_t partition);
/* Everything below `next` is done: for people who watch the group's lag. Cheap. */
void or_bus_kafka_consumer_show(struct or_bus_kafka_consumer *c, uint32_t partition, int64_t next);
/* Everything anew, from what begin() says. */
void or_bus_kafka_consumer_restart(struct or_bus_kafka_consumer *c);

struct or_bus_kafka_consumer_info {
	enum or_bus_kafka_state state;
	struct or_err why;
	uint64_t messages;
	uint64_t restarts;
};
void or_bus_kafka_consumer_get_info(
    struct or_bus_kafka_consumer_info *out, const struct or_bus_kafka_consumer *c);

#endif
