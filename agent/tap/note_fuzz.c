/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever comes through the socket: it is refused, or its texts end and it becomes a record. */
#include "agent/tap/observe_record.h"
#include "proto/audit.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ag_observe_record r;
	static struct ag_note note;
	struct or_arena *a;

	if (ag_note_decode(&note, or_slice(data, size)) != OR_OK || note.type != AG_NOTE_SEEN)
		return 0;
	ag_observe_record_seen(&r, &note.seen);
	OR_ASSERT(r.audit.resource.id.n < sizeof(note.seen.object));
	OR_ASSERT(r.audit.n_attributes <= AG_OBSERVE_ATTRS);
	a = or_arena_new(1 << 20);
	OR_ASSERT(wire_audit_fit(&r.audit, a) == OR_OK);
	or_arena_free(a);
	return 0;
}
