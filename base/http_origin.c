/* SPDX-License-Identifier: Apache-2.0 */
#include "base/http_origin.h"

#include <stdio.h>

enum or_code or_http_origin_init(struct or_http_origin *o, const char *text, struct or_tls *tls,
    const char *host, struct or_err *err)
{
	struct or_net_addr addr;
	enum or_code rc;

	if (strlen(text) >= OR_NET_TEXT_MAX || (tls && strlen(host) >= OR_HTTP_ORIGIN_HOST_MAX))
		return or_err_set(err, OR_INVAL, "the address is too long");
	rc = or_net_parse(&addr, text, err);
	if (rc)
		return rc;
	*o = (struct or_http_origin){.addr = addr, .tls = tls ? or_tls_ref(tls) : NULL};
	snprintf(o->text, sizeof(o->text), "%s", text);
	snprintf(o->host, sizeof(o->host), "%s", tls ? host : "");
	return OR_OK;
}

void or_http_origin_done(struct or_http_origin *o)
{
	or_tls_unref(o->tls);
	o->tls = NULL;
}

bool or_http_origin_is(
    const struct or_http_origin *o, const char *text, const struct or_tls *tls, const char *host)
{
	return o->tls == tls && strcmp(o->text, text) == 0 && (!tls || strcmp(o->host, host) == 0);
}

enum or_code or_http_origin_connect(struct or_conn **out, const struct or_http_origin *o,
    struct or_conn_hub *hub, size_t high, const struct or_conn_ops *ops, void *arg,
    struct or_err *err)
{
	struct or_conn_opt opt = {.high = high};
	enum or_code rc = OR_OK;

	if (o->tls)
		rc = or_tls_session_new(&opt.tls, o->tls, o->host, err);
	if (rc == OR_OK)
		rc = or_conn_connect(out, hub, &o->addr, &opt, ops, arg, err);
	if (rc)
		or_tls_session_free(opt.tls);
	return rc;
}
