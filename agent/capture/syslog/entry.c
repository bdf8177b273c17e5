/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/capture/syslog/entry.h"

#include "agent/capture/decode/level.h"
#include "agent/capture/syslog/framing.h"
#include "proto/otlp_log.h"
#include "proto/otlp_value.h"

#include <stdio.h>

/* What one message may take at most: what comes in a text's place may be longer than it was. */
enum {
	ARENA_MAX = 512 * 1024,
	TEXT_MAX = 2 * AG_FRAMING_MAX,
	ATTRIBUTES_MAX = 8 * AG_FRAMING_MAX,
	NAME_MAX_LEN = 80,
};

void ag_entry_init(struct ag_entry *r, struct ag_redact *redact)
{
	*r = (struct ag_entry){.redact = redact, .arena = or_arena_new(ARENA_MAX)};
	or_buf_init(&r->logs, AG_ENTRY_REQUEST_MAX);
	or_buf_init(&r->attributes, ATTRIBUTES_MAX);
	or_buf_init(&r->value, TEXT_MAX);
	or_buf_init(&r->text, TEXT_MAX);
}

void ag_entry_done(struct ag_entry *r)
{
	or_arena_free(r->arena);
	or_buf_done(&r->logs);
	or_buf_done(&r->attributes);
	or_buf_done(&r->value);
	or_buf_done(&r->text);
}

void ag_entry_clear(struct ag_entry *r)
{
	or_buf_clear(&r->logs);
	r->records = r->cut = r->malformed = 0;
}

bool ag_entry_is_full(const struct ag_entry *r)
{
	return r->logs.n + ATTRIBUTES_MAX + TEXT_MAX + WIRE_OTLP_LOG_ROOM > AG_ENTRY_REQUEST_MAX;
}

static bool redact(void *arg, struct or_buf *out, struct or_slice key, struct or_slice text)
{
	return ag_redact_text(arg, out, key, text);
}

static void put(struct ag_entry *r, const char *key, const struct or_json *v)
{
	const struct wire_otlp_value_rewrite rewrite = {
	    .fn = r->redact ? redact : NULL, .arg = r->redact, .text = &r->value};

	wire_otlp_value_put(
	    &r->attributes, WIRE_OTLP_LOG_ATTRIBUTES, or_slice_str(key), v, &rewrite);
}

static void put_text(struct ag_entry *r, const char *key, struct or_slice text)
{
	const struct or_json v = {.type = OR_JSON_STR, .s = text};

	if (text.n)
		put(r, key, &v);
}

/* A parameter may stand there more than once: all its values then, as a list. */
static void put_param(struct ag_entry *r, size_t at)
{
	const struct ag_message_param *p = &r->message.params[at];
	struct or_json texts[AG_MESSAGE_PARAMS], list = {.type = OR_JSON_ARRAY};
	const struct or_json *items[AG_MESSAGE_PARAMS];
	char key[NAME_MAX_LEN];
	size_t n = 0;

	for (size_t i = 0; i < r->message.n; i++) {
		const struct ag_message_param *q = &r->message.params[i];

		if (!or_slice_eq(p->id, q->id) || !or_slice_eq(p->name, q->name))
			continue;
		if (i < at)
			return;
		texts[n] = (struct or_json){.type = OR_JSON_STR, .s = q->value};
		items[n] = &texts[n];
		n++;
	}
	snprintf(key, sizeof(key), "syslog.sd.%.*s%s%.*s", OR_SLICE_FMT(p->id),
	    p->name.n ? "." : "", OR_SLICE_FMT(p->name));
	list.array.items = items;
	list.array.n = n;
	put(r, key, n == 1 ? &texts[0] : &list);
}

static void put_attributes(struct ag_entry *r)
{
	const struct ag_message *m = &r->message;
	const struct or_json facility = {.type = OR_JSON_INT, .i = m->facility};

	or_buf_clear(&r->attributes);
	put(r, "syslog.facility", &facility);
	put_text(r, "host.name", m->host);
	put_text(r, "syslog.appname", m->app);
	put_text(r, "syslog.procid", m->process);
	put_text(r, "syslog.msgid", m->msg_id);
	for (size_t i = 0; i < m->n; i++)
		put_param(r, i);
}

bool ag_entry_put(struct ag_entry *r, struct or_slice in, bool is_cut, int64_t now_ns)
{
	static const char *const levels[] = {
	    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"};
	struct ag_message *m = &r->message;
	struct wire_otlp_log log = {.observed_ns = now_ns, .is_cut = is_cut};

	or_arena_clear(r->arena);
	ag_message_read(m, in, now_ns, r->arena);
	put_attributes(r);
	log.time_ns = m->time_ns;
	log.severity = ag_level_of_syslog(m->severity);
	log.severity_text = or_slice_str(levels[m->severity & 7]);
	log.text = m->text;
	if (or_buf_ok(&r->attributes))
		log.attributes = or_buf_slice(&r->attributes);
	else
		log.is_cut = true; /* its attributes are what is missing */
	if (r->redact && ag_redact_text(r->redact, &r->text, OR_SLICE_NONE, log.text)) {
		log.text = or_buf_slice(&r->text);
		log.is_cut = log.is_cut || !or_buf_ok(&r->text);
	}
	wire_otlp_log_put(&r->logs, &log);
	if (!or_buf_ok(&r->logs)) {
		r->logs.full = false;
		return false;
	}
	r->records++;
	r->cut += log.is_cut;
	r->malformed += m->is_malformed;
	return true;
}
