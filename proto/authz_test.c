/* SPDX-License-Identifier: Apache-2.0 */
/* Messages are put together field by field, as Envoy's .proto files number them. */
#include "proto/authz.h"

#include "proto/pb.h"
#include "tests/support/support.h"

enum { SIZE_MAX_TEST = 1024 * 1024 };

struct rig {
	struct or_arena *a;
	struct or_buf out;
	struct wire_authz_check check;
	struct or_err err;
};

static int start(void **state)
{
	static struct rig rig;

	rig = (struct rig){.a = or_arena_new(OR_MIB)};
	or_buf_init(&rig.out, SIZE_MAX_TEST);
	*state = &rig;
	return 0;
}

static int stop(void **state)
{
	struct rig *r = *state;

	or_arena_free(r->a);
	or_buf_done(&r->out);
	return 0;
}

/* A sub-message of the fields that fill() puts. */
static void put_sub(struct or_buf *out, uint32_t num, void (*fill)(struct or_buf *))
{
	struct or_buf sub;

	or_buf_init(&sub, SIZE_MAX_TEST);
	fill(&sub);
	wire_pb_append(out, num, or_buf_slice(&sub));
	or_buf_done(&sub);
}

static void put_entry(struct or_buf *out, uint32_t num, const char *key, const char *value)
{
	struct or_buf sub;

	or_buf_init(&sub, SIZE_MAX_TEST);
	wire_pb_append(&sub, 1, or_slice_str(key));
	wire_pb_append(&sub, 2, or_slice_str(value));
	wire_pb_append(out, num, or_buf_slice(&sub));
	or_buf_done(&sub);
}

static void put_socket(struct or_buf *out)
{
	wire_pb_append(out, 2, OR_SLICE_LIT("192.0.2.7"));
	wire_pb_append_varint(out, 3, 40000);
	wire_pb_append_varint(out, 6, 1); /* ipv4_compat */
}

static void put_address(struct or_buf *out)
{
	put_sub(out, 1, put_socket);
}

static void put_source(struct or_buf *out)
{
	put_sub(out, 1, put_address);
	wire_pb_append(out, 2, OR_SLICE_LIT("service"));
	wire_pb_append(out, 4, OR_SLICE_LIT("spiffe://a/b"));
	wire_pb_append(out, 5, OR_SLICE_LIT("certificate"));
}

static void put_raw_map(struct or_buf *out)
{
	struct or_buf sub;

	or_buf_init(&sub, 256);
	wire_pb_append(&sub, 1, OR_SLICE_LIT("x"));
	wire_pb_append(&sub, 3, or_slice("\xff", 1));
	wire_pb_append(out, 1, or_buf_slice(&sub));
	or_buf_done(&sub);
}

static void put_http(struct or_buf *out)
{
	wire_pb_append(out, 1, OR_SLICE_LIT("id"));
	wire_pb_append(out, 2, OR_SLICE_LIT("GET"));
	put_entry(out, 3, "authorization", "Bearer t");
	put_entry(out, 3, ":path", "/p?q");
	wire_pb_append(out, 4, OR_SLICE_LIT("/p?q"));
	wire_pb_append(out, 5, OR_SLICE_LIT("host.example"));
	wire_pb_append(out, 6, OR_SLICE_LIT("https"));
	wire_pb_append_varint(out, 9, 12);
	wire_pb_append(out, 10, OR_SLICE_LIT("HTTP/2"));
	wire_pb_append(out, 11, or_slice("\xff\xfe", 2)); /* a body, which nobody looks at */
	wire_pb_append(out, 12, OR_SLICE_LIT("raw body"));
	put_sub(out, 13, put_raw_map);
}

static void put_time(struct or_buf *out)
{
	wire_pb_append_varint(out, 1, 1764000000);
}

static void put_request(struct or_buf *out)
{
	put_sub(out, 1, put_time);
	put_sub(out, 2, put_http);
}

