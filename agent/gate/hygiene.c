/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/hygiene.h"

#include "base/str.h"

/* Whole names, and prefixes (ended by '*'). Sorted by what they are about. */
static const char *const identity[] = {
    /* The credential is the gate's: an app that saw it could use it elsewhere. */
    "authorization",
    /* Who asks. */
    "x-outrider-*",
    "x-auth-*",
    "x-authenticated-*",
    "x-remote-*",
    "remote-*",
    "x-user*",
    "x-email",
    "x-groups",
    "x-roles",
    "x-webauth-*",
    "x-ms-client-principal*",
    "x-goog-authenticated-*",
    "x-amzn-oidc-*",
    "x-client-cert*",
    "x-client-dn",
    "x-client-verify",
    "x-ssl-*",
    "ssl-client-*",
    "client-cert*",
};

static const char *const stripped[] = {
    "x-envoy-*",
    /* Where it came from, or went to. */
    "forwarded",
    "x-forwarded*",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x-original-*",
    "x-rewrite-url",
    "x-http-method*",
    "x-method-override",
    /* An app behind CGI's naming takes these for settings and for framing, '_' for '-' too. */
    "proxy",
    "proxy-*",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "http2-settings",
    "expect",
    /* Written anew. */
    "host",
    "via",
    "traceparent",
};

static uint8_t fold(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint8_t)(c | 0x20);
	return c == '_' ? '-' : c;
}

static bool matches(struct or_slice name, const char *pattern)
{
	size_t i = 0;

	while (
	    i < name.n && pattern[i] && pattern[i] != '*' && fold(name.p[i]) == (uint8_t)pattern[i])
		i++;
	return pattern[i] == '*' || (i == name.n && !pattern[i]);
}

static bool is_among(struct or_slice name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (matches(name, list[i]))
			return true;
	}
	return false;
}

bool ag_hygiene_is_identity(struct or_slice name)
{
	return is_among(name, identity, OR_LEN(identity));
}

bool ag_hygiene_passes_in(const struct or_http_msg *msg, const struct or_http_field *field)
{
	return !ag_hygiene_is_identity(field->name) &&
	       !is_among(field->name, stripped, OR_LEN(stripped)) &&
	       !or_http_msg_is_hop(msg, field);
}

bool ag_hygiene_passes_out(const struct or_http_msg *msg, const struct or_http_field *field)
{
	return !or_http_msg_is_hop(msg, field);
}

static bool is_one_of(struct or_slice name, const char *const *list)
{
	for (; *list; list++) {
		if (matches(name, *list))
			return true;
	}
	return false;
}

bool ag_hygiene_asks_for_part(const struct or_http_field *field)
{
	static const char *const names[] = {
	    "accept-encoding", "range", "if-*", "a-im", "te", "want-*", NULL};

	return is_one_of(field->name, names);
}

static bool is_token(struct or_slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		bool letter = (s.p[i] | 0x20) >= 'a' && (s.p[i] | 0x20) <= 'z';
		bool digit = s.p[i] >= '0' && s.p[i] <= '9';

		if (!letter && !digit && !memchr("-._/", s.p[i], 4))
			return false;
	}
	return s.n > 0;
}

struct or_slice ag_hygiene_upgrade(const struct or_http_msg *msg)
{
	static const char *const never[] = {"h2*", "http*", "tls*", NULL};
	const struct or_http_field *found = NULL;

	if (!msg->upgrade || !msg->is_bodyless || !or_slice_is(msg->method, "GET"))
		return OR_SLICE_NONE;
	for (size_t i = 0; i < msg->n_fields; i++) {
		if (!matches(msg->fields[i].name, "upgrade"))
			continue;
		if (found)
			return OR_SLICE_NONE;
		found = &msg->fields[i];
	}
	return found && is_token(found->value) && !is_one_of(found->value, never) ? found->value
										  : OR_SLICE_NONE;
}

/* "gzip", "gzip;q=0.5"; not "gzip;q=0" or "gzip;q=0.000". */
static bool is_gzip(struct or_slice item)
{
	size_t semicolon = or_str_find(item, ';', 0), equals = or_str_find(item, '=', 0);
	struct or_slice name = or_str_trim(or_slice(item.p, semicolon));

	if (!or_str_eq_nocase(name, OR_SLICE_LIT("gzip")))
		return false;
	for (size_t i = equals + 1; i < item.n; i++) {
		if (item.p[i] >= '1' && item.p[i] <= '9')
			return true;
	}
	return semicolon == item.n;
}

bool ag_hygiene_takes_gzip(const struct or_http_msg *msg)
{
	for (size_t i = 0; i < msg->n_fields; i++) {
		struct or_slice list = msg->fields[i].value;

		if (!matches(msg->fields[i].name, "accept-encoding"))
			continue;
		for (size_t at = 0, end; at < list.n; at = end + 1) {
			end = or_str_find(list, ',', at);
			if (is_gzip(or_slice(list.p + at, end - at)))
				return true;
		}
	}
	return false;
}

bool ag_hygiene_is_of_bytes(const struct or_http_field *field)
{
	static const char *const names[] = {"etag", "last-modified", "accept-ranges",
	    "content-range", "content-md5", "digest", "content-digest", "repr-digest", "signature",
	    "signature-input", NULL};

	return is_one_of(field->name, names);
}
