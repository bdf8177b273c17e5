/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/query/column.h"

#include "base/mem.h"

enum shape { NUMBER, ENUM, TEXT, OTHER_TEXT, LIST, ENTITY };

/* A column of the record, and the member that it fills. OTHER_TEXT reads otherwise than it lies. */
struct place {
	const char *name; /* the field's */
	enum shape shape;
	unsigned int tag, sub;
	size_t offset;
};

#define P(label, form, num, inner, member)                                                         \
	{                                                                                          \
		(label), (form), (num), (inner), offsetof(struct wire_audit, member)               \
	}

static const struct place places[] = {
    P("time", NUMBER, 1, 0, time_ns),
    P("agent", OTHER_TEXT, 2, 0, agent_id),
    P("epoch", NUMBER, 3, 0, epoch),
    P("stream", TEXT, 4, 0, stream),
    P("seq", NUMBER, 5, 0, seq),
    P("product", TEXT, 6, 0, product),
    P("port", TEXT, 7, 0, port),
    P("workload", TEXT, 8, 0, workload),
    P("kind", ENUM, 9, 0, kind),
    P("front", ENUM, 10, 0, front),
    P("phase", ENUM, 11, 0, phase),
    P("principal.type", TEXT, 12, 1, principal.type),
    P("principal.id", TEXT, 12, 2, principal.id),
    P("principal.issuer", TEXT, 12, 3, principal.issuer),
    P("act", LIST, 13, 0, act),
    P("action", TEXT, 14, 0, action),
    P("resource.type", TEXT, 15, 1, resource.type),
    P("resource.id", TEXT, 15, 2, resource.id),
    P("decision", ENUM, 16, 0, decision),
    P("policies", LIST, 17, 0, policies),
    P("policy_errors", LIST, 18, 0, policy_errors),
    P("bundle.revision", NUMBER, 19, 0, bundle_revision),
    P("bundle.sha256", OTHER_TEXT, 20, 0, bundle_sha256),
    P("inputs", OTHER_TEXT, 21, 0, inputs),
    P("reason", TEXT, 22, 0, reason),
    P("obligations", LIST, 23, 0, obligations),
    P("request.method", TEXT, 24, 1, request.method),
    P("request.path", TEXT, 24, 2, request.path),
    P("request.host", TEXT, 24, 3, request.host),
    P("request.status", NUMBER, 24, 4, request.status),
    P("request.bytes_in", NUMBER, 24, 5, request.bytes_in),
    P("request.bytes_out", NUMBER, 24, 6, request.bytes_out),
    P("request.duration_ns", NUMBER, 24, 7, request.duration_ns),
    P("peer", TEXT, 25, 0, peer),
    P("attributes", LIST, 28, 0, attributes),
    /* An entity's columns are those of its type and the one behind. */
    P("principal", ENTITY, 12, 1, principal.type),
    P("resource", ENTITY, 15, 1, resource.type),
};

static const struct place *find_place(const struct wire_field *field)
{
	for (size_t i = 0; i < OR_LEN(places); i++) {
		if (strcmp(places[i].name, wire_field_name(field)) == 0)
			return &places[i];
	}
	return NULL;
}

void co_column_find(struct co_column *out, struct tl_part *part, const struct wire_field *field)
{
	const struct place *p = find_place(field);

	*out = (struct co_column){.n = 0};
	if (!p)
		return;
	out->n = p->shape == ENTITY ? 2 : 1;
	for (size_t i = 0; i < out->n; i++) {
		out->at[i] = tl_part_column_find(part, p->tag, p->sub + (unsigned int)i);
		if (out->at[i] < 0)
			out->n = 0;
	}
}

bool co_column_is_text(const struct wire_field *field)
{
	const struct place *p = find_place(field);

	return p && p->shape == TEXT;
}

/* A whole record in the wire's format around one list, since lists are read in that form only. */
static enum or_code read_list(
    struct wire_audit *out, struct or_slice list, struct or_arena *a, struct or_err *err)
{
	static const uint8_t id[16] = {1};
	const struct wire_audit least = {.time_ns = 1,
	    .agent_id = or_slice(id, 16),
	    .epoch = 1,
	    .stream = OR_SLICE_LIT("a/b"),
	    .seq = 1,
	    .product = OR_SLICE_LIT("b"),
	    .kind = WIRE_KIND_ADMIN,
	    .front = WIRE_FRONT_COLLECTOR,
	    .phase = WIRE_PHASE_COMPLETE,
	    .trace_id = or_slice(id, 16),
	    .span_id = or_slice(id, 8)};
	struct or_slice bytes;
	struct wire_audit all;
	struct or_buf b;
	enum or_code rc;

