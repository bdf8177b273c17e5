/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/field.h"

#include "base/str.h"

enum shape {
	U64, /* absent where 0 */
	TIME,
	ENUM, /* its name */
	TEXT,
	HEX,
	UUID,
	HEX64,  /* a uint64_t as 16 hex digits: ids that are no quantities */
	ENTITY, /* type::"id" */
	TEXTS,
	ERRORS, /* list: the policies that failed */
	ACT,    /* list: type::"id" of the chain is made on demand, so its ids only */
	ATTRIBUTE,
};

struct wire_field {
	const char *name;
	enum shape shape;
	size_t offset;
	int names; /* enum wire_name_set, or -1 */
	const char *help;
};

#define F(label, form, member, text)                                                               \
	{                                                                                          \
		.name = (label), .shape = (form), .offset = offsetof(struct wire_audit, member),   \
		.names = -1, .help = (text)                                                        \
	}
#define E(label, set, member, text)                                                                \
	{                                                                                          \
		.name = (label), .shape = ENUM, .offset = offsetof(struct wire_audit, member),     \
		.names = (set), .help = (text)                                                     \
	}

static const struct wire_field fields[] = {
    F("time", TIME, time_ns, "when it happened, by the agent's clock"),
    E("kind", WIRE_NAME_KIND, kind, "access, policy, identity, process, file…"),
    E("decision", WIRE_NAME_DECISION, decision, "allow, deny, error, would_allow, would_deny"),
    F("product", TEXT, product, "the data product's id"),
    F("port", TEXT, port, "the product's port that was asked"),
    F("principal", ENTITY, principal, "who, as type::\"id\""),
    F("principal.type", TEXT, principal.type, "what kind of principal"),
    F("principal.id", TEXT, principal.id, "who, without the type"),
    F("principal.issuer", TEXT, principal.issuer, "who vouches for the principal"),
    F("act", ACT, act, "who acts for the principal (RFC 8693), current actor first"),
    F("action", TEXT, action, "what was asked for"),
    F("resource", ENTITY, resource, "on what, as type::\"id\""),
    F("resource.type", TEXT, resource.type, "what kind of resource"),
    F("resource.id", TEXT, resource.id, "on what, without the type"),
    F("reason", TEXT, reason, "the reason code"),
    F("policies", TEXTS, policies, "the policies that determined the decision"),
    F("policy_errors", ERRORS, policy_errors, "the policies that could not be evaluated"),
    F("obligations", TEXTS, obligations, "masks and row filters that were applied"),
    F("bundle.revision", U64, bundle_revision, "the policy bundle that decided"),
    F("bundle.sha256", HEX, bundle_sha256, "its hash"),
    F("inputs", HEX, inputs, "hash of the groups, attributes and context that decided"),
    F("request.method", TEXT, request.method, "the HTTP method"),
    F("request.path", TEXT, request.path, "the canonical path"),
    F("request.host", TEXT, request.host, "the host that was asked"),
    F("request.status", U64, request.status, "the status that was answered"),
    F("request.bytes_in", U64, request.bytes_in, "bytes of the request's body"),
    F("request.bytes_out", U64, request.bytes_out, "bytes of the answer's body"),
    F("request.duration_ns", U64, request.duration_ns, "from the request's head to the last byte"),
    F("peer", TEXT, peer, "the address that connected"),
    E("front", WIRE_NAME_FRONT, front, "where it was seen: proxy, ext_authz, decide, kernel…"),
    E("phase", WIRE_NAME_PHASE, phase, "complete, or decision and outcome apart"),
    F("workload", TEXT, workload, "the process, pod or job"),
    F("trace_id", HEX, trace_id, "the W3C trace it belongs to"),
    F("span_id", HEX, span_id, "the span of this request"),
    F("agent", UUID, agent_id, "the agent that says so"),
    F("epoch", HEX64, epoch, "the life of its spool"),
    F("stream", TEXT, stream, "topic and product that the sequence counts in"),
    F("seq", U64, seq, "its number in the stream"),
    F("attributes", ATTRIBUTE, attributes, "what else is known, as attributes.KEY"),
};

enum { N = OR_LEN(fields), ATTRIBUTES = N - 1 };

const struct wire_field *wire_field_find(struct or_slice name)
{
	if (or_str_has_prefix(name, "attributes.") && name.n > 11)
		return &fields[ATTRIBUTES];
	for (size_t i = 0; i < N - 1; i++) {
		if (or_slice_is(name, fields[i].name))
			return &fields[i];
	}
	return NULL;
}

const char *wire_field_name(const struct wire_field *f)
{
	return f->name;
}

const char *wire_field_help(const struct wire_field *f)
{
	return f->help;
}

int wire_field_names(const struct wire_field *f)
{
	return f->names;
}

enum wire_field_type wire_field_type(const struct wire_field *f)
{
	switch (f->shape) {
	case U64: return WIRE_FIELD_INT;
	case TIME: return WIRE_FIELD_TIME;
	case TEXTS:
	case ERRORS:
	case ACT: return WIRE_FIELD_LIST;
	case ENUM:
	case TEXT:
	case HEX:
	case UUID:
	case HEX64:
	case ENTITY:
	case ATTRIBUTE: break;
	}
	return WIRE_FIELD_TEXT;
}

