/* SPDX-License-Identifier: Apache-2.0 */
#include "base/opt.h"

#include "base/opt_doc.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/yaml.h"

#include <stdio.h>

#define ENV_PREFIX "OUTRIDER_"

/* One load under way. Values go into copies of the targets first. */
struct load {
	const struct or_opt_set *set;
	struct or_arena *arena;
	uint8_t **copies;   /* per table */
	const char ***from; /* per table and option: where the value came from; NULL: the default */
	const char **names; /* of all options and their sections, NULL at the end */
	const char *file;
	struct or_err *err;
};

/* Where a value came from, for messages: "agent.yaml:7", "OUTRIDER_X", "--x". */
struct origin {
	char text[OR_OPT_NAME_MAX + 256];
};

/* -- one value -- */

/* A name, an IPv4 address, or an IPv6 address in brackets (which are taken off). */
static enum or_code parse_host(struct or_slice *out, struct or_slice h)
{
	if (h.p[0] == '[') {
		if (h.n < 4 || h.p[h.n - 1] != ']')
			return OR_PARSE;
		h = or_slice(h.p + 1, h.n - 2);
	} else if (memchr(h.p, ':', h.n)) {
		return OR_PARSE;
	}
	for (size_t i = 0; i < h.n; i++) {
		if (h.p[i] <= ' ' || h.p[i] >= 127 || h.p[i] == '/')
			return OR_PARSE;
	}
	*out = h;
	return OR_OK;
}

enum or_code or_opt_addr(struct or_slice *host, uint16_t *port, struct or_slice text)
{
	struct or_slice h, p;
	size_t colon = text.n;
	uint64_t v;

	while (colon > 0 && text.p[colon - 1] != ':')
		colon--;
	if (colon < 2)
		return OR_PARSE;
	h = or_slice(text.p, colon - 1);
	p = or_slice_from(text, colon);
	if (p.n > 5 || or_str_u64(&v, p) || v > 65535 || parse_host(&h, h))
		return OR_PARSE;
	*host = h;
	*port = (uint16_t)v;
	return OR_OK;
}

static enum or_code wrong(const struct load *l, const struct origin *from, const struct or_opt *opt,
    struct or_slice text, const char *expected)
{
	if (opt->flags & OR_OPT_SECRET)
		return or_err_set(
		    l->err, OR_INVAL, "%s: %s: expected %s", from->text, opt->name, expected);
	return or_err_set(l->err, OR_INVAL, "%s: %s: expected %s, not \"%.*s\"", from->text,
	    opt->name, expected, (int)(text.n > 80 ? 80 : text.n),
	    text.n ? (const char *)text.p : "");
}

static enum or_code out_of_range(
    const struct load *l, const struct origin *from, const struct or_opt *opt, struct or_slice text)
{
	char expected[128];
	struct or_buf range;

	or_buf_init(&range, sizeof(expected) - 8);
	if (opt->min == 0 && opt->max == 0)
		or_buf_put_str(&range, "a smaller number");
	or_opt_doc_range(&range, opt);
	snprintf(expected, sizeof(expected), "%s", or_buf_text(&range));
	or_buf_done(&range);
	return wrong(l, from, opt, text, expected);
}

static bool is_in_range(const struct or_opt *opt, uint64_t v)
{
	if (opt->min == 0 && opt->max == 0)
		return true;
	return v <= INT64_MAX && (int64_t)v >= opt->min && (int64_t)v <= opt->max;
}

/* The kinds that are an unsigned number in the end. */
static enum or_code parse_number(const struct load *l, const struct origin *from,
    const struct or_opt *opt, struct or_slice text, uint64_t *out)
{
	static const char *const expected[] = {[OR_OPT_U64] = "a number",
	    [OR_OPT_DURATION] = "a duration such as 250ms, 30s, 5m, 1h or 7d",
	    [OR_OPT_BYTES] = "a size such as 4096, 64KiB or 16MiB",
	    [OR_OPT_PORT] = "a port from 0 to 65535"};
	enum or_code rc;
	int64_t ns;

	if (opt->type == OR_OPT_DURATION) {
		rc = or_str_duration_ns(&ns, text);
		if (rc == OR_OK)
			*out = (uint64_t)ns;
	} else if (opt->type == OR_OPT_BYTES) {
		rc = or_str_bytes(out, text);
	} else {
		rc = or_str_u64(out, text);
	}
	if (rc == OR_PARSE || (opt->type == OR_OPT_PORT && (rc || *out > 65535)))
		return wrong(l, from, opt, text, expected[opt->type]);
	if (rc == OR_FULL || !is_in_range(opt, *out))
		return out_of_range(l, from, opt, text);
	return OR_OK;
}

