/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/query/parser.h"

#include "base/str.h"

#include <stdio.h>

enum { NAME_SHOWN = 60 };

enum or_code co_parser_no_memory(struct co_parser *p)
{
	return or_err_set(p->lex.err, OR_FULL, "the query needs more memory than its budget");
}

enum or_code co_parser_fail_here(struct co_parser *p, const char *what)
{
	return co_lex_fail(&p->lex, p->lex.start, what);
}

/* "what "token"; did you mean "nearest"?" */
enum or_code co_parser_fail_name(
    struct co_parser *p, size_t at, const char *what, struct or_slice token, const char *nearest)
{
	char text[200];
	int shown = token.n < NAME_SHOWN ? (int)token.n : NAME_SHOWN;

	while (shown > 0 && (size_t)shown < token.n && (token.p[shown] & 0xC0) == 0x80)
		shown--;
	if (nearest)
		snprintf(text, sizeof(text), "%s \"%.*s\"; did you mean \"%s\"?", what, shown,
		    (const char *)token.p, nearest);
	else
		snprintf(text, sizeof(text), "%s \"%.*s\"", what, shown, (const char *)token.p);
	return co_lex_fail(&p->lex, at, text);
}

/* Words that join; where a field or a value is due, something is missing in front of them. */
static bool is_joint(const struct co_lex *l)
{
	return co_lex_is_word(l, "and") || co_lex_is_word(l, "or") || co_lex_is_word(l, "in") ||
	       co_lex_is_word(l, "not") || co_lex_is_word(l, "by");
}

enum or_code co_parser_field(struct co_parser *p, struct co_query_field *out)
{
	const char *names[WIRE_FIELD_LIST_MAX];
	struct co_query_field f = {.name = p->lex.token};

	if (p->lex.kind != CO_LEX_WORD || is_joint(&p->lex))
		return co_parser_fail_here(p, "expected the name of a field");
	f.field = wire_field_find(f.name);
	if (!f.field) {
		if (or_slice_is(f.name, "attributes") || or_slice_is(f.name, "attributes."))
			return co_parser_fail_here(p, "name the attribute: attributes.KEY");
		wire_field_list(names);
		return co_parser_fail_name(
		    p, p->lex.start, "no field is called", f.name, or_str_nearest(f.name, names));
	}
	*out = f;
	return co_lex_next(&p->lex);
}
