/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/query/query.h"

#include "base/str.h"
#include "collector/query/parser.h"

static enum or_code parse_all(struct co_parser *p)
{
	enum or_code rc = OR_OK;

	p->q->is_explain = co_lex_is_word(&p->lex, "explain");
	if (p->q->is_explain)
		rc = co_lex_next(&p->lex);
	if (rc == OR_OK && p->lex.kind != CO_LEX_END && p->lex.kind != CO_LEX_BAR)
		rc = co_filter_parse(p, &p->q->filter);
	while (rc == OR_OK && p->lex.kind == CO_LEX_BAR) {
		rc = co_lex_next(&p->lex);
		if (rc == OR_OK)
			rc = co_stage_parse(p);
	}
	if (rc == OR_OK && p->lex.kind != CO_LEX_END)
		rc = co_parser_fail_here(p, "expected | or the end of the query");
	return rc;
}

enum or_code co_query_parse(struct co_query *out, struct or_slice text, int64_t now_ns,
    struct or_arena *a, struct or_err *err)
{
	struct co_query q = {.since_ns = INT64_MIN, .until_ns = INT64_MAX, .limit = CO_QUERY_LIMIT};
	struct co_parser p = {.q = &q, .now_ns = now_ns};
	struct or_slice own;
	enum or_code rc;

	if (text.n > CO_QUERY_TEXT_MAX)
		return or_err_set(err, OR_FULL, "a query has at most %d bytes", CO_QUERY_TEXT_MAX);
	if (!or_str_is_utf8(text))
		return or_err_set(err, OR_PARSE, "the query is not UTF-8");
	own = or_arena_dup(a, text);
	if (!own.p)
		return or_err_set(err, OR_FULL, "the query needs more memory than its budget");
	rc = co_lex_init(&p.lex, own, a, err);
	if (rc == OR_OK)
		rc = parse_all(&p);
	if (rc == OR_OK)
		*out = q;
	return rc;
}
