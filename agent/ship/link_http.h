/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches over HTTP: POST /v1/ingest/<topic>, the frame in Outrider-Frame (base64). The collector
 * answers 200 when it has stored a batch for good.
 *
 * 5xx, 429, 408 and no answer mean later; any other status means refused.
 * Thread: the loop's. Borrows the client.
 */
#ifndef AGENT_SHIP_LINK_HTTP_H
#define AGENT_SHIP_LINK_HTTP_H

#include "agent/ship/link.h"
#include "base/http_client.h"

struct ag_link_http;

/* origin: the collector's, as base/http_client.h takes it. timeout_ns for an exchange; 0: 30 s. */
struct ag_link_http *ag_link_http_new(
    struct or_http_client *client, const char *origin, int64_t timeout_ns);
/* When nothing is under way. NULL does nothing. */
void ag_link_http_free(struct ag_link_http *link);

const struct ag_link *ag_link_http_get(const struct ag_link_http *link);

#endif
