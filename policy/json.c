/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/json.h"

#include "base/map.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>

enum { SCRATCH_MAX = 256 << 20, MANY_KEYS = 16 };

struct reader {
	struct or_slice s;
	size_t at;
	size_t line_start;
	uint32_t line;
	int depth;
	int depth_max;
	struct or_arena *arena;
	const struct pol_source *src;
	struct pol_diags *diags;
	struct or_buf scratch;
	enum or_code rc;
};

/* What is allocated for each node: the tree's users see only the first member. */
struct placed {
	struct or_json j;
	size_t at;
	size_t len;
};

struct or_json *pol_json_new(struct or_arena *a, enum or_json_type type)
{
	struct placed *p = or_arena_alloc(a, sizeof(*p));

	if (!p)
		return NULL;
	p->j.type = type;
	return &p->j;
}

size_t pol_json_at(const struct or_json *j)
{
	return ((const struct placed *)(const void *)j)->at;
}

size_t pol_json_len(const struct or_json *j)
{
	return ((const struct placed *)(const void *)j)->len;
}

struct or_json *pol_json_str(struct or_arena *a, struct or_slice s)
{
	struct or_json *j = pol_json_new(a, OR_JSON_STR);

	if (j)
		j->s = s;
	return j;
}

static size_t offset_of(struct or_slice s, uint32_t line, uint32_t col)
{
	size_t at = 0;

	for (; line > 1 && at < s.n; line--)
		at = or_str_find(s, '\n', at) + 1;
	at += col ? col - 1 : 0;
	return at < s.n ? at : s.n;
}

enum or_code pol_json_fail(struct pol_diags *diags, const struct pol_source *src,
    const struct or_json *at, const char *fmt, ...)
{
	char msg[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	pol_diag_add(
	    diags, src, at ? offset_of(src->text, at->line, at->col) : 0, 1, NULL, "%s", msg);
	return OR_PARSE;
}

static const struct or_json *fail(struct reader *r, size_t at, const char *msg)
{
	if (r->rc == OR_OK) {
		r->rc = OR_PARSE;
		pol_diag_add(r->diags, r->src, at, 1, NULL, "%s", msg);
	}
	return NULL;
}

static const struct or_json *full(struct reader *r)
{
	r->rc = r->rc ? r->rc : OR_FULL;
	return NULL;
}

static void skip_blanks(struct reader *r)
{
	for (; r->at < r->s.n; r->at++) {
		uint8_t c = r->s.p[r->at];

		if (c == '\n') {
			r->line++;
			r->line_start = r->at + 1;
		} else if (c != ' ' && c != '\t' && c != '\r') {
			return;
		}
	}
}

static bool accept(struct reader *r, char c)
{
	skip_blanks(r);
	if (r->at >= r->s.n || r->s.p[r->at] != (uint8_t)c)
		return false;
	r->at++;
	return true;
}

static bool take_hex4(struct reader *r, uint32_t *out)
{
	uint32_t v = 0;

	if (r->s.n - r->at < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		uint8_t c = r->s.p[r->at++], low = c | 0x20;

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if (low >= 'a' && low <= 'f')
			v = v << 4 | (uint32_t)(low - 'a' + 10);
		else
			return false;
	}
	*out = v;
	return true;
}

static bool take_unicode(struct reader *r)
{
	uint32_t cp, low;

	if (!take_hex4(r, &cp))
		return false;
	if (cp >= 0xDC00 && cp < 0xE000)
		return false;
	if (cp >= 0xD800 && cp < 0xDC00) {
		if (r->s.n - r->at < 2 || r->s.p[r->at] != '\\' || r->s.p[r->at + 1] != 'u')
			return false;
		r->at += 2;
		if (!take_hex4(r, &low) || low < 0xDC00 || low >= 0xE000)
			return false;
		cp = 0x10000 + ((cp - 0xD800) << 10) + (low - 0xDC00);
	}
	or_str_utf8_encode(&r->scratch, cp);
	return true;
}

static bool take_escape(struct reader *r)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	uint8_t c = r->at < r->s.n ? r->s.p[r->at++] : 0;
	const char *hit = c ? strchr(from, c) : NULL;

	if (c == 'u')
		return take_unicode(r);
	if (!hit)
		return false;
	or_buf_put_byte(&r->scratch, (uint8_t)to[hit - from]);
	return true;
}

