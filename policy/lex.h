/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of Cedar's policy and schema texts (grammar of Cedar 4.5).
 *
 * A lexer walks a text that is valid UTF-8 and gives one token per call. Tokens are ranges of the
 * text; a string's escapes are undone by pol_lex_unescape. Thread: whoever owns the lexer.
 */
#ifndef POLICY_LEX_H
#define POLICY_LEX_H

#include "policy/diag.h"

enum pol_tok {
	POL_TOK_END,
	POL_TOK_BAD, /* reported already */
	POL_TOK_IDENT,
	POL_TOK_INT,
	POL_TOK_STR,
	POL_TOK_SLOT, /* ?name */
	POL_TOK_AT,
	POL_TOK_DOT,
	POL_TOK_COMMA,
	POL_TOK_SEMI,
	POL_TOK_COLON,
	POL_TOK_PATH, /* :: */
	POL_TOK_LPAREN,
	POL_TOK_RPAREN,
	POL_TOK_LBRACE,
	POL_TOK_RBRACE,
	POL_TOK_LBRACKET,
	POL_TOK_RBRACKET,
	POL_TOK_EQ,
	POL_TOK_NE,
	POL_TOK_LT,
	POL_TOK_LE,
	POL_TOK_GT,
	POL_TOK_GE,
	POL_TOK_OR,
	POL_TOK_AND,
	POL_TOK_PLUS,
	POL_TOK_MINUS,
	POL_TOK_STAR,
	POL_TOK_SLASH,
	POL_TOK_PERCENT,
	POL_TOK_NOT,
	POL_TOK_ASSIGN,   /* = */
	POL_TOK_QUESTION, /* ? */
};

struct pol_token {
	enum pol_tok kind;
	size_t at;
	struct or_slice text; /* with the quotes, where it is a string */
};

struct pol_lex {
	struct pol_source src;
	struct pol_diags *diags;
	size_t at;
	struct pol_token tok; /* the one to read next */
	size_t end;           /* where the token before it ended */
};

/* Reads the first token. OR_PARSE (reported): the text is not UTF-8, or larger than 4 GiB. */
OR_NODISCARD enum or_code pol_lex_init(
    struct pol_lex *lex, const struct pol_source *src, struct pol_diags *diags);

/* Moves to the next token; reports one that is malformed. */
void pol_lex_next(struct pol_lex *lex);

/* Moves and returns true where the token is of that kind. */
bool pol_lex_accept(struct pol_lex *lex, enum pol_tok kind);

/* As accept; otherwise reports "expected …, found …" and returns false. */
bool pol_lex_expect(struct pol_lex *lex, enum pol_tok kind);

/* True where the token is that identifier. */
bool pol_lex_is_word(const struct pol_lex *lex, const char *word);
bool pol_lex_accept_word(struct pol_lex *lex, const char *word);

/* Reports "expected <what>, found <token>" at the token. */
void pol_lex_expected(struct pol_lex *lex, const char *what);

/* Skips to behind the next `;` (or to the end): where reading goes on after an error. */
void pol_lex_recover(struct pol_lex *lex);

/*
 * The value of a string token. stars, where not NULL, makes it a pattern: `\*` is a star, and a
 * bare `*` becomes the byte 0xFF, which no UTF-8 text holds. OR_PARSE (reported); OR_FULL.
 */
OR_NODISCARD enum or_code pol_lex_unescape(struct or_slice *out, const struct pol_lex *lex,
    const struct pol_token *tok, struct or_arena *a, bool pattern);

/* true, false, if, then, else, in, is, like, has, __cedar. */
bool pol_lex_is_reserved(struct or_slice ident);

/* [_a-zA-Z][_a-zA-Z0-9]* and not reserved. */
bool pol_lex_is_ident(struct or_slice s);

/* Idents joined by "::". */
bool pol_lex_is_path(struct or_slice s);

#endif
