/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/api/openapi.h"

#include "base/str.h"

#include <stdio.h>

#define JSON   "application/json"
#define NDJSON "application/x-ndjson"
#define TEXT   "text/plain; charset=utf-8"
#define BYTES  "application/octet-stream"

enum { PARAMS_MAX = 3, TYPES_MAX = 2, STATUSES_MAX = 8 };

struct param {
	const char *name, *in; /* "query", "path", "header" */
	const char *about;
	const char *pattern; /* of a path: what is found, if anything */
	bool required;
};

struct operation {
	const char *method, *path, *id, *about;
	bool admin;
	struct param params[PARAMS_MAX];
	const char *body;             /* media type of the request's; NULL: none */
	const char *types[TYPES_MAX]; /* of a 200 */
	unsigned int errors[STATUSES_MAX];
};

#define QUERY(text)                                                                                \
	{                                                                                          \
		.name = "q", .in = "query", .about = text                                          \
	}
#define FRAME                                                                                      \
	{                                                                                          \
		.name = "Outrider-Frame", .in = "header",                                          \
		.about = "the signed frame over the body, in base64", .required = true             \
	}
#define SHARD                                                                                      \
	{                                                                                          \
		.name = "shard", .in = "path", .about = "its number", .pattern = "^[0-9]+$",       \
		.required = true                                                                   \
	}

static const struct operation operations[] = {
    {.method = "get",
	.path = "/healthz",
	.id = "isAlive",
	.about = "The process runs.",
	.types = {JSON}},
    {.method = "get",
	.path = "/readyz",
	.id = "isReady",
	.about = "Whether every shard takes records; else 503 with the same body.",
	.types = {JSON},
	.errors = {503}},
    {.method = "get",
	.path = "/metrics",
	.id = "scrape",
	.about = "Prometheus' text format.",
	.types = {"text/plain; version=0.0.4; charset=utf-8"}},
    {.method = "get",
	.path = "/v1/openapi.json",
	.id = "describe",
	.about = "This document.",
	.types = {JSON}},
    {.method = "post",
	.path = "/v1/ingest/{topic}",
	.id = "ingest",
	.about = "Takes a batch of records under its agent's frame; 200 when all is durable.",
	.params = {{.name = "topic",
		       .in = "path",
		       .about = "outrider.audit, otlp_logs, …",
		       .required = true},
	    FRAME},
	.body = BYTES,
	.types = {JSON},
	.errors = {400, 403, 404, 413, 429, 503}},
    {.method = "post",
	.path = "/v1/enrol",
	.id = "enrol",
	.about = "Certifies an agent's key for a join token, or anew for its certificate.",
	.body = JSON,
	.types = {JSON},
	.errors = {400, 403, 409, 413, 503}},
    {.method = "post",
	.path = "/v1/join-tokens",
	.id = "makeJoinToken",
	.about = "Makes a token with which an agent of these products may enrol.",
	.admin = true,
	.body = JSON,
	.types = {JSON},
	.errors = {400, 413, 503}},
    {.method = "get",
	.path = "/v1/audit",
	.id = "searchAudit",
	.about = "Searches the audit trail; the question is a record itself.",
	.admin = true,
	.params = {QUERY("the question, as `outrider audit` takes it; none: everything"),
	    {.name = "format", .in = "query", .about = "json (the default), ocsf or csv"}},
	.types = {NDJSON, "text/csv; charset=utf-8; header=present"},
	.errors = {400, 500, 503}},
    {.method = "get",
	.path = "/v1/audit/{id}",
	.id = "findRecord",
	.about = "One record by its id, or all records of a trace.",
	.admin = true,
	.params = {{.name = "id",
	    .in = "path",
	    .about = "20 or 32 hex digits",
	    .pattern = "^[0-9a-f]{20}([0-9a-f]{12})?$",
	    .required = true}},
	.types = {NDJSON},
	.errors = {400, 404, 500, 503}},
    {.method = "get",
	.path = "/v1/inputs/{sha256}",
	.id = "getInputs",
	.about = "What a decision was made from, by its hash.",
	.admin = true,
	.params = {{.name = "sha256",
	    .in = "path",
	    .about = "64 hex digits",
	    .pattern = "^[0-9a-f]{64}$",
	    .required = true}},
	.types = {JSON},
	.errors = {400, 404, 500}},
    {.method = "get",
	.path = "/v1/shards",
	.id = "listShards",
	.about = "The logs, their sizes, and the keys that verifiers need.",
	.admin = true,
	.types = {JSON}},
    {.method = "get",
	.path = "/v1/log/{shard}/checkpoint",
	.id = "getCheckpoint",
	.about = "A log's signed head (C2SP tlog-checkpoint).",
	.params = {SHARD},
	.types = {TEXT},
	.errors = {401, 404, 503}},
    {.method = "get",
	.path = "/v1/log/{shard}/tile/{tile}",
	.id = "getTile",
	.about = "Hashes or entries (C2SP tlog-tiles): L/N[.p/W] or entries/N[.p/W].",
	.admin = true,
	.params = {SHARD, {.name = "tile", .in = "path", .about = "its path", .required = true}},
	.types = {BYTES},
	.errors = {404, 500}},
    {.method = "get",
	.path = "/v1/alerts",
	.id = "listAlerts",
	.about = "Alerts that wait or fire.",
	.admin = true,
	.types = {JSON},
	.errors = {404}},
    {.method = "get",
	.path = "/v1/agents",
	.id = "listAgents",
	.about = "Who is enrolled.",
	.admin = true,
	.types = {JSON}},
    {.method = "post",
	.path = "/v1/agents/{id}/revoke",
	.id = "revokeAgent",
	.about = "Takes nothing more from an agent.",
	.admin = true,
	.params = {{.name = "id", .in = "path", .about = "its UUID", .required = true}},
	.types = {JSON},
	.errors = {400, 404, 503}},
    {.method = "get",
	.path = "/v1/logs",
	.id = "searchLogs",
	.about = "Searches logs.",
	.admin = true,
	.params = {QUERY("as `outrider logs` takes it")},
	.types = {NDJSON},
	.errors = {400, 404, 503}},
    {.method = "get",
	.path = "/v1/metrics",
	.id = "searchMetrics",
	.about = "Searches metrics.",
	.admin = true,
	.params = {QUERY("as `outrider metrics` takes it")},
	.types = {NDJSON},
	.errors = {400, 404, 503}},
    {.method = "get",
	.path = "/v1/spans",
	.id = "searchSpans",
	.about = "Searches spans.",
	.admin = true,
	.params = {QUERY("as for logs")},
	.types = {NDJSON},
	.errors = {400, 404, 503}},
    {.method = "get",
	.path = "/v1/lineage/{product}",
	.id = "getLineage",
	.about = "Where a product's data comes from and goes to.",
	.admin = true,
	.params = {{.name = "product", .in = "path", .about = "its id", .required = true}},
	.types = {JSON},
	.errors = {400, 404}},
    {.method = "post",
	.path = "/v1/products",
	.id = "describeProduct",
	.about = "Takes a product's document under its agent's frame.",
	.params = {FRAME},
	.body = JSON,
	.types = {JSON},
	.errors = {400, 403, 404, 409, 413, 503}},
    {.method = "get",
	.path = "/v1/products",
	.id = "searchProducts",
	.about = "Finds products.",
	.admin = true,
	.params = {QUERY("words")},
	.types = {JSON},
	.errors = {400, 404, 503}},
    {.method = "get",
	.path = "/v1/dora",
	.id = "getDora",
	.about = "How fast a product's team delivers.",
	.admin = true,
	.params = {{.name = "product", .in = "query", .about = "its id", .required = true}},
	.types = {JSON},
	.errors = {400, 404, 503}},
};

