/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/api/ocsf.h"

#include "base/str.h"
#include "proto/json.h"

#include <arpa/inet.h>
#include <stdio.h>

enum class {
	CLASS_FILE = 1001,
	CLASS_PROCESS = 1007,
	CLASS_AUTHENTICATION = 3002,
	CLASS_ENTITY = 3004,
	CLASS_NETWORK = 4001,
	CLASS_API = 6003,
	CLASS_DATASTORE = 6005,
};

enum { OTHER = 99, ADDRESS_MAX = 64 };

struct activity {
	const char *action;
	unsigned int id;
};

/* The activity of an action in its class; the last row ends the table. */
static const struct activity datastore[] = {{"read", 1}, {"update", 2}, {"connect", 3},
    {"query", 4}, {"subscribe", 4}, {"write", 5}, {"create", 6}, {"delete", 7}, {"describe", 8},
    {NULL, OTHER}};
static const struct activity calls[] = {{"enrol", 1}, {"create_token", 1}, {"query", 2},
    {"read", 2}, {"export", 2}, {"revoke", 3}, {"write", 3}, {"delete", 4}, {NULL, OTHER}};
static const struct activity entities[] = {{"take_bundle", 3}, {NULL, OTHER}};
static const struct activity logons[] = {{NULL, 1}};
static const struct activity files[] = {{"open", 14}, {"read", 2}, {"write", 3}, {NULL, OTHER}};
static const struct activity processes[] = {{"exec", 1}, {NULL, OTHER}};
static const struct activity networks[] = {{"connect", 1}, {"listen", 7}, {NULL, OTHER}};

struct shape {
	enum class uid;
	unsigned int category;
	const struct activity *activities;
};

static const struct shape *shape_of(enum wire_kind kind)
{
	static const struct shape shapes[] = {
	    [WIRE_KIND_NONE] = {CLASS_API, 6, calls},
	    [WIRE_KIND_ACCESS] = {CLASS_DATASTORE, 6, datastore},
	    [WIRE_KIND_POLICY] = {CLASS_ENTITY, 3, entities},
	    [WIRE_KIND_IDENTITY] = {CLASS_AUTHENTICATION, 3, logons},
	    [WIRE_KIND_PROCESS] = {CLASS_PROCESS, 1, processes},
	    [WIRE_KIND_FILE] = {CLASS_FILE, 1, files},
	    [WIRE_KIND_NETWORK] = {CLASS_NETWORK, 4, networks},
	    [WIRE_KIND_PIPELINE] = {CLASS_API, 6, calls},
	    [WIRE_KIND_GAP] = {CLASS_API, 6, calls},
	    [WIRE_KIND_ADMIN] = {CLASS_API, 6, calls},
	};

	return &shapes[(size_t)kind < OR_LEN(shapes) ? kind : WIRE_KIND_NONE];
}

/* What came of it: action and disposition of security_control, status, severity. */
struct verdict {
	unsigned int action, disposition, status, severity;
};

static struct verdict verdict_of(const struct wire_audit *r)
{
	switch (r->decision) {
	case WIRE_DECISION_ALLOW: return (struct verdict){1, 1, 1, 1};
	case WIRE_DECISION_DENY: return (struct verdict){2, 2, 2, 2};
	case WIRE_DECISION_ERROR: return (struct verdict){2, 2, 2, 3};
	case WIRE_DECISION_WOULD_ALLOW:
	case WIRE_DECISION_WOULD_DENY: return (struct verdict){3, 17, 1, 1};
	case WIRE_DECISION_NONE: break;
	}
	/* It was seen, nobody was asked; a gap is a loss. */
	return (struct verdict){3, 17, 0, r->kind == WIRE_KIND_GAP ? 3 : 1};
}

static void put_text(struct or_jsonw *w, const char *key, struct or_slice s)
{
	if (s.n)
		or_jsonw_kv_str(w, key, s);
}

static void put_hex(struct or_jsonw *w, const char *key, struct or_slice bytes)
{
	struct or_buf hex;

	or_buf_init(&hex, 256);
	or_str_hex_encode(&hex, bytes);
	if (bytes.n && or_buf_ok(&hex))
		or_jsonw_kv_str(w, key, or_buf_slice(&hex));
	or_buf_done(&hex);
}

/* ---- parts */

static bool is_ip(const char *text)
{
	uint8_t raw[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, text, raw) == 1 || inet_pton(AF_INET6, text, raw) == 1;
}

