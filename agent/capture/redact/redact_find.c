/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/redact/redact_impl.h"
#include "base/str.h"

#include <string.h>
#include <strings.h>

enum {
	CARD_LEAST = 13,
	CARD_MOST = 19,
	IBAN_LEAST = 15,
	IBAN_MOST = 34,
	MAIL_LOCAL_MAX = 64,
	MAIL_DOMAIN_MAX = 255,
	SECRET_LEAST = 4, /* characters of a value behind password= and the like */
};

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_upper(uint8_t c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_word(uint8_t c)
{
	return is_digit(c) || is_upper(c) || (c >= 'a' && c <= 'z') || c == '_';
}

static bool is_base64url(uint8_t c)
{
	return is_word(c) || c == '-';
}

static bool begins(struct or_slice s, size_t at, const char *word)
{
	size_t n = strlen(word);

	return s.n - at >= n && memcmp(s.p + at, word, n) == 0;
}

static bool begins_nocase(struct or_slice s, size_t at, const char *word)
{
	size_t n = strlen(word);

	return s.n - at >= n && strncasecmp((const char *)s.p + at, word, n) == 0;
}

static bool is_in(uint8_t c, const char *set)
{
	return c && strchr(set, c);
}

static size_t run(struct or_slice s, size_t at, bool (*is_one)(uint8_t))
{
	size_t n = at;

	while (n < s.n && is_one(s.p[n]))
		n++;
	return n - at;
}

/* ---- cards */

/* ISO/IEC 7812-1, annex B. */
static bool has_check_digit(const uint8_t *digits, size_t n)
{
	unsigned int sum = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned int d = digits[n - 1 - i];

		if (i % 2)
			d = d * 2 > 9 ? d * 2 - 9 : d * 2;
		sum += d;
	}
	return sum % 10 == 0;
}

/* The networks' ranges by their first four digits, with the lengths that are issued. */
static bool is_issued(const uint8_t *d, size_t n)
{
	static const struct {
		unsigned int low, high;
		size_t least, most;
	} ranges[] = {
	    {4000, 4999, 13, 13}, /* Visa */
	    {4000, 4999, 16, 16},
	    {4000, 4999, 19, 19},
	    {5100, 5599, 16, 16}, /* Mastercard */
	    {2221, 2720, 16, 16},
	    {3400, 3499, 15, 15}, /* American Express */
	    {3700, 3799, 15, 15},
	    {3000, 3059, 14, 19}, /* Diners Club */
	    {3600, 3699, 14, 19},
	    {3800, 3999, 14, 19},
	    {3528, 3589, 16, 19}, /* JCB */
	    {6000, 6099, 16, 19}, /* Discover, UnionPay, RuPay */
	    {6200, 6299, 16, 19},
	    {6400, 6599, 16, 19},
	    {8100, 8199, 16, 19},
	};
	unsigned int four = d[0] * 1000U + d[1] * 100U + d[2] * 10U + d[3];

	for (size_t i = 0; i < OR_LEN(ranges); i++)
		if (four >= ranges[i].low && four <= ranges[i].high && n >= ranges[i].least &&
		    n <= ranges[i].most)
			return true;
	return false;
}

/* A blank or hyphen at i between two groups, of which the first has so many digits. */
static bool is_between(struct or_slice s, size_t i, size_t group)
{
	return (s.p[i] == ' ' || s.p[i] == '-') && group >= 2 && i + 1 < s.n &&
	       is_digit(s.p[i + 1]);
}

/* Digits at `at`, with single blanks or hyphens between groups of at least two. */
static bool find_card(struct redact_span *out, size_t *next, struct or_slice s, size_t at)
{
	uint8_t digits[CARD_MOST];
	size_t n = 0, i = at, group = 0;

	*next = at + run(s, at, is_digit);
	if (at && (is_word(s.p[at - 1]) || s.p[at - 1] == '.'))
		return false;
	for (; i < s.n && n < CARD_MOST; i++) {
		if (is_digit(s.p[i])) {
			digits[n++] = (uint8_t)(s.p[i] - '0');
			group++;
		} else if (is_between(s, i, group)) {
			group = 0;
		} else {
			break;
		}
	}
	if (n < CARD_LEAST || (i < s.n && is_word(s.p[i])))
		return false;
	*out = (struct redact_span){at, i, REDACT_CARD};
	return is_issued(digits, n) && has_check_digit(digits, n);
}

/* ---- accounts */

