/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/check/check.h"
#include "base/http_client.h"
#include "base/http_url.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

enum { BODY_MAX = 64 * 1024, PATIENCE_MS = 5000 };

#define PATIENCE_NS (PATIENCE_MS * OR_NS_PER_MS)

/* -- ports -- */

static void check_port(struct ag_check *c, const char *what, const char *listen, bool loopback_only)
{
	struct or_net_addr addr;
	struct or_err err;
	enum or_code rc = or_net_parse(&addr, listen, &err);
	int fd;

	if (rc == OR_OK && loopback_only && !or_net_is_loopback(&addr)) {
		ag_check_say(c, AG_CHECK_FAIL, what,
		    "%s: must be on loopback: whoever asks there is not asked who they are",
		    listen);
		return;
	}
	if (rc == OR_OK)
		rc = or_net_listen(&fd, &addr, &err);
	if (rc == OR_OK) {
		or_sys_close(fd);
		ag_check_say(c, AG_CHECK_GOOD, what, "%s is free", listen);
	} else if (rc == OR_BUSY && c->has_running) {
		ag_check_say(
		    c, AG_CHECK_GOOD, what, "%s is in use while an agent runs here", listen);
	} else {
		ag_check_say(c, AG_CHECK_FAIL, what, "%s%s", err.msg,
		    rc == OR_BUSY ? ": end who listens there, or choose another" : "");
	}
}

/* -- who must be reached -- */

/* One question at a time; the loop turns until it is answered. */
struct question {
	struct ag_check *check;
	bool is_over;
	enum or_code rc;
	unsigned int status;
	struct or_err err;
};

static void wait_for(struct question *q)
{
	while (!q->is_over)
		or_loop_turn(q->check->loop, false);
}

static void on_answer(void *arg, const struct or_http_client_answer *answer)
{
	struct question *q = arg;

	q->is_over = true;
	q->status = answer->status;
	q->rc = answer->status ? OR_OK : answer->err->code;
	if (!answer->status)
		q->err = *answer->err;
}

static void ask(struct question *q, const char *origin, const char *target)
{
	struct or_http_client *client = or_http_client_new(q->check->loop, NULL);
	struct or_http_client_req req = {
	    .origin = origin, .target = or_slice_str(target), .total_ns = PATIENCE_NS};
	struct or_http_client_call *call;

	q->rc = or_http_client_fetch(&call, client, &req, BODY_MAX, on_answer, q, &q->err);
	if (q->rc == OR_OK)
		wait_for(q);
	or_http_client_free(client);
}

static void check_collector(struct ag_check *c)
{
	const char *url = c->config->collector.url;
	struct question q = {.check = c};
	char origin[OR_NET_TEXT_MAX];
	struct or_slice path;
	struct or_err err;

	if (!url) {
		ag_check_say(c, c->config->kafka.brokers ? AG_CHECK_GOOD : AG_CHECK_WARN,
		    "collector", "none is named%s",
		    c->config->kafka.brokers ? ", records go to Kafka"
					     : ": records stay in the spool; set collector.url");
		return;
	}
	if (or_http_url_split(origin, &path, url, &err)) {
		ag_check_say(c, AG_CHECK_FAIL, "collector", "collector.url: %s", err.msg);
		return;
	}
	ask(&q, origin, "/readyz");
	if (q.rc)
		ag_check_say(c, AG_CHECK_FAIL, "collector",
		    "%s: %s: records wait in the spool until it answers", url, q.err.msg);
	else if (q.status != 200)
		ag_check_say(c, AG_CHECK_FAIL, "collector", "%s answers %u to /readyz: see its log",
		    url, q.status);
	else
		ag_check_say(c, AG_CHECK_GOOD, "collector", "%s is ready", url);
}

/* A connection that is let go again at once. */
static enum or_code knock(const struct addrinfo *a, struct or_err *err)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	enum or_code rc = OR_OK;

	if (fd < 0)
		return or_err_sys(err, "socket");
	if (connect(fd, a->ai_addr, a->ai_addrlen) != 0 && errno != EINPROGRESS)
		rc = or_err_sys(err, "connecting");
	else if (poll(&p, 1, PATIENCE_MS) == 0)
		rc = or_err_set(err, OR_TIMEOUT, "no answer within %d seconds", PATIENCE_MS / 1000);
	else
		rc = or_net_connected(fd, err);
	close(fd);
	return rc;
}

/* "host:port", a name too. */
static enum or_code reach(struct or_slice address, struct or_err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	struct or_slice host;
	char name[256], service[8];
	uint16_t port;
	enum or_code rc = or_opt_addr(&host, &port, address);
	int code;

	if (rc || host.n >= sizeof(name))
		return or_err_set(err, OR_INVAL, "expected HOST:PORT");
	snprintf(name, sizeof(name), "%.*s", OR_SLICE_FMT(host));
	snprintf(service, sizeof(service), "%u", port);
	code = getaddrinfo(name, service, &hints, &found);
	if (code)
		return or_err_set(err, OR_ABSENT, "%s", gai_strerror(code));
	for (const struct addrinfo *a = found; a; a = a->ai_next) {
		rc = knock(a, err);
		if (rc == OR_OK)
			break;
	}
	freeaddrinfo(found);
	return rc;
}

/* One that answers is enough: it names the others. Who we are is told once the agent runs. */
static void check_kafka(struct ag_check *c)
{
	struct or_slice list = or_slice_str(c->config->kafka.brokers);
	struct or_err err = {0};

	if (or_bus_kafka_check(&c->config->kafka, &err)) {
		ag_check_say(c, AG_CHECK_FAIL, "kafka", "%s", err.msg);
		return;
	}
	for (size_t at = 0; at < list.n;) {
		size_t end = or_str_find(list, ',', at);
		struct or_slice broker = or_str_trim(or_slice(list.p + at, end - at));

		at = end + 1;
		if (reach(broker, &err) == OR_OK) {
			ag_check_say(c, AG_CHECK_GOOD, "kafka", "%.*s takes connections",
			    OR_SLICE_FMT(broker));
			return;
		}
	}
	ag_check_say(c, AG_CHECK_FAIL, "kafka",
	    "%s: %s: records wait in the spool until a broker answers", c->config->kafka.brokers,
	    err.msg);
}

/* It may be started after the agent, so it need not be there yet. */
static void check_upstream(struct ag_check *c)
{
	const char *upstream = c->config->gate.upstream;
	struct or_err err;

	if (reach(or_slice_str(upstream), &err))
		ag_check_say(c, AG_CHECK_WARN, "workload",
		    "%s: %s: until it listens there, requests get 502", upstream, err.msg);
	else
		ag_check_say(c, AG_CHECK_GOOD, "workload", "%s takes connections", upstream);
}

void ag_check_net_run(struct ag_check *c)
{
	const struct ag_config *f = c->config;

	check_port(c, "gate.listen", f->gate.listen, false);
	check_port(c, "decide.listen", f->decide.listen, true);
	check_port(c, "admin.listen", f->admin.listen, true);
	check_port(c, "capture.listen", f->capture.listen, true);
	if (f->decide.grpc_listen)
		check_port(c, "decide.grpc-listen", f->decide.grpc_listen, true);
	if (f->capture.grpc_listen)
		check_port(c, "capture.grpc-listen", f->capture.grpc_listen, true);
	if (c->offline)
		return;
	check_upstream(c);
	check_collector(c);
	if (f->kafka.brokers)
		check_kafka(c);
}
