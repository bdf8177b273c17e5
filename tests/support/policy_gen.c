/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/policy_gen.h"

const struct policy_gen_column policy_gen_columns[POLICY_GEN_COLUMNS] = {
    {"level", POLICY_GEN_LONG},
    {"price", POLICY_GEN_LONG},
    {"owner", POLICY_GEN_STRING},
    {"city", POLICY_GEN_STRING},
    {"odd \"na'me", POLICY_GEN_STRING},
    {"open", POLICY_GEN_BOOL},
    {"select", POLICY_GEN_BOOL},
};

static const char *const strings[] = {"", "a", "A", "ab", "a'b", "a\"b", "%", "_", "a%", "\\", "*",
    "a*b", "[a]", "?", "a;--", "$1", "é", "e\xcc\x81", "ß", "ss", "\xf0\x9f\xa6\x8a", " a", "a ",
    "ALICE", "alice", "alicE", "null", "true", "1", "!", "!%", "a\nb"};

static const int64_t longs[] = {0, 1, -1, 2, 3, 7, -7, 10, INT64_MAX, INT64_MIN, INT64_MAX - 1,
    INT64_MIN + 1, 9007199254740993, 4611686018427387904, -4611686018427387905, 3037000500};

enum { DEPTH_MAX = 4 };

static void put_bool(struct policy_gen *g, struct or_buf *b, int depth);
static void put_long(struct policy_gen *g, struct or_buf *b, int depth);

void policy_gen_init(struct policy_gen *g, uint64_t seed)
{
	*g = (struct policy_gen){.state = seed * 0x9E3779B97F4A7C15ULL + 0x1234567};
}

/* splitmix64 */
uint32_t policy_gen_below(struct policy_gen *g, uint32_t n)
{
	uint64_t z = (g->state += 0x9E3779B97F4A7C15ULL);

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
	return (uint32_t)((z ^ (z >> 31)) % n);
}

#define PICK(g, list) ((list)[policy_gen_below((g), OR_LEN(list))])

static void put_attr_name(struct or_buf *b, const char *name)
{
	if (strpbrk(name, " \"'")) {
		or_buf_put_byte(b, '[');
		pol_uid_print_string(b, or_slice_str(name));
		or_buf_put_byte(b, ']');
	} else {
		or_buf_printf(b, ".%s", name);
	}
}

static const struct policy_gen_column *column(struct policy_gen *g, enum policy_gen_type type)
{
	const struct policy_gen_column *c;

	do
		c = &PICK(g, policy_gen_columns);
	while (c->type != type);
	return c;
}

/* resource.x, now and then of the wrong type or of no column at all. */
static void put_column(struct policy_gen *g, struct or_buf *b, enum policy_gen_type type)
{
	uint32_t dice = policy_gen_below(g, 40);

	or_buf_put_str(b, "resource");
	if (dice == 0)
		or_buf_put_str(b, ".nothing");
	else
		put_attr_name(
		    b, dice == 1 ? PICK(g, policy_gen_columns).name : column(g, type)->name);
}

static void put_string_lit(struct policy_gen *g, struct or_buf *b)
{
	pol_uid_print_string(b, or_slice_str(PICK(g, strings)));
}

static void put_string(struct policy_gen *g, struct or_buf *b)
{
	static const char *const known[] = {"principal.name", "context.text", "principal.missing"};
	uint32_t dice = policy_gen_below(g, 10);

	if (dice < 6)
		put_column(g, b, POLICY_GEN_STRING);
	else if (dice < 9)
		put_string_lit(g, b);
	else
		or_buf_put_str(b, PICK(g, known));
}

static void put_long_lit(struct policy_gen *g, struct or_buf *b)
{
	int64_t v = PICK(g, longs);

	if (v < 0)
		or_buf_put_byte(b, '(');
	or_buf_put_i64(b, v);
	if (v < 0)
		or_buf_put_byte(b, ')');
}