static enum or_code set_number(const struct load *l, const struct origin *from,
    const struct or_opt *opt, void *to, struct or_slice text)
{
	uint64_t v = 0;
	enum or_code rc = parse_number(l, from, opt, text, &v);

	if (rc)
		return rc;
	if (opt->type == OR_OPT_PORT)
		*(uint16_t *)to = (uint16_t)v;
	else
		*(uint64_t *)to = v; /* an int64_t's value is not negative here */
	return OR_OK;
}

static enum or_code set_i64(const struct load *l, const struct origin *from,
    const struct or_opt *opt, int64_t *to, struct or_slice text)
{
	int64_t v;
	enum or_code rc = or_str_i64(&v, text);

	if (rc == OR_PARSE)
		return wrong(l, from, opt, text, "a number");
	if (rc || ((opt->min || opt->max) && (v < opt->min || v > opt->max)))
		return out_of_range(l, from, opt, text);
	*to = v;
	return OR_OK;
}

static enum or_code set_text(const struct load *l, const struct origin *from,
    const struct or_opt *opt, const char **to, struct or_slice text)
{
	struct or_slice host;
	uint16_t port;

	if (opt->type == OR_OPT_ADDR && or_opt_addr(&host, &port, text))
		return wrong(l, from, opt, text, "an address such as 127.0.0.1:8080 or [::1]:0");
	if (memchr(text.n ? text.p : (const uint8_t *)"", 0, text.n))
		return wrong(l, from, opt, text, "text without NUL");
	if (opt->type == OR_OPT_STR && !is_in_range(opt, text.n))
		return out_of_range(l, from, opt, text);
	*to = or_arena_strdup(l->arena, text);
	return *to ? OR_OK : or_err_set(l->err, OR_FULL, "%s: too much text", from->text);
}

static enum or_code set_bool(const struct load *l, const struct origin *from,
    const struct or_opt *opt, bool *to, struct or_slice text)
{
	bool yes = or_slice_is(text, "true");

	if (!yes && !or_slice_is(text, "false"))
		return wrong(l, from, opt, text, "true or false");
	*to = yes;
	return OR_OK;
}

static enum or_code set_enum(const struct load *l, const struct origin *from,
    const struct or_opt *opt, int *to, struct or_slice text)
{
	struct or_slice choices = or_slice_str(opt->choices);
	int index = 0;

	for (size_t at = 0; at <= choices.n; index++) {
		size_t end = or_str_find(choices, '|', at);

		if (or_slice_eq(or_slice(choices.p + at, end - at), text)) {
			*to = index;
			return OR_OK;
		}
		at = end + 1;
	}
	return wrong(l, from, opt, text, opt->choices);
}

static enum or_code set_list(const struct load *l, const struct origin *from,
    const struct or_opt *opt, struct or_opt_list *to, const struct or_slice *items, size_t n)
{
	struct or_opt_list list = {or_arena_array(l->arena, n, sizeof(char *)), n};

	if (!is_in_range(opt, n))
		return out_of_range(l, from, opt, or_slice_str("another number of items"));
	for (size_t i = 0; list.items && i < n; i++) {
		list.items[i] = or_arena_strdup(l->arena, items[i]);
		if (!list.items[i])
			list.items = NULL;
	}
	if (!list.items)
		return or_err_set(l->err, OR_FULL, "%s: too much text", from->text);
	*to = list;
	return OR_OK;
}

/* "a,b" from a flag, variable or default; "" is the empty list. */
static enum or_code set_list_text(const struct load *l, const struct origin *from,
    const struct or_opt *opt, struct or_opt_list *to, struct or_slice text)
{
	size_t n = 0, max = text.n ? 1 : 0;
	struct or_slice *items;

	for (size_t i = 0; i < text.n; i++)
		max += text.p[i] == ',';
	items = or_arena_array(l->arena, max, sizeof(*items));
	if (!items)
		return or_err_set(l->err, OR_FULL, "%s: too much text", from->text);
	for (size_t at = 0; n < max; n++) {
		size_t end = or_str_find(text, ',', at);

		items[n] = or_str_trim(or_slice(text.p + at, end - at));
		at = end + 1;
	}
	return set_list(l, from, opt, to, items, n);
}

