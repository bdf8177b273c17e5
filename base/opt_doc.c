/* SPDX-License-Identifier: Apache-2.0 */
#include "base/opt_doc.h"

#include <inttypes.h>

enum { COLUMN = 34, WIDTH = 100 };

const char *or_opt_doc_value(const struct or_opt *opt)
{
	static const char *const names[] = {[OR_OPT_STR] = "TEXT",
	    [OR_OPT_BOOL] = "true|false",
	    [OR_OPT_U64] = "NUMBER",
	    [OR_OPT_I64] = "NUMBER",
	    [OR_OPT_DURATION] = "DURATION",
	    [OR_OPT_BYTES] = "BYTES",
	    [OR_OPT_PORT] = "PORT",
	    [OR_OPT_ADDR] = "HOST:PORT",
	    [OR_OPT_ENUM] = "",
	    [OR_OPT_LIST] = "TEXT,TEXT",
	    [OR_OPT_TREE] = "YAML"};

	return opt->type == OR_OPT_ENUM ? opt->choices : names[opt->type];
}

/* The largest unit that divides v. */
static void put_scaled(
    struct or_buf *out, int64_t v, const char *const *names, const int64_t *factors, size_t n_units)
{
	for (size_t i = 0; i < n_units; i++) {
		if (v % factors[i] == 0 && (v || i + 1 == n_units)) {
			or_buf_put_i64(out, v / factors[i]);
			or_buf_put_str(out, names[i]);
			return;
		}
	}
}

void or_opt_doc_number(struct or_buf *out, const struct or_opt *opt, int64_t v)
{
	static const char *const time_names[] = {"d", "h", "m", "s", "ms"};
	static const int64_t time_factors[] = {
	    86400 * OR_NS_PER_S, 3600 * OR_NS_PER_S, 60 * OR_NS_PER_S, OR_NS_PER_S, OR_NS_PER_MS};
	static const char *const byte_names[] = {"GiB", "MiB", "KiB", ""};
	static const int64_t byte_factors[] = {1 << 30, 1 << 20, 1 << 10, 1};

	if (opt->type == OR_OPT_DURATION)
		put_scaled(out, v, time_names, time_factors, OR_LEN(time_names));
	else if (opt->type == OR_OPT_BYTES)
		put_scaled(out, v, byte_names, byte_factors, OR_LEN(byte_names));
	else
		or_buf_put_i64(out, v);
}

void or_opt_doc_range(struct or_buf *out, const struct or_opt *opt)
{
	bool is_length = opt->type == OR_OPT_STR || opt->type == OR_OPT_LIST;

	if (opt->min == 0 && opt->max == 0)
		return;
	if (opt->max == INT64_MAX) {
		or_buf_put_str(out, "at least ");
		or_opt_doc_number(out, opt, opt->min);
	} else {
		or_opt_doc_number(out, opt, opt->min);
		or_buf_put_str(out, " to ");
		or_opt_doc_number(out, opt, opt->max);
	}
	if (is_length)
		or_buf_put_str(out, opt->type == OR_OPT_STR ? " bytes long" : " items");
}

/* Words of text from column `at` on, wrapped and indented to COLUMN. */
static void put_wrapped(struct or_buf *out, const char *text)
{
	size_t at = COLUMN;

	while (*text) {
		size_t n = strcspn(text, " ");

		if (at > COLUMN && at + 1 + n > WIDTH) {
			or_buf_printf(out, "\n%*s", COLUMN, "");
			at = COLUMN;
		} else if (at > COLUMN) {
			or_buf_put_byte(out, ' ');
			at++;
		}
		or_buf_put(out, text, n);
		at += n;
		text += n + strspn(text + n, " ");
	}
	or_buf_put_byte(out, '\n');
}

static void put_help(struct or_buf *out, const struct or_opt *opt)
{
	struct or_buf flag, text;

	or_buf_init(&flag, 256);
	or_buf_init(&text, 2048);
	or_buf_printf(&flag, "  --%s %s", opt->name, or_opt_doc_value(opt));
	or_buf_put_slice(out, or_buf_slice(&flag));
	if (flag.n + 2 > COLUMN)
		or_buf_printf(out, "\n%*s", COLUMN, "");
	else
		or_buf_printf(out, "%*s", (int)(COLUMN - flag.n), "");
	or_buf_put_str(&text, opt->help);
	if (opt->flags & OR_OPT_REQUIRED)
		or_buf_put_str(&text, " Required.");
	else if (opt->def && *opt->def)
		or_buf_printf(&text, " Default: %s.", opt->def);
	if (opt->min || opt->max) {
		or_buf_put_str(&text, " Range: ");
		or_opt_doc_range(&text, opt);
		or_buf_put_byte(&text, '.');
	}
	put_wrapped(out, or_buf_text(&text));
	or_buf_done(&flag);
	or_buf_done(&text);
}

void or_opt_doc_help(struct or_buf *out, const struct or_opt_set *set)
{
	static const struct or_opt config = {.name = "config",
	    .type = OR_OPT_STR,
	    .help = "The configuration file (YAML). Each key below may stand there, nested at its "
		    "dots; in the environment it is OUTRIDER_<KEY>, with _ for every dot."};

	put_help(out, &config);
	for (size_t t = 0; t < set->n_tables; t++) {
		for (size_t i = 0; i < set->tables[t].n_opts; i++)
			put_help(out, &set->tables[t].opts[i]);
	}
}

/* A bar would end the cell. */
static void put_cell(struct or_buf *out, const char *text, bool code)
{
	or_buf_put_str(out, " ");
	if (code && *text)
		or_buf_put_byte(out, '`');
	for (; *text; text++) {
		if (*text == '|')
			or_buf_put_byte(out, '\\');
		or_buf_put_byte(out, (uint8_t)*text);
	}
	if (code && out->n && out->p[out->n - 1] != ' ')
		or_buf_put_byte(out, '`');
	or_buf_put_str(out, " |");
}

static void put_row(struct or_buf *out, const struct or_opt *opt)
{
	struct or_buf range;

	or_buf_init(&range, 128);
	or_opt_doc_range(&range, opt);
	or_buf_put_byte(out, '|');
	put_cell(out, opt->name, true);
	put_cell(out, or_opt_doc_value(opt), true);
	put_cell(out,
	    opt->flags & OR_OPT_REQUIRED ? "required"
	    : opt->def                   ? opt->def
					 : "",
	    !(opt->flags & OR_OPT_REQUIRED));
	put_cell(out, or_buf_text(&range), false);
	put_cell(out, opt->help, false);
	put_cell(out, opt->flags & OR_OPT_RELOAD ? "reload" : "", false);
	or_buf_put_byte(out, '\n');
	or_buf_done(&range);
}

void or_opt_doc_markdown(struct or_buf *out, const struct or_opt_set *set)
{
	or_buf_put_str(out, "| key | value | default | range | what it does | changes by |\n"
			    "|---|---|---|---|---|---|\n");
	for (size_t t = 0; t < set->n_tables; t++) {
		for (size_t i = 0; i < set->tables[t].n_opts; i++)
			put_row(out, &set->tables[t].opts[i]);
	}
}
