/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pump.h"

#include "base/http_client.h"
#include "base/mem.h"
#include "proto/otlp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

enum { READ_MAX = 64 * 1024, READS_A_TURN = 8, ANSWER_MAX = 64 * 1024, HEAD_ROOM = 4096 };

#define LINGER_NS    (100 * OR_NS_PER_MS)
#define RETRY_MIN_NS (100 * OR_NS_PER_MS)
#define RETRY_MAX_NS (2 * OR_NS_PER_S)
#define ANSWER_NS    (5 * OR_NS_PER_S)
/* After the child's end: how long another process may hold its pipes, and how long sending may
 * take. */
#define EOF_NS   (500 * OR_NS_PER_MS)
#define FLUSH_NS (3 * OR_NS_PER_S)

struct source {
	struct ctl_pump *pump;
	const char *name;
	int read_fd, child_fd; /* -1: closed */
	int to;                /* -1: nobody reads there any more */
	struct or_loop_io *io;
	struct or_buf line; /* a beginning without its end */
	bool is_cut;        /* a piece of this line has been taken already */
};

struct batch {
	struct or_buf lines;
	uint64_t n;
};

struct ctl_pump {
	struct ctl_pump_opt opt;
	char *origin, *service;
	struct source sources[2];
	struct batch batches[CTL_PUMP_BATCHES]; /* a ring: the first is sent, the last is filled */
	size_t first, n;
	uint64_t unsaid; /* dropped lines that no batch has told of */
	uint64_t saying; /* those that the batch in flight tells of */
	struct or_http_client *client;
	struct or_http_client_call *call;
	struct or_buf body;
	struct or_loop_timer *timer; /* linger, or the wait before a retry */
	int64_t retry_ns;            /* 0: the last exchange went well */
	struct or_loop_timer *deadline;
	or_loop_fn *fn; /* of finish; NULL: not finishing */
	void *arg;
	bool is_flushing; /* the pipes are done */
	struct ctl_pump_stats stats;
};

/* ---- sending */

static void send_first(void *arg);

static void end_if_done(struct ctl_pump *p)
{
	or_loop_fn *fn = p->fn;

	if (!fn || !p->is_flushing || p->n || p->call)
		return;
	or_loop_timer_cancel(p->deadline);
	p->deadline = NULL;
	p->fn = NULL;
	fn(p->arg);
}

static void schedule(struct ctl_pump *p, int64_t ns)
{
	or_loop_timer_cancel(p->timer);
	p->timer = or_loop_timer_start(p->opt.loop, ns, send_first, p);
}

static void drop_first(struct ctl_pump *p)
{
	struct batch *b = &p->batches[p->first];

	or_buf_done(&b->lines);
	*b = (struct batch){0};
	p->first = (p->first + 1) % CTL_PUMP_BATCHES;
	p->n--;
}

static void on_answer(void *arg, const struct or_http_client_answer *answer)
{
	struct ctl_pump *p = arg;
	bool is_taken = answer->status == 200;

	p->call = NULL;
	/* 400 and the like: the same again would be refused again. */
	if (is_taken || (answer->status >= 400 && answer->status < 500)) {
		uint64_t n = p->batches[p->first].n;

		if (is_taken) {
			p->stats.sent += n;
			p->unsaid -= p->saying;
		} else {
			p->stats.dropped += n;
			p->unsaid += n;
		}
		p->retry_ns = 0;
		drop_first(p);
		if (p->n)
			schedule(p, p->n > 1 || p->is_flushing ? 0 : LINGER_NS);
	} else {
		p->retry_ns = p->retry_ns ? 2 * p->retry_ns : RETRY_MIN_NS;
		p->retry_ns = p->retry_ns < RETRY_MAX_NS ? p->retry_ns : RETRY_MAX_NS;
		schedule(p, p->retry_ns);
	}
	end_if_done(p);
}

static void send_first(void *arg)
{
	static const struct or_http_field type = {
	    OR_SLICE_LIT("Content-Type"), OR_SLICE_LIT("application/x-protobuf")};
	struct ctl_pump *p = arg;
	struct or_http_client_req req = {.origin = p->origin,
	    .method = OR_SLICE_LIT("POST"),
	    .target = OR_SLICE_LIT("/v1/logs"),
	    .fields = &type,
	    .n_fields = 1,
	    .replayable = true,
	    .total_ns = ANSWER_NS};

	p->timer = NULL;
	if (p->call || !p->n)
		return;
	p->saying = p->unsaid;
	or_buf_clear(&p->body);
	wire_otlp_put_lines(&p->body, p->service, or_buf_slice(&p->batches[p->first].lines),
	    p->saying, or_loop_wall_ns(p->opt.loop));
	/* A line that comes now goes into the next batch: this one may have to be sent again. */
	req.body = or_buf_slice(&p->body);
	if (or_http_client_fetch(&p->call, p->client, &req, ANSWER_MAX, on_answer, p, NULL)) {
		p->call = NULL;
		schedule(p, RETRY_MAX_NS);
	}
}

