/* SPDX-License-Identifier: Apache-2.0 */
#include "tlog/proof.h"

struct source {
	tl_proof_read_fn *read;
	void *arg;
};

/* The largest power of two below n (n > 1): where RFC 6962 splits n leaves. */
static uint64_t split(uint64_t n)
{
	return 1ULL << (63 - __builtin_clzll(n - 1));
}

/* The root over leaves [from, from + n), where from is a multiple of the power of two above n. */
static enum or_code range_root(
    struct tl_hash *out, const struct source *s, uint64_t from, uint64_t n)
{
	struct tl_hash left, right;
	enum or_code rc;
	uint64_t k;

	if ((n & (n - 1)) == 0) {
		unsigned int height = (unsigned int)__builtin_ctzll(n);

		return s->read(s->arg, out, height, from >> height);
	}
	k = split(n);
	rc = range_root(&left, s, from, k);
	if (!rc)
		rc = range_root(&right, s, from + k, n - k);
	if (!rc)
		tl_hash_node(out, &left, &right);
	return rc;
}

static enum or_code push(struct tl_proof *p, const struct source *s, uint64_t from, uint64_t n)
{
	OR_ASSERT(p->n < TL_PROOF_MAX);
	return range_root(&p->hashes[p->n++], s, from, n);
}

/* PATH(m, D[n]) of RFC 6962 §2.1.1, at leaves [from, from + n). */
static enum or_code path(
    struct tl_proof *p, const struct source *s, uint64_t m, uint64_t from, uint64_t n)
{
	enum or_code rc;
	uint64_t k;

	if (n == 1)
		return OR_OK;
	k = split(n);
	if (m < k) {
		rc = path(p, s, m, from, k);
		return rc ? rc : push(p, s, from + k, n - k);
	}
	rc = path(p, s, m - k, from + k, n - k);
	return rc ? rc : push(p, s, from, k);
}

/* SUBPROOF(m, D[n], whole) of RFC 6962 §2.1.2. */
static enum or_code subproof(
    struct tl_proof *p, const struct source *s, uint64_t m, uint64_t from, uint64_t n, bool whole)
{
	enum or_code rc;
	uint64_t k;

	if (m == n)
		return whole ? OR_OK : push(p, s, from, n);
	k = split(n);
	if (m <= k) {
		rc = subproof(p, s, m, from, k, whole);
		return rc ? rc : push(p, s, from + k, n - k);
	}
	rc = subproof(p, s, m - k, from + k, n - k, false);
	return rc ? rc : push(p, s, from, k);
}

enum or_code tl_proof_inclusion(
    struct tl_proof *out, uint64_t index, uint64_t size, tl_proof_read_fn *read, void *arg)
{
	const struct source s = {read, arg};
	struct tl_proof p = {.n = 0};
	enum or_code rc;

	if (index >= size || size > UINT64_MAX >> 1)
		return OR_INVAL;
	rc = path(&p, &s, index, 0, size);
	if (!rc)
		*out = p;
	return rc;
}

enum or_code tl_proof_consistency(
    struct tl_proof *out, uint64_t size1, uint64_t size2, tl_proof_read_fn *read, void *arg)
{
	const struct source s = {read, arg};
	struct tl_proof p = {.n = 0};
	enum or_code rc;

	if (size1 == 0 || size1 > size2 || size2 > UINT64_MAX >> 1)
		return OR_INVAL;
	rc = subproof(&p, &s, size1, 0, size2, true);
	if (!rc)
		*out = p;
	return rc;
}

enum or_code tl_proof_root(struct tl_hash *out, uint64_t size, tl_proof_read_fn *read, void *arg)
{
	const struct source s = {read, arg};

	if (size == 0) {
		tl_hash_empty(out);
		return OR_OK;
	}
	return size > UINT64_MAX >> 1 ? OR_INVAL : range_root(out, &s, 0, size);
}

enum or_code tl_proof_verify_inclusion(const struct tl_hash *leaf, uint64_t index, uint64_t size,
    const struct tl_hash *hashes, size_t n, const struct tl_hash *root)
{
	uint64_t fn = index, sn = size - 1;
	struct tl_hash r = *leaf;

	if (index >= size)
		return OR_DENIED;
	for (size_t i = 0; i < n; i++) {
		if (sn == 0)
			return OR_DENIED;
		if ((fn & 1) || fn == sn) {
			tl_hash_node(&r, &hashes[i], &r);
			while (!(fn & 1) && fn) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			tl_hash_node(&r, &r, &hashes[i]);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && tl_hash_eq(&r, root) ? OR_OK : OR_DENIED;
}

/* The loop of RFC 9162 §2.1.4.2: both roots are rebuilt from the same hashes. */
static bool rebuilds(uint64_t fn, uint64_t sn, const struct tl_hash *first,
    const struct tl_hash *hashes, size_t n, const struct tl_hash *root1,
    const struct tl_hash *root2)
{
	struct tl_hash fr = *first, sr = *first;

	for (size_t i = 0; i < n; i++) {
		if (sn == 0)
			return false;
		if ((fn & 1) || fn == sn) {
			tl_hash_node(&fr, &hashes[i], &fr);
			tl_hash_node(&sr, &hashes[i], &sr);
			while (!(fn & 1) && fn) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			tl_hash_node(&sr, &sr, &hashes[i]);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && tl_hash_eq(&fr, root1) && tl_hash_eq(&sr, root2);
}

enum or_code tl_proof_verify_consistency(uint64_t size1, uint64_t size2,
    const struct tl_hash *root1, const struct tl_hash *root2, const struct tl_hash *hashes,
    size_t n)
{
	uint64_t fn = size1 - 1, sn = size2 - 1;
	bool whole = (size1 & (size1 - 1)) == 0;

	if (size1 == 0 || size1 > size2)
		return OR_DENIED;
	if (size1 == size2)
		return n == 0 && tl_hash_eq(root1, root2) ? OR_OK : OR_DENIED;
	if (n == 0)
		return OR_DENIED;
	while (fn & 1) {
		fn >>= 1;
		sn >>= 1;
	}
	/* A power of two is a subtree of the larger tree, so its root leads the proof unsaid. */
	if (whole)
		return rebuilds(fn, sn, root1, hashes, n, root1, root2) ? OR_OK : OR_DENIED;
	return rebuilds(fn, sn, &hashes[0], hashes + 1, n - 1, root1, root2) ? OR_OK : OR_DENIED;
}
