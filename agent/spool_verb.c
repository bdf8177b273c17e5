/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spool_verb.h"

#include "agent/spool/spool_repair.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/audit.h"
#include "proto/json.h"
#include "proto/otlp_json.h"

#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_GOOD = 0, EXIT_BAD = 1, EXIT_USAGE = 2, EXIT_UNKNOWN = 3 };
enum { LINE_BYTES = 16 * 1024 * 1024, SEEN_MAX = 256, FOLLOW_MS = 200, RATE = 100 };

/* The numbers of one stream in one epoch. */
struct seen {
	uint64_t epoch, last;
	uint16_t stream;
};

struct verb {
	const char *name;
	const char *stream; /* --stream: it, or its topic */
	uint64_t limit;
	bool json, pending, raw, dry, follow;
	uint64_t rate;         /* lines a second, while it follows */
	uint64_t said, unsaid; /* in this second */
	int64_t second;
	const char *dir; /* being looked at */
	struct or_buf line;
	struct or_jsonw w;
	uint64_t records, waiting, entries_of_segment, damaged, missing, shown;
	struct seen seen[SEEN_MAX];
	size_t n_seen;
	bool has_progress;
};

static const char usage[] =
    "Shows and mends what lies in an agent's spools.\n\n"
    "usage: outrider-agent spool VERB [flags] DIR\n\n"
    "  ls      segments and streams, with what waits to be shipped\n"
    "  cat     the records, one JSON object a line\n"
    "  verify  read everything and say what is damaged or missing\n"
    "  repair  take damage out of the files, keeping aside what is cut; not while an agent runs\n\n"
    "  --json         an object a line (ls, verify, repair)\n"
    "  --stream NAME  only that stream, or topic (cat)\n"
    "  --pending      only what is not acknowledged (cat)\n"
    "  --limit N      at most N records (cat)\n"
    "  --follow       only what comes from now on, until it is ended (cat)\n"
    "  --rate N       at most N records a second while it follows, 100 unless told; the line\n"
    "                 {\"type\":\"skipped\"} says how many were not shown (cat)\n"
    "  --raw          records in base64, as they lie there (cat)\n"
    "  --dry-run      say what would be done (repair)\n\n"
    "DIR is a spool's directory or an agent's state directory. All but repair read only, without "
    "a\n"
    "lock: they may be used while an agent runs.\n\n"
    "exit codes: 0, 1 damage was found or an agent runs, 2 wrong usage, 3 could not be read\n";

/* -- lines -- */

static void begin(struct verb *v, const char *type)
{
	or_buf_clear(&v->line);
	or_jsonw_init(&v->w, &v->line, 0);
	or_jsonw_object(&v->w);
	or_jsonw_kv_text(&v->w, "type", type);
}

