/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/trace.h"

#include "base/http_chars.h"
#include "base/rng.h"
#include "base/str.h"

#define MEMBERS_MAX 32
#define KEY_MAX     256
#define VALUE_MAX   256

enum { SAMPLED = 1, RANDOM = 2 };

/* Lower-case hexadecimal only (§3.2.2); false where a digit is none. */
static bool read_hex(uint8_t *out, struct or_slice s)
{
	for (size_t i = 0; i < s.n; i += 2) {
		int high = or_http_chars_hex(s.p[i]), low = or_http_chars_hex(s.p[i + 1]);

		if (high < 0 || low < 0 || (s.p[i] >= 'A' && s.p[i] <= 'F') ||
		    (s.p[i + 1] >= 'A' && s.p[i + 1] <= 'F'))
			return false;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool is_zero(const uint8_t *p, size_t n)
{
	while (n && !p[n - 1])
		n--;
	return n == 0;
}

/* version "-" trace-id "-" parent-id "-" flags; a later version may have more behind a '-'. */
static bool read_parent(struct ag_trace *t, struct or_slice s)
{
	uint8_t version, flags;

	if (s.n < AG_TRACE_PARENT_LEN || s.p[2] != '-' || s.p[35] != '-' || s.p[52] != '-')
		return false;
	if (!read_hex(&version, or_slice(s.p, 2)) || !read_hex(t->id, or_slice(s.p + 3, 32)) ||
	    !read_hex(t->parent, or_slice(s.p + 36, 16)) ||
	    !read_hex(&flags, or_slice(s.p + 53, 2)))
		return false;
	if (version == 0xff ||
	    (s.n > AG_TRACE_PARENT_LEN && (version == 0 || s.p[AG_TRACE_PARENT_LEN] != '-')))
		return false;
	t->flags = flags & (SAMPLED | RANDOM);
	return !is_zero(t->id, sizeof(t->id)) && !is_zero(t->parent, sizeof(t->parent));
}

/* Level 2 §3.3.1.3.1: it starts with a letter or digit; '@' may stand anywhere behind. */
static bool is_key(struct or_slice key)
{
	if (!key.n || key.n > KEY_MAX)
		return false;
	for (size_t i = 0; i < key.n; i++) {
		uint8_t c = key.p[i];
		bool alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		if (!alnum && (i == 0 || !memchr("_-*/@", c, 5)))
			return false;
	}
	return true;
}

bool ag_trace_is_member(struct or_slice member)
{
	size_t at = or_str_find(member, '=', 0);
	struct or_slice value;

	if (at == member.n || !is_key(or_slice(member.p, at)))
		return false;
	value = or_slice_from(member, at + 1);
	if (!value.n || value.n > VALUE_MAX || value.p[value.n - 1] == ' ')
		return false;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < 0x20 || value.p[i] > 0x7e || value.p[i] == ',' ||
		    value.p[i] == '=')
			return false;
	}
	return true;
}

/* Well formed over all fields together. */
static bool is_state(const struct or_http_msg *msg)
{
	size_t n = 0;

	for (size_t i = 0; i < msg->n_fields; i++) {
		struct or_slice member;
		size_t at = 0;

		if (!or_str_eq_nocase(msg->fields[i].name, OR_SLICE_LIT("tracestate")))
			continue;
		while (or_http_msg_next_token(&member, msg->fields[i].value, &at)) {
			if (n++ == MEMBERS_MAX || !ag_trace_is_member(member))
				return false;
		}
	}
	return true;
}

void ag_trace_start(struct ag_trace *out)
{
	uint8_t both[AG_TRACE_ID_LEN + AG_TRACE_SPAN_LEN];

	*out = (struct ag_trace){.flags = SAMPLED | RANDOM};
	or_rng_id(both, sizeof(both));
	memcpy(out->id, both, sizeof(out->id));
	memcpy(out->span, both + sizeof(out->id), sizeof(out->span));
	/* All zeros is no id (§3.2.2.3). */
	out->id[0] |= is_zero(out->id, sizeof(out->id));
	out->span[0] |= is_zero(out->span, sizeof(out->span));
}

void ag_trace_read(struct ag_trace *out, const struct or_http_msg *msg)
{
	struct ag_trace given = {0};
	size_t n = 0;
	bool valid = false;

	for (size_t i = 0; i < msg->n_fields; i++) {
		if (or_str_eq_nocase(msg->fields[i].name, OR_SLICE_LIT("traceparent")) && n++ == 0)
			valid = read_parent(&given, msg->fields[i].value);
	}
	ag_trace_start(out);
	if (!valid || n > 1)
		return;
	memcpy(out->id, given.id, sizeof(out->id));
	memcpy(out->parent, given.parent, sizeof(out->parent));
	out->flags = given.flags;
	out->continued = true;
	out->keeps_state = is_state(msg);
}

static char *put_hex(char *to, const uint8_t *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*to++ = digits[p[i] >> 4];
		*to++ = digits[p[i] & 15];
	}
	return to;
}

void ag_trace_parent(char out[AG_TRACE_PARENT_LEN + 1], const struct ag_trace *t)
{
	char *to = out;

	*to++ = '0';
	*to++ = '0';
	*to++ = '-';
	to = put_hex(to, t->id, sizeof(t->id));
	*to++ = '-';
	to = put_hex(to, t->span, sizeof(t->span));
	*to++ = '-';
	to = put_hex(to, &t->flags, 1);
	*to = 0;
}
