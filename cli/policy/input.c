/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/policy/input.h"

#include "base/str.h"
#include "base/sys.h"

#include <stdio.h>

enum { SAID_MAX = 1 << 20, READ_SIZE = 64 * 1024 };

const char *ctl_input_name(const char *path)
{
	return strcmp(path, "-") == 0 ? "<stdin>" : path;
}

enum or_code ctl_input_read(struct or_buf *out, const char *path, struct or_err *err)
{
	size_t n = 1;

	if (strcmp(path, "-") != 0)
		return or_sys_read_file(out, path, err);
	while (n > 0) {
		uint8_t *to = or_buf_reserve(out, READ_SIZE);

		if (!to)
			return or_err_set(err, OR_FULL, "<stdin>: too large");
		n = fread(to, 1, READ_SIZE, stdin);
		or_buf_commit(out, n);
	}
	return ferror(stdin) ? or_err_sys(err, "<stdin>") : OR_OK;
}

void ctl_input_complain(const struct pol_diags *diags)
{
	struct or_buf said, clean;

	or_buf_init(&said, SAID_MAX);
	or_buf_init(&clean, 3 * SAID_MAX);
	pol_diag_print(&said, diags);
	for (size_t i = 0; i < said.n;) {
		uint32_t cp = 0xFFFD;
		size_t n = or_str_utf8_decode(&cp, or_slice_from(or_buf_slice(&said), i));

		if (cp != '\n' && cp != '\t' && or_str_is_control(cp))
			cp = 0xFFFD;
		or_str_utf8_encode(&clean, cp);
		i += n ? n : 1;
	}
	fwrite(or_buf_text(&clean), 1, clean.n, stderr);
	or_buf_done(&said);
	or_buf_done(&clean);
}

enum or_code ctl_input_pass_on(struct or_slice text, struct or_err *err)
{
	if ((text.n && fwrite(text.p, 1, text.n, stdout) != text.n) || fflush(stdout))
		return or_err_sys(err, "standard output");
	return OR_OK;
}
