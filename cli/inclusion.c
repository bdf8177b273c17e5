/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/inclusion.h"

#include "base/jsonw.h"
#include "base/str.h"
#include "base/sys.h"
#include "cli/args.h"
#include "cli/term.h"
#include "cli/trust.h"
#include "proto/audit.h"
#include "proto/leaf.h"
#include "tlog/checkpoint.h"
#include "tlog/entries.h"
#include "tlog/proof_file.h"
#include "tlog/tile.h"

#include <inttypes.h>
#include <stdio.h>

enum { BUNDLE_MAX = TL_TILE_WIDTH * (TL_ENTRIES_LEAF_MAX + 2), ID_MAX = 128 };

struct inclusion {
	const struct ctl_source *src;
	const struct ctl_source_shard *shard;
	uint64_t index, size;
	struct tl_hash root, leaf;
	struct or_slice bytes; /* of the leaf, in the state's arena */
	struct or_slice note;  /* the checkpoint, there too */
	struct tl_proof proof;
	struct or_err *err;
};

/* Where the collector says that the record is; whether it is, the proof tells. */
static enum or_code locate(struct inclusion *in, const char *id, struct or_err *err)
{
	const struct or_json *row, *shard, *index;
	struct or_buf path, body;
	enum or_code rc;

	or_buf_init(&path, 4 * ID_MAX);
	or_buf_init(&body, CTL_API_BODY_MAX);
	or_buf_put_str(&path, "/v1/audit/");
	ctl_api_escape(&path, or_slice_str(id));
	rc = or_buf_ok(&path) ? ctl_api_get(&body, in->src->api, or_buf_text(&path), err)
			      : or_err_set(err, OR_INVAL, "that is no record's id");
	if (rc == OR_OK) {
		body.n = or_str_find(or_buf_slice(&body), '\n', 0);
		rc = or_json_parse(&row, or_buf_slice(&body), in->src->state->arena, err);
	}
	or_buf_done(&path);
	or_buf_done(&body);
	if (rc)
		return rc;
	shard = or_json_get_type(row, "shard", OR_JSON_INT);
	index = or_json_get_type(row, "index", OR_JSON_INT);
	if (!shard || !index || index->i < 0)
		return or_err_set(err, OR_PARSE, "the collector does not say where the record is");
	in->index = (uint64_t)index->i;
	for (size_t i = 0; i < in->src->n_shards; i++) {
		if (in->src->shards[i].number == (uint64_t)shard->i)
			in->shard = &in->src->shards[i];
	}
	return in->shard ? OR_OK
			 : or_err_set(err, OR_PARSE, "the collector names an unknown shard");
}

static enum or_code read_head(struct inclusion *in, const char *pinned, struct or_err *err)
{
	struct ctl_trust_log seen;
	struct tl_checkpoint head;
	struct tl_note_key key;
	const struct tl_note_key *keys[] = {&key};
	struct or_buf note;
	enum or_code rc = ctl_trust_get(&seen, in->src->state, in->shard->origin, err);

	if (rc == OR_OK)
		rc = tl_note_key_parse(&key,
		    pinned        ? or_slice_str(pinned)
		    : seen.vkey.n ? seen.vkey
				  : in->src->vkey,
		    err);
	if (rc)
		return rc;
	or_buf_init(&note, TL_NOTE_MAX);
	rc = in->src->read_checkpoint(&note, in->src, in->shard, err);
	if (rc == OR_OK)
		rc = tl_checkpoint_verify(
		    &head, or_buf_slice(&note), in->shard->origin, keys, 1, err);
	if (rc == OR_OK) {
		in->size = head.size;
		in->root = head.root;
		in->note = or_arena_dup(in->src->state->arena, or_buf_slice(&note));
	}
	or_buf_done(&note);
	tl_note_key_done(&key);
	return rc;
}

static enum or_code fetch(
    struct or_buf *out, struct inclusion *in, int level, uint64_t n, struct or_err *err)
{
	struct tl_tile tile = {.level = level, .n = n, .width = tl_tile_width(in->size, level, n)};
	struct or_buf path;
	enum or_code rc;

	or_buf_init(&path, 256);
	or_buf_printf(&path, "/v1/log/%" PRIu64 "/", in->shard->number);
	tl_tile_path(&path, &tile);
	rc = ctl_api_get(out, in->src->api, or_buf_text(&path), err);
	or_buf_done(&path);
	return rc;
}

static enum or_code read_leaf(struct inclusion *in, const char *id, struct or_err *err)
{
	char found[WIRE_LEAF_ID_LEN + 1];
	struct or_slice rest, leaf = OR_SLICE_NONE;
	struct or_buf bundle;
	enum or_code rc;

