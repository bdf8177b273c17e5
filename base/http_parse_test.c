/* SPDX-License-Identifier: Apache-2.0 */
#include "base/http_chars.h"
#include "base/http_parse.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/support/support.h"

#include <stdio.h>

#define H "Host: a\r\n"

struct outcome {
	struct or_http_parse *p;
	enum or_http_parse_event last; /* MORE or REFUSED */
	size_t n_messages;
	char log[4096]; /* "METHOD path|name=value|…|body." for each message */
	size_t n;
};

static void put(struct outcome *o, struct or_slice s)
{
	assert_true(o->n + s.n < sizeof(o->log));
	if (s.n)
		memcpy(o->log + o->n, s.p, s.n);
	o->n += s.n;
}

static void put_msg(struct outcome *o, const struct or_http_msg *msg)
{
	put(o, msg->method);
	put(o, msg->path);
	for (size_t i = 0; i < msg->n_fields; i++) {
		put(o, OR_SLICE_LIT("|"));
		put(o, msg->fields[i].name);
		put(o, OR_SLICE_LIT("="));
		put(o, msg->fields[i].value);
	}
	put(o, OR_SLICE_LIT("|"));
}

static void put_trailers(struct outcome *o, const struct or_http_msg *msg)
{
	for (size_t i = 0; i < msg->n_trailers; i++) {
		put(o, OR_SLICE_LIT("+"));
		put(o, msg->trailers[i].name);
	}
	put(o, OR_SLICE_LIT("."));
}

static void feed(struct outcome *o, struct or_slice in)
{
	for (;;) {
		struct or_slice body = OR_SLICE_NONE;
		size_t used = 0;

		o->last = or_http_parse_feed(o->p, in, &used, &body);
		in = or_slice_from(in, used);
		if (o->last == OR_HTTP_PARSE_MORE || o->last == OR_HTTP_PARSE_REFUSED)
			return;
		put(o, body);
		if (o->last == OR_HTTP_PARSE_HEAD)
			put_msg(o, or_http_parse_msg(o->p));
		if (o->last == OR_HTTP_PARSE_END) {
			put_trailers(o, or_http_parse_msg(o->p));
			o->n_messages++;
			or_http_parse_next(o->p);
		}
	}
}

/* Feeds the input byte by byte from a fresh copy each time, so that overruns are seen. */
static struct outcome parse(const struct or_http_parse_opt *opt, struct or_slice in, size_t piece)
{
	struct outcome o = {.p = or_http_parse_new(opt)};

	for (size_t at = 0; at < in.n && o.last != OR_HTTP_PARSE_REFUSED; at += piece) {
		size_t n = in.n - at < piece ? in.n - at : piece;
		uint8_t *copy = or_mem_new(n);

		memcpy(copy, in.p + at, n);
		feed(&o, or_slice(copy, n));
		or_mem_free(copy);
	}
	return o;
}

static const struct or_http_parse_opt requests = {.kind = OR_HTTP_PARSE_REQUESTS};
static const struct or_http_parse_opt responses = {.kind = OR_HTTP_PARSE_RESPONSES};

static enum or_http_reason refusal(const struct or_http_parse_opt *opt, struct or_slice in)
{
	static const size_t pieces[] = {100000, 1, 3};
	enum or_http_reason reason = OR_HTTP_FINE;

	for (size_t i = 0; i < OR_LEN(pieces); i++) {
		struct outcome o = parse(opt, in, pieces[i]);
		enum or_http_reason now = or_http_parse_reason(o.p);

		assert_int_equal(o.last == OR_HTTP_PARSE_REFUSED, now != OR_HTTP_FINE);
		if (i)
			assert_int_equal(now, reason);
		reason = now;
		or_http_parse_free(o.p);
	}
	return reason;
}

