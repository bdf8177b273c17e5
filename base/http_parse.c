/* SPDX-License-Identifier: Apache-2.0 */
#include "base/http_parse.h"

#include "base/http_chunk.h"
#include "base/http_frame.h"
#include "base/http_head.h"
#include "base/mem.h"

#define HEAD_DEFAULT   (32U * 1024)
#define TARGET_DEFAULT (8U * 1024)
#define FIELDS_DEFAULT 100

enum stage { HEAD, LENGTH, CHUNKS, TRAILERS, UNTIL_CLOSE, COMPLETE, REFUSED };

struct or_http_parse {
	struct or_http_parse_opt opt;
	struct or_http_head head;
	struct or_http_head trailers;
	struct or_http_chunk chunk;
	struct or_http_msg msg;
	enum stage stage;
	bool answers_head;
	bool ended;    /* END was given out */
	bool closed;   /* the last message was the connection's last */
	uint64_t left; /* of a body with Content-Length */
	uint64_t body; /* bytes so far */
	enum or_http_reason reason;
};

struct or_http_parse *or_http_parse_new(const struct or_http_parse_opt *opt)
{
	struct or_http_parse *p = or_mem_new(sizeof(*p));
	enum or_http_head_kind kind =
	    opt->kind == OR_HTTP_PARSE_REQUESTS ? OR_HTTP_HEAD_REQUEST : OR_HTTP_HEAD_RESPONSE;

	p->opt = *opt;
	p->opt.max_head = opt->max_head ? opt->max_head : HEAD_DEFAULT;
	p->opt.max_target = opt->max_target ? opt->max_target : TARGET_DEFAULT;
	p->opt.max_fields = opt->max_fields ? opt->max_fields : FIELDS_DEFAULT;
	or_http_head_init(&p->head, kind, p->opt.max_head, p->opt.max_target, p->opt.max_fields);
	or_http_head_init(
	    &p->trailers, OR_HTTP_HEAD_TRAILERS, p->opt.max_head, 0, p->opt.max_fields);
	return p;
}

void or_http_parse_free(struct or_http_parse *p)
{
	if (!p)
		return;
	or_http_head_done(&p->head);
	or_http_head_done(&p->trailers);
	or_mem_free(p);
}

static enum or_http_parse_event refuse(struct or_http_parse *p, enum or_http_reason reason)
{
	p->stage = REFUSED;
	p->reason = reason;
	return OR_HTTP_PARSE_REFUSED;
}

static enum or_http_parse_event begin_body(struct or_http_parse *p)
{
	struct or_http_frame_opt opt = {.host_optional = p->opt.host_optional,
	    .answers_head = p->answers_head,
	    .max_body = p->opt.max_body};
	enum or_http_reason reason;

	or_http_head_get(&p->head, &p->msg);
	reason = p->opt.kind == OR_HTTP_PARSE_REQUESTS ? or_http_frame_request(&p->msg, &opt)
						       : or_http_frame_response(&p->msg, &opt);
	if (reason)
		return refuse(p, reason);
	p->left = p->msg.length;
	if (p->msg.is_bodyless)
		p->stage = COMPLETE;
	else if (p->msg.chunked)
		p->stage = CHUNKS;
	else
		p->stage = p->msg.until_close ? UNTIL_CLOSE : LENGTH;
	return OR_HTTP_PARSE_HEAD;
}

/* Behind the last message of a connection only empty lines pass. */
static enum or_http_parse_event after_close(
    struct or_http_parse *p, struct or_slice in, size_t *used)
{
	for (*used = 0; *used < in.n; ++*used) {
		if (in.p[*used] != '\r' && in.p[*used] != '\n')
			return refuse(p, OR_HTTP_AFTER_CLOSE);
	}
	return OR_HTTP_PARSE_MORE;
}

static enum or_http_parse_event feed_head(struct or_http_parse *p, struct or_slice in, size_t *used)
{
	if (p->closed)
		return after_close(p, in, used);
	switch (or_http_head_feed(&p->head, in, used)) {
	case OR_HTTP_HEAD_MORE: return OR_HTTP_PARSE_MORE;
	case OR_HTTP_HEAD_DONE: return begin_body(p);
	case OR_HTTP_HEAD_REFUSED:
	default: return refuse(p, p->head.reason);
	}
}

/* How many bytes of content the limit still allows. */
static uint64_t room(const struct or_http_parse *p)
{
	return p->opt.max_body ? p->opt.max_body - p->body : UINT64_MAX;
}

static enum or_http_parse_event feed_plain(
    struct or_http_parse *p, struct or_slice in, size_t *used, struct or_slice *body)
{
	size_t n = in.n;

