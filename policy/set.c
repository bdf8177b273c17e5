/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/set.h"

#include "base/map.h"
#include "policy/code.h"
#include "policy/parse.h"
#include "policy/set_build.h"
#include "policy/share.h"

#include <stdatomic.h>

struct pol_set {
	struct or_arena *arena;
	size_t budget;
	enum pol_ids ids;
	struct or_buf list; /* const struct pol_policy * */
	struct or_map by_id;
	size_t numbered;
	unsigned int modes;
	_Atomic(struct pol_code *) code; /* NULL: not built since the last change */
};

enum { POLICIES_MAX = 4 << 20, SCRATCH_MAX = 64 << 20 };

struct pol_set *pol_set_new(enum pol_ids ids, size_t budget)
{
	size_t bytes = budget ? budget : POL_SET_BUDGET;
	struct or_arena *a = or_arena_new(bytes);
	struct pol_set *set = or_arena_alloc(a, sizeof(*set));

	OR_ASSERT(set);
	set->arena = a;
	set->budget = bytes;
	set->ids = ids;
	or_buf_init(&set->list, POLICIES_MAX * sizeof(void *));
	or_map_init(&set->by_id, POLICIES_MAX);
	return set;
}

void pol_set_free(struct pol_set *set)
{
	if (!set)
		return;
	or_buf_done(&set->list);
	or_map_done(&set->by_id);
	pol_code_free(atomic_load(&set->code));
	/* The set itself lies in it. */
	or_arena_free(set->arena);
}

/* Where reading stands in a text. */
struct progress {
	struct pol_share share;
	size_t in_text; /* policies seen, those that do not parse too */
	size_t seen;    /* bytes whose lines are counted */
	uint32_t line;
};

static uint32_t line_at(struct progress *at, struct or_slice text, size_t offset)
{
	for (; at->seen < offset; at->seen++)
		at->line += text.p[at->seen] == '\n';
	return at->line;
}

bool pol_set_name(struct pol_set *set, struct pol_policy *p, size_t in_text)
{
	const struct pol_annotation *a =
	    set->ids != POL_IDS_NUMBERED ? pol_set_annotation(p, "id") : NULL;
	char *id;

	set->numbered++;
	if (a && a->value.n) {
		p->id = a->value;
		return true;
	}
	id = set->ids != POL_IDS_ANNOTATED
		 ? or_arena_printf(set->arena, "policy%zu", set->numbered - 1)
		 : or_arena_printf(set->arena, "%s#policy%zu", p->file, in_text);
	p->id = or_slice_str(id);
	return id != NULL;
}

static const char *const mode_names[] = {
    [POL_MODE_ENFORCE] = "enforce", [POL_MODE_SHADOW] = "shadow", [POL_MODE_OBSERVE] = "observe"};

/* False: a word that is no mode. */
static bool read_mode(enum pol_mode *out, const struct pol_policy *p)
{
	const struct pol_annotation *a = pol_set_annotation(p, "mode");

	*out = POL_MODE_ENFORCE;
	for (size_t i = 0; a && i < OR_LEN(mode_names); i++) {
		if (or_slice_is(a->value, mode_names[i])) {
			*out = (enum pol_mode)i;
			return true;
		}
	}
	return !a;
}

enum or_code pol_set_check_modes(const struct pol_set *set, struct or_err *err)
{
	enum pol_mode mode;

	for (size_t i = 0; i < pol_set_count(set); i++) {
		const struct pol_policy *p = pol_set_at(set, i);

		if (!read_mode(&mode, p))
			return or_err_set(err, OR_INVAL,
			    "%s:%u: @mode of %.*s: expected enforce, shadow or observe", p->file,
			    (unsigned int)p->line, OR_SLICE_FMT(p->id));
	}
	return OR_OK;
}

unsigned int pol_set_modes(const struct pol_set *set)
{
	return set->modes;
}

enum or_code pol_set_put(struct pol_set *set, struct pol_policy *p)
{
	enum or_code rc = or_map_put(&set->by_id, p->id, p);

	if (rc)
		return rc;
	/* What is no mode is refused where a bundle is built; here it must not allow anything. */
	if (!read_mode(&p->mode, p))
		p->mode = p->forbid ? POL_MODE_ENFORCE : POL_MODE_SHADOW;
	set->modes |= 1U << p->mode;
	p->place = (uint32_t)pol_set_count(set);
	or_buf_put(&set->list, &p, sizeof(p));
	return or_buf_ok(&set->list) ? OR_OK : OR_FULL;
}

struct pol_set_mark pol_set_mark(const struct pol_set *set)
{
	return (struct pol_set_mark){pol_set_count(set), set->numbered};
}