static const struct {
	const char *in;
	enum or_http_reason reason;
	unsigned int status;
} refused_requests[] = {
    /* What evhttp was seen to accept. */
    {"POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 4\r\n\r\n", OR_HTTP_LENGTH_TWICE,
	400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 3\r\n\r\n", OR_HTTP_LENGTH_TWICE,
	400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
	OR_HTTP_LENGTH_AND_CODING, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
	OR_HTTP_LENGTH_AND_CODING, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", OR_HTTP_CODING_UNKNOWN,
	501},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, gzip\r\n\r\n", OR_HTTP_CODING, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n", OR_HTTP_CODING, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n", OR_HTTP_CODING, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: \"chunked\"\r\n\r\n", OR_HTTP_CODING, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n", OR_HTTP_CODING, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n", OR_HTTP_CODING, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
	OR_HTTP_CODING, 400},
    {"POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n", OR_HTTP_CODING, 400},
    {"GET / HTTP/1.1\r\n" H "X-A : 1\r\n\r\n", OR_HTTP_FIELD_NAME, 400},
    {"GET / HTTP/1.1\r\n" H "X-A\t: 1\r\n\r\n", OR_HTTP_FIELD_NAME, 400},
    {"GET / HTTP/1.1\r\n" H ": 1\r\n\r\n", OR_HTTP_FIELD_NAME, 400},
    {"GET / HTTP/1.1\r\n" H "X-A\r\n\r\n", OR_HTTP_FIELD_NAME, 400},
    {"GET / HTTP/1.1\r\n" H "X(A: 1\r\n\r\n", OR_HTTP_FIELD_NAME, 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: +5\r\n\r\n", OR_HTTP_LENGTH, 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: -5\r\n\r\n", OR_HTTP_LENGTH, 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 5 5\r\n\r\n", OR_HTTP_LENGTH, 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n\r\n", OR_HTTP_LENGTH, 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 0x5\r\n\r\n", OR_HTTP_LENGTH, 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", OR_HTTP_LENGTH, 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 9223372036854775808\r\n\r\n", OR_HTTP_LENGTH, 400},
    {"POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\n", OR_HTTP_LENGTH, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n",
	OR_HTTP_CHUNK_SIZE, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n",
	OR_HTTP_CHUNK_SIZE, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n",
	OR_HTTP_CHUNK_SIZE, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n",
	OR_HTTP_CHUNK_SIZE, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n\r\n", OR_HTTP_CHUNK_SIZE, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n8000000000000000\r\n",
	OR_HTTP_CHUNK_SIZE, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\n",
	OR_HTTP_CHUNK_SIZE, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n00000000000000005\r\n",
	OR_HTTP_CHUNK_SIZE, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5;a=\r\nhello",
	OR_HTTP_CHUNK_EXTENSION, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5;\r\nhello",
	OR_HTTP_CHUNK_EXTENSION, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5;a=\"b\r\n",
	OR_HTTP_CHUNK_EXTENSION, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5;a\nhello", OR_HTTP_BARE_LF, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\nhello", OR_HTTP_BARE_LF, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\rhello", OR_HTTP_BARE_CR, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n", OR_HTTP_CHUNK_END,
	400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n", OR_HTTP_CHUNK_END,
	400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n",
	OR_HTTP_TRAILER, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\nauthorization: x\r\n\r\n",
	OR_HTTP_TRAILER, 400},
    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\nA : x\r\n\r\n",
	OR_HTTP_FIELD_NAME, 400},
    {"GET / HTTP/1.9\r\n" H "\r\n", OR_HTTP_VERSION, 505},
    {"GET / HTTP/2.0\r\n" H "\r\n", OR_HTTP_VERSION, 505},
    {"GET / HTTP/0.9\r\n" H "\r\n", OR_HTTP_VERSION, 505},
    {"PRI * HTTP/1.1\r\n\r\n", OR_HTTP_VERSION, 505},
    {"GET / HTTP/1.10\r\n" H "\r\n", OR_HTTP_PROTOCOL, 400},
    {"GET / HTTP/11\r\n" H "\r\n", OR_HTTP_PROTOCOL, 400},
    {"GET / http/1.1\r\n" H "\r\n", OR_HTTP_PROTOCOL, 400},
    {"GET / \r\n" H "\r\n", OR_HTTP_PROTOCOL, 400},
    {"GET /\r\n", OR_HTTP_TARGET, 400},
    {"GET / HTTP/1.1 \r\n" H "\r\n", OR_HTTP_PROTOCOL, 400},
    {"GET / HTTP/1.1\r\n\r\n", OR_HTTP_HOST_ABSENT, 400},
    {"GET / HTTP/1.1\r\n" H "Host: b\r\n\r\n", OR_HTTP_HOST_TWICE, 400},
    {"GET / HTTP/1.1\r\n" H H "\r\n", OR_HTTP_HOST_TWICE, 400},
    {"GET / HTTP/1.0\r\n" H H "\r\n", OR_HTTP_HOST_TWICE, 400},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", OR_HTTP_HOST, 400},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", OR_HTTP_HOST, 400},
    {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", OR_HTTP_HOST, 400},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", OR_HTTP_HOST, 400},
    {"GET / HTTP/1.1\r\nHost: a:\r\n\r\n", OR_HTTP_HOST, 400},
    {"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", OR_HTTP_HOST, 400},
    {"GET / HTTP/1.1\r\nHost: a:+1\r\n\r\n", OR_HTTP_HOST, 400},
    {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", OR_HTTP_HOST, 400},
    {"GET / HTTP/1.1\r\nHost: [::z]\r\n\r\n", OR_HTTP_HOST, 400},
    {"GET http://b/ HTTP/1.1\r\n" H "\r\n", OR_HTTP_HOST_MISMATCH, 400},
    {"GET http://a:81/ HTTP/1.1\r\n" H "\r\n", OR_HTTP_HOST_MISMATCH, 400},
    {"GET http://u@a/ HTTP/1.1\r\n" H "\r\n", OR_HTTP_HOST, 400},
    {"GET http:/// HTTP/1.1\r\n" H "\r\n", OR_HTTP_HOST, 400},
    {"GET ftp://a/ HTTP/1.1\r\n" H "\r\n", OR_HTTP_TARGET, 400},
    {"GET a/b HTTP/1.1\r\n" H "\r\n", OR_HTTP_TARGET, 400},
    {"GET * HTTP/1.1\r\n" H "\r\n", OR_HTTP_TARGET, 400},
    {"CONNECT a:443 HTTP/1.1\r\n" H "\r\n", OR_HTTP_CONNECT, 501},
    {"GET / HTTP/1.1\n" H "\r\n", OR_HTTP_BARE_LF, 400},
    {"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", OR_HTTP_BARE_LF, 400},
    {"GET / HTTP/1.1\r\n" H "X:\ny\r\n\r\n", OR_HTTP_BARE_LF, 400},
    {"GET / HTTP/1.1\r\n" H "\n", OR_HTTP_BARE_LF, 400},
    {"\nGET / HTTP/1.1\r\n" H "\r\n", OR_HTTP_BARE_LF, 400},
    {"GET / HTTP/1.1\rX: y\r\n", OR_HTTP_BARE_CR, 400},
    {"GET / HTTP/1.1\r\n" H "X: a\rb\r\n\r\n", OR_HTTP_BARE_CR, 400},
    {"GET / HTTP/1.1\r\n" H "\rX", OR_HTTP_BARE_CR, 400},
    {"GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n", OR_HTTP_FOLD, 400},
    {"GET / HTTP/1.1\r\n" H "X: a\r\n\tb\r\n\r\n", OR_HTTP_FOLD, 400},
    {"GET / HTTP/1.1\r\n " H "\r\n", OR_HTTP_FOLD, 400},
    {"GET / HTTP/1.1\r\n" H "X: a\x01 b\r\n\r\n", OR_HTTP_FIELD_VALUE, 400},
    {"GET / HTTP/1.1\r\n" H "X: a\x7f\r\n\r\n", OR_HTTP_FIELD_VALUE, 400},
    {"GET /a b HTTP/1.1\r\n" H "\r\n", OR_HTTP_PROTOCOL, 400},
    {"GET  / HTTP/1.1\r\n" H "\r\n", OR_HTTP_TARGET, 400},
    {"GET /a\tb HTTP/1.1\r\n" H "\r\n", OR_HTTP_TARGET, 400},
    {"GET /a#b HTTP/1.1\r\n" H "\r\n", OR_HTTP_TARGET, 400},
    {"GET /\xc3\xbc HTTP/1.1\r\n" H "\r\n", OR_HTTP_TARGET, 400},
    {"G(T / HTTP/1.1\r\n" H "\r\n", OR_HTTP_METHOD, 400},
    {" GET / HTTP/1.1\r\n" H "\r\n", OR_HTTP_METHOD, 400},
    {"GETGETGETGETGETGETGETGETG / HTTP/1.1\r\n" H "\r\n", OR_HTTP_METHOD, 400},
    {"\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", OR_HTTP_METHOD, 400},
    {"GET / HTTP/1.1\r\n" H "Expect: magic\r\n\r\n", OR_HTTP_EXPECT, 417},
    {"GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\nGET / HTTP/1.1\r\n", OR_HTTP_AFTER_CLOSE,
	400},
    {"GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n", OR_HTTP_AFTER_CLOSE, 400},
};

