/* SPDX-License-Identifier: Apache-2.0 */
/* What Unicode says of characters, for policy/confusable.c. Private to the room. */
#ifndef POLICY_CONFUSABLE_TABLE_H
#define POLICY_CONFUSABLE_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* In ascending order: from that code point (bits 8 and up) on, the script (bits 0 to 7). */
extern const uint32_t pol_confusable_table_scripts[];
extern const size_t pol_confusable_table_n_scripts;

/* Scripts that have a meaning here; the others are only told apart. */
enum {
	POL_CONFUSABLE_COMMON, /* goes with any */
	POL_CONFUSABLE_UNKNOWN,
	POL_CONFUSABLE_HAN,
	POL_CONFUSABLE_HIRAGANA,
	POL_CONFUSABLE_KATAKANA,
	POL_CONFUSABLE_BOPOMOFO,
	POL_CONFUSABLE_HANGUL,
};

/* In ascending order: where characters that identifiers may hold (UTS 39) begin and end. */
extern const uint32_t pol_confusable_table_allowed[];
extern const size_t pol_confusable_table_n_allowed;

#endif
