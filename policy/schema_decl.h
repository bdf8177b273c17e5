/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From either form of a schema to the model. Private to the room.
 *
 * A reader gives declarations, their bodies as trees in the JSON form; schema_resolve.c gives
 * names their meaning.
 */
#ifndef POLICY_SCHEMA_DECL_H
#define POLICY_SCHEMA_DECL_H

#include "base/map.h"
#include "policy/json.h"
#include "policy/schema.h"

enum pol_decl_kind {
	POL_DECL_ENTITY,
	POL_DECL_COMMON,
	POL_DECL_ACTION,
	POL_DECL_NAMESPACE, /* body: its annotations, or NULL */
};

struct pol_decl {
	enum pol_decl_kind kind;
	struct or_slice ns;   /* "" outside of any */
	struct or_slice name; /* within its namespace; an action's id */
	struct or_slice full; /* with the namespace; not for actions */
	const struct or_json *body;
	/* schema_resolve.c's: */
	const struct pol_type *type; /* of a common type, once known */
	bool open;                   /* being worked out: met again, it contains itself */
	struct pol_entity_type *entity;
	struct pol_action *action;
};

struct pol_schema {
	struct or_arena *arena;
	struct or_map entities; /* full name → struct pol_entity_type */
	struct or_map actions;  /* "type\0id" → struct pol_action */
};

struct pol_reader {
	struct pol_schema *schema;
	struct pol_source src;
	struct pol_diags *diags;
	struct or_buf decls; /* struct pol_decl * */
	enum or_code rc;     /* the first failure */
};

/* Reads a schema in either form and resolves it, then gives its declarations to `use` (NULL: to
 * nobody). *out may be NULL. */
OR_NODISCARD enum or_code pol_schema_decl_read(struct pol_schema **out, const char *name,
    struct or_slice text, bool json, enum or_code (*use)(struct pol_reader *r, void *arg),
    void *arg, struct pol_diags *diags, struct or_err *err);

size_t pol_schema_decl_count(const struct pol_reader *r);
struct pol_decl *pol_schema_decl_at(const struct pol_reader *r, size_t i);

/* Notes a declaration; false when there is no room. */
bool pol_schema_decl_add(struct pol_reader *r, enum pol_decl_kind kind, struct or_slice ns,
    struct or_slice name, const struct or_json *body);

/* Fills in the schema from the declarations. */
enum or_code pol_schema_resolve_all(struct pol_reader *r);

/* Read the declarations of either form. */
enum or_code pol_schema_text_read(struct pol_reader *r);
enum or_code pol_schema_json_read(struct pol_reader *r);

/* Writes the declarations as text; OR_UNSUPPORTED (reported): text has no words for it. */
enum or_code pol_schema_print_decls(struct or_buf *b, struct pol_reader *r);

/* "a::b", or b where a is empty; NULL bytes when there is no room. */
struct or_slice pol_schema_join(struct or_arena *a, struct or_slice ns, struct or_slice name);

/* The key of an action in the map. */
struct or_slice pol_schema_action_key(struct or_arena *a, struct or_slice type, struct or_slice id);

#endif
