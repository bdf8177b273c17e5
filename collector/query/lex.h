/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of the query language (query.h). Pure; words borrow the text, quoted text the arena.
 */
#ifndef COLLECTOR_QUERY_LEX_H
#define COLLECTOR_QUERY_LEX_H

#include "base/arena.h"
#include "base/err.h"

enum co_lex_kind {
	CO_LEX_END,
	CO_LEX_WORD,   /* letters, digits, . _ - : / * @ # + % and what is beyond ASCII */
	CO_LEX_QUOTED, /* "…" with \" and \\, undone; Type::"id" is one too, as it stands */
	CO_LEX_OP,     /* = != < <= > >= ~ !~ */
	CO_LEX_OPEN,
	CO_LEX_CLOSE,
	CO_LEX_COMMA,
	CO_LEX_BAR,
};

struct co_lex {
	struct or_slice text;
	size_t at; /* behind the current token */
	struct or_arena *arena;
	struct or_err *err;

	/* the current token */
	enum co_lex_kind kind;
	struct or_slice token;
	struct or_slice raw; /* QUOTED: as it is written between the quotes */
	size_t start;
};

/* Starts, standing on the first token. */
OR_NODISCARD enum or_code co_lex_init(
    struct co_lex *l, struct or_slice text, struct or_arena *a, struct or_err *err);
OR_NODISCARD enum or_code co_lex_next(struct co_lex *l);

/* True where the current token is that bare word. */
bool co_lex_is_word(const struct co_lex *l, const char *word);

/* OR_PARSE: the column, what, the text around it, and a caret under byte `at`. */
enum or_code co_lex_fail(const struct co_lex *l, size_t at, const char *what);

#endif
