/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One topic of Kafka, read to where it is kept (struct co_kafka_sink). What agent/ship puts in: key
 * the product's id, header "outrider-frame" the frame, value a batch, or, on a bare topic, one
 * record as it is, which others read and write too.
 *
 * Exactly once: with each message that adds something, the sink stores how far its partition is
 * done (collector/ingest/ingest.h, struct co_ingest_source); reading goes on there, and what comes
 * again is known by its numbers. Kafka's own group offsets show people the lag, and tell a topic
 * that was deleted and made anew (base/bus_kafka_consumer.h): that is read from its beginning.
 * Order: messages of one stream are taken one after the other; others overtake. One that the sink
 * cannot take now is tried again, and its partition waits; one that it refuses goes to the
 * dead-letter folder, and reading goes on. A batch of a product that another shard owns (some
 * other partitioner) is stored there, without a position.
 *
 * Thread: the loop's; a slow thread of its own. Logs its events.
 * Limits: CO_KAFKA_WINDOW messages of a partition in memory, and CO_KAFKA_WINDOW_BYTES and one
 * more; OR_BUS_KAFKA_PARTITIONS_MAX partitions.
 */
#ifndef COLLECTOR_INGEST_KAFKA_H
#define COLLECTOR_INGEST_KAFKA_H

#include "base/bus_kafka.h"
#include "collector/ingest/ingest.h"

#define CO_KAFKA_TOPIC        "outrider.audit"
#define CO_KAFKA_FRAME        "outrider-frame"
#define CO_KAFKA_WINDOW       64
#define CO_KAFKA_WINDOW_BYTES (8U * 1024 * 1024)

struct co_kafka;

/* Where a topic's messages go. Borrowed, as all it points to. */
struct co_kafka_sink {
	const char *topic;
	bool is_bare;
	/* So many partitions it must have, each the shard of its number; 0: however many there are,
	 * and shard is 0 for all. */
	uint32_t n_shards;
	void *self;
	/* As co_ingest_submit, co_ingest_cancel and co_ingest_next, of that shard. */
	void *(*submit)(void *self, uint32_t shard, const struct co_ingest_request *request,
	    co_ingest_fn *fn, void *arg);
	void (*cancel)(void *call);
	uint64_t (*next)(void *self, struct or_slice name, uint32_t partition);
};

struct co_kafka_opt {
	struct or_loop *loop;
	const struct or_bus_kafka_access *access; /* outlives it, as group does */
	const char *group;
	struct co_kafka_sink sink;
	/* A message of that agent was stored. NULL: nobody asks. */
	void (*on_agent)(void *arg, const uint8_t uuid[16]);
	void *arg;
};

/* OR_INVAL: an option. That no broker is there is a state. */
OR_NODISCARD enum or_code co_kafka_open(
    struct co_kafka **out, const struct co_kafka_opt *opt, struct or_err *err);
/* Takes nothing more and forgets what is under way (it comes again). Before the sink is closed.
 * NULL does nothing. */
void co_kafka_stop(struct co_kafka *k);
/* Stops it; blocks for as long as librdkafka takes to end. NULL does nothing. */
void co_kafka_close(struct co_kafka *k);

struct co_kafka_info {
	const char *topic;
	enum or_bus_kafka_state state;
	struct or_err why;
	uint32_t partitions; /* that are known */
	uint64_t messages, stored, refused, retried, misrouted;
};
void co_kafka_get_info(struct co_kafka_info *out, const struct co_kafka *k);
/* Everything below is stored, or refused; 0 where nothing is known yet. */
uint64_t co_kafka_next(const struct co_kafka *k, uint32_t partition);

#endif