static void feed__refuses_malformed_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < OR_LEN(refused_requests); i++) {
		enum or_http_reason reason =
		    refusal(&requests, or_slice_str(refused_requests[i].in));

		if (reason != refused_requests[i].reason)
			fail_msg("%s: %s", refused_requests[i].in, or_http_msg_reason_name(reason));
		assert_int_equal(or_http_msg_reason_status(reason), refused_requests[i].status);
	}
}

static void feed__refuses_nul_anywhere(void **state)
{
	(void)state;
	assert_int_equal(refusal(&requests, OR_SLICE_LIT("G\0ET / HTTP/1.1\r\n")), OR_HTTP_NUL);
	assert_int_equal(refusal(&requests, OR_SLICE_LIT("GET /\0 HTTP/1.1\r\n")), OR_HTTP_NUL);
	assert_int_equal(refusal(&requests, OR_SLICE_LIT("GET / HTTP/1.1\0\r\n")), OR_HTTP_NUL);
	assert_int_equal(
	    refusal(&requests, OR_SLICE_LIT("GET / HTTP/1.1\r\nHo\0st: a\r\n\r\n")), OR_HTTP_NUL);
	assert_int_equal(
	    refusal(&requests, OR_SLICE_LIT("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n")), OR_HTTP_NUL);
}

