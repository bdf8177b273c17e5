/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's configuration: outrider-agent.yaml, the environment, flags (base/opt.h).
 *
 * Thread: the main thread, once at the start. Everything lies in the caller's arena and is
 * immutable. The reference is generated from the table here.
 */
#ifndef AGENT_CONFIG_H
#define AGENT_CONFIG_H

#include "base/buf.h"
#include "base/bus_kafka.h"
#include "base/log.h"
#include "base/opt.h"

enum ag_role { AG_ROLE_GATE, AG_ROLE_TAP };

struct ag_config {
	const char *product; /* the descriptor's path */
	const char *state;   /* the agent's own directory */
	const char *workload;
	int role;          /* enum ag_role */
	int log_level;     /* enum or_log_level */
	uint64_t ready_fd; /* 0: nobody waits */
	struct {
		const char *url;
		const char *join_token_file;
	} collector;
	struct or_bus_kafka_access kafka; /* brokers NULL: batches go to the collector itself */
	struct {
		const char *listen;
		const char *upstream;
		const char *cert_file; /* NULL: clients speak plain HTTP */
		const char *key_file;
		const struct or_json *trust_domains; /* [{trust_domain, roots}] */
		bool asks_cert;
		const char *upstream_host; /* NULL: so does the app */
		const char *upstream_ca_file;
		const char *upstream_cert_file;
		const char *upstream_key_file;
		int64_t tunnel_idle_ns;
		const char *audience; /* NULL: the product's id */
		const char *mask_key_file;
		struct or_opt_list break_glass_keys; /* none: those of bundles */
	} gate;
	struct {
		const char *listen; /* NULL: there is no gate for PostgreSQL */
		const char *upstream;
		const char *cert_file;
		const char *key_file;
		bool requires_tls;
		const struct or_json *trust_domains;
		const char *upstream_host; /* NULL: the server is spoken to in the clear */
		const char *upstream_ca_file;
		const char *upstream_cert_file;
		const char *upstream_key_file;
		const char *issuer;
		const char *users; /* a file; NULL: users go by their names */
		int64_t connect_ns;
		int64_t idle_ns;
	} postgres;
	struct {
		const char *listen;
		const char *grpc_listen; /* NULL: nobody listens */
	} decide;
	struct {
		const char *file;
		struct or_opt_list keys; /* PEM files of the public keys that may sign */
		uint64_t min_revision;
	} bundle;
	struct {
		const char *commit; /* NULL: not known */
		const char *committed;
		bool modified;
	} source;
	const struct or_json *issuers; /* [{issuer, jwks, algs, audience}] */
	struct {
		const char *listen;
	} admin;
	struct {
		const char *listen;
		const char *grpc_listen; /* NULL: nobody listens */
		uint64_t quota;
		const struct or_json *files;  /* NULL: none */
		const struct or_json *syslog; /* NULL: none */
		const struct or_json *scrape; /* NULL: no targets */
		uint64_t rate;                /* requests a second; 0: no limit */
		struct or_opt_list redact;
		const struct or_json *redact_patterns;
	} capture;
	struct {
		uint64_t quota;
		uint64_t segment;
		int64_t sync_ns;
	} spool;
	struct {
		uint64_t fd;        /* 0: there is no tap */
		const char *cgroup; /* the workload's */
		const char *absent; /* why nothing can be watched; NULL: try */
		const char *ended;  /* how the tap before this one ended */
		uint64_t restarts;
		int64_t window_ns;
		struct or_opt_list ignore; /* beginnings of paths, or patterns with * */
		bool args;
		bool lineage;
		uint64_t rate;
		uint64_t quota;
	} tap;
};

/* argv without the program's name. *seen: where each value came from. OR_INVAL, OR_ABSENT,
 * OR_PARSE: the message says where. */
OR_NODISCARD enum or_code ag_config_load(struct ag_config *out, struct or_opt_seen *seen, int argc,
    char **argv, struct or_arena *a, struct or_err *err);

/* `outrider-agent print-config`: every value and where it came from (base/opt_show.h). */
void ag_config_show(
    struct or_buf *out, const struct ag_config *config, const struct or_opt_seen *seen, bool json);

/* What is in force once next was read while now was: what can be reloaded is next's, all else
 * stays. Puts the names of what differs, by commas: what is taken, and what needs a restart. */
void ag_config_merge(struct ag_config *out, const struct ag_config *now,
    const struct ag_config *next, struct or_buf *taken, struct or_buf *left);

/* Where the value of the key came from that a message begins with ("capture.files: number 1: …");
 * NULL: with none, or the default. */
const char *ag_config_origin(const struct or_opt_seen *seen, const char *message);

/* --help's text, and --reference: the page docs/reference/outrider-agent.md. */
void ag_config_help(struct or_buf *out);
void ag_config_reference(struct or_buf *out);

#endif
