/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP message as parsed (RFC 9110, RFC 9112), and why one is refused.
 *
 * A message borrows every byte from the parser that read it, until that parser goes on to the next
 * message. Names of fields compare without case (RFC 9110 §5.1). Pure; any thread.
 */
#ifndef BASE_HTTP_MSG_H
#define BASE_HTTP_MSG_H

#include "base/def.h"

/* Refusals of the parser, each with a status to answer; the names are in or_http_msg_reason_name.
 */
enum or_http_reason {
	OR_HTTP_FINE = 0,
	OR_HTTP_BARE_LF,
	OR_HTTP_BARE_CR,
	OR_HTTP_NUL,
	OR_HTTP_METHOD,  /* no token, or longer than OR_HTTP_METHOD_MAX */
	OR_HTTP_CONNECT, /* a tunnel, which nobody here offers */
	OR_HTTP_TARGET,  /* a byte that no request-target may have, or a form that is not known */
	OR_HTTP_TARGET_LONG, /* longer than the limit */
	OR_HTTP_PROTOCOL,    /* not "HTTP/" digit "." digit */
	OR_HTTP_VERSION,     /* neither 1.0 nor 1.1 */
	OR_HTTP_STATUS_CODE,
	OR_HTTP_FIELD_NAME, /* empty, or a byte that no token has (a blank before the colon) */
	OR_HTTP_FIELD_VALUE,
	OR_HTTP_FOLD,       /* a field line that starts with a blank (obs-fold) */
	OR_HTTP_HEAD_LARGE, /* more bytes, or more fields, than the limits allow */
	OR_HTTP_FIELD_COUNT,
	OR_HTTP_HOST_ABSENT,
	OR_HTTP_HOST_TWICE,
	OR_HTTP_HOST,          /* not host[:port] */
	OR_HTTP_HOST_MISMATCH, /* differs from the absolute-form's authority */
	OR_HTTP_LENGTH,        /* Content-Length is not 1*DIGIT, or too large a number */
	OR_HTTP_LENGTH_TWICE,
	OR_HTTP_LENGTH_AND_CODING,
	OR_HTTP_CODING, /* Transfer-Encoding does not end in one "chunked", or HTTP/1.0 has it */
	OR_HTTP_CODING_UNKNOWN, /* codings other than chunked */
	OR_HTTP_CHUNK_SIZE,
	OR_HTTP_CHUNK_EXTENSION, /* malformed, or more of them than the limit */
	OR_HTTP_CHUNK_END,       /* no CRLF behind the data of a chunk */
	OR_HTTP_TRAILER,         /* a trailer that would change framing or routing */
	OR_HTTP_BODY_LARGE,
	OR_HTTP_EXPECT,      /* an expectation other than 100-continue */
	OR_HTTP_AFTER_CLOSE, /* bytes behind the last message of a connection */
	OR_HTTP_TRUNCATED,   /* the connection ended inside a message */
	OR_HTTP_N_REASONS,
};

#define OR_HTTP_METHOD_MAX 24

enum or_http_form { OR_HTTP_ORIGIN, OR_HTTP_ABSOLUTE, OR_HTTP_ASTERISK };

struct or_http_field {
	struct or_slice name;
	struct or_slice value; /* without blanks around it */
};

struct or_http_msg {
	/* A request. */
	struct or_slice method;
	struct or_slice target;
	enum or_http_form form;
	struct or_slice
	    path; /* of the target, raw, without the query; "/" where absolute-form has none */
	struct or_slice query; /* behind the '?'; p == NULL where there is none */
	struct or_slice
	    host; /* from the target where absolute, else from Host; may be empty (1.0) */

	/* A response. */
	unsigned int status;
	struct or_slice phrase;

	unsigned int minor; /* HTTP/1.minor */
	const struct or_http_field *fields;
	size_t n_fields;
	const struct or_http_field *trailers; /* once the message is complete */
	size_t n_trailers;

	bool keep_alive;      /* the connection may carry another message after this one */
	bool expect_continue; /* the client waits for 100 (RFC 9110 §10.1.1) */
	bool upgrade;         /* Upgrade, named by Connection */
	bool chunked;
	bool until_close;  /* a response's body that the end of the connection ends */
	bool has_length;   /* Content-Length was there */
	uint64_t length;   /* its value */
	bool is_bodyless;  /* nothing follows the head, whatever its fields say */
	size_t head_bytes; /* bytes of the head as received */
};

/* "bare_lf", "host_twice": for records and metrics. */
const char *or_http_msg_reason_name(enum or_http_reason reason);
/* 400, 413, 414, 417, 431, 501 or 505. */
unsigned int or_http_msg_reason_status(enum or_http_reason reason);
/* The registered phrase of a status code, "" where there is none. */
const char *or_http_msg_phrase(unsigned int status);

/* The first field of that name; NULL where absent. */
const struct or_http_field *or_http_msg_find(const struct or_http_msg *msg, const char *name);
/* Its value; p == NULL where absent. */
struct or_slice or_http_msg_get(const struct or_http_msg *msg, const char *name);

/* Walks a comma-separated list of tokens (RFC 9110 §5.6.1): *at starts at 0; false at its end. */
bool or_http_msg_next_token(struct or_slice *token, struct or_slice list, size_t *at);
/* True where some field of that name lists the token, without case. */
bool or_http_msg_lists(const struct or_http_msg *msg, const char *name, const char *token);

/*
 * True for what concerns one connection only and is not passed on (RFC 9110 §7.6.1): the fields
 * that Connection names, and those that every proxy drops. Framing fields are among them: who
 * forwards a message frames it anew.
 */
bool or_http_msg_is_hop(const struct or_http_msg *msg, const struct or_http_field *field);

/* True for 1*tchar (RFC 9110 §5.6.2), and for a field value without controls but tabs. */
bool or_http_msg_is_token(struct or_slice s);
bool or_http_msg_is_value(struct or_slice s);

#endif
