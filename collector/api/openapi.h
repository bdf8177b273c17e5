/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the API takes and answers, as an OpenAPI 3.1 document: GET /v1/openapi.json. It is made from
 * the table in openapi.c, which names every route of api.c (api_openapi_test.c compares the two);
 * docs/reference/collector-api.json is a copy. scenario/openapi holds the server to it.
 * Any thread; pure.
 */
#ifndef COLLECTOR_API_OPENAPI_H
#define COLLECTOR_API_OPENAPI_H

#include "base/jsonw.h"

void co_openapi_put(struct or_jsonw *w);

/* How many operations of that method begin with the path (up to its first '{'). */
size_t co_openapi_count(const char *method, const char *path);

#endif
