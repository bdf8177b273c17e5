/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog/note.h"

#include "base/str.h"

#include <stdio.h>

enum { TYPE_ED25519 = 1, ID_LEN = 4 };

static const char dash[] = "\xe2\x80\x94 ";

/* What Unicode calls white space (White_Space=yes). */
static bool is_space(uint32_t cp)
{
	return cp <= 0x20 || cp == 0x7f || cp == 0x85 || cp == 0xa0 || cp == 0x1680 ||
	       (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 || cp == 0x202f ||
	       cp == 0x205f || cp == 0x3000;
}

static bool is_name(struct or_slice s)
{
	uint32_t cp;

	if (s.n == 0 || s.n > TL_NOTE_NAME_MAX)
		return false;
	for (size_t i = 0, n; i < s.n; i += n) {
		n = or_str_utf8_decode(&cp, or_slice_from(s, i));
		if (n == 0 || is_space(cp) || cp == '+')
			return false;
	}
	return true;
}

static bool is_text(struct or_slice s)
{
	if (s.n == 0 || s.p[s.n - 1] != '\n' || !or_str_is_utf8(s))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < 0x20 && s.p[i] != '\n')
			return false;
	}
	return true;
}

static uint32_t key_id(const char *name, struct or_slice raw)
{
	const struct or_slice parts[] = {or_slice_str(name), OR_SLICE_LIT("\n\x01"), raw};
	uint8_t hash[OR_CRYPTO_HASH_LEN];

	or_crypto_sha256_parts(hash, parts, OR_LEN(parts));
	return (uint32_t)hash[0] << 24 | (uint32_t)hash[1] << 16 | (uint32_t)hash[2] << 8 | hash[3];
}

enum or_code tl_note_key_init(
    struct tl_note_key *out, const char *name, const struct or_crypto_key *key, struct or_err *err)
{
	struct or_buf raw;
	enum or_code rc;

	if (!is_name(or_slice_str(name)))
		return or_err_set(err, OR_INVAL, "\"%s\" is no name for a key", name);
	if (or_crypto_key_kind(key) != OR_CRYPTO_ED25519)
		return or_err_set(err, OR_INVAL, "the key of \"%s\" is not an Ed25519 key", name);
	or_buf_init(&raw, OR_CRYPTO_ED25519_LEN);
	rc = or_crypto_key_public(&raw, key);
	if (rc) {
		or_err_set(err, rc, "the key of \"%s\" has no public half", name);
		goto out;
	}
	*out = (struct tl_note_key){.id = key_id(name, or_buf_slice(&raw)), .key = key};
	snprintf(out->name, sizeof(out->name), "%s", name);
out:
	or_buf_done(&raw);
	return rc;
}

void tl_note_key_format(struct or_buf *out, const struct tl_note_key *k)
{
	struct or_buf raw;

	or_buf_init(&raw, 1 + OR_CRYPTO_ED25519_LEN);
	or_buf_put_byte(&raw, TYPE_ED25519);
	if (or_crypto_key_public(&raw, k->key) == OR_OK) {
		or_buf_printf(out, "%s+%08x+", k->name, k->id);
		or_str_base64_encode(out, or_buf_slice(&raw));
	}
	or_buf_done(&raw);
}

/* The parts of "<name>+<8 hex digits>+<base64>"; the base64 may hold '+' itself. */
static bool split_vkey(struct or_slice vkey, struct or_slice parts[3])
{
	size_t one = or_str_find(vkey, '+', 0), two;

	if (one == vkey.n)
		return false;
	two = or_str_find(vkey, '+', one + 1);
	if (two == vkey.n || two - one != 9)
		return false;
	parts[0] = or_slice(vkey.p, one);
	parts[1] = or_slice(vkey.p + one + 1, 8);
	parts[2] = or_slice_from(vkey, two + 1);
	return is_name(parts[0]);
}

static enum or_code key_from_parts(
    struct tl_note_key *out, const struct or_slice parts[3], struct or_buf *raw, struct or_err *err)
{
	struct or_crypto_key *key;
	char name[TL_NOTE_NAME_MAX + 1], hex[9];
	enum or_code rc;

	if (or_str_base64_decode(raw, parts[2]) || raw->n == 0)
		return or_err_set(err, OR_PARSE, "a vkey's last part is not base64");
	if (raw->p[0] != TYPE_ED25519)
		return or_err_set(err, OR_UNSUPPORTED, "a vkey of type %u", raw->p[0]);
	if (or_crypto_key_from_ed25519(&key, or_slice_from(or_buf_slice(raw), 1)))
		return or_err_set(err, OR_PARSE, "a vkey whose key is not Ed25519");
	snprintf(name, sizeof(name), "%.*s", OR_SLICE_FMT(parts[0]));
	rc = tl_note_key_init(out, name, key, err);
	if (rc) {
		or_crypto_key_free(key);
		return rc;
	}
	out->owned = key;
	snprintf(hex, sizeof(hex), "%08x", out->id);
	if (!or_slice_is(parts[1], hex)) {
		tl_note_key_done(out);
		return or_err_set(err, OR_PARSE, "a vkey whose id is not that of its key");
	}
	return OR_OK;
}

enum or_code tl_note_key_parse(struct tl_note_key *out, struct or_slice vkey, struct or_err *err)
{
	struct tl_note_key k;
	struct or_slice parts[3];
	struct or_buf raw;
	enum or_code rc;

	if (!split_vkey(vkey, parts))
		return or_err_set(err, OR_PARSE, "not a vkey (<name>+<id>+<base64>)");
	or_buf_init(&raw, 256);
	rc = key_from_parts(&k, parts, &raw, err);
	or_buf_done(&raw);
	if (!rc)
		*out = k;
	return rc;
}

