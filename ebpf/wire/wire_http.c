/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 as far as S3 needs it (RFC 9112; Amazon S3's REST API): whose object a request gets,
 * puts or deletes, once it was answered with 2xx. Any endpoint will do: a request is S3's where it
 * is signed for it (AWS4, or a presigned URL), or its host is called so.
 *
 * A message is a head, or a chunk's line, or a body that is passed over.
 */
#include "base/str.h"
#include "ebpf/wire/wire_impl.h"

#include <stdio.h>
#include <string.h>

enum state { HEAD, BODY, CHUNK, CHUNK_DATA, TRAILER };
enum { OTHER, NO_BODY = 0x100 }; /* kinds of what is pending: a flag where HEAD was asked for */

#define FACTS_MAX (TAP_WIRE_NAMESPACE + TAP_WIRE_NAME)
#define BODY_MAX  (1ULL << 40)

static bool begins(const struct tap_wire *w, bool from_client, struct or_slice s)
{
	static const char *const methods[] = {
	    "GET /", "PUT /", "POST /", "HEAD /", "DELETE /", "OPTIONS ", "PATCH /"};

	(void)w;
	if (!from_client)
		return or_str_has_prefix(s, "HTTP/1.");
	for (size_t i = 0; i < OR_LEN(methods); i++) {
		size_t n = strlen(methods[i]) < s.n ? strlen(methods[i]) : s.n;

		if (n && memcmp(s.p, methods[i], n) == 0)
			return true;
	}
	return false;
}

static size_t head(const struct tap_wire *w, bool from_client)
{
	(void)w;
	(void)from_client;
	return 1;
}

static bool ends_with(struct or_slice s, const char *end)
{
	size_t n = strlen(end);

	return s.n >= n && memcmp(s.p + s.n - n, end, n) == 0;
}

static uint64_t length(struct tap_wire *w, bool from_client, struct or_slice s)
{
	switch ((enum state)w->http.state[from_client]) {
	case BODY:
	case CHUNK_DATA: return w->http.chunk[from_client];
	case CHUNK:
	case TRAILER: return ends_with(s, "\r\n") ? s.n : UINT64_MAX;
	case HEAD: break;
	}
	if (s.n >= 16 && !begins(w, from_client, s))
		return 0;
	return ends_with(s, "\r\n\r\n") ? s.n : UINT64_MAX;
}

/* ---- heads */

/* The next line without its end; empty at the end. */
static struct or_slice take_line(struct or_slice *s)
{
	size_t n = or_str_find(*s, '\r', 0);
	struct or_slice line = or_slice(s->p, n);

	*s = or_slice_from(*s, n + 2 <= s->n ? n + 2 : s->n);
	return line;
}

static struct or_slice find_field(struct or_slice fields, const char *name)
{
	struct or_slice line;

	while ((line = take_line(&fields)).n) {
		size_t colon = or_str_find(line, ':', 0);

		if (colon < line.n && or_str_eq_nocase(or_slice(line.p, colon), or_slice_str(name)))
			return or_str_trim(or_slice_from(line, colon + 1));
	}
	return OR_SLICE_NONE;
}

static void set_body(struct tap_wire *w, bool from_client, struct or_slice fields, bool none)
{
	struct or_slice length = find_field(fields, "content-length");
	uint64_t n = 0;

	w->http.state[from_client] = HEAD;
	if (none)
		return;
	if (find_field(fields, "transfer-encoding").n) {
		w->http.state[from_client] = CHUNK;
		return;
	}
	for (size_t i = 0; i < length.n && n < BODY_MAX; i++)
		n = length.p[i] >= '0' && length.p[i] <= '9' ? n * 10 + (length.p[i] - '0')
							     : BODY_MAX;
	if (n >= BODY_MAX) {
		w->useless = true;
		return;
	}
	w->http.chunk[from_client] = n;
	if (n)
		w->http.state[from_client] = BODY;
}

/* ---- S3 */

static bool is_s3(struct or_slice target, struct or_slice fields, struct or_slice host)
{
	struct or_slice auth = find_field(fields, "authorization");

	return or_str_has_prefix(auth, "AWS4-") || find_field(fields, "x-amz-date").n ||
	       find_field(fields, "x-amz-content-sha256").n ||
	       (target.n && memmem(target.p, target.n, "X-Amz-Signature=", 16)) ||
	       (host.n && (memmem(host.p, host.n, ".s3.", 4) || memmem(host.p, host.n, ".s3-", 4)));
}

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decoded; false: too long, or a byte that no key has. */
static bool decode(char *out, size_t room, struct or_slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (c == '%' && i + 2 < s.n + 0 && hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0) {
			c = (uint8_t)(hex(s.p[i + 1]) * 16 + hex(s.p[i + 2]));
			i += 2;
		}
		if (c < 0x20 || n + 1 >= room)
			return false;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return true;
}

/* The bucket in a host such as orders.s3.eu-central-1.amazonaws.com; n == 0: it stands in the path.
 */
static struct or_slice bucket_of(struct or_slice host)
{
	const uint8_t *at = host.n ? memmem(host.p, host.n, ".s3.", 4) : NULL;

	if (!at && host.n)
		at = memmem(host.p, host.n, ".s3-", 4);
	return at ? or_slice(host.p, (size_t)(at - host.p)) : OR_SLICE_NONE;
}

/* 'r', 'w', or 0: a part of an upload is no object yet, and a list none at all. */
static char direction(struct or_slice method, struct or_slice query)
{
	bool part = query.n && memmem(query.p, query.n, "partNumber=", 11);
	bool upload = query.n && memmem(query.p, query.n, "uploadId=", 9);

	if (or_slice_is(method, "GET"))
		return upload ? 0 : 'r';
	if (or_slice_is(method, "PUT"))
		return part || upload ? 0 : 'w';
	if (or_slice_is(method, "POST"))
		return upload ? 'w' : 0;
	return or_slice_is(method, "DELETE") && !upload ? 'w' : 0;
}

/* Kept as "bucket", then "key": two facts of one. */
static struct tap_wire_facts *read_object(
    struct or_slice method, struct or_slice target, struct or_slice fields)
{
	struct or_slice host = find_field(fields, "host"), bucket, key, query;
	size_t question = or_str_find(target, '?', 0), slash;
	char text[TAP_WIRE_NAME], name[128];
	struct tap_wire_facts *f;
	char dir;

	query = or_slice_from(target, question < target.n ? question + 1 : target.n);
	dir = direction(method, query);
	if (!dir || !is_s3(target, fields, host))
		return NULL;
	key = or_slice(target.p, question);
	key = or_slice_from(key, key.n && key.p[0] == '/');
	bucket = bucket_of(host);
	if (!bucket.n) {
		slash = or_str_find(key, '/', 0);
		bucket = or_slice(key.p, slash);
		key = or_slice_from(key, slash < key.n ? slash + 1 : key.n);
	}
	if (!bucket.n || !key.n || !decode(name, sizeof(name), bucket) ||
	    !decode(text, sizeof(text), key))
		return NULL;
	f = tap_wire_facts_new(FACTS_MAX);
	tap_wire_facts_put(f, FACTS_MAX, dir == 'w', name);
	tap_wire_facts_put(f, FACTS_MAX, dir == 'w', text);
	return f;
}

static void tell(const struct tap_wire *w, const struct tap_wire_facts *f)
{
	char name_space[TAP_WIRE_NAMESPACE];
	struct tap_wire_access a = {.protocol = "s3", .name_space = name_space};
	const char *bucket = f->text + 1;

	snprintf(name_space, sizeof(name_space), "s3://%s", bucket);
	a.sure = w->late ? TAP_WIRE_GUESS : TAP_WIRE_EXACT;
	a.write = f->text[0] == 'w';
	a.name = bucket + strlen(bucket) + 2;
	w->fn(w->arg, &a);
}

/* ---- messages */

static void on_request(struct tap_wire *w, struct or_slice s)
{
	struct or_slice line = take_line(&s), method, target;
	size_t a = or_str_find(line, ' ', 0), b = or_str_find(line, ' ', a + 1);

	if (a >= line.n || b >= line.n) {
		w->useless = true;
		return;
	}
	method = or_slice(line.p, a);
	target = or_slice(line.p + a + 1, b - a - 1);
	tap_wire_facts_push(
	    w, or_slice_is(method, "HEAD") ? NO_BODY : OTHER, 0, read_object(method, target, s));
	set_body(w, true, s, false);
}

static void on_response(struct tap_wire *w, struct or_slice s)
{
	struct or_slice line = take_line(&s);
	struct tap_wire_pending *p = tap_wire_facts_front(w);
	unsigned int status = 0;

	if (line.n < 12) {
		w->useless = true;
		return;
	}
	for (size_t i = 9; i < 12; i++)
		status = status * 10 + (line.p[i] - '0');
	if (status == 101) /* it goes on as something else */
		w->useless = true;
	if (status / 100 == 1)
		return;
	set_body(w, false, s, status == 204 || status == 304 || (p && p->kind == NO_BODY));
	if (!p)
		return;
	if (p->facts && status / 100 == 2)
		tell(w, p->facts);
	tap_wire_facts_pop(w);
}

/* A chunk's size in hex; of the last one trailers follow. */
static void on_chunk(struct tap_wire *w, bool from_client, struct or_slice s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s.n && hex(s.p[i]) >= 0 && n < BODY_MAX; i++)
		n = n * 16 + (uint64_t)hex(s.p[i]);
	if (n >= BODY_MAX) {
		w->useless = true;
		return;
	}
	w->http.chunk[from_client] = n + 2;
	w->http.state[from_client] = n ? CHUNK_DATA : TRAILER;
}

static void message(struct tap_wire *w, bool from_client, struct or_slice got, uint64_t total)
{
	(void)total;
	switch ((enum state)w->http.state[from_client]) {
	case BODY: w->http.state[from_client] = HEAD; break;
	case CHUNK_DATA: w->http.state[from_client] = CHUNK; break;
	case CHUNK: on_chunk(w, from_client, got); break;
	case TRAILER:
		if (got.n == 2)
			w->http.state[from_client] = HEAD;
		break;
	case HEAD:
		if (from_client)
			on_request(w, got);
		else
			on_response(w, got);
		break;
	}
}

const struct tap_wire_protocol tap_wire_http_protocol = {
    .name = "http",
    .begins = begins,
    .head = head,
    .length = length,
    .message = message,
};