static void put_attributes(struct or_buf *out)
{
	put_sub(out, 1, put_source);
	put_sub(out, 2, put_source); /* the destination */
	put_sub(out, 4, put_request);
	put_entry(out, 10, "context", "extension");
	put_sub(out, 11, put_time);
	put_sub(out, 12, put_time);
}

static void decode__reads_what_envoy_sends(void **state)
{
	struct rig *r = *state;
	const struct wire_authz_http *http = &r->check.attributes.request.http;

	put_sub(&r->out, 1, put_attributes);
	ASSERT_OK(wire_authz_decode(&r->check, or_buf_slice(&r->out), r->a, &r->err), &r->err);
	ASSERT_SLICE(r->check.attributes.source.address.socket.address, "192.0.2.7");
	assert_int_equal(r->check.attributes.source.address.socket.port, 40000);
	ASSERT_SLICE(http->id, "id");
	ASSERT_SLICE(http->method, "GET");
	ASSERT_SLICE(http->path, "/p?q");
	ASSERT_SLICE(http->host, "host.example");
	ASSERT_SLICE(http->scheme, "https");
	ASSERT_SLICE(http->protocol, "HTTP/2");
	assert_int_equal(http->size, 12);
	assert_int_equal(http->n_headers, 2);
	ASSERT_SLICE(http->headers[0].key, "authorization");
	ASSERT_SLICE(http->headers[0].value, "Bearer t");
	ASSERT_SLICE(http->headers[1].key, ":path");
	assert_int_equal(http->header_map.n_headers, 1);
	ASSERT_SLICE(http->header_map.headers[0].raw_value, "\xff");
}

static void decode__takes_an_empty_one(void **state)
{
	struct rig *r = *state;

	ASSERT_OK(wire_authz_decode(&r->check, OR_SLICE_NONE, r->a, &r->err), &r->err);
	assert_int_equal(r->check.attributes.request.http.n_headers, 0);
}

static void put_twice(struct or_buf *out)
{
	wire_pb_append(out, 2, OR_SLICE_LIT("GET"));
	wire_pb_append(out, 2, OR_SLICE_LIT("DELETE"));
}

static void put_nul(struct or_buf *out)
{
	wire_pb_append(out, 4, or_slice("/a\0b", 4));
}

static void put_type(struct or_buf *out)
{
	wire_pb_append_varint(out, 2, 7);
}

static void put_many(struct or_buf *out)
{
	for (int i = 0; i <= WIRE_AUTHZ_HEADERS_MAX; i++)
		put_entry(out, 3, "a", "b");
}

static void put_long(struct or_buf *out)
{
	static char path[70000];

	memset(path, 'x', sizeof(path));
	wire_pb_append(out, 4, or_slice(path, sizeof(path)));
}

static void (*fill_http)(struct or_buf *);

static void put_bad_request(struct or_buf *out)
{
	put_sub(out, 2, fill_http);
}

static void put_bad_attributes(struct or_buf *out)
{
	put_sub(out, 4, put_bad_request);
}

static void decode__refuses_what_could_be_read_in_two_ways(void **state)
{
	static const struct {
		void (*fill)(struct or_buf *);
		enum or_code code;
	} cases[] = {{put_twice, OR_PARSE}, {put_nul, OR_PARSE}, {put_type, OR_PARSE},
	    {put_many, OR_FULL}, {put_long, OR_FULL}};
	struct rig *r = *state;

	for (size_t i = 0; i < OR_LEN(cases); i++) {
		or_buf_clear(&r->out);
		fill_http = cases[i].fill;
		put_sub(&r->out, 1, put_bad_attributes);
		ASSERT_CODE(wire_authz_decode(&r->check, or_buf_slice(&r->out), r->a, &r->err),
		    cases[i].code);
	}
	ASSERT_CODE(wire_authz_decode(&r->check, OR_SLICE_LIT("\x0a\x05x"), r->a, NULL), OR_PARSE);
}

/* The bytes of field `num` in in; fails where it is not there once. */
static struct or_slice field_of(struct or_slice in, uint32_t num)
{
	struct wire_pb_field f;
	struct or_slice found = OR_SLICE_NONE;
	enum or_code rc;