void tl_note_key_done(struct tl_note_key *k)
{
	or_crypto_key_free(k->owned);
	*k = (struct tl_note_key){.id = 0};
}

static enum or_code put_signature(
    struct or_buf *out, struct or_slice text, const struct tl_note_key *k, struct or_buf *raw)
{
	const uint8_t id[ID_LEN] = {
	    (uint8_t)(k->id >> 24), (uint8_t)(k->id >> 16), (uint8_t)(k->id >> 8), (uint8_t)k->id};
	enum or_code rc;

	or_buf_put(raw, id, sizeof(id));
	rc = or_crypto_sign(raw, k->key, OR_CRYPTO_EDDSA, text);
	if (rc)
		return rc;
	or_buf_put_str(out, dash);
	or_buf_put_str(out, k->name);
	or_buf_put_byte(out, ' ');
	or_str_base64_encode(out, or_buf_slice(raw));
	or_buf_put_byte(out, '\n');
	return OR_OK;
}

enum or_code tl_note_sign(struct or_buf *out, struct or_slice text,
    const struct tl_note_key *const *keys, size_t n_keys, struct or_err *err)
{
	size_t start = out->n;
	enum or_code rc = OR_OK;
	struct or_buf raw;

	if (!is_text(text) || n_keys == 0 || n_keys > TL_NOTE_SIGNATURES_MAX)
		return or_err_set(err, OR_INVAL, "a note without a proper text or without keys");
	or_buf_put_slice(out, text);
	or_buf_put_byte(out, '\n');
	or_buf_init(&raw, ID_LEN + OR_CRYPTO_SIG_MAX);
	for (size_t i = 0; i < n_keys && !rc; i++) {
		or_buf_clear(&raw);
		rc = put_signature(out, text, keys[i], &raw);
	}
	or_buf_done(&raw);
	if (!rc && !or_buf_ok(out))
		rc = OR_FULL;
	if (rc) {
		or_buf_cut(out, start);
		return or_err_set(err, rc, "the note could not be signed");
	}
	return OR_OK;
}

struct signature {
	struct or_slice name;
	uint32_t id;
	struct or_slice sig;
};

/* Takes one line apart; raw holds what sig points into. */
static bool parse_signature(struct signature *s, struct or_slice line, struct or_buf *raw)
{
	size_t blank;

	if (!or_str_has_prefix(line, dash))
		return false;
	line = or_slice_from(line, sizeof(dash) - 1);
	blank = or_str_find(line, ' ', 0);
	if (blank == line.n)
		return false;
	s->name = or_slice(line.p, blank);
	or_buf_clear(raw);
	if (!is_name(s->name) || or_str_base64_decode(raw, or_slice_from(line, blank + 1)) ||
	    raw->n <= ID_LEN)
		return false;
	s->id = (uint32_t)raw->p[0] << 24 | (uint32_t)raw->p[1] << 16 | (uint32_t)raw->p[2] << 8 |
		raw->p[3];
	s->sig = or_slice_from(or_buf_slice(raw), ID_LEN);
	return true;
}

/* The text with its last newline, and the signature lines behind the last blank line. */
static bool split_note(struct or_slice note, struct or_slice *text, struct or_slice *lines)
{
	if (note.n > TL_NOTE_MAX || note.n < 3 || note.p[note.n - 1] != '\n')
		return false;
	for (size_t i = note.n - 2; i > 0; i--) {
		if (note.p[i] == '\n' && note.p[i - 1] == '\n') {
			*text = or_slice(note.p, i);
			*lines = or_slice_from(note, i + 1);
			return is_text(*text) && lines->n > 0;
		}
	}
	return false;
}

static enum or_code check_signature(uint32_t *signed_by, const struct signature *s,
    struct or_slice text, const struct tl_note_key *const *keys, size_t n_keys, struct or_err *err)
{
	for (size_t i = 0; i < n_keys; i++) {
		if (keys[i]->id != s->id || !or_slice_is(s->name, keys[i]->name))
			continue;
		if (or_crypto_verify(keys[i]->key, OR_CRYPTO_EDDSA, text, s->sig))
			return or_err_set(
			    err, OR_DENIED, "the signature of \"%s\" is wrong", keys[i]->name);
		*signed_by |= 1U << i;
	}
	return OR_OK;
}

enum or_code tl_note_verify(struct or_slice *text, uint32_t *by, struct or_slice note,
    const struct tl_note_key *const *keys, size_t n_keys, struct or_err *err)
{
	struct or_slice body, lines;
	struct signature s;
	struct or_buf raw;
	uint32_t signed_by = 0;
	enum or_code rc = OR_OK;

	OR_ASSERT(n_keys <= 32);
	if (!split_note(note, &body, &lines))
		return or_err_set(err, OR_PARSE, "not a signed note");
	or_buf_init(&raw, TL_NOTE_MAX);
	for (size_t count = 0; lines.n && !rc; count++) {
		size_t end = or_str_find(lines, '\n', 0);

		if (count == TL_NOTE_SIGNATURES_MAX || end == lines.n ||
		    !parse_signature(&s, or_slice(lines.p, end), &raw))
			rc = or_err_set(err, OR_PARSE, "a note's signature line is malformed");
		else
			rc = check_signature(&signed_by, &s, body, keys, n_keys, err);
		lines = end < lines.n ? or_slice_from(lines, end + 1) : OR_SLICE_NONE;
	}
	or_buf_done(&raw);
	if (!rc && !signed_by)
		rc = or_err_set(err, OR_DENIED, "none of the known keys signed this note");
	if (rc)
		return rc;
	*text = body;
	if (by)
		*by = signed_by;
	return OR_OK;
}