static bool is_iban_check(const struct or_slice s)
{
	unsigned int rest = 0;

	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[(i + 4) % s.n];

		rest = is_digit(c) ? (rest * 10 + (c - '0')) % 97
				   : (rest * 100 + (unsigned int)(c - 'A') + 10) % 97;
	}
	return rest == 1;
}

static bool is_account(uint8_t c)
{
	return is_digit(c) || is_upper(c);
}

/* A country's two letters and the two check digits, as a word's beginning. */
static bool begins_iban(struct or_slice s, size_t at)
{
	return !(at && is_word(s.p[at - 1])) && s.n - at >= IBAN_LEAST && is_upper(s.p[at + 1]) &&
	       is_digit(s.p[at + 2]) && is_digit(s.p[at + 3]);
}

static bool find_iban(struct redact_span *out, struct or_slice s, size_t at)
{
	uint8_t bare[IBAN_MOST];
	size_t n = 0, i = at;

	if (!begins_iban(s, at))
		return false;
	/* In one piece, or in groups of four. */
	for (; i < s.n && n < IBAN_MOST; i++) {
		if (is_account(s.p[i]))
			bare[n++] = s.p[i];
		else if (s.p[i] != ' ' || n % 4 || i + 1 == s.n || !is_account(s.p[i + 1]))
			break;
	}
	*out = (struct redact_span){at, i, REDACT_IBAN};
	return n >= IBAN_LEAST && !(i < s.n && is_word(s.p[i])) && is_iban_check(or_slice(bare, n));
}

/* ---- mail */

static bool is_mail_local(uint8_t c)
{
	return is_word(c) || is_in(c, ".+-%'=") || c >= 0x80;
}

static bool is_mail_domain(uint8_t c)
{
	return (is_word(c) && c != '_') || c == '.' || c == '-' || c >= 0x80;
}

static bool is_stray(uint8_t c)
{
	return c == '.' || c == '\'' || c == '=';
}

/* Where the local part in front of the '@' begins; the '@' where there is none. */
static size_t mail_begin(struct or_slice s, size_t from, size_t at)
{
	size_t begin = at;

	while (begin > from && at - begin < MAIL_LOCAL_MAX && is_mail_local(s.p[begin - 1]))
		begin--;
	while (begin < at && is_stray(s.p[begin]))
		begin++;
	return begin;
}

/* Where the domain behind the '@' ends; a sentence's full stop is not its own. */
static size_t mail_end(struct or_slice s, size_t at)
{
	size_t end = at + 1;

	while (end < s.n && end - at <= MAIL_DOMAIN_MAX && is_mail_domain(s.p[end]))
		end++;
	while (end > at + 1 && (s.p[end - 1] == '.' || s.p[end - 1] == '-'))
		end--;
	return end;
}

/* An '@' at `at`: what stands on both sides of it, with a top-level domain of two letters or more.
 */
static bool find_mail(struct redact_span *out, struct or_slice s, size_t from, size_t at)
{
	size_t begin = mail_begin(s, from, at), end = mail_end(s, at), dot = end - 1;

	while (dot > at && s.p[dot] != '.')
		dot--;
	*out = (struct redact_span){begin, end, REDACT_MAIL};
	return begin < at && dot > at + 1 && end >= dot + 3;
}

/* ---- tokens */

/* Three parts of base64url, the first a JSON object. */
static size_t jwt_length(struct or_slice s, size_t at)
{
	size_t i = at, n;

	for (int part = 0; part < 3; part++) {
		n = run(s, i, is_base64url);
		if (n < (part < 2 ? 8U : 0U))
			return 0;
		i += n;
		if (part < 2 && (i >= s.n || s.p[i++] != '.'))
			return 0;
	}
	return i - at;
}

static bool is_pem_end(struct or_slice s, size_t at)
{
	return begins(s, at, "-----END ");
}

/* A private key in PEM, its lines in one text; a cut one goes to the text's end. */
static size_t pem_length(struct or_slice s, size_t at)
{
	size_t i = at, line = at;

	while (line < s.n && s.p[line] != '\n' && line - at < 64)
		line++;
	if (!memmem(s.p + at, line - at, "PRIVATE KEY-----", 16))
		return 0;
	for (i = at + 11; i < s.n; i++)
		if (s.p[i] == '-' && is_pem_end(s, i))
			break;
	if (i == s.n)
		return s.n - at;
	for (i += 9; i < s.n && !begins(s, i, "-----"); i++)
		;
	return (i + 5 < s.n ? i + 5 : s.n) - at;
}

