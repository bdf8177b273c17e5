/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/policy/policy_cases.h"

#include "base/yaml.h"
#include "cli/policy/policy.h"
#include "cli/policy/policy_show.h"
#include "cli/policy/policy_table.h"
#include "cli/term.h"

#include <stdio.h>
#include <unistd.h>

enum { SAID_MAX = 64 * 1024, JSON_MAX = 64 * 1024 * 1024 };

enum form { PEOPLE, TAP, JSON };

struct run {
	struct ctl_policy_world_opt world;
	bool tap, json;
	size_t passed, failed;
	struct or_jsonw *w;
};

static enum form form_of(const struct run *r)
{
	return r->json ? JSON : r->tap ? TAP : PEOPLE;
}

/* ---- what a case expects against what came out; what differs is said, a line each */

static bool is_listed(const struct or_json *list, struct or_slice id)
{
	for (size_t i = 0; i < list->array.n; i++) {
		if (list->array.items[i]->type == OR_JSON_STR &&
		    or_slice_eq(list->array.items[i]->s, id))
			return true;
	}
	return false;
}

static void put_ids(struct or_buf *b, const struct or_slice *ids, size_t n)
{
	or_buf_put_byte(b, '[');
	for (size_t i = 0; i < n; i++)
		or_buf_printf(b, "%s%.*s", i ? ", " : "", OR_SLICE_FMT(ids[i]));
	or_buf_put_byte(b, ']');
}

/* A list of policies as a set; absent: anything goes. */
static void compare_ids(struct or_buf *said, const struct or_json *c, const char *key,
    const struct or_slice *ids, size_t n)
{
	const struct or_json *list = or_json_get(c, key);
	bool same = list && list->type == OR_JSON_ARRAY && list->array.n == n;

	if (!list)
		return;
	for (size_t i = 0; same && i < n; i++)
		same = is_listed(list, ids[i]);
	if (same)
		return;
	or_buf_printf(said, "%s: expected ", key);
	if (list->type == OR_JSON_ARRAY) {
		or_buf_put_byte(said, '[');
		for (size_t i = 0; i < list->array.n; i++)
			or_buf_printf(said, "%s%.*s", i ? ", " : "",
			    OR_SLICE_FMT(list->array.items[i]->type == OR_JSON_STR
					     ? list->array.items[i]->s
					     : OR_SLICE_LIT("?")));
		or_buf_put_str(said, "], got ");
	} else {
		or_buf_put_str(said, "a list, got ");
	}
	put_ids(said, ids, n);
	or_buf_put_byte(said, '\n');
}

static void compare_policies(
    struct or_buf *said, struct or_arena *a, const struct or_json *c, const struct pol_decision *d)
{
	struct or_slice *reasons = or_arena_array(a, d->n_reasons, sizeof(*reasons));
	struct or_slice *errors = or_arena_array(a, d->n_errors, sizeof(*errors));

	for (size_t i = 0; i < d->n_reasons; i++)
		reasons[i] = d->reasons[i]->id;
	for (size_t i = 0; i < d->n_errors; i++)
		errors[i] = d->errors[i].policy->id;
	compare_ids(said, c, "policies", reasons, d->n_reasons);
	compare_ids(said, c, "errors", errors, d->n_errors);
}

static void put_mask(struct or_buf *b, const struct pol_mask *m)
{
	pol_mask_print_kind(b, m);
	if (m->kind == POL_MASK_CONSTANT)
		or_buf_printf(b, ":%.*s", OR_SLICE_FMT(m->constant));
}

static void compare_mask(
    struct or_buf *said, const struct or_json_member *wanted, const struct pol_masks *masks)
{
	const struct pol_mask *m = pol_mask_find(masks, wanted->key);
	struct or_slice kind =
	    wanted->value->type == OR_JSON_STR ? wanted->value->s : OR_SLICE_LIT("null");
	struct or_buf b;

	or_buf_init(&b, SAID_MAX);
	if (m)
		put_mask(&b, m);
	if (!m || !or_slice_eq(or_buf_slice(&b), kind))
		or_buf_printf(said, "mask of %.*s: expected %.*s, got %s\n",
		    OR_SLICE_FMT(wanted->key), OR_SLICE_FMT(kind), m ? or_buf_text(&b) : "none");
	or_buf_done(&b);
}

/* {column: kind, …}: these masks and no others. (YAML's null is the kind of that name.) */
static void compare_masks(
    struct or_buf *said, const struct or_json *c, const struct pol_masks *masks)
{
	const struct or_json *wanted = or_json_get(c, "masks");

