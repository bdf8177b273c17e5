/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program and its index against the tree: random sets, entities and requests, of which every
 * decision, reason and error (its text too) must be what each policy's tree, one by one, says.
 *
 * The words are few, so that guards are shared, values meet, attributes are missing and of other
 * types than a policy thinks. OUTRIDER_POLICY_SETS: how many sets (50 requests each);
 * OUTRIDER_POLICY_SEED: where to begin, printed where an answer differs.
 */
#include "base/str.h"
#include "policy/authorize.h"
#include "policy/eval.h"
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>

enum { SETS = 150, REQUESTS = 50, DEPTH = 3 };

struct world {
	uint64_t state;
	struct or_buf text;
	struct pol_set *set;
	struct pol_entities *es;
	struct pol_ctx *ctx;
	struct or_arena *arena; /* of one set */
};

static uint32_t pick(struct world *w, uint32_t n)
{
	/* xorshift64*: the same everywhere. */
	w->state ^= w->state >> 12;
	w->state ^= w->state << 25;
	w->state ^= w->state >> 27;
	return (uint32_t)((w->state * 0x2545F4914F6CDD1DULL) >> 33) % n;
}

#define PICK(w, list) (list)[pick(w, OR_LEN(list))]

static const char *const TYPES[] = {"User", "Group", "Doc", "Folder"};
static const char *const ATTRS[] = {"n", "s", "b", "dept", "owner", "groups", "r", "odd"};
static const char *const STRINGS[] = {"", "a", "b", "sales", "engineering"};
static const char *const VARS[] = {"principal", "resource", "action", "context"};

static void put(struct world *w, const char *text)
{
	or_buf_put_str(&w->text, text);
}

static void put_uid(struct world *w)
{
	or_buf_printf(&w->text, "%s::\"%u\"", PICK(w, TYPES), pick(w, 6));
}

static void put_expr(struct world *w, unsigned int depth);

static void put_path(struct world *w)
{
	put(w, PICK(w, VARS));
	for (uint32_t n = pick(w, 8) == 0 ? 2 : 1; n > 0; n--)
		or_buf_printf(&w->text, ".%s", pick(w, 12) ? PICK(w, ATTRS) : "r.x");
}

static void put_literal(struct world *w)
{
	switch (pick(w, 7)) {
	case 0: or_buf_printf(&w->text, "%u", pick(w, 4)); return;
	case 1: put(w, pick(w, 2) ? "true" : "false"); return;
	case 2:
	case 3: put_uid(w); return;
	case 4: put(w, "[1, \"a\", User::\"1\"]"); return;
	default: or_buf_printf(&w->text, "\"%s\"", PICK(w, STRINGS)); return;
	}
}

static void put_operand(struct world *w, unsigned int depth)
{
	uint32_t n = pick(w, 10);

	if (n < 5)
		put_path(w);
	else if (n < 6)
		put(w, PICK(w, VARS));
	else if (n < 9 || depth == 0)
		put_literal(w);
	else
		put_expr(w, depth - 1);
}

static void put_bound(struct world *w)
{
	static const char *const relations[] = {" < ", " <= ", " > ", " >= "};
	static const char *const bounds[] = {"0", "1", "2", "3", "-1", "9223372036854775807",
	    "-9223372036854775808", "datetime(\"1970-01-01\")", "datetime(\"2024-01-01\")",
	    "duration(\"1s\")"};
	bool first = pick(w, 4) == 0;

	if (first)
		put(w, PICK(w, bounds));
	else
		put_path(w);
	put(w, PICK(w, relations));
	if (first)
		put_path(w);
	else
		put(w, PICK(w, bounds));
}

static void put_pattern(struct world *w)
{
	static const char *const patterns[] = {
	    "s*", "sales*", "*s", "a", "a*", "e*g", "eng*e*", "*", "", "\\*", "en*"};

	put_path(w);
	or_buf_printf(&w->text, " like \"%s\"", PICK(w, patterns));
}

