/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a group's notice, by its target's sink. Inside collector/alert/ only; pure.
 */
#ifndef COLLECTOR_ALERT_NOTICE_BODY_H
#define COLLECTOR_ALERT_NOTICE_BODY_H

#include "collector/alert/notice.h"

/* Puts it, with the alerts that fire and, where the target wants them, those resolved: with fewer
 * of them where all don't fit. set: for links to the records behind an alert. */
void co_notice_body_put(struct or_buf *out, const struct co_notice_group *g,
    const struct co_rule_set *set, struct or_slice external_url);

#endif
