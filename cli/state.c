/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/state.h"

#include "base/json.h"
#include "base/sys.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20 };

static const char *choose_dir(struct or_arena *a, const char *flag)
{
	const char *env = getenv("OUTRIDER_HOME"), *xdg = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");

	if (flag && *flag)
		return flag;
	if (env && *env)
		return env;
	if (xdg && *xdg)
		return or_arena_printf(a, "%s/outrider", xdg);
	return home && *home ? or_arena_printf(a, "%s/.local/state/outrider", home) : NULL;
}

/* The absolute form of a directory that is not there yet. */
static void in_working_directory(char out[PATH_MAX], const char *dir)
{
	size_t n = 0;

	if (dir[0] != '/' && getcwd(out, PATH_MAX))
		n = strlen(out);
	snprintf(out + n, PATH_MAX - n, "%s%s", n ? "/" : "", dir);
}

enum or_code ctl_state_open(struct ctl_state *out, const char *dir, struct or_err *err)
{
	struct or_arena *a = or_arena_new(16 * OR_MIB);
	char absolute[PATH_MAX];
	const char *chosen = choose_dir(a, dir);
	enum or_code rc = OR_OK;

	if (!chosen)
		rc = or_err_set(err, OR_INVAL, "no state directory: give --state or set HOME");
	if (rc == OR_OK && !realpath(chosen, absolute)) {
		if (errno != ENOENT)
			rc = or_err_sys(err, "the state directory %s", chosen);
		else
			in_working_directory(absolute, chosen);
	}
	if (rc) {
		or_arena_free(a);
		return rc;
	}
	out->arena = a;
	out->dir = or_arena_strdup(a, or_slice_str(absolute));
	return OR_OK;
}

void ctl_state_close(struct ctl_state *s)
{
	or_arena_free(s->arena);
	*s = (struct ctl_state){0};
}

const char *ctl_state_path(struct ctl_state *s, const char *fmt, ...)
{
	char tail[PATH_MAX];
	const char *path;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(tail, sizeof(tail), fmt, ap);
	va_end(ap);
	OR_ASSERT(n >= 0 && n < PATH_MAX);
	path = or_arena_printf(s->arena, "%s/%s", s->dir, tail);
	OR_ASSERT(path);
	return path;
}

enum or_code ctl_state_read(
    struct or_slice *out, struct ctl_state *s, const char *path, struct or_err *err)
{
	struct or_buf b;
	enum or_code rc;

	or_buf_init(&b, FILE_MAX);
	rc = or_sys_read_file(&b, path, err);
	if (rc == OR_OK) {
		struct or_slice text = or_buf_slice(&b);

		while (text.n && text.p[text.n - 1] == '\n')
			text.n--;
		text = or_arena_dup(s->arena, text);
		if (text.p)
			*out = text;
		else
			rc = or_err_set(err, OR_FULL, "%s: too large", path);
	}
	or_buf_done(&b);
	return rc;
}

static const char *text_of(struct ctl_state *s, const struct or_json *j, const char *key)
{
	struct or_slice v = or_json_get_str(j, key);

	return v.p ? or_arena_strdup(s->arena, v) : NULL;
}

/* A number can be another process by now, and a dead child may not have been waited for: only a
 * living process with a name of ours counts. "/proc/N/stat" is "N (name) STATE …". */
static bool is_alive(pid_t pid)
{
	char path[64];
	const char *name, *state;
	struct or_buf stat;
	bool alive = false;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	or_buf_init(&stat, 4096);
	if (or_sys_read_file(&stat, path, NULL) == OR_OK) {
		name = strchr(or_buf_text(&stat), '(');
		state = strrchr(or_buf_text(&stat), ')');
		alive = name && state && strncmp(name, "(outrider", 9) == 0 && state[1] == ' ' &&
			state[2] != 'Z' && state[2] != 'X';
	}
	or_buf_done(&stat);
	return alive;
}

enum or_code ctl_state_endpoint(
    struct ctl_state_endpoint *out, struct ctl_state *s, const char *relative, struct or_err *err)
{
	const char *path = ctl_state_path(s, "%s/endpoint", relative);
	const struct or_json *j, *pid;
	struct or_slice text;
	enum or_code rc = ctl_state_read(&text, s, path, err);

	if (rc)
		return rc;
	rc = or_json_parse(&j, text, s->arena, err);
	if (rc)
		return or_err_wrap(err, rc, "%s", path);
	pid = or_json_get_type(j, "pid", OR_JSON_INT);
	if (!pid || pid->i <= 1 || pid->i > INT_MAX)
		return or_err_set(err, OR_PARSE, "%s: no pid in it", path);
	*out = (struct ctl_state_endpoint){.url = text_of(s, j, "url"),
	    .gate = text_of(s, j, "gate"),
	    .decide = text_of(s, j, "decide"),
	    .admin = text_of(s, j, "admin"),
	    .pid = (pid_t)pid->i,
	    .alive = is_alive((pid_t)pid->i)};
	return OR_OK;
}
