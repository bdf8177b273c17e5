/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bus_kafka_impl.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"

#include <sys/eventfd.h>
#include <unistd.h>

static const char *const protocols[] = {[OR_BUS_KAFKA_PLAINTEXT] = "plaintext",
    [OR_BUS_KAFKA_SSL] = "ssl",
    [OR_BUS_KAFKA_SASL_PLAINTEXT] = "sasl_plaintext",
    [OR_BUS_KAFKA_SASL_SSL] = "sasl_ssl"};
static const char *const mechanisms[] = {[OR_BUS_KAFKA_SCRAM_SHA_512] = "SCRAM-SHA-512",
    [OR_BUS_KAFKA_SCRAM_SHA_256] = "SCRAM-SHA-256",
    [OR_BUS_KAFKA_PLAIN] = "PLAIN"};

static bool has_sasl(const struct or_bus_kafka_access *a)
{
	return a->security == OR_BUS_KAFKA_SASL_PLAINTEXT || a->security == OR_BUS_KAFKA_SASL_SSL;
}

static bool has_tls(const struct or_bus_kafka_access *a)
{
	return a->security == OR_BUS_KAFKA_SSL || a->security == OR_BUS_KAFKA_SASL_SSL;
}

enum or_code or_bus_kafka_check(const struct or_bus_kafka_access *a, struct or_err *err)
{
	if (!a->brokers || !*a->brokers)
		return or_err_set(err, OR_INVAL, "Kafka: no broker is named");
	if (has_sasl(a) && (!a->username || !a->password_file))
		return or_err_set(err, OR_INVAL,
		    "Kafka: security %s needs a user name and a password file",
		    protocols[a->security]);
	if (!has_sasl(a) && (a->username || a->password_file))
		return or_err_set(err, OR_INVAL,
		    "Kafka: a user name and a password go with security sasl_ssl or "
		    "sasl_plaintext, not with %s",
		    protocols[a->security]);
	if (!has_tls(a) && (a->ca_file || a->cert_file || a->key_file))
		return or_err_set(err, OR_INVAL,
		    "Kafka: certificates go with security ssl or sasl_ssl, not with %s",
		    protocols[a->security]);
	if (!a->cert_file != !a->key_file)
		return or_err_set(err, OR_INVAL, "Kafka: a certificate and its key go together");
	return OR_OK;
}

const char *or_bus_kafka_state_name(enum or_bus_kafka_state state)
{
	static const char *const names[] = {[OR_BUS_KAFKA_STARTING] = "starting",
	    [OR_BUS_KAFKA_UP] = "up",
	    [OR_BUS_KAFKA_UNREACHABLE] = "unreachable",
	    [OR_BUS_KAFKA_DENIED] = "denied",
	    [OR_BUS_KAFKA_MISFIT] = "misfit"};

	return names[state];
}

/* -- configuration -- */

enum or_code or_bus_kafka_set(rd_kafka_conf_t *conf, const struct or_bus_kafka_setting *settings,
    size_t n, struct or_err *err)
{
	char why[OR_ERR_MSG_MAX / 2];

	for (size_t i = 0; i < n; i++) {
		if (settings[i].value &&
		    rd_kafka_conf_set(conf, settings[i].name, settings[i].value, why, sizeof(why)))
			return or_err_set(err, OR_INVAL, "Kafka: %s", why);
	}
	return OR_OK;
}

static enum or_code set_password(rd_kafka_conf_t *conf, const char *path, struct or_err *err)
{
	struct or_buf text;
	enum or_code rc;

	or_buf_init(&text, OR_BUS_KAFKA_PASSWORD_MAX);
	rc = or_sys_read_file(&text, path, err);
	while (rc == OR_OK && text.n && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
		or_buf_cut(&text, text.n - 1);
	if (rc == OR_OK && text.n == 0)
		rc = or_err_set(err, OR_INVAL, "Kafka: the password file %s is empty", path);
	/* librdkafka would repeat the value in its message */
	if (rc == OR_OK && rd_kafka_conf_set(conf, "sasl.password", or_buf_text(&text), NULL, 0))
		rc = or_err_set(err, OR_INVAL, "Kafka: the password in %s is not taken", path);
	if (text.p)
		or_mem_wipe(text.p, text.cap);
	or_buf_done(&text);
	return rc;
}

/* Errors come as events; base prints nothing. */
static void no_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	(void)level;
	(void)facility;
	(void)text;
}

enum or_code or_bus_kafka_conf(
    rd_kafka_conf_t **out, const struct or_bus_kafka_access *a, struct or_err *err)
{
	const struct or_bus_kafka_setting settings[] = {{"bootstrap.servers", a->brokers},
	    {"client.id", a->client_id}, {"security.protocol", protocols[a->security]},
	    {"sasl.mechanisms", has_sasl(a) ? mechanisms[a->mechanism] : NULL},
	    {"sasl.username", a->username}, {"ssl.ca.location", a->ca_file},
	    {"ssl.certificate.location", a->cert_file}, {"ssl.key.location", a->key_file},
	    {"ssl.endpoint.identification.algorithm", has_tls(a) ? "https" : NULL},
	    {"socket.keepalive.enable", "true"}, {"reconnect.backoff.ms", "100"},
	    {"reconnect.backoff.max.ms", "1000"}};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	enum or_code rc;

	rd_kafka_conf_set_log_cb(conf, no_log);
	rc = or_bus_kafka_set(conf, settings, OR_LEN(settings), err);
	if (rc == OR_OK && a->password_file)
		rc = set_password(conf, a->password_file, err);
	if (rc)
		rd_kafka_conf_destroy(conf);
	else
		*out = conf;
	return rc;
}