/* "10.0.0.1:443", "[::1]:443", "10.0.0.1", a name with or without a port, or nothing. */
static void put_endpoint(struct or_jsonw *w, const char *key, struct or_slice at)
{
	char text[ADDRESS_MAX];
	struct or_slice host = at;
	uint64_t port = UINT64_MAX;
	size_t colon = at.n;

	while (colon > 0 && at.p[colon - 1] != ':')
		colon--;
	if (colon > 1 && (at.p[0] == '[' || or_str_find(at, ':', 0) == colon - 1) &&
	    or_str_u64(&port, or_slice_from(at, colon)) == OR_OK && port <= 65535)
		host = or_slice(at.p, colon - 1);
	else
		port = UINT64_MAX;
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = or_slice(host.p + 1, host.n - 2);
	or_jsonw_key(w, key);
	or_jsonw_object(w);
	snprintf(text, sizeof(text), "%.*s", OR_SLICE_FMT(host));
	if (host.n < sizeof(text) && is_ip(text))
		or_jsonw_kv_str(w, "ip", host);
	else
		or_jsonw_kv_str(w, "name", host.n ? host : OR_SLICE_LIT("unknown"));
	if (port != UINT64_MAX)
		or_jsonw_kv_u64(w, "port", port);
	or_jsonw_end(w);
}

static void put_user(struct or_jsonw *w, const struct wire_audit *r)
{
	or_jsonw_key(w, "user");
	or_jsonw_object(w);
	or_jsonw_kv_str(w, "uid", r->principal.id.n ? r->principal.id : OR_SLICE_LIT("unknown"));
	put_text(w, "type", r->principal.type);
	put_text(w, "domain", r->principal.issuer);
	or_jsonw_end(w);
}

static void put_actor(struct or_jsonw *w, const struct wire_audit *r)
{
	or_jsonw_key(w, "actor");
	or_jsonw_object(w);
	put_user(w, r);
	or_jsonw_end(w);
}

static void put_device(struct or_jsonw *w, const struct wire_audit *r)
{
	or_jsonw_key(w, "device");
	or_jsonw_object(w);
	or_jsonw_kv_u64(w, "type_id", 0);
	or_jsonw_kv_str(w, "name", r->workload.n ? r->workload : OR_SLICE_LIT("unknown"));
	put_hex(w, "uid", r->agent_id);
	or_jsonw_end(w);
}

/* The last segment of a path; all of it where there is none. */
static struct or_slice base_name(struct or_slice path)
{
	size_t at = path.n;

	while (at > 0 && path.p[at - 1] != '/')
		at--;
	return at < path.n ? or_slice_from(path, at) : path.n ? path : OR_SLICE_LIT("unknown");
}

static void put_file(struct or_jsonw *w, struct or_slice path)
{
	or_jsonw_key(w, "file");
	or_jsonw_object(w);
	or_jsonw_kv_str(w, "name", base_name(path));
	put_text(w, "path", path);
	or_jsonw_kv_u64(w, "type_id", 0);
	or_jsonw_end(w);
}

static void put_process(struct or_jsonw *w, const struct wire_audit *r)
{
	struct or_slice path = r->resource.id;

	or_jsonw_key(w, "process");
	or_jsonw_object(w);
	or_jsonw_kv_str(w, "uid", path.n ? path : OR_SLICE_LIT("unknown"));
	or_jsonw_kv_str(w, "name", base_name(path));
	put_file(w, path);
	or_jsonw_end(w);
}

static void put_database(struct or_jsonw *w, const struct wire_audit *r)
{
	or_jsonw_key(w, "database");
	or_jsonw_object(w);
	or_jsonw_kv_str(w, "name", r->product.n ? r->product : OR_SLICE_LIT("unknown"));
	put_text(w, "uid", r->resource.id);
	put_text(w, "type", r->resource.type);
	or_jsonw_kv_u64(w, "type_id", OTHER);
	or_jsonw_end(w);
}

static void put_policy_entity(struct or_jsonw *w, const struct wire_audit *r)
{
	or_jsonw_key(w, "entity");
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "type", "Policy");
	or_jsonw_key(w, "policy");
	or_jsonw_object(w);
	or_jsonw_kv_str(w, "name", r->product.n ? r->product : OR_SLICE_LIT("unknown"));
	put_hex(w, "uid", r->bundle_sha256);
	or_jsonw_end(w);
	or_jsonw_end(w);
}

static void put_api(struct or_jsonw *w, const struct wire_audit *r)
{
	or_jsonw_key(w, "api");
	or_jsonw_object(w);
	or_jsonw_kv_str(w, "operation",
	    r->action.n ? r->action : or_slice_str(wire_name_get(WIRE_NAME_KIND, r->kind)));
	or_jsonw_end(w);
}

static void put_service(struct or_jsonw *w, const struct wire_audit *r)
{
	or_jsonw_key(w, "service");
	or_jsonw_object(w);
	or_jsonw_kv_str(w, "name", r->product.n ? r->product : OR_SLICE_LIT("unknown"));
	or_jsonw_end(w);
}