	if (!wanted)
		return;
	if (wanted->type != OR_JSON_OBJECT) {
		or_buf_put_str(said, "masks: expected is an object of column: kind\n");
		return;
	}
	for (size_t i = 0; i < wanted->object.n; i++)
		compare_mask(said, &wanted->object.members[i], masks);
	for (size_t i = 0; i < masks->n; i++) {
		if (!or_json_get_slice(wanted, masks->items[i].column)) {
			or_buf_put_str(said, "a mask that is not expected: ");
			pol_mask_print(said, &masks->items[i]);
			or_buf_put_byte(said, '\n');
		}
	}
}

static bool is_param(const struct or_json *j, const struct pol_value *v)
{
	if (j->type == OR_JSON_INT)
		return v->kind == POL_LONG && v->i == j->i;
	return j->type == OR_JSON_STR && v->kind == POL_STRING && or_slice_eq(v->s, j->s);
}

static void compare_sql(
    struct or_buf *said, const struct or_json *wanted, const struct pol_filter_sql *sql)
{
	struct or_slice text = or_json_get_str(wanted, "sql");
	const struct or_json *params = or_json_get_type(wanted, "params", OR_JSON_ARRAY);
	bool same = !params || params->array.n == sql->n_params;

	if (text.p && !or_slice_eq(text, sql->text))
		or_buf_printf(said, "filter: expected %.*s\n           got %.*s\n",
		    OR_SLICE_FMT(text), OR_SLICE_FMT(sql->text));
	for (size_t i = 0; params && same && i < params->array.n; i++)
		same = is_param(params->array.items[i], &sql->params[i]);
	if (same)
		return;
	or_buf_put_str(said, "filter: other parameters; got ");
	for (size_t i = 0; i < sql->n_params; i++) {
		or_buf_put_str(said, i ? ", " : "");
		pol_value_print(said, &sql->params[i]);
	}
	or_buf_put_byte(said, '\n');
}

static void compare_rows(
    struct or_buf *said, const struct or_json *wanted, const char *got, const struct or_err *why)
{
	struct or_slice rows = or_json_get_str(wanted, "rows");

	if (rows.p && !or_slice_is(rows, got))
		or_buf_printf(said, "filter: expected %.*s of the rows, got %s%s%s\n",
		    OR_SLICE_FMT(rows), got, why->code ? ": " : "", why->code ? why->msg : "");
}

/* {table, dialect?, rows?: none | some | all | refused, sql?, params?} */
static enum or_code compare_filter(struct or_buf *said, struct ctl_policy_world *w,
    const struct ctl_policy_ask *ask, const struct or_json *wanted, struct or_err *err)
{
	static const char *const verdicts[] = {"none", "all", "some"};
	const char *name = or_arena_strdup(w->arena, or_json_get_str(wanted, "table"));
	struct or_slice word = or_json_get_str(wanted, "dialect");
	enum pol_filter_dialect dialect = POL_FILTER_POSTGRES;
	struct pol_filter_table table;
	struct pol_filter_request req = {.principal = ask->req.principal,
	    .action = ask->req.action,
	    .context = ask->req.context,
	    .on_forbid_error = ask->req.on_forbid_error,
	    .table = &table};
	struct pol_filter_sql sql = {.n_params = 0};
	struct or_err why = {0};
	struct pol_filter f;
	enum or_code rc;

	if (word.p && pol_filter_sql_dialect(&dialect, word))
		return or_err_set(
		    err, OR_INVAL, "filter: there is no dialect %.*s", OR_SLICE_FMT(word));
	rc = ctl_policy_table_find(&table, w, name, NULL, NULL, err);
	if (rc)
		return rc;
	ctl_policy_ask_begin(w, ask);
	rc = pol_filter_make(&f, w->ctx, w->sets, 1, &req, err);
	if (rc)
		return rc;
	rc = pol_filter_sql(&sql, &f, dialect, pol_ctx_arena(w->ctx), &why);
	compare_rows(said, wanted, rc ? "refused" : verdicts[f.verdict], &why);
	if (rc == OR_OK)
		compare_sql(said, wanted, &sql);
	return OR_OK;
}

static void compare_decision(
    struct or_buf *said, const struct or_json *c, const struct ctl_policy_answer *answer)
{
	struct or_slice wanted = or_json_get_str(c, "expect");
	const char *got = answer->allow ? "allow" : "deny";

	if (!wanted.p || or_slice_is(wanted, got))
		return;
	or_buf_printf(said, "expected %.*s, got %s", OR_SLICE_FMT(wanted), got);
	for (size_t i = 0; i < answer->d.n_reasons; i++)
		or_buf_printf(
		    said, "%s%.*s", i ? ", " : " by ", OR_SLICE_FMT(answer->d.reasons[i]->id));
	if (answer->mask_error)
		or_buf_printf(said, ": %s", answer->mask_error);
	or_buf_put_byte(said, '\n');
	for (size_t i = 0; i < answer->d.n_errors; i++)
		or_buf_printf(said, "%.*s erred: %s\n",
		    OR_SLICE_FMT(answer->d.errors[i].policy->id), answer->d.errors[i].msg);
}

