/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An audit record as JSON, for the API and the command line.
 *
 * One object whose keys are the names of proto/field.h, flat ("request.method"), absent fields
 * absent: what a person reads is what a query says. Times are RFC 3339, ids hex, the agent a UUID,
 * enumerations their names, attributes an object {key: value}; "cut" is an object {key: SHA-256 of
 * the whole} of those that are the beginning of something longer.
 * Any thread.
 */
#ifndef PROTO_JSON_H
#define PROTO_JSON_H

#include "base/jsonw.h"
#include "proto/audit.h"
#include "proto/field.h"

/* One object, begun and ended. */
void wire_json_audit(struct or_jsonw *w, const struct wire_audit *r);

/* The members only, into an object that the caller has open (to put "id" in front). */
void wire_json_audit_members(struct or_jsonw *w, const struct wire_audit *r);

/* One value of proto/field.h: a number, text, an array of texts, null where there is none. */
void wire_json_value(struct or_jsonw *w, const struct wire_field_value *v);

#endif
