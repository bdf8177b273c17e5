/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The logs as C2SP tlog-tiles serves them, and the inputs of decisions.
 */
#include "base/str.h"
#include "collector/api/api_impl.h"

/* A bundle of 256 of the longest leaves. */
#define TILE_MAX   ((TL_ENTRIES_LEAF_MAX + 2UL) * TL_TILE_WIDTH)
#define INPUTS_MAX (128UL * 1024)

static void answer(struct co_api_call *call, const char *type, struct or_slice body)
{
	co_reply_count(call->api, 200);
	or_http_req_respond(call->req, 200, type, body);
}

static void fail(struct co_api_call *call, enum or_code rc, const struct or_err *err)
{
	if (rc == OR_ABSENT)
		co_reply_error(call, 404, "not_found", "the log does not reach there yet");
	else
		co_reply_error(call, 500, or_err_name(rc), "%s", err->msg);
}

static void get_tile(struct co_api_call *call, size_t shard, const struct tl_tile *tile)
{
	struct or_err err = {0};
	struct co_read *r = co_api_reader(call->api, shard, &err);
	struct or_buf body;
	enum or_code rc;

	if (!r) {
		fail(call, OR_IO, &err);
		return;
	}
	or_buf_init(&body, TILE_MAX);
	rc = co_read_tile(r, &body, tile, &err);
	if (rc == OR_OK)
		answer(call, "application/octet-stream", or_buf_slice(&body));
	else
		fail(call, rc, &err);
	or_buf_done(&body);
}

void co_api_log_get(struct co_api_call *call)
{
	size_t slash = or_str_find(call->rest, '/', 0), shard;
	const struct co_api_shard *s =
	    co_api_shard(call->api, or_slice(call->rest.p, slash), &shard);
	struct or_slice path =
	    or_slice_from(call->rest, slash < call->rest.n ? slash + 1 : call->rest.n);
	struct tl_tile tile;

	if (or_slice_is(path, "checkpoint") && s) {
		struct or_slice note = co_log_checkpoint(co_ingest_log(s->ingest));

		if (note.n)
			answer(call, "text/plain; charset=utf-8", note);
		else
			co_reply_error(call, 503, "corrupt", "the checkpoint is lost; see /readyz");
		return;
	}
	if (!co_api_is_admin(call))
		return;
	if (!s)
		co_reply_error(call, 404, "not_found", "there is no such shard; see /v1/shards");
	else if (tl_tile_parse(&tile, path))
		co_reply_error(call, 404, "not_found",
		    "use checkpoint, tile/L/N[.p/W] or tile/entries/N[.p/W]");
	else
		get_tile(call, shard, &tile);
}

/* GET /v1/inputs/<sha256 in hex> */
void co_api_log_inputs(struct co_api_call *call)
{
	struct co_api *api = call->api;
	enum or_code rc = OR_ABSENT;
	struct or_err err = {0};
	struct or_buf hash, body;

	or_buf_init(&hash, OR_CRYPTO_HASH_LEN);
	or_buf_init(&body, INPUTS_MAX);
	if (or_str_hex_decode(&hash, call->rest) || hash.n != OR_CRYPTO_HASH_LEN) {
		co_reply_error(call, 400, "invalid", "name the inputs by their SHA-256 in hex");
		goto out;
	}
	for (size_t i = 0; i < api->opt.n_shards && rc == OR_ABSENT; i++)
		rc = co_ingest_inputs(api->opt.shards[i].ingest, &body, hash.p, &err);
	if (rc == OR_OK)
		answer(call, "application/json", or_buf_slice(&body));
	else if (rc == OR_ABSENT)
		co_reply_error(call, 404, "not_found", "no inputs with this hash are stored");
	else
		fail(call, rc, &err);
out:
	or_buf_done(&hash);
	or_buf_done(&body);
}
