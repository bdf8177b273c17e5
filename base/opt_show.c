/* SPDX-License-Identifier: Apache-2.0 */
#include "base/opt_show.h"

#include "base/jsonw.h"
#include "base/opt_doc.h"
#include "base/opt_value.h"
#include "base/str.h"

#include <inttypes.h>

/* -- secrets -- */

static bool has_word(struct or_slice name, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= name.n; i++) {
		if (or_str_eq_nocase(or_slice(name.p + i, n), or_slice(word, n)))
			return true;
	}
	return false;
}

/* A file's name says where the secret is, not what it is. */
static bool is_secret_name(struct or_slice name)
{
	static const char *const words[] = {"password", "passwd", "secret", "authorization",
	    "api-key", "api_key", "apikey", "private", "credential", "bearer", "cookie"};

	if (or_str_has_suffix(name, "_file") || or_str_has_suffix(name, "-file"))
		return false;
	for (size_t i = 0; i < OR_LEN(words); i++) {
		if (has_word(name, words[i]))
			return true;
	}
	return or_str_has_suffix(name, "token") || or_str_has_suffix(name, "-key");
}

/* Text with "user:password@" taken out of a URL. */
static void put_text(struct or_jsonw *w, struct or_slice text)
{
	size_t slashes = 0, end, at;
	struct or_buf b;

	while (slashes + 3 <= text.n && memcmp(text.p + slashes, "://", 3) != 0)
		slashes++;
	if (slashes + 3 > text.n) {
		or_jsonw_str(w, text);
		return;
	}
	end = or_str_find(text, '/', slashes + 3);
	for (at = end; at > slashes + 3 && text.p[at - 1] != '@'; at--)
		;
	if (at == slashes + 3) {
		or_jsonw_str(w, text);
		return;
	}
	or_buf_init(&b, text.n + sizeof(OR_OPT_SHOW_REDACTED) + 1);
	or_buf_put(&b, text.p, slashes + 3);
	or_buf_put_str(&b, OR_OPT_SHOW_REDACTED "@");
	or_buf_put_slice(&b, or_slice_from(text, at));
	or_jsonw_str(w, or_buf_slice(&b));
	or_buf_done(&b);
}

static void put_node(struct or_jsonw *w, const struct or_json *j)
{
	switch (j->type) {
	case OR_JSON_STR: put_text(w, j->s); return;
	case OR_JSON_ARRAY:
		or_jsonw_array(w);
		for (size_t i = 0; i < j->array.n; i++)
			put_node(w, j->array.items[i]);
		or_jsonw_end(w);
		return;
	case OR_JSON_OBJECT:
		or_jsonw_object(w);
		for (size_t i = 0; i < j->object.n; i++) {
			const struct or_json_member *m = &j->object.members[i];

			or_jsonw_key_slice(w, m->key);
			if (m->value->type != OR_JSON_BOOL && is_secret_name(m->key))
				or_jsonw_text(w, OR_OPT_SHOW_REDACTED);
			else
				put_node(w, m->value);
		}
		or_jsonw_end(w);
		return;
	case OR_JSON_NULL:
	case OR_JSON_BOOL:
	case OR_JSON_INT:
	case OR_JSON_REAL: or_jsonw_tree(w, j); return;
	}
}

/* -- values -- */

static const void *at(const struct or_opt *opt, const void *target)
{
	return (const uint8_t *)target + opt->offset;
}

static void put_list(struct or_jsonw *w, const struct or_opt_list *list)
{
	or_jsonw_array(w);
	for (size_t i = 0; i < list->n; i++)
		put_text(w, or_slice_str(list->items[i]));
	or_jsonw_end(w);
}

static void put_choice(struct or_jsonw *w, const struct or_opt *opt, int index)
{
	struct or_slice choices = or_slice_str(opt->choices);
	size_t from = 0, end = or_str_find(choices, '|', 0);

	for (; index > 0 && end < choices.n; index--) {
		from = end + 1;
		end = or_str_find(choices, '|', from);
	}
	or_jsonw_str(w, or_slice(choices.p + from, end - from));
}

