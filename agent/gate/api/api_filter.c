/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/api/api_filter.h"

#include "agent/gate/api/api.h"
#include "agent/gate/ask.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>

enum { BODY_MAX = 1024 * 1024, KIND_MAX = 64 };

#define EXACT_MAX 9007199254740991LL /* what a program that reads JSON may count to */

struct state {
	bool compiles;         /* in OPA's shape */
	struct or_slice table; /* of the path */
	const char *media;     /* what is answered in OPA's shape */
	const char *dialect;   /* as OPA's options name it */
	enum ag_decide_rows_form form;
	bool refused; /* no question: reason says why */
	const char *reason;
	struct ag_asked_decision decision;
};

/* -- the form -- */

static const struct {
	const char *name, *media;
	enum ag_decide_rows_form form;
} forms[] = {
    {"postgresql", "application/vnd.opa.sql.postgresql+json", AG_DECIDE_ROWS_POSTGRESQL},
    {"postgres", NULL, AG_DECIDE_ROWS_POSTGRESQL},
    {"sqlite", "application/vnd.opa.sql.sqlite+json", AG_DECIDE_ROWS_SQLITE},
    {"trino", "application/vnd.opa.sql.trino+json", AG_DECIDE_ROWS_TRINO},
    {"ucast", "application/vnd.opa.ucast.all+json", AG_DECIDE_ROWS_UCAST},
};

/* The first of the field's media types that is one of ours. */
static bool read_accept(struct state *s, const struct or_http_msg *msg)
{
	const struct or_http_field *field = or_http_msg_find(msg, "Accept");
	struct or_slice rest = field ? field->value : OR_SLICE_NONE;

	while (rest.n) {
		size_t comma = or_str_find(rest, ',', 0);
		struct or_slice type = or_slice(rest.p, comma);

		type = or_str_trim(or_slice(type.p, or_str_find(type, ';', 0)));
		for (size_t i = 0; i < OR_LEN(forms); i++) {
			if (!forms[i].media ||
			    !or_str_eq_nocase(type, or_slice_str(forms[i].media)))
				continue;
			s->form = forms[i].form;
			s->media = forms[i].media;
			s->dialect = forms[i].name;
			return true;
		}
		rest = or_slice_from(rest, comma < rest.n ? comma + 1 : comma);
	}
	return false;
}

static bool read_dialect(struct state *s, const struct or_json *input)
{
	const struct or_json *dialect = or_json_get(input, "dialect");

	if (!dialect)
		return true;
	for (size_t i = 0; i < OR_LEN(forms) && dialect->type == OR_JSON_STR; i++) {
		if (or_slice_is(dialect->s, forms[i].name)) {
			s->form = forms[i].form;
			return true;
		}
	}
	return false;
}

/* options.targetSQLTableMappings: {dialect: {table: {"$self": name}}}. False: it maps columns. */
static bool read_mapping(
    struct ag_decide_rows_ask *rows, const struct state *s, const struct or_json *body)
{
	const struct or_json *m =
	    or_json_get(or_json_get(body, "options"), "targetSQLTableMappings");
	const struct or_json *self;

	m = or_json_get_slice(or_json_get(m, s->dialect), rows->table);
	if (!m)
		return true;
	self = or_json_get_type(m, "$self", OR_JSON_STR);
	if (m->type != OR_JSON_OBJECT || m->object.n != (self ? 1 : 0))
		return false;
	if (self)
		rows->alias = self->s;
	return true;
}

/* -- answers -- */

static void put_params(struct or_jsonw *w, const struct ag_decide_rows *rows)
{
	or_jsonw_key(w, "params");
	or_jsonw_array(w);
	for (size_t i = 0; i < rows->n_params; i++) {
		const struct pol_value *v = &rows->params[i];
		char digits[24];

		if (v->kind == POL_STRING) {
			or_jsonw_str(w, v->s);
		} else if (v->i > EXACT_MAX || v->i < -EXACT_MAX) {
			/* The condition casts it to an integer, however it comes. */
			snprintf(digits, sizeof(digits), "%" PRId64, v->i);
			or_jsonw_text(w, digits);
		} else {
			or_jsonw_i64(w, v->i);
		}
	}
	or_jsonw_end(w);
}

