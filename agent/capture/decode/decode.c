/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/decode/decode.h"

#include "agent/capture/decode/decode_logfmt.h"
#include "agent/capture/decode/level.h"
#include "base/str.h"

#include <string.h>

enum { TIME_MAX = 40, TRACE_LEN = 16, SPAN_LEN = 8 };

/* ---- what a value says */

/* Years 1970 to 2286 are told apart by their size, whatever they are counted in. */
static bool time_of_number(int64_t *ns, double v)
{
	if (!(v > 0) || v >= 1e19)
		return false;
	while (v < 1e18 && v < 9e18) {
		if (v < 1e11)
			v *= 1e9;
		else if (v < 1e14)
			v *= 1e6;
		else if (v < 1e17)
			v *= 1e3;
		else
			break;
	}
	if (v >= 9.2e18)
		return false;
	*ns = (int64_t)v;
	return true;
}

static bool time_of_int(int64_t *ns, int64_t v)
{
	int64_t unit = v < 100000000000LL         ? OR_NS_PER_S
		       : v < 100000000000000LL    ? OR_NS_PER_MS
		       : v < 100000000000000000LL ? 1000
						  : 1;

	return v > 0 && !__builtin_mul_overflow(v, unit, ns);
}

/* RFC 3339, also with a blank for T, a comma for the point, and no zone. */
static bool time_of_text(int64_t *ns, struct or_slice s)
{
	char text[TIME_MAX + 2];
	size_t n = s.n;

	if (or_str_time_parse(ns, s) == OR_OK)
		return true;
	if (n < 19 || n > TIME_MAX)
		return false;
	memcpy(text, s.p, n);
	if (text[10] == ' ')
		text[10] = 'T';
	if (n > 19 && text[19] == ',')
		text[19] = '.';
	if (or_str_time_parse(ns, or_slice(text, n)) == OR_OK)
		return true;
	text[n] = 'Z';
	return or_str_time_parse(ns, or_slice(text, n + 1)) == OR_OK;
}

static bool take_time(struct ag_decoded *out, const struct or_json *v, struct or_arena *a)
{
	(void)a;
	if (v->type == OR_JSON_INT)
		return time_of_int(&out->time_ns, v->i);
	if (v->type == OR_JSON_REAL)
		return time_of_number(&out->time_ns, v->r);
	return v->type == OR_JSON_STR && time_of_text(&out->time_ns, v->s);
}

static bool take_level(struct ag_decoded *out, const struct or_json *v, struct or_arena *a)
{
	(void)a;
	if (v->type == OR_JSON_INT)
		out->severity = ag_level_of_number(v->i);
	else if (v->type == OR_JSON_STR)
		out->severity = ag_level_of_name(v->s);
	if (out->severity && v->type == OR_JSON_STR)
		out->severity_text = v->s;
	return out->severity != 0;
}

static bool take_message(struct ag_decoded *out, const struct or_json *v, struct or_arena *a)
{
	(void)a;
	if (v->type != OR_JSON_STR)
		return false;
	out->message = v->s;
	return true;
}

/* An id of n bytes in hexadecimal digits, not all of them 0 (W3C Trace Context). */
static bool take_id(struct or_slice *out, const struct or_json *v, size_t n, struct or_arena *a)
{
	uint8_t *id = or_arena_alloc(a, n), any = 0;
	struct or_buf b;
	bool ok;

	if (!id || v->type != OR_JSON_STR || v->s.n != 2 * n)
		return false;
	or_buf_init(&b, n);
	ok = or_str_hex_decode(&b, v->s) == OR_OK;
	for (size_t i = 0; ok && i < n; i++)
		any |= id[i] = b.p[i];
	or_buf_done(&b);
	if (ok && any)
		*out = or_slice(id, n);
	return ok && any;
}

static bool take_trace(struct ag_decoded *out, const struct or_json *v, struct or_arena *a)
{
	return take_id(&out->trace_id, v, TRACE_LEN, a);
}

