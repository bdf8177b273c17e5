/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which alerts are there: counts records by rule and group, and moves alerts through their phases.
 *
 *            a record makes `threshold` within `window`
 *   (none) ────────────────────────────────────▶ pending ──`for` passed──▶ firing
 *      ▲                                            │                        │ no such record
 *      └── no such record for `window` ─────────────┘                        ▼ for resolve_after
 *                                                                         resolved
 *
 * Records are counted by the time they carry (at most now), so that a spool that arrives late is no
 * burst; quiet is measured on the clock of the caller. Of a group the 2 × threshold newest times
 * are kept.
 * Pure: now is an argument. Thread: whoever owns it.
 * Limits: opt.rule_bytes of groups per rule (the group that was quiet longest goes, which is
 * counted); CO_STATE_ALERTS_MAX pending and firing alerts per rule (what comes on top is counted
 * and not told); values of labels are cut at CO_STATE_VALUE_MAX bytes.
 * Invariants (state_test.c): a group has at most one alert that is not resolved; an alert that
 * fires is never taken away, but resolved; each phase is told once.
 */
#ifndef COLLECTOR_ALERT_STATE_H
#define COLLECTOR_ALERT_STATE_H

#include "collector/alert/rule.h"

#define CO_STATE_ALERTS_MAX 1000
#define CO_STATE_VALUE_MAX  256
#define CO_STATE_RULE_BYTES (4UL * 1024 * 1024)

enum co_state_phase {
	CO_STATE_PENDING,
	CO_STATE_FIRING,
	CO_STATE_RESOLVED,
	CO_STATE_LAPSED, /* was pending; told once, then it is gone */
};

struct co_state_group;

struct co_state_alert {
	struct co_state_alert *prev, *next;
	struct or_slice rule; /* its name */
	const char *digest;   /* the rule's */
	struct co_label_set labels;
	struct co_label_set annotations;
	uint64_t fingerprint;
	enum co_state_phase phase;
	int64_t began_ns;  /* with the fingerprint: which alert this is */
	int64_t starts_ns; /* when it fired; 0: not yet */
	int64_t ends_ns;   /* when it was resolved; 0: not yet */
	int64_t last_ns;   /* the newest record that kept it going, on the caller's clock */
	struct co_state_group *group;

	/* The owner's, who may set them. */
	bool dirty;             /* differs from what is stored */
	unsigned int record;    /* phases whose record in the log is due: 1 << phase */
	unsigned int recording; /* of those, the ones under way */
	unsigned int held;      /* by how many groups of notices */
};

struct co_state;

/* An alert has come into a phase. A lapsed one is freed afterwards. */
typedef void co_state_fn(void *arg, struct co_state_alert *alert);

struct co_state_opt {
	size_t rule_bytes; /* 0: CO_STATE_RULE_BYTES */
	co_state_fn *fn;
	void *arg;
};

struct co_state *co_state_new(const struct co_state_opt *opt);
void co_state_free(struct co_state *st);

/* Goes over to these rules, borrowed until the next call. Counters and alerts of a rule with the
 * same digest stay; alerts of the others are resolved now. */
void co_state_set_rules(struct co_state *st, const struct co_rule_set *set, int64_t now_ns);

/* Counts a record. replay: only fills the windows (a record from before a restart); no alert
 * moves. */
void co_state_feed(
    struct co_state *st, const struct wire_audit *record, int64_t now_ns, bool replay);

/* What time alone does. */
void co_state_tick(struct co_state *st, int64_t now_ns);
/* When that is next; INT64_MAX: never. */
int64_t co_state_due_ns(const struct co_state *st);

/* Brings an alert back that was stored: labels and the like are copied. One that is not resolved
 * counts as having been heard of now, as nobody listened in between; where its rule is gone or
 * another one, it is resolved (and told). */
struct co_state_alert *co_state_restore(
    struct co_state *st, const struct co_state_alert *stored, int64_t now_ns);

/* Walks all alerts, the oldest first; NULL begins and ends. */
struct co_state_alert *co_state_next(const struct co_state *st, const struct co_state_alert *a);
/* Takes a resolved alert away. */
void co_state_forget(struct co_state *st, struct co_state_alert *alert);

struct co_state_stats {
	uint64_t matched;  /* records that passed a rule's filter */
	uint64_t evicted;  /* groups that went for want of room */
	uint64_t overflow; /* records without room for their group, or for its alert */
	uint64_t late;     /* records older than all that their group keeps */
	size_t groups, bytes;
	size_t pending, firing, resolved;
};
/* Of one rule (by its place in the set), or SIZE_MAX: of all. */
void co_state_stats(struct co_state_stats *out, const struct co_state *st, size_t rule);

#endif
