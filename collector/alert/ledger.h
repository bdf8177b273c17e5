/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What alerting keeps over a restart, in SQLite: alerts, what each target knows, notices under way,
 * and how far each log was read.
 *
 * Changes are collected and then written in one transaction on the slow thread, so that they are
 * there together or not at all. What failed is written again with the next commit.
 * Thread: the loop's; open, load and commit_now block.
 * Limits: CO_LEDGER_BYTES on disk.
 */
#ifndef COLLECTOR_ALERT_LEDGER_H
#define COLLECTOR_ALERT_LEDGER_H

#include "base/slow.h"
#include "collector/alert/notice.h"

#define CO_LEDGER_BYTES (1024UL * 1024 * 1024)

struct co_ledger;

/* A shard's log: leaves before `done` have moved alerts; those from `from` on are still in some
 * window and are counted again after a restart. */
struct co_ledger_place {
	uint32_t shard;
	uint64_t done;
	uint64_t from;
};

OR_NODISCARD enum or_code co_ledger_open(
    struct co_ledger **out, const char *path, struct or_err *err);
/* No commit is under way. Collected changes are lost. */
void co_ledger_close(struct co_ledger *l);

/* Everything that is stored, borrowed for each call: places, then groups, then alerts (the oldest
 * first). OR_CORRUPT: a row that this program did not write. */
struct co_ledger_reader {
	void *arg;
	void (*on_place)(void *arg, const struct co_ledger_place *place);
	/* held: it is to be told still */
	void (*on_alert)(void *arg, const struct co_state_alert *alert, bool held);
	void (*on_group)(void *arg, const struct co_notice_group *group);
};
OR_NODISCARD enum or_code co_ledger_load(
    struct co_ledger *l, const struct co_ledger_reader *reader, struct or_err *err);

/* Collects a change. */
void co_ledger_put_place(struct co_ledger *l, const struct co_ledger_place *place);
void co_ledger_put_alert(struct co_ledger *l, const struct co_state_alert *alert);
void co_ledger_drop_alert(struct co_ledger *l, const struct co_state_alert *alert);
void co_ledger_put_group(struct co_ledger *l, const struct co_notice_group *group);
void co_ledger_drop_group(struct co_ledger *l, const char *key);
bool co_ledger_has_changes(const struct co_ledger *l);

/* Writes what was collected. fn is called once, on the loop. OR_BUSY: a commit is under way.
 * OR_FULL: the slow thread's queue. */
typedef void co_ledger_fn(void *arg, enum or_code rc, const struct or_err *err);
OR_NODISCARD enum or_code co_ledger_commit(
    struct co_ledger *l, struct or_slow *slow, co_ledger_fn *fn, void *arg);
bool co_ledger_is_busy(const struct co_ledger *l);
/* What was taken for a commit is on disk: none is under way, and the last one did not fail. */
bool co_ledger_is_settled(const struct co_ledger *l);
OR_NODISCARD enum or_code co_ledger_commit_now(struct co_ledger *l, struct or_err *err);

#endif
