/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One state for where in the grammar the next byte stands, a stack of open objects and lists.
 * Bytes that pass are put out in runs, from `run` up to `at`. While a masked value is read the
 * machine is quiet: it checks on, and puts nothing out until the depth at which it became quiet.
 */
#include "agent/gate/mask/mask_json.h"

#include "agent/gate/mask/mask_names.h"
#include "agent/gate/mask/mask_string.h"
#include "base/json.h"
#include "base/mem.h"

enum { ZERO_KEEPS = 64, MARK_LEN = 3 };

enum state {
	MARK,       /* the very start: a byte order mark, or a value */
	VALUE,      /* a value */
	FIRST_ITEM, /* a value, or the list's end */
	FIRST_NAME, /* a name, or the object's end */
	NAME,
	COLON,
	NEXT, /* a comma, or the end of object or list */
	DONE,
	IN_STRING,
	IN_NUMBER,
	IN_LITERAL,
};

/* Where in a number (RFC 8259 §6) the next byte stands. */
enum number { SIGN, ZERO, INT, POINT, FRACTION, E, E_SIGN, EXPONENT, NUMBER_ENDS };

struct level {
	struct ag_mask_names_set names;
	const struct pol_mask *mask; /* of a list whose items owe it */
	size_t trail_from, trail_to;
	bool is_object;
};

struct ag_mask_json {
	const struct ag_mask_plan *plan;
	struct ag_mask_names names;
	struct ag_mask_trail trail;
	struct ag_mask_string string;
	struct or_buf shown;
	const struct pol_mask *mask; /* what the value that comes owes */
	size_t trail_from, trail_to; /* its trail */
	size_t depth, quiet_depth;
	const char *literal;
	const uint8_t *number_start; /* in the present piece, where its text is wanted */
	enum state state;
	enum number number;
	enum ag_mask_type type;
	bool lines, is_name;
	bool quiet;   /* nothing is put out */
	bool shows;   /* what stands for the value is put out once it is whole */
	uint8_t mark; /* bytes of it that have come */
	struct level levels[OR_JSON_DEPTH_MAX];
};

struct cursor {
	const uint8_t *at, *end, *run;
	struct or_buf *out;
};

struct ag_mask_json *ag_mask_json_new(const struct ag_mask_plan *plan, bool lines)
{
	struct ag_mask_json *m = or_mem_new(sizeof(*m));

	m->plan = plan;
	m->lines = lines;
	ag_mask_string_init(&m->string);
	or_buf_init(&m->shown, 2 * AG_MASK_VALUE_MAX);
	return m;
}

void ag_mask_json_free(struct ag_mask_json *m)
{
	if (!m)
		return;
	ag_mask_names_done(&m->names);
	ag_mask_plan_trail_done(&m->trail);
	ag_mask_string_done(&m->string);
	or_buf_done(&m->shown);
	or_mem_free(m);
}

static void flush(struct ag_mask_json *m, struct cursor *c)
{
	if (!m->quiet && c->at > c->run)
		or_buf_put(c->out, c->run, (size_t)(c->at - c->run));
	c->run = c->at;
}

/* -- what stands for a value -- */

/* RFC 8259 §7; what needs no escape stays as it is. */
static void put_string(struct or_buf *out, struct or_slice text)
{
	static const char hex[] = "0123456789abcdef";

	or_buf_put_byte(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		uint8_t b = text.p[i];

		if (b == '"' || b == '\\') {
			or_buf_put_byte(out, '\\');
			or_buf_put_byte(out, b);
		} else if (b < 0x20) {
			or_buf_put_str(out, "\\u00");
			or_buf_put_byte(out, (uint8_t)hex[b >> 4]);
			or_buf_put_byte(out, (uint8_t)hex[b & 15]);
		} else {
			or_buf_put_byte(out, b);
		}
	}
	or_buf_put_byte(out, '"');
}

static void put_shown(struct ag_mask_json *m, struct cursor *c, struct or_slice text)
{
	enum ag_mask_form form;

	or_buf_clear(&m->shown);
	form = ag_mask_value(&m->shown, m->mask, ag_mask_plan_hash_key(m->plan), m->type, text);
	if (form == AG_MASK_TEXT)
		put_string(c->out, or_buf_slice(&m->shown));
	else if (form == AG_MASK_BARE)
		or_buf_put_slice(c->out, or_buf_slice(&m->shown));
	else
		or_buf_put_str(c->out, "null");
}

static bool opens(uint8_t b)
{
	return b == '{' || b == '[';
}

