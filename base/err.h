/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: a code from a closed set, and where a person will read it, a sentence.
 *
 * Functions that can fail return enum or_code; struct or_err is their last parameter, owned by the
 * caller, and may be NULL. Outputs are untouched on failure. A layer may only put context in front
 * of the message (or_err_wrap). A message says where and what to do, and holds no secret.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/def.h"

enum or_code {
	OR_OK = 0,
	OR_INVAL,   /* a value that this function cannot take */
	OR_PARSE,   /* foreign bytes that do not follow their format */
	OR_FULL,    /* a budget is used up */
	OR_ABSENT,  /* what was asked for is not there */
	OR_EXISTS,  /* it is there already */
	OR_DENIED,  /* not permitted, or a signature that does not verify */
	OR_CORRUPT, /* stored bytes that changed since they were written */
	OR_IO,      /* the operating system refused; err->sys has errno */
	OR_BUSY,    /* somebody else holds it */
	OR_TIMEOUT, /* the deadline passed */
	OR_CLOSED,  /* the peer went away */
	OR_STALE,   /* older than what is already known */
	OR_UNSUPPORTED,
	OR_AGAIN, /* more input is needed, or try later */
};

#define OR_ERR_MSG_MAX 512

struct or_err {
	enum or_code code;
	int sys; /* errno, or 0 */
	char msg[OR_ERR_MSG_MAX];
};

/* Short lower-case name of a code, as it appears in logs: "parse", "full". */
const char *or_err_name(enum or_code code);

/* Fills *err (where not NULL) and returns code. Too long a message is cut. */
enum or_code or_err_set(struct or_err *err, enum or_code code, const char *fmt, ...)
    OR_PRINTF(3, 4);

/* As or_err_set with code OR_IO, errno kept and its text appended: "open x: No such file…". */
enum or_code or_err_sys(struct or_err *err, const char *fmt, ...) OR_PRINTF(2, 3);

/* Puts "context: " in front of the message that *err holds; returns its code. */
enum or_code or_err_wrap(struct or_err *err, enum or_code code, const char *fmt, ...)
    OR_PRINTF(3, 4);

#endif
