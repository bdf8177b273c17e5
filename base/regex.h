/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions whose time is linear: at most OR_REGEX_PROGRAM_MAX steps for each character
 * of the text, whatever the expression (an automaton whose states are followed side by side, as RE2
 * and Go do; nothing is tried and taken back).
 *
 *   .  [abc] [^a-z]  \d \w \s \D \W \S  \n \r \t  a|b  (…) (?:…)  * + ? {2} {2,} {2,5}
 *   ^ $ begin and end of the text   \b \B edge of a word   (?i) in front: ASCII letters of any case
 *
 * What would need trying back (\1, look-around) is refused, and says so. A lazy *? matches the same
 * texts as *, so it is taken. Characters are code points; what is not UTF-8 is U+FFFD byte by byte.
 *
 * Pure, any thread: an expression is immutable and lives in the caller's arena.
 * Limits: OR_REGEX_TEXT_MAX bytes of expression, OR_REGEX_DEPTH_MAX levels of ( ).
 */
#ifndef BASE_REGEX_H
#define BASE_REGEX_H

#include "base/arena.h"
#include "base/err.h"

#define OR_REGEX_TEXT_MAX    1024
#define OR_REGEX_DEPTH_MAX   32
#define OR_REGEX_PROGRAM_MAX 1024

struct or_regex;

/* OR_PARSE: *at is the byte of the expression that err speaks of. OR_FULL: the expression is too
 * long, makes too large a program, or does not fit the arena; *at is 0. */
OR_NODISCARD enum or_code or_regex_compile(struct or_regex **out, struct or_slice text,
    struct or_arena *a, size_t *at, struct or_err *err);

/* True where some part of the text matches. */
bool or_regex_match(const struct or_regex *re, struct or_slice text);

#endif
