/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of agent/capture/redact share; nobody else includes it.
 *
 *	redact.c         the pass over a text, patterns of one's own
 *	redact_find.c    what is recognised where it begins
 */
#ifndef AGENT_CAPTURE_REDACT_REDACT_IMPL_H
#define AGENT_CAPTURE_REDACT_REDACT_IMPL_H

#include "agent/capture/redact/redact.h"

#include <string.h>

enum redact_kind { REDACT_CARD, REDACT_MAIL, REDACT_TOKEN, REDACT_IBAN, REDACT_KINDS };

/* A piece of the text. */
struct redact_span {
	size_t begin, end;
	enum redact_kind kind;
};

/*
 * What is recognised at position `at`, of the kinds in the mask. `from`: what stands before it is
 * out already, and no span begins there. *next: where to look again if nothing is (at least at +
 * 1).
 */
bool ag_redact_find_at(struct redact_span *out, size_t *next, struct or_slice text, size_t from,
    size_t at, unsigned int kinds, const uint8_t *fours);

/* Where something may begin, so that few places are looked at: a bit for each two bytes, and for
 * those of tokens a bit for the hash of four. */
struct redact_begin {
	uint8_t pairs[8192];
	uint8_t fours[8192];
};
void ag_redact_find_begin(struct redact_begin *b, unsigned int kinds);

/* Of the four bytes at p, without their case. */
static inline uint32_t redact_hash(const uint8_t *p)
{
	uint32_t four;

	memcpy(&four, p, sizeof(four));
	return ((four | 0x20202020U) * 2654435761U) >> 16;
}

static inline bool redact_has(const uint8_t *bits, uint32_t at)
{
	return bits[at >> 3] & 1U << (at & 7);
}

/* True where an attribute of that name holds a secret. */
bool ag_redact_find_key(struct or_slice key);

#endif
