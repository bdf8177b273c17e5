/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/ask.h"
#include "agent/gate/identity_peer.h"
#include "agent/gate/postgres/postgres_impl.h"
#include "agent/gate/who.h"
#include "base/mem.h"

#include <stdio.h>

enum { ARENA_MAX = 256 * 1024, OWED = 4096, CONTEXT = 4, LENGTH = 4, TLS_HANDSHAKE = 0x16 };

/* -- records -- */

/* The decision's own attributes, then these. */
static enum or_code put_attributes(
    struct ag_session *s, const struct wire_attribute *more, size_t n_more)
{
	struct wire_audit *r = &s->decision.record;
	struct wire_attribute *all =
	    or_arena_array(s->arena, r->n_attributes + n_more, sizeof(*all));

	if (!all)
		return OR_FULL;
	if (r->n_attributes)
		memcpy(all, r->attributes, r->n_attributes * sizeof(*all));
	memcpy(all + r->n_attributes, more, n_more * sizeof(*all));
	r->attributes = all;
	r->n_attributes += n_more;
	return OR_OK;
}

static enum or_code put_record(struct ag_session *s, enum wire_phase phase, const char *reason)
{
	struct wire_audit r = s->decision.record; /* putting may cut it */
	enum or_code rc;

	r.phase = phase;
	if (phase == WIRE_PHASE_OUTCOME)
		r.time_ns = (uint64_t)or_loop_wall_ns(s->pg->loop);
	if (reason)
		r.reason = or_slice_str(reason);
	r.request.bytes_in = s->bytes_in;
	r.request.bytes_out = s->bytes_out;
	r.request.duration_ns = (uint64_t)(or_loop_fresh_ns(s->pg->loop) - s->start_ns);
	rc = ag_record_put(s->pg->env.record, &r,
	    phase == WIRE_PHASE_OUTCOME ? OR_SLICE_NONE : s->decision.inputs,
	    phase == WIRE_PHASE_OUTCOME ? NULL : s->id);
	if (rc)
		or_metric_add(s->pg->metrics.unrecorded, 1);
	return rc;
}

static void put_outcome(struct ag_session *s)
{
	struct ag_statements_counts counts = {0};
	char seen[24], lost[24];
	struct wire_attribute more[] = {
	    {.key = OR_SLICE_LIT("authenticated"),
		.value = s->authenticated ? OR_SLICE_LIT("true") : OR_SLICE_LIT("false")},
	    {.key = OR_SLICE_LIT("statements"), .value = or_slice(seen, 0)},
	    {.key = OR_SLICE_LIT("statements_lost"), .value = or_slice(lost, 0)},
	};

	ag_record_pay(s->pg->env.record, s->owed);
	if (s->statements)
		counts = ag_statements_flush(s->statements);
	more[1].value.n =
	    (size_t)snprintf(seen, sizeof(seen), "%llu", (unsigned long long)counts.seen);
	more[2].value.n =
	    (size_t)snprintf(lost, sizeof(lost), "%llu", (unsigned long long)counts.lost);
	or_metric_add(s->pg->metrics.statements_lost, counts.lost);
	(void)put_attributes(s, more, counts.lost ? 3 : 2);
	/* The decision is recorded: an outcome that is lost does not undo it. */
	(void)put_record(s, WIRE_PHASE_OUTCOME, s->end);
}

void ag_session_free(struct ag_session *s)
{
	ag_spool_sync_cancel(s->wait);
	if (s->decided)
		put_outcome(s);
	ag_statements_free(s->statements);
	or_conn_free(s->client);
	or_conn_free(s->server);
	ag_frames_done(&s->up);
	ag_frames_done(&s->down);
	or_buf_done(&s->in);
	ag_postgres_unlink(s);
	or_arena_free(s->arena);
	or_mem_free(s);
}

/* -- answers of our own -- */

