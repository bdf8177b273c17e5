/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/api/api.h"
#include "agent/gate/api/api_filter.h"

#include "agent/gate/ask.h"
#include "base/jsonw.h"
#include "base/str.h"
#include "policy/json.h"

enum { BODY_MAX = 1024 * 1024 };

/* What one input became. */
struct outcome {
	bool allow;
	const char *reason;
	struct ag_asked_decision decision;
};

struct batch {
	bool plain;                   /* the result is the verdict alone */
	bool lossy;                   /* something could not be recorded */
	const struct or_json *inputs; /* an object or a list; NULL: one input */
	struct outcome *outcomes;
	size_t n;
};

/* -- from JSON to a question -- */

/* A member that must be text where it is there. False: it is something else. */
static bool read_text(struct or_slice *out, const struct or_json *input, const char *key)
{
	const struct or_json *value = or_json_get(input, key);

	*out = value && value->type == OR_JSON_STR ? value->s : OR_SLICE_NONE;
	return !value || value->type == OR_JSON_STR || value->type == OR_JSON_NULL;
}

/* False: a row or form that is none. */
static bool read_rows(struct ag_decide_ask *ask, const struct or_json *input, struct or_arena *a)
{
	const struct or_json *row = or_json_get(input, "row");
	struct ag_decide_rows_ask *rows;

	if (!or_json_get(input, "table"))
		return !row;
	rows = or_arena_alloc(a, sizeof(*rows));
	if (!rows || (row && row->type != OR_JSON_OBJECT))
		return false;
	rows->row = row;
	if (!ask->method.n)
		ask->method = OR_SLICE_LIT("GET");
	ask->rows = rows;
	return read_text(&rows->table, input, "table") && rows->table.n &&
	       read_text(&rows->port, input, "port") && read_text(&rows->alias, input, "alias");
}

static bool read_texts(
    struct ag_decide_ask *ask, struct or_slice *target, const struct or_json *input)
{
	return read_text(&ask->token, input, "token") && read_text(&ask->method, input, "method") &&
	       read_text(target, input, "path") && read_text(&ask->host, input, "host") &&
	       read_text(&ask->client_ip, input, "client") &&
	       read_text(&ask->purpose, input, "purpose") && read_text(&ask->grant, input, "grant");
}

/* Rows stand for themselves; a path besides is for policies that ask for it. */
static bool is_question(const struct ag_decide_ask *ask, struct or_slice target, bool filters)
{
	if (!ask->rows)
		return !filters && ask->method.n && target.n;
	return filters == !ask->rows->row;
}

const char *ag_api_read(struct ag_decide_ask *ask, struct ag_service_call *call,
    const struct or_json *input, bool filters)
{
	struct or_slice target, path, query = OR_SLICE_NONE, unused;
	const struct or_json *masks = or_json_get(input, "masks");
	const uint8_t *mark;
	bool changed = false;
	const char *why;

	ask->front = WIRE_FRONT_DECIDE;
	ask->cannot_filter = !(masks && masks->type == OR_JSON_BOOL && masks->b);
	ask->peer = or_slice_str(or_http_req_peer_text(call->req));
	if (!read_texts(ask, &target, input) ||
	    !read_rows(ask, input, or_http_req_arena(call->req)) ||
	    !is_question(ask, target, filters))
		return "input";
	if (!target.n)
		return NULL;
	path = target;
	mark = memchr(target.p, '?', target.n);
	if (mark) {
		path.n = (size_t)(mark - target.p);
		query = or_slice_from(target, path.n + 1);
	}
	why = ag_ask_target(ask, &unused, &changed, path, query, ag_service_scratch(call->service),
	    or_http_req_arena(call->req));
	return !why && changed ? "path_not_canonical" : why;
}

static void decide_one(
    struct outcome *o, struct batch *b, struct ag_service_call *call, const struct or_json *input)
{
	struct ag_decide_ask ask = {0};
	const char *why = ag_api_read(&ask, call, input, false);

	if (why) {
		o->reason = why;
		b->lossy |= !ag_asked_refuse(&call->asked, &ask, why, 400);
		return;
	}
	ag_asked_decide(&o->decision, &call->asked, &ask);
	o->allow = o->decision.verdict == AG_DECIDE_ALLOW;
	o->reason = o->decision.verdict == AG_DECIDE_UNAUTHENTICATED ? "unauthenticated"
								     : o->decision.result.reason;
	b->lossy |= strcmp(o->reason, "not_recorded") == 0;
}

/* -- answers -- */

void ag_api_put_list(struct or_jsonw *w, const char *key, const struct or_slice *items, size_t n)
{
	or_jsonw_key(w, key);
	or_jsonw_array(w);
	for (size_t i = 0; i < n; i++)
		or_jsonw_str(w, items[i]);
	or_jsonw_end(w);
}

