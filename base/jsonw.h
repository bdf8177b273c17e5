/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON writer: puts text straight into a buffer, commas and escapes included.
 *
 * Order of calls is asserted (a key before each value of an object). Failure is the buffer's:
 * sticky, checked at the end with or_buf_ok. Bytes that are not UTF-8 become U+FFFD; control
 * characters of any kind (or_str_is_control) are escaped, so that JSON is safe on a terminal.
 */
#ifndef BASE_JSONW_H
#define BASE_JSONW_H

#include "base/buf.h"
#include "base/json.h"

struct or_jsonw {
	struct or_buf *out;
	int depth;
	int indent; /* 0: one line */
	bool comma[OR_JSON_DEPTH_MAX + 2];
	bool in_object[OR_JSON_DEPTH_MAX + 2];
	bool has_key;
};

/* indent: blanks per level, 0 for one line. */
void or_jsonw_init(struct or_jsonw *w, struct or_buf *out, int indent);

void or_jsonw_object(struct or_jsonw *w);
void or_jsonw_array(struct or_jsonw *w);
void or_jsonw_end(struct or_jsonw *w); /* the innermost object or array */

void or_jsonw_key(struct or_jsonw *w, const char *key);
void or_jsonw_key_slice(struct or_jsonw *w, struct or_slice key);

void or_jsonw_str(struct or_jsonw *w, struct or_slice s);
void or_jsonw_text(struct or_jsonw *w, const char *text);
void or_jsonw_i64(struct or_jsonw *w, int64_t v);
void or_jsonw_u64(struct or_jsonw *w, uint64_t v);
void or_jsonw_real(struct or_jsonw *w, double v);
void or_jsonw_bool(struct or_jsonw *w, bool v);
void or_jsonw_null(struct or_jsonw *w);
void or_jsonw_tree(struct or_jsonw *w, const struct or_json *j);
/* Text that is JSON already. */
void or_jsonw_raw(struct or_jsonw *w, struct or_slice json);

/* key and value in one call. */
void or_jsonw_kv_str(struct or_jsonw *w, const char *key, struct or_slice s);
void or_jsonw_kv_text(struct or_jsonw *w, const char *key, const char *text);
void or_jsonw_kv_i64(struct or_jsonw *w, const char *key, int64_t v);
void or_jsonw_kv_u64(struct or_jsonw *w, const char *key, uint64_t v);
void or_jsonw_kv_bool(struct or_jsonw *w, const char *key, bool v);

#endif