	if (in->index >= in->size)
		return or_err_set(err, OR_AGAIN,
		    "the record is newer than the checkpoint; try again in a moment");
	or_buf_init(&bundle, BUNDLE_MAX);
	rc = fetch(&bundle, in, TL_TILE_ENTRIES, in->index / TL_TILE_WIDTH, err);
	rest = or_buf_slice(&bundle);
	for (uint64_t i = 0; i <= in->index % TL_TILE_WIDTH && rc == OR_OK; i++)
		rc = tl_entries_next(&leaf, &rest);
	if (rc == OR_OK) {
		tl_hash_leaf(&in->leaf, leaf);
		in->bytes = or_arena_dup(in->src->state->arena, leaf);
		wire_leaf_id(found, in->leaf.b);
		if (strlen(id) == WIRE_LEAF_ID_LEN && strcmp(found, id) != 0)
			rc = or_err_set(err, OR_CORRUPT,
			    "leaf %" PRIu64 " is not the record %s: its bytes were changed",
			    in->index, id);
	}
	or_buf_done(&bundle);
	return rc;
}

static enum or_code read_subtree(
    void *arg, struct tl_hash *out, unsigned int height, uint64_t index)
{
	struct tl_tile_place place = tl_tile_find(height, index);
	struct inclusion *in = arg;
	struct tl_hash hashes[TL_TILE_WIDTH];
	struct or_buf tile;
	enum or_code rc;

	or_buf_init(&tile, sizeof(hashes));
	rc = fetch(&tile, in, place.level, place.n, in->err);
	if (rc == OR_OK && tile.n < (size_t)(place.offset + place.count) * TL_HASH_LEN)
		rc = or_err_set(in->err, OR_PARSE, "a tile is shorter than its tree says");
	if (rc == OR_OK) {
		memcpy(hashes, tile.p + (size_t)place.offset * TL_HASH_LEN,
		    (size_t)place.count * TL_HASH_LEN);
		tl_hash_subtree(out, hashes, place.count);
	}
	or_buf_done(&tile);
	return rc;
}

static void show(const struct inclusion *in, const char *id, bool json)
{
	struct or_buf b;
	struct or_jsonw w;

	if (!json) {
		ctl_term_put(CTL_TERM_GOOD, OR_SLICE_LIT("the record is in the log\n"));
		printf("  leaf %" PRIu64 " of %" PRIu64
		       ", %.*s\n  %zu hashes lead from it to the signed "
		       "root\n",
		    in->index, in->size, OR_SLICE_FMT(in->shard->origin), in->proof.n);
		return;
	}
	or_buf_init(&b, 64 * OR_KIB);
	or_jsonw_init(&w, &b, 2);
	or_jsonw_object(&w);
	or_jsonw_kv_text(&w, "id", id);
	or_jsonw_kv_bool(&w, "ok", true);
	or_jsonw_kv_str(&w, "origin", in->shard->origin);
	or_jsonw_kv_u64(&w, "index", in->index);
	or_jsonw_kv_u64(&w, "size", in->size);
	or_jsonw_key(&w, "proof");
	or_jsonw_array(&w);
	for (size_t i = 0; i < in->proof.n; i++) {
		struct or_buf hash;

		or_buf_init(&hash, 64);
		or_str_base64_encode(&hash, or_slice(in->proof.hashes[i].b, TL_HASH_LEN));
		or_jsonw_str(&w, or_buf_slice(&hash));
		or_buf_done(&hash);
	}
	or_jsonw_end(&w);
	or_jsonw_end(&w);
	printf("%s\n", or_buf_text(&b));
	or_buf_done(&b);
}

/* Finds the record, and proves it. */
static enum or_code prove(
    struct inclusion *in, const char *id, const char *pinned, struct or_err *err)
{
	enum or_code rc = locate(in, id, err);

	in->err = err;
	if (rc == OR_OK)
		rc = read_head(in, pinned, err);
	if (rc == OR_OK)
		rc = read_leaf(in, id, err);
	if (rc == OR_OK)
		rc = tl_proof_inclusion(&in->proof, in->index, in->size, read_subtree, in);
	if (rc == OR_OK && tl_proof_verify_inclusion(&in->leaf, in->index, in->size,
			       in->proof.hashes, in->proof.n, &in->root))
		rc = or_err_set(err, OR_DENIED,
		    "leaf %" PRIu64
		    " is not under the signed root: the record or the log was changed",
		    in->index);
	return rc;
}

int ctl_inclusion_main(const struct ctl_source *src, const char *id, const char *pinned, bool json)
{
	struct or_err err = {0};
	struct inclusion in = {.src = src};

	if (prove(&in, id, pinned, &err))
		return ctl_term_fail("verify", &err);
	show(&in, id, json);
	return CTL_EXIT_YES;
}

enum or_code ctl_inclusion_export(struct or_buf *out, const struct ctl_source *src, const char *id,
    const char *pinned, struct or_err *err)
{
	struct or_err own = {0};
	struct inclusion in = {.src = src};
	enum or_code rc = prove(&in, id, pinned, err ? err : &own);
	struct tl_proof_file f;

	if (rc)
		return rc;
	f = (struct tl_proof_file){
	    .extra = in.bytes, .index = in.index, .proof = in.proof, .checkpoint = in.note};
	return tl_proof_file_encode(out, &f, err);
}