static enum or_code set_tree(const struct load *l, const struct origin *from,
    const struct or_opt *opt, const struct or_json **to, struct or_slice text)
{
	enum or_code rc = or_json_parse(to, text, l->arena, l->err);

	return rc ? or_err_wrap(l->err, rc, "%s: %s", from->text, opt->name) : OR_OK;
}

static enum or_code set_value(const struct load *l, const struct origin *from,
    const struct or_opt *opt, void *to, struct or_slice text)
{
	switch (opt->type) {
	case OR_OPT_STR:
	case OR_OPT_ADDR: return set_text(l, from, opt, to, text);
	case OR_OPT_BOOL: return set_bool(l, from, opt, to, text);
	case OR_OPT_U64:
	case OR_OPT_DURATION:
	case OR_OPT_BYTES:
	case OR_OPT_PORT: return set_number(l, from, opt, to, text);
	case OR_OPT_I64: return set_i64(l, from, opt, to, text);
	case OR_OPT_ENUM: return set_enum(l, from, opt, to, text);
	case OR_OPT_LIST: return set_list_text(l, from, opt, to, text);
	case OR_OPT_TREE: return set_tree(l, from, opt, to, text);
	}
	return OR_INVAL;
}

/* -- tables -- */

struct place {
	size_t table;
	size_t index;
};

static bool find_opt(const struct load *l, struct or_slice name, struct place *out)
{
	for (size_t t = 0; t < l->set->n_tables; t++) {
		for (size_t i = 0; i < l->set->tables[t].n_opts; i++) {
			if (or_slice_is(name, l->set->tables[t].opts[i].name)) {
				*out = (struct place){t, i};
				return true;
			}
		}
	}
	return false;
}

static const struct or_opt *opt_at(const struct load *l, struct place at)
{
	return &l->set->tables[at.table].opts[at.index];
}

static void *value_at(const struct load *l, const struct origin *from, struct place at)
{
	const char *text = or_arena_strdup(l->arena, or_slice_str(from->text));

	l->from[at.table][at.index] = text ? text : "";
	return l->copies[at.table] + opt_at(l, at)->offset;
}

/* True where "gate" is the beginning of some "gate.listen". */
static bool is_section(const struct load *l, struct or_slice name)
{
	for (size_t t = 0; t < l->set->n_tables; t++) {
		for (size_t i = 0; i < l->set->tables[t].n_opts; i++) {
			const char *full = l->set->tables[t].opts[i].name;

			if (strncmp(full, (const char *)name.p, name.n) == 0 && full[name.n] == '.')
				return true;
		}
	}
	return false;
}

static enum or_code unknown(const struct load *l, const struct origin *from, struct or_slice name)
{
	const char *near = or_str_nearest(name, l->names);

	if (near)
		return or_err_set(l->err, OR_INVAL,
		    "%s: unknown key \"%.*s\"; did you mean \"%s\"?", from->text,
		    OR_SLICE_FMT(name), near);
	return or_err_set(
	    l->err, OR_INVAL, "%s: unknown key \"%.*s\"", from->text, OR_SLICE_FMT(name));
}

/* Copies of the targets with the defaults in them, and the names for suggestions. */
static enum or_code prepare(struct load *l)
{
	static const struct origin from = {"default"};
	size_t n_names = 0, at = 0;

	for (size_t t = 0; t < l->set->n_tables; t++)
		n_names += l->set->tables[t].n_opts;
	l->copies = or_arena_array(l->arena, l->set->n_tables, sizeof(*l->copies));
	l->from = or_arena_array(l->arena, l->set->n_tables, sizeof(*l->from));
	l->names = or_arena_array(l->arena, 2 * n_names + 1, sizeof(*l->names));
	if (!l->copies || !l->from || !l->names)
		return or_err_set(l->err, OR_FULL, "no room for the options");
	for (size_t t = 0; t < l->set->n_tables; t++) {
		const struct or_opt_table *table = &l->set->tables[t];

		l->copies[t] = or_arena_alloc(l->arena, table->size);
		l->from[t] = or_arena_array(l->arena, table->n_opts, sizeof(**l->from));
		if (!l->copies[t] || !l->from[t])
			return or_err_set(l->err, OR_FULL, "no room for the options");
		memcpy(l->copies[t], table->target, table->size);
		for (size_t i = 0; i < table->n_opts; i++) {
			const struct or_opt *opt = &table->opts[i];
			size_t dot = or_str_find(or_slice_str(opt->name), '.', 0);

			l->names[at++] = opt->name;
			l->names[at++] = or_arena_strdup(l->arena, or_slice(opt->name, dot));
			/* A default that its own table refuses is a programming error. */
			if (opt->def)
				OR_ASSERT(set_value(l, &from, opt, l->copies[t] + opt->offset,
					      or_slice_str(opt->def)) == OR_OK);
		}
	}
	return OR_OK;
}

