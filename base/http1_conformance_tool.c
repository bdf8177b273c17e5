/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judges the HTTP parser by a table of messages (llhttp.json in the folder that is the argument).
 *
 * A strict case that the table refuses must be refused. Any other is read as shown, or refused for
 * one of the reasons in which this parser is stricter on purpose; those are counted and printed.
 * A case with a leniency flag may be refused for any reason. Hosts are optional here, because most
 * messages of the table have none. A refusal may come with the line end after the input: a head is
 * judged when it is complete. The last line is "http1: passed/total".
 */
#include "base/http_parse.h"
#include "base/json.h"
#include "base/str.h"
#include "base/sys.h"

#include <stdio.h>

#define TABLE_MAX (16U * 1024 * 1024)

struct judge {
	const struct or_json *expected; /* array of messages */
	size_t at;
	struct or_buf body;
	char why[256];
};

/* Other protocols and versions, tunnels, codings but chunked, fragments, hosts that are none. */
static const enum or_http_reason stricter[] = {OR_HTTP_PROTOCOL, OR_HTTP_VERSION, OR_HTTP_CONNECT,
    OR_HTTP_CODING, OR_HTTP_CODING_UNKNOWN, OR_HTTP_TARGET, OR_HTTP_HOST};

static bool is_stricter(enum or_http_reason reason)
{
	for (size_t i = 0; i < OR_LEN(stricter); i++) {
		if (stricter[i] == reason)
			return true;
	}
	return false;
}

static const struct or_json *expected_msg(const struct judge *j)
{
	return j->at < j->expected->array.n ? j->expected->array.items[j->at] : NULL;
}

/* The table shows bytes beyond ASCII as the code points of Latin-1, or as UTF-8. */
static bool is_latin1_of(struct or_slice text, struct or_slice bytes)
{
	size_t i = 0;

	while (text.n && i < bytes.n) {
		uint32_t cp;
		size_t n = or_str_utf8_decode(&cp, text);

		if (!n || cp != bytes.p[i++])
			return false;
		text = or_slice_from(text, n);
	}
	return !text.n && i == bytes.n;
}

static bool differs(struct judge *j, const char *what, struct or_slice got, struct or_slice want)
{
	if (j->why[0] || or_slice_eq(got, want) || is_latin1_of(want, got))
		return false;
	snprintf(j->why, sizeof(j->why), "message %zu: %s is \"%.*s\", not \"%.*s\"", j->at, what,
	    OR_SLICE_FMT(got), OR_SLICE_FMT(want));
	return true;
}

static void compare_fields(struct judge *j, const char *key, const struct or_http_field *fields,
    size_t n, const struct or_json *msg)
{
	const struct or_json *list = or_json_get_type(msg, key, OR_JSON_ARRAY);
	size_t want = list ? list->array.n : 0;

	if (n != want && !j->why[0])
		snprintf(
		    j->why, sizeof(j->why), "message %zu: %zu %s, not %zu", j->at, n, key, want);
	for (size_t i = 0; i < n && !j->why[0]; i++) {
		const struct or_json *pair = list->array.items[i];

		differs(j, "name", fields[i].name, pair->array.items[0]->s);
		differs(j, "value", fields[i].value, or_str_trim(pair->array.items[1]->s));
	}
}

static void compare_head(struct judge *j, const struct or_http_msg *got)
{
	const struct or_json *want = expected_msg(j);
	const struct or_json *status = or_json_get_type(want, "status_code", OR_JSON_INT);
	char version[4] = {'1', '.', (char)('0' + got->minor), 0};

	if (!want) {
		snprintf(j->why, sizeof(j->why), "a message too many");
		return;
	}
	differs(j, "version", or_slice_str(version), or_json_get_str(want, "version"));
	if (status) {
		differs(j, "phrase", or_str_trim(got->phrase),
		    or_str_trim(or_json_get_str(want, "status")));
		if (status->i != got->status)
			snprintf(j->why, sizeof(j->why), "status %u", got->status);
	} else {
		differs(j, "method", got->method, or_json_get_str(want, "method"));
		differs(j, "target", got->target, or_json_get_str(want, "url"));
	}
	compare_fields(j, "headers", got->fields, got->n_fields, want);
}

static void compare_end(struct judge *j, const struct or_http_msg *got)
{
	const struct or_json *want = expected_msg(j);
	const struct or_json *complete = or_json_get_type(want, "complete", OR_JSON_BOOL);

	differs(j, "body", or_buf_slice(&j->body), or_json_get_str(want, "body"));
	compare_fields(j, "trailers", got->trailers, got->n_trailers, want);
	if (!(complete && complete->b) && !j->why[0])
		snprintf(j->why, sizeof(j->why), "message %zu is not complete", j->at);
	or_buf_clear(&j->body);
	j->at++;
}

