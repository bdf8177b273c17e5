/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/alert/state_alert.h"

#include "base/mem.h"

enum {
	LABELS_MAX = 1 + CO_RULE_LABELS_MAX + CO_RULE_BY_MAX,
	/* A template may name a value as often as it has room to. */
	ANNOTATION_MAX = 8192,
};

void co_state_alert_put_value(struct or_buf *key, struct or_slice value)
{
	uint16_t n;

	if (value.n > CO_STATE_VALUE_MAX) {
		value.n = CO_STATE_VALUE_MAX;
		while (value.n && (value.p[value.n] & 0xC0) == 0x80) /* no half of a character */
			value.n--;
	}
	n = (uint16_t)value.n;
	or_buf_put(key, &n, sizeof(n));
	or_buf_put_slice(key, value);
}

/* Takes the next value off a key. */
static struct or_slice next_value(struct or_slice *key)
{
	struct or_slice value;
	uint16_t n;

	OR_ASSERT(key->n >= sizeof(n));
	memcpy(&n, key->p, sizeof(n));
	*key = or_slice_from(*key, sizeof(n));
	OR_ASSERT(key->n >= n);
	value = or_slice(key->p, n);
	*key = or_slice_from(*key, n);
	return value;
}

static size_t size_of_set(struct co_label_set set)
{
	size_t n = set.n * sizeof(struct co_label);

	for (size_t i = 0; i < set.n; i++)
		n += set.p[i].name.n + set.p[i].value.n;
	return n;
}

static struct or_slice put_bytes(uint8_t **at, struct or_slice s)
{
	struct or_slice copy = or_slice(*at, s.n);

	if (s.n)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return copy;
}

/* The array at *array, its texts at *bytes; both move on. */
static struct co_label_set put_set(
    struct co_label **array, uint8_t **bytes, struct co_label_set set)
{
	struct co_label_set copy = {*array, set.n};

	for (size_t i = 0; i < set.n; i++) {
		(*array)[i].name = put_bytes(bytes, set.p[i].name);
		(*array)[i].value = put_bytes(bytes, set.p[i].value);
	}
	*array += set.n;
	return copy;
}

struct co_state_alert *co_state_alert_copy(const struct co_state_alert *from)
{
	size_t arrays = (from->labels.n + from->annotations.n) * sizeof(struct co_label);
	struct or_slice digest = or_slice_str(from->digest);
	size_t texts = size_of_set(from->labels) + size_of_set(from->annotations) - arrays;
	struct co_state_alert *a =
	    or_mem_new(sizeof(*a) + arrays + texts + from->rule.n + digest.n + 1);
	struct co_label *array = (struct co_label *)(a + 1);
	uint8_t *bytes = (uint8_t *)(a + 1) + arrays;

	*a = *from;
	a->prev = a->next = NULL;
	a->group = NULL;
	a->held = 0;
	a->labels = put_set(&array, &bytes, from->labels);
	a->annotations = put_set(&array, &bytes, from->annotations);
	a->rule = put_bytes(&bytes, from->rule);
	a->digest = (const char *)put_bytes(&bytes, digest).p; /* memory is zeroed behind it */
	return a;
}

static struct co_label_set make_labels(
    struct co_label to[LABELS_MAX], const struct co_rule *rule, struct or_slice key)
{
	size_t n = 0;

	to[n++] = (struct co_label){OR_SLICE_LIT("alertname"), rule->name};
	for (size_t i = 0; i < rule->labels.n; i++)
		to[n++] = rule->labels.p[i];
	for (size_t i = 0; i < rule->n_by; i++) {
		struct or_slice value = next_value(&key);

		if (value.n) /* an empty label is none */
			to[n++] = (struct co_label){rule->by_labels[i], value};
	}
	co_label_sort(to, n);
	return (struct co_label_set){to, n};
}

struct co_state_alert *co_state_alert_make(const struct co_rule *rule, struct or_slice key)
{
	struct co_label labels[LABELS_MAX], annotations[CO_RULE_LABELS_MAX];
	struct or_buf texts[CO_RULE_LABELS_MAX];
	struct co_state_alert a = {.rule = rule->name, .digest = rule->digest}, *copy;

	a.labels = make_labels(labels, rule, key);
	a.fingerprint = co_label_fingerprint(a.labels);
	for (size_t i = 0; i < rule->annotations.n; i++) {
		or_buf_init(&texts[i], ANNOTATION_MAX);
		co_rule_expand(&texts[i], rule, rule->annotations.p[i].value, a.labels);
		annotations[i] =
		    (struct co_label){rule->annotations.p[i].name, or_buf_slice(&texts[i])};
	}
	a.annotations = (struct co_label_set){annotations, rule->annotations.n};
	copy = co_state_alert_copy(&a);
	for (size_t i = 0; i < rule->annotations.n; i++)
		or_buf_done(&texts[i]);
	return copy;
}
