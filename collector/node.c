/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/node.h"

#include "base/jsonw.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "collector/alert/alert.h"
#include "collector/api/api.h"
#include "collector/describe.h"
#include "collector/keys.h"
#include "collector/readers.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SLOW_QUEUE = 4096,
	PATH_LEN = 1200,
	SHARDS_JSON_MAX = 4096,
	TEXT_MAX = 512,
	DESCRIPTION_MAX = 1024 * 1024
};

static const int64_t OWN_LIFE_NS = 3650 * 86400 * OR_NS_PER_S;

struct co_node {
	struct or_loop *loop;
	const struct co_config *config;
	int lock;
	bool is_new;    /* the state was made now */
	bool announced; /* the endpoint file is there */
	char id[OR_RNG_UUID_LEN + 1];
	struct or_buf token;
	struct or_crypto_key *checkpoint_key, *enrolment_key, *own_key;
	const struct or_crypto_key *issuers[1]; /* the enrolment key */
	struct tl_note_key note_key;
	struct or_buf vkey;
	struct or_buf own_cert;
	struct or_slow *slow;
	struct co_enrol *enrol;
	struct co_api_shard *shards;
	char (*origins)[TEXT_MAX];
	size_t n_shards;
	struct co_topics topics;
	struct co_catalogue *catalogue;
	struct co_api *api;
	struct co_readers readers; /* none where no brokers are configured */
	struct co_alert *alert;    /* NULL: there are no rules */
};

static const char *path_of(const struct co_node *n, char out[PATH_LEN], const char *name)
{
	snprintf(out, PATH_LEN, "%s/%s", n->config->state, name);
	return out;
}

/* ---- the state directory */

static enum or_code take_lock(struct co_node *n, struct or_err *err)
{
	char path[PATH_LEN];
	enum or_code rc = or_sys_mkdir(n->config->state, 0700, err);

	if (rc == OR_OK)
		rc = or_sys_mkdir(path_of(n, path, "keys"), 0700, err);
	if (rc == OR_OK)
		rc = or_sys_open(&n->lock, path_of(n, path, "lock"), O_RDWR | O_CREAT, 0600, err);
	if (rc == OR_OK)
		rc = or_sys_lock(n->lock, n->config->lock_wait_ns, err);
	if (rc == OR_BUSY)
		or_err_set(err, rc, "another outrider-collector uses %s; %s/endpoint says which",
		    n->config->state, n->config->state);
	return rc;
}

static enum or_code differs(const struct co_node *n, struct or_err *err, const char *what)
{
	return or_err_set(err, OR_INVAL,
	    "%s has another %s than the configuration: it cannot change, as it says where each "
	    "product's records lie; put it back, or start with a new state directory",
	    n->config->state, what);
}

static enum or_code check_fixed(
    const struct co_node *n, const char *path, const struct or_json *j, struct or_err *err)
{
	const struct or_json *shards = or_json_get_type(j, "shards", OR_JSON_INT);
	const struct or_json *name = or_json_get_type(j, "name", OR_JSON_STR);

	if (!shards || !name)
		return or_err_set(err, OR_CORRUPT, "%s has no shards or no name", path);
	if (shards->i != (int64_t)n->config->shards)
		return differs(n, err, "number of shards");
	return or_slice_is(name->s, n->config->name) ? OR_OK : differs(n, err, "name");
}

/* Compares what cannot change with the configuration; *is_new where there is no state yet. */
static enum or_code read_fixed(struct co_node *n, struct or_err *err)
{
	struct or_arena *a = or_arena_new(0);
	char path[PATH_LEN];
	const struct or_json *j;
	struct or_buf text;
	enum or_code rc;

	or_buf_init(&text, SHARDS_JSON_MAX);
	rc = or_sys_read_file(&text, path_of(n, path, "shards.json"), err);
	n->is_new = rc == OR_ABSENT;
	if (rc == OR_OK) {
		rc = or_json_parse(&j, or_buf_slice(&text), a, err);
		rc = rc ? or_err_set(err, OR_CORRUPT, "%s is not JSON", path)
			: check_fixed(n, path, j, err);
	}
	or_buf_done(&text);
	or_arena_free(a);
	return n->is_new ? OR_OK : rc;
}