static bool take_span(struct ag_decoded *out, const struct or_json *v, struct or_arena *a)
{
	return take_id(&out->span_id, v, SPAN_LEN, a);
}

/* ---- which key says what */

typedef bool take_fn(struct ag_decoded *out, const struct or_json *v, struct or_arena *a);

static const struct {
	take_fn *take;
	const char *keys[7];
} meanings[] = {
    {take_time, {"time", "timestamp", "ts", "@timestamp", "datetime"}},
    {take_level, {"level", "severity", "lvl", "log.level", "loglevel", "levelname"}},
    {take_message, {"message", "msg", "@message", "log"}},
    {take_trace, {"trace_id", "traceId", "trace.id"}},
    {take_span, {"span_id", "spanId", "span.id"}},
};

static void drop_pair(struct ag_decoded *out, size_t at)
{
	memmove(&out->pairs[at], &out->pairs[at + 1], (out->n - at - 1) * sizeof(out->pairs[0]));
	out->n--;
}

static void take_meaning(struct ag_decoded *out, size_t m, struct or_arena *a)
{
	for (size_t k = 0; meanings[m].keys[k]; k++) {
		for (size_t i = 0; i < out->n; i++) {
			if (!or_slice_is(out->pairs[i].key, meanings[m].keys[k]) ||
			    !meanings[m].take(out, out->pairs[i].value, a))
				continue;
			drop_pair(out, i);
			return;
		}
	}
}

static bool is_shallow(const struct or_json *v, int depth)
{
	if (depth > AG_DECODE_DEPTH)
		return false;
	if (v->type == OR_JSON_ARRAY) {
		for (size_t i = 0; i < v->array.n; i++)
			if (!is_shallow(v->array.items[i], depth + 1))
				return false;
	} else if (v->type == OR_JSON_OBJECT) {
		for (size_t i = 0; i < v->object.n; i++)
			if (!is_shallow(v->object.members[i].value, depth + 1))
				return false;
	}
	return true;
}

static bool read_json(struct ag_decoded *out, struct or_slice text, struct or_arena *a)
{
	const struct or_json *j;

	text = or_str_trim(text);
	if (text.n && text.p[text.n - 1] == '\r')
		text.n--;
	if (text.n < 2 || text.p[0] != '{' || or_json_parse_nul(&j, text, a, NULL) ||
	    j->object.n > AG_DECODE_PAIRS || !is_shallow(j, 0))
		return false;
	out->pairs = or_arena_array(a, j->object.n + 1, sizeof(out->pairs[0]));
	if (!out->pairs)
		return false;
	for (size_t i = 0; i < j->object.n; i++) {
		const struct or_json_member *m = &j->object.members[i];

		out->pairs[out->n++] = (struct ag_decode_pair){m->key, m->value};
	}
	return true;
}

bool ag_decode_read(
    struct ag_decoded *out, enum ag_decode_kind kind, struct or_slice text, struct or_arena *a)
{
	struct ag_decoded d = {.message = text};
	bool ok = true;

	or_arena_clear(a);
	if (kind == AG_DECODE_SEVERITY)
		d.severity = ag_level_find(&d.severity_text, text);
	else if (kind == AG_DECODE_JSON)
		ok = read_json(&d, text, a);
	else if (kind == AG_DECODE_LOGFMT)
		ok = ag_decode_logfmt_read(&d, text, a);
	if (ok && kind >= AG_DECODE_JSON) {
		d.message = OR_SLICE_LIT("");
		for (size_t i = 0; i < OR_LEN(meanings); i++)
			take_meaning(&d, i, a);
	}
	*out = ok ? d : (struct ag_decoded){.message = text};
	return ok;
}

enum or_code ag_decode_kind_of(enum ag_decode_kind *out, struct or_slice name)
{
	static const char *const kinds[] = {"none", "severity", "json", "logfmt"};

	for (size_t i = 0; i < OR_LEN(kinds); i++) {
		if (or_slice_is(name, kinds[i])) {
			*out = (enum ag_decode_kind)i;
			return OR_OK;
		}
	}
	return OR_ABSENT;
}
