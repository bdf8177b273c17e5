/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers what another Cedar engine is asked too (tests/differential): cedar-answer-tool < CASES
 *
 * Each line is a case, a JSON object; each answer is a line. All parts are texts:
 *   schema, policies (text), est (JSON, may link what policies has), entities, requests: a list of
 *   {principal, action, resource, context}; typed: entities, contexts and requests must fit the
 *   schema; texts, schemas: what is only parsed; json, style: policies is also written as JSON, and
 *   laid out.
 */
#include "base/jsonw.h"
#include "policy/authorize.h"
#include "policy/conform.h"
#include "policy/entities_json.h"
#include "policy/est.h"
#include "policy/format.h"
#include "policy/validate.h"

#include <stdio.h>

enum { LINE_MAX_BYTES = 64 << 20, LEVELS_MAX = 1200 };

struct question {
	const struct or_json *j;
	struct or_arena *arena;
	struct pol_schema *schema;
	struct pol_set *set;
	struct pol_entities *entities;
	struct pol_ctx *ctx;
	struct or_jsonw w;
};

static bool is_on(const struct question *q, const char *key)
{
	const struct or_json *on = or_json_get_type(q->j, key, OR_JSON_BOOL);

	return on && on->b;
}

static bool read_line(struct or_buf *b)
{
	int c = EOF;

	or_buf_clear(b);
	while ((c = getchar()) != EOF && c != '\n')
		or_buf_put_byte(b, (uint8_t)c);
	return b->n > 0 || c == '\n';
}

static enum or_code load(struct question *q, struct or_err *err)
{
	struct or_slice schema = or_json_get_str(q->j, "schema");
	struct or_slice est = or_json_get_str(q->j, "est");
	const struct pol_schema *typed = NULL;
	enum or_code rc = OR_OK;

	if (schema.p)
		rc = pol_schema_parse_text(&q->schema, "schema", schema, NULL, err);
	q->set = pol_set_new(POL_IDS_ANNOTATED, 0);
	if (rc == OR_OK)
		rc = pol_set_add(q->set, "policies", or_json_get_str(q->j, "policies"), NULL, err);
	if (rc == OR_OK && est.p)
		rc = pol_est_add(q->set, "est", est, NULL, err);
	if (is_on(q, "typed"))
		typed = q->schema;
	if (rc == OR_OK)
		rc = pol_entities_json_parse(
		    &q->entities, "entities", or_json_get_str(q->j, "entities"), typed, NULL, err);
	return rc;
}

static bool read_request(struct question *q, const struct or_json *j, struct pol_request *req)
{
	struct pol_source src = {.file = "request", .text = OR_SLICE_LIT("")};
	const struct pol_schema *typed = is_on(q, "typed") ? q->schema : NULL;
	struct pol_diags diags;
	bool ok;

	pol_diag_init(&diags);
	ok = pol_entities_json_uid(&req->principal, &src, or_json_get(j, "principal"), &diags) ==
		 OR_OK &&
	     pol_entities_json_uid(&req->action, &src, or_json_get(j, "action"), &diags) == OR_OK &&
	     pol_entities_json_uid(&req->resource, &src, or_json_get(j, "resource"), &diags) ==
		 OR_OK &&
	     pol_entities_json_context(&req->context, pol_ctx_arena(q->ctx), &src,
		 or_json_get(j, "context"), typed, typed ? &req->action : NULL, &diags) == OR_OK &&
	     (!typed || pol_conform_request(typed, req, NULL) == OR_OK);
	pol_diag_done(&diags);
	return ok;
}

static void put_decision(struct or_jsonw *w, const struct pol_decision *d)
{
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "decision", d->allow ? "allow" : "deny");
	or_jsonw_key(w, "reasons");
	or_jsonw_array(w);
	for (size_t i = 0; i < d->n_reasons; i++)
		or_jsonw_str(w, d->reasons[i]->id);
	or_jsonw_end(w);
	or_jsonw_key(w, "errors");
	or_jsonw_array(w);
	for (size_t i = 0; i < d->n_errors; i++)
		or_jsonw_str(w, d->errors[i].policy->id);
	or_jsonw_end(w);
	or_jsonw_end(w);
}

static void answer_requests(struct question *q)
{
	const struct or_json *list = or_json_get_type(q->j, "requests", OR_JSON_ARRAY);
	const struct pol_entities *bases[] = {q->entities};
	const struct pol_set *sets[] = {q->set};

	or_jsonw_key(&q->w, "answers");
	or_jsonw_array(&q->w);
	for (size_t i = 0; list && i < list->array.n; i++) {
		struct pol_request req = {.context = NULL};
		struct pol_decision d;

		pol_ctx_begin(q->ctx, bases, 1);
		if (read_request(q, list->array.items[i], &req) &&
		    pol_authorize_request(&d, q->ctx, sets, 1, &req) == OR_OK)
			put_decision(&q->w, &d);
		else
			or_jsonw_null(&q->w);
	}
	or_jsonw_end(&q->w);
}

