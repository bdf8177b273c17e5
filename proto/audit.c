/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/audit.h"

#include "proto/audit_table.h"

/* "<topic>/<product>": the stream's product is the record's, so a stream lies in one shard. */
static bool stream_is_of_product(const struct wire_audit *r)
{
	size_t head = r->stream.n - r->product.n;

	return r->product.n && r->stream.n > r->product.n + 1 && r->stream.p[head - 1] == '/' &&
	       memcmp(r->stream.p + head, r->product.p, r->product.n) == 0;
}

enum or_code wire_audit_validate(const struct wire_audit *r, struct or_err *err)
{
	const char *what = NULL;

	if (r->time_ns == 0 || r->time_ns > INT64_MAX)
		what = "time is absent or out of range";
	else if (r->agent_id.n != WIRE_AUDIT_AGENT_LEN)
		what = "agent_id is absent";
	else if (r->epoch == 0)
		what = "epoch is absent";
	else if (r->seq == 0)
		what = "seq is absent";
	else if (!stream_is_of_product(r))
		what = "stream is not \"<topic>/<product>\" with the record's product";
	else if (!r->kind || !r->front || !r->phase)
		what = "kind, front or phase is absent";
	else if (r->trace_id.n != WIRE_AUDIT_TRACE_LEN || r->span_id.n != WIRE_AUDIT_SPAN_LEN)
		what = "trace_id or span_id is absent";
	return what ? or_err_set(err, OR_INVAL, "record: %s", what) : OR_OK;
}

enum or_code wire_audit_encode(struct or_buf *out, const struct wire_audit *r, struct or_err *err)
{
	enum or_code rc = wire_table_check(&wire_audit_table_record, r, err);

	return rc ? rc : wire_audit_encode_fitted(out, r, err);
}

enum or_code wire_audit_encode_fitted(
    struct or_buf *out, const struct wire_audit *r, struct or_err *err)
{
	enum or_code rc = wire_audit_validate(r, err);

	if (rc)
		return rc;
	if (!wire_table_encode_max(out, &wire_audit_table_record, r, WIRE_AUDIT_MAX))
		return or_err_set(err, OR_FULL, "record: longer than %d bytes", WIRE_AUDIT_MAX);
	return or_buf_ok(out) ? OR_OK : or_err_set(err, OR_FULL, "record: the buffer is full");
}

enum or_code wire_audit_decode(struct wire_audit *out, struct wire_audit_seen *seen,
    struct or_slice in, struct or_arena *a, struct or_err *err)
{
	struct wire_table_seen met = {0};
	struct wire_audit r;
	enum or_code rc;

	if (in.n > WIRE_AUDIT_MAX)
		return or_err_set(err, OR_FULL, "record: longer than %d bytes", WIRE_AUDIT_MAX);
	rc = wire_table_decode(&r, &met, &wire_audit_table_record, in, a, err);
	if (rc)
		return rc;
	if (wire_audit_validate(&r, err))
		return err ? err->code = OR_PARSE : OR_PARSE;
	*out = r;
	if (seen)
		*seen = (struct wire_audit_seen){met.unknown, met.not_canonical};
	return OR_OK;
}
