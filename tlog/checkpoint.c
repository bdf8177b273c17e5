/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog/checkpoint.h"

#include "base/str.h"

static bool lines_are_filled(struct or_slice s)
{
	bool at_start = true;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n' && at_start)
			return false;
		at_start = s.p[i] == '\n';
	}
	return at_start;
}

enum or_code tl_checkpoint_encode(
    struct or_buf *out, const struct tl_checkpoint *c, struct or_err *err)
{
	if (c->origin.n == 0 || or_str_find(c->origin, '\n', 0) < c->origin.n ||
	    !lines_are_filled(c->extensions))
		return or_err_set(err, OR_INVAL, "a checkpoint's origin or extension is malformed");
	or_buf_put_slice(out, c->origin);
	or_buf_put_byte(out, '\n');
	or_buf_put_u64(out, c->size);
	or_buf_put_byte(out, '\n');
	or_str_base64_encode(out, or_slice(c->root.b, TL_HASH_LEN));
	or_buf_put_byte(out, '\n');
	or_buf_put_slice(out, c->extensions);
	return or_buf_ok(out) ? OR_OK : or_err_set(err, OR_FULL, "no room for the checkpoint");
}

static bool take_line(struct or_slice *line, struct or_slice *s)
{
	size_t end = or_str_find(*s, '\n', 0);

	if (end == s->n || end == 0)
		return false;
	*line = or_slice(s->p, end);
	*s = or_slice_from(*s, end + 1);
	return true;
}

static bool parse_root(struct tl_hash *out, struct or_slice line)
{
	struct or_buf raw;
	bool ok;

	or_buf_init(&raw, 128);
	ok = or_str_base64_decode(&raw, line) == OR_OK && raw.n == TL_HASH_LEN;
	if (ok)
		memcpy(out->b, raw.p, TL_HASH_LEN);
	or_buf_done(&raw);
	return ok;
}

enum or_code tl_checkpoint_parse(
    struct tl_checkpoint *out, struct or_slice text, struct or_err *err)
{
	struct or_slice size, root, rest = text;
	struct tl_checkpoint c;

	if (!take_line(&c.origin, &rest) || !take_line(&size, &rest) || !take_line(&root, &rest))
		return or_err_set(err, OR_PARSE, "a checkpoint has an origin, a size and a root");
	if ((size.n > 1 && size.p[0] == '0') || or_str_u64(&c.size, size) ||
	    c.size > UINT64_MAX >> 1)
		return or_err_set(err, OR_PARSE, "a checkpoint's size is malformed");
	if (!parse_root(&c.root, root))
		return or_err_set(err, OR_PARSE, "a checkpoint's root is malformed");
	if (!lines_are_filled(rest))
		return or_err_set(err, OR_PARSE, "a checkpoint's extension is malformed");
	c.extensions = rest;
	*out = c;
	return OR_OK;
}

enum or_code tl_checkpoint_sign(struct or_buf *out, const struct tl_checkpoint *c,
    const struct tl_note_key *const *keys, size_t n_keys, struct or_err *err)
{
	struct or_buf text;
	enum or_code rc;

	or_buf_init(&text, TL_NOTE_MAX);
	rc = tl_checkpoint_encode(&text, c, err);
	if (!rc)
		rc = tl_note_sign(out, or_buf_slice(&text), keys, n_keys, err);
	or_buf_done(&text);
	return rc;
}

enum or_code tl_checkpoint_verify(struct tl_checkpoint *out, struct or_slice note,
    struct or_slice origin, const struct tl_note_key *const *keys, size_t n_keys,
    struct or_err *err)
{
	struct tl_checkpoint c;
	struct or_slice text;
	enum or_code rc = tl_note_verify(&text, NULL, note, keys, n_keys, err);

	if (!rc)
		rc = tl_checkpoint_parse(&c, text, err);
	if (rc)
		return rc;
	if (!or_slice_eq(c.origin, origin))
		return or_err_set(err, OR_DENIED,
		    "the checkpoint is that of \"%.*s\", not \"%.*s\"", OR_SLICE_FMT(c.origin),
		    OR_SLICE_FMT(origin));
	*out = c;
	return OR_OK;
}