static void put_long(struct policy_gen *g, struct or_buf *b, int depth)
{
	static const char *const signs[] = {" + ", " - ", " * "};
	static const char *const known[] = {"principal.clearance", "context.number"};
	uint32_t dice = policy_gen_below(g, depth > 0 ? 13 : 10);

	if (dice < 5) {
		put_column(g, b, POLICY_GEN_LONG);
	} else if (dice < 8) {
		put_long_lit(g, b);
	} else if (dice < 10) {
		or_buf_put_str(b, PICK(g, known));
	} else if (dice == 10) {
		or_buf_put_str(b, "-(");
		put_long(g, b, depth - 1);
		or_buf_put_byte(b, ')');
	} else {
		or_buf_put_byte(b, '(');
		put_long(g, b, depth - 1);
		or_buf_put_str(b, PICK(g, signs));
		put_long(g, b, depth - 1);
		or_buf_put_byte(b, ')');
	}
}

static void put_pattern(struct policy_gen *g, struct or_buf *b)
{
	static const char *const whole[] = {"a*", "*A", "A", "a", "ALI*", "*ice", "alice", "*a*",
	    "a*b", "a\\*b", "*%*", "%*", "_", "[a]", "*[*", "*'*", "a%", "é*", "*!*", "s*", "*"};
	static const char *const parts[] = {
	    "*", "a", "\\*", "%", "_", "b", "!", "[", "?", "é", "'", "A"};

	/* Such as match something, and something that only looks alike. */
	if (policy_gen_below(g, 2)) {
		or_buf_printf(b, "\"%s\"", PICK(g, whole));
		return;
	}
	or_buf_put_byte(b, '"');
	for (uint32_t n = policy_gen_below(g, 5); n > 0; n--)
		or_buf_put_str(b, PICK(g, parts));
	or_buf_put_byte(b, '"');
}

static void put_has(struct policy_gen *g, struct or_buf *b)
{
	const char *name = PICK(g, policy_gen_columns).name;

	if (policy_gen_below(g, 12) == 0)
		or_buf_put_str(b, "resource has nothing");
	else if (policy_gen_below(g, 12) == 0)
		or_buf_put_str(b, "principal has missing");
	else
		or_buf_put_str(b, "resource has "), pol_uid_print_string(b, or_slice_str(name));
}

static void put_set(struct policy_gen *g, struct or_buf *b, bool of_longs)
{
	or_buf_put_byte(b, '[');
	for (uint32_t n = policy_gen_below(g, 4), i = 0; i < n; i++) {
		or_buf_put_str(b, i ? ", " : "");
		/* Now and then of two kinds. */
		if (of_longs == (policy_gen_below(g, 10) != 0))
			put_long_lit(g, b);
		else
			put_string_lit(g, b);
	}
	or_buf_put_byte(b, ']');
}

static void put_compare(struct policy_gen *g, struct or_buf *b, int depth)
{
	static const char *const signs[] = {" == ", " != ", " < ", " <= ", " > ", " >= "};
	uint32_t dice = policy_gen_below(g, 12);
	bool longs_only = policy_gen_below(g, 2);

	if (dice < 5) {
		put_long(g, b, depth / 2);
		or_buf_put_str(b, PICK(g, signs));
		put_long(g, b, depth / 2);
	} else if (dice < 8) {
		put_string(g, b);
		or_buf_put_str(b, policy_gen_below(g, 3) ? " == " : " != ");
		if (policy_gen_below(g, 15))
			put_string(g, b);
		else
			put_long(g, b, 0);
	} else if (dice < 10) {
		put_string(g, b);
		or_buf_put_str(b, " like ");
		put_pattern(g, b);
	} else {
		put_set(g, b, longs_only);
		or_buf_put_str(b, ".contains(");
		if (longs_only)
			put_long(g, b, 0);
		else
			put_string(g, b);
		or_buf_put_byte(b, ')');
	}
}