struct or_arena *pol_set_arena(struct pol_set *set)
{
	return set->arena;
}

/* What was built from other policies, or from a list of them that has moved, is of no use. */
static void forget_code(struct pol_set *set)
{
	pol_code_free(atomic_exchange(&set->code, NULL));
}

void pol_set_roll_back(struct pol_set *set, struct pol_set_mark mark)
{
	for (size_t i = mark.count; i < pol_set_count(set); i++)
		or_map_take(&set->by_id, pol_set_at(set, i)->id);
	or_buf_cut(&set->list, mark.count * sizeof(void *));
	set->numbered = mark.numbered;
	forget_code(set);
}

enum or_code pol_set_commit(struct pol_set *set, struct pol_set_mark mark)
{
	if (pol_set_count(set) != mark.count)
		forget_code(set);
	return OR_OK;
}

/* Each policy is read in the parser's arena, and what is not there yet is copied to the set's. */
static enum or_code add_one(struct pol_set *set, struct pol_parse *ps, struct progress *at)
{
	struct pol_policy read = {.file = ps->lex.src.file}, *p;
	enum or_code rc;

	or_arena_clear(ps->arena);
	/* One that does not parse keeps its number, so that a repair renames no other. */
	if (!pol_parse_policy(ps, &read)) {
		at->in_text++;
		return OR_OK;
	}
	p = pol_share_policy(&at->share, &read);
	if (!p)
		return OR_FULL;
	p->line = line_at(at, ps->lex.src.text, p->at);
	if (!pol_set_name(set, p, at->in_text++))
		return OR_FULL;
	rc = pol_set_put(set, p);
	if (rc == OR_EXISTS)
		pol_diag_add(ps->lex.diags, &ps->lex.src, p->at, 1, NULL,
		    "a policy named `%.*s` exists already", OR_SLICE_FMT(p->id));
	return rc;
}

static enum or_code parse_all(struct pol_set *set, struct pol_parse *ps)
{
	struct pol_set_mark mark = pol_set_mark(set);
	size_t errors = ps->lex.diags->errors;
	struct progress at = {.line = 1};
	enum or_code rc = OR_OK, one;

	pol_share_init(&at.share, set->arena);
	/* A first token that is malformed has been reported before this call. */
	if (ps->lex.tok.kind == POL_TOK_BAD)
		errors--;
	while (ps->lex.tok.kind != POL_TOK_END && rc != OR_FULL && ps->rc != OR_FULL) {
		one = add_one(set, ps, &at);
		rc = rc ? rc : one;
	}
	pol_share_done(&at.share);
	rc = rc == OR_FULL || ps->rc == OR_FULL ? OR_FULL : ps->rc ? ps->rc : rc;
	/* A stray character at the end is reported by the lexer alone. */
	if (rc == OR_OK && ps->lex.diags->errors != errors)
		rc = OR_PARSE;
	if (rc == OR_OK)
		return pol_set_commit(set, mark);
	pol_set_roll_back(set, mark);
	return rc;
}

static enum or_code report(enum or_code rc, const struct pol_diags *diags, struct or_err *err)
{
	if (rc == OR_FULL)
		return or_err_set(err, rc, "the policies need more memory than their budget");
	return rc ? pol_diag_err(err, diags, rc) : OR_OK;
}

enum or_code pol_set_add(struct pol_set *set, const char *name, struct or_slice text,
    struct pol_diags *diags, struct or_err *err)
{
	struct pol_source src = {.file = or_arena_strdup(set->arena, or_slice_str(name)),
	    .text = or_arena_dup(set->arena, text)};
	struct pol_parse ps = {.arena = NULL};
	struct pol_diags own;
	enum or_code rc;

	if (!src.file || !src.text.p)
		return report(OR_FULL, NULL, err);
	pol_diag_init(&own);
	rc = pol_lex_init(&ps.lex, &src, diags ? diags : &own);
	if (rc == OR_OK) {
		ps.arena = or_arena_new(set->budget);
		or_buf_init(&ps.scratch, SCRATCH_MAX);
		/* So that it has an address from the start. */
		or_buf_reserve(&ps.scratch, 256);
		rc = parse_all(set, &ps);
		or_buf_done(&ps.scratch);
		or_arena_free(ps.arena);
	}
	rc = report(rc, diags ? diags : &own, err);
	pol_diag_done(&own);
	return rc;
}

enum or_code pol_set_parse(struct pol_set **out, enum pol_ids ids, const char *name,
    struct or_slice text, struct pol_diags *diags, struct or_err *err)
{
	struct pol_set *set = pol_set_new(ids, 0);
	enum or_code rc = pol_set_add(set, name, text, diags, err);