/* At the end of the input: what the table has of an incomplete message must be what was read. */
static void compare_rest(struct judge *j, bool in_message)
{
	const struct or_json *want = expected_msg(j);
	const struct or_json *complete = or_json_get_type(want, "complete", OR_JSON_BOOL);

	if (!want || j->why[0])
		return;
	if (complete && complete->b)
		snprintf(j->why, sizeof(j->why), "message %zu is incomplete", j->at);
	else if (in_message)
		differs(j, "partial body", or_buf_slice(&j->body), or_json_get_str(want, "body"));
}

/* Reads the whole input and compares; true where the parser refused it. */
static bool run(struct judge *j, struct or_http_parse *p, struct or_slice in, bool upgrades)
{
	bool in_message = false;

	while (!j->why[0]) {
		size_t used = 0;
		struct or_slice body = OR_SLICE_NONE;
		enum or_http_parse_event event = or_http_parse_feed(p, in, &used, &body);

		in = or_slice_from(in, used);
		switch (event) {
		case OR_HTTP_PARSE_MORE: compare_rest(j, in_message); return false;
		case OR_HTTP_PARSE_REFUSED: return true;
		case OR_HTTP_PARSE_BODY: or_buf_put_slice(&j->body, body); break;
		case OR_HTTP_PARSE_HEAD:
			in_message = true;
			compare_head(j, or_http_parse_msg(p));
			break;
		case OR_HTTP_PARSE_END:
		default:
			in_message = false;
			compare_end(j, or_http_parse_msg(p));
			/* What follows belongs to another protocol. */
			if (upgrades && j->at == j->expected->array.n)
				return false;
			or_http_parse_next(p);
		}
	}
	return false;
}

static bool refuses_line_end(struct or_http_parse *p)
{
	struct or_slice body;
	size_t used;

	return or_http_parse_feed(p, OR_SLICE_LIT("\r\n"), &used, &body) == OR_HTTP_PARSE_REFUSED;
}

static bool judge_case(const struct or_json *c, size_t *n_stricter)
{
	struct or_slice kind = or_json_get_str(c, "kind"), status = or_json_get_str(c, "status");
	struct or_http_parse_opt opt = {
	    .kind = or_slice_is(kind, "request") ? OR_HTTP_PARSE_REQUESTS : OR_HTTP_PARSE_RESPONSES,
	    .host_optional = true};
	struct judge j = {.expected = or_json_get_type(c, "messages", OR_JSON_ARRAY)};
	struct or_http_parse *p = or_http_parse_new(&opt);
	bool lenient = or_json_get_str(c, "lenient").n > 0;
	bool wants_error = or_slice_is(status, "error");
	bool refused;

	or_buf_init(&j.body, TABLE_MAX);
	refused = run(&j, p, or_json_get_str(c, "input"), or_slice_is(status, "upgrade"));
	if (refused && !wants_error && !lenient) {
		if (is_stricter(or_http_parse_reason(p)))
			++*n_stricter;
		else
			snprintf(j.why, sizeof(j.why), "refused: %s",
			    or_http_msg_reason_name(or_http_parse_reason(p)));
	}
	if (wants_error && !lenient && !refused && !j.why[0] && !refuses_line_end(p))
		snprintf(j.why, sizeof(j.why), "not refused");
	if (j.why[0])
		printf("FAIL %.*s: %s\n", OR_SLICE_FMT(or_json_get_str(c, "id")), j.why);
	or_buf_done(&j.body);
	or_http_parse_free(p);
	return !j.why[0];
}

static enum or_code load(
    const struct or_json **cases, struct or_buf *text, struct or_arena *a, const char *dir)
{
	const struct or_json *table;
	struct or_err err;
	char path[4096];

	snprintf(path, sizeof(path), "%s/llhttp.json", dir);
	if (or_sys_read_file(text, path, &err) ||
	    or_json_parse(&table, or_buf_slice(text), a, &err)) {
		fprintf(stderr, "http1: %s\n", err.msg);
		return err.code;
	}
	*cases = or_json_get_type(table, "cases", OR_JSON_ARRAY);
	return *cases ? OR_OK : OR_PARSE;
}

int main(int argc, char **argv)
{
	struct or_arena *a = or_arena_new(0);
	const struct or_json *cases = NULL;
	size_t passed = 0, n_stricter = 0, total = 0;
	struct or_buf text;

	if (argc != 2) {
		fprintf(stderr, "usage: http1-conformance-tool DIR\n");
		return 2;
	}
	or_buf_init(&text, TABLE_MAX);
	if (load(&cases, &text, a, argv[1]) == OR_OK) {
		total = cases->array.n;
		for (size_t i = 0; i < total; i++)
			passed += judge_case(cases->array.items[i], &n_stricter);
		printf(
		    "refused though the table accepts it (stricter on purpose): %zu\n", n_stricter);
		printf("http1: %zu/%zu\n", passed, total);
	}
	or_buf_done(&text);
	or_arena_free(a);
	return total && passed == total ? 0 : 1;
}
