/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a type expression of a schema means. Private to the room.
 *
 * A name without a namespace is looked for in its own namespace, then outside of any, then among
 * the types of the language (Cedar RFC 24); one with a namespace is meant exactly.
 */
#ifndef POLICY_SCHEMA_TYPES_H
#define POLICY_SCHEMA_TYPES_H

#include "policy/schema_decl.h"

struct pol_resolver {
	struct pol_reader *r;
	struct or_arena *arena;
	struct or_map entities; /* full name → struct pol_decl */
	struct or_map commons;
	struct or_map actions; /* key → struct pol_decl */
	struct or_map action_types;
	int depth;
};

/* NULL after an error (reported). */
const struct pol_type *pol_schema_types_of(
    struct pol_resolver *v, struct or_slice ns, const struct or_json *j);

/* As above; must be a record. */
const struct pol_type *pol_schema_types_record(
    struct pol_resolver *v, struct or_slice ns, const struct or_json *j);

/* The full name of an entity type; false (reported at `at`) where there is none. */
bool pol_schema_types_entity(struct pol_resolver *v, struct or_slice ns, struct or_slice name,
    const struct or_json *at, struct or_slice *full);

/* Reports and notes the failure; NULL. */
const void *pol_schema_types_fail(
    struct pol_resolver *v, const struct or_json *at, const char *fmt, ...) OR_PRINTF(3, 4);
const void *pol_schema_types_full(struct pol_resolver *v);

extern const struct pol_type pol_schema_types_no_attrs;

#endif
