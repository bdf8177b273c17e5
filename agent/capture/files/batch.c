/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/files/batch.h"

#include "proto/otlp_log.h"
#include "proto/otlp_value.h"

#include <string.h>

enum { ARENA_MAX = 2 * 1024 * 1024, ROOM = 4096 };

static const char *const streams[] = {NULL, "stdout", "stderr"};

void ag_batch_init(struct ag_batch *b, struct ag_redact *redact)
{
	*b = (struct ag_batch){
	    .redact = redact, .arena = or_arena_new(ARENA_MAX), .said = or_arena_new(ARENA_MAX)};
	or_buf_init(&b->logs, AG_BATCH_REQUEST_MAX);
	or_buf_init(&b->redacted, 2 * AG_BATCH_WINDOW);
	/* With a text of that size a request has room for one record, whatever is in it. */
	or_buf_init(&b->attributes, AG_BATCH_REQUEST_MAX - 2 * AG_BATCH_WINDOW - ROOM);
	or_buf_init(&b->value, 2 * AG_BATCH_WINDOW);
	for (size_t i = 0; i < AG_LINE_STREAMS; i++) {
		or_buf_init(&b->streams[i].part, AG_BATCH_WINDOW);
		or_buf_init(&b->streams[i].event, AG_BATCH_WINDOW);
	}
}

void ag_batch_done(struct ag_batch *b)
{
	or_arena_free(b->arena);
	or_arena_free(b->said);
	or_buf_done(&b->logs);
	or_buf_done(&b->redacted);
	or_buf_done(&b->attributes);
	or_buf_done(&b->value);
	for (size_t i = 0; i < AG_LINE_STREAMS; i++) {
		or_buf_done(&b->streams[i].part);
		or_buf_done(&b->streams[i].event);
	}
}

static void drop_part(struct ag_batch_stream *s)
{
	or_buf_clear(&s->part);
	s->has_part = false;
}

static void drop_event(struct ag_batch_stream *s)
{
	or_buf_clear(&s->event);
	s->has_event = false;
	s->state = 0;
	s->lines = 0;
}

void ag_batch_clear(struct ag_batch *b)
{
	or_buf_clear(&b->logs);
	for (size_t i = 0; i < AG_LINE_STREAMS; i++) {
		drop_part(&b->streams[i]);
		drop_event(&b->streams[i]);
		b->streams[i].taken = b->streams[i].last = 0;
	}
	b->end = b->reached = 0;
	b->records = b->cut = b->misfits = 0;
	b->is_skipping = false;
}

/* ---- records */

static bool redact(void *arg, struct or_buf *out, struct or_slice key, struct or_slice text)
{
	return ag_redact_text(arg, out, key, text);
}

/* What the text says becomes the record's; attributes lose their secrets on the way, and where they
 * do not fit the text stays as it is. */
static void decode(struct ag_batch *b, struct wire_otlp_log *log)
{
	const struct wire_otlp_value_rewrite rewrite = {
	    .fn = b->redact ? redact : NULL, .arg = b->redact, .text = &b->value};
	struct ag_decoded d;

	if (!ag_decode_read(&d, b->decode, log->text, b->said)) {
		b->misfits++;
		return;
	}
	or_buf_clear(&b->attributes);
	for (size_t i = 0; i < d.n; i++)
		wire_otlp_value_put(&b->attributes, WIRE_OTLP_LOG_ATTRIBUTES, d.pairs[i].key,
		    d.pairs[i].value, &rewrite);
	if (!or_buf_ok(&b->attributes)) {
		b->misfits++;
		return;
	}
	log->attributes = or_buf_slice(&b->attributes);
	log->time_ns = d.time_ns ? d.time_ns : log->time_ns;
	log->severity = d.severity;
	log->severity_text = d.severity_text;
	log->trace_id = d.trace_id;
	log->span_id = d.span_id;
	log->text = d.message;
}

/* False: the request has no room for it. */
static bool put(struct ag_batch *b, enum ag_line_stream stream, int64_t time_ns,
    struct or_slice text, bool is_cut)
{
	struct wire_otlp_log log = {.time_ns = time_ns,
	    .observed_ns = b->now_ns,
	    .text = text,
	    .iostream = streams[stream],
	    .is_cut = is_cut};

	if (b->decode)
		decode(b, &log);
	if (b->redact && ag_redact_text(b->redact, &b->redacted, OR_SLICE_NONE, log.text)) {
		log.text = or_buf_slice(&b->redacted);
		log.is_cut = is_cut || !or_buf_ok(&b->redacted);
	}
	wire_otlp_log_put(&b->logs, &log);
	if (!or_buf_ok(&b->logs)) {
		b->logs.full = false; /* what is in it is whole */
		return false;
	}
	b->records++;
	b->cut += log.is_cut;
	return true;
}

/* The record that waits in a stream goes; its lines end at `end`. */
static bool put_event(struct ag_batch *b, size_t stream, size_t end, bool is_cut)
{
	struct ag_batch_stream *s = &b->streams[stream];

	if (s->has_event &&
	    !put(b, (enum ag_line_stream)stream, s->time_ns, or_buf_slice(&s->event), is_cut))
		return false;
	if (s->has_event)
		s->taken = end;
	drop_event(s);
	return true;
}

