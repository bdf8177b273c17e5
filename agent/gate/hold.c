/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/hold.h"

struct hold {
	struct ag_jwks_remote_wait wait;
	struct or_http_req *req;
	ag_hold_fn *begin;
	void *arg;
};

static void on_keys(void *arg)
{
	struct hold *h = arg;

	h->begin(h->arg, h->req);
}

static void on_close(void *arg, enum or_code why)
{
	struct hold *h = arg;

	(void)why;
	ag_jwks_remote_cancel(&h->wait);
}

bool ag_hold_start(struct ag_issuers *issuers, struct or_http_req *req, struct or_slice token,
    int64_t now_ns, ag_hold_fn *begin, void *arg)
{
	static const struct or_http_req_ops ops = {.on_close = on_close};
	struct or_arena *a = or_http_req_arena(req);
	struct hold *h;
	size_t at;

	if (!issuers || !ag_issuers_are_remote(issuers) || !token.p ||
	    !ag_identity_lacks_key(ag_issuers_identity(issuers), &at, token, now_ns, a))
		return false;
	h = or_arena_alloc(a, sizeof(*h));
	if (!h)
		return false;
	*h = (struct hold){.req = req, .begin = begin, .arg = arg};
	if (!ag_issuers_want(issuers, at, &h->wait, on_keys, h))
		return false;
	or_http_req_attach(req, &ops, h);
	return true;
}