/* -- the file -- */

static enum or_code from_sequence(const struct load *l, const struct origin *from,
    const struct or_opt *opt, void *to, const struct or_json *j)
{
	struct or_slice *items = or_arena_array(l->arena, j->array.n, sizeof(*items));

	if (!items)
		return or_err_set(l->err, OR_FULL, "%s: too long a list", from->text);
	for (size_t i = 0; i < j->array.n; i++) {
		if (j->array.items[i]->type != OR_JSON_STR)
			return or_err_set(l->err, OR_INVAL, "%s: %s: expected a list of strings",
			    from->text, opt->name);
		items[i] = j->array.items[i]->s;
	}
	return set_list(l, from, opt, to, items, j->array.n);
}

static enum or_code wrong_type(const struct load *l, const struct origin *from,
    const struct or_opt *opt, const struct or_json *j)
{
	const char *expected = opt->type == OR_OPT_STR    ? "a string (in quotes)"
			       : opt->type == OR_OPT_LIST ? "a list of strings"
							  : or_opt_doc_value(opt);

	return or_err_set(l->err, OR_INVAL, "%s: %s: expected %s, not a YAML %s", from->text,
	    opt->name, expected, or_json_type_name(j->type));
}

static enum or_code from_node(
    const struct load *l, const struct origin *from, struct place at, const struct or_json *j)
{
	const struct or_opt *opt = opt_at(l, at);
	char number[32];

	if (opt->type == OR_OPT_TREE) {
		*(const struct or_json **)value_at(l, from, at) = j;
		return OR_OK;
	}
	if (opt->type == OR_OPT_LIST)
		return j->type == OR_JSON_ARRAY
			   ? from_sequence(l, from, opt, value_at(l, from, at), j)
			   : wrong_type(l, from, opt, j);
	if (j->type == OR_JSON_STR)
		return set_value(l, from, opt, value_at(l, from, at), j->s);
	if (j->type == OR_JSON_BOOL && opt->type == OR_OPT_BOOL)
		return set_value(
		    l, from, opt, value_at(l, from, at), or_slice_str(j->b ? "true" : "false"));
	if (j->type == OR_JSON_INT && opt->type != OR_OPT_STR) {
		snprintf(number, sizeof(number), "%lld", (long long)j->i);
		return set_value(l, from, opt, value_at(l, from, at), or_slice_str(number));
	}
	return wrong_type(l, from, opt, j);
}

/* Maps nest at the dots of names. The parser bounds the depth. */
static enum or_code from_map(
    const struct load *l, struct or_slice prefix, const struct or_json *map)
{
	for (size_t i = 0; i < map->object.n; i++) {
		const struct or_json_member *m = &map->object.members[i];
		struct origin from;
		char name[OR_OPT_NAME_MAX];
		struct place at;
		struct or_slice full;
		enum or_code rc;
		int n = snprintf(name, sizeof(name), "%.*s%s%.*s", OR_SLICE_FMT(prefix),
		    prefix.n ? "." : "", OR_SLICE_FMT(m->key));

		snprintf(from.text, sizeof(from.text), "%.255s:%u", l->file, m->line);
		full = or_slice(name, (size_t)n < sizeof(name) ? (size_t)n : sizeof(name) - 1);
		if ((size_t)n < sizeof(name) && find_opt(l, full, &at))
			rc = from_node(l, &from, at, m->value);
		else if (is_section(l, full) && m->value->type == OR_JSON_OBJECT)
			rc = from_map(l, full, m->value);
		else if (is_section(l, full) && m->value->type == OR_JSON_NULL)
			rc = OR_OK; /* a section with every key commented out */
		else if (is_section(l, full))
			rc = or_err_set(l->err, OR_INVAL, "%s: %.*s: expected a map, not a %s",
			    from.text, OR_SLICE_FMT(full), or_json_type_name(m->value->type));
		else
			rc = unknown(l, &from, full);
		if (rc)
			return rc;
	}
	return OR_OK;
}