/* ErrorResponse (§55.8): severity twice, the code, the message. */
static void put_error(struct ag_session *s, const char *sqlstate, const char *message)
{
	uint8_t packet[512] = {'E'};
	const char *const parts[] = {"SFATAL", "VFATAL", sqlstate, message};
	size_t n = 5;

	for (size_t i = 0; i < OR_LEN(parts); i++) {
		size_t len = strlen(parts[i]);

		if (i >= 2)
			packet[n++] = i == 2 ? 'C' : 'M';
		OR_ASSERT(n + len + 4 < sizeof(packet));
		memcpy(packet + n, parts[i], len);
		n += len;
		packet[n++] = 0;
	}
	packet[n++] = 0;
	packet[3] = (uint8_t)((n - 1) >> 8);
	packet[4] = (uint8_t)(n - 1);
	or_conn_put(s->client, or_slice(packet, n));
}

void ag_session_fail(struct ag_session *s, const char *sqlstate, const char *message)
{
	or_conn_free(s->server);
	s->server = NULL;
	if (s->client)
		put_error(s, sqlstate, message);
	ag_relay_end(s, s->end);
}

void ag_session_refuse(
    struct ag_session *s, const char *reason, const char *sqlstate, const char *message)
{
	bool nobody = s->decision.verdict == AG_DECIDE_UNAUTHENTICATED;
	struct ag_refusal_what what = {.kind = nobody ? WIRE_KIND_IDENTITY : WIRE_KIND_ACCESS,
	    .front = WIRE_FRONT_POSTGRES,
	    .reason = reason,
	    .peer = &s->peer,
	    .trace_id = or_slice(s->trace.id, sizeof(s->trace.id)),
	    .span_id = or_slice(s->trace.span, sizeof(s->trace.span))};

	or_metric_add(s->pg->metrics.refused, 1);
	if (ag_refusal_note(s->pg->refusals, &what))
		or_metric_add(s->pg->metrics.unrecorded, 1);
	s->end = reason;
	if (message)
		ag_session_fail(s, sqlstate, message);
	else
		ag_session_free(s);
}

void ag_session_close(struct ag_session *s, const char *why, const char *sqlstate)
{
	s->end = why;
	if (s->ready)
		ag_session_fail(s, sqlstate, "the gate ends this session");
	else
		ag_relay_end(s, why);
}

void ag_session_expire(struct ag_session *s)
{
	switch (s->phase) {
	case AG_SESSION_START: ag_session_refuse(s, "startup_timeout", NULL, NULL); return;
	case AG_SESSION_DIAL:
		s->end = "upstream_timeout";
		ag_session_fail(s, "08006", "the database server cannot be reached");
		return;
	case AG_SESSION_OPEN: ag_session_close(s, "idle_timeout", "57P05"); return;
	case AG_SESSION_WAIT:
	case AG_SESSION_CANCEL:
	case AG_SESSION_ENDING:
	default: ag_session_free(s);
	}
}

/* -- the decision -- */

static void go_on(struct ag_session *s)
{
	struct ag_statements_opt opt = {.loop = s->pg->loop,
	    .record = s->pg->env.record,
	    .passwords = s->pg->passwords,
	    .redact = s->pg->redact,
	    .session = s->decision.record,
	    .decision_id = s->id};

	/* What decided is in the record that they name. */
	opt.session.policies = NULL;
	opt.session.n_policies = 0;
	opt.session.inputs = OR_SLICE_NONE;
	s->statements = ag_statements_new(&opt);
	ag_dial_start(s);
}

static void on_allow_durable(void *arg, enum or_code rc)
{
	struct ag_session *s = arg;

	s->wait = NULL;
	if (rc && !s->decision.audit_full_allows) {
		s->end = "not_durable";
		ag_session_fail(s, "57P03", "decisions cannot be recorded now");
		return;
	}
	go_on(s);
}

static void say_denied(struct ag_session *s)
{
	char message[160];

	snprintf(message, sizeof(message),
	    "access to this database is denied by policy (decision %s)", s->id);
	ag_session_fail(s, "28000", message);
}

static void on_deny_durable(void *arg, enum or_code rc)
{
	struct ag_session *s = arg;

	s->wait = NULL;
	if (rc)
		ag_session_fail(s, "57P03", "decisions cannot be recorded now");
	else
		say_denied(s);
}

