/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The formatter's walk over a text that is known to parse: its tokens with the comments around
 * them, made into documents. Private to the room.
 */
#ifndef POLICY_FORMAT_TOKS_H
#define POLICY_FORMAT_TOKS_H

#include "policy/format_doc.h"
#include "policy/lex.h"

struct pol_format_tok {
	enum pol_tok kind;
	struct or_slice text;
	uint32_t lead; /* comments on lines before it: the first, and how many */
	uint32_t n_lead;
	bool trailed; /* the comment behind those is on its own line, behind it */
};

struct pol_format_toks {
	struct or_arena *arena;
	int indent;
	struct or_buf list;     /* struct pol_format_tok; the last is POL_TOK_END */
	struct or_buf comments; /* struct or_slice, in the order of the text */
	size_t at;              /* of the token to take next */
};

/* Takes the text apart. OR_FULL. */
OR_NODISCARD enum or_code pol_format_toks_init(
    struct pol_format_toks *t, struct or_arena *a, struct or_slice text, int indent);
void pol_format_toks_done(struct pol_format_toks *t);

/* The token to take next, and n further on. */
struct pol_format_tok *pol_format_toks_peek(struct pol_format_toks *t, size_t n);
bool pol_format_toks_is(struct pol_format_toks *t, enum pol_tok kind);
bool pol_format_toks_is_word(struct pol_format_toks *t, const char *word);

/* Takes it, with its comments; `next` follows where no comment is behind it. */
const struct pol_format_doc *pol_format_toks_take(
    struct pol_format_toks *t, const struct pol_format_doc *next);

/* Only the comments before it. */
const struct pol_format_doc *pol_format_toks_lead(struct pol_format_toks *t);

/* Steps over a comma that stands before a closing bracket; its comments are the bracket's. */
void pol_format_toks_drop_comma(struct pol_format_toks *t);

/* d with b behind it. */
static inline void pol_format_toks_add(
    struct pol_format_toks *t, const struct pol_format_doc **d, const struct pol_format_doc *b)
{
	*d = pol_format_doc_cat(t->arena, *d, b);
}

/* format_expr.c */
const struct pol_format_doc *pol_format_expr_any(struct pol_format_toks *t);
const struct pol_format_doc *pol_format_expr_name(struct pol_format_toks *t);

#endif
