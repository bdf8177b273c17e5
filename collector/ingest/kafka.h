/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches from Kafka: topic outrider.audit, one partition for each shard. What agent/ship puts in:
 * key the product's id, header "outrider-frame" the frame, value the batch.
 *
 * Exactly once: with each batch that adds something, the shard stores how far its partition is done
 * (collector/ingest/ingest.h, struct co_ingest_source); reading goes on there, and what comes again
 * is known by its numbers. Kafka's own group offsets only show people the lag.
 * Order: batches of one stream are taken one after the other; others overtake. A batch that the
 * shard cannot take now is tried again, and its partition waits; one that it refuses goes to the
 * dead-letter folder, and reading goes on. A batch of a product that another shard owns (some
 * other partitioner) is stored there, without a position.
 *
 * Thread: the loop's; a slow thread of its own. Logs its events.
 * Limits: CO_KAFKA_WINDOW batches of a partition in memory, and CO_KAFKA_WINDOW_BYTES and one more.
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

struct co_kafka_opt {
	struct or_loop *loop;
	const struct or_bus_kafka_access *access; /* outlives it, as group does */
	const char *group;
	struct co_ingest *const *shards; /* copied; they outlive it */
	uint32_t n_shards;
	/* A batch of that agent was stored. NULL: nobody asks. */
	void (*on_agent)(void *arg, const uint8_t uuid[16]);
	void *arg;
};

/* OR_INVAL: an option. That no broker is there is a state. */
OR_NODISCARD enum or_code co_kafka_open(
    struct co_kafka **out, const struct co_kafka_opt *opt, struct or_err *err);
/* Takes nothing more and forgets what is under way (it comes again). Before the shards are closed.
 * Blocks for as long as librdkafka takes to end. NULL does nothing. */
void co_kafka_close(struct co_kafka *k);

struct co_kafka_info {
	enum or_bus_kafka_state state;
	struct or_err why;
	uint64_t messages, stored, refused, retried, misrouted;
};
void co_kafka_get_info(struct co_kafka_info *out, const struct co_kafka *k);
/* Everything below is stored, or refused; 0 where nothing is known yet. */
uint64_t co_kafka_next(const struct co_kafka *k, uint32_t partition);

#endif
