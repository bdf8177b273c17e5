/* SPDX-License-Identifier: Apache-2.0 */
#include "base/opt_value.h"

static const void *at(const struct or_opt *opt, const void *target)
{
	return (const uint8_t *)target + opt->offset;
}

bool or_opt_value_is_set(const struct or_opt *opt, const void *target)
{
	switch (opt->type) {
	case OR_OPT_STR:
	case OR_OPT_ADDR: return *(const char *const *)at(opt, target) != NULL;
	case OR_OPT_TREE: return *(const struct or_json *const *)at(opt, target) != NULL;
	case OR_OPT_LIST:
	case OR_OPT_BOOL:
	case OR_OPT_U64:
	case OR_OPT_I64:
	case OR_OPT_DURATION:
	case OR_OPT_BYTES:
	case OR_OPT_PORT:
	case OR_OPT_ENUM: return true;
	}
	return true;
}

static bool is_same_list(const struct or_opt_list *a, const struct or_opt_list *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	}
	return a->n == b->n;
}

bool or_opt_value_is_same(const struct or_opt *opt, const void *a, const void *b)
{
	const void *x = at(opt, a), *y = at(opt, b);

	if (!or_opt_value_is_set(opt, a) || !or_opt_value_is_set(opt, b))
		return or_opt_value_is_set(opt, a) == or_opt_value_is_set(opt, b);
	switch (opt->type) {
	case OR_OPT_STR:
	case OR_OPT_ADDR: return strcmp(*(const char *const *)x, *(const char *const *)y) == 0;
	case OR_OPT_BOOL: return *(const bool *)x == *(const bool *)y;
	case OR_OPT_U64:
	case OR_OPT_I64:
	case OR_OPT_DURATION:
	case OR_OPT_BYTES: return memcmp(x, y, 8) == 0;
	case OR_OPT_PORT: return *(const uint16_t *)x == *(const uint16_t *)y;
	case OR_OPT_ENUM: return *(const int *)x == *(const int *)y;
	case OR_OPT_LIST: return is_same_list(x, y);
	case OR_OPT_TREE:
		return or_json_eq(
		    *(const struct or_json *const *)x, *(const struct or_json *const *)y);
	}
	return false;
}

void or_opt_value_copy(const struct or_opt *opt, void *to, const void *from)
{
	static const size_t sizes[] = {[OR_OPT_STR] = sizeof(char *),
	    [OR_OPT_BOOL] = sizeof(bool),
	    [OR_OPT_U64] = 8,
	    [OR_OPT_I64] = 8,
	    [OR_OPT_DURATION] = 8,
	    [OR_OPT_BYTES] = 8,
	    [OR_OPT_PORT] = sizeof(uint16_t),
	    [OR_OPT_ADDR] = sizeof(char *),
	    [OR_OPT_ENUM] = sizeof(int),
	    [OR_OPT_LIST] = sizeof(struct or_opt_list),
	    [OR_OPT_TREE] = sizeof(struct or_json *)};

	memcpy((uint8_t *)to + opt->offset, at(opt, from), sizes[opt->type]);
}