static void deny(struct ag_session *s)
{
	or_metric_add(s->pg->metrics.denied, 1);
	if (put_record(s, WIRE_PHASE_COMPLETE, NULL)) {
		ag_session_fail(s, "57P03", "decisions cannot be recorded now");
	} else if (s->decision.verdict == AG_DECIDE_UNAVAILABLE) {
		ag_session_fail(s, "57P03", "no policy is in force");
	} else if (s->decision.strict) {
		s->phase = AG_SESSION_WAIT;
		s->wait = ag_record_sync(s->pg->env.record, on_deny_durable, s);
	} else {
		say_denied(s);
	}
}

/* Sessions last: the decision is recorded before, whatever the audit mode; strict waits for the
 * disk besides. */
static void allow(struct ag_session *s)
{
	struct ag_record *record = s->pg->env.record;
	bool goes_on = s->decision.audit_full_allows;

	or_metric_add(s->pg->metrics.allowed, 1);
	if ((!ag_record_has_room(record) || put_record(s, WIRE_PHASE_DECISION, NULL)) && !goes_on) {
		ag_session_fail(s, "57P03", "decisions cannot be recorded now");
		return;
	}
	s->decided = true;
	s->owed = OWED;
	ag_record_owe(record, s->owed);
	if (!s->decision.strict) {
		go_on(s);
		return;
	}
	s->phase = AG_SESSION_WAIT;
	s->wait = ag_record_sync(record, on_allow_durable, s);
}

/* "/" and the name, everything but unreserved characters escaped: canonical as base/http_path.h
 * has it. */
static struct or_slice path_of(struct or_arena *a, struct or_slice database)
{
	static const char hex[] = "0123456789ABCDEF";
	uint8_t *p = or_arena_alloc(a, 1 + 3 * database.n);
	size_t n = 0;

	if (!p)
		return OR_SLICE_NONE;
	p[n++] = '/';
	for (size_t i = 0; i < database.n; i++) {
		uint8_t c = database.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || c == '_' || c == '-';

		if (plain) {
			p[n++] = c;
		} else {
			p[n++] = '%';
			p[n++] = (uint8_t)hex[c >> 4];
			p[n++] = (uint8_t)hex[c & 15];
		}
	}
	return or_slice(p, n);
}

static const struct ag_identity_who *who_of(struct ag_session *s)
{
	const struct ag_known_one *known =
	    s->pg->users ? ag_known_find(s->pg->users, s->startup.user) : NULL;
	struct ag_identity_who *who = or_arena_alloc(s->arena, sizeof(*who));

	if (!who)
		return NULL;
	if (known)
		return ag_who_copy(who, &known->who, s->arena) ? who : NULL;
	who->issuer = or_slice_str(s->pg->env.config->postgres.issuer);
	who->sub = s->startup.user;
	return who;
}

/* A certificate that should say who it is and does not is no reason to believe the user's name. */
static enum or_code decide(struct ag_session *s)
{
	const struct ag_startup *st = &s->startup;
	const struct ag_decide_extra context[CONTEXT] = {{"user", st->user},
	    {"database", st->database}, {"application_name", st->application},
	    {"transport", s->tls ? OR_SLICE_LIT("tls") : OR_SLICE_LIT("plain")}};
	struct wire_attribute attributes[CONTEXT];
	struct ag_decide_ask ask = {.front = WIRE_FRONT_POSTGRES,
	    .method = st->replicates ? OR_SLICE_LIT("REPLICATE") : OR_SLICE_LIT("CONNECT"),
	    .action = st->replicates ? OR_SLICE_LIT("subscribe") : OR_SLICE_LIT("connect"),
	    .path = path_of(s->arena, st->database),
	    .extras = context,
	    .n_extras = CONTEXT,
	    .peer = or_slice_str(s->peer_text),
	    .client_ip = ag_ask_client(s->peer_text),
	    .trace_id = or_slice(s->trace.id, sizeof(s->trace.id)),
	    .span_id = or_slice(s->trace.span, sizeof(s->trace.span)),
	    .now_ns = or_loop_wall_ns(s->pg->loop),
	    .cannot_filter = true};

