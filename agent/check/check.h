/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `outrider-agent check`: what would keep an agent with this configuration from working, said
 *before it is started. One line each: ok, warn or fail, what was looked at, and what to do about
 *it.
 *
 *	check_files.c   the product, keys, certificates, the bundle, the spools and their disk
 *	check_net.c     ports that are to be listened on, and who must be reached
 *
 * Nothing is changed on disk, and a running agent is not disturbed: its own ports and spool are
 * told as such. Thread: the main thread; a few seconds at most. Prints to stdout.
 */
#ifndef AGENT_CHECK_CHECK_H
#define AGENT_CHECK_CHECK_H

#include "agent/config.h"
#include "base/jsonw.h"
#include "base/loop.h"

enum ag_check_verdict { AG_CHECK_GOOD, AG_CHECK_WARN, AG_CHECK_FAIL };

struct ag_check {
	const struct ag_config *config;
	struct or_loop *loop;
	struct or_arena *arena;
	const char *product; /* its id; NULL: its descriptor cannot be read */
	bool json;
	bool offline;     /* nobody else is asked anything */
	bool has_running; /* an agent holds the state directory */
	unsigned int n[3];
};

/* Prints a line; fmt says what was found and, where that is not good, what to do. */
void ag_check_say(struct ag_check *c, enum ag_check_verdict v, const char *what, const char *fmt,
    ...) OR_PRINTF(4, 5);

void ag_check_files_run(struct ag_check *c);
void ag_check_net_run(struct ag_check *c);

/* The verb: argv behind "check". Exit code: 0 nothing fails, 1 something does, 2 wrong usage. */
int ag_check_main(int argc, char **argv);

#endif