/* A key that nobody knows would be an expectation that nobody checks. */
static enum or_code check_keys(const struct or_json *c, const char *where, struct or_err *err)
{
	static const char *const keys[] = {"name", "principal", "action", "resource", "context",
	    "entities", "on_forbid_error", "expect", "policies", "errors", "masks", "filter"};

	if (c->type != OR_JSON_OBJECT)
		return or_err_set(err, OR_INVAL, "%s: a case is an object", where);
	for (size_t i = 0; i < c->object.n; i++) {
		size_t k = 0;

		while (k < OR_LEN(keys) && !or_slice_is(c->object.members[i].key, keys[k]))
			k++;
		if (k == OR_LEN(keys))
			return or_err_set(err, OR_INVAL, "%s: there is no key %.*s", where,
			    OR_SLICE_FMT(c->object.members[i].key));
	}
	if (!or_json_get(c, "expect") && !or_json_get(c, "filter"))
		return or_err_set(
		    err, OR_INVAL, "%s: neither expect nor filter: nothing is tested", where);
	return OR_OK;
}

static enum or_code set_mode(
    struct ctl_policy_ask *ask, const struct or_json *c, const char *where, struct or_err *err)
{
	struct or_slice mode = or_json_get_str(c, "on_forbid_error");

	if (!mode.p || or_slice_is(mode, "deny"))
		return OR_OK;
	if (!or_slice_is(mode, "skip"))
		return or_err_set(err, OR_INVAL, "%s: on_forbid_error is deny or skip", where);
	ask->req.on_forbid_error = POL_FORBID_ERROR_SKIP;
	return OR_OK;
}

enum or_code ctl_policy_cases_try(struct or_buf *said, struct ctl_policy_world *w,
    const struct or_json *c, const char *where, struct or_err *err)
{
	const struct or_json *filter = or_json_get(c, "filter");
	struct ctl_policy_answer answer = {0};
	struct ctl_policy_ask ask = {0};
	enum or_code rc = check_keys(c, where, err);

	if (rc == OR_OK)
		rc = ctl_policy_ask_json(&ask, w, c, where, !filter, err);
	if (rc == OR_OK)
		rc = set_mode(&ask, c, where, err);
	if (rc == OR_OK && or_json_get(c, "resource")) {
		rc = ctl_policy_ask_decide(&answer, w, &ask, err);
		/* What does not fit the schema is denied before any policy is asked. */
		if (rc == OR_INVAL) {
			or_buf_printf(said, "the request does not fit the schema: %s\n", err->msg);
			rc = OR_OK;
		} else if (rc == OR_OK) {
			compare_decision(said, c, &answer);
			compare_policies(said, w->arena, c, &answer.d);
			compare_masks(said, c, &answer.masks);
		}
	}
	if (rc == OR_OK && filter)
		rc = compare_filter(said, w, &ask, filter, err);
	ctl_policy_ask_done(&ask);
	return rc;
}

/* ---- the runner */

static void tell_lines(const char *indent, struct or_slice text)
{
	for (size_t at = 0; at < text.n;) {
		size_t end = at;

		while (end < text.n && text.p[end] != '\n')
			end++;
		printf("%s", indent);
		ctl_term_value(CTL_TERM_PLAIN, or_slice(text.p + at, end - at));
		putchar('\n');
		at = end + 1;
	}
}

static void tell(struct run *r, const char *file, struct or_slice name, struct or_slice said)
{
	bool ok = said.n == 0;

	r->passed += ok;
	r->failed += !ok;
	if (form_of(r) == JSON) {
		or_jsonw_object(r->w);
		or_jsonw_kv_text(r->w, "file", file);
		or_jsonw_kv_str(r->w, "name", name);
		or_jsonw_kv_bool(r->w, "ok", ok);
		if (!ok)
			or_jsonw_kv_str(r->w, "message", said);
		or_jsonw_end(r->w);
		return;
	}
	if (form_of(r) == TAP) {
		printf("%s %zu - ", ok ? "ok" : "not ok", r->passed + r->failed);
		ctl_term_value(CTL_TERM_PLAIN, name);
		putchar('\n');
		tell_lines("# ", said);
		return;
	}
	ctl_term_printf(ok ? CTL_TERM_GOOD : CTL_TERM_BAD, ok ? "  ok    " : "  FAIL  ");
	ctl_term_value(CTL_TERM_PLAIN, name);
	putchar('\n');
	tell_lines("          ", said);
}