/* -- errors -- */

static const struct {
	rd_kafka_resp_err_t error;
	enum or_code code;
	bool is_of_topic;
} codes[] = {
    {RD_KAFKA_RESP_ERR_NO_ERROR, OR_OK, false},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, OR_DENIED, false},
    {RD_KAFKA_RESP_ERR__SSL, OR_DENIED, false},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, OR_DENIED, false},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, OR_DENIED, false},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, OR_DENIED, true},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, OR_DENIED, false},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, OR_DENIED, false},
    {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, OR_DENIED, false},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, OR_ABSENT, true},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, OR_ABSENT, true},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, OR_ABSENT, true},
    {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, OR_ABSENT, true},
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, OR_INVAL, false},
    {RD_KAFKA_RESP_ERR_INVALID_MSG, OR_INVAL, false},
    {RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, OR_INVAL, false},
    {RD_KAFKA_RESP_ERR_INVALID_RECORD, OR_INVAL, false},
    {RD_KAFKA_RESP_ERR__QUEUE_FULL, OR_FULL, false},
    {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, OR_TIMEOUT, false},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, OR_TIMEOUT, false},
};

enum or_code or_bus_kafka_code(rd_kafka_resp_err_t error)
{
	for (size_t i = 0; i < OR_LEN(codes); i++) {
		if (codes[i].error == error)
			return codes[i].code;
	}
	return OR_CLOSED;
}

bool or_bus_kafka_is_of_topic(rd_kafka_resp_err_t error)
{
	for (size_t i = 0; i < OR_LEN(codes); i++) {
		if (codes[i].error == error)
			return codes[i].is_of_topic;
	}
	return false;
}

/* -- health -- */

void or_bus_kafka_health_set(
    struct or_bus_kafka_health *h, enum or_bus_kafka_state state, const struct or_err *why)
{
	bool is_news = h->state != state || (why && strcmp(why->msg, h->why.msg) != 0);

	h->state = state;
	h->why = why ? *why : (struct or_err){0};
	if (is_news && h->fn)
		h->fn(h->arg, state, &h->why);
}

/* That all brokers are down is said after each one's own error, which is the one that helps. */
void or_bus_kafka_health_note(
    struct or_bus_kafka_health *h, rd_kafka_resp_err_t error, const char *text)
{
	enum or_code code = or_bus_kafka_code(error);
	struct or_err why;

	if (code == OR_DENIED || code == OR_ABSENT) {
		or_err_set(&why, code, "Kafka: %s", text);
		or_bus_kafka_health_set(
		    h, code == OR_DENIED ? OR_BUS_KAFKA_DENIED : OR_BUS_KAFKA_MISFIT, &why);
	} else if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
		if (h->state == OR_BUS_KAFKA_DENIED)
			return;
		if (h->why.code != OR_CLOSED)
			or_err_set(&h->why, OR_CLOSED, "Kafka: %s", text);
		why = h->why;
		h->why = (struct or_err){0};
		or_bus_kafka_health_set(h, OR_BUS_KAFKA_UNREACHABLE, &why);
	} else if (h->state != OR_BUS_KAFKA_DENIED) {
		or_err_set(&h->why, OR_CLOSED, "Kafka: %s", text);
	}
}

/* -- queues on a loop -- */

static void on_readable(void *arg, int fd, int what)
{
	struct or_bus_kafka_wake *w = arg;
	eventfd_t count;

	(void)what;
	/* fn may have ended the watch */
	if (eventfd_read(fd, &count) == 0 && w->fn(w->arg) && w->io)
		or_bus_kafka_wake_again(w);
}

enum or_code or_bus_kafka_wake_init(struct or_bus_kafka_wake *w, struct or_loop *loop,
    or_bus_kafka_serve_fn *fn, void *arg, struct or_err *err)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return or_err_sys(err, "eventfd");
	*w = (struct or_bus_kafka_wake){.fd = fd, .fn = fn, .arg = arg};
	w->io = or_loop_io_start(loop, fd, OR_LOOP_READ, on_readable, w);
	return OR_OK;
}

void or_bus_kafka_wake_done(struct or_bus_kafka_wake *w)
{
	if (!w->io)
		return;
	or_loop_io_cancel(w->io);
	close(w->fd);
	*w = (struct or_bus_kafka_wake){.fd = -1};
}

void or_bus_kafka_wake_watch(struct or_bus_kafka_wake *w, rd_kafka_queue_t *queue)
{
	static const uint64_t one = 1;

	rd_kafka_queue_io_event_enable(queue, w->fd, &one, sizeof(one));
	or_bus_kafka_wake_again(w); /* what came before says nothing */
}

void or_bus_kafka_wake_unwatch(rd_kafka_queue_t *queue)
{
	if (queue)
		rd_kafka_queue_io_event_enable(queue, -1, NULL, 0);
}

void or_bus_kafka_wake_again(struct or_bus_kafka_wake *w)
{
	OR_ASSERT(eventfd_write(w->fd, 1) == 0);
}