/* With its unit, as it is written in a file. */
static void put_unit(struct or_jsonw *w, const struct or_opt *opt, int64_t v)
{
	struct or_buf text;

	or_buf_init(&text, 64);
	or_opt_doc_number(&text, opt, v);
	or_jsonw_str(w, or_buf_slice(&text));
	or_buf_done(&text);
}

static void put_value(struct or_jsonw *w, const struct or_opt *opt, const void *target)
{
	const void *v = at(opt, target);

	if (opt->flags & OR_OPT_SECRET) {
		or_jsonw_text(w, OR_OPT_SHOW_REDACTED);
		return;
	}
	if (!or_opt_value_is_set(opt, target)) {
		or_jsonw_null(w);
		return;
	}
	switch (opt->type) {
	case OR_OPT_STR:
	case OR_OPT_ADDR: put_text(w, or_slice_str(*(const char *const *)v)); return;
	case OR_OPT_BOOL: or_jsonw_bool(w, *(const bool *)v); return;
	case OR_OPT_U64: or_jsonw_u64(w, *(const uint64_t *)v); return;
	case OR_OPT_I64: or_jsonw_i64(w, *(const int64_t *)v); return;
	case OR_OPT_DURATION: put_unit(w, opt, *(const int64_t *)v); return;
	case OR_OPT_BYTES: put_unit(w, opt, (int64_t) * (const uint64_t *)v); return;
	case OR_OPT_PORT: or_jsonw_u64(w, *(const uint16_t *)v); return;
	case OR_OPT_ENUM: put_choice(w, opt, *(const int *)v); return;
	case OR_OPT_LIST: put_list(w, v); return;
	case OR_OPT_TREE: put_node(w, *(const struct or_json *const *)v); return;
	}
}

void or_opt_show_value(struct or_buf *out, const struct or_opt *opt, const void *target)
{
	struct or_jsonw w;

	or_jsonw_init(&w, out, 0);
	put_value(&w, opt, target);
}

/* -- all of them -- */

static const char *from_of(const struct or_opt_seen *seen, size_t table, size_t i)
{
	const char *from = seen->from ? seen->from[table][i] : NULL;

	return from ? from : "default";
}

void or_opt_show_yaml(
    struct or_buf *out, const struct or_opt_set *set, const struct or_opt_seen *seen)
{
	for (size_t t = 0; t < set->n_tables; t++) {
		const struct or_opt_table *table = &set->tables[t];

		for (size_t i = 0; i < table->n_opts; i++) {
			const struct or_opt *opt = &table->opts[i];
			bool hidden = !or_opt_value_is_set(opt, table->target) ||
				      (opt->flags & OR_OPT_SECRET) != 0;

			/* JSON is YAML, and says exactly what a value is. */
			or_buf_printf(out, "%s%s: ", hidden ? "# " : "", opt->name);
			or_opt_show_value(out, opt, table->target);
			or_buf_printf(out, "  # %s\n",
			    or_opt_value_is_set(opt, table->target) ? from_of(seen, t, i)
								    : "not set");
		}
	}
}

void or_opt_show_json(
    struct or_buf *out, const struct or_opt_set *set, const struct or_opt_seen *seen)
{
	for (size_t t = 0; t < set->n_tables; t++) {
		const struct or_opt_table *table = &set->tables[t];

		for (size_t i = 0; i < table->n_opts; i++) {
			struct or_jsonw w;

			or_jsonw_init(&w, out, 0);
			or_jsonw_object(&w);
			or_jsonw_kv_text(&w, "key", table->opts[i].name);
			or_jsonw_key(&w, "value");
			put_value(&w, &table->opts[i], table->target);
			or_jsonw_kv_text(&w, "from", from_of(seen, t, i));
			or_jsonw_end(&w);
			or_buf_put_byte(out, '\n');
		}
	}
}