/* The forms that are looked up. */
static void put_test(struct world *w)
{
	switch (pick(w, 14)) {
	case 12: put_bound(w); return;
	case 13: put_pattern(w); return;
	case 0:
	case 1:
	case 2:
		put_path(w);
		put(w, pick(w, 4) ? " == " : " != ");
		put_literal(w);
		return;
	case 3:
		put_literal(w);
		put(w, " == ");
		put_path(w);
		return;
	case 4:
		put(w, pick(w, 2) ? "principal in " : "resource in ");
		put_uid(w);
		return;
	case 5:
		or_buf_printf(&w->text, "%s in [", PICK(w, VARS));
		put_uid(w);
		put(w, ", ");
		put_uid(w);
		put(w, pick(w, 9) ? "]" : ", 3]");
		return;
	case 6: or_buf_printf(&w->text, "%s has %s", PICK(w, VARS), PICK(w, ATTRS)); return;
	case 7:
		put(w, "[\"a\", \"sales\", 2].contains(");
		put_path(w);
		put(w, ")");
		return;
	case 8:
		put_path(w);
		put(w, ".contains(");
		put_literal(w);
		put(w, ")");
		return;
	case 9:
		or_buf_printf(&w->text, "%s is %s", PICK(w, VARS), PICK(w, TYPES));
		if (pick(w, 2)) {
			put(w, " in ");
			put_operand(w, 0);
		}
		return;
	case 10:
		put(w, "(principal.dept == \"a\" || principal.dept == \"b\" || ");
		put(w, pick(w, 3) ? "principal.dept == \"sales\")" : "principal.n == 1)");
		return;
	default:
		put(w, pick(w, 2) ? "principal in " : "resource in ");
		put_path(w);
		return;
	}
}

static void put_call(struct world *w, unsigned int depth)
{
	static const char *const calls[] = {".hasTag(\"k\")", ".getTag(\"k\") == \"a\"",
	    ".isEmpty()", " like \"s*\"", " has r.x", ".containsAny([\"a\", \"b\"])",
	    ".containsAll([1])"};

	put(w, "(");
	put_operand(w, depth);
	put(w, ")");
	put(w, PICK(w, calls));
}

static void put_expr(struct world *w, unsigned int depth)
{
	static const char *const binary[] = {
	    " && ", " || ", " == ", " < ", " >= ", " in ", " && ", " || "};

	put(w, "(");
	if (depth == 0 || pick(w, 10) < 5) {
		put_test(w);
		put(w, ")");
		return;
	}
	switch (pick(w, 8)) {
	case 0:
		put(w, "!(");
		put_expr(w, depth - 1);
		put(w, ")");
		break;
	case 1: put_call(w, depth - 1); break;
	case 2:
		put(w, "if ");
		put_expr(w, depth - 1);
		put(w, " then ");
		put_operand(w, depth - 1);
		put(w, " else ");
		put_operand(w, depth - 1);
		break;
	case 3:
		put_operand(w, depth - 1);
		put(w, " + 1 > ");
		put_operand(w, depth - 1);
		break;
	case 4:
		put(w, "[{\"x\": ");
		put_operand(w, depth - 1);
		put(w, "}, 1].contains({\"x\": 1})");
		break;
	default:
		put_expr(w, depth - 1);
		put(w, PICK(w, binary));
		put_expr(w, depth - 1);
		break;
	}
	put(w, ")");
}

static void put_scope(struct world *w, const char *var, bool slots)
{
	uint32_t n = pick(w, 8);

	put(w, var);
	if (slots)
		n = 1 + pick(w, 3);
	if (n == 3 || n == 4)
		or_buf_printf(&w->text, " is %s", PICK(w, TYPES));
	if (n == 1)
		put(w, " == ");
	else if (n == 2 || n == 3)
		put(w, " in ");
	else
		return;
	if (slots)
		or_buf_printf(&w->text, "?%s", var);
	else
		put_uid(w);
}

static void put_action(struct world *w)
{
	uint32_t n = pick(w, 5);

	put(w, "action");
	if (n == 1)
		or_buf_printf(&w->text, " == Action::\"%u\"", pick(w, 4));
	else if (n == 2)
		or_buf_printf(&w->text, " in Action::\"%u\"", pick(w, 4));
	else if (n == 3)
		or_buf_printf(
		    &w->text, " in [Action::\"%u\", Action::\"%u\"]", pick(w, 4), pick(w, 4));
	else if (n == 4 && pick(w, 8) == 0)
		put(w, " in []");
}

static void put_policy(struct world *w, const char *slot)
{
	put(w, pick(w, 4) ? "permit (" : "forbid (");
	put_scope(w, "principal", *slot == 'p');
	put(w, ", ");
	put_action(w);
	put(w, ", ");
	put_scope(w, "resource", *slot == 'r');
	put(w, ")");
	for (uint32_t n = pick(w, 4); n > 0; n--) {
		put(w, pick(w, 4) ? " when { " : " unless { ");
		put_expr(w, DEPTH);
		put(w, " }");
	}
	put(w, ";\n");
}

static struct pol_uid any_uid(struct world *w)
{
	const char *id = or_arena_printf(w->arena, "%u", pick(w, 6));

	return pol_uid_make(or_slice_str(PICK(w, TYPES)), or_slice_str(id));
}

