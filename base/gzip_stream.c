/* SPDX-License-Identifier: Apache-2.0 */
#include "base/gzip_stream.h"

#include "base/mem.h"

#include <limits.h>
#include <zlib.h>

enum { CHUNK = 16 * 1024, GZIP_ONLY = 15 + 16, MEM_LEVEL = 8 };

struct or_gzip_stream {
	z_stream z;
	bool packs;
	bool in_member;
	bool has_member; /* one that is whole */
};

static voidpf on_alloc(voidpf opaque, uInt items, uInt size)
{
	(void)opaque;
	return or_mem_array(items, size);
}

static void on_free(voidpf opaque, voidpf p)
{
	(void)opaque;
	or_mem_free(p);
}

static struct or_gzip_stream *new_stream(bool packs)
{
	struct or_gzip_stream *s = or_mem_new(sizeof(*s));
	int rc;

	s->packs = packs;
	s->z.zalloc = on_alloc;
	s->z.zfree = on_free;
	rc = packs ? deflateInit2(
			 &s->z, Z_BEST_SPEED, Z_DEFLATED, GZIP_ONLY, MEM_LEVEL, Z_DEFAULT_STRATEGY)
		   : inflateInit2(&s->z, GZIP_ONLY);
	OR_ASSERT(rc == Z_OK);
	return s;
}

struct or_gzip_stream *or_gzip_stream_unpacker(void)
{
	return new_stream(false);
}

struct or_gzip_stream *or_gzip_stream_packer(void)
{
	return new_stream(true);
}

void or_gzip_stream_free(struct or_gzip_stream *s)
{
	if (!s)
		return;
	if (s->packs)
		deflateEnd(&s->z);
	else
		inflateEnd(&s->z);
	or_mem_free(s);
}

static void set_in(struct or_gzip_stream *s, struct or_slice in)
{
	s->z.next_in = (z_const Bytef *)(uintptr_t)in.p;
	s->z.avail_in = in.n < UINT_MAX ? (uInt)in.n : UINT_MAX;
}

/* One call of inflate into n bytes; its result. */
static int inflate_some(struct or_gzip_stream *s, struct or_slice *in, struct or_buf *out, size_t n)
{
	uint8_t *to = or_buf_reserve(out, n);
	size_t before;
	int rc;

	if (!to)
		return Z_MEM_ERROR;
	set_in(s, *in);
	before = s->z.avail_in;
	s->z.next_out = to;
	s->z.avail_out = (uInt)n;
	rc = inflate(&s->z, Z_NO_FLUSH);
	or_buf_commit(out, n - s->z.avail_out);
	*in = or_slice_from(*in, before - s->z.avail_in);
	return rc;
}

/* Into at most room bytes. OR_AGAIN: there may be more. */
static enum or_code unpack_some(
    struct or_gzip_stream *s, struct or_slice *in, struct or_buf *out, size_t room)
{
	int rc;

	s->in_member = true;
	rc = inflate_some(s, in, out, room < CHUNK ? room : CHUNK);
	if (rc == Z_STREAM_END) {
		s->in_member = false;
		s->has_member = true;
		return inflateReset(&s->z) == Z_OK ? OR_AGAIN : OR_PARSE;
	}
	if (rc == Z_BUF_ERROR || (rc == Z_OK && !in->n && s->z.avail_out))
		return OR_OK;
	if (rc == Z_OK)
		return OR_AGAIN;
	return rc == Z_MEM_ERROR ? OR_FULL : OR_PARSE;
}

enum or_code or_gzip_stream_unpack(
    struct or_gzip_stream *s, struct or_slice *in, bool last, struct or_buf *out, size_t room)
{
	size_t end = out->n + room;

	for (;;) {
		enum or_code rc;

		if (!s->in_member && !in->n)
			return last && !s->has_member ? OR_PARSE : OR_OK;
		if (out->n == end)
			return OR_AGAIN;
		rc = unpack_some(s, in, out, end - out->n);
		if (rc == OR_OK && last)
			return OR_PARSE;
		if (rc != OR_AGAIN)
			return rc;
	}
}

enum or_code or_gzip_stream_pack(
    struct or_gzip_stream *s, struct or_slice in, bool flush, bool last, struct or_buf *out)
{
	int mode = last ? Z_FINISH : flush ? Z_SYNC_FLUSH : Z_NO_FLUSH;

	OR_ASSERT(in.n <= UINT_MAX);
	set_in(s, in);
	do {
		uint8_t *to = or_buf_reserve(out, CHUNK);

		if (!to)
			return OR_FULL;
		s->z.next_out = to;
		s->z.avail_out = CHUNK;
		(void)deflate(&s->z, mode);
		or_buf_commit(out, CHUNK - s->z.avail_out);
	} while (s->z.avail_out == 0);
	return OR_OK;
}
