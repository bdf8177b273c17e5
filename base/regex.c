/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text ─▶ tree ─▶ program (Thompson 1968, as Cox describes it) ─▶ sets of states.
 *
 * A set holds each state once, so that a character costs no more than the program is long.
 */
#include "base/regex.h"

#include "base/str.h"

enum { INFINITE = -1, REPEAT_MAX = 1000, EMIT_MAX = 100000, RANGES_MAX = 64 };

enum kind { EMPTY, CHAR, ANY, CLASS, BEGIN, END, EDGE, NO_EDGE, CAT, ALT, REPEAT };

struct range {
	uint32_t from, to;
};

struct set {
	bool negate;
	size_t n;
	struct range ranges[];
};

struct tree {
	enum kind kind;
	const struct tree *left, *right;
	uint32_t c;
	const struct set *set;
	int min, max;
};

enum op { OP_CHAR, OP_ANY, OP_CLASS, OP_BEGIN, OP_END, OP_EDGE, OP_NO_EDGE, OP_SPLIT, OP_MATCH };

struct inst {
	enum op op;
	uint16_t next, other; /* SPLIT: both */
	uint32_t c;
	const struct set *set;
};

struct or_regex {
	bool fold; /* ASCII letters of any case */
	uint16_t start;
	size_t n;
	struct inst program[];
};

/* ---- reading */

struct reader {
	struct or_slice text;
	size_t at;
	size_t fail_at;
	int depth;
	bool fold;
	struct or_arena *arena;
	struct or_err *err;
};

static enum or_code fail(struct reader *r, size_t at, const char *what)
{
	r->fail_at = at;
	return or_err_set(r->err, OR_PARSE, "%s", what);
}

static enum or_code no_memory(struct reader *r)
{
	return or_err_set(r->err, OR_FULL, "the expression needs more memory than its budget");
}

static bool has_more(const struct reader *r)
{
	return r->at < r->text.n;
}

static bool is_next(const struct reader *r, char c)
{
	return has_more(r) && r->text.p[r->at] == (uint8_t)c;
}

static bool take(struct reader *r, char c)
{
	bool is = is_next(r, c);

	r->at += is;
	return is;
}

