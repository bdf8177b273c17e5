/* SPDX-License-Identifier: Apache-2.0 */
#include "base/zstd.h"

#include <pthread.h>
#include <zstd.h>

static pthread_key_t pack_key, unpack_key;

static void free_pack(void *ctx)
{
	ZSTD_freeCCtx(ctx);
}

static void free_unpack(void *ctx)
{
	ZSTD_freeDCtx(ctx);
}

static void make_keys(void)
{
	OR_ASSERT(pthread_key_create(&pack_key, free_pack) == 0);
	OR_ASSERT(pthread_key_create(&unpack_key, free_unpack) == 0);
}

/* Kept per thread: making one costs more than packing a few kilobytes. */
static void *context(bool for_packing)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_key_t key;
	void *ctx;

	pthread_once(&once, make_keys);
	key = for_packing ? pack_key : unpack_key;
	ctx = pthread_getspecific(key);
	if (ctx)
		return ctx;
	ctx = for_packing ? (void *)ZSTD_createCCtx() : (void *)ZSTD_createDCtx();
	OR_ASSERT(ctx && pthread_setspecific(key, ctx) == 0);
	return ctx;
}

void or_zstd_encode(struct or_buf *out, struct or_slice in, int level)
{
	size_t room = ZSTD_compressBound(in.n), n;
	uint8_t *to = or_buf_reserve(out, room);

	if (!to)
		return;
	n = ZSTD_compressCCtx(context(true), to, room, in.p, in.n, level);
	OR_ASSERT(!ZSTD_isError(n));
	or_buf_commit(out, n);
}

enum or_code or_zstd_decode(uint8_t *to, size_t n, struct or_slice in, struct or_err *err)
{
	size_t got;

	/* The size is checked before anything is unpacked; one frame, nothing behind it. */
	if (ZSTD_getFrameContentSize(in.p, in.n) != n ||
	    ZSTD_findFrameCompressedSize(in.p, in.n) != in.n)
		return or_err_set(err, OR_PARSE, "zstd: not one frame of %zu bytes", n);
	got = ZSTD_decompressDCtx(context(false), to, n, in.p, in.n);
	if (ZSTD_isError(got) || got != n)
		return or_err_set(err, OR_PARSE, "zstd: damaged");
	return OR_OK;
}
