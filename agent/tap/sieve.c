/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tap/sieve.h"

#include "base/map.h"
#include "base/mem.h"
#include "ebpf/conn/conn.h"
#include "ebpf/exec/exec.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>

/* Linux marks the opening of a program by exec with this flag (include/linux/fs.h). */
#define OPENED_BY_EXEC 0x20U

#define KEY_MAX (TAP_PATH_MAX + TAP_COMM_LEN + 64)

struct object {
	char key[KEY_MAX];
	struct ag_note note; /* count: occurrences that were not told */
	bool due;
};

struct ag_sieve {
	struct ag_sieve_opt opt;
	struct or_map objects[TAP_KINDS];
	uint64_t ignored[TAP_KINDS];
	uint64_t crowded[TAP_KINDS];
};

struct ag_sieve *ag_sieve_new(const struct ag_sieve_opt *opt)
{
	struct ag_sieve *s = or_mem_new(sizeof(*s));

	s->opt = *opt;
	for (size_t i = 0; i < TAP_KINDS; i++)
		or_map_init(&s->objects[i], AG_SIEVE_MAX);
	return s;
}

void ag_sieve_free(struct ag_sieve *s)
{
	struct or_map_entry *e;

	if (!s)
		return;
	for (size_t i = 0; i < TAP_KINDS; i++) {
		size_t at = 0;

		while ((e = or_map_next(&s->objects[i], &at)))
			or_mem_free(e->value);
		or_map_done(&s->objects[i]);
	}
	or_mem_free(s);
}

static bool writes(uint32_t open_flags)
{
	return (open_flags & O_ACCMODE) != O_RDONLY || (open_flags & (O_CREAT | O_TRUNC));
}

/* A beginning, or with a star a pattern, whose star takes slashes too. */
static bool matches(const char *pattern, const char *path)
{
	if (strchr(pattern, '*'))
		return fnmatch(pattern, path, 0) == 0;
	return strncmp(path, pattern, strlen(pattern)) == 0;
}

static bool is_ignored(const struct ag_sieve *s, const struct tap_event *ev)
{
	const struct tap_file *f = &ev->file;

	if (ev->kind != TAP_FILE || f->error || writes(f->open_flags))
		return false;
	if (f->open_flags & OPENED_BY_EXEC)
		return true;
	for (size_t i = 0; i < s->opt.ignore.n; i++)
		if (matches(s->opt.ignore.items[i], f->path))
			return true;
	return false;
}

static void put_args(char out[AG_NOTE_EXTRA], const struct tap_exec *e)
{
	struct or_slice rest = e->args, arg;
	size_t n = 0;

	while (n < AG_NOTE_EXTRA - 1 && tap_exec_arg(&arg, &rest)) {
		int more =
		    snprintf(out + n, AG_NOTE_EXTRA - n, "%s%.*s", n ? " " : "", OR_SLICE_FMT(arg));

		n += more > 0 ? (size_t)more : 0;
	}
}

static void describe(
    struct ag_note_seen *seen, const struct ag_sieve *s, const struct tap_event *ev)
{
	switch (ev->kind) {
	case TAP_EXEC:
		snprintf(seen->object, sizeof(seen->object), "%s", ev->exec.path);
		if (s->opt.args)
			put_args(seen->extra, &ev->exec);
		else
			snprintf(seen->extra, sizeof(seen->extra), "%.255s", ev->exec.name);
		break;
	case TAP_CONN:
		tap_conn_address(seen->object, &ev->conn, false);
		tap_conn_address(seen->extra, &ev->conn, true);
		seen->took_ns = ev->conn.took_ns;
		seen->error = ev->conn.error;
		seen->outcome = ev->conn.outcome;
		break;
	case TAP_FILE:
		snprintf(seen->object, sizeof(seen->object), "%s", ev->file.path);
		seen->error = ev->file.error;
		seen->access = ev->file.open_flags;
		break;
	case TAP_KINDS: break;
	}
}