static enum ag_mask_type type_of(uint8_t b)
{
	if (b == '"')
		return AG_MASK_STRING;
	return b == 't' || b == 'f' ? AG_MASK_BOOL : AG_MASK_NUMBER;
}

/* The value that begins with b owes a mask: puts out what stands for it, now or once it is read. */
static void begin_masked(struct ag_mask_json *m, struct cursor *c, uint8_t b)
{
	enum pol_mask_kind kind = m->mask->kind;
	bool whole = ag_mask_is_blind(kind) || kind == POL_MASK_DEFAULT;

	if ((b == 'n' && kind != POL_MASK_CONSTANT) || (b == '[' && !whole))
		return;
	flush(m, c);
	m->quiet = true;
	m->quiet_depth = m->depth;
	m->type = type_of(b);
	m->shows = !ag_mask_is_blind(kind) && !opens(b);
	if (m->shows)
		return;
	if (opens(b) && kind == POL_MASK_DEFAULT)
		or_buf_put_str(c->out, b == '{' ? "{}" : "[]");
	else if (opens(b) && !whole)
		or_buf_put_str(c->out, "null");
	else
		put_shown(m, c, OR_SLICE_NONE);
}

/* A value is whole, its last byte behind c->at; text is what it said, where that is wanted. */
static void end_value(struct ag_mask_json *m, struct cursor *c, struct or_slice text)
{
	if (m->quiet && m->depth == m->quiet_depth) {
		if (m->shows)
			put_shown(m, c, text);
		m->quiet = false;
		m->shows = false;
		c->run = c->at;
	}
	m->state = m->depth ? NEXT : DONE;
}

/* -- objects and lists -- */

static void expect_item(struct ag_mask_json *m, enum state state)
{
	const struct level *l = &m->levels[m->depth - 1];

	m->mask = l->mask;
	m->trail_from = l->trail_from;
	m->trail_to = l->trail_to;
	m->state = state;
}

static enum ag_mask_fault open_level(struct ag_mask_json *m, struct cursor *c, bool is_object)
{
	if (m->depth == OR_JSON_DEPTH_MAX)
		return AG_MASK_DEEP;
	m->levels[m->depth++] = (struct level){.is_object = is_object,
	    .names = ag_mask_names_open(&m->names),
	    .mask = is_object || m->quiet ? NULL : m->mask,
	    .trail_from = m->trail_from,
	    .trail_to = m->trail_to};
	c->at++;
	if (is_object)
		m->state = FIRST_NAME;
	else
		expect_item(m, FIRST_ITEM);
	return AG_MASK_FINE;
}

static void close_level(struct ag_mask_json *m, struct cursor *c)
{
	const struct level *l = &m->levels[--m->depth];

	if (l->is_object)
		ag_mask_names_close(&m->names, &l->names);
	c->at++;
	end_value(m, c, OR_SLICE_NONE);
}

static enum ag_mask_fault take_name(struct ag_mask_json *m, struct or_slice name)
{
	struct level *l = &m->levels[m->depth - 1];
	enum ag_mask_fault fault = ag_mask_names_add(&m->names, &l->names, name);

	m->state = COLON;
	if (fault || m->quiet)
		return fault;
	m->trail.n = l->trail_to;
	if (!ag_mask_plan_step(&m->mask, m->plan, &m->trail, l->trail_from, name))
		return AG_MASK_LARGE;
	m->trail_from = l->trail_to;
	m->trail_to = m->trail.n;
	return AG_MASK_FINE;
}

/* -- strings, numbers, literals -- */

static void begin_string(struct ag_mask_json *m, struct cursor *c, bool is_name)
{
	bool zero = !is_name && m->shows && m->mask->kind == POL_MASK_DEFAULT;

	m->is_name = is_name;
	m->string.strict = is_name;
	m->string.wanted = is_name || m->shows;
	m->string.cuts = zero;
	m->string.max = AG_MASK_VALUE_MAX;
	if (is_name)
		m->string.max = AG_MASK_JSON_NAME_MAX;
	else if (zero)
		m->string.max = ZERO_KEEPS;
	c->at++;
	ag_mask_string_start(&m->string, c->at);
	m->state = IN_STRING;
}

static enum ag_mask_fault take_string(struct ag_mask_json *m, struct cursor *c)
{
	struct or_slice text = OR_SLICE_NONE;
	enum ag_mask_fault fault;
	bool whole;

	fault = ag_mask_string_take(&m->string, &c->at, c->end, &whole);
	if (fault || !whole)
		return fault;
	if (m->string.wanted)
		fault = ag_mask_string_text(&m->string, &text, c->at);
	if (fault)
		return fault;
	c->at++;
	if (m->is_name)
		return take_name(m, text);
	end_value(m, c, text);
	return AG_MASK_FINE;
}

