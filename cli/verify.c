/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verify.h"

#include "base/jsonw.h"
#include "cli/args.h"
#include "cli/check.h"
#include "cli/inclusion.h"
#include "cli/source.h"
#include "cli/term.h"
#include "cli/tiles.h"
#include "cli/trust.h"
#include "tlog/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CHECKPOINT_MAX = 65536, PROGRESS_EVERY = 65536 };

struct verify {
	struct ctl_source *src;
	const char *pinned; /* --key, or NULL */
	bool json, progress;
	struct or_buf out; /* of --json */
	struct or_jsonw w;
	struct or_crypto_key *enrolment_keys[CTL_SOURCE_KEYS_MAX];
	bool failed;
	bool has_pinned; /* a key was pinned in this run */
};

struct reading {
	struct ctl_check *check;
	uint64_t n, size;
	bool progress;
};

static void on_leaf(
    void *arg, struct or_slice leaf, const struct tl_hash *stored, const char *where)
{
	struct reading *r = arg;

	ctl_check_leaf(r->check, leaf, stored, where);
	if (++r->n % PROGRESS_EVERY == 0 && r->progress)
		fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " leaves", r->n, r->size);
}

static void on_damage(void *arg, const char *text)
{
	struct reading *r = arg;

	ctl_check_damaged(r->check, text);
}

static void on_rest(void *arg, const char *text)
{
	struct reading *r = arg;

	ctl_check_found(r->check, "%s", text);
}

/* The key that this log must be signed with: --key, else the one pinned on first use. */
static enum or_code choose_key(struct verify *v, struct tl_note_key *key,
    const struct ctl_source_shard *shard, const struct ctl_trust_log *seen, struct or_err *err)
{
	struct or_slice vkey = v->pinned      ? or_slice_str(v->pinned)
			       : seen->vkey.n ? seen->vkey
					      : v->src->vkey;

	if (!v->pinned && !seen->vkey.n)
		v->has_pinned = true;
	if (!or_slice_eq(vkey, v->src->vkey) && !v->pinned)
		return or_err_set(err, OR_DENIED,
		    "%.*s is now signed with another key (%.*s) than the one pinned on first use; "
		    "if "
		    "the collector's key was changed on purpose, give the new one with --key",
		    OR_SLICE_FMT(shard->origin), OR_SLICE_FMT(v->src->vkey));
	return tl_note_key_parse(key, vkey, err);
}

static enum or_code read_head(struct verify *v, struct tl_checkpoint *head, struct or_buf *note,
    const struct ctl_source_shard *shard, const struct ctl_trust_log *seen, struct or_err *err)
{
	struct tl_note_key key;
	const struct tl_note_key *keys[] = {&key};
	enum or_code rc = choose_key(v, &key, shard, seen, err);

	if (rc)
		return rc;
	rc = v->src->read_checkpoint(note, v->src, shard, err);
	if (rc == OR_OK)
		rc = tl_checkpoint_verify(head, or_buf_slice(note), shard->origin, keys, 1, err);
	tl_note_key_done(&key);
	/* A log whose head does not parse does not hold: that is no wrong usage. */
	return rc ? or_err_wrap(err, rc == OR_PARSE ? OR_CORRUPT : rc, "checkpoint") : OR_OK;
}

static void put_report(struct verify *v, const struct ctl_source_shard *shard,
    const struct ctl_check_report *r, uint64_t seen_size)
{
	or_jsonw_object(&v->w);
	or_jsonw_kv_str(&v->w, "origin", shard->origin);
	or_jsonw_kv_bool(&v->w, "ok", r->findings == 0);
	or_jsonw_kv_u64(&v->w, "leaves", r->leaves);
	or_jsonw_kv_u64(&v->w, "records", r->records);
	or_jsonw_kv_u64(&v->w, "frames", r->frames);
	or_jsonw_kv_u64(&v->w, "agents", r->agents);
	or_jsonw_kv_u64(&v->w, "streams", r->streams);
	or_jsonw_kv_u64(&v->w, "seen_before", seen_size);
	or_jsonw_kv_u64(&v->w, "n_findings", r->findings);
	or_jsonw_key(&v->w, "findings");
	or_jsonw_array(&v->w);
	for (size_t i = 0; i < r->n_texts; i++)
		or_jsonw_text(&v->w, r->texts[i]);
	or_jsonw_end(&v->w);
	or_jsonw_end(&v->w);
}

