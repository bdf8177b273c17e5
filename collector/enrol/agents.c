/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/enrol/agents.h"

#include "base/mem.h"
#include "base/str.h"
#include "proto/cert.h"

void co_agents_init(struct co_agents *a)
{
	or_map_init(&a->by_uuid, CO_AGENTS_MAX);
	a->bytes = 0;
}

static void free_products(char **products, size_t n)
{
	for (size_t i = 0; i < n; i++)
		or_mem_free(products[i]);
	or_mem_free(products);
}

static void free_entry(struct co_agents_entry *e)
{
	free_products(e->products, e->n_products);
	or_mem_free(e);
}

void co_agents_done(struct co_agents *a)
{
	struct or_map_entry *m;
	size_t at = 0;

	while ((m = or_map_next(&a->by_uuid, &at)))
		free_entry(m->value);
	or_map_done(&a->by_uuid);
}

struct co_agents_entry *co_agents_find(const struct co_agents *a, const uint8_t *uuid)
{
	return or_map_find(&a->by_uuid, or_slice(uuid, WIRE_ENROL_UUID_LEN));
}

const struct co_agents_entry *co_agents_next(const struct co_agents *a, size_t *at)
{
	struct or_map_entry *m = or_map_next(&a->by_uuid, at);

	return m ? m->value : NULL;
}

static size_t names_bytes(char *const *products, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += strlen(products[i]) + 1;
	return sum;
}

static void set_products(
    struct co_agents *a, struct co_agents_entry *e, const struct co_agents_grant *g)
{
	char **products = or_mem_array(g->n_products, sizeof(*products));

	for (size_t i = 0; i < g->n_products; i++)
		products[i] = or_mem_dup(g->products[i]);
	a->bytes += names_bytes(products, g->n_products);
	a->bytes -= names_bytes(e->products, e->n_products);
	free_products(e->products, e->n_products);
	e->products = products;
	e->n_products = g->n_products;
}

static enum or_code check_room(
    const struct co_agents *a, const struct co_agents_grant *g, struct or_err *err)
{
	size_t more = 0;

	for (size_t i = 0; i < g->n_products; i++)
		more += g->products[i].n + 1;
	if (a->bytes + more <= CO_AGENTS_BYTES_MAX)
		return OR_OK;
	return or_err_set(err, OR_FULL, "the registry of agents is full");
}

enum or_code co_agents_put(
    struct co_agents *a, const struct co_agents_grant *g, int64_t now_ns, struct or_err *err)
{
	struct co_agents_entry *e = co_agents_find(a, g->uuid);

	OR_ASSERT(g->public_key.n == OR_CRYPTO_ED25519_LEN);
	if (e && e->revoked_ns)
		return or_err_set(err, OR_DENIED, "this agent is revoked");
	if (e && !or_slice_eq(or_slice(e->public_key, sizeof(e->public_key)), g->public_key))
		return or_err_set(err, OR_DENIED, "this agent_id is enrolled with another key");
	if (check_room(a, g, err))
		return OR_FULL;
	if (!e) {
		e = or_mem_new(sizeof(*e));
		memcpy(e->uuid, g->uuid, sizeof(e->uuid));
		memcpy(e->public_key, g->public_key.p, sizeof(e->public_key));
		e->first_seen_ns = now_ns;
		if (or_map_put(&a->by_uuid, or_slice(e->uuid, sizeof(e->uuid)), e)) {
			free_entry(e);
			return or_err_set(err, OR_FULL, "the registry of agents is full");
		}
	}
	set_products(a, e, g);
	e->not_after_ns = g->not_after_ns;
	return OR_OK;
}

/* ---- JSON */

static void put_time(struct or_jsonw *w, const char *key, int64_t ns)
{
	struct or_buf text;

	or_buf_init(&text, 64);
	or_str_time(&text, ns);
	or_jsonw_kv_str(w, key, or_buf_slice(&text));
	or_buf_done(&text);
}

