/* SPDX-License-Identifier: Apache-2.0 */
#include "base/gzip.h"

#include "base/mem.h"

#include <limits.h>
#include <zlib.h>

enum { CHUNK = 64 * 1024, GZIP_ONLY = 15 + 16, MEM_LEVEL = 8 };

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

/* Unpacks into what the buffer has room for; true where the member has ended. */
static int step(struct or_buf *out, z_stream *z)
{
	size_t room = out->max - out->n < CHUNK ? out->max - out->n : CHUNK;
	uint8_t spare, *to = room ? or_buf_reserve(out, room) : &spare;
	int rc;

	/* One byte of room tells whether there is more than may be. */
	z->next_out = to;
	z->avail_out = room ? (uInt)room : 1;
	rc = inflate(z, Z_NO_FLUSH);
	if (room)
		or_buf_commit(out, room - z->avail_out);
	else if (z->avail_out == 0)
		return Z_MEM_ERROR;
	return rc;
}

static enum or_code decode_members(struct or_buf *out, z_stream *z, struct or_err *err)
{
	for (;;) {
		int rc = step(out, z);

		if (rc == Z_MEM_ERROR)
			return or_err_set(
			    err, OR_FULL, "gzip: it unpacks to more than %zu bytes", out->max);
		if (rc == Z_STREAM_END) {
			if (z->avail_in == 0)
				return OR_OK;
			rc = inflateReset(z);
		} else if (rc == Z_BUF_ERROR || (rc == Z_OK && z->avail_in == 0 && z->avail_out)) {
			return or_err_set(err, OR_PARSE, "gzip: cut short");
		}
		if (rc != Z_OK)
			return or_err_set(
			    err, OR_PARSE, "gzip: %s", z->msg ? z->msg : "damaged or not gzip");
	}
}

enum or_code or_gzip_decode(struct or_buf *out, struct or_slice in, struct or_err *err)
{
	z_stream z = {.zalloc = on_alloc, .zfree = on_free};
	enum or_code rc;

	if (in.n == 0 || in.n > UINT_MAX)
		return or_err_set(err, OR_PARSE, "gzip: %zu bytes", in.n);
	z.next_in = (z_const Bytef *)(uintptr_t)in.p;
	z.avail_in = (uInt)in.n;
	if (inflateInit2(&z, GZIP_ONLY) != Z_OK)
		return or_err_set(err, OR_FULL, "gzip: cannot start");
	rc = decode_members(out, &z, err);
	inflateEnd(&z);
	return rc;
}

enum or_code or_gzip_encode(struct or_buf *out, struct or_slice in)
{
	z_stream z = {.zalloc = on_alloc, .zfree = on_free};
	enum or_code rc = OR_FULL;
	uLong bound;
	uint8_t *to;

	if (in.n > UINT_MAX / 2 || deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, GZIP_ONLY, MEM_LEVEL,
				       Z_DEFAULT_STRATEGY) != Z_OK)
		return OR_FULL;
	bound = deflateBound(&z, (uLong)in.n);
	to = or_buf_reserve(out, bound);
	if (to) {
		z.next_in = (z_const Bytef *)(uintptr_t)in.p;
		z.avail_in = (uInt)in.n;
		z.next_out = to;
		z.avail_out = (uInt)bound;
		if (deflate(&z, Z_FINISH) == Z_STREAM_END) {
			or_buf_commit(out, bound - z.avail_out);
			rc = OR_OK;
		}
	}
	deflateEnd(&z);
	return rc;
}
