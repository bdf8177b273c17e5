/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/check.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/audit.h"
#include "proto/cert.h"
#include "proto/frame.h"
#include "proto/leaf.h"
#include "tlog/hash.h"
#include "tlog/tree.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum {
	HASH = TL_HASH_LEN,
	LEAF_BUDGET = 4 * 1024 * 1024,
	STREAMS_MAX = 1 << 20,
	WINDOW = 16384,     /* record hashes a stream keeps; more than a frame may cover */
	MISSING_MAX = 4096, /* ranges a stream keeps */
};

/* Numbers that have not come, though later ones have. */
struct missing {
	uint64_t from, to;
	uint64_t index; /* the leaf at which they were missed */
	struct missing *next;
};

/* The hash of one record, and whose it is. */
struct place {
	uint64_t seq;
	struct tl_hash hash;
};

/* One agent's sequence on one stream. */
struct stream {
	struct or_slice key; /* agent, epoch, stream */
	const char *name;    /* for messages */
	uint64_t next;       /* one above the highest number that came */
	struct missing *missing;
	size_t n_missing;
	struct place *places; /* a ring by number: frames that came again may reach back */
	/* The last frame; its root is checked when another one comes, or at the end. */
	bool has_frame;
	uint64_t frame_index, from, to;
	struct tl_hash root;
	uint64_t *dropped; /* pairs */
	size_t n_dropped;
};

struct ctl_check {
	struct ctl_check_opt opt;
	struct tl_tree tree;
	uint64_t index; /* of the next leaf */
	struct or_arena *lasting, *scratch;
	struct or_map streams, certs, agents;
	struct ctl_check_report report;
	tl_tree_fn *on_node; /* may be NULL */
	void *on_node_arg;
	uint64_t sound; /* leaves from here on read back as they were written */
};

struct ctl_check *ctl_check_new(const struct ctl_check_opt *opt)
{
	struct ctl_check *c = or_mem_new(sizeof(*c));

	c->opt = *opt;
	c->lasting = or_arena_new(0);
	c->scratch = or_arena_new(LEAF_BUDGET);
	tl_tree_init(&c->tree);
	or_map_init(&c->streams, STREAMS_MAX);
	or_map_init(&c->certs, STREAMS_MAX);
	or_map_init(&c->agents, STREAMS_MAX);
	c->report.history_ok = opt->seen_size == 0;
	return c;
}

void ctl_check_watch(struct ctl_check *c, tl_tree_fn *fn, void *arg)
{
	c->on_node = fn;
	c->on_node_arg = arg;
}

static void free_missing(struct stream *s)
{
	while (s->missing) {
		struct missing *m = s->missing;

		s->missing = m->next;
		or_mem_free(m);
	}
}

void ctl_check_free(struct ctl_check *c)
{
	struct or_map_entry *e;
	size_t at = 0;

	if (!c)
		return;
	while ((e = or_map_next(&c->streams, &at))) {
		struct stream *s = e->value;

		or_mem_free(s->places);
		free_missing(s);
		or_mem_free(s->dropped);
	}
	or_map_done(&c->streams);
	or_map_done(&c->certs);
	or_map_done(&c->agents);
	or_arena_free(c->lasting);
	or_arena_free(c->scratch);
	or_mem_free(c);
}