	ag_identity_peer_read(&ask, s->pg->svids, or_conn_tls(s->client), s->arena);
	if (!ask.workload.n && !ask.cert_fault) {
		ask.who = who_of(s);
		if (!ask.who)
			return OR_FULL;
	}
	if (!ask.path.p || ag_decide_run(&s->decision, s->pg->env.decide, &ask, s->arena))
		return OR_FULL;
	for (size_t i = 0; i < CONTEXT; i++)
		attributes[i] = (struct wire_attribute){
		    .key = or_slice_str(context[i].name), .value = context[i].value};
	return put_attributes(s, attributes, CONTEXT);
}

static void begin_session(struct ag_session *s)
{
	if (!s->tls && s->pg->env.config->postgres.requires_tls) {
		ag_session_refuse(s, "tls_required", "28000", "this server takes TLS alone");
		return;
	}
	if (decide(s)) {
		ag_session_refuse(s, "memory", "53200", "out of memory");
		return;
	}
	or_conn_pause(s->client);
	switch (s->decision.verdict) {
	case AG_DECIDE_ALLOW: allow(s); return;
	case AG_DECIDE_UNAUTHENTICATED:
		ag_session_refuse(
		    s, s->decision.reason, "28000", "the certificate proves nobody who is known");
		return;
	case AG_DECIDE_DENY:
	case AG_DECIDE_UNAVAILABLE:
	default: deny(s);
	}
}

/* -- the packets before -- */

static void begin_cancel(struct ag_session *s)
{
	struct ag_session *whose = ag_postgres_find_key(s->pg, s->startup.pid, s->startup.key);
	struct ag_statements_what what = {.method = "CANCEL"};

	/* PostgreSQL answers neither. */
	if (!whose) {
		ag_session_refuse(s, "cancel_unknown", NULL, NULL);
		return;
	}
	or_metric_add(s->pg->metrics.cancelled, 1);
	if (whose->statements)
		ag_statements_put(whose->statements, &what);
	or_conn_pause(s->client);
	ag_dial_start(s);
}

static void refuse_packet(struct ag_session *s, const char *reason)
{
	ag_session_refuse(s, reason, "08P01", "the startup packet is malformed");
}

/* Nothing may follow the request: it would be in the clear and taken for what came over TLS
 * (CVE-2021-23214). */
static void answer_encryption(struct ag_session *s, bool gss, bool alone)
{
	bool *asked = gss ? &s->asked_gss : &s->asked_tls;
	struct or_tls_session *tls;

	if (*asked || s->tls || !alone) {
		refuse_packet(s, "startup_encryption");
		return;
	}
	*asked = true;
	if (gss || !s->pg->certs) {
		or_conn_put(s->client, OR_SLICE_LIT("N"));
		return;
	}
	/* it fails for a client's host name only */
	OR_ASSERT(!or_tls_session_new(&tls, ag_certs_get(s->pg->certs), NULL, NULL));
	s->tls = true;
	or_conn_put(s->client, OR_SLICE_LIT("S"));
	or_conn_flush(s->client);
	or_conn_secure(s->client, tls, OR_SLICE_NONE);
}

static void take_packet(struct ag_session *s, bool alone)
{
	struct or_slice packet = or_arena_dup(s->arena, or_buf_slice(&s->in));
	enum ag_startup_reason why;

	if (!packet.p) {
		refuse_packet(s, "memory");
		return;
	}
	why = ag_startup_parse(&s->startup, packet);
	or_buf_clear(&s->in);
	if (why) {
		ag_session_refuse(s, ag_startup_reason_name(why),
		    why == AG_STARTUP_PROTOCOL ? "0A000" : "08P01",
		    why == AG_STARTUP_PROTOCOL ? "this protocol is not supported"
					       : "the startup packet is malformed");
		return;
	}
	s->packet = packet;
	switch (s->startup.kind) {
	case AG_STARTUP_TLS: answer_encryption(s, false, alone); return;
	case AG_STARTUP_GSSENC: answer_encryption(s, true, alone); return;
	case AG_STARTUP_CANCEL: begin_cancel(s); return;
	case AG_STARTUP_SESSION:
	default: begin_session(s);
	}
}

/* TLS at once, as PostgreSQL 17 has it; what is spoken in it is named by ALPN, so that nobody can
 * be made to say this to another server (RFC 9325 §3.7). */
