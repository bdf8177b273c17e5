/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/decode/level.h"

#include "base/str.h"

enum { NEAR = 128, WORD_MAX = 13 };

static const struct {
	const char *name;
	uint8_t number;
} names[] = {{"trace", 1}, {"verbose", 1}, {"finest", 1}, {"debug", 5}, {"fine", 5}, {"dbg", 5},
    {"info", 9}, {"information", 9}, {"inf", 9}, {"notice", 10}, {"warn", 13}, {"warning", 13},
    {"wrn", 13}, {"error", 17}, {"err", 17}, {"severe", 17}, {"crit", 18}, {"critical", 21},
    {"alert", 19}, {"fatal", 21}, {"panic", 21}, {"dpanic", 21}, {"emerg", 21}, {"emergency", 21}};

uint8_t ag_level_of_name(struct or_slice name)
{
	if (name.n < 3 || name.n > WORD_MAX)
		return 0;
	for (size_t i = 0; i < OR_LEN(names); i++) {
		if (or_str_eq_nocase(name, or_slice_str(names[i].name)))
			return names[i].number;
	}
	return 0;
}

uint8_t ag_level_of_number(int64_t number)
{
	static const uint8_t numbers[] = {1, 5, 9, 13, 17, 21};

	return number % 10 == 0 && number >= 10 && number <= 60 ? numbers[number / 10 - 1] : 0;
}

uint8_t ag_level_of_syslog(unsigned int severity)
{
	static const uint8_t numbers[] = {21, 19, 18, 17, 13, 10, 9, 5};

	return numbers[severity & 7];
}

static bool is_letter(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_upper(struct or_slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < 'A' || s.p[i] > 'Z')
			return false;
	}
	return true;
}

/* "E1124 11:00:00.000000": glog's and klog's. */
static uint8_t of_klog(struct or_slice text)
{
	static const char letters[] = "IWEF";
	static const uint8_t numbers[] = {9, 13, 17, 21};
	const char *at;

	if (text.n < 6 || text.p[5] != ' ' || !(at = memchr(letters, text.p[0], 4)))
		return 0;
	for (size_t i = 1; i < 5; i++) {
		if (!is_digit(text.p[i]))
			return 0;
	}
	return numbers[at - letters];
}

/* "[warn]", "<warn>", "(warn)", "|warn|" */
static bool is_enclosed(uint8_t prev, uint8_t next)
{
	static const char pairs[] = "[]<>()||";

	for (const char *p = pairs; *p; p += 2) {
		if (prev == (uint8_t)p[0] && next == (uint8_t)p[1])
			return true;
	}
	return false;
}

/* "level=", "\"severity\":\"" */
static bool is_said_before(struct or_slice before)
{
	uint8_t prev = before.n ? before.p[before.n - 1] : 0;

	if (prev != '"' && prev != '=' && prev != ':')
		return false;
	while (before.n && !is_letter(before.p[before.n - 1]))
		before.n--;
	return or_str_has_suffix(before, "level") || or_str_has_suffix(before, "severity") ||
	       or_str_has_suffix(before, "lvl");
}

/* A name in capitals is one wherever it stands; in other letters it may be a word like any other,
 * unless what is around it says what it is. */
static bool is_meant(struct or_slice text, size_t begin, size_t end)
{
	uint8_t prev = begin ? text.p[begin - 1] : 0, next = end < text.n ? text.p[end] : 0;

	return is_upper(or_slice(text.p + begin, end - begin)) || is_enclosed(prev, next) ||
	       (begin == 0 && next == ':') || is_said_before(or_slice(text.p, begin));
}

/* A part of a longer word, as in ERROR_COUNT, is none. */
static bool is_word(struct or_slice text, size_t begin, size_t end)
{
	uint8_t prev = begin ? text.p[begin - 1] : ' ', next = end < text.n ? text.p[end] : ' ';

	return !is_digit(prev) && prev != '_' && !is_digit(next) && next != '_';
}

/* "<3>": sd-daemon(3)'s. */
static bool has_priority(struct or_slice text)
{
	return text.n > 2 && text.p[0] == '<' && text.p[2] == '>' && text.p[1] >= '0' &&
	       text.p[1] <= '7';
}

static uint8_t find_word(struct or_slice *word, struct or_slice text)
{
	size_t n = text.n < NEAR ? text.n : NEAR;

	for (size_t at = 0, end; at < n; at = end + 1) {
		uint8_t number;

		for (end = at; end < text.n && is_letter(text.p[end]); end++)
			;
		*word = or_slice(text.p + at, end - at);
		number = ag_level_of_name(*word);
		if (number && is_word(text, at, end) && is_meant(text, at, end))
			return number;
	}
	*word = OR_SLICE_NONE;
	return 0;
}

uint8_t ag_level_find(struct or_slice *word, struct or_slice text)
{
	uint8_t number = of_klog(text);

	*word = or_slice(text.p, 1);
	if (number)
		return number;
	if (has_priority(text)) {
		*word = or_slice(text.p + 1, 1);
		return ag_level_of_syslog((unsigned int)text.p[1] - '0');
	}
	return find_word(word, text);
}
