/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "http://HOST[:PORT][/path]" taken apart for base/http_client.h. Pure; any thread.
 */
#ifndef BASE_HTTP_URL_H
#define BASE_HTTP_URL_H

#include "base/net.h"

/*
 * The origin (with its port, 80 where there is none) and the path behind it, borrowed from url,
 * empty where there is none. OR_UNSUPPORTED: another scheme. OR_INVAL: no numeric address or
 * localhost.
 */
OR_NODISCARD enum or_code or_http_url_split(
    char origin[OR_NET_TEXT_MAX], struct or_slice *path, const char *url, struct or_err *err);

#endif
