/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/postgres/postgres_impl.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <unistd.h>

#define SWEEP_NS         (OR_NS_PER_S / 4)
#define QUIET_NS         OR_NS_PER_S
#define ACCEPTS_PER_TURN 32

/* ALTER ROLE … PASSWORD 'secret' and its like; a literal that was cut has no end. */
#define PASSWORD_PATTERN                                                                           \
	"[{\"name\":\"password\",\"regex\":"                                                       \
	"\"[Pp][Aa][Ss][Ss][Ww][Oo][Rr][Dd][[:space:]]+([EeUu]&?)?'([^']|'')*('|$)\"}]"

static void on_sweep(void *arg);
static void on_accept(void *arg, int fd, int what);

/* -- connections -- */

static void set_accepting(struct ag_postgres *pg)
{
	bool wanted = pg->fd >= 0 && pg->n_sessions < AG_POSTGRES_SESSIONS_MAX;

	if (wanted && !pg->accept_io) {
		pg->accept_io = or_loop_io_start(pg->loop, pg->fd, OR_LOOP_READ, on_accept, pg);
	} else if (!wanted && pg->accept_io) {
		or_loop_io_cancel(pg->accept_io);
		pg->accept_io = NULL;
	}
}

static void on_drained(void *arg)
{
	struct ag_postgres *pg = arg;
	or_loop_fn *fn = pg->drained;

	pg->drained = NULL;
	if (fn)
		fn(pg->drained_arg);
}

void ag_postgres_unlink(struct ag_session *s)
{
	struct ag_postgres *pg = s->pg;

	if (s->prev)
		s->prev->next = s->next;
	else
		pg->sessions = s->next;
	if (s->next)
		s->next->prev = s->prev;
	pg->n_sessions--;
	if (pg->closing)
		return;
	set_accepting(pg);
	if (pg->draining && !pg->n_sessions && pg->drained)
		or_loop_defer(pg->loop, on_drained, pg);
}

