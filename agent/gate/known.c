/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gate/known.h"

#include "agent/gate/who.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/watch.h"
#include "base/yaml.h"

enum { ARENA_MAX = 16 * 1024 * 1024 };

struct ag_known {
	char *file;
	struct or_watch *watch;
	struct or_arena *arena;
	struct or_map names; /* of struct ag_known_one, in the arena */
};

static enum or_code read_one(struct ag_known_one *one, const struct or_json_member *m,
    struct or_arena *a, struct or_err *err)
{
	const struct or_json *claims = or_json_get_type(m->value, "claims", OR_JSON_OBJECT);
	const struct or_json *secret = or_json_get(m->value, "secret");
	size_t n = m->value->type == OR_JSON_OBJECT ? m->value->object.n : 0;

	if (!claims || n != 1U + !!secret || (secret && secret->type != OR_JSON_STR))
		return or_err_set(err, OR_INVAL,
		    "line %u: \"%.*s\" needs claims, and may have a secret", m->line,
		    OR_SLICE_FMT(m->key));
	one->who.issuer = or_json_get_str(claims, "iss");
	if (!one->who.issuer.n || memchr(one->who.issuer.p, '#', one->who.issuer.n))
		return or_err_set(err, OR_INVAL, "line %u: \"%.*s\": iss is a text without '#'",
		    m->line, OR_SLICE_FMT(m->key));
	if (ag_who_read(&one->who, claims, "sub", "groups", a))
		return or_err_set(err, OR_INVAL,
		    "line %u: \"%.*s\": sub is a text, groups a list of texts", m->line,
		    OR_SLICE_FMT(m->key));
	one->secret = secret ? secret->s : OR_SLICE_NONE;
	return OR_OK;
}

static enum or_code read_all(
    struct or_map *names, const struct or_json *tree, struct or_arena *a, struct or_err *err)
{
	if (tree->type != OR_JSON_OBJECT)
		return or_err_set(err, OR_INVAL, "a map is expected, of names");
	for (size_t i = 0; i < tree->object.n; i++) {
		const struct or_json_member *m = &tree->object.members[i];
		struct ag_known_one *one = or_arena_alloc(a, sizeof(*one));
		enum or_code rc;

		if (!one)
			return or_err_set(err, OR_FULL, "too much memory");
		rc = read_one(one, m, a, err);
		if (rc)
			return rc;
		if (or_map_put(names, m->key, one))
			return or_err_set(err, OR_FULL, "more than %d names", AG_KNOWN_MAX);
	}
	return OR_OK;
}

static enum or_code take(struct ag_known *k, struct or_err *err)
{
	struct or_arena *a = or_arena_new(ARENA_MAX);
	const struct or_json *tree;
	struct or_map names;
	struct or_buf text;
	enum or_code rc;

	or_map_init(&names, AG_KNOWN_MAX);
	or_buf_init(&text, AG_KNOWN_FILE_MAX);
	rc = or_sys_read_file(&text, k->file, err);
	if (rc == OR_OK)
		rc = or_yaml_parse(&tree, or_buf_slice(&text), a, err);
	if (rc == OR_OK)
		rc = read_all(&names, tree, a, err);
	if (text.n)
		or_mem_wipe(text.p, text.n);
	or_buf_done(&text);
	if (rc) {
		or_map_done(&names);
		or_arena_free(a);
		return or_err_wrap(err, rc, "%s", k->file);
	}
	or_map_done(&k->names);
	or_arena_free(k->arena);
	k->names = names;
	k->arena = a;
	return OR_OK;
}

static void on_file(void *arg)
{
	struct ag_known *k = arg;
	struct or_err err = {0};

	if (take(k, &err))
		OR_LOG(OR_LOG_ERROR, "gate.names_refused", or_log_err(&err));
	else
		OR_LOG(OR_LOG_INFO, "gate.names_taken", or_log_text("file", k->file));
}

enum or_code ag_known_open(
    struct ag_known **out, struct or_loop *loop, const char *file, struct or_err *err)
{
	struct ag_known *k = or_mem_new(sizeof(*k));
	enum or_code rc;

	k->file = or_mem_strdup(file);
	or_map_init(&k->names, AG_KNOWN_MAX);
	/* Watched first: what changes while it is read is read again. */
	rc = or_watch_start(&k->watch, loop, file, on_file, k, err);
	if (rc == OR_OK)
		rc = take(k, err);
	if (rc) {
		ag_known_close(k);
		return rc;
	}
	*out = k;
	return OR_OK;
}

void ag_known_close(struct ag_known *k)
{
	if (!k)
		return;
	or_watch_cancel(k->watch);
	or_map_done(&k->names);
	or_arena_free(k->arena);
	or_mem_free(k->file);
	or_mem_free(k);
}

const struct ag_known_one *ag_known_find(const struct ag_known *k, struct or_slice name)
{
	return or_map_find(&k->names, name);
}
