/* SPDX-License-Identifier: Apache-2.0 */
/* What a client may send as a grant, and what may stand in one that is signed. */
#include "policy/grant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct or_crypto_key *key;
	const struct pol_grant_use use = {.product = OR_SLICE_LIT("orders"),
	    .principal = OR_SLICE_LIT("https://issuer.example#alice"),
	    .action = OR_SLICE_LIT("read"),
	    .now_s = 1800000000};
	struct or_arena *a = or_arena_new(64 * 1024);
	struct pol_grant g;
	struct or_buf text;

	if (!key && or_crypto_key_new(&key, OR_CRYPTO_ED25519, NULL))
		return 0;
	(void)!pol_grant_check(
	    &g, or_slice(data, size), (const struct or_crypto_key *const *)&key, 1, &use, a);
	/* The same bytes as what is signed: the members behind a signature that holds. */
	or_buf_init(&text, POL_GRANT_MAX);
	g = (struct pol_grant){.id = or_slice(data, size),
	    .product = use.product,
	    .principal = use.principal,
	    .reason = or_slice(data, size),
	    .issued_s = use.now_s,
	    .expires_s = use.now_s + 60};
	if (pol_grant_make(&text, &g, key, NULL) == OR_OK)
		OR_ASSERT(
		    pol_grant_check(&g, or_buf_slice(&text),
			(const struct or_crypto_key *const *)&key, 1, &use, a) == POL_GRANT_FINE);
	or_buf_done(&text);
	or_arena_free(a);
	return 0;
}