/* The token stands behind the opening quote. */
static bool take_string(struct reader *r, struct or_slice *out)
{
	size_t mark = r->scratch.n, start = r->at - 1;
	bool ok;

	for (;;) {
		size_t run = r->at;

		while (r->at < r->s.n && r->s.p[r->at] != '"' && r->s.p[r->at] != '\\' &&
		       r->s.p[r->at] >= 0x20)
			r->at++;
		or_buf_put(&r->scratch, r->s.p + run, r->at - run);
		if (r->at >= r->s.n || r->s.p[r->at] < 0x20) {
			fail(r, start, "this string does not end");
			return false;
		}
		if (r->s.p[r->at++] == '"')
			break;
		if (!take_escape(r)) {
			fail(r, r->at - 1, "this escape is not valid");
			return false;
		}
	}
	*out = or_arena_dup(r->arena, or_slice(r->scratch.p + mark, r->scratch.n - mark));
	ok = or_buf_ok(&r->scratch) && out->p;
	or_buf_cut(&r->scratch, mark);
	if (!ok)
		full(r);
	return ok;
}

static const struct or_json *read_value(struct reader *r);

/* Moves what was pushed since mark into the arena. */
static void *settle(struct reader *r, size_t mark, size_t *n, size_t size)
{
	void *to = or_buf_ok(&r->scratch) ? or_arena_alloc(r->arena, r->scratch.n - mark) : NULL;

	*n = (r->scratch.n - mark) / size;
	if (to && *n)
		memcpy(to, r->scratch.p + mark, r->scratch.n - mark);
	or_buf_cut(&r->scratch, mark);
	return to;
}

static const struct or_json *read_array(struct reader *r, struct or_json *j)
{
	size_t mark = r->scratch.n;

	j->type = OR_JSON_ARRAY;
	if (!accept(r, ']')) {
		do {
			const struct or_json *v = read_value(r);

			if (!v)
				return NULL;
			or_buf_put(&r->scratch, &v, sizeof(v));
		} while (accept(r, ','));
		if (!accept(r, ']'))
			return fail(r, r->at, "expected `,` or `]`");
	}
	j->array.items = settle(r, mark, &j->array.n, sizeof(*j->array.items));
	return j->array.items ? j : full(r);
}

static bool has_duplicate(const struct or_json_member *m, size_t n)
{
	bool found = false;

	if (n <= MANY_KEYS) {
		for (size_t i = 0; i < n; i++) {
			for (size_t k = 0; k < i; k++)
				found |= or_slice_eq(m[i].key, m[k].key);
		}
	} else {
		struct or_map seen;

		or_map_init(&seen, n);
		for (size_t i = 0; i < n && !found; i++)
			found = or_map_put(&seen, m[i].key, &seen) != OR_OK;
		or_map_done(&seen);
	}
	return found;
}

static bool read_member(struct reader *r)
{
	struct or_json_member m = {.value = NULL};

	if (!accept(r, '"')) {
		fail(r, r->at, "expected a key in quotes");
		return false;
	}
	if (!take_string(r, &m.key))
		return false;
	if (!accept(r, ':')) {
		fail(r, r->at, "expected `:`");
		return false;
	}
	m.value = read_value(r);
	if (m.value)
		or_buf_put(&r->scratch, &m, sizeof(m));
	return m.value != NULL;
}

static const struct or_json *read_object(struct reader *r, struct or_json *j)
{
	size_t mark = r->scratch.n, start = r->at - 1;

	j->type = OR_JSON_OBJECT;
	if (!accept(r, '}')) {
		do {
			if (!read_member(r))
				return NULL;
		} while (accept(r, ','));
		if (!accept(r, '}'))
			return fail(r, r->at, "expected `,` or `}`");
	}
	j->object.members = settle(r, mark, &j->object.n, sizeof(*j->object.members));
	if (!j->object.members)
		return full(r);
	if (has_duplicate(j->object.members, j->object.n))
		return fail(r, start, "a key is there twice in this object");
	return j;
}