/* Text of numbers and literals is kept in the string's buffer where it is wanted. */
static void begin_bare(struct ag_mask_json *m, struct cursor *c, enum state state)
{
	m->string.text.n = 0;
	m->string.wanted = m->shows;
	m->string.cuts = false;
	m->string.max = AG_MASK_VALUE_MAX;
	m->string.escape = 0;
	m->string.pending = m->shows ? c->at : NULL;
	m->state = state;
}

static enum ag_mask_fault end_bare(struct ag_mask_json *m, struct cursor *c)
{
	struct or_slice text = OR_SLICE_NONE;
	enum ag_mask_fault fault = AG_MASK_FINE;

	if (m->string.wanted)
		fault = ag_mask_string_text(&m->string, &text, c->at);
	if (fault == AG_MASK_FINE)
		end_value(m, c, text);
	return fault;
}

static bool is_digit(uint8_t b)
{
	return b >= '0' && b <= '9';
}

static enum number behind_digits(enum number state, uint8_t b)
{
	if (b == '.' && (state == ZERO || state == INT))
		return POINT;
	return (b | 0x20) == 'e' && state != EXPONENT ? E : NUMBER_ENDS;
}

static enum number number_step(enum number state, uint8_t b)
{
	switch (state) {
	case SIGN: return b == '0' ? ZERO : INT;
	case ZERO:
	case INT:
	case FRACTION:
	case EXPONENT:
		if (is_digit(b) && state != ZERO)
			return state;
		return behind_digits(state, b);
	case POINT: return FRACTION;
	case E: return b == '+' || b == '-' ? E_SIGN : EXPONENT;
	case E_SIGN: return EXPONENT;
	case NUMBER_ENDS:
	default: return NUMBER_ENDS;
	}
}

/* True where a digit must come now. */
static bool wants_digit(enum number state)
{
	return state == SIGN || state == POINT || state == E || state == E_SIGN;
}

static enum ag_mask_fault take_number(struct ag_mask_json *m, struct cursor *c)
{
	for (; c->at < c->end; c->at++) {
		uint8_t b = *c->at;
		bool sign = m->number == E && (b == '+' || b == '-');
		enum number next;

		if (wants_digit(m->number) && !is_digit(b) && !sign)
			return AG_MASK_MALFORMED;
		next = number_step(m->number, b);
		if (next == NUMBER_ENDS)
			return end_bare(m, c);
		m->number = next;
	}
	return AG_MASK_FINE;
}

static enum ag_mask_fault take_literal(struct ag_mask_json *m, struct cursor *c)
{
	while (c->at < c->end && *m->literal) {
		if (*c->at != (uint8_t)*m->literal)
			return AG_MASK_MALFORMED;
		c->at++;
		m->literal++;
	}
	return *m->literal ? AG_MASK_FINE : end_bare(m, c);
}

static void begin_number(struct ag_mask_json *m, struct cursor *c)
{
	begin_bare(m, c, IN_NUMBER);
	m->number = SIGN;
	if (*c->at == '-')
		c->at++;
}

static void begin_literal(struct ag_mask_json *m, struct cursor *c, uint8_t b)
{
	begin_bare(m, c, IN_LITERAL);
	m->literal = b == 't' ? "true" : b == 'f' ? "false" : "null";
}

/* -- the grammar -- */

/* The value of a document, or of a line, owes nothing itself. */
static void begin_root(struct ag_mask_json *m)
{
	m->mask = NULL;
	m->trail.n = 0;
	m->trail_from = m->trail_to = 0;
}

static enum ag_mask_fault begin_value(struct ag_mask_json *m, struct cursor *c)
{
	uint8_t b = *c->at;

	if (!is_digit(b) && !strchr("{[\"-tfn", b | (b == 0)))
		return AG_MASK_MALFORMED;
	if (m->depth == 0)
		begin_root(m);
	if (m->mask && !m->quiet)
		begin_masked(m, c, b);
	if (opens(b))
		return open_level(m, c, b == '{');
	if (b == '"')
		begin_string(m, c, false);
	else if (b == '-' || is_digit(b))
		begin_number(m, c);
	else
		begin_literal(m, c, b);
	return AG_MASK_FINE;
}

static enum ag_mask_fault take_next(struct ag_mask_json *m, struct cursor *c)
{
	bool is_object = m->levels[m->depth - 1].is_object;
	uint8_t b = *c->at;

	if (b == (is_object ? '}' : ']')) {
		close_level(m, c);
		return AG_MASK_FINE;
	}
	if (b != ',')
		return AG_MASK_MALFORMED;
	c->at++;
	if (is_object)
		m->state = NAME;
	else
		expect_item(m, VALUE);
	return AG_MASK_FINE;
}

