/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/trust.h"

#include "base/jsonw.h"
#include "base/str.h"
#include "base/sys.h"

enum { FILE_MAX = 1 << 20 };

/* The tree of logs.json; NULL where there is none yet. */
static enum or_code read_all(const struct or_json **out, struct ctl_state *s, struct or_err *err)
{
	const char *path = ctl_state_path(s, "logs.json");
	struct or_slice text;
	enum or_code rc = ctl_state_read(&text, s, path, err);

	*out = NULL;
	if (rc == OR_ABSENT)
		return OR_OK;
	if (rc == OR_OK)
		rc = or_json_parse(out, text, s->arena, err);
	return rc ? or_err_wrap(err, rc, "%s", path) : OR_OK;
}

static bool parse_root(struct tl_hash *out, struct or_slice hex)
{
	struct or_buf b;
	bool ok;

	or_buf_init(&b, TL_HASH_LEN);
	ok = or_str_hex_decode(&b, hex) == OR_OK && b.n == TL_HASH_LEN;
	if (ok)
		memcpy(out->b, b.p, TL_HASH_LEN);
	or_buf_done(&b);
	return ok;
}

enum or_code ctl_trust_get(
    struct ctl_trust_log *out, struct ctl_state *s, struct or_slice origin, struct or_err *err)
{
	const struct or_json *all, *log, *size;
	struct ctl_trust_log found = {0};
	enum or_code rc = read_all(&all, s, err);

	if (rc)
		return rc;
	log = or_json_get_slice(all, origin);
	if (log) {
		size = or_json_get_type(log, "size", OR_JSON_INT);
		found.vkey = or_json_get_str(log, "vkey");
		if (!size || size->i < 0 || !found.vkey.n ||
		    !parse_root(&found.root, or_json_get_str(log, "root")))
			return or_err_set(err, OR_PARSE,
			    "%s/logs.json: the entry of %.*s is damaged; remove it to start anew",
			    s->dir, OR_SLICE_FMT(origin));
		found.size = (uint64_t)size->i;
	}
	*out = found;
	return OR_OK;
}

static void put_log(struct or_jsonw *w, const struct ctl_trust_log *log)
{
	struct or_buf hex;

	or_buf_init(&hex, 2 * TL_HASH_LEN);
	or_str_hex_encode(&hex, or_slice(log->root.b, TL_HASH_LEN));
	or_jsonw_object(w);
	or_jsonw_kv_str(w, "vkey", log->vkey);
	or_jsonw_kv_u64(w, "size", log->size);
	or_jsonw_kv_str(w, "root", or_buf_slice(&hex));
	or_jsonw_end(w);
	or_buf_done(&hex);
}

enum or_code ctl_trust_put(struct ctl_state *s, struct or_slice origin,
    const struct ctl_trust_log *log, struct or_err *err)
{
	const struct or_json *all;
	struct or_jsonw w;
	struct or_buf text;
	enum or_code rc = or_sys_mkdir(s->dir, 0700, err);

	if (rc == OR_OK)
		rc = read_all(&all, s, err);
	if (rc)
		return rc;
	or_buf_init(&text, FILE_MAX);
	or_jsonw_init(&w, &text, 2);
	or_jsonw_object(&w);
	for (size_t i = 0; all && i < all->object.n; i++) {
		if (or_slice_eq(all->object.members[i].key, origin))
			continue;
		or_jsonw_key_slice(&w, all->object.members[i].key);
		or_jsonw_tree(&w, all->object.members[i].value);
	}
	or_jsonw_key_slice(&w, origin);
	put_log(&w, log);
	or_jsonw_end(&w);
	or_buf_put_byte(&text, '\n');
	if (or_buf_ok(&text))
		rc = or_sys_write_file(
		    ctl_state_path(s, "logs.json"), or_buf_slice(&text), 0600, err);
	else
		rc = or_err_set(err, OR_FULL, "%s/logs.json is too large", s->dir);
	or_buf_done(&text);
	return rc;
}