/* Last of all that makes a state: what lacks it is begun anew. */
static enum or_code write_fixed(struct co_node *n, struct or_err *err)
{
	char path[PATH_LEN];
	struct or_jsonw w;
	struct or_buf text;
	enum or_code rc;

	if (!n->is_new)
		return OR_OK;
	or_buf_init(&text, SHARDS_JSON_MAX);
	or_jsonw_init(&w, &text, 0);
	or_jsonw_object(&w);
	or_jsonw_kv_u64(&w, "shards", n->config->shards);
	or_jsonw_kv_text(&w, "name", n->config->name);
	or_jsonw_end(&w);
	or_buf_put_byte(&text, '\n');
	rc = or_sys_write_file(path_of(n, path, "shards.json"), or_buf_slice(&text), 0600, err);
	or_buf_done(&text);
	return rc;
}

static enum or_code open_keys(struct co_node *n, struct or_err *err)
{
	char path[PATH_LEN], name[TEXT_MAX];
	enum or_code rc = co_keys_uuid(n->id, path_of(n, path, "collector_id"), n->is_new, err);

	if (rc == OR_OK)
		rc = co_keys_ed25519(
		    &n->checkpoint_key, path_of(n, path, "keys/checkpoint.pem"), n->is_new, err);
	if (rc == OR_OK)
		rc = co_keys_ed25519(
		    &n->enrolment_key, path_of(n, path, "keys/enrolment.pem"), n->is_new, err);
	if (rc == OR_OK)
		rc = co_keys_ed25519(
		    &n->own_key, path_of(n, path, "keys/agent.pem"), n->is_new, err);
	if (rc == OR_OK)
		rc = co_keys_token(&n->token, path_of(n, path, "admin.token"), err);
	if (rc)
		return rc;
	snprintf(name, sizeof(name), "%s/%s", n->config->name, n->id);
	rc = tl_note_key_init(&n->note_key, name, n->checkpoint_key, err);
	if (rc)
		return or_err_wrap(err, rc, "name");
	tl_note_key_format(&n->vkey, &n->note_key);
	return OR_OK;
}

/* ---- enrolment and shards */

static void on_saved(void *arg, enum or_code rc, const struct or_err *err)
{
	(void)arg;
	if (rc)
		OR_LOG(OR_LOG_ERROR, "enrol.unsaved", or_log_err(err));
}

/* The collector is an agent too: its own records are signed and framed as others' are. */
static enum or_code enrol_self(struct co_node *n, struct or_err *err)
{
	static const struct or_slice every = {(const uint8_t *)"*", 1};
	int64_t now = or_loop_wall_ns(n->loop);
	uint8_t uuid[WIRE_ENROL_UUID_LEN];
	struct co_agents_grant who = {
	    .uuid = uuid, .products = &every, .n_products = 1, .not_after_ns = now + OWN_LIFE_NS};
	struct co_enrol_grant grant;
	struct or_buf public;
	enum or_code rc = wire_enrol_uuid_parse(uuid, or_slice_str(n->id));

	OR_ASSERT(rc == OR_OK);
	or_buf_init(&public, OR_CRYPTO_ED25519_LEN);
	rc = or_crypto_key_public(&public, n->own_key);
	OR_ASSERT(rc == OR_OK);
	who.public_key = or_buf_slice(&public);
	rc = co_enrol_issue(&grant, n->enrol, &who, now, err);
	if (rc == OR_OK) {
		n->own_cert = grant.certificate;
		rc = co_enrol_save(n->enrol, on_saved, NULL);
		if (rc)
			or_err_set(err, rc, "the registry of agents cannot be saved");
	} else {
		or_err_wrap(err, rc, "the collector's own certificate");
	}
	or_buf_done(&public);
	return rc;
}

static enum or_code open_enrol(struct co_node *n, struct or_err *err)
{
	char path[PATH_LEN];
	struct co_enrol_opt opt = {.dir = path_of(n, path, "enrol"),
	    .slow = n->slow,
	    .issuer = n->enrolment_key,
	    .life_ns = n->config->cert_life_ns};
	enum or_code rc = co_enrol_open(&n->enrol, &opt, err);

