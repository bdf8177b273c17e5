/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of alerting share. Inside collector/alert/ only.
 */
#ifndef COLLECTOR_ALERT_ALERT_IMPL_H
#define COLLECTOR_ALERT_ALERT_IMPL_H

#include "base/watch.h"
#include "collector/alert/alert.h"
#include "collector/alert/ledger.h"
#include "collector/query/scan.h"

/* Records of an alert without a product are about this one, as the API's are. */
#define CO_ALERT_PRODUCT "outrider"
#define CO_ALERT_ACTION  "alert"

/* Moments of a log: what was received before them. With so many a window is divided. */
#define CO_ALERT_MARKS 10

/* How far a shard's log was read. */
struct co_alert_place {
	struct co_log *log;
	uint64_t next; /* leaf to read */
	uint64_t to;   /* where the scan that runs stops */
	uint64_t done; /* leaves before it only fill windows: they moved alerts before a restart */
	bool is_known; /* was followed before */
	struct {
		uint64_t index;
		int64_t at_ns;
	} marks[CO_ALERT_MARKS]; /* the oldest first */
	size_t n_marks;
};

struct co_alert {
	struct co_alert_opt opt;
	uint8_t own_id[WIRE_AUDIT_AGENT_LEN];
	struct co_rule_set *set;
	struct co_state *state;
	struct co_notice *notices;
	struct co_notify *notify;
	struct co_ledger *ledger;
	struct co_ingest **shards;
	struct co_alert_place *places; /* of each shard */
	struct or_watch *watch;
	struct or_err rules_err; /* why the last reload was refused; code OR_OK */
	bool stopped;

	/* following */
	struct co_scan *scan;
	struct or_loop_timer *follow;
	bool caught_up; /* all that was there at the start was read */
	struct or_arena *record_arena;

	/* what comes next */
	struct or_loop_timer *due;
	struct or_loop_timer *retry; /* of what failed: storing, records */
	int64_t stored_ns;           /* the last commit */
	bool is_unstored;            /* it failed */
	struct reload *reload;       /* the file is being read */
};

/* Now, and that things may have changed: time passes, notices are made, changes stored, the timer
 * set. */
void co_alert_settle(struct co_alert *al);
/* Does it again soon, since something failed. */
void co_alert_retry(struct co_alert *al);

/* ---- following the logs (alert_follow.c) */

void co_alert_follow_start(struct co_alert *al);
/* A log has grown. */
void co_alert_follow_wake(void *arg);
void co_alert_follow_stop(struct co_alert *al);
/* What to store of a place. */
void co_alert_follow_place(struct co_ledger_place *out, const struct co_alert *al, size_t shard);

/* ---- alerts on record (alert_record.c) */

/* Puts on record what is due and stored. */
void co_alert_record_due(struct co_alert *al);
/* A record of an alert was read: it need not be written (again). False: it is none of ours. */
bool co_alert_record_seen(struct co_alert *al, const struct wire_audit *record);

#endif
