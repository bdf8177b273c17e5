/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/authz/check.h"

#include "agent/gate/ask.h"
#include "agent/gate/authz/question.h"
#include "agent/gate/hygiene.h"
#include "agent/grpc_health.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/authz.h"

enum { STREAMS_MAX = 512, ARENA_MAX = 8 * 1024 * 1024, ANSWER_MAX = 256 * 1024 };
enum { DENIED_FIELDS_MAX = AG_QUESTION_FIELDS_MAX + 2 };

struct ag_check {
	struct or_loop *loop;
	struct ag_check_opt opt;
	struct or_grpc *server;
	struct ag_asked *asked;
};

/* A call under way; it lies in its own arena. */
struct check {
	struct ag_check *front;
	struct or_grpc_call *call;
	struct ag_asked_call asked;
	struct wire_authz_check in;
	struct or_http_msg msg; /* the client's request, as the proxy tells it */
	struct ag_question question;
	struct ag_jwks_remote_wait keys;
	struct ag_spool_wait *wait;
};

/* -- answers -- */

static void put_option(struct wire_authz_option *out, const struct or_http_field *field)
{
	*out = (struct wire_authz_option){.header = {.key = field->name, .value = field->value},
	    .append_action = WIRE_AUTHZ_OVERWRITE};
}

static bool is_set(struct or_slice name, const struct or_http_field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (or_str_eq_nocase(name, fields[i].name))
			return true;
	}
	return false;
}

/* What of the client's fields must not reach the app; those that are set here are replaced anyway,
 * and Envoy removes after it has set. False: the arena is used up. */
static bool choose_removed(struct wire_authz_answer *out, const struct check *c,
    const struct or_http_field *set, size_t n_set)
{
	struct or_slice *names =
	    or_arena_array(or_grpc_call_arena(c->call), c->msg.n_fields, sizeof(*names));
	size_t n = 0;

	if (!names)
		return false;
	for (size_t i = 0; i < c->msg.n_fields; i++) {
		struct or_slice name = c->msg.fields[i].name;

		if (ag_hygiene_is_identity(name) && !is_set(name, set, n_set))
			names[n++] = name;
	}
	out->ok.headers_to_remove = names;
	out->ok.n_headers_to_remove = n;
	return true;
}

static void send_answer(struct check *c, const struct wire_authz_answer *answer)
{
	struct or_buf out;

	or_buf_init(&out, ANSWER_MAX);
	/* nothing in it can be what a CheckResponse cannot have */
	if (wire_authz_encode(&out, answer, NULL))
		or_grpc_call_fail(
		    c->call, OR_GRPC_INTERNAL, "the answer cannot be encoded", OR_SLICE_NONE);
	else
		or_grpc_call_reply(c->call, or_buf_slice(&out));
	or_buf_done(&out);
}

static void tell_denied(struct check *c, unsigned int status, const struct or_http_field *fields,
    size_t n, const char *error)
{
	static const struct or_http_field always[] = {
	    {OR_SLICE_LIT("Cache-Control"), OR_SLICE_LIT("no-store")},
	    {OR_SLICE_LIT("Content-Type"), OR_SLICE_LIT("application/json")}};
	struct wire_authz_option options[DENIED_FIELDS_MAX];
	struct wire_authz_answer answer = {.status.code = status == 401   ? OR_GRPC_UNAUTHENTICATED
							  : status == 503 ? OR_GRPC_UNAVAILABLE
							  : status == 400
							      ? OR_GRPC_INVALID_ARGUMENT
							      : OR_GRPC_PERMISSION_DENIED,
	    .status.message = or_slice_str(error),
	    .denied = {.status.code = status, .headers = options, .n_headers = n + OR_LEN(always)}};
	char *body = or_arena_printf(or_grpc_call_arena(c->call), "{\"error\":\"%s\"}\n", error);

	for (size_t i = 0; i < OR_LEN(always); i++)
		put_option(&options[i], &always[i]);
	for (size_t i = 0; i < n; i++)
		put_option(&options[OR_LEN(always) + i], &fields[i]);
	answer.denied.body = or_slice_str(body);
	send_answer(c, &answer);
}