/* Blank lines and comments only: a file that says nothing is a fine one. */
static bool says_nothing(struct or_slice text)
{
	for (size_t at = 0; at < text.n;) {
		size_t end = or_str_find(text, '\n', at);
		struct or_slice line = or_str_trim(or_slice(text.p + at, end - at));

		if (line.n && line.p[0] != '#' && !or_slice_is(line, "\r"))
			return false;
		at = end + 1;
	}
	return true;
}

static enum or_code from_file(const struct load *l)
{
	static const struct or_json nothing = {.type = OR_JSON_NULL};
	const struct or_json *root = &nothing;
	struct or_buf text;
	enum or_code rc;

	or_buf_init(&text, OR_OPT_FILE_MAX);
	rc = or_sys_read_file(&text, l->file, l->err);
	if (rc == OR_OK && !says_nothing(or_buf_slice(&text))) {
		rc = or_yaml_parse(&root, or_buf_slice(&text), l->arena, l->err);
		if (rc)
			or_err_wrap(l->err, rc, "%s", l->file);
	}
	or_buf_done(&text);
	if (rc)
		return rc;
	if (root->type == OR_JSON_NULL)
		return OR_OK;
	if (root->type != OR_JSON_OBJECT)
		return or_err_set(
		    l->err, OR_INVAL, "%s:%u: expected a map of options", l->file, root->line);
	return from_map(l, OR_SLICE_NONE, root);
}

/* -- environment and flags -- */

void or_opt_env_name(char out[OR_OPT_NAME_MAX], const char *name)
{
	size_t n = sizeof(ENV_PREFIX) - 1;

	memcpy(out, ENV_PREFIX, n);
	for (; *name && n < OR_OPT_NAME_MAX - 1; name++) {
		char c = *name;

		out[n++] = (char)(c >= 'a' && c <= 'z' ? c - 32 : c == '.' || c == '-' ? '_' : c);
	}
	out[n] = 0;
}

/* NULL where the variable is not set. */
static const char *get_env(char *const *env, const char *name)
{
	size_t n = strlen(name);

	for (; env && *env; env++) {
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	}
	return NULL;
}

/* Variables of the prefix that are no option are left alone: several programs share the prefix. */
static enum or_code from_env(const struct load *l, char *const *env)
{
	for (size_t t = 0; t < l->set->n_tables; t++) {
		for (size_t i = 0; i < l->set->tables[t].n_opts; i++) {
			struct place at = {t, i};
			struct origin from;
			char name[OR_OPT_NAME_MAX];
			const char *value;
			enum or_code rc;

			or_opt_env_name(name, opt_at(l, at)->name);
			value = get_env(env, name);
			if (!value)
				continue;
			snprintf(from.text, sizeof(from.text), "%s", name);
			rc = set_value(
			    l, &from, opt_at(l, at), value_at(l, &from, at), or_slice_str(value));
			if (rc)
				return rc;
		}
	}
	return OR_OK;
}

/* A word of the command line, taken apart. */
struct flag {
	struct or_slice name;
	const char *value;
	struct place at;
	bool is_config;
};

/* True for a boolean's flag where the word behind it is not its value. */
static bool is_bare(const struct or_opt *opt, const struct or_opt_src *src, int next)
{
	if (opt->type != OR_OPT_BOOL)
		return false;
	return next >= src->argc ||
	       (strcmp(src->argv[next], "true") != 0 && strcmp(src->argv[next], "false") != 0);
}

