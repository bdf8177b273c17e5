/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels of an alert: names and values, sorted by name, none of them empty, as Alertmanager has
 * them. Pure; any thread; everything is borrowed.
 */
#ifndef COLLECTOR_ALERT_LABEL_H
#define COLLECTOR_ALERT_LABEL_H

#include "base/jsonw.h"

#define CO_LABEL_NAME_MAX 128

struct co_label {
	struct or_slice name;
	struct or_slice value;
};

struct co_label_set {
	const struct co_label *p;
	size_t n;
};

/* Sorts by name, in place. */
void co_label_sort(struct co_label *p, size_t n);

/* p == NULL where there is no such label. */
struct or_slice co_label_get(struct co_label_set set, struct or_slice name);

/* True for [a-zA-Z_][a-zA-Z0-9_]* of at most CO_LABEL_NAME_MAX bytes. */
bool co_label_is_name(struct or_slice name);

/* The label that a record's field becomes: "principal.id" gives "principal_id". */
void co_label_put_field(struct or_buf *out, struct or_slice field);

/* FNV-1a over names and values, as Prometheus and Alertmanager compute it: the same set has the
 * same fingerprint there. */
uint64_t co_label_fingerprint(struct co_label_set set);

/* {"a":"b"} */
void co_label_put_json(struct or_jsonw *w, struct co_label_set set);
/* {a="b", c="d"}, as Alertmanager writes a set in a groupKey. */
void co_label_put_text(struct or_buf *out, struct co_label_set set);

/* Reads what co_label_put_json wrote. OR_CORRUPT: something else; OR_FULL: the arena. */
OR_NODISCARD enum or_code co_label_read_json(
    struct co_label_set *out, struct or_slice text, struct or_arena *a);

/* Those of the set that both have with the same value; the array is from the arena (NULL: full). */
const struct co_label *co_label_common(
    struct co_label_set *out, struct co_label_set a, struct co_label_set b, struct or_arena *arena);

#endif
