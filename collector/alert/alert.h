/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerting: follows the audit logs, moves alerts by the rules, tells the receivers, and puts each
 * alert's beginning and end on record.
 *
 *   logs ─▶ follow ─▶ state (who fires) ─▶ notice (what to tell) ─▶ ledger (SQLite, slow thread)
 *                                                                     ├─▶ notify ─▶ receiver
 *                                                                     └─▶ record ─▶ log
 *
 * Nothing is told or put on record before it is stored, nor forgotten before it is stored that it
 * was told: so a crash loses nothing, and tells again only what a receiver took in the moment
 * before (with the same Idempotency-Key). Where the database cannot be written, it is told all the
 * same.
 * An alert's records (kind admin, action "alert", reason "firing" or "resolved") are the
 * collector's own, once each, and move no alerts themselves.
 * Thread: the loop's; open and close block. Logs alert.firing, alert.resolved, alert.undelivered,
 * alert.refused, alert.rules, alert.rules_refused, alert.unstored, alert.unread.
 * Limits: those of rule.h, state.h, notice.h; the last CO_ALERT_RECENT resolved alerts are kept.
 */
#ifndef COLLECTOR_ALERT_ALERT_H
#define COLLECTOR_ALERT_ALERT_H

#include "base/slow.h"
#include "collector/alert/notify.h"
#include "collector/ingest/ingest.h"

#define CO_ALERT_RECENT   500
#define CO_ALERT_JSON_MAX (64UL * 1024 * 1024)

struct co_alert;

struct co_alert_opt {
	struct or_loop *loop;
	struct or_slow *slow;
	const char *db;      /* path of the database */
	const char *rules;   /* path of the rule file */
	const char *ca_file; /* roots of trust of https receivers; NULL: the system's */
	const char *url;     /* links begin with it where the file does not say external_url */
	struct co_ingest *const *shards; /* copied */
	size_t n_shards;
	const uint8_t *own_id; /* the collector as an agent: WIRE_AUDIT_AGENT_LEN bytes; copied */
};

/* A file of rules that is wrong: OR_INVAL, OR_PARSE, OR_ABSENT. Also the database's errors. A shard
 * that was not followed before is from here on. */
OR_NODISCARD enum or_code co_alert_open(
    struct co_alert **out, const struct co_alert_opt *opt, struct or_err *err);

/* Reads the rule file anew (it is also watched); where it is wrong, that is logged and the rules
 * stay. */
void co_alert_reload(struct co_alert *al);

/* Ends what runs: no timer, call or scan is left. Then the slow thread is freed and the shards are
 * closed; */
void co_alert_stop(struct co_alert *al);
/* then this, which stores what is left. NULL does nothing, also above. */
void co_alert_close(struct co_alert *al);

/* {"alerts":[…],"notices":[…],"rules":[…],"file":…,"error":…}: alerts with the names of
 * Alertmanager's API v2. */
void co_alert_json_put(struct or_buf *out, const struct co_alert *al);

struct co_alert_stats {
	struct co_state_stats state;
	struct co_notify_stats notify;
	size_t rules;
	uint64_t behind; /* leaves that were not looked at yet */
};
void co_alert_stats(struct co_alert_stats *out, const struct co_alert *al);

#endif
