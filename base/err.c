/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

const char *or_err_name(enum or_code code)
{
	static const char *const names[] = {[OR_OK] = "ok",
	    [OR_INVAL] = "invalid",
	    [OR_PARSE] = "parse",
	    [OR_FULL] = "full",
	    [OR_ABSENT] = "absent",
	    [OR_EXISTS] = "exists",
	    [OR_DENIED] = "denied",
	    [OR_CORRUPT] = "corrupt",
	    [OR_IO] = "io",
	    [OR_BUSY] = "busy",
	    [OR_TIMEOUT] = "timeout",
	    [OR_CLOSED] = "closed",
	    [OR_STALE] = "stale",
	    [OR_UNSUPPORTED] = "unsupported",
	    [OR_AGAIN] = "again"};

	return (size_t)code < OR_LEN(names) ? names[code] : "unknown";
}

enum or_code or_err_set(struct or_err *err, enum or_code code, const char *fmt, ...)
{
	if (err) {
		va_list ap;

		err->code = code;
		err->sys = 0;
		va_start(ap, fmt);
		vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
		va_end(ap);
	}
	return code;
}

enum or_code or_err_sys(struct or_err *err, const char *fmt, ...)
{
	int sys = errno;
	const char *text = strerrordesc_np(sys);

	if (err) {
		va_list ap;
		size_t n;

		err->code = OR_IO;
		err->sys = sys;
		va_start(ap, fmt);
		vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
		va_end(ap);
		n = strlen(err->msg);
		if (text)
			snprintf(err->msg + n, sizeof(err->msg) - n, ": %s", text);
		else
			snprintf(err->msg + n, sizeof(err->msg) - n, ": error %d", sys);
	}
	return OR_IO;
}

enum or_code or_err_wrap(struct or_err *err, enum or_code code, const char *fmt, ...)
{
	if (err) {
		char old[OR_ERR_MSG_MAX];
		va_list ap;
		size_t n;

		memcpy(old, err->msg, sizeof(old));
		err->code = code;
		va_start(ap, fmt);
		vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
		va_end(ap);
		n = strlen(err->msg);
		snprintf(err->msg + n, sizeof(err->msg) - n, ": %s", old);
	}
	return code;
}
