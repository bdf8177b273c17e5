/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs of `outrider`: one table in main.c, one function per verb. A noun (policy, product,
 * token, key…) has a table of its own and hands over with ctl_verb_run.
 *
 * argv[0] is the verb's own name; the function returns the process's exit code (cli/args.h).
 */
#ifndef CLI_VERB_H
#define CLI_VERB_H

#include <stddef.h>

struct ctl_verb {
	const char *name;
	const char *about; /* one line */
	int (*run)(int argc, char **argv);
};

/* Runs the verb that argv[1] names, or shows the table. prefix: "outrider", "outrider policy".
 * An unknown verb is answered with the nearest one. */
int ctl_verb_run(const char *prefix, const char *about, const struct ctl_verb *verbs,
    size_t n_verbs, int argc, char **argv);

#endif