	or_buf_init(&b, 2 * WIRE_AUDIT_MAX);
	rc = wire_audit_encode(&b, &least, err);
	or_buf_put_slice(&b, list);
	bytes = or_arena_dup(a, or_buf_slice(&b));
	or_buf_done(&b);
	if (!rc && !bytes.p)
		rc = or_err_set(err, OR_FULL, "a list needs more memory than it may");
	if (!rc)
		rc = wire_audit_decode(&all, NULL, bytes, a, err);
	if (rc)
		return rc;
	*out = (struct wire_audit){.act = all.act,
	    .n_act = all.n_act,
	    .policies = all.policies,
	    .n_policies = all.n_policies,
	    .policy_errors = all.policy_errors,
	    .n_policy_errors = all.n_policy_errors,
	    .obligations = all.obligations,
	    .n_obligations = all.n_obligations,
	    .attributes = all.attributes,
	    .n_attributes = all.n_attributes};
	return OR_OK;
}

static const struct place *place_of(struct tl_part *part, int column)
{
	for (size_t i = 0; i < OR_LEN(places); i++) {
		if (tl_part_column_find(part, places[i].tag, places[i].sub) == column)
			return &places[i];
	}
	return NULL;
}

static enum or_code fill_one(struct wire_audit *out, struct tl_part *part, int column,
    uint64_t value, struct or_arena *a, struct or_err *err)
{
	const struct place *p = place_of(part, column);
	uint8_t *to = (uint8_t *)out + p->offset;
	uint32_t small = (uint32_t)value;
	struct tl_part_dict d;
	enum or_code rc = OR_OK;

	if (p->shape == NUMBER) {
		memcpy(to, &value, sizeof(value));
		return OR_OK;
	}
	if (p->shape == ENUM) {
		memcpy(to, &small, sizeof(small));
		return OR_OK;
	}
	rc = tl_part_dict(part, column, &d, err);
	if (!rc && p->shape == LIST)
		return d.values[value].n ? read_list(out, d.values[value], a, err) : OR_OK;
	if (!rc)
		memcpy(to, &d.values[value], sizeof(d.values[value]));
	return rc;
}

enum or_code co_column_fill(struct wire_audit *out, struct tl_part *part, const struct co_column *c,
    const uint64_t values[CO_COLUMN_MAX], struct or_arena *a, struct or_err *err)
{
	enum or_code rc = OR_OK;

	*out = (struct wire_audit){.time_ns = 0};
	for (size_t i = 0; i < c->n && !rc; i++)
		rc = fill_one(out, part, c->at[i], values[i], a, err);
	return rc;
}

/* ---- memo */

void co_column_memo_done(struct co_column_memo *m)
{
	or_mem_free(m->slots);
	*m = (struct co_column_memo){0};
}

static size_t slot_of(const struct co_column_memo *m, uint64_t key)
{
	size_t at = (size_t)(key * 0x9e3779b97f4a7c15ULL >> 20) & (m->n_slots - 1);

	while (m->slots[at].used && m->slots[at].key != key)
		at = (at + 1) & (m->n_slots - 1);
	return at;
}

uint32_t co_column_memo_get(const struct co_column_memo *m, uint64_t key)
{
	const struct co_column_memo_slot *s = m->n_slots ? &m->slots[slot_of(m, key)] : NULL;

	return s && s->used ? s->value : UINT32_MAX;
}

void co_column_memo_put(struct co_column_memo *m, uint64_t key, uint32_t value)
{
	struct co_column_memo old = *m;
	size_t at;

	if (2 * (m->n + 1) > m->n_slots) {
		m->n_slots = m->n_slots ? 2 * m->n_slots : 64;
		m->slots = or_mem_array(m->n_slots, sizeof(*m->slots));
		for (size_t i = 0; i < old.n_slots; i++) {
			if (old.slots[i].used)
				m->slots[slot_of(m, old.slots[i].key)] = old.slots[i];
		}
		or_mem_free(old.slots);
	}
	at = slot_of(m, key);
	m->n += !m->slots[at].used;
	m->slots[at] = (struct co_column_memo_slot){key, value, true};
}
