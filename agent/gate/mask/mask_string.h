/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON string (RFC 8259 §7) in pieces: checked, and decoded where somebody wants its text.
 *
 * What is wanted is copied only where it is cut by the end of a piece or holds an escape.
 * Half a surrogate pair is malformed where `strict`, else it decodes to U+FFFD.
 * Pure; for agent/gate/mask/mask_json.c.
 */
#ifndef AGENT_GATE_MASK_MASK_STRING_H
#define AGENT_GATE_MASK_MASK_STRING_H

#include "agent/gate/mask/mask.h"

struct ag_mask_string {
	struct or_buf text;     /* what is decoded so far and not in the present piece */
	const uint8_t *pending; /* where in the present piece it goes on; NULL: not wanted */
	bool wanted;
	bool strict;
	bool cuts; /* text past the maximum is left out, instead of being too large */
	size_t max;
	uint32_t unit, high; /* an escape that is being read; the first half of a pair */
	uint8_t escape;   /* 0: none; 1: behind the backslash; 2 to 5: digits that are due, + 1 */
	uint8_t tail;     /* bytes of a character that are due */
	uint8_t low, top; /* what the next of them may be */
};

void ag_mask_string_init(struct ag_mask_string *s);
void ag_mask_string_done(struct ag_mask_string *s);

/* Behind the opening quote, in the piece that p points into. */
void ag_mask_string_start(struct ag_mask_string *s, const uint8_t *p);

/* Takes bytes from *at on; true in *whole where *at is at the closing quote. */
OR_NODISCARD enum ag_mask_fault ag_mask_string_take(
    struct ag_mask_string *s, const uint8_t **at, const uint8_t *end, bool *whole);

/* The decoded text up to `at`, once whole. Borrowed until the next start. */
OR_NODISCARD enum ag_mask_fault ag_mask_string_text(
    struct ag_mask_string *s, struct or_slice *out, const uint8_t *at);

/* The piece ends here: what is wanted of it is kept. And the next one begins. */
OR_NODISCARD enum ag_mask_fault ag_mask_string_leave(struct ag_mask_string *s, const uint8_t *end);
void ag_mask_string_enter(struct ag_mask_string *s, const uint8_t *p);

#endif
