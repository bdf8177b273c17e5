/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/lex.h"

#include "base/str.h"

#define PATTERN_STAR 0xFF

static bool is_start(uint8_t c)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* Bytes of white space at `at` (Unicode's White_Space), 0 where there is none. */
static size_t blank_at(struct or_slice s, size_t at)
{
	uint32_t cp;
	size_t n;

	if (s.p[at] == ' ' || (s.p[at] >= '\t' && s.p[at] <= '\r'))
		return 1;
	if (s.p[at] < 0x80)
		return 0;
	n = or_str_utf8_decode(&cp, or_slice_from(s, at));
	if (cp == 0x85 || cp == 0xA0 || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200A) ||
	    cp == 0x2028 || cp == 0x2029 || cp == 0x202F || cp == 0x205F || cp == 0x3000)
		return n;
	return 0;
}

static void skip_blanks(struct pol_lex *lex)
{
	struct or_slice s = lex->src.text;

	while (lex->at < s.n) {
		size_t n = blank_at(s, lex->at);

		if (n) {
			lex->at += n;
		} else if (s.p[lex->at] == '/' && lex->at + 1 < s.n && s.p[lex->at + 1] == '/') {
			while (lex->at < s.n && s.p[lex->at] != '\n' && s.p[lex->at] != '\r')
				lex->at++;
		} else {
			return;
		}
	}
}

/* Bytes of the string that starts at `at`, 0 where it does not end. A backslash takes the next
 * character with it, but not a line's end. */
static size_t string_length(struct or_slice s, size_t at)
{
	for (size_t i = at + 1; i < s.n; i++) {
		if (s.p[i] == '"')
			return i + 1 - at;
		if (s.p[i] == '\\') {
			i++;
			if (i < s.n && s.p[i] == '\n')
				return 0;
		}
	}
	return 0;
}

struct symbol {
	char text[3];
	uint8_t kind;
};

/* Longer ones first. */
static const struct symbol SYMBOLS[] = {{"::", POL_TOK_PATH}, {"==", POL_TOK_EQ},
    {"!=", POL_TOK_NE}, {"<=", POL_TOK_LE}, {">=", POL_TOK_GE}, {"||", POL_TOK_OR},
    {"&&", POL_TOK_AND}, {"@", POL_TOK_AT}, {".", POL_TOK_DOT}, {",", POL_TOK_COMMA},
    {";", POL_TOK_SEMI}, {":", POL_TOK_COLON}, {"(", POL_TOK_LPAREN}, {")", POL_TOK_RPAREN},
    {"{", POL_TOK_LBRACE}, {"}", POL_TOK_RBRACE}, {"[", POL_TOK_LBRACKET}, {"]", POL_TOK_RBRACKET},
    {"<", POL_TOK_LT}, {">", POL_TOK_GT}, {"+", POL_TOK_PLUS}, {"-", POL_TOK_MINUS},
    {"*", POL_TOK_STAR}, {"/", POL_TOK_SLASH}, {"%", POL_TOK_PERCENT}, {"!", POL_TOK_NOT},
    {"=", POL_TOK_ASSIGN}, {"?", POL_TOK_QUESTION}};

static size_t symbol_at(struct or_slice s, size_t at, enum pol_tok *kind)
{
	for (size_t i = 0; i < OR_LEN(SYMBOLS); i++) {
		size_t n = SYMBOLS[i].text[1] ? 2 : 1;

		if (n <= s.n - at && memcmp(s.p + at, SYMBOLS[i].text, n) == 0) {
			*kind = (enum pol_tok)SYMBOLS[i].kind;
			return n;
		}
	}
	return 0;
}

static size_t word_length(struct or_slice s, size_t at)
{
	size_t i = at;

	while (i < s.n && (is_start(s.p[i]) || is_digit(s.p[i])))
		i++;
	return i - at;
}

static size_t scan(struct pol_lex *lex, enum pol_tok *kind)
{
	struct or_slice s = lex->src.text;
	size_t at = lex->at, n;
	uint32_t cp;

	if (is_start(s.p[at])) {
		*kind = POL_TOK_IDENT;
		return word_length(s, at);
	}
	if (is_digit(s.p[at])) {
		*kind = POL_TOK_INT;
		for (n = 1; at + n < s.n && is_digit(s.p[at + n]);)
			n++;
		return n;
	}
	if (s.p[at] == '"') {
		*kind = POL_TOK_STR;
		n = string_length(s, at);
		if (n)
			return n;
		*kind = POL_TOK_BAD;
		n = or_str_find(s, '\n', at) - at;
		pol_diag_add(lex->diags, &lex->src, at, n, NULL, "this string does not end");
		return s.n - at;
	}
	if (s.p[at] == '?' && at + 1 < s.n && is_start(s.p[at + 1])) {
		*kind = POL_TOK_SLOT;
		return 1 + word_length(s, at + 1);
	}
	n = symbol_at(s, at, kind);
	if (n)
		return n;
	*kind = POL_TOK_BAD;
	n = or_str_utf8_decode(&cp, or_slice_from(s, at));
	pol_diag_add(lex->diags, &lex->src, at, n, NULL, "`%.*s` has no meaning here", (int)n,
	    (const char *)s.p + at);
	return n;
}