	assert_int_equal(wire_pb_count(in, num), 1);
	while ((rc = wire_pb_next(&f, &in)) == OR_OK) {
		if (f.num == num)
			found = f.s;
	}
	ASSERT_CODE(rc, OR_ABSENT);
	return found;
}

static void encode__writes_allowed_as_envoy_reads_it(void **state)
{
	struct rig *r = *state;
	const struct wire_authz_option option = {
	    .header = {.key = OR_SLICE_LIT("a"), .value = OR_SLICE_LIT("b")},
	    .append_action = WIRE_AUTHZ_OVERWRITE};
	const struct or_slice removed[] = {OR_SLICE_LIT("x"), OR_SLICE_LIT("y")};
	const struct wire_authz_answer answer = {.ok = {.headers = &option,
						     .n_headers = 1,
						     .headers_to_remove = removed,
						     .n_headers_to_remove = 2}};

	ASSERT_OK(wire_authz_encode(&r->out, &answer, &r->err), &r->err);
	/* ok_response {headers {header {key, value} append_action} headers_to_remove…}; status 0 is
	 * absent, which is OK */
	ASSERT_SLICE(or_buf_slice(&r->out), "\x1a\x12\x12\x0a\x0a\x06\x0a\x01"
					    "a\x12\x01"
					    "b\x18\x02\x2a\x01x\x2a\x01y");
}

static void encode__writes_denied_as_envoy_reads_it(void **state)
{
	struct rig *r = *state;
	const struct wire_authz_option option = {
	    .header = {.key = OR_SLICE_LIT("a"), .value = OR_SLICE_LIT("b")}};
	const struct wire_authz_answer answer = {
	    .status = {.code = 7, .message = OR_SLICE_LIT("no")},
	    .denied = {
		.status = {403}, .headers = &option, .n_headers = 1, .body = OR_SLICE_LIT("body")}};
	struct or_slice denied;

	ASSERT_OK(wire_authz_encode(&r->out, &answer, &r->err), &r->err);
	ASSERT_SLICE(field_of(or_buf_slice(&r->out), 1), "\x08\x07\x12\x02no");
	denied = field_of(or_buf_slice(&r->out), 2);
	ASSERT_SLICE(field_of(denied, 1), "\x08\x93\x03");
	ASSERT_SLICE(field_of(denied, 3), "body");
	assert_int_equal(wire_pb_count(or_buf_slice(&r->out), 3), 0);
}

static void encode__refuses_what_is_no_text(void **state)
{
	struct rig *r = *state;
	const struct wire_authz_answer answer = {.denied = {.body = or_slice("\xff", 1)}};

	ASSERT_CODE(wire_authz_encode(&r->out, &answer, &r->err), OR_INVAL);
	assert_int_equal(r->out.n, 0);
}

static void health__is_read_and_written(void **state)
{
	struct rig *r = *state;
	struct or_slice service = OR_SLICE_NONE;

	ASSERT_OK(
	    wire_authz_health_decode(&service, OR_SLICE_LIT("\x0a\x01s"), r->a, &r->err), &r->err);
	ASSERT_SLICE(service, "s");
	ASSERT_CODE(
	    wire_authz_health_decode(&service, OR_SLICE_LIT("\x08\x01"), r->a, NULL), OR_PARSE);
	wire_authz_health_encode(&r->out, true);
	wire_authz_health_encode(&r->out, false);
	ASSERT_SLICE(or_buf_slice(&r->out), "\x08\x01\x08\x02");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)
	static const struct CMUnitTest tests[] = {T(decode__reads_what_envoy_sends),
	    T(decode__takes_an_empty_one), T(decode__refuses_what_could_be_read_in_two_ways),
	    T(encode__writes_allowed_as_envoy_reads_it), T(encode__writes_denied_as_envoy_reads_it),
	    T(encode__refuses_what_is_no_text), T(health__is_read_and_written)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
