/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A state per piece of the head. Each state's function takes the run of bytes that its piece may
 * have, and then judges the one byte behind the run:
 *
 *   request:   BLANK → METHOD → TARGET → VERSION → LINE_END
 *   response:  BLANK → VERSION → STATUS → STATUS_END → PHRASE → LINE_LF
 *   fields:    FIELD → NAME → OWS → VALUE → VALUE_LF → FIELD … → END_LF → DONE
 *   trailers:  start at FIELD
 */
#include "base/http_head.h"

#include "base/http_chars.h"
#include "base/mem.h"

#define BYTES_KEPT  4096
#define SPANS_FIRST 24

enum state {
	BLANK,
	BLANK_LF,
	METHOD,
	TARGET,
	VERSION,
	LINE_END,
	STATUS,
	STATUS_END,
	PHRASE,
	LINE_LF,
	FIELD,
	NAME,
	OWS,
	VALUE,
	VALUE_LF,
	END_LF,
	DONE,
};

/* What a state's function sees: the rest of the input, and where that lies in the head. */
struct cursor {
	struct or_slice in;
	size_t i;
	size_t base; /* offset in the head of in.p[0] */
};

static size_t here(const struct cursor *c)
{
	return c->base + c->i;
}

static void skip(struct cursor *c, unsigned int classes)
{
	c->i += or_http_chars_span(or_slice_from(c->in, c->i), classes);
}

/* A byte that cannot stand here: line ends and NUL have reasons of their own. */
static enum or_http_reason bad(uint8_t byte, enum or_http_reason otherwise)
{
	if (byte == '\n')
		return OR_HTTP_BARE_LF;
	return byte == 0 ? OR_HTTP_NUL : otherwise;
}

static enum or_http_reason expect_lf(struct or_http_head *h, struct cursor *c, enum state next)
{
	if (c->in.p[c->i] != '\n')
		return OR_HTTP_BARE_CR;
	c->i++;
	h->state = (int)next;
	return OR_HTTP_FINE;
}

static enum or_http_reason on_blank(struct or_http_head *h, struct cursor *c)
{
	uint8_t byte = c->in.p[c->i];

	if (byte == '\r') {
		if (h->blanks == OR_HTTP_HEAD_BLANKS_MAX)
			return h->kind == OR_HTTP_HEAD_REQUEST ? OR_HTTP_METHOD : OR_HTTP_PROTOCOL;
		h->blanks++;
		c->i++;
		h->state = BLANK_LF;
		return OR_HTTP_FINE;
	}
	h->mark = here(c);
	h->state = h->kind == OR_HTTP_HEAD_REQUEST ? METHOD : VERSION;
	return OR_HTTP_FINE;
}

static enum or_http_reason on_blank_lf(struct or_http_head *h, struct cursor *c)
{
	return expect_lf(h, c, BLANK);
}

static enum or_http_reason on_method(struct or_http_head *h, struct cursor *c)
{
	skip(c, OR_HTTP_CHARS_TOKEN);
	if (here(c) - h->mark > OR_HTTP_METHOD_MAX)
		return OR_HTTP_METHOD;
	if (c->i == c->in.n)
		return OR_HTTP_FINE;
	if (c->in.p[c->i] != ' ' || here(c) == h->mark)
		return bad(c->in.p[c->i], OR_HTTP_METHOD);
	h->method_end = (uint32_t)here(c);
	c->i++;
	h->target = (uint32_t)here(c);
	h->state = TARGET;
	return OR_HTTP_FINE;
}

static enum or_http_reason on_target(struct or_http_head *h, struct cursor *c)
{
	skip(c, OR_HTTP_CHARS_TARGET);
	if (here(c) - h->target > h->max_target)
		return OR_HTTP_TARGET_LONG;
	if (c->i == c->in.n)
		return OR_HTTP_FINE;
	if (c->in.p[c->i] != ' ' || here(c) == h->target)
		return bad(c->in.p[c->i], OR_HTTP_TARGET);
	h->target_end = (uint32_t)here(c);
	c->i++;
	h->state = VERSION;
	return OR_HTTP_FINE;
}

static enum or_http_reason on_version(struct or_http_head *h, struct cursor *c)
{
	static const char text[] = "HTTP/1.";
	uint8_t byte = c->in.p[c->i];

	if (h->version_at < 7) {
		if (byte != (uint8_t)text[h->version_at]) {
			bool digit = byte >= '0' && byte <= '9';

			return bad(
			    byte, h->version_at == 5 && digit ? OR_HTTP_VERSION : OR_HTTP_PROTOCOL);
		}
	} else {
		if (byte < '0' || byte > '9')
			return bad(byte, OR_HTTP_PROTOCOL);
		if (byte > '1')
			return OR_HTTP_VERSION;
		h->minor = (unsigned int)(byte - '0');
		h->state = h->kind == OR_HTTP_HEAD_REQUEST ? LINE_END : STATUS;
		h->mark = here(c) + 1;
	}
	h->version_at++;
	c->i++;
	return OR_HTTP_FINE;
}