/* What has no SQL: an answer must be refused, or be known without it. */
static void put_entity(struct policy_gen *g, struct or_buf *b)
{
	static const char *const list[] = {"principal == User::\"alice\"",
	    "principal in Group::\"staff\"", "resource in Port::\"shop/orders\"",
	    "resource in Group::\"staff\"", "resource is Row", "principal is Row",
	    "principal is User in Group::\"all\"", "resource in [Product::\"shop\", Group::\"x\"]",
	    "resource == Row::\"shop/orders\"", "principal == resource", "resource != principal",
	    "principal.vip", "context.flag", "principal.teams.contains(\"blue\")",
	    "principal.teams.containsAny([\"red\", \"blue\"])", "context has number",
	    "principal has name && principal.name like \"a*\"", "principal in resource"};
	static const char *const more[] = {"principal.hasTag(\"t\")", "resource.hasTag(\"t\")",
	    "resource.getTag(\"t\") == 1", "principal.teams.contains(resource.owner)",
	    "[resource.owner, \"b\"].contains(principal.name)", "{a: resource.level}.a == 1",
	    "Row::\"shop/orders\".level == 1", "User::\"alice\" in principal",
	    "Row::\"other\".level == 1", "[resource.level].isEmpty()",
	    "ip(resource.owner).isLoopback()", "decimal(\"1.0\").lessThan(decimal(resource.city))",
	    "resource in resource", "resource in [principal, Port::\"shop/orders\"]",
	    "resource has owner.x", "resource is Row in principal", "resource.owner is User",
	    "resource in resource.owner"};

	if (g->plain || policy_gen_below(g, 2))
		or_buf_put_str(b, PICK(g, list));
	else
		or_buf_put_str(b, PICK(g, more));
}

static void put_chain(struct policy_gen *g, struct or_buf *b, int depth)
{
	const char *sign = policy_gen_below(g, 2) ? " && " : " || ";

	or_buf_put_byte(b, '(');
	for (uint32_t n = 2 + policy_gen_below(g, 2), i = 0; i < n; i++) {
		or_buf_put_str(b, i ? sign : "");
		put_bool(g, b, depth - 1);
	}
	or_buf_put_byte(b, ')');
}

/* The guard that people write. */
static void put_guarded(struct policy_gen *g, struct or_buf *b)
{
	const char *name = column(g, POLICY_GEN_LONG)->name;

	or_buf_printf(b, "(resource has %s %s resource.%s >= ", name,
	    policy_gen_below(g, 4) ? "&&" : "||", name);
	put_long_lit(g, b);
	or_buf_put_byte(b, ')');
}

static void put_bool(struct policy_gen *g, struct or_buf *b, int depth)
{
	uint32_t dice = policy_gen_below(g, depth > 0 ? 24 : 12);

	if (dice < 6) {
		put_compare(g, b, depth);
	} else if (dice < 8) {
		put_has(g, b);
	} else if (dice < 9) {
		put_column(g, b, POLICY_GEN_BOOL);
	} else if (dice < 10) {
		or_buf_put_byte(b, '(');
		put_entity(g, b);
		or_buf_put_byte(b, ')');
	} else if (dice < 11) {
		put_guarded(g, b);
	} else if (dice < 12) {
		or_buf_put_str(b, policy_gen_below(g, 2) ? "true" : "false");
	} else if (dice < 20) {
		put_chain(g, b, depth);
	} else if (dice < 22) {
		or_buf_put_str(b, "!(");
		put_bool(g, b, depth - 1);
		or_buf_put_byte(b, ')');
	} else {
		or_buf_put_str(b, "(if ");
		put_bool(g, b, depth - 1);
		or_buf_put_str(b, " then ");
		put_bool(g, b, depth - 1);
		or_buf_put_str(b, " else ");
		put_bool(g, b, depth - 1);
		or_buf_put_byte(b, ')');
	}
}

