/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One value behind its mask (the kinds are policy/mask.h's), and why a masked answer is refused.
 *
 * What is a value's own: a number is taken as it stands, and what a mask that shows a part leaves
 * of it is text. A boolean has no shape or part that would not tell it: under redact, email, a
 * date, first-N and last-N it becomes null. Under redact every character beyond ASCII is a letter,
 * x. null stays null but for constant; so does CSV's empty field, which stands for null there. A
 * list is masked item by item, but for null, default and constant; an object under a kind that
 * needs text becomes null.
 *
 * Pure; any thread. Limits: AG_MASK_VALUE_MAX bytes of a value that is read for its mask.
 */
#ifndef AGENT_GATE_MASK_MASK_H
#define AGENT_GATE_MASK_MASK_H

#include "base/buf.h"
#include "policy/mask.h"

#define AG_MASK_VALUE_MAX (128U * 1024)

/* The names (ag_mask_fault_name) are stable: they stand in audit records. */
enum ag_mask_fault {
	AG_MASK_FINE = 0,
	AG_MASK_TYPE,      /* no type that can be masked */
	AG_MASK_CODING,    /* a Content-Encoding other than identity and gzip, or damaged gzip */
	AG_MASK_MALFORMED, /* not JSON, a row of another length, not UTF-8 */
	AG_MASK_DUPLICATE, /* two members of one name in an object */
	AG_MASK_DEEP,      /* nested deeper than OR_JSON_DEPTH_MAX */
	AG_MASK_LARGE, /* a key, a masked value, a header row or an object's keys past a limit */
	AG_MASK_TRUNCATED, /* it ended inside a value */
};

/* "mask_type", "mask_coding", "mask_malformed"… */
const char *ag_mask_fault_name(enum ag_mask_fault fault);

enum ag_mask_type { AG_MASK_STRING, AG_MASK_NUMBER, AG_MASK_BOOL };

/* How the result is to be written. */
enum ag_mask_form {
	AG_MASK_NOTHING, /* null, or an empty field */
	AG_MASK_BARE,    /* 0, false */
	AG_MASK_TEXT,
};

/* True where no byte of the value is needed. */
bool ag_mask_is_blind(enum pol_mask_kind kind);

/* Appends what is shown for a value that is not null: the decoded string, or the literal as it
 * stands. hash_key is of hash alone. */
enum ag_mask_form ag_mask_value(struct or_buf *out, const struct pol_mask *mask,
    struct or_slice hash_key, enum ag_mask_type type, struct or_slice text);

#endif