/* Every byte is compared, so that time tells nothing. */
static bool same_key(struct or_slice a, struct or_slice b)
{
	uint8_t differs = 0;

	if (!a.n || a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		differs |= a.p[i] ^ b.p[i];
	return differs == 0;
}

struct ag_session *ag_postgres_find_key(struct ag_postgres *pg, uint32_t pid, struct or_slice key)
{
	for (struct ag_session *s = pg->sessions; s; s = s->next) {
		if (s->phase == AG_SESSION_OPEN && s->pid == pid && same_key(s->key, key))
			return s;
	}
	return NULL;
}

static void on_accept(void *arg, int listener, int what)
{
	struct ag_postgres *pg = arg;

	(void)what;
	for (int i = 0; i < ACCEPTS_PER_TURN && pg->n_sessions < AG_POSTGRES_SESSIONS_MAX; i++) {
		struct or_net_addr peer;
		int fd;

		if (or_net_accept(&fd, &peer, listener))
			break;
		ag_session_start(pg, fd, &peer);
	}
	set_accepting(pg);
	if (!pg->sweep)
		pg->sweep = or_loop_timer_start(pg->loop, SWEEP_NS, on_sweep, pg);
}

static bool is_over(const struct ag_session *s, int64_t now_ns)
{
	const struct ag_config *c = s->pg->env.config;

	if (s->deadline_ns)
		return now_ns >= s->deadline_ns;
	return s->phase == AG_SESSION_OPEN && now_ns - s->active_ns >= c->postgres.idle_ns;
}

/* What is between two statements when the gate closes; what is under way may end. */
static bool may_close(const struct ag_session *s, int64_t now_ns)
{
	return s->pg->draining && s->phase == AG_SESSION_OPEN && s->ready &&
	       now_ns - s->active_ns >= QUIET_NS;
}

static void on_sweep(void *arg)
{
	struct ag_postgres *pg = arg;
	int64_t now_ns = or_loop_now_ns(pg->loop);

	pg->sweep = NULL;
	for (struct ag_session *s = pg->sessions, *next; s; s = next) {
		next = s->next;
		if (may_close(s, now_ns)) {
			ag_session_close(s, "gate_closed", "57P01");
		} else if (is_over(s, now_ns)) {
			ag_session_expire(s);
		}
	}
	if (pg->sessions)
		pg->sweep = or_loop_timer_start(pg->loop, SWEEP_NS, on_sweep, pg);
}

/* -- opening -- */

static enum or_code open_tls(struct ag_postgres *pg, struct or_err *err)
{
	const struct ag_config *c = pg->env.config;
	struct ag_certs_opt in = {.server = true,
	    .cert_file = c->postgres.cert_file,
	    .key_file = c->postgres.key_file,
	    .asks_cert = c->postgres.trust_domains,
	    .alpn = "postgresql"};
	struct ag_certs_opt out = {.cert_file = c->postgres.upstream_cert_file,
	    .key_file = c->postgres.upstream_key_file,
	    .ca_file = c->postgres.upstream_ca_file,
	    .alpn = "postgresql"};
	enum or_code rc = OR_OK;

	if ((c->postgres.trust_domains || c->postgres.requires_tls) && !in.cert_file)
		return or_err_set(err, OR_INVAL,
		    "postgres.cert-file is needed for postgres.trust-domains and "
		    "postgres.requires-tls");
	if (c->postgres.trust_domains)
		rc = ag_identity_svid_new(&pg->svids, pg->loop, c->postgres.trust_domains, err);
	if (rc)
		return or_err_wrap(err, rc, "postgres.trust-domains");
	if (in.cert_file || in.key_file)
		rc = ag_certs_open(&pg->certs, pg->loop, &in, err);
	if (rc)
		return or_err_wrap(err, rc, "postgres.cert-file, postgres.key-file");
	if (!c->postgres.upstream_host) {
		if (out.cert_file || out.key_file || out.ca_file)
			rc = or_err_set(err, OR_INVAL,
			    "postgres.upstream-host is needed: the name in the server's "
			    "certificate");
		return rc;
	}
	pg->upstream_host = or_mem_strdup(c->postgres.upstream_host);
	rc = ag_certs_open(&pg->upstream_certs, pg->loop, &out, err);
	return rc ? or_err_wrap(err, rc, "postgres.upstream-…") : OR_OK;
}

static enum or_code open_redact(struct ag_postgres *pg, struct or_err *err)
{
	const struct ag_config *c = pg->env.config;
	struct ag_redact_opt configured = {
	    .kinds = c->capture.redact, .patterns = c->capture.redact_patterns};
	struct ag_redact_opt passwords = {0};
	struct or_arena *a = or_arena_new(0);
	enum or_code rc =
	    or_json_parse(&passwords.patterns, OR_SLICE_LIT(PASSWORD_PATTERN), a, err);

	if (rc == OR_OK)
		rc = ag_redact_new(&pg->passwords, &passwords, err);
	if (rc == OR_OK)
		rc = ag_redact_new(&pg->redact, &configured, err);
	or_arena_free(a);
	return rc;
}

static enum or_code open_listener(struct ag_postgres *pg, struct or_err *err)
{
	struct or_net_addr addr;
	enum or_code rc = or_net_parse(&addr, pg->env.config->postgres.listen, err);

	if (rc == OR_OK)
		rc = or_net_listen(&pg->fd, &addr, err);
	if (rc == OR_OK)
		rc = or_net_local(&addr, pg->fd, err);
	if (rc)
		return or_err_wrap(err, rc, "postgres.listen");
	or_net_text(pg->address, &addr);
	if (addr.sa.sa_family == AF_UNIX)
		snprintf(pg->unix_path, sizeof(pg->unix_path), "%s", addr.un.sun_path);
	set_accepting(pg);
	return OR_OK;
}

static struct or_metric_counter *counter(struct or_metric_registry *reg, const char *result)
{
	static struct or_metric_counter nobody;
	const struct or_metric_label labels[] = {{"result", result}, {NULL, NULL}};

	return reg ? or_metric_counter_get(reg, "outrider_postgres_sessions_total",
			 "Connections at the gate for PostgreSQL by what became of them.", labels)
		   : &nobody;
}

static void make_metrics(struct ag_postgres *pg)
{
	static struct or_metric_counter nobody;
	struct or_metric_registry *reg = pg->env.registry;

	pg->metrics.allowed = counter(reg, "allowed");
	pg->metrics.denied = counter(reg, "denied");
	pg->metrics.refused = counter(reg, "refused");
	pg->metrics.cancelled = counter(reg, "cancelled");
	pg->metrics.unrecorded = counter(reg, "unrecorded");
	pg->metrics.statements_lost = &nobody;
	if (reg)
		pg->metrics.statements_lost =
		    or_metric_counter_get(reg, "outrider_postgres_statements_lost_total",
			"Statements that were not recorded, for lack of room.", NULL);
}

static void close_front(void *front);

static enum or_code open_all(struct ag_postgres *pg, struct or_err *err)
{
	const struct ag_config *c = pg->env.config;
	enum or_code rc;

	if (!c->postgres.upstream)
		return or_err_set(
		    err, OR_INVAL, "postgres.upstream is needed: the database server");
	rc = or_net_parse(&pg->upstream, c->postgres.upstream, err);
	if (rc)
		return or_err_wrap(err, rc, "postgres.upstream");
	rc = open_tls(pg, err);
	if (rc == OR_OK && c->postgres.users)
		rc = ag_known_open(&pg->users, pg->loop, c->postgres.users, err);
	if (rc == OR_OK)
		rc = open_redact(pg, err);
	return rc ? rc : open_listener(pg, err);
}

static enum or_code open_front(void **out, const struct ag_front_env *env, struct or_err *err)
{
	struct ag_postgres *pg;
	enum or_code rc;

	if (!env->config->postgres.listen) {
		*out = NULL;
		return OR_OK;
	}
	pg = or_mem_new(sizeof(*pg));
	pg->loop = env->loop;
	pg->env = *env;
	pg->fd = -1;
	pg->hub = or_conn_hub_new(env->loop);
	pg->refusals = ag_refusal_new(env->loop, env->record);
	make_metrics(pg);
	rc = open_all(pg, err);
	if (rc) {
		close_front(pg);
		return rc;
	}
	OR_LOG(OR_LOG_INFO, "gate.postgres_listening", or_log_text("address", pg->address),
	    or_log_text("upstream", env->config->postgres.upstream));
	*out = pg;
	return OR_OK;
}

/* -- closing -- */

static void stop_listening(struct ag_postgres *pg)
{
	or_loop_io_cancel(pg->accept_io);
	pg->accept_io = NULL;
	if (pg->fd >= 0)
		close(pg->fd);
	pg->fd = -1;
	if (pg->unix_path[0])
		(void)unlink(pg->unix_path);
	pg->unix_path[0] = 0;
}

static void close_front(void *front)
{
	struct ag_postgres *pg = front;

	pg->closing = true;
	stop_listening(pg);
	while (pg->sessions) {
		pg->sessions->end = pg->sessions->end ? pg->sessions->end : "gate_closed";
		ag_session_free(pg->sessions);
	}
	or_loop_timer_cancel(pg->sweep);
	or_loop_defer_cancel(pg->loop, on_drained, pg);
	or_conn_hub_free(pg->hub);
	ag_certs_close(pg->certs);
	ag_certs_close(pg->upstream_certs);
	ag_identity_svid_free(pg->svids);
	ag_known_close(pg->users);
	ag_redact_free(pg->passwords);
	ag_redact_free(pg->redact);
	ag_refusal_free(pg->refusals);
	or_mem_free(pg->upstream_host);
	or_mem_free(pg);
}

static void drain_front(void *front, or_loop_fn *done, void *arg)
{
	struct ag_postgres *pg = front;

	stop_listening(pg);
	pg->draining = true;
	pg->drained = done;
	pg->drained_arg = arg;
	if (!pg->n_sessions)
		or_loop_defer(pg->loop, on_drained, pg);
}

static const char *address_of(const void *front)
{
	return ((const struct ag_postgres *)front)->address;
}

const struct ag_front ag_postgres_front = {.name = "postgres",
    .open = open_front,
    .close = close_front,
    .drain = drain_front,
    .address = address_of};
