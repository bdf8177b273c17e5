/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/identity_peer.h"

#include "base/crypto.h"

void ag_identity_peer_read(struct ag_decide_ask *ask, struct ag_identity_svid *svids,
    const struct or_tls_session *tls, struct or_arena *a)
{
	struct or_slice chain[OR_TLS_CHAIN_MAX];
	uint8_t *hash;
	size_t n = 0;

	if (!tls)
		return;
	hash = or_arena_alloc(a, OR_CRYPTO_HASH_LEN);
	if (!hash || or_tls_session_chain(tls, chain, &n, a)) {
		ask->cert_fault = "svid_malformed";
		return;
	}
	if (!n)
		return;
	or_crypto_sha256(hash, chain[0]);
	ask->cert_hash = or_slice(hash, OR_CRYPTO_HASH_LEN);
	if (svids)
		ask->cert_fault =
		    ag_identity_svid_check(svids, &ask->workload, chain, n, ask->now_ns, a);
}