	return rc ? rc : enrol_self(n, err);
}

static bool is_revoked(void *arg, const struct wire_cert *cert)
{
	const struct co_node *n = arg;

	return co_enrol_is_revoked(n->enrol, cert->agent_id.p);
}

static enum or_code open_shard(struct co_node *n, size_t i, struct or_err *err)
{
	char name[64], path[PATH_LEN];
	struct co_ingest_opt opt = {.loop = n->loop,
	    .slow = n->slow,
	    .origin = n->origins[i],
	    .key = &n->note_key,
	    .issuers = n->issuers,
	    .n_issuers = OR_LEN(n->issuers),
	    .is_revoked = is_revoked,
	    .revoked_arg = n,
	    .own_key = n->own_key,
	    .own_cert = or_buf_slice(&n->own_cert),
	    .segment_bytes = n->config->segment_size_bytes,
	    .seals = true,
	    .seal_rows = (uint32_t)n->config->seal_rows,
	    .seal_age_ns = n->config->seal_age_ns};
	const struct or_err *trouble;
	struct co_log *log;
	enum or_code rc;

	snprintf(n->origins[i], TEXT_MAX, "%s/%s/shard/%zu", n->config->name, n->id, i);
	snprintf(name, sizeof(name), "shards/%zu", i);
	opt.dir = path_of(n, path, name);
	rc = co_ingest_open(&n->shards[i].ingest, &opt, err);
	if (rc)
		return or_err_wrap(err, rc, "shard %zu", i);
	n->shards[i].origin = n->origins[i];
	log = co_ingest_log(n->shards[i].ingest);
	trouble = co_log_trouble(log);
	if (trouble)
		OR_LOG(OR_LOG_ERROR, "shard.damaged", or_log_u64("shard", i), or_log_err(trouble));
	else
		OR_LOG(OR_LOG_INFO, "shard.opened", or_log_u64("shard", i),
		    or_log_u64("size", co_log_size(log)));
	return OR_OK;
}

static enum or_code open_shards(struct co_node *n, struct or_err *err)
{
	enum or_code rc = OR_OK;

	n->issuers[0] = n->enrolment_key;
	n->n_shards = n->config->shards;
	n->shards = or_mem_array(n->n_shards, sizeof(*n->shards));
	n->origins = or_mem_array(n->n_shards, sizeof(*n->origins));
	for (size_t i = 0; i < n->n_shards && rc == OR_OK; i++)
		rc = open_shard(n, i, err);
	return rc;
}

/* What a verifier of this directory needs, also where the collector is gone. */
static enum or_code write_description(struct co_node *n, struct or_err *err)
{
	struct co_describe_shard *shards = or_mem_array(n->n_shards, sizeof(*shards));
	char path[PATH_LEN];
	struct or_jsonw w;
	struct or_buf text;
	enum or_code rc;

	for (size_t i = 0; i < n->n_shards; i++)
		shards[i].origin = n->origins[i];
	or_buf_init(&text, DESCRIPTION_MAX);
	or_jsonw_init(&w, &text, 2);
	co_describe_put(&w, &(struct co_describe){.collector_id = n->id,
				.vkey = or_buf_text(&n->vkey),
				.enrolment_key = n->enrolment_key,
				.shards = shards,
				.n_shards = n->n_shards});
	or_buf_put_byte(&text, '\n');
	rc = or_sys_write_file(path_of(n, path, "log.json"), or_buf_slice(&text), 0644, err);
	or_buf_done(&text);
	or_mem_free(shards);
	return rc;
}

static void on_event(void *arg, struct or_slice product, const struct wire_openlineage *event)
{
	co_catalogue_event(((struct co_node *)arg)->catalogue, product, event);
}