static enum or_code run_cases(struct run *r, struct ctl_policy_world *w, const char *file,
    const struct or_json *doc, struct or_err *err)
{
	const struct or_json *cases = or_json_get_type(doc, "cases", OR_JSON_ARRAY);
	enum or_code rc = OR_OK;

	if (!cases || !cases->array.n)
		return or_err_set(err, OR_INVAL, "%s: there are no cases", file);
	if (form_of(r) == PEOPLE)
		ctl_term_printf(CTL_TERM_BOLD, "%s\n", file);
	for (size_t i = 0; i < cases->array.n && rc == OR_OK; i++) {
		const struct or_json *c = cases->array.items[i];
		struct or_slice name = or_json_get_str(c, "name");
		const char *where = or_arena_printf(w->arena, "%s: case %zu", file, i + 1);
		struct or_buf said;

		or_buf_init(&said, SAID_MAX);
		rc = ctl_policy_cases_try(&said, w, c, where, err);
		if (rc == OR_OK)
			tell(r, file, name.p ? name : or_slice_str(where), or_buf_slice(&said));
		or_buf_done(&said);
	}
	return rc;
}

static enum or_code run_file(
    struct run *r, struct ctl_policy_world *w, const char *file, struct or_err *err)
{
	const struct or_json *doc = NULL;
	struct or_slice text;
	enum or_code rc = ctl_policy_world_read(&text, w->arena, file, err);

	if (rc)
		return rc;
	rc = or_yaml_parse(&doc, text, w->arena, err);
	return rc ? or_err_wrap(err, rc, "%s", file) : run_cases(r, w, file, doc, err);
}

static enum or_code run_files(
    struct run *r, struct ctl_policy_world *w, char **files, size_t n, struct or_err *err)
{
	enum or_code rc = OR_OK;

	for (size_t i = 0; i < n && rc == OR_OK; i++)
		rc = run_file(r, w, files[i], err);
	return rc;
}

static void conclude(struct run *r, struct or_buf *json)
{
	if (form_of(r) == JSON) {
		or_jsonw_end(r->w);
		or_jsonw_kv_u64(r->w, "passed", r->passed);
		or_jsonw_kv_u64(r->w, "failed", r->failed);
		or_jsonw_end(r->w);
		printf("%s\n", or_buf_text(json));
	} else if (form_of(r) == TAP) {
		printf("1..%zu\n", r->passed + r->failed);
	} else {
		ctl_term_printf(r->failed ? CTL_TERM_BAD : CTL_TERM_GOOD,
		    "%zu passed, %zu failed\n", r->passed, r->failed);
	}
}

static int run(struct run *r, char **files, size_t n)
{
	struct ctl_policy_world w;
	struct or_err err = {0};
	struct or_jsonw json;
	struct or_buf b;
	enum or_code rc = ctl_policy_world_open(&w, &r->world, &err);

	if (rc)
		return ctl_term_fail("policy test", &err);
	or_buf_init(&b, JSON_MAX);
	or_jsonw_init(&json, &b, 2);
	r->w = &json;
	or_jsonw_object(&json);
	or_jsonw_key(&json, "cases");
	or_jsonw_array(&json);
	if (form_of(r) == TAP)
		printf("TAP version 13\n");
	rc = run_files(r, &w, files, n, &err);
	if (rc == OR_OK)
		conclude(r, &b);
	or_buf_done(&b);
	ctl_policy_world_close(&w);
	if (rc)
		return ctl_term_fail("policy test", &err);
	return r->failed ? CTL_EXIT_NO : CTL_EXIT_YES;
}

int ctl_policy_cases_main(int argc, char **argv)
{
	struct run r = {.tap = false};
	const struct ctl_args_flag flags[] = {
	    {.name = "tap", .help = "print TAP 13", .on = &r.tap},
	    {.name = "json", .help = "print JSON", .on = &r.json},
	    CTL_POLICY_WORLD_FLAGS(&r.world),
	};
	const struct ctl_args spec = {.usage = "outrider policy test [flags] FILE…",
	    .about =
		"Runs named cases: a request and what is expected of it. Exit code 1: one failed.\n"
		"FILE is YAML or JSON, {\"cases\": [case…]}; a case has\n"
		"  name, principal, action, resource, context, entities   the request\n"
		"  on_forbid_error      deny (default) or skip\n"
		"  expect               allow or deny\n"
		"  policies, errors     lists of the ids that determined it, and that erred\n"
		"  masks                {column: kind, …}: these and no others\n"
		"  filter               {table, dialect, rows: none, some, all or refused, sql, "
		"params}",
	    .examples = "  outrider policy test policy/cases.yaml\n"
			"  outrider policy test --bundle orders.bundle --tap policy/*.yaml",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};
	size_t n_words;
	int code;

	if (!ctl_args_parse(&spec, argc, argv, &n_words, &code))
		return code;
	if (n_words == 0)
		return ctl_args_misuse(&spec, "which FILE?");
	if (r.tap && r.json)
		return ctl_args_misuse(&spec, "--tap or --json");
	return run(&r, argv, n_words);
}
