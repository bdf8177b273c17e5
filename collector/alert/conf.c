/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/alert/conf.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>

enum { KEY_SHOWN = 60 };

enum or_code co_conf_fail(const struct co_conf *c, const struct or_json *j, const char *fmt, ...)
{
	char what[OR_ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (j && j->line)
		return or_err_set(c->err, OR_INVAL, "%s:%u: %s", c->file, j->line, what);
	return or_err_set(c->err, OR_INVAL, "%s: %s", c->file, what);
}

static bool is_one_of(struct or_slice key, const char *const *keys)
{
	for (; *keys; keys++) {
		if (or_slice_is(key, *keys))
			return true;
	}
	return false;
}

enum or_code co_conf_keys(
    const struct co_conf *c, const struct or_json *j, const char *const *keys, const char *what)
{
	if (!j || j->type != OR_JSON_OBJECT)
		return co_conf_fail(
		    c, j, "%s is a map, not %s", what, j ? or_json_type_name(j->type) : "nothing");
	for (size_t i = 0; i < j->object.n; i++) {
		const struct or_json_member *m = &j->object.members[i];
		const struct or_json at = {.line = m->line};
		int shown = m->key.n < KEY_SHOWN ? (int)m->key.n : KEY_SHOWN;
		const char *nearest;

		if (is_one_of(m->key, keys))
			continue;
		nearest = or_str_nearest(m->key, keys);
		return co_conf_fail(c, &at, "%s has no key \"%.*s\"%s%s%s", what, shown,
		    (const char *)m->key.p, nearest ? "; did you mean \"" : "",
		    nearest ? nearest : "", nearest ? "\"?" : "");
	}
	return OR_OK;
}

enum or_code co_conf_need(
    const struct co_conf *c, const struct or_json *map, const char *key, const char *what)
{
	return or_json_get(map, key) ? OR_OK : co_conf_fail(c, map, "%s needs \"%s\"", what, key);
}

enum or_code co_conf_text(const struct co_conf *c, struct or_slice *out, const struct or_json *map,
    const char *key, size_t max)
{
	const struct or_json *j = or_json_get(map, key);

	if (!j)
		return OR_OK;
	if (j->type != OR_JSON_STR)
		return co_conf_fail(c, j, "%s is text, not %s; write it in quotes", key,
		    or_json_type_name(j->type));
	if (j->s.n == 0 || j->s.n > max)
		return co_conf_fail(c, j, "%s has 1 to %zu bytes", key, max);
	*out = j->s;
	return OR_OK;
}

enum or_code co_conf_bool(
    const struct co_conf *c, bool *out, const struct or_json *map, const char *key)
{
	const struct or_json *j = or_json_get(map, key);

	if (!j)
		return OR_OK;
	if (j->type != OR_JSON_BOOL)
		return co_conf_fail(c, j, "%s is true or false", key);
	*out = j->b;
	return OR_OK;
}

enum or_code co_conf_u64(const struct co_conf *c, uint64_t *out, const struct or_json *map,
    const char *key, uint64_t min, uint64_t max)
{
	const struct or_json *j = or_json_get(map, key);

	if (!j)
		return OR_OK;
	if (j->type != OR_JSON_INT || j->i < 0 || (uint64_t)j->i < min || (uint64_t)j->i > max)
		return co_conf_fail(c, j, "%s is a whole number from %llu to %llu", key,
		    (unsigned long long)min, (unsigned long long)max);
	*out = (uint64_t)j->i;
	return OR_OK;
}

enum or_code co_conf_duration(const struct co_conf *c, int64_t *out, const struct or_json *map,
    const char *key, int64_t min_ns, int64_t max_ns)
{
	const struct or_json *j = or_json_get(map, key);
	int64_t ns;

	if (!j)
		return OR_OK;
	if (j->type != OR_JSON_STR || or_str_duration_ns(&ns, j->s))
		return co_conf_fail(c, j, "%s is a duration like 30s, 5m or 1h", key);
	if (ns < min_ns || ns > max_ns)
		return co_conf_fail(c, j, "%s is from %lld ms to %lld s", key,
		    (long long)(min_ns / OR_NS_PER_MS), (long long)(max_ns / OR_NS_PER_S));
	*out = ns;
	return OR_OK;
}

enum or_code co_conf_list(const struct co_conf *c, const struct or_json **out,
    const struct or_json *map, const char *key, size_t max)
{
	const struct or_json *j = or_json_get(map, key);

	if (j && j->type != OR_JSON_ARRAY)
		return co_conf_fail(c, j, "%s is a list, not %s", key, or_json_type_name(j->type));
	if (j && j->array.n > max)
		return co_conf_fail(c, j, "%s has at most %zu items", key, max);
	*out = j;
	return OR_OK;
}