void co_agents_write_members(struct or_jsonw *w, const struct co_agents_entry *e)
{
	char uuid[WIRE_ENROL_UUID_CHARS + 1];
	struct or_buf key;

	wire_enrol_uuid_text(uuid, e->uuid);
	or_buf_init(&key, 64);
	or_str_base64_encode(&key, or_slice(e->public_key, sizeof(e->public_key)));
	or_jsonw_kv_text(w, "agent_id", uuid);
	or_jsonw_kv_str(w, "public_key", or_buf_slice(&key));
	or_buf_done(&key);
	or_jsonw_key(w, "products");
	or_jsonw_array(w);
	for (size_t i = 0; i < e->n_products; i++)
		or_jsonw_text(w, e->products[i]);
	or_jsonw_end(w);
	put_time(w, "first_seen", e->first_seen_ns);
	put_time(w, "not_after", e->not_after_ns);
	if (e->revoked_ns)
		put_time(w, "revoked", e->revoked_ns);
}

void co_agents_write(struct or_jsonw *w, const struct co_agents *a)
{
	const struct co_agents_entry *e;
	size_t at = 0;

	or_jsonw_object(w);
	or_jsonw_kv_i64(w, "version", 1);
	or_jsonw_key(w, "agents");
	or_jsonw_array(w);
	while ((e = co_agents_next(a, &at))) {
		or_jsonw_object(w);
		co_agents_write_members(w, e);
		or_jsonw_end(w);
	}
	or_jsonw_end(w);
	or_jsonw_end(w);
}

static enum or_code corrupt(struct or_err *err, const char *what)
{
	return or_err_set(err, OR_CORRUPT, "agents: %s is absent or malformed", what);
}

static bool read_products(struct or_slice *out, size_t *n, const struct or_json *j)
{
	const struct or_json *list = or_json_get_type(j, "products", OR_JSON_ARRAY);

	if (!list || list->array.n == 0 || list->array.n > WIRE_CERT_PRODUCTS_MAX)
		return false;
	for (size_t i = 0; i < list->array.n; i++) {
		if (list->array.items[i]->type != OR_JSON_STR)
			return false;
		out[i] = list->array.items[i]->s;
	}
	*n = list->array.n;
	return true;
}

static enum or_code read_entry(struct co_agents *a, const struct or_json *j, struct or_err *err)
{
	struct or_slice products[WIRE_CERT_PRODUCTS_MAX];
	uint8_t uuid[WIRE_ENROL_UUID_LEN];
	struct co_agents_grant g = {.uuid = uuid, .products = products};
	struct or_slice revoked = or_json_get_str(j, "revoked");
	int64_t first_seen, revoked_ns = 0;
	struct or_buf key;
	enum or_code rc = OR_OK;

	or_buf_init(&key, 64);
	if (wire_enrol_uuid_parse(uuid, or_json_get_str(j, "agent_id")))
		rc = corrupt(err, "agent_id");
	else if (or_str_base64_decode(&key, or_json_get_str(j, "public_key")) ||
		 key.n != OR_CRYPTO_ED25519_LEN)
		rc = corrupt(err, "public_key");
	else if (!read_products(products, &g.n_products, j))
		rc = corrupt(err, "products");
	else if (or_str_time_parse(&first_seen, or_json_get_str(j, "first_seen")) ||
		 or_str_time_parse(&g.not_after_ns, or_json_get_str(j, "not_after")))
		rc = corrupt(err, "a time");
	else if (or_json_get(j, "revoked") && or_str_time_parse(&revoked_ns, revoked))
		rc = corrupt(err, "revoked");
	else if (co_agents_find(a, uuid))
		rc = or_err_set(err, OR_CORRUPT, "agents: an agent_id is there twice");
	if (rc == OR_OK) {
		g.public_key = or_buf_slice(&key);
		rc = co_agents_put(a, &g, first_seen, err);
	}
	if (rc == OR_OK)
		co_agents_find(a, uuid)->revoked_ns = revoked_ns;
	or_buf_done(&key);
	return rc;
}

enum or_code co_agents_read(struct co_agents *a, const struct or_json *j, struct or_err *err)
{
	const struct or_json *version = or_json_get_type(j, "version", OR_JSON_INT);
	const struct or_json *list = or_json_get_type(j, "agents", OR_JSON_ARRAY);

	if (!version || version->i != 1 || !list)
		return corrupt(err, "version or agents");
	for (size_t i = 0; i < list->array.n; i++) {
		enum or_code rc = read_entry(a, list->array.items[i], err);

		if (rc)
			return rc;
	}
	return OR_OK;
}