static void put_masks(struct or_jsonw *w, const struct ag_decide_rows *rows)
{
	struct or_buf kind;

	or_buf_init(&kind, KIND_MAX);
	or_jsonw_key(w, "masks");
	or_jsonw_array(w);
	for (size_t i = 0; i < rows->n_masks; i++) {
		or_buf_clear(&kind);
		pol_mask_print_kind(&kind, &rows->masks[i]);
		or_jsonw_object(w);
		or_jsonw_kv_str(w, "column", rows->masks[i].column);
		or_jsonw_kv_str(w, "kind", or_buf_slice(&kind));
		if (rows->masks[i].kind == POL_MASK_CONSTANT)
			or_jsonw_kv_str(w, "constant", rows->masks[i].constant);
		or_jsonw_end(w);
	}
	or_jsonw_end(w);
	or_buf_done(&kind);
}

static void put_filter(struct or_jsonw *w, const struct state *s, bool allow)
{
	static const char *const verdicts[] = {
	    [POL_FILTER_NONE] = "none", [POL_FILTER_ALL] = "all", [POL_FILTER_SOME] = "some"};
	const struct wire_audit *r = &s->decision.result.record;
	const struct ag_decide_rows *rows = &s->decision.result.rows;

	or_jsonw_kv_bool(w, "allow", allow);
	or_jsonw_kv_text(w, "rows", verdicts[allow ? rows->verdict : POL_FILTER_NONE]);
	or_jsonw_kv_text(w, "reason", s->reason);
	ag_api_put_list(w, "policies", r->policies, r->n_policies);
	if (r->principal.id.n)
		or_jsonw_kv_str(w, "principal", r->principal.id);
	if (r->resource.id.n)
		or_jsonw_kv_str(w, "resource", r->resource.id);
	/* Why policies have no condition. */
	if (!allow && r->n_attributes)
		or_jsonw_kv_str(w, "message", r->attributes[0].value);
	if (!allow)
		return;
	or_jsonw_kv_str(w, "table", rows->table);
	if (s->form == AG_DECIDE_ROWS_UCAST) {
		or_jsonw_key(w, "ucast");
		or_jsonw_raw(w, rows->ucast);
	} else {
		or_jsonw_kv_str(w, "sql", rows->sql);
		put_params(w, rows);
	}
	put_masks(w, rows);
}

/* OPA knows one mask: another value. */
static void put_replacements(struct or_jsonw *w, const struct ag_decide_rows *rows)
{
	or_jsonw_key(w, "masks");
	or_jsonw_object(w);
	or_jsonw_key_slice(w, rows->table);
	or_jsonw_object(w);
	for (size_t i = 0; i < rows->n_masks; i++) {
		or_jsonw_key_slice(w, rows->masks[i].column);
		or_jsonw_object(w);
		or_jsonw_key(w, "replace");
		or_jsonw_object(w);
		or_jsonw_key(w, "value");
		if (rows->masks[i].kind == POL_MASK_CONSTANT)
			or_jsonw_str(w, rows->masks[i].constant);
		else
			or_jsonw_null(w);
		or_jsonw_end(w);
		or_jsonw_end(w);
	}
	or_jsonw_end(w);
	or_jsonw_end(w);
}

static void put_query(struct or_jsonw *w, const struct state *s, struct or_arena *a)
{
	const struct ag_decide_rows *rows = &s->decision.result.rows;
	bool all = rows->verdict == POL_FILTER_ALL;

	or_jsonw_key(w, "query");
	if (s->form == AG_DECIDE_ROWS_UCAST) {
		or_jsonw_raw(w, all ? OR_SLICE_LIT("{}") : rows->ucast);
	} else {
		or_jsonw_text(
		    w, all ? "" : or_arena_printf(a, "WHERE %.*s", OR_SLICE_FMT(rows->sql)));
		if (!all)
			put_params(w, rows);
	}
	if (rows->n_masks)
		put_replacements(w, rows);
}

static void answer(struct ag_service_call *call, bool durable)
{
	const struct state *s = call->state;
	struct or_buf *text = ag_service_text(call->service);
	bool allow = !s->refused && s->decision.verdict == AG_DECIDE_ALLOW;
	struct or_jsonw w;

	or_jsonw_init(&w, text, 0);
	or_jsonw_object(&w);
	if (s->decision.id[0])
		or_jsonw_kv_text(&w, "decision_id", s->decision.id);
	or_jsonw_key(&w, "result");
	or_jsonw_object(&w);
	if (!s->compiles)
		put_filter(&w, s, allow);
	else if (allow)
		put_query(&w, s, or_http_req_arena(call->req));
	or_jsonw_end(&w);
	if (s->compiles && !allow)
		or_jsonw_kv_text(&w, "reason", s->reason);
	or_jsonw_end(&w);
	or_buf_put_byte(text, '\n');
	if (!durable || !or_buf_ok(text) || strcmp(s->reason, "not_recorded") == 0)
		or_http_req_respond(call->req, 503, "application/json",
		    OR_SLICE_LIT("{\"code\":\"unavailable\"}\n"));
	else
		or_http_req_respond(call->req, 200, s->compiles ? s->media : "application/json",
		    or_buf_slice(text));
}

