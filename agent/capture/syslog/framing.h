/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Syslog messages in a stream (RFC 6587): octet counting ("17 <13>…"), or a line feed or NUL behind
 * each (non-transparent framing). The first message of a stream says which of the two it is.
 *
 * Pure; any thread. Limits: a message of more than AG_FRAMING_MAX bytes is cut and its rest passed
 * over; one that is counted with more than AG_FRAMING_COUNT_MAX ends the stream.
 */
#ifndef AGENT_CAPTURE_SYSLOG_FRAMING_H
#define AGENT_CAPTURE_SYSLOG_FRAMING_H

#include "base/def.h"

#define AG_FRAMING_MAX       (32U * 1024)
#define AG_FRAMING_COUNT_MAX (1024U * 1024)

struct ag_framing {
	enum ag_framing_kind { AG_FRAMING_UNKNOWN, AG_FRAMING_COUNTED, AG_FRAMING_LINES } kind;
	size_t rest;      /* bytes to pass over */
	bool is_skipping; /* up to the end of a line */
};

enum ag_framing_result {
	AG_FRAMING_MESSAGE, /* *out, borrowed from in; *is_cut */
	AG_FRAMING_MORE,    /* what is left of in is the beginning of one */
	AG_FRAMING_BAD,     /* no message begins so */
};

/* Takes the next one from the front of *in. is_end: nothing comes behind it, so that what lacks its
 * end counts as whole. */
enum ag_framing_result ag_framing_next(
    struct ag_framing *f, struct or_slice *out, bool *is_cut, struct or_slice *in, bool is_end);

#endif