static const struct {
	const char *in;
	enum or_http_reason reason;
} refused_responses[] = {
    {"HTTP/1.1 20 OK\r\n\r\n", OR_HTTP_STATUS_CODE},
    {"HTTP/1.1 2000 OK\r\n\r\n", OR_HTTP_STATUS_CODE},
    {"HTTP/1.1 099 OK\r\n\r\n", OR_HTTP_STATUS_CODE},
    {"HTTP/1.1 600 OK\r\n\r\n", OR_HTTP_STATUS_CODE},
    {"HTTP/1.1  200 OK\r\n\r\n", OR_HTTP_STATUS_CODE},
    {"HTTP/1.1\t200 OK\r\n\r\n", OR_HTTP_PROTOCOL},
    {"HTTP/1.2 200 OK\r\n\r\n", OR_HTTP_VERSION},
    {"HTTP/1.1 200 O\x01K\r\n\r\n", OR_HTTP_FIELD_VALUE},
    {"HTTP/1.1 200 OK\n\r\n", OR_HTTP_BARE_LF},
    {"ICY 200 OK\r\n\r\n", OR_HTTP_PROTOCOL},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", OR_HTTP_LENGTH_TWICE},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
	OR_HTTP_LENGTH_AND_CODING},
    {"HTTP/1.1 304 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
	OR_HTTP_LENGTH_AND_CODING},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", OR_HTTP_CODING},
    {"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", OR_HTTP_FOLD},
    {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nxy", OR_HTTP_AFTER_CLOSE},
};

static void feed__refuses_malformed_responses(void **state)
{
	(void)state;
	for (size_t i = 0; i < OR_LEN(refused_responses); i++) {
		enum or_http_reason reason =
		    refusal(&responses, or_slice_str(refused_responses[i].in));

		if (reason != refused_responses[i].reason)
			fail_msg(
			    "%s: %s", refused_responses[i].in, or_http_msg_reason_name(reason));
	}
}