static struct object *new_object(
    const struct ag_sieve *s, const struct tap_event *ev, uint64_t time_ns)
{
	struct object *o = or_mem_new(sizeof(*o));
	struct ag_note_seen *seen = &o->note.seen;

	o->note.type = AG_NOTE_SEEN;
	seen->time_ns = seen->until_ns = time_ns;
	seen->kind = ev->kind;
	seen->flags = ev->flags;
	seen->pid = ev->ns_pid;
	seen->ppid = ev->ppid;
	seen->uid = ev->uid;
	snprintf(seen->program, sizeof(seen->program), "%s", ev->comm);
	describe(seen, s, ev);
	snprintf(o->key, sizeof(o->key), "%u %u %d %u %s %s", seen->error, seen->outcome,
	    ev->kind == TAP_FILE && writes(seen->access), seen->uid, seen->program, seen->object);
	return o;
}

static bool tell(struct ag_sieve *s, struct object *o)
{
	struct ag_note_seen *seen = &o->note.seen;

	o->due = s->opt.fn(s->opt.arg, &o->note) == OR_FULL;
	if (o->due)
		return false;
	seen->again = 1;
	seen->count = 0;
	return true;
}

static void count_again(struct object *known, uint64_t time_ns)
{
	struct ag_note_seen *seen = &known->note.seen;

	if (seen->flags & TAP_FOUND) /* whether told or not, that was no occurrence */
		seen->count = 0;
	if (!seen->count++)
		seen->time_ns = time_ns;
	seen->until_ns = time_ns > seen->time_ns ? time_ns : seen->time_ns;
	seen->flags &= ~TAP_FOUND;
}

void ag_sieve_put(struct ag_sieve *s, const struct tap_event *ev, uint64_t time_ns)
{
	struct or_map *objects = &s->objects[ev->kind];
	struct object *o, *known;
	bool found = ev->flags & TAP_FOUND;

	if (is_ignored(s, ev)) {
		s->ignored[ev->kind] += !found;
		return;
	}
	o = new_object(s, ev, time_ns);
	known = or_map_find(objects, or_slice_str(o->key));
	if (known) {
		if (!found)
			count_again(known, time_ns);
		or_mem_free(o);
		return;
	}
	if (or_map_put(objects, or_slice_str(o->key), o)) {
		s->crowded[ev->kind] += !found;
		or_mem_free(o);
		return;
	}
	o->note.seen.count = 1;
	tell(s, o);
}

void ag_sieve_turn(struct ag_sieve *s)
{
	struct or_map_entry *e;

	for (size_t i = 0; i < TAP_KINDS; i++) {
		size_t at = 0;

		while ((e = or_map_next(&s->objects[i], &at))) {
			struct object *o = e->value;

			o->due = o->note.seen.count > 0;
			if (o->due)
				continue;
			or_map_take(&s->objects[i], e->key);
			or_mem_free(o);
		}
	}
}

bool ag_sieve_flush(struct ag_sieve *s)
{
	struct or_map_entry *e;

	for (size_t i = 0; i < TAP_KINDS; i++) {
		size_t at = 0;

		while ((e = or_map_next(&s->objects[i], &at))) {
			struct object *o = e->value;

			if (o->due && !tell(s, o))
				return false;
		}
	}
	return true;
}

size_t ag_sieve_count(const struct ag_sieve *s)
{
	size_t n = 0;

	for (size_t i = 0; i < TAP_KINDS; i++)
		n += s->objects[i].n;
	return n;
}

void ag_sieve_take_loss(struct ag_sieve *s, struct ag_note_loss *out)
{
	for (size_t i = 0; i < TAP_KINDS; i++) {
		out->ignored[i] += s->ignored[i];
		out->crowded[i] += s->crowded[i];
		s->ignored[i] = s->crowded[i] = 0;
	}
}
