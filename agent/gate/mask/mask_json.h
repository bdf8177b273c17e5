/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON (RFC 8259) and NDJSON as they stream, with masked members replaced and all other bytes as
 * they came: blanks, numbers of any length and escapes included.
 *
 * Everything is checked, also what is left out: grammar, UTF-8, escapes, one value (NDJSON: one a
 * line, blank lines allowed), and names that are there twice in an object, compared as they decode.
 * A name that holds half a surrogate pair is malformed: no two readers agree what it is called.
 * A byte order mark at the very start passes.
 * The bytes put out depend on the bytes that came, not on how they were cut.
 *
 * Thread: any. Owns: its state. Limits: OR_JSON_DEPTH_MAX levels, AG_MASK_JSON_NAME_MAX bytes of a
 * name, AG_MASK_VALUE_MAX of a value that its mask needs, AG_MASK_NAMES_MAX names in the objects
 * that are open at once. Memory: some 1.5 MiB where all limits are met, a few KiB else.
 */
#ifndef AGENT_GATE_MASK_MASK_JSON_H
#define AGENT_GATE_MASK_MASK_JSON_H

#include "agent/gate/mask/mask_plan.h"

#define AG_MASK_JSON_NAME_MAX (16U * 1024)

struct ag_mask_json;

/* plan is borrowed. lines: NDJSON. */
struct ag_mask_json *ag_mask_json_new(const struct ag_mask_plan *plan, bool lines);
void ag_mask_json_free(struct ag_mask_json *m);

/*
 * Takes bytes and appends what is shown to out, until all is taken or out holds `high` bytes or
 * more; *used says how many were taken. After a fault nothing more may be fed; out then ends
 * before what is wrong.
 */
OR_NODISCARD enum ag_mask_fault ag_mask_json_feed(
    struct ag_mask_json *m, struct or_slice in, size_t *used, struct or_buf *out, size_t high);
/* No more bytes come. */
OR_NODISCARD enum ag_mask_fault ag_mask_json_end(struct ag_mask_json *m, struct or_buf *out);

#endif
