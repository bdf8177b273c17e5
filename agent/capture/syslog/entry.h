/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Syslog messages as the log records of one request. Pure but for counting; one thread at a time.
 */
#ifndef AGENT_CAPTURE_SYSLOG_ENTRY_H
#define AGENT_CAPTURE_SYSLOG_ENTRY_H

#include "agent/capture/redact/redact.h"
#include "agent/capture/syslog/message.h"

#define AG_ENTRY_REQUEST_MAX (900U * 1024)

struct ag_entry {
	struct ag_redact *redact; /* NULL: nothing is taken out */
	struct or_arena *arena;
	struct ag_message message;
	struct or_buf logs, attributes, value, text;
	uint64_t records, cut, malformed; /* since the last clear */
};
void ag_entry_init(struct ag_entry *r, struct ag_redact *redact);
void ag_entry_done(struct ag_entry *r);
void ag_entry_clear(struct ag_entry *r);

/* False: the request has no room for it; nothing changed. */
bool ag_entry_put(struct ag_entry *r, struct or_slice in, bool is_cut, int64_t now_ns);
/* True where the next one might find no room. */
bool ag_entry_is_full(const struct ag_entry *r);

#endif