/* -- the way through -- */

/* The input with the path's table in it, where that names one. */
static const struct or_json *with_table(
    const struct state *s, const struct or_json *input, struct or_arena *a)
{
	struct or_json *all = or_arena_alloc(a, sizeof(*all));
	struct or_json *name = or_arena_alloc(a, sizeof(*name));
	struct or_json_member *members = or_arena_array(a, input->object.n + 1, sizeof(*members));

	if (!all || !name || !members || or_json_get(input, "table"))
		return NULL;
	*all = *input;
	*name = (struct or_json){.type = OR_JSON_STR, .s = s->table};
	for (size_t i = 0; i < input->object.n; i++)
		members[i] = input->object.members[i];
	members[input->object.n] = (struct or_json_member){OR_SLICE_LIT("table"), name, 0};
	all->object.members = members;
	all->object.n++;
	return all;
}

/* NULL: what is asked is clear. */
static const char *read_ask(struct ag_decide_ask *ask, struct ag_decide_rows_ask *rows,
    struct ag_service_call *call, const struct or_json *input, const struct or_json *body)
{
	struct state *s = call->state;
	const char *why = ag_api_read(ask, call, input, true);

	if (why)
		return why;
	*rows = *ask->rows;
	if (s->compiles ? !read_mapping(rows, s, body) : !read_dialect(s, input))
		return "input";
	rows->form = s->form;
	ask->rows = rows;
	ask->cannot_filter = false; /* masks are told */
	if (!ask->token.p)
		ask->token = ag_ask_token(or_http_req_msg(call->req));
	return NULL;
}

static void on_body(void *arg, struct or_http_req *req, struct or_slice text)
{
	struct ag_service_call *call = arg;
	struct state *s = call->state;
	struct or_arena *a = or_http_req_arena(req);
	const struct or_json *body, *input = NULL;
	struct ag_decide_ask ask = {0};
	struct ag_decide_rows_ask rows;
	const char *why;

	if (ag_api_parse(&body, text, a))
		input = or_json_get_type(body, "input", OR_JSON_OBJECT);
	if (input && s->table.n)
		input = with_table(s, input, a);
	if (!input) {
		ag_api_answer_bad(call);
		return;
	}
	why = read_ask(&ask, &rows, call, input, body);
	if (why) {
		s->refused = true;
		s->reason = ag_asked_refuse(&call->asked, &ask, why, 400) ? why : "not_recorded";
	} else {
		ag_asked_decide(&s->decision, &call->asked, &ask);
		s->reason = s->decision.verdict == AG_DECIDE_UNAUTHENTICATED
				? "unauthenticated"
				: s->decision.result.reason;
	}
	ag_service_settle(call);
}

void ag_api_filter_serve(struct ag_service_call *call)
{
	const struct or_http_msg *msg = or_http_req_msg(call->req);
	struct state *s = or_arena_alloc(or_http_req_arena(call->req), sizeof(*s));

	OR_ASSERT(s); /* the second of the request's arena */
	s->compiles = or_str_has_prefix(msg->path, "/v1/compile");
	s->table = call->rest.n ? or_slice_from(call->rest, 1) : OR_SLICE_NONE;
	if (s->compiles ? (call->rest.n == 1) : call->rest.n != 0) {
		or_http_req_respond(
		    call->req, 404, "application/json", OR_SLICE_LIT("{\"code\":\"not_found\"}\n"));
		return;
	}
	if (s->compiles && !read_accept(s, msg)) {
		or_http_req_respond(call->req, 406, "application/json",
		    OR_SLICE_LIT("{\"code\":\"not_acceptable\",\"message\":\"Accept: "
				 "application/vnd.opa.ucast.all+json, or "
				 "application/vnd.opa.sql.postgresql+json, .sqlite+json, "
				 ".trino+json\"}\n"));
		return;
	}
	call->state = s;
	call->answer = answer;
	or_http_req_collect(call->req, BODY_MAX, on_body, call);
}