void pol_lex_next(struct pol_lex *lex)
{
	size_t n;

	lex->end = lex->tok.at + lex->tok.text.n;
	skip_blanks(lex);
	lex->tok.at = lex->at;
	lex->tok.kind = POL_TOK_END;
	n = lex->at < lex->src.text.n ? scan(lex, &lex->tok.kind) : 0;
	lex->tok.text = or_slice(lex->src.text.p + lex->at, n);
	lex->at += n;
}

enum or_code pol_lex_init(
    struct pol_lex *lex, const struct pol_source *src, struct pol_diags *diags)
{
	struct or_slice s = src->text;
	size_t at = 0;
	uint32_t cp;

	*lex = (struct pol_lex){.src = *src, .diags = diags};
	/* A missing text is an empty one with an address. */
	if (!s.p)
		lex->src.text.p = (const uint8_t *)"";
	if (s.n > UINT32_MAX)
		return OR_PARSE;
	while (at < s.n) {
		size_t n = s.p[at] < 0x80 ? 1 : or_str_utf8_decode(&cp, or_slice_from(s, at));

		if (n == 0) {
			struct pol_source upto = {src->file, or_slice(s.p, at), 0};

			pol_diag_add(
			    diags, &upto, at, 1, NULL, "the text is not UTF-8 from here on");
			return OR_PARSE;
		}
		at += n;
	}
	pol_lex_next(lex);
	lex->end = 0;
	return OR_OK;
}

bool pol_lex_accept(struct pol_lex *lex, enum pol_tok kind)
{
	if (lex->tok.kind != kind)
		return false;
	pol_lex_next(lex);
	return true;
}

static const char *kind_name(enum pol_tok kind)
{
	switch ((int)kind) {
	case POL_TOK_END: return "the end of the text";
	case POL_TOK_IDENT: return "a name";
	case POL_TOK_INT: return "a number";
	case POL_TOK_STR: return "a string";
	case POL_TOK_SLOT: return "a slot";
	default: break;
	}
	for (size_t i = 0; i < OR_LEN(SYMBOLS); i++) {
		if (SYMBOLS[i].kind == kind)
			return SYMBOLS[i].text;
	}
	return "";
}

void pol_lex_expected(struct pol_lex *lex, const char *what)
{
	const struct pol_token *t = &lex->tok;
	size_t shown = t->text.n > 40 ? 40 : t->text.n;

	/* A token that is malformed has been reported. */
	if (t->kind == POL_TOK_BAD)
		return;
	while (shown > 0 && shown < t->text.n && (t->text.p[shown] & 0xC0) == 0x80)
		shown--;
	if (t->kind == POL_TOK_END)
		pol_diag_add(lex->diags, &lex->src, t->at, 1, NULL,
		    "expected %s, found the end of the text", what);
	else
		pol_diag_add(lex->diags, &lex->src, t->at, t->text.n, NULL,
		    "expected %s, found `%.*s%s`", what, (int)shown, (const char *)t->text.p,
		    shown < t->text.n ? "…" : "");
}

bool pol_lex_expect(struct pol_lex *lex, enum pol_tok kind)
{
	const char *name = kind_name(kind);
	char quoted[8];

	if (pol_lex_accept(lex, kind))
		return true;
	if (strlen(name) <= 2) {
		quoted[0] = '`';
		memcpy(quoted + 1, name, strlen(name));
		quoted[strlen(name) + 1] = '`';
		quoted[strlen(name) + 2] = 0;
		name = quoted;
	}
	pol_lex_expected(lex, name);
	return false;
}

bool pol_lex_is_word(const struct pol_lex *lex, const char *word)
{
	return lex->tok.kind == POL_TOK_IDENT && or_slice_is(lex->tok.text, word);
}

bool pol_lex_accept_word(struct pol_lex *lex, const char *word)
{
	if (!pol_lex_is_word(lex, word))
		return false;
	pol_lex_next(lex);
	return true;
}

void pol_lex_recover(struct pol_lex *lex)
{
	/* What is malformed between here and there is not reported: it may be part of the first. */
	struct pol_diags *diags = lex->diags;

	lex->diags = NULL;
	while (lex->tok.kind != POL_TOK_END && lex->tok.kind != POL_TOK_SEMI)
		pol_lex_next(lex);
	lex->diags = diags;
	pol_lex_accept(lex, POL_TOK_SEMI);
}

