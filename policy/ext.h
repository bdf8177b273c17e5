/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of the extension types by name and signature. Private to the room.
 */
#ifndef POLICY_EXT_H
#define POLICY_EXT_H

#include "policy/ast.h"

struct pol_ext_signature {
	const char *name;
	enum pol_kind result;
	uint8_t n_args;
	enum pol_kind args[2];
};

/* POL_EXT_FNS where there is none of that name. */
enum pol_ext_fn pol_ext_find(struct or_slice name);
const char *pol_ext_name(enum pol_ext_fn fn);
const struct pol_ext_signature *pol_ext_signature(enum pol_ext_fn fn);

/* The value of a constructor (fn < POL_EXT_CONSTRUCTORS). OR_PARSE: the text is not one of its
 * type; OR_FULL: out of range, or no room in the arena (or_arena_is_full tells). */
OR_NODISCARD enum or_code pol_ext_construct(
    struct pol_value *out, enum pol_ext_fn fn, struct or_slice text, struct or_arena *a);

/* The value of any other. The arguments have the signature's kinds. OR_FULL: overflow. */
OR_NODISCARD enum or_code pol_ext_call(struct pol_value *out, enum pol_ext_fn fn,
    const struct pol_value *a, const struct pol_value *b);

#endif
