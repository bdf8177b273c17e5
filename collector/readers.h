/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that is read from Kafka: the audit topic into the shards, each telemetry topic into its own
 * depot. Each topic has a reader of its own (collector/ingest/kafka.h): one that is missing or
 * refused keeps no other waiting.
 *
 * Thread: the loop's.
 */
#ifndef COLLECTOR_READERS_H
#define COLLECTOR_READERS_H

#include "collector/ingest/kafka.h"
#include "collector/telemetry/topics.h"

#define CO_READERS_N (1 + CO_TOPICS_N)

struct co_readers {
	struct co_kafka *list[CO_READERS_N]; /* the audit topic's first; NULL: not opened */
	struct co_ingest **shards;
};

struct co_readers_opt {
	struct or_loop *loop;
	const struct or_bus_kafka_access *access; /* outlives them, as group does */
	const char *group;
	struct co_ingest *const *shards; /* copied; they outlive it */
	uint32_t n_shards;
	struct co_telemetry *const *topics;                  /* CO_TOPICS_N; they outlive it */
	void (*on_agent)(void *arg, const uint8_t uuid[16]); /* as co_kafka_opt */
	void *arg;
};

/* Errors are those of co_kafka_open. The caller closes *out on failure too; it stays where it is.
 */
OR_NODISCARD enum or_code co_readers_open(
    struct co_readers *out, const struct co_readers_opt *opt, struct or_err *err);
/* As co_kafka_close; of one that is all zero, nothing. */
void co_readers_close(struct co_readers *r);

#endif