static void put_policy(struct policy_gen *g, struct or_buf *b, bool forbid)
{
	static const char *const principals[] = {"principal", "principal", "principal",
	    "principal is User", "principal == User::\"alice\"", "principal in Group::\"staff\"",
	    "principal in Group::\"none\""};
	static const char *const actions[] = {"action", "action", "action == Action::\"read\"",
	    "action in [Action::\"read\", Action::\"write\"]", "action == Action::\"write\""};
	static const char *const resources[] = {"resource", "resource", "resource",
	    "resource is Row", "resource in Port::\"shop/orders\"",
	    "resource == Row::\"shop/orders\"", "resource is Row in Product::\"shop\"",
	    "resource is Port"};

	or_buf_printf(b, "%s (%s, %s, %s)", forbid ? "forbid" : "permit", PICK(g, principals),
	    PICK(g, actions), PICK(g, resources));
	for (uint32_t n = policy_gen_below(g, 3); n > 0; n--) {
		or_buf_put_str(b, policy_gen_below(g, 4) ? "\nwhen { " : "\nunless { ");
		put_bool(g, b, DEPTH_MAX - 1);
		or_buf_put_str(b, " }");
	}
	or_buf_put_str(b, ";\n");
}

void policy_gen_set(struct policy_gen *g, struct or_buf *text)
{
	put_policy(g, text, false);
	for (uint32_t n = policy_gen_below(g, 4); n > 0; n--)
		put_policy(g, text, policy_gen_below(g, 5) < 2);
}

bool policy_gen_value(struct policy_gen *g, struct pol_value *out, enum policy_gen_type type)
{
	if (policy_gen_below(g, 4) == 0)
		return false;
	switch (type) {
	case POLICY_GEN_LONG: *out = pol_value_long(PICK(g, longs)); break;
	case POLICY_GEN_STRING: *out = pol_value_string(or_slice_str(PICK(g, strings))); break;
	case POLICY_GEN_BOOL: *out = pol_value_bool(policy_gen_below(g, 2)); break;
	}
	return true;
}

static const struct pol_record *record(struct policy_gen *g, struct or_arena *a,
    const struct policy_gen_column *columns, size_t n, struct pol_field *fields)
{
	const struct pol_record *rec = NULL;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		fields[kept].key = or_slice_str(columns[i].name);
		kept += policy_gen_value(g, &fields[kept].value, columns[i].type);
	}
	OR_ASSERT(pol_value_record(&rec, a, fields, kept) == OR_OK);
	return rec;
}

const struct pol_record *policy_gen_row(struct policy_gen *g, struct or_arena *a)
{
	struct pol_field fields[POLICY_GEN_COLUMNS];

	return record(g, a, policy_gen_columns, POLICY_GEN_COLUMNS, fields);
}

const struct pol_record *policy_gen_principal(struct policy_gen *g, struct or_arena *a)
{
	static const struct policy_gen_column columns[] = {
	    {"clearance", POLICY_GEN_LONG}, {"name", POLICY_GEN_STRING}, {"vip", POLICY_GEN_BOOL}};
	const struct pol_value teams[] = {pol_value_string(or_slice_str("blue")),
	    pol_value_string(or_slice_str(PICK(g, strings)))};
	const struct pol_record *rec = NULL, *some;
	struct pol_field fields[4];

	some = record(g, a, columns, OR_LEN(columns), fields);
	memcpy(fields, some->fields, some->n * sizeof(fields[0]));
	fields[some->n].key = or_slice_str("teams");
	OR_ASSERT(pol_value_set(&fields[some->n].value, a, teams, OR_LEN(teams)) == OR_OK);
	OR_ASSERT(pol_value_record(&rec, a, fields, some->n + 1) == OR_OK);
	return rec;
}

const struct pol_record *policy_gen_context(struct policy_gen *g, struct or_arena *a)
{
	static const struct policy_gen_column columns[] = {
	    {"number", POLICY_GEN_LONG}, {"text", POLICY_GEN_STRING}, {"flag", POLICY_GEN_BOOL}};
	struct pol_field fields[OR_LEN(columns)];

	return record(g, a, columns, OR_LEN(columns), fields);
}
