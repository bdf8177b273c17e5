/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notices: which alerts are told together, to whom, and when, as Alertmanager has it.
 *
 * Alerts with the same values of route.group_by make a group, one for each target of the receiver.
 * A group is looked at group_wait after its first alert, then every group_interval; a notice is
 * made where the target does not know of an alert, or of its end, yet, or repeat_interval has
 * passed. Other than in Alertmanager, an alert that came and went between two looks is told too (as
 * resolved), and a group has one notice under way at most, whose bytes stay as they are until the
 * target has taken or refused them: so what was told is told in order, and a restart goes on with
 * the same notice.
 *
 *   put ─▶ flush makes group->out ─▶ (owner stores it) ─▶ notify.h ─▶ done ─▶ (owner stores that)
 *
 * Pure: now is an argument; ids of notices are random. Thread: whoever owns it.
 * Limits: the alerts are state.h's, a body CO_SINK_BODY_MAX (what does not fit is counted as
 * truncated).
 */
#ifndef COLLECTOR_ALERT_NOTICE_H
#define COLLECTOR_ALERT_NOTICE_H

#include "base/rng.h"
#include "collector/alert/notice_set.h"
#include "collector/alert/state.h"

#define CO_NOTICE_WHY_MAX 256

/* A notice under way. */
struct co_notice_out {
	char id[OR_RNG_UUID_LEN + 1]; /* the same for each attempt */
	char *body;
	size_t body_len;
	struct co_notice_set firing, resolved; /* what the target knows once it has it */
	int64_t made_ns;
	uint64_t attempts;
	char why[CO_NOTICE_WHY_MAX]; /* the last attempt failed; "" */
	bool is_stored;              /* the owner's: handed to the ledger */
	bool is_storing;             /* the owner's: that commit has not ended */
	bool is_queued;              /* notify.h's */
};

struct co_notice_group {
	struct co_notice_group *prev, *next;
	struct or_arena *arena; /* of its texts */
	const char *key;        /* unique: receiver, sink, place and group_key */
	struct or_slice receiver;
	const struct co_sink *sink;
	size_t place;                        /* of the target in its receiver */
	const struct co_sink_target *target; /* NULL: the rules have it no longer */
	struct or_slice group_key;
	struct co_label_set labels;
	struct co_state_alert **alerts;
	size_t n_alerts, cap;
	int64_t next_ns; /* when it is looked at */

	/* What the target knows. */
	bool told;
	int64_t told_ns;
	struct co_notice_set firing, resolved;
	char refused[CO_NOTICE_WHY_MAX]; /* the last notice was, and why; "" */

	struct co_notice_out *out; /* NULL: none */
	bool dirty;                /* the owner's: differs from what is stored */
};

struct co_notice;

struct co_notice *co_notice_new(void);
void co_notice_free(struct co_notice *ns);

/* Goes over to these rules, borrowed until the next call. Groups of targets that are gone lose
 * their alerts and their notice (release is called before, for each of those); the others are
 * formed anew, and keep what their target knows. */
typedef void co_notice_release_fn(void *arg, struct co_notice_group *g);
void co_notice_set_rules(struct co_notice *ns, const struct co_rule_set *set,
    struct or_slice external_url, int64_t now_ns, co_notice_release_fn *release, void *arg);

/* An alert that fires or was resolved; it may be there already. */
void co_notice_put(struct co_notice *ns, struct co_state_alert *a, int64_t now_ns);

/* Looks at the groups that are due; makes their notices. */
void co_notice_flush(struct co_notice *ns, int64_t now_ns);
/* When that is next; INT64_MAX: never. */
int64_t co_notice_due_ns(const struct co_notice *ns);

/* The group's notice has been taken, or (why) refused for good; it is freed. */
void co_notice_done(struct co_notice_group *g, const char *why, int64_t now_ns);

/* Brings a group back that was stored: labels, what its target knows, a notice under way; all is
 * copied. NULL: there is no such target any more. Its alerts follow by co_notice_put. */
struct co_notice_group *co_notice_restore(
    struct co_notice *ns, const struct co_notice_group *stored, int64_t now_ns);

/* Walks the groups; NULL begins and ends. */
struct co_notice_group *co_notice_next(const struct co_notice *ns, const struct co_notice_group *g);
/* Nothing to tell any more: such a group should be dropped. */
bool co_notice_is_idle(const struct co_notice_group *g);
void co_notice_drop(struct co_notice *ns, struct co_notice_group *g);

#endif