const struct wire_field *wire_field_next(const struct wire_field *f)
{
	if (!f)
		return fields;
	return f + 1 < fields + N ? f + 1 : NULL;
}

void wire_field_list(const char *out[WIRE_FIELD_LIST_MAX])
{
	_Static_assert(N < WIRE_FIELD_LIST_MAX, "room for the NULL");
	for (size_t i = 0; i < N; i++)
		out[i] = fields[i].name;
	out[N] = NULL;
}

static void put_uuid(struct or_buf *b, struct or_slice s)
{
	static const uint8_t groups[] = {4, 2, 2, 2, 6};
	size_t at = 0;

	for (size_t i = 0; i < OR_LEN(groups); i++) {
		if (i)
			or_buf_put_byte(b, '-');
		or_str_hex_encode(b, or_slice(s.p + at, groups[i]));
		at += groups[i];
	}
}

/* Cedar's way to write an entity: the id is quoted, quotes and backslashes escaped. */
static void put_entity(struct or_buf *b, struct or_slice type, struct or_slice id)
{
	or_buf_put_slice(b, type);
	or_buf_put_str(b, "::\"");
	for (size_t i = 0; i < id.n; i++) {
		if (id.p[i] == '"' || id.p[i] == '\\')
			or_buf_put_byte(b, '\\');
		or_buf_put_byte(b, id.p[i]);
	}
	or_buf_put_byte(b, '"');
}

static void set_text(struct wire_field_value *out, struct or_slice s)
{
	if (s.n)
		*out = (struct wire_field_value){.type = WIRE_FIELD_TEXT, .s = s};
}

static void set_list(struct wire_field_value *out, const struct or_slice *list, size_t n)
{
	if (n)
		*out = (struct wire_field_value){.type = WIRE_FIELD_LIST, .list = list, .n = n};
}

/* A list of one member of each struct, built in scratch as slices. */
static void set_members(struct wire_field_value *out, struct or_buf *scratch, const void *items,
    size_t n, size_t size, size_t offset)
{
	for (size_t i = 0; i < n; i++)
		or_buf_put(
		    scratch, (const uint8_t *)items + i * size + offset, sizeof(struct or_slice));
	if (or_buf_ok(scratch))
		set_list(out, (const struct or_slice *)(const void *)scratch->p, n);
}

static void set_attribute(
    struct wire_field_value *out, const struct wire_audit *r, struct or_slice name)
{
	struct or_slice key = or_slice_from(name, 11);

	for (size_t i = 0; i < r->n_attributes; i++) {
		if (or_slice_eq(r->attributes[i].key, key)) {
			set_text(out, r->attributes[i].value);
			return;
		}
	}
}

/* Texts that the record holds in another form. */
static void set_made(struct wire_field_value *out, const struct wire_field *f, const uint8_t *at,
    struct or_buf *scratch)
{
	struct or_slice s[2];

	if (f->shape == HEX64) {
		uint64_t v;

		memcpy(&v, at, sizeof(v));
		or_buf_printf(scratch, "%016llx", (unsigned long long)v);
	} else if (f->shape == ENTITY) {
		/* A principal and an entity begin alike: type, id. */
		memcpy(s, at, sizeof(s));
		if (s[0].n || s[1].n)
			put_entity(scratch, s[0], s[1]);
	} else {
		memcpy(s, at, sizeof(s[0]));
		if (f->shape == HEX)
			or_str_hex_encode(scratch, s[0]);
		else if (s[0].n == WIRE_AUDIT_AGENT_LEN)
			put_uuid(scratch, s[0]);
	}
	if (or_buf_ok(scratch))
		set_text(out, or_buf_slice(scratch));
}

void wire_field_get(struct wire_field_value *out, const struct wire_field *f,
    const struct wire_audit *r, struct or_slice name, struct or_buf *scratch)
{
	const uint8_t *at = (const uint8_t *)r + f->offset;
	struct or_slice s;
	uint64_t v;
	uint32_t e;

	*out = (struct wire_field_value){0};
	or_buf_clear(scratch);
	switch (f->shape) {
	case U64:
	case TIME:
		memcpy(&v, at, sizeof(v));
		if (v)
			*out = (struct wire_field_value){
			    .type = f->shape == U64 ? WIRE_FIELD_INT : WIRE_FIELD_TIME, .i = v};
		break;
	case ENUM:
		memcpy(&e, at, sizeof(e));
		set_text(out, or_slice_str(wire_name_get((enum wire_name_set)f->names, e)));
		break;
	case TEXT:
		memcpy(&s, at, sizeof(s));
		set_text(out, s);
		break;
	case HEX:
	case UUID:
	case HEX64:
	case ENTITY: set_made(out, f, at, scratch); break;
	case TEXTS:
		/* Both lists of texts are a pointer with its count behind it. */
		memcpy(&out->list, at, sizeof(out->list));
		memcpy(&v, at + sizeof(out->list), sizeof(v));
		set_list(out, out->list, v);
		break;
	case ERRORS:
		set_members(out, scratch, r->policy_errors, r->n_policy_errors,
		    sizeof(*r->policy_errors), offsetof(struct wire_policy_error, policy));
		break;
	case ACT:
		set_members(out, scratch, r->act, r->n_act, sizeof(*r->act),
		    offsetof(struct wire_principal, id));
		break;
	case ATTRIBUTE: set_attribute(out, r, name); break;
	}
}
