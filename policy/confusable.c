/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/confusable.h"

#include "base/str.h"
#include "policy/confusable_table.h"

/* How many of the n ascending values are at most v. */
static size_t count_up_to(const uint32_t *values, size_t n, uint32_t v)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (values[mid] <= v)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static unsigned int script_of(uint32_t cp)
{
	size_t i = count_up_to(
	    pol_confusable_table_scripts, pol_confusable_table_n_scripts, cp << 8 | 0xFF);

	return i ? pol_confusable_table_scripts[i - 1] & 0xFF : POL_CONFUSABLE_UNKNOWN;
}

static bool is_allowed(uint32_t cp)
{
	return count_up_to(pol_confusable_table_allowed, pol_confusable_table_n_allowed, cp) % 2;
}

/* Writing systems of several scripts: Japanese, Chinese with Bopomofo, Korean. Bits. */
enum { JAPANESE = 1, BOPOMOFO = 2, KOREAN = 4, ANY = 7 };

static unsigned int systems_of(unsigned int script)
{
	switch (script) {
	case POL_CONFUSABLE_HAN: return ANY;
	case POL_CONFUSABLE_HIRAGANA:
	case POL_CONFUSABLE_KATAKANA: return JAPANESE;
	case POL_CONFUSABLE_BOPOMOFO: return BOPOMOFO;
	case POL_CONFUSABLE_HANGUL: return KOREAN;
	default: return 0;
	}
}

struct scan {
	bool bidi;
	bool foreign; /* a character that identifiers should not hold */
	bool mixed;
};

static bool is_bidi(uint32_t cp)
{
	return (cp >= 0x202A && cp <= 0x202E) || (cp >= 0x2066 && cp <= 0x2069);
}

static struct scan scan(struct or_slice s)
{
	struct scan found = {false, false, false};
	unsigned int first = POL_CONFUSABLE_COMMON, systems = ANY;
	bool several = false;

	for (size_t i = 0; i < s.n;) {
		uint32_t cp = 0xFFFD;
		size_t n = or_str_utf8_decode(&cp, or_slice_from(s, i));
		unsigned int script = script_of(cp);

		i += n ? n : 1;
		found.bidi |= is_bidi(cp);
		found.foreign |= !(cp >= ' ' && cp < 0x7F) && !is_allowed(cp);
		if (script == POL_CONFUSABLE_COMMON)
			continue;
		several |= first != POL_CONFUSABLE_COMMON && script != first;
		first = script;
		systems &= systems_of(script);
	}
	found.mixed = several && systems == 0;
	return found;
}

enum pol_finding pol_confusable_string(struct or_slice s)
{
	struct scan found = scan(s);

	if (found.bidi)
		return POL_FINDING_BIDI_CHARS_STRING;
	return found.mixed ? POL_FINDING_MIXED_SCRIPT_STRING : POL_FINDING_NONE;
}

enum pol_finding pol_confusable_identifier(struct or_slice s)
{
	struct scan found = scan(s);

	if (found.bidi)
		return POL_FINDING_BIDI_CHARS_IDENTIFIER;
	if (found.foreign)
		return POL_FINDING_CONFUSABLE_IDENTIFIER;
	return found.mixed ? POL_FINDING_MIXED_SCRIPT_IDENTIFIER : POL_FINDING_NONE;
}
