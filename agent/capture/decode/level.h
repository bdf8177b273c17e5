/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of levels as severity numbers (OpenTelemetry's logs data model, SeverityNumber and appendix
 * B). Pure; any thread.
 */
#ifndef AGENT_CAPTURE_DECODE_LEVEL_H
#define AGENT_CAPTURE_DECODE_LEVEL_H

#include "base/def.h"

/* "error", "WARN", "Information"…, in any case; 0: it is none. */
uint8_t ag_level_of_name(struct or_slice name);
/* 10, 20 … 60 of bunyan and pino; 0: it is none. */
uint8_t ag_level_of_number(int64_t number);
/* Syslog's 0 (emergency) to 7 (debug). */
uint8_t ag_level_of_syslog(unsigned int severity);

/* Looks for one near the beginning of a text; *word is what says it. 0: there is none. */
uint8_t ag_level_find(struct or_slice *word, struct or_slice text);

#endif
