/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/status.h"

#include "base/str.h"

static void put_time(struct or_jsonw *w, const char *key, int64_t unix_ns)
{
	struct or_buf text;

	if (unix_ns <= 0)
		return;
	or_buf_init(&text, 64);
	or_str_time(&text, unix_ns);
	or_jsonw_kv_str(w, key, or_buf_slice(&text));
	or_buf_done(&text);
}

static void put_bundle(struct or_jsonw *w, const struct ag_bundle *b)
{
	struct pol_bundle *bundle = ag_bundle_get(b);
	const struct or_err *error = ag_bundle_error(b);
	struct or_buf hex;

	or_jsonw_key(w, "bundle");
	or_jsonw_object(w);
	or_jsonw_kv_u64(w, "revision", bundle ? pol_bundle_revision(bundle) : 0);
	if (bundle) {
		or_buf_init(&hex, 2 * OR_CRYPTO_HASH_LEN);
		or_str_hex_encode(&hex, or_slice(pol_bundle_hash(bundle), OR_CRYPTO_HASH_LEN));
		or_jsonw_kv_str(w, "sha256", or_buf_slice(&hex));
		or_jsonw_kv_u64(w, "policies", pol_set_count(pol_bundle_set(bundle)));
		put_time(w, "not_after", pol_bundle_not_after_ns(bundle));
		or_buf_done(&hex);
	}
	if (error->code)
		or_jsonw_kv_text(w, "error", error->msg);
	or_jsonw_end(w);
}

static void put_spool(struct or_jsonw *w, const struct ag_spool *spool)
{
	struct ag_spool_info info;

	ag_spool_get_info(&info, spool);
	or_jsonw_key(w, "spool");
	or_jsonw_object(w);
	or_jsonw_kv_u64(w, "pending", info.pending);
	or_jsonw_kv_u64(w, "bytes", info.bytes);
	or_jsonw_kv_u64(w, "quota", info.quota_bytes);
	or_jsonw_kv_u64(w, "damaged", info.damaged);
	or_jsonw_kv_u64(w, "quarantined", info.quarantined);
	or_jsonw_end(w);
}

static void put_ship(struct or_jsonw *w, const struct ag_status *s)
{
	struct ag_ship_info info = {0};
	const struct or_err *enrol = ag_enrol_error(s->enrol);

	if (s->ship)
		ag_ship_get_info(&info, s->ship);
	or_jsonw_key(w, "ship");
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "state", s->ship ? ag_ship_state_name(info.state) : "no_collector");
	if (s->ship) {
		or_jsonw_kv_text(w, "transport", info.link);
		or_jsonw_kv_text(w, "peer", info.peer);
	}
	put_time(w, "since", info.since_ns);
	put_time(w, "last_ok", info.last_ok_ns);
	or_jsonw_kv_u64(w, "batches", info.batches);
	or_jsonw_kv_u64(w, "records", info.records);
	or_jsonw_kv_u64(w, "failures", info.failures);
	or_jsonw_kv_u64(w, "refusals", info.refusals);
	if (info.error[0])
		or_jsonw_kv_text(w, "error", info.error);
	else if (enrol->code)
		or_jsonw_kv_text(w, "error", enrol->msg);
	or_jsonw_end(w);
}

static void put_announce(struct or_jsonw *w, const struct ag_announce *a)
{
	struct ag_announce_info info;
	struct or_buf hex;

	ag_announce_get_info(&info, a);
	or_buf_init(&hex, 2 * OR_CRYPTO_HASH_LEN);
	or_str_hex_encode(&hex, info.sha256);
	or_jsonw_key(w, "catalogue");
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "state", ag_announce_state_name(info.state));
	or_jsonw_kv_str(w, "document", or_buf_slice(&hex));
	if (info.error->code)
		or_jsonw_kv_text(w, "error", info.error->msg);
	or_jsonw_end(w);
	or_buf_done(&hex);
}

void ag_status_put(struct or_jsonw *w, const struct ag_status *s)
{
	or_jsonw_kv_text(w, "product", s->product);
	or_jsonw_kv_text(w, "agent_id", ag_enrol_id_text(s->enrol));
	ag_fronts_put(w, s->fronts);
	put_bundle(w, s->bundle);
	put_spool(w, s->spool);
	put_ship(w, s);
	or_jsonw_key(w, "tap");
	ag_observe_put_status(w, s->observe);
	put_announce(w, s->announce);
}
