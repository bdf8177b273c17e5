/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/ask.h"

#include "agent/gate/query.h"
#include "base/http_path.h"
#include "base/str.h"

const char *ag_ask_target(struct ag_decide_ask *ask, struct or_slice *target, bool *changed,
    struct or_slice path, struct or_slice query, struct or_buf *scratch, struct or_arena *a)
{
	enum or_http_path_result result = or_http_path_canon(scratch, path, 0);
	size_t n = scratch->n;

	if (result >= OR_HTTP_PATH_NOT_ABSOLUTE)
		return or_http_path_name(result);
	if (changed)
		*changed = result == OR_HTTP_PATH_CHANGED;
	if (query.p) {
		or_buf_put_byte(scratch, '?');
		or_buf_put_slice(scratch, query);
	}
	*target = or_buf_ok(scratch) ? or_arena_dup(a, or_buf_slice(scratch)) : OR_SLICE_NONE;
	if (!target->p)
		return "full";
	ask->path = or_slice(target->p, n);
	return ag_query_keys(&ask->query_keys, &ask->n_query_keys, query, a) ? "query" : NULL;
}

struct or_slice ag_ask_token(const struct or_http_msg *msg)
{
	static const uint8_t malformed[1];
	struct or_slice token = OR_SLICE_NONE;

	for (size_t i = 0; i < msg->n_fields; i++) {
		struct or_slice value = msg->fields[i].value;

		if (!or_str_eq_nocase(msg->fields[i].name, OR_SLICE_LIT("authorization")))
			continue;
		if (token.p)
			return or_slice(malformed, 0);
		if (value.n < 7 || !or_str_eq_nocase(or_slice(value.p, 7), OR_SLICE_LIT("bearer ")))
			return OR_SLICE_NONE;
		token = or_str_trim(or_slice_from(value, 7));
	}
	return token;
}

bool ag_ask_purpose(struct or_slice *out, const struct or_http_msg *msg)
{
	static const char name[] = "X-Outrider-Purpose";
	const struct or_http_field *field = or_http_msg_find(msg, name);

	*out = OR_SLICE_NONE;
	if (!field)
		return true;
	*out = field->value;
	for (field++; field < msg->fields + msg->n_fields; field++) {
		if (or_str_eq_nocase(field->name, or_slice_str(name)))
			return false;
	}
	return or_str_is_utf8(*out);
}

struct or_slice ag_ask_grant(const struct or_http_msg *msg)
{
	static const char name[] = "X-Outrider-Break-Glass";
	const struct or_http_field *field = or_http_msg_find(msg, name);
	struct or_slice grant = field ? field->value : OR_SLICE_NONE;

	while (field && ++field < msg->fields + msg->n_fields) {
		if (or_str_eq_nocase(field->name, or_slice_str(name)))
			return OR_SLICE_LIT("two");
	}
	return grant;
}

struct or_slice ag_ask_client(const char *peer_text)
{
	struct or_slice text = or_slice_str(peer_text);
	size_t colon = text.n;

	if (or_str_has_prefix(text, "unix:"))
		return OR_SLICE_NONE;
	while (colon && text.p[colon - 1] != ':')
		colon--;
	text.n = colon ? colon - 1 : 0;
	if (text.n >= 2 && text.p[0] == '[')
		text = or_slice(text.p + 1, text.n - 2);
	if (or_str_has_prefix(text, "::ffff:") && memchr(text.p, '.', text.n))
		text = or_slice_from(text, 7);
	return text;
}
