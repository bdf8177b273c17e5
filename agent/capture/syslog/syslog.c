/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/syslog/syslog.h"

#include "agent/capture/syslog/entry.h"
#include "agent/capture/syslog/framing.h"
#include "base/conn.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/net.h"
#include "base/str.h"
#include "base/sys.h"
#include "proto/otlp_log.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_NS (50 * OR_NS_PER_MS) /* while the spool has no room */

enum {
	DATAGRAM_MAX = 64 * 1024,
	DATAGRAMS_A_TURN = 64,
	ACCEPTS_A_TURN = 16,
	STREAM_MAX = AG_FRAMING_MAX + 2 * 64 * 1024,
	REQUEST_ROOM = 8 * 1024,
};

struct listener {
	struct ag_syslog *owner;
	int fd;
	bool is_stream;
	struct or_loop_io *io; /* NULL: it waits for room */
	uint32_t overflow;     /* datagrams that the kernel threw away, as it counts them */
	char url[OR_NET_TEXT_MAX + 16], path[OR_NET_TEXT_MAX];
};

struct stream {
	struct ag_syslog *owner;
	struct stream *next, **at;
	struct or_conn *conn;
	struct ag_framing framing;
	struct or_buf in;
	bool is_over; /* the peer sends no more */
};

struct ag_syslog {
	struct ag_syslog_opt opt;
	struct listener listeners[AG_SYSLOG_LISTENERS_MAX];
	size_t n;
	struct or_conn_hub *hub;
	struct stream *streams;
	size_t n_streams;
	struct ag_entry record;
	struct or_buf request;
	struct or_loop_timer *retry; /* NULL: there is room */
	uint8_t *datagram;
	struct {
		struct or_metric_counter *messages, *malformed, *cut, *shed, *refused, *broken;
	} metrics;
};

static void read_stream(struct stream *st);

/* ---- into the spool */

/* False: it has no room, and nobody is read from until it has. */
static bool flush(struct ag_syslog *s);

static void start_listener(struct listener *l);

static void on_retry(void *arg)
{
	struct ag_syslog *s = arg;

	s->retry = NULL;
	if (!flush(s))
		return;
	for (size_t i = 0; i < s->n; i++)
		start_listener(&s->listeners[i]);
	for (struct stream *st = s->streams, *next; st && !s->retry; st = next) {
		next = st->next;
		or_conn_resume(st->conn);
		read_stream(st);
	}
}

static void wait_for_room(struct ag_syslog *s)
{
	for (size_t i = 0; i < s->n; i++) {
		or_loop_io_cancel(s->listeners[i].io);
		s->listeners[i].io = NULL;
	}
	for (struct stream *st = s->streams; st; st = st->next)
		or_conn_pause(st->conn);
	if (!s->retry)
		s->retry = or_loop_timer_start(s->opt.loop, WAIT_NS, on_retry, s);
}

static bool flush(struct ag_syslog *s)
{
	struct ag_entry *r = &s->record;

	if (!r->records)
		return true;
	or_buf_clear(&s->request);
	wire_otlp_log_request_from(
	    &s->request, "outrider.syslog", or_slice_str(s->opt.product), or_buf_slice(&r->logs));
	OR_ASSERT(or_buf_ok(&s->request));
	if (s->opt.take(s->opt.arg, or_buf_slice(&s->request), r->records)) {
		wait_for_room(s);
		return false;
	}
	or_metric_add(s->metrics.messages, r->records);
	or_metric_add(s->metrics.malformed, r->malformed);
	or_metric_add(s->metrics.cut, r->cut);
	ag_entry_clear(r);
	return true;
}

static void put(struct ag_syslog *s, struct or_slice message, bool is_cut)
{
	bool ok;

	if (!message.n)
		return;
	ok = ag_entry_put(&s->record, message, is_cut, or_loop_wall_ns(s->opt.loop));
	OR_ASSERT(ok); /* who calls has looked whether there is room */
}

/* Room for one message more, if need be by flushing. */
static bool has_room(struct ag_syslog *s)
{
	return !s->retry && (!ag_entry_is_full(&s->record) || flush(s));
}

/* ---- datagrams */

static void count_overflow(struct listener *l, struct msghdr *msg)
{
	uint32_t n;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
			continue;
		memcpy(&n, CMSG_DATA(c), sizeof(n));
		or_metric_add(l->owner->metrics.shed, n - l->overflow);
		l->overflow = n;
	}
}

static void on_datagrams(void *arg, int fd, int what)
{
	struct listener *l = arg;
	struct ag_syslog *s = l->owner;

	(void)what;
	for (int i = 0; i < DATAGRAMS_A_TURN && has_room(s); i++) {
		uint8_t control[CMSG_SPACE(sizeof(uint32_t))] __attribute__((aligned(8)));
		struct iovec io = {s->datagram, DATAGRAM_MAX};
		struct msghdr msg = {.msg_iov = &io,
		    .msg_iovlen = 1,
		    .msg_control = control,
		    .msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT);
		size_t len;

		if (n < 0)
			break;
		count_overflow(l, &msg);
		len = (size_t)n < AG_FRAMING_MAX ? (size_t)n : AG_FRAMING_MAX;
		put(s, or_slice(s->datagram, len), len < (size_t)n || msg.msg_flags & MSG_TRUNC);
	}
	if (!s->retry)
		(void)flush(s);
}

