/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a field is not wanted its bytes are only looked at; the header's names and masked fields
 * are collected, without their quotes.
 *
 * A row is put out once it is known to have as many fields as the header: in a row with a field
 * too many every value behind it stands under a wrong name. A row that lies in one piece goes to
 * the output at once and is cut off again should the piece end inside it; one that is cut waits in
 * `held`.
 */
#include "agent/gate/mask/mask_csv.h"

#include "base/mem.h"
#include "base/str.h"

enum { MARK_LEN = 3 };

enum state {
	MARK,
	FIELD, /* the start of a field */
	BARE,
	QUOTED,
	QUOTE,   /* behind a quote in a quoted field: its end, or a quote of its text */
	ROW_END, /* behind a CR */
};

struct ag_mask_csv {
	const struct ag_mask_plan *plan;
	const struct pol_mask **masks; /* by column */
	struct ag_mask_trail trail;
	struct or_buf field, shown;
	struct or_buf held;     /* of a row that began in another piece */
	const uint8_t *pending; /* what of it lies in this piece */
	size_t n_columns, masks_cap;
	size_t column;
	enum state state;
	uint8_t mark;
	bool has_header, wanted;
	bool holding;
};

struct cursor {
	const uint8_t *at, *end, *run;
	struct or_buf *out;   /* the caller's, or held */
	struct or_buf *shown; /* the caller's */
	size_t rows;          /* bytes of it that are whole rows */
};

struct ag_mask_csv *ag_mask_csv_new(const struct ag_mask_plan *plan)
{
	struct ag_mask_csv *m = or_mem_new(sizeof(*m));

	m->plan = plan;
	or_buf_init(&m->field, 2 * AG_MASK_VALUE_MAX);
	or_buf_init(&m->shown, 2 * AG_MASK_VALUE_MAX);
	or_buf_init(&m->held, 2 * AG_MASK_CSV_ROW_MAX);
	return m;
}

void ag_mask_csv_free(struct ag_mask_csv *m)
{
	if (!m)
		return;
	ag_mask_plan_trail_done(&m->trail);
	or_buf_done(&m->field);
	or_buf_done(&m->shown);
	or_buf_done(&m->held);
	or_mem_free(m->masks);
	or_mem_free(m);
}

static bool is_masked(const struct ag_mask_csv *m)
{
	return m->has_header && m->wanted;
}

static void flush(struct ag_mask_csv *m, struct cursor *c)
{
	if (!is_masked(m) && c->at > c->run)
		or_buf_put(c->out, c->run, (size_t)(c->at - c->run));
	c->run = c->at;
}

static enum ag_mask_fault keep_pending(struct ag_mask_csv *m, const uint8_t *end)
{
	const uint8_t *from = m->pending;

	m->pending = NULL;
	if (!from || from == end)
		return AG_MASK_FINE;
	if ((size_t)(end - from) > AG_MASK_VALUE_MAX - m->field.n)
		return AG_MASK_LARGE;
	or_buf_put(&m->field, from, (size_t)(end - from));
	return AG_MASK_FINE;
}

/* -- fields -- */

