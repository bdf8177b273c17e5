/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/syslog/message.h"

#include "base/str.h"

#include <string.h>
#include <time.h>

enum { PRI_MAX = 191, USER_NOTICE = 13, HOST_MAX = 255, TAG_MAX = 64 };

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* Takes n bytes off the front. */
static struct or_slice take(struct or_slice *in, size_t n)
{
	struct or_slice s = or_slice(in->p, n);

	*in = or_slice_from(*in, n);
	return s;
}

static bool take_byte(struct or_slice *in, uint8_t c)
{
	if (!in->n || in->p[0] != c)
		return false;
	(void)take(in, 1);
	return true;
}

/* "<" 1*3DIGIT ">", up to 191 and without leading zeros. */
static bool take_pri(struct ag_message *out, struct or_slice *in)
{
	unsigned int pri = 0;
	size_t n = 1;

	if (in->n < 3 || in->p[0] != '<')
		return false;
	for (; n < in->n && n <= 3 && is_digit(in->p[n]); n++)
		pri = 10 * pri + in->p[n] - '0';
	if (n == 1 || n == in->n || in->p[n] != '>' || pri > PRI_MAX || (in->p[1] == '0' && n > 2))
		return false;
	out->facility = pri / 8;
	out->severity = pri % 8;
	(void)take(in, n + 1);
	return true;
}

/* ---- RFC 5424 §6 */

/* PRINTUSASCII of at most max bytes up to a blank; "-" is nothing. */
static bool take_field(struct or_slice *out, struct or_slice *in, size_t max)
{
	size_t n = 0;

	while (n < in->n && in->p[n] > ' ' && in->p[n] < 127)
		n++;
	if (n == 0 || n > max)
		return false;
	*out = take(in, n);
	if (or_slice_is(*out, "-"))
		*out = OR_SLICE_NONE;
	return true;
}

/* RFC 3339 with capitals and at most six digits of a second (§6.2.3). */
static bool read_time(int64_t *ns, struct or_slice s)
{
	size_t digits = 20;

	if (s.n < 20 || s.p[10] != 'T')
		return false;
	while (digits < s.n && is_digit(s.p[digits]))
		digits++;
	if (s.p[19] == '.' && (digits == 20 || digits > 26))
		return false;
	return s.p[s.n - 1] != 'z' && !or_slice_is(or_slice(s.p + 17, 2), "60") &&
	       or_str_time_parse(ns, s) == OR_OK;
}

static bool take_name(struct or_slice *out, struct or_slice *in)
{
	size_t n = 0;

	while (n < in->n && n <= 32 && in->p[n] > ' ' && in->p[n] < 127 && in->p[n] != '=' &&
	       in->p[n] != ']' && in->p[n] != '"')
		n++;
	if (n == 0 || n > 32)
		return false;
	*out = take(in, n);
	return true;
}

/* Behind the opening quote: up to the closing one, without the escapes of '"', '\' and ']'. */
static bool take_value(struct or_slice *out, struct or_slice *in, struct or_arena *a)
{
	size_t end = 0, n = 0;
	uint8_t *to;

	while (end < in->n && in->p[end] != '"' && in->p[end] != ']')
		end += in->p[end] == '\\' && end + 1 < in->n ? 2 : 1;
	if (end >= in->n || in->p[end] != '"')
		return false;
	to = or_arena_alloc(a, end);
	if (!to)
		return false;
	for (size_t i = 0; i < end; i++) {
		if (in->p[i] == '\\' && i + 1 < end && memchr("\"\\]", in->p[i + 1], 3))
			i++;
		to[n++] = in->p[i];
	}
	*out = or_slice(to, n);
	(void)take(in, end + 1);
	return or_str_is_utf8(*out);
}

static bool put_param(struct ag_message *out, const struct ag_message_param *p)
{
	if (out->n == AG_MESSAGE_PARAMS)
		return false;
	out->params[out->n++] = *p;
	return true;
}