static const struct issued_key {
	const char *prefix;
	size_t least;
} keys[] = {{"AKIA", 16}, {"ASIA", 16}, {"ghp_", 36}, {"gho_", 36}, {"ghu_", 36}, {"ghs_", 36},
    {"ghr_", 36}, {"github_pat_", 22}, {"glpat-", 20}, {"xoxa-", 10}, {"xoxb-", 10}, {"xoxp-", 10},
    {"xoxr-", 10}, {"xoxs-", 10}, {"sk_live_", 16}, {"rk_live_", 16}, {"sk_test_", 16},
    {"AIza", 35}, {"npm_", 36}};

/* Keys that their issuers gave a form: a beginning, then so many characters at least. */
static size_t key_length(struct or_slice s, size_t at)
{
	if (at && is_base64url(s.p[at - 1]))
		return 0;
	for (size_t i = 0; i < OR_LEN(keys); i++) {
		size_t n;

		if (!begins(s, at, keys[i].prefix))
			continue;
		n = run(s, at + strlen(keys[i].prefix), is_base64url);
		if (n >= keys[i].least)
			return strlen(keys[i].prefix) + n;
	}
	return 0;
}

static bool is_credential(uint8_t c)
{
	return is_base64url(c) || c == '.' || c == '+' || c == '/' || c == '=' || c == '~';
}

/* "Bearer x", "Basic x": the x. */
static bool find_credential(struct redact_span *out, struct or_slice s, size_t at)
{
	size_t n = begins_nocase(s, at, "bearer ") ? 7 : begins_nocase(s, at, "basic ") ? 6 : 0;
	size_t length;

	if (!n || (at && is_word(s.p[at - 1])))
		return false;
	length = run(s, at + n, is_credential);
	/* "basic usage" is no credential: one has a digit, or an end that no word has. */
	for (size_t i = at + n; i < at + n + length && length >= 8; i++) {
		if (!is_digit(s.p[i]) && s.p[i] != '=' && s.p[i] != '.' && !is_upper(s.p[i]))
			continue;
		*out = (struct redact_span){at + n, at + n + length, REDACT_TOKEN};
		return true;
	}
	return false;
}

/* ---- what follows a word like password */

static const char *const secret_words[] = {"password", "passwd", "passphrase", "secret", "token",
    "api_key", "apikey", "api-key", "access_key", "accesskey", "access-key", "private_key",
    "authorization", "credential", "cookie", NULL};

/* Fields whose whole line is the value. */
static bool is_line(struct or_slice s, size_t at)
{
	return begins_nocase(s, at, "cookie") || begins_nocase(s, at, "authorization");
}

static size_t secret_word(struct or_slice s, size_t at)
{
	for (size_t i = 0; secret_words[i]; i++)
		if (begins_nocase(s, at, secret_words[i]))
			return strlen(secret_words[i]);
	return 0;
}