/* Digits from *at on; false where there are none. */
static bool skip_digits(struct or_slice s, size_t *at)
{
	size_t from = *at;

	while (*at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9')
		++*at;
	return *at > from;
}

static bool is_at(struct or_slice s, size_t at, const char *any)
{
	return at < s.n && s.p[at] && strchr(any, s.p[at]);
}

/* RFC 8259 §6, so that 007 and 1.2.3 are text. */
static bool is_number(struct or_slice s)
{
	size_t i = is_at(s, 0, "-"), from = i;

	if (!skip_digits(s, &i) || (s.p[from] == '0' && i - from > 1))
		return false;
	if (is_at(s, i, ".") && (i++, !skip_digits(s, &i)))
		return false;
	if (is_at(s, i, "eE")) {
		i++;
		i += is_at(s, i, "+-");
		if (!skip_digits(s, &i))
			return false;
	}
	return i == s.n;
}

static enum ag_mask_type type_of(struct or_slice s)
{
	if (or_str_eq_nocase(s, OR_SLICE_LIT("true")) || or_str_eq_nocase(s, OR_SLICE_LIT("false")))
		return AG_MASK_BOOL;
	return is_number(s) ? AG_MASK_NUMBER : AG_MASK_STRING;
}

static void put_field(struct or_buf *out, struct or_slice text)
{
	bool quote = false;

	for (size_t i = 0; i < text.n && !quote; i++)
		quote = strchr("\",\r\n", text.p[i]) && text.p[i];
	if (!quote) {
		or_buf_put_slice(out, text);
		return;
	}
	or_buf_put_byte(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"')
			or_buf_put_byte(out, '"');
		or_buf_put_byte(out, text.p[i]);
	}
	or_buf_put_byte(out, '"');
}

static enum ag_mask_fault name_column(struct ag_mask_csv *m)
{
	struct or_slice name = or_str_trim(or_buf_slice(&m->field));
	const struct pol_mask *mask;

	if (!or_str_is_utf8(name))
		return AG_MASK_MALFORMED;
	if (m->n_columns == AG_MASK_CSV_COLUMNS_MAX)
		return AG_MASK_LARGE;
	m->trail.n = 0;
	if (!ag_mask_plan_step(&mask, m->plan, &m->trail, 0, name))
		return AG_MASK_LARGE;
	if (m->n_columns == m->masks_cap) {
		m->masks_cap = m->masks_cap ? m->masks_cap * 2 : 32;
		m->masks = or_mem_resize(m->masks, m->masks_cap * sizeof(*m->masks));
	}
	m->masks[m->n_columns++] = mask;
	return AG_MASK_FINE;
}

static enum ag_mask_fault show_field(struct ag_mask_csv *m, struct cursor *c)
{
	const struct pol_mask *mask = m->masks[m->column];
	struct or_slice text = or_buf_slice(&m->field);

	if (!or_str_is_utf8(text))
		return AG_MASK_MALFORMED;
	or_buf_clear(&m->shown);
	if (text.n || mask->kind == POL_MASK_CONSTANT)
		(void)ag_mask_value(
		    &m->shown, mask, ag_mask_plan_hash_key(m->plan), type_of(text), text);
	put_field(c->out, or_buf_slice(&m->shown));
	return AG_MASK_FINE;
}

/* The field ended before c->at. */
static enum ag_mask_fault end_field(struct ag_mask_csv *m, struct cursor *c)
{
	enum ag_mask_fault fault = keep_pending(m, c->at);

	if (fault)
		return fault;
	if (!m->has_header) {
		fault = name_column(m);
	} else if (m->column >= m->n_columns) {
		fault = AG_MASK_MALFORMED;
	} else if (m->wanted) {
		fault = show_field(m, c);
		c->run = c->at;
	}
	m->wanted = false;
	m->column++;
	m->state = FIELD;
	return fault;
}

static struct cursor begin(struct ag_mask_csv *m, struct or_slice in, struct or_buf *out)
{
	return (struct cursor){.at = in.p,
	    .end = in.p + in.n,
	    .run = in.p,
	    .out = m->holding ? &m->held : out,
	    .shown = out,
	    .rows = out->n};
}

static bool is_row_large(const struct ag_mask_csv *m, const struct cursor *c)
{
	return (m->holding ? m->held.n : c->shown->n - c->rows) > AG_MASK_CSV_ROW_MAX;
}

/* The row ends before c->at, and may be seen. */
static enum ag_mask_fault end_row(struct ag_mask_csv *m, struct cursor *c)
{
	if (m->has_header && m->column != m->n_columns)
		return AG_MASK_MALFORMED;
	flush(m, c);
	if (is_row_large(m, c))
		return AG_MASK_LARGE;
	if (m->holding) {
		or_buf_put_slice(c->shown, or_buf_slice(&m->held));
		or_buf_clear(&m->held);
	}
	m->holding = false;
	c->out = c->shown;
	c->rows = c->shown->n;
	m->has_header = true;
	m->column = 0;
	m->state = FIELD;
	return AG_MASK_FINE;
}

/* The piece ends: what is no whole row yet is taken back. */
static enum ag_mask_fault leave(struct ag_mask_csv *m, struct cursor *c, enum ag_mask_fault fault)
{
	flush(m, c);
	if (!fault && is_row_large(m, c))
		fault = AG_MASK_LARGE;
	if (!fault && !m->holding && c->shown->n > c->rows) {
		or_buf_put_slice(&m->held, or_slice_from(or_buf_slice(c->shown), c->rows));
		m->holding = true;
	}
	or_buf_cut(c->shown, c->rows);
	return fault;
}

static void begin_field(struct ag_mask_csv *m, struct cursor *c)
{
	bool wanted = !m->has_header || (m->column < m->n_columns && m->masks[m->column]);

	if (wanted)
		flush(m, c);
	m->wanted = wanted;
	m->state = BARE;
	m->field.n = 0;
	m->pending = wanted ? c->at : NULL;
	if (*c->at != '"')
		return;
	m->state = QUOTED;
	c->at++;
	m->pending = wanted ? c->at : NULL;
}

/* -- the grammar -- */

/* A comma or the row's end, behind a field. */
static enum ag_mask_fault take_end(struct ag_mask_csv *m, struct cursor *c)
{
	uint8_t b = *c->at;
	enum ag_mask_fault fault = end_field(m, c);

	c->at++;
	if (fault)
		return fault;
	if (b == ',')
		return m->has_header && m->column == m->n_columns ? AG_MASK_MALFORMED
								  : AG_MASK_FINE;
	if (b == '\r') {
		m->state = ROW_END;
		return AG_MASK_FINE;
	}
	return end_row(m, c);
}

static bool ends_field(uint8_t b)
{
	return b == ',' || b == '\n' || b == '\r';
}

static enum ag_mask_fault take_bare(struct ag_mask_csv *m, struct cursor *c)
{
	for (; c->at < c->end; c->at++) {
		uint8_t b = *c->at;

		if (b > ',' && b != ';' && b != '|')
			continue;
		if (ends_field(b))
			return take_end(m, c);
		if (b == '"')
			return AG_MASK_MALFORMED;
		if (!m->has_header && (b == ';' || b == '|' || b == '\t'))
			return AG_MASK_TYPE;
	}
	return AG_MASK_FINE;
}

static enum ag_mask_fault take_quoted(struct ag_mask_csv *m, struct cursor *c)
{
	const uint8_t *quote = memchr(c->at, '"', (size_t)(c->end - c->at));
	enum ag_mask_fault fault;

	if (!quote) {
		c->at = c->end;
		return AG_MASK_FINE;
	}
	c->at = quote;
	fault = keep_pending(m, quote);
	c->at++;
	m->state = QUOTE;
	return fault;
}

static enum ag_mask_fault take_behind_quote(struct ag_mask_csv *m, struct cursor *c)
{
	if (ends_field(*c->at))
		return take_end(m, c);
	if (*c->at != '"')
		return AG_MASK_MALFORMED;
	m->state = QUOTED;
	m->pending = m->wanted ? c->at : NULL; /* the second quote stands for one */
	c->at++;
	return AG_MASK_FINE;
}

static enum ag_mask_fault take_mark(struct ag_mask_csv *m, struct cursor *c)
{
	static const uint8_t mark[MARK_LEN] = {0xEF, 0xBB, 0xBF};

	if (*c->at != mark[m->mark])
		return m->mark ? AG_MASK_MALFORMED : (m->state = FIELD, AG_MASK_FINE);
	c->at++;
	if (++m->mark == MARK_LEN)
		m->state = FIELD;
	return AG_MASK_FINE;
}

static enum ag_mask_fault take_row_end(struct ag_mask_csv *m, struct cursor *c)
{
	if (*c->at != '\n')
		return AG_MASK_MALFORMED;
	c->at++;
	return end_row(m, c);
}

static enum ag_mask_fault step(struct ag_mask_csv *m, struct cursor *c)
{
	switch (m->state) {
	case MARK: return take_mark(m, c);
	case FIELD: begin_field(m, c); return AG_MASK_FINE;
	case BARE: return take_bare(m, c);
	case QUOTED: return take_quoted(m, c);
	case QUOTE: return take_behind_quote(m, c);
	case ROW_END:
	default: return take_row_end(m, c);
	}
}

enum ag_mask_fault ag_mask_csv_feed(
    struct ag_mask_csv *m, struct or_slice in, size_t *used, struct or_buf *out, size_t high)
{
	struct cursor c = begin(m, in, out);
	enum ag_mask_fault fault = AG_MASK_FINE;

	if (m->wanted && (m->state == BARE || m->state == QUOTED))
		m->pending = in.p;
	while (c.at < c.end && out->n < high && fault == AG_MASK_FINE)
		fault = step(m, &c);
	if (fault == AG_MASK_FINE)
		fault = keep_pending(m, c.at);
	*used = (size_t)(c.at - in.p);
	return leave(m, &c, fault);
}

enum ag_mask_fault ag_mask_csv_end(struct ag_mask_csv *m, struct or_buf *out)
{
	static const uint8_t nothing[1];
	struct cursor c = begin(m, or_slice(nothing, 0), out);
	enum ag_mask_fault fault;

	if (m->state == QUOTED || m->state == ROW_END || (m->state == MARK && m->mark))
		return AG_MASK_TRUNCATED;
	if (m->state == MARK)
		return AG_MASK_FINE;
	if (m->state == FIELD && m->column == 0 && m->has_header)
		return AG_MASK_FINE;
	/* a comma before the end is followed by an empty field, and so is a byte order mark */
	if (m->state == FIELD)
		begin_field(m, &c);
	fault = end_field(m, &c);
	if (!fault)
		fault = end_row(m, &c);
	return leave(m, &c, fault);
}