/* The batch that takes a line of so many bytes; NULL: the queue is full. */
static struct batch *open_batch(struct ctl_pump *p, size_t room)
{
	struct batch *last = p->n ? &p->batches[(p->first + p->n - 1) % CTL_PUMP_BATCHES] : NULL;

	if (last && !(p->n == 1 && p->call) && last->lines.n + room <= CTL_PUMP_BATCH)
		return last;
	if (p->n == CTL_PUMP_BATCHES)
		return NULL;
	last = &p->batches[(p->first + p->n++) % CTL_PUMP_BATCHES];
	or_buf_init(&last->lines, CTL_PUMP_BATCH + HEAD_ROOM);
	return last;
}

static void take_line(struct source *s, struct or_slice text, bool is_cut)
{
	struct ctl_pump *p = s->pump;
	struct wire_otlp_line line = {.time_ns = or_loop_wall_ns(p->opt.loop),
	    .text = text,
	    .iostream = s->name,
	    .is_cut = is_cut};
	struct batch *b = open_batch(p, text.n + HEAD_ROOM);

	p->stats.lines++;
	if (!b) {
		p->stats.dropped++;
		p->unsaid++;
		return;
	}
	wire_otlp_put_line(&b->lines, &line);
	b->n++;
	if (p->call || p->retry_ns)
		return; /* its answer, or the retry, goes on */
	if (p->n > 1)
		schedule(p, 0);
	else if (!p->timer)
		schedule(p, LINGER_NS);
}

/* ---- reading */

static void end_line(struct source *s, bool is_cut)
{
	struct or_slice text = or_buf_slice(&s->line);

	if (!is_cut && text.n && text.p[text.n - 1] == '\r')
		text.n--;
	/* An empty rest behind a cut is no line of its own. */
	if (text.n || !s->is_cut)
		take_line(s, text, is_cut || s->is_cut);
	s->is_cut = is_cut;
	or_buf_clear(&s->line);
}

static void split(struct source *s, struct or_slice in)
{
	while (in.n) {
		const uint8_t *end = memchr(in.p, '\n', in.n);
		size_t n = end ? (size_t)(end - in.p) : in.n;
		size_t room = CTL_PUMP_LINE_MAX - s->line.n;

		if (n > room) {
			or_buf_put(&s->line, in.p, room);
			in = or_slice_from(in, room);
			end_line(s, true);
			continue;
		}
		or_buf_put(&s->line, in.p, n);
		if (end)
			end_line(s, false);
		in = or_slice_from(in, end ? n + 1 : n);
	}
}

/* Blocks until all is written, as a write of the workload's own would. */
static void pass_on(struct source *s, struct or_slice in)
{
	while (in.n && s->to >= 0) {
		ssize_t n = write(s->to, in.p, in.n);

		if (n >= 0) {
			in = or_slice_from(in, (size_t)n);
		} else if (errno == EAGAIN) {
			struct pollfd wait = {.fd = s->to, .events = POLLOUT};

			poll(&wait, 1, -1);
		} else if (errno != EINTR) {
			s->to = -1; /* nobody is there any more; the agent still is */
		}
	}
}

static void close_source(struct source *s)
{
	struct ctl_pump *p = s->pump;

	or_loop_io_cancel(s->io);
	s->io = NULL;
	if (s->read_fd >= 0)
		close(s->read_fd);
	s->read_fd = -1;
	if (s->line.n)
		end_line(s, false);
	if (!p->fn || p->is_flushing || p->sources[0].read_fd >= 0 || p->sources[1].read_fd >= 0)
		return;
	p->is_flushing = true;
	if (p->n && !p->call && !p->retry_ns)
		schedule(p, 0);
}

static void on_readable(void *arg, int fd, int what)
{
	struct source *s = arg;
	static uint8_t bytes[READ_MAX];

	(void)what;
	for (int i = 0; i < READS_A_TURN; i++) {
		ssize_t n = read(fd, bytes, sizeof(bytes));

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			close_source(s);
			end_if_done(s->pump);
			return;
		}
		pass_on(s, or_slice(bytes, (size_t)n));
		split(s, or_slice(bytes, (size_t)n));
	}
}

