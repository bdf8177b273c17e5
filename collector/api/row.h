/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record of an answer in the form that was asked for: a line of JSON (the default), an event of
 * OCSF a line, or a line of CSV (RFC 4180) behind a head. Pure; any thread.
 *
 * CSV has the query's fields, or all that have a name; times as RFC 3339, lists as JSON. A value
 * that a spreadsheet would take for a formula (it begins with = + - @ tab or CR) has an apostrophe
 * in front, for paths and names come from strangers.
 */
#ifndef COLLECTOR_API_ROW_H
#define COLLECTOR_API_ROW_H

#include "collector/query/run.h"

enum co_row_form { CO_ROW_JSON, CO_ROW_OCSF, CO_ROW_CSV };

/* "json", "ocsf", "csv". OR_ABSENT: no such form. */
OR_NODISCARD enum or_code co_row_form_parse(enum co_row_form *out, struct or_slice name);
const char *co_row_type(enum co_row_form form); /* media type */

/* CSV: the head; the other forms have none. */
void co_row_head(struct or_buf *out, enum co_row_form form, const struct co_query *q);
void co_row_put(struct or_buf *out, enum co_row_form form, const struct co_query *q, const char *id,
    const struct co_run_place *place, const struct wire_audit *record);

#endif