static uint32_t fold_char(uint32_t c)
{
	return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

/* One code point of s; what is no UTF-8 is one byte and U+FFFD. */
static size_t decode(uint32_t *c, struct or_slice s)
{
	size_t n;

	if (s.p[0] < 0x80) {
		*c = s.p[0];
		return 1;
	}
	n = or_str_utf8_decode(c, s);
	if (n)
		return n;
	*c = 0xFFFD;
	return 1;
}

static uint32_t take_char(struct reader *r)
{
	uint32_t c;

	r->at += decode(&c, or_slice_from(r->text, r->at));
	return c;
}

static const struct tree *new_tree(
    struct reader *r, enum kind kind, const struct tree *left, const struct tree *right)
{
	struct tree *t = or_arena_alloc(r->arena, sizeof(*t));

	if (t)
		*t = (struct tree){.kind = kind, .left = left, .right = right};
	return t;
}

static enum or_code put_leaf(
    struct reader *r, const struct tree **out, enum kind kind, uint32_t c, const struct set *set)
{
	struct tree *t = or_arena_alloc(r->arena, sizeof(*t));

	if (!t)
		return no_memory(r);
	*t = (struct tree){.kind = kind, .c = r->fold ? fold_char(c) : c, .set = set};
	*out = t;
	return OR_OK;
}

struct ranges {
	struct range v[RANGES_MAX];
	size_t n;
};

static bool add_range(struct ranges *all, uint32_t from, uint32_t to)
{
	if (all->n == RANGES_MAX)
		return false;
	all->v[all->n++] = (struct range){from, to};
	return true;
}

/* What \d, \w and \s stand for, or without them; false: c is none of these. */
static bool add_named(struct ranges *all, char c)
{
	static const struct {
		char name;
		uint8_t n;
		struct range v[5];
	} sets[] = {
	    {'d', 1, {{'0', '9'}}},
	    {'w', 4, {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
	    {'s', 2, {{9, 13}, {' ', ' '}}},
	    {'D', 2, {{0, '0' - 1}, {'9' + 1, 0x10FFFF}}},
	    {'W', 5,
		{{0, '0' - 1}, {'9' + 1, 'A' - 1}, {'Z' + 1, '_' - 1}, {'_' + 1, 'a' - 1},
		    {'z' + 1, 0x10FFFF}}},
	    {'S', 3, {{0, 8}, {14, ' ' - 1}, {' ' + 1, 0x10FFFF}}},
	};

	for (size_t i = 0; i < OR_LEN(sets); i++) {
		if (sets[i].name != c)
			continue;
		for (size_t k = 0; k < sets[i].n; k++) {
			if (!add_range(all, sets[i].v[k].from, sets[i].v[k].to))
				return false;
		}
		return true;
	}
	return false;
}

static const struct set *make_set(struct reader *r, const struct ranges *all, bool negate)
{
	struct set *s = or_arena_alloc(r->arena, sizeof(*s) + all->n * sizeof(s->ranges[0]));

	if (!s)
		return NULL;
	s->negate = negate;
	s->n = all->n;
	memcpy(s->ranges, all->v, all->n * sizeof(s->ranges[0]));
	return s;
}

/* Behind a backslash at `at`: a character by another name, or a sign as it is. */
static enum or_code read_escape(struct reader *r, size_t at, uint32_t *out)
{
	static const char named[][2] = {{'n', '\n'}, {'r', '\r'}, {'t', '\t'}};
	uint32_t c;

	if (!has_more(r))
		return fail(r, at, "a backslash stands at the end");
	c = take_char(r);
	for (size_t i = 0; i < OR_LEN(named); i++) {
		if (c == (uint32_t)named[i][0]) {
			*out = (uint32_t)named[i][1];
			return OR_OK;
		}
	}
	if (c && c < 0x80 && strchr("123456789gk", (int)c))
		return fail(r, at, "references back are not taken: their time is not bounded");
	if ((fold_char(c) >= 'a' && fold_char(c) <= 'z') || c == '0')
		return fail(
		    r, at, "no such escape; there are \\d \\w \\s \\D \\W \\S \\b \\B \\n \\r \\t");
	*out = c;
	return OR_OK;
}

/* One end of a range; *is_set: it was \d and the like, which is in *all now. */
static enum or_code read_class_char(
    struct reader *r, struct ranges *all, uint32_t *out, bool *is_set)
{
	size_t at = r->at;

	*is_set = false;
	if (!take(r, '\\')) {
		*out = take_char(r);
		return OR_OK;
	}
	if (has_more(r) && add_named(all, (char)r->text.p[r->at])) {
		r->at++;
		*is_set = true;
		return OR_OK;
	}
	return read_escape(r, at, out);
}

static enum or_code read_class_item(struct reader *r, struct ranges *all)
{
	size_t at = r->at;
	uint32_t from = 0, to = 0;
	bool is_set;
	enum or_code rc;

	if (is_next(r, '[') && at + 1 < r->text.n && r->text.p[at + 1] == ':')
		return fail(r, at, "write \\d, \\w or \\s instead of [:name:]");
	rc = read_class_char(r, all, &from, &is_set);
	if (rc || is_set)
		return rc;
	to = from;
	if (is_next(r, '-') && r->at + 1 < r->text.n && r->text.p[r->at + 1] != ']') {
		r->at++;
		rc = read_class_char(r, all, &to, &is_set);
		if (!rc && (is_set || to < from))
			rc = fail(r, at, "this range goes backwards");
	}
	if (!rc && !add_range(all, from, to))
		rc = fail(r, at, "more than 64 ranges in one [ ]");
	return rc;
}

static enum or_code read_class(struct reader *r, const struct tree **out)
{
	size_t open = r->at - 1;
	struct ranges all = {.n = 0};
	bool negate = take(r, '^'), first = true;
	const struct set *set;

	for (; first || !is_next(r, ']'); first = false) {
		enum or_code rc;

		if (!has_more(r))
			return fail(r, open, "this [ does not end");
		rc = read_class_item(r, &all);
		if (rc)
			return rc;
	}
	r->at++;
	set = make_set(r, &all, negate);
	return set ? put_leaf(r, out, CLASS, 0, set) : no_memory(r);
}

static enum or_code read_alt(struct reader *r, const struct tree **out);

static enum or_code read_group(struct reader *r, const struct tree **out)
{
	size_t open = r->at - 1;
	enum or_code rc;

	if (take(r, '?') && !take(r, ':'))
		return fail(r, open,
		    "of (? there is only (?:…), and (?i) in front of all: the rest would not be "
		    "bounded in time");
	if (r->depth == OR_REGEX_DEPTH_MAX)
		return fail(r, open, "nested deeper than 32 levels");
	r->depth++;
	rc = read_alt(r, out);
	r->depth--;
	if (!rc && !take(r, ')'))
		rc = fail(r, open, "this ( does not end");
	return rc;
}

static enum or_code read_backslash(struct reader *r, const struct tree **out)
{
	size_t at = r->at - 1;
	struct ranges all = {.n = 0};
	const struct set *set;
	uint32_t c = 0;
	enum or_code rc;

	if (take(r, 'b'))
		return put_leaf(r, out, EDGE, 0, NULL);
	if (take(r, 'B'))
		return put_leaf(r, out, NO_EDGE, 0, NULL);
	if (has_more(r) && add_named(&all, (char)r->text.p[r->at])) {
		r->at++;
		set = make_set(r, &all, false);
		return set ? put_leaf(r, out, CLASS, 0, set) : no_memory(r);
	}
	rc = read_escape(r, at, &c);
	return rc ? rc : put_leaf(r, out, CHAR, c, NULL);
}

static enum or_code read_atom(struct reader *r, const struct tree **out)
{
	if (is_next(r, '*') || is_next(r, '+') || is_next(r, '?') || is_next(r, '{'))
		return fail(r, r->at, "nothing stands in front that could be repeated");
	if (take(r, '('))
		return read_group(r, out);
	if (take(r, '['))
		return read_class(r, out);
	if (take(r, '\\'))
		return read_backslash(r, out);
	if (take(r, '.'))
		return put_leaf(r, out, ANY, 0, NULL);
	if (take(r, '^'))
		return put_leaf(r, out, BEGIN, 0, NULL);
	if (take(r, '$'))
		return put_leaf(r, out, END, 0, NULL);
	return put_leaf(r, out, CHAR, take_char(r), NULL);
}

static bool read_number(struct reader *r, int *out)
{
	size_t from = r->at;
	uint64_t n;

	while (has_more(r) && r->text.p[r->at] >= '0' && r->text.p[r->at] <= '9')
		r->at++;
	if (or_str_u64(&n, or_slice(r->text.p + from, r->at - from)) || n > REPEAT_MAX)
		return false;
	*out = (int)n;
	return true;
}

/* {2} {2,} {2,5} behind the { */
static enum or_code read_bounds(struct reader *r, int *min, int *max)
{
	size_t open = r->at - 1;

	if (!read_number(r, min))
		return fail(r, open, "expected {2}, {2,} or {2,5}, of at most 1000");
	*max = *min;
	if (take(r, ',')) {
		*max = INFINITE;
		if (!is_next(r, '}') && (!read_number(r, max) || *max < *min))
			return fail(r, open, "expected {2}, {2,} or {2,5}, of at most 1000");
	}
	return take(r, '}') ? OR_OK : fail(r, open, "this { does not end");
}

static enum or_code read_repeat(struct reader *r, const struct tree **out)
{
	size_t start = r->at;
	bool again = false;
	enum or_code rc = read_atom(r, out);

	while (!rc) {
		int min = 0, max = INFINITE;
		struct tree *t;

		if (take(r, '+'))
			min = 1;
		else if (take(r, '?'))
			max = 1;
		else if (take(r, '{'))
			rc = read_bounds(r, &min, &max);
		else if (!take(r, '*'))
			break;
		if (!rc && again)
			rc = fail(r, start, "put ( ) around what is repeated twice");
		if (rc)
			return rc;
		take(r, '?'); /* lazy: the same texts */
		t = or_arena_alloc(r->arena, sizeof(*t));
		if (!t)
			return no_memory(r);
		*t = (struct tree){.kind = REPEAT, .left = *out, .min = min, .max = max};
		*out = t;
		again = true;
	}
	return rc;
}

static enum or_code read_cat(struct reader *r, const struct tree **out)
{
	const struct tree *all = new_tree(r, EMPTY, NULL, NULL), *one = NULL;

	while (all && has_more(r) && !is_next(r, '|') && !is_next(r, ')')) {
		enum or_code rc = read_repeat(r, &one);

		if (rc)
			return rc;
		all = all->kind == EMPTY ? one : new_tree(r, CAT, all, one);
	}
	*out = all;
	return all ? OR_OK : no_memory(r);
}

static enum or_code read_alt(struct reader *r, const struct tree **out)
{
	const struct tree *one = NULL;
	enum or_code rc = read_cat(r, out);

	while (!rc && take(r, '|')) {
		rc = read_cat(r, &one);
		if (rc)
			return rc;
		*out = new_tree(r, ALT, *out, one);
		if (!*out)
			return no_memory(r);
	}
	return rc;
}

/* ---- the program, from its end to its beginning: what comes next is known */

struct maker {
	struct inst program[OR_REGEX_PROGRAM_MAX];
	size_t n, steps;
	bool is_full;
};

static uint16_t put_inst(struct maker *m, struct inst i)
{
	if (m->n == OR_REGEX_PROGRAM_MAX) {
		m->is_full = true;
		return 0;
	}
	m->program[m->n] = i;
	return (uint16_t)m->n++;
}

static uint16_t put_split(struct maker *m, uint16_t a, uint16_t b)
{
	return put_inst(m, (struct inst){.op = OP_SPLIT, .next = a, .other = b});
}

static uint16_t emit(struct maker *m, const struct tree *t, uint16_t next);

static uint16_t emit_repeat(struct maker *m, const struct tree *t, uint16_t next)
{
	uint16_t end = next;

	if (t->max == INFINITE) {
		next = put_split(m, 0, end);
		if (m->is_full)
			return 0;
		m->program[next].next = emit(m, t->left, next);
	}
	for (int i = t->min; i < t->max && !m->is_full; i++)
		next = put_split(m, emit(m, t->left, next), end);
	for (int i = 0; i < t->min && !m->is_full; i++)
		next = emit(m, t->left, next);
	return next;
}

static uint16_t emit(struct maker *m, const struct tree *t, uint16_t next)
{
	static const enum op ops[] = {[CHAR] = OP_CHAR,
	    [ANY] = OP_ANY,
	    [CLASS] = OP_CLASS,
	    [BEGIN] = OP_BEGIN,
	    [END] = OP_END,
	    [EDGE] = OP_EDGE,
	    [NO_EDGE] = OP_NO_EDGE};
	uint16_t left;

	/* Repeating what is empty makes no instructions, but takes its time. */
	m->is_full = m->is_full || ++m->steps > EMIT_MAX;
	if (m->is_full || t->kind == EMPTY)
		return next;
	switch (t->kind) {
	case CAT:
		for (; t->kind == CAT; t = t->left)
			next = emit(m, t->right, next);
		return emit(m, t, next);
	case ALT: left = emit(m, t->left, next); return put_split(m, left, emit(m, t->right, next));
	case REPEAT: return emit_repeat(m, t, next);
	case EMPTY:
	case CHAR:
	case ANY:
	case CLASS:
	case BEGIN:
	case END:
	case EDGE:
	case NO_EDGE: break;
	}
	return put_inst(
	    m, (struct inst){.op = ops[t->kind], .next = next, .c = t->c, .set = t->set});
}

static enum or_code make(
    struct or_regex **out, struct reader *r, const struct tree *t, struct maker *m)
{
	struct or_regex *re;
	uint16_t start;

	m->n = m->steps = 0;
	m->is_full = false;
	start = emit(m, t, put_inst(m, (struct inst){.op = OP_MATCH}));
	if (m->is_full)
		return or_err_set(r->err, OR_FULL,
		    "the expression makes a program of more than %d steps: write it shorter, or "
		    "repeat less",
		    OR_REGEX_PROGRAM_MAX);
	re = or_arena_alloc(r->arena, sizeof(*re) + m->n * sizeof(re->program[0]));
	if (!re)
		return no_memory(r);
	re->fold = r->fold;
	re->start = start;
	re->n = m->n;
	memcpy(re->program, m->program, m->n * sizeof(re->program[0]));
	*out = re;
	return OR_OK;
}

enum or_code or_regex_compile(
    struct or_regex **out, struct or_slice text, struct or_arena *a, size_t *at, struct or_err *err)
{
	struct reader r = {.text = text, .arena = a, .err = err};
	const struct tree *t = NULL;
	struct maker m;
	enum or_code rc;

	*at = 0;
	if (text.n > OR_REGEX_TEXT_MAX)
		return or_err_set(
		    err, OR_FULL, "an expression has at most %d bytes", OR_REGEX_TEXT_MAX);
	if (or_str_has_prefix(text, "(?i)")) {
		r.fold = true;
		r.at = 4;
	}
	rc = read_alt(&r, &t);
	if (!rc && has_more(&r))
		rc = fail(&r, r.at, "this ) closes nothing");
	if (!rc)
		rc = make(out, &r, t, &m);
	if (rc == OR_PARSE)
		*at = r.fail_at;
	return rc;
}

/* ---- running */

struct states {
	uint16_t n;
	uint16_t list[OR_REGEX_PROGRAM_MAX];
	uint16_t place[OR_REGEX_PROGRAM_MAX]; /* in list, where list says so too */
};

/* Where the text is looked at. */
struct spot {
	bool is_begin, is_end, is_edge;
};

static bool has_state(const struct states *s, uint16_t i)
{
	return s->place[i] < s->n && s->list[s->place[i]] == i;
}

static void add_state(struct states *s, uint16_t i)
{
	if (has_state(s, i))
		return;
	s->place[i] = s->n;
	s->list[s->n++] = i;
}

static bool holds(enum op op, const struct spot *at)
{
	switch (op) {
	case OP_BEGIN: return at->is_begin;
	case OP_END: return at->is_end;
	case OP_EDGE: return at->is_edge;
	case OP_NO_EDGE: return !at->is_edge;
	case OP_SPLIT: return true;
	case OP_CHAR:
	case OP_ANY:
	case OP_CLASS:
	case OP_MATCH: break;
	}
	return false;
}

/* Adds what is reached without a character; the list itself is what is still to be looked at.
 * True: the end is reached. */
static bool close_states(const struct or_regex *re, struct states *s, const struct spot *at)
{
	for (uint16_t k = 0; k < s->n; k++) {
		const struct inst *i = &re->program[s->list[k]];

		if (i->op == OP_MATCH)
			return true;
		if (!holds(i->op, at))
			continue;
		add_state(s, i->next);
		if (i->op == OP_SPLIT)
			add_state(s, i->other);
	}
	return false;
}

static bool in_set(const struct set *s, uint32_t c)
{
	for (size_t i = 0; i < s->n; i++) {
		if (c >= s->ranges[i].from && c <= s->ranges[i].to)
			return !s->negate;
	}
	return s->negate;
}

static bool is_upper_or_lower_in_set(const struct set *s, uint32_t c)
{
	bool is_letter = fold_char(c) >= 'a' && fold_char(c) <= 'z';

	if (!is_letter)
		return in_set(s, c);
	/* Of a negated set neither may be in it. */
	return s->negate ? in_set(s, c | 32) && in_set(s, c & ~32U)
			 : in_set(s, c | 32) || in_set(s, c & ~32U);
}

static bool takes(const struct or_regex *re, const struct inst *i, uint32_t c)
{
	switch (i->op) {
	case OP_CHAR: return (re->fold ? fold_char(c) : c) == i->c;
	case OP_ANY: return c != '\n';
	case OP_CLASS: return re->fold ? is_upper_or_lower_in_set(i->set, c) : in_set(i->set, c);
	case OP_BEGIN:
	case OP_END:
	case OP_EDGE:
	case OP_NO_EDGE:
	case OP_SPLIT:
	case OP_MATCH: break;
	}
	return false;
}

static bool is_word(uint32_t c)
{
	return (c >= '0' && c <= '9') || (fold_char(c) >= 'a' && fold_char(c) <= 'z') || c == '_';
}

bool or_regex_match(const struct or_regex *re, struct or_slice text)
{
	struct states sets[2], *now = &sets[0], *next = &sets[1], *other;
	size_t at = 0, n = 0;
	bool was_word = false;
	uint32_t c = 0;

	memset(sets[0].place, 0, re->n * sizeof(sets[0].place[0]));
	memset(sets[1].place, 0, re->n * sizeof(sets[1].place[0]));
	now->n = 0;
	for (;;) {
		bool is_end = at == text.n, is_now_word;

		if (!is_end)
			n = decode(&c, or_slice_from(text, at));
		is_now_word = !is_end && is_word(c);
		add_state(now, re->start); /* a match may begin anywhere */
		if (close_states(re, now, &(struct spot){at == 0, is_end, was_word != is_now_word}))
			return true;
		if (is_end)
			return false;
		next->n = 0;
		for (uint16_t k = 0; k < now->n; k++) {
			const struct inst *i = &re->program[now->list[k]];

			if (takes(re, i, c))
				add_state(next, i->next);
		}
		other = now;
		now = next;
		next = other;
		was_word = is_now_word;
		at += n;
	}
}
