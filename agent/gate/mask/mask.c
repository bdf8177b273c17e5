/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/mask/mask.h"

#include "base/crypto.h"
#include "base/str.h"

const char *ag_mask_fault_name(enum ag_mask_fault fault)
{
	static const char *const names[] = {
	    [AG_MASK_FINE] = "ok",
	    [AG_MASK_TYPE] = "mask_type",
	    [AG_MASK_CODING] = "mask_coding",
	    [AG_MASK_MALFORMED] = "mask_malformed",
	    [AG_MASK_DUPLICATE] = "mask_duplicate_key",
	    [AG_MASK_DEEP] = "mask_too_deep",
	    [AG_MASK_LARGE] = "mask_too_large",
	    [AG_MASK_TRUNCATED] = "mask_truncated",
	};

	return names[fault];
}

bool ag_mask_is_blind(enum pol_mask_kind kind)
{
	return kind == POL_MASK_NULL || kind == POL_MASK_CONSTANT;
}

static bool starts_character(uint8_t byte)
{
	return (byte & 0xC0) != 0x80;
}

/* -- parts of text -- */

static uint8_t shape_of(uint8_t byte)
{
	if (byte >= 'A' && byte <= 'Z')
		return 'X';
	if ((byte >= 'a' && byte <= 'z') || byte >= 0x80)
		return 'x';
	return byte >= '0' && byte <= '9' ? '0' : byte;
}

static void show_shape(struct or_buf *out, struct or_slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (starts_character(text.p[i]))
			or_buf_put_byte(out, shape_of(text.p[i]));
	}
}

/* Shows the characters from `from` up to `to`, and an x for each other one. */
static void show_between(struct or_buf *out, struct or_slice text, size_t from, size_t to)
{
	size_t at = 0; /* the character after this one */

	for (size_t i = 0; i < text.n; i++) {
		bool starts = starts_character(text.p[i]);

		at += starts;
		if (at > from && at <= to)
			or_buf_put_byte(out, text.p[i]);
		else if (starts)
			or_buf_put_byte(out, 'x');
	}
}

static bool show_end(struct or_buf *out, const struct pol_mask *mask, struct or_slice text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += starts_character(text.p[i]);
	if (n <= mask->n)
		return false;
	if (mask->kind == POL_MASK_FIRST)
		show_between(out, text, 0, mask->n);
	else
		show_between(out, text, n - mask->n, n);
	return true;
}

static bool is_host_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '-';
}

/* What stands behind the last '@' must be a host name, or text would be shown as a domain. */
static bool show_domain(struct or_buf *out, struct or_slice text)
{
	size_t at = text.n;

	while (at > 0 && is_host_byte(text.p[at - 1]))
		at--;
	if (at < 2 || at == text.n || text.p[at - 1] != '@')
		return false;
	or_buf_put_str(out, "x@");
	or_buf_put_slice(out, or_slice_from(text, at));
	return true;
}

/* -- dates -- */

static bool digits(struct or_slice text, size_t from, size_t n)
{
	if (text.n < from + n)
		return false;
	for (size_t i = from; i < from + n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
	}
	return true;
}

static bool has(struct or_slice text, size_t at, const char *any)
{
	return at < text.n && text.p[at] && strchr(any, text.p[at]);
}

static unsigned int pair(struct or_slice text, size_t at)
{
	return (unsigned int)(text.p[at] - '0') * 10 + (unsigned int)(text.p[at + 1] - '0');
}

/* "YYYY-MM-DD"; months and days in their ranges, not calendars: what is shown has no day. */
static bool is_day(struct or_slice text)
{
	return digits(text, 0, 4) && has(text, 4, "-") && digits(text, 5, 2) && has(text, 7, "-") &&
	       digits(text, 8, 2) && pair(text, 5) >= 1 && pair(text, 5) <= 12 &&
	       pair(text, 8) >= 1 && pair(text, 8) <= 31;
}