static void put_outcome(struct or_jsonw *w, const struct batch *b, const struct outcome *o)
{
	const struct wire_audit *r = &o->decision.result.record;

	or_jsonw_object(w);
	if (o->decision.id[0])
		or_jsonw_kv_text(w, "decision_id", o->decision.id);
	or_jsonw_key(w, "result");
	if (b->plain) {
		or_jsonw_bool(w, o->allow);
		or_jsonw_end(w);
		return;
	}
	or_jsonw_object(w);
	or_jsonw_kv_bool(w, "allow", o->allow);
	or_jsonw_kv_text(w, "reason", o->reason);
	ag_api_put_list(w, "policies", r->policies, r->n_policies);
	if (r->n_obligations)
		ag_api_put_list(w, "obligations", r->obligations, r->n_obligations);
	if (r->principal.id.n)
		or_jsonw_kv_str(w, "principal", r->principal.id);
	if (r->action.n)
		or_jsonw_kv_str(w, "action", r->action);
	if (r->resource.id.n)
		or_jsonw_kv_str(w, "resource", r->resource.id);
	or_jsonw_end(w);
	or_jsonw_end(w);
}

static void put_batch(struct or_jsonw *w, const struct batch *b)
{
	bool keyed = b->inputs->type == OR_JSON_OBJECT;

	or_jsonw_object(w);
	or_jsonw_key(w, "responses");
	if (keyed)
		or_jsonw_object(w);
	else
		or_jsonw_array(w);
	for (size_t i = 0; i < b->n; i++) {
		if (keyed)
			or_jsonw_key_slice(w, b->inputs->object.members[i].key);
		put_outcome(w, b, &b->outcomes[i]);
	}
	or_jsonw_end(w);
	or_jsonw_end(w);
}

static void answer(struct ag_service_call *call, bool durable)
{
	const struct batch *b = call->state;
	struct or_buf *text = ag_service_text(call->service);
	struct or_jsonw w;

	or_jsonw_init(&w, text, 0);
	if (b->inputs)
		put_batch(&w, b);
	else
		put_outcome(&w, b, b->outcomes);
	or_buf_put_byte(text, '\n');
	if (b->lossy || !durable || !or_buf_ok(text))
		or_http_req_respond(call->req, 503, "application/json",
		    OR_SLICE_LIT("{\"code\":\"unavailable\"}\n"));
	else
		or_http_req_respond(call->req, 200, "application/json", or_buf_slice(text));
}

void ag_api_answer_bad(struct ag_service_call *call)
{
	or_http_req_respond(call->req, 400, "application/json",
	    OR_SLICE_LIT("{\"code\":\"invalid_parameter\",\"message\":\"expected an object with "
			 "input or inputs\"}\n"));
}

/* -- the way through -- */

static const struct or_json *input_at(const struct or_json *inputs, size_t i)
{
	return inputs->type == OR_JSON_OBJECT ? inputs->object.members[i].value
					      : inputs->array.items[i];
}

/* What is asked for. False: nothing that can be answered. */
static bool read_batch(struct batch *b, const struct or_json *body, const struct or_json **one)
{
	*one = or_json_get_type(body, "input", OR_JSON_OBJECT);
	b->inputs = or_json_get(body, "inputs");
	if (*one)
		b->n = 1;
	else if (b->inputs && b->inputs->type == OR_JSON_OBJECT)
		b->n = b->inputs->object.n;
	else if (b->inputs && b->inputs->type == OR_JSON_ARRAY)
		b->n = b->inputs->array.n;
	else
		return false;
	return (!*one || !b->inputs) && b->n <= AG_API_INPUTS_MAX;
}

/* The reader of policies' documents: base/json.h would cost as much as the decision. It knows no
 * fractions, which rows may have. */
bool ag_api_parse(const struct or_json **out, struct or_slice text, struct or_arena *a)
{
	const struct pol_source src = {.file = "body", .text = text};

	return pol_json_parse(out, &src, a, NULL) == OR_OK ||
	       or_json_parse(out, text, a, NULL) == OR_OK;
}

static void on_body(void *arg, struct or_http_req *req, struct or_slice text)
{
	struct ag_service_call *call = arg;
	struct batch *b = call->state;
	struct or_arena *a = or_http_req_arena(req);
	const struct or_json *body, *one;

	if (!ag_api_parse(&body, text, a) || !read_batch(b, body, &one)) {
		ag_api_answer_bad(call);
		return;
	}
	b->outcomes = or_arena_array(a, b->n, sizeof(*b->outcomes));
	if (!b->outcomes && b->n) {
		ag_api_answer_bad(call);
		return;
	}
	for (size_t i = 0; i < b->n; i++)
		decide_one(&b->outcomes[i], b, call, one ? one : input_at(b->inputs, i));
	ag_service_settle(call);
}

static void serve(struct ag_service_call *call, bool plain)
{
	struct batch *b = or_arena_alloc(or_http_req_arena(call->req), sizeof(*b));

	OR_ASSERT(b); /* the second of the request's arena */
	b->plain = plain;
	call->state = b;
	call->answer = answer;
	or_http_req_collect(call->req, BODY_MAX, on_body, call);
}

static void serve_decide(struct ag_service_call *call)
{
	bool plain = or_slice_is(call->rest, "/allow");

	if (call->rest.n && !plain)
		or_http_req_respond(
		    call->req, 404, "application/json", OR_SLICE_LIT("{\"code\":\"not_found\"}\n"));
	else
		serve(call, plain);
}

const struct ag_service_route ag_api_routes[] = {
    {"/v1/decide", "POST", serve_decide},
    {"/v1/data/outrider", "POST", serve_decide},
    {"/v1/filter", "POST", ag_api_filter_serve},
    {"/v1/compile/outrider", "POST", ag_api_filter_serve},
};
const size_t ag_api_n_routes = OR_LEN(ag_api_routes);
