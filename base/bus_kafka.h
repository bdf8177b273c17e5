/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Apache Kafka, by librdkafka: what producer (base/bus_kafka_producer.h) and consumer
 * (base/bus_kafka_consumer.h) have in common: how brokers are reached, and how it goes.
 *
 * Thread: any; nothing here has a state of its own.
 */
#ifndef BASE_BUS_KAFKA_H
#define BASE_BUS_KAFKA_H

#include "base/err.h"

/* As Kafka's security.protocol names them: "PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL". */
enum or_bus_kafka_security {
	OR_BUS_KAFKA_PLAINTEXT,
	OR_BUS_KAFKA_SSL,
	OR_BUS_KAFKA_SASL_PLAINTEXT,
	OR_BUS_KAFKA_SASL_SSL,
};
#define OR_BUS_KAFKA_SECURITIES "plaintext|ssl|sasl_plaintext|sasl_ssl"

enum or_bus_kafka_mechanism {
	OR_BUS_KAFKA_SCRAM_SHA_512,
	OR_BUS_KAFKA_SCRAM_SHA_256,
	OR_BUS_KAFKA_PLAIN,
};
#define OR_BUS_KAFKA_MECHANISMS "scram-sha-512|scram-sha-256|plain"

#define OR_BUS_KAFKA_PASSWORD_MAX 1024

/* Borrowed texts; NULL where there is none. Files are read anew for each connection to a cluster,
 * so that what was rotated is taken. */
struct or_bus_kafka_access {
	const char *brokers;   /* "host:port,host:port" */
	const char *client_id; /* what the brokers' logs call us */
	int security;          /* enum or_bus_kafka_security */
	int mechanism;         /* enum or_bus_kafka_mechanism */
	const char *username;
	const char *password_file; /* one line */
	const char *ca_file;       /* PEM; NULL: the system's */
	const char *cert_file;     /* PEM, for mTLS */
	const char *key_file;
};

/* OR_INVAL: values that do not fit each other; the message says which. Reads no file. */
OR_NODISCARD enum or_code or_bus_kafka_check(
    const struct or_bus_kafka_access *access, struct or_err *err);

enum or_bus_kafka_state {
	OR_BUS_KAFKA_STARTING,    /* nothing is known yet */
	OR_BUS_KAFKA_UP,          /* the last exchange went well */
	OR_BUS_KAFKA_UNREACHABLE, /* no broker answers; tried again by itself */
	OR_BUS_KAFKA_DENIED,      /* who we are, or may, is refused; tried again, but somebody must
				     look */
	OR_BUS_KAFKA_MISFIT,      /* the topic is not there, or not as it must be */
};
/* "starting", "up", "unreachable", "denied", "misfit". */
const char *or_bus_kafka_state_name(enum or_bus_kafka_state state);

/* why is valid during the call; code OR_OK where there is nothing to say. */
typedef void or_bus_kafka_state_fn(
    void *arg, enum or_bus_kafka_state state, const struct or_err *why);

struct or_bus_kafka_header {
	const char *name;
	struct or_slice value;
};

#define OR_BUS_KAFKA_HEADERS_MAX 16

struct or_bus_kafka_message {
	const char *topic;
	struct or_slice key;
	struct or_slice value;
	const struct or_bus_kafka_header *headers;
	size_t n_headers;
	uint32_t partition; /* a consumer's, as is: */
	int64_t offset;
};

#endif