static void tell(struct check *c, bool durable)
{
	unsigned int status = ag_question_status(&c->question, durable);
	struct or_http_field fields[AG_QUESTION_FIELDS_MAX];
	struct wire_authz_option options[AG_QUESTION_FIELDS_MAX];
	struct wire_authz_answer answer = {.ok.headers = options};
	const char *error;
	size_t n = ag_question_fields(fields, &error, &c->question, status);

	if (status == 200 && !choose_removed(&answer, c, fields, n)) {
		status = 503;
		n = ag_question_fields(fields, &error, &c->question, status);
	}
	if (status != 200) {
		tell_denied(c, status, fields, n, error);
		return;
	}
	for (size_t i = 0; i < n; i++)
		put_option(&options[i], &fields[i]);
	answer.ok.n_headers = n;
	send_answer(c, &answer);
}

static void on_durable(void *arg, enum or_code rc)
{
	struct check *c = arg;

	c->wait = NULL;
	tell(c, rc == OR_OK);
}

/* What was decided is recorded already. */
static void on_close(void *arg, enum or_code why)
{
	struct check *c = arg;

	(void)why;
	ag_jwks_remote_cancel(&c->keys);
	ag_spool_sync_cancel(c->wait);
}

/* -- questions -- */

/* The fields of the client, from the map or, where the proxy sends them raw, from the list. */
static const char *read_fields(struct check *c)
{
	const struct wire_authz_http *http = &c->in.attributes.request.http;
	const struct wire_authz_header_map *raw = &http->header_map;
	const struct wire_authz_header *from = raw->n_headers ? raw->headers : http->headers;
	size_t n = raw->n_headers ? raw->n_headers : http->n_headers;
	struct or_http_field *fields =
	    or_arena_array(or_grpc_call_arena(c->call), n, sizeof(*fields));

	if (!fields || (raw->n_headers && http->n_headers))
		return "original_headers";
	c->msg.fields = fields;
	for (size_t i = 0; i < n; i++) {
		struct or_slice value = from[i].raw_value.n ? from[i].raw_value : from[i].value;

		/* pseudo fields are attributes of their own */
		if (from[i].key.n && from[i].key.p[0] != ':')
			fields[c->msg.n_fields++] =
			    (struct or_http_field){from[i].key, or_str_trim(value)};
	}
	return NULL;
}

/* NULL, or why the question is none. */
static const char *read_target(
    const struct wire_authz_http *http, struct or_slice *path, struct or_slice *query)
{
	ag_question_split(path, query, http->path);
	if (!http->method.n)
		return "original_method";
	if (!path->n || (query->p && http->query.n))
		return "original_target";
	if (http->query.n)
		*query = http->query;
	return NULL;
}

static struct or_slice read_client(const struct check *c)
{
	struct or_slice ip = c->in.attributes.source.address.socket.address;

	if (or_str_has_prefix(ip, "::ffff:") && memchr(ip.p, '.', ip.n))
		ip = or_slice_from(ip, 7);
	return ip;
}

static void decide(void *arg)
{
	struct check *c = arg;
	const struct wire_authz_http *http = &c->in.attributes.request.http;
	struct ag_decide_ask *ask = &c->question.ask;
	struct or_slice path, query;
	const char *why = read_target(http, &path, &query);

	ask->front = WIRE_FRONT_EXT_AUTHZ;
	ask->method = http->method;
	ask->host = http->host;
	ask->client_ip = read_client(c);
	ask->peer =
	    ask->client_ip.n ? ask->client_ip : or_slice_str(or_grpc_call_peer_text(c->call));
	ag_question_put(&c->question, &c->asked, &c->msg, path, query, why);
	ag_asked_observe(&c->asked);
	if (!c->asked.strict) {
		tell(c, true);
		return;
	}
	or_grpc_call_attach(c->call, on_close, c);
	c->wait = ag_record_sync(c->front->opt.record, on_durable, c);
}

/* As agent/gate/hold.h does for requests over HTTP. */
static bool waits_for_keys(struct check *c)
{
	struct ag_issuers *issuers = c->front->opt.issuers;
	struct or_slice token = ag_ask_token(&c->msg);
	size_t at;

	if (!issuers || !ag_issuers_are_remote(issuers) || !token.p ||
	    !ag_identity_lacks_key(ag_issuers_identity(issuers), &at, token,
		or_loop_wall_ns(c->front->loop), or_grpc_call_arena(c->call)) ||
	    !ag_issuers_want(issuers, at, &c->keys, decide, c))
		return false;
	or_grpc_call_attach(c->call, on_close, c);
	return true;
}

/* A question that cannot be asked is refused with 400, and recorded. */
static void refuse(struct check *c, const char *why)
{
	c->question.ask.front = WIRE_FRONT_EXT_AUTHZ;
	ag_question_put(&c->question, &c->asked, &c->msg, OR_SLICE_NONE, OR_SLICE_NONE, why);
	tell(c, true);
}

