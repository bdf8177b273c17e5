/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/name.h"

/* Each list starts at value 1. */
static const char *const kinds[] = {
    "access", "policy", "identity", "process", "file", "network", "pipeline", "gap", "admin", NULL};
static const char *const fronts[] = {"proxy", "ext_authz", "forward_auth", "decide", "kernel",
    "collector", "agent", "postgres", "s3", NULL};
static const char *const phases[] = {"complete", "decision", "outcome", NULL};
static const char *const decisions[] = {
    "allow", "deny", "error", "would_allow", "would_deny", NULL};

const char *const *wire_name_list(enum wire_name_set set)
{
	switch (set) {
	case WIRE_NAME_KIND: return kinds;
	case WIRE_NAME_FRONT: return fronts;
	case WIRE_NAME_PHASE: return phases;
	case WIRE_NAME_DECISION: break;
	}
	return decisions;
}

const char *wire_name_get(enum wire_name_set set, unsigned int value)
{
	const char *const *list = wire_name_list(set);

	if (value == 0)
		return "";
	for (unsigned int i = 1; *list; i++, list++) {
		if (i == value)
			return *list;
	}
	return "unknown";
}

enum or_code wire_name_find(unsigned int *out, enum wire_name_set set, struct or_slice name)
{
	const char *const *list = wire_name_list(set);

	for (unsigned int i = 0; list[i]; i++) {
		if (or_slice_is(name, list[i])) {
			*out = i + 1;
			return OR_OK;
		}
	}
	return OR_ABSENT;
}