/* ---- streams */

static void free_stream(struct stream *st)
{
	*st->at = st->next;
	if (st->next)
		st->next->at = st->at;
	st->owner->n_streams--;
	or_conn_free(st->conn);
	or_buf_done(&st->in);
	or_mem_free(st);
}

/* What is whole of what came. */
static void read_stream(struct stream *st)
{
	struct ag_syslog *s = st->owner;
	struct or_slice in = or_buf_slice(&st->in);
	enum ag_framing_result r = AG_FRAMING_MORE;

	while (has_room(s)) {
		struct or_slice message;
		bool is_cut;

		r = ag_framing_next(&st->framing, &message, &is_cut, &in, st->is_over);
		if (r != AG_FRAMING_MESSAGE)
			break;
		put(s, message, is_cut);
	}
	or_buf_consume(&st->in, st->in.n - in.n);
	if (!s->retry)
		(void)flush(s);
	if (r == AG_FRAMING_BAD) {
		or_metric_add(s->metrics.broken, 1);
		free_stream(st);
	} else if (st->is_over && r == AG_FRAMING_MORE && !s->retry) {
		or_metric_add(s->metrics.broken, st->in.n > 0);
		free_stream(st);
	} else if (!st->in.n) { /* one that is at rest has no buffer */
		or_buf_done(&st->in);
		or_buf_init(&st->in, STREAM_MAX);
	}
}

static size_t on_data(void *arg, struct or_slice in)
{
	struct stream *st = arg;
	size_t room = STREAM_MAX - st->in.n, n = in.n < room ? in.n : room;

	if (st->owner->retry)
		return 0;
	or_buf_put(&st->in, in.p, n);
	read_stream(st);
	return n;
}

static void on_eof(void *arg)
{
	struct stream *st = arg;

	st->is_over = true;
	read_stream(st);
}

static void on_lost(void *arg, enum or_code why)
{
	struct stream *st = arg;

	(void)why;
	st->is_over = true;
	read_stream(st);
}

static const struct or_conn_ops ops = {.on_data = on_data, .on_eof = on_eof, .on_lost = on_lost};

static void on_accept(void *arg, int fd, int what)
{
	struct listener *l = arg;
	struct ag_syslog *s = l->owner;
	struct or_net_addr peer;
	int conn;

	(void)what;
	for (int i = 0; i < ACCEPTS_A_TURN && or_net_accept(&conn, &peer, fd) == OR_OK; i++) {
		struct stream *st;

		if (s->n_streams == AG_SYSLOG_CONNS_MAX) {
			or_metric_add(s->metrics.refused, 1);
			or_sys_close(conn);
			continue;
		}
		st = or_mem_new(sizeof(*st));
		*st = (struct stream){.owner = s, .next = s->streams, .at = &s->streams};
		if (st->next)
			st->next->at = &st->next;
		s->streams = st;
		s->n_streams++;
		or_buf_init(&st->in, STREAM_MAX);
		st->conn = or_conn_new(s->hub, conn, NULL, &ops, st);
	}
}

static void start_listener(struct listener *l)
{
	if (!l->io)
		l->io = or_loop_io_start(l->owner->opt.loop, l->fd, OR_LOOP_READ,
		    l->is_stream ? on_accept : on_datagrams, l);
}

/* ---- beginning and end */

static enum or_code listen_at(
    struct listener *l, const char *url, const char *address, bool is_stream, struct or_err *err)
{
	struct or_net_addr addr;
	char text[OR_NET_TEXT_MAX];
	int one = 1;
	enum or_code rc = or_net_parse(&addr, address, err);

	if (rc)
		return rc;
	if (!or_net_is_loopback(&addr))
		return or_err_set(err, OR_DENIED,
		    "%s: nobody is asked who they are, so it listens on loopback only", url);
	rc = is_stream ? or_net_listen(&l->fd, &addr, err)
		       : or_net_listen_datagram(&l->fd, &addr, err);
	if (rc == OR_OK)
		rc = or_net_local(&addr, l->fd, err);
	if (rc)
		return rc;
	l->is_stream = is_stream;
	if (!is_stream)
		(void)setsockopt(l->fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof(one));
	or_net_text(text, &addr);
	if (addr.sa.sa_family == AF_UNIX)
		snprintf(l->path, sizeof(l->path), "%s", text + 5);
	snprintf(l->url, sizeof(l->url), "%.*s://%s", (int)(strstr(url, "://") - url), url,
	    l->path[0] ? l->path : text);
	return OR_OK;
}