static int hex_digit(uint8_t c)
{
	uint8_t low = c | 0x20;

	if (is_digit(c))
		return c - '0';
	return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* \u{…}: one to six hex digits. *i stands on the u; returns false where it is malformed. */
static bool take_unicode(struct or_slice s, size_t *i, uint32_t *cp)
{
	size_t digits = 0;
	uint32_t v = 0;

	if (*i + 1 >= s.n || s.p[*i + 1] != '{')
		return false;
	for (*i += 2; *i < s.n && s.p[*i] != '}'; ++*i) {
		if (s.p[*i] == '_' && digits)
			continue;
		if (hex_digit(s.p[*i]) < 0 || ++digits > 6)
			return false;
		v = v << 4 | (uint32_t)hex_digit(s.p[*i]);
	}
	*cp = v;
	return *i < s.n && digits > 0 && v <= 0x10FFFF && !(v >= 0xD800 && v < 0xE000);
}

static bool take_hex(struct or_slice s, size_t *i, uint32_t *cp)
{
	uint32_t v = 0;

	for (int d = 0; d < 2; d++) {
		if (++*i >= s.n || hex_digit(s.p[*i]) < 0)
			return false;
		v = v << 4 | (uint32_t)hex_digit(s.p[*i]);
	}
	*cp = v;
	return v <= 0x7F;
}

/* *i stands behind the backslash, and ends on the escape's last byte. */
static bool take_escape(struct or_slice s, size_t *i, bool pattern, uint32_t *cp)
{
	switch (s.p[*i]) {
	case 'n': *cp = '\n'; return true;
	case 'r': *cp = '\r'; return true;
	case 't': *cp = '\t'; return true;
	case '0': *cp = 0; return true;
	case '\\':
	case '\'':
	case '"': *cp = s.p[*i]; return true;
	case '*': *cp = '*'; return pattern;
	case 'x': return take_hex(s, i, cp);
	case 'u': return take_unicode(s, i, cp);
	default: return false;
	}
}

static enum or_code bad_escape(const struct pol_lex *lex, size_t at, size_t n)
{
	pol_diag_add(lex->diags, &lex->src, at, n,
	    "the escapes are \\n \\r \\t \\0 \\\\ \\\" \\' \\xHH (to 7F) and \\u{…}",
	    "this escape is not valid");
	return OR_PARSE;
}

enum or_code pol_lex_unescape(struct or_slice *out, const struct pol_lex *lex,
    const struct pol_token *tok, struct or_arena *a, bool pattern)
{
	struct or_slice s = or_slice(tok->text.p + 1, tok->text.n - 2);
	uint8_t *to = or_arena_alloc(a, s.n + 1);
	struct or_buf one;
	size_t n = 0;

	if (!to)
		return OR_FULL;
	or_buf_init(&one, 8);
	for (size_t i = 0; i < s.n; i++) {
		size_t start = i;
		uint32_t cp;

		if (s.p[i] != '\\') {
			to[n++] = pattern && s.p[i] == '*' ? PATTERN_STAR : s.p[i];
			continue;
		}
		i++;
		if (!take_escape(s, &i, pattern, &cp)) {
			or_buf_done(&one);
			i = i < s.n ? i : s.n - 1;
			return bad_escape(lex, tok->at + 1 + start, i + 1 - start);
		}
		/* An escape is never shorter than what it stands for. */
		or_buf_clear(&one);
		or_str_utf8_encode(&one, cp);
		memcpy(to + n, one.p, one.n);
		n += one.n;
	}
	or_buf_done(&one);
	*out = or_slice(to, n);
	return OR_OK;
}

bool pol_lex_is_reserved(struct or_slice ident)
{
	static const char *const words[] = {
	    "true", "false", "if", "then", "else", "in", "is", "like", "has", "__cedar"};

	for (size_t i = 0; i < OR_LEN(words); i++) {
		if (or_slice_is(ident, words[i]))
			return true;
	}
	return false;
}

bool pol_lex_is_ident(struct or_slice s)
{
	return s.n && is_start(s.p[0]) && word_length(s, 0) == s.n && !pol_lex_is_reserved(s);
}

bool pol_lex_is_path(struct or_slice s)
{
	size_t at = 0;

	for (;;) {
		size_t n = at < s.n && is_start(s.p[at]) ? word_length(s, at) : 0;

		if (n == 0 || pol_lex_is_reserved(or_slice(s.p + at, n)))
			return false;
		at += n;
		if (at == s.n)
			return true;
		if (s.n - at < 2 || s.p[at] != ':' || s.p[at + 1] != ':')
			return false;
		at += 2;
	}
}
