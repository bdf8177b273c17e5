/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/frame.h"

#include "proto/audit.h"
#include "proto/signed.h"
#include "proto/table.h"

#define AT(member) .offset = offsetof(struct wire_frame, member)

static const struct wire_table_field dropped_fields[] = {
    {.name = "from", .kind = WIRE_TABLE_UINT, .offset = offsetof(struct wire_dropped, from)},
    {.name = "to", .kind = WIRE_TABLE_UINT, .offset = offsetof(struct wire_dropped, to)},
    {.name = "reason",
	.kind = WIRE_TABLE_STR,
	.offset = offsetof(struct wire_dropped, reason),
	.max = 64},
};
static const struct wire_table dropped_table = {.name = "dropped",
    .size = sizeof(struct wire_dropped),
    .fields = dropped_fields,
    .n_fields = OR_LEN(dropped_fields)};

static const struct wire_table_field frame_fields[] = {
    {.name = "cert", .kind = WIRE_TABLE_BYTES, AT(cert), .max = 32768},
    {.name = "epoch", .kind = WIRE_TABLE_FIXED64, AT(epoch)},
    {.name = "stream", .kind = WIRE_TABLE_STR, AT(stream), .max = WIRE_AUDIT_STREAM_MAX},
    {.name = "seq_from", .kind = WIRE_TABLE_UINT, AT(seq_from)},
    {.name = "seq_to", .kind = WIRE_TABLE_UINT, AT(seq_to)},
    {.name = "root", .kind = WIRE_TABLE_ID, AT(root), .max = OR_CRYPTO_HASH_LEN},
    {.name = "prev_epoch", .kind = WIRE_TABLE_FIXED64, AT(prev_epoch)},
    {.name = "prev_seq", .kind = WIRE_TABLE_UINT, AT(prev_seq)},
    {.name = "dropped",
	.kind = WIRE_TABLE_MSGS,
	AT(dropped),
	.n_offset = offsetof(struct wire_frame, n_dropped),
	.max_items = WIRE_FRAME_DROPPED_MAX,
	.sub = &dropped_table},
    {.name = "sent", .kind = WIRE_TABLE_FIXED64, AT(sent_ns)},
    {.name = "signature", .kind = WIRE_TABLE_ID, AT(signature), .max = OR_CRYPTO_SIG_MAX},
};
static const struct wire_table frame_table = {.name = "frame",
    .size = sizeof(struct wire_frame),
    .fields = frame_fields,
    .n_fields = OR_LEN(frame_fields)};

uint64_t wire_frame_records(const struct wire_frame *f)
{
	uint64_t n = f->seq_to + 1 - f->seq_from;

	for (size_t i = 0; i < f->n_dropped; i++)
		n -= f->dropped[i].to + 1 - f->dropped[i].from;
	return n;
}

bool wire_frame_is_dropped(const struct wire_frame *f, uint64_t seq)
{
	for (size_t i = 0; i < f->n_dropped; i++) {
		if (seq >= f->dropped[i].from && seq <= f->dropped[i].to)
			return true;
	}
	return false;
}

static bool is_range(uint64_t from, uint64_t to)
{
	return from > 0 && to >= from - 1 && to < UINT64_MAX &&
	       to - (from - 1) <= WIRE_FRAME_SPAN_MAX;
}

static bool dropped_ascend(const struct wire_frame *f)
{
	uint64_t next = f->seq_from;

	for (size_t i = 0; i < f->n_dropped; i++) {
		const struct wire_dropped *d = &f->dropped[i];

		if (d->from < next || d->to < d->from || d->to > f->seq_to || d->reason.n == 0)
			return false;
		next = d->to + 1;
	}
	return true;
}

static const char *what_is_wrong(const struct wire_frame *f)
{
	if (f->cert.n == 0 || f->epoch == 0 || f->stream.n == 0)
		return "cert, epoch or stream is absent";
	if (f->root.n != OR_CRYPTO_HASH_LEN)
		return "root is absent";
	if (f->sent_ns == 0 || f->sent_ns > INT64_MAX)
		return "sent is absent or out of range";
	if (!is_range(f->seq_from, f->seq_to))
		return "seq_from and seq_to are no range";
	if (f->prev_epoch == f->epoch || (f->prev_epoch == 0 && f->prev_seq != 0))
		return "prev_epoch and prev_seq do not fit";
	if (!dropped_ascend(f))
		return "dropped ranges do not ascend inside the frame, or lack a reason";
	return NULL;
}

