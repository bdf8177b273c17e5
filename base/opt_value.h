/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of option tables (base/opt.h), taken from one target and compared with another's.
 *
 * Pure; any thread. Targets are structs that the table's offsets are in.
 */
#ifndef BASE_OPT_VALUE_H
#define BASE_OPT_VALUE_H

#include "base/opt.h"

/* False for a text or a tree that nobody gave. */
bool or_opt_value_is_set(const struct or_opt *opt, const void *target);

/* True where both structs say the same. */
bool or_opt_value_is_same(const struct or_opt *opt, const void *a, const void *b);

/* Texts, lists and trees stay where they are. */
void or_opt_value_copy(const struct or_opt *opt, void *to, const void *from);

#endif
