/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/mask/mask_string.h"

#include "base/str.h"

enum { NONE = 0, BEHIND_BACKSLASH = 1, DIGIT_DUE = 1 };

#define EACH(byte) (0x0101010101010101ULL * (byte))

void ag_mask_string_init(struct ag_mask_string *s)
{
	or_buf_init(&s->text, 2 * AG_MASK_VALUE_MAX);
}

void ag_mask_string_done(struct ag_mask_string *s)
{
	or_buf_done(&s->text);
}

void ag_mask_string_start(struct ag_mask_string *s, const uint8_t *p)
{
	s->text.n = 0;
	s->escape = NONE;
	s->high = 0;
	s->tail = 0;
	s->pending = s->wanted ? p : NULL;
}

void ag_mask_string_enter(struct ag_mask_string *s, const uint8_t *p)
{
	s->pending = s->wanted && s->escape == NONE ? p : NULL;
}

/* A byte with its top bit set where one of the eight is a quote, a backslash, a control or beyond
 * ASCII. The lowest such byte is exact. */
static uint64_t stops(uint64_t w)
{
	uint64_t quote = w ^ EACH(0x22), slash = w ^ EACH(0x5C);

	return ((quote - EACH(1)) | (slash - EACH(1)) | (w - EACH(0x20)) | w) & EACH(0x80);
}

static const uint8_t *skip_plain(const uint8_t *at, const uint8_t *end)
{
	uint64_t w;

	while (end - at >= 8) {
		memcpy(&w, at, 8);
		w = stops(w);
		if (w)
			return at + (__builtin_ctzll(w) >> 3);
		at += 8;
	}
	while (at < end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\')
		at++;
	return at;
}

static enum ag_mask_fault keep(struct ag_mask_string *s, struct or_slice bytes)
{
	size_t room = s->max - s->text.n;

	if (!s->wanted)
		return AG_MASK_FINE;
	if (bytes.n > room && !s->cuts)
		return AG_MASK_LARGE;
	or_buf_put(&s->text, bytes.p, bytes.n < room ? bytes.n : room);
	return AG_MASK_FINE;
}

static enum ag_mask_fault keep_pending(struct ag_mask_string *s, const uint8_t *end)
{
	const uint8_t *from = s->pending;

	s->pending = NULL;
	return from && end > from ? keep(s, or_slice(from, (size_t)(end - from))) : AG_MASK_FINE;
}

enum ag_mask_fault ag_mask_string_leave(struct ag_mask_string *s, const uint8_t *end)
{
	return keep_pending(s, end);
}

enum ag_mask_fault ag_mask_string_text(
    struct ag_mask_string *s, struct or_slice *out, const uint8_t *at)
{
	enum ag_mask_fault fault = AG_MASK_FINE;

	if (s->text.n == 0 && s->pending) {
		*out = or_slice(s->pending, (size_t)(at - s->pending));
		if (out->n > s->max && !s->cuts)
			fault = AG_MASK_LARGE;
		out->n = out->n > s->max ? s->max : out->n;
		return fault;
	}
	fault = keep_pending(s, at);
	*out = or_buf_slice(&s->text);
	return fault;
}

static enum ag_mask_fault keep_point(struct ag_mask_string *s, uint32_t point)
{
	struct or_buf *b = &s->text;

	/* a whole character or none of it */
	if (s->wanted && s->max - b->n >= 4)
		or_str_utf8_encode(b, point);
	else if (s->wanted && !s->cuts)
		return AG_MASK_LARGE;
	return AG_MASK_FINE;
}

/* The first half of a pair, and no second. */
static enum ag_mask_fault end_half(struct ag_mask_string *s)
{
	if (!s->high)
		return AG_MASK_FINE;
	s->high = 0;
	return s->strict ? AG_MASK_MALFORMED : keep_point(s, 0xFFFD);
}

/* A \uXXXX is complete. */
static enum ag_mask_fault take_unit(struct ag_mask_string *s)
{
	uint32_t unit = s->unit, high = s->high;
	enum ag_mask_fault fault;

	if (high && unit >= 0xDC00 && unit <= 0xDFFF) {
		s->high = 0;
		return keep_point(s, 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00));
	}
	fault = end_half(s);
	if (fault)
		return fault;
	if (unit >= 0xD800 && unit <= 0xDFFF) {
		s->high = unit;
		return unit < 0xDC00 ? AG_MASK_FINE : end_half(s);
	}
	return keep_point(s, unit);
}

