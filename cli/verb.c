/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verb.h"

#include "base/str.h"
#include "cli/args.h"

#include <stdio.h>

enum { VERBS_MAX = 40 };

static const char environment[] =
    "\nenvironment:\n"
    "  OUTRIDER_HOME        where everything is kept (default ~/.local/state/outrider)\n"
    "  OUTRIDER_COLLECTOR   the collector's URL (default: the one of outrider up)\n"
    "  OUTRIDER_TOKEN_FILE  the token for it (default: admin.token of the one of outrider up)\n"
    "  NO_COLOR             no colour on a terminal either\n"
    "\nexit codes: 0 yes, 1 no, 2 wrong usage, 3 could not be answered\n";

static int show(
    const char *prefix, const char *about, const struct ctl_verb *verbs, size_t n, FILE *to)
{
	fprintf(to, "%s\n\nusage: %s VERB [flags]\n\n", about, prefix);
	for (size_t i = 0; i < n; i++)
		fprintf(to, "  %-10s %s\n", verbs[i].name, verbs[i].about);
	fprintf(to, "\n%s VERB --help tells more.\n", prefix);
	if (strchr(prefix, ' ') == NULL)
		fputs(environment, to);
	return to == stdout ? CTL_EXIT_YES : CTL_EXIT_USAGE;
}

int ctl_verb_run(const char *prefix, const char *about, const struct ctl_verb *verbs,
    size_t n_verbs, int argc, char **argv)
{
	const char *names[VERBS_MAX + 1] = {NULL};
	const char *nearest;
	static char help[] = "--help";

	if (argc < 2)
		return show(prefix, about, verbs, n_verbs, stderr);
	if (argc > 2 && strcmp(argv[1], "help") == 0 && argv[2][0] != '-') {
		/* "help policy build" is "policy build --help" */
		for (int i = 2; i < argc; i++)
			argv[i - 1] = argv[i];
		argv[argc - 1] = help;
	} else if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
		   strcmp(argv[1], "help") == 0) {
		return show(prefix, about, verbs, n_verbs, stdout);
	}
	for (size_t i = 0; i < n_verbs && i < VERBS_MAX; i++) {
		if (strcmp(verbs[i].name, argv[1]) == 0)
			return verbs[i].run(argc - 1, argv + 1);
		names[i] = verbs[i].name;
	}
	nearest = or_str_nearest(or_slice_str(argv[1]), names);
	fprintf(stderr, "%s: there is no verb \"%s\"%s%s%s\nsee: %s --help\n", prefix, argv[1],
	    nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "",
	    prefix);
	return CTL_EXIT_USAGE;
}
