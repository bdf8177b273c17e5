/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/format_toks.h"

#include "base/str.h"

enum { TOKS_MAX = 512 << 20 };

/* The comments between two tokens. One that begins on the line of the token before is behind that
 * token, where there is one. */
static void put_comments(
    struct pol_format_toks *t, struct or_slice between, struct pol_format_tok *prev)
{
	size_t at = 0;
	bool same_line = prev != NULL;

	for (;;) {
		size_t end;
		struct or_slice comment;

		for (; at < between.n && between.p[at] != '/'; at++)
			same_line &= between.p[at] != '\n' && between.p[at] != '\r';
		if (at == between.n)
			return;
		for (end = at; end < between.n && between.p[end] != '\n' && between.p[end] != '\r';)
			end++;
		comment = or_str_trim(or_slice(between.p + at, end - at));
		or_buf_put(&t->comments, &comment, sizeof(comment));
		if (same_line)
			prev->trailed = true;
		same_line = false;
		at = end;
	}
}

static void put_token(struct pol_format_toks *t, const struct pol_token *tok, size_t *end)
{
	struct pol_format_tok *prev = NULL;
	struct pol_format_tok one = {.kind = tok->kind, .text = tok->text};
	size_t before = t->comments.n / sizeof(struct or_slice), after;

	if (t->list.n)
		prev = (struct pol_format_tok *)(void *)(t->list.p + t->list.n - sizeof(*prev));
	put_comments(t, or_slice(tok->text.p - (tok->at - *end), tok->at - *end), prev);
	after = t->comments.n / sizeof(struct or_slice);
	one.lead = (uint32_t)(before + (prev && prev->trailed));
	one.n_lead = (uint32_t)after - one.lead;
	or_buf_put(&t->list, &one, sizeof(one));
	*end = tok->at + tok->text.n;
}

enum or_code pol_format_toks_init(
    struct pol_format_toks *t, struct or_arena *a, struct or_slice text, int indent)
{
	struct pol_source src = {"", text, 0};
	struct pol_lex lex;
	enum or_code rc = pol_lex_init(&lex, &src, NULL);
	size_t end = 0;

	*t = (struct pol_format_toks){.arena = a, .indent = indent};
	or_buf_init(&t->list, TOKS_MAX);
	or_buf_init(&t->comments, TOKS_MAX);
	if (rc)
		return rc;
	for (; lex.tok.kind != POL_TOK_END; pol_lex_next(&lex))
		put_token(t, &lex.tok, &end);
	put_token(t, &lex.tok, &end);
	return or_buf_ok(&t->list) && or_buf_ok(&t->comments) ? OR_OK : OR_FULL;
}

void pol_format_toks_done(struct pol_format_toks *t)
{
	or_buf_done(&t->list);
	or_buf_done(&t->comments);
}

struct pol_format_tok *pol_format_toks_peek(struct pol_format_toks *t, size_t n)
{
	struct pol_format_tok *list = (struct pol_format_tok *)(void *)t->list.p;
	size_t last = t->list.n / sizeof(*list) - 1;

	return &list[t->at + n < last ? t->at + n : last];
}

bool pol_format_toks_is(struct pol_format_toks *t, enum pol_tok kind)
{
	return pol_format_toks_peek(t, 0)->kind == kind;
}

bool pol_format_toks_is_word(struct pol_format_toks *t, const char *word)
{
	const struct pol_format_tok *tok = pol_format_toks_peek(t, 0);

	return tok->kind == POL_TOK_IDENT && or_slice_is(tok->text, word);
}

static const struct pol_format_doc *comment(struct pol_format_toks *t, size_t i)
{
	return pol_format_doc_text(t->arena, ((const struct or_slice *)(void *)t->comments.p)[i]);
}

const struct pol_format_doc *pol_format_toks_lead(struct pol_format_toks *t)
{
	struct pol_format_tok *tok = pol_format_toks_peek(t, 0);
	const struct pol_format_doc *d = tok->n_lead ? &pol_format_doc_hard : NULL;

	for (; tok->n_lead; tok->n_lead--, tok->lead++) {
		pol_format_toks_add(t, &d, comment(t, tok->lead));
		pol_format_toks_add(t, &d, &pol_format_doc_hard);
	}
	return d;
}

const struct pol_format_doc *pol_format_toks_take(
    struct pol_format_toks *t, const struct pol_format_doc *next)
{
	struct pol_format_tok *tok = pol_format_toks_peek(t, 0);
	const struct pol_format_doc *d = pol_format_toks_lead(t);

	pol_format_toks_add(t, &d, pol_format_doc_text(t->arena, tok->text));
	if (tok->trailed) {
		pol_format_toks_add(t, &d, &pol_format_doc_space);
		pol_format_toks_add(t, &d, comment(t, tok->lead));
		next = &pol_format_doc_hard;
	}
	pol_format_toks_add(t, &d, next);
	t->at++;
	return d;
}

void pol_format_toks_drop_comma(struct pol_format_toks *t)
{
	const struct pol_format_tok *comma = pol_format_toks_peek(t, 0);
	struct pol_format_tok *next = pol_format_toks_peek(t, 1);

	next->n_lead += next->lead - comma->lead;
	next->lead = comma->lead;
	t->at++;
}