static void line(bool good, const char *what, const char *detail)
{
	ctl_term_put(good ? CTL_TERM_GOOD : CTL_TERM_BAD,
	    good ? OR_SLICE_LIT("  ok   ") : OR_SLICE_LIT("  BAD  "));
	printf("%-13s%s\n", what, detail);
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void show_report(
    const struct ctl_source_shard *shard, const struct ctl_check_report *r, uint64_t seen_size)
{
	char text[256];

	ctl_term_printf(CTL_TERM_BOLD, "%.*s\n", OR_SLICE_FMT(shard->origin));
	line(true, "signature", "the checkpoint is signed with the pinned key");
	snprintf(
	    text, sizeof(text), "%" PRIu64 " leaves hashed again give the signed root", r->leaves);
	line(r->root_ok, "root", r->root_ok ? text : "the leaves do not give the signed root");
	snprintf(text, sizeof(text), "the %" PRIu64 " leaves seen last time are its beginning",
	    seen_size);
	line(r->history_ok, "history",
	    !r->history_ok ? "what was seen last time is not its beginning"
	    : seen_size    ? text
			   : "first look: there is nothing older to compare with");
	snprintf(text, sizeof(text),
	    "%" PRIu64 " record%s of %" PRIu64 " agent%s under %" PRIu64 " signed frame%s, %" PRIu64
	    " stream%s without a hole",
	    r->records, plural(r->records), r->agents, plural(r->agents), r->frames,
	    plural(r->frames), r->streams, plural(r->streams));
	line(r->findings == 0, "continuity", r->findings ? "see below" : text);
	for (size_t i = 0; i < r->n_texts; i++)
		ctl_term_printf(CTL_TERM_BAD, "  %s\n", r->texts[i]);
	if (r->findings > r->n_texts)
		printf("  … and %" PRIu64 " more\n", r->findings - r->n_texts);
}

static enum or_code remember(struct verify *v, const struct ctl_source_shard *shard,
    const struct tl_checkpoint *head, struct or_err *err)
{
	struct ctl_trust_log log = {.vkey = v->pinned ? or_slice_str(v->pinned) : v->src->vkey,
	    .size = head->size,
	    .root = head->root};

	return ctl_trust_put(v->src->state, shard->origin, &log, err);
}

/* Goes over everything that the source has of a shard. */
static enum or_code read_all(
    struct verify *v, const struct ctl_source_shard *shard, struct reading *r, struct or_err *err)
{
	struct ctl_tiles tiles;
	enum or_code rc = OR_OK;

	/* First, for a wrong enrolment key has findings for each leaf behind it. */
	if (v->src->check_rest)
		rc = v->src->check_rest(v->src, shard, on_rest, r, err);
	if (rc)
		return rc;
	ctl_tiles_init(&tiles, v->src, shard, r->size, r->check);
	ctl_check_watch(r->check, ctl_tiles_on_node, &tiles);
	rc = v->src->read_leaves(v->src, shard, r->size, on_leaf, on_damage, r, err);
	if (r->progress && r->n >= PROGRESS_EVERY)
		fputs("\r\033[K", stderr);
	if (rc == OR_OK && tiles.rc) {
		rc = tiles.rc;
		if (err)
			*err = tiles.err;
	}
	ctl_tiles_done(&tiles);
	return rc;
}

static enum or_code check_shard(
    struct verify *v, const struct ctl_source_shard *shard, struct or_err *err)
{
	struct ctl_trust_log seen;
	struct tl_checkpoint head;
	struct or_buf note;
	enum or_code rc = ctl_trust_get(&seen, v->src->state, shard->origin, err);

	if (rc)
		return rc;
	or_buf_init(&note, CHECKPOINT_MAX);
	rc = read_head(v, &head, &note, shard, &seen, err);
	if (rc == OR_OK) {
		struct ctl_check_opt opt = {.size = head.size,
		    .root = head.root,
		    .seen_size = seen.size,
		    .seen_root = seen.root,
		    .enrolment_keys = v->enrolment_keys,
		    .n_enrolment_keys = v->src->n_enrolment_keys};
		struct reading r = {
		    .check = ctl_check_new(&opt), .size = head.size, .progress = v->progress};
		const struct ctl_check_report *report;

		rc = read_all(v, shard, &r, err);
		if (rc == OR_OK) {
			report = ctl_check_end(r.check);
			v->failed = v->failed || report->findings;
			if (v->json)
				put_report(v, shard, report, seen.size);
			else
				show_report(shard, report, seen.size);
			if (report->findings == 0)
				rc = remember(v, shard, &head, err);
		}
		ctl_check_free(r.check);
	}
	or_buf_done(&note);
	return rc ? or_err_wrap(err, rc, "shard %" PRIu64, shard->number) : OR_OK;
}

static enum or_code check_all(struct verify *v, struct or_err *err)
{
	enum or_code rc = OR_OK;

	for (size_t i = 0; i < v->src->n_enrolment_keys && rc == OR_OK; i++)
		rc = or_crypto_key_from_ed25519(&v->enrolment_keys[i], v->src->enrolment_keys[i]);
	if (rc)
		return or_err_set(err, rc, "an enrolment key of the collector is no Ed25519 key");
	for (size_t i = 0; i < v->src->n_shards && rc == OR_OK; i++)
		rc = check_shard(v, &v->src->shards[i], err);
	return rc;
}

static int run(struct verify *v)
{
	struct or_err err;
	enum or_code rc;

	or_buf_init(&v->out, 4 * OR_MIB);
	or_jsonw_init(&v->w, &v->out, 2);
	or_jsonw_array(&v->w);
	rc = check_all(v, &err);
	or_jsonw_end(&v->w);
	for (size_t i = 0; i < CTL_SOURCE_KEYS_MAX; i++)
		or_crypto_key_free(v->enrolment_keys[i]);
	if (rc == OR_OK && v->json)
		printf("%s\n", or_buf_text(&v->out));
	or_buf_done(&v->out);
	if (rc)
		return ctl_term_fail("verify", &err);
	if (!v->json && v->has_pinned)
		ctl_term_printf(CTL_TERM_DIM,
		    "first look at this log: its key is pinned from now on\n  %.*s\n",
		    OR_SLICE_FMT(v->src->vkey));
	if (!v->json)
		ctl_term_put(v->failed ? CTL_TERM_BAD : CTL_TERM_GOOD,
		    v->failed ? OR_SLICE_LIT("the audit trail does not hold\n")
			      : OR_SLICE_LIT("the audit trail is complete and unchanged\n"));
	return v->failed ? CTL_EXIT_NO : CTL_EXIT_YES;
}

static enum or_code open_source(struct ctl_source *src, struct ctl_api *api, struct ctl_state *s,
    const char *collector, const char *dir, struct or_err *err)
{
	enum or_code rc;

	if (dir)
		return ctl_source_dir(src, s, dir, err);
	rc = ctl_api_open(api, s, collector, err);
	return rc ? rc : ctl_source_api(src, api, err);
}

static bool is_key(const char *text, struct or_err *err)
{
	struct tl_note_key key;

	if (tl_note_key_parse(&key, or_slice_str(text), err))
		return false;
	tl_note_key_done(&key);
	return true;
}

/* An id is hex digits alone; anything else is the name of a file. */
static bool is_id(const char *word)
{
	return word[0] && word[strspn(word, "0123456789abcdefABCDEF")] == 0;
}

/* word: an id, a file, or NULL. */
static int answer(
    struct verify *v, const char *word, const char *state, const char *collector, const char *dir)
{
	static struct ctl_source src;
	struct ctl_state s;
	struct ctl_api api;
	struct or_err err;
	int code;

	if (ctl_state_open(&s, state, &err))
		return ctl_term_fail("verify", &err);
	if (word && !is_id(word)) {
		code = ctl_inclusion_file(&s, word, v->pinned, v->json);
	} else if (open_source(&src, &api, &s, collector, dir, &err)) {
		code = ctl_term_fail("verify", &err);
	} else if (word) {
		code = ctl_inclusion_main(&src, word, v->pinned, v->json);
	} else {
		v->src = &src;
		code = run(v);
	}
	ctl_state_close(&s);
	return code;
}

int ctl_verify_main(int argc, char **argv)
{
	const char *state = NULL, *collector = NULL, *dir = NULL;
	struct verify v = {.progress = isatty(STDERR_FILENO)};
	const struct ctl_args_flag flags[] = {
	    {.name = "dir",
		.metavar = "DIR",
		.value = &dir,
		.help = "read a collector's directory (or a copy) instead of asking its API"},
	    {.name = "key",
		.metavar = "VKEY",
		.value = &v.pinned,
		.help =
		    "the key that checkpoints must be signed with (default: pinned on first use)"},
	    {.name = "json", .help = "a list with one report a shard", .on = &v.json},
	    {.name = "collector",
		.metavar = "URL",
		.value = &collector,
		.help = "the collector (default: the one of outrider up)"},
	    {.name = "state",
		.metavar = "DIR",
		.value = &state,
		.help = "where outrider up keeps everything, and what was seen last time"}};
	const struct ctl_args spec = {.usage = "outrider verify [flags] [ID | FILE]",
	    .about = "Proves the audit trail: the checkpoint's signature, the root from all leaves "
		     "hashed\n"
		     "again, consistency with the checkpoint seen last, each frame's signature and "
		     "root, and\n"
		     "every agent's numbering without a hole. With ID: that this one record is in "
		     "the log.\n"
		     "With FILE: what outrider export wrote, checked offline.",
	    .examples = "  outrider verify\n  outrider verify 9f86d081884c7d659a2f\n"
			"  outrider verify --dir /backup/collector\n"
			"  outrider verify record.tlog-proof",
	    .flags = flags,
	    .n_flags = OR_LEN(flags)};
	struct or_err err;
	size_t n_words;
	int code;

	if (!ctl_args_parse(&spec, argc, argv, &n_words, &code))
		return code;
	if (n_words > 1 || (n_words && dir))
		return ctl_args_misuse(&spec, "one ID or FILE at most, and none with --dir");
	if (v.pinned && !is_key(v.pinned, &err))
		return ctl_args_misuse(&spec, "--key %s: %s", v.pinned, err.msg);
	return answer(&v, n_words ? argv[0] : NULL, state, collector, dir);
}
