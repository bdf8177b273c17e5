/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/uid_parse.h"

#include "policy/lex.h"

enum { TYPE_MAX = 64 * 1024 };

/* Name, `::`, …, up to the string; false where it is something else. */
static bool read_type(struct or_buf *type, struct pol_lex *lex)
{
	for (;;) {
		if (lex->tok.kind != POL_TOK_IDENT || pol_lex_is_reserved(lex->tok.text))
			return false;
		or_buf_put_slice(type, lex->tok.text);
		pol_lex_next(lex);
		if (!pol_lex_accept(lex, POL_TOK_PATH))
			return false;
		if (lex->tok.kind == POL_TOK_STR)
			return or_buf_ok(type);
		or_buf_put_str(type, "::");
	}
}

enum or_code pol_uid_parse(
    struct pol_uid *out, struct or_arena *a, struct or_slice text, struct or_err *err)
{
	const struct pol_source src = {.file = "<entity>", .text = text};
	struct or_slice name = {0}, id = {0};
	struct pol_diags diags;
	struct pol_lex lex;
	struct or_buf type;
	enum or_code rc;

	pol_diag_init(&diags);
	or_buf_init(&type, TYPE_MAX);
	rc = pol_lex_init(&lex, &src, &diags);
	if (rc == OR_OK && !read_type(&type, &lex))
		rc = OR_PARSE;
	if (rc == OR_OK)
		rc = pol_lex_unescape(&id, &lex, &lex.tok, a, false);
	if (rc == OR_OK) {
		pol_lex_next(&lex);
		name = or_arena_dup(a, or_buf_slice(&type));
		rc = lex.tok.kind != POL_TOK_END || diags.errors ? OR_PARSE
		     : name.p                                    ? OR_OK
								 : OR_FULL;
	}
	if (rc == OR_OK)
		*out = pol_uid_make(name, id);
	else
		or_err_set(err, rc, "%.*s: expected an entity like User::\"alice\"",
		    text.n < 200 ? (int)text.n : 200, (const char *)text.p);
	or_buf_done(&type);
	pol_diag_done(&diags);
	return rc;
}
