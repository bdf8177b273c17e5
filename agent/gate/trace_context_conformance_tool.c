/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judges trace context handling by the tables of the folder that is the argument (headers.json,
 * tracestate_members.json). The last line is "trace-context: passed/total".
 */
#include "agent/gate/trace.h"

#include "base/json.h"
#include "base/str.h"
#include "base/sys.h"

#include <stdio.h>

#define TABLE_MAX  (4U * 1024 * 1024)
#define FIELDS_MAX 64
#define CALLS      3

struct judged {
	const struct or_json *expect;
	struct or_http_msg msg;
	struct ag_trace calls[CALLS];
	struct or_slice given; /* the first traceparent */
	struct or_buf state;   /* what would be passed on, comma-separated */
};

static bool same_trace(const struct judged *j)
{
	char text[AG_TRACE_PARENT_LEN + 1];

	ag_trace_parent(text, &j->calls[0]);
	return j->given.n >= 35 && memcmp(text + 3, or_str_trim(j->given).p + 3, 32) == 0;
}

static bool has_member(const struct judged *j, struct or_slice key, struct or_slice value)
{
	struct or_slice member;
	size_t at = 0;

	while (or_http_msg_next_token(&member, or_buf_slice(&j->state), &at)) {
		size_t eq = or_str_find(member, '=', 0);

		if (!or_slice_eq(or_slice(member.p, eq), key))
			continue;
		if (!value.p || or_slice_eq(or_slice_from(member, eq + 1), value))
			return true;
	}
	return false;
}

static bool judge_state(const struct judged *j)
{
	const struct or_json *has = or_json_get_type(j->expect, "tracestate_has", OR_JSON_OBJECT);
	const struct or_json *lacks =
	    or_json_get_type(j->expect, "tracestate_lacks", OR_JSON_ARRAY);
	const struct or_json *any = or_json_get_type(j->expect, "tracestate_any_of", OR_JSON_ARRAY);
	bool found = any == NULL;

	for (size_t i = 0; has && i < has->object.n; i++) {
		if (!has_member(j, has->object.members[i].key, has->object.members[i].value->s))
			return false;
	}
	for (size_t i = 0; lacks && i < lacks->array.n; i++) {
		if (has_member(j, lacks->array.items[i]->s, OR_SLICE_NONE))
			return false;
	}
	for (size_t i = 0; any && i < any->array.n; i++) {
		struct or_slice pair = any->array.items[i]->s;
		size_t eq = or_str_find(pair, '=', 0);

		found |= has_member(j, or_slice(pair.p, eq), or_slice_from(pair, eq + 1));
	}
	return found &&
	       !(or_slice_is(or_json_get_str(j->expect, "tracestate"), "discarded") && j->state.n);
}

static bool judge_members(const struct judged *j)
{
	const struct or_json *want = or_json_get_type(j->expect, "tracestate_members", OR_JSON_INT);
	const struct or_json *order =
	    or_json_get_type(j->expect, "tracestate_order", OR_JSON_ARRAY);
	struct or_slice member;
	size_t at = 0, n = 0;

	while (or_http_msg_next_token(&member, or_buf_slice(&j->state), &at)) {
		if (order &&
		    (n >= order->array.n || !or_slice_eq(order->array.items[n]->s, member)))
			return false;
		n++;
	}
	return (!want || (size_t)want->i == n) && (!order || order->array.n == n);
}

static bool judge_ids(const struct judged *j)
{
	struct or_slice id = or_json_get_str(j->expect, "trace_id");
	const struct or_json *bit = or_json_get_type(j->expect, "trace_flags_bit_set", OR_JSON_INT);

	if (id.n && or_slice_is(id, "same") != same_trace(j))
		return false;
	if (bit && !(j->calls[0].flags >> bit->i & 1))
		return false;
	for (size_t i = 1; i < CALLS; i++) {
		if (memcmp(j->calls[0].span, j->calls[i].span, AG_TRACE_SPAN_LEN) == 0)
			return false;
	}
	return memcmp(j->calls[0].span, j->calls[0].parent, AG_TRACE_SPAN_LEN) != 0;
}

static bool judge_case(const struct or_json *c)
{
	const struct or_json *headers = or_json_get_type(c, "headers", OR_JSON_ARRAY);
	struct or_http_field fields[FIELDS_MAX];
	struct judged j = {.expect = or_json_get(c, "expect"), .msg = {.fields = fields}};
	bool passed;

	or_buf_init(&j.state, 65536);
	for (size_t i = 0; headers && i < headers->array.n && i < FIELDS_MAX; i++) {
		const struct or_json *pair = headers->array.items[i];

		fields[j.msg.n_fields++] = (struct or_http_field){
		    pair->array.items[0]->s, or_str_trim(pair->array.items[1]->s)};
	}
	j.given = or_http_msg_get(&j.msg, "traceparent");
	for (size_t i = 0; i < CALLS; i++)
		ag_trace_read(&j.calls[i], &j.msg);
	for (size_t i = 0; j.calls[0].keeps_state && i < j.msg.n_fields; i++) {
		if (!or_str_eq_nocase(fields[i].name, OR_SLICE_LIT("tracestate")))
			continue;
		or_buf_put_slice(&j.state, fields[i].value);
		or_buf_put_byte(&j.state, ',');
	}
	passed = judge_ids(&j) && judge_state(&j) && judge_members(&j);
	if (!passed)
		printf("FAIL %.*s\n", OR_SLICE_FMT(or_json_get_str(c, "id")));
	or_buf_done(&j.state);
	return passed;
}

static bool judge_member(const struct or_json *c)
{
	const struct or_json *valid = or_json_get_type(c, "valid", OR_JSON_BOOL);
	struct or_buf member;
	bool passed;

	or_buf_init(&member, 65536);
	or_buf_put_slice(&member, or_json_get_str(c, "key"));
	or_buf_put_byte(&member, '=');
	or_buf_put_slice(&member, or_json_get_str(c, "value"));
	passed = ag_trace_is_member(or_buf_slice(&member)) == (valid && valid->b);
	if (!passed)
		printf("FAIL member %s\n", or_buf_text(&member));
	or_buf_done(&member);
	return passed;
}

/* Judges every case of a table; an absent file has none. */
static enum or_code run(const char *dir, const char *name, bool (*judge)(const struct or_json *),
    size_t *passed, size_t *total)
{
	struct or_arena *a = or_arena_new(0);
	const struct or_json *table, *cases;
	struct or_err err = {0};
	struct or_buf text;
	char path[4096];
	enum or_code rc;

	or_buf_init(&text, TABLE_MAX);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	rc = or_sys_read_file(&text, path, &err);
	if (!rc)
		rc = or_json_parse(&table, or_buf_slice(&text), a, &err);
	cases = rc ? NULL : or_json_get_type(table, "cases", OR_JSON_ARRAY);
	for (size_t i = 0; cases && i < cases->array.n; i++) {
		*passed += judge(cases->array.items[i]);
		++*total;
	}
	if (rc && rc != OR_ABSENT)
		fprintf(stderr, "trace-context: %s\n", err.msg);
	or_buf_done(&text);
	or_arena_free(a);
	return rc == OR_ABSENT ? OR_OK : rc;
}

int main(int argc, char **argv)
{
	size_t passed = 0, total = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: trace-context-conformance-tool DIR\n");
		return 2;
	}
	if (run(argv[1], "headers.json", judge_case, &passed, &total) ||
	    run(argv[1], "tracestate_members.json", judge_member, &passed, &total))
		return 3;
	printf("trace-context: %zu/%zu\n", passed, total);
	return total == 0 ? 3 : passed != total;
}