/* ---- proof files */

/* Who did what, in one line: the record comes from the file and nowhere else. */
static void show_record(struct or_slice leaf)
{
	struct or_arena *a = or_arena_new(0);
	struct wire_audit r;
	struct wire_leaf l;
	struct or_buf line;

	or_buf_init(&line, 4096);
	if (wire_leaf_decode(&l, leaf, NULL) == OR_OK && l.type == WIRE_LEAF_RECORD &&
	    wire_audit_decode(&r, NULL, l.content, a, NULL) == OR_OK) {
		or_str_time(&line, (int64_t)r.time_ns);
		or_buf_printf(&line, "  %.*s  %.*s %.*s::%.*s  %s", OR_SLICE_FMT(r.principal.id),
		    OR_SLICE_FMT(r.action), OR_SLICE_FMT(r.resource.type),
		    OR_SLICE_FMT(r.resource.id), wire_name_get(WIRE_NAME_DECISION, r.decision));
		fputs("  ", stdout);
		ctl_term_value(CTL_TERM_PLAIN, or_buf_slice(&line));
		fputc('\n', stdout);
	}
	or_buf_done(&line);
	or_arena_free(a);
}

/* The origin that a note claims, unverified: which key to look for. */
static struct or_slice claimed_origin(struct or_slice note)
{
	return or_slice(note.p, or_str_find(note, '\n', 0));
}

static enum or_code known_key(struct tl_note_key *key, struct ctl_state *s, struct or_slice origin,
    const char *pinned, struct or_err *err)
{
	struct ctl_trust_log seen;
	enum or_code rc;

	if (pinned)
		return tl_note_key_parse(key, or_slice_str(pinned), err);
	rc = ctl_trust_get(&seen, s, origin, err);
	if (rc)
		return rc;
	if (!seen.vkey.n)
		return or_err_set(err, OR_ABSENT,
		    "no key of the log \"%.*s\" is known here: give it with --key",
		    OR_SLICE_FMT(origin));
	return tl_note_key_parse(key, seen.vkey, err);
}

static enum or_code check_file(struct inclusion *in, struct ctl_source_shard *shard,
    struct ctl_state *s, struct or_slice text, const char *pinned, struct or_err *err)
{
	struct or_buf extra;
	struct tl_proof_file f;
	struct tl_checkpoint head;
	struct tl_note_key key;
	const struct tl_note_key *keys[] = {&key};
	enum or_code rc;

	or_buf_init(&extra, TL_PROOF_FILE_MAX);
	rc = tl_proof_file_parse(&f, &extra, text, err);
	if (rc == OR_OK && f.extra.n == 0)
		rc =
		    or_err_set(err, OR_PARSE, "the proof does not hold the record (no extra line)");
	if (rc == OR_OK) {
		shard->origin = or_arena_dup(s->arena, claimed_origin(f.checkpoint));
		rc = known_key(&key, s, shard->origin, pinned, err);
	}
	if (rc == OR_OK) {
		rc = tl_checkpoint_verify(&head, f.checkpoint, shard->origin, keys, 1, err);
		tl_note_key_done(&key);
	}
	if (rc == OR_OK) {
		in->index = f.index;
		in->size = head.size;
		in->proof = f.proof;
		in->bytes = or_arena_dup(s->arena, f.extra);
		tl_hash_leaf(&in->leaf, in->bytes);
		if (tl_proof_verify_inclusion(
			&in->leaf, f.index, head.size, f.proof.hashes, f.proof.n, &head.root))
			rc = or_err_set(err, OR_DENIED,
			    "the record is not leaf %" PRIu64 " of the signed log: record or proof "
			    "was changed",
			    f.index);
	}
	or_buf_done(&extra);
	return rc;
}

int ctl_inclusion_file(struct ctl_state *s, const char *path, const char *pinned, bool json)
{
	struct ctl_source_shard shard = {0};
	struct inclusion in = {.shard = &shard};
	char id[WIRE_LEAF_ID_LEN + 1];
	struct or_buf text;
	struct or_err err;
	enum or_code rc;

	or_buf_init(&text, TL_PROOF_FILE_MAX);
	rc = or_sys_read_file(&text, path, &err);
	if (rc == OR_OK) {
		rc = check_file(&in, &shard, s, or_buf_slice(&text), pinned, &err);
		/* What is malformed proves nothing: the answer is no, not "wrong usage". */
		if (rc)
			rc = or_err_wrap(&err, rc == OR_PARSE ? OR_CORRUPT : rc, "%s", path);
	} else if (rc == OR_FULL) {
		rc = or_err_set(&err, OR_CORRUPT, "%s: too long for a proof", path);
	}
	or_buf_done(&text);
	if (rc)
		return ctl_term_fail("verify", &err);
	wire_leaf_id(id, in.leaf.b);
	show(&in, id, json);
	if (!json)
		show_record(in.bytes);
	return CTL_EXIT_YES;
}
