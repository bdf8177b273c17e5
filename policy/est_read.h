/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the EST reader: expressions, and what its files share. Private to the room;
 * policy/est.h is the way in.
 */
#ifndef POLICY_EST_READ_H
#define POLICY_EST_READ_H

#include "policy/json.h"
#include "policy/parse.h"

/* The way from the document's root to a value, for messages: on the stack of who reads. */
struct pol_est_step {
	const struct pol_est_step *up;
	struct or_slice key; /* p NULL: an element of a list */
	size_t index;
};

static inline struct pol_est_step pol_est_at(const struct pol_est_step *up, const char *key)
{
	return (struct pol_est_step){.up = up, .key = or_slice_str(key)};
}

static inline struct pol_est_step pol_est_item(const struct pol_est_step *up, size_t index)
{
	return (struct pol_est_step){.up = up, .index = index};
}

/* Reports at the value, with its path; NULL. */
const void *pol_est_read_fail(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json *j, const char *fmt, ...) OR_PRINTF(4, 5);

/* The object's member; false (reported) where j is no object, it lacks a key of `needed`, or has
 * one that is in neither list. The lists end in NULL. */
bool pol_est_read_keys(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json *j, const char *const *needed, const char *const *optional);

/* {type, id}, or that under "__entity", in the arena; NULL after an error. */
const struct pol_uid *pol_est_read_uid(
    struct pol_parse *ps, const struct pol_est_step *step, const struct or_json *j);

/* The name of a type; false after an error. */
bool pol_est_read_type(struct pol_parse *ps, const struct pol_est_step *step,
    const struct or_json *j, struct or_slice *out);

/* A copy in the arena of what will outlive the document; p NULL: no room (noted). */
struct or_slice pol_est_read_keep(struct pol_parse *ps, struct or_slice s);

/* In the arena, without id; NULL after an error. */
struct pol_policy *pol_est_read_policy(
    struct pol_parse *ps, const struct pol_est_step *step, const struct or_json *j);

/* est_expr.c: NULL after an error. */
const struct pol_node *pol_est_expr_read(
    struct pol_parse *ps, const struct pol_est_step *step, const struct or_json *j);

#endif
