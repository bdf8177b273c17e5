/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/identity_svid.h"

#include "agent/gate/identity_spiffe.h"
#include "base/buf.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/watch.h"

enum { ROOTS_MAX = 1024 * 1024, KEPT = 64 };

#define KEPT_NS (60 * OR_NS_PER_S)

struct domain {
	struct ag_identity_svid *owner;
	char *name;
	char *file;
	struct or_buf roots;
	struct or_watch *watch;
};

/* A leaf whose chain held. */
struct kept {
	uint8_t hash[OR_CRYPTO_HASH_LEN];
	int64_t from_ns, until_ns; /* 0: a free slot */
};

struct ag_identity_svid {
	struct domain domains[AG_IDENTITY_SVID_DOMAINS_MAX];
	size_t n;
	struct kept kept[KEPT]; /* a ring */
	size_t next;
};

/* -- roots -- */

static enum or_code take_roots(struct domain *d, struct or_err *err)
{
	struct or_buf pem;
	size_t n;
	enum or_code rc;

	or_buf_init(&pem, ROOTS_MAX);
	rc = or_sys_read_file(&pem, d->file, err);
	if (rc == OR_OK)
		rc = or_x509_count(&n, or_buf_slice(&pem), err);
	if (rc) {
		or_buf_done(&pem);
		return or_err_wrap(err, rc, "%s", d->file);
	}
	or_buf_done(&d->roots);
	d->roots = pem;
	memset(d->owner->kept, 0, sizeof(d->owner->kept));
	return OR_OK;
}

static void on_file(void *arg)
{
	struct domain *d = arg;
	struct or_err err = {0};

	if (take_roots(d, &err))
		OR_LOG(OR_LOG_ERROR, "svid.roots_refused", or_log_err(&err));
	else
		OR_LOG(OR_LOG_INFO, "svid.roots_taken", or_log_text("trust_domain", d->name));
}

static enum or_code add_domain(
    struct ag_identity_svid *s, struct or_loop *loop, const struct or_json *j, struct or_err *err)
{
	struct or_slice name = or_json_get_str(j, "trust_domain");
	struct or_slice file = or_json_get_str(j, "roots");
	struct domain *d = &s->domains[s->n];
	enum or_code rc;

	if (j->type != OR_JSON_OBJECT || j->object.n != 2 || !file.n)
		return or_err_set(
		    err, OR_INVAL, "expected {trust_domain, roots}, roots a PEM file");
	if (ag_identity_spiffe_domain(name))
		return or_err_set(err, OR_INVAL, "\"%.*s\" is no trust domain", OR_SLICE_FMT(name));
	for (size_t i = 0; i < s->n; i++) {
		if (or_slice_is(name, s->domains[i].name))
			return or_err_set(err, OR_INVAL, "%.*s is there twice", OR_SLICE_FMT(name));
	}
	s->n++;
	d->owner = s;
	d->name = or_mem_dup(name);
	d->file = or_mem_dup(file);
	rc = or_watch_start(&d->watch, loop, d->file, on_file, d, err);
	return rc ? rc : take_roots(d, err);
}

enum or_code ag_identity_svid_new(struct ag_identity_svid **out, struct or_loop *loop,
    const struct or_json *config, struct or_err *err)
{
	struct ag_identity_svid *s;
	enum or_code rc = OR_OK;

	if (config->type != OR_JSON_ARRAY || config->array.n > AG_IDENTITY_SVID_DOMAINS_MAX)
		return or_err_set(err, OR_INVAL, "expected a list of at most %d trust domains",
		    AG_IDENTITY_SVID_DOMAINS_MAX);
	s = or_mem_new(sizeof(*s));
	for (size_t i = 0; i < config->array.n && rc == OR_OK; i++) {
		rc = add_domain(s, loop, config->array.items[i], err);
		if (rc)
			or_err_wrap(err, rc, "[%zu]", i);
	}
	if (rc)
		ag_identity_svid_free(s);
	else
		*out = s;
	return rc;
}

void ag_identity_svid_free(struct ag_identity_svid *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		or_watch_cancel(s->domains[i].watch);
		or_buf_done(&s->domains[i].roots);
		or_mem_free(s->domains[i].name);
		or_mem_free(s->domains[i].file);
	}
	or_mem_free(s);
}

/* -- chains -- */

static bool is_kept(const struct ag_identity_svid *s, const uint8_t *hash, int64_t now_ns)
{
	for (size_t i = 0; i < KEPT; i++) {
		const struct kept *k = &s->kept[i];

		if (now_ns >= k->from_ns && now_ns < k->until_ns &&
		    memcmp(k->hash, hash, sizeof(k->hash)) == 0)
			return true;
	}
	return false;
}

static void keep(struct ag_identity_svid *s, const uint8_t *hash, int64_t now_ns)
{
	struct kept *k = &s->kept[s->next];

	s->next = (s->next + 1) % KEPT;
	memcpy(k->hash, hash, sizeof(k->hash));
	k->from_ns = now_ns;
	k->until_ns = now_ns + KEPT_NS;
}

static const struct domain *find_domain(const struct ag_identity_svid *s, struct or_slice name)
{
	for (size_t i = 0; i < s->n; i++) {
		if (or_slice_is(name, s->domains[i].name))
			return &s->domains[i];
	}
	return NULL;
}

/* SPIFFE X.509-SVID §2 and §4: what the leaf alone must be. */
static const char *check_leaf(
    struct ag_identity_spiffe *id, const struct or_x509 *leaf, struct or_slice uri)
{
	if (leaf->n_uris != 1 || ag_identity_spiffe_parse(id, uri) || !id->path.n)
		return "svid_id";
	if (leaf->is_ca || !leaf->has_usage || !leaf->usage_is_critical || !leaf->may_sign ||
	    leaf->may_certify)
		return "svid_usage";
	return NULL;
}

const char *ag_identity_svid_check(struct ag_identity_svid *s, struct or_slice *id,
    const struct or_slice *chain, size_t n, int64_t now_ns, struct or_arena *a)
{
	uint8_t hash[OR_CRYPTO_HASH_LEN];
	struct ag_identity_spiffe spiffe;
	const struct domain *domain;
	struct or_x509 leaf;
	const char *why;

	if (!n || or_x509_read(&leaf, chain[0], NULL))
		return "svid_malformed";
	why = check_leaf(&spiffe, &leaf, or_slice_str(leaf.uri));
	if (why)
		return why;
	domain = find_domain(s, spiffe.trust_domain);
	if (!domain)
		return "svid_trust_domain";
	or_crypto_sha256(hash, chain[0]);
	if (!is_kept(s, hash, now_ns)) {
		if (or_x509_verify(
			chain, n, or_buf_slice(&domain->roots), now_ns / OR_NS_PER_S, NULL))
			return "svid_chain";
		keep(s, hash, now_ns);
	}
	*id = or_arena_dup(a, or_slice_str(leaf.uri));
	return id->p ? NULL : "svid_malformed";
}