/* A whole line of a stream, begun at `begin`: it goes on with a record, or begins the next. False:
 * the one before found no room, and nothing changed. */
static bool join(
    struct ag_batch *b, const struct ag_event_rule *rule, const struct ag_line *line, size_t begin)
{
	struct ag_batch_stream *s = &b->streams[line->stream];
	uint8_t state = s->state;
	bool goes_on = ag_event_goes_on(rule, &state, line->text) && s->has_event;
	bool fits = s->lines < rule->max_lines && s->event.n + 1 + line->text.n <= rule->max_bytes;

	if (!(goes_on && fits) && !put_event(b, line->stream, begin, goes_on))
		return false;
	s->state = state;
	if (s->has_event)
		or_buf_put_byte(&s->event, '\n');
	or_buf_put_slice(&s->event, line->text); /* a window's worth fits */
	if (!s->has_event) {
		s->event_begin = begin;
		s->time_ns = line->time_ns;
		s->has_event = true;
	}
	s->lines++;
	return true;
}

/* The line of the data from `at` to `next`: a whole one, or a part, which waits for the others. */
static bool take_line(struct ag_batch *b, const struct ag_batch_format *f, struct or_slice text,
    size_t at, size_t next)
{
	struct ag_batch_stream *s;
	struct ag_line line;
	size_t begin = at;

	ag_line_read(&line, f->line, text, b->arena);
	s = &b->streams[line.stream];
	if (at < s->taken)
		return true;
	if (line.is_part || s->has_part) {
		if (!s->has_part)
			s->part_begin = at;
		s->has_part = true;
		or_buf_put_slice(&s->part, line.text); /* a window's worth fits */
		if (line.is_part) {
			s->last = next;
			return true;
		}
		line.text = or_buf_slice(&s->part);
		begin = s->part_begin;
	}
	if (f->event.kind) {
		if (!join(b, &f->event, &line, begin))
			return false;
	} else {
		if (!put(b, line.stream, line.time_ns, line.text, false))
			return false;
		s->taken = next;
	}
	b->misfits += line.is_misfit;
	s->last = next;
	if (s->has_part)
		drop_part(s);
	return true;
}

/* ---- pieces */

/* Where the first thing begins that waits, at most `at`: everything before it is out. */
static size_t end_of(const struct ag_batch *b, size_t at)
{
	for (size_t i = 0; i < AG_LINE_STREAMS; i++) {
		const struct ag_batch_stream *s = &b->streams[i];

		if (s->has_event && s->event_begin < at)
			at = s->event_begin;
		if (s->has_part && s->part_begin < at)
			at = s->part_begin;
	}
	return at;
}

void ag_batch_read(struct ag_batch *b, const struct ag_batch_format *f, struct or_slice data)
{
	size_t at = 0;

	b->decode = f->decode;
	if (b->is_skipping) {
		const uint8_t *lf = memchr(data.p, '\n', data.n);

		b->is_skipping = !lf;
		at = lf ? (size_t)(lf - data.p) + 1 : data.n;
	}
	for (;;) {
		const uint8_t *lf = memchr(data.p + at, '\n', data.n - at);
		size_t next = lf ? (size_t)(lf - data.p) + 1 : 0;

		if (!lf || !take_line(b, f, or_slice(data.p + at, next - 1 - at), at, next))
			break;
		at = next;
	}
	b->reached = at;
	b->end = end_of(b, at);
}

/* What a stream waits with goes. A line whose parts are missing is a record of its own: nobody
 * knows whether it would have gone on with the one before. */
static void flush(struct ag_batch *b, size_t stream, bool is_cut)
{
	struct ag_batch_stream *s = &b->streams[stream];

	if (put_event(b, stream, s->has_part ? s->part_begin : s->last, is_cut) && s->has_part &&
	    put(b, (enum ag_line_stream)stream, 0, or_buf_slice(&s->part), true)) {
		s->taken = s->last;
		drop_part(s);
	}
	b->end = end_of(b, b->reached);
}

void ag_batch_flush(struct ag_batch *b, enum ag_line_stream stream)
{
	flush(b, stream, false);
}

void ag_batch_force(struct ag_batch *b, struct or_slice data)
{
	if (b->reached == 0) { /* a line that is longer than may be */
		if (put(b, AG_LINE_NO_STREAM, 0, data, true)) {
			b->is_skipping = true;
			b->reached = b->end = data.n;
		}
		return;
	}
	for (size_t i = 0; i < AG_LINE_STREAMS; i++) {
		const struct ag_batch_stream *s = &b->streams[i];

		if ((s->has_event && s->event_begin == b->end) ||
		    (s->has_part && s->part_begin == b->end)) {
			flush(b, i, true);
			return;
		}
	}
}

void ag_batch_finish(struct ag_batch *b, const struct ag_batch_format *f, struct or_slice data)
{
	struct or_slice rest = or_slice_from(data, b->reached);

	if (rest.n && (memchr(rest.p, '\n', rest.n) || !take_line(b, f, rest, b->reached, data.n)))
		return; /* no room: it goes on with the next request */
	b->reached = data.n;
	for (size_t i = 0; i < AG_LINE_STREAMS; i++)
		flush(b, i, false);
}