static void link_some(struct world *w)
{
	size_t n = pol_set_count(w->set);

	for (size_t i = 0; i < n; i++) {
		const struct pol_policy *t = pol_set_at(w->set, i);

		for (uint32_t k = t->template ? pick(w, 5) : 0; k > 0; k--) {
			struct pol_uid uid = any_uid(w);
			bool of_principal =
			    t->id.p && pol_set_link(w->set, t->id,
					   or_slice_str(or_arena_printf(w->arena, "%zu/%u", i, k)),
					   &uid, NULL, NULL) == OR_OK;

			if (!of_principal)
				ASSERT_CODE(
				    pol_set_link(w->set, t->id,
					or_slice_str(or_arena_printf(w->arena, "%zu/%u", i, k)),
					NULL, &uid, NULL),
				    OR_OK);
		}
	}
}

static void make_set(struct world *w)
{
	uint32_t n = 1 + pick(w, pick(w, 8) ? 40 : 400);
	struct or_err err = {0};

	or_buf_clear(&w->text);
	for (uint32_t i = 0; i < n; i++)
		put_policy(w, pick(w, 12) ? "" : pick(w, 2) ? "p" : "r");
	ASSERT_OK(
	    pol_set_parse(&w->set, POL_IDS_NUMBERED, "t.cedar", or_buf_slice(&w->text), NULL, &err),
	    &err);
	link_some(w);
}

static struct pol_value any_value(struct world *w, unsigned int depth);

static const struct pol_record *any_record(struct world *w, unsigned int depth)
{
	struct pol_field fields[OR_LEN(ATTRS) + 1];
	const struct pol_record *rec = NULL;
	size_t n = 0;

	for (size_t i = 0; i < OR_LEN(ATTRS); i++) {
		if (pick(w, 4))
			fields[n++] =
			    (struct pol_field){or_slice_str(ATTRS[i]), any_value(w, depth)};
	}
	fields[n++] = (struct pol_field){OR_SLICE_LIT("x"), pol_value_long(pick(w, 3))};
	ASSERT_CODE(pol_value_record(&rec, w->arena, fields, n), OR_OK);
	return rec;
}

static struct pol_value any_value(struct world *w, unsigned int depth)
{
	struct pol_value v, items[4];
	struct pol_uid *uid;
	size_t n = pick(w, OR_LEN(items) + 1);

	switch (pick(w, depth ? 8 : 6)) {
	case 0: return pol_value_long(pick(w, 4));
	case 1: return pol_value_bool(pick(w, 2));
	case 2:
	case 3:
		uid = or_arena_alloc(w->arena, sizeof(*uid));
		*uid = any_uid(w);
		return pol_value_entity(uid);
	case 6:
		for (size_t i = 0; i < n; i++)
			items[i] = any_value(w, 0);
		ASSERT_CODE(pol_value_set(&v, w->arena, items, n), OR_OK);
		return v;
	case 7: return pol_value_rec(any_record(w, depth - 1));
	case 5:
		if (pick(w, 2))
			return pol_value_scaled(POL_DATETIME, pick(w, 2) * 1704067200000);
		__attribute__((fallthrough));
	default: return pol_value_string(or_slice_str(PICK(w, STRINGS)));
	}
}

/* Parents are entities of a later number, so that none is its own ancestor. */
static void make_entities(struct world *w)
{
	w->es = pol_entities_new(0);
	for (uint32_t i = 0; i < OR_LEN(TYPES) * 6 + 4; i++) {
		bool is_action = i >= OR_LEN(TYPES) * 6;
		struct pol_uid parents[3];
		size_t n = 0;
		struct pol_uid uid;
		struct pol_field tag = {OR_SLICE_LIT("k"), any_value(w, 0)};
		const struct pol_record *tags = NULL;

		uid = pol_uid_make(or_slice_str(is_action ? "Action" : TYPES[i / 6]),
		    or_slice_str(or_arena_printf(w->arena, "%u", i % 6)));
		if (pick(w, 6) == 0)
			continue;
		for (size_t k = 0; k < OR_LEN(parents) && pick(w, 2) && i + 1 < OR_LEN(TYPES) * 6;
		     k++) {
			uint32_t p = i + 1 + pick(w, (uint32_t)OR_LEN(TYPES) * 6 - i - 1);

			parents[n++] = pol_uid_make(or_slice_str(TYPES[p / 6]),
			    or_slice_str(or_arena_printf(w->arena, "%u", p % 6)));
		}
		if (is_action && i % 6 < 3 && pick(w, 2))
			parents[n++] = pol_uid_make(OR_SLICE_LIT("Action"),
			    or_slice_str(or_arena_printf(w->arena, "%u", i % 6 + 1)));
		ASSERT_CODE(pol_value_record(&tags, w->arena, &tag, 1), OR_OK);
		ASSERT_CODE(pol_entities_add(w->es, &uid, any_record(w, 2),
				pick(w, 2) ? tags : NULL, parents, n),
		    OR_OK);
	}
	ASSERT_CODE(pol_entities_seal(w->es, NULL), OR_OK);
}