static const struct {
	enum or_http_parse_kind kind;
	const char *in;
	const char *log;
} accepted[] = {
    {0, "GET /a?b=c HTTP/1.1\r\n" H "X:  y z \t\r\nEmpty:\r\n\r\n", "GET/a|Host=a|X=y z|Empty=|."},
    {0, "\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n\r\nGET /2 HTTP/1.1\r\n" H "\r\n",
	"GET/|Host=a|.GET/2|Host=a|."},
    {0, "OPTIONS * HTTP/1.1\r\n" H "\r\n", "OPTIONS*|Host=a|."},
    {0, "GET http://A:1/x HTTP/1.1\r\nHost: a:1\r\n\r\n", "GET/x|Host=a:1|."},
    {0, "GET HTTP://a?q HTTP/1.1\r\n" H "\r\n", "GET/|Host=a|."},
    {0, "GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", "GET/|Host=[2001:db8::1]:80|."},
    {0, "GET / HTTP/1.0\r\n\r\n", "GET/|."},
    {0, "POST / HTTP/1.1\r\n" H "content-length: 003\r\n\r\nabcPUT /2 HTTP/1.1\r\n" H "\r\n",
	"POST/|Host=a|content-length=003|abc.PUT/2|Host=a|."},
    {0,
	"POST / HTTP/1.1\r\n" H
	"Transfer-Encoding:\tCHUNKED\r\n\r\n2\r\nab\r\n0a\r\n0123456789\r\n000\r\n\r\n",
	"POST/|Host=a|Transfer-Encoding=CHUNKED|ab0123456789."},
    {0,
	"POST / HTTP/1.1\r\n" H
	"Transfer-Encoding: chunked\r\n\r\n1;a;b=c;d=\"e;\\\"\xff\";f\r\nx\r\n0;z\r\nT: 1\r\nU: "
	"2\r\n\r\n",
	"POST/|Host=a|Transfer-Encoding=chunked|x+T+U."},
    {1, "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok\r\nHTTP/1.1 204 \r\n\r\n",
	"|Content-Length=2|ok.|."},
    {1,
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\nConnection: close\r\n\r\nHTTP/1.1 404 N "
	"F\r\n\r\nrest",
	"|.|Connection=close|.|rest"},
    {1,
	"HTTP/1.1 304 N\r\nContent-Length: 9\r\n\r\nHTTP/1.1 304 N\r\nTransfer-Encoding: "
	"chunked\r\n\r\n",
	"|Content-Length=9|.|Transfer-Encoding=chunked|."},
};

static void feed__reads_messages_however_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < OR_LEN(accepted); i++) {
		const struct or_http_parse_opt *opt = accepted[i].kind ? &responses : &requests;

		for (size_t piece = 1; piece < 200; piece++) {
			struct outcome o = parse(opt, or_slice_str(accepted[i].in), piece);

			if (o.last == OR_HTTP_PARSE_REFUSED)
				fail_msg("%s: %s", accepted[i].in,
				    or_http_msg_reason_name(or_http_parse_reason(o.p)));
			assert_string_equal(o.log, accepted[i].log);
			or_http_parse_free(o.p);
		}
	}
}

static void feed__meets_limits_at_one_byte(void **state)
{
	struct or_http_parse_opt small = requests;
	char head[400];

	(void)state;
	/* Every limit is met at the same byte for every cut. */
	small.max_head = 200;
	small.max_target = 20;
	small.max_fields = 3;
	small.max_body = 10;
	assert_int_equal(refusal(&small, OR_SLICE_LIT("GET /23456789012345678901 HTTP/1.1\r\n")),
	    OR_HTTP_TARGET_LONG);
	assert_int_equal(
	    refusal(&small, OR_SLICE_LIT("GET / HTTP/1.1\r\n" H "A: 1\r\nB: 1\r\nC: 1\r\n\r\n")),
	    OR_HTTP_FIELD_COUNT);
	snprintf(head, sizeof(head), "GET / HTTP/1.1\r\n" H "A: %0200d\r\n\r\n", 1);
	assert_int_equal(refusal(&small, or_slice_str(head)), OR_HTTP_HEAD_LARGE);
	assert_int_equal(
	    refusal(&small, OR_SLICE_LIT("PUT / HTTP/1.1\r\n" H "Content-Length: 11\r\n\r\n")),
	    OR_HTTP_BODY_LARGE);
	assert_int_equal(
	    refusal(&small, OR_SLICE_LIT("PUT / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
					 "6\r\nabcdef\r\n5\r\nabcde\r\n")),
	    OR_HTTP_BODY_LARGE);
	assert_int_equal(
	    refusal(&small, OR_SLICE_LIT("PUT / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
					 "5\r\nabcde\r\n5\r\nabcde\r\n0\r\n\r\n")),
	    OR_HTTP_FINE);
	small.kind = OR_HTTP_PARSE_RESPONSES;
	assert_int_equal(refusal(&small, OR_SLICE_LIT("HTTP/1.1 200 OK\r\n\r\n01234567890")),
	    OR_HTTP_BODY_LARGE);
}