static enum or_http_reason on_line_end(struct or_http_head *h, struct cursor *c)
{
	if (c->in.p[c->i] != '\r')
		return bad(c->in.p[c->i], OR_HTTP_PROTOCOL);
	c->i++;
	h->state = LINE_LF;
	return OR_HTTP_FINE;
}

/* SP and three digits; mark is where the blank must be. */
static enum or_http_reason on_status(struct or_http_head *h, struct cursor *c)
{
	uint8_t byte = c->in.p[c->i];

	if (here(c) == h->mark) {
		if (byte != ' ')
			return bad(byte, OR_HTTP_PROTOCOL);
	} else {
		if (byte < '0' || byte > '9')
			return bad(byte, OR_HTTP_STATUS_CODE);
		h->status = h->status * 10 + (unsigned int)(byte - '0');
		if (here(c) == h->mark + 3) {
			if (h->status < 100 || h->status > 599)
				return OR_HTTP_STATUS_CODE;
			h->state = STATUS_END;
		}
	}
	c->i++;
	return OR_HTTP_FINE;
}

/* RFC 9112 §4 wants the blank even before an empty phrase; servers leave it out. */
static enum or_http_reason on_status_end(struct or_http_head *h, struct cursor *c)
{
	uint8_t byte = c->in.p[c->i];

	if (byte != ' ' && byte != '\r')
		return bad(byte, OR_HTTP_STATUS_CODE);
	if (byte == ' ')
		c->i++;
	h->phrase = h->phrase_end = (uint32_t)here(c);
	h->state = PHRASE;
	return OR_HTTP_FINE;
}

static enum or_http_reason on_phrase(struct or_http_head *h, struct cursor *c)
{
	c->i += or_http_chars_value_span(or_slice_from(c->in, c->i));
	if (c->i == c->in.n)
		return OR_HTTP_FINE;
	if (c->in.p[c->i] != '\r')
		return bad(c->in.p[c->i], OR_HTTP_FIELD_VALUE);
	h->phrase_end = (uint32_t)here(c);
	c->i++;
	h->state = LINE_LF;
	return OR_HTTP_FINE;
}

static enum or_http_reason on_line_lf(struct or_http_head *h, struct cursor *c)
{
	return expect_lf(h, c, FIELD);
}

static enum or_http_reason on_field(struct or_http_head *h, struct cursor *c)
{
	uint8_t byte = c->in.p[c->i];

	if (byte == '\r') {
		c->i++;
		h->state = END_LF;
		return OR_HTTP_FINE;
	}
	if (byte == ' ' || byte == '\t')
		return OR_HTTP_FOLD;
	if (h->n_spans == h->max_fields)
		return OR_HTTP_FIELD_COUNT;
	h->mark = here(c);
	h->state = NAME;
	return OR_HTTP_FINE;
}

static struct or_http_head_span *new_span(struct or_http_head *h)
{
	if (h->n_spans == h->cap_spans) {
		h->cap_spans = h->cap_spans ? h->cap_spans * 2 : SPANS_FIRST;
		h->spans = or_mem_resize(h->spans, h->cap_spans * sizeof(*h->spans));
		h->fields = or_mem_resize(h->fields, h->cap_spans * sizeof(*h->fields));
	}
	return &h->spans[h->n_spans++];
}

static enum or_http_reason on_name(struct or_http_head *h, struct cursor *c)
{
	struct or_http_head_span *span;

	skip(c, OR_HTTP_CHARS_TOKEN);
	if (c->i == c->in.n)
		return OR_HTTP_FINE;
	if (c->in.p[c->i] != ':' || here(c) == h->mark)
		return bad(c->in.p[c->i], OR_HTTP_FIELD_NAME);
	span = new_span(h);
	span->name = (uint32_t)h->mark;
	span->name_end = (uint32_t)here(c);
	c->i++;
	h->state = OWS;
	return OR_HTTP_FINE;
}

static enum or_http_reason on_ows(struct or_http_head *h, struct cursor *c)
{
	while (c->i < c->in.n && (c->in.p[c->i] == ' ' || c->in.p[c->i] == '\t'))
		c->i++;
	if (c->i == c->in.n)
		return OR_HTTP_FINE;
	h->mark = here(c);
	h->state = VALUE;
	return OR_HTTP_FINE;
}

static enum or_http_reason on_value(struct or_http_head *h, struct cursor *c)
{
	struct or_http_head_span *span = &h->spans[h->n_spans - 1];

	c->i += or_http_chars_value_span(or_slice_from(c->in, c->i));
	if (c->i == c->in.n)
		return OR_HTTP_FINE;
	if (c->in.p[c->i] != '\r')
		return bad(c->in.p[c->i], OR_HTTP_FIELD_VALUE);
	span->value = (uint32_t)h->mark;
	span->value_end = (uint32_t)here(c); /* blanks at the end go in or_http_head_get */
	c->i++;
	h->state = VALUE_LF;
	return OR_HTTP_FINE;
}

