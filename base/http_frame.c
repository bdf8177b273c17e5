/* SPDX-License-Identifier: Apache-2.0 */
#include "base/http_frame.h"

#include "base/http_chars.h"
#include "base/str.h"

/* The fields that this file reads, found in one pass over the head. */
struct known {
	const struct or_http_field *length, *coding, *host, *expect, *upgrade;
	bool close, keep, names_upgrade;
	enum or_http_reason reason;
};

static bool is(struct or_slice name, const char *text)
{
	return or_str_eq_nocase(name, or_slice_str(text));
}

static void read_connection(struct known *k, struct or_slice value)
{
	struct or_slice token;
	size_t at = 0;

	while (or_http_msg_next_token(&token, value, &at)) {
		k->close |= is(token, "close");
		k->keep |= is(token, "keep-alive");
		k->names_upgrade |= is(token, "upgrade");
	}
}

static void once(struct known *k, const struct or_http_field **slot,
    const struct or_http_field *field, enum or_http_reason twice)
{
	if (*slot && !k->reason)
		k->reason = twice;
	*slot = field;
}

/* By length first: most names of a message are none of these. */
static void read_field(struct known *k, const struct or_http_field *f)
{
	switch (f->name.n) {
	case 4:
		if (is(f->name, "host"))
			once(k, &k->host, f, OR_HTTP_HOST_TWICE);
		break;
	case 6:
		if (is(f->name, "expect"))
			once(k, &k->expect, f, OR_HTTP_EXPECT);
		break;
	case 7:
		if (is(f->name, "upgrade"))
			k->upgrade = f;
		break;
	case 10:
		if (is(f->name, "connection"))
			read_connection(k, f->value);
		break;
	case 14:
		if (is(f->name, "content-length"))
			once(k, &k->length, f, OR_HTTP_LENGTH_TWICE);
		break;
	case 17:
		if (is(f->name, "transfer-encoding"))
			once(k, &k->coding, f, OR_HTTP_CODING);
		break;
	default: break;
	}
}

/* RFC 9112 §6.1: a list that does not end in chunked has no end that two readers agree on. */
static enum or_http_reason read_coding(const struct or_http_msg *msg, struct or_slice value)
{
	struct or_slice token = OR_SLICE_NONE, next;
	size_t at = 0, n = 0, n_chunked = 0;

	if (msg->minor == 0)
		return OR_HTTP_CODING;
	if (is(value, "chunked"))
		return OR_HTTP_FINE;
	while (or_http_msg_next_token(&next, value, &at)) {
		token = next;
		n++;
		n_chunked += is(token, "chunked");
	}
	return n > 1 && n_chunked == 1 && is(token, "chunked") ? OR_HTTP_CODING_UNKNOWN
							       : OR_HTTP_CODING;
}

static enum or_http_reason read_length(
    struct or_http_msg *msg, const struct or_http_field *field, uint64_t max_body)
{
	/* The largest value leaves room for arithmetic in signed 64 bits. */
	if (or_str_u64(&msg->length, field->value) || msg->length > INT64_MAX)
		return OR_HTTP_LENGTH;
	msg->has_length = true;
	return max_body && msg->length > max_body && !msg->is_bodyless ? OR_HTTP_BODY_LARGE
								       : OR_HTTP_FINE;
}

static enum or_http_reason read_framing(
    struct or_http_msg *msg, struct known *k, const struct or_http_frame_opt *opt)
{
	enum or_http_reason reason = OR_HTTP_FINE;

	for (size_t i = 0; i < msg->n_fields; i++)
		read_field(k, &msg->fields[i]);
	msg->keep_alive = !k->close && (msg->minor == 1 || k->keep);
	msg->upgrade = k->names_upgrade && k->upgrade && msg->minor == 1;
	if (k->length && k->coding)
		return OR_HTTP_LENGTH_AND_CODING;
	if (k->reason)
		return k->reason;
	if (k->coding) {
		msg->chunked = true;
		reason = read_coding(msg, k->coding->value);
	} else if (k->length) {
		reason = read_length(msg, k->length, opt->max_body);
	}
	return reason;
}

static bool is_port(struct or_slice s)
{
	uint64_t port;

	/* "host:" with an empty port is allowed by RFC 3986 §3.2.3, and read differently by many.
	 */
	return s.n <= 5 && or_str_u64(&port, s) == OR_OK && port <= 65535;
}

static bool is_ip_literal(struct or_slice s)
{
	for (size_t i = 1; i + 1 < s.n; i++) {
		if (or_http_chars_hex(s.p[i]) < 0 && s.p[i] != ':' && s.p[i] != '.')
			return false;
	}
	return s.n > 3;
}

/* uri-host [ ":" port ], without percent-encoding: a name that needs it is no name of ours. */
static bool is_host(struct or_slice s)
{
	size_t end;

	if (s.n && s.p[0] == '[') {
		end = or_str_find(s, ']', 0);
		if (end == s.n || !is_ip_literal(or_slice(s.p, end + 1)))
			return false;
		end++;
	} else {
		end = or_http_chars_span(s, OR_HTTP_CHARS_HOST);
	}
	if (end == 0)
		return false;
	return end == s.n || (s.p[end] == ':' && is_port(or_slice_from(s, end + 1)));
}

