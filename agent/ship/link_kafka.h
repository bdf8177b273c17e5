/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches over Kafka: one message each, its key the product's id, the frame in the header
 * "outrider-frame". A batch has arrived when its delivery report says so, under acks=all; only then
 * does the shipper move its cursor in the spool, so what a producer loses is sent again by the
 * next. Telemetry is bare: one record a message, so that whoever
 * knows OTLP or OpenLineage reads their topics. All share one producer.
 *
 * A broker that is away is trouble, not an answer: the message waits in the producer. A topic that
 * is not there, or not ours to write to, is refused.
 * Thread: the loop's; a slow thread of its own, so that nobody's fsync waits for a broker.
 */
#ifndef AGENT_SHIP_LINK_KAFKA_H
#define AGENT_SHIP_LINK_KAFKA_H

#include "agent/ship/link.h"
#include "base/bus_kafka.h"
#include "base/loop.h"

#define AG_LINK_KAFKA_FRAME "outrider-frame"

struct ag_link_kafka;

/* Each is a link of its own, with a watcher of its own. */
enum ag_link_kafka_use { AG_LINK_KAFKA_AUDIT, AG_LINK_KAFKA_TELEMETRY, AG_LINK_KAFKA_USES };

/* access outlives the link. OR_INVAL: values that do not fit each other. */
OR_NODISCARD enum or_code ag_link_kafka_new(struct ag_link_kafka **out, struct or_loop *loop,
    const struct or_bus_kafka_access *access, struct or_err *err);
/* When nothing is under way. Blocks for as long as librdkafka takes to end. NULL does nothing. */
void ag_link_kafka_free(struct ag_link_kafka *link);

const struct ag_link *ag_link_kafka_get(
    const struct ag_link_kafka *link, enum ag_link_kafka_use use);

#endif