static enum or_http_reason on_value_lf(struct or_http_head *h, struct cursor *c)
{
	return expect_lf(h, c, FIELD);
}

static enum or_http_reason on_end_lf(struct or_http_head *h, struct cursor *c)
{
	return expect_lf(h, c, DONE);
}

static enum or_http_reason (*const steps[])(struct or_http_head *, struct cursor *) = {
    [BLANK] = on_blank,
    [BLANK_LF] = on_blank_lf,
    [METHOD] = on_method,
    [TARGET] = on_target,
    [VERSION] = on_version,
    [LINE_END] = on_line_end,
    [STATUS] = on_status,
    [STATUS_END] = on_status_end,
    [PHRASE] = on_phrase,
    [LINE_LF] = on_line_lf,
    [FIELD] = on_field,
    [NAME] = on_name,
    [OWS] = on_ows,
    [VALUE] = on_value,
    [VALUE_LF] = on_value_lf,
    [END_LF] = on_end_lf,
};

void or_http_head_init(struct or_http_head *h, enum or_http_head_kind kind, size_t max_bytes,
    size_t max_target, size_t max_fields)
{
	*h = (struct or_http_head){.kind = kind,
	    .max_bytes = max_bytes,
	    .max_target = max_target,
	    .max_fields = max_fields};
	or_buf_init(&h->bytes, max_bytes);
	or_http_head_clear(h);
}

void or_http_head_done(struct or_http_head *h)
{
	or_buf_done(&h->bytes);
	or_mem_free(h->spans);
	or_mem_free(h->fields);
	*h = (struct or_http_head){.state = DONE};
}

void or_http_head_clear(struct or_http_head *h)
{
	if (h->bytes.cap > BYTES_KEPT) {
		or_buf_done(&h->bytes);
		or_buf_init(&h->bytes, h->max_bytes);
	}
	or_buf_clear(&h->bytes);
	h->n_spans = 0;
	h->state = h->kind == OR_HTTP_HEAD_TRAILERS ? FIELD : BLANK;
	h->blanks = 0;
	h->version_at = 0;
	h->status = 0;
	h->mark = 0;
	h->method_end = h->target = h->target_end = h->phrase = h->phrase_end = 0;
	h->reason = OR_HTTP_FINE;
}

bool or_http_head_is_fresh(const struct or_http_head *h)
{
	return h->state == BLANK;
}

enum or_http_head_result or_http_head_feed(struct or_http_head *h, struct or_slice in, size_t *used)
{
	size_t room = h->max_bytes - h->bytes.n;
	struct cursor c = {.in = in, .base = h->bytes.n};
	enum or_http_reason reason = h->reason;

	if (c.in.n > room)
		c.in.n = room;
	while (c.i < c.in.n && h->state != DONE && !reason)
		reason = steps[h->state](h, &c);
	/* Checked behind the loop: the byte past the limit is refused, whatever it is. */
	if (!reason && h->state != DONE && c.i == room && in.n > room)
		reason = OR_HTTP_HEAD_LARGE;
	or_buf_put(&h->bytes, in.p, c.i);
	*used = c.i;
	h->reason = reason;
	if (reason)
		return OR_HTTP_HEAD_REFUSED;
	return h->state == DONE ? OR_HTTP_HEAD_DONE : OR_HTTP_HEAD_MORE;
}

static struct or_slice part(const struct or_http_head *h, size_t from, size_t to)
{
	return or_slice(h->bytes.p + from, to - from);
}

void or_http_head_get(struct or_http_head *h, struct or_http_msg *msg)
{
	OR_ASSERT(h->state == DONE);
	for (size_t i = 0; i < h->n_spans; i++) {
		struct or_http_head_span *span = &h->spans[i];
		size_t end = span->value_end;

		while (end > span->value &&
		       (h->bytes.p[end - 1] == ' ' || h->bytes.p[end - 1] == '\t'))
			end--;
		h->fields[i] = (struct or_http_field){
		    part(h, span->name, span->name_end), part(h, span->value, end)};
	}
	if (h->kind == OR_HTTP_HEAD_TRAILERS) {
		msg->trailers = h->fields;
		msg->n_trailers = h->n_spans;
		return;
	}
	msg->fields = h->fields;
	msg->n_fields = h->n_spans;
	msg->minor = h->minor;
	msg->head_bytes = h->bytes.n;
	msg->status = h->status;
	msg->phrase = part(h, h->phrase, h->phrase_end);
	if (h->kind == OR_HTTP_HEAD_REQUEST) {
		/* A method starts where the empty lines end. */
		msg->method = part(h, (size_t)h->blanks * 2, h->method_end);
		msg->target = part(h, h->target, h->target_end);
	}
}
