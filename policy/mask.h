/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Obligations: which columns of an answer are masked, and how, from the annotations of the permits
 * that determined an allow.
 *
 *   @mask("email:redact, card.number:last-4, note:constant:on request")
 *
 * A list of `column:kind`, with commas between. A column is a path of names joined by dots; a path
 * goes through lists without a sign (`items.price` is the price of every item). A backslash takes
 * the next character as it is (`a\.b` is one name; `\,` a comma in a constant).
 *
 * kind        what is left of the value
 * null        nothing: null
 * default     the type's zero: "", 0, false, 1970-01-01, [], {}
 * constant:T  the text T
 * redact      its shape: letters become x and X, digits 0, the rest stays
 * hash        HMAC-SHA-256 under a key of the gate, as hex: equal values stay equal
 * date-year   a date's year: its first of January, midnight
 * date-month  a date's month: its first day, midnight
 * email       the domain: the part before the last @ becomes one x
 * last-N      the last N characters, those before become x; N from 1 to 64
 * first-N     the first N characters, those behind become x
 *
 * Where several permits mask a column the strictest kind wins, in the order of the table; of two
 * last-N (or first-N) the smaller N. A permit without a mask never lifts another's. A value that a
 * kind is not made for (no date, no @, shorter than N + 1 characters, an object) becomes null; so
 * of two paths where one leads into the other the outer decides.
 *
 * Fail closed: an annotation that cannot be read, an unknown kind, or two different constants for
 * one column are errors, and an allow that owes such a mask is a deny.
 *
 * Thread: any. Owns: nothing; results lie in the caller's arena and borrow the policies' bytes.
 * Limits: POL_MASK_MAX masks for one decision, paths of POL_MASK_PATH_MAX names.
 */
#ifndef POLICY_MASK_H
#define POLICY_MASK_H

#include "policy/authorize.h"

#define POL_MASK_MAX      1024
#define POL_MASK_PATH_MAX 32
#define POL_MASK_SHOW_MAX 64 /* N of last-N and first-N */

/* Strictest first. */
enum pol_mask_kind {
	POL_MASK_NULL,
	POL_MASK_DEFAULT,
	POL_MASK_CONSTANT,
	POL_MASK_REDACT,
	POL_MASK_HASH,
	POL_MASK_DATE_YEAR,
	POL_MASK_DATE_MONTH,
	POL_MASK_EMAIL,
	POL_MASK_LAST,
	POL_MASK_FIRST,
	POL_MASK_KINDS,
};

struct pol_mask {
	struct or_slice column;      /* the path in one form: `.` between names, `\` where needed */
	const struct or_slice *path; /* its names, plain */
	size_t n_path;
	enum pol_mask_kind kind;
	uint32_t n;                      /* of last-N and first-N */
	struct or_slice constant;        /* of constant */
	const struct pol_policy *policy; /* that asks for it */
};

/* By column, each once. */
struct pol_masks {
	const struct pol_mask *items;
	size_t n;
};

/*
 * The masks that the decision owes; none for a deny. *out lies in the arena.
 * OR_INVAL: an annotation that cannot be carried out, err says which: deny. OR_FULL: too many, or
 * the arena: deny.
 */
OR_NODISCARD enum or_code pol_mask_resolve(
    struct pol_masks *out, struct or_arena *a, const struct pol_decision *d, struct or_err *err);

/* Those of the policies, whether or not they are reasons of anything; as above. */
OR_NODISCARD enum or_code pol_mask_collect(struct pol_masks *out, struct or_arena *a,
    const struct pol_policy *const *policies, size_t n, struct or_err *err);

/* Whether every mask of the set can be read, and stands on a permit; for who builds a bundle.
 * OR_INVAL: err says which cannot. */
OR_NODISCARD enum or_code pol_mask_check(const struct pol_set *set, struct or_err *err);

/* "redact", "last-4", "constant": the kind as it is written, without a constant's text. */
void pol_mask_print_kind(struct or_buf *b, const struct pol_mask *m);

/* `column:kind` as an annotation has it. */
void pol_mask_print(struct or_buf *b, const struct pol_mask *m);

/* NULL where the column (in the form of struct pol_mask) is not masked. */
const struct pol_mask *pol_mask_find(const struct pol_masks *masks, struct or_slice column);

#endif