/* The classes of what is found of each policy. */
static void answer_validation(struct question *q)
{
	or_jsonw_key(&q->w, "findings");
	or_jsonw_object(&q->w);
	for (size_t i = 0; q->schema && i < pol_set_count(q->set); i++) {
		const struct pol_policy *p = pol_set_at(q->set, i);
		struct pol_diags diags;

		pol_diag_init(&diags);
		or_jsonw_key_slice(&q->w, p->id);
		or_jsonw_array(&q->w);
		if (pol_validate_policy(p, q->schema, POL_VALIDATE_STRICT, &diags, NULL) == OR_FULL)
			or_jsonw_text(&q->w, "too large");
		for (size_t k = 0; k < diags.n; k++)
			or_jsonw_text(&q->w, pol_finding_name(diags.items[k].finding));
		or_jsonw_end(&q->w);
		pol_diag_done(&diags);
	}
	or_jsonw_end(&q->w);
}

/* What is wrong with each of the texts; true where nothing is. */
static void answer_parsing(struct question *q, const char *key, bool schemas)
{
	const struct or_json *list = or_json_get_type(q->j, key, OR_JSON_ARRAY);

	or_jsonw_key(&q->w, key);
	or_jsonw_array(&q->w);
	for (size_t i = 0; list && i < list->array.n; i++) {
		struct or_slice text = list->array.items[i]->s;
		struct pol_schema *s = NULL;
		struct pol_set *set = NULL;
		struct or_err err;
		enum or_code rc =
		    schemas ? pol_schema_parse_text(&s, "s", text, NULL, &err)
			    : pol_set_parse(&set, POL_IDS_NUMBERED, "p", text, NULL, &err);

		if (rc)
			or_jsonw_text(&q->w, err.msg);
		else
			or_jsonw_bool(&q->w, true);
		pol_schema_free(s);
		pol_set_free(set);
	}
	or_jsonw_end(&q->w);
}

static void answer_writing(struct question *q)
{
	struct or_buf b;

	or_buf_init(&b, LINE_MAX_BYTES);
	if (is_on(q, "json") && pol_est_write_set(&b, q->set, 0, NULL) == OR_OK)
		or_jsonw_kv_str(&q->w, "json", or_buf_slice(&b));
	or_buf_clear(&b);
	if (is_on(q, "style") &&
	    pol_format_text(&b, "p", or_json_get_str(q->j, "policies"), NULL, NULL, NULL) == OR_OK)
		or_jsonw_kv_str(&q->w, "style", or_buf_slice(&b));
	or_buf_done(&b);
}

static void answer(struct question *q)
{
	struct or_err err = {.msg = ""};

	or_jsonw_object(&q->w);
	if (load(q, &err)) {
		or_jsonw_kv_text(&q->w, "error", err.msg);
	} else {
		answer_requests(q);
		answer_validation(q);
		answer_writing(q);
	}
	answer_parsing(q, "texts", false);
	answer_parsing(q, "schemas", true);
	or_jsonw_end(&q->w);
	pol_schema_free(q->schema);
	pol_set_free(q->set);
	pol_entities_free(q->entities);
}

int main(void)
{
	struct or_arena *arena = or_arena_new(0);
	struct pol_ctx *ctx = pol_ctx_new(0);
	struct or_buf line, out;

	or_buf_init(&line, LINE_MAX_BYTES);
	or_buf_init(&out, LINE_MAX_BYTES);
	while (read_line(&line)) {
		struct pol_source src = {.file = "case", .text = or_buf_slice(&line)};
		struct question q = {.arena = arena, .ctx = ctx};

		or_arena_clear(arena);
		or_buf_clear(&out);
		if (pol_json_parse_deep(&q.j, &src, arena, LEVELS_MAX, NULL)) {
			fprintf(stderr, "cedar-answer-tool: a line that is no JSON\n");
			return 2;
		}
		or_jsonw_init(&q.w, &out, 0);
		answer(&q);
		or_buf_put_byte(&out, '\n');
		fwrite(out.p, 1, out.n, stdout);
	}
	or_buf_done(&line);
	or_buf_done(&out);
	or_arena_free(arena);
	pol_ctx_free(ctx);
	return 0;
}