static void feed__bounds_default_head_and_extensions(void **state)
{
	struct or_buf b;

	(void)state;
	or_buf_init(&b, 4 * OR_MIB);
	or_buf_put_str(&b, "GET / HTTP/1.1\r\n" H);
	for (int i = 0; i < 100; i++)
		or_buf_put_str(&b, "A: b\r\n");
	assert_int_equal(refusal(&requests, or_buf_slice(&b)), OR_HTTP_FIELD_COUNT);
	or_buf_clear(&b);
	or_buf_put_str(&b, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 5000; i++)
		or_buf_put_str(&b, "1;abcdefg=hijklmn\r\nx\r\n");
	assert_int_equal(refusal(&requests, or_buf_slice(&b)), OR_HTTP_CHUNK_EXTENSION);
	or_buf_done(&b);
}

static void feed__knows_what_ends_the_connection(void **state)
{
	static const struct {
		const char *in;
		bool keep;
	} cases[] = {
	    {"GET / HTTP/1.1\r\n" H "\r\n", true},
	    {"GET / HTTP/1.1\r\n" H "Connection: x, CLOSE\r\n\r\n", false},
	    {"GET / HTTP/1.1\r\n" H "Connection: x\r\nConnection: close\r\n\r\n", false},
	    {"GET / HTTP/1.0\r\n" H "\r\n", false},
	    {"GET / HTTP/1.0\r\n" H "Connection: Keep-Alive\r\n\r\n", true},
	    {"GET / HTTP/1.0\r\n" H "Connection: keep-alive, close\r\n\r\n", false},
	};

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		struct or_http_parse *p = or_http_parse_new(&requests);
		struct or_slice body;
		size_t used;

		assert_int_equal(or_http_parse_feed(p, or_slice_str(cases[i].in), &used, &body),
		    OR_HTTP_PARSE_HEAD);
		assert_int_equal(or_http_parse_msg(p)->keep_alive, cases[i].keep);
		or_http_parse_free(p);
	}
}

static void feed__reads_expectation_and_upgrade(void **state)
{
	struct or_http_parse *p = or_http_parse_new(&requests);
	struct or_slice body;
	size_t used;

	(void)state;
	assert_int_equal(
	    or_http_parse_feed(p,
		OR_SLICE_LIT(
		    "PUT /x?y HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 1\r\n"
		    "Connection: upgrade, te\r\nUpgrade: ws\r\nTE: trailers\r\nX: 1\r\n\r\n"),
		&used, &body),
	    OR_HTTP_PARSE_HEAD);
	assert_true(or_http_parse_msg(p)->expect_continue);
	assert_true(or_http_parse_msg(p)->upgrade);
	ASSERT_SLICE(or_http_parse_msg(p)->query, "y");
	ASSERT_SLICE(or_http_msg_get(or_http_parse_msg(p), "uPGRADE"), "ws");
	for (size_t i = 0; i < or_http_parse_msg(p)->n_fields; i++) {
		const struct or_http_field *f = &or_http_parse_msg(p)->fields[i];

		assert_int_equal(or_http_msg_is_hop(or_http_parse_msg(p), f),
		    !or_slice_is(f->name, "Host") && !or_slice_is(f->name, "X"));
	}
	or_http_parse_free(p);
}