	if (!n)
		return OR_HTTP_PARSE_MORE;
	if (p->stage == LENGTH) {
		n = n < p->left ? n : (size_t)p->left;
		p->left -= n;
		if (!p->left)
			p->stage = COMPLETE;
	} else {
		n = n < room(p) ? n : (size_t)room(p);
		if (!n)
			return refuse(p, OR_HTTP_BODY_LARGE);
	}
	*body = or_slice(in.p, n);
	*used = n;
	p->body += n;
	return OR_HTTP_PARSE_BODY;
}

static enum or_http_parse_event feed_trailers(
    struct or_http_parse *p, struct or_slice in, size_t *used)
{
	enum or_http_reason reason;

	switch (or_http_head_feed(&p->trailers, in, used)) {
	case OR_HTTP_HEAD_MORE: return OR_HTTP_PARSE_MORE;
	case OR_HTTP_HEAD_DONE: break;
	case OR_HTTP_HEAD_REFUSED:
	default: return refuse(p, p->trailers.reason);
	}
	or_http_head_get(&p->trailers, &p->msg);
	reason = or_http_frame_trailers(&p->msg);
	if (reason)
		return refuse(p, reason);
	p->stage = COMPLETE;
	p->ended = true;
	return OR_HTTP_PARSE_END;
}

static enum or_http_parse_event feed_chunks(
    struct or_http_parse *p, struct or_slice in, size_t *used, struct or_slice *body)
{
	enum or_http_parse_event event;
	size_t more = 0;

	switch (or_http_chunk_feed(&p->chunk, in, used, body)) {
	case OR_HTTP_CHUNK_MORE: return OR_HTTP_PARSE_MORE;
	case OR_HTTP_CHUNK_DATA:
		/* A chunk that would pass the limit is refused by its size, before any of it. */
		if (body->n + p->chunk.left > room(p))
			return refuse(p, OR_HTTP_BODY_LARGE);
		p->body += body->n;
		return OR_HTTP_PARSE_BODY;
	case OR_HTTP_CHUNK_LAST: break;
	case OR_HTTP_CHUNK_REFUSED:
	default: return refuse(p, p->chunk.reason);
	}
	p->stage = TRAILERS;
	event = feed_trailers(p, or_slice_from(in, *used), &more);
	*used += more;
	return event;
}

static enum or_http_parse_event feed_end(struct or_http_parse *p)
{
	if (p->ended)
		return OR_HTTP_PARSE_MORE;
	p->ended = true;
	return OR_HTTP_PARSE_END;
}

enum or_http_parse_event or_http_parse_feed(
    struct or_http_parse *p, struct or_slice in, size_t *used, struct or_slice *body)
{
	*used = 0;
	switch (p->stage) {
	case HEAD: return feed_head(p, in, used);
	case LENGTH:
	case UNTIL_CLOSE: return feed_plain(p, in, used, body);
	case CHUNKS: return feed_chunks(p, in, used, body);
	case TRAILERS: return feed_trailers(p, in, used);
	case COMPLETE: return feed_end(p);
	case REFUSED:
	default: return OR_HTTP_PARSE_REFUSED;
	}
}

enum or_http_parse_event or_http_parse_eof(struct or_http_parse *p)
{
	if (p->stage == UNTIL_CLOSE)
		p->stage = COMPLETE;
	if (p->stage == COMPLETE)
		return feed_end(p);
	if (or_http_parse_is_idle(p))
		return OR_HTTP_PARSE_MORE;
	return p->stage == REFUSED ? OR_HTTP_PARSE_REFUSED : refuse(p, OR_HTTP_TRUNCATED);
}

const struct or_http_msg *or_http_parse_msg(const struct or_http_parse *p)
{
	return &p->msg;
}

enum or_http_reason or_http_parse_reason(const struct or_http_parse *p)
{
	return p->reason;
}

void or_http_parse_next(struct or_http_parse *p)
{
	OR_ASSERT(p->stage == COMPLETE && p->ended);
	/* An interim response is no reason to expect the end, whatever it says. */
	p->closed = !p->msg.keep_alive && !(p->msg.status && p->msg.status < 200);
	if (!(p->msg.status && p->msg.status < 200))
		p->answers_head = false;
	or_http_head_clear(&p->head);
	or_http_head_clear(&p->trailers);
	or_http_chunk_init(&p->chunk);
	p->msg = (struct or_http_msg){0};
	p->stage = HEAD;
	p->ended = false;
	p->left = p->body = 0;
}

void or_http_parse_expect_head(struct or_http_parse *p)
{
	p->answers_head = true;
}

bool or_http_parse_is_complete(const struct or_http_parse *p)
{
	return p->stage == COMPLETE;
}

bool or_http_parse_is_idle(const struct or_http_parse *p)
{
	return p->stage == HEAD && or_http_head_is_fresh(&p->head);
}