	if (rc)
		pol_set_free(set);
	else
		*out = set;
	return rc;
}

static enum or_code check_slots(
    const struct pol_policy *t, const struct pol_uid *const given[2], struct or_err *err)
{
	static const char *const names[] = {"?principal", "?resource"};

	for (int i = 0; i < POL_SLOTS; i++) {
		if (t->body->has_slot[i] && !given[i])
			return or_err_set(err, OR_INVAL, "template `%.*s` needs a value for %s",
			    OR_SLICE_FMT(t->id), names[i]);
		if (!t->body->has_slot[i] && given[i])
			return or_err_set(err, OR_INVAL, "template `%.*s` has no slot %s",
			    OR_SLICE_FMT(t->id), names[i]);
	}
	return OR_OK;
}

enum or_code pol_set_link_make(struct pol_policy **out, struct pol_set *set,
    struct or_slice template_id, struct or_slice new_id, const struct pol_uid *principal,
    const struct pol_uid *resource, struct or_err *err)
{
	const struct pol_policy *t = pol_set_find(set, template_id);
	const struct pol_uid *const given[2] = {principal, resource};
	struct pol_policy *p;
	enum or_code rc;

	if (!t || !t->template)
		return or_err_set(
		    err, OR_ABSENT, "there is no template `%.*s`", OR_SLICE_FMT(template_id));
	rc = check_slots(t, given, err);
	if (rc)
		return rc;
	if (pol_set_find(set, new_id))
		return or_err_set(
		    err, OR_EXISTS, "a policy named `%.*s` exists already", OR_SLICE_FMT(new_id));
	p = or_arena_alloc(set->arena, sizeof(*p));
	if (!p)
		return report(OR_FULL, NULL, err);
	*p = *t;
	p->template = false;
	p->id = or_arena_dup(set->arena, new_id);
	for (int i = 0; i < POL_SLOTS; i++) {
		p->slots[i] = given[i] ? pol_uid_dup(set->arena, given[i]) : NULL;
		if (given[i] && !p->slots[i])
			return report(OR_FULL, NULL, err);
	}
	if (!p->id.p)
		return report(OR_FULL, NULL, err);
	*out = p;
	return OR_OK;
}

enum or_code pol_set_link(struct pol_set *set, struct or_slice template_id, struct or_slice new_id,
    const struct pol_uid *principal, const struct pol_uid *resource, struct or_err *err)
{
	struct pol_set_mark mark = pol_set_mark(set);
	struct pol_policy *p;
	enum or_code rc = pol_set_link_make(&p, set, template_id, new_id, principal, resource, err);

	if (rc)
		return rc;
	rc = pol_set_put(set, p);
	if (rc == OR_OK)
		rc = pol_set_commit(set, mark);
	return report(rc, NULL, err);
}

size_t pol_set_count(const struct pol_set *set)
{
	return set->list.n / sizeof(struct pol_policy *);
}

const struct pol_policy *pol_set_at(const struct pol_set *set, size_t i)
{
	OR_ASSERT(i < pol_set_count(set));
	return ((const struct pol_policy *const *)(const void *)set->list.p)[i];
}

const struct pol_policy *pol_set_find(const struct pol_set *set, struct or_slice id)
{
	return or_map_find(&set->by_id, id);
}

const struct pol_annotation *pol_set_annotation(const struct pol_policy *p, const char *key)
{
	for (size_t i = 0; i < p->n_annotations; i++) {
		if (or_slice_is(p->annotations[i].key, key))
			return &p->annotations[i];
	}
	return NULL;
}

const struct pol_code *pol_set_code(const struct pol_set *set)
{
	/* The set means the same with its program as without. */
	struct pol_set *own = (struct pol_set *)(uintptr_t)set;
	struct pol_code *code = atomic_load_explicit(&own->code, memory_order_acquire);
	struct pol_code *none = NULL;
	size_t left = set->budget - or_arena_used(set->arena);

	if (!code) {
		code = pol_code_build((const struct pol_policy *const *)(const void *)set->list.p,
		    pol_set_count(set), left ? left : 1);
		/* Another thread may have been quicker: then there are two for a moment. */
		if (!atomic_compare_exchange_strong(&own->code, &none, code)) {
			pol_code_free(code);
			code = none;
		}
	}
	return code->index ? code : NULL;
}

void pol_set_compile(struct pol_set *set)
{
	pol_set_code(set);
}

size_t pol_set_bytes(const struct pol_set *set)
{
	const struct pol_code *code = atomic_load(&((struct pol_set *)(uintptr_t)set)->code);

	return or_arena_used(set->arena) + (code ? or_arena_used(code->arena) : 0);
}