void ctl_check_found(struct ctl_check *c, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	c->report.findings++;
	if (c->report.n_texts == CTL_CHECK_FINDINGS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->report.texts[c->report.n_texts++] = or_arena_strdup(c->lasting, or_slice_str(text));
}

void ctl_check_damaged(struct ctl_check *c, const char *text)
{
	ctl_check_found(c, "%s", text);
	c->sound = c->index + 1;
}

/* A subtree with a leaf that was named already says nothing new. */
static void on_node(void *arg, unsigned int height, uint64_t index, const struct tl_hash *hash)
{
	struct ctl_check *c = arg;

	if (c->on_node && index << height >= c->sound)
		c->on_node(c->on_node_arg, height, index, hash);
}

/* The stream's state, made where it is new. */
static struct stream *stream_of(
    struct ctl_check *c, struct or_slice agent, uint64_t epoch, struct or_slice name)
{
	struct or_buf key;
	struct stream *s;

	or_buf_init(&key, 1024);
	or_str_hex_encode(&key, agent);
	or_buf_printf(&key, "/%016" PRIx64 "/", epoch);
	or_buf_put_slice(&key, name);
	OR_ASSERT(or_buf_ok(&key));
	s = or_map_find(&c->streams, or_buf_slice(&key));
	if (!s) {
		s = or_arena_alloc(c->lasting, sizeof(*s));
		s->key = or_arena_dup(c->lasting, or_buf_slice(&key));
		s->name = or_arena_printf(
		    c->lasting, "agent %.8s, stream %.*s", or_buf_text(&key), OR_SLICE_FMT(name));
		s->next = 1;
		s->places = or_mem_array(WINDOW, sizeof(*s->places));
		if (or_map_put(&c->streams, s->key, s) == OR_OK)
			c->report.streams++;
	}
	or_buf_done(&key);
	if (!or_map_find(&c->agents, agent)) {
		struct or_slice id = or_arena_dup(c->lasting, agent);

		if (or_map_put(&c->agents, id, c) == OR_OK)
			c->report.agents++;
	}
	return s;
}

/* Remembers a range as missing. */
static void miss(struct ctl_check *c, struct stream *s, uint64_t from, uint64_t to)
{
	struct missing *m;

	if (s->n_missing == MISSING_MAX) {
		ctl_check_found(
		    c, "%s: records %" PRIu64 " to %" PRIu64 " are missing", s->name, from, to);
		return;
	}
	m = or_mem_new(sizeof(*m));
	*m = (struct missing){.from = from, .to = to, .index = c->index, .next = s->missing};
	s->missing = m;
	s->n_missing++;
}

/* Takes [from, to] out of what is missing; false where none of it was. */
static bool unmiss(struct ctl_check *c, struct stream *s, uint64_t from, uint64_t to)
{
	bool any = false;

	for (struct missing **at = &s->missing; *at;) {
		struct missing *m = *at;
		uint64_t end = m->to;

		if (to < m->from || from > m->to) {
			at = &m->next;
			continue;
		}
		any = true;
		if (from > m->from) {
			m->to = from - 1;
			at = &m->next;
		} else {
			*at = m->next;
			or_mem_free(m);
			s->n_missing--;
		}
		if (to < end)
			miss(c, s, to + 1, end);
	}
	return any;
}

/* The numbers have come, or were dropped by an agent that says so. False: they were there before.
 */
static bool account(struct ctl_check *c, struct stream *s, uint64_t from, uint64_t to)
{
	bool late = from < s->next;

	if (late && !unmiss(c, s, from, to < s->next ? to : s->next - 1))
		return false;
	if (to >= s->next) {
		if (from > s->next)
			miss(c, s, s->next, from - 1);
		s->next = to + 1;
	}
	return true;
}

static bool is_dropped(const struct stream *s, uint64_t seq)
{
	for (size_t i = 0; i < s->n_dropped; i++) {
		if (seq >= s->dropped[2 * i] && seq <= s->dropped[2 * i + 1])
			return true;
	}
	return false;
}

/* What the agent signed is what the log holds under these numbers. */
static void close_frame(struct ctl_check *c, struct stream *s)
{
	struct tl_tree t;
	struct tl_hash root;

	if (!s->has_frame)
		return;
	s->has_frame = false;
	tl_tree_init(&t);
	for (uint64_t seq = s->from; seq <= s->to && s->to - s->from < WINDOW; seq++) {
		const struct place *p = &s->places[seq % WINDOW];

		if (is_dropped(s, seq))
			continue;
		if (p->seq != seq) {
			ctl_check_found(c,
			    "leaf %" PRIu64 ": %s: record %" PRIu64
			    " is not there, though the agent signed it",
			    s->frame_index, s->name, seq);
			return;
		}
		tl_tree_append(&t, &p->hash, NULL, NULL);
	}
	tl_tree_root(&root, &t);
	if (!tl_hash_eq(&root, &s->root))
		ctl_check_found(c,
		    "leaf %" PRIu64 ": %s: records %" PRIu64 " to %" PRIu64
		    " are not those that the agent signed",
		    s->frame_index, s->name, s->from, s->to);
}

/* The certificate's own checks, once per certificate. NULL where it cannot be trusted. */
static struct or_crypto_key *trusted_key(
    struct ctl_check *c, const struct wire_frame *f, struct wire_cert *cert)
{
	struct or_crypto_key *key = NULL;
	enum or_code rc = OR_DENIED;

	if (wire_cert_decode(cert, f->cert, c->scratch, NULL))
		return NULL;
	if (or_map_find(&c->certs, f->cert))
		rc = OR_OK;
	for (size_t i = 0; i < c->opt.n_enrolment_keys && rc; i++)
		rc = wire_cert_verify(cert, c->opt.enrolment_keys[i], (int64_t)f->sent_ns, NULL);
	if (rc || or_crypto_key_from_ed25519(&key, cert->public_key))
		return NULL;
	if (!or_map_find(&c->certs, f->cert)) {
		/* A full map means that certificates are verified again: slower, not weaker. */
		(void)!or_map_put(&c->certs, or_arena_dup(c->lasting, f->cert), c);
	}
	return key;
}

static void open_frame(struct ctl_check *c, struct stream *s, const struct wire_frame *f)
{
	close_frame(c, s);
	s->has_frame = true;
	s->frame_index = c->index;
	s->from = f->seq_from;
	s->to = f->seq_to;
	memcpy(s->root.b, f->root.p, HASH);
	s->n_dropped = f->n_dropped;
	s->dropped = or_mem_resize(s->dropped, (f->n_dropped + 1) * 2 * sizeof(*s->dropped));
	for (size_t i = 0; i < f->n_dropped; i++) {
		s->dropped[2 * i] = f->dropped[i].from;
		s->dropped[2 * i + 1] = f->dropped[i].to;
		/* A frame that came again says again what was dropped. */
		(void)account(c, s, f->dropped[i].from, f->dropped[i].to);
	}
}

static void on_frame(struct ctl_check *c, struct or_slice bytes, const char *where)
{
	struct or_crypto_key *key;
	struct wire_frame f;
	struct wire_cert cert;
	struct or_err err;

	c->report.frames++;
	if (wire_frame_decode(&f, bytes, c->scratch, &err)) {
		ctl_check_found(c, "leaf %" PRIu64 "%s%s: %s", c->index, where ? " in " : "",
		    where ? where : "", err.msg);
		return;
	}
	key = trusted_key(c, &f, &cert);
	if (!key) {
		ctl_check_found(c,
		    "leaf %" PRIu64 ": the frame's certificate is not from this collector's "
		    "enrolment key",
		    c->index);
		return;
	}
	if (wire_frame_verify(&f, key, NULL))
		ctl_check_found(c, "leaf %" PRIu64 ": the frame's signature is wrong", c->index);
	else if (f.root.n == HASH && f.seq_to >= f.seq_from)
		open_frame(c, stream_of(c, cert.agent_id, f.epoch, f.stream), &f);
	or_crypto_key_free(key);
}

static void on_record(struct ctl_check *c, struct or_slice bytes, const char *where)
{
	struct wire_audit r;
	struct or_err err;
	struct stream *s;
	struct place *place;

	c->report.records++;
	if (wire_audit_decode(&r, NULL, bytes, c->scratch, &err)) {
		ctl_check_found(c, "leaf %" PRIu64 "%s%s: %s", c->index, where ? " in " : "",
		    where ? where : "", err.msg);
		return;
	}
	s = stream_of(c, r.agent_id, r.epoch, r.stream);
	if (!s->has_frame || r.seq < s->from || r.seq > s->to)
		ctl_check_found(c,
		    "leaf %" PRIu64 ": %s: record %" PRIu64 " lies under no frame of its agent",
		    c->index, s->name, r.seq);
	if (!account(c, s, r.seq, r.seq)) {
		ctl_check_found(c, "leaf %" PRIu64 ": %s: record %" PRIu64 " is there twice",
		    c->index, s->name, r.seq);
		return;
	}
	place = &s->places[r.seq % WINDOW];
	place->seq = r.seq;
	tl_hash_leaf(&place->hash, bytes);
}

void ctl_check_leaf(
    struct ctl_check *c, struct or_slice leaf, const struct tl_hash *stored, const char *where)
{
	struct tl_hash hash, root;
	struct wire_leaf l;
	struct or_err err;

	or_arena_clear(c->scratch);
	tl_hash_leaf(&hash, leaf);
	if (stored && !tl_hash_eq(&hash, stored)) {
		ctl_check_found(c,
		    "leaf %" PRIu64 "%s%s: its bytes were changed after they were written",
		    c->index, where ? " in " : "", where ? where : "");
		c->sound = c->index + 1;
	}
	tl_tree_append(&c->tree, &hash, on_node, c);
	if (wire_leaf_decode(&l, leaf, &err))
		ctl_check_found(c, "leaf %" PRIu64 "%s%s: %s", c->index, where ? " in " : "",
		    where ? where : "", err.msg);
	else if (l.type == WIRE_LEAF_FRAME)
		on_frame(c, l.content, where);
	else if (l.type == WIRE_LEAF_RECORD)
		on_record(c, l.content, where);
	c->index++;
	if (c->index == c->opt.seen_size) {
		tl_tree_root(&root, &c->tree);
		c->report.history_ok = tl_hash_eq(&root, &c->opt.seen_root);
		if (!c->report.history_ok)
			ctl_check_found(c,
			    "the first %" PRIu64
			    " leaves are not those of the checkpoint seen before: "
			    "history was rewritten",
			    c->index);
	}
	if (c->index == c->opt.size) {
		tl_tree_root(&root, &c->tree);
		c->report.root_ok = tl_hash_eq(&root, &c->opt.root);
	}
}

const struct ctl_check_report *ctl_check_end(struct ctl_check *c)
{
	struct or_map_entry *e;
	struct tl_hash root;
	size_t at = 0;

	if (c->opt.size == 0) {
		tl_tree_root(&root, &c->tree);
		c->report.root_ok = tl_hash_eq(&root, &c->opt.root);
	}
	c->report.leaves = c->index;
	if (c->index < c->opt.size)
		ctl_check_found(c,
		    "only %" PRIu64 " of the checkpoint's %" PRIu64 " leaves are there", c->index,
		    c->opt.size);
	else if (!c->report.root_ok)
		ctl_check_found(c, "the leaves do not give the root of the signed checkpoint");
	if (c->opt.seen_size > c->opt.size)
		ctl_check_found(c,
		    "the log is shorter (%" PRIu64 ") than the checkpoint seen before (%" PRIu64
		    ")",
		    c->opt.size, c->opt.seen_size);
	while ((e = or_map_next(&c->streams, &at))) {
		struct stream *s = e->value;

		close_frame(c, s);
		for (struct missing *m = s->missing; m; m = m->next)
			ctl_check_found(c,
			    "leaf %" PRIu64 ": %s: records %" PRIu64 " to %" PRIu64 " are missing",
			    m->index, s->name, m->from, m->to);
	}
	return &c->report;
}
