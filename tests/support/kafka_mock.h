/* SPDX-License-Identifier: Apache-2.0 */
/*
 * librdkafka's mock cluster: brokers in this process, on loopback, for unit and fault tests. It
 * keeps 5 MiB a partition, knows no TLS, SASL or ACL, and drops nothing that an idempotent producer
 * sends twice: what needs these is a scenario against the real Kafka.
 */
#ifndef TESTS_SUPPORT_KAFKA_MOCK_H
#define TESTS_SUPPORT_KAFKA_MOCK_H

#include "base/def.h"

struct kafka_mock;

/* One broker. */
struct kafka_mock *kafka_mock_new(void);
void kafka_mock_free(struct kafka_mock *m);

/* "127.0.0.1:43210" */
const char *kafka_mock_brokers(const struct kafka_mock *m);
void kafka_mock_topic(struct kafka_mock *m, const char *name, int partitions);
void kafka_mock_set_up(struct kafka_mock *m, bool up);

/* How the next n produce requests fail. */
enum kafka_mock_failure {
	KAFKA_MOCK_OUT_OF_ORDER, /* fatal for an idempotent producer */
	KAFKA_MOCK_DENIED,
	KAFKA_MOCK_TOO_LARGE,
	KAFKA_MOCK_NOT_LEADER, /* tried again by librdkafka */
};
void kafka_mock_fail_produce(struct kafka_mock *m, enum kafka_mock_failure failure, int n);
/* The next n fetches say that the offset is out of range. */
void kafka_mock_fail_fetch(struct kafka_mock *m, int n);

/* Writes "<prefix><i>" for i = 0.. n - 1 into a partition, with the header outrider-frame: "h<i>".
 */
void kafka_mock_fill(
    struct kafka_mock *m, const char *topic, int partition, const char *prefix, int n);
/* The offset of a group, as if it had read that far. */
void kafka_mock_commit(
    struct kafka_mock *m, const char *group, const char *topic, int partition, int64_t next);

#endif