static const struct or_json *read_number(struct reader *r, struct or_json *j)
{
	size_t start = r->at, digits = start + (r->s.p[start] == '-');

	r->at = digits;
	while (r->at < r->s.n && r->s.p[r->at] >= '0' && r->s.p[r->at] <= '9')
		r->at++;
	if (r->at == digits || (r->s.p[digits] == '0' && r->at - digits > 1))
		return fail(r, start, "this is not a number");
	if (r->at < r->s.n && strchr(".eE", r->s.p[r->at]) && r->s.p[r->at])
		return fail(r, start, "Cedar's numbers are integers");
	j->type = OR_JSON_INT;
	if (or_str_i64(&j->i, or_slice(r->s.p + start, r->at - start)))
		return fail(r, start, "this number does not fit in 64 bits");
	return j;
}

static const struct or_json *read_word(struct reader *r, struct or_json *j)
{
	static const struct {
		const char *text;
		enum or_json_type type;
		bool b;
	} words[] = {{"true", OR_JSON_BOOL, true}, {"false", OR_JSON_BOOL, false},
	    {"null", OR_JSON_NULL, false}};

	for (size_t i = 0; i < OR_LEN(words); i++) {
		if (or_str_has_prefix(or_slice_from(r->s, r->at), words[i].text)) {
			r->at += strlen(words[i].text);
			j->type = words[i].type;
			j->b = words[i].b;
			return j;
		}
	}
	return fail(r, r->at, "expected a value");
}

static const struct or_json *read_nested(struct reader *r, struct or_json *j, bool object)
{
	const struct or_json *done;

	if (r->depth == r->depth_max)
		return fail(r, r->at, "nested too deeply");
	r->depth++;
	r->at++;
	done = object ? read_object(r, j) : read_array(r, j);
	r->depth--;
	return done;
}

static const struct or_json *read_kind(struct reader *r, struct or_json *j)
{
	uint8_t c = r->s.p[r->at];

	if (c == '{' || c == '[')
		return read_nested(r, j, c == '{');
	if (c == '-' || (c >= '0' && c <= '9'))
		return read_number(r, j);
	if (c != '"')
		return read_word(r, j);
	r->at++;
	j->type = OR_JSON_STR;
	return take_string(r, &j->s) ? j : NULL;
}

static const struct or_json *read_value(struct reader *r)
{
	struct or_json *j = pol_json_new(r->arena, OR_JSON_NULL);
	const struct or_json *done;
	struct placed *p;

	if (!j)
		return full(r);
	skip_blanks(r);
	if (r->at >= r->s.n)
		return fail(r, r->at, "expected a value, found the end of the text");
	p = (struct placed *)(void *)j;
	p->at = r->at;
	j->line = r->line;
	j->col = (uint32_t)(r->at - r->line_start) + 1;
	done = read_kind(r, j);
	p->len = r->at - p->at;
	return done;
}

enum or_code pol_json_parse(const struct or_json **out, const struct pol_source *src,
    struct or_arena *a, struct pol_diags *diags)
{
	return pol_json_parse_deep(out, src, a, OR_JSON_DEPTH_MAX, diags);
}

enum or_code pol_json_parse_deep(const struct or_json **out, const struct pol_source *src,
    struct or_arena *a, int depth_max, struct pol_diags *diags)
{
	struct reader r = {.s = src->text,
	    .line = 1,
	    .depth_max = depth_max,
	    .arena = a,
	    .src = src,
	    .diags = diags};
	const struct or_json *j;

	if (!or_str_is_utf8(src->text)) {
		pol_diag_add(diags, src, 0, 1, NULL, "the text is not UTF-8");
		return OR_PARSE;
	}
	or_buf_init(&r.scratch, SCRATCH_MAX);
	j = read_value(&r);
	skip_blanks(&r);
	if (j && r.at != r.s.n)
		j = fail(&r, r.at, "there is something behind the value");
	or_buf_done(&r.scratch);
	if (!j)
		return r.rc;
	*out = j;
	return OR_OK;
}