size_t co_openapi_count(const char *method, const char *path)
{
	size_t n = 0, len = strlen(path);

	for (size_t i = 0; i < OR_LEN(operations); i++) {
		const char *m = operations[i].method, *p = operations[i].path;

		n += or_str_eq_nocase(or_slice_str(m), or_slice_str(method)) &&
		     strncmp(p, path, len) == 0 && (path[len - 1] == '/' || p[len] == 0);
	}
	return n;
}

static void put_ref(struct or_jsonw *w, const char *to)
{
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "$ref", to);
	or_jsonw_end(w);
}

static void put_params(struct or_jsonw *w, const struct operation *op)
{
	if (!op->params[0].name)
		return;
	or_jsonw_key(w, "parameters");
	or_jsonw_array(w);
	for (size_t i = 0; i < PARAMS_MAX && op->params[i].name; i++) {
		const struct param *p = &op->params[i];

		or_jsonw_object(w);
		or_jsonw_kv_text(w, "name", p->name);
		or_jsonw_kv_text(w, "in", p->in);
		or_jsonw_kv_text(w, "description", p->about);
		or_jsonw_kv_bool(w, "required", p->required);
		or_jsonw_key(w, "schema");
		or_jsonw_object(w);
		or_jsonw_kv_text(w, "type", "string");
		if (strcmp(p->in, "path") == 0)
			or_jsonw_kv_u64(w, "minLength", 1);
		if (p->pattern)
			or_jsonw_kv_text(w, "pattern", p->pattern);
		or_jsonw_end(w);
		or_jsonw_end(w);
	}
	or_jsonw_end(w);
}

/* JSON has a schema of its own; other media types are texts or bytes. */
static void put_media(struct or_jsonw *w, const char *type, const char *schema)
{
	or_jsonw_key(w, type);
	or_jsonw_object(w);
	if (strcmp(type, JSON) == 0) {
		or_jsonw_key(w, "schema");
		put_ref(w, schema);
	}
	or_jsonw_end(w);
}

