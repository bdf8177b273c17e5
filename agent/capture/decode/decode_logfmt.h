/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logfmt: key=value key="a value" key, separated by blanks.
 *
 * Strict where a line of prose could be taken for one: it begins with a pair, keys consist of
 * letters, digits and _ . - / @ and stand there once, quotes are closed and a blank follows them.
 * Escapes in quotes are those of JSON strings, and \' besides. Pure; any thread.
 */
#ifndef AGENT_CAPTURE_DECODE_DECODE_LOGFMT_H
#define AGENT_CAPTURE_DECODE_DECODE_LOGFMT_H

#include "agent/capture/decode/decode.h"

/* Fills in pairs, whose values are text, or true where there is no value. False: it is none. */
bool ag_decode_logfmt_read(struct ag_decoded *out, struct or_slice text, struct or_arena *a);

#endif
