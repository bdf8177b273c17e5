/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A validator for closed JSON shapes, driven by constant tables.
 *
 * A rule says what one value may be, a shape which members an object may have. Shapes can depend
 * on the object's own content (`more`), which carries what JSON Schema writes as if/then over
 * unevaluatedProperties: a member is known when any active shape names it, and must satisfy every
 * active shape that does.
 *
 * Thread: any; the tables are constant. Errors go to the list of product/diag.h, several per run;
 * formats (dates, URIs) are annotations in JSON Schema 2019-09, so a wrong one is a warning.
 */
#ifndef PRODUCT_RULE_H
#define PRODUCT_RULE_H

#include "product/diag.h"

enum {
	DP_RULE_STR = 1,
	DP_RULE_INT = 2, /* 1.0 is one too, as in JSON Schema */
	DP_RULE_NUM = 4,
	DP_RULE_BOOL = 8,
	DP_RULE_NULL = 16,
	DP_RULE_ARRAY = 32,
	DP_RULE_OBJECT = 64,
};

#define DP_RULE_MORE_MAX 12 /* shapes active at once for one object */
#define DP_RULE_PATH_MAX 1024

enum dp_rule_format {
	DP_RULE_FREE,
	DP_RULE_DATE,
	DP_RULE_DATE_TIME,
	DP_RULE_URI,
};

struct dp_shape;
struct dp_rule_run;

struct dp_rule {
	unsigned int types;       /* DP_RULE_* or-ed; 0 is anything */
	const char *const *names; /* the strings allowed, NULL at the end */
	bool (*matches)(struct or_slice s);
	const char *like; /* how people are told what matches() wants */
	enum dp_rule_format format;
	const struct dp_rule *items;
	size_t min_items;
	size_t max_items; /* 0: no limit */
	bool unique;
	bool at_least_0;
	bool above_0;
	const struct dp_shape *shape;
};

struct dp_field {
	const char *name; /* NULL ends a table */
	bool required;
	const struct dp_rule *rule;
};

struct dp_shape {
	const struct dp_field *fields;
	bool open;            /* unknown members are allowed */
	const char *if_empty; /* said of any member, where the shape has no fields */
	/* Puts the further shapes of this object into out; returns how many. */
	size_t (*more)(const struct or_json *o, const struct dp_shape *out[DP_RULE_MORE_MAX]);
	/* What no table says; reports through dp_rule_error. */
	void (*check)(struct dp_rule_run *run, const struct or_json *o);
};

struct dp_rule_run {
	struct dp_diags *diags;
	char path[DP_RULE_PATH_MAX];
	size_t n_path;
};

/* Validates the document; what is wrong is in diags afterwards. */
void dp_rule_validate(
    const struct dp_rule *rule, const struct or_json *tree, struct dp_diags *diags);

/* The same for a value below run->path. */
void dp_rule_check(struct dp_rule_run *run, const struct dp_rule *rule, const struct or_json *v);

/* For check functions: an error at the member (NULL: at the object itself). */
void dp_rule_error(struct dp_rule_run *run, const struct or_json *at, const char *member,
    const char *fmt, ...) OR_PRINTF(4, 5);

/* Appends ".name" or "[i]" to a path; returns the length to go back to. Unprintable bytes become
 * '?'; what does not fit is left out. */
size_t dp_rule_path_push(struct dp_rule_run *run, struct or_slice name);
size_t dp_rule_path_push_index(struct dp_rule_run *run, size_t i);
void dp_rule_path_pop(struct dp_rule_run *run, size_t to);

/* The rule `name` for objects with the table name_fields; the rule for lists of `item`. */
#define DP_RULE_OBJECT_OF(name)                                                                    \
	static const struct dp_shape name##_shape = {.fields = name##_fields};                     \
	static const struct dp_rule name = {.types = DP_RULE_OBJECT, .shape = &name##_shape}
#define DP_RULE_LIST_OF(name, item)                                                                \
	static const struct dp_rule name = {.types = DP_RULE_ARRAY, .items = &(item)}

extern const struct dp_rule dp_rule_any, dp_rule_str, dp_rule_int, dp_rule_num, dp_rule_bool,
    dp_rule_object, dp_rule_str_list, dp_rule_uri, dp_rule_date, dp_rule_date_time;

#endif