static void put_response(struct or_jsonw *w, const char *status, const char *about,
    const char *const *types, size_t n, const char *schema)
{
	or_jsonw_key(w, status);
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "description", about);
	or_jsonw_key(w, "content");
	or_jsonw_object(w);
	for (size_t i = 0; i < n && types[i]; i++)
		put_media(w, types[i], schema);
	or_jsonw_end(w);
	or_jsonw_end(w);
}

static const char *name_of(unsigned int status)
{
	static const struct {
		unsigned int status;
		const char *name;
	} names[] = {{400, "What was sent is malformed."}, {401, "The token is missing or wrong."},
	    {403, "It is not permitted."}, {404, "There is no such thing."},
	    {409, "It contradicts what is known."}, {413, "It is too large."},
	    {429, "Too much at once; Retry-After says when to come back."},
	    {500, "What is stored is damaged."},
	    {503, "It cannot be done now; Retry-After says when to come back."}};

	for (size_t i = 0; i < OR_LEN(names); i++) {
		if (names[i].status == status)
			return names[i].name;
	}
	OR_ASSERT(false);
	return NULL;
}

static void put_responses(struct or_jsonw *w, const struct operation *op)
{
	static const char *const json[] = {JSON};
	const char *error = strcmp(op->path, "/readyz") == 0 ? "#/components/schemas/Answer"
							     : "#/components/schemas/Error";
	char status[16];

	or_jsonw_key(w, "responses");
	or_jsonw_object(w);
	put_response(
	    w, "200", "It is done, or found.", op->types, TYPES_MAX, "#/components/schemas/Answer");
	if (op->admin)
		put_response(w, "401", name_of(401), json, 1, error);
	for (size_t i = 0; i < STATUSES_MAX && op->errors[i]; i++) {
		snprintf(status, sizeof(status), "%u", op->errors[i]);
		put_response(w, status, name_of(op->errors[i]), json, 1, error);
	}
	or_jsonw_end(w);
}

static void put_operation(struct or_jsonw *w, const struct operation *op)
{
	or_jsonw_key(w, op->method);
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "operationId", op->id);
	or_jsonw_kv_text(w, "summary", op->about);
	if (op->admin) {
		or_jsonw_key(w, "security");
		or_jsonw_array(w);
		or_jsonw_object(w);
		or_jsonw_key(w, "administrator");
		or_jsonw_array(w);
		or_jsonw_end(w);
		or_jsonw_end(w);
		or_jsonw_end(w);
	}
	put_params(w, op);
	if (op->body) {
		or_jsonw_key(w, "requestBody");
		or_jsonw_object(w);
		or_jsonw_kv_bool(w, "required", true);
		or_jsonw_key(w, "content");
		or_jsonw_object(w);
		put_media(w, op->body, "#/components/schemas/Body");
		or_jsonw_end(w);
		or_jsonw_end(w);
	}
	put_responses(w, op);
	or_jsonw_end(w);
}

/* Operations of one path under it, at the place of the first. */
static void put_paths(struct or_jsonw *w)
{
	or_jsonw_key(w, "paths");
	or_jsonw_object(w);
	for (size_t i = 0; i < OR_LEN(operations); i++) {
		bool again = false;

		for (size_t k = 0; k < i && !again; k++)
			again = strcmp(operations[k].path, operations[i].path) == 0;
		if (again)
			continue;
		or_jsonw_key(w, operations[i].path);
		or_jsonw_object(w);
		for (size_t k = i; k < OR_LEN(operations); k++) {
			if (strcmp(operations[k].path, operations[i].path) == 0)
				put_operation(w, &operations[k]);
		}
		or_jsonw_end(w);
	}
	or_jsonw_end(w);
}

void co_openapi_put(struct or_jsonw *w)
{
	static const char components[] =
	    "{\"schemas\":{"
	    "\"Error\":{\"type\":\"object\",\"required\":[\"error\",\"message\"],\"properties\":{"
	    "\"error\":{\"type\":\"string\",\"description\":\"a word for programs\"},"
	    "\"message\":{\"type\":\"string\",\"description\":\"a sentence that says what to do\"}"
	    "}},"
	    "\"Answer\":{\"type\":[\"object\",\"array\"]},\"Body\":{\"type\":\"object\"}},"
	    "\"securitySchemes\":{\"administrator\":{\"type\":\"http\",\"scheme\":\"bearer\"}}}";

	or_jsonw_object(w);
	or_jsonw_kv_text(w, "openapi", "3.1.0");
	or_jsonw_key(w, "info");
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "title", "Outrider's collector");
	or_jsonw_kv_text(w, "version", "1");
	or_jsonw_key(w, "license");
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "name", "Apache-2.0");
	or_jsonw_kv_text(w, "identifier", "Apache-2.0");
	or_jsonw_end(w);
	or_jsonw_end(w);
	put_paths(w);
	or_jsonw_key(w, "components");
	or_jsonw_raw(w, or_slice_str(components));
	or_jsonw_end(w);
}