static int hex_of(uint8_t b)
{
	if (b >= '0' && b <= '9')
		return b - '0';
	b |= 0x20;
	return b >= 'a' && b <= 'f' ? b - 'a' + 10 : -1;
}

/* The byte behind a backslash, other than u. */
static enum ag_mask_fault take_short(struct ag_mask_string *s, uint8_t b)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	const char *at = b ? strchr(names, b) : NULL;
	enum ag_mask_fault fault = at ? end_half(s) : AG_MASK_MALFORMED;

	s->escape = NONE;
	return fault ? fault : keep_point(s, (uint8_t)values[at - names]);
}

static enum ag_mask_fault take_escape(struct ag_mask_string *s, uint8_t b)
{
	int digit = hex_of(b);

	if (s->escape == BEHIND_BACKSLASH) {
		if (b != 'u')
			return take_short(s, b);
		s->unit = 0;
		s->escape = 4 + DIGIT_DUE;
		return AG_MASK_FINE;
	}
	if (digit < 0)
		return AG_MASK_MALFORMED;
	s->unit = s->unit << 4 | (uint32_t)digit;
	if (--s->escape > DIGIT_DUE)
		return AG_MASK_FINE;
	s->escape = NONE;
	return take_unit(s);
}

/* RFC 3629 §4: the bytes that may begin a character, and what may follow each. */
static enum ag_mask_fault take_lead(struct ag_mask_string *s, uint8_t b)
{
	s->low = 0x80;
	s->top = 0xBF;
	if (b >= 0xC2 && b <= 0xDF) {
		s->tail = 1;
	} else if (b >= 0xE0 && b <= 0xEF) {
		s->tail = 2;
		s->low = b == 0xE0 ? 0xA0 : 0x80;
		s->top = b == 0xED ? 0x9F : 0xBF;
	} else if (b >= 0xF0 && b <= 0xF4) {
		s->tail = 3;
		s->low = b == 0xF0 ? 0x90 : 0x80;
		s->top = b == 0xF4 ? 0x8F : 0xBF;
	} else {
		return AG_MASK_MALFORMED;
	}
	return AG_MASK_FINE;
}

static enum ag_mask_fault take_tail(struct ag_mask_string *s, uint8_t b)
{
	if (b < s->low || b > s->top)
		return AG_MASK_MALFORMED;
	s->low = 0x80;
	s->top = 0xBF;
	s->tail--;
	return AG_MASK_FINE;
}

/* One byte that is not plain; *at is moved behind it, but for the closing quote. */
static enum ag_mask_fault take_byte(struct ag_mask_string *s, const uint8_t **at, bool *whole)
{
	uint8_t b = **at;
	enum ag_mask_fault fault;

	if (s->escape != NONE) {
		fault = take_escape(s, b);
		if (fault == AG_MASK_FINE && s->escape == NONE && s->wanted)
			s->pending = *at + 1;
	} else if (s->tail) {
		fault = take_tail(s, b);
	} else if (b == '\\') {
		fault = keep_pending(s, *at);
		s->escape = BEHIND_BACKSLASH;
	} else {
		fault = end_half(s);
		*whole = b == '"';
		if (fault == AG_MASK_FINE && !*whole && (b < 0x20 || b >= 0x80))
			fault = b < 0x20 ? AG_MASK_MALFORMED : take_lead(s, b);
	}
	*at += fault == AG_MASK_FINE && !*whole;
	return fault;
}

enum ag_mask_fault ag_mask_string_take(
    struct ag_mask_string *s, const uint8_t **at, const uint8_t *end, bool *whole)
{
	*whole = false;
	while (*at < end) {
		enum ag_mask_fault fault;

		if (s->escape == NONE && !s->tail && !s->high) {
			*at = skip_plain(*at, end);
			if (*at == end)
				break;
		}
		fault = take_byte(s, at, whole);
		if (fault || *whole)
			return fault;
	}
	return AG_MASK_FINE;
}
