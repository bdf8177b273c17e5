/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV (RFC 4180) as it streams, with masked columns replaced and all other bytes as they came.
 *
 * The first row names the columns (blanks around a name do not count); a row of another length is
 * malformed, and so are a quote inside a bare field, anything behind a closing quote but a comma or
 * the row's end, and a CR that no LF follows. Rows end in CRLF or LF. A bare name that holds a
 * semicolon, tab or bar is no comma-separated one, whose columns nobody could name: AG_MASK_TYPE.
 * Names and masked fields must be UTF-8. A byte order mark passes. What replaces a field is quoted
 * where it must be. A field's type is what its text looks like: a number of JSON, true, false, or
 * text.
 *
 * Thread: any. Owns: its state. Limits: AG_MASK_CSV_COLUMNS_MAX columns, AG_MASK_CSV_ROW_MAX
 * bytes of a row (which is seen whole or not at all), AG_MASK_VALUE_MAX of a name or masked field.
 */
#ifndef AGENT_GATE_MASK_MASK_CSV_H
#define AGENT_GATE_MASK_MASK_CSV_H

#include "agent/gate/mask/mask_plan.h"

#define AG_MASK_CSV_COLUMNS_MAX (16U * 1024)
#define AG_MASK_CSV_ROW_MAX     (512U * 1024)

struct ag_mask_csv;

/* plan is borrowed. */
struct ag_mask_csv *ag_mask_csv_new(const struct ag_mask_plan *plan);
void ag_mask_csv_free(struct ag_mask_csv *m);

/* As ag_mask_json_feed and ag_mask_json_end. */
OR_NODISCARD enum ag_mask_fault ag_mask_csv_feed(
    struct ag_mask_csv *m, struct or_slice in, size_t *used, struct or_buf *out, size_t high);
OR_NODISCARD enum ag_mask_fault ag_mask_csv_end(struct ag_mask_csv *m, struct or_buf *out);

#endif