/* "[" SD-ID *(SP PARAM-NAME "=" %d34 PARAM-VALUE %d34) "]"; an id stands there once (§6.3.2). */
static bool take_element(struct ag_message *out, struct or_slice *in, struct or_arena *a)
{
	struct ag_message_param p = {.name = OR_SLICE_NONE};
	size_t before = out->n;

	if (!take_byte(in, '[') || !take_name(&p.id, in))
		return false;
	for (size_t i = 0; i < before; i++) {
		if (or_slice_eq(out->params[i].id, p.id))
			return false;
	}
	while (take_byte(in, ' ')) {
		if (!take_name(&p.name, in) || !take_byte(in, '=') || !take_byte(in, '"') ||
		    !take_value(&p.value, in, a) || !put_param(out, &p))
			return false;
	}
	return take_byte(in, ']') && (out->n > before || put_param(out, &p));
}

static bool take_data(struct ag_message *out, struct or_slice *in, struct or_arena *a)
{
	if (take_byte(in, '-'))
		return true;
	do {
		if (!take_element(out, in, a))
			return false;
	} while (in->n && in->p[0] == '[');
	return true;
}

/* TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID SP */
static bool take_header(struct ag_message *out, struct or_slice *in)
{
	struct or_slice time;
	const struct {
		struct or_slice *field;
		size_t max;
	} fields[] = {{&time, 64}, {&out->host, HOST_MAX}, {&out->app, 48}, {&out->process, 128},
	    {&out->msg_id, 32}};

	for (size_t i = 0; i < OR_LEN(fields); i++) {
		if (!take_field(fields[i].field, in, fields[i].max) || !take_byte(in, ' '))
			return false;
	}
	return !time.n || read_time(&out->time_ns, time);
}

/* Behind the version. */
static bool read_5424(struct ag_message *out, struct or_slice in, struct or_arena *a)
{
	static const uint8_t bom[] = {0xEF, 0xBB, 0xBF};

	if (!take_header(out, &in) || !take_data(out, &in, a) || (in.n && !take_byte(&in, ' ')))
		return false;
	if (in.n >= sizeof(bom) && memcmp(in.p, bom, sizeof(bom)) == 0) {
		(void)take(&in, sizeof(bom)); /* what follows it is UTF-8 (§6.4) */
		if (!or_str_is_utf8(in))
			return false;
	}
	out->text = in;
	out->is_5424 = true;
	return true;
}

/* ---- RFC 3164 §4, and what is sent in its name */

static int month_of(struct or_slice s)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12 && s.n >= 3; i++) {
		if (memcmp(s.p, months + 3 * i, 3) == 0)
			return i;
	}
	return -1;
}

static int two(const uint8_t *p)
{
	int tens = p[0] == ' ' ? 0 : p[0] - '0';

	return is_digit(p[1]) && (is_digit(p[0]) || p[0] == ' ') ? 10 * tens + p[1] - '0' : -1;
}

/* Of the years around now the one that brings it nearest. */
static int64_t nearest_year(struct tm tm, int64_t now_ns)
{
	int64_t best = 0, best_off = INT64_MAX;
	time_t now = (time_t)(now_ns / OR_NS_PER_S);
	struct tm today;

	if (!gmtime_r(&now, &today))
		return 0;
	for (int y = today.tm_year - 1; y <= today.tm_year + 1; y++) {
		struct tm at = tm;
		int64_t t, off;

		at.tm_year = y;
		t = (int64_t)timegm(&at);
		off = t > now ? t - now : now - t;
		if (at.tm_mon == tm.tm_mon && off < best_off) {
			best = t;
			best_off = off;
		}
	}
	return best * OR_NS_PER_S;
}

static bool is_within(int v, int min, int max)
{
	return v >= min && v <= max;
}