static void feed__skips_the_body_of_an_answer_to_head(void **state)
{
	struct outcome o = {.p = or_http_parse_new(&responses)};

	(void)state;
	or_http_parse_expect_head(o.p);
	feed(
	    &o, OR_SLICE_LIT("HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"));
	feed(&o, OR_SLICE_LIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
	assert_string_equal(o.log, "|.|Content-Length=5|.|Content-Length=5|hello.");
	or_http_parse_free(o.p);
}

static void eof__completes_or_truncates(void **state)
{
	static const struct {
		enum or_http_parse_kind kind;
		const char *in;
		enum or_http_parse_event event;
	} cases[] = {
	    {1, "HTTP/1.1 200 OK\r\n\r\nbody", OR_HTTP_PARSE_END},
	    {1, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbody", OR_HTTP_PARSE_REFUSED},
	    {1, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
		OR_HTTP_PARSE_REFUSED},
	    {1, "HTTP/1.1 200 OK\r\n", OR_HTTP_PARSE_REFUSED},
	    {0, "GET / HTTP/1.1\r\n" H "\r\n", OR_HTTP_PARSE_MORE},
	    {0, "G", OR_HTTP_PARSE_REFUSED},
	    {0, "PUT / HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nx", OR_HTTP_PARSE_REFUSED},
	};

	(void)state;
	for (size_t i = 0; i < OR_LEN(cases); i++) {
		struct outcome o =
		    parse(cases[i].kind ? &responses : &requests, or_slice_str(cases[i].in), 7);

		assert_int_equal(or_http_parse_eof(o.p), cases[i].event);
		if (cases[i].event == OR_HTTP_PARSE_REFUSED)
			assert_int_equal(or_http_parse_reason(o.p), OR_HTTP_TRUNCATED);
		or_http_parse_free(o.p);
	}
}

static void chars__are_those_of_the_grammars(void **state)
{
	(void)state;
	for (unsigned int c = 0; c < 256; c++) {
		bool alnum =
		    c < 128 && ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z'));
		bool unreserved = alnum || (c && c < 128 && strchr("-._~", (int)c));
		bool sub = c && c < 128 && strchr("!$&'()*+,;=", (int)c);
		unsigned int want = 0;

		want |= alnum || (c && c < 128 && strchr("!#$%&'*+-.^_`|~", (int)c)) ? 1 : 0;
		want |= c == '\t' || (c >= 32 && c != 127) ? 2 : 0;
		want |= c > 32 && c < 127 && c != '#' ? 4 : 0;
		want |= unreserved || sub || c == ':' || c == '@' ? 8 : 0;
		want |= unreserved ? 16 : 0;
		want |= unreserved || sub ? 32 : 0;
		assert_int_equal(or_http_chars_table[c], want);
	}
}

static void chars__values_are_spanned_as_the_table_says(void **state)
{
	uint8_t text[40];

	(void)state;
	for (size_t at = 0; at < sizeof(text); at++) {
		for (unsigned int byte = 0; byte < 256; byte++) {
			memset(text, 'a', sizeof(text));
			text[at] = (uint8_t)byte;
			text[at / 2] = 0xe9;
			assert_int_equal(or_http_chars_value_span(or_slice(text, sizeof(text))),
			    or_http_chars_span(or_slice(text, sizeof(text)), OR_HTTP_CHARS_VALUE));
		}
	}
	assert_int_equal(or_http_chars_value_span(OR_SLICE_NONE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(feed__refuses_malformed_requests),
	    cmocka_unit_test(feed__refuses_nul_anywhere),
	    cmocka_unit_test(feed__refuses_malformed_responses),
	    cmocka_unit_test(feed__reads_messages_however_cut),
	    cmocka_unit_test(feed__meets_limits_at_one_byte),
	    cmocka_unit_test(feed__bounds_default_head_and_extensions),
	    cmocka_unit_test(feed__knows_what_ends_the_connection),
	    cmocka_unit_test(feed__reads_expectation_and_upgrade),
	    cmocka_unit_test(feed__skips_the_body_of_an_answer_to_head),
	    cmocka_unit_test(eof__completes_or_truncates),
	    cmocka_unit_test(chars__are_those_of_the_grammars),
	    cmocka_unit_test(chars__values_are_spanned_as_the_table_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
