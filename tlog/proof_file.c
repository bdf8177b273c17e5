/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog/proof_file.h"

#include "base/str.h"
#include "tlog/note.h"

#define HEADER "c2sp.org/tlog-proof@v1"

enum or_code tl_proof_file_encode(
    struct or_buf *out, const struct tl_proof_file *f, struct or_err *err)
{
	if (f->extra.n > TL_PROOF_FILE_EXTRA_MAX || f->proof.n > TL_PROOF_MAX ||
	    f->checkpoint.n == 0 || f->checkpoint.n > TL_NOTE_MAX || f->index > UINT64_MAX >> 1)
		return or_err_set(err, OR_INVAL, "no proof can hold that");
	or_buf_put_str(out, HEADER "\n");
	if (f->extra.p) {
		or_buf_put_str(out, "extra ");
		or_str_base64_encode(out, f->extra);
		or_buf_put_byte(out, '\n');
	}
	or_buf_put_str(out, "index ");
	or_buf_put_u64(out, f->index);
	or_buf_put_byte(out, '\n');
	for (size_t i = 0; i < f->proof.n; i++) {
		or_str_base64_encode(out, or_slice(f->proof.hashes[i].b, TL_HASH_LEN));
		or_buf_put_byte(out, '\n');
	}
	or_buf_put_byte(out, '\n');
	or_buf_put_slice(out, f->checkpoint);
	return or_buf_ok(out) ? OR_OK : or_err_set(err, OR_FULL, "no room for the proof");
}

static bool take_line(struct or_slice *line, struct or_slice *rest)
{
	size_t end = or_str_find(*rest, '\n', 0);

	if (end == rest->n)
		return false;
	*line = or_slice(rest->p, end);
	*rest = or_slice_from(*rest, end + 1);
	return true;
}

static bool parse_extra(struct or_slice *out, struct or_buf *extra, struct or_slice text)
{
	static const uint8_t nothing;

	if (or_str_base64_decode(extra, text) || !or_buf_ok(extra) ||
	    extra->n > TL_PROOF_FILE_EXTRA_MAX)
		return false;
	*out = extra->n ? or_buf_slice(extra) : or_slice(&nothing, 0);
	return true;
}

static bool parse_index(uint64_t *out, struct or_slice line)
{
	struct or_slice digits;

	if (!or_str_has_prefix(line, "index "))
		return false;
	digits = or_slice_from(line, 6);
	return !(digits.n > 1 && digits.p[0] == '0') && or_str_u64(out, digits) == OR_OK &&
	       *out <= UINT64_MAX >> 1;
}

static bool parse_hash(struct tl_hash *out, struct or_slice line)
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

/* Up to the blank line. */
static bool parse_hashes(struct tl_proof *out, struct or_slice *rest)
{
	struct or_slice line;

	while (take_line(&line, rest)) {
		if (line.n == 0)
			return true;
		if (out->n == TL_PROOF_MAX || !parse_hash(&out->hashes[out->n], line))
			return false;
		out->n++;
	}
	return false;
}

enum or_code tl_proof_file_parse(
    struct tl_proof_file *out, struct or_buf *extra, struct or_slice text, struct or_err *err)
{
	struct or_slice line, rest = text;
	struct tl_proof_file f = {.extra = OR_SLICE_NONE};

	or_buf_clear(extra);
	if (text.n > TL_PROOF_FILE_MAX || !take_line(&line, &rest) || !or_slice_is(line, HEADER))
		return or_err_set(err, OR_PARSE, "no proof begins like that, but with " HEADER);
	if (!take_line(&line, &rest))
		return or_err_set(err, OR_PARSE, "the proof has no index");
	if (or_str_has_prefix(line, "extra ")) {
		if (!parse_extra(&f.extra, extra, or_slice_from(line, 6)))
			return or_err_set(err, OR_PARSE, "the proof's extra data is malformed");
		if (!take_line(&line, &rest))
			return or_err_set(err, OR_PARSE, "the proof has no index");
	}
	if (!parse_index(&f.index, line))
		return or_err_set(err, OR_PARSE, "the proof's index is malformed");
	if (!parse_hashes(&f.proof, &rest))
		return or_err_set(err, OR_PARSE,
		    "hash %zu of the proof is malformed, or the blank "
		    "line behind it is missing",
		    f.proof.n);
	if (rest.n == 0 || rest.n > TL_NOTE_MAX)
		return or_err_set(err, OR_PARSE, "the proof has no checkpoint");
	f.checkpoint = rest;
	*out = f;
	return OR_OK;
}