static void end(struct verb *v)
{
	or_jsonw_end(&v->w);
	or_buf_put_byte(&v->line, '\n');
	fwrite(v->line.p, 1, v->line.n, stdout);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void show_progress(struct verb *v, size_t i, size_t n)
{
	if (!isatty(STDERR_FILENO) || n < 4)
		return;
	fprintf(stderr, "\r%s: %zu of %zu segments", v->dir, i + 1, n);
	v->has_progress = true;
	if (i + 1 == n)
		fputs("\r\033[K", stderr);
}

/* -- ls -- */

static void on_state(
    void *arg, const struct ag_spool_look_state *s, const struct ag_spool_look_stream *streams)
{
	struct verb *v = arg;
	char epoch[17];

	snprintf(epoch, sizeof(epoch), "%016" PRIx64, s->epoch);
	v->damaged += s->is_damaged;
	if (v->json) {
		begin(v, "spool");
		or_jsonw_kv_text(&v->w, "dir", v->dir);
		or_jsonw_kv_text(&v->w, "state",
		    s->is_damaged ? "damaged"
		    : s->is_valid ? "valid"
				  : "none");
		or_jsonw_kv_text(&v->w, "epoch", epoch);
		end(v);
	} else {
		printf("%s: epoch %016" PRIx64 "%s\n", v->dir, s->epoch,
		    s->is_damaged ? ", its state file is damaged"
		    : s->is_valid ? ""
				  : ", without a state file");
	}
	for (size_t i = 0; i < s->n_streams && strcmp(v->name, "ls") == 0; i++) {
		if (v->json) {
			begin(v, "stream");
			or_jsonw_kv_text(&v->w, "name", streams[i].name);
			or_jsonw_kv_u64(&v->w, "next", streams[i].next_seq);
			or_jsonw_kv_u64(&v->w, "acknowledged", streams[i].acked_seq);
			end(v);
		} else {
			printf("  stream %-40s next %" PRIu64 ", acknowledged %" PRIu64 "\n",
			    streams[i].name, streams[i].next_seq, streams[i].acked_seq);
		}
	}
}

static bool on_listed(void *arg, const struct ag_spool_look_entry *e)
{
	struct verb *v = arg;

	v->records += !e->is_inputs;
	v->waiting += !e->is_inputs && !e->is_acked;
	v->entries_of_segment += !e->is_inputs;
	return true;
}

static void on_segment(void *arg, const char *path, uint64_t number, uint64_t epoch, uint64_t bytes,
    size_t i, size_t n)
{
	struct verb *v = arg;

	(void)number;
	show_progress(v, i, n);
	if (strcmp(v->name, "ls") == 0 && v->json) {
		begin(v, "segment");
		or_jsonw_kv_text(&v->w, "name", base_name(path));
		or_jsonw_kv_u64(&v->w, "bytes", bytes);
		or_jsonw_kv_u64(&v->w, "records", v->entries_of_segment);
		end(v);
	} else if (strcmp(v->name, "ls") == 0) {
		printf("  %s  epoch %016" PRIx64 "  %10" PRIu64 " bytes  %8" PRIu64 " records\n",
		    base_name(path), epoch, bytes, v->entries_of_segment);
	}
	v->entries_of_segment = 0;
}

static void on_damage(void *arg, const char *path, enum ag_spool_look_what what, uint64_t from,
    uint64_t to, bool is_newest)
{
	struct verb *v = arg;
	/* What an agent is about to write, or had not written when it ended: opening cuts it. */
	bool is_harmless = what == AG_SPOOL_LOOK_VOID || what == AG_SPOOL_LOOK_EMPTY ||
			   (what == AG_SPOOL_LOOK_TORN && is_newest);

	v->damaged += !is_harmless;
	if (v->json) {
		begin(v, "damage");
		or_jsonw_kv_text(&v->w, "file", base_name(path));
		or_jsonw_kv_text(&v->w, "what", ag_spool_look_name(what));
		or_jsonw_kv_u64(&v->w, "from", from);
		or_jsonw_kv_u64(&v->w, "to", to);
		or_jsonw_kv_bool(&v->w, "harmless", is_harmless);
		end(v);
	} else {
		printf("  %s  %s: bytes %" PRIu64 " to %" PRIu64 "%s\n", base_name(path),
		    ag_spool_look_name(what), from, to,
		    what == AG_SPOOL_LOOK_VOID ? " (taken out by a repair)"
		    : is_harmless              ? " (not written to its end yet, nothing is lost)"
					       : "");
	}
}

/* -- verify -- */

static void tell_missing(struct verb *v, const struct ag_spool_look_entry *e, uint64_t from)
{
	v->missing += e->seq - from;
	if (v->json) {
		begin(v, "missing");
		or_jsonw_kv_text(&v->w, "stream", e->stream);
		or_jsonw_kv_u64(&v->w, "from", from);
		or_jsonw_kv_u64(&v->w, "to", e->seq - 1);
		end(v);
	} else {
		printf("  %s: numbers %" PRIu64 " to %" PRIu64 " are missing\n", e->stream, from,
		    e->seq - 1);
	}
}

static bool on_verified(void *arg, const struct ag_spool_look_entry *e)
{
	struct verb *v = arg;
	struct seen *s = v->seen;

	if (e->is_inputs)
		return true;
	on_listed(v, e);
	while (s < v->seen + v->n_seen && (s->stream != e->stream_id || s->epoch != e->epoch))
		s++;
	if (s == v->seen + v->n_seen) { /* what came before was shipped */
		if (v->n_seen < SEEN_MAX)
			v->seen[v->n_seen++] = (struct seen){e->epoch, e->seq, e->stream_id};
		return true;
	}
	if (e->seq > s->last + 1)
		tell_missing(v, e, s->last + 1);
	if (e->seq > s->last)
		s->last = e->seq;
	return true;
}

static void sum_up(struct verb *v)
{
	if (v->json) {
		begin(v, "summary");
		or_jsonw_kv_text(&v->w, "dir", v->dir);
		or_jsonw_kv_u64(&v->w, "records", v->records);
		or_jsonw_kv_u64(&v->w, "pending", v->waiting);
		or_jsonw_kv_u64(&v->w, "damaged", v->damaged);
		or_jsonw_kv_u64(&v->w, "missing", v->missing);
		end(v);
		return;
	}
	printf("  %" PRIu64 " records, %" PRIu64 " not acknowledged", v->records, v->waiting);
	if (strcmp(v->name, "verify") == 0)
		printf(", %" PRIu64 " places damaged, %" PRIu64 " numbers missing", v->damaged,
		    v->missing);
	putchar('\n');
}

/* -- cat -- */

static bool is_of_topic(const char *stream, const char *topic)
{
	size_t n = strlen(topic);

	return strncmp(stream, topic, n) == 0 && (stream[n] == 0 || stream[n] == '/');
}

static bool put_audit(struct or_jsonw *w, struct or_slice payload)
{
	struct or_arena *a = or_arena_new(4 * OR_MIB);
	struct wire_audit r;
	bool ok = wire_audit_decode(&r, NULL, payload, a, NULL) == OR_OK;

	if (ok) {
		or_jsonw_key(w, "record");
		wire_json_audit(w, &r);
	}
	or_arena_free(a);
	return ok;
}

static bool put_otlp(struct or_jsonw *w, const char *stream, struct or_slice payload)
{
	for (int kind = WIRE_OTLP_LOGS; kind <= WIRE_OTLP_SPANS; kind++) {
		uint64_t items;

		if (!is_of_topic(stream, wire_otlp_topic((enum wire_otlp_kind)kind)))
			continue;
		if (wire_otlp_check(&items, (enum wire_otlp_kind)kind, payload, NULL))
			return false;
		or_jsonw_key(w, "record");
		wire_otlp_json_write(w, (enum wire_otlp_kind)kind, payload);
		return true;
	}
	return false;
}

static bool put_json(struct or_jsonw *w, struct or_slice payload)
{
	struct or_arena *a = or_arena_new(32 * OR_MIB);
	const struct or_json *j;
	bool ok = or_json_parse_nul(&j, payload, a, NULL) == OR_OK;

	if (ok) {
		or_jsonw_key(w, "record");
		or_jsonw_tree(w, j);
	}
	or_arena_free(a);
	return ok;
}

static void put_raw(struct or_jsonw *w, struct or_slice payload)
{
	struct or_buf text;

	or_buf_init(&text, LINE_BYTES);
	or_str_base64_encode(&text, payload);
	or_jsonw_kv_str(w, "base64", or_buf_slice(&text));
	or_buf_done(&text);
}

static void tell_skipped(struct verb *v)
{
	if (!v->unsaid)
		return;
	begin(v, "skipped");
	or_jsonw_kv_u64(&v->w, "records", v->unsaid);
	end(v);
	v->unsaid = 0;
}

/* While it follows: whether a line more may be written in this second. What was unlinked before it
 * could be read counts as skipped too. */
static bool may_say(struct verb *v, const struct ag_spool_look_entry *e)
{
	struct seen *s = v->seen;
	int64_t second = (int64_t)time(NULL);

	if (second != v->second) {
		tell_skipped(v);
		v->second = second;
		v->said = 0;
	}
	while (s < v->seen + v->n_seen && (s->stream != e->stream_id || s->epoch != e->epoch))
		s++;
	if (s == v->seen + v->n_seen && v->n_seen < SEEN_MAX)
		v->seen[v->n_seen++] = (struct seen){e->epoch, e->seq, e->stream_id};
	else if (s < v->seen + v->n_seen) {
		v->unsaid += e->seq > s->last + 1 ? e->seq - s->last - 1 : 0;
		s->last = e->seq;
	}
	if (v->said == v->rate) {
		v->unsaid++;
		return false;
	}
	v->said++;
	return true;
}

static bool on_cat(void *arg, const struct ag_spool_look_entry *e)
{
	struct verb *v = arg;
	bool ok;

	if (e->is_inputs || (v->pending && e->is_acked) ||
	    (v->stream && !is_of_topic(e->stream, v->stream)) || (v->follow && !may_say(v, e)))
		return true;
	begin(v, "record");
	or_jsonw_kv_text(&v->w, "stream", e->stream);
	or_jsonw_kv_u64(&v->w, "seq", e->seq);
	or_jsonw_kv_u64(&v->w, "segment", e->segment);
	or_jsonw_kv_u64(&v->w, "offset", e->offset);
	or_jsonw_kv_u64(&v->w, "bytes", e->payload.n);
	or_jsonw_kv_bool(&v->w, "acknowledged", e->is_acked);
	ok = !v->raw &&
	     ((is_of_topic(e->stream, "outrider.audit") && put_audit(&v->w, e->payload)) ||
		 put_otlp(&v->w, e->stream, e->payload) ||
		 (is_of_topic(e->stream, "openlineage") && put_json(&v->w, e->payload)));
	if (!ok)
		put_raw(&v->w, e->payload);
	end(v);
	return ++v->shown < v->limit;
}

/* -- repair -- */

static void on_step(void *arg, const struct ag_spool_repair_step *step)
{
	struct verb *v = arg;
	const char *what = step->is_state ? "state" : ag_spool_look_name(step->what);

	v->damaged++;
	if (v->json) {
		begin(v, v->dry ? "would_repair" : "repaired");
		or_jsonw_kv_text(&v->w, "file", base_name(step->path));
		or_jsonw_kv_text(&v->w, "what", what);
		or_jsonw_kv_u64(&v->w, "from", step->from);
		or_jsonw_kv_u64(&v->w, "to", step->to);
		or_jsonw_kv_text(&v->w, "kept", step->aside[0] ? base_name(step->aside) : "");
		end(v);
		return;
	}
	printf("  %s  %s: bytes %" PRIu64 " to %" PRIu64 " %s", base_name(step->path), what,
	    step->from, step->to, v->dry ? "would be taken out" : "taken out");
	if (step->aside[0])
		printf(", kept as %s", base_name(step->aside));
	putchar('\n');
}

/* -- directories -- */

static int fail(const char *dir, const struct or_err *err)
{
	fprintf(stderr, "outrider-agent spool: %s: %s\n", dir, err->msg);
	return err->code == OR_BUSY ? EXIT_BAD : EXIT_UNKNOWN;
}

static int repair(struct verb *v, const char *dir)
{
	struct or_err err;

	if (!v->json)
		printf("%s:\n", dir);
	if (ag_spool_repair_run(dir, v->dry, on_step, v, &err))
		return fail(dir, &err);
	if (!v->json && !v->damaged)
		puts("  nothing to repair");
	return v->dry && v->damaged ? EXIT_BAD : EXIT_GOOD;
}

static int look(struct verb *v, const char *dir)
{
	static const struct ag_spool_look_ops ls = {on_state, on_listed, on_damage, on_segment},
					      verify = {on_state, on_verified, on_damage,
						  on_segment},
					      cat = {.entry = on_cat};
	bool is_cat = strcmp(v->name, "cat") == 0, is_ls = strcmp(v->name, "ls") == 0;
	struct or_err err;

	if (ag_spool_look_run(dir, is_cat ? &cat : is_ls ? &ls : &verify, v, &err))
		return fail(dir, &err);
	if (!is_cat)
		sum_up(v);
	return strcmp(v->name, "verify") == 0 && v->damaged + v->missing ? EXIT_BAD : EXIT_GOOD;
}

static int run_in(const struct verb *with, uint64_t *shown, const char *dir)
{
	struct verb *v = or_mem_new(sizeof(*v));
	int code;

	*v = *with;
	v->dir = dir;
	v->shown = *shown;
	or_buf_init(&v->line, LINE_BYTES);
	code = strcmp(v->name, "repair") == 0 ? repair(v, dir) : look(v, dir);
	*shown = v->shown;
	or_buf_done(&v->line);
	or_mem_free(v);
	return code;
}

static bool pass_over(void *arg, const struct ag_spool_look_entry *e)
{
	(void)arg;
	(void)e;
	return true;
}

/* Until the limit, or whoever reads goes away. */
static int follow(const struct verb *with, const char *const *dirs, size_t n)
{
	static const struct ag_spool_look_ops before = {.entry = pass_over},
					      then = {.entry = on_cat};
	struct ag_spool_look *looks[2];
	struct verb *v = or_mem_new(sizeof(*v));
	struct pollfd out = {.fd = STDOUT_FILENO};
	struct or_err err = {0};
	enum or_code rc = OR_OK;

	*v = *with;
	or_buf_init(&v->line, LINE_BYTES);
	for (size_t i = 0; i < n; i++) {
		looks[i] = ag_spool_look_new(dirs[i]);
		rc = rc ? rc : ag_spool_look_next(looks[i], &before, v, &err);
	}
	if (rc == OR_OK)
		fputs("following; what is there already is not shown\n", stderr);
	while (rc == OR_OK && v->shown < v->limit && poll(&out, 1, FOLLOW_MS) == 0) {
		for (size_t i = 0; i < n && rc == OR_OK && v->shown < v->limit; i++)
			rc = ag_spool_look_next(looks[i], &then, v, &err);
		if (v->second != (int64_t)time(NULL))
			tell_skipped(v);
		fflush(stdout);
	}
	for (size_t i = 0; i < n; i++)
		ag_spool_look_free(looks[i]);
	or_buf_done(&v->line);
	or_mem_free(v);
	return rc ? fail(dirs[0], &err) : EXIT_GOOD;
}

static int follow_in(const struct verb *v, const char *dir)
{
	char paths[2][PATH_MAX];
	const char *dirs[2] = {paths[0], paths[1]};

	snprintf(paths[0], PATH_MAX, "%s/spool", dir);
	snprintf(paths[1], PATH_MAX, "%s/telemetry", dir);
	if (access(paths[0], F_OK) == 0 && access(paths[1], F_OK) == 0)
		return follow(v, dirs, 2);
	return follow(v, &dir, 1);
}

/* A state directory has two spools. */
static int run_all(const struct verb *v, const char *dir)
{
	static const char *const names[] = {"spool", "telemetry"};
	char path[PATH_MAX];
	uint64_t shown = 0;
	int worst = EXIT_GOOD, n = 0;

	if (v->follow)
		return follow_in(v, dir);
	for (size_t i = 0; i < OR_LEN(names); i++) {
		int code;

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		if (access(path, F_OK) != 0 || shown >= v->limit)
			continue;
		code = run_in(v, &shown, path);
		worst = code > worst ? code : worst;
		n++;
	}
	return n ? worst : run_in(v, &shown, dir);
}

/* -- the command line -- */

/* A flag with a value; false: argv[*i] is not it, or it has none. */
static bool take_value(const char **out, int argc, char **argv, int *i, const char *flag)
{
	size_t n = strlen(flag);

	if (strncmp(argv[*i], flag, n) != 0)
		return false;
	if (argv[*i][n] == '=') {
		*out = argv[*i] + n + 1;
		return true;
	}
	if (argv[*i][n] || *i + 1 >= argc)
		return false;
	*out = argv[++*i];
	return true;
}

static bool take_switch(struct verb *v, const char *word)
{
	const struct {
		const char *name;
		bool *on;
	} switches[] = {{"--json", &v->json}, {"--pending", &v->pending}, {"--raw", &v->raw},
	    {"--follow", &v->follow}, {"--dry-run", &v->dry}};

	for (size_t i = 0; i < OR_LEN(switches); i++) {
		if (strcmp(word, switches[i].name) == 0) {
			*switches[i].on = true;
			return true;
		}
	}
	return false;
}

static int misuse(const char *what, const char *word)
{
	fprintf(
	    stderr, "outrider-agent spool: %s%s\nsee: outrider-agent spool --help\n", what, word);
	return EXIT_USAGE;
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	}
	return false;
}

