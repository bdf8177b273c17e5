/* SPDX-License-Identifier: Apache-2.0 */
#include "base/gzip.h"
#include "base/gzip_stream.h"
#include "base/rng.h"
#include "tests/support/support.h"

enum { MAX = 4 * 1024 * 1024 };

/* Unpacks in pieces, with that much room at a time. */
static enum or_code unpack(struct or_buf *out, struct or_slice in, size_t piece, size_t room)
{
	struct or_gzip_stream *s = or_gzip_stream_unpacker();
	enum or_code rc = OR_OK;
	size_t at = 0;

	or_buf_clear(out);
	do {
		struct or_slice part = or_slice(in.p + at, in.n - at < piece ? in.n - at : piece);

		at += part.n;
		do {
			size_t before = out->n;

			rc = or_gzip_stream_unpack(s, &part, at == in.n, out, room);
			assert_true(out->n - before <= room);
		} while (rc == OR_AGAIN);
		assert_true(rc || part.n == 0);
	} while (rc == OR_OK && at < in.n);
	or_gzip_stream_free(s);
	return rc;
}

static void pack(struct or_buf *out, struct or_slice in, size_t piece, bool flush)
{
	struct or_gzip_stream *s = or_gzip_stream_packer();

	for (size_t at = 0; at < in.n; at += piece)
		ASSERT_CODE(or_gzip_stream_pack(s,
				or_slice(in.p + at, in.n - at < piece ? in.n - at : piece), flush,
				false, out),
		    OR_OK);
	ASSERT_CODE(or_gzip_stream_pack(s, OR_SLICE_NONE, false, true, out), OR_OK);
	or_gzip_stream_free(s);
}

static void fill(struct or_buf *b, size_t n)
{
	while (b->n < n)
		or_buf_printf(b, "{\"row\":%zu,\"x\":%llu}\n", b->n,
		    (unsigned long long)(or_rng_u64() & 0xFF));
}

static void unpack__gives_the_same_for_any_pieces(void **state)
{
	static const size_t pieces[] = {1, 3, 1000, MAX}, rooms[] = {1, 100, 65536};
	struct or_buf content, packed, out;

	(void)state;
	or_buf_init(&content, MAX);
	or_buf_init(&packed, MAX);
	or_buf_init(&out, MAX);
	fill(&content, 100000);
	ASSERT_CODE(or_gzip_encode(&packed, or_buf_slice(&content)), OR_OK);
	/* a second member belongs to the content */
	ASSERT_CODE(or_gzip_encode(&packed, or_buf_slice(&content)), OR_OK);
	assert_non_null(
	    or_buf_reserve(&content, content.n)); /* it must not move while it is read */
	or_buf_put_slice(&content, or_buf_slice(&content));
	for (size_t i = 0; i < OR_LEN(pieces); i++) {
		for (size_t k = 0; k < OR_LEN(rooms); k++) {
			ASSERT_CODE(
			    unpack(&out, or_buf_slice(&packed), pieces[i], rooms[k]), OR_OK);
			assert_true(or_slice_eq(or_buf_slice(&out), or_buf_slice(&content)));
		}
	}
	or_buf_done(&content);
	or_buf_done(&packed);
	or_buf_done(&out);
}

static void unpack__refuses_what_is_cut_damaged_or_no_gzip(void **state)
{
	struct or_buf packed, out;

	(void)state;
	or_buf_init(&packed, MAX);
	or_buf_init(&out, MAX);
	ASSERT_CODE(or_gzip_encode(&packed, OR_SLICE_LIT("a text that is packed")), OR_OK);
	for (size_t n = 0; n < packed.n; n++) {
		ASSERT_CODE(unpack(&out, or_slice(packed.p, n), 4, 100), OR_PARSE);
	}
	packed.p[packed.n - 6] ^= 1; /* of the CRC */
	ASSERT_CODE(unpack(&out, or_buf_slice(&packed), 4, 100), OR_PARSE);
	packed.p[packed.n - 6] ^= 1;
	or_buf_put_str(&packed, "behind");
	ASSERT_CODE(unpack(&out, or_buf_slice(&packed), MAX, 100), OR_PARSE);
	ASSERT_CODE(unpack(&out, OR_SLICE_LIT("plain text"), MAX, 100), OR_PARSE);
	or_buf_done(&packed);
	or_buf_done(&out);
}

static void pack__can_be_unpacked(void **state)
{
	struct or_buf content, packed, out;

	(void)state;
	or_buf_init(&content, MAX);
	or_buf_init(&packed, MAX);
	or_buf_init(&out, MAX);
	fill(&content, 200000);
	for (int flush = 0; flush < 2; flush++) {
		or_buf_clear(&packed);
		or_buf_clear(&out);
		pack(&packed, or_buf_slice(&content), 7777, flush);
		assert_true(packed.n < content.n);
		ASSERT_CODE(or_gzip_decode(&out, or_buf_slice(&packed), NULL), OR_OK);
		assert_true(or_slice_eq(or_buf_slice(&out), or_buf_slice(&content)));
	}
	or_buf_done(&content);
	or_buf_done(&packed);
	or_buf_done(&out);
}

static void pack__shows_what_is_flushed(void **state)
{
	struct or_gzip_stream *packer = or_gzip_stream_packer(), *s = or_gzip_stream_unpacker();
	struct or_buf packed, out;
	struct or_slice in;

	(void)state;
	or_buf_init(&packed, MAX);
	or_buf_init(&out, MAX);
	ASSERT_CODE(or_gzip_stream_pack(packer, OR_SLICE_LIT("now"), true, false, &packed), OR_OK);
	in = or_buf_slice(&packed);
	ASSERT_CODE(or_gzip_stream_unpack(s, &in, false, &out, MAX), OR_OK);
	ASSERT_SLICE(or_buf_slice(&out), "now");
	or_gzip_stream_free(packer);
	or_gzip_stream_free(s);
	or_buf_done(&packed);
	or_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(unpack__gives_the_same_for_any_pieces),
	    cmocka_unit_test(unpack__refuses_what_is_cut_damaged_or_no_gzip),
	    cmocka_unit_test(pack__can_be_unpacked),
	    cmocka_unit_test(pack__shows_what_is_flushed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
