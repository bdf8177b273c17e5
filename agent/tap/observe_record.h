/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit record of something observed, with the storage of its texts.
 *
 * Pure; any thread. A struct is not moved after its start: the record points into it.
 */
#ifndef AGENT_TAP_OBSERVE_RECORD_H
#define AGENT_TAP_OBSERVE_RECORD_H

#include "agent/tap/note.h"
#include "proto/audit.h"

#define AG_OBSERVE_ATTRS      12
#define AG_OBSERVE_RECORD_MAX 8192U /* what a record takes in the spool at most, with its frame */

struct ag_observe_record {
	struct wire_audit audit;
	struct wire_attribute attrs[AG_OBSERVE_ATTRS];
	char texts[AG_OBSERVE_ATTRS][40]; /* of numbers */
};

/* The texts are borrowed. front is kernel. */
void ag_observe_record_start(
    struct ag_observe_record *r, enum wire_kind kind, const char *action, const char *reason);
/* An attribute; an empty text adds none. key and text are borrowed. */
void ag_observe_record_text(struct ag_observe_record *r, const char *key, const char *text);
void ag_observe_record_count(struct ag_observe_record *r, const char *key, uint64_t n);

/* The whole record of a note; borrows its texts. */
void ag_observe_record_seen(struct ag_observe_record *r, const struct ag_note_seen *seen);

#endif