static size_t begin_direct(struct ag_session *s, struct or_slice in)
{
	struct or_tls_session *tls;

	OR_ASSERT(!or_tls_session_new(&tls, ag_certs_get(s->pg->certs), NULL, NULL));
	s->tls = s->direct = true;
	or_conn_secure(s->client, tls, in);
	return in.n;
}

static size_t put_some(struct or_buf *to, struct or_slice in, size_t want)
{
	size_t n = in.n < want - to->n ? in.n : want - to->n;

	or_buf_put(to, in.p, n);
	return n;
}

/* Takes no more than the packet: what the client sends behind it is the server's. The session may
 * be gone once its packet is there. */
static size_t take_start(struct ag_session *s, struct or_slice in)
{
	size_t want, n = 0;

	if (in.p[0] == TLS_HANDSHAKE && !s->in.n && s->pg->certs && !s->tls && !s->asked_tls &&
	    !s->asked_gss)
		return begin_direct(s, in);
	if (s->in.n < LENGTH)
		n = put_some(&s->in, in, LENGTH);
	if (s->in.n < LENGTH)
		return n;
	if (ag_startup_length(&want, or_buf_slice(&s->in))) {
		refuse_packet(s, "startup_length");
		return in.n;
	}
	n += put_some(&s->in, or_slice_from(in, n), want);
	if (s->in.n == want)
		take_packet(s, n == in.n);
	return n;
}

static size_t on_data(void *arg, struct or_slice in)
{
	struct ag_session *s = arg;

	switch (s->phase) {
	case AG_SESSION_START: return take_start(s, in);
	case AG_SESSION_OPEN: return ag_relay_from_client(s, in);
	case AG_SESSION_ENDING: return in.n;
	case AG_SESSION_WAIT:
	case AG_SESSION_DIAL:
	case AG_SESSION_CANCEL:
	default: return 0; /* held */
	}
}

/* The handshake is through. */
static void on_open(void *arg)
{
	struct ag_session *s = arg;

	if (s->direct && !or_tls_session_has_alpn(or_conn_tls(s->client)))
		ag_session_refuse(s, "startup_alpn", "08P01", "direct TLS names its protocol");
}

static void drop_client(struct ag_session *s)
{
	or_conn_free(s->client);
	s->client = NULL;
	switch (s->phase) {
	case AG_SESSION_OPEN:
	case AG_SESSION_ENDING:
		ag_relay_end(s, s->authenticated ? NULL : "not_authenticated");
		return;
	case AG_SESSION_CANCEL: return; /* it goes its way without who asked */
	case AG_SESSION_START:
	case AG_SESSION_WAIT:
	case AG_SESSION_DIAL:
	default: s->end = "client_gone"; ag_session_free(s);
	}
}

static void on_eof(void *arg)
{
	drop_client(arg);
}

static void on_lost(void *arg, enum or_code why)
{
	(void)why;
	drop_client(arg);
}

static void on_room(void *arg)
{
	struct ag_session *s = arg;

	if (s->server)
		or_conn_resume(s->server);
}

static const struct or_conn_ops client_ops = {.on_open = on_open,
    .on_data = on_data,
    .on_eof = on_eof,
    .on_room = on_room,
    .on_lost = on_lost};

void ag_session_start(struct ag_postgres *pg, int fd, const struct or_net_addr *peer)
{
	struct ag_session *s = or_mem_new(sizeof(*s));

	s->pg = pg;
	s->peer = *peer;
	or_net_text(s->peer_text, peer);
	s->arena = or_arena_new(ARENA_MAX);
	ag_trace_start(&s->trace);
	or_buf_init(&s->in, AG_STARTUP_MAX);
	s->start_ns = s->active_ns = or_loop_now_ns(pg->loop);
	s->deadline_ns = s->start_ns + pg->env.config->postgres.connect_ns;
	s->client = or_conn_new(pg->hub, fd, NULL, &client_ops, s);
	s->next = pg->sessions;
	if (s->next)
		s->next->prev = s;
	pg->sessions = s;
	pg->n_sessions++;
}