bool ag_redact_find_key(struct or_slice key)
{
	for (size_t at = 0; at < key.n; at++) {
		size_t n = secret_word(key, at);

		/* Words that only look alike: a count of tokens, a token's type. */
		if (n && (at + n == key.n || (key.p[at + n] == 's' && at + n + 1 == key.n &&
						 !begins_nocase(key, at, "token"))))
			return true;
	}
	return false;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool ends_bare(uint8_t c)
{
	return c <= ' ' || is_in(c, ",;&\"')}]<");
}

static bool ends_line(uint8_t c)
{
	return c == '\n' || c == '\r' || c == '"';
}

/* From behind the opening quote to the closing one; in JSON within JSON both have a backslash. */
static size_t quoted_end(struct or_slice s, size_t at, uint8_t quote)
{
	bool is_inner = s.p[at - 2] == '\\';

	for (; at < s.n && s.p[at] != quote; at++) {
		if (s.p[at] != '\\')
			continue;
		if (is_inner && at + 1 < s.n && s.p[at + 1] == quote)
			break;
		at++;
	}
	return at < s.n ? at : s.n;
}

/* Behind the word: [quote] [blanks] = or : [blanks]; 0 where that does not follow. */
static size_t secret_begin(struct or_slice s, size_t i)
{
	while (i < s.n && (is_in(s.p[i], "\"'\\") || is_blank(s.p[i])))
		i++;
	if (i == s.n || (s.p[i] != '=' && s.p[i] != ':'))
		return 0;
	for (i++; i < s.n && (is_blank(s.p[i]) || s.p[i] == '\\'); i++)
		;
	return i;
}

static size_t bare_end(struct or_slice s, size_t i, bool (*ends)(uint8_t))
{
	while (i < s.n && !ends(s.p[i]))
		i++;
	return i;
}

/* A word like password, what ties it to a value, and the value, in quotes or bare. */
static bool find_secret(struct redact_span *out, struct or_slice s, size_t at)
{
	size_t n = secret_word(s, at), i = n ? secret_begin(s, at + n) : 0, end;
	uint8_t quote = 0;

	if (!i || i == s.n)
		return false;
	if (s.p[i] == '"' || s.p[i] == '\'')
		quote = s.p[i++];
	/* A scheme is no secret; what follows it is. */
	if (begins_nocase(s, i, "bearer ") || begins_nocase(s, i, "basic "))
		i += begins_nocase(s, i, "basic ") ? 6 : 7;
	end = quote ? quoted_end(s, i, quote)
		    : bare_end(s, i, is_line(s, at) ? ends_line : ends_bare);
	*out = (struct redact_span){i, end, REDACT_TOKEN};
	/* Not where it was taken out already, or is no value. */
	return end - i >= SECRET_LEAST && s.p[i] != '[' && s.p[i] != '{';
}

static bool find_token(struct redact_span *out, struct or_slice s, size_t at)
{
	size_t n = 0;

	if (begins(s, at, "eyJ") && (!at || !is_base64url(s.p[at - 1])))
		n = jwt_length(s, at);
	else if (begins(s, at, "-----BEGIN "))
		n = pem_length(s, at);
	n = n ? n : key_length(s, at);
	if (n) {
		*out = (struct redact_span){at, at + n, REDACT_TOKEN};
		return true;
	}
	return find_credential(out, s, at) || find_secret(out, s, at);
}

/* ---- where to look */

bool ag_redact_find_at(struct redact_span *out, size_t *next, struct or_slice text, size_t from,
    size_t at, unsigned int kinds, const uint8_t *fours)
{
	uint8_t c = text.p[at];

	*next = at + 1;
	if (c == '@')
		return (kinds & 1U << REDACT_MAIL) && find_mail(out, text, from, at);
	if (is_digit(c) && (kinds & 1U << REDACT_CARD))
		return find_card(out, next, text, at);
	if ((kinds & 1U << REDACT_TOKEN) && text.n - at >= 4 &&
	    redact_has(fours, redact_hash(text.p + at)) && find_token(out, text, at))
		return true;
	return (kinds & 1U << REDACT_IBAN) && is_upper(c) && find_iban(out, text, at);
}

static void set_bit(uint8_t *bits, uint32_t at)
{
	bits[at >> 3] = (uint8_t)(bits[at >> 3] | 1U << (at & 7));
}

static void add_pair(struct redact_begin *b, unsigned int one, unsigned int two)
{
	set_bit(b->pairs, one << 8 | two);
}

/* A word by its first four characters, in any case. */
static void add_word(struct redact_begin *b, const char *word)
{
	for (int i = 0; i < 4; i++) {
		unsigned int one = (uint8_t)word[0], two = (uint8_t)word[1];

		one = (i & 1) && one >= 'a' && one <= 'z' ? one - 32 : one;
		two = (i & 2) && two >= 'a' && two <= 'z' ? two - 32 : two;
		add_pair(b, one, two);
	}
	set_bit(b->fours, redact_hash((const uint8_t *)word));
}

static void add_tokens(struct redact_begin *b)
{
	for (size_t i = 0; i < OR_LEN(keys); i++)
		add_word(b, keys[i].prefix);
	for (size_t i = 0; secret_words[i]; i++)
		add_word(b, secret_words[i]);
	add_word(b, "bearer");
	add_word(b, "basic");
	add_word(b, "----");
	/* A token's first part goes on with anything. */
	for (unsigned int c = 0; c < 256; c++) {
		char word[] = {'e', 'y', 'J', (char)c};

		add_word(b, word);
	}
}

void ag_redact_find_begin(struct redact_begin *b, unsigned int kinds)
{
	memset(b, 0, sizeof(*b));
	for (unsigned int two = 0; two < 256 && (kinds & 1U << REDACT_MAIL); two++)
		add_pair(b, '@', two);
	for (unsigned int one = '0'; one <= '9' && (kinds & 1U << REDACT_CARD); one++)
		for (unsigned int two = '0'; two <= '9'; two++)
			add_pair(b, one, two);
	for (unsigned int one = 'A'; one <= 'Z' && (kinds & 1U << REDACT_IBAN); one++)
		for (unsigned int two = 'A'; two <= 'Z'; two++)
			add_pair(b, one, two);
	if (kinds & 1U << REDACT_TOKEN)
		add_tokens(b);
}
