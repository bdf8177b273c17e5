/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merkle-conformance-tool DIR: runs the proofs of transparency-dev/merkle (testdata/inclusion,
 * testdata/consistency), lists what failed and ends with "merkle: passed/total".
 */
#include "base/json.h"
#include "base/str.h"
#include "base/sys.h"
#include "tlog/proof.h"

#include <stdio.h>
#include <sys/stat.h>

enum { PROOF_MAX = 1024 };

struct run {
	size_t passed;
	size_t total;
	bool broken; /* a file could not be read */
};

/* Some cases use texts that are no hashes where any value must do; their own hash stands for
 * them, so that equal ones stay equal and no two others become so. */
static bool to_hash(struct tl_hash *out, struct or_slice base64)
{
	struct or_buf raw;
	bool ok;

	or_buf_init(&raw, 1 << 16);
	ok = or_str_base64_decode(&raw, base64) == OR_OK;
	if (ok && raw.n == TL_HASH_LEN)
		memcpy(out->b, raw.p, TL_HASH_LEN);
	else if (ok)
		tl_hash_leaf(out, or_buf_slice(&raw));
	or_buf_done(&raw);
	return ok;
}

static bool get_hash(struct tl_hash *out, const struct or_json *j, const char *key)
{
	return to_hash(out, or_json_get_str(j, key));
}

static bool get_size(uint64_t *out, const struct or_json *j, const char *key)
{
	const struct or_json *v = or_json_get_type(j, key, OR_JSON_INT);

	if (!v)
		return false;
	/* Sizes are unsigned 64-bit numbers. */
	*out = (uint64_t)v->i;
	return true;
}

static bool get_proof(struct tl_hash *hashes, size_t *n, const struct or_json *j)
{
	const struct or_json *list = or_json_get(j, "proof");

	*n = 0;
	if (!list || list->type == OR_JSON_NULL)
		return true;
	if (list->type != OR_JSON_ARRAY || list->array.n > PROOF_MAX)
		return false;
	for (size_t i = 0; i < list->array.n; i++) {
		const struct or_json *item = list->array.items[i];

		if (item->type != OR_JSON_STR || !to_hash(&hashes[i], item->s))
			return false;
	}
	*n = list->array.n;
	return true;
}

static enum or_code verify(const struct or_json *j)
{
	static struct tl_hash hashes[PROOF_MAX];
	struct tl_hash a, b;
	uint64_t x, y;
	size_t n;

	if (!get_proof(hashes, &n, j))
		return OR_PARSE;
	if (or_json_get(j, "leafIdx")) {
		if (!get_size(&x, j, "leafIdx") || !get_size(&y, j, "treeSize") ||
		    !get_hash(&a, j, "leafHash") || !get_hash(&b, j, "root"))
			return OR_PARSE;
		return tl_proof_verify_inclusion(&a, x, y, hashes, n, &b);
	}
	if (!get_size(&x, j, "size1") || !get_size(&y, j, "size2") || !get_hash(&a, j, "root1") ||
	    !get_hash(&b, j, "root2"))
		return OR_PARSE;
	return tl_proof_verify_consistency(x, y, &a, &b, hashes, n);
}

static void run_file(struct run *r, const char *path)
{
	struct or_arena *a = or_arena_new(1 << 22);
	const struct or_json *j, *want;
	struct or_buf text;
	struct or_err err;
	enum or_code rc;

	or_buf_init(&text, 1 << 20);
	r->total++;
	if (or_sys_read_file(&text, path, &err) ||
	    or_json_parse(&j, or_buf_slice(&text), a, &err)) {
		printf("FAIL %s: %s\n", path, err.msg);
		r->broken = true;
	} else {
		want = or_json_get_type(j, "wantErr", OR_JSON_BOOL);
		rc = verify(j);
		if (want && rc != OR_PARSE && want->b == (rc != OR_OK))
			r->passed++;
		else
			printf("FAIL %s: %s, but an error was %sexpected\n", path, or_err_name(rc),
			    want && want->b ? "" : "not ");
	}
	or_buf_done(&text);
	or_arena_free(a);
}

static void run_folder(struct run *r, const char *dir, int depth)
{
	struct or_sys_names names;
	struct or_err err;
	struct stat st;
	char path[4096];

	if (depth > 8 || stat(dir, &st))
		return;
	if (or_sys_list(&names, dir, &err)) {
		printf("FAIL %s: %s\n", dir, err.msg);
		r->broken = true;
		return;
	}
	for (size_t i = 0; i < names.n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names.names[i]);
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			run_folder(r, path, depth + 1);
		else if (or_str_has_suffix(or_slice_str(path), ".json"))
			run_file(r, path);
	}
	or_sys_names_free(&names);
}

int main(int argc, char **argv)
{
	struct run r = {0};
	char path[4096];

	if (argc != 2) {
		fprintf(stderr, "usage: merkle-conformance-tool DIR\n");
		return 2;
	}
	snprintf(path, sizeof(path), "%s/testdata", argv[1]);
	run_folder(&r, path, 0);
	printf("merkle: %zu/%zu\n", r.passed, r.total);
	return r.broken || r.passed != r.total;
}
