/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes struct co_state_alert: one piece of memory (or_mem_free) with all its texts. Inside
 * collector/alert/ only; any thread.
 *
 * A group's key is the values of its rule's `by`, each behind its length (uint16_t).
 */
#ifndef COLLECTOR_ALERT_STATE_ALERT_H
#define COLLECTOR_ALERT_STATE_ALERT_H

#include "collector/alert/state.h"

/* Appends a value to a key, cut at CO_STATE_VALUE_MAX bytes. */
void co_state_alert_put_value(struct or_buf *key, struct or_slice value);

/* An alert of the rule for the group of that key, in no phase yet: labels, annotations,
 * fingerprint. */
struct co_state_alert *co_state_alert_make(const struct co_rule *rule, struct or_slice key);

/* A copy of what is stored of an alert, in no list and no group. */
struct co_state_alert *co_state_alert_copy(const struct co_state_alert *from);

#endif
