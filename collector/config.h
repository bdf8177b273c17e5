/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector's configuration: one table for outrider-collector.yaml, OUTRIDER_… and --flags.
 *
 * Thread: any; read once at the start. Texts live in the caller's arena.
 */
#ifndef COLLECTOR_CONFIG_H
#define COLLECTOR_CONFIG_H

#include "base/buf.h"
#include "base/bus_kafka.h"
#include "base/opt.h"

#define CO_CONFIG_FILE "/etc/outrider/outrider-collector.yaml"

struct co_config {
	const char *state;
	const char *listen;
	const char *name;
	uint64_t shards;
	uint64_t segment_size_bytes;
	uint64_t seal_rows;
	int64_t seal_age_ns;
	int64_t cert_life_ns;
	int64_t lock_wait_ns;
	int log_level; /* enum or_log_level */
	uint64_t http_connections;
	uint64_t ingest_pending_bytes;
	uint64_t query_running;
	struct or_bus_kafka_access kafka; /* brokers NULL: batches come over HTTP alone */
	const char *kafka_group;
	int64_t telemetry_keep_ns;
	const char *alert_rules; /* NULL, "": nobody is alerted */
	const char *alert_ca_file;

	/* On the command line only. */
	int ready_fd; /* -1: nobody waits */
	bool print;
	bool reference;
	bool help;
};

/* argv without the program's name. Errors as or_opt_load. */
OR_NODISCARD enum or_code co_config_load(struct co_config *out, int argc, char *const *argv,
    char *const *env, struct or_arena *a, struct or_err *err);

/* --help. */
void co_config_help(struct or_buf *out);
/* --reference: the page docs/reference/outrider-collector.md. */
void co_config_reference(struct or_buf *out);
/* The configuration in force as YAML that co_config_load reads back. */
void co_config_print(struct or_buf *out, const struct co_config *c);

#endif
