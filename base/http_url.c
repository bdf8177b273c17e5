/* SPDX-License-Identifier: Apache-2.0 */
#include "base/http_url.h"

#include "base/str.h"

#include <stdio.h>

enum or_code or_http_url_split(
    char origin[OR_NET_TEXT_MAX], struct or_slice *path, const char *url, struct or_err *err)
{
	struct or_slice s = or_slice_str(url), host;
	char text[OR_NET_TEXT_MAX];
	struct or_net_addr addr;
	enum or_code rc;
	bool has_port;
	size_t end;

	if (!or_str_has_prefix(s, "http://"))
		return or_err_set(err, OR_UNSUPPORTED, "\"%s\": only http:// is supported", url);
	end = or_str_find(s, '/', 7);
	host = or_slice(s.p + 7, end - 7);
	if (!host.n || host.n > OR_NET_TEXT_MAX - 4)
		return or_err_set(err, OR_INVAL, "\"%s\" has no host, or too long a one", url);
	has_port = host.p[host.n - 1] != ']' && or_str_find(host, ':', 0) < host.n;
	snprintf(text, sizeof(text), "%.*s%s", OR_SLICE_FMT(host), has_port ? "" : ":80");
	rc = or_net_parse(&addr, text, err);
	if (rc)
		return rc;
	memcpy(origin, text, sizeof(text));
	*path = or_slice_from(s, end);
	return OR_OK;
}
