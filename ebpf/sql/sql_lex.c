/* SPDX-License-Identifier: Apache-2.0 */
#include "ebpf/sql/sql_lex.h"

#include "base/str.h"

struct lex {
	struct or_slice s;
	size_t at;
	const struct tap_sql_opt *opt;
	struct tap_sql_token before;
};

static const char *const keywords[TAP_SQL_KWS] = {
#define X(name) [TAP_SQL_KW_##name] = #name,
    TAP_SQL_KEYWORDS(X)
#undef X
};

/* They are in alphabetical order but for a pair or two, so this is a walk, started at the letter.
 */
static uint8_t find_keyword(struct or_slice word)
{
	uint8_t first;

	if (word.n < 2 || word.n > 13)
		return TAP_SQL_KW_NONE;
	first = word.p[0] & 0xdf;
	for (unsigned int i = 1; i < TAP_SQL_KWS; i++) {
		if ((uint8_t)keywords[i][0] == first &&
		    or_str_eq_nocase(word, or_slice_str(keywords[i])))
			return (uint8_t)i;
	}
	return TAP_SQL_KW_NONE;
}

static uint8_t peek(const struct lex *l, size_t more)
{
	return l->at + more < l->s.n ? l->s.p[l->at + more] : 0;
}

static bool is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(uint8_t c)
{
	return is_letter(c) || is_digit(c) || c == '$' || c == '#';
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Whether the dialect takes a backslash in a string for an escape. */
static bool has_backslash(enum tap_sql_dialect d)
{
	return d == TAP_SQL_MYSQL || d == TAP_SQL_HIVE || d == TAP_SQL_SPARK ||
	       d == TAP_SQL_BIGQUERY || d == TAP_SQL_SNOWFLAKE;
}

static bool nests_comments(enum tap_sql_dialect d)
{
	return d != TAP_SQL_MYSQL && d != TAP_SQL_ORACLE && d != TAP_SQL_SNOWFLAKE &&
	       d != TAP_SQL_BIGQUERY && d != TAP_SQL_HIVE;
}

static void skip_line(struct lex *l)
{
	while (l->at < l->s.n && l->s.p[l->at] != '\n')
		l->at++;
}

/* False: no end. */
static bool skip_block(struct lex *l)
{
	size_t depth = 1;

	l->at += 2;
	if (l->opt->dialect == TAP_SQL_MYSQL && peek(l, 0) == '!') {
		/* MySQL runs what stands in it. */
		for (l->at++; is_digit(peek(l, 0));)
			l->at++;
		return true;
	}
	while (l->at < l->s.n) {
		if (peek(l, 0) == '*' && peek(l, 1) == '/') {
			l->at += 2;
			if (--depth == 0)
				return true;
		} else if (peek(l, 0) == '/' && peek(l, 1) == '*' &&
			   nests_comments(l->opt->dialect)) {
			l->at += 2;
			depth++;
		} else {
			l->at++;
		}
	}
	return l->opt->cut;
}

static bool begins_line_comment(const struct lex *l)
{
	enum tap_sql_dialect d = l->opt->dialect;
	uint8_t c = peek(l, 0);

	return (c == '-' && peek(l, 1) == '-') ||
	       (c == '#' && (d == TAP_SQL_MYSQL || d == TAP_SQL_BIGQUERY)) ||
	       (c == '/' && peek(l, 1) == '/' && d == TAP_SQL_SNOWFLAKE);
}

/* Blanks and comments. False: a comment without end. */
static bool skip(struct lex *l)
{
	while (l->at < l->s.n) {
		if (is_blank(peek(l, 0)))
			l->at++;
		else if (begins_line_comment(l))
			skip_line(l);
		else if (peek(l, 0) == '*' && peek(l, 1) == '/' && l->opt->dialect == TAP_SQL_MYSQL)
			l->at += 2; /* the end of what skip_block let run */
		else if (peek(l, 0) == '/' && peek(l, 1) == '*') {
			if (!skip_block(l))
				return false;
		} else
			break;
	}
	return true;
}

/* From an opening quote to its end; a doubled one stands for itself. False: no end. */
static bool take_quoted(struct lex *l, struct tap_sql_token *t, uint8_t close, bool backslash)
{
	size_t from = ++l->at;

	while (l->at < l->s.n) {
		uint8_t c = peek(l, 0);

		if (c == '\\' && backslash && l->at + 1 < l->s.n) {
			l->at += 2;
		} else if (c == close && peek(l, 1) == close && l->at + 1 < l->s.n) {
			l->at += 2;
		} else if (c == close) {
			t->text = or_slice(l->s.p + from, l->at - from);
			l->at++;
			return true;
		} else {
			l->at++;
		}
	}
	t->text = or_slice(l->s.p + from, l->s.n - from);
	return l->opt->cut;
}

/* $tag$…$tag$ as a string, $1 and $name as a parameter. */
static bool take_dollar(struct lex *l, struct tap_sql_token *t)
{
	size_t from = l->at, tag;

	l->at++;
	while (is_letter(peek(l, 0)) || is_digit(peek(l, 0)))
		l->at++;
	tag = l->at - from + 1;
	if (peek(l, 0) != '$' || is_digit(l->s.p[from + 1])) {
		t->kind = TAP_SQL_PARAM;
		return true;
	}
	l->at++;
	t->kind = TAP_SQL_STRING;
	for (size_t begin = l->at; l->at + tag <= l->s.n; l->at++) {
		if (memcmp(l->s.p + l->at, l->s.p + from, tag) == 0) {
			t->text = or_slice(l->s.p + begin, l->at - begin);
			l->at += tag;
			return true;
		}
	}
	l->at = l->s.n;
	return l->opt->cut;
}

static void take_at(struct lex *l, struct tap_sql_token *t)
{
	size_t from = l->at++;
	bool stage = l->opt->dialect == TAP_SQL_SNOWFLAKE;

	t->kind = stage ? TAP_SQL_STAGE : TAP_SQL_PARAM;
	while (l->at < l->s.n) {
		uint8_t c = peek(l, 0);

		if (!is_word(c) && c != '@' && !(stage && c && strchr("./~%-+=*", c) != NULL))
			break;
		l->at++;
	}
	t->text = or_slice(l->s.p + from, l->at - from);
}

/* The letter before a string: E'…' has backslashes, N'…', B'…', X'…', r'…' are strings. */
static bool take_word(struct lex *l, struct tap_sql_token *t)
{
	size_t from = l->at;
	uint8_t first = peek(l, 0);

	while (is_word(peek(l, 0)))
		l->at++;
	t->text = or_slice(l->s.p + from, l->at - from);
	if (t->text.n == 1 && peek(l, 0) == '\'' && strchr("eEnNbBxXrR", first)) {
		t->kind = TAP_SQL_STRING;
		return take_quoted(l, t, '\'',
		    (first & 0xdf) == 'E' ||
			(has_backslash(l->opt->dialect) && (first & 0xdf) != 'R'));
	}
	t->kind = TAP_SQL_WORD;
	t->keyword = find_keyword(t->text);
	return true;
}

static void take_number(struct lex *l, struct tap_sql_token *t)
{
	size_t from = l->at;

	while (is_digit(peek(l, 0)) || is_letter(peek(l, 0)) ||
	       (peek(l, 0) == '.' && is_digit(peek(l, 1))))
		l->at++;
	t->kind = TAP_SQL_NUMBER;
	t->text = or_slice(l->s.p + from, l->at - from);
}

static bool takes_bracket(const struct lex *l)
{
	const struct tap_sql_token *b = &l->before;

	if (l->opt->dialect == TAP_SQL_MSSQL)
		return true;
	if (l->opt->dialect != TAP_SQL_REDSHIFT)
		return false;
	return peek(l, 1) != ']' && !(l->at && is_word(l->s.p[l->at - 1])) &&
	       !(b->kind == TAP_SQL_PUNCT && (b->text.p[0] == ')' || b->text.p[0] == ']'));
}

static bool take_other(struct lex *l, struct tap_sql_token *t)
{
	uint8_t c = peek(l, 0);

	if (c == ':' && is_letter(peek(l, 1)) && !(l->at && l->s.p[l->at - 1] == ':')) {
		t->kind = TAP_SQL_PARAM;
		for (l->at++; is_word(peek(l, 0));)
			l->at++;
		return true;
	}
	t->kind = c == '?' ? TAP_SQL_PARAM : TAP_SQL_PUNCT;
	t->text = or_slice(l->s.p + l->at, 1);
	l->at++;
	return true;
}

static bool take(struct lex *l, struct tap_sql_token *t)
{
	uint8_t c = peek(l, 0);
	bool backslash = has_backslash(l->opt->dialect);

	if (is_letter(c) || (c == '#' && is_letter(peek(l, 1))))
		return take_word(l, t);
	if (is_digit(c)) {
		take_number(l, t);
		return true;
	}
	t->kind = TAP_SQL_QUOTED;
	if (c == '"')
		return take_quoted(l, t, '"', backslash);
	if (c == '`')
		return take_quoted(l, t, '`', false);
	if (c == '[' && takes_bracket(l))
		return take_quoted(l, t, ']', false);
	t->kind = TAP_SQL_STRING;
	if (c == '\'')
		return take_quoted(l, t, '\'', backslash);
	if (c == '$')
		return take_dollar(l, t);
	if (c != '@')
		return take_other(l, t);
	take_at(l, t);
	return true;
}

/* OR_ABSENT: the end. */
static enum or_code next(struct lex *l, struct tap_sql_token *t)
{
	size_t from = l->at;

	*t = (struct tap_sql_token){.kind = TAP_SQL_END};
	if (!skip(l))
		return OR_PARSE;
	t->glued = l->at == from && from > 0;
	if (l->at >= l->s.n)
		return OR_ABSENT;
	if (!take(l, t))
		return OR_PARSE;
	t->last = l->at >= l->s.n;
	l->before = *t;
	return OR_OK;
}

enum or_code tap_sql_lex_all(struct tap_sql_token **out, size_t *n, struct or_slice sql,
    const struct tap_sql_opt *opt, struct or_arena *arena)
{
	struct lex count = {.s = sql, .opt = opt}, l = count;
	struct tap_sql_token t, *tokens;
	enum or_code rc;
	size_t i = 0;

	while ((rc = next(&count, &t)) == OR_OK)
		i++;
	if (rc != OR_ABSENT)
		return rc;
	tokens = or_arena_array(arena, i + 1, sizeof(*tokens));
	if (!tokens)
		return OR_FULL;
	for (size_t k = 0; k <= i; k++)
		(void)!next(&l, &tokens[k]);
	*out = tokens;
	*n = i;
	return OR_OK;
}