/* What is behind the verb; 0, or misuse's. */
static int parse_rest(struct verb *v, const char **dir, int argc, char **argv)
{
	const char *limit = NULL, *rate = NULL;

	for (int i = 0; i < argc; i++) {
		if (take_switch(v, argv[i]) || take_value(&v->stream, argc, argv, &i, "--stream") ||
		    take_value(&limit, argc, argv, &i, "--limit") ||
		    take_value(&rate, argc, argv, &i, "--rate"))
			continue;
		if (argv[i][0] == '-' || *dir)
			return misuse("unexpected ", argv[i]);
		*dir = argv[i];
	}
	if (!*dir)
		return misuse("a directory is missing", "");
	if (limit && (or_str_u64(&v->limit, or_slice_str(limit)) || v->limit == 0))
		return misuse("--limit: expected a number, not ", limit);
	if (rate && (or_str_u64(&v->rate, or_slice_str(rate)) || v->rate == 0))
		return misuse("--rate: expected a number, not ", rate);
	return 0;
}

int ag_spool_verb_main(int argc, char **argv)
{
	static const char *const names[] = {"ls", "cat", "verify", "repair", NULL};
	struct verb v = {.limit = UINT64_MAX, .rate = RATE};
	const char *dir = NULL;
	int name = 0;

	if (wants_help(argc, argv)) {
		fputs(usage, stdout);
		return EXIT_GOOD;
	}
	while (argc && names[name] && strcmp(argv[0], names[name]) != 0)
		name++;
	if (!argc || !names[name])
		return misuse("expected ls, cat, verify or repair", "");
	v.name = names[name];
	return parse_rest(&v, &dir, argc - 1, argv + 1) ? EXIT_USAGE : run_all(&v, dir);
}
