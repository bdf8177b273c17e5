/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/postgres/startup.h"

#include "base/str.h"

enum {
	HEAD = 8, /* length and code */
	MAJOR = 3,
	CODE_CANCEL = 80877102,
	CODE_TLS = 80877103,
	CODE_GSSENC = 80877104,
	KEY_MIN = 4,
};

static uint32_t read_u32(struct or_slice s, size_t at)
{
	const uint8_t *p = s.p + at;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

enum or_code ag_startup_length(size_t *out, struct or_slice head)
{
	uint32_t n;

	if (head.n < 4)
		return OR_AGAIN;
	n = read_u32(head, 0);
	if (n < HEAD || n > AG_STARTUP_MAX)
		return OR_PARSE;
	*out = n;
	return OR_OK;
}

/* Up to the NUL, which goes too. False: there is none. */
static bool take_text(struct or_slice *out, struct or_slice *rest)
{
	size_t end = or_str_find(*rest, 0, 0);

	if (end == rest->n)
		return false;
	*out = or_slice(rest->p, end);
	*rest = or_slice_from(*rest, end + 1);
	return true;
}

static bool is_name(struct or_slice s)
{
	return s.n > 0 && s.n <= AG_STARTUP_NAME_MAX && or_str_is_utf8(s);
}

/* The server takes any beginning of these words; clients write them out. */
static enum ag_startup_reason read_replication(struct ag_startup *s, struct or_slice value)
{
	static const char *const yes[] = {"true", "on", "yes", "1", "database"};
	static const char *const no[] = {"false", "off", "no", "0"};

	for (size_t i = 0; i < OR_LEN(yes); i++) {
		if (or_slice_is(value, yes[i])) {
			s->replicates = true;
			return AG_STARTUP_FINE;
		}
	}
	for (size_t i = 0; i < OR_LEN(no); i++) {
		if (or_slice_is(value, no[i]))
			return AG_STARTUP_FINE;
	}
	return AG_STARTUP_REPLICATION;
}

static enum ag_startup_reason read_param(
    struct ag_startup *s, struct or_slice name, struct or_slice value)
{
	if (or_slice_is(name, "user")) {
		s->user = value;
		return is_name(value) ? AG_STARTUP_FINE : AG_STARTUP_USER;
	}
	if (or_slice_is(name, "database")) {
		s->database = value;
		/* an empty one is none, to the server too */
		return !value.n || is_name(value) ? AG_STARTUP_FINE : AG_STARTUP_DATABASE;
	}
	if (or_slice_is(name, "application_name")) {
		s->application = value;
		return or_str_is_utf8(value) ? AG_STARTUP_FINE : AG_STARTUP_APPLICATION;
	}
	if (or_slice_is(name, "replication"))
		return read_replication(s, value);
	return AG_STARTUP_FINE;
}

/* Names of settings compare without case where the server looks them up. */
static bool is_known(const struct or_slice *names, size_t n, struct or_slice name)
{
	for (size_t i = 0; i < n; i++) {
		if (or_str_eq_nocase(names[i], name))
			return true;
	}
	return false;
}

static enum ag_startup_reason read_params(struct ag_startup *s, struct or_slice rest)
{
	struct or_slice names[AG_STARTUP_PARAMS_MAX], value;
	enum ag_startup_reason why;

	for (size_t n = 0;; n++) {
		if (n == OR_LEN(names) || !take_text(&names[n], &rest))
			return AG_STARTUP_PARAMETER;
		if (!names[n].n)
			break;
		if (!take_text(&value, &rest) || is_known(names, n, names[n]))
			return AG_STARTUP_PARAMETER;
		why = read_param(s, names[n], value);
		if (why)
			return why;
	}
	if (rest.n)
		return AG_STARTUP_TRAILING;
	if (!s->user.n)
		return AG_STARTUP_USER;
	if (!s->database.n)
		s->database = s->user;
	return AG_STARTUP_FINE;
}

static enum ag_startup_reason read_cancel(struct ag_startup *s, struct or_slice rest)
{
	if (rest.n < 4 + KEY_MIN || rest.n > 4 + AG_STARTUP_KEY_MAX)
		return AG_STARTUP_KEY;
	s->pid = read_u32(rest, 0);
	s->key = or_slice_from(rest, 4);
	return AG_STARTUP_FINE;
}

enum ag_startup_reason ag_startup_parse(struct ag_startup *out, struct or_slice packet)
{
	struct ag_startup s = {0};
	enum ag_startup_reason why = AG_STARTUP_FINE;
	size_t n;

	if (ag_startup_length(&n, packet) || n != packet.n)
		return AG_STARTUP_LENGTH;
	s.version = read_u32(packet, 4);
	switch (s.version) {
	case CODE_CANCEL:
		s.kind = AG_STARTUP_CANCEL;
		why = read_cancel(&s, or_slice_from(packet, HEAD));
		break;
	case CODE_TLS:
	case CODE_GSSENC:
		s.kind = s.version == CODE_TLS ? AG_STARTUP_TLS : AG_STARTUP_GSSENC;
		why = n == HEAD ? AG_STARTUP_FINE : AG_STARTUP_LENGTH;
		break;
	default:
		why = s.version >> 16 == MAJOR ? read_params(&s, or_slice_from(packet, HEAD))
					       : AG_STARTUP_PROTOCOL;
	}
	if (why == AG_STARTUP_FINE)
		*out = s;
	return why;
}

const char *ag_startup_reason_name(enum ag_startup_reason reason)
{
	static const char *const names[] = {"", "startup_length", "startup_protocol",
	    "startup_parameter", "startup_trailing", "startup_user", "startup_database",
	    "startup_application", "startup_replication", "startup_key"};

	return names[reason];
}
