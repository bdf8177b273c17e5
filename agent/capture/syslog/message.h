/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A syslog message: RFC 5424 by its grammar, RFC 3164 as leniently as it is written.
 *
 * What begins "<PRI>1 " and is not RFC 5424 beyond that, like everything that is neither, is text
 * behind its priority (is_malformed); nothing is refused. Of RFC 3164 everything is optional: the
 * priority (user.notice without one), the time (also RFC 3339; without a year the one next to now;
 * without a zone UTC), the host, the tag with its process.
 * Pure; any thread. Slices point into the message or the arena. Limits: AG_MESSAGE_PARAMS
 * parameters of structured data, beyond which it is no RFC 5424 for us.
 */
#ifndef AGENT_CAPTURE_SYSLOG_MESSAGE_H
#define AGENT_CAPTURE_SYSLOG_MESSAGE_H

#include "base/arena.h"

#define AG_MESSAGE_PARAMS 128

struct ag_message_param {
	struct or_slice id, name, value; /* name empty: an element without parameters */
};

struct ag_message {
	unsigned int facility, severity;
	int64_t time_ns;                            /* 0: it does not say */
	struct or_slice host, app, process, msg_id; /* empty: it does not say */
	struct or_slice text;
	struct ag_message_param params[AG_MESSAGE_PARAMS];
	size_t n;
	bool is_5424, is_malformed;
};

/* now_ns: wall clock. a holds the values whose escapes were taken out. */
void ag_message_read(
    struct ag_message *out, struct or_slice in, int64_t now_ns, struct or_arena *a);

#endif