/* Reads the flag at argv[*i] and steps over it and its value. */
static enum or_code take_flag(
    const struct load *l, const struct or_opt_src *src, int *i, struct flag *out)
{
	const char *word = src->argv[*i] + 2;
	const char *equals = strchr(word, '=');
	struct flag flag = {.name = or_slice(word, equals ? (size_t)(equals - word) : strlen(word)),
	    .value = equals ? equals + 1 : NULL};
	struct origin from;

	snprintf(from.text, sizeof(from.text), "--%.*s",
	    (int)(flag.name.n > 200 ? 200 : flag.name.n), (const char *)flag.name.p);
	flag.is_config = or_slice_is(flag.name, "config");
	if (!flag.is_config && !find_opt(l, flag.name, &flag.at))
		return unknown(l, &from, flag.name);
	if (!flag.is_config && !equals && is_bare(opt_at(l, flag.at), src, *i + 1))
		flag.value = "true";
	++*i;
	if (!flag.value) {
		if (*i >= src->argc)
			return or_err_set(l->err, OR_INVAL, "%s: a value is missing", from.text);
		flag.value = src->argv[(*i)++];
	}
	*out = flag;
	return OR_OK;
}

/* First pass (apply == false): --config, --help and where the flags end. */
static enum or_code from_flags(const struct load *l, const struct or_opt_src *src, bool apply,
    const char **file, struct or_opt_seen *seen)
{
	int i = 0;

	while (i < src->argc && src->argv[i][0] == '-') {
		struct origin from;
		struct flag flag = {0};
		enum or_code rc;

		if (strcmp(src->argv[i], "--") == 0) {
			i++;
			break;
		}
		if (strcmp(src->argv[i], "--help") == 0 || strcmp(src->argv[i], "-h") == 0) {
			seen->help = true;
			return OR_OK;
		}
		if (src->argv[i][1] != '-')
			return or_err_set(
			    l->err, OR_INVAL, "%s: flags begin with --", src->argv[i]);
		rc = take_flag(l, src, &i, &flag);
		if (rc)
			return rc;
		if (flag.is_config) {
			*file = flag.value;
		} else if (apply) {
			const struct or_opt *opt = opt_at(l, flag.at);

			snprintf(from.text, sizeof(from.text), "--%s", opt->name);
			rc = set_value(
			    l, &from, opt, value_at(l, &from, flag.at), or_slice_str(flag.value));
			if (rc)
				return rc;
		}
	}
	seen->rest = i;
	return OR_OK;
}

/* -- the whole -- */

static enum or_code check_required(const struct load *l)
{
	for (size_t t = 0; t < l->set->n_tables; t++) {
		for (size_t i = 0; i < l->set->tables[t].n_opts; i++) {
			const struct or_opt *opt = &l->set->tables[t].opts[i];
			char name[OR_OPT_NAME_MAX];

			if (!(opt->flags & OR_OPT_REQUIRED) || l->from[t][i])
				continue;
			or_opt_env_name(name, opt->name);
			return or_err_set(l->err, OR_ABSENT,
			    "%s is required: set it in %s, as %s or with --%s", opt->name,
			    l->file ? l->file : "a file (--config)", name, opt->name);
		}
	}
	return OR_OK;
}

/* Named by --config, by OUTRIDER_CONFIG, or the program's own place. */
static enum or_code read_file(struct load *l, const struct or_opt_src *src, const char *named)
{
	enum or_code rc;

	if (!named)
		named = get_env(src->env, ENV_PREFIX "CONFIG");
	l->file = named ? named : src->file;
	if (!l->file)
		return OR_OK;
	rc = from_file(l);
	if (rc == OR_ABSENT && !named && src->may_lack) {
		l->file = NULL;
		return OR_OK;
	}
	return rc;
}

enum or_code or_opt_load(const struct or_opt_set *set, const struct or_opt_src *src,
    struct or_arena *a, struct or_opt_seen *seen, struct or_err *err)
{
	struct load l = {.set = set, .arena = a, .err = err};
	struct or_opt_seen found = {0};
	const char *named = NULL;
	enum or_code rc = prepare(&l);

	if (rc == OR_OK)
		rc = from_flags(&l, src, false, &named, &found);
	if (rc == OR_OK && !found.help) {
		rc = read_file(&l, src, named);
		if (rc == OR_OK)
			rc = from_env(&l, src->env);
		if (rc == OR_OK)
			rc = from_flags(&l, src, true, &named, &found);
		if (rc == OR_OK)
			rc = check_required(&l);
		if (rc == OR_OK) {
			for (size_t t = 0; t < set->n_tables; t++)
				memcpy(set->tables[t].target, l.copies[t], set->tables[t].size);
		}
	}
	if (rc)
		return rc;
	found.file = l.file;
	found.from = (const char *const *const *)l.from;
	if (seen)
		*seen = found;
	return OR_OK;
}
