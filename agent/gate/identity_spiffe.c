/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/identity_spiffe.h"

#include "base/str.h"

static const char scheme[] = "spiffe://";

const char *ag_identity_spiffe_fault_name(enum ag_identity_spiffe_fault fault)
{
	static const char *const names[] = {
	    [AG_IDENTITY_SPIFFE_OK] = "ok",
	    [AG_IDENTITY_SPIFFE_LONG] = "too_long",
	    [AG_IDENTITY_SPIFFE_SCHEME] = "scheme",
	    [AG_IDENTITY_SPIFFE_NO_DOMAIN] = "no_trust_domain",
	    [AG_IDENTITY_SPIFFE_DOMAIN_LONG] = "trust_domain_too_long",
	    [AG_IDENTITY_SPIFFE_DOMAIN_BYTE] = "trust_domain_character",
	    [AG_IDENTITY_SPIFFE_SEGMENT] = "empty_segment",
	    [AG_IDENTITY_SPIFFE_DOTS] = "dot_segment",
	    [AG_IDENTITY_SPIFFE_PATH_BYTE] = "path_character",
	};

	return names[fault];
}

static bool is_domain_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

enum ag_identity_spiffe_fault ag_identity_spiffe_domain(struct or_slice name)
{
	if (!name.n)
		return AG_IDENTITY_SPIFFE_NO_DOMAIN;
	for (size_t i = 0; i < name.n; i++) {
		if (!is_domain_byte(name.p[i]))
			return AG_IDENTITY_SPIFFE_DOMAIN_BYTE;
	}
	return name.n > AG_IDENTITY_SPIFFE_DOMAIN_MAX ? AG_IDENTITY_SPIFFE_DOMAIN_LONG
						      : AG_IDENTITY_SPIFFE_OK;
}

static enum ag_identity_spiffe_fault check_segment(struct or_slice s)
{
	if (!s.n)
		return AG_IDENTITY_SPIFFE_SEGMENT;
	if (or_slice_is(s, ".") || or_slice_is(s, ".."))
		return AG_IDENTITY_SPIFFE_DOTS;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_domain_byte(s.p[i]) && !(s.p[i] >= 'A' && s.p[i] <= 'Z'))
			return AG_IDENTITY_SPIFFE_PATH_BYTE;
	}
	return AG_IDENTITY_SPIFFE_OK;
}

/* path begins with a slash, or is empty. */
static enum ag_identity_spiffe_fault check_path(struct or_slice path)
{
	enum ag_identity_spiffe_fault fault = AG_IDENTITY_SPIFFE_OK;

	for (size_t at = 0, end; at < path.n && !fault; at = end) {
		end = or_str_find(path, '/', at + 1);
		fault = check_segment(or_slice(path.p + at + 1, end - at - 1));
	}
	return fault;
}

enum ag_identity_spiffe_fault ag_identity_spiffe_parse(
    struct ag_identity_spiffe *out, struct or_slice text)
{
	struct ag_identity_spiffe id;
	enum ag_identity_spiffe_fault fault;
	size_t slash;

	if (text.n > AG_IDENTITY_SPIFFE_MAX)
		return AG_IDENTITY_SPIFFE_LONG;
	if (!or_str_has_prefix(text, scheme))
		return AG_IDENTITY_SPIFFE_SCHEME;
	text = or_slice_from(text, sizeof(scheme) - 1);
	slash = or_str_find(text, '/', 0);
	id.trust_domain = or_slice(text.p, slash);
	id.path = or_slice_from(text, slash);
	fault = ag_identity_spiffe_domain(id.trust_domain);
	if (!fault)
		fault = check_path(id.path);
	if (!fault)
		*out = id;
	return fault;
}