static void differs(const struct world *w, uint64_t seed, const struct pol_policy *p)
{
	print_message("OUTRIDER_POLICY_SEED=%llu differs at %.*s:\n%.*s\n",
	    (unsigned long long)seed, OR_SLICE_FMT(p->id), (int)p->len,
	    (const char *)w->text.p + p->at);
	assert_true(false);
}

static bool has_policy(
    const struct pol_policy *const *list, size_t n, size_t *at, const struct pol_policy *p)
{
	if (*at == n || list[*at] != p)
		return false;
	(*at)++;
	return true;
}

/* Each policy's tree says what the decision must say of it, in the order of the set. */
static void compare(struct world *w, uint64_t seed, const struct pol_request *req)
{
	struct pol_decision d;
	const struct pol_set *set = w->set;
	struct pol_eval ev = {.ctx = w->ctx, .arena = pol_ctx_arena(w->ctx)};
	const struct pol_uid *uids[] = {&req->principal, &req->action, &req->resource};
	size_t reason = 0, error = 0, satisfied[2] = {0, 0};

	ASSERT_CODE(pol_authorize_request(&d, w->ctx, &set, 1, req), OR_OK);
	for (int i = 0; i < 3; i++) {
		ev.vars[i] = pol_value_entity(uids[i]);
		ev.known[i] = pol_ctx_find(w->ctx, uids[i]);
	}
	ev.vars[POL_VAR_CONTEXT] = pol_value_rec(req->context);
	for (size_t i = 0; i < pol_set_count(set); i++) {
		const struct pol_policy *p = pol_set_at(set, i);
		enum pol_outcome o = p->template ? POL_OUTCOME_NO : pol_eval_policy(&ev, p);

		satisfied[p->forbid] += o == POL_OUTCOME_YES;
		if (o == POL_OUTCOME_ERROR) {
			if (error == d.n_errors || d.errors[error].policy != p ||
			    strcmp(d.errors[error].msg, ev.error) != 0)
				differs(w, seed, p);
			error++;
		}
		if (p->forbid != d.allow && o == POL_OUTCOME_YES &&
		    !has_policy(d.reasons, d.n_reasons, &reason, p))
			differs(w, seed, p);
	}
	assert_int_equal(d.allow, !satisfied[1] && satisfied[0]);
	assert_int_equal(d.n_reasons, reason);
	assert_int_equal(d.n_errors, error);
}

static void run(struct world *w, uint64_t seed)
{
	w->state = seed * 0x9E3779B97F4A7C15ULL + 1;
	w->arena = or_arena_new(0);
	make_set(w);
	make_entities(w);
	for (int i = 0; i < REQUESTS; i++) {
		const struct pol_entities *bases[] = {w->es};
		struct pol_request req = {.principal = any_uid(w), .resource = any_uid(w)};

		req.action = pol_uid_make(OR_SLICE_LIT("Action"),
		    or_slice_str(or_arena_printf(w->arena, "%u", pick(w, 4))));
		req.context = any_record(w, 2);
		pol_ctx_begin(w->ctx, bases, 1);
		if (pick(w, 3) == 0) {
			struct pol_uid parent = any_uid(w);

			/* Over the stored one, or new: some are refused. */
			if (pol_ctx_put(w->ctx, &req.principal, any_record(w, 1), &parent, 1))
				pol_ctx_begin(w->ctx, bases, 1);
		}
		compare(w, seed, &req);
	}
	pol_set_free(w->set);
	pol_entities_free(w->es);
	or_arena_free(w->arena);
}

static uint64_t from_env(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	uint64_t v = otherwise;

	if (text)
		ASSERT_CODE(or_str_u64(&v, or_slice_str(text)), OR_OK);
	return v;
}

static void program__says_what_the_trees_say(void **state)
{
	struct world w = {.ctx = pol_ctx_new(0)};
	uint64_t seed = from_env("OUTRIDER_POLICY_SEED", 1);
	uint64_t sets = from_env("OUTRIDER_POLICY_SETS", SETS);

	(void)state;
	or_buf_init(&w.text, 16 << 20);
	for (uint64_t i = 0; i < sets; i++)
		run(&w, seed + i);
	or_buf_done(&w.text);
	pol_ctx_free(w.ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(program__says_what_the_trees_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
