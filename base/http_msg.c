/* SPDX-License-Identifier: Apache-2.0 */
#include "base/http_msg.h"

#include "base/http_chars.h"
#include "base/str.h"

static const struct {
	const char *name;
	unsigned int status;
} reasons[OR_HTTP_N_REASONS] = {
    [OR_HTTP_FINE] = {"fine", 200},
    [OR_HTTP_BARE_LF] = {"bare_lf", 400},
    [OR_HTTP_BARE_CR] = {"bare_cr", 400},
    [OR_HTTP_NUL] = {"nul", 400},
    [OR_HTTP_METHOD] = {"method", 400},
    [OR_HTTP_CONNECT] = {"connect", 501},
    [OR_HTTP_TARGET] = {"target", 400},
    [OR_HTTP_TARGET_LONG] = {"target_long", 414},
    [OR_HTTP_PROTOCOL] = {"protocol", 400},
    [OR_HTTP_VERSION] = {"version", 505},
    [OR_HTTP_STATUS_CODE] = {"status_code", 400},
    [OR_HTTP_FIELD_NAME] = {"field_name", 400},
    [OR_HTTP_FIELD_VALUE] = {"field_value", 400},
    [OR_HTTP_FOLD] = {"fold", 400},
    [OR_HTTP_HEAD_LARGE] = {"head_large", 431},
    [OR_HTTP_FIELD_COUNT] = {"field_count", 431},
    [OR_HTTP_HOST_ABSENT] = {"host_absent", 400},
    [OR_HTTP_HOST_TWICE] = {"host_twice", 400},
    [OR_HTTP_HOST] = {"host", 400},
    [OR_HTTP_HOST_MISMATCH] = {"host_mismatch", 400},
    [OR_HTTP_LENGTH] = {"length", 400},
    [OR_HTTP_LENGTH_TWICE] = {"length_twice", 400},
    [OR_HTTP_LENGTH_AND_CODING] = {"length_and_coding", 400},
    [OR_HTTP_CODING] = {"coding", 400},
    [OR_HTTP_CODING_UNKNOWN] = {"coding_unknown", 501},
    [OR_HTTP_CHUNK_SIZE] = {"chunk_size", 400},
    [OR_HTTP_CHUNK_EXTENSION] = {"chunk_extension", 400},
    [OR_HTTP_CHUNK_END] = {"chunk_end", 400},
    [OR_HTTP_TRAILER] = {"trailer", 400},
    [OR_HTTP_BODY_LARGE] = {"body_large", 413},
    [OR_HTTP_EXPECT] = {"expect", 417},
    [OR_HTTP_AFTER_CLOSE] = {"after_close", 400},
    [OR_HTTP_TRUNCATED] = {"truncated", 400},
};

static const struct {
	unsigned int status;
	const char *phrase;
} phrases[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

/* Connection is among them by RFC 9110; the others by RFC 9110 §7.6.1 and long custom. */
static const char *const hops[] = {"connection", "keep-alive", "proxy-connection",
    "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade",
    "content-length", "expect"};

const char *or_http_msg_reason_name(enum or_http_reason reason)
{
	OR_ASSERT(reason < OR_HTTP_N_REASONS);
	return reasons[reason].name;
}

unsigned int or_http_msg_reason_status(enum or_http_reason reason)
{
	OR_ASSERT(reason < OR_HTTP_N_REASONS);
	return reasons[reason].status;
}

const char *or_http_msg_phrase(unsigned int status)
{
	for (size_t i = 0; i < OR_LEN(phrases); i++) {
		if (phrases[i].status == status)
			return phrases[i].phrase;
	}
	return "";
}

const struct or_http_field *or_http_msg_find(const struct or_http_msg *msg, const char *name)
{
	struct or_slice wanted = or_slice_str(name);

	for (size_t i = 0; i < msg->n_fields; i++) {
		if (or_str_eq_nocase(msg->fields[i].name, wanted))
			return &msg->fields[i];
	}
	return NULL;
}

struct or_slice or_http_msg_get(const struct or_http_msg *msg, const char *name)
{
	const struct or_http_field *field = or_http_msg_find(msg, name);

	return field ? field->value : OR_SLICE_NONE;
}

bool or_http_msg_next_token(struct or_slice *token, struct or_slice list, size_t *at)
{
	while (*at < list.n) {
		size_t end = or_str_find(list, ',', *at);
		struct or_slice item = or_str_trim(or_slice(list.p + *at, end - *at));

		*at = end < list.n ? end + 1 : end;
		if (item.n) {
			*token = item;
			return true;
		}
	}
	return false;
}

static bool lists(struct or_slice list, struct or_slice wanted)
{
	struct or_slice token;
	size_t at = 0;

	while (or_http_msg_next_token(&token, list, &at)) {
		if (or_str_eq_nocase(token, wanted))
			return true;
	}
	return false;
}

bool or_http_msg_lists(const struct or_http_msg *msg, const char *name, const char *token)
{
	struct or_slice wanted_name = or_slice_str(name), wanted = or_slice_str(token);

	for (size_t i = 0; i < msg->n_fields; i++) {
		if (or_str_eq_nocase(msg->fields[i].name, wanted_name) &&
		    lists(msg->fields[i].value, wanted))
			return true;
	}
	return false;
}

bool or_http_msg_is_hop(const struct or_http_msg *msg, const struct or_http_field *field)
{
	for (size_t i = 0; i < OR_LEN(hops); i++) {
		if (or_str_eq_nocase(field->name, or_slice_str(hops[i])))
			return true;
	}
	for (size_t i = 0; i < msg->n_fields; i++) {
		if (or_str_eq_nocase(msg->fields[i].name, OR_SLICE_LIT("connection")) &&
		    lists(msg->fields[i].value, field->name))
			return true;
	}
	return false;
}

bool or_http_msg_is_token(struct or_slice s)
{
	return s.n > 0 && or_http_chars_span(s, OR_HTTP_CHARS_TOKEN) == s.n;
}

bool or_http_msg_is_value(struct or_slice s)
{
	return or_http_chars_value_span(s) == s.n;
}