/* "Nov 24 11:00:00 ", with a blank for the day's first digit. */
static bool take_bsd_time(int64_t *ns, struct or_slice *in, int64_t now_ns)
{
	static const char form[] = "xxx xx xx:xx:xx ";
	const uint8_t *p = in->p;
	struct tm tm = {0};

	if (in->n < sizeof(form) - 1)
		return false;
	for (size_t i = 0; form[i]; i++) {
		if (form[i] != 'x' && p[i] != (uint8_t)form[i])
			return false;
	}
	tm.tm_mon = month_of(*in);
	tm.tm_mday = two(p + 4);
	tm.tm_hour = two(p + 7);
	tm.tm_min = two(p + 10);
	tm.tm_sec = two(p + 13);
	if (tm.tm_mon < 0 || !is_within(tm.tm_mday, 1, 31) || !is_within(tm.tm_hour, 0, 23) ||
	    !is_within(tm.tm_min, 0, 59) || !is_within(tm.tm_sec, 0, 60))
		return false;
	*ns = nearest_year(tm, now_ns);
	(void)take(in, sizeof(form) - 1);
	return true;
}

static bool take_iso_time(int64_t *ns, struct or_slice *in)
{
	size_t n = or_str_find(*in, ' ', 0);

	if (n == in->n || or_str_time_parse(ns, or_slice(in->p, n)))
		return false;
	(void)take(in, n + 1);
	return true;
}

static size_t name_size(struct or_slice s)
{
	size_t n = 0;

	while (n < s.n && n < TAG_MAX && s.p[n] > ' ' && s.p[n] < 127 && s.p[n] != '[' &&
	       s.p[n] != ':')
		n++;
	return n;
}

/* "[17]", where there is one. False: what stands there is something else. */
static bool take_process(struct or_slice *out, struct or_slice *in)
{
	size_t end = or_str_find(*in, ']', 0);

	if (!in->n || in->p[0] != '[')
		return true;
	if (end == in->n || end > TAG_MAX || or_str_find(*in, ' ', 0) < end)
		return false;
	*out = or_slice(in->p + 1, end - 1);
	(void)take(in, end + 1);
	return true;
}

/* "name:", "name[pid]:", "name[pid]": what the RFC calls the tag. */
static bool take_tag(struct ag_message *out, struct or_slice *in)
{
	struct or_slice s = *in, process = OR_SLICE_NONE, name = take(&s, name_size(s));

	if (!name.n || !take_process(&process, &s) || (!take_byte(&s, ':') && !process.n) ||
	    (s.n && !take_byte(&s, ' ')))
		return false;
	out->app = name;
	out->process = process;
	*in = s;
	return true;
}

/* A host is one where a tag stands behind it: otherwise it is a word of the text. */
static void take_host(struct ag_message *out, struct or_slice *in)
{
	size_t n = or_str_find(*in, ' ', 0);
	struct or_slice rest;

	if (n == 0 || n == in->n || n > HOST_MAX)
		return;
	rest = or_slice_from(*in, n + 1);
	if (!take_tag(out, &rest))
		return;
	out->host = or_slice(in->p, n);
	*in = rest;
}

static void read_3164(struct ag_message *out, struct or_slice in, int64_t now_ns)
{
	bool has_time =
	    take_bsd_time(&out->time_ns, &in, now_ns) || take_iso_time(&out->time_ns, &in);

	if (!take_tag(out, &in) && has_time)
		take_host(out, &in);
	out->text = in;
}

void ag_message_read(struct ag_message *out, struct or_slice in, int64_t now_ns, struct or_arena *a)
{
	bool has_pri;

	/* Not all of it: the parameters are many, and counted. */
	memset(out, 0, offsetof(struct ag_message, params));
	out->n = 0;
	out->is_5424 = out->is_malformed = false;
	while (in.n && (in.p[in.n - 1] == '\n' || in.p[in.n - 1] == '\r' || !in.p[in.n - 1]))
		in.n--;
	out->facility = USER_NOTICE / 8;
	out->severity = USER_NOTICE % 8;
	has_pri = take_pri(out, &in);
	out->text = in;
	if (has_pri && in.n > 1 && in.p[0] == '1' && in.p[1] == ' ') {
		struct ag_message m = *out;

		if (read_5424(&m, or_slice_from(in, 2), a))
			*out = m;
		else
			out->is_malformed = true;
		return;
	}
	if (!has_pri)
		out->is_malformed = true;
	else
		read_3164(out, in, now_ns);
}
