/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/args.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>

enum { HELP_COLUMN = 26, FLAGS_MAX = 40 };

static void show_help(const struct ctl_args *a)
{
	printf("usage: %s\n\n%s\n", a->usage, a->about);
	if (a->n_flags)
		printf("\nflags:\n");
	for (size_t i = 0; i < a->n_flags; i++) {
		const struct ctl_args_flag *f = &a->flags[i];
		int n = printf(
		    "  --%s%s%s", f->name, f->metavar ? " " : "", f->metavar ? f->metavar : "");

		printf("%*s%s\n", n < HELP_COLUMN ? HELP_COLUMN - n : 1, "", f->help);
	}
	if (a->details)
		a->details(stdout);
	if (a->examples)
		printf("\nexamples:\n%s\n", a->examples);
}

int ctl_args_misuse(const struct ctl_args *a, const char *fmt, ...)
{
	struct or_slice usage = or_slice_str(a->usage);
	size_t n = 0;
	va_list ap;

	/* The verb's name: the usage up to its first flag or placeholder. */
	while (n < usage.n && usage.p[n] != '[' && usage.p[n] != '<' && usage.p[n] != '-' &&
	       !(usage.p[n] >= 'A' && usage.p[n] <= 'Z'))
		n++;
	while (n && usage.p[n - 1] == ' ')
		n--;
	fprintf(stderr, "%.*s: ", (int)n, a->usage);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nsee: %.*s --help\n", (int)n, a->usage);
	return CTL_EXIT_USAGE;
}

static const struct ctl_args_flag *find_flag(const struct ctl_args *a, struct or_slice name)
{
	for (size_t i = 0; i < a->n_flags; i++) {
		if (or_slice_is(name, a->flags[i].name))
			return &a->flags[i];
	}
	return NULL;
}

static int unknown_flag(const struct ctl_args *a, struct or_slice name)
{
	const char *names[FLAGS_MAX + 1] = {NULL};
	const char *nearest;

	for (size_t i = 0; i < a->n_flags && i < FLAGS_MAX; i++)
		names[i] = a->flags[i].name;
	nearest = or_str_nearest(name, names);
	return ctl_args_misuse(a, "there is no flag --%.*s%s%s%s", OR_SLICE_FMT(name),
	    nearest ? "; did you mean --" : "", nearest ? nearest : "", nearest ? "?" : "");
}

/* Handles argv[*i], a flag; steps over the value that it takes. 0 or an exit code. */
static int take_flag(const struct ctl_args *a, int argc, char **argv, int *i)
{
	const char *text = argv[*i] + 2, *equals = strchr(text, '=');
	struct or_slice name = or_slice(text, equals ? (size_t)(equals - text) : strlen(text));
	const struct ctl_args_flag *f = find_flag(a, name);
	const char *value = equals ? equals + 1 : NULL;

	if (!f)
		return unknown_flag(a, name);
	if (f->on) {
		if (value)
			return ctl_args_misuse(a, "--%s takes no value", f->name);
		*f->on = true;
		return 0;
	}
	if (!value && *i + 1 < argc)
		value = argv[++*i];
	if (!value)
		return ctl_args_misuse(a, "--%s needs a value: %s", f->name, f->metavar);
	if (f->list) {
		if (f->list->n == CTL_ARGS_LIST_MAX)
			return ctl_args_misuse(a, "--%s comes too often", f->name);
		f->list->values[f->list->n++] = value;
	} else {
		*f->value = value;
	}
	return 0;
}

bool ctl_args_parse(
    const struct ctl_args *a, int argc, char **argv, size_t *n_words, int *exit_code)
{
	bool flags = true;
	size_t n = 0;

	for (int i = 1; i < argc; i++) {
		if (flags && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
			show_help(a);
			*exit_code = CTL_EXIT_YES;
			return false;
		}
		if (flags && strcmp(argv[i], "--") == 0) {
			flags = false;
		} else if (flags && argv[i][0] == '-' && argv[i][1] == '-') {
			*exit_code = take_flag(a, argc, argv, &i);
			if (*exit_code)
				return false;
		} else if (flags && argv[i][0] == '-' && argv[i][1]) {
			*exit_code = ctl_args_misuse(a, "flags are long here: \"%s\"", argv[i]);
			return false;
		} else {
			argv[n++] = argv[i];
			flags = flags && !a->stop_at_word;
		}
	}
	*n_words = n;
	return true;
}