/* "hh:mm", "hh:mm:ss" or with a fraction at *at, which moves behind it. */
static bool is_time(struct or_slice text, size_t *at)
{
	size_t i = *at + 5;

	if (!digits(text, *at, 2) || !has(text, *at + 2, ":") || !digits(text, *at + 3, 2))
		return false;
	if (has(text, i, ":")) {
		if (!digits(text, i + 1, 2))
			return false;
		i += 3;
	}
	if (has(text, i, ".")) {
		if (!digits(text, ++i, 1))
			return false;
		while (digits(text, i, 1))
			i++;
	}
	*at = i;
	return true;
}

/* What may stand behind a time: nothing, "Z", or an offset (RFC 3339 §5.6; ISO 8601 without the
 * colon). */
static bool is_zone(struct or_slice zone)
{
	if (zone.n == 0 || or_slice_is(zone, "Z") || or_slice_is(zone, "z"))
		return true;
	if (!has(zone, 0, "+-") || !digits(zone, 1, 2))
		return false;
	if (zone.n == 5)
		return digits(zone, 3, 2);
	return zone.n == 6 && has(zone, 3, ":") && digits(zone, 4, 2);
}

/* A day, or a day and a time; *zone is then where its zone begins, else 0. */
static bool is_date(struct or_slice text, size_t *zone)
{
	size_t at = 11;

	*zone = 0;
	if (!is_day(text))
		return false;
	if (text.n == 10)
		return true;
	if (!has(text, 10, "Tt ") || !is_time(text, &at) || !is_zone(or_slice_from(text, at)))
		return false;
	*zone = at;
	return true;
}

/* The day, and midnight where there was a time. */
static bool show_date(struct or_buf *out, struct or_slice text, size_t kept, const char *rest)
{
	size_t zone;

	if (!is_date(text, &zone))
		return false;
	or_buf_put(out, text.p, kept);
	or_buf_put_str(out, rest);
	if (zone) {
		or_buf_put_byte(out, text.p[10]);
		or_buf_put_str(out, "00:00:00");
		or_buf_put_slice(out, or_slice_from(text, zone));
	}
	return true;
}

/* -- kinds -- */

static enum ag_mask_form show_zero(struct or_buf *out, enum ag_mask_type type, struct or_slice text)
{
	if (type == AG_MASK_STRING) {
		(void)show_date(out, text, 0, "1970-01-01");
		return AG_MASK_TEXT;
	}
	or_buf_put_str(out, type == AG_MASK_NUMBER ? "0" : "false");
	return AG_MASK_BARE;
}

static void show_hash(struct or_buf *out, struct or_slice key, struct or_slice text)
{
	uint8_t mac[OR_CRYPTO_HASH_LEN];

	or_crypto_hmac_sha256(mac, key, text);
	or_str_hex_encode(out, or_slice(mac, sizeof(mac)));
}

/* The kinds that show a part of the text; false where it is not made for them. */
static bool show_part(struct or_buf *out, const struct pol_mask *mask, struct or_slice text)
{
	switch (mask->kind) {
	case POL_MASK_REDACT: show_shape(out, text); return true;
	case POL_MASK_DATE_YEAR: return show_date(out, text, 4, "-01-01");
	case POL_MASK_DATE_MONTH: return show_date(out, text, 7, "-01");
	case POL_MASK_EMAIL: return show_domain(out, text);
	case POL_MASK_LAST:
	case POL_MASK_FIRST: return show_end(out, mask, text);
	case POL_MASK_NULL:
	case POL_MASK_DEFAULT:
	case POL_MASK_CONSTANT:
	case POL_MASK_HASH:
	case POL_MASK_KINDS:
	default: return false;
	}
}

enum ag_mask_form ag_mask_value(struct or_buf *out, const struct pol_mask *mask,
    struct or_slice hash_key, enum ag_mask_type type, struct or_slice text)
{
	if (mask->kind == POL_MASK_CONSTANT) {
		or_buf_put_slice(out, mask->constant);
		return AG_MASK_TEXT;
	}
	if (mask->kind == POL_MASK_DEFAULT)
		return show_zero(out, type, text);
	if (mask->kind == POL_MASK_HASH) {
		show_hash(out, hash_key, text);
		return AG_MASK_TEXT;
	}
	if (type == AG_MASK_BOOL || !show_part(out, mask, text))
		return AG_MASK_NOTHING;
	return AG_MASK_TEXT;
}