static enum or_code open_topics(struct co_node *n, struct or_err *err)
{
	char path[PATH_LEN];
	const struct co_telemetry_opt opt = {.loop = n->loop,
	    .slow = n->slow,
	    .dir = path_of(n, path, "telemetry"),
	    .keep_ns = n->config->telemetry_keep_ns,
	    .issuers = n->issuers,
	    .n_issuers = OR_LEN(n->issuers),
	    .is_revoked = is_revoked,
	    .revoked_arg = n};

	return co_topics_open(&n->topics, &opt, on_event, n, err);
}

static enum or_code open_catalogue(struct co_node *n, struct or_err *err)
{
	struct co_log **logs = or_mem_array(n->n_shards, sizeof(struct co_log *));
	char path[PATH_LEN];
	struct co_catalogue_opt opt = {.loop = n->loop,
	    .slow = n->slow,
	    .path = path_of(n, path, "catalogue.db"),
	    .logs = logs,
	    .n_logs = n->n_shards};
	enum or_code rc;

	for (size_t i = 0; i < n->n_shards; i++)
		logs[i] = co_ingest_log(n->shards[i].ingest);
	rc = co_catalogue_open(&n->catalogue, &opt, err);
	or_mem_free(logs);
	return rc;
}

/* ---- serving */

static enum or_code open_api(struct co_node *n, struct or_err *err)
{
	const struct co_api_opt opt = {.loop = n->loop,
	    .listen = n->config->listen,
	    .admin_token = or_buf_slice(&n->token),
	    .collector_id = n->id,
	    .vkey = or_buf_text(&n->vkey),
	    .enrolment_key = n->enrolment_key,
	    .enrol = n->enrol,
	    .catalogue = n->catalogue,
	    .shards = n->shards,
	    .n_shards = n->n_shards,
	    .slow = n->slow,
	    .telemetry = n->topics.list,
	    .n_telemetry = CO_TOPICS_N,
	    .lineage = n->topics.lineage,
	    .max_conns = n->config->http_connections,
	    .max_pending = n->config->ingest_pending_bytes,
	    .max_queries = n->config->query_running};

	return co_api_open(&n->api, &opt, err);
}

static void on_agent(void *arg, const uint8_t uuid[16])
{
	const struct co_node *n = arg;

	co_api_ingest_seen(n->api, uuid);
}

static enum or_code open_kafka(struct co_node *n, struct or_err *err)
{
	struct co_ingest **shards;
	struct co_readers_opt opt = {.loop = n->loop,
	    .access = &n->config->kafka,
	    .group = n->config->kafka_group,
	    .n_shards = (uint32_t)n->n_shards,
	    .topics = n->topics.list,
	    .on_agent = on_agent,
	    .arg = n};
	enum or_code rc;

	if (!n->config->kafka.brokers)
		return OR_OK;
	shards = or_mem_array(n->n_shards, sizeof(struct co_ingest *));
	for (size_t i = 0; i < n->n_shards; i++)
		shards[i] = n->shards[i].ingest;
	opt.shards = shards;
	rc = co_readers_open(&n->readers, &opt, err);
	or_mem_free(shards);
	if (rc == OR_OK)
		co_api_health_kafka(n->api, n->readers.list, CO_READERS_N);
	return rc;
}

/* Blocks on the file of rules and the database. */
static enum or_code open_alert(struct co_node *n, struct or_err *err)
{
	struct co_ingest **shards;
	uint8_t id[WIRE_ENROL_UUID_LEN];
	char path[PATH_LEN];
	enum or_code rc = wire_enrol_uuid_parse(id, or_slice_str(n->id));

	OR_ASSERT(rc == OR_OK);
	if (!n->config->alert_rules || !n->config->alert_rules[0])
		return OR_OK;
	shards = or_mem_array(n->n_shards, sizeof(*shards));
	for (size_t i = 0; i < n->n_shards; i++)
		shards[i] = n->shards[i].ingest;
	rc = co_alert_open(&n->alert,
	    &(struct co_alert_opt){.loop = n->loop,
		.slow = n->slow,
		.db = path_of(n, path, "alert.db"),
		.rules = n->config->alert_rules,
		.ca_file = n->config->alert_ca_file,
		.url = co_api_url(n->api),
		.shards = shards,
		.n_shards = n->n_shards,
		.own_id = id},
	    err);
	or_mem_free(shards);
	if (rc == OR_OK)
		co_api_set_alert(n->api, n->alert);
	return rc;
}

