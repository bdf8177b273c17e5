/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines: a table of flags per verb drives parsing, --help and the hint for a misspelt flag.
 *
 * Flags are --name VALUE, --name=VALUE or --name; "--" ends them. What is left are the words.
 * Exit codes everywhere: 0 yes, 1 no (denied, a failed check), 2 wrong usage, 3 could not be
 * answered.
 */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include "base/def.h"

#include <stdio.h>

enum {
	CTL_EXIT_YES = 0,
	CTL_EXIT_NO = 1,
	CTL_EXIT_USAGE = 2,
	CTL_EXIT_UNKNOWN = 3,
};

#define CTL_ARGS_LIST_MAX 32

struct ctl_args_list {
	const char *values[CTL_ARGS_LIST_MAX];
	size_t n;
};

/* Exactly one of the three targets is set. */
struct ctl_args_flag {
	const char *name;    /* without the dashes */
	const char *metavar; /* NULL for a switch */
	const char *help;
	const char **value;
	struct ctl_args_list *list; /* the flag may come several times */
	bool *on;
};

struct ctl_args {
	const char *usage;         /* "outrider audit [flags] QUERY" */
	const char *about;         /* what it does, wrapped by hand */
	void (*details)(FILE *to); /* more of the help, behind the flags; may be NULL */
	const char *examples;
	const struct ctl_args_flag *flags;
	size_t n_flags;
	bool stop_at_word; /* the first word ends the flags: what follows belongs to a command */
};

/* argv[0] is the verb itself. Fills the targets and moves the words to the front of argv (their
 * number in *n_words; argv[0] is then the first word).
 * True: go on. False: *exit_code says how to end (--help was shown, or a message on stderr). */
bool ctl_args_parse(
    const struct ctl_args *a, int argc, char **argv, size_t *n_words, int *exit_code);

/* "outrider VERB: message" and where to find help, on stderr; returns CTL_EXIT_USAGE. */
int ctl_args_misuse(const struct ctl_args *a, const char *fmt, ...) OR_PRINTF(2, 3);

#endif
