/* SPDX-License-Identifier: Apache-2.0 */
#include "base/def.h"

#include <stdio.h>
#include <stdlib.h>

void or_def_fail(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, what);
	fflush(stderr);
	abort();
}
