/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: one JSON object a line, with a stable event name, for agent, collector and CLI (library
 * rooms never log).
 *
 * Thread: any; the sink is the process's, set once at the start (stderr at info before that).
 * Never blocks: a line is at most OR_LOG_LINE_MAX bytes (PIPE_BUF, so that lines of several
 * processes stay whole), and is dropped and counted while the reader of a pipe does not keep up;
 * the next line that gets through says "lost": n.
 * Throttle: of each event name at most `burst` lines per `window_ns`; the first line after that
 * says "suppressed": n, and or_log_done reports what is left. Strings longer than OR_LOG_VALUE_MAX
 * bytes are cut.
 * A value must never be a secret (token, key, password, body): there is nothing here to hide it.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

#define OR_LOG_LINE_MAX  4096
#define OR_LOG_VALUE_MAX 1024

enum or_log_level { OR_LOG_DEBUG, OR_LOG_INFO, OR_LOG_WARN, OR_LOG_ERROR };

enum or_log_type {
	OR_LOG_END,
	OR_LOG_STR,
	OR_LOG_I64,
	OR_LOG_U64,
	OR_LOG_BOOL,
	OR_LOG_ERR,
};

/* Borrowed for the call. */
struct or_log_kv {
	const char *key;
	enum or_log_type type;
	union {
		struct or_slice s;
		int64_t i;
		uint64_t u;
		bool b;
		const struct or_err *err;
	};
};

struct or_log_opt {
	int fd; /* stays the caller's */
	enum or_log_level level;
	const char *role;         /* "agent"; static text */
	uint32_t burst;           /* 0: 20 */
	int64_t window_ns;        /* 0: 10 s */
	int64_t (*wall_ns)(void); /* NULL: the system's clock */
};

void or_log_init(const struct or_log_opt *opt);
/* Reports what was suppressed or lost, and goes back to stderr. */
void or_log_done(void);

/* "debug", "info", "warn", "error". OR_ABSENT: none of them. */
OR_NODISCARD enum or_code or_log_level_find(enum or_log_level *out, struct or_slice name);
/* From now on. */
void or_log_level_set(enum or_log_level level);
bool or_log_is_on(enum or_log_level level);

/* event: "spool.opened", static text. kvs ends with OR_LOG_END. */
void or_log_event(enum or_log_level level, const char *event, const struct or_log_kv *kvs);

/* OR_LOG(OR_LOG_INFO, "spool.opened", or_log_text("dir", dir), or_log_u64("entries", n)); */
#define OR_LOG(level, event, ...)                                                                  \
	or_log_event((level), (event),                                                             \
	    (const struct or_log_kv[]){__VA_ARGS__ __VA_OPT__(, ){.type = OR_LOG_END}})

static inline struct or_log_kv or_log_str(const char *key, struct or_slice s)
{
	return (struct or_log_kv){.key = key, .type = OR_LOG_STR, .s = s};
}

static inline struct or_log_kv or_log_text(const char *key, const char *text)
{
	return or_log_str(key, or_slice_str(text));
}

static inline struct or_log_kv or_log_i64(const char *key, int64_t v)
{
	return (struct or_log_kv){.key = key, .type = OR_LOG_I64, .i = v};
}

static inline struct or_log_kv or_log_u64(const char *key, uint64_t v)
{
	return (struct or_log_kv){.key = key, .type = OR_LOG_U64, .u = v};
}

static inline struct or_log_kv or_log_bool(const char *key, bool v)
{
	return (struct or_log_kv){.key = key, .type = OR_LOG_BOOL, .b = v};
}

/* "code" and "error": the name of its code and its message. */
static inline struct or_log_kv or_log_err(const struct or_err *err)
{
	return (struct or_log_kv){.key = "error", .type = OR_LOG_ERR, .err = err};
}

#endif
