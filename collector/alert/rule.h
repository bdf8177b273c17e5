/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of alert rules: what to look for in the audit trail, and whom to tell.
 *
 *   external_url: http://collector:8470      links in notices begin with it
 *   route: {receiver: ops, group_by: [alertname], group_wait: 30s, group_interval: 5m,
 *           repeat_interval: 4h}             Alertmanager's names, meanings and defaults
 *   receivers:
 *     - name: ops
 *       webhook_configs: [{url: http://127.0.0.1:9000/hook}]       each sink has its key: sink.h
 *   rules:
 *     - name: DeniedReads
 *       expr: decision=deny action=read      a query's filter (collector/query/query.h)
 *       by: [principal.id]                   counted apart for each value; becomes a label
 *       threshold: 5                         so many records…
 *       window: 1m                           …whose times lie within so long
 *       for: 0s                              how long that must go on before it fires
 *       resolve_after: 1m                    quiet for so long resolves it; default: window
 *       labels: {severity: warning}
 *       annotations: {summary: "{{principal_id}} was denied {{threshold}} reads in {{window}}"}
 *
 * A template names a label, threshold or window. Whatever is not understood is refused: file and
 * line, the nearest name, and for a query its own message with a caret.
 * Pure but for co_rule_load. A set is immutable and owns all that it holds. Any thread.
 * Limits: those below.
 */
#ifndef COLLECTOR_ALERT_RULE_H
#define COLLECTOR_ALERT_RULE_H

#include "collector/alert/label.h"
#include "collector/alert/sink.h"
#include "collector/query/query.h"

#define CO_RULE_FILE_MAX      (1024UL * 1024)
#define CO_RULE_RULES_MAX     256
#define CO_RULE_RECEIVERS_MAX 64
#define CO_RULE_TARGETS_MAX   16 /* of a receiver */
#define CO_RULE_BY_MAX        8
#define CO_RULE_LABELS_MAX    16 /* of a rule's own, and of its annotations */
#define CO_RULE_TEXT_MAX      1024
#define CO_RULE_NAME_MAX      128
#define CO_RULE_THRESHOLD_MAX 1000
#define CO_RULE_WINDOW_MAX    (24 * 3600 * OR_NS_PER_S)

struct co_rule {
	struct or_slice name;
	struct or_slice expr;
	struct co_query query; /* a filter alone */
	struct co_query_field by[CO_RULE_BY_MAX];
	struct or_slice by_labels[CO_RULE_BY_MAX];
	size_t n_by;
	uint32_t threshold;
	int64_t window_ns;
	struct or_slice window; /* as it is written */
	int64_t for_ns;
	int64_t resolve_after_ns;
	struct co_label_set labels;      /* its own, without alertname */
	struct co_label_set annotations; /* templates */
	/* Changes where what it counts or what its alerts are called does: an alert outlives a
	 * reload and a restart only under the same one. */
	char digest[2 * 16 + 1];
};

struct co_rule_receiver {
	struct or_slice name;
	struct co_sink_target *targets;
	size_t n_targets;
};

struct co_rule_route {
	const struct co_rule_receiver *receiver; /* NULL: nobody is told */
	const struct or_slice *group_by;
	size_t n_group_by;
	bool group_by_all; /* '...' */
	int64_t group_wait_ns, group_interval_ns, repeat_interval_ns;
};

struct co_rule_set {
	struct or_arena *arena;
	struct or_slice external_url; /* p == NULL: not said */
	struct co_rule_route route;
	struct co_rule_receiver *receivers;
	size_t n_receivers;
	struct co_rule *rules;
	size_t n_rules;
};

/* file is for messages. OR_INVAL, OR_PARSE, OR_FULL: the message says where. On success *out is
 * the caller's (co_rule_free). */
OR_NODISCARD enum or_code co_rule_parse(
    struct co_rule_set **out, const char *file, struct or_slice text, struct or_err *err);
/* Reads the file, which blocks. Also OR_ABSENT, OR_IO. */
OR_NODISCARD enum or_code co_rule_load(
    struct co_rule_set **out, const char *path, struct or_err *err);
void co_rule_free(struct co_rule_set *set); /* NULL does nothing */

/* NULL: no such rule. */
const struct co_rule *co_rule_find(const struct co_rule_set *set, struct or_slice name);

/* The template with its names replaced; labels are the alert's. */
void co_rule_expand(struct or_buf *out, const struct co_rule *rule, struct or_slice template,
    struct co_label_set labels);

#endif