static enum or_code open_listener(struct ag_syslog *s, const struct or_json *j, struct or_err *err)
{
	static const struct {
		const char *scheme, *prefix;
		bool is_stream;
	} schemes[] = {{"udp://", "", false}, {"tcp://", "", true}, {"unix://", "unix:", false},
	    {"unix-stream://", "unix:", true}};
	struct listener *l = &s->listeners[s->n];
	struct or_slice listen = or_json_get_str(j, "listen");
	char url[OR_NET_TEXT_MAX], address[OR_NET_TEXT_MAX + 8];

	if (j->type != OR_JSON_OBJECT || !listen.n || listen.n >= sizeof(url))
		return or_err_set(err, OR_INVAL, "expected a map with listen");
	if (j->object.n != 1)
		return or_err_set(err, OR_INVAL, "there is no other key than listen");
	snprintf(url, sizeof(url), "%.*s", OR_SLICE_FMT(listen));
	for (size_t i = 0; i < OR_LEN(schemes); i++) {
		enum or_code rc;

		if (!or_str_has_prefix(listen, schemes[i].scheme))
			continue;
		snprintf(address, sizeof(address), "%s%s", schemes[i].prefix,
		    url + strlen(schemes[i].scheme));
		*l = (struct listener){.owner = s, .fd = -1};
		rc = listen_at(l, url, address, schemes[i].is_stream, err);
		if (rc && l->fd >= 0)
			or_sys_close(l->fd);
		if (rc)
			return rc;
		s->n++;
		start_listener(l);
		OR_LOG(OR_LOG_INFO, "syslog.listening", or_log_text("address", l->url));
		return OR_OK;
	}
	return or_err_set(err, OR_INVAL,
	    "listen: expected udp://, tcp://, unix:// or unix-stream:// and an address");
}

static void make_metrics(struct ag_syslog *s)
{
	struct or_metric_registry *reg = s->opt.registry;

	s->metrics.messages = or_metric_counter_get(
	    reg, "outrider_syslog_messages_total", "Syslog messages that were taken.", NULL);
	s->metrics.malformed = or_metric_counter_get(reg, "outrider_syslog_malformed_total",
	    "Syslog messages without a priority, or that are not the RFC 5424 they say they are; "
	    "they are taken as text.",
	    NULL);
	s->metrics.cut = or_metric_counter_get(reg, "outrider_syslog_truncated_total",
	    "Syslog messages that were longer than may be, and cut.", NULL);
	s->metrics.shed = or_metric_counter_get(reg, "outrider_syslog_shed_total",
	    "Datagrams that the kernel threw away while they were not read.", NULL);
	s->metrics.refused = or_metric_counter_get(reg, "outrider_syslog_refused_connections_total",
	    "Connections beyond those that may be open at once.", NULL);
	s->metrics.broken = or_metric_counter_get(reg, "outrider_syslog_broken_connections_total",
	    "Connections that ended within a message, or were ended as no message begins so.",
	    NULL);
}

enum or_code ag_syslog_new(
    struct ag_syslog **out, const struct ag_syslog_opt *opt, struct or_err *err)
{
	const struct or_json *list = opt->list;
	struct ag_syslog *s;
	enum or_code rc = OR_OK;

	if (list->type != OR_JSON_ARRAY || list->array.n > AG_SYSLOG_LISTENERS_MAX)
		return or_err_set(
		    err, OR_INVAL, "expected a list of up to %d maps", AG_SYSLOG_LISTENERS_MAX);
	s = or_mem_new(sizeof(*s));
	s->opt = *opt;
	s->hub = or_conn_hub_new(opt->loop);
	s->datagram = or_mem_new(DATAGRAM_MAX);
	ag_entry_init(&s->record, opt->redact);
	or_buf_init(&s->request, AG_ENTRY_REQUEST_MAX + REQUEST_ROOM);
	make_metrics(s);
	for (size_t i = 0; i < list->array.n && rc == OR_OK; i++) {
		rc = open_listener(s, list->array.items[i], err);
		if (rc)
			or_err_wrap(err, rc, "number %zu", i + 1);
	}
	if (rc) {
		ag_syslog_free(s);
		return rc;
	}
	*out = s;
	return OR_OK;
}

void ag_syslog_free(struct ag_syslog *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		struct listener *l = &s->listeners[i];

		or_loop_io_cancel(l->io);
		or_sys_close(l->fd);
		if (l->path[0])
			(void)!or_sys_unlink(l->path, NULL);
	}
	s->n = 0;
	(void)flush(s);
	while (s->streams)
		free_stream(s->streams);
	or_loop_timer_cancel(s->retry);
	or_conn_hub_free(s->hub);
	ag_entry_done(&s->record);
	or_buf_done(&s->request);
	or_mem_free(s->datagram);
	or_mem_free(s);
}

void ag_syslog_put_status(const struct ag_syslog *s, struct or_jsonw *w)
{
	or_jsonw_key(w, "syslog");
	or_jsonw_array(w);
	for (size_t i = 0; i < s->n; i++)
		or_jsonw_text(w, s->listeners[i].url);
	or_jsonw_end(w);
}