static enum or_code announce(struct co_node *n, struct or_err *err)
{
	char path[PATH_LEN];
	struct or_jsonw w;
	struct or_buf text;
	enum or_code rc;

	or_buf_init(&text, TEXT_MAX);
	or_jsonw_init(&w, &text, 0);
	or_jsonw_object(&w);
	or_jsonw_kv_text(&w, "url", co_api_url(n->api));
	or_jsonw_kv_i64(&w, "pid", getpid());
	or_jsonw_end(&w);
	or_buf_put_byte(&text, '\n');
	rc = or_sys_write_file(path_of(n, path, "endpoint"), or_buf_slice(&text), 0600, err);
	n->announced = rc == OR_OK;
	or_buf_done(&text);
	return rc;
}

enum or_code co_node_open(
    struct co_node **out, struct or_loop *loop, const struct co_config *config, struct or_err *err)
{
	struct co_node *n = or_mem_new(sizeof(*n));
	enum or_code rc;

	n->loop = loop;
	n->config = config;
	n->lock = -1;
	or_buf_init(&n->token, TEXT_MAX);
	or_buf_init(&n->vkey, TEXT_MAX);
	or_buf_init(&n->own_cert, WIRE_CERT_MAX);
	rc = take_lock(n, err);
	if (rc == OR_OK)
		rc = read_fixed(n, err);
	if (rc == OR_OK)
		rc = open_keys(n, err);
	if (rc == OR_OK)
		rc = write_fixed(n, err);
	if (rc == OR_OK)
		rc = or_slow_new(&n->slow, loop, SLOW_QUEUE, err);
	if (rc == OR_OK)
		rc = open_enrol(n, err);
	if (rc == OR_OK)
		rc = open_shards(n, err);
	if (rc == OR_OK)
		rc = write_description(n, err);
	if (rc == OR_OK)
		rc = open_catalogue(n, err);
	if (rc == OR_OK)
		rc = open_topics(n, err);
	if (rc == OR_OK)
		rc = open_api(n, err);
	if (rc == OR_OK)
		rc = open_alert(n, err);
	if (rc == OR_OK)
		rc = open_kafka(n, err);
	if (rc == OR_OK)
		rc = announce(n, err);
	if (rc)
		co_node_close(n);
	else
		*out = n;
	return rc;
}

const char *co_node_url(const struct co_node *node)
{
	return co_api_url(node->api);
}

void co_node_reload(struct co_node *node)
{
	if (node->alert)
		co_alert_reload(node->alert);
}

void co_node_drain(struct co_node *node, or_loop_fn *done, void *arg)
{
	co_api_drain(node->api, done, arg);
}

void co_node_close(struct co_node *n)
{
	char path[PATH_LEN];

	if (!n)
		return;
	co_readers_close(
	    &n->readers); /* before the shards' commits end: what is cut off comes again */
	if (n->api)
		co_api_stop(n->api);
	co_alert_stop(n->alert);
	or_slow_free(n->slow);
	co_catalogue_close(n->catalogue);
	for (size_t i = 0; i < n->n_shards; i++)
		co_ingest_close(n->shards[i].ingest);
	co_alert_close(n->alert);
	co_topics_close(&n->topics);
	co_api_close(n->api);
	co_enrol_close(n->enrol);
	if (n->announced && or_sys_unlink(path_of(n, path, "endpoint"), NULL))
		OR_LOG(OR_LOG_WARN, "endpoint.left", or_log_text("path", path));
	or_crypto_key_free(n->checkpoint_key);
	or_crypto_key_free(n->enrolment_key);
	or_crypto_key_free(n->own_key);
	or_buf_done(&n->vkey);
	or_buf_done(&n->own_cert);
	if (n->token.p)
		or_mem_wipe(n->token.p, n->token.n);
	or_buf_done(&n->token);
	or_mem_free(n->shards);
	or_mem_free(n->origins);
	or_sys_close(n->lock);
	or_mem_free(n);
}