static enum ag_mask_fault take_colon(struct ag_mask_json *m, struct cursor *c)
{
	if (*c->at != ':')
		return AG_MASK_MALFORMED;
	c->at++;
	m->state = VALUE;
	return AG_MASK_FINE;
}

static enum ag_mask_fault take_mark(struct ag_mask_json *m, struct cursor *c)
{
	static const uint8_t mark[MARK_LEN] = {0xEF, 0xBB, 0xBF};

	if (m->mark == 0 && *c->at != mark[0]) {
		m->state = VALUE;
		return AG_MASK_FINE;
	}
	if (*c->at != mark[m->mark])
		return AG_MASK_MALFORMED;
	c->at++;
	if (++m->mark == MARK_LEN)
		m->state = VALUE;
	return AG_MASK_FINE;
}

/* Blanks; in NDJSON the end of a line ends a value, and nothing else does. */
static enum ag_mask_fault skip_blanks(struct ag_mask_json *m, struct cursor *c)
{
	while (c->at < c->end) {
		uint8_t b = *c->at;

		if (b != ' ' && b != '\t' && b != '\n' && b != '\r')
			break;
		if (m->lines && b == '\n' && m->depth)
			return AG_MASK_MALFORMED;
		if (m->lines && b == '\n' && m->state == DONE)
			m->state = VALUE;
		c->at++;
	}
	return AG_MASK_FINE;
}

static enum ag_mask_fault take_token(struct ag_mask_json *m, struct cursor *c)
{
	uint8_t b = *c->at;

	switch (m->state) {
	case FIRST_ITEM:
	case FIRST_NAME:
		if (b == (m->state == FIRST_NAME ? '}' : ']'))
			return take_next(m, c);
		m->state = m->state == FIRST_NAME ? NAME : VALUE;
		return AG_MASK_FINE;
	case NAME:
		if (b != '"')
			return AG_MASK_MALFORMED;
		begin_string(m, c, true);
		return AG_MASK_FINE;
	case VALUE: return begin_value(m, c);
	case COLON: return take_colon(m, c);
	case NEXT: return take_next(m, c);
	case DONE:
	case MARK:
	case IN_STRING:
	case IN_NUMBER:
	case IN_LITERAL:
	default: return AG_MASK_MALFORMED;
	}
}

static enum ag_mask_fault step(struct ag_mask_json *m, struct cursor *c)
{
	enum ag_mask_fault fault;

	switch (m->state) {
	case MARK: return take_mark(m, c);
	case IN_STRING: return take_string(m, c);
	case IN_NUMBER: return take_number(m, c);
	case IN_LITERAL: return take_literal(m, c);
	case VALUE:
	case FIRST_ITEM:
	case FIRST_NAME:
	case NAME:
	case COLON:
	case NEXT:
	case DONE:
	default: break;
	}
	fault = skip_blanks(m, c);
	if (fault || c->at == c->end)
		return fault;
	return take_token(m, c);
}

static bool is_inside(const struct ag_mask_json *m)
{
	return m->state == IN_STRING || m->state == IN_NUMBER || m->state == IN_LITERAL;
}

enum ag_mask_fault ag_mask_json_feed(
    struct ag_mask_json *m, struct or_slice in, size_t *used, struct or_buf *out, size_t high)
{
	struct cursor c = {.at = in.p, .end = in.p + in.n, .run = in.p, .out = out};
	enum ag_mask_fault fault = AG_MASK_FINE;

	if (is_inside(m))
		ag_mask_string_enter(&m->string, in.p);
	while (c.at < c.end && out->n < high && fault == AG_MASK_FINE)
		fault = step(m, &c);
	if (is_inside(m) && fault == AG_MASK_FINE)
		fault = ag_mask_string_leave(&m->string, c.at);
	flush(m, &c);
	*used = (size_t)(c.at - in.p);
	return fault;
}

enum ag_mask_fault ag_mask_json_end(struct ag_mask_json *m, struct or_buf *out)
{
	struct cursor c = {.out = out};
	enum ag_mask_fault fault = AG_MASK_FINE;

	if (m->depth == 0 && m->state == IN_NUMBER && !wants_digit(m->number))
		fault = end_bare(m, &c);
	if (fault)
		return fault;
	if (m->state == DONE || (m->lines && m->state == VALUE && m->depth == 0) ||
	    (m->lines && m->state == MARK && m->mark == 0))
		return AG_MASK_FINE;
	return AG_MASK_TRUNCATED;
}
