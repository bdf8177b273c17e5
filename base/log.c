/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/jsonw.h"
#include "base/str.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

enum { N_EVENTS = 128, DEFAULT_BURST = 20 };
#define DEFAULT_WINDOW_NS (10 * OR_NS_PER_S)

_Static_assert(OR_LOG_LINE_MAX <= PIPE_BUF, "a line is written to a pipe whole or not at all");

/* How much an event name has said in its window. Names are static text: their pointers stay. */
struct talk {
	const char *event;
	int64_t start_ns;
	uint32_t said;
	uint64_t suppressed;
};

static struct {
	pthread_mutex_t lock;
	struct or_log_opt opt;
	struct talk talks[N_EVENTS];
	size_t n_talks;
	uint64_t lost;
	struct or_buf line;
} sink = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .opt = {.fd = STDERR_FILENO,
	.level = OR_LOG_INFO,
	.burst = DEFAULT_BURST,
	.window_ns = DEFAULT_WINDOW_NS},
};

static const char *const level_names[] = {[OR_LOG_DEBUG] = "debug",
    [OR_LOG_INFO] = "info",
    [OR_LOG_WARN] = "warn",
    [OR_LOG_ERROR] = "error"};

enum or_code or_log_level_find(enum or_log_level *out, struct or_slice name)
{
	for (size_t i = 0; i < OR_LEN(level_names); i++) {
		if (or_slice_is(name, level_names[i])) {
			*out = (enum or_log_level)i;
			return OR_OK;
		}
	}
	return OR_ABSENT;
}

static int64_t wall_ns(void)
{
	struct timespec ts;

	if (sink.opt.wall_ns)
		return sink.opt.wall_ns();
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * OR_NS_PER_S + ts.tv_nsec;
}

/* More names than the table holds share its last place. */
static struct talk *find_talk(const char *event)
{
	for (size_t i = 0; i < sink.n_talks; i++) {
		if (strcmp(sink.talks[i].event, event) == 0)
			return &sink.talks[i];
	}
	if (sink.n_talks < N_EVENTS) {
		sink.talks[sink.n_talks].event = event;
		return &sink.talks[sink.n_talks++];
	}
	return &sink.talks[N_EVENTS - 1];
}

/* True: the line may go; *suppressed are those that it speaks for. */
static bool may_say(const char *event, int64_t now_ns, uint64_t *suppressed)
{
	struct talk *t = find_talk(event);

	*suppressed = 0;
	if (t->said && now_ns - t->start_ns < sink.opt.window_ns) {
		if (t->said >= sink.opt.burst) {
			t->suppressed++;
			return false;
		}
		t->said++;
		return true;
	}
	*suppressed = t->suppressed;
	t->start_ns = now_ns;
	t->said = 1;
	t->suppressed = 0;
	return true;
}

static struct or_slice cut(struct or_slice s)
{
	uint32_t cp;
	size_t n = OR_LOG_VALUE_MAX;

	if (s.n <= OR_LOG_VALUE_MAX)
		return s;
	/* Not in the middle of a character. */
	for (int back = 0; back < 3 && n && !or_str_utf8_decode(&cp, or_slice_from(s, n)); back++)
		n--;
	return or_slice(s.p, n);
}

static void put_kv(struct or_jsonw *w, const struct or_log_kv *kv)
{
	switch (kv->type) {
	case OR_LOG_STR: or_jsonw_kv_str(w, kv->key, cut(kv->s)); break;
	case OR_LOG_I64: or_jsonw_kv_i64(w, kv->key, kv->i); break;
	case OR_LOG_U64: or_jsonw_kv_u64(w, kv->key, kv->u); break;
	case OR_LOG_BOOL: or_jsonw_kv_bool(w, kv->key, kv->b); break;
	case OR_LOG_ERR:
		or_jsonw_kv_text(w, "code", or_err_name(kv->err->code));
		or_jsonw_kv_str(w, kv->key, cut(or_slice_str(kv->err->msg)));
		break;
	case OR_LOG_END: break;
	}
}

