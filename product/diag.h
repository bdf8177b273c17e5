/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with a descriptor or a contract: a list with file, line, path and a sentence each.
 *
 * Thread: any; the list belongs to one caller. Owns: nothing; texts lie in the caller's arena.
 * Limits: DP_DIAG_MAX entries, further ones are counted in `shed`. A warning never makes a load
 * fail.
 */
#ifndef PRODUCT_DIAG_H
#define PRODUCT_DIAG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

#define DP_DIAG_MAX 64

struct dp_diag {
	bool warning;
	uint32_t line; /* 0: the source format does not tell */
	const char *path;
	const char *text;
};

struct dp_diags {
	const char *file; /* how messages name the document; borrowed */
	struct or_arena *arena;
	struct dp_diag list[DP_DIAG_MAX];
	size_t n;
	size_t n_errors; /* shed ones included */
	size_t n_warnings;
	size_t shed;
};

void dp_diag_init(struct dp_diags *d, const char *file, struct or_arena *arena);

/* at: the wrong node, for its line; may be NULL. path "" is the document itself. */
void dp_diag_error(struct dp_diags *d, const struct or_json *at, const char *path, const char *fmt,
    ...) OR_PRINTF(4, 5);
void dp_diag_warn(struct dp_diags *d, const struct or_json *at, const char *path, const char *fmt,
    ...) OR_PRINTF(4, 5);

/* One line each: "orders.yaml:12: outputPorts[0].version: expected…"; warnings say so. */
void dp_diag_print(struct or_buf *out, const struct dp_diags *d);

/* OR_OK where the list holds no error, else OR_INVAL with the first one and how many follow. */
OR_NODISCARD enum or_code dp_diag_result(const struct dp_diags *d, struct or_err *err);

#endif