static void on_check(void *arg, struct or_grpc_call *call)
{
	struct ag_check *front = arg;
	struct or_arena *arena = or_grpc_call_arena(call);
	struct check *c = or_arena_alloc(arena, sizeof(*c));
	const char *why = NULL;
	struct or_err err;
	enum or_code rc;

	OR_ASSERT(c); /* the first of the call's arena */
	c->front = front;
	c->call = call;
	rc = wire_authz_decode(&c->in, or_grpc_call_message(call), arena, &err);
	if (rc == OR_PARSE) {
		or_grpc_call_fail(call, OR_GRPC_INVALID_ARGUMENT, err.msg, OR_SLICE_NONE);
		return;
	}
	why = rc ? "original_large" : read_fields(c);
	ag_asked_begin(&c->asked, front->asked, arena, or_grpc_call_peer(call), &c->msg);
	if (why)
		refuse(c, why);
	else if (!waits_for_keys(c))
		decide(c);
}

static void on_health(void *arg, struct or_grpc_call *call)
{
	static const char *const services[] = {"envoy.service.auth.v3.Authorization", NULL};

	(void)arg;
	ag_grpc_health_answer(call, services);
}

/* -- the listener -- */

static enum or_code check_loopback(const char *listen, struct or_err *err)
{
	struct or_net_addr addr;
	enum or_code rc = or_net_parse(&addr, listen, err);

	if (rc == OR_OK && !or_net_is_loopback(&addr))
		rc = or_err_set(err, OR_INVAL,
		    "%s: decisions are told on this machine alone, on loopback", listen);
	return rc;
}

enum or_code ag_check_new(
    struct ag_check **out, struct or_loop *loop, const struct ag_check_opt *opt, struct or_err *err)
{
	static const struct or_grpc_method methods[] = {
	    {"/envoy.service.auth.v3.Authorization/Check", on_check},
	    {AG_GRPC_HEALTH_PATH, on_health}};
	struct ag_check *c = or_mem_new(sizeof(*c));
	const struct ag_asked_opt asked = {
	    .decide = opt->decide, .record = opt->record, .registry = opt->registry};
	const struct or_grpc_opt server = {.listen = opt->listen,
	    .max_streams = STREAMS_MAX,
	    .max_message = AG_CHECK_MESSAGE_MAX,
	    .arena = ARENA_MAX,
	    .methods = methods,
	    .n_methods = OR_LEN(methods),
	    .arg = c};
	enum or_code rc = check_loopback(opt->listen, err);

	c->loop = loop;
	c->opt = *opt;
	if (rc == OR_OK)
		rc = or_grpc_new(&c->server, loop, &server, err);
	if (rc) {
		ag_check_free(c);
		return or_err_wrap(err, rc, "decide.grpc-listen");
	}
	c->asked = ag_asked_new(loop, &asked);
	OR_LOG(
	    OR_LOG_INFO, "gate.ext_authz_listening", or_log_text("address", ag_check_address(c)));
	*out = c;
	return OR_OK;
}

void ag_check_free(struct ag_check *c)
{
	if (!c)
		return;
	or_grpc_free(c->server);
	ag_asked_free(c->asked);
	or_mem_free(c);
}

const char *ag_check_address(const struct ag_check *c)
{
	return or_grpc_address(c->server);
}

/* -- the front -- */

static enum or_code open_front(void **out, const struct ag_front_env *env, struct or_err *err)
{
	const struct ag_check_opt opt = {.listen = env->config->decide.grpc_listen,
	    .decide = env->decide,
	    .issuers = env->issuers,
	    .record = env->record,
	    .registry = env->registry};
	struct ag_check *c = NULL;
	enum or_code rc = opt.listen ? ag_check_new(&c, env->loop, &opt, err) : OR_OK;

	if (rc == OR_OK)
		*out = c;
	return rc;
}

static void close_front(void *front)
{
	ag_check_free(front);
}

static void drain_front(void *front, or_loop_fn *done, void *arg)
{
	struct ag_check *c = front;

	or_grpc_drain(c->server, done, arg);
}

static const char *address_of_front(const void *front)
{
	return ag_check_address(front);
}

const struct ag_front ag_check_front = {.name = "ext_authz",
    .open = open_front,
    .close = close_front,
    .drain = drain_front,
    .address = address_of_front};