static void build(enum or_log_level level, const char *event, const struct or_log_kv *kvs,
    int64_t now_ns, uint64_t suppressed)
{
	struct or_jsonw w;
	uint8_t time_text[64];
	struct or_buf time = {.p = time_text, .cap = sizeof(time_text), .max = 63};

	or_str_time(&time, now_ns);
	or_buf_clear(&sink.line);
	or_jsonw_init(&w, &sink.line, 0);
	or_jsonw_object(&w);
	or_jsonw_kv_str(&w, "time", or_buf_slice(&time));
	or_jsonw_kv_text(&w, "level", level_names[level]);
	or_jsonw_kv_text(&w, "event", event);
	if (sink.opt.role)
		or_jsonw_kv_text(&w, "role", sink.opt.role);
	or_jsonw_kv_i64(&w, "pid", getpid());
	for (; kvs && kvs->type != OR_LOG_END; kvs++)
		put_kv(&w, kvs);
	if (suppressed)
		or_jsonw_kv_u64(&w, "suppressed", suppressed);
	if (sink.lost)
		or_jsonw_kv_u64(&w, "lost", sink.lost);
	or_jsonw_end(&w);
	or_buf_put_byte(&sink.line, '\n');
}

/* A pipe that polls as writable takes PIPE_BUF bytes without blocking. */
static bool write_line(void)
{
	struct pollfd p = {.fd = sink.opt.fd, .events = POLLOUT};
	ssize_t n;

	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
		return false;
	do
		n = write(sink.opt.fd, sink.line.p, sink.line.n);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sink.line.n;
}

static void say(enum or_log_level level, const char *event, const struct or_log_kv *kvs,
    int64_t now_ns, uint64_t suppressed)
{
	static const struct or_log_kv too_long[] = {
	    {.key = "cut", .type = OR_LOG_BOOL, .b = true}, {.type = OR_LOG_END}};

	if (!sink.line.max)
		or_buf_init(&sink.line, OR_LOG_LINE_MAX);
	build(level, event, kvs, now_ns, suppressed);
	if (!or_buf_ok(&sink.line))
		build(level, event, too_long, now_ns, suppressed);
	if (write_line())
		sink.lost = 0;
	else
		sink.lost++;
}

bool or_log_is_on(enum or_log_level level)
{
	return level >= __atomic_load_n(&sink.opt.level, __ATOMIC_RELAXED);
}

void or_log_level_set(enum or_log_level level)
{
	__atomic_store_n(&sink.opt.level, level, __ATOMIC_RELAXED);
}

void or_log_event(enum or_log_level level, const char *event, const struct or_log_kv *kvs)
{
	int sys = errno;
	int64_t now_ns;
	uint64_t suppressed;

	if (!or_log_is_on(level))
		return;
	pthread_mutex_lock(&sink.lock);
	now_ns = wall_ns();
	if (may_say(event, now_ns, &suppressed))
		say(level, event, kvs, now_ns, suppressed);
	pthread_mutex_unlock(&sink.lock);
	errno = sys;
}

void or_log_init(const struct or_log_opt *opt)
{
	pthread_mutex_lock(&sink.lock);
	sink.opt = *opt;
	if (!opt->burst)
		sink.opt.burst = DEFAULT_BURST;
	if (!opt->window_ns)
		sink.opt.window_ns = DEFAULT_WINDOW_NS;
	sink.n_talks = 0;
	memset(sink.talks, 0, sizeof(sink.talks));
	sink.lost = 0;
	pthread_mutex_unlock(&sink.lock);
}

void or_log_done(void)
{
	pthread_mutex_lock(&sink.lock);
	for (size_t i = 0; i < sink.n_talks; i++) {
		struct talk *t = &sink.talks[i];

		if (t->suppressed)
			say(OR_LOG_WARN, t->event, NULL, wall_ns(), t->suppressed);
	}
	if (sink.lost)
		say(OR_LOG_WARN, "log.lost", NULL, wall_ns(), 0);
	or_buf_done(&sink.line);
	sink.line.max = 0;
	sink.opt = (struct or_log_opt){.fd = STDERR_FILENO,
	    .level = OR_LOG_INFO,
	    .burst = DEFAULT_BURST,
	    .window_ns = DEFAULT_WINDOW_NS};
	sink.n_talks = 0;
	memset(sink.talks, 0, sizeof(sink.talks));
	sink.lost = 0;
	pthread_mutex_unlock(&sink.lock);
}