/* ---- beginning and end */

enum or_code ctl_pump_new(struct ctl_pump **out, const struct ctl_pump_opt *opt, struct or_err *err)
{
	static const char *const names[] = {"stdout", "stderr"};
	struct ctl_pump *p = or_mem_new(sizeof(*p));
	enum or_code rc = OR_OK;

	p->opt = *opt;
	p->origin = or_mem_strdup(opt->origin);
	p->service = or_mem_strdup(opt->service);
	p->client = or_http_client_new(opt->loop, NULL);
	or_buf_init(&p->body, CTL_PUMP_BATCH + 4 * HEAD_ROOM);
	for (int i = 0; i < 2; i++) {
		p->sources[i] = (struct source){.pump = p,
		    .name = names[i],
		    .read_fd = -1,
		    .child_fd = -1,
		    .to = i ? opt->err_fd : opt->out_fd};
		or_buf_init(&p->sources[i].line, CTL_PUMP_LINE_MAX);
	}
	for (int i = 0; i < 2 && rc == OR_OK; i++) {
		int ends[2];

		if (pipe2(ends, O_CLOEXEC) < 0) {
			rc = or_err_sys(err, "pipe");
			continue;
		}
		p->sources[i].read_fd = ends[0];
		p->sources[i].child_fd = ends[1];
		fcntl(ends[0], F_SETFL, O_NONBLOCK);
	}
	if (rc)
		ctl_pump_free(p);
	else
		*out = p;
	return rc;
}

void ctl_pump_free(struct ctl_pump *p)
{
	if (!p)
		return;
	or_loop_timer_cancel(p->timer);
	or_loop_timer_cancel(p->deadline);
	or_http_client_cancel(p->call);
	or_http_client_free(p->client);
	for (int i = 0; i < 2; i++) {
		struct source *s = &p->sources[i];

		or_loop_io_cancel(s->io);
		if (s->read_fd >= 0)
			close(s->read_fd);
		if (s->child_fd >= 0)
			close(s->child_fd);
		or_buf_done(&s->line);
	}
	while (p->n)
		drop_first(p);
	or_buf_done(&p->body);
	or_mem_free(p->origin);
	or_mem_free(p->service);
	or_mem_free(p);
}

int ctl_pump_child_fd(const struct ctl_pump *p, int which)
{
	return p->sources[which].child_fd;
}

void ctl_pump_start(struct ctl_pump *p)
{
	for (int i = 0; i < 2; i++) {
		struct source *s = &p->sources[i];

		close(s->child_fd);
		s->child_fd = -1;
		s->io = or_loop_io_start(p->opt.loop, s->read_fd, OR_LOOP_READ, on_readable, s);
	}
}

static void on_flush_late(void *arg)
{
	struct ctl_pump *p = arg;

	p->deadline = NULL;
	or_http_client_cancel(p->call);
	p->call = NULL;
	while (p->n) {
		p->stats.dropped += p->batches[p->first].n;
		drop_first(p);
	}
	end_if_done(p);
}

/* Somebody else holds the pipes: what is in them by now is taken. */
static void on_eof_late(void *arg)
{
	struct ctl_pump *p = arg;

	p->deadline = or_loop_timer_start(p->opt.loop, FLUSH_NS, on_flush_late, p);
	for (int i = 0; i < 2; i++) {
		if (p->sources[i].read_fd >= 0)
			close_source(&p->sources[i]);
	}
	end_if_done(p);
}

static void on_nothing_left(void *arg)
{
	struct ctl_pump *p = arg;

	p->timer = NULL;
	end_if_done(p);
}

void ctl_pump_finish(struct ctl_pump *p, or_loop_fn *fn, void *arg)
{
	p->fn = fn;
	p->arg = arg;
	p->deadline = or_loop_timer_start(p->opt.loop, EOF_NS, on_eof_late, p);
	p->is_flushing = p->sources[0].read_fd < 0 && p->sources[1].read_fd < 0;
	if (p->is_flushing && !p->n && !p->call) {
		or_loop_timer_cancel(p->timer);
		p->timer = or_loop_timer_start(p->opt.loop, 0, on_nothing_left, p);
	}
}

void ctl_pump_stats(struct ctl_pump_stats *out, const struct ctl_pump *p)
{
	*out = p->stats;
}