static void put_signed(struct or_buf *b, const struct wire_frame *f)
{
	wire_signed_begin(b, "outrider/frame/v1");
	wire_signed_put(b, f->cert);
	wire_signed_put_u64(b, f->epoch);
	wire_signed_put(b, f->stream);
	wire_signed_put_u64(b, f->seq_from);
	wire_signed_put_u64(b, f->seq_to);
	wire_signed_put(b, f->root);
	wire_signed_put_u64(b, f->prev_epoch);
	wire_signed_put_u64(b, f->prev_seq);
	wire_signed_put_u64(b, f->n_dropped);
	for (size_t i = 0; i < f->n_dropped; i++) {
		wire_signed_put_u64(b, f->dropped[i].from);
		wire_signed_put_u64(b, f->dropped[i].to);
		wire_signed_put(b, f->dropped[i].reason);
	}
	wire_signed_put_u64(b, f->sent_ns);
}

enum or_code wire_frame_sign(struct or_buf *out, const struct wire_frame *f,
    const struct or_crypto_key *key, struct or_err *err)
{
	const char *wrong = what_is_wrong(f);
	struct wire_frame copy = *f;
	struct or_buf msg, sig;
	enum or_code rc;

	copy.signature = OR_SLICE_NONE;
	if (wrong)
		return or_err_set(err, OR_INVAL, "frame: %s", wrong);
	rc = wire_table_check(&frame_table, &copy, err);
	if (rc)
		return rc;
	put_signed(&msg, f);
	or_buf_init(&sig, OR_CRYPTO_SIG_MAX);
	rc = or_buf_ok(&msg) ? or_crypto_sign(&sig, key, OR_CRYPTO_EDDSA, or_buf_slice(&msg))
			     : OR_FULL;
	if (rc) {
		or_err_set(err, rc, "frame: could not be signed");
		goto out;
	}
	copy.signature = or_buf_slice(&sig);
	if (wire_table_size(&frame_table, &copy) > WIRE_FRAME_MAX) {
		rc = or_err_set(err, OR_FULL, "frame: longer than %d bytes", WIRE_FRAME_MAX);
		goto out;
	}
	wire_table_encode(out, &frame_table, &copy);
	if (!or_buf_ok(out))
		rc = or_err_set(err, OR_FULL, "frame: the buffer is full");
out:
	or_buf_done(&sig);
	or_buf_done(&msg);
	return rc;
}

enum or_code wire_frame_decode(
    struct wire_frame *out, struct or_slice in, struct or_arena *a, struct or_err *err)
{
	struct wire_table_seen seen = {0};
	struct wire_frame f;
	const char *wrong;
	enum or_code rc;

	if (in.n > WIRE_FRAME_MAX)
		return or_err_set(err, OR_FULL, "frame: longer than %d bytes", WIRE_FRAME_MAX);
	rc = wire_table_decode(&f, &seen, &frame_table, in, a, err);
	if (rc)
		return rc;
	wrong = what_is_wrong(&f);
	if (!wrong && f.signature.n != OR_CRYPTO_SIG_MAX)
		wrong = "signature is absent";
	if (!wrong && seen.not_canonical)
		wrong = "not in the one encoding that a frame has";
	if (wrong)
		return or_err_set(err, OR_PARSE, "frame: %s", wrong);
	*out = f;
	return OR_OK;
}

enum or_code wire_frame_verify(
    const struct wire_frame *f, const struct or_crypto_key *key, struct or_err *err)
{
	struct or_buf msg;
	enum or_code rc;

	put_signed(&msg, f);
	rc = or_buf_ok(&msg)
		 ? or_crypto_verify(key, OR_CRYPTO_EDDSA, or_buf_slice(&msg), f->signature)
		 : OR_FULL;
	or_buf_done(&msg);
	return rc ? or_err_set(err, rc, "frame: the signature is not the certified agent's")
		  : OR_OK;
}
