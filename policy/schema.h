/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A schema: which entity types there are, what they hold, and which actions apply to what.
 *
 * Read from Cedar's schema text or its JSON form; both give the same model. Names are resolved:
 * common types are expanded, types carry their namespace. Immutable; may be shared.
 * Limits: the budget (OR_FULL). Errors: OR_PARSE with diagnostics (file, line, column, caret).
 */
#ifndef POLICY_SCHEMA_H
#define POLICY_SCHEMA_H

#include "policy/diag.h"
#include "policy/entities.h"

enum pol_type_kind {
	POL_TYPE_BOOL,
	POL_TYPE_LONG,
	POL_TYPE_STRING,
	POL_TYPE_SET,    /* of elem */
	POL_TYPE_RECORD, /* attrs */
	POL_TYPE_ENTITY, /* of the type named entity */
	POL_TYPE_IP,
	POL_TYPE_DECIMAL,
	POL_TYPE_DATETIME,
	POL_TYPE_DURATION,
	/* Only the validator's own: no value is declared with these. */
	POL_TYPE_TRUE,
	POL_TYPE_FALSE,
	POL_TYPE_NEVER,
	POL_TYPE_ENTITIES, /* an entity of one of several types, in `names` */
	POL_TYPE_ANY_ENTITY,
};

struct pol_attr;

struct pol_type {
	enum pol_type_kind kind;
	const struct pol_type *elem;  /* NULL: of any type (the empty set's) */
	const struct pol_attr *attrs; /* by name */
	size_t n_attrs;
	bool open; /* the validator's: other attributes may be there */
	struct or_slice entity;
	const struct or_slice *names; /* sorted */
	size_t n_names;
};

struct pol_attr {
	struct or_slice name;
	bool required;
	const struct pol_type *type;
};

struct pol_entity_type {
	struct or_slice name;
	const struct pol_type *shape; /* a record; its attrs are the entity's */
	const struct pol_type *tags;  /* of each tag's value; NULL: no tags */
	const struct or_slice *ids;   /* an enumeration's; NULL otherwise */
	size_t n_ids;
	const struct pol_entity_type *const *ancestors; /* what it may be in, near or far */
	size_t n_ancestors;
	const struct pol_entity_type *const *parents;
	size_t n_parents;
};

struct pol_action {
	struct pol_uid uid;
	const struct pol_uid *parents;
	size_t n_parents;
	const struct pol_uid *const *ancestors; /* by hash */
	size_t n_ancestors;
	const struct or_slice *principals; /* entity types that it applies to; none: no request */
	size_t n_principals;
	const struct or_slice *resources;
	size_t n_resources;
	const struct pol_type *context; /* a record */
};

struct pol_schema;

#define POL_SCHEMA_BUDGET (64 * OR_MIB)

/* Cedar schema text; name is the file in messages, diags may be NULL. *out: pol_schema_free. */
OR_NODISCARD enum or_code pol_schema_parse_text(struct pol_schema **out, const char *name,
    struct or_slice text, struct pol_diags *diags, struct or_err *err);
/* The JSON form. */
OR_NODISCARD enum or_code pol_schema_parse_json(struct pol_schema **out, const char *name,
    struct or_slice text, struct pol_diags *diags, struct or_err *err);
void pol_schema_free(struct pol_schema *s);

/* NULL where it is not declared. */
const struct pol_entity_type *pol_schema_entity_find(
    const struct pol_schema *s, struct or_slice type);
const struct pol_action *pol_schema_action_find(
    const struct pol_schema *s, const struct pol_uid *uid);

/* The declared attribute of an entity type or record; NULL where there is none. */
const struct pol_attr *pol_schema_attr_find(
    const struct pol_schema *s, struct or_slice type, struct or_slice attr);
const struct pol_attr *pol_schema_attr_of(const struct pol_type *record, struct or_slice attr);

/* In the order they were declared. */
size_t pol_schema_entity_count(const struct pol_schema *s);
const struct pol_entity_type *pol_schema_entity_at(const struct pol_schema *s, size_t i);
size_t pol_schema_action_count(const struct pol_schema *s);
const struct pol_action *pol_schema_action_at(const struct pol_schema *s, size_t i);

/* Whether an entity of type t may be in one of type `in` (or is of that type). */
bool pol_schema_may_be_in(const struct pol_entity_type *t, struct or_slice in);

/* True where a type named in the schema is that of actions ("Action", "NS::Action"). */
bool pol_schema_is_action_type(struct or_slice type);

/* Adds the actions, with their groups as parents, to a store that is not sealed yet. */
OR_NODISCARD enum or_code pol_schema_put_actions(
    const struct pol_schema *s, struct pol_entities *es);

/* "Long", "Set<String>"… */
void pol_schema_type_print(struct or_buf *b, const struct pol_type *t);

#endif
