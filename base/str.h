/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text: strict numbers, encodings, UTF-8, and the nearest name for a misspelt one.
 *
 * Everything takes slices and is bounded by their length. Parsers accept the whole slice or
 * nothing: no leading blanks, no trailing bytes.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "base/buf.h"
#include "base/err.h"

/* Decimal digits only (an i64 may have one '-'). OR_PARSE: something else; OR_FULL: too large. */
OR_NODISCARD enum or_code or_str_u64(uint64_t *out, struct or_slice s);
OR_NODISCARD enum or_code or_str_i64(int64_t *out, struct or_slice s);

/* "250ms", "30s", "5m", "1h", "7d" to ns (all of them >= 0). */
OR_NODISCARD enum or_code or_str_duration_ns(int64_t *out, struct or_slice s);

/* "64KiB", "16MiB", "1GiB" or plain bytes. */
OR_NODISCARD enum or_code or_str_bytes(uint64_t *out, struct or_slice s);

/* Lower-case hex; decoding takes either case and an even length only. */
void or_str_hex_encode(struct or_buf *b, struct or_slice s);
OR_NODISCARD enum or_code or_str_hex_decode(struct or_buf *b, struct or_slice s);

/* RFC 4648 §4 with padding, and §5 (URL alphabet) without; decoding is strict, so that every
 * byte string has one text only. */
void or_str_base64_encode(struct or_buf *b, struct or_slice s);
OR_NODISCARD enum or_code or_str_base64_decode(struct or_buf *b, struct or_slice s);
void or_str_base64url_encode(struct or_buf *b, struct or_slice s);
OR_NODISCARD enum or_code or_str_base64url_decode(struct or_buf *b, struct or_slice s);

/* RFC 3629: no surrogates, no overlong forms. */
bool or_str_is_utf8(struct or_slice s);

/* Decodes one code point; returns its length in bytes, 0 where it is not UTF-8. */
size_t or_str_utf8_decode(uint32_t *cp, struct or_slice s);
void or_str_utf8_encode(struct or_buf *b, uint32_t cp);
/* What steers a terminal or a reader's eye instead of being seen: C0, DEL, C1, the separators of
 * lines and paragraphs, and what turns the direction of text. */
bool or_str_is_control(uint32_t cp);

/* Unix time in ns to "2026-11-24T11:18:28.123456Z" (UTC), and RFC 3339 back (any offset). */
void or_str_time(struct or_buf *b, int64_t unix_ns);
OR_NODISCARD enum or_code or_str_time_parse(int64_t *unix_ns, struct or_slice s);

/* The position of the first c at or after `from`, or s.n. */
size_t or_str_find(struct or_slice s, uint8_t c, size_t from);
struct or_slice or_str_trim(struct or_slice s); /* blanks and tabs on both ends */
bool or_str_eq_nocase(struct or_slice a, struct or_slice b);
bool or_str_has_prefix(struct or_slice s, const char *prefix);
bool or_str_has_suffix(struct or_slice s, const char *suffix);

/* The name with the smallest edit distance to s, where that is at most a third of its length
 * plus one; NULL otherwise. names ends in NULL. */
const char *or_str_nearest(struct or_slice s, const char *const *names);

#endif