/* "http://host[:port][/path][?query]"; *rest is what follows the authority. */
static bool split_absolute(struct or_slice target, struct or_slice *host, struct or_slice *rest)
{
	size_t start, end;

	if (target.n > 7 && or_str_eq_nocase(or_slice(target.p, 7), OR_SLICE_LIT("http://")))
		start = 7;
	else if (target.n > 8 && or_str_eq_nocase(or_slice(target.p, 8), OR_SLICE_LIT("https://")))
		start = 8;
	else
		return false;
	for (end = start; end < target.n && target.p[end] != '/' && target.p[end] != '?'; end++)
		continue;
	*host = or_slice(target.p + start, end - start);
	*rest = or_slice_from(target, end);
	return true;
}

static void split_query(struct or_http_msg *msg, struct or_slice rest)
{
	size_t mark = or_str_find(rest, '?', 0);

	msg->path = or_slice(rest.p, mark);
	msg->query = mark < rest.n ? or_slice_from(rest, mark + 1) : OR_SLICE_NONE;
	if (msg->path.n == 0)
		msg->path = OR_SLICE_LIT("/");
}

static enum or_http_reason read_target(struct or_http_msg *msg)
{
	struct or_slice rest;

	if (or_slice_is(msg->method, "CONNECT"))
		return OR_HTTP_CONNECT;
	/* The preface of HTTP/2 looks like a request of a version that is not spoken here. */
	if (or_slice_is(msg->method, "PRI"))
		return OR_HTTP_VERSION;
	if (msg->target.p[0] == '/') {
		msg->form = OR_HTTP_ORIGIN;
		split_query(msg, msg->target);
		return OR_HTTP_FINE;
	}
	if (or_slice_is(msg->target, "*")) {
		msg->form = OR_HTTP_ASTERISK;
		msg->path = msg->target;
		return or_slice_is(msg->method, "OPTIONS") ? OR_HTTP_FINE : OR_HTTP_TARGET;
	}
	if (!split_absolute(msg->target, &msg->host, &rest))
		return OR_HTTP_TARGET;
	if (!is_host(msg->host))
		return OR_HTTP_HOST;
	msg->form = OR_HTTP_ABSOLUTE;
	split_query(msg, rest);
	return OR_HTTP_FINE;
}

static enum or_http_reason read_host(
    struct or_http_msg *msg, const struct or_http_field *host, const struct or_http_frame_opt *opt)
{
	if (!host)
		return msg->minor == 0 || opt->host_optional ? OR_HTTP_FINE : OR_HTTP_HOST_ABSENT;
	if (!is_host(host->value))
		return OR_HTTP_HOST;
	if (msg->form == OR_HTTP_ABSOLUTE && !or_str_eq_nocase(msg->host, host->value))
		return OR_HTTP_HOST_MISMATCH;
	msg->host = host->value;
	return OR_HTTP_FINE;
}

enum or_http_reason or_http_frame_request(
    struct or_http_msg *msg, const struct or_http_frame_opt *opt)
{
	struct known k = {0};
	enum or_http_reason reason = read_target(msg);

	if (reason)
		return reason;
	reason = read_framing(msg, &k, opt);
	if (reason)
		return reason;
	reason = read_host(msg, k.host, opt);
	if (reason)
		return reason;
	msg->is_bodyless = !msg->chunked && msg->length == 0;
	if (k.expect) {
		if (!is(k.expect->value, "100-continue"))
			return OR_HTTP_EXPECT;
		msg->expect_continue = msg->minor == 1 && !msg->is_bodyless;
	}
	return OR_HTTP_FINE;
}

enum or_http_reason or_http_frame_response(
    struct or_http_msg *msg, const struct or_http_frame_opt *opt)
{
	struct known k = {0};
	enum or_http_reason reason;

	msg->is_bodyless =
	    opt->answers_head || msg->status < 200 || msg->status == 204 || msg->status == 304;
	reason = read_framing(msg, &k, opt);
	if (reason)
		return reason;
	if (msg->is_bodyless)
		return OR_HTTP_FINE;
	if (!msg->chunked && !msg->has_length) {
		msg->until_close = true;
		msg->keep_alive = false;
	}
	msg->is_bodyless = !msg->chunked && msg->has_length && msg->length == 0;
	return OR_HTTP_FINE;
}

enum or_http_reason or_http_frame_trailers(const struct or_http_msg *msg)
{
	static const char *const refused[] = {"transfer-encoding", "content-length", "host",
	    "connection", "authorization", "cookie", "expect", "te", "trailer", "upgrade",
	    "content-encoding", "content-type", "content-range"};

	for (size_t i = 0; i < msg->n_trailers; i++) {
		for (size_t k = 0; k < OR_LEN(refused); k++) {
			if (is(msg->trailers[i].name, refused[k]))
				return OR_HTTP_TRAILER;
		}
	}
	return OR_HTTP_FINE;
}