static bool is_method(struct or_slice m)
{
	static const char *const known[] = {
	    "OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "CONNECT", "PATCH"};

	for (size_t i = 0; i < OR_LEN(known); i++) {
		if (or_slice_is(m, known[i]))
			return true;
	}
	return false;
}

static void put_http(struct or_jsonw *w, const struct wire_request *q)
{
	if (is_method(q->method) || q->path.n) {
		or_jsonw_key(w, "http_request");
		or_jsonw_object(w);
		if (is_method(q->method))
			or_jsonw_kv_str(w, "http_method", q->method);
		if (q->path.n) {
			or_jsonw_key(w, "url");
			or_jsonw_object(w);
			or_jsonw_kv_str(w, "path", q->path);
			put_text(w, "hostname", q->host);
			or_jsonw_end(w);
		}
		or_jsonw_end(w);
	}
	if (q->status) {
		or_jsonw_key(w, "http_response");
		or_jsonw_object(w);
		or_jsonw_kv_u64(w, "code", q->status);
		or_jsonw_end(w);
	}
}

/* What each class has besides the base. */
static void put_class(struct or_jsonw *w, enum class uid, const struct wire_audit *r)
{
	if (uid != CLASS_NETWORK)
		put_actor(w, r);
	switch (uid) {
	case CLASS_FILE:
		put_device(w, r);
		put_file(w, r->resource.id);
		return;
	case CLASS_PROCESS:
		put_device(w, r);
		put_process(w, r);
		return;
	case CLASS_NETWORK: put_endpoint(w, "dst_endpoint", r->resource.id); return;
	case CLASS_AUTHENTICATION:
		put_user(w, r);
		put_service(w, r);
		break;
	case CLASS_ENTITY: put_policy_entity(w, r); break;
	case CLASS_API: put_api(w, r); break;
	case CLASS_DATASTORE: put_database(w, r); break;
	}
	put_endpoint(w, "src_endpoint", r->peer);
	put_http(w, &r->request);
}

static void put_metadata(struct or_jsonw *w, const char *id, const struct wire_audit *r)
{
	or_jsonw_key(w, "metadata");
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "version", CO_OCSF_VERSION);
	or_jsonw_key(w, "product");
	or_jsonw_object(w);
	or_jsonw_kv_text(w, "name", "Outrider");
	or_jsonw_kv_text(w, "vendor_name", "Outrider");
	or_jsonw_end(w);
	or_jsonw_key(w, "profiles");
	or_jsonw_array(w);
	or_jsonw_text(w, "security_control");
	or_jsonw_end(w);
	or_jsonw_kv_text(w, "uid", id);
	put_text(w, "log_name", r->stream);
	if (r->seq <= INT64_MAX)
		or_jsonw_kv_u64(w, "sequence", r->seq);
	put_hex(w, "correlation_uid", r->trace_id);
	or_jsonw_end(w);
}

static void put_authorizations(struct or_jsonw *w, const struct wire_audit *r)
{
	if (!r->n_policies)
		return;
	or_jsonw_key(w, "authorizations");
	or_jsonw_array(w);
	for (size_t i = 0; i < r->n_policies; i++) {
		or_jsonw_object(w);
		or_jsonw_kv_text(w, "decision", wire_name_get(WIRE_NAME_DECISION, r->decision));
		or_jsonw_key(w, "policy");
		or_jsonw_object(w);
		or_jsonw_kv_str(w, "uid", r->policies[i]);
		or_jsonw_kv_bool(w, "is_applied", true);
		or_jsonw_end(w);
		or_jsonw_end(w);
	}
	or_jsonw_end(w);
}

void co_ocsf_put(struct or_jsonw *w, const char *id, const struct wire_audit *r)
{
	const struct shape *shape = shape_of(r->kind);
	const struct activity *a = shape->activities;
	struct verdict v = verdict_of(r);

	while (a->action && !or_slice_is(r->action, a->action))
		a++;
	or_jsonw_object(w);
	or_jsonw_kv_u64(w, "class_uid", shape->uid);
	or_jsonw_kv_u64(w, "category_uid", shape->category);
	or_jsonw_kv_u64(w, "activity_id", a->id);
	or_jsonw_kv_u64(w, "type_uid", shape->uid * 100 + a->id);
	if (a->id == OTHER)
		put_text(w, "activity_name", r->action);
	or_jsonw_kv_u64(w, "time", r->time_ns / 1000000);
	or_jsonw_kv_u64(w, "severity_id", v.severity);
	or_jsonw_kv_u64(w, "status_id", v.status);
	put_text(w, "status_detail", r->reason);
	or_jsonw_kv_u64(w, "action_id", v.action);
	or_jsonw_kv_u64(w, "disposition_id", v.disposition);
	if (r->request.duration_ns)
		or_jsonw_kv_u64(w, "duration", r->request.duration_ns / 1000000);
	put_metadata(w, id, r);
	put_authorizations(w, r);
	put_class(w, shape->uid, r);
	or_jsonw_key(w, "unmapped");
	or_jsonw_object(w);
	or_jsonw_key(w, "outrider");
	wire_json_audit(w, r);
	or_jsonw_end(w);
	or_jsonw_end(w);
}
