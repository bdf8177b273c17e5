/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sink: how a notice is put for one kind of receiver. Each is a folder beside this file, with a
 * const struct co_sink that the list in sink.c names;
 * collector/alert/notify.h sends what it renders by POST.
 *
 * Pure; any thread. A target lives in the rule file's arena. A notice is borrowed for the call.
 */
#ifndef COLLECTOR_ALERT_SINK_H
#define COLLECTOR_ALERT_SINK_H

#include "base/err.h"
#include "collector/alert/conf.h"
#include "collector/alert/label.h"

#define CO_SINK_BODY_MAX   (1024UL * 1024)
#define CO_SINK_TIMEOUT_NS (10 * OR_NS_PER_S)

struct co_sink;

struct co_sink_target {
	const struct co_sink *sink;
	const char *url;
	const char *shown; /* the URL without its path, which may be a secret */
	bool send_resolved;
	uint64_t max_alerts; /* in one notice; 0: all */
	int64_t timeout_ns;
};

/* Times in ns since 1970; ends_ns is 0 while it fires. */
struct co_sink_alert {
	struct co_label_set labels;
	struct co_label_set annotations;
	int64_t starts_ns, ends_ns;
	uint64_t fingerprint;
	struct or_slice generator_url;
};

struct co_sink_notice {
	struct or_slice receiver;
	struct or_slice group_key;
	struct co_label_set group_labels;
	struct or_slice external_url;
	const struct co_sink_alert *alerts; /* at least one */
	size_t n_alerts;
	struct or_arena *arena; /* for scratch */
};

struct co_sink {
	const char *name; /* "webhook" */
	const char *key;  /* in a receiver: "webhook_configs" */
	const char *content_type;
	/* Reads one item of the key's list; what it keeps is from the arena or the tree. */
	enum or_code (*parse)(struct co_sink_target *out, const struct or_json *j,
	    struct or_arena *a, const struct co_conf *c);
	/* Puts the body. What does not fit shows in or_buf_ok. */
	void (*render)(struct or_buf *out, const struct co_sink_target *target,
	    const struct co_sink_notice *notice);
};

/* Ended by NULL. */
extern const struct co_sink *const co_sink_list[];

#endif
