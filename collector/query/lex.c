/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/query/lex.h"

#include "base/str.h"

enum { SHOWN_BEFORE = 64, SHOWN_AFTER = 48 };

static bool is_continuation(uint8_t c)
{
	return (c & 0xC0) == 0x80;
}

/* One line that lines up with the caret: controls and line ends become blanks. */
static void put_shown(struct or_buf *out, struct or_slice text)
{
	for (size_t i = 0; i < text.n; i++)
		or_buf_put_byte(out, text.p[i] < 0x20 || text.p[i] == 0x7F ? ' ' : text.p[i]);
}

enum or_code co_lex_fail(const struct co_lex *l, size_t at, const char *what)
{
	struct or_slice text = l->text;
	size_t from = at > SHOWN_BEFORE ? at - SHOWN_BEFORE : 0, column = 1;
	size_t to = text.n - at > SHOWN_AFTER ? at + SHOWN_AFTER : text.n;
	struct or_buf shown;

	while (from < at && is_continuation(text.p[from]))
		from++;
	while (to < text.n && is_continuation(text.p[to]))
		to++;
	or_buf_init(&shown, 512);
	or_buf_put_str(&shown, from ? "…" : "");
	put_shown(&shown, or_slice(text.p + from, to - from));
	or_buf_put_str(&shown, to < text.n ? "…\n  " : "\n  ");
	if (from)
		or_buf_put_byte(&shown, ' ');
	/* The caret counts characters, not bytes. */
	for (size_t i = from; i < at; i++) {
		if (!is_continuation(text.p[i]))
			or_buf_put_byte(&shown, ' ');
	}
	for (size_t i = 0; i < at; i++)
		column += !is_continuation(text.p[i]);
	or_err_set(l->err, OR_PARSE, "column %zu: %s\n  %s^", column, what, or_buf_text(&shown));
	or_buf_done(&shown);
	return OR_PARSE;
}

static bool is_word_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c >= 0x80 || (c && strchr("._-:/*@#+%", c));
}

/* Where the quoted text that starts behind from ends; text.n where it does not. */
static size_t find_quote(struct or_slice text, size_t from)
{
	for (; from < text.n && text.p[from] != '"'; from++) {
		if (text.p[from] == '\\' && from + 1 < text.n)
			from++;
	}
	return from;
}

/* The text between the quotes, the first of which is at `open`; l->at goes behind the last. */
static enum or_code read_quoted(struct co_lex *l, size_t open)
{
	size_t end = find_quote(l->text, open + 1), n = 0;
	uint8_t *to;

	if (end == l->text.n)
		return co_lex_fail(l, open, "this quote does not end");
	to = or_arena_alloc(l->arena, end - open);
	if (!to)
		return or_err_set(l->err, OR_FULL, "the query needs more memory than its budget");
	for (size_t i = open + 1; i < end; i++) {
		if (l->text.p[i] == '\\')
			i++;
		to[n++] = l->text.p[i];
	}
	l->kind = CO_LEX_QUOTED;
	l->token = or_slice(to, n);
	l->raw = or_slice(l->text.p + open + 1, end - open - 1);
	l->at = end + 1;
	return OR_OK;
}

static enum or_code read_symbol(struct co_lex *l)
{
	static const struct {
		const char *text;
		enum co_lex_kind kind;
		const char *hint; /* what people write who know another language */
	} symbols[] = {
	    {"!=", CO_LEX_OP, NULL},
	    {"<=", CO_LEX_OP, NULL},
	    {">=", CO_LEX_OP, NULL},
	    {"==", CO_LEX_END, "write a single ="},
	    {"=~", CO_LEX_END, "write ~ alone"},
	    {"!~", CO_LEX_OP, NULL},
	    {"<>", CO_LEX_END, "write !="},
	    {"&&", CO_LEX_END, "write and"},
	    {"||", CO_LEX_END, "write or"},
	    {"=", CO_LEX_OP, NULL},
	    {"<", CO_LEX_OP, NULL},
	    {">", CO_LEX_OP, NULL},
	    {"~", CO_LEX_OP, NULL},
	    {"(", CO_LEX_OPEN, NULL},
	    {")", CO_LEX_CLOSE, NULL},
	    {",", CO_LEX_COMMA, NULL},
	    {"|", CO_LEX_BAR, NULL},
	    {"!", CO_LEX_END, "write not"},
	    {"'", CO_LEX_END, "put text in \"double quotes\""},
	};
	struct or_slice rest = or_slice_from(l->text, l->at);

	for (size_t i = 0; i < OR_LEN(symbols); i++) {
		if (!or_str_has_prefix(rest, symbols[i].text))
			continue;
		if (symbols[i].hint)
			return co_lex_fail(l, l->at, symbols[i].hint);
		l->kind = symbols[i].kind;
		l->token = or_slice(rest.p, strlen(symbols[i].text));
		l->at += l->token.n;
		return OR_OK;
	}
	return co_lex_fail(
	    l, l->at, "this character has no meaning here; put text in \"double quotes\"");
}

static enum or_code read_word(struct co_lex *l)
{
	enum or_code rc;

	while (l->at < l->text.n && is_word_byte(l->text.p[l->at]))
		l->at++;
	l->kind = CO_LEX_WORD;
	l->token = or_slice(l->text.p + l->start, l->at - l->start);
	if (l->at == l->text.n || l->text.p[l->at] != '"' || !or_str_has_suffix(l->token, "::"))
		return OR_OK;
	/* Type::"id" stays as it is written: that is how the field has it, escapes included. */
	rc = read_quoted(l, l->at);
	if (rc == OR_OK)
		l->token = or_slice(l->text.p + l->start, l->at - l->start);
	return rc;
}

enum or_code co_lex_next(struct co_lex *l)
{
	while (l->at < l->text.n && l->text.p[l->at] && strchr(" \t\r\n", l->text.p[l->at]))
		l->at++;
	l->start = l->at;
	if (l->at == l->text.n) {
		l->kind = CO_LEX_END;
		l->token = OR_SLICE_NONE;
		return OR_OK;
	}
	if (l->text.p[l->at] == '"')
		return read_quoted(l, l->at);
	return is_word_byte(l->text.p[l->at]) ? read_word(l) : read_symbol(l);
}

enum or_code co_lex_init(
    struct co_lex *l, struct or_slice text, struct or_arena *a, struct or_err *err)
{
	*l = (struct co_lex){.text = text, .arena = a, .err = err};
	return co_lex_next(l);
}

bool co_lex_is_word(const struct co_lex *l, const char *word)
{
	return l->kind == CO_LEX_WORD && or_slice_is(l->token, word);
}
